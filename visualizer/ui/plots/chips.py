"""Small labels over a plot: the value under the pointer, and that a newer picture is on its way."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Slot
from PySide6.QtWidgets import QLabel, QWidget

from visualizer.ui.theme import Theme

_BUSY_AFTER_MS = 150
_EDGE = 6
#: Pixels between the value and the point that it is about.
_CLEAR = 24.0
_NEVER = 1_000_000


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
    """The value under the pointer, in the corner of the plot where it covers least."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(name, parent)
        self._corner = 0

    def show_text(self, text: str, plot: QRectF, avoid: Sequence[QPointF], covered: Callable[[QRectF], int]) -> None:
        """Show this text; an empty one hides the chip.

        Args:
            plot: the plot area, in the parent's pixels.
            avoid: points that must stay visible: the pointer, and what the text is about.
            covered: how much of the figure lies within a rectangle.
        """
        if not text:
            self.hide()
            return
        if text != self.text():
            self.setText(text)
            self.adjustSize()
        width, height = self.width(), self.height()
        left, top = plot.left() + _EDGE, plot.top() + _EDGE
        right, bottom = max(plot.right() - width - _EDGE, 0.0), plot.bottom() - height - _EDGE
        areas = [QRectF(x, y, width, height) for y in (bottom, top) for x in (right, left)]
        prices = [covered(area) + (_NEVER if _near(area, avoid) else 0) for area in areas]
        # It stays in its corner while that is as good as the best.
        if prices[self._corner] > min(prices) + 2:
            self._corner = prices.index(min(prices))
        self.move(areas[self._corner].topLeft().toPoint())
        self.show()


def _near(area: QRectF, points: Sequence[QPointF]) -> bool:
    wide = area.adjusted(-_CLEAR, -_CLEAR, _CLEAR, _CLEAR)
    return any(wide.contains(point) for point in points)


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
