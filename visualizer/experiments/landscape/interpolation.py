"""Curves through points: Lagrange polynomial, natural cubic spline, PCHIP. Values and derivatives in float64."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from visualizer.base.errors import UserError
from visualizer.experiments.landscape.nodes import BLOCK, Floats, NodeSet, subdivided

if TYPE_CHECKING:
    from collections.abc import Callable

#: Up to this many nodes a Python loop over floats is quicker than one numpy expression on them.
_PYTHON_NODES = 128

#: The second barycentric form loses as many digits as the Lebesgue constant has; the first one does not.
_LEBESGUE_LIMIT = 1e6


class Curve(ABC):
    """A function through all of its nodes, defined on the whole line, with exact derivatives of every order.

    Attributes:
        kind: name of the interpolant.
        x: nodes, strictly increasing, shape [n], read-only.
        y: values at the nodes, shape [n], read-only.
    """

    kind: ClassVar[str]

    def __init__(self, x: Floats, y: Floats) -> None:
        self.x = _frozen(x)
        self.y = _frozen(y)
        self._scalar: dict[int, Callable[[float], float]] = {}

    @abstractmethod
    def _evaluate(self, at: Floats, order: int) -> Floats:
        """The derivative of this order at the places ``at``, shape [m] in and out."""

    @abstractmethod
    def _make_scalar(self, order: int) -> Callable[[float], float]:
        """A quick function of one float: the derivative of this order."""

    @abstractmethod
    def monotone_grid(self, low: float, high: float) -> Floats:
        """Places from low to high, both included: between neighbours the slope changes sign at most once."""

    def derivative(self, x: ArrayLike, order: int) -> Floats:
        """The derivative of this order (0: the value) at ``x``, any shape. Overflow gives inf or NaN, no warning."""
        at = np.asarray(x, dtype=np.float64)
        with np.errstate(all="ignore"):
            return self._evaluate(at.ravel(), order).reshape(at.shape)

    def value(self, x: ArrayLike) -> Floats:
        """The curve at ``x``, any shape."""
        return self.derivative(x, 0)

    def slope(self, x: ArrayLike) -> Floats:
        """The first derivative at ``x``, any shape."""
        return self.derivative(x, 1)

    def curvature(self, x: ArrayLike) -> Floats:
        """The second derivative at ``x``, any shape (at a node of a piecewise curve: that of the right piece)."""
        return self.derivative(x, 2)

    def scalar(self, order: int) -> Callable[[float], float]:
        """The derivative of this order as a quick function from float to float."""
        made = self._scalar.get(order)
        if made is None:
            made = self._scalar[order] = self._make_scalar(order)
        return made

    def value_at(self, x: float) -> float:
        return self.scalar(0)(x)

    def slope_at(self, x: float) -> float:
        return self.scalar(1)(x)

    def curvature_at(self, x: float) -> float:
        return self.scalar(2)(x)


class Lagrange(Curve):
    """The one polynomial of degree below n through n points, by the barycentric formula.

    Its derivative is interpolated, too: p' is a polynomial of lower degree, so it goes through the values
    D y that it has at the nodes (D: the differentiation matrix). Unlike the derivative of the barycentric
    formula itself this is exact at the nodes and right beside them.

    Between the nodes the second ("true") barycentric form is used. The first form, slower, stays accurate where
    that one does not: outside the nodes, and everywhere when the Lebesgue constant is huge (Webb, Trefethen, Gonnet:
    Stability of barycentric interpolation formulas, 2012).

    Attributes:
        nodes: what depends on x alone: the barycentric weights, the differentiation matrix.
        well_conditioned: whether the Lebesgue constant is moderate, so that the second form serves between the nodes.
    """

    kind = "lagrange"

    def __init__(self, x: Floats, y: Floats) -> None:
        super().__init__(x, y)
        self.nodes = NodeSet(self.x)
        middles = (self.x[1:] + self.x[:-1]) / 2
        self.well_conditioned = bool(self.nodes.lebesgue(middles).max() < _LEBESGUE_LIMIT)
        self._node_values = [self.y]

    def node_values(self, order: int) -> Floats:
        """The derivative of this order at the nodes, shape [n]."""
        while len(self._node_values) <= order:
            self._node_values.append(_frozen(self.nodes.differentiate(self._node_values[-1])))
        return self._node_values[order]

    def _evaluate(self, at: Floats, order: int) -> Floats:
        values = self.node_values(order)
        result = np.empty_like(at)
        rows = max(1, BLOCK // self.x.size)
        for first in range(0, at.size, rows):
            result[first:first + rows] = self._block(at[first:first + rows], values)
        return result

    def _block(self, at: Floats, values: Floats) -> Floats:
        difference = at[:, None] - self.x
        terms = self.nodes.weights / difference
        denominator = terms.sum(axis=1)
        first_form = (at < self.x[0]) | (at > self.x[-1]) | (not self.well_conditioned)
        if first_form.any():
            denominator[first_form] = self.nodes.reciprocal_of_product(difference[first_form])
        # einsum, not @: BLAS would start threads of its own for so little.
        result: Floats = np.einsum("ij,j->i", terms, values) / denominator
        if not np.isfinite(result).all():
            # At a node, or nearer than floats can tell apart.
            row, column = np.nonzero((difference == 0.0) | np.isinf(terms))
            result[row] = values[column]
        return result

    def _make_scalar(self, order: int) -> Callable[[float], float]:
        values = self.node_values(order)

        def by_arrays(x: float) -> float:
            with np.errstate(all="ignore"):
                return float(self._block(np.array((x,)), values)[0])

        if self.x.size > _PYTHON_NODES or not self.well_conditioned:
            return by_arrays
        low, high = float(self.x[0]), float(self.x[-1])
        nodes = list(zip(self.x.tolist(), self.nodes.weights.tolist(), values.tolist(), strict=True))

        def by_floats(x: float) -> float:
            if not low <= x <= high:
                return by_arrays(x)
            numerator = denominator = 0.0
            try:
                for node, weight, value in nodes:
                    term = weight / (x - node)
                    numerator += term * value
                    denominator += term
                result = numerator / denominator
            except ZeroDivisionError:
                return by_arrays(x)
            return result if result == result else by_arrays(x)

        return by_floats

    def monotone_grid(self, low: float, high: float) -> Floats:
        # A polynomial through n points has about one extremum between two of them; 32 parts of each gap see them all.
        inner = self.x[(self.x > low) & (self.x < high)]
        edges = np.concatenate(([low], inner, [high]))
        parts = 32 if inner.size else 32 * self.x.size
        return subdivided(edges, parts)


class Piecewise(Curve):
    """Cubic pieces between the nodes, from scipy; beyond the first and last node a straight line goes on.

    The straight continuation is what makes a natural spline natural (it bends least on the whole line), and it
    keeps PCHIP from overshooting; scipy alone would continue the outermost cubic.

    Attributes:
        breaks: left ends of the pieces, the first one only formally: shape [n + 1].
        coefficients: highest power first, in x - break, shape [4, n + 1].
    """

    def __init__(self, x: Floats, y: Floats) -> None:
        super().__init__(x, y)
        with np.errstate(all="ignore"):
            try:
                pieces = self._pieces(self.x, self.y)
            except (ValueError, np.linalg.LinAlgError) as error:
                raise UserError(
                    "No curve of cubic pieces can be computed through these points; they lie too close together.",
                    str(error),
                ) from error
            slopes = pieces(self.x[[0, -1]], 1)
            left = np.array((0.0, 0.0, slopes[0], self.y[0]))
            right = np.array((0.0, 0.0, slopes[1], self.y[-1]))
        # The line on the left is written in x - x_0, too, so that it meets the first node without rounding.
        self.breaks = _frozen(np.concatenate((self.x[:1], self.x)))
        self.coefficients = _frozen(np.column_stack((left, pieces.c, right)))

    @staticmethod
    @abstractmethod
    def _pieces(x: Floats, y: Floats) -> Any:
        """scipy's PPoly through the points."""

    def piece_coefficients(self, order: int) -> Floats:
        """Coefficients of the derivative of this order, highest power first, shape [max(1, 4 - order), n + 1]."""
        coefficients = self.coefficients
        for _ in range(order):
            if coefficients.shape[0] == 1:
                return np.zeros_like(coefficients)
            powers = np.arange(coefficients.shape[0] - 1, 0, -1, dtype=np.float64)
            coefficients = coefficients[:-1] * powers[:, None]
        return coefficients

    def _evaluate(self, at: Floats, order: int) -> Floats:
        coefficients = self.piece_coefficients(order)
        piece = np.searchsorted(self.x, at, side="right")
        distance = at - self.breaks[piece]
        result: Floats = coefficients[0, piece]
        for row in coefficients[1:]:
            result = result * distance + row[piece]
        return result

    def _make_scalar(self, order: int) -> Callable[[float], float]:
        nodes = self.x.tolist()
        breaks = self.breaks.tolist()
        coefficients = [tuple(column) for column in self.piece_coefficients(order).T.tolist()]

        def by_floats(x: float) -> float:
            piece = bisect_right(nodes, x)
            distance = x - breaks[piece]
            result = 0.0
            for coefficient in coefficients[piece]:
                result = result * distance + coefficient
            return result

        return by_floats

    def monotone_grid(self, low: float, high: float) -> Floats:
        # In a cubic piece the slope is a parabola: between the nodes and its vertex it is monotone.
        with np.errstate(all="ignore"):
            vertex = self.breaks - self.coefficients[1] / (3.0 * self.coefficients[0])
        places = np.concatenate((self.x, vertex[np.isfinite(vertex)]))
        places = places[(places > low) & (places < high)]
        return np.unique(np.concatenate(([low], places, [high])))


