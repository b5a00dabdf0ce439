"""A graph as it is drawn: its nodes folded into items, its module calls as groups. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from visualizer.experiments.graph.model import Ints


@dataclass(frozen=True, slots=True)
class Item:
    """One box.

    Attributes:
        ident: what gestures call it: the index of its node, or one of the ``..._IDENT`` of :mod:`.model` plus an index.
        members: all nodes that it stands for, itself first; for an operation that is not in the graph: none.
        node: the node that it shows; -1: it is a closed group, a folded repetition, or an operation outside of the graph.
        call: the module call that it is (closed group) or the first of them (repetition, but for one of bare nodes); else -1.
        operation: the operation outside of the graph that it shows; else -1. ``leaf``: the same of leaves.
        group: row of the open group that it is in; -1: none.
        badges: names of the parameters whose AccumulateGrad is folded into it; ``leaves``: these AccumulateGrads.
        times: of how many equal blocks it stands for one; 1: only itself.
    """

    ident: int
    members: tuple[int, ...]
    node: int = -1
    call: int = -1
    operation: int = -1
    group: int = -1
    badges: tuple[str, ...] = ()
    times: int = 1
    leaves: tuple[int, ...] = ()
    leaf: int = -1

    @property
    def foldable(self) -> bool:
        """Whether it is a closed group or a folded repetition."""
        return self.node < 0 and self.operation < 0 and self.leaf < 0


@dataclass(frozen=True, slots=True)
class Group:
    """An open module call: ``ident`` as for items, ``parent`` a row of groups (smaller), ``title`` what its frame says."""

    ident: int
    call: int
    parent: int
    title: str


@dataclass(frozen=True, eq=False)
class GraphView:
    """Items, open groups, and the links between items.

    Attributes:
        source, target: rows of items for each link; edges between the same two items are links each where both are single nodes
            (``x * x`` has two), else one link that stands for all of them.
        count: how many edges of the graph each link stands for; 0: a link of the forward pass that autograd does not know.
        item_of: by node, the row of the item that stands for it; -1: it is not drawn.
    """

    items: tuple[Item, ...]
    groups: tuple[Group, ...]
    source: Ints
    target: Ints
    count: Ints
    item_of: Ints
