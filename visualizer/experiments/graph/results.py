"""What every page of the graph tab has found: a capture, how it is folded, and where it is drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from visualizer.base.pages import PageResult
from visualizer.experiments.graph.model import Capture
from visualizer.experiments.graph.view_model import GraphView
from visualizer.figures.graph import GraphDrawing


@dataclass(frozen=True, eq=False)
class GraphResult(PageResult):
    """A capture and its drawing; pages add what is theirs."""

    capture: Capture
    view: GraphView
    drawing: GraphDrawing

    def numbers(self) -> dict[str, Any]:
        """Counts, nodes and edges of the real graph, however it is folded; see :mod:`visualizer.experiments.graph.listing`."""
        from visualizer.experiments.graph.listing import listed

        return listed(self.capture)
