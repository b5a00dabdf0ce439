"""A graph as a figure: boxes, edges and frames that are laid out already, free of Qt.

Positions are in scene units: one unit is one pixel at zoom 1, y grows downwards. What a user changes while looking (selection,
search, colours, the step that is shown) is in :class:`GraphFigure`; the :class:`GraphDrawing` in it stays the very same object, so
that the renderer keeps what it has made for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from visualizer.base.roles import Role
from visualizer.figures.model import Figure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from visualizer.figures.model import Floats

    Ints = NDArray[np.int32]
    Bools = NDArray[np.bool_]

Outline = Literal["box", "round", "pill", "hexagon", "dashed"]
"""Shapes of boxes: operations are round, leaves pills, the loss a hexagon, what is not in the graph dashed, folded groups boxes."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes, one row each; all of one length.

    Attributes:
        ident: what a gesture calls the box (see :data:`visualizer.experiments.graph.model.GROUP_IDENT`); unique.
        left, top, width, height: the rectangle.
        titles: shown at every zoom at which anything can be read.
        shapes: second line, from middle zoom on.
        values: third line, from near zoom on.
        badges: names of the parameters that are folded into the box, drawn as chips inside its lower edge.
        tips: what hovering says: a few plain lines.
        outlines: shape of each box.
        foldable: whether a double click opens it (a closed group or a folded repetition).
        times: how many equal blocks this one stands for; 1: only itself.
        badge_idents: what a gesture calls each chip; of a box without chips, or if they are no more than words: none.
    """

    ident: Ints
    left: Floats
    top: Floats
    width: Floats
    height: Floats
    titles: tuple[str, ...]
    shapes: tuple[str, ...]
    values: tuple[str, ...]
    badges: tuple[tuple[str, ...], ...]
    tips: Sequence[str]
    outlines: tuple[Outline, ...]
    foldable: Bools
    times: Ints
    badge_idents: tuple[tuple[int, ...], ...] = ()

    def __len__(self) -> int:
        return len(self.titles)


@dataclass(frozen=True, eq=False)
class Frames:
    """Open groups: rectangles around their boxes, the outermost first. A click on the title closes the group."""

    ident: Ints
    left: Floats
    top: Floats
    width: Floats
    height: Floats
    titles: tuple[str, ...]
    depth: Ints

    def __len__(self) -> int:
        return len(self.titles)


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges as polylines with rounded corners. Parallel edges are rows of their own, with ways of their own.

    Attributes:
        source, target: rows of :class:`Boxes`: the gradient flows from source to target, the forward pass the other way.
        x, y: the points of all ways, one after the other; from the border of the source to the border of the target.
        start: the first point of each edge, and at last the number of points: ``len(edges) + 1`` values.
        outside: edges of the forward pass that autograd does not know: drawn dashed.
        labels: written beside the middle of the edge at near zoom, such as "x12"; may be empty.
    """

    source: Ints
    target: Ints
    x: Floats
    y: Floats
    start: Ints
    outside: Bools
    labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, eq=False)
class GraphDrawing:
    """What is drawn, where; made by the worker.

    Attributes:
        width, height: of everything, margins included; the upper left corner is (0, 0).
        leftward: layers go from left to right instead of from top to bottom.
    """

    boxes: Boxes
    frames: Frames
    edges: Edges
    width: float
    height: float
    leftward: bool = False


@dataclass(frozen=True)
class LegendEntry:
    """``role`` and ``outline`` as boxes show them; ``shade``: instead of a role, a place on the palette in [0, 1]."""

    text: str
    role: Role = Role.DATA
    outline: Outline = "round"
    shade: float | None = None
    line: bool = False


@dataclass(frozen=True, eq=False)
class GraphFigure:
    """One graph with what is marked on it.

    Attributes:
        roles: the colour of each box, as an index into ``role_table``.
        shades: instead of a role, a place in [0, 1] on the sequential palette for each box; NaN: muted. None: roles.
        dimmed: boxes in the background (not on the path, filtered out); None: none. An edge is dimmed if one of its ends is.
        selected: rows of the selected boxes, the first is the one that has the keyboard.
        found: rows that a search has found, in reading order.
        path: edges (rows) that are highlighted.
        active: rows of the boxes that compute now (stepping); ``done``: those that have; ``ready``: those that wait in the queue.
        flowing: edges on which a gradient arrives now.
        notes: a short text at a box (row, text, role): "x.grad += …", "NaN first here", "failed here".
        edge_notes: a short text on an edge (row, text): the gradient that flows there.
        chip: ident of the chip that was chosen, of those of the selected boxes; -1: none.
        torchviz: the colours of torchviz (light blue leaves, green output, grey functions).
        badge: a sentence in the upper right corner, such as that the values equal loss.backward() bit for bit; and its role.
    """

    name: str
    title: str
    drawing: GraphDrawing
    roles: Ints
    role_table: tuple[Role, ...]
    note: str = ""
    shades: Floats | None = None
    shade_label: str = ""
    dimmed: Bools | None = None
    selected: tuple[int, ...] = ()
    found: tuple[int, ...] = ()
    path: tuple[int, ...] = ()
    active: tuple[int, ...] = ()
    done: Bools | None = None
    ready: tuple[int, ...] = ()
    flowing: tuple[int, ...] = ()
    notes: tuple[tuple[int, str, Role], ...] = ()
    edge_notes: tuple[tuple[int, str], ...] = ()
    chip: int = -1
    torchviz: bool = False
    badge: str = ""
    badge_role: Role = Role.GOOD
    legend: tuple[LegendEntry, ...] = field(default=())


AnyFigure = Figure | GraphFigure
