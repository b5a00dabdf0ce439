"""Folding: parameters into badges, module calls into groups, equal blocks into one; nothing is lost, nothing becomes a cycle."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.graph.pages_of_the_graph import capture_of, finished, graph_of, made, shown, view_of
from visualizer.experiments.graph.drawing import Writer
from visualizer.experiments.graph.examples.catalogue import EXAMPLES
from visualizer.experiments.graph.model import GROUP_IDENT, LEAF_IDENT, OUTSIDE_IDENT, REPEAT_IDENT, Call, Graph
from visualizer.experiments.graph.view import graph_view
from visualizer.experiments.graph.view_model import GraphView
from visualizer.experiments.graph.walking import walked

NAMES = [entry.name for entry in EXAMPLES]


def acyclic(view: GraphView) -> bool:
    """By taking away, again and again, what has no successor."""
    ahead: dict[int, set[int]] = {row: set() for row in range(len(view.items))}
    behind: dict[int, set[int]] = {row: set() for row in range(len(view.items))}
    for source, target in zip(view.source.tolist(), view.target.tolist(), strict=True):
        ahead[source].add(target)
        behind[target].add(source)
    ends = [row for row, following in ahead.items() if not following]
    gone = 0
    while ends:
        row = ends.pop()
        gone += 1
        for before in behind[row]:
            ahead[before].discard(row)
            if not ahead[before]:
                ends.append(before)
    return gone == len(view.items)


def check(graph: Graph, view: GraphView) -> None:
    """What holds of every view."""
    idents = [item.ident for item in view.items]
    assert len(set(idents)) == len(idents)
    held = Counter(node for item in view.items for node in item.members)
    assert set(held) == set(range(len(graph.nodes)))  # every node is somewhere,
    assert set(held.values()) <= {1}                  # once
    for row, item in enumerate(view.items):
        assert all(view.item_of[node] == row for node in item.members)
        assert (item.node >= 0) == (item.ident < GROUP_IDENT)
        assert item.members[:1] == ((item.node,) if item.node >= 0 else item.members[:1])
        assert -1 <= item.group < len(view.groups)
    for row, group in enumerate(view.groups):
        assert -1 <= group.parent < row
    assert (view.source != view.target).all()
    assert acyclic(view)


@pytest.mark.parametrize("name", NAMES)
def test_unfolded_every_node_is_an_item_and_every_edge_a_link(name: str) -> None:
    graph = capture_of(name).graph
    view = view_of(graph, "none")
    check(graph, view)
    inside = [item for item in view.items if item.operation < 0]
    assert [item.node for item in inside] == list(range(len(graph.nodes)))
    assert not view.groups
    assert not any(item.badges for item in view.items)
    real = view.count > 0
    np.testing.assert_array_equal(view.source[real], graph.edges.source)
    np.testing.assert_array_equal(view.target[real], graph.edges.target)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_badges_of_the_nodes_that_use_them(name: str) -> None:
    graph = capture_of(name).graph
    view = view_of(graph, "parameters")
    check(graph, view)
    shown_leaves = {item.node for item in view.items if item.node >= 0 and graph.nodes[item.node].kind == "accumulate"}
    assert shown_leaves <= set(graph.roots)
    named = {badge for item in view.items for badge in item.badges}
    for node in graph.nodes:
        if node.kind == "accumulate" and node.parameters and node.index not in graph.roots:
            assert " = ".join(node.parameters) in named


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_whatever_is_open_or_closed_there_is_no_cycle(name: str, data: st.DataObject) -> None:
    graph = capture_of(name).graph
    idents = [GROUP_IDENT + call.index for call in graph.calls] + [REPEAT_IDENT + call.index for call in graph.calls]
    toggled = data.draw(st.lists(st.sampled_from(idents), unique=True)) if idents else []
    level, repeats = data.draw(st.integers(0, 4)), data.draw(st.booleans())
    check(graph, view_of(graph, "modules", level, repeats, toggled, data.draw(st.booleans())))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_nor_where_calls_were_guessed_wrongly(data: st.DataObject) -> None:
    """Calls as no forward pass can make them: not in one piece, nodes without a call between them."""
    count = data.draw(st.integers(2, 14))
    edges = [(a, b) for a in range(count) for b in range(a + 1, count) if data.draw(st.integers(0, 3)) == 0]
    parents = data.draw(st.lists(st.integers(-1, 3), min_size=0, max_size=5))
    calls = [Call(at, f"m{at}", "Block", 0, min(parent, at - 1), True) for at, parent in enumerate(parents)]
    of = data.draw(st.lists(st.integers(-1, len(calls) - 1), min_size=count, max_size=count))
    names = [data.draw(st.sampled_from(["Mul", "Add"])) for _ in range(count)]
    graph = made(names, edges or [(0, 1)], calls, of)
    idents = [base + at for base in (GROUP_IDENT, REPEAT_IDENT) for at in range(len(calls))]
    toggled = data.draw(st.lists(st.sampled_from(idents), unique=True)) if idents else []
    check(graph, view_of(graph, "modules", data.draw(st.integers(0, 3)), True, toggled))


def test_the_lectures_linear_layer_folds_to_three_nodes() -> None:
    graph = capture_of("lecture").graph
    assert len(graph.nodes) == 6
    view = view_of(graph, "parameters")
    assert [graph.nodes[item.node].name for item in view.items] == ["SigmoidBackward0", "ViewBackward0", "AddmmBackward0"]
    assert view.items[2].badges == ("0.weight", "0.bias")


def test_parallel_edges_are_links_each_and_a_leaf_that_is_used_twice_has_two_badges() -> None:
    x = torch.tensor([2.0], requires_grad=True)
    graph = walked([x * x], names={"x": x}).graph
    view = view_of(graph, "none")
    assert list(zip(view.source.tolist(), view.target.tolist(), view.count.tolist(), strict=True)) == [(0, 1, 1), (0, 1, 1)]
    folded = view_of(graph, "parameters")
    assert [len(item.badges) for item in folded.items] == [2]
    assert len(set(folded.items[0].badges)) == 1


def test_a_leaf_that_is_where_backward_starts_stays_a_box() -> None:
    x = torch.tensor(2.0, requires_grad=True)
    view = view_of(walked([x], names={"x": x}).graph, "parameters")
    assert [item.node for item in view.items] == [0]


def test_a_transpose_that_is_used_for_more_than_a_parameter_stays() -> None:
    w = torch.randn(2, 2, requires_grad=True)
    graph = walked([((w * 2).t() @ w.t()).sum()], names={"w": w}).graph
    view = view_of(graph, "parameters")
    assert [graph.nodes[item.node].title for item in view.items].count("T") == 1
    users = [item for item in view.items if item.badges]
    assert sorted(graph.nodes[item.node].title for item in users) == ["Mm", "Mul"]
    assert {badge for item in users for badge in item.badges} == {"w"}


class Shared(nn.Module):
    """One layer, used three times."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(4, 4), nn.Tanh())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(self.layer(self.layer(x)) * 2)  # type: ignore[no-any-return]


