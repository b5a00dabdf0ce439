"""What a recording notes while the forward pass runs, and why a result is in no graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from visualizer.experiments.graph import previews
from visualizer.experiments.graph.model import Preview, Reason, TensorType
from visualizer.experiments.graph.torch_functions import Function


class NotedCall(NamedTuple):
    module: nn.Module
    nth: int
    parent: int


class Given(NamedTuple):
    """A tensor that went into an operation: what made it, and its id; if nothing did (-1), its number among the sources."""

    maker: int
    key: int
    type: TensorType
    grad: bool


class NotedOperation(NamedTuple):
    """An operation as it is noted while the forward pass runs.

    ``nodes``: the sequence numbers that it used, from and up to; ``result``: that of the node of its first result, or -1.
    """

    name: str
    inputs: tuple[Given, ...]
    outputs: tuple[TensorType, ...]
    nodes: tuple[int, int]
    result: int
    reason: Reason
    call: int
    line: int
    value: Preview | None
    error: str
    required: bool


#: Types that were met; a forward pass has few, and asks thousands of times.
_types: dict[tuple[torch.Size, torch.dtype], TensorType] = {}


def type_of(tensor: Tensor) -> TensorType:
    try:
        key = tensor.shape, tensor.dtype
        found = _types.get(key)
        if found is None:
            if len(_types) > 5000:
                _types.clear()
            found = _types[key] = previews.tensor_type(tensor)
        return found
    except Exception:  # a nested tensor has no shape; a subclass may raise anything
        return TensorType((), previews.dtype_name(tensor.dtype))


def reason_of(function: Function, given: Sequence[Given], outputs: Sequence[Tensor]) -> Reason:
    """Why none of these results requires a gradient."""
    if any(torch._C._functorch.is_functorch_wrapped_tensor(tensor) for tensor in outputs):
        return ""  # under vmap or grad of torch.func: what it says of itself there is not what is meant here
    if all(not (tensor.is_floating_point() or tensor.is_complex()) for tensor in outputs):
        return "integer"
    if not any(one.grad for one in given):
        return "inputs"
    if torch.is_inference_mode_enabled():
        return "inference"
    if function.name in ("Tensor.detach", "Tensor.detach_", "Tensor.data", "torch.detach", "torch.detach_"):
        return "detach"
    return "nondifferentiable" if torch.is_grad_enabled() else "no_grad"
