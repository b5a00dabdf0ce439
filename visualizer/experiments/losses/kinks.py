"""Kinks of a curve, found from autograd's own slopes: places where the slope jumps, however near one looks.

No loss is known here by name. The slope is computed on a grid; every cell across which it changes is divided again and again.
Where the curve is smooth, however steep, the change shrinks with the cell; at a kink it stays until the two ends are
neighbours in float64.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visualizer.experiments.losses.curves import Floats, Moving

#: Cells of the first grid, where many points are quick and where they are not.
_CELLS, _FEW_CELLS = 512, 128
#: Cells that are divided at once, and into how many parts, alike.
_MOST, _FEWEST = 64, 12
_PARTS, _FEW_PARTS = 16, 2
#: Changes of the slope below this share of the slopes around are taken for smooth.
_SMALLEST = 1e-5
#: How far, as a share, a smooth curve's second derivative in a cell is from the mean of the cells beside it.
_UNEVEN = 0.02
_EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Kink:
    """A place where the slope jumps.

    Attributes:
        place: the element's value there: within rounding, a number that stands in a tensor, or else the shortest.
        left, right: autograd's slopes next to it.
        taken: the slope that torch takes exactly there, in the chosen dtype.
        jump: by how much the loss itself jumps there; 0: it is continuous.
    """

    place: float
    left: float
    right: float
    taken: float
    jump: float


@dataclass(frozen=True)
class _Cells:
    """Intervals, one a row: ends ``x``, losses ``f`` and slopes ``g`` there (shape (n, 2)); ``floor``: the least change."""

    x: Floats
    f: Floats
    g: Floats
    floor: Floats

    def __getitem__(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> _Cells:
        return _Cells(self.x[rows], self.f[rows], self.g[rows], self.floor[rows])

    @property
    def change(self) -> Floats:
        with np.errstate(invalid="ignore", over="ignore"):  # of infinite slopes
            found: Floats = np.abs(self.g[:, 1] - self.g[:, 0])
        return found

    def suspicious(self, most: int) -> _Cells:
        """Those across which the slope changes; the largest changes, if they are more than ``most``."""
        kept = np.flatnonzero((self.change > self.floor) & np.isfinite(self.f).all(axis=1) & np.isfinite(self.g).all(axis=1))
        if kept.size > most:
            kept = np.sort(kept[np.argsort(-self.change[kept] / self.floor[kept], kind="stable")[:most]])
        return self[kept]


def find_kinks(exact: Moving, chosen: Moving, low: float, high: float, places: Floats) -> Generator[None, None, tuple[Kink, ...]]:
    """The kinks between ``low`` and ``high``.

    Args:
        exact: the curve in float64.
        chosen: the curve in the dtype whose slope at the kink is asked for.
        low, high: where the element moves.
        places: numbers that may be kinks, such as the elements of the other tensors.
    """
    count, most, parts = (_CELLS, _MOST, _PARTS) if exact.quick else (_FEW_CELLS, _FEWEST, _FEW_PARTS)
    inside = places[(places > low) & (places < high)]
    grid = np.unique(np.concatenate([np.linspace(low, high, count + 1), inside]))
    f, g = yield from exact.slopes(grid[:, None])
    finite = np.where(np.isfinite(g), np.abs(g), 0.0)
    around = np.max([np.roll(finite, shift) for shift in (1, 0, -1, -2)], axis=0)[:-1]
    floor = np.maximum(_SMALLEST * around, 1e-12 * float(finite.max(initial=0.0))) + 1e-300
    cells = _Cells(_ends(grid), _ends(f), _ends(g), floor)[_uneven(g, grid)].suspicious(most)
    resolved: list[_Cells] = []
    while cells.x.size:
        middle = 0.5 * cells.x.sum(axis=1)
        tiny = cells.x[:, 1] - cells.x[:, 0] <= np.maximum(2.0 * _EPS * np.abs(middle), 2.0**-58 * (high - low))
        done = tiny | (middle <= cells.x[:, 0]) | (middle >= cells.x[:, 1])
        if done.any():
            resolved.append(cells[done])
            cells = cells[~done]
        if not cells.x.size:
            break
        within = cells.x[:, :1] + np.arange(1, parts) / parts * (cells.x[:, 1:] - cells.x[:, :1])
        value, slope = yield from exact.slopes(within.reshape(-1, 1))
        cells = _divided(cells, within, value, slope).suspicious(most)
    size = max(abs(low), abs(high), float(np.abs(places).max(initial=0.0)))
    return (yield from _merged(resolved, chosen, places, 8.0 * _EPS * size))


def _uneven(slopes: Floats, grid: Floats) -> NDArray[np.bool_]:
    """Cells whose second derivative is not the mean of their neighbours', as it nearly is where the curve is smooth."""
    with np.errstate(invalid="ignore", over="ignore"):  # of infinite slopes
        bend = np.diff(slopes) / np.diff(grid)
        padded = np.pad(bend, 1, mode="edge")
        before, after = padded[:-2], padded[2:]
        even = np.abs(bend - 0.5 * (before + after)) <= _UNEVEN * np.abs(bend)
        # A kink that is the end of two cells may be even by chance, but it then stands out on one side.
        even &= np.abs(after - before) <= 0.5 * np.abs(bend)
    found: NDArray[np.bool_] = ~even
    return found


