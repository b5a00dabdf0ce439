"""The page of the graph, from state to figures, words, numbers and code."""

from __future__ import annotations

import contextlib
import io
import math
import re
from typing import Any

import numpy as np
import pytest
import torch
import ziamath

from tests.graph.pages_of_the_graph import finished
from visualizer.base.experiment import Gesture
from visualizer.base.explanation import Block, Formula, Numbers, Paragraph, Table, Verdict
from visualizer.experiments.graph.drawing import drawn
from visualizer.experiments.graph.examples.catalogue import EXAMPLES, example
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.graph.model import GROUP_IDENT, REPEAT_IDENT, Backward, Capture
from visualizer.experiments.graph.pages.graph import GraphPageResult
from visualizer.experiments.graph.pages.graph_words import overview
from visualizer.experiments.graph.requests import GraphRequest, source_of
from visualizer.experiments.graph.state import PRESETS, GraphState
from visualizer.experiments.graph.view import graph_view
from visualizer.experiments.graph.walking import walked
from visualizer.figures.graph import GraphFigure
from visualizer.figures.model import Bars, Figure, Heat

TAB = GraphTab()
NAMES = [entry.name for entry in EXAMPLES]
SMALL = {"depth": 3, "width": 4, "batch": 2, "length": 3}


def state_of(name: str, **changes: Any) -> GraphState:
    state = GraphState().changed(view="graph", example=name)
    return state.changed(**{size: SMALL[size] for size in example(name).uses} | changes)


def result_of(state: GraphState) -> GraphPageResult:
    *_, last = TAB.run(TAB.request(state))
    assert isinstance(last, GraphPageResult)
    return last


def clicked(state: GraphState, ident: int) -> GraphState:
    return state.changed(selected=f"{source_of(state).key}:{ident}")


def text_of(blocks: tuple[Block, ...]) -> str:
    words: list[str] = []
    for block in blocks:
        match block:
            case Table(header, rows):
                words += [" ".join(row) for row in (header, *rows)]
            case Numbers(rows):
                words += [f"{row.name} {row.value} {row.unit}" for row in rows]
            case Formula(latex):
                words.append(latex)
            case _:
                words.append(block.text)
    return "\n".join(words)


@pytest.mark.parametrize("name", NAMES)
def test_every_box_of_every_example_has_words_formulas_and_figures(name: str) -> None:
    state = state_of(name, fold="modules")
    result = result_of(state)
    idents = [item.ident for item in result.view.items] + list(range(len(result.capture.graph.nodes)))
    for ident in dict.fromkeys(idents):
        one = clicked(state, ident)
        blocks = TAB.explain(result, one).blocks
        assert isinstance(blocks[0], Verdict)
        assert all(block.text.strip() for block in blocks if isinstance(block, (Paragraph, Verdict)))
        graph, tensor, histogram = TAB.figures(result, one)
        assert isinstance(graph, GraphFigure)
        assert graph.drawing is result.drawing
        assert (graph.name, tensor.name, histogram.name) == ("graph", "tensor", "histogram")
        for figure in (tensor, histogram):
            assert isinstance(figure, Figure)
            assert figure.layers or figure.note


def test_every_formula_that_a_click_shows_can_be_typeset() -> None:
    for name in ("mlp", "transformer", "cnn"):
        state = state_of(name)
        result = result_of(state)
        latex = {block.latex for node in range(len(result.capture.graph.nodes))
                 for block in TAB.explain(result, clicked(state, node)).blocks if isinstance(block, Formula)}
        assert latex
        for line in latex:
            assert ziamath.Latex(line).svg()


def test_without_a_choice_the_whole_graph_is_told() -> None:
    state = state_of("lecture")
    result = result_of(state)
    blocks = TAB.explain(result, state).blocks
    assert isinstance(blocks[0], Verdict)
    assert blocks[0].text.startswith("6 nodes and 5 edges")
    text = text_of(blocks)
    for words in ("longest path 4 edges", "parameters of the model 2", "their elements 6", "0.weight", "AccumulateGrad 2"):
        assert words in text
    _, tensor, histogram = TAB.figures(result, state)
    assert tensor.title == "output"  # of the node that backward starts from
    assert histogram.note == "It is a single number: 0.06383."


