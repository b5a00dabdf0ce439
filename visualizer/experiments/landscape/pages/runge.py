"""Runge lab: what interpolation does between the nodes, and what floating point does to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from visualizer.base.explanation import (
    Block,
    Explanation,
    Formula,
    Heading,
    Number,
    Numbers,
    Paragraph,
    Verdict,
    number_text,
)
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.experiments.landscape import runge as lab
from visualizer.experiments.landscape.pages.listing import tex
from visualizer.experiments.landscape.pages.terrain import Floats
from visualizer.experiments.landscape.requests import RungeRequest
from visualizer.experiments.landscape.state import LandscapeState
from visualizer.figures.model import Axis, Figure, Layer, Line, Markers, Rule, readonly

_TINY = 1e-17
_COUNTS = tuple(range(2, 81))


@cache
def _constant(nodes: Callable[[int], Floats], count: int) -> float:
    """The Lebesgue constant of this many nodes: 0.3 s for all counts, so they are computed once."""
    return lab.lebesgue(nodes(count))


@dataclass(frozen=True, eq=False)
class Interpolation:
    """One way to interpolate: nodes, values on the grid, absolute error there, Lebesgue constant."""

    nodes: Floats
    heights: Floats
    values: Floats
    error: Floats
    lebesgue: float

    @property
    def worst(self) -> float:
        """The largest absolute error on the grid."""
        return float(np.nanmax(self.error)) if np.isfinite(self.error).any() else float("inf")


@dataclass(frozen=True, eq=False)
class RungeResult(PageResult):
    """The function and its interpolants on a grid over [-1, 1]; Lebesgue constants against the number of nodes."""

    grid: Floats
    truth: Floats
    equispaced: Interpolation
    chebyshev: Interpolation
    monomial: Interpolation | None
    counts: Floats
    lebesgue_equispaced: Floats
    lebesgue_chebyshev: Floats

    def numbers(self) -> dict[str, Any]:
        kinds = {"equispaced": self.equispaced, "chebyshev": self.chebyshev, "float32_monomial": self.monomial}
        return {
            "runge": {
                name: {"max_error": entry.worst, "lebesgue_constant": entry.lebesgue, "nodes": entry.nodes,
                       "values": entry.values}
                for name, entry in kinds.items() if entry is not None
            } | {"grid": self.grid, "function": self.truth},
            "lebesgue": {"nodes": self.counts, "equispaced": self.lebesgue_equispaced,
                         "chebyshev": self.lebesgue_chebyshev},
        }


def _request(result: RungeResult) -> RungeRequest:
    assert isinstance(result.request, RungeRequest)
    return result.request


def figures(result: RungeResult, state: LandscapeState) -> tuple[Figure, ...]:
    """The interpolants, their errors, the Lebesgue constants."""
    request = _request(result)
    main: list[Layer] = [Line(key="truth", role=Role.MUTED, label="the function", x=result.grid, y=result.truth, width=4.0)]
    if result.monomial is not None:
        main.append(Line(key="monomial", role=Role.C4, label="equispaced, float32 monomials", x=result.grid,
                         y=result.monomial.values, width=1.5, dash="dot"))
    for key, role, label, entry in (
        ("equispaced", Role.C2, "equispaced nodes", result.equispaced),
        ("chebyshev", Role.C3, "Chebyshev nodes", result.chebyshev),
    ):
        main.append(Line(key=key, role=role, label=label, x=result.grid, y=entry.values, width=2.0))
        main.append(Markers(key=f"{key}_nodes", role=role, x=entry.nodes, y=entry.heights, size=7.0))
    span = float(np.ptp(result.truth)) or 1.0
    limits = (float(result.truth.min()) - 0.9 * span, float(result.truth.max()) + 0.9 * span)
    title = f"{request.nodes} nodes: the polynomial through them"
    return (
        Figure("runge", title, Axis("x"), Axis("value", limits=limits), tuple(main), note=_beyond(result, limits)),
        Figure("runge_error", "Absolute error between the nodes", Axis("x"),
               Axis("error", log=True, limits=_error_limits(result)), _errors(result)),
        Figure("runge_lebesgue", "Lebesgue constant: how far errors can grow", Axis("nodes n", integer=True),
               Axis("Lebesgue constant", log=True), _lebesgue(result)),
    )


def _beyond(result: RungeResult, limits: tuple[float, float]) -> str:
    """A hint where a polynomial swings far out of the picture."""
    values = result.equispaced.values[np.isfinite(result.equispaced.values)]
    low, high = float(values.min()), float(values.max())
    if low >= limits[0] and high <= limits[1]:
        return ""
    return f"Through equispaced nodes it swings from {number_text(low, 3)} to {number_text(high, 3)}, out of this picture."


def _error_limits(result: RungeResult) -> tuple[float, float]:
    """From the typical small error to the largest; at the nodes themselves the error is 0, far below."""
    entries = [entry for entry in (result.equispaced, result.chebyshev, result.monomial) if entry is not None]
    errors = np.concatenate([entry.error[np.isfinite(entry.error) & (entry.error > 0)] for entry in entries])
    if not errors.size:
        return 1e-16, 1.0
    return max(float(np.quantile(errors, 0.03)) / 3, _TINY), float(errors.max()) * 3


def _errors(result: RungeResult) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for key, role, label, entry in (
        ("monomial", Role.C4, "float32 monomials", result.monomial),
        ("equispaced", Role.C2, "equispaced", result.equispaced),
        ("chebyshev", Role.C3, "Chebyshev", result.chebyshev),
    ):
        if entry is not None:
            layers.append(Line(key=key, role=role, label=label, x=result.grid, y=readonly(np.maximum(entry.error, _TINY)),
                               width=1.5))
    return tuple(layers)


def _lebesgue(result: RungeResult) -> tuple[Layer, ...]:
    return (
        Line(key="equispaced", role=Role.C2, label="equispaced", x=result.counts, y=result.lebesgue_equispaced),
        Line(key="chebyshev", role=Role.C3, label="Chebyshev", x=result.counts, y=result.lebesgue_chebyshev),
        Rule(key="now", role=Role.MUTED, position=float(_request(result).nodes), text="n", width=1.0),
        Markers(key="now_equispaced", role=Role.C2, x=readonly([_request(result).nodes]),
                y=readonly([result.equispaced.lebesgue]), size=9.0),
        Markers(key="now_chebyshev", role=Role.C3, x=readonly([_request(result).nodes]),
                y=readonly([result.chebyshev.lebesgue]), size=9.0),
    )


def explain(result: RungeResult, state: LandscapeState) -> Explanation:
    """Errors and Lebesgue constants of this run, and what they mean for the lecture's curve."""
    request = _request(result)
    option = lab.entry(request.function).option
    equi, cheb = result.equispaced, result.chebyshev
    better = cheb.worst < equi.worst
    rows = [
        Number("largest error, equispaced", number_text(equi.worst), role=Role.C2),
        Number("largest error, Chebyshev", number_text(cheb.worst), role=Role.C3),
    ]
    if result.monomial is not None:
        rows.append(Number("largest error, float32 monomials", number_text(result.monomial.worst), role=Role.C4,
                           help="The same equispaced nodes, solved for monomial coefficients in float32."))
    rows += [
        Number("Lebesgue constant, equispaced", number_text(equi.lebesgue), role=Role.C2,
               help="By how much an error in the node values can grow between the nodes."),
        Number("Lebesgue constant, Chebyshev", number_text(cheb.lebesgue), role=Role.C3),
    ]
    count = request.nodes
    blocks: list[Block] = [
        Verdict(f"With {count} nodes Chebyshev is {number_text(equi.worst / max(cheb.worst, 1e-300), 2)} times better."
                if better else f"With {count} nodes Chebyshev is not better here.", "good" if better else "warning"),
        Heading("This run"),
        Formula(f"f(x) = {option.formula}", option.title),
        Paragraph(option.help),
        Numbers(tuple(rows)),
        Heading("Chebyshev nodes"),
        Formula(rf"x_k = \cos\frac{{(2k - 1)\,\pi}}{{2 \cdot {count}}} \qquad k = 1 \ldots {count}",
                "x k is the cosine of 2 k minus 1 times pi over 2 n"),
        Paragraph("They crowd towards the ends, just where equispaced interpolation swings out."),
        Heading("Lebesgue constant"),
        Formula(r"\Lambda = \max_x \sum_j |\ell_j(x)|", "the largest sum of absolute values of the Lagrange basis"),
        Formula(rf"\Lambda_{{\mathrm{{equispaced}}}} = {tex(equi.lebesgue)} \qquad \Lambda_{{\mathrm{{Chebyshev}}}} = "
                f"{tex(cheb.lebesgue)}", ""),
        Paragraph(
            "A value moved by 0.01 moves the curve by at most 0.01 times \u039b. It grows like 2\u207f for equispaced nodes and "
            "like log n for Chebyshev nodes: this is why the lecture's curve, with 17 points, is so nervous near its ends."
        ),
        Heading("Floating point"),
        Paragraph(
            "Monomials 1, x, x\u00b2, ... are almost alike on [\u22121, 1], so their coefficients are ill-conditioned, and float32 "
            "has 7 digits to lose. With few nodes the curve still looks right, because the errors of the coefficients cancel; "
            "from about 40 equispaced nodes on it collapses. The "
            "barycentric formula in float64, which this tab uses, keeps about 14 digits of the seventeen points' curve; no "
            "formula helps where the Lebesgue constant itself eats the digits."
        ),
    ]
    return Explanation(tuple(blocks))


