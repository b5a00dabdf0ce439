"""What is laid over a painted graph: selection, search hits, the step of a backward pass, notes, what the mouse is on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from visualizer.base.roles import Role
from visualizer.ui.graph.boxes import chip_areas, shape
from visualizer.ui.graph.frames import pixels_of
from visualizer.ui.graph.levels import Level, level_at
from visualizer.ui.graph.lines import Rows
from visualizer.ui.graph.painter import GraphPainter
from visualizer.ui.graph.scheme import chosen_rows, line_colour, text_on
from visualizer.ui.graph.stage import Stage
from visualizer.ui.graph.texts import Writer, fitted, line_height, unit_width
from visualizer.ui.graph.viewport import Rect, Viewport
from visualizer.ui.plots.paint import mixed

#: Numbers of waiting boxes and notes are written for at most so many that are seen.
_MOST_WRITTEN = 200
_NOTE, _NOTE_WIDTH, _ON_EDGE = 12.0, 260.0, 11.0
#: Of so many boxes it is asked at most how much a note covers.
_MOST_COVERED = 60


def paint_marks(painter: QPainter, graph: GraphPainter, viewport: Viewport, cursor: int = -1, hover: int = -1,
                hover_edge: int = -1, over: tuple[QRectF, ...] = ()) -> None:
    """Paint them over what :meth:`GraphPainter.paint` has painted for this viewport.

    Args:
        cursor: row of the box that has the keyboard; -1: the first of the figure's selected ones.
        hover, hover_edge: row of the box or the edge under the mouse.
        over: what lies over the graph, in pixels: notes keep away from it.
    """
    figure, stage, theme = graph.figure, graph.stage, graph.theme
    palette, stroke = theme.palette, theme.stroke
    level = level_at(viewport.zoom, theme)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    edges = [(chosen_rows(figure.flowing, len(stage.points)), "flow", 4.0)]
    if hover >= 0:
        edges.append((np.concatenate((stage.edges_from(hover), stage.edges_to(hover))), "hover", 2.0))
    elif hover_edge >= 0:
        edges.append((np.array([hover_edge]), "hover", 2.4))
    shown = viewport.seen
    for rows, kind, width in edges:
        rows = _seen_edges(graph, rows, shown)
        if len(rows):
            graph.stroke(painter, rows, viewport, level, line_colour(theme, kind), width)
    accent = QColor(palette.accent)
    ring = _Ring(painter, graph, viewport)
    for row in chosen_rows(figure.found, len(stage))[:5000].tolist():
        ring.draw(row, theme.color(Role.STEP), 2.6 * stroke, 2.0)
    for row in chosen_rows(figure.ready, len(stage)).tolist():
        ring.draw(row, theme.color(Role.GRADIENT), 1.8 * stroke, 3.0, dashed=True)
    for row in chosen_rows(figure.active, len(stage)).tolist():
        ring.draw(row, mixed(theme.color(Role.GRADIENT), palette.background, 0.3), 9.0 * stroke, 5.0)
        ring.draw(row, theme.color(Role.GRADIENT), 3.4 * stroke, 3.0)
    if hover >= 0:
        ring.draw(hover, accent, 1.6 * stroke, 2.0)
    rows = chosen_rows(figure.selected, len(stage)).tolist()
    if cursor < 0 and rows:
        cursor = rows[0]
    for row in rows:
        if row != cursor:
            ring.draw(row, accent, 1.8 * stroke, 3.0)
    if cursor >= 0:
        ring.draw(cursor, mixed(accent, palette.background, 0.35), 7.0 * stroke, 4.5)
        ring.draw(cursor, accent, 2.6 * stroke, 3.0)
    if figure.chip >= 0:
        _mark_chip(painter, graph, viewport, level)
    writer = graph.writer(painter)
    if level > Level.FAR:
        _write_on_edges(painter, writer, graph, viewport)
        _write_queue(painter, writer, graph, viewport)
    _write_notes(painter, writer, graph, viewport, over)


def _seen_edges(graph: GraphPainter, rows: Rows, shown: Rect) -> Rows:
    stage = graph.stage
    return rows[(stage.edge_left[rows] <= shown.right) & (stage.edge_right[rows] >= shown.left)
                & (stage.edge_top[rows] <= shown.bottom) & (stage.edge_bottom[rows] >= shown.top)]


class _Ring:
    """Draws outlines around boxes that are seen; around one that is only a spot, a circle that can be found."""

    def __init__(self, painter: QPainter, graph: GraphPainter, viewport: Viewport) -> None:
        self._painter, self._graph, self._viewport = painter, graph, viewport
        self._shown = viewport.seen.grown(20.0 / viewport.zoom)

    def draw(self, row: int, colour: QColor, width: float, away: float, dashed: bool = False) -> None:
        box = self._graph.stage.box(row)
        if not box.meets(self._shown):
            return
        pen = QPen(colour, width)
        if dashed:
            pen.setDashPattern([3.0, 2.0])
        self._painter.setPen(pen)
        self._painter.setBrush(Qt.BrushStyle.NoBrush)
        area = pixels_of(box, self._viewport).adjusted(-away, -away, away, away)
        least = 9.0
        if area.height() < least + 2 * away:
            middle = area.center()
            wide, high = max(area.width(), least), max(area.height(), least)
            area = QRectF(middle.x() - wide / 2, middle.y() - high / 2, wide, high)
        outline = self._graph.figure.drawing.boxes.outlines[row]
        self._painter.drawPath(shape(area, outline, self._viewport.zoom))


def _mark_chip(painter: QPainter, graph: GraphPainter, viewport: Viewport, level: Level) -> None:
    """The chip that was chosen, in every box that has it."""
    boxes, theme = graph.figure.drawing.boxes, graph.theme
    painter.setPen(QPen(QColor(theme.palette.accent), 2.0 * theme.stroke))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for row in chosen_rows(graph.figure.selected, len(graph.stage)).tolist():
        idents = boxes.badge_idents[row] if boxes.badge_idents else ()
        if graph.figure.chip not in idents:
            continue
        areas = chip_areas(boxes, row, pixels_of(graph.stage.box(row), viewport), viewport.zoom, level, theme)
        for ident, area in zip(idents, areas, strict=False):
            if ident == graph.figure.chip:
                painter.drawRoundedRect(area.adjusted(-1.5, -1.5, 1.5, 1.5), area.height() / 2, area.height() / 2)


def _write_queue(painter: QPainter, writer: Writer, graph: GraphPainter, viewport: Viewport) -> None:
    """The place of each waiting box in the engine's queue, from 1, on its upper left corner."""
    theme = graph.theme
    ground = theme.palette.roles[Role.GRADIENT]
    shown, written = viewport.seen, 0
    for place, row in enumerate(graph.figure.ready, start=1):
        if not 0 <= row < len(graph.stage) or not graph.stage.box(row).meets(shown):
            continue
        area = pixels_of(graph.stage.box(row), viewport)
        size = writer.size(11.0 * theme.zoom)
        wide, high = max(unit_width(str(place), True) * size + 8.0, size * 1.5), size * 1.5
        chip = QRectF(area.left() - wide / 2, area.top() - high / 2, wide, high)
        painter.setPen(QPen(QColor(theme.palette.background), 1.5))
        painter.setBrush(QColor(ground))
        painter.drawRoundedRect(chip, high / 2, high / 2)
        writer.begin()
        writer.centred(chip.center().x(), chip.center().y() - size * line_height(True) / 2, str(place), size,
                       text_on(ground, theme), True)
        written += 1
        if written == _MOST_WRITTEN:
            return


