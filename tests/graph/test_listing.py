"""The JSON of a graph: what a script reads is what a walk of next_functions finds."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn

from tests.graph.pages_of_the_graph import capture_of, finished, made, view_of
from visualizer.base.json_text import json_text
from visualizer.experiments.graph.drawing import drawn
from visualizer.experiments.graph.examples.catalogue import EXAMPLES, example
from visualizer.experiments.graph.listing import listed, longest_path, unique_bytes
from visualizer.experiments.graph.model import Capture, Preview, TensorType
from visualizer.experiments.graph.walking import walked
from visualizer.figures.model import readonly


def plain_walk(root: Any) -> tuple[list[Any], list[tuple[int, int, int, int]]]:
    nodes, edges = [root], []
    for at, node in enumerate(nodes):
        for slot, (following, number) in enumerate(node.next_functions):
            if following is not None:
                if following not in nodes:
                    nodes.append(following)
                edges.append((at, slot, nodes.index(following), number))
    return nodes, edges


@pytest.mark.parametrize("shape", [(5,), (3, 5)])
def test_counts_nodes_and_edges_are_those_of_a_plain_walk(shape: tuple[int, ...]) -> None:
    model = nn.Sequential(nn.Linear(5, 1), nn.Sigmoid())
    output = model(torch.ones(shape))
    found = listed(Capture(walked([output], model).graph))
    nodes, edges = plain_walk(output.grad_fn)
    assert found["counts"]["nodes"] == len(nodes) == (6 if len(shape) == 1 else 5)
    assert found["counts"]["edges"] == len(edges) == (5 if len(shape) == 1 else 4)
    names = [node.name().rpartition("::")[2] for node in nodes]
    assert Counter(row["name"] for row in found["nodes"]) == Counter(names)
    by_name = Counter((names[a], slot, names[b], to) for a, slot, b, to in edges)
    mine = {row["index"]: row["name"] for row in found["nodes"]}
    assert Counter((mine[row["from"]], row["slot"], mine[row["to"]], row["to_slot"]) for row in found["edges"]) == by_name
    owners = {name: path for path, module in model.named_modules() for name in
              (f"{path}.{own}".lstrip(".") for own, _ in module.named_parameters(recurse=False))}
    for row in found["nodes"]:
        if row["parameters"]:
            assert row["module"] == owners[row["parameters"][0]]
    parameters = {name for row in found["nodes"] for name in row["parameters"]}
    assert parameters == {name for name, _ in model.named_parameters()}


@pytest.mark.parametrize("name", [entry.name for entry in EXAMPLES])
def test_it_can_be_written_as_json(name: str) -> None:
    capture = capture_of(name)
    read = json.loads(json_text(listed(capture)))
    assert read["counts"]["nodes"] == len(capture.graph.nodes) == len(read["nodes"])
    assert read["counts"]["edges"] == len(capture.graph.edges) == len(read["edges"])
    assert all({"name", "kind", "shape", "module", "parameters"} <= set(row) for row in read["nodes"])
    assert all(set(row) == {"from", "slot", "to", "to_slot"} for row in read["edges"])


def test_the_longest_path_counts_edges() -> None:
    assert longest_path(made(["A", "B", "C", "D"], [(0, 1), (0, 3), (1, 2), (2, 3)])) == 3
    assert longest_path(made(["A"], [])) == 0


def test_memory_that_is_shared_counts_once() -> None:
    def tensor(size: int, storage: int, whole: int = 0) -> Preview:
        return Preview(TensorType((size,), "float32"), 4 * size, readonly([[0.0]]), storage=storage, whole=whole)

    assert unique_bytes([tensor(10, 1), tensor(5, 1), tensor(3, 2), tensor(2, -1), tensor(2, -1)]) == 4 * (10 + 3 + 2 + 2)
    assert unique_bytes([tensor(1, 1, 100), tensor(1, 1, 100), tensor(2, 2, 8)]) == 108


@pytest.mark.parametrize("name", ["lstm", "gpt", "transformer", "cnn"])
def test_the_memory_of_a_graph_is_that_of_the_storages_which_its_nodes_hold(name: str) -> None:
    entry = example(name)
    program = entry.program({"length": 6, "width": 8, "batch": 4})
    space: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}
    with torch.random.fork_rng(devices=[]):
        exec(program, space)
    held: dict[int, Any] = {}
    for node in plain_walk(space["loss"].grad_fn)[0]:
        for attribute in dir(node):
            value = getattr(node, attribute) if attribute.startswith("_saved_") else ()
            for tensor in value if isinstance(value, (tuple, list)) else (value,):
                if isinstance(tensor, torch.Tensor):
                    storage = tensor.untyped_storage()
                    held[storage.data_ptr()] = storage
    capture = Capture(walked([space["loss"]], space.get("model")).graph)
    total = sum(storage.nbytes() for storage in held.values())
    assert listed(capture)["memory"]["saved_bytes"] == total
    from visualizer.experiments.graph.prepared import prepared_for

    view = view_of(capture.graph, "none")
    drawing = finished(drawn(capture.graph, None, view, False))
    assert prepared_for(capture, view, drawing).memory.sum() == total
