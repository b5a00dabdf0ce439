"""Loss and gradient: the tensors as bars, what every element contributes, the gradient of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from visualizer.base.explanation import Explanation
from visualizer.base.pages import PageResult
from visualizer.experiments.losses import listing
from visualizer.experiments.losses.cautions import cautions
from visualizer.experiments.losses.diagnosis import diagnosed
from visualizer.experiments.losses.evaluation import build, leads_somewhere
from visualizer.experiments.losses.finite_differences import Check, checked, in_float64, worst
from visualizer.experiments.losses.pages import loss_figures, loss_words
from visualizer.experiments.losses.requests import LossRequest, Setup
from visualizer.experiments.losses.state import LossesState
from visualizer.experiments.losses.worked import Worked, worked_of
from visualizer.figures.model import Figure, readonly

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LossResult(PageResult):
    """A loss, its parts and its gradient.

    Attributes:
        loss: the number that backward started from; with ``reduction="none"`` the sum of all.
        contributions: what ``reduction="none"`` returns, any shape.
        tensors: the inputs' values by role, as they are in their dtype.
        gradients: ``.grad`` by role; None where it is None.
        problem: what torch says when nothing requires a gradient; empty otherwise.
        cautions: what torch warns of, and what would mislead, in sentences.
        worked: the formula with these numbers.
        check: the gradient against finite differences, of the tensor where they differ most; None as long as it is computed,
            or when there is no gradient.
        drawn: the figures, made once.
    """

    request: LossRequest
    loss: float
    contributions: Floats
    tensors: Mapping[str, Floats]
    gradients: Mapping[str, Floats | None]
    problem: str
    cautions: tuple[str, ...]
    worked: Worked
    check: Check | None
    drawn: tuple[Figure, ...]

    @property
    def setup(self) -> Setup:
        return self.request.setup

    def numbers(self) -> dict[str, Any]:
        roles = [role for role, found in self.gradients.items() if found is not None]
        first = self.gradients[roles[0]] if roles else None
        return {
            "loss": self.loss,
            "reduction": self.setup.reduction,
            "contributions": self.contributions.reshape(-1),
            "gradient": None if first is None else first.reshape(-1),
            "gradients": {role: self.gradients[role] for role in roles},
            "tensors": dict(self.tensors),
            "finite_difference": None if self.check is None else {
                "max_error": self.check.max_error, "passed": self.check.passed,
            },
            "cautions": list(self.cautions),
        }


def run(request: LossRequest) -> Iterator[LossResult | None]:
    """The loss and its gradient, then the check of the gradient.

    Raises:
        UserError: torch refuses these tensors; its message is in the details.
    """
    setup = request.setup
    built = build(setup)
    loss = built.loss()
    contributions = readonly(built.contributions().detach().double().numpy())
    problem = _backward(setup, loss)
    gradients = {
        role: None if leaf.grad is None else readonly(leaf.grad.double().numpy()) for role, leaf in built.leaves.items()
    }
    tensors = {role: readonly(leaf.detach().double().numpy()) for role, leaf in built.leaves.items()}
    value = float(loss.detach().double().sum())
    worked = worked_of(built, value, contributions, gradients)
    found = LossResult(
        request, value, contributions, tensors, gradients, problem, cautions(setup, built, value), worked, None, (),
        progress=0.5, enough=True,
    )
    found = replace(found, drawn=loss_figures.figures(found))
    if all(gradient is None for gradient in gradients.values()):
        yield replace(found, progress=1.0)
        return
    yield found
    for checks in checked(in_float64(setup)):
        if checks is not None:
            yield replace(found, check=worst(checks), progress=1.0)
        else:
            yield None


def _backward(setup: Setup, loss: torch.Tensor) -> str:
    """Fill .grad; what torch says, if nothing requires a gradient.

    Raises:
        UserError: torch computes the loss of these tensors, and refuses them on the way back.
    """
    try:
        loss.backward(torch.ones_like(loss))  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        if not loss.requires_grad:
            return f"{type(error).__name__}: {error}"
        raise diagnosed(setup, error) from error
    return ""


def figures(result: LossResult, state: LossesState) -> tuple[Figure, ...]:
    """The tensors, the contributions, the gradient as bars and as a heat map."""
    return result.drawn


def explain(result: LossResult, state: LossesState) -> Explanation:
    """The formula with these numbers, and what every element adds."""
    return loss_words.explanation(result)


def code(request: LossRequest) -> str:
    """PyTorch that computes the same loss and gradient."""
    setup = request.setup
    lines = [*listing.setup_lines(setup), "", f"loss = {listing.call(setup)}"]
    wanting = [item.role for item in setup.inputs if item.requires_grad]
    differentiable = leads_somewhere(build(setup))
    if setup.reduction == "none":
        lines += ['print(f"{loss = }")']
        backward = ["loss.backward(torch.ones_like(loss))  # as many losses as elements: the gradient of their sum"]
    else:
        lines += ['print(f"loss = {loss.item():.6g}")']
        backward = ["loss.backward()"]
    if wanting and differentiable:
        lines += backward + [f'print("{role}.grad =", {role}.grad)' for role in wanting]
    else:
        why = "nothing that can be differentiated leads to the loss" if wanting else "nothing requires a gradient"
        lines += [f"# {why}: loss.backward() would raise a RuntimeError"]
    return "\n".join(lines) + "\n"
