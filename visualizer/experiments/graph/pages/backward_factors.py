"""Where the number of a local derivative comes from: the formula of an elementwise operation with what the node has saved put in.

The formulas are those of torch's derivatives.yaml. Each is evaluated and compared with the derivative that the node itself gave
before it is shown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from visualizer.base.explanation import Formula, number_text
from visualizer.components.latex import factor_latex, number_latex
from visualizer.experiments.graph.local import flat
from visualizer.experiments.graph.model import Node


class Factor(NamedTuple):
    """dy/dx of one element.

    Attributes:
        saved: the name of the saved tensor that it is a function of, as torch calls it.
        general: LaTeX, in x (what went in) or y (the result).
        value: of the saved number.
        written: LaTeX with the saved number put in.
        slot: which input; -1: the only one.
    """

    saved: str
    general: str
    value: Callable[[float], float]
    written: Callable[[str], str]
    slot: int = -1


_FACTORS: dict[str, tuple[Factor, ...]] = {
    "Sigmoid": (Factor("result", r"y\,(1 - y)", lambda y: y * (1 - y), lambda y: rf"{y} \cdot (1 - {y})"),),
    "Tanh": (Factor("result", "1 - y^2", lambda y: 1 - y * y, lambda y: f"1 - {y}^2"),),
    "Exp": (Factor("result", "y", lambda y: y, lambda y: y),),
    "Log": (Factor("self", r"\frac{1}{x}", lambda x: 1 / x, lambda x: rf"\frac{{1}}{{{x}}}"),),
    "Sqrt": (Factor("result", r"\frac{1}{2 y}", lambda y: 0.5 / y, lambda y: rf"\frac{{1}}{{2 \cdot {y}}}"),),
    "Sin": (Factor("self", r"\cos x", math.cos, lambda x: rf"\cos {x}"),),
    "Cos": (Factor("self", r"-\sin x", lambda x: -math.sin(x), lambda x: rf"-\sin {x}"),),
    "Relu": (
        Factor("result", r"1 \;(y > 0)", lambda y: 1.0 if y > 0 else math.nan, lambda y: rf"1 \;({y} > 0)"),
        Factor("result", r"0 \;(y = 0)", lambda y: 0.0 if y <= 0 else math.nan, lambda y: rf"0 \;({y} = 0)"),
    ),
    "Pow": (Factor("self", "2 x", lambda x: 2 * x, lambda x: rf"2 \cdot {x}"),
            Factor("self", "3 x^2", lambda x: 3 * x * x, lambda x: rf"3 \cdot {x}^2")),
    "Mul": (Factor("other", "b", lambda b: b, lambda b: b, 0), Factor("self", "a", lambda a: a, lambda a: a, 1)),
}


def factor(node: Node, slot: int, at: int, derivative: float) -> Formula | None:
    """The derivative of element ``at`` with the saved number in it; None: no formula is known, or the number is not there.

    Args:
        slot: of the node; the input that the derivative is with respect to.
        derivative: as the node itself gave it.
    """
    for one in _FACTORS.get(node.title, ()):
        if one.slot not in (-1, slot):
            continue
        kept = next((saved.tensor for saved in node.saved if saved.name == one.saved), None)
        values = flat(kept)
        if values is None or not (at < values.size or values.size == 1):
            continue
        number = float(values[at] if values.size > 1 else values[0])
        try:
            value = one.value(number)
        except (ZeroDivisionError, ValueError, OverflowError):
            continue
        if math.isclose(value, derivative, rel_tol=1e-3, abs_tol=1e-12):
            variable = ("a", "b")[slot] if one.slot >= 0 else "x"
            written = one.written(factor_latex(number))
            result = number_latex(derivative)
            end = "" if written == result else f" = {result}"
            return Formula(
                rf"\frac{{\partial y_{{{at}}}}}{{\partial {variable}_{{{at}}}}} = {one.general} = {written}{end}",
                f"the local derivative at element {at} is {number_text(derivative)}",
            )
    return None
