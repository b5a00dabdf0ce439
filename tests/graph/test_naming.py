"""Module calls guessed from the names of parameters, against the calls that hooks of the modules see."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.graph.plain_walk import Tied
from visualizer.experiments.graph.model import Graph
from visualizer.experiments.graph.walking import walked


def paths(graph: Graph) -> list[tuple[str, int]]:
    """Of function nodes, in the order in which they were made: path and which call of it."""
    made = sorted((node for node in graph.nodes if node.kind != "accumulate"), key=lambda node: node.sequence)
    return [(graph.calls[node.call].path, graph.calls[node.call].nth) if node.call >= 0 else ("-", 0) for node in made]


def way(graph: Graph, call: int) -> list[int]:
    found = []
    while call >= 0:
        found.append(call)
        call = graph.calls[call].parent
    return found[::-1]


def is_sound(graph: Graph) -> None:
    """Parents first, children's paths within; every call is an interval in the order of the nodes; no cycle between calls."""
    for call in graph.calls:
        assert call.guessed
        assert call.parent < call.index
        if call.parent >= 0:
            above = graph.calls[call.parent].path
            assert call.path.startswith(above + "." if above else "")
    for path, calls in Counter(call.path for call in graph.calls).items():
        assert sorted(call.nth for call in graph.calls if call.path == path) == list(range(calls))
    made = sorted((node for node in graph.nodes if node.kind != "accumulate"), key=lambda node: node.sequence)
    spans: dict[int, list[int]] = {}
    for rank, node in enumerate(made):
        for call in way(graph, node.call):
            spans.setdefault(call, []).append(rank)
    for ranks in spans.values():
        assert ranks == list(range(ranks[0], ranks[-1] + 1))


def real_calls(model: nn.Module, *arguments: Any) -> tuple[Any, Counter[str]]:
    """What the model returns, and how often each module was called."""
    names = {id(module): name for name, module in model.named_modules()}
    seen: Counter[str] = Counter()

    def note(module: nn.Module, given: Any) -> None:
        seen[names[id(module)]] += 1

    handles = [module.register_forward_pre_hook(note) for module in model.modules()]
    result = model(*arguments)
    for handle in handles:
        handle.remove()
    return result, seen


def test_the_lectures_model_is_a_linear_layer_and_a_sigmoid() -> None:
    model = nn.Sequential(nn.Linear(5, 1), nn.Sigmoid())
    graph = walked([model(torch.ones(2, 5))], model).graph
    assert [call.title for call in graph.calls] == ["Sequential", "0 · Linear", "1 · Sigmoid"]
    assert paths(graph) == [("0", 0), ("0", 0), ("1", 0)]
    is_sound(graph)


def test_nodes_of_the_loss_belong_to_no_module() -> None:
    model = nn.Linear(3, 2)
    graph = walked([nn.functional.mse_loss(model(torch.ones(4, 3)), torch.zeros(4, 2))], model).graph
    assert paths(graph) == [("", 0), ("", 0), ("-", 0)]


def test_a_layer_that_is_used_three_times_has_three_calls_and_its_weight_belongs_to_their_parent() -> None:
    model = Tied()
    result, seen = real_calls(model, torch.tensor([1, 2]))
    graph = walked([result.sum()], model).graph
    is_sound(graph)
    assert Counter(call.path for call in graph.calls) == seen
    weight = next(node for node in graph.nodes if node.parameters == ("layer.weight",))
    assert graph.calls[weight.call].path == ""
    relus = [node for node in graph.nodes if node.title == "Relu"]
    assert [graph.calls[node.call].path for node in relus] == [""] * 3


def test_tied_weights_belong_first_to_the_embedding_and_then_to_the_output_layer() -> None:
    model = Tied()
    graph = walked([model(torch.tensor([1, 2])).sum()], model).graph
    named = {(node.title, graph.calls[node.call].path) for node in graph.nodes if node.call >= 0}
    assert ("Embedding", "embedding") in named
    assert ("Mm", "output") in named


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(torch.tanh(self.first(x)))


class Stack(nn.Module):
    """Blocks in a ModuleList, each used so many times one after the other."""

    def __init__(self, times: list[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(2) for _ in times])
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        for block, count in zip(self.blocks, self.times, strict=True):
            for _ in range(count):
                x = block(x)
        return x


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_blocks_that_are_used_again_are_guessed_as_they_were_called(times: list[int]) -> None:
    model = Stack(times)
    result, seen = real_calls(model, torch.ones(3, 2))
    graph = walked([result.sum()], model).graph
    is_sound(graph)
    assert Counter(call.path for call in graph.calls) == seen
    assert all(call.type == type(model.get_submodule(call.path)).__name__ for call in graph.calls)


@pytest.mark.parametrize(("model", "shape"), [
    (nn.Sequential(nn.Conv1d(2, 4, 1), nn.BatchNorm1d(4), nn.ReLU(), nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Linear(8, 2)),
     (3, 2, 5)),
    (nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Dropout(0.5), nn.Linear(4, 4), nn.LogSoftmax(-1)), (3, 4)),
    (nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2, enable_nested_tensor=False), (5, 1, 4)),
    (nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Sequential(nn.Linear(4, 4, bias=False), nn.Tanh())), (3, 4)),
], ids=["convolution", "dropout", "transformer", "nested"])
def test_models_of_torch_are_guessed_soundly(model: nn.Module, shape: tuple[int, ...]) -> None:
    result, seen = real_calls(model, torch.randn(shape))
    graph = walked([result.sum()], model).graph
    is_sound(graph)
    with_parameters = {name for name, module in model.named_modules() if next(module.parameters(recurse=False), None) is not None}
    guessed = Counter(call.path for call in graph.calls)
    # MultiheadAttention takes the weights of its out_proj and never calls it.
    assert {path: guessed[path] for path in with_parameters} == {path: seen[path] or 1 for path in with_parameters}


def test_modules_without_parameters_are_recognised_by_what_they_make() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Softmax(-1))
    graph = walked([model(torch.ones(2, 4)).sum()], model).graph
    found = {node.title: graph.calls[node.call].title for node in graph.nodes if node.title in ("Relu", "Softmax")}
    assert found == {"Relu": "1 · ReLU", "Softmax": "3 · Softmax"}


def test_a_model_that_the_graph_does_not_use_has_no_calls() -> None:
    x = torch.ones(3, requires_grad=True)
    graph = walked([x.exp()], nn.Linear(2, 2)).graph
    assert graph.calls == ()
    assert all(node.call == -1 for node in graph.nodes)


def test_without_a_model_there_are_no_calls() -> None:
    assert walked([nn.Linear(3, 2)(torch.ones(3)).sum()]).graph.calls == ()


def test_double_backward_is_guessed_soundly() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1))
    x = torch.ones(2, 3, requires_grad=True)
    (grad,) = torch.autograd.grad(model(x).sum(), x, create_graph=True)
    is_sound(walked([(grad**2).sum()], model).graph)
