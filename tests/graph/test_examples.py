"""Every entry of the catalogue: it runs, gives a graph, and its graph is what a plain walk and a plain backward say."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visualizer.base.errors import UserError
from visualizer.experiments.graph.captures import Captured, captured, forget
from visualizer.experiments.graph.examples.catalogue import EXAMPLES, SIZES, Example, example, example_options
from visualizer.experiments.graph.programs import run_program
from visualizer.experiments.graph.requests import source_of
from visualizer.experiments.graph.state import GraphState

NAMES = [entry.name for entry in EXAMPLES]
ENTRIES = pytest.mark.parametrize("entry", EXAMPLES, ids=NAMES)


def plain(entry: Example, seed: int = 0) -> dict[str, Any]:
    """The program without anything of ours around it."""
    space: dict[str, Any] = {"torch": torch, "nn": nn, "F": nn.functional}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        exec(compile(entry.program(), entry.name, "exec"), space)
    return space


def root_of(space: dict[str, Any]) -> Tensor:
    found = space.get("loss", space.get("output"))
    assert isinstance(found, Tensor)
    return found


def walk(root: Tensor) -> tuple[dict[int, Any], int]:
    """Nodes by id, held, and the number of edges that lead somewhere."""
    nodes: dict[int, Any] = {}
    edges, waiting = 0, [root.grad_fn]
    while waiting:
        node: Any = waiting.pop()
        if id(node) in nodes:
            continue
        nodes[id(node)] = node
        following = [one for one, _ in node.next_functions if one is not None]
        edges += len(following)
        waiting += following
    return nodes, edges


_kept: dict[str, Captured] = {}


def run(entry: Example, **values: Any) -> Captured:
    if not values and entry.name in _kept:
        return _kept[entry.name]
    steps = captured(source_of(GraphState().changed(example=entry.name, **values)))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Captured = end.value
            if not values:
                _kept[entry.name] = found
            return found


@ENTRIES
def test_the_graph_is_that_of_the_plain_program(entry: Example) -> None:
    root = root_of(plain(entry))
    nodes, edges = walk(root)
    graph = run(entry).capture.graph
    assert graph.failure is None
    assert (len(graph.nodes), len(graph.edges)) == (len(nodes), edges)
    assert sorted(node.name for node in graph.nodes) == sorted(node.name().rpartition("::")[2] for node in nodes.values())
    assert graph.loss is not None
    assert graph.loss.norm == pytest.approx(root.detach().double().norm().item(), rel=1e-6, nan_ok=True)


@ENTRIES
def test_the_leaves_have_the_gradients_of_the_plain_program(entry: Example) -> None:
    space = plain(entry)
    root = root_of(space)
    found = run(entry)
    backward = found.capture.backward
    assert backward is not None
    if entry.name == "after":  # it ran backward itself, and a second time is refused
        assert "second time" in backward.error
        return
    assert backward.equal is True
    nodes, _ = walk(root)
    root.backward(torch.ones_like(root))  # type: ignore[no-untyped-call]
    norms = sorted(float(node.variable.grad.double().norm()) for node in nodes.values() if hasattr(node, "variable"))
    graph = found.capture.graph
    ours = sorted(grad.after.norm for grad in backward.grads if grad.after is not None and graph.leaves[grad.leaf].node >= 0)
    assert ours == pytest.approx(norms, rel=1e-5, nan_ok=True)


@ENTRIES
def test_every_node_has_an_operation_and_a_line_of_the_program(entry: Example) -> None:
    graph = run(entry).capture.graph
    program = entry.program().splitlines()
    for node in graph.nodes:
        if node.kind != "accumulate":
            assert node.operation >= 0, node.name
            line = graph.lines[node.line]
            assert line.text == program[line.number - 1].strip()
    parameters = [leaf for leaf in graph.leaves if leaf.requires_grad]
    assert all(leaf.names for leaf in parameters)


@ENTRIES
def test_the_program_is_short_and_its_entry_complete(entry: Example) -> None:
    assert len(entry.program().splitlines()) <= 26
    assert max(map(len, entry.program().splitlines())) <= 132
    assert entry.help.endswith((".", "?"))
    assert set(entry.sizes) <= set(SIZES)
    assert set(entry.most) <= set(entry.sizes)
    for name in entry.uses:
        assert name in entry.code, f"{name} is offered and not used"


@ENTRIES
def test_the_smallest_sizes_give_a_graph(entry: Example) -> None:
    ran = run_program(entry.program(dict.fromkeys(entry.uses, 1)), entry.name)
    assert ran.recording.failure is None
    assert len(ran.roots) == 1


@pytest.mark.parametrize("entry", [entry for entry in EXAMPLES if "width" in entry.sizes], ids=lambda entry: str(entry.name))
def test_odd_widths_give_a_graph(entry: Example) -> None:
    ran = run_program(entry.program({"width": 7}), entry.name)
    assert ran.recording.failure is None


def test_names_and_titles_are_there_once() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert len({entry.title for entry in EXAMPLES}) == len(EXAMPLES)
    assert [option.name for option in example_options()] == NAMES
    with pytest.raises(KeyError):
        example("nothing")


def test_the_lectures_graph_has_six_nodes_and_on_a_batch_five() -> None:
    graph, batch = (run(example(name)).capture.graph for name in ("lecture", "lecture_batch"))
    assert (len(graph.nodes), len(graph.edges)) == (6, 5)
    assert (len(batch.nodes), len(batch.edges)) == (5, 4)
    assert sorted(node.title for node in graph.nodes) == ["AccumulateGrad", "AccumulateGrad", "Addmm", "Sigmoid", "T", "View"]


@pytest.mark.parametrize(("name", "sizes", "words"), [
    ("mlp", {"depth": 20_000}, "at most 3,000"),
    ("gpt", {"width": 4096}, "million numbers"),
    ("resnet", {"width": 4096}, "million numbers"),
])
def test_sizes_that_would_take_minutes_are_refused_in_words(name: str, sizes: dict[str, int], words: str) -> None:
    with pytest.raises(UserError, match=words):
        run(example(name), **sizes)


def test_a_chain_of_20000_additions_is_captured() -> None:
    forget()
    graph = run(example("chain"), depth=20_000).capture.graph
    assert len(graph.nodes) == 20_002
    assert len(graph.operations) == 20_001
    forget()


def test_a_shared_layer_has_three_calls_and_one_weight() -> None:
    graph = run(example("shared")).capture.graph
    assert [call.nth for call in graph.calls if call.path == "layer"] == [0, 1, 2]
    assert [leaf.names for leaf in graph.leaves if leaf.parameter] == [("layer.weight",), ("layer.bias",)]


def test_tied_weights_are_one_leaf_with_both_names() -> None:
    graph = run(example("tied")).capture.graph
    assert [leaf.names for leaf in graph.leaves if leaf.parameter] == [("embedding.weight", "output.weight")]


def test_declaring_the_catalogue_needs_no_torch() -> None:
    code = ("import sys; from visualizer.experiments.graph.examples.catalogue import EXAMPLES; "
            "assert len(EXAMPLES) > 20; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)")
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_in_the_lectures_layer_the_weight_gets_its_gradient_though_only_output_and_target_reach_the_loss() -> None:
    """Against the closed form: dL/dW = 2/3 (Wx + b - t) x\u1d40, dL/db = 2/3 (Wx + b - t)."""
    found = run(example("lecture_loss")).capture
    leaves = {leaf.names[0]: leaf.value.sample for leaf in found.graph.leaves if leaf.parameter and leaf.value is not None}
    assert found.backward is not None
    grads = {found.graph.leaves[grad.leaf].names[0]: grad for grad in found.backward.grads}
    x, target = np.array([1.0, 2.0, 3.0, 2.0, 1.0]), np.array([4.0, 5.0, 6.0])
    off = leaves["weight"] @ x + leaves["bias"].ravel() - target
    assert all(grad.before is None and grad.after is not None for grad in grads.values())
    assert grads["weight"].after.sample == pytest.approx(2 / 3 * np.outer(off, x), rel=1e-5)  # type: ignore[union-attr]
    assert grads["bias"].after.sample.ravel() == pytest.approx(2 / 3 * off, rel=1e-5)  # type: ignore[union-attr]
    assert "target" not in {name for node in found.graph.nodes for name in node.parameters}
