"""A level drawn: its components one by one, beside one another, inside the margins of its frame."""

from __future__ import annotations

from collections.abc import Generator
from math import sqrt

from visualizer.experiments.graph.layout.levels import BOX, LOWER, UPPER, Level
from visualizer.experiments.graph.layout.net import Flat, net
from visualizer.experiments.graph.layout.order import ordered
from visualizer.experiments.graph.layout.pace import Pace
from visualizer.experiments.graph.layout.place import placed
from visualizer.experiments.graph.layout.ranks import ranks, turned
from visualizer.experiments.graph.layout.route import Sheet, routed

#: Between two components.
APART = 36.0


def _components(level: Level, pace: Pace) -> Generator[None, None, list[list[int]]]:
    """The nodes of every component, in order."""
    linked: list[list[int]] = [[] for _ in level.kind]
    for source, target in zip(level.source, level.target, strict=True):
        linked[source].append(target)
        linked[target].append(source)
        if pace.due():
            yield
    seen = [False] * len(level.kind)
    found = []
    for first in range(len(level.kind)):
        if seen[first]:
            continue
        seen[first] = True
        nodes = [first]
        for node in nodes:
            for other in linked[node]:
                if not seen[other]:
                    seen[other] = True
                    nodes.append(other)
            if pace.due():
                yield
        nodes.sort()
        found.append(nodes)
        if pace.due():
            yield
    return found


def _flat(
    level: Level, nodes: list[int], links: list[int], sheets: list[Sheet], pace: Pace,
) -> Generator[None, None, Flat]:
    row = {node: index for index, node in enumerate(nodes)}
    source_at: list[float | None] = []
    target_at: list[float | None] = []
    for link in links:
        low, high = level.source_port[link], level.target_port[link]
        source_at.append(None if low < 0 else sheets[level.thing[level.source[link]]].left[low])
        target_at.append(None if high < 0 else sheets[level.thing[level.target[link]]].left[high])
        if pace.due():
            yield
    return Flat(
        [level.breadth[node] for node in nodes], [row[level.source[link]] for link in links],
        [row[level.target[link]] for link in links], source_at, target_at, [level.bundle[link] for link in links],
        {index for index, node in enumerate(nodes) if level.kind[node] != BOX},
    )


def _component(
    level: Level, nodes: list[int], links: list[int], sheets: list[Sheet], pace: Pace,
) -> Generator[None, None, Sheet]:
    flat = yield from _flat(level, nodes, links, sheets, pace)
    count = len(nodes)
    if pace.due():
        yield
    back = yield from turned(count, flat.source, flat.target, pace)
    kept = [link for link in range(len(links)) if link not in back]
    lower = [index for index, node in enumerate(nodes) if level.kind[node] == LOWER]
    upper = [index for index, node in enumerate(nodes) if level.kind[node] == UPPER]
    rank = yield from ranks(
        count, [flat.source[link] for link in kept], [flat.target[link] for link in kept], lower, upper, pace,
    )
    made = yield from net(flat, rank, back, count + 2000, pace)
    yield from ordered(made, pace)
    x = yield from placed(made, pace)
    return (yield from routed(made, flat, x, [level.depth[node] for node in nodes], pace))


def drawn(
    level: Level, sheets: list[Sheet], before: tuple[float, float], after: tuple[float, float], least: tuple[float, float],
    pace: Pace,
) -> Generator[None, None, Sheet]:
    """The sheet of a level, the upper left corner of its frame at (0, 0).

    Args:
        sheets: of all groups; those in this level are drawn already.
        before, after: margins of the frame at its left and upper, at its right and lower side.
        least: the least breadth and depth of the frame.
    """
    components = yield from _components(level, pace)
    of_node = [0] * len(level.kind)
    for index, nodes in enumerate(components):
        for node in nodes:
            of_node[node] = index
    links: list[list[int]] = [[] for _ in components]
    for link, source in enumerate(level.source):
        links[of_node[source]].append(link)
        if pace.due():
            yield
    parts: list[Sheet] = []
    for nodes, own in zip(components, links, strict=True):
        parts.append((yield from _component(level, nodes, own, sheets, pace)))
    corners, breadth, depth = _packed(level, components, parts)
    sheet = Sheet([0.0] * len(level.kind), [0.0] * len(level.kind), [[] for _ in level.source])
    sheet.breadth = max(least[0], breadth + before[0] + after[0])
    sheet.depth = max(least[1], depth + before[1] + after[1])
    shift = before[0] + (sheet.breadth - before[0] - after[0] - breadth) / 2
    for nodes, own, part, (x, y) in zip(components, links, parts, corners, strict=True):
        x, y = x + shift, y + before[1]
        for row, node in enumerate(nodes):
            sheet.left[node], sheet.top[node] = part.left[row] + x, part.top[row] + y
            if pace.due():
                yield
        for link, way in zip(own, part.ways, strict=True):
            moved = [place + (x if not index & 1 else y) for index, place in enumerate(way)]
            if level.kind[level.source[link]] == LOWER:
                moved[1] = sheet.depth
            if level.kind[level.target[link]] == UPPER:
                moved[-1] = 0.0
            sheet.ways[link] = moved
            if pace.due():
                yield
    return sheet


def _packed(
    level: Level, components: list[list[int]], parts: list[Sheet],
) -> tuple[list[tuple[float, float]], float, float]:
    """The corner of every component, and the size of all. Those with ports stand side by side, their ways out are free; the others
    are put in rows beside them."""
    corners = [(0.0, 0.0)] * len(parts)
    x = depth = 0.0
    loose = []
    for index, nodes in enumerate(components):
        if any(level.kind[node] in (UPPER, LOWER) for node in nodes):
            corners[index] = x, 0.0
            x += parts[index].breadth + APART
            depth = max(depth, parts[index].depth)
        else:
            loose.append(index)
    if loose:
        area = sum((parts[index].breadth + APART) * (parts[index].depth + APART) for index in loose)
        widest = max([max(parts[index].breadth for index in loose), 1.6 * sqrt(area)])
        start = right = x
        y = row = 0.0
        for index in loose:
            part = parts[index]
            if x > start and x + part.breadth > start + widest:
                x, y, row = start, y + row + APART, 0.0
            corners[index] = x, y
            x += part.breadth + APART
            right, row = max(right, x), max(row, part.depth)
        x, depth = right, max(depth, y + row)
    return corners, max(0.0, x - APART), depth
