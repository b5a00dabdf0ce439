"""In a network: the weights and biases of every layer of the lecture's networks, before and after an initialiser."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from visualizer.base.explanation import Block, Explanation, Formula, Heading, Paragraph, Table, Verdict, number_text
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.components.initializers import Initializer
from visualizer.components.laws import Law, theory_of
from visualizer.components.seeding import derived_seed, torch_generator
from visualizer.experiments.distributions.convergence import Floats
from visualizer.experiments.distributions.networks import (
    NETWORKS,
    default_law,
    default_network,
    initialise,
)
from visualizer.experiments.distributions.requests import LayersRequest
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.figures.model import Axis, Band, Figure, Layer, Line, Markers, Segments, readonly

#: Tensors of fewer values than this are drawn as dots: a histogram of five values says nothing.
_DOTS = 40

#: Height of the largest bar of a histogram, of 1 between two rows.
_HEIGHT = 0.42


@dataclass(frozen=True, eq=False)
class Values:
    """The values of one tensor, in short and as an outline.

    Attributes:
        mean, std, min, max: ``std`` as ``tensor.std()`` has it, with n - 1.
        count: how many values.
        x, height: the outline of their histogram, the highest bar being 1; of few values x has them all, height is empty.
        theory_x, theory_height: the density that theory expects, on the same scale; empty where there is no histogram, or the
            law has no density.
    """

    mean: float
    std: float
    min: float
    max: float
    count: int
    x: Floats
    height: Floats
    theory_x: Floats
    theory_height: Floats

    def numbers(self) -> dict[str, float]:
        return {"mean": self.mean, "std": self.std, "min": self.min, "max": self.max}


@dataclass(frozen=True, eq=False)
class LayerValues:
    """A weight or bias before and after.

    Attributes:
        name: as in ``named_parameters()``, e.g. ``0.weight``.
        theory_before, theory_after: the standard deviation that theory expects.
        lines: LaTeX that derives the latter; empty for a bias.
    """

    name: str
    shape: tuple[int, ...]
    features_in: int
    before: Values
    after: Values
    theory_before: float
    theory_after: float
    lines: tuple[str, ...]

    @property
    def is_weight(self) -> bool:
        return len(self.shape) > 1


@dataclass(frozen=True, eq=False)
class LayersResult(PageResult):
    """Every tensor of the network, from the input on."""

    layers: tuple[LayerValues, ...]

    def numbers(self) -> dict[str, Any]:
        return {
            "layers": [
                {
                    "name": layer.name, "shape": list(layer.shape),
                    "before": layer.before.numbers() | {"theory_std": layer.theory_before},
                    "after": layer.after.numbers() | {"theory_std": layer.theory_after},
                }
                for layer in self.layers
            ],
        }


def run(request: LayersRequest) -> Iterator[LayersResult | None]:
    """Make the network, look at it, initialise it, look again."""
    entry, arguments = request.chosen.entry, request.chosen.arguments
    network = default_network(request.network, torch_generator(request.seed))
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    yield None
    initialise(network, entry, arguments, torch_generator(request.seed, "layers", "after"))
    yield None
    layers: list[LayerValues] = []
    pairs = iter(NETWORKS[request.network])
    features_in = 0
    for name, parameter in network.named_parameters():
        shape = tuple(parameter.shape)
        theory = None
        if len(shape) == 2:
            features_in, _ = next(pairs)
            theory = theory_of(entry, arguments, shape)
        default = default_law(features_in)
        layers.append(LayerValues(
            name, shape, features_in, _values(before[name], default),
            _values(parameter.detach(), theory.law if theory is not None else None),
            default.std, theory.law.std if theory is not None else 0.0,
            theory.lines if theory is not None else (),
        ))
        yield None
    yield LayersResult(request=request, layers=tuple(layers))


def _values(tensor: Tensor, law: Law | None) -> Values:
    """The values in short; a law of None: all zero."""
    values = tensor.double().flatten()
    array = values.numpy()
    low, high = float(array.min()), float(array.max())
    x, height, theory_x, theory_height = np.sort(array), np.empty(0), np.empty(0), np.empty(0)
    if len(array) >= _DOTS and high > low:
        counts, edges = np.histogram(array, bins=min(60, max(12, round(1.4 * len(array) ** 0.4))))
        x = np.repeat(edges, 2)
        height = np.concatenate(([0.0], np.repeat(counts / counts.max(), 2), [0.0]))
        if law is not None and law.continuous_weight > 0.0:
            theory_x, density = _density(law, low, high)
            theory_height = density * len(array) * (edges[1] - edges[0]) / counts.max()
    elif low == high:
        x = array[:1]
    return Values(float(values.mean()), float(values.std()), low, high, len(array), readonly(x), readonly(height),
                  readonly(theory_x), readonly(theory_height))


def _density(law: Law, low: float, high: float) -> tuple[Floats, Floats]:
    """The density where the values are, with upright ends where the law's support ends near them."""
    reach = high - low
    start, end = low - 0.03 * reach, high + 0.03 * reach
    first, last = law.support
    near = first > low - 0.2 * reach, last < high + 0.2 * reach
    x = np.linspace(first if near[0] else start, last if near[1] else end, 241)
    # A hair inside of the ends, where rounding may put a bound outside.
    middle = 0.5 * (x[0] + x[-1])
    density = law.density(middle + (x - middle) * (1.0 - 1e-9))
    if near[0]:
        x, density = np.concatenate((x[:1], x)), np.concatenate(([0.0], density))
    if near[1]:
        x, density = np.concatenate((x, x[-1:])), np.concatenate((density, [0.0]))
    return x, density


