"""Every drawing of the catalogue, in every folding and both directions, checked as plain geometry."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.graph.layout_checks import check
from tests.graph.pages_of_the_graph import capture_of, finished, view_of
from visualizer.experiments.graph.drawing import TITLE, drawn
from visualizer.experiments.graph.examples.catalogue import EXAMPLES
from visualizer.experiments.graph.folding import folded
from visualizer.experiments.graph.layout.contract import Layout, Problem
from visualizer.experiments.graph.requests import Fold
from visualizer.experiments.graph.text_width import width_of
from visualizer.figures.graph import GraphDrawing

#: fold, level, repeats, operations outside of the graph.
FOLDINGS: tuple[tuple[Fold, int, bool, bool], ...] = (
    ("none", 0, False, False), ("none", 0, False, True), ("parameters", 0, False, False), ("modules", 0, True, False),
    ("modules", 1, True, False), ("modules", 1, False, False), ("modules", 2, True, True), ("modules", 12, True, False),
    ("modules", 12, False, False),
)


def promised(drawing: GraphDrawing, group: list[int], parent: list[int]) -> tuple[Problem, Layout]:
    """A drawing as the geometry that it is."""
    boxes, frames, edges = drawing.boxes, drawing.frames, drawing.edges
    titles = np.array([width_of(title, TITLE, bold=True) for title in frames.titles], dtype=np.float64)
    return (
        Problem(boxes.width, boxes.height, np.array(group, dtype=np.int32), np.array(parent, dtype=np.int32), titles, edges.source,
                edges.target, drawing.leftward),
        Layout(boxes.left, boxes.top, frames.left, frames.top, frames.width, frames.height, edges.x, edges.y, edges.start,
               drawing.width, drawing.height),
    )


@pytest.mark.parametrize("leftward", [False, True], ids=["down", "leftward"])
@pytest.mark.parametrize("name", [entry.name for entry in EXAMPLES])
def test_no_boxes_overlap_no_edge_crosses_a_foreign_box_and_every_edge_ends_at_its_nodes(name: str, leftward: bool) -> None:
    capture = capture_of(name)
    graph = capture.graph
    for fold, level, repeats, outside in FOLDINGS:
        view = view_of(graph, fold, level, repeats, outside=outside)
        drawing = finished(drawn(graph, capture.backward, view, leftward))
        assert drawing.leftward is leftward
        check(*promised(drawing, [item.group for item in view.items], [one.parent for one in view.groups]))
        # What is drawn are the edges of the graph between two boxes, but for those to leaves that are badges of their users.
        badge = finished(folded(graph, fold != "none")).hidden
        box = view.item_of
        wanted: Counter[tuple[int, int]] = Counter()
        for a, b in zip(graph.edges.source.tolist(), graph.edges.target.tolist(), strict=True):
            if box[a] != box[b] and not badge[a] and not badge[b]:
                wanted[int(box[a]), int(box[b])] += 1
        found: Counter[tuple[int, int]] = Counter()
        for a, b, count in zip(drawing.edges.source.tolist(), drawing.edges.target.tolist(), view.count.tolist(), strict=True):
            found[a, b] += count
        assert +found == wanted
