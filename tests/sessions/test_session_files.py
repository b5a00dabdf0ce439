"""Saving and opening sessions: exact for every state, and nothing but a sentence for whatever else a file holds."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import Wave, WaveState
from tests.strategies import states
from visualizer.base.errors import UserError
from visualizer.experiments.catalogue import EXPERIMENTS
from visualizer.experiments.landscape.experiment import Landscape
from visualizer.sessions.files import MAXIMUM_BYTES, load_session, parse_session, save_session, session_bytes
from visualizer.sessions.schema import FORMAT, SCHEMA, Session, document_of, model_of

EVERY = (*EXPERIMENTS, Wave())
WAVE = (Wave(),)


def document(**changes: Any) -> dict[str, Any]:
    made = {"format": FORMAT, "schema": SCHEMA, "visualizer": "0.1.0", "active": "wave", "experiments": {"wave": {}}}
    return made | changes


def wave(**parameters: Any) -> dict[str, Any]:
    return document(experiments={"wave": parameters})


def refusal(content: bytes | str | dict[str, Any], folder: Path, experiments: Any = WAVE) -> str:
    """The sentence with which a file of this content is refused."""
    if isinstance(content, dict):
        content = json.dumps(content)
    path = folder / "session.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(UserError) as caught:
        load_session(path, experiments)
    assert caught.value.sentence.endswith(".")
    assert "\n" not in caught.value.sentence
    assert len(caught.value.sentence) < 600
    return caught.value.sentence


@given(st.data())
def test_every_valid_state_survives_saving_and_opening_exactly(data: st.DataObject) -> None:
    session = Session({entry.name: data.draw(states(entry), label=entry.name) for entry in EVERY}, EVERY[-1].name)
    written = session_bytes(session, EVERY)
    for foreign in (True, False):
        read = parse_session(written, EVERY, foreign=foreign)
        assert read == session
        # 0.0 == -0.0 and 1 == 1.0, but not as text.
        assert repr(read.states) == repr(session.states)


def test_a_session_file_is_readable_and_in_the_order_of_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    save_session(path, Session({"wave": WaveState(frequency=2.0)}, "wave"), EVERY)
    text = path.read_text(encoding="utf-8")
    read = json.loads(text)
    assert list(read) == ["format", "schema", "visualizer", "active", "experiments"]
    assert list(read["experiments"]) == [entry.name for entry in EVERY]
    for entry in EVERY:
        assert list(read["experiments"][entry.name]) == list(entry.parameters())
    assert '\n      "frequency": 2.0,\n' in text
    assert text.endswith("}\n")


def test_an_experiment_or_parameter_missing_from_the_file_has_its_default(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(wave(phase=1.5)))
    session = load_session(path, EVERY)
    assert session.states["wave"] == WaveState(phase=1.5)
    assert session.states["landscape"] == Landscape().default_state()


def test_a_file_with_a_byte_order_mark_opens(tmp_path: Path) -> None:
    path = tmp_path / "bom.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(wave(samples=7)).encode())
    assert load_session(path, WAVE).states["wave"] == WaveState(samples=7)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\t", "is empty"),
        (b"\xff\xfe\x00{", "UTF-8"),
        (b"hello", "line 1, column 1"),
        (b'{"format": "visualizer-session",\n  "schema": }', "line 2, column 13"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b"[" * 900 + b"]" * 900, "nested"),
        (b'{"format": 1, "format": 2}', "'format' twice"),
        (b'{"schema": NaN}', "NaN"),
        (b'{"schema": -Infinity}', "-Infinity"),
        (b'{"schema": 1e999}', "too large"),
        (b'{"schema": ' + b"9" * 5000 + b"}", "5000 digits"),
        (b"[]", "no session"),
        (b"3", "no session"),
        (b"{}", "no session"),
    ],
)
def test_what_is_not_a_session_is_refused_with_a_sentence(content: bytes, says: str, tmp_path: Path) -> None:
    assert says in refusal(content, tmp_path)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (document(format="other"), "no session"),
        (document(schema=2), "newer"),
        (document(schema=10**30), "newer"),
        (document(schema=0), "schema is 0"),
        (document(schema=True), "schema is True"),
        (document(schema="1"), "schema is '1'"),
        (document(schema=1.0), "schema is 1.0"),
        (document(active="nothing"), "active is 'nothing'"),
        (document(active=["wave"]), "active is ['wave']"),
        (document(extra=1), "'extra'"),
        (document(visualizer=3), "visualizer is 3"),
        (document(experiments=[]), "experiments is []"),
        (document(experiments={"../../etc/passwd": {}}), "'../../etc/passwd'"),
        (document(experiments={"wave": 3}), "wave is 3"),
        (wave(speed=1), "wave has no parameter 'speed'"),
        (wave(frequency="1.0"), "wave.frequency: '1.0' was given; allowed is a number from 0.1 to 100 Hz"),
        (wave(frequency=True), "wave.frequency: True"),
        (wave(frequency=None), "wave.frequency: None"),
        (wave(frequency=[1.0]), "wave.frequency: [1.0]"),
        (wave(frequency=0.05), "wave.frequency: 0.05"),
        (wave(samples=2.5), "wave.samples: 2.5"),
        (wave(samples="7"), "wave.samples: '7'"),
        (wave(samples=10**30), "wave.samples"),
        (wave(grid=1), "wave.grid: 1 was given; allowed is on or off"),
        (wave(grid="on"), "wave.grid: 'on'"),
        (wave(shape="triangle"), "one of sine, cosine"),
        (wave(shape=3), "wave.shape: 3"),
        (wave(parts="A"), "wave.parts: 'A'"),
        (wave(parts=["A", "E"]), "wave.parts"),
        (wave(parts=["A", 3]), "wave.parts"),
        (wave(parts=["A", ["B"]]), "wave.parts"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(content: dict[str, Any], says: str, tmp_path: Path) -> None:
    assert says in refusal(content, tmp_path)


@pytest.mark.parametrize(
    "points",
    [
        "points.csv",
        [],
        [["P1", 0.0, 1.0]],
        [["P1", 0.0, 1.0], ["P1", 1.0, 1.0]],
        [["P1", 0.0, 1.0], ["P2", 0.0, 2.0]],
        [["P1", "0.0", 1.0], ["P2", 1.0, 2.0]],
        [["P1", True, 1.0], ["P2", 1.0, 2.0]],
        [["P1", 0.0], ["P2", 1.0, 2.0]],
        [["P1", 0.0, 1.0, 2.0], ["P2", 1.0, 2.0]],
        [["P1\u0007", 0.0, 1.0], ["P2", 1.0, 2.0]],
        [["P1\n", 0.0, 1.0], ["P2", 1.0, 2.0]],
        [["\ud800", 0.0, 1.0], ["P2", 1.0, 2.0]],
        [["", 0.0, 1.0], ["P2", 1.0, 2.0]],
        [["x" * 41, 0.0, 1.0], ["P2", 1.0, 2.0]],
        [["P1", 1e300, 1.0], ["P2", 1.0, 2.0]],
        [[f"P{index}", index, 0] for index in range(201)],
    ],
)
def test_hostile_points_are_refused(points: Any, tmp_path: Path) -> None:
    content = document(active="landscape", experiments={"landscape": {"points": points}})
    assert "landscape.points" in refusal(content, tmp_path, EVERY)


def test_points_may_be_whole_numbers_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    content = {"landscape": {"points": [["A", 0, 1], ["B", 2, 3]], "remove": []}}
    path.write_text(json.dumps(document(active="landscape", experiments=content)))
    points: Any = load_session(path, EVERY).states["landscape"]
    assert points.points == (("A", 0.0, 1.0), ("B", 2.0, 3.0))


def test_the_details_name_everything_that_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    path.write_text(json.dumps(wave(frequency=1e9, samples="x", speed=1)))
    with pytest.raises(UserError) as caught:
        load_session(path, WAVE)
    assert [name for name in ("frequency", "samples", "speed") if name in caught.value.details] == [
        "frequency", "samples", "speed",
    ]


def test_a_file_that_is_too_large_is_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate(50 * 2**30)  # sparse: reading it all would take more memory than there is
    with pytest.raises(UserError, match="larger than 5 MB"):
        load_session(path, WAVE)
    path.write_bytes(b" " * (MAXIMUM_BYTES + 1))
    with pytest.raises(UserError, match="larger than 5 MB"):
        load_session(path, WAVE)


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder"):
        load_session(tmp_path, WAVE)
    with pytest.raises(UserError, match="does not exist"):
        load_session(tmp_path / "none.json", WAVE)
    with pytest.raises(UserError, match="cannot be read"):
        load_session(tmp_path / "nul\0.json", WAVE)
    with pytest.raises(UserError, match="cannot be read"):
        load_session(tmp_path / ("long" * 100), WAVE)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such files")
def test_pipes_devices_and_sockets_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="is a pipe"):
        load_session(tmp_path / "pipe", WAVE)
    with pytest.raises(UserError, match="is a device"):
        load_session("/dev/zero", WAVE)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        with pytest.raises(UserError, match="is a device or socket"):
            load_session(tmp_path / "socket", WAVE)


def test_a_message_shows_control_characters_of_a_path_as_escapes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"bad\\nname\\x1b does not exist"):
        load_session(tmp_path / "bad\nname\x1b", WAVE)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12,
)


def accepted_or_refused(data: bytes, foreign: bool) -> None:
    try:
        session = parse_session(data, EVERY, foreign=foreign)
    except UserError as error:
        sentence = error.sentence
    else:
        assert set(session.states) == {entry.name for entry in EVERY}
        return
    assert sentence.endswith(".")
    assert "\n" not in sentence


@given(st.binary(), st.booleans())
def test_arbitrary_bytes_raise_nothing_but_a_sentence(data: bytes, foreign: bool) -> None:
    accepted_or_refused(data, foreign)


@given(st.data(), st.booleans())
def test_arbitrary_values_in_the_right_places_raise_nothing_but_a_sentence(data: st.DataObject, foreign: bool) -> None:
    entry = data.draw(st.sampled_from(EVERY))
    names = st.sampled_from(list(entry.parameters())) | st.text(max_size=5)
    parameters = data.draw(st.dictionaries(names, _JSON, max_size=4))
    whole = document(active=entry.name, experiments={entry.name: parameters})
    accepted_or_refused(json.dumps(whole).encode(), foreign)


@given(st.data())
def test_the_models_and_the_declarations_agree_on_what_is_allowed(data: st.DataObject) -> None:
    """The models of pydantic are looked at first, but never let through, nor refuse alone, what a State decides."""
    entry = data.draw(st.sampled_from(EVERY))
    name = data.draw(st.sampled_from(list(entry.parameters())))
    numbers = st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: not value.is_integer())
    value = data.draw(st.none() | st.booleans() | st.integers(-(10**9), 10**9) | numbers | st.text(max_size=6))
    whole = json.dumps(document(active=entry.name, experiments={entry.name: {name: value}})).encode()
    answers = []
    for foreign in (True, False):
        try:
            answers.append(repr(parse_session(whole, EVERY, foreign=foreign).states))
        except UserError:
            answers.append("refused")
    assert answers[0] == answers[1]


@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.name)
def test_the_model_of_every_experiment_has_exactly_its_parameters(entry: Any) -> None:
    fields = model_of(entry).model_fields
    assert list(fields) == list(entry.parameters())
    model_of(entry).model_validate(
        document_of(Session({}, entry.name), (entry,))["experiments"][entry.name]
    )


def test_sessions_are_saved_and_autosaves_read_without_pydantic_torch_numpy_or_qt(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from visualizer.sessions.autosave import AutosavedSession\n"
        "from visualizer.sessions.schema import Session\n"
        "kept = AutosavedSession(Path(sys.argv[1]))\n"
        "assert kept.write(Session({}, 'landscape'))\n"
        "assert AutosavedSession(Path(sys.argv[1])).read().session.active == 'landscape'\n"
        "print(sorted({'pydantic', 'torch', 'numpy', 'PySide6', 'scipy'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "state" / "session.json")],
        capture_output=True, text=True, check=True,
    )
    assert done.stdout.strip() == "[]"
