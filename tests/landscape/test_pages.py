"""The landscape's pages through the contract of an experiment: what a user gets, against independent references."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy.interpolate import BarycentricInterpolator

from visualizer.base.errors import UserError
from visualizer.base.experiment import Gesture, Preset
from visualizer.base.explanation import Formula, Numbers, Paragraph, Table, Verdict
from visualizer.experiments.landscape.experiment import Landscape
from visualizer.experiments.landscape.state import LandscapeState, default_points

LANDSCAPE = Landscape()
QUICK: dict[str, Any] = {"runs": 20, "batch_steps": 20, "steps": 300}


def result_of(state: LandscapeState) -> Any:
    result = None
    for result in LANDSCAPE.run(LANDSCAPE.request(state)):
        assert result is None or 0.0 <= result.progress <= 1.0
    assert result is not None
    assert result.progress == 1.0
    return result


def numbers_of(state: LandscapeState) -> dict[str, Any]:
    return LANDSCAPE.numbers(result_of(state), state)


def preset(name: str) -> Preset:
    return next(entry for entry in LANDSCAPE.presets if entry.name == name)


@pytest.mark.parametrize("alpha", [0.005, 0.02, 0.05, 0.1])
@pytest.mark.parametrize(
    ("stage", "x", "value", "full_value", "near"),
    [("stage1", 14.58, 8.17, 8.17, "P14"), ("stage2", 10.06, 2.30, None, "P8"), ("stage3", 4.33, -0.03, None, "P5"),
     ("stage4", 11.67, -1.00, 4.33, "P10")],
)
def test_the_lectures_four_stages_land_where_its_table_says(
    stage: str, x: float, value: float, full_value: float | None, near: str, alpha: float
) -> None:
    found = numbers_of(LandscapeState(**preset(stage).values).changed(alpha=alpha))["landing"]
    assert found["x"] == pytest.approx(x, abs=0.03)
    assert found["value"] == pytest.approx(value, abs=0.03)
    if full_value is not None:
        assert found["full_value"] == pytest.approx(full_value, abs=0.06)
    assert found["near"] == near
    assert found["verdict"] == "converged"


def test_every_iterate_of_the_lectures_descent_is_a_step_against_scipys_slope() -> None:
    state = LandscapeState(remove=("P9", "P10", "P11", "P12", "P13"), alpha=0.05)
    path = numbers_of(state)["trajectory"]
    kept = [point for point in default_points() if point.name not in state.remove]
    reference = BarycentricInterpolator([p.x for p in kept], [p.y for p in kept])
    steps = 0.05 * reference.derivative(np.asarray(path[:-1]))
    np.testing.assert_allclose(np.diff(path), -steps, rtol=1e-6, atol=1e-9)


def test_fewer_than_two_points_are_answered_in_words() -> None:
    names = tuple(point.name for point in default_points())
    for view in ("descent", "race", "batches", "study"):
        with pytest.raises(UserError, match="at least two points"):
            list(LANDSCAPE.run(LANDSCAPE.request(LandscapeState(view=view, remove=names[1:]))))


def test_a_race_without_optimizers_is_answered_in_words() -> None:
    with pytest.raises(UserError, match="tick at least one"):
        list(LANDSCAPE.run(LANDSCAPE.request(LandscapeState(view="race", racers=()))))


def test_clicking_a_point_removes_it_and_clicking_it_again_puts_it_back() -> None:
    state = LandscapeState()
    gone = LANDSCAPE.gesture(state, Gesture("click", "descent", "kept", 8, 11.0, 2.8))
    assert gone.remove == ("P9",)
    assert LANDSCAPE.gesture(gone, Gesture("click", "descent", "removed", 0, 11.0, 2.8)) == state


def test_a_dragged_point_stays_between_its_neighbours_and_keeps_its_name() -> None:
    state = LandscapeState()
    moved = LANDSCAPE.gesture(state, Gesture("drag", "descent", "kept", 7, 3.0, 5.0))
    point = moved.points[7]
    assert point.name == "P8"
    assert state.points[6].x < point.x < state.points[8].x
    assert point.y == 5.0


def test_dragging_the_dot_chooses_the_start_and_shows_it() -> None:
    state = LANDSCAPE.gesture(LandscapeState(), Gesture("drag", "descent", "dot", 0, 8.25, 3.0))
    assert (state.start, state.shown_step) == (8.25, 0)


def test_a_gesture_on_something_that_is_gone_changes_nothing() -> None:
    state = LandscapeState()
    assert LANDSCAPE.gesture(state, Gesture("click", "descent", "removed", 3, 0.0, 0.0)) == state


def quick(entry: Preset) -> LandscapeState:
    return LandscapeState(**dict(entry.values)).changed(**QUICK)


@pytest.mark.parametrize("entry", LANDSCAPE.presets, ids=lambda entry: entry.name)
def test_every_preset_draws_its_pages_figures_and_explains_with_its_numbers(entry: Preset) -> None:
    state = quick(entry)
    result = result_of(state)
    figures = LANDSCAPE.figures(result, state)
    assert tuple(figure.name for figure in figures) == LANDSCAPE.view(state).figures
    for figure in figures:
        assert figure.title
        assert figure.x.label
        assert figure.y.label
        keys = [layer.key for layer in figure.layers]
        assert len(keys) == len(set(keys))
        for layer in figure.layers:
            for array in vars(layer).values():
                if isinstance(array, np.ndarray):
                    assert not array.flags.writeable
    explanation = LANDSCAPE.explain(result, state)
    assert isinstance(explanation.blocks[0], Verdict)
    assert any(isinstance(block, Formula) for block in explanation.blocks)
    assert any(isinstance(block, Numbers | Table) for block in explanation.blocks)
    assert all(block.text.endswith((".", ":")) for block in explanation.blocks if isinstance(block, Paragraph))


@pytest.mark.parametrize("entry", LANDSCAPE.presets, ids=lambda entry: entry.name)
def test_every_step_can_be_shown(entry: Preset) -> None:
    state = quick(entry)
    result = result_of(state)
    for step in sorted({0, 1, result.steps // 2, result.steps}):
        shown = state.changed(shown_step=step)
        assert LANDSCAPE.figures(result, shown)
        assert LANDSCAPE.explain(result, shown).blocks


def printed(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=100,
                          check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def printed_number(text: str, name: str) -> float:
    found = re.search(rf"\b{re.escape(name)} = (\S+?),?(\s|$)", text)
    assert found is not None, text
    return float(found.group(1))


@pytest.mark.parametrize(
    "state",
    [
        LandscapeState(),
        LandscapeState(remove=("P2", "P9"), interpolant="spline", alpha=0.02),
        LandscapeState(interpolant="pchip", start=7.0),
        LandscapeState(optimizer="nesterov", alpha=0.02, momentum=0.5),
        LandscapeState(optimizer="adam", steps=200),
        LandscapeState(alpha=0.8),
    ],
    ids=["sgd", "spline", "pchip", "nesterov", "adam", "left"],
)
def test_the_descents_code_runs_as_it_stands_and_lands_at_the_same_place(state: LandscapeState) -> None:
    found = numbers_of(state)["landing"]
    text = printed(LANDSCAPE.code(state))
    assert printed_number(text, "x") == pytest.approx(found["x"], abs=2e-6)
    assert printed_number(text, "value") == pytest.approx(found["value"], rel=1e-5, abs=2e-6)
    assert printed_number(text, "steps") == found["steps"]


def test_the_races_code_runs_as_it_stands_and_lands_at_the_same_places() -> None:
    state = LandscapeState(view="race", racers=("sgd", "momentum", "adam", "rprop"), steps=300)
    lines = printed(LANDSCAPE.code(state)).splitlines()
    racers = numbers_of(state)["racers"]
    assert len(lines) == len(racers)
    for line in lines:
        name = line.split(":")[0]
        assert printed_number(line, "x") == pytest.approx(racers[name]["x"], abs=2e-6)


@pytest.mark.parametrize("name", ["climb_large", "climb_small", "climb_best"])
def test_the_climbs_code_needs_the_same_rounds(name: str) -> None:
    state = LandscapeState(**dict(preset(name).values))
    found = numbers_of(state)["climb"]
    text = printed(LANDSCAPE.code(state))
    assert printed_number(text, "rounds") == found["rounds"]
    assert printed_number(text, "distance from the top") == pytest.approx(found["offset"][-1], abs=1e-6)


@pytest.mark.parametrize("function", ["runge", "absolute", "sine", "step"])
def test_the_runge_labs_code_finds_the_same_errors(function: str) -> None:
    state = LandscapeState(view="runge", runge_function=function, runge_nodes=13)
    found = numbers_of(state)["runge"]
    for line, kind in zip(printed(LANDSCAPE.code(state)).splitlines(), ("equispaced", "chebyshev"), strict=True):
        error = re.search(r"largest error ([^,]+),", line)
        assert error is not None
        assert float(error.group(1)) == pytest.approx(found[kind]["max_error"], rel=1e-4)


def test_the_fixed_step_climb_matches_a_walk_by_hand() -> None:
    numbers = numbers_of(LandscapeState(view="climb", climb_distance=5.0, climb_alpha=2.0, climb_radius=0.25,
                                        climb_rounds=6))["climb"]
    assert numbers["offset"].tolist() == [-5.0, -3.0, -1.0, 1.0, -1.0, 1.0, -1.0]
    assert not numbers["arrived"]
    assert numbers["safe_alpha"] == 0.5


def test_the_same_seed_draws_the_same_batches_and_another_seed_others() -> None:
    state = LandscapeState(view="batches", batch_size=6, batch_steps=30, seed=5)
    first, again, other = (numbers_of(s) for s in (state, state, state.changed(seed=6)))
    assert first["batches"] == again["batches"]
    assert first["trajectory"].tolist() == again["trajectory"].tolist()
    assert first["batches"] != other["batches"]


def test_a_study_has_a_row_for_every_batch_size_with_its_wilson_interval() -> None:
    state = LandscapeState(view="study", runs=50, batch_steps=30)
    rows = numbers_of(state)["study"]
    assert [row["batch_size"] for row in rows] == list(range(2, 18))
    for row in rows:
        p, n, z = row["near_fraction"], row["runs"], 1.959963984540054
        centre = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        assert row["near_low"] == pytest.approx(max(0.0, centre - half), abs=1e-9)
        assert row["near_high"] == pytest.approx(min(1.0, centre + half), abs=1e-9)
    assert json.dumps([row["near_fraction"] for row in rows])


BATCHES = LandscapeState(view="batches", batch_steps=60, seed=3, alpha=0.05)


@pytest.mark.parametrize(
    "changes",
    [{}, {"interpolant": "spline"}, {"interpolant": "pchip"}, {"keep_ends": False, "ends": "stop"},
     {"ends": "stay", "hold": 7, "alpha": 0.3}, {"optimizer": "adam", "alpha": 0.2}, {"batch_size": 17},
     {"batch_size": 2, "interpolant": "pchip"}],
    ids=lambda changes: "-".join(f"{name}={value}" for name, value in changes.items()) or "default",
)
def test_the_mini_batch_code_draws_the_same_batches_and_ends_at_the_same_place(changes: dict[str, Any]) -> None:
    state = BATCHES.changed(**changes)
    found = numbers_of(state)["landing"]
    text = printed(LANDSCAPE.code(state))
    assert printed_number(text, "x") == pytest.approx(found["x"], abs=2e-6)
    assert printed_number(text, "steps") == found["steps"]


@pytest.mark.parametrize(
    "changes",
    [{}, {"interpolant": "spline", "ends": "bounce"}, {"interpolant": "pchip", "ends": "stop", "keep_ends": False},
     {"hold": 20, "alpha": 0.2}],
    ids=lambda changes: "-".join(f"{name}={value}" for name, value in changes.items()) or "default",
)
def test_the_studys_code_measures_the_same_shares(changes: dict[str, Any]) -> None:
    state = LandscapeState(view="study", batch_steps=60, runs=40, seed=3, near=2.0, start=8.0,
                           alpha=0.05, longest=1.0).changed(**changes)
    rows = numbers_of(state)["study"]
    lines = printed(LANDSCAPE.code(state)).splitlines()
    shares = [float(line.split()[3]) for line in lines]
    assert shares == pytest.approx([100 * row["near_fraction"] for row in rows], abs=0.01)
    assert len(set(shares)) > 2


@pytest.mark.parametrize("ends", ["stay", "bounce"])
def test_a_run_never_leaves_the_domain_when_its_ends_hold_it(ends: str) -> None:
    found = numbers_of(LandscapeState(view="batches", batch_size=5, alpha=1.0, longest=5.0, ends=ends, batch_steps=100))
    assert min(found["trajectory"]) >= 1.0
    assert max(found["trajectory"]) <= 17.0
    assert len(found["trajectory"]) == 101


def test_one_batch_is_held_for_as_many_steps_as_asked() -> None:
    batches = numbers_of(LandscapeState(view="batches", hold=10, batch_steps=40, batch_size=6))["batches"]
    assert [batches[index] == batches[index - 1] for index in (9, 19, 29, 39)] == [True] * 4
    assert any(batches[index] != batches[index - 1] for index in (10, 20, 30))


@pytest.mark.parametrize("view", ["descent", "race", "batches", "study"])
def test_a_start_outside_the_points_is_answered_in_words(view: str) -> None:
    with pytest.raises(UserError, match=r"x = 20\.00, lies outside the points, which reach from 1\.000 to 17\.00"):
        list(LANDSCAPE.run(LANDSCAPE.request(LandscapeState(view=view, start=20.0))))


def test_points_with_another_range_take_the_start_along_into_it() -> None:
    state = LandscapeState(start=9.0).changed(points=(("A", 100.0, 1.0), ("B", 101.0, 2.0), ("C", 102.0, 0.0)))
    assert state.start == 101.0
    assert LandscapeState(start=9.0).changed(points=(("A", 0.0, 1.0), ("B", 10.0, 2.0))).start == 9.0


def test_a_preset_shows_the_same_whatever_was_set_before() -> None:
    before = LandscapeState(interpolant="spline", steps=50, tolerance=0.1, start=3.0, optimizer="adam",
                            points=(("A", 0.0, 1.0), ("B", 10.0, 2.0)))
    for entry in LANDSCAPE.presets:
        assert LANDSCAPE.request(before.changed(**entry.values)) == LANDSCAPE.request(LandscapeState(**entry.values)), entry.name


@pytest.mark.parametrize(("alpha", "rounds", "words"), [
    (0.01, 100, "Not there yet after 100 rounds: this step length needs 475"), (2.0, 100, "Never settles"),
    (0.5, 100, "Arrived after 10 rounds"), (5.0, 100, "Arrived after 1 round."),
])
def test_the_climb_says_whether_it_needs_more_rounds_or_never_settles(alpha: float, rounds: int, words: str) -> None:
    state = LandscapeState(view="climb", climb_alpha=alpha, climb_rounds=rounds)
    result = result_of(state)
    verdict = LANDSCAPE.explain(result, state).blocks[0]
    assert isinstance(verdict, Verdict)
    assert verdict.text.startswith(words)
    assert LANDSCAPE.figures(result, state)[0].note == verdict.text


def test_every_start_of_the_basins_lands_where_a_descent_from_it_lands() -> None:
    state = LandscapeState(remove=("P9", "P10", "P11", "P12", "P13"), alpha=0.03, steps=1500)
    basins = numbers_of(state)["basins"]
    assert len(basins["start"]) > 90
    for index in range(0, len(basins["start"]), 8):
        alone = numbers_of(state.changed(start=float(basins["start"][index])))["landing"]
        assert basins["x"][index] == pytest.approx(alone["x"], abs=1e-5)
        assert basins["steps"][index] == alone["steps"]
    assert {"settled", "left"} <= set(basins["reason"])


def test_nesterov_without_momentum_is_plain_descent() -> None:
    for view in ("descent", "race", "batches"):
        state = LandscapeState(view=view, optimizer="nesterov", momentum=0.0, steps=50, batch_steps=50)
        assert numbers_of(state)
        assert "nesterov=True" not in LANDSCAPE.code(state)


def test_points_too_close_together_for_a_polynomial_are_answered_in_words() -> None:
    points = (("A", 0.0, -1e6), ("B", 1e-300, 1e6), ("C", 1e6, 2.0))
    with pytest.raises(UserError, match="too close together"):
        result_of(LandscapeState(points=points, start=1.0))


def test_the_dot_cannot_be_dragged_out_of_the_points() -> None:
    state = LANDSCAPE.gesture(LandscapeState(), Gesture("drag", "descent", "dot", 0, 24.75, 3.0))
    assert state.start == 17.0