def _write_notes(
    painter: QPainter, writer: Writer, graph: GraphPainter, viewport: Viewport, over: tuple[QRectF, ...],
) -> None:
    """Short texts beside their boxes, where they cover no other box; always large enough to be read."""
    theme, palette = graph.theme, graph.theme.palette
    shown = viewport.seen.grown(10.0 / viewport.zoom)
    size = writer.size(_NOTE * theme.zoom)
    high = size * line_height(True) + 6.0
    taken = list(over)
    for row, text, role in graph.figure.notes[:_MOST_WRITTEN]:
        if not 0 <= row < len(graph.stage) or not graph.stage.box(row).meets(shown):
            continue
        area = pixels_of(graph.stage.box(row), viewport)
        text = fitted(text, size, _NOTE_WIDTH * theme.zoom, True)
        chip = note_place(graph.stage, viewport, row, unit_width(text, True) * size + 14.0, high, taken)
        taken.append(chip)
        colour = theme.color(role)
        painter.setPen(QPen(colour, 1.5 * theme.stroke))
        if chip.left() > area.right():
            painter.drawLine(QPointF(area.right(), chip.center().y()), QPointF(chip.left(), chip.center().y()))
        elif chip.right() < area.left():
            painter.drawLine(QPointF(chip.right(), chip.center().y()), QPointF(area.left(), chip.center().y()))
        painter.setBrush(QColor(palette.background))
        painter.drawRoundedRect(chip, 5.0, 5.0)
        writer.begin()
        writer.write(chip.left() + 7.0, chip.top() + 3.0, text, size, palette.text, True)


