"""Worked formulas of losses that compare rows: by their angle, or by their distances."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from visualizer.experiments.losses.worked.case import Case
from visualizer.experiments.losses.worked.parts import Parts
from visualizer.experiments.losses.worked.writing import Floats, approx, inner, minus, num, plural, sum_of

_DOTS = 12


@dataclass(frozen=True)
class Angle:
    """The cosine of the angle between two rows, and its derivative by the first, as torch computes them."""

    a: Floats
    b: Floats
    product: float
    norm_a: float
    norm_b: float

    @property
    def cosine(self) -> float:
        return self.product / (self.norm_a * self.norm_b)

    @property
    def text(self) -> str:
        dot = sum_of([rf"{inner(p)} \cdot {inner(q)}" for p, q in zip(self.a[:_DOTS], self.b[:_DOTS], strict=True)]
                     + ([r"\dots"] if len(self.a) > _DOTS else []), 40)
        return rf"\frac{{{dot}}}{{\sqrt{{{num(self.norm_a**2)}}} \sqrt{{{num(self.norm_b**2)}}}}}"

    def steep(self, d: int) -> tuple[str, float]:
        """By the d-th element of the first row."""
        value = self.b[d] / (self.norm_a * self.norm_b) - self.cosine * self.a[d] / self.norm_a**2
        text = (rf"\frac{{{num(self.b[d])}}}{{{num(self.norm_a)} \cdot {num(self.norm_b)}}} - {inner(self.cosine)} \cdot "
                rf"\frac{{{num(self.a[d])}}}{{{num(self.norm_a**2)}}}")
        return text, float(value)


def angle(a: Floats, b: Floats, tiny: float = 1e-12) -> Angle:
    """``tiny`` is what torch adds to the squared norms, so that a row of zeros does not divide by zero."""
    return Angle(a, b, float(a @ b), math.sqrt(float(a @ a) + tiny), math.sqrt(float(b @ b) + tiny))


_COSINE_SLOPE = (r"\frac{\partial \cos}{\partial x_{n,c}} = \frac{z_{n,c}}{\|x_n\| \|z_n\|} - "
                 r"\cos(x_n, z_n) \frac{x_{n,c}}{\|x_n\|^2}")


def cosine_embedding(case: Case) -> Parts:
    a, b = case.rows(), case.rows("second")
    y = np.broadcast_to(np.atleast_1d(case.inputs["target"]), (max(len(a), len(b)),))
    a, b = np.broadcast_to(a, (len(y), a.shape[1])), np.broadcast_to(b, (len(y), b.shape[1]))
    margin = float(case.arguments["margin"])
    width = a.shape[1]

    def term(n: int) -> str:
        found = angle(a[n], b[n])
        if y[n] == 1:
            return rf"1 - {found.text} \approx 1 - {inner(found.cosine)}"
        if y[n] == -1:
            if not margin:
                return rf"\max(0, {found.text}) \approx \max(0, {num(found.cosine)})"
            return rf"\max(0, {found.text} - {inner(margin)}) \approx \max(0, {minus(found.cosine, margin)})"
        return "0"

    def steep(n: int, i: int) -> tuple[str, float]:
        found = angle(a[n], b[n])
        text, value = found.steep(i % width)
        if y[n] == 1:
            return f"-({text})", -value
        return (text, value) if y[n] == -1 and found.cosine >= margin else ("0", 0.0)

    zero = int((~a.any(axis=1) | ~b.any(axis=1)).sum())
    notes = []
    if zero:
        notes.append(f"{plural(zero, 'pair has', 'pairs have')} a row of zeros, which has no direction: torch takes the cosine 0.")
    general = (r"\begin{cases} -\frac{\partial \cos}{\partial x_{n,c}} & y_n = 1 \\ \frac{\partial \cos}{\partial x_{n,c}} & "
               r"y_n = -1,\; \cos(x_n, z_n) \geq m \\ 0 & \mathrm{otherwise} \end{cases}")
    return Parts(term, general, steep, where=(_COSINE_SLOPE,), notes=tuple(notes))


@dataclass(frozen=True)
class Distance:
    """A distance between two rows: how it is written, its value, and its derivative by the first row's elements."""

    text: str
    value: float
    slopes: Floats


def norm_distance(a: Floats, b: Floats, p: float, eps: float) -> Distance:
    """The p-norm of a - b + eps."""
    u = a - b + eps
    size = np.abs(u)
    with np.errstate(all="ignore"):
        if p == 0:
            return Distance(r"\mathrm{number\ of\ differences}", float((u != 0).sum()), np.zeros(len(u)))
        value = float(size.max()) if math.isinf(p) else float((size**p).sum() ** (1 / p))
        slopes = np.zeros(len(u)) if value == 0 else np.sign(u) * np.where(size > 0, (size / value) ** (p - 1), 0.0)
    squares = [f"({minus(s, t)})^2" if p == 2 else rf"|{minus(s, t)}|" + ("" if p == 1 else f"^{{{num(p)}}}")
               for s, t in zip(a[:_DOTS], b[:_DOTS], strict=True)]
    inside = sum_of([*squares, *([r"\dots"] if len(a) > _DOTS else [])], 48)
    text = rf"\sqrt{{{inside}}}" if p == 2 else inside if p == 1 else rf"({inside})^{{1 / {num(p)}}}"
    return Distance(text, value, slopes)


