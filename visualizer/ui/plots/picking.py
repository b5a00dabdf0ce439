"""What is under the pointer: elements to drag or click, and the values to read off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from visualizer.base.explanation import number_text
from visualizer.figures.model import Bars, Drag, Heat, Line, Markers, Rule
from visualizer.ui.plots.fills import BarsItem
from visualizer.ui.plots.layers import LineItem, MarkersItem, SegmentsItem
from visualizer.ui.plots.marks import RuleItem
from visualizer.ui.plots.scene import FigureItem

#: How near the pointer has to be, in pixels; generous, because it is used on a stage.
HIT_RADIUS = 12.0
_READ_RADIUS = 40.0


@dataclass(frozen=True)
class Target:
    """An element that answers the mouse and the keyboard.

    ``x``, ``y``: its data coordinates; ``px``, ``py``: where it is in pixels of the plot area.
    """

    layer: str
    index: int
    drag: Drag
    click: bool
    tip: str
    x: float
    y: float
    px: float
    py: float
    radius: float
    kind: Literal["marker", "bar", "vertical rule", "horizontal rule"] = "marker"
    name: str = ""


def targets(item: FigureItem) -> list[Target]:
    """All elements that can be dragged or clicked and are in view, in drawing order, by position from the left."""
    found: list[Target] = []
    mapping = item.mapping
    for drawn in item.items.values():
        layer = drawn.layer
        part: list[Target] = []
        if isinstance(layer, Markers) and (layer.drag or layer.click) and isinstance(drawn, MarkersItem):
            for index, (px, py) in enumerate(zip(drawn.px.tolist(), drawn.py.tolist(), strict=True)):
                if -1 <= px <= mapping.width + 1 and -1 <= py <= mapping.height + 1:
                    name = layer.texts[index] if index < len(layer.texts) else ""
                    part.append(Target(layer.key, index, layer.drag, layer.click, layer.tip, float(layer.x[index]),
                                       float(layer.y[index]), px, py, drawn.radius, name=name or layer.label))
        elif isinstance(layer, Bars) and layer.drag and isinstance(drawn, BarsItem):
            for index in range(drawn.left.size):
                target = _bar(drawn, layer, index, item)
                if target is not None:
                    part.append(target)
        elif isinstance(layer, Rule) and layer.drag and isinstance(drawn, RuleItem):
            target = _rule(drawn, layer, item)
            if target is not None:
                part.append(target)
        found += sorted(part, key=lambda target: target.px)
    return found


def _bar(drawn: BarsItem, layer: Bars, index: int, item: FigureItem) -> Target | None:
    left, right, top = (float(values[index]) for values in (drawn.left, drawn.right, drawn.top))
    middle = (left + right) / 2
    if not (math.isfinite(top) and 0 <= middle <= item.mapping.width):
        return None
    return Target(layer.key, index, "y", False, layer.tip, item.mapping.x_at(middle), float(layer.height[index]),
                  middle, min(max(top, 0.0), item.mapping.height), (right - left) / 2, "bar", layer.label)


def _rule(drawn: RuleItem, layer: Rule, item: FigureItem) -> Target | None:
    mapping = item.mapping
    if not 0 <= drawn.at <= (mapping.width if layer.vertical else mapping.height):
        return None
    name = layer.text or layer.label
    if layer.vertical:
        py = mapping.height / 2
        return Target(layer.key, 0, "x", False, layer.tip, float(layer.position), mapping.y_at(py), drawn.at, py, 4.0,
                      "vertical rule", name)
    px = mapping.width / 2
    return Target(layer.key, 0, "y", False, layer.tip, mapping.x_at(px), float(layer.position), px, drawn.at, 4.0,
                  "horizontal rule", name)


def pick(item: FigureItem, px: float, py: float) -> Target | None:
    """The element under the pointer. Markers win over rules and bars, of equals the nearest, then the upper one."""
    best: tuple[float, Target] | None = None
    for target in targets(item):
        distance = _distance(target, px, py)
        if distance <= HIT_RADIUS and (best is None or distance <= best[0]):
            best = (distance, target)
    return best[1] if best else None


def _distance(target: Target, px: float, py: float) -> float:
    match target.kind:
        case "bar":
            beside = max(abs(px - target.px) - target.radius, 0.0)
            return math.hypot(beside, py - target.py) + (1.0 if beside == 0 else 0.0)
        case "vertical rule":
            return abs(px - target.px) + 1.0
        case "horizontal rule":
            return abs(py - target.py) + 1.0
    return max(math.hypot(px - target.px, py - target.py) - target.radius, 0.0)


@dataclass(frozen=True)
class Reading:
    """What the pointer reads off: in words, and where in the plot area the thing is that they are about."""

    text: str = ""
    px: float = 0.0
    py: float = 0.0


def readout(item: FigureItem, px: float, py: float) -> str:
    """What the pointer shows: the nearest drawn value, or the coordinates themselves."""
    return reading(item, px, py).text


def reading(item: FigureItem, px: float, py: float) -> Reading:
    """The nearest drawn value and its place, or the pointer's own; without a text outside the plot area."""
    mapping, figure = item.mapping, item.figure
    if figure is None or not (0 <= px <= mapping.width and 0 <= py <= mapping.height):
        return Reading()
    here = (mapping.x_at(px), mapping.y_at(py))
    best: tuple[float, str, float, float] | None = None
    heat = ""
    for drawn in item.items.values():
        layer = drawn.layer
        found: tuple[float, str, float, float] | None = None
        if isinstance(drawn, MarkersItem) and isinstance(layer, Markers):
            found = _nearest_marker(drawn, layer, px, py)
        elif isinstance(drawn, LineItem) and isinstance(layer, Line):
            found = _nearest_vertex(drawn, layer, item, px, py)
        elif isinstance(drawn, BarsItem) and isinstance(layer, Bars):
            inside = np.flatnonzero((drawn.left <= px) & (px <= drawn.right))
            if inside.size:
                index = int(inside[-1])
                middle = (float(layer.left[index]) + float(layer.right[index])) / 2
                found = (8.0, layer.label, middle, float(layer.height[index]))
        elif isinstance(layer, Heat):
            heat = _cell(layer, *here) or heat
        if found is not None and found[0] <= _READ_RADIUS and (best is None or found[0] <= best[0]):
            best = found
    _, name, x, y = best or (0.0, "", *here)
    step_x, step_y = ((mapping.x1 - mapping.x0) / mapping.width, (mapping.y1 - mapping.y0) / mapping.height)
    exact = best is not None
    text = (f"{_short(figure.x.label)} = {_number(x, step_x, exact or mapping.log_x)}{_unit(figure.x.unit)},  "
            f"{_short(figure.y.label)} = {_number(y, step_y, exact or mapping.log_y)}{_unit(figure.y.unit)}")
    text = (f"{name}:  " if name else "") + text + heat
    at = (float(mapping.x(np.array([x]))[0]), float(mapping.y(np.array([y]))[0])) if exact else (px, py)
    return Reading(text, *(at if all(map(math.isfinite, at)) else (px, py)))


