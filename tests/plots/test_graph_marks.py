"""What is laid over a graph stands where it covers nothing; chips can be clicked; a stepped pass stays in sight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from tests.plots.graphs_for_tests import chain, diamond, drawing, figure
from visualizer.base.experiment import Gesture
from visualizer.experiments.graph.drawing import HEIGHT, MARGIN, SIDES
from visualizer.experiments.graph.text_width import width_of
from visualizer.figures.graph import GraphFigure
from visualizer.ui.graph import boxes as box_painting
from visualizer.ui.graph.boxes import chip_areas
from visualizer.ui.graph.canvas import GraphCanvas
from visualizer.ui.graph.frames import pixels_of
from visualizer.ui.graph.levels import Level, level_at
from visualizer.ui.graph.marks import note_place
from visualizer.ui.graph.minimap import MiniMap
from visualizer.ui.graph.opening import beside, opened
from visualizer.ui.graph.stage import Stage
from visualizer.ui.graph.viewport import Rect, Viewport
from visualizer.ui.theme import Theme

Show = Callable[[GraphFigure], GraphCanvas]


@pytest.fixture
def shown(qtbot: QtBot) -> Callable[[GraphFigure], GraphCanvas]:
    """Shows a figure; the canvas lives until the test has ended."""

    def show(made: GraphFigure) -> GraphCanvas:
        canvas = GraphCanvas(None, Theme(), played=True)
        kept.append(canvas)
        qtbot.addWidget(canvas)
        canvas.resize(900, 600)
        canvas.set_figure(made)
        canvas.show()
        return canvas

    kept: list[GraphCanvas] = []
    return show


def with_idents(made: GraphFigure) -> GraphFigure:
    """Every chip can be chosen: box 1's are called 1000 and 1001, and so on."""
    boxes = made.drawing.boxes
    idents = tuple(tuple(1000 * row + at for at in range(len(names))) for row, names in enumerate(boxes.badges))
    return replace(made, drawing=replace(made.drawing, boxes=replace(boxes, badge_idents=idents)))


def test_a_click_on_a_chip_chooses_its_leaf_and_beside_it_the_box(shown: Show) -> None:
    canvas = shown(with_idents(figure(drawing([(0.0, 0.0), (0.0, 120.0)], [(1, 0)]))))
    sent: list[Gesture] = []
    canvas.gesture.connect(sent.append)
    stage = canvas.stage
    assert stage is not None
    theme, viewport = Theme(), canvas.viewport
    level = level_at(viewport.zoom, theme)
    assert level == Level.VALUES
    box = pixels_of(stage.box(1), viewport)
    areas = chip_areas(stage.drawing.boxes, 1, box, viewport.zoom, level, theme)
    assert len(areas) == 2
    assert all(box.contains(area) for area in areas)
    assert not areas[0].intersects(areas[1])
    for place in (areas[0].center(), areas[1].center(), QPointF(box.center().x(), box.top() + 6)):
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=(canvas.scene_rect.topLeft() + place).toPoint())
    assert [(one.layer, one.index) for one in sent] == [("node", 1000), ("node", 1001), ("node", 1)]


def test_chips_that_are_only_words_choose_their_box(shown: Show) -> None:
    canvas = shown(figure(drawing([(0.0, 0.0), (0.0, 120.0)], [(1, 0)])))
    sent: list[Gesture] = []
    canvas.gesture.connect(sent.append)
    stage = canvas.stage
    assert stage is not None
    box = pixels_of(stage.box(1), canvas.viewport)
    area = chip_areas(stage.drawing.boxes, 1, box, canvas.viewport.zoom, Level.VALUES, Theme())[0]
    QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=(canvas.scene_rect.topLeft() + area.center()).toPoint())
    assert [one.index for one in sent] == [1]


@pytest.mark.parametrize("zoom", [0.5, 0.8, 1.2])
def test_notes_cover_no_box_and_no_other_note_where_there_is_room(zoom: float) -> None:
    """A row of three boxes, close together: the notes of the outer ones go outwards, that of the middle one above or below."""
    stage = Stage(drawing([(200.0, 200.0), (370.0, 200.0), (540.0, 200.0)], []))
    viewport = Viewport(900.0 * zoom, 500.0 * zoom, zoom=zoom)
    taken: list[QRectF] = []
    for row in (0, 1, 2):
        taken.append(note_place(stage, viewport, row, 80.0 * zoom, 20.0, taken))
    boxes = [pixels_of(stage.box(row), viewport) for row in range(3)]
    for at, note in enumerate(taken):
        assert not any(note.intersects(box) for box in boxes)
        assert not any(note.intersects(other) for other in taken[at + 1:])
        assert QRectF(0, 0, viewport.width, viewport.height).contains(note)
        near = boxes[at].adjusted(-100 * zoom, -40, 100 * zoom, 40)
        assert near.intersects(note)


def test_the_box_that_computes_comes_into_sight_and_otherwise_nothing_moves(shown: Show) -> None:
    long = chain(60)
    canvas = shown(replace(long, active=(30,)))
    canvas.zoom_at(1.0 / canvas.viewport.zoom, QPointF(450, 300))
    stage = canvas.stage
    assert stage is not None
    moved = 0
    for row in range(60):
        before = canvas.viewport
        canvas.set_figure(replace(long, active=(row,)))
        seen, box = canvas.viewport.seen, stage.box(row)
        assert seen.left <= box.left
        assert box.right <= seen.right
        assert seen.top <= box.top
        assert box.bottom <= seen.bottom
        moved += canvas.viewport != before
        assert canvas.viewport.zoom == before.zoom
    assert 0 < moved < 40  # the view is no camera that follows every step
    where = canvas.viewport
    canvas.pan(0.0, 5000.0)
    away = canvas.viewport
    canvas.set_figure(replace(long, active=(59,), title="the same step"))
    assert canvas.viewport == away != where  # who looks elsewhere during a step is left there


