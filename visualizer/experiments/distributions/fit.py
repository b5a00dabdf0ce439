"""Whether a sample may come from a distribution: tests of goodness of fit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.components.laws import Law

    Floats = NDArray[np.float64]

#: Up to so many values the whole sample is kept and tested by Kolmogorov and Smirnov's test.
KEPT = 10_000
#: Bins with fewer expected values are joined with their neighbours (Cochran's rule).
_LEAST_EXPECTED = 5.0


@dataclass(frozen=True)
class Fit:
    """The result of a test: ``name`` of the test, its statistic, and the p-value."""

    name: str
    statistic: float
    p_value: float


def kolmogorov_smirnov(values: Floats, law: Law) -> Fit:
    """The test of Kolmogorov and Smirnov on all values, sorted, for a continuous distribution.

    The p-value is that of Kolmogorov's limit with the correction of Stephens (1970), right to about 0.02 from 5 values on.
    """
    count = values.size
    at = np.asarray(law.cdf(values), dtype=np.float64)
    steps = np.arange(count + 1) / count
    distance = float(max((steps[1:] - at).max(), (at - steps[:-1]).max()))
    root = math.sqrt(count)
    return Fit("Kolmogorov\u2013Smirnov", distance, float(special.kolmogorov((root + 0.12 + 0.11 / root) * distance)))


def chi_squared(counts: NDArray[np.int64], below: int, above: int, edges: Floats, law: Law) -> Fit | None:
    """Pearson's chi-squared test on a histogram with the two open ends; None with fewer than two bins left."""
    at = np.asarray(law.cdf(edges), dtype=np.float64)
    observed = np.concatenate(([below], counts, [above])).astype(np.float64)
    expected = np.diff(np.concatenate(([0.0], at, [1.0]))) * observed.sum()
    joined_observed, joined_expected = [0.0], [0.0]
    for seen, wanted in zip(observed, expected, strict=True):
        joined_observed[-1] += seen
        joined_expected[-1] += wanted
        if joined_expected[-1] >= _LEAST_EXPECTED:
            joined_observed.append(0.0)
            joined_expected.append(0.0)
    if joined_expected[-1] < _LEAST_EXPECTED and len(joined_expected) > 1:
        last_seen, last_wanted = joined_observed.pop(), joined_expected.pop()
        joined_observed[-1] += last_seen
        joined_expected[-1] += last_wanted
    if len(joined_expected) < 2:
        return None
    seen, wanted = np.array(joined_observed), np.array(joined_expected)
    statistic = float(((seen - wanted) ** 2 / wanted).sum())
    return Fit("\u03c7\u00b2", statistic, float(special.chdtrc(len(wanted) - 1, statistic)))
