"""Before and after: what .grad holds, line by line of a training loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualizer.base.explanation import Explanation, number_text
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.experiments.losses import grad_words
from visualizer.experiments.losses.drawing import graph_figure
from visualizer.experiments.losses.lifecycle import Floats, Gradients, Life, Step, lived
from visualizer.experiments.losses.requests import GradRequest
from visualizer.experiments.losses.state import LossesState
from visualizer.figures.model import Axis, Bars, Figure, Layer, Note, Span, readonly

#: Up to so many elements each has its number at its bar, and its index below.
_WRITTEN, _TICKS = 16, 40
_HALF = 0.38


@dataclass(frozen=True, eq=False)
class GradResult(PageResult):
    """The steps, and the figures of each, made once."""

    life: Life
    drawn: tuple[tuple[Figure, Figure], ...]

    def numbers(self) -> dict[str, Any]:
        return {
            "loss": self.life.loss,
            "refused": self.life.refused,
            "second_backward": self.life.again,
            "steps": [
                {"step": index, "line": step.code, "graph": step.graph, "gradients": dict(step.after)}
                for index, step in enumerate(self.life.steps)
            ],
        }


def run(request: GradRequest) -> Iterator[GradResult | None]:
    """All steps at once: the transport bar plays them.

    Raises:
        UserError: torch refuses the tensors; the sentence says what to change.
    """
    life = yield from lived(request)
    drawn = []
    low, high = _limits(life)
    for index in range(len(life.steps)):
        drawn.append((_bars(life, index, (low, high)), _graph(life, index)))
        yield None
    yield GradResult(request=request, steps=len(life.steps) - 1, life=life, drawn=tuple(drawn))


def figures(result: GradResult, state: LossesState) -> tuple[Figure, ...]:
    """The gradient and the graph at the shown step."""
    return result.drawn[min(state.shown_step, result.steps)]


def _limits(life: Life) -> tuple[float, float]:
    """Of all steps, so that the view does not jump."""
    values = [0.0]
    for step in life.steps:
        for found in step.after.values():
            if found is not None and found.size:
                finite = found[np.isfinite(found)]
                values += [float(finite.min()), float(finite.max())] if finite.size else []
    low, high = min(values), max(values)
    room = (0.16 if len(life.shapes) < 2 else 0.3) * (high - low) or 1.0
    return low - (room if low < 0 or high == 0 else 0.0), high + (room if high > 0 or low == 0 else 0.0)


def _flat(gradients: Gradients, life: Life) -> Floats:
    """All elements one after the other, a gap between two tensors; NaN where there is no gradient."""
    parts: list[Floats] = []
    for name, shape in life.shapes.items():
        found = gradients[name]
        parts += [np.full(int(np.prod(shape)), np.nan) if found is None else found.reshape(-1), np.full(1, np.nan)]
    return readonly(np.concatenate(parts[:-1])) if parts else readonly(np.empty(0))


def _bars(life: Life, index: int, limits: tuple[float, float]) -> Figure:
    step = life.steps[index]
    before, after = _flat(step.before, life), _flat(step.after, life)
    at = np.arange(after.size, dtype=np.float64)
    layers: list[Layer] = []

    def bars(key: str, role: Role, heights: Floats, label: str, opacity: float, outline: bool = False) -> None:
        seen = np.isfinite(heights)
        if seen.any():
            layers.append(Bars(key=key, role=role, label=label, left=readonly(at[seen] - _HALF), right=readonly(at[seen] + _HALF),
                               height=readonly(heights[seen]), opacity=opacity, outline=outline))

    match step.what:
        case "backward":
            bars("added", Role.GRADIENT, after, "added by this backward", 0.85)
            bars("kept", Role.MUTED, before, "was there before", 1.0)
        case "cleared":
            bars("gone", Role.MUTED, before, "was there before", 0.22, outline=True)
            bars("kept", Role.GRADIENT, after, "now", 0.85)
        case _:
            bars("kept", Role.MUTED, after, "is there from before", 1.0)
    starts, place = {}, 0
    for name, shape in life.shapes.items():
        size = int(np.prod(shape))
        starts[name] = (place, size)
        place += size + 1
    many = after.size > _WRITTEN
    for name, (start, size) in starts.items():
        none = step.after[name] is None
        if len(starts) > 1:
            layers.append(Span(key=f"of:{name}", role=Role.MUTED, start=start - 0.5, end=start + size - 0.5, opacity=0.08,
                               text=f"{name}.grad" + (" is None" if none else "")))
        elif none:
            layers.append(Note(key="none", role=Role.MUTED, x=start + (size - 1) / 2, y=sum(limits) / 2,
                               text=f"{name}.grad is None", anchor=(0.5, 0.5)))
        if not none and not many:
            for at_ in range(start, start + size):
                value = after[at_]
                layers.append(Note(key=f"value:{at_}", role=Role.TEXT, x=float(at_), y=float(value) if np.isfinite(value) else 0.0,
                                   text=number_text(value), anchor=(0.5, -0.15 if value < 0 else 1.15)))
    ticks = None
    if after.size <= _TICKS:
        ticks = tuple((float(start + i), str(i)) for start, size in starts.values() for i in range(size))
    words = " and ".join(starts) if len(starts) < 3 else f"{len(starts)} tensors"
    return Figure(
        "grad", grad_words.title(step), Axis(f"element of {words}" if starts else "element", ticks=ticks,
                                             limits=(-0.7, max(after.size, 1) - 0.3)),
        Axis(".grad", limits=limits), tuple(layers), note=grad_words.sentence(life, index),
    )


def _graph(life: Life, index: int) -> Figure:
    step = life.steps[index]
    if step.what == "made" or life.chain is None:
        axis = Axis("", ticks=())
        return Figure("grad_graph", "The graph of the loss", axis, axis, (),
                      note="None yet: it is made while the loss is computed.")
    if step.graph == "none":
        return graph_figure(
            "grad_graph", "No graph: nothing was recorded", life.chain,
            "None of these tensors requires a gradient." if not life.shapes else
            f"This loss only compares {' and '.join(life.shapes)}: nothing differentiable leads from there.",
            dict.fromkeys(life.idle, "requires_grad=False"),
        )
    freed = step.graph == "freed"
    notes = {name: f".grad {_state(step, name)}" for name in life.shapes}
    return graph_figure(
        "grad_graph", "The graph after backward: saved tensors freed" if freed else "The graph of the loss", life.chain,
        "This loss cannot be differentiated again; the next one has a new graph." if freed else
        "Made with the loss; each function keeps what it needs to differentiate.",
        notes, freed=freed,
    )


def _state(step: Step, name: str) -> str:
    found = step.after[name]
    if found is None:
        return "is None"
    if step.what == "cleared":
        return "is zeros"
    return "is added up" if step.nth > 1 and (step.what == "backward" or step.nth > 2) else "is filled"


def explain(result: GradResult, state: LossesState) -> Explanation:
    """The step that is shown, all steps as a table, and what torch says where it refuses."""
    assert isinstance(result.request, GradRequest)
    return Explanation(grad_words.blocks(result.life, result.request, min(state.shown_step, result.steps)))


def code(request: GradRequest) -> str:
    """PyTorch that does the same and prints .grad after every line."""
    return grad_words.code(request)
