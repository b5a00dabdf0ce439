"""The page of tensors that are not in the graph, against what the tensors themselves say."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visualizer.base.experiment import Gesture
from visualizer.base.explanation import Formula, Numbers, Paragraph, Table, Verdict
from visualizer.experiments.graph import captures
from visualizer.experiments.graph.examples.catalogue import EXAMPLES, example
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.graph.model import OUTSIDE_IDENT
from visualizer.experiments.graph.pages.absent import AbsentResult, kept_of
from visualizer.experiments.graph.pages_base import begin
from visualizer.experiments.graph.programs import run_program
from visualizer.experiments.graph.requests import shown_of, source_of
from visualizer.experiments.graph.state import GraphState
from visualizer.experiments.graph.view_model import GraphView
from visualizer.figures.graph import GraphFigure
from visualizer.figures.model import Figure, Segments

TAB = GraphTab()
_results: dict[GraphState, AbsentResult] = {}


def state_of(name: str, **values: Any) -> GraphState:
    return GraphState().changed(view="absent", example=name, fold="none", **values)


def result_of(state: GraphState) -> AbsentResult:
    bare = state.changed(selected="")
    if bare not in _results:
        last = [found for found in TAB.run(TAB.request(bare)) if found is not None][-1]
        assert isinstance(last, AbsentResult)
        _results[bare] = last
    return _results[bare]


def drawn(state: GraphState) -> tuple[Any, GraphView, Any]:
    source = source_of(state)
    steps = begin(source, shown_of(state, source))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: tuple[Any, GraphView, Any] = end.value
            return found


def variables(name: str) -> dict[str, Any]:
    space: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        exec(example(name).program(), space)
    return space


def reached(root: Tensor) -> tuple[set[Any], set[int]]:
    """The nodes behind a tensor, and the ids of the leaves."""
    nodes: set[Any] = set()
    waiting: list[Any] = [root.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is not None and node not in nodes:
            nodes.add(node)
            waiting += [one for one, _ in node.next_functions]
    return nodes, {id(node.variable) for node in nodes if hasattr(node, "variable")}


@pytest.mark.parametrize("name", [entry.name for entry in EXAMPLES if entry.name not in ("after", "views")])
def test_a_named_tensor_is_in_the_graph_if_its_own_node_is(name: str) -> None:
    space = variables(name)
    root = space.get("loss", space.get("output"))
    assert isinstance(root, Tensor)
    nodes, leaves = reached(root)
    rows = {one: row for row in result_of(state_of(name)).rows for one in row.name.split(" = ")}
    checked = 0
    for variable, tensor in space.items():
        if isinstance(tensor, Tensor) and variable in rows:
            inside = tensor.grad_fn in nodes if tensor.grad_fn is not None else id(tensor) in leaves
            assert rows[variable].inside is inside, variable
            checked += 1
    assert checked >= 1


def test_each_reason_of_the_example_is_the_right_one() -> None:
    rows = {row.name: row.reason for row in result_of(state_of("detach")).rows if row.name != "unnamed"}
    assert rows == {"w": "", "x": "frozen", "h": "", "fixed": "detach", "scale": "inputs", "place": "integer", "unused": "unused",
                    "loss": ""}


def test_the_table_says_of_every_absent_tensor_why_and_what_to_change() -> None:
    state = state_of("detach")
    blocks = TAB.explain(result_of(state), state).blocks
    assert isinstance(blocks[0], Verdict)
    absent = next(block for block in blocks if isinstance(block, Table))
    words = {row[0]: row for row in absent.rows}
    assert set(words) == {"x", "fixed", "unnamed", "scale", "place", "unused"}
    assert all(all(cell for cell in row) for row in absent.rows)
    assert "lost in Tensor.mul (line 7)" in words["scale"][2]
    assert "torch.no_grad()" in words["scale"][2]
    assert words["fixed"][1] == "detach, line 5"


@pytest.mark.parametrize(("name", "words"), [
    ("fixed", "detach"), ("place", "integers"), ("scale", "nothing that went into it"), ("unused", "the loss does not depend"),
])
def test_a_click_on_a_dashed_box_explains_it(name: str, words: str) -> None:
    state = state_of("detach")
    result = result_of(state)
    operation = next(one for one in result.capture.graph.operations if name in one.variables)
    item = next(item for item in result.view.items if item.operation == operation.index)
    chosen = state.changed(selected=f"{source_of(state).key}:{OUTSIDE_IDENT + operation.index}")
    assert item.ident == OUTSIDE_IDENT + operation.index
    blocks = TAB.explain(result, chosen).blocks
    assert isinstance(blocks[0], Verdict)
    assert blocks[0].text.startswith(f"{name} is not in the graph")
    assert words in blocks[0].text
    figure = TAB.figures(result, chosen)[0]
    assert isinstance(figure, GraphFigure)
    assert [int(figure.drawing.boxes.ident[row]) for row in figure.selected] == [item.ident]
    assert any(isinstance(block, Paragraph) and block.text.startswith("To change that:") for block in blocks)


def test_a_click_on_a_box_of_the_graph_says_that_it_is_in_it() -> None:
    state = state_of("detach")
    result = result_of(state)
    node = next(node for node in result.capture.graph.nodes if "h" in node.variables)
    first = TAB.explain(result, state.changed(selected=f"{source_of(state).key}:{node.index}")).blocks[0]
    assert isinstance(first, Verdict)
    assert (first.text, first.role) == ("h is in the graph.", "good")


def test_the_rule_is_worked_out_with_the_inputs_of_the_chosen_operation() -> None:
    state = state_of("detach")
    result = result_of(state)
    operation = next(one for one in result.capture.graph.operations if "fixed" in one.variables)
    blocks = TAB.explain(result, state.changed(selected=f"{source_of(state).key}:{OUTSIDE_IDENT + operation.index}")).blocks
    worked = [block for block in blocks if isinstance(block, Formula)][1]
    assert worked.latex.endswith(r"\mathrm{true} \wedge \mathrm{false} \wedge (\mathrm{true}) = \mathrm{false}")
    numbers = next(block for block in blocks if isinstance(block, Numbers))
    assert [(row.name, row.value) for row in numbers.rows] == [("h", "requires_grad")]


@pytest.mark.parametrize("name", ["lecture", "mlp", "residual", "attention", "gpt", "lstm", "cnn", "losses", "detach"])
def test_the_memory_that_is_kept_is_what_the_nodes_have_saved(name: str) -> None:
    space = variables(name)
    root = space.get("loss", space.get("output"))
    assert isinstance(root, Tensor)
    storages: dict[int, int] = {}
    held = []
    for node in reached(root)[0]:
        for attribute in dir(node):
            if attribute.startswith("_saved_"):
                value = getattr(node, attribute)
                for tensor in value if isinstance(value, (tuple, list)) else (value,):
                    if isinstance(tensor, Tensor):
                        held.append(tensor)
                        storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    kept = kept_of(result_of(state_of(name)).capture.graph)
    assert len(kept) == len(storages)
    # Also of the LSTM's gates, which are parts of one tensor each: one of them keeps all four alive.
    assert sum(one.bytes for one in kept) == sum(storages.values())
    assert {one.name for one in kept if one.leaf} <= {row.name for row in result_of(state_of(name)).rows if row.leaf >= 0}


def test_the_largest_tensors_have_bars_and_the_rest_one_together() -> None:
    state = state_of("gpt")
    result = result_of(state)
    figure = TAB.figures(result, state)[1]
    assert isinstance(figure, Figure)
    bars = np.sort(np.concatenate([layer.x1 for layer in figure.layers if isinstance(layer, Segments)]))
    assert len(bars) == 13
    factor = {"B": 1, "KiB": 1024, "MiB": 1024**2}[figure.x.unit]
    assert bars.sum() * factor == pytest.approx(sum(one.bytes for one in result.kept))
    sizes = [one.bytes for one in result.kept]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("name", ["after", "checkpoint", "chain"])
def test_without_saved_tensors_the_figure_says_why(name: str) -> None:
    state = state_of(name)
    figure = TAB.figures(result_of(state), state)[1]
    assert isinstance(figure, Figure)
    assert figure.layers or figure.note


@pytest.mark.parametrize("name", ["detach", "mlp", "broadcast"])
def test_the_code_runs_and_says_the_same_of_every_variable(name: str) -> None:
    state = state_of(name)
    told = io.StringIO()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(told):
        exec(TAB.code(state), {})
    lines = [line.split() for line in told.getvalue().splitlines() if "in the graph:" in line]
    said = {line[0]: line[4] == "True" for line in lines}
    rows = {row.name: row.inside for row in result_of(state).rows}
    assert set(said) <= set(rows)
    assert {name: rows[name] for name in said} == said


@pytest.mark.parametrize("name", ["lstm", "mlp", "residual"])  # torch calls no hook for a number such as the 2.0 in x / 2.0
def test_the_code_counts_the_memory_that_the_page_shows(name: str) -> None:
    state = state_of(name)
    told = io.StringIO()
    with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(told):
        exec(TAB.code(state), {})
    kept = kept_of(result_of(state).capture.graph)
    assert told.getvalue().splitlines()[-1] == f"saved tensors: {len(kept)} with {sum(one.bytes for one in kept)} bytes"


def test_the_numbers_list_every_tensor() -> None:
    numbers = result_of(state_of("detach")).numbers()
    fixed = next(one for one in numbers["tensors"] if one["name"] == "fixed")
    assert fixed == {"name": "fixed", "made_by": "Tensor.detach", "line": 5, "shape": [8], "dtype": "float32", "in_graph": False,
                     "reason": "detach"}


def test_the_dashed_boxes_are_drawn_on_this_page_only() -> None:
    state = state_of("detach")
    assert any(item.operation >= 0 for item in result_of(state).view.items)
    _, view, _ = drawn(state.changed(view="graph"))
    assert not any(item.operation >= 0 for item in view.items)


@pytest.mark.parametrize(("text", "words", "absent"), [
    ("w = torch.ones(2, requires_grad=True)\nh = w.detach()\nloss = h.sum()", "There is no graph", {"w", "h", "loss"}),
    ("w = torch.ones(2, requires_grad=True)\nh = w.detach()\nloss = (w * h) @ torch.ones(3)", "in line 3", {"h", "unnamed"}),
    ("loss = = 1", "Line 1 is not Python", set()),
])
def test_a_program_that_fails_or_has_no_graph_is_explained_as_far_as_it_ran(
    text: str, words: str, absent: set[str], monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(captures, "_made", lambda source: captures.captured_run(run_program(text)))
    captures.forget()
    state = state_of("detach")
    result = [found for found in TAB.run(TAB.request(state)) if found is not None][-1]
    captures.forget()
    assert isinstance(result, AbsentResult)
    first = TAB.explain(result, state).blocks[0]
    assert isinstance(first, Verdict)
    assert words in first.text
    assert first.role == "bad"
    assert {row.name for row in result.rows if not row.inside} == absent
    figure = TAB.figures(result, state)[0]
    assert isinstance(figure, GraphFigure)
    assert figure.note


def test_a_click_on_a_leaf_outside_of_the_graph_tells_why_and_what_to_change() -> None:
    state = state_of("lecture")
    result = result_of(state)
    row = result.drawing.boxes.titles.index("x")
    assert result.drawing.boxes.outlines[row] == "dashed"
    assert not result.drawing.boxes.foldable[row]
    ident = int(result.drawing.boxes.ident[row])
    clicked = TAB.gesture(state, Gesture("click", "absent", "node", ident, 0.0, 0.0))
    blocks = TAB.explain(result, clicked).blocks
    assert isinstance(blocks[0], Verdict)
    assert blocks[0].text == "x is not in the graph: it is a leaf with requires_grad=False."
    assert any(isinstance(block, Paragraph) and "call x.requires_grad_()" in block.text for block in blocks)
    found = TAB.figures(result, state.changed(find="x"))[0]
    assert isinstance(found, GraphFigure)
    assert row in found.found
