r"""What is common to the worked formulas of all losses: their numbers, and the reduction around the terms.

A loss says only what one of its terms is and how steep that is (:class:`Parts`); :func:`assembled` puts the indices, the sum,
the division and torch's own results around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from visualizer.base.tensors import TensorData
from visualizer.components.losses import Loss
from visualizer.experiments.losses.evaluation import Built
from visualizer.experiments.losses.worked.parts import Division, Parts, Worked
from visualizer.experiments.losses.worked.writing import (
    RESULT_DIGITS,
    Floats,
    equals,
    fitting,
    joined,
    num,
    row_of,
)

#: So many terms are written out before dots.
SHOWN = 4


@dataclass(frozen=True, eq=False)
class Case:
    """A run in numpy, all floats in float64.

    Attributes:
        built: as torch has it.
        loss: what torch returned; with ``reduction="none"`` the sum.
        each: torch's terms, in their shape.
        gradient: torch's, of the prediction, in its shape; None if there is none.
        element: the flat index of the element whose derivative is worked out.
    """

    built: Built
    loss: float
    each: Floats
    gradient: Floats | None
    element: int
    inputs: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def entry(self) -> Loss:
        return self.built.setup.entry

    @property
    def reduction(self) -> str:
        return self.built.setup.reduction

    @cached_property
    def arguments(self) -> Mapping[str, Any]:
        """Keyword arguments of the loss; tensors among them as arrays."""
        return {
            name: np.array(value.values).reshape(value.shape) if isinstance(value, TensorData) else value
            for name, value in self.built.setup.values
        }

    @property
    def x(self) -> Floats:
        return self.inputs["prediction"]

    @cached_property
    def grid(self) -> tuple[int, ...]:
        """The shape of the terms, () included."""
        return self.each.shape

    @cached_property
    def terms(self) -> Floats:
        return self.each.reshape(-1)

    @cached_property
    def mixed(self) -> bool:
        """Whether torch broadcast rows of different shapes to each other, which it allows and hardly anyone means."""
        if self.entry.layout not in ("rows", "labels"):
            return False
        shapes = {self.inputs[item.role].shape for item in self.entry.inputs
                  if item.role != "target" or self.entry.layout == "labels"}
        weight = self.arguments.get("weight")
        wide = self.x.shape if weight is None else np.broadcast_shapes(self.x.shape, weight.shape)
        return len(shapes) > 1 or wide != self.x.shape or self.terms.size != (self.x.shape[0] if self.x.ndim == 2 else 1)

    def spread(self, values: Floats) -> Floats:
        """An input as it is seen by each term of a loss that takes every element by itself: broadcast, and flat."""
        return np.broadcast_to(values, self.grid).reshape(-1)

    @cached_property
    def places(self) -> tuple[int, ...]:
        """The terms that the chosen element of the prediction is in: its row, or wherever it was broadcast to."""
        if self.entry.layout != "elements":
            width = self.x.shape[-1] if self.x.ndim else 1
            return (self.element // max(1, width),) if self.entry.layout != "sequence" else (0,)
        seen = np.broadcast_to(np.arange(self.x.size).reshape(self.x.shape), self.grid).reshape(-1)
        return tuple(int(place) for place in np.flatnonzero(seen == self.element))

    def rows(self, role: str = "prediction") -> Floats:
        """An input of shape (D) or (N, D) as rows, shape (N, D)."""
        return np.atleast_2d(self.inputs[role])


def unworked(case: Case, note: str, division: Division | None = None) -> Parts:
    """The terms as torch computed them, where nothing short can be shown of how."""
    slope = 0.0 if case.gradient is None or not case.gradient.size else float(case.gradient[case.element])
    return Parts(
        lambda n: "", r"\sum_m \frac{\partial \ell_m}{\partial x_{n,c}}", lambda n, i: ("", slope),
        division=division, notes=(note,),
    )


def broadcast(case: Case) -> Parts:
    """Of tensors whose shapes differ."""
    shapes = " and ".join(dict.fromkeys(str(tuple(values.shape)) for values in case.inputs.values()))
    return unworked(case, f"The shapes {shapes} differ: torch broadcasts the tensors to each other, so that an element is in "
                    "several terms.")


def index_of(flat: int, shape: tuple[int, ...]) -> str:
    """``2``, or ``1,0`` for a matrix: counted from 0 as torch does."""
    return ",".join(str(int(part)) for part in np.unravel_index(flat, shape)) if shape else "0"


def shown_of(count: int) -> list[int | None]:
    """The terms that are written out, None for dots."""
    if count <= SHOWN + 2:
        return list(range(count))
    return [*range(SHOWN), None, count - 1]


def case_of(built: Built, loss: float, contributions: Floats, gradient: Floats | None, element: int) -> Case:
    """The run in numpy; an element beyond the prediction is its last."""
    inputs = {
        role: np.asarray(leaf.detach().double().numpy(), dtype=np.float64) for role, leaf in built.leaves.items()
    }
    size = inputs["prediction"].size
    held = None if gradient is None else np.asarray(gradient, dtype=np.float64).reshape(-1)
    return Case(built, float(loss), np.asarray(contributions, dtype=np.float64), held, max(0, min(element, size - 1)), inputs)


def assembled(case: Case, parts: Parts) -> Worked:
    """The reduction, torch's results and the general form around the parts of a loss."""
    notes = list(parts.notes)
    if case.reduction == "none" and case.terms.size > 1:
        notes.append("reduction none gives all of them; backward starts from ones then, so this is the gradient of their sum.")
    terms = list(parts.before)
    for place in shown_of(case.terms.size):
        terms.append(r"\vdots" if place is None else _equation(
            rf"\ell_{{{index_of(place, case.grid)}}}", parts.term(place), case.terms[place]
        ))
    if case.terms.size > SHOWN + 2:
        notes.append(f"Written out are {SHOWN + 1} of {case.terms.size:,} terms.")
    odd = np.flatnonzero(~np.isfinite(case.terms))
    if odd.size:
        kind = "not a number" if np.isnan(case.terms[odd[0]]) else "infinite"
        notes.append(f"Term {index_of(int(odd[0]), case.grid).replace(',', ', ')} is {kind}, and any sum with it is not finite.")
    division = _division(case, parts)
    return Worked(tuple(terms), _total(case, parts, division), _slope(case, parts, division, notes), tuple(notes))


