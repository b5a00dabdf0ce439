"""The landscape as an experiment: what is declared here, and what its pages answer."""

from __future__ import annotations

from visualizer.base.experiment import Gesture, Request
from visualizer.base.pages import PagedExperiment, PageResult
from visualizer.experiments.landscape.state import PRESETS, VIEWS, LandscapeState


class Landscape(PagedExperiment[LandscapeState, Request, PageResult]):
    """Seventeen points, the curve through those that are kept, and a dot that descends it."""

    name = "landscape"
    title = "Landscape"
    summary = (
        "A curve through data points is the loss; a dot descends it. Remove points, choose the step size, "
        "race the optimizers of torch, and measure what the batch size does."
    )
    views = VIEWS
    presets = PRESETS
    state_type = LandscapeState

    def gesture(self, state: LandscapeState, gesture: Gesture) -> LandscapeState:
        from visualizer.experiments.landscape.touch import touched

        return touched(state, gesture)
