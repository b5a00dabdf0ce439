"""Standard output, questions and progress, whatever these are connected to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from visualizer.base.errors import UserError
from visualizer.base.reading import printable


def write_text(text: str) -> None:
    """Text for people; characters that the terminal's encoding lacks are replaced."""
    if sys.stdout is None:  # a Windows program without a console
        return
    encoding = sys.stdout.encoding or "utf-8"
    with _failures_as_sentences():
        sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
        sys.stdout.flush()


def write_stdout(pieces: Iterable[bytes]) -> None:
    """Bytes as they are: a picture, or JSON and CSV in UTF-8 whatever the terminal's encoding.

    Raises:
        BrokenPipeError: the reader has gone.
        UserError: they cannot be written.
    """
    if sys.stdout is None:
        raise UserError("There is no standard output here; give a file.")
    with _failures_as_sentences():
        sys.stdout.flush()
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


@contextmanager
def _failures_as_sentences() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        give_up_stdout()
        raise UserError(f"Standard output cannot be written: {error.strerror or error}.") from error


def give_up_stdout() -> None:
    """Point standard output at nothing, so that the interpreter's last flush finds no broken pipe or full disk."""
    if sys.stdout is not None:
        try:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, sys.stdout.fileno())
            os.close(nothing)
        except (OSError, ValueError):
            pass


def error_line(sentence: str) -> None:
    """One line on standard error, without anything that a terminal would obey."""
    if sys.stderr is None:
        return
    encoding = sys.stderr.encoding or "utf-8"
    words = "".join(letter if letter.isprintable() else " " for letter in sentence).split()
    line = f"visualizer: {' '.join(words)}\n".encode(encoding, "backslashreplace").decode(encoding)
    try:
        sys.stderr.write(line)
        sys.stderr.flush()
    except OSError:
        pass


def replace_allowed(files: Sequence[Path]) -> bool:
    """Ask whether these files may be replaced, if somebody sits at a terminal; otherwise: no."""
    if sys.stdin is None or sys.stderr is None or not sys.stdin.isatty() or not sys.stderr.isatty():
        return False
    others = len(files) - 1
    what = printable(files[0]) + (f" and {others} more exist" if others else " exists")
    sys.stderr.write(f"{what}. Replace? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class Progress:
    """One line on a terminal that counts to 100 % and then vanishes; silent elsewhere."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._shown = ""

    def __enter__(self) -> Self:
        return self

    def show(self, fraction: float) -> None:
        line = f"{self._what}: {fraction:4.0%}"
        if self._terminal and fraction < 1.0 and line != self._shown:
            self._shown = line
            sys.stderr.write(f"\r{line}")
            sys.stderr.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._shown:
            sys.stderr.write("\r" + " " * len(self._shown) + "\r")
            sys.stderr.flush()