def test_a_layer_that_is_used_three_times_is_three_calls_with_one_weight() -> None:
    graph = graph_of(Shared(), torch.randn(2, 4))
    view = view_of(graph, "modules", 1, False)
    check(graph, view)
    closed = [item for item in view.items if item.node < 0]
    assert [graph.calls[item.call].title for item in closed] == [
        "layer · Sequential", "layer · Sequential (call 2)", "layer · Sequential (call 3)"]
    assert all(item.badges == ("layer.0.weight", "layer.0.bias") for item in closed)
    assert sum(node.kind == "accumulate" for node in graph.nodes) == 2


def test_groups_open_down_to_the_level_and_one_by_one() -> None:
    model = nn.Sequential(nn.Sequential(nn.Linear(3, 3), nn.ReLU()), nn.Sequential(nn.Linear(3, 2), nn.Tanh()))
    graph = graph_of(model, torch.randn(2, 3))
    paths = {call.path: call.index for call in graph.calls}

    def titles(level: int, *toggled: int) -> list[str]:
        view = view_of(graph, "modules", level, True, toggled)
        check(graph, view)
        return [graph.nodes[item.node].title if item.node >= 0 else graph.calls[item.call].path for item in view.items]

    assert titles(0) == ["", "Sum"]
    assert titles(1) == ["0", "1", "Sum"]
    assert titles(2) == ["Addmm", "Relu", "Addmm", "Tanh", "Sum"]
    assert titles(1, GROUP_IDENT + paths["1"]) == ["0", "Addmm", "Tanh", "Sum"]
    assert titles(2, GROUP_IDENT + paths["0"]) == ["0", "Addmm", "Tanh", "Sum"]
    # A call of a single node has no frame: opening it by hand changes nothing.
    assert titles(2, GROUP_IDENT + paths["0.1"]) == titles(2)


