"""Descent: one dot, one optimizer, the curve through the kept points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from visualizer.base.explanation import (
    Block,
    Explanation,
    Formula,
    Heading,
    Number,
    Numbers,
    Paragraph,
    Verdict,
    number_text,
)
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.components.optimizers import optimizer
from visualizer.experiments.landscape.descent import (
    REASONS,
    Landing,
    Landings,
    Outcome,
    Reason,
    descend,
    descend_many,
    judge,
    landing,
)
from visualizer.experiments.landscape.pages import listing
from visualizer.experiments.landscape.pages.terrain import Floats, Terrain, axes, scenery, slopes, started
from visualizer.experiments.landscape.race import PATIENCE, race
from visualizer.experiments.landscape.requests import DescentRequest
from visualizer.experiments.landscape.state import LandscapeState
from visualizer.figures.model import Axis, Figure, Layer, Line, Markers, Rule, Segments, readonly

#: Starts of the picture of basins, and how many steps each of them may take.
_STARTS, _BASIN_STEPS = 97, 1500
#: Progress of a run that is over, while the other starts are still computed.
_OVER = 0.95

#: Iterates drawn as markers at most; more would hide the curve and cost time.
_MARKED = 1500


@dataclass(frozen=True, eq=False)
class DescentResult(PageResult):
    """A trajectory: arrays of length steps + 1.

    Attributes:
        x: the iterates; ``value`` and ``full_value`` on the descended and on the full curve; ``slope`` from autograd.
        disagreement: largest difference between autograd's slope and the closed form, relative to the largest slope.
        internals: the optimizer's own state values by symbol, after each step (length steps + 1, NaN before the first).
        basins: where the same descent lands from starts all over the domain; None until known, and for other optimizers.
    """

    ground: Terrain
    x: Floats
    value: Floats
    slope: Floats
    full_value: Floats
    disagreement: float
    outcome: Outcome
    landing: Landing
    internals: dict[str, Floats]
    basins: Landings | None = None

    def numbers(self) -> dict[str, Any]:
        return {
            "landing": {
                "x": self.landing.x, "value": self.landing.value, "full_value": self.landing.full_value,
                "near": self.landing.near, "verdict": self.outcome.verdict, "steps": self.steps,
                "curvature": self.outcome.curvature, "stability_bound": self.outcome.stability_bound,
            },
            "trajectory": self.x, "trajectory_value": self.value, "trajectory_slope": self.slope,
            "trajectory_full_value": self.full_value,
            "optimizer_state": self.internals,
            "autograd_disagreement": self.disagreement,
            "minima": {
                "own": [{"x": m.x, "value": m.value} for m in self.ground.own_minima],
                "full": [{"x": m.x, "value": m.value} for m in self.ground.full_minima],
            },
            "global_minimum": {"x": self.ground.best.x, "value": self.ground.best.value},
        } | ({} if self.basins is None else {
            "basins": {
                "start": self.basins.start, "x": self.basins.x, "steps": self.basins.steps,
                "reason": [REASONS[int(code)] for code in self.basins.reason],
            },
        })


def run(request: DescentRequest) -> Iterator[DescentResult | None]:
    """The whole trajectory, in growing pieces."""
    ground = started(request.data, request.start)
    yield None
    if request.optimizer == "sgd":
        found: DescentResult | None = None
        for path in descend(ground.curve, request.start, request.alpha, request.steps, request.tolerance,
                            ground.low, ground.high):
            found = _result(request, ground, path.x, path.value, path.slope, path.disagreement, path.reason, {})
            # Before the last piece the descent is running; after it the picture is complete without the other starts.
            yield replace(found, progress=min(found.progress, _OVER), enough=found.progress == 1.0)
        assert found is not None
        starts = np.linspace(ground.low, ground.high, _STARTS)
        for basins in descend_many(ground.curve, starts, request.alpha, min(request.steps, _BASIN_STEPS), request.tolerance,
                                   ground.low, ground.high):
            yield replace(found, basins=basins, progress=1.0) if basins.done == 1.0 else None
        return
    entry = optimizer(request.optimizer)
    for runners in race(ground.curve, (entry,), (request.alpha,), request.momentum, request.start, request.steps,
                        request.tolerance, ground.low, ground.high):
        runner = runners[0]
        yield _result(request, ground, runner.x, runner.value, runner.slope, 0.0, runner.reason, runner.state)


def _result(
    request: DescentRequest, ground: Terrain, x: Floats, value: Floats, slope: Floats, disagreement: float,
    reason: Reason, internals: dict[str, Floats],
) -> DescentResult:
    steps = len(x) - 1
    full = value if ground.full is ground.curve else readonly(ground.full.value(x))
    return DescentResult(
        request=request, ground=ground, x=x, value=value, slope=slope, full_value=full, disagreement=disagreement,
        outcome=judge(ground.curve, x, value, slope, reason, request.alpha if request.optimizer == "sgd" else None),
        landing=landing(ground.curve, ground.full, float(x[-1]), ground.data.points), internals=internals,
        steps=steps, progress=1.0 if reason != "running" else min(0.9, steps / request.steps),
    )


@lru_cache(maxsize=4)
def verdict(result: DescentResult, shown: int) -> Outcome:
    """What is to be said at the shown step: of the whole run at its last step, of its beginning before that.

    Steps that get shorter for a while do not mean that the dot is about to rest. Where it will rest is known, so
    "converging" is said only close to that place.
    """
    if shown >= result.steps:
        return result.outcome
    request = result.request
    assert isinstance(request, DescentRequest)
    alpha = request.alpha if request.optimizer == "sgd" else None
    until = slice(0, shown + 1)
    found = judge(result.ground.curve, result.x[until], result.value[until], result.slope[until], "running", alpha)
    x = float(result.x[shown])
    far = abs(x - result.landing.x) > 0.03 * (result.ground.high - result.ground.low)
    if found.verdict == "converging" and (far or result.outcome.verdict not in ("converged", "converging")):
        sentence = f"On its way: after {shown} steps at x = {number_text(x)}, slope {number_text(float(result.slope[shown]))}."
        return replace(found, verdict="still moving", sentence=sentence)
    return found


def figures(result: DescentResult, state: LandscapeState) -> tuple[Figure, ...]:
    """The curve with the dot, the value against the step, the slope against the position."""
    shown = min(state.shown_step, result.steps)
    return _main(result, state, shown), _values(result, shown), _slopes(result, shown), _basins(result)


def _main(result: DescentResult, state: LandscapeState, shown: int) -> Figure:
    ground = result.ground
    x_axis, y_axis = axes(ground)
    layers: list[Layer] = list(scenery(ground, state))
    layers += trail("path", Role.STEP, "steps taken", result.x, result.value, shown)
    x, y, slope = float(result.x[shown]), float(result.value[shown]), float(result.slope[shown])
    if state.show_tangent and np.isfinite([y, slope]).all():
        layers += tangent(ground, x, y, slope)
        if shown < result.steps:
            ahead = float(result.x[shown + 1])
            layers.append(Segments(key="step", role=Role.STEP, x0=readonly([x]), y0=readonly([y]), x1=readonly([ahead]),
                                   y1=readonly([y]), width=3.0, arrow=True, label="next step"))
    layers.append(Markers(key="start", role=Role.BAD, label="start", x=result.x[:1], y=result.value[:1], size=12,
                          symbol="diamond", hollow=True, drag="x", tip="The start; drag it along the curve."))
    layers.append(dot(x, y))
    kept, all_points = len(ground.data.kept), len(ground.data.points)
    title = f"Descent on the curve through {f'all {kept}' if kept == all_points else f'{kept} of {all_points}'} points"
    return Figure("descent", title, x_axis, y_axis, tuple(layers), note=verdict(result, shown).sentence)


def trail(key: str, role: Role, label: str, x: Floats, y: Floats, shown: int) -> tuple[Layer, ...]:
    """The iterates up to the shown one, as a thin line and small markers."""
    x, y = x[: shown + 1], y[: shown + 1]
    if len(x) > _MARKED:
        chosen = np.unique(np.linspace(0, len(x) - 1, _MARKED).astype(int))
        x, y = x[chosen], y[chosen]
    return (
        Line(key=f"{key}_line", role=role, x=readonly(x), y=readonly(y), width=1.0, opacity=0.6),
        Markers(key=key, role=role, label=label, x=readonly(x), y=readonly(y), size=5.0),
    )


def tangent(ground: Terrain, x: float, y: float, slope: float) -> tuple[Layer, ...]:
    """The tangent at (x, y), as long as it stays readable in the value axis's limits."""
    reach = 0.09 * (ground.high - ground.low)
    height = 0.3 * (ground.view[1] - ground.view[0])
    if abs(slope) * reach > height:
        reach = height / abs(slope)
    ends = readonly([x - reach, x + reach])
    return (Line(key="tangent", role=Role.GRADIENT, label="tangent: its slope is the gradient", x=ends,
                 y=readonly(y + slope * (ends - x)), width=2.0),)


