"""Ctrl-C while the window's libraries are imported: remembered, and obeyed when that is over.

An exception raised inside shiboken's lazy imports aborts the process or leaves classes half made, so from the first of
these imports until the window listens to signals itself, Ctrl-C only sets a flag.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class EarlyStop:
    """Whether Ctrl-C came while the window was made. There is one: :data:`EARLY_STOP`."""

    def __init__(self) -> None:
        self.asked = False
        self._previous: Any = None
        self._installed = False

    def install(self) -> None:
        """Take Ctrl-C from now on; without effect outside the main thread, where signals never arrive."""
        if threading.current_thread() is threading.main_thread() and not self._installed:
            self._previous = signal.signal(signal.SIGINT, self._on_signal)
            self._installed = True

    def uninstall(self) -> None:
        """Give Ctrl-C back to whoever had it."""
        self.asked = False
        if self._installed:
            self._installed = False
            # None: a handler that was not installed from Python; the system's own is the nearest.
            signal.signal(signal.SIGINT, signal.SIG_DFL if self._previous is None else self._previous)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


EARLY_STOP = EarlyStop()
