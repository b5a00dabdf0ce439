"""The logic of a tab, without its widgets: state in, request to the worker, result back, figures and words out.

The rules that it keeps:

* A change that alters the request is submitted at once; a change of display only redraws the last result.
* A result is drawn with the state that made it. Only when the present state asks for that very result is it
  drawn with the present state; otherwise just the display parameters of the present state are put into it.
* Each page keeps its own last result, so that turning back to a page shows it at once.
* At most one redraw in a frame of 16 ms, and the explanation at most eight times a second, but always at last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QUndoGroup

from visualizer.base.errors import UserError
from visualizer.base.experiment import Experiment, Gesture, Preset, Report, Request, State
from visualizer.base.explanation import Explanation, Heading, Paragraph, Verdict
from visualizer.base.messages import Message, Update
from visualizer.base.parameters import END
from visualizer.ui.history import History
from visualizer.ui.tabs.answers import Answers, Problem, Shown

FRAME_MS = 16
EXPLAIN_MS = 125
BUSY_MS = 150


class Client(Protocol):
    """What the controller needs of the worker's UI side."""

    def submit(self, experiment: Any, state: Any) -> int: ...

    def cancel(self, experiment: str) -> None: ...

    def pause(self, experiment: str, paused: bool) -> None: ...


@dataclass(frozen=True)
class Activity:
    """What the tab is doing. ``late`` once it has taken so long that it should be said.

    Attributes:
        progress: fraction done in [0, 1] of the run that is under way.
    """

    kind: Literal["loading", "idle", "running", "failed", "cancelled"]
    progress: float = 0.0
    late: bool = False


