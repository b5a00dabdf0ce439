"""Small tensors side by side in one figure: bars with numbers where there are few elements, else heat maps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from visualizer.base.explanation import number_text
from visualizer.base.roles import Role
from visualizer.figures.model import Axis, Bars, Figure, Heat, Layer, Note, Span, readonly

if TYPE_CHECKING:
    from visualizer.figures.model import Floats

#: Up to so many elements are bars.
_BARS = 40
#: Up to so many bars have their numbers, with so many digits: a number has to stand over its own bar.
_WRITTEN = ((2, 4), (4, 2))
#: The same for the columns of heat maps, of at most so many rows.
_IN_CELLS, _ROWS = ((4, 3), (6, 2)), 4
#: The width of a letter as a share of a small figure's width.
_LETTER = 0.05
_HALF = 0.38
#: So many tensors are drawn; the others are counted.
_MOST = 6


class Tile(NamedTuple):
    """One tensor: what it is, its values as rows and columns, and whether they are all there."""

    text: str
    values: Floats
    complete: bool = True


def empty(name: str, title: str, note: str) -> Figure:
    """A figure that says why there is nothing to see."""
    axis = Axis("", ticks=())
    return Figure(name, title, axis, axis, (), note=note)


def _short(value: float, most: float, digits: int) -> str:
    """A value with as many decimals as the largest one needs for so many digits: beside a large number a small one is short."""
    decimals = digits - 1 - math.floor(math.log10(most)) if most and math.isfinite(value) else 0
    if not 0 < decimals <= 4 or (value and round(value, decimals) == 0.0):
        return number_text(value, digits)
    return f"{value:.{decimals}f}".replace("-", "\u2212") if value else "0"


def bars(name: str, title: str, tiles: tuple[Tile, ...], role: Role, label: str, note: str = "") -> Figure:
    """Every element as a bar, tensor by tensor."""
    layers: list[Layer] = []
    ticks: list[tuple[float, str]] = []
    flat = np.concatenate([tile.values.reshape(-1) for tile in tiles]) if tiles else np.zeros(0)
    finite = flat[np.isfinite(flat)]
    low, high = min(0.0, float(finite.min(initial=0.0))), max(0.0, float(finite.max(initial=0.0)))
    # Numbers stand over the bars, and these figures are low.
    room = 0.42 * (high - low) or 1.0
    limits = (low - (room if low < 0 or high == 0 else 0.0), high + room)
    place = 0
    digits = next((digits for most, digits in _WRITTEN if flat.size + len(tiles) - 1 <= most), 0)
    for index, tile in enumerate(tiles):
        values = tile.values.reshape(-1)
        at = place + np.arange(values.size, dtype=np.float64)
        seen = np.isfinite(values)
        layers.append(Bars(key=f"bars:{index}", role=role, left=readonly(at[seen] - _HALF), right=readonly(at[seen] + _HALF),
                           height=readonly(values[seen]), opacity=0.85))
        if len(tiles) > 1 or tile.text:
            layers.append(Span(key=f"of:{index}", role=Role.MUTED, start=place - 0.5, end=place + values.size - 0.5, opacity=0.08,
                               text=tile.text))
        ticks += [(float(where), str(number)) for number, where in enumerate(at)]
        if digits:
            for where, value in zip(at.tolist(), values.tolist(), strict=True):
                text = _short(value, float(np.abs(finite).max(initial=0.0)), digits)
                layers.append(Note(key=f"value:{where:.0f}", role=Role.TEXT, x=where, y=value if np.isfinite(value) else 0.0,
                                   text=text, anchor=(0.5, -0.15 if value < 0 else 1.15)))
        place += values.size + 1
    return Figure(name, title, Axis("element", ticks=tuple(ticks), limits=(-0.7, max(place - 1, 1) - 0.3)),
                  Axis(label, limits=limits), tuple(layers), note=note)


def heats(name: str, title: str, tiles: tuple[Tile, ...], rows: str, columns: str, label: str, note: str = "") -> Figure:
    """Every tensor as a heat map of one colour scale, row 0 on top, side by side."""
    layers: list[Layer] = []
    shown = tiles[:_MOST]
    finite = [tile.values[np.isfinite(tile.values)] for tile in shown]
    most = max((float(np.abs(values).max(initial=0.0)) for values in finite), default=0.0) or 1.0
    tall = max(tile.values.shape[0] for tile in shown)
    # A tile is as wide as its name needs in a small figure, 130 pixels wide.
    drawn = sum(tile.values.shape[1] for tile in shown) + len(shown) - 1
    slots = [max(tile.values.shape[1] + max(1.0, 0.04 * tile.values.shape[1]), _LETTER * len(tile.text) * drawn)
             for tile in shown]
    slots[-1] = float(shown[-1].values.shape[1])
    columns_drawn = sum(slots)
    digits = next((digits for most, digits in _IN_CELLS if columns_drawn <= most and tall <= _ROWS), 0)
    named = any(tile.text for tile in shown)
    place = 0.0
    xticks: list[tuple[float, str]] = []
    for index, tile in enumerate(shown):
        high, wide = tile.values.shape
        layers.append(Heat(key=f"heat:{index}", role=Role.GRADIENT, values=readonly(tile.values[::-1].copy()),
                           x_range=(place, place + wide), y_range=(float(tall - high), float(tall)), palette="diverging",
                           limits=(-most, most), value_label=label if index == len(shown) - 1 else ""))
        if tile.text:
            layers.append(Note(key=f"of:{index}", role=Role.TEXT, x=place, y=float(tall), text=tile.text, anchor=(0.0, 1.1)))
        if wide <= 32:
            xticks += [(place + column + 0.5, str(column)) for column in range(wide)]
        if digits:
            for row in range(high):
                for column in range(wide):
                    layers.append(Note(key=f"cell:{index}:{row}:{column}", role=Role.TEXT, x=place + column + 0.5,
                                       y=tall - row - 0.5, text=number_text(tile.values[row, column], digits), anchor=(0.5, 0.5)))
        place += slots[index]
    yticks = tuple((tall - row - 0.5, str(row)) for row in range(tall)) if tall <= 32 else ()
    if len(tiles) > len(shown):
        note = f"{note} {len(tiles) - len(shown)} more are not drawn.".strip()
    parts = [tile for tile in shown if not tile.complete]
    if parts:
        note = f"{note} Of a large tensor a part of the rows and columns is shown.".strip()
    return Figure(name, title, Axis(columns, ticks=tuple(xticks), limits=(0.0, place)),
                  Axis(rows, ticks=yticks, limits=(0.0, (1.32 if named else 1.0) * tall)), tuple(layers), note=note)


def tensors(name: str, title: str, tiles: tuple[Tile, ...], role: Role, label: str, note: str = "") -> Figure:
    """Bars for few elements, else heat maps."""
    tiles = tuple(tile for tile in tiles if tile.values.size)
    if not tiles:
        return empty(name, title, note or "There are no values to draw.")
    if sum(tile.values.size for tile in tiles) <= _BARS and all(tile.complete for tile in tiles):
        return bars(name, title, tiles, role, label, note)
    return heats(name, title, tiles, "row", "column", label, note)
