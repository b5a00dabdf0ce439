"""A drawing made ready to be painted and touched: arrays in the order of their places, neighbours, rows by ident.

Made once for each :class:`~visualizer.figures.graph.GraphDrawing`; only numpy, and no loop over the boxes.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from visualizer.figures.graph import GraphDrawing
from visualizer.ui.graph.viewport import Rect

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


class Index:
    """Finds the rectangles that meet a rectangle.

    They are kept in the order of where they begin along the direction in which the layers follow each other, so that those of a
    part of a long drawing are a slice, of which numpy looks at every one.
    """

    def __init__(self, left: Floats, top: Floats, right: Floats, bottom: Floats, leftward: bool) -> None:
        first, last = (left, right) if leftward else (top, bottom)
        self._order = np.argsort(first, kind="stable")
        self._sides = tuple(np.ascontiguousarray(side[self._order]) for side in (left, top, right, bottom))
        self._begin = first[self._order]
        #: How far those up to here reach: it only grows, so what ends before a place is cut off by bisection.
        self._reach = np.maximum.accumulate(last[self._order]) if len(first) else self._begin
        self._leftward = leftward

    def meeting(self, area: Rect) -> Rows:
        """Rows of the rectangles that have a point in common with this one, in ascending order."""
        low, high = (area.left, area.right) if self._leftward else (area.top, area.bottom)
        first = int(np.searchsorted(self._reach, low, side="left"))
        last = int(np.searchsorted(self._begin, high, side="right"))
        left, top, right, bottom = (side[first:last] for side in self._sides)
        hit = (left <= area.right) & (right >= area.left) & (top <= area.bottom) & (bottom >= area.top)
        return np.sort(self._order[first:last][hit])


class Stage:
    """What the painter, the mouse and the keyboard ask about a drawing. Positions are scene units."""

    def __init__(self, drawing: GraphDrawing) -> None:
        self.drawing = drawing
        boxes, frames, edges = drawing.boxes, drawing.frames, drawing.edges
        self.left, self.top = _floats(boxes.left), _floats(boxes.top)
        self.right, self.bottom = self.left + boxes.width, self.top + boxes.height
        self.boxes = Index(self.left, self.top, self.right, self.bottom, drawing.leftward)
        self.frame_left, self.frame_top = _floats(frames.left), _floats(frames.top)
        self.frame_right, self.frame_bottom = self.frame_left + frames.width, self.frame_top + frames.height
        self.frames = Index(self.frame_left, self.frame_top, self.frame_right, self.frame_bottom, drawing.leftward)
        self.x, self.y, self.start = _floats(edges.x), _floats(edges.y), np.asarray(edges.start, dtype=np.intp)
        self.points = np.diff(self.start) if len(edges) else np.zeros(0, dtype=np.intp)
        begin = self.start[:-1] if len(edges) else self.start[:0]
        self.edge_left, self.edge_right = _extremes(self.x, begin)
        self.edge_top, self.edge_bottom = _extremes(self.y, begin)
        self.edges = Index(self.edge_left, self.edge_top, self.edge_right, self.edge_bottom, drawing.leftward)

    def __len__(self) -> int:
        return len(self.left)

    @property
    def area(self) -> Rect:
        """The whole scene."""
        return Rect(0.0, 0.0, self.drawing.width, self.drawing.height)

    @cached_property
    def row_of(self) -> dict[int, int]:
        """Row of a box by its ident."""
        return dict(zip(self.drawing.boxes.ident.tolist(), range(len(self)), strict=True))

    @cached_property
    def frame_of(self) -> dict[int, int]:
        """Row of a frame by its ident."""
        return {ident: row for row, ident in enumerate(self.drawing.frames.ident.tolist())}

    def box(self, row: int) -> Rect:
        return Rect(float(self.left[row]), float(self.top[row]), float(self.right[row]), float(self.bottom[row]))

    def frame(self, row: int) -> Rect:
        return Rect(float(self.frame_left[row]), float(self.frame_top[row]), float(self.frame_right[row]),
                    float(self.frame_bottom[row]))

    def box_at(self, x: float, y: float, reach: float = 0.0) -> int:
        """Row of the box at this place, or the nearest within ``reach``; -1: there is none."""
        rows = self.boxes.meeting(Rect(x, y, x, y).grown(reach))
        if not len(rows):
            return -1
        far = np.hypot(np.maximum(np.maximum(self.left[rows] - x, x - self.right[rows]), 0.0),
                       np.maximum(np.maximum(self.top[rows] - y, y - self.bottom[rows]), 0.0))
        nearest = int(np.argmin(far))
        return int(rows[nearest]) if far[nearest] <= reach else -1

    def edge_at(self, x: float, y: float, reach: float) -> int:
        """Row of the edge that passes nearest to this place, if within ``reach``; -1: there is none."""
        rows = self.edges.meeting(Rect(x, y, x, y).grown(reach))
        best, found = reach, -1
        for row in rows.tolist():
            px, py = self.way(row)
            far = _distance(px, py, x, y)
            if far < best:
                best, found = far, row
        return found

    def way(self, row: int) -> tuple[Floats, Floats]:
        """The points of an edge."""
        part = slice(self.start[row], self.start[row + 1])
        return self.x[part], self.y[part]

    @cached_property
    def _by_source(self) -> tuple[Rows, Rows]:
        return _grouped(self.drawing.edges.source, len(self))

    @cached_property
    def _by_target(self) -> tuple[Rows, Rows]:
        return _grouped(self.drawing.edges.target, len(self))

    def edges_from(self, row: int) -> Rows:
        """Edges whose source this box is: the gradient leaves it by them, towards the leaves."""
        order, start = self._by_source
        return order[start[row]:start[row + 1]]

    def edges_to(self, row: int) -> Rows:
        """Edges whose target this box is: they come from the loss."""
        order, start = self._by_target
        return order[start[row]:start[row + 1]]

    def leafward(self, row: int) -> Rows:
        """The boxes that the gradient goes on to, each once."""
        return np.unique(np.asarray(self.drawing.edges.target, dtype=np.intp)[self.edges_from(row)])

    def lossward(self, row: int) -> Rows:
        """The boxes that the gradient comes from, each once."""
        return np.unique(np.asarray(self.drawing.edges.source, dtype=np.intp)[self.edges_to(row)])

    @cached_property
    def loss(self) -> int:
        """Row of the box that backward begins at: no edge comes to it, and of those the one farthest along; -1: no box."""
        if not len(self):
            return -1
        begins = np.ones(len(self), dtype=bool)
        begins[self.drawing.edges.target] = False
        begins &= np.bincount(self.drawing.edges.source, minlength=len(self)) > 0
        if not begins.any():
            begins[:] = True
        along = self.right if self.drawing.leftward else self.bottom
        return int(np.argmax(np.where(begins, along, -np.inf)))


def _floats(values: Floats) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _extremes(values: Floats, begin: Rows) -> tuple[Floats, Floats]:
    """The least and the largest value of each part."""
    if not len(begin):
        return np.zeros(0), np.zeros(0)
    return np.minimum.reduceat(values, begin), np.maximum.reduceat(values, begin)


def _grouped(ends: NDArray[np.int32], count: int) -> tuple[Rows, Rows]:
    """Edges in the order of one of their ends, and where those of each box begin."""
    order = np.argsort(ends, kind="stable")
    start = np.zeros(count + 1, dtype=np.intp)
    np.cumsum(np.bincount(ends, minlength=count), out=start[1:])
    return order, start


def _distance(px: Floats, py: Floats, x: float, y: float) -> float:
    """From a place to a polyline."""
    if len(px) < 2:
        return float(np.hypot(px - x, py - y).min()) if len(px) else float("inf")
    dx, dy = np.diff(px), np.diff(py)
    square = np.maximum(dx * dx + dy * dy, 1e-12)
    along = np.clip(((x - px[:-1]) * dx + (y - py[:-1]) * dy) / square, 0.0, 1.0)
    return float(np.hypot(px[:-1] + along * dx - x, py[:-1] + along * dy - y).min())
