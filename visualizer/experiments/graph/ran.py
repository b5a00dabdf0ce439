"""What running a program, or a model from a file, left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from visualizer.experiments.graph.model import Failure, Operation
from visualizer.experiments.graph.recording import Recording
from visualizer.experiments.graph.torch_functions import is_tensor

#: Names under which a program leaves the tensor that backward starts from, the first that there is.
ROOTS = ("loss", "output", "y")

#: Why a tensor requires no gradient; see :data:`visualizer.experiments.graph.model.Reason`.
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
        space: the global names of a program text. Its functions refer to them and they to its functions, so they stay until
            they are cleared; what the program computes backward needs them.
    """

    roots: tuple[Tensor, ...]
    model: nn.Module | None
    recording: Recording
    space: dict[str, object] = field(default_factory=dict)


def concluded(recording: Recording, model: nn.Module | None, variables: Mapping[str, object],
              candidates: Sequence[tuple[str, object]], *, say: bool = False) -> Ran:
    """Name what was recorded and choose where backward starts.

    Args:
        candidates: names and values; the first tensor with one of the usual names is it (:data:`ROOTS`), else the first tensor that
            has a graph behind it, else the first tensor.
        say: put a note where it has none of the usual names.
    """
    recording.model = model
    recording.name(variables)
    model = recording.completed()
    tensors = [(name, value) for name, value in candidates if is_tensor(value)]
    usual = next((pair for pair in tensors if pair[0] in ROOTS), None)
    graphs = (pair for pair in tensors if pair[1].grad_fn is not None)
    root = usual or next(graphs, None) or next(iter(tensors), None)
    if recording.failure is not None:  # a loss that came before the error is still the loss; else all that was left over
        loss = variables.get("loss")
        return Ran((loss,) if is_tensor(loss) and loss.requires_grad else recording.loose, model, recording)
    strange = say and "loss" in variables and not is_tensor(variables["loss"])
    if root is not None and strange:
        recording.notes += (f"loss is {described(variables['loss'])} and no tensor, so backward starts from {root[0]}.",)
    if root is not None and root[1].requires_grad:
        if say and usual is None and not strange:
            recording.notes += (f"Backward starts from {root[0]}: the program leaves no loss, output or y.",)
        return Ran((root[1],), model, recording)
    if root is not None:
        recording.failure = without_graph(*root, recording)
    elif strange:
        recording.failure = Failure(f"loss is {described(variables['loss'])} and no tensor: let the program put the one "
                                    "tensor that backward starts from into loss.")
    else:
        recording.failure = Failure("The program left no tensor: let it put the one that backward starts from into loss.")
    return Ran((), model, recording)


def described(value: object) -> str:
    """ "an int", "a list", "None"; a number that ``item()`` made has no graph any more. """
    if value is None:
        return "None"
    kind = type(value).__name__[:60]
    words = f"{'an' if kind[:1] in 'aeiouAEIOU' else 'a'} {kind}"
    return f"{words}, as item() gives," if kind == "float" else words


@contextmanager
def fresh(seed: int) -> Iterator[None]:
    """torch's settings as they are at its start, with this seed; afterwards they are again what they were."""
    dtype, anomaly = torch.get_default_dtype(), torch.is_anomaly_enabled()
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
            torch.default_generator.manual_seed(seed)
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.autograd.set_detect_anomaly(anomaly)


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
