"""What theory says about each initialiser of the catalogue: a function for each, named by the entry.

Such a function takes the entry, its arguments and the shape, refuses what torch refuses in plain words, and answers with a
:class:`Theory`: the law of one element, and how its numbers follow from the shape, line by line in LaTeX.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visualizer.base.errors import UserError
from visualizer.components import families
from visualizer.components.initializers import LEAKY_SLOPE, gain_of
from visualizer.components.latex import exp_latex, factor_latex, number_latex, product_latex
from visualizer.components.truncated import TruncatedNormal, truncated_normal

if TYPE_CHECKING:
    from visualizer.components.initializers import Initializer

Shape = tuple[int, ...]
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Theory:
    """What theory says about an initialiser with these arguments and this shape.

    Attributes:
        law: of one element.
        lines: LaTeX that derives it, one step a line, with these numbers.
        gain: the factor for the activation, where the initialiser has one.
        cautions: sentences on what torch warns about, or does otherwise than its words promise.
    """

    law: families.Law
    lines: tuple[str, ...]
    gain: float | None = None
    cautions: tuple[str, ...] = ()


def fans(shape: Shape) -> tuple[int, int]:
    """fan_in and fan_out of a weight: how many values each output adds up, and to how many outputs each input goes.

    The first size counts outputs, the second inputs, all others are the kernel, as in torch.

    Raises:
        UserError: fewer than two dimensions.
    """
    if len(shape) < 2:
        raise UserError(
            "Fan in and fan out cannot be computed for a tensor with fewer than 2 dimensions, because a vector has no inputs and "
            f"outputs; the shape {_counted(shape)}. Give it two sizes, outputs x inputs, such as 4x3."
        )
    kernel = math.prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _counted(shape: Shape) -> str:
    return f"{'x'.join(map(str, shape))} has {len(shape)} dimension{'s' if len(shape) != 1 else ''}"


def _said(value: float) -> str:
    return f"{value:g}".replace("-", "\u2212", 1)


def _not_negative(name: str, value: float, torch_says: str) -> None:
    if value < 0:
        raise UserError(f"A negative {name} makes no sense, and torch refuses it ({torch_says}): {name} is "
                        f"{_said(value)}. Make {name} 0 or larger.")


def _ordered(low: float, high: float) -> None:
    if low > high:
        raise UserError(f"The lower bound a = {_said(low)} is larger than the upper bound b = {_said(high)}; torch "
                        "asks for a range from a up to b. Make a smaller or b larger.")


# --- drawn value by value ---


def uniform(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    low, high = float(arguments["a"]), float(arguments["b"])
    _ordered(low, high)
    law = families.uniform(low, high)
    a, b = number_latex(low), number_latex(high)
    return Theory(law, (
        rf"w \sim \mathcal{{U}}(a, b) = \mathcal{{U}}({a}, {b})",
        rf"\mu_w = \frac{{a + b}}{{2}} = \frac{{{a} + {factor_latex(high)}}}{{2}} = {number_latex(law.mean)}",
        rf"\sigma_w^2 = \frac{{(b - a)^2}}{{12}} = \frac{{\left({b} - {factor_latex(low)}\right)^2}}{{12}} = "
        rf"{number_latex(law.variance)}",
        _root(law),
    ))


def normal(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    mean, std = float(arguments["mean"]), float(arguments["std"])
    _not_negative("std", std, "normal expects std >= 0")
    law = families.normal(mean, std)
    return Theory(law, (
        rf"w \sim \mathcal{{N}}(\mu, \sigma^2) = \mathcal{{N}}\left({number_latex(mean)}, {factor_latex(std)}^2\right)",
        rf"\mu_w = \mu = {number_latex(mean)}",
        rf"\sigma_w^2 = \sigma^2 = {factor_latex(std)}^2 = {number_latex(law.variance)}",
    ))


def trunc_normal(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    mean, std, low, high = (float(arguments[name]) for name in ("mean", "std", "a", "b"))
    if std <= 0:
        raise UserError(f"A truncated normal needs a std above 0, not {_said(std)}: torch divides by it. Make std larger "
                        "than 0.")
    _ordered(low, high)
    law = truncated_normal(mean, std, low, high)
    alpha, beta = (low - mean) / std, (high - mean) / std
    lines = [
        rf"w \sim \mathcal{{N}}\left({number_latex(mean)}, {factor_latex(std)}^2\right) \mid "
        rf"{number_latex(low)} \leq w \leq {number_latex(high)}",
        rf"\alpha = \frac{{a - \mu}}{{\sigma}} = \frac{{{number_latex(low)} - {factor_latex(mean)}}}{{{number_latex(std)}}} = "
        rf"{number_latex(alpha)}",
        rf"\beta = \frac{{b - \mu}}{{\sigma}} = \frac{{{number_latex(high)} - {factor_latex(mean)}}}{{{number_latex(std)}}} = "
        rf"{number_latex(beta)}",
    ]
    if isinstance(law, TruncatedNormal):
        # Both ratios follow from the law, which is right where this formula, worked with rounded numbers, is not.
        shift = (law.mean - mean) / std
        ratio = (law.std / std) ** 2
        v = ratio - 1.0 + shift * shift
        # 1 + v - m^2 cancels the more, the narrower the interval is: so many more digits let a reader check it by hand.
        digits = 4 + min(8, math.ceil(math.log10(max(1.0, abs(v), shift * shift) / ratio)))
        m_text, v_text = number_latex(shift, digits), number_latex(v, digits)
        lines += [
            rf"Z = \Phi(\beta) - \Phi(\alpha) = \Phi({number_latex(beta)}) - \Phi({number_latex(alpha)}) = "
            rf"{exp_latex(law.log_kept)}",
            rf"1 - Z = {number_latex(law.cut)}",
            rf"\varphi(\alpha) = \frac{{e^{{-\alpha^2 / 2}}}}{{\sqrt{{2 \pi}}}} = {_bell(alpha)}",
            rf"\varphi(\beta) = \frac{{e^{{-\beta^2 / 2}}}}{{\sqrt{{2 \pi}}}} = {_bell(beta)}",
            rf"m = \frac{{\varphi(\alpha) - \varphi(\beta)}}{{Z}} = {m_text}",
            rf"v = \frac{{\alpha \varphi(\alpha) - \beta \varphi(\beta)}}{{Z}} = {v_text}",
            rf"\mu_w = \mu + \sigma m = {number_latex(mean)} + {factor_latex(std)} \cdot {factor_latex(shift)} = "
            rf"{number_latex(law.mean)}",
            rf"\sigma_w^2 = \sigma^2 (1 + v - m^2) = {factor_latex(std)}^2 \left(1 + {factor_latex(v, digits)} - "
            rf"{factor_latex(shift, digits)}^2\right) = {number_latex(law.variance)}",
            _root(law),
        ]
    else:
        lines.append(rf"a = b: \quad w = {number_latex(low)}, \quad \sigma_w = 0")
    cautions: tuple[str, ...] = ()
    if mean < low - 2 * std or mean > high + 2 * std:
        cautions = ("The mean is more than 2 std outside [a, b]: torch warns that the distribution of values may be incorrect. "
                    "The theory shown here holds there, too.",)
    return Theory(law, tuple(lines), cautions=cautions)


def _bell(x: float) -> str:
    return exp_latex(-0.5 * x * x - 0.5 * math.log(2.0 * math.pi))


def _root(law: families.Law) -> str:
    return rf"\sigma_w = \sqrt{{{number_latex(law.variance)}}} = {number_latex(law.std)}"


# --- scaled by the fans ---


def _fan_lines(shape: Shape) -> list[str]:
    fan_in, fan_out = fans(shape)
    if len(shape) == 2:
        return [f"n_{{in}} = {fan_in}", f"n_{{out}} = {fan_out}"]
    kernel = math.prod(shape[2:])
    return [
        f"k = {product_latex(shape[2:])}",
        rf"n_{{in}} = c_{{in}} \cdot k = {shape[1]} \cdot {kernel} = {fan_in}",
        rf"n_{{out}} = c_{{out}} \cdot k = {shape[0]} \cdot {kernel} = {fan_out}",
    ]


def xavier_uniform(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    theory, std = _xavier(arguments, shape)
    return _symmetric(theory, rf"b = g \sqrt{{\frac{{6}}{{n_{{in}} + n_{{out}}}}}} = {factor_latex(_gain(theory))} \cdot "
                              rf"\sqrt{{\frac{{6}}{{{' + '.join(map(str, fans(shape)))}}}}}", std)


def xavier_normal(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    return _xavier(arguments, shape)[0]


def _gain(theory: Theory) -> float:
    return 1.0 if theory.gain is None else theory.gain


def _xavier(arguments: Arguments, shape: Shape) -> tuple[Theory, float]:
    """The theory of the normal form, and its standard deviation."""
    fan_in, fan_out = fans(shape)
    gain = float(arguments["gain"])
    if gain < 0:
        raise UserError(f"The gain is {_said(gain)}; torch multiplies the spread by it and refuses a negative one. Make "
                        "the gain 0 or larger.")
    std = gain * math.sqrt(2.0 / (fan_in + fan_out))
    law = families.normal(0.0, std)
    return Theory(law, (
        *_fan_lines(shape), _given_gain_line(arguments),
        rf"\sigma_w = g \sqrt{{\frac{{2}}{{n_{{in}} + n_{{out}}}}}} = {factor_latex(gain)} \cdot "
        rf"\sqrt{{\frac{{2}}{{{fan_in} + {fan_out}}}}} = {number_latex(std)}",
        _squared(law),
    ), gain), std


def _symmetric(theory: Theory, bound_line: str, std: float) -> Theory:
    """The uniform form of a rule: the same spread, from a bound."""
    bound = math.sqrt(3.0) * std
    law = families.uniform(-bound, bound)
    shown = number_latex(bound)
    return Theory(law, (
        *theory.lines[:-2], rf"{bound_line} = {shown}",
        rf"w \sim \mathcal{{U}}(-b, b) = \mathcal{{U}}(-{shown}, {shown})" if bound else "w = 0",
        rf"\sigma_w = \frac{{b}}{{\sqrt{{3}}}} = \frac{{{shown}}}{{\sqrt{{3}}}} = {number_latex(law.std)}",
        _squared(law),
    ), theory.gain)


def _squared(law: families.Law) -> str:
    return rf"\sigma_w^2 = {factor_latex(law.std)}^2 = {number_latex(law.variance)}"


def kaiming_uniform(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    theory, std, fan = _kaiming(arguments, shape)
    return _symmetric(theory, rf"b = g \sqrt{{\frac{{3}}{{n}}}} = {number_latex(_gain(theory))} \cdot \sqrt{{\frac{{3}}{{{fan}}}}}",
                      std)


def kaiming_normal(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    return _kaiming(arguments, shape)[0]


def _kaiming(arguments: Arguments, shape: Shape) -> tuple[Theory, float, int]:
    """The theory of the normal form, its standard deviation, and the fan that decides."""
    mode, nonlinearity, slope = arguments["mode"], arguments["nonlinearity"], float(arguments["a"])
    if mode not in ("fan_in", "fan_out"):
        raise UserError(f"torch knows no mode {mode!r}; choose fan_in or fan_out.")
    fan = fans(shape)[mode == "fan_out"]
    gain = gain_of(nonlinearity, slope)
    std = gain / math.sqrt(fan)
    law = families.normal(0.0, std)
    side = "in" if mode == "fan_in" else "out"
    return Theory(law, (
        *_fan_lines(shape), f"n = n_{{{side}}} = {fan}", _gain_line(nonlinearity, slope, gain),
        rf"\sigma_w = \frac{{g}}{{\sqrt{{n}}}} = \frac{{{number_latex(gain)}}}{{\sqrt{{{fan}}}}} = {number_latex(std)}",
        _squared(law),
    ), gain), std, fan


def _gain_line(nonlinearity: str, slope: float, gain: float) -> str:
    shown = number_latex(gain)
    match nonlinearity:
        case "relu":
            return rf"g = \sqrt{{2}} = {shown}"
        case "leaky_relu":
            return rf"g = \sqrt{{\frac{{2}}{{1 + a^2}}}} = \sqrt{{\frac{{2}}{{1 + {factor_latex(slope)}^2}}}} = {shown}"
        case "tanh":
            return rf"g = \frac{{5}}{{3}} = {shown}"
        case "selu":
            return rf"g = \frac{{3}}{{4}} = {shown}"
    return f"g = {shown}"


def _given_gain_line(arguments: Arguments) -> str:
    """The gain of an initialiser that is told it, and where it comes from if it is that of a nonlinearity."""
    gain, name = float(arguments["gain"]), arguments.get("gain_of")
    if name is None:
        return f"g = {number_latex(gain)}"
    return rf"g = g_{{\text{{{name.replace('_', ' ')}}}}}{_gain_line(name, LEAKY_SLOPE, gain).removeprefix('g')}"


# --- fixed values and matrices ---


def constant(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    return _constant(float(arguments["val"]), "c = ")


def ones(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    return _constant(1.0)


def zeros(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    return _constant(0.0)


def _constant(value: float, symbol: str = "") -> Theory:
    shown = number_latex(value)
    return Theory(families.atoms((value, 1.0)), (f"w = {symbol}{shown}", rf"\mu_w = {shown}", r"\sigma_w = 0"))


def _matrix(entry: Initializer, shape: Shape, why: str) -> tuple[int, int]:
    if len(shape) != 2:
        raise UserError(f"torch's {entry.name}_ takes only tensors with 2 dimensions, because {why}; the shape "
                        f"{_counted(shape)}. Give it two sizes, such as 4x3.")
    return shape[0], shape[1]


def eye(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    rows, columns = _matrix(entry, shape, "an identity matrix has rows and columns")
    lines = (rf"k = \min({rows}, {columns}) = {min(rows, columns)}",)
    return _zeros_and_ones(min(rows, columns), shape, lines)


def dirac(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    groups = int(arguments["groups"])
    if len(shape) not in (3, 4, 5):
        raise UserError(f"torch's dirac_ takes only tensors with 3, 4 or 5 dimensions, the weights of convolutions; "
                        f"the shape {_counted(shape)}. Give it the sizes outputs x inputs x kernel, such as "
                        "16x3x5x5.")
    if groups < 1:
        raise UserError(f"There is at least 1 group, not {groups}. Make groups 1 or larger.")
    if shape[0] % groups:
        raise UserError(f"torch's dirac_ asks that the first size can be divided by groups: {shape[0]} outputs cannot be split "
                        f"into {groups} equal groups. Change groups, or the first size.")
    each = min(shape[0] // groups, shape[1])
    lines = (rf"k = g \cdot \min\left(\frac{{c_{{out}}}}{{g}}, c_{{in}}\right) = {groups} \cdot "
             rf"\min\left(\frac{{{shape[0]}}}{{{groups}}}, {shape[1]}\right) = {groups * each}",)
    return _zeros_and_ones(groups * each, shape, lines)


def _zeros_and_ones(count: int, shape: Shape, lines: tuple[str, ...]) -> Theory:
    total = math.prod(shape)
    share = count / total
    law = families.atoms((0.0, (total - count) / total), (1.0, share))
    return Theory(law, (
        *lines, f"N = {product_latex(shape)}",
        rf"p = P(w = 1) = \frac{{k}}{{N}} = \frac{{{count}}}{{{total}}} = {number_latex(share)}",
        f"P(w = 0) = 1 - p = {number_latex((total - count) / total)}",
        rf"\mu_w = p = {number_latex(law.mean)}",
        rf"\sigma_w^2 = p (1 - p) = {number_latex(law.variance)}",
        _root(law),
    ))


def orthogonal(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    if len(shape) < 2:
        raise UserError(f"torch's orthogonal_ takes only tensors with 2 or more dimensions, because a vector has no rows that "
                        f"could be perpendicular; the shape {_counted(shape)}. Give it two sizes, such as 4x3.")
    gain = float(arguments["gain"])
    rows, columns = shape[0], math.prod(shape[1:])
    size = max(rows, columns)
    law = families.orthogonal(size, gain)
    lines = [
        f"r = {rows}", f"c = {product_latex(shape[1:])}",
        rf"n = \max(r, c) = {size}", _given_gain_line(arguments),
    ]
    if size == 1:
        lines.append(r"w = g \quad \text{or} \quad w = -g, \quad P = \frac{1}{2}")
    else:
        lines.append(rf"\frac{{w^2}}{{g^2}} \sim \mathrm{{Beta}}\left(\frac{{1}}{{2}}, \frac{{n - 1}}{{2}}\right) = "
                     rf"\mathrm{{Beta}}\left(\frac{{1}}{{2}}, \frac{{{size - 1}}}{{2}}\right)")
    lines += [
        rf"b = |g| = {number_latex(abs(gain))}",
        rf"\sigma_w = \frac{{|g|}}{{\sqrt{{n}}}} = \frac{{{number_latex(abs(gain))}}}{{\sqrt{{{size}}}}} = {number_latex(law.std)}",
        _squared(law),
    ]
    return Theory(law, tuple(lines), gain)


def sparse(entry: Initializer, arguments: Arguments, shape: Shape) -> Theory:
    rows, _ = _matrix(entry, shape, "it sets a fraction of each column to zero")
    sparsity, std = float(arguments["sparsity"]), float(arguments["std"])
    _not_negative("std", std, "normal expects std >= 0")
    if not 0 <= sparsity <= 1:
        raise UserError(f"The sparsity is a fraction from 0 to 1, not {_said(sparsity)}: torch does not say so, but its "
                        "result makes no sense outside. Choose a value from 0 to 1.")
    zeros = math.ceil(sparsity * rows)  # as torch: the first size counts, and the float product is rounded up
    law = families.sparse_normal(zeros / rows, std)
    return Theory(law, (
        f"r = {rows}",
        rf"z = \lceil s \cdot r \rceil = \lceil {number_latex(sparsity)} \cdot {rows} \rceil = {zeros}",
        rf"p_0 = P(w = 0) = \frac{{z}}{{r}} = \frac{{{zeros}}}{{{rows}}} = {number_latex(zeros / rows)}",
        rf"w \sim (1 - p_0)\, \mathcal{{N}}\left(0, {factor_latex(std)}^2\right) + p_0\, \delta_0",
        rf"\sigma_w^2 = (1 - p_0)\, \sigma^2 = {number_latex(1.0 - zeros / rows)} \cdot {factor_latex(std)}^2 = "
        rf"{number_latex(law.variance)}",
        _root(law),
    ))