def dot(x: float, y: float) -> Markers:
    """The dot that descends; dragging it chooses a new start."""
    return Markers(key="dot", role=Role.BAD, label="the dot", x=readonly([x]), y=readonly([y]), size=17.0, drag="x",
                   tip="Drag the dot to choose where it starts.")


def _values(result: DescentResult, shown: int) -> Figure:
    steps = readonly(np.arange(result.steps + 1))
    own = result.ground.full is result.ground.curve
    layers: list[Layer] = []
    if not own:
        layers.append(Line(key="full", role=Role.MUTED, label="on the full curve", x=steps, y=result.full_value))
    layers.append(Line(key="own", role=Role.CURVE, label="on the descended curve", x=steps, y=result.value, width=2.5))
    layers.append(Rule(key="best", role=Role.GOOD, position=result.ground.best.value, vertical=False,
                       text="global minimum", dash="dot"))
    layers.append(Markers(key="now", role=Role.BAD, x=steps[shown:shown + 1], y=result.value[shown:shown + 1], size=11))
    return Figure("value", "Value at every step", Axis("step", integer=True), Axis("value f(x)", limits=_value_limits(result)),
                  tuple(layers))


def _value_limits(result: DescentResult) -> tuple[float, float] | None:
    """Where an iterate outside the domain is far off, the limits of the curve's own picture; else what fits."""
    inside = result.ground.view
    values = np.concatenate((result.value, result.full_value))
    wild = not np.isfinite(values).all() or values.min() < inside[0] or values.max() > inside[1]
    return inside if wild else None


