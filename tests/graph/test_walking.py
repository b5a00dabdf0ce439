"""The walked graph against a plain walk of ``next_functions``."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge

from tests.graph.plain_walk import Scale, Tied, names_by_leaf, plain_walk
from visualizer.experiments.graph import walking
from visualizer.experiments.graph.holding import Live
from visualizer.experiments.graph.model import Graph
from visualizer.experiments.graph.walking import Walked, walk, walked


def same_graph(found: Walked, *roots: Tensor) -> None:
    """Nodes, edges and empty slots are those of the plain walk; nodes are the very objects."""
    plain, graph, live = plain_walk(*roots), found.graph, found.live
    assert {id(node) for node in live} == set(plain.nodes)
    assert len(live) == len(graph.nodes) == len(plain.nodes)
    edges = graph.edges
    ours = {
        (id(live[source]), slot, id(live[target]), number)
        for source, slot, target, number in zip(
            edges.source.tolist(), edges.slot.tolist(), edges.target.tolist(), edges.target_slot.tolist(), strict=True)
    }
    assert ours == plain.edges
    assert len(edges) == len(plain.edges)
    assert {(id(live[node.index]), slot) for node in graph.nodes for slot in node.empty} == plain.empty
    for node, real in zip(graph.nodes, live, strict=True):
        assert node.name == real.name().split("::")[-1]


def titles(graph: Graph) -> list[str]:
    return [node.title for node in graph.nodes]


@pytest.mark.parametrize(("shape", "nodes", "edges"), [((5,), 6, 5), ((3, 5), 5, 4)])
def test_the_lectures_graph_has_the_counts_that_torch_gives(shape: tuple[int, ...], nodes: int, edges: int) -> None:
    model = nn.Sequential(nn.Linear(5, 1), nn.Sigmoid())
    output = model(torch.ones(shape))
    found = walked([output], model)
    assert (len(found.graph.nodes), len(found.graph.edges)) == (nodes, edges)
    same_graph(found, output)
    assert found.graph.roots == (0,)
    assert found.graph.nodes[0].title == "Sigmoid"
    assert sorted(titles(found.graph)) == sorted(
        ["Sigmoid", "Addmm", "T", "AccumulateGrad", "AccumulateGrad"] + (["View"] if nodes == 6 else []))


def test_a_product_of_a_tensor_with_itself_has_two_edges_from_two_slots() -> None:
    x = torch.ones(3, requires_grad=True)
    graph = walked([x * x]).graph
    assert titles(graph) == ["Mul", "AccumulateGrad"]
    assert graph.edges.slot.tolist() == [0, 1]
    assert graph.edges.target.tolist() == [1, 1]


def test_a_slot_that_leads_nowhere_is_kept_as_empty() -> None:
    x = torch.ones(3, requires_grad=True)
    graph = walked([3.0 * x]).graph
    assert graph.nodes[0].empty == (1,)
    assert graph.edges.slot.tolist() == [0]


def test_the_output_that_was_used_is_the_target_slot() -> None:
    x = torch.ones(4, 3, requires_grad=True)
    first, second = x.split(2)
    loss = second.sum()
    found = walked([loss])
    same_graph(found, loss)
    split = next(node for node in found.graph.nodes if node.title == "Split")
    assert found.graph.edges.target_slot[found.graph.edges.target == split.index].tolist() == [1]
    assert [kind.shape for kind in split.outputs] == [(2, 3), (2, 3)]
    assert first.shape == (2, 3)


def test_types_are_those_of_what_the_forward_pass_returned() -> None:
    x = torch.ones(2, 3, requires_grad=True)
    h = x.to(torch.bfloat16)
    loss = h.sum(0)
    nodes = {node.title: node for node in walked([loss]).graph.nodes}
    assert nodes["Sum"].outputs == (((3,), "bfloat16"),)
    assert nodes["ToCopy"].outputs == (((2, 3), "bfloat16"),)
    assert nodes["AccumulateGrad"].outputs == (((2, 3), "float32"),)


def test_later_operations_have_larger_sequence_numbers_and_accumulate_grad_none() -> None:
    x = torch.ones(3, requires_grad=True)
    graph = walked([(x.exp() * x).sum()]).graph
    assert all(node.sequence == -1 for node in graph.nodes if node.kind == "accumulate")
    for source, target in zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True):
        assert graph.nodes[source].sequence > graph.nodes[target].sequence


def test_a_users_function_is_custom() -> None:
    x = torch.ones(3, requires_grad=True)
    graph = walked([Scale.apply(x, 3.0, ["a"]).sum()]).graph
    assert [node.kind for node in graph.nodes] == ["function", "custom", "accumulate"]
    assert graph.nodes[1].title == "Scale"
    assert graph.nodes[1].empty == ()  # only tensors have slots


def test_parameters_have_the_names_of_named_parameters_and_tied_ones_all_of_theirs() -> None:
    model = Tied()
    loss = nn.functional.cross_entropy(model(torch.tensor([1, 2])), torch.tensor([2, 3]))
    found = walked([loss], model)
    same_graph(found, loss)
    expected = names_by_leaf(model)
    for node, live in zip(found.graph.nodes, found.live, strict=True):
        if node.kind == "accumulate":
            assert list(node.parameters) == expected[id(live.variable)]
    tied = [node for node in found.graph.nodes if "output.weight" in node.parameters]
    assert [node.parameters for node in tied] == [("embedding.weight", "output.weight")]


def test_leaves_are_the_parameters_in_their_order_then_buffers_and_say_why_they_are_not_in_the_graph() -> None:
    model = Tied()
    graph = walked([model(torch.tensor([1])).sum()], model).graph
    assert [(leaf.names, leaf.reason, leaf.parameter) for leaf in graph.leaves] == [
        (("embedding.weight", "output.weight"), "", True),
        (("layer.weight",), "", True),
        (("layer.bias",), "", True),
        (("idle.weight",), "unused", True),
        (("idle.bias",), "frozen", True),
        (("positions",), "integer", False),
    ]
    for leaf in graph.leaves:
        assert (leaf.node >= 0) == (leaf.reason == "")
        if leaf.node >= 0:
            assert graph.nodes[leaf.node].parameters == leaf.names


def test_leaves_hold_the_tensors_of_the_model_and_their_values() -> None:
    model = nn.Linear(3, 2)
    found = walked([model(torch.ones(1, 3)).sum()], model)
    assert [tensor is parameter for tensor, parameter in zip(found.leaves, model.parameters(), strict=True)] == [True, True]
    value = found.graph.leaves[0].value
    assert value is not None
    np.testing.assert_array_equal(value.sample, model.weight.detach().numpy().astype(float))


def test_an_input_is_a_leaf_with_the_name_that_was_given() -> None:
    x, target = torch.ones(3, requires_grad=True), torch.zeros(3)
    h = x.exp()
    loss = ((h - target) ** 2).sum()
    graph = walked([loss], names={"x": x, "target": target, "h": h, "loss": loss}).graph
    assert [(leaf.names, leaf.reason, leaf.requires_grad) for leaf in graph.leaves] == [
        (("x",), "", True), (("target",), "frozen", False),
    ]
    assert {node.title: node.variables for node in graph.nodes if node.variables} == {"Sum": ("loss",), "Exp": ("h",)}
    assert graph.nodes[graph.leaves[0].node].parameters == ("x",)


def test_several_roots_come_first_and_what_requires_no_gradient_is_left_out() -> None:
    x = torch.ones(3, requires_grad=True)
    one, two, three = x.exp(), x.sin(), torch.ones(3)
    found = walked([one, three, two])
    assert found.graph.roots == (0, 1)
    assert titles(found.graph)[:2] == ["Exp", "Sin"]
    assert [root is tensor for root, tensor in zip(found.roots, (one, two), strict=True)] == [True, True]
    same_graph(found, one, two)


def test_a_root_may_be_an_edge_a_leaf_or_nothing_at_all() -> None:
    x = torch.ones(3, requires_grad=True)
    assert titles(walked([get_gradient_edge(x.exp())]).graph) == ["Exp", "AccumulateGrad"]
    assert titles(walked([x]).graph) == ["AccumulateGrad"]
    empty = walked([torch.ones(3)])
    assert empty.graph.nodes == ()
    assert empty.graph.roots == ()
    assert len(empty.graph.edges) == 0


def test_double_backward_is_walked_as_torch_has_built_it() -> None:
    x = torch.ones(3, requires_grad=True)
    (grad,) = torch.autograd.grad((x.exp() * x).sum(), x, create_graph=True)
    loss = (grad**2).sum()
    same_graph(walked([loss]), loss)


def test_a_change_of_a_view_in_place_is_walked_as_torch_has_built_it() -> None:
    x = torch.ones(3, requires_grad=True)
    h = x.clone()
    h[0].mul_(3.0)
    loss = h.sum()
    found = walked([loss])
    same_graph(found, loss)
    assert "CopySlices" in titles(found.graph)


def test_values_of_nodes_are_known_where_somebody_has_saved_them() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    h = x.exp()
    loss = (h * h).sum()
    nodes = {node.title: node for node in walked([loss]).graph.nodes}
    exp, total = nodes["Exp"].value, nodes["Sum"].value
    assert exp is not None
    assert total is not None
    np.testing.assert_array_equal(exp.sample, [h.tolist()])
    np.testing.assert_array_equal(total.sample, [[loss.item()]])
    assert nodes["Mul"].value is None


def test_twenty_thousand_additions_are_walked_and_let_go() -> None:
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y + 1.0
    found = walked([y])
    del y
    assert (len(found.graph.nodes), len(found.graph.edges)) == (20_001, 20_000)
    assert found.graph.nodes[-1].kind == "accumulate"


def test_a_walk_answers_often() -> None:
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(5_000):
        y = y + 1.0
    run = walk([y])
    del y
    assert sum(1 for _ in run) >= 3


def test_a_walk_may_be_left_half_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "SLICE", 0.0)
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(2_000):
        y = y + 1.0
    run = walk([y])
    next(run)
    run.close()
    assert len(walked([y]).graph.nodes) == 2_001


DEEP = """
import torch
from visualizer.experiments.graph.walking import walked
x = torch.ones(1, requires_grad=True)
y = x
for _ in range({count}):
    y = y + 1.0
{then}
print("alive")
"""


@pytest.mark.parametrize("then", [
    "found = walked([y]); assert len(found.graph.nodes) == {count} + 1; del y; del found",
    "found = walked([y]); live = found.live; del y; del found; del live",
    "import visualizer; c = visualizer.capture(y, backward=False); del y; import time; time.sleep(0.3)",
], ids=["walked", "nodes held on their own", "captured, the loss is the user's"])
def test_a_very_deep_graph_is_walked_and_destroyed_without_a_crash(then: str) -> None:
    """torch destroys nodes that Python has seen by recursion, which ends the process at this depth unless they go in order."""
    script = DEEP.format(count=200_000, then=then.format(count=200_000))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stdout.strip()) == (0, "alive"), done.stderr


def test_nodes_are_let_go_in_the_given_order() -> None:
    gone: list[int] = []

    class Thing:
        def __init__(self, number: int) -> None:
            self.number = number

        def __del__(self) -> None:
            gone.append(self.number)

    live = Live([Thing(number) for number in range(4)], (2, 0, 3, 1))
    del live
    assert gone == [2, 0, 3, 1]


def test_nodes_of_several_threads_are_ordered_by_their_edges() -> None:
    x = torch.ones(2, requires_grad=True)
    for _ in range(5):
        h = x.exp()
    made: list[Tensor] = []
    thread = threading.Thread(target=lambda: made.append(h.sin()))  # its sequence numbers begin anew
    thread.start()
    thread.join()
    loss = made[0].sum()
    found = walked([loss])
    graph = found.graph
    numbers = [node.sequence for node in graph.nodes]
    assert any(numbers[s] < numbers[t] for s, t in zip(graph.edges.source, graph.edges.target, strict=True))
    place = {at: rank for rank, at in enumerate(walking.downward(graph.nodes, graph.edges))}
    assert all(place[s] < place[t] for s, t in zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True))
    assert len(place) == len(graph.nodes)


OPERATIONS: list[Any] = [
    lambda a, b: a + b, lambda a, b: a * b, lambda a, b: a - 2.0 * b, lambda a, b: torch.tanh(a), lambda a, b: a.detach() * b,
    lambda a, b: torch.stack([a, b]).sum(0), lambda a, b: a.clone().mul_(b), lambda a, b: torch.cat([a, b]).chunk(2)[1],
    lambda a, b: Scale.apply(a, 2.0, []), lambda a, b: (a[:1] + b), lambda a, b: torch.where(a > 0, a, b),
]


@given(st.lists(st.tuples(st.integers(0, len(OPERATIONS) - 1), st.integers(0, 30), st.integers(0, 30)), max_size=30), st.booleans())
def test_a_random_program_gives_the_graph_of_a_plain_walk(steps: list[tuple[int, int, int]], frozen: bool) -> None:
    tensors = [torch.ones(3, requires_grad=True), torch.full((3,), 0.5, requires_grad=not frozen), torch.zeros(3)]
    for operation, first, second in steps:
        tensors.append(OPERATIONS[operation](tensors[first % len(tensors)], tensors[second % len(tensors)]))
    roots = [tensor for tensor in tensors[-2:] if tensor.requires_grad]
    found = walked(roots)
    same_graph(found, *roots)
    assert [found.live[root] for root in found.graph.roots] == list(dict.fromkeys(get_gradient_edge(root).node for root in roots))


@pytest.mark.parametrize("model", [
    nn.LSTM(3, 4, num_layers=2), nn.GRU(3, 4), nn.TransformerEncoderLayer(4, 2, 8), nn.MultiheadAttention(4, 2), nn.LSTMCell(3, 4),
    nn.Sequential(nn.Conv1d(3, 4, 1), nn.BatchNorm1d(4), nn.ReLU(), nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Linear(8, 2)),
], ids=lambda model: type(model).__name__)
def test_layers_of_torch_give_the_graph_of_a_plain_walk(model: nn.Module) -> None:
    match model:
        case nn.MultiheadAttention():
            result = model(*[torch.randn(5, 1, 4)] * 3)
        case nn.TransformerEncoderLayer():
            result = model(torch.randn(5, 1, 4))
        case nn.LSTMCell():
            result = model(torch.randn(2, 3))
        case nn.Sequential():
            result = model(torch.randn(2, 3, 5))
        case _:
            result = model(torch.randn(5, 1, 3))
    loss = (result[0] if isinstance(result, tuple) else result).sum()
    found = walked([loss], model)
    same_graph(found, loss)
    named = {name for node in found.graph.nodes for name in node.parameters}
    assert named <= {name for name, _ in model.named_parameters()}
    assert named


def test_a_nested_tensor_is_walked_without_its_shape() -> None:
    x = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=torch.jagged, requires_grad=True)
    loss = x.exp().values().sum()
    found = walked([loss])
    same_graph(found, loss)
    assert "Exp" in titles(found.graph)
