"""What the worker is asked for, one request class a page: only what changes the result is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from visualizer.base.experiment import Request
from visualizer.base.tensors import TensorData
from visualizer.components.losses import Loss, loss
from visualizer.experiments.losses.state import LossesState


@dataclass(frozen=True)
class Given(Request):
    """One tensor that goes into the loss."""

    role: str
    data: TensorData
    requires_grad: bool


@dataclass(frozen=True)
class Setup(Request):
    """A loss, its arguments and its tensors.

    Attributes:
        name: the class in torch.nn.
        reduction: as chosen; without meaning for a loss that takes none.
        values: keyword arguments in the order of the entry, tensors of ``weight`` and ``pos_weight`` as data (None: not given).
        inputs: in the order of ``forward``.
        dtype: of the tensors that hold no indices.
        target_as: "auto", "indices" or "probabilities", for a loss that takes both.
        seed: of the weights of a loss that is a layer; 0 for the others.
    """

    name: str
    reduction: str
    values: tuple[tuple[str, Any], ...]
    inputs: tuple[Given, ...]
    dtype: str
    target_as: str
    seed: int

    @property
    def entry(self) -> Loss:
        return loss(self.name)

    @property
    def arguments(self) -> Mapping[str, Any]:
        return dict(self.values)

    def given(self, role: str) -> Given | None:
        """The tensor of this role; None if the loss takes none."""
        return next((item for item in self.inputs if item.role == role), None)


@dataclass(frozen=True)
class LossRequest(Request):
    setup: Setup


@dataclass(frozen=True)
class CurveRequest(Request):
    """``moved`` is the role whose elements move, ``element`` and ``element_2`` flat indices into it."""

    setup: Setup
    moved: str
    element: int
    element_2: int
    reach: float


@dataclass(frozen=True)
class CheckRequest(Request):
    setup: Setup
    moved: str
    element: int
    logit: float


@dataclass(frozen=True)
class GradRequest(Request):
    setup: Setup
    backwards: int
    set_to_none: bool


@dataclass(frozen=True)
class NoneRequest(Request):
    case: str


@dataclass(frozen=True)
class LayerRequest(Request):
    input: TensorData
    target: TensorData
    input_grad: bool
    bias: bool
    seed: int


LossesRequest = LossRequest | CurveRequest | CheckRequest | GradRequest | NoneRequest | LayerRequest


def setup_of(state: LossesState) -> Setup:
    """The loss and the tensors of this state, as far as the loss takes them."""
    entry = loss(state.loss)
    values = [(name, getattr(state, name)) for name in entry.arguments]
    for name in entry.weights:
        data: TensorData = getattr(state, name)
        values.append((name, data if data.values else None))
    inputs = tuple(
        Given(item.role, getattr(state, item.role), getattr(state, f"{item.role}_grad")) for item in entry.inputs
    )
    held = entry.input("target")
    both = held is not None and held.holds == "class_or_probability"
    return Setup(
        entry.name, state.reduction if entry.reductions else "mean", tuple(values), inputs, state.dtype,
        state.target_as if both else "auto", state.seed if entry.layer else 0,
    )


def request_of(state: LossesState) -> LossesRequest:
    """The request of the page that the state shows."""
    match state.view:
        case "curve":
            return CurveRequest(setup_of(state), state.moved, state.element, state.element_2, state.reach)
        case "check":
            return CheckRequest(setup_of(state), state.moved, state.element, state.logit)
        case "grad":
            return GradRequest(setup_of(state), state.backwards, state.set_to_none)
        case "none":
            return NoneRequest(state.case)
        case "layer":
            return LayerRequest(state.layer_input, state.layer_target, state.input_grad, state.bias, state.seed)
        case _:
            return LossRequest(setup_of(state))
