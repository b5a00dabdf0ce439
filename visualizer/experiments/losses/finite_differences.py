r"""Autograd's gradient against central finite differences, in float64.

For every element :math:`x_i` of a tensor the loss is evaluated at :math:`x_i \pm h_i`, and
:math:`(f(x_i + h_i) - f(x_i - h_i)) / (2 h_i)` is compared with what ``backward`` gives. The step
:math:`h_i = \epsilon^{1/3} \max(1, |x_i|)` balances truncation, :math:`h^2 |f'''| / 6`, against rounding,
:math:`\epsilon |f| / h` (Press et al., Numerical Recipes, section 5.7). Near the end of what a loss allows, such as a
probability close to 0, the distance to that end takes the place of the 1; at the very end only one side can be evaluated.

Where the loss has a kink both sides have a slope of their own, and every slope between them is a subgradient: autograd gives
one of them, the central difference their average. Both are right, so such an element is reported as a kink, not as an error.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visualizer.base.errors import UserError
from visualizer.experiments.losses.evaluation import Built, build, heard
from visualizer.experiments.losses.requests import Setup
from visualizer.figures.model import readonly

Floats = NDArray[np.float64]

#: Distance from 1 to the next float64.
EPSILON = float(np.finfo(np.float64).eps)
#: The step for an element of size 1: the cube root of epsilon.
STEP = EPSILON ** (1.0 / 3.0)
#: What still counts as equal: this share of the larger of the slope and the largest slope, and this much in any case.
RELATIVE, ABSOLUTE = 1e-4, 1e-7

#: Seconds that one chunk should take.
_CHUNK = 0.005


@dataclass(frozen=True, eq=False)
class Check:
    """Two computations of one gradient, side by side.

    Attributes:
        role: the tensor: ``prediction``, ``target``, ``second`` or ``third``.
        shape: of that tensor, and of all arrays here.
        gradient: by autograd, in float64.
        differences: central differences; NaN where the loss is not finite on either side.
        left, right: slopes of the two sides, which differ at a kink.
        steps: the step that was taken at each element; NaN before its turn came.
        kinks: whether the loss has a kink at (or within the step from) the element.
        wrong: whether the two disagree by more than truncation and rounding explain, and there is no kink.
        max_error: largest absolute difference of the two where there is no kink; NaN if nothing could be compared.
        max_relative: the largest of these differences divided by the size of the slope (at least 1e-8).
        where: flat index of the largest difference; -1 if nothing could be compared.
        compared: how many elements could be compared, kinks left out.
        done: part of the elements whose turn has come, in [0, 1].
    """

    role: str
    shape: tuple[int, ...]
    gradient: Floats
    differences: Floats
    left: Floats
    right: Floats
    steps: Floats
    kinks: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    max_error: float
    max_relative: float
    where: int
    compared: int
    done: float = 1.0

    @property
    def passed(self) -> bool:
        """Whether autograd and the differences agree wherever they can be compared; kinks are no disagreement."""
        return not self.wrong.any() and (self.compared > 0 or bool(self.kinks.any()))

    @property
    def errors(self) -> Floats:
        """Autograd minus finite difference, for every element; NaN where there is none."""
        return self.gradient - self.differences

    @property
    def badge(self) -> str:
        """A few words: whether they agree, with the largest error."""
        kinks = int(self.kinks.sum())
        at = f"; {kinks} at a kink" if kinks else ""
        if self.wrong.any():
            return f"Differs by {self.max_error:.1e} from finite differences"
        if self.compared:
            slope = abs(float(self.gradient.reshape(-1)[self.where]))
            beside = f" of {slope:.1e}" if slope >= 1000.0 else ""  # what is large in itself is small beside such a slope
            return f"Gradient checked: largest error {self.max_error:.1e}{beside}{at}"
        if kinks:
            return "Every element is at a kink"
        return "Cannot be checked: the loss is not finite" if self.gradient.size else "Nothing to check: the tensor is empty"


def in_float64(setup: Setup) -> Built:
    """The setup in float64; a loss that is a layer keeps the weights that it has in the setup's own dtype.

    Raises:
        UserError: as :func:`visualizer.experiments.losses.evaluation.build`.
    """
    built = build(setup, "float64")
    if setup.entry.layer and setup.dtype != "float64":
        own = build(setup).module
        built.module.load_state_dict(own.state_dict())
        if built.each is not built.module:
            built.each.load_state_dict(own.state_dict())
    return built


def gradients(built: Built) -> dict[str, Tensor]:
    """Autograd's gradient of :meth:`Built.scalar` by role, for every tensor that requires one; zeros for one without influence.

    Raises:
        UserError: torch refuses the tensors.
    """
    wanted = {role: leaf for role, leaf in built.leaves.items() if leaf.requires_grad}
    if not wanted:
        return {}
    loss = built.scalar()
    if not loss.requires_grad:
        return {role: torch.zeros_like(leaf) for role, leaf in wanted.items()}
    with heard(built.warnings):
        found = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    return {role: torch.zeros_like(leaf) if grad is None else grad
            for (role, leaf), grad in zip(wanted.items(), found, strict=True)}


def checked(built: Built) -> Iterator[tuple[Check, ...] | None]:
    """Every tensor that requires a gradient, one after the other.

    Args:
        built: in float64 (see :func:`in_float64`).

    Yields:
        None about every 5 ms, the last item the checks in the order of ``forward``; empty if nothing requires a gradient.

    Raises:
        UserError: torch refuses the tensors.
    """
    found: list[Check] = []
    grads = gradients(built)
    yield None
    for role, gradient in grads.items():
        last: Check | None = None
        for part in central_differences(built, role, gradient):
            if part is not None:
                last = part
            yield None
        assert last is not None
        found.append(last)
    yield tuple(found)


def worst(checks: Sequence[Check]) -> Check | None:
    """The check with the largest error, disagreements first; None if there is none."""
    return max(checks, key=lambda check: (bool(check.wrong.any()), np.nan_to_num(check.max_error, nan=-1.0)), default=None)


def central_differences(built: Built, role: str, gradient: Tensor | None = None) -> Iterator[Check | None]:
    """The gradient with respect to one tensor, twice: by autograd and by central differences.

    Args:
        built: in float64 (see :func:`in_float64`).
        role: which tensor; its leaf holds floating-point numbers and requires a gradient, unless ``gradient`` is given.
        gradient: autograd's, if it is known already.

    Yields:
        None about every 5 ms; a :class:`Check` of what there is so far (``done`` < 1) about five times a second; the last
        item is the whole check.

    Raises:
        UserError: torch refuses the tensors.
    """
    leaf = built.leaves[role]
    if gradient is None:
        gradient = gradients(built)[role]
    auto = readonly(gradient.detach().to(torch.float64).numpy().reshape(-1).copy())
    probe = Probe(built, role)
    lower, steps, upper = _positions(built, role, probe.values)
    middle = probe(0, probe.values[0]) if probe.values.size else math.nan
    found = np.full((3, probe.values.size), np.nan)  # central, left, right
    kinks = np.zeros(probe.values.size, dtype=bool)
    paused = shown = time.perf_counter()
    for index, at in enumerate(probe.values.tolist()):
        below, above = float(lower[index]), float(upper[index])
        slopes = probe.slopes(index, below, above, middle)
        found[:, index] = slopes
        if _apart(slopes, middle, above - below):
            half = probe.slopes(index, (at + below) / 2, (at + above) / 2, middle)
            # Of a smooth loss half the jump is left; of a kink here the whole jump; of one beside the element all or nothing.
            kinks[index] = not 0.3 < abs((half[2] - half[1]) / (slopes[2] - slopes[1])) < 0.7
        now = time.perf_counter()
        if now - paused > _CHUNK and index + 1 < probe.values.size:
            if now - shown > 0.2:
                shown = now
                done = (index + 1) / probe.values.size
                yield replace(_compared(role, leaf.shape, auto, found, kinks, steps, middle), done=done)
            else:
                yield None
            paused = time.perf_counter()
    yield _compared(role, leaf.shape, auto, found, kinks, steps, middle)


def _apart(slopes: tuple[float, float, float], middle: float, width: float) -> bool:
    """Whether the slopes of both sides differ by more than rounding explains."""
    _, left, right = slopes
    jump = abs(right - left)
    noise = 64.0 * EPSILON * abs(middle) / width if width > 0.0 else math.inf
    return math.isfinite(jump) and jump > max(1e-4 * max(abs(left), abs(right)), noise)


def _compared(role: str, size: torch.Size, auto: Floats, found: Floats, kinks: NDArray[np.bool_], steps: Floats,
              middle: float) -> Check:
    shape = tuple(size)
    central, left, right = found
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        error = np.abs(auto - central)
        finite = np.isfinite(error)
        largest = float(np.max(np.abs(auto), where=np.isfinite(auto), initial=0.0))
        aside = np.fmax(np.abs(left), np.abs(right))  # times h: how far the loss is from the middle's, on either side
        rounding = 16.0 * EPSILON * (abs(middle) / steps + np.nan_to_num(aside)) * math.sqrt(max(1, auto.size))
        # The positions are rounded, too: by half a unit of a number that is 1 / STEP times as large as the step.
        rounding += 2.0 * EPSILON / STEP * np.nan_to_num(aside)
        allowed = ABSOLUTE * min(1.0, largest) + RELATIVE * np.maximum(np.abs(auto), 1e-3 * largest) + rounding
        off = finite & (error > allowed)
        # A subgradient lies between the slopes of the two sides; a wrong gradient of a smooth loss does not.
        between = (np.minimum(left, right) - allowed <= auto) & (auto <= np.maximum(left, right) + allowed)
    bent = kinks & (between | ~off)
    wrong = off & ~bent
    counted = finite & ~bent
    where = int(np.argmax(np.where(counted, error, -1.0))) if counted.any() else -1
    relative = float(np.max(error[counted] / np.maximum(np.abs(auto[counted]), 1e-8))) if where >= 0 else math.nan
    reached = np.where(np.isnan(central) & np.isnan(left) & np.isnan(right), np.nan, steps)
    kept = [readonly(array.reshape(shape).copy()) for array in (central, left, right, reached)]
    masks = [mask.reshape(shape) for mask in (bent, wrong)]
    for mask in masks:
        mask.flags.writeable = False
    return Check(role, shape, readonly(auto.reshape(shape)), kept[0], kept[1], kept[2], kept[3], masks[0], masks[1],
                 float(error[where]) if where >= 0 else math.nan, relative, where, int(counted.sum()))


def domain(setup: Setup, role: str) -> tuple[float, float]:
    """Between which values a loss is defined in this tensor; torch refuses others, or gives NaN."""
    item = setup.entry.input(role)
    return (-math.inf, math.inf) if item is None or item.defined is None else item.defined(setup.arguments)


def _positions(built: Built, role: str, values: Floats) -> tuple[Floats, Floats, Floats]:
    """Below every element, the step, and above it; where a side is not allowed, the element itself takes its place."""
    low, high = domain(built.setup, role)
    size = np.maximum(1.0, np.abs(values))
    with np.errstate(invalid="ignore"):
        room = np.minimum(values - low, high - values)
        size = np.where(room > 0.0, np.minimum(size, room), size)
        steps = np.where(np.isfinite(values), STEP * size, np.nan)
        lower, upper = values - steps, values + steps
        return np.where(lower < low, values, lower), steps, np.where(upper > high, values, upper)


class Probe:
    """The loss (of :meth:`Built.scalar`) as a function of one element of one of its tensors, without a graph.

    A plain loop: torch.vmap does not pay here. For 10,000 elements it takes as long (mean squared error) or four times as long
    (cross entropy, which it takes apart), for a few elements the calls take less than its preparations, and the losses whose
    kernels cannot be batched would need the loop anyway.

    Attributes:
        values: all elements, row by row.
    """

    def __init__(self, built: Built, role: str) -> None:
        self._tensors = {name: leaf.detach() for name, leaf in built.leaves.items()}
        self._tensors[role] = self._tensors[role].clone(memory_format=torch.contiguous_format)
        self._built = replace(built, warnings=[])
        self._open = self._tensors[role].reshape(-1).numpy()  # shares its memory
        self.values: Floats = readonly(self._open.copy())

    def __call__(self, index: int, value: float) -> float:
        """The loss with this value in place of the element; NaN where torch refuses it."""
        self._open[index] = value
        try:
            with torch.no_grad():
                return float(self._built.scalar(self._tensors))
        except UserError:
            return math.nan
        finally:
            self._open[index] = self.values[index]

    def slopes(self, index: int, lower: float, upper: float, middle: float) -> tuple[float, float, float]:
        """The slope across both sides, that of the left and that of the right; NaN where a side is missing."""
        at = float(self.values[index])
        below, above = self(index, lower), self(index, upper)
        # The distance is that of the rounded positions, not 2 h.
        return _ratio(above - below, upper - lower), _ratio(middle - below, at - lower), _ratio(above - middle, upper - at)


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0.0 else math.nan
