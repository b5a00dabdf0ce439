"""Curves as torch functions: values forward, and the exact derivative when autograd goes backward."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from visualizer.experiments.landscape.interpolation import Curve, Lagrange, Piecewise
from visualizer.experiments.landscape.nodes import BLOCK, Floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class TensorCurve:
    """A curve's derivatives of every order on float64 tensors, in torch operations only.

    Where a polynomial needs care (at or outside the nodes, with a huge Lebesgue constant) the curve itself is asked.
    """

    def __init__(self, curve: Curve) -> None:
        self.curve = curve
        self._low, self._high = float(curve.x[0]), float(curve.x[-1])
        self._tables: dict[int, Tensor] = {}

    @cached_property
    def _nodes(self) -> Tensor:
        return torch.tensor(self.curve.x)

    @cached_property
    def _breaks(self) -> Tensor:
        assert isinstance(self.curve, Piecewise)
        return torch.tensor(self.curve.breaks)

    def derivative(self, x: Tensor, order: int) -> Tensor:
        """The derivative of this order at ``x``, shape [m], float64; outside the graph."""
        with torch.no_grad():
            if isinstance(self.curve, Piecewise):
                return self._piecewise(x, order)
            return self._barycentric(x, order)

    def _barycentric(self, x: Tensor, order: int) -> Tensor:
        columns = max(1, BLOCK // self._nodes.numel())
        parts = [self._barycentric_block(part, order) for part in torch.split(x, columns)]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _barycentric_block(self, x: Tensor, order: int) -> Tensor:
        curve = self.curve
        assert isinstance(curve, Lagrange)
        if not curve.well_conditioned:
            return torch.from_numpy(curve.derivative(x.numpy(), order))
        table = self._tables.get(order)
        if table is None:
            weights = torch.tensor(curve.nodes.weights)
            table = torch.stack((weights * torch.tensor(curve.node_values(order)), weights))
            self._tables[order] = table
        # Nodes in rows, places in columns: the product with a table of two rows is three times quicker this way round.
        sums = table @ torch.sub(x, self._nodes.unsqueeze(1)).reciprocal_()
        result = sums[0] / sums[1]
        smallest, largest = torch.aminmax(x) if x.numel() else (x, x)
        inside = x.numel() == 0 or (smallest.item() >= self._low and largest.item() <= self._high)
        if not (inside and bool(torch.isfinite(result).all())):
            # At a node the formula is inf / inf, and outside the nodes the other barycentric form is better.
            special = ~torch.isfinite(result) | (x < self._low) | (x > self._high)
            result[special] = torch.from_numpy(curve.derivative(x[special].numpy(), order))
        return result

    def _piecewise(self, x: Tensor, order: int) -> Tensor:
        curve = self.curve
        assert isinstance(curve, Piecewise)
        table = self._tables.get(order)
        if table is None:
            table = self._tables[order] = torch.tensor(curve.piece_coefficients(order))
        piece = torch.searchsorted(self._nodes, x.contiguous(), right=True)
        distance = x - self._breaks[piece]
        result = table[0, piece]
        for row in table[1:]:
            result = result * distance + row[piece]
        return result


class _Interpolate(torch.autograd.Function):
    """Value (or derivative of some order) of a curve; its backward is the same function, one order higher."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, curve: Curve, order: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.curve = curve
        ctx.order = order
        if x.numel() == 1:
            # One number, as in every step of an optimizer: a Python float is 20 times quicker than tensor operations.
            return x.new_full(x.shape, curve.scalar(order)(x.item()))
        return tensor_curve(curve).derivative(x.reshape(-1), order).reshape(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        slope: Tensor = _Interpolate.apply(x, ctx.curve, ctx.order + 1)  # type: ignore[no-untyped-call]
        return gradients[0] * slope, None, None


_tensor_curves: WeakKeyDictionary[Curve, TensorCurve] = WeakKeyDictionary()


def tensor_curve(curve: Curve) -> TensorCurve:
    """The curve's tensors; made once and forgotten with the curve."""
    made = _tensor_curves.get(curve)
    if made is None:
        made = _tensor_curves[curve] = TensorCurve(curve)
    return made


def curve_tensor(curve: Curve, x: Tensor) -> Tensor:
    """The curve's value at ``x``, differentiable by autograd as often as one likes, exactly at and beside nodes.

    Args:
        x: float64, any shape, on the CPU.

    Returns:
        The values, shape of ``x``.

    Raises:
        TypeError: x is not float64 (float32 would be wrong by 1e-4 between 17 points).
    """
    if x.dtype != torch.float64:
        raise TypeError(f"a curve needs float64 places, not {x.dtype}")
    value: Tensor = _Interpolate.apply(x, curve, 0)  # type: ignore[no-untyped-call]
    return value


def autograd_slopes(curve: Curve, xs: ArrayLike) -> Floats:
    """The curve's slope at many places, shape [m], by one backward pass of autograd through the sum of its values."""
    x = torch.tensor(np.asarray(xs, dtype=np.float64), requires_grad=True)
    curve_tensor(curve, x).sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None
    return x.grad.numpy()