def _slopes(result: DescentResult, shown: int) -> Figure:
    ground = result.ground
    values, size = slopes(ground)
    here = abs(float(result.slope[shown]))
    size = 1.25 * (max(size, here) if here <= 10 * size else size)
    layers: tuple[Layer, ...] = (
        Rule(key="zero", role=Role.MUTED, position=0.0, vertical=False, width=1.0),
        Line(key="slope", role=Role.GRADIENT, x=ground.grid, y=values),
        Markers(key="now", role=Role.BAD, x=result.x[shown:shown + 1], y=result.slope[shown:shown + 1], size=11),
    )
    x_axis, _ = axes(ground)
    return Figure("derivative", "Slope: at rest where it rises through zero", x_axis,
                  Axis("slope f\u2032(x)", limits=(-size, size)), layers)


@lru_cache(maxsize=4)
def _basins(result: DescentResult) -> Figure:
    """Where every start lands: steps in this picture are the borders between basins of attraction."""
    ground, request = result.ground, result.request
    assert isinstance(request, DescentRequest)
    x_axis, _ = axes(ground)
    title = "Where every start lands"
    lands = Axis("lands at x", limits=x_axis.limits)
    from_x = Axis("start x", limits=x_axis.limits)
    if result.basins is None:
        note = ("" if request.optimizer == "sgd" else "Drawn for plain SGD, whose starts are computed all at once.")
        return Figure("basins", title, from_x, lands, (), note=note)
    stayed = np.array([REASONS[int(code)] not in ("left", "overflow") for code in result.basins.reason])
    left = int((~stayed).sum())
    layers: tuple[Layer, ...] = (
        Rule(key="best", role=Role.GOOD, position=ground.best.x, vertical=False, text="global minimum", dash="dot"),
        Rule(key="start", role=Role.BAD, position=request.start, text="start", dash="dash"),
        Markers(key="landings", role=Role.CURVE, x=readonly(result.basins.start[stayed]), y=readonly(result.basins.x[stayed]),
                size=4.0),
    )
    note = f"{left} of {len(stayed)} starts leave the domain." if left else ""
    return Figure("basins", title, from_x, lands, layers, note=note)


