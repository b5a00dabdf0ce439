"""Tensors and objects of a program that are not what they seem: the graph is captured all the same."""

from __future__ import annotations

import pytest

from visualizer.experiments.graph.captures import captured_run
from visualizer.experiments.graph.model import Capture
from visualizer.experiments.graph.programs import run_program


def capture_of(program: str) -> Capture:
    run = captured_run(run_program(program))
    while True:
        try:
            next(run)
        except StopIteration as end:
            found: Capture = end.value.capture
            return found


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("layout", ["torch.strided", "torch.jagged"])
def test_gradients_of_nested_tensors_are_compared_part_by_part(layout: str) -> None:
    capture = capture_of(f"""
x = torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout={layout}, requires_grad=True)
loss = (x * 2)
""")
    assert capture.backward is not None
    assert not capture.backward.error
    assert capture.backward.equal


@pytest.mark.filterwarnings("ignore:Accessing the data pointer of FakeTensor:UserWarning")
def test_tensors_without_values_have_a_graph_and_nothing_to_compare() -> None:
    capture = capture_of("""
from torch._subclasses.fake_tensor import FakeTensorMode
with FakeTensorMode():
    model = nn.Linear(4, 1)
    loss = model(torch.randn(2, 4)).sum()
""")
    assert [node.title for node in capture.graph.nodes].count("AccumulateGrad") == 2
    assert capture.backward is not None
    assert not capture.backward.error
    assert capture.backward.equal is None


def test_what_a_function_keeps_may_refuse_every_question() -> None:
    capture = capture_of("""
class Refusing:
    @property
    def __class__(self): raise RuntimeError("asked")
    def __repr__(self): raise RuntimeError("asked")
class Twice(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.kept, ctx.itself = Refusing(), ctx
        return x * 2
    @staticmethod
    def backward(ctx, gradient):
        return gradient * 2
loss = Twice.apply(torch.ones(2, requires_grad=True)).sum()
""")
    texts = {saved.name: saved.text for saved in capture.graph.nodes[1].saved}
    assert texts["kept"] == "<Refusing>"
    assert capture.backward is not None
    assert capture.backward.equal