def _request(result: LayersResult) -> LayersRequest:
    assert isinstance(result.request, LayersRequest)
    return result.request


def figures(result: LayersResult, state: DistributionsState) -> tuple[Figure, ...]:
    """The values of every tensor before and after, and their standard deviations beside theory."""
    return _histograms(result), _spreads(result)


def _histograms(result: LayersResult) -> Figure:
    entry = _request(result).chosen.entry
    layers: list[Layer] = []
    theory: list[Layer] = []
    count = len(result.layers)
    for index, layer in enumerate(result.layers):
        row = float(count - 1 - index)
        layers += _half(f"{layer.name}_before", Role.REMOVED, layer.before, row, 1.0,
                        "before: torch's default" if index == 0 else "")
        layers += _half(f"{layer.name}_after", Role.DATA, layer.after, row, -1.0, f"after: {entry.title}" if index == 0 else "")
        for key, values, side in (("before", layer.before, 1.0), ("after", layer.after, -1.0)):
            if values.theory_x.size:
                theory.append(Line(key=f"{layer.name}_{key}_theory", role=Role.THEORY, label="" if theory else "theory", width=1.5,
                                   x=values.theory_x, y=readonly(row + side * _HEIGHT * values.theory_height)))
    layers += theory
    everything = [values for layer in result.layers for values in (layer.before, layer.after)]
    low, high = min(values.min for values in everything), max(values.max for values in everything)
    margin = 0.05 * (high - low) or 1.0
    ticks = tuple((float(count - 1 - index), _row_name(layer)) for index, layer in enumerate(result.layers))
    return Figure(
        "layers", "Before (above each line) and after (below)",
        Axis("value", limits=(low - margin, high + margin)), Axis("", limits=(-0.55, count - 0.45), ticks=ticks), tuple(layers),
    )


def _row_name(layer: LayerValues) -> str:
    return f"{layer.name} {'x'.join(str(size) for size in layer.shape)}"


def _half(key: str, role: Role, values: Values, row: float, side: float, label: str) -> list[Layer]:
    """One histogram that stands on the row's line (side 1) or hangs from it (side -1)."""
    if values.height.size:
        edge = readonly(row + side * _HEIGHT * values.height)
        flat = readonly(np.full(edge.size, row))
        lower, upper = (flat, edge) if side > 0 else (edge, flat)
        return [
            Band(key=f"{key}_fill", role=role, x=values.x, lower=lower, upper=upper, opacity=0.55, label=label),
            Line(key=f"{key}_edge", role=role, x=values.x, y=edge, width=1.0),
        ]
    if values.min == values.max:  # one value, whatever the count: a bar of no width
        return [Segments(key=f"{key}_same", role=role, x0=values.x, x1=values.x, y0=readonly([row]),
                         y1=readonly([row + side * _HEIGHT]), width=3.0, label=label)]
    foot, head = readonly(np.full(values.x.size, row)), readonly(np.full(values.x.size, row + side * 0.28))
    return [
        Segments(key=f"{key}_stems", role=role, x0=values.x, x1=values.x, y0=foot, y1=head, width=1.5),
        Markers(key=f"{key}_dots", role=role, x=values.x, y=head, size=7.0, label=label),
    ]


def _spreads(result: LayersResult) -> Figure:
    entry = _request(result).chosen.entry
    at = np.arange(len(result.layers), dtype=float)

    def dashes(name: str, side: float, label: str) -> Segments:
        y = readonly([getattr(layer, name) for layer in result.layers])
        return Segments(key=name, role=Role.THEORY, x0=readonly(at + side - 0.17), x1=readonly(at + side + 0.17), y0=y, y1=y,
                        width=2.5, label=label)

    layers: tuple[Layer, ...] = (
        Markers(key="before", role=Role.REMOVED, label="before", x=readonly(at - 0.18), size=9.0,
                y=readonly([layer.before.std for layer in result.layers])),
        Markers(key="after", role=Role.DATA, label="after", x=readonly(at + 0.18), size=9.0, symbol="square",
                y=readonly([layer.after.std for layer in result.layers])),
        dashes("theory_before", -0.18, "theory"),
        dashes("theory_after", 0.18, ""),
    )
    top = max(max(layer.before.std, layer.after.std, layer.theory_before, layer.theory_after) for layer in result.layers)
    ticks = tuple((float(index), layer.name) for index, layer in enumerate(result.layers))
    return Figure("layer_spread", f"Spread of every tensor, {entry.title}",
                  Axis("", limits=(-0.5, len(at) - 0.5), ticks=ticks),
                  Axis("standard deviation", limits=(-0.05 * top, 1.12 * top)), layers)


