"""The ``.grad`` of leaves: taken away for a run of the engine, put back afterwards, compared bit for bit."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

#: Integers as wide as the elements of a tensor, to compare bits.
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class Held:
    """The ``.grad`` of some tensors, and their hooks that follow an accumulation, as they were.

    Args:
        tensors: leaves, and others that retain their gradient; those that have no ``.grad`` of their own are passed over.
    """

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        found = {id(tensor): tensor for tensor in tensors if tensor.is_leaf or tensor.retains_grad}
        self._tensors = tuple(found.values())
        self._grads = {key: tensor.grad for key, tensor in found.items()}
        self._hooks: list[tuple[dict[int, Any], dict[int, Any]]] = []
        for tensor in self._tensors:
            hooks = getattr(tensor, "_post_accumulate_grad_hooks", None)
            if hooks:  # the engine goes through this very dictionary
                self._hooks.append((hooks, dict(hooks)))

    def clear(self) -> None:
        """Every ``.grad`` is None, and no hook follows an accumulation."""
        for hooks, _ in self._hooks:
            hooks.clear()
        for tensor in self._tensors:
            if tensor.grad is not None:
                tensor.grad = None

    def restore(self) -> None:
        """Every ``.grad`` is the very tensor that it was, or None, and the hooks are as they were."""
        for tensor in self._tensors:
            tensor.grad = self._grads[id(tensor)]
        for hooks, before in self._hooks:
            hooks.update(before)

    def of(self, tensors: Sequence[Tensor]) -> list[Tensor | None]:
        """What the ``.grad`` of these was."""
        return [self._grads.get(id(tensor)) for tensor in tensors]


def without_values(*tensors: Tensor | None) -> bool:
    """Whether one of these has no values that could be compared: it is on the device ``meta``, or a FakeTensor."""
    return any(tensor is not None and (tensor.is_meta or type(tensor).__name__ == "FakeTensor") for tensor in tensors)


def retained(nodes: Iterable[Any]) -> list[Tensor]:
    """The tensors made by these nodes that retain their gradient (``retain_grad``), whoever holds them.

    torch keeps no list of them; every tensor that Python has seen is known to its garbage collector.
    """
    made = {id(node) for node in nodes}
    kinds: list[type] = [Tensor]
    for kind in kinds:
        kinds.extend(kind.__subclasses__())
    tensor = frozenset(kinds)  # to ask each of a million objects for its class takes a few hundredths of a second
    return [one for one in gc.get_objects() if type(one) in tensor and _retains(one, made)]


def _retains(tensor: Tensor, nodes: Collection[int]) -> bool:
    """Whether it does, and one of these nodes has made it."""
    with torch._C.DisableTorchFunction():
        try:
            return tensor.retains_grad and id(tensor.grad_fn) in nodes
        except (RuntimeError, NotImplementedError):  # a view that can have no gradient any more; a subclass without any
            return False


def same(one: Tensor | None, other: Tensor | None) -> bool:
    """Whether two gradients are equal bit for bit, of one shape and dtype; any NaN equals any NaN."""
    if one is None or other is None:
        return one is other
    if one.is_nested or other.is_nested:  # it has no shape of its own, but its parts have
        if not (one.is_nested and other.is_nested) or one.size(0) != other.size(0):
            return False
        return all(map(same, one.detach().unbind(), other.detach().unbind()))
    if one.shape != other.shape or one.dtype != other.dtype or one.layout != other.layout:
        return False
    one, other = one.detach(), other.detach()
    if one.layout != torch.strided:
        if one.layout != torch.sparse_coo:
            return same(one.to_dense(), other.to_dense())
        one, other = one.coalesce(), other.coalesce()
        return torch.equal(one.indices(), other.indices()) and same(one.values(), other.values())
    if one.is_complex():
        one, other = torch.view_as_real(one.resolve_conj()), torch.view_as_real(other.resolve_conj())
    one, other = one.resolve_neg().contiguous(), other.resolve_neg().contiguous()
    wide = _BITS[one.element_size()]
    if torch.equal(one.view(wide), other.view(wide)):
        return True
    nan = one.isnan()
    return torch.equal(nan, other.isnan()) and torch.equal(one[~nan].view(wide), other[~nan].view(wide))
