"""The landscape's mathematics against the plain torch loop, and its derivative against 50-digit arithmetic.

    python -m benchmarks.landscape_math [--rounds 5]

- Derivative: largest error at, beside and between the nodes of the lecture's four node sets, relative to the largest
  derivative; at most 1e-12.
- 10,000 steps of plain descent on the curve through 17 points, at least 10 times quicker than the plain loop: the
  barycentric formula in torch operations, ``backward()``, one subtraction. The product's run includes the backward
  pass over all iterates that it shows.
- 1,000 starts descended as one batch, at least 200 times quicker per step of one start than that loop.

What is compared runs in turns, and each ratio is the median over the rounds. Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import mpmath
import numpy as np
import torch
from numpy.typing import NDArray

from visualizer.components.optimizers import optimizer
from visualizer.experiments.landscape.autograd import autograd_slopes
from visualizer.experiments.landscape.descent import descend, descend_many
from visualizer.experiments.landscape.interpolation import Curve, make_curve
from visualizer.experiments.landscape.race import race
from visualizer.experiments.landscape.state import default_points

ERROR_LIMIT, STEPS_LIMIT, STARTS_LIMIT = 1e-12, 10.0, 200.0
STEPS, STARTS, BATCH_STEPS, PLAIN_STEPS = 10_000, 1_000, 1_000, 2_000
LOW, HIGH, ALPHA = 1.0, 17.0, 0.001
Floats = NDArray[np.float64]


def exact_slopes(x: Floats, y: Floats, at: Floats) -> Floats:
    """The polynomial's slope by Newton's divided differences in 50 digits."""
    with mpmath.workdps(50):
        nodes, table = [mpmath.mpf(v) for v in x.tolist()], [mpmath.mpf(v) for v in y.tolist()]
        for order in range(1, len(nodes)):
            for row in range(len(nodes) - 1, order - 1, -1):
                table[row] = (table[row] - table[row - 1]) / (nodes[row] - nodes[row - order])
        slopes = []
        for place in at.tolist():
            value, slope = table[-1], mpmath.mpf(0)
            for row in range(len(nodes) - 2, -1, -1):
                slope = slope * (place - nodes[row]) + value
                value = value * (place - nodes[row]) + table[row]
            slopes.append(float(slope))
    return np.array(slopes)


def derivative_error() -> float:
    """The largest error of the closed form and of autograd, relative to the largest derivative of the node set."""
    points, worst = default_points(), 0.0
    for removed in ((), range(9, 14), range(7, 14), range(5, 15)):
        kept = [point for number, point in enumerate(points, start=1) if number not in removed]
        x, y = np.array([point.x for point in kept]), np.array([point.y for point in kept])
        beside = [x * (1 + sign * distance) for distance in (1e-15, 1e-12, 1e-9, 1e-6, 1e-3) for sign in (-1, 1)]
        at = np.clip(np.concatenate([x, *beside, np.linspace(x[0], x[-1], 200)]), x[0], x[-1])
        exact, curve = exact_slopes(x, y, at), make_curve("lagrange", x, y)
        scalar = np.array([curve.slope_at(place) for place in at.tolist()])
        for found in (curve.slope(at), scalar, autograd_slopes(curve, at)):
            worst = max(worst, float(np.abs(found - exact).max() / np.abs(exact).max()))
    return worst


def plain_loop(curve: Curve, steps: int) -> float:
    """Seconds per step of what one would write: autograd through the barycentric formula."""
    nodes, values = torch.tensor(curve.x), torch.tensor(curve.y)
    difference = nodes[:, None] - nodes
    difference.fill_diagonal_(1.0)
    weights = 1.0 / difference.prod(dim=1)
    x = torch.tensor(15.3, dtype=torch.float64, requires_grad=True)
    start = time.perf_counter()
    for _ in range(steps):
        terms = weights / (x - nodes)
        value = (terms * values).sum() / terms.sum()
        value.backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        with torch.no_grad():
            x -= ALPHA * x.grad
        x.grad = None
    return (time.perf_counter() - start) / steps


def one_descent(curve: Curve) -> float:
    start = time.perf_counter()
    *_, path = descend(curve, 15.3, ALPHA, STEPS, 0.0, LOW, HIGH)
    return (time.perf_counter() - start) / (path.x.size - 1)


def many_descents(curve: Curve) -> float:
    starts = np.linspace(2.0, 16.5, STARTS)
    start = time.perf_counter()
    *_, landings = descend_many(curve, starts, ALPHA, BATCH_STEPS, 0.0, LOW, HIGH)
    return (time.perf_counter() - start) / float(landings.steps.sum())


def torch_optimizer(curve: Curve) -> float:
    start = time.perf_counter()
    *_, (runner,) = race(curve, (optimizer("sgd"),), (ALPHA,), 0.0, 15.3, PLAIN_STEPS, 0.0, LOW, HIGH)
    return (time.perf_counter() - start) / (runner.x.size - 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    curve = make_curve("lagrange", [p.x for p in default_points()], [p.y for p in default_points()])
    sides: dict[str, Callable[[], float]] = {
        "plain": lambda: plain_loop(curve, PLAIN_STEPS), "one": lambda: one_descent(curve),
        "many": lambda: many_descents(curve), "optimizer": lambda: torch_optimizer(curve),
    }
    torch_optimizer(curve)  # the first torch.optim optimizer imports for a second
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            seconds[name].append(measure())

    def ratio(name: str) -> float:
        return statistics.median(plain / quick for plain, quick in zip(seconds["plain"], seconds[name], strict=True))

    error, one, many = derivative_error(), ratio("one"), ratio("many")
    microseconds = {name: 1e6 * statistics.median(values) for name, values in seconds.items()}
    print(f"derivative, largest relative error        {error:10.1e}   limit {ERROR_LIMIT:.0e}")
    print(f"plain loop over torch autograd            {microseconds['plain']:10.2f} us a step")
    print(f"descent, {STEPS:,} steps                   {microseconds['one']:10.2f} us a step   {one:7.0f}x   "
          f"limit {STEPS_LIMIT:.0f}x")
    print(f"{STARTS:,} starts as one batch               {microseconds['many']:10.3f} us a step   {many:7.0f}x   "
          f"limit {STARTS_LIMIT:.0f}x")
    print(f"torch.optim.SGD with autograd, as raced   {microseconds['optimizer']:10.2f} us a step   {ratio('optimizer'):7.1f}x")
    return 0 if error <= ERROR_LIMIT and one >= STEPS_LIMIT and many >= STARTS_LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
