"""The figures of the page Loss and gradient."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from visualizer.base.explanation import number_text
from visualizer.base.roles import Role
from visualizer.components.losses import WHOLE, Input
from visualizer.figures.model import Axis, Bars, Figure, Heat, Layer, Markers, Note, Rule, Segments, readonly

if TYPE_CHECKING:
    from visualizer.experiments.losses.pages.loss import LossResult

Floats = NDArray[np.float64]

#: The colour of an input is that of its role on all pages.
ROLES = {"prediction": Role.DATA, "target": Role.GOOD, "second": Role.C3, "third": Role.C4}

#: More elements than this have no ticks of their own, and no arrows.
_FEW = 24
_ARROWS = 200
#: With at most so many bars their numbers stand beside them.
_LABELS = 12
#: Part of the bars' height that the longest arrow takes.
_REACH = 0.25


def figures(result: LossResult) -> tuple[Figure, ...]:
    return (_tensors(result), _contributions(result), _gradient(result), _matrix(result))


def shown_inputs(result: LossResult) -> list[Input]:
    """The inputs that are drawn as bars: those with an element for each one of the prediction."""
    size = result.tensors["prediction"].size
    return [
        item for item in result.setup.entry.inputs
        if result.tensors[item.role].size == size and not _holds_indices(result, item)
    ]


def _holds_indices(result: LossResult, item: Input) -> bool:
    if item.holds in WHOLE:
        return True
    from visualizer.experiments.losses.evaluation import holds_indices

    return item.holds == "class_or_probability" and holds_indices(result.setup)


def axis_of(shape: tuple[int, ...], label: str = "element") -> Axis:
    """The axis of the flat index; a few elements of a matrix are named by row and column."""
    count = int(np.prod(shape)) if shape else 1
    if len(shape) == 2 and count <= _FEW:
        ticks = tuple((float(at), f"{at // shape[1]},{at % shape[1]}") for at in range(count))
        return Axis("row, column", ticks=ticks, limits=(-0.7, count - 0.3))
    return Axis(label if len(shape) < 2 else f"{label}, row by row", integer=True, limits=(-0.7, max(1, count) - 0.3))


def bars(key: str, role: Role, values: Floats, place: int = 0, of: int = 1, label: str = "", drag: bool = False,
         tip: str = "") -> Bars:
    """One bar an element; ``of`` groups stand side by side, this is number ``place`` of them."""
    at = np.arange(values.size) - 0.4 + 0.8 * place / of
    return Bars(
        key=key, role=role, label=label, left=readonly(at), right=readonly(at + 0.8 / of), height=readonly(values.reshape(-1)),
        drag=drag, tip=tip, opacity=0.75,
    )


def labels(key: str, values: Floats, place: int = 0, of: int = 1) -> list[Layer]:
    """The numbers at the ends of a few bars, as :func:`bars` places them."""
    if values.size * of > _LABELS:
        return []
    found: list[Layer] = []
    for at, value in enumerate(values.reshape(-1).tolist()):
        if math.isfinite(value):
            found.append(Note(
                key=f"{key}_{at}", role=Role.TEXT, x=at - 0.4 + 0.8 * (place + 0.5) / of, y=value, text=number_text(value, 3),
                anchor=(0.5, 1.0 if value >= 0 else 0.0),
            ))
    return found


def _room(axis: Axis, *values: Floats) -> Axis:
    """The axis with room for numbers above and below a few bars."""
    flat = np.concatenate([array.reshape(-1) for array in values])
    if flat.size > _LABELS or not flat.size or not np.isfinite(flat).all():
        return axis
    low, high = min(0.0, float(flat.min())), max(0.0, float(flat.max()))
    room = 0.14 * (high - low)
    if not room:
        return axis
    return replace(axis, limits=(low - room if low < 0 else low, high + room if high > 0 else high))


def _tensors(result: LossResult) -> Figure:
    setup = result.setup
    shown = shown_inputs(result)
    layers: list[Layer] = [Rule(key="zero", role=Role.MUTED, position=0.0, vertical=False, width=1.0, dash="solid")]
    for place, item in enumerate(shown):
        layers.append(bars(
            item.role, ROLES[item.role], result.tensors[item.role], place, len(shown), item.title, drag=True,
            tip="Drag the top of a bar to change this element.",
        ))
    prediction = result.tensors["prediction"]
    layers += _true_classes(result, prediction)
    layers += _downhill(result, shown, prediction)
    names = " and ".join(item.title.lower() for item in shown) if len(shown) < 3 else "the tensors"
    size = "the sum of the losses" if setup.reduction == "none" else "the loss"
    return Figure(
        "tensors", f"{names[:1].upper()}{names[1:]}", axis_of(prediction.shape), Axis("value"), tuple(layers),
        note=f"{setup.entry.title}: {size} is {number_text(result.loss)}. " + (
            "Drag the bars." if prediction.size <= _ARROWS else "Edit the cells; every bar can be dragged."),
    )


def _true_classes(result: LossResult, prediction: Floats) -> list[Layer]:
    """A mark over the score of the class that is right, row by row."""
    target = result.setup.entry.input("target")
    if target is None or target.holds not in ("class", "class_or_probability") or result.setup.entry.layer:
        return []
    if not _holds_indices(result, target):
        return []
    columns = prediction.shape[-1] if prediction.ndim else 1
    index = result.tensors["target"].reshape(-1)
    inside = (index >= 0) & (index < columns)
    at = (np.arange(index.size) * columns + index)[inside]
    at = at[at < prediction.size]
    return [Markers(
        key="true", role=Role.GOOD, label="True class", x=readonly(at), y=readonly(prediction.reshape(-1)[at.astype(int)]),
        symbol="diamond", size=11.0,
    )]


def _downhill(result: LossResult, shown: list[Input], prediction: Floats) -> list[Layer]:
    """Arrows against the gradient: where each element would have to go for the loss to fall."""
    if prediction.size > _ARROWS:
        return []
    x: list[Floats] = []
    y: list[Floats] = []
    g: list[Floats] = []
    for place, item in enumerate(shown):
        gradient = result.gradients[item.role]
        if gradient is None:
            continue
        x.append(readonly(np.arange(gradient.size) - 0.4 + 0.8 * (place + 0.5) / len(shown)))
        y.append(result.tensors[item.role].reshape(-1))
        g.append(gradient.reshape(-1))
    if not x:
        return []
    places, tops, slopes = np.concatenate(x), np.concatenate(y), np.concatenate(g)
    good = np.isfinite(slopes) & np.isfinite(tops) & (slopes != 0)
    if not good.any():
        return []
    places, tops, slopes = places[good], tops[good], slopes[good]
    spread = max(float(np.ptp(np.append(tops, 0.0))), 1e-12)
    factor = _tidy(_REACH * spread / float(np.abs(slopes).max()))
    return [Segments(
        key="downhill", role=Role.STEP, label=f"Against the gradient, × {number_text(factor, 1)}", x0=readonly(places),
        y0=readonly(tops), x1=readonly(places), y1=readonly(tops - factor * slopes), width=2.0, arrow=True,
    )]


def _tidy(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above the value."""
    if not np.isfinite(value) or value <= 0:
        return 1.0
    power = 10.0 ** float(np.floor(np.log10(value)))  # no numpy number, which warns where five times it is infinite
    return float(next(step for step in (5.0, 2.0, 1.0) if step * power <= value * 1.0000001) * power)


