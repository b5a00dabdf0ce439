"""The page Truth check: what it says of autograd, of step sizes, and of the two ways to compute one loss."""

from __future__ import annotations

import contextlib
import io
import math
from typing import Any

import mpmath
import numpy as np
import pytest
import torch

from visualizer.base.errors import UserError
from visualizer.base.explanation import Paragraph, Table, Verdict
from visualizer.base.tensors import TensorData
from visualizer.components.losses import LOSSES, WHOLE
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.finite_differences import EPSILON
from visualizer.experiments.losses.pages.check import CheckResult
from visualizer.experiments.losses.state import LossesState
from visualizer.figures.model import Bars, Figure, Markers

LOSS = Losses()


def shown(name: str = "MSELoss", **values: Any) -> LossesState:
    return LossesState().changed(view="check", loss=name).changed(**values)


def result_of(name: str = "MSELoss", **values: Any) -> CheckResult:
    state = shown(name, **values)
    *_, last = LOSS.run(LOSS.request(state))
    assert isinstance(last, CheckResult)
    assert last.progress == 1.0
    return last


def figures_of(result: CheckResult) -> dict[str, Figure]:
    return {figure.name: figure for figure in LOSS.figures(result, shown())}


def words_of(result: CheckResult) -> str:
    return " ".join(block.text for block in LOSS.explain(result, shown()).blocks if isinstance(block, (Paragraph, Verdict)))


@pytest.mark.parametrize("preset", [preset for preset in LOSS.presets if preset.values["view"] == "check"],
                         ids=lambda preset: preset.name)
def test_the_presets_check_and_find_autograd_right(preset: Any) -> None:
    state = LossesState().changed(**preset.values)
    *_, result = LOSS.run(LOSS.request(state))
    assert isinstance(result, CheckResult)
    assert [figure.name for figure in LOSS.figures(result, state)] == list(LOSS.view(state).figures)
    first = LOSS.explain(result, state).blocks[0]
    assert isinstance(first, Verdict)
    assert first.role == "good"
    assert result.gradcheck.passed


@pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.name)
def test_every_loss_has_its_figures_and_words_with_every_tensor_checked(entry: Any) -> None:
    grads = {f"{item.role}_grad": item.holds not in WHOLE for item in entry.inputs}
    if entry.name in ("CrossEntropyLoss", "SoftMarginLoss"):
        grads["target_grad"] = False
    result = result_of(entry.name, **grads)
    assert [check.role for check in result.checks] == [name.removesuffix("_grad") for name, wanted in grads.items() if wanted]
    assert list(figures_of(result)) == ["check", "step_sizes", "stability"]
    assert all(figure.layers or figure.note for figure in figures_of(result).values())
    verdict = LOSS.explain(result, shown()).blocks[0]
    assert isinstance(verdict, Verdict)
    assert verdict.role == ("bad" if entry.name == "CTCLoss" else "good")
    numbers = LOSS.numbers(result, shown())
    assert numbers["finite_difference"]["passed"] == (entry.name != "CTCLoss")


def test_the_same_result_has_the_very_same_figures() -> None:
    result = result_of()
    assert LOSS.figures(result, shown()) is LOSS.figures(result, shown(logit=3.0))


def test_bars_are_autograd_and_markers_the_differences_tensor_after_tensor() -> None:
    figure = figures_of(result_of(target_grad=True))["check"]
    bars = next(layer for layer in figure.layers if isinstance(layer, Bars))
    marks = next(layer for layer in figure.layers if isinstance(layer, Markers))
    assert bars.height.tolist() == [-2.0, -2.0, -2.0, 2.0, 2.0, 2.0]
    assert marks.y == pytest.approx(bars.height, abs=1e-8)
    assert figure.x.ticks is not None
    assert [text for _, text in figure.x.ticks] == ["0", "1", "2"] * 2


def test_at_a_kink_gradcheck_may_fail_and_the_page_says_why() -> None:
    result = result_of("HingeEmbeddingLoss", prediction="1,0.5", target="-1,-1")
    assert result.gradcheck.passed is False
    assert "kink" in words_of(result)
    verdict = LOSS.explain(result, shown()).blocks[0]
    assert isinstance(verdict, Verdict)
    assert verdict.role == "good"
    assert "1 element at a kink" in verdict.text


def test_gradcheck_of_probabilities_at_the_end_gives_no_verdict() -> None:
    result = result_of("BCELoss", prediction="1,0.2,0.6")
    assert result.gradcheck.passed is None
    assert "moved out" in words_of(result)


def test_gradcheck_of_many_elements_is_quick_and_leaves_the_generator_alone() -> None:
    values = torch.rand(2, 100, generator=torch.Generator().manual_seed(0)).tolist()
    before = torch.get_rng_state()
    result = result_of(prediction=TensorData.of(values[0]), target=TensorData.of(values[1]))
    assert torch.equal(before, torch.get_rng_state())
    assert result.gradcheck.passed
    assert result.gradcheck.fast