def manhattan_distance(a: Floats, b: Floats) -> Distance:
    """The sum of the absolute differences."""
    found = norm_distance(a, b, 1.0, 0.0)
    return Distance(found.text, found.value, np.sign(a - b))


def cosine_distance(a: Floats, b: Floats) -> Distance:
    """One minus the cosine of the angle."""
    norms = math.sqrt(max(float(a @ a), 1e-16)), math.sqrt(max(float(b @ b), 1e-16))
    found = Angle(a, b, float(a @ b), *norms)
    slopes = np.array([-found.steep(d)[1] for d in range(len(a))])
    return Distance(f"1 - {found.text}", 1 - found.cosine, slopes)


def triplet(case: Case) -> Parts:
    p, eps = float(case.arguments["p"]), float(case.arguments["eps"])
    slope = (r"\frac{\partial d(a_n, p_n)}{\partial a_{n,c}} = \mathrm{sign}(a_{n,c} - p_{n,c}) "
             r"\left(\frac{|a_{n,c} - p_{n,c}|}{d(a_n, p_n)}\right)^{p - 1}")
    notes = [] if not 0 < eps < 1e-3 else [
        f"torch adds eps = {eps:g} to every difference, so that a distance of 0 has a slope; it is too small to be seen here."
    ]
    if eps >= 1e-3:
        notes.append(f"torch adds eps = {eps:g} to every difference before it takes the norm.")
    return _triplet(case, lambda a, b: norm_distance(a, b, p, eps), slope, notes)


def triplet_with_distance(case: Case) -> Parts:
    slopes = {
        "pairwise": r"\frac{\partial d(a_n, p_n)}{\partial a_{n,c}} = \frac{a_{n,c} - p_{n,c}}{d(a_n, p_n)}",
        "manhattan": r"\frac{\partial d(a_n, p_n)}{\partial a_{n,c}} = \mathrm{sign}(a_{n,c} - p_{n,c})",
        "cosine": r"\frac{\partial d(a_n, p_n)}{\partial a_{n,c}} = \cos(a_n, p_n) \frac{a_{n,c}}{\|a_n\|^2} - "
                  r"\frac{p_{n,c}}{\|a_n\| \|p_n\|}",
    }
    chosen = case.arguments["distance"]
    distances: dict[str, Callable[[Floats, Floats], Distance]] = {
        "pairwise": lambda a, b: norm_distance(a, b, 2.0, 1e-6), "manhattan": manhattan_distance, "cosine": cosine_distance,
    }
    return _triplet(case, distances[chosen], slopes[chosen], [])


def _triplet(case: Case, distance: Callable[[Floats, Floats], Distance], slope: str, notes: list[str]) -> Parts:
    a, p, q = np.broadcast_arrays(case.rows(), case.rows("second"), case.rows("third"))
    margin, swap, width = float(case.arguments["margin"]), bool(case.arguments["swap"]), a.shape[1]
    rows = range(len(a))
    before = []
    for n in list(rows)[:3]:
        pairs = [("a", "p", a, p), ("a", "q", a, q), *([("p", "q", p, q)] if swap else [])]
        for left, right, first, second in pairs:
            found = distance(first[n], second[n])
            before.append(rf"d({left}_{{{n}}}, {right}_{{{n}}}) = {found.text} {approx(found.value)}")

    def far(n: int) -> tuple[Distance, float]:
        """The distance to the negative that counts, and how much of its slope goes to the anchor."""
        direct = distance(a[n], q[n])
        if not swap:
            return direct, 1.0
        other = distance(p[n], q[n])
        # Of two equal distances torch's minimum gives each half of the slope.
        return (other, 0.0) if other.value < direct.value else (direct, 1.0 if direct.value < other.value else 0.5)

    def term(n: int) -> str:
        return rf"\max(0, {minus(distance(a[n], p[n]).value, far(n)[0].value)} + {inner(margin)})"

    def steep(n: int, i: int) -> tuple[str, float]:
        near, (away, share) = distance(a[n], p[n]), far(n)
        if near.value - away.value + margin < 0:
            return "0", 0.0
        first, second = float(near.slopes[i % width]), share * float(away.slopes[i % width])
        return minus(first, second), first - second

    if not case.terms.any():
        notes.append("The margin is kept everywhere: the loss is zero, and so is the gradient.")
    if swap:
        used = sum(far(n)[1] == 0.0 for n in list(rows)[:500])
        notes.append(f"swap: in {plural(used, 'row', 'rows')} the negative is nearer to the positive than to the anchor, and is "
                     "compared with that.")
    general = (r"\begin{cases} \frac{\partial d(a_n, p_n)}{\partial a_{n,c}} - \frac{\partial d(a_n, q_n)}{\partial a_{n,c}} & "
               r"\ell_n > 0 \\ 0 & \mathrm{otherwise} \end{cases}")
    return Parts(term, general, steep, before=tuple(before), where=(slope,), notes=tuple(notes), letter="a")