def test_a_narrow_graph_stands_beside_the_legend() -> None:
    stage = Stage(drawing([(0.0, 110.0 * row) for row in range(8)], []))
    first = opened(stage, Viewport(420.0, 500.0), Theme())
    corner = (200.0, 90.0)
    view = beside(stage, first, corner)
    boxes = [pixels_of(stage.box(row), view) for row in range(8)]
    legend = QRectF(0.0, 410.0, 200.0, 90.0)
    assert any(pixels_of(stage.box(row), first).intersects(legend) for row in range(8))
    assert not any(box.intersects(legend) for box in boxes)
    assert all(box.right() <= 420.0 for box in boxes)
    assert view.zoom == first.zoom
    wide = Stage(drawing([(160.0 * column, 0.0) for column in range(8)], []))
    fit = opened(wide, Viewport(420.0, 300.0), Theme())
    assert beside(wide, fit, (200.0, 200.0)) == fit


def test_titles_are_whole_as_soon_as_shapes_are_written_below_them(shown: Show, monkeypatch: pytest.MonkeyPatch) -> None:
    """A box is made for its texts at zoom 1: at any other zoom of the window they fit as well."""
    cut: list[str] = []
    real = box_painting.fitted
    words = ("MseLoss \u2192 loss", "AccumulateGrad", "NativeLayerNorm", "ScaledDotProductEfficientAttention")
    made = drawing([(0.0, 120.0 * row) for row in range(4)], [], titles=words, outlines={0: "hexagon", 1: "pill"})
    wide = np.array([np.ceil(width_of(word, 13.0, bold=True) + 2 * (SIDES * HEIGHT if row < 2 else MARGIN))
                     for row, word in enumerate(words)])
    made = replace(made, boxes=replace(made.boxes, width=wide, height=np.full(4, HEIGHT), badges=((),) * 4))

    def watched(text: str, pixels: float, width: float, bold: bool = False) -> str:
        found = real(text, pixels, width, bold)
        if found != text and text in words:
            cut.append(f"{text} at {pixels}")
        return found

    monkeypatch.setattr(box_painting, "fitted", watched)
    canvas = shown(figure(made))
    for zoom in np.arange(0.56, 1.8, 0.04):
        canvas.zoom_at(zoom / canvas.viewport.zoom, QPointF(200, 200))
        canvas.settle()
        canvas.grab()
    assert cut == []


def test_the_values_on_edges_and_the_chosen_chip_are_painted(shown: Show) -> None:
    plain = with_idents(diamond())
    canvas = shown(plain)
    before = canvas.grab().toImage()
    canvas.set_figure(replace(plain, edge_notes=((0, "0.0598"),)))
    noted = canvas.grab().toImage()
    assert noted != before
    canvas.set_figure(replace(plain, selected=(1,)))
    chosen = canvas.grab().toImage()
    canvas.set_figure(replace(plain, selected=(1,), chip=1001))
    assert canvas.grab().toImage() != chosen


def test_a_graph_that_is_coloured_by_a_number_is_opened_whole() -> None:
    """Its colours are what is to be seen; of one in the colours of its kinds the names are."""
    stage = Stage(chain(24).drawing)
    small = Viewport(700.0, 360.0)
    whole = Rect(0.0, 0.0, stage.drawing.width, stage.drawing.height)
    named, coloured = opened(stage, small, Theme()), opened(stage, small, Theme(), shaded=True)
    assert coloured.seen.top <= whole.top
    assert coloured.seen.bottom >= whole.bottom
    assert named.zoom > coloured.zoom


def test_notes_keep_away_from_badge_and_legend() -> None:
    stage = Stage(drawing([(200.0, 200.0)], []))
    viewport = Viewport(700.0, 400.0)
    free = note_place(stage, viewport, 0, 120.0, 20.0, [])
    badge = QRectF(free)
    moved = note_place(stage, viewport, 0, 120.0, 20.0, [badge])
    assert not moved.intersects(badge)
    assert not moved.intersects(pixels_of(stage.box(0), viewport))


def test_a_run_that_is_shown_at_its_end_first_has_its_node_in_sight(shown: Show) -> None:
    canvas = shown(replace(chain(60), active=(59,)))
    assert canvas.stage is not None
    for size in (900, 700):
        canvas.resize(size, 500)
        box, seen = canvas.stage.box(59), canvas.viewport.seen
        assert seen.top <= box.top
        assert box.bottom <= seen.bottom


def test_a_wide_graph_that_does_not_fit_stands_beside_the_map(shown: Show) -> None:
    places = [(190.0 * (row % 3), 110.0 * (row // 3)) for row in range(36)]
    canvas = shown(figure(drawing(places, [(row + 3, row) for row in range(33)])))
    assert canvas.stage is not None
    small = next(child for child in canvas.children() if isinstance(child, MiniMap))
    assert not small.isHidden()
    over = QRectF(small.geometry()).translated(-canvas.scene_rect.topLeft())
    assert not any(pixels_of(canvas.stage.box(row), canvas.viewport).intersects(over) for row in range(36))
