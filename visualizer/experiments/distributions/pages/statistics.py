"""Statistics: mean, variance and standard deviation of the user's numbers, or of a sample, worked line by line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from visualizer.base.errors import UserError
from visualizer.base.explanation import Block, Explanation, Formula, Heading, Number, Numbers, Paragraph, Table, Verdict
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.experiments.distributions import numbers_text
from visualizer.experiments.distributions.pages import statistics_figures, statistics_sample
from visualizer.experiments.distributions.pages.statistics_figures import BESSEL, PLAIN, Drawing
from visualizer.experiments.distributions.pages.worked import equals, exact, in_brackets, list_of, plain, sum_of, tex
from visualizer.experiments.distributions.requests import StatisticsRequest
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.experiments.distributions.statistics import Statistics, statistics_in_parts
from visualizer.figures.model import Figure

#: A longer vector is cut in the listing: nobody reads it, and the panel has to show it.
_LISTED = 1000
#: Terms that are turned into text: more never fit on a line.
_TERMS = 24
#: Above this size squares overflow, below its reciprocal they vanish: the listing scales, too.
_SQUARABLE = 1e150


@dataclass(frozen=True, eq=False)
class StatisticsResult(PageResult):
    """The numbers, what was found, and what is drawn of it."""

    found: Statistics
    notes: tuple[str, ...]
    drawing: Drawing

    def numbers(self) -> dict[str, Any]:
        return {"statistics": self.found.numbers(), "values": self.found.values}


def run(request: StatisticsRequest) -> Iterator[StatisticsResult | None]:
    """Read the text in parts, or draw; then everything at once: even 100,000 numbers take a few milliseconds.

    Raises:
        UserError: the text holds no numbers, or something that is none; or the sample cannot be drawn.
    """
    numbers = found = None
    _last_read.clear()
    try:
        for part in _read(request):
            numbers = part
            yield None
    except UserError as error:
        _last_read[request] = error
        raise
    assert numbers is not None
    _last_read[request] = numbers
    for pass_done in statistics_in_parts(numbers.values):
        found = pass_done
        yield None
    assert found is not None
    name = "your numbers" if request.drawn is None else "the sample"
    drawing = statistics_figures.drawing_of(found, name)
    yield StatisticsResult(request=request, found=found, notes=numbers.notes, drawing=drawing)


#: The numbers of the last run, or why there are none: the window asks for their code at once, and must not wait while they
#: are read again.
_last_read: dict[StatisticsRequest, numbers_text.Numbers | UserError] = {}


def _read(request: StatisticsRequest) -> Iterator[numbers_text.Numbers | None]:
    if request.drawn is None:
        yield from numbers_text.parse_in_parts(request.text)
    else:
        yield statistics_sample.draw(request.drawn)


def figures(result: StatisticsResult, state: DistributionsState) -> tuple[Figure, ...]:
    """The numbers on a line with their mean and spread, and each number's deviation with its square."""
    note = " ".join(result.notes)
    return statistics_figures.values_figure(result.drawing, note), statistics_figures.deviations_figure(result.drawing)