def explain(result: DescentResult, state: LandscapeState) -> Explanation:
    """The update rule with this step's numbers, where the dot landed, and whether alpha was stable there."""
    shown = min(state.shown_step, result.steps)
    request, ground = result.request, result.ground
    assert isinstance(request, DescentRequest)
    entry = optimizer(request.optimizer)
    x, slope = float(result.x[shown]), float(result.slope[shown])
    live = verdict(result, shown)
    blocks: list[Block] = [
        Verdict(_comparison(result) + live.sentence if live is result.outcome else live.sentence, _judgement(result, live))
    ]
    blocks.append(Heading(f"Step {shown} of {result.steps}"))
    blocks.append(Formula(entry.formula, entry.help))
    if entry.name == "sgd" and result.steps:
        # At the end the last step that was taken; before it, the one that comes next.
        taken = min(shown, result.steps - 1)
        blocks.append(listing.step_formula(taken, float(result.x[taken]), request.alpha, float(result.slope[taken]),
                                           float(result.x[taken + 1])))
    rows = [
        Number("x", number_text(x), help="Where the dot is.", role=Role.BAD),
        Number("f(x), descended curve", number_text(float(result.value[shown])), role=Role.CURVE,
               help="The value on the curve through the kept points."),
        Number("value on the full curve", number_text(float(result.full_value[shown])), role=Role.MUTED,
               help="The same x on the curve through all points."),
        Number("f\u2032(x), from autograd", number_text(slope), role=Role.GRADIENT,
               help="The gradient: torch.autograd's, at this x."),
    ]
    if entry.name == "sgd" and np.isfinite(live.curvature):
        bound = number_text(live.stability_bound) if live.curvature > 0 else "none: bends down"
        rows.append(Number("\u03b1", number_text(request.alpha), role=Role.STEP, help="The step size of this run."))
        rows.append(Number("2/f\u2033(x), bound for \u03b1", bound, role=Role.WARNING,
                           help=f"Above it, plain descent cannot settle at such a place. \u03b1 is {number_text(request.alpha)}."))
    if shown < result.steps:
        rows.append(Number("step taken", number_text(float(result.x[shown + 1]) - x), role=Role.STEP,
                           help="How far the dot moves next."))
    rows += [
        Number(f"{symbol} (after this step)".replace("\\", ""), number_text(float(values[shown])),
               help=f"State that {entry.title} keeps for this parameter.")
        for symbol, values in result.internals.items()
    ]
    blocks.append(Numbers(tuple(rows)))
    blocks.append(Heading("Where it landed"))
    blocks.append(Numbers((
        Number("x", number_text(result.landing.x), help="The last iterate."),
        Number("nearest point", result.landing.near, help="Of all points, the one nearest in x."),
        Number("on its own curve", number_text(result.landing.value), role=Role.CURVE),
        Number("on the full curve", number_text(result.landing.full_value), role=Role.MUTED),
        Number("best on the full curve", number_text(ground.best.value), role=Role.GOOD,
               help=f"The global minimum, at x = {number_text(ground.best.x)}."),
    )))
    blocks += _stability(result, request)
    blocks.append(Heading("The curve"))
    blocks += listing.curve_words(request.data)
    blocks.append(Paragraph(
        "Descent subtracts \u03b1 times the gradient (some slides print the rule with a plus). Autograd computes the gradient, "
        "the optimizer only applies it."
    ))
    if entry.name == "sgd":
        blocks.append(Paragraph(
            "The iterates come from the closed-form derivative; torch.autograd then differentiates the curve at every one "
            f"of them. Largest relative difference in this run: {number_text(result.disagreement, 2)}."
        ))
    return Explanation(tuple(blocks))


