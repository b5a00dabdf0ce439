"""A small map of the whole graph in a corner, with the part that is seen on it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from visualizer.ui.graph.lines import RectBatch, SegmentBatch, Ways
from visualizer.ui.graph.painter import GraphPainter
from visualizer.ui.graph.scheme import line_colour
from visualizer.ui.graph.viewport import Rect

#: The longer side, and the least of the shorter one: real graphs are up to 300 times as long as they are wide.
_LONG, _SHORT = 168.0, 44.0
_PAD = 5.0
#: More points than this are no lines any more on so few pixels.
_MOST_POINTS = 20_000


class MiniMap(QWidget):
    """Shows where in the graph the canvas is; a click or a drag moves it there.

    Signals:
        moved(float, float): the place in the scene that is to be in the middle.
    """

    moved = Signal(float, float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("plot.map")
        self.setAccessibleName("Map of the whole graph")
        self.setToolTip("The whole graph; drag to move the part that is shown.")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._graph: GraphPainter | None = None
        self._seen = Rect(0.0, 0.0, 0.0, 0.0)
        self._picture: QPixmap | None = None
        self.hide()

    def set_graph(self, graph: GraphPainter | None) -> None:
        """The graph as it is painted from now on."""
        self._graph, self._picture = graph, None
        self.update()

    def set_seen(self, seen: Rect) -> None:
        """The part that the canvas shows, in scene units."""
        if seen != self._seen:
            self._seen = seen
            self.update()

    def sizeHint(self) -> QSize:
        if self._graph is None:
            return QSize(0, 0)
        drawing, zoom = self._graph.figure.drawing, self._graph.theme.zoom
        scale = _LONG * zoom / max(drawing.width, drawing.height, 1.0)
        wide, high = (max(side * scale, _SHORT * zoom) for side in (drawing.width, drawing.height))
        return QSize(round(wide + 2 * _PAD), round(high + 2 * _PAD))

    def _scales(self) -> tuple[float, float]:
        """Pixels for each scene unit; a very long graph is drawn wider than it is."""
        assert self._graph is not None
        drawing = self._graph.figure.drawing
        return (self.width() - 2 * _PAD) / max(drawing.width, 1.0), (self.height() - 2 * _PAD) / max(drawing.height, 1.0)

    def _pictured(self, graph: GraphPainter) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        picture.setDevicePixelRatio(ratio)
        palette = graph.theme.palette
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(palette.grid), 1.0))
        painter.setBrush(QColor(palette.surface))
        painter.drawRoundedRect(QRectF(0.5, 0.5, self.width() - 1.0, self.height() - 1.0), 5.0, 5.0)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.translate(_PAD, _PAD)
        across, down = self._scales()
        stage = graph.stage
        if 1 < len(stage.x) <= _MOST_POINTS:
            last = np.zeros(len(stage.x), dtype=bool)
            last[stage.start[1:] - 1] = True
            painter.setPen(QPen(line_colour(graph.theme, "far"), 1.0))
            SegmentBatch().draw(painter, Ways(stage.x * across, stage.y * down, last), coarse=True)
        painter.setPen(Qt.PenStyle.NoPen)
        batch = RectBatch()
        for number in np.unique(graph.looks.number).tolist():
            rows = graph.looks.number == number
            painter.setBrush(QColor(graph.looks.looks[number].far))
            batch.draw(painter, stage.left[rows] * across, stage.top[rows] * down,
                       np.maximum((stage.right[rows] - stage.left[rows]) * across, 1.5),
                       np.maximum((stage.bottom[rows] - stage.top[rows]) * down, 1.0))
        painter.end()
        return picture

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._graph is None:
            return
        if self._picture is None or self._picture.deviceIndependentSize().toSize() != self.size():
            self._picture = self._pictured(self._graph)
        painter = QPainter(self)
        painter.drawPixmap(QPointF(0.0, 0.0), self._picture)
        across, down = self._scales()
        area = QRectF(_PAD + self._seen.left * across, _PAD + self._seen.top * down, self._seen.width * across,
                      self._seen.height * down)
        middle = area.center()
        wide, high = max(area.width(), 6.0), max(area.height(), 6.0)
        area = QRectF(middle.x() - wide / 2, middle.y() - high / 2, wide, high)
        area = area.intersected(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        accent = QColor(self._graph.theme.palette.accent)
        painter.setPen(QPen(accent, 1.6))
        accent.setAlpha(40)
        painter.setBrush(accent)
        painter.drawRect(area)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._ask(event.position())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._ask(event.position())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        event.accept()

    def _ask(self, position: QPointF) -> None:
        if self._graph is not None:
            across, down = self._scales()
            self.moved.emit((position.x() - _PAD) / across, (position.y() - _PAD) / down)