def explain(result: StatisticsResult, state: DistributionsState) -> Explanation:
    """Every line of the computation, in general and with these numbers."""
    found = result.found
    n = found.count
    blocks: list[Block] = [_verdict(found), *(Paragraph(note) for note in result.notes), *_problems(found)]
    assert isinstance(result.request, StatisticsRequest)
    drawn = result.request.drawn
    if drawn is not None:
        blocks += statistics_sample.explained(drawn)
    blocks += [Heading("Mean"), *_mean(found), Heading("Squared deviations"), *_squares(found)]
    blocks += [Heading("Divided by n"), *_by(found, PLAIN), Heading("Divided by n \u2212 1"), *_by(found, BESSEL)]
    blocks += [
        Heading("Side by side"),
        Table(("", "with n", "with n \u2212 1"), (
            ("divisor", str(n), str(n - 1)),
            ("variance", plain(found.variance), plain(found.variance_bessel)),
            ("standard deviation", plain(found.std), plain(found.std_bessel)),
            ("in torch", "correction=0", "correction=1"),
        )),
        Numbers((
            Number("count n", str(n)),
            Number("smallest", plain(found.minimum)),
            Number("median", plain(found.median), help="The middle one of the sorted numbers, or halfway between the two."),
            Number("mean", plain(found.mean), role=Role.THEORY),
            Number("largest", plain(found.maximum)),
        )),
        Paragraph(
            "Divide by n when these numbers are all there is. Divide by n \u2212 1 (Bessel's correction) when they are a sample "
            "and the variance of where they come from is wanted: the mean was computed from the same numbers, so they "
            "lie closer to it than to the true mean. torch.std and torch.var divide by n \u2212 1 unless told otherwise."
        ),
    ]
    if drawn is not None:
        listed = tuple(found.values[:_LISTED].tolist())
        blocks += [Heading("The numbers"), Paragraph(statistics_sample.written(drawn, listed, n))]
    return Explanation(tuple(blocks))


def _verdict(found: Statistics) -> Verdict:
    count = "One number" if found.count == 1 else f"{found.count:,} numbers"
    text = f"{count}, mean {plain(found.mean)}: standard deviation {plain(found.std)} with n"
    if found.count == 1:
        return Verdict(f"{text}; with n \u2212 1 it is not defined.", "warning")
    return Verdict(f"{text}, {plain(found.std_bessel)} with n \u2212 1.", "good")


def _problems(found: Statistics) -> list[Block]:
    """A sentence for what float64 cannot hold."""
    if found.out_of_range == "large":
        return [Paragraph(
            "Some results are larger than 1.8e308, the largest float64, and shown as too large. What can be held was "
            "computed from the numbers divided by a power of two; torch would find infinity here."
        )]
    if found.out_of_range == "small":
        return [Paragraph(
            "The variance is smaller than 2.2e\u2212308, the smallest float64 with all its digits. The standard deviation is "
            "right all the same: it was computed from the numbers multiplied by a power of two."
        )]
    return []


def _texts(values: Any) -> list[str]:
    """The first terms and the last, as LaTeX."""
    return [tex(value) for value in (values if len(values) <= _TERMS else [*values[:_TERMS - 1], values[-1]]).__iter__()]


def _terms(n: int) -> str:
    return rf"\quad ({n}\ \mathrm{{terms}})" if n > 6 else ""


def _mean(found: Statistics) -> list[Block]:
    n = found.count
    return [
        Formula(r"\bar x = \frac{1}{n} \sum_{i=1}^{n} x_i", "the mean is the sum divided by how many there are"),
        Formula(rf"\sum x_i = {sum_of(_texts(found.values))} {equals(found.total)}{_terms(n)}",
                f"the sum is {plain(found.total)}"),
        Formula(rf"\bar x = \frac{{{tex(found.total)}}}{{{n}}} {equals(found.mean)}", f"the mean is {plain(found.mean)}"),
    ]


def _squares(found: Statistics) -> list[Block]:
    n = found.count
    rounded = not exact(found.mean)
    deviations = [f"{tex(value)} - {in_brackets(found.mean)} {equals(off)}"
                  for value, off in zip(found.values[:3], found.deviations[:3], strict=True)]
    return [
        Formula(r"d_i = x_i - \bar x", "a deviation is a number minus the mean"),
        *(Formula(rf"d_{{{index + 1}}} = {line}") for index, line in enumerate(deviations if n > 1 or rounded else deviations[:1])),
        Formula(rf"d_i: \quad {list_of(_texts(found.deviations))}{_terms(n)}", "the deviations"),
        Formula(rf"d_i^2: \quad {list_of(_texts(found.squares))}{_terms(n)}", "the squared deviations"),
        Formula(rf"\sum d_i^2 = {sum_of(_texts(found.squares))} {equals(found.squares_total)}{_terms(n)}",
                f"the sum of the squared deviations is {plain(found.squares_total)}"),
    ]


