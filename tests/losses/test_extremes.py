"""What is typed to break it: the largest and smallest floats, labels that are asked for a gradient, layers without end.

Warnings are errors in the tests, so that each of these also says that nothing is written to standard error.
"""

from __future__ import annotations

import contextlib
import io
import time
from typing import Any

import pytest
import torch

from visualizer.base.errors import UserError
from visualizer.base.explanation import Paragraph, Verdict
from visualizer.components.losses import LOSSES, WHOLE
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.pages.check import CheckResult
from visualizer.experiments.losses.pages.grad import GradResult
from visualizer.experiments.losses.pages.loss import LossResult
from visualizer.experiments.losses.state import LossesState

TAB = Losses()


def state_of(view: str, loss: str = "MSELoss", **values: Any) -> LossesState:
    return LossesState().changed(view=view, loss=loss).changed(**values)


def seen(state: LossesState) -> tuple[Any, str]:
    """The last result, after it was drawn, and every sentence beside it."""
    *_, last = TAB.run(TAB.request(state))
    assert TAB.figures(last, state)
    assert last.numbers()
    return last, " ".join(block.text for block in TAB.explain(last, state).blocks if isinstance(block, (Paragraph, Verdict)))


@pytest.mark.parametrize("view", ["loss", "curve", "check", "grad"])
@pytest.mark.parametrize("loss", ["CrossEntropyLoss", "KLDivLoss", "MarginRankingLoss", "SmoothL1Loss"])
def test_a_target_of_the_largest_floats_is_shown(view: str, loss: str) -> None:
    seen(state_of(view, loss, prediction="1,2,3;4,5,6", second="1,2,3;4,5,6", target="1e308,1e308,1e308;1e308,1e308,1e308"))


def test_arrows_of_a_gradient_beside_the_largest_floats_are_drawn() -> None:
    seen(state_of("loss", "CrossEntropyLoss", prediction="1e308,1e308,1e308", target="0.5,0.2,0.3", dtype="float64",
                  target_grad=True))


def test_a_sum_beyond_all_floats_is_said_to_be_infinite() -> None:
    last, _ = seen(state_of("loss", "CrossEntropyLoss", prediction="1,2", target="1e308,1e308"))
    assert any("adds up to" in text and "not 1" in text for text in last.cautions), last.cautions


@pytest.mark.parametrize(("loss", "values"), [
    ("SoftMarginLoss", {"prediction": "1e308,1", "target": "1,1"}), ("BCELoss", {"prediction": "1e-120,0.5", "target": "1,1"}),
    ("BCELoss", {"weight": "1e308"}), ("MSELoss", {"prediction": "1e-320,1e308", "target": "0,0"}),
])
def test_where_the_cube_of_a_step_is_no_float_there_is_no_third_derivative(loss: str, values: dict[str, Any]) -> None:
    last, _ = seen(state_of("check", loss, **values))
    assert last.sizes is None or last.sizes.third >= 0.0


@pytest.mark.parametrize("number", ["1e308", "inf", "nan"])
def test_a_layer_is_given_the_largest_numbers(number: str) -> None:
    seen(state_of("layer", layer_input=f"{number},1", layer_target=f"{number},{number}"))


def test_logits_with_a_target_that_is_no_probability_have_no_second_way() -> None:
    last, _ = seen(state_of("check", "BCEWithLogitsLoss", target="2,0,1"))
    assert last.ways == ()
    assert "from 0 to 1" in last.no_ways


def test_a_logit_that_is_no_number_has_no_second_way() -> None:
    last, _ = seen(state_of("check", "BCEWithLogitsLoss", prediction="nan,1,2"))
    assert last.ways == ()
    assert "NaN" in last.no_ways


@pytest.mark.parametrize("loss", ["HingeEmbeddingLoss", "CosineEmbeddingLoss"])
def test_labels_that_are_only_compared_get_no_gradient_and_the_pages_say_why(loss: str) -> None:
    alone = {"prediction_grad": False, "target_grad": True}
    for shown_step in (0, 1, 2):
        state = state_of("grad", loss, shown_step=shown_step, **alone)
        last, words = seen(state)
        assert isinstance(last, GradResult)
        assert "Here none does" not in words
        assert "none of them will ever" not in words
        assert "compare" in words
    assert last.life.steps[-1].what == "error"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(TAB.code(state), {"__name__": "code"})
    assert last.life.refused in printed.getvalue()
    result, words = seen(state_of("loss", loss, **alone))
    assert isinstance(result, LossResult)
    assert "nothing that can be differentiated leads from the target" in words
    assert "no tensor requires one" not in words


@pytest.mark.parametrize("entry", [entry for entry in LOSSES if any(item.holds in WHOLE for item in entry.inputs)],
                         ids=lambda entry: entry.name)
def test_indices_that_are_asked_for_a_gradient_are_not_told_to_be_float32_which_they_are_chosen_to_be(entry: Any) -> None:
    role = next(item.role for item in entry.inputs if item.holds in WHOLE)
    with pytest.raises(UserError) as refused:
        seen(state_of("loss", entry.name, **{f"{role}_grad": True}))
    assert "int64" in refused.value.sentence
    assert "choose float32" not in refused.value.sentence


@pytest.mark.parametrize("entry", [entry for entry in LOSSES if entry.reductions and "batchmean" not in entry.reductions],
                         ids=lambda entry: entry.name)
def test_a_reduction_that_the_loss_does_not_know_is_named_and_not_the_shapes(entry: Any) -> None:
    with pytest.raises(UserError) as refused:
        seen(state_of("loss", entry.name, reduction="batchmean"))
    assert refused.value.sentence == f"{entry.name} knows no reduction batchmean; choose mean, sum or none."


def test_a_failed_gradcheck_of_many_elements_does_not_go_on_to_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluations = 0
    real = torch.autograd.gradcheck

    def counting(function: Any, inputs: Any, **options: Any) -> Any:
        def counted(*tensors: torch.Tensor) -> torch.Tensor:
            nonlocal evaluations
            evaluations += 1
            found: torch.Tensor = function(*tensors)
            return found

        return real(counted, inputs, **options)

    monkeypatch.setattr(torch.autograd, "gradcheck", counting)
    many = ",".join(["1e10"] * 1000)
    last, _ = seen(state_of("check", prediction=many, target=many.replace("1e10", "2")))
    assert isinstance(last, CheckResult)
    assert last.gradcheck.passed is False
    assert evaluations < 100


def test_a_layer_whose_clusters_would_take_all_memory_is_refused_at_once() -> None:
    began = time.monotonic()
    with pytest.raises(UserError, match="too many"):
        seen(state_of("loss", "AdaptiveLogSoftmaxWithLoss", prediction=",".join(["1"] * 10_000), target="1"))
    assert time.monotonic() - began < 2.0  # it took ten seconds, and memory for 75 million weights
