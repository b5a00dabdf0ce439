"""A long program that is run a little at a time: the same as at one go, and nobody else is disturbed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Generator
from typing import TypeVar

import pytest
import torch
from torch import nn
from torch.nn.modules import module as modules

from visualizer.experiments.graph import captures, turns
from visualizer.experiments.graph.capture_file import capture_bytes
from visualizer.experiments.graph.programs import run_program
from visualizer.experiments.graph.requests import source_of
from visualizer.experiments.graph.state import GraphState
from visualizer.experiments.graph.turns import in_turns, rest

T = TypeVar("T")

PROGRAM = """
model = nn.Sequential(*[nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5)) for _ in range(5)])
with torch.no_grad():
    scale = torch.rand(4)
x = torch.randn(3, 4)
for part in model:
    x = part(x) * scale
loss = x.sum()
"""


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn ends wherever it can."""
    monkeypatch.setattr(turns, "SLICE", 0.0)


def finished(steps: Generator[object, None, T]) -> T:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: T = end.value
            return found


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "program"]


def hooks() -> tuple[int, int, object]:
    return (len(modules._global_forward_hooks), len(modules._global_forward_pre_hooks), torch.autograd.Function.__dict__["apply"])


@pytest.mark.usefixtures("short")
def test_what_others_do_between_two_turns_changes_nothing_and_is_not_changed() -> None:
    other = nn.Linear(2, 2)
    alone = run_program(PROGRAM, seed=3).roots[0]
    torch.manual_seed(11)
    expected = [torch.rand(2) for _ in range(10)]
    torch.manual_seed(11)
    run = in_turns(lambda: run_program(PROGRAM, seed=3))
    drawn, count = [], 0
    while True:
        try:
            next(run)
        except StopIteration as end:
            ran = end.value
            break
        count += 1
        if count <= 10:
            drawn.append(torch.rand(2))
        assert torch.is_grad_enabled()
        assert other(torch.ones(1, 2)).requires_grad
    assert count > 30
    assert torch.equal(torch.stack(drawn), torch.stack(expected))
    assert torch.equal(ran.roots[0], alone)
    # The calls of the other model are none of the program's.
    assert [call.type for call in ran.recording.calls] == ["Sequential", "Linear", "Dropout"] * 5


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("turn", [0, 1, 5, 40])
def test_a_run_that_is_left_ends_its_program_and_leaves_nothing_behind(turn: int) -> None:
    before, state = hooks(), torch.default_generator.get_state()
    run = in_turns(lambda: run_program(PROGRAM))
    for _ in range(turn):
        next(run)
    run.close()
    assert hooks() == before
    assert torch.equal(torch.default_generator.get_state(), state)
    assert not threads()


def test_what_the_call_raises_comes_out_and_its_value_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        finished(in_turns(lambda: 1 // 0))
    assert finished(in_turns(lambda: 7)) == 7
    assert not threads()


def test_without_turns_there_is_no_rest() -> None:
    rest()
    assert finished(in_turns(lambda: rest() or 3)) == 3


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("name", ["lecture", "gpt", "checkpoint", "penalty", "custom", "unroll", "nan"])
def test_a_capture_taken_in_turns_is_that_of_one_go(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken() -> bytes:
        captures.forget()
        found = finished(captures.captured(source_of(GraphState().changed(example=name)))).capture
        steps = found.backward.steps if found.backward is not None else ()
        for step in steps:
            object.__setattr__(step, "seconds", 0.0)
        return capture_bytes(found)

    there = taken()
    monkeypatch.setattr(turns, "SLICE", 1e9)
    assert taken() == there
    captures.forget()


def test_the_workers_thread_can_let_go_of_a_deep_graph_whose_run_was_left() -> None:
    """torch lets go of it by recursion: with the usual stack of a thread the process would die of 100,000 nodes."""
    script = """
import torch
from visualizer.experiments.graph.walking import structure
from visualizer.worker.torch_worker import TorchThread

class Deep(TorchThread):
    def run(self):
        x = torch.ones(1, requires_grad=True)
        for _ in range(100_000):
            x = x + 1
        walk = structure([x.grad_fn])
        for _ in walk:
            pass
        del x, walk
        print("alive", flush=True)

thread = Deep()
thread.start()
thread.wait()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "alive\n"), ended.stderr
