"""The local derivative of a node: the Jacobian of its forward operation, found by asking the node itself.

A node computes vector-Jacobian products: given d loss / d output it returns d loss / d input = (d loss / d output) . J. Given a
gradient that is one at a single element of the output and zero elsewhere, it returns a row of J. Only small nodes of torch itself
are asked, and each answer is checked against what the engine's run gave.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from visualizer.experiments.graph.backward import as_sent
from visualizer.experiments.graph.model import Backward, Graph, Node, Preview, Step, TensorType
from visualizer.figures.model import readonly

if TYPE_CHECKING:
    from visualizer.experiments.graph.walking import Walked
    from visualizer.figures.model import Floats

#: Largest graph whose nodes are asked; most elements of an output, and of an input.
NODES, OUTPUTS, INPUTS = 200, 32, 64


@dataclass(frozen=True, eq=False)
class Block:
    """The derivative of one output of the forward operation with respect to one of its inputs.

    Attributes:
        output: which output.
        slot: which slot of the node, that is which input that requires a gradient or could.
        matrix: rows: elements of the output, columns: elements of the input, both in row-major order.
    """

    output: int
    slot: int
    matrix: Floats

    @property
    def diagonal(self) -> bool:
        """Whether each element of the output depends on the same element of the input only."""
        rows, columns = self.matrix.shape
        return rows == columns and not np.any(self.matrix[~np.eye(rows, dtype=np.bool_)])


@dataclass(frozen=True, eq=False)
class Local:
    """The local derivative of one node.

    Attributes:
        blocks: by output and slot; empty: see ``reason``.
        difference: between incoming . J and what the node returned in the engine's run: the largest, relative to the largest
            sum of the magnitudes of the terms; NaN: not compared.
        reason: why there are no blocks.
    """

    blocks: tuple[Block, ...] = ()
    difference: float = float("nan")
    reason: str = ""


def locals_of(walked: Walked, backward: Backward) -> Generator[None, None, tuple[Local, ...]]:
    """The local derivative at every step of a run of the engine; of a large graph none."""
    graph = walked.graph
    if len(graph.nodes) > NODES:
        reason = f"Local derivatives are computed for graphs of up to {NODES} nodes."
        return tuple(Local(reason=reason) for _ in backward.steps)
    found = []
    for step in backward.steps:
        found.append(local_of(graph, walked.live[step.node], step))
        yield None
    return tuple(found)


def local_of(graph: Graph, live: Any, step: Step) -> Local:
    """The local derivative of this live node, which ran at this step."""
    node = graph.nodes[step.node]
    ends = _ends(graph, node)
    reason = _refused(node, [type_ for _, type_ in ends])
    if reason:
        return Local(reason=reason)
    blocks: list[Block] = []
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            for output, type_ in enumerate(node.outputs):
                if step.incoming[output] is not None:
                    blocks += _rows(live, node, output, type_, ends)
    except RuntimeError as error:
        return Local(reason=f"torch refuses: {error}")
    return Local(tuple(blocks), _difference(blocks, step))


def _ends(graph: Graph, node: Node) -> list[tuple[int, TensorType]]:
    """The slots whose gradient goes somewhere, and the type that it has there."""
    order, start = graph.outgoing
    found = []
    for edge in order[start[node.index]:start[node.index + 1]].tolist():
        outputs, number = graph.nodes[int(graph.edges.target[edge])].outputs, int(graph.edges.target_slot[edge])
        if number < len(outputs):
            found.append((int(graph.edges.slot[edge]), outputs[number]))
    return found


def _refused(node: Node, inputs: Sequence[TensorType]) -> str:
    """Why this node is not asked; empty: it is."""
    if node.kind == "accumulate":
        return "AccumulateGrad computes no derivative: it adds what arrives to .grad of its leaf."
    if node.kind == "custom":
        return "A function of your own: its backward is your code, which is not called once more."
    if any(saved.hooked for saved in node.saved):
        return "What it saved is packed by a hook, as a checkpoint does; asking it would compute the forward pass again."
    if any(saved.freed for saved in node.saved):
        return "What it saved has been freed by a backward."
    types = (*node.outputs, *inputs)
    if any(not type_.dtype for type_ in types):
        return "torch does not tell the shapes of what it computes."
    if any("complex" in type_.dtype for type_ in types):
        return "Complex numbers: one matrix of real numbers does not tell their derivative."
    if sum(prod(type_.shape) for type_ in node.outputs) > OUTPUTS or any(prod(type_.shape) > INPUTS for type_ in inputs):
        return (f"Too large to be written as a matrix: it is shown for up to {OUTPUTS} elements of the output and {INPUTS} of an "
                "input.")
    return ""


def _rows(live: Any, node: Node, output: int, type_: TensorType, ends: Sequence[tuple[int, TensorType]]) -> list[Block]:
    count = prod(type_.shape)
    matrices = {slot: np.zeros((count, prod(end.shape))) for slot, end in ends}
    for row in range(count):
        one = torch.zeros(count, dtype=getattr(torch, type_.dtype))
        one[row] = 1
        given = [one.reshape(type_.shape) if at == output else None for at in range(len(node.outputs))]
        returned = live(*given)
        answers = returned if isinstance(returned, tuple) else (returned,)
        for slot, end in ends:
            answer = answers[slot]
            if answer is not None:
                matrices[slot][row] = as_sent(answer, end.shape, end.dtype).to(torch.float64).reshape(-1).numpy()
    return [Block(output, slot, readonly(matrix)) for slot, matrix in matrices.items()]


def flat(gradient: Preview | None) -> Floats | None:
    """All elements in row-major order; None: undefined, or not all of them are there."""
    return gradient.sample.reshape(-1) if gradient is not None and gradient.complete else None


def _difference(blocks: Sequence[Block], step: Step) -> float:
    worst = float("nan")
    for slot in sorted({block.slot for block in blocks}):
        wanted = flat(step.outgoing[slot]) if slot < len(step.outgoing) else None
        if wanted is None or not wanted.size:
            continue
        got, size = np.zeros_like(wanted), np.zeros_like(wanted)
        for block in blocks:
            given = flat(step.incoming[block.output]) if block.slot == slot else None
            if given is not None:
                with np.errstate(invalid="ignore", over="ignore"):
                    got = got + given @ block.matrix
                    size = size + np.abs(given) @ np.abs(block.matrix)
        if np.isfinite(got).all() and np.isfinite(wanted).all():
            scale = float(size.max()) or 1.0
            difference = float(np.abs(got - wanted).max()) / scale
            worst = difference if worst != worst else max(worst, difference)
    return worst