def run(request: RungeRequest) -> Iterator[RungeResult | None]:
    """The interpolants first, then the Lebesgue constants for every number of nodes."""
    grid = np.linspace(-1.0, 1.0, 1001)
    truth = lab.function(request.function, grid)
    yield None

    def made(nodes: Floats, float32: bool = False) -> Interpolation:
        heights = lab.function(request.function, nodes)
        values = lab.monomial_float32(nodes, heights, grid) if float32 else lab.interpolate(nodes, heights, grid)
        return Interpolation(readonly(nodes), readonly(heights), readonly(values), readonly(np.abs(values - truth)),
                             lab.lebesgue(nodes))

    equispaced = made(lab.equispaced(request.nodes))
    yield None
    chebyshev = made(lab.chebyshev(request.nodes))
    monomial = made(lab.equispaced(request.nodes), float32=True) if request.float32 else None
    yield None
    for nodes in (lab.equispaced, lab.chebyshev):
        for count in _COUNTS:
            _constant(nodes, count)
            yield None
    yield RungeResult(
        request=request, grid=readonly(grid), truth=readonly(truth), equispaced=equispaced, chebyshev=chebyshev,
        monomial=monomial, counts=readonly(_COUNTS),
        lebesgue_equispaced=readonly([_constant(lab.equispaced, count) for count in _COUNTS]),
        lebesgue_chebyshev=readonly([_constant(lab.chebyshev, count) for count in _COUNTS]),
    )


