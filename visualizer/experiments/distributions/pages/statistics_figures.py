"""What the Statistics page draws: the numbers on a line, and their deviations from the mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from visualizer.base.roles import Role
from visualizer.experiments.distributions.pages.worked import plain
from visualizer.experiments.distributions.statistics import Floats, Statistics
from visualizer.figures.model import Axis, Bars, Figure, Layer, Line, Markers, Rule, Segments, Span, readonly

#: What is divided by n, and what by n - 1: the same colours on this page and in Bessel's lab.
PLAIN, BESSEL = Role.C4, Role.C3

#: More numbers than this are drawn as a histogram, more deviations than this as a curve.
_DOTS = 200
_PAIRS = 40
_CURVE = 400


@dataclass(frozen=True, eq=False)
class Drawing:
    """Everything drawn, computed once in the worker. Positions are the numbers divided by ``10 ** power``.

    Attributes:
        name: of what is drawn, as "your numbers".
        power: 0 unless the numbers are so large or small that a plot cannot hold them.
        x, y: dots of the number line; empty when ``edges`` and ``heights`` hold a histogram.
        rank: position of every deviation shown; ``deviations`` and ``squares`` (divided by ``10 ** square_power``).
    """

    name: str
    count: int
    power: int
    mean: float
    std: float
    std_bessel: float
    x: Floats
    y: Floats
    edges: Floats
    heights: Floats
    rank: Floats
    deviations: Floats
    squares: Floats
    square_power: int
    variance: float
    variance_bessel: float
    texts: tuple[str, str, str]


def drawing_of(found: Statistics, name: str) -> Drawing:
    """What is drawn of these statistics."""
    n = found.count
    largest = max(abs(found.minimum), abs(found.maximum))
    power = math.floor(math.log10(largest)) if largest and not 1e-100 < largest < 1e100 else 0

    def moved(values: float | Floats) -> Floats:
        # In two halves: ten to the power itself may lie outside of float64.
        half = power // 2
        return np.asarray(values, dtype=np.float64) / 10.0**half / 10.0 ** (power - half)

    values, deviations = moved(found.values), moved(found.deviations)
    if not np.isfinite(deviations).all():
        deviations = values - float(moved(found.mean))
    nothing = readonly(np.empty(0))
    x = y = edges = heights = nothing
    if n <= _DOTS:
        ordered = np.sort(values)
        first = np.searchsorted(ordered, ordered, side="left")
        x, y = readonly(ordered), readonly(np.arange(n) - first + 1.0)
    elif values.max() > values.min():
        width = 3.49 * float(values.std()) / n ** (1 / 3)
        bins = int(np.clip(math.ceil((values.max() - values.min()) / width), 10, 200))
        counted, sides = np.histogram(values, bins=bins)
        edges, heights = readonly(sides), readonly(counted)
    else:
        edges, heights = readonly(values[0] + np.array([-0.5, 0.5])), readonly([n])
    rank = np.arange(1.0, n + 1)
    if n > _PAIRS:
        deviations = np.sort(deviations)
        if n > _CURVE:
            taken = np.round(np.linspace(0, n - 1, _CURVE)).astype(np.intp)
            deviations, rank = deviations[taken], rank[taken]
    squares = deviations**2
    widest = float(np.abs(deviations).max())
    # Squares and deviations share an axis; where one would flatten the other the squares are shown in powers of ten.
    square_power = round(math.log10(widest)) if widest and not 0.06 < widest < 15 else 0
    scale = 10.0**-square_power
    std = float(moved(found.std))
    std_bessel = float(np.sqrt(n / (n - 1))) * std if n > 1 else math.nan
    return Drawing(
        name=name, count=n, power=power, mean=float(moved(found.mean)), std=std, std_bessel=std_bessel, x=x, y=y, edges=edges,
        heights=heights, rank=readonly(rank), deviations=readonly(deviations), squares=readonly(squares * scale),
        square_power=square_power, variance=std**2 * scale, variance_bessel=std_bessel**2 * scale,
        texts=(plain(found.mean, 4), plain(found.std, 4), plain(found.std_bessel, 4)),
    )


def _unit(power: int) -> str:
    return f"10^{power}" if power else ""


def values_figure(drawing: Drawing, note: str) -> Figure:
    """The numbers as dots (many: as a histogram), their mean, and one standard deviation to each side of it."""
    mean, (mean_text, std_text, bessel_text) = drawing.mean, drawing.texts
    layers: list[Layer] = []
    spread = drawing.std > 0
    if spread:
        layers += [
            Span(key="band_bessel", role=BESSEL, start=mean - drawing.std_bessel, end=mean + drawing.std_bessel, opacity=0.14),
            Span(key="band", role=PLAIN, start=mean - drawing.std, end=mean + drawing.std, opacity=0.14),
        ]
    rule = Rule(key="mean", role=Role.THEORY, position=mean, text=f"mean {mean_text}", dash="solid", width=2.5)
    if len(drawing.heights):
        layers += [Bars(key="histogram", role=Role.DATA, left=readonly(drawing.edges[:-1]), right=readonly(drawing.edges[1:]),
                        height=drawing.heights, label=drawing.name), rule]
        top = float(drawing.heights.max())
    else:
        size = 15.0 if drawing.y.max() <= 8 else 9.0 if drawing.y.max() <= 30 else 5.0
        layers += [rule, Markers(key="values", role=Role.DATA, x=drawing.x, y=drawing.y, size=size, label=drawing.name)]
        top = max(float(drawing.y.max()), 2.0)
    if spread:
        for key, role, std, height, label in (
            ("std", PLAIN, drawing.std, 1.16, f"with n: \u00b1{std_text}"),
            ("std_bessel", BESSEL, drawing.std_bessel, 1.30, f"with n \u2212 1: \u00b1{bessel_text}"),
        ):
            layers.append(Segments(
                key=key, role=role, x0=readonly([mean, mean]), y0=readonly([height * top] * 2), width=3.0, arrow=True,
                x1=readonly([mean - std, mean + std]), y1=readonly([height * top] * 2), label=label,
            ))
    low, high = _range(drawing)
    title = f"{drawing.name.capitalize()}, \u00b1 one standard deviation"
    return Figure("statistics", title, Axis("value", _unit(drawing.power), limits=(low, high)),
                  Axis("how many", integer=True, limits=(0.0, 1.45 * top)), tuple(layers), note=note)


def _range(drawing: Drawing) -> tuple[float, float]:
    ends = drawing.edges if len(drawing.edges) else drawing.x
    reach = drawing.std_bessel if drawing.std > 0 else 0.0
    low, high = min(float(ends[0]), drawing.mean - reach), max(float(ends[-1]), drawing.mean + reach)
    room = 0.08 * (high - low) or max(1.0, 0.1 * abs(low))
    return low - room, high + room


def deviations_figure(drawing: Drawing) -> Figure:
    """Every number's distance from the mean and the square of it; the squares' mean is the variance."""
    shrunk = f" / 10^{drawing.square_power}" if drawing.square_power else f" [10^{2 * drawing.power}]" if drawing.power else ""
    if not drawing.deviations.any():
        return Figure("deviations", "Deviations and their squares", Axis("number"), Axis("deviation"), (),
                      note="One number is its own mean." if drawing.count == 1 else "All numbers are equal: no deviations.")
    layers: list[Layer] = []
    few = drawing.count <= _PAIRS
    if few:
        layers += [
            Bars(key="deviations", role=Role.DATA, left=readonly(drawing.rank - 0.38), right=readonly(drawing.rank),
                 height=drawing.deviations, label="deviation"),
            Bars(key="squares", role=Role.STEP, left=drawing.rank, right=readonly(drawing.rank + 0.38), height=drawing.squares,
                 label=f"squared{shrunk}"),
        ]
    else:
        layers += [
            Line(key="squares", role=Role.STEP, x=drawing.rank, y=drawing.squares, label=f"squared{shrunk}"),
            Line(key="deviations", role=Role.DATA, x=drawing.rank, y=drawing.deviations, label="deviation", width=2.5),
        ]
    layers.append(Rule(key="zero", role=Role.MUTED, position=0.0, vertical=False, width=1.0, dash="solid"))
    layers.append(Rule(key="variance", role=PLAIN, position=drawing.variance, vertical=False, text="\u03c3\u00b2 (n)"))
    if few:  # with more numbers nobody could tell the two apart
        layers.append(Rule(key="variance_bessel", role=BESSEL, position=drawing.variance_bessel, vertical=False,
                           text="s\u00b2 (n \u2212 1)"))
    # The names of the rules stand at the right: room for them where there are bars.
    ticks = tuple((float(place), str(place)) for place in range(1, drawing.count + 1)) if drawing.count <= 12 else None
    axis = Axis("number" if few else "number, sorted by value", integer=True, ticks=ticks,
                limits=(0.4, drawing.count + (0.6 + 0.3 * drawing.count if few else 0.0)))
    low, high = min(0.0, float(drawing.deviations.min())), max(float(drawing.squares.max()), float(drawing.deviations.max()))
    if few:
        high = max(high, drawing.variance_bessel)
    room = 0.08 * (high - low)
    return Figure("deviations", "Deviations and their squares", axis,
                  Axis("deviation", _unit(drawing.power), limits=(low - room, high + 2 * room)), tuple(layers))
