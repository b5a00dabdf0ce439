"""A loss with its tensors, made real: the leaves, torch's own module, the loss, what every element contributes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from visualizer.base.errors import UserError
from visualizer.base.tensors import TensorData
from visualizer.components.losses import WHOLE, Input
from visualizer.experiments.losses.diagnosis import diagnosed, refuse_contents
from visualizer.experiments.losses.requests import Setup

#: How ``distance_function`` is written, for each option of the parameter ``distance``.
DISTANCE_CODE = {
    "manhattan": "lambda a, b: (a - b).abs().sum(-1)",
    "cosine": "lambda a, b: 1 - nn.functional.cosine_similarity(a, b, dim=-1)",
}


def manhattan(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs().sum(-1)


def cosine(a: Tensor, b: Tensor) -> Tensor:
    return 1 - torch.nn.functional.cosine_similarity(a, b, dim=-1)


DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"manhattan": manhattan, "cosine": cosine}


@dataclass(frozen=True, eq=False)
class Built:
    """What a setup becomes in torch.

    Attributes:
        setup: what was asked for.
        leaves: the input tensors by role, in the order of ``forward``; those with requires_grad are leaves of the graph.
        module: torch's loss with the chosen reduction.
        each: the same loss with ``reduction="none"`` (for a layer that takes none: the same module).
        warnings: what torch warned of so far, without repeats.
    """

    setup: Setup
    leaves: Mapping[str, Tensor]
    module: torch.nn.Module
    each: torch.nn.Module
    warnings: list[str]

    def loss(self, tensors: Mapping[str, Tensor] | None = None) -> Tensor:
        """The loss of these tensors (of the leaves, if none are given); shape () but for ``reduction="none"``.

        Raises:
            UserError: torch refuses them; the sentence says what to change, the details have torch's own message.
        """
        found = self._called(self.module, tensors)
        return found if isinstance(found, Tensor) else found[1]

    def contributions(self, tensors: Mapping[str, Tensor] | None = None) -> Tensor:
        """What ``reduction="none"`` returns: the loss of every element, or of every row.

        Raises:
            UserError: as :meth:`loss`.
        """
        found = self._called(self.each, tensors)
        return found if isinstance(found, Tensor) else -found[0]

    def _called(self, module: torch.nn.Module, tensors: Mapping[str, Tensor] | None) -> Tensor | tuple[Tensor, Tensor]:
        """A tensor; from AdaptiveLogSoftmaxWithLoss the logarithms of the targets' probabilities, and their loss."""
        given = list((self.leaves if tensors is None else tensors).values())
        with heard(self.warnings):
            try:
                found: Any = module(*given)
            except Exception as error:
                raise diagnosed(self.setup, error) from error
        return found if isinstance(found, Tensor) else (found[0], found[1])

    def scalar(self, tensors: Mapping[str, Tensor] | None = None) -> Tensor:
        """The number that backward starts from: the loss, or with ``reduction="none"`` the sum of all."""
        found = self.loss(tensors)
        return found if found.dim() == 0 else found.sum()


def leads_somewhere(built: Built) -> bool:
    """Whether backward finds a function to start from; also where torch refuses the tensors, which running them shows."""
    try:
        return built.loss().requires_grad
    except UserError:
        return True


