"""The rules by which runs replace each other, with a clock that only moves when a run computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from tests.fakes import Wave, WaveRequest, WaveResult
from visualizer.base.errors import UserError
from visualizer.base.messages import Cancelled, Failed, Update
from visualizer.worker.scheduler import INTERVAL, MOST_PATIENCE, PATIENCE, REST, SLICE, Job, Scheduler


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Work(WaveRequest):
    """``steps`` steps of ``cost`` seconds; a result at each multiple of ``every`` and at the end. That of the step
    ``enough`` is enough."""

    steps: int = 1
    cost: float = 0.001
    every: int = 1
    enough: int = 0
    error: BaseException | None = None
    number: int = 0


@dataclass(frozen=True)
class OtherPage(Work):
    pass


def work(cls: type[Work] = Work, **values: Any) -> Work:
    return cls("wave", 1.0, 0.0, 2, "sine", "no", **values)


class Worker(Wave):
    """A run whose steps cost what the request says, and that notes whether it was closed."""

    def __init__(self, clock: Clock, name: str = "worker") -> None:
        self.clock = clock
        self.name = name  # type: ignore[misc]
        self.begun: list[int] = []
        self.closed: list[int] = []

    def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
        assert isinstance(request, Work)
        self.begun.append(request.number)
        values = np.zeros(1)
        try:
            for step in range(1, request.steps + 1):
                self.clock.now += request.cost
                last = step == request.steps
                if last and request.error is not None:
                    raise request.error
                shown = last or step % request.every == 0
                found = WaveResult(values, values, progress=step / request.steps, enough=step == request.enough)
                yield found if shown else None
        except GeneratorExit:
            self.closed.append(request.number)
            raise


@dataclass
class Bench:
    clock: Clock
    worker: Worker
    scheduler: Scheduler
    sent: list[Update | Failed | Cancelled]
    times: list[float]

    def submit(self, generation: int, worker: Worker | None = None, cls: type[Work] = Work, **values: Any) -> None:
        self.scheduler.submit(Job(worker or self.worker, work(cls, number=generation, **values), generation))

    def finish(self, most: int = 100_000) -> None:
        for _ in range(most):
            if not self.scheduler.advance():
                return
        raise AssertionError("never done")

    def updates(self) -> list[int]:
        return [message.generation for message in self.sent if isinstance(message, Update)]


@pytest.fixture
def bench() -> Bench:
    clock = Clock()
    sent: list[Any] = []
    times: list[float] = []

    def send(message: Any) -> None:
        sent.append(message)
        times.append(clock.now)

    return Bench(clock, Worker(clock), Scheduler(send, clock), sent, times)


def test_a_slice_ends_soon_so_that_others_get_their_turn(bench: Bench) -> None:
    bench.submit(1, steps=1000, cost=0.001)
    before = bench.clock.now
    assert bench.scheduler.advance()
    assert SLICE <= bench.clock.now - before <= SLICE + 0.001 + 1e-9


def test_of_many_waiting_requests_only_the_newest_is_computed(bench: Bench) -> None:
    for generation in range(1, 10):
        bench.submit(generation)
    bench.finish()
    assert bench.worker.begun == [9]
    assert [(message.generation, message.final) for message in bench.sent if isinstance(message, Update)] == [(9, True)]


def test_a_run_that_has_shown_a_result_gives_way_to_a_newer_request_and_is_closed(bench: Bench) -> None:
    bench.submit(1, steps=10_000)
    bench.scheduler.advance()
    bench.submit(2)
    bench.finish()
    assert bench.worker.closed == [1]
    assert bench.updates()[-1] == 2
    assert bench.clock.now < 100 + 0.1


def test_a_run_that_has_shown_nothing_yet_comes_to_its_first_result_before_it_gives_way(bench: Bench) -> None:
    bench.submit(1, steps=10_000, every=40, cost=0.001)
    bench.scheduler.advance()
    bench.submit(2)
    bench.finish()
    assert bench.updates()[:2] == [1, 2]
    assert bench.worker.closed == [1]


def test_a_long_run_without_results_delays_a_newer_request_by_no_more_than_the_patience(bench: Bench) -> None:
    bench.submit(1, steps=100_000, every=100_000, cost=0.002)
    bench.scheduler.advance()
    bench.submit(2)
    bench.finish()
    assert bench.updates() == [2]
    assert bench.clock.now - 100.0 <= PATIENCE + SLICE + 0.01


@pytest.mark.parametrize("first_result", [0.001, 0.02, 0.08, 0.3, 1.0, 2.5])
def test_a_moving_slider_does_not_starve_whatever_a_first_result_costs(bench: Bench, first_result: float) -> None:
    moves, gap = 1000, 0.016
    steps = max(1, round(first_result / 0.004))
    began = bench.clock.now
    next_move = 0
    while next_move < moves:
        while next_move < moves and began + next_move * gap <= bench.clock.now:
            next_move += 1
            bench.submit(next_move, steps=steps * 3, every=steps, cost=first_result / steps)
        if not bench.scheduler.advance():
            bench.clock.now = began + next_move * gap
    elapsed = bench.clock.now - began
    pictures = len(set(bench.updates()))
    # Runs thrown away for want of patience cost less than two first results together, being a geometric series.
    assert pictures >= elapsed / (3 * first_result + 2 * gap + SLICE) - 1
    bench.finish()
    assert bench.updates()[-1] == moves


def test_patience_has_an_end(bench: Bench) -> None:
    for generation in range(1, 12):
        bench.submit(generation, steps=100_000, every=100_000, cost=0.004)
        bench.scheduler.advance()
    before = bench.clock.now
    for generation in range(12, 16):
        bench.submit(generation, steps=100_000, every=100_000, cost=0.004)
        while generation not in bench.worker.begun:
            bench.scheduler.advance()
    assert bench.clock.now - before <= 4 * (MOST_PATIENCE + 0.1)


def test_a_request_for_another_page_replaces_the_run_at_once(bench: Bench) -> None:
    bench.submit(1, steps=100_000, every=100_000)
    bench.scheduler.advance()
    before = bench.clock.now
    bench.submit(2, cls=OtherPage)
    bench.scheduler.advance()
    assert bench.worker.begun == [1, 2]
    assert bench.clock.now - before < SLICE + 0.01


def test_results_come_no_faster_than_a_screen_shows_them_and_the_last_one_always(bench: Bench) -> None:
    bench.submit(1, steps=1000, cost=0.0005)
    bench.finish()
    gaps = np.diff(bench.times[:-1])
    assert gaps.min() >= INTERVAL - 1e-9
    assert gaps.max() <= INTERVAL + 0.001
    last = bench.sent[-1]
    assert isinstance(last, Update)
    assert last.final
    assert last.result.progress == 1.0
    assert sum(message.final for message in bench.sent if isinstance(message, Update)) == 1


def test_a_result_held_back_is_sent_while_the_run_goes_on_without_results(bench: Bench) -> None:
    class OneEarlyResult(Worker):
        def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
            values = np.zeros(1)
            for step in range(100):
                self.clock.now += 0.001
                yield WaveResult(values, values, progress=0.1) if step == 4 else None
            yield WaveResult(values, values)

    bench.submit(1)
    bench.finish()
    bench.submit(2, worker=OneEarlyResult(bench.clock))
    bench.finish()
    assert [(message.generation, message.result.progress) for message in bench.sent if isinstance(message, Update)] == [
        (1, 1.0), (2, 0.1), (2, 1.0)]
    assert bench.times[1] - bench.times[0] == pytest.approx(INTERVAL, abs=0.0011)


def test_two_tabs_take_turns(bench: Bench) -> None:
    other = Worker(bench.clock, "other")
    bench.submit(1, steps=200)
    bench.submit(2, worker=other, steps=200)
    bench.finish()
    order = [message.experiment for message in bench.sent]
    assert set(order[:4]) == {"worker", "other"}
    finals = [time for message, time in zip(bench.sent, bench.times, strict=True)
              if isinstance(message, Update) and message.final]
    assert abs(finals[0] - finals[1]) <= 2 * SLICE


def test_a_short_request_of_another_tab_is_answered_within_two_slices_of_a_long_run(bench: Bench) -> None:
    bench.submit(1, steps=100_000, every=100_000)
    bench.scheduler.advance()
    before = bench.clock.now
    bench.submit(2, worker=Worker(bench.clock, "other"))
    while 2 not in bench.updates():
        bench.scheduler.advance()
    assert bench.clock.now - before <= 2 * SLICE + 0.002


def test_a_cancelled_run_is_closed_and_says_so_once(bench: Bench) -> None:
    bench.submit(1, steps=1000)
    bench.scheduler.advance()
    bench.submit(2)
    bench.scheduler.cancel("worker")
    bench.scheduler.cancel("worker")
    bench.scheduler.cancel("unknown")
    assert not bench.scheduler.runnable
    assert bench.worker.closed == [1]
    assert [message for message in bench.sent if isinstance(message, Cancelled)] == [Cancelled("worker", 2)]


def test_a_paused_run_computes_nothing_and_goes_on_where_it_was(bench: Bench) -> None:
    bench.submit(1, steps=100)
    bench.scheduler.advance()
    bench.scheduler.pause("worker", True)
    shown = len(bench.sent)
    assert not bench.scheduler.advance()
    assert len(bench.sent) == shown
    bench.scheduler.pause("worker", False)
    bench.finish()
    assert bench.worker.begun == [1]
    last = bench.sent[-1]
    assert isinstance(last, Update)
    assert last.final


def test_a_pause_shows_how_far_the_run_has_come(bench: Bench) -> None:
    bench.submit(1, steps=100, cost=0.001)
    bench.scheduler.advance()
    bench.scheduler.pause("worker", True)
    last = bench.sent[-1]
    assert isinstance(last, Update)
    assert last.result.progress == pytest.approx(SLICE / 0.001 / 100, abs=0.011)


def test_a_newer_request_replaces_a_paused_run(bench: Bench) -> None:
    bench.submit(1, steps=100, every=100)
    bench.scheduler.advance()
    bench.scheduler.pause("worker", True)
    bench.submit(2)
    bench.finish()
    assert bench.updates() == [2]


def test_after_a_result_that_is_enough_a_run_rests_and_then_comes_to_its_end(bench: Bench) -> None:
    bench.submit(1, steps=10, enough=4)
    bench.finish()
    assert [message.result.progress for message in bench.sent if isinstance(message, Update)][-1] == 0.4, "shown at once"
    rest = bench.scheduler.rest
    assert rest == pytest.approx(REST)
    assert not bench.scheduler.advance(), "nothing is computed meanwhile"
    assert bench.clock.now == pytest.approx(bench.times[-1])
    bench.clock.now += REST
    assert bench.scheduler.rest == 0.0
    bench.finish()
    last = bench.sent[-1]
    assert isinstance(last, Update)
    assert last.final
    assert bench.scheduler.rest is None


def test_a_newer_request_does_not_wait_for_a_rest_to_end(bench: Bench) -> None:
    bench.submit(1, steps=10, enough=4)
    bench.finish()
    asked = bench.clock.now
    bench.submit(2, steps=10, enough=4)
    assert bench.scheduler.rest == 0.0
    bench.finish()
    assert bench.updates()[-1] == 2
    assert bench.clock.now - asked < 0.01
    assert bench.worker.closed == [1]


def test_a_run_that_rests_keeps_no_other_tab_from_computing(bench: Bench) -> None:
    bench.submit(1, steps=10, enough=4)
    bench.finish()
    bench.submit(2, worker=Worker(bench.clock, "other"), steps=3)
    bench.finish()
    assert bench.updates()[-1] == 2


@pytest.mark.parametrize(
    ("error", "sentence", "expected"),
    [
        (UserError("Choose another."), "Choose another.", True),
        (ZeroDivisionError("division by zero"),
         "The computation stopped with an error, ZeroDivisionError: division by zero.", False),
        (KeyboardInterrupt(), "The computation stopped with an error, KeyboardInterrupt.", False),
        (SystemExit(3), "The computation stopped with an error, SystemExit: 3.", False),
        (MemoryError(), "There is not enough memory for this computation; choose smaller sizes.", False),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
         "There is not enough memory for this computation; choose smaller sizes.", False),
        (RuntimeError("CUDA out of memory. Tried"),
         "There is not enough memory for this computation; choose smaller sizes.", False),
        (RuntimeError("many\nlines " * 100), None, False),
    ],
)
def test_a_run_that_raises_after_some_results_fails_with_one_sentence_and_the_next_one_works(
    bench: Bench, error: BaseException, sentence: str | None, expected: bool
) -> None:
    bench.submit(1, steps=5, error=error)
    bench.finish()
    failure = bench.sent[-1]
    assert isinstance(failure, Failed)
    assert bench.updates()
    assert failure.expected is expected
    if sentence is None:
        assert "\n" not in failure.sentence
        assert len(failure.sentence) < 300
    else:
        assert failure.sentence == sentence
    if not expected:
        assert "Traceback" in failure.details
    bench.submit(2)
    bench.finish()
    assert bench.updates()[-1] == 2


def test_a_run_without_any_result_is_a_defect(bench: Bench) -> None:
    bench.submit(1, steps=0)
    bench.finish()
    failure = bench.sent[-1]
    assert isinstance(failure, Failed)
    assert "without a result" in failure.sentence


def test_an_experiment_that_raises_before_it_has_a_generator_fails_as_well(bench: Bench) -> None:
    class Refuses(Worker):
        def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
            raise UserError("Not this one.")

    bench.submit(1, worker=Refuses(bench.clock))
    bench.finish()
    assert [message.sentence for message in bench.sent if isinstance(message, Failed)] == ["Not this one."]


def test_a_run_that_fails_while_it_is_closed_disturbs_nobody(bench: Bench) -> None:
    class Clings(Worker):
        def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
            while True:
                self.clock.now += 0.001
                try:
                    yield None
                except GeneratorExit:
                    yield None

    bench.submit(1, worker=Clings(bench.clock))
    bench.scheduler.advance()
    bench.scheduler.cancel("worker")
    assert [type(message) for message in bench.sent] == [Cancelled]
    assert not bench.scheduler.runnable
