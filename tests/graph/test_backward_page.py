"""The page "Step by step": what it draws and says at each position, against torch."""

from __future__ import annotations

import contextlib
import io
import re
from typing import Any

import numpy as np
import pytest
import torch

from tests.graph.backward_runs import NAMES, run_of
from visualizer.base.explanation import Formula, Heading, Paragraph, Table, Verdict
from visualizer.base.roles import Role
from visualizer.components.latex import number_latex
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.graph.local import local_of
from visualizer.experiments.graph.model import Capture, Edges, Failure, Graph
from visualizer.experiments.graph.pages import backward as page
from visualizer.experiments.graph.pages.backward_factors import factor
from visualizer.experiments.graph.pages.backward_figures import rows_of
from visualizer.experiments.graph.pages.backward_words import badge, blocks
from visualizer.experiments.graph.replay import Replay
from visualizer.experiments.graph.state import PRESETS, VIEWS, GraphState
from visualizer.figures.graph import GraphFigure
from visualizer.figures.model import Bars, Figure, Heat

TAB = GraphTab()
FIGURES = next(view.figures for view in VIEWS if view.name == "backward")


def state_of(**changes: Any) -> GraphState:
    return GraphState().changed(view="backward", fold="none").changed(**changes)


def result_of(state: GraphState) -> page.BackwardResult:
    *_, last = TAB.run(TAB.request(state))
    assert isinstance(last, page.BackwardResult)
    assert last.progress == 1.0
    return last


def drawn(result: page.BackwardResult, state: GraphState, at: int) -> tuple[GraphFigure, Figure, Figure, Figure]:
    graph, incoming, local, outgoing = TAB.figures(result, state.changed(shown_step=at))
    assert isinstance(graph, GraphFigure)
    assert isinstance(incoming, Figure)
    assert isinstance(local, Figure)
    assert isinstance(outgoing, Figure)
    return graph, incoming, local, outgoing


def texts(result: page.BackwardResult, state: GraphState, at: int) -> str:
    found = []
    for block in TAB.explain(result, state.changed(shown_step=at)).blocks:
        match block:
            case Verdict() | Paragraph() | Heading():
                found.append(block.text)
            case Formula():
                found.append(block.latex)
            case Table():
                found += [" | ".join(row) for row in block.rows]
    return "\n".join(found)


def test_the_lectures_graph_is_recorded_and_run_backward() -> None:
    state = state_of()
    result = result_of(state)
    assert result.steps == result.replay.forward + 6
    titles = [drawn(result, state, at)[0].title for at in range(result.steps + 1)]
    assert titles[0].startswith("Before the forward pass")
    assert [title.rpartition(": ")[2] for title in titles[-6:]] == [
        "SigmoidBackward0", "ViewBackward0", "AddmmBackward0", "AccumulateGrad", "TBackward0", "AccumulateGrad"]
    last = drawn(result, state, result.steps)[0]
    assert last.badge == "Equal to loss.backward(): 2 of 2 .grad bit for bit"
    assert last.badge_role == Role.GOOD
    assert last.done is not None
    assert last.done.all()
    assert [text for _, text, _ in last.notes] == [".grad filled", ".grad filled"]


def test_boxes_appear_as_they_are_recorded() -> None:
    state = state_of(example="mlp")
    result = result_of(state)
    faint = [int(dimmed.sum()) for at in range(result.steps + 1) if (dimmed := drawn(result, state, at)[0].dimmed) is not None]
    assert faint[0] == len(result.view.items)
    assert faint == sorted(faint, reverse=True)
    assert faint[result.replay.forward] == 0


def test_the_bars_of_the_last_step_are_the_weights_gradient() -> None:
    state = state_of()
    result = result_of(state)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(5, 1), torch.nn.Sigmoid())
    model(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])).sum().backward()
    _, incoming, _, outgoing = drawn(result, state, result.steps)
    weight = model[0].weight.grad
    assert weight is not None
    for figure in (incoming, outgoing):
        bars = next(layer for layer in figure.layers if isinstance(layer, Bars))
        np.testing.assert_array_equal(bars.height, weight.double().reshape(-1).numpy())


