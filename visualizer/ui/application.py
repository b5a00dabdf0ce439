"""The program with a window: what is set up around it, in the order that paints it first.

Nothing but the window's shell is imported here. What is inside is imported and made after the first paint, one module
and one piece at a time; then the worker starts to import torch in its own thread, and the plots follow as soon as
their libraries are there.
"""

from __future__ import annotations

import faulthandler
import importlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Slot
from PySide6.QtGui import QFontDatabase, QIcon
from PySide6.QtWidgets import QApplication

from visualizer import __version__
from visualizer.base.early_stop import EARLY_STOP
from visualizer.base.resources import resource
from visualizer.ui.failures import Failures
from visualizer.ui.first_paint import FirstPaint
from visualizer.ui.garbage import GarbageTimer
from visualizer.ui.main_window import MainWindow
from visualizer.ui.settings import Settings, settings_path
from visualizer.ui.theme import STYLED

if TYPE_CHECKING:
    import argparse

    from visualizer.base.experiment import Experiment
    from visualizer.ui.desk import Desk
    from visualizer.ui.interior import Interior
    from visualizer.worker.client import TorchClient
    from visualizer.worker.loading import ImportGate, Preparation

_POLL_MS = 200
#: The one font that the first paint needs; the others are loaded after it.
_FIRST_FONT = "fonts/Inter-Regular.otf"
#: What the interior is made of, in the order of import: each takes a few milliseconds, so each is a step of its own.
_MODULES = (
    "visualizer.base.parameters", "visualizer.base.experiment", "visualizer.base.explanation",
    "visualizer.base.messages", "visualizer.worker.loading", "visualizer.worker.scheduler", "visualizer.worker.torch_worker",
    "visualizer.worker.client",
    "visualizer.experiments.catalogue", "visualizer.ui.actions", "visualizer.ui.history", "visualizer.ui.tabs.answers",
    "visualizer.ui.tabs.controller", "visualizer.ui.exporting", "visualizer.ui.tabs.figure_area",
    "visualizer.ui.tabs.experiment_tab", "visualizer.ui.interior",
)
#: What a canvas is made of; they make no Qt objects when they are imported, so the worker can do it.
_PLOT_MODULES = (
    "visualizer.figures.model", "visualizer.figures.table", "visualizer.ui.plots.geometry", "visualizer.ui.plots.paint",
    "visualizer.ui.plots.layers", "visualizer.ui.plots.frame", "visualizer.ui.plots.scene", "visualizer.ui.plots.tools",
    "visualizer.ui.plots.canvas",
)
_DESK_MODULES = (
    "visualizer.ui.widgets.help", "visualizer.ui.widgets.icons", "json", "visualizer.base.json_text",
    "visualizer.sessions.schema", "visualizer.sessions.files", "platformdirs", "visualizer.sessions.autosave",
    "visualizer.ui.dialogs", "visualizer.ui.desk", "visualizer.ui.widgets.pages", "visualizer.ui.widgets.editors.base",
    "visualizer.ui.widgets.transport", "visualizer.ui.widgets.form", "visualizer.ui.widgets.explain_blocks",
)


def run(options: argparse.Namespace, experiments: Sequence[Experiment[Any, Any, Any]] | None = None) -> int:
    """Show the window until it is closed, and return the exit status.

    Args:
        options: ``session`` (a path or None), ``fresh``, ``theme`` ("light", "dark" or None), ``presentation``,
            ``tab`` (an experiment's name or None); ``given``, if there is one, is the state that this tab begins with.
        experiments: the tabs; None: the product's catalogue.
    """
    # Until the log file is open, after the first paint, the only place for a crash is stderr, if there is one.
    if sys.stderr is not None:
        faulthandler.enable()
    application = make_application()
    program = Program(options, experiments)
    program.start()
    status = application.exec()
    program.finish()
    return status


