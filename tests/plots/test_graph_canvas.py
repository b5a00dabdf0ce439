"""Mouse, keys and view of a graph in the window."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QKeyEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from tests.plots.graphs_for_tests import chain, closed_and_open, diamond, drawing, figure, locked, mesh
from visualizer.base.experiment import Gesture
from visualizer.base.roles import Role
from visualizer.figures.graph import GraphFigure
from visualizer.ui.graph.canvas import GraphCanvas
from visualizer.ui.graph.frames import titles
from visualizer.ui.theme import Theme

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def canvas(qtbot: QtBot) -> GraphCanvas:
    canvas = GraphCanvas(theme=Theme())
    qtbot.addWidget(canvas)
    canvas.resize(800, 560)
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.set_figure(diamond())
    return canvas


@pytest.fixture
def gestures(canvas: GraphCanvas) -> list[Gesture]:
    seen: list[Gesture] = []
    canvas.gesture.connect(seen.append)
    return seen


def place(canvas: GraphCanvas, x: float, y: float) -> QPoint:
    """The widget's pixel of a place in the scene."""
    px, py = canvas.viewport.to_pixels(x, y)
    return (canvas.scene_rect.topLeft() + QPointF(px, py)).toPoint()


def middle(canvas: GraphCanvas, row: int) -> QPoint:
    assert canvas.stage is not None
    box = canvas.stage.box(row)
    return place(canvas, (box.left + box.right) / 2, (box.top + box.bottom) / 2)


def wheel(canvas: GraphCanvas, at: QPoint, delta: int) -> None:
    event = QWheelEvent(QPointF(at), QPointF(canvas.mapToGlobal(at)), QPoint(), QPoint(0, delta), Qt.MouseButton.NoButton,
                        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(canvas, event)


def painted(canvas: GraphCanvas) -> QImage:
    return canvas.grab().toImage()


def pixels(canvas: GraphCanvas) -> NDArray[np.int16]:
    image = painted(canvas)
    return np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), -1, 4)[..., :3].astype(np.int16)


def overrides(canvas: GraphCanvas, key: Qt.Key) -> bool:
    """Whether the canvas keeps this key from being a shortcut."""
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
    event.ignore()
    QApplication.sendEvent(canvas, event)
    return event.isAccepted()


def answering(canvas: GraphCanvas) -> None:
    """Let the figure say what was clicked, as the tab does."""

    def answer(gesture: Gesture) -> None:
        shown = canvas.figure
        assert shown is not None
        rows = np.flatnonzero(shown.drawing.boxes.ident == gesture.index) if gesture.layer == "node" else ()
        canvas.set_figure(replace(shown, selected=tuple(int(row) for row in rows)))

    canvas.gesture.connect(answer)


