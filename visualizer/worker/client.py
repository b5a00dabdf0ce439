"""The window's side of the torch worker: the only way to it, and the owner of its thread."""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import sys
from dataclasses import dataclass
from typing import Any, Literal

from PySide6.QtCore import QObject, Qt, Signal, Slot

from visualizer.base.experiment import Experiment, Request, State
from visualizer.base.messages import Broken, Cancelled, Failed, Loading, Ready, Update
from visualizer.worker.failures import failed
from visualizer.worker.loading import ImportGate, Milestone, Prepare, prepare_torch
from visualizer.worker.mailbox import Mailbox
from visualizer.worker.scheduler import Job
from visualizer.worker.torch_worker import TorchThread, TorchWorker

logger = logging.getLogger(__name__)

CLOSE_MS = 800
"""How long closing waits for the thread: a slice takes 30 ms at most, the next import some 50 ms."""

_stuck: list[QObject] = []


@dataclass(eq=False)
class _Tab:
    """What is known here about a tab: its newest request, how far that is, and what was delivered last."""

    request: Request | None = None
    generation: int = 0
    status: Literal["active", "finished", "failed", "cancelled"] = "cancelled"
    paused: bool = False
    delivered: int = 0


class TorchClient(QObject):
    """Sends requests to the torch worker and hands its messages to the window, in the thread of the window.

    ``message`` carries one of :data:`visualizer.base.messages.Message`. A result or failure that is older than
    what was delivered last for its tab is dropped, a newer one is always delivered, whether or not an even
    newer request is under way. Updates may come before :class:`Ready`: pictures do not wait for the last
    pieces of torch.

    Args:
        parent: the owner; :meth:`close` has to be called before it goes.
        prepare: makes torch ready in the worker's thread; tests pass one that imports nothing.
    """

    message = Signal(object)
    libraries_ready = Signal()

    _submitted = Signal(object)
    _cancelled = Signal(str)
    _paused = Signal(str, bool)
    _closing = Signal()
    _answered = Signal()

    def __init__(self, parent: QObject | None = None, prepare: Prepare = prepare_torch) -> None:
        super().__init__(parent)
        self._tabs: dict[str, _Tab] = {}
        self._generations = itertools.count(1)
        self._status: Loading | Ready | Broken = Loading("torch")
        self._has_libraries = False
        self._open = True
        self._gate = ImportGate()
        self._mailbox = Mailbox()
        # No parent: a QThread that is deleted while it runs aborts the process, and a parent would delete it.
        self._thread = TorchThread()
        self._thread.setObjectName("torch")
        self._worker = TorchWorker(prepare, self._gate, self._mailbox)
        self._worker.moveToThread(self._thread)
        queued = Qt.ConnectionType.QueuedConnection
        self._thread.started.connect(self._worker.begin)
        self._thread.finished.connect(self._worker.deleteLater)
        self._submitted.connect(self._worker.submit, queued)
        self._cancelled.connect(self._worker.cancel, queued)
        self._paused.connect(self._worker.pause, queued)
        self._closing.connect(self._worker.close, queued)
        self._worker.posted.connect(self._deliver, queued)
        self._answered.connect(self._deliver, queued)

    @property
    def status(self) -> Loading | Ready | Broken:
        """What the worker last said about itself."""
        return self._status

    @property
    def has_libraries(self) -> bool:
        """Whether ``libraries_ready`` was emitted: numpy, pyqtgraph and ziamath are imported."""
        return self._has_libraries

    def start(self) -> None:
        """Start the thread and let it import torch. Call when the window has been painted."""
        if self._open and not self._thread.isRunning():
            self._thread.start()

    def submit(self, experiment: Experiment[Any, Any, Any], state: State) -> int:
        """Ask for the result of this state; its generation, which the messages about it carry.

        When the state asks for just what the tab's newest request asked for, and that is under way or done, nothing
        is computed or sent and its generation is returned; after a failure or a cancel it is computed again.
        Before the worker is ready the newest request of each tab is kept. A new request replaces a paused run,
        and the tab is not paused any more then. A state that makes no request is answered by a :class:`Failed`.
        """
        tab = self._tabs.setdefault(experiment.name, _Tab())
        try:
            request = experiment.request(state)
        except Exception as error:
            self.cancel(experiment.name)
            tab.request, tab.generation, tab.status = None, next(self._generations), "active"
            self._answer(failed(experiment.name, tab.generation, error))
            return tab.generation
        if tab.status in ("active", "finished") and request == tab.request:
            return tab.generation
        tab.request, tab.generation, tab.status, tab.paused = request, next(self._generations), "active", False
        if isinstance(self._status, Broken):
            self._answer(Failed(experiment.name, tab.generation, self._status.sentence, self._status.details, True))
        elif self._open:
            self._submitted.emit(Job(experiment, request, tab.generation))
        return tab.generation

    def cancel(self, name: str) -> None:
        """Stop what the tab ``name`` computes or waits for; :class:`Cancelled` comes when it has stopped."""
        if self.busy(name):
            self._tabs[name].status = "cancelled"
            self._cancelled.emit(name)

    def pause(self, name: str, paused: bool) -> None:
        """Hold the run of the tab ``name``, or let it go on."""
        if name in self._tabs and self._tabs[name].paused != paused:
            self._tabs[name].paused = paused
            self._paused.emit(name, paused)

    def paused(self, name: str) -> bool:
        """Whether the tab's run is held."""
        return name in self._tabs and self._tabs[name].paused

    def busy(self, name: str) -> bool:
        """Whether the newest request of the tab ``name`` has neither finished, failed nor been cancelled."""
        return name in self._tabs and self._tabs[name].status == "active"

    def close(self) -> None:
        """Take no more requests, end all runs and the thread, and wait for that: within a second.

        Nothing is delivered any more. A thread that does not end in time is inside a library being read from a
        slow disk, or in a step far longer than the contract allows, and neither can be interrupted. Destroying it
        would abort the process, so it is left alone, and when the interpreter exits the process ends at once
        with status 0 and without running destructors under the thread. Everything worth saving (session,
        settings) has to be saved before; the log is flushed.
        """
        if not self._open:
            return
        self._open = False
        self._worker.posted.disconnect(self._deliver)
        for tab in self._tabs.values():
            tab.status = "cancelled"
        if not self._thread.isRunning():
            return
        self._gate.close()
        self._closing.emit()
        if not self._thread.wait(CLOSE_MS):
            logger.warning("the torch thread did not end within %d ms; the process ends without it", CLOSE_MS)
            if not _stuck:
                atexit.register(_leave)
            _stuck.extend((self._thread, self._worker))

    def _answer(self, message: Failed) -> None:
        """Deliver through the event loop, as the worker's messages are: never inside the caller's call."""
        if self._mailbox.put(message):
            self._answered.emit()

    @Slot()
    def _deliver(self) -> None:
        for message in self._mailbox.take():
            if not self._open:  # a slot closed us
                return
            match message:
                case Milestone.LIBRARIES:
                    self._has_libraries = True
                    self.libraries_ready.emit()
                case Milestone():
                    pass
                case Update() | Failed() | Cancelled():
                    self._deliver_about_run(message)
                case Loading() | Ready() | Broken():
                    self._status = message
                    self.message.emit(message)
                    if isinstance(message, Broken):
                        self._fail_all(message)

    def _deliver_about_run(self, message: Update | Failed | Cancelled) -> None:
        tab = self._tabs[message.experiment]
        if message.generation < tab.delivered:
            return
        tab.delivered = message.generation
        if message.generation == tab.generation:
            match message:
                case Update(final=True):
                    tab.status = "finished"
                case Failed():
                    tab.status = "failed"
        self.message.emit(message)

    def _fail_all(self, broken: Broken) -> None:
        for name, tab in self._tabs.items():
            if tab.status == "active":
                self._answer(Failed(name, tab.generation, broken.sentence, broken.details, expected=True))


def _leave() -> None:
    """End the process now: the last resort of :meth:`TorchClient.close`."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(0)
