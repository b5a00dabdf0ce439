"""The chosen tensor of the chosen node: a heat map (bars for a vector) and the distribution of its elements."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from visualizer.base.explanation import number_text
from visualizer.base.roles import Role
from visualizer.experiments.graph.drawing import shape_text
from visualizer.experiments.graph.model import Capture, Node, Preview
from visualizer.experiments.graph.prepared import prepared_for
from visualizer.experiments.graph.requests import selected_ident
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import GraphState
from visualizer.figures.model import Axis, Bars, Figure, Heat, Layer, Note, Rule, readonly

#: Up to so many rows and columns, or bars, each has its number written: there has to be room for it.
_ROWS, _COLUMNS, _MANY_BARS = 5, 5, 6
_TICKS = 12
_BINS = 40


class Chosen(NamedTuple):
    """The tensor that is shown and what it is; or why there is none."""

    tensor: Preview | None
    what: str
    why: str
    role: Role = Role.DATA


def chosen(result: GraphResult, state: GraphState) -> Chosen:
    """The tensor that the state asks for; of the node that backward starts from while none is chosen."""
    ident, graph = selected_ident(state), result.capture.graph
    rows = prepared_for(result.capture, result.view, result.drawing).rows
    if ident is None or (ident not in rows and ident >= len(graph.nodes)):  # nothing, or a group that has been opened since
        if not graph.roots:
            return Chosen(None, "", "There is no graph, so there are no tensors of it.")
        ident = graph.roots[0]  # where backward starts: what the graph computes
    row = rows.get(ident)
    item = result.view.items[row] if row is not None else None
    if item is not None and item.operation >= 0:
        operation = graph.operations[item.operation]
        return Chosen(operation.value, f"Result of {operation.name}", "" if operation.value else "Its result was not recorded.")
    if item is not None and item.leaf >= 0:
        leaf = graph.leaves[item.leaf]
        return Chosen(leaf.value, " = ".join(leaf.names), "" if leaf.value else "Its value was not recorded.")
    if (item is not None and item.node < 0) or ident >= len(graph.nodes):
        return Chosen(None, "", "This is a group: double-click to open it, then click a node.")
    node = graph.nodes[ident]
    found = list(_tensors(result.capture, node))
    if state.tensor == "auto":
        first = next((one for _, one in found if one.tensor is not None), None)
        return first or Chosen(None, "", f"Nothing was recorded for {node.name}: no result, nothing saved, no gradient.")
    asked = [one for kind, one in found if kind == state.tensor]
    if not asked:
        return Chosen(None, "", _NONE[state.tensor].format(node.name))
    if state.tensor == "value":
        return asked[0]
    if state.slot >= len(asked):
        return Chosen(None, "", f"{node.name} has only {len(asked)} of these, counted from 0.")
    return asked[state.slot]


_NONE = {
    "value": "The result of {} was not recorded.", "saved": "{} keeps nothing for backward.",
    "incoming": "No gradient arrives at {}: backward was not run, or did not come here.",
    "outgoing": "{} hands no gradient on.",
}


def _tensors(capture: Capture, node: Node) -> Iterator[tuple[str, Chosen]]:
    """All tensors of a node, by what the state calls them; those that are no tensor say why."""
    value = node.value
    if value is None and node.kind == "accumulate":
        value = next((leaf.value for leaf in capture.graph.leaves if leaf.node == node.index), None)
    if value is not None:
        name = " = ".join(node.parameters or node.variables) or f"Result of {node.title}"
        yield "value", Chosen(value, name, "")
    for saved in node.saved:
        yield "saved", Chosen(saved.tensor, f"{saved.name}, saved by {node.name}",
                              "" if saved.tensor is not None else f"{saved.name}: {saved.text or 'not to be looked at'}.")
    backward = capture.backward
    step = backward.step_of.get(node.index) if backward is not None else None
    if backward is None or step is None:
        return
    for kind, words, tensors in (("incoming", "Gradient that arrives at", backward.steps[step].incoming),
                                 ("outgoing", "Gradient that goes on from", backward.steps[step].outgoing)):
        for place, tensor in enumerate(tensors):
            many = f", {'output' if kind == 'incoming' else 'input'} {place}" if len(tensors) > 1 else ""
            yield kind, Chosen(tensor, f"{words} {node.name}{many}", "" if tensor is not None else "None: undefined, or it leads "
                               "nowhere.", Role.GRADIENT)


def _empty(name: str, title: str, why: str) -> Figure:
    axis = Axis("", ticks=())
    return Figure(name, title, axis, axis, (), note=why)


def _size(tensor: Preview) -> str:
    """Type, and how much of it is shown."""
    words = f"{shape_text(tensor.type.shape)} {tensor.type.dtype}"
    if tensor.complete:
        return words
    rows, columns = tensor.strides
    return f"{words}; every {_nth(rows)} row and every {_nth(columns)} column of it"


def _nth(stride: int) -> str:
    return {1: "single", 2: "2nd", 3: "3rd"}.get(stride, f"{stride}th")


def _nothing(shown: Preview | None) -> str:
    """Why there is nothing to draw."""
    if shown is None or shown.readable:
        return "It has no elements."
    return f"Its values cannot be read: it is on the device {shown.device}." if shown.device == "meta" else \
        "Its values cannot be read without running its own code."


def tensor(chosen: Chosen) -> Figure:
    """A matrix as a heat map with row 0 at the top, a vector as bars; small ones with their numbers."""
    shown = chosen.tensor
    if shown is None or shown.sample.size == 0:
        return _empty("tensor", chosen.what or "A tensor", chosen.why or _nothing(shown))
    sample = shown.sample
    bad = f"; {shown.nans:,} NaN, {shown.infinities:,} infinite" if shown.nans or shown.infinities else ""
    if sample.shape[0] == 1:
        return _bars(chosen, shown, bad)
    rows, columns = sample.shape
    finite = np.abs(sample[np.isfinite(sample)])
    most = float(finite.max()) if finite.size else 0.0
    layers: list[Layer] = [Heat(
        key="tensor", role=chosen.role, values=readonly(sample[::-1]), palette="diverging", limits=(-most, most) if most else None,
        x_range=(-0.5, columns - 0.5), y_range=(-0.5, rows - 0.5), value_label="value",
    )]
    if rows <= _ROWS and columns <= _COLUMNS:
        layers += [
            Note(key=f"{i}:{j}", role=Role.TEXT, x=float(j), y=float(rows - 1 - i), text=number_text(sample[i, j], 3),
                 anchor=(0.5, 0.5))
            for i in range(rows) for j in range(columns)
        ]
    down, across = shown.strides
    many = len(shown.type.shape) > 2
    return Figure(
        "tensor", chosen.what,
        Axis("column", ticks=tuple((float(j), str(j * across)) for j in _places(columns)), limits=(-0.5, columns - 0.5)),
        Axis("row" if not many else "all but the last",
             ticks=tuple((float(rows - 1 - i), str(i * down)) for i in _places(rows)), limits=(-0.5, rows - 0.5)),
        tuple(layers), note=_size(shown) + bad,
    )


def _places(count: int) -> range:
    return range(0, count, max(1, -(-count // _TICKS)))


def _bars(chosen: Chosen, shown: Preview, bad: str) -> Figure:
    values = shown.sample[0]
    at = np.arange(len(values), dtype=np.float64)
    seen = np.isfinite(values)
    layers: list[Layer] = [Bars(key="tensor", role=chosen.role, left=readonly(at[seen] - 0.4), right=readonly(at[seen] + 0.4),
                                height=readonly(values[seen]), opacity=0.85)]
    if len(values) <= _MANY_BARS:
        layers += [
            Note(key=str(j), role=Role.TEXT, x=float(j), y=float(value) if np.isfinite(value) else 0.0, text=number_text(value, 3),
                 anchor=(0.5, -0.15 if value < 0 else 1.15))
            for j, value in enumerate(values.tolist())
        ]
    finite = values[seen]
    low, high = (min(0.0, float(finite.min())), max(0.0, float(finite.max()))) if finite.size else (0.0, 1.0)
    room = 0.35 * (high - low) or 1.0
    return Figure(
        "tensor", chosen.what,
        Axis("element", ticks=tuple((float(j), str(j * shown.strides[1])) for j in _places(len(values))),
             limits=(-0.7, len(values) - 0.3)),
        Axis("value", limits=(low - (room if low < 0 else 0.0), high + (room if high > 0 or low == 0 else 0.0))), tuple(layers),
        note=_size(shown) + bad,
    )


def histogram(chosen: Chosen) -> Figure:
    """How often which values occur among the elements that were kept."""
    shown = chosen.tensor
    title = "Its elements: how often which value"
    if shown is None or shown.sample.size == 0:
        return _empty("histogram", title, chosen.why or _nothing(shown))
    if shown.sample.size == 1:
        return _empty("histogram", title, f"It is a single number: {number_text(float(shown.sample.flat[0]))}.")
    values = shown.sample[np.isfinite(shown.sample)]
    if not values.size:
        return _empty("histogram", title, "All its elements are NaN or infinite.")
    low, high = float(values.min()), float(values.max())
    span = (low, high) if high > low and np.isfinite(high - low) else (low - 0.5, low + 0.5)
    try:
        counts, edges = np.histogram(values, bins=min(_BINS, max(5, values.size // 2)), range=span)
    except ValueError:  # the range is narrower than its bins can be told apart
        counts, edges = np.asarray([values.size]), np.asarray([low - 0.5, low + 0.5])
    layers: list[Layer] = [Bars(key="histogram", role=chosen.role, left=readonly(edges[:-1]), right=readonly(edges[1:]),
                                height=readonly(counts.astype(np.float64)), opacity=0.65)]
    if np.isfinite(shown.mean):
        layers.append(Rule(key="mean", role=Role.THEORY, position=shown.mean, text=f"mean {number_text(shown.mean, 3)}"))
    total = int(np.prod(shown.type.shape, dtype=np.float64))
    whole = "The one element." if total == 1 else f"All {total:,} elements."
    part = whole if shown.complete else f"{shown.sample.size:,} of {total:,} elements; the mean is that of all."
    return Figure("histogram", title, Axis("value"), Axis("elements", integer=True), tuple(layers), note=part)