def _equation(left: str, right: str, value: float, digits: int = RESULT_DIGITS) -> str:
    """``left = right = value``, where the right side is not the value itself already."""
    end = equals(value, digits)
    if not right:
        return f"{left} {end}"
    if right == end.removeprefix("= ") or right == end.removeprefix(r"\approx "):
        return f"{left} {end}"
    return f"{left} = {right} {end}"


def _division(case: Case, parts: Parts) -> Division | None:
    if case.reduction in ("sum", "none"):
        return None
    if parts.division is not None:
        return parts.division
    if case.reduction == "batchmean":
        return Division("B", str(case.x.shape[0]), case.x.shape[0]) if case.x.ndim else None
    return Division("N", str(case.terms.size), case.terms.size) if case.terms.size > 1 else None


def _total(case: Case, parts: Parts, division: Division | None) -> tuple[str, ...]:
    values = case.terms
    if case.reduction == "none" and values.size > 1:
        return (f"L = {row_of(values, RESULT_DIGITS)}",)
    if values.size == 1 and division is None:
        return (rf"L = \ell_{{{index_of(0, case.grid)}}} {equals(case.loss)}",)
    if values.size == 1:
        symbol, below = f"{{{division.symbol}}}", f"{{{division.numbers}}}"  # type: ignore[union-attr]
        return (rf"L = \frac{{\ell_{{{index_of(0, case.grid)}}}}}{symbol} = \frac{{{num(values[0], RESULT_DIGITS)}}}{below} "
                f"{equals(case.loss)}",)
    total = float(values.sum())
    worked = _numerator(case, parts)
    if division is None:
        return (rf"L = \sum_n \ell_n = {worked} {equals(case.loss)}",)
    line = rf"L = \frac{{1}}{{{division.symbol}}} \sum_n \ell_n = \frac{{{worked}}}{{{division.numbers}}}"
    middle = rf"\frac{{{num(total, RESULT_DIGITS)}}}{{{num(division.value)}}}"
    if rf"\frac{{{worked}}}{{{division.numbers}}}" != middle:
        line += f" {'=' if equals(total).startswith('=') else chr(92) + 'approx'} {middle}"
    return (f"{line} {equals(case.loss)}",)


