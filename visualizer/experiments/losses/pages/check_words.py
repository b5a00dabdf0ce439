"""The words of the page Truth check."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
from visualizer.base.roles import Role
from visualizer.components.latex import factor_latex, number_latex
from visualizer.experiments.losses.finite_differences import Check
from visualizer.experiments.losses.stability import BINARY, Growth
from visualizer.experiments.losses.tensor_words import name_of, plural

if TYPE_CHECKING:
    from visualizer.experiments.losses.pages.check import CheckResult

#: Why autograd and the differences of a loss disagree although neither is broken.
_KNOWN = {
    "CTCLoss": "This is known of CTCLoss: torch takes its log-probabilities for what log_softmax has just returned, and gives "
               "the gradient of the logits before log_softmax. Passed through log_softmax, as is meant, the result is right.",
    "GaussianNLLLoss": "torch computes with eps where the variance is smaller, and still lets the gradient through as if it had "
                       "not: there autograd has a slope, and the loss itself is flat.",
    "BCELoss": "At probabilities of 0 and 1 torch takes \u2212100 for the logarithm of 0, and divides by at least 1e\u221212 in "
               "the gradient: there it is no slope of the loss.",
}


def explain(result: CheckResult) -> Explanation:
    blocks: list[Block] = [_verdict(result), *(Verdict(text, "warning") for text in result.cautions)]
    blocks += _differences(result)
    blocks += _gradcheck(result)
    blocks += _steps(result)
    blocks += _ways(result)
    if result.growth is not None:
        blocks += _binary(result, result.growth) if result.setup.name in BINARY else _classes(result.growth)
    return Explanation(tuple(blocks))


def _verdict(result: CheckResult) -> Verdict:
    worst = result.worst
    if worst is None:
        return Verdict("Nothing to check yet." if result.progress < 1.0 else "Nothing requires a gradient, so nothing is checked.",
                       "muted")
    if worst.wrong.any():
        known = " This is known, and explained below." if result.setup.name in _KNOWN else ""
        return Verdict(f"{worst.badge}.{known}", "bad")
    if not all(check.passed for check in result.checks):
        return Verdict("Cannot be checked: the loss or its slope is not finite, or a tensor is empty.", "warning")
    kinks = sum(int(check.kinks.sum()) for check in result.checks)
    if not worst.compared:
        return Verdict("Every element is at a kink: autograd takes a slope between those of both sides.", "warning")
    more = f"; {plural(kinks, 'element')} at a kink" if kinks else ""
    return Verdict(f"Autograd is right: the largest error is {worst.max_error:.1e}{more}.", "good")


def _differences(result: CheckResult) -> list[Block]:
    blocks: list[Block] = [
        Heading("The same slope twice"),
        Paragraph("Autograd applies the chain rule. The finite difference knows no rule: it moves one element a little up and a "
                  "little down, in float64, and looks how much the loss changes."),
        Formula(r"\frac{\partial f}{\partial x_i} \approx \frac{f(x_i + h) - f(x_i - h)}{2h}, \qquad "
                r"h = \epsilon^{1/3} \max(1, |x_i|)", "the difference of the loss on both sides, divided by 2 h"),
    ]
    if not result.checks:
        return [blocks[0], Paragraph("Switch requires_grad on for a tensor of real numbers.")] if result.progress == 1 else blocks
    worst = result.worst
    assert worst is not None
    if worst.where >= 0:
        blocks += _worked(result, worst)
    rows = []
    for check in result.checks:
        rows.append((name_of(result.setup, check.role).removeprefix("the ").capitalize(), f"{check.compared:,}",
                     number_text(check.max_error, 2) if check.compared else "none", str(int(check.kinks.sum())),
                     str(int(check.wrong.sum()))))
    blocks.append(Table(("tensor", "compared", "largest error", "kinks", "wrong"), tuple(rows)))
    if any(check.kinks.any() for check in result.checks):
        blocks += _kinks(result)
    if any(check.wrong.any() for check in result.checks):
        known = _KNOWN.get(result.setup.name)
        blocks.append(Paragraph(known or "Autograd and the loss itself disagree by more than rounding and truncation explain."))
    return blocks


def _worked(result: CheckResult, check: Check) -> list[Block]:
    """The element with the largest error, with its numbers put in."""
    at, name = check.where, name_of(result.setup, check.role)
    given = result.setup.given(check.role)
    assert given is not None
    slope, difference, step = (float(np.ravel(part)[at]) for part in (check.gradient, check.differences, check.steps))
    return [
        Formula(rf"x_{{{at}}} = {number_latex(given.data.values[at])}, \quad h = {number_latex(step)}: \qquad "
                rf"\frac{{f(x_{{{at}}} + h) - f(x_{{{at}}} - h)}}{{2h}} = {number_latex(difference, 8)}",
                "the element with the largest error, with its numbers"),
        Numbers((
            Number("largest error at element", f"{at} of {name.removeprefix('the ')}"),
            Number("autograd", number_text(slope, 10), role=Role.GRADIENT),
            Number("finite difference", number_text(difference, 10)),
            Number("error", number_text(abs(slope - difference), 2)),
            Number("relative", number_text(abs(slope - difference) / max(abs(slope), 1e-8), 2),
                   help="The error in proportion to the slope."),
        )),
    ]


def _kinks(result: CheckResult) -> list[Block]:
    check = next(check for check in result.checks if check.kinks.any())
    at = int(np.argmax(np.ravel(check.kinks)))
    left, right, slope = (float(np.ravel(part)[at]) for part in (check.left, check.right, check.gradient))
    return [Paragraph(
        f"At element {at} of {name_of(result.setup, check.role)} the loss has a kink: its slope is {number_text(left)} on the left "
        f"and {number_text(right)} on the right. Every slope between them is right (a subgradient); the finite difference gives "
        f"their average, and autograd takes {number_text(slope)}."
    )]


def _gradcheck(result: CheckResult) -> list[Block]:
    checked = result.gradcheck
    how = "in random directions (fast_mode), as there are many elements" if checked.fast else "element by element"
    heading = Heading("torch.autograd.gradcheck")
    if checked.passed is None:
        return [heading, Paragraph(f"It gives no verdict: {checked.message}{'' if checked.message.endswith('.') else '.'}")]
    if checked.passed:
        return [heading, Verdict("gradcheck says the same: True.", "good"),
                Paragraph(f"torch's own check compares {how}, with h = 1e\u22126 and tolerances of 1e\u22125 and 0.1 %.")]
    first = checked.message.splitlines()[0].rstrip(" ,:") if checked.message else "it gives no reason"
    at_kinks = " At a kink that is no error: it expects a slope there, and there are two." if any(
        check.kinks.any() for check in result.checks) else ""
    return [heading, Verdict("gradcheck says False.", "warning" if at_kinks else "bad"),
            Paragraph(f"Its message: {first}{'' if first.endswith('.') else '.'}{at_kinks}")]


def _steps(result: CheckResult) -> list[Block]:
    sizes = result.sizes
    if sizes is None or not sizes.steps.size:
        return []
    if any(check.role == sizes.role and np.ravel(check.wrong)[sizes.index] for check in result.checks):
        return []  # no step explains that error
    blocks: list[Block] = [
        Heading("Why not a smaller step?"),
        Formula(r"\mathrm{error}(h) \approx \frac{h^2}{6} |f'''| + \frac{\epsilon |f|}{h}",
                "the error is h squared over 6 times the third derivative, plus epsilon times f over h"),
        Paragraph("A large step cuts the curve off too early (truncation, slope 2 on the double logarithmic scale). A small step "
                  "subtracts two numbers that are almost equal: only their rounding errors are left (slope \u22121)."),
    ]
    rows = [Number("loss f", number_text(sizes.loss)), Number("\u03b5 of float64", "2.22e-16"),
            Number("|f'''| at the element", number_text(sizes.third) if sizes.third else "0 or too small to see")]
    if math.isfinite(sizes.best):
        blocks.append(Formula(
            rf"h_{{best}} = \sqrt[3]{{\frac{{3 \epsilon |f|}}{{|f'''|}}}} = \sqrt[3]{{\frac{{3 \cdot {number_latex(2.220446e-16)} "
            rf"\cdot {factor_latex(abs(sizes.loss))}}}{{{number_latex(sizes.third)}}}}} = {number_latex(sizes.best)}",
            "the best step, where the sum of both is smallest"))
        rows.append(Number("best step by theory", number_text(sizes.best), role=Role.THEORY))
    else:
        blocks.append(Paragraph("Here nothing is truncated: the loss is a straight line or a parabola in this element, so a larger "
                                "step is always better, as far as no kink is passed."))
    found = int(np.flatnonzero(sizes.error == np.nanmin(sizes.error))[-1]) if np.isfinite(sizes.error).any() else 0
    rows += [Number("best step found", number_text(float(sizes.steps[found]), 2)),
             Number("with the error", number_text(float(sizes.error[found]), 2)),
             Number("step taken", number_text(sizes.own), role=Role.GOOD)]
    return [*blocks, Numbers(tuple(rows))]


def _ways(result: CheckResult) -> list[Block]:
    heading = Heading("The same loss in two ways")
    if not result.ways:
        return [heading, Paragraph(result.no_ways)] if result.growth is not None else []
    formula = (r"\mathrm{BCEWithLogits}(x, y) = \mathrm{BCE}(\sigma(x), y)" if result.setup.name in BINARY
               else r"\mathrm{CrossEntropy}(x, y) = \mathrm{NLL}(\mathrm{log\_softmax}(x), y)")
    dtype = result.setup.dtype
    rows = tuple((way.name, number_text(way.value, 8), number_text(way.wide, 12)) for way in result.ways)
    first = result.ways[0].wide
    apart = max(abs(way.wide - first) for way in result.ways) if all(math.isfinite(way.wide) for way in result.ways) else math.nan
    if apart <= 1e-9 * max(1.0, abs(first)):
        said = ("In float64 they are equal to the last digit: they are the same loss." if apart == 0.0 else
                f"In float64 they differ by {number_text(apart, 2)} at most: they are the same loss, but for rounding.")
    elif result.setup.name == "NLLLoss":
        said = ("They differ: the rows of the prediction are not quite log-probabilities, their exponentials do not add up to 1. "
                "CrossEntropyLoss makes them so first; NLLLoss takes what it is given.")
    else:
        said = "They differ even in float64: these numbers are so large that the naive way loses everything."
    return [heading, Formula(formula, "the two ways"), Table(("way", dtype, "float64"), rows), Paragraph(said)]


def _growth_numbers(grown: Growth) -> Block:
    rows = [Number("logit", number_text(float(grown.logits[-1]))), Number("exact loss", number_text(float(grown.exact[-1]), 8))]
    for name, values, role in zip(grown.names, (grown.naive, grown.stable, grown.one), (Role.BAD, Role.C4, Role.GOOD), strict=True):
        if name:
            rows.append(Number(f"{name}, float32", number_text(float(values[-1]), 8), role=role))
    if math.isfinite(grown.lost):
        rows.append(Number("naive way wrong from", number_text(grown.lost, 3), role=Role.BAD,
                           help="The smallest logit at which its error is above 1 % and 0.001."))
    return Numbers(tuple(rows))


def _classes(grown: Growth) -> list[Block]:
    largest, true = float(grown.logits[-1]), grown.row[grown.true]
    logarithm = -float(grown.exact[-1])
    probability = math.exp(logarithm) if logarithm > -700 else 0.0
    chance = number_latex(probability, 3) if probability else rf"e^{{{number_latex(logarithm)}}}"
    most = factor_latex(max(grown.row))
    blocks: list[Block] = [
        Heading("Why the naive way loses"),
        Paragraph(f"Logit {grown.grows} grows to {number_text(largest)}, and the true class is {grown.true} with the logit "
                  f"{number_text(true)}. Its probability:"),
        Formula(rf"\mathrm{{softmax}}_{{{grown.true}}} = \frac{{e^{{{number_latex(true)}}}}}{{\sum_c e^{{x_c}}}} = {chance}",
                "the probability of the true class"),
    ]
    if math.isinf(float(grown.naive[-1])):
        blocks.append(Paragraph("float32 has no number so small (below 1.4e\u221245): it becomes 0, its logarithm minus infinite, "
                                "the loss infinite, and the gradient not a number. Training ends there."))
    else:
        blocks.append(Paragraph("float32 still has a number for it (down to 1.4e\u221245), so the naive way still works here; let "
                                "the largest logit grow beyond 105 and it fails."))
    blocks += [
        Formula(r"\mathrm{log\_softmax}_y = x_y - m - \log \sum_c e^{x_c - m}, \qquad m = \max_c x_c",
                "log softmax subtracts the largest logit first"),
        Formula(rf"{number_latex(true)} - {most} - \log \sum_c e^{{x_c - {most}}} = {number_latex(logarithm, 6)}",
                "with these numbers"),
        Paragraph("No small number is ever taken the logarithm of: the largest term of the sum is exactly 1."),
        _growth_numbers(grown),
    ]
    return blocks


def _binary(result: CheckResult, grown: Growth) -> list[Block]:
    largest = float(grown.logits[-1])
    rest = rf"1 - \sigma({number_latex(largest)}) = \frac{{1}}{{1 + e^{{{number_latex(largest)}}}}}"
    small = -math.log1p(math.exp(largest)) if largest < 700 else -largest
    value = number_latex(math.exp(small), 3) if small > -700 else rf"e^{{{number_latex(small)}}}"
    blocks: list[Block] = [
        Heading("Why the naive way loses"),
        Paragraph(f"The label is 0, and the logit grows to {number_text(largest)}: more and more certain, and wrong."),
        Formula(rf"{rest} = {value}", "what is left to 1"),
    ]
    if float(grown.naive[-1]) >= 100.0 or math.isfinite(grown.lost):
        blocks.append(Paragraph("The sigmoid rounds to exactly 1 in float32 as soon as less than 6e\u22128 is left to it, from a "
                                "logit of about 17. The logarithm of 1 \u2212 1 is minus infinite, torch takes \u2212100 in its "
                                "place: the loss says 100 whatever the logit, and its gradient no longer depends on it."))
    else:
        blocks.append(Paragraph("float32 still tells the sigmoid from 1 here; from a logit of about 17 it no longer does."))
    blocks += [
        Formula(r"\ell = \max(x, 0) - x y + \log(1 + e^{-|x|})", "the stable formula of BCEWithLogitsLoss"),
        Formula(rf"{number_latex(largest)} - 0 + \log(1 + e^{{-{number_latex(largest)}}}) = "
                rf"{number_latex(float(grown.exact[-1]), 8)}", "with these numbers"),
        _growth_numbers(grown),
    ]
    return blocks
