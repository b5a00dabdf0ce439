"""The editor of programs: what is typed is kept, runs only when it is asked for, and errors stand at their line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPlainTextEdit, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from visualizer.base.parameters import parameters_of
from visualizer.experiments.graph.state import GraphState
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors import editor_of
from visualizer.ui.widgets.editors.code_edit import CodeEdit
from visualizer.ui.widgets.editors.program import LEAST_LINES, ProgramEditor, ProgramLineEditor, names_in


class Bench:
    """An editor, and what it has said."""

    def __init__(self, editor: Any) -> None:
        self.editor = editor
        self.changes: list[tuple[str, bool]] = []
        self.asked: list[str] = []
        editor.changed.connect(lambda value, committed: self.changes.append((value, committed)))
        editor.asked.connect(self.asked.append)

    def child(self, kind: type[Any], name: str) -> Any:
        found = self.editor.findChild(kind, f"graph.{self.editor.parameter.name}.{name}")
        assert found is not None, name
        return found


@pytest.fixture
def make(host: QWidget, put: Callable[[QWidget], None]) -> Callable[..., Bench]:
    def of(name: str, theme: Theme, **values: Any) -> Bench:
        parameter = parameters_of(GraphState)[name]
        editor = editor_of(parameter)(parameter, "graph", theme, host)
        for _ in editor.build(GraphState(**values)):
            pass
        put(editor)
        QApplication.processEvents()
        return Bench(editor)

    return of


@pytest.fixture
def code(make: Callable[..., Bench], theme: Theme) -> Bench:
    bench = make("code", theme, source="code", code="x = 1\n")
    bench.editor.main_control().setFocus()
    return bench


def edit_of(bench: Bench) -> CodeEdit:
    edit = bench.editor.main_control()
    assert isinstance(edit, CodeEdit)
    return edit


def test_programs_have_editors_of_their_own() -> None:
    kinds = {name: editor_of(item) for name, item in parameters_of(GraphState).items() if item.kind == "text"}
    assert kinds["code"] is ProgramEditor
    assert kinds["model"] is ProgramLineEditor
    assert not issubclass(kinds["input"], ProgramEditor)


def test_fourteen_lines_are_seen_in_every_look(make: Callable[..., Bench], any_theme: Theme) -> None:
    edit = edit_of(make("code", any_theme, source="code", code="\n".join(map(str, range(1, 30)))))
    last = edit.document().findBlockByNumber(LEAST_LINES - 1)
    bottom = edit.blockBoundingGeometry(last).translated(edit.contentOffset()).bottom()
    assert bottom <= edit.viewport().height()


def test_typing_is_kept_and_does_not_ask_for_a_run(code: Bench, qtbot: QtBot) -> None:
    edit_of(code).setPlainText("y = 2\n")
    qtbot.waitUntil(lambda: code.changes == [("y = 2\n", False)])
    assert code.asked == []


def test_ctrl_enter_completes_the_text_and_asks_for_a_run(code: Bench, qtbot: QtBot) -> None:
    edit_of(code).setPlainText("y = 2\n")
    qtbot.keyClick(edit_of(code), Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert code.changes == [("y = 2\n", True)]
    assert code.asked == ["run"]
    assert edit_of(code).toPlainText() == "y = 2\n"


def test_run_can_be_asked_for_again_without_a_change(code: Bench, qtbot: QtBot) -> None:
    qtbot.mouseClick(code.child(QPushButton, "run"), Qt.MouseButton.LeftButton)
    qtbot.mouseClick(code.child(QPushButton, "run"), Qt.MouseButton.LeftButton)
    assert code.asked == ["run", "run"]


def test_stop_is_there_while_the_program_runs_and_escape_does_it(code: Bench, qtbot: QtBot) -> None:
    stop = code.child(QPushButton, "stop")
    assert not stop.isEnabled()
    edit_of(code).setPlainText("y = 3\n")
    qtbot.keyClick(edit_of(code), Qt.Key.Key_Escape)
    assert code.asked == []
    assert edit_of(code).toPlainText() == "y = 3\n"
    code.editor.set_running(True)
    assert stop.isEnabled()
    qtbot.keyClick(edit_of(code), Qt.Key.Key_Escape)
    assert code.asked == ["stop"]
    assert edit_of(code).toPlainText() == "y = 3\n"


@pytest.mark.parametrize(("before", "keys", "after"), [
    ("", ["Tab"], "    "),
    ("ab", ["Tab"], "ab  "),
    ("if x:", ["Return"], "if x:\n    "),
    ("if x:  # so", ["Return"], "if x:  # so\n    "),
    ("    y = 1", ["Return"], "    y = 1\n    "),
    ("        y", ["Backtab"], "    y"),
    ("  y", ["Backtab"], "y"),
    ("        ", ["Backspace"], "    "),
    ("   x", ["Backspace"], "   "),
])
def test_keys_indent(code: Bench, qtbot: QtBot, before: str, keys: list[str], after: str) -> None:
    edit = edit_of(code)
    edit.setPlainText(before)
    edit.moveCursor(edit.textCursor().MoveOperation.End)
    for key in keys:
        qtbot.keyClick(edit, getattr(Qt.Key, f"Key_{key}"))
    assert edit.toPlainText() == after


def test_tab_indents_all_selected_lines_and_one_undo_takes_it_back(code: Bench, qtbot: QtBot) -> None:
    edit = edit_of(code)
    edit.setPlainText("a\n\nb\nc")
    edit.selectAll()
    qtbot.keyClick(edit, Qt.Key.Key_Tab)
    assert edit.toPlainText() == "    a\n\n    b\n    c"
    edit.undo()
    assert edit.toPlainText() == "a\n\nb\nc"


def test_after_escape_tab_leaves_the_field(code: Bench, qtbot: QtBot) -> None:
    edit = edit_of(code)
    qtbot.waitUntil(edit.hasFocus)
    qtbot.keyClick(edit, Qt.Key.Key_Escape)
    qtbot.keyClick(edit, Qt.Key.Key_Tab)
    assert not edit.hasFocus()
    assert edit.toPlainText() == "x = 1\n"


def test_a_failure_is_marked_at_its_line_until_the_text_changes(code: Bench) -> None:
    edit = edit_of(code)
    edit.setPlainText("a\nb\nc\n")
    code.editor.show_report("The forward pass failed.", 2, "printed\n")
    assert edit.marked == 2
    assert {mark.cursor.blockNumber() for mark in edit.extraSelections()} == {1}
    assert code.child(QLabel, "message").text() == "The forward pass failed."
    assert code.child(QPlainTextEdit, "output").toPlainText() == "printed\n"
    assert code.child(QPlainTextEdit, "output").isVisible()
    edit.setPlainText("a\nbb\nc\n")
    assert edit.marked == 0
    code.editor.show_report("", 0, "")
    assert not code.child(QLabel, "message").isVisible()
    assert not code.child(QPlainTextEdit, "output").isVisible()


def test_a_sentence_that_names_a_line_marks_it(code: Bench) -> None:
    edit_of(code).setPlainText("a\nb\nwhile True: pass\n")
    code.editor.show_report("The program was stopped: it took longer than its limit of 1 s, at line 3.", 0, "")
    assert edit_of(code).marked == 3


def test_a_line_that_is_not_there_is_not_marked(code: Bench) -> None:
    code.editor.show_report("Odd.", 99, "")
    assert edit_of(code).marked == 0


def test_the_grip_makes_the_field_higher_and_a_theme_keeps_that(code: Bench, qtbot: QtBot) -> None:
    edit, grip = edit_of(code), code.child(QWidget, "grip")
    before = edit.height()
    qtbot.keyClick(grip, Qt.Key.Key_Down)
    assert edit.height() == before + 20
    code.editor.set_theme(Theme("dark"))
    assert edit.height() == before + 20
    assert edit.toPlainText() == "x = 1\n"


def test_names_are_read_from_a_file_without_running_it(tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("raise SystemExit\nimport torch\ndef make(): ...\nclass Net: ...\n_own = 1\nnet = other = 2\nsize: int = 3\n")
    assert names_in(str(file)) == ["make", "Net", "net", "other", "size"]
    file.write_text("def broken(")
    assert names_in(str(file)) == []
    assert names_in(str(tmp_path / "none.py")) == []


def test_a_file_offers_its_names_and_enter_runs(make: Callable[..., Bench], theme: Theme, qtbot: QtBot, tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("def make(): ...\n")
    bench = make("model", theme, source="file", model="")
    line = bench.editor.main_control()
    assert isinstance(line, QLineEdit)
    qtbot.keyClicks(line, f"{file}:")
    completer = line.completer()
    assert completer is not None
    assert completer.model().stringList() == [f"{file}:make"]  # type: ignore[attr-defined]
    completer.popup().hide()
    line.setText(f"{file}:make")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert bench.changes[-1] == (f"{file}:make", True)
    assert bench.asked == ["run"]
    qtbot.mouseClick(bench.child(QPushButton, "browse"), Qt.MouseButton.LeftButton)
    assert bench.asked == ["run", "browse"]
