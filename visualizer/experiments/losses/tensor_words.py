"""The tensors of a setup in words: their names, shapes, and the first element that is not as it should be. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable

from visualizer.base.explanation import number_text
from visualizer.base.tensors import TensorData
from visualizer.components.losses import WHOLE
from visualizer.experiments.losses.requests import Setup


def shape_text(shape: tuple[int, ...]) -> str:
    """``(2, 3)``, ``(4)``."""
    return f"({', '.join(map(str, shape))})"


def name_of(setup: Setup, role: str) -> str:
    """What the loss calls a tensor, inside a sentence: ``the prediction``, ``the first input``."""
    item = setup.entry.input(role)
    title = item.title.partition(" (")[0] if item is not None else role
    return f"the {title[0].lower()}{title[1:]}"


def number(value: float) -> str:
    """A number as it was typed, to six significant digits, with a minus as long as a plus."""
    return f"{value:.6g}".replace("-", "\u2212", int(value < 0)) if math.isfinite(value) else number_text(value)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def whole(value: float) -> bool:
    return math.isfinite(value) and value == int(value) and abs(value) <= 2**53


def first(data: TensorData, wrong: Callable[[float], bool]) -> tuple[int, float]:
    """Flat index and value of the first element for which ``wrong`` holds; index -1 if there is none."""
    return next(((at, value) for at, value in enumerate(data.values) if wrong(value)), (-1, math.nan))


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape to which torch repeats tensors of these shapes; None if they do not fit."""
    length = max(map(len, shapes))
    found = []
    for sizes in zip(*((1,) * (length - len(shape)) + shape for shape in shapes), strict=True):
        several = {size for size in sizes if size != 1}
        if len(several) > 1:
            return None
        found.append(several.pop() if several else 1)
    return tuple(found)


def reads_indices(setup: Setup, role: str) -> bool:
    """Whether torch takes this tensor as whole numbers: class indices, symbols or a length."""
    item = setup.entry.input(role)
    if item is None:
        return False
    if item.holds == "class_or_probability":
        if setup.target_as != "auto":
            return setup.target_as == "indices"
        prediction, given = setup.given("prediction"), setup.given(role)
        return prediction is None or given is None or prediction.data.shape != given.data.shape
    return item.holds in WHOLE


def classes_of(setup: Setup) -> int:
    """How many classes there are: the columns of the scores, or what a layer is made for."""
    given = setup.given("prediction")
    assert given is not None
    return int(setup.arguments["n_classes"]) if setup.entry.layer else given.data.columns
