"""A window over a worker that computes in the event loop, with a user who answers questions by a list."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal, Slot
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.fakes import Wave
from visualizer.base.messages import Cancelled, Ready, Update
from visualizer.sessions.autosave import AutosavedSession
from visualizer.ui.desk import Desk
from visualizer.ui.interior import Interior
from visualizer.ui.main_window import MainWindow
from visualizer.ui.settings import Settings
from visualizer.ui.tabs.controller import Controller
from visualizer.ui.tabs.experiment_tab import ExperimentTab
from visualizer.worker.failures import failed


class InlineClient(QObject):
    """Computes in the window's own thread, ten steps at a time; ``held`` keeps everything waiting."""

    message = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.held = False
        self.submitted: list[Any] = []
        self.paused: dict[str, bool] = {}
        self._run: tuple[str, int, Iterator[Any]] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._work)

    def submit(self, experiment: Any, state: Any) -> int:
        self.submitted.append(state)
        self._run = (experiment.name, len(self.submitted), experiment.run(experiment.request(state)))
        self._timer.start()
        return len(self.submitted)

    def cancel(self, name: str) -> None:
        if self._run is not None:
            generation, self._run = self._run[1], None
            self.message.emit(Cancelled(name, generation))

    def pause(self, name: str, paused: bool) -> None:
        self.paused[name] = paused

    @Slot()
    def _work(self) -> None:
        if self._run is None:
            self._timer.stop()
            return
        name, generation, steps = self._run
        for _ in range(0 if self.held else 10):
            try:
                result = next(steps)
            except StopIteration:
                self._run = None
                return
            except Exception as error:
                self._run = None
                self.message.emit(failed(name, generation, error))
                return
            if result is not None:
                self.message.emit(Update(name, generation, result, result.progress == 1.0))
                if self._run is None or self._run[1] != generation:
                    return


class User:
    """Answers questions: ``path`` for files and folders (None: closes the dialog), ``agrees`` to replacing."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.agrees = False
        self.asked: list[str] = []

    def _answer(self, then: Callable[[Path], None]) -> None:
        if self.path is not None:
            then(self.path)

    def save_path(self, title: str, suggestion: Path, filters: str, then: Callable[[Path], None]) -> None:
        self.asked.append(suggestion.name)
        self._answer(then)

    def open_path(self, title: str, folder: Path, filters: str, then: Callable[[Path], None]) -> None:
        self._answer(then)

    def folder(self, title: str, folder: Path, then: Callable[[Path], None]) -> None:
        self._answer(then)

    def confirm(self, title: str, sentence: str, button: str, then: Callable[[], None]) -> None:
        self.asked.append(sentence)
        if self.agrees:
            then()


class Bench:
    """A window in a folder of its own.

    Args:
        folder: settings and the kept session lie here, so a second bench continues where the first one ended.
        kept: keep the session, and restore it.
        experiments: the tabs.
    """

    def __init__(
        self, qtbot: QtBot, folder: Path, kept: bool = False, experiments: Sequence[Any] = (), **options: Any
    ) -> None:
        self.qtbot = qtbot
        self.user = User()
        self.client = InlineClient()
        self.experiments = tuple(experiments) or (Wave(),)
        self.settings = Settings(folder / "window.ini")
        self.kept = AutosavedSession(folder / "kept.json", self.experiments) if kept else None
        self.log_file = folder / "visualizer.log"
        self.window = MainWindow(self.settings, self._make_interior, **options)
        qtbot.addWidget(self.window)
        self.client.setParent(self.window)
        self.window.resize(1280, 720)
        self.interior = self.window.interior

    @property
    def tab(self) -> ExperimentTab:
        """The tab in front."""
        return self.window.tab

    @property
    def control(self) -> Controller:
        return self.tab.controller

    def _make_interior(self, window: MainWindow) -> Interior:
        interior = Interior(window, self.experiments, self.client)
        self.client.message.connect(interior.receive)
        return interior

    def _make_desk(self, interior: Interior) -> Desk:
        return Desk(interior, self.user, self.kept, self.log_file)

    def start(self, ready: bool = True, first: str | None = None) -> None:
        """Show the window and wait until it is built and has drawn; ``first``: as ``--tab``."""
        self.window.show()
        self.interior.steps.add(self.interior.begin(self._make_desk, first))
        self.interior.libraries_ready()
        if ready:
            self.client.message.emit(Ready("2.13.0", ("cpu",), 1))
            self.qtbot.waitUntil(lambda: not self.interior.steps.busy and self.drawn() is not None)

    def drawn(self) -> Any:
        """The main figure that is shown; None while there is none."""
        canvases = list(self.tab.area.canvases.values())
        return canvases[0].figure if canvases and not self.tab.area.empty_text else None

    def settle(self) -> None:
        """Wait until the answer to the present state is drawn."""
        self.qtbot.waitUntil(lambda: self.control.up_to_date and not self.interior.steps.busy)
        with self.qtbot.waitSignal(self.control.drawn):
            self.control.refresh()
        self.qtbot.waitUntil(lambda: not self.interior.steps.busy)

    def change(self, committed: bool = True, **values: Any) -> None:
        self.control.edit(self.control.state.changed(**values), committed)

    def trigger(self, name: str) -> None:
        """Choose an action by its object name."""
        action = next(item for item in self.actions() if item.objectName() == name)
        assert action.isEnabled(), f"{name} is disabled"
        action.trigger()

    def actions(self) -> list[Any]:
        found = [
            *self.interior.actions_by_name.values(), *self.tab.actions_by_name.values(), *self.tab.run_actions,
        ]
        return list(dict.fromkeys(found))


def plain_look(application: QApplication) -> None:
    """Take the window's look off the application again."""
    application.setStyleSheet("")
    application.setPalette(application.style().standardPalette())
