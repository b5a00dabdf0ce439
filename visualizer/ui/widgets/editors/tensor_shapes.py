"""What the buttons and a paste do to a tensor: rows and columns come, go and are filled. No Qt."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from visualizer.base.tensors import TensorData, element_text

EMPTY = TensorData((0,), ())


@dataclass(frozen=True)
class Block:
    """The cells from (top, left) to (bottom, right), all of them included."""

    top: int
    left: int
    bottom: int
    right: int


def shape_text(tensor: TensorData) -> str:
    """The shape as torch prints it, without the word Size: ``(3,)``, ``(2, 3)``."""
    return str(tensor.shape)


def index_text(tensor: TensorData, row: int, column: int) -> str:
    """An element as Python takes it from the tensor: ``[1]``, ``[0, 2]``."""
    return f"[{column}]" if len(tensor.shape) == 1 else f"[{row}, {column}]"


def rows_of(tensor: TensorData) -> list[tuple[float, ...]]:
    """The rows of the table; a vector is one."""
    width = tensor.columns
    return [tensor.values[row * width : (row + 1) * width] for row in range(tensor.rows)]


def with_row(tensor: TensorData, after: int) -> TensorData:
    """Another row below the row ``after``, with its numbers; a vector becomes a batch of two."""
    rows = rows_of(tensor)
    return _matrix([*rows[: after + 1], *rows[after : after + 1], *rows[after + 1 :]])


def without_rows(tensor: TensorData, gone: Iterable[int]) -> TensorData:
    """Without these rows. Taking the only row of a matrix leaves a vector; one row always stays."""
    rows, away = rows_of(tensor), set(gone)
    if len(rows) == 1:
        return TensorData((tensor.columns,), tensor.values)
    left = [row for index, row in enumerate(rows) if index not in away]
    return _matrix(left or rows[:1])


def with_column(tensor: TensorData, after: int) -> TensorData:
    """Another column of zeros to the right of the column ``after``; -1 is before the first."""
    rows = [(*row[: after + 1], 0.0, *row[after + 1 :]) for row in rows_of(tensor)] or [(0.0,)]
    return _like(tensor, rows)


def without_columns(tensor: TensorData, gone: Iterable[int]) -> TensorData:
    """Without these columns. A vector may become empty; a matrix keeps one column."""
    away = set(gone)
    stay = [column for column in range(tensor.columns) if column not in away]
    if not stay:
        if len(tensor.shape) == 1:
            return EMPTY
        stay = [0]
    return _like(tensor, [tuple(row[column] for column in stay) for row in rows_of(tensor)])


def filled(tensor: TensorData, cells: Iterable[tuple[int, int]], value: float) -> TensorData:
    """With this number in these cells."""
    values = list(tensor.values)
    for row, column in cells:
        values[row * tensor.columns + column] = value
    return TensorData(tensor.shape, tuple(values))


def nudged(tensor: TensorData, cells: Iterable[tuple[int, int]], count: float) -> TensorData:
    """With these cells so many steps further."""
    values, step = list(tensor.values), step_of(tensor)
    for row, column in cells:
        at = row * tensor.columns + column
        values[at] = stepped(values[at], step, count)
    return TensorData(tensor.shape, tuple(values))


def pasted(tensor: TensorData, block: TensorData, row: int, column: int) -> TensorData:
    """With the block's upper left corner in this cell; what it reaches beyond the edges is added, gaps are 0.

    A column in a vector goes along the vector.
    """
    if len(tensor.shape) == 1:
        block = laid_along(tensor, block)
    height = max(tensor.rows, row + block.rows)
    width = max(tensor.columns, column + block.columns)
    table = [[*line, *[0.0] * (width - len(line))] for line in rows_of(tensor)]
    table += [[0.0] * width for _ in range(height - len(table))]
    for offset, line in enumerate(rows_of(block)):
        table[row + offset][column : column + len(line)] = line
    return _like(tensor, table)


def laid_along(tensor: TensorData, block: TensorData) -> TensorData:
    """The block that is to take the place of the tensor: a spreadsheet's column is a vector where a vector was."""
    if len(tensor.shape) == 1 and block.columns == 1 and block.rows > 1:
        return TensorData((block.rows,), block.values)
    return block


def grown(tensor: TensorData, block: TensorData, row: int, column: int) -> int:
    """How many elements the tensor would have with the block pasted into this cell."""
    if len(tensor.shape) == 1:
        block = laid_along(tensor, block)
    return max(tensor.rows, row + block.rows) * max(tensor.columns, column + block.columns)


def tabbed(tensor: TensorData, part: Block | None = None) -> str:
    """The numbers as spreadsheets take them, every digit of them: tabs between cells, a line for each row."""
    chosen = part or Block(0, 0, tensor.rows - 1, tensor.columns - 1)
    lines = rows_of(tensor)[chosen.top : chosen.bottom + 1]
    return "\n".join("\t".join(map(element_text, line[chosen.left : chosen.right + 1])) for line in lines)


def step_of(tensor: TensorData) -> float:
    """A tidy step for the size of these numbers: 0.1 where the largest has one digit before the point."""
    largest = max((abs(value) for value in tensor.values if math.isfinite(value)), default=0.0)
    return 10.0 ** (math.floor(math.log10(largest)) - 1) if largest >= 1e-300 else 0.1


def stepped(value: float, step: float, count: float) -> float:
    """The value so many steps further, without the rounding errors of binary fractions."""
    amount = step * count
    if not math.isfinite(value):
        return value
    decimals = 1 - math.floor(math.log10(abs(amount))) if amount else 0
    # What has more digits than the step keeps them.
    return round(value + amount, max(decimals, 0) + 6)


def _like(tensor: TensorData, rows: Sequence[Sequence[float]]) -> TensorData:
    """A vector where one was, as long as it is one row."""
    if len(tensor.shape) == 1 and len(rows) == 1:
        return TensorData((len(rows[0]),), tuple(rows[0]))
    return _matrix(rows)


def _matrix(rows: Sequence[Sequence[float]]) -> TensorData:
    return TensorData((len(rows), len(rows[0])), tuple(value for row in rows for value in row))
