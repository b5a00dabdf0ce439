"""See how a neural network learns: a desktop application on real PyTorch.

For scripts and notebooks there are ``visualizer.show(loss, model)``, ``visualizer.capture(loss, model)``,
``visualizer.record(model)`` and ``visualizer.load(path)``; see :mod:`visualizer.experiments.graph.api`. They are loaded, and torch
with them, when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visualizer.experiments.graph.api import GraphCapture, capture, load, record, show

#: The one place where the version stands; pyproject.toml reads it from here.
__version__ = "0.1.0"

__all__ = ["GraphCapture", "__version__", "capture", "load", "record", "show"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("visualizer.experiments.graph.api"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
