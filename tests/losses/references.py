"""Every loss of the catalogue in plain numpy and scipy, from the formula that the PyTorch documentation gives. Never torch.

A reference takes the inputs by role, the arguments by name and returns the terms (what ``reduction="none"`` gives), in
float64; :func:`reduced` makes a number of them. Shapes are those of the documentation.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_expit, log_softmax, xlogy

Floats = NDArray[np.float64]
Inputs = Mapping[str, Any]
Arguments = Mapping[str, Any]
#: Where the target's index says which weight a row has, and which rows do not count.
_INDEXED = ("CrossEntropyLoss", "NLLLoss", "LinearCrossEntropyLoss")


def mse(inputs: Inputs, arguments: Arguments) -> Floats:
    return np.square(inputs["prediction"] - inputs["target"])


def l1(inputs: Inputs, arguments: Arguments) -> Floats:
    return np.abs(inputs["prediction"] - inputs["target"])


def huber(inputs: Inputs, arguments: Arguments) -> Floats:
    error, delta = np.abs(inputs["prediction"] - inputs["target"]), arguments["delta"]
    return np.where(error < delta, 0.5 * error**2, delta * (error - 0.5 * delta))


def smooth_l1(inputs: Inputs, arguments: Arguments) -> Floats:
    error, beta = np.abs(inputs["prediction"] - inputs["target"]), arguments["beta"]
    if beta == 0:
        return error
    return np.where(error < beta, 0.5 * error**2 / beta, error - 0.5 * beta)


def kl_div(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = inputs["prediction"], inputs["target"]
    if arguments["log_target"]:
        return np.exp(y) * (y - x)
    return xlogy(y, y) - y * x


def poisson(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = inputs["prediction"], inputs["target"]
    loss = np.exp(x) - y * x if arguments["log_input"] else x - y * np.log(x + arguments["eps"])
    if arguments["full"]:
        safe = np.where(y > 1, y, 1.0)
        loss = loss + np.where(y > 1, safe * np.log(safe) - safe + 0.5 * np.log(2 * np.pi * safe), 0.0)
    return loss


def gaussian(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = inputs["prediction"], inputs["target"]
    var = np.maximum(inputs["second"], arguments["eps"])
    if var.ndim == x.ndim - 1:
        var = var[..., None]
    loss = 0.5 * (np.log(var) + (x - y) ** 2 / var)
    return loss + 0.5 * math.log(2 * math.pi) if arguments["full"] else loss


def bce(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = inputs["prediction"], inputs["target"]
    with np.errstate(divide="ignore"):
        loss = -(y * np.maximum(np.log(x), -100) + (1 - y) * np.maximum(np.log1p(-x), -100))
    return loss if arguments.get("weight") is None else loss * arguments["weight"]


def bce_with_logits(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = inputs["prediction"], inputs["target"]
    positive = 1.0 if arguments.get("pos_weight") is None else arguments["pos_weight"]
    loss = -(positive * y * log_expit(x) + (1 - y) * log_expit(-x))
    return loss if arguments.get("weight") is None else loss * arguments["weight"]


def hinge_embedding(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = inputs["prediction"], inputs["target"]
    return np.where(y == 1, x, np.maximum(0, arguments["margin"] - x))


def margin_ranking(inputs: Inputs, arguments: Arguments) -> Floats:
    return np.maximum(0, -inputs["target"] * (inputs["prediction"] - inputs["second"]) + arguments["margin"])


def soft_margin(inputs: Inputs, arguments: Arguments) -> Floats:
    return np.logaddexp(0, -inputs["target"] * inputs["prediction"])


def _cosines(a: Floats, b: Floats, tiny: float = 0.0) -> Floats:
    return (a * b).sum(-1) / np.sqrt(((a * a).sum(-1) + tiny) * ((b * b).sum(-1) + tiny))


def cosine_embedding(inputs: Inputs, arguments: Arguments) -> Floats:
    # The documentation does not say so, but torch adds this to both squared norms: nothing is divided by zero.
    cosines = _cosines(inputs["prediction"], inputs["second"], 1e-12)
    return np.where(inputs["target"] == 1, 1 - cosines, np.maximum(0, cosines - arguments["margin"]))


def _triplet(inputs: Inputs, arguments: Arguments, distance: Callable[[Floats, Floats], Floats]) -> Floats:
    anchor, positive, negative = inputs["prediction"], inputs["second"], inputs["third"]
    far = distance(anchor, negative)
    if arguments["swap"]:
        far = np.minimum(far, distance(positive, negative))
    return np.maximum(0, distance(anchor, positive) - far + arguments["margin"])


def triplet(inputs: Inputs, arguments: Arguments) -> Floats:
    p, eps = arguments["p"], arguments["eps"]
    return _triplet(inputs, arguments, lambda a, b: (np.abs(a - b + eps) ** p).sum(-1) ** (1 / p))


def triplet_with_distance(inputs: Inputs, arguments: Arguments) -> Floats:
    distances: dict[str, Callable[[Floats, Floats], Floats]] = {
        "pairwise": lambda a, b: np.linalg.norm(a - b + 1e-6, axis=-1),
        "manhattan": lambda a, b: np.abs(a - b).sum(-1),
        "cosine": lambda a, b: 1 - _cosines(a, b),
    }
    return _triplet(inputs, arguments, distances[arguments["distance"]])


def multilabel_margin(inputs: Inputs, arguments: Arguments) -> Floats:
    scores, targets = np.atleast_2d(inputs["prediction"]), np.atleast_2d(inputs["target"])
    losses = []
    for row, target in zip(scores, targets, strict=True):
        true = [int(label) for label in itertools.takewhile(lambda label: label >= 0, target)]
        others = [i for i in range(len(row)) if i not in true]
        losses.append(sum(max(0.0, 1 - (row[j] - row[i])) for j in true for i in others) / len(row))
    return np.array(losses).reshape(inputs["prediction"].shape[:-1])


def multilabel_soft_margin(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = inputs["prediction"], inputs["target"]
    loss = -(y * log_expit(x) + (1 - y) * log_expit(-x))
    if arguments.get("weight") is not None:
        loss = loss * arguments["weight"]
    return loss.mean(-1)


def multi_margin(inputs: Inputs, arguments: Arguments) -> Floats:
    scores, targets = np.atleast_2d(inputs["prediction"]), np.atleast_1d(inputs["target"])
    losses = []
    for row, y in zip(scores, targets, strict=True):
        weight = 1.0 if arguments.get("weight") is None else arguments["weight"][y]
        hinges = [max(0.0, arguments["margin"] - row[y] + row[i]) ** arguments["p"] for i in range(len(row)) if i != y]
        losses.append(weight * sum(hinges) / len(row))
    return np.array(losses).reshape(inputs["prediction"].shape[:-1])


def _cross_entropy(logits: Floats, target: Any, arguments: Arguments) -> Floats:
    """Of rows of logits, shape (N, C), and indices (N) or weights (N, C)."""
    count = logits.shape[1]
    logs = log_softmax(logits, axis=1)
    weight = np.ones(count) if arguments.get("weight") is None else arguments["weight"]
    smoothing = arguments.get("label_smoothing", 0.0)
    losses = []
    for row, y in zip(logs, target, strict=True):
        if np.ndim(y) == 0:
            if y == arguments.get("ignore_index", -100):
                losses.append(0.0)
                continue
            q = np.eye(count)[y]
        else:
            q = y
        q = (1 - smoothing) * q + smoothing / count
        losses.append(-(weight * q * row).sum())
    return np.array(losses)


def cross_entropy(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = inputs["prediction"], inputs["target"]
    if x.ndim == 1:
        return _cross_entropy(x[None], y[None] if np.ndim(y) else np.array([y]), arguments).reshape(())
    return _cross_entropy(x, y, arguments)


def linear_cross_entropy(inputs: Inputs, arguments: Arguments) -> Floats:
    """``arguments["layer"]`` is the weight of the layer, shape (C, in_features)."""
    return _cross_entropy(inputs["prediction"] @ arguments["layer"].T, inputs["target"], arguments)


def nll(inputs: Inputs, arguments: Arguments) -> Floats:
    x, y = np.atleast_2d(inputs["prediction"]), np.atleast_1d(inputs["target"])
    weight = np.ones(x.shape[1]) if arguments.get("weight") is None else arguments["weight"]
    losses = [0.0 if c == arguments["ignore_index"] else -weight[c] * row[c] for row, c in zip(x, y, strict=True)]
    return np.array(losses).reshape(inputs["prediction"].shape[:-1])


def merged(path: Sequence[int], blank: int) -> tuple[int, ...]:
    """What an alignment becomes: repeats merged, then blanks removed."""
    return tuple(symbol for symbol, _ in itertools.groupby(path) if symbol != blank)


def alignments(target: Sequence[int], length: int, classes: int, blank: int) -> list[tuple[int, ...]]:
    """Every alignment, found by trying all sequences."""
    return [path for path in itertools.product(range(classes), repeat=length) if merged(path, blank) == tuple(target)]


def ctc(inputs: Inputs, arguments: Arguments) -> Floats:
    """By trying every sequence of symbols: for short inputs only."""
    logs, length, count = inputs["prediction"], int(inputs["second"]), int(inputs["third"])
    target = [int(symbol) for symbol in inputs["target"][:count]]
    total = sum(
        math.exp(sum(logs[t, symbol] for t, symbol in enumerate(path)))
        for path in alignments(target, length, logs.shape[1], arguments["blank"])
    )
    if total == 0:
        return np.array(0.0 if arguments["zero_infinity"] else math.inf)
    return np.array(-math.log(total))


def adaptive(inputs: Inputs, arguments: Arguments) -> Floats:
    """``arguments["head"]`` and ``["tails"]`` (pairs) are the weights, ``["limits"]`` the cutoffs and the number of classes."""
    head, tails, limits = arguments["head"], arguments["tails"], arguments["limits"]
    bias = arguments.get("bias", 0.0)
    losses = []
    for row, y in zip(inputs["prediction"], inputs["target"], strict=True):
        above = log_softmax(head @ row + bias)
        cluster = int(np.searchsorted(limits, y, side="right"))
        if cluster == 0:
            losses.append(-above[y])
        else:
            down, up = tails[cluster - 1]
            losses.append(-above[limits[0] + cluster - 1] - log_softmax(up @ (down @ row))[y - limits[cluster - 1]])
    return np.array(losses)


REFERENCES: Mapping[str, Callable[[Inputs, Arguments], Floats]] = {
    "MSELoss": mse, "CrossEntropyLoss": cross_entropy, "NLLLoss": nll, "BCELoss": bce, "L1Loss": l1,
    "BCEWithLogitsLoss": bce_with_logits, "HuberLoss": huber, "SmoothL1Loss": smooth_l1, "KLDivLoss": kl_div,
    "PoissonNLLLoss": poisson, "GaussianNLLLoss": gaussian, "HingeEmbeddingLoss": hinge_embedding,
    "CosineEmbeddingLoss": cosine_embedding, "MarginRankingLoss": margin_ranking, "SoftMarginLoss": soft_margin,
    "MultiLabelMarginLoss": multilabel_margin, "MultiLabelSoftMarginLoss": multilabel_soft_margin,
    "MultiMarginLoss": multi_margin, "TripletMarginLoss": triplet, "TripletMarginWithDistanceLoss": triplet_with_distance,
    "CTCLoss": ctc, "AdaptiveLogSoftmaxWithLoss": adaptive, "LinearCrossEntropyLoss": linear_cross_entropy,
}


def terms(name: str, inputs: Inputs, arguments: Arguments) -> Floats:
    """What ``reduction="none"`` returns."""
    return np.asarray(REFERENCES[name](inputs, arguments), dtype=np.float64)


def reduced(name: str, reduction: str, inputs: Inputs, arguments: Arguments) -> Floats:
    """The loss, shape () but for ``reduction="none"``."""
    each = terms(name, inputs, arguments)
    match reduction:
        case "none":
            return each
        case "sum":
            return np.asarray(each.sum())
        case "batchmean":
            return np.asarray(each.sum() / inputs["prediction"].shape[0])
    if name == "CTCLoss":
        return np.asarray(each / max(1, int(inputs["third"])))
    target = np.atleast_1d(inputs.get("target", 0))
    if name in _INDEXED and target.dtype.kind == "i":
        counted = target[target != arguments.get("ignore_index", -100)]
        weight = arguments.get("weight")
        total = float(len(counted)) if weight is None else float(np.sum(weight[counted]))
        return np.asarray(np.divide(each.sum(), total))
    return np.asarray(each.mean())
