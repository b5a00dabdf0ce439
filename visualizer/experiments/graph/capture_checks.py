"""What must hold in a capture that was read from a file: everything that later code relies on."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable

import numpy as np

from visualizer.experiments.graph.capture_schema import BrokenError
from visualizer.experiments.graph.model import Backward, Capture, Graph, Preview

#: Module calls that are nested more deeply than any model's.
_DEEPEST = 200

_SLICE = 0.004


def check_capture(capture: Capture) -> Generator[None, None, None]:
    """Indices point at what there is, calls and edges go round in no circle, samples fit their tensors.

    Raises:
        BrokenError: something does not hold.
    """
    graph = capture.graph
    _check_calls(graph)
    yield from _check_nodes(graph)
    yield from _check_edges(graph)
    _check_rest(graph)
    if capture.backward is not None:
        _check_backward(graph, capture.backward)
    yield from _check_previews(_previews(capture))


def _inside(what: str, index: int, count: int, least: int = -1) -> None:
    if not least <= index < count:
        raise BrokenError(f"{what}: there is no {index} among {count}")


def _check_calls(graph: Graph) -> None:
    depth: list[int] = []
    for at, call in enumerate(graph.calls):
        if call.index != at:
            raise BrokenError(f"calls, entry {at}: its index is {call.index}")
        if not -1 <= call.parent < at:
            raise BrokenError(f"calls, entry {at}: its parent {call.parent} does not come before it")
        depth.append(depth[call.parent] + 1 if call.parent >= 0 else 0)
        if depth[-1] > _DEEPEST:
            raise BrokenError(f"calls, entry {at}: more than {_DEEPEST} calls are nested")


def _check_nodes(graph: Graph) -> Generator[None, None, None]:
    calls, lines, operations = len(graph.calls), len(graph.lines), len(graph.operations)
    due = time.perf_counter() + _SLICE
    for at, node in enumerate(graph.nodes):
        if node.index != at:
            raise BrokenError(f"nodes, entry {at}: its index is {node.index}")
        _inside(f"nodes, entry {at}, call", node.call, calls)
        _inside(f"nodes, entry {at}, line", node.line, lines)
        _inside(f"nodes, entry {at}, operation", node.operation, operations)
        if time.perf_counter() > due:
            yield None
            due = time.perf_counter() + _SLICE


def _check_edges(graph: Graph) -> Generator[None, None, None]:
    edges, count = graph.edges, len(graph.nodes)
    if len(edges) and max(int(edges.source.max()), int(edges.target.max())) >= count:
        raise BrokenError(f"edges: one leads to a node that does not exist; there are {count}")
    if len(edges):
        pairs = np.sort(edges.source.astype(np.int64) << 32 | edges.slot)
        if np.any(pairs[1:] == pairs[:-1]):
            raise BrokenError("edges: two begin in one slot of a node")
    yield None
    # Nodes without unseen sources are taken away, layer by layer; what is left goes round in a circle.
    order, start = graph.outgoing
    waiting = np.bincount(edges.target, minlength=count).tolist()
    targets, begins = edges.target[order].tolist(), start.tolist()
    free = [at for at, before in enumerate(waiting) if not before]
    due = time.perf_counter() + _SLICE
    for at in free:
        for target in targets[begins[at] : begins[at + 1]]:
            waiting[target] -= 1
            if not waiting[target]:
                free.append(target)
        if time.perf_counter() > due:
            yield None
            due = time.perf_counter() + _SLICE
    if len(free) < count:
        raise BrokenError("edges: they go round in a circle, which no graph of autograd does")


def _check_rest(graph: Graph) -> None:
    nodes, lines, operations, calls = len(graph.nodes), len(graph.lines), len(graph.operations), len(graph.calls)
    for root in graph.roots:
        _inside("graph, roots", root, nodes, 0)
    for at, operation in enumerate(graph.operations):
        where = f"operations, entry {at}"
        if operation.index != at:
            raise BrokenError(f"{where}: its index is {operation.index}")
        _inside(f"{where}, call", operation.call, calls)
        _inside(f"{where}, line", operation.line, lines)
        for node in operation.nodes:
            _inside(f"{where}, nodes", node, nodes, 0)
        for origin in operation.inputs:
            _inside(f"{where}, inputs", origin.operation, at)
    for at, leaf in enumerate(graph.leaves):
        _inside(f"leaves, entry {at}, node", leaf.node, nodes)
        if leaf.node >= 0 and graph.nodes[leaf.node].kind != "accumulate":
            raise BrokenError(f"leaves, entry {at}: node {leaf.node} is no AccumulateGrad")
    if graph.failure is not None:
        _inside("graph, failure, line", graph.failure.line, lines)
        _inside("graph, failure, operation", graph.failure.operation, operations)


def _check_backward(graph: Graph, backward: Backward) -> None:
    seen: set[int] = set()
    for at, step in enumerate(backward.steps):
        _inside(f"steps, entry {at}, node", step.node, len(graph.nodes), 0)
        if step.node in seen:
            raise BrokenError(f"steps, entry {at}: node {step.node} has run already")
        seen.add(step.node)
    leaves: set[int] = set()
    for at, grad in enumerate(backward.grads):
        _inside(f"grads, entry {at}, leaf", grad.leaf, len(graph.leaves), 0)
        if grad.leaf in leaves:
            raise BrokenError(f"grads, entry {at}: leaf {grad.leaf} has one already")
        leaves.add(grad.leaf)


def _previews(capture: Capture) -> Iterable[Preview | None]:
    graph, backward = capture.graph, capture.backward
    yield graph.loss
    for node in graph.nodes:
        yield node.value
        for saved in node.saved:
            yield saved.tensor
    for operation in graph.operations:
        yield operation.value
    for leaf in graph.leaves:
        yield leaf.value
    if backward is not None:
        yield backward.start
        for step in backward.steps:
            yield from step.incoming
            yield from step.outgoing
        for grad in backward.grads:
            yield from (grad.before, grad.after)


def _check_previews(previews: Iterable[Preview | None]) -> Generator[None, None, None]:
    seen: set[int] = set()
    due = time.perf_counter() + _SLICE
    for preview in previews:
        if preview is not None and id(preview) not in seen:
            seen.add(id(preview))
            _check_preview(preview)
        if time.perf_counter() > due:
            yield None
            due = time.perf_counter() + _SLICE


def _check_preview(preview: Preview) -> None:
    """The sample is that of a matrix of the tensor's size; strides of 0 say that nothing of it was read."""
    shape = preview.type.shape
    if len(preview.strides) != 2:
        raise BrokenError("previews: strides are not two numbers")
    if preview.strides == (0, 0):
        if preview.sample.size:
            raise BrokenError("previews: a sample with strides of 0 has values")
        return
    columns, rows = (shape[-1] if shape else 1), math.prod(shape[:-1])
    (down, across), (height, width) = preview.strides, preview.sample.shape
    if not down or not across or (height, width) != (-(-rows // down), -(-columns // across)):
        raise BrokenError(f"previews: a sample of {height} x {width} with strides {down} and {across} is not of {shape}")
