"""Captures as files: everything comes back, and nothing in a file is believed."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tests.graph.plain_walk import Scale, Tied
from visualizer.base.errors import UserError
from visualizer.experiments.graph.capture_file import capture_bytes, parsed_capture, read_capture, read_capture_now, write_capture
from visualizer.experiments.graph.model import (
    Backward,
    Call,
    Capture,
    Edges,
    Failure,
    Grad,
    Graph,
    Leaf,
    Node,
    Operation,
    Origin,
    Saved,
    SourceLine,
    Step,
    TensorType,
)
from visualizer.experiments.graph.previews import Storages, preview
from visualizer.experiments.graph.walking import walked


def parsed(data: bytes) -> Capture:
    run = parsed_capture(data)
    while True:
        try:
            next(run)
        except StopIteration as end:
            found: Capture = end.value
            return found


def plain(value: Any) -> Any:
    """Nested lists that compare equal exactly: also NaN, -0.0, and types."""
    if isinstance(value, float):
        return float.hex(value) if not math.isnan(value) else "nan"
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), value.flags.writeable, [plain(item) for item in value.reshape(-1).tolist()]]
    if dataclasses.is_dataclass(value):
        return [type(value).__name__, *(plain(getattr(value, field.name)) for field in dataclasses.fields(value))]
    if isinstance(value, tuple):
        return [type(value).__name__, *(plain(item) for item in value)]
    return [type(value).__name__, value]


def ints(*values: int) -> np.ndarray[Any, Any]:
    array = np.array(values, dtype=np.int32)
    array.flags.writeable = False
    return array


def everything() -> Capture:
    """A capture in which every field of every class has a value that is not its default."""
    odd = preview(torch.tensor([math.nan, math.inf, -math.inf, -0.0, 1 / 3, 1e300, 5e-324], dtype=torch.float64), 100, Storages())
    half = preview(torch.tensor([[0.1, -0.3]], dtype=torch.bfloat16), 100)
    empty = preview(torch.empty(0, 3), 100)
    large = preview(torch.arange(60_000.0).reshape(200, 300) / 7, 64)
    meta = preview(torch.empty(2, 3, device="meta"), 64)
    kind = TensorType((2, 3), "float32")
    saved = (Saved("self", odd, leaf=("a", "b")), Saved("dim", None, "(-1,)"), Saved("result", None, "freed", True, True))
    nodes = (
        Node(0, "MulBackward0", "function", 7, (kind, kind), ("loss",), (), 1, 0, 1, saved, (1,), half),
        Node(1, "ÄBackward", "custom", 2**40, value=odd),
        Node(2, "AccumulateGrad", "accumulate", parameters=("w", "v"), outputs=(kind,)),
    )
    graph = Graph(
        nodes, Edges(ints(0, 0, 1), ints(0, 2, 0), ints(1, 1, 2), ints(0, 1, 0)), (0,),
        (Call(0, "", "Net"), Call(1, "a.0", "Linear", 2, 0, True)), (SourceLine("a.py", 3, "y = \u2028 x \ud800"),),
        (Operation(0, "Tensor.add", (Origin(-1, "x", kind, True),), (kind,), ("h",), (1,), "no_grad", 1, 0, large, "it failed"),
         Operation(1, "Tensor.mul", (Origin(0, "", kind, False),), nodes=(0,))),
        (Leaf(("w", "v"), kind, True, True, 2, "", meta), Leaf((), kind, reason="frozen", value=empty)),
        "A title", "Net", half, Failure("It failed.", "because", 0, 1), ("One note.", "Another."), "printed\n",
    )
    steps = (Step(0, (half, None), (odd, None), 1.5e-5), Step(1, (None,), (large,)))
    return Capture(graph, Backward(steps, (Grad(0, None, large, True), Grad(1, odd, odd)), half, "stopped"), "2.13.0")


def real() -> Capture:
    model = Tied()
    loss = nn.functional.cross_entropy(model(torch.tensor([1, 2])), torch.tensor([2, 3]))
    return Capture(walked([loss], model).graph, None, str(torch.__version__))


@pytest.mark.parametrize("make", [everything, real, lambda: Capture(Graph((), Edges(ints(), ints(), ints(), ints())))],
                         ids=["everything", "real", "empty"])
def test_everything_comes_back_exactly(make: Callable[[], Capture], tmp_path: Path) -> None:
    capture = make()
    path = tmp_path / "run.graph.json"
    write_capture(path, capture)
    found = read_capture_now(path)
    assert plain(found) == plain(capture)
    assert capture_bytes(found) == path.read_bytes()


def test_a_file_is_strict_json_with_a_line_for_each_node() -> None:
    text = capture_bytes(everything()).decode("ascii")

    def refuse(token: str) -> Any:
        raise AssertionError(token)

    document = json.loads(text, parse_constant=refuse)
    assert (document["format"], document["version"]) == ("visualizer graph", 1)
    lines = [line.removesuffix(",") for line in text.splitlines()]
    assert all(json.dumps(node) in lines for node in document["nodes"])


@pytest.mark.parametrize("layout", [
    {"indent": 2}, {"indent": None}, {"separators": (",", ":")}, {"indent": 0}, {"sort_keys": True, "indent": 1},
    {"ensure_ascii": False},
], ids=str)
def test_the_same_json_in_another_layout_is_read_too(layout: dict[str, Any]) -> None:
    capture = real()
    text = json.dumps(json.loads(capture_bytes(capture)), **layout)
    assert plain(parsed(text.encode())) == plain(capture)
    assert plain(parsed(b"\xef\xbb\xbf" + text.encode() + b"\n\n")) == plain(capture)


def test_windows_line_ends_are_read() -> None:
    capture = everything()
    assert plain(parsed(capture_bytes(capture).replace(b"\n", b"\r\n"))) == plain(capture)


def test_tensors_that_are_one_stay_one() -> None:
    x = torch.ones(3, requires_grad=True)
    h = x.exp()
    nodes = {node.title: node for node in parsed(capture_bytes(Capture(walked([(h * h).sum()]).graph))).graph.nodes}
    assert nodes["Mul"].saved[0].tensor is nodes["Mul"].saved[1].tensor is nodes["Exp"].value


@given(st.lists(st.floats(width=32), min_size=1, max_size=20) | st.lists(st.floats(), min_size=1, max_size=20), st.booleans())
def test_every_number_of_a_sample_comes_back(values: list[float], double: bool) -> None:
    value = preview(torch.tensor(values, dtype=torch.float64 if double else torch.float32), 100)
    graph = Graph((Node(0, "A", value=value),), Edges(ints(), ints(), ints(), ints()), (0,), loss=value)
    assert plain(parsed(capture_bytes(Capture(graph)))) == plain(Capture(graph))


def test_a_large_file_is_read_in_many_small_pieces(tmp_path: Path) -> None:
    x = torch.ones(2, requires_grad=True)
    y = x
    for _ in range(3_000):
        y = y * 1.5
    write_capture(tmp_path / "run.graph.json", Capture(walked([y]).graph))
    run = read_capture(tmp_path / "run.graph.json")
    del y
    assert sum(1 for _ in run) >= 5


def sentence(data: bytes) -> str:
    with pytest.raises(UserError) as caught:
        parsed(data)
    told = caught.value.sentence
    assert told.startswith("The capture cannot be opened: ")
    assert told.endswith(".")
    assert "\n" not in told
    assert len(told) < 300
    return told


@pytest.mark.parametrize(("data", "words"), [
    (b"", "empty"),
    (b"  \n", "empty"),
    (b"\x00\x01\xff\xfe", "UTF-8"),
    (b"hello", "not JSON"),
    (b"[1, 2]", "a list"),
    (b"3", "3, not"),
    (b"{}", "not a graph"),
    (b'{"format": "other"}', "not a graph"),
    (b'{"format": "visualizer graph"}', "version is None"),
    (b'{"format": "visualizer graph", "version": 2}', "a newer one may"),
    (b'{"format": "visualizer graph", "version": "1"}', "version"),
    (b'{"format": "visualizer graph", "version": 1, "graph": 3}', "graph"),
    (b"[" * 100_000, "nested"),
    (b'{"format": "visualizer graph", "version": 1, "graph": {}, "edges": [[0, 0, 1, 0]]}', "does not exist"),
    (b'{"format": ' + b"9" * 5_000 + b"}", "digits"),
    (b'{"a": NaN}', "NaN"),
    (b'{"a": 1e999}', "not a graph"),
])
def test_what_is_no_capture_is_told_in_a_sentence(data: bytes, words: str) -> None:
    assert words in sentence(data)


def test_a_truncated_file_is_refused_wherever_it_ends() -> None:
    data = capture_bytes(everything())
    for end in range(0, len(data) - 2, 37):
        sentence(data[:end])


def document() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capture_bytes(everything()))
    return found


CHANGES: list[tuple[tuple[Any, ...], Any, str]] = [
    (("nodes",), 3, "not a list"),
    (("nodes", 0), 3, "not an object"),
    (("nodes", 0, "index"), 1, "its index is 1"),
    (("nodes", 0, "index"), True, "whole number"),
    (("nodes", 0, "index"), 0.0, "whole number"),
    (("nodes", 0, "name"), None, "not a text"),
    (("nodes", 0, "kind"), "eval", "'function'"),
    (("nodes", 0, "kind"), ["function"], "'function'"),
    (("nodes", 0, "sequence"), 10**30, "whole number"),
    (("nodes", 0, "call"), 2, "no 2 among 2"),
    (("nodes", 0, "line"), 99, "no 99"),
    (("nodes", 0, "operation"), -2, "whole number"),
    (("nodes", 0, "outputs"), [[[-1], "float32"]], "whole number"),
    (("nodes", 0, "outputs"), [[[1] * 2000, "float32"]], "at most 1024"),
    (("nodes", 0, "value"), 99, "number of a preview"),
    (("nodes", 0, "value"), "x", "number of a preview"),
    (("nodes", 0, "code"), "import os", "'code' is not known"),
    (("nodes", 0, "saved", 0, "freed"), 1, "true or false"),
    (("nodes", 0, "saved", 0, "name"), [], "not a text"),
    (("calls", 0, "parent"), 1, "does not come before"),
    (("calls", 1, "parent"), 1, "does not come before"),
    (("edges", 0), [0, 0, 9, 0], "does not exist"),
    (("edges", 0), [0, 0], "list of 4"),
    (("edges", 0), [0, 0, -1, 0], "whole number"),
    (("edges", 0), [0, 0, 2**31, 0], "whole number"),
    (("edges", 0), [2, 0, 0, 0], "circle"),
    (("edges", 0), [0, 0, 0, 0], "circle"),
    (("edges", 1), [0, 0, 1, 1], "one slot"),
    (("edges", 0), "abcd", "list of 4"),
    (("edges", 0), [0, 0, None, 0], "whole number"),
    (("graph", "roots"), [3], "no 3"),
    (("graph", "loss"), -1, "number of a preview"),
    (("graph", "failure", "line"), 7, "no 7"),
    (("graph", "failure", "operation"), 7, "no 7"),
    (("graph", "surprise"), 1, "not an object of"),
    (("graph", "notes"), [1], "not a text"),
    (("operations", 0, "index"), 1, "its index"),
    (("operations", 0, "nodes"), [9], "no 9"),
    (("operations", 0, "call"), 9, "no 9"),
    (("operations", 1, "inputs", 0, 0), 1, "no 1"),
    (("operations", 0, "inputs", 0), [0], "list of 4"),
    (("operations", 0, "reason"), "because", "'no_grad'"),
    (("leaves", 0, "node"), 0, "no AccumulateGrad"),
    (("leaves", 0, "node"), 5, "no 5"),
    (("steps", 0, "node"), 9, "no 9"),
    (("steps", 1, "node"), 0, "has run already"),
    (("steps", 0, "incoming"), None, "not a list"),
    (("steps", 0, "seconds"), "soon", "not a number"),
    (("grads", 0, "leaf"), 9, "no 9"),
    (("grads", 1, "leaf"), 0, "one already"),
    (("grads", 0, "equal"), "yes", "true or false"),
    (("backward",), [], "not an object"),
    (("backward", "error"), 3, "not a text"),
    (("torch",), 2.13, "not a text"),
    (("previews", 0, "bytes"), -1, "whole number"),
    (("previews", 0, "sample", "rows"), 5, "rows of"),
    (("previews", 0, "sample", "values"), "x", "not a list"),
    (("previews", 0, "sample", "values", 0), "x", "not a number"),
    (("previews", 0, "sample", "values", 0), 10**400, "not a number"),
    (("previews", 0, "strides"), [1], "two numbers"),
    (("previews", 0, "strides"), [0, 1], "is not of"),
    (("previews", 0, "type"), [[1, 2, 3, 4], "float32"], "is not of"),
    (("previews", 0, "minimum"), 10**400, "not a number"),
    (("previews", 0, "sample"), 1, "rows, columns and values"),
    (("lines", 0), ["a.py", "3", ""], "whole number"),
]


@pytest.mark.parametrize(("place", "value", "words"), CHANGES, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("ours", [True, False], ids=["our layout", "another layout"])
def test_a_wrong_value_anywhere_is_told_in_a_sentence(place: tuple[Any, ...], value: Any, words: str, ours: bool) -> None:
    changed = document()
    at: Any = changed
    for key in place[:-1]:
        at = at[key]
    at[place[-1]] = copy.deepcopy(value)
    text = json.dumps(changed, indent=None if ours else 3)
    assert words in sentence(text.encode())


def test_a_missing_value_is_told_in_a_sentence() -> None:
    for place, key in (("nodes", "name"), ("previews", "type"), ("calls", "path"), ("steps", "node"), ("leaves", "names")):
        changed = document()
        del changed[place][0][key]
        assert f"{place}, entry 0: {key} is missing" in sentence(json.dumps(changed).encode())


def test_a_longer_circle_is_refused() -> None:
    changed = document()
    changed["nodes"] = [{"index": at, "name": "A"} for at in range(5)]
    changed["edges"] = [[0, 0, 1, 0], [1, 0, 2, 0], [2, 0, 3, 0], [3, 0, 1, 0]]
    changed["leaves"] = []
    changed["grads"] = []
    assert "circle" in sentence(json.dumps(changed).encode())


def test_calls_that_are_nested_without_end_are_refused() -> None:
    changed = document()
    changed["calls"] = [{"index": at, "path": "a", "type": "A", "parent": at - 1} for at in range(1000)]
    assert "nested" in sentence(json.dumps(changed).encode())


@given(st.data())
def test_a_file_with_any_damage_gives_a_capture_or_a_sentence(data: st.DataObject) -> None:
    whole = bytearray(capture_bytes(everything()))
    for _ in range(data.draw(st.integers(1, 5))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.sampled_from(b'0123456789-"[]{},: eEntfx\x00\xff\n'))
    try:
        capture_bytes(parsed(bytes(whole)))
    except UserError as error:
        told = error.sentence
    else:
        told = ""
    assert not told or told.startswith("The capture cannot be opened: ")


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no.graph.json", Path("\x00")):
        with pytest.raises(UserError):
            read_capture_now(path)
    broken = tmp_path / "broken.graph.json"
    broken.write_bytes(b"{")
    with pytest.raises(UserError, match=r"broken\.graph\.json cannot be opened"):
        read_capture_now(broken)
    with pytest.raises(UserError, match="folder"):
        write_capture(tmp_path, everything())


def test_to_open_a_file_needs_neither_torch_nor_the_users_code() -> None:
    import subprocess
    import sys

    x = torch.ones(2, requires_grad=True)
    data = capture_bytes(Capture(walked([Scale.apply(x, 2.0, ["a"]).sum()]).graph))
    script = (
        "import sys; from visualizer.experiments.graph.capture_file import parsed_capture\n"
        "run = parsed_capture(sys.stdin.buffer.read())\n"
        "try:\n    [next(run) for _ in iter(int, 1)]\nexcept StopIteration as end: print(len(end.value.graph.nodes))\n"
        "assert 'torch' not in sys.modules and 'tests' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, b"3"), done.stderr
