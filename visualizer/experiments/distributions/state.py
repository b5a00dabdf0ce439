"""The distributions tab, declared: its pages, its parameters, its presets. No torch, no numpy, no Qt."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from visualizer.base.experiment import Preset, State, View, view_choice
from visualizer.base.parameters import Option, choice, flag, integer, names, parameters_of, real, seed, text
from visualizer.components.initializers import INITIALIZERS, NONLINEARITIES, gain_of, initializer, initializer_options

VIEWS = (
    View("statistics", "Statistics",
         "Mean, variance and standard deviation of your numbers, or of a drawn tensor, worked line by line, with n and with "
         "n \u2212 1.",
         ("statistics", "deviations")),
    View("bessel", "Bessel's lab",
         "Many small samples: on average the variance with n is too small, and with n \u2212 1 it is right.",
         ("bessel", "bessel_running")),
    View("initializer", "Initialisers",
         "Every initialiser of torch.nn.init: a sample of it, and the distribution that theory says it has.",
         ("sample", "cumulative", "quantiles", "matrix", "singular")),
    View("propagation", "Signal propagation",
         "What an initialisation does to a signal on its way through a deep network, and to the gradient on its way back.",
         ("forward", "activations", "gradients", "symmetry")),
    View("convergence", "Convergence",
         "The same small task trained from several initialisations at once.",
         ("convergence", "convergence_end")),
    View("layers", "In a network",
         "The lecture's networks: the weights and biases of every layer before and after an initialiser.",
         ("layers", "layer_spread")),
)

#: The option of ``gain_of`` that leaves the gain as it was typed.
TYPED = "typed"
GAINS = (Option(TYPED, "Typed", "The number below."), *NONLINEARITIES)

SOURCES = (
    Option("typed", "Typed or pasted", "The numbers in the field below."),
    Option("sample", "Drawn", "A sample: the first tensor that the page Initialisers draws with these settings and this seed."),
)

POPULATIONS = (
    Option("normal", "Normal", "The bell curve with mean 0.", r"\mathcal{N}(0, \sigma^2)"),
    Option("uniform", "Uniform", "All values of an interval around 0 equally likely.",
           r"\mathcal{U}(-\sqrt{3}\,\sigma, \sqrt{3}\,\sigma)"),
    Option("exponential", "Exponential", "Skewed: many small values, few large ones.", r"\mathrm{Exp}(1/\sigma)"),
    Option("coin", "Coin", "Only two values, \u2212\u03c3 and \u03c3, equally likely.", r"\pm\sigma"),
)

DTYPES = (
    Option("float32", "float32", "24 significant bits, torch's default."),
    Option("float64", "float64", "53 significant bits."),
    Option("bfloat16", "bfloat16", "8 significant bits, the range of float32."),
    Option("float16", "float16", "11 significant bits, largest value 65,504."),
)

METHODS = (
    Option("torch", "torch.nn.init", "What torch.nn.init.trunc_normal_ does."),
    Option("tail", "Tail sampler", "An exact sampler of our own, fast in the far tail: exponential proposals (Robert 1995)."),
)

ACTIVATIONS = (
    Option("linear", "None", "No activation.", "x"),
    Option("relu", "ReLU", "Negative values become zero.", r"\max(0, x)"),
    Option("leaky_relu", "Leaky ReLU", "Negative values are multiplied by 0.01.", r"\max(0.01 x, x)"),
    Option("tanh", "tanh", "Squashes into (\u22121, 1).", r"\tanh x"),
    Option("sigmoid", "Sigmoid", "Squashes into (0, 1).", r"\frac{1}{1 + e^{-x}}"),
    Option("selu", "SELU", "Normalises itself with LeCun's initialisation.", r"\mathrm{selu}(x)"),
    Option("gelu", "GELU", "A smooth ReLU.", r"x\, \Phi(x)"),
)

INPUTS = (
    Option("normal", "Standard normal", "Every input value has mean 0 and standard deviation 1."),
    Option("uniform", "Uniform", "Every input value is in (0, 1), as a pixel is."),
    Option("one_hot", "One-hot", "One input is 1, the others are 0."),
)

TASKS = (
    Option("spirals", "Two spirals", "Classify the points of two interleaved spirals."),
    Option("sine", "A sine", "Fit a sine with one input and one output."),
)

NETWORKS = (
    Option("two_layers", "Linear(10, 5), Linear(5, 2)", "The lecture's network with ReLU between its two layers."),
    Option("one_layer", "Linear(10, 5)", "The lecture's single layer."),
    Option("three_layers", "Linear(64, 128), (128, 256), (256, 10)", "The lecture's deeper network."),
)

_NETWORK = ("propagation", "convergence", "layers")
# The page that an option chooses by itself comes first.
_SAMPLED = ("initializer", "statistics")
_DRAWN = (*_SAMPLED, "propagation", "layers")


def _draws(state: Any) -> bool:
    """Whether the page draws by an initialiser: of those that declare one all do, but Statistics only where it is to."""
    return bool(state.view != "statistics" or state.source == "sample")


def _takes(name: str) -> Any:
    """Whether something is drawn, and the chosen initialiser has an argument of this name."""
    return lambda state: _draws(state) and name in initializer(state.initializer).arguments


#: What a pinned sample is drawn from.
PINNED = (
    "initializer", "shape", "mean", "std", "a", "b", "gain", "mode", "nonlinearity", "val", "sparsity", "groups", "count",
    "method", "dtype", "device", "own_bins", "bins", "seed",
)


def _pinned(state: DistributionsState) -> str:
    return json.dumps({name: getattr(state, name) for name in PINNED})


@dataclass(frozen=True)
class DistributionsState(State):
    """Every control of the distributions tab. Where the gain is that of a nonlinearity, it is its number, whatever was given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.gain_of != TYPED:
            object.__setattr__(self, "gain", gain_of(self.gain_of))

    def changed(self, **values: Any) -> Self:
        """This state with some values replaced.

        Another initialiser brings its own arguments along; a gain typed by hand is no nonlinearity's any more; a pin keeps the
        sample as it was just before.
        """
        if "pin" in values and "pinned" not in values and values["pin"] != self.pin:
            values["pinned"] = _pinned(self) if values["pin"] is True else ""
        chosen = values.get("initializer")
        if isinstance(chosen, str) and chosen != self.initializer and any(chosen == e.name for e in INITIALIZERS):
            values = dict(initializer(chosen).arguments) | values
        if "gain" in values and values["gain"] != self.gain:
            values.setdefault("gain_of", TYPED)
        return super().changed(**values)

    view: str = view_choice(VIEWS)

    source: str = choice(
        "typed", SOURCES, label="Numbers are", group="Data", views=("statistics",),
        help="Whether you give the numbers, or an initialiser draws them.",
    )
    values: str = text(
        "2, 4, 5, 6, 8", multiline=True, max_length=2_500_000, label="Numbers", group="Data", views=("statistics",),
        when=lambda state: state.source == "typed",
        help="Type or paste numbers: separated by commas, spaces, semicolons or lines; 1e-3 works; a CSV column, too.",
    )

    population: str = choice(
        "normal", POPULATIONS, label="Population", group="Population", views=("bessel",),
        help="The distribution that every sample is drawn from; its variance is known.",
    )
    sigma: float = real(
        1.0, 0.01, 100.0, scale="log", label="Standard deviation", formula=r"\sigma", group="Population", views=("bessel",),
        help="The true standard deviation of the population: the estimates should find its square.",
    )
    sample_size: int = integer(
        5, 2, 200, scale="log", label="Sample size", formula="n", group="Population", views=("bessel",),
        help="How many values each small sample has. The smaller, the more the variance with n falls short.",
    )
    samples: int = integer(
        10_000, 10, 1_000_000, scale="log", label="Samples", group="Population", views=("bessel",),
        help="How many samples are drawn.",
    )

    initializer: str = choice(
        "xavier_uniform", initializer_options(), label="Initialiser", group="Initialiser", views=_DRAWN,
        when=_draws, help="The function of torch.nn.init that fills the tensor.",
    )
    shape: str = text(
        "4x3", max_length=60, label="Shape", group="Initialiser", views=_SAMPLED, when=_draws,
        help="The tensor's shape, sizes separated by x: 30 is a vector, 4x3 a matrix (4 outputs, 3 inputs), 16x3x5x5 the "
             "weight of a Conv2d.",
    )
    mean: float = real(
        0.0, -1e6, 1e6, span=lambda state: (-5.0, 5.0), label="mean", formula=r"\mu", group="Initialiser", views=_DRAWN,
        when=_takes("mean"), help="The centre of the normal distribution (before it is cut off).",
    )
    std: float = real(
        1.0, 1e-6, 1e6, scale="log", span=lambda state: (1e-3, 10.0), label="std", formula=r"\sigma", group="Initialiser",
        views=_DRAWN, when=_takes("std"), help="The standard deviation of the normal distribution (before it is cut off).",
    )
    a: float = real(
        0.0, -1e6, 1e6, span=lambda state: (-5.0, 5.0), label="a", formula="a", group="Initialiser", views=_DRAWN,
        when=_takes("a"),
        help="As torch names it: the lower bound of a uniform or truncated distribution; with Kaiming the slope of a leaky "
             "ReLU for negative values.",
    )
    b: float = real(
        1.0, -1e6, 1e6, span=lambda state: (-5.0, 5.0), label="b", formula="b", group="Initialiser", views=_DRAWN,
        when=_takes("b"), help="The upper bound.",
    )
    gain_of: str = choice(
        TYPED, GAINS, label="gain of", group="Initialiser", views=_DRAWN, when=_takes("gain"),
        help="The nonlinearity that follows: calculate_gain of it becomes the gain (leaky_relu with slope 0.01). Typed: the gain "
             "is the number below, and typing one comes back to this.",
    )
    gain: float = real(
        1.0, -1e3, 1e3, span=lambda state: (0.1, 5.0), label="gain", formula="g", group="Initialiser", views=_DRAWN,
        when=_takes("gain"),
        help="A factor for the activation that follows. calculate_gain says 1 for linear and sigmoid, 5/3 for tanh, \u221a2 for "
             "ReLU, 1.41414 for leaky ReLU with slope 0.01, 3/4 for SELU.",
    )
    mode: str = choice(
        "fan_in", (
            Option("fan_in", "fan_in", "Keeps the variance of what goes forward."),
            Option("fan_out", "fan_out", "Keeps the variance of the gradients that come back."),
        ), label="mode", group="Initialiser", views=_DRAWN, when=_takes("mode"),
        help="Whether the number of inputs or of outputs decides the spread.",
    )
    nonlinearity: str = choice(
        "leaky_relu", NONLINEARITIES, label="nonlinearity", group="Initialiser", views=_DRAWN, when=_takes("nonlinearity"),
        help="The activation after the layer; calculate_gain turns it into the gain.",
    )
    val: float = real(
        0.5, -1e6, 1e6, span=lambda state: (-2.0, 2.0), label="val", formula="c", group="Initialiser", views=_DRAWN,
        when=_takes("val"), help="The value that every element gets.",
    )
    sparsity: float = real(
        0.1, 0.0, 1.0, label="sparsity", formula="s", group="Initialiser", views=_DRAWN, when=_takes("sparsity"),
        help="The fraction of every column that is set to zero (rounded up to whole values).",
    )
    groups: int = integer(
        1, 1, 64, label="groups", group="Initialiser", views=_DRAWN, when=_takes("groups"),
        help="The groups of the convolution: each of them passes on its own part of the input.",
    )

    count: int = integer(
        10, 10, 1_000_000_000, scale="log", label="Values", formula="N", group="Sample", views=("initializer",),
        help="How many values are drawn at least: as many whole tensors of this shape as needed, at least one.",
    )
    method: str = choice(
        "torch", METHODS, label="Method", group="Sample", views=_SAMPLED,
        when=lambda state: _draws(state) and state.initializer == "trunc_normal",
        help="How the truncated normal is drawn.",
    )
    dtype: str = choice(
        "float32", DTYPES, label="dtype", group="Sample", views=_SAMPLED, when=_draws,
        help="The type of the tensor's elements: fewer bits, coarser values.",
    )
    device: str = choice(
        "cpu", (
            Option("cpu", "CPU", "The processor."),
            Option("cuda", "CUDA", "An NVIDIA GPU, if torch finds one."),
            Option("mps", "MPS", "Apple's GPU, if torch finds one."),
        ), label="Device", group="Sample", views=_SAMPLED, when=_draws, help="Where the values are drawn.",
    )
    pin: bool = flag(
        False, label="Keep this sample as A", group="Compare", views=("initializer",),
        help="The present sample stays in the picture as A; what you choose from now on is drawn beside it as B.",
    )
    pinned: str = text(
        "", max_length=2000, label="Sample A", group="Compare", views=("initializer",), hidden=True,
        help="What sample A was drawn with, as JSON; written when a sample is kept.",
    )
    own_bins: bool = flag(
        False, label="Choose the bins by hand", group="Show", views=("initializer",),
        help="Off: the number of bins follows from the number of values.",
    )
    bins: int = integer(
        40, 1, 500, scale="log", label="Bins", group="Show", views=("initializer",), when=lambda state: state.own_bins,
        help="How many bars the histogram has.",
    )
    heights: str = choice(
        "density", (
            Option("density", "Density", "Bars of area 1 together, comparable with the theoretical density."),
            Option("count", "Count", "How many values fall into each bar."),
        ), label="Heights", group="Show", views=("initializer",), display=True,
        help="What the height of a bar means.",
    )

    depth: int = integer(
        30, 1, 100, label="Depth", group="Network", views=("propagation",), help="How many layers the network has.",
    )
    width: int = integer(
        256, 2, 1024, scale="log", label="Width", group="Network", views=("propagation",),
        help="How many neurons every layer has.",
    )
    activation: str = choice(
        "relu", ACTIVATIONS, label="Activation", group="Network", views=("propagation", "convergence"),
        help="The function after every layer.",
    )
    input: str = choice(
        "normal", INPUTS, label="Input", group="Network", views=("propagation",), help="What goes into the first layer.",
    )
    batch: int = integer(
        128, 2, 1024, scale="log", label="Rows of input", group="Network", views=("propagation",),
        help="How many inputs go through the network at once.",
    )
    symmetry_steps: int = integer(
        20, 0, 200, label="Training steps", group="Symmetry", views=("propagation",),
        help="How many steps of SGD are taken to see whether the neurons of a layer become different.",
    )

    contestants: tuple[str, ...] = names(
        ("xavier_normal", "kaiming_normal", "constant", "zeros", "orthogonal"),
        lambda state: tuple(e.name for e in INITIALIZERS if e.least_dimensions <= 2 <= e.most_dimensions),
        titles={entry.name: entry.title for entry in INITIALIZERS}, noun="initialiser", label="Initialisers",
        group="Task", views=("convergence",), help="The initialisers that start together, each with its default arguments.",
    )
    task: str = choice("spirals", TASKS, label="Task", group="Task", views=("convergence",), help="What is learned.")
    hidden_layers: int = integer(
        4, 1, 20, label="Hidden layers", group="Task", views=("convergence",), help="How deep the network is.",
    )
    lr: float = real(
        0.05, 1e-4, 10.0, scale="log", label="Learning rate", formula=r"\alpha", group="Task", views=("convergence",),
        help="The step size of plain SGD.",
    )
    epochs: int = integer(
        200, 1, 2000, scale="log", label="Steps", group="Task", views=("convergence",),
        help="How many steps of SGD are taken, each with all data.",
    )
    repeats: int = integer(
        8, 1, 50, label="Seeds", group="Task", views=("convergence",),
        help="How many times each initialiser starts, with different random numbers.",
    )

    network: str = choice(
        "two_layers", NETWORKS, label="Network", group="Network", views=("layers",), help="The network of the lecture.",
    )

    seed: int = seed()


