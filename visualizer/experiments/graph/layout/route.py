"""Ways of the links of a flat graph whose nodes have their places along the layers, and the places of the layers themselves.

A layer is a band that is as deep as its deepest node. Links pass a band straight, where their chain keeps a place free, and bend
only between bands; lanes are beside everything. So no way meets a node that is not its end.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from heapq import heappop, heappush

from visualizer.experiments.graph.layout.net import Flat, Net
from visualizer.experiments.graph.layout.pace import Pace

#: Space between bands: at least, at most, and by how much it grows with the longest bend; straight piece at the ends of a bend.
LEAST, MOST, SLOPE, STUB = 34.0, 110.0, 0.14, 8.0
#: Between two ports of a box; the part of a box's side that has ports; beside the drawing and between two lanes.
PORTS, SIDE, LANE_MARGIN, LANE = 14.0, 0.6, 20.0, 10.0
#: Between the outermost band and the frame, if all links there are straight.
PLAIN = 6.0


@dataclass(eq=False)
class Sheet:
    """A flat graph drawn: left and upper sides of its nodes, the way of every link as x, y, x, y, ... from its source (below) to
    its target, and the size of all."""

    left: list[float]
    top: list[float]
    ways: list[list[float]]
    breadth: float = 0.0
    depth: float = 0.0


def _spread(wanted: list[tuple[float, bool]], middle: float, breadth: float) -> list[float]:
    """Places of ports on a side of a box, in order; wanted places are kept as far as they go (``True``: of a fixed thing)."""
    count = len(wanted)
    if count == 1:
        place, firm = wanted[0]
        return [place if firm and abs(place - middle) <= breadth * SIDE / 2 else middle]
    reach = max(breadth * SIDE, min(breadth * 0.92, PORTS * (count - 1))) / 2
    step = min(PORTS, 2 * reach / (count - 1))
    places = []
    last = middle - reach - step
    for place, _ in wanted:
        last = max(last + step, min(max(place, middle - reach), middle + reach))
        places.append(last)
    limit = middle + reach
    for index in range(count - 1, -1, -1):
        if places[index] <= limit:
            break
        places[index] = limit
        limit -= step
    return places


def _ports(net: Net, flat: Flat, x: list[float], pace: Pace) -> Generator[None, None, tuple[list[float], list[float]]]:
    """Where every link leaves its source, and where every chain comes to its target."""
    leaving, coming = [0.0] * len(flat.source), [0.0] * len(net.chains)
    upper: dict[int, list[tuple[float, int, bool]]] = {}
    lower: dict[int, list[tuple[float, int, bool]]] = {}
    infinite = float("inf")
    for index, chain in enumerate(net.chains):
        target = chain.target
        place = flat.target_at[chain.links[0]]
        left = x[target] - net.breadth[target] / 2
        first = flat.source[chain.links[0]]
        first_at = flat.source_at[chain.links[0]]
        if place is not None:
            coming[index] = left + place
        elif chain.lane:
            lower.setdefault(target, []).append((infinite, index, False))
        elif chain.bends:
            lower.setdefault(target, []).append((x[chain.bends[0]], index, True))
        elif first_at is not None:
            lower.setdefault(target, []).append((x[first] - net.breadth[first] / 2 + first_at, index, True))
        else:
            lower.setdefault(target, []).append((x[first], index, False))
        for link in chain.links:
            source = flat.source[link]
            own = flat.source_at[link]
            passed = net.rank[target] - net.rank[source] - 1
            if own is not None:
                leaving[link] = x[source] - net.breadth[source] / 2 + own
            elif chain.lane:
                upper.setdefault(source, []).append((infinite, link, False))
            elif passed:
                upper.setdefault(source, []).append((x[chain.bends[passed - 1]], link, True))
            elif place is not None:
                upper.setdefault(source, []).append((left + place, link, True))
            else:
                upper.setdefault(source, []).append((x[target], link, False))
        if pace.due():
            yield
    for node, wanted in lower.items():
        wanted.sort()
        places = _spread([(place, firm) for place, _, firm in wanted], x[node], net.breadth[node])
        for (_, index, _), at in zip(wanted, places, strict=True):
            coming[index] = at
        if pace.due():
            yield
    for node, wanted in upper.items():
        wanted.sort()
        places = _spread([(place, firm) for place, _, firm in wanted], x[node], net.breadth[node])
        for (_, link, _), at in zip(wanted, places, strict=True):
            leaving[link] = at
        if pace.due():
            yield
    return leaving, coming


def _lanes(net: Net, flat: Flat, right: float) -> dict[int, float]:
    """The place of every lane; lanes that are beside different layers share one."""
    spans = []
    for index, chain in enumerate(net.chains):
        if chain.lane:
            ranks = [net.rank[flat.source[link]] for link in chain.links]
            ranks.append(net.rank[chain.target])
            spans.append((min(ranks) - 1, max(ranks) + 1, index))
    spans.sort()
    busy: list[tuple[int, int]] = []
    tracks, result = 0, {}
    for low, high, index in spans:
        if busy and busy[0][0] < low:
            track = heappop(busy)[1]
        else:
            track, tracks = tracks, tracks + 1
        heappush(busy, (high, track))
        result[index] = right + LANE_MARGIN + LANE * track
    return result


def routed(
    net: Net, flat: Flat, x: list[float], depth: list[float], pace: Pace,
) -> Generator[None, None, Sheet]:
    """The drawing of a net whose nodes have the centres x."""
    leaving, coming = yield from _ports(net, flat, x, pace)
    layers, rank = net.layers, net.rank
    right = max((place + breadth / 2 for place, breadth in zip(x, net.breadth, strict=True)), default=0.0)
    if pace.due():
        yield
    lanes = _lanes(net, flat, right)
    if pace.due():
        yield

    # How far links go sideways above every layer; space above a layer is counted with it.
    spans = [0.0] * (len(layers) + 1)
    low_used = high_used = False
    runs: list[list[tuple[int, float]]] = []  # of every chain: from which of its points on it is where
    for index, chain in enumerate(net.chains):
        run: list[tuple[int, float]] = []
        runs.append(run)
        top = rank[chain.target]
        if chain.lane:
            low_used |= top == 0
            for link in chain.links:
                bottom = rank[flat.source[link]]
                high_used |= bottom == len(layers) - 1
                spans[bottom] = max(spans[bottom], 100.0)
            if top:
                spans[top - 1] = max(spans[top - 1], 100.0)
            continue
        last = coming[index]
        for place, bend in enumerate(chain.bends):
            here = x[bend]
            if not run or abs(here - last) > 1e-6:
                spans[top - 1 - place] = max(spans[top - 1 - place], abs(here - last))
                run.append((place, here))
                last = here
        for link in chain.links:
            bottom = rank[flat.source[link]]
            passed = top - bottom - 1
            above = x[chain.bends[passed - 1]] if passed else coming[index]
            spans[bottom] = max(spans[bottom], abs(above - leaving[link]))
        if pace.due():
            yield

    # Layers of nothing but ports, from which straight links come into the frame: they need no space of their own.
    border = [0 if layers and all(one < net.count and not depth[one] for one in layers[0]) else -1, len(layers)]
    if layers and all(one < net.count and not depth[one] for one in layers[-1]):
        border[1] = len(layers) - 1
    deep = [max((depth[one] for one in layer if one < net.count), default=0.0) for layer in layers]
    upper = [0.0] * len(layers)
    if pace.due():
        yield
    y = LEAST if high_used else 0.0
    for index in range(len(layers) - 1, -1, -1):
        upper[index] = y
        y += deep[index]
        if index:
            wide = spans[index - 1]
            if wide < 1e-6 and (index - 1 == border[0] or index == border[1]):
                y += PLAIN
            else:
                y += min(MOST, LEAST + max(0.0, SLOPE * (wide - 40.0)))
    total = y + (LEAST if low_used else 0.0)
    if pace.due():
        yield
    lower = [top + height for top, height in zip(upper, deep, strict=True)]

    tops = [0.0] * net.count
    for one in range(net.count):
        free = deep[rank[one]] - depth[one]
        if pace.due():
            yield
        share = 0.5 if net.up[one] and net.down[one] else 1.0 if net.down[one] else 0.0
        tops[one] = upper[rank[one]] + share * free

    ways: list[list[float]] = [[] for _ in flat.source]
    for index, chain in enumerate(net.chains):
        target = chain.target
        top, end = rank[target], coming[index]
        finish = [end, lower[top], end, tops[target] + depth[target]]
        for link in chain.links:
            source = flat.source[link]
            bottom, start = rank[source], leaving[link]
            way: list[float] = [start, tops[source], start, upper[bottom]]
            if chain.lane:
                lane = lanes[index]
                way += [start, upper[bottom] - STUB, lane, upper[bottom] - LEAST / 2, lane, lower[top] + LEAST / 2]
                way += [end, lower[top] + STUB]
            else:
                until = top - bottom - 1
                here = start
                for first, at in reversed(runs[index]):
                    if first >= until:
                        continue
                    lowest, highest = top - until, top - 1 - first
                    if abs(at - here) > 1e-6:
                        way += [here, upper[lowest - 1] - STUB, at, lower[lowest] + STUB]
                    way += [at, lower[lowest], at, upper[highest]]
                    here, until = at, first
                if abs(end - here) > 1e-6:
                    way += [here, upper[top - 1] - STUB, end, lower[top] + STUB]
            way += finish
            ways[link] = way
        if pace.due():
            yield
    left = [x[one] - net.breadth[one] / 2 for one in range(net.count)]
    breadth = max([right, *lanes.values()])
    if pace.due():
        yield
    return Sheet(left, tops, ways, breadth, total)
