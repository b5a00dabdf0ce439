"""Slopes of many curves at once: every run has its own subset of the points, and all runs are one torch computation."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from visualizer.experiments.landscape.nodes import Floats

#: Stands for the distance 0 between a place and a node: its term then outweighs all others, and 0 / 0 never arises.
_NO_DISTANCE = 1e-250


class BatchedSlopes(ABC):
    """For B subsets of k of the n points: the slope of each subset's curve at one place of its own.

    Outside a subset's range its curve goes on just as the curves of :mod:`~.interpolation` do: the polynomial as
    it is, the piecewise curves straight.

    Attributes:
        x, y: all points, x increasing, float64, shape [n].
    """

    def __init__(self, x: Floats, y: Floats) -> None:
        self.x = torch.tensor(x)
        self.y = torch.tensor(y)

    @abstractmethod
    def prepare(self, members: Tensor) -> tuple[Tensor, ...]:
        """What depends on the subsets only; worth keeping while they stay the same.

        Args:
            members: int64, shape [B, k], indices of the points, each row increasing.
        """

    @abstractmethod
    def slopes(self, prepared: tuple[Tensor, ...], at: Tensor) -> Tensor:
        """The slopes, shape [B], at the places ``at``, shape [B]; inf or NaN where they overflow."""


class LagrangeSlopes(BatchedSlopes):
    """Barycentric weights of a subset are products over its members: sums of logarithms, one matrix product for all."""

    def __init__(self, x: Floats, y: Floats) -> None:
        super().__init__(x, y)
        difference = self.x.unsqueeze(1) - self.x
        difference.fill_diagonal_(1.0)
        self._logarithms = difference.abs().log()
        self._reciprocals = difference.T.reciprocal()  # [j, i]: 1 / (x_i - x_j)
        self._reciprocals.fill_diagonal_(0.0)
        self._centred = self.y - self.y.mean()

    def prepare(self, members: Tensor) -> tuple[Tensor, ...]:
        rows, size = members.shape
        mask = torch.zeros(rows, self.x.numel(), dtype=torch.float64).scatter_(1, members, 1.0)
        absent = mask == 0.0
        logarithm = (mask @ self._logarithms).neg_()
        scale = logarithm.masked_fill(absent, -torch.inf).amax(dim=1, keepdim=True)
        # Between sorted nodes the signs alternate, the last one is positive.
        odd = (size - mask.cumsum(dim=1)).remainder_(2.0)
        weights = torch.exp(logarithm - scale).mul_(1.0 - 2.0 * odd).mul_(mask)
        # D y as in NodeSet.differentiate, the sum of differences taken apart into two matrix products.
        total = torch.addcmul((weights * self._centred) @ self._reciprocals, weights @ self._reciprocals,
                              self._centred, value=-1.0)
        derivatives = (total / weights).masked_fill_(absent, 0.0)
        return mask, weights, derivatives, scale.squeeze(1), self.x[members[:, 0]], self.x[members[:, -1]]

    def slopes(self, prepared: tuple[Tensor, ...], at: Tensor) -> Tensor:
        mask, weights, derivatives, scale, low, high = prepared
        difference = at.unsqueeze(1) - self.x
        result = self._ratio(difference, weights, derivatives)
        broken = ~torch.isfinite(result)
        if bool(broken.any()):  # at a point, which may or may not be a member
            near = difference[broken]
            near.masked_fill_(near == 0.0, _NO_DISTANCE)
            result[broken] = self._ratio(near, weights[broken], derivatives[broken])
        left = at < low
        outside = left | (at > high)
        if bool(outside.any()):
            # The first barycentric form: 1 / product(x - x_j) instead of the sum that would cancel (see Lagrange).
            chosen = mask[outside]
            far = difference[outside]
            far.masked_fill_(far == 0.0, _NO_DISTANCE)
            factor = torch.exp((chosen * far.abs().log_()).sum(dim=1) + scale[outside])
            sign = torch.where(left[outside], 1.0 - 2.0 * chosen.sum(dim=1).remainder_(2.0), 1.0)
            result[outside] = (weights[outside] / far * derivatives[outside]).sum(dim=1) * factor * sign
        return result

    @staticmethod
    def _ratio(difference: Tensor, weights: Tensor, derivatives: Tensor) -> Tensor:
        terms = weights / difference
        return (terms * derivatives).sum(dim=1) / terms.sum(dim=1)


class PiecewiseSlopes(BatchedSlopes):
    """Hermite cubics: a subclass gives the derivative of each subset's curve at each of its nodes."""

    def prepare(self, members: Tensor) -> tuple[Tensor, ...]:
        # Nodes in rows: the recurrences along the nodes then run over whole vectors of runs.
        nodes = self.x[members.T.contiguous()]
        widths = nodes.diff(dim=0)
        secants = self.y[members.T.contiguous()].diff(dim=0) / widths
        return nodes, widths, secants, self._derivatives(widths, secants)

    def slopes(self, prepared: tuple[Tensor, ...], at: Tensor) -> Tensor:
        nodes, widths, secants, derivatives = prepared
        inside = torch.clamp(at, nodes[0], nodes[-1])  # straight on outside: the slope is that of the end
        piece = ((nodes <= inside).sum(dim=0) - 1).clamp_(max=nodes.shape[0] - 2).unsqueeze(0)
        part = (inside - nodes.gather(0, piece).squeeze(0)) / widths.gather(0, piece).squeeze(0)
        secant = secants.gather(0, piece).squeeze(0)
        first = derivatives.gather(0, piece).squeeze(0)
        last = derivatives.gather(0, piece + 1).squeeze(0)
        rest = 1.0 - part
        return 6.0 * part * rest * secant + rest * (1.0 - 3.0 * part) * first + part * (3.0 * part - 2.0) * last

    @abstractmethod
    def _derivatives(self, widths: Tensor, secants: Tensor) -> Tensor:
        """Derivatives at the nodes, shape [k, B], from the widths and secant slopes of the gaps, shape [k - 1, B]."""


