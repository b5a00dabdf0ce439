"""What is said of a graph that is used again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from visualizer.base.explanation import Block, Formula, Heading, Number, Numbers, Paragraph, Table, Verdict, number_text
from visualizer.base.roles import Role
from visualizer.components.latex import factor_latex, number_latex
from visualizer.experiments.graph.life import Event, Life, Plan
from visualizer.experiments.graph.listing import unique_bytes
from visualizer.experiments.graph.local import flat
from visualizer.experiments.graph.model import Capture, Graph
from visualizer.experiments.graph.pages.backward_code import WALK, program
from visualizer.experiments.graph.pages.backward_words import leaf_name, root_name, values_text
from visualizer.experiments.graph.requests import LifeRequest

if TYPE_CHECKING:
    from visualizer.figures.model import Floats

_ROWS = 8


def number(value: float) -> str:
    """A number at a bar."""
    return number_text(value)


def line(event: Event, plan: Plan) -> str:
    """The line of the script."""
    match event.what:
        case "forward":
            return "forward pass"
        case "backward":
            return f"backward({'retain_graph=True' if plan.retain else ''})"
        case "zero_grad":
            return "zero_grad()"
        case _:
            return "zero_grad(set_to_none=False)"


def title(event: Event, plan: Plan) -> str:
    """The title of the graph."""
    if event.error:
        return f"{_nth(event)} {line(event, plan)} raises an error"
    if event.what == "backward":
        kept = "nothing new is freed" if plan.retain or not event.freed.any() else "saved tensors are freed"
        return f"After the {_nth(event).lower()} {line(event, plan)}: {kept}"
    return f"After the {line(event, plan)}" if event.what == "forward" else f"After {line(event, plan)}"


def grads_title(event: Event, plan: Plan) -> str:
    """The title of the figure of ``.grad``."""
    if event.what == "forward":
        return ".grad after the forward pass"
    return f".grad before and after {'the ' + _nth(event).lower() + ' ' if event.what == 'backward' else ''}{line(event, plan)}"


def _nth(event: Event) -> str:
    return ("", "First", "Second", "Third", "Fourth")[event.nth]


def badge(event: Event) -> tuple[str, Role]:
    """In the corner of the graph."""
    if event.error:
        return "torch refuses this backward", Role.BAD
    freed = int(event.freed.sum())
    if freed:
        return f"Freed: what {freed:,} {'node' if freed == 1 else 'nodes'} had saved", Role.WARNING
    return "All that was saved is still there", Role.GOOD


def _changed(event: Event) -> int:
    """How many ``.grad`` this event has changed."""
    return sum(one is not two and (one is None or two is None or one.norm != two.norm or not _equal(one.sample, two.sample))
               for one, two in zip(event.before, event.after, strict=True))


def _equal(one: Floats, two: Floats) -> bool:
    """As numbers, where NaN equals NaN. Equal bits are told at once: a network has thousands of gradients."""
    return (one.shape == two.shape and one.tobytes() == two.tobytes()) or np.array_equal(one, two, equal_nan=True)


def sentence(life: Life, index: int) -> str:
    """What this event did to ``.grad``."""
    event = life.events[index]
    changed, total = _changed(event), len(life.leaves)
    match event.what:
        case "forward":
            filled = sum(one is not None for one in event.after)
            return "Every .grad is None: nothing has been differentiated yet." if not filled else (
                f"{filled} of {total} .grad were filled before.")
        case "backward" if event.error:
            return (f"backward stopped half-way, but {changed} of {total} .grad had been written before that." if changed else
                    "No .grad was written.")
        case "backward":
            added = any(one is not None for one in event.before)
            zeros = added and all(one is None or one.norm == 0.0 for one in event.before)
            return ("Each gradient is added to the zeros." if zeros else "Each gradient is added to what .grad held." if added else
                    "Each .grad was None and is now the gradient.")
        case "zero_grad":
            return "Every .grad is None again."
        case _:
            return "Every .grad that was filled is all zeros; its memory is kept."


def blocks(capture: Capture, life: Life, plan: Plan, index: int) -> tuple[Block, ...]:
    """The explanation of an event."""
    event, graph = life.events[index], capture.graph
    found: list[Block] = []
    if not graph.nodes:
        why = graph.failure.sentence if graph.failure is not None else "There is no graph: nothing was recorded."
        return (Verdict(why, "bad"),)
    where = f"Step {index} of {len(life.events) - 1}"
    if event.error:
        found.append(Verdict(f"{where}: torch refuses this backward. {sentence(life, index)}", "bad"))
    else:
        role: Literal["good", "muted"] = "good" if event.what == "backward" else "muted"
        found.append(Verdict(f"{where}: {line(event, plan)}. {sentence(life, index)}", role))
    if life.derived:
        found.append(Paragraph("This graph lives in another process, or in a file, so nothing was run again here: these steps "
                               "follow from the one backward that was recorded."))
    found.append(_events(life, plan, index))
    if event.error:
        found += _error(graph, life, event)
    found += _memory(graph, life, event, plan)
    found += _added(graph, life, index)
    found += _grads(graph, life, event)
    return tuple(found)


def _events(life: Life, plan: Plan, index: int) -> Table:
    rows = []
    for at, event in enumerate(life.events):
        freed = int(event.freed.sum())
        told = "error" if event.error else f"{freed:,} freed" if freed else "all kept"
        filled = sum(one is not None for one in event.after)
        rows.append((("\u2192 " if at == index else "") + f"{at} {line(event, plan)}", told, f"{filled} of {len(life.leaves)}"))
    return Table(("step", "saved", ".grad"), tuple(rows))


def _error(graph: Graph, life: Life, event: Event) -> list[Block]:
    found: list[Block] = [Heading("The error"), Paragraph(f"torch says: {event.error}")]
    if "second time" not in event.error:
        if event.failed >= 0:
            found.append(Paragraph(f"It happened at {graph.nodes[event.failed].name}."))
        return found
    if event.failed >= 0:
        node = graph.nodes[event.failed]
        names = ", ".join(dict.fromkeys(saved.name for saved in node.saved if saved.tensor is not None or saved.hooked))
        place = ""
        if node.line >= 0:
            source = graph.lines[node.line]
            place = f", made in line {source.number}: {source.text}"
        found.append(Paragraph(
            f"It happened at {node.name}{place}. Its derivative needs what the forward pass saved"
            + (f" ({names})" if names else "") + ", and the backward before this one freed it, to give the memory back while it "
            "went along."))
        if _changed(event):
            found.append(Paragraph("Nodes that ran before this one and needed nothing that was freed did their work again: some "
                                   ".grad have been added to although an error was raised. Do not go on with such gradients."))
    root = root_name(graph)
    found += [
        Heading("What to do"),
        Paragraph(f"Compute {root} anew before each backward: a training loop does so anyway, for every forward pass builds a new "
                  "graph."),
        Paragraph(f"To differentiate one {root} twice on purpose, call {root}.backward(retain_graph=True) the first time. It keeps "
                  "the memory until the graph is dropped."),
        Paragraph("If the same hidden state is used in one step after the other, cut it off with detach() between them: the error "
                  "then comes from the old part of the graph."),
    ]
    return found


def _memory(graph: Graph, life: Life, event: Event, plan: Plan) -> list[Block]:
    count = int(life.keeps.sum())
    found: list[Block] = [Heading("What the graph keeps")]
    if not count:
        if event.freed.any():
            return [*found, Paragraph("What it had saved was freed before this page began.")]
        return [*found, Paragraph("No node of this graph has saved a tensor: additions, views and sums need none for their "
                                  "derivatives. So there is nothing to free, and backward can be called again without "
                                  "retain_graph=True.")]
    saved = [one.tensor for node in graph.nodes for one in node.saved if one.tensor is not None]
    left = [one.tensor for node in graph.nodes if not event.freed[node.index] for one in node.saved if one.tensor is not None]
    found.append(Numbers((
        Number("nodes that saved tensors", f"{count:,}"),
        Number("of them freed", f"{int((event.freed & life.keeps).sum()):,}", role=Role.WARNING if event.freed.any() else None),
        Number("memory of what was saved", f"{unique_bytes(saved):,}", "B"),
        Number("memory that the graph still holds", f"{unique_bytes(left):,}", "B",
               help="Parameters are among it: the graph gives its hold of them up, they stay."),
    )))
    if event.what == "backward" and not event.error:
        found.append(Paragraph("retain_graph=True: backward has freed nothing, and can be called again." if plan.retain else
                               "Each node frees what it saved as soon as it has run. The graph's nodes are still there, but those "
                               "that are drawn muted can compute no derivative any more."))
    return found


def _added(graph: Graph, life: Life, index: int) -> list[Block]:
    """The accumulation at one element, with its numbers."""
    event = life.events[index]
    if event.what != "backward" or not _changed(event):
        return []
    found: list[Block] = [Heading("Why does it add up?"), Formula(
        r"\mathrm{grad} \leftarrow \mathrm{grad} + \frac{\partial L}{\partial w}",
        "backward adds the gradient to what .grad holds",
    )]
    for leaf, before, after in zip(life.leaves, event.before, event.after, strict=True):
        now, old = flat(after), flat(before)
        if now is None or not now.size or (event.error and before is after):
            continue
        at = int(np.argmax(np.where(np.isfinite(now), np.abs(now), -1.0)))
        was = float(old[at]) if old is not None else 0.0
        change = float(now[at]) - was
        if not np.isfinite(change) or (event.error and change == 0.0):
            continue
        start = factor_latex(was) if old is not None else r"\mathrm{None}"
        written = (rf"{start} + {factor_latex(change)} = {number_latex(float(now[at]))}" if old is not None else
                   rf"{start} \rightarrow {number_latex(float(now[at]))}")
        told = f"it was {number_text(was) if old is not None else 'None'} and is {number_text(float(now[at]))}"
        found += [Paragraph(f"Element {at} of {leaf_name(graph, leaf)}.grad:"), Formula(written, told)]
        break
    found.append(Paragraph("A tensor may be used several times, and a batch may be computed in parts: the parts of a gradient have "
                           "to be added. So a training loop clears .grad before each backward."))
    return found


def _grads(graph: Graph, life: Life, event: Event) -> list[Block]:
    rows = [(leaf_name(graph, leaf), values_text(before), values_text(after))
            for leaf, before, after in zip(life.leaves[:_ROWS], event.before, event.after, strict=False)]
    if not rows:
        return []
    return [Heading(".grad"), Table(("leaf", "before", "after"), tuple(rows))]


def code(request: LifeRequest) -> str:
    """The program, then the same calls, with .grad printed after each.

    Raises:
        UserError: there is no program.
    """
    text, root = program(request.source)
    call = f"{root}.backward(torch.ones_like({root}){', retain_graph=True' if request.retain else ''})"
    lines = [
        text, WALK.format(root=root) + "leaves = [node.variable for node in nodes if hasattr(node, \"variable\")]", "",
        f"for nth in range(1, {request.backwards + 1}):",
    ]
    if request.clear == "zero_grad":
        lines += ["    for leaf in leaves:  # what optimizer.zero_grad() does", "        leaf.grad = None"]
    elif request.clear == "zeros":
        lines += ["    for leaf in leaves:  # what optimizer.zero_grad(set_to_none=False) does",
                  "        if leaf.grad is not None:", "            leaf.grad.zero_()"]
    return "\n".join([
        *lines, "    try:", f"        {call}", "    except RuntimeError as error:", '        print("RuntimeError:", error)',
        "        break", '    print(f"after backward {nth}:", [leaf.grad for leaf in leaves])', "",
    ])