class Spline(Piecewise):
    """Natural cubic spline: continuous second derivative, which is 0 at both ends."""

    kind = "spline"

    @staticmethod
    def _pieces(x: Floats, y: Floats) -> Any:
        from scipy.interpolate import CubicSpline

        return CubicSpline(x, y, bc_type="natural")


class Pchip(Piecewise):
    """Monotone cubic pieces (Fritsch and Carlson): never above or below the two points that a piece joins."""

    kind = "pchip"

    @staticmethod
    def _pieces(x: Floats, y: Floats) -> Any:
        from scipy.interpolate import PchipInterpolator

        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # of denormal differences of y
            return PchipInterpolator(x, y)


CURVES: dict[str, type[Curve]] = {curve.kind: curve for curve in (Lagrange, Spline, Pchip)}


def make_curve(kind: str, x: ArrayLike, y: ArrayLike) -> Curve:
    """The curve of this kind ("lagrange", "spline", "pchip") through the points, in any order.

    Args:
        x, y: finite coordinates, shape [n] each, n >= 2.

    Raises:
        UserError: fewer than two points, or two of them with the same x.
        KeyError: no such kind.
    """
    x_array = np.asarray(x, dtype=np.float64)
    y_array = np.asarray(y, dtype=np.float64)
    if x_array.ndim != 1 or x_array.shape != y_array.shape:
        raise ValueError(f"x and y must be vectors of the same length, not of shapes {x_array.shape}, {y_array.shape}")
    if x_array.size < 2:
        raise UserError(
            f"A curve needs at least two points; {('none is', 'only one is')[x_array.size]} left. Put some back."
        )
    order = np.argsort(x_array, kind="stable")
    x_array, y_array = x_array[order], y_array[order]
    if not (np.diff(x_array) > 0.0).all():
        same = float(x_array[1:][np.diff(x_array) <= 0.0][0])
        raise UserError(f"Two points have the same x, {same:g}; a curve can pass through only one of them.")
    return CURVES[kind](x_array, y_array)


