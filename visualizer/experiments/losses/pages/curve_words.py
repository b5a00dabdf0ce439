"""What the page Curve and surface says: where the slope comes from, with this run's numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
from visualizer.experiments.losses.curves import short
from visualizer.experiments.losses.pages.curve_figures import loss_word
from visualizer.experiments.losses.tensor_words import formula_of

if TYPE_CHECKING:
    from visualizer.experiments.losses.pages.curve import CurveResult

#: Rows of the table of kinks.
_ROWS = 12


def explanation(result: CurveResult) -> Explanation:
    setup = result.curve_request.setup
    blocks: list[Block] = [_verdict(result)]
    blocks += [Verdict(f"torch warns: {text}", "warning") for text in result.warnings]
    blocks += [Heading(setup.entry.title), Formula(formula_of(setup), "one term of the loss")]
    blocks += _limit(result)
    blocks += _tangent(result)
    blocks += _kinks(result)
    blocks += _two(result)
    return Explanation(tuple(blocks))


def _verdict(result: CurveResult) -> Verdict:
    kink, slope = result.kink_here, result.slope
    if not math.isfinite(result.value):
        return Verdict(f"The {loss_word(result)} is {number_text(result.value)} here, so it has no slope.", "bad")
    if slope is None:
        return Verdict(f"torch gives the {result.title} no gradient: nothing that can be differentiated leads from it to the loss.",
                       "warning")
    if not result.records:
        return Verdict(f"The slope is {number_text(slope)}, but requires_grad is off for the {result.title}: backward() would "
                       "leave its .grad None.", "warning")
    if kink is not None:
        return Verdict(f"{result.name.capitalize()} stands at a kink: slope {number_text(kink.left)} to its left, "
                       f"{number_text(kink.right)} to its right; torch takes {number_text(slope)}.", "warning")
    if slope == 0.0 and not result.disagrees:
        return Verdict(f"The slope is 0: moving {result.name} a little changes nothing.", "muted")
    way = "smaller" if slope < 0 else "larger"
    if result.disagrees:
        assert result.quotient is not None
        return Verdict(f"torch says the slope is {number_text(slope)}, and the curve's own is "
                       f"{number_text(result.quotient.slope)}: they disagree.", "warning")
    return Verdict(f"The slope is {number_text(slope)}: a little more of {result.name} makes the {loss_word(result)} {way}.",
                   "good")


def _limit(result: CurveResult) -> list[Block]:
    blocks: list[Block] = [
        Heading("The slope as a limit"),
        Formula(r"\frac{\partial L}{\partial x_i} = \lim_{h \to 0} \frac{L(x_i + h) - L(x_i - h)}{2 h}",
                "the slope is the limit of the difference quotient as h goes to 0"),
    ]
    quotient = result.quotient
    if quotient is not None:
        digits = 12
        blocks.append(Formula(
            rf"\frac{{{_tex(quotient.after, digits)} - {_bracketed(quotient.before, digits)}}}"
            rf"{{2 \cdot {_tex(quotient.step)}}} = {_tex(quotient.slope, 6)}", "the difference quotient of this run"))
    rows = []
    if result.slope is not None:
        rows.append(Number("slope by autograd", number_text(result.slope, 6), role=Role.GRADIENT,
                           help=f"What backward() puts into .grad, computed in {result.curve_request.setup.dtype}."))
    if quotient is not None:
        rows.append(Number("difference quotient", number_text(quotient.slope, 6), role=Role.THEORY,
                           help="Two losses in float64 and the quotient above: no derivative in it."))
    if rows:
        blocks.append(Numbers(tuple(rows)))
    if result.slope is not None and not result.records:
        blocks.append(Paragraph(f"requires_grad is off for the {result.title}, so torch records nothing that is done with it. The "
                                "slope shown is that of a copy with requires_grad on."))
    if result.disagrees:
        blocks.append(Paragraph(
            "The curve rises or falls by other than torch's gradient says. torch's CTC takes it for granted that its input comes "
            "from log_softmax: its backward returns the gradient that is right once it has passed through log_softmax, not the "
            "slope of the loss in one log-probability alone."
            if result.curve_request.setup.name == "CTCLoss" else
            "Rounding may be the reason: the page Truth check looks into it. Or torch bounds a number for the loss and not for "
            "its gradient: a variance below eps, a logarithm near 0."))
    if quotient is not None and result.kink_here is not None:
        blocks.append(Paragraph("At a kink the quotient has no limit that both sides agree on: it lies between the slopes of the "
                                "two sides, and it need not be what torch takes."))
    if quotient is None and math.isfinite(result.value):
        blocks.append(Paragraph(f"Beside {number_text(result.at)} the loss is not defined or not finite on one side, so there is "
                                "no quotient over both."))
    return blocks


def _tangent(result: CurveResult) -> list[Block]:
    slope = result.slope
    if slope is None or not math.isfinite(slope) or not math.isfinite(result.value):
        return []
    sign = "-" if slope < 0 else "+"
    shift = f"x {'+' if result.at < 0 else '-'} {_tex(abs(result.at))}" if result.at else "x"
    return [
        Heading("The tangent" if result.kink_here is None else "The line that torch takes"),
        Formula(r"t(x) = L(x_0) + L'(x_0) \, (x - x_0)", "the tangent is the loss plus the slope times the distance"),
        Formula(rf"t(x) = {_tex(result.value)} {sign} {_tex(abs(slope))} \, ({shift})", "the tangent with this run's numbers"),
        Paragraph("Near the point the curve and its tangent can hardly be told apart: that is what a gradient is good for. "
                  "Farther away the tangent knows nothing." if result.kink_here is None else
                  "At a kink there is no tangent; this is the line with the slope that torch takes."),
    ]


def _kinks(result: CurveResult) -> list[Block]:
    kinks = result.kinks
    if kinks is None:
        return [Heading("Kinks"), Paragraph("They are being looked for.")]
    if not kinks:
        return [Heading("Kinks"), Paragraph(
                f"None from {short(result.domain.low)} to {short(result.domain.high)}: the slope jumps nowhere. A tip that looks "
                "sharp and has no mark is a bend, very tight and smooth: magnified enough, it is round.")]
    several = len(kinks) > 1
    blocks: list[Block] = [
        Heading("Kinks"),
        Table(("at", "slope left", "slope right", "torch takes"), tuple(
            (number_text(kink.place), number_text(kink.left), number_text(kink.right), number_text(kink.taken))
            for kink in kinks[:_ROWS]
        )),
    ]
    if len(kinks) > _ROWS:
        blocks.append(Paragraph(f"The first {_ROWS} of {len(kinks)}."))
    blocks.append(Paragraph(
        f"At {'these places' if several else 'this place'} the curve has no tangent, and so no gradient. Where the slope rises, "
        "every number from left to right is a subgradient: a line with this slope touches the curve from below. torch takes one "
        "of them. A kink is found where autograd's slope changes between two numbers that are neighbours in float64; a bend that "
        "is only steep would be smooth so near."))
    leaps = [kink for kink in kinks if kink.jump]
    if leaps:
        blocks.append(Paragraph("The loss itself jumps, too: by " + ", ".join(
            f"{number_text(kink.jump)} at {number_text(kink.place)}" for kink in leaps[:_ROWS]) + "."))
    return blocks


def _two(result: CurveResult) -> list[Block]:
    if result.surface is None or result.gradient is None:
        return []
    first, second = (float(value) for value in result.gradient)
    length = math.hypot(first, second)
    blocks: list[Block] = [
        Heading("Two elements"),
        Formula(r"\nabla L = \left(\frac{\partial L}{\partial x_i}, \frac{\partial L}{\partial x_j}\right) = "
                rf"\left({_tex(first)},\; {_tex(second)}\right)", "the gradient with respect to both elements"),
        Paragraph("The arrow points along minus the gradient: downhill by both elements' slopes, the way that one step of "
                  "gradient descent goes. Its length is the same whatever the slope, so that it is always seen."),
    ]
    rows = [Number("steepest slope", number_text(length), role=Role.GRADIENT,
                   help="The length of the gradient of the two elements.")]
    lowest = result.surface.lowest
    if lowest is not None:
        rows += [Number(f"lowest {loss_word(result)} shown", number_text(lowest[2]), help="Of the points of the grid."),
                 Number(f"with {result.name} =", number_text(lowest[0])), Number(f"and {result.name_2} =", number_text(lowest[1]))]
    blocks.append(Numbers(tuple(rows)))
    return blocks


def _tex(value: float, digits: int = 4) -> str:
    """A number for a formula: ``1.234e-05`` becomes a power of ten."""
    text = number_text(value, digits).replace("\u2212", "-")
    if text[-1].isalpha():
        return rf"\mathrm{{{text}}}"
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def _bracketed(value: float, digits: int) -> str:
    return f"({_tex(value, digits)})" if value < 0 else _tex(value, digits)
