"""Reading a file that a user names, without trusting that it is one."""

from __future__ import annotations

import os
import stat

from visualizer.base.errors import UserError


def read_file(path: str | os.PathLike[str], limit: int, noun: str, *, pipes: bool = False) -> bytes:
    """The bytes of a file of at most ``limit`` bytes; never more than that is read, and nothing is waited for.

    Args:
        path: as the user gave it.
        limit: in bytes.
        noun: begins every sentence ("The session file").
        pipes: a pipe is allowed as well (a script's ``<(command)``); it is waited for.

    Raises:
        UserError: there is none, it is no file, it is too large, it cannot be read.
    """
    shown = printable(path)
    try:
        # Looked at before it is opened: opening a device can already do something.
        _refuse_kind(os.stat(path).st_mode, noun, shown, pipes)  # noqa: PTH116
        flags = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        if not pipes:
            flags |= getattr(os, "O_NONBLOCK", 0)
        with open(os.open(path, flags), "rb", buffering=0) as file:  # noqa: PTH123
            _refuse_kind(os.fstat(file.fileno()).st_mode, noun, shown, pipes)
            pieces: list[bytes] = []
            left = limit + 1
            while left > 0 and (piece := file.read(min(left, 1 << 20))):
                pieces.append(piece)
                left -= len(piece)
    except FileNotFoundError:
        raise UserError(f"{noun} {shown} does not exist.") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{noun} {shown} cannot be read: {reason}.") from None
    if left <= 0:
        raise UserError(f"{noun} {shown} is larger than {limit / 1e6:g} MB, the most that is read.")
    return b"".join(pieces)


def printable(path: str | os.PathLike[str], most: int = 200) -> str:
    """A path for a one-line message: control characters and undecodable bytes as escapes, a long one cut."""
    text = os.fspath(path)
    clean = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in text[-most:]
    )
    return clean if len(text) <= most else "..." + clean


def _refuse_kind(mode: int, noun: str, shown: str, pipes: bool) -> None:
    if stat.S_ISREG(mode) or (pipes and stat.S_ISFIFO(mode)):
        return
    kind = "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device or socket"
    raise UserError(f"{noun} {shown} is {kind}, not a file.")