def _ends(values: Floats) -> Floats:
    return np.column_stack((values[:-1], values[1:]))


def _divided(cells: _Cells, within: Floats, value: Floats, slope: Floats) -> _Cells:
    """The parts of the cells between their ends and the points within, shape (cells, parts - 1)."""
    def parts(ends: Floats, new: Floats) -> Floats:
        rows = np.column_stack((ends[:, 0], new.reshape(within.shape), ends[:, 1]))
        return np.column_stack((rows[:, :-1].reshape(-1), rows[:, 1:].reshape(-1)))

    return _Cells(parts(cells.x, within), parts(cells.f, value), parts(cells.g, slope),
                  np.repeat(cells.floor, within.shape[1] + 1))


def _merged(
    found: list[_Cells], chosen: Moving, places: Floats, near: float
) -> Generator[None, None, tuple[Kink, ...]]:
    """Neighbouring cells are one kink: it is wider than one cell where the slope at the kink differs from both sides."""
    if not found:
        return ()
    parts = [np.concatenate([getattr(cells, name) for cells in found]) for name in ("x", "f", "g")]
    order = np.argsort(parts[0][:, 0], kind="stable")
    x, f, g = (part[order] for part in parts)
    floor = np.concatenate([cells.floor for cells in found])[order]
    groups = np.split(np.arange(len(x)), np.flatnonzero(x[1:, 0] - x[:-1, 1] > near) + 1)
    kinks = []
    for group in groups:
        first, last = group[0], group[-1]
        left, right = float(g[first, 0]), float(g[last, 1])
        if abs(right - left) <= floor[first]:
            continue  # one odd value between equal slopes
        low, high = float(x[first, 0]) - 0.5 * near, float(x[last, 1]) + 0.5 * near
        likely = places[(places >= low) & (places <= high)]
        place = float(likely[np.abs(likely - 0.5 * (low + high)).argmin()]) if likely.size else shortest(low, high)
        kinks.append((place, left, right, float(f[last, 1] - f[first, 0]), float(np.abs(f[[first, last]]).max())))
    _, taken = yield from chosen.slopes(np.array([[kink[0]] for kink in kinks]).reshape(-1, 1))
    return tuple(
        Kink(place, left + 0.0, right + 0.0, float(slope) + 0.0,  # no minus zeros
             jump if abs(jump) > 1e-9 * (size + abs(left) + abs(right)) else 0.0)
        for (place, left, right, jump, size), slope in zip(kinks, taken, strict=True)
    )


def shortest(low: float, high: float) -> float:
    """The number with the fewest digits between two others."""
    if low <= 0.0 <= high:
        return 0.0
    middle = 0.5 * (low + high)
    for digits in range(17):
        found = float(f"{middle:.{digits}e}")
        if low <= found <= high:
            return found
    return middle if math.isfinite(middle) else low
