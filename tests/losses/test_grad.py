"""The life of .grad: None, filled, added up, cleared; as torch does it, and what torch refuses."""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from visualizer.base.errors import UserError
from visualizer.base.explanation import Paragraph, Table, Verdict
from visualizer.components.losses import LOSSES
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.pages import grad as page
from visualizer.experiments.losses.requests import GradRequest
from visualizer.experiments.losses.state import PRESETS, LossesState
from visualizer.figures.model import Bars, Note

NAMES = [entry.name for entry in LOSSES]


def state_of(**changes: Any) -> LossesState:
    return LossesState().changed(view="grad").changed(**changes)


def result_of(state: LossesState) -> page.GradResult:
    request = Losses().request(state)
    assert isinstance(request, GradRequest)
    *_, last = page.run(request)
    assert last is not None
    assert last.progress == 1.0
    return last


def gradients(result: page.GradResult, name: str = "prediction") -> list[list[float] | None]:
    found = [step.after[name] for step in result.life.steps]
    return [None if values is None else values.reshape(-1).tolist() for values in found]


def printed(code: str) -> str:
    out = io.StringIO()
    with warnings.catch_warnings(), torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(out):
        warnings.simplefilter("ignore")
        exec(code, {"__name__": "__main__"})
    return out.getvalue()


def test_the_lectures_example_none_filled_added_up_cleared() -> None:
    result = result_of(state_of())
    assert gradients(result) == [None, None, [-2.0] * 3, [-2.0] * 3, [-4.0] * 3, None]
    assert [step.what for step in result.life.steps] == ["made", "loss", "backward", "loss", "backward", "cleared"]
    assert [step.graph for step in result.life.steps] == ["none", "alive", "freed", "alive", "freed", "freed"]
    assert float(result.life.loss) == 9.0
    assert result.steps == 5


def test_zeros_in_place_of_none_where_it_is_asked_for() -> None:
    assert gradients(result_of(state_of(set_to_none=False)))[-1] == [0.0] * 3


