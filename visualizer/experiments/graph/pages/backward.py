"""Step by step: the forward pass is recorded, then the engine runs backward, one node at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from visualizer.base.explanation import Explanation
from visualizer.experiments.graph import looks, pages_base
from visualizer.experiments.graph.findings import NonFinite, first_nonfinite
from visualizer.experiments.graph.local import Local, locals_of
from visualizer.experiments.graph.pages import backward_code, backward_figures, backward_words
from visualizer.experiments.graph.replay import Position, Replay
from visualizer.experiments.graph.requests import BackwardRequest, selected_ident
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import GraphState
from visualizer.figures.graph import AnyFigure
from visualizer.figures.model import Figure

#: So many positions are kept as they were drawn.
_KEPT = 64


@dataclass(frozen=True, eq=False)
class BackwardResult(GraphResult):
    """A capture with its run, position by position.

    Attributes:
        replay: the positions; the transport bar's step is a position.
        rows: the positions in rows of the drawing.
        locals: the local derivative at every step of the engine; empty where the graph does not live in this process.
        nonfinite: where the first NaN or infinity was made.
    """

    replay: Replay
    rows: backward_figures.Rows
    locals: tuple[Local, ...]
    nonfinite: NonFinite | None
    _drawn: dict[int, tuple[Position, tuple[Figure, Figure, Figure], dict[str, Any]]] = field(
        default_factory=dict, init=False, repr=False)

    def drawn(self, index: int) -> tuple[Position, tuple[Figure, Figure, Figure], dict[str, Any]]:
        """The position, the figures below the graph, and the marks on it."""
        found = self._drawn.get(index)
        if found is None:
            position = self.replay.at(index)
            local = self.locals[position.step] if position.step >= 0 and self.locals else None
            found = (position, backward_figures.small(self.capture, self.replay, position, local),
                     backward_figures.marks(self.capture, self.replay, self.rows, self.view, position))
            if len(self._drawn) >= _KEPT:
                self._drawn.pop(next(iter(self._drawn)))
            self._drawn[index] = found
        return found

    def numbers(self) -> dict[str, Any]:
        replay, nodes = self.replay, self.capture.graph.nodes
        return super().numbers() | {
            "positions": {
                "forward": [[nodes[node].name for node in moment.nodes] for moment in replay.moments],
                "backward": [nodes[step.node].name for step in replay.steps],
                "ready": [list(replay.at(index).ready) for index in range(replay.forward, replay.last + 1)]
                if len(nodes) <= 2000 else None,
            },
            "local": [
                [{"output": block.output, "slot": block.slot, "matrix": np.asarray(block.matrix)} for block in local.blocks]
                for local in self.locals
            ],
        }


def run(request: BackwardRequest) -> Iterator[BackwardResult | None]:
    """Capture, run, lay out; the steps are positions of one result.

    Raises:
        UserError: there is no graph; the sentence says why.
    """
    captured, view, drawing = yield from pages_base.begin(request.source, request.shown)
    capture = captured.capture
    replay = Replay(capture.graph, capture.backward)
    yield None
    rows = backward_figures.rows_of(replay, view)
    yield None
    found: tuple[Local, ...] = ()
    if captured.walked is not None and capture.backward is not None:
        found = yield from locals_of(captured.walked, capture.backward)
    yield None
    result = BackwardResult(request=request, steps=replay.last, capture=capture, view=view, drawing=drawing, replay=replay,
                            rows=rows, locals=found, nonfinite=first_nonfinite(capture))
    yield None
    result.drawn(0)  # what all positions have in common is worked out at the first, and the window does not wait for it
    yield result


def figures(result: BackwardResult, state: GraphState) -> tuple[AnyFigure, ...]:
    """The graph at the shown position, and the gradients of the node that runs there."""
    position, small, marks = result.drawn(min(state.shown_step, result.steps))
    title = backward_words.title(result.capture, result.replay, position)
    return looks.figure_of("backward", title, result, state, **marks), *small


def explain(result: BackwardResult, state: GraphState) -> Explanation:
    """What happens at this position, with its numbers."""
    position, _, _ = result.drawn(min(state.shown_step, result.steps))
    local = result.locals[position.step] if position.step >= 0 and result.locals else None
    found = backward_words.blocks(result.capture, result.replay, position, local, result.nonfinite)
    return Explanation((*found, *backward_words.chosen(result.capture, result.view, selected_ident(state))))


def code(request: BackwardRequest) -> str:
    """PyTorch that sets hooks and prints the same steps."""
    return backward_code.code(request.source)
