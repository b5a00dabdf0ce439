"""What every entry of the catalogue says of itself on the screen, and that none of its pages ends in a defect at the edges."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from visualizer.base.errors import UserError
from visualizer.base.explanation import Formula, Paragraph, Table
from visualizer.components.losses import CONTENTS, LOSSES, Loss
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.requests import setup_of
from visualizer.experiments.losses.state import PRESETS, LossesState
from visualizer.experiments.losses.tensor_words import formula_of, wanted

TAB = Losses()
PAGES = ("loss", "curve", "check", "grad")
each = pytest.mark.parametrize("entry", LOSSES, ids=lambda entry: entry.name)


def state_of(loss: str, view: str = "loss", **values: Any) -> LossesState:
    return TAB.default_state().changed(loss=loss).changed(view=view, **values)


def said(state: LossesState) -> list[Any]:
    last = None
    for found in TAB.run(TAB.request(state)):
        last = found if found is not None else last
    assert last is not None
    TAB.figures(last, state)
    last.numbers()
    return list(TAB.explain(last, state).blocks)


def printed(state: LossesState) -> str:
    """What the reproducing code prints; it must run without an error."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(TAB.code(state), "reproducing code", "exec"), {})
    return out.getvalue()


@each
def test_an_entry_says_shape_dtype_and_range_of_each_of_its_tensors(entry: Loss) -> None:
    words = [block.text for block in said(state_of(entry.name)) if isinstance(block, Paragraph)]
    for item in entry.inputs:
        line = next(text for text in words if text.startswith(f"{item.title}, in forward {item.name}: "))
        assert f"shape {item.shape}" in line
        assert "dtype " in line
        assert CONTENTS[item.holds] in line


@pytest.mark.parametrize(("loss", "values", "part"), [
    ("KLDivLoss", {"log_target": True}, "holds logarithms of probabilities, at most 0"),
    ("PoissonNLLLoss", {"log_input": False}, "holds rates, at least 0"),
    ("CrossEntropyLoss", {"target": "0.2,0.3,0.5;1,0,0"}, "floating point for weights, here float32"),
    ("CrossEntropyLoss", {}, "int64 for indices, floating point for weights, here int64"),
])
def test_the_words_follow_the_switches(loss: str, values: dict[str, Any], part: str) -> None:
    assert any(part in line for line in wanted(setup_of(state_of(loss, **values))))


def test_the_lectures_class_weights_are_not_explained_by_the_formula_for_an_index() -> None:
    values = next(found.values for found in PRESETS if found.name == "cross_entropy")
    first = next(block for block in said(TAB.default_state().changed(**values)) if isinstance(block, Formula))
    assert "y_{n,c}" in first.latex
    assert "y_n}" not in first.latex


@pytest.mark.parametrize(("loss", "values", "part"), [
    ("KLDivLoss", {"log_target": True}, "e^{y_n}"),
    ("PoissonNLLLoss", {"log_input": False}, r"\log(x_n + \epsilon)"),
    ("CrossEntropyLoss", {"label_smoothing": 0.1}, "q_{n,c}"),
    ("LinearCrossEntropyLoss", {"label_smoothing": 0.1}, "q_{n,c}"),
])
def test_the_formula_is_that_of_the_arguments(loss: str, values: dict[str, Any], part: str) -> None:
    assert part not in formula_of(setup_of(state_of(loss)))
    assert part in formula_of(setup_of(state_of(loss, **values)))


def test_the_lectures_gradient_stands_in_the_table_to_four_decimals() -> None:
    values = next(found.values for found in PRESETS if found.name == "cross_entropy")
    table = next(block for block in said(TAB.default_state().changed(**values)) if isinstance(block, Table))
    assert [row[-1] for row in table.rows] == ["\u22122.6495", "\u22121.3291", "3.9786"]


def edges() -> Iterator[tuple[str, dict[str, Any]]]:
    for entry in LOSSES:
        yield entry.name, {item.role: "" for item in entry.inputs}
    yield "CrossEntropyLoss", {"prediction": "", "target": "", "reduction": "sum"}
    yield "BCELoss", {"prediction": "0,1,0.5", "target": "0,1,0", "target_grad": True}
    yield "GaussianNLLLoss", {"second": "0,1,2", "second_grad": True}
    yield "KLDivLoss", {"target": "0,0.5,0.5;1,0,0", "target_grad": True}
    yield "PoissonNLLLoss", {"log_input": False, "prediction": "0.5,1,2"}
    yield "HingeEmbeddingLoss", {"target_grad": True}
    yield "HingeEmbeddingLoss", {"prediction_grad": False, "target_grad": True}
    yield "LinearCrossEntropyLoss", {"prediction_grad": False, "dtype": "bfloat16"}
    yield "SoftMarginLoss", {"prediction_grad": False, "target_grad": True}


@pytest.mark.parametrize("view", PAGES)
@pytest.mark.parametrize(("loss", "values"), list(edges()), ids=lambda value: value if isinstance(value, str) else "")
def test_at_the_edges_every_page_has_a_result_whose_code_runs_or_a_sentence(loss: str, values: dict[str, Any], view: str) -> None:
    state = state_of(loss, view, **values)
    try:
        said(state)
    except UserError:
        return
    assert printed(state)


def test_a_sum_over_no_elements_is_not_called_infinite() -> None:
    words = " ".join(block.text for block in said(state_of("MSELoss", prediction="", target="", reduction="sum"))
                     if hasattr(block, "text"))
    assert "not finite" not in words
    assert "Nothing to check" in words


def test_a_mismatch_calls_the_tensors_what_the_screen_calls_them() -> None:
    with pytest.raises(UserError, match=r"The first score has the shape \(3\) and the second score \(2\)"):
        said(state_of("MarginRankingLoss", second="1,2"))
