"""Problems of real graphs: a plain walk of ``next_functions``, modules' calls by sequence numbers noted in hooks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from visualizer.experiments.graph.layout.contract import Problem


def walk(root: Any) -> tuple[list[Any], list[tuple[int, int]]]:
    """All nodes from this one on, and all edges but those to None."""
    nodes, index, edges = [root], {root: 0}, []
    for node in nodes:
        for after, _ in node.next_functions:
            if after is not None:
                if after not in index:
                    index[after] = len(nodes)
                    nodes.append(after)
                edges.append((index[node], index[after]))
    return nodes, edges


def _sequence() -> int:
    return int((torch.ones(1, requires_grad=True) * 1).grad_fn._sequence_nr())  # type: ignore[union-attr]


def torch_problem(
    model: nn.Module, run: Callable[[], torch.Tensor], folded: bool = True, grouped: bool = True, leftward: bool = False,
) -> Problem:
    """The graph of ``run()`` with the model's calls as groups; ``folded``: without AccumulateGrad."""
    stack: list[tuple[str, int]] = []
    spans: list[tuple[int, int, tuple[str, ...]]] = []

    def enter(name: str) -> Callable[..., None]:
        return lambda *_: stack.append((f"{name}#{len(spans)}", _sequence()))

    def leave(*_: Any) -> None:
        path = tuple(name for name, _ in stack)
        _, since = stack.pop()
        spans.append((since, _sequence(), path))

    hooks = []
    for name, module in model.named_modules() if grouped else ():
        if name:
            hooks += [module.register_forward_pre_hook(enter(name)), module.register_forward_hook(leave)]
    root = run().grad_fn
    for hook in hooks:
        hook.remove()
    nodes, edges = walk(root)
    leaf = [hasattr(node, "variable") for node in nodes]
    paths: list[tuple[str, ...]] = []
    for node, ends in zip(nodes, leaf, strict=True):
        number = -1 if ends else node._sequence_nr()
        paths.append(max((path for since, until, path in spans if since < number < until), key=len, default=()))
    for index in [index for index, ends in enumerate(leaf) if ends]:
        users = [paths[source] for source, target in edges if target == index]
        common: list[str] = []
        for names in zip(*users, strict=False):
            if len(set(names)) > 1:
                break
            common.append(names[0])
        paths[index] = tuple(common)
    kept = {index: row for row, index in enumerate(index for index, ends in enumerate(leaf) if not (folded and ends))}
    groups: dict[tuple[str, ...], int] = {}
    parent: list[int] = []

    def group(path: tuple[str, ...]) -> int:
        if not path:
            return -1
        if path not in groups:
            above = group(path[:-1])
            groups[path] = len(parent)
            parent.append(above)
        return groups[path]

    of_box = [group(paths[index]) for index in kept]
    links = np.array(
        [(kept[source], kept[target]) for source, target in edges if source in kept and target in kept], dtype=np.int32
    ).reshape(-1, 2)
    width = np.array([40.0 + 7.0 * len(nodes[index].name()) for index in kept])
    return Problem(
        width, np.full(len(kept), 38.0), np.array(of_box, dtype=np.int32), np.array(parent, dtype=np.int32),
        np.full(len(parent), 100.0), links[:, 0].copy(), links[:, 1].copy(), leftward,
    )


class Residual(nn.Module):
    """Two convolutions with batch norms, and a connection around them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of (batch, channels, height, width)."""
        return torch.relu(x + self.second(torch.relu(self.norm(self.first(x)))))


class Unrolled(nn.Module):
    """An LSTM cell, step by step: four weights that every step uses."""

    def __init__(self) -> None:
        super().__init__()
        self.cell, self.read = nn.LSTMCell(3, 4), nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of (steps, batch, 3)."""
        state = torch.zeros(x.shape[1], 4), torch.zeros(x.shape[1], 4)
        for step in x:
            state = self.cell(step, state)
        return self.read(state[0])  # type: ignore[no-any-return]


def models() -> dict[str, tuple[nn.Module, torch.Tensor]]:
    """Models of several kinds, each with an input."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return {
            "lecture": (nn.Sequential(nn.Linear(5, 1), nn.Sigmoid()), torch.tensor([1.0, 2, 3, 4, 5])),
            "mlp": (nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1)), torch.ones(2, 5)),
            "residual": (nn.Sequential(Residual(3), Residual(3), nn.Flatten(), nn.Linear(48, 2)), torch.ones(2, 3, 4, 4)),
            "lstm": (Unrolled(), torch.ones(8, 2, 3)),
            "transformer": (
                nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2), torch.ones(2, 3, 8)
            ),
        }
