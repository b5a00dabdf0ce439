"""Where title, note, legend, axes and colour bar of a figure go: everything is measured here, then painted elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import numpy as np
from PySide6.QtCore import QRectF

from visualizer.base.roles import Role
from visualizer.figures.model import Axis, Band, Bars, Dash, Figure, Heat, Layer, Line, Markers, Rule, Segments, Span
from visualizer.figures.table import axis_title
from visualizer.ui.plots.colormaps import value_limits
from visualizer.ui.plots.layers import MarkersItem
from visualizer.ui.plots.paint import Kit, MarkerLook, elided, shrunk, text_height, text_width, wrapped
from visualizer.ui.plots.ticks import Ticks, linear_ticks, log_ticks, log_ticks_at_values, own_ticks

Range = tuple[float, float]
SWATCH = 22.0
#: The share of a figure's height that title, note and legend may take, if one line of title and legend needs no more.
_HEADER = 0.22
#: The same for a large figure on a projector: what its note says is spoken of, and stands nowhere else there.
_HEADER_PRESENTED = 0.36
#: A figure is large when it is as high as this many lines of its note.
_LARGE = 12
#: What is tried in turn until it fits: lines of title, note and legend, and the gap between two entries.
_HEADERS = ((2, 2, 2, 16.0), (2, 1, 2, 16.0), (1, 1, 2, 12.0), (1, 1, 1, 12.0), (1, 0, 2, 10.0), (1, 0, 1, 10.0))
#: The same where there is nothing but the note.
_WORDS_ONLY = ((2, 8, 0, 10.0),)
#: An axis of this many pixels has two ticks at least, so that a distance can be read off.
_TWO_TICKS = 60.0


def ticks_of(axis: Axis, low: float, high: float, log: bool, count: float) -> Ticks:
    """The ticks of an axis for a view range (log10 on a logarithmic axis)."""
    if axis.ticks is not None:
        return own_ticks(axis.ticks, low, high, log)
    return log_ticks(low, high, count) if log else linear_ticks(low, high, count, axis.integer)


@dataclass(frozen=True)
class Swatch:
    """How a layer looks in the legend."""

    role: Role
    opacity: float = 1.0
    width: float = 0.0
    dash: Dash = "solid"
    marker: MarkerLook | None = None


def swatch_of(layer: Layer, kit: Kit) -> Swatch:
    match layer:
        case Markers():
            return Swatch(layer.role, marker=MarkersItem.look_of(layer, kit))
        case Bars() | Band() | Span():
            return Swatch(layer.role, max(layer.opacity, 0.2))
        case Line() | Segments():
            return Swatch(layer.role, layer.opacity, min(max(layer.width, 1.5), 4.0), layer.dash)
        case Rule():
            return Swatch(layer.role, 1.0, min(max(layer.width, 1.5), 4.0), layer.dash)
    return Swatch(layer.role)


@dataclass(frozen=True)
class AxisTitle:
    """An axis title as it is shown: its type scaled to fit, and where its middle is along the axis."""

    text: str = ""
    scale: float = 1.0
    middle: float = 0.0


@dataclass
class Layout:
    """Where everything is, in pixels of the figure, and everything that the frame shows; equal ones look alike."""

    width: float = 100.0
    height: float = 100.0
    plot: QRectF = field(default_factory=lambda: QRectF(0, 0, 100, 100))
    title: list[str] = field(default_factory=list)
    note: list[str] = field(default_factory=list)
    legend: list[tuple[Swatch, str, float, float]] = field(default_factory=list)
    legend_more: tuple[str, float, float] | None = None
    title_top: float = 0.0
    note_top: float = 0.0
    x_ticks: Ticks = field(default_factory=Ticks)
    y_ticks: Ticks = field(default_factory=Ticks)
    bar: QRectF | None = None
    bar_ticks: Ticks = field(default_factory=Ticks)
    bar_limits: Range = (0.0, 1.0)
    bar_palette: Literal["sequential", "diverging"] = "sequential"
    #: The values are 0 and 1 only: two fields instead of a run of colours.
    bar_binary: bool = False
    bar_title: AxisTitle = AxisTitle()
    x_title: AxisTitle = AxisTitle()
    y_title: AxisTitle = AxisTitle()
    tick_space: float = 0.0
    bar_space: float = 0.0
    #: There are only words: no axes, either.
    bare: bool = False


def legend_layers(figure: Figure) -> list[Layer]:
    """The layers that the legend names: none when there are fewer than two."""
    labelled = [layer for layer in figure.layers if layer.label]
    return labelled if figure.legend and len(labelled) >= 2 else []


def words_only(figure: Figure) -> bool:
    """Whether a figure has nothing to draw, and axes of nothing: its note says why."""
    return not figure.layers and not figure.x.label and not figure.y.label and bool(figure.note)


def lay_out(
    figure: Figure, kit: Kit, width: float, height: float, x_range: Range, y_range: Range,
    logs: tuple[bool, bool], least: Range = (0.0, 0.0),
) -> Layout:
    """Measure everything. ``least``: space for the tick texts of the y axis and of the colour bar that is kept
    although these ticks need less, so that the plot area does not move while a run goes on."""
    zoom = kit.theme.zoom
    pad, small, label = 10.0 * zoom, text_height(kit, "small"), text_height(kit, "label")
    out = Layout(width, height)
    room = max(width - 2 * pad, 10.0)
    bottom = height - 0.6 * pad - label - 3.0 * zoom - small - 5.0 * zoom
    large = height >= _LARGE * label
    share = _HEADER_PRESENTED if kit.theme.presentation and large else _HEADER
    # Most words that leave the plot its room.
    out.bare = words_only(figure)
    for title_lines, note_lines, legend_rows, gap in _WORDS_ONLY if out.bare else _HEADERS:
        top = _header(out, figure, kit, room, pad, (title_lines, note_lines, legend_rows), gap * zoom)
        if top <= share * height:
            break
    top = max(top + 0.5 * pad, small * 0.5)
    heat = next((layer for layer in figure.layers if isinstance(layer, Heat) and layer.values.size), None)
    plot_height = max(bottom - top, 20.0)
    out.y_ticks = _fitting(figure.y, y_range, logs[1], plot_height, kit, along=False)
    out.tick_space = max(least[0], _widest(out.y_ticks, kit, width * 0.3))
    left = 0.6 * pad + label + 4.0 * zoom + out.tick_space + 6.0 * zoom
    right = width - 1.2 * pad
    if heat is not None:
        out.bar_palette, out.bar_limits, out.bar_binary = heat.palette, value_limits(heat), _is_binary(heat)
        out.bar_ticks = _bar_ticks(out, plot_height, kit)
        out.bar_space = max(least[1], _widest(out.bar_ticks, kit, width * 0.2))
        bar_left = (width - 0.6 * pad - (label + 4.0 * zoom if heat.value_label else 0.0)
                    - out.bar_space - 5.0 * zoom - 12.0 * zoom)
        out.bar = QRectF(bar_left, top, 12.0 * zoom, plot_height)
        right = bar_left - 14.0 * zoom
    plot_width = max(right - left, 20.0)
    out.x_ticks = _fitting(figure.x, x_range, logs[0], plot_width, kit, along=True)
    if out.x_ticks.positions and heat is None:
        at = (out.x_ticks.positions[-1] - x_range[0]) / (x_range[1] - x_range[0]) * plot_width
        over = at + text_width(kit, "small", out.x_ticks.texts[-1]) / 2 - (width - left - 2.0)
        plot_width = max(plot_width - max(over, 0.0), 20.0)
    out.plot = QRectF(round(left), round(top), round(plot_width), round(plot_height))
    out.x_title = _title(kit, axis_title(figure.x), out.plot.left(), out.plot.right(), 6.0, width - 6.0)
    out.y_title = _title(kit, axis_title(figure.y), out.plot.top(), out.plot.bottom(), out.plot.top(), height - 4.0)
    if out.bar is not None:
        out.bar = QRectF(round(out.bar.x()), out.plot.y(), round(out.bar.width()), out.plot.height())
        words = heat.value_label if heat is not None else ""
        out.bar_title = _title(kit, words, out.plot.top(), out.plot.bottom(), out.plot.top(), height - 4.0)
    return out


@lru_cache(maxsize=64)
def _title(kit: Kit, text: str, start: float, end: float, first: float, last: float) -> AxisTitle:
    """An axis title in the middle of its axis; a long one may reach beyond, from ``first`` to ``last``, before its
    type becomes smaller, and only then words are left out."""
    shown, scale = shrunk(kit, "label", text, last - first)
    half = text_width(kit, "label", shown) * scale / 2
    return AxisTitle(shown, scale, min(max((start + end) / 2, first + half), last - half))


@lru_cache(maxsize=16)
def _is_binary(heat: Heat) -> bool:
    """Whether there is nothing but 0 and 1."""
    return bool(value_limits(heat) == (0.0, 1.0) and np.isin(heat.values, (0.0, 1.0)).all())


def _bar_ticks(out: Layout, size: float, kit: Kit) -> Ticks:
    if out.bar_binary:
        return Ticks((0.25, 0.75), ("0", "1"))
    low, high = out.bar_limits
    return _two_at_least(lambda count: linear_ticks(low, high, count), max(2.0, size / (40.0 * kit.theme.zoom)),
                         out.bar_limits, size, kit, along=False)


def _header(
    out: Layout, figure: Figure, kit: Kit, room: float, pad: float, lines: tuple[int, int, int], gap: float,
) -> float:
    """Title, note and legend in at most so many lines; returns where they end."""
    out.title_top = 0.7 * pad
    out.title = wrapped(kit, "title", figure.title, room, lines[0])
    out.note_top = out.title_top + len(out.title) * text_height(kit, "title") + 1.0
    out.note = wrapped(kit, "label", figure.note, room, lines[1])
    top = out.note_top + len(out.note) * text_height(kit, "label") + (1.0 if out.note else -1.0)
    return _legend(out, figure, kit, top, room, pad, gap, lines[2])


def _legend(
    out: Layout, figure: Figure, kit: Kit, top: float, room: float, pad: float, gap: float, rows: int,
) -> float:
    """Entries in rows under the title; returns where they end. What has no room is counted: "and 3 more"."""
    zoom, row = kit.theme.zoom, text_height(kit, "label") + 2.0
    x, y = pad, top + 3.0
    out.legend, out.legend_more = [], None
    left_out = 0
    for layer in legend_layers(figure):
        text = elided(kit, "label", layer.label, room - (SWATCH + 6.0) * zoom)
        wide = (SWATCH + 6.0) * zoom + text_width(kit, "label", text)
        if x > pad and x + wide > pad + room:
            if rows == 1:
                left_out += 1  # a shorter one after it may still fit
                continue
            rows -= 1
            x, y = pad, y + row
        out.legend.append((swatch_of(layer, kit), text, x, y))
        x += wide + gap
    if left_out:
        out.legend_more = _rest(out, kit, left_out, x, y, pad + room)
    return y + row if out.legend else top


def _rest(out: Layout, kit: Kit, count: int, x: float, y: float, right: float) -> tuple[str, float, float]:
    """The count of the entries that have no room; takes the last ones away until it fits itself."""
    while True:
        text = f"and {count} more"
        if x + text_width(kit, "label", text) <= right or not out.legend or out.legend[-1][3] != y:
            return text, x, y
        _, _, x, _ = out.legend.pop()
        count += 1


@lru_cache(maxsize=64)  # while a run plays, the view is mostly the same
def _fitting(axis: Axis, view: Range, log: bool, size: float, kit: Kit, along: bool) -> Ticks:
    """Ticks whose texts keep apart; ``along``: texts stand side by side (x axis)."""
    count = max(2.0, size / ((78.0 if along else 40.0) * kit.theme.zoom))
    if axis.ticks is not None:
        return _thinned(own_ticks(axis.ticks, *view, log), view, size, kit, along)

    def make(wanted: float) -> Ticks:
        ticks = ticks_of(axis, *view, log, wanted)
        # Within a part of a decade there may be one power of ten, or none.
        return ticks if len(ticks.positions) > 1 or not log else log_ticks_at_values(*view, wanted)

    return _two_at_least(make, count, view, size, kit, along)


def _two_at_least(
    make: Callable[[float], Ticks], count: float, view: Range, size: float, kit: Kit, along: bool,
) -> Ticks:
    """As many ticks as fit, but two when there is room for two: one alone says nothing about distances."""
    ticks, wanted = make(count), count
    for _ in range(6):
        if len(ticks.positions) < 2 or _apart(ticks, view, size, kit, along):
            break
        wanted *= 0.7
        ticks = make(wanted)
    ticks = _thinned(ticks, view, size, kit, along)
    if len(ticks.positions) > 1 or size < _TWO_TICKS:
        return ticks
    for factor in (1.0, 1.5, 2.0, 3.0, 4.0, 6.0):
        more = make(count * factor)
        ends = Ticks(more.positions[::max(len(more.positions) - 1, 1)], more.texts[::max(len(more.texts) - 1, 1)])
        for tried in (more, ends):
            if len(tried.positions) > 1 and _apart(tried, view, size, kit, along):
                return tried
    return ticks


def _thinned(ticks: Ticks, view: Range, size: float, kit: Kit, along: bool) -> Ticks:
    """Every second tick, again and again, until the texts keep apart."""
    while len(ticks.positions) > 1 and not _apart(ticks, view, size, kit, along):
        ticks = Ticks(ticks.positions[::2], ticks.texts[::2], ticks.minor)
    return ticks


def _apart(ticks: Ticks, view: Range, size: float, kit: Kit, along: bool) -> bool:
    scale = size / (view[1] - view[0])
    order = sorted(zip(ticks.positions, ticks.texts, strict=True))
    gap = 8.0 * kit.theme.zoom if along else 0.0
    height = text_height(kit, "small")
    for (a, first), (b, second) in pairwise(order):
        need = (text_width(kit, "small", first) + text_width(kit, "small", second)) / 2 if along else height
        if (b - a) * scale < need + gap:
            return False
    return True


def _widest(ticks: Ticks, kit: Kit, most: float) -> float:
    """Space for tick texts in steps of 8 pixels, so that it seldom changes."""
    widest = max((text_width(kit, "small", text) for text in ticks.texts), default=0.0)
    return min(-(-widest // 8.0) * 8.0, most)


