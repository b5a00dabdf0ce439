"""Colours, searches, paths and marks: against plain Python, and quickly at 20,000 boxes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from tests.graph.pages_of_the_graph import capture_of, finished, made, view_of
from visualizer.base.experiment import Request
from visualizer.base.roles import Role
from visualizer.experiments.graph import looks
from visualizer.experiments.graph.captures import captured_run
from visualizer.experiments.graph.drawing import drawn
from visualizer.experiments.graph.model import Capture, Graph
from visualizer.experiments.graph.programs import run_program
from visualizer.experiments.graph.requests import source_of
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import GraphState
from visualizer.experiments.graph.view_model import GraphView
from visualizer.figures.graph import Boxes, Edges, Frames, GraphDrawing, GraphFigure


def drawing_of(view: GraphView) -> GraphDrawing:
    """All boxes in one column; where they stand means nothing here."""
    count = len(view.items)
    zeros, words = np.zeros(count), ("",) * count
    none = np.zeros(0)
    idents = np.asarray([item.ident for item in view.items], dtype=np.int32)
    boxes = Boxes(idents, zeros, np.arange(count) * 60.0, zeros, zeros, words, words, words, ((),) * count,
                  words, ("box",) * count, np.zeros(count, dtype=bool), np.ones(count, dtype=np.int32))
    return GraphDrawing(boxes, Frames(none, none, none, none, none, (), none),  # type: ignore[arg-type]
                        Edges(view.source, view.target, none, none, none, none), 1.0, 1.0)  # type: ignore[arg-type]


def result_of(capture: Capture, fold: str = "none", **options: Any) -> GraphResult:
    view = view_of(capture.graph, fold, **options)
    return GraphResult(request=Request(), capture=capture, view=view, drawing=drawing_of(view))


def figure(result: GraphResult, **changes: Any) -> GraphFigure:
    chosen = changes.pop("chosen", None)
    state = GraphState().changed(**changes)
    if chosen is not None:
        state = state.changed(selected=f"{source_of(state).key}:{chosen}")
    return looks.figure_of("graph", "A graph", result, state)


def reach(graph: Graph, start: int, forth: bool) -> set[int]:
    pairs = list(zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True))
    found, waiting = {start}, [start]
    while waiting:
        at = waiting.pop()
        for a, b in pairs:
            here, there = (a, b) if forth else (b, a)
            if here == at and there not in found:
                found.add(there)
                waiting.append(there)
    return found


@pytest.mark.parametrize("name", ["mlp", "residual", "tied", "square", "diamond"])
def test_the_paths_of_a_node_are_all_that_lead_to_it_and_on_from_it(name: str) -> None:
    capture = capture_of(name)
    graph = capture.graph
    result = result_of(capture)
    for node in range(len(graph.nodes)):
        picture = figure(result, chosen=node, trace=True)
        above, below = reach(graph, node, False), reach(graph, node, True)
        assert picture.selected == (node,)
        assert picture.dimmed is not None
        assert set(np.flatnonzero(~picture.dimmed).tolist()) == above | below
        edges = {row for row, (a, b) in enumerate(zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True))
                 if (a in above and b in above) or (a in below and b in below)}
        assert set(picture.path) == edges


def test_a_folded_leaf_is_shown_by_all_that_use_it() -> None:
    graph = made(["Add", "Mul", "Sub", "Neg", "pw"], [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4)])
    result = result_of(Capture(graph), "parameters")
    picture = figure(result, chosen=4, trace=True)
    assert picture.selected == (1, 2)
    assert picture.dimmed is not None
    assert picture.dimmed.tolist() == [False, False, False, True]
    assert len(picture.path) == 2
    # What only shares the leaf with the chosen node is not on its way.
    other = figure(result, chosen=2, trace=True)
    assert other.dimmed is not None
    assert other.dimmed.tolist() == [False, True, False, True]


def test_a_search_looks_at_names_modules_parameters_shapes_and_lines() -> None:
    capture = capture_of("mlp")
    result = result_of(capture)
    nodes = capture.graph.nodes
    for words, wanted in (
        ("addmm", {node.index for node in nodes if "Addmm" in node.name}),
        ("0.WEIGHT", {node.index for node in nodes if "0.weight" in node.parameters}),
        ("nothing at all", set()), ("", set()),
    ):
        assert set(figure(result, find=words).found) == wanted
    line = next(capture.graph.lines[node.line] for node in nodes if node.line >= 0)
    assert set(figure(result, find=line.text).found) >= {node.index for node in nodes if node.line >= 0
                                                         and capture.graph.lines[node.line] == line}
    assert list(figure(result, find="addmm").found) == sorted(figure(result, find="addmm").found)


def test_only_some_kinds_leaves_the_others_dimmed() -> None:
    capture = capture_of("mlp")
    result = result_of(capture)
    picture = figure(result, kinds="Relu, addmm")
    assert picture.dimmed is not None
    for node in capture.graph.nodes:
        assert picture.dimmed[node.index] == (not node.name.startswith(("Relu", "Addmm")))
    assert figure(result, kinds=" , ").dimmed is None


@pytest.mark.parametrize("fold", ["none", "modules"])
def test_memory_counts_what_is_shared_once(fold: str) -> None:
    capture = capture_of("mlp")
    result = result_of(capture, fold)
    storages = {saved.tensor.storage: saved.tensor.kept for node in capture.graph.nodes for saved in node.saved if saved.tensor}
    from visualizer.experiments.graph.prepared import prepared_for

    known = prepared_for(result.capture, result.view, result.drawing)
    assert 0 < known.memory.sum() <= sum(saved.tensor.kept for node in capture.graph.nodes for saved in node.saved if saved.tensor)
    assert known.memory.sum() == sum(storages.values())


@pytest.mark.parametrize("colour", ["gradient", "memory", "time"])
def test_shades_rise_with_what_they_show(colour: str) -> None:
    capture = capture_of("mlp")
    result = result_of(capture)
    picture = figure(result, colour=colour)
    assert picture.shades is not None
    assert np.nanmin(picture.shades) >= 0
    assert np.nanmax(picture.shades) <= 1
    assert any(entry.shade == 1.0 for entry in picture.legend)
    if colour == "gradient":
        assert capture.backward is not None
        norms = {step.node: step.incoming[0].norm for step in capture.backward.steps if step.incoming and step.incoming[0]}
        order = sorted(norms, key=lambda node: norms[node])
        shades = picture.shades[order]
        assert (np.diff(shades) >= -1e-12).all()


def test_shades_are_logarithmic() -> None:
    shades, low, high = looks.shades_of(np.asarray([1.0, 10.0, 100.0, 0.0, np.nan, np.inf]))
    np.testing.assert_allclose(shades[:3], [0.0, 0.5, 1.0])
    assert np.isnan(shades[3:]).all()
    assert (low, high) == (1.0, pytest.approx(100.0))
    assert np.isnan(looks.shades_of(np.asarray([np.nan, 0.0]))[0]).all()
    assert looks.shades_of(np.asarray([3.0, 3.0]))[0].tolist() == [0.5, 0.5]
    largest, least = np.finfo(np.float64).max, 5e-324
    assert looks.shades_of(np.asarray([largest, 1.0]))[2] == largest
    assert looks.shades_of(np.asarray([least]))[1:] == (least, least)


def test_torchviz_has_its_own_colours_and_legend() -> None:
    picture = figure(result_of(capture_of("lecture")), colour="torchviz")
    assert picture.torchviz
    assert [entry.text for entry in picture.legend] == ["leaf", "output", "function"]


def test_the_first_nan_is_marked_where_it_was_made() -> None:
    picture = figure(result_of(capture_of("nan")))
    assert any("first here" in text and role is Role.BAD for _, text, role in picture.notes)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_failure_is_marked_where_it_happened_or_on_the_closed_group_around_it(level: int) -> None:
    text = """
