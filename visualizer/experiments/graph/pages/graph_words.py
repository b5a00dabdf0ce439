"""The whole graph in words and numbers, while nothing is chosen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

from visualizer.base.explanation import Block, Heading, Number, Numbers, Paragraph, Table, Verdict, number_text
from visualizer.base.roles import Role
from visualizer.experiments.graph.findings import first_nonfinite
from visualizer.experiments.graph.listing import longest_path, unique_bytes
from visualizer.experiments.graph.looks import bytes_text, seconds_text
from visualizer.experiments.graph.model import Backward, Capture, Graph, Leaf
from visualizer.experiments.graph.node_words import kinds_table, leaf_name
from visualizer.experiments.graph.pages.absent_rows import FILLED, filled_outside

EMPTY = "There is no graph: nothing that the result was made of requires a gradient."
#: Said of a large graph that is drawn already.
BEFORE_BACKWARD: tuple[Block, ...] = (Verdict("The graph is drawn; now it is run backward once, for its gradients.", "muted"),)
#: So many names are listed at most.
_NAMES = 12


class Group(NamedTuple):
    """Parameters of which the same is to be said."""

    role: Literal["warning", "muted"]
    what: str
    leaves: list[Leaf]

    @property
    def sentence(self) -> str:
        count = len(self.leaves)
        names = ", ".join(leaf_name(leaf) for leaf in self.leaves[:_NAMES])
        more = f" and {count - _NAMES:,} more" if count > _NAMES else ""
        return f"{count:,} parameter{'s' * (count != 1)} {self.what}: {names}{more}."


def overview(capture: Capture) -> list[Block]:
    """What was captured: counts, leaves, memory, gradients, and what the user should know."""
    graph, backward = capture.graph, capture.backward
    blocks: list[Block] = []
    if graph.failure is not None:
        blocks.append(Verdict(graph.failure.sentence, "bad"))
        if graph.failure.details and graph.failure.details not in graph.failure.sentence:
            blocks.append(Paragraph(graph.failure.details))
    if graph.nodes or graph.failure is None:
        blocks.append(_verdict(graph))
    first = first_nonfinite(capture)
    if first is not None:
        blocks.append(Verdict(first.sentence(graph), "bad"))
    blocks += [Paragraph(note) for note in (*graph.notes, *_start(graph))]
    if not graph.nodes:
        return [*blocks, *_output(graph)]
    blocks.append(Paragraph("Every box is a function that computes a derivative; its edges say where its gradients go. Click one "
                            "to know all about it."))
    blocks += [Heading("Counts"), Numbers(tuple(_counts(graph)))]
    blocks += [Heading("Leaves"), Numbers(tuple(_leaves(graph)))]
    blocks += _unused(capture)
    blocks += _backward(graph, backward)
    blocks += [Heading("Nodes by kind"), kinds_table(graph.nodes)]
    return [*blocks, *_output(graph)]


def empty(graph: Graph) -> str:
    """Why a graph has no node."""
    return EMPTY if graph.failure is None else graph.failure.sentence


def _start(graph: Graph) -> Iterator[str]:
    """What backward starts with, where torch itself would have to be told."""
    if len(graph.roots) == 1 and graph.failure is None and graph.nodes[graph.roots[0]].outputs:
        root = graph.nodes[graph.roots[0]]
        type_ = graph.loss.type if graph.loss is not None else root.outputs[0]
        count = math.prod(type_.shape)
        if count > 1:
            name = root.variables[0] if root.variables else "the result"
            yield (f"Backward starts from {name}, which has {count:,} elements, with a gradient of ones, as {name}.sum() would "
                   "give it. By itself torch starts only from a single number.")


def _verdict(graph: Graph) -> Verdict:
    if not graph.nodes:
        return Verdict(empty(graph), "warning")
    return Verdict(f"{len(graph.nodes):,} node{'s' * (len(graph.nodes) != 1)} and {len(graph.edges):,} "
                   f"edge{'s' * (len(graph.edges) != 1)}, as a walk of next_functions counts them.", "good")


def _counts(graph: Graph) -> list[Number]:
    kept = [saved.tensor for node in graph.nodes for saved in node.saved if saved.tensor is not None]
    none = sum(len(node.empty) for node in graph.nodes)
    rows = [
        Number("nodes", f"{len(graph.nodes):,}"), Number("edges", f"{len(graph.edges):,}", help="Parallel edges each."),
        Number("edges to None", f"{none:,}", help="Inputs that require no gradient; they are not counted among the edges."),
        Number("longest path", f"{longest_path(graph):,}", unit="edges", help="From the loss to a leaf."),
        Number("kept for backward", bytes_text(unique_bytes(kept)), help="Tensors that share memory count once."),
    ]
    if graph.calls:
        rows.append(Number("module calls", f"{len(graph.calls):,}"))
    if graph.loss is not None and graph.loss.sample.size == 1:
        rows.append(Number("loss", number_text(float(graph.loss.sample.flat[0])), role=Role.CURVE))
    return rows


def _leaves(graph: Graph) -> list[Number]:
    parameters = [leaf for leaf in graph.leaves if leaf.parameter]
    used = [leaf for leaf in parameters if leaf.node >= 0]
    others = [leaf for leaf in graph.leaves if not leaf.parameter and leaf.node >= 0]
    elements = sum(math.prod(leaf.type.shape) for leaf in used)
    return [
        Number("parameters of the model", f"{len(parameters):,}"),
        Number("of them in the graph", f"{len(used):,}"),
        Number("their elements", f"{elements:,}"),
        Number("other leaves in the graph", f"{len(others):,}", help="Tensors with requires_grad that are no parameters."),
    ]


def _unused(capture: Capture) -> list[Block]:
    """Parameters that are not in the graph, by name."""
    inside = filled_outside(capture)
    idle = [(leaf, index in inside) for index, leaf in enumerate(capture.graph.leaves) if leaf.parameter and leaf.node < 0]
    groups = (
        Group("muted", f"have no place in the graph, but {FILLED.replace('for it', 'for them')}",
              [leaf for leaf, filled in idle if filled]),
        Group("warning", "do not reach the loss: their .grad stays None",
              [leaf for leaf, filled in idle if leaf.requires_grad and not filled]),
        Group("muted", "are frozen (requires_grad=False)",
              [leaf for leaf, filled in idle if not leaf.requires_grad and not filled]),
    )
    return [Verdict(group.sentence, group.role) for group in groups if group.leaves]


def _backward(graph: Graph, backward: Backward | None) -> list[Block]:
    if backward is None:
        return [Paragraph("Backward was not run on this graph, so it has no gradients.")]
    rows: list[tuple[str, str, str]] = []
    grads = sorted((grad for grad in backward.grads if grad.after is not None and grad.after.norm == grad.after.norm),
                   key=lambda grad: -grad.after.norm if grad.after is not None else 0.0)
    shown = grads if len(grads) <= 8 else [*grads[:4], *grads[-4:]]
    for grad in shown:
        assert grad.after is not None
        rows.append((leaf_name(graph.leaves[grad.leaf]), number_text(grad.after.norm),
                     number_text(max(abs(grad.after.minimum), abs(grad.after.maximum)))))
    if len(grads) > 8:
        rows.insert(4, (f"… {len(grads) - 8:,} between", "", ""))
    blocks: list[Block] = []
    if rows:
        blocks += [Heading("Gradients, the largest norm first"), Table(("leaf", "norm of .grad", "largest element"), tuple(rows))]
    spent = [step.seconds for step in backward.steps if step.seconds == step.seconds]
    if spent:
        blocks.append(Numbers((Number("time in backward", seconds_text(sum(spent)), help="All nodes together, in one run."),)))
    if backward.error:
        blocks.append(Verdict(f"Backward did not come to its end: {backward.error}", "bad"))
    return blocks


def _output(graph: Graph) -> list[Block]:
    """What the program printed; the end of it if it is long."""
    if not graph.output.strip():
        return []
    lines = graph.output.rstrip().splitlines()
    return [Heading("What the program printed"), *(Paragraph(line) for line in (["…"] if len(lines) > 40 else []) + lines[-40:])]
