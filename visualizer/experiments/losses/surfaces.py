"""The loss over two elements of one tensor, on a grid: a coarse one at once, then a fine one."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np

from visualizer.experiments.losses.curves import Domain, Floats, Moving
from visualizer.figures.model import readonly

#: Cells on a side: of the first picture, and of the last one.
COARSE, FINE = 25, 200
#: Seconds that the last one may take; where the loss is slower, its grid is coarser.
BUDGET = 2.5


@dataclass(frozen=True, eq=False)
class Surface:
    """The loss at the middles of the cells of a grid.

    Attributes:
        x, y: the first and the second element, shape (n,).
        values: the loss, ``values[row of y, column of x]``; NaN or infinite where it is.
        x_domain, y_domain: what the cells fill.
        seconds: what the computation took.
    """

    x: Floats
    y: Floats
    values: Floats
    x_domain: Domain
    y_domain: Domain
    seconds: float

    @property
    def lowest(self) -> tuple[float, float, float] | None:
        """First element, second element and loss at the lowest cell; None: no loss is finite."""
        finite = np.where(np.isfinite(self.values), self.values, np.inf)
        row, column = divmod(int(finite.argmin()), len(self.x))
        if not math.isfinite(finite[row, column]):
            return None
        return float(self.x[column]), float(self.y[row]), float(finite[row, column])


def surface(moving: Moving, x_domain: Domain, y_domain: Domain, cells: int = FINE) -> Generator[None, None, Surface]:
    """The loss on ``cells`` times ``cells`` points, a few milliseconds a step.

    Args:
        moving: the loss as a function of two elements.
        x_domain, y_domain: where the first and the second move.
        cells: cells on a side.
    """
    start, spent = time.perf_counter(), 0.0
    shares = (np.arange(cells) + 0.5) / cells
    x = x_domain.low + shares * (x_domain.high - x_domain.low)
    y = y_domain.low + shares * (y_domain.high - y_domain.low)
    points = np.column_stack((np.tile(x, cells), np.repeat(y, cells)))
    steps = moving.values(points)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            values = stop.value
            break
        spent += time.perf_counter() - start
        yield  # what others do meanwhile is not the grid's
        start = time.perf_counter()
    spent += time.perf_counter() - start
    return Surface(readonly(x), readonly(y), readonly(values.reshape(cells, cells)), x_domain, y_domain, spent)


def affordable(coarse: Surface) -> int:
    """Cells on a side of the fine grid: 200, or fewer where that many would take too long."""
    each = coarse.seconds / coarse.values.size
    return FINE if each * FINE**2 <= BUDGET else max(COARSE, int(math.sqrt(BUDGET / each)))
