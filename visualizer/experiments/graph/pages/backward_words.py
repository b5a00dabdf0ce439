"""What is said at each position of the page "Step by step"."""

from __future__ import annotations

from typing import Literal

import numpy as np

from visualizer.base.explanation import Block, Formula, Heading, Number, Numbers, Paragraph, Table, Verdict, number_text
from visualizer.base.roles import Role
from visualizer.components.latex import factor_latex, number_latex
from visualizer.experiments.graph.backward import failed_at
from visualizer.experiments.graph.findings import NonFinite
from visualizer.experiments.graph.local import Local, flat
from visualizer.experiments.graph.model import Capture, Graph, Node, Preview, Step
from visualizer.experiments.graph.node_words import words
from visualizer.experiments.graph.operations import entry_of
from visualizer.experiments.graph.pages.backward_factors import factor
from visualizer.experiments.graph.replay import Moment, Position, Replay
from visualizer.experiments.graph.view_model import GraphView

#: Rows of a table; things in a list; terms of a sum that are written out; values of a tensor.
_ROWS, _LISTED, _TERMS, _VALUES = 8, 6, 4, 6


# --- names ---------------------------------------------------------------------------------------------------------------------


def leaf_name(graph: Graph, leaf: int) -> str:
    """All names of a leaf; one without a name is called by its shape."""
    found = graph.leaves[leaf]
    return ", ".join(found.names) or f"leaf {_shape(found.type.shape)}"


def output_name(node: Node) -> str:
    """What the node's forward operation returned, as the user knows it."""
    if node.kind == "accumulate":
        return ", ".join(node.parameters) or "the leaf"
    return ", ".join(node.variables) or f"output of {node.title}"


def root_name(graph: Graph) -> str:
    """What backward starts from, as the user knows it."""
    names = [name for root in graph.roots[:1] for name in graph.nodes[root].variables]
    return names[0] if names else "loss"


def operation_name(graph: Graph, moment: Moment) -> str:
    """The torch function that was called, else the node that it left behind."""
    if moment.operation >= 0:
        return graph.operations[moment.operation].name
    return graph.nodes[moment.nodes[-1]].title


def goes_to(graph: Graph, replay: Replay, edge: int) -> str:
    """Where a gradient goes, in a word or two: "weight.grad", or the next node and the leaf behind it, if there is only one way."""
    target = int(graph.edges.target[edge])
    node = graph.nodes[target]
    if node.kind == "accumulate":
        return f"{output_name(node)}.grad"
    ways = replay.edges_of(target)
    if len(ways) == 1:
        end = graph.nodes[int(graph.edges.target[ways[0]])]
        if end.kind == "accumulate":
            return f"{node.name}, then {output_name(end)}.grad"
    return node.name


def tile_name(graph: Graph, replay: Replay, edge: int) -> str:
    """Where a gradient goes, for a small picture: the leaf at the end, if there is only one way, else the next operation."""
    target = int(graph.edges.target[edge])
    ways = replay.edges_of(target)
    if len(ways) == 1:
        behind = int(graph.edges.target[ways[0]])
        target = behind if graph.nodes[behind].kind == "accumulate" else target
    node = graph.nodes[target]
    return f"to {output_name(node) if node.kind == 'accumulate' else node.title}"


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))})"


def values_text(preview: Preview | None) -> str:
    """The numbers of a small tensor; shape and norm of a larger one; None as torch has it."""
    if preview is None:
        return "None"
    values = flat(preview)
    if values is not None and values.size == 1:
        return number_text(float(values[0]))
    if values is not None and 0 < values.size <= _VALUES:
        return f"({', '.join(number_text(float(value)) for value in values)})"
    shape = f"shape {_shape(preview.type.shape)}"
    return f"{shape}, norm {number_text(preview.norm)}" if preview.readable else f"{shape}, without values"


# --- titles --------------------------------------------------------------------------------------------------------------------


