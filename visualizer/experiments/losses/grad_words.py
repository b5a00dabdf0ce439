"""What is said of the life of .grad."""

from __future__ import annotations

import numpy as np

from visualizer.base.explanation import Block, Formula, Heading, Number, Numbers, Paragraph, Table, Verdict, number_text
from visualizer.base.roles import Role
from visualizer.components.latex import factor_latex, number_latex
from visualizer.experiments.losses.evaluation import build
from visualizer.experiments.losses.lifecycle import Floats, Life, Step, wanting
from visualizer.experiments.losses.listing import call, setup_lines
from visualizer.experiments.losses.requests import GradRequest


def title(step: Step) -> str:
    """The title of the figure: the line that was run."""
    return f"After {step.code}" if step.what not in ("made", "error") else (
        "Tensors are made" if step.what == "made" else "loss.backward() raises an error"
    )


def sentence(life: Life, index: int) -> str:
    """What this step did to .grad."""
    step = life.steps[index]
    names = " and ".join(f"{name}.grad" for name in life.shapes) if 0 < len(life.shapes) < 3 else "every .grad"
    verb = "are" if len(life.shapes) == 2 else "is"
    match step.what:
        case "made":
            if not life.shapes:
                return "No tensor has requires_grad=True, so none of them will ever get a .grad."
            return f"{names} {verb} None: nothing has been differentiated yet."
        case "loss":
            if not life.shapes:
                return "The loss is a bare number: it has no grad_fn, because nothing that went in requires a gradient."
            if step.graph == "none":
                return (f"The loss is a bare number: it has no grad_fn, because it only compares {' and '.join(life.shapes)} with "
                        "other numbers, and a comparison has no derivative.")
            return (f"{names} {verb} still None: a forward pass only builds the graph." if step.nth == 1 else
                    f"{names} {verb} what it was: a forward pass does not touch it.")
        case "backward":
            return (f"{names} {verb} filled now." if step.nth == 1 else
                    f"Accumulated: backward adds to what is there, so it holds {step.nth} times the gradient.")
        case "error":
            why = f"nothing differentiable leads to {' or '.join(life.shapes)}" if life.shapes else "no tensor requires a gradient"
            return f"There is no graph that backward could follow: {why}."
        case _:
            cleared = next(iter(step.after.values()), None)
            state = "None" if cleared is None else "all zeros"
            return f"Cleared: {names} {verb} {state} again, ready for the next step of training."


def blocks(life: Life, request: GradRequest, shown: int) -> tuple[Block, ...]:
    """The explanation of a step."""
    step = life.steps[shown]
    if life.steps[-1].what == "error":
        return _without_graph(life, shown)
    found: list[Block] = [
        Verdict(f"Step {shown} of {len(life.steps) - 1}: {sentence(life, shown)}",
                "good" if step.what == "backward" and step.nth == 1 else "warning" if step.what == "backward" else "muted"),
        *(Verdict(f"torch warns: {words}", "warning") for words in life.warnings),
        _steps(life, shown),
        Heading("Why does it add up?"),
        Formula(r"\mathrm{grad} \leftarrow \mathrm{grad} + \frac{\partial L}{\partial x}",
                "backward adds the gradient to what .grad holds"),
        *_sum(life),
        Paragraph("A tensor may be used several times, and a large batch may be computed in parts: in both cases the parts of "
                  "the gradient have to be added. That is why a training loop clears .grad before each backward. None counts "
                  "as nothing there; the first backward stores its gradient as it is."),
    ]
    if life.refused:
        found += [
            Heading("The loss is no number"),
            Paragraph(f"torch refuses loss.backward(): {life.refused}"),
            Paragraph("With reduction=\"none\" the loss has many elements, and a gradient is of one number. "
                      "loss.backward(torch.ones_like(loss)) weighs each of them with 1: it gives the gradient of their sum, as "
                      "reduction=\"sum\" does. This way is taken here."),
        ]
    found += [Heading("And a second backward on the same loss?")]
    if life.again:
        found += [
            Paragraph(f"torch says: {life.again}"),
            Paragraph("The functions of the graph keep tensors from the forward pass: a squared error, for example, keeps "
                      "prediction and target. Backward frees them as it goes, to give the memory back. So each backward needs "
                      "a new loss, as in the steps here; or the first one is called as loss.backward(retain_graph=True)."),
        ]
    else:
        found += [Paragraph("This loss keeps no tensors for backward, so torch has nothing to free, and a second "
                            "loss.backward() is allowed: it adds the same gradient once more. With most losses it is an error.")]
    found += [Heading("Numbers"), _numbers(life, step)]
    return tuple(found)


