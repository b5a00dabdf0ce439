"""The lecture's networks as torch.nn makes them, and an initialiser on all their weights."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from visualizer.base.errors import UserError
from visualizer.components.families import uniform
from visualizer.components.initializers import Initializer
from visualizer.components.laws import Law, check
from visualizer.experiments.distributions.truncation import check_quick

#: The features that go into and come out of every linear layer; ReLU between two layers.
NETWORKS: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType({
    "two_layers": ((10, 5), (5, 2)),
    "one_layer": ((10, 5),),
    "three_layers": ((64, 128), (128, 256), (256, 10)),
})


class _Bare(nn.Linear):
    """A layer that draws nothing when it is made. (``skip_init`` is for that, too, but first imports for half a second.)"""

    def reset_parameters(self) -> None:
        """Nothing."""


def default_network(name: str, generator: torch.Generator) -> nn.Sequential:
    """The network as ``torch.nn`` makes it, drawn from this generator.

    With the same seed it has the very numbers that ``nn.Linear.reset_parameters`` draws from torch's global generator.
    """
    modules: list[nn.Module] = []
    for features_in, features_out in NETWORKS[name]:
        linear = _Bare(features_in, features_out)
        nn.init.kaiming_uniform_(linear.weight, a=math.sqrt(5), generator=generator)
        nn.init.uniform_(linear.bias, -1 / math.sqrt(features_in), 1 / math.sqrt(features_in), generator=generator)
        modules += [linear, nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def initialise(network: nn.Sequential, entry: Initializer, arguments: Mapping[str, Any], generator: torch.Generator) -> None:
    """Fill every weight by the initialiser, in place, and set every bias to zero, as the lecture does.

    Raises:
        UserError: the initialiser does not take these arguments, or no matrices.
    """
    if not entry.least_dimensions <= 2 <= entry.most_dimensions:
        raise UserError(f"{entry.title} is for the weights of convolutions, which have at least {entry.least_dimensions} "
                        "dimensions; the weight of a Linear has 2. Choose another initialiser.")
    for module in network:
        if isinstance(module, nn.Linear):
            check(entry, arguments, tuple(module.weight.shape))
            if entry.name == "trunc_normal":
                check_quick(arguments, module.weight.dtype)
            _fill(entry, module.weight, arguments, generator)
            nn.init.zeros_(module.bias)


def _fill(entry: Initializer, weight: Tensor, arguments: Mapping[str, Any], generator: torch.Generator) -> None:
    with warnings.catch_warnings():
        # torch warns that a truncated normal far from its mean may be wrong, which since 2.13 it is not.
        warnings.simplefilter("ignore", UserWarning)
        try:
            entry.fill(weight, arguments, generator)
        except (ValueError, RuntimeError) as error:
            raise UserError(f"torch does not initialise a {weight.shape[0]}x{weight.shape[1]} weight by {entry.title} with these "
                            "arguments; change them.", str(error)) from error


def default_law(features_in: int) -> Law:
    """The distribution of ``nn.Linear``'s own weights and biases: uniform in \u00b11/\u221afan_in."""
    bound = 1.0 / math.sqrt(features_in)
    return uniform(-bound, bound)
