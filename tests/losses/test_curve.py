"""The curve of the page Curve and surface: its numbers against closed forms, finite differences and plain calls of torch."""

from __future__ import annotations

import contextlib
import io
import json
import re
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.losses.curve_runs import TAB, last_of, plain_loss, results_of, state_of
from visualizer.base.errors import UserError
from visualizer.base.experiment import Gesture
from visualizer.base.explanation import Formula, Numbers, Paragraph, Table, Verdict
from visualizer.components.losses import LOSSES
from visualizer.experiments.losses.kinks import shortest
from visualizer.figures.model import Line, Markers, Note

NAMES = [entry.name for entry in LOSSES]
HUNDREDTHS = st.integers(-5000, 5000).map(lambda hundredths: hundredths / 100)


def kinks_of(**values: Any) -> list[tuple[float, float, float, float]]:
    return [(kink.place, kink.left, kink.right, kink.taken) for kink in last_of(**values).kinks or ()]


def test_the_lectures_parabola_has_the_slope_that_the_lecture_says() -> None:
    found = last_of()
    assert (found.at, found.value, found.slope) == (1.0, 9.0, -2.0)
    assert found.y == pytest.approx(((found.x - 4) ** 2 + 18) / 3, rel=1e-6)
    assert found.x[0] == -3.0
    assert found.x[-1] == 5.0
    assert found.kinks == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_has_a_curve_whose_values_are_those_of_plain_calls(name: str) -> None:
    state = state_of(loss=name)
    found = last_of(loss=name)
    assert found.value == pytest.approx(plain_loss(state), rel=1e-6)
    for at in range(0, len(found.x), 40):
        assert found.y[at] == pytest.approx(plain_loss(state, i0=found.x[at]), rel=2e-5, abs=1e-6)
    surface = found.surface
    assert surface is not None
    for row, column in ((0, 0), (3, 100), (120, 17), (len(surface.y) - 1, len(surface.x) - 1)):
        row, column = min(row, len(surface.y) - 1), min(column, len(surface.x) - 1)
        expected = plain_loss(state, i0=surface.x[column], i1=surface.y[row])
        assert surface.values[row, column] == pytest.approx(expected, rel=2e-5, abs=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "CTCLoss"])
def test_the_slope_is_the_difference_quotient_of_every_loss(name: str) -> None:
    for role in ("prediction", "second", "target"):
        entry = next(entry for entry in LOSSES if entry.name == name)
        held = entry.input(role)
        if held is None or held.holds in ("class", "classes", "class_or_probability", "sign", "binary"):
            continue  # whole numbers, or at the edge of what is taken
        found = last_of(loss=name, moved=role, element=1)
        assert found.slope is not None
        assert found.quotient is not None
        assert found.slope == pytest.approx(found.quotient.slope, rel=1e-4, abs=1e-6)
        assert not found.disagrees


def test_ctc_takes_log_softmax_for_granted_and_the_page_says_so() -> None:
    found = last_of(loss="CTCLoss")
    assert found.quotient is not None
    step = 1e-3
    here = state_of(loss="CTCLoss", dtype="float64")
    slope = (plain_loss(here, i0=-0.4 + step) - plain_loss(here, i0=-0.4 - step)) / (2 * step)
    assert found.quotient.slope == pytest.approx(slope, rel=1e-5)
    assert found.disagrees
    blocks = TAB.explain(found, state_of(loss="CTCLoss")).blocks
    assert isinstance(blocks[0], Verdict)
    assert "disagree" in blocks[0].text
    assert any(isinstance(block, Paragraph) and "log_softmax" in block.text for block in blocks)


@settings(max_examples=30, deadline=None)
@given(st.lists(HUNDREDTHS, min_size=2, max_size=5), st.data())
def test_the_absolute_error_has_its_kink_where_prediction_and_target_meet(values: list[float], data: Any) -> None:
    target = data.draw(st.lists(HUNDREDTHS, min_size=len(values), max_size=len(values)))
    element = data.draw(st.integers(0, len(values) - 1))
    reach = 1.5 * abs(values[element] - target[element]) + 0.5
    ((place, left, right, taken),) = kinks_of(
        loss="L1Loss", prediction=",".join(map(repr, values)), target=",".join(map(repr, target)), element=element,
        element_2=element, reach=reach,
    )
    share = 1 / len(values)
    assert place == pytest.approx(target[element], rel=1e-14, abs=1e-14)
    assert [left, right, taken] == pytest.approx([-share, share, 0.0], abs=1e-12)


