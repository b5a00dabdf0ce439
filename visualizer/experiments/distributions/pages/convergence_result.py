"""What the convergence page has found: the losses of every initialiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visualizer.base.pages import PageResult
from visualizer.components.initializers import Initializer
from visualizer.experiments.distributions.convergence import Floats
from visualizer.experiments.distributions.requests import ConvergenceRequest


@dataclass(frozen=True, eq=False)
class Curves:
    """One initialiser's losses before every step and after the last.

    Attributes:
        low, median, high: quantiles over the seeds (10 %, 50 %, 90 %), [steps + 1]; a loss that is no number any more
            counts as infinite.
        final: the newest loss of every seed; infinite from the step at which it diverged.
        stopped: that step of every seed, the first whose loss is no number; NaN: it has not diverged.
        distance: the largest difference between two neurons of one hidden layer after training, of the seeds
            whose loss is finite; NaN before, and when there are none.
    """

    entry: Initializer
    low: Floats
    median: Floats
    high: Floats
    final: Floats
    stopped: Floats
    distance: float

    @property
    def diverged(self) -> int:
        """How many seeds have diverged."""
        return int(np.isfinite(self.stopped).sum())

    @property
    def end(self) -> float:
        """The median at the end."""
        return float(self.median[-1])


@dataclass(frozen=True, eq=False)
class ConvergenceResult(PageResult):
    """All contestants, in the catalogue's order.

    Attributes:
        guess: the loss of the best answer that is the same for every input.
        done: steps that were taken; fewer than were asked for in the last result when all have diverged.
    """

    guess: float
    done: int
    curves: tuple[Curves, ...]

    def numbers(self) -> dict[str, Any]:
        return {
            "convergence": {
                one.entry.name: {
                    "initial_median": float(one.median[0]), "final_median": one.end, "final_low": float(one.low[-1]),
                    "final_high": float(one.high[-1]), "diverged": one.diverged, "diverged_at": one.stopped, "final": one.final,
                    "neuron_distance": one.distance,
                }
                for one in self.curves
            },
            "loss": {one.entry.name: one.median for one in self.curves},
            "guess": self.guess,
            "steps": self.done,
        }


def asked(result: ConvergenceResult) -> ConvergenceRequest:
    """What this result is the answer to."""
    assert isinstance(result.request, ConvergenceRequest)
    return result.request
