"""The distributions tab as an experiment: what is declared here, and where what it computes is found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from visualizer.base.errors import UserError
from visualizer.base.experiment import Experiment
from visualizer.experiments.distributions.requests import DistributionsRequest, request_of
from visualizer.experiments.distributions.state import PRESETS, VIEWS, DistributionsState

if TYPE_CHECKING:
    from visualizer.base.explanation import Explanation
    from visualizer.experiments.distributions.results import DistributionsResult
    from visualizer.figures.model import Figure


class Distributions(Experiment[DistributionsState, "DistributionsRequest", "DistributionsResult"]):
    """Statistics, every initialiser of torch.nn.init against its theory, and what it does to a network."""

    name = "distributions"
    title = "Distributions"
    summary = (
        "Mean and variance worked line by line, every initialiser of torch.nn.init against its theory, and what an "
        "initialisation does to the signal and the gradient in a deep network."
    )
    views = VIEWS
    presets = PRESETS
    modules = tuple(f"visualizer.experiments.distributions.pages.{view.name}" for view in VIEWS)
    state_type = DistributionsState

    def request(self, state: DistributionsState) -> DistributionsRequest:
        return request_of(state)

    def run(self, request: DistributionsRequest) -> Iterator[DistributionsResult | None]:
        from visualizer.experiments.distributions.pages import page_of

        return page_of(request).run(request)

    def figures(self, result: DistributionsResult, state: DistributionsState) -> tuple[Figure, ...]:
        from visualizer.experiments.distributions.pages import page_of

        return page_of(result.request).figures(result, state)

    def explain(self, result: DistributionsResult, state: DistributionsState) -> Explanation:
        from visualizer.experiments.distributions.pages import page_of

        return page_of(result.request).explain(result, state)

    def code(self, state: DistributionsState) -> str:
        from visualizer.experiments.distributions.pages import page_of

        request = request_of(state)
        try:
            return page_of(request).code(request)
        except UserError as error:  # there is nothing to reproduce, and the page says why
            return f"# {error.sentence}\n"

    def numbers(self, result: DistributionsResult, state: DistributionsState) -> dict[str, Any]:
        return result.numbers()
