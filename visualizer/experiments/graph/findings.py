"""What a capture shows that its user should know: where the first NaN or infinity was made."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal
from weakref import WeakKeyDictionary

from visualizer.experiments.graph.model import Capture, Graph, Node, Operation, Preview

What = Literal["NaN", "infinity"]

#: Operations that put an infinity where their user wants one: the masks of attention, the starting value of a maximum.
_WANTED = ("masked_fill", "masked_fill_", "full", "full_like", "fill_", "where", "triu", "tril", "constant_pad_nd")


@dataclass(frozen=True)
class NonFinite:
    """The first operation or node whose result is not finite though everything that went into it was.

    Attributes:
        what: what it made; a NaN is named before an infinity.
        phase: in the forward pass or in backward.
        node: its node; -1: an operation that is not in the graph.
        operation: the operation of the forward pass; -1: not recorded, or in backward.
        step: the step of the engine; -1: in the forward pass.
        count: how many elements of the result.
        leaf: index of the leaf, if the value came in from outside and no operation made it; else -1.
    """

    what: What
    phase: Literal["forward", "backward"]
    node: int = -1
    operation: int = -1
    step: int = -1
    count: int = 0
    leaf: int = -1

    def sentence(self, graph: Graph) -> str:
        """What happened, in one sentence."""
        many = f"{self.count} {'element' if self.count == 1 else 'elements'}"
        if self.leaf >= 0:
            name = ", ".join(graph.leaves[self.leaf].names) or "a leaf"
            return f"The first {self.what} was there before the forward pass: {many} of {name}."
        if self.phase == "backward":
            return (f"The first {self.what} is made in backward: {graph.nodes[self.node].name} was given finite gradients and "
                    f"returned {many} that {'is' if self.count == 1 else 'are'} {self.what}.")
        name = graph.operations[self.operation].name if self.operation >= 0 else graph.nodes[self.node].name
        return f"The first {self.what} is made in the forward pass by {name}: {many} of its result; its inputs had none."


_found: WeakKeyDictionary[Capture, NonFinite | None] = WeakKeyDictionary()


def first_nonfinite(capture: Capture) -> NonFinite | None:
    """Where the first NaN was made or, if there is none, the first infinity; the forward pass before backward.

    An infinity that an operation was asked for, such as ``masked_fill`` with -inf, is none to be told of. The search goes
    through every tensor, so its answer is kept for as long as the capture is.
    """
    if capture not in _found:
        _found[capture] = _searched(capture)
    return _found[capture]


def _searched(capture: Capture) -> NonFinite | None:
    backward: list[NonFinite] = []
    whats: tuple[What, ...] = ("NaN", "infinity")
    for what in whats:
        found = next(_of_forward(capture.graph, what), None)
        if found is not None:
            return found
        backward += [*_first(_of_backward(capture, what))]
    return backward[0] if backward else None


def _first(found: Iterator[NonFinite]) -> Iterable[NonFinite]:
    one = next(found, None)
    return () if one is None else (one,)


def _count(preview: Preview | None, what: What) -> int:
    if preview is None:
        return 0
    return preview.nans if what == "NaN" else preview.infinities


def _of_forward(graph: Graph, what: What) -> Iterator[NonFinite]:
    for index, leaf in enumerate(graph.leaves):
        count = _count(leaf.value, what)
        if count and (what == "NaN" or leaf.parameter):
            yield NonFinite(what, "forward", leaf.node, count=count, leaf=index)
    if graph.operations:
        yield from _of_operations(graph, what)
    else:
        yield from _of_nodes(graph, what)


def _of_operations(graph: Graph, what: What) -> Iterator[NonFinite]:
    leaves = {name: leaf for leaf in graph.leaves for name in leaf.names}
    for operation in graph.operations:
        count = _count(operation.value, what)
        if not count or _wanted(operation, what):
            continue
        inputs = [graph.operations[origin.operation].value if origin.operation >= 0 else
                  leaves[origin.name].value if origin.name in leaves else None for origin in operation.inputs]
        if not any(_count(value, what) for value in inputs):
            node = operation.nodes[-1] if operation.nodes else -1
            yield NonFinite(what, "forward", node, operation.index, count=count)


def _wanted(operation: Operation, what: What) -> bool:
    return what == "infinity" and operation.name.rpartition(".")[2] in _WANTED


def _of_nodes(graph: Graph, what: What) -> Iterator[NonFinite]:
    """Without a recording only values of nodes can be looked at, the earliest first."""
    order, start = graph.outgoing
    made: list[Node] = sorted((node for node in graph.nodes if _count(node.value, what)), key=lambda node: node.sequence)
    for node in made:
        inputs = graph.edges.target[order[start[node.index]:start[node.index + 1]]].tolist()
        if not any(_count(graph.nodes[target].value, what) for target in inputs):
            yield NonFinite(what, "forward", node.index, node.operation, count=_count(node.value, what))


def _of_backward(capture: Capture, what: What) -> Iterator[NonFinite]:
    if capture.backward is None:
        return
    for index, step in enumerate(capture.backward.steps):
        count = 0
        for gradient in step.outgoing:
            if gradient is not None and (gradient.nans or gradient.infinities):
                count += _count(gradient, what)
        if count and not any(_count(gradient, what) for gradient in step.incoming):
            yield NonFinite(what, "backward", step.node, step=index, count=count)
