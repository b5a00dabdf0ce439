"""What the tests compare with: a walk of ``next_functions`` as anybody would write it, and what ``dir`` knows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass
class Plain:
    """Nodes by ``id`` (held, so that no id is used twice), edges as (node, slot, node, slot), and slots that lead nowhere."""

    nodes: dict[int, Any]
    edges: set[tuple[int, int, int, int]]
    empty: set[tuple[int, int]]

    @property
    def counts(self) -> tuple[int, int]:
        return len(self.nodes), len(self.edges)


def plain_walk(*roots: Tensor) -> Plain:
    """Depth first, with a stack."""
    found = Plain({}, set(), set())
    stack = [torch.autograd.graph.get_gradient_edge(root).node for root in roots]
    while stack:
        node = stack.pop()
        if id(node) in found.nodes:
            continue
        found.nodes[id(node)] = node
        for slot, (function, number) in enumerate(node.next_functions):
            if function is None:
                found.empty.add((id(node), slot))
            else:
                found.edges.add((id(node), slot, id(function), number))
                stack.append(function)
    return found


def names_by_leaf(model: nn.Module) -> dict[int, list[str]]:
    """By ``id`` of the parameter: all its names."""
    found: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        found.setdefault(id(parameter), []).append(name)
    return found


class Scale(torch.autograd.Function):
    """A user's function with an argument that is no tensor."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float, words: list[str]) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(x, 2 * x)
        ctx.factor, ctx.words, ctx.thing = factor, words, object()
        return x * factor

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return grad * ctx.factor, None, None


class Tied(nn.Module):
    """An embedding that is the output layer, too; one layer used three times; what is not used, and what is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.layer = nn.Linear(4, 4)
        self.output = nn.Linear(4, 10, bias=False)
        self.output.weight = self.embedding.weight
        self.idle = nn.Linear(2, 2)
        self.idle.bias.requires_grad_(False)
        self.register_buffer("positions", torch.arange(3))

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.embedding(tokens)
        for _ in range(3):
            hidden = torch.relu(self.layer(hidden))
        scores: Tensor = self.output(hidden)
        return scores
