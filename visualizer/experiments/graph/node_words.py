"""Everything about the chosen node, group or operation, as blocks of the panel on the right."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from visualizer.base.explanation import Block, Formula, Heading, Number, Numbers, Paragraph, Table, Verdict, number_text
from visualizer.base.roles import Role
from visualizer.experiments.graph.drawing import shape_text, value_text
from visualizer.experiments.graph.folding import badge_of
from visualizer.experiments.graph.listing import unique_bytes
from visualizer.experiments.graph.looks import bytes_text, seconds_text
from visualizer.experiments.graph.model import Capture, Graph, Leaf, Node, Preview, Reason, Saved, TensorType
from visualizer.experiments.graph.operations import entry_of
from visualizer.experiments.graph.operations.torch_formulas import SOURCE, formula_of
from visualizer.experiments.graph.worked import worked

if TYPE_CHECKING:
    from visualizer.experiments.graph.view_model import GraphView, Item

#: A table has so many rows at most.
_ROWS = 24
#: Why a tensor is not in the graph.
REASONS: dict[Reason, str] = {
    "": "It is in the graph.",
    "no_grad": "It was made under torch.no_grad(): nothing is recorded there.",
    "inference": "It was made under torch.inference_mode(): nothing is recorded there.",
    "inputs": "None of its inputs requires a gradient, so there is nothing to lead backward to.",
    "detach": "It was cut off on purpose, by detach() or .data.",
    "integer": "It holds integers or booleans, which have no derivative.",
    "nondifferentiable": "The operation has no derivative.",
    "unused": "It is in a graph, but the loss does not depend on it.",
    "frozen": "It is a leaf with requires_grad=False.",
}


def words(capture: Capture, view: GraphView, ident: int) -> list[Block] | None:
    """What is known of a box, or of a node that is folded away; None: there is no such thing in this graph."""
    item = next((item for item in view.items if item.ident == ident), None)
    if item is not None and item.operation >= 0:
        return _operation(capture, item)
    if item is not None and item.leaf >= 0:
        return _absent_leaf(capture.graph.leaves[item.leaf])
    if item is not None and item.node < 0:
        return _group(capture, item)
    if not 0 <= ident < len(capture.graph.nodes):
        return None
    return _node(capture, capture.graph.nodes[ident], item)


def type_text(type_: TensorType) -> str:
    """Shape and dtype."""
    return f"{shape_text(type_.shape)} {type_.dtype}"


def tensor_text(tensor: Preview) -> str:
    """A small tensor's numbers, else mean and deviation."""
    text = value_text(tensor)
    return text if not tensor.complete or tensor.sample.size > 4 else f"[{text}]" if tensor.type.shape else text


def _node(capture: Capture, node: Node, item: Item | None) -> list[Block]:
    graph = capture.graph
    types = ", ".join(type_text(one) for one in node.outputs[:4]) or "shape not known"
    blocks: list[Block] = [Verdict(f"{node.name}: {types}", "muted"), *_what(node)]
    blocks += _numbers(capture, node)
    blocks += _where(graph, node)
    if node.kind == "accumulate":
        blocks += _leaf(capture, node.index)
    blocks += _gradients(capture, node)
    blocks += _saved(node)
    if item is not None and item.badges and node.kind != "accumulate":
        blocks += _used_leaves(capture, item)
    return blocks


def _what(node: Node) -> list[Block]:
    """What it computes and its derivative: of the catalogue, else of torch's own file, else that it is a custom function."""
    entry = entry_of(node.title)
    if entry is not None and node.kind != "custom":
        blocks: list[Block] = [Paragraph(entry.words), Heading("Forward"), Formula(entry.forward, entry.words)]
        if entry.backward:
            blocks += [Heading("Backward, for a gradient g of the result"),
                       *(Formula(line, f"derivative of {node.title}") for line in entry.backward)]
        return blocks
    if node.kind == "custom":
        place = f" It is in {node.defined.replace(':', ', line ')}." if node.defined else ""
        return [Paragraph(f"{node.title} is a torch.autograd.Function in Python: its method backward computes the gradients from "
                          f"what arrives.{place}")]
    formula = formula_of(node.name)
    if formula is None:
        return [Paragraph("A function of torch that neither the catalogue here nor torch's own list of derivatives has.")]
    return [
        Paragraph(f"torch computes {formula.signature.split('(')[0]} here. Its derivative as torch has it, in {SOURCE}, where grad "
                  "is what arrives:"),
        Table(("gradient of", "formula"), tuple(formula.formulas[:_ROWS])),
    ]