def title(capture: Capture, replay: Replay, position: Position) -> str:
    """The title of the graph at this position."""
    graph = capture.graph
    if position.step >= 0:
        return f"Backward, step {position.step + 1} of {len(replay.steps)}: {graph.nodes[replay.steps[position.step].node].name}"
    if position.moment is not None:
        return f"Forward, operation {position.index} of {replay.forward}: {operation_name(graph, position.moment)}"
    return "Before the forward pass: nothing is recorded"


def badge(capture: Capture) -> tuple[str, Role]:
    """Whether the recorded run gave what ``loss.backward()`` gives."""
    backward = capture.backward
    if backward is None:
        return "", Role.MUTED
    if backward.error:
        return "backward() raised an error", Role.BAD
    told = [grad.equal for grad in backward.grads if grad.equal is not None]
    if not told:
        return ("Not compared with loss.backward(): no values, only shapes" if backward.grads else ""), Role.MUTED
    right = sum(told)
    words = f"{right} of {len(told)} .grad bit for bit"
    return (f"Equal to loss.backward(): {words}", Role.GOOD) if right == len(told) else (
        f"Not equal to a second loss.backward(): {words}", Role.BAD)


# --- blocks --------------------------------------------------------------------------------------------------------------------


def blocks(
    capture: Capture, replay: Replay, position: Position, local: Local | None, nonfinite: NonFinite | None,
) -> tuple[Block, ...]:
    """The explanation of a position."""
    if position.step >= 0:
        found = _backward(capture, replay, position, local)
    else:
        found = _forward(capture, replay, position)
    if nonfinite is not None:
        found.insert(1, Verdict(nonfinite.sentence(capture.graph), "bad"))
    return tuple(found)


def chosen(capture: Capture, view: GraphView, ident: int | None) -> tuple[Block, ...]:
    """All about the box that was clicked, below what happens at this position."""
    told = words(capture, view, ident) if ident is not None else None
    if not told:
        return ()
    first = told[0]
    head = first.text if isinstance(first, Verdict) else "The chosen box"
    return (Heading(f"Chosen: {head}"), *(told[1:] if isinstance(first, Verdict) else told))


def _forward(capture: Capture, replay: Replay, position: Position) -> list[Block]:
    graph = capture.graph
    if not graph.nodes:
        return [Verdict(graph.failure.sentence if graph.failure is not None else "There is no graph: nothing was recorded.", "bad")]
    if position.moment is None:
        return [
            Verdict(f"Step 0 of {replay.last}: nothing is recorded yet."),
            Paragraph("autograd has no graph before the program runs. Each operation on a tensor that requires a gradient leaves a "
                      "node behind, while it runs: its backward function, with what that will need. The graph is built anew in "
                      "every forward pass."),
            *_ahead(replay),
        ]
    node = graph.nodes[position.moment.nodes[-1]]
    name = operation_name(graph, position.moment)
    found: list[Block] = [
        Verdict(f"Forward, step {position.index} of {replay.forward}: {name} is recorded as "
                f"{_listed([graph.nodes[one].name for one in position.moment.nodes])}."),
    ]
    if node.line >= 0:
        line = graph.lines[node.line]
        found.append(Paragraph(f"{line.file}, line {line.number}: {line.text}"))
    rows: list[tuple[str, str]] = []
    for made in position.moment.nodes:
        for edge in replay.edges_of(made):
            target = graph.nodes[int(graph.edges.target[edge])]
            rows.append((graph.nodes[made].name, f"{target.name} of {output_name(target)}" if target.kind == "accumulate"
                         else target.name))
    if rows:
        found += [Paragraph("The new node points to the nodes that its inputs came from: along these edges its gradients will go."),
                  Table(("node", "its gradients go to"), tuple(rows[:_ROWS]))]
    saved = [(one.name, values_text(one.tensor) if one.tensor is not None else one.text or "\u2014")
             for made in position.moment.nodes for one in graph.nodes[made].saved]
    if saved:
        found += [Heading("Saved for backward"), Table(("name", "value"), tuple(saved[:_ROWS]))]
    if node.value is not None:
        found.append(Numbers((Number("result", values_text(node.value), role=Role.DATA),)))
    if position.index == replay.forward:
        found += _ahead(replay, position)
        if capture.backward is not None:
            start, root = capture.backward.start, root_name(graph)
            found.append(Paragraph(f"Backward starts with d {root} / d {root} = {values_text(start)}."
                                   if start is None or start.sample.size == 1 else
                                   f"{root} is no single number, so backward starts with a one for each element: that gives the "
                                   "gradient of their sum."))
            found += _queue(capture, position)
    return found


