"""Why is .grad None? The real cases, each of them run by torch, with the diagnosis that its tensors give, and the cure."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from visualizer.base.explanation import Block, Explanation, Heading, Paragraph, Table, Verdict, number_text
from visualizer.base.pages import PageResult
from visualizer.experiments.losses.chain import chain_of
from visualizer.experiments.losses.drawing import graph_figure
from visualizer.experiments.losses.evaluation import heard
from visualizer.experiments.losses.gallery import Case, case_of
from visualizer.experiments.losses.inspection import Finding, diagnose, grad_of
from visualizer.experiments.losses.requests import NoneRequest
from visualizer.experiments.losses.state import LossesState
from visualizer.figures.model import Figure

#: Elements of a gradient that are written.
_SHOWN = 6
#: Width in pixels up to which functions keep their whole names.
_WIDE = 720.0
#: Where in torch's sources a warning comes from: no help to anybody who reads it here.
_INTERNAL = re.compile(r"\s*\(Triggered internally at .*\)")


@dataclass(frozen=True)
class Seen:
    """One tensor after a script, as Python shows it."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    is_leaf: bool
    requires_grad: bool
    grad_fn: str
    grad: tuple[float, ...] | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What came of a script.

    Attributes:
        error: torch's or Python's own message with the type of the exception; empty: none.
        warned: what torch warned of.
        printed: what the script printed.
        seen: all its tensors.
        finding: why ``.grad`` of the tensor in question is None, or that it is not.
        figure: its graph.
    """

    error: str
    warned: tuple[str, ...]
    printed: tuple[str, ...]
    seen: tuple[Seen, ...]
    finding: Finding
    figure: Figure

    def numbers(self) -> dict[str, Any]:
        return {
            "reason": self.finding.reason, "diagnosis": self.finding.headline, "error": self.error, "warnings": list(self.warned),
            "printed": list(self.printed),
            "tensors": {entry.name: {
                "is_leaf": entry.is_leaf, "requires_grad": entry.requires_grad, "grad_fn": entry.grad_fn or None,
                "dtype": entry.dtype, "shape": list(entry.shape), "grad": None if entry.grad is None else list(entry.grad),
            } for entry in self.seen},
        }


@dataclass(frozen=True, eq=False)
class NoneResult(PageResult):
    """A case: how it goes wrong, and how it goes right."""

    case: Case
    broken: Outcome
    cured: Outcome

    def numbers(self) -> dict[str, Any]:
        return {"case": self.case.name, "asked": self.case.asked, "broken": self.broken.numbers(), "cured": self.cured.numbers()}


def run(request: NoneRequest) -> Iterator[NoneResult | None]:
    """Both scripts, really run."""
    case = case_of(request.case)
    broken = yield from outcome(case, case.broken, "none", case.cuts)
    yield None
    cured = yield from outcome(case, case.cure, "cured", ())
    yield NoneResult(request=request, case=case, broken=broken, cured=cured)


def outcome(
    case: Case, script: str, figure: str, cuts: tuple[tuple[str, str, str], ...],
) -> Generator[None, None, Outcome]:
    """Run a script of the gallery and look at its tensors; None for not yet, the outcome is returned."""
    printed: list[str] = []
    space: dict[str, Any] = {"torch": torch, "print": _printer(printed)}
    error = ""
    said: list[str] = []
    with heard(said), torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.default_generator.manual_seed(0)
        try:
            exec(compile(script, f"<{case.name}>", "exec"), space)
        except Exception as raised:
            error = f"{type(raised).__name__}: {raised}"
    yield None
    tensors = {name: value for name, value in space.items() if isinstance(value, Tensor)}
    loss = tensors.get("loss")
    finding = diagnose(case.asked, tensors[case.asked], loss, error)
    yield None
    seen = tuple(_seen(name, tensor) for name, tensor in tensors.items())
    warned = [_INTERNAL.sub("", words) for words in said]
    drawn = _figure(case, tensors, loss, finding, figure, cuts, seen, error)
    return Outcome(error, tuple(warned), tuple(printed), seen, finding, drawn)


def _printer(printed: list[str]) -> Callable[..., None]:
    def write(*values: object) -> None:
        printed.append(" ".join(map(str, values)))

    return write


def _seen(name: str, tensor: Tensor) -> Seen:
    grad = grad_of(tensor)
    return Seen(
        name, tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."), tensor.is_leaf, tensor.requires_grad,
        "" if tensor.grad_fn is None else tensor.grad_fn.name(),
        None if grad is None else tuple(float(value) for value in grad.reshape(-1)),
    )


def _figure(
    case: Case, tensors: Mapping[str, Tensor], loss: Tensor | None, finding: Finding, name: str,
    cuts: tuple[tuple[str, str, str], ...], seen: tuple[Seen, ...], error: str,
) -> Figure:
    chain = chain_of(loss, tensors, cuts)
    notes = {entry.name: f".grad {_gradient(entry, 4)}" for entry in seen
             if entry.name == case.asked or (entry.is_leaf and entry.requires_grad) or entry.grad is not None}
    why = finding.sentences[0].partition(". ")[0].removesuffix(".") + "."
    if loss is None:
        why = f"The script stops before there is a loss: {error.partition(': ')[2].rstrip('.')}."
    title = finding.headline[:-1] if name == "none" else f"Cured: {finding.headline[:-1]}"
    return graph_figure(name, title, chain, why if name == "none" else case.advice, notes, case.asked,
                        shapes=False, legend=name == "none", wide=_WIDE)


def _gradient(entry: Seen, most: int = _SHOWN) -> str:
    if entry.grad is None:
        return "None"
    more = ", \u2026" if len(entry.grad) > most else ""
    return f"({', '.join(number_text(value, 3) for value in entry.grad[:most])}{more})"


def figures(result: NoneResult, state: LossesState) -> tuple[Figure, ...]:
    """The graph of the case, and that of its cure."""
    return result.broken.figure, result.cured.figure


def explain(result: NoneResult, state: LossesState) -> Explanation:
    """The diagnosis, step by step, and the cure."""
    case, broken, cured = result.case, result.broken, result.cured
    blocks: list[Block] = [
        Verdict(broken.finding.headline, "bad"),
        *(Paragraph(sentence) for sentence in broken.finding.sentences),
        *_said(broken),
        Heading("What was run"),
        _script(case.broken),
        Heading(f"What to ask of {case.asked}"),
        Table(("", "broken", "cured"), tuple(
            (question, answer, other) for (question, answer), (_, other)
            in zip(broken.finding.questions, cured.finding.questions, strict=True)
        )),
        Heading("Cure"),
        Paragraph(case.advice),
        _script(case.cure),
        *_said(cured),
        Verdict(cured.finding.headline, "good"), Heading("All tensors"), _tensors("broken", broken), _tensors("cured", cured),
    ]
    return Explanation(tuple(blocks))


def _script(lines: str) -> Paragraph:
    """Lines of code, each with its number; the spaces at its beginning are kept."""
    indented = lines.replace("    ", "\u2003\u2003").splitlines()
    return Paragraph("\n".join(f"{index}\u2002{line}" for index, line in enumerate(indented, start=1)))


def _said(outcome: Outcome) -> list[Block]:
    """What torch and Python said."""
    found: list[Block] = []
    if outcome.error:
        found.append(Paragraph(f"It ends with {outcome.error}"))
    found += [Paragraph(f"torch warns: {' '.join(words.split())}") for words in outcome.warned]
    found += [Paragraph(f"It prints: {' '.join(words.split())}") for words in outcome.printed]
    return found


def _tensors(title: str, outcome: Outcome) -> Table:
    return Table((title, "leaf", "requires", ".grad"), tuple(
        (entry.name, "yes" if entry.is_leaf else "no", "yes" if entry.requires_grad else "no", _gradient(entry, 3))
        for entry in outcome.seen
    ))


def code(request: NoneRequest) -> str:
    """Both scripts; runs as it stands."""
    case = case_of(request.case)
    lines = ["import torch", "", f"# {case.title}: as it goes wrong"]
    if case.error:
        lines += ["try:", textwrap.indent(case.broken, "    "), f"except {case.error} as error:",
                  f'    print("{case.error}:", error)']
    else:
        lines += [case.broken]
    return "\n".join((*lines, "", "# The cure", case.cure, ""))
