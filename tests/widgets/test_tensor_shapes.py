"""Rows and columns that come and go, and pasted blocks, against numpy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import tensors
from visualizer.base.tensors import TensorData
from visualizer.ui.widgets.editors import tensor_shapes as shapes

some = tensors(most=4).filter(lambda tensor: bool(tensor.values))


def table(tensor: TensorData) -> np.ndarray:
    """The rows of the table; a vector is one."""
    return np.array(tensor.values).reshape(tensor.rows, tensor.columns)


def same(tensor: TensorData, expected: np.ndarray, vector: bool) -> bool:
    """Whether it holds these rows, and is a vector or a matrix as it should be."""
    shape = expected.shape[1:] if vector else expected.shape
    return tensor.shape == shape and np.array_equal(table(tensor), expected, equal_nan=True)


@given(some, st.integers(0, 3))
def test_a_row_is_added_as_a_copy_below(tensor: TensorData, after: int) -> None:
    assume(after < tensor.rows)
    rows = table(tensor)
    assert same(shapes.with_row(tensor, after), np.insert(rows, after + 1, rows[after], axis=0), vector=False)


@given(some, st.sets(st.integers(0, 3), min_size=1))
def test_rows_are_removed_and_one_stays(tensor: TensorData, gone: set[int]) -> None:
    rows = table(tensor)
    left = np.delete(rows, [row for row in gone if row < len(rows)], axis=0)
    if len(rows) == 1:
        assert same(shapes.without_rows(tensor, gone), rows, vector=True)
    else:
        assert same(shapes.without_rows(tensor, gone), left if len(left) else rows[:1], vector=False)


@given(some, st.integers(-1, 3))
def test_a_column_of_zeros_is_added_to_the_right(tensor: TensorData, after: int) -> None:
    assume(after < tensor.columns)
    expected = np.insert(table(tensor), after + 1, 0.0, axis=1)
    assert same(shapes.with_column(tensor, after), expected, vector=len(tensor.shape) == 1)


@given(some, st.sets(st.integers(0, 3), min_size=1))
def test_columns_are_removed_and_only_a_vector_becomes_empty(tensor: TensorData, gone: set[int]) -> None:
    rows, vector = table(tensor), len(tensor.shape) == 1
    left = np.delete(rows, [column for column in gone if column < rows.shape[1]], axis=1)
    found = shapes.without_columns(tensor, gone)
    if left.shape[1]:
        assert same(found, left, vector)
    elif vector:
        assert found == shapes.EMPTY
    else:
        assert same(found, rows[:, :1], vector=False)


@given(some, some, st.integers(0, 4), st.integers(0, 4))
def test_a_pasted_block_lies_in_its_place_and_nothing_else_changes(
    tensor: TensorData, block: TensorData, row: int, column: int
) -> None:
    laid = shapes.laid_along(tensor, block)
    rows, inner = table(tensor), table(laid)
    height, width = max(len(rows), row + len(inner)), max(rows.shape[1], column + inner.shape[1])
    expected = np.zeros((height, width))
    expected[: rows.shape[0], : rows.shape[1]] = rows
    expected[row : row + inner.shape[0], column : column + inner.shape[1]] = inner
    assert shapes.grown(tensor, block, row, column) == expected.size
    assert same(shapes.pasted(tensor, block, row, column), expected, vector=len(tensor.shape) == 1 and height == 1)


@pytest.mark.parametrize(("largest", "step"), [(0.0, 0.1), (1.0, 0.1), (9.99, 0.1), (-30.0, 1.0), (0.05, 0.001), (2500.0, 100.0)])
def test_a_step_is_a_tenth_of_the_size_of_the_numbers(largest: float, step: float) -> None:
    tensor = TensorData((3,), (0.0, largest, float("inf")))
    assert shapes.step_of(tensor) == pytest.approx(step, rel=1e-12)


@given(st.floats(-1e6, 1e6), st.integers(-20, 20))
def test_steps_forth_and_back_lead_home_but_for_rounding(value: float, count: int) -> None:
    value = round(value, 3)
    there = shapes.stepped(value, 0.1, count)
    assert there == pytest.approx(value + count / 10, abs=1e-7)
    assert shapes.stepped(there, 0.1, -count) == pytest.approx(value, abs=1e-9)
    assert len(repr(there)) <= len(repr(value)) + 4  # tidy: no tail of a binary fraction
