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


def test_every_preset_that_is_named_exists() -> None:
    named = re.findall(r"--preset (\w+)", README)
    presets = {preset.name for entry in EXPERIMENTS for preset in entry.presets}
    assert set(named) <= presets


def test_the_json_of_a_descent_has_the_keys_of_the_table(tmp_path: Path) -> None:
    done = run("visualizer export landscape --steps 200 --out - --format json", tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    section = README.split("### JSON")[1].split("\n## ")[0]
    keys = re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)
    keys += re.findall(r"`(experiment|view|visualizer|torch|state)`", section)
    assert len(keys) >= 11
    for key in keys:
        value: Any = result
        for part in key.split("."):
            assert part in value, f"{key} is not in the JSON"
            value = value[part]
        assert value is not None


def test_every_shortcut_in_the_table_is_one_of_the_window(qapp: QApplication) -> None:
    table = README.split("## Keyboard")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", table, re.MULTILINE)[1:]
    promised = {key for keys, _ in rows for key in keys.split(", ") if key.startswith(("Ctrl", "Shift", "F"))}
    parent = QWidget()
    actions = [*make_actions(WINDOW, "window", parent).values(), *make_actions(TAB, "tab", parent).values()]
    there = {key.toString() for action in actions for key in action.shortcuts()}
    parent.deleteLater()
    # The undo group's and the transport bar's actions are made by themselves.
    assert promised - there == {"Ctrl+Z", "Ctrl+Shift+Z", "Ctrl+R"}


def test_the_session_in_the_readme_is_accepted(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    (tmp_path / "lecture.json").write_text(block, encoding="utf-8")
    done = run("visualizer export landscape --session lecture.json --steps 50 --out - --format json", tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["state"]["remove"] == ["P9", "P10"]


def test_the_folders_in_the_table_are_the_folders_there_are() -> None:
    listed = set(re.findall(r"^\| `(visualizer/\w+)/`", README, re.MULTILINE))
    there = {
        f"visualizer/{path.name}" for path in (ROOT / "visualizer").iterdir()
        if path.is_dir() and (path / "__init__.py").exists()
    }
    assert listed == there


def test_the_setup_scripts_are_valid_shell() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    for script in ("lib.sh", "start", "test", "run"):
        subprocess.run([bash, "-n", str(ROOT / ".ci" / script)], check=True)
