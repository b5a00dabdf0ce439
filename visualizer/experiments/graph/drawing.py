"""GraphView + layout -> GraphDrawing: what is written on every box, how large it is, where it stands. Plain data, no torch, no Qt.

Sizes are those of the bundled font: titles 13 pixels and semi-bold, all else 11. A box has three lines of text (title, shape,
value) and, if a leaf is folded into it, a row of chips below them. Widths are bounded; what does not fit ends in "…".
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

import numpy as np

from visualizer.base.explanation import number_text
from visualizer.experiments.graph.folding import CARRIERS, badge_of
from visualizer.experiments.graph.layout.contract import Layout, Problem
from visualizer.experiments.graph.model import Backward, Graph, Node, Preview
from visualizer.experiments.graph.repeats import repeat_title
from visualizer.experiments.graph.text_width import elided, width_of
from visualizer.experiments.graph.view_model import GraphView, Item
from visualizer.figures.graph import Boxes, Edges, Frames, GraphDrawing, Outline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.experiments.graph.model import Ints

A = TypeVar("A", bound="NDArray[Any]")

#: Font sizes in pixels.
TITLE, DETAIL = 13.0, 11.0
#: Between the text and the border of a box; the room of a chip beyond its text; between two chips.
MARGIN, CHIP, BETWEEN = 12.0, 12.0, 6.0
LEAST, MOST = 64.0, 260.0
#: A box is so much wider than its text needs: on a projector, and far away, type is larger than the zoom makes it. Where there are
#: few boxes there is room for more.
LARGER, FEW, LARGER_OF_FEW = 1.15, 80, 1.4
#: What pills and hexagons lose of their width on each side, as a part of their height.
SIDES = 0.3
HEIGHT, CHIPS = 56.0, 24.0
#: The text of a chip is at most so wide; a box has room for so many side by side.
WIDEST_CHIP, MOST_CHIPS = 150.0, 3
#: Up to so many elements are written as numbers.
WRITTEN = 4


class Texts(NamedTuple):
    """What is written on a box."""

    title: str
    shape: str
    value: str
    badges: tuple[str, ...]
    outline: Outline


class Tips(Sequence[str]):
    """What hovering says, by row: written when it is asked for, so it can tell of a backward pass that came after the drawing."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __len__(self) -> int:
        return len(self._writer.view.items)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...

    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        items = self._writer.view.items
        return [self._writer.tip(item) for item in items[index]] if isinstance(index, slice) else self._writer.tip(items[index])

    def tell(self, backward: Backward | None) -> None:
        """From now on they tell the gradients of this."""
        self._writer.backward = backward


def drawn(graph: Graph, backward: Backward | None, view: GraphView, leftward: bool) -> Generator[None, None, GraphDrawing]:
    """Texts, sizes and places of all that a view has; yields None every few milliseconds.

    Args:
        backward: the tips tell the gradients of it.
        leftward: layers from left (leaves) to right (loss) instead of from top to bottom.
    """
    from visualizer.experiments.graph.layout.engine import lay_out

    writer = Writer(graph, backward, view)
    texts: list[Texts] = []
    widths = np.empty(len(view.items))
    heights = np.full(len(view.items), HEIGHT)
    for row, item in enumerate(view.items):
        text = writer.texts(item)
        texts.append(text)
        widths[row] = box_width(text, LARGER_OF_FEW if len(view.items) <= FEW else LARGER)
        if text.badges:
            heights[row] += CHIPS
        if row % 64 == 63:
            yield None
    parents = np.asarray([group.parent for group in view.groups], dtype=np.int32)
    titles = [elided(writer.inside(group.title, group.parent), TITLE, 2 * MOST, bold=True) for group in view.groups]
    problem = Problem(
        widths, heights, np.asarray([item.group for item in view.items], dtype=np.int32), parents,
        np.asarray([width_of(title, TITLE, bold=True) + 3 * MARGIN for title in titles], dtype=np.float64),
        view.source, view.target, leftward,
    )
    yield None
    layout = yield from lay_out(problem)
    yield None
    return assembled(writer, texts, titles, problem, layout)


