"""Graph + how it is shown -> items, open groups and links: pure functions of plain data, in small steps.

Folding never makes a cycle. Recorded module calls are intervals of the forward pass, so closing them cannot; where calls were
guessed afterwards, or a node does not know its call, a closed box could stand both before and after something: then what lies
between goes into the box, and if that is another closed box, both stay open.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from visualizer.experiments.graph.folding import CHUNK, Folded, folded
from visualizer.experiments.graph.grouping import TOP, Element, Tree, tree_of
from visualizer.experiments.graph.model import GROUP_IDENT, LEAF_IDENT, OUTSIDE_IDENT, Graph
from visualizer.experiments.graph.repeats import Repeat, repeat_title, repeats_of
from visualizer.experiments.graph.requests import Shown
from visualizer.experiments.graph.view_model import GraphView, Group, Item

if TYPE_CHECKING:
    from visualizer.experiments.graph.model import Ints


def graph_view(graph: Graph, shown: Shown) -> Generator[None, None, GraphView]:
    """The items, groups and links of a graph; yields None every few milliseconds."""
    parts = yield from folded(graph, shown.fold != "none")
    tree: Tree | None = None
    if shown.fold == "modules" and (graph.calls or shown.repeats):
        tree = yield from tree_of(graph, parts)
        repeats = (yield from repeats_of(graph, parts, tree)) if shown.repeats else {}
        draft = yield from _without_cycles(graph, parts, tree, repeats, shown)
    else:
        draft = _Draft(len(graph.nodes))
        for at, gone in enumerate(parts.hidden.tolist()):
            if not gone:
                draft.add_node(at, parts, TOP)
            if at % CHUNK == CHUNK - 1:
                yield None
    _add_outside(graph, draft, tree, shown)
    yield None
    links = _links(graph, draft, parts)
    yield None
    if shown.outside:
        _add_leaves(graph, draft)
    hearsay = _forward_links(graph, draft)
    source, target, count = (np.concatenate((np.asarray(a, dtype=np.int32), np.asarray(b, dtype=np.int32)))
                             for a, b in zip(links, hearsay, strict=True))
    item_of = np.asarray(draft.item_of, dtype=np.int32)
    for array in (source, target, count, item_of):
        array.flags.writeable = False
    return GraphView(tuple(draft.items), tuple(draft.groups), source, target, count, item_of)


@dataclass(eq=False)
class _Draft:
    """Items and groups as they are made; ``open_calls``: by open call the row of its group."""

    nodes: int
    items: list[Item] = field(default_factory=list)
    groups: list[Group] = field(default_factory=list)
    open_calls: dict[int, int] = field(default_factory=dict)
    item_of: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.item_of = [-1] * self.nodes

    def add(self, item: Item) -> None:
        row = len(self.items)
        for at in item.members:
            self.item_of[at] = row
        self.items.append(item)

    def add_node(self, at: int, parts: Folded, group: int) -> None:
        self.add(Item(at, (at, *parts.guests.get(at, ())), node=at, group=group, badges=parts.badges.get(at, ()),
                      leaves=parts.leaves.get(at, ())))


@dataclass(frozen=True)
class _Closed:
    """What the search for cycles has decided: boxes that must stay open, and nodes that go into a closed box (by its ident)."""

    kept_open: frozenset[int] = frozenset()
    taken_in: tuple[tuple[int, int], ...] = ()


def _without_cycles(
    graph: Graph, parts: Folded, tree: Tree, repeats: dict[int, list[Repeat]], shown: Shown,
) -> Generator[None, None, _Draft]:
    closed = _Closed()
    while True:
        draft = yield from _draft(graph, parts, tree, repeats, shown, closed)
        yield None
        knots = _knots(graph, draft, parts)
        if not knots:
            return draft
        kept, taken = set(closed.kept_open), dict(closed.taken_in)
        for knot in knots:
            boxes = [draft.items[row] for row in knot if draft.items[row].node < 0]
            if len(boxes) == 1:
                taken.update((draft.items[row].node, boxes[0].ident) for row in knot if draft.items[row].node >= 0)
            else:
                kept.update(box.ident for box in boxes)
        # A node that was taken into a box that now stays open stands for itself again.
        closed = _Closed(frozenset(kept), tuple((node, box) for node, box in taken.items() if box not in kept))


def _knots(graph: Graph, draft: _Draft, parts: Folded) -> list[list[int]]:
    """Sets of items that lie on common cycles."""
    source, target, _ = _links(graph, draft, parts)
    count = len(draft.items)
    matrix = coo_array((np.ones(len(source), dtype=np.int8), (source, target)), shape=(count, count)).tocsr()
    found, label = connected_components(matrix, directed=True, connection="strong")
    if found == count:
        return []
    sizes = np.bincount(label)
    return [np.flatnonzero(label == one).tolist() for one in np.flatnonzero(sizes > 1).tolist()]


def _draft(
    graph: Graph, parts: Folded, tree: Tree, repeats: dict[int, list[Repeat]], shown: Shown, closed: _Closed,
) -> Generator[None, None, _Draft]:
    draft = _Draft(len(graph.nodes))
    taken = dict(closed.taken_in)
    extra: dict[int, list[int]] = {}
    for node, ident in closed.taken_in:
        extra.setdefault(ident, []).append(node)

    def is_open(ident: int, otherwise: bool) -> bool:
        return ident in closed.kept_open or otherwise != (ident in shown.toggled)

    def box(ident: int, elements: Sequence[Element], call: int, group: int, times: int = 1) -> Item:
        members = _members(elements, tree)
        known = set(members)
        members += [at for at in extra.get(ident, ()) if at not in known]
        # By leaf, not by name: those of code without modules may all be called the same.
        leaves = {leaf: name for at in members
                  for leaf, name in zip(parts.leaves.get(at, ()), parts.badges.get(at, ()), strict=True)}
        members += [guest for at in members for guest in parts.guests.get(at, ())]
        return Item(ident, tuple(members), call=call, group=group, badges=tuple(leaves.values()), times=times, leaves=tuple(leaves))

    # What is left to be done of a block, its elements, the row of its group, its depth; the innermost block is last.
    waiting: list[tuple[Iterator[Element | Repeat], list[Element], int, int]] = []

    def enter(elements: list[Element], found: Sequence[Repeat], group: int, depth: int) -> None:
        waiting.append((_pieces(elements, found), elements, group, depth))

    enter(tree.elements[TOP], repeats.get(TOP, ()), TOP, 0)
    worked = 0
    while waiting:
        pieces, elements, group, depth = waiting[-1]
        what = next(pieces, None)
        worked += 1
        if worked % CHUNK == 0:
            yield None
        if what is None:
            waiting.pop()
            continue
        if isinstance(what, Repeat):
            unit = elements[what.first: what.stop]
            ident = what.ident
            if is_open(ident, False):
                title = repeat_title(graph, [one.call for one in unit if one.call >= 0], [one.node for one in unit])
                draft.groups.append(Group(ident, -1, group, f"×{what.times} · {title}"))
                enter(unit, (), len(draft.groups) - 1, depth)
            else:
                draft.add(box(ident, unit, what.call, group, what.times))
        elif what.node >= 0:
            if what.node not in taken:
                draft.add_node(what.node, parts, group)
        elif is_open(GROUP_IDENT + what.call, depth < shown.level):
            draft.groups.append(Group(GROUP_IDENT + what.call, what.call, group, graph.calls[what.call].title))
            draft.open_calls[what.call] = len(draft.groups) - 1
            enter(tree.elements[what.call], repeats.get(what.call, ()), len(draft.groups) - 1, depth + 1)
        else:
            draft.add(box(GROUP_IDENT + what.call, [what], what.call, group))
    return draft


def _pieces(elements: list[Element], found: Sequence[Repeat]) -> Iterator[Element | Repeat]:
    """The elements in their order, those that repeat as one."""
    at = 0
    for repeat in found:
        yield from elements[at: repeat.first]
        yield repeat
        at = repeat.stop
    yield from elements[at:]


def _members(elements: Sequence[Element], tree: Tree) -> list[int]:
    """The nodes of these elements in the order of the forward pass."""
    members: list[int] = []
    for one in elements:
        if one.node >= 0:
            members.append(one.node)
        else:
            start, stop = tree.span[one.call]
            members += tree.order[start:stop]
    return members


def _links(graph: Graph, draft: _Draft, parts: Folded) -> tuple[Ints, Ints, Ints]:
    """Rows of source and target items, and how many edges: those of single nodes each, those of boxes together."""
    item_of = np.asarray(draft.item_of, dtype=np.int32)
    edges = graph.edges
    source, target = item_of[edges.source], item_of[edges.target]
    drawn = ~parts.hidden[edges.source] & ~parts.hidden[edges.target] & (source != target)
    source, target = source[drawn], target[drawn]
    single = np.asarray([item.node >= 0 for item in draft.items], dtype=np.bool_)
    # An edge between two nodes keeps its own name; all between the same two boxes have one.
    alone = single[source] & single[target]
    name = np.where(alone, -1 - np.arange(len(source)), source.astype(np.int64) * len(draft.items) + target)
    _, first, count = np.unique(name, return_index=True, return_counts=True)
    order = np.argsort(first)
    first = first[order]
    return source[first], target[first], count[order].astype(np.int32)


def _add_outside(graph: Graph, draft: _Draft, tree: Tree | None, shown: Shown) -> None:
    """Dashed items: the operations that are not in the graph, if they are wanted, and always the one that failed."""
    for operation in graph.operations:
        if operation.nodes or not (operation.error or (shown.outside and operation.reason)):
            continue
        group = TOP
        if tree is not None:
            call = operation.call
            while call >= 0 and call not in tree.parent:  # its call has no frame of its own
                call = graph.calls[call].parent
            if call >= 0 and call not in draft.open_calls:
                continue  # in a closed group
            group = draft.open_calls.get(call, TOP)
        draft.add(Item(OUTSIDE_IDENT + operation.index, (), operation=operation.index, group=group))


def _add_leaves(graph: Graph, draft: _Draft) -> None:
    """Dashed items: the leaves that are not in the graph and that an operation that is drawn has used."""
    drawn = {item.operation for item in draft.items if item.operation >= 0}
    used = {origin.name for operation in graph.operations if operation.nodes or operation.index in drawn
            for origin in operation.inputs if origin.operation < 0}
    for index, leaf in enumerate(graph.leaves):
        if leaf.node < 0 and not used.isdisjoint(leaf.names):
            draft.add(Item(LEAF_IDENT + index, (), leaf=index))


def _forward_links(graph: Graph, draft: _Draft) -> tuple[list[int], list[int], list[int]]:
    """From each operation that uses something to what made it, an operation or a leaf, if one of the two is not in the graph."""
    outside = {item.operation: row for row, item in enumerate(draft.items) if item.operation >= 0}
    leaves = {name: row for row, item in enumerate(draft.items) if item.leaf >= 0 for name in graph.leaves[item.leaf].names}
    if not outside and not leaves:
        return [], [], []
    inside = {name: draft.item_of[leaf.node] for leaf in graph.leaves if leaf.node >= 0 for name in leaf.names}

    def maker(index: int) -> int:
        nodes = graph.operations[index].nodes
        return outside[index] if index in outside else draft.item_of[nodes[-1]] if nodes else -1

    def user(index: int) -> int:
        """Of the nodes of an operation, the one that has an input without a gradient."""
        nodes = graph.operations[index].nodes
        lacking = next((node for node in nodes if graph.nodes[node].empty), nodes[-1] if nodes else -1)
        return outside[index] if index in outside else draft.item_of[lacking] if nodes else -1

    pairs: dict[tuple[int, int], None] = {}
    for operation in graph.operations:
        for origin in operation.inputs:
            if origin.operation >= 0:
                if operation.index not in outside and origin.operation not in outside:
                    continue
                made = maker(origin.operation)
            else:
                made = leaves.get(origin.name, inside.get(origin.name, -1) if operation.index in outside else -1)
            pair = user(operation.index), made
            if min(pair) >= 0 and pair[0] != pair[1]:
                pairs[pair] = None
    return [user for user, _ in pairs], [maker for _, maker in pairs], [0] * len(pairs)
