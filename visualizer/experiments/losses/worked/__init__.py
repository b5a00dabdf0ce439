"""Every loss worked out with the numbers of a run: its terms, the reduction, the slope, and what is worth a word.

To add a loss is its entry in :mod:`visualizer.components.losses` and one function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from visualizer.experiments.losses.evaluation import Built
from visualizer.experiments.losses.worked.binary import (
    bce,
    bce_with_logits,
    hinge_embedding,
    margin_ranking,
    multilabel_margin,
    multilabel_soft_margin,
    soft_margin,
)
from visualizer.experiments.losses.worked.case import Case, assembled, broadcast, case_of
from visualizer.experiments.losses.worked.classes import cross_entropy, linear_cross_entropy, multi_margin, nll
from visualizer.experiments.losses.worked.parts import Parts, Worked
from visualizer.experiments.losses.worked.regression import gaussian, huber, kl_div, l1, mse, poisson, smooth_l1
from visualizer.experiments.losses.worked.rows import cosine_embedding, triplet, triplet_with_distance
from visualizer.experiments.losses.worked.structured import adaptive, ctc
from visualizer.experiments.losses.worked.writing import Floats, num

#: What each class of ``torch.nn`` says about its own terms.
PARTS: Mapping[str, Callable[[Case], Parts]] = MappingProxyType({
    "MSELoss": mse,
    "CrossEntropyLoss": cross_entropy,
    "NLLLoss": nll,
    "BCELoss": bce,
    "L1Loss": l1,
    "BCEWithLogitsLoss": bce_with_logits,
    "HuberLoss": huber,
    "SmoothL1Loss": smooth_l1,
    "KLDivLoss": kl_div,
    "PoissonNLLLoss": poisson,
    "GaussianNLLLoss": gaussian,
    "HingeEmbeddingLoss": hinge_embedding,
    "CosineEmbeddingLoss": cosine_embedding,
    "MarginRankingLoss": margin_ranking,
    "SoftMarginLoss": soft_margin,
    "MultiLabelMarginLoss": multilabel_margin,
    "MultiLabelSoftMarginLoss": multilabel_soft_margin,
    "MultiMarginLoss": multi_margin,
    "TripletMarginLoss": triplet,
    "TripletMarginWithDistanceLoss": triplet_with_distance,
    "CTCLoss": ctc,
    "AdaptiveLogSoftmaxWithLoss": adaptive,
    "LinearCrossEntropyLoss": linear_cross_entropy,
})

__all__ = ["PARTS", "Worked", "worked_of"]


def worked_of(
    built: Built, loss: float, contributions: Floats, gradient: Mapping[str, Floats | None], element: int = 0
) -> Worked:
    """The loss worked out.

    Args:
        built: the tensors and the loss, as torch took them.
        loss: what torch returned; with ``reduction="none"`` the sum of all.
        contributions: what ``reduction="none"`` returns, in its shape.
        gradient: of the loss by role; None where torch computes none.
        element: the flat index of the element of the prediction whose slope is worked out; the last one, if there are fewer.
    """
    case = case_of(built, loss, contributions, gradient.get("prediction"), element)
    if not case.terms.size or not case.inputs["prediction"].size:
        note = "There are no elements; the mean of nothing is 0 / 0." if case.reduction != "sum" else "There are no elements."
        return Worked((), (f"L = {num(loss)}",), (), (note,))
    with np.errstate(all="ignore"):
        return assembled(case, parts_of(case))


def parts_of(case: Case) -> Parts:
    """What the loss of the run says about its terms."""
    return broadcast(case) if case.mixed else PARTS[case.entry.name](case)
