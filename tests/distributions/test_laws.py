"""The theory of the initialisers against scipy.stats, against mpmath with 40 digits, and against torch itself."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from visualizer.base.errors import UserError
from visualizer.components import theories
from visualizer.components.families import Law, atoms
from visualizer.components.initializers import INITIALIZERS, NONLINEARITIES, initializer
from visualizer.components.laws import cautions, check, derivation, fans, gain_of, law_of, numbers_of, theory_of
from visualizer.components.truncated import truncated_normal
from visualizer.ui.widgets.typesetter import typeset

NAMES = tuple(entry.name for entry in INITIALIZERS)
SHAPES = {"eye": (4, 3), "sparse": (10, 6), "dirac": (16, 3, 5, 5)}


def _law(name: str, shape: tuple[int, ...] = (), **changed: Any) -> Law:
    return law_of(name, {**initializer(name).arguments, **changed}, shape or SHAPES.get(name, (4, 3)))


def _fill(name: str, shape: tuple[int, ...], arguments: Mapping[str, Any], seed: int = 0) -> torch.Tensor:
    return initializer(name).fill(torch.empty(shape), arguments, torch.Generator().manual_seed(seed))


# --- the lecture's and torch's own numbers ---


def test_a_normal_within_two_sigma_has_the_std_of_the_lecture() -> None:
    assert _law("trunc_normal").std == pytest.approx(0.87963, abs=5e-6)


def test_xavier_on_4x3_has_the_bound_and_std_of_the_lecture() -> None:
    numbers = numbers_of("xavier_uniform", {"gain": 1.0}, (4, 3))
    assert numbers["theory"]["bound"] == pytest.approx(0.92582, abs=5e-6)
    assert numbers["theory"]["std"] == pytest.approx(0.53452, abs=5e-6)
    assert (numbers["fan_in"], numbers["fan_out"], numbers["gain"]) == (3, 4, 1.0)
    assert _law("xavier_normal").std == pytest.approx(0.53452, abs=5e-6)


def test_kaiming_normal_for_relu_on_4x3_has_the_std_of_the_lecture() -> None:
    assert _law("kaiming_normal", nonlinearity="relu").std == pytest.approx(0.81650, abs=5e-6)


def test_leaky_relu_without_a_slope_has_torchs_default_gain() -> None:
    assert gain_of("leaky_relu", None) == 1.4141428569978354 == torch.nn.init.calculate_gain("leaky_relu")


@pytest.mark.parametrize("option", NONLINEARITIES, ids=lambda option: option.name)
@pytest.mark.parametrize("slope", [None, 0.0, 0.2, -1.0, 5.0])
def test_the_gain_of_every_nonlinearity_is_torchs(option: Any, slope: float | None) -> None:
    assert gain_of(option.name, slope) == torch.nn.init.calculate_gain(option.name, slope)


def test_a_nonlinearity_without_a_gain_is_answered_with_those_that_have_one() -> None:
    with pytest.raises(ValueError, match="Unsupported"):
        torch.nn.init.calculate_gain("gelu")  # type: ignore[arg-type]
    with pytest.raises(UserError, match=r"no gain for the nonlinearity 'gelu'.*relu"):
        gain_of("gelu")


@given(shape=st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_the_fans_are_torchs(shape: list[int]) -> None:
    assert fans(tuple(shape)) == torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))


@pytest.mark.parametrize("name", ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"])
@given(
    shape=st.lists(st.integers(1, 40), min_size=2, max_size=5), gain=st.floats(0.1, 10), a=st.floats(-3, 3),
    mode=st.sampled_from(["fan_in", "fan_out"]), nonlinearity=st.sampled_from([option.name for option in NONLINEARITIES]),
)
@settings(max_examples=40, deadline=None)
def test_torch_draws_with_the_very_bound_or_std_of_the_theory(
    name: str, shape: list[int], gain: float, a: float, mode: str, nonlinearity: str,
) -> None:
    given_values = {"gain": gain, "a": a, "mode": mode, "nonlinearity": nonlinearity}
    arguments = {key: given_values[key] for key in initializer(name).arguments}
    law = law_of(name, arguments, tuple(shape))
    drawn: list[tuple[float, float]] = []

    class Spy(torch.Tensor):
        """Notes what torch.nn.init at last asks for, in place of drawing millions of values."""

        def uniform_(self, low: float = 0, high: float = 1, generator: Any = None) -> torch.Tensor:
            drawn.append((low, high))
            return self

        def normal_(self, mean: float = 0, std: float = 1, generator: Any = None) -> torch.Tensor:
            drawn.append((mean, std))
            return self

        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            with torch._C.DisableTorchFunctionSubclass():
                return func(*args, **(kwargs or {}))

    with torch._C.DisableTorchFunctionSubclass():
        getattr(torch.nn.init, name + "_")(torch.empty(shape).as_subclass(Spy), **arguments)
    expected = law.support if name.endswith("uniform") else (0.0, law.std)
    assert drawn == [pytest.approx(expected, rel=1e-13)]


# --- every entry against samples of torch itself ---

CASES: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("uniform", (500, 400), {"a": 1.0, "b": 2.0}),
    ("normal", (500, 400), {"mean": 1.0, "std": 2.0}),
    ("trunc_normal", (500, 400), {}),
    ("trunc_normal", (500, 400), {"mean": 1.0, "std": 2.0, "a": 0.5, "b": 1.5}),
    ("trunc_normal", (200, 100), {"a": 6.0, "b": 7.0}),
    ("xavier_uniform", (500, 400), {"gain": 2.0}),
    ("xavier_normal", (50, 40, 10, 10), {}),
    ("kaiming_uniform", (500, 400), {"a": 0.5}),
    ("kaiming_normal", (50, 40, 10, 10), {"nonlinearity": "relu", "mode": "fan_out"}),
    ("constant", (5, 4), {}),
    ("ones", (5, 4), {}),
    ("zeros", (5, 4), {}),
    ("eye", (4, 3), {}),
    ("eye", (3, 5), {}),
    ("eye", (1, 1), {}),
    ("dirac", (16, 3, 5, 5), {}),
    ("dirac", (6, 2, 4), {"groups": 3}),
    ("dirac", (4, 8, 2, 1, 3), {"groups": 2}),
    ("sparse", (100, 2000), {"sparsity": 0.07}),
    ("sparse", (7, 20000), {"sparsity": 0.3, "std": 2.0}),
    ("sparse", (4, 10), {"sparsity": 1.0}),
    ("sparse", (100, 1000), {"sparsity": 0.0}),
]


@pytest.mark.filterwarnings("ignore:mean is more than 2 std")
@pytest.mark.parametrize(("name", "shape", "changed"), CASES, ids=lambda value: str(value))
def test_what_torch_draws_has_the_moments_atoms_and_bounds_of_the_law(
    name: str, shape: tuple[int, ...], changed: dict[str, Any],
) -> None:
    arguments = {**initializer(name).arguments, **changed}
    law = law_of(name, arguments, shape)
    values = _fill(name, shape, arguments).double().numpy().ravel()
    count = values.size
    fourth = 0.0 if math.isnan(law.kurtosis) else law.kurtosis
    drawn = initializer(name).elementwise or name == "sparse"
    assert values.mean() == pytest.approx(law.mean, rel=1e-6, abs=1e-9 + 5 * law.std / math.sqrt(count) * drawn)
    assert values.var() == pytest.approx(law.variance, rel=1e-6 + 5 * math.sqrt((fourth + 2) / count) * drawn, abs=1e-12)
    for position, weight in law.atoms:
        assert np.mean(values == position) == pytest.approx(weight, abs=1e-12)
    assert values.min() >= law.support[0] - 1e-6
    assert values.max() <= law.support[1] + 1e-6
    if law.bound is not None:
        assert np.abs(values).max() <= law.bound * (1 + 1e-6)
    continuous = values[~np.isin(values, [position for position, _ in law.atoms])]
    assert continuous.size == pytest.approx(count * law.continuous_weight, abs=1e-6)
    if continuous.size:
        def cdf(x: np.ndarray) -> np.ndarray:
            jumps = sum((np.where(x >= position, weight, 0.0) for position, weight in law.atoms), start=np.zeros_like(x))
            return (law.cdf(x) - jumps) / law.continuous_weight

        assert stats.kstest(continuous, cdf).pvalue > 1e-4


@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 1), (3, 3), (3, 2), (2, 5), (1, 4), (6, 2, 3), (8, 20)], ids=str)
def test_an_element_of_torchs_orthogonal_matrices_has_the_law(shape: tuple[int, ...]) -> None:
    law = _law("orthogonal", shape, gain=-1.5)
    generator = torch.Generator().manual_seed(1)
    repeats = 2000
    # One element a matrix: the elements of one matrix depend on each other. The last one is the hardest to get right.
    values = torch.stack([
        torch.nn.init.orthogonal_(torch.empty(shape, dtype=torch.float64), -1.5, generator=generator).ravel()[-1]
        for _ in range(repeats)
    ]).numpy()
    assert values.mean() == pytest.approx(0.0, abs=5 * law.std / math.sqrt(repeats))
    assert np.mean(values**2) == pytest.approx(law.variance, rel=5 * math.sqrt((law.kurtosis + 2) / repeats) + 1e-12)
    assert np.abs(values).max() <= 1.5 * (1 + 1e-12)
    assert law.bound == 1.5
    if law.atoms:
        assert set(np.round(values, 12)) == {-1.5, 1.5}
    else:
        assert stats.kstest(values, law.cdf).pvalue > 1e-4


# --- densities, distribution functions, moments ---


def _references() -> list[tuple[str, Law, Any]]:
    return [
        ("uniform", _law("uniform", a=1.0, b=2.5), stats.uniform(1.0, 1.5)),
        ("normal", _law("normal", mean=1.0, std=2.0), stats.norm(1.0, 2.0)),
        ("trunc_normal", _law("trunc_normal"), stats.truncnorm(-2, 2)),
        ("skewed trunc_normal", _law("trunc_normal", mean=1.0, std=2.0, a=-0.5, b=6.0), stats.truncnorm(-0.75, 2.5, 1, 2)),
        ("half trunc_normal", _law("trunc_normal", a=0.0, b=50.0), stats.truncnorm(0, 50)),
        ("lower trunc_normal", _law("trunc_normal", a=-5.0, b=-1.0), stats.truncnorm(-5, -1)),
        ("xavier_uniform", _law("xavier_uniform"), stats.uniform(-math.sqrt(6 / 7), 2 * math.sqrt(6 / 7))),
        ("kaiming_normal", _law("kaiming_normal", (16, 3, 5, 5)), stats.norm(0, math.sqrt(2 / 75))),
        ("orthogonal 2", _law("orthogonal", (2, 2)), stats.arcsine(-1, 2)),
        ("orthogonal 3", _law("orthogonal", (3, 3), gain=2.0), stats.uniform(-2, 4)),
        ("orthogonal 4", _law("orthogonal"), stats.beta(1.5, 1.5, -1, 2)),
        ("orthogonal 75", _law("orthogonal", (16, 3, 5, 5)), stats.beta(37, 37, -1, 2)),
    ]


@pytest.mark.parametrize(("law", "reference"), [row[1:] for row in _references()], ids=[row[0] for row in _references()])
def test_moments_density_cdf_and_quantiles_are_scipys(law: Law, reference: Any) -> None:
    mean, variance, skewness, kurtosis = reference.stats("mvsk")
    assert law.mean == pytest.approx(float(mean), rel=1e-10, abs=1e-12)
    assert law.variance == pytest.approx(float(variance), rel=1e-10)
    assert law.std == pytest.approx(float(np.sqrt(variance)), rel=1e-10)
    assert law.skewness == pytest.approx(float(skewness), rel=1e-8, abs=1e-8)
    assert law.kurtosis == pytest.approx(float(kurtosis), rel=1e-8, abs=1e-8)
    p = np.linspace(0.0005, 0.9995, 301)
    x = reference.ppf(p)
    np.testing.assert_allclose(law.density(x), reference.pdf(x), rtol=1e-9)
    np.testing.assert_allclose(law.cdf(x), p, rtol=1e-10)
    np.testing.assert_allclose(law.quantile(p), x, rtol=1e-9, atol=1e-11)
    low, high = reference.support()
    assert law.support == (pytest.approx(low), pytest.approx(high))


TAILS = [(6.0, 7.0), (-7.0, -6.0), (-40.0, -39.0), (39.0, 40.0), (20.0, 1e6), (3.0, 3.000001), (-1e-7, 2e-7), (-9.0, 0.001),
         (1e4, 1e4 + 1)]


def _exact(low: float, high: float) -> tuple[mpmath.mpf, ...]:
    """Probability relative to the peak, mean, variance, skewness, excess kurtosis by integration with 40 digits."""
    mode = mpmath.mpf(min(max(low, 0.0), high))
    far = 2 * 100 / (abs(mode) + mpmath.sqrt(mode**2 + 200))
    first, last = max(mpmath.mpf(low), mode - far), min(mpmath.mpf(high), mode + far)
    steps = [first + (last - first) * k / 12 for k in range(13)]

    def integral(power: int, centre: mpmath.mpf) -> mpmath.mpf:
        return mpmath.quad(lambda x: (x - centre) ** power * mpmath.exp(-(x - mode) * (x + mode) / 2), steps)

    mass = integral(0, mpmath.mpf(0))
    mean = mode + integral(1, mode) / mass
    variance, third, fourth = (integral(power, mean) / mass for power in (2, 3, 4))
    return mass, mean, variance, third / variance**1.5, fourth / variance**2 - 3


@pytest.mark.parametrize(("low", "high"), TAILS, ids=str)
def test_a_truncated_normal_is_right_to_ten_digits_in_the_tails_and_in_a_hair(low: float, high: float) -> None:
    with mpmath.workdps(40):
        law = truncated_normal(0.0, 1.0, low, high)
        mass, mean, variance, skewness, kurtosis = _exact(low, high)
        assert law.mean == pytest.approx(float(mean), rel=1e-13, abs=1e-20)
        assert law.variance == pytest.approx(float(variance), rel=1e-10)
        assert law.skewness == pytest.approx(float(skewness), abs=1e-8)
        assert law.kurtosis == pytest.approx(float(kurtosis), abs=1e-8)
        mode = mpmath.mpf(min(max(low, 0.0), high))
        sd = mpmath.sqrt(variance)
        for x in (float(mean + sd * k / 4) for k in (-2, 0, 3)):
            if not low < x < high:
                continue
            exact = mpmath.exp(-(mpmath.mpf(x) - mode) * (mpmath.mpf(x) + mode) / 2) / mass
            assert float(law.density(x)) == pytest.approx(float(exact), rel=1e-9)
            steps = mpmath.linspace(max(low, mode - 15), x, 9)
            part = mpmath.quad(lambda t: mpmath.exp(-(t - mode) * (t + mode) / 2), steps) / mass
            assert float(law.cdf(x)) == pytest.approx(float(part), rel=1e-9)
            # As exact as a float x allows: one unit of its last place moves the cdf by so much.
            blur = float(exact) * math.ulp(x)
            assert float(law.cdf(law.quantile(float(part)))) == pytest.approx(float(part), abs=1e-12 + 2 * blur)
        kept = mpmath.ncdf(high) - mpmath.ncdf(low) if abs(low) < 50 else None
        if kept:
            assert law.cut == pytest.approx(float(1 - kept), rel=1e-12)


def test_the_parent_and_the_cut_of_a_truncated_normal() -> None:
    law = _law("trunc_normal", mean=1.0, std=2.0, a=-3.0, b=5.0)
    assert law.parent is not None
    assert (law.parent.mean, law.parent.std) == (1.0, 2.0)
    assert law.cut == pytest.approx(0.04550026389635842, rel=1e-13)


def test_bounds_that_coincide_leave_one_value_as_in_torch() -> None:
    for name in ("uniform", "trunc_normal"):
        law = _law(name, a=1.5, b=1.5)
        assert (law.atoms, law.mean, law.std, law.continuous_weight) == (((1.5, 1.0),), 1.5, 0.0, 0.0)
        assert set(_fill(name, (9,), {**initializer(name).arguments, "a": 1.5, "b": 1.5}).tolist()) == {1.5}


@pytest.mark.parametrize("std", [1e-30, 1e-6, 1e6])
def test_a_tiny_or_huge_std_is_no_trouble(std: float) -> None:
    inside = truncated_normal(0.0, std, -1e6, 1e6)
    expected = stats.truncnorm(-1e6 / std, 1e6 / std).std() * std if std == 1e6 else std
    assert inside.std == pytest.approx(float(expected), rel=1e-10)
    assert float(inside.cdf(0.0)) == 0.5
    outside = truncated_normal(0.0, 1e-6, 1.0, 2.0)
    assert outside.std == pytest.approx(1e-12, rel=1e-6)  # an exponential tail with rate 1e12
    assert float(outside.quantile(0.5)) == pytest.approx(1.0, abs=1e-11)


def test_the_element_of_a_huge_orthogonal_matrix_is_nearly_normal() -> None:
    size = 2**24
    law = _law("orthogonal", (size, 1))
    x = np.linspace(-4, 4, 33) / math.sqrt(size)
    np.testing.assert_allclose(law.density(x), stats.norm(0, 1 / math.sqrt(size)).pdf(x), rtol=1e-5)
    np.testing.assert_allclose(law.cdf(x), stats.norm(0, 1 / math.sqrt(size)).cdf(x), rtol=1e-5)


def test_a_constant_has_no_skewness_and_its_cdf_is_a_step() -> None:
    law = _law("constant", val=-0.25)
    assert math.isnan(law.skewness)
    assert math.isnan(law.kurtosis)
    assert law.bound == 0.25
    np.testing.assert_array_equal(law.cdf([-0.26, -0.25, 0.0]), [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(law.quantile([0.0, 0.5, 1.0]), [-0.25, -0.25, -0.25])
    np.testing.assert_array_equal(law.density([-0.25, 0.0]), [0.0, 0.0])


def test_zeros_and_ones_have_the_moments_of_a_bernoulli_variable() -> None:
    mean, variance, skewness, kurtosis = (float(value) for value in stats.bernoulli(3 / 12).stats("mvsk"))
    law = _law("eye")
    assert (law.mean, law.variance) == (pytest.approx(mean), pytest.approx(variance))
    assert (law.skewness, law.kurtosis) == (pytest.approx(skewness), pytest.approx(kurtosis))
    assert law.atoms == ((0.0, 0.75), (1.0, 0.25))
    np.testing.assert_array_equal(law.quantile([0.0, 0.5, 0.75, 0.76, 1.0]), [0, 0, 0, 1, 1])


def test_sparse_counts_rows_and_rounds_up() -> None:
    law = _law("sparse", (4, 1000), sparsity=0.3)
    assert law.atoms == ((0.0, 0.5),)
    np.testing.assert_array_equal(law.quantile([0.25, 0.5, 0.75]), [0.0, 0.0, 0.0])
    assert float(law.cdf(-1e-300)) == pytest.approx(0.25)
    assert float(law.cdf(0.0)) == pytest.approx(0.75)
    assert law.bound is None
    # 0.07 * 100 is 7.000000000000001 in floating point, and torch takes 8.
    assert _law("sparse", (100, 3), sparsity=0.07).atoms == ((0.0, 0.08),)


def test_a_quantile_of_no_probability_is_not_a_number() -> None:
    for name in NAMES:
        assert np.isnan(_law(name).quantile([-0.1, 1.1, math.nan])).all()


def test_atoms_that_add_up_to_a_hair_less_than_one_still_answer_the_last_quantile() -> None:
    law = atoms((0.0, 0.1), (1.0, 0.2), (2.0, 0.7 - 1e-16))
    assert float(law.quantile(1.0)) == 2.0


# --- properties of every law ---

finite = st.floats(-5, 5).map(lambda value: round(value, 3))


@st.composite
def laws(draw: st.DrawFn) -> Law:
    name = draw(st.sampled_from(NAMES))
    entry = initializer(name)
    most = min(entry.most_dimensions, 4)
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=entry.least_dimensions, max_size=most)))
    low, high = sorted((draw(finite), draw(finite)))
    values: dict[str, Any] = {
        "mean": draw(finite), "std": draw(st.floats(0.01, 10)), "a": low, "b": high, "groups": 1,
        "mode": "fan_in", "nonlinearity": "leaky_relu", "val": draw(finite), "sparsity": draw(st.floats(0, 1)),
        "gain": draw(st.just(0.0) | st.floats(1e-9, 5)),
    }
    return law_of(name, values, shape)


@given(law=laws(), p=st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
@settings(max_examples=300, deadline=None)
def test_the_cdf_rises_from_0_to_1_and_the_quantile_inverts_it(law: Law, p: list[float]) -> None:
    low, high = law.support
    edge = 50 * law.std + 1.0
    x = np.linspace(max(low, law.mean - edge) - 1e-9, min(high, law.mean + edge), 301)
    f = law.cdf(x)
    assert np.all(np.diff(f) >= -1e-15)
    assert f[0] == pytest.approx(0.0, abs=1e-4)
    assert float(law.cdf(max(low, law.mean - edge) - 1e-6)) == pytest.approx(0.0, abs=1e-12)
    assert f[-1] == pytest.approx(1.0, abs=1e-12)
    wanted = np.array(p)
    q = law.quantile(wanted)
    assert np.all((q >= low) & (q <= high))
    reached = np.isfinite(q)
    assert np.all(reached | (wanted < 1e-300) | (wanted == 1.0))
    # One unit in the last place of x moves the cdf by the density times that much.
    blur = 1e-9 + 4 * np.nan_to_num(law.density(q[reached]), posinf=1e7) * np.spacing(np.abs(q[reached]))
    assert np.all(law.cdf(q[reached]) >= wanted[reached] - blur)
    step = 1e-7 * law.std + 1e-12 * np.abs(q[reached]) + (1e-9 if law.std == 0.0 else 0.0)
    assert np.all(law.cdf(q[reached] - step) <= wanted[reached] + blur)


@given(law=laws())
@settings(max_examples=80, deadline=None)
def test_the_density_integrates_to_the_continuous_weight(law: Law) -> None:
    if law.std == 0.0 or law.continuous_weight == 0.0:
        assert not law.density([law.mean, law.mean + 1.0]).any()
        return
    low, high = max(law.support[0], law.mean - 60 * law.std), min(law.support[1], law.mean + 60 * law.std)
    points = np.linspace(low, high, 41)
    total = sum(
        # Integrated over x = sin t: that smooths away an end where the density is infinite (arcsine law).
        integrate.quad(lambda t, a=a, b=b: float(law.density((a + b) / 2 + (b - a) / 2 * math.sin(t))) * math.cos(t) * (b - a) / 2,
                       -math.pi / 2, math.pi / 2)[0]
        for a, b in pairwise(points)
    )
    assert total == pytest.approx(law.continuous_weight, rel=1e-6)
    assert float(law.density(law.support[1] + 1e-3 * law.std)) == 0.0
    assert float(law.density(law.support[0] - 1e-3 * law.std)) == 0.0


# --- what is refused ---

REFUSED: list[tuple[str, tuple[int, ...], dict[str, Any], str, type[Exception]]] = [
    ("uniform", (4,), {"a": 2.0, "b": 1.0}, "a = 2 is larger than the upper bound b = 1", RuntimeError),
    ("trunc_normal", (4,), {"a": 2.0, "b": 1.0}, "a = 2 is larger than the upper bound b = 1", RuntimeError),
    ("trunc_normal", (4,), {"std": 0.0}, "needs a std above 0", ZeroDivisionError),
    ("normal", (4,), {"std": -1.0}, "negative std", RuntimeError),
    ("sparse", (4, 3), {"std": -1.0}, "negative std", RuntimeError),
    *((name, (30,), {}, "Fan in and fan out cannot be computed.*30 has 1 dimension.*4x3", ValueError)
      for name in ("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal")),
    *((name, (4, 3), {"gain": -1.0}, "refuses a negative one", RuntimeError) for name in ("xavier_uniform", "xavier_normal")),
    *((name, (4, 3), {"nonlinearity": "gelu"}, "no gain for the nonlinearity", ValueError)
      for name in ("kaiming_uniform", "kaiming_normal")),
    ("kaiming_normal", (4, 3), {"mode": "fan"}, "fan_in or fan_out", ValueError),
    ("eye", (30,), {}, "only tensors with 2 dimensions.*30 has 1 dimension", ValueError),
    ("eye", (3, 2, 2), {}, "only tensors with 2 dimensions.*3x2x2 has 3 dimensions", ValueError),
    ("sparse", (30,), {}, "only tensors with 2 dimensions", ValueError),
    ("sparse", (3, 2, 2), {}, "only tensors with 2 dimensions", ValueError),
    ("orthogonal", (30,), {}, "2 or more dimensions", ValueError),
    ("dirac", (4, 3), {}, "3, 4 or 5 dimensions.*4x3 has 2 dimensions", ValueError),
    ("dirac", (2, 1, 1, 1, 1, 1), {}, "3, 4 or 5 dimensions", ValueError),
    ("dirac", (4, 3, 2), {"groups": 3}, "4 outputs cannot be split into 3 equal groups", ValueError),
    ("dirac", (4, 3, 2), {"groups": 0}, "at least 1 group", ZeroDivisionError),
]


@pytest.mark.parametrize(("name", "shape", "changed", "words", "torchs"), REFUSED, ids=lambda value: str(value))
def test_what_torch_refuses_is_refused_in_words(
    name: str, shape: tuple[int, ...], changed: dict[str, Any], words: str, torchs: type[Exception],
) -> None:
    arguments = {**initializer(name).arguments, **changed}
    with pytest.raises(torchs):
        _fill(name, shape, arguments)
    with pytest.raises(UserError, match=words) as caught:
        check(name, arguments, shape)
    sentence = caught.value.sentence
    assert sentence.endswith(".")
    assert any(cure in sentence for cure in ("Give", "Make", "Change", "choose", "Choose")), "it says what to change"


@pytest.mark.parametrize(("name", "shape", "changed", "words"), [
    ("sparse", (4, 3), {"sparsity": -0.5}, "fraction from 0 to 1"),
    ("sparse", (4, 3), {"sparsity": 1.5}, "fraction from 0 to 1"),
    ("trunc_normal", (4,), {"std": -1.0}, "std above 0"),
    ("dirac", (4, 3, 2), {"groups": -1}, "at least 1 group"),
    ("normal", (4,), {"mean": math.nan}, "mean is not a finite number"),
    ("uniform", (0,), {}, "empty tensor"),
    ("uniform", (), {}, "at least one size"),
])
def test_what_makes_no_sense_is_refused_although_torch_is_silent(
    name: str, shape: tuple[int, ...], changed: dict[str, Any], words: str,
) -> None:
    with pytest.raises(UserError, match=words):
        check(name, {**initializer(name).arguments, **changed}, shape)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(30,), (4, 3), (1, 1), (8, 4, 3), (16, 3, 5, 5), (4, 2, 3, 3, 3)], ids=str)
def test_a_shape_is_refused_exactly_where_torch_and_the_catalogue_refuse_it(name: str, shape: tuple[int, ...]) -> None:
    entry = initializer(name)
    takes = entry.least_dimensions <= len(shape) <= entry.most_dimensions
    if takes:
        check(entry, entry.arguments, shape)
        _fill(name, shape, entry.arguments)
    else:
        with pytest.raises(UserError):
            check(entry, entry.arguments, shape)
        with pytest.raises(ValueError, match="dimensions"):
            _fill(name, shape, entry.arguments)


@pytest.mark.parametrize(("changed", "warned"), [({}, False), ({"a": 1.9, "b": 3.0}, False), ({"a": 6.0, "b": 7.0}, True),
                                                ({"a": -9.0, "b": -2.1}, True)])
def test_there_is_a_caution_exactly_when_torch_warns(changed: dict[str, float], warned: bool) -> None:
    arguments = {**initializer("trunc_normal").arguments, **changed}
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        _fill("trunc_normal", (4,), arguments)
    assert bool(noted) == bool(cautions("trunc_normal", arguments, (4,))) == warned


# --- derivations and numbers ---


def test_the_derivation_of_xavier_has_the_numbers_put_in() -> None:
    lines = derivation("xavier_uniform", {"gain": 1.0}, (4, 3))
    assert lines[:4] == (
        "n_{in} = 3", "n_{out} = 4", "g = 1",
        r"b = g \sqrt{\frac{6}{n_{in} + n_{out}}} = 1 \cdot \sqrt{\frac{6}{3 + 4}} = 0.9258",
    )


def test_the_derivation_of_a_convolution_counts_the_kernel() -> None:
    lines = derivation("kaiming_normal", {"a": 0.0, "mode": "fan_out", "nonlinearity": "relu"}, (16, 3, 5, 5))
    assert lines[:5] == (
        r"k = 5 \cdot 5 = 25", r"n_{in} = c_{in} \cdot k = 3 \cdot 25 = 75", r"n_{out} = c_{out} \cdot k = 16 \cdot 25 = 400",
        "n = n_{out} = 400", r"g = \sqrt{2} = 1.414",
    )
    assert lines[5] == r"\sigma_w = \frac{g}{\sqrt{n}} = \frac{1.414}{\sqrt{400}} = 0.07071"


def test_the_derivation_of_a_truncated_normal_can_be_checked_by_hand() -> None:
    lines = derivation("trunc_normal", {"mean": 1.0, "std": 2.0, "a": 0.5, "b": 1.5}, (30,))
    m, v = (float(next(line for line in lines if line.startswith(f"{name} = ")).rpartition("= ")[2]) for name in "mv")
    assert 4 * (1 + v - m * m) == pytest.approx(0.28747341480201**2, rel=1e-3)
    assert any(line.endswith(r"\Phi(0.25) - \Phi(-0.25) = 0.1974") for line in lines)
    far = derivation("trunc_normal", {"mean": 0.0, "std": 1.0, "a": -45.0, "b": -40.0}, (30,))
    assert any(line.endswith(r"= 3.656 \cdot 10^{-350}") for line in far), "what a float cannot hold is still no zero"


ODD: dict[str, list[dict[str, Any]]] = {
    "uniform": [{"a": -1e6, "b": -1e-5}, {"a": 1.0, "b": 1.0}],
    "normal": [{"mean": -1e6, "std": 1e-6}],
    "trunc_normal": [{"a": 6.0, "b": 7.0}, {"std": 1e-6, "a": 1.0, "b": 2.0}, {"std": 1e6}, {"mean": -3.0, "a": 1.0, "b": 1.0},
                     {"std": 1e-6, "a": -1e6, "b": 1e6}, {"std": 1e-6, "mean": -1e6, "a": 1e6 - 1, "b": 1e6}],
    "xavier_uniform": [{"gain": 0.0}, {"gain": 1e-5}],
    "xavier_normal": [{"gain": 0.0}],
    "kaiming_uniform": [{"a": -0.2}, *({"nonlinearity": option.name} for option in NONLINEARITIES)],
    "kaiming_normal": [{"a": 1e6}, *({"nonlinearity": option.name, "mode": "fan_out"} for option in NONLINEARITIES)],
    "constant": [{"val": -1e-5}],
    "orthogonal": [{"gain": -2.5}, {"gain": 0.0}],
    "sparse": [{"sparsity": 0.0}, {"sparsity": 1.0}],
}


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_every_derivation_can_be_typeset(name: str) -> None:
    entry = initializer(name)
    count = 0
    for shape in [(30,), (4, 3), (1, 1), (8, 4, 3), (16, 3, 5, 5), (4, 2, 3, 3, 3)]:
        if not entry.least_dimensions <= len(shape) <= entry.most_dimensions:
            continue
        for changed in [{}, *ODD.get(name, [])] if count == 0 else [{}]:
            for line in derivation(entry, {**entry.arguments, **changed}, shape):
                assert typeset(line).pieces, line
                assert "nan" not in line
                assert "e-" not in line
                count += 1
    assert count


@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_every_entry_are_those_of_its_law(name: str) -> None:
    entry = initializer(name)
    shape = SHAPES.get(name, (4, 3))
    numbers = numbers_of(name, entry.arguments, shape)
    law = law_of(name, entry.arguments, shape)
    assert numbers["theory"]["mean"] == law.mean
    assert numbers["theory"]["variance"] == law.std**2
    assert ("bound" in numbers["theory"]) == (name not in ("normal", "xavier_normal", "kaiming_normal", "sparse"))
    assert (numbers["fan_in"], numbers["fan_out"]) == fans(shape)
    assert ("gain" in numbers) == ("gain" in entry.arguments or "nonlinearity" in entry.arguments)


def test_a_vector_has_no_fans_and_a_constant_no_gain() -> None:
    assert numbers_of("constant", {"val": 2.0}, (30,)).keys() == {"theory"}


def test_another_initialiser_is_one_entry_and_may_share_a_law() -> None:
    entry = dataclasses.replace(initializer("uniform"), name="my_uniform", law="uniform")
    assert law_of(entry, {"a": 0.0, "b": 2.0}, (3,)).mean == 1.0


def test_every_entry_has_its_own_function_of_theory() -> None:
    for entry in INITIALIZERS:
        assert callable(getattr(theories, entry.law or entry.name))
        assert theory_of(entry, entry.arguments, SHAPES.get(entry.name, (4, 3))).lines
