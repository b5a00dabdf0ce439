"""Bessel's lab: the variance estimates of many small samples, with n and with n - 1."""

from __future__ import annotations

import math
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
    Table,
    Verdict,
    number_text,
)
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.experiments.distributions.bessel import (
    Floats,
    Tally,
    estimate_deviation,
    normal_density,
    rows_of,
    shown_range,
    std_factor,
    tallies,
)
from visualizer.experiments.distributions.pages.statistics_figures import BESSEL, PLAIN
from visualizer.experiments.distributions.pages.worked import equals, tex
from visualizer.experiments.distributions.requests import BesselRequest
from visualizer.experiments.distributions.state import POPULATIONS, DistributionsState
from visualizer.figures.model import Axis, Band, Bars, Figure, Layer, Line, Rule, readonly

#: Enough samples for a picture that only becomes smoother.
_ENOUGH = 20_000
#: Half of the confidence interval, in standard errors: 95 % of a normal distribution.
_SIGMAS = 1.96
_DRAW = {
    "normal": "torch.randn({rows}, n, generator=generator, dtype=torch.float64)",
    "uniform": "math.sqrt(3) * (2 * torch.rand({rows}, n, generator=generator, dtype=torch.float64) - 1)",
    "exponential": "torch.empty({rows}, n, dtype=torch.float64).exponential_(generator=generator)",
    "coin": "2 * torch.randint(2, ({rows}, n), generator=generator).double() - 1",
}


@dataclass(frozen=True, eq=False)
class Expected:
    """What theory says for these settings, in the units of the variance.

    Attributes:
        variance: sigma squared. ``plain``: (n - 1) / n of it.
        deviation: standard deviation of one estimate with n - 1; ``deviation_plain`` of one with n.
        x, plain_density, bessel_density: the exact densities, where they are known; else empty.
    """

    variance: float
    plain: float
    deviation: float
    deviation_plain: float
    x: Floats
    plain_density: Floats
    bessel_density: Floats


@dataclass(frozen=True, eq=False)
class BesselResult(PageResult):
    """The samples counted so far (``tally``, for sigma = 1), and what is expected."""

    tally: Tally
    expected: Expected

    @property
    def settings(self) -> BesselRequest:
        assert isinstance(self.request, BesselRequest)
        return self.request

    @property
    def mean(self) -> float:
        """Average of the variances with n."""
        return self.tally.mean * self.expected.variance

    @property
    def mean_bessel(self) -> float:
        """Average of the variances with n - 1."""
        return self.tally.mean_bessel * self.expected.variance

    @property
    def std_mean(self) -> float:
        """Average of the standard deviations with n."""
        return self.tally.std_mean * self.settings.sigma

    @property
    def std_bessel_mean(self) -> float:
        """Average of the standard deviations with n - 1."""
        return self.tally.std_bessel_mean * self.settings.sigma

    @property
    def standard_error(self) -> float:
        """Of the average with n - 1, from theory."""
        return self.expected.deviation / math.sqrt(self.tally.count)

    def numbers(self) -> dict[str, Any]:
        request, expected, tally = self.settings, self.expected, self.tally
        scale = expected.variance
        theory_std = std_factor(request.sample_size) * request.sigma if request.population == "normal" else None
        return {
            "bessel": {
                "samples": tally.count, "sample_size": request.sample_size, "population": request.population,
                "sigma": request.sigma, "variance": scale,
                "mean_variance": self.mean, "mean_variance_bessel": self.mean_bessel,
                "expected_variance": expected.plain, "expected_variance_bessel": scale,
                "bias": self.mean - scale, "bias_bessel": self.mean_bessel - scale,
                "standard_error": expected.deviation_plain / math.sqrt(tally.count),
                "standard_error_bessel": self.standard_error,
                "mean_std": self.std_mean, "mean_std_bessel": self.std_bessel_mean, "expected_std_bessel": theory_std,
                "deviation_bessel": tally.spread * scale if math.isfinite(tally.spread) else None,
                "expected_deviation_bessel": expected.deviation,
            },
            "histogram": {"edges": tally.edges * scale, "with_n": tally.plain, "with_n_minus_1": tally.bessel},
            "running": {"samples": tally.counts, "with_n": tally.running * scale, "with_n_minus_1": _bessel_running(self)},
        }


def _bessel_running(result: BesselResult) -> Floats:
    n = result.settings.sample_size
    return readonly(result.tally.running * (n / (n - 1)) * result.expected.variance)


