"""Worked formulas of losses with two classes, or with a label for every class."""

from __future__ import annotations

import math

import numpy as np

from visualizer.experiments.losses.worked.case import Case
from visualizer.experiments.losses.worked.parts import Parts
from visualizer.experiments.losses.worked.writing import inner, joined, minus, num, plural, sigmoid, sum_of, times

#: torch bounds the logarithms of BCELoss from below, so that log 0 does not make everything infinite.
_LEAST_LOG = -100.0
_KEPT = "The margin is kept everywhere: the loss is zero, and so is the gradient."


def bce(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    weight = _weights(case, "weight")
    clamped = int((((x == 0) & (y != 0)) | ((x == 1) & (y != 1))).sum())
    notes: tuple[str, ...] = ()
    if clamped:
        notes = (f"{plural(clamped, 'prediction is', 'predictions are')} certain and wrong: log 0 would be infinite, torch "
                 "takes \u2212100 instead, and in the slope it divides by 10\u207b\u00b9\u00b2 instead of 0.",)

    def log(text: str, value: float) -> str:
        return rf"\log {text}" if value > math.exp(_LEAST_LOG) else r"(-100)"

    def term(n: int) -> str:
        yes, no = log(inner(x[n]), x[n]), log(f"(1 - {inner(x[n])})", 1 - x[n])
        return _negative(weight[n], [(y[n], yes), (1 - y[n], no)])

    def steep(n: int, i: int) -> tuple[str, float]:
        below = max((1 - x[n]) * x[n], 1e-12)
        text = rf"\frac{{{minus(x[n], y[n])}}}{{{num(x[n])} (1 - {inner(x[n])})}}"
        if (1 - x[n]) * x[n] < 1e-12:
            text = rf"\frac{{{minus(x[n], y[n])}}}{{10^{{-12}}}}"
        return times(weight[n], text), float(weight[n] * (x[n] - y[n]) / below)

    return Parts(term, _weighted(case, r"\frac{x_n - y_n}{x_n (1 - x_n)}"), steep, notes=notes)


def bce_with_logits(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    weight, positive = _weights(case, "weight"), _weights(case, "pos_weight")
    plain = case.arguments.get("pos_weight") is None

    def term(n: int) -> str:
        logit = num(x[n])
        return _negative(weight[n], [(positive[n] * y[n], rf"\log \sigma({logit})"), (1 - y[n], rf"\log(1 - \sigma({logit}))")])

    def steep(n: int, i: int) -> tuple[str, float]:
        s = sigmoid(x[n])
        value = (1 - y[n]) * s - positive[n] * y[n] * (1 - s)
        logit = num(x[n])
        if plain:
            text = rf"\sigma({logit}) - {inner(y[n])}"
        else:
            text = joined([
                *([times(1 - y[n], rf"\sigma({logit})")] if y[n] != 1 else []),
                *([f"-{times(positive[n] * y[n], rf'(1 - {chr(92)}sigma({logit}))')}"] if y[n] != 0 else []),
            ])
        return (text if weight[n] == 1 else times(weight[n], f"({text})")), float(weight[n] * value)

    general = r"\sigma(x_n) - y_n" if plain else r"(1 - y_n)\, \sigma(x_n) - p\, y_n (1 - \sigma(x_n))"
    if case.arguments.get("weight") is not None:
        general = rf"w_n \left({general}\right)"
    return Parts(term, general, steep)


def _weights(case: Case, name: str) -> np.ndarray:
    value = case.arguments.get(name)
    return np.ones(case.terms.size) if value is None else case.spread(value)


def _weighted(case: Case, text: str) -> str:
    return text if case.arguments.get("weight") is None else rf"w_n {text}"


def _negative(weight: float, terms: list[tuple[float, str]]) -> str:
    """Minus the weighted sum of logarithms; those that count nothing are left out."""
    seen = [(factor, text) for factor, text in terms if factor != 0]
    if len(seen) == 1 and seen[0][0] * weight > 0:
        return f"-{times(seen[0][0] * weight, seen[0][1])}"
    inside = joined([times(factor, text) for factor, text in seen]) if seen else "0"
    return f"-{times(weight, f'({inside})')}"


def hinge_embedding(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    margin = float(case.arguments["margin"])

    def hinge(n: int) -> str:
        return rf"\max(0, {minus(margin, x[n])})"

    def term(n: int) -> str:
        return num(x[n]) if y[n] == 1 else hinge(n) if y[n] == -1 else f"{num(x[n])} + {hinge(n)}"

    def steep(n: int, i: int) -> tuple[str, float]:
        value = float(y[n] != -1) - float(y[n] != 1 and margin - x[n] >= 0)
        return num(value), value

    kinks = int(((y != 1) & (x == margin)).sum())
    notes = [_at_kink(kinks, "\u22121")] if kinks else []
    if not np.isin(y, (1, -1)).all():
        notes.append("A target that is neither 1 nor \u22121 counts as both.")
    return Parts(term, r"\begin{cases} 1 & y_n = 1 \\ -1 & y_n = -1,\; x_n \leq m \\ 0 & \mathrm{otherwise} \end{cases}",
                 steep, brief=term, notes=tuple(notes))


def margin_ranking(case: Case) -> Parts:
    x, z, y = case.spread(case.x), case.spread(case.inputs["second"]), case.spread(case.inputs["target"])
    margin = float(case.arguments["margin"])
    inside = -y * (x - z) + margin

    def core(n: int) -> str:
        sign = {1.0: "-", -1.0: ""}.get(float(y[n]), num(-y[n]))
        return f"{sign}({minus(x[n], z[n])})" + (f" + {inner(margin)}" if margin else "")

    def steep(n: int, i: int) -> tuple[str, float]:
        value = -y[n] if inside[n] >= 0 else 0.0
        return num(value), float(value)

    kinks = int((inside == 0).sum())
    notes = [_at_kink(kinks, "\u2212y")] if kinks else []
    if not case.terms.any() and not kinks:
        notes.append(_KEPT)
    return Parts(lambda n: rf"\max(0, {core(n)})", r"\begin{cases} -y_n & -y_n (x_n - z_n) + m \geq 0 \\ "
                 r"0 & \mathrm{otherwise} \end{cases}", steep, notes=tuple(notes))


def _at_kink(count: int, slope: str) -> str:
    return (f"{plural(count, 'term is', 'terms are')} exactly at the kink: torch takes the slope {slope} of the side on which "
            "the loss is not zero.")


def soft_margin(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    return Parts(
        lambda n: rf"\log(1 + e^{{{num(-y[n])} \cdot {inner(x[n])}}})",
        r"\frac{-y_n}{1 + e^{y_n x_n}}",
        lambda n, i: (rf"\frac{{{num(-y[n])}}}{{1 + e^{{{num(y[n])} \cdot {inner(x[n])}}}}}",
                      float(-y[n] * sigmoid(-y[n] * x[n]))),
    )


def multilabel_soft_margin(case: Case) -> Parts:
    x, y = case.rows(), case.rows("target")
    classes = x.shape[1]
    given = case.arguments.get("weight")
    weight = np.ones(x.shape) if given is None else np.broadcast_to(given, x.shape)

    def term(n: int) -> str:
        parts = [
            _negative(weight[n, c], [(y[n, c], rf"\log \sigma({num(x[n, c])})"),
                                     (1 - y[n, c], rf"\log \sigma({num(-x[n, c])})")])
            for c in range(min(classes, 40))
        ]
        if classes > 40:
            parts.append(r"\dots")
        return rf"\frac{{1}}{{{classes}}} ({sum_of(parts, 70)})"

    def steep(n: int, i: int) -> tuple[str, float]:
        c = i % classes
        text = rf"\sigma({num(x[n, c])}) - {inner(y[n, c])}"
        value = weight[n, c] * (sigmoid(x[n, c]) - y[n, c]) / classes
        shown = text if weight[n, c] == 1 else times(weight[n, c], f"({text})")
        return rf"\frac{{{shown}}}{{{classes}}}", float(value)

    general = r"\sigma(x_{n,c}) - y_{n,c}"
    return Parts(term, rf"\frac{{{general}}}{{C}}" if given is None else rf"\frac{{w_c ({general})}}{{C}}", steep)


def multilabel_margin(case: Case) -> Parts:
    x, y = case.rows(), case.rows("target")
    classes = x.shape[1]
    true = [[int(v) for v in row[: int(np.argmax(row < 0)) if (row < 0).any() else classes]] for row in y]
    notes = ["Targets after the first \u22121 count as nothing."] if (y < 0).any() else []
    if not case.terms.any():
        notes.append(_KEPT)

    def others(n: int) -> list[int]:
        return [i for i in range(classes) if i not in true[n]]

    def term(n: int) -> str:
        pairs = [(j, i) for j in true[n][:12] for i in others(n)[:12]]
        shown = [rf"\max(0, 1 - ({minus(x[n, j], x[n, i])}))" for j, i in pairs]
        if len(pairs) < len(true[n]) * len(others(n)):
            shown.append(r"\dots")
        return rf"\frac{{1}}{{{classes}}} ({sum_of(shown, 90)})"

    def steep(n: int, i: int) -> tuple[str, float]:
        c = i % classes
        if c in true[n]:
            value = -sum(1 - (x[n, c] - x[n, k]) > 0 for k in others(n)) * true[n].count(c)
        else:
            value = sum(1 - (x[n, j] - x[n, c]) > 0 for j in true[n])
        return rf"\frac{{{int(value)}}}{{{classes}}}", float(value) / classes

    counts = (r"k_{n,c} = \mathrm{number\ of\ margins\ not\ kept\ by\ class\ }c,\; \mathrm{negative\ for\ a\ true\ class}",)
    return Parts(term, r"\frac{k_{n,c}}{C}", steep, where=counts, notes=tuple(notes))
