"""The loss as a function of some elements of one tensor, all else fixed: many points at once, in short steps."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visualizer.base.errors import UserError
from visualizer.components.losses import LIMITS
from visualizer.experiments.losses.evaluation import Built, build, heard
from visualizer.experiments.losses.requests import Setup
from visualizer.experiments.losses.stacked import Stacked

Floats = NDArray[np.float64]
#: How the losses of many copies of a tensor are computed, shape ``(n, *tensor)`` -> ``(n,)``; and by what.
Losses = Callable[[Tensor], Tensor]
Way = Literal["batch", "vmap", "loop"]

#: Seconds that one step of the worker is meant to take.
_STEP = 0.004
#: Elements of the largest batch of tensors, so that its temporaries stay in the processor's cache; and of the first one,
#: of which it is not known yet how long it takes.
_MOST_ELEMENTS, _FIRST_ELEMENTS = 100_000, 16_384
#: Elements of a tensor of which many copies are quick.
_LARGE = 1000
#: Points of the first step at most, where many are quick and where they are not.
_FIRST, _FIRST_SLOW = 1024, 16
#: What vmap says of an operation that it runs one by one: slow, and right.
_ONE_BY_ONE = "There is a performance drop"


@dataclass(frozen=True)
class Domain:
    """Where an element moves.

    Attributes:
        low, high: the ends.
        clipped: why it is smaller than asked for, as a sentence; empty: it is not.
    """

    low: float
    high: float
    clipped: str = ""


def domain_of(setup: Setup, role: str, value: float, reach: float) -> Domain:
    """From ``value - reach`` to ``value + reach``, as far as the loss takes such elements.

    A value that is itself outside (torch does not check all of them) is not clipped on that side.
    """
    item = setup.entry.input(role)
    assert item is not None
    holds = "log_probability" if role == "target" and setup.arguments.get("log_target") else str(item.holds)
    if holds in ("class_or_probability", "sign"):
        holds = "real"
    limits = LIMITS.get(holds, (-math.inf, math.inf))
    words = {"probability": "probabilities lie between 0 and 1", "binary": "labels lie between 0 and 1",
             "log_probability": "the logarithm of a probability is at most 0", "count": "a count is at least 0",
             "positive": "a variance is at least 0"}.get(holds, "")
    if role == "prediction" and setup.arguments.get("log_input") is False:
        limits, words = (0.0, math.inf), "a rate is at least 0"
    low, high = value - reach, value + reach
    clipped = False
    if low < limits[0] <= value:
        low, clipped = limits[0], True
    if high > limits[1] >= value:
        high, clipped = limits[1], True
    return Domain(low, high, f"Drawn from {short(low)} to {short(high)}: {words}." if clipped else "")


def short(value: float) -> str:
    """A number for a sentence, without zeros at its end."""
    return f"{value:.4g}".replace("-", "\u2212")


def exact_of(built: Built) -> Built:
    """The same loss and tensors in float64; a layer keeps its weights, which float64 would draw differently.

    Raises:
        UserError: as :func:`build`.
    """
    exact = build(built.setup, "float64")
    for module, original in ((exact.module, built.module), (exact.each, built.each)):
        module.load_state_dict(original.state_dict())
    return exact


def element_name(role_title: str, shape: tuple[int, ...], index: int) -> str:
    """The name of an element on the screen: ``prediction[1]``, ``prediction[0, 2]``."""
    if len(shape) == 2:
        return f"{role_title}[{index // shape[1]}, {index % shape[1]}]"
    return f"{role_title}[{index}]"


class Moving:
    """The loss as a function of some elements of one tensor.

    A copy of the tensor is made for every point. Many copies are evaluated at once: as one long batch (see :class:`Stacked`),
    or by ``torch.func.vmap``; or one call for each copy, where neither gives what plain calls give.

    Args:
        built: the loss and its tensors.
        role: the tensor whose elements move.
        indices: flat indices of the elements.

    Attributes:
        value: the loss now, of the leaves as they are, by one plain call of torch's module.
        gradient: its derivative with respect to the elements, by autograd, shape ``(len(indices),)``; None: autograd has no
            path from the loss to this tensor.
        way: how many points are evaluated: "batch", "vmap" or "loop".
        quick: whether many points cost little: there is no loop, not even within vmap, and the tensor is not large.
        now: the elements' values, as the dtype holds them.
        warnings: what torch warned of, without what concerns only vmap.

    Raises:
        UserError: torch refuses the tensors.
    """

    def __init__(self, built: Built, role: str, indices: tuple[int, ...]) -> None:
        self.role, self.indices = role, indices
        self._fixed: Mapping[str, Tensor] = {name: leaf.detach() for name, leaf in built.leaves.items()}
        self._base = self._fixed[role]
        self.now = np.array([float(self._base.reshape(-1)[index]) for index in indices])
        moved = self._base.clone().requires_grad_()
        loss = built.scalar({**self._fixed, role: moved})
        self.value = float(loss.detach())
        self.gradient: Floats | None = None
        if loss.requires_grad:
            (found,) = torch.autograd.grad(loss, moved, allow_unused=True)
            if found is not None:
                self.gradient = np.array([float(found.reshape(-1)[index]) for index in indices])
        # What is said while many points are computed is told apart from what is said of the tensors as they are.
        self._built = dataclasses.replace(built, warnings=[])
        self._said = built.warnings
        self.way, self._losses = self._trusted()
        looped = self.way == "loop" or (self.way == "vmap" and any(text.startswith(_ONE_BY_ONE) for text in self._built.warnings))
        self.quick = not looped and self._base.numel() <= _LARGE
        self._rows = max(1, min(_FIRST if self.quick else _FIRST_SLOW, _FIRST_ELEMENTS // max(1, self._base.numel())))

    @property
    def warnings(self) -> list[str]:
        more = [text for text in self._built.warnings if text not in self._said and not text.startswith(_ONE_BY_ONE)]
        return [*self._said, *more]

    def _trusted(self) -> tuple[Way, Losses]:
        """The quickest way that gives what plain calls give, values and slopes, here and beside."""
        here = torch.tensor(self.now, dtype=torch.float64)
        beside = (here.abs() + (here == 0)) / 64 / torch.arange(1, len(here) + 1)  # no two elements by the same step
        points, wanted = [], []
        for point in (here, here - beside, here + beside)[: 3 if self._base.numel() <= _LARGE else 2]:
            try:
                wanted.append(np.vstack(self._part(point[None], True, self._looped)))
            except UserError:
                continue  # beside, torch may refuse what it takes here
            points.append(point)
        plain = np.hstack(wanted)
        tolerance = 32 * torch.finfo(self._base.dtype).eps
        size = float(np.abs(plain[np.isfinite(plain)]).max(initial=1.0))
        makers: dict[Way, Callable[[], Losses | None]] = {"batch": self._stacked, "vmap": lambda: torch.func.vmap(self._one)}
        for way, make in makers.items():
            try:
                losses = make()
                found = None if losses is None else np.vstack(self._part(torch.stack(points), True, losses))
            except Exception:  # of an operation that vmap does not know, or a layout: whatever is raised, plain calls work
                continue
            if losses is not None and found is not None and np.allclose(
                    found, plain, rtol=tolerance, atol=tolerance * size, equal_nan=True):
                return way, losses
        return "loop", self._looped

    def _stacked(self) -> Losses | None:
        stacked = Stacked.of(self._built, self._fixed, self.role)
        return None if stacked is None else stacked.losses

    def _looped(self, tensors: Tensor) -> Tensor:
        return torch.stack([self._one(tensor) for tensor in tensors])

    def _one(self, tensor: Tensor) -> Tensor:
        return self._built.scalar({**self._fixed, self.role: tensor})

    def _tensors(self, points: Tensor) -> Tensor:
        """A copy of the tensor for every point, with its elements put in; shape ``(points, *tensor)``."""
        copies = self._base.reshape(1, -1).repeat(len(points), 1)
        for column, index in enumerate(self.indices):
            copies[:, index] = points[:, column].to(copies.dtype)
        return copies.reshape(len(points), *self._base.shape)

    def values(self, points: Floats) -> Generator[None, None, Floats]:
        """The loss at every point, shape ``(n, len(indices))`` -> ``(n,)``; NaN where torch refuses."""
        found, _ = yield from self._evaluated(points, False)
        return found

    def slopes(self, points: Floats) -> Generator[None, None, tuple[Floats, Floats]]:
        """The loss, and autograd's derivative with respect to the first moving element, at every point."""
        return (yield from self._evaluated(points, True))

    def _evaluated(self, points: Floats, slopes: bool) -> Generator[None, None, tuple[Floats, Floats]]:
        wide = torch.from_numpy(np.array(points, dtype=np.float64).reshape(len(points), len(self.indices)))
        values, found = np.full(len(wide), np.nan), np.full(len(wide), np.nan)
        most = max(1, _MOST_ELEMENTS // max(1, self._base.numel()))
        done = 0
        while done < len(wide):
            rows = slice(done, done + min(most, self._rows))
            start = time.perf_counter()
            part = wide[rows]
            try:
                values[rows], found[rows] = self._part(part, slopes, self._losses)
            except UserError:
                if len(part) > _FIRST_SLOW:
                    self._rows = _FIRST_SLOW  # point by point below, but only as many as are quick even then
                    yield
                    continue
                for at in range(len(part)):
                    try:
                        here = slice(done + at, done + at + 1)
                        values[here], found[here] = self._part(part[at : at + 1], slopes, self._losses)
                    except UserError:
                        continue  # torch refuses this very point: a gap
            done += len(part)
            seconds = time.perf_counter() - start
            # Twice as many at most: the first call of an operation is slower than the next ones.
            self._rows = max(1, min(2 * self._rows, int(len(part) * _STEP / max(seconds, 1e-6)), 1 << 14))
            yield
        return values, found

    def _part(self, points: Tensor, slopes: bool, losses_of: Losses) -> tuple[Floats, Floats]:
        tensors = self._tensors(points)
        with heard(self._built.warnings), torch.set_grad_enabled(slopes and self.gradient is not None):
            tensors.requires_grad_(torch.is_grad_enabled())
            losses = losses_of(tensors)
            values = losses.detach().double().numpy()
            if not losses.requires_grad:
                return values, np.full(len(values), np.nan)
            (gradient,) = torch.autograd.grad(losses.sum(), tensors)
        return values, gradient.reshape(len(points), -1)[:, self.indices[0]].double().numpy()
