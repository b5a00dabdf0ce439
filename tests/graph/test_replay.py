"""The replay against the engine: the queue's head runs next, nothing runs before all of its gradients are there."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from tests.graph.backward_runs import NAMES, built, ended, of_example, programs, run_of
from visualizer.experiments.graph.backward import recorded
from visualizer.experiments.graph.model import Backward
from visualizer.experiments.graph.replay import Replay
from visualizer.experiments.graph.walking import Walked


def check(found: Walked, backward: Backward) -> Replay:
    """Against a plain simulation of the engine: dependencies are counted down, and the queue is searched."""
    graph, edges = found.graph, found.graph.edges
    replay = Replay(graph, backward)
    left = np.bincount(edges.target, minlength=len(graph.nodes))
    queue = {root for root in graph.roots if left[root] == 0}
    assert set(replay.at(replay.forward).ready) == queue
    for at, step in enumerate(backward.steps):
        position = replay.at(replay.forward + at)
        assert position.ready[0] == step.node
        urgent = [float("inf") if graph.nodes[node].kind == "accumulate" else graph.nodes[node].sequence for node in position.ready]
        assert urgent == sorted(urgent, reverse=True)
        queue.remove(step.node)
        for target in edges.target[edges.source == step.node].tolist():
            left[target] -= 1
            if left[target] == 0:
                queue.add(target)
        after = replay.at(replay.forward + at + 1)
        assert set(after.ready) == queue
        assert after.step == at
        assert after.done.sum() == at + 1
        for join in after.waiting:
            assert 0 < join.arrived < join.total
            assert join.total - join.arrived == left[join.node]
    if not backward.error:
        assert replay.at(replay.last).ready == ()
        assert replay.at(replay.last).waiting == ()
    return replay


@pytest.mark.parametrize("name", NAMES)
def test_the_head_of_the_queue_is_the_node_that_ran_next_in_every_example(name: str) -> None:
    found = of_example(name)
    replay = check(found, ended(recorded(found, 16)))
    assert replay.at(0).exists.sum() == 0
    assert replay.at(replay.forward).exists.all()


@settings(max_examples=60)
@given(programs())
def test_the_head_of_the_queue_is_the_node_that_ran_next_in_random_graphs(program: list[tuple[str, int, int]]) -> None:
    found, backward = run_of(built(program).loss.sum())
    replay = check(found, backward)
    # A node is recorded after all that its gradients go to.
    edges = found.graph.edges
    assert (replay.created[edges.source] >= replay.created[edges.target]).all()


@settings(max_examples=40)
@given(programs())
def test_the_terms_at_a_join_add_up_to_what_the_node_is_given(program: list[tuple[str, int, int]]) -> None:
    found, backward = run_of(built(program).loss.sum())
    replay = Replay(found.graph, backward)
    for at, step in enumerate(backward.steps):
        terms = replay.terms(step.node, replay.forward + at + 1)
        for output, given_ in enumerate(step.incoming):
            parts = [term.gradient for term in terms if term.slot == output and term.gradient is not None]
            assert bool(parts) == (given_ is not None)
            if given_ is None:
                continue
            dtype = getattr(torch, given_.type.dtype)
            total = torch.tensor(parts[0].sample, dtype=dtype)
            for part in parts[1:]:
                total = total + torch.tensor(part.sample, dtype=dtype)
            np.testing.assert_allclose(total.double().numpy(), given_.sample, rtol=1e-5, atol=1e-6 * max(1.0, given_.norm))


def test_the_partial_sum_of_a_tensor_that_is_used_three_times() -> None:
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    found, backward = run_of((x * 2).sum() + x.exp().sum() + (x * x).sum())
    replay = check(found, backward)
    leaf = found.graph.leaves[0].node
    arrived = [join.arrived for at in range(replay.last + 1) for join in replay.at(at).waiting if join.node == leaf]
    assert arrived[0] == 2  # x * x sends two at once
    assert max(arrived) == 3
    terms = replay.terms(leaf, replay.last)
    assert len(terms) == 4
    sums = np.sum([term.gradient.sample for term in terms if term.gradient is not None], axis=0)
    np.testing.assert_allclose(sums, [[2 + np.e + 2, 2 + np.exp(2) + 4]], rtol=1e-6)
    early = replay.terms(leaf, replay.forward + 1)
    assert all(term.gradient is None for term in early)


def test_leaves_are_filled_when_their_node_runs() -> None:
    found = of_example("lecture")
    replay = Replay(found.graph, ended(recorded(found, 64)))
    names = [[found.graph.leaves[leaf].names[0] for leaf in replay.at(at).filled] for at in range(replay.last + 1)]
    assert names[-1] == ["0.bias", "0.weight"]
    assert names[replay.forward] == []
    assert [len(one) for one in names] == sorted(len(one) for one in names)


def test_edges_on_which_nothing_flows_are_none() -> None:
    x = torch.randn(4, requires_grad=True)
    first, _ = x.split([1, 3])
    found, backward = run_of(first.exp().sum())
    replay = Replay(found.graph, backward)
    flowing = [edge for at in range(replay.last + 1) for edge in replay.at(at).flowing]
    assert sorted(flowing) == list(range(len(found.graph.edges)))


def test_without_a_backward_only_the_forward_pass_is_replayed() -> None:
    found = of_example("lecture")
    replay = Replay(found.graph, None)
    assert replay.last == replay.forward == len(replay.moments)
    assert replay.at(replay.last).ready == ()
    assert replay.at(99).index == replay.last


def test_any_position_of_a_large_graph_is_found_at_once() -> None:
    x = torch.ones(3, requires_grad=True)
    weights = [torch.ones(3, requires_grad=True) for _ in range(5000)]
    loss = torch.zeros(3)
    for weight in weights:
        loss = loss + weight * x
    found, backward = run_of(loss, most=16)
    replay = Replay(found.graph, backward)
    replay.at(replay.last)
    began = time.perf_counter()
    for at in range(0, replay.last, replay.last // 50):
        replay.at(at)
    assert (time.perf_counter() - began) / 50 < 0.02  # some 0.2 ms; a slow machine must not fail