class SplineSlopes(PiecewiseSlopes):
    """Natural cubic splines: one tridiagonal system a run, all of them eliminated together (Thomas)."""

    def _derivatives(self, widths: Tensor, secants: Tensor) -> Tensor:
        count = widths.shape[0] + 1
        if count == 2:
            return secants.expand(2, -1)
        # Row i: d_{i-1} / h_{i-1} + 2 (1 / h_{i-1} + 1 / h_i) d_i + d_{i+1} / h_i = 3 (s_{i-1} / h_{i-1} + s_i / h_i).
        inverse = widths.reciprocal()
        right = 3.0 * secants * inverse
        upper = torch.empty(count, widths.shape[1], dtype=torch.float64)
        values = torch.empty_like(upper)
        upper[0], values[0] = 0.5, 1.5 * secants[0]
        for row in range(1, count - 1):
            pivot = (inverse[row - 1] * (2.0 - upper[row - 1]) + 2.0 * inverse[row]).reciprocal_()
            upper[row] = inverse[row] * pivot
            values[row] = (right[row - 1] + right[row] - inverse[row - 1] * values[row - 1]) * pivot
        values[-1] = (3.0 * secants[-1] - values[-2]) / (2.0 - upper[-2])
        for row in range(count - 2, -1, -1):
            values[row] -= upper[row] * values[row + 1]
        return values


class PchipSlopes(PiecewiseSlopes):
    """Weighted harmonic means of the neighbouring secants (Fritsch and Butland), zero where these differ in sign."""

    def _derivatives(self, widths: Tensor, secants: Tensor) -> Tensor:
        if widths.shape[0] == 1:
            return secants.expand(2, -1)
        before, after = secants[:-1], secants[1:]
        first, second = 2.0 * widths[1:] + widths[:-1], widths[1:] + 2.0 * widths[:-1]
        inner = (first + second) / (first / before + second / after)
        inner = torch.where(before.sign() * after.sign() > 0.0, inner, 0.0)
        ends = (self._end(widths[0], widths[1], secants[0], secants[1]),
                self._end(widths[-1], widths[-2], secants[-1], secants[-2]))
        return torch.cat((ends[0].unsqueeze(0), inner, ends[1].unsqueeze(0)))

    @staticmethod
    def _end(width: Tensor, next_width: Tensor, secant: Tensor, next_secant: Tensor) -> Tensor:
        """The three-point formula at an end, held back where it would overshoot."""
        slope = ((2.0 * width + next_width) * secant - width * next_secant) / (width + next_width)
        steep = (secant.sign() != next_secant.sign()) & (slope.abs() > 3.0 * secant.abs())
        slope = torch.where(steep, 3.0 * secant, slope)
        return torch.where(slope.sign() == secant.sign(), slope, 0.0)


BATCHED_SLOPES: dict[str, type[BatchedSlopes]] = {
    "lagrange": LagrangeSlopes, "spline": SplineSlopes, "pchip": PchipSlopes,
}
