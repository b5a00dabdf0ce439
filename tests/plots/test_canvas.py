"""Mouse, keys and tools of a figure in the window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu, QWidget
from pytestqt.qtbot import QtBot

from tests.plots.figures_for_tests import everything, line, markers, one
from visualizer.base.experiment import Gesture
from visualizer.base.roles import Role
from visualizer.figures.model import Axis, Bars, Figure, Heat, Rule, readonly
from visualizer.ui.plots.canvas import FigureCanvas
from visualizer.ui.plots.picking import readout
from visualizer.ui.theme import Theme

LEFT = Qt.MouseButton.LeftButton


def points(**rest: object) -> Figure:
    options = {"drag": "xy", "click": True, "tip": "Click or drag", "texts": ("P1", "P2", "P3")} | rest
    return one(line([0, 10], [0, 10], key="curve", label="curve"), markers([2, 5, 8], [2, 5, 8], **options),
               x=Axis("x", limits=(0, 10)), y=Axis("y", limits=(0, 10)))


@pytest.fixture
def canvas(qtbot: QtBot) -> FigureCanvas:
    canvas = FigureCanvas(theme=Theme())
    qtbot.addWidget(canvas)
    canvas.resize(640, 400)
    canvas.show()
    qtbot.waitExposed(canvas)
    canvas.set_figure(points())
    return canvas


@pytest.fixture
def gestures(canvas: FigureCanvas) -> list[Gesture]:
    seen: list[Gesture] = []
    canvas.gesture.connect(seen.append)
    return seen


def at(canvas: FigureCanvas, x: float, y: float) -> QPoint:
    """The widget position of a data position."""
    plot, m = canvas.item.plot_rect, canvas.item.mapping
    return QPoint(round(plot.left() + float(m.x(np.array([x]))[0])), round(plot.top() + float(m.y(np.array([y]))[0])))


def view(canvas: FigureCanvas) -> tuple[float, float, float, float]:
    m = canvas.item.mapping
    return m.x0, m.x1, m.y0, m.y1


def test_a_click_on_a_marker_is_one_click_gesture(canvas: FigureCanvas, gestures: list[Gesture]) -> None:
    QTest.mouseClick(canvas, LEFT, pos=at(canvas, 5, 5) + QPoint(6, -6))
    assert gestures == [Gesture("click", "test", "markers", 1, 5.0, 5.0)]


def test_a_drag_sends_drags_and_one_drop_and_leaves_the_view(canvas: FigureCanvas, gestures: list[Gesture]) -> None:
    before = view(canvas)
    start = at(canvas, 5, 5)
    QTest.mousePress(canvas, LEFT, pos=start)
    for step in range(1, 6):
        QTest.mouseMove(canvas, start + QPoint(12 * step, 0))
    QTest.mouseRelease(canvas, LEFT, pos=start + QPoint(60, 0))
    assert [g.kind for g in gestures] == ["drag"] * 5 + ["drop"]
    m = canvas.item.mapping
    assert gestures[-1].x == pytest.approx(5.0 + 60 * (m.x1 - m.x0) / m.width)
    assert gestures[-1].y == pytest.approx(5.0)
    assert view(canvas) == before


def test_while_dragging_the_view_does_not_follow_the_data(canvas: FigureCanvas) -> None:
    free = one(markers([2, 5], [2, 5], drag="xy"))
    canvas.set_figure(free)
    canvas.fit()
    before = view(canvas)
    start = at(canvas, 5, 5)
    QTest.mousePress(canvas, LEFT, pos=start)
    QTest.mouseMove(canvas, start + QPoint(-20, 0))
    canvas.set_figure(one(markers([2, 500], [2, 5], drag="xy")))
    assert view(canvas) == before
    QTest.mouseRelease(canvas, LEFT, pos=start)
    canvas.set_figure(one(markers([2, 501], [2, 5], drag="xy")))
    assert view(canvas) != before


@pytest.mark.parametrize(("drag", "moves_x", "moves_y"), [("x", True, False), ("y", False, True)])
def test_a_drag_moves_only_in_the_directions_that_are_allowed(
    canvas: FigureCanvas, gestures: list[Gesture], drag: str, moves_x: bool, moves_y: bool,
) -> None:
    canvas.set_figure(points(drag=drag))
    start = at(canvas, 5, 5)
    QTest.mousePress(canvas, LEFT, pos=start)
    QTest.mouseMove(canvas, start + QPoint(40, 40))
    QTest.mouseRelease(canvas, LEFT, pos=start + QPoint(40, 40))
    assert (gestures[-1].x != 5.0) is moves_x
    assert (gestures[-1].y != 5.0) is moves_y


def test_the_top_of_a_bar_and_a_rule_can_be_dragged(canvas: FigureCanvas, gestures: list[Gesture]) -> None:
    bars = Bars(key="bars", role=Role.DATA, left=readonly([0, 2]), right=readonly([2, 4]), height=readonly([3, 6]), drag=True)
    rule = Rule(key="rule", role=Role.BAD, position=8.0, drag=True)
    canvas.set_figure(one(bars, rule, x=Axis("x", limits=(0, 10)), y=Axis("y", limits=(0, 10)), name="bars"))
    for start, offset in ((at(canvas, 3, 6), QPoint(0, 30)), (at(canvas, 8, 2), QPoint(30, 0))):
        QTest.mousePress(canvas, LEFT, pos=start)
        QTest.mouseMove(canvas, start + offset)
        QTest.mouseRelease(canvas, LEFT, pos=start + offset)
    drops = [g for g in gestures if g.kind == "drop"]
    assert [(g.layer, g.index) for g in drops] == [("bars", 1), ("rule", 0)]
    assert drops[0].x == pytest.approx(3.0)
    assert drops[0].y < 6.0
    assert drops[1].x > 8.0


def test_a_drag_on_empty_space_pans_and_a_double_click_fits(canvas: FigureCanvas, gestures: list[Gesture]) -> None:
    before = view(canvas)
    start = at(canvas, 8, 2)
    QTest.mousePress(canvas, LEFT, pos=start)
    QTest.mouseMove(canvas, start + QPoint(20, 10))
    QTest.mouseMove(canvas, start + QPoint(50, 10))
    QTest.mouseRelease(canvas, LEFT, pos=start + QPoint(50, 10))
    assert at(canvas, 8, 2) == start + QPoint(50, 10)
    assert gestures == []
    QTest.mouseDClick(canvas, LEFT, pos=at(canvas, 8, 2))
    assert view(canvas) == before


def _wheel(canvas: FigureCanvas, position: QPoint, steps: int = 1) -> None:
    where = QPointF(position)
    event = QWheelEvent(where, canvas.mapToGlobal(where), QPoint(), QPoint(0, 120 * steps), Qt.MouseButton.NoButton,
                        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)
    QApplication.sendEvent(canvas, event)


def test_the_wheel_zooms_about_the_pointer_and_over_an_axis_only_along_it(canvas: FigureCanvas) -> None:
    before = view(canvas)
    _wheel(canvas, at(canvas, 5, 5))
    after = view(canvas)
    assert after[1] - after[0] < before[1] - before[0]
    assert (after[0] + after[1]) / 2 == pytest.approx(5.0, abs=0.05)
    canvas.fit()
    _wheel(canvas, QPoint(300, canvas.height() - 8))
    assert view(canvas)[2:] == before[2:]
    assert view(canvas)[:2] != before[:2]


def _shape(canvas: FigureCanvas, position: QPoint) -> Qt.CursorShape:
    QTest.mouseMove(canvas, position)
    return canvas.cursor().shape()


def test_the_pointer_shows_what_can_be_touched(canvas: FigureCanvas) -> None:
    assert _shape(canvas, at(canvas, 8, 2)) == Qt.CursorShape.ArrowCursor
    assert _shape(canvas, at(canvas, 5, 5)) == Qt.CursorShape.OpenHandCursor
    canvas.set_figure(points(drag=""))
    assert _shape(canvas, at(canvas, 2, 2)) == Qt.CursorShape.PointingHandCursor


def test_keys_select_click_and_nudge(canvas: FigureCanvas, gestures: list[Gesture]) -> None:
    canvas.setFocus()
    QTest.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ControlModifier)
    QTest.keyClick(canvas, "]")
    assert "P2" in canvas.accessibleDescription()
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    QTest.keyClick(canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(canvas, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
    QTest.keyClick(canvas, "[")
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert [(g.kind, g.index) for g in gestures] == [("click", 1), ("drop", 1), ("drop", 1), ("click", 0)]
    assert gestures[1].x == pytest.approx(5.1)
    assert gestures[1].y == 5.0
    assert gestures[2].y == pytest.approx(5.1)


def test_the_selection_stays_with_a_point_that_moves_to_another_layer(
    canvas: FigureCanvas, gestures: list[Gesture],
) -> None:
    canvas.setFocus()
    QTest.keyClick(canvas, "]")
    QTest.keyClick(canvas, "]")
    kept = markers([2, 8], [2, 8], key="markers", texts=("P1", "P3"), click=True)
    removed = markers([5], [5], key="removed", texts=("P2",), click=True)
    canvas.set_figure(one(kept, removed, x=Axis("x", limits=(0, 10)), y=Axis("y", limits=(0, 10))))
    QTest.keyClick(canvas, Qt.Key.Key_Return)
    assert [(g.layer, g.index) for g in gestures] == [("removed", 0)]


class _Parent(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.keys: list[int] = []

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self.keys.append(event.key())


def test_keys_of_the_transport_bar_pass(qtbot: QtBot) -> None:
    parent = _Parent()
    qtbot.addWidget(parent)
    canvas = FigureCanvas(parent)
    canvas.set_figure(points())
    keys = [Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home]
    for key in keys:
        QTest.keyClick(canvas, key)
    assert parent.keys == keys


def test_tools_are_reachable_by_tab_and_have_names(canvas: FigureCanvas, qtbot: QtBot) -> None:
    buttons = canvas._buttons.buttons
    for button in buttons.values():
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus
        assert button.accessibleName()
        assert button.toolTip()
    with qtbot.waitSignal(canvas.export_requested) as asked:
        buttons["export"].click()
    assert asked.args == ["test"]
    with qtbot.waitSignal(canvas.copy_requested) as asked:
        buttons["copy"].click()
    assert asked.args == ["test"]
    buttons["log_y"].click()
    assert canvas.item.log_y
    assert buttons["log_y"].isChecked()
    buttons["log_y"].click()
    assert not canvas.item.log_y


def test_a_log_tool_is_offered_only_where_something_would_be_seen(canvas: FigureCanvas, qtbot: QtBot) -> None:
    canvas.set_figure(one(line([-3, -1], [1, 2]), name="negative"))
    qtbot.waitUntil(canvas._buttons.buttons["log_x"].isHidden, timeout=2000)
    assert not canvas._buttons.buttons["log_y"].isHidden()


def test_the_menu_is_the_plots_own(canvas: FigureCanvas) -> None:
    position = QPoint(200, 200)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, position, canvas.mapToGlobal(position))
    QApplication.sendEvent(canvas, event)
    menu = canvas.findChild(QMenu, "plot.menu")
    assert menu is not None
    actions = {action.text(): action for action in menu.actions() if action.text()}
    assert list(actions) == ["Fit", "Enlarge", "Logarithmic x axis", "Logarithmic y axis", "Copy picture", "Copy data",
                             "Export …"]
    actions["Copy data"].trigger()
    assert QGuiApplication.clipboard().text().startswith("layer\tlabel\tkind\tindex\tx\ty")
    actions["Logarithmic x axis"].trigger()
    assert canvas.item.log_x
    menu.close()


def test_busy_appears_only_after_a_while(canvas: FigureCanvas, qtbot: QtBot) -> None:
    label = canvas.findChild(QLabel, "plot.busy")
    assert label is not None
    canvas.set_busy(True)
    assert label.isHidden()
    qtbot.waitUntil(lambda: not label.isHidden(), timeout=2000)
    canvas.set_busy(False)
    assert label.isHidden()
    canvas.set_busy(True)
    canvas.set_busy(False)
    assert not canvas._busy.waiting


def _value(canvas: FigureCanvas, x: float, y: float) -> str:
    position = QPointF(at(canvas, x, y))
    return readout(canvas.item, *canvas._in_plot(position))


def test_the_value_under_the_pointer_is_that_of_the_nearest_element(canvas: FigureCanvas) -> None:
    assert _value(canvas, 5, 5) == "P2:  x = 5.0000,  y = 5.0000"
    assert _value(canvas, 9.99, 9.9) == "curve:  x = 10.000,  y = 10.000"
    free = _value(canvas, 8, 2)
    assert free.startswith("x = 8.0")
    heat = Heat(key="h", role=Role.DATA, values=readonly([[1, 2], [3, 4]]), x_range=(0, 2), y_range=(0, 2),
                value_label="loss")
    canvas.set_figure(one(heat, name="heat"))
    assert _value(canvas, 0.5, 1.5).endswith("loss = 3.000")


def test_the_readout_is_shown_and_goes_with_the_pointer(canvas: FigureCanvas, qtbot: QtBot) -> None:
    label = canvas.findChild(QLabel, "plot.readout")
    assert label is not None
    QTest.mouseMove(canvas, at(canvas, 5, 5))
    canvas.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    qtbot.waitUntil(lambda: "P2" in label.text(), timeout=2000)
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    assert label.isHidden()


@pytest.fixture
def shown(canvas: FigureCanvas, qtbot: QtBot) -> QLabel:
    """The readout, shown for the point P2."""
    label = canvas.findChild(QLabel, "plot.readout")
    assert label is not None
    QTest.mouseMove(canvas, at(canvas, 5, 5))
    canvas.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    canvas._show_readout()
    assert not label.isHidden()
    return label


@pytest.mark.parametrize("change", [
    lambda canvas: canvas.set_figure(points(texts=("Q1", "Q2", "Q3"))),
    lambda canvas: canvas.item.zoom(0.5, 0.5, QPointF(50, 50)),
    lambda canvas: canvas.fit(),
    lambda canvas: canvas.resize(500, 300),
    lambda canvas: QTest.keyClick(canvas, Qt.Key.Key_Space),
    lambda canvas: QTest.keyClick(canvas, "]"),
    lambda canvas: canvas.set_theme(Theme("dark", presentation=True)),
])
def test_the_readout_goes_when_what_it_says_may_be_over(
    canvas: FigureCanvas, shown: QLabel, change: Callable[[FigureCanvas], None],
) -> None:
    change(canvas)
    assert shown.isHidden()
    assert not canvas._readout_timer.isActive()


def test_the_readout_covers_neither_its_point_nor_the_curve(canvas: FigureCanvas) -> None:
    label = canvas.findChild(QLabel, "plot.readout")
    assert label is not None
    canvas.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    x = np.linspace(0, 10, 200)
    axes = {"x": Axis("x", limits=(0, 10)), "y": Axis("y", limits=(0, 10))}
    seen = set()
    for index, y in enumerate((0.4 + 0 * x, 9.6 + 0 * x, x, 10 - x)):
        canvas.set_figure(one(line(x, y, label="curve"), name=f"f{index}", **axes))
        for part in (3, 100, 196):
            QTest.mouseMove(canvas, at(canvas, float(x[part]), float(y[part])))
            canvas._show_readout()
            box = label.geometry()
            covered = [k for k in range(200) if box.contains(at(canvas, float(x[k]), float(y[k])))]
            assert not covered, (index, part)
            seen.add((box.center().x() > canvas.width() / 2, box.center().y() > canvas.height() / 2))
    assert len(seen) >= 3


def test_a_double_click_on_the_title_and_a_tool_ask_for_the_figure_large(canvas: FigureCanvas, qtbot: QtBot) -> None:
    canvas.item.zoom(0.5, 0.5, QPointF(50, 50))
    with qtbot.waitSignal(canvas.enlarge_requested) as asked:
        QTest.mouseDClick(canvas, LEFT, pos=QPoint(60, 12))
    assert asked.args == ["test"]
    assert canvas.item.touched, "only a double click into the plot fits"
    with qtbot.waitSignal(canvas.enlarge_requested) as asked:
        canvas._buttons.buttons["enlarge"].click()
    assert asked.args == ["test"]


def test_the_tools_are_as_large_as_everything_else_on_a_stage(canvas: FigureCanvas) -> None:
    small = canvas._buttons.buttons["fit"].width()
    canvas.set_theme(Theme(presentation=True))
    tools = canvas._buttons
    assert all(button.width() == button.height() == round(1.6 * small) for button in tools.buttons.values())
    assert tools.geometry().right() <= canvas.width()
    assert tools.height() >= round(1.6 * small)


def test_words_that_have_no_room_in_the_title_strip_are_in_its_tooltip(canvas: FigureCanvas) -> None:
    lines = tuple(line([0, 1], [0, n], key=f"l{n}", label=f"optimizer number {n}") for n in range(12))
    title = "A title that is so long that it has no room over a figure in a small window. " * 3
    canvas.set_theme(Theme(presentation=True))
    canvas.set_figure(replace(one(*lines, name="long"), title=title))
    tip = canvas._tip(QPointF(30, 20))
    assert tip.startswith(title)
    assert tip.endswith("optimizer number 11")
    canvas.set_theme(Theme())
    canvas.set_figure(points())
    assert canvas._tip(QPointF(30, 20)) == ""
    assert canvas._tip(QPointF(at(canvas, 5, 5))) == "Click or drag"


@pytest.mark.parametrize("theme", [Theme("dark"), Theme("light", presentation=True)])
def test_a_theme_can_be_changed_with_a_figure_shown(canvas: FigureCanvas, theme: Theme) -> None:
    canvas.set_figure(everything())
    before = canvas.grab().toImage()
    canvas.set_theme(theme)
    assert canvas.grab().toImage() != before


def test_the_figure_of_the_same_object_is_not_drawn_again(canvas: FigureCanvas, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(canvas.item, "_refresh", lambda: calls.append(1))
    figure = canvas.figure
    assert figure is not None
    canvas.set_figure(figure)
    assert calls == []


@pytest.mark.parametrize("send", [
    lambda canvas: QTest.mouseClick(canvas, LEFT, pos=QPoint(100, 100)),
    lambda canvas: QTest.mouseMove(canvas, QPoint(100, 100)),
    lambda canvas: _wheel(canvas, QPoint(100, 100)),
    lambda canvas: QTest.keyClick(canvas, "]"),
    lambda canvas: canvas._show_readout(),
])
def test_a_canvas_without_a_figure_answers_nothing(qtbot: QtBot, send: Callable[[FigureCanvas], None]) -> None:
    canvas = FigureCanvas()
    qtbot.addWidget(canvas)
    canvas.resize(300, 200)
    seen: list[object] = []
    canvas.gesture.connect(seen.append)
    canvas.export_requested.connect(seen.append)
    send(canvas)
    canvas.grab()
    assert seen == []


@pytest.mark.parametrize("theme", [Theme(), Theme("dark", presentation=True)])
@pytest.mark.parametrize("size", [(900, 460), (1280, 640)])
def test_the_tools_end_above_the_note(canvas: FigureCanvas, theme: Theme, size: tuple[int, int]) -> None:
    canvas.set_theme(theme)
    canvas.resize(*size)
    canvas.set_figure(one(line([0, 1], [0, 1]), note="A sentence that goes on and on under the tools. " * 3))
    row = canvas.findChild(QWidget, "plot.tools")
    assert row is not None
    assert canvas.item.layout_.note
    assert row.y() >= 0
    assert row.geometry().bottom() < canvas.item.layout_.note_top
