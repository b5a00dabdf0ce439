"""Initialisers: a sample by torch.nn.init, and the distribution that theory says it has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualizer.base.explanation import Explanation, number_text
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.components.laws import Law, check, law_of, numbers_of
from visualizer.experiments.distributions import listing
from visualizer.experiments.distributions.chance import MOMENTS, Straying, straying
from visualizer.experiments.distributions.fit import Fit
from visualizer.experiments.distributions.pages import initializer_words
from visualizer.experiments.distributions.requests import InitializerRequest
from visualizer.experiments.distributions.sample import Sample, samples
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.figures.model import Axis, Bars, Figure, Heat, Layer, Line, Markers, Rule, Segments, readonly

Floats = NDArray[np.float64]

_POINTS = 500


@dataclass(frozen=True, eq=False)
class InitializerResult(PageResult):
    """A sample so far, and its theory.

    Attributes:
        law: what theory says about one element.
        sample: what was drawn, shape and moments.
        by_chance: how far the moments of so many values stray from theory; None where nothing is random, or values depend
            on each other.
        fit: the test of goodness of fit; None where it means nothing.
        grid: positions at which ``density``, ``cdf`` and ``parent`` (the density before truncation) are given.
        expected: the quantiles of theory that belong to the sample's.
        pinned: sample A, whole, if one was kept; ``sample`` is B then.
        first: what is drawn of the first values alone, by name: shared by all results of a run that have the same.
        drawn: the figures that were made of it, by the heights of the bars: the very same again cost the window nothing,
            and it asks for them at every move of a slider.
    """

    request: InitializerRequest
    law: Law
    sample: Sample
    by_chance: Straying | None
    fit: Fit | None
    grid: Floats
    density: Floats
    cdf: Floats
    parent: Floats | None
    expected: Floats
    pinned: Sample | None
    first: dict[str, Figure]
    drawn: dict[str, tuple[Figure, ...]] = field(default_factory=dict, init=False, repr=False)

    def numbers(self) -> dict[str, Any]:
        request = self.request
        summary = self.sample.summary
        found: dict[str, Any] = numbers_of(request.chosen.name, request.chosen.arguments, request.shape)
        found["sample"] = {
            "count": summary.count, "mean": summary.mean, "std": summary.std, "variance": summary.variance,
            "variance_bessel": summary.variance_bessel, "std_bessel": math.sqrt(summary.variance_bessel),
            "skewness": summary.skewness, "kurtosis": summary.kurtosis,
            "minimum": summary.minimum, "maximum": summary.maximum, "nonfinite": summary.nonfinite,
        }
        found["histogram"] = {
            "edges": summary.edges, "counts": summary.counts, "below": summary.below, "above": summary.above,
        }
        if self.by_chance is not None:
            found["by_chance"] = {
                name: [getattr(self.law, name) - below, getattr(self.law, name) + above]
                for name, (below, above) in ((name, getattr(self.by_chance, name)) for name in MOMENTS)
            }
        if self.fit is not None:
            found["fit"] = {"test": self.fit.name, "statistic": self.fit.statistic, "p_value": self.fit.p_value}
        if self.sample.singular is not None:
            found["singular_values"] = self.sample.singular
        if self.pinned is not None:
            other = self.pinned.summary
            found["pinned"] = {"count": other.count, "mean": other.mean, "std": other.std, "variance": other.variance}
        return found


def run(request: InitializerRequest) -> Iterator[InitializerResult | None]:
    """The sample, refined chunk by chunk."""
    law = _checked_law(request)
    yield None
    pinned: Sample | None = None
    other = request.pinned
    if other is not None:
        pinned = _kept_samples.get(other)
        if pinned is None:
            for part in samples(other, _checked_law(other)):
                pinned = part
                yield None
            assert pinned is not None
            _kept_samples.clear()  # one is pinned at a time
            _kept_samples[other] = pinned
    grid: Floats | None = None
    density = cdf = expected = np.empty(0)
    parent: Floats | None = None
    kept: Floats | None = None
    first: dict[str, Figure] = {}
    for sample in samples(request, law):
        if sample is None:
            yield None
            continue
        if grid is None:
            edges = sample.summary.edges
            reach = edges[-1] - edges[0]
            low, high = float(edges[0] - 0.04 * reach), float(edges[-1] + 0.04 * reach)
            grid = _grid(law, low, high)
            density, cdf = readonly(law.density(grid)), readonly(law.cdf(grid))
            if law.parent is not None:
                parent = readonly(law.parent.density(grid))
        if expected.size != sample.shares.size:
            expected = readonly(law.quantile(sample.shares))
        if kept is not sample.kept:
            kept, first = sample.kept, {}
        by_chance = yield from straying(request.chosen.entry, law, sample.summary.count)
        yield InitializerResult(
            request=request, law=law, sample=sample, by_chance=by_chance, fit=sample.fit,
            grid=readonly(grid), density=density, cdf=cdf, parent=parent, expected=expected, pinned=pinned,
            first=first, progress=sample.progress,
        )


#: The sample that is pinned, so that it is not drawn again whenever a slider of the other one moves.
_kept_samples: dict[InitializerRequest, Sample] = {}


def _checked_law(request: InitializerRequest) -> Law:
    check(request.chosen.name, request.chosen.arguments, request.shape)
    return law_of(request.chosen.name, request.chosen.arguments, request.shape)


def _grid(law: Law, low: float, high: float) -> Floats:
    """Positions for the theory's lines, with both sides of every jump of the density."""
    ends = [end for end in law.support if math.isfinite(end) and low <= end <= high]
    jumps = ends + [position for position, _ in law.atoms]
    beside = [side for jump in jumps for side in (np.nextafter(jump, -np.inf), jump, np.nextafter(jump, np.inf))]
    return np.unique(np.concatenate((np.linspace(low, high, _POINTS), beside)))


