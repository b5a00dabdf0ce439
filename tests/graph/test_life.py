"""A graph that is used again: as torch itself does it, and as it is derived where the graph does not live here."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from tests.graph.backward_runs import NAMES, ended, of_example
from visualizer.experiments.graph.backward import recorded
from visualizer.experiments.graph.life import Life, Plan, derived, lived
from visualizer.experiments.graph.model import Capture
from visualizer.experiments.graph.walking import Walked, walked

PLANS = [Plan(*chosen) for chosen in product((1, 3), (False, True), ("nothing", "zero_grad", "zeros"))]


def by_hand(found: Walked, plan: Plan) -> tuple[list[list[torch.Tensor | None]], str]:
    """The same calls on the leaves of this graph: .grad after each, and the error."""
    leaves = [leaf for leaf, told in zip(found.leaves, found.graph.leaves, strict=True) if told.node >= 0]
    after: list[list[torch.Tensor | None]] = []

    def note() -> None:
        after.append([None if leaf.grad is None else leaf.grad.detach().clone() for leaf in leaves])

    note()
    for nth in range(plan.backwards):
        if nth and plan.clear != "nothing":
            optimizer_zero(leaves, plan.clear == "zero_grad")
            note()
        try:
            torch.autograd.backward(list(found.roots), [torch.ones_like(root) for root in found.roots],  # type: ignore[arg-type]
                                    retain_graph=plan.retain)
        except RuntimeError as error:
            note()
            return after, str(error)
        note()
    return after, ""


def optimizer_zero(leaves: list[torch.Tensor], set_to_none: bool) -> None:
    for leaf in leaves:
        if set_to_none:
            leaf.grad = None
        elif leaf.grad is not None:
            leaf.grad = torch.zeros_like(leaf.grad)


def shown(life: Life) -> list[list[np.ndarray[tuple[int, ...], np.dtype[np.float64]] | None]]:
    return [[None if one is None else one.sample for one in event.after] for event in life.events]


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", ["lecture", "diamond", "chain", "checkpoint", "custom", "split"])
def test_the_events_are_those_of_torch(name: str, plan: Plan) -> None:
    life = ended(lived(of_example(name), plan))
    after, error = by_hand(of_example(name), plan)
    assert life.events[-1].error.removeprefix("RuntimeError: ") == error
    assert len(life.events) == len(after)
    for event, plain in zip(life.events, after, strict=True):
        for one, tensor in zip(event.after, plain, strict=True):
            assert (one is None) == (tensor is None)
            if one is not None and tensor is not None and one.complete:
                np.testing.assert_array_equal(one.sample.reshape(-1), tensor.double().reshape(-1).numpy())


@pytest.mark.parametrize("name", NAMES)
def test_freed_is_what_cannot_be_read_any_more_in_every_example(name: str) -> None:
    found = of_example(name)
    life = ended(lived(found, Plan(1, False, "nothing")))
    last = life.events[-1]
    if last.error:
        assert name == "after"
        return
    assert (last.freed == life.keeps).all()
    kept = ended(lived(of_example(name), Plan(1, True, "nothing"))).events[-1]
    assert not kept.freed.any()


def test_a_graph_of_additions_keeps_nothing_and_goes_backward_twice_without_retain_graph() -> None:
    x = torch.ones(3, requires_grad=True)
    life = ended(lived(walked([(x + 1.0 + x).sum()]), Plan(2, False, "nothing")))
    assert not life.keeps.any()
    assert [event.error for event in life.events] == ["", "", ""]
    assert life.events[-1].after[0] is not None
    np.testing.assert_array_equal(life.events[-1].after[0].sample, [[4.0, 4.0, 4.0]])


def test_leaves_that_are_reached_before_the_error_are_added_to_once_more() -> None:
    x = torch.ones(2, requires_grad=True)
    bias = torch.ones(2, requires_grad=True)
    life = ended(lived(walked([(x.exp() + bias).sum()]), Plan(2, False, "nothing")))
    last = life.events[-1]
    assert "second time" in last.error
    grads = {leaf: one.sample[0, 0] for leaf, one in zip(life.leaves, last.after, strict=True) if one is not None}
    assert sorted(grads.values()) == pytest.approx([2.0, np.e])


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("gpt", "resnet", "transformer")])
def test_what_is_derived_is_what_torch_does(name: str, plan: Plan) -> None:
    found = of_example(name)
    capture = Capture(found.graph, ended(recorded(found, 1024)))
    guess, real = derived(capture, plan), ended(lived(of_example(name), plan))
    assert guess.derived
    assert [(event.what, event.nth, event.failed, event.error) for event in guess.events] == [
        (event.what, event.nth, event.failed, event.error) for event in real.events]
    for mine, torchs in zip(guess.events, real.events, strict=True):
        np.testing.assert_array_equal(mine.freed, torchs.freed)
        for one, two in zip(mine.after, torchs.after, strict=True):
            assert (one is None) == (two is None)
            if one is not None and two is not None and one.strides == two.strides:
                rounding = 1e-3 if "16" in one.type.dtype else 1e-5
                np.testing.assert_allclose(one.sample, two.sample, rtol=rounding, atol=0.1 * rounding)
