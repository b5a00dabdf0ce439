"""Moments of a hundred million float32 values against exact sums in float64, and counts beyond what float32 can count."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from visualizer.components.seeding import torch_generator
from visualizer.experiments.distributions.streaming import stream

COUNT, CHUNK = 10**8, 100_000


class Reference:
    """Sums of the powers of x - centre, in float64 block by block and exactly rounded over the blocks.

    The centre is near the mean, so that the step from these sums to central moments cancels no digits.
    """

    def __init__(self, centre: float) -> None:
        self.centre = centre
        self.blocks: list[tuple[float, ...]] = []

    def add(self, values: torch.Tensor) -> None:
        away = values.numpy().astype(np.float64)
        away -= self.centre
        square = away * away
        # numpy adds pairwise: 1e-15 of the sum of the magnitudes.
        self.blocks.append((away.sum(), square.sum(), (square * away).sum(), (square * square).sum()))

    def moments(self, n: int) -> tuple[float, float, float, float]:
        """Mean, variance, skewness and kurtosis (that of a normal is 3)."""
        d, s2, s3, s4 = (math.fsum(column) / n for column in zip(*self.blocks, strict=True))
        m2 = s2 - d * d
        m3 = s3 - 3 * d * s2 + 2 * d**3
        m4 = s4 - 4 * d * s3 + 6 * d * d * s2 - 3 * d**4
        return self.centre + d, m2, m3 / m2**1.5, m4 / m2**2


def skewed(part: torch.Tensor, generator: torch.Generator) -> None:
    """Far from 0 and quick to draw: half of it 1000 + (u + v)^2, half 1000 + (1.5 v)^2 with u and v uniform."""
    part.uniform_(generator=generator)
    part[: CHUNK // 2].add_(part[CHUNK // 2 :])
    part[CHUNK // 2 :].mul_(1.5)
    part.square_().add_(1000.0)


@pytest.mark.parametrize(
    ("draw", "centre"),
    [
        (lambda part, generator: part.normal_(3.0, 2.0, generator=generator), 3.0),
        (skewed, 1000.95),
    ],
    ids=["normal", "skewed and far from 0"],
)
def test_moments_of_a_hundred_million_values_are_right_to_a_millionth(
    draw: Callable[[torch.Tensor, torch.Generator], object], centre: float
) -> None:
    generator, buffer, reference = torch_generator(4), torch.empty(CHUNK), Reference(centre)

    def pieces() -> Iterator[torch.Tensor]:
        for _ in range(COUNT // CHUNK):
            draw(buffer, generator)
            reference.add(buffer)
            yield buffer

    *_, found = stream(pieces(), centre - 3.0, centre + 3.0, 1)
    assert found is not None
    mean, variance, skewness, kurtosis = reference.moments(COUNT)
    assert found.count == COUNT
    assert found.counts.sum() + found.below + found.above == COUNT
    assert found.counts[0] > 5 * 2**24
    assert found.mean == pytest.approx(mean, rel=1e-6)
    assert found.variance == pytest.approx(variance, rel=1e-6)
    assert found.std == pytest.approx(math.sqrt(variance), rel=1e-6)
    assert found.variance_bessel == pytest.approx(variance * COUNT / (COUNT - 1), rel=1e-6)
    # Without skewness there is no relative error: its own scale is 1.
    assert found.skewness == pytest.approx(skewness, rel=1e-6, abs=1e-6 if abs(skewness) < 0.01 else 0.0)
    assert found.kurtosis + 3.0 == pytest.approx(kurtosis, rel=1e-6)
