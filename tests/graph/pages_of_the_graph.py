"""What the tests of views, drawings and looks run: examples captured, generators run to their end, graphs made by hand."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from visualizer.experiments.graph.captures import captured
from visualizer.experiments.graph.examples.catalogue import example
from visualizer.experiments.graph.model import Call, Capture, Edges, Graph, Leaf, Node, TensorType
from visualizer.experiments.graph.recording import Recording
from visualizer.experiments.graph.requests import Fold, Shown, Source
from visualizer.experiments.graph.view import graph_view
from visualizer.experiments.graph.view_model import GraphView
from visualizer.experiments.graph.walking import walked

T = TypeVar("T")
SMALL = {"depth": 3, "width": 4, "batch": 2, "length": 3}


def finished(run: Generator[None, None, T]) -> T:
    """What a generator returns."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]


@cache
def capture_of(name: str) -> Capture:
    """A small one of the catalogue."""
    entry = example(name)
    sizes = tuple((size, SMALL[size]) for size in entry.uses)
    return finished(captured(Source("example", example=name, sizes=sizes))).capture


def graph_of(model: nn.Module, *inputs: torch.Tensor, seed: int = 0) -> Graph:
    """The recorded graph of the sum of what a model gives."""
    with Recording(model) as recording:
        output = model(*inputs).sum()
    return walked([output], model, recording).graph


def shown(fold: Fold = "none", level: int = 1, repeats: bool = True, toggled: Sequence[int] = (), outside: bool = False) -> Shown:
    return Shown(fold, level, repeats, False, frozenset(toggled), outside)


def view_of(graph: Graph, *arguments: object, **options: object) -> GraphView:
    return finished(graph_view(graph, shown(*arguments, **options)))  # type: ignore[arg-type]


def made(names: Sequence[str], edges: Sequence[tuple[int, int]], calls: Sequence[Call] = (), of: Sequence[int] = (),
         roots: Sequence[int] = (0,), leaves: Sequence[str] = ()) -> Graph:
    """A graph by hand: later nodes are nearer to the leaves, so they were made sooner. Names that begin with "p" are leaves."""
    slots: dict[int, int] = {}
    rows = []
    for source, target in edges:
        rows.append((source, slots.get(source, 0), target, 0))
        slots[source] = slots.get(source, 0) + 1
    columns = np.asarray(rows, dtype=np.int32).reshape(-1, 4).T
    type_ = TensorType((2, 3), "float32")
    nodes = tuple(
        Node(at, "AccumulateGrad", "accumulate", outputs=(type_,), parameters=(name,)) if name.startswith("p") else
        Node(at, f"{name}Backward0", sequence=len(names) - at, outputs=(type_,), call=of[at] if of else -1)
        for at, name in enumerate(names)
    )
    return Graph(nodes, Edges(*(np.ascontiguousarray(column) for column in columns)), tuple(roots), calls=tuple(calls),
                 leaves=tuple(Leaf((name,), type_, True, True, at) for at, name in enumerate(names) if name.startswith("p")))
