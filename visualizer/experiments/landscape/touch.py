"""What the mouse does to the landscape: a pure function from state and gesture to state."""

from __future__ import annotations

from visualizer.base.errors import UserError
from visualizer.base.experiment import Gesture
from visualizer.base.parameters import Point, parameters_of
from visualizer.experiments.landscape.state import LandscapeState

#: Two points closer than this fraction of the domain in x are kept apart while dragging: the curve would be a wall.
_CLOSEST = 0.002


def touched(state: LandscapeState, gesture: Gesture) -> LandscapeState:
    """The state after a point was clicked or dragged, the dot dragged, or the climb's circle or length moved."""
    match gesture.layer:
        case "kept" | "removed":
            return _point(state, gesture)
        case "dot" | "start":
            low, high = state.points[0].x, state.points[-1].x
            return state.changed(start=min(max(gesture.x, low), high), shown_step=0)
        case "climber":
            return state.changed(climb_distance=_within("climb_distance", abs(gesture.x)), shown_step=0)
        case "alpha":
            return state.changed(climb_alpha=_within("climb_alpha", gesture.x))
        case _:
            return state


def _point(state: LandscapeState, gesture: Gesture) -> LandscapeState:
    removed = set(state.remove)
    listed = [p for p in state.points if (p.name in removed) == (gesture.layer == "removed")]
    if not 0 <= gesture.index < len(listed):
        return state
    name = listed[gesture.index].name
    if gesture.kind == "click":
        chosen = removed ^ {name}
        return state.changed(remove=tuple(p.name for p in state.points if p.name in chosen))
    return _moved(state, name, gesture.x, gesture.y)


def _moved(state: LandscapeState, name: str, x: float, y: float) -> LandscapeState:
    place = next(index for index, point in enumerate(state.points) if point.name == name)
    gap = _CLOSEST * (state.points[-1].x - state.points[0].x)
    # A point stays between its neighbours, so that the order of names along x, and with it P9-P13, keeps its meaning.
    low = state.points[place - 1].x + gap if place else state.points[0].x - 1000 * gap
    high = state.points[place + 1].x - gap if place + 1 < len(state.points) else state.points[-1].x + 1000 * gap
    moved = Point(name, min(max(x, low), high) if low < high else state.points[place].x, y)
    try:
        return state.changed(points=(*state.points[:place], moved, *state.points[place + 1:]))
    except UserError:
        return state


def _within(name: str, value: float) -> float:
    parameter = parameters_of(LandscapeState)[name]
    return float(min(max(value, parameter.minimum), parameter.maximum))  # type: ignore[attr-defined]
