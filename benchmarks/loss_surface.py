"""The surface of a loss over two elements, 200 x 200 points, against the plain loop of torch calls over the same grid.

    python -m benchmarks.loss_surface [--rounds 3]

The page's own function computes the mean squared error of the lecture's tensors and the cross entropy of two rows in chunks
with ``torch.func.vmap``; the loop calls the same loss for each of the 40,000 points. Both run in turns, and the ratio is the
median over the rounds. Limits: at least 30 times quicker; the same values but for rounding. Losses of which torch runs an
operation one by one under vmap are shown without a limit, against the loop over every 16th point, scaled.

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

from visualizer.experiments.losses.curves import Moving, domain_of
from visualizer.experiments.losses.evaluation import Built, build
from visualizer.experiments.losses.requests import setup_of
from visualizer.experiments.losses.state import LossesState
from visualizer.experiments.losses.surfaces import FINE, Surface, surface

LIMIT, REACH = 30.0, 4.0
LIMITED, SHOWN = ("MSELoss", "CrossEntropyLoss"), ("L1Loss", "MultiMarginLoss", "TripletMarginLoss")
Floats = NDArray[np.float64]


def built_of(name: str) -> Built:
    return build(setup_of(LossesState().changed(loss=name)))


def product(built: Built) -> tuple[float, Surface, float]:
    """Seconds, the surface, and the longest step of the worker."""
    start = time.perf_counter()
    moving = Moving(built, "prediction", (0, 1))
    values = built.setup.inputs[0].data.values
    x_domain, y_domain = (domain_of(built.setup, "prediction", value, REACH) for value in values[:2])
    steps, longest = surface(moving, x_domain, y_domain, FINE), 0.0
    while True:
        before = time.perf_counter()
        try:
            next(steps)
        except StopIteration as stop:
            return time.perf_counter() - start, stop.value, longest
        longest = max(longest, time.perf_counter() - before)


def plain_loop(built: Built, found: Surface, every: int) -> tuple[float, Floats]:
    """Seconds for the whole grid (scaled, if only every so many points are computed), and the losses of those."""
    tensors = {role: leaf.detach() for role, leaf in built.leaves.items()}
    prediction = tensors["prediction"].clone()
    flat, rest = prediction.view(-1), list(tensors.values())[1:]
    points = [(x, y) for y in found.y.tolist() for x in found.x.tolist()][::every]
    losses = np.empty(len(points))
    start = time.perf_counter()
    for index, (x, y) in enumerate(points):
        flat[0], flat[1] = x, y
        losses[index] = built.module(prediction, *rest).item()
    return (time.perf_counter() - start) * every, losses


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    missed = False
    for name in (*LIMITED, *SHOWN):
        built, every = built_of(name), 1 if name in LIMITED else 16
        product(built)  # the first call of vmap imports
        quick, slow, longest, error = [], [], 0.0, 0.0
        for _ in range(rounds):
            seconds, found, step = product(built)
            quick.append(seconds)
            seconds, losses = plain_loop(built, found, every)
            slow.append(seconds)
            longest = max(longest, step)
            error = max(error, float(np.abs(found.values.reshape(-1)[::every] - losses).max() / np.abs(losses).max()))
        ratio = statistics.median(loop / vmap for loop, vmap in zip(slow, quick, strict=True))
        limit = f"limit {LIMIT:.0f}x" if name in LIMITED else "no limit"
        print(f"{name:20} loop {1e3 * statistics.median(slow):8.1f} ms   page {1e3 * statistics.median(quick):7.1f} ms   "
              f"{ratio:6.1f}x   {limit}   longest step {1e3 * longest:5.1f} ms   largest relative difference {error:.0e}")
        missed |= (name in LIMITED and ratio < LIMIT) or error > 1e-5
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
