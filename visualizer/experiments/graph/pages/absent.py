"""Why is this tensor not in the graph? Every tensor of the forward pass, and what the graph keeps in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from visualizer.base.explanation import Block, Explanation, Formula, Heading, Number, Numbers, Paragraph, Table, Verdict
from visualizer.base.roles import Role
from visualizer.experiments.graph.looks import bytes_text, figure_of
from visualizer.experiments.graph.model import LEAF_IDENT, OUTSIDE_IDENT, Graph, Operation
from visualizer.experiments.graph.pages.absent_rows import Row, filled_outside, remedy, rows_of, why
from visualizer.experiments.graph.pages.backward_code import program
from visualizer.experiments.graph.pages_base import begin
from visualizer.experiments.graph.requests import AbsentRequest, selected_ident
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import GraphState
from visualizer.figures.graph import AnyFigure
from visualizer.figures.model import Axis, Figure, Segments, readonly

#: Tensors with a bar of their own, and rows of a table.
_BARS, _ROWS = 12, 40
#: Reasons for which autograd could have kept something and was told not to.
_SPARED = ("no_grad", "inference", "detach")


class Kept(NamedTuple):
    """One piece of memory that the graph keeps until backward: whose it is, its bytes, whether a leaf owns it anyway."""

    name: str
    bytes: int
    leaf: bool


@dataclass(frozen=True, eq=False)
class AbsentResult(GraphResult):
    """Every tensor of the forward pass.

    Attributes:
        rows: leaves, then results.
        kept: what the nodes save, the largest first; tensors that share memory are one.
        spared: bytes of the results under ``no_grad``, ``inference_mode`` and of ``detach`` that have memory of their own.
        memory: the figure of it, made once.
    """

    rows: tuple[Row, ...]
    kept: tuple[Kept, ...]
    spared: int
    memory: Figure

    def numbers(self) -> dict[str, Any]:
        found = super().numbers()
        graph = self.capture.graph
        found["tensors"] = [
            {
                "name": row.name, "made_by": row.made, "line": graph.lines[row.line].number if row.line >= 0 else None,
                "shape": list(row.type.shape), "dtype": row.type.dtype, "in_graph": row.inside, "reason": row.reason,
            }
            for row in self.rows
        ]
        found["kept"] = [{"name": one.name, "bytes": one.bytes, "leaf": one.leaf} for one in self.kept]
        return found


def run(request: AbsentRequest) -> Iterator[AbsentResult | None]:
    """The capture, its drawing with the operations outside of the graph, and a list of all tensors.

    Raises:
        UserError: as :func:`visualizer.experiments.graph.captures.captured`.
    """
    found, view, drawing = yield from begin(request.source, request.shown)
    graph = found.capture.graph
    rows = yield from rows_of(graph, filled_outside(found.capture))
    kept = kept_of(graph)
    yield None
    yield AbsentResult(request=request, capture=found.capture, view=view, drawing=drawing, rows=rows, kept=kept,
                       spared=_spared(graph.operations), memory=_memory_figure(graph, kept))


def kept_of(graph: Graph) -> tuple[Kept, ...]:
    """What the nodes keep for backward, the largest first; a tensor that several of them keep, or views of one, count once.

    A view counts as all of its memory, which it keeps alive.
    """
    values = [(leaf, leaf.value) for leaf in graph.leaves if leaf.value is not None and leaf.value.storage >= 0]
    leaves = {value.storage: " = ".join(leaf.names) for leaf, value in values}
    found: dict[object, Kept] = {}
    for node in graph.nodes:
        for number, saved in enumerate(node.saved):
            tensor = saved.tensor
            if tensor is None:
                continue
            key = tensor.storage if tensor.storage >= 0 else (node.index, number)
            owner = leaves.get(tensor.storage, " = ".join(saved.leaf))
            before = found.get(key, Kept(f"{node.title}.{saved.name}", 0, False))
            found[key] = Kept(owner or before.name, max(before.bytes, tensor.kept), before.leaf or bool(owner))
    return tuple(sorted(found.values(), key=lambda one: -one.bytes))


def _spared(operations: Sequence[Operation]) -> int:
    """detach gives a view: it has no memory of its own."""
    return sum(one.value.bytes for one in operations
               if one.reason in _SPARED and one.value is not None and not one.name.endswith(("detach", ".data", "detach_")))


def _memory_figure(graph: Graph, kept: Sequence[Kept]) -> Figure:
    title = "Kept in memory for backward"
    if not kept:
        why = graph.failure.sentence if graph.failure is not None and not graph.nodes else (
            "backward has freed it" if any(saved.freed for node in graph.nodes for saved in node.saved) else
            "No node of this graph saves a tensor that can be looked at.")
        return Figure("memory", title, Axis("memory", "B"), Axis("tensor"), (), note=why)
    shown = kept[:_BARS]
    rest = kept[_BARS:]
    bars = [(one.name, one.bytes, one.leaf) for one in shown]
    if rest:
        bars.append((f"{len(rest)} others", sum(one.bytes for one in rest), False))
    unit, factor = _unit(max(bytes_ for _, bytes_, _ in bars))
    layers = []
    for key, role, label, leaf in (("kept", Role.KEPT, "kept because of the graph", False),
                                   ("leaf", Role.MUTED, "a leaf: it exists anyway", True)):
        rows = [row for row, bar in enumerate(bars) if bar[2] is leaf]
        if rows:
            places = readonly([float(-row) for row in rows])
            layers.append(Segments(key=key, role=role, label=label, x0=readonly([0.0] * len(rows)), y0=places,
                                   x1=readonly([bars[row][1] / factor for row in rows]), y1=places, width=12.0))
    own = sum(one.bytes for one in kept if not one.leaf)
    note = f"{bytes_text(own)} in {_count(sum(not one.leaf for one in kept))} only there for backward, until it frees that."
    return Figure(
        "memory", title, Axis("memory", unit, limits=(0.0, 1.05 * max(bar[1] for bar in bars) / factor or 1.0)),
        Axis("tensor", ticks=tuple((float(-row), _short(bar[0])) for row, bar in enumerate(bars)), limits=(-len(bars) + 0.3, 0.7)),
        tuple(layers), note=note,
    )


def _count(tensors: int) -> str:
    return "1 tensor is" if tensors == 1 else f"{tensors:,} tensors are"


def _unit(most: int) -> tuple[str, float]:
    for unit, factor in (("GiB", 2.0**30), ("MiB", 2.0**20), ("KiB", 2.0**10)):
        if most >= factor:
            return unit, factor
    return "B", 1.0


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"\u2026{name[-27:]}"


def figures(result: AbsentResult, state: GraphState) -> tuple[AnyFigure, ...]:
    """The graph with what is outside of it, and the memory it keeps."""
    outside = sum(not row.inside for row in result.rows)
    marks = {"badge": f"{_count(outside)} not in the graph", "badge_role": Role.MUTED}
    return figure_of("absent", "The graph, and what is not in it", result, state, **marks), result.memory


def _chosen(result: AbsentResult, state: GraphState) -> Operation | None:
    """The operation whose result was clicked, in the graph or not."""
    ident = selected_ident(state)
    graph = result.capture.graph
    if ident is None:
        return None
    if OUTSIDE_IDENT <= ident < OUTSIDE_IDENT + len(graph.operations):
        return graph.operations[ident - OUTSIDE_IDENT]
    if 0 <= ident < len(graph.nodes) and graph.nodes[ident].operation >= 0:
        return graph.operations[graph.nodes[ident].operation]
    return None


def _chosen_leaf(result: AbsentResult, state: GraphState) -> Row | None:
    """The leaf outside of the graph that was clicked."""
    ident = selected_ident(state)
    return None if ident is None else next((row for row in result.rows if row.leaf >= 0 and row.leaf == ident - LEAF_IDENT), None)


def explain(result: AbsentResult, state: GraphState) -> Explanation:
    """The chosen tensor, or a table of all."""
    graph = result.capture.graph
    chosen = _chosen(result, state)
    leaf = _chosen_leaf(result, state)
    blocks: list[Block] = []
    if leaf is not None:
        blocks += [Verdict(f"{leaf.name} is not in the graph: {why(graph, leaf)}.", "warning"),
                   Paragraph(_sentences("it is a leaf: no operation of the forward pass has made it",
                                        f"to change that, {remedy(graph, leaf)}"))]
    elif chosen is not None:
        blocks += _one(result, chosen)
    else:
        missing = [row for row in result.rows if not row.inside]
        if graph.failure is not None:
            blocks.append(Verdict(graph.failure.sentence, "bad"))
        if graph.nodes and not graph.operations:
            blocks.append(Verdict("Only the graph was captured, without its forward pass: put visualizer.record() around that.",
                                  "warning"))
        elif graph.nodes:
            inside = len(result.rows) - len(missing)
            blocks.append(Verdict(f"{_count(inside)} in the graph, {_count(len(missing))} not. Click a dashed box to see why."
                                  if missing else f"{_count(inside)} in the graph: every one of them.",
                                  "muted" if missing else "good"))
        if missing:
            blocks += [Heading("Not in the graph"), *_table(graph, missing)]
        blocks += [Heading("In the graph"), *_table(graph, [row for row in result.rows if row.inside])]
    blocks += _rule(graph, chosen)
    blocks += _memory_words(result)
    return Explanation(tuple(blocks))


def _table(graph: Graph, rows: Sequence[Row]) -> list[Block]:
    """What made each, where, and if it is not in the graph, why and what to change."""
    if not rows:
        return [Paragraph("None.")]
    absent = not rows[0].inside
    # Few columns: the panel is narrow, and sentences need width.
    header = ("tensor", "made by", "why not") if absent else ("tensor", "made by", "shape")
    found = []
    for row in rows[:_ROWS]:
        made = row.made.removeprefix("torch.nn.functional.").removeprefix("torch.").removeprefix("Tensor.")
        if row.line >= 0:
            made += f", line {graph.lines[row.line].number}"
        found.append((row.name, made, _sentences(why(graph, row), remedy(graph, row)) if absent else _shape(row)))
    more = [Paragraph(f"And {len(rows) - _ROWS:,} more.")] if len(rows) > _ROWS else []
    return [Table(header, tuple(found)), *more]


def _sentences(*texts: str) -> str:
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in texts if text)


def _shape(row: Row) -> str:
    return f"({', '.join(map(str, row.type.shape))}) {row.type.dtype}"


def _one(result: AbsentResult, operation: Operation) -> list[Block]:
    """One operation's result, in the graph or not."""
    graph = result.capture.graph
    row = next((row for row in result.rows if row.operation == operation.index), None)
    name = operation.variables[0] if operation.variables else f"the result of {operation.name}"
    if operation.error:
        return [Verdict(f"{operation.name} failed, so it has no result: {operation.error.splitlines()[0]}", "bad")]
    if row is None:
        return []
    place = [Paragraph(f"Line {graph.lines[row.line].number}: {graph.lines[row.line].text}")] if row.line >= 0 else []
    if row.inside:
        nodes = ", ".join(graph.nodes[at].title for at in operation.nodes)
        return [Verdict(f"{name} is in the graph.", "good"), *place,
                Paragraph(f"{operation.name} was recorded as {nodes or 'a part of another node'}: backward passes through it.")]
    return [
        Verdict(f"{name} is not in the graph: {why(graph, row)}.", "warning"), *place,
        Paragraph(f"To change that: {remedy(graph, row)}."),
    ]


