"""A captured autograd graph as plain data: what the pages show, what a capture file holds. No torch, nothing alive.

Directions are those of ``next_functions``: an edge goes from the node nearer to the loss to one that its gradient goes to. Indices
are positions in the tuples of :class:`Graph`; -1 means "none" or "not known".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from visualizer.figures.model import Floats

    Ints = NDArray[np.int32]

#: What a gesture calls a box: a node by its index; the group of a module call by its index plus this; a folded repetition by the
#: index of its first call plus REPEAT_IDENT, one of bare nodes by the index of its first node plus NODES_IDENT; an operation that
#: is not in the graph by its index plus OUTSIDE_IDENT.
#: A leaf that is not in the graph by its index plus LEAF_IDENT.
GROUP_IDENT, REPEAT_IDENT, NODES_IDENT = 500_000_000, 1_000_000_000, 1_250_000_000
OUTSIDE_IDENT, LEAF_IDENT = 1_500_000_000, 2_000_000_000

Kind = Literal["function", "accumulate", "custom"]
"""A function of torch; the AccumulateGrad at the end of a path; a user's ``torch.autograd.Function``."""

Reason = Literal["", "no_grad", "inference", "inputs", "detach", "integer", "nondifferentiable", "unused", "frozen"]
"""Why a tensor is not in the graph: made under ``no_grad`` or ``inference_mode``; none of its inputs requires a gradient; made by
``detach`` (or ``.data``); of integers or booleans; by an operation without a derivative; in a graph, but the loss does not depend
on it; a leaf with ``requires_grad=False``. Empty: it is in the graph."""


class TensorType(NamedTuple):
    """Shape, and dtype without "torch."."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A tensor as it was: its type, statistics of all its elements, and a part of its values.

    Attributes:
        type: shape and dtype.
        bytes: of its elements.
        storage: tensors of a capture that share memory have the same number; -1: not known.
        whole: bytes of that storage, of which the elements may be a part; 0: not known. See :attr:`kept`.
        device: such as ``cpu``.
        sample: rows x columns: the tensor as a matrix (all but the last dimension are rows), every ``strides[0]``-th row, every
            ``strides[1]``-th column; float64, of a complex tensor the absolute value. Empty for a tensor without elements.
        strides: of the sample; (1, 1): it has every element.
        minimum, maximum, mean, deviation, norm: over all finite elements (norm: 2-norm over all); NaN where there is none.
        nans, infinities: how many.
    """

    type: TensorType
    bytes: int
    sample: Floats
    strides: tuple[int, int] = (1, 1)
    storage: int = -1
    device: str = "cpu"
    minimum: float = float("nan")
    maximum: float = float("nan")
    mean: float = float("nan")
    deviation: float = float("nan")
    norm: float = float("nan")
    nans: int = 0
    infinities: int = 0
    whole: int = 0

    @property
    def kept(self) -> int:
        """Bytes that stay in memory as long as this tensor does: a part of a tensor keeps all of it alive."""
        return max(self.bytes, self.whole)

    @property
    def readable(self) -> bool:
        """Whether its values could be read: not those of the device ``meta``, nor of some subclasses."""
        return self.strides != (0, 0)

    @property
    def complete(self) -> bool:
        """Whether the sample has every element."""
        return self.strides == (1, 1)


