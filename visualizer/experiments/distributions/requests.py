"""What the worker is asked for, one request class a page: only what changes the result is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from visualizer.base.errors import ParameterError, UserError
from visualizer.base.experiment import Request
from visualizer.components.initializers import Initializer, initializer
from visualizer.experiments.distributions.state import PINNED, TYPED, DistributionsState

#: A tensor of more values is refused: one of float64 fills half a gigabyte.
MOST_VALUES = 2**26


@dataclass(frozen=True)
class Chosen(Request):
    """An initialiser with its arguments, in the order of its entry.

    After them comes ``gain_of``, if the gain is that of a nonlinearity: it explains the number, and changes nothing else.
    """

    name: str
    values: tuple[tuple[str, Any], ...]

    @property
    def entry(self) -> Initializer:
        return initializer(self.name)

    @property
    def arguments(self) -> Mapping[str, Any]:
        return dict(self.values)


@dataclass(frozen=True)
class BesselRequest(Request):
    population: str
    sigma: float
    sample_size: int
    samples: int
    seed: int


@dataclass(frozen=True)
class InitializerRequest(Request):
    """Shape and pinned sample as texts: whether they can be read is found out, and said, by the run."""

    chosen: Chosen
    shape_text: str
    count: int
    method: str
    dtype: str
    device: str
    bins: int | None
    seed: int
    pinned_text: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """The tensor's sizes.

        Raises:
            UserError: the text is no shape.
        """
        return shape_of(self.shape_text)

    @property
    def pinned(self) -> InitializerRequest | None:
        """What sample A was drawn with; None if none was kept.

        Raises:
            UserError: the text cannot be read.
        """
        return _pinned(self.pinned_text) if self.pinned_text else None


@dataclass(frozen=True)
class StatisticsRequest(Request):
    """The numbers as text; or what draws them, of which only the first tensor counts, and then there is no text."""

    text: str
    drawn: InitializerRequest | None = None


@dataclass(frozen=True)
class PropagationRequest(Request):
    chosen: Chosen
    depth: int
    width: int
    activation: str
    input: str
    batch: int
    symmetry_steps: int
    seed: int


@dataclass(frozen=True)
class ConvergenceRequest(Request):
    contestants: tuple[str, ...]
    activation: str
    task: str
    hidden_layers: int
    lr: float
    epochs: int
    repeats: int
    seed: int


@dataclass(frozen=True)
class LayersRequest(Request):
    chosen: Chosen
    network: str
    seed: int


DistributionsRequest = (
    StatisticsRequest | BesselRequest | InitializerRequest | PropagationRequest | ConvergenceRequest | LayersRequest
)


def chosen_of(state: DistributionsState) -> Chosen:
    """The initialiser of this state with the arguments that it takes."""
    entry = initializer(state.initializer)
    names = (*entry.arguments, "gain_of") if "gain" in entry.arguments and state.gain_of != TYPED else tuple(entry.arguments)
    return Chosen(entry.name, tuple((name, getattr(state, name)) for name in names))


def shape_of(text: str) -> tuple[int, ...]:
    """The sizes in a text such as ``4x3``, ``4, 3`` or ``(4, 3)``.

    Raises:
        UserError: it is no shape, or too large a one.
    """
    words = text.replace("\u00d7", "x").strip().strip("()[]").replace("x", " ").replace(",", " ").split()
    if not words or not all(word.isascii() and word.isdigit() and len(word) < 12 for word in words):
        raise UserError(f"{text.strip()!r} is no shape; write sizes separated by x, such as 30, 4x3 or 16x3x5x5.")
    sizes = tuple(int(word) for word in words)
    if len(sizes) > 5:
        raise UserError(f"A shape has at most 5 sizes here, not {len(sizes)}.")
    count = 1
    for size in sizes:
        count *= size
    if count == 0:
        raise UserError("A size of 0 makes an empty tensor: there is nothing to initialise. Every size is at least 1.")
    if count > MOST_VALUES:
        raise UserError(f"This shape has {count:,} values; at most {MOST_VALUES:,} fit here. To draw more, raise the "
                        "number of values: they are drawn tensor by tensor.")
    return sizes


def _initializer(state: DistributionsState) -> InitializerRequest:
    return InitializerRequest(
        chosen_of(state), state.shape, state.count,
        state.method if state.initializer == "trunc_normal" else "torch", state.dtype, state.device,
        state.bins if state.own_bins else None, state.seed, state.pinned,
    )


def _statistics(state: DistributionsState) -> StatisticsRequest:
    if state.source == "typed":
        return StatisticsRequest(state.values)
    # What comes after the first tensor, and what is only drawn of it, changes nothing here.
    return StatisticsRequest("", replace(_initializer(state), count=1, bins=None, pinned_text=""))


def _pinned(text: str) -> InitializerRequest:
    try:
        values = json.loads(text)
        if isinstance(values, dict) and values.keys() <= set(PINNED):
            return _initializer(DistributionsState().changed(**values))
    except (ValueError, RecursionError, ParameterError):
        pass  # a parameter's own sentence would name a control that is right
    raise UserError("What sample A was drawn with cannot be read; take the pin away and set it again.")


def request_of(state: DistributionsState) -> DistributionsRequest:
    """The request of the page that the state shows."""
    match state.view:
        case "statistics":
            return _statistics(state)
        case "bessel":
            return BesselRequest(state.population, state.sigma, state.sample_size, state.samples, state.seed)
        case "initializer":
            return _initializer(state)
        case "propagation":
            return PropagationRequest(
                chosen_of(state), state.depth, state.width, state.activation, state.input, state.batch,
                state.symmetry_steps, state.seed,
            )
        case "convergence":
            return ConvergenceRequest(
                state.contestants, state.activation, state.task, state.hidden_layers, state.lr, state.epochs,
                state.repeats, state.seed,
            )
        case _:
            return LayersRequest(chosen_of(state), state.network, state.seed)
