"""Vanishing, exploding, healthy, symmetric, or not a number: what becomes of a signal in a network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from visualizer.base.explanation import number_text
from visualizer.experiments.distributions.propagation import Trace

Kind = Literal["healthy", "vanishing", "exploding", "symmetric", "not a number", "computing"]

#: The spread may change by this factor through the whole network, and by this one from layer to layer.
MOST_TOTAL = 30.0
MOST_FACTOR = 2.0
#: Through a whole network this much is healthy, however few layers it has: a single one often halves the spread.
LEAST_TOTAL = 4.0


@dataclass(frozen=True)
class Judgement:
    """The verdict on one network.

    Attributes:
        kind: in a word.
        text: in a sentence, for the screen.
        forward: the activations' std at the last layer, divided by the first; ``backward``: the gradient's std at the first
            layer, divided by the last. NaN: not measured.
        layers: over how many layers that is.
        bad_layer: the first layer whose activations are not finite; ``bad_gradient`` the first one going backward.
        zero_layer: the first layer whose activations all are exactly 0; ``zero_gradient`` the first one going backward.
    """

    kind: Kind
    text: str
    forward: float
    backward: float
    layers: int
    bad_layer: int | None
    bad_gradient: int | None
    zero_layer: int | None
    zero_gradient: int | None

    @property
    def role(self) -> Literal["good", "warning", "bad", "muted"]:
        """The colour of the verdict."""
        roles: dict[Kind, Literal["good", "warning", "bad", "muted"]] = {
            "healthy": "good", "vanishing": "warning", "symmetric": "warning", "computing": "muted"}
        return roles.get(self.kind, "bad")


def _change(ratio: float, layers: int) -> Kind:
    factor = ratio ** (1 / layers)
    if 1 / LEAST_TOTAL < ratio < LEAST_TOTAL:
        return "healthy"
    if ratio < 1 / MOST_TOTAL or factor < 1 / MOST_FACTOR:
        return "vanishing"
    if ratio > MOST_TOTAL or factor > MOST_FACTOR:
        return "exploding"
    return "healthy"


def _times(ratio: float, zero: str = "") -> str:
    if ratio == 0:
        return "to exactly 0" + zero
    factor = float(f"{ratio if ratio >= 1 else 1 / ratio:.2e}")
    return f"{factor:,.0f}-fold" if 1000 <= factor < 1e6 else f"{number_text(factor, 3)}-fold"


def judge(trace: Trace) -> Judgement:
    """The verdict on what was measured: between the first and the last layer, or the input and it in a single layer."""
    forward, backward = trace.activation, trace.gradient
    depth = len(forward.std) - 1
    start = 1 if depth > 1 else 0
    layers = depth - start
    with np.errstate(all="ignore"):
        there = float(forward.std[depth] / forward.std[start]) if forward.std[start] > 0 else 0.0 * float(forward.std[depth])
        back = float(backward.std[start] / backward.std[depth])
    dark = np.flatnonzero(forward.zero == 1.0)
    dark = dark[dark > 0]
    still = np.flatnonzero(backward.zero[start:] == 1.0)
    bad, bad_back = forward.first_bad, np.flatnonzero(backward.bad)
    found = {
        "forward": there, "backward": back, "layers": layers, "bad_layer": bad,
        "bad_gradient": int(bad_back[-1]) if len(bad_back) else None,
        "zero_layer": int(dark[0]) if len(dark) else None,
        "zero_gradient": int(still[-1]) + start if len(still) else None,
    }

    zero = "" if not len(dark) else f" (from layer {int(dark[0])} on)"
    level = forward.std[depth] == 0 and not len(dark)  # one and the same value everywhere, which is not 0
    gone = "" if not len(still) else f" (from layer {int(still[-1]) + start} back)"

    def verdict(kind: Kind, text: str) -> Judgement:
        return Judgement(kind, text, **found)  # type: ignore[arg-type]

    if bad is not None:
        what = " and ".join(f"{count:,} {name}" for count, name in ((trace.nan, "NaN"), (trace.inf, "infinite")) if count)
        return verdict("not a number", f"Not a number at layer {bad}: {what} of {trace.rows * trace.width:,} activations; "
                                       "float32 ends at 3.4e38.")
    if len(bad_back):
        return verdict("not a number", f"Not a number in the gradient at layer {int(bad_back[-1])}: float32 ends at 3.4e38.")
    if trace.fraction < 1.0:
        done = int(np.isfinite(forward.std).sum()) - 1
        if done < depth:
            return verdict("computing", f"Forward through layer {done} of {depth} \u2026")
        return verdict("computing", f"Backward to layer {int(np.flatnonzero(np.isfinite(backward.std))[0])} of {depth} \u2026")
    ahead, behind = _change(there, layers), _change(back, layers)
    parts = []
    for kind, name, ratio, at in ((ahead, "the signal", there, zero), (behind, "the gradient", back, gone)):
        if name == "the signal" and level:
            parts.append("the signal loses its spread, all activations of a layer being the same")
        elif kind != "healthy":
            parts.append(f"{name} {'shrinks' if kind == 'vanishing' else 'grows'} {_times(ratio, at)}")
    changes = f"through {depth} layer{'s' * (depth > 1)} " + " and ".join(parts) + "."
    if trace.same:
        also = f" Also, {changes}" if parts else ""
        return verdict("symmetric", "Symmetric: all neurons of a layer have the same weights, so they do the same, for ever."
                       + also)
    if not parts:
        return verdict("healthy", f"Healthy: through {depth} layer{'s' * (depth > 1)} the signal changes {_times(there)} and the "
                                  f"gradient {_times(back)}.")
    chosen: Kind = ahead if ahead != "healthy" else behind
    return verdict(chosen, f"{chosen.capitalize()}: {changes}")
