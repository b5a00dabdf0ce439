"""What a loss says about its own terms, and what becomes of it. LaTeX throughout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Worked:
    """A loss with the numbers of a run put in.

    Attributes:
        terms: LaTeX, a line for each of the first elements (or rows), dots, and the last.
        total: LaTeX, how the reduction makes one number of them.
        slope: LaTeX, the derivative in general, then for one element of the prediction.
        notes: sentences on what matters in this run.
    """

    terms: tuple[str, ...]
    total: tuple[str, ...]
    slope: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Division:
    """What the sum of all terms is divided by: its symbol, its computation with numbers, its value."""

    symbol: str
    numbers: str
    value: float


@dataclass(frozen=True)
class Parts:
    """What is particular to a loss.

    Attributes:
        term: the right-hand side of the n-th term, which may go on over several equal signs, without the result.
        general: the derivative of a term by an element of the prediction, in symbols.
        steep: the same with numbers, for the term and the flat index of the element: LaTeX and value.
        brief: a term with numbers as it stands in the sum; None: only its value does.
        before: lines that come before the terms.
        where: for a derivative of several names, lines that say what they stand for.
        division: what a mean divides by; None: the number of terms.
        notes: on this run.
        letter: what the prediction is called.
    """

    term: Callable[[int], str]
    general: str
    steep: Callable[[int, int], tuple[str, float]]
    brief: Callable[[int], str] | None = None
    before: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    division: Division | None = None
    notes: tuple[str, ...] = ()
    letter: str = "x"
