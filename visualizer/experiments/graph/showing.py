"""The window for a graph that a script shows: a process of its own, which neither stops the script nor holds it up.

Why no window comes is one line on standard error, once: a training run must not end because its machine has no display.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import IO, Any

from visualizer.base.errors import UserError
from visualizer.base.system_libraries import display_problem

#: So many shown captures are kept: a window opens them again for another page, or the next time it is started.
KEPT = 10
#: Seconds in which a window that fails does so. Longer no thread of ours is in the script's process.
_PATIENCE = 15.0
_ADVICE = 'The script goes on; visualizer.capture(loss, model).save("run.graph.json") makes a file that can be opened elsewhere.'

#: Windows that were opened from this process; a process that is not waited for would be warned about.
_windows: list[subprocess.Popen[bytes]] = []
_said: set[str] = set()
_number = count(1)


def can_show() -> bool:
    """Whether there is a display; if not, that is said."""
    problem = display_problem()
    if problem is not None:
        say(f"{problem} {_ADVICE}")
    return problem is None


def open_window(save: Callable[[Path], Path], name: str) -> None:
    """Open a window on the capture that ``save`` writes to the path that it is given; ``name`` is part of the file's name."""
    if not can_show():
        return
    try:
        folder = shown_folder()
        file = save(folder / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-{next(_number)}.graph.json")
        _forget_old(folder)
        _start(file)
    except (UserError, OSError) as error:
        say(f"No window can be opened: {error} {_ADVICE}")


def program() -> list[str]:
    """The words that start visualizer.

    Raises:
        UserError: this Python does not know its own program.
    """
    if not sys.executable:
        raise UserError("This Python does not know where its own program is.")
    return [sys.executable, "-m", "visualizer"]


def shown_folder() -> Path:
    """Where shown captures lie: the user's folder for program state, or one that is left to the system to clean."""
    from platformdirs import user_state_path

    folder = user_state_path("visualizer", appauthor=False) / "shown"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.mkdtemp(prefix="visualizer-"))
    return folder if os.access(folder, os.W_OK | os.X_OK) else Path(tempfile.mkdtemp(prefix="visualizer-"))


def _forget_old(folder: Path) -> None:
    """Remove all but the newest captures of the folder."""
    found = []
    for file in folder.glob("*.graph.json"):
        try:
            found.append((file.stat().st_mtime, file))
        except OSError:
            continue  # another script has just removed it
    for _, file in sorted(found)[:-KEPT]:
        try:
            file.unlink()
        except OSError:
            continue


def _start(file: Path) -> None:
    """The window, as a process that does not end with this one.

    What it says goes into a file without a name, not to the script's own output: a pipe behind the script (``| tee log``) would
    not end before the window.
    """
    _windows[:] = [window for window in _windows if window.poll() is None]
    options: dict[str, Any] = {"start_new_session": True}
    if os.name == "nt":
        options = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined,unused-ignore]
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - the thread closes it
    try:
        window = subprocess.Popen(
            [*program(), "graph", str(file)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, **options)
    except BaseException:
        errors.close()
        raise
    _windows.append(window)
    threading.Thread(target=_watch, args=(window, errors), name="visualizer.show", daemon=True).start()


def _watch(window: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    """Say why a window did not open."""
    with errors:
        try:
            status = window.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return
        errors.seek(0)
        lines = errors.read().decode("utf-8", "replace").strip().splitlines()
        if status > 0 and lines:
            say(f"{lines[-1].removeprefix('visualizer: ')} {_ADVICE}")


def say(sentence: str) -> None:
    """One line on standard error, each sentence once."""
    if sentence in _said or sys.stderr is None:
        return
    _said.add(sentence)
    print(f"visualizer: {sentence}", file=sys.stderr, flush=True)
