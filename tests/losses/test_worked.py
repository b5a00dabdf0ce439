"""The worked formulas: every number in them is computed again, and the last ones are those of the references."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.losses import references
from tests.losses.reading import SymbolicError, sides, value_of
from tests.losses.strategies import numpy_of, setups
from visualizer.components.losses import LOSSES, loss
from visualizer.experiments.losses.evaluation import Built, build
from visualizer.experiments.losses.requests import Setup, setup_of
from visualizer.experiments.losses.state import LossesState
from visualizer.experiments.losses.worked import PARTS, Worked, worked_of
from visualizer.ui.widgets.typesetter import typeset

NAMES = [entry.name for entry in LOSSES]
_MANY = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


def _worked(setup: Setup, element: int = 0, torch_s: bool = True) -> tuple[Worked, Built]:
    """The worked formulas, with torch's gradient or without it."""
    built = build(setup)
    value, each = built.scalar(), built.contributions()
    if value.requires_grad:
        value.backward()  # type: ignore[no-untyped-call]
    gradient = {
        role: None if leaf.grad is None or not torch_s else leaf.grad.double().numpy() for role, leaf in built.leaves.items()
    }
    return worked_of(built, value.item(), each.detach().double().numpy(), gradient, element), built


def _example(name: str, **values: Any) -> Setup:
    return setup_of(LossesState().changed(loss=name).changed(**values))


def _close(found: float, expected: float, tolerance: float = 6e-4) -> bool:
    if not math.isfinite(expected) or not math.isfinite(found):
        return found == expected or (math.isnan(found) and math.isnan(expected))
    return abs(found - expected) <= tolerance * (1 + abs(expected))


def _numbers(line: str) -> list[float]:
    """The values of all sides of a line that can be computed; they have to agree."""
    found = []
    for side in sides(line)[1:]:
        try:
            found.append(value_of(side))
        except SymbolicError:
            continue
    for value in found:
        assert _close(value, found[-1]), f"{value} is not {found[-1]} in {line}"
    return found


