"""Large graphs: a first picture before the backward pass, nothing that moves when its gradients come, and how they are let go."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest

from tests.graph.pages_of_the_graph import finished
from visualizer.experiments.graph.captures import captured_run, forget
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.graph.pages.graph import GraphPageResult
from visualizer.experiments.graph.programs import run_program
from visualizer.experiments.graph.state import GraphState
from visualizer.figures.graph import GraphFigure

TAB = GraphTab()
ROOT = Path(__file__).parents[2]


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


_PROGRAM = """
def step(value):
    return value + one

class Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value):
        return value * two

    @staticmethod
    def backward(ctx, grad):
        return grad * two

one, two = torch.tensor(1.0), torch.tensor(2.0)
value = torch.ones(1, requires_grad=True)
kept = []
for index in range({length}):
    value = step(value)
    kept.append(value)
loss = Double.apply(value).sum()
"""


def test_a_program_goes_with_its_graph_though_its_functions_refer_to_its_variables() -> None:
    gc.disable()
    try:
        found = finished(captured_run(run_program(_PROGRAM.format(length=50))))
        assert found.walked is not None
        assert found.capture.backward is not None
        assert found.capture.backward.equal  # the backward of the program's own function still finds its variables
        (root,) = found.walked.roots
        gone = weakref.ref(root)
        del root
        assert gone() is not None
        del found
        assert gone() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("where", ["main", "thread"])
def test_a_deep_graph_is_let_go_without_recursion(where: str) -> None:
    """In a process of its own: torch destroys a chain of nodes that Python has seen by recursion, and that crashes it."""
    program = f"""
import sys, threading
from tests.graph.pages_of_the_graph import finished
from visualizer.experiments.graph.captures import captured_run
from visualizer.experiments.graph.programs import run_program

def work():
    found = finished(captured_run(run_program({_PROGRAM.format(length=60_000 if where == "main" else 10_000)!r})))
    assert found.capture.backward.equal
    del found

if {where == "thread"}:
    threading.stack_size(512 * 1024)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
else:
    work()
print("let go")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ended.returncode, ended.stdout) == (0, "let go\n"), ended.stderr