@contextmanager
def heard(said: list[str]) -> Iterator[None]:
    """Collects what torch warns of within."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        text = str(warning.message).strip()
        if text not in said:
            said.append(text)


def build(setup: Setup, dtype: str = "") -> Built:
    """The tensors and the loss of a setup, on the CPU.

    Args:
        setup: what is asked for.
        dtype: in place of the setup's, for a check in float64.

    Raises:
        UserError: a tensor holds what its dtype cannot, or torch refuses an argument.
    """
    kind = dtype or setup.dtype
    entry = setup.entry
    refuse_contents(setup)
    leaves = {}
    for item, given in zip(entry.inputs, setup.inputs, strict=True):
        made = made_of(given.data, dtype_of(setup, item, kind))
        if _is_scalar(setup, item):
            made = made.reshape(())
        if given.requires_grad:
            try:
                made.requires_grad_()
            except RuntimeError as error:
                raise diagnosed(setup, error) from error
        leaves[item.role] = made
    keywords = keywords_of(setup, kind)
    said: list[str] = []
    with heard(said), torch.random.fork_rng(devices=[]):
        made_modules = []
        for reduction in (setup.reduction, "none"):
            torch.default_generator.manual_seed(setup.seed)
            chosen = keywords | ({"reduction": reduction} if entry.reductions else {})
            try:
                made_modules.append(entry.create(**chosen))
            except Exception as error:
                raise diagnosed(setup, error) from error
    return Built(setup, leaves, made_modules[0], made_modules[1] if entry.reductions else made_modules[0], said)


def made_of(data: TensorData, dtype: torch.dtype) -> Tensor:
    """A tensor of these elements.

    Raises:
        UserError: whole numbers are wanted and one of them is none.
    """
    wide = torch.tensor(data.values, dtype=torch.float64).reshape(data.shape)
    if dtype == torch.int64:
        wrong = next((value for value in data.values if value != value or abs(value) > 2**53 or value != int(value)), None)
        if wrong is not None:
            raise UserError(f"{wrong:g} is no whole number, and int64 holds nothing else; choose float32, or whole numbers.")
    return wide.to(dtype)


def dtype_of(setup: Setup, item: Input, dtype: str) -> torch.dtype:
    """The dtype of one input: int64 for indices, else the chosen one."""
    chosen: torch.dtype = getattr(torch, dtype)
    if item.holds in WHOLE or (item.holds == "class_or_probability" and holds_indices(setup)):
        return torch.int64
    return chosen


def holds_indices(setup: Setup) -> bool:
    """Whether the target holds class indices; a loss that takes both tells by the choice, or by the shape."""
    held = setup.entry.input("target")
    if held is not None and held.holds in WHOLE:
        return True
    if setup.target_as != "auto":
        return setup.target_as == "indices"
    prediction, target = setup.given("prediction"), setup.given("target")
    return prediction is None or target is None or prediction.data.shape != target.data.shape


def _is_scalar(setup: Setup, item: Input) -> bool:
    """Whether one element stands for a tensor without dimensions: the label of a single row, a length."""
    given, prediction = setup.given(item.role), setup.given("prediction")
    if given is None or prediction is None or given.data.shape != (1,) or not item.shape.startswith("()"):
        return False
    if item.holds == "length":
        return True
    if item.holds == "class_or_probability" and not holds_indices(setup):
        return False
    return setup.entry.layout in ("classes", "rows", "features") and len(prediction.data.shape) == 1


def keywords_of(setup: Setup, dtype: str) -> dict[str, Any]:
    """Keyword arguments for the torch class, but for ``reduction``.

    Raises:
        UserError: ``cutoffs`` cannot be read.
    """
    entry = setup.entry
    found: dict[str, Any] = {}
    kind = torch.float32 if dtype == "int64" else getattr(torch, dtype)
    for name, value in setup.values:
        match name:
            case "n_classes" | "cutoffs":
                continue
            case "distance":
                if value in DISTANCES:
                    found["distance_function"] = DISTANCES[value]
            case "p" if entry.name == "MultiMarginLoss":
                found["p"] = int(value) if value == int(value) else value
            case _:
                if isinstance(value, TensorData):
                    found[name] = made_of(value, kind)
                elif value is not None:
                    found[name] = value
    if entry.layer:
        arguments, prediction = setup.arguments, setup.given("prediction")
        assert prediction is not None
        found["in_features"] = prediction.data.columns
        found[entry.classes_as] = arguments["n_classes"]
        if "cutoffs" in arguments:
            found["cutoffs"] = cutoffs_of(arguments["cutoffs"])
        found["dtype"] = kind
    return found


def cutoffs_of(text: str) -> list[int]:
    """The rising numbers in a text such as ``2,4``.

    Raises:
        UserError: a word is no whole number.
    """
    words = text.replace(",", " ").replace("[", " ").replace("]", " ").split()
    if not all(word.isascii() and word.isdigit() and len(word) < 10 for word in words):
        raise UserError(f"cutoffs: {text!r} is no list of whole numbers; write for example 2,4.")
    return [int(word) for word in words]
