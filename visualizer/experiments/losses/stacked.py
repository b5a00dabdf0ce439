"""Many versions of one tensor through the loss in a single call: one long batch, whose rows torch treats one by one anyway."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from torch import Tensor

from visualizer.base.tensors import TensorData
from visualizer.experiments.losses.evaluation import Built, made_of

#: Losses whose mean over class indices is weighted: by the classes' weights, and without the rows that are ignored.
_WEIGHTED = ("CrossEntropyLoss", "NLLLoss", "LinearCrossEntropyLoss")


@dataclasses.dataclass(frozen=True, eq=False)
class Stacked:
    """The loss of many versions of one tensor, all else fixed, by one call of torch's loss with ``reduction="none"``.

    What a row (or an element) contributes does not depend on the others. So G versions of a batch of N rows are laid out as a
    batch of G N rows, and what they contribute is then reduced version by version, as the loss itself would.

    Attributes:
        built: the loss.
        fixed: its tensors as they are, by role.
        role: the tensor of which there are versions.
        count: how many contributions one version has.
        share: by what their sum is divided, a tensor of shape (), of the dtype of the loss; None: the loss is their plain mean
            (in a short dtype a sum may overflow where torch's mean does not).
    """

    built: Built
    fixed: Mapping[str, Tensor]
    role: str
    count: int
    share: Tensor | None

    @classmethod
    def of(cls, built: Built, fixed: Mapping[str, Tensor], role: str) -> Stacked | None:
        """None: the shapes differ in a way that no longer batch has (such as one that is broadcast).

        Raises:
            UserError: torch refuses the tensors.
        """
        if not _fits(built, fixed):
            return None
        each = built.contributions(fixed)
        return cls(built, fixed, role, each.numel(), _share(built, fixed, each))

    def losses(self, versions: Tensor) -> Tensor:
        """The loss of every version, shape ``(G, *tensor)`` -> ``(G,)``.

        Raises:
            UserError: torch refuses one of them.
            ValueError: the loss does not give as many contributions as that many versions have.
        """
        number = len(versions)
        laid = {name: self._laid(versions if name == self.role else tensor.expand(number, *tensor.shape))
                for name, tensor in self.fixed.items()}
        each = self.built.contributions(laid)
        if each.numel() != number * self.count:
            raise ValueError(f"{each.numel()} contributions of {number} versions with {self.count} each")
        rows = each.reshape(number, self.count)
        return rows.mean(1) if self.share is None else rows.sum(1) / self.share

    def _laid(self, versions: Tensor) -> Tensor:
        layout, prediction = self.built.setup.entry.layout, self.fixed["prediction"]
        if layout == "sequence" and versions.dim() == 3:  # CTCLoss wants time first, then the batch
            return versions.transpose(0, 1)
        if layout in ("elements", "sequence") or prediction.dim() == 1:
            return versions
        return versions.reshape(-1, *versions.shape[2:])


def _fits(built: Built, fixed: Mapping[str, Tensor]) -> bool:
    prediction, rest = fixed["prediction"], list(fixed.values())[1:]
    match built.setup.entry.layout:
        case "elements":
            shape = prediction.shape
            allowed = {shape, shape[:-1], (*shape[:-1], 1)} if built.setup.name == "GaussianNLLLoss" else {shape}
            return fixed["target"].shape == shape and all(tensor.shape in allowed for tensor in rest)
        case "sequence":
            return prediction.dim() == 2 and [tensor.dim() for tensor in rest] == [1, 0, 0]
        case _:
            return prediction.dim() == 1 or all(tensor.shape[:1] == prediction.shape[:1] for tensor in rest)


def _share(built: Built, fixed: Mapping[str, Tensor], each: Tensor) -> Tensor | None:
    """What the sum of the contributions is divided by, as the pages of the losses in the PyTorch documentation say."""
    setup = built.setup
    one = each.new_ones(())
    if setup.reduction in ("sum", "none"):
        return one
    if setup.reduction == "batchmean":
        return one * fixed["prediction"].shape[0]
    target = fixed.get("target")
    if setup.name in _WEIGHTED and target is not None and not target.is_floating_point():
        counted = target[target != setup.arguments.get("ignore_index", -100)]
        weight = setup.arguments.get("weight")
        return made_of(weight, each.dtype)[counted].sum() if isinstance(weight, TensorData) else one * counted.numel()
    if setup.name == "CTCLoss":
        return one * fixed["third"].clamp(min=1)
    return None