@pytest.mark.parametrize(
    ("setup", "expected"),
    [
        ({"loss": "L1Loss", "prediction": "4,2,3"}, [(4.0, -1 / 3, 1 / 3, 0.0)]),
        ({"loss": "L1Loss", "prediction": "1,2,3", "target": "0.1,0,0"}, [(0.1, -1 / 3, 1 / 3, 0.0)]),
        ({"loss": "L1Loss", "reduction": "sum", "moved": "target", "element": 2}, [(3.0, -1.0, 1.0, 0.0)]),
        ({"loss": "L1Loss", "prediction": "0,-50,0,0,0", "target": "0,6.31,0,0,0", "element": 1, "reach": 84.965},
         [(6.31, -0.2, 0.2, 0.0)]),
        ({"loss": "SmoothL1Loss", "beta": 0.0}, [(4.0, -1 / 3, 1 / 3, 0.0)]),
        ({"loss": "HingeEmbeddingLoss", "element": 1}, [(1.0, -1 / 3, 0.0, None)]),
        ({"loss": "HingeEmbeddingLoss", "element": 2, "margin": 2.5}, [(2.5, -1 / 3, 0.0, None)]),
        ({"loss": "MarginRankingLoss", "margin": 0.25}, [(0.75, -1 / 3, 0.0, None)]),
        ({"loss": "MarginRankingLoss", "moved": "second", "element": 2}, [(1.5, -1 / 3, 0.0, None)]),
        ({"loss": "MultiMarginLoss"}, [(-0.2, 0.0, 1 / 8, None)]),
        ({"loss": "MultiMarginLoss", "element": 3},
         [(1.1, -3 / 8, -2 / 8, None), (1.2, -2 / 8, -1 / 8, None), (1.4, -1 / 8, 0.0, None)]),
        ({"loss": "MultiLabelMarginLoss"}, [(1.2, -0.5, -0.25, None), (1.4, -0.25, 0.0, None)]),
    ],
)
def test_the_known_kinks_are_found_with_the_slopes_of_both_sides(
    setup: dict[str, Any], expected: list[tuple[float, float, float, float | None]]
) -> None:
    found = kinks_of(**setup)
    assert len(found) == len(expected)
    for (place, left, right, taken), (wanted, before, after, subgradient) in zip(found, expected, strict=True):
        assert place == pytest.approx(wanted, rel=1e-14)
        assert left == pytest.approx(before, abs=1e-9)
        assert right == pytest.approx(after, abs=1e-9)
        # Of a hinge torch takes one of the sides, or, where rounding cannot tell, the middle.
        assert taken == pytest.approx(subgradient, abs=1e-7) if subgradient is not None else left <= taken + 1e-7 <= right + 2e-7


def test_what_torch_takes_at_a_kink_is_what_a_plain_call_returns_there() -> None:
    for margin in (0.25, 0.5, 1.0, 2.0):
        ((place, _, _, taken),) = kinks_of(loss="HingeEmbeddingLoss", element=1, margin=margin)
        x = torch.tensor([0.3, place, 2.0], requires_grad=True)
        torch.nn.HingeEmbeddingLoss(margin=margin)(x, torch.tensor([1.0, -1.0, -1.0])).backward()
        assert x.grad is not None
        assert taken == float(x.grad[1])


def test_rounding_in_a_short_dtype_at_a_kink_is_no_disagreement() -> None:
    found = last_of(loss="MarginRankingLoss", margin=0.3, dtype="float16", element_2=0)  # 0.8 - 0.5 is 0.3 but for rounding
    assert found.kink_here is not None
    assert found.kink_here.place == pytest.approx(0.8)
    assert not found.disagrees


def test_the_triplets_kink_stands_where_the_distances_differ_by_the_margin() -> None:
    (kink,) = last_of(loss="TripletMarginLoss", prediction="0,0;", second="1,0;", third="4,0;").kinks or (None,)
    assert kink is not None
    # |x - 1| - |x - 4| + 1 = 0 at x = 2, but for the eps of 1e-6 that torch adds to every difference.
    assert kink.place == pytest.approx(2.0, abs=1e-5)
    assert [kink.left, kink.right] == pytest.approx([0.0, 2.0], abs=1e-5)


