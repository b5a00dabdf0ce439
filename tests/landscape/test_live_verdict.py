"""The verdict follows the shown step."""

from __future__ import annotations

import pytest

from tests.landscape.test_pages import LANDSCAPE, result_of
from visualizer.base.explanation import Numbers, Verdict
from visualizer.experiments.landscape.state import LandscapeState


def said(state: LandscapeState, step: int) -> str:
    result = result_of(state)
    block = LANDSCAPE.explain(result, state.changed(shown_step=step)).blocks[0]
    assert isinstance(block, Verdict)
    assert LANDSCAPE.figures(result, state.changed(shown_step=step))[0].note in block.text
    return block.text


@pytest.mark.parametrize(
    ("alpha", "step", "word"),
    [(0.05, 40, "Converging"), (0.05, 2, "Still moving"), (0.05, 10_000, "Trapped near P14"), (0.41, 5000, "Oscillating"),
     (0.8, 10_000, "Left the domain")],
)
def test_the_verdict_at_a_step_judges_the_run_up_to_it(alpha: float, step: int, word: str) -> None:
    assert said(LandscapeState(alpha=alpha), step).startswith(word)


def test_a_run_that_has_settled_says_how_its_place_compares_with_the_best_one() -> None:
    assert "its best minimum is 0.1281, at x = 4.249. Converged after 58 steps" in said(LandscapeState(), 10_000)
    assert said(LandscapeState(start=5.0), 10_000).startswith("The best minimum.")


def test_the_local_stability_bound_stands_beside_alpha_at_every_step() -> None:
    state = LandscapeState(alpha=0.05)
    result = result_of(state)
    for step in (0, 30, result.steps):
        x = float(result.x[step])
        h = 1e-5
        curvature = float(result.ground.full.slope(x + h) - result.ground.full.slope(x - h)) / (2 * h)
        rows = [row for block in LANDSCAPE.explain(result, state.changed(shown_step=step)).blocks
                if isinstance(block, Numbers) for row in block.rows if "bound for" in row.name]
        assert len(rows) == 1
        if curvature > 0:
            assert float(rows[0].value) == pytest.approx(2 / curvature, rel=1e-3)
        else:
            assert "bends down" in rows[0].value


def test_a_run_that_is_far_from_where_it_will_rest_is_not_called_converging() -> None:
    state = LandscapeState(remove=tuple(f"P{number}" for number in range(7, 14)))
    assert said(state, 59).startswith("On its way")
    assert said(state, 480).startswith("Converging")


@pytest.mark.parametrize("alpha", [0.42, 0.5])
def test_a_dot_that_jumps_from_side_to_side_is_told_the_bound_of_the_minimum_between(alpha: float) -> None:
    result = result_of(LandscapeState(alpha=alpha))
    assert result.outcome.stability_bound == pytest.approx(0.40779, abs=1e-4)
    assert "is above 2/f\u2033 = 0.4078" in result.outcome.sentence
