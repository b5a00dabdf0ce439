"""The figures of the page Curve and surface."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from visualizer.base.explanation import number_text
from visualizer.base.roles import Role
from visualizer.experiments.losses.curves import Floats
from visualizer.figures.model import Axis, Figure, Heat, Layer, Line, Markers, Note, Segments, readonly

if TYPE_CHECKING:
    from visualizer.experiments.losses.pages.curve import CurveResult

_CONTOURS = 14
#: Kinks whose slopes are written beside them, at most, and the share of the width that they are apart.
_WRITTEN, _APART = 3, 0.2


def figures(result: CurveResult) -> tuple[Figure, ...]:
    return _curve(result), _surface(result)


def loss_word(result: CurveResult) -> str:
    """What is drawn: with ``reduction="none"`` backward starts from ones, so it is the sum."""
    setup = result.curve_request.setup
    return "sum of the losses" if setup.reduction == "none" and setup.entry.reductions else "loss"


def view_limits(values: Floats, here: float) -> tuple[float, float] | None:
    """Limits that show the values well, though a few of them may be huge (a logarithm near 0); None: nothing is finite."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    low, high = float(finite.min()), float(finite.max())
    common_low, common_high = (float(value) for value in np.quantile(finite, (0.08, 0.92)))
    width = common_high - common_low
    low = common_low - 0.5 * width if common_low - low > 4.0 * width > 0.0 else low
    high = common_high + 0.5 * width if high - common_high > 4.0 * width > 0.0 else high
    if np.isfinite(here):
        low, high = min(low, here), max(high, here)
    return low, high


def _framed(limits: tuple[float, float] | None) -> tuple[float, float] | None:
    """With room around."""
    if limits is None:
        return None
    low, high = limits
    size = high - low
    if not np.isfinite(size):
        return None
    if size <= 1e-12 * max(abs(low), abs(high)):
        size = max(abs(high), 1.0)
        return low - 0.5 * size, high + 0.5 * size
    return low - 0.12 * size, high + 0.1 * size


def _curve(result: CurveResult) -> Figure:
    finite = np.isfinite(result.y)
    limits = _framed(view_limits(result.y, result.value))
    width = result.domain.high - result.domain.low
    axes = (Axis(result.name, limits=(result.domain.low - 0.02 * width, result.domain.high + 0.02 * width)),
            Axis(loss_word(result), limits=limits))
    title = f"The {loss_word(result)} as {result.name} moves"
    if not finite.any():
        return Figure("curve", title, *axes, (), note="The loss is not finite anywhere here: " + (
            "one of the elements is not a number or infinite." if result.value != result.value else "its terms are too large."))
    layers: list[Layer] = [Line(key="curve", role=Role.CURVE, label=loss_word(result), x=result.x,
                                y=readonly(np.where(finite, result.y, np.nan)), width=2.5)]
    layers += _tangent(result, limits)
    layers += _kinks(result)
    if np.isfinite(result.value):
        layers.append(Markers(key="point", role=Role.STEP, label=f"{result.name} now", x=readonly([result.at]),
                              y=readonly([result.value]), size=13.0, drag="x", tip=f"Drag to move {result.name}."))
    return Figure("curve", title, *axes, tuple(layers), note=_note(result))


def _note(result: CurveResult) -> str:
    words = []
    gaps = int((~np.isfinite(result.y)).sum())
    if result.slope is None:
        words.append(f"torch finds no way from the loss back to the {result.title}, so there is no slope.")
    elif not result.records:
        words.append(f"The {result.title} has requires_grad off: backward() gives no gradient.")
    if gaps:
        words.append(f"Gaps: the loss is not finite at {gaps} of {len(result.y)} places.")
    if result.domain.clipped:
        words.append(result.domain.clipped)
    return " ".join(words)


def _tangent(result: CurveResult, limits: tuple[float, float] | None) -> list[Layer]:
    """Across the whole picture, but no farther up and down than it."""
    slope = result.slope
    if slope is None or not np.isfinite(slope) or not np.isfinite(result.value) or limits is None:
        return []
    low, high = result.domain.low, result.domain.high
    if slope:
        ends = sorted(result.at + (limit - result.value) / slope for limit in limits)
        low, high = max(low, ends[0]), min(high, ends[1])
    x = np.array([low, high])
    words = "slope that torch takes," if result.kink_here is not None else "tangent, slope"
    return [Line(key="tangent", role=Role.GRADIENT, label=f"{words} {number_text(slope)}", x=readonly(x),
                 y=readonly(result.value + slope * (x - result.at)), width=2.0, dash="dash")]


