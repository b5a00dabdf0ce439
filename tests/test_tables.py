"""Tables of points as spreadsheets write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualizer.base.errors import UserError
from visualizer.base.parameters import Point
from visualizer.base.tables import read_points, write_points

_ROWS = [["A", 0.0, 1.5], ["B", 2.5, -3.0]]


@pytest.mark.parametrize("text", [
    "A,0,1.5\nB,2.5,-3\n", "name,x,y\r\nA,0,1.5\r\nB,2.5,-3\r\n", "A;0;1,5\nB;2,5;-3\n", "Name;x;y\rA;0;1,5\rB;2,5;-3\r",
    "A\t0\t1,5\nB\t2,5\t-3\n", "\ufeffname;x;y\n\nA;0;1.5\nB;2,5;-3,0\n", '"A";"0";"1,5"\n"B";2,5;-3\n',
])
def test_separators_decimal_commas_and_line_ends_of_every_kind_are_read(text: str) -> None:
    assert read_points(text) == _ROWS


def test_rows_without_names_are_numbered_also_with_decimal_commas() -> None:
    assert read_points("0;1,5\n2,5;-3\n") == [["P1", 0.0, 1.5], ["P2", 2.5, -3.0]]
    assert read_points("1,5;2,5\n3;4\n") == [["P1", 1.5, 2.5], ["P2", 3.0, 4.0]]


@pytest.mark.parametrize(("text", "line"), [
    ("A,0,1\nB,1,5,2,5\n", 2), ("x;y\n0;1\n\n1;1.234,5\n", 4), ("A;0;1\nB;1;1,2,3\n", 2), ('"A\nB",0,1\nC,one,2\n', 3),
    ("A,0,1\nB,nan,3\n", 2), ("A,0,1\rB,zwei,3\r", 2),
])
def test_a_bad_line_is_named_as_the_file_counts_it(text: str, line: int) -> None:
    with pytest.raises(UserError) as caught:
        read_points(text)
    assert caught.value.sentence.startswith(f"Line {line}")


@given(st.text(max_size=200))
def test_any_text_gives_rows_or_a_sentence(text: str) -> None:
    with suppress(UserError):
        assert all(len(row) == 3 for row in read_points(text))


def test_a_cell_of_any_length_gives_a_sentence() -> None:
    with pytest.raises(UserError, match="Line 1"):
        read_points("A" * 150_000 + ",1,2\n")


def test_what_is_written_is_read_back_exactly() -> None:
    points = [Point("A b", 0.1 + 0.2, -1e-300), Point("P2", 1 / 3, 1e6)]
    assert read_points(write_points(points)) == [list(point) for point in points]


def test_a_header_with_the_columns_in_another_order_is_refused() -> None:
    with pytest.raises(UserError, match="the columns are y, x"):
        read_points("y,x\n1,20\n3,40\n")
    assert read_points("Name;X;Y\nA;1,5;2\n") == [["A", 1.5, 2.0]]
