"""The same small task trained from several initialisations: all seeds of one initialiser are one batched computation.

Everything is float64: what differs between two runs is their initialisation, not their rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own documentation calls it F)
from numpy.typing import NDArray
from torch import Tensor

from visualizer.components.initializers import Initializer
from visualizer.components.seeding import derived_seed

Floats = NDArray[np.float64]

#: Neurons of every hidden layer.
WIDTH = 16

#: Points of each arm of the two spirals, and of the sine.
ARM = 48
POINTS = 64

#: The quantiles that the band shows.
LOW, MEDIAN, HIGH = 0.1, 0.5, 0.9

#: Neurons further apart than this, relative to the largest weight, are different ones.
_SAME = 1e-9


@dataclass(frozen=True)
class Activation:
    """An activation: its function on tensors, its module in a script, and its name and argument for ``calculate_gain``.

    Attributes:
        gain_name: None where ``calculate_gain`` does not know it.
    """

    function: Callable[[Tensor], Tensor]
    module: str
    gain_name: str | None
    gain_argument: float | None = None

    @property
    def gain(self) -> float | None:
        """``calculate_gain`` of it, None where torch knows none."""
        if self.gain_name is None:
            return None
        return float(torch.nn.init.calculate_gain(self.gain_name, self.gain_argument))  # type: ignore[arg-type]


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType({
    "linear": Activation(lambda x: x, "Identity()", "linear"),
    "relu": Activation(torch.relu, "ReLU()", "relu"),
    "leaky_relu": Activation(F.leaky_relu, "LeakyReLU(0.01)", "leaky_relu", 0.01),
    "tanh": Activation(torch.tanh, "Tanh()", "tanh"),
    "sigmoid": Activation(torch.sigmoid, "Sigmoid()", "sigmoid"),
    "selu": Activation(F.selu, "SELU()", "selu"),
    "gelu": Activation(F.gelu, "GELU()", None),
})


@dataclass(frozen=True, eq=False)
class Task:
    """What is learned.

    Attributes:
        x: inputs [N, features]; y: targets [N, 1], float64.
        classification: whether the loss is binary cross-entropy with logits, else mean squared error.
        guess: the loss of the best answer that is the same for every input.
    """

    x: Tensor
    y: Tensor
    classification: bool
    guess: float

    def losses(self, output: Tensor) -> Tensor:
        """The loss of every repeat [R] for outputs [R, N, 1]."""
        target = self.y.expand_as(output)
        if self.classification:
            each = F.binary_cross_entropy_with_logits(output, target, reduction="none")
        else:
            each = F.mse_loss(output, target, reduction="none")
        return each.mean(dim=(1, 2))


def data_seed(seed: int) -> int:
    """The seed of the data, the same for every contestant."""
    return derived_seed(seed, "convergence", "data")


def weight_seed(seed: int, repeat: int) -> int:
    """The seed of the weights of one repeat, the same for every contestant."""
    return derived_seed(seed, "convergence", "weights") + repeat


def make_task(name: str, seed: int) -> Task:
    """The task ``spirals`` (two inputs, two classes) or ``sine`` (one input, one output)."""
    generator = torch.Generator().manual_seed(data_seed(seed))
    if name == "spirals":
        radius = torch.linspace(0.3, 2.0, ARM, dtype=torch.float64)
        angle = math.pi * radius
        arm = torch.stack((radius * angle.cos(), radius * angle.sin()), dim=1)
        x = torch.cat((arm, -arm))
        x = x + 0.05 * torch.randn(x.shape, generator=generator, dtype=torch.float64)
        y = torch.cat((torch.zeros(ARM, 1, dtype=torch.float64), torch.ones(ARM, 1, dtype=torch.float64)))
        return Task(x, y, True, math.log(2.0))
    x = 2.0 * torch.rand(POINTS, 1, generator=generator, dtype=torch.float64) - 1.0
    y = (math.pi * x).sin()
    return Task(x, y, False, float(y.var(correction=0)))


def layer_sizes(task: Task, hidden_layers: int) -> tuple[int, ...]:
    """Inputs, the width of every hidden layer, and one output."""
    return (task.x.shape[1], *(WIDTH,) * hidden_layers, 1)


def arguments_of(entry: Initializer, activation: str) -> dict[str, Any]:
    """The entry's default arguments, its gain being that of the activation where torch knows one."""
    arguments = dict(entry.arguments)
    known = ACTIVATIONS[activation]
    if known.gain_name is not None and known.gain is not None:
        if "gain" in arguments:
            arguments["gain"] = known.gain
        if "nonlinearity" in arguments:
            arguments["nonlinearity"] = known.gain_name
            arguments["a"] = known.gain_argument or 0.0
    return arguments


