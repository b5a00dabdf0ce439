"""Many small samples at once, and what their variances are on average: with n too small, with n - 1 right."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, xlogy

from visualizer.components.seeding import torch_generator
from visualizer.figures.model import readonly

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float64]

#: Values drawn in one step of a run, about a millisecond of work.
CHUNK = 2**15
#: Bars of the histogram: at least and at most.
_BINS = (12, 72)
#: Points of the running averages.
_CHECKPOINTS = 240
#: Excess kurtosis of each population: how much heavier than the normal's its tails are.
EXCESS_KURTOSIS = {"normal": 0.0, "uniform": -1.2, "exponential": 6.0, "coin": -2.0}
#: The largest (x - mean)^2 / sigma^2 that a value can have, where there is one.
_LARGEST = {"uniform": 3.0, "coin": 1.0}


def rows_of(sample_size: int) -> int:
    """How many samples are drawn in one step."""
    return max(1, CHUNK // sample_size)


def draw(population: str, rows: int, size: int, generator: torch.Generator) -> torch.Tensor:
    """``rows`` samples of ``size`` values from a population with variance 1: float64 [rows, size]."""
    import torch

    match population:
        case "normal":
            return torch.randn(rows, size, generator=generator, dtype=torch.float64)
        case "uniform":
            return math.sqrt(3.0) * (2.0 * torch.rand(rows, size, generator=generator, dtype=torch.float64) - 1.0)
        case "exponential":
            return torch.empty(rows, size, dtype=torch.float64).exponential_(generator=generator)
        case _:
            return 2.0 * torch.randint(2, (rows, size), generator=generator).double() - 1.0


def estimate_deviation(population: str, size: int) -> float:
    """Standard deviation of the variance estimate with n - 1 for sigma = 1: sqrt(2 / (n - 1) + kurtosis / n)."""
    return math.sqrt(max(0.0, 2.0 / (size - 1) + EXCESS_KURTOSIS[population] / size))


def std_factor(size: int) -> float:
    """c4: the expected standard deviation with n - 1 of a normal sample, divided by sigma; below 1."""
    return math.sqrt(2.0 / (size - 1)) * math.exp(float(gammaln(size / 2) - gammaln((size - 1) / 2)))


def normal_density(x: Floats, size: int, divisor: int) -> Floats:
    """Density of the variance estimate of a standard normal sample: (sum of squares) / divisor, chi-squared with n - 1."""
    freedom = size - 1
    scaled = x * divisor
    return np.asarray(divisor * np.exp(
        xlogy(freedom / 2 - 1, scaled) - scaled / 2 - gammaln(freedom / 2) - freedom / 2 * math.log(2.0)
    ))


def shown_range(population: str, size: int) -> tuple[float, float]:
    """Where nearly all estimates (both kinds, sigma = 1) lie."""
    deviation = estimate_deviation(population, size)
    low = max(0.0, (size - 1) / size - 4.0 * deviation)
    top = 1.0 + (4.0 if population != "exponential" else 3.5) * deviation
    if population in _LARGEST:
        largest = _LARGEST[population] * size / (size - 1)
        top = min(top, largest + 0.05 * (largest - low))
    return low, top


def bins_for(population: str, samples: int) -> int:
    """Bars of the histogram: more samples show more detail. A coin's estimates are few values: narrow bars from the start."""
    fewest, most = _BINS
    return most if population == "coin" else int(np.clip(3.4 * samples ** (1 / 3), fewest, most))


@dataclass(frozen=True, eq=False)
class Tally:
    """What is known after ``count`` samples, all for a population with sigma = 1.

    Attributes:
        edges: of the histograms, [bins + 1]. ``plain``, ``bessel``: samples in each bin, with n and with n - 1, [bins].
        mean: average of the variances with n; ``mean_bessel`` with n - 1. ``std_mean``, ``std_bessel_mean``: of the roots.
        spread: standard deviation of the variances with n - 1 over the samples (NaN for one sample).
        counts: numbers of samples at which the running average is noted, and ``running``: of the variances with n, there.
    """

    count: int
    edges: Floats
    plain: Floats
    bessel: Floats
    mean: float
    mean_bessel: float
    std_mean: float
    std_bessel_mean: float
    spread: float
    counts: Floats
    running: Floats


def tallies(population: str, size: int, samples: int, seed: int) -> Iterator[Tally | None]:
    """Draw the samples in chunks; a tally whenever there are enough more, ``None`` in between, the last is complete."""
    import torch

    generator = torch_generator(seed)
    low, high = shown_range(population, size)
    bins = bins_for(population, samples)
    edges = np.linspace(low, high, bins + 1)
    plain, bessel = np.zeros(bins), np.zeros(bins)
    factor = size / (size - 1)
    targets = np.unique(np.round(np.geomspace(1, samples, _CHECKPOINTS)).astype(np.int64))
    running = np.empty(len(targets))
    done = passed = told = 0
    total = roots = squares = 0.0
    while done < samples:
        rows = min(rows_of(size), samples - done)
        found = draw(population, rows, size, generator).var(dim=1, correction=0)
        # Shifted by what is expected, so that the sums keep their digits.
        shifted = found - 1.0 / factor
        sums = torch.cumsum(shifted, 0)
        ahead = int(np.searchsorted(targets, done + rows, side="right"))
        at = targets[passed:ahead]
        running[passed:ahead] = 1.0 / factor + (total + sums.numpy()[at - done - 1]) / at
        total, passed = total + float(sums[-1]), ahead
        squares += float(shifted.square().sum())
        roots += float(found.sqrt().sum())
        array = found.numpy()
        plain += np.histogram(array, bins, (low, high))[0]
        bessel += np.histogram(array * factor, bins, (low, high))[0]
        done += rows
        if done < samples and done < told + max(0.25 * told, 0.02 * samples):
            yield None
            continue
        told = done
        mean = total / done
        spread = math.sqrt(max(0.0, squares - done * mean**2) / (done - 1)) if done > 1 else math.nan
        yield Tally(
            count=done, edges=readonly(edges), plain=readonly(plain), bessel=readonly(bessel), mean=1.0 / factor + mean,
            mean_bessel=1.0 + mean * factor, std_mean=roots / done, std_bessel_mean=math.sqrt(factor) * roots / done,
            spread=spread * factor, counts=readonly(targets[:passed]), running=readonly(running[:passed].copy()),
        )
