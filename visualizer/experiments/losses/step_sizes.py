r"""How the error of a central difference depends on its step: the V of truncation against rounding.

The error is :math:`h^2 |f'''| / 6` from cutting off the Taylor series, and about :math:`\epsilon |f| / h` from rounding the two
values of the loss (Press et al., Numerical Recipes, section 5.7). Their sum is smallest where
:math:`h^3 = 3 \epsilon |f| / |f'''|`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from visualizer.experiments.losses.evaluation import Built
from visualizer.experiments.losses.finite_differences import EPSILON, STEP, Floats, Probe, domain
from visualizer.figures.model import readonly

#: Eight steps a decade, from 1e-12 to 1.
STEPS = np.geomspace(1e-12, 1.0, 97)

#: Between these, the cube of a step, and of half of it, is neither zero nor infinite.
_CUBED = (1e-100, 1e100)


@dataclass(frozen=True, eq=False)
class StepSizes:
    """The error of one element's slope, step by step.

    Attributes:
        role, index: the element.
        slope: by autograd.
        loss: at the element.
        steps: h; those that leave what the loss allows are left out.
        error: absolute, of the central difference.
        third: :math:`|f'''|`, estimated by differences; 0 where it is below their rounding.
        best: the step with the smallest error by theory; infinite if nothing is truncated.
        own: the step that the check takes for this element.
    """

    role: str
    index: int
    slope: float
    loss: float
    steps: Floats
    error: Floats
    third: float
    best: float
    own: float

    @property
    def rounding(self) -> Floats:
        """What rounding the loss is expected to cost."""
        return readonly(EPSILON * abs(self.loss) / self.steps)

    @property
    def truncation(self) -> Floats:
        """What cutting off the Taylor series costs."""
        return readonly(self.third * self.steps**2 / 6.0)


def step_sizes(built: Built, role: str, index: int, gradient: Tensor) -> Iterator[StepSizes | None]:
    """The errors, with a pause after every eight steps.

    Args:
        built: in float64.
        role: a tensor with a gradient.
        index: flat, of a finite element at which the loss is finite.
        gradient: autograd's, of that tensor.
    """
    probe = Probe(built, role)
    at, slope = float(probe.values[index]), float(gradient.reshape(-1)[index])
    low, high = domain(built.setup, role)
    middle = probe(index, at)
    kept, errors = [], []
    for count, step in enumerate(STEPS.tolist()):
        lower, upper = at - step, at + step
        if low <= lower and upper <= high and upper > lower:
            kept.append(step)
            errors.append(abs((probe(index, upper) - probe(index, lower)) / (upper - lower) - slope))
        if count % 8 == 7:
            yield None
    third = _third(probe, index, at, middle, min(at - low, high - at))
    room = min(1.0, at - low, high - at)
    own = STEP * max(1.0, abs(at)) if not 0.0 < room < 1.0 else STEP * min(max(1.0, abs(at)), room)
    best = (3.0 * EPSILON * abs(middle) / third) ** (1.0 / 3.0) if third > 0.0 else math.inf
    yield StepSizes(role, index, slope, middle, readonly(kept), readonly(errors), third, best, own)


def _third(probe: Probe, index: int, at: float, middle: float, room: float) -> float:
    """The third derivative by differences; 0 if it is lost in rounding, or the cube of its step is no float.

    The step that suits it is the fifth root of epsilon; where other elements make most of the loss, longer ones are tried, too.
    Half the step has to find about the same: across a kink it does not.
    """
    for longer in (1.0, 8.0, 64.0, 256.0):
        step = min(longer * EPSILON**0.2 * max(1.0, abs(at)), room / 3.0)
        if not _CUBED[0] < step < _CUBED[1]:
            return 0.0
        whole, half = (_third_difference(probe, index, at, part) for part in (step, step / 2.0))
        noise = 8.0 * EPSILON * abs(middle) / step**3
        if math.isfinite(whole) and whole > 4.0 * noise and abs(whole - half) < 0.3 * whole:
            return whole
    return 0.0


def _third_difference(probe: Probe, index: int, at: float, step: float) -> float:
    two_up, up, down, two_down = (probe(index, at + times * step) for times in (2, 1, -1, -2))
    return abs(two_up - 2.0 * up + 2.0 * down - two_down) / (2.0 * step**3)