@pytest.mark.parametrize("backwards", [1, 3, 10])
def test_each_backward_adds_the_same_gradient(backwards: int) -> None:
    result = result_of(state_of(backwards=backwards))
    filled = [after for after, step in zip(gradients(result), result.life.steps, strict=True) if step.what == "backward"]
    assert filled == [[-2.0 * nth] * 3 for nth in range(1, backwards + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_lives_as_an_optimizer_and_autograd_say(name: str) -> None:
    state = state_of(loss=name, set_to_none=False)
    result = result_of(state)
    first, second = (step.after for step in result.life.steps if step.what == "backward")
    assert "prediction" in first
    for role, values in first.items():
        other, last = second[role], result.life.steps[-1].after[role]
        if values is None:
            assert other is None
            assert last is None
            continue
        assert other is not None
        assert last is not None
        np.testing.assert_allclose(other, 2.0 * values, rtol=1e-6)
        assert not last.any()
    figures = [page.figures(result, state.changed(shown_step=step)) for step in range(result.steps + 1)]
    assert all([figure.name for figure in both] == ["grad", "grad_graph"] for both in figures)
    assert len({both[0].y.limits for both in figures}) == 1


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_the_code_prints_what_the_page_shows(name: str, reduction: str) -> None:
    state = state_of(loss=name)
    if reduction == "none":
        if not next(entry for entry in LOSSES if entry.name == name).reductions:
            return
        state = state.changed(reduction="none")
    result = result_of(state)
    shown = printed(Losses().code(state))
    wanted = [values for step in result.life.steps if step.what == "backward" for values in step.after.values()
              if values is not None]
    bare = re.sub(r"after backward \d+:|size=\([^)]*\)|float\d+", "", shown)
    numbers = [float(word) for word in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", bare)]
    expected = np.concatenate([values.reshape(-1) for values in wanted])
    np.testing.assert_allclose(numbers, expected, rtol=2e-4, atol=2e-4)


def test_nothing_requires_a_gradient_torchs_own_error_with_where_the_graph_ends() -> None:
    state = state_of(prediction_grad=False)
    result = result_of(state)
    with pytest.raises(RuntimeError) as raised:
        nn.MSELoss()(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0])).backward()
    assert result.life.refused == f"RuntimeError: {raised.value}"
    assert "element 0 of tensors does not require grad and does not have a grad_fn" in result.life.refused
    first, *rest = page.explain(result, state).blocks
    assert isinstance(first, Verdict)
    assert first.role == "bad"
    assert first.text == result.life.refused
    assert any(isinstance(block, Paragraph) and "the graph ends before it begins" in block.text for block in rest)
    bars, graph = page.figures(result, state)
    assert bars.note
    assert graph.note
    assert "requires_grad=False" in " ".join(layer.text for layer in graph.layers if isinstance(layer, Note))
    assert result.life.refused in printed(Losses().code(state))
    assert result.steps == 2


def test_without_a_reduction_torch_refuses_and_ones_are_the_way() -> None:
    state = state_of(reduction="none")
    result = result_of(state)
    assert "grad can be implicitly created only for scalar outputs" in result.life.refused
    assert gradients(result)[2] == [-6.0] * 3
    assert result.life.steps[2].code == "loss.backward(torch.ones_like(loss))"
    texts = " ".join(block.text for block in page.explain(result, state).blocks if isinstance(block, Paragraph))
    assert result.life.refused in texts
    assert "torch.ones_like(loss)" in texts


def test_a_second_backward_on_the_same_loss_is_refused_in_torchs_words() -> None:
    result = result_of(state_of())
    assert "Trying to backward through the graph a second time" in result.life.again
    texts = " ".join(block.text for block in page.explain(result, state_of()).blocks if isinstance(block, Paragraph))
    assert result.life.again in texts
    assert "retain_graph=True" in texts


def test_what_was_there_before_is_muted_and_what_is_added_is_a_gradient() -> None:
    state = state_of()
    result = result_of(state)
    bars = {layer.key: layer for layer in page.figures(result, state.changed(shown_step=4))[0].layers if isinstance(layer, Bars)}
    assert bars["kept"].role == "muted"
    assert bars["kept"].height.tolist() == [-2.0] * 3
    assert bars["added"].role == "gradient"
    assert bars["added"].height.tolist() == [-4.0] * 3
    before = page.figures(result, state.changed(shown_step=1))[0]
    assert not any(isinstance(layer, Bars) for layer in before.layers)
    assert any(isinstance(layer, Note) and layer.text == "prediction.grad is None" for layer in before.layers)


def test_the_weights_of_a_loss_that_is_a_layer_have_a_grad_too() -> None:
    result = result_of(state_of(loss="LinearCrossEntropyLoss", prediction_grad=False))
    assert list(result.life.shapes) == ["loss_fn.linear.weight"]
    assert result.life.steps[2].after["loss_fn.linear.weight"] is not None


def test_the_table_marks_the_shown_step() -> None:
    state = state_of(shown_step=2)
    table = next(block for block in page.explain(result_of(state), state).blocks if isinstance(block, Table))
    assert [row[0].startswith("\u2192 ") for row in table.rows] == [False, False, True, False, False, False]
    assert table.rows[2][1] == "(\u22122, \u22122, \u22122)"


def test_what_torch_cannot_take_is_a_sentence() -> None:
    with pytest.raises(UserError):
        result_of(state_of(prediction="1,2", target="1,2,3"))


@pytest.mark.parametrize("name", [preset.name for preset in PRESETS if preset.values["view"] == "grad"])
def test_presets_run(name: str) -> None:
    state = LossesState().changed(**next(preset for preset in PRESETS if preset.name == name).values)
    result = result_of(state)
    assert page.explain(result, state).blocks
    assert result.numbers()["steps"]
