"""A deep network of bias-free linear layers: what initialisation does to the signal forward and to the gradient backward.

Everything goes through torch: ``linear``, the activation, ``torch.autograd.grad``. The backward pass is taken layer by
layer, each from the activations that were kept, so that a deep and wide network neither fills the memory nor blocks the
worker; it is the same chain of products that one ``loss.backward()`` runs. A large orthogonal matrix, which is one long
call, is drawn aside.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, fields
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from visualizer.base.aside import aside
from visualizer.base.errors import UserError
from visualizer.components.seeding import derived_seed
from visualizer.experiments.distributions.requests import Chosen
from visualizer.experiments.distributions.truncation import check_quick

Floats = NDArray[np.float64]

#: Values of one layer's activations: more rows of input are left out, which bounds memory and a step's time.
MOST_ACTIVATIONS = 2**17
#: Weights that are kept for the backward pass (256 MB); further layers are drawn a second time from their generator's state.
MOST_WEIGHTS = 2**26
#: From this width on a matrix that is drawn as a whole takes longer than a slice.
_ASIDE = 256

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
#: The histograms: bins over mean - 4 std to mean + 4 std, exact zeros left out.
BINS = 64
REACH = 4.0

#: Seconds of work between two yields, and between two traces that are worth drawing: a network that is through sooner is
#: drawn once. Results do not depend on them.
_SLICE = 0.006
_PICTURE = 0.25

ACTIVATION: dict[str, Callable[[Tensor], Tensor]] = {
    "linear": lambda x: x,
    "relu": torch.relu,
    "leaky_relu": functional.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "selu": torch.selu,
    "gelu": functional.gelu,
}


@dataclass(frozen=True, eq=False)
class Spread:
    """Statistics of one quantity for the layers 0 (the input) to depth; NaN: not computed (yet), or not finite.

    Attributes:
        mean, std: over all rows and neurons of a layer (population standard deviation), shape (depth + 1,).
        quantiles: shape (depth + 1, 7), see :data:`QUANTILES`.
        zero: the fraction of values that are exactly 0.
        counts: histograms without the exact zeros, shape (depth + 1, BINS), over ``mean +- REACH * std``.
        bad: how many values are NaN or infinite.
    """

    mean: Floats
    std: Floats
    quantiles: Floats
    zero: Floats
    counts: Floats
    bad: Floats

    @classmethod
    def empty(cls, depth: int) -> Spread:
        def blank(*shape: int) -> Floats:
            return np.full((depth + 1, *shape), np.nan)

        return cls(blank(), blank(), blank(len(QUANTILES)), blank(), blank(BINS), np.zeros(depth + 1))

    def frozen(self) -> Spread:
        """A read-only copy of what is there so far."""
        copies = [getattr(self, field.name).copy() for field in fields(self)]
        for array in copies:
            array.flags.writeable = False
        return Spread(*copies)

    def record(self, layer: int, values: Tensor) -> bool:
        """Take the statistics of a layer, shape (rows, neurons); whether all values are finite."""
        flat = values.detach().to(torch.float64)
        self.bad[layer] = float((~torch.isfinite(flat)).sum())
        if self.bad[layer]:
            return False
        mean, std = float(flat.mean()), float(flat.std(correction=0))
        if flat.min() == flat.max():
            mean, std = float(flat.flatten()[0]), 0.0  # what summing would round
        self.mean[layer], self.std[layer] = mean, std
        self.zero[layer] = float((flat == 0).double().mean())
        self.quantiles[layer] = np.quantile(flat.numpy(), QUANTILES)
        if std > 0:
            used = (flat[flat != 0] if self.zero[layer] else flat).flatten()
            self.counts[layer] = torch.histc((used - mean) / std, BINS, -REACH, REACH).numpy()
        return True

    @property
    def first_bad(self) -> int | None:
        """The first layer (going up) with a value that is NaN or infinite."""
        layers = np.flatnonzero(self.bad)
        return int(layers[0]) if len(layers) else None


@dataclass(frozen=True, eq=False)
class Trace:
    """What was measured so far.

    Attributes:
        rows: of input that went through the network; ``asked`` were asked for.
        sums, squares: sum and mean square of every row of the input, shape (rows,).
        output_sums: the sum of every row of the gradient at the output, shape (rows,).
        dead: per layer the fraction of neurons that are 0 for every row (ReLU only, else 0); NaN: not computed.
        same: whether all neurons of every layer have the same weights.
        weight_gradient: standard deviation of the gradient of the weights of layers 1 to depth (index 0: NaN).
        nan, inf: how many values of the first layer that is not finite are NaN and infinite.
        fraction: of the whole that is done.
    """

    rows: int
    asked: int
    width: int
    activation: Spread
    gradient: Spread
    sums: Floats
    squares: Floats
    output_sums: Floats
    dead: Floats
    same: bool
    weight_gradient: Floats
    nan: int
    inf: int
    fraction: float


def check_square(chosen: Chosen) -> None:
    """Nothing, if the initialiser fills matrices.

    Raises:
        UserError: it does not.
    """
    entry = chosen.entry
    if not entry.least_dimensions <= 2 <= entry.most_dimensions:
        raise UserError(
            f"{entry.title} fills only the kernels of a convolution, with {entry.least_dimensions} to {entry.most_dimensions} "
            "dimensions; the layers here are linear, with 2. Choose another initialiser, such as Identity."
        )


def _check_fill(chosen: Chosen, dtype: torch.dtype) -> None:
    """Nothing, if the initialiser fills matrices of this dtype in reasonable time. Raises as :func:`check_square`."""
    check_square(chosen)
    given = chosen.arguments
    if chosen.name == "trunc_normal" and given["a"] < given["b"] and given["std"] > 0.0:
        check_quick(given, dtype)


class Weights:
    """Weight matrices, drawn one after the other from one seeded generator, and drawn again where they are not kept."""

    def __init__(self, chosen: Chosen, seed: int, most: int = MOST_WEIGHTS) -> None:
        self._chosen = chosen
        self._generator = torch.Generator().manual_seed(seed)
        self._states: list[Tensor] = []
        self._kept: dict[int, Tensor] = {}
        self._room = most

    def draw(self, rows: int, columns: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """The next weight, shape (rows, columns).

        Raises:
            UserError: the initialiser does not take such a tensor, or not these arguments.
        """
        _check_fill(self._chosen, dtype)
        weight = torch.empty(rows, columns, dtype=dtype)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what torch warns of is explained on the page of the initialiser
                self._fill(weight)
        except (ValueError, RuntimeError) as error:
            raise self._refused(error) from error
        return weight

    def layer(self, index: int, width: int) -> Generator[None, None, Tensor]:
        """Returns the weight of a layer, counted from 0; new ones must be asked for in order. ``None`` while it is drawn.

        Raises:
            UserError: as for :meth:`draw`.
        """
        if index in self._kept:
            return self._kept[index]
        if index < len(self._states):
            self._generator.set_state(self._states[index])
        else:
            self._states.append(self._generator.get_state())
        # sparse_ borrows torch's global generator, which belongs to the worker's thread alone.
        if self._chosen.entry.elementwise or self._chosen.name == "sparse" or width < _ASIDE:
            weight = self.draw(width, width)
        else:
            check_square(self._chosen)
            weight = torch.empty(width, width)
            try:
                yield from aside(lambda: self._fill(weight))
            except (ValueError, RuntimeError) as error:
                raise self._refused(error) from error
        if self._room >= weight.numel():
            self._room -= weight.numel()
            self._kept[index] = weight
        return weight

    def _fill(self, weight: Tensor) -> None:
        self._chosen.entry.fill(weight, self._chosen.arguments, self._generator)

    def _refused(self, error: Exception) -> UserError:
        words = str(error).splitlines()[0].rstrip(".")
        return UserError(f"torch.nn.init.{self._chosen.name}_ does not take these arguments: {words}.", str(error))


def input_seed(seed: int) -> int:
    """The seed of the input's generator, as the reproducing code states it."""
    return derived_seed(seed, "input")


