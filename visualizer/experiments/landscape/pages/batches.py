"""Mini-batches: at every step a random subset of the points makes the curve whose gradient is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

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
from visualizer.experiments.landscape.batches import Ends, mini_batches
from visualizer.experiments.landscape.descent import Landing, landing
from visualizer.experiments.landscape.interpolation import Curve, make_curve
from visualizer.experiments.landscape.pages import listing
from visualizer.experiments.landscape.pages.descent import dot, tangent, trail
from visualizer.experiments.landscape.pages.terrain import Floats, Terrain, axes, left_out, scenery, started
from visualizer.experiments.landscape.requests import BatchesRequest
from visualizer.experiments.landscape.state import LandscapeState
from visualizer.figures.model import Axis, Figure, Heat, Layer, Line, Markers, Rule, Span, readonly


@dataclass(frozen=True, eq=False)
class BatchesResult(PageResult):
    """One mini-batch run.

    Attributes:
        x: iterates, shape [steps + 1]; ``value`` on the curve through all kept points, ``full_value`` on the full curve.
        slope: of the batch's curve at each iterate that a step was taken from, shape [steps].
        members: which kept points were in the batch of each step, shape [steps, kept].
        outside: whether the dot was outside the batch's range, shape [steps].
        reason: why the run ended: "steps", "left" the domain, or "overflow".
    """

    ground: Terrain
    x: Floats
    value: Floats
    full_value: Floats
    slope: Floats
    members: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    reason: str
    landing: Landing

    def numbers(self) -> dict[str, Any]:
        return {
            "landing": {
                "x": self.landing.x, "value": self.landing.value, "full_value": self.landing.full_value,
                "near": self.landing.near, "verdict": _VERDICTS[self.reason], "steps": self.steps,
            },
            "trajectory": self.x, "trajectory_value": self.value, "trajectory_full_value": self.full_value,
            "batch_slope": self.slope, "batches": [self.batch(step) for step in range(len(self.members))],
            "outside_batch_range": [bool(out) for out in self.outside],
            "global_minimum": {"x": self.ground.best.x, "value": self.ground.best.value},
        }

    def batch(self, step: int) -> list[str]:
        """The names of the points in a step's batch."""
        kept = self.ground.data.kept
        return [kept[index].name for index in np.flatnonzero(self.members[step])]


_VERDICTS = {"steps": "still moving", "left": "left the domain", "overflow": "left the domain", "running": "still moving"}


_LIMITS = {
    "stay": "A step that would leave the domain ends on its edge (projected gradient descent).",
    "bounce": "A step that would leave the domain is reflected at its edge.",
    "stop": "A step that leaves the domain ends the run.",
}


def run(request: BatchesRequest) -> Iterator[BatchesResult | None]:
    """The run in growing pieces."""
    ground = started(request.data, request.start)
    yield None
    entry = optimizer(request.optimizer)
    for path in mini_batches(
        ground.curve, start=request.start, alpha=request.alpha, optimizer=entry, momentum=request.momentum,
        batch_size=request.batch_size, keep_ends=request.keep_ends, steps=request.steps, seed=request.seed,
        low=ground.low, high=ground.high, longest=request.longest, hold=request.hold, ends=cast("Ends", request.ends),
    ):
        x = path.x
        yield BatchesResult(
            request=request, ground=ground, x=x, value=readonly(ground.curve.value(x)),
            full_value=readonly(ground.full.value(x)), slope=path.slope, members=path.members, outside=path.outside,
            reason=path.reason, landing=landing(ground.curve, ground.full, float(x[-1]), ground.data.points),
            steps=len(x) - 1, progress=1.0 if path.reason != "running" else min(0.99, (len(x) - 1) / request.steps),
        )


@lru_cache(maxsize=64)
def _batch_curve(result: BatchesResult, step: int) -> tuple[Curve, Layer]:
    chosen = np.flatnonzero(result.members[step])
    curve = make_curve(result.ground.data.interpolant, result.ground.curve.x[chosen], result.ground.curve.y[chosen])
    return curve, Line(key="batch", role=Role.C2, label="this batch's curve", x=result.ground.grid,
                       y=readonly(curve.value(result.ground.grid)), width=2.5)


def figures(result: BatchesResult, state: LandscapeState) -> tuple[Figure, ...]:
    """The batch's curve at the shown step, the value against the step, and who was in each batch."""
    shown = min(state.shown_step, result.steps)
    return _main(result, state, shown), _values(result, shown), _members(result, shown)


