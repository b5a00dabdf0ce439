"""The layout of graphs: layers (Sugiyama, Tagawa and Toda 1981), open groups as frames. Pure Python and numpy.

Every open group is laid out on its own, the innermost first, and is one big box with ports on its border in the level around it
(:mod:`.levels`, :mod:`.sheets`). A level goes through ranks, the net of chains, the order in layers, places and ways: the modules
of these names.

Why not a library: fast-sugiyama 0.5.3, the quickest there is, orders folded or chain-like graphs in a third of the time and less
(GPT-like with 16,576 nodes 0.27 s, this 0.83 s), but it makes a point for every layer that a link passes: an LSTM of 60 steps whose
weights are boxes takes it 2.7 s (this: 0.16 s), one of 200 steps did not end in 40 s (this: 0.4 s). It holds the GIL meanwhile,
cannot be stopped, knows no sizes of boxes, and aborts on a link from a box to itself. Links to one target share a chain here, so a
weight that every step uses costs as many points as there are layers, not that times the steps; chains beyond a budget go in lanes
beside the drawing. Measured on two busy cores; ``benchmarks/graph_layout.py`` compares with dagre, ELK and dot.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np

from visualizer.experiments.graph.layout.contract import Layout, Problem
from visualizer.experiments.graph.layout.levels import Levels, split
from visualizer.experiments.graph.layout.pace import Pace
from visualizer.experiments.graph.layout.route import Sheet
from visualizer.experiments.graph.layout.sheets import drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.figures.model import Floats

#: Around everything; inside a frame; the strip for the title at the upper side of a frame.
EDGE, MARGIN, TITLE = 20.0, 12.0, 22.0
#: So many numbers of ways are collected before they become an array.
PART = 20_000


def lay_out(problem: Problem) -> Generator[None, None, Layout]:
    """Lay out a graph.

    Yields:
        None, at least every 8 ms or so; closing the generator stops it.

    Returns:
        Where everything stands; the same for the same problem.
    """
    pace = Pace()
    levels = yield from split(problem, pace)
    groups = len(problem.parent)
    sheets: list[Sheet] = [Sheet([], [], [])] * groups
    if problem.leftward:
        before, after = (TITLE + MARGIN / 2, MARGIN), (MARGIN, MARGIN)
    else:
        before, after = (MARGIN, TITLE + MARGIN / 2), (MARGIN, MARGIN)
    parent, title = problem.parent.tolist(), problem.title.tolist()
    for group in range(groups - 1, -1, -1):
        least = (0.0, title[group]) if problem.leftward else (title[group], 0.0)
        sheet = yield from drawn(levels.levels[group], sheets, before, after, least, pace)
        sheets[group] = sheet
        level, node = levels.levels[parent[group]], levels.group_node[group]
        level.breadth[node], level.depth[node] = sheet.breadth, sheet.depth
    sheets.append((yield from drawn(levels.levels[-1], sheets, (EDGE, EDGE), (EDGE, EDGE), (0.0, 0.0), pace)))
    return (yield from _collected(problem, levels, sheets, pace))


def _collected(problem: Problem, levels: Levels, sheets: list[Sheet], pace: Pace) -> Generator[None, None, Layout]:
    """All sheets put together."""
    parent, group = problem.parent.tolist(), problem.group.tolist()
    corner: list[tuple[float, float]] = []
    for index, above in enumerate(parent):
        x, y = corner[above] if above >= 0 else (0.0, 0.0)
        sheet, node = sheets[above], levels.group_node[index]
        corner.append((x + sheet.left[node], y + sheet.top[node]))
    corner.append((0.0, 0.0))
    places: list[float] = []
    for inside, node in zip(group, levels.box_node, strict=True):
        places += [corner[inside][0] + sheets[inside].left[node], corner[inside][1] + sheets[inside].top[node]]
        if pace.due():
            yield
    boxes = np.array(places, dtype=np.float64).reshape(-1, 2)
    parts: list[Floats] = []
    flat: list[float] = []
    start, before = [0], 0
    for pieces in levels.pieces:
        for level, link in pieces:
            x, y = corner[level]
            way = sheets[level].ways[link]
            if x or y:
                way = [place + (y if index & 1 else x) for index, place in enumerate(way)]
            flat += way
        start.append((before + len(flat)) // 2)
        if len(flat) > PART:
            parts.append(np.array(flat, dtype=np.float64))
            before += len(flat)
            flat = []
        if pace.due():
            yield
    parts.append(np.array(flat, dtype=np.float64))
    points, starts = yield from _simplified(np.concatenate(parts).reshape(-1, 2), np.array(start), pace)
    frames = np.array(
        [(*corner[index], sheets[index].breadth, sheets[index].depth) for index in range(len(parent))], dtype=np.float64
    ).reshape(-1, 4)
    size = sheets[-1].breadth, sheets[-1].depth
    if problem.leftward:
        boxes, points, frames, size = boxes[:, ::-1], points[:, ::-1], frames[:, [1, 0, 3, 2]], (size[1], size[0])
    left, top = _columns(boxes)
    frame_left, frame_top, frame_width, frame_height = _columns(frames)
    ways_x, ways_y = _columns(points)
    begin = starts.astype(np.int32)
    begin.flags.writeable = False
    return Layout(left, top, frame_left, frame_top, frame_width, frame_height, ways_x, ways_y, begin, *size)


def _columns(table: Floats) -> tuple[Floats, ...]:
    columns = tuple(np.ascontiguousarray(column) for column in table.T)
    for column in columns:
        column.flags.writeable = False
    return columns


def _simplified(
    points: Floats, start: NDArray[np.int64], pace: Pace,
) -> Generator[None, None, tuple[Floats, NDArray[np.int64]]]:
    """Ways without points that are where the one before is, then without points on a straight line between their neighbours."""
    for straight in (False, True):
        if len(points) < 2:
            break
        way = np.repeat(np.arange(len(start) - 1), np.diff(start))
        same = way[1:] == way[:-1]
        if pace.due():
            yield
        step = np.diff(points, axis=0)
        keep = np.ones(len(points), dtype=bool)
        if straight:
            cross = step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0]
            size = np.abs(step).sum(axis=1)
            if pace.due():
                yield
            keep[1:-1] = ~(same[:-1] & same[1:] & (np.abs(cross) <= 1e-7 * size[:-1] * size[1:]))
        else:
            keep[1:] = ~(same & (np.abs(step).max(axis=1) <= 1e-6))
        if pace.due():
            yield
        start = np.concatenate(([0], np.cumsum(keep)))[start]
        points = points[keep]
        if pace.due():
            yield
    return points, start