def gradient_seed(seed: int) -> int:
    """The seed of the gradient at the output."""
    return derived_seed(seed, "gradient")


def rows_of(batch: int, width: int) -> int:
    """How many of the rows that are asked for go through a network of this width."""
    return min(batch, max(2, MOST_ACTIVATIONS // width))


def make_input(kind: str, rows: int, width: int, seed: int) -> Tensor:
    """The input, shape (rows, width), float32."""
    generator = torch.Generator().manual_seed(input_seed(seed))
    match kind:
        case "normal":
            return torch.randn(rows, width, generator=generator)
        case "uniform":
            return torch.rand(rows, width, generator=generator)
        case _:
            places = torch.randint(width, (rows,), generator=generator)
            return functional.one_hot(places, width).to(torch.float32)


def propagate(
    chosen: Chosen, *, depth: int, width: int, activation: str, input: str, batch: int, seed: int,
) -> Iterator[Trace | None]:
    """A trace of the two ends, then forward, then backward.

    ``None`` comes after every few milliseconds of work, a trace now and then and at the end.

    Raises:
        UserError: the initialiser does not take a square matrix, or not these arguments.
    """
    act = ACTIVATION[activation]
    weights = Weights(chosen, seed)
    rows = rows_of(batch, width)
    x = make_input(input, rows, width, seed)
    gradient = torch.randn(rows, width, generator=torch.Generator().manual_seed(gradient_seed(seed)))
    output_sums = gradient.double().sum(1).numpy()
    forward, backward = Spread.empty(depth), Spread.empty(depth)
    dead, by_weight = np.full(depth + 1, np.nan), np.full(depth + 1, np.nan)
    sums, squares = x.double().sum(1).numpy(), x.double().square().mean(1).numpy()
    forward.record(0, x)
    inputs: list[Tensor] = []  # of every layer
    same = True
    nan = inf = 0

    def trace(fraction: float) -> Trace:
        frozen = [array.copy() for array in (sums, squares, output_sums, dead, by_weight)]
        for array in frozen:
            array.flags.writeable = False
        return Trace(rows, batch, width, forward.frozen(), backward.frozen(), frozen[0], frozen[1], frozen[2], frozen[3],
                     same, frozen[4], nan, inf, fraction)

    yield trace(0.0)
    slices, pictures = _Every(_SLICE), _Every(_PICTURE)
    for layer in range(1, depth + 1):
        weight = yield from weights.layer(layer - 1, width)
        same = same and bool((weight == weight[:1]).all())
        if slices.due():
            yield None
        with torch.no_grad():
            inputs.append(x)
            x = act(functional.linear(x, weight))
        if slices.due():
            yield None
        finite = forward.record(layer, x)
        dead[layer] = float((x == 0).all(0).double().mean()) if activation == "relu" else 0.0
        if not finite:
            nan, inf = int(torch.isnan(x).sum()), int(torch.isinf(x).sum())
            yield trace(1.0)
            return
        if layer < depth and pictures.due():
            yield trace(0.5 * layer / depth)
        elif slices.due():
            yield None
    backward.record(depth, gradient)
    for layer in range(depth, 0, -1):
        weight = (yield from weights.layer(layer - 1, width)).detach().requires_grad_()
        if slices.due():
            yield None
        before = inputs.pop().requires_grad_()
        gradient, of_weight = torch.autograd.grad(act(functional.linear(before, weight)), (before, weight), gradient)
        if slices.due():
            yield None
        spread = float(of_weight.double().std(correction=0))
        by_weight[layer] = spread if np.isfinite(spread) else np.nan  # one value that is not finite is enough
        if not backward.record(layer - 1, gradient):
            break
        if layer > 1 and pictures.due():
            yield trace(0.5 + 0.5 * (depth - layer) / depth)
        elif slices.due():
            yield None
    yield trace(1.0)


class _Every:
    """Whether some seconds have passed since it was last so."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = perf_counter()

    def due(self) -> bool:
        now = perf_counter()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