def _main(result: BatchesResult, state: LandscapeState, shown: int) -> Figure:
    ground = result.ground
    x_axis, y_axis = axes(ground)
    layers: list[Layer] = list(scenery(ground, state))
    x, y, note = float(result.x[shown]), float(result.value[shown]), ""
    if shown < len(result.members):
        curve, line = _batch_curve(result, shown)
        chosen = np.flatnonzero(result.members[shown])
        nodes, heights = ground.curve.x[chosen], ground.curve.y[chosen]
        y = curve.value_at(x)
        layers.append(Span(key="range", role=Role.C2, start=float(nodes[0]), end=float(nodes[-1]), opacity=0.07))
        layers.append(line)
        layers.append(Markers(key="members", role=Role.C2, label="in this batch", x=readonly(nodes), y=readonly(heights),
                              size=14.0, hollow=True))
        if state.show_tangent and np.isfinite([y, result.slope[shown]]).all():
            layers += tangent(ground, x, y, float(result.slope[shown]))
        if result.outside[shown]:
            note = (f"x = {number_text(x)} is outside this batch's points, {number_text(nodes[0])} to "
                    f"{number_text(nodes[-1])}: its curve is continued beyond them.")
    layers += trail("path", Role.STEP, "iterates, on the kept points' curve", result.x, result.value, shown)
    layers.append(dot(x, y if np.isfinite(y) else float(result.value[shown])))
    size = int(result.members[0].sum()) if len(result.members) else 0
    count = len(ground.data.kept)
    title = (f"Step {shown}: a batch of {size} of {count} points makes the curve" if shown < len(result.members)
             else f"After {shown} steps with batches of {size} of {count} points")
    return Figure("batches", title, x_axis, y_axis, tuple(layers), note=note or left_out(ground))


def _values(result: BatchesResult, shown: int) -> Figure:
    steps = readonly(np.arange(result.steps + 1))
    layers: list[Layer] = []
    if result.ground.full is not result.ground.curve:
        layers.append(Line(key="full", role=Role.MUTED, label="on the full curve", x=steps, y=result.full_value))
    layers += [
        Line(key="own", role=Role.CURVE, label="on the kept points' curve", x=steps, y=result.value, width=2.0),
        Rule(key="best", role=Role.GOOD, position=result.ground.best.value, vertical=False, text="global minimum", dash="dot"),
        Markers(key="now", role=Role.BAD, x=steps[shown:shown + 1], y=result.value[shown:shown + 1], size=11.0),
    ]
    return Figure("batch_value", "Value on the kept points' curve at every step", Axis("step", integer=True),
                  Axis("value f(x)", limits=result.ground.view), tuple(layers))


