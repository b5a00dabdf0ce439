"""Convergence: the same small task trained from several initialisations at once."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from visualizer.base.errors import UserError
from visualizer.base.explanation import Explanation
from visualizer.base.roles import CATEGORIES, Role
from visualizer.components.initializers import initializer
from visualizer.experiments.distributions.convergence import (
    Contestant,
    Floats,
    make_task,
    quantiles,
    weight_seed,
)
from visualizer.experiments.distributions.pages import convergence_words
from visualizer.experiments.distributions.pages.convergence_listing import listing
from visualizer.experiments.distributions.pages.convergence_result import ConvergenceResult, Curves, asked
from visualizer.experiments.distributions.requests import ConvergenceRequest
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


def run(request: ConvergenceRequest) -> Iterator[ConvergenceResult | None]:
    """All contestants advance together, step by step.

    A seed whose loss is no number any more has diverged and counts as infinite from there on; an initialiser stops when all
    its seeds have, and the run when nobody is left.
    """
    if not request.contestants:
        raise UserError("No initialiser takes part; tick at least one.")
    task = make_task(request.task, request.seed)
    entries = [initializer(name) for name in request.contestants]
    most = max(1, _BATCH // (request.hidden_layers + 1))
    teams: list[tuple[int, range, Contestant]] = []
    began = time.perf_counter()
    for index, entry in enumerate(entries):
        for first in range(0, request.repeats, most):
            repeats = range(first, min(first + most, request.repeats))
            team = Contestant(entry, request.activation, task, request.hidden_layers, request.lr, len(repeats))
            teams.append((index, repeats, team))
            for row, repeat in enumerate(repeats):
                team.fill(row, weight_seed(request.seed, repeat))
                if time.perf_counter() - began > _SLICE:
                    yield None
                    began = time.perf_counter()
    losses = np.full((len(entries), request.repeats, request.epochs + 1), np.inf)
    stopped = np.full((len(entries), request.repeats), np.nan)
    bands = np.empty((len(entries), 3, request.epochs + 1))
    summed = 0  # steps whose quantiles are known
    shown = -_PICTURE
    running = list(teams)
    for step in range(request.epochs + 1):
        last = step == request.epochs
        for place in list(running):
            index, repeats, contestant = place
            found = contestant.losses() if last else contestant.step()
            mine = stopped[index, repeats.start:repeats.stop]  # a view
            mine[np.isnan(mine) & ~np.isfinite(found)] = step
            alive = np.isnan(mine)
            losses[index, repeats.start:repeats.stop, step] = np.where(alive, found, np.inf)
            if not alive.any():
                running.remove(place)
            if time.perf_counter() - began > _SLICE:
                yield None
                began = time.perf_counter()
        last = last or not running
        if last or began - shown > _PICTURE:
            for index in range(len(entries)):
                bands[index, :, summed:step + 1] = quantiles(losses[index, :, summed:step + 1])
            summed = step + 1
            distances = [math.nan] * len(entries)
            if last:
                yield None
                for index, repeats, contestant in running:
                    finite = np.flatnonzero(np.isnan(stopped[index, repeats.start:repeats.stop]))
                    distances[index] = float(np.fmax(distances[index], contestant.neuron_distance(finite.tolist())))
                    if time.perf_counter() - began > _SLICE:
                        yield None
                        began = time.perf_counter()
            yield ConvergenceResult(
                request=request, guess=task.guess, done=step, progress=1.0 if last else step / (request.epochs + 1),
                curves=tuple(
                    Curves(entry, readonly(band[0, :step + 1]), readonly(band[1, :step + 1]), readonly(band[2, :step + 1]),
                           readonly(loss[:, step]), readonly(gone), distance)
                    for entry, band, loss, gone, distance in zip(entries, bands, losses, stopped, distances, strict=True)
                ),
            )
            began = shown = time.perf_counter()
        if last:
            return


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
    request = asked(result)
    steps = readonly(np.arange(result.done + 1))
    layers: list[Layer] = [
        Rule(key="guess", role=Role.MUTED, position=result.guess, vertical=False, dash="dot", text="guessing"),
    ]
    for index, one in enumerate(result.curves):
        whole = np.isfinite(one.low) & np.isfinite(one.high)
        layers.append(Band(key=f"{one.entry.name}_band", role=_style(index, one.entry.name)[0], x=readonly(steps[whole]),
                           lower=readonly(one.low[whole]), upper=readonly(one.high[whole]),
                           opacity=0.18 if len(result.curves) < 6 else 0.12))
    log = _positive(result)
    # What happens in the first few steps only may leave the picture: the rest is what is compared.
    settled = min(result.done, math.ceil(0.05 * _steps(result)))
    everything = np.concatenate([values for one in result.curves for values in (one.low[settled:], one.high[settled:])])
    limits = _limits(everything, result.guess, log)
    edge = limits[1] / (limits[1] / limits[0]) ** 0.03 if log else limits[1] - 0.03 * (limits[1] - limits[0])
    for index, one in enumerate(result.curves):
        role, dash = _style(index, one.entry.name)
        layers.append(Line(key=one.entry.name, role=role, dash=dash, label=one.entry.title, x=steps, y=_drawn(one.median),
                           width=2.5))
        gone = np.flatnonzero(~np.isfinite(one.median))
        if gone.size:  # the line has left the picture long before: a cross at its upper edge says where it ended
            layers.append(Markers(key=f"{one.entry.name}_end", role=role, x=readonly(steps[gone[:1]]), y=readonly([edge]),
                                  symbol="cross", size=11.0))
    seeds = f"Median of {request.repeats} seeds, band from the 10 % to the 90 % quantile." if request.repeats > 1 else "One seed."
    return Figure(
        "convergence", "The same task from several initialisations", Axis("step", limits=(0.0, 1.01 * _steps(result)),
        integer=True), Axis("loss", log=log, limits=limits), tuple(layers),
        note=convergence_words.diverged(result) or seeds,
    )


def _steps(result: ConvergenceResult) -> int:
    """How far the picture reaches: all steps that are asked for, unless nobody took them."""
    return asked(result).epochs if result.progress < 1.0 else max(1, result.done)


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
        layers.append(Markers(key=one.entry.name, role=role, x=readonly(seen), y=readonly(row + apart), size=7.0, opacity=0.75))
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
    return convergence_words.explain(result)


def code(request: ConvergenceRequest) -> str:
    """PyTorch that trains every network by itself, with torch.nn and torch.optim.SGD."""
    return listing(request)
