"""Streams that two threads draw: the same numbers as by one, and no thread that outlives its stream."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from time import perf_counter

import pytest
import torch
from scipy import stats

from visualizer.components.initializers import initializer
from visualizer.experiments.distributions import blocks, drawing
from visualizer.experiments.distributions.blocks import block_seed, in_turn, together
from visualizer.experiments.distributions.drawing import Source
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.requests import Chosen, request_of
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.experiments.distributions.streaming import Summary, stream

MANY = 2**21 + 12_345


def chosen(name: str, **arguments: object) -> Chosen:
    return Chosen(name, tuple((dict(initializer(name).arguments) | arguments).items()))


def drawing_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "drawing"]


@pytest.fixture
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "processors", lambda: 2)


def numbered(part: torch.Tensor, number: int) -> None:
    part.fill_(float(number))


def helpers_threads(draw: Callable[[torch.Tensor, int], object]) -> tuple[Callable[[torch.Tensor, int], None], list[str]]:
    """Draw, and a list of the names of the threads that did."""
    names: list[str] = []

    def fill(part: torch.Tensor, number: int) -> None:
        names.append(threading.current_thread().name)
        draw(part, number)

    return fill, names


@pytest.mark.parametrize("shape", [(4, 3), (2048, 1024)])
@pytest.mark.parametrize(("name", "dtype"), [
    ("normal", "float32"), ("uniform", "float64"), ("xavier_normal", "bfloat16"), ("trunc_normal", "float32"), ("ones", "float16"),
])
def test_two_threads_draw_and_count_what_one_does(
    name: str, dtype: str, shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(available: int) -> tuple[list[torch.Tensor], Summary]:
        monkeypatch.setattr(drawing, "processors", lambda: available)
        source = Source(chosen(name), shape, MANY + 10**6, dtype, seed=7)
        seen: list[torch.Tensor] = []

        def watched() -> Iterator[torch.Tensor | None]:
            for piece in source.pieces():
                if piece is not None:
                    seen.append(piece.clone())
                yield piece

        *_, found = stream(watched(), -1.0, 1.5, 50)
        assert found is not None
        return seen, found

    (one, alone), (two, shared) = run(1), run(2)
    assert [piece.numel() for piece in one] == [piece.numel() for piece in two]
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert alone.counts.tolist() == shared.counts.tolist()
    fields = ("count", "mean", "variance", "variance_bessel", "std", "minimum", "maximum", "below", "above")
    assert [getattr(alone, field) for field in fields] == [getattr(shared, field) for field in fields]
    assert repr((alone.skewness, alone.kurtosis)) == repr((shared.skewness, shared.kurtosis))  # NaN of ones


def test_both_threads_take_part_and_every_block_comes_once_in_its_order() -> None:
    mine, here = helpers_threads(numbered)
    theirs, there = helpers_threads(numbered)
    helped = threading.Event()

    def slow(part: torch.Tensor, number: int) -> None:
        helped.wait(30)  # the other one gets its turn, however busy the machine is
        mine(part, number)

    def quick(part: torch.Tensor, number: int) -> None:
        theirs(part, number)
        helped.set()

    seen = [sorted(set(piece.tolist())) for piece in together(slow, quick, torch.empty, 2050, 100) if piece is not None]
    assert seen == [[float(number)] for number in range(21)]
    assert len(here) + len(there) == 21
    assert set(here) <= {"MainThread"}
    assert set(there) == {"drawing"}


def test_a_block_is_not_overwritten_before_the_next_step() -> None:
    for number, piece in enumerate(piece for piece in together(numbered, numbered, torch.empty, 200_000, 100) if piece is not None):
        before = piece.clone()
        for _ in range(20):
            assert torch.equal(piece, before)
        assert before[0] == number


def test_the_consumer_goes_on_alone_while_the_other_thread_gets_no_processor() -> None:
    began, released = threading.Event(), threading.Event()

    def stuck(part: torch.Tensor, number: int) -> None:
        began.set()
        released.wait(30)
        numbered(part, number)

    def draw(part: torch.Tensor, number: int) -> None:
        began.wait(30)
        numbered(part, number)

    steps = together(draw, stuck, torch.empty, 1000, 100)
    seen: list[float] = []
    longest = 0.0
    while not released.is_set():
        start = perf_counter()
        piece = next(steps)
        if began.is_set() and seen:
            longest = max(longest, perf_counter() - start)
        if piece is None:  # the block that the other one has: all others that have a buffer are drawn
            released.set()
        else:
            seen.append(piece[0].item())
    seen += [piece[0].item() for piece in steps if piece is not None]
    assert seen == [float(number) for number in range(10)]
    assert longest < 1.0
    assert not drawing_threads()


def test_a_stream_that_is_closed_early_ends_its_thread_at_once(two_processors: None) -> None:
    steps = stream(Source(chosen("normal"), (4, 3), 10**9).pieces(), -4.0, 4.0, 50)
    for _ in range(3):
        next(steps)
    assert len(drawing_threads()) == 1
    start = perf_counter()
    steps.close()  # type: ignore[attr-defined]
    assert not drawing_threads()
    assert perf_counter() - start < 1.0


def test_a_page_that_is_left_ends_its_thread(two_processors: None) -> None:
    request = request_of(DistributionsState().changed(view="initializer", count=10**9))
    run = Distributions().run(request)
    while next(run) is None:
        pass
    assert len(drawing_threads()) == 1
    run.close()  # type: ignore[attr-defined]
    assert not drawing_threads()


def test_a_stream_that_ends_by_itself_leaves_no_thread(two_processors: None) -> None:
    *_, found = stream(Source(chosen("normal"), (4, 3), MANY).pieces(), -4.0, 4.0, 50)
    assert found is not None
    assert found.count >= MANY
    assert not drawing_threads()


class Strange(BaseException):
    pass


@pytest.mark.parametrize("kind", [ValueError, MemoryError, Strange])
def test_an_error_of_the_second_thread_arrives_as_itself(kind: type[BaseException]) -> None:
    error = kind("from over there")

    def fails(part: torch.Tensor, number: int) -> None:
        raise error

    with pytest.raises(kind) as raised:
        list(stream(together(numbered, fails, torch.empty, 10**7, 100), 0.0, 1.0, 3))
    assert raised.value is error
    assert not drawing_threads()


def test_an_error_of_the_first_thread_ends_the_second() -> None:
    def fails(part: torch.Tensor, number: int) -> None:
        raise ValueError("from here")

    with pytest.raises(ValueError, match="from here"):
        list(together(fails, lambda part, number: None, torch.empty, 10**9, 100))
    assert not drawing_threads()


def test_few_values_one_processor_and_dependent_tensors_start_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*arguments: object) -> Iterator[None]:
        raise AssertionError("a thread")

    monkeypatch.setattr(drawing, "together", never)
    monkeypatch.setattr(drawing, "processors", lambda: 2)
    for name, count in (("normal", 10), ("normal", 1_000_000), ("orthogonal", MANY)):
        assert sum(1 for piece in Source(chosen(name), (4, 3), count).pieces() if piece is not None)
    with pytest.raises(AssertionError, match="a thread"):
        list(Source(chosen("normal"), (4, 3), MANY).pieces())
    monkeypatch.setattr(drawing, "processors", lambda: 1)
    assert sum(1 for _ in Source(chosen("normal"), (4, 3), MANY).pieces()) > 8


def test_the_processors_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3}, raising=False)
    assert blocks.processors() == 1
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert blocks.processors() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert blocks.processors() == 1


def test_the_second_thread_computes_as_the_first_one_does() -> None:
    found: list[tuple[str, int, bool]] = []
    helped = threading.Event()

    def notes(part: torch.Tensor, number: int) -> None:
        part.normal_()
        found.append((threading.current_thread().name, torch.get_num_threads(), torch.is_inference_mode_enabled()))
        if threading.current_thread().name == "drawing":
            helped.set()
        else:
            helped.wait(30)

    before = torch.get_num_threads()
    state = torch.get_rng_state()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            for mode in (False, True):
                found.clear()
                helped.clear()
                with torch.inference_mode(mode):
                    pieces = [piece.sum().item() for piece in together(notes, notes, torch.empty, 2000, 100) if piece is not None]
                assert len(pieces) == 20
                assert "drawing" in {name for name, _, _ in found}
                assert {(number, inference) for _, number, inference in found} == {(threads, mode)}
    finally:
        torch.set_num_threads(before)
        torch.set_rng_state(state)


@pytest.mark.skipif(sys.platform != "linux", reason="only there a thread has a priority of its own")
def test_the_second_thread_steps_back_for_the_window() -> None:
    mine = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    theirs: list[int] = []

    def notes(part: torch.Tensor, number: int) -> None:
        theirs.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        came.set()

    came = threading.Event()
    list(together(lambda part, number: came.wait(30), notes, torch.empty, 2000, 100))
    assert set(theirs) == {19}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == mine


def test_two_threads_leave_the_filters_of_warnings_as_they_are(two_processors: None) -> None:
    source = Source(chosen("trunc_normal", a=6.0, b=7.0, std=1.0), (30,), MANY, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        steps = source.pieces()
        for _ in range(40):
            next(steps)
        steps.close()  # type: ignore[attr-defined]
        with pytest.raises(UserWarning, match="still heard"):
            warnings.warn("still heard", stacklevel=1)


def test_blocks_have_seeds_of_their_own_and_are_independent() -> None:
    start = 1234567890123
    seeds = {block_seed(start, number) for number in range(100_000)}
    assert len(seeds) == 100_000  # ten billion values
    assert all(0 <= seed < 2**32 for seed in seeds)
    generator = torch.Generator()
    firsts = torch.stack([torch.rand(3, generator=generator.manual_seed(block_seed(start, number))) for number in range(5000)])
    for place in range(3):
        column = firsts[:, place].double().numpy()
        assert stats.kstest(column, "uniform").pvalue > 1e-4
        assert abs(stats.pearsonr(column[1:], column[:-1]).statistic) < 4.5 / 5000**0.5
    assert abs(stats.pearsonr(firsts[:, 0].numpy(), firsts[:, 1].numpy()).statistic) < 4.5 / 5000**0.5


def test_one_thread_uses_one_buffer_of_the_size_that_is_needed() -> None:
    sizes: list[int] = []

    def empty(size: int) -> torch.Tensor:
        sizes.append(size)
        return torch.empty(size)

    assert [piece.numel() for piece in in_turn(numbered, empty, 250, 100)] == [100, 100, 50]
    assert [piece.numel() for piece in in_turn(numbered, empty, 7, 100)] == [7]
    assert sizes == [100, 7]
