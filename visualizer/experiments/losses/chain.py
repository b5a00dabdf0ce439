"""The graph of a loss as autograd has it: walked, and laid out in columns from the loss to the leaves, as plain data.

A function of the graph is named as torch names it (``MulBackward0``); its ``next_functions`` say where its gradients go.
AccumulateGrad ends every path: it adds what arrives to the ``.grad`` of its leaf. What requires no gradient is not in the graph:
of it there is only an edge to None.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

#: What a node of a drawing is: a function of the graph, the AccumulateGrad at the end of a path, the leaf whose .grad it fills, a
#: tensor that the graph knows nothing of, the end of an edge to None.
Kind = Literal["function", "accumulate", "leaf", "apart", "end"]

#: Edges of an autograd node: the node that a gradient goes to (None: nowhere), and which of its outputs it belongs to.
Edge = tuple[Any, int]


@dataclass(frozen=True)
class Node:
    """One node.

    Attributes:
        kind: what it is.
        title: as torch names the function; the variable's name for a tensor.
        names: the variables that stand for its output (or for the leaf).
        shape: of the function's output, or of the tensor; None where nobody knows.
        reached: whether backward on the loss comes here.
    """

    kind: Kind
    title: str
    names: tuple[str, ...] = ()
    shape: tuple[int, ...] | None = None
    reached: bool = True


@dataclass(frozen=True)
class Link:
    """From a node to one that its gradient goes to, by index.

    ``cut``: no edge of the graph but what autograd does not know: ``target`` was used in the forward pass to make ``source``, and
    these are the words for what hid it.
    """

    source: int
    target: int
    cut: str = ""


@dataclass(frozen=True)
class Chain:
    """A graph, its nodes in the order in which they were met, the loss first.

    Attributes:
        nodes, links: parallel edges are kept: ``x * x`` has two from the product to x.
        loss: index of the node that the loss comes from, or of the loss itself, if it has none; −1 if there is no loss.
        left_out: how many functions were not walked any more.
    """

    nodes: tuple[Node, ...]
    links: tuple[Link, ...]
    loss: int = 0
    left_out: int = 0

    def of(self, name: str) -> int | None:
        """The index of the node that this variable comes from, or is."""
        ranks: dict[Kind, int] = {"leaf": 0, "apart": 0, "function": 1}
        found = [index for index, node in enumerate(self.nodes) if name in node.names and node.kind in ranks]
        return min(found, key=lambda index: ranks[self.nodes[index].kind], default=None)

    @property
    def exists(self) -> bool:
        """Whether there is any graph."""
        return any(node.kind == "function" or node.kind == "accumulate" for node in self.nodes)

    def path(self, name: str) -> tuple[int, ...]:
        """The nodes on a shortest way from the loss to this variable; empty where there is none."""
        end = self.of(name)
        if self.loss < 0:
            return ()
        before: dict[int, int] = {self.loss: self.loss}
        queue = [self.loss]
        for at in queue:
            for link in self.links:
                if link.source == at and not link.cut and link.target not in before:
                    before[link.target] = at
                    queue.append(link.target)
        if end is None or end not in before:
            return ()
        way = [end]
        while way[-1] != self.loss:
            way.append(before[way[-1]])
        return tuple(reversed(way))


@dataclass(eq=False)
class _Walk:
    """Nodes are held while walking: the ids of dropped wrappers are used again."""

    held: list[Any] = field(default_factory=list)
    index: dict[int, int] = field(default_factory=dict)
    edges: list[tuple[int, int, Edge]] = field(default_factory=list)  # source, slot, where to

    def add(self, node: Any) -> int:
        found = self.index.get(id(node))
        if found is None:
            found = self.index[id(node)] = len(self.held)
            self.held.append(node)
        return found


def functions(root: Tensor) -> tuple[list[Any], list[tuple[int, int, Edge]]]:
    """All functions that backward on this tensor may call, the tensor's own first, and all edges (source, slot, where to).

    Iterative, so that a chain of any length is walked.
    """
    walk = _Walk()
    if root.requires_grad:
        walk.add(edge_of(root)[0])
        _follow(walk, 0)
    return walk.held, walk.edges


def edge_of(tensor: Tensor) -> Edge:
    """The function that makes this tensor, or the AccumulateGrad of a leaf, and which output it is; it must require a gradient."""
    edge = torch.autograd.graph.get_gradient_edge(tensor)
    return edge.node, edge.output_nr


def _follow(walk: _Walk, at: int, most: int | None = None) -> None:
    """Note the edges of the nodes from this one on, and what they lead to; only of so many nodes."""
    while at < len(walk.held) and (most is None or at < most):
        for slot, (function, number) in enumerate(walk.held[at].next_functions):
            if function is not None:
                walk.add(function)
            walk.edges.append((at, slot, (function, number)))
        at += 1


def chain_of(
    loss: Tensor | None, names: Mapping[str, Tensor], cuts: Iterable[tuple[str, str, str]] = (), most: int = 60,
) -> Chain:
    """The graph of a loss and, apart, those of the other named tensors.

    Args:
        loss: where backward starts; None: there is none yet.
        names: variables by name; the loss is named ``loss`` if it is not among them.
        cuts: what autograd does not know: (made, from what, what hid it), by the names of the variables.
        most: how many functions at most; the others are counted.
    """
    known = dict(names)
    if loss is not None and not any(tensor is loss for tensor in known.values()):
        known["loss"] = loss
    walk = _Walk()
    if loss is not None and loss.requires_grad:
        walk.add(edge_of(loss)[0])
    _follow(walk, 0, most)
    reached = len(walk.held)
    for tensor in known.values():
        if tensor.grad_fn is not None:
            walk.add(tensor.grad_fn)
    _follow(walk, min(reached, most), most)
    left_out = max(0, len(walk.held) - most)
    held = walk.held[:most]

    variables: dict[tuple[int, int], list[str]] = {}  # (function, output) -> names
    apart: dict[int, tuple[Tensor, list[str]]] = {}
    for name, tensor in known.items():
        at = walk.index.get(id(edge_of(tensor)[0])) if tensor.requires_grad else None
        if at is None:
            apart.setdefault(id(tensor), (tensor, []))[1].append(name)
        elif at < most:
            variables.setdefault((at, edge_of(tensor)[1]), []).append(name)

    nodes: list[Node] = []
    links: list[Link] = []
    ends: list[tuple[int, Tensor]] = []
    for at, function in enumerate(held):
        called = tuple(name for (which, _), found in sorted(variables.items()) if which == at for name in found)
        leaf = getattr(function, "variable", None)
        if isinstance(leaf, Tensor):
            nodes.append(Node("accumulate", "AccumulateGrad", (), tuple(leaf.shape), at < reached))
            ends.append((at, leaf))
        else:
            nodes.append(Node("function", short_name(function), called, _shape(function), at < reached))
    for at, leaf in ends:
        called = tuple(name for name, tensor in known.items() if tensor is leaf)
        links.append(Link(at, len(nodes)))
        nodes.append(Node("leaf", ", ".join(called) or "a leaf", called, tuple(leaf.shape), at < reached))
    cuts = tuple(cuts)
    told = {made for made, _, _ in cuts}  # where such an edge goes is known
    for source, _, (function, _) in walk.edges:
        if source >= most:
            continue
        target = walk.index[id(function)] if function is not None else None
        if target is not None and target < most:
            links.append(Link(source, target))
        elif target is None and not told.intersection(nodes[source].names):
            links.append(Link(source, len(nodes)))
            nodes.append(Node("end", "None", (), None, nodes[source].reached))
    loss_at = 0 if loss is not None and loss.requires_grad else -1
    for tensor, called_so in apart.values():
        if tensor is loss:
            loss_at = len(nodes)
        nodes.append(Node("apart", ", ".join(called_so), tuple(called_so), tuple(tensor.shape), False))
    found = Chain(tuple(nodes), tuple(links), loss_at, left_out)
    for made, source_name, words in cuts:
        start, stop = found.of(made), found.of(source_name)
        if start is not None and stop is not None and start != stop:
            links.append(Link(start, stop, words))
    return Chain(tuple(nodes), tuple(links), loss_at, left_out)


def short_name(function: Any) -> str:
    """As torch names it, without the namespace of C++."""
    name: str = function.name()
    return name.rpartition("::")[2]


def _shape(function: Any) -> tuple[int, ...] | None:
    """Of the function's first output; None where torch does not say."""
    metadata = getattr(function, "_input_metadata", ())
    return tuple(metadata[0].shape) if metadata else None


def shape_text(shape: tuple[int, ...]) -> str:
    """As the documentation of torch.nn writes it: ``()``, ``(3)``, ``(2, 3)``."""
    return f"({', '.join(map(str, shape))})"
