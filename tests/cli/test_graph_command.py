"""The graph on the command line: models in files, captures, formats of its own; and the window opened with values."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visualizer.cli import main as command
from visualizer.cli.main import run
from visualizer.experiments.graph import consent
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.graph.requests import source_of
from visualizer.sessions.files import save_session
from visualizer.sessions.schema import Session

TAB = (GraphTab(),)


@pytest.fixture(autouse=True)
def _nothing_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(consent, "_asked", {})
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line with which these words are refused."""

    def line(*words: str) -> str:
        assert run(words, TAB) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        return err

    return line


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """The options with which these words would open the window."""
    seen: list[argparse.Namespace] = []
    monkeypatch.setattr(command, "_show_window", lambda options: seen.append(options) or 0)

    def options(*words: str) -> Any:
        assert run(words, TAB) == 0
        return seen.pop()

    return options


def test_a_model_in_a_file_opens_the_window_and_may_run(opened: Callable[..., Any], tmp_path: Path) -> None:
    options = opened("graph", "model.py:make", "--input", "1,3,224,224", "--theme", "dark")
    state = options.given
    assert (options.tab, options.theme, options.session, options.fresh) == ("graph", "dark", None, False)
    assert (state.source, state.model, state.input) == ("file", f"{tmp_path / 'model.py'}:make", "1,3,224,224")
    assert source_of(state).allowed


def test_a_capture_opens_the_window(opened: Callable[..., Any], tmp_path: Path) -> None:
    state = opened("graph", "run.graph.json").given
    assert (state.source, state.capture) == ("capture", str(tmp_path / "run.graph.json"))


@pytest.mark.parametrize(("words", "source"), [
    (("--code", "loss = torch.ones(1)"), "code"), (("--model", "model.py:make", "--input", "2,3"), "file"),
    (("--capture", "run.graph.json"), "capture"), (("--example", "square"), "example"), (("--find", "Mul"), "example"),
    (("--code", "loss = 1", "--source", "example"), "example"), (("--code", "loss = 1", "--example", "square"), "example"),
])
def test_a_program_that_is_given_is_what_the_graph_is_of(opened: Callable[..., Any], words: tuple[str, ...], source: str) -> None:
    assert opened("graph", *words).given.source == source


def test_an_example_that_is_given_is_shown_whatever_the_session_showed(opened: Callable[..., Any], tmp_path: Path) -> None:
    state = GraphTab().default_state().changed(source="code", code="loss = 1")
    save_session(tmp_path / "last.json", Session({"graph": state}, "graph"), TAB)
    with_code = opened("graph", "--session", "last.json", "--find", "Mul").given
    assert (with_code.source, with_code.find) == ("code", "Mul")
    assert not source_of(with_code).allowed
    assert opened("graph", "--session", "last.json", "--example", "square").given.source == "example"


def test_values_open_the_window(opened: Callable[..., Any]) -> None:
    assert opened("graph", "--example", "mlp", "--depth", "5").given.depth == 5
    assert opened("graph", "--preset", "lecture_steps").given.view == "backward"
    assert opened("graph").given == TAB[0].default_state()


def test_a_program_that_a_session_brings_is_not_allowed_to_run(opened: Callable[..., Any], tmp_path: Path) -> None:
    state = TAB[0].default_state().changed(source="code", code="open('ran', 'w')")
    save_session(tmp_path / "s.json", Session({"graph": state}, "graph"), TAB)
    given = opened("graph", "--session", "s.json").given
    assert given == state
    assert not source_of(given).allowed


def test_an_export_of_a_program_that_only_a_session_names_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    state = TAB[0].default_state().changed(source="code", code="open('ran', 'w')")
    save_session(tmp_path / "s.json", Session({"graph": state}, "graph"), TAB)
    assert "has not been run" in refused("export", "graph", "--session", "s.json", "--out", "g.dot")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("words", "says"), [
    (["graph", "nothing"], "'nothing' was not expected; graph takes only options"),
    (["graph", "--exmple", "mlp"], "--exmple is not an option of 'visualizer graph'; did you mean --example?"),
    (["graph", "--example", "mlpp"], "--example: 'mlpp' was given; allowed is one of "),
    (["graph", "--theme", "blue"], "--theme: 'blue' was given; allowed is one of light, dark."),
    (["graph", "--session"], "--session: no value was given"),
    (["graph", "--session", "none.json"], "--session: The session file none.json does not exist."),
    (["grph"], "'grph' was given; allowed is list, export, one of the experiments graph, or options of the window; "
               "did you mean graph?"),
    (["export", "graph", "nothing", "--out", "g.svg"], "'nothing' was not expected"),
    (["export", "graph", "--out", "g.gif"], "a path ending in .png, .svg, .csv, .json, .dot or .graph.json, or any path"),
    (["export", "graph", "--out", "g.dot", "--format", "svg"], "--format: 'svg' was given, but --out ends in .dot"),
    (["export", "graph", "--out", "g", "--all", "--format", "dot"], "--all: dot is one file for the whole page"),
    (["export", "graph", "none.py:make", "--out", "g.dot"], "There is no Python file "),
    (["export", "graph", "--source", "code", "--code", "while True: pass", "--time-limit", "1", "--out", "g.dot"],
     "The program was stopped: it took longer than its limit of 1 s, at line 1."),
])
def test_what_cannot_be_done_is_one_line(refused: Callable[..., str], tmp_path: Path, words: list[str], says: str) -> None:
    assert says in refused(*words)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_exported_as_capture_and_that_as_dot(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("from torch import nn\ndef make(): return nn.Linear(3, 2)\n")
    assert run(["export", "graph", "model.py:make", "--input", "4,3", "--out", "run.graph.json"], TAB) == 0
    json.loads((tmp_path / "run.graph.json").read_bytes())
    assert run(["export", "graph", "run.graph.json", "--fold", "none", "--out", "g.dot"], TAB) == 0
    text = (tmp_path / "g.dot").read_text()
    assert text.startswith("digraph")
    assert text.count("AccumulateGrad") == 2


def test_the_list_names_the_formats(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "--json"], TAB) == 0
    assert json.loads(capsys.readouterr().out)["experiments"][0]["formats"] == dict(GraphTab.formats)
    assert run(["list"], TAB) == 0
    assert ".graph.json" in capsys.readouterr().out


def test_the_help_of_an_experiment_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", "--help"], TAB) == 0
    out = capsys.readouterr().out
    assert all(parameter.option in out for parameter in TAB[0].parameters().values())
    assert "--session" in out