def test_more_than_200_elements_are_drawn_as_errors() -> None:
    values = torch.rand(2, 300, generator=torch.Generator().manual_seed(0)).tolist()
    figure = figures_of(result_of(prediction=TensorData.of(values[0]), target=TensorData.of(values[1])))["check"]
    assert figure.y.log
    assert not any(isinstance(layer, Bars) for layer in figure.layers)


def test_the_error_by_step_is_the_v_that_theory_says() -> None:
    result = result_of("CrossEntropyLoss", element=1)
    sizes = result.sizes
    assert sizes is not None
    x = torch.tensor([[2.0, 0.5, -1.0], [0.1, 1.2, 0.3]], dtype=torch.float64, requires_grad=True)
    derivative: Any = torch.nn.functional.cross_entropy(x, torch.tensor([0, 2]))
    for _ in range(3):
        (full,) = torch.autograd.grad(derivative, x, create_graph=True)
        derivative = full[0, 1]
    assert sizes.third == pytest.approx(abs(float(derivative.detach())), rel=1e-3)
    assert sizes.best == pytest.approx((3 * EPSILON * sizes.loss / sizes.third) ** (1 / 3))
    large = (sizes.steps > 1e-3) & (sizes.steps < 1e-1)
    assert np.polyfit(np.log(sizes.steps[large]), np.log(sizes.error[large]), 1)[0] == pytest.approx(2.0, abs=0.05)
    assert sizes.error[large] == pytest.approx(sizes.truncation[large], rel=0.05)
    small = (sizes.steps < 1e-7) & (sizes.error > 0)
    assert np.polyfit(np.log(sizes.steps[small]), np.log(sizes.error[small]), 1)[0] == pytest.approx(-1.0, abs=0.25)
    assert (sizes.error[small] <= 4 * sizes.rounding[small]).all()
    assert sizes.error[np.argmin(np.abs(np.log(sizes.steps / sizes.own)))] < 1e-9


@pytest.mark.parametrize("values", [{}, {"prediction": "4;2;3"}, {"prediction": "4,2,3"}, {"prediction": "3.5,4.5,5.5"}])
def test_a_straight_line_has_nothing_to_truncate_even_near_a_kink(values: dict[str, Any]) -> None:
    sizes = result_of("L1Loss", **values).sizes
    assert sizes is not None
    assert sizes.third == 0.0
    assert sizes.best == math.inf


def test_the_third_derivative_is_seen_beside_much_larger_losses() -> None:
    sizes = result_of("PoissonNLLLoss", prediction="0.5,13,2").sizes
    assert sizes is not None
    assert sizes.third == pytest.approx(math.exp(0.5) / 3, rel=0.05)


@pytest.mark.parametrize(("values", "note"), [
    ({"moved": "second"}, "takes no such tensor"), ({"moved": "target"}, "no gradient"), ({"element": 7}, "no such element"),
    ({"prediction": "nan,2,3"}, "not finite"), ({"prediction": "4,5,6"}, ""),
])
def test_where_there_are_no_steps_the_figure_says_why(values: dict[str, Any], note: str) -> None:
    figure = figures_of(result_of(**values))["step_sizes"]
    assert note in figure.note
    assert bool(figure.layers) == (not note)


def test_the_stable_way_is_right_at_every_logit_and_the_naive_one_becomes_infinite() -> None:
    grown = result_of("CrossEntropyLoss", logit=200.0).growth
    assert grown is not None
    mpmath.mp.dps = 40
    for at in (0, 60, 140, 240):
        row = list(grown.row)
        row[grown.grows] = float(grown.logits[at])
        exact = mpmath.log(mpmath.fsum(mpmath.exp(x) for x in row)) - row[grown.true]
        assert grown.exact[at] == pytest.approx(float(exact), rel=1e-14)
    assert np.abs(grown.one - grown.exact).max() < 2e-5
    assert np.abs(grown.stable - grown.exact).max() < 2e-5
    # e^-105 is below the smallest float32; the true logit is 2.
    assert 100 < grown.infinite < 110
    assert np.isinf(grown.naive[-1])


def test_sigmoid_and_bce_say_100_whatever_the_logit() -> None:
    grown = result_of("BCEWithLogitsLoss", logit=200.0).growth
    assert grown is not None
    assert grown.exact[120] == pytest.approx(float(mpmath.log1p(mpmath.exp(grown.logits[120]))), rel=1e-14)
    assert (grown.naive[grown.logits > 18] == 100.0).all()
    assert 14 < grown.lost < 18
    assert np.abs(grown.one - grown.exact).max() < 2e-5


@pytest.mark.parametrize(("name", "values"), [
    ("CrossEntropyLoss", {}), ("CrossEntropyLoss", {"weight": "1,2,3"}), ("CrossEntropyLoss", {"reduction": "sum"}),
    ("CrossEntropyLoss", {"prediction": "1,2,3", "target": "4,5,6"}), ("CrossEntropyLoss", {"target": "-100,1"}),
    ("CrossEntropyLoss", {"target": "0.2,0.3,0.5;1,0,0", "weight": "1,2,3", "reduction": "none"}),
    ("BCEWithLogitsLoss", {}), ("BCEWithLogitsLoss", {"weight": "1,2,3"}), ("BCELoss", {}),
])
def test_the_two_ways_are_equal_in_float64(name: str, values: dict[str, Any]) -> None:
    result = result_of(name, **values)
    assert len(result.ways) >= 2
    for way in result.ways:
        assert way.wide == pytest.approx(result.loss, rel=1e-12)
        assert way.value == pytest.approx(result.loss, rel=1e-5)
    table = [block for block in LOSS.explain(result, shown()).blocks if isinstance(block, Table)][-1]
    assert table.rows[0][0] == name


