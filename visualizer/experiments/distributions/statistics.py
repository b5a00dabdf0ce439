"""Mean, variance and standard deviation, with n and with n - 1, as exactly as float64 holds them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualizer.figures.model import readonly

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Everything that the page says about a vector of n numbers.

    Attributes:
        values: the numbers in their order, [n]. ``deviations``: each minus the mean, [n]; ``squares``: of these, [n].
        total: the sum of the values; infinite where float64 cannot hold it, as ``squares_total`` and the variances.
        variance, std: divided by n. ``variance_bessel``, ``std_bessel``: divided by n - 1, NaN for one value.
    """

    values: Floats
    deviations: Floats
    squares: Floats
    total: float
    mean: float
    squares_total: float
    variance: float
    std: float
    variance_bessel: float
    std_bessel: float
    minimum: float
    maximum: float
    median: float

    @property
    def count(self) -> int:
        return len(self.values)

    @property
    def out_of_range(self) -> str:
        """"large" or "small" where a square or a sum lies outside of what float64 can hold; else empty."""
        if not all(map(math.isfinite, (self.total, self.squares_total, self.std))):
            return "large"
        smallest = np.finfo(np.float64).tiny
        return "small" if self.std > 0 and self.variance < smallest else ""

    def numbers(self) -> dict[str, Any]:
        """For JSON; ``None`` for what is undefined or cannot be held."""
        found = {
            "count": self.count, "sum": self.total, "mean": self.mean, "variance": self.variance, "std": self.std,
            "variance_bessel": self.variance_bessel, "std_bessel": self.std_bessel, "minimum": self.minimum,
            "maximum": self.maximum, "median": self.median,
        }
        return {name: value if math.isfinite(value) else None for name, value in found.items()}


def statistics_of(values: Sequence[float]) -> Statistics:
    """The statistics of at least one finite number."""
    *_, found = statistics_in_parts(values)
    assert found is not None
    return found


def statistics_in_parts(values: Sequence[float]) -> Iterator[Statistics | None]:
    """As :func:`statistics_of`, for a worker: ``None`` after each pass over the numbers, the statistics at the end.

    Everything is computed from values scaled by a power of two to below 1, which is exact, so that no square overflows
    or vanishes; sums are exactly rounded (fsum); the deviations are from the mean with its rounding error taken off, so
    that a large offset costs no digits.
    """
    given = readonly(list(values))
    n = len(given)
    largest = float(np.abs(given).max())
    exponent = math.frexp(largest)[1] if largest else 0
    scaled = np.ldexp(given, -exponent)
    yield None
    listed = scaled.tolist()
    total = math.fsum(listed)
    yield None
    # The sum with what its rounding has cut off, divided exactly: else equal numbers might differ from their mean.
    exact = (Fraction(total) + Fraction(math.fsum([*listed, -total]))) / n
    mean = float(exact)
    deviations = scaled - mean - float(exact - Fraction(mean))
    yield None
    # A second scaling: deviations far below the values would have squares that vanish.
    widest = float(np.abs(deviations).max())
    inner = math.frexp(widest)[1] if widest else 0
    squares_total = math.fsum(np.square(np.ldexp(deviations, -inner)).tolist())
    yield None
    power = exponent + inner
    by_bessel = squares_total / (n - 1) if n > 1 else math.nan
    sorted_values = np.sort(scaled)
    middle = 0.5 * float(sorted_values[(n - 1) // 2]) + 0.5 * float(sorted_values[n // 2])
    with np.errstate(over="ignore", under="ignore"):
        shown = np.ldexp(deviations, exponent)
        squares = np.square(shown)
    yield Statistics(
        values=given, deviations=readonly(shown), squares=readonly(squares),
        total=_unscaled(total, exponent), mean=_unscaled(mean, exponent), squares_total=_unscaled(squares_total, 2 * power),
        variance=_unscaled(squares_total / n, 2 * power), std=_unscaled(math.sqrt(squares_total / n), power),
        variance_bessel=_unscaled(by_bessel, 2 * power), std_bessel=_unscaled(math.sqrt(by_bessel), power),
        minimum=float(given.min()), maximum=float(given.max()), median=_unscaled(middle, exponent),
    )


def _unscaled(value: float, exponent: int) -> float:
    """value * 2 ** exponent; infinite where that is too large."""
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)
