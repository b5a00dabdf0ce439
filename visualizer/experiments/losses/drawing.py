"""A graph as layers of a figure: the loss on the left, the leaves on the right, arrows as backward goes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

from visualizer.base.roles import Role
from visualizer.experiments.losses.chain import Chain, Kind, Node, shape_text
from visualizer.experiments.losses.layered import Layout, layered
from visualizer.figures.model import Axis, Figure, Layer, Markers, Note, Segments, Symbol, readonly

#: Mean width of a letter of a label in pixels: enough to keep names apart in a figure of ordinary width.
_LETTER = 6.7
#: How far from the middle of a node its edges begin and end, in pixels.
_GAP = 9.0
#: An edge is slanted if its ends are farther apart than this, in rows.
_SLANT = 0.05
#: A figure is at least so many rows high, so that what belongs together stays together.
_LEAST_ROWS = 2.6
#: Width in pixels at which names keep apart in a small figure.
_WIDE = 620.0
_BREVITIES = 4
_BACKWARD = re.compile(r"Backward\d*$")


@dataclass(frozen=True)
class Drawn:
    """How a kind of node looks, and what the legend calls it."""

    role: Role
    symbol: Symbol
    size: float
    hollow: bool
    label: str


_LOOKS: Mapping[Kind, Drawn] = {
    "function": Drawn(Role.DATA, "circle", 12.0, False, "function"),
    "accumulate": Drawn(Role.GRADIENT, "circle", 12.0, True, "adds to .grad"),
    "leaf": Drawn(Role.GRADIENT, "square", 15.0, False, "leaf"),
    "apart": Drawn(Role.MUTED, "square", 13.0, True, "not in the graph"),
    "end": Drawn(Role.MUTED, "cross", 9.0, False, "None"),
}
_FADED = Drawn(Role.MUTED, "circle", 10.0, True, "backward never comes here")
_LOSS = Drawn(Role.CURVE, "diamond", 17.0, False, "loss")


def title_of(node: Node, notes: Mapping[str, str], brevity: int) -> str:
    """What is written beside a node: the variable, the function that makes it, its shape, and what is to be said of it.

    Args:
        brevity: 0: everything; 1: no shapes of functions; 2: no name to AccumulateGrad, which its marker tells; 3: functions
            without the "Backward0" of their names.
    """
    if node.kind == "end" or (node.kind == "accumulate" and brevity >= 2):
        return ""
    name = ", ".join(node.names)
    title = _BACKWARD.sub("", node.title) if brevity >= 3 and node.kind == "function" else node.title
    words = f"{name} = {title}" if node.kind == "function" and name else title
    if node.shape is not None and (node.kind in ("leaf", "apart") or (brevity < 1 and node.kind == "function")):
        words += f" {shape_text(node.shape)}"
    said = [notes[found] for found in node.names if found in notes and node.kind != "accumulate"]
    return words + "".join(f": {note}" for note in said)


def layers_of(
    chain: Chain, notes: Mapping[str, str] | None = None, asked: str = "", shapes: bool = True, freed: bool = False,
    wide: float = _WIDE,
) -> tuple[tuple[Layer, ...], Layout]:
    """The layers of a graph.

    Args:
        chain: the graph.
        notes: a few words to a variable, such as ``.grad is None``.
        asked: the variable in question, which is marked.
        shapes: whether the shapes of the functions' outputs are written, as far as there is room.
        freed: whether the saved tensors are gone: the functions are drawn hollow.
        wide: names are shortened until the graph is no wider than this, in pixels.
    """
    ends = {link.target: link.source for link in chain.links if chain.nodes[link.target].kind == "end"}
    edges = [(link.source, link.target) for link in chain.links if link.target not in ends]
    for brevity in range(0 if shapes else 1, _BREVITIES):
        titles = [title_of(node, notes or {}, brevity) for node in chain.nodes]
        layout = layered([_LETTER * len(title) for title in titles], edges, ends)
        if layout.width <= wide:
            break
    at = chain.of(asked) if asked else None
    layers: list[Layer] = _edges(chain, layout)
    if at is not None:
        layers.append(Markers(key="asked", role=Role.WARNING, label=f"{asked}: in question", x=readonly([layout.x[at]]),
                              y=readonly([layout.y[at]]), size=25.0, symbol="circle", hollow=True))
    groups: dict[tuple[Role, Symbol, bool, str], list[int]] = {}
    looks = [_look(chain, index, freed) for index in range(len(chain.nodes))]
    for index, look in enumerate(looks):
        groups.setdefault((look.role, look.symbol, look.hollow, look.label), []).append(index)
    told: set[str] = set()
    short = {"function": "function (...Backward0)"} if brevity >= 3 else {}
    for (role, symbol, hollow, label), found in sorted(groups.items(), key=lambda item: item[1][0]):
        layers.append(Markers(
            key=f"nodes:{label}:{symbol}:{hollow}", role=role, label="" if label in told else short.get(label, label),
            symbol=symbol, hollow=hollow, size=looks[found[0]].size, x=readonly([layout.x[index] for index in found]),
            y=readonly([layout.y[index] for index in found]),
        ))
        told.add(label)
    # The name in question is placed first: the others give way to it.
    for index, title in sorted(enumerate(titles), key=lambda item: item[0] != at):
        if not title:
            continue
        above = layout.above[index]
        role = Role.WARNING if index == at else Role.GRADIENT if looks[index].role is Role.GRADIENT else Role.TEXT
        # Where an edge leaves or comes in on the side of the name, the name gives way to the other side.
        here, side = (layout.x[index], layout.y[index]), 1 if above else -1
        leaves = any(way[0] == here and side * (way[1][1] - here[1]) > _SLANT for way in layout.ways)
        comes = any(way[-1] == here and side * (way[-2][1] - here[1]) > _SLANT for way in layout.ways)
        off = 1.0 if index == at else 0.62  # beside the ring, beside the marker; in heights of the text
        anchor = 0.5 if leaves == comes else 0.88 if leaves else 0.12
        layers.append(Note(key=f"name:{index}", role=role, x=here[0], y=here[1], text=title,
                           anchor=(anchor, 1.0 + off if above else -off)))
    return tuple(layers), layout


def _look(chain: Chain, index: int, freed: bool) -> Drawn:
    node = chain.nodes[index]
    if index == chain.loss:
        return _LOSS if not freed else replace(_LOSS, hollow=True)
    look = _LOOKS[node.kind]
    if node.kind in ("function", "accumulate", "leaf") and not node.reached:
        return Drawn(_FADED.role, look.symbol, _FADED.size, _FADED.hollow, _FADED.label)
    if freed and node.kind == "function":
        return Drawn(Role.MUTED, look.symbol, look.size, True, "saved tensors freed")
    return look


def _edges(chain: Chain, layout: Layout) -> list[Layer]:
    """Arrows; parallel edges side by side; what leads nowhere thin, what is cut dashed, with a cross where it is cut."""
    kinds: dict[str, list[tuple[float, float, float, float]]] = {"arrow": [], "part": [], "faint": [], "cut": [], "hidden": []}
    crosses: list[tuple[float, float, str]] = []
    seen: dict[tuple[int, int], int] = {}
    links = [link for link in chain.links if chain.nodes[link.target].kind != "end"]
    pairs = [(link.source, link.target) for link in links]
    for link in chain.links:
        if chain.nodes[link.target].kind == "end":
            x, y = layout.x[link.target], layout.y[link.target]
            kinds["faint"].append((layout.x[link.source], y + 0.34, x, y + 0.08))
    for link, way in zip(links, layout.ways, strict=True):
        pair = (link.source, link.target)
        nth, of = seen.get(pair, 0), pairs.count(pair)
        seen[pair] = nth + 1
        shift = 0.09 * (nth - (of - 1) / 2)
        for index, ((x0, y0), (x1, y1)) in enumerate(pairwise(way)):
            first, last = index == 0, index == len(way) - 2
            part = min(0.3, _GAP / (x1 - x0))
            start, stop = part if first else 0.0, 1.0 - part if last else 1.0
            row = (x0 + start * (x1 - x0), y0 + start * (y1 - y0) + shift, x0 + stop * (x1 - x0), y0 + stop * (y1 - y0) + shift)
            source, target = chain.nodes[link.source], chain.nodes[link.target]
            faint = not source.reached or not target.reached
            hidden = link.cut == "-"
            kind = "hidden" if hidden else "cut" if link.cut else "faint" if faint else "arrow" if last else "part"
            kinds[kind].append(row)
        if link.cut and link.cut != "-":
            (x0, y0), (x1, y1) = way[len(way) // 2 - 1], way[len(way) // 2]
            crosses.append(((x0 + x1) / 2, (y0 + y1) / 2, link.cut))
    layers: list[Layer] = []
    for kind, rows in kinds.items():
        if not rows:
            continue
        columns = [readonly(list(values)) for values in zip(*rows, strict=True)]
        role = Role.BAD if kind == "cut" else Role.MUTED if kind in ("faint", "hidden") else Role.GRADIENT
        layers.append(Segments(
            key=f"edges:{kind}", role=role, x0=columns[0], y0=columns[1], x1=columns[2], y1=columns[3],
            width=1.2 if kind in ("faint", "hidden") else 2.0, dash="dash" if kind in ("cut", "hidden") else "solid",
            arrow=kind in ("arrow", "faint"),
            label={"cut": "unknown to autograd", "hidden": "", "arrow": "gradient"}.get(kind, ""),
        ))
    if crosses:
        layers.append(Markers(key="cuts", role=Role.BAD, symbol="cross", size=14.0, label="here the path ends",
                              x=readonly([x for x, _, _ in crosses]), y=readonly([y for _, y, _ in crosses])))
        layers += [Note(key=f"cut:{index}", role=Role.BAD, x=x, y=y, text=words, anchor=(0.5, -0.55))
                   for index, (x, y, words) in enumerate(crosses)]
    return layers


def axes_of(layout: Layout, words: str = "backward: from the loss to the leaves \u2192") -> tuple[Axis, Axis]:
    """Axes without numbers: positions mean nothing but the order."""
    margin = 0.03 * max(layout.width, 1.0)
    room = max(0.75, (_LEAST_ROWS - layout.rows) / 2)
    return (Axis(words, limits=(-margin, layout.width + margin), ticks=()),
            Axis("", limits=(-layout.rows - room, room), ticks=()))


def graph_figure(
    name: str, title: str, chain: Chain, note: str = "", notes: Mapping[str, str] | None = None, asked: str = "",
    shapes: bool = True, freed: bool = False, legend: bool = True, wide: float = _WIDE,
) -> Figure:
    """A figure of a graph; the arguments as for :func:`layers_of`."""
    layers, layout = layers_of(chain, notes, asked, shapes, freed, wide)
    x, y = axes_of(layout)
    if chain.left_out:
        note = f"{note} {chain.left_out} more functions are not drawn.".strip()
    return Figure(name, title, x, y, layers, note=note, legend=legend)
