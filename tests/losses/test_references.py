"""torch's losses against plain numpy, and their gradients against finite differences of that."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.losses import references
from tests.losses.strategies import numpy_of, setups
from visualizer.components.losses import EXCLUDED, LOSSES, loss
from visualizer.experiments.losses.evaluation import build
from visualizer.experiments.losses.requests import Setup, setup_of
from visualizer.experiments.losses.state import LossesState

NAMES = [entry.name for entry in LOSSES]
_ALL = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
_FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
#: Arguments whose default is the catalogue's own, and why.
OWN_DEFAULTS = {
    "n_classes": "torch has no default: it is made for a number of classes",
    "cutoffs": "torch has no default",
    "div_value": "torch's 4 leaves a layer of size 0 for the few features of the example",
    "distance": "a name for distance_function; pairwise is what torch takes for None",
}


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_is_its_reference_in_every_reduction(name: str) -> None:
    @_ALL
    @given(setups(name))
    def check(setup: Setup) -> None:
        for reduction in loss(name).reductions or ("mean",):
            built = build(replace(setup, reduction=reduction), "float64")
            inputs, arguments = numpy_of(built)
            with np.errstate(invalid="ignore"):
                expected = references.reduced(name, reduction, inputs, arguments)
            with torch.no_grad():
                found = built.loss()
                each = built.contributions()
            np.testing.assert_allclose(found.numpy(), expected, rtol=1e-9, atol=1e-10)
            assert found.shape == expected.shape
            np.testing.assert_allclose(each.numpy(), references.terms(name, inputs, arguments), rtol=1e-9, atol=1e-10)

    check()


def _differentiable(setup: Setup) -> list[str]:
    """The inputs of any real numbers: by them a gradient makes sense."""
    return [item.role for item in setup.entry.inputs
            if (item.holds in ("real", "positive", "probability", "log_probability") and item.name != "target")
            or (item.role == "target" and item.holds == "real")]


def _differences(setup: Setup, inputs: dict[str, Any], arguments: dict[str, Any], role: str) -> Any:
    """Central differences of the reference, summed over the terms."""
    step, base = 1e-6, inputs[role]

    def at(values: Any) -> float:
        return float(references.reduced(setup.name, setup.reduction, inputs | {role: values}, arguments).sum())

    slopes = np.zeros(base.size)
    for index in range(base.size):
        moved = [base.copy(), base.copy()]
        moved[0].flat[index] += step
        moved[1].flat[index] -= step
        slopes[index] = (at(moved[0]) - at(moved[1])) / (2 * step)
    return slopes.reshape(base.shape)


@pytest.mark.parametrize("name", NAMES)
def test_every_gradient_is_the_slope_of_the_reference(name: str) -> None:
    @_FEW
    @given(setups(name), st.sampled_from(loss(name).reductions or ("mean",)))
    def check(setup: Setup, reduction: str) -> None:
        setup = replace(setup, reduction=reduction)
        roles = _differentiable(setup)
        setup = replace(setup, inputs=tuple(replace(item, requires_grad=item.role in roles) for item in setup.inputs))
        built = build(setup, "float64")
        value = built.scalar()
        assume(math.isfinite(value.item()))
        value.backward()  # type: ignore[no-untyped-call]
        inputs, arguments = numpy_of(built)
        for role in roles:
            expected = _differences(setup, inputs, arguments, role)
            if name == "CTCLoss":
                # torch gives the slope by the logits, taking the input as their log_softmax: there it has e^x besides.
                steps, scale = int(inputs["second"]), 1 / int(inputs["third"]) if reduction == "mean" else 1.0
                if value.item() != 0:  # else no alignment fits, and zero_infinity made both the loss and its slope zero
                    expected[:steps] += scale * np.exp(inputs[role][:steps])
            found = built.leaves[role].grad
            assert found is not None
            np.testing.assert_allclose(found.numpy(), expected, rtol=2e-6, atol=2e-7)

    check()


@pytest.mark.parametrize("name", NAMES)
def test_every_gradient_passes_gradcheck(name: str) -> None:
    @_FEW
    @given(setups(name))
    def check(setup: Setup) -> None:
        roles = _differentiable(setup)
        built = build(setup, "float64")
        fixed = {role: leaf.detach() for role, leaf in built.leaves.items()}
        assume(math.isfinite(built.scalar().item()))

        def of(*tensors: torch.Tensor) -> torch.Tensor:
            given = dict(zip(roles, tensors, strict=True))
            if name == "CTCLoss":  # its slope is by what log_softmax is taken of
                given = {"prediction": given["prediction"].log_softmax(-1)}
            return built.scalar(fixed | given)

        assert torch.autograd.gradcheck(of, tuple(fixed[role].clone().requires_grad_() for role in roles))

    check()


def _example(name: str, **values: Any) -> Setup:
    return setup_of(LossesState().changed(loss=name).changed(**values))


def test_the_lecture_s_mean_squared_error() -> None:
    built = build(_example("MSELoss", prediction="1,2,3", target="4,5,6"))
    value = built.loss()
    value.backward()  # type: ignore[no-untyped-call]
    assert value.item() == 9.0
    assert built.contributions().tolist() == [9.0, 9.0, 9.0]
    grad = built.leaves["prediction"].grad
    assert grad is not None
    assert grad.tolist() == [-2.0, -2.0, -2.0]


def test_the_lecture_s_cross_entropy_takes_the_target_as_a_weight_for_every_class() -> None:
    built = build(_example("CrossEntropyLoss", prediction="1,2,3", target="4,5,6"))
    value = built.loss()
    value.backward()  # type: ignore[no-untyped-call]
    assert round(value.item(), 4) == 19.1141
    grad = built.leaves["prediction"].grad
    assert grad is not None
    assert [round(element, 4) for element in grad.tolist()] == [-2.6495, -1.3291, 3.9786]


def test_every_loss_of_the_installed_torch_has_an_entry() -> None:
    classes = {name for name in dir(torch.nn) if name.endswith("Loss") and inspect.isclass(getattr(torch.nn, name))}
    assert classes - set(EXCLUDED) == set(NAMES)
    assert len(NAMES) == len(set(NAMES))


def test_every_loss_has_a_reference() -> None:
    assert set(references.REFERENCES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_defaults_of_an_entry_are_torch_s(name: str) -> None:
    entry = loss(name)
    taken = inspect.signature(getattr(torch.nn, name)).parameters
    for argument, default in entry.arguments.items():
        if argument not in OWN_DEFAULTS:
            assert taken[argument].default == default, argument
    assert all(taken[weight].default is None for weight in entry.weights)
    if entry.reductions:
        assert taken["reduction"].default == entry.reductions[0]
    else:
        assert "reduction" not in taken


def test_the_catalogue_leaves_out_no_argument_of_torch() -> None:
    """Those that are not offered: deprecated, a device, or a shape that no table of numbers has."""
    aside = {"self", "size_average", "reduce", "reduction", "device", "dtype", "in_features", "num_classes"}
    elsewhere = {"LinearCrossEntropyLoss": {"out_features", "bias", "options", "ignore_index"},
                 "TripletMarginWithDistanceLoss": {"distance_function"}}
    for entry in LOSSES:
        taken = set(inspect.signature(getattr(torch.nn, entry.name)).parameters) - aside
        offered = set(entry.arguments) | set(entry.weights)
        assert taken - elsewhere.get(entry.name, set()) <= offered, entry.name


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_an_entry_is_taken_and_has_a_finite_loss_and_gradient(name: str) -> None:
    built = build(_example(name))
    value = built.scalar()
    value.backward()  # type: ignore[no-untyped-call]
    grad = built.leaves["prediction"].grad
    assert math.isfinite(value.item())
    assert grad is not None
    assert bool(grad.isfinite().all())
    assert bool(grad.any())
