"""The graph that autograd has built, walked and turned into plain data. Nothing is run, no hook, and nothing recurses.

The walk is breadth first along ``next_functions``. Every node is held while it is walked: autograd makes a Python object for a node
when it is asked for, and the ``id`` of one that was dropped is used again.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from visualizer.experiments.graph.custom_functions import defined_at
from visualizer.experiments.graph.holding import Live
from visualizer.experiments.graph.leaves import Leaves, leaves_of
from visualizer.experiments.graph.model import Edges, Graph, Kind, Node, Preview, TensorType
from visualizer.experiments.graph.naming import guessed_calls
from visualizer.experiments.graph.preview_batch import Batch
from visualizer.experiments.graph.previews import Storages, budget, dtype_name
from visualizer.experiments.graph.recording_protocol import Made, Recorded
from visualizer.experiments.graph.saved import Reader

if TYPE_CHECKING:
    from visualizer.experiments.graph.model import Ints

Root = Tensor | GradientEdge

#: Seconds between two yields, as far as torch allows.
SLICE = 0.004

FREED_NOTE = (
    "Backward has already run on this graph and has freed what it kept. What was saved can no longer be shown, and backward "
    "cannot be stepped. Leave loss.backward() out, for it is run here anyway; or capture the graph before it, or call "
    "loss.backward(retain_graph=True)."
)
HIDDEN_NOTE = (
    "Some saved tensors are packed by a hook, as a checkpoint does. They are not shown: to look at them would run the hook, and "
    "under a checkpoint the forward pass again."
)
CHANGED_NOTE = "A tensor that the graph has saved was changed in place afterwards; backward will refuse it."

_NO_SEQUENCE = 2**63
_UNKNOWN = Made()


@dataclass(frozen=True, eq=False)
class Walked:
    """A graph as plain data, and what it was made of.

    Attributes:
        live: the autograd nodes, by index of ``graph.nodes``. As long as they are held, so is the graph; drop them all together
            and after every tensor of the graph, as this class does: see :mod:`visualizer.experiments.graph.holding`.
        leaves: the tensors, by index of ``graph.leaves``.
        roots: those of the given roots that are in a graph, by index of ``graph.roots``.
    """

    graph: Graph
    live: Live
    leaves: tuple[Tensor, ...]
    roots: tuple[Root, ...]

    def __del__(self) -> None:
        object.__setattr__(self, "roots", ())


@dataclass(eq=False)
class Structure:
    """Nodes and edges, without what is in them."""

    live: list[Any] = field(default_factory=list)
    index: dict[int, int] = field(default_factory=dict)
    source: array[int] = field(default_factory=lambda: array("i"))
    slot: array[int] = field(default_factory=lambda: array("i"))
    target: array[int] = field(default_factory=lambda: array("i"))
    target_slot: array[int] = field(default_factory=lambda: array("i"))
    empty: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def add(self, node: Any) -> int:
        """The index of this node, known or new."""
        found = self.index.setdefault(id(node), len(self.live))
        if found == len(self.live):
            self.live.append(node)
        return found


def structure(starts: Iterable[Any]) -> Generator[None, None, Structure]:
    """All nodes that backward from these may call, breadth first, and all edges but those to None."""
    found = Structure()
    for node in starts:
        found.add(node)
    live, index = found.live, found.index
    source, slots, target, target_slots = found.source.append, found.slot.append, found.target.append, found.target_slot.append
    due = time.perf_counter() + SLICE
    at = 0
    while at < len(live):
        nowhere: list[int] = []
        for slot, (function, number) in enumerate(live[at].next_functions):
            if function is None:
                nowhere.append(slot)
                continue
            known = index.setdefault(id(function), len(live))
            if known == len(live):
                live.append(function)
            source(at)
            slots(slot)
            target(known)
            target_slots(number)
        if nowhere:
            found.empty[at] = tuple(nowhere)
        at += 1
        if not at & 255 and time.perf_counter() > due:
            yield None
            due = time.perf_counter() + SLICE
    return found


def edge_of(root: Root) -> GradientEdge | None:
    """The node that a root comes from and which of its outputs it is; None: it requires no gradient."""
    if isinstance(root, GradientEdge):
        return root
    return get_gradient_edge(root) if root.requires_grad else None


def walk(
    roots: Sequence[Root], model: nn.Module | None = None, recording: Recorded | None = None,
    names: Mapping[str, Tensor] | None = None, *, values: bool = True,
) -> Generator[None, None, Walked]:
    """Walk from the roots; yields every few milliseconds and returns the graph.

    Args:
        roots: where backward would start: tensors, or edges of :func:`torch.autograd.graph.get_gradient_edge`. Those that require
            no gradient are left out; without any, the graph is empty.
        model: whose parameters and buffers are named.
        recording: of the forward pass: module calls, source lines, operations, values. Without it, module calls are guessed.
        names: variables of the user's code, for names of tensors.
        values: whether tensors are looked at; if not, leaves have types only, and nothing is told of what nodes keep.

    Whatever is read of user's tensors is read without their code: no hook runs, a checkpointed part is not computed again.
    """
    started = [(root, edge) for root in roots if (edge := edge_of(root)) is not None]
    found = yield from structure(edge.node for _, edge in started)
    live = found.live
    names = dict(names or {})
    variables = _variables(found, (dict(recording.variables) if recording is not None else {}) | names)

    yield None
    leaf_nodes = {id(node.variable): at for at, node in enumerate(live) if _is_leaf(node)}
    yield None
    leaves = yield from leaves_of(model, recording, names, tuple(live[at] for at in leaf_nodes.values()))
    most, batch = budget(2 * len(live) + len(leaves.entries)), Batch(Storages(), values=values)
    listed = yield from leaves.listed(leaf_nodes, most, batch)

    reader = Reader(leaves.names(), most, batch)
    nodes = yield from _nodes(found, reader, recording, variables, leaves)
    yield None
    made = {found.index[id(node)]: value for node, value in reader.made if id(node) in found.index}
    loss = next((batch.preview(root, most) for root in roots if isinstance(root, Tensor)), None)
    if started and loss is not None and isinstance(started[0][0], Tensor) and started[0][1].output_nr == 0:
        made.setdefault(found.index[id(started[0][1].node)], batch.preview(started[0][0], most))
    yield from batch.finish()

    yield None
    edges = Edges(*map(_ints, (found.source, found.slot, found.target, found.target_slot)))
    calls = tuple(recording.calls) if recording is not None else ()
    of_node = [node.call for node in nodes]
    if recording is None and model is not None:
        calls, of_node = yield from guessed_calls(nodes, edges, model)
    nodes = yield from _completed(nodes, made, of_node)
    operations = (yield from recording.operations_of(nodes)) if recording is not None else ()
    yield None
    graph = Graph(
        nodes=tuple(nodes), edges=edges, calls=calls, leaves=listed, loss=loss,
        roots=tuple(dict.fromkeys(found.index[id(edge.node)] for _, edge in started)),
        lines=tuple(recording.lines) if recording is not None else (),
        operations=operations,
        title=(recording.title if recording is not None else "") or (type(model).__name__ if model is not None else ""),
        model=type(model).__name__ if model is not None else "",
        failure=recording.failure if recording is not None else None,
        notes=(tuple(recording.notes) if recording is not None else ()) + _notes(reader),
        output=recording.output if recording is not None else "",
    )
    yield None
    return Walked(graph, Live(live, downward(nodes, edges)), leaves.tensors, tuple(root for root, _ in started))


def walked(
    roots: Sequence[Root], model: nn.Module | None = None, recording: Recorded | None = None,
    names: Mapping[str, Tensor] | None = None,
) -> Walked:
    """:func:`walk`, run to its end."""
    run = walk(roots, model, recording, names)
    while True:
        try:
            next(run)
        except StopIteration as end:
            found: Walked = end.value
            return found


def _is_leaf(node: Any) -> bool:
    return type(node).__name__ == "AccumulateGrad"


def _variables(found: Structure, names: Mapping[str, Tensor]) -> dict[int, tuple[str, ...]]:
    """By node: the names of what it made."""
    called: dict[int, tuple[str, ...]] = {}
    for name, tensor in names.items():
        node = tensor.grad_fn
        at = found.index.get(id(node), -1) if node is not None else -1
        if at >= 0:
            called[at] = (*called.get(at, ()), name)
    return called


def _nodes(
    found: Structure, reader: Reader, recording: Recorded | None, variables: Mapping[int, tuple[str, ...]], leaves: Leaves,
) -> Generator[None, None, list[Node]]:
    """All nodes, as yet without guessed calls and values."""
    nodes: list[Node] = []
    leaf_names, types = leaves.names(), _Types()
    custom = torch.autograd.function.BackwardCFunction
    due = time.perf_counter() + SLICE
    for at, node in enumerate(found.live):
        name = node.name().rpartition("::")[2]
        empty = found.empty.get(at, ())
        if _is_leaf(node):
            leaf = node.variable
            nodes.append(Node(at, name, "accumulate", -1, (types.of(leaf),), variables.get(at, ()), leaf_names.get(id(leaf), ()),
                              empty=empty))
        else:
            kind: Kind = "custom" if isinstance(node, custom) else "function"
            sequence = node._sequence_nr()
            sequence = sequence if sequence < _NO_SEQUENCE else -1
            made = recording.of_node(sequence, node) if recording is not None else _UNKNOWN
            saved = (yield from reader.read(node)) if reader.batch.values and (kind == "custom" or reader.attributes(node)) else ()
            nodes.append(Node(at, name, kind, sequence, types.outputs(node), variables.get(at, ()), (), made.call, made.line,
                              made.operation, saved, empty, made.value, defined_at(node) if kind == "custom" else ""))
        if not at & 15 and time.perf_counter() > due:
            yield None
            due = time.perf_counter() + SLICE
    return nodes


class _Types:
    """Types of outputs; equal ones are one object."""

    def __init__(self) -> None:
        self._known: dict[Any, TensorType] = {}

    def of(self, like: Any) -> TensorType:
        try:
            key = (tuple(like.shape), like.dtype)
            found = self._known.get(key)
            if found is None:
                found = self._known[key] = TensorType(tuple(map(int, key[0])), dtype_name(key[1]))
            return found
        except Exception:  # an output that nobody asked for, or of a nested tensor: it has no shape
            return TensorType((), "")

    def outputs(self, node: Any) -> tuple[TensorType, ...]:
        every = node._input_metadata
        return (self.of(every[0]),) if len(every) == 1 else tuple([self.of(like) for like in every])


def _completed(
    nodes: list[Node], values: Mapping[int, Preview], calls: Sequence[int],
) -> Generator[None, None, list[Node]]:
    """The nodes with their calls, and with the values that were met elsewhere: what one node has saved, another has made."""
    due = time.perf_counter() + SLICE
    for at, node in enumerate(nodes):
        value = node.value if node.value is not None else values.get(at)
        if value is not node.value or calls[at] != node.call:
            nodes[at] = Node(node.index, node.name, node.kind, node.sequence, node.outputs, node.variables, node.parameters,
                             calls[at], node.line, node.operation, node.saved, node.empty, value, node.defined)
        if not at & 255 and time.perf_counter() > due:
            yield None
            due = time.perf_counter() + SLICE
    return nodes


def _notes(reader: Reader) -> tuple[str, ...]:
    told = ((reader.freed, FREED_NOTE), (reader.hidden, HIDDEN_NOTE), (reader.changed, CHANGED_NOTE))
    return tuple(note for happened, note in told if happened)


def downward(nodes: Sequence[Node], edges: Edges) -> Sequence[int]:
    """All nodes, sources of edges before their targets."""
    number = np.array([-1 if node.kind == "accumulate" else node.sequence for node in nodes], dtype=np.int64)
    if np.all(number[edges.source] > number[edges.target]):  # as it is, unless several threads have built the graph
        return tuple(np.argsort(-number, kind="stable").tolist())
    targets: list[list[int]] = [[] for _ in nodes]
    before = np.bincount(edges.target, minlength=len(nodes)).tolist()
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        targets[source].append(target)
    order = [at for at, count in enumerate(before) if not count]
    for at in order:
        for target in targets[at]:
            before[target] -= 1
            if not before[target]:
                order.append(target)
    return tuple(order)


def _ints(values: array[int]) -> Ints:
    found = np.array(values, dtype=np.int32)
    found.flags.writeable = False
    return found