def figures(result: InitializerResult, state: DistributionsState) -> tuple[Figure, ...]:
    """Histogram, cumulative distribution, quantiles, the first tensor and its singular values."""
    heights = state.heights
    if heights not in result.drawn:
        for name, draw in (("quantiles", _quantiles), ("matrix", _matrix), ("singular", _singular)):
            if name not in result.first:
                result.first[name] = draw(result)
        result.drawn[heights] = (_histogram(result, heights), _cumulative(result), *result.first.values())
    return result.drawn[heights]


def _title_of(request: InitializerRequest) -> str:
    return f"{request.chosen.entry.title}, {_size(request.shape)}"


def _pinned_request(result: InitializerResult) -> InitializerRequest:
    pinned = result.request.pinned
    assert pinned is not None
    return pinned


def _outline(sample: Sample, label: str, heights: str) -> Line:
    """Another sample's histogram as a line, so that it does not hide the bars."""
    summary = sample.summary
    tops = summary.counts / (summary.count * np.diff(summary.edges)) if heights == "density" else summary.counts
    return Line(key="pinned", role=Role.C4, label=label, x=readonly(np.concatenate((summary.edges[:1], summary.edges))),
                y=readonly(np.concatenate(([0.0], tops, [0.0]))), width=2.0, steps=True)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} values" if len(shape) == 1 else " \u00d7 ".join(map(str, shape))


def _histogram(result: InitializerResult, heights: str) -> Figure:
    summary, law = result.sample.summary, result.law
    widths = np.diff(summary.edges)
    per_value = 1.0 / (summary.count * widths) if heights == "density" else np.ones_like(widths)
    # What turns a density into the expected height of a bar.
    factor = 1.0 if heights == "density" else summary.count * float(widths[0])
    layers: list[Layer] = [
        Bars(key="sample", role=Role.DATA, label="sample" if result.pinned is None else "B",
             left=readonly(summary.edges[:-1]), right=readonly(summary.edges[1:]), height=readonly(summary.counts * per_value)),
    ]
    if result.pinned is not None:
        layers.append(_outline(result.pinned, f"A: {_title_of(_pinned_request(result))}", heights))
    if result.parent is not None:
        layers.append(Line(key="parent", role=Role.MUTED, label="before truncation", x=result.grid,
                           y=readonly(result.parent * factor), width=1.5, dash="dash"))
    if law.continuous_weight > 0.0:
        layers.append(Line(key="theory", role=Role.THEORY, label="theory", x=result.grid,
                           y=readonly(result.density * factor), width=2.5))
    if law.atoms:
        positions = np.array([position for position, _ in law.atoms])
        weights = np.array([weight for _, weight in law.atoms])
        # Such a bar holds its share of the continuous part, too.
        tops = law.density(positions) * factor + (weights * summary.count if heights == "count" else weights / widths[0])
        layers.append(Segments(key="atoms", role=Role.THEORY, label="theory: exact values", x0=readonly(positions),
                               y0=readonly(np.zeros_like(tops)), x1=readonly(positions), y1=readonly(tops), width=3.0))
        layers.append(Markers(key="tops", role=Role.THEORY, x=readonly(positions), y=readonly(tops), size=9.0,
                              texts=tuple(f"{100 * weight:.3g} % are {number_text(at)}" for at, weight in law.atoms)))
    layers.append(Rule(key="mean", role=Role.GOOD, position=law.mean, text="mean", dash="dash"))
    for key, at, words in (("low", -1.0, "\u2212\u03c3"), ("high", 1.0, "+\u03c3")):
        if law.std > 0.0 and not law.atoms:
            layers.append(Rule(key=key, role=Role.MUTED, position=law.mean + at * law.std, text=words, dash="dot"))
    note = f"{summary.count:,} values: mean {number_text(summary.mean)}, standard deviation {number_text(summary.std)}."
    if outside := summary.below + summary.above:
        note += f" {outside:,} {'lies' if outside == 1 else 'lie'} outside the bars."
    axis = Axis("density") if heights == "density" else Axis("values in each bar")
    return Figure("sample", _title_of(result.request), Axis("value w"), axis, tuple(layers), note=note)


