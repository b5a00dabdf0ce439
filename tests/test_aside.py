"""A long call beside a run: it is waited for in short steps, and left when the run is closed."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from visualizer.base.aside import aside


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "aside"]


def test_the_run_waits_in_short_steps_until_the_call_has_returned() -> None:
    go, made = threading.Event(), []

    def call() -> None:
        assert go.wait(10)
        made.append(threading.current_thread())

    steps = 0
    for _ in aside(call):
        steps += 1
        if steps == 3:
            go.set()
    assert steps >= 3
    assert [thread.name for thread in made] == ["aside"]
    assert not threads()


def test_what_the_call_raises_is_raised_by_the_run() -> None:
    def call() -> None:
        raise ValueError("too small")

    with pytest.raises(ValueError, match="too small"):
        list(aside(call))
    assert not threads()


def test_a_run_that_is_closed_waits_for_nobody_and_what_had_not_begun_is_left_out() -> None:
    go, made = threading.Event(), []

    def long_call() -> None:
        assert go.wait(10)
        made.append("long")

    left = aside(long_call)
    next(left)
    behind = aside(lambda: made.append("behind"))
    next(behind)
    began = time.perf_counter()
    left.close()
    behind.close()
    assert time.perf_counter() - began < 1.0  # the long call would have waited for ten seconds
    assert made == []
    go.set()
    for thread in threads():
        thread.join(10)
    assert made == ["long"]


def test_the_end_of_the_process_waits_for_a_call_that_was_begun_in_a_thread_that_is_not_pythons_own() -> None:
    script = """
import threading
from visualizer.base.aside import aside

def call():
    threading.main_thread().join()  # until Python exits
    print("made", flush=True)

steps = aside(call)
began = threading.Thread(target=next, args=(steps,), daemon=True)  # as Python takes a QThread for one
began.start()
began.join()
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "made\n", "")
