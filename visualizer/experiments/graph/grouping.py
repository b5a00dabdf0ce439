"""The module calls of a graph as a tree of blocks: what is inside what, in the order of the forward pass.

A call that holds a single thing (one node, or one other call) is not worth a frame: that thing stands for it. So every block that
is left has at least two elements. An AccumulateGrad belongs to the smallest block that holds all nodes which use its leaf.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from visualizer.experiments.graph.folding import CHUNK, Folded
from visualizer.experiments.graph.model import Call, Graph

#: The block that is everything.
TOP = -1


class Element(NamedTuple):
    """A node or, if ``node`` is -1, the block of a call. ``call`` of a node: the call that it stands for, or -1."""

    node: int
    call: int


@dataclass(frozen=True, eq=False)
class Tree:
    """Blocks and what is in them.

    Attributes:
        elements: by block (:data:`TOP` is everything), in the order of the forward pass.
        parent: by call that is a block, its block.
        home: by node, its block; of a folded AccumulateGrad the smallest that holds all its users.
        order: the nodes that are drawn, block by block; ``position`` is the inverse, -1 for folded ones.
        span: by block, the first and one past the last of its nodes in ``order``.
    """

    elements: dict[int, list[Element]]
    parent: dict[int, int]
    home: list[int]
    order: list[int]
    position: list[int]
    span: dict[int, tuple[int, int]]


def tree_of(graph: Graph, folded: Folded) -> Generator[None, None, Tree]:
    """The blocks of a graph."""
    calls = graph.calls
    depth = _depths(calls)
    raw = [node.call if node.call < len(calls) else TOP for node in graph.nodes]
    for leaf, users in folded.users.items():
        if users:
            raw[leaf] = _common([raw[user] for user in users], calls, depth)
    yield None
    visible = [at for at, gone in enumerate(folded.hidden.tolist()) if not gone]
    inside = [0] * len(calls)
    for at in visible:
        if raw[at] >= 0:
            inside[raw[at]] += 1
    for call in reversed(calls):
        if inside[call.index] and call.parent >= 0:
            inside[call.parent] += 1
    block: list[int] = []  # the call itself, or the block that it dissolves into
    parent: dict[int, int] = {}
    for call in calls:
        above = block[call.parent] if call.parent >= 0 else TOP
        block.append(call.index if inside[call.index] > 1 else above)
        if inside[call.index] > 1:
            parent[call.index] = above
    home = [block[call] if call >= 0 else TOP for call in raw]
    yield None

    # Sequence numbers grow with the forward pass; what has none (a leaf that backward starts from) comes last.
    late = 1 + max((graph.nodes[at].sequence for at in visible), default=0)
    first: dict[int, int] = dict.fromkeys(parent, late)
    elements: dict[int, list[Element]] = {TOP: [], **{call: [] for call in parent}}
    time: dict[Element, int] = {}
    for step, at in enumerate(visible):
        if step % CHUNK == CHUNK - 1:
            yield None
        sequence = graph.nodes[at].sequence
        element = Element(at, raw[at] if raw[at] != home[at] else -1)
        elements[home[at]].append(element)
        time[element] = sequence if sequence >= 0 else late
        if home[at] >= 0:
            first[home[at]] = min(first[home[at]], time[element])
    for index in sorted(parent, reverse=True):
        element = Element(-1, index)
        time[element] = first[index]
        elements[parent[index]].append(element)
        if parent[index] >= 0:
            first[parent[index]] = min(first[parent[index]], first[index])
    for inner in elements.values():
        inner.sort(key=lambda one: (time[one], one.call if one.node < 0 else -1, -one.node))
        yield None

    order: list[int] = []
    span: dict[int, tuple[int, int]] = {}
    waiting: list[Element | int] = [Element(-1, TOP)]
    while waiting:
        at_hand = waiting.pop()
        if isinstance(at_hand, int):  # all of this block has been written
            span[at_hand] = (span[at_hand][0], len(order))
        elif at_hand.node >= 0:
            order.append(at_hand.node)
        else:
            span[at_hand.call] = (len(order), len(order))
            waiting.append(at_hand.call)
            waiting.extend(reversed(elements[at_hand.call]))
    position = [-1] * len(graph.nodes)
    for place, at in enumerate(order):
        position[at] = place
    yield None
    return Tree(elements, parent, home, order, position, span)


def _depths(calls: Sequence[Call]) -> list[int]:
    depth: list[int] = []
    for call in calls:
        depth.append(depth[call.parent] + 1 if call.parent >= 0 else 0)
    return depth


def _common(found: Sequence[int], calls: Sequence[Call], depth: Sequence[int]) -> int:
    """The innermost call that is around all of these."""
    at, *others = found
    for other in others:
        while at != other:
            if at < 0 or other < 0:
                return TOP
            if depth[at] >= depth[other]:
                at = calls[at].parent
            else:
                other = calls[other].parent
    return at
