"""A view as DOT, the language of graphviz: what the lecture saves.

Edges go from the node nearer to the loss to the one that its gradient goes to, as next_functions has them; graphviz puts the loss
below (``rankdir=BT``) and draws the arrow heads in the direction of the forward pass (``dir=back``), as the screen and torchviz
do. Colours are those of torchviz. Parameters that are folded into a node are light blue boxes beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from visualizer.experiments.graph.drawing import Writer
from visualizer.experiments.graph.model import Graph
from visualizer.experiments.graph.view_model import GraphView, Item

LEAF, OUTPUT, FUNCTION, OUTSIDE, GROUP = "lightblue", "darkolivegreen1", "lightgrey", "white", "khaki1"


def dot_text(graph: Graph, view: GraphView) -> str:
    """The view in DOT.

    Every item is a node (``n`` and its ident), every link an edge, parallel ones each; open groups are clusters; a leaf that is
    folded into an item is a node of its own (``p``, the item's ident and a number) with an edge to it. A link that stands for
    several edges has their number as its label.
    """
    lines = [
        "digraph autograd {",
        f"  graph [rankdir=BT, label={quoted(graph.title or graph.model or 'autograd')}, labelloc=t, fontname=\"sans-serif\"];",
        '  node [shape=box, style=filled, fontname="monospace", fontsize=10, height=0.2];',
        "  edge [dir=back, fontsize=9];",
    ]
    writer = Writer(graph, None, view)
    inside: dict[int, list[int]] = {}
    for row, item in enumerate(view.items):
        inside.setdefault(item.group, []).append(row)
    children: dict[int, list[int]] = {}
    for row, group in enumerate(view.groups):
        children.setdefault(group.parent, []).append(row)
    # An open cluster is closed again after all that is in it; not by recursion, for modules may be nested deeply.
    waiting: list[tuple[int, int, bool]] = [(-1, 0, False)]
    while waiting:
        at, depth, ends = waiting.pop()
        indent = "  " * (depth + 1)
        if ends:
            lines.append("  " * depth + "}")
            continue
        if at >= 0:
            group = view.groups[at]
            lines.append("  " * depth + f"subgraph cluster_{group.ident} {{")
            lines.append(f"{indent}label={quoted(group.title)}; style=rounded; color=grey;")
            waiting.append((at, depth, True))
        for row in inside.get(at, ()):
            lines += (indent + line for line in _item(graph, writer, view.items[row]))
        waiting += [(child, depth + 1, False) for child in reversed(children.get(at, []))]
    names = [f"n{item.ident}" for item in view.items]
    for source, target, count in zip(view.source.tolist(), view.target.tolist(), view.count.tolist(), strict=True):
        look = " [style=dashed]" if count == 0 else f" [label={quoted(f'×{count}')}]" if count > 1 else ""
        lines.append(f"  {names[source]} -> {names[target]}{look};")
    return "\n".join([*lines, "}", ""])


def _item(graph: Graph, writer: Writer, item: Item) -> Iterator[str]:
    """The node of an item, and those of the leaves folded into it."""
    text = writer.texts(item)
    name = f"n{item.ident}"
    if item.operation >= 0:
        colour, title = OUTSIDE, graph.operations[item.operation].name
    elif item.leaf >= 0:
        colour, title = OUTSIDE, text.title
    elif item.node < 0:
        colour, title = GROUP, graph.calls[item.call].title if item.times == 1 else f"{text.title} ×{item.times}"
    else:
        node = graph.nodes[item.node]
        colour = OUTPUT if item.node in writer.roots else LEAF if node.kind == "accumulate" else FUNCTION
        title = node.name + (f" ({' = '.join(node.parameters)})" if node.parameters else "")
    shape = text.shape
    if item.node >= 0 and graph.nodes[item.node].kind == "accumulate":
        shape = shape.removeprefix(graph.nodes[item.node].title).strip()  # the first line has said it
    label = "\n".join(line for line in (title, shape, text.value if item.foldable else "") if line)
    look = ', style="filled,dashed"' if item.operation >= 0 or item.leaf >= 0 else ""
    yield f"{name} [label={quoted(label)}, fillcolor={colour}{look}];"
    if item.node >= 0:
        for place, badge in enumerate(item.badges):
            leaf = f"p{item.ident}_{place}"
            yield f"{leaf} [label={quoted(badge)}, fillcolor={LEAF}];"
            yield f"{name} -> {leaf};"


def quoted(text: str) -> str:
    """A string of DOT: quotes and backslashes kept as they are, a line break as a centred line; what cannot be printed left out."""
    clean = "".join(letter for letter in text if letter == "\n" or letter.isprintable())
    return '"' + clean.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
