"""A circle that climbs to the top of a hill in steps of one fixed length: the lecture's first look at the step size.

The circle starts ``distance`` cm before the top. Each round moves it exactly alpha towards the top. It has arrived
when the top lies inside it or on its rim, |offset| <= radius. If it jumps over the top it jumps back to where it
came from: once it misses, it misses for ever.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

#: Part of the radius by which rounding may miss the rim: 5 - 3 * 1.55 is 0.35 with a few units in the last digit.
_SLACK = 1e-9


def climb(distance: float, alpha: float, radius: float, rounds: int) -> Floats:
    """The way of the circle.

    Args:
        distance: from the start to the top in cm, >= 0.
        alpha: length of every step in cm, > 0.
        radius: of the circle in cm, > 0.
        rounds: at most so many steps.

    Returns:
        Offset from the top in cm before each round and after the last (negative: before the top), shape
        [rounds taken + 1]. It has arrived if the last one is at most the radius in size.
    """
    rim = radius * (1.0 + _SLACK)
    offsets = [-distance]
    taken = 0  # steps forward minus steps back: multiplying keeps rounding errors from adding up
    while len(offsets) <= rounds and abs(offsets[-1]) > rim:
        taken += 1 if offsets[-1] < 0.0 else -1
        offsets.append(taken * alpha - distance)
    if radius < abs(offsets[-1]) <= rim:
        offsets[-1] = float(np.copysign(radius, offsets[-1]))
    return np.array(offsets)


def rounds_by_alpha(distance: ArrayLike, radius: float, alphas: ArrayLike) -> Floats:
    """Rounds that each step length needs; inf where the circle never settles. Arguments broadcast.

    Closed form: the first round that reaches the rim is n = ceil((d - r) / alpha), and the circle stays
    there only if it has not jumped over the whole top by then: n alpha - d <= r.
    """
    start, step = np.broadcast_arrays(np.asarray(distance, dtype=np.float64), np.asarray(alphas, dtype=np.float64))
    rim = radius * (1.0 + _SLACK)
    count = np.maximum(0.0, np.ceil((start - rim) / step))
    # The division may round over a whole number that the multiplication of the real climb does not.
    count = np.where((count > 0.0) & (start - (count - 1.0) * step <= rim), count - 1.0, count)
    count = np.where(start - count * step > rim, count + 1.0, count)
    return np.where(count * step - start <= rim, count, np.inf)


def settling_fraction(distance: float, radius: float, alphas: ArrayLike) -> Floats:
    """The part of all starts in [0, distance] from which the circle arrives: 1 up to alpha = 2 r, less beyond."""
    step = np.asarray(alphas, dtype=np.float64)
    if distance <= radius:
        return np.ones_like(step)
    # Arriving starts lie in [n alpha - r, n alpha + r]; the windows overlap when alpha <= 2 r.
    whole = np.floor((distance + radius) / step)
    covered = radius + np.maximum(0.0, whole - 1.0) * 2.0 * radius
    last = np.minimum(distance, whole * step + radius) - (whole * step - radius)
    covered = np.where(whole >= 1.0, covered + last, np.minimum(radius, distance))
    return np.where(step <= 2.0 * radius, 1.0, np.minimum(1.0, covered / distance))


def mean_rounds(distance: float, radius: float, alphas: ArrayLike) -> Floats:
    """Rounds on average over all starts in [0, distance]; inf if some start never settles."""
    step = np.asarray(alphas, dtype=np.float64)
    if distance <= radius:
        return np.zeros_like(step)
    safe = step <= 2.0 * radius * (1.0 + _SLACK)
    # n rounds are needed on an interval of length alpha, the last of them cut off at the distance.
    used = np.where(safe, step, 2.0 * radius)
    whole = np.floor((distance - radius) / used)
    rest = distance - radius - whole * used
    mean = (used * whole * (whole + 1.0) / 2.0 + rest * (whole + 1.0)) / distance
    return np.where(safe, mean, np.inf)


def best_alpha(distance: float, radius: float) -> float:
    """The step length with the fewest rounds from this start: one single step, if one only knew the distance.

    A start that is at the top already needs no step; the longest safe length is returned for it.
    """
    return distance if distance > radius else 2.0 * radius


def safe_alpha(radius: float) -> float:
    """The longest step that arrives from every start: the circle's diameter."""
    return 2.0 * radius