def _numbers(capture: Capture, node: Node) -> list[Block]:
    """The formula's letters with this run's numbers: of the first element of each."""
    rows: list[Number] = []
    step = capture.backward.step_of.get(node.index) if capture.backward is not None else None

    def add(name: str, tensor: Preview | None, role: Role | None = None) -> None:
        if tensor is not None and tensor.sample.size:
            rows.append(Number(name, number_text(float(tensor.sample.flat[0])), role=role, help="The first element."))

    for one in node.saved[:4]:
        add(f"{one.name}[0], saved", one.tensor)
    add("y[0], the result", node.value)
    if capture.backward is not None and step is not None:
        taken = capture.backward.steps[step]
        for place, tensor in enumerate(taken.incoming[:2]):
            add("g[0], arrives" if len(taken.incoming) == 1 else f"g{place}[0], arrives", tensor, Role.GRADIENT)
        for slot, tensor in enumerate(taken.outgoing[:4]):
            add(f"goes on to input {slot}, [0]", tensor, Role.GRADIENT)
    if not rows:
        return []
    entry = entry_of(node.title)
    taken_here = capture.backward.steps[step] if capture.backward is not None and step is not None else None
    formulas = worked(node, taken_here, entry.backward) if entry is not None else ()
    return [Heading("With this run's numbers"), *formulas, Numbers(tuple(rows))]


def _where(graph: Graph, node: Node) -> list[Block]:
    rows: list[Number] = []
    if node.variables:
        rows.append(Number("variable", ", ".join(node.variables)))
    if node.call >= 0:
        call = graph.calls[node.call]
        rows.append(Number("module", call.title,
                           help="Derived from the names of parameters, not recorded." if call.guessed else ""))
    if node.line >= 0:
        file, number, _ = graph.lines[node.line]
        rows.append(Number("source", f"{file}:{number}"))
    if node.operation >= 0:
        rows.append(Number("made by", graph.operations[node.operation].name))
    if node.value is not None:
        rows.append(Number("result", tensor_text(node.value)))
    if node.empty:
        rows.append(Number("inputs without gradient", ", ".join(map(str, node.empty)),
                           help="Slots of next_functions that are None."))
    if node.sequence >= 0:
        rows.append(Number("number in the forward pass", f"{node.sequence:,}", help="Backward runs larger ones first."))
    blocks: list[Block] = [Heading("Where it comes from"), Numbers(tuple(rows))] if rows else []
    if node.line >= 0:
        blocks.append(Paragraph(graph.lines[node.line].text))
    return blocks


def _leaf(capture: Capture, index: int) -> list[Block]:
    graph = capture.graph
    found = next(((at, leaf) for at, leaf in enumerate(graph.leaves) if leaf.node == index), None)
    if found is None:
        return []
    at, leaf = found
    rows = [Number("leaf", leaf_name(leaf)), Number("shape", type_text(leaf.type)),
            Number("elements", f"{math.prod(leaf.type.shape):,}")]
    if leaf.value is not None:
        rows.append(Number("value", tensor_text(leaf.value)))
    grad = next((one for one in capture.backward.grads if one.leaf == at), None) if capture.backward is not None else None
    if grad is not None:
        rows += [Number(".grad before", "None" if grad.before is None else tensor_text(grad.before)),
                 Number(".grad after", "None" if grad.after is None else tensor_text(grad.after), role=Role.GRADIENT)]
        if grad.after is not None:
            rows.append(Number("norm of .grad", number_text(grad.after.norm), role=Role.GRADIENT))
    blocks: list[Block] = [Heading("The leaf"), Numbers(tuple(rows))]
    if len(leaf.names) > 1:
        blocks.append(Paragraph(f"One tensor with {len(leaf.names)} names (tied): the gradients of all its uses are added up."))
    return blocks


