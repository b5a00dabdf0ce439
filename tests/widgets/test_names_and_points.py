"""The editors of subsets and of tables of points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QScrollArea, QTableView, QToolButton, QWidget
from pytestqt.qtbot import QtBot

from visualizer.base.parameters import Names, Point
from visualizer.base.roles import Role
from visualizer.components.optimizers import OPTIMIZERS
from visualizer.experiments.landscape.experiment import Landscape
from visualizer.experiments.landscape.state import LandscapeState, default_points
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.names import ranges
from visualizer.ui.widgets.editors.points import PointsEditor
from visualizer.ui.widgets.form import ParameterForm


@pytest.fixture
def form(theme: Theme, host: QWidget, put: Callable[[QWidget], None]) -> ParameterForm:
    scroll = QScrollArea(host)
    scroll.setWidgetResizable(True)
    made = ParameterForm(Landscape(), theme, scroll)
    made.build_all()
    scroll.setWidget(made)
    put(scroll)
    return made


@pytest.fixture
def edits(form: ParameterForm) -> list[LandscapeState]:
    found: list[LandscapeState] = []
    form.edited.connect(lambda state, committed: found.append(state))
    return found


def chip(form: QWidget, name: str) -> QToolButton:
    found = form.findChild(QToolButton, f"landscape.remove.{name}")
    assert isinstance(found, QToolButton)
    return found


def line(form: QWidget) -> QLineEdit:
    found = form.findChild(QLineEdit, "landscape.remove")
    assert isinstance(found, QLineEdit)
    return found


def press(qtbot: QtBot, form: QWidget, name: str) -> None:
    button = form.findChild(QAbstractButton, name)
    assert button is not None
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_chip_toggles_its_name_by_mouse_and_by_space(
    qtbot: QtBot, form: ParameterForm, edits: list[LandscapeState]
) -> None:
    qtbot.mouseClick(chip(form, "P3"), Qt.MouseButton.LeftButton)
    assert edits[-1].remove == ("P3",)
    chip(form, "P3").setFocus()
    qtbot.keyClick(chip(form, "P3"), Qt.Key.Key_Right)
    assert chip(form, "P4").hasFocus()
    qtbot.keyClick(chip(form, "P4"), Qt.Key.Key_Space)
    assert edits[-1].remove == ("P3", "P4")
    assert line(form).text() == "P3, P4"
    qtbot.keyClick(chip(form, "P4"), Qt.Key.Key_Down)
    focused = next(c for c in form.findChildren(QToolButton) if c.hasFocus())
    assert focused.x() == chip(form, "P4").x()
    assert focused.y() > chip(form, "P4").y()


def test_tab_stops_at_one_chip_only(form: ParameterForm, qtbot: QtBot) -> None:
    chip(form, "P9").setFocus()
    stops = [c for c in form.findChildren(QToolButton) if c.property("chip") and c.objectName().startswith(
        "landscape.remove.") and c.focusPolicy() & Qt.FocusPolicy.TabFocus]
    assert [c.text() for c in stops] == ["P9"]


def test_ranges_can_be_typed(qtbot: QtBot, form: ParameterForm, edits: list[LandscapeState]) -> None:
    line(form).setFocus()
    qtbot.keyClicks(line(form), "p13-P9, 3")
    qtbot.keyClick(line(form), Qt.Key.Key_Return)
    assert not edits
    assert "\u201c3\u201d" in form.row("remove").sentence
    assert line(form).text() == "p13-P9, 3"
    line(form).selectAll()
    qtbot.keyClicks(line(form), "p13-P9, P3")
    qtbot.keyClick(line(form), Qt.Key.Key_Return)
    assert edits[-1].remove == ("P3", "P9", "P10", "P11", "P12", "P13")
    assert line(form).text() == "P3, P9-P13"
    assert form.row("remove").sentence == ""
    assert chip(form, "P11").isChecked()
    assert not chip(form, "P4").isChecked()


def test_all_and_none(qtbot: QtBot, form: ParameterForm, edits: list[LandscapeState]) -> None:
    form.set_state(LandscapeState(view="race"))
    press(qtbot, form, "landscape.racers.all")
    assert len(edits[-1].racers) == 14
    press(qtbot, form, "landscape.racers.none")
    assert edits[-1].racers == ()


def test_what_is_left_out_can_only_be_put_back_at_once(
    qtbot: QtBot, form: ParameterForm, edits: list[LandscapeState]
) -> None:
    assert form.findChild(QAbstractButton, "landscape.remove.all") is None
    form.set_state(LandscapeState(remove=("P3", "P4")))
    button = form.findChild(QAbstractButton, "landscape.remove.none")
    assert button is not None
    assert button.text() == "Put all back"
    press(qtbot, form, "landscape.remove.none")
    assert edits[-1].remove == ()


def ground(button: QWidget) -> str:
    """The colour of most of a chip."""
    picture = button.grab().toImage()
    seen = Counter(picture.pixelColor(x, y).name() for x in range(picture.width()) for y in range(picture.height()))
    return seen.most_common(1)[0][0]


def test_a_point_that_is_kept_is_filled_as_on_the_plot(form: ParameterForm) -> None:
    form.set_state(LandscapeState(remove=("P9",)))
    out, kept = chip(form, "P9"), chip(form, "P10")
    assert (out.accessibleName(), kept.accessibleName()) == ("point P9, left out", "point P10, kept")
    assert (out.font().strikeOut(), kept.font().strikeOut()) == (True, False)
    assert ground(kept) == Theme().palette.roles[Role.KEPT]
    assert ground(out) == Theme().palette.background
    form.set_state(LandscapeState())
    assert out.accessibleName() == "point P9, kept"
    assert not out.font().strikeOut()
    assert ground(out) == Theme().palette.roles[Role.KEPT]


def test_chosen_names_are_filled_and_not_struck_through(form: ParameterForm, qtbot: QtBot) -> None:
    form.set_state(LandscapeState(view="race", racers=("adam",)))
    adam, sgd = (form.findChild(QToolButton, f"landscape.racers.{name}") for name in ("adam", "sgd"))
    assert isinstance(adam, QToolButton)
    assert isinstance(sgd, QToolButton)
    assert (adam.accessibleName(), adam.font().strikeOut()) == ("optimizer Adam", False)
    assert ground(adam) == Theme().palette.accent
    assert ground(sgd) == Theme().palette.background


def test_long_titles_stand_two_in_a_row(any_theme: Theme, host: QWidget, put: Callable[[QWidget], None]) -> None:
    scroll = QScrollArea(host)
    scroll.setWidgetResizable(True)
    scroll.setFixedWidth(420 if any_theme.presentation else 270)
    host.resize(440, 1400)
    made = ParameterForm(Landscape(), any_theme, scroll)
    made.build_all()
    made.set_state(LandscapeState(view="race"))
    scroll.setWidget(made)
    put(scroll)
    QApplication.processEvents()
    chips = [made.findChild(QToolButton, f"landscape.racers.{entry.name}") for entry in OPTIMIZERS]
    whole = [c for c in chips if isinstance(c, QToolButton) and c.visibleRegion().boundingRect().height() == c.height()]
    assert len(whole) >= 8
    assert len({c.text() for c in chips if c is not None}) == len(OPTIMIZERS)
    for c, entry in zip(chips, OPTIMIZERS, strict=True):
        assert c is not None
        assert entry.title in c.toolTip()
        assert c.fontMetrics().horizontalAdvance(c.text()) <= c.width() - 4


def test_refused_names_give_way_to_escape_and_to_another_state(qtbot: QtBot, form: ParameterForm) -> None:
    form.set_state(LandscapeState(remove=("P3",)))
    for discard in (lambda: qtbot.keyClick(line(form), Qt.Key.Key_Escape),
                    lambda: form.set_state(LandscapeState(remove=("P3",), alpha=0.2))):
        line(form).setFocus()
        line(form).selectAll()
        qtbot.keyClicks(line(form), "Q7")
        qtbot.keyClick(line(form), Qt.Key.Key_Return)
        assert form.row("remove").sentence.endswith("\u201cP3\u201d stays in effect.")
        discard()
        assert line(form).text() == "P3"
        assert form.row("remove").sentence == ""


@given(st.sets(st.integers(0, 29)))
def test_short_ranges_are_read_back_exactly(chosen: set[int]) -> None:
    options = tuple(f"P{number}" for number in range(30))
    names = Names(label="", help="", default=(), options=lambda state: options)
    value = tuple(options[index] for index in sorted(chosen))
    assert names.parse(ranges(value, options)) == value


def test_two_hundred_names_stay_in_a_low_scrolling_grid(
    qtbot: QtBot, form: ParameterForm, edits: list[LandscapeState]
) -> None:
    points = tuple(Point(f"Q{number}", float(number), 0.0) for number in range(200))
    form.set_state(LandscapeState().changed(points=points))
    qtbot.waitUntil(lambda: form.findChild(QToolButton, "landscape.remove.Q199") is not None)
    grid = chip(form, "Q0").parentWidget()
    assert grid is not None
    scroll = grid.parentWidget().parentWidget()
    assert isinstance(scroll, QScrollArea)
    assert scroll.height() <= 120
    qtbot.waitUntil(lambda: grid.height() > 500)
    chip(form, "Q199").setFocus()
    assert not chip(form, "Q199").visibleRegion().isEmpty()
    qtbot.mouseClick(chip(form, "Q199"), Qt.MouseButton.LeftButton)
    assert edits[-1].remove == ("Q199",)
    form.set_state(LandscapeState())
    assert form.findChild(QToolButton, "landscape.remove.Q199") is None
    assert not chip(form, "P17").isChecked()


# The table of points.


@pytest.fixture
def editor(form: ParameterForm) -> PointsEditor:
    found = form.row("points").editor
    assert isinstance(found, PointsEditor)
    return found


@pytest.fixture
def table(form: ParameterForm) -> QTableView:
    found = form.findChild(QTableView, "landscape.points")
    assert isinstance(found, QTableView)
    return found


def set_cell(table: QTableView, row: int, column: int, text: str) -> None:
    table.model().setData(table.model().index(row, column), text)


def test_editing_a_cell_changes_the_points(form: ParameterForm, table: QTableView, edits: list[LandscapeState]) -> None:
    set_cell(table, 0, 2, "4,25")
    assert edits[-1].points[0] == Point("P1", default_points()[0].x, 4.25)
    assert edits[-1].points[1:] == default_points()[1:]


@pytest.mark.parametrize(("row", "column", "text", "word"), [
    (0, 1, "abc", "not a number"), (0, 2, "nan", "nan"), (2, 0, "P1", "twice"), (2, 1, "1", "x = 1"),
    (0, 2, "1e9", "1e+06"), (0, 0, "", "names"),
])
def test_a_wrong_cell_keeps_its_text_and_gets_a_sentence(
    form: ParameterForm, table: QTableView, edits: list[LandscapeState], row: int, column: int, text: str, word: str
) -> None:
    set_cell(table, row, column, text)
    assert not edits
    assert word in form.row("points").sentence
    shown = table.model().index(row, column).data()
    assert str(shown) == text or float(shown) == float(text)
    original = default_points()[row]
    set_cell(table, row, column, str(original[column]))
    assert form.row("points").sentence == ""


def test_points_stay_sorted_by_x_and_names_follow(form: ParameterForm, table: QTableView, edits: list[Any]) -> None:
    form.set_state(LandscapeState().changed(remove=("P1",)))
    set_cell(table, 0, 1, "100")
    assert edits[-1].points[-1].name == "P1"
    assert edits[-1].remove == ("P1",)
    assert table.model().index(16, 0).data() == "P1"
    set_cell(table, 16, 0, "Last")
    assert edits[-1].remove == ()


def test_rows_are_added_between_neighbours_and_deleted(
    qtbot: QtBot, form: ParameterForm, table: QTableView, edits: list[LandscapeState]
) -> None:
    table.selectRow(0)
    press(qtbot, form, "landscape.points.add")
    first, added, second = edits[-1].points[:3]
    assert (first, second) == default_points()[:2]
    assert added == Point("P18", (first.x + second.x) / 2, (first.y + second.y) / 2)
    table.selectRow(1)
    menu(table, "delete").trigger()
    assert edits[-1].points == default_points()


def menu(table: QTableView, name: str) -> QAction:
    return next(action for action in table.actions() if action.objectName() == f"landscape.points.menu_{name}")


def test_one_point_goes_back_to_its_original_place(
    form: ParameterForm, table: QTableView, edits: list[LandscapeState]
) -> None:
    set_cell(table, 3, 2, "99")
    set_cell(table, 5, 1, "8.05")
    moved = edits[-1].points
    table.selectRow(3)
    menu(table, "original").trigger()
    assert edits[-1].points == (*moved[:3], default_points()[3], *moved[4:])
    menu(table, "add").trigger()
    table.selectRow(4)
    menu(table, "original").trigger()
    assert form.row("points").sentence.startswith("P18 is not one of the original points")


def test_the_menu_key_opens_the_menu_of_the_table(table: QTableView) -> None:
    assert table.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
    assert [action.text() for action in table.actions()] == ["Add a point", "Original place", "Delete points"]


def test_the_table_shows_eight_points_at_once(table: QTableView, any_theme: Theme, form: ParameterForm) -> None:
    form.set_theme(any_theme)
    QApplication.processEvents()
    assert table.viewport().height() >= 8 * table.rowHeight(0)


def test_a_wrong_cell_gives_way_to_escape_and_to_another_state(
    qtbot: QtBot, form: ParameterForm, table: QTableView, edits: list[LandscapeState]
) -> None:
    for discard in (lambda: qtbot.keyClick(table, Qt.Key.Key_Escape),
                    lambda: form.set_state(LandscapeState(alpha=0.2))):
        table.setFocus()
        set_cell(table, 3, 2, "abc")
        assert form.row("points").sentence.endswith("stay in effect.")
        discard()
        assert table.model().index(3, 2).data() == f"{default_points()[3].y:g}"
        assert form.row("points").sentence == ""
    assert not edits


def test_two_points_must_stay(qtbot: QtBot, form: ParameterForm, table: QTableView, edits: list[Any]) -> None:
    table.selectAll()
    press(qtbot, form, "landscape.points.delete")
    assert not edits
    assert form.row("points").sentence == "At least 2 points must stay."


def test_points_are_saved_and_loaded_again(
    qtbot: QtBot, form: ParameterForm, editor: PointsEditor, edits: list[LandscapeState], tmp_path: Path
) -> None:
    path = tmp_path / "mine.csv"
    editor.ask_save = lambda: path
    editor.ask_open = lambda: path
    press(qtbot, form, "landscape.points.save")
    assert path.read_text(encoding="utf-8").splitlines()[0] == "name,x,y"
    path.write_text("name;x;y\nB;2;1\nA;1;0.5\n", encoding="utf-8")
    press(qtbot, form, "landscape.points.load")
    assert edits[-1].points == (Point("A", 1.0, 0.5), Point("B", 2.0, 1.0))
    press(qtbot, form, "landscape.points.reset")
    assert edits[-1].points == default_points()


@pytest.mark.parametrize(("data", "word"), [
    (b"", "empty"), (b"name,x,y\n", "no points"), (b"A,1,2\nB,1,3\n", "x = 1"), (b"A,1,2\nB,nan,3\n", "finite"),
    (b"A,one,2\nB,2,3\n", "not a number"), (b"A,1,2\n", "1 point"), (b"\xff\xfe\x00", "UTF-8"),
    (b"A,1,2\n" * 300_000, "larger"),
])
def test_a_bad_file_gets_its_sentence_and_changes_nothing(
    qtbot: QtBot, form: ParameterForm, editor: PointsEditor, edits: list[LandscapeState], tmp_path: Path,
    data: bytes, word: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(data)
    editor.ask_open = lambda: path
    press(qtbot, form, "landscape.points.load")
    assert not edits
    assert word in form.row("points").sentence
    assert form.state == LandscapeState()


@pytest.mark.parametrize("name", ["bad.csv", "x", "1"])
def test_a_sentence_about_a_file_begins_with_its_name(
    form: ParameterForm, editor: PointsEditor, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_text("A,1,2\nB,one,3\n", encoding="utf-8")
    editor.load(path)
    assert form.row("points").sentence == f"{name}: Line 2: x is 'one', which is not a number."


def test_the_format_of_a_table_is_said_where_it_is_loaded(form: ParameterForm) -> None:
    load = form.findChild(QAbstractButton, "landscape.points.load")
    assert load is not None
    for word in ("name, x and y", "semicolons", "1,5", "header", "UTF-8"):
        assert word in load.toolTip()


def test_a_missing_file_and_an_unwritable_place_get_a_sentence(
    qtbot: QtBot, form: ParameterForm, editor: PointsEditor, tmp_path: Path
) -> None:
    editor.ask_open = lambda: tmp_path / "nothing.csv"
    press(qtbot, form, "landscape.points.load")
    assert "nothing.csv" in form.row("points").sentence
    editor.ask_save = lambda: tmp_path / "no folder" / "points.csv"
    press(qtbot, form, "landscape.points.save")
    assert "cannot be written" in form.row("points").sentence


def test_asking_may_be_cancelled(qtbot: QtBot, form: ParameterForm, editor: PointsEditor, edits: list[Any]) -> None:
    editor.ask_open = editor.ask_save = lambda: None
    press(qtbot, form, "landscape.points.load")
    press(qtbot, form, "landscape.points.save")
    assert not edits
    assert form.row("points").sentence == ""
