"""A flat graph in layers: long links become chains of points, one in each layer they pass; too long ones go in lanes beside it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from visualizer.experiments.graph.layout.pace import Pace

#: Links to one target that pass so many layers share a chain.
SHARED = 3


@dataclass(eq=False)
class Chain:
    """A way that one or several links to the same target take.

    Attributes:
        links: that take it.
        target: the node where it ends.
        bends: its points, the one below the target first, downwards; none: the links go to the target directly, or in a lane.
        lane: it goes beside the drawing.
    """

    links: list[int]
    target: int
    bends: range = range(0)
    lane: bool = False


@dataclass(eq=False)
class Net:
    """Nodes in layers; numbers from ``count`` on are points of chains.

    A link between neighbouring layers ends at nodes. Where a node has ports at fixed places (a group), it ends at one of them: an
    "end" is a node or, from ``size`` on, a port.

    Attributes:
        layers: nodes of every rank, the lowest first, in their order from left to right.
        up, down: ends that every node is linked to in the layer above and below.
        own_up, own_down: the node's own ends of these links; only of nodes with ports.
        node, at: of every end its node and its distance from the node's centre; ports: ends of every node that has some.
    """

    count: int
    size: int
    breadth: list[float]
    rank: list[int]
    layers: list[list[int]]
    up: list[list[int]]
    down: list[list[int]]
    node: list[int]
    at: list[float]
    ports: dict[int, list[int]]
    own_up: dict[int, list[int]]
    own_down: dict[int, list[int]]
    chains: list[Chain]
    chain_of: list[int]


@dataclass(eq=False)
class Flat:
    """What a net is made of: nodes with a breadth, links with ends at fixed places (distance from the node's left side) or None,
    bundles; ``strict``: nodes all whose bundles are one chain (ports and groups as targets)."""

    breadth: list[float]
    source: list[int]
    target: list[int]
    source_at: list[float | None]
    target_at: list[float | None]
    bundle: list[int]
    strict: set[int]


def _chains(
    flat: Flat, rank: Sequence[int], turned: set[int], budget: int, pace: Pace,
) -> Generator[None, None, list[Chain]]:
    bundles: dict[int, list[int]] = {}
    for link, bundle in enumerate(flat.bundle):
        bundles.setdefault(bundle, []).append(link)
        if pace.due():
            yield
    chains: list[Chain] = []
    for links in bundles.values():
        target = flat.target[links[0]]
        back = [link for link in links if link in turned]
        if back:
            chains.append(Chain(back, target, lane=True))
            links = [link for link in links if link not in turned]
        least = 0 if target in flat.strict else SHARED
        far = [link for link in links if rank[target] - rank[flat.source[link]] >= least]
        if len(far) > 1:
            chains.append(Chain(far, target))
            chains.extend(Chain([link], target) for link in links if rank[target] - rank[flat.source[link]] < least)
        else:
            chains.extend(Chain([link], target) for link in links)
        if pace.due():
            yield
    lengths: list[int] = []
    for chain in chains:
        lowest = 0 if chain.lane else min([rank[flat.source[link]] for link in chain.links])
        lengths.append(0 if chain.lane else rank[chain.target] - lowest - 1)
        if pace.due():
            yield
    excess = sum(lengths) - budget
    for index in sorted(range(len(chains)), key=lambda index: -lengths[index]):
        if excess <= 0:
            break
        excess -= lengths[index]
        chains[index].lane = True
    return chains


def net(flat: Flat, rank: list[int], turned: set[int], budget: int, pace: Pace) -> Generator[None, None, Net]:
    """The net of a flat graph; at most ``budget`` points of chains."""
    count = len(flat.breadth)
    chains = yield from _chains(flat, rank, turned, budget, pace)
    breadth, level = list(flat.breadth), list(rank)
    chain_of = [0] * len(flat.source)
    for index, chain in enumerate(chains):
        for link in chain.links:
            chain_of[link] = index
        if not chain.lane:
            lowest = min(rank[flat.source[link]] for link in chain.links)
            first = len(level)
            level.extend(range(rank[chain.target] - 1, lowest, -1))
            chain.bends = range(first, len(level))
        if pace.due():
            yield
    size = len(level)
    breadth.extend([0.0] * (size - count))
    up: list[list[int]] = [[] for _ in range(size)]
    if pace.due():
        yield
    down: list[list[int]] = [[] for _ in range(size)]
    if pace.due():
        yield
    node, at = list(range(size)), [0.0] * size
    ports: dict[int, list[int]] = {}
    own_up: dict[int, list[int]] = {}
    own_down: dict[int, list[int]] = {}
    ends: dict[tuple[int, float, bool], int] = {}
    fixed = {flat.source[link] for link, place in enumerate(flat.source_at) if place is not None}
    fixed |= {flat.target[link] for link, place in enumerate(flat.target_at) if place is not None}
    for one in fixed:
        own_up[one], own_down[one] = [], []

    def end(one: int, place: float | None, upper: bool) -> int:
        if place is None:
            return one
        key = one, place, upper
        found = ends.get(key)
        if found is None:
            found = ends[key] = len(node)
            node.append(one)
            at.append(place - breadth[one] / 2)
            ports.setdefault(one, []).append(found)
        return found

    def join(low: int, high: int, low_end: int, high_end: int) -> None:
        up[low].append(high_end)
        down[high].append(low_end)
        if low in own_up:
            own_up[low].append(low_end)
        if high in own_down:
            own_down[high].append(high_end)

    for chain in chains:
        if chain.lane:
            continue
        target = chain.target
        top = end(target, flat.target_at[chain.links[0]], False)
        bends = chain.bends
        if bends:
            join(bends[0], target, bends[0], top)
            for high, low in pairwise(bends):
                join(low, high, low, high)
        for link in chain.links:
            source = flat.source[link]
            passed = rank[target] - rank[source] - 1
            high = bends[passed - 1] if passed else target
            join(source, high, end(source, flat.source_at[link], True), high if passed else top)
        if pace.due():
            yield
    layers: list[list[int]] = [[] for _ in range(max(level, default=-1) + 1)]
    for one, height in enumerate(level):
        layers[height].append(one)
        if pace.due():
            yield
    return Net(count, size, breadth, level, layers, up, down, node, at, ports, own_up, own_down, chains, chain_of)
