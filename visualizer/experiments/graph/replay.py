"""A recorded run of forward and backward, to be looked at in any position: what there is, what has run, what waits.

Positions count from 0: nothing is recorded yet; 1 to ``forward``: so many operations are recorded; after that each position is the
next node that the engine ran. Everything is derived from when each node was made and when it ran, so that any position costs a few
comparisons of arrays, whatever came before it.

The engine keeps the nodes that have all their gradients in a queue with priorities (``ReadyQueue`` in
torch/csrc/autograd/engine.h): the node whose forward operation was recorded last comes first, and an AccumulateGrad before all. A
node enters when the last of its gradients has arrived; undefined ones count, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from visualizer.experiments.graph.model import Backward, Graph, Preview, Step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.experiments.graph.model import Ints

    Bools = NDArray[np.bool_]

#: The position of what never happens.
NEVER = np.iinfo(np.int32).max


class Moment(NamedTuple):
    """One operation of the forward pass: the nodes that it made, the last one holds its result; its index or -1."""

    nodes: tuple[int, ...]
    operation: int


class Join(NamedTuple):
    """A node that waits for gradients: so many of so many have arrived."""

    node: int
    arrived: int
    total: int


class Term(NamedTuple):
    """One gradient of the sum that a node is given: along which edge (-1: backward starts here), in which output of the node it
    arrives, which position brought it, and what it is (None: undefined, or not there yet)."""

    edge: int
    slot: int
    position: int
    gradient: Preview | None


@dataclass(frozen=True, eq=False)
class Position:
    """One position.

    Attributes:
        index: which.
        moment: the operation that is recorded now; None at the start and in backward.
        step: which step of the engine runs now; -1 in the forward pass.
        exists, done: by node: recorded; run by backward (the one that runs now is done).
        ready: the queue after this position, the node that runs next first.
        waiting: nodes at which some gradients have arrived, but not all.
        flowing: edges on which the node that runs now sends a gradient.
        filled: leaves whose ``.grad`` has been written by now, in the order in which that happened.
    """

    index: int
    moment: Moment | None
    step: int
    exists: Bools
    done: Bools
    ready: tuple[int, ...]
    waiting: tuple[Join, ...]
    flowing: tuple[int, ...]
    filled: tuple[int, ...]


class Replay:
    """Forward and backward of one graph.

    Args:
        graph: the graph.
        backward: a run of the engine on it; None: only the forward pass is replayed.

    Attributes:
        moments: the operations of the forward pass, in order.
        steps: of the engine, in order.
        created, ran, ready: by node, the position at which it was recorded, ran, and entered the queue; NEVER: it did not.
    """

    def __init__(self, graph: Graph, backward: Backward | None) -> None:
        self.graph = graph
        self.backward = backward
        self.steps: tuple[Step, ...] = backward.steps if backward is not None else ()
        self.moments = _moments(graph)
        count = len(graph.nodes)
        edges = graph.edges
        self.created = _created(graph, self.moments)
        self.ran = np.full(count, NEVER, dtype=np.int32)
        order = np.fromiter((step.node for step in self.steps), dtype=np.int32, count=len(self.steps))
        self.ran[order] = np.arange(len(order), dtype=np.int32) + self.forward + 1
        # A root waits for the gradient that backward starts with, as if it came along an edge.
        self._begins = np.bincount(np.array(graph.roots, dtype=np.int64), minlength=count)
        self._arrivals = np.bincount(edges.target, minlength=count) + self._begins
        first = np.full(count, NEVER, dtype=np.int32)
        np.minimum.at(first, edges.target, self.ran[edges.source])
        last = np.full(count, -1, dtype=np.int32)
        np.maximum.at(last, edges.target, self.ran[edges.source])
        for root in graph.roots:
            first[root] = min(int(first[root]), self.forward)
            last[root] = max(int(last[root]), self.forward)
        last[last < 0] = NEVER
        self._first, self.ready = first, last
        sequence = np.array([NEVER if node.kind == "accumulate" else node.sequence for node in graph.nodes], dtype=np.int64)
        #: All nodes as the queue sorts them. Of several AccumulateGrads any may come first: as it was.
        self._order = np.lexsort((self.ran, -sequence)).astype(np.int32)

    @property
    def forward(self) -> int:
        """The last position of the forward pass: everything is recorded, and the roots are ready."""
        return len(self.moments)

    @property
    def last(self) -> int:
        """The last position."""
        return self.forward + len(self.steps)

    def at(self, index: int) -> Position:
        """What there is at this position (clamped to those that there are)."""
        index = max(0, min(index, self.last))
        step = index - self.forward - 1
        backward = index >= self.forward and self.backward is not None
        flowing: tuple[int, ...] = ()
        if step >= 0:
            run = self.steps[step]
            sent = {slot for slot, gradient in enumerate(run.outgoing) if gradient is not None}
            flowing = tuple(edge for edge in self.edges_of(run.node) if int(self.graph.edges.slot[edge]) in sent)
        return Position(
            index, self.moments[index - 1] if 0 < index <= self.forward else None, max(step, -1),
            self.created <= index, self.ran <= index, self._queue(index) if backward else (),
            self._waiting(index) if backward else (), flowing, self._filled_until(index),
        )

    def _queue(self, index: int) -> tuple[int, ...]:
        waits = ((self.ready <= index) & (self.ran > index))[self._order]
        found: list[int] = self._order[waits].tolist()
        return tuple(found)

    def _waiting(self, index: int) -> tuple[Join, ...]:
        nodes = np.flatnonzero((self._first <= index) & (self.ready > index))
        if not nodes.size:
            return ()
        edges = self.graph.edges
        came = np.bincount(edges.target[self.ran[edges.source] <= index], minlength=len(self.created)) + self._begins
        return tuple(map(Join, nodes.tolist(), came[nodes].tolist(), self._arrivals[nodes].tolist()))

    @cached_property
    def _filled(self) -> tuple[Ints, Ints]:
        """Leaves in the order in which their ``.grad`` was written, and when."""
        leaves = {leaf.node: at for at, leaf in enumerate(self.graph.leaves) if leaf.node >= 0}
        found = [(at, leaves[step.node]) for at, step in enumerate(self.steps)
                 if step.node in leaves and any(gradient is not None for gradient in step.incoming)]
        when = np.array([at for at, _ in found], dtype=np.int32) + self.forward + 1
        return np.array([leaf for _, leaf in found], dtype=np.int32), when.astype(np.int32)

    def _filled_until(self, index: int) -> tuple[int, ...]:
        leaves, when = self._filled
        found: list[int] = leaves[:np.searchsorted(when, index, side="right")].tolist()
        return tuple(found)

    def edges_of(self, node: int) -> list[int]:
        """The edges that this node's gradients go along, by slot."""
        order, start = self.graph.outgoing
        found: list[int] = order[start[node]:start[node + 1]].tolist()
        return found

    def edges_to(self, node: int) -> list[int]:
        """The edges on which gradients come to this node."""
        order, start = self.graph.incoming
        found: list[int] = order[start[node]:start[node + 1]].tolist()
        return found

    def terms(self, node: int, index: int) -> tuple[Term, ...]:
        """What this node is given, edge by edge, in the order of arrival; what has not arrived at this position comes last."""
        start = self.backward.start if self.backward is not None else None
        found = [Term(-1, 0, self.forward, start) for _ in range(self.graph.roots.count(node))]
        edges = self.graph.edges
        for edge in sorted(self.edges_to(node), key=lambda edge: (int(self.ran[edges.source[edge]]), int(edges.slot[edge]))):
            when = int(self.ran[edges.source[edge]])
            gradient = None
            if when <= index:
                outgoing = self.steps[when - self.forward - 1].outgoing
                slot = int(edges.slot[edge])
                gradient = outgoing[slot] if slot < len(outgoing) else None
            found.append(Term(edge, int(edges.target_slot[edge]), when, gradient))
        return tuple(found)


