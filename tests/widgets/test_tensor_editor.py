"""The table of a tensor: cells, rows and columns, the clipboard, and what a large tensor costs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import pytest
from PySide6.QtCore import QItemSelectionModel, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QAction, QGuiApplication, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QStyleOptionViewItem, QToolButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from visualizer.base.roles import Role
from visualizer.base.tensors import TensorData, tensor
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.state import LossesState
from visualizer.ui.tabs.experiment_tab import LEFT_WIDTH
from visualizer.ui.tabs.side_panel import SidePanel
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.tensor import TensorEditor
from visualizer.ui.widgets.editors.tensor_table import ROWS, TensorTable
from visualizer.ui.widgets.form import ParameterForm

MODIFIER = Qt.KeyboardModifier
SELECT = QItemSelectionModel.SelectionFlag.Select


def made(text: str) -> TensorData:
    """A tensor as it is typed."""
    value: TensorData = tensor("", label="", help="").metadata["visualizer.parameter"].parse(text)
    return value


@pytest.fixture
def form(theme: Theme, host: QWidget, put: Callable[[QWidget], None]) -> ParameterForm:
    form = ParameterForm(Losses(), theme, host)
    form.build_all()
    put(form)
    return form


@pytest.fixture
def edits(form: ParameterForm) -> list[tuple[TensorData, bool]]:
    found: list[tuple[TensorData, bool]] = []
    form.edited.connect(lambda state, committed: found.append((state.prediction, committed)))
    return found


@pytest.fixture
def table(form: ParameterForm) -> TensorTable:
    found = form.findChild(TensorTable, "losses.prediction")
    assert isinstance(found, TensorTable)
    return found


@pytest.fixture
def clipboard(qapp: QApplication) -> Iterator[Any]:
    yield QGuiApplication.clipboard()
    QGuiApplication.clipboard().clear()


def show(form: ParameterForm, text: str) -> None:
    form.set_state(LossesState().changed(prediction=text))
    QApplication.processEvents()


def at(table: TensorTable, row: int, column: int) -> None:
    table.setFocus()
    table.selectionModel().setCurrentIndex(table.model().index(row, column), QItemSelectionModel.SelectionFlag.ClearAndSelect)


def cells(table: TensorTable) -> list[list[str]]:
    model = table.model()
    return [[str(model.index(row, column).data()) for column in range(model.columnCount())] for row in range(model.rowCount())]


def type_cell(table: TensorTable, row: int, column: int, text: str) -> None:
    table.model().setData(table.model().index(row, column), text)


def button(form: ParameterForm, name: str) -> QToolButton:
    found = form.findChild(QToolButton, f"losses.prediction.{name}")
    assert isinstance(found, QToolButton)
    return found


def click(qtbot: QtBot, form: ParameterForm, name: str) -> None:
    qtbot.mouseClick(button(form, name), Qt.MouseButton.LeftButton)


def shape(form: ParameterForm) -> str:
    found = form.findChild(QLabel, "losses.prediction.shape")
    assert isinstance(found, QLabel)
    return found.text()


# Shown.


def test_a_vector_is_one_row_under_the_indices_of_torch(form: ParameterForm, table: TensorTable) -> None:
    assert cells(table) == [["1", "2", "3"]]
    assert [table.model().headerData(i, Qt.Orientation.Horizontal) for i in range(3)] == [0, 1, 2]
    assert table.verticalHeader().isHidden()
    assert shape(form) == "shape (3,)"
    show(form, "1,2.5,3;4,5,6")
    assert cells(table) == [["1", "2.5", "3"], ["4", "5", "6"]]
    assert not table.verticalHeader().isHidden()
    assert shape(form) == "shape (2, 3)"


def test_the_table_is_as_high_as_its_rows_and_scrolls_beyond(form: ParameterForm, table: TensorTable) -> None:
    heights = []
    for rows in (1, 2, ROWS, ROWS + 1, 100):
        show(form, "1,2;" * rows)
        heights.append(table.height())
        assert table.verticalScrollBar().maximum() == max(0, rows - ROWS)
        assert table.horizontalScrollBar().maximum() == 0
    row = heights[1] - heights[0]
    assert heights[2] - heights[1] == (ROWS - 2) * row
    assert heights[2] == heights[3] == heights[4]
    show(form, "1,2;" + "3,4;" * 5)
    assert table.viewport().height() >= ROWS * row


def test_many_columns_scroll_sideways_and_few_fill_the_width(form: ParameterForm, table: TensorTable) -> None:
    show(form, "1,2,3,4")
    assert table.horizontalScrollBar().maximum() == 0
    assert table.columnViewportPosition(3) + table.columnWidth(3) == table.viewport().width()
    show(form, ",".join("1" * 40))
    assert table.horizontalScrollBar().maximum() > 0
    assert table.viewport().height() >= table.rowHeight(0)


def test_a_panel_that_becomes_narrower_takes_the_columns_along(form: ParameterForm, table: TensorTable) -> None:
    show(form, "1,2,3")
    for width in (268, 279, 260, 277):
        table.parentWidget().setFixedWidth(width)
        QApplication.processEvents()
        header = table.horizontalHeader()
        assert header.length() == table.width() - 2 * table.frameWidth(), width
        assert not table.horizontalScrollBar().isVisible()


def test_numbers_are_short_until_they_are_edited(form: ParameterForm, table: TensorTable) -> None:
    show(form, "0.12345678912345678,-1e-20,100000,nan,-inf")
    assert cells(table) == [["0.123457", "\u22121e-20", "100000", "nan", "\u2212inf"]]
    edited = [table.model().index(0, column).data(Qt.ItemDataRole.EditRole) for column in range(5)]
    assert edited == ["0.12345678912345678", "-1e-20", "100000", "nan", "-inf"]
    colours = [table.model().index(0, column).data(Qt.ItemDataRole.ForegroundRole) for column in (0, 3, 4)]
    assert colours == [None, *[Theme().color(Role.WARNING)] * 2]


def test_a_narrow_column_shows_fewer_digits_and_never_dots(form: ParameterForm, table: TensorTable) -> None:
    show(form, "\n".join(["-1.2345678e-5,-0.000123456789,-123.456789,-123456.789,1,2,3"] * 3))
    delegate = table.itemDelegate()
    for column in range(4):
        index = table.model().index(0, column)
        option = QStyleOptionViewItem()
        table.initViewItemOption(option)
        option.rect = table.visualRect(index)
        delegate.initStyleOption(option, index)
        assert option.fontMetrics.horizontalAdvance(option.text) <= table.columnWidth(column) - 6
        assert float(option.text.replace("\u2212", "-")) == pytest.approx(
            float(index.data(Qt.ItemDataRole.EditRole)), rel=0.05)


def test_an_empty_tensor_says_so_and_takes_an_element(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    show(form, "")
    assert cells(table) == []
    assert shape(form) == "shape (0,)"
    assert not any(button(form, name).isEnabled() for name in ("add_row", "remove_column", "copy"))
    click(qtbot, form, "add_column")
    assert edits == [(made("0"), True)]
    assert cells(table) == [["0"]]
    click(qtbot, form, "remove_column")
    assert edits[-1] == (made(""), True)


# Edited.


def test_a_cell_is_typed_over_and_enter_completes_it(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    at(table, 0, 1)
    qtbot.keyClicks(table, "-")
    line = table.findChild(QLineEdit)
    assert isinstance(line, QLineEdit)
    qtbot.keyClicks(line, "2,5")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(edits))
    assert edits == [(made("1,-2.5,3"), True)]
    assert cells(table) == [["1", "\u22122.5", "3"]]


def test_the_same_number_typed_again_is_no_change(table: TensorTable, edits: list[tuple[TensorData, bool]]) -> None:
    type_cell(table, 0, 1, "2.0")
    assert not edits


@pytest.mark.parametrize(("text", "words"), [
    ("abc", "\u201cabc\u201d is not a number"), ("", "nothing was typed"), ("1 2", "is not a number"),
    ("1;2", "is not a number"), ("[1]x", "is not a number"), ("x" * 300, "xxx...\u201d is not a number"),
])
def test_a_wrong_cell_keeps_its_text_and_gets_a_sentence(
    form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]], text: str, words: str
) -> None:
    type_cell(table, 0, 1, text)
    assert not edits
    sentence = form.row("prediction").sentence
    assert sentence.startswith("Prediction[1]: ")
    assert words in sentence
    assert sentence.endswith("2 stays in effect.")
    assert len(sentence) < 120
    assert cells(table)[0][1] == text
    index = table.model().index(0, 1)
    assert index.data(Qt.ItemDataRole.ForegroundRole) == Theme().color(Role.BAD)
    assert "not a number" in index.data(Qt.ItemDataRole.AccessibleTextRole)
    type_cell(table, 0, 1, "2")
    assert form.row("prediction").sentence == ""
    assert index.data(Qt.ItemDataRole.ForegroundRole) is None


def test_another_cell_takes_effect_beside_a_wrong_one_and_the_sentence_stays(
    form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    type_cell(table, 0, 2, "abc")
    type_cell(table, 0, 0, "9")
    assert edits == [(made("9,2,3"), True)]
    assert cells(table) == [["9", "2", "abc"]]
    assert form.row("prediction").sentence.startswith("Prediction[2]: ")
    type_cell(table, 0, 1, "")
    assert form.row("prediction").sentence.startswith("Prediction[1]: nothing")
    type_cell(table, 0, 1, "7")
    assert form.row("prediction").sentence.startswith("Prediction[2]: ")


def test_a_wrong_cell_gives_way_to_escape_and_to_another_state(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    for discard in (lambda: qtbot.keyClick(table, Qt.Key.Key_Escape), lambda: show(form, "1,2,3"),
                    lambda: form.row("prediction").editor.reset()):
        at(table, 0, 0)
        type_cell(table, 0, 0, "abc")
        assert form.row("prediction").editor.altered()
        discard()
        assert cells(table) == [["1", "2", "3"]]
        assert form.row("prediction").sentence == ""
        assert not form.row("prediction").editor.altered()
    assert all(value == made("1,2,3") for value, _ in edits)


def test_an_error_elsewhere_in_the_form_leaves_a_wrong_cell_alone(form: ParameterForm, table: TensorTable) -> None:
    type_cell(table, 0, 0, "abc")
    target = form.findChild(TensorTable, "losses.target")
    assert isinstance(target, TensorTable)
    type_cell(target, 0, 0, "7")
    assert cells(table)[0][0] == "abc"
    assert form.row("prediction").sentence != ""


def test_delete_sets_the_selected_cells_to_zero(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    show(form, "1,2,3;4,5,6")
    at(table, 0, 1)
    table.selectionModel().select(table.model().index(1, 2), SELECT)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert edits == [(made("1,0,3;4,5,0"), True)]
    assert len(table.selectedIndexes()) == 2


def test_a_drag_elsewhere_keeps_the_selection(form: ParameterForm, table: TensorTable) -> None:
    show(form, "1,2,3;4,5,6")
    at(table, 1, 2)
    changes: list[tuple[int, int, int, int]] = []
    table.model().dataChanged.connect(
        lambda a, b: changes.append((a.row(), a.column(), b.row(), b.column())))
    resets: list[int] = []
    table.model().modelReset.connect(lambda: resets.append(1))
    for step in range(3):
        show(form, f"1,2,{step}.5;{step}.5,5,6")
    assert changes == [(0, 0, 1, 2)] * 3
    assert not resets
    assert [(i.row(), i.column()) for i in table.selectedIndexes()] == [(1, 2)]
    show(form, "1,2;4,5;6,7")
    assert (table.currentIndex().row(), table.currentIndex().column()) == (1, 1)


# Nudged.


def test_alt_and_arrows_nudge_live_and_complete_the_change_after_a_pause(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    at(table, 0, 1)
    for key, held in ((Qt.Key.Key_Up, MODIFIER.AltModifier), (Qt.Key.Key_Up, MODIFIER.AltModifier),
                      (Qt.Key.Key_Down, MODIFIER.AltModifier | MODIFIER.ShiftModifier),
                      (Qt.Key.Key_PageDown, MODIFIER.AltModifier)):
        qtbot.keyClick(table, key, held)
    assert [(value.values[1], committed) for value, committed in edits] == [
        (2.1, False), (2.2, False), (2.19, False), (1.19, False)]
    qtbot.waitUntil(lambda: edits[-1] == (made("1,1.19,3"), True))
    assert len(edits) == 5


def test_an_undo_after_a_nudge_is_not_overwritten(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    at(table, 0, 0)
    qtbot.keyClick(table, Qt.Key.Key_Up, MODIFIER.AltModifier)
    show(form, "1,2,3")
    with qtbot.assertNotEmitted(form.edited, wait=600):
        pass
    assert cells(table) == [["1", "2", "3"]]


def turn(table: TensorTable, column: int, held: Qt.KeyboardModifier) -> bool:
    """Turn the wheel by one notch over a cell; whether the table took it."""
    place = table.visualRect(table.model().index(0, column)).center()
    wheel = QWheelEvent(
        QPointF(place), QPointF(table.viewport().mapToGlobal(place)), QPoint(0, 0), QPoint(0, 120),
        Qt.MouseButton.NoButton, held, Qt.ScrollPhase.NoScrollPhase, False,
    )
    wheel.ignore()
    QApplication.sendEvent(table.viewport(), wheel)
    return wheel.isAccepted()


def test_ctrl_and_the_wheel_nudge_the_selected_cell_below_the_mouse(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    form.row("prediction_grad").setFocus()
    at(table, 0, 2)
    assert turn(table, 2, MODIFIER.ControlModifier)
    turn(table, 0, MODIFIER.ControlModifier)
    turn(table, 2, MODIFIER.NoModifier)
    assert edits == [(made("1,2,3.1"), False)]
    qtbot.waitUntil(lambda: edits[-1] == (made("1,2,3.1"), True))


def test_without_the_focus_the_wheel_is_the_panels(form: ParameterForm, table: TensorTable) -> None:
    show(form, "1,2,3;" * 50)
    table.clearFocus()
    turn(table, 0, MODIFIER.NoModifier)
    assert table.verticalScrollBar().value() == 0


# Rows and columns.


def test_a_vector_becomes_a_batch_and_a_vector_again(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    click(qtbot, form, "add_row")
    assert edits[-1] == (made("1,2,3;1,2,3"), True)
    click(qtbot, form, "remove_row")
    assert edits[-1] == (made("1,2,3;"), True)
    assert shape(form) == "shape (1, 3)"
    click(qtbot, form, "remove_row")
    assert edits[-1] == (made("1,2,3"), True)
    assert button(form, "remove_row").isHidden()


def test_rows_and_columns_are_added_after_the_current_cell_and_removed_where_selected(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    show(form, "1,2,3;4,5,6")
    at(table, 0, 0)
    click(qtbot, form, "add_column")
    assert edits[-1][0] == made("1,0,2,3;4,0,5,6")
    assert (table.currentIndex().row(), table.currentIndex().column()) == (0, 1)
    click(qtbot, form, "remove_column")
    assert edits[-1][0] == made("1,2,3;4,5,6")
    at(table, 0, 0)
    click(qtbot, form, "add_row")
    assert edits[-1][0] == made("1,2,3;1,2,3;4,5,6")
    table.selectAll()
    click(qtbot, form, "remove_column")
    assert edits[-1][0] == made("1;1;4")
    table.clearSelection()
    click(qtbot, form, "remove_row")
    assert edits[-1][0] == made("1;1")


def test_a_vector_adds_and_loses_elements_at_its_end_when_nothing_is_selected(
    qtbot: QtBot, form: ParameterForm, edits: list[tuple[TensorData, bool]]
) -> None:
    click(qtbot, form, "add_column")
    assert edits[-1][0] == made("1,2,3,0")
    form.findChild(TensorTable, "losses.prediction").clearSelection()  # type: ignore[union-attr]
    click(qtbot, form, "remove_column")
    assert edits[-1][0] == made("1,2,3")


def test_more_elements_than_allowed_are_refused_with_a_sentence(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    show(form, ",".join(["1"] * 10_000))
    click(qtbot, form, "add_column")
    assert not edits
    assert form.row("prediction").sentence.startswith("Prediction: \u201c10,001 numbers\u201d is not possible")
    assert table.model().columnCount() == 10_000


# The clipboard.


def paste(qtbot: QtBot, table: TensorTable, text: str) -> None:
    QGuiApplication.clipboard().setText(text)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_V, MODIFIER.ControlModifier)


@pytest.mark.parametrize(("before", "cell", "text", "after"), [
    ("1,2,3", (0, 0), "7\t8", "7,8,3"),
    ("1,2,3", (0, 2), "7\t8", "1,2,7,8"),
    ("1,2,3", (0, 1), "7\n8\n9\n", "1,7,8,9"),
    ("1,2,3", (0, 0), "7\t8\n9\t10\n", "7,8,3;9,10,0"),
    ("1,2;3,4", (1, 1), "7\t8\n9\t10\n", "1,2,0;3,7,8;0,9,10"),
    ("1,2;3,4", (0, 1), "1,5", "1,1,5;3,4,0"),
    ("1,2;3,4", (0, 0), "5", "5,2;3,4"),
    ("1,2;3,4", (1, 0), "tensor([1., 2., 3.])", "1,2,3"),
    ("1,2,3", (0, 0), "[[1],\n[2]]", "1;2"),
    ("1;", (0, 0), "4\n5\n", "4;5"),
    ("1,2,3", None, "7\t8", "7,8"),
    ("1,2,3", None, "7\n8", "7,8"),
    ("1,2;3,4", None, "7\n8", "7;8"),
    ("", None, "7;8", "7,8"),
])
def test_a_block_is_pasted_where_a_spreadsheet_would(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]], clipboard: Any,
    before: str, cell: tuple[int, int] | None, text: str, after: str,
) -> None:
    show(form, before)
    if cell is not None:
        at(table, *cell)
    paste(qtbot, table, text)
    assert edits == [(made(after), True)]
    assert shape(form) == f"shape {made(after).shape}"


def test_one_number_fills_what_is_selected_and_all_selected_is_replaced(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]], clipboard: Any
) -> None:
    show(form, "1,2,3;4,5,6")
    at(table, 0, 0)
    table.selectionModel().select(table.model().index(1, 1), SELECT)
    paste(qtbot, table, "9")
    assert edits[-1][0] == made("9,2,3;4,9,6")
    table.selectAll()
    paste(qtbot, table, "1\t2")
    assert edits[-1][0] == made("1,2")


def test_the_button_replaces_the_tensor_wherever_the_current_cell_is(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]], clipboard: Any
) -> None:
    at(table, 0, 1)
    clipboard.setText("5\t6\n7\t8\n")
    click(qtbot, form, "paste")
    assert edits == [(made("5,6;7,8"), True)]


@pytest.mark.parametrize(("text", "words"), [
    ("hello", "\u201chello\u201d is not possible"), ("1\t2\n3", "row 2 with 1 element"), ("", "no numbers on the clipboard"),
    ("1\t\t2", "an empty cell"),
])
def test_what_cannot_be_pasted_gets_a_sentence_and_changes_nothing(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]], clipboard: Any,
    text: str, words: str,
) -> None:
    for way in ("key", "button"):
        show(form, "1,2,3")
        at(table, 0, 0)
        clipboard.setText(text)
        if way == "key":
            qtbot.keyClick(table, Qt.Key.Key_V, MODIFIER.ControlModifier)
        else:
            click(qtbot, form, "paste")
        assert words in form.row("prediction").sentence
        assert cells(table) == [["1", "2", "3"]]
    assert not edits
    type_cell(table, 0, 0, "5")
    assert form.row("prediction").sentence == ""


def test_a_block_that_would_make_too_large_a_tensor_is_refused_before_it_is_made(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]], clipboard: Any
) -> None:
    show(form, ",".join(["1"] * 5000) + ";")
    at(table, 0, 4999)
    paste(qtbot, table, "\n".join(["1"] * 9000))
    assert not edits
    assert "45,000,000 numbers" in form.row("prediction").sentence


def test_what_is_copied_is_what_a_spreadsheet_takes_and_is_pasted_back(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]], clipboard: Any
) -> None:
    show(form, "1,0.12345678912345678,3;4,5,6")
    click(qtbot, form, "copy")
    assert clipboard.text() == "1\t0.12345678912345678\t3\n4\t5\t6"
    at(table, 0, 1)
    table.selectionModel().select(table.model().index(1, 2), SELECT)
    qtbot.keyClick(table, Qt.Key.Key_C, MODIFIER.ControlModifier)
    assert clipboard.text() == "0.12345678912345678\t3\n5\t6"
    at(table, 1, 0)
    qtbot.keyClick(table, Qt.Key.Key_V, MODIFIER.ControlModifier)
    assert edits[-1][0] == made("1,0.12345678912345678,3;0.12345678912345678,3,6;5,6,0")


# The frame.


def test_the_menu_key_offers_what_the_buttons_do(form: ParameterForm, table: TensorTable, edits: list[Any]) -> None:
    assert table.contextMenuPolicy() == Qt.ContextMenuPolicy.ActionsContextMenu
    actions: dict[str, QAction] = {action.objectName().rpartition("menu_")[2]: action for action in table.actions()}
    actions["add_row"].trigger()
    assert edits[-1][0] == made("1,2,3;1,2,3")
    actions["remove_row"].trigger()
    actions["remove_row"].trigger()
    assert edits[-1][0] == made("1,2,3")
    assert not actions["remove_row"].isEnabled()
    assert actions["add_column"].text() == "Add an element to the right"


def test_tab_leaves_the_table_and_arrows_stay_in_it(qtbot: QtBot, form: ParameterForm, table: TensorTable) -> None:
    at(table, 0, 0)
    qtbot.keyClick(table, Qt.Key.Key_Right)
    assert table.currentIndex().column() == 1
    table.window().activateWindow()
    qtbot.keyClick(table, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is not table


def test_the_default_is_one_double_click_on_the_label_away(form: ParameterForm, table: TensorTable, edits: list[Any]) -> None:
    show(form, "9,9")
    form.row("prediction").editor.reset()
    assert edits == [(LossesState().prediction, True)]
    assert cells(table) == [["1", "2", "3"]]


def test_names_follow_the_loss_that_gives_the_tensor_its_meaning(form: ParameterForm, table: TensorTable) -> None:
    form.set_state(LossesState().changed(loss="CrossEntropyLoss"))
    title = form.row("prediction").parameter.label_for(form.state)
    assert title != "Prediction"
    assert table.accessibleName() == title
    assert button(form, "add_row").accessibleName() == f"{title}: add a row"
    type_cell(table, 0, 0, "abc")
    assert form.row("prediction").sentence.startswith(f"{title}[0, 0]: ")


def test_every_control_has_a_name_a_tooltip_and_an_object_name(form: ParameterForm) -> None:
    editor = form.row("prediction").editor
    assert isinstance(editor, TensorEditor)
    controls = [*editor.findChildren(QToolButton), editor.main_control()]
    for control in controls:
        assert control.accessibleName().startswith("Prediction")
        assert control.toolTip()
        assert control.objectName().startswith("losses.prediction")
    assert len({control.objectName() for control in controls}) == len(controls) == 7


@pytest.mark.parametrize("large", [False, True], ids=["vector", "matrix"])
def test_it_fits_the_panel_in_every_look(
    any_theme: Theme, host: QWidget, put: Callable[[QWidget], None], large: bool
) -> None:
    panel = SidePanel(any_theme, LEFT_WIDTH, host)
    made_form = ParameterForm(Losses(), any_theme, panel)
    made_form.build_all()
    put(made_form)
    made_form.set_state(LossesState().changed(prediction=("1," * 99 + "1;") * 100 if large else "1,2,3"))
    editor = made_form.row("prediction").editor
    for width in (panel.wanted_width - 32, panel.minimumWidth() - 32):
        assert editor.minimumSizeHint().width() <= width
        editor.setParent(host)
        editor.show()
        for _ in range(2):  # columns that scroll in this width make the table higher
            editor.resize(width, editor.heightForWidth(width))
            QApplication.processEvents()
        controls = [w for w in editor.findChildren(QWidget) if isinstance(w, (QLabel, QToolButton)) and w.isVisible()
                    and not editor.main_control().isAncestorOf(w)]
        places = [QRect(w.mapTo(editor, QPoint(0, 0)), w.size()) for w in controls]
        assert len(controls) == (9 if large else 8)
        for number, place in enumerate(places):
            assert editor.rect().contains(place)
            assert place.top() >= editor.main_control().geometry().bottom()
            assert not any(place.intersects(other) for other in places[:number])
            assert place.width() >= controls[number].sizeHint().width() or isinstance(controls[number], QToolButton)
    # In the usual width, what belongs to a vector stands on one line.
    editor.resize(panel.wanted_width - 32, 400)
    QApplication.processEvents()
    if not large:
        assert len({w.mapTo(editor, w.rect().center()).y() // 8 for w in controls}) == 1


# A large tensor.


def fastest(act: Callable[[int], None]) -> float:
    """Milliseconds of the fastest of some tries: what it costs, not what else the machine did."""
    times = []
    for attempt in range(7):
        start = perf_counter()
        act(attempt)
        times.append(perf_counter() - start)
    return min(times) * 1e3


@pytest.mark.parametrize("shape_of", [(100, 100), (10_000,), (10_000, 1)])
def test_ten_thousand_elements_are_as_quick_as_three(
    form: ParameterForm, table: TensorTable, shape_of: tuple[int, ...]
) -> None:
    base = TensorData(shape_of, tuple(float(index % 97) for index in range(10_000)))
    state = LossesState().changed(prediction=base)
    widgets = len(form.findChildren(QWidget))
    form.set_state(state)
    QApplication.processEvents()
    assert len(form.findChildren(QWidget)) <= widgets + 8  # no widget for a cell
    editor = form.row("prediction").editor
    resets: list[int] = []
    table.model().modelReset.connect(lambda: resets.append(1))
    assert fastest(lambda n: editor.show_value(base.replaced(5_000, 0.5 + n), state)) < 5
    assert fastest(lambda n: type_cell(table, 0, 0, str(n + 0.25))) < 10  # with the form's and the state's part
    assert not resets
    assert fastest(lambda n: editor.set_theme(Theme("dark" if n % 2 else "light"))) < 15
    column = tuple(reversed(shape_of)) if len(shape_of) == 2 else (100, 100)
    other = TensorData(column, base.values)
    assert fastest(lambda n: editor.show_value(other if n % 2 else base, state)) < 15


def test_the_editor_stands_alone_without_a_layout_around_it(theme: Theme, host: QWidget) -> None:
    parameter = Losses().parameters()["weight"]
    editor = TensorEditor(parameter, "losses", theme, host)
    pieces = list(editor.build(LossesState()))
    assert len(pieces) >= 2
    layout = host.layout()
    assert isinstance(layout, QVBoxLayout)
    layout.addWidget(editor)
    told: list[tuple[TensorData, bool]] = []
    editor.changed.connect(lambda value, committed: told.append((value, committed)))
    editor.show_value(made("1,2"), None)
    editor.show_value(made("1,2"), None)
    assert not told


def test_what_changes_nothing_is_not_told_and_leaves_a_nudge_to_be_completed(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    show(form, "0,2")
    at(table, 0, 0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    click(qtbot, form, "copy")
    assert not edits
    at(table, 0, 1)
    qtbot.keyClick(table, Qt.Key.Key_Up, MODIFIER.AltModifier)
    at(table, 0, 0)
    qtbot.keyClick(table, Qt.Key.Key_Delete)
    assert edits == [(made("0,2.1"), False)]
    qtbot.waitUntil(lambda: edits[-1] == (made("0,2.1"), True))


def test_all_cells_of_a_large_tensor_are_nudged_at_once(
    qtbot: QtBot, form: ParameterForm, table: TensorTable, edits: list[tuple[TensorData, bool]]
) -> None:
    show(form, ",".join(["nan", *["5"] * 9_999]))
    table.selectAll()
    table.setFocus()
    started = perf_counter()
    qtbot.keyClick(table, Qt.Key.Key_Up, MODIFIER.AltModifier)
    assert perf_counter() - started < 0.5  # one new tensor, not one for each cell
    assert edits[-1][0].values[1:] == (5.1,) * 9_999
    qtbot.waitUntil(lambda: edits[-1][1])