def code(request: RungeRequest) -> str:
    """PyTorch that repeats the interpolation and measures its error."""
    return "\n".join((
        "import torch",
        "",
        f"n = {request.nodes}",
        "torch.set_default_dtype(torch.float64)",
        "",
        "",
        "def function(x):",
        f"    return {lab.entry(request.function).expression}",
        "",
        "",
        "def interpolate(nodes, x):  # Lagrange: one product per node",
        "    one = torch.eye(len(nodes))",
        "    width = nodes[:, None] - nodes + one",
        "    basis = (((x[:, None, None] - nodes) * (1 - one) + one) / width).prod(dim=2)",
        "    return basis @ function(nodes), basis.abs().sum(dim=1)",
        "",
        "",
        "grid = torch.linspace(-1, 1, 1001)",
        "edge = torch.linspace(-1, -1 + 2 / (n - 1), 2001)  # the basis is largest near the ends",
        'for name, nodes in {',
        '    "equispaced": torch.linspace(-1, 1, n),',
        '    "Chebyshev": torch.cos((2 * torch.arange(n) + 1) * torch.pi / (2 * n)),',
        "}.items():",
        "    values, _ = interpolate(nodes, grid)",
        "    _, sums = interpolate(nodes, edge)",
        "    error = (values - function(grid)).abs().max()",
        '    print(f"{name}: largest error {error:.6g}, Lebesgue constant {sums.max():.6g}")',
        "",
    ))
