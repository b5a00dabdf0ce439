"""The child process: it reads a job, runs the user's program, and leaves a capture or a sentence in the job's folder.

Started as ``python -P -m visualizer.experiments.graph.child.main``.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import sys
import traceback
from pathlib import Path

from visualizer.base.errors import UserError
from visualizer.experiments.graph.child.limits import be_first_to_go, die_with_parent, limit_memory
from visualizer.experiments.graph.child.protocol import BEGUN, CAPTURE, NOT_BEGUN, PROBLEM, WHERE, Job, read_job
from visualizer.experiments.graph.error_words import first_line_of


def main() -> None:
    """Carry out one job and end the process."""
    leave, write = os._exit, _answer  # whatever the program does to these modules
    lifeline = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    be_first_to_go()
    try:
        job = read_job(_line(lifeline))
        die_with_parent(lifeline)  # nothing is read from there any more
        runner = importlib.import_module(job.runner)
        runner.prepare()
    except Exception:
        traceback.print_exc()
        _flush()
        leave(NOT_BEGUN)
    folder = Path(job.folder)
    status = 0
    try:
        _begin(job, folder)
        content = runner.run(job)
    except UserError as error:
        name, content = PROBLEM, _problem(error.sentence, error.details)
    except MemoryError:
        name, content = PROBLEM, _problem(
            f"The program needed more memory than its limit of {job.memory_limit:g} GiB.", traceback.format_exc())
    except SystemExit as error:
        name, content = PROBLEM, _problem(
            f"The program ended itself with sys.exit({_shown(error.code)}), before its graph could be captured.")
    except KeyboardInterrupt:
        name, content = PROBLEM, _problem("The program raised KeyboardInterrupt, as Ctrl-C does.", traceback.format_exc())
    except BaseException as error:
        name, content = PROBLEM, _problem(
            f"The program's graph could not be captured: {type(error).__name__}: {first_line_of(error) or 'no message'}",
            traceback.format_exc())
    else:
        name = CAPTURE
    try:
        faulthandler.cancel_dump_traceback_later()
        _flush()
        write(folder, name, content)
    except BaseException:
        status = NOT_BEGUN
    # Not sys.exit: threads that the program has left running would be waited for.
    leave(status)


def _line(lifeline: int) -> bytes:
    """The first line; nothing follows it."""
    pieces = b""
    while not pieces.endswith(b"\n"):
        piece = os.read(lifeline, 1 << 16)
        if not piece:
            raise EOFError("no job came")
        pieces += piece
    return pieces


def _begin(job: Job, folder: Path) -> None:
    limit_memory(round(job.memory_limit * 2**30))
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # Kept open by its descriptor: the watchdog writes without the interpreter.
    where = os.open(folder / WHERE, os.O_WRONLY | os.O_CREAT, 0o600)
    faulthandler.dump_traceback_later(job.time_limit, file=where)
    if job.kind == "code":  # as a program that is typed at the prompt finds what lies beside
        sys.path.insert(0, "")
    (folder / BEGUN).touch()


def _problem(sentence: str, details: str = "") -> bytes:
    return json.dumps({"sentence": sentence, "details": details[-100_000:]}).encode("ascii")


def _shown(code: object) -> str:
    try:
        return repr(code)[:200] if code is not None else ""
    except BaseException:
        return ""


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(BaseException):
            stream.flush()


def _answer(folder: Path, name: str, content: bytes) -> None:
    """Write the answer; it gets its name when it is complete."""
    folder.mkdir(parents=True, exist_ok=True)  # the program may have cleared up too much
    part = folder / f"{name}.part"
    part.write_bytes(content)
    part.replace(folder / name)


if __name__ == "__main__":
    main()