def test_the_chain_rule_is_written_with_the_numbers_of_the_step() -> None:
    state = state_of(example="square")
    result = result_of(state)
    step = next(at for at, one in enumerate(result.replay.steps) if result.capture.graph.nodes[one.node].title == "Mul")
    told = texts(result, state, result.replay.forward + 1 + step)
    numbers = re.findall(r"= ([-\d.]+) \\cdot ([-\d.]+) = ([-\d.]+)", told.replace(r"\left(", "").replace(r"\right)", ""))
    assert numbers
    for one, other, total in numbers:
        assert float(one) * float(other) == pytest.approx(float(total), rel=1e-3)


def test_where_paths_meet_the_terms_and_their_sum_are_told() -> None:
    state = state_of(example="square")
    result = result_of(state)
    told = texts(result, state, result.steps)
    assert "Where paths meet" in told
    sums = [line for line in told.splitlines() if re.fullmatch(r"[-\d.]+ \+ [-\d.]+ = [-\d.]+", line)]
    assert sums
    left, right = sums[0].split(" = ")
    assert sum(map(float, left.split(" + "))) == pytest.approx(float(right), rel=1e-3)


def test_a_local_derivative_that_mixes_elements_is_a_heat_map_and_one_that_does_not_is_bars() -> None:
    state = state_of()
    result = result_of(state)
    names = [result.capture.graph.nodes[step.node].title for step in result.replay.steps]
    first = result.replay.forward + 1
    mixing = drawn(result, state, first + names.index("Addmm"))[2]
    heat = [layer for layer in mixing.layers if isinstance(layer, Heat)]
    np.testing.assert_array_equal(heat[1].values, [[1.0, 2.0, 3.0, 4.0, 5.0]])
    alone = drawn(result, state, first + names.index("Sigmoid"))[2]
    assert any(isinstance(layer, Bars) for layer in alone.layers)


def test_an_undefined_gradient_is_none_and_not_zeros() -> None:
    state = state_of(example="split")
    result = result_of(state)
    names = [result.capture.graph.nodes[step.node].name for step in result.replay.steps]
    at = next(at for at, name in enumerate(names) if name.startswith("Split"))
    assert "undefined: None" in texts(result, state, result.replay.forward + 1 + at)


def test_an_error_of_the_engine_is_told_at_its_node() -> None:
    state = state_of(example="after")
    result = result_of(state)
    graph = drawn(result, state, result.steps)[0]
    assert graph.badge_role == Role.BAD
    assert any(role == Role.BAD for _, _, role in graph.notes)
    assert "second time" in texts(result, state, result.steps)


