"""Curves through points: Lagrange polynomial, natural cubic spline, PCHIP. Values and derivatives in float64."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visualizer.base.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

Floats = NDArray[np.float64]

#: Elements of the largest temporary: small enough to stay in the processor's cache.
_BLOCK = 100_000

#: Up to this many nodes a Python loop over floats is quicker than one numpy expression on them.
_PYTHON_NODES = 128


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
    D y that it has at the nodes (D: :func:`differentiation_matrix`). Unlike the derivative of the barycentric
    formula itself this is exact at the nodes and right beside them.

    Inside the nodes the second ("true") barycentric form is used, outside the first one, which stays accurate
    in extrapolation (Webb, Trefethen, Gonnet: Stability of barycentric interpolation formulas, 2012).

    Attributes:
        weights: barycentric weights divided by a power of two so that the largest is about 1, shape [n].
        shift: that power: the true weights are ``ldexp(weights, shift)``.
    """

    kind = "lagrange"

    def __init__(self, x: Floats, y: Floats) -> None:
        super().__init__(x, y)
        mantissa, exponent = _weights(self.x)
        self.shift = int(exponent.max())
        with np.errstate(all="ignore"):
            self.weights = _frozen(np.ldexp(mantissa, exponent - self.shift))
            self._matrix = _off_diagonal(self.x, mantissa, exponent)
        self._node_values = [self.y]

    def node_values(self, order: int) -> Floats:
        """The derivative of this order at the nodes, shape [n]."""
        while len(self._node_values) <= order:
            last = self._node_values[-1]
            with np.errstate(all="ignore"):
                # Differences first: the row sums of D are zero, and so a constant has the derivative 0 exactly.
                values = (self._matrix * (last[None, :] - last[:, None])).sum(axis=1)
            self._node_values.append(_frozen(values))
        return self._node_values[order]

    def _evaluate(self, at: Floats, order: int) -> Floats:
        values = self.node_values(order)
        result = np.empty_like(at)
        rows = max(1, _BLOCK // self.x.size)
        for first in range(0, at.size, rows):
            result[first:first + rows] = self._block(at[first:first + rows], values)
        return result

    def _block(self, at: Floats, values: Floats) -> Floats:
        difference = at[:, None] - self.x
        terms = self.weights / difference
        denominator = terms.sum(axis=1)
        outside = (at < self.x[0]) | (at > self.x[-1])
        if outside.any():
            denominator[outside] = self._reciprocal_of_node_polynomial(difference[outside])
        # einsum, not @: BLAS would start threads of its own for so little.
        result: Floats = np.einsum("ij,j->i", terms, values) / denominator
        row, column = np.nonzero(np.isinf(terms))  # at a node, or nearer than floats can tell apart
        result[row] = values[column]
        return result

    def _reciprocal_of_node_polynomial(self, difference: Floats) -> Floats:
        """1 / product(x - x_j), scaled like the weights; mantissas and exponents apart, so nothing overflows early."""
        mantissa, exponent = np.frexp(difference)
        result: Floats = np.ldexp(1.0 / mantissa.prod(axis=1), -exponent.sum(axis=1) - self.shift)
        return result

    def _make_scalar(self, order: int) -> Callable[[float], float]:
        values = self.node_values(order)

        def by_arrays(x: float) -> float:
            with np.errstate(all="ignore"):
                return float(self._block(np.array((x,)), values)[0])

        if self.x.size > _PYTHON_NODES:
            return by_arrays
        low, high = float(self.x[0]), float(self.x[-1])
        nodes = list(zip(self.x.tolist(), self.weights.tolist(), values.tolist(), strict=True))

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
        return _subdivided(edges, parts)


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
    from scipy.optimize import brentq

    grid = curve.monotone_grid(low, high)
    slopes = curve.slope(grid)
    found: list[Minimum] = []
    falling = -1  # index of the last place with a negative slope, if only zeros came since
    for index, slope in enumerate(slopes.tolist()):
        if slope > 0.0 and falling >= 0:
            if index == falling + 1:
                left = right = float(brentq(curve.slope_at, grid[falling], grid[index], xtol=1e-14, rtol=1e-15))
            else:
                left, right = float(grid[falling + 1]), float(grid[index - 1])
            x = (left + right) / 2
            found.append(Minimum(x, curve.value_at(x), (right - left) / 2))
        if slope != 0.0:
            falling = index if slope < 0.0 else -1
    return tuple(found)


def global_minimum(curve: Curve, low: float, high: float) -> Minimum:
    """The lowest place in [low, high]: a local minimum or one of the ends."""
    ends = (Minimum(end, curve.value_at(end)) for end in (float(low), float(high)))
    candidates = [place for place in (*minima(curve, low, high), *ends) if place.value == place.value]
    return min(candidates, key=lambda place: place.value)


def differentiation_matrix(x: ArrayLike) -> Floats:
    """D with (D p)_i = p'(x_i) for every polynomial p of degree below n, from its values at n distinct nodes.

    The diagonal is minus the sum of the rest of its row, so that constants have the derivative 0.
    """
    nodes = np.asarray(x, dtype=np.float64)
    with np.errstate(all="ignore"):
        matrix = _off_diagonal(nodes, *_weights(nodes))
        np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def lebesgue_function(x: ArrayLike, at: ArrayLike) -> Floats:
    """How much polynomial interpolation in the nodes ``x`` can magnify errors of the data at ``at``: sum of |l_j(at)|.

    Args:
        x: distinct nodes, shape [n].
        at: places, any shape.
    """
    nodes = np.sort(np.asarray(x, dtype=np.float64))
    places = np.asarray(at, dtype=np.float64)
    curve = Lagrange(nodes, np.zeros_like(nodes))
    flat = places.ravel()
    result = np.empty_like(flat)
    rows = max(1, _BLOCK // nodes.size)
    with np.errstate(all="ignore"):
        for first in range(0, flat.size, rows):
            block = flat[first:first + rows]
            difference = block[:, None] - nodes
            terms = curve.weights / difference
            outside = (block < nodes[0]) | (block > nodes[-1])
            total = np.abs(terms.sum(axis=1))
            if outside.any():
                total[outside] = np.abs(curve._reciprocal_of_node_polynomial(difference[outside]))
            values = np.abs(terms).sum(axis=1) / total
            values[np.isinf(terms).any(axis=1)] = 1.0
            result[first:first + rows] = values
    return result.reshape(places.shape)


def lebesgue_constant(x: ArrayLike, low: float | None = None, high: float | None = None) -> float:
    """The largest value of the Lebesgue function in [low, high]; between the first and the last node if not given."""
    from scipy.optimize import minimize_scalar

    nodes = np.sort(np.asarray(x, dtype=np.float64))
    first, last = float(nodes[0]) if low is None else low, float(nodes[-1]) if high is None else high
    inner = nodes[(nodes > first) & (nodes < last)]
    grid = _subdivided(np.concatenate(([first], inner, [last])), 16)
    values = lebesgue_function(nodes, grid)
    top = int(np.argmax(values))
    left, right = float(grid[max(0, top - 1)]), float(grid[min(grid.size - 1, top + 1)])
    found = minimize_scalar(
        lambda at: -float(lebesgue_function(nodes, at)), bounds=(left, right), method="bounded",
        options={"xatol": 1e-7 * (right - left)},
    )
    return max(float(values[top]), -float(found.fun))


def _frozen(values: Floats) -> Floats:
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


def _subdivided(edges: Floats, parts: int) -> Floats:
    """Every gap between the edges cut into so many equal parts; both ends of every gap are in it exactly."""
    fractions = np.arange(parts) / parts
    inner = edges[:-1, None] + np.diff(edges)[:, None] * fractions
    return np.append(inner.ravel(), edges[-1])


def _weights(x: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Barycentric weights 1 / product(x_j - x_k) as mantissas and exponents of two: 200 nodes do not overflow."""
    difference = x[:, None] - x[None, :]
    np.fill_diagonal(difference, 1.0)
    mantissa, exponent = np.frexp(difference)
    mantissa_of_product, rest = np.frexp(mantissa.prod(axis=1))
    return 1.0 / mantissa_of_product, -(exponent.sum(axis=1, dtype=np.int64) + rest)


def _off_diagonal(x: Floats, mantissa: Floats, exponent: NDArray[np.int64]) -> Floats:
    """The differentiation matrix with a diagonal of zeros: D_ij = (w_j / w_i) / (x_i - x_j)."""
    difference = x[:, None] - x[None, :]
    np.fill_diagonal(difference, 1.0)
    ratio = np.ldexp(mantissa[None, :] / mantissa[:, None], exponent[None, :] - exponent[:, None])
    matrix: Floats = ratio / difference
    np.fill_diagonal(matrix, 0.0)
    return matrix
