"""The only code that runs in the torch thread: it prepares torch, then lets the scheduler compute, slice by slice."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal, Slot

from visualizer.base.messages import Broken
from visualizer.worker.loading import ImportGate, Interrupted, Milestone, Preparation, Prepare, broken
from visualizer.worker.mailbox import Mailbox
from visualizer.worker.scheduler import Job, Scheduler

STACK = 1 << 26
"""Bytes: torch lets go of a chain of autograd nodes by recursion, some 180 bytes for each, and macOS gives a thread 512 KiB."""
HEAD_START = 1.0
"""Seconds that waiting runs compute before the rest of the preparation goes on in turns with them."""


class TorchThread(QThread):
    """A thread whose event loop runs inside one Python call.

    Without it, every slot would get a new Python thread state, created and thrown away with all its
    ``threading.local`` values.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setStackSize(STACK)

    def run(self) -> None:
        self.exec()


class TorchWorker(QObject):
    """Lives in the torch thread. Between two slices its event loop takes what the window has sent meanwhile.

    What it says goes into the mailbox; ``posted`` tells the other side to look.
    """

    posted = Signal()
    _again = Signal()

    def __init__(self, prepare: Prepare, gate: ImportGate, mailbox: Mailbox) -> None:
        super().__init__()
        self._prepare = prepare
        self._gate = gate
        self._mailbox = mailbox
        self._preparation: Preparation | None = None
        self._computes = False
        self._head_start_ends = 0.0
        self._closed = False
        self._called = False
        self._scheduler = Scheduler(self._post)
        self._again.connect(self._advance, Qt.ConnectionType.QueuedConnection)
        # A child, so it moves to the thread with its parent.
        self._alarm = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._alarm.timeout.connect(self._call_again)

    @Slot()
    def begin(self) -> None:
        """Prepare torch, then compute."""
        self._preparation = self._prepare(self._gate)
        self._call_again()

    @Slot(object)
    def submit(self, job: Job) -> None:
        """Take the newest request of a tab; kept until torch is there."""
        self._scheduler.submit(job)
        self._call_again()

    @Slot(str)
    def cancel(self, experiment: str) -> None:
        """End the run of this tab and forget its waiting request."""
        self._scheduler.cancel(experiment)

    @Slot(str, bool)
    def pause(self, experiment: str, paused: bool) -> None:
        """Hold the run of this tab, or let it go on."""
        self._scheduler.pause(experiment, paused)
        self._call_again()

    @Slot()
    def close(self) -> None:
        """End all runs and the thread's event loop; what was sent before has been taken by then."""
        self._closed = True
        self._alarm.stop()
        self._scheduler.close()
        if self._preparation is not None:
            self._end_preparation()
        self.thread().quit()

    def _post(self, message: object) -> None:
        if self._mailbox.put(message):
            self.posted.emit()

    @Slot()
    def _call_again(self) -> None:
        if not (self._called or self._closed):
            self._called = True
            self._again.emit()

    @Slot()
    def _advance(self) -> None:
        self._called = False
        if self._closed:
            return
        runnable = self._computes and self._scheduler.runnable
        if runnable:
            runnable = self._scheduler.advance()
        if self._preparation is not None and (not runnable or time.perf_counter() > self._head_start_ends):
            self._go_on_preparing()
        rest = self._scheduler.rest if self._computes else None
        if self._preparation is not None or rest == 0.0:
            self._call_again()
        elif rest is not None:
            self._alarm.start(math.ceil(rest * 1e3))

    def _go_on_preparing(self) -> None:
        assert self._preparation is not None
        try:
            step = next(self._preparation, None)
        except Interrupted:
            step = None
        except Exception as error:
            step = broken(error)
        match step:
            case None:
                self._end_preparation()
                return
            case Milestone.TORCH:
                self._computes = True
                self._head_start_ends = time.perf_counter() + HEAD_START
        self._post(step)
        if isinstance(step, Broken):
            self._end_preparation()

    def _end_preparation(self) -> None:
        preparation, self._preparation = self._preparation, None
        close = getattr(preparation, "close", None)
        if close is not None:
            close()
