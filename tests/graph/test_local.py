"""Local derivatives against central differences of the forward operation, and against the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.graph.backward_runs import NAMES, ended, of_example, run_of
from visualizer.experiments.graph.backward import recorded
from visualizer.experiments.graph.local import INPUTS, OUTPUTS, Local, local_of, locals_of
from visualizer.experiments.graph.walking import Walked


def only(found: Walked, locals_: tuple[Local, ...], steps: Any, name: str) -> Local:
    """The local derivative of the node of this name."""
    return next(local for local, step in zip(locals_, steps, strict=True) if found.graph.nodes[step.node].name == name)


FORWARD: list[tuple[str, Callable[[Tensor], Tensor], tuple[int, ...]]] = [
    ("ExpBackward0", torch.exp, (3,)),
    ("SigmoidBackward0", torch.sigmoid, (2, 2)),
    ("SoftmaxBackward0", lambda x: torch.softmax(x, -1), (2, 3)),
    ("SumBackward1", lambda x: x.sum(0), (2, 3)),
    ("TBackward0", lambda x: x.t(), (2, 3)),
    ("PowBackward0", lambda x: x ** 3, (3,)),
    ("CumsumBackward0", lambda x: x.cumsum(0), (4,)),
    ("ProdBackward0", lambda x: x.prod(), (3,)),
    ("MmBackward0", lambda x: x @ torch.arange(6.0, dtype=torch.float64).reshape(3, 2), (2, 3)),
    ("SelectBackward0", lambda x: x[1], (3, 2)),
    ("ExpandBackward0", lambda x: x.expand(3, 2), (1, 2)),
    ("StdBackward0", lambda x: x.std(), (4,)),
]


@pytest.mark.parametrize(("name", "forward", "shape"), FORWARD)
def test_the_matrix_is_the_derivative_by_central_differences(
    name: str, forward: Callable[[Tensor], Tensor], shape: tuple[int, ...],
) -> None:
    torch.manual_seed(1)
    start = torch.rand(shape, dtype=torch.float64) + 0.5
    x = start.clone().requires_grad_()
    found, backward = run_of(forward(x))
    local = only(found, ended(locals_of(found, backward)), backward.steps, name)
    assert len(local.blocks) == 1
    matrix = local.blocks[0].matrix
    step = 1e-6
    for column in range(start.numel()):
        moved = torch.zeros(start.numel(), dtype=torch.float64)
        moved[column] = step
        plus, minus = forward(start + moved.reshape(shape)), forward(start - moved.reshape(shape))
        np.testing.assert_allclose(matrix[:, column], ((plus - minus) / (2 * step)).reshape(-1).numpy(), rtol=1e-6, atol=1e-8)
    assert local.difference < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_the_product_with_the_local_derivative_is_what_the_engine_returned_in_every_example(name: str) -> None:
    found = of_example(name)
    backward = ended(recorded(found, 1024))
    state = torch.get_rng_state()
    locals_ = ended(locals_of(found, backward))
    assert len(locals_) == len(backward.steps)
    assert torch.equal(torch.get_rng_state(), state)
    for local, step in zip(locals_, backward.steps, strict=True):
        assert bool(local.blocks) != bool(local.reason)
        if local.difference == local.difference:
            half = any("16" in one.type.dtype for one in (*step.incoming, *step.outgoing) if one is not None)
            assert local.difference < (1e-3 if half else 1e-5)
    assert all(leaf.grad is None for leaf in found.leaves) or name == "after"


def test_broadcast_and_cast_are_part_of_the_derivative_along_an_edge() -> None:
    x = torch.randn(2, requires_grad=True)
    y = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    found, backward = run_of((x * y).sum())
    local = only(found, ended(locals_of(found, backward)), backward.steps, "MulBackward0")
    by_slot = {block.slot: block.matrix for block in local.blocks}
    assert by_slot[0].shape == (6, 2)
    assert by_slot[1].shape == (6, 6)
    np.testing.assert_allclose(by_slot[0].sum(axis=0), y.detach().sum(0).numpy(), rtol=1e-6)
    assert local.difference < 1e-6


def test_a_node_with_several_outputs_has_a_block_for_each_defined_one() -> None:
    x = torch.randn(4, requires_grad=True)
    first, _, third = x.split([1, 1, 2])
    found, backward = run_of(first.exp().sum() + third.sum())
    local = only(found, ended(locals_of(found, backward)), backward.steps, "SplitWithSizesBackward0")
    assert [block.output for block in local.blocks] == [0, 2]
    np.testing.assert_array_equal(local.blocks[1].matrix, np.eye(4)[2:])


class Counting(torch.autograd.Function):
    calls = 0

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        Counting.calls += 1
        return gradients[0] * 2


def test_code_of_the_user_is_not_called_once_more() -> None:
    x = torch.randn(2, requires_grad=True)
    made: Tensor = Counting.apply(x)
    found, backward = run_of(made.sum())
    Counting.calls = 0
    local = only(found, ended(locals_of(found, backward)), backward.steps, "CountingBackward")
    assert Counting.calls == 0
    assert "your own" in local.reason


def test_what_is_too_large_freed_or_complex_is_refused_in_words() -> None:
    large = torch.randn(OUTPUTS + 1, requires_grad=True)
    found, backward = run_of(large.exp().sum())
    assert "Too large" in only(found, ended(locals_of(found, backward)), backward.steps, "ExpBackward0").reason
    wide = torch.randn(INPUTS + 1, requires_grad=True)
    found, backward = run_of(wide.sum())
    assert "Too large" in ended(locals_of(found, backward))[0].reason
    z = torch.randn(2, dtype=torch.complex64, requires_grad=True)
    found, backward = run_of((z * z).abs().sum())
    assert "Complex" in only(found, ended(locals_of(found, backward)), backward.steps, "MulBackward0").reason
    x = torch.randn(2, requires_grad=True)
    loss = x.exp().sum()
    found, backward = run_of(loss)
    loss.backward()
    step = next(step for step in backward.steps if found.graph.nodes[step.node].name == "ExpBackward0")
    assert "torch refuses" in local_of(found.graph, found.live[step.node], step).reason
