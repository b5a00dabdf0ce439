"""Programs of the user at the window: typed, run, stopped, opened from files; never run because a session or a file was opened."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from tests.fakes import Wave, WaveRequest, WaveResult, WaveState
from tests.window.bench import Bench
from visualizer.base.errors import UserError
from visualizer.base.experiment import Report
from visualizer.base.parameters import text
from visualizer.sessions.files import save_session
from visualizer.sessions.schema import Session
from visualizer.ui.widgets.editors.code_edit import CodeEdit

MakeBench = Callable[..., Bench]


@dataclass(frozen=True)
class ProgramState(WaveState):
    code: str = text("first", label="Program", help="A program.", multiline=True, program=True)
    model: str = text("", label="Model", help="A model.", program=True)


@dataclass(frozen=True)
class ProgramRequest(WaveRequest):
    code: str
    asked: int


class Programs(Wave):
    """Its "programs" are words: endless, broken, anything else; the first is allowed from the beginning."""

    name = "programs"
    title = "Programs"
    state_type = ProgramState

    def __init__(self) -> None:
        self.asked = {"first": 1}
        self.ran: list[str] = []

    def request(self, state: Any) -> ProgramRequest:
        return ProgramRequest(**super().request(state).__dict__, code=state.code, asked=self.asked.get(state.code, 0))

    def allow(self, state: Any) -> None:
        self.asked[state.code] = self.asked.get(state.code, 0) + 1

    def run(self, request: Any) -> Iterator[WaveResult | None]:
        if not request.asked:
            raise UserError("Press Run to run it.", "What is not run prints nothing.")
        self.ran.append(request.code)
        if request.code == "broken":
            raise UserError("The program was stopped, at line 1.", "it printed this")
        yield from (itertools.repeat(None) if request.code == "endless" else super().run(request))

    def reports(self, result: Any) -> Mapping[str, Report]:
        return {"code": Report("", 0, "hello\n")}

    def values_of(self, word: str) -> Mapping[str, Any]:
        return {"model": word} if word.endswith((".py", ".graph.json")) else super().values_of(word)


@pytest.fixture
def bench(make: MakeBench) -> Bench:
    bench = make(experiments=(Wave(), Programs()))
    bench.start(first="programs")
    return bench


def find(bench: Bench, kind: type[Any], name: str) -> Any:
    found = bench.tab.findChild(kind, f"programs.{name}")
    assert found is not None, name
    return found


def type_in(bench: Bench, words: str) -> None:
    find(bench, CodeEdit, "code").setPlainText(words)
    bench.qtbot.waitUntil(lambda: bench.control.state.code == words)


def test_typed_text_is_kept_in_the_state_but_not_run_and_the_last_picture_stays(bench: Bench) -> None:
    before = bench.drawn()
    type_in(bench, "second")
    bench.qtbot.waitUntil(lambda: bench.control.problem is not None)
    assert find(bench, QLabel, "code.message").text() == "Press Run to run it."
    assert not find(bench, QPlainTextEdit, "code.output").isVisible()
    assert bench.tab.experiment.ran == ["first"]
    assert bench.drawn() is before


def test_run_runs_what_was_typed_and_shows_what_it_printed(bench: Bench) -> None:
    type_in(bench, "second")
    bench.qtbot.mouseClick(find(bench, QPushButton, "code.run"), Qt.MouseButton.LeftButton)
    bench.settle()
    assert bench.tab.experiment.ran == ["first", "second"]
    assert find(bench, QPlainTextEdit, "code.output").toPlainText() == "hello\n"
    assert not find(bench, QLabel, "code.message").isVisible()


def test_run_runs_the_same_program_again(bench: Bench) -> None:
    for count in (2, 3):
        find(bench, QPushButton, "code.run").click()
        bench.qtbot.waitUntil(lambda count=count: bench.tab.experiment.ran == ["first"] * count)
        bench.settle()


def test_a_program_that_failed_says_so_at_its_line_and_shows_its_output(bench: Bench) -> None:
    type_in(bench, "broken")
    find(bench, QPushButton, "code.run").click()
    bench.qtbot.waitUntil(lambda: find(bench, QLabel, "code.message").text() == "The program was stopped, at line 1.")
    assert find(bench, CodeEdit, "code").marked == 1
    assert find(bench, QPlainTextEdit, "code.output").toPlainText() == "it printed this"


def test_stop_ends_a_program_that_does_not(bench: Bench) -> None:
    stop = find(bench, QPushButton, "code.stop")
    type_in(bench, "endless")
    find(bench, QPushButton, "code.run").click()
    bench.qtbot.waitUntil(stop.isEnabled)
    stop.click()
    bench.qtbot.waitUntil(lambda: bench.control.activity.kind == "cancelled")
    assert not stop.isEnabled()


def test_text_that_was_not_run_survives_the_other_tab_the_other_look_and_the_end(make: MakeBench, bench: Bench) -> None:
    find(bench, CodeEdit, "code").setPlainText("unfinished")
    bench.trigger("window.next_tab")
    bench.window.set_look("dark", False)
    bench.trigger("window.previous_tab")
    assert find(bench, CodeEdit, "code").toPlainText() == "unfinished"
    assert bench.interior.session().states["programs"].code == "unfinished"


def test_a_session_brings_a_program_and_does_not_run_it(bench: Bench, tmp_path: Path) -> None:
    states = {tab.experiment.name: tab.controller.state for tab in bench.interior.tabs}
    states["programs"] = states["programs"].changed(code="from elsewhere")
    save_session(tmp_path / "s.json", Session(states, "programs"), bench.experiments)
    bench.user.path = tmp_path / "s.json"
    bench.trigger("window.open_session")
    bench.qtbot.waitUntil(lambda: bench.control.problem is not None)
    assert find(bench, CodeEdit, "code").toPlainText() == "from elsewhere"
    assert bench.tab.experiment.ran == ["first"]


def test_open_model_fills_the_tab_that_takes_it_and_runs_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path / "model.py"
    bench.user.path.write_text("def make(): ...\nraise SystemExit\n")
    bench.trigger("window.previous_tab")
    bench.trigger("window.open_model")
    assert bench.tab.experiment.name == "programs"
    assert bench.control.state.model == str(bench.user.path)
    line = find(bench, QLineEdit, "model")
    assert line.text() == str(bench.user.path)
    bench.qtbot.waitUntil(line.completer().popup().isVisible)
    line.completer().popup().hide()
    bench.trigger("window.undo")
    assert bench.control.state.model == ""


def drop(bench: Bench, *files: Path) -> bool:
    """Drop files onto the window; whether it took them."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(file)) for file in files])
    buttons, keys, action = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.DropAction.CopyAction
    enter = QDragEnterEvent(QPoint(5, 5), action, data, buttons, keys)
    enter.ignore()
    QApplication.sendEvent(bench.window, enter)
    if enter.isAccepted():
        QApplication.sendEvent(bench.window, QDropEvent(QPointF(5, 5), action, data, buttons, keys))
    return enter.isAccepted()


def test_files_are_dropped_onto_the_window(bench: Bench, tmp_path: Path) -> None:
    capture = tmp_path / "run.graph.json"
    assert drop(bench, capture)
    assert bench.control.state.model == str(capture)
    assert not drop(bench, capture, capture)
    assert not drop(bench, tmp_path / "picture.png")
    assert drop(bench, tmp_path / "none.json")  # a session, which is not there
    assert "does not exist" in bench.window.problem_text


def test_a_file_that_nobody_takes_is_said(make: MakeBench, tmp_path: Path) -> None:
    bench = make(experiments=(Wave(),))
    bench.start()
    bench.user.path = tmp_path / "model.py"
    bench.trigger("window.open_model")
    assert bench.window.problem_text.startswith("model.py cannot be opened here.")


def test_the_state_given_on_the_command_line_comes_after_the_session(make: MakeBench, qtbot: QtBot) -> None:
    bench = make(experiments=(Wave(), Programs()))
    bench.window.show()
    given = ProgramState(code="first", samples=7)
    bench.interior.steps.add(bench.interior.begin(bench._make_desk, "programs", given))
    qtbot.waitUntil(lambda: not bench.interior.steps.busy)
    assert bench.tab.experiment.name == "programs"
    assert bench.control.state == given
