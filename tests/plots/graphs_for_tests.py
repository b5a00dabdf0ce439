"""Graphs as the graph tab draws them, made up: chains, ladders and meshes of any size, laid out on a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from visualizer.base.roles import Role
from visualizer.figures.graph import Boxes, Edges, Frames, GraphDrawing, GraphFigure, LegendEntry, Outline

ROLES = (Role.DATA, Role.KEPT, Role.GOOD, Role.C4, Role.MUTED)
WIDTH, HEIGHT, ACROSS, DOWN = 150.0, 66.0, 190.0, 108.0


def locked(values: Any, kind: str = "f8") -> Any:
    array = np.array(values, dtype=kind)
    array.flags.writeable = False
    return array


def drawing(
    places: Sequence[tuple[float, float]], links: Sequence[tuple[int, int]], *, titles: Sequence[str] = (),
    groups: Sequence[tuple[int, str, tuple[float, float, float, float], int]] = (), foldable: Sequence[int] = (),
    times: dict[int, int] | None = None, idents: Sequence[int] = (), outlines: dict[int, Outline] | None = None,
    leftward: bool = False,
) -> GraphDrawing:
    """Boxes with their upper left corners at these places; links from the loss (below) to the leaves (above)."""
    count = len(places)
    left, top = (locked([place[axis] for place in places]) for axis in (0, 1))
    named = tuple(titles) or tuple(f"Node{row}Backward0" for row in range(count))
    many = times or {}
    boxes = Boxes(
        locked(list(idents) or range(count), "i4"), left, top, locked(np.full(count, WIDTH)), locked(np.full(count, HEIGHT)), named,
        tuple(f"({row + 1}, 64) float32" for row in range(count)), tuple(f"norm {0.1 * row:.4g}" for row in range(count)),
        tuple(("weight", "bias") if row % 4 == 1 else () for row in range(count)), tuple(f"Tip of {title}" for title in named),
        tuple((outlines or {}).get(row, "round") for row in range(count)), locked([row in foldable for row in range(count)], "?"),
        locked([many.get(row, 1) for row in range(count)], "i4"),
    )
    xs: list[float] = []
    ys: list[float] = []
    start = [0]
    seen: dict[tuple[int, int], int] = {}
    for source, target in links:
        shift = 14.0 * seen.get((source, target), 0)
        seen[source, target] = seen.get((source, target), 0) + 1
        if leftward:
            x0, y0, x1, y1 = left[source], top[source] + HEIGHT / 2 + shift, left[target] + WIDTH, top[target] + HEIGHT / 2 + shift
            way = [(x0, y0), ((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1)]
        else:
            x0, y0, x1, y1 = left[source] + WIDTH / 2 + shift, top[source], left[target] + WIDTH / 2 + shift, top[target] + HEIGHT
            way = [(x0, y0), (x0, (y0 + y1) / 2), (x1, (y0 + y1) / 2), (x1, y1)]
        xs += [point[0] for point in way]
        ys += [point[1] for point in way]
        start.append(len(xs))
    edges = Edges(
        locked([link[0] for link in links], "i4"), locked([link[1] for link in links], "i4"), locked(xs), locked(ys),
        locked(start, "i4"), locked(np.zeros(len(links)), "?"), tuple("" for _ in links),
    )
    frames = Frames(
        locked([group[0] for group in groups], "i4"), *(locked([group[2][side] for group in groups]) for side in range(4)),
        tuple(group[1] for group in groups), locked([group[3] for group in groups], "i4"),
    )
    width = max((float(left.max()) + WIDTH if count else 0.0), *(group[2][0] + group[2][2] for group in groups), 0.0) + 20.0
    height = max((float(top.max()) + HEIGHT if count else 0.0), *(group[2][1] + group[2][3] for group in groups), 0.0) + 20.0
    return GraphDrawing(boxes, frames, edges, width, height, leftward)


def figure(drawn: GraphDrawing, **rest: Any) -> GraphFigure:
    count = len(drawn.boxes)
    options: dict[str, Any] = {
        "roles": locked(np.arange(count) % len(ROLES), "i4"), "role_table": ROLES, "note": "A made-up graph.",
        "legend": (LegendEntry("operation", Role.DATA), LegendEntry("leaf", Role.KEPT, "pill"),
                   LegendEntry("loss", Role.GOOD, "hexagon")),
    }
    return GraphFigure("graph", "A graph", drawn, **(options | rest))


def diamond(**rest: Any) -> GraphFigure:
    """Loss 0 at the bottom; 1 and 2 side by side above it; 3 over both, with two parallel edges from 1; 4 over 3."""
    places = [(120.0, 340.0), (20.0, 230.0), (220.0, 230.0), (120.0, 120.0), (120.0, 10.0)]
    links = [(0, 1), (0, 2), (1, 3), (1, 3), (2, 3), (3, 4)]
    return figure(drawing(places, links, outlines={0: "hexagon", 4: "pill"}), **rest)


def chain(count: int, **rest: Any) -> GraphFigure:
    """Boxes one over the other, the loss (0) at the bottom."""
    places = [(20.0, 20.0 + DOWN * (count - 1 - row)) for row in range(count)]
    return figure(drawing(places, [(row, row + 1) for row in range(count - 1)], outlines={0: "hexagon"}), **rest)


def mesh(count: int, columns: int = 12, **rest: Any) -> GraphFigure:
    """A grid; each box has an edge to the one above it, to a neighbour of that, and now and then to one far above."""
    places = [(20.0 + ACROSS * (row % columns), 20.0 + DOWN * ((count - 1 - row) // columns)) for row in range(count)]
    links = [(row, row + columns) for row in range(count - columns)]
    links += [(row, row + columns + 1) for row in range(0, count - columns - 1, 3)]
    links += [(row, row + 9 * columns) for row in range(0, count - 9 * columns, 17)]
    titles = [("AddmmBackward0", "ReluBackward0", "NativeLayerNormBackward0", "MulBackward0")[row % 4] for row in range(count)]
    return figure(drawing(places, links, titles=titles, outlines={0: "hexagon"}), **rest)


def closed_and_open() -> tuple[GraphFigure, GraphFigure]:
    """One graph twice: with a group (ident 500) as a box that stands for three, and with that group open."""
    closed = drawing([(20.0, 20.0 + DOWN * row) for row in (3, 2, 1, 0)], [(0, 1), (1, 2), (2, 3)],
                     titles=("Loss", "Out", "Block", "In"), idents=(0, 1, 500, 9), foldable=(2,), times={2: 3})
    places = [(120.0, 668.0), (120.0, 560.0), (60.0, 408.0), (60.0, 280.0), (120.0, 20.0)]
    opened = drawing(places, [(0, 1), (1, 2), (2, 3), (3, 4)], titles=("Loss", "Out", "Inner", "Outer", "In"),
                     idents=(0, 1, 5, 6, 9), groups=((500, "Block", (40.0, 240.0, 260.0, 260.0), 0),))
    return figure(closed), figure(opened)
