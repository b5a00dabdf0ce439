"""What surrounds the plot area keeps within its share, and says enough."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import shiboken6
from PySide6.QtWidgets import QApplication, QGraphicsScene

from tests.plots.figures_for_tests import line, one
from visualizer.base.roles import Role
from visualizer.figures.model import Axis, Figure, Heat, readonly
from visualizer.ui.plots.paint import Kit, text_height, text_width
from visualizer.ui.plots.scene import FigureItem
from visualizer.ui.theme import Theme

STAGE = Theme("dark", presentation=True)


@pytest.fixture
def item(qapp: QApplication) -> Iterator[FigureItem]:
    scene = QGraphicsScene()
    item = FigureItem(Theme())
    scene.addItem(item)
    yield item
    shiboken6.delete(scene)


def crowded() -> Figure:
    """More words than there is room for."""
    lines = tuple(line([0, 1], [0, n], key=f"l{n}", label=f"optimizer number {n}") for n in range(12))
    return Figure("f", "A title that is so long that it needs two lines in a figure, if not more than that, on a stage",
                  Axis("x"), Axis("y"), lines, note="A note with many words, too. " * 6)


@pytest.mark.parametrize("size", [(900, 520), (620, 420), (1280, 720)])
@pytest.mark.parametrize("theme", [Theme(), STAGE])
def test_title_and_legend_take_at_most_a_quarter_of_the_height_and_with_the_note_on_a_projector_two_fifths(
    item: FigureItem, size: tuple[int, int], theme: Theme,
) -> None:
    item.set_theme(theme)
    item.set_size(*size)
    item.set_figure(crowded())
    layout = item.layout_
    assert layout.plot.top() <= (0.4 if theme.presentation else 0.25) * size[1]
    assert len({y for _, _, _, y in layout.legend}) <= 2
    assert layout.title
    text = layout.legend_more[0] if layout.legend_more else "and 0 more"
    assert int(text.split()[1]) + len(layout.legend) == 12


@pytest.mark.parametrize("size", [(1280, 380), (1280, 400), (1920, 720)])
def test_a_large_figure_on_a_projector_says_all_of_a_note_of_two_lines(item: FigureItem, size: tuple[int, int]) -> None:
    item.set_theme(STAGE)
    item.set_size(*size)
    lines = tuple(line([0, 1], [0, n], key=f"l{n}", label=f"curve {n}") for n in range(5))
    note = "Vanishing: through 30 layers the signal shrinks 34,900-fold and the gradient 25,000-fold. Dead ReLUs: up to 33 %."
    item.set_figure(Figure("f", "The spread in every layer", Axis("x"), Axis("y"), lines, note=note))
    assert " ".join(item.layout_.note) == note
    assert item.plot_rect.height() >= 0.4 * size[1]


def test_a_small_figure_keeps_one_line_of_title_and_of_legend(item: FigureItem) -> None:
    item.set_theme(STAGE)
    item.set_size(420, 230)
    item.set_figure(crowded())
    layout = item.layout_
    assert (len(layout.title), len(layout.note), len({y for _, _, _, y in layout.legend})) == (1, 0, 1)
    assert layout.title[0].endswith("…")
    assert layout.plot.top() <= 0.4 * 230


def test_a_long_legend_entry_does_not_keep_shorter_ones_out(item: FigureItem) -> None:
    item.set_theme(STAGE)
    item.set_size(520, 230)
    labels = ("curve", "tangent: its slope is the gradient of the curve", "start", "dot")
    item.set_figure(one(*(line([0, 1], [0, n], key=label, label=label) for n, label in enumerate(labels))))
    assert [text for _, text, _, _ in item.layout_.legend] == ["curve", "start", "dot"]
    assert item.layout_.legend_more is not None
    assert item.layout_.legend_more[0] == "and 1 more"


def test_an_axis_title_becomes_smaller_before_words_are_left_out(item: FigureItem) -> None:
    item.set_size(420, 190)
    title = "distance from the top"
    kit = Kit(Theme())
    seen = set()
    for words in (title + "m" * count for count in range(16)):
        item.set_figure(replace(one(line([0, 1], [0, 1])), name=words, y=Axis(words)))
        shown = item.layout_.y_title
        half = text_width(kit, "label", shown.text) * shown.scale / 2
        assert shown.middle - half >= item.plot_rect.top() - 1
        assert shown.middle + half <= 190
        assert 0.85 <= shown.scale <= 1.0
        if shown.text != words:
            assert shown.scale == 0.85
        seen.add((shown.text == words, shown.scale == 1.0))
    assert {(True, True), (True, False), (False, False)} <= seen


def binary(**rest: object) -> Heat:
    values = np.array([[0.0, 1.0], [1.0, 0.0]])
    return Heat(key="h", role=Role.DATA, values=readonly(values), x_range=(0, 2), y_range=(0, 2), limits=(0.0, 1.0),
                value_label="in the batch", **rest)  # type: ignore[arg-type]


def test_the_colour_bar_of_yes_and_no_says_0_and_1_only(item: FigureItem) -> None:
    item.set_size(640, 400)
    item.set_figure(one(binary()))
    assert item.layout_.bar_ticks.texts == ("0", "1")
    item.set_figure(one(replace(binary(), values=readonly([[0.0, 0.5], [1.0, 0.0]]))))
    assert len(item.layout_.bar_ticks.texts) > 2


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("theme", [Theme(), STAGE])
def test_an_axis_with_room_has_two_ticks_at_least(item: FigureItem, theme: Theme, log: bool) -> None:
    item.set_theme(theme)
    kit = Kit(theme)
    random = np.random.default_rng(5)
    for index in range(150):
        item.set_size(300, 180 + index)
        low = float(random.uniform(0.1, 900))
        high = low * float(random.uniform(1.2, 40))
        item.set_figure(one(line([low, high], [low, high]), name=str(index), x=Axis("x", log=log),
                            y=Axis("y", log=log, limits=(low, high))))
        if item.plot_rect.height() < 60:
            continue
        ticks = item.layout_.y_ticks
        assert len(ticks.positions) >= 2, (low, high)
        gaps = np.diff(sorted(ticks.positions)) * item.mapping.height / (item.mapping.y1 - item.mapping.y0)
        assert gaps.min() >= text_height(kit, "small")
