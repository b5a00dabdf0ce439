"""Which run computes next, when a newer request replaces it, and which of its results are sent. Free of Qt.

The rules, tab by tab:

* One run and one waiting request; a newer request overwrites the waiting one.
* The run gives way to the waiting request as soon as it has sent a result. So every picture that was begun
  under a moving slider is also shown: replacing runs that have shown nothing would draw no picture at all
  until the slider rests.
* It gives way without a result when it has computed for longer than the tab's *patience*: a long study must
  not delay the answer to a newer request. Patience begins at 100 ms, doubles with each run thrown away that
  way (up to 3.2 s) and is 100 ms again once a result was sent: so runs that need longer than that for their
  first result are not thrown away for ever either.
* It gives way at once when it is paused, or when the newer request is of another class: the user turned to
  another page, where no result of this run can be shown.
* Results are sent at most every 8 ms, the latest one; a run's final result is always sent.
* A result that is *enough* is sent at once, and the run rests for 120 ms: while a slider moves, a newer request
  replaces it before it goes on.

Tabs take turns, one time slice each.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from visualizer.base.errors import UserError
from visualizer.base.experiment import Experiment, Request, Result
from visualizer.base.messages import Cancelled, Failed, Update
from visualizer.worker.failures import failed

logger = logging.getLogger(__name__)

SLICE = 0.008
"""Seconds that a run may compute before others get their turn: well below the 30 ms that one step may take."""
INTERVAL = 0.008
"""Seconds between two results of a tab. The window draws at most every 16 ms; half of that, so that a result seldom waits."""
REST = 0.12
"""Seconds that a run waits after a result that is enough: several moves of a slider."""
PATIENCE = 0.1
MOST_PATIENCE = 3.2


@dataclass(frozen=True, eq=False)
class Job:
    """A numbered request of an experiment; later requests have larger generations."""

    experiment: Experiment[Any, Any, Any]
    request: Request
    generation: int


@dataclass(eq=False)
class _Run:
    job: Job
    steps: Iterator[Result | None]
    spent: float = 0.0
    sent: bool = False
    paused: bool = False
    rests_until: float = float("-inf")
    unsent: Result | None = None
    last: Result | None = None


@dataclass(eq=False)
class _Tab:
    run: _Run | None = None
    waiting: Job | None = None
    patience: float = PATIENCE
    sent_at: float = field(default=float("-inf"))

    def due(self) -> float:
        """When there is something to compute: a time of the clock, past, present or to come; inf: never."""
        if self.waiting is not None:
            return float("-inf")
        return self.run.rests_until if self.run is not None and not self.run.paused else float("inf")


class Scheduler:
    """Advances the runs of all tabs in time slices.

    Args:
        send: takes each message, at once and in order.
        clock: seconds from an arbitrary origin, never going back.
    """

    def __init__(
        self, send: Callable[[Update | Failed | Cancelled], None], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._send = send
        self._clock = clock
        self._tabs: dict[str, _Tab] = {}
        self._turns: list[str] = []

    @property
    def runnable(self) -> bool:
        """Whether :meth:`advance` has something to compute."""
        return self.rest == 0.0

    @property
    def rest(self) -> float | None:
        """Seconds until :meth:`advance` has something to compute; None: not before something is submitted."""
        due = min((tab.due() for tab in self._tabs.values()), default=float("inf"))
        return max(0.0, due - self._clock()) if due < float("inf") else None

    def submit(self, job: Job) -> None:
        """Keep the newest request of its tab, to be run when the rules above say so."""
        name = job.experiment.name
        if name not in self._tabs:
            self._tabs[name] = _Tab()
            self._turns.append(name)
        self._tabs[name].waiting = job

    def cancel(self, name: str) -> None:
        """Stop the tab's run and forget its waiting request; says so if there was one."""
        tab = self._tabs.get(name)
        if tab is None:
            return
        job = tab.waiting or (tab.run.job if tab.run else None)
        tab.waiting = None
        self._drop_run(tab)
        if job is not None:
            self._send(Cancelled(name, job.generation))

    def pause(self, name: str, paused: bool) -> None:
        """Hold the tab's run, or let it go on. A newer request is not held: it replaces the run that is."""
        tab = self._tabs.get(name)
        if tab is not None and tab.run is not None:
            tab.run.paused = paused
            if paused:
                self._send_unsent(tab, tab.run)

    def close(self) -> None:
        """End every run, silently."""
        for tab in self._tabs.values():
            tab.waiting = None
            self._drop_run(tab)

    def advance(self) -> bool:
        """Compute one time slice of the tab whose turn it is; whether there is more to compute."""
        for name in list(self._turns):
            tab = self._tabs[name]
            if tab.due() <= self._clock():
                self._turns.remove(name)
                self._turns.append(name)
                self._advance_tab(tab)
                break
        return self.runnable

    def _advance_tab(self, tab: _Tab) -> None:
        newer = tab.waiting
        if newer is not None and (tab.run is None or self._gives_way(tab, tab.run, newer)):
            self._drop_run(tab)
            tab.waiting = None
            tab.run = self._begin(newer)
        if tab.run is not None and not tab.run.paused and tab.run.rests_until <= self._clock():
            self._slice(tab, tab.run)

    def _gives_way(self, tab: _Tab, run: _Run, newer: Job) -> bool:
        if run.sent or run.paused or type(run.job.request) is not type(newer.request):
            return True
        if run.spent >= tab.patience:
            tab.patience = min(2 * tab.patience, MOST_PATIENCE)
            return True
        return False

    def _begin(self, job: Job) -> _Run | None:
        try:
            return _Run(job, iter(job.experiment.run(job.request)))
        except BaseException as error:
            self._fail(job, error)
            return None

    def _slice(self, tab: _Tab, run: _Run) -> None:
        began = now = self._clock()
        while now - began < SLICE:
            before = now
            try:
                result = next(run.steps)
            except StopIteration:
                tab.run = None
                self._finish(tab, run)
                return
            except BaseException as error:  # a run must not be able to end the worker, whatever it raises
                tab.run = None
                self._send_unsent(tab, run)  # as far as it came
                self._fail(run.job, error)
                return
            now = self._clock()
            run.spent += now - before
            if result is not None:
                run.unsent = run.last = result
                if result.enough and result.progress < 1.0:
                    run.rests_until = now + REST
                    self._send_unsent(tab, run)
                    return
            if run.unsent is not None and run.unsent.progress < 1.0 and now - tab.sent_at >= INTERVAL:
                self._send_unsent(tab, run)
                if tab.waiting is not None:
                    return

    def _send_unsent(self, tab: _Tab, run: _Run, final: bool = False) -> None:
        result = run.last if final else run.unsent
        if result is None:
            return
        run.unsent = None
        run.sent = True
        tab.patience = PATIENCE
        tab.sent_at = self._clock()
        self._send(Update(run.job.experiment.name, run.job.generation, result, final))

    def _finish(self, tab: _Tab, run: _Run) -> None:
        if run.last is None:
            self._fail(run.job, RuntimeError("the run ended without a result"))
        else:
            self._send_unsent(tab, run, final=True)

    def _fail(self, job: Job, error: BaseException) -> None:
        if not isinstance(error, UserError):
            logger.error("%s stopped with an error", job.experiment.name, exc_info=error)
        self._send(failed(job.experiment.name, job.generation, error))

    def _drop_run(self, tab: _Tab) -> None:
        run, tab.run = tab.run, None
        close = getattr(run.steps, "close", None) if run is not None else None
        if close is not None:
            try:
                close()
            except BaseException:  # what a run does while it is closed is of interest to nobody else
                logger.exception("a run failed while it was closed")
