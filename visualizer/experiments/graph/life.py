"""What becomes of a graph that is used again: forward, backward, .grad cleared, backward once more; run by torch and recorded.

The program is run afresh for it: what backward frees is gone for every other page otherwise. Where the graph does not live in this
process (a user's program in its child process, a saved capture), the same is derived from the recorded run, and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from torch import Tensor

from visualizer.experiments.graph.backward import Engine, beside, ones
from visualizer.experiments.graph.model import Capture, Graph, Preview, Saved
from visualizer.experiments.graph.preview_batch import Batch
from visualizer.experiments.graph.previews import Storages, budget, preview
from visualizer.experiments.graph.replay import NEVER, Replay
from visualizer.experiments.graph.saved import Reader

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.experiments.graph.walking import Walked

    Bools = NDArray[np.bool_]

Grads = tuple[Preview | None, ...]

#: Hooks that are set, or nodes that are looked at, between two answers of the generator.
_CHUNK = 200

#: What torch says where saved tensors are gone; a derived life quotes it.
_TWICE = (
    "RuntimeError: Trying to backward through the graph a second time (or directly access saved tensors after they have already "
    "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors after "
    "calling backward."
)


@dataclass(frozen=True)
class Plan:
    """What is done: so many calls of backward, with ``retain_graph`` or without; ``clear``: what stands between them."""

    backwards: int
    retain: bool
    clear: str


@dataclass(frozen=True, eq=False)
class Event:
    """One line of the script.

    Attributes:
        what: the line; nth: the how many-th backward, from 1, that it is or follows; 0: the forward pass.
        freed: by node: what it had saved is gone.
        before, after: ``.grad`` of the leaves (see :attr:`Life.leaves`) before and after this line.
        error: torch's message, if it refused; then this is the last event.
        failed: the node at which it refused; -1: none.
    """

    what: Literal["forward", "backward", "zero_grad", "zeros"]
    nth: int
    freed: Bools
    before: Grads
    after: Grads
    error: str = ""
    failed: int = -1


@dataclass(frozen=True, eq=False)
class Life:
    """All that happened.

    Attributes:
        events: in order.
        leaves: indices of the graph's leaves whose ``.grad`` is told: those in the graph.
        keeps: by node: it had saved a tensor in the forward pass.
        derived: nothing was run: all this follows from one recorded run.
    """

    events: tuple[Event, ...]
    leaves: tuple[int, ...]
    keeps: Bools
    derived: bool = False


def keeping(graph: Graph) -> Bools:
    """By node: whether it has saved a tensor."""
    return np.array([any(_is_kept(saved) for saved in node.saved) for node in graph.nodes], dtype=np.bool_)


def _is_kept(saved: Saved) -> bool:
    return saved.tensor is not None or saved.hooked


def lived(walked: Walked, plan: Plan) -> Generator[None, None, Life]:
    """Use this graph up: it is of no use afterwards. Yields None every few milliseconds where torch allows."""
    graph = walked.graph
    leaves = tuple(at for at, leaf in enumerate(graph.leaves) if leaf.node >= 0)
    tensors = [walked.leaves[at] for at in leaves]
    most = budget(2 * len(leaves) * (2 * plan.backwards + 1))
    keeps = keeping(graph)
    begun: list[int] = []
    handles: list[Any] = []

    def put_back() -> None:
        while handles:
            handles.pop().remove()

    roots = list(walked.roots)
    engine = Engine(roots, [ones(root) for root in roots], put_back, beside(graph))
    freed = np.array([any(saved.freed for saved in node.saved) for node in graph.nodes], dtype=np.bool_)
    now = _grads(tensors, most)
    events = [Event("forward", 0, freed, now, now)]
    try:
        for index, node in enumerate(walked.live):
            handles.append(node.register_prehook(_noting(begun, index)))
            if index % _CHUNK == _CHUNK - 1:
                yield None
        for nth in range(1, plan.backwards + 1):
            if nth > 1 and plan.clear != "nothing":
                before, now = now, _cleared(tensors, plan.clear, most)
                events.append(Event(_clearing(plan.clear), nth - 1, freed, before, now))
            begun.clear()
            error = yield from engine.run(plan.retain)
            freed = yield from _freed(walked, keeps, freed)
            before, now = now, _grads(tensors, most)
            events.append(Event("backward", nth, freed, before, now, error, begun[-1] if error and begun else -1))
            yield None
            if error:
                break
    finally:
        engine.close()
    return Life(tuple(events), leaves, keeps)


def _noting(begun: list[int], node: int) -> Callable[[tuple[Tensor | None, ...]], None]:
    """A hook that writes down which node began last."""

    def note(gradients: tuple[Tensor | None, ...]) -> None:
        begun[:] = [node]

    return note


def _grads(tensors: Sequence[Tensor], most: int) -> Grads:
    return tuple(None if tensor.grad is None else preview(tensor.grad, most) for tensor in tensors)


def _clearing(clear: str) -> Literal["zero_grad", "zeros"]:
    return "zeros" if clear == "zeros" else "zero_grad"


def _cleared(tensors: Sequence[Tensor], clear: str, most: int) -> Grads:
    """What ``torch.optim.Optimizer.zero_grad`` does."""
    for tensor in tensors:
        if clear == "zero_grad":
            tensor.grad = None
        elif tensor.grad is not None:
            with torch.no_grad():
                tensor.grad.zero_()
    return _grads(tensors, most)


def _freed(walked: Walked, keeps: Bools, before: Bools) -> Generator[None, None, Bools]:
    """By node: what it had saved in the forward pass is gone."""
    found = before.copy()
    reader = Reader({}, 16, Batch(Storages()))
    for count, index in enumerate(np.flatnonzero(keeps & ~before).tolist()):
        saved = yield from reader.read(walked.live[index])
        found[index] = any(one.freed for one in saved)
        if count % _CHUNK == _CHUNK - 1:
            yield None
    return found


def derived(capture: Capture, plan: Plan) -> Life:
    """What would happen, from one recorded run: the second gradient is the first one again, unless something was freed.

    The order of the engine is the recorded one, so the node at which it would stop, and the leaves that are reached before it, are
    known.
    """
    graph, backward = capture.graph, capture.backward
    replay = Replay(graph, backward)
    leaves = tuple(at for at, leaf in enumerate(graph.leaves) if leaf.node >= 0)
    keeps = keeping(graph)
    freed = np.array([any(saved.freed for saved in node.saved) for node in graph.nodes], dtype=np.bool_)
    recorded = {grad.leaf: grad for grad in backward.grads} if backward is not None else {}
    once = [recorded[at].after if at in recorded else None for at in leaves]
    now: Grads = tuple(recorded[at].before if at in recorded else None for at in leaves)
    events = [Event("forward", 0, freed, now, now)]
    if backward is None:
        return Life(tuple(events), leaves, keeps, True)
    for nth in range(1, plan.backwards + 1):
        if nth > 1 and plan.clear != "nothing":
            before, now = now, tuple(None if one is None or plan.clear == "zero_grad" else _times(one, 0.0) for one in now)
            events.append(Event(_clearing(plan.clear), nth - 1, freed, before, now))
        gone = np.where(freed, replay.ran, NEVER)
        failed, error = -1, backward.error
        if gone.size and int(gone.min()) < NEVER:
            failed, error = int(np.argmin(gone)), _TWICE
        elif error and backward.steps:
            failed = backward.steps[-1].node
        reached = replay.ran[failed] if failed >= 0 else NEVER
        before = now
        now = tuple(_plus(one, more) if replay.ran[graph.leaves[at].node] < reached else one
                    for at, one, more in zip(leaves, now, once, strict=True))
        if not plan.retain:
            freed = freed | (keeps & (replay.ran < reached))
        events.append(Event("backward", nth, freed, before, now, error, failed))
        if error:
            break
    return Life(tuple(events), leaves, keeps, True)


def _times(one: Preview, factor: float) -> Preview:
    """The tensor times a number that is not negative; of what is not finite nothing is said."""
    sample = np.where(np.isfinite(one.sample), one.sample, 0.0) * factor if factor == 0.0 else one.sample * factor
    sample.flags.writeable = False
    return replace(one, sample=sample, minimum=one.minimum * factor, maximum=one.maximum * factor, mean=one.mean * factor,
                   deviation=one.deviation * factor, norm=one.norm * factor, nans=one.nans if factor else 0,
                   infinities=one.infinities if factor else 0)


def _plus(one: Preview | None, more: Preview | None) -> Preview | None:
    """The sum of a gradient and what backward adds to it; statistics are those of a multiple, as long as it is one."""
    if one is None or more is None:
        return one if more is None else more
    sample = one.sample + more.sample
    sample.flags.writeable = False
    return replace(one, sample=sample, minimum=one.minimum + more.minimum, maximum=one.maximum + more.maximum,
                   mean=one.mean + more.mean, deviation=one.deviation + more.deviation, norm=one.norm + more.norm,
                   nans=max(one.nans, more.nans), infinities=max(one.infinities, more.infinities))
