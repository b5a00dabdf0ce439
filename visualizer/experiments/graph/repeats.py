"""Equal blocks one after the other: found by what is in them, not by their names.

Two blocks are equal if their modules are of the same classes and have, in the order of the forward pass, the same operations with
results and leaves of the same types, joined by the same edges. One after the other means that each hands something to the next;
three equal layers side by side (query, key, value) are not a repetition. What repeats may be several elements long (Linear, ReLU,
Linear, ReLU, ...); the first module call in it names the repetition. Code without modules repeats as well, if that is long enough.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from visualizer.experiments.graph.folding import CHUNK, Folded
from visualizer.experiments.graph.grouping import TOP, Element, Tree
from visualizer.experiments.graph.model import NODES_IDENT, REPEAT_IDENT, Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What repeats is at most so many elements long.
LONGEST = 24
#: Bare nodes are worth a box from so many times, and so many nodes together.
BARE_TIMES, BARE_NODES = 3, 6


class Repeat(NamedTuple):
    """``times`` units of ``period`` elements each, from the element ``first`` on; ``call`` is the first call in them; -1: they are
    bare nodes, of which ``node`` is the first."""

    first: int
    period: int
    times: int
    call: int
    node: int = -1

    @property
    def ident(self) -> int:
        """What gestures call it."""
        return REPEAT_IDENT + self.call if self.call >= 0 else NODES_IDENT + self.node

    @property
    def stop(self) -> int:
        return self.first + self.period * self.times


@dataclass(frozen=True, eq=False)
class _Inner:
    """The edges between the elements of one block, by position in the tree's order; sorted by their source."""

    source: NDArray[np.int64]
    slot: NDArray[np.int64]
    target: NDArray[np.int64]
    target_slot: NDArray[np.int64]

    def within(self, start: int, stop: int) -> tuple[tuple[int, int, int, int], ...]:
        """Those with both ends among these positions, counted from the first of them."""
        low, high = np.searchsorted(self.source, (start, stop))
        kept = np.flatnonzero((self.target[low:high] >= start) & (self.target[low:high] < stop)) + low
        rows = (self.source[kept] - start, self.slot[kept], self.target[kept] - start, self.target_slot[kept])
        return tuple(sorted(zip(*(row.tolist() for row in rows), strict=True)))

    def joins(self, start: int, middle: int, stop: int) -> bool:
        """Whether an edge goes from the second range to the first."""
        low, high = np.searchsorted(self.source, (middle, stop))
        ends = self.target[low:high]
        return bool(((ends >= start) & (ends < middle)).any())


def repeats_of(graph: Graph, folded: Folded, tree: Tree) -> Generator[None, None, dict[int, list[Repeat]]]:
    """By block, the repetitions among its elements, in their order; they do not overlap."""
    inner = yield from _inner_edges(graph, tree)
    numbers: dict[Hashable, int] = {}
    sign = [0] * len(graph.nodes)
    for step, at in enumerate(tree.order):
        if step % CHUNK == CHUNK - 1:
            yield None
        sign[at] = numbers.setdefault(_node_sign(graph, folded, tree, at), len(numbers))
    signs: dict[int, int] = {}  # of blocks
    found: dict[int, list[Repeat]] = {}
    for step, call in enumerate([*sorted(tree.parent, reverse=True), TOP]):  # children before their parents
        elements = tree.elements[call]
        own = [sign[one.node] if one.node >= 0 else signs[one.call] for one in elements]
        start, stop = tree.span[call]
        if call != TOP:
            edges = inner[call].within(start, stop) if call in inner else ()
            signs[call] = numbers.setdefault(("block", graph.calls[call].type, tuple(own), edges), len(numbers))
        if len(elements) > 1:
            search = _Search(elements, own, inner.get(call), tree)
            found[call] = yield from search.run()
        if step % 64 == 63:
            yield None
    return found


def repeat_title(graph: Graph, calls: Sequence[int], nodes: Sequence[int] = ()) -> str:
    """What repeats: the classes of these calls, and the first and last path: "Linear + ReLU, 0 … 5"; without calls, the nodes."""
    if not calls:
        names = list(dict.fromkeys(graph.nodes[at].title for at in nodes))
        return " + ".join(names[:3]) + (" + …" if len(names) > 3 else "")
    types = list(dict.fromkeys(graph.calls[call].type for call in calls))
    paths = [graph.calls[call].path for call in calls]
    kinds = " + ".join(types[:3]) + (" + …" if len(types) > 3 else "")
    where = f"{paths[0]} … {paths[-1]}" if paths[0] != paths[-1] else paths[0]
    return f"{kinds}, {where}" if where else kinds


def _node_sign(graph: Graph, folded: Folded, tree: Tree, at: int) -> Hashable:
    node = graph.nodes[at]
    leaves = tuple(graph.nodes[leaf].outputs for leaf in folded.leaves.get(at, ()))
    kind = graph.calls[node.call].type if 0 <= node.call != tree.home[at] else ""
    # Without a number its place in the forward pass is not known: equal to nothing.
    return "node", node.name, node.outputs, kind, leaves, at if node.sequence < 0 else -1


