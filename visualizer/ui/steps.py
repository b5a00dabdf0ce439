"""Work in the UI thread that is cut into short steps, so that the window answers between any two of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from PySide6.QtCore import QObject, QTimer, Signal, Slot


class Steps(QObject):
    """Advances generators one ``next`` at a time from a zero timer, one generator after the other.

    An exception in a step ends that generator, reaches ``sys.excepthook``, and the next generator goes on.

    Signals:
        finished(): nothing is left to do.
    """

    finished = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._waiting: deque[Iterator[object]] = deque()
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._advance)

    @property
    def busy(self) -> bool:
        return bool(self._waiting)

    def add(self, work: Iterator[object]) -> None:
        """Do this after what is already waiting."""
        self._waiting.append(work)
        self._timer.start()

    def stop(self) -> None:
        """Forget all that is left to do."""
        self._timer.stop()
        for work in self._waiting:
            close = getattr(work, "close", None)
            if close is not None:
                close()
        self._waiting.clear()

    @Slot()
    def _advance(self) -> None:
        if not self._waiting:
            self._timer.stop()
            return
        work = self._waiting[0]
        try:
            next(work)
            return
        except StopIteration:
            pass
        except Exception:
            self._drop(work)
            raise
        self._drop(work)

    def _drop(self, work: Iterator[object]) -> None:
        if self._waiting and self._waiting[0] is work:
            self._waiting.popleft()
        if not self._waiting:
            self._timer.stop()
            self.finished.emit()