@pytest.mark.parametrize(("name", "values", "reason"), [
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, "label smoothing"), ("BCEWithLogitsLoss", {"pos_weight": "2"}, "pos_weight"),
    ("MSELoss", {}, "no second way"),
])
def test_where_there_is_no_second_way_it_says_why(name: str, values: dict[str, Any], reason: str) -> None:
    result = result_of(name, **values)
    assert result.ways == ()
    assert reason in result.no_ways


def test_what_the_dtype_costs_is_the_loss_of_rounded_tensors() -> None:
    result = result_of(prediction="0.1,0.2,0.3")
    for name, value in result.by_dtype:
        x, y = (torch.tensor(data, dtype=torch.float64).to(getattr(torch, name)) for data in ((0.1, 0.2, 0.3), (4.0, 5.0, 6.0)))
        assert value == float(torch.nn.functional.mse_loss(x, y))
    assert dict(result_of("CTCLoss").by_dtype).keys() == {"float32", "float16", "bfloat16"}
    assert math.isnan(dict(result_of("CTCLoss").by_dtype)["float16"])


def test_the_cautions_are_shown() -> None:
    result = result_of(prediction="1;2;3")
    assert "9 losses in place of 3" in words_of(result)
    assert LOSS.numbers(result, shown())["cautions"] == list(result.cautions)


def test_what_torch_refuses_is_refused() -> None:
    with pytest.raises(UserError, match="same shape"):
        result_of(target="1,2")


@pytest.mark.parametrize("values", [{"prediction_grad": False}, {"prediction": "", "target": ""}, {"prediction": "nan,1,2"},
                                    {"dtype": "int64", "prediction_grad": False, "reduction": "sum"}])
def test_with_nothing_to_check_there_is_still_a_page(values: dict[str, Any]) -> None:
    name = "L1Loss"
    result = result_of(name, **values)
    figure = figures_of(result)["check"]
    assert figure.note
    verdict = LOSS.explain(result, shown()).blocks[0]
    assert isinstance(verdict, Verdict)
    assert verdict.role in ("muted", "warning")


def test_a_large_tensor_shows_what_there_is_so_far() -> None:
    values = torch.rand(2, 10_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    data = [TensorData((100, 100), tuple(row.tolist())) for row in values]
    state = shown(prediction=data[0], target=data[1])
    found = [part for part in LOSS.run(LOSS.request(state)) if part is not None]
    assert [part.progress for part in found] == sorted(part.progress for part in found)
    for part in found[:-1]:
        assert part.enough
        assert part.progress < 1.0
        assert LOSS.figures(part, state)[0].note
        LOSS.explain(part, state)


CODE: list[tuple[str, dict[str, Any]]] = [(entry.name, {}) for entry in LOSSES] + [
    ("MSELoss", {"reduction": "none", "target_grad": True}), ("CrossEntropyLoss", {"weight": "1,2,3", "label_smoothing": 0.1}),
    ("AdaptiveLogSoftmaxWithLoss", {"dtype": "float64"}), ("L1Loss", {"prediction_grad": False}),
]


@pytest.mark.parametrize(("name", "values"), CODE, ids=[f"{name}-{values}" for name, values in CODE])
def test_the_code_runs_and_prints_what_the_page_shows(name: str, values: dict[str, Any]) -> None:
    result = result_of(name, **values)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), torch.random.fork_rng(devices=[]):
        if name == "KLDivLoss":
            with pytest.warns(UserWarning, match="batchmean"):
                exec(LOSS.code(shown(name, **values)), {"__name__": "code"})
        else:
            exec(LOSS.code(shown(name, **values)), {"__name__": "code"})
    lines = printed.getvalue().splitlines()
    assert lines[0] == f"loss = {result.loss:.6f}"
    for check in result.checks:
        line = next(line for line in lines if line.startswith(f"{check.role}: autograd"))
        # A layer's code rounds the features to float32 first, as the layer of the page has been made in float32.
        exact = 1e-6 if result.setup.entry.layer and result.setup.dtype == "float32" else 1e-9
        assert eval(line.removeprefix(f"{check.role}: autograd")) == pytest.approx(check.gradient.ravel().tolist(), rel=exact)
        error = float(next(line for line in lines if line.startswith(f"{check.role}: largest error")).split()[-1])
        assert error == pytest.approx(check.max_error, abs=1e-7)
    verdicts = [line for line in lines if line in ("True", "False")]
    assert verdicts == ([str(result.gradcheck.passed)] if result.checks else [])
