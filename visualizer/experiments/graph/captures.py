"""From a source to a capture: examples are run here, users' programs in a child process, saved captures read."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from visualizer.base.errors import UserError
from visualizer.experiments.graph import previews
from visualizer.experiments.graph.backward import recorded
from visualizer.experiments.graph.examples.catalogue import example
from visualizer.experiments.graph.model import Capture
from visualizer.experiments.graph.programs import run_program
from visualizer.experiments.graph.ran import Ran
from visualizer.experiments.graph.requests import Source
from visualizer.experiments.graph.turns import in_turns
from visualizer.experiments.graph.walking import Walked, walk

#: So many sources are kept: going back to one, or to another page of it, needs no new run.
_MOST = 4


@dataclass(frozen=True, eq=False)
class Captured:
    """A capture; ``walked``: what it was made of, if that lives in this process (None: from a child process or a file)."""

    capture: Capture
    walked: Walked | None = None


_lock = threading.Lock()
_kept: OrderedDict[object, Captured] = OrderedDict()


def captured(source: Source) -> Generator[None, None, Captured]:
    """Run, or read, what this source names; yields every few milliseconds, except while an example's own program runs.

    As :func:`captured_in_parts`, without what comes before the answer.
    """
    return (yield from _silently(captured_in_parts(source)))


def _silently(run: Generator[Captured | None, None, Captured]) -> Generator[None, None, Captured]:
    try:
        while True:
            try:
                next(run)
            except StopIteration as end:
                found: Captured = end.value
                return found
            yield None
    finally:
        run.close()


def captured_in_parts(source: Source) -> Generator[Captured | None, None, Captured]:
    """Of an example, yields its capture as soon as the graph is known; the answer has the very same graph, and its backward.

    An answer is kept until four others have been asked for. What is left half-way leaves nothing behind.

    Raises:
        UserError: the user has not asked for this program to be run; it cannot be run or read.
    """
    if not source.allowed:
        raise UserError("This program has not been run in this window yet. Press Run to run it.",
                        "A session or a link brings a program as text only; it runs when you ask for it.")
    key = source, _stamp(source)
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found
    found = yield from _made(source)
    with _lock:
        _kept[key] = found
        while len(_kept) > _MOST:
            _kept.popitem(last=False)
    return found


def forget() -> None:
    """Keep nothing: the next answers are made anew."""
    with _lock:
        _kept.clear()


def _made(source: Source) -> Generator[Captured | None, None, Captured]:
    match source.kind:
        case "example":
            entry, sizes = example(source.example), dict(source.sizes)
            entry.check(sizes)
            yield None
            ran = yield from in_turns(lambda: run_program(entry.program(sizes), entry.name, source.seed, title=entry.title))
            yield None
            return (yield from _run_in_parts(ran))
        case "capture":
            from visualizer.experiments.graph.capture_file import read_capture

            if not source.path.strip():
                raise UserError("No capture is named yet. Give a file that visualizer.capture(loss, model).save(...) wrote.")
            return Captured((yield from read_capture(source.path)))
        case _:
            from visualizer.experiments.graph.child.parent import run_in_child

            return Captured((yield from run_in_child(source)))


def captured_run(ran: Ran) -> Generator[None, None, Captured]:
    """Walk the graph of a forward pass and run it backward once."""
    return (yield from _silently(_run_in_parts(ran)))


def _run_in_parts(ran: Ran) -> Generator[Captured | None, None, Captured]:
    """As :func:`captured_run`, with what is known before the backward pass on the way."""
    walked = yield from walk(ran.roots, ran.model, ran.recording)
    # The program's variables go with the graph, and before its nodes: with functions among them they are a cycle, which would hold
    # the loss until the collector comes, and then the nodes would be destroyed by recursion.
    walked.live.first(ran.space.clear)
    found = Captured(Capture(walked.graph, None, torch.__version__), walked)
    if walked.roots:
        yield found
        backward = yield from recorded(walked, previews.budget(3 * len(walked.graph.nodes)))
        found = Captured(replace(found.capture, backward=backward), walked)
    return found


def _stamp(source: Source) -> object:
    """Changes when the file changes, or a Python file beside it, which it may import."""
    if not source.path:
        return None
    path = Path(os.path.expanduser(source.path))  # noqa: PTH111 - its own refuses an unknown user
    found = []
    try:
        beside = sorted(path.parent.glob("*.py"))[:200] if source.kind == "file" else []
    except (OSError, ValueError):  # a text with a NUL, or with half a pair, is no path
        beside = []
    for file in (path, *beside):
        try:
            status = file.stat()
        except (OSError, ValueError):
            continue
        found.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(found)
