"""Plain gradient descent on a curve: the trajectory, where it landed, and what is to be said about it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np
import torch

from visualizer.base.explanation import number_text
from visualizer.base.parameters import Point
from visualizer.experiments.landscape.autograd import autograd_slopes, tensor_curve
from visualizer.experiments.landscape.growing import Floats, Growing
from visualizer.experiments.landscape.interpolation import Curve

Reason = Literal["running", "settled", "left", "steps", "overflow"]
VerdictWord = Literal["converged", "converging", "oscillating", "diverging", "left the domain", "still moving"]

#: Work of one slice, in nodes visited: some 6 ms.
_SLICE = 60_000

#: Seconds that one slice of a batch takes: short, for a slider may wait behind it. Results do not depend on where a slice ends.
_BATCH_SLICE = 0.004

#: The first slice is shorter, so that the first steps are seen at once.
_FIRST = 256


@dataclass(frozen=True, eq=False)
class Path:
    """A trajectory so far; arrays of length steps + 1, read-only.

    Attributes:
        x: the iterates, all finite; the last one lies outside the domain when reason is "left".
        value: the curve there.
        slope: the gradient there, from torch.autograd.
        disagreement: largest difference between autograd's slope and the closed form that took the steps,
            relative to the largest slope.
        reason: why it ended: "settled" (a step shorter than the tolerance), "left" (the domain), "steps" (all
            taken), "overflow" (the next step is not a finite number); "running": not yet.
    """

    x: Floats
    value: Floats
    slope: Floats
    disagreement: float
    reason: Reason


def descend(
    curve: Curve, start: float, alpha: float, steps: int, tolerance: float, low: float, high: float
) -> Iterator[Path]:
    """x <- x - alpha * f'(x), until a step is shorter than ``tolerance`` or x is outside [low, high].

    The steps use the closed-form slope; after each slice of them one backward pass of autograd goes over all
    of its iterates, and its slopes are what the path holds.

    Yields:
        The growing path after every slice (a few ms each), the last one with the reason.
    """
    slope_of = curve.slope_at
    xs, values, slopes = Growing(), Growing(), Growing()
    gap = largest = 0.0
    x = float(start)
    fresh = [x]
    reason: Reason = "running" if low <= x <= high else "left"
    size = max(64, _SLICE // curve.x.size)
    left = steps
    while True:
        closed: list[float] = []
        if reason == "running":
            for _ in range(min(left, size if len(xs) else min(size, _FIRST))):
                slope = slope_of(x)
                closed.append(slope)
                after = x - alpha * slope
                if not low <= after <= high:
                    if math.isfinite(after):
                        fresh.append(after)
                        reason = "left"
                    else:
                        reason = "overflow"
                    break
                fresh.append(after)
                if abs(after - x) < tolerance:
                    reason = "settled"
                    break
                x = after
        left -= len(closed)
        if reason == "running" and left <= 0:
            reason = "steps"
        # The iterate before the slice is looked at again: its closed-form slope is only known now.
        looked_at = np.array(fresh) if not len(xs) else np.concatenate((xs.view()[-1:], fresh))
        by_autograd = autograd_slopes(curve, looked_at)
        if closed:
            known = np.array(closed)
            with np.errstate(invalid="ignore", over="ignore"):
                difference = np.abs(by_autograd[:known.size] - known)
            finite = difference[np.isfinite(difference)]
            gap = max(gap, float(finite.max(initial=0.0)))
            sizes = np.abs(known[np.isfinite(known)])
            largest = max(largest, float(sizes.max(initial=0.0)))
        xs.extend(fresh)
        values.extend(curve.value(np.array(fresh)))
        slopes.extend(by_autograd[-len(fresh):] if fresh else [])
        yield Path(xs.view(), values.view(), slopes.view(), gap / largest if largest else 0.0, reason)
        if reason != "running":
            return
        fresh = []


@dataclass(frozen=True)
class Outcome:
    """What is to be said about a run.

    Attributes:
        verdict: the judgement in one or two words.
        sentence: the same as a sentence with this run's numbers.
        at: where ``curvature`` was taken: the last iterate, or the last one inside the domain; of a run that jumps
            from side to side, the minimum between.
        curvature: f'' there.
        stability_bound: 2 / f'' there, the step size above which plain descent cannot settle at such a place;
            infinite where the curve does not bend up.
    """

    verdict: VerdictWord
    sentence: str
    at: float
    curvature: float
    stability_bound: float


def judge(curve: Curve, x: Floats, value: Floats, slope: Floats, reason: Reason, alpha: float | None) -> Outcome:
    """The verdict on a trajectory (or on its beginning, with reason "running").

    Args:
        curve: the curve that was descended.
        x, value, slope: iterates and what the curve is there, shape [steps + 1].
        reason: why it ended; "running" for a run that goes on.
        alpha: step size of plain descent; None for optimizers, whose steps are not alpha times the slope.
    """
    at = float(x[-2]) if reason == "left" and x.size > 1 else float(x[-1])
    verdict = _verdict(x, reason, _curvature(curve, at))
    if verdict in ("oscillating", "diverging"):
        at = _turning_place(curve, x, at)
    curvature = _curvature(curve, at)
    bound = 2.0 / curvature if curvature > 0.0 else math.inf
    return Outcome(verdict, _sentence(verdict, x, value, slope, reason, alpha, curvature, bound), at, curvature, bound)


def _turning_place(curve: Curve, x: Floats, otherwise: float) -> float:
    """The minimum that the last iterates jump across: the bound is about it, not about the ends of the cycle."""
    recent = x[-8:]
    low, high = float(recent.min()), float(recent.max())
    if not (curve.slope_at(low) < 0.0 < curve.slope_at(high)):
        return otherwise
    for _ in range(60):
        middle = 0.5 * (low + high)
        if curve.slope_at(middle) < 0.0:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _curvature(curve: Curve, x: float) -> float:
    if curve.kind != "pchip":
        return curve.curvature_at(x)
    # It jumps at the nodes, where PCHIP has its minima: the steeper side decides whether a step is too long.
    return max(curve.curvature_at(x), curve.curvature_at(float(np.nextafter(x, -np.inf))))


def _verdict(x: Floats, reason: Reason, curvature: float) -> VerdictWord:
    match reason:
        case "left":
            return "left the domain"
        case "overflow":
            return "diverging"
        case "settled":
            return "converged"
    half = min(32, max(4, x.size // 8))
    if x.size < 2 * half:
        return "still moving"
    recent = x[-2 * half:]
    moves = np.diff(recent)
    moves = moves[moves != 0.0]  # Rprop stands still for a step where it turns round
    if moves.size < 2:
        return "converging"
    lengths = np.abs(moves)
    turns = int((moves[1:] * moves[:-1] < 0.0).sum())
    if turns == 0:
        return "converging" if lengths[-1] < lengths[0] and curvature > 0.0 else "still moving"
    before, after = np.ptp(recent[:half]), np.ptp(recent[half:])
    if after < 0.98 * before or _shrinking(lengths):
        return "converging"
    if reason == "running" and after > 1.02 * before and bool((np.diff(lengths) >= 0.0).all()):
        return "diverging"
    return "oscillating"


def _shrinking(lengths: Floats) -> bool:
    """Whether every step is shorter than the one before, and not ever less so, as on the way to an endless cycle."""
    if not (np.diff(lengths) < 0.0).all():
        return False
    first, middle, last = np.log(lengths[[0, lengths.size // 2, -1]])
    return bool(middle - last > 0.5 * (first - middle))


def _sentence(
    verdict: VerdictWord, x: Floats, value: Floats, slope: Floats, reason: Reason, alpha: float | None,
    curvature: float, bound: float,
) -> str:
    steps = x.size - 1
    after = f"after {steps} step" + ("" if steps == 1 else "s")
    here = f"x = {number_text(float(x[-1]))}"
    beyond = alpha is not None and alpha > bound
    compared = ""
    if beyond and alpha is not None:
        compared = f": \u03b1 = {number_text(alpha)} is above 2/f\u2033 = {number_text(bound)} there"
    match verdict:
        case "converged" if curvature < 0.0:
            return (f"Stopped {after} at {here}, on top of a hill (f\u2033 < 0): the slope is so small there that no step "
                    "leaves it.")
        case "converged":
            return f"Converged {after} at {here}, value {number_text(float(value[-1]))}."
        case "converging":
            return f"Converging: {after} at {here}, slope {number_text(float(slope[-1]))}."
        case "oscillating":
            return f"Oscillating {after}, near {here}{compared}."
        case "diverging" if reason == "overflow":
            return f"Diverging: {after} the next one is too long to be a number."
        case "diverging":
            return f"Diverging: each step is longer than the one before{compared}."
        case "left the domain" if steps == 0:
            return f"The start, {here}, lies outside the domain of the points."
        case "left the domain":
            return f"Left the domain {after}: from x = {number_text(float(x[-2]))} it jumped to {here}."
        case _:
            return f"Still moving {after}, at {here}."


@dataclass(frozen=True)
class Landing:
    """Where a run ended.

    Attributes:
        x: the last iterate.
        value: the descended curve there; ``full_value``: the curve through all points there.
        near: name of the point, kept or not, whose x is nearest.
    """

    x: float
    value: float
    full_value: float
    near: str


def landing(curve: Curve, full: Curve, x: float, points: Sequence[Point]) -> Landing:
    """Where ``x`` is on the descended curve, on the full curve, and among all points."""
    near = min(points, key=lambda point: abs(point.x - x))
    return Landing(x, curve.value_at(x), full.value_at(x), near.name)


#: What the numbers in :attr:`Landings.reason` mean.
REASONS: tuple[Reason, ...] = ("running", "settled", "left", "steps", "overflow")


@dataclass(frozen=True, eq=False)
class Landings:
    """Where many starts ended, shape [starts] each, read-only.

    Attributes:
        start: the starts; ``x``: the last iterates; ``value``: the curve there.
        steps: how many steps were taken.
        reason: index into :data:`REASONS`, int64.
        done: fraction of the starts whose run is over.
    """

    start: Floats
    x: Floats
    value: Floats
    steps: Floats
    reason: np.ndarray[tuple[int], np.dtype[np.int64]]
    done: float


def descend_many(
    curve: Curve, starts: Sequence[float] | Floats, alpha: float, steps: int, tolerance: float, low: float, high: float
) -> Iterator[Landings]:
    """The same descent from many starts, as one torch batch; each start stops by the same rules as :func:`descend`.

    Yields:
        All starts after every slice (some 10 ms each), the last time with every run over.
    """
    slope_of = tensor_curve(curve).derivative
    start = torch.tensor(np.asarray(starts, dtype=np.float64))
    final = start.clone()
    taken = torch.zeros_like(start)
    reason = torch.zeros(start.numel(), dtype=torch.int64)
    reason[(start < low) | (start > high)] = REASONS.index("left")
    alive = torch.nonzero(reason == 0).squeeze(1)
    x = start[alive]
    done = 0
    while True:
        end = perf_counter() + _BATCH_SLICE
        first = True  # every slice takes a step, however late it is
        while alive.numel() and (first or perf_counter() < end):
            first = False
            after = torch.sub(x, slope_of(x, 1), alpha=alpha)
            done += 1
            # One question a step for all: is every start still inside and still moving? NaN says no.
            going = ((after - x).abs() >= tolerance) & (after >= low) & (after <= high)
            if done < steps and bool(going.all()):
                x = after
                continue
            broken = ~torch.isfinite(after)
            over = torch.full_like(alive, 0 if done < steps else REASONS.index("steps"))
            over[(after - x).abs() < tolerance] = REASONS.index("settled")
            over[(after < low) | (after > high)] = REASONS.index("left")
            over[broken] = REASONS.index("overflow")
            x = torch.where(broken, x, after)
            ended = over > 0
            which = alive[ended]
            final[which], reason[which] = x[ended], over[ended]
            taken[which] = done - broken[ended].to(torch.float64)
            alive, x = alive[~ended], x[~ended]
        final[alive], taken[alive] = x, float(done)
        places = _shared(final)
        yield Landings(_shared(start), places, _readonly(curve.value(places)), _shared(taken), _shared_codes(reason),
                       1.0 - alive.numel() / max(1, start.numel()))
        if not alive.numel():
            return


def _readonly(values: Floats) -> Floats:
    values.flags.writeable = False
    return values


def _shared(values: torch.Tensor) -> Floats:
    return _readonly(values.numpy().copy())


def _shared_codes(values: torch.Tensor) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    codes = values.numpy().copy()
    codes.flags.writeable = False
    return codes
