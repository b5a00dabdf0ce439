"""The surface of every loss over two elements, 200 x 200 points, against the plain loop of torch calls over the same grid.

    python -m benchmarks.loss_surface [--rounds 3] [NAME ...]

The page's own function computes the surface of each loss's example, many points a call; the loop calls the same loss for each of
the 40,000 points (all of them for the mean squared error and the cross entropy, every 16th for the others, scaled). Both run in
turns, and the figures are medians over the rounds. Limits, for every loss: at least 30 times quicker than the loop; the
longest step of the worker 10 ms of processor time (real time, which other programs lengthen, is shown beside it); the same
values but for rounding.

Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
import warnings

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from numpy.typing import NDArray

from visualizer.components.losses import LOSSES
from visualizer.experiments.losses.curves import Moving, domain_of
from visualizer.experiments.losses.evaluation import Built, build
from visualizer.experiments.losses.requests import setup_of
from visualizer.experiments.losses.state import LossesState
from visualizer.experiments.losses.surfaces import FINE, Surface, surface

LIMIT, STEP_LIMIT, ERROR_LIMIT, REACH = 30.0, 0.010, 1e-5, 4.0
WHOLE, EVERY = ("MSELoss", "CrossEntropyLoss"), 16
Floats = NDArray[np.float64]


def built_of(name: str) -> Built:
    return build(setup_of(LossesState().changed(loss=name)))


def product(built: Built) -> tuple[float, Surface, float, float]:
    """Seconds, the surface, and the longest of the steps in which the worker computes it: processor time and real time."""
    start = time.perf_counter()
    moving = Moving(built, "prediction", (0, 1))
    values = built.setup.inputs[0].data.values
    x_domain, y_domain = (domain_of(built.setup, "prediction", value, REACH) for value in values[:2])
    steps, longest = surface(moving, x_domain, y_domain, FINE), (0.0, 0.0)
    while True:
        before = time.thread_time(), time.perf_counter()
        try:
            next(steps)
        except StopIteration as stop:
            return time.perf_counter() - start, stop.value, *longest
        longest = max(longest[0], time.thread_time() - before[0]), max(longest[1], time.perf_counter() - before[1])


@torch.no_grad()
def plain_loop(built: Built, drawn: Surface, every: int) -> tuple[float, Floats]:
    """Seconds for the whole grid (scaled, if only every so many points are computed), and the losses of those."""
    tensors = {role: leaf.detach() for role, leaf in built.leaves.items()}
    prediction = tensors["prediction"].clone()
    flat, rest = prediction.view(-1), list(tensors.values())[1:]
    points = [(x, y) for y in drawn.y.tolist() for x in drawn.x.tolist()][::every]
    losses = np.empty(len(points))
    start = time.perf_counter()
    for index, (x, y) in enumerate(points):
        flat[0], flat[1] = x, y
        found = built.module(prediction, *rest)
        losses[index] = (found if isinstance(found, torch.Tensor) else found.loss).item()
    return (time.perf_counter() - start) * every, losses


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="losses, such as MSELoss; all, if none is named")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    missed = False
    print(f"limits: {LIMIT:.0f}x, longest step {1e3 * STEP_LIMIT:.0f} ms of processor time, "
          f"largest relative difference {ERROR_LIMIT:.0e}")
    for name in given.names or [entry.name for entry in LOSSES]:
        built, every = built_of(name), 1 if name in WHOLE else EVERY
        product(built)  # the first call of an operation loads it
        quick, slow, steps, real_steps, errors = [], [], [], [], []
        for _ in range(given.rounds):
            seconds, found, step, real_step = product(built)
            quick.append(seconds)
            steps.append(step)
            real_steps.append(real_step)
            seconds, losses = plain_loop(built, found, every)
            slow.append(seconds)
            errors.append(np.abs(found.values.reshape(-1)[::every] - losses).max() / np.abs(losses).max())
        ratio = statistics.median(loop / page for loop, page in zip(slow, quick, strict=True))
        step, error = statistics.median(steps), float(np.max(errors))
        held = ratio >= LIMIT and step <= STEP_LIMIT and error <= ERROR_LIMIT
        print(f"{name:29} loop {1e3 * statistics.median(slow):8.1f} ms   page {1e3 * statistics.median(quick):6.1f} ms   "
              f"{ratio:6.1f}x   longest step {1e3 * step:4.1f} ms (real {1e3 * statistics.median(real_steps):4.1f})   "
              f"difference {error:.0e}{'' if held else '   MISSED'}",
              flush=True)
        missed |= not held
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
