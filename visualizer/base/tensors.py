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

from visualizer.base.parameters import Parameter, declare

#: Elements of the largest tensor that can be edited.
MOST_ELEMENTS = 10_000

#: Characters of the longest text that is read: every element with its 17 digits, and room for blanks.
_MOST_CHARACTERS = 100 * MOST_ELEMENTS

_NUMBER = re.compile(r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|nan|inf|infinity)", re.IGNORECASE | re.ASCII)
_TRUTH = {"true": 1.0, "false": 0.0}
_PRINTED = re.compile(r"(?:Parameter containing:\s*)?[\w.]+\(\s*(\[.*\])\s*(?:,[^\[\]]*)?\)", re.DOTALL)
_BRACKETED = re.compile(r"(?:\[[^\[\]]*\]\s*(?:,\s*)?)+")
_ROW = re.compile(r"\[([^\[\]]*)\]")
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
        if math.isnan(sum(self.values)):  # or inf - inf; one look is cheaper than one at every element
            # One and the same NaN everywhere: tuples compare by identity first, so a tensor equals its copy.
            object.__setattr__(self, "values", tuple(math.nan if value != value else value for value in self.values))

    @property
    def rows(self) -> int:
        """How many rows a table of it has; a vector is one row."""
        return self.shape[0] if len(self.shape) == 2 else min(1, self.shape[0])

    @property
    def columns(self) -> int:
        return self.shape[-1]

    @cached_property
    def text(self) -> str:
        """As it is typed; read back, it is this tensor again (an empty one always as a vector)."""
        words = [element_text(value) for value in self.values]
        if len(self.shape) == 1:
            return ",".join(words)
        rows = [",".join(words[at : at + self.columns]) for at in range(0, len(words), max(1, self.columns))]
        return ";".join(rows) + (";" if len(rows) == 1 else "")

    def replaced(self, index: int, value: float) -> TensorData:
        """This tensor with another element at the flat index.

        Raises:
            IndexError: there is no such element.
        """
        if not 0 <= index < len(self.values):
            raise IndexError(f"element {index} of {len(self.values)}")
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


def element_text(value: float) -> str:
    """One element as it is typed, every digit of it; a whole number without a point."""
    if value == 0 or not math.isfinite(value) or abs(value) >= 1e15 or value != int(value):
        return "0" if value == 0 and math.copysign(1.0, value) > 0 else repr(value)
    return str(int(value))


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
        if not isinstance(value, TensorData):
            raise self.refuse(value, state)
        if len(value.values) > MOST_ELEMENTS:
            raise self.refuse(f"{len(value.values):,} numbers", state)
        return value if value.values or value.shape == (0,) else TensorData((0,), ())

    def parse(self, text: str, state: Any = None) -> TensorData:
        """The tensor that a text holds.

        Raises:
            ParameterError: a word is no number, an element is missing, the rows differ in length, there are more than two
                dimensions or too many elements.
        """
        if len(text) > _MOST_CHARACTERS:
            raise self.refuse(f"{len(text):,} characters", state)
        if max(len(text.split()), *map(text.count, ",;\t")) > 3 * MOST_ELEMENTS:
            # No need to take a megabyte apart, for which the window would wait.
            raise self.refuse(f"more than {MOST_ELEMENTS:,} numbers", state)
        clean = text.translate(_ALIKE).strip()
        printed = _PRINTED.fullmatch(clean)
        if printed is not None:
            clean = printed[1]
        if clean.startswith("["):
            clean = self._without_brackets(clean, state)
        elif "\t" in text:
            clean = text.translate(_ALIKE).strip(" \r\n").replace(",", ".")  # a spreadsheet's decimal comma: tabs separate
        lines = re.split(r"[;\n\r]+", clean)
        rows = [found for line in lines if (found := self._row(line, state))]
        if not rows:
            return TensorData((0,), ())
        if sum(map(len, rows)) > MOST_ELEMENTS:
            raise self.refuse(f"{sum(map(len, rows)):,} numbers", state)
        for index, row in enumerate(rows):
            if len(row) != len(rows[0]):
                elements = "1 element" if len(row) == 1 else f"{len(row)} elements"
                raise self.refuse(f"row {index + 1} with {elements} after rows with {len(rows[0])}", state)
        flat = tuple(value for row in rows for value in row)
        return TensorData((len(rows), len(rows[0])) if len(lines) > 1 else (len(flat),), flat)

    def _without_brackets(self, text: str, state: Any) -> str:
        """What Python, torch and numpy write, as it is typed: rows end with semicolons."""
        inner = " ".join(text.removeprefix("[").removesuffix("]").split())  # where a long row was broken means nothing
        if not text.endswith("]"):
            raise self.refuse("an opening bracket without its closing one", state)
        if "[" not in inner and "]" not in inner:
            return inner
        if _BRACKETED.fullmatch(inner) is None:
            raise self.refuse(
                "more than two dimensions" if re.search(r"\[ ?\[", inner) else "brackets that do not match", state,
            )
        return ";".join(_ROW.findall(inner)) + ";"

    def _row(self, line: str, state: Any) -> list[float]:
        if not line.strip():
            return []
        if "\t" in line:
            words = [word.strip() for word in line.split("\t")]
        else:
            words = re.split(r"\s*,\s*|\s+", line.strip())
            if len(words) > 1 and not words[-1]:
                words.pop()  # the comma that may stand after the last element
        found = []
        for word in words:
            if not word:
                raise self.refuse("an empty place between two elements" if "\t" not in line else "an empty cell", state)
            if word.lower() in _TRUTH:
                found.append(_TRUTH[word.lower()])
            elif _NUMBER.fullmatch(word) is not None:
                found.append(float(word))
            else:
                raise self.refuse(word, state)
        return found

    def format(self, value: TensorData) -> str:
        return value.text

    def to_json(self, value: TensorData) -> Any:
        return value.text


def tensor(default: str, **options: Any) -> Any:
    """A state field declared as :class:`Tensor`; ``default`` as it is typed."""
    made = Tensor(default=TensorData((0,), ()), label="", help="")
    return declare(Tensor(default=made.parse(default), **options))
