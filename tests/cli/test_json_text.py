"""The JSON writer against Python's own, and its memory."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualizer.base.errors import UserError
from visualizer.base.json_text import json_chunks, json_text, read_json

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
)


@given(_VALUES)
def test_what_is_written_is_what_python_reads_back(value: Any) -> None:
    text = json_text(value)
    assert repr(json.loads(text)) == repr(value)
    assert repr(read_json(text.encode(), "It")) == repr(value)


@given(st.lists(st.floats(width=32)), st.sampled_from([np.float64, np.float32]))
def test_arrays_are_written_with_all_their_digits(values: list[float], dtype: type) -> None:
    array = np.array(values, dtype=dtype)
    wanted = [value if np.isfinite(value) else None for value in array.tolist()]
    assert json.loads(json_text({"values": array}))["values"] == wanted


@pytest.mark.parametrize("shape", [(0,), (1,), (4095,), (4096,), (4097,), (0, 3), (3, 0), (2, 3, 4)])
def test_arrays_of_every_shape_are_whole(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    assert json.loads(json_text(array)) == array.tolist()


def test_a_million_numbers_never_are_a_list_as_a_whole() -> None:
    array = np.linspace(0.0, 1.0, 1_000_000)
    array.tolist()
    tracemalloc.start()
    length = sum(len(piece) for piece in json_chunks(array))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert length > 15_000_000
    assert peak < 2_000_000


def test_what_is_no_data_is_a_defect() -> None:
    for value in (object(), {"a": {1, 2}}, np.array([1j])):
        with pytest.raises(TypeError, match="cannot be written as JSON"):
            json_text(value)


@given(st.binary() | st.text(alphabet='[]{}:,"0123456789eE+-.\\untfalsrNI ').map(str.encode))
def test_reading_arbitrary_bytes_gives_a_value_or_a_sentence(data: bytes) -> None:
    try:
        value = read_json(data, "It")
    except UserError as error:
        sentence = error.sentence
    else:
        assert json.loads(data.decode("utf-8-sig")) == value
        return
    assert sentence.startswith("It ")
    assert "\n" not in sentence
