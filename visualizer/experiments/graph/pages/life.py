"""Backward again: what backward leaves behind, and what a second one on the same graph says."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from visualizer.base.explanation import Explanation
from visualizer.base.roles import Role
from visualizer.experiments.graph import looks, pages_base
from visualizer.experiments.graph.examples.catalogue import example
from visualizer.experiments.graph.life import Event, Life, Plan, derived, lived
from visualizer.experiments.graph.model import Preview
from visualizer.experiments.graph.pages import life_words
from visualizer.experiments.graph.pages.backward_figures import filled_names
from visualizer.experiments.graph.pages.backward_words import leaf_name
from visualizer.experiments.graph.programs import run_program
from visualizer.experiments.graph.requests import LifeRequest, Source
from visualizer.experiments.graph.results import GraphResult
from visualizer.experiments.graph.state import GraphState
from visualizer.experiments.graph.turns import in_turns
from visualizer.experiments.graph.walking import walk
from visualizer.figures.graph import AnyFigure, GraphFigure, LegendEntry
from visualizer.figures.model import Axis, Bars, Figure, Layer, Note, Span, readonly

_HALF = 0.38
#: Up to so many elements are drawn one by one, and with numbers; more: a norm for each leaf, of so many leaves.
_ELEMENTS, _WRITTEN, _LEAVES = 40, 16, 120
#: So many notes are written at boxes.
_NOTES = 40


@dataclass(frozen=True, eq=False)
class LifeResult(GraphResult):
    """A capture, and what became of its graph."""

    life: Life
    _drawn: dict[int, Figure] = field(default_factory=dict, init=False, repr=False)

    def grads(self, index: int) -> Figure:
        """The figure of ``.grad`` after an event."""
        found = self._drawn.get(index)
        if found is None:
            found = self._drawn[index] = _grads(self, index)
        return found

    def numbers(self) -> dict[str, Any]:
        graph = self.capture.graph
        return super().numbers() | {"life": {
            "derived": self.life.derived,
            "events": [
                {
                    "event": life_words.line(event, self._plan), "freed": np.flatnonzero(event.freed).tolist(),
                    "error": event.error, "failed": event.failed if event.failed >= 0 else None,
                    "grads": {
                        leaf_name(graph, leaf): None if one is None else {"norm": one.norm, "values": one.sample}
                        for leaf, one in zip(self.life.leaves, event.after, strict=True)
                    },
                }
                for event in self.life.events
            ],
        }}

    @property
    def _plan(self) -> Plan:
        assert isinstance(self.request, LifeRequest)
        return plan_of(self.request)


def plan_of(request: LifeRequest) -> Plan:
    """What the request wants done."""
    return Plan(request.backwards, request.retain, request.clear)


def run(request: LifeRequest) -> Iterator[LifeResult | None]:
    """Capture and lay out, then run the program once more and use its graph up.

    Raises:
        UserError: there is no graph; the sentence says why.
    """
    captured, view, drawing = yield from pages_base.begin(request.source, request.shown)
    plan = plan_of(request)
    if captured.walked is not None and captured.walked.roots and request.source.kind == "example":
        life = yield from _lived(request.source, plan)
    else:
        life = derived(captured.capture, plan)
    result = LifeResult(
        request=request, steps=len(life.events) - 1, capture=captured.capture, view=view, drawing=drawing, life=life)
    for index in range(len(life.events)):  # of a network, each takes more than the window has for a frame
        yield None
        result.grads(index)
    yield result


def _lived(source: Source, plan: Plan) -> Generator[None, None, Life]:
    entry = example(source.example)
    ran = yield from in_turns(lambda: run_program(entry.program(dict(source.sizes)), entry.name, source.seed, title=entry.title))
    yield None
    walked = yield from walk(ran.roots, ran.model, ran.recording)
    walked.live.first(ran.space.clear)
    return (yield from lived(walked, plan))


def figures(result: LifeResult, state: GraphState) -> tuple[AnyFigure, ...]:
    """The graph after the shown event, and ``.grad`` before and after it."""
    index = min(state.shown_step, result.steps)
    return _graph(result, state, index), result.grads(index)


def _graph(result: LifeResult, state: GraphState, index: int) -> GraphFigure:
    life, view, graph = result.life, result.view, result.capture.graph
    event = life.events[index]
    gone = np.zeros(len(view.items), dtype=np.bool_)
    rows = view.item_of[event.freed]
    gone[rows[rows >= 0]] = True
    notes: list[tuple[int, str, Role]] = []
    filled = [(leaf, one) for leaf, one in zip(life.leaves, event.after, strict=True) if one is not None][:_NOTES]
    by_row: dict[int, list[str]] = {}
    for leaf, _ in filled:
        by_row.setdefault(int(view.item_of[graph.leaves[leaf].node]), []).append(leaf_name(graph, leaf))
    words = {"zeros": "is zeros"}.get(event.what, "is filled")
    notes += [(row, f"{filled_names(view, row, names)} {words}", Role.GOOD)
              for row, names in by_row.items() if row >= 0]
    active: tuple[int, ...] = ()
    if event.failed >= 0 and int(view.item_of[event.failed]) >= 0:
        row = int(view.item_of[event.failed])
        active = (row,)
        why = ": what it saved is gone" if event.freed[event.failed] else ""
        notes = [note for note in notes if note[0] != row] + [(row, f"backward stops here{why}", Role.BAD)]
    badge, role = life_words.badge(event)
    figure = looks.figure_of("life", life_words.title(event, result._plan), result, state, notes=tuple(notes), active=active,
                             badge=badge, badge_role=role)
    if not gone.any():
        return figure
    muted = looks.ROLES.index(Role.MUTED)
    roles = np.where(gone, muted, figure.roles).astype(np.int32)
    roles.flags.writeable = False
    legend = [entry for entry in figure.legend if entry.role != Role.MUTED]
    return replace(figure, roles=roles, legend=(*legend, LegendEntry("its saved tensors are freed", Role.MUTED)))


def _flat(one: Preview | None, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.full(size, np.nan) if one is None else one.sample.reshape(-1)


def _grads(result: LifeResult, index: int) -> Figure:
    life, graph = result.life, result.capture.graph
    event = life.events[index]
    title = life_words.grads_title(event, result._plan)
    note = life_words.sentence(life, index)
    if not life.leaves:
        axis = Axis("", ticks=())
        return Figure("grads", title, axis, axis, (), note="No leaf of this graph requires a gradient.")
    sizes = [math.prod(graph.leaves[leaf].type.shape) for leaf in life.leaves]
    ever = [one for each in life.events for one in each.after if one is not None]
    if sum(sizes) <= _ELEMENTS and all(one.complete for one in ever):
        return _elements(life, index, [leaf_name(graph, leaf) for leaf in life.leaves], sizes, title, note)
    return _norms(life, index, [leaf_name(graph, leaf) for leaf in life.leaves], title, note)


def _limits(life: Life, norms: bool) -> tuple[float, float]:
    """Of all events, so that the view does not jump."""
    every = [one for event in life.events for one in event.after if one is not None]
    values = np.array([one.norm for one in every] if norms else [value for one in every for value in one.sample.flat])
    finite = values[np.isfinite(values)]
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=0.0))
    room = 0.45 * (high - low) or 1.0
    return low - (room if low < 0 else 0.0), high + (room if high > 0 or low == 0 else 0.0)


def _layers(event: Event, before: np.ndarray[Any, Any], after: np.ndarray[Any, Any]) -> list[Layer]:
    at = np.arange(after.size, dtype=np.float64)
    layers: list[Layer] = []

    def bars(key: str, role: Role, heights: np.ndarray[Any, Any], label: str, opacity: float, outline: bool = False) -> None:
        seen = np.isfinite(heights)
        if seen.any():
            layers.append(Bars(key=key, role=role, label=label, left=readonly(at[seen] - _HALF), right=readonly(at[seen] + _HALF),
                               height=readonly(heights[seen]), opacity=opacity, outline=outline))

    match event.what:
        case "backward":
            bars("after", Role.GRADIENT, after, "after this backward", 0.85)
            bars("before", Role.MUTED, before, "before it", 0.9)
        case "forward":
            bars("after", Role.MUTED, after, "was there before", 0.9)
        case _:
            bars("before", Role.MUTED, before, "before", 0.25, outline=True)
            bars("after", Role.GRADIENT, after, "now", 0.85)
    return layers


def _elements(life: Life, index: int, names: list[str], sizes: list[int], title: str, note: str) -> Figure:
    event = life.events[index]
    gap = np.full(1, np.nan)
    before = np.concatenate([part for one, size in zip(event.before, sizes, strict=True) for part in (_flat(one, size), gap)])[:-1]
    after = np.concatenate([part for one, size in zip(event.after, sizes, strict=True) for part in (_flat(one, size), gap)])[:-1]
    layers = _layers(event, before, after)
    ticks: list[tuple[float, str]] = []
    place = 0
    for name, size, one in zip(names, sizes, event.after, strict=True):
        layers.append(Span(key=f"of:{name}:{place}", role=Role.MUTED, start=place - 0.5, end=place + size - 0.5, opacity=0.08,
                           text=f"{name}.grad" + (" is None" if one is None else "")))
        ticks += [(float(place + at), str(at)) for at in range(size)]
        if one is not None and sum(sizes) <= _WRITTEN:
            for at, value in enumerate(one.sample.reshape(-1).tolist()):
                layers.append(Note(key=f"value:{place + at}", role=Role.TEXT, x=float(place + at),
                                   y=value if np.isfinite(value) else 0.0, text=life_words.number(value),
                                   anchor=(0.5, -0.15 if value < 0 else 1.15)))
        place += size + 1
    return Figure("grads", title, Axis("element", ticks=tuple(ticks), limits=(-0.7, max(place - 1, 1) - 0.3)),
                  Axis(".grad", limits=_limits(life, False)), tuple(layers), note=note)


def _norms(life: Life, index: int, names: list[str], title: str, note: str) -> Figure:
    event = life.events[index]
    shown = slice(0, _LEAVES)
    before = np.array([np.nan if one is None else one.norm for one in event.before[shown]])
    after = np.array([np.nan if one is None else one.norm for one in event.after[shown]])
    layers = _layers(event, before, after)
    if not np.isfinite(after).any():
        layers.append(Note(key="none", role=Role.MUTED, x=(after.size - 1) / 2, y=sum(_limits(life, True)) / 2,
                           text="every .grad is None", anchor=(0.5, 0.5)))
    if len(names) > _LEAVES:
        note = f"{note} The first {_LEAVES} of {len(names)} leaves are drawn."
    ticks = tuple((float(at), name) for at, name in enumerate(names[shown])) if len(names) <= 12 else None
    return Figure("grads", title, Axis("leaf", ticks=ticks, limits=(-0.7, max(after.size, 1) - 0.3), integer=True),
                  Axis("2-norm of .grad", limits=_limits(life, True)), tuple(layers), note=note)


def explain(result: LifeResult, state: GraphState) -> Explanation:
    """What happened at this event and why, and torch's error in plain words."""
    index = min(state.shown_step, result.steps)
    return Explanation(life_words.blocks(result.capture, result.life, result._plan, index))


def code(request: LifeRequest) -> str:
    """PyTorch that does the same and prints .grad after every line."""
    return life_words.code(request)
