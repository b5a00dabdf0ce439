"""The pages of the distributions tab, a module each: what it computes, draws, explains, and the code that reproduces it.

Nothing here is imported before the window is painted: these modules need numpy, scipy and torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from visualizer.base.explanation import Explanation
    from visualizer.experiments.distributions.requests import DistributionsRequest
    from visualizer.experiments.distributions.results import DistributionsResult
    from visualizer.experiments.distributions.state import DistributionsState
    from visualizer.figures.model import Figure


class Page(Protocol):
    """What each module of this package offers."""

    def run(self, request: Any) -> Iterator[DistributionsResult | None]: ...

    def figures(self, result: Any, state: DistributionsState) -> tuple[Figure, ...]: ...

    def explain(self, result: Any, state: DistributionsState) -> Explanation: ...

    def code(self, request: Any) -> str: ...


def page_of(request: DistributionsRequest) -> Page:
    """The page that answers this kind of request."""
    from importlib import import_module

    # Only the page that is asked for is imported: a defect in one page leaves the others alive, and each loads sooner.
    name = type(request).__name__.removesuffix("Request").lower()
    return cast("Page", import_module(f"{__name__}.{name}"))
