"""What the README says is true: its commands run, its paths exist, its tables are the program's own."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QWidget

from visualizer import load as load_graph
from visualizer.cli.parameter_options import experiment_parser
from visualizer.cli.parsing import window_parser
from visualizer.cli.states import state_from
from visualizer.experiments.catalogue import EXPERIMENTS
from visualizer.experiments.graph.examples.entry import Example
from visualizer.experiments.graph.programs import run_program
from visualizer.ui.actions import TAB, WINDOW, make_actions
from visualizer.ui.graph.keyboard import HELP, command_of

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = Path(sys.executable).parent
_NO_DISPLAY = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")


def code_lines(language: str) -> list[str]:
    """The lines of every code block in this language, without comments."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = [re.sub(r"(^|\s)#.*", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]


def inline_code() -> list[str]:
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`\n]+)`", prose)


#: A command that is the name of a tab opens a window, for which there is no display here: it is looked at, not run.
TAB_WINDOW = re.compile(rf"visualizer (?:{'|'.join(entry.name for entry in EXPERIMENTS)}) ")
COMMANDS = [line for line in code_lines("sh") if line.startswith("visualizer ") and not TAB_WINDOW.match(line)]
WINDOW_COMMANDS = [line for line in code_lines("sh") if TAB_WINDOW.match(line)]
#: Python files of the text, by the name in their first line.
FILES = dict(re.findall(r"^```python\n# (\S+\.py)\n(.*?)^```", README, re.MULTILINE | re.DOTALL))


def run(line: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in _NO_DISPLAY}
    kept |= {"PATH": f"{PROGRAMS}{os.pathsep}{kept['PATH']}", "HOME": str(cwd)}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", line], cwd=cwd, env=kept, capture_output=True, text=True, timeout=100,
        stdin=subprocess.DEVNULL,
    )


def test_there_are_commands_to_run() -> None:
    """Else the next test would pass by running nothing."""
    assert len(COMMANDS) >= 8


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder in which the script of the README was run, and what it said."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "train.py").write_text(FILES["train.py"], encoding="utf-8")
    return folder, run("python train.py", folder)


def test_the_script_of_the_readme_runs_to_its_end_without_a_display(
    script: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, done = script
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{'nodes': 10, 'edges': 9} <Graph of Sequential: 10 nodes, 9 edges, backward of 10 steps>")
    assert load_graph(folder / "run.graph.json").counts == {"nodes": 10, "edges": 9}
    assert "no display" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_of_the_readme_does_what_it_says(
    line: str, tmp_path: Path, script: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    (tmp_path / "model.py").write_text(FILES["model.py"], encoding="utf-8")
    shutil.copy(script[0] / "run.graph.json", tmp_path)
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


@pytest.mark.parametrize("line", WINDOW_COMMANDS)
def test_a_window_command_opens_what_it_says(line: str) -> None:
    """Its word and options are those of the tab, and lead to the model or the capture that it names."""
    _, name, word, *rest = shlex.split(line)
    experiment = next(entry for entry in EXPERIMENTS if entry.name == name)
    state: Any = state_from(vars(experiment_parser(experiment).parse(rest)), experiment, EXPERIMENTS, word)
    assert word in (Path(state.model).name, Path(state.capture).name)


def test_there_are_window_commands_and_files() -> None:
    assert len(WINDOW_COMMANDS) >= 2
    assert set(FILES) == {"model.py", "train.py"}


def test_the_graph_that_is_added_in_the_text_is_an_entry_that_runs() -> None:
    (block,) = re.findall(r"^```python\n(Example\(.*?)^```", README, re.MULTILINE | re.DOTALL)
    entry = eval(block, {"Example": Example})
    assert isinstance(entry, Example)
    assert run_program(entry.program()).roots[0].requires_grad


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
    section = README.split("### JSON")[1].split("| key of a graph |")[0]
    keys = re.findall(r"^\| `([\w.]+)` \|", section, re.MULTILINE)
    keys += re.findall(r"`(experiment|view|visualizer|torch|state)`", section)
    assert len(keys) >= 11
    for key in keys:
        value: Any = result
        for part in key.split("."):
            assert part in value, f"{key} is not in the JSON"
            value = value[part]
        assert value is not None


def test_the_json_of_a_graph_has_the_keys_of_the_table(tmp_path: Path) -> None:
    done = run("visualizer export graph --example lecture --fold none --out - --format json", tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    table, after = README.split("| key of a graph |")[1].split("\n\n")[:2]
    rows = dict(re.findall(r"^\| (`.+?`) \| (.+) \|$", table, re.MULTILINE))
    code = re.compile(r"`(\w+)`")
    head = {"experiment", "view", "visualizer", "torch", "state", "title", "model", "captured_with"}
    assert {key for keys in rows for key in code.findall(keys)} | {"loss"} == result.keys() - head
    for name in ("counts", "nodes", "edges", "leaves", "calls", "memory", "backward"):
        there = result[name][0] if isinstance(result[name], list) else result[name]
        assert {key for key in code.findall(rows[f"`{name}`"]) if key not in ("next_functions", "None")} <= there.keys(), name
    assert set(code.findall(after)) <= result["loss"].keys()


def test_the_keys_in_a_graph_are_those_of_its_canvas() -> None:
    table = README.split("| keys in a graph |")[1].split("\n\n")[0]
    keys = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", table, re.MULTILINE)
    named = {key.strip() for row in keys for key in re.sub(r"\(.*?\)", "", row).split(",")} - {"---"}
    keyed = {"\u2190": Qt.Key.Key_Left, "\u2192": Qt.Key.Key_Right, "\u2191": Qt.Key.Key_Up, "\u2193": Qt.Key.Key_Down}
    plain = Qt.KeyboardModifier.NoModifier
    for name in named - {"F3", "Shift+F3", "Shift with an arrow", "Ctrl+C", "\u2212", "+"}:
        key = keyed.get(name) or QKeySequence(name)[0].key()
        assert command_of(QKeyEvent(QEvent.Type.KeyPress, key, plain), chosen=True) is not None, name
    for name in ("F3", "Shift with an arrow", "Ctrl+C"):
        assert name in named
        assert name.split()[0] in HELP


def test_every_shortcut_in_the_table_is_one_of_the_window(qapp: QApplication) -> None:
    table = README.split("## Keyboard")[1].split("\nIn a graph")[0]
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
