"""A parameter that is a small tensor: the numbers themselves, typed, pasted, dragged. No torch.

As text: elements separated by commas, rows by semicolons, ``1,2,3;4,5,6``. A row that ends with a semicolon is a matrix of
one row. What a spreadsheet copies (tabs and lines), and what torch and numpy print, is read, too.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from visualizer.base.errors import ParameterError
from visualizer.base.parameters import Parameter, declare

#: Elements of the largest tensor that can be edited.
MOST_ELEMENTS = 10_000

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|nan|inf|infinity)", re.IGNORECASE)
_PRINTED = re.compile(r"[\w.]+\(\s*(\[.*\])\s*(?:,[^\[\]]*)?\)", re.DOTALL)
_ALIKE = str.maketrans({"\u2212": "-", "\u2013": "-", "\ufeff": " ", "\u00a0": " ", "\u202f": " "})


@dataclass(frozen=True)
class TensorData:
    """The elements of a tensor with one or two dimensions.

    Attributes:
        shape: ``(n,)`` or ``(rows, columns)``.
        values: all elements, row by row. NaN and infinities are allowed: what a loss makes of them is worth seeing.
    """

    shape: tuple[int, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.shape) not in (1, 2) or math.prod(self.shape) != len(self.values):
            raise ValueError(f"{len(self.values)} values do not make a tensor of shape {self.shape}")

    @property
    def rows(self) -> int:
        """How many rows a table of it has; a vector is one row."""
        return self.shape[0] if len(self.shape) == 2 else min(1, self.shape[0])

    @property
    def columns(self) -> int:
        return self.shape[-1]

    @cached_property
    def text(self) -> str:
        """As it is typed; read back, it is this tensor again."""
        words = [_text(value) for value in self.values]
        if len(self.shape) == 1:
            return ",".join(words)
        rows = [",".join(words[at : at + self.columns]) for at in range(0, len(words), max(1, self.columns))]
        return ";".join(rows) + (";" if len(rows) == 1 else "")

    def replaced(self, index: int, value: float) -> TensorData:
        """This tensor with another element at the flat index."""
        return TensorData(self.shape, (*self.values[:index], float(value), *self.values[index + 1 :]))

    def nested(self) -> list[Any]:
        """Lists as ``torch.tensor`` takes them."""
        if len(self.shape) == 1:
            return list(self.values)
        return [list(self.values[row * self.columns : (row + 1) * self.columns]) for row in range(self.shape[0])]

    @staticmethod
    def of(rows: Sequence[Any]) -> TensorData:
        """The tensor of a list of numbers, or of a list of rows of one length.

        Raises:
            ValueError: the rows differ in length.
        """
        if rows and isinstance(rows[0], Sequence):
            width = len(rows[0])
            if any(len(row) != width for row in rows):
                raise ValueError("the rows differ in length")
            return TensorData((len(rows), width), tuple(float(value) for row in rows for value in row))
        return TensorData((len(rows),), tuple(float(value) for value in rows))


def _text(value: float) -> str:
    return str(int(value)) if math.isfinite(value) and value == int(value) and abs(value) < 1e15 else repr(value)


@dataclass(frozen=True, kw_only=True)
class Tensor(Parameter[TensorData]):
    """A tensor whose elements are edited."""

    kind: ClassVar[str] = "tensor"

    def allowed(self, state: Any = None) -> str:
        return (f"at most {MOST_ELEMENTS:,} numbers separated by commas, in rows of equal length separated by semicolons, "
                "such as 1,2,3;4,5,6")

    def check(self, value: Any, state: Any = None) -> TensorData:
        if isinstance(value, str):
            return self.parse(value, state)
        if not isinstance(value, TensorData) or len(value.values) > MOST_ELEMENTS:
            raise self.refuse(value if not isinstance(value, TensorData) else f"{len(value.values):,} numbers", state)
        return value

    def parse(self, text: str, state: Any = None) -> TensorData:
        """The tensor that a text holds.

        Raises:
            ParameterError: a word is no number, the rows differ in length, or there are too many elements.
        """
        clean = text.translate(_ALIKE).strip()
        printed = _PRINTED.fullmatch(clean)
        if printed is not None:
            clean = printed[1]
        if clean.startswith("["):
            clean = re.sub(r"\s+", " ", clean)  # where torch and numpy break a long row means nothing
            clean = re.sub(r"\]\s*,?\s*\[", ";", clean[1:].removesuffix("]"))
            clean = clean.replace("[", "").replace("]", ";" if clean.startswith("[") and ";" not in clean else "")
        elif "\t" in clean:
            clean = clean.replace(",", ".")  # a spreadsheet's decimal comma: tabs separate its cells
        lines = re.split(r"[;\n\r]+", clean)
        matrix = len(lines) > 1
        rows = [found for line in lines if (found := self._row(line, text, state))]
        if not rows:
            return TensorData((0,), ())
        if sum(map(len, rows)) > MOST_ELEMENTS:
            raise self.refuse(f"{sum(map(len, rows)):,} numbers", state)
        for index, row in enumerate(rows):
            if len(row) != len(rows[0]):
                raise ParameterError(
                    self.option, f"row {index + 1} with {len(row)} elements after rows with {len(rows[0])}",
                    self.allowed(state),
                )
        flat = tuple(value for row in rows for value in row)
        return TensorData((len(rows), len(rows[0])) if matrix else (len(flat),), flat)

    def _row(self, line: str, text: str, state: Any) -> list[float]:
        found = []
        for word in re.split(r"[\s,]+", line.strip().strip(",")):
            if not word:
                continue
            if _NUMBER.fullmatch(word) is None:
                raise self.refuse(word, state)
            found.append(float(word))
        return found

    def format(self, value: TensorData) -> str:
        return value.text

    def to_json(self, value: TensorData) -> Any:
        return value.text


def tensor(default: str, **options: Any) -> Any:
    """A state field declared as :class:`Tensor`; ``default`` as it is typed."""
    made = Tensor(default=TensorData((0,), ()), label="", help="")
    return declare(Tensor(default=made.parse(default), **options))