@dataclass(frozen=True, slots=True)
class Saved:
    """What a node keeps for backward.

    Attributes:
        name: as torch's derivative formula calls it ("self", "mat2", "result"), without ``_saved_``.
        tensor: what is kept; None for anything that is no tensor, for a freed one, and for one that must not be looked at.
        text: a value that is no tensor, as text; or why there is no tensor ("freed by backward", "hidden by a hook").
        freed: backward has freed it.
        hooked: packed by a saved-tensor hook (checkpoint, offloading): unpacking it would run code, so nobody did.
        leaf: the names of the leaf that it is, if it is one.
    """

    name: str
    tensor: Preview | None = None
    text: str = ""
    freed: bool = False
    hooked: bool = False
    leaf: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A function of the graph, or an AccumulateGrad.

    Attributes:
        name: as torch names it, without C++ namespace: "AddmmBackward0", "AccumulateGrad".
        sequence: number of the forward operation in its thread: larger is later, and runs sooner in backward; -1: not known
            (AccumulateGrad has none: it runs as soon as it can).
        outputs: types of what the forward operation returned; of AccumulateGrad: of the leaf.
        variables: names in the user's code of tensors that it made ("loss", "h").
        parameters: of AccumulateGrad: the names of its leaf; tied weights have several.
        call: the module call that it belongs to (innermost).
        line: the source line that made it.
        operation: the torch function that made it.
        saved: what it keeps for backward.
        empty: the slots whose edge leads nowhere (None): inputs that require no gradient.
        value: what the forward operation returned, where that was recorded.
        defined: of a custom function, the file and the line of its method backward: "model.py:12".
    """

    index: int
    name: str
    kind: Kind = "function"
    sequence: int = -1
    outputs: tuple[TensorType, ...] = ()
    variables: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    call: int = -1
    line: int = -1
    operation: int = -1
    saved: tuple[Saved, ...] = ()
    empty: tuple[int, ...] = ()
    value: Preview | None = None
    defined: str = ""

    @property
    def title(self) -> str:
        """The name without "Backward0"."""
        stem = self.name.rstrip("0123456789")
        return stem.removesuffix("Backward") or self.name


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a module's forward; a layer that is used three times has three.

    Attributes:
        path: as ``named_modules`` has it: "layers.0.attn"; "" is the model itself.
        type: the module's class.
        nth: counts the calls of this module from 0.
        parent: the call that it happened in.
        guessed: derived afterwards from the names of parameters, not recorded.
    """

    index: int
    path: str
    type: str
    nth: int = 0
    parent: int = -1
    guessed: bool = False

    @property
    def title(self) -> str:
        """What is written on a group: "layers.0 · Linear", and which call it is where there are several."""
        name = f"{self.path} · {self.type}" if self.path and self.type else self.path or self.type
        return f"{name} (call {self.nth + 1})" if self.nth else name


class SourceLine(NamedTuple):
    """Where in the user's code: the file's name as shown, the number from 1, the text without indentation."""

    file: str
    number: int
    text: str


class Origin(NamedTuple):
    """A tensor that went into an operation: the operation that made it (-1: a leaf or from elsewhere), its name if it has one,
    its type, whether it required a gradient."""

    operation: int
    name: str
    type: TensorType
    requires_grad: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """One torch function that the forward pass called, in the graph or not.

    Attributes:
        name: "torch.nn.functional.linear", "Tensor.add".
        inputs: its tensors, in order of the arguments.
        outputs: types of what it returned.
        variables: names in the user's code of what it returned.
        nodes: the nodes of the graph that it made; the last one holds its result.
        reason: why its result is not in the graph.
        error: torch's message, if this is where the forward pass failed.
    """

    index: int
    name: str
    inputs: tuple[Origin, ...] = ()
    outputs: tuple[TensorType, ...] = ()
    variables: tuple[str, ...] = ()
    nodes: tuple[int, ...] = ()
    reason: Reason = ""
    call: int = -1
    line: int = -1
    value: Preview | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A tensor that no recorded operation made: parameter, buffer, input.

    Attributes:
        names: all its names (tied weights have several); may be empty.
        parameter: of the model.
        node: its AccumulateGrad, if it is in the graph.
        reason: why it is not in the graph.
        value: as it was in the forward pass.
    """

    names: tuple[str, ...]
    type: TensorType
    parameter: bool = False
    requires_grad: bool = False
    node: int = -1
    reason: Reason = ""
    value: Preview | None = None


@dataclass(frozen=True, eq=False)
class Edges:
    """All edges but those to None, parallel ones each, in the order of a walk: arrays of int32 of one length.

    ``slot`` counts the source's ``next_functions``; ``target_slot`` is the output of the target's forward that was used (the
    number in ``next_functions``).
    """

    source: Ints
    slot: Ints
    target: Ints
    target_slot: Ints

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True)
class Failure:
    """The forward pass did not come to its end: in words, torch's own message, and where."""

    sentence: str
    details: str = ""
    line: int = -1
    operation: int = -1