def run(request: BesselRequest) -> Iterator[BesselResult | None]:
    """All samples as one batched computation, in chunks; the picture refines as it goes."""
    n, variance = request.sample_size, request.sigma**2
    deviation = estimate_deviation(request.population, n) * variance
    x = plain = bessel = readonly(np.empty(0))
    if request.population == "normal":
        low, high = shown_range("normal", n)
        # With two values the density has no end at 0: the grid is fine there and stays off it.
        grid = low + (high - low) * np.linspace(0.0, 1.0, 401)[1:] ** (2 if n < 6 else 1)
        x = readonly(grid * variance)
        plain, bessel = (readonly(normal_density(grid, n, divisor) / variance) for divisor in (n, n - 1))
    expected = Expected(variance=variance, plain=variance * (n - 1) / n, deviation=deviation,
                        deviation_plain=deviation * (n - 1) / n, x=x, plain_density=plain, bessel_density=bessel)
    yield None
    for tally in tallies(request.population, n, request.samples, request.seed):
        yield None if tally is None else BesselResult(
            request=request, tally=tally, expected=expected, progress=tally.count / request.samples,
            enough=tally.count >= _ENOUGH,
        )


def figures(result: BesselResult, state: DistributionsState) -> tuple[Figure, ...]:
    """The distribution of both estimates, and their running averages."""
    return _estimates(result), _running(result)


def _estimates(result: BesselResult) -> Figure:
    tally, expected, n = result.tally, result.expected, result.settings.sample_size
    edges = tally.edges * expected.variance
    left, right = readonly(edges[:-1]), readonly(edges[1:])
    per_sample = 1.0 / (tally.count * (edges[1] - edges[0]))
    plain, bessel = readonly(tally.plain * per_sample), readonly(tally.bessel * per_sample)
    layers: list[Layer] = [
        Bars(key="with_n", role=PLAIN, left=left, right=right, height=plain, opacity=0.45, label="with n"),
        Bars(key="with_n_minus_1", role=BESSEL, left=left, right=right, height=bessel, opacity=0.45, label="with n \u2212 1"),
    ]
    if len(expected.x):
        layers += [
            Line(key="density_n", role=PLAIN, x=expected.x, y=expected.plain_density, label="exact, n", width=2.0),
            Line(key="density_n_minus_1", role=BESSEL, x=expected.x, y=expected.bessel_density, width=2.0,
                 label="exact, n \u2212 1"),
        ]
    layers += [
        Rule(key="mean_n", role=PLAIN, position=result.mean, dash="solid", width=2.5,
             text=f"mean with n: {number_text(result.mean)}"),
        Rule(key="mean_n_minus_1", role=BESSEL, position=result.mean_bessel, dash="solid", width=2.5,
             text=f"mean with n \u2212 1: {number_text(result.mean_bessel)}"),
        Rule(key="expected_n", role=Role.THEORY, position=expected.plain, dash="dot", width=2.0),
        Rule(key="variance", role=Role.THEORY, position=expected.variance, width=2.0),
    ]
    # A density without end at 0 must not flatten the rest: the scale follows the bars.
    top = 1.3 * float(max(plain.max(), bessel.max(), 1e-12 / expected.variance))
    beyond = 1.0 - float(tally.bessel.sum()) / tally.count
    note = (f"{tally.count:,} samples of {n} values; dashed: \u03c3\u00b2 = {number_text(expected.variance)}, "
            "dotted: (n \u2212 1)/n \u03c3\u00b2")
    if beyond > 5e-4:
        note += f"; {100 * beyond:.2g} % lie further out"
    return Figure("bessel", f"Variances of samples of {n} values",
                  Axis("variance of a sample", limits=(float(edges[0]), float(edges[-1]))),
                  Axis("density", limits=(0.0, top)), tuple(layers), note=note)


def _running(result: BesselResult) -> Figure:
    expected, request = result.expected, result.settings
    counts = result.tally.counts
    plain, bessel = readonly(result.tally.running * expected.variance), _bessel_running(result)
    error, error_plain = (_SIGMAS * value / np.sqrt(counts) for value in (expected.deviation, expected.deviation_plain))
    # The first few averages jump far: the view begins where something can be told apart.
    seen = _SIGMAS / math.sqrt(min(20.0, max(2.0, request.samples / 10)))
    low = max(0.0, expected.plain - 1.15 * seen * expected.deviation_plain)
    high = expected.variance + 1.15 * seen * expected.deviation
    if high - low < 1e-9 * high:
        low, high = 0.9 * low, 1.1 * high
    layers: list[Layer] = [
        Band(key="band_n", role=PLAIN, x=counts, lower=readonly(plain - error_plain), upper=readonly(plain + error_plain),
             opacity=0.2),
        Band(key="band_n_minus_1", role=BESSEL, x=counts, lower=readonly(bessel - error), upper=readonly(bessel + error),
             opacity=0.2),
        Rule(key="expected_n", role=Role.THEORY, position=expected.plain, vertical=False, dash="dot",
             text="(n\u22121)/n \u03c3\u00b2"),
        Rule(key="variance", role=Role.THEORY, position=expected.variance, vertical=False, text="\u03c3\u00b2"),
        Line(key="with_n", role=PLAIN, x=counts, y=plain, label="with n"),
        Line(key="with_n_minus_1", role=BESSEL, x=counts, y=bessel, label="with n \u2212 1"),
    ]
    return Figure("bessel_running", "Running averages, 95 % bands", Axis("samples", log=True, limits=(1.0, float(request.samples))),
                  Axis("average variance", limits=(low, high)), tuple(layers))


