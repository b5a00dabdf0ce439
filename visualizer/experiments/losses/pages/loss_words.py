"""What the page Loss and gradient says: the formula with these numbers, and a table of the elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from visualizer.base.explanation import Block, Explanation, Formula, Heading, Paragraph, Table, Verdict, number_text
from visualizer.experiments.losses.pages.loss_figures import shown_inputs
from visualizer.experiments.losses.state import REDUCTIONS
from visualizer.experiments.losses.tensor_words import formula_of, name_of, wanted

if TYPE_CHECKING:
    from visualizer.experiments.losses.pages.loss import LossResult

#: Rows of the table of elements.
_ROWS = 12
#: Of losses and gradients there: to four decimals where they are a few units large, as the lecture gives them.
_DIGITS = 5


def explanation(result: LossResult) -> Explanation:
    setup, worked = result.setup, result.worked
    blocks: list[Block] = [verdict(result)]
    blocks += [Verdict(sentence, "warning") for sentence in result.cautions]
    blocks += [Heading(setup.entry.title), Paragraph(setup.entry.help), Formula(formula_of(setup))]
    blocks += [Formula(line) for line in worked.terms]
    blocks += [Heading(_reduction_title(result))]
    blocks += [Formula(line) for line in worked.total]
    if not result.problem:
        blocks += [Heading("The gradient"), Paragraph(
            "How much the loss grows when one element grows, by so little that the slope stays the same. Where it is negative, "
            "a larger element makes the loss smaller.")]
        blocks += [Formula(line) for line in worked.slope]
    blocks += [Paragraph(note) for note in worked.notes]
    blocks += [Heading("What goes in"), *map(Paragraph, wanted(setup))]
    blocks += _elements(result)
    return Explanation(tuple(blocks))


def verdict(result: LossResult) -> Verdict:
    """The loss, and how sure its gradient is."""
    setup = result.setup
    size = number_text(result.loss)
    if result.problem:
        wanting = [name_of(setup, given.role) for given in setup.inputs if given.requires_grad]
        why = f"nothing that can be differentiated leads from {' or '.join(wanting)} to it" if wanting else "no tensor requires one"
        return Verdict(f"The loss is {size}, and it has no gradient: {why}. torch says: {result.problem}", "bad")
    head = f"The sum of the losses is {size}" if setup.reduction == "none" else f"The loss is {size}"
    if result.check is None:
        return Verdict(f"{head}. The gradient is being checked.", "muted")
    return Verdict(f"{head}. {result.check.badge}", "good" if result.check.passed else "warning")


def _reduction_title(result: LossResult) -> str:
    setup = result.setup
    if not setup.entry.reductions:
        return "The average"
    option = next(option for option in REDUCTIONS if option.name == setup.reduction)
    return f"reduction = {option.title}"


def _elements(result: LossResult) -> list[Block]:
    """Every element with its gradient, as many as fit."""
    shown = shown_inputs(result)
    prediction = result.tensors["prediction"]
    if not prediction.size:
        return []
    wanted = [(item, result.gradients[item.role]) for item in shown if result.gradients[item.role] is not None]
    by_element = result.contributions.size == prediction.size
    header = ["element", *(item.title.split(" (")[0] for item in shown)]
    header += ["loss"] if by_element else []
    header += [".grad" if len(wanted) == 1 else f"{item.role}.grad" for item, _ in wanted]
    rows = []
    for at in range(min(prediction.size, _ROWS)):
        name = str(at) if prediction.ndim < 2 else f"{at // prediction.shape[1]},{at % prediction.shape[1]}"
        cells = [name, *(number_text(float(result.tensors[item.role].reshape(-1)[at])) for item in shown)]
        cells += [number_text(float(result.contributions.reshape(-1)[at]), _DIGITS)] if by_element else []
        cells += [number_text(float(gradient.reshape(-1)[at]), _DIGITS) for _, gradient in wanted if gradient is not None]
        rows.append(tuple(cells))
    left = prediction.size - len(rows)
    blocks: list[Block] = [Heading("Element by element"), Table(tuple(header), tuple(rows))]
    if left:
        blocks.append(Paragraph(f"And {left:,} more; all of them are in the exported JSON and CSV."))
    return blocks
