"""Convergence: the same small task trained from several initialisations at once."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from visualizer.base.errors import UserError
from visualizer.base.explanation import Block, Explanation, Formula, Heading, Paragraph, Table, Verdict, number_text
from visualizer.base.roles import CATEGORIES, Role
from visualizer.components.initializers import Initializer, initializer
from visualizer.components.latex import number_latex
from visualizer.experiments.distributions.convergence import (
    ACTIVATIONS,
    ARM,
    POINTS,
    WIDTH,
    Contestant,
    Floats,
    make_task,
    quantiles,
    weight_seed,
)
from visualizer.experiments.distributions.pages.convergence_listing import listing
from visualizer.experiments.distributions.requests import ConvergenceRequest
from visualizer.experiments.distributions.results import DistributionsResult
from visualizer.experiments.distributions.state import ACTIVATIONS as ACTIVATION_OPTIONS
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.figures.model import Axis, Band, Dash, Figure, Layer, Line, Markers, Rule, Segments, readonly

#: Seconds of one slice, and between two pictures. Results do not depend on where a slice ends.
_SLICE = 0.005
_PICTURE = 0.04

#: Seeds times layers of one batched computation at most, so that a step of it fits into a slice.
_BATCH = 200

_DASHES: tuple[Dash, ...] = ("solid", "dash")

#: Their losses are often the same as others': what lies below shows between the dashes.
_OWN_DASHES: Mapping[str, Dash] = MappingProxyType({"zeros": "dash", "ones": "dot"})

#: A median this far below the loss of guessing has learned something, and this far, has learned the task.
_LEARNED, _MASTERED = 0.98, 0.5


@dataclass(frozen=True, eq=False)
class Curves:
    """One initialiser's losses before every step and after the last.

    Attributes:
        low, median, high: quantiles over the seeds (10 %, 50 %, 90 %), [steps + 1]; a loss that is no number any more
            counts as infinite.
        final: the newest loss of every seed.
        distance: the largest difference between two neurons of one hidden layer after training, of the seeds
            whose loss is finite; NaN before, and when there are none.
    """

    entry: Initializer
    low: Floats
    median: Floats
    high: Floats
    final: Floats
    distance: float

    @property
    def diverged(self) -> int:
        return int((~np.isfinite(self.final)).sum())

    @property
    def end(self) -> float:
        """The median at the end."""
        return float(self.median[-1])


@dataclass(frozen=True, eq=False)
class ConvergenceResult(DistributionsResult):
    """All contestants, in the catalogue's order.

    Attributes:
        guess: the loss of the best answer that is the same for every input.
        done: steps that all of them have taken.
    """

    guess: float
    done: int
    curves: tuple[Curves, ...]

    def numbers(self) -> dict[str, Any]:
        return {
            "convergence": {
                one.entry.name: {
                    "initial_median": float(one.median[0]), "final_median": one.end, "final_low": float(one.low[-1]),
                    "final_high": float(one.high[-1]), "diverged": one.diverged, "final": one.final,
                    "neuron_distance": one.distance,
                }
                for one in self.curves
            },
            "loss": {one.entry.name: one.median for one in self.curves},
            "guess": self.guess,
            "steps": self.done,
        }


def _request(result: ConvergenceResult) -> ConvergenceRequest:
    assert isinstance(result.request, ConvergenceRequest)
    return result.request


def run(request: ConvergenceRequest) -> Iterator[ConvergenceResult | None]:
    """All contestants advance together, step by step."""
    if not request.contestants:
        raise UserError("No initialiser takes part; tick at least one.")
    task = make_task(request.task, request.seed)
    entries = [initializer(name) for name in request.contestants]
    most = max(1, _BATCH // (request.hidden_layers + 1))
    groups = [
        (index, range(first, min(first + most, request.repeats)))
        for index in range(len(entries)) for first in range(0, request.repeats, most)
    ]
    teams = [
        (index, repeats, Contestant(entries[index], request.activation, task, request.hidden_layers, request.lr, len(repeats)))
        for index, repeats in groups
    ]
    began = time.perf_counter()
    for _, repeats, team in teams:
        for place, repeat in enumerate(repeats):
            team.fill(place, weight_seed(request.seed, repeat))
            if time.perf_counter() - began > _SLICE:
                yield None
                began = time.perf_counter()
    losses = np.empty((len(entries), request.repeats, request.epochs + 1))
    bands = np.empty((len(entries), 3, request.epochs + 1))
    summed = 0  # steps whose quantiles are known
    shown = -_PICTURE
    for step in range(request.epochs + 1):
        last = step == request.epochs
        for index, repeats, team in teams:
            losses[index, repeats.start:repeats.stop, step] = team.losses() if last else team.step()
            if time.perf_counter() - began > _SLICE:
                yield None
                began = time.perf_counter()
        if last or began - shown > _PICTURE:
            for index in range(len(entries)):
                bands[index, :, summed:step + 1] = quantiles(losses[index, :, summed:step + 1])
            summed = step + 1
            distances = [math.nan] * len(entries)
            if last:
                yield None
                for index, repeats, team in teams:
                    finite = np.flatnonzero(np.isfinite(losses[index, repeats.start:repeats.stop, step]))
                    distances[index] = float(np.fmax(distances[index], team.neuron_distance(finite.tolist())))
            yield ConvergenceResult(
                request=request, guess=task.guess, done=step, progress=1.0 if last else step / (request.epochs + 1),
                curves=tuple(
                    Curves(entry, readonly(band[0, :step + 1]), readonly(band[1, :step + 1]), readonly(band[2, :step + 1]),
                           readonly(loss[:, step]), distance)
                    for entry, band, loss, distance in zip(entries, bands, losses, distances, strict=True)
                ),
            )
            began = shown = time.perf_counter()


def figures(result: ConvergenceResult, state: DistributionsState) -> tuple[Figure, ...]:
    """The losses step by step, and the losses of all seeds at the end."""
    return _losses(result), _ends(result)


def _style(index: int, name: str) -> tuple[Role, Dash]:
    dash = _OWN_DASHES.get(name, _DASHES[index // len(CATEGORIES) % len(_DASHES)])
    return CATEGORIES[index % len(CATEGORIES)], dash


def _drawn(values: Floats) -> Floats:
    """Values to draw: a line breaks where they are infinite."""
    return readonly(np.where(np.isfinite(values), values, np.nan))


def _limits(values: Floats, guess: float, log: bool) -> tuple[float, float]:
    """The losses around and below that of guessing: one that explodes leaves the picture instead of flattening it."""
    finite = values[np.isfinite(values)]
    low = float(min(finite.min(), guess)) if finite.size else guess
    high = float(min(max(finite.max(), 1.2 * guess), 20.0 * guess)) if finite.size else 1.2 * guess
    if not log:
        return low - 0.05 * (high - low), high + 0.05 * (high - low)
    low = max(low, 1e-12)
    margin = max((high / low) ** 0.06, 1.15)
    return low / margin, high * margin


def _positive(result: ConvergenceResult) -> bool:
    return all(bool((one.low > 0).all()) and bool((one.final[np.isfinite(one.final)] > 0).all()) for one in result.curves)


def _losses(result: ConvergenceResult) -> Figure:
    request = _request(result)
    steps = readonly(np.arange(result.done + 1))
    layers: list[Layer] = [
        Rule(key="guess", role=Role.MUTED, position=result.guess, vertical=False, dash="dot", text="guessing"),
    ]
    for index, one in enumerate(result.curves):
        whole = np.isfinite(one.low) & np.isfinite(one.high)
        layers.append(Band(key=f"{one.entry.name}_band", role=_style(index, one.entry.name)[0], x=readonly(steps[whole]),
                           lower=readonly(one.low[whole]), upper=readonly(one.high[whole]),
                           opacity=0.18 if len(result.curves) < 6 else 0.12))
    for index, one in enumerate(result.curves):
        role, dash = _style(index, one.entry.name)
        layers.append(Line(key=one.entry.name, role=role, dash=dash, label=one.entry.title, x=steps, y=_drawn(one.median),
                           width=2.5))
    log = _positive(result)
    # What happens in the first few steps only may leave the picture: the rest is what is compared.
    settled = min(result.done, math.ceil(0.05 * request.epochs))
    everything = np.concatenate([values for one in result.curves for values in (one.low[settled:], one.high[settled:])])
    seeds = f"Median of {request.repeats} seeds, band from the 10 % to the 90 % quantile." if request.repeats > 1 else "One seed."
    return Figure(
        "convergence", "The same task from several initialisations", Axis("step", limits=(0.0, float(request.epochs)),
        integer=True), Axis("loss", log=log, limits=_limits(everything, result.guess, log)), tuple(layers),
        note=_diverged_words(result) or seeds,
    )


def _diverged_words(result: ConvergenceResult) -> str:
    repeats = _request(result).repeats
    gone = [f"{one.entry.title} {one.diverged} of {repeats}" for one in result.curves if one.diverged]
    return f"Losses that became NaN or infinite: {', '.join(gone)}." if gone else ""


def _ends(result: ConvergenceResult) -> Figure:
    log = _positive(result)
    count = len(result.curves)
    layers: list[Layer] = [Rule(key="guess", role=Role.MUTED, position=result.guess, dash="dot")]
    ticks = []
    for index, one in enumerate(result.curves):
        row = float(count - 1 - index)  # the first one at the top
        ticks.append((row, one.entry.title))
        seen = one.final[np.isfinite(one.final)]
        # The seeds of one row stand a little apart, so that equal losses can be counted.
        apart = 0.44 * ((np.arange(seen.size) * 0.618034) % 1.0 - 0.5) if seen.size > 1 else np.zeros(seen.size)
        role = _style(index, one.entry.name)[0]
        layers.append(Markers(key=one.entry.name, role=role, x=readonly(seen), y=readonly(row + apart), size=6.0, opacity=0.7))
        if math.isfinite(one.end):
            layers.append(Segments(key=f"{one.entry.name}_median", role=role, x0=readonly([one.end]), x1=readonly([one.end]),
                                   y0=readonly([row - 0.36]), y1=readonly([row + 0.36]), width=3.0))
    everything = np.concatenate([one.final for one in result.curves])
    return Figure(
        "convergence_end", "Loss of every seed" + (" at the end" if result.progress == 1.0 else " now"),
        Axis("loss", log=log, limits=_limits(everything, result.guess, log)),
        Axis("", limits=(-0.6, count - 0.4), ticks=tuple(ticks)), tuple(layers),
        note=f"{gone} of {len(everything)} diverged." if (gone := int((~np.isfinite(everything)).sum())) else "",
    )


def explain(result: ConvergenceResult, state: DistributionsState) -> Explanation:
    """Who is best, what is trained, and why equal neurons do not learn."""
    request = _request(result)
    blocks: list[Block] = [_verdict(result), Heading("The losses"), _table(result)]
    words = _diverged_words(result)
    if words:
        blocks.append(Paragraph(words + " They count as worse than every number, so a quantile that falls among them is "
                                "infinite. A smaller learning rate or a smaller spread of the weights keeps them finite."))
    blocks += _task_blocks(result)
    blocks += _symmetry_blocks(result)
    blocks += _gain_blocks(request)
    return Explanation(tuple(blocks))


def _names(curves: list[Curves]) -> str:
    titles = [one.entry.title for one in curves]
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"


def _verdict(result: ConvergenceResult) -> Verdict:
    request = _request(result)
    if result.progress < 1.0:
        return Verdict(f"Step {result.done} of {request.epochs}.", "muted")
    finite = [one for one in result.curves if math.isfinite(one.end)]
    if not finite:
        return Verdict(f"Diverged: with a learning rate of {request.lr:g} no median loss is a number any more.", "bad")
    best = min(finite, key=lambda one: one.end)
    lost = [one for one in finite if one.end >= _LEARNED * result.guess]
    gone = [one for one in result.curves if not math.isfinite(one.end)]
    rest = f" {_names(lost)} learned nothing." if lost else ""
    steps = f"{request.epochs} step{'' if request.epochs == 1 else 's'}"
    gone_words = f" {_names(gone)} diverged." if gone else ""
    if best.end > 1.02 * result.guess:
        return Verdict(f"After {steps} all are worse than guessing, loss {number_text(result.guess)}: a learning rate of "
                       f"{request.lr:g} is too large, or the steps are too few.{gone_words}", "bad")
    if best.end >= _LEARNED * result.guess:
        return Verdict(f"After {steps} nobody is better than guessing, loss {number_text(result.guess)}.{gone_words}", "warning")
    text = f"{best.entry.title} is best after {steps}: median loss {number_text(best.end)}.{rest}{gone_words}"
    return Verdict(text, "good" if best.end <= _MASTERED * result.guess else "warning")


def _table(result: ConvergenceResult) -> Table:
    rows = sorted(result.curves, key=lambda one: one.end)
    gone = any(one.diverged for one in rows)
    return Table(
        ("initialiser", "start", "median", "10 %", "90 %", *(("diverged",) if gone else ())),
        tuple(
            (one.entry.title, *(number_text(float(value), 3) for value in (one.median[0], one.end, one.low[-1], one.high[-1])),
             *((str(one.diverged),) if gone else ()))
            for one in rows
        ),
    )


def _task_blocks(result: ConvergenceResult) -> list[Block]:
    request = _request(result)
    activation = next(option.title for option in ACTIVATION_OPTIONS if option.name == request.activation)
    function = "no activation" if request.activation == "linear" else f"{activation} after each"
    layers = f"{request.hidden_layers} hidden layer{'' if request.hidden_layers == 1 else 's'} of {WIDTH} neurons, {function}"
    guess = number_text(result.guess)
    spirals = request.task == "spirals"
    data = (f"{2 * ARM} points on two spirals, in two classes" if spirals else f"{POINTS} points of a sine")
    blocks: list[Block] = [
        Heading("What is trained"),
        Paragraph(f"{data[0].upper()}{data[1:]}; a network with {layers}, and one output. All initialisations see the same data. "
                  f"Every seed starts with other weights, the biases start at 0; all {request.repeats} are trained by themselves."
                  if request.repeats > 1 else f"{data[0].upper()}{data[1:]}; a network with {layers}, and one output. The biases "
                  "start at 0."),
    ]
    if spirals:
        blocks += [
            Formula(r"L = -\frac{1}{N} \sum_{i=1}^{N} \left( y_i \ln \sigma(z_i) + (1 - y_i) \ln (1 - \sigma(z_i)) \right)",
                    "binary cross-entropy of the outputs z, the logits"),
            Formula(rf"z_i = 0: \quad \sigma(0) = \tfrac{{1}}{{2}}, \quad L = \ln 2 = {guess}",
                    "guessing: who says one half to every point has a loss of log 2"),
        ]
    else:
        blocks += [
            Formula(r"L = \frac{1}{N} \sum_{i=1}^{N} (z_i - y_i)^2", "mean squared error of the outputs z"),
            Formula(rf"z_i = \bar{{y}}: \quad L = \frac{{1}}{{N}} \sum_{{i=1}}^{{N}} (y_i - \bar{{y}})^2 = {guess}",
                    "guessing: who says the mean to every input has the variance of the targets as loss"),
        ]
    blocks.append(Formula(rf"w \leftarrow w - \alpha \frac{{\partial L}}{{\partial w}}, \quad \alpha = {number_latex(request.lr)}",
                          f"plain gradient descent with all data and a learning rate of {request.lr:g}"))
    return blocks


def _symmetry_blocks(result: ConvergenceResult) -> list[Block]:
    blocks: list[Block] = [
        Heading("Why zeros and constants do not learn"),
        Formula(r"w_i = w_j \;\Rightarrow\; h_i = h_j \;\Rightarrow\; \frac{\partial L}{\partial w_i} = "
                r"\frac{\partial L}{\partial w_j}", "equal neurons have equal outputs and equal gradients"),
        Paragraph(f"Neurons of a layer that start equal, and go into the next layer by equal weights, get equal gradients and stay "
                  f"equal for ever: {WIDTH} of them can do no more than one. With zeros it is worse: what comes out of a layer, "
                  "and what comes back through the weights, is 0, so with ReLU only the last bias moves."),
    ]
    if result.progress == 1.0:
        differences = tuple(
            (one.entry.title, "0: all equal" if one.distance == 0.0 else number_text(one.distance, 3)) for one in result.curves
            if math.isfinite(one.distance)
        )
        if differences:
            blocks += [Paragraph("The largest difference between two neurons of a hidden layer, after training:"),
                       Table(("initialiser", "difference"), differences)]
    return blocks


def _gain_blocks(request: ConvergenceRequest) -> list[Block]:
    known = ACTIVATIONS[request.activation]
    title = next(option.title for option in ACTIVATION_OPTIONS if option.name == request.activation)
    if known.gain is None:
        words = (f"calculate_gain of torch does not know {title}: Xavier and orthogonal take their default gain 1, Kaiming its "
                 "default, the \u221a2 of a ReLU.")
    else:
        words = (f"calculate_gain({known.gain_name!r}) is {number_text(known.gain)}: Xavier, Kaiming and orthogonal take it. All "
                 "other arguments are the defaults.")
    gain = math.sqrt(2.0) if known.gain is None else known.gain
    return [
        Heading("The gain"),
        Paragraph(words),
        Formula(rf"\mathrm{{Kaiming:}} \quad \sigma_w = \frac{{g}}{{\sqrt{{n_{{in}}}}}} = \frac{{{number_text(gain)}}}"
                rf"{{\sqrt{{{WIDTH}}}}} = {number_text(gain / math.sqrt(WIDTH))}",
                "the standard deviation of the weights between two hidden layers by Kaiming's rule"),
    ]


def code(request: ConvergenceRequest) -> str:
    """PyTorch that trains every network by itself, with torch.nn and torch.optim.SGD."""
    return listing(request)
