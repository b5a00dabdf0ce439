"""The landscape as an experiment: what is declared here, and where what it computes is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from visualizer.base.experiment import Experiment, Gesture
from visualizer.experiments.landscape.requests import LandscapeRequest, request_of
from visualizer.experiments.landscape.state import PRESETS, VIEWS, LandscapeState

if TYPE_CHECKING:
    from visualizer.base.explanation import Explanation
    from visualizer.experiments.landscape.results import LandscapeResult
    from visualizer.figures.model import Figure


class Landscape(Experiment[LandscapeState, LandscapeRequest, "LandscapeResult"]):
    """Seventeen points, the curve through those that are kept, and a dot that descends it."""

    name = "landscape"
    title = "Landscape"
    summary = (
        "A curve through data points is the loss; a dot descends it. Remove points, choose the step size, "
        "race the optimizers of torch, and measure what the batch size does."
    )
    views = VIEWS
    presets = PRESETS
    modules = tuple(f"visualizer.experiments.landscape.pages.{view.name}" for view in VIEWS)
    state_type = LandscapeState

    def request(self, state: LandscapeState) -> LandscapeRequest:
        return request_of(state)

    def run(self, request: LandscapeRequest) -> Iterator[LandscapeResult | None]:
        from visualizer.experiments.landscape.pages import page_of

        return page_of(request).run(request)

    def figures(self, result: LandscapeResult, state: LandscapeState) -> tuple[Figure, ...]:
        from visualizer.experiments.landscape.pages import page_of

        return page_of(result.request).figures(result, state)

    def explain(self, result: LandscapeResult, state: LandscapeState) -> Explanation:
        from visualizer.experiments.landscape.pages import page_of

        return page_of(result.request).explain(result, state)

    def code(self, state: LandscapeState) -> str:
        from visualizer.experiments.landscape.pages import page_of

        request = request_of(state)
        data = getattr(request, "data", None)
        if data is not None and len(data.kept) < 2:
            return "# A curve needs at least two points; put some back.\n"
        return page_of(request).code(request)

    def numbers(self, result: LandscapeResult, state: LandscapeState) -> dict[str, Any]:
        return result.numbers()

    def gesture(self, state: LandscapeState, gesture: Gesture) -> LandscapeState:
        from visualizer.experiments.landscape.touch import touched

        return touched(state, gesture)