def _numerator(case: Case, parts: Parts) -> str:
    """The sum of all terms: worked ones if they are few enough for a line, else their values."""
    count = case.terms.size
    places = list(range(count)) if count <= 12 else [*range(11), count - 1]
    if parts.brief is not None and count <= 6:
        briefs = [parts.brief(place) for place in places]
        if len(fitting(briefs)) == count:
            return joined(briefs)
    values = [num(case.terms[place], RESULT_DIGITS) for place in places]
    if count > 12:
        values[-2] = "9" * 99  # too wide to fit: dots come in its place
    return joined(fitting(values))


def _slope(case: Case, parts: Parts, division: Division | None, notes: list[str]) -> tuple[str, ...]:
    if not case.x.size:
        return ()
    index = "n" if case.entry.layout == "elements" else "t,c" if case.entry.layout == "sequence" else "n,c"
    symbol = "" if division is None else division.symbol
    lines = [rf"\frac{{\partial L}}{{\partial {parts.letter}_{{{index}}}}} = {_over(parts.general, symbol)}", *parts.where]
    pieces = [parts.steep(place, case.element) for place in case.places[:12]]
    value = sum(piece[1] for piece in pieces)
    # Where every row is ignored, the mean is 0 / 0, and yet torch takes the slope 0.
    nothing = division is not None and division.value == 0
    if division is not None and not (nothing and value == 0):
        value = float(np.divide(value, division.value))
    if case.gradient is not None:
        value = float(case.gradient[case.element])
    left = rf"\frac{{\partial L}}{{\partial {parts.letter}_{{{index_of(case.element, case.x.shape)}}}}}"
    if len(case.places) > 12 or nothing or not any(piece[0] for piece in pieces):
        lines.append(f"{left} {equals(value)}")
    else:
        texts = [piece[0] for piece in pieces]
        above = texts[0] if len(texts) == 1 else joined(texts) if len(fitting(texts)) == len(texts) else joined(
            fitting([num(piece[1]) for piece in pieces])
        )
        lines.append(_equation(left, _over(above, "" if division is None else division.numbers), value))
    if len(case.places) > 1:
        notes.append(f"The prediction is broadcast: this element is in {len(case.places):,} terms, and its slope is their sum.")
    if case.gradient is None:
        notes.append("requires_grad is off for the prediction: torch computes no gradient; this is what it would be.")
    return tuple(lines)


def _over(text: str, divisor: str) -> str:
    if not divisor:
        return text
    if text.startswith(r"\begin"):
        return rf"\frac{{1}}{{{divisor}}} {text}"
    if r"\frac" in text or r"\sum" in text or len(text) > 60:
        alone = _is_fraction(text)
        return rf"\frac{{1}}{{{divisor}}} \cdot {text}" if alone else rf"\frac{{1}}{{{divisor}}} ({text})"
    return rf"\frac{{{text}}}{{{divisor}}}"


def _is_fraction(text: str) -> bool:
    """Whether all of it is one fraction."""
    if not text.startswith(r"\frac"):
        return False
    depth, groups = 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "{") - (sign == "}")
        groups += sign == "}" and depth == 0
        if groups == 2:
            return at == len(text) - 1
    return False
