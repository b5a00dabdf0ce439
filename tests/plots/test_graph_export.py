"""Graphs as PNG, SVG and CSV: size, legibility, content."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QApplication

from tests.plots.graphs_for_tests import chain, closed_and_open, diamond, drawing, figure, mesh
from visualizer.base.errors import UserError
from visualizer.figures.table import GRAPH_COLUMNS, figure_csv
from visualizer.ui.graph.export import GROWN_SIDE, legible, planned
from visualizer.ui.graph.viewport import Rect
from visualizer.ui.plots.export import figure_bytes, render_image, save_figure
from visualizer.ui.theme import Theme

pytestmark = pytest.mark.usefixtures("qapp")


def different(image: QImage, colour: str) -> float:
    """Share of the pixels (every fourth each way) that have another colour."""
    ground = QColor(colour).rgb()
    seen = [image.pixel(x, y) != ground for x in range(0, image.width(), 4) for y in range(0, image.height(), 4)]
    return sum(seen) / len(seen)


@pytest.mark.parametrize("scale", [1.0, 2.0, 0.5])
@pytest.mark.parametrize("mode", ["light", "dark"])
def test_a_graph_that_fits_has_exactly_the_size_that_was_asked_for(scale: float, mode: str, qapp: QApplication) -> None:
    theme = Theme("dark" if mode == "dark" else "light")
    image = render_image(diamond(), 900, 600, theme, scale)
    assert (image.width(), image.height()) == (900 * scale, 600 * scale)
    assert 0.05 < different(image, theme.palette.background) < 0.6


def test_twice_the_scale_is_the_same_picture_from_more_pixels() -> None:
    one, two = render_image(diamond(), 800, 500, Theme()), render_image(diamond(), 800, 500, Theme(), 2.0)
    small = two.scaled(800, 500)
    far = [abs(one.pixelColor(x, y).lightness() - small.pixelColor(x, y).lightness()) for x in range(0, 800, 5)
           for y in range(0, 500, 5)]
    assert sum(far) / len(far) < 3


def test_a_large_graph_makes_the_picture_large_enough_to_read_its_names() -> None:
    image = render_image(mesh(400), 640, 480, Theme())
    assert image.width() > 1280
    assert image.height() > 2000
    plan = planned(mesh(400), 640, 480, Theme())
    assert (image.width(), image.height()) == (plan.width, plan.height)
    assert legible(mesh(400), plan, Theme())


def test_a_graph_beyond_all_pictures_is_drawn_smaller_and_said_to_be_illegible() -> None:
    huge = chain(4000)
    plan = planned(huge, 640, 480, Theme())
    assert plan.height <= GROWN_SIDE + 480
    assert not legible(huge, plan, Theme())
    drawn = planned(huge, 640, 480, Theme(), vector=True)
    assert drawn.zoom == 1.0
    assert legible(huge, drawn, Theme())


def test_the_grown_picture_counts_its_scale() -> None:
    plain, scaled = (planned(mesh(3000, 40), 640, 480, Theme(), scale) for scale in (1.0, 4.0))
    assert scaled.width * scaled.height * 16 <= 100_000_000
    assert scaled.zoom < plain.zoom


@pytest.mark.parametrize("size", [(20_000, 20_000), (10, 10)])
def test_a_size_that_cannot_be_drawn_is_refused_in_words(size: tuple[int, int]) -> None:
    with pytest.raises(UserError, match="was asked for"):
        render_image(diamond(), *size, Theme())


def test_the_part_in_the_window_fills_exactly_the_size() -> None:
    whole = mesh(400)
    image = figure_bytes(whole, ".png", size=(640, 480), seen=Rect(0, 0, 500, 375))
    picture = QImage.fromData(image)
    assert (picture.width(), picture.height()) == (640, 480)
    other = QImage.fromData(figure_bytes(whole, ".png", size=(640, 480), seen=Rect(900, 700, 1400, 1075)))
    assert picture != other


def test_marks_are_in_the_picture() -> None:
    assert render_image(diamond(selected=(2,)), 640, 480, Theme()) != render_image(diamond(), 640, 480, Theme())


def test_a_small_svg_has_its_text_as_outlines_and_a_large_one_as_text(tmp_path: Path) -> None:
    save_figure(diamond(), tmp_path / "small.svg", size=(900, 600))
    small = (tmp_path / "small.svg").read_text(encoding="utf-8")
    assert 'width="900" height="600"' in small
    assert "<text" not in small
    assert small.count("<path") >= 30
    large = figure_bytes(mesh(500), ".svg", size=(900, 600)).decode()
    assert "NativeLayerNormBackward0" in large
    assert len(large) < 4_000_000


def test_an_svg_grows_with_the_graph() -> None:
    text = figure_bytes(chain(300), ".svg", size=(900, 600)).decode()
    found = re.search(r'width="(\d+)" height="(\d+)"', text)
    assert found is not None
    assert int(found[1]) >= 900
    assert int(found[2]) > 30_000


def test_an_empty_graph_is_a_picture_of_its_note() -> None:
    empty = figure(drawing([], []), note="This loss is in no graph.", legend=())
    assert different(render_image(empty, 640, 480, Theme()), Theme().palette.background) > 0.001
    assert b"<svg" in figure_bytes(empty, ".svg")


def test_the_table_has_every_box_group_and_edge() -> None:
    _, now = closed_and_open()
    rows = list(csv.DictReader(io.StringIO(figure_csv(now))))
    assert tuple(rows[0]) == GRAPH_COLUMNS
    assert [row["kind"] for row in rows] == ["node"] * 5 + ["group"] + ["edge"] * 4
    assert rows[1]["title"] == "Out"
    assert rows[1]["parameters"] == "weight bias"
    assert float(rows[1]["x"]) == now.drawing.boxes.left[1]
    assert (rows[5]["id"], rows[5]["title"]) == ("500", "Block")
    assert [(row["from"], row["to"]) for row in rows[6:]] == [("0", "1"), ("1", "5"), ("5", "6"), ("6", "9")]


def test_titles_that_a_spreadsheet_would_run_are_harmless() -> None:
    risky = figure(drawing([(0, 0)], [], titles=("=1+2",)))
    assert next(csv.DictReader(io.StringIO(figure_csv(risky))))["title"] == "'=1+2"