def test_a_click_on_a_box_is_a_gesture_with_its_ident(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    canvas.set_figure(figure(drawing([(0, 0), (200, 200)], [(1, 0)], idents=(17, 500_000_003))))
    QTest.mouseClick(canvas, LEFT, pos=middle(canvas, 1))
    assert [(g.kind, g.figure, g.layer, g.index) for g in gestures] == [("click", "graph", "node", 500_000_003)]
    assert gestures[0].x == pytest.approx(275, abs=1.0)
    assert gestures[0].y == pytest.approx(233, abs=1.0)


def test_a_click_beside_all_boxes_is_a_click_on_the_background(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    QTest.mouseClick(canvas, LEFT, pos=QPoint(20, 200))
    assert [(g.layer, g.index) for g in gestures] == [("background", 0)]


def test_a_drag_pans_and_is_no_click(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    before = canvas.viewport
    start = middle(canvas, 3)
    QTest.mousePress(canvas, LEFT, pos=start)
    QTest.mouseMove(canvas, start + QPoint(30, 10))
    QTest.mouseMove(canvas, start + QPoint(50, 20))
    QTest.mouseRelease(canvas, LEFT, pos=start + QPoint(50, 20))
    assert gestures == []
    assert canvas.viewport.zoom == before.zoom
    assert (before.x - canvas.viewport.x) * before.zoom == pytest.approx(50)
    assert (before.y - canvas.viewport.y) * before.zoom == pytest.approx(20)


def test_the_wheel_keeps_the_place_under_the_pointer(canvas: GraphCanvas) -> None:
    at = middle(canvas, 4) + QPoint(7, 3)
    inside = QPointF(at) - canvas.scene_rect.topLeft()
    before = canvas.viewport.to_scene(inside.x(), inside.y())
    zoom = canvas.viewport.zoom
    wheel(canvas, at, 120)
    assert canvas.viewport.zoom > zoom
    assert canvas.viewport.to_scene(inside.x(), inside.y()) == pytest.approx(before)
    wheel(canvas, at, -240)
    assert canvas.viewport.zoom < zoom


def test_a_double_click_opens_a_group_and_on_the_ground_fits(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    closed, _ = closed_and_open()
    canvas.set_figure(closed)
    QTest.mouseDClick(canvas, LEFT, pos=middle(canvas, 2))
    assert [(g.layer, g.index) for g in gestures] == [("toggle", 500)]
    fit = canvas.viewport
    wheel(canvas, QPoint(100, 100), 240)
    assert canvas.viewport != fit
    QTest.mouseDClick(canvas, LEFT, pos=QPoint(30, 300))
    assert canvas.viewport.zoom == pytest.approx(fit.zoom)


def test_a_click_on_a_frames_title_closes_the_group(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    _, now = closed_and_open()
    canvas.set_figure(now)
    assert canvas.stage is not None
    (_, area, _), = titles(canvas.stage, np.array([0]), canvas.viewport, Theme())
    QTest.mouseClick(canvas, LEFT, pos=(canvas.scene_rect.topLeft() + area.center()).toPoint())
    assert [(g.layer, g.index) for g in gestures] == [("toggle", 500)]


def test_opening_a_group_leaves_it_in_its_place(canvas: GraphCanvas) -> None:
    closed, now = closed_and_open()
    canvas.set_figure(closed)
    wheel(canvas, middle(canvas, 2), 60)
    assert canvas.stage is not None
    box = canvas.stage.box(2)
    before, zoom = canvas.viewport.to_pixels(box.left, box.top), canvas.viewport.zoom
    QTest.mouseDClick(canvas, LEFT, pos=middle(canvas, 2))
    canvas.set_figure(now)
    frame = canvas.stage.frame(0)
    assert canvas.viewport.to_pixels(frame.left, frame.top) == pytest.approx(before)
    assert canvas.viewport.zoom == zoom


def test_the_same_drawing_with_other_marks_leaves_the_view(canvas: GraphCanvas) -> None:
    wheel(canvas, QPoint(300, 300), 240)
    before = canvas.viewport
    shown = canvas.figure
    assert shown is not None
    canvas.set_figure(replace(shown, selected=(2,), active=(1,), title="Step 3", notes=((1, "NaN first here", Role.BAD),)))
    assert canvas.viewport == before


def test_another_graph_is_opened_anew(canvas: GraphCanvas) -> None:
    wheel(canvas, QPoint(300, 300), 480)
    zoomed = canvas.viewport.zoom
    other = drawing([(0.0, 100.0 * row) for row in range(6)], [(5, 0)], titles=tuple("ABCDEF"))
    canvas.set_figure(figure(other))
    assert canvas.viewport.zoom != zoomed
    assert canvas.stage is not None
    assert len(canvas.stage.boxes.meeting(canvas.viewport.seen)) == 6


def test_arrows_walk_from_the_chosen_box_and_enter_opens_it(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    answering(canvas)
    canvas.setFocus()
    QTest.mouseClick(canvas, LEFT, pos=middle(canvas, 0))
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Down):
        QTest.keyClick(canvas, key)
    walked = [g.index for g in gestures if g.layer == "node"]
    assert walked[0] == 0
    assert walked[1] in (1, 2)
    assert walked[2:] == [2, 3, 4, 3, 2] if walked[1] == 1 else [3, 4, 3, 2]
    closed, _ = closed_and_open()
    canvas.set_figure(replace(closed, selected=(2,)))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert (gestures[-1].layer, gestures[-1].index) == ("toggle", 500)


def test_enter_on_a_box_in_an_open_group_closes_the_group(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    _, now = closed_and_open()
    canvas.set_figure(replace(now, selected=(3,)))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert [(g.layer, g.index) for g in gestures] == [("toggle", 500)]


def test_the_transport_bars_keys_are_its_own_until_a_box_is_chosen(canvas: GraphCanvas) -> None:
    answering(canvas)
    keys = (Qt.Key.Key_Left, Qt.Key.Key_Right)
    assert not any(overrides(canvas, key) for key in (*keys, Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_F))
    QTest.mouseClick(canvas, LEFT, pos=middle(canvas, 1))
    assert all(overrides(canvas, key) for key in keys)
    assert not any(overrides(canvas, key) for key in (Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_F))
    QTest.keyClick(canvas, Qt.Key.Key_Escape)
    assert canvas.chosen == -1
    assert not any(overrides(canvas, key) for key in (*keys, Qt.Key.Key_Escape))


def test_where_a_run_is_played_left_and_right_step_it_and_walk_with_alt(qtbot: QtBot) -> None:
    canvas = GraphCanvas(theme=Theme(), played=True)
    qtbot.addWidget(canvas)
    canvas.resize(800, 560)
    canvas.set_figure(diamond(selected=(1,)))
    answering(canvas)
    assert not any(overrides(canvas, key) for key in (Qt.Key.Key_Left, Qt.Key.Key_Right))
    assert overrides(canvas, Qt.Key.Key_Up)
    QTest.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert canvas.chosen == 2


def test_f3_goes_through_what_was_found_round_and_round_and_brings_it_into_view(canvas: GraphCanvas, qtbot: QtBot) -> None:
    answering(canvas)
    seen: list[int] = []
    canvas.gesture.connect(lambda gesture: seen.append(gesture.index))
    canvas.set_figure(chain(200, found=(10, 90, 150)))
    for _ in range(4):
        canvas.next_found()
        assert canvas.stage is not None
        assert canvas.chosen in canvas.stage.boxes.meeting(canvas.viewport.seen).tolist()
    canvas.previous_found()
    assert seen == [10, 90, 150, 10, 150]


def test_z_brings_the_chosen_box_into_the_middle_and_0_the_whole_graph(canvas: GraphCanvas) -> None:
    canvas.set_figure(mesh(300, selected=(250,)))
    QTest.keyClick(canvas, Qt.Key.Key_Z)
    assert canvas.stage is not None
    box, seen = canvas.stage.box(250), canvas.viewport.seen
    assert (seen.left + seen.right) / 2 == pytest.approx((box.left + box.right) / 2)
    assert canvas.viewport.zoom == pytest.approx(1.2)
    QTest.keyClick(canvas, Qt.Key.Key_0)
    assert len(canvas.stage.boxes.meeting(canvas.viewport.seen)) == 300


def test_a_click_on_an_edge_goes_to_its_farther_end(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    assert canvas.stage is not None
    x, y = canvas.stage.way(5)  # from 3 to 4, straight up
    QTest.mouseClick(canvas, LEFT, pos=place(canvas, float(x[0]), float(y[0] * 0.75 + y[-1] * 0.25)))
    assert [(g.layer, g.index) for g in gestures] == [("node", 4)]


def test_the_map_is_shown_where_the_graph_does_not_fit_and_moves_the_view(canvas: GraphCanvas) -> None:
    small = canvas.findChild(QWidget, "plot.map")
    assert small is not None
    assert small.isHidden()
    canvas.set_figure(chain(120))
    assert small.isVisible()
    before = canvas.viewport.zoom
    QTest.mouseClick(small, LEFT, pos=QPoint(small.width() // 2, 8))
    assert canvas.stage is not None
    assert 119 in canvas.stage.boxes.meeting(canvas.viewport.seen).tolist()
    assert canvas.viewport.zoom == before
    QTest.keyClick(canvas, Qt.Key.Key_M)
    assert small.isHidden()
    canvas.resize(300, 200)
    canvas.toggle_map()
    assert small.isHidden()


def test_a_panned_picture_is_the_one_that_would_be_painted_anew(canvas: GraphCanvas) -> None:
    canvas.set_figure(replace(mesh(400), selected=(200,)))
    canvas.zoom_at(1.7, QPointF(100, 100))
    canvas.settle()
    painted(canvas)
    for dx, dy in ((13, 0), (0, -41), (-57, 22), (3, 3)):
        canvas.pan(dx, dy)
        moved = pixels(canvas)
        canvas.forget_picture()
        # At the edge of a strip that was painted by itself, smoothing may round another way.
        assert np.abs(moved - pixels(canvas)).max() <= 4, (dx, dy)


def test_there_is_more_to_read_the_nearer_one_comes(canvas: GraphCanvas) -> None:
    """Ink inside one box: pixels that differ from its fill."""
    canvas.set_figure(mesh(300))
    inks = []
    for zoom in (0.2, 0.45, 0.6, 1.0):
        canvas.set_figure(mesh(300, selected=()))
        assert canvas.stage is not None
        box = canvas.stage.box(149)
        canvas.fit()
        canvas.zoom_at(zoom / canvas.viewport.zoom, QPointF(0, 0))
        canvas.bring(149) if zoom >= 0.45 else None
        canvas.settle()
        image = painted(canvas)
        spot = middle(canvas, 149)
        wide, high = int(box.width * zoom) - 8, int(box.height * zoom) - 6
        area = image.copy(spot.x() - wide // 2, spot.y() - high // 2, wide, high)
        fill = area.pixelColor(1, area.height() // 2).rgb()
        rows = sum(any(area.pixel(x, y) != fill for x in range(area.width())) for y in range(area.height()))
        inks.append(rows / zoom)
    assert inks[0] == 0
    assert 0 < inks[1] < inks[2] < inks[3]


def test_the_theme_changes_in_place(canvas: GraphCanvas) -> None:
    wheel(canvas, QPoint(300, 300), 240)
    canvas.settle()
    before, light = canvas.viewport, painted(canvas)
    canvas.set_theme(Theme("dark"))
    assert canvas.viewport == before
    dark = painted(canvas)
    assert dark.pixelColor(5, 300).name() == Theme("dark").palette.background
    canvas.set_theme(Theme("light"))
    assert painted(canvas) == light


def test_larger_type_leaves_the_graph_its_room(canvas: GraphCanvas) -> None:
    scene = canvas.scene_rect
    canvas.set_theme(Theme(presentation=True))
    assert canvas.scene_rect.top() > scene.top()
    assert canvas.stage is not None
    assert len(canvas.stage.boxes.meeting(canvas.viewport.seen)) == 5


def test_a_graph_without_boxes_says_why_and_takes_every_key_and_click(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    canvas.set_figure(figure(drawing([], []), note="This loss is in no graph: it does not require a gradient.", legend=()))
    image = painted(canvas)
    ground = Theme().palette.background
    row = {image.pixelColor(x, y).name() for x in range(150, 650) for y in range(270, 310)}
    assert len(row) > 1
    assert ground in row
    for key in (Qt.Key.Key_Up, Qt.Key.Key_Z, Qt.Key.Key_0, Qt.Key.Key_Plus, Qt.Key.Key_Return, Qt.Key.Key_Escape):
        QTest.keyClick(canvas, key)
    wheel(canvas, QPoint(300, 300), 120)
    canvas.next_found()
    QTest.mouseClick(canvas, LEFT, pos=QPoint(300, 300))
    assert [g.layer for g in gestures] == ["background"]


def test_everything_that_can_be_marked_is_painted(canvas: GraphCanvas) -> None:
    plain = painted(canvas)
    marks: list[dict[str, object]] = [
        {"selected": (3,)}, {"found": (1, 2)}, {"path": (2,)}, {"active": (1,)}, {"ready": (2, 1)}, {"flowing": (0,)},
        {"done": locked([1, 0, 0, 0, 0], "?")}, {"dimmed": locked([0, 1, 0, 0, 0], "?")}, {"torchviz": True},
        {"shades": locked(np.linspace(0, 1, 5)), "shade_label": "norm"}, {"notes": ((1, "failed here", Role.BAD),)},
        {"badge": "Equal to loss.backward(), bit for bit"},
    ]
    seen = [plain]
    for mark in marks:
        canvas.set_figure(diamond(**mark))
        image = painted(canvas)
        assert image not in seen, mark
        seen.append(image)


def test_what_is_under_the_mouse_and_chosen_is_said(canvas: GraphCanvas) -> None:
    answering(canvas)
    QTest.mouseMove(canvas, middle(canvas, 1))
    before = painted(canvas)
    QTest.mouseMove(canvas, QPoint(10, 200))
    assert painted(canvas) != before
    QTest.mouseClick(canvas, LEFT, pos=middle(canvas, 1))
    assert "Selected: Node1Backward0, (2, 64) float32, norm 0.1, with weight, bias" in canvas.accessibleDescription()
    assert canvas.accessibleName() == "A graph"


def test_the_legend_folds_and_unfolds(canvas: GraphCanvas, gestures: list[Gesture]) -> None:
    assert canvas.legend_open
    unfolded = painted(canvas)
    head = canvas.surround.head.center().toPoint()
    QTest.mouseClick(canvas, LEFT, pos=head)
    assert not canvas.legend_open
    assert painted(canvas) != unfolded
    QTest.mouseClick(canvas, LEFT, pos=canvas.surround.head.center().toPoint())
    assert canvas.legend_open
    assert gestures == []


def test_signals_carry_the_figures_name(canvas: GraphCanvas) -> None:
    seen: list[tuple[str, str]] = []
    canvas.copy_requested.connect(lambda name: seen.append(("copy", name)))
    canvas.export_requested.connect(lambda name: seen.append(("export", name)))
    canvas.enlarge_requested.connect(lambda name: seen.append(("enlarge", name)))
    for name in ("copy", "export", "enlarge"):
        button = canvas.findChild(QWidget, f"plot.{name}")
        assert button is not None
        QTest.mouseClick(button, LEFT)
    QTest.mouseDClick(canvas, LEFT, pos=QPoint(20, 8))
    QTest.keyClick(canvas, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert [kind for kind, _ in seen] == ["copy", "export", "enlarge", "enlarge", "copy"]
    assert {name for _, name in seen} == {"graph"}


def test_the_view_follows_a_resized_canvas_until_the_user_has_chosen_one(canvas: GraphCanvas) -> None:
    zoom = canvas.viewport.zoom
    canvas.resize(400, 300)
    assert canvas.viewport.zoom < zoom
    assert canvas.stage is not None
    assert len(canvas.stage.boxes.meeting(canvas.viewport.seen)) == 5
    wheel(canvas, QPoint(200, 150), 120)
    zoom = canvas.viewport.zoom
    canvas.resize(800, 560)
    assert canvas.viewport.zoom == zoom


def test_nobody_pans_into_nowhere(canvas: GraphCanvas) -> None:
    for _ in range(50):
        canvas.pan(400, 300)
    seen = canvas.viewport.seen
    assert seen.right >= 0
    assert seen.bottom >= 0


def twenty_thousand() -> GraphFigure:
    return mesh(20_000, columns=40)


def test_twenty_thousand_boxes_are_no_widgets_and_no_items(qtbot: QtBot) -> None:
    canvas = GraphCanvas(theme=Theme())
    qtbot.addWidget(canvas)
    canvas.resize(800, 560)
    children = len(canvas.findChildren(QWidget))
    canvas.set_figure(twenty_thousand())
    canvas.show()
    canvas.fit()
    assert len(canvas.findChildren(QWidget)) == children
    assert canvas.stage is not None
    assert len(canvas.stage.boxes.meeting(canvas.viewport.seen)) == 20_000
    canvas.zoom_at(1.0 / canvas.viewport.zoom, QPointF(0, 0))
    # Only what is seen is asked for and painted: some dozens.
    assert len(canvas.stage.boxes.meeting(canvas.viewport.seen)) < 60
