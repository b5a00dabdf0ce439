"""Edges as Qt paints them fastest: batches of segments, paths with rounded corners, arrow heads; all made in numpy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyqtgraph import functions as fn
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

#: Places on a rounded corner, as shares of its bend.
_BEND = np.array([0.0, 0.3, 0.7, 1.0])
#: Segments shorter than this many pixels are not drawn from far away.
_NOTHING = 0.35


class Ways(NamedTuple):
    """Polylines one after the other; ``last`` marks the last point of each."""

    x: Floats
    y: Floats
    last: NDArray[np.bool_]


def ways_of(x: Floats, y: Floats, start: Rows, rows: Rows) -> Ways:
    """The polylines of these rows, out of all (``start`` as in :class:`~visualizer.figures.graph.Edges`)."""
    counts = start[rows + 1] - start[rows]
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(rows) else 0
    at = np.arange(total) + np.repeat(start[rows] - (ends - counts), counts)
    last = np.zeros(total, dtype=bool)
    last[ends[counts > 0] - 1] = True
    return Ways(x[at], y[at], last)


def rounded(ways: Ways, radius: float) -> Ways:
    """The ways with their corners cut into short bends; straight points are left out."""
    x, y, last = ways
    if len(x) < 3:
        return ways
    first = np.concatenate(([True], last[:-1]))
    inner = np.flatnonzero(~(first | last))
    bx, by = x[inner] - x[inner - 1], y[inner] - y[inner - 1]
    ax, ay = x[inner + 1] - x[inner], y[inner + 1] - y[inner]
    before, after = np.hypot(bx, by), np.hypot(ax, ay)
    turn = np.abs(bx * ay - by * ax) > 1e-3 * before * after
    counts = np.ones(len(x), dtype=np.intp)
    counts[inner] = np.where(turn, len(_BEND), 0)
    ends = np.cumsum(counts)
    out_x, out_y = np.repeat(x, counts), np.repeat(y, counts)
    at, bx, by, ax, ay = inner[turn], bx[turn], by[turn], ax[turn], ay[turn]
    before, after = before[turn], after[turn]
    cut = np.minimum(radius, np.minimum(before, after) / 2)
    back, on = (cut / np.maximum(before, 1e-12))[:, None], (cut / np.maximum(after, 1e-12))[:, None]
    # A quadratic Bezier curve from a point on the way in, by the corner, to one on the way out.
    into, out = back * (1 - _BEND) ** 2, on * _BEND**2
    places = (ends[at] - len(_BEND))[:, None] + np.arange(len(_BEND))
    out_x[places] = x[at][:, None] - into * bx[:, None] + out * ax[:, None]
    out_y[places] = y[at][:, None] - into * by[:, None] + out * ay[:, None]
    out_last = np.zeros(int(ends[-1]), dtype=bool)
    out_last[ends[last] - 1] = True
    return Ways(out_x, out_y, out_last)


def path_of(ways: Ways) -> QPainterPath:
    """All ways as one path."""
    if not len(ways.x):
        return QPainterPath()
    connect = (~ways.last).astype(np.int32)
    return fn.arrayToQPath(np.ascontiguousarray(ways.x), np.ascontiguousarray(ways.y), connect=connect, finiteCheck=False)


class SegmentBatch:
    """Segments in an array that Qt reads in place."""

    def __init__(self) -> None:
        self._lines = PrimitiveArray(QLineF, 4)

    def draw(self, painter: QPainter, ways: Ways, coarse: bool = False) -> None:
        """Every segment of the ways with the painter's pen; ``coarse``: but those too short to be seen."""
        if len(ways.x) < 2:
            return
        rows = np.column_stack((ways.x[:-1], ways.y[:-1], ways.x[1:], ways.y[1:]))
        keep = ~ways.last[:-1]
        if coarse:
            keep &= (np.abs(rows[:, 2] - rows[:, 0]) + np.abs(rows[:, 3] - rows[:, 1])) > _NOTHING
        rows = rows[keep]
        if len(rows):
            self._lines.resize(len(rows))
            self._lines.ndarray()[:] = rows
            painter.drawLines(*self._lines.drawargs())


class RectBatch:
    """Rectangles in an array that Qt reads in place."""

    def __init__(self) -> None:
        self._rects = PrimitiveArray(QRectF, 4)

    def draw(self, painter: QPainter, left: Floats, top: Floats, width: Floats, height: Floats) -> None:
        if len(left):
            self._rects.resize(len(left))
            rows = self._rects.ndarray()
            rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = left, top, width, height
            painter.drawRects(*self._rects.drawargs())


def heads(tip_x: Floats, tip_y: Floats, from_x: Floats, from_y: Floats, length: float, half: float) -> QPainterPath:
    """Triangles whose tips are here and that come from there, as one path to be filled."""
    dx, dy = tip_x - from_x, tip_y - from_y
    far = np.maximum(np.hypot(dx, dy), 1e-9)
    dx, dy = dx / far, dy / far
    base_x, base_y = tip_x - dx * length, tip_y - dy * length
    x = np.column_stack((tip_x, base_x - dy * half, base_x + dy * half, tip_x)).ravel()
    y = np.column_stack((tip_y, base_y + dx * half, base_y - dx * half, tip_y)).ravel()
    last = np.tile(np.array([False, False, False, True]), len(tip_x))
    path = path_of(Ways(x, y, last))
    # Where heads lie on each other both are filled.
    path.setFillRule(Qt.FillRule.WindingFill)
    return path