def explain(result: LayersResult, state: DistributionsState) -> Explanation:
    """Where torch's default comes from, what the initialiser makes of it, and both per layer."""
    request = _request(result)
    entry = request.chosen.entry
    weights = [layer for layer in result.layers if layer.is_weight]
    n = weights[0].features_in
    bound, spread = 1.0 / math.sqrt(n), weights[0].theory_before
    rows = tuple(
        (layer.name, number_text(layer.before.std), number_text(layer.theory_before), number_text(layer.after.std),
         number_text(layer.theory_after))
        for layer in result.layers
    )
    blocks: list[Block] = [
        _verdict(entry, weights),
        Heading("Standard deviations"),
        Table(("tensor", "before", "theory", "after", "theory"), rows),
        Paragraph("Measured as tensor.std() does, with n \u2212 1. The fewer values a tensor has, the further chance may take it "
                  "from theory: a bias of 5 by about a third."),
        Heading("Before: what nn.Linear does itself"),
        Paragraph("nn.Linear calls kaiming_uniform_(weight, a=\u221a5). The odd slope a = \u221a5 is chosen for its result: the "
                  "gain cancels the 3."),
        Formula(r"g = \sqrt{\frac{2}{1 + a^2}} = \sqrt{\frac{2}{1 + 5}} = \frac{1}{\sqrt{3}}", "the gain is 1 over root 3"),
        Formula(r"b = g \sqrt{\frac{3}{n_{in}}} = \frac{1}{\sqrt{n_{in}}}, \quad w \sim \mathcal{U}(-b, b)",
                "so the bound is 1 over the root of fan in; the bias has the same bound"),
        Formula(r"\sigma = \frac{b}{\sqrt{3}} = \frac{1}{\sqrt{3\, n_{in}}}",
                "and the standard deviation is the bound over root 3"),
        Formula(rf"n_{{in}} = {n}: \quad b = \frac{{1}}{{\sqrt{{{n}}}}} = {number_text(bound)}, \quad "
                rf"\sigma = \frac{{1}}{{\sqrt{{3 \cdot {n}}}}} = {number_text(spread)}",
                f"for {weights[0].name}: bound {number_text(bound)}, standard deviation {number_text(spread)}"),
        Table(("layer", "fan_in", "fan_out", "bound", "std"), tuple(
            (layer.name.split(".")[0], str(layer.shape[1]), str(layer.shape[0]), number_text(1.0 / math.sqrt(layer.features_in)),
             number_text(layer.theory_before)) for layer in weights
        )),
        Heading(f"After: {entry.title}"),
        Paragraph(entry.help),
        *_derivations(weights),
        Paragraph("The biases are set to zero, as the lecture does: what differs between neurons are their weights."),
    ]
    return Explanation(tuple(blocks))


def _verdict(entry: Initializer, weights: list[LayerValues]) -> Verdict:
    if entry.name in ("constant", "ones", "zeros"):
        return Verdict(f"{entry.title}: all neurons of a layer are equal now, and training keeps them so.", "bad")
    factors = [layer.after.std / layer.before.std for layer in weights]
    low, high = min(factors), max(factors)
    words = number_text(low, 3) if number_text(low, 3) == number_text(high, 3) else (
        f"{number_text(low, 3)} to {number_text(high, 3)}"
    )
    return Verdict(f"{entry.title} makes the spread of the weights {words} times that of torch's default; the biases are 0.",
                   "muted")


def _derivations(weights: list[LayerValues]) -> list[Block]:
    """From shape and arguments to the standard deviation, layer by layer; once, if the shape does not matter."""
    shown = weights if len({layer.lines for layer in weights}) > 1 else weights[:1]
    blocks: list[Block] = []
    for layer in shown:
        if len(shown) > 1:
            blocks.append(Paragraph(f"{layer.name}, {_row_name(layer).split()[-1]}:"))
        blocks += [Formula(line, f"theory of {layer.name}") for line in layer.lines]
    return blocks


def code(request: LayersRequest) -> str:
    """PyTorch that makes the same network, initialises it, and prints the standard deviations."""
    modules = ", nn.ReLU(), ".join(f"nn.Linear({features_in}, {features_out})" for features_in, features_out
                                   in NETWORKS[request.network])
    fill = request.chosen.entry.code("module.weight", request.chosen.arguments)
    return "\n".join((
        "import torch",
        "from torch import nn",
        "",
        f"torch.manual_seed({request.seed})",
        f"network = nn.Sequential({modules})",
        "before = {name: parameter.std().item() for name, parameter in network.named_parameters()}",
        "",
        f"generator = torch.Generator().manual_seed({derived_seed(request.seed, 'layers', 'after')})",
        "for module in network:",
        "    if isinstance(module, nn.Linear):",
        *(f"        {line}" for line in fill),
        "        nn.init.zeros_(module.bias)",
        "",
        "for name, parameter in network.named_parameters():",
        '    print(f"{name}: std {before[name]:.6f} before, {parameter.std().item():.6f} after")',
        "",
    ))
