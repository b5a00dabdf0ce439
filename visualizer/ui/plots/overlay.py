"""What the canvas paints over a figure: the ring around the selected element and the frame of the keyboard focus."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from visualizer.ui.plots.picking import Target
from visualizer.ui.theme import Theme


class OverlayItem(QGraphicsItem):
    """Above everything else; never part of an export."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(20_000.0)
        self._theme = theme
        self._area = QRectF()
        self._plot = QRectF()
        self._target: Target | None = None
        self._focused = False

    def boundingRect(self) -> QRectF:
        return self._area

    def show_state(self, theme: Theme, area: QRectF, plot: QRectF, target: Target | None, focused: bool) -> None:
        """Everything there is to show; repaints only when something of it is new."""
        state = (theme, area, plot, target, focused)
        if state == (self._theme, self._area, self._plot, self._target, self._focused):
            return
        if area != self._area:
            self.prepareGeometryChange()
        self._theme, self._area, self._plot, self._target, self._focused = state
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        accent = QColor(self._theme.palette.accent)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if self._focused:
            painter.setPen(QPen(accent, 2.0))
            painter.drawRoundedRect(self._area.adjusted(1, 1, -1, -1), 4, 4)
        target = self._target
        if target is None:
            return
        x, y = self._plot.left() + target.px, self._plot.top() + target.py
        painter.setPen(QPen(accent, 2.5 * self._theme.stroke))
        match target.kind:
            case "marker":
                radius = target.radius + 5.0 * self._theme.stroke
                painter.drawEllipse(QPointF(x, y), radius, radius)
            case "bar":
                painter.drawLine(QPointF(x - target.radius, y), QPointF(x + target.radius, y))
                painter.drawEllipse(QPointF(x, y), 6.0, 6.0)
            case "vertical rule":
                painter.drawLine(QPointF(x, self._plot.top()), QPointF(x, self._plot.bottom()))
            case "horizontal rule":
                painter.drawLine(QPointF(self._plot.left(), y), QPointF(self._plot.right(), y))
