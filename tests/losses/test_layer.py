"""Through a layer: the weight's gradient is an outer product, and the graph leads to it."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from visualizer.base.errors import UserError
from visualizer.base.explanation import Formula, Verdict
from visualizer.base.tensors import TensorData
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.pages import layer as page
from visualizer.experiments.losses.requests import LayerRequest
from visualizer.experiments.losses.state import LossesState
from visualizer.figures.model import Heat, Note
from visualizer.ui.widgets.typesetter import typeset

LECTURE = {"input": [1.0, 2.0, 3.0, 2.0, 1.0], "target": [4.0, 5.0, 6.0]}


def request_for(input: Any, target: Any, input_grad: bool = False, bias: bool = True, seed: int = 0) -> LayerRequest:
    return LayerRequest(TensorData.of(input), TensorData.of(target), input_grad, bias, seed)


def result_of(request: LayerRequest) -> page.LayerResult:
    *_, last = page.run(request)
    assert last is not None
    return last


def test_the_lectures_layer_has_a_gradient_of_five_columns_and_three_rows() -> None:
    result = result_of(request_for(**LECTURE))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = nn.Linear(5, 3)
    assert layer.weight.grad is None
    output = layer(torch.tensor(LECTURE["input"]))
    nn.MSELoss()(output, torch.tensor(LECTURE["target"])).backward()
    np.testing.assert_array_equal(result.weight_grad, layer.weight.grad.double().numpy())
    np.testing.assert_array_equal(result.bias_grad, layer.bias.grad.double().numpy())
    np.testing.assert_allclose(
        result.weight_grad, 2.0 / 3.0 * np.outer(result.output[0] - LECTURE["target"], LECTURE["input"]), rtol=1e-5,
    )
    assert result.path[0] == "MseLossBackward0"
    assert result.path[-2:] == ("AccumulateGrad", "weight")


rows = st.integers(1, 4)


@settings(max_examples=40, deadline=None)
@given(rows, rows, st.integers(0, 3), st.booleans(), st.booleans(), st.integers(0, 1000))
def test_the_gradient_is_that_of_numpy_for_vectors_and_batches(
    ins: int, outs: int, batch: int, bias: bool, input_grad: bool, seed: int,
) -> None:
    draw = np.random.default_rng(seed)
    x, y = draw.normal(size=(max(batch, 1), ins)).round(3), draw.normal(size=(max(batch, 1), outs)).round(3)
    given_, target = (x[0].tolist(), y[0].tolist()) if batch == 0 else (x.tolist(), y.tolist())
    result = result_of(request_for(given_, target, input_grad, bias, seed))
    rate = 2.0 / result.output.size * (result.output - y)
    np.testing.assert_allclose(result.weight_grad, rate.T @ x, rtol=1e-4, atol=1e-6)
    assert (result.bias_grad is None) == (not bias)
    if result.bias_grad is not None:
        np.testing.assert_allclose(result.bias_grad, rate.sum(axis=0), rtol=1e-4, atol=1e-6)
    assert (result.input_grad is None) == (not input_grad)
    if result.input_grad is not None:
        np.testing.assert_allclose(np.atleast_2d(result.input_grad), rate @ result.weight, rtol=1e-4, atol=1e-6)
    assert result.path[-1] == "weight"
    texts = [layer.text for layer in result.drawn[0].layers if isinstance(layer, Note)]
    assert any(text.startswith("input") and ".grad filled" in text for text in texts) == input_grad


@pytest.mark.parametrize("request_", [
    request_for(**LECTURE), request_for([[1.0, -2.0], [0.5, 3.0]], [[1.0], [-2.0]], True, False), request_for([-1.0], [2.0]),
])
def test_every_formula_of_the_panel_can_be_typeset(request_: LayerRequest) -> None:
    for block in page.explain(result_of(request_), LossesState(view="layer")).blocks:
        if isinstance(block, Formula):
            assert typeset(block.latex).pieces, block.latex


def test_the_heat_map_has_row_zero_at_the_top() -> None:
    result = result_of(request_for(**LECTURE))
    heat = next(layer for layer in result.drawn[1].layers if isinstance(layer, Heat))
    np.testing.assert_array_equal(heat.values[::-1], result.weight_grad)
    assert heat.palette == "diverging"


def test_the_explanation_begins_with_the_verdict_and_has_these_numbers() -> None:
    result = result_of(request_for(**LECTURE))
    first, *rest = page.explain(result, LossesState(view="layer")).blocks
    assert isinstance(first, Verdict)
    assert "was None and is filled now" in first.text
    assert "(3, 5)" in first.text
    worked = [block.latex for block in rest if isinstance(block, Formula) and "grad" in block.latex]
    assert any(r"\frac{2}{3} \cdot" in line for line in worked)


@pytest.mark.parametrize("changes", [
    {}, {"bias": False, "input_grad": True}, {"layer_input": "1,2;3,4;5,6", "layer_target": "1;2;3", "seed": 7},
])
def test_the_code_prints_the_same_gradient(changes: dict[str, Any]) -> None:
    state = LossesState(view="layer").changed(**changes)
    out = io.StringIO()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(out):
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(Losses().code(state), space)
    request = Losses().request(state)
    assert isinstance(request, LayerRequest)
    result = result_of(request)
    np.testing.assert_array_equal(space["layer"].weight.grad.double().numpy(), result.weight_grad)
    lines = out.getvalue().splitlines()
    assert lines[0] == "before: None"
    assert [line.rpartition("::")[2] for line in lines if "Backward" in line or "Accumulate" in line] == list(result.path[:-1])


@pytest.mark.parametrize(("given_", "target", "words"), [
    ([], [1.0], "input is empty"), ([1.0], [], "target is empty"),
    ([1.0, 2.0], [[1.0], [2.0]], "The input is a vector and the target 2 rows"),
    ([[1.0], [2.0]], [[1.0]], "The input is 2 rows (a matrix) and the target 1 row (a matrix)"),
])
def test_what_does_not_fit_is_a_sentence(given_: Any, target: Any, words: str) -> None:
    request = request_for(given_, target)
    with pytest.raises(UserError) as raised:
        result_of(request)
    assert words in raised.value.sentence
    with pytest.raises(UserError):
        page.code(request)


def test_numbers_that_are_none_are_shown_and_not_a_crash() -> None:
    result = result_of(request_for([float("nan"), 1.0], [float("inf")]))
    blocks = page.explain(result, LossesState(view="layer")).blocks
    for block in blocks:
        if isinstance(block, Formula):
            assert typeset(block.latex).pieces, block.latex


def test_torchs_generator_stays_where_it_was() -> None:
    before = torch.random.get_rng_state()
    result_of(request_for(**LECTURE, seed=5))
    assert torch.equal(before, torch.random.get_rng_state())
