"""The page "Backward again": what it draws and says of each event, against torch."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import torch

from tests.graph.backward_runs import NAMES, ended
from visualizer.base.explanation import Paragraph, Verdict
from visualizer.base.roles import Role
from visualizer.experiments.graph import captures, looks
from visualizer.experiments.graph.captures import Captured
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.graph.pages import life as page
from visualizer.experiments.graph.requests import source_of
from visualizer.experiments.graph.state import VIEWS, GraphState
from visualizer.figures.graph import GraphFigure
from visualizer.figures.model import Bars, Figure

TAB = GraphTab()
FIGURES = next(view.figures for view in VIEWS if view.name == "life")


def state_of(**changes: Any) -> GraphState:
    return GraphState().changed(view="life", fold="none").changed(**changes)


def result_of(state: GraphState) -> page.LifeResult:
    *_, last = TAB.run(TAB.request(state))
    assert isinstance(last, page.LifeResult)
    assert last.progress == 1.0
    return last


def drawn(result: page.LifeResult, state: GraphState, at: int) -> tuple[GraphFigure, Figure]:
    graph, grads = TAB.figures(result, state.changed(shown_step=at))
    assert isinstance(graph, GraphFigure)
    assert isinstance(grads, Figure)
    return graph, grads


def told(result: page.LifeResult, state: GraphState, at: int) -> str:
    blocks = TAB.explain(result, state.changed(shown_step=at)).blocks
    assert isinstance(blocks[0], Verdict)
    return "\n".join(block.text for block in blocks if isinstance(block, (Verdict, Paragraph)))


def bars(figure: Figure, key: str) -> list[float]:
    return next(layer for layer in figure.layers if isinstance(layer, Bars) and layer.key == key).height.tolist()


def test_a_second_backward_on_the_lectures_graph_is_refused_and_the_node_named() -> None:
    state = state_of()
    result = result_of(state)
    assert [event.what for event in result.life.events] == ["forward", "backward", "backward"]
    graph, _ = drawn(result, state, 2)
    assert graph.badge_role == Role.BAD
    (row,) = graph.active
    assert graph.drawing.boxes.titles[row].startswith("Sigmoid")
    words = told(result, state, 2)
    assert "Trying to backward through the graph a second time" in words
    assert "SigmoidBackward0" in words
    assert "(result)" in words
    assert "retain_graph=True" in words


def test_boxes_whose_saved_tensors_are_freed_are_muted() -> None:
    state = state_of()
    result = result_of(state)
    muted = looks.ROLES.index(Role.MUTED)
    before, after = (drawn(result, state, at)[0] for at in (0, 1))
    assert not (before.roles == muted).any()
    names = {result.capture.graph.nodes[result.view.items[row].node].title for row in np.flatnonzero(after.roles == muted)}
    assert names == {"Sigmoid", "Addmm"}
    assert any(entry.role == Role.MUTED for entry in after.legend)
    kept = state_of(retain=True)
    assert not (drawn(result_of(kept), kept, 1)[0].roles == muted).any()


@pytest.mark.parametrize(("clear", "between"), [("nothing", 2.0), ("zero_grad", 1.0), ("zeros", 1.0)])
def test_gradients_add_up_unless_they_are_cleared(clear: str, between: float) -> None:
    state = state_of(retain=True, clear=clear)
    result = result_of(state)
    once = bars(drawn(result, state, 1)[1], "after")
    last = bars(drawn(result, state, result.steps)[1], "after")
    np.testing.assert_array_equal(last, between * np.array(once))
    assert len(result.life.events) == 3 + (clear != "nothing")


def test_after_zero_grad_there_is_none_and_after_filling_with_zeros_there_are_zeros() -> None:
    none = state_of(retain=True, clear="zero_grad")
    assert all(one is None for one in result_of(none).life.events[2].after)
    zeros = state_of(retain=True, clear="zeros")
    assert all(one is not None and not one.sample.any() for one in result_of(zeros).life.events[2].after)


def test_a_chain_of_additions_goes_backward_twice_and_the_page_says_why() -> None:
    state = state_of(example="chain")
    result = result_of(state)
    assert not any(event.error for event in result.life.events)
    assert "No node of this graph has saved a tensor" in told(result, state, 2)


def test_a_graph_that_lives_elsewhere_is_derived_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    state = state_of(retain=True)
    real = result_of(state)
    found = ended(captures.captured(source_of(state)))
    monkeypatch.setattr(captures, "captured_in_parts", lambda source: (yield None) or Captured(found.capture))
    derived = result_of(state)
    assert derived.life.derived
    assert not real.life.derived
    assert "another process" in told(derived, state, 1)
    for at in range(real.steps + 1):
        for one, two in zip(drawn(real, state, at), drawn(derived, state, at), strict=True):
            assert one.title == two.title
        assert bars(drawn(real, state, 2)[1], "after") == pytest.approx(bars(drawn(derived, state, 2)[1], "after"))


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_drawn_and_told_at_every_event(name: str) -> None:
    state = state_of(example=name, fold="parameters", backwards=3, clear="zeros")
    result = result_of(state)
    for at in range(result.steps + 1):
        figures = drawn(result, state, at)
        assert tuple(figure.name for figure in figures) == FIGURES
        assert figures[1].layers or figures[1].note
        keys = [layer.key for layer in figures[1].layers]
        assert len(keys) == len(set(keys))
        assert told(result, state, at)
    assert set(result.numbers()["life"]["events"][0]) == {"event", "freed", "error", "failed", "grads"}


@pytest.mark.parametrize("clear", ["nothing", "zero_grad", "zeros"])
@pytest.mark.parametrize("retain", [False, True])
def test_the_code_runs_as_it_stands(retain: bool, clear: str) -> None:
    state = state_of(retain=retain, clear=clear, backwards=2)
    out = io.StringIO()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(out):
        exec(TAB.code(state), {"__name__": "__main__"})
    assert ("RuntimeError: Trying to backward" in out.getvalue()) == (not retain)
    assert out.getvalue().count("after backward") == 1 + retain
