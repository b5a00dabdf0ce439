"""Batch size: where do many seeded mini-batch runs land, for every batch size?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

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
from visualizer.base.roles import Role
from visualizer.experiments.landscape.batches import Ends, StudyRow, study
from visualizer.experiments.landscape.pages.terrain import Floats, Terrain, left_out, started
from visualizer.experiments.landscape.requests import StudyRequest
from visualizer.experiments.landscape.state import LandscapeState
from visualizer.figures.model import Axis, Band, Figure, Heat, Layer, Line, Markers, Note, Rule, readonly

_BINS = 96


@dataclass(frozen=True, eq=False)
class StudyResult(PageResult):
    """The rows measured so far, one for each batch size, smallest first."""

    ground: Terrain
    sizes: tuple[int, ...]
    rows: tuple[StudyRow, ...]

    def column(self, name: str) -> Floats:
        """One number of every row, read-only."""
        return readonly([getattr(row, name) for row in self.rows])

    def numbers(self) -> dict[str, Any]:
        return {
            "study": [
                {
                    "batch_size": row.size, "runs": row.runs, "near_fraction": row.near, "near_low": row.near_low,
                    "near_high": row.near_high, "left_fraction": row.left,
                    "left_low": row.left_low, "left_high": row.left_high, "value_median": row.value_median,
                    "value_quartiles": [row.value_low, row.value_high], "landings": row.x,
                }
                for row in self.rows
            ],
            "confidence": 0.95,
            "global_minimum": {"x": self.ground.best.x, "value": self.ground.best.value},
        }


def _request(result: StudyResult) -> StudyRequest:
    assert isinstance(result.request, StudyRequest)
    return result.request


def run(request: StudyRequest) -> Iterator[StudyResult | None]:
    """One row after the other; all runs of a row are one batched tensor computation."""
    ground = started(request.data, request.start)
    sizes = tuple(range(2, len(request.data.kept) + 1))
    rows: tuple[StudyRow, ...] = ()
    yield StudyResult(request=request, ground=ground, sizes=sizes, rows=rows, progress=0.0)
    for found in study(
        ground.curve, ground.full, sizes=sizes, start=request.start, alpha=request.alpha, keep_ends=request.keep_ends,
        steps=request.steps, runs=request.runs, seed=request.seed, low=ground.low, high=ground.high,
        target=ground.best.x, near=request.near, target_half_width=ground.best.half_width, longest=request.longest,
        hold=request.hold, ends=cast("Ends", request.ends),
    ):
        if found is None:
            yield None
            continue
        rows = (*rows, found)
        yield StudyResult(request=request, ground=ground, sizes=sizes, rows=rows, progress=len(rows) / len(sizes))


def figures(result: StudyResult, state: LandscapeState) -> tuple[Figure, ...]:
    """The share near the global minimum, all landings, and the value reached, against the batch size."""
    return _share(result), _landings(result), _values(result)


def _sizes_axis(result: StudyResult) -> Axis:
    return Axis("batch size k", limits=(1.4, max(result.sizes) + 0.6), integer=True)


def _share(result: StudyResult) -> Figure:
    request = _request(result)
    k = result.column("size")
    near, low, high = (readonly(100 * result.column(name)) for name in ("near", "near_low", "near_high"))
    layers: list[Layer] = [
        Band(key="band", role=Role.DATA, label="95 % confidence interval", x=k, lower=low, upper=high),
        Line(key="left", role=Role.BAD, label="left the domain", x=k, y=readonly(100 * result.column("left")), width=1.5,
             dash="dash"),
        Line(key="near", role=Role.CURVE, label="ended near the global minimum", x=k, y=near, width=3.0),
        Markers(key="dots", role=Role.CURVE, x=k, y=near, size=9.0),
    ]
    if len(result.rows) > 1:
        best = int(np.argmax(near))
        layers.append(Note(key="best", role=Role.GOOD, x=float(k[best]), y=float(near[best]), anchor=(0.5, 1.5),
                           text=f"k = {int(k[best])}: {number_text(float(near[best]), 3)} %"))
    highest = max((float(values.max()) for values in (high, readonly(100 * result.column("left"))) if len(values)), default=0.0)
    top = min(106.0, max(12.0, 1.25 * highest))
    title = f"How often a run ends within {number_text(request.near, 2)} of the global minimum"
    return Figure("study", title, _sizes_axis(result), Axis("share of runs", "%", limits=(-0.03 * top, top)), tuple(layers),
                  note=left_out(result.ground) or (
                      f"{request.runs} runs of {request.steps} steps for every batch size, \u03b1 = {number_text(request.alpha, 3)}"
                  ))


def _landings(result: StudyResult) -> Figure:
    ground = result.ground
    counts = np.zeros((max(result.sizes) - 1, _BINS))
    for row in result.rows:
        inside = row.x[np.isfinite(row.x)]
        histogram, _ = np.histogram(np.clip(inside, ground.low, ground.high), bins=_BINS, range=(ground.low, ground.high))
        counts[row.size - 2] = 100 * histogram / max(row.runs, 1)
    top = max(result.sizes)
    # Where every run ends in one place its bin would leave all others dark: the scale ends at the 95th percentile.
    seen = counts[counts > 0]
    brightest = float(np.quantile(seen, 0.95)) if seen.size else 1.0
    layers: list[Layer] = [
        Heat(key="landings", role=Role.DATA, values=readonly(counts), x_range=(ground.low, ground.high),
             y_range=(1.5, top + 0.5), limits=(0.0, max(brightest, 1.0)), value_label="share of runs (%)"),
        Rule(key="best", role=Role.GOOD, position=ground.best.x, text="global minimum"),
        Rule(key="start", role=Role.MUTED, position=_request(result).start, text="start", dash="dot"),
    ]
    return Figure("study_landings", "Where the runs end", Axis("position x", limits=(ground.low, ground.high)),
                  Axis("batch size k", integer=True), tuple(layers))


def _values(result: StudyResult) -> Figure:
    k = result.column("size")
    layers: tuple[Layer, ...] = (
        Band(key="quartiles", role=Role.DATA, label="middle half of the runs", x=k, lower=result.column("value_low"),
             upper=result.column("value_high")),
        Line(key="median", role=Role.CURVE, label="median", x=k, y=result.column("value_median"), width=2.5),
        Rule(key="best", role=Role.GOOD, position=result.ground.best.value, vertical=False, text="global minimum", dash="dot"),
    )
    return Figure("study_value", "Value on the full curve at the end", _sizes_axis(result), Axis("value f(x)"), layers)


def explain(result: StudyResult, state: LandscapeState) -> Explanation:
    """The measured shares and the lecture's conclusion, as far as they bear it out."""
    request = _request(result)
    blocks: list[Block] = [_verdict(result)]
    blocks += [
        Heading("What is measured"),
        Paragraph(
            f"For every batch size k, {request.runs} runs start at x = {number_text(request.start)} and take {request.steps} "
            "steps, each with the slope of the curve through k random points. A run counts when it ends within "
            f"{number_text(request.near)} of the global minimum at x = {number_text(result.ground.best.x)}."
        ),
        Formula(r"\hat p_k = \frac{\mathrm{runs\ near\ the\ minimum}}{\mathrm{all\ runs}}", "the share of runs near the minimum"),
    ]
    if result.rows:
        blocks.append(Table(
            ("k", "near", "95 % interval", "left", "median value"),
            tuple(
                (str(row.size), f"{100 * row.near:.1f} %", f"{100 * row.near_low:.1f}\u2013{100 * row.near_high:.1f} %",
                 f"{100 * row.left:.1f} %", number_text(row.value_median))
                for row in result.rows
            ),
        ))
        best = max(result.rows, key=lambda row: row.near)
        successes = round(best.near * best.runs)
        blocks += [
            Heading("The best batch size of this study"),
            Formula(rf"\hat p_{{{best.size}}} = \frac{{{successes}}}{{{best.runs}}} = {best.near:.4f}",
                    f"{successes} of {best.runs} runs"),
            Numbers((
                Number("batch size", str(best.size), role=Role.GOOD),
                Number("share near the minimum", f"{100 * best.near:.2f}", "%"),
                Number("95 % interval from", f"{100 * best.near_low:.2f}", "%", help="Wilson's score interval."),
                Number("to", f"{100 * best.near_high:.2f}", "%"),
            )),
        ]
    blocks += [
        Paragraph(
            "The whole data set makes one fixed curve: every run takes the same way and is trapped or not. A part of the data "
            "makes a different curve at every step, so its minima move, and only what the curves have in common holds the dot. "
            "Too small a part knows too little."
        ),
        Paragraph(
            "Read it with its settings: " + _settings(request) + " With a new batch at every step, no limit on its length and "
            "a run that ends where it leaves the domain, hardly any run of the lecture's points ends near the minimum: the "
            "dot leaves at x = 17, where the curve falls. Try it: the controls are all here."
        ),
        Paragraph(
            "The interval is Wilson's score interval; it stays inside 0 to 100 % also when no run or every run succeeds. A run "
            "that leaves the domain, where that ends it, counts as not near."
        ),
    ]
    return Explanation(tuple(blocks))