def repeats_in(graph: Graph, view: GraphView) -> list[tuple[str, int]]:
    return [(graph.calls[item.call].path, item.times) for item in view.items if item.times > 1]


def test_equal_blocks_one_after_the_other_are_one_item() -> None:
    graph = graph_of(nn.Sequential(nn.Linear(3, 8), *[layer for _ in range(12) for layer in (nn.Linear(8, 8), nn.ReLU())],
                                   nn.Linear(8, 1)), torch.randn(2, 3))
    view = view_of(graph, "modules", 1)
    check(graph, view)
    assert repeats_in(graph, view) == [("1", 12)]
    item = next(item for item in view.items if item.times > 1)
    assert item.ident == REPEAT_IDENT + item.call
    assert len(item.members) == 12 * 5  # Addmm, T, two AccumulateGrads, Relu
    assert Writer(graph, None, view).texts(item).title == "Linear + ReLU, 1 … 24"
    opened = view_of(graph, "modules", 1, True, (item.ident,))
    check(graph, opened)
    assert not repeats_in(graph, opened)
    assert {group.ident: group.title for group in opened.groups}[item.ident] == "×12 · Linear + ReLU, 1 … 24"
    assert len(opened.items) == len(view.items) - 1 + 24
    assert not repeats_in(graph, view_of(graph, "modules", 1, False))


def test_blocks_of_another_shape_or_another_operation_do_not_repeat() -> None:
    sizes = [3, 4, 5, 6]
    layers = [layer for a, b in pairwise(sizes) for layer in (nn.Linear(a, b), nn.ReLU())]
    graph = graph_of(nn.Sequential(*layers), torch.randn(2, 3))
    assert not repeats_in(graph, view_of(graph, "modules", 1))
    mixed = graph_of(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh()), torch.randn(2, 4))
    assert not repeats_in(mixed, view_of(mixed, "modules", 1))