def _verdict(result: BesselResult) -> Verdict:
    expected, request = result.expected, result.settings
    if result.progress < 1.0:
        return Verdict(f"{result.tally.count:,} of {request.samples:,} samples drawn.", "muted")
    off, off_bessel = (100 * (mean / expected.variance - 1) for mean in (result.mean, result.mean_bessel))
    # Bias and noise have to be told apart, or no verdict is honest.
    error = 100 * _SIGMAS * result.standard_error / expected.variance
    if expected.deviation > 0 and error > 100 / (2 * request.sample_size):
        return Verdict(
            f"Too few samples to tell: chance moves the averages by \u00b1{error:.2g} %, the correction by "
            f"{100 / request.sample_size:.2g} %. Draw more samples.", "warning")
    with_bessel = "right to within chance" if abs(off_bessel) <= error else _percent(off_bessel)
    return Verdict(
        f"With n the variance is on average {_percent(off)}, with n \u2212 1 {with_bessel} (\u00b1{error:.2g} %).", "good")


def _percent(off: float) -> str:
    if abs(off) < 0.005:
        return "right"
    return f"{number_text(abs(off), 2)} % too {'small' if off < 0 else 'large'}"


def explain(result: BesselResult, state: DistributionsState) -> Explanation:
    """The two averages, why n - 1, and what stays biased."""
    request, expected = result.settings, result.expected
    n, m = request.sample_size, result.tally.count
    title = next(option.title for option in POPULATIONS if option.name == request.population).lower()
    variance = tex(expected.variance)
    blocks: list[Block] = [
        _verdict(result),
        Heading("What is measured"),
        Paragraph(
            f"{m:,} samples of n = {n} values each are drawn from a {title} population whose variance is known: "
            f"\u03c3\u00b2 = {number_text(expected.variance)}. Each sample gives two estimates of it:"
        ),
        Formula(r"\hat\sigma^2 = \frac{1}{n} \sum (x_i - \bar x)^2 \qquad s^2 = \frac{1}{n - 1} \sum (x_i - \bar x)^2",
                "the variance with n, and with n minus 1"),
        Table(("average of", "measured", "expected"), (
            ("variance with n", number_text(result.mean), number_text(expected.plain)),
            ("variance with n \u2212 1", number_text(result.mean_bessel), number_text(expected.variance)),
        )),
        Numbers((
            Number("bias with n", number_text(result.mean - expected.variance), role=PLAIN,
                   help="The measured average minus \u03c3\u00b2."),
            Number("bias with n \u2212 1", number_text(result.mean_bessel - expected.variance), role=BESSEL,
                   help="The measured average minus \u03c3\u00b2: what is left of it is chance."),
            Number("standard error", number_text(result.standard_error),
                   help="How far chance alone moves the average with n \u2212 1; 95 % of runs end within 1.96 of these."),
        )),
        Heading("Why n \u2212 1"),
        Paragraph(
            "The mean is fitted to the very values whose distance from it is measured: of all points it is the one with the "
            "smallest sum of squared distances. The true mean \u03bc is another point, so from there the sum is larger, by "
            "exactly n times the squared error of the mean:"
        ),
        Formula(r"\sum (x_i - \bar x)^2 = \sum (x_i - \mu)^2 - n (\bar x - \mu)^2",
                "the sum around the mean is the sum around mu minus n times the squared error of the mean"),
        Paragraph("On average each of the n terms is \u03c3\u00b2, and the squared error of the mean is \u03c3\u00b2 / n:"),
        Formula(r"E \sum (x_i - \bar x)^2 = n \sigma^2 - n \frac{\sigma^2}{n} = (n - 1) \sigma^2",
                "the expected sum is n minus 1 times sigma squared"),
        Formula(
            rf"= {n} \cdot {variance} - {n} \cdot \frac{{{variance}}}{{{n}}} = {n - 1} \cdot {variance} "
            rf"{equals((n - 1) * expected.variance)}",
            f"here {number_text((n - 1) * expected.variance)}"),
        Formula(rf"\frac{{{tex((n - 1) * expected.variance)}}}{{{n}}} {equals(expected.plain)} \qquad "
                rf"\frac{{{tex((n - 1) * expected.variance)}}}{{{n - 1}}} {equals(expected.variance)}",
                "divided by n too small, divided by n minus 1 right"),
        Heading("How far one estimate is off"),
        *_scatter(result),
        Heading("The standard deviation is still biased"),
        *_root(result),
    ]
    return Explanation(tuple(blocks))


