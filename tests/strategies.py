"""Hypothesis strategies made from the declarations: any valid state of any experiment."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from visualizer.base.experiment import Experiment, State
from visualizer.base.parameters import Choice, Flag, Integer, Names, Parameter, Point, Points, Real, Text
from visualizer.base.tensors import Tensor, TensorData

#: Letters of several scripts, a space, dashes and an emoji; what a point's name may not hold is left out.
_NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters=',;"'), min_size=1, max_size=12
).map(str.strip).filter(bool)


def values(parameter: Parameter[Any]) -> st.SearchStrategy[Any]:
    """Any allowed value of a parameter that does not depend on others."""
    match parameter:
        case Real():
            ends = st.sampled_from([parameter.minimum, parameter.maximum, parameter.default])
            return ends | st.floats(parameter.minimum, parameter.maximum)
        case Integer():
            ends_whole = st.sampled_from([parameter.minimum, parameter.maximum, parameter.default])
            return ends_whole | st.integers(parameter.minimum, parameter.maximum)
        case Flag():
            return st.booleans()
        case Choice():
            return st.sampled_from([option.name for option in parameter.options])
        case Text():
            return st.text(st.characters(codec="utf-8"), max_size=min(60, parameter.max_length))
        case Points():
            return _points(parameter)
        case Tensor():
            return tensors()
    raise TypeError(f"no strategy for {type(parameter).__name__}")


def _points(parameter: Points) -> st.SearchStrategy[tuple[Point, ...]]:
    coordinate = st.floats(-parameter.limit, parameter.limit)
    rows = st.lists(
        st.tuples(_NAMES, coordinate, coordinate), min_size=parameter.minimum_count,
        max_size=min(parameter.maximum_count, parameter.minimum_count + 10),
        unique_by=(lambda row: row[0].lower(), lambda row: row[1]),
    )
    return rows.map(lambda given: parameter.check(given))


def tensors(most: int = 5) -> st.SearchStrategy[TensorData]:
    """Any tensor that can be edited with at most so many rows and columns; NaN and infinities included."""
    sizes = st.integers(1, most)
    shapes = st.integers(0, most).map(lambda count: (count,)) | st.tuples(sizes, sizes)
    elements = st.floats() | st.integers(-9, 9).map(float)
    return shapes.flatmap(lambda shape: st.builds(
        TensorData, st.just(shape), st.tuples(*[elements] * math.prod(shape))
    ))


@st.composite
def states(draw: st.DrawFn, experiment: Experiment[Any, Any, Any]) -> State:
    """Any valid state: all parameters at once, names chosen from what the other parameters offer."""
    parameters = experiment.parameters()
    drawn = {
        name: draw(values(parameter)) for name, parameter in parameters.items() if not isinstance(parameter, Names)
    }
    state: State = experiment.default_state().changed(**drawn)
    for name, parameter in parameters.items():
        if isinstance(parameter, Names):
            offered = parameter.options(state)
            chosen = draw(st.lists(st.sampled_from(offered), unique=True)) if offered else []
            state = state.changed(**{name: tuple(chosen)})
    return state
