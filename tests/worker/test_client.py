"""The worker in its own thread, seen from the window's."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QTimer
from pytestqt.qtbot import QtBot

from tests.fakes import Wave, WaveRequest, WaveResult, WaveState
from tests.worker.listening import Listener, no_libraries
from visualizer.base.messages import Broken, Cancelled, Failed, Loading, Ready, Update
from visualizer.worker.client import TorchClient
from visualizer.worker.loading import ImportGate, Milestone, Preparation

Made = Callable[..., tuple[TorchClient, Listener]]


class Endless(Wave):
    """Goes on for ever, with a result at every step; notes in which thread, and that it was closed."""

    name = "endless"

    def __init__(self) -> None:
        self.steps = 0
        self.closed = threading.Event()
        self.threads: set[int] = set()

    def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
        values = np.zeros(2)
        try:
            while True:
                self.threads.add(threading.get_ident())
                self.steps += 1
                float(np.sin(np.arange(20_000.0)).sum())
                yield WaveResult(values, values, progress=0.5)
        finally:
            self.closed.set()


class Counted(Wave):
    """Counts its runs."""

    def __init__(self) -> None:
        self.requests: list[WaveRequest] = []

    def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
        self.requests.append(request)
        return super().run(request)


def test_a_result_comes_back_in_the_thread_of_the_window(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    generation = client.submit(Wave(), WaveState(frequency=2.0, samples=5))
    assert client.busy("wave")
    qtbot.waitUntil(lambda: ear.answered(generation))
    assert not client.busy("wave")
    result = ear.of(Update)[-1].result
    assert np.allclose(result.y, np.sin(4 * np.pi * np.linspace(0, 1, 5)))
    assert ear.threads == {True}


def test_the_computation_runs_in_one_other_thread(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    endless = Endless()
    client.submit(endless, WaveState())
    qtbot.waitUntil(lambda: len(ear.of(Update)) > 3)
    assert len(endless.threads) == 1
    assert threading.get_ident() not in endless.threads


def test_the_worker_says_that_it_loads_and_then_that_it_is_ready(make_client: Made, qtbot: QtBot) -> None:
    def prepare(gate: ImportGate) -> Preparation:
        yield Loading("numpy")
        yield Milestone.LIBRARIES
        yield Loading("torch")
        yield Milestone.TORCH
        yield Ready("2.13.0", ("cpu",), 1)

    client, ear = make_client(prepare)
    assert client.status == Loading("torch")
    with qtbot.waitSignal(client.libraries_ready):
        client.start()
    qtbot.waitUntil(lambda: client.status == Ready("2.13.0", ("cpu",), 1))
    assert client.has_libraries
    assert ear.said == [Loading("numpy"), Loading("torch"), Ready("2.13.0", ("cpu",), 1)]


def test_requests_made_before_the_worker_is_ready_are_kept_the_newest_of_each_tab(
    make_client: Made, qtbot: QtBot
) -> None:
    may_go_on = threading.Event()

    def prepare(gate: ImportGate) -> Preparation:
        while not may_go_on.wait(0.001):
            yield Loading("torch")
        yield from no_libraries(gate)

    client, ear = make_client(prepare)
    wave, other = Counted(), Counted()
    other.name = "other"  # type: ignore[misc]
    client.submit(wave, WaveState(frequency=1.5))
    client.start()
    generation = client.submit(wave, WaveState(frequency=2.5))
    second = client.submit(other, WaveState(frequency=3.5))
    qtbot.waitUntil(lambda: len(ear.of(Loading)) > 3)
    assert not wave.requests
    assert client.busy("wave")
    may_go_on.set()
    qtbot.waitUntil(lambda: ear.answered(generation) and ear.answered(second))
    assert [request.frequency for request in wave.requests] == [2.5]
    assert [request.frequency for request in other.requests] == [3.5]


def test_the_first_pictures_do_not_wait_for_the_last_pieces_of_torch(make_client: Made, qtbot: QtBot) -> None:
    def prepare(gate: ImportGate) -> Preparation:
        yield Milestone.LIBRARIES
        yield Milestone.TORCH
        yield Loading("optimizers")
        yield Ready("2.13.0", ("cpu",), 1)

    client, ear = make_client(prepare)
    client.submit(Wave(), WaveState())
    client.start()
    qtbot.waitUntil(lambda: bool(ear.of(Ready)))
    assert [type(said) for said in ear.said] == [Update, Loading, Ready]


def test_the_worker_gets_ready_though_a_run_goes_on_for_ever(make_client: Made, qtbot: QtBot) -> None:
    client, ear = make_client()
    client.submit(Endless(), WaveState())
    client.start()
    qtbot.waitUntil(lambda: bool(ear.of(Ready)))
    assert ear.of(Update)


def test_an_identical_request_is_not_computed_again(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    wave = Counted()
    generation = client.submit(wave, WaveState(frequency=3.0))
    assert client.submit(wave, WaveState(frequency=3.0, grid=False)) == generation  # grid only changes the drawing
    qtbot.waitUntil(lambda: ear.answered(generation))
    assert client.submit(wave, WaveState(frequency=3.0)) == generation
    assert not client.busy("wave")
    newer = client.submit(wave, WaveState(frequency=4.0))
    assert newer > generation
    qtbot.waitUntil(lambda: ear.answered(newer))
    assert [request.frequency for request in wave.requests] == [3.0, 4.0]


def test_a_failed_or_cancelled_request_is_computed_again(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    wave, endless = Counted(), Endless()
    first = client.submit(wave, WaveState(fail="user"))
    qtbot.waitUntil(lambda: ear.answered(first))
    second = client.submit(wave, WaveState(fail="user"))
    assert second > first
    qtbot.waitUntil(lambda: ear.answered(second))
    third = client.submit(endless, WaveState())
    client.cancel("endless")
    fourth = client.submit(endless, WaveState())
    assert fourth > third
    qtbot.waitUntil(lambda: any(update.generation == fourth for update in ear.of(Update)))
    assert client.busy("endless")


def test_a_stale_result_never_replaces_a_newer_one(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    newest = 0
    for move in range(200):
        newest = client.submit(Wave(), WaveState(view="slow" if move % 3 else "wave", frequency=1 + move / 10))
    qtbot.waitUntil(lambda: ear.answered(newest))
    generations = [update.generation for update in ear.of(Update)]
    assert generations == sorted(generations)
    assert generations[-1] == newest


def test_messages_that_were_overtaken_on_their_way_are_dropped(
    make_client: Made, qtbot: QtBot, caplog: pytest.LogCaptureFixture
) -> None:
    client, ear = make_client()
    first = client.submit(Wave(), WaveState(frequency=1.0))

    class NoRequest(Wave):
        def request(self, state: WaveState) -> WaveRequest:
            raise ZeroDivisionError("in the request")

    second = client.submit(NoRequest(), WaveState())  # answered at once, while the first still waits
    qtbot.waitUntil(lambda: bool(ear.of(Failed)))
    failure = ear.of(Failed)[0]
    assert failure.generation == second > first
    assert "ZeroDivisionError" in failure.sentence
    client.start()
    qtbot.waitUntil(lambda: bool(ear.of(Ready)))
    last = client.submit(Wave(), WaveState(frequency=9.0))
    qtbot.waitUntil(lambda: ear.answered(last))
    assert {update.generation for update in ear.of(Update)} == {last}


def test_a_slider_moved_every_16_ms_draws_many_pictures_and_the_last_one(
    client: TorchClient, ear: Listener, qtbot: QtBot
) -> None:
    endless = Endless()
    newest = 0
    moves = 0

    def move() -> None:
        nonlocal newest, moves
        moves += 1
        newest = client.submit(endless, WaveState(frequency=1 + moves / 10))
        if moves == 60:
            timer.stop()

    timer = QTimer(client)
    timer.timeout.connect(move)
    timer.start(16)
    qtbot.waitUntil(lambda: not timer.isActive() and any(u.generation == newest for u in ear.of(Update)))
    pictures = {update.generation for update in ear.of(Update)}
    assert len(pictures) >= 20


def test_cancel_ends_a_run_and_closes_it(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    endless = Endless()
    generation = client.submit(endless, WaveState())
    qtbot.waitUntil(lambda: bool(ear.of(Update)))
    client.cancel("endless")
    assert not client.busy("endless")
    qtbot.waitUntil(lambda: ear.of(Cancelled) == [Cancelled("endless", generation)])
    assert endless.closed.is_set()
    steps = endless.steps
    last = client.submit(Wave(), WaveState())
    qtbot.waitUntil(lambda: ear.answered(last))
    assert endless.steps == steps
    client.cancel("endless")
    client.cancel("unknown")


def test_a_paused_run_rests_until_it_is_resumed(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    endless = Endless()
    client.submit(endless, WaveState())
    qtbot.waitUntil(lambda: bool(ear.of(Update)))
    client.pause("endless", True)
    assert client.paused("endless")
    other = client.submit(Wave(), WaveState())
    qtbot.waitUntil(lambda: ear.answered(other))
    steps = endless.steps
    another = client.submit(Wave(), WaveState(frequency=2.0))
    qtbot.waitUntil(lambda: ear.answered(another))
    assert endless.steps == steps
    client.pause("endless", False)
    qtbot.waitUntil(lambda: endless.steps > steps)
    assert not endless.closed.is_set()
    assert client.busy("endless")


def test_a_run_that_rests_comes_to_its_end_by_itself(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    class Resting(Wave):
        def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
            *_, last = super().run(request)
            assert last is not None
            yield replace(last, enough=True, progress=0.5)
            yield last

    client.submit(Resting(), WaveState())
    qtbot.waitUntil(lambda: any(update.final for update in ear.of(Update)))
    assert not client.busy("wave")


def test_a_new_request_ends_a_pause(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    endless = Endless()
    client.submit(endless, WaveState())
    qtbot.waitUntil(lambda: bool(ear.of(Update)))
    client.pause("endless", True)
    newer = client.submit(endless, WaveState(frequency=2.0))
    assert not client.paused("endless")
    qtbot.waitUntil(lambda: any(update.generation == newer for update in ear.of(Update)))


def test_an_exception_comes_back_as_a_value_and_the_worker_lives_on(
    client: TorchClient, ear: Listener, qtbot: QtBot
) -> None:
    first = client.submit(Wave(), WaveState(fail="user"))
    qtbot.waitUntil(lambda: ear.answered(first))
    assert ear.of(Failed) == [Failed("wave", first, "The wave cannot be drawn; choose another.", "", True)]
    second = client.submit(Wave(), WaveState(fail="defect"))
    qtbot.waitUntil(lambda: ear.answered(second))
    failure = ear.of(Failed)[-1]
    assert failure.sentence == "The computation stopped with an error, ZeroDivisionError: a defect."
    assert "fakes.py" in failure.details
    assert not failure.expected
    assert not client.busy("wave")
    third = client.submit(Wave(), WaveState())
    qtbot.waitUntil(lambda: ear.answered(third))
    assert ear.of(Update)


def test_two_tabs_compute_side_by_side(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    one, two = Endless(), Endless()
    two.name = "two"  # type: ignore[misc]
    client.submit(one, WaveState())
    client.submit(two, WaveState())
    qtbot.waitUntil(lambda: len(ear.of(Update, "endless")) > 5 and len(ear.of(Update, "two")) > 5)
    assert 0.2 < one.steps / two.steps < 5


def test_a_window_that_is_slower_than_the_runs_gets_the_latest_result_only(
    client: TorchClient, ear: Listener, qtbot: QtBot
) -> None:
    class Counting(Endless):
        def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
            for result in super().run(request):
                assert result is not None
                yield WaveResult(result.x, result.y, steps=self.steps, progress=0.5)

    counting = Counting()
    client.submit(counting, WaveState())
    qtbot.waitUntil(lambda: bool(ear.of(Update)))
    heard = len(ear.of(Update))
    busy_until, target = time.perf_counter() + 5.0, counting.steps + 1000
    while counting.steps < target and time.perf_counter() < busy_until:
        sum(range(1000))  # the window is busy: its event loop does not run
    computed = counting.steps
    qtbot.waitUntil(lambda: len(ear.of(Update)) > heard)
    assert ear.of(Update)[heard].result.steps > computed - 500


@pytest.mark.parametrize("phase", ["before start", "loading", "running", "paused", "waiting"])
def test_closing_ends_the_thread_within_a_second_and_nothing_is_said_after_it(
    make_client: Made, qtbot: QtBot, phase: str
) -> None:
    def slowly(gate: ImportGate) -> Preparation:
        while True:
            yield Loading("torch")

    client, ear = make_client(slowly if phase == "loading" else no_libraries)
    endless = Endless()
    if phase != "before start":
        client.start()
    client.submit(endless, WaveState())
    if phase == "loading":
        qtbot.waitUntil(lambda: len(ear.of(Loading)) > 2)
    elif phase in ("running", "paused"):
        qtbot.waitUntil(lambda: bool(ear.of(Update)))
        client.pause("endless", phase == "paused")
    said = len(ear.said)
    began = time.perf_counter()
    client.close()
    client.close()
    assert time.perf_counter() - began < 1.0
    assert not client.busy("endless")
    assert phase not in ("running", "paused") or endless.closed.is_set()
    generation = client.submit(endless, WaveState(frequency=7.0))
    with qtbot.assertNotEmitted(client.message, wait=20):
        client.start()
    assert len(ear.said) == said
    assert generation > 0


def test_closing_waits_for_a_step_under_way(client: TorchClient, ear: Listener, qtbot: QtBot) -> None:
    inside = threading.Event()

    class LongStep(Wave):
        def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
            ends = time.perf_counter() + 0.03
            inside.set()
            while time.perf_counter() < ends:
                sum(range(100))
            yield None
            raise AssertionError("computed after it was closed")

    client.submit(LongStep(), WaveState())
    assert inside.wait(5)
    began = time.perf_counter()
    client.close()
    assert time.perf_counter() - began < 0.5


@pytest.mark.parametrize("late", [False, True])
def test_a_broken_torch_is_one_sentence_and_answers_every_request(make_client: Made, qtbot: QtBot, late: bool) -> None:
    def broken(gate: ImportGate) -> Preparation:
        yield Loading("torch")
        yield Broken("torch is not installed; install it with: pip install torch", "Traceback")

    client, ear = make_client(broken)
    generation = 0 if late else client.submit(Wave(), WaveState())
    client.start()
    qtbot.waitUntil(lambda: bool(ear.of(Broken)))
    if late:
        generation = client.submit(Wave(), WaveState())
    qtbot.waitUntil(lambda: ear.answered(generation))
    assert ear.of(Failed)[0].sentence == "torch is not installed; install it with: pip install torch"
    assert not client.busy("wave")


def test_a_preparation_that_raises_is_a_broken_worker_and_not_a_dead_one(make_client: Made, qtbot: QtBot) -> None:
    def raises(gate: ImportGate) -> Preparation:
        yield Loading("torch")
        raise OSError("libgomp.so.1: cannot open shared object file")

    client, ear = make_client(raises)
    client.start()
    qtbot.waitUntil(lambda: bool(ear.of(Broken)))
    assert "libgomp" in ear.of(Broken)[0].details


def test_two_clients_do_not_hear_each_other(make_client: Made, qtbot: QtBot) -> None:
    (one, ear), (two, other_ear) = make_client(), make_client()
    one.start()
    two.start()
    generation = one.submit(Wave(), WaveState())
    qtbot.waitUntil(lambda: ear.answered(generation) and bool(other_ear.of(Ready)))
    assert not other_ear.of(Update)


def test_a_slot_that_closes_the_client_hears_nothing_more(make_client: Made, qtbot: QtBot) -> None:
    client, _ = make_client()
    said: list[Any] = []

    def close(message: Any) -> None:
        said.append(message)
        client.close()

    client.message.connect(close)
    client.submit(Endless(), WaveState())
    client.start()
    qtbot.waitUntil(lambda: bool(said))
    with qtbot.assertNotEmitted(client.message, wait=20):
        pass
    assert len(said) == 1
