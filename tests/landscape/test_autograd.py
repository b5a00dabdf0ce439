"""Curves as torch functions: what autograd finds is the exact derivative, at the nodes and right beside them as well."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.landscape.exact import exact_polynomial
from tests.landscape.test_interpolation import KINDS, STAGES, X, Y, at_and_beside
from visualizer.experiments.landscape.autograd import autograd_slopes, curve_tensor, tensor_curve
from visualizer.experiments.landscape.interpolation import make_curve


@pytest.mark.parametrize("stage", STAGES)
def test_autograd_is_exact_to_1e_12_of_the_largest_derivative_at_and_beside_nodes(stage: str) -> None:
    x, y = STAGES[stage]
    places = at_and_beside(x)
    expected = exact_polynomial(x, y, places)[1]
    limit = 1e-12 * np.abs(expected).max()
    curve = make_curve("lagrange", x, y)
    assert np.abs(autograd_slopes(curve, places) - expected).max() <= limit
    for place, slope in zip(places, expected, strict=True):
        point = torch.tensor(place, requires_grad=True)
        curve_tensor(curve, point).backward()  # type: ignore[no-untyped-call]
        assert point.grad is not None
        assert abs(point.grad.item() - slope) <= limit


@pytest.mark.parametrize("kind", KINDS)
def test_first_and_second_derivatives_pass_torchs_own_check(kind: str) -> None:
    curve = make_curve(kind, X, Y)
    places = torch.linspace(0.55, 17.45, 25, dtype=torch.float64, requires_grad=True)  # between nodes, and outside
    assert torch.autograd.gradcheck(lambda x: curve_tensor(curve, x), places)
    assert torch.autograd.gradgradcheck(lambda x: curve_tensor(curve, x), places)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", [0, 1, 2, 3, 4])
def test_tensors_and_arrays_agree_in_every_order_inside_outside_and_at_the_nodes(kind: str, order: int) -> None:
    curve = make_curve(kind, X, Y)
    places = np.concatenate((X, np.linspace(0.0, 18.0, 200)))
    expected = curve.derivative(places, order)
    found = tensor_curve(curve).derivative(torch.tensor(places), order).numpy()
    assert found == pytest.approx(expected, abs=1e-11 * (1 + np.abs(expected).max()))


def test_a_badly_conditioned_polynomial_is_left_to_the_accurate_formula() -> None:
    x = np.linspace(-1.0, 1.0, 60)
    curve = make_curve("lagrange", x, np.cos(x))
    places = np.linspace(-1.0, 1.0, 99)
    assert (autograd_slopes(curve, places) == curve.slope(places)).all()


def test_a_chain_of_operations_goes_through_the_curve() -> None:
    curve = make_curve("lagrange", X, Y)
    t = torch.tensor([0.2, 0.7], dtype=torch.float64, requires_grad=True)
    loss = (curve_tensor(curve, 1 + 16 * t) ** 2).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    places = 1 + 16 * t.detach().numpy()
    assert t.grad is not None
    assert t.grad.numpy() == pytest.approx(2 * curve.value(places) * curve.slope(places) * 16, rel=1e-12)


def test_the_shape_is_kept_and_no_places_are_fine() -> None:
    curve = make_curve("spline", X, Y)
    assert curve_tensor(curve, torch.full((2, 3), 5.0, dtype=torch.float64)).shape == (2, 3)
    for kind in KINDS:
        assert autograd_slopes(make_curve(kind, X, Y), []).shape == (0,)


def test_float32_is_refused() -> None:
    with pytest.raises(TypeError, match="float64"):
        curve_tensor(make_curve("lagrange", X, Y), torch.zeros(3))
