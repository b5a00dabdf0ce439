"""Every tensor of a forward pass: what made it, whether it is in the graph, why not, and what would change that."""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from visualizer.experiments.graph.model import Capture, Graph, Operation, Reason, TensorType
from visualizer.experiments.graph.ran import WHY, lost_at

#: Operations that take only shape, dtype and device of their argument.
_SHAPE_ONLY = ("zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "randint_like", "new_zeros",
               "new_ones", "new_full", "new_empty", "new_tensor")


#: Why a leaf outside of the graph has a gradient.
FILLED = "a node of the graph runs a backward of its own for it, as a checkpoint with use_reentrant=True does"


class Row(NamedTuple):
    """One tensor.

    Attributes:
        name: its name in the user's code; "unnamed" without one.
        made: what made it: an operation, or "you" for a leaf.
        line: of ``graph.lines``; -1: not known.
        inside: whether it is in the graph that the loss is the end of.
        reason: why not.
        operation, leaf: which of the graph's it is; -1: not one of these.
        filled: it is a leaf outside of the graph whose ``.grad`` backward fills nevertheless.
    """

    name: str
    made: str
    line: int
    type: TensorType
    inside: bool
    reason: Reason
    operation: int = -1
    leaf: int = -1
    filled: bool = False


def filled_outside(capture: Capture) -> frozenset[int]:
    """Leaves that are not in the graph and yet get a gradient: what a node of it computes runs a backward of its own, as that of a
    checkpoint with ``use_reentrant=True`` does."""
    leaves = capture.graph.leaves
    grads = capture.backward.grads if capture.backward is not None else ()
    return frozenset(grad.leaf for grad in grads if leaves[grad.leaf].node < 0 and grad.after is not None
                     and (grad.before is None or grad.before.norm != grad.after.norm))


def rows_of(graph: Graph, filled: frozenset[int] = frozenset()) -> Generator[None, None, tuple[Row, ...]]:
    """Leaves first, then results in the order of the forward pass; yields None now and then."""
    rows = []
    for index, leaf in enumerate(graph.leaves):
        made = "a parameter" if leaf.parameter else "a leaf"
        name = " = ".join(leaf.names) or "unnamed"
        # A leaf that could have a gradient and is not reached is in no path of this loss.
        reason: Reason = "" if leaf.node >= 0 else leaf.reason or ("unused" if leaf.requires_grad else "frozen")
        rows.append(Row(name, made, -1, leaf.type, leaf.node >= 0, reason, leaf=index, filled=index in filled))
    for operation in graph.operations:
        names = " = ".join(operation.variables)
        for place, type_ in enumerate(operation.outputs):
            several = len(operation.outputs) > 1
            whole = type_.dtype.startswith(("int", "uint", "bool"))
            reason = "integer" if whole and not operation.reason else operation.reason
            name = names or "unnamed"
            rows.append(Row(f"{name}, {place + 1} of {len(operation.outputs)}" if several else name, operation.name, operation.line,
                            type_, not reason, reason, operation=operation.index))
        if operation.index % 256 == 255:
            yield None
    return tuple(rows)


def why(graph: Graph, row: Row) -> str:
    """Why the tensor is not in the graph: a sentence without its full stop."""
    if row.inside:
        return "it is in the graph"
    if row.leaf >= 0:
        if row.reason == "integer" or row.type.dtype.startswith(("int", "uint", "bool")):
            return WHY["integer"]
        if row.filled:
            return f"{FILLED}, which fills its .grad"
        if row.reason == "unused":
            return "it requires a gradient, but the loss does not depend on it: its .grad stays None"
        return WHY["frozen"]
    operation = graph.operations[row.operation]
    match row.reason:
        case "unused":
            return "it has a graph of its own, but the loss does not depend on it"
        case "inputs":
            lost = lost_at(graph.operations, row.operation)
            if lost.index != row.operation and lost.reason not in ("", "inputs"):
                return f"nothing that went into it requires a gradient: that was lost in {_called(graph, lost)}"
            return WHY["inputs"]
        case "nondifferentiable" if operation.name.rpartition(".")[2] in _SHAPE_ONLY:
            return f"{operation.name} takes only the shape of its argument, not its values"
        case "nondifferentiable" if operation.name == "torch.autograd.grad":
            return "a gradient is recorded only if grad(...) is called with create_graph=True"
        case reason:
            return WHY.get(reason, "autograd has not recorded it")


def remedy(graph: Graph, row: Row) -> str:
    """What to change for it to be in the graph: a sentence without its full stop; empty: nothing is to be changed."""
    name = row.name if row.name.isidentifier() and row.name != "unnamed" else "it"
    if row.inside:
        return ""
    whole = row.type.dtype.startswith(("int", "uint", "bool"))
    match row.reason:
        case _ if row.filled:
            return "call checkpoint(..., use_reentrant=False)"
        case _ if row.leaf >= 0 and whole:
            return "only a floating point tensor can require a gradient; indices and classes need none"
        case "frozen":
            return f"call {name}.requires_grad_() before the forward pass, if you want its gradient"
        case "unused":
            return "let the loss depend on it, or leave it out"
        case "no_grad":
            return "move the line out of torch.no_grad()"
        case "inference":
            return "use torch.no_grad() or neither of the two: tensors of inference_mode can never join a graph"
        case "detach":
            return "use the tensor itself instead of the detached one"
        case "integer":
            return "use something smooth instead, such as softmax instead of argmax, or x > 0 as sigmoid(x)"
        case "nondifferentiable" if row.made == "torch.autograd.grad":
            return "call grad(..., create_graph=True)"
        case "nondifferentiable":
            return "use an operation that has a derivative"
        case "inputs":
            lost = lost_at(graph.operations, row.operation)
            if lost.index != row.operation and lost.reason not in ("", "inputs"):
                return f"see {_called(graph, lost)}: " + remedy(graph, Row("", "", lost.line, row.type, False, lost.reason,
                                                                          operation=lost.index))
            return "call requires_grad_() on one of its inputs"
        case _:
            return ""


def _called(graph: Graph, operation: Operation) -> str:
    """An operation in a sentence: its result's name, else its own, and its line."""
    name = operation.variables[0] if operation.variables else operation.name
    return f"{name} (line {graph.lines[operation.line].number})" if operation.line >= 0 else name
