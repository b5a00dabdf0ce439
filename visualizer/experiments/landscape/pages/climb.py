"""Fixed steps: move a circle to the top of a hill with steps of one fixed length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from visualizer.experiments.landscape.climb import best_alpha, climb, mean_rounds, rounds_by_alpha, safe_alpha, settling_fraction
from visualizer.experiments.landscape.pages.listing import tex
from visualizer.experiments.landscape.pages.terrain import Floats
from visualizer.experiments.landscape.requests import ClimbRequest
from visualizer.experiments.landscape.state import LandscapeState
from visualizer.figures.model import Axis, Figure, Layer, Line, Markers, Note, Rule, Segments, Span, readonly

_HEIGHT = 10.0


@dataclass(frozen=True, eq=False)
class ClimbResult(PageResult):
    """The way of one circle, and the rounds that every step length needs.

    Attributes:
        offset: position relative to the top in cm before every round and after the last (negative: before the top).
        arrived: whether the top lies inside the circle at the end.
        needed: rounds that this step length needs from this start; inf: it never settles.
        settling: part of all starts up to this distance from which this step length settles.
        alphas: step lengths in cm; ``rounds`` from this start (inf: never settles); ``mean`` over all starts up to
            this distance (inf: some never settle).
        best: the step length with the fewest rounds from this start, and ``best_rounds``.
    """

    offset: Floats
    arrived: bool
    needed: float
    settling: float
    alphas: Floats
    rounds: Floats
    mean: Floats
    best: float
    best_rounds: int

    def numbers(self) -> dict[str, Any]:
        assert isinstance(self.request, ClimbRequest)
        return {
            "climb": {
                "rounds": self.steps, "arrived": self.arrived, "rounds_needed": self.needed,
                "settling_fraction": self.settling, "best_alpha": self.best, "best_rounds": self.best_rounds,
                "safe_alpha": safe_alpha(self.request.radius), "offset": self.offset,
            },
            "rounds_by_alpha": {"alpha": self.alphas, "rounds": self.rounds, "mean": self.mean},
        }


def run(request: ClimbRequest) -> Iterator[ClimbResult | None]:
    """One step: everything has a closed form."""
    path = climb(request.distance, request.alpha, request.radius, request.rounds)
    low, high = min(0.02, request.alpha), max(2.0 * request.distance, request.alpha)
    alphas = np.unique(np.concatenate((np.geomspace(low, high, 1500), [request.alpha, safe_alpha(request.radius)])))
    best = best_alpha(request.distance, request.radius)
    yield ClimbResult(
        request=request, offset=readonly(path), arrived=bool(abs(path[-1]) <= request.radius), steps=len(path) - 1,
        alphas=readonly(alphas), rounds=readonly(rounds_by_alpha(request.distance, request.radius, alphas)),
        mean=readonly(mean_rounds(request.distance, request.radius, alphas)),
        needed=float(rounds_by_alpha(request.distance, request.radius, request.alpha)),
        settling=float(settling_fraction(request.distance, request.radius, request.alpha)),
        best=best, best_rounds=int(rounds_by_alpha(request.distance, request.radius, np.array([best]))[0]),
    )


def _request(result: ClimbResult) -> ClimbRequest:
    assert isinstance(result.request, ClimbRequest)
    return result.request


def figures(result: ClimbResult, state: LandscapeState) -> tuple[Figure, ...]:
    """The hill, rounds against step length, and the distance to the top after every round."""
    shown = min(state.shown_step, result.steps)
    return _hill(result, shown), _rounds(result), _heights(result, shown)


def _words(result: ClimbResult) -> str:
    request = _request(result)
    if result.arrived:
        return f"Arrived after {result.steps} round{'' if result.steps == 1 else 's'}."
    if np.isfinite(result.needed):
        return f"Not there yet after {result.steps} rounds: this step length needs {result.needed:.0f}."
    return (f"Never settles: \u03b1 is longer than the circle is wide, {number_text(safe_alpha(request.radius))} cm, and from this "
            "start it jumps over the top again and again.")


def _hill(result: ClimbResult, shown: int) -> Figure:
    request = _request(result)
    reach = 1.3 * max(request.distance, float(np.abs(result.offset).max()), 4 * request.radius)
    grid = np.linspace(-reach, reach, 401)

    def height(offset: Any) -> Any:
        return _HEIGHT * (0.5 + 0.5 * np.cos(np.pi * np.asarray(offset) / (1.15 * reach)))

    here = float(result.offset[shown])
    past = result.offset[: shown + 1]
    layers: list[Layer] = [
        Span(key="top", role=Role.GOOD, start=-request.radius, end=request.radius, opacity=0.18),
        Line(key="hill", role=Role.CURVE, x=readonly(grid), y=readonly(height(grid)), width=3.0),
        Line(key="way", role=Role.STEP, x=readonly(past[-200:]), y=readonly(height(past[-200:])), width=1.0, opacity=0.5),
        Markers(key="past", role=Role.STEP, label="after each round", x=readonly(past[-200:]),
                y=readonly(height(past[-200:])), size=7.0),
    ]
    if shown < result.steps:
        ahead = float(result.offset[shown + 1])
        layers.append(Segments(key="next", role=Role.STEP, x0=readonly([here]), y0=readonly(height([here])),
                               x1=readonly([ahead]), y1=readonly(height([ahead])), width=3.0, arrow=True,
                               label="next step: \u03b1 towards the top"))
    angle = np.linspace(0.0, 2.0 * np.pi, 73)
    # The height has its own scale, so the circle is drawn as wide as it is and as high as it looks round at 2 : 1.
    tall = request.radius * 1.18 * _HEIGHT / reach
    layers.append(Line(key="circle", role=Role.BAD, x=readonly(here + request.radius * np.cos(angle)),
                       y=readonly(height([here]) + tall * np.sin(angle)), width=2.0))
    layers.append(Markers(key="climber", role=Role.BAD, label="the circle; drag it", x=readonly([here]),
                          y=readonly(height([here])), size=13.0, drag="x", tip="Drag the circle to choose where it starts."))
    layers.append(Note(key="goal", role=Role.GOOD, x=0.0, y=_HEIGHT, text="top", anchor=(0.5, 1.4)))
    return Figure("climb", "A circle climbs in steps of one length", Axis("distance from the top", "cm",
                  limits=(-reach, reach)), Axis("height", "cm", limits=(0.0, 1.18 * _HEIGHT)), tuple(layers), note=_words(result))


def _rounds(result: ClimbResult) -> Figure:
    request = _request(result)
    finite = np.where(np.isfinite(result.rounds), result.rounds, np.nan)
    mean = np.where(np.isfinite(result.mean), result.mean, np.nan)
    layers: tuple[Layer, ...] = (
        Line(key="mean", role=Role.THEORY, label="mean over all starts up to here", x=result.alphas, y=readonly(mean),
             width=2.0, dash="dash"),
        Line(key="rounds", role=Role.CURVE, label="from this start", x=result.alphas, y=readonly(finite), width=2.5),
        Rule(key="safe", role=Role.WARNING, position=safe_alpha(request.radius), text="2 r", dash="dot"),
        Rule(key="alpha", role=Role.STEP, position=request.alpha, text="\u03b1", drag=True, dash="solid",
             tip="Drag to choose the step length."),
        Markers(key="best", role=Role.GOOD, label="fewest rounds", x=readonly([result.best]),
                y=readonly([float(result.best_rounds)]), size=14.0, symbol="diamond"),
    )
    return Figure("climb_rounds", "Rounds needed; gaps: never arrives", Axis("step length \u03b1", "cm", log=True),
                  Axis("rounds", log=True), layers)


def _heights(result: ClimbResult, shown: int) -> Figure:
    request = _request(result)
    rounds = readonly(np.arange(result.steps + 1))
    layers: tuple[Layer, ...] = (
        Span(key="goal", role=Role.GOOD, start=-request.radius, end=request.radius, vertical=False, opacity=0.18),
        Line(key="offset", role=Role.CURVE, x=rounds, y=result.offset, width=2.0),
        Markers(key="now", role=Role.BAD, x=rounds[shown:shown + 1], y=result.offset[shown:shown + 1], size=11.0),
    )
    return Figure("climb_height", "Distance from the top after every round", Axis("round", integer=True),
                  Axis("distance from the top", "cm"), layers)


def explain(result: ClimbResult, state: LandscapeState) -> Explanation:
    """How many rounds, why it may never settle, and the longest step that always does."""
    request = _request(result)
    shown = min(state.shown_step, result.steps)
    blocks: list[Block] = [
        Verdict(_words(result), "good" if result.arrived else "warning" if np.isfinite(result.needed) else "bad"),
        Heading("Each round"),
        Formula(r"x_{t+1} = x_t - \alpha\, \mathrm{sign}(x_t)", "each round moves alpha towards the top, which is at 0"),
        Numbers((
            Number("round", str(shown)),
            Number("distance from the top", number_text(float(result.offset[shown])), "cm", role=Role.BAD),
            Number("step length \u03b1", number_text(request.alpha), "cm", role=Role.STEP),
        )),
        Heading("When does it arrive?"),
        Formula(
            rf"|d - n \alpha| \leq r \qquad |{tex(request.distance)} - n \cdot {tex(request.alpha)}| \leq {tex(request.radius)}",
            "it arrives when the distance minus n steps is at most the radius",
        ),
        Paragraph(
            "It arrives in the first round n for which this holds. After it has jumped over the top it steps back to where "
            "it came from, so if it misses the top once it misses it for ever."
        ),
        Heading("Which \u03b1 needs the fewest rounds?"),
        Numbers((
            Number("fewest rounds from here", str(result.best_rounds), role=Role.GOOD),
            Number("with \u03b1 =", number_text(result.best), "cm", role=Role.GOOD),
            Number("starts that ever arrive with \u03b1", f"{100 * result.settling:.3g}", "%", role=Role.THEORY,
                   help="Of all starts up to this distance, the part from which this step length settles."),
            Number("longest safe \u03b1 = 2 r", number_text(safe_alpha(request.radius)), "cm", role=Role.WARNING,
                   help="A step no longer than the circle is wide can never jump over the top, from any start."),
        )),
        Paragraph(
            "The fastest step needs to know how far the top is, and nobody who descends a loss knows that. Without that "
            "knowledge the longest step that is always safe is the circle's diameter; gradient descent does better by "
            "making its steps shorter where the slope is smaller."
        ),
    ]
    return Explanation(tuple(blocks))


def code(request: ClimbRequest) -> str:
    """PyTorch that repeats this climb; the direction is the sign of the hill's slope, by autograd."""
    return "\n".join((
        "import torch",
        "",
        "",
        "def height(x):  # any hill with its top at 0 will do: only the direction of its slope is used",
        "    return -x.abs()",
        "",
        f"x = torch.tensor({-request.distance!r}, dtype=torch.float64, requires_grad=True)",
        "rounds = 0",
        f"while abs(x.item()) > {request.radius!r} and rounds < {request.rounds}:",
        "    (slope,) = torch.autograd.grad(height(x), x)",
        "    with torch.no_grad():",
        f"        x += {request.alpha!r} * slope.sign()",
        "    rounds += 1",
        'print(f"rounds = {rounds}, distance from the top = {x.item():.6f}")',
        "",
    ))
