"""The figures of the page Truth check."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from visualizer.base.explanation import number_text
from visualizer.base.roles import Role
from visualizer.experiments.losses.tensor_words import name_of
from visualizer.figures.model import Axis, Bars, Dash, Figure, Layer, Line, Markers, Rule, Segments, Symbol, readonly

if TYPE_CHECKING:
    from visualizer.experiments.losses.finite_differences import Floats
    from visualizer.experiments.losses.pages.check import CheckResult

#: Up to so many elements each has a bar; above, only the errors are drawn.
_BARS = 200
#: Up to so many elements every one has a tick.
_TICKS = 16
#: Where an error of exactly 0 is drawn on a logarithmic axis.
_ZERO = 1e-9


def figures(result: CheckResult) -> tuple[Figure, ...]:
    return _check(result), _step_sizes(result), _stability(result)


def _check(result: CheckResult) -> Figure:
    title, across = "Autograd and finite differences", Axis("element", integer=True)
    down = Axis("\u2202 loss / \u2202 element")
    checks = result.checks
    if not checks:
        waiting = "The elements are moved one after the other." if result.progress < 1.0 else (
            "Nothing here requires a gradient; switch requires_grad on for a tensor of real numbers.")
        return Figure("check", title, across, down, (), note=waiting)
    if not sum(check.gradient.size for check in checks):
        return Figure("check", title, across, down, (), note="The tensor is empty; type some elements.")
    worst = result.worst
    assert worst is not None
    note = f"{worst.badge}."
    auto, central, left, right, kinks, wrong = (
        np.concatenate([np.ravel(getattr(check, name)) for check in checks])
        for name in ("gradient", "differences", "left", "right", "kinks", "wrong")
    )
    if auto.size > _BARS:
        return _errors(result, np.abs(auto - central), kinks, wrong, note)
    at = np.arange(auto.size, dtype=float)
    layers: list[Layer] = [
        Bars(key="autograd", role=Role.GRADIENT, label="autograd", left=readonly(at - 0.35), right=readonly(at + 0.35),
             height=readonly(np.nan_to_num(auto, posinf=np.nan, neginf=np.nan))),
    ]
    if kinks.any():
        layers.append(Segments(key="between", role=Role.WARNING, label="between the slopes of both sides", x0=readonly(at[kinks]),
                               y0=readonly(left[kinks]), x1=readonly(at[kinks]), y1=readonly(right[kinks]), width=4.0))
    fine = ~(kinks | wrong)
    kinds: tuple[tuple[str, Role, NDArray[np.bool_], Symbol, str], ...] = (
        ("same", Role.TEXT, fine, "circle", "finite difference"),
        ("kinks", Role.WARNING, kinks, "diamond", "at a kink"),
        ("wrong", Role.BAD, wrong, "cross", "differs"),
    )
    for key, role, mask, symbol, label in kinds:
        if mask.any():
            layers.append(Markers(key=key, role=role, label=label, x=readonly(at[mask]), y=readonly(central[mask]), size=10.0,
                                  symbol=symbol, hollow=key != "wrong"))
    begin = 0
    for place, check in enumerate(checks):
        if len(checks) > 1:
            layers.append(Rule(key=f"from_{check.role}", role=Role.MUTED, position=begin - 0.5, dash="dot",
                               text=name_of(result.setup, check.role).removeprefix("the "), width=1.0 if place else 0.5))
        begin += check.gradient.size
    return Figure("check", title, _elements(result), down, tuple(layers), note=note)


def _elements(result: CheckResult) -> Axis:
    """Every tensor's elements are counted from 0; those of a small matrix are named by row and column."""
    checks = result.checks
    count = sum(check.gradient.size for check in checks)
    limits = (-0.7, count - 0.3)
    if count > _TICKS:
        return Axis("element, row by row" + (", tensor by tensor" if len(checks) > 1 else ""), integer=True, limits=limits)
    matrix = all(len(check.shape) == 2 for check in checks)
    ticks, begin = [], 0
    for check in checks:
        for at in range(check.gradient.size):
            columns = check.shape[1] if matrix else 1
            ticks.append((float(begin + at), f"{at // columns},{at % columns}" if matrix else str(at)))
        begin += check.gradient.size
    return Axis("row, column" if matrix else "element", ticks=tuple(ticks), limits=limits)


def _errors(result: CheckResult, error: Floats, kinks: NDArray[np.bool_], wrong: NDArray[np.bool_], note: str) -> Figure:
    at = np.arange(error.size, dtype=float)
    floor = max(1e-18, float(np.min(error, where=error > 0.0, initial=1.0)))
    layers: list[Layer] = []
    for key, role, mask, label in (("same", Role.GRADIENT, ~(kinks | wrong), "autograd less finite difference"),
                                   ("kinks", Role.WARNING, kinks, "at a kink"), ("wrong", Role.BAD, wrong, "differs")):
        if mask.any():
            layers.append(Markers(key=key, role=role, label=label, x=readonly(at[mask]), y=readonly(np.maximum(error[mask], floor)),
                                  size=3.0 if key == "same" else 6.0, opacity=0.6))
    return Figure("check", "Autograd against finite differences", _elements(result), Axis("size of the difference", log=True),
                  tuple(layers), note=note)


