"""What torch refuses, in a plain sentence that says what to change; torch's own message stays beside it.

Where a sentence comes from: what is wrong is looked for in the setup itself, dtype, arguments, shapes, weights, contents, in
that order; torch's message only says whether to look at the dtype first. What torch computes without a word although it can
hardly be meant is not refused; see :func:`visualizer.experiments.losses.cautions.cautions`, which is public here, too.
"""

from __future__ import annotations

import re

from visualizer.base.errors import UserError
from visualizer.base.tensors import TensorData
from visualizer.experiments.losses.cautions import cautions
from visualizer.experiments.losses.requests import Setup
from visualizer.experiments.losses.tensor_words import (
    broadcast,
    classes_of,
    first,
    name_of,
    number,
    plural,
    reads_indices,
    shape_text,
    whole,
)

__all__ = ["cautions", "diagnosed", "refuse_contents"]

#: More than this many numbers are made of two small tensors (or are the weights of a layer) only by mistake.
MOST_MADE = 1_000_000


def refuse_contents(setup: Setup) -> None:
    """Refuse what torch itself does not check, and would read memory with that is not its own, or fill it all.

    CTC uses its symbols as indices without looking: a symbol that is no class returns nonsense or ends the program (torch 2.13).

    Raises:
        UserError: symbols of CTC outside the classes, whole numbers that are none, a layer without features, or tensors
            that would be repeated (or a layer that would be made) beyond a million numbers.
    """
    for sentence in (_fractional(setup), _symbols(setup), _too_large(setup)):
        if sentence:
            raise UserError(sentence)


def _fractional(setup: Setup) -> str:
    for given in setup.inputs:
        indices = reads_indices(setup, given.role)
        at, value = first(given.data, lambda value: not whole(value)) if indices or setup.dtype == "int64" else (-1, 0.0)
        if at >= 0:
            cure = "write one" if value != value else "round it"
            start = f"Element {at} of {name_of(setup, given.role)} is {number(value)}, and "
            if indices:
                return f"{start}torch wants a whole number there; {cure}."
            return f"{start}the dtype int64 holds whole numbers only; choose float32, or {cure}."
    return ""


def _symbols(setup: Setup) -> str:
    if setup.name != "CTCLoss":
        return ""
    prediction, target = setup.given("prediction"), setup.given("target")
    assert prediction is not None
    assert target is not None
    classes = prediction.data.columns
    at, value = first(target.data, lambda value: not 0 <= value < classes)
    if at < 0:
        return ""
    if not prediction.data.values:
        return "The log-probabilities are empty; give them a row for every moment and a column for every class."
    return (f"Element {at} of the target is {number(value)}, and there are only the classes 0 to {classes - 1}, one for every "
            "column of the log-probabilities. torch would not check this and would read foreign memory; change the symbol.")


def _too_large(setup: Setup) -> str:
    entry = setup.entry
    if entry.layer:
        features = _data(setup, "prediction").columns
        if not _data(setup, "prediction").values:
            return "The features are empty, so the layer has nothing to compute with; give it a row of numbers."
        if features * setup.arguments["n_classes"] > MOST_MADE:
            return (f"A layer from {features:,} features to {setup.arguments['n_classes']:,} classes has "
                    f"{features * setup.arguments['n_classes']:,} weights, too many to look at; give it fewer of either.")
        if (made := _adaptive_weights(setup, features)) > MOST_MADE:
            return (f"The clusters of rarer classes pass {features:,} features on through matrices with {made:,} weights, too many "
                    "to look at; give it fewer features, fewer cutoffs or a larger div_value.")
        return ""
    if entry.layout in ("elements", "labels", "rows"):
        shape = broadcast(*(given.data.shape for given in setup.inputs if entry.layout != "rows" or given.role != "target"))
        if shape is not None and len(shape) == 2 and shape[0] * shape[1] > MOST_MADE:
            return (f"{_shapes(setup)}: torch would repeat them to {shape_text(shape)}, {shape[0] * shape[1]:,} losses; "
                    "give all of them the same shape.")
    return ""


