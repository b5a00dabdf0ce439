"""Places along the layers by Brandes and Köpf (Fast and Simple Horizontal Coordinate Assignment, GD 2001), with breadths and ports.

Nodes are aligned in vertical blocks with their median neighbours above or below, preferring left or right, chains of points first;
each of the four ways is made narrow over the graph of blocks, and every node gets the mean of its two middle places. Leaves and
other small side branches (a weight and its transpose) have no say in where the main flow goes, nor what branches off a chain.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from visualizer.experiments.graph.layout.net import Net
from visualizer.experiments.graph.layout.pace import Pace

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.figures.model import Floats

    Ints = NDArray[np.int64]

#: Least distances between two boxes, between a box and a chain, between two chains.
BOXES, BESIDE, CHAINS = 24.0, 14.0, 10.0

#: The mean of all four ways is taken only if it is not so much wider than the narrowest of them.
WIDER = 1.3
#: So many layers above one another are a side branch at most.
BRANCH = 2


@dataclass(frozen=True, eq=False)
class Beside:
    """All pairs of neighbours in a layer, and the least distance of their centres."""

    left: Ints
    right: Ints
    distance: Floats


def _beside(net: Net, breadth: Floats) -> Beside:
    nodes = np.array(list(chain.from_iterable(net.layers)), dtype=np.int64)
    rank = np.repeat(np.arange(len(net.layers)), [len(layer) for layer in net.layers])
    same = rank[1:] == rank[:-1]
    left, right = nodes[:-1][same], nodes[1:][same]
    bends = (left >= net.count).astype(np.int64) + (right >= net.count)
    return Beside(left, right, (breadth[left] + breadth[right]) / 2 + np.array([BOXES, BESIDE, CHAINS])[bends])


def _conflicts(net: Net, index: list[int], pace: Pace) -> Generator[None, None, set[tuple[int, int]]]:
    """Links that cross a chain: they are not aligned (the lower node, the upper node)."""
    found: set[tuple[int, int]] = set()
    count, node = net.count, net.node
    for rank in range(len(net.layers) - 1):
        lower, upper = net.layers[rank], net.layers[rank + 1]
        before, scanned = -1, 0
        for place, one in enumerate(lower):
            inner = -1
            if one >= count and net.up[one]:
                above = node[net.up[one][0]]
                if above >= count:
                    inner = above
            if inner >= 0 or place == len(lower) - 1:
                until = index[inner] if inner >= 0 else len(upper)
                for low in lower[scanned:place + 1]:
                    for end in net.up[low]:
                        high = node[end]
                        if not before <= index[high] <= until and not (low >= count and high >= count):
                            found.add((low, high))
                scanned = place + 1
                before = until
        if pace.due():
            yield
    return found


def _side(net: Net, pace: Pace) -> Generator[None, None, list[int]]:
    """Nodes of small side branches: they and the few above them serve one single consumer, as a weight and its transpose do."""
    side = [0] * net.size
    for layer in reversed(net.layers):
        for one in layer:
            if one < net.count and len(net.down[one]) == 1:
                heights = [side[net.node[end]] for end in net.up[one]]
                if not heights or 0 < min(heights) <= max(heights) < BRANCH:
                    side[one] = max(heights, default=0) + 1
        if pace.due():
            yield
    return side


def _blocks(
    net: Net, index: list[int], conflicts: set[tuple[int, int]], side: list[int], upwards: bool, rightwards: bool, pace: Pace,
) -> Generator[None, None, tuple[list[int], list[float]]]:
    """Of every node the root of its block and its distance from it. ``upwards``: aligned with the layer below, going up."""
    node, at, count = net.node, net.at, net.count
    goes_on = bytearray(net.size)
    for way in net.chains:
        for bend in way.bends[:-1]:
            goes_on[bend] = 1
        if pace.due():
            yield
    root = list(range(net.size))
    shift = [0.0] * net.size
    towards = net.down if upwards else net.up
    own = net.own_down if upwards else net.own_up
    ranks = range(1, len(net.layers)) if upwards else range(len(net.layers) - 2, -1, -1)
    for rank in ranks:
        layer = net.layers[rank]
        limit = -1 if rightwards else len(index)
        for one in layer if rightwards else reversed(layer):
            ends = towards[one]
            many = len(ends)
            if not many:
                continue
            if many == 1:
                choices: tuple[int, ...] = (0,)
                ranked = [0]
            else:
                ranked = sorted(range(many), key=lambda k: (index[node[ends[k]]], at[ends[k]]))
                if not upwards:  # the main flow goes straight; leaves have no say in it
                    ranked = [k for k in ranked if not side[node[ends[k]]]] or ranked
                elif one >= count:  # a chain goes on straight; what branches off it has no say either
                    ranked = [k for k in ranked if node[ends[k]] >= count] or ranked
                low, high = (len(ranked) - 1) // 2, len(ranked) // 2
                choices = (low,) if low == high else ((low, high) if rightwards else (high, low))
            mine = own.get(one)
            for choice in choices:
                end = ends[ranked[choice]]
                other = node[end]
                place = index[other]
                if not (place > limit if rightwards else place < limit):
                    continue
                if goes_on[other] and one < count and not upwards:
                    continue
                if upwards and side[one] and not all(side[node[above]] for above in net.up[other]):
                    continue
                if conflicts and ((other, one) if upwards else (one, other)) in conflicts:
                    continue
                root[one] = root[other]
                shift[one] = shift[other] + at[end] - (at[mine[ranked[choice]]] if mine else 0.0)
                limit = place
                break
            if pace.due():
                yield
    return root, shift


def _compacted(
    net: Net, beside: Beside, root: list[int], shift: list[float], rightwards: bool, pace: Pace,
) -> Generator[None, None, Floats]:
    """Places of all nodes: blocks as far left (or right) as they can be, then pulled towards their neighbours of the other side."""
    roots, shifts = np.array(root), np.array(shift)
    low, high = roots[beside.left], roots[beside.right]
    distances = beside.distance + shifts[beside.left] - shifts[beside.right]
    if not rightwards:
        low, high = high, low
    if pace.due():
        yield
    sort = np.argsort(low, kind="stable")
    follows, distance = high[sort].tolist(), distances[sort].tolist()
    begin = np.concatenate(([0], np.cumsum(np.bincount(low, minlength=net.size)))).tolist()
    if pace.due():
        yield
    waits = np.bincount(high, minlength=net.size)
    order = np.flatnonzero((roots == np.arange(net.size)) & (waits == 0)).tolist()
    waiting = waits.tolist()
    place = [0.0] * net.size
    for one in order:
        here = place[one]
        for link in range(begin[one], begin[one + 1]):
            other = follows[link]
            reach = here + distance[link]
            if reach > place[other]:
                place[other] = reach
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
        if pace.due():
            yield
    for one in reversed(order):
        first, last = begin[one], begin[one + 1]
        if first < last:
            room = min([place[follows[link]] - distance[link] for link in range(first, last)])
            if room > place[one]:
                place[one] = room
        if pace.due():
            yield
    places = np.array(place)[roots]
    result: Floats = (places if rightwards else -places) + shifts
    return result


def placed(net: Net, pace: Pace) -> Generator[None, None, list[float]]:
    """The centre of every node along its layer."""
    index = [0] * net.size
    for layer in net.layers:
        for place, one in enumerate(layer):
            index[one] = place
        if pace.due():
            yield
    breadth = np.array(net.breadth)
    beside = _beside(net, breadth)
    if pace.due():
        yield
    conflicts = yield from _conflicts(net, index, pace)
    side = yield from _side(net, pace)
    ways: list[Floats] = []
    for upwards in (False, True):
        for rightwards in (True, False):
            root, shift = yield from _blocks(net, index, conflicts, side, upwards, rightwards, pace)
            ways.append((yield from _compacted(net, beside, root, shift, rightwards, pace)))
    places, half = np.stack(ways), breadth / 2
    lows, highs = (places - half).min(axis=1), (places + half).max(axis=1)
    narrow = int(np.argmin(highs - lows))
    for row in range(4):
        places[row] += lows[narrow] - lows[row] if row % 2 == 0 else highs[narrow] - highs[row]
    if pace.due():
        yield
    places.sort(axis=0)
    middle = (places[1] + places[2]) / 2
    if (middle + half).max() - (middle - half).min() > WIDER * (highs[narrow] - lows[narrow]):
        middle = ways[narrow]
    if pace.due():
        yield
    result: list[float] = (middle - (middle - half).min()).tolist()
    return result
