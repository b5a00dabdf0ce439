"""The backward pass of a live graph, recorded: which node the engine ran when, what it was given and what it returned.

The nodes are never called one by one: the engine sums where paths join, reduces broadcasts and casts between two nodes, so a walk
of calls gives other values for about one graph in five. Here the engine itself runs the whole graph, with hooks on every node that
only take notes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from visualizer.base.aside import aside
from visualizer.experiments.graph.grads import Held, same, without_values
from visualizer.experiments.graph.model import Backward, Grad, Graph, Preview, Step
from visualizer.experiments.graph.preview_batch import Batch

if TYPE_CHECKING:
    from visualizer.experiments.graph.walking import Walked

#: Graphs with more nodes are run beside the generator, which says "not yet" meanwhile.
_AT_ONCE = 200
#: So many hooks are set, or gradients compared, between two answers of the generator.
_CHUNK = 250


def recorded(walked: Walked, most: int, others: Iterable[Tensor] = ()) -> Generator[None, None, Backward]:
    """Run the engine twice over this graph, plainly and with hooks, and compare what the leaves' ``.grad`` has become.

    Both runs begin with ``.grad`` None at every leaf and keep the saved tensors (``retain_graph=True``); a root that is no scalar
    starts with ones. Afterwards every leaf has the very ``.grad`` that it had before, and no hook is left. Hooks that the user has
    set on tensors and nodes run as they do in ``backward()``, twice; those that follow an accumulation
    (``register_post_accumulate_grad_hook``: mostly an optimizer's step) are left out, for they change the leaves.

    Args:
        walked: the graph, its live nodes and leaves, and where it starts.
        most: number of sample values of each preview at most.
        others: tensors inside of the graph that retain their gradient (``retain_grad``): theirs is put back, too.

    Returns:
        The engine's steps in its order. If it raised an error, that is told in ``error``, and the last step is the node at which
        it happened.
    """
    roots = list(walked.roots) or [torch.zeros(())]  # without a graph torch says itself why there is no backward
    with torch.no_grad():
        starts = [ones(root) for root in roots]
    batch = Batch()
    start = batch.preview(starts[0], most) if walked.roots else None
    held = Held((*walked.leaves, *(root for root in roots if isinstance(root, Tensor)), *others))
    recorder = _Recorder(walked.graph, most, batch)
    handles: list[Any] = []

    def put_back() -> None:
        while handles:
            handles.pop().remove()
        held.restore()

    engine = Engine(roots, starts, put_back, beside(walked.graph))
    try:
        held.clear()
        refused = yield from engine.run()
        reference = [leaf.grad for leaf in walked.leaves]
        held.clear()
        for index, node in enumerate(walked.live):
            handles.append(node.register_prehook(recorder.before(index)))
            handles.append(node.register_hook(recorder.after(index)))
            if index % _CHUNK == _CHUNK - 1:
                yield None
        error = yield from engine.run()
        found = [leaf.grad for leaf in walked.leaves]
        while handles:
            handles.pop().remove()
            if len(handles) % _CHUNK == 0:
                yield None
    finally:
        engine.close()

    def shown(gradient: Tensor | None) -> Preview | None:
        return None if gradient is None else batch.preview(gradient, most)

    grads = []
    for index, (leaf, before, plain, after) in enumerate(zip(walked.graph.leaves, held.of(walked.leaves), reference, found,
                                                             strict=True)):
        if leaf.node >= 0 or after is not None:
            equal = None if error or refused or without_values(plain, after) else same(plain, after)
            grads.append(Grad(index, shown(before), shown(after), equal))
        if index % 8 == 7:
            yield None
    yield from batch.finish()
    return Backward(tuple(recorder.steps), tuple(grads), start, error)


def failed_at(backward: Backward) -> int | None:
    """The node at which the engine's error happened; None: there was none, or it was before the first node."""
    return backward.steps[-1].node if backward.error and backward.steps else None


def ones(root: Tensor | GradientEdge) -> Tensor:
    """The gradient that backward starts with: one for each element, as ``backward()`` itself takes for a scalar."""
    if isinstance(root, Tensor):
        return torch.ones_like(root)
    type_ = root.node._input_metadata[root.output_nr]
    return torch.ones(tuple(type_.shape), dtype=type_.dtype, device=type_.device)


def beside(graph: Graph) -> bool:
    """Whether the engine may run in a thread of its own.

    Not where it calls Python of the user, or draws random numbers again to repeat a forward pass: those rely on the state of the
    calling thread, or change that of the process.
    """
    return len(graph.nodes) > _AT_ONCE and not any(
        node.kind == "custom" or any(saved.hooked for saved in node.saved) for node in graph.nodes
    )


class Engine:
    """Runs of torch's engine from these roots.

    Args:
        roots: as ``torch.autograd.backward`` takes them.
        starts: of :func:`ones`.
        put_back: called once, when the engine runs no more.
        beside: it runs in a thread of its own.
    """

    def __init__(self, roots: Sequence[Any], starts: Sequence[Tensor], put_back: Callable[[], None], beside: bool) -> None:
        self._roots, self._put_back, self._beside = roots, put_back, beside
        # torch begins with one by itself where it can; to check a given start it imports sympy, which takes half a second.
        self._starts = [None if _begins_by_itself(root) else start for root, start in zip(roots, starts, strict=True)]
        self._lock = threading.Lock()
        self._running, self._closed = False, threading.Event()

    def run(self, retain_graph: bool = True) -> Generator[None, None, str]:
        """One run; the engine's error as a sentence, empty if there was none."""
        try:
            if self._beside:
                yield from aside(lambda: self._call(retain_graph))
            else:
                with torch.random.fork_rng(devices=[]):  # a repeated forward pass may draw
                    self._call(retain_graph)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def _call(self, retain_graph: bool) -> None:
        with self._lock:
            if self._closed.is_set():
                return
            self._running = True
        try:
            torch.autograd.backward(list(self._roots), self._starts, retain_graph=retain_graph)
        finally:
            with self._lock:
                self._running = False
                left = self._closed.is_set()
            if left:
                self._put_back()

    def close(self) -> None:
        """Put everything back; if a run that was left is still under way, it does so itself at its end."""
        with self._lock:
            self._closed.set()
            running = self._running
        if not running:
            self._put_back()


def _begins_by_itself(root: Any) -> bool:
    """Whether ``backward()`` without an argument begins with one here."""
    return isinstance(root, Tensor) and root.numel() == 1 and root.is_floating_point()


class _Recorder:
    """What the hooks write down. Only finished previews are kept: a tensor that is held would change what the engine does."""

    def __init__(self, graph: Graph, most: int, batch: Batch) -> None:
        self._most, self._batch = most, batch
        #: All that ran, in the engine's order.
        self.steps: list[Step] = []
        #: By node, while it runs: its place among the steps, and when it began.
        self._began: dict[int, tuple[int, float]] = {}
        # By node and slot: where the gradient goes, and as which type it arrives there.
        edges, nodes = graph.edges, graph.nodes
        self._ends: list[dict[int, tuple[int, int]]] = [{} for _ in nodes]
        for source, slot, target, number in zip(edges.source.tolist(), edges.slot.tolist(), edges.target.tolist(),
                                                edges.target_slot.tolist(), strict=True):
            self._ends[source][slot] = (target, number)
        self._types = [node.outputs for node in nodes]
        arrivals = np.bincount(edges.target, minlength=len(nodes)) if nodes else np.zeros(0, dtype=np.int64)
        self._single: list[bool] = (arrivals == 1).tolist()
        #: What the only predecessor of a node sent there: the very tensor arrives, so its preview is made already.
        self._sent: dict[int, tuple[Tensor, int, Preview]] = {}

    def before(self, node: int) -> Callable[[tuple[Tensor | None, ...]], None]:
        """The hook that runs before this node."""

        def note(gradients: tuple[Tensor | None, ...]) -> None:
            sent = self._sent.pop(node, None)
            self.steps.append(Step(node, tuple(self._arrived(gradient, sent) for gradient in gradients)))
            self._began[node] = len(self.steps) - 1, time.perf_counter()

        return note

    def _arrived(self, gradient: Tensor | None, sent: tuple[Tensor, int, Preview] | None) -> Preview | None:
        if gradient is None:
            return None
        if sent is not None and gradient is sent[0] and gradient._version == sent[1]:
            return sent[2]
        return self._batch.preview(gradient, self._most)

    def after(self, node: int) -> Callable[[tuple[Tensor | None, ...], tuple[Tensor | None, ...]], None]:
        """The hook that runs after this node."""

        def note(returned: tuple[Tensor | None, ...], given: tuple[Tensor | None, ...]) -> None:
            now = time.perf_counter()
            at, began = self._began.pop(node)
            outgoing = tuple(self._sends(node, slot, gradient) for slot, gradient in enumerate(returned))
            self.steps[at] = Step(node, self.steps[at].incoming, outgoing, now - began)

        return note

    def _sends(self, node: int, slot: int, gradient: Tensor | None) -> Preview | None:
        """The gradient as it travels along the edge: the engine has reduced it to the shape and dtype of where it goes."""
        end = self._ends[node].get(slot)
        if gradient is None or end is None:
            return None
        target, number = end
        type_ = self._types[target][number] if number < len(self._types[target]) else None
        if type_ is not None and type_.dtype:  # torch does not tell it of a nested tensor
            gradient = as_sent(gradient, type_.shape, type_.dtype)
        found = self._batch.preview(gradient, self._most)
        if self._single[target]:
            self._sent[target] = (gradient, gradient._version, found)
        return found


def as_sent(gradient: Tensor, shape: tuple[int, ...], dtype: str) -> Tensor:
    """A gradient as the engine passes it on to where a tensor of this shape and dtype is expected.

    What ``validate_outputs`` does (torch/csrc/autograd/engine.cpp): summed over the dimensions that were broadcast, then cast. What
    cannot be made to fit stays as it is: the engine says so itself, right afterwards.
    """
    try:
        if tuple(gradient.shape) != shape:
            gradient = gradient.sum_to_size(shape)
        wanted = getattr(torch, dtype, None)
        if isinstance(wanted, torch.dtype) and gradient.dtype != wanted:
            gradient = gradient.to(wanted)
    except RuntimeError:
        return gradient
    return gradient