def _preset(name: str, title: str, help: str, view: str, **changes: Any) -> Preset:
    """A preset sets everything that is computed on its page, so that it shows the same whatever was set before."""
    shown = DistributionsState(view=view, **changes)
    values = {
        parameter.name: parameter.default for parameter in parameters_of(DistributionsState).values()
        if not parameter.hidden and not parameter.display and (not parameter.views or view in parameter.views)
        and parameter.name != "pin"  # an example is what one wants to compare with
        # Typed numbers are no reason to change what is drawn on other pages, nor a sample to lose what was typed.
        and (view != "statistics" or parameter.when is None or parameter.when(shown))
    }
    if "initializer" in values:
        values |= initializer(changes.get("initializer", values["initializer"])).arguments
    return Preset(name, title, help, values | changes | {"view": view})


PRESETS = (
    _preset("five", "2, 4, 5, 6, 8", "The lecture's vector: mean 5, standard deviation 2; with n \u2212 1 2.236.",
            "statistics"),
    _preset("three", "10, 20, 30", "The lecture's first mean: 60 / 3 = 20.", "statistics", values="10, 20, 30"),
    _preset("drawn_30", "30 normal, drawn", "The lecture's 30 normal values with mean 1 and standard deviation 2: how near do "
            "their own come?", "statistics", source="sample", initializer="normal", shape="30", mean=1.0, std=2.0),
    _preset("bessel_5", "Samples of 5", "Five values each: with n the variance is a fifth too small.", "bessel"),
    _preset("bessel_2", "Samples of 2", "Two values each: with n only half of the variance is found.", "bessel", sample_size=2),
    _preset("uniform_30", "30 uniform", "The lecture's 30 values between 1 and 2.", "initializer", initializer="uniform",
            shape="30", a=1.0, b=2.0),
    _preset("normal_30", "30 normal", "The lecture's 30 values with mean 1 and standard deviation 2.", "initializer",
            initializer="normal", shape="30", mean=1.0, std=2.0),
    _preset("trunc_30", "30 truncated", "The lecture's normal with mean 1 and standard deviation 2, kept in [0.5, 1.5].",
            "initializer", initializer="trunc_normal", shape="30", mean=1.0, std=2.0, a=0.5, b=1.5),
    _preset("xavier_4x3", "Xavier 4x3", "The lecture's 4x3 tensor: bound 0.926.", "initializer"),
    _preset("kaiming_4x3", "Kaiming 4x3", "The lecture's 4x3 tensor for ReLU: standard deviation 0.816.", "initializer",
            initializer="kaiming_normal", nonlinearity="relu"),
    _preset("linear_10_5", "Linear(10, 5)", "Xavier on the weight of the lecture's layer.", "initializer", shape="5x10"),
    _preset("linear_64_128", "Linear(64, 128)", "Kaiming on the weight of a larger layer.", "initializer",
            initializer="kaiming_normal", nonlinearity="relu", shape="128x64"),
    _preset("conv2d", "Conv2d(3, 16, 5)", "The fans of a convolution count the kernel, too.", "initializer",
            initializer="kaiming_normal", nonlinearity="relu", shape="16x3x5x5"),
    _preset("million", "A million values", "The histogram becomes the density.", "initializer", initializer="normal",
            shape="1000x1000", count=1_000_000),
    _preset("healthy", "Kaiming + ReLU", "He's rule keeps the signal alive through 30 layers.", "propagation",
            initializer="kaiming_normal", nonlinearity="relu"),
    _preset("vanishing", "Too small", "Normal weights with a small standard deviation: the signal dies.", "propagation",
            initializer="normal", std=0.02),
    _preset("exploding", "Too large", "Normal weights with a large standard deviation: the signal explodes.", "propagation",
            initializer="normal", std=0.3),
    _preset("equal", "All equal", "A constant initialiser: all neurons of a layer do the same, for ever.", "propagation",
            initializer="constant", val=0.01, depth=5),
    _preset("tanh_xavier", "Xavier + tanh", "Glorot's rule with the activation that it was made for.", "propagation",
            initializer="xavier_normal", activation="tanh"),
    _preset("spirals", "Two spirals", "Five initialisations learn to tell two spirals apart.", "convergence"),
    _preset("net_one", "Linear(10, 5)", "Xavier on the lecture's single layer.", "layers", network="one_layer"),
    _preset("net_two", "Two layers", "The lecture's Linear(10, 5) and Linear(5, 2).", "layers"),
    _preset("net_three", "Three layers", "Kaiming for ReLU on the lecture's deeper network.", "layers", network="three_layers",
            initializer="kaiming_normal", nonlinearity="relu"),
)
