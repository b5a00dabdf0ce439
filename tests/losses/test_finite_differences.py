"""Autograd against central differences: closed forms, kinks, wrong gradients, the ends of what a loss allows."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visualizer.base.tensors import TensorData
from visualizer.components.losses import LOSSES, WHOLE, loss
from visualizer.experiments.losses.finite_differences import (
    STEP,
    Check,
    Probe,
    central_differences,
    checked,
    gradients,
    in_float64,
    worst,
)
from visualizer.experiments.losses.requests import setup_of
from visualizer.experiments.losses.state import LossesState

#: Tensors that torch lets no gradient pass to, or that have none worth a check.
WITHOUT = {("SoftMarginLoss", "target"), ("CrossEntropyLoss", "target")}
#: torch's gradient of CTC is that of the logits before log_softmax, so it is not the derivative that is asked for here.
ODD = {"CTCLoss"}


def state(name: str = "MSELoss", **values: Any) -> LossesState:
    return LossesState().changed(loss=name).changed(**values)


def check_of(name: str = "MSELoss", role: str = "prediction", **values: Any) -> Check:
    made = state(name, **values).changed(**{f"{role}_grad": True})
    *_, last = central_differences(in_float64(setup_of(made)), role)
    assert last is not None
    assert last.done == 1.0
    return last


def test_the_gradient_of_the_lectures_example_is_right_to_ten_digits() -> None:
    check = check_of()
    assert check.gradient.tolist() == [-2.0, -2.0, -2.0]
    assert check.differences == pytest.approx([-2.0, -2.0, -2.0], abs=1e-9)
    assert check.passed
    assert check.max_error < 1e-9
    assert 0 <= check.where < 3
    assert check.compared == 3
    assert check.badge.startswith("Gradient checked: largest error ")


@pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.name)
def test_every_example_passes_in_every_reduction_and_every_tensor(entry: Any) -> None:
    for reduction in entry.reductions or ("mean",):
        made = state(entry.name)
        grads = {f"{item.role}_grad": item.holds not in WHOLE and (entry.name, item.role) not in WITHOUT
                 for item in entry.inputs}
        made = made.changed(**grads) if not entry.reductions else made.changed(reduction=reduction, **grads)
        *_, found = checked(in_float64(setup_of(made)))
        assert found is not None
        assert [check.role for check in found] == [name.removesuffix("_grad") for name, wanted in grads.items() if wanted]
        for check in found:
            assert check.passed == (entry.name not in ODD), (reduction, check.role, check.badge)
            if check.compared and entry.name not in ODD:
                assert check.max_error < 1e-6


def test_at_a_kink_both_are_right_and_it_is_called_a_kink() -> None:
    check = check_of("L1Loss", prediction="4,2,3", target="4,5,6")
    assert check.kinks.tolist() == [True, False, False]
    assert (check.left[0], check.right[0]) == pytest.approx((-1 / 3, 1 / 3), abs=1e-9)
    assert check.passed
    assert "1 at a kink" in check.badge


def test_a_subgradient_that_is_no_average_is_no_error() -> None:
    # Exactly at the margin: the slopes of the sides are 0 and -1, their average -0.5, torch takes one of the ends.
    check = check_of("HingeEmbeddingLoss", prediction="1,0.5", target="-1,-1", reduction="sum")
    assert check.kinks.tolist() == [True, False]
    assert check.differences[0] == pytest.approx(-0.5, abs=1e-6)
    assert check.gradient[0] in (0.0, -1.0)
    assert check.passed


def test_a_smooth_loss_of_large_numbers_has_no_kinks() -> None:
    check = check_of(prediction="1000,-3000,2e5,7", target="1000,-3000,2e5,1e5")
    assert not check.kinks.any()
    assert check.passed


def test_a_wrong_gradient_is_found() -> None:
    built = in_float64(setup_of(state()))
    wrong = torch.tensor([-2.0, -2.01, -2.0], dtype=torch.float64)
    *_, check = central_differences(built, "prediction", wrong)
    assert check is not None
    assert check.wrong.tolist() == [False, True, False]
    assert check.where == 1
    assert not check.passed
    assert check.max_error == pytest.approx(0.01, rel=1e-6)
    assert check.max_relative == pytest.approx(0.01 / 2.01, rel=1e-6)
    assert check.badge == "Differs by 1.0e-02 from finite differences"
    right = check_of()
    assert worst((right, check)) is check
    assert worst((check, right)) is check
    assert worst(()) is None


def test_what_torch_says_is_the_gradient_of_ctc_is_that_of_the_logits_before_log_softmax() -> None:
    logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    logs = torch.log_softmax(logits, dim=1)
    check = check_of("CTCLoss", prediction=TensorData((5, 3), tuple(logs.flatten().tolist())), reduction="sum")
    assert check.wrong.any()

    def through(z: np.ndarray) -> float:
        built = in_float64(setup_of(state("CTCLoss", reduction="sum")))
        given = dict(built.leaves) | {"prediction": torch.log_softmax(torch.from_numpy(z), dim=1)}
        return float(built.scalar(given).detach())

    z, slopes = logits.numpy(), np.zeros((5, 3))
    for at in np.ndindex(5, 3):
        moved = np.zeros((5, 3))
        moved[at] = 1e-5
        slopes[at] = (through(z + moved) - through(z - moved)) / 2e-5
    assert check.gradient == pytest.approx(slopes, abs=1e-8)


def test_next_to_an_end_the_step_is_shorter_and_at_it_only_one_side_is_taken() -> None:
    check = check_of("BCELoss", prediction="1e-7,0.5,1", target="1,0,1")
    assert check.steps[0] == pytest.approx(STEP * 1e-7)
    assert check.steps[1] == pytest.approx(STEP * 0.5)
    assert check.differences[0] == pytest.approx(-1e7 / 3, rel=1e-6)
    assert np.isfinite(check.left[2])
    assert np.isnan(check.right[2])


def test_where_the_loss_is_not_finite_nothing_is_compared() -> None:
    check = check_of(prediction="1,nan,3", target="4,5,6")
    assert check.compared == 0
    assert check.where == -1
    assert np.isnan(check.max_error)
    assert not check.passed
    assert check.badge == "Cannot be checked: the loss is not finite"


def test_an_empty_tensor_is_checked_without_a_word() -> None:
    check = check_of(prediction="", target="")
    assert check.gradient.size == 0
    assert check.where == -1
    assert not check.passed


def test_the_probe_leaves_the_tensors_as_they_are() -> None:
    built = in_float64(setup_of(state()))
    probe = Probe(built, "prediction")
    assert probe(0, 4.0) == pytest.approx(18 / 3)
    assert probe(1, 2.0) == pytest.approx(9.0)
    assert built.leaves["prediction"].tolist() == [1.0, 2.0, 3.0]


def test_nothing_that_requires_a_gradient_is_no_check() -> None:
    built = in_float64(setup_of(state(prediction_grad=False)))
    assert gradients(built) == {}
    *_, found = checked(built)
    assert found == ()


def test_a_layer_is_checked_with_the_weights_that_it_has_in_float32() -> None:
    from visualizer.experiments.losses.evaluation import build

    setup = setup_of(state("LinearCrossEntropyLoss"))
    own, wide = build(setup), in_float64(setup)
    for before, after in zip(own.module.parameters(), wide.module.parameters(), strict=True):
        assert after.dtype == torch.float64
        assert torch.equal(before.double(), after)


def test_ten_thousand_elements_go_on_in_small_steps() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(2, 10_000, generator=generator, dtype=torch.float64)
    data = [TensorData((100, 100), tuple(row.tolist())) for row in values]
    built = in_float64(setup_of(state(prediction=data[0], target=data[1])))
    parts, pauses, before = [], [], time.perf_counter()
    for part in central_differences(built, "prediction"):
        now = time.perf_counter()
        pauses.append(now - before)
        before = now
        if part is not None:
            parts.append(part)
    expected = 2 * (values[0] - values[1]).reshape(100, 100).numpy() / 10_000
    assert parts[-1].differences == pytest.approx(expected, abs=1e-9)
    assert parts[-1].passed
    assert all(0 < part.done < 1 for part in parts[:-1])
    assert np.median(pauses) < 0.02


def test_at_a_minimum_the_rounding_of_the_positions_is_no_disagreement() -> None:
    for value in (1.0, 3.0, -7.0, 0.1, 1e6):
        check = check_of("MSELoss", prediction=TensorData((1,), (value,)), target=TensorData((1,), (value,)))
        assert check.passed, (value, check.differences)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["MSELoss", "L1Loss", "HuberLoss", "SmoothL1Loss", "BCEWithLogitsLoss", "SoftMarginLoss",
                        "MultiLabelSoftMarginLoss", "PoissonNLLLoss", "HingeEmbeddingLoss"]),
       st.lists(st.floats(-8, 8), min_size=1, max_size=5), st.data())
def test_random_predictions_pass_or_are_kinks(name: str, values: list[float], data: st.DataObject) -> None:
    holds = loss(name).inputs[1].holds
    labels = st.sampled_from([-1.0, 1.0]) if holds == "sign" else st.floats(0, 1) if holds == "binary" else (
        st.integers(0, 9).map(float) if holds == "count" else st.floats(-8, 8))
    target = data.draw(st.lists(labels, min_size=len(values), max_size=len(values)))
    check = check_of(name, prediction=TensorData((len(values),), tuple(values)),
                     target=TensorData((len(values),), tuple(target)))
    assert check.passed, (check.badge, check.gradient, check.differences)
