"""A person at the graph: the lecture's example with one click, a node that tells about itself, programs that run when asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from xvfb import Display, Program, find, wait_for

from end_to_end.hands import CLOSED, kept

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]



def boxes(shown: dict[str, Any], figure: str = "graph") -> list[dict[str, Any]]:
    """The boxes of a graph that is shown."""
    return next((graph["boxes"] for graph in shown["graphs"] if graph["name"] == f"graph.figure.{figure}"), [])


def said(shown: dict[str, Any], *words: str) -> bool:
    """Whether some widget says all these words."""
    return any(all(word in str(widget.get("text", "")) for word in words) for widget in shown["widgets"])


def click_box(program: Program, title: str) -> None:
    box = program.wait_for(
        lambda shown: next((box for box in boxes(shown) if box["title"].startswith(title)), None), f"the box {title}"
    )
    assert isinstance(box, dict)
    program.display.click(box["x"], box["y"])


def write_program(program: Program, text: str) -> None:
    """Replace the program in the editor, without running it; line by line, since the editor indents by itself."""
    program.click("graph.code")
    program.wait_for(lambda shown: (editor := find(shown, "graph.code")) and editor["hasFocus"], "the focus in the editor")
    program.display.key("ctrl+a", "Delete")
    for index, line in enumerate(text.split("\n")):
        if index:
            program.display.key("Return", "Home")
        program.display.type(line.lstrip() if index and line.startswith(" ") and not line.strip() else line)


def choose_own_code(program: Program) -> None:
    """The choice "Graph of" on "My code", by keyboard."""
    program.click("graph.source")
    program.display.key("Home", "Down", "Return")
    program.wait_for(lambda shown: find(shown, "graph.code"), "the editor")


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_lectures_graph_is_one_click_away_and_a_clicked_node_tells_about_itself(display: Display, tmp_path: Path) -> None:
    with Program(display, "--fresh", "--tab", "graph", cwd=tmp_path) as program:
        program.click("graph.preset.lecture")
        shown = program.wait_for(lambda shown: len(boxes(shown)) == 6 and shown, "the six nodes of Linear and Sigmoid")
        graph = next(graph for graph in shown["graphs"] if graph["name"] == "graph.figure.graph")
        assert graph["edges"] == 5
        click_box(program, "Sigmoid")
        program.wait_for(lambda shown: said(shown, "SigmoidBackward0"), "the node's name in torch")
        program.click("graph.view.backward")
        program.wait_for(
            lambda shown: any("2 of 2" in graph["badge"] and "bit for bit" in graph["badge"] for graph in shown["graphs"]),
            "the sentence that the steps equal loss.backward()",
        )
        assert program.closed()[:2] == (0, "")


def test_a_typed_program_runs_only_when_asked_and_its_error_stands_at_its_line(
    display: Display, home: Path, tmp_path: Path
) -> None:
    witness = tmp_path / "it-ran"
    with Program(display, "--fresh", "--tab", "graph", cwd=tmp_path) as program:
        choose_own_code(program)
        write_program(program, f"open({str(witness)!r}, 'w').close()\nw = torch.ones(2, requires_grad=True)\nloss = (w * w).sum()")
        program.wait_for(lambda shown: "(w * w).sum()" in find(shown, "graph.code")["toPlainText"], "the typed program")
        program.click("graph.seed")
        program.wait_for(lambda shown: "w * w" in kept(home, "graph").get("code", ""), "the program to be kept")
        assert not witness.exists()
        program.click("graph.code.run")
        program.wait_for(lambda shown: any(box["title"].startswith("Mul") for box in boxes(shown)), "the graph of the program")
        assert witness.exists()

        write_program(program, "w = torch.ones(2, requires_grad=True)\nh = w * 3\nloss = h @ torch.ones(5)")
        display.key("ctrl+Return")
        program.wait_for(
            lambda shown: (label := find(shown, "graph.code.message")) and "3" in label["text"], "a sentence that names line 3"
        )
        program.wait_for(lambda shown: any(box["title"].startswith("Mul") for box in boxes(shown)), "what was built before")
        assert program.closed()[:2] == (0, "")

    witness.unlink()
    with Program(display, "--tab", "graph", cwd=tmp_path) as program:
        program.wait_for(lambda shown: find(shown, "graph.code"), "the editor with the program of the last time")
        program.wait_for(lambda shown: said(shown, "Run"), "a sentence that asks for Run")
        assert not witness.exists()
        assert program.closed()[:2] == (0, "")


def test_an_endless_program_is_stopped_by_its_button_and_by_closing_the_window(display: Display, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    endless = f"import os\nopen({str(told)!r}, 'w').write(str(os.getpid()))\nwhile True: pass"

    def started(program: Program) -> int:
        program.wait_for(lambda shown: told.exists() and told.read_text(), "the program to run")
        pid = int(told.read_text())
        told.unlink()
        return pid

    with Program(display, "--fresh", "--tab", "graph", cwd=tmp_path) as program:
        choose_own_code(program)
        write_program(program, endless)
        display.key("ctrl+Return")
        first = started(program)
        program.click("graph.code.stop")
        wait_for(lambda: not runs(first), "the program's end", program.process)
        program.wait_for(lambda shown: not find(shown, "graph.code.stop")["isEnabled"], "the button to say that nothing runs")

        program.click("graph.code.run")
        second = started(program)
        code, errors, seconds = program.closed()
        assert (code, errors) == (0, "")
        assert seconds < CLOSED
        assert not runs(second)
