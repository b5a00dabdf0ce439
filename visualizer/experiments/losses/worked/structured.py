"""Worked formulas of losses with a structure of their own: an alignment of sequences, a tree of classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch import Tensor

from visualizer.experiments.losses.worked.case import Case, unworked
from visualizer.experiments.losses.worked.parts import Division, Parts
from visualizer.experiments.losses.worked.writing import (
    Floats,
    equals,
    inner,
    joined,
    log_softmax,
    num,
    plural,
    power_of_e,
    small,
    sum_of,
)

#: Alignments that are written out, each with its probability.
_ALIGNMENTS = 6
#: Steps times states up to which they are counted.
_COUNTED = 5000
#: The same for all that is worked out beside torch: more would take longer than the loss itself.
_WORKED = 60_000


def adaptive(case: Case) -> Parts:
    module: Any = case.built.module
    x = case.rows()
    y = np.atleast_1d(case.inputs["target"]).astype(np.int64)
    cutoffs = [0, *module.cutoffs]
    head = _array(module.head.weight)
    bias = _array(module.head.bias) if module.head.bias is not None else np.zeros(len(head))
    tails = [(_array(tail[0].weight), _array(tail[1].weight)) for tail in module.tail]
    first = cutoffs[1]

    def place(n: int) -> tuple[int, int]:
        """The cluster of the target (0: the short list of the head), and where the head has it."""
        cluster = next(k for k in range(len(cutoffs) - 1) if y[n] < cutoffs[k + 1])
        return cluster, int(y[n]) if cluster == 0 else first + cluster - 1

    def logs(n: int) -> tuple[float, float]:
        cluster, at = place(n)
        above = float(log_softmax(head @ x[n] + bias)[at])
        if cluster == 0:
            return above, 0.0
        down, up = tails[cluster - 1]
        return above, float(log_softmax(up @ (down @ x[n]))[y[n] - cutoffs[cluster]])

    def term(n: int) -> str:
        above, below = logs(n)
        if place(n)[0] == 0:
            return rf"-\log {small(above)}"
        return rf"-\log({small(above)} \cdot {small(below)}) = -({joined([num(above), num(below)])})"

    def steep(n: int, i: int) -> tuple[str, float]:
        k = i % x.shape[1]
        cluster, at = place(n)
        error = np.exp(log_softmax(head @ x[n] + bias))
        error[at] -= 1
        value = float(error @ head[:, k])
        if cluster == 0:
            return _products(error, head[:, k]), value
        down, up = tails[cluster - 1]
        matrix = up @ down
        inside = np.exp(log_softmax(matrix @ x[n]))
        inside[y[n] - cutoffs[cluster]] -= 1
        tail = float(inside @ matrix[:, k])
        return joined([num(value), num(tail)]), value + tail

    lines = []
    for n in range(min(2, len(x))):
        cluster, at = place(n)
        above, below = logs(n)
        if cluster == 0:
            lines.append(rf"p(y_{{{n}}} = {y[n]}) = \mathrm{{softmax}}(W_h x_{{{n}}})_{{{at}}} \approx {small(above)}")
        else:
            lines.append(rf"p(\mathrm{{cluster}}\ {cluster}) = \mathrm{{softmax}}(W_h x_{{{n}}})_{{{at}}} \approx {small(above)}")
            lines.append(rf"p({y[n]} \mid \mathrm{{cluster}}\ {cluster}) = \mathrm{{softmax}}(W_{{{cluster}}} x_{{{n}}})"
                         rf"_{{{y[n] - cutoffs[cluster]}}} \approx {small(below)}")
    notes = [_cluster_note(n, int(y[n]), place(n)[0], cutoffs) for n in range(min(2, len(x)))]
    notes.append("The weights inside, W, get a gradient, too.")
    general = r"\sum_k (p_k - [k = k_n]) W_{h,k,c} + \sum_j (q_j - [j = y_n]) W_{t,j,c}"
    where = (
        r"p = \mathrm{softmax}(W_h x_n) \qquad q = \mathrm{softmax}(W_t x_n)",
        r"k_n = \mathrm{where\ the\ head\ has\ the\ class,\ or\ its\ cluster\ }t\mathrm{,\ which\ adds\ the\ second\ sum}",
    )
    return Parts(term, general, steep, before=tuple(lines), where=where, notes=tuple(notes))


def _products(errors: Floats, weights: Floats) -> str:
    return sum_of([rf"{inner(e) if at else num(e)} \cdot {inner(w)}" for at, (e, w) in
                   enumerate(zip(errors[:20], weights[:20], strict=True))] + ([r"\dots"] if len(errors) > 20 else []), 80)


def _cluster_note(n: int, y: int, cluster: int, cutoffs: list[int]) -> str:
    if cluster == 0:
        return f"Row {n}: class {y} is among the frequent ones (0 to {cutoffs[1] - 1}), which the head tells apart by itself."
    return (f"Row {n}: class {y} is in cluster {cluster} (classes {cutoffs[cluster]} to {cutoffs[cluster + 1] - 1}): the head "
            "finds the cluster, a smaller layer the class in it, and the logarithms of both probabilities add up.")


def ctc(case: Case) -> Parts:
    length, count = int(case.inputs["second"].reshape(-1)[0]), int(case.inputs["third"].reshape(-1)[0])
    logs = case.x[:length]
    target = [int(value) for value in case.inputs["target"].reshape(-1)[:count]]
    blank = int(case.arguments["blank"])
    labels = [blank]
    for symbol in target:
        labels += [symbol, blank]
    division = Division("S", str(max(1, count)), max(1, count))
    if length * len(labels) > _WORKED:
        return unworked(case, f"{length:,} steps and {len(target):,} symbols are too many to be worked out here.", division)
    alignments = _count(labels, length, blank)
    forward, backward = _forward(logs, labels, blank), _forward(logs[::-1], labels[::-1], blank)[::-1, ::-1]
    ends = forward[-1, -2:] if length else np.array([0.0 if not target else -math.inf])
    likelihood = float(np.logaddexp.reduce(ends))
    before, notes = [], []
    if 0 < alignments <= _ALIGNMENTS and length:
        found = list(_paths(labels, length, blank))
        before += [_probability(logs, path, blank) for path in found]
        if len(found) > 1:
            sums = sum_of([num(math.exp(sum(float(logs[t, c]) for t, c in enumerate(path)))) for path in found])
            before.append(rf"P(y) = {sums} {equals(math.exp(likelihood), 5)}")
    elif alignments:
        if 1 <= length <= 12:
            before.append(_probability(logs, _likeliest(logs, labels, blank), blank))
            notes.append("Written out is the most probable alignment; the probabilities of all of them add up to P(y).")
        before.append(rf"P(y) = \sum_{{\pi}} P(\pi) \approx {small(likelihood).strip('()')}")
    counted = plural(alignments, "alignment", "alignments") if alignments >= 0 else "Very many alignments"
    notes.insert(0, f"{counted} of {plural(length, 'step', 'steps')} {'becomes' if alignments == 1 else 'become'} the target "
                    f"({_shortened(target)}) when repeats are merged and blanks ({blank}) removed.")
    if not alignments:
        notes.append("No alignment fits, the loss is infinite: the input has to be at least as long as the target, and one step "
                     "longer for every symbol that follows itself."
                     + (" zero_infinity makes it 0." if case.arguments["zero_infinity"] else ""))
    notes.append("torch takes the log-probabilities as coming from log_softmax: its gradient has e^x in it, which is the slope "
                 "by the logits. Finite differences of the log-probabilities themselves lack it.")

    def term(n: int) -> str:
        if alignments:
            return rf"-\log {small(likelihood)}"
        return "0" if case.arguments["zero_infinity"] else r"-\log 0"

    def steep(n: int, i: int) -> tuple[str, float]:
        t, c = divmod(i, case.x.shape[1])
        if t >= length or not alignments:
            return "0", 0.0 if t >= length or case.arguments["zero_infinity"] else math.nan
        through = [float(forward[t, s] + backward[t, s] - logs[t, c]) for s, label in enumerate(labels) if label == c]
        share = math.exp(float(np.logaddexp.reduce(through)) - likelihood) if through else 0.0
        return f"{power_of_e(logs[t, c])} - {inner(share)}", math.exp(logs[t, c]) - share

    return Parts(
        term, r"e^{x_{t,c}} - P(\pi_t = c \mid y)", steep, before=tuple(before), division=division, notes=tuple(notes),
        where=(r"P(\pi_t = c \mid y) = \mathrm{share\ of\ } P(y) \mathrm{\ in\ alignments\ with\ } c \mathrm{\ at\ step\ } t",),
    )


def _probability(logs: Floats, path: tuple[int, ...], blank: int) -> str:
    """The line of one alignment: its symbols, a factor for every step, its probability."""
    text = r" \cdot ".join(power_of_e(logs[t, c]) for t, c in enumerate(path))
    value = math.exp(sum(float(logs[t, c]) for t, c in enumerate(path)))
    symbols = r",\; ".join(r"\varnothing" if c == blank else str(c) for c in path)
    return rf"P({symbols}) = {text} {equals(value, 5)}" if len(path) <= 8 else rf"P({symbols}) {equals(value, 5)}"


def _shortened(target: list[int]) -> str:
    return ", ".join(map(str, target if len(target) <= 12 else [*target[:10], "...", target[-1]]))


def _steps(labels: list[int], state: int, blank: int) -> list[int]:
    """From where an alignment can come to this state: itself, the one before, or past a blank between different symbols."""
    found = [state]
    if state >= 1:
        found.append(state - 1)
    if state >= 2 and labels[state] != blank and labels[state] != labels[state - 2]:
        found.append(state - 2)
    return found


def _forward(logs: Floats, labels: list[int], blank: int) -> Floats:
    """The logarithm of the probability of all beginnings of alignments by step and state (Graves et al. 2006, eq. 6)."""
    return _swept(logs, labels, blank, np.logaddexp)


def _swept(logs: Floats, labels: list[int], blank: int, join: Callable[[Floats, Floats], Floats]) -> Floats:
    """By step and state, what the ways into it amount to, two of them at a time taken together by ``join``."""
    found = np.full((len(logs), len(labels)), -math.inf)
    places = np.array(labels)
    leap = np.array([len(_steps(labels, s, blank)) == 3 for s in range(len(labels))])
    for t in range(len(logs)):
        if t == 0:
            found[0, :2] = logs[0, places[:2]]
            continue
        before = found[t - 1]
        ways = join(before, np.concatenate(([-math.inf], before[:-1])))
        leaps = np.concatenate(([-math.inf] * min(2, len(before)), before[:-2]))
        found[t] = np.where(leap, join(ways, leaps), ways) + logs[t, places]
    return found


def _likeliest(logs: Floats, labels: list[int], blank: int) -> tuple[int, ...]:
    """The most probable alignment (Viterbi)."""
    best = _swept(logs, labels, blank, np.maximum)
    ends = range(len(labels))[-2:]
    state = max(ends, key=lambda s: best[-1, s])
    path = [labels[state]]
    for t in range(len(logs) - 1, 0, -1):
        state = max(_steps(labels, state, blank), key=lambda s: best[t - 1, s])
        path.insert(0, labels[state])
    return tuple(path)


def _count(labels: list[int], length: int, blank: int) -> int:
    """How many alignments there are; -1: too many to be counted at once."""
    if length * len(labels) > _COUNTED:
        return -1
    if not length:
        return int(len(labels) == 1)
    ways = [1 if s < 2 else 0 for s in range(len(labels))]
    for _ in range(length - 1):
        ways = [sum(ways[k] for k in _steps(labels, s, blank)) for s in range(len(labels))]
    return sum(ways[-2:])


def _paths(labels: list[int], length: int, blank: int) -> Iterator[tuple[int, ...]]:
    """Every alignment."""
    def walk(state: int, left: int) -> Iterator[tuple[int, ...]]:
        if left == 0:
            if state < 2:
                yield (labels[state],)
            return
        for before in _steps(labels, state, blank):
            for path in walk(before, left - 1):
                yield (*path, labels[state])

    for end in range(len(labels))[-2:]:
        yield from walk(end, length - 1)


def _array(tensor: Tensor) -> Floats:
    return np.asarray(tensor.detach().double().numpy(), dtype=np.float64)


