"""A truncated normal sampler that is exact and quick wherever the interval lies, also far out in a tail.

C. P. Robert, "Simulation of truncated normal variables", Statistics and Computing 5 (1995), 121-125: far from the mean the
normal density falls like an exponential, so an exponential distribution that begins at the nearer bound is an almost
perfect proposal; at least three of four proposals are kept. ``torch.nn.init.trunc_normal_`` proposes uniformly there and
redraws the whole tensor until its last value is accepted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

#: Proposals drawn at once: they stay in the processor's cache.
_BLOCK = 2**15


def tail_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: torch.Generator | None = None,
) -> Tensor:
    """Fill the tensor in place with draws from N(mean, std^2) conditioned on [a, b], exactly, by rejection.

    Args:
        tensor: any shape, of a floating type; half types are drawn in float32 and rounded once, so that their values lie
            between the rounded bounds, as those of torch do.
        std: greater than 0.
        a, b: a <= b; either may be infinite.
        generator: on the tensor's device; torch's global one if None.

    Returns:
        The tensor.

    Raises:
        ValueError: std is not positive, a > b, or an argument is not a number.
    """
    if not (math.isfinite(mean) and 0.0 < std < math.inf):
        raise ValueError(f"mean must be finite and std positive, not mean={mean}, std={std}")
    if not a <= b or a == math.inf or b == -math.inf:
        raise ValueError(f"a must be at most b, not a={a}, b={b}")
    work = torch.float64 if tensor.dtype == torch.float64 else torch.float32
    with torch.no_grad():
        if a == b:
            return tensor.fill_(a)
        propose = _proposal(mean, std, a, b, generator)
        out = tensor.view(-1) if tensor.is_contiguous() else torch.empty(tensor.numel(), dtype=tensor.dtype, device=tensor.device)
        block = torch.empty(min(_BLOCK, 2 * tensor.numel() + 64), dtype=work, device=tensor.device)
        other = torch.empty_like(block)
        filled = 0
        while filled < out.numel():
            kept = block[propose(block, other)]
            kept = kept[: out.numel() - filled].clamp_(a, b)  # a + std * distance may round to just outside
            out[filled : filled + kept.numel()] = kept
            filled += kept.numel()
        return tensor if tensor.is_contiguous() else tensor.copy_(out.view(tensor.shape))


def _proposal(
    mean: float, std: float, a: float, b: float, generator: torch.Generator | None
) -> Callable[[Tensor, Tensor], Tensor]:
    """The best of Robert's three proposals: it fills the first tensor and returns which of its values are accepted.

    In the tails it works with the distance from the nearer bound: no digits are lost there, however far the bound is.
    """
    low, high = (a - mean) / std, (b - mean) / std
    if low <= 0.0 <= high and high - low > math.sqrt(2 * math.pi):

        def normal(values: Tensor, other: Tensor) -> Tensor:
            values.normal_(mean, std, generator=generator)
            return (values >= a) & (values <= b)

        return normal
    if low <= 0.0 <= high:

        def flat(values: Tensor, other: Tensor) -> Tensor:
            values.uniform_(a, b, generator=generator)
            torch.sub(values, mean, out=other)
            height = other.div_(std).square_().mul_(-0.5).exp_()
            return torch.empty_like(values).uniform_(generator=generator) < height

        return flat

    # The nearer bound and the way from it into the interval; standardised: from `near` > 0 over `length`.
    start, step, near = (a, std, low) if low > 0.0 else (b, -std, -high)
    length = high - low
    rate = (near + math.hypot(near, 2.0)) / 2
    gap = 2.0 / (near + math.hypot(near, 2.0))  # rate - near, without cancellation
    # Robert's condition (proposition 2.3): an interval as short as this is better proposed uniformly.
    uniform = length <= gap * math.exp(0.5 - near * gap / 2)
    mass = -math.expm1(-rate * length)

    def tail(values: Tensor, other: Tensor) -> Tensor:
        values.uniform_(generator=generator)
        if uniform:
            values.mul_(length)
            torch.add(values, 2 * near, out=other)
            height = other.mul_(values).mul_(-0.5).exp_()
        else:
            values.mul_(-mass).log1p_().div_(-rate)
            torch.sub(values, gap, out=other)
            height = other.square_().mul_(-0.5).exp_()
        accepted = torch.empty_like(values).uniform_(generator=generator) < height
        values.mul_(step).add_(start)
        return accepted

    return tail