def test_a_graph_opens_as_the_lecture_draws_it_and_a_large_one_folded() -> None:
    """Every node that the verdict counts is a box; chosen from the catalogue, GPT is a stack of blocks that fits a screen."""
    result = result_of(GraphState())
    assert len(result.view.items) == len(result.capture.graph.nodes) == 6
    leaves = [title for title, shape in zip(result.drawing.boxes.titles, result.drawing.boxes.shapes, strict=True)
              if shape.startswith("AccumulateGrad")]
    assert sorted(leaves) == ["0.bias", "0.weight"]
    assert GraphState().changed(example="gpt").fold == "modules"
    assert GraphState().changed(example="gpt", fold="none").fold == "none"
    assert GraphState().changed(example="gpt").changed(example="lecture").fold == "none"


@pytest.mark.parametrize("name", [entry.name for entry in EXAMPLES if entry.name != "chain"])
def test_an_example_folds_itself_so_that_its_boxes_can_be_overlooked(name: str) -> None:
    assert len(result_of(GraphState().changed(example=name)).view.items) <= 30


def test_a_click_on_the_sigmoid_tells_its_derivative_with_these_numbers() -> None:
    state = state_of("lecture")
    result = result_of(state)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = torch.nn.Sequential(torch.nn.Linear(5, 1), torch.nn.Sigmoid())
    y = model(torch.tensor([1.0, 2, 3, 4, 5])).item()
    text = text_of(TAB.explain(result, clicked(state, 0)).blocks)
    assert r"\frac{\partial L}{\partial x} = g \cdot y (1 - y)" in text
    assert f"{y:.4g}" in text
    assert f"{y * (1 - y):.4g}" in text
    assert "1 · Sigmoid" in text
    worked = [line for line in text.splitlines() if line.startswith(r"\frac{\partial L}{\partial x} = 1 \cdot")]
    assert worked == [rf"\frac{{\partial L}}{{\partial x}} = 1 \cdot {y:.6g} \cdot (1 - {y:.6g}) = {y * (1 - y):.4g}"]


@pytest.mark.parametrize("name", NAMES)
def test_a_worked_formula_gives_what_it_says(name: str) -> None:
    """Evaluated as Python: its middle equals its end."""
    state = state_of(name)
    result = result_of(state)
    for node in range(len(result.capture.graph.nodes)):
        for block in TAB.explain(result, clicked(state, node)).blocks:
            if not isinstance(block, Formula) or not block.description.startswith("with these numbers"):
                continue
            assert ziamath.Latex(block.latex).svg()
            middle, end = (side.replace(r"\left", "").replace(r"\right", "").replace(r"\,", " ").replace(r"\cdot", "*")
                           for side in block.latex.split(" = ")[1:])
            middle = re.sub(r"\\frac\{((?:[^{}]|\{[^{}]*\})*)\}\{((?:[^{}]|\{[^{}]*\})*)\}", r"((\1)/(\2))", middle)
            middle = middle.replace(r"\sqrt", "math.sqrt").replace("^", "**").replace(r"\cos", "cos ").replace(r"\sin", "sin ")
            middle = re.sub(r"(cos|sin)\s+(\(?-?[\d.]+\)?)", r"math.\1(\2)", middle)
            if "mathrm" in middle or "\\" in middle or "[" in middle:
                continue
            sides = [eval(side.replace("{", "(").replace("}", ")").replace("^", "**"), {"math": math, "e": math.e})
                     for side in (middle, end)]
            assert sides[0] == pytest.approx(sides[1], rel=5e-3, abs=1e-30), block.latex


def test_a_parameter_tells_its_gradient_and_a_tied_one_both_names() -> None:
    state = state_of("lecture")
    result = result_of(state)
    graph = result.capture.graph
    weight = next(node.index for node in graph.nodes if "0.weight" in node.parameters)
    text = text_of(TAB.explain(result, clicked(state, weight)).blocks)
    assert ".grad before None" in text
    assert "norm of .grad" in text
    tied = state_of("tied")
    result = result_of(tied)
    node = next(node for node in result.capture.graph.nodes if len(node.parameters) > 1)
    text = text_of(TAB.explain(result, clicked(tied, node.index)).blocks)
    assert " = ".join(node.parameters) in text
    assert "tied" in text


