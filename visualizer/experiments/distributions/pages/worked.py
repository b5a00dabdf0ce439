"""Numbers in worked formulas: exact where a few digits are, else rounded and marked as such."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: Digits of a number that goes on for longer.
DIGITS = 8


def exact(value: float) -> bool:
    """Whether :func:`tex` shows all of this number (up to the rounding of float64)."""
    return _short(value) is not None


def tex(value: float, digits: int = DIGITS) -> str:
    """A number for a formula: short ones as they stand, others with ``digits`` significant digits."""
    if math.isnan(value):
        return r"\mathrm{undefined}"
    if math.isinf(value):
        return r"\mathrm{too\ large}" if value > 0 else r"-\mathrm{too\ large}"
    text = _short(value, digits)
    if text is None:
        text = f"{value:#.{digits}g}".rstrip(".")
    if "e" not in text:
        return text
    mantissa, exponent = text.split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def equals(value: float, digits: int = DIGITS) -> str:
    """``= 5`` or ``\\approx 2.2360680``."""
    return ("= " if math.isinf(value) or _short(value, digits) is not None else r"\approx ") + tex(value, digits)


def plain(value: float, digits: int = DIGITS) -> str:
    """The same as text for a table or a sentence, with a true minus sign."""
    if not math.isfinite(value):
        return "undefined" if math.isnan(value) else "too large for float64"
    text = _short(value, digits) or _tidy(f"{value:#.{digits}g}".rstrip("."))
    return text.replace("-", "\u2212") if "e" not in text else text.replace("-", "\u2212", 1) if value < 0 else text


def in_brackets(value: float) -> str:
    """For a factor or a subtrahend: ``(-3)``, ``3``."""
    return f"({tex(value)})" if value < 0 else tex(value)


def sum_of(terms: Sequence[str], room: int = 48) -> str:
    """``2 + 4 + 5``: all of these terms, or as many as fit into ``room`` characters with dots and the last one.

    A term that begins with a minus is subtracted.
    """
    def joined(parts: Sequence[str]) -> str:
        text = parts[0]
        for part in parts[1:]:
            text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        return text

    return joined(_fitting(terms, room, 3))


def list_of(terms: Sequence[str], room: int = 44) -> str:
    """``9,\\; 1,\\; 0``: as :func:`sum_of`, separated by commas."""
    return r",\; ".join(_fitting(terms, room, 2))


def _fitting(terms: Sequence[str], room: int, between: int) -> list[str]:
    """All terms, if they fit into ``room`` characters; else the first ones that do beside dots and the last, at least one."""
    if len(terms) < 3 or sum(map(_wide, terms)) + between * len(terms) <= room:
        return list(terms)
    left = room - _wide(terms[-1]) - 3 * between
    used = 0
    while used < len(terms) - 2 and left >= _wide(terms[used]) + between:
        left -= _wide(terms[used]) + between
        used += 1
    return [*terms[:max(used, 1)], r"\dots", terms[-1]]


def _wide(term: str) -> int:
    """How many characters a number takes when it is typeset."""
    return len(term.replace(r" \cdot 10^{", "x10").rstrip("}"))


def _short(value: float, digits: int = DIGITS) -> str | None:
    """The number in at most ``digits`` significant digits (whole numbers in up to 15), if that is all of it."""
    if not math.isfinite(value):
        return None
    if value == 0:
        return "0"
    if value == round(value) and abs(value) < 1e15 and (abs(value) < 1e6 or float(f"{value:.{digits}g}") != value):
        return str(int(value))
    text = f"{value:.{digits}g}"
    # 0.1 + 0.2 is 0.30000000000000004: nobody is helped by being told that this is not 0.3.
    if abs(float(text) - value) > 4e-16 * abs(value):
        return None
    return _tidy(text)


def _tidy(text: str) -> str:
    """``1e5`` for ``1e+05``."""
    return text.replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")
