"""The window's side of the torch worker: the only way to it, and the owner of its thread.

This module is imported before the first paint of the window, so it imports what it needs when the worker starts.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

if TYPE_CHECKING:
    from typing import Literal

    from visualizer.base.experiment import Experiment, Request, State
    from visualizer.base.messages import Broken, Cancelled, Failed, Loading, Ready, Update
    from visualizer.worker.loading import ImportGate, Prepare
    from visualizer.worker.mailbox import Mailbox
    from visualizer.worker.torch_worker import TorchThread, TorchWorker

CLOSE_MS = 800
"""How long closing waits for the thread: a slice takes 30 ms at most, the next import some 50 ms."""

_stuck: list[QObject] = []


class _Tab:
    """What is known here about a tab: its newest request, how far that is, and what was delivered last."""

    def __init__(self) -> None:
        self.request: Request | None = None
        self.generation = 0
        self.status: Literal["active", "finished", "failed", "cancelled"] = "cancelled"
        self.paused = False
        self.delivered = 0


class _Side:
    """The worker, its thread, and what both sides share; made when the worker starts."""

    def __init__(self, prepare: Prepare | None) -> None:
        from visualizer.worker.loading import ImportGate, prepare_torch
        from visualizer.worker.mailbox import Mailbox
        from visualizer.worker.torch_worker import TorchThread, TorchWorker

        self.gate: ImportGate = ImportGate()
        self.mailbox: Mailbox = Mailbox()
        # No parent: a QThread that is deleted while it runs aborts the process, and a parent would delete it.
        self.thread: TorchThread = TorchThread()
        self.thread.setObjectName("torch")
        self.worker: TorchWorker = TorchWorker(prepare or prepare_torch, self.gate, self.mailbox)
        self.worker.moveToThread(self.thread)
        self.thread.started.connect(self.worker.begin)
        self.thread.finished.connect(self.worker.deleteLater)


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

    def __init__(self, parent: QObject | None = None, prepare: Prepare | None = None) -> None:
        super().__init__(parent)
        self._prepare = prepare
        self._side: _Side | None = None
        self._open = True
        self._tabs: dict[str, _Tab] = {}
        self._generations = itertools.count(1)
        self._early: dict[str, tuple[Experiment[Any, Any, Any], Request, int]] = {}
        self._answers: list[Failed | Cancelled] = []
        self._status: Loading | Ready | Broken | None = None
        self._has_libraries = False
        self._answered.connect(self._deliver_answers, Qt.ConnectionType.QueuedConnection)

    @property
    def status(self) -> Loading | Ready | Broken:
        """What the worker last said about itself."""
        from visualizer.base.messages import Loading

        return self._status or Loading("torch")

    @property
    def has_libraries(self) -> bool:
        """Whether ``libraries_ready`` was emitted: numpy, pyqtgraph and ziamath are imported."""
        return self._has_libraries

    def start(self) -> None:
        """Start the thread and let it import torch. Call when the window has been painted."""
        if self._side is not None or not self._open:
            return
        self._side = _Side(self._prepare)
        worker, queued = self._side.worker, Qt.ConnectionType.QueuedConnection
        self._submitted.connect(worker.submit, queued)
        self._cancelled.connect(worker.cancel, queued)
        self._paused.connect(worker.pause, queued)
        self._closing.connect(worker.close, queued)
        worker.posted.connect(self._deliver, queued)
        for early in self._early.values():
            self._send(*early)
        self._early.clear()
        self._side.thread.start()

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
            from visualizer.worker.failures import failed

            self.cancel(experiment.name)
            tab.request, tab.generation, tab.status = None, next(self._generations), "active"
            self._answer(failed(experiment.name, tab.generation, error))
            return tab.generation
        if tab.status in ("active", "finished") and request == tab.request:
            return tab.generation
        tab.request, tab.generation, tab.status, tab.paused = request, next(self._generations), "active", False
        if not self._open:
            tab.status = "cancelled"
        elif self._side is None:
            self._early[experiment.name] = (experiment, request, tab.generation)
        elif not self._refuse(experiment.name, tab):
            self._send(experiment, request, tab.generation)
        return tab.generation

    def _send(self, experiment: Experiment[Any, Any, Any], request: Request, generation: int) -> None:
        from visualizer.worker.scheduler import Job

        self._submitted.emit(Job(experiment, request, generation))

    def _refuse(self, name: str, tab: _Tab) -> bool:
        """Answer with the reason why the worker does not work, if it does not."""
        from visualizer.base.messages import Broken, Failed

        if isinstance(self._status, Broken):
            self._answer(Failed(name, tab.generation, self._status.sentence, self._status.details, expected=True))
            return True
        return False

    def cancel(self, name: str) -> None:
        """Stop what the tab ``name`` computes or waits for; :class:`Cancelled` comes when it has stopped."""
        if not self.busy(name):
            return
        self._tabs[name].status = "cancelled"
        if self._early.pop(name, None) is not None:
            from visualizer.base.messages import Cancelled

            self._answer(Cancelled(name, self._tabs[name].generation))
        else:
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
        for tab in self._tabs.values():
            tab.status = "cancelled"
        if self._side is None:
            return
        self._side.worker.posted.disconnect(self._deliver)
        self._side.gate.close()
        self._closing.emit()
        if not self._side.thread.wait(CLOSE_MS):
            import atexit
            import logging

            # Not a warning: without a log file yet, Python would write it to stderr, and nobody has to do anything.
            logging.getLogger(__name__).info("the torch thread did not end in %d ms; the process leaves it", CLOSE_MS)
            if not _stuck:
                atexit.register(_leave)
            _stuck.extend((self._side.thread, self._side.worker))

    def _answer(self, message: Failed | Cancelled) -> None:
        """Deliver through the event loop, as the worker's messages are: never inside the caller's call."""
        self._answers.append(message)
        self._answered.emit()

    @Slot()
    def _deliver_answers(self) -> None:
        while self._answers and self._open:
            self._deliver_about_run(self._answers.pop(0))

    @Slot()
    def _deliver(self) -> None:
        from visualizer.base.messages import Broken, Cancelled, Failed, Loading, Ready, Update
        from visualizer.worker.loading import Milestone

        assert self._side is not None
        for message in self._side.mailbox.take():
            if not self._open:  # a slot closed us
                return
            match message:
                case Milestone.LIBRARIES:
                    self._has_libraries = True
                    self.libraries_ready.emit()
                case Update() | Failed() | Cancelled():
                    self._deliver_about_run(message)
                case Loading() | Ready() | Broken():
                    self._status = message
                    self.message.emit(message)
                    for name, tab in self._tabs.items():
                        if tab.status == "active":
                            self._refuse(name, tab)

    def _deliver_about_run(self, message: Update | Failed | Cancelled) -> None:
        from visualizer.base.messages import Failed, Update

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


def _leave() -> None:
    """End the process now: the last resort of :meth:`TorchClient.close`."""
    import logging
    import os
    import sys

    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(0)