class Parallel(nn.Module):
    """Three equal layers side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(4, 4) for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.q(x), self.k(x), self.v(x)
        return q + k + v  # type: ignore[no-any-return]


def test_equal_layers_side_by_side_are_no_repetition() -> None:
    graph = graph_of(Parallel(), torch.randn(2, 3, 4, requires_grad=True))
    assert not repeats_in(graph, view_of(graph, "modules", 1))


class Residual(nn.Module):
    def __init__(self, depth: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)) for _ in range(depth))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = x + block(x)
        return x


def test_the_addition_beside_a_block_repeats_with_it() -> None:
    graph = graph_of(nn.Sequential(nn.Linear(4, 4), Residual(5)), torch.randn(2, 4))
    view = view_of(graph, "modules", 2)
    check(graph, view)
    assert [times for _, times in repeats_in(graph, view)] == [5]
    assert sum(graph.nodes[item.node].title == "Add" for item in view.items if item.node >= 0) == 0


def test_repetitions_are_found_inside_of_blocks() -> None:
    model = nn.Sequential(nn.Linear(4, 4), Residual(3), nn.Linear(4, 4))
    graph = graph_of(nn.Sequential(nn.Linear(4, 4), model), torch.randn(2, 4))
    view = view_of(graph, "modules", 3)
    check(graph, view)
    assert [times for _, times in repeats_in(graph, view)] == [3]


def layers_without_modules(times: int) -> Graph:
    """tanh(x @ w) + x, so many times."""
    x = torch.randn(2, 4, requires_grad=True)
    h = x * 2.0
    for _ in range(times):
        h = torch.tanh(h @ torch.randn(4, 4, requires_grad=True)) + h
    return walked([h.sum()]).graph


@pytest.mark.parametrize("times", [2, 3, 12])
def test_code_that_repeats_without_modules_is_folded_too_if_it_is_long_enough(times: int) -> None:
    graph = layers_without_modules(times)
    view = view_of(graph, "modules")
    check(graph, view)
    boxes = [item for item in view.items if item.times > 1]
    if times == 2:
        assert boxes == []
        return
    box, = boxes
    assert (box.times, len(box.badges)) == (times, times)
    assert Counter(graph.nodes[at].title for at in box.members) == {
        "Mm": times, "Tanh": times, "Add": times, "AccumulateGrad": times}
    assert Writer(graph, None, view).texts(box).title == "Mm + Tanh + Add"
    opened = view_of(graph, "modules", toggled=[box.ident])
    check(graph, opened)
    assert [group.title for group in opened.groups] == [f"×{times} · Mm + Tanh + Add"]
    assert sum(item.group == 0 for item in opened.items) == 3 * times
    assert len(view_of(graph, "modules", repeats=False).items) == len(opened.items)


def test_equal_operations_side_by_side_are_no_repetition_however_many() -> None:
    w = torch.ones(2, requires_grad=True)
    graph = walked([torch.stack([w * number for number in range(3000)]).sum()]).graph
    began = time.perf_counter()
    view = view_of(graph, "modules")
    assert time.perf_counter() - began < 2.0
    assert not any(item.times > 1 for item in view.items)


def test_what_is_not_in_the_graph_is_dashed_and_linked_by_the_forward_pass() -> None:
    graph = capture_of("lecture").graph
    assert not any(item.operation >= 0 for item in view_of(graph, "none").items)
    names = [name for name in NAMES if any(one.reason and not one.nodes for one in capture_of(name).graph.operations)]
    assert names
    for name in names:
        graph = capture_of(name).graph
        view = view_of(graph, "none", outside=True)
        wanted = {OUTSIDE_IDENT + one.index for one in graph.operations if one.reason and not one.nodes}
        assert wanted <= {item.ident for item in view.items}
        for source, target in zip(view.source[view.count == 0].tolist(), view.target[view.count == 0].tolist(), strict=True):
            ends = view.items[source], view.items[target]
            assert any(end.operation >= 0 or end.leaf >= 0 for end in ends)


def test_a_leaf_outside_of_the_graph_is_drawn_at_what_has_used_it() -> None:
    """The lecture's x goes into Addmm, which has no edge for it; w.exp() of a leaf in the graph hangs on the leaf's node."""
    def ends(name: str, **folding: Any) -> set[tuple[str, str]]:
        graph = capture_of(name).graph
        view = view_of(graph, folding.get("fold", "none"), folding.get("level", 0), outside=True)

        def told(row: int) -> str:
            item = view.items[row]
            if item.leaf >= 0:
                return graph.leaves[item.leaf].names[0]
            return graph.operations[item.operation].name if item.operation >= 0 else graph.nodes[item.members[0]].title
        return {(told(source), told(target)) for source, target, count in
                zip(view.source.tolist(), view.target.tolist(), view.count.tolist(), strict=True) if count == 0}

    assert ends("lecture") == {("Addmm", "x")}
    assert {("Mul", "x"), ("Tensor.exp", "AccumulateGrad")} <= ends("detach")
    assert {("Addmm", "x"), ("MseLoss", "target")} <= ends("mlp", fold="parameters")
    graph = capture_of("lecture").graph
    assert not any(item.leaf >= 0 for item in view_of(graph, "none").items)
    item = next(item for item in view_of(graph, "none", outside=True).items if item.leaf >= 0)
    assert item.ident == LEAF_IDENT + item.leaf < 2**31
    assert not item.foldable


def test_twenty_thousand_nodes_take_less_than_a_second_in_short_steps() -> None:
    count = 20_000
    calls = [Call(0, "", "Model"), *(Call(1 + at, f"layers.{at}", "Block", 0, 0) for at in range(count // 4))]
    graph = made(["Add"] * count, [(at, at + 1) for at in range(count - 1)], calls, [1 + at // 4 for at in range(count)])
    started = time.process_time()
    for fold, level in (("none", 0), ("modules", 1), ("modules", 5)):
        view = finished(graph_view(graph, shown(fold, level, False)))  # type: ignore[arg-type]
        assert view.items
    assert time.process_time() - started < 3.0