def _ahead(replay: Replay, position: Position | None = None) -> list[Block]:
    if replay.backward is None:
        return [Paragraph("Backward was not run on this graph.")]
    if not replay.steps:
        return [Paragraph(f"Backward could not begin. torch says: {replay.backward.error}")]
    if position is None:
        return [Numbers((Number("operations of the forward pass", str(replay.forward)),
                         Number("nodes that backward runs", str(len(replay.steps)))))]
    return []


def _backward(capture: Capture, replay: Replay, position: Position, local: Local | None) -> list[Block]:
    graph, backward = capture.graph, capture.backward
    assert backward is not None
    step = replay.steps[position.step]
    node = graph.nodes[step.node]
    failed = failed_at(backward) == node.index and position.index == replay.last
    equal, _ = badge(capture)
    role: Literal["good", "warning", "bad"] = "bad" if backward.error else "good" if backward.equal else "warning"
    found: list[Block] = [
        Verdict(f"Backward, step {position.step + 1} of {len(replay.steps)}: {node.name}." + (f" {equal}." if equal else ""), role),
    ]
    if failed:
        found += [Verdict(f"The engine stopped at {node.name}. torch says: {backward.error}", "bad")]
    found.append(Paragraph(_sentence(graph, replay, step, node)))
    terms = replay.terms(node.index, position.index)
    if len(terms) > 1:
        found += _join(graph, replay, node, step, position)
    if node.kind == "accumulate":
        found += _accumulate(capture, node, step)
    else:
        found += _chain_rule(graph, replay, node, step, local)
    found += _queue(capture, position)
    found += _filled(capture, position)
    return found


def _sentence(graph: Graph, replay: Replay, step: Step, node: Node) -> str:
    given = [gradient for gradient in step.incoming if gradient is not None]
    name, root = output_name(node), root_name(graph)
    if node.kind == "accumulate":
        return (f"AccumulateGrad is the end of a path. It got d {root} / d {name} = {values_text(given[0])} and writes it to "
                f"{name}.grad." if given else f"No gradient came to {name}, so its .grad stays None.")
    if not given:
        return (f"{node.name} was called, but the gradient that came is undefined (None): nothing of the loss depends on this "
                "result. It sends nothing on; None is not the same as zeros.")
    got = f"{node.name} got d {root} / d ({name}) = {values_text(given[0])}"
    if len(step.incoming) > 1:
        none = sum(gradient is None for gradient in step.incoming)
        got += f", the first defined one of {len(step.incoming)} outputs" + (f" ({none} undefined: None)" if none else "")
    if not step.outgoing and replay.edges_of(node.index):
        return f"{got}. It returned nothing: the engine stopped in it."
    sent = []
    for edge in replay.edges_of(node.index):
        slot = int(graph.edges.slot[edge])
        gradient = step.outgoing[slot] if slot < len(step.outgoing) else None
        sent.append(f"{values_text(gradient)} to {goes_to(graph, replay, edge)}")
    text = f"{got}. It multiplies by its local derivative and sends {_listed(sent)}." if sent else f"{got}. It sends nothing on."
    if node.empty:
        many = len(node.empty)
        text += f" {many} of its inputs {'requires' if many == 1 else 'require'} no gradient: there the edge leads to None."
    return text


