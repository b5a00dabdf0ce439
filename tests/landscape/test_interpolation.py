"""Curves and their derivatives, minima, Lebesgue constants: against scipy and against 60-digit arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.interpolate import BarycentricInterpolator, CubicSpline, PchipInterpolator

from tests.landscape.exact import exact_polynomial
from visualizer.base.errors import UserError
from visualizer.experiments.landscape.interpolation import CURVES, Curve, global_minimum, make_curve, minima
from visualizer.experiments.landscape.nodes import differentiation_matrix, lebesgue_constant, lebesgue_function
from visualizer.experiments.landscape.state import default_points

Floats = NDArray[np.float64]
X = np.array([point.x for point in default_points()])
Y = np.array([point.y for point in default_points()])
KINDS = sorted(CURVES)


def without(*numbers: int) -> tuple[Floats, Floats]:
    kept = [index for index in range(17) if index + 1 not in numbers]
    return X[kept], Y[kept]


STAGES = {
    "all": without(), "P9-P13": without(*range(9, 14)), "P7-P13": without(*range(7, 14)), "P5-P14": without(*range(5, 15)),
}


@st.composite
def data(draw: st.DrawFn, most: int = 12) -> tuple[Floats, Floats]:
    """Points with gaps between 0.05 and 3 and values up to 100."""
    gaps = draw(st.lists(st.floats(0.05, 3.0), min_size=1, max_size=most - 1))
    x = draw(st.floats(-20.0, 20.0)) + np.concatenate(([0.0], np.cumsum(gaps)))
    # Without denormals: scipy, the reference, warns of them.
    y = draw(st.lists(st.floats(-100.0, 100.0, allow_subnormal=False), min_size=x.size, max_size=x.size))
    return x, np.array(y)


def at_and_beside(x: Floats) -> Floats:
    """The nodes, places next to them at every distance from one rounding error on, and places between."""
    beside = [np.nextafter(x, np.inf), np.nextafter(x, -np.inf)]
    for distance in (1e-15, 1e-12, 1e-9, 1e-6, 1e-3):
        beside += [x * (1 + distance), x * (1 - distance)]
    places = np.concatenate([x, *beside, np.linspace(x[0], x[-1], 101)])
    return places[(places >= x[0]) & (places <= x[-1])]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_lagrange_is_exact_to_1e_12_of_the_largest_derivative_at_and_beside_nodes(stage: str, order: int) -> None:
    x, y = STAGES[stage]
    places = at_and_beside(x)
    expected = exact_polynomial(x, y, places)[order]
    curve = make_curve("lagrange", x, y)
    scale = np.abs(expected).max()
    assert np.abs(curve.derivative(places, order) - expected).max() <= 1e-12 * scale
    scalar = curve.scalar(order)
    assert max(abs(scalar(float(place)) - value) for place, value in zip(places, expected, strict=True)) <= 1e-12 * scale


@pytest.mark.parametrize("stage", STAGES)
def test_lagrange_agrees_with_scipys_barycentric_interpolator(stage: str) -> None:
    x, y = STAGES[stage]
    places = np.linspace(x[0], x[-1], 1001)
    expected = BarycentricInterpolator(x, y)(places)
    assert make_curve("lagrange", x, y).value(places) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("order", [0, 1, 2])
def test_extrapolation_by_the_polynomial_stays_accurate(order: int) -> None:
    x, y = STAGES["P7-P13"]
    places = np.array([-3.0, 0.0, 0.999, 17.001, 18.0, 21.0])
    expected = exact_polynomial(x, y, places)[order]
    assert make_curve("lagrange", x, y).derivative(places, order) == pytest.approx(expected, rel=1e-11)


@given(data())
def test_every_curve_passes_through_its_points_exactly(points: tuple[Floats, Floats]) -> None:
    x, y = points
    for kind in KINDS:
        curve = make_curve(kind, x, y)
        if kind == "lagrange":
            assert (curve.value(x) == y).all()
            assert [curve.value_at(float(place)) for place in x] == y.tolist()
        else:
            assert curve.value(x) == pytest.approx(y, abs=1e-9)


@given(data(most=8), st.floats(-0.2, 1.2), st.sampled_from(KINDS))
def test_the_scalar_path_agrees_with_the_array_path(points: tuple[Floats, Floats], where: float, kind: str) -> None:
    x, y = points
    curve = make_curve(kind, x, y)
    place = float(x[0] + where * (x[-1] - x[0]))
    for order in range(4):
        scale = 1.0 + np.abs(curve.derivative(np.linspace(x[0] - 1, x[-1] + 1, 50), order)).max()
        assert curve.scalar(order)(place) == pytest.approx(float(curve.derivative(place, order)), abs=1e-10 * scale)


@given(data(), st.floats(0.0, 1.0))
def test_piecewise_curves_are_scipys_between_the_points(points: tuple[Floats, Floats], where: float) -> None:
    x, y = points
    place = x[0] + where * (x[-1] - x[0])
    for kind, expected in (("spline", CubicSpline(x, y, bc_type="natural")), ("pchip", PchipInterpolator(x, y))):
        curve = make_curve(kind, x, y)
        for order, name in enumerate((curve.value, curve.slope)):
            scale = 1.0 + np.abs(expected(np.linspace(x[0], x[-1], 50), order)).max()
            assert name(place) == pytest.approx(expected(place, order), abs=1e-9 * scale)


@given(data(), st.floats(0.01, 50.0), st.sampled_from(["spline", "pchip"]))
def test_piecewise_curves_go_on_straight_beyond_the_points(
    points: tuple[Floats, Floats], distance: float, kind: str
) -> None:
    x, y = points
    curve = make_curve(kind, x, y)
    for end, value, sign in ((x[0], y[0], -1.0), (x[-1], y[-1], 1.0)):
        inside = float(curve.slope(end - sign * 1e-9 * (x[1] - x[0])))
        outside = end + sign * distance
        scale = 1.0 + abs(inside)
        assert curve.slope(outside) == pytest.approx(inside, abs=1e-5 * scale)
        assert curve.value(outside) == pytest.approx(value + sign * distance * inside, abs=1e-4 * scale * (1 + distance))
        assert curve.curvature(outside) == 0.0


@given(data(most=9), st.data())
def test_the_differentiation_matrix_is_exact_for_polynomials(points: tuple[Floats, Floats], draw: st.DataObject) -> None:
    x, _ = points
    x = (x - x.mean()) / np.ptp(x)
    coefficients = np.array(draw.draw(st.lists(st.floats(-3, 3), min_size=x.size, max_size=x.size)))
    matrix = differentiation_matrix(x)
    polynomial = np.polynomial.Polynomial(coefficients)
    scale = 1.0 + np.abs(matrix).sum(axis=1).max() * np.abs(polynomial(x)).max()
    assert matrix @ polynomial(x) == pytest.approx(polynomial.deriv()(x), abs=1e-12 * scale)
    assert np.abs(matrix.sum(axis=1)).max() <= 1e-13 * scale


def test_200_nodes_neither_warn_nor_crash_whatever_they_are() -> None:
    wild = np.random.default_rng(0).normal(size=200)
    for x in (np.arange(200.0), np.linspace(-1e-9, 1e-9, 200), np.linspace(-1e6, 1e6, 200), np.geomspace(1e-3, 1e3, 200)):
        for kind in KINDS:
            curve = make_curve(kind, x, wild)
            assert curve.value(x) == pytest.approx(wild, abs=1e-9)
            assert np.isfinite(curve.value(x[0] + 0.3 * (x[1] - x[0])))
            for order in range(3):
                assert curve.derivative(np.linspace(x[0] - 1, x[-1] + 1, 500), order).shape == (500,)
            minima(curve, float(x[0]), float(x[-1]))


def test_200_chebyshev_nodes_are_as_accurate_as_float64_allows() -> None:
    x = -np.cos(np.pi * np.arange(200) / 199)
    curve = make_curve("lagrange", x, np.sin(20 * x))
    places = np.linspace(-1, 1, 777)
    assert curve.value(places) == pytest.approx(np.sin(20 * places), abs=1e-12)
    assert curve.slope(places) == pytest.approx(20 * np.cos(20 * places), abs=1e-8)


def test_60_equispaced_nodes_keep_the_digits_that_the_lebesgue_constant_leaves() -> None:
    x = np.linspace(-1, 1, 60)
    places = np.linspace(-1, 1, 333)
    expected = exact_polynomial(x, np.cos(x), places)[0]
    # The Lebesgue constant is 1e15: by the second barycentric form nothing would be left where it is that large.
    error = np.abs(make_curve("lagrange", x, np.cos(x)).value(places) - expected)
    assert (error <= 1e-14 * lebesgue_function(x, places)).all()


def test_points_may_come_in_any_order_and_the_nodes_are_read_only() -> None:
    order = np.random.default_rng(1).permutation(17)
    curve = make_curve("spline", X[order], Y[order])
    assert curve.x.tolist() == X.tolist()
    assert curve.y.tolist() == Y.tolist()
    with pytest.raises(ValueError, match="read-only"):
        curve.y[0] = 1.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("x", "words"), [
    ([], "at least two points"), ([1.0], "at least two points"), ([1.0, 2.0, 1.0], "the same x, 1"),
])
def test_too_few_points_and_repeated_ones_get_a_sentence(kind: str, x: list[float], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        make_curve(kind, x, [0.5] * len(x))
    assert caught.value.sentence.endswith(".")


def test_the_minima_of_the_full_curve_are_where_the_lectures_data_has_them() -> None:
    found = minima(make_curve("lagrange", X, Y), 1.0, 17.0)
    assert [(round(m.x, 2), round(m.value, 2)) for m in found] == [(4.25, 0.13), (9.78, 2.28), (14.58, 8.17), (16.28, 7.10)]
    best = global_minimum(make_curve("lagrange", X, Y), 1.0, 17.0)
    assert best == found[0]
    # To the last digits: 60-digit arithmetic sees the slope change its sign within 1e-12 around each.
    slopes = exact_polynomial(X, Y, [m.x + side for m in found for side in (-1e-12, 1e-12)])[1]
    assert (slopes[::2] < 0).all()
    assert (slopes[1::2] > 0).all()


def brute_minima(curve: Curve, low: float, high: float) -> Floats:
    grid = np.linspace(low, high, 400_001)
    values = curve.value(grid)
    return grid[1:-1][(values[1:-1] < values[:-2]) & (values[1:-1] <= values[2:])]


@given(data(most=7), st.sampled_from(KINDS))
def test_minima_are_those_that_a_fine_search_finds(points: tuple[Floats, Floats], kind: str) -> None:
    x, y = points
    assume(np.diff(np.sort(y)).min() > 0.5)  # no bottoms so flat that the search cannot see them
    curve = make_curve(kind, x, y)
    low, high = float(x[0]), float(x[-1])
    found = minima(curve, low, high)
    for place in brute_minima(curve, low, high):
        assert any(m.distance(place) <= 1e-4 * (high - low) for m in found)
    for m in found:
        beside = curve.value(np.array([m.x - 1e-4, m.x + 1e-4]))
        assert m.value <= beside.min() + 1e-9 * (1 + abs(m.value))


def test_a_flat_bottom_is_one_minimum_with_a_width() -> None:
    # P5 and P6 have the same value, and PCHIP is flat between them.
    found = minima(make_curve("pchip", X, Y), 1.0, 17.0)
    assert found[0].x == pytest.approx((3.8 + 4.9) / 2)
    assert found[0].half_width == pytest.approx((4.9 - 3.8) / 2)
    assert found[0].distance([3.8, 4.2, 4.9, 5.4, 3.3]) == pytest.approx([0, 0, 0, 0.5, 0.5])
    assert len(found) == 3


def test_the_lowest_place_may_be_an_end() -> None:
    curve = make_curve("lagrange", [0.0, 2.0], [5.0, 1.0])
    assert minima(curve, 0.0, 2.0) == ()
    assert global_minimum(curve, 0.0, 2.0).x == 2.0


def test_the_lebesgue_constants_are_those_of_the_lectures_node_sets() -> None:
    constants = [lebesgue_constant(x) for x, _ in STAGES.values()]
    assert constants == pytest.approx([140, 140, 765, 210], rel=0.03)


def test_the_lebesgue_constant_grows_as_the_literature_says() -> None:
    # Equispaced, exact values for 2, 3 and 4 nodes; 2^n / (e n log n) in the limit (Trefethen and Weideman 1991).
    assert lebesgue_constant([0.0, 1.0]) == pytest.approx(1.0)
    assert lebesgue_constant([0.0, 1.0, 2.0]) == pytest.approx(1.25)
    assert lebesgue_constant([0.0, 1.0, 2.0, 3.0]) == pytest.approx(1.631130309440899, rel=1e-9)
    for count in (60, 100, 200):
        degree = count - 1
        limit = 2.0**(degree + 1) / (np.e * degree * np.log(degree))
        assert 0.5 * limit < lebesgue_constant(np.arange(float(count))) < 1.5 * limit


@given(data(most=8), st.floats(0.0, 1.0))
def test_the_lebesgue_function_is_the_sum_of_the_basis_in_absolute_value(
    points: tuple[Floats, Floats], where: float
) -> None:
    x, _ = points
    place = x[0] + where * (x[-1] - x[0])
    basis = [
        np.prod([(place - other) / (node - other) for other in x if other != node]) for node in x
    ]
    assert float(lebesgue_function(x, place)) == pytest.approx(float(np.abs(basis).sum()), rel=1e-9)
