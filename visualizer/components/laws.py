"""Theory of the initialisers: what values to expect, and why, for an entry of the catalogue, its arguments and a shape.

An entry names its function in :mod:`visualizer.components.theories`; these functions look it up. No Qt, no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from visualizer.base.errors import UserError
from visualizer.components import theories
from visualizer.components.families import Law
from visualizer.components.initializers import Initializer, gain_of, initializer
from visualizer.components.theories import Theory, fans

__all__ = ["Law", "Theory", "cautions", "check", "derivation", "fans", "gain_of", "law_of", "numbers_of", "theory_of"]


def theory_of(entry: str | Initializer, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> Theory:
    """All that theory says about this initialiser.

    Args:
        entry: of the catalogue, or its name.
        arguments: at least the entry's own; others are left aside.
        shape: the tensor's sizes.

    Raises:
        UserError: torch refuses this combination, or it makes no sense; the sentence says why and what to change.
        KeyError: no such initialiser.
    """
    known = initializer(entry) if isinstance(entry, str) else entry
    if not shape or min(shape) < 1:
        raise UserError("There is nothing to initialise in an empty tensor. Give it at least one size, each at least 1, such "
                        "as 30 or 4x3.")
    for name in known.arguments:
        value = arguments[name]
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"{name} is not a finite number. Give it a value such as 0.5.")
    function: Callable[[Initializer, Mapping[str, Any], tuple[int, ...]], Theory] = getattr(theories, known.law or known.name)
    return function(known, arguments, shape)


def law_of(entry: str | Initializer, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> Law:
    """The distribution of one element. Raises as :func:`theory_of`."""
    return theory_of(entry, arguments, shape).law


def check(entry: str | Initializer, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> None:
    """Nothing, if torch takes this combination and it makes sense. Raises as :func:`theory_of`."""
    theory_of(entry, arguments, shape)


def cautions(entry: str | Initializer, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[str, ...]:
    """What torch warns about without refusing it, in sentences. Raises as :func:`theory_of`."""
    return theory_of(entry, arguments, shape).cautions


def derivation(entry: str | Initializer, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> tuple[str, ...]:
    """LaTeX, a line a step: from the shape and the arguments to bound and standard deviation, with these numbers.

    Raises as :func:`theory_of`.
    """
    return theory_of(entry, arguments, shape).lines


def numbers_of(entry: str | Initializer, arguments: Mapping[str, Any], shape: tuple[int, ...]) -> dict[str, Any]:
    """The numbers for JSON: ``theory`` (mean, std, variance, skewness, kurtosis, and bound where there is one), ``fan_in``
    and ``fan_out`` of a tensor with two dimensions or more, ``gain`` of an initialiser that has one.

    Raises as :func:`theory_of`. Skewness and kurtosis of a constant are nan.
    """
    theory = theory_of(entry, arguments, shape)
    law = theory.law
    numbers: dict[str, Any] = {"theory": {
        "mean": law.mean, "std": law.std, "variance": law.variance, "skewness": law.skewness, "kurtosis": law.kurtosis,
    }}
    if law.bound is not None:
        numbers["theory"]["bound"] = law.bound
    if len(shape) >= 2:
        numbers["fan_in"], numbers["fan_out"] = fans(shape)
    if theory.gain is not None:
        numbers["gain"] = theory.gain
    return numbers
