"""The order of the nodes in their layers: few crossings. A first order by a search in depth, then barycentres, layer by layer."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Generator

from visualizer.experiments.graph.layout.net import Net
from visualizer.experiments.graph.layout.pace import Pace

#: From so many nodes, points and links on there is only one first order, and fewer sweeps.
LARGE = 8_000


def first_order(net: Net, mirrored: bool, pace: Pace) -> Generator[None, None, None]:
    """Nodes in the order in which a search in depth from the lowest layers comes to them: a tree has no crossing then.

    ``mirrored``: the last link of a node is followed first, and the order is turned round.
    """
    layers: list[list[int]] = [[] for _ in net.layers]
    seen = [False] * net.size
    node, up, rank = net.node, net.up, net.rank
    for layer in net.layers:
        for root in layer:
            if seen[root]:
                continue
            seen[root] = True
            stack = [root]
            layers[rank[root]].append(root)
            trail = [reversed(up[root]) if mirrored else iter(up[root])]
            while stack:
                for end in trail[-1]:
                    above = node[end]
                    if not seen[above]:
                        seen[above] = True
                        layers[rank[above]].append(above)
                        stack.append(above)
                        trail.append(reversed(up[above]) if mirrored else iter(up[above]))
                        break
                else:
                    stack.pop()
                    trail.pop()
                if pace.due():
                    yield
    if mirrored:
        for layer in layers:
            layer.reverse()
    net.layers[:] = layers


def _place(net: Net, layer: list[int], position: list[float]) -> None:
    ports = net.ports
    for index, one in enumerate(layer):
        position[one] = index
        if one in ports:
            whole = max(net.breadth[one], 1.0)
            for end in ports[one]:
                position[end] = index + 0.9 * net.at[end] / whole


def crossings(net: Net, position: list[float], pace: Pace) -> Generator[None, None, int]:
    """How many pairs of links cross between neighbouring layers."""
    total = 0
    for layer in net.layers[1:]:
        pairs = []
        for one in layer:
            own = net.own_down.get(one)
            if own is None:
                place = position[one]
                pairs += [(place, position[end]) for end in net.down[one]]
            else:
                pairs += [(position[mine], position[end]) for mine, end in zip(own, net.down[one], strict=True)]
        if len(pairs) > 1:
            pairs.sort()
            passed: list[float] = []
            largest = -1.0
            for index, (_, place) in enumerate(pairs):
                if place >= largest:
                    largest = place
                    passed.append(place)
                else:
                    total += index - bisect_right(passed, place)
                    insort(passed, place)
                if not index & 255 and pace.due():
                    yield
        if pace.due():
            yield
    return total


def _sweep(
    net: Net, position: list[float], downwards: bool, mirrored: bool, pace: Pace,
) -> Generator[None, None, None]:
    layers = net.layers
    order = range(len(layers) - 2, -1, -1) if downwards else range(1, len(layers))
    towards = net.up if downwards else net.down
    for index in order:
        layer = layers[index]
        if len(layer) > 1:
            moving: list[tuple[float, int, int]] = []
            slots = []
            for slot, one in enumerate(layer):
                ends = towards[one]
                if ends:
                    if len(ends) == 1:
                        mean = position[ends[0]]
                    else:
                        mean = sum([position[end] for end in ends]) / len(ends)
                    moving.append((mean, -slot if mirrored else slot, one))
                    slots.append(slot)
            moving.sort()
            for slot, (_, _, one) in zip(slots, moving, strict=True):
                layer[slot] = one
            _place(net, layer, position)
        if pace.due():
            yield


def ordered(net: Net, pace: Pace) -> Generator[None, None, None]:
    """Order all layers of the net: sweeps of barycentres from two first orders; the best order of all is kept."""
    position = [0.0] * len(net.node)
    small = net.size + len(net.chain_of) < LARGE
    sweeps = 12 if small else 8
    best, kept = -1, net.layers
    for mirrored in (False, True):
        yield from first_order(net, mirrored, pace)
        for layer in net.layers:
            _place(net, layer, position)
        found = yield from crossings(net, position, pace)
        nearest, idle = found, 0
        for turn in range(sweeps + 1):
            if best < 0 or found < best:
                best, kept = found, [list(layer) for layer in net.layers]
            if not best or idle > 3 or turn == sweeps:
                break
            yield from _sweep(net, position, turn % 2 == 0, turn % 4 >= 2, pace)
            found = yield from crossings(net, position, pace)
            nearest, idle = (found, 0) if found < nearest else (nearest, idle + 1)
        if not best or not small:
            break
    net.layers[:] = kept
