r"""Two ways to compute one loss that are equal on paper, and what float32 makes of them when a logit is large.

Cross entropy is log-softmax and negative log likelihood. The naive way takes the softmax first and then its logarithm: the
probability of the true class underflows to 0 and its logarithm is minus infinite. log_softmax subtracts the largest logit and
takes no logarithm of a small number: :math:`x_y - m - \log \sum_c e^{x_c - m}`. Binary cross entropy from logits is sigmoid and
binary cross entropy; the sigmoid rounds to 1, and torch takes -100 for the logarithm of 1 - 1. The stable way is
:math:`\max(x, 0) - x y + \log(1 + e^{-|x|})`.

The reference is the stable formula in float64, whose own rounding is nine digits below that of float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from visualizer.experiments.losses.evaluation import Built
from visualizer.experiments.losses.finite_differences import Floats
from visualizer.experiments.losses.requests import Setup
from visualizer.figures.model import readonly

CLASSES, BINARY = ("CrossEntropyLoss", "NLLLoss"), ("BCEWithLogitsLoss", "BCELoss")
_POINTS = 241


@dataclass(frozen=True, eq=False)
class Growth:
    """Three computations of one loss while one logit grows; arrays of one length.

    Attributes:
        names: of the naive way, of the way in two stable steps (empty if there is none), and of the one loss.
        logits: the logit that grows.
        row: the other logits of its row, with the growing one at its largest (a single one for two classes).
        grows: index of the growing logit in its row.
        true: class of the row; for two classes the label.
        exact: the loss in float64, by the stable formula.
        naive, stable, one: the loss in float32; ``naive`` may be infinite.
    """

    names: tuple[str, str, str]
    logits: Floats
    row: tuple[float, ...]
    grows: int
    true: int
    exact: Floats
    naive: Floats
    stable: Floats
    one: Floats

    @property
    def lost(self) -> float:
        """The smallest logit from which the naive way is wrong by more than 1 % (and 0.001); NaN if it never is."""
        with np.errstate(invalid="ignore"):
            wrong = ~(np.abs(self.naive - self.exact) <= np.maximum(1e-3, 0.01 * np.abs(self.exact)))
        return float(self.logits[np.argmax(wrong)]) if wrong.any() else float("nan")

    @property
    def infinite(self) -> float:
        """The smallest logit at which the naive way is infinite; NaN if it never is."""
        broken = ~np.isfinite(self.naive)
        return float(self.logits[np.argmax(broken)]) if broken.any() else float("nan")


@dataclass(frozen=True)
class Way:
    """One way to compute the loss of these tensors: its value in the chosen dtype and in float64."""

    name: str
    value: float
    wide: float


def growth(setup: Setup, wide: Built, moved: str, element: int, largest: float) -> Growth | None:
    """The comparison for this loss; None if it is not computed from logits or has no row with two classes."""
    logits = torch.linspace(0.0, largest, _POINTS, dtype=torch.float64)
    if setup.name in BINARY:
        return _binary(logits)
    if setup.name not in CLASSES:
        return None
    prediction = wide.leaves["prediction"].detach()
    if not prediction.numel() or prediction.shape[-1] < 2:
        return None
    rows = prediction.reshape(-1, prediction.shape[-1])
    chosen = element if moved == "prediction" and element < prediction.numel() else 0
    row, column = divmod(chosen, rows.shape[1])
    target = wide.leaves["target"].detach()
    true = (int(target.reshape(-1)[row]) if not target.is_floating_point() else int(target.reshape(rows.shape)[row].argmax()))
    true = true if 0 <= true < rows.shape[1] else 0
    if column == true:  # a right class that grows makes the loss vanish; a wrong one shows what is lost
        column = (true + 1) % rows.shape[1]
    others = torch.nan_to_num(rows[row].clamp(-50.0, 50.0))
    return _classes(logits, others, column, true)


def _classes(logits: Tensor, others: Tensor, grows: int, true: int) -> Growth:
    table = others.repeat(logits.numel(), 1)
    table[:, grows] = logits
    index = torch.full((logits.numel(),), true)
    narrow = table.to(torch.float32)
    wide = narrow.to(torch.float64)  # the very same logits
    nll, entropy = functional.nll_loss, functional.cross_entropy
    naive = nll(torch.log(torch.softmax(narrow, dim=1)), index, reduction="none")
    stable = nll(torch.log_softmax(narrow, dim=1), index, reduction="none")
    one = entropy(narrow, index, reduction="none")
    exact = torch.logsumexp(wide, dim=1) - wide[:, true]
    return Growth(("log(softmax) + NLLLoss", "log_softmax + NLLLoss", "CrossEntropyLoss"), readonly(wide[:, grows].numpy().copy()),
                  tuple(wide[-1].tolist()), grows, true, *(readonly(part.double().numpy()) for part in (exact, naive, stable, one)))


def _binary(logits: Tensor) -> Growth:
    narrow = logits.to(torch.float32)
    wide = narrow.to(torch.float64)
    target = torch.zeros_like(narrow)
    naive = functional.binary_cross_entropy(torch.sigmoid(narrow), target, reduction="none")
    one = functional.binary_cross_entropy_with_logits(narrow, target, reduction="none")
    exact = wide.clamp(min=0.0) + torch.log1p(torch.exp(-wide.abs()))
    return Growth(("sigmoid + BCELoss", "", "BCEWithLogitsLoss"), readonly(wide.numpy().copy()), (float(wide[-1]),), 0, 0,
                  *(readonly(part.double().numpy()) for part in (exact, naive, one, one)))


def ways(setup: Setup, own: Built, wide: Built) -> tuple[tuple[Way, ...], str]:
    """The loss of these very tensors, computed in two or three ways, in the setup's dtype and in float64.

    Returns:
        The ways, torch's loss first, and a sentence why there is no other way (then the ways are empty).
    """
    if setup.name not in CLASSES + BINARY:
        return (), "This loss has no second way in torch that is equal on paper."
    if setup.arguments.get("label_smoothing"):
        return (), "NLLLoss knows no label smoothing, so there is no second way with it."
    if setup.arguments.get("pos_weight") is not None:
        return (), "BCELoss knows no pos_weight, so there is no second way with it."
    if setup.name == "BCEWithLogitsLoss" and not bool(((wide.leaves["target"] >= 0) & (wide.leaves["target"] <= 1)).all()):
        return (), "BCELoss takes only targets from 0 to 1, so there is no second way with these."
    if setup.name == "BCEWithLogitsLoss" and bool(wide.leaves["prediction"].isnan().any()):
        return (), "The sigmoid of NaN is no probability, and BCELoss takes nothing else, so there is no second way with it."
    found = []
    with torch.no_grad():
        for name in _NAMES[setup.name]:
            found.append(Way(name, _value(setup, own, name), _value(setup, wide, name)))
    return tuple(found), ""


_NAMES = {
    "CrossEntropyLoss": ("CrossEntropyLoss", "log_softmax + NLLLoss", "log(softmax) + NLLLoss"),
    "NLLLoss": ("NLLLoss", "CrossEntropyLoss of the same numbers"),
    "BCEWithLogitsLoss": ("BCEWithLogitsLoss", "sigmoid + BCELoss"),
    "BCELoss": ("BCELoss", "BCEWithLogitsLoss of log(p / (1 \u2212 p))"),
}


def _value(setup: Setup, built: Built, name: str) -> float:
    x, y = built.leaves["prediction"].detach(), built.leaves["target"].detach()
    weight = getattr(built.module, "weight", None)
    mode = setup.reduction
    match name:
        case "log_softmax + NLLLoss" | "log(softmax) + NLLLoss":
            logs = torch.log_softmax(x, dim=-1) if name.startswith("log_") else torch.log(torch.softmax(x, dim=-1))
            found = _likelihood(setup, logs, y, weight)
        case "CrossEntropyLoss of the same numbers":
            found = functional.cross_entropy(x, y, weight, ignore_index=setup.arguments["ignore_index"], reduction=mode)
        case "sigmoid + BCELoss":
            found = functional.binary_cross_entropy(torch.sigmoid(x), y, weight, reduction=mode)
        case _ if name.startswith("BCEWithLogitsLoss of"):
            found = functional.binary_cross_entropy_with_logits(torch.log(x / (1 - x)), y, weight, reduction=mode)
        case _:
            found = built.scalar()
    return float(found.sum())


def _likelihood(setup: Setup, logs: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """Negative log likelihood; of class probabilities their weighted sum, which NLLLoss itself does not take."""
    if not target.is_floating_point():
        return functional.nll_loss(logs, target, weight, ignore_index=setup.arguments["ignore_index"], reduction=setup.reduction)
    found: Tensor = -(logs * target * (1.0 if weight is None else weight)).sum(-1)
    return found.mean() if setup.reduction == "mean" else found.sum()