def _step_sizes(result: CheckResult) -> Figure:
    title, across, down = "Which step?", Axis("step h", log=True), Axis("error of the slope", log=True)
    sizes = result.sizes
    if sizes is None:
        return Figure("step_sizes", title, across, down, (), note=result.no_sizes)
    if not sizes.steps.size:
        return Figure("step_sizes", title, across, down, (), note="The element is at the end of what the loss allows.")
    kept = sizes.error > 0.0
    if not kept.any():
        return Figure("step_sizes", title, across, down, (), note="Every step gives exactly autograd's slope.")
    smallest = float(np.min(sizes.error, where=kept, initial=1.0))
    bottom = max(smallest, 1e-16) / 5.0
    largest = max(float(np.nanmax(sizes.error, initial=smallest)), smallest)
    layers: list[Layer] = [Markers(key="error", role=Role.DATA, label="error", x=readonly(sizes.steps[kept]),
                                   y=readonly(sizes.error[kept]), size=5.0)]
    dashes: tuple[tuple[str, Floats, str, Dash], ...] = (("rounding", sizes.rounding, "\u03b5 |f| / h", "dash"),
                                                         ("truncation", sizes.truncation, "h\u00b2 |f'''| / 6", "dot"))
    for key, values, label, dash in dashes:
        shown = (values > bottom) & (values < 10.0 * max(largest, bottom))
        if shown.sum() > 1:
            layers.append(Line(key=key, role=Role.THEORY, label=label, x=readonly(sizes.steps[shown]), y=readonly(values[shown]),
                               dash=dash, width=2.5))
    layers.append(Rule(key="own", role=Role.GOOD, position=sizes.own, text="taken"))
    return Figure("step_sizes", f"Which step? (element {sizes.index})", across, down, tuple(layers))


def _stability(result: CheckResult) -> Figure:
    grown = result.growth
    if grown is None:
        return _dtypes(result)
    across, down = Axis("logit"), Axis("error of the loss", log=True)
    layers: list[Layer] = []
    for key, role, values, name, width in (("naive", Role.BAD, grown.naive, grown.names[0], 2.0),
                                           ("one", Role.GOOD, grown.one, grown.names[2], 2.5),
                                           ("stable", Role.C4, grown.stable, grown.names[1], 1.5)):
        name = name.removesuffix(" + NLLLoss").removesuffix(" + BCELoss")  # the legend is narrow
        if name:
            with np.errstate(invalid="ignore"):
                error = np.abs(values - grown.exact)
            error = np.where(np.isfinite(error), np.maximum(error, _ZERO), np.nan)
            layers.append(Line(key=key, role=role, label=name, x=grown.logits, y=readonly(error), width=width,
                               dash="dash" if key == "stable" else "solid"))
    if math.isfinite(grown.infinite):
        layers.append(Rule(key="infinite", role=Role.BAD, position=grown.infinite, text="infinite from here"))
    elif math.isfinite(grown.lost):
        layers.append(Rule(key="lost", role=Role.BAD, position=grown.lost, text=f"wrong from {grown.lost:.3g}", dash="dot"))
    note = "float32 against the exact loss." if float(grown.logits[-1]) > 0 else ""
    return Figure("stability", "Two ways, one loss", across, down, tuple(layers), note=note)


#: Relative size of half a unit in the last place.
_HALF = {"float32": 2.0**-24, "float16": 2.0**-11 / 2, "bfloat16": 2.0**-9}
_FLOOR = 1e-10


def _dtypes(result: CheckResult) -> Figure:
    """There is no second way: what rounding to a shorter dtype costs."""
    title, down = "What the dtype costs", Axis("relative error of the loss", log=True, limits=(_FLOOR / 3, 10.0))
    across = Axis("dtype", ticks=tuple((float(at), name) for at, (name, _) in enumerate(result.by_dtype)), limits=(-0.6, 2.6))
    if not math.isfinite(result.loss):
        return Figure("stability", title, across, down, (), note="The loss is not finite.")
    scale = abs(result.loss) or 1.0
    at, tops, texts = [], [], []
    for place, (_, value) in enumerate(result.by_dtype):
        error = abs(value - result.loss) / scale
        at.append(float(place))
        tops.append(min(max(error, _FLOOR), 5.0) if math.isfinite(error) else _FLOOR)
        texts.append("exact" if error == 0.0 else number_text(error, 2) if math.isfinite(error) else
                     "overflows" if math.isinf(value) else "cannot")
    ends = [[place + side for place in at] for side in (-0.3, 0.3)]
    half = readonly([_HALF[name] for name, _ in result.by_dtype])
    layers: list[Layer] = [
        Segments(key="reach", role=Role.DATA, x0=readonly(at), y0=readonly([_FLOOR] * len(at)), x1=readonly(at), y1=readonly(tops),
                 width=3.0, opacity=0.5),
        Segments(key="half", role=Role.THEORY, label="half a unit in the last place", x0=readonly(ends[0]), y0=half,
                 x1=readonly(ends[1]), y1=half, width=2.0, dash="dash"),
        Markers(key="error", role=Role.DATA, label="error", x=readonly(at), y=readonly(tops), size=9.0, texts=tuple(texts)),
    ]
    return Figure("stability", title, across, down, tuple(layers), note="No second way to compute this loss; against float64:")
