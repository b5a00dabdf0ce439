"""The small figures below a graph: their numbers stand where they belong, and one without anything says why."""

from __future__ import annotations

import numpy as np
import pytest
import shiboken6
from PySide6.QtWidgets import QApplication, QGraphicsScene

from visualizer.base.explanation import Number, Numbers
from visualizer.base.roles import Role
from visualizer.experiments.graph.tiles import Tile, empty, tensors
from visualizer.figures.model import Axis, Figure, Note
from visualizer.ui.plots.scene import FigureItem
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.explain_numbers import NumbersBlock

WORDS = "AccumulateGrad has no derivative of its own: it adds what arrives to 0.weight.grad."


def test_a_figure_of_nothing_is_all_words_and_has_no_axes(qapp: QApplication) -> None:
    scene, item = QGraphicsScene(), FigureItem(Theme())
    scene.addItem(item)
    item.set_size(210, 140)
    item.set_figure(empty("local", "Into .grad", WORDS))
    assert " ".join(item.layout_.note) == WORDS
    assert item.layout_.bare
    item.set_figure(Figure("local", "Not yet", Axis("x"), Axis("y"), (), note=WORDS))
    assert not item.layout_.bare  # axes that have names stay
    shiboken6.delete(scene)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 6, 40])
def test_a_number_at_a_bar_stays_over_it_in_a_small_figure(qapp: QApplication, count: int) -> None:
    """200 x 150 pixels: a third of the row below the graph, in the smallest window. No other bar is nearer to a text."""
    values = np.linspace(0.05976, 0.2988, count).reshape(1, -1)
    figure = tensors("in", "Gradient in", (Tile("", values),), Role.GRADIENT, "gradient")
    scene, item = QGraphicsScene(), FigureItem(Theme())
    scene.addItem(item)
    item.set_size(218, 152)
    item.set_figure(figure)
    plot = item.layout_.plot
    low, high = figure.x.limits or (0.0, 1.0)
    notes = {layer.text: layer.x for layer in figure.layers if isinstance(layer, Note)}
    assert len(notes) == (count if count <= 4 else 0)
    shown = [text for text in item.texts.placed if text.text in notes]
    assert len(shown) == len(notes)
    for text in shown:
        middle = low + (text.x + text.width / 2) / plot.width() * (high - low)  # of the plot, as the texts are
        assert abs(middle - notes[text.text]) < 0.5, text
    shiboken6.delete(scene)


def test_a_long_value_is_broken_into_lines_and_its_name_keeps_its_room(qapp: QApplication) -> None:
    block = NumbersBlock(Theme(), None)  # type: ignore[arg-type]
    block.resize(270, 100)
    block.show_block(Numbers((Number(".grad now", "(0.05976, 0.1195, 0.1793, 0.2390, 0.2988)", role=Role.GRADIENT),
                              Number("loss", "0.06383"))))
    block.show()
    QApplication.processEvents()
    assert block.minimumSizeHint().width() <= 270
    value, plain = (row.value for row in block._rows)
    assert value.width() <= 0.65 * 270
    assert value.height() > 1.5 * plain.height()
    shiboken6.delete(block)