def _scatter(result: BesselResult) -> list[Block]:
    request, expected = result.settings, result.expected
    kurtosis = {"normal": "0", "uniform": "-1.2", "exponential": "6", "coin": "-2"}[request.population]
    words = {
        "normal": "For a normal population the sum of squares divided by \u03c3\u00b2 is chi-squared with n \u2212 1 degrees of "
                  "freedom: the lines over the bars.",
        "coin": "A coin has few different samples, so few different variances: the bars stand alone.",
    }
    blocks: list[Block] = [
        Formula(rf"\mathrm{{std}}(s^2) = \sigma^2 \sqrt{{\frac{{2}}{{n - 1}} + \frac{{\kappa}}{{n}}}} "
                rf"{equals(expected.deviation, 4)} \qquad \kappa = {kurtosis}",
                f"the standard deviation of an estimate is {number_text(expected.deviation)}"),
        Paragraph(
            "\u03ba is the population's excess kurtosis. The right average does not make a single estimate right"
            + (f": the {result.tally.count:,} estimates measured here have the standard deviation "
               f"{number_text(result.tally.spread * expected.variance)}." if math.isfinite(result.tally.spread) else ".")
        ),
    ]
    if request.population in words:
        blocks.append(Paragraph(words[request.population]))
    return blocks


def _root(result: BesselResult) -> list[Block]:
    request = result.settings
    n, sigma = request.sample_size, request.sigma
    rows = [
        Number("true \u03c3", number_text(sigma), role=Role.THEORY),
        Number("average std with n", number_text(result.std_mean), role=PLAIN),
        Number("average std with n \u2212 1", number_text(result.std_bessel_mean), role=BESSEL),
    ]
    blocks: list[Block] = [
        Paragraph(
            "s\u00b2 is right on average, its root s is not: a root bends, so the average of roots is below the root of the "
            "average. torch.std(correction=1) is still too small on average, only less so than with n."
        ),
        Numbers(tuple(rows)),
    ]
    if request.population == "normal":
        factor = std_factor(n)
        blocks.append(Formula(
            rf"E\, s = \sqrt{{\frac{{2}}{{n - 1}}}} \, \frac{{\Gamma(n / 2)}}{{\Gamma((n - 1) / 2)}} \, \sigma = "
            rf"{number_text(factor)} \cdot {tex(sigma)} {equals(factor * sigma, 5)}",
            f"for a normal population it is {number_text(factor * sigma)} on average"))
    return blocks


def code(request: BesselRequest) -> str:
    """PyTorch that draws the same samples, in the same chunks, and averages both estimates."""
    n, rows = request.sample_size, rows_of(request.sample_size)
    draw = _DRAW[request.population]
    lines = ["import math", "", "import torch"] if "math." in draw else ["import torch"]
    lines += ["", f"n, sigma, samples = {n}, {request.sigma!r}, {request.samples}",
              f"generator = torch.Generator().manual_seed({request.seed})"]
    if request.samples <= rows:
        lines += [f"x = sigma * ({draw.format(rows='samples')})  # one sample in each row",
                  "with_n, with_n_minus_1 = x.var(dim=1, correction=0), x.var(dim=1, correction=1)"]
    else:
        lines += [
            "with_n, with_n_minus_1 = torch.empty(samples, dtype=torch.float64), torch.empty(samples, dtype=torch.float64)",
            f"for rows in torch.arange(samples).split({rows}):  # in chunks: memory stays small",
            f"    x = sigma * ({draw.format(rows='len(rows)')})  # one sample in each row",
            "    with_n[rows], with_n_minus_1[rows] = x.var(dim=1, correction=0), x.var(dim=1, correction=1)",
        ]
    lines += [
        'print(f"sigma^2 = {sigma**2:.6g}, (n - 1) / n sigma^2 = {(n - 1) / n * sigma**2:.6g}")',
        'print(f"average variance with n: {with_n.mean().item():.10g}, with n - 1: {with_n_minus_1.mean().item():.10g}")',
        'print(f"average std with n - 1: {with_n_minus_1.sqrt().mean().item():.10g}")',
        "",
    ]
    return "\n".join(lines)
