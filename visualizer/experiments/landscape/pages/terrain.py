"""The curve that is descended and the full curve behind it: computed once per request, drawn on every page that descends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from visualizer.base.errors import UserError
from visualizer.base.explanation import number_text
from visualizer.base.parameters import Point
from visualizer.base.roles import Role
from visualizer.experiments.landscape.interpolation import Curve, Minimum, make_curve, minima
from visualizer.experiments.landscape.requests import Data
from visualizer.experiments.landscape.state import LandscapeState
from visualizer.figures.model import Axis, Layer, Line, Markers, readonly

Floats = NDArray[np.float64]

#: A slope at a point beyond this overflows as soon as anything is computed with it.
_STEEPEST = 1e290


@dataclass(frozen=True, eq=False)
class Terrain:
    """The curves of one set of data.

    Attributes:
        curve: through the kept points; ``full``: through all of them.
        low, high: the domain, from the first to the last of all points.
        grid: x at which both curves are drawn, with ``own`` and ``whole``, their values there.
        own_minima, full_minima: local minima inside the domain.
        view: limits of the value axis that show the data well, however wild the curve is between the points.
    """

    data: Data
    curve: Curve
    full: Curve
    low: float
    high: float
    grid: Floats
    own: Floats
    whole: Floats
    own_minima: tuple[Minimum, ...]
    full_minima: tuple[Minimum, ...]
    view: tuple[float, float]

    @property
    def best(self) -> Minimum:
        """The lowest point of the full curve inside the domain (an end of the domain if it has no minimum)."""
        ends = tuple(Minimum(x, float(self.full.value_at(x))) for x in (self.low, self.high))
        return min(self.full_minima or ends, key=lambda minimum: minimum.value)

    def nearest(self, x: float) -> Point:
        """The data point, kept or not, whose x is nearest."""
        return min(self.data.points, key=lambda point: abs(point.x - x))


@lru_cache(maxsize=16)
def terrain(data: Data) -> Terrain:
    """The curves of this data.

    Raises:
        UserError: fewer than two points are kept.
    """
    kept = data.curved
    curve = _through(data.interpolant, kept)
    full = curve if len(kept) == len(data.points) else _through(data.interpolant, data.points)
    low, high = data.points[0].x, data.points[-1].x
    grid = np.union1d(np.linspace(low, high, min(2400, max(801, 24 * len(data.points)))), [p.x for p in data.points])
    own = curve.value(grid)
    whole = own if full is curve else full.value(grid)
    return Terrain(
        data, curve, full, low, high, readonly(grid), readonly(own), readonly(whole),
        minima(curve, low, high), minima(full, low, high), _view(data, np.concatenate((own, whole))),
    )


def started(data: Data, start: float) -> Terrain:
    """The curves of this data, for a run from ``start``.

    Raises:
        UserError: fewer than two points are kept; the start is outside the domain of the points.
    """
    ground = terrain(data)
    if not ground.low <= start <= ground.high:
        raise UserError(f"The start, x = {number_text(start)}, lies outside the points, which reach from "
                        f"{number_text(ground.low)} to {number_text(ground.high)}; choose one between them.")
    return ground


def left_out(ground: Terrain) -> str:
    """A reminder for pages where leaving points out is not the question; empty if none is left out."""
    count = len(ground.data.points) - len(ground.data.kept)
    if not count:
        return ""
    return (f"{count} of {len(ground.data.points)} points {'is' if count == 1 else 'are'} left out here, too; "
            "\u201cPut all back\u201d under Points brings them back.")


def _through(kind: str, points: tuple[Point, ...]) -> Curve:
    curve = make_curve(kind, np.array([p.x for p in points]), np.array([p.y for p in points]))
    if not np.abs(curve.slope(curve.x)).max() < _STEEPEST:
        raise UserError("Some points lie too close together in x for their difference in y: the curve through them is "
                        "steeper than floating point can say. Move them apart, or choose another curve.")
    return curve


def _view(data: Data, drawn: Floats) -> tuple[float, float]:
    heights = np.array([point.y for point in data.points])
    low, high = float(heights.min()), float(heights.max())
    size = (high - low) or 1.0
    finite = drawn[np.isfinite(drawn)]
    if finite.size:
        low = min(low, max(float(finite.min()), low - 0.6 * size))
        high = max(high, min(float(finite.max()), high + 0.6 * size))
    return low - 0.08 * size, high + 0.12 * size


def axes(ground: Terrain) -> tuple[Axis, Axis]:
    """The axes of a picture of the curve."""
    margin = 0.03 * (ground.high - ground.low)
    return (
        Axis("position x", limits=(ground.low - margin, ground.high + margin)),
        Axis("value f(x)", limits=ground.view),
    )


@lru_cache(maxsize=8)
def slopes(ground: Terrain) -> tuple[Floats, float]:
    """The slope of the descended curve on the grid, and a size that shows its middle well (the ends may be steep)."""
    values = readonly(ground.curve.slope(ground.grid))
    margin = 0.04 * (ground.high - ground.low)
    inner = np.abs(values[(ground.grid > ground.low + margin) & (ground.grid < ground.high - margin)])
    inner = inner[np.isfinite(inner)]
    return values, max(float(np.quantile(inner, 0.97)) if inner.size else 0.0, 1e-9)


@lru_cache(maxsize=32)
def _curves(ground: Terrain, show_full: bool) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    if show_full and ground.full is not ground.curve:
        layers.append(Line(key="full", role=Role.MUTED, label="curve through all points", x=ground.grid, y=ground.whole,
                           width=2.0, opacity=0.7))
    label = "curve through the kept points" if ground.full is not ground.curve else "curve through all points"
    layers.append(Line(key="curve", role=Role.CURVE, label=label, x=ground.grid, y=ground.own, width=2.5))
    return tuple(layers)


@lru_cache(maxsize=32)
def _dots(ground: Terrain, show_names: bool) -> tuple[Layer, ...]:
    removed = set(ground.data.remove)
    layers: list[Layer] = []
    for key, role, chosen in (
        ("removed", Role.REMOVED, [p for p in ground.data.points if p.name in removed]),
        ("kept", Role.KEPT, [p for p in ground.data.points if p.name not in removed]),
    ):
        if not chosen:
            continue
        layers.append(Markers(
            key=key, role=role, label=f"{key} points", x=readonly([p.x for p in chosen]), y=readonly([p.y for p in chosen]),
            size=10.0, hollow=key == "removed", texts=tuple(p.name for p in chosen) if show_names else (),
            drag="xy", click=True,
            tip="Click to put the point back; drag to move it." if key == "removed"
            else "Click to remove the point; drag to move it.",
        ))
    return tuple(layers)


def scenery(ground: Terrain, state: LandscapeState, points: bool = True) -> tuple[Layer, ...]:
    """The layers of the curve and its points. The same objects for the same data, so that they are drawn once."""
    return _curves(ground, state.show_full) + (_dots(ground, state.show_names) if points else ())

