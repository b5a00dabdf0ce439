"""Tells when a window has been painted for the first time."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QWidget


class FirstPaint(QObject):
    """Emits ``painted`` once, from the event loop, after ``widget`` has been painted for the first time.

    The filter sees the paint event *before* the widget does; the signal comes by way of the event loop, so when the window
    and all its children are painted and on the screen. Connect what may cost time: the worker's start, plots.

    Args:
        widget: what is watched; also the parent.
    """

    painted = Signal()

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            # Not a queued connection: naming its type makes PySide6 build all 94 enums of Qt, 16 ms before the paint.
            QTimer.singleShot(0, self._tell)
        return False

    @Slot()
    def _tell(self) -> None:
        self.painted.emit()
