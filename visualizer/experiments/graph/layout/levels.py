"""A graph with groups taken apart into levels: one flat graph for every open group and one for what is in none.

A level holds boxes, the inner groups as boxes whose size is known by then, and ports: where links leave the group through the
upper side of its frame (towards their target) and come in through the lower one (from their source). A link from box to box is a
way through levels: up out of the groups of its source, across the level where both meet, up into the groups of its target. Links
that go to the same target leave a group through one port and come into one through one port, except parallel links of one source,
which keep apart.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from visualizer.experiments.graph.layout.pace import Pace

if TYPE_CHECKING:
    from visualizer.experiments.graph.layout.contract import Problem

BOX, GROUP, UPPER, LOWER = range(4)


@dataclass(eq=False)
class Level:
    """One flat graph. Lengths are along the layers ("breadth") and across them ("depth"): width and height, if layers are rows.

    Attributes:
        kind, thing: of every node what it is, and the index of its box or group; ports have the number of their bundle.
        breadth, depth: of every node; of groups known when their own level is laid out.
        source, target: nodes of every link.
        source_port, target_port: of a link that ends at a group: the node of the group's own level where it goes on, else -1.
        bundle: links of one bundle go to the same target and may share their way.
    """

    kind: list[int] = field(default_factory=list)
    thing: list[int] = field(default_factory=list)
    breadth: list[float] = field(default_factory=list)
    depth: list[float] = field(default_factory=list)
    source: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    source_port: list[int] = field(default_factory=list)
    target_port: list[int] = field(default_factory=list)
    bundle: list[int] = field(default_factory=list)

    def node(self, kind: int, thing: int, breadth: float = 0.0, depth: float = 0.0) -> int:
        """A new node."""
        self.kind.append(kind)
        self.thing.append(thing)
        self.breadth.append(breadth)
        self.depth.append(depth)
        return len(self.kind) - 1

    def link(self, source: int, target: int, source_port: int, target_port: int, bundle: int) -> int:
        """A new link."""
        self.source.append(source)
        self.target.append(target)
        self.source_port.append(source_port)
        self.target_port.append(target_port)
        self.bundle.append(bundle)
        return len(self.source) - 1


@dataclass(eq=False)
class Levels:
    """All levels of a problem.

    Attributes:
        levels: of every group, and at last the outermost.
        box_node, group_node: the node of every box and group in its level.
        pieces: for every link that is drawn its way: pairs of a level and a link of it, from the source to the target.
    """

    levels: list[Level]
    box_node: list[int]
    group_node: list[int]
    pieces: list[list[tuple[int, int]]]


def split(problem: Problem, pace: Pace) -> Generator[None, None, Levels]:
    """The levels of a problem; groups without a box are in no level's nodes but their own, empty, one is there."""
    parent, group = problem.parent.tolist(), problem.group.tolist()
    breadth, depth = problem.width.tolist(), problem.height.tolist()
    if problem.leftward:
        breadth, depth = depth, breadth
    outermost = len(parent)
    levels = [Level() for _ in range(outermost + 1)]
    steps = [0] * (outermost + 1)
    for index, above in enumerate(parent):
        steps[index] = (steps[above] if above >= 0 else 0) + 1
    group_node = [levels[above].node(GROUP, index) for index, above in enumerate(parent)]
    box_node: list[int] = []
    for box, inside in enumerate(group):
        box_node.append(levels[inside].node(BOX, box, breadth[box], depth[box]))
        if pace.due():
            yield
    ports: dict[tuple[int, int, int], int] = {}
    links: dict[tuple[int, int, int, int], int] = {}
    bundles: dict[tuple[int, int], int] = {}
    times: dict[tuple[int, int], int] = {}
    pieces: list[list[tuple[int, int]]] = []

    def port(level: int, kind: int, bundle: int) -> int:
        key = level, kind, bundle
        node = ports.get(key)
        if node is None:
            node = ports[key] = levels[level].node(kind, bundle)
        return node

    def link(level: int, source: int, target: int, source_port: int, target_port: int, bundle: int) -> tuple[int, int]:
        key = level, source, target, bundle
        index = links.get(key)
        if index is None:
            index = links[key] = levels[level].link(source, target, source_port, target_port, bundle)
        return level, index

    for source, target in zip(problem.source.tolist(), problem.target.tolist(), strict=True):
        way: list[tuple[int, int]] = []
        pieces.append(way)
        if source == target:
            continue
        if pace.due():
            yield
        nth = times.get((source, target), 0)
        times[source, target] = nth + 1
        bundle = bundles.setdefault((target, nth), len(bundles))
        low, high = group[source], group[target]
        start, end, start_port, end_port = box_node[source], box_node[target], -1, -1
        entering: list[tuple[int, int]] = []
        while low != high:
            if low >= 0 and (high < 0 or steps[low] >= steps[high]):
                outlet = port(low, UPPER, bundle)
                way.append(link(low, start, outlet, start_port, -1, bundle))
                start, start_port, low = group_node[low], outlet, parent[low]
            else:
                inlet = port(high, LOWER, bundle)
                entering.append(link(high, inlet, end, -1, end_port, bundle))
                end, end_port, high = group_node[high], inlet, parent[high]
        way.append(link(low if low >= 0 else outermost, start, end, start_port, end_port, bundle))
        way.extend(reversed(entering))
    return Levels(levels, box_node, group_node, pieces)
