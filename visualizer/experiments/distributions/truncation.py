"""What torch.nn.init.trunc_normal_ keeps of its proposals: how long it takes, whether it ends, and whether it is exact.

torch (2.13) draws the whole tensor again until its last value is accepted: normal values where more than 30 % of the normal
lies in [a, b], else uniform ones, accepted by their log density relative to its peak. Both are worked out in the tensor's
dtype, so that what should be kept may never be: all candidates may be rounded to numbers outside, and half types overflow.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from visualizer.base.errors import UserError
from visualizer.components.seeding import torch_generator

__all__ = ["check_quick", "inexact", "kept_by_torch", "rounds_of"]

#: torch proposes normal values where more than this part of them lies inside.
_NORMAL = 0.3

#: Rounds of redrawing for one piece, after which torch's trunc_normal_ counts as hopeless.
_MOST_ROUNDS = 20_000

#: A layer's weights are filled in one call, which nothing can interrupt: of its proposals at least this part has to be kept.
_LEAST_KEPT = 0.02

#: Proposals of a trial: enough to see some 40 kept, and at least and at most so many.
_TRIAL_KEPT, _LEAST_TRIAL, _MOST_TRIAL = 40, 1000, 100_000

#: A log density with larger errors shows in the values.
_TOLERATED = 0.02


def kept_by_torch(given: Mapping[str, Any], dtype: torch.dtype) -> float:
    """The fraction of proposals that trunc_normal_ keeps with these arguments, in [0, 1]; 0 if it never ends in this dtype.

    It is exact arithmetic's, or less where a trial of torch's algorithm in this dtype keeps less.
    """
    mean, std, a, b = (float(given[key]) for key in ("mean", "std", "a", "b"))
    return _kept(mean, std, a, b, dtype)


@lru_cache(maxsize=64)
def _kept(mean: float, std: float, a: float, b: float, dtype: torch.dtype) -> float:
    if not (a < b and std > 0.0):
        return 1.0
    kept = _kept_exactly((a - mean) / std, (b - mean) / std)
    if kept * _MOST_TRIAL < 1.0:
        return kept  # too rare for a trial, and for torch
    size = int(min(_MOST_TRIAL, max(_LEAST_TRIAL, _TRIAL_KEPT / kept)))
    seen = float(_trial(torch.empty(size, dtype=dtype), mean, std, a, b).double().mean())
    # A trial is a matter of chance: it counts where it is far off.
    return kept if seen > 0.25 * kept else seen


def _trial(values: Tensor, mean: float, std: float, a: float, b: float) -> Tensor:
    """Which of one round of torch's proposals, drawn into ``values``, are kept: torch's own steps, in the same dtype."""
    generator = torch_generator(0, "trial")
    if _inside(mean, std, a, b) > _NORMAL:
        low, high = (values.new_tensor(end).item() for end in (a, b))
        values.normal_(mean, std, generator=generator)
        return (values >= low) & (values <= high)
    log_peak = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    values.uniform_(a, b, generator=generator)
    values.sub_(mean).div_(std).pow_(2).mul_(-0.5).sub_(log_peak)
    return ~torch.empty_like(values).uniform_(generator=generator).log_().gt(values)


def _inside(mean: float, std: float, a: float, b: float) -> float:
    return (math.erf((b - mean) / std / math.sqrt(2.0)) - math.erf((a - mean) / std / math.sqrt(2.0))) / 2.0


def _kept_exactly(low: float, high: float) -> float:
    """The fraction of proposals that are kept, for standardised bounds, if nothing is rounded."""
    inside = (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2))) / 2
    if inside > _NORMAL:
        return inside  # of a normal distribution
    if low <= 0.0 <= high:
        return inside * math.sqrt(2 * math.pi) / (high - low)  # of a uniform one under the peak
    near, far = (low, high) if low > 0.0 else (-high, -low)
    start, end = torch.special.erfcx(torch.tensor([near, far], dtype=torch.float64) / math.sqrt(2)).tolist()
    kept: float = math.sqrt(math.pi / 2) * (start - end * math.exp((near - far) * (near + far) / 2)) / (far - near)
    return min(1.0, kept)


def rounds_of(given: Mapping[str, Any], values: int, dtype: torch.dtype) -> float:
    """How often trunc_normal_ redraws until the last of so many values is accepted.

    Raises:
        UserError: so often that it would not end.
    """
    kept = kept_by_torch(given, dtype)
    if kept <= 0.0 and _kept_by_arithmetic(given) > 0.0:
        raise _endless(dtype)
    rounds = 1.0 if kept >= 1.0 else 1.0 + math.log(max(2, values)) / -math.log1p(-kept) if kept > 0.0 else math.inf
    if rounds > _MOST_ROUNDS:
        raise UserError(
            "torch.nn.init.trunc_normal_ would redraw its values for minutes here, because almost all of [a, b] is "
            "improbable. Choose the tail sampler, or an interval with more of the distribution in it."
        )
    return rounds


def check_quick(given: Mapping[str, Any], dtype: torch.dtype) -> None:
    """Nothing, if trunc_normal_ fills a layer's weights in reasonable time.

    Raises:
        UserError: it rejects nearly everything.
    """
    kept = kept_by_torch(given, dtype)
    if kept >= _LEAST_KEPT:
        return
    if _kept_by_arithmetic(given) >= _LEAST_KEPT:
        raise _endless(dtype)
    raise UserError("[a, b] is so wide and so far from the mean that torch would reject nearly all that it draws; narrow "
                    "[a, b], or move it nearer to the mean.")


def _kept_by_arithmetic(given: Mapping[str, Any]) -> float:
    mean, std, a, b = (float(given[key]) for key in ("mean", "std", "a", "b"))
    kept = _kept_exactly((a - mean) / std, (b - mean) / std) if a < b and std > 0.0 else 1.0
    return kept if kept * _MOST_TRIAL >= 1.0 else 0.0


def _endless(dtype: torch.dtype) -> UserError:
    name = str(dtype).removeprefix("torch.")
    return UserError(f"torch.nn.init.trunc_normal_ would redraw its values for ever here: {name} is too coarse so far from 0, or "
                     "from the mean, for so small a std, and rounding rejects every value. Choose a larger std, an interval "
                     "nearer to the mean and to 0, or the dtype float64 or the tail sampler where they are offered.")


def inexact(given: Mapping[str, Any], dtype: torch.dtype) -> bool:
    """Whether trunc_normal_ works out its log density so coarsely that its values are not distributed as they should be."""
    mean, std, a, b = (float(given[key]) for key in ("mean", "std", "a", "b"))
    if not (a < b and std > 0.0) or _inside(mean, std, a, b) > _NORMAL:
        return False
    peak = max(a, min(mean, b))
    return ((peak - mean) / std) ** 2 * torch.finfo(dtype).eps > _TOLERATED
