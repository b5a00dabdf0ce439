"""The catalogue of graphs: an entry each. To add one is one entry, in the module that it belongs to. No torch: a program is text
until it is picked.

A program is plain PyTorch as a user would write it. ``torch``, ``nn`` and ``F`` are there already. It begins with the sizes that it
uses (``depth = 3``), which the tab's controls replace; it leaves the tensor that backward starts from in ``loss`` (or ``output``),
and its model, if it has one, in ``model``. What the screen shows as source lines are the lines of this text.
"""

from __future__ import annotations

from visualizer.base.parameters import Option
from visualizer.experiments.graph.examples.basics import BASICS
from visualizer.experiments.graph.examples.entry import SIZES, Example
from visualizer.experiments.graph.examples.gradients import GRADIENTS
from visualizer.experiments.graph.examples.networks import NETWORKS

__all__ = ["EXAMPLES", "SIZES", "Example", "example", "example_options"]

EXAMPLES: tuple[Example, ...] = (*BASICS[:2], *NETWORKS, *BASICS[2:], *GRADIENTS)


def example(name: str) -> Example:
    """The entry of this name.

    Raises:
        KeyError: there is none.
    """
    for entry in EXAMPLES:
        if entry.name == name:
            return entry
    raise KeyError(name)


def example_options() -> tuple[Option, ...]:
    """The entries as options of a choice."""
    return tuple(Option(entry.name, entry.title, entry.help) for entry in EXAMPLES)
