"""Numbers and sums of worked formulas in LaTeX, of which every side can be computed again by whoever reads it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from visualizer.components.latex import exp_latex, number_latex

Floats = NDArray[np.float64]

#: Significant digits of a number inside a formula, and of a result.
DIGITS = 5
RESULT_DIGITS = 6

#: What float32 makes of a number such as 0.1 is still shown as equal to it.
_SAME = 2e-7
#: The same for a number of two digits, such as 1.5 - 1.4 in float32, which no other number comes so near to by chance.
_NEAR = 2e-6
#: Characters that the terms of a sum may take before dots stand for the others.
_ROOM = 56


def num(value: float, digits: int = DIGITS) -> str:
    """A number; infinities and NaN as mathematics and IEEE 754 write them."""
    value = float(value)
    if math.isnan(value):
        return r"\mathrm{NaN}"
    if math.isinf(value):
        return r"\infty" if value > 0 else r"-\infty"
    return number_latex(value, digits)


def inner(value: float) -> str:
    """A number after a sign or inside a product: in brackets if it needs them."""
    text = num(value)
    return f"({text})" if text.startswith("-") or "cdot" in text else text


def equals(value: float, digits: int = RESULT_DIGITS) -> str:
    r"""``= 9`` where that is all of the number, else ``\approx 0.693147``."""
    value = float(value)
    if not math.isfinite(value):
        return f"= {num(value)}"
    # The short way to write it has as many digits as number_latex gives a number that needs no more.
    short, shorter = float(f"{value:.4g}"), float(f"{value:.2g}")
    if abs(shorter - value) <= _NEAR * abs(value):
        return f"= {num(shorter, 4)}"
    if abs(short - value) <= _SAME * abs(value):
        return f"= {num(short, 4)}"
    if value.is_integer() and abs(value) < 1e6:
        return f"= {num(value)}"
    return rf"\approx {num(value, digits)}"


def approx(value: float, digits: int = DIGITS) -> str:
    """As :func:`equals`, for a number on the way to the result."""
    return equals(value, digits)


def minus(left: float, right: float) -> str:
    """``1 - 4``, ``1 - (-4)``."""
    return f"{num(left)} - {inner(right)}"


def times(weight: float | None, text: str) -> str:
    r"""``2 \cdot`` before a factor; nothing if there is no weight, or if it is one."""
    return text if weight is None or weight == 1.0 else rf"{inner(weight)} \cdot {text}"


def power_of_e(exponent: float) -> str:
    return rf"e^{{{num(exponent)}}}"


def small(logarithm: float) -> str:
    """A probability, from its logarithm, even where it underflows; after a function's name, in brackets if it needs them."""
    if not math.isfinite(logarithm):
        return num(math.exp(logarithm)) if logarithm < 0 else num(logarithm)
    text = num(math.exp(logarithm)) if logarithm > -700.0 else exp_latex(logarithm)
    return f"({text})" if "cdot" in text else text


def joined(terms: Iterable[str]) -> str:
    """All terms added up; one that begins with a minus is subtracted."""
    text = ""
    for term in terms:
        if not text:
            text = term
        elif term.startswith("-"):
            text += f" - {term[1:].lstrip()}"
        else:
            text += f" + {term}"
    return text


def fitting(terms: Sequence[str], room: int = _ROOM) -> list[str]:
    """All terms if they fit into so many characters, else the first ones that do beside dots and the last."""
    if len(terms) < 3 or sum(_wide(term) + 3 for term in terms) <= room:
        return list(terms)
    left = room - _wide(terms[-1]) - 6
    used = 0
    while used < len(terms) - 2 and left >= _wide(terms[used]) + 3:
        left -= _wide(terms[used]) + 3
        used += 1
    return [*terms[: max(used, 1)], r"\dots", terms[-1]]


def sum_of(terms: Sequence[str], room: int = _ROOM) -> str:
    r"""``2 + 4 + \dots + 5``."""
    return joined(fitting(terms, room)) if terms else "0"


def row_of(values: Sequence[float] | Floats, digits: int = DIGITS, room: int = 44) -> str:
    r"""``(1,\; 2,\; 3)``."""
    few = [num(value, digits) for value in values[:40]]
    if len(values) > 40:
        few.append(num(values[-1], digits))
        return "(" + r",\; ".join([*fitting([*few[:-1], "9" * room], room)[:-1], few[-1]]) + ")"
    return "(" + r",\; ".join(fitting(few, room)) + ")"


def _wide(term: str) -> int:
    """About how many characters a term takes when it is typeset."""
    for command in (r"\frac", r"\cdot", r"\left", r"\right", r"\mathrm", "\\", "{", "}", "^", "_"):
        term = term.replace(command, "")
    return len(term)


def log_softmax(scores: Floats) -> Floats:
    """Along the last axis, in float64."""
    with np.errstate(all="ignore"):
        shifted = scores - scores.max(axis=-1, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)))


def sigmoid(value: float) -> float:
    if math.isnan(value):
        return value
    if value >= 0:
        return 1.0 / (1.0 + math.exp(-value))
    e = math.exp(value) if value > -745 else 0.0
    return e / (1.0 + e)


def plural(count: int, one: str, many: str) -> str:
    """``1 element is``, ``3 elements are``."""
    return f"{count:,} {one if count == 1 else many}"
