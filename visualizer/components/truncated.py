"""The truncated normal distribution, right wherever the interval lies: in the middle, in the far tail, or a hair wide.

Differences of the normal cdf lose all digits in the tails. So everything here is measured from one end of the interval:
with t = (x - a) / sigma and alpha = (a - mu) / sigma,

    G(t) = integral from 0 to t of exp(-alpha s - s^2 / 2) ds

is, up to a factor, the probability of [a, x]. An interval that lies below the mean is mirrored first. For short t the
integral is a Gauss-Legendre sum, for long t a difference of scaled complementary error functions, which do not underflow.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from visualizer.components.families import Floats, Law, atoms, normal

#: Where the density has fallen to exp(-_DEPTH) of its peak it no longer counts in float64.
_DEPTH = 85.0
_ROOT_HALF = math.sqrt(0.5)


@cache
def _nodes(count: int) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return 0.5 * (nodes + 1.0), 0.5 * weights


def _mass(alpha: float, t: Floats) -> Floats:
    """G(t) for t >= 0, alpha >= 0, to about 14 digits."""
    reach = t * (alpha + t)
    near = reach < 1.0
    nodes, weights = _nodes(16)
    short = np.where(near, t, 0.0)[..., None] * nodes
    with np.errstate(under="ignore"):
        sums = np.where(near, t, 0.0) * np.sum(weights * np.exp(-short * (alpha + 0.5 * short)), axis=-1)
        far = np.where(near, 0.0, t)
        tail = special.erfcx((alpha + far) * _ROOT_HALF) * np.exp(-far * (alpha + 0.5 * far))
    return np.asarray(np.where(near, sums, math.sqrt(0.5 * math.pi) * (special.erfcx(alpha * _ROOT_HALF) - tail)))


@dataclass(frozen=True, kw_only=True)
class TruncatedNormal(Law):
    """N(centre, scale^2) kept inside [a, b].

    Attributes:
        centre, scale: mean and standard deviation of the parent.
        log_kept: natural logarithm of the fraction of the parent that is kept (which itself may underflow).
    """

    centre: float
    scale: float
    log_kept: float

    # Left and right of the mode are measured from there: the mode is the parent's mean, or the end that is nearer to it.

    @property
    def mode(self) -> float:
        low, high = self.support
        return min(max(low, self.centre), high)

    @property
    def _start(self) -> float:
        """How far the mode is from the parent's mean, in units of sigma."""
        return abs(self.mode - self.centre) / self.scale

    def _reach(self) -> tuple[float, float]:
        """How far the interval goes to the left and to the right of the mode, in units of sigma."""
        low, high = self.support
        return (self.mode - low) / self.scale, (high - self.mode) / self.scale

    def _masses(self) -> tuple[float, float]:
        """The mass on both sides of the mode, in units of sigma and of the peak of the density."""
        left, right = self._reach()
        below, above = _mass(self._start, np.array([left, right]))
        return float(below), float(above)

    def _density(self, x: Floats) -> Floats:
        low, high = self.support
        offset = np.abs(np.clip(x, low, high) - self.mode) / self.scale
        with np.errstate(over="ignore", under="ignore"):
            height = np.exp(-offset * (self._start + 0.5 * offset)) / (self.scale * sum(self._masses()))
        return np.where((x >= low) & (x <= high), height, 0.0)

    def _cdf(self, x: Floats) -> Floats:
        offset = (np.clip(x, *self.support) - self.mode) / self.scale
        below, above = self._masses()
        part = _mass(self._start, np.abs(offset))
        return np.clip(np.where(offset < 0.0, below - part, below + part) / (below + above), 0.0, 1.0)

    def _quantile(self, p: Floats) -> Floats:
        left, right = self._reach()
        below, above = self._masses()
        share = below / (below + above)
        is_left = p < share
        # Both sides are solved for their distance from the mode. Where p is near 0 or 1, its distance to that is exact.
        wanted = np.where(is_left, below - p * (below + above), above - (1.0 - p) * (below + above))
        distance = _solve(self._start, np.where(is_left, left, right), np.clip(wanted, 0.0, np.where(is_left, below, above)))
        return np.clip(self.mode + self.scale * np.where(is_left, -distance, distance), *self.support)


def _solve(alpha: float, limit: Floats, mass: Floats) -> Floats:
    """The t in [0, limit] with G(t) = mass. G is concave, so Newton's method from the left of the root stays there."""
    whole = math.sqrt(0.5 * math.pi) * float(special.erfcx(alpha * _ROOT_HALF))
    left = np.clip(1.0 - mass / whole, 0.0, 1.0)  # the fraction of the whole tail that lies beyond t
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if alpha < 5.0:
            t = -special.ndtri(left * special.ndtr(-alpha)) - alpha
        else:
            t = -np.log(left) / alpha
    low, high = np.zeros_like(limit), np.array(limit)
    t = np.clip(np.nan_to_num(t, nan=0.0, posinf=math.inf), low, high)
    with np.errstate(under="ignore", over="ignore", divide="ignore", invalid="ignore"):
        for _ in range(100):
            error = _mass(alpha, t) - mass
            low, high = np.where(error <= 0.0, t, low), np.where(error >= 0.0, t, high)
            slope = np.exp(-t * (alpha + 0.5 * t))
            step = t - error / slope
            better = np.where((step >= low) & (step <= high), step, 0.5 * (low + high))
            # Where the tail is flat, rounding of the mass alone moves t by its error over the slope.
            if np.all(np.abs(better - t) <= 1e-15 * (t + mass / slope)):
                return np.asarray(better)
            t = better
    return np.asarray(t)


def truncated_normal(mean: float, std: float, low: float, high: float) -> Law:
    """N(mean, std^2), std > 0, with everything outside [low, high] redrawn; low <= high."""
    mean, std, low, high = float(mean), float(std), float(low), float(high)
    parent = normal(mean, std)
    if low == high:
        return atoms((low, 1.0), parent=parent, cut=1.0)
    nearest = min(max(low, mean), high)
    start = (nearest - mean) / std
    below, above = (low - nearest) / std, (high - nearest) / std
    # The part of the interval that counts, in units of sigma from the mode.
    reach = 2.0 * _DEPTH / (abs(start) + math.sqrt(start * start + 2.0 * _DEPTH))
    first, last = max(below, -reach), min(above, reach)
    nodes, weights = _nodes(160)
    offset = first + (last - first) * nodes
    share = weights * np.exp(-offset * (start + 0.5 * offset))
    total = float(np.sum(share))
    share = share / total
    middle = float(np.sum(share * offset))
    around = offset - middle
    spread = math.sqrt(float(np.sum(share * around**2)))
    third, fourth = (float(np.sum(share * (around / spread) ** power)) for power in (3, 4))
    symmetric = low - mean == mean - high
    cut = float(special.ndtr((low - mean) / std) + special.ndtr((mean - high) / std))
    return TruncatedNormal(
        mean=mean if symmetric else min(max(nearest + std * middle, low), high), std=std * spread,
        skewness=0.0 if symmetric else third, kurtosis=fourth - 3.0, support=(low, high), parent=parent, cut=min(cut, 1.0),
        centre=mean, scale=std,
        log_kept=-0.5 * start * start - 0.5 * math.log(2.0 * math.pi) + math.log(total) + math.log(last - first),
    )
