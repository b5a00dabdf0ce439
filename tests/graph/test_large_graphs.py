"""Large graphs: a first picture before the backward pass, and nothing that moves when its gradients come."""

from __future__ import annotations

import numpy as np
import pytest

from visualizer.experiments.graph.captures import forget
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.graph.pages.graph import GraphPageResult
from visualizer.experiments.graph.state import GraphState
from visualizer.figures.graph import GraphFigure

TAB = GraphTab()


@pytest.fixture(scope="module")
def answers() -> list[GraphPageResult]:
    """All that the page answers for 1,505 nodes, the last whole."""
    forget()
    found = TAB.run(TAB.request(state()))
    return [one for one in found if isinstance(one, GraphPageResult)]


def state(**changes: object) -> GraphState:
    return GraphState().changed(view="graph", example="mlp", depth=300, fold="none").changed(**changes)


def picture(result: GraphPageResult, **changes: object) -> GraphFigure:
    first = TAB.figures(result, state(**changes))[0]
    assert isinstance(first, GraphFigure)
    return first


def test_a_large_graph_is_shown_before_it_is_run_backward(answers: list[GraphPageResult]) -> None:
    first, last = answers
    assert 0.0 < first.progress < 1.0
    assert last.progress == 1.0
    assert first.capture.backward is None
    assert last.capture.backward is not None
    assert last.capture.backward.equal
    assert first.capture.graph is last.capture.graph
    assert "run backward once" in str(TAB.explain(first, state()).blocks[0])


def test_nothing_moves_when_the_gradients_come(answers: list[GraphPageResult]) -> None:
    first, last = answers
    assert last.drawing is first.drawing
    assert last.view is first.view
    assert picture(last).drawing is picture(first).drawing


def test_tips_and_colours_tell_the_gradients_that_came_later(answers: list[GraphPageResult]) -> None:
    first, last = answers
    backward = last.capture.backward
    assert backward is not None
    assert all("Gradient norm" in tip for tip in first.drawing.boxes.tips)
    shades = picture(last, colour="gradient").shades
    assert shades is not None
    arrives = [any(one is not None and one.norm > 0 for one in backward.steps[backward.step_of[item.node]].incoming)
               for item in last.view.items]
    np.testing.assert_array_equal(np.isfinite(shades), arrives)


def test_what_is_small_or_known_already_is_answered_once(answers: list[GraphPageResult]) -> None:
    assert len(answers) == 2
    again = [one for one in TAB.run(TAB.request(state())) if one is not None]
    assert [one.progress for one in again] == [1.0]
    small = [one for one in TAB.run(TAB.request(state(depth=4))) if one is not None]
    assert [one.progress for one in small] == [1.0]


def test_a_run_that_is_left_after_its_first_picture_leaves_nothing_behind() -> None:
    forget()
    run = TAB.run(TAB.request(state(depth=250)))
    first = next(one for one in run if isinstance(one, GraphPageResult))
    assert first.capture.backward is None
    run.close()  # type: ignore[attr-defined]
    *_, last = TAB.run(TAB.request(state(depth=250)))
    assert isinstance(last, GraphPageResult)
    assert last.capture.backward is not None
    assert last.capture.graph is not first.capture.graph
