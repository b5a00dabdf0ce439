"""Reading and writing points as CSV text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from visualizer.base.errors import UserError

if TYPE_CHECKING:
    from visualizer.base.parameters import Point

#: A table of 200 points with long names and full digits stays far below this.
MAXIMUM_CHARACTERS = 200_000


def read_points(text: str) -> list[list[str | float]]:
    """Rows ``[name, x, y]`` from CSV text.

    The format: one point a line, its name, x and y; the first line that is not blank tells the separator, a tab, a
    semicolon or a comma. Where it is not a comma, a comma in a number is a decimal comma (``0;1,5``), never one
    between thousands. A first row without numbers is a header. Rows of two numbers (no name) are named P1, P2, ...
    in order. Every kind of line ending is read; quotes as in CSV.

    Raises:
        UserError: empty text, a row that is not two numbers with an optional name; names the line (as the file
            counts lines, from 1).
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
    for number, cells in _lines(text, delimiter):
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        if not data_seen and not any(_is_number(_pointed(cell, delimiter)) for cell in cells):
            data_seen = True
            _refuse_other_order([cell.lower() for cell in cells], number)
            continue
        data_seen = True
        if len(cells) == 2:
            cells.insert(0, f"P{len(rows) + 1}")
        if len(cells) != 3:
            raise UserError(f"Line {number} has {len(cells)} cells; a point needs a name, x and y.")
        values: list[float] = []
        for label, cell in zip(("x", "y"), cells[1:], strict=True):
            plain = _pointed(cell, delimiter)
            if not _is_number(plain):
                raise UserError(f"Line {number}: {label} is {cell[:40]!r}, which is not a number.")
            values.append(float(plain))
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


def _lines(text: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The number of each line (of its last one, where a quoted cell goes over several) and its cells."""
    # Python's reader takes no carriage return alone, as old spreadsheets write it; the text layer translates it.
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)
    try:
        for cells in reader:
            yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise UserError(f"Line {reader.line_num} cannot be read as a table: {error}.") from None


def _refuse_other_order(header: list[str], number: int) -> None:
    """A header that names x and y in another order than they are read in would swap them silently."""
    if "x" in header and "y" in header and header not in (["x", "y"], ["name", "x", "y"]) and (
        header.index("y") < header.index("x") or header.index("x") != len(header) - 2
    ):
        raise UserError(f"Line {number}: the columns are {', '.join(header)}; they have to be name, x, y or x, y.")


def _pointed(cell: str, delimiter: str) -> str:
    """The cell with a decimal comma as a point, where the comma does not separate cells."""
    return cell.replace(",", ".") if delimiter != "," and cell.count(",") == 1 and "." not in cell else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
