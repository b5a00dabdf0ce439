"""The form of an entry: what a node computed in the forward pass, and what it does with the gradient that arrives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One operation of autograd, under all the names that torch has for it.

    Attributes:
        names: without "Backward0"; a few are one operation in several kernels.
        words: what it computes, and what backward does, in plain words.
        forward: LaTeX; ``y`` is the result; ``x``, or ``a`` and ``b``, go in.
        backward: LaTeX, a formula for each input; ``g`` is the gradient of the loss with respect to ``y``, which arrives.
        check: for tests, in Python: the forward expression, then for each of its inputs the gradient, of the same names, ``y`` and
            ``g``. Inputs are those of ``x``, ``a``, ``b``, ``c`` that the expression uses. Empty: nothing to evaluate.
    """

    names: tuple[str, ...]
    words: str
    forward: str
    backward: tuple[str, ...] = ()
    check: tuple[str, ...] = ()


def op(names: str, words: str, forward: str, *backward: str, check: tuple[str, ...] = ()) -> Entry:
    """An entry; ``names`` are separated by spaces, each formula of ``backward`` is written as "x: formula"."""
    lines = []
    for line in backward:
        to, _, formula = line.partition(": ")
        lines.append(rf"\frac{{\partial L}}{{\partial {to}}} = {formula}")
    return Entry(tuple(names.split()), words, forward, tuple(lines), check)