@dataclass(frozen=True)
class Minimum:
    """A local minimum: the place, the value there, and half the width of its flat bottom (PCHIP has such).

    ``x`` is the middle of the bottom.
    """

    x: float
    value: float
    half_width: float = 0.0

    def distance(self, x: ArrayLike) -> Floats:
        """How far ``x``, any shape, is from the minimum; 0 anywhere on its flat bottom."""
        return np.maximum(0.0, np.abs(np.asarray(x, dtype=np.float64) - self.x) - self.half_width)


def minima(curve: Curve, low: float, high: float) -> tuple[Minimum, ...]:
    """All local minima strictly inside (low, high), from left to right, to the last digits.

    The ends are not among them, even where the curve is lowest at an end.
    """
    grid = curve.monotone_grid(low, high)
    slopes = curve.slope(grid)
    falls: list[int] = []  # index of the last negative slope before a minimum ...
    rises: list[int] = []  # ... and of the first positive one after it: more than one further if its bottom is flat
    falling = -1
    for index, slope in enumerate(slopes.tolist()):
        if slope > 0.0 and falling >= 0:
            falls.append(falling)
            rises.append(index)
        if slope != 0.0:
            falling = index if slope < 0.0 else -1
    first, last = np.array(falls, dtype=np.intp), np.array(rises, dtype=np.intp)
    flat = last > first + 1
    left, right = _bisected(curve, grid[first], grid[last])
    left, right = np.where(flat, grid[first + 1], left), np.where(flat, grid[last - 1], right)
    middle, half = (left + right) / 2, np.where(flat, (right - left) / 2, 0.0)
    return tuple(
        Minimum(x, value, width)
        for x, value, width in zip(middle.tolist(), curve.value(middle).tolist(), half.tolist(), strict=True)
    )


def _bisected(curve: Curve, left: Floats, right: Floats) -> tuple[Floats, Floats]:
    """The intervals in which the slope turns from negative to positive, all halved at once down to rounding."""
    while True:
        middle = (left + right) / 2
        if ((middle <= left) | (middle >= right)).all():
            return left, right
        positive = curve.slope(middle) > 0.0
        left, right = np.where(positive, left, middle), np.where(positive, middle, right)


def global_minimum(curve: Curve, low: float, high: float) -> Minimum:
    """The lowest place in [low, high]: a local minimum or one of the ends."""
    ends = (Minimum(end, curve.value_at(end)) for end in (float(low), float(high)))
    candidates = [place for place in (*minima(curve, low, high), *ends) if place.value == place.value]
    return min(candidates, key=lambda place: place.value)


def _frozen(values: Floats) -> Floats:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array
