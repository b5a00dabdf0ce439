"""A job done with torch: the program, its graph and its backward, as the bytes of a capture."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from visualizer.experiments.graph.child.protocol import Job

if TYPE_CHECKING:
    from visualizer.experiments.graph.ran import Ran

T = TypeVar("T")

_OURS = Path(__file__).parents[3]
_FORMAT = warnings.formatwarning


def prepare() -> None:
    """Import what takes long: it does not count against the program's time."""
    import torch

    from visualizer.experiments.graph import capture_file, captures, model_files, programs  # noqa: F401

    torch.set_num_threads(1)
    warnings.formatwarning = _warning


def _warning(message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None) -> str:
    """A warning as Python writes it, but without a place in our own code, which only called torch for the program."""
    if Path(filename).is_relative_to(_OURS):
        return f"{category.__name__}: {message}\n"
    return _FORMAT(message, category, filename, lineno, line)


def run(job: Job) -> bytes:
    """Run the job's program and capture what it leaves behind.

    Raises:
        UserError: there is nothing to run. What the program itself raises is in the capture, with what was built before.
    """
    from visualizer.experiments.graph.capture_file import capture_bytes
    from visualizer.experiments.graph.captures import captured_run

    return capture_bytes(_finished(captured_run(_ran(job))).capture)


def _ran(job: Job) -> Ran:
    if job.kind == "file":
        from visualizer.experiments.graph.model_files import run_model

        return run_model(job.path, job.make, job.input, job.seed)
    from visualizer.experiments.graph.programs import run_program

    # What it prints goes to the process's own output, as everything else that is written there.
    return run_program(job.code, seed=job.seed, catch_output=False)


def _finished(steps: Generator[None, None, T]) -> T:
    """Nobody waits for a turn in this process."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