def _by(found: Statistics, which: Role) -> list[Block]:
    """The two lines with one of the divisors."""
    n, total = found.count, tex(found.squares_total)
    if which is PLAIN:
        return [
            Formula(rf"\sigma^2 = \frac{{1}}{{n}} \sum d_i^2 = \frac{{{total}}}{{{n}}} {equals(found.variance)}",
                    f"the variance with n is {plain(found.variance)}"),
            Formula(rf"\sigma = \sqrt{{\sigma^2}} = \sqrt{{{tex(found.variance)}}} {equals(found.std)}",
                    f"the standard deviation with n is {plain(found.std)}"),
        ]
    if n == 1:
        return [
            Formula(r"s^2 = \frac{1}{n - 1} \sum d_i^2 = \frac{0}{0}", "zero divided by zero"),
            Paragraph("Bessel's correction needs at least two numbers: one number says nothing about its own spread, and "
                      "0 / 0 is not defined. torch answers nan and warns."),
        ]
    return [
        Formula(rf"s^2 = \frac{{1}}{{n - 1}} \sum d_i^2 = \frac{{{total}}}{{{n - 1}}} {equals(found.variance_bessel)}",
                f"the variance with n minus 1 is {plain(found.variance_bessel)}"),
        Formula(rf"s = \sqrt{{s^2}} = \sqrt{{{tex(found.variance_bessel)}}} {equals(found.std_bessel)}",
                f"the standard deviation with n minus 1 is {plain(found.std_bessel)}"),
    ]


def code(request: StatisticsRequest) -> str:
    """PyTorch that computes the same of the same numbers (of the first thousand, where there are more typed ones)."""
    numbers = _last_read.get(request)
    if isinstance(numbers, UserError):
        raise UserError(numbers.sentence, numbers.details)
    if numbers is None:
        *_, numbers = _read(request)
    assert numbers is not None
    if request.drawn is not None:
        return "\n".join((*statistics_sample.code(request.drawn), "", *_printed(len(numbers.values)), ""))
    values, lines = numbers.values, ["import torch", ""]
    if len(values) > _LISTED:
        lines.append(f"# The first {_LISTED:,} of your {len(values):,} numbers: put all of them here to find what the page shows.")
    listed = values[:_LISTED]
    spread = max(map(abs, listed))
    scaled = bool(spread) and not 1.0 / _SQUARABLE < spread < _SQUARABLE
    lines += [f"x = torch.tensor([{_literal(listed)}], dtype=torch.float64)"]
    unit = ""
    if scaled:
        power = int(np.frexp(spread)[1])
        # Two steps: a power of two itself may lie outside of float64.
        lines += [f"x = torch.ldexp(x, torch.tensor({-power}))  # in units of 2**{power}: the squares would not fit into float64"]
        unit = f", in units of 2**{power}"
    return "\n".join((*lines, "", *_printed(len(listed), unit), ""))


def _printed(count: int, unit: str = "") -> list[str]:
    """Lines that print what the page says of ``count`` numbers x."""
    return [
        f'print(f"count = {{len(x)}}{unit}")',
        'print(f"sum = {x.sum().item():.10g}, mean = {x.mean().item():.10g}, median = {x.quantile(0.5).item():.10g}")',
        'print(f"with n: variance = {x.var(correction=0).item():.10g}, std = {x.std(correction=0).item():.10g}")',
        'print(f"with n - 1: variance = {x.var(correction=1).item():.10g}, std = {x.std(correction=1).item():.10g}")'
        if count > 1 else 'print("with n - 1: not defined for one number")',
    ]


def _literal(values: tuple[float, ...]) -> str:
    """The numbers as source text, wrapped."""
    lines, line = [], ""
    for value in values:
        item = f"{value!r}, "
        if len(line) + len(item) > 92:
            lines.append(line.rstrip())
            line = ""
        line += item
    lines.append(line.rstrip(", "))
    return ("\n" + " " * 18).join(lines)
