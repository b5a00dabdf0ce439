"""Signal propagation: what an initialisation does to a deep network, layer by layer, there and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visualizer.base.explanation import Explanation
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.components.laws import law_of
from visualizer.experiments.distributions.meanfield import Prediction, applies, predict
from visualizer.experiments.distributions.pages import propagation_words
from visualizer.experiments.distributions.propagation import BINS, REACH, Spread, Trace, check_square, propagate
from visualizer.experiments.distributions.propagation_verdict import Judgement, judge
from visualizer.experiments.distributions.requests import PropagationRequest
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.experiments.distributions.symmetry import Symmetry, train
from visualizer.figures.model import Axis, Band, Figure, Layer, Line, Markers, Note, Rule, readonly

Floats = NDArray[np.float64]

#: The number range of float32, in which the network computes.
_SMALLEST, _LARGEST = 1.4e-45, 3.4028235e38
_RIDGES = 7
_LAYER_ROLES = (Role.C1, Role.C2, Role.C3, Role.C4)


@dataclass(frozen=True, eq=False)
class PropagationResult(PageResult):
    """One network, measured and predicted.

    Attributes:
        mean, variance: of a single weight, by the initialiser's law.
        prediction: None where theory says nothing; ``unpredicted`` then says why, in a sentence.
        symmetry: None while it is not trained yet.
    """

    trace: Trace
    judgement: Judgement
    mean: float
    variance: float
    prediction: Prediction | None
    unpredicted: str
    symmetry: Symmetry | None

    def numbers(self) -> dict[str, Any]:
        trace, judgement, theory = self.trace, self.judgement, self.prediction
        forward, backward = trace.activation, trace.gradient
        nothing = np.full(len(forward.std) - 1, np.nan)
        found: dict[str, Any] = {
            "propagation": {
                "layer": np.arange(1, len(forward.std)), "rows": trace.rows,
                "input_mean": forward.mean[0], "input_std": forward.std[0], "input_gradient_std": backward.std[0],
                "activation_mean": forward.mean[1:], "activation_std": forward.std[1:],
                "activation_quantiles": forward.quantiles[1:],
                "gradient_std": backward.std[1:], "gradient_quantiles": backward.quantiles[1:],
                "weight_gradient_std": trace.weight_gradient[1:],
                "theory_std": nothing if theory is None else theory.activation[1:],
                "theory_gradient_std": nothing if theory is None else theory.gradient[1:],
                "theory_weight_gradient_std": nothing if theory is None else theory.weight_gradient[1:],
                "weight_mean": self.mean, "weight_variance": self.variance,
                "dead_fraction": trace.dead[1:], "verdict": judgement.kind, "verdict_text": judgement.text,
                "signal_ratio": judgement.forward, "gradient_ratio": judgement.backward,
                "first_nonfinite_layer": judgement.bad_layer, "first_nonfinite_gradient_layer": judgement.bad_gradient,
                "nan_count": trace.nan, "inf_count": trace.inf,
            },
        }
        if self.symmetry is not None:
            found["symmetry"] = {
                "distance": self.symmetry.distance, "loss": self.symmetry.loss, "width": self.symmetry.width,
                "stays_identical": self.symmetry.stays,
            }
        return found


def run(request: PropagationRequest) -> Iterator[PropagationResult | None]:
    """Forward and backward, the theory, then the small network that is trained."""
    chosen = request.chosen
    check_square(chosen)
    law = law_of(chosen.entry, chosen.arguments, (request.width, request.width))
    mean, variance = float(law.mean), float(law.variance)
    prediction: Prediction | None = None
    why = _unpredicted(request, mean, variance)

    def result(trace: Trace, symmetry: Symmetry | None, progress: float, enough: bool = False) -> PropagationResult:
        return PropagationResult(
            request=request, trace=trace, judgement=judge(trace), mean=mean, variance=variance, prediction=prediction,
            unpredicted=why, symmetry=symmetry, progress=progress, enough=enough,
        )

    yield None
    trace: Trace | None = None
    for trace in propagate(
        chosen, depth=request.depth, width=request.width, activation=request.activation, input=request.input,
        batch=request.batch, seed=request.seed,
    ):
        if trace is None:
            yield None
        elif trace.fraction == 0.0 and not why:
            # Before anything is measured, so that the axes reach as far as they will be needed from the first picture on.
            # A mean that is lost in the spread is left out: then one row stands for all.
            passed = mean if abs(mean) * np.sqrt(request.width) > 0.1 * np.sqrt(variance) else 0.0
            for found in predict(
                trace.sums, trace.squares, mean=passed, variance=variance, width=request.width, depth=request.depth,
                activation=request.activation, input_std=float(trace.activation.std[0]), rows=trace.rows,
                output_sums=trace.output_sums, orthogonal=chosen.name == "orthogonal",
            ):
                prediction = found
                if found is None:
                    yield None
        elif 0.0 < trace.fraction < 1.0:
            yield result(trace, None, 0.9 * trace.fraction)
    assert trace is not None  # the last one is
    yield result(trace, None, 0.9, enough=True)
    symmetry: Symmetry | None = None
    for symmetry in train(
        chosen, depth=request.depth, width=request.width, activation=request.activation, steps=request.symmetry_steps,
        seed=request.seed,
    ):
        if symmetry is None:
            yield None
    yield result(trace, symmetry, 1.0)


def _unpredicted(request: PropagationRequest, mean: float, variance: float) -> str:
    if request.chosen.name == "eye":
        return ("No theory line: the identity is not random. Every layer only applies the activation once more, to what each "
                "neuron has.")
    if not applies(mean, variance, request.width):
        return ("No theory line: the weights have a mean that passes on about as much as their spread does, and the recursion "
                "holds where one of the two is by far the larger.")
    return ""


def _request(result: PropagationResult) -> PropagationRequest:
    assert isinstance(result.request, PropagationRequest)
    return result.request


def figures(result: PropagationResult, state: DistributionsState) -> tuple[Figure, ...]:
    """The spread per layer, the shapes of both distributions, and how far the neurons of a small network are apart."""
    bad = result.judgement.bad_layer
    no_signal = "The activations are not finite." if bad == 1 else "All activations of a layer are the same."
    no_gradient = "It comes after the pass forward." if bad is None else "No gradient: the signal is not finite."
    return (
        _spread(result),
        _ridges("activations", "Activations in some layers", "activation", Role.DATA, result.trace.activation, no_signal),
        _ridges("gradients", "Gradients in some layers", "gradient", Role.GRADIENT, result.trace.gradient, no_gradient),
        _symmetry(result),
    )


def _drawable(values: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        return readonly(np.where((values >= _SMALLEST) & (values <= _LARGEST), values, np.nan))


def _spread(result: PropagationResult) -> Figure:
    trace, theory, judgement = result.trace, result.prediction, result.judgement
    layers = readonly(np.arange(len(trace.activation.std)))
    depth = len(layers) - 1
    signal, gradient = _drawable(trace.activation.std), _drawable(trace.gradient.std)
    drawn: list[Layer] = []
    lines: list[Layer] = []
    seen = [signal, gradient]
    if theory is not None:
        low, high = _drawable(theory.low), _drawable(theory.high)
        known = np.isfinite(low) & np.isfinite(high)
        if known.sum() > 1:
            drawn.append(Band(key="scatter", role=Role.THEORY, x=readonly(layers[known]), lower=readonly(low[known]),
                              upper=readonly(high[known]), opacity=0.16, label="95 % of signals at this width"))
            seen += [low, high]
        there, back = _drawable(theory.activation), _drawable(theory.gradient)
        seen += [there, back]
        lines = [
            Line(key="signal_theory", role=Role.THEORY, x=layers, y=there, width=2.0, dash="dash", label="signal, theory"),
            Line(key="gradient_theory", role=Role.THEORY, x=layers, y=back, width=2.0, dash="dot", label="gradient, theory"),
        ]
    drawn += [
        Line(key="signal", role=Role.DATA, x=layers, y=signal, width=3.0, label="signal \u2192"),
        Line(key="gradient", role=Role.GRADIENT, x=layers, y=gradient, width=3.0, label="\u2190 gradient"),
        *lines,  # on top: where both agree, both are seen
    ]
    # Dots where there is room for them, and where a single layer makes no line.
    if np.isfinite(signal).sum() <= 41:
        drawn.append(Markers(key="signal_dots", role=Role.DATA, x=layers, y=signal, size=6.0))
    if np.isfinite(gradient).sum() <= 41:
        drawn.append(Markers(key="gradient_dots", role=Role.GRADIENT, x=layers, y=gradient, size=6.0, symbol="square"))
    if judgement.zero_layer is not None:
        drawn.append(Rule(key="zero", role=Role.WARNING, position=float(judgement.zero_layer), text="signal exactly 0 from here"))
    elif judgement.zero_gradient is not None:
        drawn.append(Rule(key="zero", role=Role.WARNING, position=float(judgement.zero_gradient),
                          text="gradient exactly 0 up to here"))
    if judgement.bad_layer is not None:
        drawn.append(Rule(key="bad", role=Role.BAD, position=float(judgement.bad_layer), text="NaN or Inf"))
    low_end, high_end = _decades(seen)
    return Figure(
        "forward", "Spread of the signal and of the gradient in every layer",
        Axis("layer (0: the input)", integer=True, limits=(-0.02 * depth, 1.02 * depth)),
        Axis("standard deviation", log=True, limits=(low_end, high_end)), tuple(drawn), note=_note(result),
    )


def _decades(series: list[Floats]) -> tuple[float, float]:
    """Limits around all that is drawn; at least two decades, so that a healthy network looks level."""
    values = np.concatenate([part[np.isfinite(part)] for part in series])
    if not len(values):
        return 0.1, 10.0
    low, high = np.log10(values.min()), np.log10(values.max())
    rest = max(0.0, 2.0 - (high - low)) / 2
    edge = 0.04 * (high - low + 2 * rest)
    return float(10 ** max(low - rest - edge, -46.0)), float(10 ** (high + rest + edge))


def _note(result: PropagationResult) -> str:
    request, judgement = _request(result), result.judgement
    parts = [judgement.text]
    dead = result.trace.dead[1:]
    if request.activation == "relu" and np.nanmax(dead, initial=0.0) > 0:
        most = int(np.nanargmax(dead))
        parts.append(f"Dead ReLUs: up to {100 * dead[most]:.3g} %, in layer {most + 1}.")
    if result.trace.rows < request.batch:
        parts.append(f"At this width {result.trace.rows} of the {request.batch} rows are used.")
    return " ".join(parts)


def _shown(spread: Spread) -> list[int]:
    """Up to seven layers that have a spread, the first and the last among them."""
    there = np.flatnonzero(np.nansum(spread.counts, axis=1) > 0)
    there = there[there > 0] if (there > 0).any() else there
    return [int(there[at]) for at in np.unique(np.linspace(0, len(there) - 1, min(_RIDGES, len(there))).round().astype(int))]


def _ridges(name: str, title: str, what: str, role: Role, spread: Spread, empty: str) -> Figure:
    shown = _shown(spread)
    if not shown:
        return Figure(name, title, Axis(what), Axis("layer"), (), note=empty)
    std, mean = spread.std[shown], spread.mean[shown]
    scaled = bool(std.max() / std.min() > 12 or std.max() > 1e4 or std.max() < 1e-3)
    with np.errstate(all="ignore"):
        centred = scaled and bool((np.abs(mean / std) > 5).any())
    grid = (np.arange(BINS) + 0.5) * (2 * REACH / BINS) - REACH
    layers: list[Layer] = []
    ends: list[float] = []
    for slot in reversed(range(len(shown))):  # the last layer is at the top and drawn first: the one below covers its foot
        layer = shown[slot]
        counts = spread.counts[layer]
        held = np.flatnonzero(counts)
        span = slice(max(held[0] - 1, 0), held[-1] + 2)
        shift = 0.0 if centred else spread.mean[layer] / spread.std[layer]
        x = (grid[span] + shift) * (1.0 if scaled else spread.std[layer])
        height = slot + 1.15 * counts[span] / counts.max()
        ends += [float(x[0]), float(x[-1])]
        x, height = readonly(x), readonly(height)
        layers += [
            Band(key=f"ridge{slot}", role=role, x=x, lower=readonly(np.full(len(x), float(slot))), upper=height, opacity=0.5),
            Line(key=f"crest{slot}", role=role, x=x, y=height, width=1.5),
        ]
    label = what if not scaled else f"({what} \u2212 mean) / std" if centred else f"{what} / std of its layer"
    zero = spread.zero[shown]
    note = f"Left out: exact zeros, up to {100 * zero.max():.0f} %." if (zero > 0.001).any() else ""
    ticks = tuple((float(slot), str(layer)) for slot, layer in enumerate(shown))
    margin = 0.03 * (max(ends) - min(ends))
    return Figure(name, title, Axis(label, limits=(min(ends) - margin, max(ends) + margin)),
                  Axis("layer", ticks=ticks, limits=(-0.1, len(shown) + 0.3)), tuple(layers), note=note)


def _symmetry(result: PropagationResult) -> Figure:
    title = "Distance of neurons"
    across, up = Axis("training step", integer=True), Axis("distance of weights")
    symmetry = result.symmetry
    if symmetry is None:
        return Figure("symmetry", title, across, up, (), note="A small network is trained after the two passes.")
    steps = readonly(np.arange(len(symmetry.distance)))
    layers: list[Layer] = []
    for index in range(symmetry.distance.shape[1]):
        y = readonly(symmetry.distance[:, index])
        layers.append(Line(key=f"layer{index}", role=_LAYER_ROLES[index], label=f"layer {index + 1}", x=steps, y=y, width=2.0))
        if len(steps) == 1:
            layers.append(Markers(key=f"dot{index}", role=_LAYER_ROLES[index], x=steps, y=y))
    finite = symmetry.distance[np.isfinite(symmetry.distance)]
    top = float(finite.max()) if len(finite) else 0.0
    if len(finite) and symmetry.stays:
        layers.append(Note(key="zero", role=Role.WARNING, x=float(steps[-1]) / 2, y=0.0, anchor=(0.5, 1.5),
                           text="exactly 0 in every layer"))
        note = "All neurons of a layer stay identical."
    elif not len(finite):
        note = "The loss of the small network is not finite."
    else:
        note = f"{symmetry.width} neurons in each layer of a small network."
    bottom = float(finite.min()) if len(finite) else 0.0
    return Figure("symmetry", title, Axis("training step", integer=True, limits=(-0.02 * max(1, len(steps) - 1),
                  max(1.0, 1.02 * (len(steps) - 1)))),
                  Axis("distance of weights", limits=(-0.04 * (top or 1.0) if bottom < 0.5 * top or not top else 0.0,
                       1.15 * top or 1.0)), tuple(layers), note=note)


def explain(result: PropagationResult, state: DistributionsState) -> Explanation:
    """The verdict, and where every number comes from."""
    return propagation_words.explain(result.trace, result.judgement, result.prediction, result.symmetry, _request(result),
                                     result.mean, result.variance, result.unpredicted)


def code(request: PropagationRequest) -> str:
    """PyTorch that builds the same network and runs one real ``backward()``."""
    return propagation_words.code(request)
