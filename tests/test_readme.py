"""What the README says is true: its commands run, its paths exist, its tables are the program's own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from visualizer.cli.parsing import window_parser
from visualizer.experiments.catalogue import EXPERIMENTS
from visualizer.ui.actions import TAB, WINDOW, make_actions

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = Path(sys.executable).parent


def code_lines(language: str) -> list[str]:
    """The lines of every code block in this language, without comments."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def inline_code() -> list[str]:
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


COMMANDS = [line for line in code_lines("sh") if line.startswith("visualizer ")]


def run(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    kept |= {"PATH": f"{PROGRAMS}{os.pathsep}{kept['PATH']}", "HOME": str(cwd)}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], cwd=cwd, env=kept, capture_output=True, text=True, timeout=100,
        stdin=subprocess.DEVNULL,
    )


def test_there_are_commands_to_run() -> None:
    """Else the next test would pass by running nothing."""
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_does_what_it_says(line: str, tmp_path: Path) -> None:
    done = run(line, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    out = re.search(r"--out (\S+)", line)
    if out is None or out[1] == "-":
        assert done.stdout
        return
    target = tmp_path / out[1]
    made = [target] if target.is_file() else list(target.iterdir())
    assert made
    assert all(path.stat().st_size > 100 for path in made)


def test_a_window_command_of_the_text_is_understood() -> None:
    lines = [code for code in inline_code() if re.match(r"visualizer( --|$)", code)]
    commands = [line.replace("FILE", "lecture.json").split()[1:] for line in lines]
    assert len(commands) >= 3
    for words in commands:
        window_parser().parse(words)


def test_every_path_that_is_named_exists() -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    path = re.compile(r"\.?[\w.-]+/[\w./-]*|LICENSE|\.?[\w-]+\.(?:txt|toml|yaml|md)")
    named = [code for code in inline_code() if path.fullmatch(code) and not code.startswith(".venv/")]
    scripts = [word for line in code_lines("sh") for word in line.split() if word.startswith(".ci/")]
    assert len(linked) >= 2
    assert len(named) >= 15
    assert [name for name in {*linked, *named, *scripts} if not (ROOT / name).exists()] == []


def test_the_two_commands_stand_on_the_first_screen() -> None:
    first = README.splitlines()[:24]
    assert any(line.startswith("bash .ci/start") for line in first)
    assert any(line.startswith("bash .ci/test") for line in first)


def test_every_experiment_has_a_table_of_its_pages() -> None:
    tables = [part.split("\n\n")[0] for part in README.split("| page | question |")[1:]]
    rows = [[line.split("|")[1].strip() for line in table.splitlines()[2:]] for table in tables]
    assert rows == [[view.title for view in experiment.views] for experiment in EXPERIMENTS]
