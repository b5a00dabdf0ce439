"""A very long text is held whole, shown in part, and costs the window no time."""

from __future__ import annotations

import time
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, Qt
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from visualizer.experiments.distributions.experiment import Distributions
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.long_text import MOST_SHOWN, LongTextEdit
from visualizer.ui.widgets.editors.text import TextEditor

LINES = "\n".join(f"{number / 7:.6f}" for number in range(100_000))
ROW = ", ".join(f"{number / 7:.6f}" for number in range(100_000))


@pytest.fixture
def field(qtbot: QtBot) -> LongTextEdit:
    edit = LongTextEdit()
    qtbot.addWidget(edit)
    edit.resize(270, 120)
    edit.show()
    return edit


def paste(edit: QPlainTextEdit, text: str) -> None:
    data = QMimeData()
    data.setText(text)
    edit.insertFromMimeData(data)


@pytest.mark.parametrize("text", [LINES, ROW, "x" * 1_000_000, "\u2026\U0001f600\r\n" * 10_000])
def test_a_long_text_is_whole_and_only_its_beginning_is_laid_out(field: LongTextEdit, text: str) -> None:
    paste(field, text)
    assert field.toPlainText() == text
    assert field.abbreviated()
    assert field.document().characterCount() < 1000
    assert QPlainTextEdit.toPlainText(field).startswith(f"{len(text):,} characters.")


@pytest.mark.parametrize("text", [LINES, ROW])
def test_a_paste_of_100_000_numbers_does_not_stop_the_window(field: LongTextEdit, text: str) -> None:
    taken = []
    for _ in range(5):
        field.setPlainText("")
        QApplication.processEvents()
        start = time.perf_counter()
        paste(field, text)
        field.resize(field.width() + 1, 120)
        QApplication.processEvents()
        assert len(field.toPlainText()) == len(text)
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.05


def test_a_short_text_is_pasted_at_the_cursor_as_ever(field: LongTextEdit) -> None:
    field.setPlainText("1, 3")
    cursor = field.textCursor()
    cursor.setPosition(3)
    field.setTextCursor(cursor)
    paste(field, "2, ")
    assert field.toPlainText() == "1, 2, 3"
    field.undo()
    assert field.toPlainText() == "1, 3"


def test_a_long_text_goes_where_the_selection_was(field: LongTextEdit) -> None:
    field.setPlainText("\U0001f600a[old]b")
    cursor = field.textCursor()
    cursor.setPosition(4)
    cursor.setPosition(7, cursor.MoveMode.KeepAnchor)
    field.setTextCursor(cursor)
    paste(field, LINES)
    assert field.toPlainText() == f"\U0001f600a[{LINES}]b"


@pytest.mark.parametrize(("key", "left"), [
    (Qt.Key.Key_7, "7"), (Qt.Key.Key_Backspace, ""), (Qt.Key.Key_Delete, ""),
])
def test_what_is_typed_over_it_replaces_everything(field: LongTextEdit, qtbot: QtBot, key: Qt.Key, left: str) -> None:
    field.setPlainText(LINES)
    qtbot.keyClick(field, key)
    assert field.toPlainText() == left
    field.setPlainText(LINES)
    paste(field, "1 2 3")
    assert field.toPlainText() == "1 2 3"


@pytest.mark.parametrize("key", [Qt.Key.Key_Down, Qt.Key.Key_End, Qt.Key.Key_Shift])
def test_moving_in_it_changes_nothing(field: LongTextEdit, qtbot: QtBot, key: Qt.Key) -> None:
    field.setPlainText(LINES)
    qtbot.keyClick(field, key)
    assert field.toPlainText() == LINES


def test_all_of_it_is_copied_and_cut(field: LongTextEdit, qtbot: QtBot) -> None:
    field.setPlainText(LINES)
    field.selectAll()
    assert field.createMimeDataFromSelection().text() == LINES
    qtbot.keyClick(field, Qt.Key.Key_X, Qt.KeyboardModifier.ControlModifier)
    assert field.toPlainText() == ""
    assert QApplication.clipboard().text() == LINES


def test_at_most_so_many_characters_are_laid_out(field: LongTextEdit) -> None:
    field.setPlainText("1" * MOST_SHOWN)
    assert not field.abbreviated()
    paste(field, "1")
    assert field.abbreviated()
    assert field.toPlainText() == "1" * (MOST_SHOWN + 1)


def test_the_field_of_numbers_takes_a_long_paste_as_its_value(qtbot: QtBot) -> None:
    experiment = Distributions()
    parent = QWidget()
    qtbot.addWidget(parent)
    editor: Any = TextEditor(experiment.parameters()["values"], "distributions", Theme("light"), parent)
    for _ in editor.build(experiment.default_state()):
        pass
    editor.main_control().selectAll()
    with qtbot.waitSignal(editor.changed) as changed:
        paste(editor.main_control(), ROW)
    assert changed.args is not None
    assert changed.args[0] == ROW