def _moments(graph: Graph) -> tuple[Moment, ...]:
    """The functions in the order in which they were recorded; what one operation made is one moment."""
    functions = [node for node in graph.nodes if node.kind != "accumulate"]
    if all(node.sequence >= 0 for node in functions):
        functions.sort(key=lambda node: node.sequence)
    else:
        order = {node: at for at, node in enumerate(_from_the_leaves(graph))}
        functions.sort(key=lambda node: order[node.index])
    found: list[Moment] = []
    for node in functions:
        if found and node.operation >= 0 and found[-1].operation == node.operation:
            found[-1] = Moment((*found[-1].nodes, node.index), node.operation)
        else:
            found.append(Moment((node.index,), node.operation))
    return tuple(found)


def _from_the_leaves(graph: Graph) -> list[int]:
    """All nodes, each after those that its gradients go to."""
    edges = graph.edges
    left = np.bincount(edges.source, minlength=len(graph.nodes)).tolist()
    order, start = graph.incoming
    found = [node for node, count in enumerate(left) if count == 0]
    for node in found:
        for edge in order[start[node]:start[node + 1]].tolist():
            source = int(edges.source[edge])
            left[source] -= 1
            if left[source] == 0:
                found.append(source)
    return found


def _created(graph: Graph, moments: tuple[Moment, ...]) -> Ints:
    """By node the position at which it is there: an AccumulateGrad with the first function that uses its leaf."""
    first = [NEVER] * len(graph.nodes)
    for at, moment in enumerate(moments):
        for node in moment.nodes:
            first[node] = at + 1
    found = np.array(first, dtype=np.int32)
    used = found.copy()
    np.minimum.at(used, graph.edges.target, found[graph.edges.source])
    leaves = np.array([node.kind == "accumulate" for node in graph.nodes], dtype=np.bool_)
    found[leaves] = used[leaves]
    found[found == NEVER] = 0  # a leaf that is the loss itself
    return found
