"""The user's programs with torch in the child: the graph comes back as it would be here; what cannot, in one sentence."""

from __future__ import annotations

import pytest
import torch

from visualizer.base.errors import UserError
from visualizer.experiments.graph import consent
from visualizer.experiments.graph.captures import captured
from visualizer.experiments.graph.child.parent import run_in_child
from visualizer.experiments.graph.requests import Source, source_of
from visualizer.experiments.graph.state import GraphState


def ran(**source):
    run = run_in_child(Source(**{"time_limit": 20.0, "memory_limit": 2.0} | source))
    while True:
        try:
            assert next(run) is None
        except StopIteration as end:
            return end.value


def test_a_program_gives_the_graph_the_gradients_and_the_output_that_it_has_here():
    code = "x = torch.randn(4, requires_grad=True)\nprint(x.detach().sum().item())\nloss = (x * x).sum()\n"
    capture = ran(kind="code", code=code, seed=5)
    torch_here = torch.random.fork_rng(devices=[])
    with torch_here:
        torch.manual_seed(5)
        x = torch.randn(4, requires_grad=True)
    (x * x).sum().backward()
    assert [node.title for node in capture.graph.nodes] == ["Sum", "Mul", "AccumulateGrad"]
    assert len(capture.graph.edges) == 3  # x * x has two
    grad = capture.backward.grads[0].after
    assert grad.sample.ravel().tolist() == pytest.approx(x.grad.tolist())
    assert capture.backward.equal
    assert capture.graph.output == f"{x.detach().sum().item()}\n"


def test_what_was_built_before_a_failure_comes_back_with_the_failure_at_its_line():
    capture = ran(kind="code", code="x = torch.ones(3, requires_grad=True)\ny = x * 2\nloss = y @ torch.ones(4)\n")
    assert [node.title for node in capture.graph.nodes] == ["Mul", "AccumulateGrad"]
    assert capture.graph.lines[capture.graph.failure.line].number == 3


def test_a_model_in_a_file_finds_the_modules_beside_it(tmp_path):
    (tmp_path / "sizes.py").write_text("width = 3\n")
    file = tmp_path / "model.py"
    file.write_text("from sizes import width\nfrom torch import nn\ndef make():\n    return nn.Linear(width, 1)\n")
    capture = ran(kind="file", path=str(file), make="make", input="2,3")
    assert {name for leaf in capture.graph.leaves if leaf.parameter for name in leaf.names} == {"weight", "bias"}


def test_an_endless_loop_in_backward_is_stopped_and_its_line_named():
    code = """
class Endless(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, gradient):
        while True:
            pass

loss = Endless.apply(torch.ones(2, requires_grad=True)).sum()
"""
    with pytest.raises(UserError) as error:
        ran(kind="code", code=code, time_limit=5.0)  # torch itself takes a while, the first time
    assert error.value.sentence in {
        f"The program was stopped: it took longer than its limit of 5 s, at line {line}." for line in (9, 10)}


def test_a_program_that_a_session_brought_is_not_run_and_one_that_was_asked_for_is(monkeypatch, tmp_path):
    monkeypatch.setattr(consent, "_asked", {})
    state = GraphState(source="code", code=f"open({str(tmp_path / 'ran')!r}, 'w')\nloss = torch.ones(1, requires_grad=True) * 2\n")
    with pytest.raises(UserError, match="Press Run"):
        list(captured(source_of(state)))
    assert not (tmp_path / "ran").exists()
    consent.allow(source_of(state).key)
    list(captured(source_of(state)))
    assert (tmp_path / "ran").exists()
    # Another text is another program; other limits are not.
    assert not source_of(state.changed(code="loss = 1")).allowed
    assert source_of(state.changed(time_limit=7.0)) == source_of(state)


def test_asking_again_is_another_request(monkeypatch):
    monkeypatch.setattr(consent, "_asked", {})
    state = GraphState(source="code", code="loss = 1")
    consent.allow(source_of(state).key)
    first = source_of(state)
    consent.allow(first.key)
    assert source_of(state) != first
    assert source_of(state).key == first.key