def _kinks(result: CurveResult) -> list[Layer]:
    kinks = result.kinks or ()
    if not kinks:
        return []
    places = np.array([kink.place for kink in kinks])
    heights = np.interp(places, result.x, result.y)
    width = result.domain.high - result.domain.low
    written = len(kinks) <= _WRITTEN and bool((np.diff(places) >= _APART * width).all())
    layers: list[Layer] = [
        Markers(key="kinks", role=Role.TEXT, label="kink: slope left | right" if written else "kinks", x=readonly(places),
                y=readonly(heights), size=19.0, symbol="diamond", hollow=True),
    ]
    for number, (kink, height) in enumerate(zip(kinks, heights.tolist(), strict=True)):
        if written:  # outside of the corner, where the curve is not
            layers.append(Note(key=f"kink {number}", role=Role.TEXT, x=kink.place, y=height,
                               text=f"{number_text(kink.left, 3)} | {number_text(kink.right, 3)}",
                               anchor=(0.5, -0.7 if kink.right >= kink.left else 1.7)))
    return layers


def _surface(result: CurveResult) -> Figure:
    title = f"The {loss_word(result)} as two elements move"
    found = result.surface
    if found is None:
        return Figure("surface", title, Axis(result.name), Axis(result.name_2 or "another element"), (),
                      note=result.no_surface or "The surface is being computed.")
    x_range, y_range = ((domain.low, domain.high) for domain in (found.x_domain, found.y_domain))
    axes = (Axis(result.name, limits=x_range), Axis(result.name_2, limits=y_range))
    limits = view_limits(found.values.reshape(-1), result.value)
    if limits is None:
        return Figure("surface", title, *axes, (), note="The loss is not finite anywhere here.")
    values = found.values
    if not np.isfinite(values).all():
        values = readonly(np.where(np.isfinite(values), values, np.nan))
    level = limits[1] <= limits[0]
    layers: list[Layer] = [Heat(key="loss", role=Role.CURVE, values=values, x_range=x_range, y_range=y_range,
                                limits=None if level else limits, value_label=loss_word(result),
                                contours=0 if level else _CONTOURS)]
    arrow = _downhill(result, x_range, y_range)
    if arrow is not None:
        layers.append(arrow)
    layers.append(Markers(key="point", role=Role.STEP, label="now", x=readonly([result.at]), y=readonly([result.at_2]),
                          size=13.0, drag="xy", tip=f"Drag to move {result.name} and {result.name_2}."))
    return Figure("surface", title, *axes, tuple(layers), note=_surface_note(result))


def _surface_note(result: CurveResult) -> str:
    assert result.surface is not None
    words = []
    if result.gradient is not None and not result.gradient.any():
        words.append("The gradient is 0 here, so there is no way down to point at.")
    if result.progress >= 1.0 and len(result.surface.x) < 200:
        words.append(f"This loss is slow here: {len(result.surface.x)} x {len(result.surface.x)} points instead of 200 x 200.")
    if result.surface.y_domain.clipped or result.surface.x_domain.clipped:
        words.append((result.surface.x_domain.clipped or result.surface.y_domain.clipped).partition(": ")[2].capitalize())
    return " ".join(words)


def _downhill(result: CurveResult, x_range: tuple[float, float], y_range: tuple[float, float]) -> Layer | None:
    """An arrow of the direction of steepest descent: its length says nothing, so that it is always seen."""
    if result.gradient is None or not np.isfinite(result.gradient).all() or not result.gradient.any():
        return None
    direction = -result.gradient / np.abs(result.gradient).max()
    direction /= np.hypot(*direction)
    here, lows, highs = np.array([result.at, result.at_2]), *np.array([x_range, y_range]).T
    length = 0.3 * float((highs - lows).min())
    with np.errstate(divide="ignore", invalid="ignore"):
        room = np.where(direction > 0, (highs - here) / direction, np.where(direction < 0, (lows - here) / direction, np.inf))
    length = max(min(length, 0.95 * float(room.min())), 0.1 * length)
    tip = here + length * direction
    return Segments(key="downhill", role=Role.GRADIENT, label="downhill: minus the gradient", x0=readonly(here[:1]),
                    y0=readonly(here[1:]), x1=readonly(tip[:1]), y1=readonly(tip[1:]), width=3.5, arrow=True)
