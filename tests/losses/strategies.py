"""Hypothesis strategies made from the catalogue of losses: valid tensors and arguments for any of them.

Elements lie on a grid with an offset for every tensor and column, so that no kink (an error of 0, a margin exactly reached)
is ever hit or closely missed: there finite differences mean nothing. They have few digits, so that formulas show all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from visualizer.base.tensors import TensorData
from visualizer.components.losses import Input, Loss, loss
from visualizer.experiments.losses.evaluation import Built
from visualizer.experiments.losses.requests import Setup, setup_of
from visualizer.experiments.losses.state import LossesState

_OFFSETS = {"prediction": 0.03, "second": 0.011, "third": 0.05, "target": 0.0}
_LAYER_CLASSES = 6


def _data(shape: tuple[int, ...], values: Any) -> TensorData:
    return TensorData(shape, tuple(round(float(value), 6) for value in values))


@st.composite
def _reals(draw: st.DrawFn, role: str, shape: tuple[int, ...], least: int = -30, most: int = 30) -> TensorData:
    size = int(np.prod(shape))
    steps = draw(st.lists(st.integers(least, most), min_size=size, max_size=size))
    step = 0.0 if role == "target" else 0.0007
    return _data(shape, [k / 10 + _OFFSETS[role] + step * (at % 40) for at, k in enumerate(steps)])


def _picked(shape: tuple[int, ...], one: st.SearchStrategy[float]) -> st.SearchStrategy[TensorData]:
    size = int(np.prod(shape))
    return st.lists(one, min_size=size, max_size=size).map(lambda values: _data(shape, values))


@st.composite
def _contents(draw: st.DrawFn, item: Input, shape: tuple[int, ...], classes: int) -> TensorData:
    """What an input of this kind may hold."""
    match item.holds:
        case "probability":
            return draw(_picked(shape, st.integers(2, 98).map(lambda k: k / 100)))
        case "log_probability":
            made = draw(_reals("prediction", shape, 0, 30))
            return _data(made.shape, [-value for value in made.values])
        case "binary":
            return draw(_picked(shape, st.sampled_from([0.0, 1.0, 0.0, 1.0, 0.3])))
        case "sign":
            return draw(_picked(shape, st.sampled_from([1.0, -1.0])))
        case "count":
            return draw(_picked(shape, st.integers(0, 9).map(float)))
        case "positive":
            return draw(_picked(shape, st.integers(1, 30).map(lambda k: k / 10)))
        case "class":
            return draw(_picked(shape, st.integers(0, classes - 1).map(float)))
        case "classes":
            rows = []
            for _ in range(shape[0] if len(shape) == 2 else 1):
                true = draw(st.lists(st.integers(0, classes - 1), unique=True, max_size=classes))
                rows += true + [-1] * (classes - len(true))
            return _data(shape, rows)
    return draw(_reals(item.role, shape))


@st.composite
def _arguments(draw: st.DrawFn, entry: Loss) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in entry.arguments:
        match name:
            case "delta":
                found[name] = draw(st.sampled_from([0.25, 1.0, 2.05]))
            case "beta":
                found[name] = draw(st.sampled_from([0.0, 0.25, 1.0, 2.05]))
            case "margin":
                near = {"TripletMarginLoss": [0.3, 1.0, 4.0], "TripletMarginWithDistanceLoss": [0.3, 1.0, 4.0],
                        "CosineEmbeddingLoss": [-0.5, 0.0, 0.4]}
                found[name] = draw(st.sampled_from(near.get(entry.name, [-0.5, 0.0, 1.0, 2.5])))
            case "p":
                found[name] = draw(st.sampled_from([1.0, 2.0] if entry.name == "MultiMarginLoss" else [1.0, 2.0, 3.0]))
            case "label_smoothing":
                found[name] = draw(st.sampled_from([0.0, 0.0, 0.1, 0.5]))
            case "ignore_index":
                found[name] = draw(st.sampled_from([-100, 0]))
            case "distance":
                found[name] = draw(st.sampled_from(["pairwise", "manhattan", "cosine"]))
            case "log_input" | "log_target" | "full" | "swap" | "head_bias" | "zero_infinity":
                found[name] = draw(st.booleans())
            case "n_classes":
                found[name] = _LAYER_CLASSES
            case "cutoffs":
                found[name] = draw(st.sampled_from(["2", "2,4", "1,3,5"]))
            case "blank":
                found[name] = draw(st.integers(0, 1))
    return found


@st.composite
def setups(draw: st.DrawFn, name: str) -> Setup:
    """A valid setup of this loss in float64, vectors and batches, every argument; the reduction is torch's default."""
    entry = loss(name)
    chosen = draw(_arguments(entry))
    values = chosen | draw(_sequence(chosen["blank"]) if entry.layout == "sequence" else _tensors(entry, chosen))
    state = LossesState().changed(loss=name).changed(**values, dtype="float64", seed=draw(st.integers(0, 3)))
    return setup_of(state)


