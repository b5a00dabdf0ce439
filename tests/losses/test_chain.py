"""The graph of a loss: walked as autograd has it, and laid out so that it can be read."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visualizer.experiments.losses.chain import Chain, chain_of, functions, shape_text
from visualizer.experiments.losses.drawing import graph_figure
from visualizer.experiments.losses.layered import layered
from visualizer.figures.model import Markers, Note, Segments


def recursive(node: Any) -> dict[int, Any]:
    """An independent walk."""
    found: dict[int, Any] = {}

    def visit(node: Any) -> None:
        if node is not None and id(node) not in found:
            found[id(node)] = node
            for child, _ in node.next_functions:
                visit(child)

    visit(node)
    return found


def kinds(chain: Chain, kind: str) -> list[str]:
    return [node.title for node in chain.nodes if node.kind == kind]


def test_a_product_of_a_tensor_with_itself_has_two_edges_to_it() -> None:
    x = torch.ones(3, requires_grad=True)
    chain = chain_of((x * x).sum(), {"x": x})
    product = next(index for index, node in enumerate(chain.nodes) if node.title == "MulBackward0")
    assert sum(link.source == product for link in chain.links) == 2
    assert len({link.target for link in chain.links if link.source == product}) == 1


def test_what_requires_no_gradient_is_an_edge_to_none_and_stands_apart() -> None:
    x, target = torch.ones(3, requires_grad=True), torch.zeros(3)
    chain = chain_of(torch.nn.functional.mse_loss(x, target), {"x": x, "target": target})
    assert kinds(chain, "function") == ["MseLossBackward0"]
    assert kinds(chain, "end") == ["None"]
    assert kinds(chain, "apart") == ["target"]
    assert kinds(chain, "leaf") == ["x"]
    assert kinds(chain, "accumulate") == ["AccumulateGrad"]
    at = chain.of("target")
    assert not any(at in (link.source, link.target) for link in chain.links)


def test_the_path_names_the_functions_between() -> None:
    x = torch.ones(2, requires_grad=True)
    chain = chain_of((x.exp() * 2).sum(), {"x": x})
    assert [chain.nodes[index].title for index in chain.path("x")] == [
        "SumBackward0", "MulBackward0", "ExpBackward0", "AccumulateGrad", "x",
    ]
    assert chain.path("nothing") == ()


def test_a_loss_without_a_graph_and_no_loss_at_all() -> None:
    x = torch.ones(2)
    chain = chain_of(x.sum(), {"x": x})
    assert not chain.exists
    assert chain.nodes[chain.loss].title == "loss"
    assert chain_of(None, {"x": x}).loss == -1
    assert chain_of(None, {"x": x}).path("x") == ()


def test_another_graph_is_there_and_marked_as_not_reached() -> None:
    x, w = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    y = x * w
    chain = chain_of((w**2).sum(), {"x": x, "w": w, "y": y})
    reached = {node.title: node.reached for node in chain.nodes if node.kind in ("function", "leaf")}
    assert reached == {"SumBackward0": True, "PowBackward0": True, "MulBackward0": False, "w": True, "x": False}
    assert chain.path("x") == ()
    assert chain.path("y") == ()


def test_a_chain_of_ten_thousand_is_walked_and_the_rest_is_counted() -> None:
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(10_000):
        y = y + 1
    assert len(functions(y)[0]) == 10_001
    chain = chain_of(y, {"x": x}, most=30)
    assert len(kinds(chain, "function")) == 30
    assert chain.left_out > 0
    assert f"{chain.left_out} more functions" in graph_figure("graph", "title", chain).note


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=14))
def test_nodes_and_edges_are_those_of_an_independent_walk(plan: list[tuple[int, int, int]]) -> None:
    tensors = [torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True), torch.ones(2)]
    for what, one, other in plan:
        a, b = tensors[one % len(tensors)], tensors[other % len(tensors)]
        tensors.append((a * b, a + b, a.exp(), a.detach(), torch.sin(b))[what])
    loss = tensors[-1].sum()
    names = {f"t{index}": tensor for index, tensor in enumerate(tensors)}
    chain = chain_of(loss, names)
    expected = recursive(loss.grad_fn)
    assert sum(node.kind in ("function", "accumulate") and node.reached for node in chain.nodes) == len(expected)
    edges = sum(len(node.next_functions) for node in expected.values())
    leaves = sum(hasattr(node, "variable") for node in expected.values())
    found = [link for link in chain.links if chain.nodes[link.source].reached]
    assert len(found) == edges + leaves
    figure = graph_figure("graph", "title", chain)
    assert len({layer.key for layer in figure.layers}) == len(figure.layers)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.data())
def test_no_two_nodes_or_names_in_a_row_touch(count: int, data: st.DataObject) -> None:
    pairs = list(itertools.combinations(range(count), 2))
    edges = data.draw(st.lists(st.sampled_from(pairs), max_size=20)) if pairs else []
    widths = data.draw(st.lists(st.floats(10.0, 160.0), min_size=count, max_size=count))
    layout = layered(widths, edges)
    for one, other in itertools.combinations(range(count), 2):
        close = abs(layout.y[one] - layout.y[other]) < 0.99
        if close:
            distance = abs(layout.x[one] - layout.x[other])
            assert distance > 30.0
            if layout.above[one] == layout.above[other]:
                assert distance >= (widths[one] + widths[other]) / 2
    for source, target in edges:
        assert layout.x[source] < layout.x[target]
    assert all(0 <= x <= layout.width for x in layout.x)
    assert all(-layout.rows - 1e-9 <= y <= 1e-9 for y in layout.y)
    assert [len(way) >= 2 for way in layout.ways] == [True] * len(edges)


def test_a_long_edge_passes_beside_the_nodes_between() -> None:
    layout = layered([20.0] * 3, [(0, 1), (1, 2), (0, 2)])
    way = layout.ways[2]
    assert len(way) == 3
    assert abs(way[1][1] - layout.y[1]) >= 1.0


def test_a_path_with_hanging_ends_stays_straight() -> None:
    layout = layered([50.0] * 4, [(0, 1), (1, 2)], {3: 1})
    assert len({layout.y[node] for node in (0, 1, 2)}) == 1
    assert layout.x[3] == pytest.approx(layout.x[1])
    assert layout.y[3] < layout.y[1]


def test_the_figure_names_every_node_and_draws_every_edge() -> None:
    layer = torch.nn.Linear(5, 3)
    loss = layer(torch.ones(5)).pow(2).sum()
    chain = chain_of(loss, {"weight": layer.weight, "bias": layer.bias, "loss": loss})
    figure = graph_figure("graph", "title", chain, asked="weight", notes={"weight": ".grad is None"})
    notes = [entry.text for entry in figure.layers if isinstance(entry, Note)]
    assert "weight (3, 5): .grad is None" in notes
    assert "bias (3)" in notes
    assert sum(text == "AccumulateGrad" for text in notes) == 2
    drawn = sum(entry.x.size for entry in figure.layers if isinstance(entry, Markers) and entry.key.startswith("nodes"))
    assert drawn == len(chain.nodes)
    heads = sum(entry.x0.size for entry in figure.layers if isinstance(entry, Segments) and entry.arrow)
    assert heads == len(chain.links)
    asked = next(entry for entry in figure.layers if entry.key == "asked")
    assert isinstance(asked, Markers)
    assert np.isfinite(asked.x).all()


def test_shapes_are_written_as_in_the_documentation() -> None:
    assert [shape_text(shape) for shape in ((), (3,), (2, 3))] == ["()", "(3)", "(2, 3)"]


def test_names_are_shortened_only_as_far_as_there_is_no_room() -> None:
    x = torch.ones(2, requires_grad=True)
    y = x
    texts = []
    for count in (1, 5, 7, 12):
        for _ in range(count):
            y = y.exp()
        figure = graph_figure("graph", "title", chain_of(y, {"x": x}))
        texts.append([entry.text for entry in figure.layers if isinstance(entry, Note)])
    assert any(text.startswith("ExpBackward0") for text in texts[1])
    assert texts[0] == ["loss = ExpBackward0 (2)", "AccumulateGrad", "x (2)"]
    assert "Exp" in texts[3]
    assert "AccumulateGrad" not in texts[3]