def drawn_inside(item: FigureItem, left: float, top: float, right: float, bottom: float) -> int:
    """About how much of lines and markers lies within a rectangle of the plot area."""
    found = 0
    for drawn in item.items.values():
        if isinstance(drawn, MarkersItem):
            x, y, reach = drawn.px, drawn.py, drawn.radius
        elif isinstance(drawn, LineItem | SegmentsItem):
            rows = drawn.segments
            parts = np.linspace(0.0, 1.0, 5)[:, None]
            x, y = ((rows[:, k] + parts * (rows[:, k + 2] - rows[:, k])).ravel() for k in (0, 1))
            reach = 2.0
        else:
            continue
        found += int(((x > left - reach) & (x < right + reach) & (y > top - reach) & (y < bottom + reach)).sum())
    return found


def _nearest_marker(drawn: MarkersItem, layer: Markers, px: float, py: float) -> tuple[float, str, float, float] | None:
    if drawn.px.size == 0:
        return None
    with np.errstate(invalid="ignore"):
        squares = (drawn.px - px) ** 2 + (drawn.py - py) ** 2
    if np.isnan(squares).all():
        return None
    index = int(np.nanargmin(squares))
    distance = max(math.sqrt(float(squares[index])) - drawn.radius - 6.0, 0.0)
    name = layer.texts[index] if index < len(layer.texts) else ""
    return distance, name or layer.label, float(layer.x[index]), float(layer.y[index])