def note_place(stage: Stage, viewport: Viewport, row: int, wide: float, high: float, taken: list[QRectF]) -> QRectF:
    """Where a note of this size stands at a box, in pixels: to its right or left, above or below, the first place that covers no
    box and no other note; if there is none, where it covers least. Never outside of the picture."""
    area = pixels_of(stage.box(row), viewport)
    middle = area.center()
    away = 9.0
    wishes = (
        (area.right() + away, middle.y() - high / 2), (area.left() - away - wide, middle.y() - high / 2),
        (area.right() + away, area.top() - high / 2), (area.left() - away - wide, area.top() - high / 2),
        (area.right() + away, area.bottom() - high / 2), (area.left() - away - wide, area.bottom() - high / 2),
        (area.right() - wide / 4, area.top() - high - 2.0), (area.left() - 3 * wide / 4, area.top() - high - 2.0),
        (area.right() - wide / 4, area.bottom() + 2.0), (area.left() - 3 * wide / 4, area.bottom() + 2.0),
        (middle.x() - wide / 2, area.bottom() - high / 2), (middle.x() - wide / 2, area.top() - high / 2),
    )
    return _free(stage, viewport, wishes, wide, high, taken, row)


def _free(stage: Stage, viewport: Viewport, wishes: tuple[tuple[float, float], ...], wide: float, high: float,
          taken: list[QRectF], own: int) -> QRectF:
    """The first of these places (left, top) at which nothing is covered, else the one at which least is; ``own``: a box that may
    rather be covered than another one."""
    best, least = QRectF(), float("inf")
    for left, top in wishes:
        chip = QRectF(min(max(left, 4.0), viewport.width - wide - 4.0), min(max(top, 4.0), viewport.height - high - 4.0), wide,
                      high)
        room = Rect(*viewport.to_scene(chip.left() - 2, chip.top() - 2), *viewport.to_scene(chip.right() + 2, chip.bottom() + 2))
        covered = sum(_common(chip, pixels_of(stage.box(other), viewport)) * (0.5 if other == own else 1.0)
                      for other in stage.boxes.meeting(room).tolist()[:_MOST_COVERED])
        covered += 2.0 * sum(_common(chip, other) for other in taken)
        if covered < least:
            best, least = chip, covered
        if covered == 0.0:
            break
    return best


def _common(one: QRectF, other: QRectF) -> float:
    """The area that two rectangles share, in pixels."""
    both = one.intersected(other)
    return both.width() * both.height()


def _write_on_edges(painter: QPainter, writer: Writer, graph: GraphPainter, viewport: Viewport) -> None:
    """The gradient that flows along an edge, beside the middle of its way."""
    theme, palette = graph.theme, graph.theme.palette
    size = writer.size(_ON_EDGE * theme.zoom)
    high = size * line_height(True) + 4.0
    rows = _seen_edges(graph, chosen_rows(tuple(row for row, _ in graph.figure.edge_notes), len(graph.stage.points)), viewport.seen)
    seen = set(rows.tolist())
    taken: list[QRectF] = []
    for row, text in graph.figure.edge_notes[:_MOST_WRITTEN]:
        if row not in seen:
            continue
        x, y = graph.stage.way(row)
        px, py = viewport.to_pixels(*_half_way(x, y))
        wide = unit_width(text, True) * size + 10.0
        # On the side that the edge goes to: two that part have theirs apart.
        outer, inner = (px - wide - 8.0, px + 8.0) if x[-1] < x[0] else (px + 8.0, px - wide - 8.0)
        wishes = ((outer, py - high / 2), (inner, py - high / 2), (px - wide / 2, py - high / 2), (outer, py - 1.3 * high),
                  (inner, py - 1.3 * high))
        chip = _free(graph.stage, viewport, wishes, wide, high, taken, -1)
        taken.append(chip)
        painter.setPen(QPen(theme.color(Role.GRADIENT), 1.2 * theme.stroke))
        painter.setBrush(QColor(palette.background))
        painter.drawRoundedRect(chip, 4.0, 4.0)
        writer.begin()
        writer.centred(chip.center().x(), chip.top() + 2.0, text, size, palette.text, True)


def _half_way(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """The point of a polyline that is as far from its beginning as from its end."""
    steps = np.hypot(np.diff(x), np.diff(y))
    gone = np.concatenate(([0.0], np.cumsum(steps)))
    return float(np.interp(gone[-1] / 2, gone, x)), float(np.interp(gone[-1] / 2, gone, y))
