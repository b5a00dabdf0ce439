"""Runge lab: polynomial interpolation on [-1, 1] in equispaced and in Chebyshev nodes, in float64 and in float32."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from visualizer.experiments.landscape.interpolation import Lagrange
from visualizer.experiments.landscape.nodes import Floats, lebesgue_constant
from visualizer.experiments.landscape.state import RUNGE_FUNCTIONS, RungeFunction


def entry(name: str) -> RungeFunction:
    """The function of this name.

    Raises:
        KeyError: no such function.
    """
    for candidate in RUNGE_FUNCTIONS:
        if candidate.option.name == name:
            return candidate
    raise KeyError(name)


def function(name: str, x: ArrayLike) -> Floats:
    """The function of this name at ``x``, any shape, by torch in float64: the same text that the page's code shows.

    Raises:
        KeyError: no such function.
    """
    import torch

    places = torch.tensor(np.asarray(x, dtype=np.float64))
    values = eval(entry(name).expression, {"torch": torch, "x": places})
    return np.asarray(values.numpy())


def equispaced(count: int) -> Floats:
    """``count`` >= 2 nodes at equal distances, both ends included; exactly symmetric."""
    return np.arange(1.0 - count, count, 2.0) / (count - 1)


def chebyshev(count: int) -> Floats:
    """``count`` >= 2 Chebyshev nodes of the first kind, the zeros of T_n, from left to right; exactly symmetric."""
    # As a sine the nodes come in pairs that differ in sign only, and the middle one is 0.
    return np.sin(np.pi * np.arange(1 - count, count, 2) / (2 * count))


def interpolate(nodes: ArrayLike, heights: ArrayLike, at: ArrayLike) -> Floats:
    """The polynomial through (nodes, heights) at ``at``, by the barycentric formula in float64."""
    return Lagrange(np.asarray(nodes, dtype=np.float64), np.asarray(heights, dtype=np.float64)).value(at)


def monomial_float32(nodes: ArrayLike, heights: ArrayLike, at: ArrayLike) -> Floats:
    """The same polynomial as a naive program computes it: coefficients of 1, x, x^2, ... in float32, then Horner.

    Returns:
        Its values as float64, NaN where float32 overflows or the float32 system is singular.
    """
    x = np.asarray(nodes, dtype=np.float32)
    y = np.asarray(heights, dtype=np.float32)
    places = np.asarray(at, dtype=np.float32)
    with np.errstate(all="ignore"):
        try:
            coefficients = np.linalg.solve(np.vander(x), y)
        except np.linalg.LinAlgError:
            return np.full(places.shape, np.nan)
        result = np.zeros_like(places)
        for coefficient in coefficients:
            result = result * places + coefficient
    values = result.astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    return values


def lebesgue(nodes: ArrayLike) -> float:
    """The Lebesgue constant of the nodes on the whole of [-1, 1], also where that goes beyond them."""
    return lebesgue_constant(nodes, -1.0, 1.0)
