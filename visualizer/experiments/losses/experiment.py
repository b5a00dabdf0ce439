"""The losses tab as an experiment: what is declared here, and what its pages answer."""

from __future__ import annotations

import math

from visualizer.base.experiment import Gesture
from visualizer.base.pages import PagedExperiment, PageResult
from visualizer.base.tensors import TensorData
from visualizer.components.losses import LIMITS, WHOLE, loss
from visualizer.experiments.losses.requests import LossesRequest, request_of
from visualizer.experiments.losses.state import PRESETS, VIEWS, LossesState


class Losses(PagedExperiment[LossesState, LossesRequest, PageResult]):
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

    def request(self, state: LossesState) -> LossesRequest:
        return request_of(state)

    def gesture(self, state: LossesState, gesture: Gesture) -> LossesState:
        """A dragged bar is the element of that index; it stays within what the loss takes."""
        held = loss(state.loss).input(gesture.layer)
        if held is None or held.holds in WHOLE or gesture.figure != "tensors":
            return state
        data: TensorData = getattr(state, gesture.layer)
        if not 0 <= gesture.index < len(data.values):
            return state
        low, high = LIMITS.get(held.holds, (-math.inf, math.inf))
        value = min(max(float(f"{gesture.y:.3g}"), low), high)
        if held.holds == "sign":
            value = math.copysign(1.0, value)
        elif held.holds == "count":
            value = float(round(value))
        return state.changed(**{gesture.layer: data.replaced(gesture.index, value)})