def _nearest_vertex(
    drawn: LineItem, layer: Line, item: FigureItem, px: float, py: float,
) -> tuple[float, str, float, float] | None:
    """The vertex nearest in x on an ordered line; the nearest of all on any other."""
    mapping = item.mapping
    x, y, ordered = drawn.vertices(mapping.log_x, mapping.log_y)
    if x.size == 0 or layer.x.size == 0:
        return None
    step = 2 if layer.steps and layer.x.size > 1 else 1
    at = mapping.x0 + px * (mapping.x1 - mapping.x0) / mapping.width
    if ordered:
        after = int(np.clip(np.searchsorted(x, at), 1, max(x.size - 1, 1)))
        index = after if after < x.size and (x.size == 1 or x[after] - at < at - x[after - 1]) else after - 1
    elif x.size <= 20_000:
        with np.errstate(invalid="ignore"):
            squares = (mapping.view_x(x) - px) ** 2 + (mapping.view_y(y) - py) ** 2
        if np.isnan(squares).all():
            return None
        index = int(np.nanargmin(squares))
    else:
        return None
    vx, vy = float(mapping.view_x(x[index:index + 1])[0]), float(mapping.view_y(y[index:index + 1])[0])
    if not (math.isfinite(vx) and math.isfinite(vy)):
        return None
    source = min((index + 1) // step if step == 2 else index, layer.x.size - 1)
    # Along a steep curve the vertex may be far above the pointer although the curve runs under it.
    distance = min(math.hypot(vx - px, vy - py), _to_segments(drawn, px, py)) + 2.0
    return distance, layer.label, float(layer.x[source]), float(layer.y[source])


def _to_segments(drawn: LineItem, px: float, py: float) -> float:
    rows = drawn.segments
    if not 0 < len(rows) <= 20_000:
        return math.inf
    origin, delta = rows[:, :2] - (px, py), rows[:, 2:] - rows[:, :2]
    squared = np.maximum((delta * delta).sum(axis=1), 1e-12)
    t = np.clip(-(origin * delta).sum(axis=1) / squared, 0.0, 1.0)[:, None]
    return float(np.sqrt(((origin + t * delta) ** 2).sum(axis=1).min()))


def _cell(layer: Heat, x: float, y: float) -> str:
    rows, columns = layer.values.shape
    (x0, x1), (y0, y1) = layer.x_range, layer.y_range
    if rows == 0 or columns == 0 or x1 == x0 or y1 == y0:
        return ""
    column, row = math.floor((x - x0) / (x1 - x0) * columns), math.floor((y - y0) / (y1 - y0) * rows)
    if not (0 <= column < columns and 0 <= row < rows):
        return ""
    return f",  {layer.value_label or layer.label or 'value'} = {number_text(float(layer.values[row, column]))}"


def _number(value: float, step: float, exact: bool) -> str:
    """Four significant digits for data; for the pointer's own position as many as one pixel tells apart."""
    if exact or not (step > 0 and math.isfinite(value)) or max(abs(value), step) >= 1e6 or step < 1e-8:
        return number_text(value, 5 if exact else 4)
    decimals = max(0, -math.floor(math.log10(step)))
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) else text.lstrip("-")


def _short(label: str) -> str:
    """The part of an axis label before a comma: "x, the parameter" is read as x."""
    return label.split(",")[0].strip()


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""
