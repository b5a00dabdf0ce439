"""The last session, kept by the program itself so that a crash loses at most the last change. Free of Qt."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from visualizer.base.errors import UserError
from visualizer.base.reading import printable, read_file
from visualizer.sessions.files import MAXIMUM_BYTES, parse_session, session_bytes
from visualizer.sessions.schema import Session, catalogue

if TYPE_CHECKING:
    from visualizer.sessions.schema import AnyExperiment


def autosave_path() -> Path:
    """Where the last session lies: the user's folder for program state."""
    from platformdirs import user_state_path

    return user_state_path("visualizer", appauthor=False) / "session.json"


class Restored(NamedTuple):
    """What was found at start: the session, or None; ``sentence`` says what became of a damaged file, else empty."""

    session: Session | None
    sentence: str


class AutosavedSession:
    """The file of the last session.

    Two windows write the same file without a lock: each write replaces the file as a whole, so it is always one
    window's whole session, and the last writer's is the one restored.
    """

    def __init__(self, path: Path | None = None, experiments: Sequence[AnyExperiment] | None = None) -> None:
        self.path = autosave_path() if path is None else path
        self._experiments = catalogue() if experiments is None else experiments
        self._written = b""

    def write(self, session: Session) -> bool:
        """Keep this session; False when it is the one kept already. Takes about a millisecond.

        The file is replaced in one step, but not forced to the disk as a saved session is: that would stall the
        window for tens of milliseconds at every change, and only a power cut could tell the difference.

        Raises:
            UserError: the file cannot be written.
        """
        data = session_bytes(session, self._experiments)
        if data == self._written:
            return False
        scratch = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                scratch.write_bytes(data)
                scratch.replace(self.path)
            except BaseException:
                scratch.unlink(missing_ok=True)
                raise
        except OSError as error:
            raise UserError(
                f"The session cannot be kept in {printable(self.path)}: {error.strerror or error}."
            ) from error
        self._written = data
        return True

    def read(self) -> Restored:
        """The session of last time, if there is one; a damaged file is put aside as ``session.json.damaged``."""
        if not os.path.lexists(self.path):
            return Restored(None, "")
        try:
            data = read_file(self.path, MAXIMUM_BYTES, "The last session")
            session = parse_session(data, self._experiments, foreign=False)
        except UserError as error:
            return Restored(None, f"The last session could not be restored. {error.sentence} {self._put_aside()}")
        self._written = data
        return Restored(session, "")

    def _put_aside(self) -> str:
        aside = self.path.with_name(self.path.name + ".damaged")
        try:
            self.path.replace(aside)
        except OSError:
            return "It is left where it is."
        return f"It is kept as {printable(aside)}."