def _absent_leaf(leaf: Leaf) -> list[Block]:
    """A leaf outside of the graph."""
    rows = [Number("shape", type_text(leaf.type)), Number("requires_grad", str(leaf.requires_grad))]
    if leaf.value is not None:
        rows.append(Number("value", tensor_text(leaf.value)))
    return [Verdict(f"{leaf_name(leaf)} is a leaf that is not in the graph. {REASONS[leaf.reason or 'frozen']}", "warning"),
            Numbers(tuple(rows))]


def leaf_name(leaf: Leaf) -> str:
    return " = ".join(leaf.names) or "(no name)"


def _gradients(capture: Capture, node: Node) -> list[Block]:
    graph, backward = capture.graph, capture.backward
    if backward is None:
        return [Paragraph("Backward was not run, so there are no gradients.")]
    step = backward.step_of.get(node.index)
    if step is None:
        return [Paragraph("Backward did not come here." + (f" torch says: {backward.error}" if backward.error else ""))]
    taken = backward.steps[step]
    rows = [_gradient_row(f"in, output {place}" if len(taken.incoming) > 1 else "in", tensor)
            for place, tensor in enumerate(taken.incoming)]
    order, start = graph.outgoing
    leaving = order[start[node.index]: start[node.index + 1]]
    goes = {int(graph.edges.slot[edge]): int(graph.edges.target[edge]) for edge in leaving}
    for slot, tensor in enumerate(taken.outgoing):
        if slot in goes:
            target = graph.nodes[goes[slot]]
            to = badge_of(target) if target.kind == "accumulate" else target.title
            rows.append(_gradient_row(f"out {slot}, to {to}", tensor))
    blocks: list[Block] = [Heading("Gradients"), Table(("gradient", "shape", "norm", "values"), tuple(rows[:_ROWS]))]
    if taken.seconds == taken.seconds:
        blocks.append(Numbers((Number("time in backward", seconds_text(taken.seconds)), Number("ran as number", f"{step + 1:,}",
                                      unit=f"of {len(backward.steps):,}"))))
    return blocks


def _gradient_row(name: str, tensor: Preview | None) -> tuple[str, str, str, str]:
    if tensor is None:
        return name, "None", "", "undefined: counts as zeros"
    return name, shape_text(tensor.type.shape), number_text(tensor.norm), tensor_text(tensor)


def _saved(node: Node) -> list[Block]:
    if not node.saved:
        return []
    total = unique_bytes([one.tensor for one in node.saved if one.tensor is not None])
    title = f"Saved for backward: {bytes_text(total)}" if total else "Saved for backward"
    return [Heading(title), Table(("name", "value", "memory", ""), tuple(_saved_row(one) for one in node.saved[:_ROWS]))]


def _saved_row(saved: Saved) -> tuple[str, str, str, str]:
    state = "freed by backward" if saved.freed else "packed by a hook" if saved.hooked else \
        " = ".join(saved.leaf) if saved.leaf else ""
    if saved.tensor is None:
        return saved.name, saved.text, "", "" if state == saved.text else state
    memory = bytes_text(saved.tensor.bytes)
    if saved.tensor.kept > saved.tensor.bytes:
        memory += f" of {bytes_text(saved.tensor.kept)}, which it keeps alive"
    return saved.name, f"{type_text(saved.tensor.type)}: {tensor_text(saved.tensor)}", memory, state


def _used_leaves(capture: Capture, item: Item) -> list[Block]:
    grads = {one.leaf: one for one in capture.backward.grads} if capture.backward is not None else {}
    rows = []
    used = set(item.leaves)
    for at, leaf in enumerate(capture.graph.leaves):
        if leaf.node not in used:
            continue
        grad = grads.get(at)
        norm = number_text(grad.after.norm) if grad is not None and grad.after is not None else "None"
        rows.append((leaf_name(leaf), shape_text(leaf.type.shape), norm))
    if not rows:
        return []
    more = [(f"and {len(rows) - _ROWS} more", "", "")] if len(rows) > _ROWS else []
    return [Heading("Its leaves"), Table(("leaf", "shape", "norm of .grad"), tuple(rows[:_ROWS] + more))]


