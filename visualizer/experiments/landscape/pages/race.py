"""Optimizers: several classes of torch.optim from the same start on the same curve."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualizer.base.errors import UserError
from visualizer.base.explanation import (
    Block,
    Explanation,
    Formula,
    Heading,
    Number,
    Numbers,
    Paragraph,
    Table,
    Verdict,
    number_text,
)
from visualizer.base.pages import PageResult
from visualizer.base.roles import CATEGORIES, Role
from visualizer.components.optimizers import Optimizer, optimizer
from visualizer.experiments.landscape.descent import Landing, Outcome, judge, landing
from visualizer.experiments.landscape.pages import listing
from visualizer.experiments.landscape.pages.terrain import Floats, Terrain, axes, left_out, scenery, started
from visualizer.experiments.landscape.race import PATIENCE, race
from visualizer.experiments.landscape.requests import RaceRequest
from visualizer.experiments.landscape.state import LandscapeState
from visualizer.figures.model import Axis, Dash, Figure, Layer, Line, Markers, Rule, Symbol, readonly

#: Without the first category, which has the curve's colour.
_ROLES = CATEGORIES[1:]
_SYMBOLS: tuple[Symbol, ...] = ("circle", "square", "triangle", "diamond")
_DASHES: tuple[Dash, ...] = ("solid", "dash", "dot")


@dataclass(frozen=True, eq=False)
class Racer:
    """One optimizer's run; arrays of length steps + 1, as in the descent."""

    entry: Optimizer
    lr: float
    x: Floats
    value: Floats
    slope: Floats
    state: dict[str, Floats]
    outcome: Outcome
    landing: Landing

    @property
    def steps(self) -> int:
        return len(self.x) - 1


@dataclass(frozen=True, eq=False)
class RaceResult(PageResult):
    """All racers, in the catalogue's order."""

    ground: Terrain
    racers: tuple[Racer, ...]

    def numbers(self) -> dict[str, Any]:
        return {
            "racers": {
                racer.entry.name: {
                    "lr": racer.lr, "x": racer.landing.x, "value": racer.landing.value,
                    "full_value": racer.landing.full_value, "near": racer.landing.near,
                    "verdict": racer.outcome.verdict, "steps": racer.steps, "trajectory": racer.x,
                    "trajectory_value": racer.value, "state": racer.state,
                }
                for racer in self.racers
            },
            "global_minimum": {"x": self.ground.best.x, "value": self.ground.best.value},
        }


def run(request: RaceRequest) -> Iterator[RaceResult | None]:
    """All racers advance together."""
    ground = started(request.data, request.start)
    if not request.racers:
        raise UserError("No optimizer is in the race; tick at least one.")
    yield None
    entries = tuple(optimizer(name) for name in request.racers)
    rates = tuple(entry.default_lr if request.own_rates else request.alpha for entry in entries)
    for runners in race(ground.curve, entries, rates, request.momentum, request.start, request.steps,
                        request.tolerance, ground.low, ground.high):
        racers = tuple(
            Racer(entry, lr, runner.x, runner.value, runner.slope, runner.state,
                  judge(ground.curve, runner.x, runner.value, runner.slope, runner.reason,
                        lr if entry.name == "sgd" else None),
                  landing(ground.curve, ground.full, float(runner.x[-1]), ground.data.points))
            for entry, lr, runner in zip(entries, rates, runners, strict=True)
        )
        done = all(runner.reason != "running" for runner in runners)
        steps = max(racer.steps for racer in racers)
        yield RaceResult(request=request, ground=ground, racers=racers, steps=steps,
                         progress=1.0 if done else min(0.99, steps / request.steps))


def _plain(symbol: str) -> str:
    """A LaTeX symbol as text."""
    return {r"\eta": "\u03b7"}.get(symbol, symbol)


def _style(index: int) -> tuple[Role, Symbol, Dash]:
    lap = index // len(_ROLES)
    return _ROLES[index % len(_ROLES)], _SYMBOLS[lap % len(_SYMBOLS)], _DASHES[lap % len(_DASHES)]


