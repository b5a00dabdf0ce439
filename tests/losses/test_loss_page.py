"""The page Loss and gradient: the lecture's numbers, what is drawn and said of every loss, and what dragging does."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch

from visualizer.base.errors import UserError
from visualizer.base.experiment import Gesture
from visualizer.base.explanation import Formula, Paragraph, Verdict
from visualizer.base.tensors import TensorData
from visualizer.components.losses import LOSSES
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.pages.loss import LossResult
from visualizer.experiments.losses.state import PRESETS, LossesState
from visualizer.figures.model import Bars, Figure

TAB = Losses()


def state_of(**values: Any) -> LossesState:
    return TAB.default_state().changed(view="loss", **values)


def results(state: LossesState) -> list[LossResult]:
    return [found for found in TAB.run(TAB.request(state)) if isinstance(found, LossResult)]


def numbers(**values: Any) -> dict[str, Any]:
    return results(state_of(**values))[-1].numbers()


def figure(state: LossesState, name: str) -> Figure:
    return next(found for found in TAB.figures(results(state)[-1], state) if found.name == name)


def preset(name: str) -> LossesState:
    values = next(found.values for found in PRESETS if found.name == name)
    return TAB.default_state().changed(**values)


def test_the_lectures_squared_error_is_nine_with_gradient_minus_two() -> None:
    found = results(preset("mse"))[-1].numbers()
    assert found["loss"] == 27 / 3
    assert found["contributions"].tolist() == [9.0, 9.0, 9.0]
    assert found["gradient"].tolist() == [-2.0, -2.0, -2.0]
    assert found["finite_difference"]["max_error"] < 1e-7


def test_the_lectures_cross_entropy_has_the_lectures_numbers() -> None:
    found = results(preset("cross_entropy"))[-1].numbers()
    assert found["loss"] == pytest.approx(19.1141, abs=5e-5)
    assert found["gradient"] == pytest.approx([-2.6495, -1.3291, 3.9786], abs=5e-5)


@pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.name)
def test_every_loss_shows_its_example_checked_worked_and_drawn(entry: Any) -> None:
    state = state_of(loss=entry.name)
    found = results(state)
    assert found[0].enough, "numbers and bars come before the check"
    last = found[-1]
    assert last.progress == 1.0
    assert last.check is not None
    drawn = TAB.figures(last, state)
    assert tuple(item.name for item in drawn) == TAB.view(state).figures
    assert all(item.layers for item in drawn)
    blocks = TAB.explain(last, state).blocks
    assert isinstance(blocks[0], Verdict)
    if entry.name == "CTCLoss":  # torch's gradient is the one before log_softmax: the difference is there, and said
        assert not last.check.passed
        assert any(isinstance(block, Paragraph) and "log_softmax" in block.text for block in blocks)
    else:
        assert last.check.passed
        assert blocks[0].role == "good"
    assert sum(isinstance(block, Formula) for block in blocks) >= 3


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.name)
def test_the_code_beside_it_prints_the_same_loss_and_gradient(entry: Any, reduction: str) -> None:
    if entry.reductions and reduction not in entry.reductions:
        pytest.skip("the loss has no such reduction")
    values = {"loss": entry.name} | ({"reduction": reduction} if entry.reductions else {})
    state = state_of(**values)
    said = io.StringIO()
    space: dict[str, Any] = {}
    with contextlib.redirect_stdout(said), torch.random.fork_rng(), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # KLDivLoss says that its mean is no divergence
        exec(compile(TAB.code(state), "code", "exec"), space)
    last = results(state)[-1]
    assert float(space["loss"].detach().sum()) == pytest.approx(last.loss, rel=1e-6)
    gradient = last.gradients["prediction"]
    assert gradient is not None
    assert np.array_equal(space["prediction"].grad.double().numpy(), gradient)
    assert re.search(r"loss = ", said.getvalue())


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_arguments_weights_and_dtypes_are_in_the_code(dtype: str) -> None:
    state = state_of(loss="CrossEntropyLoss", weight="1,2,0.5", label_smoothing=0.1, ignore_index=1, dtype=dtype)
    space: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(TAB.code(state), "code", "exec"), space)
    assert space["prediction"].dtype == getattr(torch, dtype)
    assert float(space["loss"].detach()) == pytest.approx(results(state)[-1].loss, rel=1e-9)


@pytest.mark.parametrize("name", ["LinearCrossEntropyLoss", "AdaptiveLogSoftmaxWithLoss"])
@pytest.mark.parametrize("features", ["2", "1,-1,0.5,2"])
def test_a_layer_takes_a_single_row_of_features(name: str, features: str) -> None:
    state = state_of(loss=name, div_value=1.0).changed(prediction=features, target="2")
    last = results(state)[-1]
    assert last.check is not None
    assert last.check.passed
    assert len(TAB.figures(last, state)) == 4


def test_without_requires_grad_the_loss_is_there_and_torchs_own_error_is_said() -> None:
    state = state_of(prediction_grad=False)
    last = results(state)[-1]
    assert last.numbers()["gradient"] is None
    first = TAB.explain(last, state).blocks[0]
    assert isinstance(first, Verdict)
    assert first.role == "bad"
    assert "element 0 of tensors does not require grad and does not have a grad_fn" in first.text
    assert "requires a gradient" in figure(state, "gradient").note.lower()


def test_what_torch_only_warns_about_is_a_caution_beside_the_number() -> None:
    state = state_of(prediction="1,2,3;4,5,6", target="1,2,3")
    last = results(state)[-1]
    assert last.loss == pytest.approx(np.mean((np.array([[1, 2, 3], [4, 5, 6]]) - np.array([1, 2, 3])) ** 2))
    assert last.cautions
    assert any(isinstance(block, Verdict) and block.role == "warning" for block in TAB.explain(last, state).blocks)


def test_what_torch_refuses_is_a_sentence_with_torchs_message_beside_it() -> None:
    with pytest.raises(UserError) as refused:
        results(state_of(loss="CrossEntropyLoss", target="0,7"))
    assert "7" in refused.value.sentence
    assert "out of bounds" in refused.value.details


def bar_tops(shown: Figure, key: str) -> list[float]:
    layer = next(layer for layer in shown.layers if isinstance(layer, Bars) and layer.key == key)
    return list(layer.height)


def test_a_dragged_bar_is_the_element_and_stays_where_the_loss_allows_it() -> None:
    state = TAB.gesture(state_of(), Gesture("drag", "tensors", "target", 1, 1.0, -2.4999))
    assert state.target.values == (4.0, -2.5, 6.0)
    assert bar_tops(figure(state, "tensors"), "target") == [4.0, -2.5, 6.0]
    probable = TAB.gesture(state_of(loss="BCELoss"), Gesture("drag", "tensors", "prediction", 0, 0.0, 1.7))
    assert probable.prediction.values[0] == 1.0
    sign = TAB.gesture(state_of(loss="SoftMarginLoss"), Gesture("drag", "tensors", "target", 0, 0.0, -0.2))
    assert sign.target.values[0] == -1.0
    classes = state_of(loss="NLLLoss")
    assert TAB.gesture(classes, Gesture("drag", "tensors", "target", 0, 0.0, 2.0)) is classes, "an index is no bar"


def test_the_heat_map_has_its_first_row_at_the_top() -> None:
    state = state_of(loss="CrossEntropyLoss")
    gradient = results(state)[-1].gradients["prediction"]
    assert gradient is not None
    heat = figure(state, "matrix").layers[0]
    assert np.array_equal(heat.values[-1], gradient[0])  # type: ignore[union-attr]


def test_ten_thousand_elements_are_summed_drawn_and_checked() -> None:
    rows = TensorData((100, 100), tuple(float(value % 17) for value in range(10_000)))
    state = state_of(prediction=rows, target=TensorData((100, 100), (1.0,) * 10_000))
    last = results(state)[-1]
    assert last.loss == pytest.approx(np.mean((np.arange(10_000) % 17 - 1.0) ** 2))
    assert last.check is not None
    assert last.check.passed


def test_editing_stays_when_another_loss_takes_the_same_tensors() -> None:
    state = state_of(prediction="7,8").changed(target="1,2").changed(loss="L1Loss")
    assert (state.prediction.values, state.target.values) == ((7.0, 8.0), (1.0, 2.0))
    other = state.changed(loss="BCELoss")
    assert max(other.prediction.values) <= 1.0, "probabilities are another kind of tensor"