def _without_graph(life: Life, shown: int) -> tuple[Block, ...]:
    roles = " and ".join(life.idle)
    error = life.steps[shown].what == "error"
    return (
        Verdict(life.refused if error else f"Step {shown} of {len(life.steps) - 1}: {sentence(life, shown)}", "bad" if error
                else "warning"),
        *(Verdict(f"torch warns: {words}", "warning") for words in life.warnings),
        Heading("Where the graph ends"),
        Paragraph("\"Element 0 of tensors\" is the loss: the first of the tensors that backward was called on. It does not "
                  "require a gradient and has no grad_fn, so there is no function to start from: the graph ends before it "
                  "begins."),
        Paragraph("torch records an operation only if at least one of its inputs requires a gradient. Here none does: "
                  f"{roles} {'have' if len(life.idle) > 1 else 'has'} requires_grad=False, which is the default of "
                  "torch.tensor(...). So the loss is computed and is right, but nobody wrote down how." if not life.shapes else
                  f"{' and '.join(life.shapes)} requires a gradient, but this loss only compares it with other numbers to choose a "
                  "formula. A comparison has no derivative, so torch records none; and of what the formulas are made of, "
                  f"{roles}, nothing requires a gradient."),
        Heading("Cure"),
        Paragraph("Switch on requires_grad of the tensor whose gradient is wanted, before the loss is computed: "
                  "torch.tensor(..., requires_grad=True), or x.requires_grad_(). The weights of a layer have it by themselves."),
        Table(("step", "what happens"), tuple(
            (("\u2192 " if index == shown else "") + f"{index} {_LINES[step.what]}",
             "RuntimeError" if step.what == "error" else "no .grad")
            for index, step in enumerate(life.steps)
        )),
        Numbers((Number("loss", number_text(_total(life)), role=Role.CURVE),)),
    )


#: The lines in short, for a narrow table.
_LINES = {"made": "tensors", "loss": "loss = ...", "backward": "backward()", "error": "backward()", "cleared": "zero_grad()"}


def _steps(life: Life, shown: int) -> Table:
    """All steps, the shown one marked, with the first elements of the first gradients."""
    names = list(life.shapes)[:2]
    heads = (".grad",) if len(names) == 1 else tuple(f"{name}.grad" for name in names)
    return Table(("step", *heads), tuple(
        (("\u2192 " if index == shown else "") + f"{index} {_LINES[step.what]}",
         *(_list(step.after[name], 3 if len(names) == 1 else 1) for name in names))
        for index, step in enumerate(life.steps)
    ))


def _list(values: Floats | None, most: int) -> str:
    if values is None:
        return "None"
    flat = values.reshape(-1)
    words = [f"{value:.3g}".replace("-", "\u2212") for value in flat[:most]]
    return "(" + ", ".join(words) + (", \u2026" if flat.size > most else "") + ")"


def _sum(life: Life) -> list[Block]:
    """The accumulation of one element with its numbers: of the first that is not zero."""
    last = [step for step in life.steps if step.what == "backward"][-1]
    first = next(step for step in life.steps if step.what == "backward")
    for name, found in first.after.items():
        total = last.after[name]
        if found is None or total is None:
            continue
        index = next((i for i, value in enumerate(found.reshape(-1)) if value != 0 and np.isfinite(value)), None)
        if index is None or not np.isfinite(total.reshape(-1)[index]):
            continue
        one, all_ = float(found.reshape(-1)[index]), float(total.reshape(-1)[index])
        if last.nth == 1:
            terms = f"0 + {factor_latex(one)}"
        elif last.nth <= 4:
            terms = " + ".join([factor_latex(one)] * last.nth)
        else:
            terms = rf"{last.nth} \cdot {factor_latex(one)}"
        return [Formula(rf"{terms} = {number_latex(all_)}",
                        f"element {index} of {name}.grad after {last.nth} backward passes is {number_text(all_)}")]
    return []


def _total(life: Life) -> float:
    """Of all losses, infinite if that is too large."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sum(life.loss))


def _numbers(life: Life, step: Step) -> Numbers:
    rows = [Number("loss" if life.scalar else "sum of the losses", number_text(_total(life)), role=Role.CURVE)]
    for name, found in step.after.items():
        rows.append(Number(f"{name}.grad", "None" if found is None else f"shape ({', '.join(map(str, found.shape))})"))
        if found is not None and found.size:
            rows.append(Number("its largest magnitude", number_text(float(np.abs(found).max())), role=Role.GRADIENT))
    return Numbers(tuple(rows[:9]))


def code(request: GradRequest) -> str:
    """PyTorch that does the same and prints .grad after every line.

    Raises:
        UserError: the setup cannot be built.
    """
    built = build(request.setup)
    names = list(wanting(built))
    lines = setup_lines(request.setup)
    if not built.loss().requires_grad:
        return "\n".join((*lines, "", f"loss = {call(request.setup)}", "try:", "    loss.backward()",
                          "except RuntimeError as error:", '    print("RuntimeError:", error)', ""))
    shown = f"[{', '.join(f'{name}.grad' for name in names)}]" if len(names) > 1 else f"{names[0]}.grad"
    return "\n".join((
        *lines,
        f"optimizer = torch.optim.SGD([{', '.join(names)}], lr=0.1)",
        f'print("before:", {shown})',
        "",
        f"for backward in range({request.backwards}):",
        f"    loss = {call(request.setup)}",
        "    loss.backward(torch.ones_like(loss))" if request.setup.reduction == "none" else "    loss.backward()",
        f'    print(f"after backward {{backward + 1}}:", {shown})',
        "",
        f"optimizer.zero_grad({'' if request.set_to_none else 'set_to_none=False'})",
        f'print("cleared:", {shown})',
        "",
    ))
