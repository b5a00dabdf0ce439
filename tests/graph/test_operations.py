"""The catalogue of operations: every formula can be typeset, and what can be evaluated agrees with autograd."""

from __future__ import annotations

import math
import re

import pytest
import torch
import ziamath
from torch import Tensor

from visualizer.experiments.graph.operations import ENTRIES, entry_of
from visualizer.experiments.graph.operations.entry import Entry
from visualizer.experiments.graph.operations.torch_formulas import formula_of, read_formulas

#: Nodes that torch makes without a generated class.
HAND_WRITTEN = {"AccumulateGrad", "GraphRoot", "CopySlices"}


def test_no_name_has_two_entries_and_torch_knows_each_of_them() -> None:
    names = [name for entry in ENTRIES for name in entry.names]
    assert len(names) == len(set(names))
    assert len(ENTRIES) >= 90
    known = {name.rstrip("0123456789").removesuffix("Backward") for name in dir(torch._C._functions) if "Backward" in name}
    assert set(names) - known == HAND_WRITTEN


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.names[0])
def test_every_formula_can_be_typeset(entry: Entry) -> None:
    assert entry.words.endswith(".")
    for latex in (entry.forward, *entry.backward):
        assert ziamath.Latex(latex).svg()
        # Brackets that grow with a sum become a hundred lines high; four lines are a fraction of fractions.
        assert ziamath.Latex(latex, size=20).getsize()[1] < 4 * 24, latex


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.check], ids=lambda entry: entry.names[0])
def test_the_derivative_is_that_of_autograd(entry: Entry) -> None:
    forward, *derivatives = entry.check
    generator = torch.Generator().manual_seed(3)
    letters = [letter for letter in "xabc" if re.search(rf"\b{letter}\b", forward)]
    assert len(letters) == len(derivatives)
    # Positive and below 3, no two alike: inside the domain of logarithms and roots.
    space: dict[str, Tensor] = {}
    for letter in letters:
        values = torch.rand(3, 4, generator=generator, dtype=torch.float64) * 2.5 + 0.1
        signed = entry.names[0] in {"Relu", "LeakyRelu", "Elu", "Gelu", "Silu", "Mish", "Abs", "Sgn", "Tanh", "Sigmoid", "Clamp",
                                    "Hardtanh", "Softplus", "Softshrink", "Hardswish", "Hardsigmoid", "Mul", "Sin", "Erf"}
        space[letter] = (values - 1.35 if signed else values).requires_grad_()
    names = {"torch": torch, "math": math, **space}
    y = eval(forward, names)
    g = torch.rand(y.shape, generator=generator, dtype=torch.float64).to(y.dtype) + 0.5
    expected = torch.autograd.grad(y, list(space.values()), g, allow_unused=True)
    with torch.no_grad():
        for letter, derivative, gradient in zip(letters, derivatives, expected, strict=True):
            mine = eval(derivative, {**names, "y": y.detach(), "g": g})
            torch.testing.assert_close(mine.double().expand(space[letter].shape), gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("entry", [entry for entry in ENTRIES if entry.check], ids=lambda entry: entry.names[0])
def test_the_forward_expression_makes_the_node_of_its_entry(entry: Entry) -> None:
    forward = entry.check[0]
    space = {letter: (torch.rand(3, 4, dtype=torch.float64) + 0.1).requires_grad_() for letter in "xabc"}
    y = eval(forward, {"torch": torch, "math": math, **space})
    title = y.grad_fn.name().rpartition("::")[2].rstrip("0123456789").removesuffix("Backward")
    assert title in entry.names


def test_the_linear_layers_formulas_are_those_of_autograd() -> None:
    a, b, c = (torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((3, 4), (4, 2), (2,)))
    y = torch.addmm(c, a, b)
    g = torch.randn(y.shape, dtype=torch.float64)
    found = torch.autograd.grad(y, (a, b, c), g)
    assert entry_of("Addmm") is not None
    for mine, gradient in zip((g @ b.T, a.T @ g, g.sum(0)), found, strict=True):
        torch.testing.assert_close(mine, gradient)


def test_torchs_own_formulas_are_found_by_the_names_of_its_nodes() -> None:
    x = torch.rand(3, requires_grad=True)
    for node, part in ((torch.special.i0(x).grad_fn, "i1"), (torch.frac(x).grad_fn, "grad"), ((x + 1).grad_fn, "grad"),
                       (torch.digamma(x).grad_fn, "polygamma")):
        assert node is not None
        formula = formula_of(node.name())
        assert formula is not None
        assert formula.formulas[0][0] == "self"
        assert part in formula.formulas[0][1]
    assert formula_of("AddmmBackward0").signature.startswith("addmm(")  # type: ignore[union-attr]
    assert formula_of("NllLossBackward0") is not None
    assert formula_of("NoSuchBackward0") is None


def test_most_nodes_that_torch_can_make_have_an_entry_or_a_formula() -> None:
    classes = [name for name in dir(torch._C._functions) if re.fullmatch(r"[A-Za-z0-9]+Backward\d+", name)]
    without = [name for name in classes if entry_of(name.rstrip("0123456789").removesuffix("Backward")) is None
               and formula_of(name) is None]
    assert len(classes) > 500
    assert len(without) < 20, without


def test_the_reader_takes_the_default_backend_and_leaves_out_what_has_no_derivative() -> None:
    found = read_formulas("""
# a comment
- name: twice(Tensor self) -> Tensor
  self: grad * 2
  result: auto_linear
- name: twice.out(Tensor self, Tensor other) -> Tensor
  dispatch:
    Default:
      self, other: twice_backward(grad)
    AutogradNestedTensor:
      self: nested(grad)
- name: flat(Tensor self) -> Tensor
  self: non_differentiable
""")
    assert found == {
        "TwiceBackward0": ("twice(Tensor self) -> Tensor", (("self", "grad * 2"),)),
        "TwiceBackward1": ("twice.out(Tensor self, Tensor other) -> Tensor", (("self, other", "twice_backward(grad)"),)),
    }
