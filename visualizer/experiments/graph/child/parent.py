"""The window's side: it starts the child, watches its limits from a thread, and reads what it leaves behind."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from visualizer.base.errors import UserError
from visualizer.experiments.graph.child import group
from visualizer.experiments.graph.child.endings import at_line, ending
from visualizer.experiments.graph.child.protocol import (
    BEGUN,
    CAPTURE,
    KEPT_OUTPUT,
    MOST_OUTPUT,
    OUTPUT,
    PROBLEM,
    START_LIMIT,
    WHERE,
    Job,
)
from visualizer.experiments.graph.error_words import showable

if TYPE_CHECKING:
    from visualizer.experiments.graph.model import Capture
    from visualizer.experiments.graph.requests import Source

#: The module that runs a job in the child.
RUNNER = "visualizer.experiments.graph.child.running"
#: Seconds between two looks at the child: whether it has ended, and (every so many looks) how much it has.
_LOOK, _LOOKS_AT_MEMORY = 0.005, 8
#: Seconds that a run waits for the child before it says "not yet".
_WAIT = 0.004
#: Seconds that the child has to write down where its program is when its time is over.
_GRACE = 1.0
#: What a terminal takes as a command: colours, titles.
_CODES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
#: How the last programs failed that the user asked for; asking again makes another source.
_failures: dict[Source, tuple[str, str]] = {}
_MOST_FAILURES = 8


def run_in_child(source: Source, runner: str = RUNNER) -> Generator[None, None, Capture]:
    """Run the source's program in a process of its own; yields None while that goes on, and returns what it leaves behind.

    Closing the generator kills the process and all that it has started. What failed is not run once more for another page, only
    when the user asks again.

    Args:
        source: of the kind "code" or "file"; that the user asked for it is the caller's to know.
        runner: for tests: the module that does it.

    Raises:
        UserError: the program left nothing that could be drawn; its sentence says what happened, the details are what it printed.
    """
    known = _failures.get(source)
    if known is not None:
        raise UserError(*known)
    with tempfile.TemporaryDirectory(prefix="visualizer-", ignore_cleanup_errors=True) as folder:
        child = Child(source, Path(folder), runner)
        try:
            while not child.done.wait(_WAIT):
                yield None
        finally:
            child.stop()
        try:
            child.refuse()
            capture = yield from _read(child)
        except UserError as error:
            if source.asked:
                _failures[source] = error.sentence, error.details
                while len(_failures) > _MOST_FAILURES:
                    del _failures[next(iter(_failures))]
            raise
        return replace(capture, graph=replace(capture.graph, output=child.output()))


def _read(child: Child) -> Generator[None, None, Capture]:
    """Through capture_file, as every other capture: a child that was tampered with can leave a wrong file, and no more."""
    from visualizer.experiments.graph.capture_file import read_capture

    try:
        return (yield from read_capture(child.folder / CAPTURE))
    except UserError as error:
        raise UserError("The program ran, but its graph came back damaged; it may have changed torch or Python themselves.",
                        f"{error.sentence}\n{child.output()}".strip()) from None


class Child:
    """One child process and the thread that watches it.

    Attributes:
        done: is set when the child has ended, by itself or killed because of a limit.

    Raises:
        UserError: it cannot be started.
    """

    def __init__(self, source: Source, folder: Path, runner: str) -> None:
        self.folder = folder
        self.done = threading.Event()
        self._source = source
        path = os.path.expanduser(source.path)  # noqa: PTH111 - the text may be no path at all
        self._path = os.path.abspath(path) if path else ""  # noqa: PTH100
        self._over = ""  # which limit was passed, as a sentence
        self._stopping = False
        job = Job(str(folder), runner, source.kind, source.code, self._path, source.make, source.input, source.seed,
                  source.time_limit, source.memory_limit)
        try:
            with (folder / OUTPUT).open("ab") as output:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-X", "faulthandler", "-m", f"{__package__}.main"], stdin=subprocess.PIPE,
                    stdout=output, stderr=subprocess.STDOUT, env=_environment(self.folder), start_new_session=True,
                    creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
                )
        except (OSError, ValueError) as error:
            raise UserError(f"The process for the program could not be started: {error}.") from error
        self._watch = threading.Thread(target=self._look, args=(job.line(),), name="child", daemon=True)
        self._watch.start()

    def _look(self, job: bytes) -> None:
        began, limit = time.monotonic(), START_LIMIT
        looks = 0
        try:
            self._send(job)
            while not group.ended(self._process):
                if limit is START_LIMIT and (self.folder / BEGUN).exists():
                    began, limit = time.monotonic(), self._source.time_limit
                if looks % _LOOKS_AT_MEMORY == 0:
                    self._empty_output()
                    if (over := self._too_much()) and not self._stopping:
                        self._over = over
                        break
                if time.monotonic() - began > limit:
                    if limit is not START_LIMIT:
                        self._wait_for_the_line()
                    self._over = self._too_long(limit is START_LIMIT)
                    break
                if self._stopping:
                    break
                looks += 1
                time.sleep(_LOOK)
        finally:
            group.kill(self._process, str(self.folder))
            stdin = self._process.stdin
            if stdin is not None:
                try:
                    stdin.close()
                except OSError:
                    pass
            self.done.set()

    def _wait_for_the_line(self) -> None:
        end = time.monotonic() + _GRACE
        while time.monotonic() < end and not self._stopping and not at_line(self._text(WHERE), self._path):
            time.sleep(_LOOK)

    def _send(self, job: bytes) -> None:
        """The job. The pipe stays open: its end tells the child that the window is gone."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(job)
            self._process.stdin.flush()
        except OSError:
            pass  # the child is dead already, and how it died says more

    def _too_much(self) -> str:
        processes = group.members(self._process.pid)
        if len(processes) > group.MOST_PROCESSES:
            return f"The program was stopped: it had started more than {group.MOST_PROCESSES} processes."
        if group.memory(processes) > self._source.memory_limit * 2**30:
            return f"The program was stopped: it took more memory than its limit of {self._source.memory_limit:g} GiB."
        return ""

    def _too_long(self, starting: bool) -> str:
        if starting:
            return f"The process for the program was not ready after {START_LIMIT:g} s."
        where = at_line(self._text(WHERE), self._path)
        return f"The program was stopped: it took longer than its limit of {self._source.time_limit:g} s{where}."

    def _empty_output(self) -> None:
        """A program that prints for ever must not fill the disk; it appends, so that it goes on at the new end."""
        file = self.folder / OUTPUT
        try:
            if file.stat().st_size > MOST_OUTPUT:
                kept = self._tail(file)
                os.truncate(file, 0)
                with file.open("ab") as stream:
                    stream.write(kept)
        except OSError:
            pass

    def stop(self) -> None:
        """Kill the child and all that it has started, if it still runs, and reap it."""
        self._stopping = True
        self._watch.join()

    def refuse(self) -> None:
        """Raise the sentence on why there is no capture, unless there is one."""
        details = self.output()
        if self._over:
            raise UserError(self._over, details)
        if (self.folder / CAPTURE).exists():
            return
        try:
            told = json.loads(self._text(PROBLEM))
            sentence, details = str(told["sentence"]), f"{told['details']}\n{details}".strip()
        except (ValueError, TypeError, KeyError):
            sentence = ending(self._process.returncode, details, self._path)
        raise UserError(sentence, details)

    def output(self) -> str:
        """What the program printed, on standard output and standard error, in order; at most the last 100 kB.

        Without the codes that colour a terminal; of a line that was written over, as progress bars do, what stood last.
        """
        text = _CODES.sub("", self._text(OUTPUT)).removesuffix("\r").replace("\r\n", "\n")
        return showable("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n")))

    def _text(self, name: str) -> str:
        try:
            return self._tail(self.folder / name).decode("utf-8", "replace").replace("\r\n", "\n").replace("\x00", "")
        except OSError:
            return ""

    @staticmethod
    def _tail(file: Path) -> bytes:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - KEPT_OUTPUT))
            return stream.read(KEPT_OUTPUT)


def _environment(folder: Path) -> dict[str, str]:
    """The user's own, with what torch and Python read when they start; the child finds this very visualizer.

    The job's folder is in it, too: by that, whatever the program starts is known, even what has left its session.
    """
    import visualizer

    here = str(Path(visualizer.__file__).resolve().parents[1])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    own = {
        group.MARK: str(folder), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8:backslashreplace",
        "PYTHONPATH": os.pathsep.join([*paths, *([here] if here not in paths else [])]),
    }
    return {"OMP_WAIT_POLICY": "PASSIVE"} | dict(os.environ) | own
