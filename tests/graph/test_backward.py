"""The recorded run of the engine: its values are those of loss.backward(), and it leaves nothing behind."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn
from torch.autograd.graph import get_gradient_edge
from torch.utils.checkpoint import checkpoint

from tests.graph.backward_runs import NAMES, built, ended, gradient_bits, of_example, programs, run_of
from visualizer.experiments.graph.backward import failed_at, recorded
from visualizer.experiments.graph.findings import first_nonfinite
from visualizer.experiments.graph.grads import same
from visualizer.experiments.graph.model import Backward, Capture, Preview
from visualizer.experiments.graph.walking import Walked, walked


def values(preview: Preview | None) -> np.ndarray[Any, Any] | None:
    if preview is None:
        return None
    assert preview.complete
    return preview.sample.reshape(preview.type.shape)


def incoming(found: Walked, backward: Backward, tensor: Tensor) -> np.ndarray[Any, Any] | None:
    """What arrived at the node that made this tensor."""
    edge = get_gradient_edge(tensor)
    node = next(at for at, live in enumerate(found.live) if live is edge.node)
    return values(backward.steps[backward.step_of[node]].incoming[edge.output_nr])


@pytest.mark.parametrize("name", NAMES)
def test_grad_of_every_example_is_that_of_loss_backward_bit_for_bit(name: str) -> None:
    found = of_example(name)
    before = [leaf.grad for leaf in found.leaves]
    backward = ended(recorded(found, 1024))
    assert [leaf.grad for leaf in found.leaves] == before or all(
        leaf.grad is one for leaf, one in zip(found.leaves, before, strict=True))
    if backward.error:
        assert name == "after"
        return
    assert backward.equal is True
    assert len(backward.steps) == len(found.graph.nodes)
    assert {grad.leaf for grad in backward.grads} >= {at for at, leaf in enumerate(found.graph.leaves) if leaf.node >= 0}
    # Independently of what the recording says: a graph of the same program, run by torch alone.
    other = of_example(name)
    for leaf in other.leaves:
        leaf.grad = None
    torch.autograd.backward(list(other.roots), [torch.ones_like(root) for root in other.roots if isinstance(root, Tensor)])
    for grad in backward.grads:
        plain, shown = other.leaves[grad.leaf].grad, grad.after
        assert (plain is None) == (shown is None)
        if plain is not None and shown is not None:
            assert shown.type == (tuple(plain.shape), str(plain.dtype).removeprefix("torch."))
            if shown.complete:
                np.testing.assert_array_equal(values(shown), plain.to(torch.float64).numpy())


@settings(max_examples=60)
@given(programs())
def test_grad_of_random_graphs_is_that_of_loss_backward(program: list[tuple[str, int, int]]) -> None:
    one, other = built(program), built(program)
    other.loss.sum().backward()
    found, backward = run_of(one.loss.sum())
    assert not backward.error
    assert backward.equal is True
    assert all(leaf.grad is None for leaf in one.leaves)
    for mine, plain in zip(one.leaves, other.leaves, strict=True):
        if plain.grad is not None:
            at = next(index for index, leaf in enumerate(found.leaves) if leaf is mine)
            after = next(grad.after for grad in backward.grads if grad.leaf == at)
            np.testing.assert_array_equal(values(after), plain.grad.to(torch.float64).numpy())


@settings(max_examples=30)
@given(programs())
def test_the_gradients_at_nodes_are_those_of_tensor_hooks(program: list[tuple[str, int, int]]) -> None:
    drawn = built(program)
    seen: dict[int, Tensor] = {}
    leaf = drawn.leaves[0]
    middle = leaf * 2.0
    loss = drawn.loss + (middle * middle).sum() + middle.sum()
    for index, tensor in enumerate((middle, leaf, loss)):
        tensor.register_hook(lambda gradient, index=index: seen.__setitem__(index, gradient.clone()))
    found, backward = run_of(loss)
    for index, tensor in enumerate((middle, leaf, loss)):
        arrived = incoming(found, backward, tensor)
        assert arrived is not None
        np.testing.assert_array_equal(arrived, seen[index].to(torch.float64).numpy())


def test_what_is_sent_has_the_shape_and_dtype_of_where_it_goes() -> None:
    x = torch.randn(3, requires_grad=True)
    y = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    found, backward = run_of((x * y).sum())
    for step in backward.steps:
        for edge in np.flatnonzero(found.graph.edges.source == step.node).tolist():
            sent = step.outgoing[int(found.graph.edges.slot[edge])]
            outputs = found.graph.nodes[int(found.graph.edges.target[edge])].outputs
            assert sent is not None
            assert sent.type == outputs[int(found.graph.edges.target_slot[edge])]
    arrived = incoming(found, backward, x)
    assert arrived is not None
    assert arrived.shape == (3,)


def test_of_a_split_with_one_part_unused_the_gradient_of_the_other_is_none() -> None:
    x = torch.randn(4, requires_grad=True)
    first, _ = x.split([1, 3])
    found, backward = run_of(first.exp().sum())
    step = next(step for step in backward.steps if found.graph.nodes[step.node].name.startswith("Split"))
    assert [one is None for one in step.incoming] == [False, True]
    assert backward.equal is True


def test_grad_is_the_very_object_that_it_was_and_hooks_are_gone() -> None:
    x = torch.randn(3, requires_grad=True)
    x.grad = torch.full((3,), 7.0)
    held, bits = x.grad, gradient_bits(x.grad)
    loss = x.exp().sum()
    assert loss.grad_fn is not None
    _, backward = run_of(loss)
    assert x.grad is held
    assert gradient_bits(x.grad) == bits
    before = backward.grads[0].before
    assert before is not None
    np.testing.assert_array_equal(before.sample, [[7.0, 7.0, 7.0]])
    count = len(backward.steps)
    loss.backward()  # no hook notes this one
    assert len(backward.steps) == count
    np.testing.assert_allclose(x.grad.detach().numpy(), 7.0 + x.exp().detach().numpy(), rtol=1e-6)


def test_hooks_of_the_user_act_as_in_backward_and_those_after_an_accumulation_do_not() -> None:
    x = torch.randn(3, requires_grad=True)
    y = x * 2
    y.register_hook(lambda gradient: gradient * 3)
    stepped: list[Tensor] = []
    handle = x.register_post_accumulate_grad_hook(stepped.append)
    _, backward = run_of(y.sum())
    assert stepped == []
    assert backward.equal is True
    after = backward.grads[0].after
    assert after is not None
    np.testing.assert_array_equal(after.sample, [[6.0, 6.0, 6.0]])
    y.sum().backward()
    assert len(stepped) == 1
    handle.remove()


def test_a_root_that_retains_its_gradient_has_it_back() -> None:
    x = torch.randn(2, requires_grad=True)
    y = x * 2
    y.retain_grad()
    _, backward = run_of(y)
    assert y.grad is None
    assert backward.equal is True


@pytest.mark.parametrize("make", [
    lambda x: checkpoint(lambda one: (one * 2).relu().exp(), x, use_reentrant=False).sum(),
    lambda x: (torch.fft.fft(x).abs() ** 2).sum(),
    lambda x: torch.nn.functional.dropout(x, 0.5).sum(),
    lambda x: torch.autograd.grad((x ** 3).sum(), x, create_graph=True)[0].sum(),
    lambda x: (x / 0.0 - x / 0.0).sum(),
    lambda x: torch.utils.checkpoint.checkpoint(lambda one: nn.functional.dropout(one), x, use_reentrant=False).sum(),
])
def test_other_kinds_of_graphs_equal_too(make: Any) -> None:
    state = torch.get_rng_state()
    with torch.random.fork_rng(devices=[]):
        loss = make(torch.randn(2, 3, requires_grad=True))
    _, backward = run_of(loss)
    assert backward.equal is True
    assert torch.equal(torch.get_rng_state(), state)


def test_complex_leaves_and_several_roots_equal() -> None:
    z = torch.randn(3, dtype=torch.complex64, requires_grad=True)
    weight = torch.randn(3, requires_grad=True)
    found, backward = run_of((z * weight).abs().sum(), weight * 2, (z * z).sum())
    assert backward.equal is True
    assert len(found.graph.roots) == 3


class Failing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        raise ValueError("no derivative today")


def test_an_error_in_the_middle_is_told_with_its_node() -> None:
    x = torch.randn(3, requires_grad=True)
    failing: Tensor = Failing.apply(x.exp())
    found, backward = run_of((failing * 3).sum())
    assert backward.error == "ValueError: no derivative today"
    at = failed_at(backward)
    assert at is not None
    assert found.graph.nodes[at].name == "FailingBackward"
    assert [found.graph.nodes[step.node].name for step in backward.steps] == ["SumBackward0", "MulBackward0", "FailingBackward"]
    assert backward.equal is None
    assert x.grad is None


def test_a_graph_after_its_backward_tells_what_torch_says() -> None:
    x = torch.randn(3, requires_grad=True)
    loss = (x.exp() * 1.0).sum()
    loss.backward()
    held = x.grad
    _, backward = run_of(loss)
    assert "Trying to backward through the graph a second time" in backward.error
    assert x.grad is held


def test_without_a_graph_torch_says_why() -> None:
    _, backward = run_of(torch.ones(3).sum())
    assert "does not require grad" in backward.error
    assert backward.steps == ()


def test_a_large_graph_runs_beside_and_its_generator_answers_meanwhile() -> None:
    x = torch.ones(3, requires_grad=True)
    y = x
    for _ in range(2000):
        y = y + 1.0
    found = walked([y])
    threads: set[int] = set()
    y.register_hook(lambda gradient: threads.add(threading.get_ident()))
    run = recorded(found, 16)
    waited = 0
    while True:
        try:
            next(run)
        except StopIteration as end:
            backward = end.value
            break
        waited += 1
    assert waited > 4
    assert threads
    assert threading.get_ident() not in threads
    assert backward.equal is True
    assert [step.node for step in backward.steps] == list(range(len(found.graph.nodes)))


def test_a_run_that_is_left_puts_everything_back() -> None:
    x = torch.ones(3, requires_grad=True)
    x.grad = torch.full((3,), 5.0)
    held = x.grad
    y = x
    for _ in range(500):
        y = y + 1.0
    began, go = threading.Event(), threading.Event()

    def hold(gradient: Tensor) -> None:
        began.set()
        assert go.wait(10)

    y.register_hook(hold)
    run = recorded(walked([y]), 16)
    next(run)
    assert began.wait(10)
    run.close()
    go.set()
    for thread in threading.enumerate():
        if thread.name == "aside":
            thread.join(10)
    assert x.grad is held
    np.testing.assert_array_equal(held.numpy(), 5.0)


def test_bits_are_compared() -> None:
    nan = torch.tensor([float("nan"), 1.0])
    assert same(nan, nan.clone())
    assert not same(torch.tensor([0.0]), torch.tensor([-0.0]))
    assert not same(torch.ones(2), torch.ones(2, dtype=torch.float64))
    assert not same(torch.ones(2), torch.ones(2, 1))
    assert same(None, None)
    assert not same(None, torch.ones(1))
    assert not same(nan, torch.tensor([1.0, float("nan")]))
    assert same(torch.tensor([1 + 2j]), torch.tensor([1 + 2j]))
    assert not same(torch.tensor([1 + 2j]), torch.tensor([1 - 2j]))


def test_the_first_nan_of_backward_is_found_where_it_is_made() -> None:
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    found, backward = run_of((x.sqrt() * torch.tensor([0.0, 1.0])).sum())
    finding = first_nonfinite(Capture(found.graph, backward))
    assert finding is not None
    assert (finding.what, finding.phase, found.graph.nodes[finding.node].name) == ("NaN", "backward", "SqrtBackward0")
    assert "SqrtBackward0" in finding.sentence(found.graph)


def test_the_example_with_nan_names_the_operation_that_made_it() -> None:
    found = of_example("nan")
    backward = ended(recorded(found, 64))
    finding = first_nonfinite(Capture(found.graph, backward))
    assert finding is not None
    assert finding.phase == "forward"
    values_before = [found.graph.operations[at].value for at in range(finding.operation)]
    assert all(one is None or one.nans == 0 for one in values_before)
    value = found.graph.operations[finding.operation].value
    assert value is not None
    assert value.nans == finding.count > 0


def test_a_finite_graph_has_no_finding_and_a_mask_of_infinities_is_none() -> None:
    found = of_example("attention")
    assert first_nonfinite(Capture(found.graph, ended(recorded(found, 64)))) is None