def figures(result: RaceResult, state: LandscapeState) -> tuple[Figure, ...]:
    """Where everybody is, everybody's value against the step, one optimizer's internal state."""
    shown = min(state.shown_step, result.steps)
    return _main(result, state, shown), _values(result, shown), _internals(result, state, shown)


def _main(result: RaceResult, state: LandscapeState, shown: int) -> Figure:
    ground = result.ground
    x_axis, y_axis = axes(ground)
    layers: list[Layer] = list(scenery(ground, state))
    first = result.racers[0]
    layers.append(Markers(key="start", role=Role.BAD, label="start", x=first.x[:1], y=first.value[:1], size=14, hollow=True,
                          symbol="diamond", drag="x",
                          tip="The common start; drag it along the curve."))
    for index, racer in enumerate(result.racers):
        role, symbol, _ = _style(index)
        now = min(shown, racer.steps)
        past = readonly(racer.x[: now + 1][-400:])
        layers.append(Line(key=f"{racer.entry.name}_past", role=role, x=past, y=readonly(racer.value[: now + 1][-400:]),
                           width=1.5, opacity=0.5))
        layers.append(Markers(key=racer.entry.name, role=role, symbol=symbol, label=racer.entry.title, size=13.0,
                              x=racer.x[now:now + 1], y=racer.value[now:now + 1],
                              texts=(racer.entry.title,) if _apart(result, racer, now) else ()))
    title = f"{len(result.racers)} optimizers after step {shown}"
    return Figure("race", title, x_axis, y_axis, tuple(layers), note=left_out(ground))


def _apart(result: RaceResult, racer: Racer, now: int) -> bool:
    """Whether this racer is far enough from the others for its name to stand beside it."""
    reach = 0.04 * (result.ground.high - result.ground.low)
    others = (other.x[min(now, other.steps)] for other in result.racers if other is not racer)
    return all(abs(float(x) - float(racer.x[now])) > reach for x in others)


def _values(result: RaceResult, shown: int) -> Figure:
    layers: list[Layer] = []
    for index, racer in enumerate(result.racers):
        role, _, dash = _style(index)
        layers.append(Line(key=racer.entry.name, role=role, dash=dash, width=2.0,
                           x=readonly(np.arange(1, racer.steps + 2)), y=racer.value))
        now = min(shown, racer.steps)
        layers.append(Markers(key=f"{racer.entry.name}_now", role=role, x=readonly([now + 1]),
                              y=racer.value[now:now + 1], size=8))
    low, high = result.ground.view
    values = np.concatenate([racer.value for racer in result.racers])
    inside = values[(values >= low) & (values <= high)]
    if inside.size:
        margin = 0.06 * max(float(np.ptp(inside)), 0.02 * (high - low))
        low, high = float(inside.min()) - margin, float(inside.max()) + margin
    return Figure("race_value", "Value at every step", Axis("step + 1", log=True), Axis("value f(x)", limits=(low, high)),
                  tuple(layers))


def _internals(result: RaceResult, state: LandscapeState, shown: int) -> Figure:
    x_axis, y_axis = Axis("step", integer=True), Axis("state value", log=False)
    racer = next((racer for racer in result.racers if racer.entry.name == state.race_shown), None)
    entry = optimizer(state.race_shown)
    if racer is None:
        return Figure("race_state", f"State of {entry.title}", x_axis, y_axis, (),
                      note=f"{entry.title} is not in the race; tick it, or choose another under \u201cState values of\u201d.")
    if not racer.state:
        return Figure("race_state", f"{entry.title} keeps no state", x_axis, y_axis, (),
                      note="Its step depends on the present gradient alone.")
    steps = readonly(np.arange(racer.steps + 1))
    layers: list[Layer] = [
        Line(key=f"state{index}", role=CATEGORIES[index], label=f"{_plain(symbol)}: {name}", x=steps, y=values)
        for index, (name, (symbol, values)) in enumerate(zip(entry.state, racer.state.items(), strict=True))
    ]
    layers.append(Rule(key="now", role=Role.BAD, position=float(min(shown, racer.steps)), width=1.0))
    return Figure("race_state", f"What {entry.title} remembers", x_axis, y_axis, tuple(layers))


