"""Places along the layers by Brandes and Köpf (Fast and Simple Horizontal Coordinate Assignment, GD 2001), with breadths and ports.

Nodes are aligned in vertical blocks with their median neighbours above or below, preferring left or right, chains of points first;
each of the four ways is made narrow over the graph of blocks, and every node gets the mean of its two middle places. Leaves and
other small side branches (a weight and its transpose) have no say in where the main flow goes, nor what branches off a chain.
"""

from __future__ import annotations

from collections.abc import Generator
from itertools import pairwise

from visualizer.experiments.graph.layout.net import Net
from visualizer.experiments.graph.layout.pace import Pace

#: Least distances between two boxes, between a box and a chain, between two chains.
BOXES, BESIDE, CHAINS = 24.0, 14.0, 10.0

#: The mean of all four ways is taken only if it is not so much wider than the narrowest of them.
WIDER = 1.3
#: So many layers above one another are a side branch at most.
BRANCH = 2


def gap(net: Net, left: int, right: int) -> float:
    """The least distance of the centres of two neighbours."""
    if left < net.count:
        least = BOXES if right < net.count else BESIDE
    else:
        least = BESIDE if right < net.count else CHAINS
    return (net.breadth[left] + net.breadth[right]) / 2 + least


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


def _side(net: Net) -> list[int]:
    """Nodes of small side branches: they and the few above them serve one single consumer, as a weight and its transpose do."""
    side = [0] * net.size
    for layer in reversed(net.layers):
        for one in layer:
            if one < net.count and len(net.down[one]) == 1:
                heights = [side[net.node[end]] for end in net.up[one]]
                if not heights or 0 < min(heights) <= max(heights) < BRANCH:
                    side[one] = max(heights, default=0) + 1
    return side


def _blocks(
    net: Net, index: list[int], conflicts: set[tuple[int, int]], side: list[int], upwards: bool, rightwards: bool, pace: Pace,
) -> Generator[None, None, tuple[list[int], list[float]]]:
    """Of every node the root of its block and its distance from it. ``upwards``: aligned with the layer below, going up."""
    node, at, count = net.node, net.at, net.count
    goes_on = bytearray(net.size)
    for chain in net.chains:
        for bend in chain.bends[:-1]:
            goes_on[bend] = 1
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
    net: Net, root: list[int], shift: list[float], rightwards: bool, pace: Pace,
) -> Generator[None, None, list[float]]:
    """Places of all nodes: blocks as far left (or right) as they can be, then pulled towards their neighbours of the other side."""
    follows: list[list[tuple[int, float]]] = [[] for _ in range(net.size)]
    precedes: list[list[tuple[int, float]]] = [[] for _ in range(net.size)]
    waiting = [0] * net.size
    for layer in net.layers:
        for left, right in pairwise(layer):
            low, high = root[left], root[right]
            distance = gap(net, left, right) + shift[left] - shift[right]
            follows[low].append((high, distance))
            precedes[high].append((low, distance))
        if pace.due():
            yield
    if not rightwards:
        follows, precedes = precedes, follows
    for links in follows:
        for other, _ in links:
            waiting[other] += 1
    order = [one for one in range(net.size) if root[one] == one and not waiting[one]]
    place = [0.0] * net.size
    sign = 1.0 if rightwards else -1.0
    for one in order:
        here = place[one]
        for other, distance in follows[one]:
            reach = here + distance
            if reach > place[other]:
                place[other] = reach
            waiting[other] -= 1
            if not waiting[other]:
                order.append(other)
        if pace.due():
            yield
    for one in reversed(order):
        if follows[one]:
            place[one] = max(place[one], min([place[other] - distance for other, distance in follows[one]]))
    return [sign * place[root[one]] + shift[one] for one in range(net.size)]


def placed(net: Net, pace: Pace) -> Generator[None, None, list[float]]:
    """The centre of every node along its layer."""
    index = [0] * net.size
    for layer in net.layers:
        for place, one in enumerate(layer):
            index[one] = place
    conflicts = yield from _conflicts(net, index, pace)
    side = _side(net)
    ways: list[list[float]] = []
    for upwards in (False, True):
        for rightwards in (True, False):
            root, shift = yield from _blocks(net, index, conflicts, side, upwards, rightwards, pace)
            ways.append((yield from _compacted(net, root, shift, rightwards, pace)))
    import numpy as np

    places = np.array(ways)
    breadth = np.array(net.breadth) / 2
    lows, highs = (places - breadth).min(axis=1), (places + breadth).max(axis=1)
    narrow = int(np.argmin(highs - lows))
    for row in range(4):
        places[row] += lows[narrow] - lows[row] if row % 2 == 0 else highs[narrow] - highs[row]
    places.sort(axis=0)
    middle = (places[1] + places[2]) / 2
    width = (middle + breadth).max() - (middle - breadth).min()
    if width > WIDER * (highs[narrow] - lows[narrow]):
        middle = np.array(ways[narrow])
    result: list[float] = (middle - (middle - breadth).min()).tolist()
    return result