class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
        self.inner = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Linear(5, 2))

    def forward(self, x):
        return self.inner(self.first(x))

model = Broken()
loss = model(torch.ones(2, 3)).sum()
"""
    capture = finished(captured_run(run_program(text))).capture
    assert capture.graph.failure is not None
    assert not any("output" in title for title in finished(drawn(capture.graph, None, view_of(capture.graph), False)).boxes.titles)
    view = view_of(capture.graph, "modules", level)
    drawing = drawing_of(view)
    from visualizer.experiments.graph.prepared import prepared_for

    (row, said, role), = prepared_for(capture, view, drawing).notes
    assert role is Role.BAD
    failed = next(one for one in capture.graph.operations if one.error)
    if view.items[row].operation >= 0:
        assert (view.items[row].operation, said) == (failed.index, "failed here")
    else:
        assert (capture.graph.calls[view.items[row].call].path, said) == ({0: "", 1: "inner"}[level], "failed in here")


def test_figures_of_twenty_thousand_boxes_take_milliseconds() -> None:
    count = 20_000
    graph = made(["Add"] * count, [(at, at + 1) for at in range(count - 1)])
    result = result_of(Capture(graph))
    finished(looks.prepare(result.capture, result.view, result.drawing))

    def quickest(**changes: Any) -> float:
        times = []
        for attempt in range(5):
            fresh = dict(changes)
            if "find" in fresh:
                fresh["find"] = f"{fresh['find']}{' ' * attempt}"
            started = time.perf_counter()
            figure(result, **fresh)
            times.append(time.perf_counter() - started)
        return min(times)

    for changes in ({}, {"colour": "memory"}, {"find": "mul"}, {"kinds": "Mul"}, {"chosen": 10_000, "trace": True}):
        assert quickest(**changes) < 0.01
