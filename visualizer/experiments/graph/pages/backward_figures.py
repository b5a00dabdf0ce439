"""The figures of the page "Step by step": the graph at one position, and what the node that runs there gets, does and sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from visualizer.base.explanation import number_text
from visualizer.base.roles import Role
from visualizer.experiments.graph.backward import failed_at
from visualizer.experiments.graph.local import Local
from visualizer.experiments.graph.model import Capture, Node, Preview
from visualizer.experiments.graph.pages import backward_words as words
from visualizer.experiments.graph.replay import NEVER, Position, Replay
from visualizer.experiments.graph.tiles import Tile, empty, heats, tensors
from visualizer.experiments.graph.view_model import GraphView
from visualizer.figures.model import Figure, readonly

if TYPE_CHECKING:
    from visualizer.experiments.graph.model import Ints

#: So many notes are written at boxes: the latest.
_NOTES = 40


@dataclass(frozen=True, eq=False)
class Rows:
    """A replay in the rows of a view: a box may stand for many nodes.

    Attributes:
        created: by row, the position at which its first node is recorded.
        ran: by row, the position at which its last node has run.
        link_of: by edge of the graph, the row of the link that is drawn for it; -1: none.
    """

    created: Ints
    ran: Ints
    link_of: Ints


def rows_of(replay: Replay, view: GraphView) -> Rows:
    """Which position changes which row."""
    count = len(view.items)
    created, ran = np.full(count, NEVER, dtype=np.int32), np.full(count, -1, dtype=np.int32)
    drawn = view.item_of >= 0
    np.minimum.at(created, view.item_of[drawn], replay.created[drawn])
    np.maximum.at(ran, view.item_of[drawn], replay.ran[drawn])
    created[created == NEVER] = 0  # what is no node is there from the beginning
    ran[ran < 0] = NEVER
    return Rows(created, ran, _links(replay, view))


def _links(replay: Replay, view: GraphView) -> Ints:
    """By edge: the link between the boxes of its two ends; of several edges between two nodes each its own."""
    edges = replay.graph.edges
    link_of = np.full(len(edges), -1, dtype=np.int32)
    real = np.flatnonzero(view.count > 0)
    if not real.size or not len(edges):
        return link_of
    many = len(view.items) + 1
    keys = view.source[real].astype(np.int64) * many + view.target[real]
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    source, target = view.item_of[edges.source], view.item_of[edges.target]
    mine = np.flatnonzero((source >= 0) & (target >= 0) & (source != target))
    wanted = source[mine].astype(np.int64) * many + target[mine]
    first, last = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    found = first < last
    # The how many-th edge between the same two boxes this is.
    by_key = np.argsort(wanted, kind="stable")
    begins = np.searchsorted(wanted[by_key], wanted[by_key])
    nth = np.empty(len(wanted), dtype=np.int64)
    nth[by_key] = np.arange(len(wanted)) - begins
    at = np.minimum(first + nth, np.maximum(last - 1, first))
    link_of[mine[found]] = real[order[at[found]]]
    return link_of


def marks(capture: Capture, replay: Replay, rows: Rows, view: GraphView, position: Position) -> dict[str, Any]:
    """What is marked on the graph at this position."""
    item_of = view.item_of
    active = []
    if position.step >= 0:
        active = [replay.steps[position.step].node]
    elif position.moment is not None:
        active = list(position.moment.nodes)
    exists = rows.created <= position.index
    badge, role = words.badge(capture)
    return {
        "dimmed": ~exists,
        "active": _unique(item_of, active),
        "done": rows.ran <= position.index,
        "ready": _unique(item_of, position.ready),
        "flowing": tuple(dict.fromkeys(link for link in rows.link_of[list(position.flowing)].tolist() if link >= 0)),
        "edge_notes": _edge_notes(capture, replay, rows, position),
        "notes": _notes(capture, replay, view, position),
        "badge": badge if position.index >= replay.forward else "",
        "badge_role": role,
    }


def _edge_notes(capture: Capture, replay: Replay, rows: Rows, position: Position) -> tuple[tuple[int, str], ...]:
    """What flows along each edge now: the number itself, or the norm; nothing where several edges are drawn as one."""
    if position.step < 0:
        return ()
    graph, step = capture.graph, replay.steps[position.step]
    found: dict[int, list[str]] = {}
    for edge in position.flowing:
        link, slot = int(rows.link_of[edge]), int(graph.edges.slot[edge])
        if link >= 0 and int(graph.edges.source[edge]) == step.node and slot < len(step.outgoing):
            found.setdefault(link, []).append(_flow_text(step.outgoing[slot]))
    return tuple((link, texts[0]) for link, texts in found.items() if len(texts) == 1)


def _flow_text(gradient: Preview | None) -> str:
    if gradient is None:
        return "None"
    if gradient.complete and gradient.sample.size == 1:
        return number_text(float(gradient.sample.flat[0]), 3)
    return f"norm {number_text(gradient.norm, 3)}" if gradient.readable else "no values"


def _unique(item_of: Ints, nodes: tuple[int, ...] | list[int]) -> tuple[int, ...]:
    found = item_of[list(nodes)].tolist()
    return tuple(dict.fromkeys(row for row in found if row >= 0))


def _notes(capture: Capture, replay: Replay, view: GraphView, position: Position) -> tuple[tuple[int, str, Role], ...]:
    graph = capture.graph
    texts: dict[int, tuple[str, Role]] = {}
    for join in position.waiting[:_NOTES]:
        texts[int(view.item_of[join.node])] = (f"{join.arrived} of {join.total} gradients are here", Role.STEP)
    by_row: dict[int, list[str]] = {}
    for leaf in position.filled[-_NOTES:]:
        by_row.setdefault(int(view.item_of[graph.leaves[leaf].node]), []).append(words.leaf_name(graph, leaf))
    for row, names in by_row.items():
        texts[row] = (f"{filled_names(view, row, names)} filled", Role.GOOD)
    if capture.backward is not None and position.index == replay.last:
        failed = failed_at(capture.backward)
        if failed is not None:
            texts[int(view.item_of[failed])] = ("the engine stopped here", Role.BAD)
    return tuple((row, text, role) for row, (text, role) in texts.items() if row >= 0)


def filled_names(view: GraphView, row: int, names: list[str]) -> str:
    """What a note calls the gradients of these leaves: short at the leaf's own box, by name at one that it is folded into, several
    there by their number."""
    if len(names) > 1:
        return f"{len(names):,} .grad"
    return ".grad" if len(view.items[row].members) == 1 else f"{names[0]}.grad"


def small(capture: Capture, replay: Replay, position: Position, local: Local | None) -> tuple[Figure, Figure, Figure]:
    """The three figures below the graph."""
    if position.step >= 0:
        return _backward(capture, replay, position, local)
    return _forward(capture, replay, position)


def _forward(capture: Capture, replay: Replay, position: Position) -> tuple[Figure, Figure, Figure]:
    graph = capture.graph
    later = "Gradients come in backward, after the forward pass."
    if position.moment is None:
        what = "Nothing is recorded yet: press Play, or Step."
        return (empty("incoming", "Gradient in", later), empty("local", "Saved for backward", what),
                empty("outgoing", "Result of the operation", what))
    node = graph.nodes[position.moment.nodes[-1]]
    name = words.operation_name(graph, position.moment)
    saved = tuple(Tile(one.name, one.tensor.sample, one.tensor.complete) for made in position.moment.nodes
                  for one in graph.nodes[made].saved if one.tensor is not None)
    if position.index == replay.forward and capture.backward is not None and capture.backward.start is not None:
        start = capture.backward.start
        incoming = tensors("incoming", "Backward will start with this gradient", (_tile("", start),), Role.GRADIENT, "gradient")
    else:
        incoming = empty("incoming", "Gradient in", later)
    kept = (tensors("local", f"Saved for backward by {node.name}", saved, Role.DATA, "value") if saved else
            empty("local", f"Saved for backward by {node.name}", "Nothing: its derivative needs no tensor."))
    value = node.value
    if value is None and position.moment.operation >= 0:
        value = graph.operations[position.moment.operation].value
    result = (tensors("outgoing", f"Result of {name}", (_tile("", value),), Role.DATA, "value") if value is not None else
              empty("outgoing", f"Result of {name}", "Its values were not recorded."))
    return incoming, kept, result


def _tile(text: str, preview: Preview) -> Tile:
    return Tile(text, preview.sample, preview.complete)


def _backward(capture: Capture, replay: Replay, position: Position, local: Local | None) -> tuple[Figure, Figure, Figure]:
    graph = capture.graph
    step = replay.steps[position.step]
    node = graph.nodes[step.node]
    given = tuple(_tile(f"output {slot}" if len(step.incoming) > 1 else "", gradient)
                  for slot, gradient in enumerate(step.incoming) if gradient is not None)
    got = "Gradient in"
    incoming = (tensors("incoming", got, given, Role.GRADIENT, "gradient") if given else
                empty("incoming", got, "Undefined: no gradient reaches this node; that is None, not zeros."))
    if node.kind == "accumulate":
        return incoming, *_accumulated(capture, position, node)
    sent = tuple(_tile(words.tile_name(graph, replay, edge), gradient) for edge in replay.edges_of(node.index)
                 if (gradient := step.outgoing[int(graph.edges.slot[edge])] if step.outgoing else None) is not None)
    if not sent:
        why = ("The engine stopped before this node returned." if node.index == _failed(capture) else
               "Undefined: this node sends no gradient on.")
        outgoing = empty("outgoing", "Gradient out", why)
    else:
        outgoing = tensors("outgoing", "Gradient out", sent, Role.GRADIENT, "gradient")
    return incoming, _local(graph.nodes[step.node], replay, local), outgoing


def _failed(capture: Capture) -> int | None:
    return failed_at(capture.backward) if capture.backward is not None else None


def _accumulated(capture: Capture, position: Position, node: Node) -> tuple[Figure, Figure]:
    graph, backward = capture.graph, capture.backward
    leaf = next((at for at, one in enumerate(graph.leaves) if one.node == node.index), -1)
    name = words.leaf_name(graph, leaf) if leaf >= 0 else "the leaf"
    local = empty("local", "Into .grad", f"AccumulateGrad has no derivative of its own: it adds what arrives to {name}.grad. That "
                  "was None, so now it is the gradient.")
    grad = next((one for one in backward.grads if one.leaf == leaf), None) if backward is not None else None
    if grad is None or grad.after is None:
        return local, empty("outgoing", f"{name}.grad", "None: nothing was written.")
    return local, tensors("outgoing", f"{name}.grad, as it is now", (_tile("", grad.after),), Role.GRADIENT, "gradient")


def _local(node: Node, replay: Replay, local: Local | None) -> Figure:
    title = f"Derivative of {node.title}"
    if local is None or not local.blocks:
        return empty("local", title, local.reason if local is not None else
                     "It is computed where the graph lives: not for a capture from a file or from a process of its own.")
    ends = {int(replay.graph.edges.slot[edge]): edge for edge in replay.edges_of(node.index)}
    several = len(local.blocks) > 1
    tiles = []
    for block in local.blocks:
        text = words.tile_name(replay.graph, replay, ends[block.slot]) if several and block.slot in ends else ""
        tiles.append(Tile(text.removeprefix("to "), block.matrix))
    if all(block.diagonal for block in local.blocks):
        diagonals = tuple(Tile(tile.text, readonly(np.diagonal(tile.values).copy())) for tile in tiles)
        if sum(tile.values.size for tile in diagonals) <= 40:
            return tensors("local", title, diagonals, Role.DATA, "d output / d input",
                           "Element by element: each output depends on the input at the same place only.")
    return heats("local", title, tuple(tiles), "element of the output", "element of the input", "d output / d input")