def _members(result: BatchesResult, shown: int) -> Figure:
    names = [point.name for point in result.ground.data.kept]
    layers: tuple[Layer, ...] = ()
    if len(result.members):
        layers = (
            _member_heat(result),
            Rule(key="now", role=Role.BAD, position=float(shown), width=1.5, dash="solid"),
        )
    every = max(1, len(names) // 18)
    ticks = tuple((float(index), name) for index, name in enumerate(names) if index % every == 0)
    return Figure("batch_members", "Which points are in the batch of each step", Axis("step", integer=True),
                  Axis("point", ticks=ticks), layers)


@lru_cache(maxsize=4)
def _member_heat(result: BatchesResult) -> Heat:
    steps, count = result.members.shape
    return Heat(key="members", role=Role.DATA, values=readonly(result.members.T.astype(np.float64)),
                x_range=(-0.5, steps - 0.5), y_range=(-0.5, count - 0.5), limits=(0.0, 1.0), value_label="in the batch")


def explain(result: BatchesResult, state: LandscapeState) -> Explanation:
    """The step with this batch's numbers, and what a batch is here."""
    request, ground = result.request, result.ground
    assert isinstance(request, BatchesRequest)
    shown = min(state.shown_step, result.steps)
    reach = 0.03 * (ground.high - ground.low)
    at_best = abs(result.landing.x - ground.best.x) <= reach
    if result.reason in ("left", "overflow"):
        verdict = Verdict(f"Left the domain after {result.steps} steps: one batch's slope was too steep for this \u03b1.", "bad")
    elif at_best:
        verdict = Verdict(f"After {result.steps} steps at x = {number_text(result.landing.x)}: near the global minimum.", "good")
    else:
        verdict = Verdict(f"After {result.steps} steps at x = {number_text(result.landing.x)}, near {result.landing.near}.",
                          "warning")
    blocks: list[Block] = [verdict, Heading(f"Step {shown} of {result.steps}")]
    rows = [Number("x", number_text(float(result.x[shown])), role=Role.BAD)]
    if shown < len(result.members):
        rows += [
            Number("slope of this batch's curve", number_text(float(result.slope[shown])), role=Role.GRADIENT),
            Number("slope of all kept points' curve", number_text(ground.curve.slope_at(float(result.x[shown]))),
                   role=Role.CURVE, help="What the step would have used without mini-batches."),
            Number("step taken", number_text(float(result.x[shown + 1] - result.x[shown])), role=Role.STEP),
        ]
        blocks.append(Paragraph("In this batch: " + ", ".join(result.batch(shown)) + "."))
        if request.optimizer == "sgd":
            blocks += _step_words(result, request, shown)
    blocks.append(Numbers(tuple(rows)))
    blocks += [
        Formula(rf"{optimizer(request.optimizer).formula} \qquad g_t = f'_{{B_t}}(x_t)",
                "the optimizer's rule with the slope of the batch's curve"),
        Formula(r"B_t \subset \{P_1, \ldots, P_n\}, \; |B_t| = k",
                "each batch holds k of the n points"),
        Paragraph(
            ("Every step draws a new batch" if request.hold == 1 else f"Every {request.hold} steps a new batch is drawn")
            + ", so the slope is a noisy picture of the real one. Noise can carry the dot out of a poor minimum; too small a "
            "batch knows too little of the curve, and its steps mislead. A run never settles by itself: where it stands after "
            "the last step counts."
        ),
        Paragraph(_reach(ground, request)),
        Paragraph(_LIMITS[request.ends] + (
            f" Steps are shortened to {number_text(request.longest, 3)}: through few points the curve can be as steep as a wall."
            if request.optimizer == "sgd" else "")),
        *_restless(result, request),
        Paragraph(f"Seed {request.seed}: the same seed draws the same batches at any time."),
    ]
    return Explanation(tuple(blocks))


def _step_words(result: BatchesResult, request: BatchesRequest, shown: int) -> list[Block]:
    """The update with this batch's slope, and what held the step back if it did not go that far."""
    x, slope, ahead = (float(values[shown]) for values in (result.x, result.slope, result.x[1:]))
    plain = x - request.alpha * slope
    blocks: list[Block] = [listing.step_formula(shown, x, request.alpha, slope, plain)]
    if abs(plain - ahead) > 1e-9 * max(1.0, abs(ahead)):
        limit = "longest step" if request.alpha * abs(slope) > request.longest else "end of the domain"
        blocks.append(Paragraph(f"The {limit} holds it back: the dot goes to x = {number_text(ahead)}."))
    return blocks


def _reach(ground: Terrain, request: BatchesRequest) -> str:
    kept = ground.data.kept
    if request.keep_ends and (kept[0].x, kept[-1].x) == (ground.low, ground.high):
        return "The first and the last point are in every batch, so its curve covers the whole domain."
    words = "Any points may be drawn." if not request.keep_ends else (
        f"The first and the last kept point are in every batch, so its curve covers {number_text(kept[0].x)} to "
        f"{number_text(kept[-1].x)}, but the domain of all points goes on.")
    return (f"{words} Where the dot is outside a batch's range, that batch's curve is continued beyond its points "
            "(extrapolated), which the plot says.")


def _restless(result: BatchesResult, request: BatchesRequest) -> list[Block]:
    """Why a run with the whole data set may not come to rest, where alpha is the reason."""
    if request.optimizer != "sgd" or request.batch_size < len(request.data.kept) or result.reason != "steps":
        return []
    nearest = min(result.ground.own_minima, key=lambda minimum: abs(minimum.x - result.landing.x), default=None)
    curvature = result.ground.curve.curvature_at(nearest.x) if nearest is not None else 0.0
    if curvature <= 0 or request.alpha <= 2 / curvature:
        return []
    return [Paragraph(
        f"The whole data set is in every batch, yet the dot does not rest: \u03b1 = {number_text(request.alpha)} is above "
        f"2/f\u2033 = {number_text(2 / curvature)} at the minimum, so it rattles in the valley without leaving it."
    )]


def code(request: BatchesRequest) -> str:
    """PyTorch that repeats this run, batch by batch."""
    from visualizer.experiments.landscape.pages import batch_listing

    return batch_listing.code(request)
