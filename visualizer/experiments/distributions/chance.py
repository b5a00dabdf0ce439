"""How far the moments of a sample stray from theory by chance: between which two values they are in 95 % of all samples.

Of up to 100 values the interval is simulated: thousands of samples of the law, drawn once for all laws that differ in place
and scale alone. Of more it follows from the central limit theorem for the means of the powers of the values, by the delta
method (Cramer, "Mathematical Methods of Statistics", 1946, 27.7 and 28.4), which needs the law's moments up to the eighth.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import special

from visualizer.components.families import Uniform
from visualizer.components.seeding import torch_generator
from visualizer.components.truncated import TruncatedNormal

if TYPE_CHECKING:
    from visualizer.components.initializers import Initializer
    from visualizer.components.laws import Law

Floats = NDArray[np.float64]

#: The moments that have an interval, in their order.
MOMENTS = ("mean", "std", "variance", "skewness", "kurtosis")

#: Up to so many values the intervals are simulated.
SIMULATED = 100
#: Values that are drawn for a simulation, and at once; and the most samples.
_VALUES, _PART, _MOST, _LEAST = 300_000, 30_000, 16_000, 1000
#: Of a normal distribution, for 95 %.
_QUANTILE = 1.959964


@dataclass(frozen=True)
class Straying:
    """How far below and above theory the moments of so many values are by chance: 95 % of all samples are within.

    Each is a pair of numbers that are not negative, and NaN where the law has no such moment.
    """

    mean: tuple[float, float]
    std: tuple[float, float]
    variance: tuple[float, float]
    skewness: tuple[float, float]
    kurtosis: tuple[float, float]


def is_random(entry: Initializer, law: Law) -> bool:
    """Whether two samples of it differ at all."""
    return law.std > 0.0 and not entry.fixed


def straying(entry: Initializer, law: Law, count: int) -> Generator[None, None, Straying | None]:
    """The intervals for samples of ``count`` values; ``None`` every few milliseconds while they are simulated.

    Returns:
        None where nothing is random, where there are fewer than two values, and where the values depend on each other in a
        way that no sum of independent terms describes (orthogonal matrices).
    """
    # The zeros of sparse_ are as many in every column; the other values are independent.
    independent = entry.elementwise or entry.name == "sparse"
    if not independent or count < 2 or not is_random(entry, law):
        return None
    if count > SIMULATED:
        return _by_delta(law, count)
    key = (*_form(law), count)
    if key not in _known:
        found = yield from _simulated(law, count)
        if len(_known) >= 200:
            _known.pop(next(iter(_known)))
        _known[key] = found
    lower, upper = _known[key]
    return _scaled(law, lower, upper)


#: The intervals that have been simulated, for standardised laws: as many numbers below and above as there are moments.
_known: dict[tuple[object, ...], tuple[Floats, Floats]] = {}


def _form(law: Law) -> tuple[object, ...]:
    """What is left of a law without place and scale."""
    if isinstance(law, TruncatedNormal):
        low, high = law.support
        return "truncated", (low - law.centre) / law.scale, (high - law.centre) / law.scale
    return (type(law).__name__, *(weight for _, weight in law.atoms))


def _scaled(law: Law, lower: Floats, upper: Floats) -> Straying:
    unit = np.array([law.std, law.std, law.variance, 1.0, 1.0])
    return Straying(*zip((lower * unit).tolist(), (upper * unit).tolist(), strict=True))


def _simulated(law: Law, count: int) -> Generator[None, None, tuple[Floats, Floats]]:
    """The intervals of the standardised law."""
    samples = max(_LEAST, min(_MOST, _VALUES // count))
    generator = torch_generator(0, "chance")
    at_once = max(1, _PART // count)
    table = _table(law) if isinstance(law, TruncatedNormal) else None
    yield None
    found: list[Floats] = []
    for start in range(0, samples, at_once):
        found.append(_moments_of(_draw(law, min(at_once, samples - start), count, table, generator)))
        yield None
    theory = np.array([0.0, 1.0, 1.0, law.skewness, law.kurtosis])[:, None]
    away = np.concatenate(found, axis=1) - theory
    symmetric = law.skewness == 0.0
    lower, upper = np.empty(len(MOMENTS)), np.empty(len(MOMENTS))
    for index, name in enumerate(MOMENTS):
        known = away[index][np.isfinite(away[index])]
        if not known.size:
            lower[index] = upper[index] = math.nan
        elif symmetric and name in ("mean", "skewness"):
            lower[index] = upper[index] = np.quantile(np.abs(known), 0.95)
        else:
            below, above = np.quantile(known, [0.025, 0.975])
            lower[index], upper[index] = max(0.0, -below), max(0.0, above)
    return lower, upper


def _table(law: Law) -> tuple[Floats, Floats]:
    """Standard normal values, and the standardised values of the law that have the same share of it below them."""
    normal = np.linspace(-5.5, 5.5, 1101)
    p = special.ndtr(normal)
    return normal, (law.quantile(p) - law.mean) / law.std


def _draw(law: Law, samples: int, count: int, table: tuple[Floats, Floats] | None, generator: torch.Generator) -> Floats:
    """Standardised values, shape (samples, count)."""
    values = torch.zeros((samples, count), dtype=torch.float64)
    if isinstance(law, Uniform):
        return values.uniform_(-math.sqrt(3.0), math.sqrt(3.0), generator=generator).numpy()
    weight = law.continuous_weight
    values[:, : round(count * weight)].normal_(0.0, 1.0 / math.sqrt(weight), generator=generator)
    return values.numpy() if table is None else np.interp(values.numpy(), *table)


def _moments_of(values: Floats) -> Floats:
    """The moments of each row, shape (5, rows); NaN for those of rows without spread."""
    mean = values.mean(axis=1)
    away = values - mean[:, None]
    square = away * away
    variance = square.mean(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        skewness = (square * away).mean(axis=1) / variance**1.5
        kurtosis = (square * square).mean(axis=1) / variance**2 - 3.0
    return np.stack((mean, np.sqrt(variance), variance, skewness, kurtosis))


def _by_delta(law: Law, count: int) -> Straying:
    weight = law.continuous_weight
    part = _standard_moments(law)  # of the values that are drawn
    powers = np.arange(1, 5)
    covariance = weight * (part[powers[:, None] + powers] - np.outer(part[powers], part[powers])) / count
    third, fourth = law.skewness, law.kurtosis + 3.0
    gradients = np.array([
        [1.0, 0.0, 0.0, 0.0],
        [0.0, 0.5, 0.0, 0.0],
        [0.0, 1.0, 0.0, 0.0],
        [-3.0, -1.5 * third, 1.0, 0.0],
        [-4.0 * third, -2.0 * fourth, 0.0, 1.0],
    ])
    half = _QUANTILE * np.sqrt(np.maximum(np.einsum("ki,ij,kj->k", gradients, covariance, gradients), 0.0))
    return _scaled(law, half, half)


@lru_cache(maxsize=16)
def _standard_moments(law: Law) -> Floats:
    """Of the continuous part of a law with mean 0 and standard deviation 1: moments 0 to 8."""
    powers = np.arange(9)
    if isinstance(law, TruncatedNormal):
        low, high = law.quantile(np.array([1e-17, 1.0])).tolist()
        high = min(high, float(law.mean + 60.0 * law.std))
        low = max(low, float(law.mean - 60.0 * law.std))
        nodes, weights = np.polynomial.legendre.leggauss(200)
        x = 0.5 * (low + high) + 0.5 * (high - low) * nodes
        share = weights * law.density(x)
        share = share / share.sum()
        z = (x - law.mean) / law.std
        return np.asarray((share * z ** powers[:, None]).sum(axis=1))
    if isinstance(law, Uniform):
        return np.where(powers % 2, 0.0, 3.0 ** (powers / 2) / (powers + 1))
    normal = np.array([1.0, 0.0, 1.0, 0.0, 3.0, 0.0, 15.0, 0.0, 105.0])
    return normal * law.continuous_weight ** (-powers / 2.0)