def test_a_group_and_a_repetition_tell_what_is_in_them() -> None:
    state = state_of("transformer", fold="modules", level=0)
    result = result_of(state)
    item = next(item for item in result.view.items if GROUP_IDENT <= item.ident < REPEAT_IDENT)
    text = text_of(TAB.explain(result, clicked(state, item.ident)).blocks)
    assert f"nodes {len(item.members)}" in text
    assert "AccumulateGrad" in text
    mlp = state_of("mlp", fold="modules", level=1)
    result = result_of(mlp)
    item = next(item for item in result.view.items if item.times > 1)
    assert "equal blocks one after the other" in text_of(TAB.explain(result, clicked(mlp, item.ident)).blocks)


def test_a_gesture_on_a_group_opens_it() -> None:
    state = state_of("transformer", fold="modules", level=0)
    result = result_of(state)
    item = next(item for item in result.view.items if item.node < 0)
    opened = TAB.gesture(state, Gesture("click", "graph", "toggle", item.ident, 0.0, 0.0))
    again = result_of(opened)
    assert item.ident in {group.ident for group in again.view.groups}
    assert len(again.view.items) > len(result.view.items)


def test_parameters_that_do_not_reach_the_loss_are_named() -> None:
    state = GraphState().changed(source="code", code="model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))\n"
                                                     "loss = model[0](torch.ones(2)).sum()\n")
    space: dict[str, Any] = {"torch": torch, "nn": torch.nn}
    exec(state.code, space)
    graph = walked([space["loss"]], space["model"]).graph
    text = text_of(tuple(overview(Capture(graph, Backward(())))))
    assert "2 parameters do not reach the loss" in text
    assert "1.weight, 1.bias" in text


def test_a_matrix_is_a_heat_map_with_row_zero_at_the_top_and_a_vector_is_bars() -> None:
    state = state_of("mlp")
    result = result_of(state)
    graph = result.capture.graph
    weight = next(node for node in graph.nodes if "0.weight" in node.parameters)
    leaf = next(leaf for leaf in graph.leaves if leaf.node == weight.index)
    assert leaf.value is not None
    _, tensor, histogram = TAB.figures(result, clicked(state, weight.index))
    assert isinstance(tensor, Figure)
    heat = next(layer for layer in tensor.layers if isinstance(layer, Heat))
    np.testing.assert_array_equal(heat.values[::-1], leaf.value.sample)
    assert isinstance(histogram, Figure)
    bars = next(layer for layer in histogram.layers if isinstance(layer, Bars))
    assert bars.height.sum() == leaf.value.sample.size
    assert "All 16 elements" in histogram.note
    bias = next(node for node in graph.nodes if "0.bias" in node.parameters)
    _, tensor, _ = TAB.figures(result, clicked(state, bias.index))
    assert isinstance(tensor, Figure)
    assert any(isinstance(layer, Bars) for layer in tensor.layers)


@pytest.mark.parametrize("which", ["value", "saved", "incoming", "outgoing"])
def test_the_tensor_that_is_asked_for_is_shown_or_its_absence_explained(which: str) -> None:
    state = state_of("mlp", tensor=which)
    result = result_of(state)
    for node in result.capture.graph.nodes:
        _, tensor, _ = TAB.figures(result, clicked(state, node.index))
        assert isinstance(tensor, Figure)
        assert tensor.layers or node.name in tensor.note or tensor.note.endswith(".")
    if which != "value":
        far = state.changed(slot=90)
        _, tensor, _ = TAB.figures(result, clicked(far, 0))
        assert isinstance(tensor, Figure)
        assert not tensor.layers
        assert "counted from 0" in tensor.note


@pytest.mark.parametrize("name", NAMES)
def test_the_code_runs_and_prints_the_counts(name: str) -> None:
    state = state_of(name)
    result = result_of(state)
    out = io.StringIO()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(out), contextlib.suppress(RuntimeError):
        exec(TAB.code(state), {"__name__": "__main__"})
    counts = result.numbers()["counts"]
    printed = out.getvalue()
    if result.capture.graph.failure is None:
        assert f"nodes: {counts['nodes']}\n" in printed
        assert f"edges: {counts['edges']}\n" in printed
        for kind, count in counts["by_name"].items():
            assert re.search(rf"^ *{count} {re.escape(kind)}$", printed, re.MULTILINE), kind


