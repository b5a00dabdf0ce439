"""What walking a graph asks of the recording of its forward pass. No torch at import time.

The recording knows nothing of the graph. Nodes are matched by autograd's sequence number: the number that torch would give next
is noted before and after every operation, and a node whose own number lies in between was made by it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from visualizer.experiments.graph.model import Call, Failure, Node, Operation, Preview, SourceLine


class Made(NamedTuple):
    """Where a node comes from: indices into ``calls``, ``lines`` and ``operations`` of the recording; -1: not known.

    ``value`` is the first tensor that the operation returned; it is given only to the last node that the operation made, which is
    the one that holds its result.
    """

    call: int = -1
    line: int = -1
    operation: int = -1
    value: Preview | None = None


class Known(NamedTuple):
    """A tensor that went into the forward pass and that no recorded operation made (or that has a name in the user's code).

    Attributes:
        tensor: the tensor itself; a parameter of the model, an input, a constant.
        names: its names in the user's code ("x", "target"); parameters' names are not among them.
        value: as it was when it was first used.
    """

    tensor: Tensor
    names: tuple[str, ...]
    value: Preview | None


class Recorded(Protocol):
    """The recording, after its ``with`` block has ended; for a graph without a recording the walk is given None.

    Attributes:
        calls: of modules, parents before their children: become ``Graph.calls`` as they are.
        lines: become ``Graph.lines``.
        operations: as they were called, without nodes; see :meth:`operations_of`.
        known: all leaves of the forward pass in order of first use: parameters, inputs, constants, in the graph or not. What the
            walk makes a ``Leaf`` of, after the parameters and buffers of the model.
        variables: tensors by their names in the user's code (for ``Node.variables``: a name belongs to the node that is its
            tensor's ``grad_fn``; for a leaf's names, see ``known``).
        failure: becomes ``Graph.failure``.
        notes: go to ``Graph.notes``, and ``output`` to ``Graph.output``.
    """

    @property
    def calls(self) -> tuple[Call, ...]: ...

    @property
    def lines(self) -> tuple[SourceLine, ...]: ...

    @property
    def operations(self) -> tuple[Operation, ...]: ...

    @property
    def known(self) -> tuple[Known, ...]: ...

    @property
    def variables(self) -> Mapping[str, Tensor]: ...

    @property
    def failure(self) -> Failure | None: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def output(self) -> str: ...

    @property
    def title(self) -> str:
        """What the graph is called on the screen; may be empty."""
        ...

    def of_node(self, sequence: int, node: Any) -> Made:
        """What made this node: ``sequence`` is its ``_sequence_nr()``, ``node`` the live node (a torch autograd node)."""
        ...

    def operations_of(self, nodes: Sequence[Node]) -> Generator[None, None, tuple[Operation, ...]]:
        """The operations with their nodes (by ``Node.operation``) and, for results that are in no path to the roots, the reason
        ``unused``: becomes ``Graph.operations``. Yields every few milliseconds."""
        ...
