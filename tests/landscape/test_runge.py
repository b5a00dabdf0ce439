"""The Runge lab: what is known about equispaced and Chebyshev nodes comes out, and nothing overflows into a warning."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import BarycentricInterpolator

from visualizer.experiments.landscape import runge
from visualizer.experiments.landscape.state import RUNGE_FUNCTIONS

GRID = np.linspace(-1.0, 1.0, 1001)
NAMES = [entry.option.name for entry in RUNGE_FUNCTIONS]


def error(name: str, nodes: np.ndarray) -> float:
    values = runge.interpolate(nodes, runge.function(name, nodes), GRID)
    return float(np.abs(values - runge.function(name, GRID)).max())


@pytest.mark.parametrize("name", NAMES)
def test_every_declared_function_can_be_computed(name: str) -> None:
    values = runge.function(name, GRID)
    assert values.shape == GRID.shape
    assert np.abs(values).max() == pytest.approx(1.0, abs=1e-4)
    symmetric = values[::-1] if name in ("runge", "absolute") else -values[::-1]
    assert values == pytest.approx(symmetric)


def test_runges_function_is_one_over_one_plus_25_x_squared() -> None:
    assert runge.function("runge", [0.0, 0.2, 1.0]).tolist() == pytest.approx([1.0, 0.5, 1 / 26])


@pytest.mark.parametrize("count", [2, 3, 10, 17, 80])
def test_nodes_increase_and_chebyshev_nodes_are_the_zeros_of_the_chebyshev_polynomial(count: int) -> None:
    for nodes in (runge.equispaced(count), runge.chebyshev(count)):
        assert nodes.size == count
        assert (np.diff(nodes) > 0).all()
        assert (nodes == -nodes[::-1]).all()
    zeros = np.polynomial.chebyshev.chebval(runge.chebyshev(count), np.eye(count + 1)[count])
    assert np.abs(zeros).max() < 1e-12
    assert runge.equispaced(count)[[0, -1]].tolist() == [-1.0, 1.0]


def test_equispaced_interpolation_of_runges_function_diverges_and_chebyshev_converges() -> None:
    equispaced = [error("runge", runge.equispaced(count)) for count in (9, 17, 25, 33, 41)]
    chebyshev = [error("runge", runge.chebyshev(count)) for count in (9, 17, 25, 33, 41)]
    assert (np.diff(np.log(equispaced)) > np.log(3.0)).all()
    # The nearest poles are at +-0.2 i: the error shrinks by 0.2 + sqrt(1.04) with every node.
    assert chebyshev[-1] == pytest.approx(chebyshev[0] * (0.2 + np.sqrt(1.04)) ** -32, rel=0.3)


def test_interpolation_agrees_with_scipy() -> None:
    nodes = runge.chebyshev(31)
    heights = runge.function("sine", nodes)
    assert runge.interpolate(nodes, heights, GRID) == pytest.approx(BarycentricInterpolator(nodes, heights)(GRID), abs=1e-12)


@pytest.mark.parametrize("count", range(2, 81))
def test_lebesgue_constants_of_chebyshev_nodes_follow_the_known_sum(count: int) -> None:
    # On [-1, 1] it is the mean of cot((2 k - 1) pi / (4 n)), taken at the ends (Luttmann and Rivlin 1965).
    angles = (2 * np.arange(1, count + 1) - 1) * np.pi / (4 * count)
    assert runge.lebesgue(runge.chebyshev(count)) == pytest.approx(np.mean(1 / np.tan(angles)), rel=1e-9)


def test_lebesgue_constants_of_equispaced_nodes_grow_like_two_to_the_n() -> None:
    constants = np.array([runge.lebesgue(runge.equispaced(count)) for count in range(2, 81)])
    assert np.isfinite(constants).all()
    assert (np.diff(constants) > 0).all()
    growth = constants[1:] / constants[:-1]
    assert growth[-20:] == pytest.approx(np.full(20, 2.0), rel=0.03)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [2, 3, 8, 17, 40, 79, 80])
def test_float32_monomials_give_a_number_or_nan_and_never_a_warning(name: str, count: int) -> None:
    for nodes in (runge.equispaced(count), runge.chebyshev(count)):
        values = runge.monomial_float32(nodes, runge.function(name, nodes), GRID)
        assert values.shape == GRID.shape
        assert values.dtype == np.float64
        assert not np.isinf(values).any()


def test_float32_monomials_are_fine_with_few_nodes_and_useless_with_many() -> None:
    def float32_error(nodes: np.ndarray) -> float:
        heights = runge.function("sine", nodes)
        naive, right = (way(nodes, heights, GRID) for way in (runge.monomial_float32, runge.interpolate))
        return float(np.nanmax(np.abs(naive - right)))

    # A backward stable solver hides the condition number for long: what remains is float32 times the Lebesgue constant.
    assert float32_error(runge.equispaced(10)) < 1e-5
    assert float32_error(runge.chebyshev(30)) < 1e-5
    assert float32_error(runge.equispaced(40)) > 1.0
    assert float32_error(runge.chebyshev(80)) > 1.0


def test_a_singular_float32_system_is_nan() -> None:
    assert np.isnan(runge.monomial_float32([0.0, 1.0, 1.0 + 1e-9], [0.0, 1.0, 2.0], GRID)).all()
