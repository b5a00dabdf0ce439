"""The derivative of an elementwise operation with the numbers of a run: of the first element, as a formula."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from visualizer.base.explanation import Formula, number_text
from visualizer.components.latex import factor_latex, number_latex
from visualizer.experiments.graph.model import Node, Preview, Step
from visualizer.experiments.graph.operations.elementwise import ELEMENTWISE

#: How torch calls what goes into an elementwise operation, and the letters of the catalogue's formulas.
_SAVED = {"self": ("x", "a"), "other": ("b",), "exponent": ("p",), "result": ("y",)}
_NAMES = frozenset(name for entry in ELEMENTWISE for name in entry.names)
#: A letter that stands alone; those of commands such as \frac are none.
_LETTER = re.compile(r"\\[A-Za-z]+|[A-Za-z]")
#: Two factors side by side, which as numbers need a sign between them.
_TOUCHING = re.compile(r"(?<=[\d)}])(?:\\,)?\s+(?=[\d(]|\\left)")


def worked(node: Node, step: Step | None, formulas: tuple[str, ...]) -> tuple[Formula, ...]:
    """Those of an elementwise operation's derivatives whose every letter is known.

    Args:
        step: the node's in backward: what arrived and what went on.
        formulas: LaTeX, one for each input, as an entry of the catalogue has them.
    """
    if node.title not in _NAMES or step is None or len(step.incoming) != 1 or step.incoming[0] is None:
        return ()
    arrives = step.incoming[0]
    known = {"g": _first(arrives)}
    if node.value is not None and node.value.type.shape == arrives.type.shape:
        known["y"] = _first(node.value)
    for saved in node.saved:
        for letter in _SAVED.get(saved.name, ()):
            if saved.tensor is not None and saved.tensor.type.shape == arrives.type.shape:
                known[letter] = _first(saved.tensor)
            elif saved.tensor is None and re.fullmatch(r"-?\d+(\.\d*)?(e[+-]?\d+)?", saved.text):
                known[letter] = float(saved.text)
    found: list[Formula] = []
    for slot, latex in enumerate(formulas):
        goes = step.outgoing[slot] if slot < len(step.outgoing) else None
        # What was broadcast is summed afterwards: its first element is not that of the formula.
        if goes is None or goes.type.shape != arrives.type.shape:
            continue
        left, _, right = latex.partition(" = ")
        filled = _filled(right, known)
        result = _first(goes)
        if filled is not None and math.isfinite(result) and filled != factor_latex(result, 6):
            found.append(Formula(f"{left} = {filled} = {number_latex(result)}", f"with these numbers: {number_text(result)}"))
    return tuple(found)


def _first(tensor: Preview) -> float:
    return float(tensor.sample.flat[0]) if tensor.sample.size else math.nan


def _filled(latex: str, known: Mapping[str, float]) -> str | None:
    """The formula with numbers for its letters; None if one of them is not known, or is no number."""
    unknown = False

    def number(match: re.Match[str]) -> str:
        nonlocal unknown
        letter = match[0]
        if letter.startswith("\\"):
            # Greek letters are parameters that were not kept; other commands are signs and functions.
            unknown |= letter in (r"\alpha", r"\beta", r"\lambda", r"\Phi", r"\varphi", r"\mathrm")
            return letter
        if letter == "e":  # of the exponential function
            return letter
        value = known.get(letter, math.nan)
        unknown |= not math.isfinite(value)
        return factor_latex(value, 6) if math.isfinite(value) else letter

    filled = _TOUCHING.sub(r" \\cdot ", _LETTER.sub(number, latex))
    return None if unknown else filled
