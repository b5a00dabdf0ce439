"""The ordered catalogue of tabs. To add a tab is one folder and one line here."""

from __future__ import annotations

from typing import Any

from visualizer.base.experiment import Experiment
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.graph.experiment import GraphTab
from visualizer.experiments.landscape.experiment import Landscape
from visualizer.experiments.losses.experiment import Losses

EXPERIMENTS: tuple[Experiment[Any, Any, Any], ...] = (Distributions(), Losses(), GraphTab(), Landscape())


def experiment(name: str) -> Experiment[Any, Any, Any]:
    """The experiment of this name.

    Raises:
        KeyError: there is none.
    """
    for entry in EXPERIMENTS:
        if entry.name == name:
            return entry
    raise KeyError(name)
