"""The leaves of a graph: parameters, buffers, inputs; in the graph or not, and then why."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from visualizer.experiments.graph.model import Leaf, Preview, Reason
from visualizer.experiments.graph.preview_batch import Batch
from visualizer.experiments.graph.recording_protocol import Recorded

#: Seconds between two yields.
_SLICE = 0.004


@dataclass(eq=False)
class _Entry:
    tensor: Tensor
    parameter: bool = False
    names: list[str] = field(default_factory=list)
    value: Preview | None = None


@dataclass(eq=False)
class Leaves:
    """By identity, in the order of :attr:`~visualizer.experiments.graph.model.Graph.leaves`."""

    entries: dict[int, _Entry] = field(default_factory=dict)

    def add(self, tensor: Tensor, names: tuple[str, ...] = (), parameter: bool = False, value: Preview | None = None) -> None:
        """Another name of a leaf, or another leaf; a tensor that an operation made is none and is left out."""
        if tensor.grad_fn is not None:
            return
        entry = self.entries.setdefault(id(tensor), _Entry(tensor, parameter))
        entry.names.extend(name for name in names if name and name not in entry.names)
        entry.value = entry.value or value

    def names(self) -> dict[int, tuple[str, ...]]:
        """By ``id`` of the leaf."""
        return {ident: tuple(entry.names) for ident, entry in self.entries.items()}

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        return tuple(entry.tensor for entry in self.entries.values())

    def listed(self, nodes: Mapping[int, int], most: int, batch: Batch) -> Generator[None, None, tuple[Leaf, ...]]:
        """As plain data; ``nodes``: the index of the AccumulateGrad of each leaf in the graph, by ``id``."""
        found = []
        due = time.perf_counter() + _SLICE
        for ident, entry in self.entries.items():
            # Looked at even if the recording has its value: so that its storage is numbered with those of saved tensors.
            value = yield from batch.preview_in_pieces(entry.tensor, most)
            node = nodes.get(ident, -1)
            reason = _reason(entry.tensor) if node < 0 else ""
            found.append(Leaf(tuple(entry.names), value.type, entry.parameter, entry.tensor.requires_grad, node, reason,
                              _as_recorded(entry.value, value)))
            if not len(found) & 15 and time.perf_counter() > due:
                yield None
                due = time.perf_counter() + _SLICE
        return tuple(found)


def _as_recorded(recorded: Preview | None, now: Preview) -> Preview:
    """What was recorded in the forward pass, with the number and size of the storage."""
    from dataclasses import replace

    return now if recorded is None else replace(recorded, storage=now.storage, whole=now.whole)


def _reason(leaf: Tensor) -> Reason:
    """Why a leaf is not in the graph."""
    if leaf.requires_grad:
        return "unused"
    return "frozen" if leaf.is_floating_point() or leaf.is_complex() else "integer"


def leaves_of(
    model: nn.Module | None, recording: Recorded | None, names: Mapping[str, Tensor], accumulate: tuple[Any, ...],
) -> Generator[None, None, Leaves]:
    """All that is known: of the model, of the recording, named by the user, and what the graph ends in."""
    found = Leaves()
    if model is not None:
        for name, parameter in model.named_parameters(remove_duplicate=False):
            found.add(parameter, (name,), True)
        for name, buffer in model.named_buffers(remove_duplicate=False):
            found.add(buffer, (name,))
    yield None
    if recording is not None:
        for known in recording.known:
            found.add(known.tensor, known.names, False, known.value)
    yield None
    for name, tensor in names.items():
        found.add(tensor, (name,))
    for node in accumulate:
        found.add(node.variable)
    return found
