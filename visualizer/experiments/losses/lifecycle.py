"""The life of .grad, step by step: tensors made, loss computed, backward, again, cleared; run by torch and recorded."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visualizer.experiments.losses.chain import Chain, chain_of
from visualizer.experiments.losses.diagnosis import diagnosed
from visualizer.experiments.losses.evaluation import Built, build, heard
from visualizer.experiments.losses.requests import GradRequest
from visualizer.figures.model import readonly

Floats = NDArray[np.float64]
Gradients = Mapping[str, Floats | None]
Graph = Literal["none", "alive", "freed"]
What = Literal["made", "loss", "backward", "error", "cleared"]


@dataclass(frozen=True, eq=False)
class Step:
    """One line of a training loop.

    Attributes:
        what: which line.
        nth: the how many-th loss, or backward pass, from 1; 0 for the first and the last step.
        code: the line.
        before, after: ``.grad`` of every tensor that requires a gradient, before and after this line; None as torch has it.
        graph: whether there is a graph after this line, and whether its saved tensors are still there.
    """

    what: What
    nth: int
    code: str
    before: Gradients
    after: Gradients
    graph: Graph


@dataclass(eq=False)
class Life:
    """What was recorded.

    Attributes:
        steps: in order.
        loss: the value of the loss, shape () or, without a reduction, as it is.
        chain: the graph of the first loss, the same each time; None before it is computed. If there is none, what was not
            recorded.
        refused: torch's message to the first ``loss.backward()``, if it refuses: there is no graph, or the loss is no number.
        again: torch's message to a second backward on the same loss; empty if it allows that (it had saved no tensors).
        warnings: what torch warned of.
        shapes: of the tensors that require a gradient.
        idle: the inputs that require none.
    """

    steps: list[Step] = field(default_factory=list)
    loss: Floats = field(default_factory=lambda: readonly(np.zeros(())))
    chain: Chain | None = None
    refused: str = ""
    again: str = ""
    warnings: list[str] = field(default_factory=list)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    idle: tuple[str, ...] = ()

    @property
    def scalar(self) -> bool:
        """Whether backward starts from a single number."""
        return self.loss.ndim == 0


def wanting(built: Built) -> dict[str, Tensor]:
    """The leaves that require a gradient, by the expressions for them: the inputs, and the weights of a loss that has some."""
    found = {role: leaf for role, leaf in built.leaves.items() if leaf.requires_grad}
    for name, weight in built.module.named_parameters():
        if weight.requires_grad:
            found[re.sub(r"\.(\d+)", r"[\1]", f"loss_fn.{name}")] = weight
    return found


def lived(request: GradRequest) -> Generator[None, None, Life]:
    """Record the steps; None for not yet, the whole is returned.

    Raises:
        UserError: torch refuses the tensors, or differentiates the loss not.
    """
    built = build(request.setup)
    leaves = wanting(built)
    life = Life(warnings=built.warnings, shapes={name: tuple(leaf.shape) for name, leaf in leaves.items()},
                idle=tuple(role for role, leaf in built.leaves.items() if not leaf.requires_grad))
    now = _gradients(leaves)
    life.steps.append(Step("made", 0, "tensors are made", now, now, "none"))
    for nth in range(1, request.backwards + 1):
        loss = built.loss()
        if life.chain is None:
            life.loss = readonly(loss.detach().to(torch.float64).numpy())
            # Without a graph autograd knows nothing of where the loss came from; we do.
            cuts = () if loss.requires_grad else tuple(("loss", role, "not recorded") for role in built.leaves)
            life.chain = chain_of(loss, {"loss": loss, **built.leaves, **leaves}, cuts)
        life.steps.append(Step("loss", nth, "loss = loss_fn(...)", now, now, "alive" if loss.requires_grad else "none"))
        yield None
        before = now
        line = _backward(built, loss, life)
        now = _gradients(leaves)
        if not loss.requires_grad:
            life.steps.append(Step("error", nth, line, before, now, "none"))
            return life
        life.steps.append(Step("backward", nth, line, before, now, "freed"))
        yield None
    for leaf in leaves.values():  # what torch.optim.Optimizer.zero_grad does
        if request.set_to_none:
            leaf.grad = None
        elif leaf.grad is not None:
            leaf.grad.zero_()
    code = f"optimizer.zero_grad({'' if request.set_to_none else 'set_to_none=False'})"
    life.steps.append(Step("cleared", 0, code, now, _gradients(leaves), "freed"))
    life.again = _again(request)
    return life


def _gradients(leaves: Mapping[str, Tensor]) -> Gradients:
    return {name: None if leaf.grad is None else readonly(leaf.grad.detach().to(torch.float64).numpy().copy())
            for name, leaf in leaves.items()}


def _backward(built: Built, loss: Tensor, life: Life) -> str:
    """Call backward as torch allows it, and return the line; its refusal of ``loss.backward()`` is kept."""
    with heard(built.warnings):
        try:
            loss.backward()  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            if not loss.requires_grad or loss.numel() != 1:
                life.refused = f"{type(error).__name__}: {error}"
            else:
                raise diagnosed(built.setup, error) from error
        else:
            return "loss.backward()"
        if not loss.requires_grad:
            return "loss.backward()"
        try:
            loss.backward(torch.ones_like(loss))  # type: ignore[no-untyped-call]
        except RuntimeError as error:
            raise diagnosed(built.setup, error) from error
    return "loss.backward(torch.ones_like(loss))"


def _again(request: GradRequest) -> str:
    """What torch says to a second backward on one and the same loss, tried on tensors of its own."""
    built = build(request.setup)
    loss = built.loss()
    ones = torch.ones_like(loss)
    loss.backward(ones)  # type: ignore[no-untyped-call]
    try:
        loss.backward(ones)  # type: ignore[no-untyped-call]
    except RuntimeError as error:
        return f"{type(error).__name__}: {error}"
    return ""