def explain(result: RaceResult, state: LandscapeState) -> Explanation:
    """Who landed where, and the update rule of the optimizer whose state is shown."""
    best = result.ground.best
    reach = 0.02 * (result.ground.high - result.ground.low)
    winners = [racer.entry.title for racer in result.racers if abs(racer.landing.x - best.x) <= reach]
    blocks: list[Block] = []
    if result.progress < 1.0:
        blocks.append(Verdict("The race is on.", "muted"))
    elif winners:
        blocks.append(Verdict(f"{', '.join(winners)} reached the global minimum.", "good"))
    else:
        blocks.append(Verdict("Nobody reached the global minimum.", "warning"))
    request = result.request
    assert isinstance(request, RaceRequest)
    own = request.own_rates  # worth a column only where they differ
    rows = tuple(
        (racer.entry.title, number_text(racer.landing.x), number_text(racer.landing.value), str(racer.steps),
         *((number_text(racer.lr, 3),) if own else ()))
        for racer in sorted(result.racers, key=lambda racer: (not np.isfinite(racer.landing.value), racer.landing.value))
    )
    blocks.append(Heading("Where they landed"))
    blocks.append(Table(("optimizer", "x", "value", "steps", *(("lr",) if own else ())), rows))
    entry = optimizer(state.race_shown)
    blocks.append(Heading(entry.title))
    blocks.append(Paragraph(entry.help))
    blocks.append(Formula(entry.formula, f"the update rule of {entry.title}"))
    racer = next((racer for racer in result.racers if racer.entry.name == entry.name), None)
    if racer is not None:
        now = min(state.shown_step, racer.steps)
        blocks.append(Numbers((
            Number("step", str(now)),
            Number("x", number_text(float(racer.x[now]))),
            Number("gradient", number_text(float(racer.slope[now])), role=Role.GRADIENT),
            *(Number(_plain(symbol), number_text(float(values[now])), help=f"torch calls it {name}.")
              for (name, symbol), values in zip(entry.state.items(), racer.state.values(), strict=True)),
        )))
    blocks.append(Paragraph(
        "All of them are the real classes of torch.optim, and every gradient is torch.autograd's at that x. \u03b1 does not mean "
        "the same to all of them: SGD steps \u03b1 times the slope, RMSprop and Adam about \u03b1 whatever the slope, Adagrad ever "
        "less, Adadelta hardly depends on it. \u201cEach torch's default\u201d shows how different their usual rates are."
    ))
    blocks.append(Heading("The curve"))
    blocks += listing.curve_words(request.data)
    return Explanation(tuple(blocks))


def code(request: RaceRequest) -> str:
    """PyTorch that repeats the race."""
    low, high = request.data.points[0].x, request.data.points[-1].x
    rows = []
    for name in request.racers:
        entry = optimizer(name)
        lr = entry.default_lr if request.own_rates else request.alpha
        rows.append(f'    "{entry.name}": (torch.optim.{entry.torch_name}, {PATIENCE if entry.state else 1}, '
                    f"dict({listing.arguments(entry, lr, request.momentum)})),")
    return "\n".join((
        *listing.curve_code(request.data),
        "",
        "racers = {",
        *rows,
        "}",
        "for name, (optimizer_class, patience, options) in racers.items():",
        f"    t = torch.tensor({request.start!r}, dtype=torch.float64, requires_grad=True)",
        *("    " + line for line in listing.loop_code("optimizer_class([t], **options)", "patience", request.steps,
                                                     request.tolerance, low, high)),
        '    print(f"{name}: x = {t.item():.6f}, value = {f(t).item():.6f}, steps = {step + 1}")',
        "",
    ))