def test_the_cosine_kinks_where_the_cosine_is_the_margin() -> None:
    kinks = kinks_of(loss="CosineEmbeddingLoss", prediction="0.5,1;", second="0,1;", target="-1", margin=0.6)
    # cos = 1 / sqrt(x^2 + 1) = 0.6 at x = +- 4 / 3
    assert [kink[0] for kink in kinks] == pytest.approx([-4 / 3, 4 / 3], rel=1e-11)  # torch adds 1e-12 to the lengths
    slope = (4 / 3) / (1 + 16 / 9) ** 1.5
    assert [kink[1] for kink in kinks] == pytest.approx([0.0, -slope], abs=1e-9)
    assert [kink[2] for kink in kinks] == pytest.approx([slope, 0.0], abs=1e-9)


@pytest.mark.parametrize(
    "setup",
    [
        {}, {"loss": "HuberLoss"}, {"loss": "HuberLoss", "delta": 0.001}, {"loss": "SmoothL1Loss"},
        {"loss": "SmoothL1Loss", "beta": 0.001}, {"loss": "BCELoss"}, {"loss": "BCEWithLogitsLoss", "reach": 1000.0},
        {"loss": "CrossEntropyLoss"}, {"loss": "CrossEntropyLoss", "reach": 1000.0}, {"loss": "NLLLoss"},
        {"loss": "SoftMarginLoss"}, {"loss": "MultiMarginLoss", "p": 2.0}, {"loss": "GaussianNLLLoss"}, {"loss": "KLDivLoss"},
        {"loss": "PoissonNLLLoss"}, {"loss": "PoissonNLLLoss", "log_input": False}, {"loss": "CTCLoss"},
        {"loss": "TripletMarginLoss"}, {"loss": "BCELoss", "prediction": "0,1,0.5"}, {"reach": 1e4},
    ],
)
def test_a_smooth_loss_has_no_kinks_however_steep_it_is(setup: dict[str, Any]) -> None:
    assert kinks_of(**setup) == []


def test_below_eps_torch_bounds_the_variance_and_not_its_gradient_and_the_page_says_so() -> None:
    setup = {"loss": "GaussianNLLLoss", "moved": "second", "eps": 0.5, "second": "0.125,1,2", "element_2": 0}
    found = last_of(**setup)
    assert found.quotient is not None
    assert found.quotient.slope == 0.0
    assert found.slope == pytest.approx((1 / 0.5 - 0.5**2 / 0.5**2) / 6, rel=1e-6)
    assert found.disagrees
    assert any(isinstance(block, Paragraph) and "not for its gradient" in block.text
               for block in TAB.explain(found, state_of(**setup)).blocks)


def test_the_shortest_number_between_two_others_is_found() -> None:
    assert shortest(0.8 - 1 - 1e-15, 0.8 - 1 + 1e-15) == -0.2
    assert shortest(-1e-20, 1e-20) == 0.0
    assert shortest(0.3331, 0.3334) == 0.3332
    assert shortest(123.0, 123.0) == 123.0


def test_at_a_kink_the_verdict_says_both_slopes_and_what_torch_takes() -> None:
    state = state_of(loss="L1Loss", prediction="4,2,3")
    found = last_of(loss="L1Loss", prediction="4,2,3")
    verdict = TAB.explain(found, state).blocks[0]
    assert isinstance(verdict, Verdict)
    assert verdict.role == "warning"
    assert "\u22120.3333" in verdict.text
    assert "torch takes 0" in verdict.text
    assert found.quotient is not None
    assert found.quotient.slope == 0.0
    notes = [layer.text for layer in TAB.figures(found, state)[0].layers if isinstance(layer, Note)]
    assert notes == ["\u22120.333 | 0.333"]


def test_without_requires_grad_the_slope_is_of_a_copy_and_torch_would_give_none() -> None:
    state = state_of(prediction_grad=False)
    found = last_of(prediction_grad=False)
    assert found.slope == -2.0
    assert not found.records
    assert "gives no gradient" in TAB.figures(found, state)[0].note
    verdict = TAB.explain(found, state).blocks[0]
    assert isinstance(verdict, Verdict)
    assert "requires_grad is off" in verdict.text