@st.composite
def _tensors(draw: st.DrawFn, entry: Loss, chosen: dict[str, Any]) -> dict[str, Any]:
    rows, columns = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    only_vectors = entry.inputs[0].shape.startswith("()")
    if entry.layout == "features":
        shape: tuple[int, ...] = (rows, 4)
    else:
        shape = (columns,) if only_vectors or draw(st.booleans()) else (rows, columns)
    classes = chosen.get("n_classes", columns)
    values: dict[str, Any] = {}
    for item in entry.inputs:
        whole = item.holds in ("class", "sign") and entry.layout in ("classes", "rows", "features")
        size = ((shape[0],) if len(shape) == 2 else (1,)) if whole else shape
        if item.holds == "class_or_probability":
            indices = draw(st.booleans()) or chosen["ignore_index"] >= 0
            values["target_as"] = "indices" if indices else "probabilities"
            made = (shape[0],) if len(shape) == 2 else (1,)
            kind = st.integers(0, classes - 1).map(float) if indices else st.integers(0, 10).map(lambda k: k / 10)
            values[item.role] = draw(_picked(made if indices else shape, kind))
            continue
        values[item.role] = draw(_contents(item, size, classes))
    if chosen.get("log_target"):
        values["target"] = _data(shape, [np.log(max(value, 0.02)) for value in values["target"].values])
    if chosen.get("log_input") is False:
        values["prediction"] = draw(_reals("prediction", shape, 1, 30))
    if entry.name == "GaussianNLLLoss" and len(shape) == 2 and draw(st.booleans()):
        values["second"] = _data(shape[:1], values["second"].values[: shape[0]])
    for weight in entry.weights:
        if draw(st.booleans()):
            wide = shape if entry.layout == "elements" and weight == "weight" else (classes if entry.layer else shape[-1],)
            values[weight] = draw(_picked(wide, st.integers(1, 30).map(lambda k: k / 10)))
    return values


@st.composite
def _sequence(draw: st.DrawFn, blank: int) -> dict[str, Any]:
    """Log-probabilities that are ones: torch takes them as coming from log_softmax."""
    length, classes = draw(st.integers(1, 4)), 3
    logits = np.array(draw(_reals("prediction", (length, classes))).values).reshape(length, classes)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    symbols = draw(st.lists(st.sampled_from([c for c in range(classes) if c != blank]), min_size=1, max_size=2))
    return {
        "prediction": TensorData((length, classes), tuple(float(value) for value in logs.reshape(-1))),
        "target": _data((len(symbols),), symbols), "second": _data((1,), [draw(st.integers(1, length))]),
        "third": _data((1,), [len(symbols)]),
    }


def numpy_of(built: Built) -> tuple[dict[str, Any], dict[str, Any]]:
    """The inputs by role and the arguments of a setup as the references take them; weights of a layer are copied from it."""
    setup = built.setup
    entry, prediction = setup.entry, setup.inputs[0].data
    inputs: dict[str, Any] = {}
    for item, given in zip(entry.inputs, setup.inputs, strict=True):
        whole = item.holds in ("class", "classes", "symbols", "length") or (
            item.holds == "class_or_probability" and setup.target_as == "indices")
        array = np.array(given.data.values, dtype=np.int64 if whole else np.float64).reshape(given.data.shape)
        one = entry.layout in ("classes", "rows") and len(prediction.shape) == 1 and (
            item.holds in ("class", "sign") or (item.holds == "class_or_probability" and whole))
        inputs[item.role] = array[0] if one or item.holds == "length" else array
    arguments = {
        name: np.array(value.values).reshape(value.shape) if isinstance(value, TensorData) else value
        for name, value in setup.values
    }
    module: Any = built.module
    if setup.name == "LinearCrossEntropyLoss":
        arguments["layer"] = module.linear.weight.detach().numpy()
    if setup.name == "AdaptiveLogSoftmaxWithLoss":
        arguments["head"] = module.head.weight.detach().numpy()
        arguments["tails"] = [(tail[0].weight.detach().numpy(), tail[1].weight.detach().numpy()) for tail in module.tail]
        arguments["limits"] = module.cutoffs
        if module.head.bias is not None:
            arguments["bias"] = module.head.bias.detach().numpy()
    return inputs, arguments
