"""Older session files, rewritten version by version."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes import Wave
from visualizer.base.errors import UserError
from visualizer.sessions import migration, schema
from visualizer.sessions.migration import MIGRATIONS, migrated
from visualizer.sessions.schema import FORMAT, SCHEMA, known_part, session_of

WAVE = (Wave(),)


def pitch_became_frequency(document: dict[str, Any]) -> dict[str, Any]:
    wave = document["experiments"]["wave"]
    wave["frequency"] = wave.pop("pitch")
    return document


def milliradian_became_radian(document: dict[str, Any]) -> dict[str, Any]:
    document["experiments"]["wave"]["phase"] /= 1000
    return document


CHAIN = {1: pitch_became_frequency, 2: milliradian_became_radian}


def old(**wave: Any) -> dict[str, Any]:
    return {"format": FORMAT, "schema": 1, "active": "wave", "experiments": {"wave": wave}}


def test_each_version_is_rewritten_into_the_next_until_the_present_one() -> None:
    document = old(pitch=3.0, phase=1500.0)
    result = migrated(document, 1, 3, CHAIN)
    assert result["experiments"]["wave"] == {"frequency": 3.0, "phase": 1.5}
    assert result["schema"] == 3
    assert document == old(pitch=3.0, phase=1500.0)


def test_a_document_of_the_present_version_is_taken_as_it_is() -> None:
    document = old(frequency=3.0)
    assert migrated(document, 2, 2, CHAIN) is document


def test_a_document_that_is_not_what_its_version_says_is_refused() -> None:
    for broken in (old(frequency=3.0), old(pitch=1.0, phase="x"), {"format": FORMAT, "schema": 1, "experiments": []}):
        with pytest.raises(UserError, match="is not a session of that schema") as caught:
            migrated(broken, 1, 3, CHAIN)
        assert caught.value.details


def test_what_an_older_file_knows_and_this_version_does_not_is_left_out() -> None:
    document = old(phase=1.0, forgotten=3) | {"active": "gone", "extra": 1}
    document["experiments"]["gone"] = {"a": 1}
    session = session_of(known_part(document, WAVE), WAVE)
    assert session.active == "wave"
    assert session.states == {"wave": Wave().default_state().changed(phase=1.0)}


def test_the_values_of_an_older_file_are_checked_all_the_same() -> None:
    for experiments in ({"wave": {"phase": 99.0}}, {"wave": []}, []):
        document = old() | {"experiments": experiments}
        with pytest.raises(UserError, match="refused"):
            session_of(known_part(document, WAVE), WAVE)


def test_an_older_file_opens_through_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    from visualizer.sessions import files

    monkeypatch.setattr(schema, "SCHEMA", 3)
    monkeypatch.setattr(files, "SCHEMA", 3)
    monkeypatch.setattr(migration.migrated, "__defaults__", (CHAIN,))
    data = json.dumps(old(pitch=9.0, phase=500.0, x=1)).encode()
    session = files.parse_session(data, WAVE, foreign=True)
    assert session.states["wave"] == Wave().default_state().changed(frequency=9.0, phase=0.5)


def test_there_is_a_migration_from_every_older_schema() -> None:
    assert list(MIGRATIONS) == list(range(1, SCHEMA))
