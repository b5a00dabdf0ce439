"""From the torch thread to the window: at most one unread result for each tab, however slow the window is."""

from __future__ import annotations

import threading

from visualizer.base.messages import Update


class Mailbox:
    """Messages in order, put by one thread and taken by another.

    A result that was not read before the next one of its tab came is never drawn: a window that is slower than
    the runs would otherwise fall behind them further and further.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: list[object] = []

    def put(self, message: object) -> bool:
        """Add a message; whether the box was empty before, so that the reader has to be told."""
        with self._lock:
            empty = not self._messages
            if isinstance(message, Update):
                self._messages = [kept for kept in self._messages if not _outdated(kept, message)]
            self._messages.append(message)
            return empty

    def take(self) -> list[object]:
        """All messages that are in the box, oldest first; the box is empty then."""
        with self._lock:
            messages, self._messages = self._messages, []
            return messages


def _outdated(kept: object, newer: Update) -> bool:
    return isinstance(kept, Update) and kept.experiment == newer.experiment