def _contributions(result: LossResult) -> Figure:
    values = result.contributions
    by_row = values.size != result.tensors["prediction"].size
    x = axis_of(values.shape, "row" if by_row else "element")
    note = ""
    if values.size == 0:
        note = "The tensors are empty: there is nothing to add up."
    elif by_row and values.size == 1:
        note = "One loss for the whole tensor."
    return Figure(
        "contributions", "Each row's loss" if by_row else "Each element's loss", x, _room(Axis("loss"), values),
        (bars("contributions", Role.CURVE, values), *labels("loss", values)), note=note,
    )


def _gradient(result: LossResult) -> Figure:
    title, x, y = "Gradient", axis_of(result.tensors["prediction"].shape), Axis("∂ loss / ∂ element")
    found = [(item, gradient) for item in result.setup.entry.inputs if (gradient := result.gradients[item.role]) is not None]
    if not found:
        return Figure("gradient", title, x, y, (),
                      note="Nothing that the loss is made of requires a gradient: every .grad stays None.")
    if len(found) == 1 and found[0][1].size:
        x = axis_of(found[0][1].shape)
    layers: list[Layer] = [Rule(key="zero", role=Role.MUTED, position=0.0, vertical=False, width=1.0, dash="solid")]
    for place, (item, gradient) in enumerate(found):
        role = Role.GRADIENT if len(found) == 1 else ROLES[item.role]
        label = "" if len(found) == 1 else item.title
        layers.append(bars(f"gradient_{item.role}", role, gradient, place, len(found), label))
        layers += labels(f"slope_{item.role}", gradient, place, len(found))
    return Figure("gradient", title, x, _room(y, *(gradient for _, gradient in found)), tuple(layers))


def _matrix(result: LossResult) -> Figure:
    """The gradient of the first tensor that has one, row 0 at the top."""
    title = "Heat map"
    found = next(((role, gradient) for role, gradient in result.gradients.items() if gradient is not None), None)
    if found is None or not found[1].size:
        return Figure("matrix", title, Axis("column"), Axis("row"), (), note="There is no gradient to show.")
    role, gradient = found
    table = gradient.reshape(1, -1) if gradient.ndim < 2 else gradient
    rows, columns = table.shape
    height = tuple((float(row), str(rows - 1 - row)) for row in range(rows)) if rows <= 12 else None
    item = result.setup.entry.input(role)
    heat = Heat(
        key="gradient", role=Role.GRADIENT, values=readonly(table[::-1]), x_range=(-0.5, columns - 0.5),
        y_range=(-0.5, rows - 0.5), palette="diverging", value_label="gradient",
    )
    # Rows are counted from the top, as torch prints them.
    y = Axis("row", ticks=height or ((0.0, str(rows - 1)), (rows - 1.0, "0")))
    return Figure(
        "matrix", title, Axis("column" if gradient.ndim > 1 else "element", integer=True), y, (heat,),
        note="" if item is None or role == "prediction" else item.title, legend=False,
    )
