"""Bessel's lab: averages of many variances against their closed forms, and pictures that do not depend on chance."""

from __future__ import annotations

import io
import math
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from visualizer.base.explanation import Formula, Verdict
from visualizer.experiments.distributions.bessel import estimate_deviation, normal_density, shown_range, std_factor
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.state import DistributionsState

DISTRIBUTIONS = Distributions()
POPULATIONS = ("normal", "uniform", "exponential", "coin")


def state_of(**values: Any) -> DistributionsState:
    return DistributionsState(view="bessel", **values)


def results_of(state: DistributionsState) -> list[Any]:
    return [result for result in DISTRIBUTIONS.run(DISTRIBUTIONS.request(state)) if result is not None]


def numbers_of(state: DistributionsState) -> dict[str, Any]:
    return DISTRIBUTIONS.numbers(results_of(state)[-1], state)


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize(("size", "sigma"), [(2, 1.0), (5, 3.0), (40, 0.2)])
def test_the_averages_are_the_closed_forms_within_5_standard_errors(population: str, size: int, sigma: float) -> None:
    found = numbers_of(state_of(population=population, sample_size=size, sigma=sigma, samples=20_000))["bessel"]
    variance = sigma**2
    error = 5 * found["deviation_bessel"] / math.sqrt(20_000)
    assert found["mean_variance_bessel"] == pytest.approx(variance, abs=error)
    assert found["mean_variance"] == pytest.approx((size - 1) / size * variance, abs=error)
    assert error < 0.2 * variance
    # The scatter of the estimates is what its formula says; its own error is a few percent, more with heavy tails.
    assert found["deviation_bessel"] == pytest.approx(found["expected_deviation_bessel"], rel=0.12)


def test_the_scatter_of_an_estimate_is_its_textbook_form() -> None:
    for size in (2, 5, 30):
        assert estimate_deviation("normal", size) == pytest.approx(stats.chi2(size - 1).std() / (size - 1))
    # Two flips of a coin: the estimate is 0 or 2, equally likely.
    assert estimate_deviation("coin", 2) == pytest.approx(1.0)


@pytest.mark.parametrize("size", [2, 3, 5, 50, 200])
def test_the_exact_density_and_the_bias_of_the_root_are_scipys(size: int) -> None:
    x = np.linspace(0.01, 3.0, 100)
    for divisor in (size, size - 1):
        exact = stats.chi2(size - 1, scale=1 / divisor).pdf(x)
        assert normal_density(x, size, divisor) == pytest.approx(exact, rel=1e-9, abs=1e-300)
    assert std_factor(size) == pytest.approx(stats.chi(size - 1, scale=1 / math.sqrt(size - 1)).mean(), rel=1e-9)


def test_the_root_stays_biased_as_theory_says() -> None:
    found = numbers_of(state_of(sample_size=5, samples=50_000))["bessel"]
    assert found["expected_std_bessel"] == pytest.approx(0.9399856)
    assert found["mean_std_bessel"] == pytest.approx(0.9399856, abs=5 * 0.35 / math.sqrt(50_000))


@pytest.mark.parametrize("population", POPULATIONS)
def test_the_histogram_counts_every_sample_that_lies_inside(population: str) -> None:
    found = numbers_of(state_of(population=population, samples=5_000, sample_size=6))
    low, high = shown_range(population, 6)
    assert found["histogram"]["edges"][[0, -1]] == pytest.approx([low, high])
    for name in ("with_n", "with_n_minus_1"):
        assert 0.96 * 5_000 < found["histogram"][name].sum() <= 5_000


def test_the_running_average_ends_at_the_average_and_starts_with_the_first_sample() -> None:
    state = state_of(samples=30_000, sample_size=7, seed=3)
    found = numbers_of(state)
    assert found["running"]["samples"][[0, -1]].tolist() == [1, 30_000]
    assert found["running"]["with_n"][-1] == pytest.approx(found["bessel"]["mean_variance"], rel=1e-12)
    assert found["running"]["with_n_minus_1"][-1] == pytest.approx(found["bessel"]["mean_variance_bessel"], rel=1e-12)
    first = torch.randn(4681, 7, generator=torch.Generator().manual_seed(3), dtype=torch.float64)[0]
    assert found["running"]["with_n"][0] == pytest.approx(first.var(correction=0).item(), rel=1e-12)


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("samples", [50, 15_000])
def test_the_code_draws_the_same_samples(population: str, samples: int) -> None:
    state = state_of(population=population, samples=samples, sample_size=5, sigma=2.5, seed=7)
    found, scope, said = numbers_of(state)["bessel"], {}, io.StringIO()
    with redirect_stdout(said):
        exec(DISTRIBUTIONS.code(state), scope)
    assert scope["with_n"].mean().item() == pytest.approx(found["mean_variance"], rel=1e-10)
    assert scope["with_n_minus_1"].mean().item() == pytest.approx(found["mean_variance_bessel"], rel=1e-10)
    assert f"{found['mean_std_bessel']:.6g}"[:6] in said.getvalue()


def test_the_same_seed_draws_the_same_and_leaves_torchs_global_generator_alone() -> None:
    state = state_of(samples=20_000, seed=11)
    before = torch.get_rng_state()
    first, second = numbers_of(state), numbers_of(state)
    assert torch.equal(before, torch.get_rng_state())
    assert first["bessel"] == second["bessel"]
    assert (first["histogram"]["with_n"] == second["histogram"]["with_n"]).all()
    assert numbers_of(state.changed(seed=12))["bessel"]["mean_variance"] != first["bessel"]["mean_variance"]


def test_partial_results_grow_to_the_final_one() -> None:
    results = results_of(state_of(samples=60_000, sample_size=20))
    progress = [result.progress for result in results]
    assert len(results) > 3
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    assert all(result.progress < 1.0 for result in results[:-1])
    first, last = (DISTRIBUTIONS.explain(result, state_of()).blocks[0] for result in (results[0], results[-1]))
    assert isinstance(first, Verdict)
    assert isinstance(last, Verdict)
    assert "of 60,000 samples drawn" in first.text
    assert "4.9 % too small" in last.text
    assert "right to within chance" in last.text


def test_too_few_samples_are_no_proof() -> None:
    state = state_of(samples=10)
    verdict = DISTRIBUTIONS.explain(results_of(state)[-1], state).blocks[0]
    assert isinstance(verdict, Verdict)
    assert verdict.role == "warning"
    assert "Too few samples" in verdict.text


@pytest.mark.parametrize("population", POPULATIONS)
@pytest.mark.parametrize("size", [2, 200])
def test_figures_are_finite_and_formulas_can_be_typeset(population: str, size: int) -> None:
    import ziamath

    state = state_of(population=population, sample_size=size, samples=100, sigma=0.3)
    result = results_of(state)[-1]
    figures = DISTRIBUTIONS.figures(result, state)
    assert tuple(figure.name for figure in figures) == ("bessel", "bessel_running")
    for figure in figures:
        assert figure.x.limits is not None
        assert figure.y.limits is not None
        assert np.isfinite([*figure.x.limits, *figure.y.limits]).all()
        for layer in figure.layers:
            for value in vars(layer).values():
                if isinstance(value, np.ndarray):
                    assert np.isfinite(value).all()
    for block in DISTRIBUTIONS.explain(result, state).blocks:
        if isinstance(block, Formula):
            assert ziamath.Latex(block.latex).svg()
