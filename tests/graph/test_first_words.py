"""What the page of the graph says first about a program that went wrong, or that torch would have questions about."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from visualizer.base.explanation import Paragraph, Verdict
from visualizer.experiments.graph.captures import captured_run
from visualizer.experiments.graph.model import Capture
from visualizer.experiments.graph.pages.graph_words import EMPTY, empty, overview
from visualizer.experiments.graph.programs import run_program


def captured(code: str) -> Capture:
    run = captured_run(run_program(code))
    while True:
        try:
            next(run)
        except StopIteration as end:
            found: Any = end.value
            capture: Capture = found.capture
            return capture


def verdicts(capture: Capture) -> list[str]:
    return [block.text for block in overview(capture) if isinstance(block, Verdict)]


@pytest.mark.parametrize(("code", "words"), [
    ("x = torch.ones(3, requires_grad=True)\nloss = x.summ()", "line 2. AttributeError"),
    ("loss = (torch.ones(2) *", "is not Python"),
    ("x = torch.ones(3)\nloss = x.sum()", "nothing that went into it requires a gradient"),
    ("", "left no tensor"),
])
def test_a_program_without_a_graph_is_told_why_and_nothing_else(code: str, words: str) -> None:
    capture = captured(code)
    (verdict,) = verdicts(capture)
    assert words in verdict
    assert empty(capture.graph) == verdict
    assert verdict != EMPTY
    assert all(block.text not in verdict for block in overview(capture) if isinstance(block, Paragraph))


def test_a_program_that_stopped_half_way_says_so_before_it_counts() -> None:
    first, second = verdicts(captured("x = torch.ones(3, requires_grad=True)\ny = (x * 2).sum()\nloss = y.summ()"))
    assert "failed in line 3" in first
    assert second.startswith("3 nodes and 2 edges")


@pytest.mark.parametrize(("code", "told"), [
    ("loss = w * 2", True), ("loss = (w * 2).sum()", False), ("loss = (w * 2).sum().reshape(1, 1)", False),
])
def test_a_loss_of_several_elements_is_told_to_begin_with_ones(code: str, told: bool) -> None:
    capture = captured(f"w = torch.ones(3, requires_grad=True)\n{code}")
    notes = [block.text for block in overview(capture) if isinstance(block, Paragraph) and "gradient of ones" in block.text]
    assert len(notes) == told
    if told:
        assert "loss, which has 3 elements" in notes[0]
        assert "loss.sum()" in notes[0]


def test_a_program_that_runs_backward_itself_is_told_to_leave_that_out() -> None:
    capture = captured("w = torch.ones(3, requires_grad=True)\nloss = (w * w).sum()\nloss.backward()")
    assert any("Leave loss.backward() out" in note for note in capture.graph.notes)


def test_a_warning_of_a_program_names_no_file_of_ours() -> None:
    program = 'w = torch.ones(2)\nloss = torch.tensor(w)\nimport warnings\nwarnings.warn("of mine")'
    code = "\n".join((
        "from visualizer.experiments.graph.child import running", "running.prepare()",
        "from visualizer.experiments.graph.programs import run_program", f"run_program({program!r}, catch_output=False)",
    ))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=100)
    ours, mine = (line for line in done.stderr.splitlines() if "Warning: " in line)
    assert ours.startswith("UserWarning: To copy construct")
    assert mine == "<program>:4: UserWarning: of mine"
