"""The lecture's networks, before and after an initialiser; and the spread that theory expects of their weights."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from visualizer.base.errors import UserError
from visualizer.components.initializers import Initializer

#: The features that go into and come out of every linear layer; ReLU between two layers.
NETWORKS: Mapping[str, tuple[tuple[int, int], ...]] = MappingProxyType({
    "two_layers": ((10, 5), (5, 2)),
    "one_layer": ((10, 5),),
    "three_layers": ((64, 128), (128, 256), (256, 10)),
})

#: torch draws truncated normals by rejection; if it accepts less than this part, a tensor takes too long.
_LEAST_ACCEPTED = 0.02


def default_network(name: str, generator: torch.Generator) -> nn.Sequential:
    """The network as ``torch.nn`` makes it, drawn from this generator: what ``nn.Linear`` itself draws from the global one."""
    modules: list[nn.Module] = []
    for features_in, features_out in NETWORKS[name]:
        linear = nn.utils.skip_init(nn.Linear, features_in, features_out)
        assert isinstance(linear, nn.Linear)
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
    _check(entry, arguments)
    for module in network:
        if isinstance(module, nn.Linear):
            _fill(entry, module.weight, arguments, generator)
            nn.init.zeros_(module.bias)


def _check(entry: Initializer, arguments: Mapping[str, Any]) -> None:
    if entry.name in ("uniform", "trunc_normal") and arguments["a"] > arguments["b"]:
        raise UserError(f"a = {arguments['a']:g} is greater than b = {arguments['b']:g}; the lower bound a must not lie above b.")
    if entry.name in ("xavier_uniform", "xavier_normal") and arguments["gain"] < 0:
        raise UserError(f"The gain {arguments['gain']:g} is negative, and with it the spread of {entry.title}; choose 0 or more.")
    if entry.name == "trunc_normal" and _truncated(**arguments)[1] < _LEAST_ACCEPTED:
        raise UserError("[a, b] is so wide and so far from the mean that torch would reject nearly all that it draws; narrow "
                        "[a, b], or move it nearer to the mean.")


def _fill(entry: Initializer, weight: Tensor, arguments: Mapping[str, Any], generator: torch.Generator) -> None:
    with warnings.catch_warnings():
        # torch warns that a truncated normal far from its mean may be wrong, which since 2.13 it is not.
        warnings.simplefilter("ignore", UserWarning)
        try:
            entry.fill(weight, arguments, generator)
        except (ValueError, RuntimeError) as error:
            raise UserError(f"torch does not initialise a {weight.shape[0]}x{weight.shape[1]} weight by {entry.title} with these "
                            "arguments; change them.", str(error)) from error


def default_spread(features_in: int) -> float:
    """The standard deviation of ``nn.Linear``'s own weights and biases: uniform in \u00b11/\u221afan_in, so 1/\u221a(3 fan_in)."""
    return 1.0 / math.sqrt(3.0 * features_in)


def expected_spread(entry: Initializer, arguments: Mapping[str, Any], shape: tuple[int, int]) -> float:
    """The standard deviation that theory expects of a weight [out, in] after this initialiser.

    Raises:
        KeyError: the initialiser is none that fills matrices.
    """
    rows, columns = shape
    match entry.name:
        case "uniform":
            return float(arguments["b"] - arguments["a"]) / math.sqrt(12.0)
        case "normal":
            return float(arguments["std"])
        case "trunc_normal":
            return _truncated(**arguments)[0]
        case "xavier_uniform" | "xavier_normal":
            return float(arguments["gain"]) * math.sqrt(2.0 / (rows + columns))
        case "kaiming_uniform" | "kaiming_normal":
            return kaiming_gain(arguments) / math.sqrt(columns if arguments["mode"] == "fan_in" else rows)
        case "constant" | "ones" | "zeros":
            return 0.0
        case "eye":
            part = min(rows, columns) / (rows * columns)
            return math.sqrt(part * (1.0 - part))
        case "orthogonal":
            # The squares of all values add up to gain^2 for each of the min(rows, columns) perpendicular vectors.
            return abs(float(arguments["gain"])) / math.sqrt(max(rows, columns))
        case "sparse":
            zeros = math.ceil(arguments["sparsity"] * rows) / rows
            return float(arguments["std"]) * math.sqrt(max(0.0, 1.0 - zeros))
    raise KeyError(entry.name)


def kaiming_gain(arguments: Mapping[str, Any]) -> float:
    """The gain that Kaiming's rule takes: only a leaky ReLU uses the slope ``a``."""
    return float(nn.init.calculate_gain(arguments["nonlinearity"], arguments["a"]))


def _truncated(mean: float, std: float, a: float, b: float) -> tuple[float, float]:
    """The standard deviation of a truncated normal, and the part of uniform proposals in [a, b] that rejection keeps.

    By Simpson's rule over the part of [a, b] that is less than 12 standard deviations from the mode: to ten digits.
    """
    mode = min(max(mean, a), b)
    low, high = max(a, mode - 12.0 * std), min(b, mode + 12.0 * std)
    if high <= low:
        return 0.0, 1.0
    x = np.linspace(0.0, high - low, 8193)  # measured from the lower end: far from zero the difference keeps its digits
    weight = np.ones(x.size)
    weight[1:-1:2], weight[2:-1:2] = 4.0, 2.0
    from_mode, offset = (x + (low - mode)) / std, (mode - mean) / std
    density = weight * np.exp(-0.5 * from_mode * (from_mode + 2.0 * offset))
    mass = float(density.sum())
    centre = float((density * x).sum()) / mass
    spread = math.sqrt(float((density * (x - centre) ** 2).sum()) / mass)
    kept = mass * (x[1] - x[0]) / 3.0 / (b - a)
    from_normal = kept * (b - a) / (std * math.sqrt(2.0 * math.pi)) * math.exp(-0.5 * offset**2)
    # When more than 30 % of the normal lies inside, torch proposes from the normal instead.
    return spread, max(kept, from_normal if from_normal > 0.3 else 0.0)


def fill_source(entry: Initializer, arguments: Mapping[str, Any], tensor: str, generator: str) -> tuple[str, ...]:
    """Lines of a script that fill a tensor as :meth:`Initializer.fill` does."""
    function = f"nn.init.{entry.name}_"
    taken = [tensor, *(f"{name}={arguments[name]!r}" for name in entry.arguments)]
    if "generator" in inspect.signature(getattr(nn.init, f"{entry.name}_")).parameters:
        taken.append(f"generator={generator}")
    call = f"{function}({', '.join(taken)})"
    if entry.name == "sparse":
        seed = f"torch.manual_seed(int(torch.randint(2**62, (), generator={generator})))"
        return (f"{seed}  # sparse_ chooses its zeros by the global generator", call)
    return (call,)
