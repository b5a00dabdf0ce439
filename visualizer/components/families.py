"""Families of distributions that the values of an initialised tensor have: moments, density, cdf and quantiles, in float64.

Everything is computed with :mod:`scipy.special`, to about 12 digits or better, in the far tails as well. The truncated
normal has a module of its own, :mod:`visualizer.components.truncated`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Floats = NDArray[np.float64]


def _floats(values: ArrayLike) -> Floats:
    return np.asarray(values, dtype=np.float64)


@dataclass(frozen=True, kw_only=True)
class Law(ABC):
    """The distribution of one element of a tensor.

    It has a continuous part with a density, and atoms: single values that have a probability of their own.

    Attributes:
        mean, std: of one element.
        skewness: third standardised moment; nan for a constant.
        kurtosis: excess kurtosis, 0 for a normal distribution; nan for a constant.
        support: smallest and largest possible value, infinite where there is none.
        atoms: pairs of a value and its probability, by value.
        parent: of a truncated distribution: the one before truncation.
        cut: fraction of the parent that truncation takes away, in [0, 1].
    """

    mean: float
    std: float
    skewness: float
    kurtosis: float
    support: tuple[float, float]
    atoms: tuple[tuple[float, float], ...] = ()
    parent: Law | None = None
    cut: float = 0.0

    @property
    def variance(self) -> float:
        return self.std * self.std

    @property
    def bound(self) -> float | None:
        """The largest absolute value that an element can have; None if there is none."""
        largest = max(abs(self.support[0]), abs(self.support[1]))
        return largest if math.isfinite(largest) else None

    @property
    def continuous_weight(self) -> float:
        """The probability that an element is none of the atoms."""
        return max(0.0, 1.0 - math.fsum(weight for _, weight in self.atoms))

    def density(self, x: ArrayLike) -> Floats:
        """The density of the continuous part at x, any shape. Its integral is :attr:`continuous_weight`."""
        at = _floats(x)
        weight = self.continuous_weight
        return weight * self._density(at) if weight else np.zeros_like(at)

    def cdf(self, x: ArrayLike) -> Floats:
        """P(element <= x), any shape: right-continuous, atoms included."""
        at = _floats(x)
        weight = self.continuous_weight
        total = weight * self._cdf(at) if weight else np.zeros_like(at)
        for position, mass in self.atoms:
            total = total + np.where(at >= position, mass, 0.0)
        return np.clip(total, 0.0, 1.0)

    def quantile(self, p: ArrayLike) -> Floats:
        """The smallest x with cdf(x) >= p, for p in [0, 1], any shape; nan outside."""
        wanted = _floats(p)
        result = np.full(wanted.shape, np.nan)
        weight = self.continuous_weight
        left = np.where((wanted >= 0.0) & (wanted <= 1.0), wanted, np.nan)  # what of p no atom has taken yet
        below = 0.0
        for position, mass in self.atoms:
            before = below + weight * float(self._cdf(_floats(position))) if weight else below
            # Weights such as 1/3 + 1/3 + 1/3 are no exact 1, so the comparison forgives the last bits.
            inside = np.isnan(result) & (left > before) & (left <= before + mass + 4e-16)
            result = np.where(inside, position, result)
            left_of = np.isnan(result) & (left <= before)
            if weight:
                result = np.where(left_of, self._quantile((left - below) / weight), result)
            else:
                result = np.where(left_of, position, result)
            below += mass
        rest = np.isnan(result) & ~np.isnan(left)
        if weight:
            return np.where(rest, self._quantile(np.clip((left - below) / weight, 0.0, 1.0)), result)
        return np.where(rest, self.support[1], result)

    @abstractmethod
    def _density(self, x: Floats) -> Floats:
        """Of the continuous part alone, with integral 1."""

    @abstractmethod
    def _cdf(self, x: Floats) -> Floats:
        """Of the continuous part alone."""

    @abstractmethod
    def _quantile(self, p: Floats) -> Floats:
        """Of the continuous part alone, for p in [0, 1]."""


class Atoms(Law):
    """Nothing but atoms: constants, and matrices of zeros and ones."""

    def _density(self, x: Floats) -> Floats:
        return np.zeros_like(x)

    def _cdf(self, x: Floats) -> Floats:
        return np.zeros_like(x)

    def _quantile(self, p: Floats) -> Floats:
        return np.full(p.shape, np.nan)


def atoms(*weighted: tuple[float, float], parent: Law | None = None, cut: float = 0.0) -> Atoms:
    """The law of values that are one of these positions, with these weights (sum 1). A weight of 0 is left out."""
    kept = tuple(sorted((float(position), weight) for position, weight in weighted if weight > 0.0))
    mean = math.fsum(weight * position for position, weight in kept)
    if len(kept) == 1:
        mean, std, skewness, kurtosis = kept[0][0], 0.0, math.nan, math.nan
    else:
        variance, third, fourth = (
            math.fsum(weight * (position - mean) ** power for position, weight in kept) for power in (2, 3, 4)
        )
        std = math.sqrt(variance)
        skewness, kurtosis = third / std**3, fourth / variance**2 - 3.0
    return Atoms(mean=mean, std=std, skewness=skewness, kurtosis=kurtosis, support=(kept[0][0], kept[-1][0]), atoms=kept,
                 parent=parent, cut=cut)


class Uniform(Law):
    """Equally likely in an interval of positive length."""

    def _density(self, x: Floats) -> Floats:
        low, high = self.support
        return np.where((x >= low) & (x <= high), 1.0 / (high - low), 0.0)

    def _cdf(self, x: Floats) -> Floats:
        low, high = self.support
        with np.errstate(over="ignore"):  # of an interval of subnormal length: infinite is far enough
            return np.clip((x - low) / (high - low), 0.0, 1.0)

    def _quantile(self, p: Floats) -> Floats:
        low, high = self.support
        return np.where(p < 0.5, low + p * (high - low), high - (1.0 - p) * (high - low))


def uniform(low: float, high: float) -> Law:
    """U(low, high) with low <= high; of an empty interval it is an atom."""
    if low == high:
        return atoms((low, 1.0))
    return Uniform(mean=0.5 * low + 0.5 * high, std=(high - low) / math.sqrt(12.0), skewness=0.0, kurtosis=-1.2,
                   support=(low, high))


@dataclass(frozen=True, kw_only=True)
class Normal(Law):
    """A normal distribution, perhaps with an atom beside it.

    Attributes:
        centre, scale: mean and standard deviation of the continuous part.
    """

    centre: float
    scale: float

    def _density(self, x: Floats) -> Floats:
        # Far out the square overflows to infinity and the density is rightly 0.
        with np.errstate(over="ignore", under="ignore"):
            deviation = (x - self.centre) / self.scale
            return np.asarray(np.exp(-0.5 * deviation * deviation) / (self.scale * math.sqrt(2.0 * math.pi)))

    def _cdf(self, x: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.asarray(special.ndtr((x - self.centre) / self.scale))

    def _quantile(self, p: Floats) -> Floats:
        return np.asarray(self.centre + self.scale * special.ndtri(p))


def normal(mean: float, std: float) -> Law:
    """N(mean, std^2) with std >= 0; for std = 0 it is an atom."""
    if std == 0.0:
        return atoms((mean, 1.0))
    return Normal(mean=mean, std=std, skewness=0.0, kurtosis=0.0, support=(-math.inf, math.inf), centre=mean, scale=std)


def sparse_normal(zeros: float, std: float) -> Law:
    """Zero with probability ``zeros``, else drawn from N(0, std^2)."""
    if zeros >= 1.0 or std == 0.0:
        return atoms((0.0, 1.0))
    if zeros <= 0.0:
        return normal(0.0, std)
    left = 1.0 - zeros
    return Normal(mean=0.0, std=std * math.sqrt(left), skewness=0.0, kurtosis=3.0 / left - 3.0, support=(-math.inf, math.inf),
                  atoms=((0.0, zeros),), centre=0.0, scale=std)


@dataclass(frozen=True, kw_only=True)
class Orthogonal(Law):
    """One element of a random orthogonal matrix (Haar measure), times a gain.

    A row or column of n elements is a uniformly random direction in n dimensions; so (element / gain)^2 has the
    distribution Beta(1/2, (n - 1)/2): for n = 2 the arcsine law, whose density is infinite at both ends; for n = 3
    uniform; for large n nearly N(0, gain^2 / n).

    Attributes:
        size: n >= 2, the larger of rows and columns.
        scale: absolute gain.
    """

    size: int
    scale: float

    def _density(self, x: Floats) -> Floats:
        ratio = x / self.scale
        power = 0.5 * (self.size - 3)
        # 1 - u^2 as (1 - u)(1 + u): exact beside both ends.
        inside = np.clip((1.0 - ratio) * (1.0 + ratio), 0.0, 1.0)
        with np.errstate(divide="ignore", under="ignore"):
            shape = np.power(inside, power) if self.size < 50 else np.exp(power * np.log1p(-np.minimum(ratio * ratio, 1.0)))
        constant = 1.0 / (special.beta(0.5, 0.5 * (self.size - 1)) * self.scale)
        return _floats(np.where(np.abs(ratio) <= 1.0, shape * constant, 0.0))

    def _cdf(self, x: Floats) -> Floats:
        ratio = np.clip(x / self.scale, -1.0, 1.0)
        tail = 0.5 * special.betaincc(0.5, 0.5 * (self.size - 1), ratio * ratio)
        return _floats(np.where(ratio < 0.0, tail, 1.0 - tail))

    def _quantile(self, p: Floats) -> Floats:
        # Below a quarter from the end, in the middle from the centre: neither loses digits.
        nearer = np.minimum(p, 1.0 - p)
        half = 0.5 * (self.size - 1)
        size = np.sqrt(np.where(nearer < 0.25, special.betainccinv(0.5, half, 2.0 * nearer),
                                special.betaincinv(0.5, half, 1.0 - 2.0 * nearer)))
        return _floats(np.where(p < 0.5, -size, size) * self.scale)


def orthogonal(size: int, gain: float) -> Law:
    """One element of gain times a (semi-)orthogonal matrix whose larger side is ``size``."""
    scale = abs(gain)
    if scale == 0.0:
        return atoms((0.0, 1.0))
    if size == 1:
        return atoms((-scale, 0.5), (scale, 0.5))
    return Orthogonal(mean=0.0, std=scale / math.sqrt(size), skewness=0.0, kurtosis=-6.0 / (size + 2), support=(-scale, scale),
                      size=size, scale=scale)
