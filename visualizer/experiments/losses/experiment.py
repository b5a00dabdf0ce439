"""The losses tab as an experiment: what is declared here, and what its pages answer."""

from __future__ import annotations

import math

from visualizer.base.experiment import Gesture, Request
from visualizer.base.pages import PagedExperiment, PageResult
from visualizer.base.tensors import TensorData
from visualizer.components.losses import LIMITS, WHOLE, loss
from visualizer.experiments.losses.state import PRESETS, VIEWS, LossesState


class Losses(PagedExperiment[LossesState, Request, PageResult]):
    """Every loss of torch.nn and its gradient, worked, checked, and explained down to why a .grad is None."""

    name = "losses"
    title = "Losses"
    summary = (
        "Every loss of torch.nn: edit its tensors and see the loss, its parts and the gradient at once, check the gradient "
        "against finite differences, and find out why a .grad is None."
    )
    views = VIEWS
    presets = PRESETS
    state_type = LossesState

    def gesture(self, state: LossesState, gesture: Gesture) -> LossesState:
        """A dragged bar is the element of that index, the point of the curve and the surface the moved elements.

        They stay within what the loss takes.
        """
        if gesture.figure == "tensors":
            return _replaced(state, gesture.layer, {gesture.index: float(f"{gesture.y:.3g}")})
        if gesture.figure in ("curve", "surface") and gesture.layer == "point":
            digits = 2 - math.floor(math.log10(state.reach))  # steps of a few thousandths of the axis
            moved = {state.element: round(gesture.x, digits)}
            if gesture.figure == "surface":
                moved[state.element_2] = round(gesture.y, digits)
            return _replaced(state, state.moved, moved)
        return state


def _replaced(state: LossesState, role: str, values: dict[int, float]) -> LossesState:
    """The state with some elements of one tensor replaced by what the loss takes next to these values."""
    held = loss(state.loss).input(role)
    if held is None or held.holds in WHOLE:
        return state
    data: TensorData = getattr(state, role)
    low, high = LIMITS.get(held.holds, (-math.inf, math.inf))
    for index, given in values.items():
        if not 0 <= index < len(data.values):
            return state
        value = min(max(given, low), high)
        if held.holds == "sign":
            value = math.copysign(1.0, value)
        elif held.holds == "count":
            value = float(round(value))
        data = data.replaced(index, value)
    return state.changed(**{role: data})