def make_application() -> QApplication:
    """The one QApplication of the process, with the product's name and its first font."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        # Setting the style later would make PySide6 build the enums of QStyle, 5 ms.
        application = QApplication(["visualizer", "-style", "fusion"])
        application.setProperty(STYLED, True)
    application.setApplicationName("visualizer")
    application.setApplicationDisplayName("visualizer")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("visualizer")
    QFontDatabase.addApplicationFont(str(resource(_FIRST_FONT)))
    return application


class Program(QObject):
    """Window, worker, log and signals of one run of the program.

    Args:
        options, experiments: as for :func:`run`.
        failures, settings: for tests; None: the user's own files.
    """

    def __init__(
        self, options: argparse.Namespace, experiments: Sequence[Experiment[Any, Any, Any]] | None = None,
        failures: Failures | None = None, settings: Settings | None = None,
    ) -> None:
        super().__init__()
        self._options = options
        self._experiments = experiments
        self._client: TorchClient | None = None
        self._notifier: QSocketNotifier | None = None
        self._pipe: tuple[int, int] | None = None
        self._handlers: dict[int, Any] = {}
        self.failures = failures or Failures(parent=self)
        self.failures.install(self.stop)
        self.garbage = GarbageTimer(self)
        self.window = MainWindow(
            settings or Settings(settings_path()), self._make_interior, options.theme, options.presentation or None
        )
        self.failures.happened.connect(self.window.say_problem)
        self.window.closing.connect(self._on_closing)
        self._first_paint = FirstPaint(self.window)
        self._first_paint.painted.connect(self._on_painted)
        self._rest = self._make_rest()
        self._rest_timer = QTimer(self, interval=0)
        self._rest_timer.timeout.connect(self._advance)

    @property
    def client(self) -> TorchClient:
        """The worker's UI side; made now if it has not been yet."""
        if self._client is None:
            from visualizer.worker.client import TorchClient

            self._client = TorchClient(self, self._prepare)
        return self._client

    def _prepare(self, gate: ImportGate) -> Preparation:
        """Runs in the worker: what it imports beside torch, so that neither the window nor a first run waits for it."""
        from visualizer.worker.loading import prepare_torch

        computing = [name for entry in self._catalogue() for name in entry.modules]
        return prepare_torch(gate, also=_PLOT_MODULES, computing=computing)

    def _catalogue(self) -> Sequence[Experiment[Any, Any, Any]]:
        if self._experiments is None:
            from visualizer.experiments.catalogue import EXPERIMENTS

            self._experiments = EXPERIMENTS
        return self._experiments

    def start(self) -> None:
        """Show the window; everything else follows when it has been painted."""
        self.window.show()

    @Slot()
    def _on_painted(self) -> None:
        self._rest_timer.start()

    @Slot()
    def _advance(self) -> None:
        if next(self._rest, self) is self:
            self._rest_timer.stop()

    def _make_rest(self) -> Iterator[None]:
        """Everything after the first paint, in short steps.

        The worker comes last: its imports hold the GIL again and again, and every step made meanwhile takes two to
        four times as long. Torch is ready later by what these steps take, and the window answers all the time.
        """
        for name in _MODULES:
            importlib.import_module(name)
            yield
            if name == "visualizer.worker.client":
                client = self.client
                yield
                client.message.connect(self._on_message)
        self._listen_to_signals()
        self.failures.watch_crashes()
        yield
        self.window.follow_system()
        yield
        interior = self.window.interior
        yield
        from visualizer.ui.theme import load_fonts

        load_fonts()
        self.window.setWindowIcon(QIcon(str(resource("app.svg"))))
        yield
        for name in _DESK_MODULES:
            importlib.import_module(name)
            yield
        interior.steps.add(interior.begin(self._make_desk, self._options.tab, getattr(self._options, "given", None)))
        while interior.steps.busy:
            yield
        # Before the first run that may fail: what nobody handles, logging writes to stderr.
        self.failures.open_log()
        yield
        self.client.start()

    def _make_interior(self, window: MainWindow) -> Interior:
        from visualizer.ui.interior import Interior

        interior = Interior(window, self._catalogue(), self.client)
        # What was said before there was anybody to hear it.
        interior.receive(self.client.status)
        if self.client.has_libraries:
            interior.libraries_ready()
        self.client.message.connect(interior.receive)
        self.client.libraries_ready.connect(interior.libraries_ready)
        return interior

    def _make_desk(self, interior: Interior) -> Desk:
        from pathlib import Path

        from visualizer.sessions.autosave import AutosavedSession
        from visualizer.ui.asking import DialogAsker
        from visualizer.ui.desk import Desk

        session = Path(self._options.session) if self._options.session else None
        kept = AutosavedSession(experiments=interior.experiments)
        return Desk(interior, DialogAsker(self.window), kept, self.failures.log_file, session, self._options.fresh)

    @Slot(object)
    def _on_message(self, message: object) -> None:
        from visualizer.base.messages import Broken, Ready

        if isinstance(message, (Ready, Broken)):
            self.garbage.begin()

    # Ctrl-C and a friendly kill close the window as its button does.

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._on_signal)
        if EARLY_STOP.asked:
            QTimer.singleShot(0, self.window, self.window.close)
        if sys.platform == "win32":
            # Signals there wake no descriptor that Qt can watch: Python gets its turn by a timer.
            QTimer(self, interval=_POLL_MS, timeout=self._on_poll).start()
            return
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        self._pipe = (reader, writer)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(reader, QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_wakeup)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        QTimer.singleShot(0, self.window, self.window.close)

    @Slot()
    def _on_poll(self) -> None:
        """Being called is enough: Python runs its signal handlers before the next line of Python."""

    @Slot()
    def _on_wakeup(self) -> None:
        if self._pipe is not None:
            try:
                os.read(self._pipe[0], 64)
            except BlockingIOError:
                pass

    def stop(self) -> None:
        """Close the window."""
        self.window.close()

    @Slot()
    def _on_closing(self) -> None:
        self._rest_timer.stop()
        self.garbage.stop()
        if self._client is not None:
            self._client.close()

    def finish(self) -> None:
        """Give back what belongs to the process. Call when the event loop has ended."""
        if self._pipe is not None:
            signal.set_wakeup_fd(-1)
            if self._notifier is not None:
                self._notifier.setEnabled(False)
            for descriptor in self._pipe:
                os.close(descriptor)
            self._pipe = None
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()
        self._on_closing()
        self.failures.uninstall()
