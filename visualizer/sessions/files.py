"""Saving and opening a session file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from visualizer.base.errors import UserError
from visualizer.base.json_text import json_text, read_json
from visualizer.base.reading import read_file
from visualizer.sessions.migration import migrated
from visualizer.sessions.schema import (
    SCHEMA,
    Session,
    catalogue,
    document_of,
    known_part,
    refuse_unless_session,
    refuse_wrong_values,
    session_of,
)

if TYPE_CHECKING:
    from visualizer.sessions.schema import AnyExperiment

#: A session of every tab with 200 points of the longest names is some 30 kB.
MAXIMUM_BYTES = 5_000_000
_NOUN = "The session file"


def session_bytes(session: Session, experiments: Sequence[AnyExperiment]) -> bytes:
    """The file's content: JSON in UTF-8, indented, in the catalogue's order.

    Raises:
        UserError: a text holds half a character, which no file can.
    """
    try:
        return json_text(document_of(session, experiments)).encode("utf-8")
    except UnicodeEncodeError as error:
        sentence = "The session holds a text that is not valid Unicode, so it cannot be saved."
        raise UserError(sentence, str(error)) from None


def save_session(
    path: str | os.PathLike[str], session: Session, experiments: Sequence[AnyExperiment] | None = None
) -> None:
    """Write the session, atomically, replacing the file if there is one (asking is the caller's).

    Raises:
        UserError: the file cannot be written; an older one is untouched.
    """
    from visualizer.base.files import write_atomically

    write_atomically(Path(path), session_bytes(session, catalogue() if experiments is None else experiments))


def load_session(path: str | os.PathLike[str], experiments: Sequence[AnyExperiment] | None = None) -> Session:
    """The session in a file that may hold anything.

    Raises:
        UserError: it is refused, in one sentence; the details name everything that is wrong with its values.
    """
    experiments = catalogue() if experiments is None else experiments
    return parse_session(read_file(path, MAXIMUM_BYTES, _NOUN), experiments, foreign=True)


def parse_session(data: bytes, experiments: Sequence[AnyExperiment], *, foreign: bool) -> Session:
    """The session in these bytes.

    Args:
        data: the file's content.
        experiments: the catalogue.
        foreign: also look it through with the pydantic models, which name everything that is wrong. The file that
            the program itself keeps does without: importing pydantic would take longer than painting the window.

    Raises:
        UserError: it is refused.
    """
    document = read_json(data, _NOUN)
    version = refuse_unless_session(document)
    if version < SCHEMA:
        document = known_part(migrated(document, version, SCHEMA), experiments)
    if foreign:
        refuse_wrong_values(document, experiments)
    return session_of(document, experiments)
