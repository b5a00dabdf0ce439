"""Runs of the page Curve and surface, and the plain calls of torch beside them."""

from __future__ import annotations

import warnings
from typing import Any

import torch

from visualizer.experiments.losses.evaluation import build
from visualizer.experiments.losses.experiment import Losses
from visualizer.experiments.losses.pages.curve import CurveResult
from visualizer.experiments.losses.requests import setup_of
from visualizer.experiments.losses.state import LossesState

TAB = Losses()


def state_of(**values: Any) -> LossesState:
    """The loss first: it brings its example along."""
    state = LossesState(view="curve")
    if "loss" in values:
        state = state.changed(loss=values.pop("loss"))
    return state.changed(**values)


def results_of(state: LossesState) -> list[CurveResult]:
    return [result for result in TAB.run(TAB.request(state)) if isinstance(result, CurveResult)]


def last_of(**values: Any) -> CurveResult:
    result = results_of(state_of(**values))[-1]
    assert result.progress == 1.0
    return result


def plain_loss(state: LossesState, **replaced: float) -> float:
    """One call of torch's module; ``replaced``: flat index into the moved tensor as ``i0``, ``i1`` -> value."""
    built = build(setup_of(state))
    tensors = {role: leaf.detach().clone() for role, leaf in built.leaves.items()}
    for name, value in replaced.items():
        tensors[state.moved].view(-1)[int(name[1:])] = value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = built.module(*tensors.values())
    found = found if isinstance(found, torch.Tensor) else found.loss
    return float(found.detach().sum())
