"""The odd graphs of a user, from a script's capture through its file to every page: counts of a plain walk, torch's gradients."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import visualizer
from tests.graph.plain_walk import plain_walk
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.graph.requests import source_of
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import VIEWS, GraphState

TAB = GraphTab()


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float, name: str, options: dict[str, int]) -> Tensor:
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        return gradients[0] * ctx.factor, None, None, None


def leaf(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.arange(1.0, 1.0 + int(np.prod(shape)), dtype=dtype).reshape(shape).div(7.0).requires_grad_()


def in_place_on_a_view() -> Tensor:
    x = leaf(3, 2) * 1.0
    x[1:].mul_(leaf(2)).add_(1.0)
    return x.exp().sum()


def three_times() -> Tensor:
    layer = nn.Linear(4, 4)
    return layer(layer(layer(leaf(2, 4))).relu()).sum()  # type: ignore[no-any-return]


def tied() -> Tensor:
    one, other = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
    other.weight = one.weight
    return other(one(torch.tensor([0, 3]))).logsumexp(1).sum()  # type: ignore[no-any-return]


def checkpointed() -> Tensor:
    block = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
    return checkpoint(block, leaf(2, 3), use_reentrant=False).sum()  # type: ignore[no-any-return]


def second_derivative() -> Tensor:
    x = leaf(3)
    slope, = torch.autograd.grad(x.pow(3).sum(), x, create_graph=True)
    return (slope * x).sum()


CASES: dict[str, Callable[[], Tensor]] = {
    "one part of a split": lambda: leaf(6).split([1, 2, 3])[1].exp().sum(),
    "a layer that is used three times": three_times,
    "tied weights": tied,
    "a checkpoint": checkpointed,
    "a function with arguments that are no tensors": lambda: Scaled.apply(leaf(3), 2.0, "twice", {"times": 2}).sum(),
    "broadcasting": lambda: (leaf(3, 1) * leaf(4) + leaf()).pow(2).sum(),
    "promotion": lambda: (leaf(2).half() * leaf(2, dtype=torch.float64) + leaf(2).bfloat16()).sum(),
    "in place on a view": in_place_on_a_view,
    "complex numbers": lambda: (leaf(3) * torch.tensor(1j)).abs().sum(),
    "a leaf alone": lambda: leaf(3),
    "no elements": lambda: (leaf(3)[:0] * 2.0).sum(),
    "not a number": lambda: (leaf(3) - 1.0).sqrt().log().sum(),
    "several outputs": lambda: torch.stack([*leaf(3).sort()[:1], *leaf(3, 3).unbind(0)]).sum(),
    "a second derivative": second_derivative,
    "without values": lambda: (torch.empty(2, 3, device="meta", requires_grad=True) @ torch.empty(3, device="meta")).exp().sum(),
}


@pytest.mark.parametrize("name", CASES)
def test_an_odd_graph_is_captured_saved_opened_drawn_and_told(name: str, tmp_path: Path) -> None:
    with visualizer.record() as recording:
        loss = CASES[name]()
    found = visualizer.capture(loss, recording=recording)
    plain = plain_walk(loss)
    assert (found.counts["nodes"], found.counts["edges"]) == plain.counts
    file = found.save(tmp_path / "odd.graph.json")
    for view in VIEWS:
        for fold in ("none", "modules"):
            state = GraphState().changed(source="capture", capture=str(file), view=view.name, fold=fold, direction="right")
            *_, result = TAB.run(TAB.request(state))
            assert isinstance(result, GraphResult)
            assert result.numbers()["counts"]["nodes"] == len(plain.nodes)
            assert ("no values" in result.drawing.boxes.values) is (name == "without values")
            assert ("no elements" in result.drawing.boxes.values) is (name == "no elements")
            key = source_of(state).key
            for ident in [None, *(item.ident for item in result.view.items)]:
                for step in (0, 1, 10_000):
                    shown = state.changed(selected="" if ident is None else f"{key}:{ident}", shown_step=step)
                    assert TAB.explain(result, shown).blocks
                    assert [figure.name for figure in TAB.figures(result, shown)] == list(view.figures)


@pytest.mark.parametrize("name", CASES)
def test_the_gradient_that_is_shown_has_the_shape_the_type_and_the_values_of_the_leafs_grad(name: str) -> None:
    loss = CASES[name]()
    leaves = {node.variable for node in plain_walk(loss).nodes.values() if hasattr(node, "variable")}
    backward = visualizer.capture(loss).backward
    assert backward is not None
    assert backward.equal is (None if loss.is_meta else True)
    assert all(leaf.grad is None for leaf in leaves)
    shown = sorted((grad.after.type, grad.after.norm) for grad in backward.grads if grad.after is not None)
    loss.backward(torch.ones_like(loss))  # type: ignore[no-untyped-call]
    grads = [leaf.grad for leaf in leaves if leaf.grad is not None]
    assert [type_ for type_, _ in shown] == sorted((tuple(grad.shape), str(grad.dtype).removeprefix("torch.")) for grad in grads)
    if not loss.is_meta:
        norms = sorted(((tuple(grad.shape), str(grad.dtype).removeprefix("torch.")), float(grad.double().norm())) for grad in grads)
        np.testing.assert_allclose([norm for _, norm in shown], [norm for _, norm in norms], rtol=1e-12)
