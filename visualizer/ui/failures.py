"""Failures are visible: whatever is not caught reaches a rotating log file and a banner in the window.

An exception in a Qt slot reaches only ``sys.excepthook``, and the event loop goes on: without this module
nobody would see it. Crashes of the interpreter itself are written by ``faulthandler`` into the same folder.
"""

from __future__ import annotations

import faulthandler
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

if TYPE_CHECKING:
    import logging

_KEPT_DETAILS = 20_000


def log_folder() -> Path:
    """Where the log files lie."""
    import platformdirs

    return platformdirs.user_log_path("visualizer", appauthor=False)


class Failures(QObject):
    """Takes uncaught exceptions of all threads and Qt's warnings, logs them, and says so.

    Signals:
        happened(sentence, details): an uncaught exception, in words for the person at the screen. Emitted from
            whatever thread it happened in; connect a slot of a QObject of the UI thread.

    Args:
        folder: where the log goes; None: the user's log folder, looked up when it is first needed.
    """

    happened = Signal(str, str)

    def __init__(self, folder: Path | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._logger: logging.Logger | None = None
        self._handler: Any = None
        self._quiet: logging.Handler | None = None
        self._busy = threading.local()
        self._previous: tuple[Any, Any, Any] | None = None
        self._crash_file: Any = None
        self._stop: Any = None

    @property
    def folder(self) -> Path:
        if self._folder is None:
            self._folder = log_folder()
        return self._folder

    @property
    def log_file(self) -> Path:
        return self.folder / "visualizer.log"

    def install(self, stop: Any = None) -> None:
        """Become the process's hook for uncaught exceptions and Qt messages.

        Args:
            stop: called when Ctrl-C arrives while Python code of a slot runs.
        """
        self._stop = stop
        self._previous = (sys.excepthook, threading.excepthook, sys.unraisablehook)
        sys.excepthook = self._uncaught
        threading.excepthook = self._uncaught_in_thread
        sys.unraisablehook = self._unraisable
        qInstallMessageHandler(self._qt_message)

    def watch_crashes(self) -> None:
        """Write a traceback of every thread when the interpreter itself dies."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._crash_file = (self.folder / "crash.log").open("a", encoding="utf-8")
            faulthandler.enable(self._crash_file)
        except OSError:
            # A log folder that cannot be written is no reason not to start; stderr is the fallback, if there is one.
            if sys.stderr is not None:
                faulthandler.enable()

    def uninstall(self) -> None:
        """Give the hooks back and close the files."""
        if self._previous is not None:
            sys.excepthook, threading.excepthook, sys.unraisablehook = self._previous
            self._previous = None
            qInstallMessageHandler(None)
        if self._crash_file is not None:
            faulthandler.disable()
            self._crash_file.close()
            self._crash_file = None
        if self._logger is not None:
            self._logger.removeHandler(self._handler)
            self._handler.close()
            self._logger = None
        if self._quiet is not None:
            import logging

            logger = logging.getLogger("visualizer")
            logger.removeHandler(self._quiet)
            logger.propagate = True
            self._quiet = None

    def open_log(self) -> None:
        """Take what the product's modules log from now on. Costs some 10 ms, so it waits for the first paint."""
        try:
            self._open()
        except OSError:
            pass

    def report(self, sentence: str, details: str = "") -> None:
        """Log a failure that was caught where it happened and show it."""
        self.log(f"{sentence}\n{details}" if details else sentence)
        self.happened.emit(sentence, details[-_KEPT_DETAILS:])

    def log(self, text: str) -> None:
        """One entry in the log file; never raises."""
        if getattr(self._busy, "now", False):
            return
        self._busy.now = True
        try:
            self._open().error(text)
        except OSError:
            pass
        finally:
            self._busy.now = False

    def _open(self) -> logging.Logger:
        if self._logger is None:
            import logging
            import logging.handlers

            # What the product's modules log with logging.getLogger(__name__) comes here too, and never to stderr,
            # even where no file can be written.
            logger = logging.getLogger("visualizer")
            if self._quiet is None:
                self._quiet = logging.NullHandler()
                logger.addHandler(self._quiet)
                logger.propagate = False
            self.folder.mkdir(parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(
                self.log_file, maxBytes=1_000_000, backupCount=3, encoding="utf-8", delay=True
            )
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            logger.setLevel(logging.INFO)
            logger.addHandler(handler)
            self._handler = handler
            self._logger = logger
        return self._logger

    def _uncaught(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            if self._stop is not None:
                self._stop()
            return
        details = "".join(traceback.format_exception(kind, error, trace))
        words = str(error).strip().splitlines()
        what = f"{kind.__name__}: {words[0]}" if words else kind.__name__
        self.report(f"Something went wrong inside the program ({what[:200]}). Your work is kept; you can go on.", details)

    def _uncaught_in_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
            self._uncaught(args.exc_type, args.exc_value, args.exc_traceback)

    def _unraisable(self, args: Any) -> None:
        trace = "".join(traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback))
        self.log(f"{args.err_msg or 'Exception ignored in'} {args.object!r}\n{trace}")

    def _qt_message(self, kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
        if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg):
            return
        self.log(f"Qt {kind.name}: {text}")
        if kind == QtMsgType.QtFatalMsg and sys.stderr is not None:
            # Qt ends the process after this; the platform plugin's own sentence must not get lost.
            sys.stderr.write(text + "\n")
