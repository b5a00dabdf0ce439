"""Goodness of fit against scipy.stats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from visualizer.components.laws import law_of
from visualizer.experiments.distributions.fit import chi_squared, kolmogorov_smirnov

NORMAL = law_of("normal", {"mean": 1.0, "std": 2.0}, (10,))


@pytest.mark.parametrize("count", [5, 12, 30, 1000])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_test_of_kolmogorov_and_smirnov_agrees_with_scipy(count: int, shift: float) -> None:
    values = np.sort(np.random.default_rng(count).normal(1.0 + shift, 2.0, count))
    ours, theirs = kolmogorov_smirnov(values, NORMAL), stats.kstest(values, stats.norm(1.0, 2.0).cdf)
    assert ours.statistic == pytest.approx(float(theirs.statistic), rel=1e-9)
    assert ours.p_value == pytest.approx(float(theirs.pvalue), abs=0.025)


def test_the_chi_squared_test_agrees_with_scipy_where_no_bins_are_joined() -> None:
    values = np.random.default_rng(7).normal(1.0, 2.0, 20_000)
    edges = np.linspace(-4.0, 6.0, 21)
    counts, _ = np.histogram(values, edges)
    below, above = int((values < -4.0).sum()), int((values > 6.0).sum())
    ours = chi_squared(counts, below, above, edges, NORMAL)
    assert ours is not None
    expected = np.diff(np.concatenate(([0.0], stats.norm(1.0, 2.0).cdf(edges), [1.0]))) * values.size
    theirs = stats.chisquare(np.concatenate(([below], counts, [above])), expected)
    assert ours.statistic == pytest.approx(float(theirs.statistic), rel=1e-9)
    assert ours.p_value == pytest.approx(float(theirs.pvalue), rel=1e-6)


def test_a_sample_from_another_distribution_is_found_out() -> None:
    values = np.random.default_rng(1).normal(1.0, 2.2, 20_000)
    edges = np.linspace(-4.0, 6.0, 21)
    counts, _ = np.histogram(values, edges)
    found = chi_squared(counts, int((values < -4.0).sum()), int((values > 6.0).sum()), edges, NORMAL)
    assert found is not None
    assert found.p_value < 1e-6


def test_too_few_values_for_a_chi_squared_test_make_none() -> None:
    assert chi_squared(np.array([1, 2]), 0, 0, np.array([-1.0, 0.0, 1.0]), NORMAL) is None
