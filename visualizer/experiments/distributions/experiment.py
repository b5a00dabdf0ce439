"""The distributions tab as an experiment: what is declared here, and what its pages answer."""

from __future__ import annotations

from visualizer.base.experiment import Request
from visualizer.base.pages import PagedExperiment, PageResult
from visualizer.experiments.distributions.state import PRESETS, VIEWS, DistributionsState


class Distributions(PagedExperiment[DistributionsState, Request, PageResult]):
    """Statistics, every initialiser of torch.nn.init against its theory, and what it does to a network."""

    name = "distributions"
    title = "Distributions"
    summary = (
        "Mean and variance worked line by line, every initialiser of torch.nn.init against its theory, and what an "
        "initialisation does to the signal and the gradient in a deep network."
    )
    views = VIEWS
    presets = PRESETS
    state_type = DistributionsState
