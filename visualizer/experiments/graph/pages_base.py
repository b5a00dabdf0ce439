"""What every page of the graph tab begins with: the capture, folded, laid out and drawn."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from visualizer.experiments.graph import drawing, looks, view
from visualizer.experiments.graph.requests import Shown, Source
from visualizer.experiments.graph.view_model import GraphView
from visualizer.figures.graph import GraphDrawing

if TYPE_CHECKING:
    from visualizer.experiments.graph.captures import Captured


def begin(source: Source, shown: Shown) -> Generator[None, None, tuple[Captured, GraphView, GraphDrawing]]:
    """Capture (or find again) what the source names, fold it and lay it out; yields None every few milliseconds.

    Raises:
        UserError: there is no graph, and its sentence says why.
    """
    from visualizer.experiments.graph.captures import captured

    found = yield from captured(source)
    graph, backward = found.capture.graph, found.capture.backward
    folded = yield from view.graph_view(graph, shown)
    drawn = yield from drawing.drawn(graph, backward, folded, shown.leftward)
    yield from looks.prepare(found.capture, folded, drawn)
    return found, folded, drawn
