"""The keyboard's way through a graph: along its edges, and between those that stand side by side."""

from __future__ import annotations

from typing import Literal

import numpy as np

from visualizer.ui.graph.lines import Rows
from visualizer.ui.graph.stage import Stage

Direction = Literal["left", "right", "up", "down"]
BACK: dict[Direction, Direction] = {"left": "right", "right": "left", "up": "down", "down": "up"}
#: Walking so, the gradient goes on; the other way lies the loss; the rest are neighbours.
_LEAVES: dict[bool, Direction] = {False: "up", True: "left"}
_LOSS: dict[bool, Direction] = {False: "down", True: "right"}


def next_row(stage: Stage, row: int, direction: Direction, came_from: int = -1) -> int:
    """Row of the box that an arrow key leads to from this one; -1: there is none.

    Along the direction of the picture it is the other end of an edge: the one that the user came from, if it is one of several,
    otherwise the one straightest ahead. Across, it is the next of those with the same neighbour, otherwise the next box that
    stands at the same height.
    """
    leftward = stage.drawing.leftward
    if direction == _LEAVES[leftward]:
        return _straightest(stage, row, stage.leafward(row), came_from)
    if direction == _LOSS[leftward]:
        return _straightest(stage, row, stage.lossward(row), came_from)
    return _beside(stage, row, direction in ("right", "down"))


def _across(stage: Stage) -> tuple[np.ndarray, np.ndarray]:
    """The two sides of every box across the direction of the picture."""
    return (stage.top, stage.bottom) if stage.drawing.leftward else (stage.left, stage.right)


def _along(stage: Stage) -> tuple[np.ndarray, np.ndarray]:
    return (stage.left, stage.right) if stage.drawing.leftward else (stage.top, stage.bottom)


def _straightest(stage: Stage, row: int, rows: Rows, came_from: int) -> int:
    rows = rows[rows != row]
    if not len(rows):
        return -1
    if came_from in rows.tolist():
        return came_from
    low, high = _across(stage)
    return int(rows[np.argmin(np.abs(low[rows] + high[rows] - low[row] - high[row]))])


def _beside(stage: Stage, row: int, onward: bool) -> int:
    """The nearest on one side, siblings first."""
    consumers, producers = stage.lossward(row), stage.leafward(row)
    siblings = [stage.leafward(other) for other in consumers.tolist()] + [stage.lossward(other) for other in producers.tolist()]
    rows = np.unique(np.concatenate(siblings)) if siblings else np.zeros(0, dtype=np.intp)
    found = _nearest_on_side(stage, row, rows, onward)
    if found >= 0:
        return found
    first, last = _along(stage)
    level = np.flatnonzero((first <= last[row]) & (last >= first[row]))
    return _nearest_on_side(stage, row, level, onward)


def _nearest_on_side(stage: Stage, row: int, rows: Rows, onward: bool) -> int:
    low, high = _across(stage)
    away = (low[rows] + high[rows] - low[row] - high[row]) / 2 * (1 if onward else -1)
    ahead = rows[away > 0.5]
    if not len(ahead):
        return -1
    first, last = _along(stage)
    along = np.abs(first[ahead] + last[ahead] - first[row] - last[row]) / 2
    return int(ahead[np.argmin(away[away > 0.5] + 2 * along)])


def first_row(stage: Stage, x: float, y: float, seen: Rows) -> int:
    """Where the keyboard begins: at the loss if it is seen, otherwise at the box nearest to this place; -1: there is none."""
    if not len(stage):
        return -1
    if stage.loss in seen.tolist() or not len(seen):
        return stage.loss
    far = np.hypot((stage.left[seen] + stage.right[seen]) / 2 - x, (stage.top[seen] + stage.bottom[seen]) / 2 - y)
    return int(seen[np.argmin(far)])
