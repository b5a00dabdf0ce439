"""The catalogue of operations: an entry each, in the files of this folder; and torch's own formulas for all others."""

from __future__ import annotations

from functools import cache

from visualizer.experiments.graph.operations.elementwise import ELEMENTWISE
from visualizer.experiments.graph.operations.entry import Entry
from visualizer.experiments.graph.operations.layers import LAYERS
from visualizer.experiments.graph.operations.linear import LINEAR
from visualizer.experiments.graph.operations.reductions import REDUCTIONS
from visualizer.experiments.graph.operations.shapes import SHAPES

ENTRIES: tuple[Entry, ...] = (*ELEMENTWISE, *LINEAR, *REDUCTIONS, *SHAPES, *LAYERS)


@cache
def _by_name() -> dict[str, Entry]:
    return {name: entry for entry in ENTRIES for name in entry.names}


def entry_of(title: str) -> Entry | None:
    """The entry of a node by its name without "Backward0"; None: there is none."""
    return _by_name().get(title)
