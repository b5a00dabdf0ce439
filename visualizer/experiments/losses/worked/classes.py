"""Worked formulas of losses between scores and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from visualizer.experiments.losses.evaluation import holds_indices
from visualizer.experiments.losses.worked.case import SHOWN, Case
from visualizer.experiments.losses.worked.parts import Division, Parts
from visualizer.experiments.losses.worked.writing import (
    Floats,
    inner,
    log_softmax,
    minus,
    num,
    plural,
    power_of_e,
    row_of,
    small,
    sum_of,
    times,
)

#: Rows whose softmax is written out.
_ROWS = 2


@dataclass(frozen=True, eq=False)
class Softmax:
    """Cross entropy of rows of scores, the part that CrossEntropyLoss and LinearCrossEntropyLoss share.

    Attributes:
        scores, logs: the logits and their log-softmax, shape (N, C).
        classes: the index of the true class of each row; None where the target is a weight for every class.
        target: the target as a weight for every class, after smoothing, shape (N, C).
        weight: of every class; None: not given.
        ignored: which rows count as nothing, shape (N).
        letter: what the scores are called.
    """

    scores: Floats
    logs: Floats
    classes: np.ndarray | None
    target: Floats
    weight: Floats | None
    ignored: np.ndarray
    smoothing: float
    letter: str = "x"

    @property
    def factor(self) -> Floats:
        return self.target if self.weight is None else self.target * self.weight

    @property
    def hard(self) -> bool:
        """Whether only the true class of a row counts."""
        return self.classes is not None and self.smoothing == 0

    def term(self, n: int) -> str:
        if self.ignored[n]:
            return "0"
        factor, logs = self.factor[n], self.logs[n]
        if self.hard:
            assert self.classes is not None
            y = int(self.classes[n])
            lead = f"-{times(factor[y], '')}"
            below = sum_of([power_of_e(score) for score in _few(self.scores[n])], 40)
            text = rf"{lead}\log \frac{{{power_of_e(self.scores[n, y])}}}{{{below}}}"
            # Of a probability so close to 1 the digits show nothing, and its logarithm would not follow from them.
            return rf"{text} \approx {lead}\log {small(logs[y])}" if logs[y] < -0.05 else text
        parts = []
        for c in [*range(min(20, len(factor) - 1)), len(factor) - 1]:
            weight = "" if self.weight is None or self.weight[c] == 1 else rf"{inner(self.weight[c])} \cdot "
            parts.append(rf"-{weight}{inner(self.target[n, c])} \cdot \log {small(logs[c])}")
        return sum_of(parts, 70)

    def steep(self, n: int, c: int) -> tuple[str, float]:
        if self.ignored[n]:
            return "0", 0.0
        p, factor = float(np.exp(self.logs[n, c])), self.factor[n]
        total = float(factor.sum())
        value = p * total - float(factor[c])
        if self.hard and total == 1:
            return f"{num(p)} - {num(factor[c])}", value
        if self.hard:
            return times(total, f"({num(p)} - {'1' if factor[c] else '0'})"), value
        return rf"{num(p)} \cdot {inner(total)} - {inner(factor[c])}", value

    @property
    def general(self) -> str:
        if self.hard:
            inside = "p_{n,c} - [c = y_n]"
            return inside if self.weight is None else rf"w_{{y_n}} ({inside})"
        target = "q" if self.smoothing else "y"
        if self.weight is None:
            return rf"p_{{n,c}} \sum_k {target}_{{n,k}} - {target}_{{n,c}}"
        return rf"p_{{n,c}} \sum_k w_k {target}_{{n,k}} - w_c {target}_{{n,c}}"

    @property
    def where(self) -> tuple[str, ...]:
        return (rf"p_{{n,c}} = \frac{{e^{{{self.letter}_{{n,c}}}}}}{{\sum_k e^{{{self.letter}_{{n,k}}}}}}",)

    @property
    def before(self) -> tuple[str, ...]:
        lines = []
        rows = range(min(_ROWS, len(self.scores)))
        if not self.hard:
            lines += [
                rf"p_{{{n}}} = \mathrm{{softmax}}{row_of(self.scores[n])} \approx {row_of(np.exp(self.logs[n]))}" for n in rows
            ]
        if self.smoothing:
            spread = rf"\frac{{{num(self.smoothing)}}}{{{self.scores.shape[1]}}}"
            lines += [rf"q_{{{n}}} = (1 - {num(self.smoothing)}) \, y_{{{n}}} + {spread} \approx {row_of(self.target[n])}"
                      for n in rows if not self.ignored[n]]
        return tuple(lines)

    @property
    def notes(self) -> tuple[str, ...]:
        notes = list(ignored_notes(self.ignored))
        if self.classes is None:
            sums = self.target.sum(axis=1)
            if not np.allclose(sums, 1.0, rtol=1e-4):
                notes.append(
                    f"The target's first row adds up to {sums[0]:.4g}, not to 1: torch takes it as a weight for every class, so "
                    "that a loss of 0 cannot be reached."
                )
        if self.smoothing:
            notes.append("q is the smoothed target: a part of it is spread evenly over all classes.")
        return tuple(notes)


def softmax_of(case: Case, scores: Floats, letter: str = "x") -> Softmax:
    """The cross entropy of these logits with the target and the arguments of the run."""
    smoothing = float(case.arguments.get("label_smoothing", 0.0))
    weight = case.arguments.get("weight")
    count = scores.shape[1]
    if holds_indices(case.built.setup):
        classes = np.atleast_1d(case.inputs["target"]).astype(np.int64)
        ignored = classes == case.arguments.get("ignore_index", -100)
        target = np.zeros(scores.shape)
        target[np.flatnonzero(~ignored), classes[~ignored]] = 1.0
        held: np.ndarray | None = classes
    else:
        held, ignored = None, np.zeros(len(scores), dtype=bool)
        target = np.atleast_2d(case.inputs["target"])
    if smoothing:
        target = target * (1 - smoothing) + smoothing / count
    return Softmax(scores, log_softmax(scores), held, target, weight, ignored, smoothing, letter)


def cross_entropy(case: Case) -> Parts:
    rows = softmax_of(case, case.rows())
    count = rows.scores.shape[1]
    return Parts(
        rows.term, rows.general, lambda n, i: rows.steep(n, i % count), before=rows.before, where=rows.where,
        division=division_of(rows.classes, rows.weight, rows.ignored), notes=rows.notes,
    )


def linear_cross_entropy(case: Case) -> Parts:
    module: Any = case.built.module
    matrix = np.asarray(module.linear.weight.detach().double().numpy())
    x = case.rows()
    rows = softmax_of(case, x @ matrix.T, "z")
    width = x.shape[1]
    shown = range(min(_ROWS, len(x)))
    before = [rf"z_{{{n}}} = W x_{{{n}}} \approx {row_of(rows.scores[n])}" for n in shown]

    def steep(n: int, i: int) -> tuple[str, float]:
        k = i % width
        if rows.ignored[n]:
            return "0", 0.0
        factor = rows.factor[n]
        slopes = np.exp(rows.logs[n]) * factor.sum() - factor
        shown = [*range(min(20, len(matrix) - 1)), len(matrix) - 1]
        pieces = [rf"({rows.steep(n, c)[0]}) \cdot {inner(matrix[c, k])}" for c in shown]
        return sum_of(pieces, 80), float(slopes @ matrix[:, k])

    inside = rows.general if rows.general.startswith(("w", "p_{n,c} -")) else rf"\left({rows.general}\right)"
    inside = rf"\left({inside}\right)" if inside.startswith("p") else inside
    return Parts(
        rows.term, rf"\sum_k {inside.replace('sum_k', 'sum_j').replace('n,k', 'n,j').replace('w_k', 'w_j')} W_{{c,k}}"
        .replace("{n,c}", "{n,k}").replace("c = y_n", "k = y_n").replace("W_{c,k}", "W_{k,c}").replace("w_c ", "w_k "), steep,
        before=(*before, *rows.before), where=rows.where, division=division_of(rows.classes, rows.weight, rows.ignored),
        notes=(*rows.notes, "W are the weights of the layer inside; they get a gradient, too."),
    )


def division_of(classes: np.ndarray | None, weight: Floats | None, ignored: np.ndarray) -> Division | None:
    """What the mean divides by: the weights of the true classes of all rows that count."""
    if classes is None or (weight is None and not ignored.any()):
        return None
    if weight is None:
        kept = int((~ignored).sum())
        return Division("N", str(kept), kept)
    weights = weight[classes[~ignored]]
    few = [num(value) for value in weights[:12]]
    if len(weights) > 12:
        few.append(r"\dots")
    return Division(r"\sum_n w_{y_n}", sum_of(few, 40), float(weights.sum()))


def ignored_notes(ignored: np.ndarray) -> tuple[str, ...]:
    """Which rows have the target that is to be ignored."""
    places = [int(place) for place in np.flatnonzero(ignored)]
    if not places:
        return ()
    if len(places) == len(ignored):
        return ("Every target is ignore_index: nothing is left to average, and the mean is 0 / 0.",)
    if len(places) == 1:
        return (f"Row {places[0]} has the target ignore_index and counts as nothing.",)
    shown = ", ".join(map(str, places[:SHOWN])) + (", ..." if len(places) > SHOWN else "")
    return (f"{len(places):,} rows ({shown}) have the target ignore_index and count as nothing.",)


def nll(case: Case) -> Parts:
    x, y = case.rows(), np.atleast_1d(case.inputs["target"]).astype(np.int64)
    weight = case.arguments.get("weight")
    ignored = y == case.arguments["ignore_index"]
    count = x.shape[1]

    def factor(n: int) -> float:
        return 1.0 if weight is None else float(weight[y[n]])

    def term(n: int) -> str:
        return "0" if ignored[n] else f"-{times(factor(n), inner(x[n, y[n]]))}"

    def steep(n: int, i: int) -> tuple[str, float]:
        value = -factor(n) if not ignored[n] and i % count == y[n] else 0.0
        return num(value), value

    notes = list(ignored_notes(ignored))
    totals = np.exp(x).sum(axis=1)
    if not np.allclose(totals, 1.0, atol=0.02):
        notes.append(f"The first row's probabilities e^x add up to {totals[0]:.4g}, not to 1: give this loss the result of "
                     "log_softmax, or take CrossEntropyLoss for logits.")
    general = "-[c = y_n]" if weight is None else "-w_{y_n} [c = y_n]"
    return Parts(term, general, steep, brief=term, division=division_of(y, weight, ignored), notes=tuple(notes))


def multi_margin(case: Case) -> Parts:
    x, y = case.rows(), np.atleast_1d(case.inputs["target"]).astype(np.int64)
    p, margin, weight = int(case.arguments["p"]), float(case.arguments["margin"]), case.arguments.get("weight")
    count = x.shape[1]
    square = p == 2

    def hinge(n: int, c: int) -> float:
        return margin - float(x[n, y[n]]) + float(x[n, c])

    def written(n: int, c: int) -> str:
        return rf"\max(0, {minus(margin, x[n, y[n]])} + {inner(x[n, c])})"

    def factor(n: int) -> float:
        return 1.0 if weight is None else float(weight[y[n]])

    def others(n: int) -> list[int]:
        return [c for c in range(count) if c != y[n]]

    def term(n: int) -> str:
        parts = [written(n, c) + ("^2" if square else "") for c in others(n)[:20]]
        if count > 21:
            parts.append(r"\dots")
        return times(factor(n), rf"\frac{{1}}{{{count}}} ({sum_of(parts, 90)})")

    def steep(n: int, i: int) -> tuple[str, float]:
        c = i % count
        places = [c] if c != y[n] else others(n)
        sign = 1 if c != y[n] else -1
        above = [max(0.0, hinge(n, k)) for k in places]
        value = sign * factor(n) * sum(2 * h if square else float(h > 0) for h in above) / count
        if square:
            parts = [rf"2 {written(n, k)}" for k in places[:20]]
            inside = sum_of(parts, 60)
            text = inside if sign > 0 else f"-({inside})"
        else:
            text = str(sign * sum(h > 0 for h in above))
        return times(factor(n), rf"\frac{{{text}}}{{{count}}}"), value

    w = "" if weight is None else "w_{y_n} "
    each, rest = (r"2 \max(0, h_{n,c})", r"2 \max(0, h_{n,k})") if square else ("[h_{n,c} > 0]", "[h_{n,k} > 0]")
    general = (rf"\begin{{cases}} \frac{{{w}{each}}}{{C}} & c \neq y_n \\ "
               rf"-\frac{{{w or '1'}}}{{C}} \sum_{{k \neq y_n}} {rest} & c = y_n \end{{cases}}")
    notes = []
    kinks = 0 if square else sum(hinge(n, c) == 0 for n in range(min(len(y), 200)) for c in others(n)[:50])
    if kinks:
        notes.append(f"{plural(kinks, 'margin is', 'margins are')} exactly reached: at this kink torch takes the slope 0.")
    elif not case.terms.any():
        notes.append("The margin is kept everywhere: the loss is zero, and so is the gradient.")
    return Parts(term, general, steep, where=(r"h_{n,c} = m - x_{n, y_n} + x_{n,c}",), notes=tuple(notes))


def _few(values: Floats) -> list[float]:
    """Enough of them to fill a line, and the last."""
    return list(values) if len(values) <= 20 else [*values[:19], values[-1]]


