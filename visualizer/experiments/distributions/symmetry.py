"""Do the neurons of a layer become different? A small network of the same initialiser, trained by plain SGD."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visualizer.components.seeding import derived_seed, torch_generator
from visualizer.experiments.distributions.propagation import ACTIVATION, Weights
from visualizer.experiments.distributions.requests import Chosen

Floats = NDArray[np.float64]

MOST_WIDTH = 24
MOST_LAYERS = 4
ROWS = 32
RATE = 0.1


@dataclass(frozen=True, eq=False)
class Symmetry:
    """How far the neurons of each layer are apart.

    Attributes:
        width: neurons of every hidden layer.
        distance: the largest distance between the weight vectors of any two neurons of a layer, before the first step and
            after each, shape (steps + 1, layers); NaN after a step that was not finite.
        loss: the mean squared error at the same times, shape (steps + 1,).
    """

    width: int
    distance: Floats
    loss: Floats

    @property
    def stays(self) -> bool:
        """Whether all neurons of every layer were identical all the time that it was looked at."""
        seen = self.distance[np.isfinite(self.distance)]
        return bool(seen.size and (seen == 0.0).all())


class Linear(torch.autograd.Function):
    """``torch.nn.functional.linear``, with every sum taken in the same order for every neuron.

    A matrix product sums the columns at its edge in another order than the others, so that equal neurons get gradients that
    differ in the last bit, and training enlarges that. A sum over the innermost dimension is the same for all.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return (x.unsqueeze(1) * weight).sum(-1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        (g,) = gradients
        return ((g.unsqueeze(1) * weight.t().contiguous()).sum(-1),
                (g.t().contiguous().unsqueeze(1) * x.t().contiguous()).sum(-1))


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """x, shape (rows, inputs), times the transposed weight, shape (outputs, inputs)."""
    product: Tensor = Linear.apply(x, weight)  # type: ignore[no-untyped-call]
    return product


def train(chosen: Chosen, *, depth: int, width: int, activation: str, steps: int, seed: int) -> Iterator[Symmetry | None]:
    """Train min(depth, 4) hidden layers of min(width, 24) neurons and one output on random data; ``None`` after each step.

    The gradient is shortened to length 1 where it is longer, so that a large initialisation does not leave the number range;
    that multiplies all of it by one number, and so keeps equal neurons equal.

    Raises:
        UserError: as for :meth:`Weights.draw`.
    """
    act = ACTIVATION[activation]
    size, layers = min(width, MOST_WIDTH), min(depth, MOST_LAYERS)
    source = Weights(chosen, derived_seed(seed, "symmetry"))
    weights = [source.draw(size, size, torch.float64).requires_grad_() for _ in range(layers)]
    weights.append(source.draw(1, size, torch.float64).requires_grad_())
    data = torch_generator(seed, "symmetry data")
    x = torch.randn(ROWS, size, dtype=torch.float64, generator=data)
    y = torch.randn(ROWS, 1, dtype=torch.float64, generator=data)
    distance, losses = np.full((steps + 1, layers), np.nan), np.full(steps + 1, np.nan)
    for step in range(steps + 1):
        hidden = x
        for weight in weights[:-1]:
            hidden = act(linear(hidden, weight))
        loss = (linear(hidden, weights[-1]) - y).square().mean()
        if not torch.isfinite(loss):
            break
        losses[step] = float(loss.detach())
        # pdist subtracts; cdist would go through a matrix product, which rounds equal rows apart.
        distance[step] = [float(torch.pdist(weight.detach()).max()) for weight in weights[:-1]]
        if step < steps:
            gradients = torch.autograd.grad(loss, weights)
            length = torch.sqrt(sum((g.square().sum() for g in gradients), torch.zeros((), dtype=torch.float64)))
            if not torch.isfinite(length):
                break
            with torch.no_grad():
                for weight, gradient in zip(weights, gradients, strict=True):
                    weight -= RATE / max(1.0, float(length)) * gradient
        yield None
    distance.flags.writeable = losses.flags.writeable = False
    yield Symmetry(size, distance, losses)
