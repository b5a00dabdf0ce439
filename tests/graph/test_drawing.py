"""What is written on the boxes, and that it fits: widths as Qt measures them, every box as large as its texts need."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtGui import QFont, QFontMetricsF
from PySide6.QtWidgets import QApplication

from tests.graph.pages_of_the_graph import capture_of, finished, made, view_of
from visualizer.experiments.graph.drawing import (
    DETAIL,
    LEAST,
    MOST,
    TITLE,
    Writer,
    drawn,
    node_title,
    value_text,
)
from visualizer.experiments.graph.examples.catalogue import EXAMPLES
from visualizer.experiments.graph.model import Call, Node, Preview, TensorType
from visualizer.experiments.graph.text_width import elided, width_of
from visualizer.figures.model import readonly


@pytest.mark.parametrize("bold", [False, True])
def test_widths_are_those_of_the_bundled_font(qapp: QApplication, bold: bool) -> None:
    font = QFont("Inter")
    font.setPixelSize(1000)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    metrics = QFontMetricsF(font)
    for letter in string.ascii_letters + string.digits + string.punctuation + " …→×±−·":
        assert width_of(letter, 1000.0, bold) == pytest.approx(metrics.horizontalAdvance(letter), abs=0.6), letter
    for text in ("AddmmBackward0", "layers.11.attention.in_proj_weight", "(4, 8)", "0.0123 ± 1.05"):
        assert metrics.horizontalAdvance(text) <= width_of(text, 1000.0, bold) + len(text)
        assert width_of(text, 1000.0, bold) <= 1.05 * metrics.horizontalAdvance(text)


@given(st.text(max_size=40), st.floats(0.0, 300.0), st.booleans(), st.booleans())
def test_what_is_elided_fits_and_keeps_its_beginning_or_end(text: str, most: float, bold: bool, end: bool) -> None:
    short = elided(text, TITLE, most, bold, end)
    assert short == text or width_of(short, TITLE, bold) <= max(most, width_of("…", TITLE, bold)) + 1e-9
    assert short == text or (text.startswith(short[:-1]) if end else text.endswith(short[1:]))


@pytest.mark.parametrize("name", [entry.name for entry in EXAMPLES])
@pytest.mark.parametrize("fold", ["none", "parameters", "modules"])
def test_every_box_is_as_large_as_its_texts_and_none_overlap(name: str, fold: str) -> None:
    capture = capture_of(name)
    view = view_of(capture.graph, fold, 2)
    drawing = finished(drawn(capture.graph, capture.backward, view, False))
    boxes = drawing.boxes
    assert len(boxes) == len(view.items)
    assert len(drawing.frames) == len(view.groups)
    assert len(drawing.edges) == len(view.source)
    assert ((boxes.width >= LEAST) & (boxes.width <= MOST)).all()
    for row in range(len(boxes)):
        assert width_of(boxes.titles[row], TITLE, True) <= boxes.width[row]
        assert width_of(boxes.shapes[row], DETAIL) <= boxes.width[row]
        assert width_of(boxes.values[row], DETAIL) <= boxes.width[row]
    right, bottom = boxes.left + boxes.width, boxes.top + boxes.height
    apart = (right[:, None] <= boxes.left) | (right <= boxes.left[:, None]) | (bottom[:, None] <= boxes.top) | \
        (bottom <= boxes.top[:, None])
    assert (apart | np.eye(len(boxes), dtype=bool)).all()
    for array in (boxes.left, boxes.ident, drawing.edges.x, drawing.frames.left, view.source):
        assert not array.flags.writeable


def test_the_root_is_named_as_the_loss_or_the_output() -> None:
    scalar, row = (TensorType((), "float32"),), (TensorType((3,), "float32"),)
    assert node_title(Node(0, "MeanBackward0", outputs=scalar), True) == "Mean → loss"
    assert node_title(Node(0, "SigmoidBackward0", outputs=row), True) == "Sigmoid → output"
    assert node_title(Node(0, "SigmoidBackward0", outputs=row, variables=("y_hat",)), True) == "Sigmoid → y_hat"
    assert node_title(Node(0, "SigmoidBackward0", outputs=row)) == "Sigmoid"


def preview(values: object, **more: object) -> Preview:
    array = np.atleast_2d(np.asarray(values, dtype=float))
    return Preview(TensorType(array.shape, "float32"), 4 * array.size, readonly(array), **more)  # type: ignore[arg-type]


def test_small_tensors_are_written_as_numbers_and_large_ones_as_mean_and_deviation() -> None:
    assert value_text(preview([1.0, -2.5])) == "1, −2.50"
    assert value_text(preview([float("nan"), float("-inf")])) == "NaN, −Inf"
    assert value_text(preview(np.zeros(9), mean=0.125, deviation=2.0)) == "0.125 ± 2"
    assert value_text(preview(np.zeros(9), nans=3, infinities=1)) == "3 NaN and 1 Inf"
    assert value_text(preview(np.zeros((0, 3)))) == "no elements"


def test_inside_of_its_modules_frame_a_parameter_needs_no_path() -> None:
    calls = [Call(0, "block", "Block", 0)]
    graph = made(["Add", "Mul", "pblock.weight"], [(0, 1), (1, 2)], calls, [0, 0, -1])
    outside, inside = (view_of(graph, "modules", level) for level in (0, 1))
    writer = Writer(graph, None, inside)
    assert [writer.texts(item).badges for item in inside.items] == [("pblock.weight",), ()]  # leaves above, in forward order
    assert [Writer(graph, None, outside).texts(item).title for item in outside.items] == ["block · Block"]


def test_a_long_name_ends_in_dots_and_its_tip_has_it_whole() -> None:
    name = "p" + "encoder.layers.11." * 12 + "weight"
    graph = made(["Add", name], [(0, 1)])
    view = view_of(graph, "parameters")
    writer = Writer(graph, None, view)
    text = writer.texts(view.items[0])
    assert text.badges[0].startswith("…")
    assert text.badges[0].endswith("weight")
    assert name in writer.tip(view.items[0])


def test_a_module_in_a_frame_is_called_by_what_its_path_adds_to_the_frames() -> None:
    graph = capture_of("transformer").graph
    view = view_of(graph, "modules", 2)
    drawing = finished(drawn(graph, None, view, False))
    assert any(title.startswith("layers.0") for title in drawing.frames.titles)
    assert any(title.startswith("self_attn") for title in drawing.boxes.titles)
    assert not any(title.startswith("layers.0.") for title in drawing.boxes.titles)
    assert "linear1 \u00b7 Linear" in drawing.boxes.titles
