"""Between which values the moments of samples lie by chance: counted in samples that are drawn here, by other means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy import stats

from visualizer.components.initializers import initializer
from visualizer.components.laws import law_of
from visualizer.experiments.distributions.chance import MOMENTS, Straying, straying

#: Each with its arguments and scipy's distribution of it.
LAWS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "normal": ("normal", {"mean": 1.0, "std": 2.0}, stats.norm(1.0, 2.0)),
    "uniform": ("uniform", {"a": 1.0, "b": 2.0}, stats.uniform(1.0, 1.0)),
    "two sigma": ("trunc_normal", {"mean": 0.0, "std": 1.0, "a": -2.0, "b": 2.0}, stats.truncnorm(-2.0, 2.0)),
    "lopsided": ("trunc_normal", {"mean": 0.0, "std": 3.0, "a": 1.5, "b": 9.0}, stats.truncnorm(0.5, 3.0, scale=3.0)),
}


def found(name: str, arguments: dict[str, Any], shape: tuple[int, ...], count: int) -> Straying | None:
    running = straying(initializer(name), law_of(name, arguments, shape), count)
    while True:
        try:
            assert next(running) is None
        except StopIteration as end:
            value: Straying | None = end.value
            return value


def moments(values: np.ndarray) -> Iterator[np.ndarray]:
    yield values.mean(axis=1)
    yield values.std(axis=1)
    yield values.var(axis=1)
    yield stats.skew(values, axis=1)
    yield stats.kurtosis(values, axis=1)


def covered(seen: np.ndarray, theory: float, band: tuple[float, float]) -> float:
    return float(np.mean((seen >= theory - band[0]) & (seen <= theory + band[1])))


@pytest.mark.parametrize("count", [12, 30, 400, 3000])
@pytest.mark.parametrize("law", LAWS)
def test_the_moments_of_95_in_100_samples_are_within_the_intervals(law: str, count: int) -> None:
    name, arguments, reference = LAWS[law]
    theory, band = law_of(name, arguments, (10,)), found(name, arguments, (10,), count)
    assert band is not None
    samples = 6000 if count < 1000 else 2000
    values = reference.rvs((samples, count), random_state=np.random.default_rng(count))
    for moment, seen in zip(MOMENTS, moments(values), strict=True):
        assert covered(seen, getattr(theory, moment), getattr(band, moment)) == pytest.approx(0.95, abs=0.02), moment


@pytest.mark.parametrize("count", [40, 400, 4000])
def test_the_zeros_of_a_sparse_matrix_do_not_vary_and_its_intervals_know_it(count: int) -> None:
    arguments = {"sparsity": 0.4, "std": 2.0}
    theory, band = law_of("sparse", arguments, (10, 4)), found("sparse", arguments, (10, 4), count)
    assert band is not None
    values = np.random.default_rng(5).normal(0.0, 2.0, (3000, count))
    values[:, : 2 * count // 5] = 0.0
    for moment, seen in zip(MOMENTS, moments(values), strict=True):
        assert covered(seen, getattr(theory, moment), getattr(band, moment)) == pytest.approx(0.95, abs=0.025), moment


def test_where_simulation_ends_and_the_limit_begins_they_agree() -> None:
    for law, (name, arguments, _) in LAWS.items():
        small, large = (found(name, arguments, (10,), count) for count in (100, 101))
        assert small is not None
        assert large is not None
        for moment in MOMENTS:
            width = sum(getattr(small, moment))
            assert sum(getattr(large, moment)) == pytest.approx(width, rel=0.2), (law, moment)


def test_the_intervals_of_many_normal_values_are_those_of_the_textbooks() -> None:
    band = found("normal", {"mean": 0.0, "std": 1.0}, (10,), 10_000)
    assert band is not None
    assert band.mean[0] == pytest.approx(1.96 / 100, rel=1e-3)
    assert band.std[1] == pytest.approx(1.96 * np.sqrt(1 / 20_000), rel=1e-3)
    assert band.skewness[1] == pytest.approx(1.96 * np.sqrt(6 / 10_000), rel=1e-3)
    assert band.kurtosis[0] == pytest.approx(1.96 * np.sqrt(24 / 10_000), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "arguments", "shape"),
    [("eye", {}, (4, 3)), ("dirac", {"groups": 1}, (4, 3, 3)), ("constant", {"val": 2.0}, (4,)), ("ones", {}, (4,)),
     ("orthogonal", {"gain": 1.0}, (4, 3)), ("normal", {"mean": 1.0, "std": 0.0}, (4,))],
)
def test_there_is_no_interval_where_nothing_is_random_or_values_depend_on_each_other(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...]
) -> None:
    assert found(name, arguments, shape, 12) is None
    assert found(name, arguments, shape, 12_000) is None


def test_the_same_law_in_other_units_has_the_same_intervals() -> None:
    here, there = (found("normal", {"mean": mean, "std": std}, (9,), 25) for mean, std in ((0.0, 1.0), (1e6, 3.0)))
    assert here is not None
    assert there is not None
    assert np.asarray(there.mean) == pytest.approx(3.0 * np.asarray(here.mean))
    assert np.asarray(there.variance) == pytest.approx(9.0 * np.asarray(here.variance))
    assert there.kurtosis == here.kurtosis
