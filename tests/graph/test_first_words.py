"""What the page of the graph says first about a program that went wrong, or that torch would have questions about."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from visualizer.base.explanation import Paragraph, Verdict
from visualizer.experiments.graph.captures import captured_run
from visualizer.experiments.graph.model import Capture
from visualizer.experiments.graph.pages.absent_rows import filled_outside, remedy, rows_of, why
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


CHECKPOINT = """
from torch.utils.checkpoint import checkpoint
layer, idle = nn.Linear(3, 2), nn.Linear(1, 1)
model = nn.ModuleDict({"layer": layer, "idle": idle})
x = torch.ones(4, 3, requires_grad=True)
loss = checkpoint(layer, x, use_reentrant=True).pow(2).sum()
"""


def test_parameters_of_a_reentrant_checkpoint_are_not_said_to_get_no_gradient() -> None:
    """They have no node, and yet backward fills their .grad: the checkpoint runs a backward of its own."""
    capture = captured(CHECKPOINT)
    leaves = capture.graph.leaves
    named = {name: index for index, leaf in enumerate(leaves) for name in leaf.names}
    inside = {named["layer.weight"], named["layer.bias"]}
    assert all(leaves[index].node < 0 for index in inside)
    assert filled_outside(capture) == inside
    said = verdicts(capture)
    assert any("2 parameters have no place in the graph" in words and "layer.weight" in words for words in said)
    assert any("2 parameters do not reach the loss" in words and "idle.weight" in words and "layer" not in words for words in said)
    steps = rows_of(capture.graph, filled_outside(capture))
    while True:
        try:
            next(steps)
        except StopIteration as end:
            rows = {row.leaf: row for row in end.value if row.leaf >= 0}
            break
    for index in inside:
        assert "fills its .grad" in why(capture.graph, rows[index])
        assert "use_reentrant=False" in remedy(capture.graph, rows[index])
    assert ".grad stays None" in why(capture.graph, rows[named["idle.weight"]])
