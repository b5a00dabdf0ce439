"""Paints a graph: what is visible of it, in as much detail as the zoom allows. Coordinates are pixels of the viewport."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from visualizer.figures.graph import GraphFigure
from visualizer.ui.graph.boxes import paint_box, paint_far, write_box
from visualizer.ui.graph.frames import paint_frames, write_frames
from visualizer.ui.graph.levels import LINE, Level, level_at
from visualizer.ui.graph.lines import RectBatch, Rows, SegmentBatch, Ways, heads, path_of, rounded, ways_of
from visualizer.ui.graph.scheme import Looks, frame_fill, line_colour
from visualizer.ui.graph.stage import Stage
from visualizer.ui.graph.texts import SMALLEST, Writer, line_height, unit_width
from visualizer.ui.graph.viewport import Rect, Viewport
from visualizer.ui.theme import Theme

#: How round the corners of ways are, in scene units; how large the heads of arrows, in pixels at zoom 1.
_BEND, _HEAD, _HALF = 9.0, 8.0, 3.4
#: Edges of which more than so many points are seen are painted as separate segments: a path of them takes Qt too long.
_MOST_PATH_POINTS = 6000
EDGE = 1.3
#: Where the label of an edge is tried: at these shares of its way.
_ALONG = (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8)
#: In an SVG of more boxes text stays text.
_MOST_OUTLINED = 400


class GraphPainter:
    """Paints one figure, again and again.

    Args:
        theme: colours, type and strokes.
        vector: for SVG: text as outlines, everything as paths.
    """

    def __init__(self, figure: GraphFigure, stage: Stage, theme: Theme, vector: bool = False) -> None:
        self.figure, self.stage, self.theme, self.vector = figure, stage, theme, vector
        self.looks = Looks(figure, theme)
        self._rects = RectBatch()
        self._segments = SegmentBatch()
        self._path = np.zeros(len(stage.points), dtype=bool)
        self._path[[row for row in figure.path if 0 <= row < len(self._path)]] = True
        edges = figure.drawing.edges
        self._dim: NDArray[np.bool_] | None = None
        if figure.dimmed is not None:
            self._dim = (figure.dimmed[edges.source] | figure.dimmed[edges.target]) & ~self._path
        #: While backward is stepped the arrows point where the gradient goes.
        self.backward = _stepped(figure)

    def take(self, figure: GraphFigure) -> bool:
        """Paint this figure from now on if it looks the same but for its marks; otherwise False, and nothing is changed."""
        old = self.figure
        arrays = ((old.roles, figure.roles), (old.shades, figure.shades), (old.dimmed, figure.dimmed), (old.done, figure.done))
        if figure.drawing is not old.drawing or figure.torchviz != old.torchviz or figure.role_table != old.role_table \
                or figure.path != old.path or self.backward != _stepped(figure) or not all(_same(*pair) for pair in arrays):
            return False
        self.figure = figure
        return True

    def paint(self, painter: QPainter, viewport: Viewport, part: Rect | None = None, level: Level | None = None) -> None:
        """Paint what is seen; ``part``: only what meets this part of the viewport (the painter is clipped to it)."""
        level = level_at(viewport.zoom, self.theme) if level is None else level
        part = part or Rect(0.0, 0.0, viewport.width, viewport.height)
        # What sticks out of its box (a stack, the title of a frame, the width of a line) is seen though its box is not.
        room = part.grown(14.0 * max(viewport.zoom, 1.0) * self.theme.stroke)
        area = Rect(*viewport.to_scene(room.left, room.top), *viewport.to_scene(room.right, room.bottom))
        smooth = level > Level.FAR or self.vector
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        writer = self.writer(painter)
        frames = self.stage.frames.meeting(area)
        paint_frames(painter, self.stage, frames, viewport, self.theme, smooth)
        self._paint_edges(painter, self.stage.edges.meeting(area), viewport, level)
        boxes = self.stage.boxes.meeting(area)
        if level == Level.FAR:
            paint_far(painter, self._rects, self.stage, self.looks, boxes, viewport)
        else:
            self._paint_boxes(painter, writer, boxes, viewport, level)
        writer.begin()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if level == Level.VALUES and self.figure.drawing.edges.labels:
            self._write_labels(painter, writer, self.stage.edges.meeting(area), viewport)
        # All that are seen, whichever part is painted: which titles have room depends on each other.
        write_frames(painter, writer, self.stage, self.stage.frames.meeting(viewport.seen), viewport, self.theme, part)

    def writer(self, painter: QPainter) -> Writer:
        """Writes the graph's texts with this painter."""
        return Writer(painter, self.vector, self.vector and len(self.stage) > _MOST_OUTLINED)

    # Edges.

    def ways(self, rows: Rows, viewport: Viewport, level: Level) -> Ways:
        """The ways of these edges in pixels, with round corners where they can be seen."""
        x, y, last = ways_of(self.stage.x, self.stage.y, self.stage.start, rows)
        ways = Ways((x - viewport.x) * viewport.zoom, (y - viewport.y) * viewport.zoom, last)
        return ways if level == Level.FAR and not self.vector else rounded(ways, _BEND * viewport.zoom)

    def _paint_edges(self, painter: QPainter, rows: Rows, viewport: Viewport, level: Level) -> None:
        if not len(rows):
            return
        outside = self.figure.drawing.edges.outside[rows]
        path = self._path[rows]
        dim = self._dim[rows] if self._dim is not None else np.zeros(len(rows), dtype=bool)
        plain = ~(outside | path | dim)
        for chosen, kind, width, dashed in (
            (dim & ~outside, "dim", 1.0, False), (plain, "far" if level == Level.FAR else "edge", EDGE, False),
            (outside & ~path, "dim" if self._dim is not None else "edge", EDGE, True), (path, "path", 2.8, False),
        ):
            if chosen.any():
                self.stroke(painter, rows[chosen], viewport, level, line_colour(self.theme, kind), width, dashed)

    def stroke(
        self, painter: QPainter, rows: Rows, viewport: Viewport, level: Level, colour: QColor, width: float, dashed: bool = False,
    ) -> None:
        """Paint these edges, from :attr:`Level.NAMES` on with heads; ``width`` at zoom 1."""
        ways = self.ways(rows, viewport, level)
        width = max(width * self.theme.stroke * min(viewport.zoom, 1.6), 1.0 if width < 2.0 else 0.7 * width)
        pen = QPen(colour, width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap if dashed or width <= 1.2 else Qt.PenCapStyle.SquareCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        if dashed:
            pen.setDashPattern([5.0, 3.0])
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(pen)
        if self.vector or dashed:
            painter.drawPath(path_of(ways))
        elif level == Level.FAR or len(ways.x) > _MOST_PATH_POINTS:
            pen.setWidthF(1.0 if width < 2.0 else width)
            painter.setPen(pen)
            self._segments.draw(painter, ways, coarse=True)
        else:
            self._segments.draw(painter, ways)
        if level > Level.FAR:
            self._paint_heads(painter, rows, viewport, colour, max(1.0, width / (2.0 * EDGE)))

    def _paint_heads(self, painter: QPainter, rows: Rows, viewport: Viewport, colour: QColor, scale: float) -> None:
        """A head at the end that the arrow points at."""
        stage = self.stage
        long = rows[stage.points[rows] > 1]
        tip = stage.start[long + 1] - 1 if self.backward else stage.start[long]
        before = tip - 1 if self.backward else tip + 1
        size = max(min(viewport.zoom, 1.6), 0.45) * self.theme.stroke * min(scale, 1.7)
        shapes = heads((stage.x[tip] - viewport.x) * viewport.zoom, (stage.y[tip] - viewport.y) * viewport.zoom,
                       (stage.x[before] - viewport.x) * viewport.zoom, (stage.y[before] - viewport.y) * viewport.zoom,
                       _HEAD * size, _HALF * size)
        painter.fillPath(shapes, colour)

    def _write_labels(self, painter: QPainter, writer: Writer, rows: Rows, viewport: Viewport) -> None:
        labels = self.figure.drawing.edges.labels
        palette = self.theme.palette
        size = writer.size(LINE * min(viewport.zoom, 1.6))
        for row in rows.tolist():
            if not labels[row]:
                continue
            wide, high = unit_width(labels[row]) * size, line_height() * size
            px, py = viewport.to_pixels(*self._label_place(row, (wide + 8.0) / viewport.zoom, (high + 4.0) / viewport.zoom))
            inside = self.stage.frames.meeting(Rect(*viewport.to_scene(px, py), *viewport.to_scene(px, py)))
            depth = int(self.figure.drawing.frames.depth[inside].max()) if len(inside) else -1
            ground = frame_fill(self.theme, depth) if depth >= 0 else QColor(palette.background)
            painter.fillRect(QRectF(px - wide / 2 - 2, py - high / 2, wide + 4, high), ground)
            writer.begin()
            writer.centred(px, py - high / 2, labels[row], size, palette.secondary_text)

    def _label_place(self, row: int, wide: float, high: float) -> tuple[float, float]:
        """The middle of an edge's label of this size: near the middle of its way, on no border of a frame."""
        stage = self.stage
        x, y = stage.way(row)
        gone = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))))
        best, least = (float(x[0]), float(y[0])), float("inf")
        for share in _ALONG:
            at = share * gone[-1]
            px, py = float(np.interp(at, gone, x)), float(np.interp(at, gone, y))
            area = Rect(px - wide / 2, py - high / 2, px + wide / 2, py + high / 2)
            crossed = sum(not _holds(stage.frame(frame), area) for frame in stage.frames.meeting(area).tolist())
            crossed += 2 * len(stage.boxes.meeting(area))
            if crossed < least:
                best, least = (px, py), crossed
            if not crossed:
                break
        return best

    # Boxes.

    def _paint_boxes(self, painter: QPainter, writer: Writer, rows: Rows, viewport: Viewport, level: Level) -> None:
        # In the order of their looks: changing brush and pen costs more than a box.
        rows = rows[np.argsort(self.looks.number[rows], kind="stable")]
        boxes, zoom = self.figure.drawing.boxes, viewport.zoom
        left = ((self.stage.left[rows] - viewport.x) * zoom).tolist()
        top = ((self.stage.top[rows] - viewport.y) * zoom).tolist()
        width, height = (boxes.width[rows] * zoom).tolist(), (boxes.height[rows] * zoom).tolist()
        areas = [QRectF(*sides) for sides in zip(left, top, width, height, strict=True)]
        numbers, times = self.looks.number[rows].tolist(), boxes.times[rows].tolist()
        border = max(1.0, 1.25 * min(zoom, 1.4)) * self.theme.stroke
        seen = list(zip(rows.tolist(), areas, numbers, times, strict=True))
        last = None
        for row, area, number, many in seen:
            outline = boxes.outlines[row]
            if (number, outline == "dashed") != last:
                last = (number, outline == "dashed")
                look = self.looks.looks[number]
                pen = QPen(QColor(look.border), border)
                if outline == "dashed":
                    pen.setDashPattern([3.0, 2.4])
                painter.setPen(pen)
                painter.setBrush(QColor(look.fill))
            paint_box(painter, area, outline, zoom, many)
        if max(height, default=0.0) < SMALLEST:
            return
        writer.begin()
        for row, area, number, _ in seen:
            write_box(painter, writer, boxes, row, area, self.looks.looks[number], zoom, level, self.theme)


def _holds(outer: Rect, inner: Rect) -> bool:
    return outer.left <= inner.left and inner.right <= outer.right and outer.top <= inner.top and inner.bottom <= outer.bottom


def _stepped(figure: GraphFigure) -> bool:
    """Whether a backward pass is shown step by step."""
    return bool(figure.active or figure.flowing or figure.ready or figure.done is not None)


def _same(one: NDArray[Any] | None, other: NDArray[Any] | None) -> bool:
    if one is None or other is None or one is other:
        return one is other
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")
