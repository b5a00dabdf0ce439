"""What all results of the distributions tab have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from visualizer.base.experiment import Result
from visualizer.experiments.distributions.requests import DistributionsRequest


@dataclass(frozen=True, eq=False)
class DistributionsResult(Result):
    """A result remembers its request, so that it is drawn and explained as what it was computed for."""

    request: DistributionsRequest

    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """All numeric results, for JSON."""