def _at_best(result: DescentResult) -> bool:
    best = result.ground.best
    return float(best.distance(result.landing.x)) <= 0.02 * (result.ground.high - result.ground.low)


def _comparison(result: DescentResult) -> str:
    """How a place where the run has settled compares with the best one, judged on the curve through all points."""
    if result.outcome.verdict != "converged":
        return ""
    best = result.ground.best
    if _at_best(result):
        return "The best minimum. "
    return (f"Trapped near {result.landing.near}, where the full curve is {number_text(result.landing.full_value)}; its best "
            f"minimum is {number_text(best.value)}, at x = {number_text(best.x)}. ")


def _judgement(result: DescentResult, live: Outcome) -> Any:
    if live.verdict == "converged":
        return "good" if _at_best(result) else "warning"
    return {"converging": "muted", "still moving": "muted", "oscillating": "warning"}.get(live.verdict, "bad")


def _stability(result: DescentResult, request: DescentRequest) -> list[Block]:
    outcome = result.outcome
    if request.optimizer != "sgd" or not np.isfinite(outcome.curvature):
        return []
    blocks: list[Block] = [Heading("Was \u03b1 small enough?")]
    if outcome.curvature <= 0:
        blocks.append(Paragraph(
            f"At x = {number_text(outcome.at)} the curve bends down (f\u2033 = {number_text(outcome.curvature)}): "
            "no minimum, so no step size settles there."
        ))
        return blocks
    bound = outcome.stability_bound
    blocks.append(Formula(
        rf"\alpha < \frac{{2}}{{f''(x)}} = \frac{{2}}{{{_tex(outcome.curvature)}}} = {_tex(bound)}",
        f"alpha must be below 2 over the second derivative, {number_text(bound)}",
    ))
    factor = 1 - request.alpha * outcome.curvature
    place = f"At x = {number_text(outcome.at)}, \u03b1 = {number_text(request.alpha)}"
    step = f"there each step multiplies the distance to the minimum by 1 \u2212 \u03b1 f\u2033 = {number_text(factor)}"
    if abs(factor) >= 1:
        words = f"{place} is above that bound: {step}, which is more than 1 in size, so the dot jumps ever wider from side to side."
    elif factor < 0:
        words = f"{place} is below that bound: {step}. The minus sign means that it jumps from side to side, and settles."
    else:
        words = f"{place} is below that bound: {step}, so it settles from one side."
    blocks.append(Paragraph(words))
    return blocks


def _tex(value: float) -> str:
    return listing.tex(value)


def code(request: DescentRequest) -> str:
    """PyTorch that repeats this descent."""
    entry = optimizer(request.optimizer)
    low, high = request.data.points[0].x, request.data.points[-1].x
    return "\n".join((
        *listing.curve_code(request.data),
        "",
        f"t = torch.tensor({request.start!r}, dtype=torch.float64, requires_grad=True)",
        *listing.loop_code(
            f"torch.optim.{entry.torch_name}([t], {listing.arguments(entry, request.alpha, request.momentum)})",
            str(PATIENCE if entry.state else 1), request.steps, request.tolerance, low, high,
        ),
        'print(f"x = {t.item():.6f}, value = {f(t).item():.6f}, steps = {step + 1}")',
        "",
    ))
