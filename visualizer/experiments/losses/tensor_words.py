"""The tensors of a setup in words: their names, shapes, and the first element that is not as it should be. No torch."""

from __future__ import annotations

import math
from collections.abc import Callable

from visualizer.base.explanation import number_text
from visualizer.base.tensors import TensorData
from visualizer.components.losses import CONTENTS, WHOLE, Input
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


#: What the letters of the shapes in the catalogue count.
_LETTERS = (("N", "rows"), ("C", "classes"), ("D", "features"), ("T", "moments"), ("S", "symbols"))


def wanted(setup: Setup) -> list[str]:
    """What the loss takes, a sentence or two for each of its tensors: shape, dtype and contents, and what is there now."""
    found = []
    for item, given in zip(setup.entry.inputs, setup.inputs, strict=True):
        indices = reads_indices(setup, item.role)
        either = "int64 for indices, floating point for weights"
        kind = either if item.holds == "class_or_probability" else "int64" if item.holds in WHOLE else "floating point"
        now = "int64" if indices else setup.dtype
        dtype = f"dtype {kind}" if kind == now else f"dtype {kind}, here {now}"
        found.append(f"{item.title}, in forward {item.name}: shape {item.shape}, here {shape_text(given.data.shape)}; {dtype}; "
                     f"holds {_holds(setup, item)}.")
    used = "".join(item.shape for item in setup.entry.inputs).replace("in_features", "") + "".join(
        letter for letter, _ in _LETTERS if any(f" {letter} " in CONTENTS[item.holds] for item in setup.entry.inputs))
    letters = [f"{letter} counts the {noun}" for letter, noun in _LETTERS if letter in used]
    return [*found, "; ".join(letters) + "."] if letters else found


def _holds(setup: Setup, item: Input) -> str:
    """The contents, as the loss's own switches make them."""
    if item.role == "target" and setup.arguments.get("log_target"):
        return CONTENTS["log_probability"]
    if item.role == "prediction" and setup.arguments.get("log_input") is False:
        return "rates, at least 0"
    return CONTENTS[item.holds]


def formula_of(setup: Setup) -> str:
    """Of one term of the loss, with the switches and the kind of target as they are."""
    entry = setup.entry
    for name, value in entry.arguments.items():
        if name in entry.formulas and setup.arguments[name] != value:
            return entry.formulas[name]
    return entry.formula if reads_indices(setup, "target") else entry.formulas.get("weights", entry.formula)