def _listed(words: list[str]) -> str:
    if len(words) > _LISTED:
        words = [*words[:_LISTED], f"{len(words) - _LISTED} more"]
    return " and ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)


def _join(graph: Graph, replay: Replay, node: Node, step: Step, position: Position) -> list[Block]:
    """Where paths meet: what came along each, and the sum."""
    found: list[Block] = [Heading("Where paths meet")]
    output = next((slot for slot, gradient in enumerate(step.incoming) if gradient is not None), 0)
    terms = [term for term in replay.terms(node.index, position.index) if term.slot == output]
    if len(terms) > 1:
        found.append(Formula(
            r"\frac{\partial L}{\partial y} = " + (r"\sum_{k=1}^{" + str(len(terms)) + r"} g_k"),
            f"the gradient is the sum of the {len(terms)} gradients that arrive",
        ))
    rows = []
    for term in replay.terms(node.index, position.index)[:_ROWS]:
        name = graph.nodes[int(graph.edges.source[term.edge])].name if term.edge >= 0 else "backward starts here"
        rows.append((name, "undefined" if term.gradient is None else values_text(term.gradient)))
    found.append(Table(("from", "gradient"), tuple(rows)))
    total = flat(step.incoming[output]) if step.incoming else None
    parts = [values for term in terms if (values := flat(term.gradient)) is not None]
    if total is not None and total.size and len(parts) == len([term for term in terms if term.gradient is not None]) > 1:
        at = _largest(total)
        written = " + ".join(factor_latex(float(values[at])) for values in parts[:_TERMS])
        more = r" + \ldots" if len(parts) > _TERMS else ""
        found.append(Formula(f"{written}{more} = {number_latex(float(total[at]))}",
                             f"element {at}: the sum is {number_text(float(total[at]))}"))
    return found


