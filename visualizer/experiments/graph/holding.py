"""Autograd nodes, held and let go in an order that torch can bear.

torch 2.13 destroys a long chain of nodes with a loop, as long as none of them has been seen from Python. A node that has been seen
(by reading ``next_functions``) owns a Python object, and a chain of such nodes is destroyed by recursion: with a stack of 8 MB
the process dies at some 45,000 nodes, in a thread with 512 KB at 3,000. Nothing recurses if each node is let go while those that
it leads to are still held: first the loss, then the nodes in the order in which backward would run them.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from torch import Tensor

#: A graph of fewer nodes cannot be too deep for any stack.
_HARMLESS = 1000

#: Seconds after which a tensor whose finalizer has run is gone as well.
_AFTER = 0.05


class Live(Sequence[Any]):
    """Autograd nodes by index. When this is dropped they are let go one by one, sources of edges before their targets.

    Args:
        nodes: all nodes of a graph.
        order: their indices, sources before targets.
    """

    def __init__(self, nodes: Sequence[Any], order: Sequence[int]) -> None:
        self._nodes = list(nodes)
        self._order = order
        self._first: list[Callable[[], None]] = []

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        return self._nodes[index]

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._nodes)

    def __del__(self) -> None:
        nodes = self._nodes
        for call in self._first:
            call()
        for at in self._order:
            nodes[at] = None

    def first(self, call: Callable[[], None]) -> None:
        """Call this when nobody needs the nodes any more, before they are let go: it drops tensors that hold the graph, too."""
        self._first.append(call)

    def stay_with(self, tensor: Tensor) -> None:
        """Hold the nodes until this tensor is gone, which somebody else owns and which holds the graph.

        They are let go a moment after it: when a finalizer runs, the tensor still has its node.
        """
        if len(self._nodes) >= _HARMLESS:
            weakref.finalize(tensor, _let_go_later, self).atexit = False


def _let_go_later(live: Live) -> None:
    timer = threading.Timer(_AFTER, lambda held: None, (live,))
    timer.daemon = True
    timer.start()
