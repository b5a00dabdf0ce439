"""The logic of a tab against a worker that answers when the test says so. No widget is made here."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QUndoGroup
from pytestqt.qtbot import QtBot

from tests.fakes import Wave, WaveResult
from visualizer.base.experiment import Gesture
from visualizer.base.messages import Cancelled, Failed, Update
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.ui.tabs.controller import Activity, Controller


class Worker:
    """A client that remembers what it was asked and computes only when told to."""

    def __init__(self, experiment: Any) -> None:
        self.experiment = experiment
        self.asked: list[Any] = []
        self.cancelled: list[str] = []

    def submit(self, experiment: Wave, state: Any) -> int:
        self.asked.append(state)
        return len(self.asked)

    def cancel(self, name: str) -> None:
        self.cancelled.append(name)

    def answer(self, generation: int, **changes: Any) -> Update:
        *_, result = self.experiment.run(self.experiment.request(self.asked[generation - 1]))
        assert isinstance(result, WaveResult)
        if changes:
            return Update("wave", generation, WaveResult(result.x, result.y, **changes), False)
        return Update("wave", generation, result, True)


class Heard:
    """Everything that the controller said, in order."""

    def __init__(self, controller: Controller) -> None:
        self.figures: list[Any] = []
        self.explanations: list[Any] = []
        self.problems: list[Any] = []
        self.activities: list[Activity] = []
        self.steps: list[tuple[int, int]] = []
        self.states: list[Any] = []
        self.refused: list[str] = []
        self.played = 0
        self.saved = 0
        controller.drawn.connect(self.figures.append)
        controller.explained.connect(self.explanations.append)
        controller.problem_changed.connect(self.problems.append)
        controller.activity_changed.connect(self.activities.append)
        controller.stepped.connect(lambda step, steps: self.steps.append((step, steps)))
        controller.state_changed.connect(self.states.append)
        controller.refused.connect(lambda sentence, details: self.refused.append(sentence))
        controller.play.connect(self._play)
        controller.committed.connect(self._save)

    def _play(self) -> None:
        self.played += 1

    def _save(self) -> None:
        self.saved += 1


class Bench:
    def __init__(self) -> None:
        self.group = QUndoGroup()
        self.wave = Wave()
        self.worker = Worker(self.wave)
        self.now = 100.0
        self.controller = Controller(self.wave, self.worker, self.group, clock=lambda: self.now)
        self.heard = Heard(self.controller)

    def start(self) -> None:
        self.controller.set_asking(True)
        self.controller.receive(self.worker.answer(1))

    def change(self, committed: bool = True, **values: Any) -> None:
        self.controller.edit(self.controller.state.changed(**values), committed)

    def undo(self) -> None:
        self.controller.history.stack.undo()


@pytest.fixture
def bench(qtbot: QtBot) -> Any:
    made = Bench()
    yield made
    made.controller.close()


def test_what_is_done_while_the_worker_loads_is_asked_for_once_it_is_ready(bench: Bench) -> None:
    bench.change(frequency=7.0)
    bench.change(phase=1.0)
    assert bench.worker.asked == []
    bench.controller.set_asking(True)
    assert [(state.frequency, state.phase) for state in bench.worker.asked] == [(7.0, 1.0)]


def test_a_change_of_the_request_is_submitted_at_once_and_a_change_of_display_only_redraws(
    bench: Bench, qtbot: QtBot,
) -> None:
    bench.start()
    bench.change(frequency=2.0)
    assert len(bench.worker.asked) == 2
    bench.controller.receive(bench.worker.answer(2))
    with qtbot.waitSignal(bench.controller.drawn) as drawn:
        bench.change(grid=False)
    assert len(bench.worker.asked) == 2
    assert [layer.key for layer in drawn.args[0][0].layers] == ["wave"]


def test_a_stale_result_never_replaces_a_newer_one(bench: Bench) -> None:
    bench.controller.set_asking(True)
    bench.change(frequency=2.0)
    bench.controller.receive(bench.worker.answer(2))
    bench.controller.receive(bench.worker.answer(1))
    assert bench.controller.shown is not None
    assert bench.controller.shown.state.frequency == 2.0


def test_an_older_result_than_the_newest_request_is_drawn_with_the_state_that_made_it(bench: Bench) -> None:
    bench.controller.set_asking(True)
    bench.change(frequency=2.0, grid=False)
    bench.controller.receive(bench.worker.answer(1))
    shown = bench.controller.shown
    assert shown is not None
    drawn_with = bench.controller.display_state(shown)
    assert drawn_with.frequency == 1.0, "the state of the result"
    assert drawn_with.grid is False, "but the present display"
    assert not bench.controller.up_to_date


def test_going_back_to_what_is_shown_while_another_request_runs_asks_again(bench: Bench) -> None:
    bench.start()
    bench.change(frequency=2.0)
    bench.change(frequency=1.0)
    assert [state.frequency for state in bench.worker.asked] == [1.0, 2.0, 1.0]
    bench.controller.receive(bench.worker.answer(3))
    assert bench.controller.up_to_date


def test_turning_back_to_a_page_shows_its_last_result_without_computing_it_again(bench: Bench, qtbot: QtBot) -> None:
    bench.start()
    bench.controller.choose_page("slow")
    assert bench.controller.shown is None
    bench.controller.receive(bench.worker.answer(2))
    with qtbot.waitSignal(bench.controller.drawn) as drawn:
        bench.controller.choose_page("wave")
    assert [figure.name for figure in drawn.args[0]] == ["wave", "power"]
    assert len(bench.worker.asked) == 2


def test_a_result_of_another_page_is_never_drawn_on_this_one(bench: Bench, qtbot: QtBot) -> None:
    bench.controller.set_asking(True)
    bench.controller.choose_page("slow")
    with qtbot.waitSignal(bench.controller.blank):
        bench.controller.receive(bench.worker.answer(1))
    assert bench.heard.figures == []


def test_many_changes_within_a_frame_are_one_redraw(bench: Bench, qtbot: QtBot) -> None:
    bench.start()
    with qtbot.waitSignal(bench.controller.drawn):
        pass
    before = len(bench.heard.figures)
    with qtbot.waitSignal(bench.controller.drawn):
        for step in range(40):
            bench.controller.show_step(step)
    assert len(bench.heard.figures) == before + 1
    assert bench.heard.steps[-1] == (39, 99)


def test_the_explanation_always_ends_with_the_last_step(bench: Bench, qtbot: QtBot) -> None:
    bench.start()
    bench.now += 1.0
    with qtbot.waitSignal(bench.controller.explained):
        bench.controller.refresh()
    said = len(bench.heard.explanations)
    for step in range(5):
        bench.now += 0.016
        with qtbot.waitSignal(bench.controller.drawn):
            bench.controller.show_step(step)
    assert len(bench.heard.explanations) <= said + 1, "not once a frame"
    with qtbot.waitSignal(bench.controller.explained):
        bench.change(frequency=3.0)
    assert bench.controller.code().count("3.0") == 1


def test_a_folded_explanation_is_not_computed_until_it_is_opened(bench: Bench, qtbot: QtBot) -> None:
    bench.controller.set_explaining(False)
    bench.start()
    with qtbot.waitSignal(bench.controller.drawn):
        pass
    assert bench.heard.explanations == []
    bench.controller.set_explaining(True)
    assert len(bench.heard.explanations) == 1


@pytest.mark.parametrize("expected", [True, False])
def test_the_librarys_own_message_stands_beside_the_sentence_but_no_traceback(bench: Bench, expected: bool) -> None:
    bench.start()
    bench.change(fail="user")
    bench.controller.receive(Failed("wave", 2, "The wave cannot be drawn; choose another.", "ValueError: too steep", expected))
    bench.now += 1.0
    bench.controller.set_explaining(False)
    bench.controller.set_explaining(True)
    said = [block.text for block in bench.heard.explanations[-1].blocks if hasattr(block, "text")]
    assert said[0] == "The wave cannot be drawn; choose another."
    assert ("ValueError: too steep" in said) is expected


def test_a_failure_says_its_sentence_keeps_the_last_figure_and_goes_with_the_next_success(bench: Bench) -> None:
    bench.start()
    bench.change(fail="user")
    bench.controller.receive(Failed("wave", 2, "The wave cannot be drawn; choose another.", "", True))
    assert bench.controller.problem is not None
    assert bench.heard.problems[-1].sentence == "The wave cannot be drawn; choose another."
    assert bench.controller.shown is not None, "the last good figure stays"
    assert bench.heard.activities[-1].kind == "failed"
    bench.change(fail="no", frequency=3.0)
    bench.controller.receive(bench.worker.answer(3))
    assert bench.heard.problems[-1] is None


def test_going_back_from_a_failure_to_what_is_shown_clears_it_without_computing(bench: Bench) -> None:
    bench.start()
    bench.change(fail="user")
    bench.controller.receive(Failed("wave", 2, "No.", "", True))
    bench.undo()
    assert bench.heard.problems[-1] is None
    assert len(bench.worker.asked) == 2


def test_redoing_a_change_that_failed_says_the_sentence_again(bench: Bench) -> None:
    bench.start()
    bench.change(fail="user")
    bench.controller.receive(Failed("wave", 2, "No.", "", True))
    bench.undo()
    bench.controller.history.stack.redo()
    assert bench.heard.problems[-1].sentence == "No."
    assert bench.heard.activities[-1].kind == "failed"


def test_while_the_next_request_is_computed_the_last_sentence_stands(bench: Bench) -> None:
    bench.start()
    bench.change(fail="user")
    bench.controller.receive(Failed("wave", 2, "No.", "", True))
    said = len(bench.heard.problems)
    bench.change(frequency=2.0)
    bench.controller.receive(Failed("wave", 3, "No.", "", True))
    assert len(bench.heard.problems) == said, "it does not flicker"


def test_a_failed_request_is_not_repeated_by_a_change_of_display(bench: Bench) -> None:
    bench.start()
    bench.change(fail="user")
    bench.controller.receive(Failed("wave", 2, "No.", "", True))
    bench.change(grid=False)
    assert len(bench.worker.asked) == 2
    bench.controller.recompute()
    assert len(bench.worker.asked) == 3


def test_the_failure_of_a_superseded_request_says_nothing(bench: Bench) -> None:
    bench.start()
    bench.change(fail="user")
    bench.change(fail="no", frequency=4.0)
    bench.controller.receive(Failed("wave", 2, "No.", "", True))
    assert bench.controller.problem is None


def test_a_cancelled_run_is_named_so_and_is_computed_again_on_demand(bench: Bench) -> None:
    bench.controller.set_asking(True)
    bench.controller.cancel()
    assert bench.worker.cancelled == ["wave"]
    bench.controller.receive(Cancelled("wave", 1))
    assert bench.heard.activities[-1].kind == "cancelled"
    bench.controller.recompute()
    assert bench.heard.activities[-1].kind == "running"


def test_updating_is_said_only_after_a_while(bench: Bench, qtbot: QtBot) -> None:
    bench.start()
    bench.change(frequency=2.0)
    assert bench.heard.activities[-1] == Activity("running", 0.0, late=False)
    qtbot.waitUntil(lambda: bench.heard.activities[-1].late)
    bench.controller.receive(bench.worker.answer(2, steps=0, progress=0.4))
    assert bench.heard.activities[-1] == Activity("running", 0.4, late=True)
    bench.controller.receive(bench.worker.answer(2))
    assert bench.heard.activities[-1] == Activity("idle")


def test_a_preset_that_plays_waits_for_its_own_result_and_starts_from_the_beginning(bench: Bench) -> None:
    bench.start()
    bench.controller.apply_preset(Wave.presets[0])
    assert bench.controller.state.frequency == 20.0
    assert bench.heard.played == 0
    bench.controller.receive(bench.worker.answer(2))
    assert bench.heard.played == 1
    assert bench.controller.position == 0


def test_a_preset_whose_result_is_here_plays_at_once(bench: Bench) -> None:
    bench.start()
    bench.controller.apply_preset(Wave.presets[0])
    bench.controller.receive(bench.worker.answer(2))
    bench.controller.show_step(50)
    bench.controller.apply_preset(Wave.presets[0])
    assert bench.heard.played == 2
    assert bench.controller.position == 0


def test_a_live_drag_is_one_step_of_the_history(bench: Bench) -> None:
    bench.start()
    for x in (0.1, 0.2, 0.3):
        bench.controller.touch(Gesture("drag", "wave", "dot", 0, x, 0.0))
    assert bench.controller.history.stack.count() == 0
    bench.controller.touch(Gesture("drop", "wave", "dot", 0, 0.4, 0.0))
    assert bench.controller.history.stack.count() == 1
    assert bench.controller.history.stack.undoText() == "Phase"
    bench.undo()
    assert bench.controller.state.phase == 0.0
    bench.controller.history.stack.redo()
    assert bench.controller.state.phase == 0.4


def test_a_drag_that_ends_where_it_began_leaves_no_trace(bench: Bench) -> None:
    bench.start()
    bench.controller.touch(Gesture("drag", "wave", "dot", 0, 1.0, 0.0))
    bench.controller.touch(Gesture("drop", "wave", "dot", 0, 0.0, 0.0))
    assert bench.controller.history.stack.count() == 0


def test_playing_and_turning_pages_never_enter_the_history(bench: Bench) -> None:
    bench.start()
    bench.controller.show_step(5)
    bench.controller.choose_page("slow")
    assert bench.controller.history.stack.count() == 0


def test_undo_brings_back_the_page_of_the_change_but_leaves_the_transport_alone(bench: Bench) -> None:
    bench.start()
    bench.change(frequency=2.0)
    bench.controller.choose_page("slow")
    bench.controller.show_step(12)
    bench.undo()
    assert bench.controller.page == "wave"
    assert bench.controller.state.frequency == 1.0
    assert bench.controller.state.shown_step == 12


def test_repeated_steps_of_one_number_are_one_undo_and_a_pause_begins_another(bench: Bench) -> None:
    for frequency in (2.0, 3.0, 4.0):
        bench.now += 0.2
        bench.change(frequency=frequency)
    bench.now += 5.0
    bench.change(frequency=5.0)
    bench.undo()
    assert bench.controller.state.frequency == 4.0
    bench.undo()
    assert bench.controller.state.frequency == 1.0
    assert not bench.controller.history.stack.canUndo()


def test_two_clicks_on_names_are_two_undos(bench: Bench) -> None:
    bench.change(parts=("A",))
    bench.change(parts=("A", "B"))
    bench.undo()
    assert bench.controller.state.parts == ("A",)


def test_the_form_never_overwrites_page_or_position(bench: Bench) -> None:
    bench.start()
    from_form = bench.controller.state
    bench.controller.show_step(7)
    bench.controller.choose_page("slow")
    bench.controller.edit(from_form.changed(samples=50), True)
    assert (bench.controller.page, bench.controller.state.shown_step) == ("slow", 7)
    assert bench.controller.state.samples == 50


def test_reset_takes_back_this_pages_parameters_and_can_be_undone(bench: Bench) -> None:
    bench.change(frequency=9.0, samples=7)
    bench.controller.choose_page("slow")
    bench.controller.reset()
    assert bench.controller.state.samples == 100
    assert bench.controller.state.frequency == 9.0, "belongs to the other page only"
    bench.undo()
    assert bench.controller.state.samples == 7


def test_reset_leaves_alone_what_another_page_shows_and_this_one_hides(qtbot: QtBot) -> None:
    tab = Distributions()
    group = QUndoGroup()  # it owns the history
    control = Controller(tab, Worker(tab), group)
    control.edit(control.state.changed(initializer="constant", val=7.0, values="1, 2"), True)
    control.reset()
    assert (control.state.view, control.state.source, control.state.values) == ("statistics", "typed", "2, 4, 5, 6, 8")
    assert (control.state.initializer, control.state.val) == ("constant", 7.0)
    control.edit(control.state.changed(source="sample"), True)
    control.reset()
    assert control.state.initializer == tab.default_state().initializer
    control.close()


def test_a_value_that_is_not_allowed_is_refused_with_its_sentence_and_changes_nothing(bench: Bench) -> None:
    bench.controller.set_seed(-1)
    assert "--seed" in bench.heard.refused[0]
    assert bench.controller.state.seed == 0
    assert bench.heard.states[-1] == bench.controller.state, "the control is told what holds"


def test_every_committed_change_asks_to_be_saved_and_a_live_one_does_not(bench: Bench) -> None:
    bench.change(committed=False, frequency=2.0)
    assert bench.heard.saved == 0
    bench.change(frequency=3.0)
    assert bench.heard.saved == 1


def test_restoring_a_session_starts_a_new_history(bench: Bench) -> None:
    bench.change(frequency=2.0)
    bench.controller.restore(bench.controller.state.changed(frequency=8.0))
    assert not bench.controller.history.stack.canUndo()
    assert bench.controller.state.frequency == 8.0