@pytest.mark.parametrize("fold", ["none", "parameters", "modules"])
@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_drawn_and_told_at_every_kind_of_position(name: str, fold: str) -> None:
    state = state_of(example=name, fold=fold)
    result = result_of(state)
    replay, boxes = result.replay, len(result.view.items)
    links = len(result.view.source)
    for at in sorted({0, 1, replay.forward, replay.forward + 1, (replay.forward + result.steps) // 2, result.steps}):
        figures = drawn(result, state, at)
        assert tuple(figure.name for figure in figures) == FIGURES
        graph = figures[0]
        assert all(0 <= row < boxes for row in (*graph.active, *graph.ready, *(row for row, _, _ in graph.notes)))
        assert all(0 <= row < links for row in graph.flowing)
        assert graph.active or at == 0 or fold != "none"
        assert isinstance(TAB.explain(result, state.changed(shown_step=at)).blocks[0], Verdict)
        for figure in figures[1:]:
            assert figure.layers or figure.note
            keys = [layer.key for layer in figure.layers]
            assert len(keys) == len(set(keys))


def test_edges_of_the_graph_are_found_among_the_links_that_are_drawn() -> None:
    result = result_of(state_of(example="square"))
    view, edges = result.view, result.capture.graph.edges
    links = result.rows.link_of.tolist()
    assert sorted(links) == list(range(len(view.source)))  # x * x: both edges, each its own link
    for edge, link in enumerate(links):
        assert view.item_of[edges.source[edge]] == view.source[link]
        assert view.item_of[edges.target[edge]] == view.target[link]
    folded = result_of(state_of(example="mlp", fold="modules", level=0))
    for edge, link in enumerate(folded.rows.link_of.tolist()):
        ends = folded.view.item_of[folded.capture.graph.edges.source[edge]], folded.view.item_of[
            folded.capture.graph.edges.target[edge]]
        assert (link < 0) == (ends[0] == ends[1])


def test_a_capture_without_a_backward_is_replayed_as_far_as_it_goes() -> None:
    result = result_of(state_of())
    replay = Replay(result.capture.graph, None)
    rows = rows_of(replay, result.view)
    bare = page.BackwardResult(request=result.request, steps=replay.last, capture=Capture(result.capture.graph), view=result.view,
                               drawing=result.drawing, replay=replay, rows=rows, locals=(), nonfinite=None)
    state = state_of()
    for at in range(bare.steps + 1):
        assert drawn(bare, state, at)[0].badge == ""
    assert "not run" in texts(bare, state, bare.steps)


def test_the_chosen_box_is_told_below() -> None:
    state = state_of()
    key = TAB.request(state).source.key  # type: ignore[attr-defined]
    result = result_of(state)
    told = texts(result, state.changed(selected=f"{key}:2"), 0)
    assert "Chosen: AddmmBackward0" in told


@pytest.mark.parametrize("name", ["lecture", "square", "split", "checkpoint", "custom", "diamond", "tied", "after"])
def test_the_code_runs_as_it_stands_and_prints_the_engines_steps(name: str) -> None:
    state = state_of(example=name)
    result = result_of(state)
    out = io.StringIO()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(out):
        exec(TAB.code(state), {"__name__": "__main__"})
    printed = re.findall(r"step \d+: (\S+) gets", out.getvalue())
    assert [one.rpartition("::")[2] for one in printed] == [
        result.capture.graph.nodes[step.node].name for step in result.replay.steps]


def test_what_has_no_program_says_so_in_place_of_code() -> None:
    assert TAB.code(state_of(source="capture", capture="run.graph.json")).startswith("# ")
    assert TAB.code(state_of(source="file", model="model.py:make")).startswith("# ")
    assert "h = w * x" in TAB.code(state_of(source="code"))


def test_the_numbers_have_the_queue_and_the_local_derivatives() -> None:
    state = state_of()
    result = result_of(state)
    numbers = result.numbers()
    assert numbers["positions"]["backward"][0] == "SigmoidBackward0"
    assert [queue[:1] for queue in numbers["positions"]["ready"][:-1]] == [[step.node] for step in result.replay.steps]
    assert numbers["local"][0][0]["matrix"].shape == (1, 1)


def test_the_presets_of_the_page_can_be_shown() -> None:
    for preset in PRESETS:
        if preset.values["view"] == "backward":
            state = GraphState().changed(**preset.values)
            assert result_of(state).steps > 4


FACTORS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "exp": "Exp", "log": "Log", "sqrt": "Sqrt", "sin": "Sin", "cos": "Cos",
           "relu": "Relu", "square": "Pow"}


@pytest.mark.parametrize("function", FACTORS)
@pytest.mark.parametrize("start", [0.25, 1.5])
def test_the_local_derivative_of_a_function_is_written_with_what_it_saved(function: str, start: float) -> None:
    x = torch.tensor([start, 0.5 * start], dtype=torch.float64, requires_grad=True)
    found, backward = run_of(getattr(torch, function)(x).sum())
    step = next(step for step in backward.steps if found.graph.nodes[step.node].title == FACTORS[function])
    local = local_of(found.graph, found.live[step.node], step)
    formula = factor(found.graph.nodes[step.node], 0, 0, float(local.blocks[0].matrix[0, 0]))
    assert formula is not None
    slope = torch.autograd.grad(getattr(torch, function)(x)[0], x)[0][0]
    assert formula.latex.endswith(number_latex(float(slope))) or function == "relu"
    assert factor(found.graph.nodes[step.node], 0, 0, 123.0) is None  # what does not agree is not shown


def test_the_local_derivative_of_a_product_is_the_other_factor() -> None:
    a = torch.tensor([2.0, 3.0], requires_grad=True)
    b = torch.tensor([5.0, 7.0], requires_grad=True)
    found, _ = run_of((a * b).sum())
    node = next(node for node in found.graph.nodes if node.title == "Mul")
    to_a, to_b = factor(node, 0, 1, 7.0), factor(node, 1, 1, 3.0)
    assert to_a is not None
    assert to_b is not None
    assert to_a.latex.endswith("= b = 7")
    assert to_b.latex.endswith("= a = 3")


class Drifting(torch.autograd.Function):
    """Its derivative is another one at each call."""

    calls = 0

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x * 2.0

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> torch.Tensor:
        Drifting.calls += 1
        return gradients[0] * Drifting.calls


def test_a_backward_that_gives_something_else_each_time_is_not_called_equal() -> None:
    x, w = torch.ones(3, requires_grad=True), torch.ones(3, requires_grad=True)
    found, backward = run_of((Drifting.apply(x) * w).sum())
    assert [grad.equal for grad in backward.grads] == [found.leaves[grad.leaf] is w for grad in backward.grads]
    assert backward.equal is False
    assert badge(Capture(found.graph, backward)) == ("Not equal to a second loss.backward(): 1 of 2 .grad bit for bit", Role.BAD)


def test_where_there_are_no_values_nothing_is_called_equal() -> None:
    x = torch.ones(3, device="meta", requires_grad=True)
    found, backward = run_of((x * x).sum())
    assert backward.equal is None
    assert badge(Capture(found.graph, backward)) == ("Not compared with loss.backward(): no values, only shapes", Role.MUTED)


def test_without_a_graph_the_page_says_why() -> None:
    why = "There is no graph: loss does not require a gradient."
    graph = Graph((), Edges(*(np.zeros(0, dtype=np.int32) for _ in range(4))), failure=Failure(why))
    replay = Replay(graph, None)
    assert replay.last == 0
    assert replay.at(0).ready == ()
    (only,) = blocks(Capture(graph), replay, replay.at(0), None, None)
    assert only == Verdict(why, "bad")


def test_a_node_that_raises_is_said_to_have_returned_nothing() -> None:
    x = torch.ones(2, requires_grad=True)
    made = x.sqrt()
    loss = (made * made).sum()
    with torch.no_grad():
        made.add_(1.0)
    found, backward = run_of(loss)
    assert "modified by an inplace operation" in backward.error
    replay = Replay(found.graph, backward)
    told = blocks(Capture(found.graph, backward), replay, replay.at(replay.last), None, None)
    words = [block.text for block in told if isinstance(block, (Paragraph, Verdict))]
    assert any("the engine stopped in it" in text for text in words)
    assert any("inplace" in text for text in words)
    assert not any("sends" in text for text in words)


def test_the_code_of_a_program_runs_whatever_must_stand_in_its_first_line(capsys: pytest.CaptureFixture[str]) -> None:
    program = "\ufefffrom __future__ import annotations\nx = torch.ones(2, requires_grad=True)\nloss = (x * x).sum()\n"
    for view in ("graph", "backward", "life", "absent"):
        exec(compile(TAB.code(state_of(view=view, source="code", code=program)), "<code>", "exec"), {"__name__": "__main__"})
        assert capsys.readouterr().out


@pytest.mark.parametrize("program", ["x = " + "-" * 9000 + "1", "x = 0" + " + x" * 6000, "x = '\x00'", "x = ("])
def test_code_that_python_cannot_read_is_shown_as_it_is(program: str) -> None:
    for view in ("graph", "backward", "life", "absent"):
        assert program in TAB.code(state_of(view=view, source="code", code=program))


def test_a_box_with_several_leaves_counts_what_is_filled_and_one_is_named() -> None:
    state = state_of(example="mlp", fold="parameters")
    result = result_of(state)
    last = drawn(result, state, result.steps)[0]
    assert isinstance(last, GraphFigure)
    assert {text for _, text, _ in last.notes} == {"2 .grad filled"}


def test_the_gradients_that_flow_are_written_on_their_edges() -> None:
    """Each text is the number that the node sent, or its norm; and stands on an edge that leaves the node."""
    state = state_of(example="lecture", fold="none")
    result = result_of(state)
    seen = []
    for at in range(result.steps + 1):
        figure = drawn(result, state, at)[0]
        assert isinstance(figure, GraphFigure)
        position = result.replay.at(at)
        if position.step < 0:
            assert figure.edge_notes == ()
            continue
        step = result.replay.steps[position.step]
        edges = figure.drawing.edges
        sent = [one for one in step.outgoing if one is not None]
        for row, text in figure.edge_notes:
            assert int(edges.source[row]) in figure.active
            said = float(text.removeprefix("norm ").replace("\\u2212", "-"))
            assert min(abs(abs(said) - one.norm) for one in sent) <= 0.006 * abs(said)
            seen.append(text)
    assert "norm 0.443" in seen
    assert len(seen) == len(result.drawing.edges)
