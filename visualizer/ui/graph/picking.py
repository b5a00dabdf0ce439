"""What lies at a place of a painted graph, and what it says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QPointF

from visualizer.figures.graph import GraphFigure
from visualizer.ui.graph.boxes import chip_areas
from visualizer.ui.graph.frames import pixels_of, titles
from visualizer.ui.graph.levels import Level, level_at
from visualizer.ui.graph.painter import GraphPainter
from visualizer.ui.graph.viewport import Viewport

#: Pixels within which a line is hit, and a box that is only a spot.
_NEAR_LINE, _NEAR_BOX = 4.0, 3.0


@dataclass(frozen=True)
class Hit:
    """``row``: of boxes, frames (their titles) or edges, as ``kind`` says; ``chip``: which of the box' chips; -1: none."""

    kind: Literal["nothing", "box", "frame", "edge", "legend"] = "nothing"
    row: int = -1
    chip: int = -1


NOTHING = Hit()


def hit_at(graph: GraphPainter, viewport: Viewport, px: float, py: float) -> Hit:
    """What is at this pixel of the viewport: a frame's title, a box, or an edge, in this order."""
    stage = graph.stage
    level = level_at(viewport.zoom, graph.theme)
    place = QPointF(px, py)
    x, y = viewport.to_scene(px, py)
    for row, area, _ in titles(stage, stage.frames.meeting(viewport.seen), viewport, graph.theme):
        if area.contains(place):
            return Hit("frame", row)
    row = stage.box_at(x, y, _NEAR_BOX / viewport.zoom if level == Level.FAR else 0.0)
    if row >= 0:
        return Hit("box", row, _chip_at(graph, viewport, row, place, level))
    if level > Level.FAR:
        row = stage.edge_at(x, y, _NEAR_LINE / viewport.zoom)
        if row >= 0:
            return Hit("edge", row)
    return NOTHING


def _chip_at(graph: GraphPainter, viewport: Viewport, row: int, place: QPointF, level: Level) -> int:
    """Which of a box' chips, of those that can be chosen, is at this pixel; -1: none."""
    boxes = graph.stage.drawing.boxes
    if level < Level.VALUES or not boxes.badge_idents or not boxes.badge_idents[row]:
        return -1
    areas = chip_areas(boxes, row, pixels_of(graph.stage.box(row), viewport), viewport.zoom, level, graph.theme)
    found = next((at for at, area in enumerate(areas) if area.contains(place)), -1)
    return found if found < len(boxes.badge_idents[row]) else -1


def tip_of(figure: GraphFigure, hit: Hit) -> str:
    """What hovering says."""
    drawing = figure.drawing
    boxes = drawing.boxes
    match hit.kind:
        case "box" if hit.chip >= 0:
            return f"{boxes.badges[hit.row][hit.chip]}\nA click chooses this leaf."
        case "box":
            return boxes.tips[hit.row]
        case "frame":
            return f"{drawing.frames.titles[hit.row]}\nA click closes this group."
        case "edge":
            source, target = (boxes.titles[int(ends[hit.row])] for ends in (drawing.edges.source, drawing.edges.target))
            return f"The gradient goes from {source} to {target}.\nA click goes to the farther end."
        case "legend":
            return "Folds the legend."
    return ""


def spoken(figure: GraphFigure, row: int) -> str:
    """A box for those who do not see it."""
    boxes = figure.drawing.boxes
    parts = [boxes.titles[row], boxes.shapes[row], boxes.values[row]]
    if boxes.badges[row]:
        parts.append("with " + ", ".join(boxes.badges[row]))
    if boxes.times[row] > 1:
        parts.append(f"{int(boxes.times[row])} times")
    if boxes.foldable[row]:
        parts.append("can be opened")
    return ", ".join(part for part in parts if part)
