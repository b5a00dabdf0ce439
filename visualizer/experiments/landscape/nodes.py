"""What interpolation by polynomials owes to the nodes alone: weights, differentiation matrix, Lebesgue constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Elements of the largest temporary: small enough to stay in the processor's cache.
BLOCK = 100_000


class NodeSet:
    """Barycentric weights and the differentiation matrix of distinct nodes.

    Products of n differences are kept as mantissas and exponents of two, so that 200 nodes neither overflow nor
    vanish.

    Attributes:
        x: the nodes, strictly increasing, shape [n].
        weights: barycentric weights divided by a power of two so that the largest is about 1, shape [n].
        shift: that power: the true weights are ``ldexp(weights, shift)``.
        matrix: the differentiation matrix with zeros on its diagonal, shape [n, n].
    """

    def __init__(self, x: Floats) -> None:
        self.x = x
        difference = x[:, None] - x[None, :]
        np.fill_diagonal(difference, 1.0)
        with np.errstate(all="ignore"):
            parts, exponents = np.frexp(difference)
            product, rest = np.frexp(parts.prod(axis=1))
            mantissa, exponent = 1.0 / product, -(exponents.sum(axis=1, dtype=np.int64) + rest)
            self.shift = int(exponent.max())
            self.weights: Floats = np.ldexp(mantissa, exponent - self.shift)
            # D_ij = (w_j / w_i) / (x_i - x_j)
            ratio = np.ldexp(mantissa[None, :] / mantissa[:, None], exponent[None, :] - exponent[:, None])
            self.matrix: Floats = ratio / difference
        np.fill_diagonal(self.matrix, 0.0)
        self.weights.flags.writeable = False
        self.matrix.flags.writeable = False

    def differentiate(self, values: Floats) -> Floats:
        """The derivative at the nodes of the polynomial with these values there, shape [n] in and out."""
        with np.errstate(all="ignore"):
            # Differences first: the row sums of D are zero, and so a constant has the derivative 0 exactly.
            result: Floats = (self.matrix * (values[None, :] - values[:, None])).sum(axis=1)
        return result

    def reciprocal_of_product(self, difference: Floats) -> Floats:
        """1 / product over j of (x - x_j), divided by 2 ** shift like the weights.

        Args:
            difference: x - x_j, shape [m, n].
        """
        mantissa, exponent = np.frexp(difference)
        result: Floats = np.ldexp(1.0 / mantissa.prod(axis=1), -exponent.sum(axis=1) - self.shift)
        return result

    def lebesgue(self, at: Floats) -> Floats:
        """The Lebesgue function at ``at``, shape [m] in and out."""
        rows = max(1, BLOCK // self.x.size)
        result = np.empty_like(at)
        with np.errstate(all="ignore"):
            for first in range(0, at.size, rows):
                difference = at[first:first + rows, None] - self.x
                sums = np.abs(self.weights / difference).sum(axis=1)
                values = sums / np.abs(self.reciprocal_of_product(difference))
                values[np.isinf(sums) | (difference == 0.0).any(axis=1)] = 1.0  # at a node
                result[first:first + rows] = values
        return result


def differentiation_matrix(x: ArrayLike) -> Floats:
    """D with (D p)_i = p'(x_i) for every polynomial p of degree below n, from its values at n distinct nodes.

    Args:
        x: nodes, strictly increasing, shape [n].

    Returns:
        Shape [n, n]. The diagonal is minus the sum of the rest of its row, so that constants have the derivative 0.
    """
    matrix = NodeSet(np.asarray(x, dtype=np.float64)).matrix.copy()
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix


def lebesgue_function(x: ArrayLike, at: ArrayLike) -> Floats:
    """How much polynomial interpolation in the nodes ``x`` can magnify errors of the data at ``at``: sum of |l_j(at)|.

    Args:
        x: distinct nodes, shape [n].
        at: places, any shape.
    """
    places = np.asarray(at, dtype=np.float64)
    return NodeSet(np.sort(np.asarray(x, dtype=np.float64))).lebesgue(places.ravel()).reshape(places.shape)


def lebesgue_constant(x: ArrayLike, low: float | None = None, high: float | None = None) -> float:
    """The largest value of the Lebesgue function in [low, high]; between the first and the last node if not given."""
    nodes = NodeSet(np.sort(np.asarray(x, dtype=np.float64)))
    first, last = float(nodes.x[0]) if low is None else low, float(nodes.x[-1]) if high is None else high
    inner = nodes.x[(nodes.x > first) & (nodes.x < last)]
    grid = subdivided(np.concatenate(([first], inner, [last])), 16)
    # Around the highest place ever finer: the function is smooth there, so three times are enough for nine digits.
    for _ in range(3):
        top = int(np.argmax(nodes.lebesgue(grid)))
        grid = np.linspace(grid[max(0, top - 1)], grid[min(grid.size - 1, top + 1)], 65)
    return float(nodes.lebesgue(grid).max())


def subdivided(edges: Floats, parts: int) -> Floats:
    """Every gap between the edges cut into so many equal parts; all edges are among the places exactly."""
    fractions = np.arange(parts) / parts
    inner = edges[:-1, None] + np.diff(edges)[:, None] * fractions
    return np.append(inner.ravel(), edges[-1])