class Contestant:
    """One initialiser; its repeats are trained together by plain full-batch SGD.

    Weights are [R, out, in], biases [R, 1, out] and zero at first. The repeats share no parameter, so the gradient of the sum
    of their losses is the gradient of each.
    """

    def __init__(self, entry: Initializer, activation: str, task: Task, hidden_layers: int, lr: float, repeats: int) -> None:
        self.entry = entry
        self._arguments = arguments_of(entry, activation)
        self._activation = ACTIVATIONS[activation].function
        self._task = task
        self._lr = lr
        self._x = task.x.expand(repeats, -1, -1)
        pairs = tuple(pairwise(layer_sizes(task, hidden_layers)))
        self.weights = [torch.zeros(repeats, after, before, dtype=torch.float64) for before, after in pairs]
        self.biases = [torch.zeros(repeats, 1, after, dtype=torch.float64) for _, after in pairs]

    def fill(self, repeat: int, seed: int) -> None:
        """Initialise the weights of one repeat, layer after layer, by a generator of this seed."""
        generator = torch.Generator().manual_seed(seed)
        for weight in self.weights:
            self.entry.fill(weight[repeat], self._arguments, generator)

    def outputs(self) -> Tensor:
        """The network's outputs [R, N, 1]."""
        value = self._x
        last = len(self.weights) - 1
        for index, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            value = torch.baddbmm(bias, value, weight.mT)
            if index < last:
                value = self._activation(value)
        return value

    def losses(self) -> Floats:
        """The loss of every repeat now [R]."""
        with torch.no_grad():
            return self._task.losses(self.outputs()).numpy()

    def step(self) -> Floats:
        """One step of SGD; the losses before it [R]."""
        parameters = (*self.weights, *self.biases)
        for parameter in parameters:
            parameter.requires_grad_(True)
        losses = self._task.losses(self.outputs())
        losses.sum().backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for parameter in parameters:
                assert parameter.grad is not None
                parameter.sub_(parameter.grad, alpha=self._lr)
                parameter.grad = None
        return losses.detach().numpy()

    def neuron_distance(self, repeats: Sequence[int]) -> float:
        """The largest difference between weights of two neurons of one hidden layer, over all layers and these repeats.

        0: the neurons of every hidden layer are copies of each other. NaN: there are no repeats.
        """
        if not repeats:
            return math.nan
        largest = 0.0
        with torch.no_grad():
            for weight in self.weights[:-1]:
                looked_at = weight[list(repeats)]
                widest = float((looked_at.amax(dim=1) - looked_at.amin(dim=1)).max())
                largest = max(largest, widest if widest > _SAME * float(looked_at.abs().max()) else 0.0)
        return largest


def quantiles(losses: Floats, levels: tuple[float, ...] = (LOW, MEDIAN, HIGH)) -> Floats:
    """Quantiles over the repeats [levels, steps] of losses [R, steps], interpolated as ``torch.quantile`` does.

    A loss that is not finite counts as worse than every number: a quantile that needs one is infinite.
    """
    ordered = np.sort(np.where(np.isfinite(losses), losses, np.inf), axis=0)
    rows = []
    for level in levels:
        place = level * (len(ordered) - 1)
        below = math.floor(place)
        share = place - below
        low = ordered[below]
        if share == 0.0:
            rows.append(low)
            continue
        high = ordered[below + 1]
        finite = np.isfinite(high)
        low, high = np.where(finite, low, 0.0), np.where(finite, high, 0.0)
        rows.append(np.where(finite, low + share * (high - low), np.inf))
    return np.stack(rows)