def _rule(graph: Graph, chosen: Operation | None) -> list[Block]:
    """When torch records an operation, with what went into the chosen one."""
    blocks: list[Block] = [
        Heading("The rule"),
        Paragraph("torch asks three questions whenever an operation runs. Only if all are answered with yes, the result requires a "
                  "gradient and gets a grad_fn, its node of the graph:"),
        Formula(r"\mathrm{requires\_grad}(y) = \mathrm{recording} \wedge \mathrm{differentiable} \wedge "
                r"(\mathrm{requires\_grad}(x_1) \vee \mathrm{requires\_grad}(x_2) \vee \dots)",
                "y requires a gradient if autograd records, the operation has a derivative, and one of its inputs requires one"),
    ]
    example = chosen if chosen is not None else next((one for one in graph.operations if one.inputs and one.outputs), None)
    if example is None or example.error:
        return blocks
    needs = [origin.requires_grad for origin in example.inputs]
    recording = example.reason not in ("no_grad", "inference")
    smooth = example.reason not in ("integer", "nondifferentiable", "detach")
    result = recording and smooth and any(needs)
    terms = r" \vee ".join(_yes(one) for one in needs[:6]) + (r" \vee \dots" if len(needs) > 6 else "")
    words = " or ".join("yes" if one else "no" for one in needs[:6])
    blocks.append(Formula(
        rf"\mathrm{{{_tex(example.name)}}}: \quad {_yes(recording)} \wedge {_yes(smooth)} \wedge ({terms or _yes(False)}) "
        rf"= {_yes(result)}",
        f"{example.name}: recording {recording}, differentiable {smooth}, inputs {words}: the result is {result}",
    ))
    rows = tuple(
        Number(origin.name or (graph.operations[origin.operation].name if origin.operation >= 0 else "a tensor"),
               "requires_grad" if origin.requires_grad else "no gradient")
        for origin in example.inputs[:12]
    )
    if rows:
        blocks.append(Numbers(rows))
    return blocks


