"""The program with a window: what is set up around it, in the order that paints it first."""

from __future__ import annotations

import argparse
import faulthandler
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QSocketNotifier, QTimer, Slot
from PySide6.QtWidgets import QApplication

from visualizer import __version__
from visualizer.ui.failures import Failures
from visualizer.ui.first_paint import FirstPaint
from visualizer.ui.garbage import GarbageTimer
from visualizer.ui.main_window import MainWindow
from visualizer.ui.settings import Settings, settings_path
from visualizer.ui.theme import load_fonts
from visualizer.worker.client import TorchClient
from visualizer.worker.loading import set_torch_environment

if TYPE_CHECKING:
    from visualizer.base.experiment import Experiment
    from visualizer.ui.desk import Desk

_POLL_MS = 200


def run(options: argparse.Namespace, experiments: Sequence[Experiment[Any, Any, Any]] | None = None) -> int:
    """Show the window until it is closed, and return the exit status.

    Args:
        options: ``session`` (a path or None), ``fresh``, ``theme`` ("light", "dark" or None), ``presentation``,
            ``tab`` (an experiment's name or None).
        experiments: the tabs; None: the product's catalogue.
    """
    # Until the log file is open, after the first paint, the only place for a crash is stderr, if there is one.
    if sys.stderr is not None:
        faulthandler.enable()
    set_torch_environment()
    application = make_application()
    program = Program(options, experiments)
    program.start()
    status = application.exec()
    program.finish()
    return status


def make_application() -> QApplication:
    """The one QApplication of the process, with the product's name and fonts."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication(["visualizer"])
    application.setApplicationName("visualizer")
    application.setApplicationDisplayName("visualizer")
    application.setApplicationVersion(__version__)
    application.setDesktopFileName("visualizer")
    load_fonts()
    return application


class Program(QObject):
    """Window, worker, log and signals of one run of the program."""

    def __init__(
        self, options: argparse.Namespace, experiments: Sequence[Experiment[Any, Any, Any]] | None = None,
        failures: Failures | None = None, settings: Settings | None = None,
    ) -> None:
        super().__init__()
        if experiments is None:
            from visualizer.experiments.catalogue import EXPERIMENTS

            experiments = EXPERIMENTS
        self._options = options
        self._notifier: QSocketNotifier | None = None
        self._pipe: tuple[int, int] | None = None
        self._handlers: dict[int, Any] = {}
        self.failures = failures or Failures(parent=self)
        self.failures.install(self.stop)
        self.client = TorchClient(self)
        self.window = MainWindow(
            experiments, self.client, settings or Settings(settings_path()), options.theme, options.presentation or None
        )
        self.garbage = GarbageTimer(self)
        self.failures.happened.connect(self.window.say_problem)
        self.client.message.connect(self.window.receive)
        self.client.libraries_ready.connect(self.window.libraries_ready)
        self.window.closing.connect(self._on_closing)
        self._first_paint = FirstPaint(self.window)
        self._first_paint.painted.connect(self._on_painted)

    def start(self) -> None:
        """Show the window; everything else follows when it has been painted."""
        self.window.show()

    @Slot()
    def _on_painted(self) -> None:
        self.client.message.connect(self._on_message)
        self.client.start()
        self.window.begin(self._make_desk, self._options.tab)
        self.failures.watch_crashes()
        self._listen_to_signals()

    def _make_desk(self, window: MainWindow) -> Desk:
        from visualizer.sessions.autosave import AutosavedSession
        from visualizer.ui.asking import DialogAsker
        from visualizer.ui.desk import Desk

        session = Path(self._options.session) if self._options.session else None
        kept = AutosavedSession(experiments=window.experiments)
        return Desk(window, DialogAsker(window), kept, self.failures.log_file, session, self._options.fresh)

    @Slot(object)
    def _on_message(self, message: object) -> None:
        from visualizer.base.messages import Broken, Ready

        if isinstance(message, (Ready, Broken)):
            self.garbage.begin()
            self.failures.open_log()

    # Ctrl-C and a friendly kill close the window as its button does.

    def _listen_to_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._on_signal)
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
        self.garbage.stop()
        self.client.close()

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
        self.client.close()
        self.failures.uninstall()