def test_every_loss_of_the_catalogue_is_worked_out() -> None:
    assert set(PARTS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_side_of_every_line_is_the_same_number_and_the_last_is_the_reference_s(name: str) -> None:
    @_MANY
    @given(setups(name), st.sampled_from(loss(name).reductions or ("mean",)), st.integers(0, 19))
    def check(setup: Setup, reduction: str, element: int) -> None:
        setup = replace(setup, reduction=reduction)
        element = min(element, len(setup.inputs[0].data.values) - 1)
        worked, built = _worked(setup, element)
        inputs, arguments = numpy_of(built)
        expected = references.terms(name, inputs, arguments).reshape(-1)
        assume(np.isfinite(expected).all())
        terms = [line for line in worked.terms if line.startswith(r"\ell_")]
        places = list(range(len(expected))) if len(expected) <= 6 else [0, 1, 2, 3, len(expected) - 1]
        assert len(terms) == len(places)
        for line, place in zip(terms, places, strict=True):
            assert _close(_numbers(line)[-1], expected[place], 1e-5), line
        for line in worked.terms:
            _numbers(line)
        if reduction != "none" or len(expected) == 1:
            with np.errstate(invalid="ignore"):
                whole = float(references.reduced(name, reduction, inputs, arguments).sum())
            found = _numbers(worked.total[-1])
            assert _close(found[-1], whole, 1e-5), worked.total
            # Of few terms the sum itself is on the screen, and was computed again.
            assert len(found) >= 2 or len(expected) > 4 or len(expected) == 1, worked.total
        gradient = built.leaves["prediction"].grad
        assert gradient is not None
        slopes = _numbers(worked.slope[-1])
        assert _close(slopes[-1], float(gradient.reshape(-1)[element]), 1e-5), worked.slope
        assert len(worked.slope) >= 2
        alone, _ = _worked(setup, element, torch_s=False)
        assert _close(_numbers(alone.slope[-1])[-1], slopes[-1], 1e-5), alone.slope

    check()


@pytest.mark.parametrize("name", NAMES)
def test_without_torch_s_gradient_the_slope_is_computed_and_the_note_says_so(name: str) -> None:
    setup = _example(name, dtype="float64")
    for element in range(min(4, len(setup.inputs[0].data.values))):
        with_gradient, _ = _worked(setup, element)
        without, _ = _worked(replace(setup, inputs=tuple(replace(item, requires_grad=False) for item in setup.inputs)), element)
        assert _close(_numbers(without.slope[-1])[-1], _numbers(with_gradient.slope[-1])[-1], 2e-5)
        assert "requires_grad is off" in " ".join(without.notes)
        assert "requires_grad is off" not in " ".join(with_gradient.notes)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_every_formula_can_be_typeset(name: str, reduction: str) -> None:
    entry = loss(name)
    worked, _ = _worked(replace(_example(name), reduction=reduction if entry.reductions else "mean"))
    for latex in (entry.formula, *worked.terms, *worked.total, *worked.slope):
        assert typeset(latex).pieces, latex


@pytest.mark.parametrize(("name", "values"), [
    ("CrossEntropyLoss", {"weight": "1,2,3", "label_smoothing": 0.1}),
    ("CrossEntropyLoss", {"prediction": "1,2,3", "target": "4,5,6", "weight": "1,2,3"}),
    ("MSELoss", {"prediction": ",".join(str(k / 7) for k in range(50)), "target": "1"}),
    ("BCELoss", {"prediction": "0,1,0.5", "target": "1,0,0.5", "weight": "1,2,3"}),
    ("BCEWithLogitsLoss", {"pos_weight": "2,2,2", "weight": "3,1,1"}),
    ("PoissonNLLLoss", {"full": True, "log_input": False}),
    ("MSELoss", {"prediction": "nan,inf,1e30", "target": "0,0,0"}),
    ("MultiMarginLoss", {"p": 2.0, "weight": "1,2,3,4"}),
    ("TripletMarginLoss", {"p": 3.0, "swap": True, "eps": 0.01}),
    ("TripletMarginWithDistanceLoss", {"distance": "cosine"}),
    ("CTCLoss", {"target": "1,2,1,2", "third": "4"}),
    ("CTCLoss", {"target": "1,1,1", "third": "3"}),
    ("CTCLoss", {"target": "1,1,1,1", "third": "4"}),
    ("LinearCrossEntropyLoss", {"label_smoothing": 0.2}),
])
def test_formulas_of_unusual_runs_can_be_typeset(name: str, values: dict[str, Any]) -> None:
    worked, _ = _worked(_example(name, **values))
    for latex in (*worked.terms, *worked.total, *worked.slope):
        assert typeset(latex).pieces, latex


def test_the_lecture_s_mean_squared_error_is_27_thirds() -> None:
    worked, _ = _worked(_example("MSELoss", prediction="1,2,3", target="4,5,6"))
    assert worked.terms == (r"\ell_{0} = (1 - 4)^2 = 9", r"\ell_{1} = (2 - 5)^2 = 9", r"\ell_{2} = (3 - 6)^2 = 9")
    assert worked.total == (
        r"L = \frac{1}{N} \sum_n \ell_n = \frac{(1 - 4)^2 + (2 - 5)^2 + (3 - 6)^2}{3} = \frac{27}{3} = 9",
    )
    assert worked.slope == (
        r"\frac{\partial L}{\partial x_{n}} = \frac{2 (x_n - y_n)}{N}",
        r"\frac{\partial L}{\partial x_{0}} = \frac{2 (1 - 4)}{3} = -2",
    )


def test_the_lecture_s_cross_entropy_says_that_the_target_is_a_weight_for_every_class() -> None:
    setup = _example("CrossEntropyLoss", prediction="1,2,3", target="4,5,6")
    worked, _ = _worked(setup, 2)
    assert worked.total[0].endswith("19.1141")
    assert worked.slope[-1].endswith(r"\approx 3.97862")
    assert "adds up to 15, not to 1" in " ".join(worked.notes)


def test_a_row_with_the_ignored_target_counts_as_nothing() -> None:
    worked, _ = _worked(_example("CrossEntropyLoss", prediction="1,2,3;3,1,2", target="0,2", ignore_index=2, weight="1,2,3"))
    assert worked.terms[1] == r"\ell_{1} = 0"
    assert len(_numbers(worked.total[0])) == 3  # the weight of an ignored row is not in the division
    assert "Row 1 has the target ignore_index and counts as nothing." in worked.notes
    last, _ = _worked(_example("CrossEntropyLoss", prediction="1,2,3;3,1,2", target="0,2", ignore_index=2), 5)
    assert last.slope[-1].endswith("= 0")


def test_a_class_weight_divides_the_mean() -> None:
    worked, _ = _worked(_example("NLLLoss", prediction="-1,-2;-3,-4", target="0,1", weight="2,3"))
    assert worked.total[0].endswith(r"= \frac{-2 \cdot (-1) - 3 \cdot (-4)}{2 + 3} = \frac{14}{5} = 2.8")


def test_a_true_class_that_is_named_twice_counts_twice() -> None:
    setup = _example("MultiLabelMarginLoss", prediction="1,0.5,2", target="0,0,-1")
    expected = [-4 / 3, 2 / 3, 2 / 3]
    for element, slope in enumerate(expected):
        for torch_s in (True, False):
            worked, _ = _worked(setup, element, torch_s)
            assert _close(_numbers(worked.slope[-1])[-1], slope, 1e-5)


def test_every_alignment_is_written_out_where_they_are_few() -> None:
    worked, built = _worked(_example("CTCLoss", prediction="-1,-2,-0.7;-0.3,-2,-2;-1,-1,-1.2", target="1,2", second="3", third="2"))
    inputs, arguments = numpy_of(built)
    paths = references.alignments([1, 2], 3, 3, arguments["blank"])
    lines = [line for line in worked.terms if line.startswith("P(") and r"\cdot" in line]
    assert len(lines) == len(paths) == 5
    logs = inputs["prediction"]
    expected = sorted(math.exp(sum(logs[t, c] for t, c in enumerate(path))) for path in paths)
    assert np.allclose(sorted(_numbers(line)[-1] for line in lines), expected, rtol=1e-4)


@pytest.mark.parametrize(("length", "target"), [(4, [1]), (4, [1, 2]), (4, [1, 1]), (5, [2, 1, 2]), (1, [1, 2])])
def test_the_number_of_alignments_is_what_trying_all_sequences_finds(length: int, target: list[int]) -> None:
    rows = ";".join(["-1,-1.1,-1.2"] * length) + ";"
    setup = _example("CTCLoss", prediction=rows, target=",".join(map(str, target)), second=str(length), third=str(len(target)))
    worked, _ = _worked(setup)
    count = len(references.alignments(target, length, 3, 0))
    assert f"{count} alignment" in worked.notes[0]


@pytest.mark.parametrize(("name", "values", "slope", "said"), [
    ("L1Loss", {"prediction": "4,2", "target": "4,5"}, "0", "slope 0"),
    ("SmoothL1Loss", {"prediction": "4,2", "target": "4,5", "beta": 0.0}, "0", "beta = 0: this is the mean absolute error."),
    ("HingeEmbeddingLoss", {"prediction": "1,2", "target": "-1,1"}, "-0.5", "kink"),
    ("MarginRankingLoss", {"prediction": "1,2", "second": "1,9", "target": "1,1"}, "-0.5", "kink"),
    ("MultiMarginLoss", {"prediction": "1,0", "target": "0"}, "0", "kink"),
])
def test_at_a_kink_the_slope_is_the_one_that_torch_takes(name: str, values: dict[str, Any], slope: str, said: str) -> None:
    worked, built = _worked(_example(name, **values))
    assert worked.slope[-1].endswith(f"= {slope}")
    assert said in " ".join(worked.notes)
    setup = replace(built.setup, inputs=tuple(replace(item, requires_grad=False) for item in built.setup.inputs))
    assert _worked(setup)[0].slope[-1].endswith(f"= {slope}")  # computed here, not taken from torch


def test_where_the_margin_is_kept_the_gradient_is_zero() -> None:
    worked, _ = _worked(_example("MarginRankingLoss", prediction="5,6", second="1,2", target="1,1"))
    assert "The margin is kept everywhere: the loss is zero, and so is the gradient." in worked.notes


def test_a_broadcast_prediction_has_the_sum_of_all_slopes() -> None:
    worked, _ = _worked(_example("MSELoss", prediction="1", target="2,4,6"))
    assert worked.slope[-1] == r"\frac{\partial L}{\partial x_{0}} = \frac{2 (1 - 2) + 2 (1 - 4) + 2 (1 - 6)}{3} = -6"
    assert "this element is in 3 terms" in " ".join(worked.notes)


def test_the_logarithm_of_zero_is_bounded_as_torch_bounds_it() -> None:
    worked, _ = _worked(_example("BCELoss", prediction="0,0.5", target="1,1"))
    assert worked.terms[0].endswith("= 100")
    assert "log 0 would be infinite" in worked.notes[0]


def test_an_empty_tensor_has_a_note_instead_of_terms() -> None:
    worked, _ = _worked(_example("MSELoss", prediction="", target=""))
    assert worked.terms == ()
    assert worked.total == (r"L = \mathrm{NaN}",)
    assert worked.notes == ("There are no elements; the mean of nothing is 0 / 0.",)


def test_of_many_elements_the_first_and_the_last_are_written_out() -> None:
    values = ",".join(str(k) for k in range(10_000))
    worked, _ = _worked(_example("L1Loss", prediction=values, target="0"), 9_999)
    assert len(worked.terms) == 6
    assert worked.terms[4] == r"\vdots"
    assert worked.terms[5].startswith(r"\ell_{9999}")
    assert "Written out are 5 of 10,000 terms." in worked.notes


def test_rows_of_different_shapes_are_said_to_be_broadcast() -> None:
    worked, built = _worked(_example("CosineEmbeddingLoss", prediction="1;2", second="1,2,3;1,2,3", target="1,1"))
    assert "torch broadcasts the tensors to each other" in worked.notes[0]
    assert _close(_numbers(worked.total[-1])[-1], built.scalar().item(), 1e-5)


def test_a_sequence_too_long_to_be_worked_out_still_has_its_loss_divided_by_the_target_s_length() -> None:
    rows = ";".join(["-1,-1.1,-1.2"] * 1000)
    worked, built = _worked(_example("CTCLoss", prediction=rows, target=",".join("12" * 20), second="1000", third="40"))
    found = _numbers(worked.total[-1])
    assert len(found) == 2  # the division was computed again, and is the loss
    assert _close(found[-1], built.scalar().item(), 1e-5)
    assert "too many to be worked out" in worked.notes[0]


@pytest.mark.parametrize(("prediction", "said"), [("1,nan", "Term 1 is not a number"), ("inf,2", "Term 0 is infinite")])
def test_a_term_that_is_not_finite_is_named(prediction: str, said: str) -> None:
    worked, _ = _worked(_example("MSELoss", prediction=prediction, target="0,0"))
    assert said in " ".join(worked.notes)
    finite, _ = _worked(_example("MSELoss"))
    assert "finite" not in " ".join(finite.notes)


def test_a_minus_after_an_approximately_equal_sign_is_set_as_a_sign() -> None:
    for relation in (r"\approx", "="):
        assert typeset(rf"x {relation} -2").pieces[1][1] == typeset(rf"x {relation} {{-}}2").pieces[1][1]
    assert typeset(r"(1,\; -2)").pieces[0][1] == typeset(r"(1,\; {-}2)").pieces[0][1]