def _adaptive_weights(setup: Setup, features: int) -> int:
    """How many weights the clusters' projections have: to features / div_value, features / div_value^2 ..."""
    arguments = setup.arguments
    clusters = len(re.findall(r"\d+", str(arguments.get("cutoffs", ""))))
    return sum(features * int(features // arguments["div_value"] ** (at + 1)) for at in range(clusters))


def diagnosed(setup: Setup, error: Exception) -> UserError:
    """The sentence for what torch said, with torch's own message and its type as the details."""
    if isinstance(error, UserError):
        return error
    message = str(error).strip() or type(error).__name__
    sentence = _dtype(setup, message) or _arguments(setup) or _shape(setup) or _weight(setup) or _contents(setup)
    return UserError(sentence or _generic(setup), f"{type(error).__name__}: {message}")


def _generic(setup: Setup) -> str:
    wanted = ", ".join(f"{name_of(setup, item.role)} {item.shape}" for item in setup.entry.inputs)
    return f"{_shapes(setup)}; {setup.name} wants {wanted}."


def _shapes(setup: Setup) -> str:
    """The shapes of all tensors, as the beginning of a sentence."""
    said = [f"{name_of(setup, given.role)} {'has the shape ' if not index else ''}{shape_text(given.data.shape)}"
            for index, given in enumerate(setup.inputs)]
    text = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
    return text[0].upper() + text[1:]


def _data(setup: Setup, role: str) -> TensorData:
    given = setup.given(role)
    return given.data if given is not None else TensorData((0,), ())


# dtypes: torch's message says that it is one

_DTYPE = re.compile(r"not implemented for|could not infer output dtype|can't be cast|scalar type|[Dd]type|floating point type|"
                    r"[Ee]xpected floating|integral|does not support automatic differentiation", re.ASCII)


def _dtype(setup: Setup, message: str) -> str:
    if "can require gradients" in message:
        if setup.dtype != "int64":
            whole_ones = (given.role for given in setup.inputs if given.requires_grad and reads_indices(setup, given.role))
            name = name_of(setup, next(whole_ones, "target"))
            return (f"{name[0].upper()}{name[1:]} holds whole numbers (int64) with {setup.name}, and torch takes gradients only "
                    "of floating-point numbers; switch its requires_grad off.")
        return (f"The dtype is {setup.dtype}, and torch takes gradients only of floating-point numbers; choose float32, or switch "
                "requires_grad off.")
    barred = re.search(r"not differentiable with respect to argument '(\w+)'", message)
    if barred is not None:
        role = next((item.role for item in setup.entry.inputs if item.name.startswith(barred[1])), "target")
        return f"torch has no derivative of {setup.name} with respect to {name_of(setup, role)}; switch its requires_grad off."
    if _DTYPE.search(message) and setup.dtype not in ("float32", "float64"):
        said = "whole numbers (int64)" if setup.dtype == "int64" else setup.dtype
        return f"{setup.name} cannot be computed with {said} on the CPU; choose the dtype float32."
    return ""


def _arguments(setup: Setup) -> str:
    arguments, name = setup.arguments, setup.name
    if setup.entry.reductions and setup.reduction not in setup.entry.reductions:
        *some, last = setup.entry.reductions
        return f"{name} knows no reduction {setup.reduction}; choose {', '.join(some)} or {last}."
    if name == "MultiMarginLoss" and arguments["p"] not in (1, 2):
        return f"p is {number(arguments['p'])}, and the multi-class margin takes only 1 and 2; choose one of them."
    if name.startswith("Triplet") and arguments["margin"] <= 0:
        return (f"The margin is {number(arguments['margin'])}, and a triplet loss wants more than 0: without it the loss would be "
                "smallest when all points are the same.")
    if name == "CTCLoss" and arguments["blank"] >= _data(setup, "prediction").columns > 0:
        return (f"blank is {arguments['blank']}, and there are only the classes 0 to {_data(setup, 'prediction').columns - 1}; "
                "choose one of these.")
    if "cutoffs" in arguments:
        return _cutoffs(arguments["cutoffs"], arguments["n_classes"])
    return ""


def _cutoffs(text: str, classes: int) -> str:
    found = [int(word) for word in re.findall(r"\d+", text)]
    if classes < 2:
        return f"The number of classes is {classes}, and adaptive softmax splits them into clusters; choose at least 2."
    if not found:
        return f"cutoffs is empty; write where the clusters of rarer classes begin, rising numbers from 1 to {classes - 1}."
    if found != sorted(set(found)) or found[0] < 1 or found[-1] > classes - 1:
        return (f"The cutoffs {', '.join(map(str, found))} are no rising numbers from 1 to {classes - 1}, the number of classes "
                "less 1; write for example " + (f"1,{classes // 2}." if classes // 2 > 1 else "1."))
    return ""


# shapes

def _shape(setup: Setup) -> str:
    match setup.entry.layout:
        case "elements" | "labels":
            return _elements(setup)
        case "classes":
            return _classes(setup)
        case "rows":
            return _rows(setup)
        case "sequence":
            return _sequence(setup)
        case _:
            return _features(setup)


def _elements(setup: Setup) -> str:
    prediction = _data(setup, "prediction").shape
    others = [given for given in setup.inputs if given.role != "prediction"]
    if setup.name == "MultiLabelMarginLoss" and not _data(setup, "prediction").values:
        return "The prediction is empty; give it a score for every class."
    for given in others:
        shape, name = given.data.shape, name_of(setup, given.role)
        if shape == prediction:
            continue
        own = name_of(setup, "prediction")
        start = f"{own[0].upper()}{own[1:]} has the shape {shape_text(prediction)} and {name} {shape_text(shape)}"
        if not setup.entry.broadcasts:
            return f"{start}: {setup.name} compares them element by element; give both the same shape."
        if broadcast(prediction, shape) is None:
            return f"{start}: they cannot be compared element by element; give both the same shape."
        if setup.name == "SoftMarginLoss" and broadcast(prediction, shape) != prediction:
            return f"{start}: torch repeats the target here, but not the prediction; give both the same shape."
        if setup.name == "MarginRankingLoss" and len(shape) != len(prediction):
            return f"{start}: a list and a table cannot be compared; give both the same shape."
    variance = setup.given("second") if setup.name == "GaussianNLLLoss" else None
    if variance is not None and variance.data.shape not in (prediction, prediction[:-1], (*prediction[:-1], 1)):
        return (f"The variance has the shape {shape_text(variance.data.shape)} and the prediction {shape_text(prediction)}: give "
                "every prediction a variance of its own, or every row one.")
    if len(others) > 1 and broadcast(prediction, *(given.data.shape for given in others)) is None:
        return f"{_shapes(setup)}: they cannot be compared element by element; give all of them the same shape."
    return ""


def _classes(setup: Setup) -> str:
    prediction, target = _data(setup, "prediction"), _data(setup, "target")
    start = f"The prediction has the shape {shape_text(prediction.shape)} and the target {shape_text(target.shape)}"
    if not prediction.columns:
        return "The prediction is empty; give it a score for every class."
    if not reads_indices(setup, "target"):
        if target.shape != prediction.shape:
            return f"{start}: class probabilities are one number for every score; give both the same shape."
        return ""
    wanted = prediction.rows if len(prediction.shape) == 2 else 1
    title = setup.entry.title.lower()
    if len(target.shape) == 2:
        hint = ', or choose "Class probabilities" if that is what they are' if (
            target.shape == prediction.shape and setup.entry.name == "CrossEntropyLoss") else ""
        return (f"{start}: {title} wants one class index per row in a plain list, so {plural(wanted, 'number')} in a single row"
                f"{hint}.")
    if len(target.values) != wanted:
        return f"{start}: {title} wants one class index per row, so {wanted} of them."
    return ""


def _rows(setup: Setup) -> str:
    rows = [given for given in setup.inputs if given.role != "target"]
    shapes = [given.data.shape for given in rows]
    if len({len(shape) for shape in shapes}) > 1 or broadcast(*shapes) is None:
        return f"{_shapes(setup)}: the vectors are compared row by row; give them the same shape."
    target = setup.given("target")
    shape = broadcast(*shapes)
    if target is not None and shape is not None:
        wanted = shape[0] if len(shape) == 2 else 1
        if len(target.data.shape) == 2 or len(target.data.values) != wanted:
            return f"{_shapes(setup)}: every pair of rows has one label, so the target should be a plain list of {wanted}."
    return ""


def _sequence(setup: Setup) -> str:
    logs, target = _data(setup, "prediction"), _data(setup, "target")
    if not logs.values or len(logs.shape) != 2:
        return (f"The log-probabilities have the shape {shape_text(logs.shape)}; CTC wants a table, a row for every moment and "
                "a column for every class.")
    for role in ("second", "third"):
        data = _data(setup, role)
        if len(data.values) != 1:
            return f"{name_of(setup, role).capitalize()} holds {plural(len(data.values), 'number')}; give it exactly one."
        if data.values[0] < 0:
            return f"{name_of(setup, role).capitalize()} is {number(data.values[0])}; a length is at least 0."
    given, symbols = int(_data(setup, "second").values[0]), int(_data(setup, "third").values[0])
    if given > logs.rows:
        return (f"The input length is {given}, and the log-probabilities have only {plural(logs.rows, 'row')}; "
                f"make it at most {logs.rows}.")
    if len(target.shape) == 2 and target.rows != 1:
        return f"The target has the shape {shape_text(target.shape)}; it is one sequence here, so write it in a single row."
    if symbols != len(target.values):
        return (f"The target length is {symbols}, and the target has {plural(len(target.values), 'symbol')}; "
                f"make it {len(target.values)}.")
    return ""


def _features(setup: Setup) -> str:
    features, target = _data(setup, "prediction"), _data(setup, "target")
    start = f"The features have the shape {shape_text(features.shape)} and the target {shape_text(target.shape)}"
    if not features.columns:
        return "The features are empty; give them at least one row of numbers."
    wanted = features.rows if len(features.shape) == 2 else 1
    if len(target.shape) == 2 or len(target.values) != wanted:
        return f"{start}: there is one class index for every row of features, so {wanted} in a plain list."
    if len(features.shape) == 1 and setup.name.startswith("Adaptive"):
        return f"{start}: a list of class indices wants a table of features; end the row with a semicolon to make it one."
    return ""


# weights and contents

def _weight(setup: Setup) -> str:
    prediction = _data(setup, "prediction")
    for name in setup.entry.weights:
        data = setup.arguments.get(name)
        if not isinstance(data, TensorData):
            continue
        start = f"{name} has the shape {shape_text(data.shape)}"
        if setup.entry.layout in ("classes", "features"):
            classes = classes_of(setup)
            if data.shape != (classes,):
                return f"{start}, and there are {classes} classes: give it one number for every class, in a single row."
        elif broadcast(prediction.shape, data.shape) != prediction.shape:
            return (f"{start} and the prediction {shape_text(prediction.shape)}: give it the prediction's shape, or one number for "
                    "every column.")
    return ""


def _contents(setup: Setup) -> str:
    for item, given in zip(setup.entry.inputs, setup.inputs, strict=True):
        name = name_of(setup, item.role)
        if reads_indices(setup, item.role) and item.holds != "length":
            sentence = _indices(setup, name, given.data, item.holds == "classes")
            if sentence:
                return sentence
        if setup.name == "BCELoss" and item.role in ("prediction", "target"):
            at, value = first(given.data, lambda value: not 0 <= value <= 1)
            if at >= 0:
                cure = "; if these are logits, choose BCEWithLogitsLoss" if item.role == "prediction" else ""
                return (f"Element {at} of {name} is {number(value)}, and binary cross entropy takes probabilities from 0 to 1; "
                        f"change it{cure}.")
        if setup.name == "GaussianNLLLoss" and item.role == "second":
            at, value = first(given.data, lambda value: value < 0)
            if at >= 0:
                return f"Element {at} of {name} is {number(value)}, and no variance is negative; make it at least 0."
    return ""


def _indices(setup: Setup, name: str, data: TensorData, ends: bool) -> str:
    """The first index that is no class; with ``ends``, a negative one ends the list of a row."""
    classes = classes_of(setup)
    ignored = setup.arguments.get("ignore_index")
    at, value = first(data, lambda value: value != ignored and (not -1 <= value < classes if ends else not 0 <= value < classes))
    if at < 0:
        return ""
    only = "there is only the class 0" if classes == 1 else f"there are only the classes 0 to {classes - 1}"
    if value < 0:
        cure = "change it" + (f", or set ignore_index to {number(value)} to leave such rows out" if ignored is not None else "")
    else:
        cure = "change it, or " + ("raise the number of classes" if setup.entry.layer else "give the prediction more columns")
    return f"Element {at} of {name} is {number(value)}, and {only}; {cure}."
