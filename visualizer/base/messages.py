"""The closed union of what the worker may say about a run. Plain frozen data, free of Qt."""

from __future__ import annotations

from dataclasses import dataclass

from visualizer.base.experiment import Result


@dataclass(frozen=True)
class Loading:
    """The worker is starting; ``what`` is being imported."""

    what: str


@dataclass(frozen=True)
class Ready:
    """The worker can compute. ``torch_version`` and ``devices`` ("cpu", "cuda:0 NVIDIA ...", "mps") for display."""

    torch_version: str
    devices: tuple[str, ...]
    threads: int


@dataclass(frozen=True, eq=False)
class Update:
    """A result of request ``generation`` of ``experiment``; ``final`` when the run is over."""

    experiment: str
    generation: int
    result: Result
    final: bool


@dataclass(frozen=True)
class Failed:
    """The run ended with an exception; ``expected`` when it was a UserError (its sentence is the user's answer)."""

    experiment: str
    generation: int
    sentence: str
    details: str
    expected: bool


@dataclass(frozen=True)
class Cancelled:
    """The run was cancelled by the user (not: superseded by a newer request, which is silent)."""

    experiment: str
    generation: int


@dataclass(frozen=True)
class Broken:
    """The worker cannot start at all (torch is missing or damaged)."""

    sentence: str
    details: str


Message = Loading | Ready | Update | Failed | Cancelled | Broken
