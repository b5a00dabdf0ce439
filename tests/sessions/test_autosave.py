"""The program's own copy of the last session."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.fakes import Wave, WaveState
from visualizer.base.errors import UserError
from visualizer.experiments.catalogue import EXPERIMENTS
from visualizer.sessions.autosave import AutosavedSession, Restored, autosave_path
from visualizer.sessions.schema import Session

WAVE = (Wave(),)


def session(**values: object) -> Session:
    return Session({"wave": WaveState(**values)}, "wave")  # type: ignore[arg-type]


def test_the_last_session_comes_back_in_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "there" / "session.json"
    first = AutosavedSession(path, WAVE)
    assert first.read() == Restored(None, "")
    first.write(session(phase=1.0))
    first.write(session(phase=2.0))
    assert AutosavedSession(path, WAVE).read() == Restored(session(phase=2.0), "")
    assert list(path.parent.iterdir()) == [path]


def test_the_same_session_is_not_written_twice(tmp_path: Path) -> None:
    kept = AutosavedSession(tmp_path / "session.json", WAVE)
    assert kept.write(session(phase=1.0))
    kept.path.unlink()
    assert not kept.write(session(phase=1.0))
    assert not kept.path.exists()
    assert kept.write(session(phase=1.5))


def test_a_damaged_session_is_put_aside_and_said(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text('{"format": "visual')
    found = AutosavedSession(path, WAVE).read()
    assert found.session is None
    assert "could not be restored" in found.sentence
    assert "session.json.damaged" in found.sentence
    assert not path.exists()
    assert (tmp_path / "session.json.damaged").read_text() == '{"format": "visual'
    assert AutosavedSession(path, WAVE).read() == Restored(None, "")


def test_a_session_of_a_newer_version_is_put_aside_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text(json.dumps({"format": "visualizer-session", "schema": 99}))
    kept = AutosavedSession(path, WAVE)
    assert "newer" in kept.read().sentence
    kept.write(session())
    assert json.loads((tmp_path / "session.json.damaged").read_text())["schema"] == 99


def test_a_folder_in_its_place_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.mkdir()
    kept = AutosavedSession(path, WAVE)
    assert "is a folder" in kept.read().sentence
    assert kept.write(session())


def test_a_place_that_cannot_be_written_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be kept in"):
        AutosavedSession(tmp_path / "file" / "session.json", WAVE).write(session())
    blocked = tmp_path / "session.json"
    (blocked / "inside").mkdir(parents=True)
    with pytest.raises(UserError, match="cannot be kept in"):
        AutosavedSession(blocked, WAVE).write(session())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "session.json"]


def test_two_windows_leave_one_whole_session(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    one, two = AutosavedSession(path, WAVE), AutosavedSession(path, WAVE)
    for step in range(20):
        one.write(session(phase=step / 10))
        two.write(session(phase=-step / 10))
    assert AutosavedSession(path, WAVE).read().session == session(phase=-1.9)


def test_keeping_a_session_takes_less_than_a_frame(tmp_path: Path) -> None:
    """5 ms is a third of a frame at 60 Hz; the best of several, because the machine does other things as well."""
    kept = AutosavedSession(tmp_path / "session.json", EXPERIMENTS)
    landscape = EXPERIMENTS[-1]
    taken = []
    for step in range(15):
        state = landscape.default_state().changed(shown_step=step)
        start = time.perf_counter()
        assert kept.write(Session({landscape.name: state}, landscape.name))
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.005


def test_it_lies_in_the_users_folder_for_program_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert autosave_path().name == "session.json"
    assert "visualizer" in autosave_path().parts
