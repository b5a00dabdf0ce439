"""A graph as a picture or drawing: the whole of it with legible text, or the part that the window shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter

from visualizer.figures.graph import GraphFigure
from visualizer.ui.graph.levels import Level, level_at
from visualizer.ui.graph.marks import paint_marks
from visualizer.ui.graph.opening import MOST, READABLE
from visualizer.ui.graph.painter import GraphPainter
from visualizer.ui.graph.stage import Stage
from visualizer.ui.graph.surround import Surround, paint_surround, surround_of
from visualizer.ui.graph.viewport import MARGIN, Rect, Viewport
from visualizer.ui.plots.paint import Kit
from visualizer.ui.theme import Theme

#: A picture grows beyond the asked size to keep a graph legible, but to no more pixels than this (before the scale), and no longer.
GROWN_PIXELS, GROWN_SIDE = 36_000_000, 28_000


class Plan(NamedTuple):
    """The size of a picture and what it shows; ``zoom``: pixels for each scene unit, before the scale."""

    width: int
    height: int
    zoom: float


def planned(
    figure: GraphFigure, width: int, height: int, theme: Theme, scale: float = 1.0, *, vector: bool = False,
) -> Plan:
    """The size of a picture of the whole graph for which ``width`` x ``height`` were asked.

    It is the asked one if names can be read in it. A larger graph makes the picture larger, up to its natural size, as far as
    :data:`GROWN_PIXELS` and :data:`GROWN_SIDE` go (with the scale); a graph beyond that is drawn smaller. A ``vector`` drawing
    has no pixels, so no limit.
    """
    drawing = figure.drawing
    fits = _fitting(figure, Viewport(1.0, 1.0), width, height, theme)
    if fits.zoom >= READABLE * theme.zoom or not len(drawing.boxes):
        return Plan(width, height, fits.zoom)
    around = surround_of(figure, Kit(theme), width, height, foldable=False)
    beside, above = width - around.scene.width() + 2 * MARGIN, height - around.scene.height() + 2 * MARGIN
    area = max(drawing.width, 1.0) * max(drawing.height, 1.0) * scale * scale
    most = theme.zoom if vector else min((GROWN_PIXELS / area) ** 0.5, GROWN_SIDE / max(drawing.width, drawing.height, 1.0) / scale)
    zoom = max(min(theme.zoom, most), fits.zoom)
    return Plan(max(width, round(drawing.width * zoom + beside)), max(height, round(drawing.height * zoom + above)), zoom)


def legible(figure: GraphFigure, plan: Plan, theme: Theme) -> bool:
    """Whether names can be read in a picture of this plan."""
    return not len(figure.drawing.boxes) or level_at(plan.zoom, theme) > Level.FAR


def _fitting(figure: GraphFigure, viewport: Viewport, width: float, height: float, theme: Theme) -> Viewport:
    around = surround_of(figure, Kit(theme), width, height, foldable=False).scene
    area = Rect(0.0, 0.0, figure.drawing.width, figure.drawing.height)
    return Viewport(around.width(), around.height()).fitting(area, MOST * theme.zoom)


def paint_graph(
    painter: QPainter, figure: GraphFigure, width: float, height: float, theme: Theme, *, vector: bool, seen: Rect | None = None,
) -> None:
    """Paint title, legend and the graph into this size.

    Args:
        seen: the part of the scene that is shown; None: all of it.
    """
    kit = Kit(theme, vector)
    stage = Stage(figure.drawing)
    graph = GraphPainter(figure, stage, theme, vector)
    around = surround_of(figure, kit, width, height, foldable=False)
    port = Viewport(around.scene.width(), around.scene.height())
    if seen is None:
        viewport = port.fitting(stage.area, MOST * theme.zoom)
    else:
        viewport = port.fitting(seen, float("inf"), 0.0)
    painter.fillRect(QRectF(0.0, 0.0, width, height), QColor(theme.palette.background))
    with _clipped(painter, around, seen is not None):
        if len(stage):
            graph.paint(painter, viewport)
            paint_marks(painter, graph, viewport)
    paint_surround(painter, kit, figure, around)


@contextmanager
def _clipped(painter: QPainter, around: Surround, needed: bool) -> Iterator[None]:
    """Coordinates of the viewport; what sticks out of it is cut off where the graph goes on beyond it."""
    painter.save()
    if needed:
        painter.setClipRect(around.scene)
    painter.translate(around.scene.topLeft())
    try:
        yield
    finally:
        painter.restore()
