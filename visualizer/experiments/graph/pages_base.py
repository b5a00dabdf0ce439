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

    Begun = tuple[Captured, GraphView, GraphDrawing]


def begin(source: Source, shown: Shown) -> Generator[None, None, Begun]:
    """Capture (or find again) what the source names, fold it and lay it out; yields None every few milliseconds.

    Raises:
        UserError: there is no graph, and its sentence says why.
    """
    run = begin_in_parts(source, shown)
    try:
        while True:
            try:
                next(run)
            except StopIteration as end:
                found: Begun = end.value
                return found
            yield None
    finally:
        run.close()


def begin_in_parts(source: Source, shown: Shown, least: int | None = None) -> Generator[Begun | None, None, Begun]:
    """As :func:`begin`; of a graph of at least so many nodes that is still to be run backward, yields what there is before that.

    What is returned then has the same graph, the same view and the same drawing.
    """
    from visualizer.experiments.graph.captures import captured_in_parts

    begun: Begun | None = None
    run = captured_in_parts(source)
    try:
        while True:
            try:
                part = next(run)
            except StopIteration as end:
                found: Captured = end.value
                break
            if part is not None and least is not None and len(part.capture.graph.nodes) >= least:
                begun = yield from _drawn(part, shown)
                yield begun
            yield None
    finally:
        run.close()
    if begun is None:
        return (yield from _drawn(found, shown))
    _, folded, drawn = begun
    drawing.tell(drawn, found.capture.backward)
    yield from looks.prepare(found.capture, folded, drawn)
    return found, folded, drawn


def _drawn(found: Captured, shown: Shown) -> Generator[None, None, Begun]:
    graph, backward = found.capture.graph, found.capture.backward
    folded = yield from view.graph_view(graph, shown)
    drawn = yield from drawing.drawn(graph, backward, folded, shown.leftward)
    yield from looks.prepare(found.capture, folded, drawn)
    return found, folded, drawn
