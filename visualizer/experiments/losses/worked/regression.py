"""Worked formulas of losses between a prediction and a number: errors, and likelihoods of continuous values and counts."""

from __future__ import annotations

import math

import numpy as np

from visualizer.experiments.losses.worked.case import Case
from visualizer.experiments.losses.worked.parts import Parts
from visualizer.experiments.losses.worked.writing import inner, minus, num, plural, power_of_e

_CLIP = r"\max(-{0}, \min({0}, {1}))"


def mse(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])

    def term(n: int) -> str:
        return f"({minus(x[n], y[n])})^2"

    return Parts(term, "2 (x_n - y_n)", lambda n, i: (f"2 ({minus(x[n], y[n])})", 2 * (x[n] - y[n])), brief=term)


def l1(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])

    def term(n: int) -> str:
        return f"|{minus(x[n], y[n])}|"

    def steep(n: int, i: int) -> tuple[str, float]:
        return rf"\mathrm{{sign}}({minus(x[n], y[n])})", float(np.sign(x[n] - y[n]))

    return Parts(term, r"\mathrm{sign}(x_n - y_n)", steep, brief=term, notes=_kinks(int((x == y).sum())))


def _kinks(count: int) -> tuple[str, ...]:
    if not count:
        return ()
    return (f"{plural(count, 'prediction is', 'predictions are')} exactly right: there the absolute value has its kink, "
            "and torch takes the slope 0.",)


