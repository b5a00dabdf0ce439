"""What the explain panel shows, free of Qt: an ordered tuple of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from visualizer.base.roles import Role


@dataclass(frozen=True)
class Heading:
    text: str


@dataclass(frozen=True)
class Paragraph:
    """Plain text; inline symbols as Unicode, no markup."""

    text: str


@dataclass(frozen=True)
class Formula:
    """LaTeX without dollar signs, typeset on a line of its own; ``description`` is what a screen reader says."""

    latex: str
    description: str = ""


@dataclass(frozen=True)
class Number:
    """One row of a table of numbers: ``value`` is already formatted (see :func:`number_text`)."""

    name: str
    value: str
    unit: str = ""
    help: str = ""
    role: Role | None = None


@dataclass(frozen=True)
class Numbers:
    """A table of this run's numbers, values aligned at the decimal point."""

    rows: tuple[Number, ...]


@dataclass(frozen=True)
class Table:
    """A small table with a header row; every cell is formatted text, the first column is the row's name."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Verdict:
    """A one-line judgement of this run; its colour is the role's, its text says the same without colour."""

    text: str
    role: Literal["good", "warning", "bad", "muted"] = "muted"


Block = Heading | Paragraph | Formula | Numbers | Table | Verdict


@dataclass(frozen=True)
class Explanation:
    """All blocks, from top to bottom. The verdict, if any, comes first."""

    blocks: tuple[Block, ...]


def number_text(value: float, digits: int = 4) -> str:
    """A number with ``digits`` significant digits for display; powers of ten as ``1.234e-05``; "not a number" for NaN."""
    value = float(value)
    if value != value:
        return "not a number"
    if value in (float("inf"), float("-inf")):
        return "infinite" if value > 0 else "minus infinite"
    if value == 0.0:
        return "0"
    magnitude = abs(value)
    if 1e-4 <= magnitude < 10**6:
        # The exponent after rounding: 0.099999 is shown as 0.1000, not as 0.10000.
        exponent = int(f"{magnitude:.{digits - 1}e}".split("e")[1])
        decimals = max(0, digits - 1 - exponent)
        return f"{value:.{decimals}f}".replace("-", "\u2212")
    return f"{value:.{digits - 1}e}".replace("-", "\u2212", 1) if value < 0 else f"{value:.{digits - 1}e}"
