"""Optimizers of torch.optim from the same start on the same curve: their real classes, real autograd."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import cast

import torch
from torch import Tensor

from visualizer.components.optimizers import Optimizer
from visualizer.experiments.landscape.autograd import autograd_slopes, curve_tensor
from visualizer.experiments.landscape.descent import Reason
from visualizer.experiments.landscape.growing import Floats, Growing
from visualizer.experiments.landscape.interpolation import Curve

#: Seconds that one slice takes, of all runners together. Results do not depend on where a slice ends.
_SLICE = 0.010

#: Steps of one runner before the next one's turn.
_TURN = 2

#: An optimizer that remembers may stand still for a moment: momentum where it turns round, Rprop for one step
#: whenever the slope changes sign. It has settled only after so many short steps in a row.
PATIENCE = 10


@dataclass(frozen=True, eq=False)
class Runner:
    """One optimizer's run so far; arrays of length steps + 1, read-only.

    Attributes:
        x: the iterates, all finite; the last one lies outside the domain when reason is "left".
        value, slope: the curve there, and autograd's gradient.
        state: the optimizer's own values after each step, by their symbol in the formula; NaN before the first.
        reason: as in :class:`visualizer.experiments.landscape.descent.Path`.
    """

    x: Floats
    value: Floats
    slope: Floats
    state: dict[str, Floats]
    reason: Reason


class Stepper:
    """A torch optimizer that moves one number.

    Attributes:
        x: where it is.
        symbols: names of its state values.
    """

    def __init__(self, entry: Optimizer, lr: float, momentum: float, start: float) -> None:
        self._parameter = torch.tensor(start, dtype=torch.float64, requires_grad=True)
        self._optimizer = entry.create([self._parameter], lr, momentum)
        self._keys = tuple(entry.state)
        self.symbols = tuple(entry.state.values())
        self.x = float(start)

    def step(self, curve: Curve) -> float:
        """One backward pass through the curve and one step of the optimizer.

        Returns:
            The gradient at the place that was left.
        """
        parameter = self._parameter
        self._optimizer.zero_grad()
        curve_tensor(curve, parameter).backward()  # type: ignore[no-untyped-call]
        slope = cast("Tensor", parameter.grad).item()
        self._optimizer.step()
        self.x = parameter.item()
        return slope

    def move_to(self, x: float) -> None:
        """Put it at another place; the optimizer's own values stay."""
        with torch.no_grad():
            self._parameter.fill_(x)
        self.x = x

    def state(self) -> list[float]:
        """The optimizer's own values now; NaN for those that it has not made yet."""
        kept = self._optimizer.state.get(self._parameter, {})
        values = (kept.get(key) for key in self._keys)
        return [math.nan if value is None else float(value) for value in values]


class _Lane:
    """One optimizer under way, and what it has left behind so far."""

    def __init__(self, stepper: Stepper, steps: int, tolerance: float, patience: int, low: float, high: float) -> None:
        self.reason: Reason = "running" if low <= stepper.x <= high else "left"
        self._stepper = stepper
        self._remaining = steps
        self._tolerance = tolerance
        self._patience = self._short = patience
        self._low, self._high = low, high
        self._x, self._value, self._slope = Growing(), Growing(), Growing()
        self._state = [Growing() for _ in stepper.symbols]
        self._fresh_x, self._fresh_slopes = [stepper.x], list[float]()
        self._fresh_state = [stepper.state()]

    def advance(self, curve: Curve, count: int) -> None:
        """At most ``count`` steps."""
        stepper = self._stepper
        before = stepper.x
        for _ in range(min(count, self._remaining) if self.reason == "running" else 0):
            self._fresh_slopes.append(stepper.step(curve))
            self._remaining -= 1
            after = stepper.x
            if not math.isfinite(after):
                self.reason = "overflow"
                return
            self._fresh_x.append(after)
            if self._state:
                self._fresh_state.append(stepper.state())
            self._short = self._short - 1 if abs(after - before) < self._tolerance else self._patience
            before = after
            if not self._low <= after <= self._high:
                self.reason = "left"
            elif not self._short:
                self.reason = "settled"
            else:
                continue
            return
        if self.reason == "running" and self._remaining <= 0:
            self.reason = "steps"

    def runner(self, curve: Curve) -> Runner:
        """Everything so far."""
        if self._fresh_x:
            # A slope is known for every place that a step has left. The last one's is asked for now; the next step
            # finds the same one again, so then the first is left out.
            slopes = [*self._fresh_slopes, float(autograd_slopes(curve, self._fresh_x[-1:])[0])]
            self._slope.extend(slopes[-len(self._fresh_x):])
            self._x.extend(self._fresh_x)
            # One by one: then the numbers do not depend on how many of them came in this slice.
            self._value.extend([curve.value_at(x) for x in self._fresh_x])
            for index, grown in enumerate(self._state):
                grown.extend([values[index] for values in self._fresh_state])
            self._fresh_x, self._fresh_slopes, self._fresh_state = [], [], []
        state = {symbol: grown.view() for symbol, grown in zip(self._stepper.symbols, self._state, strict=True)}
        return Runner(self._x.view(), self._value.view(), self._slope.view(), state, self.reason)


def race(
    curve: Curve, entries: Sequence[Optimizer], rates: Sequence[float], momentum: float, start: float, steps: int,
    tolerance: float, low: float, high: float,
) -> Iterator[tuple[Runner, ...]]:
    """Every optimizer takes the same number of steps at a time, until it settles, leaves [low, high], or has no more.

    Args:
        entries, rates: the optimizers and the learning rate of each.
        momentum: for those that take one.
        tolerance: a step shorter than this counts as settled: the first one for optimizers that remember nothing,
            else :data:`PATIENCE` in a row.

    Yields:
        All runners, in the order of ``entries``, after every slice (some 10 ms each), the last time all of them done.
    """
    lanes = [
        _Lane(Stepper(entry, rate, momentum, start), steps, tolerance, PATIENCE if entry.state else 1, low, high)
        for entry, rate in zip(entries, rates, strict=True)
    ]
    while True:
        end = perf_counter() + _SLICE
        while (running := [lane for lane in lanes if lane.reason == "running"]) and perf_counter() < end:
            for lane in running:
                lane.advance(curve, _TURN)
        yield tuple(lane.runner(curve) for lane in lanes)
        if all(lane.reason != "running" for lane in lanes):
            return