def huber(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    delta = float(case.arguments["delta"])

    def term(n: int) -> str:
        if abs(x[n] - y[n]) < delta:
            return rf"\frac{{1}}{{2}} ({minus(x[n], y[n])})^2"
        return rf"{num(delta)} \cdot (|{minus(x[n], y[n])}|{{}} - \frac{{1}}{{2}} \cdot {num(delta)})"

    def steep(n: int, i: int) -> tuple[str, float]:
        value = float(np.clip(x[n] - y[n], -delta, delta))
        return _CLIP.format(num(delta), minus(x[n], y[n])), value

    return Parts(term, _CLIP.format(r"\delta", "x_n - y_n"), steep, notes=_zones(x - y, delta, "delta"))


def smooth_l1(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    beta = float(case.arguments["beta"])
    if beta == 0.0:
        parts = l1(case)
        return Parts(parts.term, parts.general, parts.steep, brief=parts.brief,
                     notes=("beta = 0: this is the mean absolute error.", *parts.notes))

    def term(n: int) -> str:
        if abs(x[n] - y[n]) < beta:
            return rf"\frac{{1}}{{2}} \cdot \frac{{({minus(x[n], y[n])})^2}}{{{num(beta)}}}"
        return rf"|{minus(x[n], y[n])}|{{}} - \frac{{1}}{{2}} \cdot {inner(beta)}"

    def steep(n: int, i: int) -> tuple[str, float]:
        text = _CLIP.format("1", rf"\frac{{{minus(x[n], y[n])}}}{{{num(beta)}}}")
        return text, float(np.clip((x[n] - y[n]) / beta, -1, 1))

    return Parts(term, _CLIP.format("1", r"\frac{x_n - y_n}{\beta}"), steep, notes=_zones(x - y, beta, "beta"))


def _zones(error: np.ndarray, limit: float, name: str) -> tuple[str, ...]:
    square = int((np.abs(error) < limit).sum())
    line = error.size - square
    if not line:
        return (f"Every error is below {name}: only the square is at work.",)
    if not square:
        return (f"No error is below {name}: only the straight line is at work, and the slopes differ only in sign.",)
    return (f"{plural(square, 'error is', 'errors are')} below {name} and squared, {line:,} beyond it and linear.",)


def kl_div(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    notes = []
    if case.reduction == "mean":
        notes.append("reduction mean divides by the number of elements; the divergence of mathematics is batchmean, which "
                     "divides by the rows.")
    if case.arguments["log_target"]:
        def logged(n: int) -> str:
            return rf"{power_of_e(y[n])} ({minus(y[n], x[n])})"

        return Parts(logged, "-e^{y_n}", lambda n, i: (f"-{power_of_e(y[n])}", -math.exp(min(700.0, y[n]))), brief=logged,
                     notes=tuple(notes))
    zeros = int((y == 0).sum())
    if zeros:
        notes.append(f"{plural(zeros, 'target is', 'targets are')} 0: y log y is taken as 0 there, so that they count as nothing.")

    def term(n: int) -> str:
        if y[n] == 0:
            return rf"0 \cdot ({num(-x[n])})" if math.isfinite(x[n]) else "0"
        return rf"{num(y[n])} (\log {inner(y[n])} - {inner(x[n])})"

    return Parts(term, "-y_n", lambda n, i: (num(-y[n]), -y[n]), brief=term, notes=tuple(notes))


def poisson(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    logged, full, eps = case.arguments["log_input"], case.arguments["full"], float(case.arguments["eps"])
    notes: list[str] = []
    if full:
        notes.append("full = True adds Stirling's approximation of log(y!) for targets above 1; it is the same for every "
                     "prediction, so the slope does not change.")

    def stirling(n: int) -> str:
        if not full or not y[n] > 1:
            return ""
        text = num(y[n])
        return rf" + {text} \log {text} - {text} + \frac{{1}}{{2}} \log(2 \pi \cdot {text})"

    if logged:
        def of_log(n: int) -> str:
            return rf"{power_of_e(x[n])} - {inner(y[n])} \cdot {inner(x[n])}{stirling(n)}"

        return Parts(of_log, "e^{x_n} - y_n",
                     lambda n, i: (f"{power_of_e(x[n])} - {inner(y[n])}", float(np.exp(x[n]) - y[n])),
                     brief=None if full else of_log, notes=tuple(notes))
    # eps is 1e-8 as a rule: nobody sees it beside the rate, unless the rate is zero.
    seen = bool((x + eps != x).any()) and bool((np.abs(x) < 1e4 * eps).any())

    def rate(n: int) -> str:
        return f"({num(x[n])} + {inner(eps)})" if seen else inner(x[n])

    if not seen:
        notes.append(f"The logarithm is of x + eps, with eps = {eps:g}, which is too small to be seen here.")
    return Parts(
        lambda n: rf"{num(x[n])} - {inner(y[n])} \cdot \log {rate(n)}{stirling(n)}",
        r"1 - \frac{y_n}{x_n + \epsilon}",
        lambda n, i: (rf"1 - \frac{{{num(y[n])}}}{{{rate(n).strip('()')}}}", float(1 - np.divide(y[n], x[n] + eps))),
        notes=tuple(notes),
    )


def gaussian(case: Case) -> Parts:
    x, y = case.spread(case.x), case.spread(case.inputs["target"])
    var, eps = case.inputs["second"], float(case.arguments["eps"])
    if var.ndim == case.x.ndim - 1 and var.shape == case.x.shape[:-1]:
        var = var[..., None]  # a variance for each row, as torch takes it
    held = case.spread(var)
    v = np.maximum(held, eps)
    full = case.arguments["full"]
    raised = int((held < eps).sum())
    notes = []
    if raised:
        notes.append(f"{plural(raised, 'variance is', 'variances are')} below eps = {eps:g} and counted as eps.")
    if full:
        notes.append("full = True adds half the logarithm of 2 pi, the same for every prediction: the slope does not change.")

    def term(n: int) -> str:
        base = rf"\frac{{1}}{{2}} (\log {inner(v[n])} + \frac{{({minus(x[n], y[n])})^2}}{{{num(v[n])}}})"
        return base + (r" + \frac{1}{2} \log(2 \pi)" if full else "")

    return Parts(
        term, r"\frac{x_n - y_n}{\max(v_n, \epsilon)}",
        lambda n, i: (rf"\frac{{{minus(x[n], y[n])}}}{{{num(v[n])}}}", float(np.divide(x[n] - y[n], v[n]))), notes=tuple(notes),
    )
