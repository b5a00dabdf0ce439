"""A small experiment for tests of the frame: a sine wave, two pages, no torch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualizer.base.errors import UserError
from visualizer.base.experiment import Experiment, Gesture, Preset, Request, Result, State, View, view_choice
from visualizer.base.explanation import Explanation, Formula, Heading, Number, Numbers, Paragraph, Verdict, number_text
from visualizer.base.parameters import Option, choice, flag, integer, names, real, seed, shown_step
from visualizer.base.roles import Role
from visualizer.figures.model import Axis, Figure, Line, Markers, readonly

VIEWS = (
    View("wave", "Wave", "A sine wave.", ("wave", "power"), playable=True),
    View("slow", "Slow", "A run that takes many steps.", ("slow",)),
)


@dataclass(frozen=True)
class WaveState(State):
    view: str = view_choice(VIEWS)
    frequency: float = real(1.0, 0.1, 100.0, scale="log", label="Frequency", unit="Hz", formula="f", group="Wave",
                            help="Oscillations per second.", views=("wave",))
    phase: float = real(0.0, -3.0, 3.0, label="Phase", unit="rad", group="Wave", help="Shift of the wave.")
    samples: int = integer(100, 2, 100_000, scale="log", label="Samples", group="Wave", help="How many points.")
    shape: str = choice("sine", (Option("sine", "Sine"), Option("cosine", "Cosine")), label="Shape", group="Wave",
                        help="Which wave.")
    fail: str = choice("no", (Option("no", "No"), Option("user", "User"), Option("defect", "Defect")), label="Fail",
                       group="Trouble", help="Whether the run fails, and how.")
    parts: tuple[str, ...] = names((), lambda state: ("A", "B", "C", "D"), noun="part", label="Parts", group="Wave",
                                   help="A subset.")
    grid: bool = flag(True, label="Markers", group="Show", help="Draw the samples.", display=True)
    seed: int = seed()
    shown_step: int = shown_step()


@dataclass(frozen=True)
class WaveRequest(Request):
    view: str
    frequency: float
    phase: float
    samples: int
    shape: str
    fail: str


@dataclass(frozen=True, eq=False)
class WaveResult(Result):
    x: Any
    y: Any


class Wave(Experiment[WaveState, WaveRequest, WaveResult]):
    name = "wave"
    title = "Wave"
    summary = "A sine wave for tests of the frame."
    views = VIEWS
    presets = (
        Preset("fast", "Fast", "A high frequency.", {"view": "wave", "frequency": 20.0}, play=True),
        Preset("plain", "Plain", "One oscillation.", {"view": "wave", "frequency": 1.0}),
    )
    state_type = WaveState

    def request(self, state: WaveState) -> WaveRequest:
        return WaveRequest(state.view, state.frequency, state.phase, state.samples, state.shape, state.fail)

    def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
        if request.fail == "user":
            raise UserError("The wave cannot be drawn; choose another.")
        if request.fail == "defect":
            raise ZeroDivisionError("a defect")
        x = readonly(np.linspace(0.0, 1.0, request.samples))
        function = np.sin if request.shape == "sine" else np.cos
        y = readonly(function(2 * np.pi * request.frequency * x + request.phase))
        if request.view == "slow":
            for count in range(1, 2001):
                yield WaveResult(x, y, steps=0, progress=count / 2001) if count % 10 == 0 else None
        yield WaveResult(x, y, steps=request.samples - 1)

    def figures(self, result: WaveResult, state: WaveState) -> tuple[Figure, ...]:
        shown = min(state.shown_step, result.steps)
        layers: list[Any] = [Line(key="wave", role=Role.CURVE, label="wave", x=result.x, y=result.y)]
        if state.grid:
            layers.append(Markers(key="dot", role=Role.DATA, label="sample", x=result.x[shown:shown + 1],
                                  y=result.y[shown:shown + 1], drag="x", click=True, texts=("dot",)))
        main = Figure(state.view, "A wave over time", Axis("time", "s"), Axis("amplitude"), tuple(layers))
        power = Figure("power", "Power over time", Axis("time", "s"), Axis("power", log=True),
                       (Line(key="power", role=Role.DATA, x=result.x, y=readonly(result.y**2 + 1e-3)),))
        return (main, power) if state.view == "wave" else (main,)

    def explain(self, result: WaveResult, state: WaveState) -> Explanation:
        return Explanation((
            Verdict("A wave.", "good"), Heading("What is seen"), Paragraph("A wave that goes up and down."),
            Formula(r"y = \sin(2 \pi f t)", "y is the sine of two pi f t"),
            Numbers((Number("frequency", number_text(state.frequency), "Hz"),)),
        ))

    def code(self, state: WaveState) -> str:
        return f"import torch\n\nx = torch.linspace(0, 1, {state.samples})\nprint(torch.sin(6.2832 * {state.frequency} * x))\n"

    def numbers(self, result: WaveResult, state: WaveState) -> dict[str, Any]:
        return {"wave": {"x": result.x, "y": result.y, "peak": float(result.y.max())}}

    def gesture(self, state: WaveState, gesture: Gesture) -> WaveState:
        if gesture.kind == "click":
            return state.changed(grid=not state.grid)
        return state.changed(phase=max(-3.0, min(3.0, gesture.x)))
