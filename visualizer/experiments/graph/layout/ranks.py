"""Layers of the nodes of a flat graph: rank 0 is the lowest layer, every link goes from a lower rank to a higher one."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from visualizer.experiments.graph.layout.pace import Pace


def turned(count: int, source: Sequence[int], target: Sequence[int], pace: Pace) -> Generator[None, None, set[int]]:
    """Links that close a cycle: without them the graph has none. Found by a search in depth; none in a captured graph."""
    outgoing: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for link, (low, high) in enumerate(zip(source, target, strict=True)):
        outgoing[low].append(link)
        waiting[high] += 1
        if pace.due():
            yield
    free = [node for node in range(count) if not waiting[node]]
    seen = 0
    while free:  # peel off what is in no cycle: nearly always everything
        node = free.pop()
        seen += 1
        for link in outgoing[node]:
            high = target[link]
            waiting[high] -= 1
            if not waiting[high]:
                free.append(high)
        if pace.due():
            yield
    if seen == count:
        return set()
    back: set[int] = set()
    state = [0] * count  # 1: on the path, 2: done
    for root in range(count):
        if state[root]:
            continue
        state[root] = 1
        path = [(root, iter(outgoing[root]))]
        while path:
            node, rest = path[-1]
            for link in rest:
                high = target[link]
                if state[high] == 1:
                    back.add(link)
                elif not state[high]:
                    state[high] = 1
                    path.append((high, iter(outgoing[high])))
                    break
            else:
                state[node] = 2
                path.pop()
            if pace.due():
                yield
    return back


def ranks(
    count: int, source: Sequence[int], target: Sequence[int], lower: Sequence[int], upper: Sequence[int], pace: Pace,
) -> Generator[None, None, list[int]]:
    """Ranks of an acyclic graph, short links first of all.

    Longest paths from below put every node right above its highest consumer, which is as near as it can be. What is then still too
    low (it has more links upwards than downwards) is lifted towards its targets. Leaves of one consumer follow it.

    Args:
        lower, upper: nodes (ports) that must be in the lowest and in the highest layer; no other node is there.
    """
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for low, high in zip(source, target, strict=True):
        above[low].append(high)
        below[high].append(low)
        if pace.due():
            yield
    waiting = [len(nodes) for nodes in below]
    order = [node for node in range(count) if not waiting[node]]
    rank = [0] * count
    base = 1 if lower else 0
    bottom, top = set(lower), set(upper)
    for node in order:
        if node not in bottom:
            rank[node] = max(rank[node], base)
        follows = rank[node] + 1
        for high in above[node]:
            rank[high] = max(rank[high], follows)
            waiting[high] -= 1
            if not waiting[high]:
                order.append(high)
        if pace.due():
            yield
    free = {node for node in range(count) if not above[node] and len(below[node]) == 1}
    if pace.due():
        yield
    for node in reversed(order):
        if node in bottom or node in top:
            continue
        firm = [high for high in above[node] if high not in free and high not in top]
        if len(firm) > len(below[node]) or (firm and not below[node]):
            rank[node] = max(rank[node], min(rank[high] for high in firm) - 1)
        if pace.due():
            yield
    for node in free:
        rank[node] = rank[below[node][0]] + 1
    if upper:
        highest = max((rank[node] for node in range(count) if node not in top), default=-1) + 1
        for node in upper:
            rank[node] = highest
    return rank