def _yes(value: bool) -> str:
    return r"\mathrm{true}" if value else r"\mathrm{false}"


def _tex(name: str) -> str:
    return name.rpartition(".")[2].replace("_", r"\_")


def _memory_words(result: AbsentResult) -> list[Block]:
    """What the graph costs, and what was spared."""
    own = sum(one.bytes for one in result.kept if not one.leaf)
    shared = sum(one.bytes for one in result.kept if one.leaf)
    rows = [Number("Kept only for backward", bytes_text(own), help="Results that nobody would need otherwise.", role=Role.KEPT),
            Number("Leaves that are kept, too", bytes_text(shared), help="Parameters and inputs: they exist anyway."),
            Number("Results outside of the graph", bytes_text(result.spared),
                   help="Made under no_grad or inference_mode: torch may free them as soon as you drop them.")]
    return [
        Heading("Memory"),
        Paragraph("To compute its derivative a node keeps tensors of the forward pass until backward has run. Outside of the graph "
                  "nothing is kept: that is why evaluation under no_grad takes less memory."),
        Numbers(tuple(rows)),
    ]


def code(request: AbsentRequest) -> str:
    """PyTorch that asks every named tensor whether it is in the graph, and counts what is saved.

    Raises:
        UserError: there is no program to run.
    """
    text, root = program(request.source)
    head, _, rest = text.partition("torch.manual_seed")
    return f"""{head}kept = {{}}


def pack(tensor):  # called for every tensor that a node saves
    storage = tensor.untyped_storage()  # a part of a tensor keeps all of it
    kept[storage.data_ptr()] = storage
    return tensor


hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
hooks.__enter__()
torch.manual_seed{rest}hooks.__exit__(None, None, None)

in_graph, waiting = set(), [{root}.grad_fn]
while waiting:
    node = waiting.pop()
    if node is not None and node not in in_graph:
        in_graph.add(node)
        waiting += [following for following, _ in node.next_functions]
leaves = {{id(node.variable) for node in in_graph if hasattr(node, "variable")}}

for name, value in list(globals().items()):
    if isinstance(value, torch.Tensor) and name != "tensor":
        inside = value.grad_fn in in_graph if value.grad_fn is not None else id(value) in leaves
        print(f"{{name:12}} in the graph: {{inside!s:5}}  requires_grad: {{value.requires_grad!s:5}}  grad_fn: {{value.grad_fn}}")
# Leaves and what graphs save that the loss does not need are counted here, too.
print("saved tensors:", len(kept), "with", sum(one.nbytes() for one in kept.values()), "bytes")
"""