class Controller(QObject):
    """Keeps one tab's state, history and results.

    Signals:
        state_changed(State): a value of the form, or the page, has changed; and after every preset and reset, since
            what was typed and refused gives way to them even where they change nothing.
        stepped(int, int): the shown step and the last step; after every redraw and seek.
        drawn(tuple of Figure): figures of the present page, in its order.
        blank(): the present page has no result yet.
        explained(Explanation), coded(str): for the explain panel.
        problem_changed(Problem or None): the present page's failure.
        activity_changed(Activity).
        play(): a preset asks that the result, now here, is played from its beginning.
        stop(): whatever plays must stop.
        committed(): a change worth keeping was made (autosave).
        refused(str, str): a sentence and details: something the user did was not possible, nothing changed.

    Args:
        experiment: the tab.
        client: the worker's UI side.
        group: the undo group of the window.
        clock: seconds, monotonic.
    """

    state_changed = Signal(object)
    stepped = Signal(int, int)
    drawn = Signal(object)
    blank = Signal()
    explained = Signal(object)
    coded = Signal(str)
    problem_changed = Signal(object)
    activity_changed = Signal(object)
    play = Signal()
    stop = Signal()
    committed = Signal()
    refused = Signal(str, str)

    def __init__(
        self,
        experiment: Experiment[Any, Any, Any],
        client: Client,
        group: QUndoGroup,
        parent: QObject | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self.experiment = experiment
        self.history: History[Any] = History(group, self._travel, clock)
        self._client = client
        self._clock = clock
        self._state: Any = experiment.default_state()
        self._declared = experiment.parameters()
        self._display = tuple(name for name, parameter in self._declared.items() if parameter.display)
        self._before: Any = None
        self._asking = False
        self._loading = True
        self._explaining = True
        self._answers = Answers()
        self._play_request: Request | None = None
        self._ran: Request | None = None
        self._late = False
        self._last_frame = -1.0
        # The figures made last, with what they were made of; and those that are on the screen.
        self._made: tuple[Any, Any, tuple[Any, ...]] | None = None
        self._on_screen: tuple[Any, ...] | None = None
        self._last_words = -1.0
        self._last_activity: Activity | None = None
        self._last_problem: Problem | None = None
        self._frame_timer = self._single_shot(self._redraw)
        self._words_timer = self._single_shot(self._explain)
        self._busy_timer = self._single_shot(self._say_busy)
        self._busy_timer.setInterval(BUSY_MS)

    def _single_shot(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        timer.timeout.connect(slot)
        return timer

    # What can be asked.

    @property
    def state(self) -> Any:
        """The present state."""
        return self._state

    @property
    def page(self) -> str:
        return self.experiment.view(self._state).name

    @property
    def request(self) -> Request:
        """What the present state asks for."""
        request: Request = self.experiment.request(self._state)
        return request

    @property
    def shown(self) -> Shown | None:
        """The present page's last result."""
        return self._answers.shown(self.page)

    @property
    def steps(self) -> int:
        """The last step of what is shown; 0 when there is nothing to play."""
        return self.shown.result.steps if self.shown else 0

    @property
    def position(self) -> int:
        """The step that is shown."""
        return min(getattr(self._state, "shown_step", 0), self.steps)

    @property
    def at_end(self) -> bool:
        """Whether the end is shown, wherever it comes to be."""
        return getattr(self._state, "shown_step", END) == END

    @property
    def seeded(self) -> bool:
        """Whether the seed changes anything on this page."""
        if "seed" not in self._declared:
            return False
        other = self._state.changed(seed=self._state.seed ^ 1)
        return bool(self.experiment.request(other) != self.request)

    @property
    def problem(self) -> Problem | None:
        return self._answers.problem(self.page, self.request)

    @property
    def up_to_date(self) -> bool:
        """Whether what is shown is the whole answer to the present state."""
        return self._answers.up_to_date(self.page, self.request)

    def figures(self) -> tuple[Any, ...]:
        """The present page's figures; empty while there is no result."""
        shown = self.shown
        if shown is None:
            return ()
        state = self.display_state(shown)
        if self._made is None or self._made[0] is not shown.result or self._made[1] != state:
            self._made = (shown.result, state, self.experiment.figures(shown.result, state))
        return self._made[2]

    def code(self) -> str:
        """The PyTorch lines of the present state."""
        return self.experiment.code(self._state)

    def display_state(self, shown: Shown) -> Any:
        """The state to draw this result with; see the rules at the top."""
        if shown.request == self.request:
            return self._state
        try:
            return shown.state.changed(**{name: getattr(self._state, name) for name in self._display})
        except UserError:
            # A display parameter may name something that only the present state has.
            return shown.state

    # What can be done. Every change of the state goes through one of these.

    def set_asking(self, asking: bool) -> None:
        """Whether requests go to the worker: since the tab was first in front. Nothing is lost before."""
        self._asking = asking
        if asking:
            self._ask()
        self._tell()

    def set_loaded(self) -> None:
        """The worker can compute: what is waited for from now on is the run itself."""
        self._loading = False
        self._tell()

    def set_explaining(self, explaining: bool) -> None:
        """Whether the explain panel is open; nothing is computed for a folded one."""
        if explaining and not self._explaining:
            self._explaining = True
            self._explain()
        self._explaining = explaining

    @Slot(object, bool)
    def edit(self, state: State, committed: bool) -> None:
        """The form's values. Page, position and other hidden values stay as they are here."""
        hidden = {
            name: getattr(self._state, name) for name, item in self._declared.items()
            if item.hidden and getattr(self._state, name) != getattr(state, name)
        }
        self._change(lambda: state.changed(**hidden) if hidden else state, committed)

    @Slot(str)
    def choose_page(self, name: str) -> None:
        """Turn to a page; not a step of the history."""
        if name != self.page:
            self.stop.emit()
            self._set(self._state.changed(view=name))
            self.committed.emit()

    @Slot(object)
    def apply_preset(self, preset: Preset) -> None:
        """A preset's values; one that plays starts when its result is here."""
        values = dict(preset.values)
        if preset.play and "shown_step" in self._declared:
            values["shown_step"] = 0
        self.stop.emit()
        if self._change(lambda: self._state.changed(**values), True, preset.title, anew=True) and preset.play:
            self._play_request = self.request
            self._play_if_here()

    def open_values(self, values: Mapping[str, Any], title: str) -> bool:
        """The values that a file stands for; whether they are possible."""
        self.stop.emit()
        return self._change(lambda: self._state.changed(**values), True, title, anew=True)

    @Slot(object)
    def touch(self, gesture: Gesture) -> None:
        """A gesture on a figure."""
        self._change(lambda: self.experiment.gesture(self._state, gesture), gesture.kind != "drag")

    @Slot()
    def reset(self) -> None:
        """The default of every parameter of this page; what it shares with others and does not show now stays theirs."""
        default, page = self.experiment.default_state(), self.page
        values = {
            name: getattr(default, name) for name, item in self._declared.items()
            if name != "view" and (not item.views or page in item.views)
            and (len(item.views) == 1 or item.when is None or item.when(self._state))
        }
        self.stop.emit()
        title = f"Reset {self.experiment.view(self._state).title}"
        self._change(lambda: self._state.changed(**values), True, title, anew=True)

    @Slot(int)
    def set_seed(self, seed: int) -> None:
        self._change(lambda: self._state.changed(seed=seed), True)

    @Slot(int)
    def show_step(self, step: int) -> None:
        """Move to a step of the result; not a step of the history."""
        if "shown_step" not in self._declared:
            return
        if step >= self.steps and self.up_to_date:
            # Whoever stands at the end stays at the end, however many steps the next result has.
            step = END
        if step != self._state.shown_step:
            self._set(self._state.changed(shown_step=max(0, step)))

    @Slot()
    def show_end(self) -> None:
        """Move to the end and stay there: of a run that still grows, and of one that has no result yet, too."""
        if "shown_step" in self._declared:
            # Else the first result of a preset would be played from its beginning after all.
            self._play_request = None
            self._set(self._state.changed(shown_step=END))

    def restore(self, state: State) -> None:
        """Another state altogether, as from a session; the history starts anew."""
        self.stop.emit()
        self.history.stack.clear()
        self._before = None
        self._set(state)

    @Slot()
    def cancel(self) -> None:
        """Stop the run that is under way."""
        if self._answers.flying(self.page):
            self._client.cancel(self.experiment.name)

    @Slot()
    def run_program(self) -> None:
        """The user asks, now, that the program in the state be run: it is, even if it has been run before."""
        self.experiment.allow(self._state)
        self._ran = self.request
        self._answers.forget(self.page)
        self._ask()
        self._schedule()
        self._tell()

    def reports(self, parameters: Sequence[str]) -> Mapping[str, Report]:
        """What there is to say about these programs: by the result that is shown, or by what keeps it from being shown."""
        shown, problem = self.shown, self.problem
        if problem is not None:
            # The details of a program that failed are what it printed; of one that was not run, they are no output.
            output = problem.details if self.request == self._ran else ""
            return {name: Report(problem.sentence, 0, output) for name in parameters} if problem.expected else {}
        return self.experiment.reports(shown.result) if shown is not None and shown.request == self.request else {}

    @Slot()
    def recompute(self) -> None:
        """Ask again, after a cancelled or failed run."""
        self._answers.forget(self.page)
        self._ask()
        self._tell()

    @Slot()
    def refresh(self) -> None:
        """Draw and explain again, as when the widgets have just been made or the look has changed."""
        self._schedule()

    def _change(self, make: Callable[[], Any], committed: bool, text: str = "", anew: bool = False) -> bool:
        try:
            state = make()
        except UserError as error:
            self.refused.emit(error.sentence, error.details)
            # The control that was touched shows something that the state is not.
            self.state_changed.emit(self._state)
            return False
        before = self._state if self._before is None else self._before
        self._before = None if committed else before
        self._set(state, anew)
        if committed and self.history.push(before, state, text):
            self.committed.emit()
        return True

    def _travel(self, state: Any) -> None:
        # Undo and redo leave the transport where it is; the page goes where the change was made.
        self._before = None
        self._set(state.changed(shown_step=self._state.shown_step) if "shown_step" in self._declared else state)
        self.committed.emit()

    def _set(self, state: Any, anew: bool = False) -> None:
        """``anew``: let the controls show the state again, even if it is the one that they have been told."""
        old, self._state = self._state, state
        values = [name for name in self._declared if getattr(old, name) != getattr(state, name)]
        if anew or values not in ([], ["shown_step"]):
            self.state_changed.emit(state)
        if not values:
            return
        if values != ["shown_step"]:
            self._ask()
        self._schedule()
        self._tell()

    # Worker.

    def _ask(self) -> None:
        """Submit the present request unless its answer is here, on its way, or known to be a failure."""
        page, request = self.page, self.request
        if self._asking and self._answers.missing(page, request):
            self._answers.ask(self._client.submit(self.experiment, self._state), page, self._state, request)

    def receive(self, message: Message) -> None:
        """A message about this experiment."""
        self._loading = False
        page = self._answers.take(message)
        if page == self.page:
            if not isinstance(message, Update):
                self._play_request = None
            self._play_if_here()
            self._schedule()
        self._tell()

    def _play_if_here(self) -> None:
        shown = self.shown
        if self._play_request is None or shown is None or shown.request != self._play_request:
            return
        if shown.final or shown.result.steps > 0:
            self._play_request = None
            self.play.emit()

    # Drawing.

    def _schedule(self) -> None:
        if not self._frame_timer.isActive():
            passed = (self._clock() - self._last_frame) * 1000
            self._frame_timer.start(max(0, min(FRAME_MS, round(FRAME_MS - passed))))

    @Slot()
    def _redraw(self) -> None:
        shown = self.shown
        if shown is None:
            self._on_screen = None
            self.blank.emit()
        else:
            try:
                figures = self.figures()
                if figures is not self._on_screen:
                    # Pictures that were there before take no frame: the answer to a change must not wait for the next one.
                    self._on_screen = figures
                    self._last_frame = self._clock()
                self.drawn.emit(figures)
            except Exception:
                # A defect in drawing would repeat sixty times a second while a run plays.
                self.stop.emit()
                raise
        self.stepped.emit(self.position, self.steps)
        if self._explaining and not self._words_timer.isActive():
            passed = (self._clock() - self._last_words) * 1000
            self._words_timer.start(max(0, min(EXPLAIN_MS, round(EXPLAIN_MS - passed))))

    @Slot()
    def _explain(self) -> None:
        if not self._explaining:
            return
        self._last_words = self._clock()
        shown, problem = self.shown, self.problem
        if problem is not None:
            # A library's own message stands beside the sentence; what a defect leaves behind stays folded in the figures' message.
            said = (Heading("The error itself"), Paragraph(problem.details)) if problem.expected and problem.details else ()
            seen = (Paragraph("The figures show the last result that could be computed."),) if shown is not None else ()
            self.explained.emit(Explanation((Verdict(problem.sentence, "warning"), *said, *seen)))
        elif shown is None:
            view = self.experiment.view(self._state)
            self.explained.emit(Explanation((Heading(view.title), Paragraph(view.help))))
        else:
            self.explained.emit(self.experiment.explain(shown.result, self.display_state(shown)))
        # The code is written by modules that need torch: asked for sooner, this thread would wait for its import.
        if not self._loading:
            try:
                code = self.code()
            except ImportError:  # torch is missing, and the tab says so already
                return
            self.coded.emit(code)

    # What is said.

    @property
    def activity(self) -> Activity:
        """What the tab is doing."""
        page = self.page
        if self._answers.flying(page):
            return Activity("loading" if self._loading else "running", self._answers.progress(page), self._late)
        if self.problem is not None:
            return Activity("failed")
        if self._answers.cancelled(page, self.request):
            return Activity("cancelled")
        return Activity("idle" if self._asking and not self._loading else "loading")

    def _tell(self) -> None:
        """Emit problem and activity where they have changed."""
        if not self._answers.flying(self.page):
            self._late = False
            self._busy_timer.stop()
        elif not self._late and not self._busy_timer.isActive():
            self._busy_timer.start()
        problem = self.problem
        if problem != self._last_problem:
            self._last_problem = problem
            self.problem_changed.emit(problem)
        activity = self.activity
        if activity != self._last_activity:
            self._last_activity = activity
            self.activity_changed.emit(activity)

    @Slot()
    def _say_busy(self) -> None:
        self._late = True
        self._tell()

    def close(self) -> None:
        """Stop every timer; nothing is emitted any more."""
        self._asking = False
        for timer in (self._frame_timer, self._words_timer, self._busy_timer):
            timer.stop()