def _group(capture: Capture, item: Item) -> list[Block]:
    graph, backward = capture.graph, capture.backward
    nodes = [graph.nodes[at] for at in item.members]
    call = graph.calls[item.call] if item.call >= 0 else None
    title = f"{item.times} equal blocks one after the other" if item.times > 1 or call is None else call.title
    used = set(item.leaves)
    leaves = [leaf for leaf in graph.leaves if leaf.node in used]
    elements = sum(math.prod(leaf.type.shape) for leaf in leaves)
    kept = [saved.tensor for node in nodes for saved in node.saved if saved.tensor is not None]
    rows = [Number("nodes", f"{len(nodes):,}"), Number("leaves", f"{len(leaves):,}"), Number("their elements", f"{elements:,}"),
            Number("kept for backward", bytes_text(unique_bytes(kept)))]
    if backward is not None:
        steps = [backward.steps[backward.step_of[node.index]] for node in nodes if node.index in backward.step_of]
        spent = [step.seconds for step in steps if step.seconds == step.seconds]
        if spent:
            rows.append(Number("time in backward", seconds_text(sum(spent))))
    others = [other for other in graph.calls if call is not None and other.path == call.path and other.type == call.type]
    if len(others) > 1:
        rows.append(Number("calls of this module", str(len(others)),
                           help="Each call has nodes of its own; its weights are the same."))
    blocks: list[Block] = [Verdict(f"{title}: {len(nodes):,} nodes. Double-click opens it.", "muted"), Numbers(tuple(rows))]
    if item.times > 1:
        blocks.append(Paragraph(f"Each has {len(nodes) // item.times:,} nodes: the same operations, results of the same shapes, "
                                "joined in the same way." + (f" The first is {call.title}." if call is not None else "")))
    if call is not None and call.guessed:
        blocks.append(Paragraph("Which nodes belong to it was derived from the names of parameters, not recorded."))
    blocks += [Heading("Nodes by kind"), kinds_table(nodes)]
    blocks += _used_leaves(capture, item)
    return blocks


def kinds_table(nodes: Sequence[Node]) -> Table:
    """How many nodes of each name."""
    counts = Counter(node.name for node in nodes).most_common()
    rows = [(name, f"{count:,}") for name, count in counts[:_ROWS]]
    if len(counts) > _ROWS:
        rows.append((f"and {len(counts) - _ROWS} more kinds", f"{sum(count for _, count in counts[_ROWS:]):,}"))
    return Table(("node", "how many"), tuple(rows))


def _operation(capture: Capture, item: Item) -> list[Block]:
    graph = capture.graph
    operation = graph.operations[item.operation]
    blocks: list[Block] = []
    if operation.error:
        blocks += [Verdict(f"The forward pass failed at {operation.name}.", "bad"), Paragraph(operation.error)]
    else:
        blocks.append(Verdict(f"{operation.name} is not in the graph. {REASONS[operation.reason]}", "warning"))
    rows = [Number("result", ", ".join(type_text(one) for one in operation.outputs) or "none")]
    if operation.variables:
        rows.append(Number("variable", ", ".join(operation.variables)))
    if operation.call >= 0:
        rows.append(Number("module", graph.calls[operation.call].title))
    if operation.line >= 0:
        file, number, _ = graph.lines[operation.line]
        rows.append(Number("source", f"{file}:{number}"))
    blocks.append(Numbers(tuple(rows)))
    if operation.line >= 0:
        blocks.append(Paragraph(graph.lines[operation.line].text))
    if operation.inputs:
        blocks += [Heading("Inputs"), Table(("tensor", "type", "requires_grad"), tuple(
            (origin.name or (graph.operations[origin.operation].name if origin.operation >= 0 else f"input {place}"),
             type_text(origin.type), str(origin.requires_grad))
            for place, origin in enumerate(operation.inputs[:_ROWS])
        ))]
    return blocks
