"""Folding parameters: the AccumulateGrad of a leaf, and the transpose that only carries the leaf to its user, become a badge.

A leaf that several nodes use is a badge on each of them. What backward starts from stays, whatever it is.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from visualizer.experiments.graph.model import Graph, Node

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.experiments.graph.model import Ints

#: Functions that only turn a leaf round on its way to the node that uses it.
CARRIERS = frozenset({"T", "Transpose", "Permute"})
#: A generator that works through so many nodes gives its turn away.
CHUNK = 512


@dataclass(frozen=True, eq=False)
class Folded:
    """What is folded into what.

    Attributes:
        hidden: by node, whether it is folded away.
        host: by node, the node that it is folded into (the first of those that use it); of any other node: itself.
        guests: by host, the nodes folded into it.
        badges: by node, names of the leaves folded into it, in the model's order; a leaf that it uses twice is there twice.
        leaves: the AccumulateGrads of the badges, one for one.
        users: by folded AccumulateGrad and by any other that has users, the nodes that use it.
    """

    hidden: NDArray[np.bool_]
    host: Ints
    guests: dict[int, tuple[int, ...]]
    badges: dict[int, tuple[str, ...]]
    leaves: dict[int, tuple[int, ...]]
    users: dict[int, tuple[int, ...]]


def badge_of(node: Node) -> str:
    """What a leaf is called: its names, of tied weights all of them; "leaf (2, 3)" without any."""
    if node.parameters:
        return " = ".join(node.parameters)
    return f"leaf ({', '.join(map(str, node.outputs[0].shape))})" if node.outputs else "leaf"


def folded(graph: Graph, fold: bool) -> Generator[None, None, Folded]:
    """Which nodes are badges; none if ``fold`` is false (the users of each AccumulateGrad are found all the same)."""
    count = len(graph.nodes)
    hidden = np.zeros(count, dtype=np.bool_)
    host = np.arange(count, dtype=np.int32)
    roots = set(graph.roots)
    order, start = (values.tolist() for values in graph.incoming)
    source, slot = graph.edges.source.tolist(), graph.edges.slot.tolist()
    leaving = np.bincount(graph.edges.source, minlength=count).tolist()
    rank = {leaf.node: at for at, leaf in enumerate(graph.leaves) if leaf.node >= 0}
    found: dict[int, list[tuple[int, int, int, str]]] = {}
    guests: dict[int, list[int]] = {}
    users: dict[int, tuple[int, ...]] = {}
    for at, node in enumerate(graph.nodes):
        if at % CHUNK == CHUNK - 1:
            yield None
        if node.kind != "accumulate":
            continue
        # All ways up from the leaf, through carriers, to the edges at which it is used.
        ends: list[tuple[int, int]] = []
        carriers: list[int] = []
        seen = {at}
        waiting = [at]
        for below in waiting:
            for edge in order[start[below]: start[below + 1]]:
                above = source[edge]
                carries = graph.nodes[above].title in CARRIERS and leaving[above] == 1 and above not in roots
                if not (fold and carries and start[above] < start[above + 1]):
                    ends.append((above, slot[edge]))
                elif above not in seen:
                    seen.add(above)
                    carriers.append(above)
                    waiting.append(above)
        users[at] = tuple(dict.fromkeys(user for user, _ in ends))
        if not fold or at in roots or not ends:
            continue
        first = min(user for user, _ in ends)
        for guest in (at, *carriers):
            hidden[guest] = True
            host[guest] = first
            guests.setdefault(first, []).append(guest)
        name = badge_of(node)
        for user, place in ends:
            found.setdefault(user, []).append((rank.get(at, len(rank)), place, at, name))
    return Folded(
        hidden, host, {at: tuple(sorted(inside)) for at, inside in guests.items()},
        {at: tuple(name for *_, name in sorted(names)) for at, names in found.items()},
        {at: tuple(leaf for *_, leaf, _ in sorted(names)) for at, names in found.items()}, users,
    )
