"""What running a program, or a model from a file, left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from visualizer.experiments.graph.model import Failure, Operation
from visualizer.experiments.graph.recording import Recording

#: What is to be done about each reason; see :data:`visualizer.experiments.graph.model.Reason`.
WHY = {
    "no_grad": "it was computed under torch.no_grad(), where autograd records nothing",
    "inference": "it was computed under torch.inference_mode(), where autograd records nothing",
    "inputs": "nothing that went into it requires a gradient",
    "detach": "it was cut off by detach() or .data",
    "integer": "it holds integers or booleans, and only floating point tensors can have a gradient",
    "nondifferentiable": "the operation that made it has no derivative",
    "frozen": "it is a leaf with requires_grad=False",
}


@dataclass(frozen=True)
class Ran:
    """A forward pass that was recorded.

    Attributes:
        roots: the tensors that backward starts from, each of which requires a gradient; none if there is no graph, and then
            ``recording.failure`` says why.
        model: whose parameters have names.
        recording: named already.
    """

    roots: tuple[Tensor, ...]
    model: nn.Module | None
    recording: Recording


def without_graph(name: str, tensor: Tensor, recording: Recording) -> Failure:
    """Why there is no graph behind this tensor, which requires no gradient: becomes the recording's failure."""
    operations = recording.operations
    made = recording.maker(tensor)
    if made < 0:
        floating = tensor.is_floating_point() or tensor.is_complex()
        why = WHY["frozen" if floating else "integer"]
        return Failure(f"There is no graph: {name} does not require a gradient, because {why}.")
    lost = lost_at(operations, made)
    place = f" in line {recording.lines[lost.line].number}" if lost.line >= 0 else ""
    why = WHY[lost.reason or "inputs"]
    if lost.index == made:
        sentence = f"{name}, made by {lost.name}{place}, does not require a gradient, because {why}."
    else:
        sentence = f"{name} does not require a gradient. It was lost before, in the result of {lost.name}{place}, because {why}."
    return Failure(f"There is no graph: {sentence}", "", lost.line, made)


def lost_at(operations: Sequence[Operation], index: int) -> Operation:
    """Where the gradient was lost on the way to this operation's result: the last operation before it, or itself, that was given a
    tensor which requires a gradient; where nothing ever required one, the operation itself."""
    waiting, seen = [index], {index}
    while waiting:
        at = waiting.pop(0)
        if operations[at].reason not in ("", "inputs"):
            return operations[at]
        for origin in operations[at].inputs:
            if origin.operation >= 0 and origin.operation not in seen:
                seen.add(origin.operation)
                waiting.append(origin.operation)
    return operations[index]