def tell(drawing: GraphDrawing, backward: Backward | None) -> None:
    """Let the tips of a drawing that was made before its backward pass tell the gradients."""
    if isinstance(drawing.boxes.tips, Tips):
        drawing.boxes.tips.tell(backward)


def assembled(writer: Writer, texts: Sequence[Texts], titles: Sequence[str], problem: Problem, layout: Layout) -> GraphDrawing:
    """A drawing of these texts at these places."""
    view = writer.view
    boxes = Boxes(
        ident=_ints([item.ident for item in view.items]), left=_kept(layout.left), top=_kept(layout.top),
        width=_kept(problem.width), height=_kept(problem.height),
        titles=tuple(text.title for text in texts), shapes=tuple(text.shape for text in texts),
        values=tuple(text.value for text in texts), badges=tuple(text.badges for text in texts),
        tips=Tips(writer), outlines=tuple(text.outline for text in texts),
        foldable=_kept(np.asarray([item.foldable for item in view.items], dtype=np.bool_)),
        times=_ints([item.times for item in view.items]),
        badge_idents=tuple(item.leaves if text.badges else () for item, text in zip(view.items, texts, strict=True)),
    )
    depth: list[int] = []
    for group in view.groups:
        depth.append(depth[group.parent] + 1 if group.parent >= 0 else 0)
    frames = Frames(
        ident=_ints([group.ident for group in view.groups]), left=_kept(layout.frame_left), top=_kept(layout.frame_top),
        width=_kept(layout.frame_width), height=_kept(layout.frame_height), titles=tuple(titles), depth=_ints(depth),
    )
    edges = Edges(
        source=view.source, target=view.target, x=_kept(layout.x), y=_kept(layout.y), start=_kept(layout.start),
        outside=_kept(view.count == 0),
        labels=tuple(f"×{count}" if count > 1 else "" for count in view.count.tolist()) if (view.count > 1).any() else (),
    )
    return GraphDrawing(boxes, frames, edges, layout.width, layout.height, problem.leftward)


def _ints(values: Sequence[int]) -> Ints:
    return _kept(np.asarray(values, dtype=np.int32))


def _kept(values: A) -> A:
    """The array itself, from now on read-only."""
    values.flags.writeable = False
    return values


def box_width(text: Texts, larger: float = LARGER) -> float:
    """From the longest of its lines, bounded; ``larger``: by how much its title may grow."""
    title = width_of(text.title, TITLE, bold=True) * larger / LARGER
    lines = max(title, width_of(text.shape, DETAIL), width_of(text.value, DETAIL))
    beside = text.badges[:MOST_CHIPS]
    chips = sum(width_of(badge, DETAIL) + CHIP for badge in beside) + BETWEEN * max(0, len(beside) - 1)
    # Slanted or round sides leave less room.
    sides = SIDES * (HEIGHT + CHIPS * bool(text.badges)) if text.outline in ("hexagon", "pill") else MARGIN
    return float(min(MOST, max(LEAST, np.ceil(LARGER * max(lines, chips) + 2 * sides))))


def shape_text(shape: tuple[int, ...]) -> str:
    """As the documentation of torch.nn writes it: ``()``, ``(3)``, ``(2, 3)``."""
    return f"({', '.join(map(str, shape))})"


def value_text(value: Preview) -> str:
    """A small tensor's numbers, else "mean ± deviation"; NaN and infinities are named."""
    bad = [f"{count:,} {name}" for count, name in ((value.nans, "NaN"), (value.infinities, "Inf")) if count]
    if value.sample.size == 0:
        return "no elements" if value.readable else "no values"
    if value.complete and value.sample.size <= WRITTEN:
        return ", ".join(_short(number) for number in value.sample.reshape(-1).tolist())
    if bad:
        return " and ".join(bad)
    return f"{_short(value.mean)} ± {_short(value.deviation)}"


