"""Small labels over a plot: the value under the pointer, and that a newer picture is on its way."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Slot
from PySide6.QtWidgets import QLabel, QWidget

from visualizer.ui.theme import Theme

_BUSY_AFTER_MS = 150


class Chip(QLabel):
    """A label on a rounded ground that the mouse does not notice."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        palette = theme.palette
        self.setFont(theme.font("number"))
        self.setStyleSheet(
            f"background: {palette.surface}; color: {palette.text}; border: 1px solid {palette.grid};"
            "border-radius: 4px; padding: 2px 6px;"
        )
        self.adjustSize()


class ReadoutChip(Chip):
    """The value under the pointer, in the lower right corner; in the left one when the pointer is there."""

    def show_text(self, text: str, plot: QRectF, pointer: QPointF) -> None:
        """Show this text; an empty one hides the chip."""
        if not text:
            self.hide()
            return
        if text != self.text():
            self.setText(text)
            self.adjustSize()
        right = int(plot.right()) - self.width() - 6
        y = int(plot.bottom()) - self.height() - 6
        near = pointer.x() > right - 30 and pointer.y() > y - 30
        self.move(int(plot.left()) + 6 if near else max(right, 0), y)
        self.show()


class BusyChip(Chip):
    """Appears when something takes longer than 150 ms."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__("plot.busy", parent)
        self.setText("Updating …")
        self._timer = QTimer(self, singleShot=True, interval=_BUSY_AFTER_MS)
        self._timer.timeout.connect(self._appear)
        self._corner = QPointF()

    @property
    def waiting(self) -> bool:
        """Whether it will appear unless the work ends first."""
        return self._timer.isActive()

    def set_busy(self, busy: bool, plot: QRectF) -> None:
        self._corner = plot.topLeft()
        if not busy:
            self._timer.stop()
            self.hide()
        elif self.isHidden() and not self._timer.isActive():
            self._timer.start()

    @Slot()
    def _appear(self) -> None:
        self.adjustSize()
        self.move(int(self._corner.x()) + 8, int(self._corner.y()) + 8)
        self.show()
