"""Mini-batches: at every step a random subset of the points makes the curve whose slope is taken.

What happens outside a batch's range: its curve is continued as it is (the polynomial goes on as a polynomial, the
piecewise curves go on straight), and its slope there is what the step uses. A step that leaves the domain, which
reaches from the first to the last of *all* points, is put back on its end ("stay": projected gradient descent),
reflected ("bounce"), or ends the run ("stop").
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from time import perf_counter
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visualizer.components.optimizers import Optimizer
from visualizer.components.seeding import derived_seed, torch_generator
from visualizer.experiments.landscape.batched_slopes import BATCHED_SLOPES
from visualizer.experiments.landscape.descent import Reason
from visualizer.experiments.landscape.growing import Floats, Growing
from visualizer.experiments.landscape.interpolation import Curve, make_curve
from visualizer.experiments.landscape.race import Stepper

#: What happens at the ends of the domain.
Ends = Literal["stay", "bounce", "stop"]

#: Seconds that one slice takes. Results do not depend on where a slice ends.
_SLICE = 0.010

#: Elements of the largest temporary, runs times points times points: a step of a block takes a few milliseconds.
_BLOCK = 20_000_000


@dataclass(frozen=True, eq=False)
class BatchPath:
    """A mini-batch run so far; arrays are read-only.

    Attributes:
        x: the iterates, all finite, shape [steps + 1]; the last one lies outside the domain when reason is "left".
        slope: of the batch's curve at the iterate that each step left, shape [steps].
        members: which of the curve's points were in the batch of each step, bool, shape [steps, n].
        outside: whether the dot was outside the range of the batch, bool, shape [steps].
        reason: "running", "left" (the domain), "overflow" (the next step is not a number) or "steps" (all taken).
    """

    x: Floats
    slope: Floats
    members: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    reason: Reason


def draw(generator: torch.Generator, count: int, size: int, keep_ends: bool) -> Tensor:
    """Indices of one batch, increasing: ``size`` of ``count`` points, the first and the last among them if asked for."""
    if size >= count:
        return torch.arange(count)
    if keep_ends:
        inner = 1 + torch.randperm(count - 2, generator=generator)[:size - 2]
        return torch.cat((torch.tensor([0, count - 1]), inner)).sort().values
    return torch.randperm(count, generator=generator)[:size].sort().values


def mini_batches(
    curve: Curve, *, start: float, alpha: float, optimizer: Optimizer, momentum: float, batch_size: int,
    keep_ends: bool, steps: int, seed: int, low: float, high: float, longest: float = math.inf, hold: int = 1,
    ends: Ends = "stop",
) -> Iterator[BatchPath]:
    """One run, each step on the curve through a batch of its own. The same seed replays the same batches.

    Args:
        curve: through all points that batches are drawn from; gives the points and the kind of the batches' curves.
        optimizer: any entry of the catalogue; plain SGD takes the closed-form slope, the others autograd's.
        batch_size: 2 or more; all points if there are fewer.
        keep_ends: whether the first and the last point are in every batch.
        low, high: the domain.
        longest: plain SGD's steps are shortened to this length (gradient clipping).
        hold: so many steps in a row use the same batch.
        ends: what a step that would leave the domain does.

    Yields:
        The growing path after every slice (some 10 ms each).
    """
    generator = torch_generator(seed)
    stepper = None if optimizer.name == "sgd" else Stepper(optimizer, alpha, momentum, start)
    count = curve.x.size
    x = float(start)
    xs, slopes = Growing(), Growing()
    xs.extend([x])
    members = np.zeros((steps, count), dtype=np.bool_)
    outside = np.zeros(steps, dtype=np.bool_)
    reason: Reason = "running" if low <= x <= high else "left"
    step = 0
    while True:
        end = perf_counter() + _SLICE
        while reason == "running" and step < steps and perf_counter() < end:
            if step % hold == 0:
                chosen = draw(generator, count, batch_size, keep_ends).numpy()
                batch = make_curve(curve.kind, curve.x[chosen], curve.y[chosen])
            members[step, chosen] = True
            outside[step] = not batch.x[0] <= x <= batch.x[-1]
            if stepper is None:
                slope = batch.slope_at(x)
                x -= min(longest, max(-longest, alpha * slope))
            else:
                slope = stepper.step(batch)
                x = stepper.x
                if not low <= x <= high and math.isfinite(x) and ends != "stop":
                    stepper.move_to(_back(x, low, high, ends))
            slopes.extend([slope])
            step += 1
            if not math.isfinite(x):
                reason = "overflow"
                continue
            if ends != "stop":
                x = _back(x, low, high, ends)
            xs.extend([x])
            if not low <= x <= high:
                reason = "left"
        if reason == "running" and step >= steps:
            reason = "steps"
        yield BatchPath(xs.view(), slopes.view(), _locked(members[:step]), _locked(outside[:step]), reason)
        if reason != "running":
            return


def _back(x: float, low: float, high: float, ends: Ends) -> float:
    if ends == "bounce":
        x = 2 * low - x if x < low else 2 * high - x if x > high else x
    return min(max(x, low), high)


def _locked(values: NDArray[np.bool_]) -> NDArray[np.bool_]:
    seen = values[:]
    seen.flags.writeable = False
    return seen


@dataclass(frozen=True, eq=False)
class StudyRow:
    """All runs of one batch size.

    Attributes:
        size: points in a batch; ``runs``: how many runs.
        x: where each run ended, shape [runs], read-only; NaN for a run that left the domain.
        full_value: the full curve there.
        near: fraction of all runs that ended near the target, with its 95 % Wilson interval near_low, near_high.
        left: fraction of all runs that left the domain, with its interval left_low, left_high.
        value_low, value_median, value_high: quartiles of ``full_value`` over the runs that stayed; NaN if none did.
    """

    size: int
    runs: int
    x: Floats
    full_value: Floats
    near: float
    near_low: float
    near_high: float
    left: float
    left_low: float
    left_high: float
    value_low: float
    value_median: float
    value_high: float


def study(
    curve: Curve, full: Curve, *, sizes: Sequence[int], start: float, alpha: float, keep_ends: bool, steps: int,
    runs: int, seed: int, low: float, high: float, target: float, near: float, target_half_width: float = 0.0,
    longest: float = math.inf, hold: int = 1, ends: Ends = "stop",
) -> Iterator[StudyRow | None]:
    """Many mini-batch runs of plain SGD for every batch size; all runs of a size are one batched computation.

    Every size sees the same shuffles of the points: its batch is the first ``size`` of a shuffle. So the sizes are
    compared on the same luck, and the batch of a size contains that of every smaller one.

    Args:
        curve: through all points that batches are drawn from.
        full: through all points of the data: its values are what the landings are worth.
        target, near: a run counts as near when it ends at most ``near`` away from ``target`` (beyond the target's
            flat bottom, if it has one of ``target_half_width``).
        longest: steps are shortened to this length (gradient clipping).
        hold: so many steps in a row use the same batch; 1 draws a new one for every step, as SGD does.
        ends: what a step that would leave the domain does; after "stop" the run counts as left.

    Yields:
        None after a slice (some 10 ms each), and a row when a size is done.
    """
    for size in sizes:
        x = torch.full((runs,), float("nan"), dtype=torch.float64)
        yield from _study_runs(curve, x, size, start, alpha, keep_ends, steps, seed, low, high, longest, hold, ends)
        yield _row(size, x.numpy(), full, target, near + target_half_width)


def _study_runs(
    curve: Curve, landed: Tensor, size: int, start: float, alpha: float, keep_ends: bool, steps: int, seed: int,
    low: float, high: float, longest: float, hold: int, ends: Ends,
) -> Iterator[None]:
    """Fills ``landed``, shape [runs], with the places where runs ended; runs that left keep their NaN."""
    kernel = BATCHED_SLOPES[curve.kind](curve.x, curve.y)
    count = curve.x.size
    size = min(size, count)
    end = perf_counter() + _SLICE
    first = 0
    for block_seed, rows in study_blocks(count, landed.numel(), seed) if low <= start <= high else ():
        generator = torch.Generator().manual_seed(block_seed)
        alive = torch.arange(rows)
        x = torch.full((rows,), start, dtype=torch.float64)
        members = _draws(generator, rows, count, size, keep_ends)
        prepared = kernel.prepare(members)
        for step in range(steps):
            if step and step % hold == 0:
                members = _draws(generator, rows, count, size, keep_ends)
                prepared = kernel.prepare(members[alive])
            move = alpha * kernel.slopes(prepared, x)
            if longest < math.inf:
                move.clamp_(-longest, longest)
            x = x - move
            if ends == "bounce":
                x = torch.where(x < low, 2 * low - x, torch.where(x > high, 2 * high - x, x))
            if ends != "stop":
                x = x.clamp(low, high)
            inside = (x >= low) & (x <= high)  # NaN is not
            if not bool(inside.all()):
                alive, x = alive[inside], x[inside]
                if not alive.numel():
                    break
                if (step + 1) % hold:
                    prepared = kernel.prepare(members[alive])
            if perf_counter() > end:
                yield None
                end = perf_counter() + _SLICE
        landed[first + alive] = x
        first += rows


def study_blocks(count: int, runs: int, seed: int) -> tuple[tuple[int, int], ...]:
    """How the runs of a study of ``count`` points are computed together: the seed and the number of runs of each block."""
    size = max(64, _BLOCK // count**2)
    return tuple((derived_seed(seed, "study", first), min(size, runs - first)) for first in range(0, runs, size))


def _draws(generator: torch.Generator, rows: int, count: int, size: int, keep_ends: bool) -> Tensor:
    """A batch for every run, indices increasing, shape [rows, size]."""
    if size == count:
        return torch.arange(count).expand(rows, -1)
    scores = torch.rand(rows, count, generator=generator)
    if keep_ends:
        scores[:, 0] = scores[:, -1] = 2.0
    return scores.topk(size, dim=1).indices.sort(dim=1).values


def _row(size: int, x: Floats, full: Curve, target: float, reach: float) -> StudyRow:
    runs = x.size
    stayed = np.isfinite(x)
    values = np.where(stayed, full.value(np.where(stayed, x, full.x[0])), np.nan)
    quartiles = np.quantile(values[stayed], (0.25, 0.5, 0.75)) if stayed.any() else np.full(3, np.nan)
    near = int((np.abs(x[stayed] - target) <= reach).sum())
    left = runs - int(stayed.sum())
    x.flags.writeable = values.flags.writeable = False
    return StudyRow(
        size, runs, x, values, near / runs, *wilson(near, runs), left / runs, *wilson(left, runs), *quartiles.tolist(),
    )


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval for a probability of which ``successes`` in ``trials`` were seen; inside [0, 1] at 0 and all."""
    z = NormalDist().inv_cdf((1.0 + confidence) / 2.0)
    share = successes / trials
    centre = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return (0.0 if successes == 0 else centre - half), (1.0 if successes == trials else centre + half)
