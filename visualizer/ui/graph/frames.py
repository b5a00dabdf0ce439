"""Frames around open groups, and their titles."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from visualizer.ui.graph.levels import FRAME_TITLE
from visualizer.ui.graph.lines import Rows
from visualizer.ui.graph.scheme import frame_fill, line_colour
from visualizer.ui.graph.stage import Stage
from visualizer.ui.graph.texts import Writer, fitted, line_height, unit_width
from visualizer.ui.graph.viewport import Rect, Viewport
from visualizer.ui.theme import Theme

#: A frame smaller than this, in pixels, has no title, and one narrower than that is not drawn at all.
_TITLED_WIDTH, _TITLED_HEIGHT, _SEEN = 46.0, 26.0, 3.0
_RADIUS = 8.0
_FAR, _FAR_WIDTH = 0.3, 150.0
#: Room for the sign before a title, beside the sign itself.
_SIGN = 8.0
_MOST_TITLES = 100
#: What a frame has for its title, in scene units.
_STRIP = 22.0


def paint_frames(painter: QPainter, stage: Stage, rows: Rows, viewport: Viewport, theme: Theme, smooth: bool) -> None:
    """The grounds, from the outermost inwards."""
    zoom = viewport.zoom
    rows = rows[(stage.frame_right[rows] - stage.frame_left[rows]) * zoom >= _SEEN]
    painter.setPen(QPen(line_colour(theme, "frame"), theme.stroke) if smooth else Qt.PenStyle.NoPen)
    depths = stage.drawing.frames.depth
    for row in rows.tolist():
        area = pixels_of(stage.frame(row), viewport)
        painter.setBrush(frame_fill(theme, int(depths[row])))
        if smooth:
            painter.drawRoundedRect(area, _RADIUS * zoom, _RADIUS * zoom)
        else:
            painter.drawRect(area)


def pixels_of(area: Rect, viewport: Viewport) -> QRectF:
    """A part of the scene in pixels."""
    left, top = viewport.to_pixels(area.left, area.top)
    return QRectF(left, top, area.width * viewport.zoom, area.height * viewport.zoom)


def titles(stage: Stage, rows: Rows, viewport: Viewport, theme: Theme) -> list[tuple[int, QRectF, float]]:
    """Where titles stand: row, area and size of type. The outermost frame's comes first; one that would cover it is left out."""
    zoom = viewport.zoom
    wide = (stage.frame_right[rows] - stage.frame_left[rows]) * zoom
    high = (stage.frame_bottom[rows] - stage.frame_top[rows]) * zoom
    rows = rows[(wide >= _TITLED_WIDTH) & (high >= _TITLED_HEIGHT)]
    rows = rows[np.argsort(stage.drawing.frames.depth[rows], kind="stable")][:_MOST_TITLES]
    size = max(FRAME_TITLE * min(zoom, 1.6), 9.0) * (theme.zoom if zoom >= 0.8 else 1.0)
    if zoom >= 0.8:
        size = min(size, FRAME_TITLE * zoom * 1.2)
    size = max(float(int(size)), 1.0)
    # Far away a title may be wider than its frame: there it is the only name.
    least = _TITLED_WIDTH if zoom >= _FAR else _FAR_WIDTH
    placed: list[tuple[int, QRectF, float]] = []
    for row in rows.tolist():
        frame = pixels_of(stage.frame(row), viewport)
        text = stage.drawing.frames.titles[row]
        width = min(unit_width(text, True) * size + _SIGN + 0.45 * size + 4.0, max(frame.width() - 3.0, least))
        tall = size * line_height(True) + 4.0
        # Far away it is higher than the strip that the frame has for it: it stands on the border then, and covers no box.
        area = QRectF(frame.left() + 2.0, frame.top() + 1.0 - max(0.0, tall - _STRIP * zoom), width, tall)
        if not any(area.intersects(other) for _, other, _ in placed):
            placed.append((row, area, size))
    return placed


def write_frames(
    painter: QPainter, writer: Writer, stage: Stage, rows: Rows, viewport: Viewport, theme: Theme, part: Rect,
) -> None:
    """The titles: a sign that the group can be closed, and its name."""
    palette = theme.palette
    for row, area, size in titles(stage, rows, viewport, theme):
        if area.top() > part.bottom or area.bottom() < part.top or area.left() > part.right or area.right() < part.left:
            continue
        ground = frame_fill(theme, int(stage.drawing.frames.depth[row]))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ground)
        painter.drawRoundedRect(area, 4.0, 4.0)
        painter.setPen(QPen(QColor(palette.secondary_text), max(1.2, size / 9)))
        # A minus in the size of a letter: a click closes the group.
        middle = area.center().y()
        painter.drawLine(QRectF(area.left() + 4.0, middle, size * 0.45, 0.0).topLeft(),
                         QRectF(area.left() + 4.0, middle, size * 0.45, 0.0).topRight())
        writer.begin()
        left = area.left() + _SIGN + size * 0.45
        text = fitted(stage.drawing.frames.titles[row], size, area.right() - left, True)
        writer.write(left, area.top() + 2.0, text, size, palette.secondary_text, True)
