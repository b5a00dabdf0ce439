"""Graphs to run backward, and runs to their end: shared by the tests of backward, replay and local derivatives."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from hypothesis import strategies as st
from torch import Tensor

from visualizer.experiments.graph.backward import recorded
from visualizer.experiments.graph.examples.catalogue import EXAMPLES, example
from visualizer.experiments.graph.model import Backward
from visualizer.experiments.graph.programs import run_program
from visualizer.experiments.graph.walking import Walked, walk, walked

T = TypeVar("T")
NAMES = [entry.name for entry in EXAMPLES]


def ended(run: Generator[Any, None, T]) -> T:
    """What a generator returns."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            value: T = end.value
            return value


def of_example(name: str) -> Walked:
    """The live graph of an entry of the catalogue, made afresh."""
    entry = example(name)
    ran = run_program(entry.program(), entry.name, 0, title=entry.title)
    return ended(walk(ran.roots, ran.model, ran.recording))


def run_of(*roots: Tensor, most: int = 1024) -> tuple[Walked, Backward]:
    """The graph of these roots, and its run."""
    found = walked(roots)
    return found, ended(recorded(found, most))


def gradient_bits(tensor: Tensor | None) -> object:
    """Something that is equal where two gradients are, bit for bit."""
    return None if tensor is None else (tuple(tensor.shape), tensor.dtype, tensor.contiguous().numpy().tobytes())


@dataclass
class Drawn:
    """A random graph: its leaves and what it ends in."""

    leaves: list[Tensor]
    loss: Tensor


UNARY = ("exp", "relu", "sum", "sum0", "expand", "view", "t", "double", "float", "inplace", "inplace_view", "square", "split",
         "detached", "mask")
BINARY = ("add", "mul", "matmul", "cat", "sub", "div")


@st.composite
def programs(draw: st.DrawFn) -> list[tuple[str, int, int]]:
    """Operations, each on results by number (modulo how many there are then)."""
    steps = st.tuples(st.sampled_from(UNARY + BINARY), st.integers(0, 30), st.integers(0, 30))
    return draw(st.lists(steps, min_size=1, max_size=14))


def built(program: list[tuple[str, int, int]], seed: int = 0) -> Drawn:
    """Run a random program on matrices of 2 by 2; the loss sums what is there at the end."""
    generator = torch.Generator().manual_seed(seed)
    leaves = [torch.randn(2, 2, generator=generator).requires_grad_() for _ in range(3)]
    leaves.append(torch.randn(2, generator=generator).requires_grad_())
    there: list[Tensor] = [*leaves, torch.ones(2, 2)]

    def square(tensor: Tensor) -> Tensor:
        return tensor if tensor.shape == (2, 2) else tensor.reshape(-1)[:1].expand(2, 2) if tensor.numel() < 2 else (
            tensor.reshape(-1)[:2].expand(2, 2))

    for name, first, second in program:
        a, b = there[first % len(there)], there[second % len(there)]
        match name:
            case "exp":
                new = (a * 0.1).exp()
            case "relu":
                new = a.relu()
            case "sum":
                new = a.sum()
            case "sum0":
                new = square(a).sum(0)
            case "expand":
                new = square(a).sum(0, keepdim=True).expand(2, 2)
            case "view":
                new = square(a).contiguous().view(4).view(2, 2)
            case "t":
                new = square(a).t()
            case "double":
                new = a.to(torch.float64)
            case "float":
                new = a.to(torch.float32)
            case "inplace":
                new = (a * 1.0).add_(1.0).mul_(2.0)
            case "inplace_view":
                new = square(a) * 1.0
                new[0] = new[1] * 2.0
            case "square":
                new = a * a
            case "split":
                new, _ = square(a).split([1, 1], 1)
            case "detached":
                new = a * a.detach()
            case "mask":
                new = torch.where(a > 0, a, torch.zeros_like(a))
            case "add":
                new = a + b
            case "sub":
                new = a - square(b)
            case "mul":
                new = square(a) * b.sum()
            case "div":
                new = a / (b.sum().abs() + 1.0)
            case "matmul":
                new = square(a).double() @ square(b).double()
            case _:
                new = torch.cat([square(a), square(b)], 1)[:, 1:3]
        there.append(new)
    results = [one for one in there[len(leaves):] if one.requires_grad]
    return Drawn(leaves, sum((one.sum() for one in results[-4:]), torch.zeros(()))) if results else Drawn(leaves, leaves[0].sum())