@pytest.mark.parametrize(
    ("setup", "words"),
    [
        ({"loss": "NLLLoss", "moved": "target"}, "whole numbers"),
        ({"loss": "CrossEntropyLoss", "moved": "target"}, "whole numbers"),
        ({"dtype": "int64"}, "choose float32"),
        ({"element": 3}, "Choose at most 2"),
        ({"moved": "third"}, "takes no third input"),
        ({"prediction": "", "target": ""}, "empty"),
        ({"prediction": "nan,2,3"}, "finite number"),
        ({"prediction": "1,inf,3", "element": 1}, "finite number"),
        ({"prediction": "1e6,2,3", "dtype": "float16"}, "float64"),
        ({"prediction": "1e30,2,3"}, "lost in rounding"),
        ({"loss": "BCELoss", "prediction": "1.5,0.2,0.6"}, ""),
    ],
)
def test_what_cannot_move_is_refused_in_a_sentence(setup: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as caught:
        last_of(**setup)
    assert words in caught.value.sentence
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize(
    ("setup", "low", "high"),
    [
        ({"loss": "BCELoss"}, 0.0, 1.0), ({"loss": "BCELoss", "reach": 0.05}, 0.85, 0.95),
        ({"loss": "NLLLoss"}, -4.5, 0.0), ({"loss": "GaussianNLLLoss", "moved": "second"}, 0.0, 4.5),
        ({"loss": "PoissonNLLLoss", "moved": "target"}, 0.0, 5.0), ({"loss": "KLDivLoss", "moved": "target"}, 0.0, 1.0),
        ({"loss": "NLLLoss", "prediction": "0.5,-1,-2;-1,-1,-1"}, -3.5, 4.5), ({"loss": "MSELoss"}, -3.0, 5.0),
    ],
)
def test_the_element_stays_within_what_the_loss_takes_and_the_note_says_so(
    setup: dict[str, Any], low: float, high: float
) -> None:
    found = last_of(**setup)
    assert [found.domain.low, found.domain.high] == pytest.approx([low, high])
    reach = setup.get("reach", 4.0)
    whole = high - low == pytest.approx(2 * reach)
    assert (found.domain.clipped == "") == whole
    assert found.domain.clipped in TAB.figures(found, state_of(**setup))[0].note


@pytest.mark.parametrize("setup", [
    {"reach": 1e4}, {"loss": "PoissonNLLLoss", "reach": 1e4}, {"prediction": "1,nan,3"}, {"prediction": "1,inf,3"},
    {"loss": "KLDivLoss", "moved": "target", "target": "0,0.5,0.5;1,0,0"}, {"loss": "BCELoss", "prediction": "0,1,0.5"},
    {"loss": "CTCLoss", "target": "1,1,1,1,1", "third": "5"}, {"prediction": "1", "target": "2"},
    {"prediction": "1e9,1,1", "reach": 1e4},
    {"dtype": "bfloat16", "loss": "CrossEntropyLoss"}, {"dtype": "float16", "reach": 1e4}, {"reduction": "none"},
    {"element": 1, "element_2": 1}, {"element_2": 9}, {"loss": "HingeEmbeddingLoss", "moved": "target"},
    {"loss": "CosineEmbeddingLoss", "moved": "target"}, {"prediction": "1,2,3;4,5,6", "target": "1,2,3", "element": 5},
])
def test_extremes_are_drawn_and_said(setup: dict[str, Any]) -> None:
    state = state_of(**setup)
    for found in results_of(state):
        curve, surface = TAB.figures(found, state)
        assert (curve.name, surface.name) == ("curve", "surface")
        assert surface.layers or surface.note
        explanation = TAB.explain(found, state)
        assert isinstance(explanation.blocks[0], Verdict)
        json.dumps(TAB.numbers(found, state), default=lambda array: array.tolist())
        for line in (layer for layer in curve.layers if isinstance(layer, Line)):
            assert not np.isinf(line.y).any()
        if not np.isfinite(found.y).all():
            assert "not finite" in curve.note


def test_an_overflowing_curve_breaks_and_says_at_how_many_places() -> None:
    found = last_of(loss="PoissonNLLLoss", reach=1e4)
    gaps = int((~np.isfinite(found.y)).sum())
    assert 100 < gaps < len(found.y)
    assert f"{gaps} of {len(found.y)} places" in TAB.figures(found, state_of(loss="PoissonNLLLoss", reach=1e4))[0].note


def test_a_warning_of_torch_is_heard() -> None:
    setup = {"prediction": "1,2,3;4,5,6", "target": "1,2,3"}
    found = last_of(**setup)
    assert len(found.warnings) == 1
    assert "broadcasting" in found.warnings[0]
    blocks = TAB.explain(found, state_of(**setup)).blocks
    assert any(isinstance(block, Verdict) and "broadcasting" in block.text for block in blocks)


def test_dragging_the_point_moves_the_element_and_on_the_surface_both() -> None:
    state = state_of()
    moved = TAB.gesture(state, Gesture("drag", "curve", "point", 0, 2.3456, 99.0))
    assert moved.prediction.values == (2.35, 2.0, 3.0)
    both = TAB.gesture(state, Gesture("drop", "surface", "point", 0, -1.5, 6.25))
    assert both.prediction.values == (-1.5, 6.25, 3.0)
    bounded = TAB.gesture(state_of(loss="BCELoss"), Gesture("drag", "curve", "point", 0, 1.7, 0.0))
    assert bounded.prediction.values[0] == 1.0
    assert TAB.gesture(state, Gesture("click", "curve", "kinks", 0, 1.0, 1.0)) is state


def test_the_point_can_be_dragged_where_it_means_something() -> None:
    curve, surface = TAB.figures(last_of(), state_of())
    for figure, drag in ((curve, "x"), (surface, "xy")):
        (point,) = [layer for layer in figure.layers if layer.key == "point"]
        assert isinstance(point, Markers)
        assert point.drag == drag


@pytest.mark.parametrize("setup", [
    *({"loss": name} for name in NAMES), {"loss": "L1Loss", "prediction": "4,2,3"}, {"reduction": "none"},
    {"prediction_grad": False}, {"moved": "target", "element": 2, "reach": 0.5}, {"dtype": "float64"},
    {"loss": "CosineEmbeddingLoss", "moved": "target"}, {"loss": "CosineEmbeddingLoss", "moved": "second", "element": 4},
])
def test_the_code_runs_as_it_stands_and_prints_the_numbers_of_the_page(setup: dict[str, Any]) -> None:
    state = state_of(**setup)
    found = results_of(state)[-1]
    output = io.StringIO()
    with contextlib.redirect_stdout(output), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(TAB.code(state), "code", "exec"), {})
    *rows, here = output.getvalue().strip().splitlines()
    value, slope = re.fullmatch(r"here: x = .*, loss = (\S+), slope = (\S+)", here).groups()  # type: ignore[union-attr]
    assert float(value) == pytest.approx(found.value, rel=1e-5)
    if found.slope is None:
        assert slope == "None"
    else:
        assert float(slope) == pytest.approx(found.slope, rel=1e-6, abs=1e-12)
    assert len(rows) == 9
    for row in rows:
        x, value = re.match(r"x = (\S+), loss = (\S+),", row).groups()  # type: ignore[union-attr]
        at = int(np.abs(found.x - float(x)).argmin())
        assert float(value) == pytest.approx(found.y[at], rel=1e-4, abs=1e-5)


def test_the_explanation_has_this_runs_numbers() -> None:
    state = state_of()
    blocks = TAB.explain(last_of(), state).blocks
    formulas = " ".join(block.latex for block in blocks if isinstance(block, Formula))
    assert r"t(x) = 9.000 - 2.000 \, (x - 1.000)" in formulas
    assert r"\left(-2.000,\; -2.000\right)" in formulas
    rows = {row.name: row.value for block in blocks if isinstance(block, Numbers) for row in block.rows}
    assert rows["slope by autograd"] == "\u22122.00000"
    assert rows["difference quotient"] == "\u22122.00000"
    kinked = TAB.explain(last_of(loss="L1Loss"), state_of(loss="L1Loss")).blocks
    (table,) = [block for block in kinked if isinstance(block, Table)]
    assert table.rows == (("4.000", "\u22120.3333", "0.3333", "0"),)


def test_a_run_leaves_the_random_generator_of_torch_as_it_was() -> None:
    before = torch.random.get_rng_state()
    last_of(loss="AdaptiveLogSoftmaxWithLoss")
    assert torch.equal(before, torch.random.get_rng_state())