def _short(number: float) -> str:
    if number != number:
        return "NaN"
    if number in (float("inf"), float("-inf")):
        return "Inf" if number > 0 else "−Inf"
    if number == int(number) and abs(number) < 1e6:
        return str(int(number)).replace("-", "−")
    return number_text(number, 3)


class Writer:
    """What is written on the boxes of a view."""

    def __init__(self, graph: Graph, backward: Backward | None, view: GraphView) -> None:
        self.graph, self.backward, self.view = graph, backward, view
        self.roots = set(graph.roots)

    @cached_property
    def leaf_of(self) -> dict[int, int]:
        """By AccumulateGrad, its leaf."""
        return {leaf.node: at for at, leaf in enumerate(self.graph.leaves) if leaf.node >= 0}

    def texts(self, item: Item) -> Texts:
        if item.operation >= 0:
            return self._outside(item)
        if item.leaf >= 0:
            leaf = self.graph.leaves[item.leaf]
            return self._bounded(" = ".join(leaf.names), shape_text(leaf.type.shape), value_text(leaf.value) if leaf.value else "",
                                 (), "dashed", "")
        return self._node(item) if item.node >= 0 else self._box(item)

    def _node(self, item: Item) -> Texts:
        node = self.graph.nodes[item.node]
        root = item.node in self.roots
        value = node.value
        title = node_title(node, root and self.graph.failure is None)  # what was left over is no output
        types = ", ".join(dict.fromkeys(shape_text(type_.shape) for type_ in node.outputs[:3]))
        if node.kind == "accumulate":
            # The leaf's name says more than that of the node, which all leaves have in common.
            title, types = badge_of(node), f"{node.title} {types}".rstrip()
            leaf = self.leaf_of.get(item.node)
            value = value or (self.graph.leaves[leaf].value if leaf is not None else None)
        outline: Outline = "hexagon" if root else "pill" if node.kind == "accumulate" else "round"
        return self._bounded(
            title, types + (", …" if len(node.outputs) > 3 else ""), value_text(value) if value else "",
            item.badges, outline, self._path(item),
        )

    def _box(self, item: Item) -> Texts:
        nodes, count = self.graph.nodes, self._count(item)
        last = max(item.members, key=lambda at: nodes[at].sequence)
        shape = shape_text(nodes[last].outputs[0].shape) if nodes[last].outputs else ""
        return self._bounded(self.inside(self._box_title(item), item.group), shape, count, (), "box", "")

    def _count(self, item: Item) -> str:
        leaves = len(item.badges)
        return f"{len(item.members):,} nodes" + (f", {leaves:,} leaves" if leaves else "")

    def _box_title(self, item: Item) -> str:
        if item.times > 1:
            return repeat_title(self.graph, _siblings(self.graph, item), bare_nodes(self.graph, item))
        return self.graph.calls[item.call].title

    def _outside(self, item: Item) -> Texts:
        operation = self.graph.operations[item.operation]
        title = operation.name.rpartition(".")[2].strip("_")
        if operation.variables:
            title += f" → {', '.join(operation.variables)}"
        shape = ", ".join(shape_text(type_.shape) for type_ in operation.outputs[:3])
        value = "failed here" if operation.error else value_text(operation.value) if operation.value else ""
        return self._bounded(title, shape, value, (), "dashed", "")

    def _path(self, item: Item) -> str:
        """Of the module whose frame is around this item."""
        return self._path_of(item.group)

    def _path_of(self, group: int) -> str:
        """Of the innermost module among this open group and those around it."""
        groups = self.view.groups
        while group >= 0 and groups[group].call < 0:
            group = groups[group].parent
        return self.graph.calls[groups[group].call].path if group >= 0 else ""

    def inside(self, title: str, group: int) -> str:
        """A module's title where it stands in an open group: without the path that the frame has already."""
        path = self._path_of(group)
        return title.removeprefix(path + ".") if path else title

    @staticmethod
    def _bounded(title: str, shape: str, value: str, badges: Sequence[str], outline: Outline, path: str) -> Texts:
        room = MOST - 2 * (SIDES * (HEIGHT + CHIPS * bool(badges)) if outline in ("hexagon", "pill") else MARGIN)
        # Inside of a module's frame its own parameters need no path.
        names = [name.removeprefix(path + ".") if path else name for name in badges]
        side_by_side = max(1, min(MOST_CHIPS, len(names)))
        widest = min(WIDEST_CHIP, (room - BETWEEN * (side_by_side - 1)) / side_by_side - CHIP)
        return Texts(
            elided(title, TITLE, room, bold=True), elided(shape, DETAIL, room), elided(value, DETAIL, room),
            tuple([elided(name, DETAIL, widest, end=False) for name in names]), outline,
        )

    def tip(self, item: Item) -> str:
        """What hovering over its box says: a few plain lines."""
        if item.operation >= 0:
            operation = self.graph.operations[item.operation]
            lines = [operation.name, operation.error or "Not in the graph."]
            if 0 <= operation.line < len(self.graph.lines):
                lines.append(_line_text(self.graph, operation.line))
            return "\n".join(lines)
        if item.leaf >= 0:
            leaf = self.graph.leaves[item.leaf]
            return "\n".join((" = ".join(leaf.names), f"{shape_text(leaf.type.shape)} {leaf.type.dtype}",
                              "A leaf that is not in the graph."))
        if item.node >= 0:
            return self._node_tip(self.graph.nodes[item.node], item)
        what = self._box_title(item)
        if item.times > 1:
            what += f": {item.times} equal blocks one after the other"
        return "\n".join((what, self._count(item), "Double-click to open."))

    def _node_tip(self, node: Node, item: Item) -> str:
        lines = [node.name]
        if node.parameters:
            lines[0] += f" of {' = '.join(node.parameters)}"
        lines += [f"{shape_text(shape)} {dtype}" for shape, dtype in node.outputs[:1]]
        if item.badges:
            lines.append("Uses " + ", ".join(item.badges))
        step = self.backward.step_of.get(node.index) if self.backward is not None else None
        if self.backward is not None and step is not None:
            norms = [number_text(one.norm) for one in self.backward.steps[step].incoming if one is not None]
            lines.append("Gradient norm " + (", ".join(norms) or "undefined"))
        if 0 <= node.call < len(self.graph.calls):
            lines.append("In " + self.graph.calls[node.call].title)
        if 0 <= node.line < len(self.graph.lines):
            lines.append(_line_text(self.graph, node.line))
        return "\n".join(lines)


def bare_nodes(graph: Graph, item: Item) -> list[int]:
    """The nodes of a box without the leaves that are folded into them, and what carries those."""
    return [at for at in item.members if graph.nodes[at].kind != "accumulate"
            and not (item.badges and graph.nodes[at].title in CARRIERS)]


def _siblings(graph: Graph, item: Item) -> list[int]:
    """The calls beside the first of a repetition that its nodes are in, in the order of the forward pass."""
    if item.call < 0:
        return []
    calls = graph.calls
    found: dict[int, None] = {}
    for node in item.members:
        at = graph.nodes[node].call
        while at >= 0 and calls[at].parent != calls[item.call].parent:
            at = calls[at].parent
        if at >= 0:
            found[at] = None
    return sorted(found) or [item.call]


def node_title(node: Node, root: bool = False) -> str:
    """Its name, and the variable that holds its result; where backward starts is called loss or output."""
    names = node.variables
    if root and not names and node.kind != "accumulate":
        names = ("loss",) if node.outputs and node.outputs[0].shape == () else ("output",)
    return f"{node.title} → {', '.join(names[:3])}" if names else node.title


def _line_text(graph: Graph, line: int) -> str:
    file, number, text = graph.lines[line]
    return f"{file}:{number}  {text}"
