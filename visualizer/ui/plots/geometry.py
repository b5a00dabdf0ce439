"""From data to pixels with numpy alone: mapping, cleaning, decimation, dashes, polygon clipping, contour lines.

Pixel coordinates are device-independent, origin at the upper left of the plot area. Everything is float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: Values beyond this are drawn as this: differences of two of them still fit into a float64.
HUGE = 1e300
#: Pixels beyond the plot area that geometry may reach. Qt's rasterizer is exact far beyond, but slow and, from
#: about 2**15 on, wrong.
MARGIN = 40.0


@dataclass(frozen=True)
class Mapping:
    """How data becomes pixels: the view's range (log10 of the data on a logarithmic axis) and its size in pixels.

    ``resolution`` is the number of device pixels in one pixel: more than 1 on a dense screen or in a scaled export.
    """

    x0: float
    x1: float
    y0: float
    y1: float
    width: float
    height: float
    log_x: bool = False
    log_y: bool = False
    resolution: float = 1.0

    @property
    def columns(self) -> int:
        """Device pixels across the plot area."""
        return max(1, round(self.width * self.resolution))

    def view_x(self, x: Floats) -> Floats:
        """Pixels of positions that are already logarithms on a logarithmic axis; kept within the float range."""
        scale = self.width / (self.x1 - self.x0)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.clip((x - self.x0) * scale, -1e12, 1e12)

    def view_y(self, y: Floats) -> Floats:
        scale = self.height / (self.y1 - self.y0)
        with np.errstate(over="ignore", invalid="ignore"):
            return np.clip((self.y1 - y) * scale, -1e12, 1e12)

    def x(self, x: Floats) -> Floats:
        """Pixels of data positions; NaN where there is nothing to draw (NaN, infinite, not positive on a log axis)."""
        return self.view_x(clean(x, self.log_x))

    def y(self, y: Floats) -> Floats:
        return self.view_y(clean(y, self.log_y))

    def x_at(self, pixel: float) -> float:
        """The data position under a pixel."""
        return _power(self.x0 + pixel * (self.x1 - self.x0) / self.width, self.log_x)

    def y_at(self, pixel: float) -> float:
        return _power(self.y1 - pixel * (self.y1 - self.y0) / self.height, self.log_y)


def _power(value: float, log: bool) -> float:
    if not log:
        return float(value)
    return float(10.0 ** min(max(value, -300.0), 300.0))


def clean(values: Floats, log: bool) -> Floats:
    """Drawable positions: infinite becomes NaN; on a log axis log10, and NaN where not positive."""
    values = np.asarray(values, dtype=np.float64)
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(np.where(values > 0.0, values, np.nan))
    with np.errstate(over="ignore", invalid="ignore"):
        squares = np.vdot(values, values)
    if math.isfinite(squares):
        return values  # one pass tells that all are finite and far from the end of the range
    return np.clip(np.where(np.isfinite(values), values, np.nan), -HUGE, HUGE)


def is_sorted(x: Floats) -> bool:
    """Whether x never decreases and has no NaN."""
    return bool(np.all(x[1:] >= x[:-1])) if x.size > 1 else not np.isnan(x).any()


def as_steps(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """A staircase that keeps each value until the next position."""
    if x.size < 2:
        return x, y
    return np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]


def decimate(x: Floats, y: Floats, mapping: Mapping, ordered: bool) -> tuple[Floats, Floats]:
    """Pixels of a line, reduced to first, lowest, highest and last in each run that stays in one pixel column.

    What is drawn is the same to the pixel. ``x`` and ``y`` come from :func:`clean`.
    ``ordered``: x never decreases; then only the visible part is looked at.
    """
    if ordered and x.size > 2:
        first = max(int(np.searchsorted(x, mapping.x0, "left")) - 1, 0)
        last = min(int(np.searchsorted(x, mapping.x1, "right")) + 1, x.size)
        x, y = x[first:last], y[first:last]
    if x.size <= 4 * mapping.columns:
        return mapping.view_x(x), mapping.view_y(y)
    if ordered:
        edges = mapping.x0 + np.arange(1, mapping.columns) * ((mapping.x1 - mapping.x0) / mapping.columns)
        starts = np.unique(np.concatenate(([0], np.searchsorted(x, edges, "left"))))
        starts = starts[starts < x.size]
    else:
        column = np.floor(mapping.view_x(x) * mapping.resolution)
        starts = np.concatenate(([0], np.flatnonzero(column[1:] != column[:-1]) + 1))
        if starts.size * 4 > x.size:
            return mapping.view_x(x), mapping.view_y(y)
    ends = np.concatenate((starts[1:], [x.size])) - 1
    low, high = np.fmin.reduceat(y, starts), np.fmax.reduceat(y, starts)
    # Inside a run, from the first point to the nearer extreme first: no detour that would draw over itself.
    falling = y[starts] > y[ends]
    out_y = np.column_stack((y[starts], np.where(falling, high, low), np.where(falling, low, high), y[ends])).ravel()
    middle = 0.5 * (x[starts] + x[ends])
    out_x = np.column_stack((x[starts], middle, middle, x[ends])).ravel()
    return mapping.view_x(out_x), mapping.view_y(out_y)


def thinned(px: Floats, py: Floats, tolerance: float) -> tuple[Floats, Floats]:
    """The line without vertices that lie within ``tolerance`` pixels of the straight way past them.

    Each of three passes looks at every second vertex: a smooth curve of 600 points is drawn with a quarter of them.
    """
    for _ in range(3):
        if px.size < 32:
            break
        last = (px.size - 1) // 2 * 2
        x0, x1, x2 = px[:last:2], px[1:last:2], px[2:last + 1:2]
        y0, y1, y2 = py[:last:2], py[1:last:2], py[2:last + 1:2]
        dx, dy = x2 - x0, y2 - y0
        away = np.abs((x1 - x0) * dy - (y1 - y0) * dx)
        forward = (x1 - x0) * (x2 - x1) + (y1 - y0) * (y2 - y1) >= 0.0
        keep = np.ones(px.size, dtype=bool)
        # Written so that a NaN, which breaks the line, is kept.
        keep[1:last:2] = ~(forward & (away * away <= tolerance * tolerance * (dx * dx + dy * dy)))
        px, py = px[keep], py[keep]
    return px, py


def segments_of(px: Floats, py: Floats) -> Floats:
    """The segments of a line with NaN breaks, shape (n, 4), without those of no length."""
    if px.size < 2:
        return np.empty((0, 4))
    rows = np.column_stack((px[:-1], py[:-1], px[1:], py[1:]))
    keep = np.isfinite(rows).all(axis=1) & ((rows[:, 0] != rows[:, 2]) | (rows[:, 1] != rows[:, 3]))
    return rows if keep.all() else rows[keep]


def clip_segments(rows: Floats, width: float, height: float, margin: float = MARGIN) -> Floats:
    """The parts of segments, shape (n, 4), inside the plot area and a margin around it (Liang and Barsky)."""
    if rows.size == 0:
        return rows
    low, high_x, high_y = -margin, width + margin, height + margin
    if rows.min() >= low and rows[:, ::2].max() <= high_x and rows[:, 1::2].max() <= high_y:
        return rows
    start = np.zeros(len(rows))
    end = np.ones(len(rows))
    visible = np.ones(len(rows), dtype=bool)
    for axis, high in ((0, high_x), (1, high_y)):
        origin, delta = rows[:, axis], rows[:, axis + 2] - rows[:, axis]
        for change, room in ((-delta, origin - low), (delta, high - origin)):
            with np.errstate(divide="ignore", invalid="ignore"):
                at = room / change
            start = np.where(change < 0, np.maximum(start, at), start)
            end = np.where(change > 0, np.minimum(end, at), end)
            visible &= (change != 0) | (room >= 0)
    visible &= start <= end
    rows, start, end = rows[visible], start[visible, None], end[visible, None]
    origin, delta = rows[:, :2], rows[:, 2:] - rows[:, :2]
    return np.hstack((origin + start * delta, origin + end * delta))


def unique_segments(rows: Floats, width: float) -> Floats:
    """Segments without those that another one of this stroke width covers: both ends at most a width apart.

    A run that swings to and fro draws nearly the same segments thousands of times.
    """
    keys = np.round(rows / width).astype(np.int64)
    swap = (keys[:, 0] > keys[:, 2]) | ((keys[:, 0] == keys[:, 2]) & (keys[:, 1] > keys[:, 3]))
    keys = np.where(swap[:, None], keys[:, [2, 3, 0, 1]], keys)
    keys &= 0xFFFF
    code = (keys[:, 0] << 48) ^ (keys[:, 1] << 32) ^ (keys[:, 2] << 16) ^ keys[:, 3]
    _, index = np.unique(code, return_index=True)
    return rows[np.sort(index)]


def dashes(rows: Floats, on: float, off: float) -> Floats:
    """Connected segments, shape (n, 4), cut into dashes whose pattern runs on from one segment to the next."""
    if rows.size == 0:
        return rows
    length = np.hypot(rows[:, 2] - rows[:, 0], rows[:, 3] - rows[:, 1])
    stop = np.cumsum(length)
    if stop[-1] / (on + off) > 20_000:
        return rows
    begin = stop - length
    period = on + off
    count = int(stop[-1] // period) + 1
    marks = np.arange(count) * period
    cuts = np.unique(np.concatenate((begin, marks, np.minimum(marks + on, stop[-1]), [stop[-1]])))
    left, right = cuts[:-1], cuts[1:]
    keep = (np.mod(0.5 * (left + right), period) < on) & (right > left)
    left, right = left[keep], right[keep]
    index = np.minimum(np.searchsorted(stop, 0.5 * (left + right), "right"), len(rows) - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        t0 = ((left - begin[index]) / length[index])[:, None]
        t1 = ((right - begin[index]) / length[index])[:, None]
    origin, delta = rows[index, :2], rows[index, 2:] - rows[index, :2]
    return np.hstack((origin + t0 * delta, origin + t1 * delta))


def clip_polygon(x: Floats, y: Floats, width: float, height: float, margin: float = MARGIN) -> tuple[Floats, Floats]:
    """A polygon cut to the plot area and a margin around it (Sutherland and Hodgman)."""
    sides = ((0, -margin, 1.0), (0, width + margin, -1.0), (1, -margin, 1.0), (1, height + margin, -1.0))
    for axis, limit, sign in sides:
        if x.size == 0:
            break
        along = x if axis == 0 else y
        distance = (along - limit) * sign
        if (distance >= 0).all():
            continue
        nx, ny, nd = np.roll(x, -1), np.roll(y, -1), np.roll(distance, -1)
        inside = distance >= 0
        crosses = inside != (nd >= 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(crosses, distance / (distance - nd), 0.0)
        points_x = np.column_stack((x, x + t * (nx - x))).ravel()
        points_y = np.column_stack((y, y + t * (ny - y))).ravel()
        keep = np.column_stack((inside, crosses)).ravel()
        x, y = points_x[keep], points_y[keep]
    return x, y


def finite_runs(*arrays: Floats) -> list[slice]:
    """The slices in which all arrays are finite, of at least two elements."""
    good = np.isfinite(arrays[0])
    for array in arrays[1:]:
        good = good & np.isfinite(array)
    if good.all():
        return [slice(0, good.size)] if good.size > 1 else []
    edges = np.flatnonzero(np.diff(np.concatenate(([False], good, [False])).astype(np.int8)))
    return [slice(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1]


# For each of the 16 cases of a cell (bits: lower left 1, lower right 2, upper right 4, upper left 8 above the level)
# the pairs of edges that a contour joins; edges: 0 bottom, 1 right, 2 top, 3 left.
_CASES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),), 2: ((0, 1),), 3: ((3, 1),), 4: ((1, 2),), 5: ((3, 2), (0, 1)), 6: ((0, 2),), 7: ((3, 2),),
    8: ((2, 3),), 9: ((0, 2),), 10: ((3, 0), (1, 2)), 11: ((1, 2),), 12: ((3, 1),), 13: ((0, 1),), 14: ((3, 0),),
}


_PAIRS = np.array([_CASES.get(number, ((0, 0),))[0] for number in range(16)])
_SECOND_PAIRS = np.array([_CASES.get(number, ((0, 0),))[-1] for number in range(16)])
# The corners at both ends of each edge, as (row, column) steps from the cell's lower left one.
_ROW_0, _COLUMN_0 = np.array([0, 0, 1, 0]), np.array([0, 1, 0, 0])
_ROW_1, _COLUMN_1 = np.array([0, 1, 1, 1]), np.array([1, 1, 1, 0])


def contours(values: Floats, levels: float | Floats) -> Floats:
    """The contours of a grid at one or several levels as segments, shape (n, 4), in (column, row) units (marching squares)."""
    if values.shape[0] < 2 or values.shape[1] < 2:
        return np.empty((0, 4))
    given = np.atleast_1d(np.asarray(levels, dtype=np.float64))
    with np.errstate(invalid="ignore"):
        above = (values > given[:, None, None]).view(np.int8)
    case = above[:, :-1, :-1] + 2 * above[:, :-1, 1:] + 4 * above[:, 1:, 1:] + 8 * above[:, 1:, :-1]
    finite = np.isfinite(values)
    case[:, ~(finite[:-1, :-1] & finite[:-1, 1:] & finite[1:, 1:] & finite[1:, :-1])] = 0
    which, row, column = np.nonzero((case > 0) & (case < 15))
    number, level = case[which, row, column], given[which]

    def segments(pairs: NDArray[np.int64], chosen: NDArray[np.bool_] | slice) -> Floats:
        r, c, at = row[chosen], column[chosen], level[chosen]
        ends = []
        for edge in pairs[number[chosen]].T:
            r0, c0, r1, c1 = _ROW_0[edge], _COLUMN_0[edge], _ROW_1[edge], _COLUMN_1[edge]
            v0, v1 = values[r + r0, c + c0], values[r + r1, c + c1]
            t = (at / 2 - v0 / 2) / (v1 / 2 - v0 / 2)  # halves: the difference of two huge values is not finite
            ends += [c + c0 + t * (c1 - c0), r + r0 + t * (r1 - r0)]
        return np.column_stack(ends)

    saddles = (number == 5) | (number == 10)
    return np.vstack((segments(_PAIRS, slice(None)), segments(_SECOND_PAIRS, saddles)))