def test_the_presets_of_the_page_are_states_and_run() -> None:
    for preset in PRESETS:
        if preset.values.get("view") == "graph":
            result = result_of(GraphState().changed(**preset.values))
            assert result.capture.graph.nodes


def test_torchs_generator_stays_where_it_was() -> None:
    before = torch.random.get_rng_state()
    result_of(state_of("mlp", seed=7))
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_empty_graph_says_so_and_is_no_crash() -> None:
    capture = Capture(walked([torch.ones(2)]).graph)
    assert not capture.graph.nodes
    state = GraphState()
    request = TAB.request(state)
    assert isinstance(request, GraphRequest)
    view = finished(graph_view(capture.graph, request.shown))
    drawing = finished(drawn(capture.graph, None, view, False))
    result = GraphPageResult(request=request, capture=capture, view=view, drawing=drawing, overview=tuple(overview(capture)))
    for colour in ("kind", "gradient", "memory", "time", "torchviz"):
        picture = TAB.figures(result, state.changed(colour=colour, find="x", kinds="Add", trace=True))[0]
        assert isinstance(picture, GraphFigure)
        assert "no graph" in picture.note
    first = TAB.explain(result, state).blocks[0]
    assert isinstance(first, Verdict)
    assert first.role == "warning"
    assert result.numbers()["counts"]["nodes"] == 0
    assert TAB.document("dot", result, state).startswith(b"digraph")


def test_of_a_custom_function_the_words_say_where_its_backward_is() -> None:
    state = state_of("custom")
    result = result_of(state)
    node = next(node for node in result.capture.graph.nodes if node.kind == "custom")
    source = example("custom").program().splitlines()
    line = next(at for at, text in enumerate(source, start=1) if "def backward" in text)
    assert node.defined.rpartition(":")[2] in (str(line), str(line - 1))  # of the function, or of its decorator
    clicked = TAB.gesture(state, Gesture("click", "graph", "node", node.index, 0.0, 0.0))
    assert f"It is in {node.defined.replace(':', ', line ')}." in text_of(TAB.explain(result, clicked).blocks)


def test_a_click_on_a_parameters_chip_chooses_its_accumulategrad_and_its_paths() -> None:
    """In the folded MLP the weight has no box; its gradient's way from the loss is shown all the same."""
    state = GraphState().changed(example="mlp", trace=True)
    result = result_of(state)
    boxes = result.drawing.boxes
    row = next(row for row, names in enumerate(boxes.badges) if any(name.endswith("0.weight") for name in names))
    ident = boxes.badge_idents[row][[name.endswith("0.weight") for name in boxes.badges[row]].index(True)]
    node = result.capture.graph.nodes[ident]
    assert (node.kind, node.parameters) == ("accumulate", ("0.weight",))
    clicked = TAB.gesture(state, Gesture("click", "graph", "node", ident, 0.0, 0.0))
    picture = TAB.figures(result, clicked)[0]
    assert isinstance(picture, GraphFigure)
    assert picture.selected == (row,)
    assert picture.chip == ident
    assert picture.path
    blocks = TAB.explain(result, clicked).blocks
    assert isinstance(blocks[0], Verdict)
    assert blocks[0].text.startswith("AccumulateGrad")


def test_paths_without_a_choice_say_what_to_click() -> None:
    state = state_of("lecture").changed(trace=True)
    result = result_of(state)
    picture = TAB.figures(result, state)[0]
    assert "Click a node or a parameter" in picture.badge
    assert picture.note == ""  # which would move the graph when it goes
    root = result.capture.graph.roots[0]
    chosen = TAB.gesture(state, Gesture("click", "graph", "node", root, 0.0, 0.0))
    assert TAB.figures(result, chosen)[0].badge == ""


def test_a_group_that_was_clicked_and_then_opened_leaves_the_tensor_of_the_loss() -> None:
    state = GraphState().changed(example="gpt", depth=3)
    result = result_of(state)
    item = next(item for item in result.view.items if item.times > 1)
    chosen = TAB.gesture(state, Gesture("click", "graph", "node", item.ident, 0.0, 0.0))
    assert "group" in TAB.figures(result, chosen)[1].note
    opened = TAB.gesture(chosen, Gesture("click", "graph", "toggle", item.ident, 0.0, 0.0))
    after = TAB.figures(result_of(opened), opened)[1]
    assert after.title == "loss"
