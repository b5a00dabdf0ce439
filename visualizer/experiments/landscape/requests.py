"""What the worker is asked for, one request class a page: only what changes the result is in it."""

from __future__ import annotations

from dataclasses import dataclass

from visualizer.base.errors import UserError
from visualizer.base.experiment import Request
from visualizer.base.parameters import Point
from visualizer.experiments.landscape.state import LandscapeState


@dataclass(frozen=True)
class Data(Request):
    """The points, which of them are used, and how they are joined."""

    points: tuple[Point, ...]
    remove: tuple[str, ...]
    interpolant: str

    @property
    def kept(self) -> tuple[Point, ...]:
        return tuple(point for point in self.points if point.name not in self.remove)

    @property
    def curved(self) -> tuple[Point, ...]:
        """The kept points, which are enough for a curve.

        Raises:
            UserError: fewer than two points are kept.
        """
        kept = self.kept
        if len(kept) < 2:
            count = "no point is" if not kept else "only one point is"
            raise UserError(f"A curve needs at least two points, but {count} left; put some back.")
        return kept


@dataclass(frozen=True)
class DescentRequest(Request):
    data: Data
    start: float
    alpha: float
    optimizer: str
    momentum: float
    steps: int
    tolerance: float


@dataclass(frozen=True)
class RaceRequest(Request):
    data: Data
    start: float
    alpha: float
    momentum: float
    racers: tuple[str, ...]
    own_rates: bool
    steps: int
    tolerance: float


@dataclass(frozen=True)
class BatchesRequest(Request):
    data: Data
    start: float
    alpha: float
    optimizer: str
    momentum: float
    batch_size: int
    keep_ends: bool
    hold: int
    longest: float
    ends: str
    steps: int
    seed: int


@dataclass(frozen=True)
class StudyRequest(Request):
    data: Data
    start: float
    alpha: float
    keep_ends: bool
    hold: int
    longest: float
    ends: str
    steps: int
    runs: int
    near: float
    seed: int


@dataclass(frozen=True)
class RungeRequest(Request):
    function: str
    nodes: int
    float32: bool


@dataclass(frozen=True)
class ClimbRequest(Request):
    distance: float
    alpha: float
    radius: float
    rounds: int


LandscapeRequest = DescentRequest | RaceRequest | BatchesRequest | StudyRequest | RungeRequest | ClimbRequest


def request_of(state: LandscapeState) -> LandscapeRequest:
    """The request for the page that the state shows."""
    data = Data(state.points, state.remove, state.interpolant)
    match state.view:
        case "race":
            return RaceRequest(data, state.start, state.alpha, state.momentum, state.racers,
                               state.race_rates == "own", state.steps, state.tolerance)
        case "batches":
            return BatchesRequest(data, state.start, state.alpha, state.optimizer, state.momentum, state.batch_size,
                                  state.keep_ends, state.hold, state.longest, state.ends, state.batch_steps, state.seed)
        case "study":
            return StudyRequest(data, state.start, state.alpha, state.keep_ends, state.hold, state.longest,
                                state.ends, state.batch_steps, state.runs, state.near, state.seed)
        case "runge":
            return RungeRequest(state.runge_function, state.runge_nodes, state.runge_float32)
        case "climb":
            return ClimbRequest(state.climb_distance, state.climb_alpha, state.climb_radius, state.climb_rounds)
        case _:
            return DescentRequest(data, state.start, state.alpha, state.optimizer, state.momentum, state.steps,
                                  state.tolerance)
