"""Polynomial interpolation in 60-digit arithmetic by Newton's divided differences: shares nothing with the product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import mpmath
import numpy as np
from numpy.typing import NDArray


def exact_polynomial(
    x: Sequence[float], y: Sequence[float], at: Iterable[float], digits: int = 60
) -> NDArray[np.float64]:
    """Value, first and second derivative of the polynomial through (x, y), shape [3, len(at)], rounded once."""
    with mpmath.workdps(digits):
        nodes, table = [mpmath.mpf(float(v)) for v in x], [mpmath.mpf(float(v)) for v in y]
        for order in range(1, len(nodes)):
            for row in range(len(nodes) - 1, order - 1, -1):
                table[row] = (table[row] - table[row - 1]) / (nodes[row] - nodes[row - order])
        rows = []
        for place in at:
            point = mpmath.mpf(float(place))
            value, slope, curvature = table[-1], mpmath.mpf(0), mpmath.mpf(0)
            for row in range(len(nodes) - 2, -1, -1):
                distance = point - nodes[row]
                curvature = curvature * distance + 2 * slope
                slope = slope * distance + value
                value = value * distance + table[row]
            rows.append([float(value), float(slope), float(curvature)])
    return np.array(rows).T
