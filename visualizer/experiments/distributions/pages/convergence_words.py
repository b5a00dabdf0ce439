"""What the convergence page explains: who is best, what is trained, and why equal neurons do not learn."""

from __future__ import annotations

import math

import numpy as np

from visualizer.base.explanation import Block, Explanation, Formula, Heading, Paragraph, Table, Verdict, number_text
from visualizer.components.latex import number_latex
from visualizer.experiments.distributions.convergence import ACTIVATIONS, ARM, POINTS, WIDTH
from visualizer.experiments.distributions.pages.convergence_result import ConvergenceResult, Curves, asked
from visualizer.experiments.distributions.requests import ConvergenceRequest
from visualizer.experiments.distributions.state import ACTIVATIONS as ACTIVATION_OPTIONS

#: A median this far below the loss of guessing has learned something, and this far, has learned the task.
_LEARNED, _MASTERED = 0.98, 0.5


def diverged(result: ConvergenceResult) -> str:
    """Who diverged, how many seeds of each, and at which steps."""
    gone = []
    for one in result.curves:
        if not one.diverged:
            continue
        first, last = int(np.nanmin(one.stopped)), int(np.nanmax(one.stopped))
        at = f"at step {first}" if first == last else f"at steps {first} to {last}"
        seeds = "" if one.stopped.size == 1 else f" ({one.diverged} of {one.stopped.size} seeds)"
        gone.append(f"{one.entry.title} {at}{seeds}")
    return f"Diverged: {', '.join(gone)}." if gone else ""


def explain(result: ConvergenceResult) -> Explanation:
    """The verdict, the losses, the task, symmetry, and the gain."""
    request = asked(result)
    blocks: list[Block] = [_verdict(result), Heading("The losses"), _table(result)]
    words = diverged(result)
    if words:
        blocks.append(Paragraph(words + " At that step the loss is no number any more: too large for one, or NaN. Such a seed is "
                                "stopped there and counts as worse than every number, so a quantile that falls among them is "
                                "infinite; a cross marks where the median is. An initialiser whose seeds have all diverged is "
                                "trained no further. A smaller learning rate or a smaller spread of the weights keeps the losses "
                                "finite."))
    blocks += _task_blocks(result)
    blocks += _symmetry_blocks(result)
    blocks += _gain_blocks(request)
    return Explanation(tuple(blocks))


def _names(curves: list[Curves]) -> str:
    titles = [one.entry.title for one in curves]
    return titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"


def _verdict(result: ConvergenceResult) -> Verdict:
    request = asked(result)
    if result.progress < 1.0:
        return Verdict(f"Step {result.done} of {request.epochs}.", "muted")
    finite = [one for one in result.curves if math.isfinite(one.end)]
    if not finite:
        early = "" if result.done == request.epochs else f" The run ends at step {result.done}: nobody is left."
        return Verdict(f"Diverged: with a learning rate of {request.lr:g} no median loss is a number any more.{early}", "bad")
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
    request = asked(result)
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
