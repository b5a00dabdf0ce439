"""Numbers as LaTeX, for formulas with the numbers of a run put in."""

from __future__ import annotations

import math

from visualizer.base.explanation import number_text

_TIMES = r" \cdot "


def number_latex(value: float, digits: int = 4) -> str:
    """A number with so many significant digits, without needless zeros."""
    value = float(value)
    if value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    text = number_text(value, digits).replace("\u2212", "-")
    mantissa, _, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}" if exponent else mantissa


def factor_latex(value: float, digits: int = 4) -> str:
    """A number inside a product or a power, or after a sign: in brackets if it needs them."""
    text = number_latex(value, digits)
    return rf"\left({text}\right)" if value < 0 or "cdot" in text else text


def exp_latex(logarithm: float) -> str:
    """exp(logarithm), even where that underflows."""
    if logarithm > -700.0:
        return number_latex(math.exp(logarithm))
    exponent = math.floor(logarithm / math.log(10.0))
    if exponent < -(10**6):
        return rf"10^{{{exponent}}}"
    return rf"{number_latex(10.0 ** (logarithm / math.log(10.0) - exponent))} \cdot 10^{{{exponent}}}"


def product_latex(sizes: tuple[int, ...]) -> str:
    """The sizes multiplied, with the product; of a single one just itself."""
    return f"{_TIMES.join(map(str, sizes))} = {math.prod(sizes)}" if len(sizes) > 1 else str(math.prod(sizes))
