"""The tail sampler against scipy's truncated normal distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from visualizer.components.seeding import torch_generator
from visualizer.experiments.distributions.tail import tail_normal_

#: mean, std, a, b: both far tails, wide and narrow intervals around the mean, beside it, and half lines.
INTERVALS = (
    (0.0, 1.0, 6.0, 7.0), (0.0, 1.0, -40.0, -39.0), (0.0, 1.0, -2.0, 2.0), (1.0, 2.0, 0.5, 1.5), (0.0, 1.0, -0.01, 8.0),
    (0.0, 1.0, 0.2, 0.4), (0.0, 1.0, 0.5, math.inf), (0.0, 1.0, -math.inf, -3.0), (-3.0, 0.1, -2.9, -2.0), (5.0, 3.0, 4.0, 20.0),
    (0.0, 1.0, 0.0, 1.0), (0.0, 1.0, 3.0, 3.1),
)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(("mean", "std", "a", "b"), INTERVALS)
def test_the_sample_has_the_truncated_normal_distribution(
    mean: float, std: float, a: float, b: float, dtype: torch.dtype
) -> None:
    values = tail_normal_(torch.empty(40_000, dtype=dtype), mean, std, a, b, torch_generator(7)).double().numpy()
    law = stats.truncnorm((a - mean) / std, (b - mean) / std, mean, std)
    assert np.all((values >= a) & (values <= b))
    assert stats.kstest(values, law.cdf).pvalue > 1e-4
    expected, spread = law.mean(), law.std()
    assert abs(values.mean() - expected) < 4.5 * spread / math.sqrt(values.size)
    fourth = stats.kurtosis(values)
    assert values.std() == pytest.approx(spread, rel=4.5 * math.sqrt((fourth + 2) / 4 / values.size))


def test_a_wrong_tail_would_be_noticed() -> None:
    values = tail_normal_(torch.empty(40_000), 0.0, 1.0, 6.0, 7.0, torch_generator(7)).double().numpy()
    assert stats.kstest(values, stats.truncnorm(5.95, 7.0).cdf).pvalue < 1e-6
    assert np.unique(values).size > 30_000


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_half_types_lie_between_the_rounded_bounds(dtype: torch.dtype) -> None:
    values = tail_normal_(torch.empty(5_000, dtype=dtype), 0.0, 1.0, 6.001, 6.997, torch_generator(1))
    low, high = torch.tensor([6.001, 6.997], dtype=dtype).tolist()
    assert values.dtype == dtype
    assert low <= values.min().item() <= values.max().item() <= high


def test_same_seed_same_values_and_the_global_generator_is_untouched() -> None:
    before = torch.get_rng_state()
    one, two, other = (tail_normal_(torch.empty(1000), 0.0, 1.0, 6.0, 7.0, torch_generator(seed)) for seed in (3, 3, 4))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(before, torch.get_rng_state())


def test_any_shape_and_strides_are_filled_in_place() -> None:
    tensor = torch.full((6, 5), math.nan)
    assert tail_normal_(tensor.T, 0.0, 1.0, 6.0, 7.0, torch_generator(1)).shape == (5, 6)
    assert torch.all((tensor >= 6.0) & (tensor <= 7.0))
    assert tail_normal_(torch.empty(3), 0.0, 1.0, 2.0, 2.0).tolist() == [2.0, 2.0, 2.0]
    assert tail_normal_(torch.empty(0), 0.0, 1.0, 6.0, 7.0).numel() == 0


@pytest.mark.parametrize(
    ("mean", "std", "a", "b"),
    [(0.0, 0.0, 0.0, 1.0), (0.0, -1.0, 0.0, 1.0), (0.0, 1.0, 2.0, 1.0), (math.nan, 1.0, 0.0, 1.0), (0.0, 1.0, math.nan, 1.0),
     (0.0, 1.0, math.inf, math.inf)],
)
def test_arguments_that_mean_nothing_are_refused(mean: float, std: float, a: float, b: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        tail_normal_(torch.empty(3), mean, std, a, b)
