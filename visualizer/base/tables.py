"""Reading and writing points as CSV text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import TYPE_CHECKING

from visualizer.base.errors import UserError

if TYPE_CHECKING:
    from visualizer.base.parameters import Point

#: A table of 200 points with long names and full digits stays far below this.
MAXIMUM_CHARACTERS = 200_000


def read_points(text: str) -> list[list[str | float]]:
    """Rows ``[name, x, y]`` from CSV text.

    Separators: comma, semicolon or tab. A first row without numbers is a header. Rows of two numbers
    (no name) are named P1, P2, ... in order.

    Raises:
        UserError: empty text, a row that is not two numbers with an optional name; names the line.
    """
    if len(text) > MAXIMUM_CHARACTERS:
        raise UserError(f"The table has more than {MAXIMUM_CHARACTERS:,} characters; at most 200 points are allowed.")
    text = text.lstrip("\ufeff")
    first = next((line for line in text.splitlines() if line.strip()), "")
    if not first:
        raise UserError("The table is empty; each line needs a name, x and y separated by commas, e.g. P1,1.0,9.7.")
    delimiter = next((mark for mark in ("\t", ";") if mark in first), ",")
    rows: list[list[str | float]] = []
    data_seen = False
    for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter), start=1):
        cells = [cell.strip() for cell in cells]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        if not data_seen and not any(_is_number(cell) for cell in cells):
            data_seen = True
            continue
        data_seen = True
        if len(cells) == 2:
            cells.insert(0, f"P{len(rows) + 1}")
        if len(cells) != 3:
            raise UserError(f"Line {number} has {len(cells)} cells; a point needs a name, x and y.")
        values: list[float] = []
        for label, cell in zip(("x", "y"), cells[1:], strict=True):
            if not _is_number(cell):
                raise UserError(f"Line {number}: {label} is {cell[:40]!r}, which is not a number.")
            values.append(float(cell))
            if values[-1] != values[-1] or abs(values[-1]) == float("inf"):
                raise UserError(f"Line {number}: {label} is {cell}; every coordinate must be a finite number.")
        rows.append([cells[0], *values])
    if not rows:
        raise UserError("The table has a header but no points; each line needs a name, x and y.")
    return rows


def write_points(points: Iterable[Point]) -> str:
    """CSV text with a header ``name,x,y``; :func:`read_points` reads it back exactly."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["name", "x", "y"])
    for point in points:
        writer.writerow([point.name, repr(point.x), repr(point.y)])
    return stream.getvalue()


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