def _settings(request: StudyRequest) -> str:
    each = "every step draws a new batch" if request.hold == 1 else f"each batch is kept for {request.hold} steps"
    ends = {"stay": "the dot stays at the ends of the domain", "bounce": "the dot bounces at the ends of the domain",
            "stop": "a run ends where it leaves the domain"}[request.ends]
    return f"{each}, no step is longer than {number_text(request.longest, 3)}, and {ends}."


def _verdict(result: StudyResult) -> Verdict:
    if result.progress < 1.0:
        return Verdict(f"Measured {len(result.rows)} of {len(result.sizes)} batch sizes.", "muted")
    best = max(result.rows, key=lambda row: row.near)
    whole = result.rows[-1]
    if best.near == 0:
        return Verdict("With these settings no batch size reaches the global minimum.", "bad")
    if best.near_low > whole.near_high:
        return Verdict(
            f"k = {best.size} ends near the global minimum in {100 * best.near:.0f} % of runs, all {whole.size} points in "
            f"{100 * whole.near:.0f} %: a part of the data frees the dot.", "good")
    missing = left_out(result.ground)
    return Verdict("With these settings a part of the data is not better than the whole." + (" " + missing if missing else ""),
                   "warning")


def code(request: StudyRequest) -> str:
    """PyTorch that repeats the study, all runs of a batch size as one tensor."""
    from visualizer.experiments.landscape.pages import batch_listing

    return batch_listing.study_code(request)
