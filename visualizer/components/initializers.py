"""Every initialiser of torch.nn.init. To add one is one entry here.

An entry is declared without torch. :meth:`Initializer.fill` calls the real function of ``torch.nn.init``; what theory says
about its values is its law, a function of :mod:`visualizer.components.theories`, reached by :mod:`visualizer.components.laws`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from visualizer.base.errors import UserError
from visualizer.base.parameters import Option

if TYPE_CHECKING:
    import torch

#: The nonlinearities of ``torch.nn.init.calculate_gain``, with what each of them is.
NONLINEARITIES = (
    Option("linear", "linear", "No activation: gain 1.", "1"),
    Option("conv1d", "conv1d", "A convolution without activation: gain 1.", "1"),
    Option("conv2d", "conv2d", "A convolution without activation: gain 1.", "1"),
    Option("conv3d", "conv3d", "A convolution without activation: gain 1.", "1"),
    Option("conv_transpose1d", "conv_transpose1d", "A transposed convolution without activation: gain 1.", "1"),
    Option("conv_transpose2d", "conv_transpose2d", "A transposed convolution without activation: gain 1.", "1"),
    Option("conv_transpose3d", "conv_transpose3d", "A transposed convolution without activation: gain 1.", "1"),
    Option("sigmoid", "sigmoid", "torch takes gain 1, although a sigmoid shrinks what goes through it.", "1"),
    Option("tanh", "tanh", "Gain 5/3.", r"\tfrac{5}{3}"),
    Option("relu", "relu", "Half of the values become zero: gain \u221a2.", r"\sqrt{2}"),
    Option("leaky_relu", "leaky_relu", "Negative values are multiplied by a slope a.", r"\sqrt{2 / (1 + a^2)}"),
    Option("selu", "selu", "Gain 3/4, found empirically by torch's authors.", r"\tfrac{3}{4}"),
)

#: The slope of leaky_relu for negative values, where none is given: torch's own default.
LEAKY_SLOPE = 0.01


def gain_of(nonlinearity: str, slope: float | None = None) -> float:
    """The gain that torch recommends before this nonlinearity; ``slope`` is leaky_relu's, :data:`LEAKY_SLOPE` if None.

    Raises:
        UserError: torch has no gain for it.
    """
    match nonlinearity:
        case "tanh":
            return 5.0 / 3.0
        case "relu":
            return math.sqrt(2.0)
        case "leaky_relu":
            return math.sqrt(2.0 / (1.0 + (LEAKY_SLOPE if slope is None else slope) ** 2))
        case "selu":
            return 3.0 / 4.0

    if all(option.name != nonlinearity for option in NONLINEARITIES):
        raise UserError(f"torch has no gain for the nonlinearity {nonlinearity!r}; choose one of "
                        f"{', '.join(option.name for option in NONLINEARITIES)}.")
    return 1.0


@dataclass(frozen=True)
class Initializer:
    """An entry of the catalogue.

    Attributes:
        name: as in torch, without the trailing underscore.
        title: on the screen.
        help: what it does, in a sentence.
        formula: its distribution in LaTeX (source: the function's page in the PyTorch documentation).
        arguments: its keyword arguments, which are also names of parameters, with their defaults (torch's own, where torch
            has one).
        least_dimensions, most_dimensions: of the tensors that it takes.
        elementwise: whether every value is drawn by itself, so that many tensors are one long sample.
        fixed: whether every tensor of one shape is the same, with no randomness at all.
        law: its function in :mod:`visualizer.components.theories`; empty: the one of its own name.
    """

    name: str
    title: str
    help: str
    formula: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    least_dimensions: int = 1
    most_dimensions: int = 5
    elementwise: bool = True
    fixed: bool = False
    law: str = ""

    def fill(self, tensor: torch.Tensor, arguments: Mapping[str, Any], generator: torch.Generator) -> torch.Tensor:
        """Initialise the tensor in place by ``torch.nn.init``.

        Raises:
            ValueError: torch's own, for a shape or an argument that it does not take.
        """
        import inspect

        import torch

        function = getattr(torch.nn.init, self.name + "_")
        taken = {name: arguments[name] for name in self.arguments}
        if "generator" in inspect.signature(function).parameters:
            taken["generator"] = generator
        if self.name != "sparse":
            filled: torch.Tensor = function(tensor, **taken)
            return filled
        # sparse_ takes a generator, and yet chooses its zeros by torch's global one: that one is lent a seed meanwhile.
        before = torch.get_rng_state()
        chosen = int(torch.randint(2**62, (), generator=generator, device=generator.device))
        try:
            torch.default_generator.manual_seed(chosen)
            filled = function(tensor, **taken)
        finally:
            torch.set_rng_state(before)
        return filled

    def keywords(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Its arguments as they are written in Python; where ``gain_of`` tells whose gain it is, they tell so, too."""
        said = {name: repr(arguments[name]) for name in self.arguments}
        if "gain" in said and arguments.get("gain_of") is not None:
            said["gain"] = f"torch.nn.init.calculate_gain({arguments['gain_of']!r})"
        return tuple(f"{name}={value}" for name, value in said.items())

    def code(self, tensor: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        """Lines of Python that fill the tensor of this name as :meth:`fill` does, from ``generator``."""
        import inspect

        import torch

        words = [tensor, *self.keywords(arguments)]
        if "generator" in inspect.signature(getattr(torch.nn.init, self.name + "_")).parameters:
            words.append("generator=generator")
        call = f"torch.nn.init.{self.name}_({', '.join(words)})"
        if self.name != "sparse":
            return (call,)
        return (
            "# sparse_ chooses its zeros by torch's global generator, whatever generator it is given.",
            "torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))", call,
        )


def _arguments(**values: Any) -> Mapping[str, Any]:
    return MappingProxyType(values)


_KAIMING = _arguments(a=0.0, mode="fan_in", nonlinearity="leaky_relu")

INITIALIZERS: tuple[Initializer, ...] = (
    Initializer("uniform", "Uniform", "Every value between a and b is equally likely.",
                r"w \sim \mathcal{U}(a, b)", _arguments(a=0.0, b=1.0)),
    Initializer("normal", "Normal", "The bell curve around the mean.",
                r"w \sim \mathcal{N}(\mu, \sigma^2)", _arguments(mean=0.0, std=1.0)),
    Initializer("trunc_normal", "Truncated normal", "A normal distribution kept inside [a, b].",
                r"w \sim \mathcal{N}(\mu, \sigma^2) \mid a \leq w \leq b", _arguments(mean=0.0, std=1.0, a=-2.0, b=2.0)),
    Initializer("xavier_uniform", "Xavier uniform", "Glorot's rule: the same variance forward and backward, if the "
                "activation is linear.", r"w \sim \mathcal{U}\left(-g \sqrt{\tfrac{6}{n_{in} + n_{out}}},\; "
                r"g \sqrt{\tfrac{6}{n_{in} + n_{out}}}\right)", _arguments(gain=1.0), least_dimensions=2),
    Initializer("xavier_normal", "Xavier normal", "Glorot's rule with a normal distribution.",
                r"w \sim \mathcal{N}\left(0,\; g^2 \tfrac{2}{n_{in} + n_{out}}\right)", _arguments(gain=1.0), least_dimensions=2),
    Initializer("kaiming_uniform", "Kaiming uniform", "He's rule: the variance stays constant through layers with ReLU.",
                r"w \sim \mathcal{U}\left(-g \sqrt{\tfrac{3}{n}},\; g \sqrt{\tfrac{3}{n}}\right)", _KAIMING, least_dimensions=2),
    Initializer("kaiming_normal", "Kaiming normal", "He's rule with a normal distribution.",
                r"w \sim \mathcal{N}\left(0,\; \tfrac{g^2}{n}\right)", _KAIMING, least_dimensions=2),
    Initializer("constant", "Constant", "Every value is the same: neurons that start equal stay equal.",
                r"w = c", _arguments(val=0.5), fixed=True),
    Initializer("ones", "Ones", "Every value is 1.", "w = 1", fixed=True),
    Initializer("zeros", "Zeros", "Every value is 0: usual for biases, though torch's own layers draw theirs.", "w = 0",
                fixed=True),
    Initializer("eye", "Identity", "Ones on the diagonal, zeros elsewhere: a layer that passes on its input.",
                r"w_{ij} = \delta_{ij}", least_dimensions=2, most_dimensions=2, elementwise=False, fixed=True),
    Initializer("dirac", "Dirac", "A convolution that passes on its input: a one in the middle of the kernel "
                "from an input to the output of the same number, zeros elsewhere.",
                r"w_{i j c} = \delta_{ij}\, \delta_{c, centre}", _arguments(groups=1), least_dimensions=3, elementwise=False,
                fixed=True),
    Initializer("orthogonal", "Orthogonal", "Rows (or columns) are perpendicular and of equal length: no direction is stretched.",
                r"W^\top W = g^2 I", _arguments(gain=1.0), least_dimensions=2, elementwise=False),
    Initializer("sparse", "Sparse", "In every column a fixed fraction of the values is zero, the others are normal.",
                r"w \sim (1 - s)\, \mathcal{N}(0, \sigma^2) + s\, \delta_0", _arguments(sparsity=0.1, std=0.01),
                least_dimensions=2, most_dimensions=2, elementwise=False),
)


def initializer(name: str) -> Initializer:
    """The entry of this name.

    Raises:
        KeyError: there is none.
    """
    for entry in INITIALIZERS:
        if entry.name == name:
            return entry
    raise KeyError(name)


def initializer_options() -> tuple[Option, ...]:
    """The catalogue as the options of a choice."""
    return tuple(Option(entry.name, entry.title, entry.help, entry.formula) for entry in INITIALIZERS)
