"""What the looks of a view need and its capture tells: made once in the worker, read in the GUI thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from visualizer.base.roles import Role
from visualizer.experiments.graph.folding import CHUNK, folded
from visualizer.experiments.graph.model import Backward, Capture, Graph, Node
from visualizer.experiments.graph.view_model import GraphView, Item

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.experiments.graph.model import Ints
    from visualizer.figures.graph import Bools, GraphDrawing
    from visualizer.figures.model import Floats

K = TypeVar("K")
V = TypeVar("V")

_known: WeakKeyDictionary[GraphView, Prepared] = WeakKeyDictionary()
#: Answers to so many searches and paths are kept.
_KEPT = 16


@dataclass(eq=False)
class Prepared:
    """By row of items, unless said otherwise.

    Attributes:
        roles: index into the table of roles; ``kinds_present``: those that occur.
        gradient: the largest norm of the gradients that arrive at its nodes; NaN: none does.
        memory: bytes kept for backward; a tensor that several nodes keep counts at the first.
        seconds: that the engine took for its nodes; NaN: not measured.
        texts: in lower case, what a search looks through.
        titles: in lower case, the names of its nodes, each after a line break; all different ones, and which one each row has.
        folded: by node, whether it is folded into another.
        users: by folded AccumulateGrad, the nodes that use it.
        reading: rank of each row, line by line.
        forth, back: the edges of the graph by source and by target.
        notes: where the forward pass failed, where NaN or infinity came first.
    """

    view: GraphView
    roles: Ints
    kinds_present: tuple[int, ...]
    gradient: Floats
    memory: Floats
    seconds: Floats
    texts: list[str]
    titles: tuple[list[str], Ints]
    folded: NDArray[np.bool_]
    users: dict[int, tuple[int, ...]]
    reading: NDArray[np.int64]
    forth: csr_array
    back: csr_array
    notes: tuple[tuple[int, str, Role], ...]
    rows: dict[int, int] = field(init=False)
    _found: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _without: dict[str, Bools | None] = field(default_factory=dict)
    _paths: dict[int, tuple[Bools, tuple[int, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows = {item.ident: row for row, item in enumerate(self.view.items)}

    def row_of(self, ident: int) -> int | None:
        """The row that shows what this ident names; a node that is folded away is shown by the box that it is in."""
        return next(iter(self.rows_of(ident)), None)

    def rows_of(self, ident: int) -> tuple[int, ...]:
        """As :meth:`row_of`; a folded leaf is shown by all nodes that use it."""
        if ident in self.rows:
            return (self.rows[ident],)
        if not 0 <= ident < len(self.view.item_of):
            return ()
        nodes = self.users.get(ident, (ident,)) if self.folded[ident] else (ident,)
        rows = dict.fromkeys(int(self.view.item_of[node]) for node in nodes)
        return tuple(row for row in rows if row >= 0)

    def found(self, text: str) -> tuple[int, ...]:
        """Rows whose text has this in it, in reading order."""
        words = text.strip().lower()
        if not words:
            return ()
        if words not in self._found:
            hits = np.asarray([row for row, told in enumerate(self.texts) if words in told], dtype=np.int64)
            _put(self._found, words, tuple(hits[np.argsort(self.reading[hits])].tolist()))
        return self._found[words]

    def without_kinds(self, kinds: str) -> Bools | None:
        """Which rows have no node whose name begins with one of these; None if no name is given."""
        if kinds not in self._without:
            names = [name.strip().lower() for name in kinds.split(",") if name.strip()]
            different, which = self.titles
            fits = np.asarray([any("\n" + name in told for name in names) for told in different], dtype=np.bool_)
            _put(self._without, kinds, ~fits[which] if names else None)
        return self._without[kinds]

    def paths(self, ident: int) -> tuple[Bools, tuple[int, ...]]:
        """From where backward starts to what this ident names, and on to its leaves: rows, and links (by row)."""
        if ident not in self._paths:
            _put(self._paths, ident, self._traced(ident))
        return self._paths[ident]

    def _traced(self, ident: int) -> tuple[Bools, tuple[int, ...]]:
        view = self.view
        count = len(view.items)
        if ident in self.rows:
            item = view.items[self.rows[ident]]
            starts = [at for at in item.members if not self.folded[at]]
        else:
            starts = [ident] if ident < len(view.item_of) else []
        chosen = np.zeros(count, dtype=np.bool_)
        chosen[list(self.rows_of(ident))] = True
        both = chosen.copy()
        sides: list[NDArray[np.bool_]] = []
        for matrix in (self.back, self.forth):
            nodes = np.zeros(len(view.item_of), dtype=np.bool_)
            if starts:
                # A node before all of the chosen ones, so that one search is enough.
                reached = breadth_first_order(_with_start(matrix, starts), len(nodes), return_predecessors=False)
                nodes[reached[reached < len(nodes)]] = True
            nodes &= ~self.folded
            side = chosen.copy()
            side[view.item_of[nodes]] = True
            sides.append(side)
            both |= side
        links = np.zeros(len(view.source), dtype=np.bool_)
        for side in sides:
            links |= side[view.source] & side[view.target]
        return both, tuple(np.flatnonzero(links & (view.count > 0)).tolist())


def _put(store: dict[K, V], key: K, value: V) -> None:
    """Remember an answer; the oldest is forgotten when there are too many."""
    while len(store) >= _KEPT:
        store.pop(next(iter(store)))
    store[key] = value


def _with_start(matrix: csr_array, starts: list[int]) -> csr_array:
    """The matrix with one more node, which leads to these."""
    count = matrix.shape[0]
    indices = np.append(matrix.indices, np.asarray(sorted(starts), dtype=matrix.indices.dtype))
    indptr = np.append(matrix.indptr, len(indices))
    return csr_array((np.ones(len(indices), dtype=np.int8), indices, indptr), shape=(count + 1, count + 1))


def prepared_for(capture: Capture, view: GraphView, drawing: GraphDrawing) -> Prepared:
    """What was prepared for this view, or prepared now."""
    if view not in _known:
        for _ in preparing(capture, view, drawing):
            pass
    return _known[view]


def preparing(capture: Capture, view: GraphView, drawing: GraphDrawing) -> Generator[None, None, Prepared]:
    """Prepare a view; yields None every few milliseconds."""
    graph, backward = capture.graph, capture.backward
    before = _known.get(view)
    if before is not None:  # drawn before it was run backward: all else is as it was
        yield None
        gradient, seconds = _shown_numbers(graph, backward, view)
        yield None
        _known[view] = replace(before, gradient=gradient, seconds=seconds, notes=_notes(capture, view))
        return _known[view]
    parts = yield from folded(graph, any(item.badges for item in view.items))
    roles, texts, titles = [], [], []
    different: dict[str, int] = {}
    for row, item in enumerate(view.items):
        roles.append(_role(graph, item))
        texts.append((yield from _text(graph, item)))
        names = dict.fromkeys(graph.nodes[at].title for at in item.members) if item.members else \
            graph.leaves[item.leaf].names if item.leaf >= 0 else (graph.operations[item.operation].name.rpartition(".")[2],)
        titles.append(different.setdefault("".join("\n" + name for name in names).lower(), len(different)))
        if row % CHUNK == CHUNK - 1:
            yield None
    memory = yield from _memory(graph)
    yield None
    gradient, seconds = _shown_numbers(graph, backward, view)
    yield None
    count = len(view.items)
    inside = view.item_of >= 0
    rows = view.item_of[inside]
    kept = np.bincount(rows, weights=memory[inside], minlength=count).astype(np.float64)
    boxes = drawing.boxes
    reading = np.empty(count, dtype=np.int64)
    reading[np.lexsort((boxes.left, boxes.top))] = np.arange(count)
    size = len(graph.nodes)
    ends = graph.edges.source, graph.edges.target
    ones = np.ones(len(graph.edges), dtype=np.int8)
    forth = csr_array((ones, ends), shape=(size, size))
    back = csr_array((ones, ends[::-1]), shape=(size, size))
    yield None
    known = Prepared(
        view, np.asarray(roles, dtype=np.int32), tuple(sorted(set(roles))), gradient,
        kept, seconds,
        texts, (list(different), np.asarray(titles, dtype=np.int32)),
        parts.hidden, parts.users, reading, forth, back, _notes(capture, view),
    )
    _known[view] = known
    return known


def _shown_numbers(graph: Graph, backward: Backward | None, view: GraphView) -> tuple[Floats, Floats]:
    """By row, the largest norm of the gradients that arrive, and seconds."""
    gradient, seconds = _backward_numbers(graph, backward)
    count = len(view.items)
    inside = view.item_of >= 0
    rows = view.item_of[inside]
    largest = np.full(count, -1.0)
    np.maximum.at(largest, rows, np.nan_to_num(gradient[inside], nan=-1.0))
    spent, measured = (np.bincount(rows, weights=values, minlength=count)
                       for values in (np.nan_to_num(seconds[inside]), np.isfinite(seconds[inside])))
    return np.where(largest >= 0, largest, np.nan), np.where(measured > 0, spent, np.nan)


def _role(graph: Graph, item: Item) -> int:
    """Operation, leaf, start, custom function, folded group, not in the graph, failed."""
    if item.operation >= 0:
        return 6 if graph.operations[item.operation].error else 5
    if item.leaf >= 0:
        return 5
    if item.node < 0:
        return 4
    node = graph.nodes[item.node]
    if item.node in graph.roots:
        return 2
    return {"function": 0, "accumulate": 1, "custom": 3}[node.kind]


def _text(graph: Graph, item: Item) -> Generator[None, None, str]:
    """What a search for a box looks through; of a group, all that is in it."""
    if item.operation >= 0:
        operation = graph.operations[item.operation]
        words = [operation.name, *operation.variables, *(_shape(type_.shape) for type_ in operation.outputs)]
        return "\n".join((*words, *_place(graph, operation.call, operation.line))).lower()
    if item.leaf >= 0:
        return "\n".join((*graph.leaves[item.leaf].names, _shape(graph.leaves[item.leaf].type.shape))).lower()
    words = [*item.badges]
    for step, at in enumerate(item.members):
        words += _words(graph, graph.nodes[at])
        if step % CHUNK == CHUNK - 1:
            yield None
    return "\n".join(dict.fromkeys(words)).lower()


def _words(graph: Graph, node: Node) -> list[str]:
    return [node.name, *node.variables, *node.parameters, *(_shape(type_.shape) for type_ in node.outputs[:3]),
            *_place(graph, node.call, node.line)]


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def _place(graph: Graph, call: int, line: int) -> list[str]:
    words = [graph.calls[call].title] if call >= 0 else []
    if line >= 0:
        file, number, text = graph.lines[line]
        words.append(f"{file}:{number} {text}")
    return words


def _memory(graph: Graph) -> Generator[None, None, Floats]:
    """Bytes that each node keeps for backward, a storage that several keep at the first node only."""
    memory = np.zeros(len(graph.nodes))
    seen: set[int] = set()
    for at, node in enumerate(graph.nodes):
        for saved in node.saved:
            tensor = saved.tensor
            if tensor is None or tensor.storage in seen:
                continue
            if tensor.storage >= 0:
                seen.add(tensor.storage)
            memory[at] += tensor.kept
        if at % CHUNK == CHUNK - 1:
            yield None
    return memory


def _backward_numbers(graph: Graph, backward: Backward | None) -> tuple[Floats, Floats]:
    """By node, the norm of all that arrives, and seconds."""
    gradient, seconds = np.full(len(graph.nodes), np.nan), np.full(len(graph.nodes), np.nan)
    for step in backward.steps if backward is not None else ():
        norms = [one.norm for one in step.incoming if one is not None]
        if norms:
            gradient[step.node] = norms[0] if len(norms) == 1 else float(np.hypot.reduce(norms))
        seconds[step.node] = step.seconds
    return gradient, seconds


def _box_around(graph: Graph, view: GraphView, call: int) -> tuple[int, ...]:
    """The row of the closed group or repetition that hides what happens in this call; none: nothing does."""
    while call >= 0:
        for row, item in enumerate(view.items):
            if item.call >= 0 and item.node < 0 and any(call in _calls_of(graph, at) for at in item.members):
                return (row,)
        call = graph.calls[call].parent
    return ()


def _calls_of(graph: Graph, node: int) -> list[int]:
    """The calls that a node is in, from the innermost one."""
    found, call = [], graph.nodes[node].call
    while call >= 0:
        found.append(call)
        call = graph.calls[call].parent
    return found


def _notes(capture: Capture, view: GraphView) -> tuple[tuple[int, str, Role], ...]:
    from visualizer.experiments.graph.findings import first_nonfinite

    graph = capture.graph
    notes = [(row, "failed here", Role.BAD) for row, item in enumerate(view.items)
             if item.operation >= 0 and graph.operations[item.operation].error]
    if not notes:
        notes = [(row, "failed in here", Role.BAD) for operation in graph.operations if operation.error
                 for row in _box_around(graph, view, operation.call)]
    first = first_nonfinite(capture)
    if first is not None:
        row = int(view.item_of[first.node]) if first.node >= 0 else next(
            (row for row, item in enumerate(view.items) if 0 <= item.operation == first.operation), -1)
        if row >= 0:
            notes.append((row, f"{first.what} first here", Role.BAD))
    return tuple(notes)