def _largest(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int:
    """Of the element with the largest finite magnitude."""
    return int(np.argmax(np.where(np.isfinite(values), np.abs(values), -1.0)))


def _accumulate(capture: Capture, node: Node, step: Step) -> list[Block]:
    backward = capture.backward
    assert backward is not None
    leaf = next((at for at, one in enumerate(capture.graph.leaves) if one.node == node.index), -1)
    found: list[Block] = [
        Formula(r"\mathrm{grad} \leftarrow \mathrm{grad} + \frac{\partial L}{\partial w}", "the gradient is added to .grad"),
        Paragraph("Here .grad was None, so it becomes the gradient itself. A second backward without zero_grad() would add to it."),
    ]
    grad = next((one for one in backward.grads if one.leaf == leaf), None)
    if grad is not None:
        rows = [Number(".grad now", values_text(grad.after), role=Role.GRADIENT)]
        if grad.equal is not None:
            rows.append(Number("compared", "equal bit for bit" if grad.equal else "not equal",
                               help="With what a plain loss.backward() leaves in .grad."))
        if grad.before is not None:
            rows.append(Number("before this run .grad was", values_text(grad.before), help="It was put back afterwards."))
        found.append(Numbers(tuple(rows)))
    return found


def _chain_rule(graph: Graph, replay: Replay, node: Node, step: Step, local: Local | None) -> list[Block]:
    """The chain rule in general, and for one element with this step's numbers."""
    found: list[Block] = [
        Heading("Chain rule"),
        Formula(r"\frac{\partial L}{\partial x_j} = \sum_i \frac{\partial L}{\partial y_i} \, \frac{\partial y_i}{\partial x_j}",
                "each gradient that goes out is the sum over the outputs of the gradient that came in times the local derivative"),
    ]
    entry = entry_of(node.title) if node.kind == "function" else None
    if entry is not None and entry.backward:
        found += [Paragraph(f"{entry.words} For {node.title}, with g for what arrived:"),
                  *(Formula(line, f"derivative of {node.title}") for line in entry.backward)]
    if local is None or not local.blocks:
        if local is not None and local.reason:
            found.append(Paragraph(local.reason))
        return found
    for edge in replay.edges_of(node.index)[:_LISTED]:
        slot = int(graph.edges.slot[edge])
        found += _element(node, step, local, slot, goes_to(graph, replay, edge))
    if local.difference == local.difference:
        found.append(Numbers((Number(
            "incoming \u00b7 J against the engine", "exact" if local.difference == 0 else number_text(local.difference, 2),
            help="The largest difference between the product with the local derivative and what the engine returned, relative to "
                 "the largest sum of the terms.",
        ),)))
    return found


def _element(node: Node, step: Step, local: Local, slot: int, where: str) -> list[Block]:
    """One element of the gradient that goes to this slot: the largest, as the sum that it is."""
    sent = flat(step.outgoing[slot]) if slot < len(step.outgoing) else None
    if sent is None or not sent.size:
        return []
    at = _largest(sent)
    terms: list[tuple[float, float]] = []
    for block in local.blocks:
        given = flat(step.incoming[block.output]) if block.slot == slot else None
        if given is not None:
            terms += [(float(one), float(slope)) for one, slope in zip(given, block.matrix[:, at], strict=True) if slope]
    if not terms:
        return []
    terms = [term for term in terms if term[0]] or terms[:1]  # what is nothing adds nothing
    blocks = [block for block in local.blocks if block.slot == slot]
    known = factor(node, slot, at, float(blocks[0].matrix[at, at])) if len(blocks) == 1 and blocks[0].diagonal else None
    written = " + ".join(rf"{factor_latex(one)} \cdot {factor_latex(slope)}" for one, slope in terms[:_TERMS])
    more = r" + \ldots" if len(terms) > _TERMS else ""
    return [
        Paragraph(f"To {where}, element {at}:"), *((known,) if known is not None else ()),
        Formula(rf"\frac{{\partial L}}{{\partial x_{{{at}}}}} = {written}{more} = {number_latex(float(sent[at]))}",
                f"element {at} is {number_text(float(sent[at]))}"),
    ]


def _queue(capture: Capture, position: Position) -> list[Block]:
    """What waits to be run, and what waits for more."""
    graph = capture.graph
    found: list[Block] = [Heading("Ready queue")]
    if not position.ready:
        found.append(Paragraph("Empty: backward is done." if capture.backward is None or not capture.backward.error else
                               "The engine has given up what was in it."))
    else:
        rows = []
        for at, ready in enumerate(position.ready[:_ROWS]):
            node = graph.nodes[ready]
            name = f"{node.name} {output_name(node)}" if node.kind == "accumulate" else node.name
            rows.append((f"{at + 1} {name}", "first" if node.kind == "accumulate" else str(node.sequence)))
        found.append(Table(("node", "number"), tuple(rows)))
        more = len(position.ready) - len(rows)
        found.append(Paragraph(("" if more <= 0 else f"{more} more wait. ") +
                               "A node enters when all its gradients have arrived. The one that was recorded last, with the "
                               "largest number, runs next; AccumulateGrad runs before all others."))
    if position.waiting:
        rows2 = [(graph.nodes[join.node].name, f"{join.arrived} of {join.total}") for join in position.waiting[:_ROWS]]
        found += [Paragraph("These have got some of their gradients and wait for the others:"),
                  Table(("node", "have arrived"), tuple(rows2))]
    return found


def _filled(capture: Capture, position: Position) -> list[Block]:
    if not position.filled:
        return []
    graph, backward = capture.graph, capture.backward
    assert backward is not None
    after = {grad.leaf: grad.after for grad in backward.grads}
    rows = [(leaf_name(graph, leaf), values_text(after.get(leaf))) for leaf in position.filled[-_ROWS:]]
    total = sum(leaf.node >= 0 for leaf in graph.leaves)
    return [Heading(f".grad filled: {len(position.filled)} of {total}"), Table(("leaf", ".grad"), tuple(rows))]