def _inner_edges(graph: Graph, tree: Tree) -> Generator[None, None, dict[int, _Inner]]:
    """Edges by the smallest block that holds both ends."""
    position = np.asarray(tree.position, dtype=np.int64)
    source, target = position[graph.edges.source], position[graph.edges.target]
    drawn = np.flatnonzero((source >= 0) & (target >= 0))
    depth = {TOP: 0}
    for call in sorted(tree.parent):
        depth[call] = depth[tree.parent[call]] + 1
    home = tree.home
    common: dict[tuple[int, int], int] = {}
    blocks = np.empty(len(drawn), dtype=np.int64)
    for row, (a, b) in enumerate(zip(graph.edges.source[drawn].tolist(), graph.edges.target[drawn].tolist(), strict=True)):
        one, other = home[a], home[b]
        if one != other:
            pair = (one, other)
            if pair not in common:
                while one != other:
                    if depth[one] >= depth[other]:
                        one = tree.parent[one]
                    else:
                        other = tree.parent[other]
                common[pair] = one
            one = common[pair]
        blocks[row] = one
        if row % (4 * CHUNK) == 4 * CHUNK - 1:
            yield None
    sort = np.lexsort((source[drawn], blocks))
    drawn, blocks = drawn[sort], blocks[sort]
    names, starts = np.unique(blocks, return_index=True)
    stops = [*starts[1:].tolist(), len(blocks)][: len(names)]  # without any edge there is no block
    columns = (source, graph.edges.slot.astype(np.int64), target, graph.edges.target_slot.astype(np.int64))
    return {
        name: _Inner(*(column[drawn[low:high]] for column in columns))
        for name, low, high in zip(names.tolist(), starts.tolist(), stops, strict=True)
    }


class _Search:
    """Repetitions among the elements of one block, from the first on, each as long as it can be."""

    def __init__(self, elements: list[Element], signs: list[int], inner: _Inner | None, tree: Tree) -> None:
        self.elements, self.inner, self.tree = elements, inner, tree
        self.signs = np.asarray(signs, dtype=np.int64)
        ends = [tree.span[one.call] if one.node < 0 else (tree.position[one.node], tree.position[one.node] + 1) for one in elements]
        self.starts = [start for start, _ in ends] + [ends[-1][1]]

    def run(self) -> Generator[None, None, list[Repeat]]:
        count = len(self.elements)
        longest = min(LONGEST, count // 2)
        if self.inner is None or not longest:
            return []
        # times[p - 1, i]: how many units of p elements follow each other from i on, by the signs of the elements.
        times = np.ones((longest, count), dtype=np.int32)
        for period in range(1, longest + 1):
            same = self.signs[period:] == self.signs[:-period]
            differs = np.flatnonzero(~same)
            nexts = np.append(differs, len(same))[np.searchsorted(differs, np.arange(len(same)))]
            times[period - 1, : len(same)] += ((nexts - np.arange(len(same))) // period).astype(np.int32)
        yield None
        covered = times * np.arange(1, longest + 1, dtype=np.int32)[:, None]
        covered[times < 2] = 0
        covered[~self._near(longest)] = 0
        candidates = covered.max(axis=0) > 0
        found: list[Repeat] = []
        at = 0
        for step in range(count):
            if step < at or not candidates[step]:
                continue
            at = step
            for period in np.argsort(-covered[:, at], kind="stable").tolist():
                if not covered[period, at]:
                    break
                repeat = yield from self._checked(at, period + 1, int(times[period, at]))
                if repeat is not None:
                    found.append(repeat)
                    at = repeat.stop
                    break
            yield None
        return found

    def _near(self, longest: int) -> NDArray[np.bool_]:
        """``[p - 1, i]``: whether an element of the second unit of p from i on hands something to one less than 2 p before it.

        What does not cannot repeat; to ask each unit for its edges would take seconds where thousands stand side by side.
        """
        assert self.inner is not None
        count = len(self.elements)
        gap = np.full(count + longest + 1, 2 * count + 1, dtype=np.int64)
        source, target = (np.searchsorted(self.starts, ends, side="right") - 1 for ends in (self.inner.source, self.inner.target))
        np.minimum.at(gap, source[source > target], (source - target)[source > target])
        found = np.zeros((longest, count), dtype=np.bool_)
        least = gap[:count].copy()  # of the p elements from each on
        for period in range(1, longest + 1):
            if period > 1:
                least = np.minimum(least, gap[period - 1: period - 1 + count])
            found[period - 1, : count - period] = least[period:] < 2 * period
        return found

    def _checked(self, first: int, period: int, times: int) -> Generator[None, None, Repeat | None]:
        """As many units as are joined in the same way; None if that is too few."""
        call = next((one.call for one in self.elements[first: first + period] if one.call >= 0), -1)
        if self.inner is None:
            return None
        cuts = self.starts[first: first + period * times + 1: period]
        edges = self.inner.within(cuts[0], cuts[1])
        same = 1
        while same < times and self.inner.joins(cuts[same - 1], cuts[same], cuts[same + 1]) \
                and self.inner.within(cuts[same], cuts[same + 1]) == edges:
            same += 1
            if same % 64 == 0:
                yield None
        if call < 0:
            node = self.elements[first].node
            return Repeat(first, period, same, -1, node) if same >= BARE_TIMES and same * period >= BARE_NODES else None
        # Two single nodes in one box would hide more than they save.
        least = 2 if cuts[1] - cuts[0] > 1 else 3
        return Repeat(first, period, same, call) if same >= least else None
