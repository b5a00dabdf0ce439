"""Initialisers: a sample by torch.nn.init, and the distribution that theory says it has."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualizer.base.explanation import (
    Block,
    Explanation,
    Formula,
    Heading,
    Paragraph,
    Table,
    Verdict,
    number_text,
)
from visualizer.base.roles import Role
from visualizer.components.laws import Law, cautions, check, derivation, law_of, numbers_of
from visualizer.experiments.distributions.fit import Fit, Straying, straying
from visualizer.experiments.distributions.requests import InitializerRequest
from visualizer.experiments.distributions.results import DistributionsResult
from visualizer.experiments.distributions.sample import Sample, samples
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.figures.model import Axis, Bars, Figure, Heat, Layer, Line, Markers, Rule, Segments, readonly

Floats = NDArray[np.float64]

_P_SMALL = 0.01
_POINTS = 500


@dataclass(frozen=True, eq=False)
class InitializerResult(DistributionsResult):
    """A sample so far, and its theory.

    Attributes:
        law: what theory says about one element.
        sample: what was drawn, shape and moments.
        by_chance: how far the moments of so many values stray from theory.
        fit: the test of goodness of fit; None where it means nothing.
        grid: positions at which ``density``, ``cdf`` and ``parent`` (the density before truncation) are given.
        expected: the quantiles of theory that belong to the sample's.
        pinned: sample A, whole, if one was kept; ``sample`` is B then.
        first: what is drawn of the first values alone, by name: shared by all results of a run that have the same.
        drawn: the figures that were made of it, by the heights of the bars: the very same again cost the window nothing,
            and it asks for them at every move of a slider.
    """

    law: Law
    sample: Sample
    by_chance: Straying
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
        request = _request(self)
        summary = self.sample.summary
        found: dict[str, Any] = numbers_of(request.chosen.name, request.chosen.arguments, request.shape)
        found["sample"] = {
            "count": summary.count, "mean": summary.mean, "std": summary.std, "variance": summary.variance,
            "variance_bessel": summary.variance_bessel, "std_bessel": math.sqrt(summary.variance_bessel),
            "skewness": summary.skewness, "kurtosis": summary.kurtosis,
            "minimum": summary.minimum, "maximum": summary.maximum, "nonfinite": summary.nonfinite,
        }
        found["histogram"] = {"edges": summary.edges, "counts": summary.counts}
        if self.fit is not None:
            found["fit"] = {"test": self.fit.name, "statistic": self.fit.statistic, "p_value": self.fit.p_value}
        if self.sample.singular is not None:
            found["singular_values"] = self.sample.singular
        if self.pinned is not None:
            other = self.pinned.summary
            found["pinned"] = {"count": other.count, "mean": other.mean, "std": other.std, "variance": other.variance}
        return found


def _request(result: InitializerResult) -> InitializerRequest:
    assert isinstance(result.request, InitializerRequest)
    return result.request


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
        yield InitializerResult(
            request=request, law=law, sample=sample, by_chance=straying(law, sample.summary.count), fit=sample.fit,
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
    pinned = _request(result).pinned
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
    axis = Axis("density") if heights == "density" else Axis("values in each bar")
    return Figure("sample", _title_of(_request(result)), Axis("value w"), axis, tuple(layers), note=note)


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
    if _request(result).chosen.entry.elementwise and law.std > 0.0 and law.mean == 0.0 and min(rows, columns) > 1:
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
    request, law, summary = _request(result), result.law, result.sample.summary
    blocks: list[Block] = [_verdict(result), Heading(request.chosen.entry.title), Paragraph(request.chosen.entry.help),
                           Formula(request.chosen.entry.formula, "the distribution of one element")]
    lines = derivation(request.chosen.name, request.chosen.arguments, request.shape)
    if lines:
        blocks.append(Heading("With these numbers"))
        blocks += [Formula(line) for line in lines]
    blocks += [Heading("Sample against theory"), _moments(result), Paragraph(
        f"By chance alone, 95 % of samples of {summary.count:,} independent values have a mean within \u00b1 "
        f"{number_text(result.by_chance.mean)} of theory and a standard deviation within \u00b1 "
        f"{number_text(result.by_chance.std)}."
        if law.std > 0.0 else "Nothing here is random: every sample is the same."
    )]
    blocks += [Paragraph(sentence) for sentence in (
        *cautions(request.chosen.name, request.chosen.arguments, request.shape), result.sample.note,
    ) if sentence]
    if summary.nonfinite:
        blocks.append(Paragraph(f"{summary.nonfinite:,} values are infinite or not a number; the moments are of the others."))
    if result.fit is not None:
        blocks += [Heading("Could it be from this distribution?"), _fit_words(result.fit)]
    if law.parent is not None:
        blocks += [Heading("What truncation does"), *_truncation(result)]
    return Explanation(tuple(blocks))


def _verdict(result: InitializerResult) -> Verdict:
    law, fit, request = result.law, result.fit, _request(result)
    count = f"{result.sample.summary.count:,} values"
    if not law.std > 0.0:
        return Verdict(f"All {count} are {number_text(law.mean)}.", "warning")
    if fit is None:
        return Verdict(f"{count} with standard deviation {number_text(result.sample.summary.std)}; theory says "
                       f"{number_text(law.std)}.", "muted")
    if fit.p_value < _P_SMALL:
        why = f" {request.dtype} has few different values, and the test sees it." if request.dtype != "float64" else ""
        return Verdict(f"The sample differs from theory (p = {number_text(fit.p_value, 2)}).{why}", "warning")
    return Verdict(f"{count} agree with theory (p = {number_text(fit.p_value, 2)}).", "good")


def _moments(result: InitializerResult) -> Table:
    law, summary, chance = result.law, result.sample.summary, result.by_chance

    def within(half: float) -> str:
        return f"\u00b1 {number_text(half, 2)}" if half else ""

    rows = [
        ("mean", summary.mean, law.mean, within(chance.mean), "mean"),
        ("std", summary.std, law.std, within(chance.std), "std"),
        ("variance", summary.variance, law.variance, within(chance.variance), "variance"),
        ("skewness", summary.skewness, law.skewness, "", "skewness"),
        ("kurtosis \u2212 3", summary.kurtosis, law.kurtosis, "", "kurtosis"),
        ("smallest", summary.minimum, law.support[0], "", "minimum"),
        ("largest", summary.maximum, law.support[1], "", "maximum"),
    ]
    if result.pinned is None:
        return Table(("", "sample", "theory", "95 %"), tuple(
            (name, number_text(seen), number_text(wanted), half) for name, seen, wanted, half, _ in rows
        ))
    other = result.pinned.summary
    return Table(("", "A", "B", "theory of B", "95 %"), tuple(
        (name, number_text(getattr(other, field)), number_text(seen), number_text(wanted), half)
        for name, seen, wanted, half, field in rows
    ))


def _fit_words(fit: Fit) -> Paragraph:
    what = ("the largest distance between the two curves of the cumulative picture"
            if fit.name.startswith("Kol") else "the squared differences between found and expected counts, summed over the bars")
    return Paragraph(
        f"The {fit.name} test looks at {what}: here {number_text(fit.statistic)}. If the sample does come from this "
        f"distribution, a share of p = {number_text(fit.p_value, 3)} of all samples differs at least as much. A p below "
        f"{_P_SMALL} would be a reason to doubt; a large p proves nothing, it only gives no reason."
    )


def _truncation(result: InitializerResult) -> list[Block]:
    law, request = result.law, _request(result)
    assert law.parent is not None
    arguments = request.chosen.arguments
    used = 1.0 - law.cut
    how = (
        "Robert's exponential proposals: candidates that already follow the tail are accepted or drawn again."
        if request.method == "tail" else
        f"torch {_torch_version()} draws from the normal and draws again what falls outside, because more than 30 % of the "
        "normal is inside." if used > 0.3 else
        f"torch {_torch_version()} draws uniformly from [a, b] and accepts with a probability proportional to the density, "
        "because at most 30 % of the normal is inside."
    )
    return [
        Formula(rf"\sigma_{{before}} = {number_text(law.parent.std)} \qquad \sigma_{{after}} = {number_text(law.std)}",
                "standard deviation before and after truncation"),
        Paragraph(f"{100 * law.cut:.4g} % of the normal distribution lies outside [{number_text(arguments['a'])}, "
                  f"{number_text(arguments['b'])}] and is cut off. {how}"),
    ]


def _torch_version() -> str:
    import torch

    return torch.__version__.split("+")[0]


def code(request: InitializerRequest) -> str:
    """PyTorch that draws the first tensor again."""
    given, shape = request.chosen.arguments, ", ".join(map(str, request.shape))
    head = ["import torch"]
    fill: tuple[str, ...] = request.chosen.entry.code("w", given)
    if request.method == "tail":
        head += ["", "from visualizer.experiments.distributions.tail import tail_normal_  # torch has no such sampler"]
        fill = ("tail_normal_(w, " + "".join(f"{name}={given[name]!r}, " for name in request.chosen.entry.arguments)
                + "generator=generator)",)
    elsewhere = request.device != "cpu"
    return "\n".join((
        *head,
        "",
        f"generator = torch.Generator({repr(request.device) if elsewhere else ''}).manual_seed({request.seed})",
        f"w = torch.empty({shape}, dtype=torch.{request.dtype}" + (f", device={request.device!r})" if elsewhere else ")"),
        *fill,
        "v = w.double()" if request.device != "mps" else "v = w.cpu().double()",
        'print(f"count = {v.numel()}, mean = {v.mean():.6g}, std = {v.std(correction=0):.6g}")',
        'print(f"smallest = {v.min():.6g}, largest = {v.max():.6g}")',
        "",
    ))