@dataclass(frozen=True, eq=False)
class Graph:
    """A graph, its nodes in the order of a walk from the loss: the roots first.

    Attributes:
        title: what it is the graph of, in a few words.
        model: class of the model; empty without one.
        roots: where backward starts (several after a failure: whatever was left over).
        calls: parents before their children.
        operations: what the forward pass called, in order; empty if nothing was recorded.
        leaves: parameters of the model first, in its order.
        failure: why the forward pass ended early.
        notes: sentences about the capture that the user should know ("the graph was freed by a backward").
        output: what the user's program printed.
    """

    nodes: tuple[Node, ...]
    edges: Edges
    roots: tuple[int, ...] = ()
    calls: tuple[Call, ...] = ()
    lines: tuple[SourceLine, ...] = ()
    operations: tuple[Operation, ...] = ()
    leaves: tuple[Leaf, ...] = ()
    title: str = ""
    model: str = ""
    loss: Preview | None = None
    failure: Failure | None = None
    notes: tuple[str, ...] = ()
    output: str = ""

    @cached_property
    def outgoing(self) -> tuple[Ints, Ints]:
        """Edges by source: ``order[start[i]:start[i + 1]]`` are the edges of node i, by slot."""
        return _grouped(self.edges.source, len(self.nodes))

    @cached_property
    def incoming(self) -> tuple[Ints, Ints]:
        """Edges by target, as :attr:`outgoing`."""
        return _grouped(self.edges.target, len(self.nodes))


def _grouped(ends: Ints, count: int) -> tuple[Ints, Ints]:
    import numpy as np

    order = np.argsort(ends, kind="stable").astype(np.int32)
    start = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.bincount(ends, minlength=count), out=start[1:])
    return order, start


@dataclass(frozen=True, slots=True)
class Step:
    """One node run by the engine.

    Attributes:
        incoming: what it was given, one for each output of its forward: already summed where paths join; None: undefined.
        outgoing: what it returned, one for each slot; None: undefined, or the edge leads nowhere. Of AccumulateGrad: empty.
        seconds: between its hooks; NaN: not measured.
    """

    node: int
    incoming: tuple[Preview | None, ...]
    outgoing: tuple[Preview | None, ...] = ()
    seconds: float = float("nan")


@dataclass(frozen=True, slots=True)
class Grad:
    """The ``.grad`` of a leaf before and after; ``equal``: bit for bit what ``loss.backward()`` alone gives; None: not compared."""

    leaf: int
    before: Preview | None
    after: Preview | None
    equal: bool | None = None


@dataclass(frozen=True, eq=False)
class Backward:
    """One run of the engine, node by node in its order.

    Attributes:
        start: the gradient that it began with.
        grads: of every leaf in the graph.
        error: torch's message if it did not come to its end.
    """

    steps: tuple[Step, ...]
    grads: tuple[Grad, ...] = ()
    start: Preview | None = None
    error: str = ""

    @property
    def equal(self) -> bool | None:
        """Whether every ``.grad`` equals that of ``loss.backward()`` bit for bit; None: not compared."""
        told = [grad.equal for grad in self.grads]
        return None if not told or any(one is None for one in told) else all(told)

    @cached_property
    def step_of(self) -> dict[int, int]:
        """By node: which step ran it."""
        return {step.node: index for index, step in enumerate(self.steps)}


@dataclass(frozen=True, eq=False)
class Capture:
    """What a run of the model left behind: its graph and, if it was run, its backward."""

    graph: Graph
    backward: Backward | None = None
    torch: str = field(default="")