def _cumulative(result: InitializerResult) -> Figure:
    summary, kept = result.sample.summary, result.sample.kept
    if result.sample.whole and kept.size:
        share = np.arange(1, kept.size + 1) / kept.size
        x, y, steps = readonly(np.concatenate((kept[:1], kept))), readonly(np.concatenate(([0.0], share))), True
    else:
        x, steps = readonly(summary.edges), False
        y = readonly((summary.below + np.concatenate(([0], np.cumsum(summary.counts)))) / summary.count)
    layers: tuple[Layer, ...] = (
        Line(key="sample", role=Role.DATA, label="sample", x=x, y=y, width=2.0, steps=steps),
        Line(key="theory", role=Role.THEORY, label="theory", x=result.grid, y=result.cdf, width=2.0, dash="dash"),
    )
    return Figure("cumulative", "Cumulative", Axis("value w"), Axis("share up to w", limits=(-0.03, 1.03)), layers, legend=False)


def _quantiles(result: InitializerResult) -> Figure:
    x_axis, y_axis = Axis("theory"), Axis("sample")
    title = "Quantiles"
    if not result.law.continuous_weight > 0.0:
        return Figure("quantiles", title, x_axis, y_axis, (), note="Every value is one of a few exact ones.")
    if not result.expected.size:
        return Figure("quantiles", title, x_axis, y_axis, (), note="No value is finite.")
    low, high = float(result.expected[0]), float(result.expected[-1])
    layers: tuple[Layer, ...] = (
        Line(key="same", role=Role.THEORY, label="as theory says", x=readonly([low, high]), y=readonly([low, high]), width=1.5,
             dash="dash"),
        Markers(key="values", role=Role.DATA, label="values", x=result.expected, y=result.sample.quantiles, size=5.0),
    )
    note = "" if result.sample.whole else f"The first {result.sample.kept.size:,} values."
    return Figure("quantiles", title, x_axis, y_axis, layers, note=note, legend=False)


def _matrix(result: InitializerResult) -> Figure:
    matrix = result.sample.matrix
    rows, columns = result.sample.matrix_shape
    cut = matrix.shape != (rows, columns)
    note = f"The upper left {matrix.shape[0]} \u00d7 {matrix.shape[1]} of it." if cut else ""
    largest = float(np.abs(matrix).max()) or 1.0
    # Row 0 on top, as a matrix is written.
    heat = Heat(key="matrix", role=Role.DATA, values=readonly(matrix[::-1]), x_range=(0.0, float(matrix.shape[1])),
                y_range=(0.0, float(matrix.shape[0])), palette="diverging", limits=(-largest, largest), value_label="w")
    across, down = _ticks(matrix.shape[1]), _ticks(matrix.shape[0])
    turned = tuple((matrix.shape[0] - at, text) for at, text in down)
    return Figure("matrix", "The first tensor", Axis("input", ticks=across), Axis("output", ticks=turned), (heat,), note=note)


def _ticks(count: int) -> tuple[tuple[float, str], ...]:
    """The indices of some rows or columns, in their middles."""
    step = max(1, 10 ** math.floor(math.log10(count)) // (2 if count < 2 * 10 ** math.floor(math.log10(count)) else 1))
    return tuple((index + 0.5, str(index)) for index in range(0, count, step if count > 10 else 1))


def _singular(result: InitializerResult) -> Figure:
    x_axis, y_axis = Axis("number", integer=True), Axis("singular value")
    values = result.sample.singular
    if values is None:
        return Figure("singular", "Singular values", x_axis, y_axis, (), note=result.sample.no_singular)
    layers: list[Layer] = [
        Markers(key="values", role=Role.DATA, label="of the first tensor", x=readonly(np.arange(1, values.size + 1)), y=values,
                size=7.0),
    ]
    law, (rows, columns) = result.law, result.sample.matrix_shape
    if result.request.chosen.entry.elementwise and law.std > 0.0 and law.mean == 0.0 and min(rows, columns) > 1:
        for key, sign in (("lowest", -1.0), ("highest", 1.0)):
            edge = law.std * abs(math.sqrt(rows) + sign * math.sqrt(columns))
            layers.append(Rule(key=key, role=Role.THEORY, position=edge, vertical=False, dash="dot",
                               text="Mar\u010denko\u2013Pastur" if sign > 0 else ""))
    # From 0, or the picture of an orthogonal matrix would be one of rounding errors.
    largest = max(float(values[0]), law.std * (math.sqrt(rows) + math.sqrt(columns)) if len(layers) > 1 else 0.0)
    y_axis = Axis("singular value", limits=(0.0, 1.08 * largest) if largest > 0.0 else None)
    return Figure("singular", "Singular values", x_axis, y_axis, tuple(layers))


def explain(result: InitializerResult, state: DistributionsState) -> Explanation:
    """Where bound and spread come from, the moments beside their theory, and what the test says."""
    return initializer_words.explanation(result)


def code(request: InitializerRequest) -> str:
    """PyTorch that draws the first tensor again."""
    return "\n".join((
        *listing.drawn(request),
        "v = w.double()" if request.device != "mps" else "v = w.cpu().double()",
        'print(f"count = {v.numel()}, mean = {v.mean():.6g}, std = {v.std(correction=0):.6g}")',
        'print(f"smallest = {v.min():.6g}, largest = {v.max():.6g}")',
        "",
    ))
