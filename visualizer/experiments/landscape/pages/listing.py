"""Pieces of text that several pages share: the curve in words and formulas, and as a few lines of PyTorch."""

from __future__ import annotations

from visualizer.base.explanation import Block, Formula, Paragraph, number_text
from visualizer.base.parameters import Point
from visualizer.components.optimizers import Optimizer
from visualizer.experiments.landscape.requests import Data


def tex(value: float, digits: int = 4) -> str:
    """A number for a formula: ``1.234e-05`` becomes a power of ten."""
    text = number_text(value, digits).replace("\u2212", "-")
    if "e" not in text:
        return rf"\mathrm{{{text}}}" if text[-1].isalpha() else text
    mantissa, exponent = text.split("e")
    return rf"{mantissa} \cdot 10^{{{int(exponent)}}}"


def step_formula(step: int, x: float, alpha: float, slope: float, ahead: float) -> Formula:
    """The update rule with one step's numbers, with as many digits as it takes to see that x has moved."""
    digits = 4
    while digits < 12 and number_text(x, digits) == number_text(ahead, digits):
        digits += 1
    return Formula(
        rf"x_{{{step + 1}}} = {tex(x, digits)} - {tex(alpha)} \cdot ({tex(slope)}) = {tex(ahead, digits)}",
        f"x {step + 1} is {number_text(ahead, digits)}",
    )


def arguments(entry: Optimizer, lr: float, momentum: float) -> str:
    """The keyword arguments of the torch class, as source text."""
    return ", ".join(f"{name}={value!r}" for name, value in entry.arguments(lr, momentum).items())


def numbers(values: list[float], indent: int = 18) -> str:
    """A list of floats as source text, wrapped and indented."""
    lines, line = [], ""
    for value in values:
        item = f"{value!r}, "
        if len(line) + len(item) > 92:
            lines.append(line.rstrip())
            line = ""
        line += item
    lines.append(line.rstrip(", "))
    return ("\n" + " " * indent).join(lines)


def curve_code(data: Data, points: tuple[Point, ...] | None = None) -> list[str]:
    """Lines that define ``f``, the curve through the kept points, so that autograd can differentiate it."""
    kept = data.curved if points is None else points
    xs, ys = numbers([p.x for p in kept]), numbers([p.y for p in kept])
    head = ["import torch"]
    if data.interpolant != "lagrange":
        head.append("from scipy.interpolate import " + ("CubicSpline" if data.interpolant == "spline" else "PchipInterpolator"))
    head += ["", f"x = torch.tensor([{xs}], dtype=torch.float64)", f"y = torch.tensor([{ys}], dtype=torch.float64)", ""]
    if data.interpolant == "lagrange":
        return [
            *head,
            "one = torch.eye(len(x), dtype=torch.float64)  # a factor 1 where the product leaves one out",
            "width = x[:, None] - x + one",
            "",
            "",
            "def f(t):  # Lagrange: sum over j of y_j * prod over m != j of (t - x_m) / (x_j - x_m)",
            "    return (y * (((t - x) * (1 - one) + one) / width).prod(dim=1)).sum()",
            "",
        ]
    maker = "CubicSpline(x, y, bc_type='natural')" if data.interpolant == "spline" else "PchipInterpolator(x, y)"
    return [
        *head,
        f"c = torch.tensor({maker}.c)",
        "",
        "",
        "def f(t):  # the cubic piece that t lies in",
        "    i = (t.detach() >= x[1:-1]).sum()",
        "    d = t - x[i]",
        "    return ((c[0, i] * d + c[1, i]) * d + c[2, i]) * d + c[3, i]",
        "",
    ]


def curve_words(data: Data) -> list[Block]:
    """How the points are joined, as formula and sentence."""
    count = len(data.kept)
    match data.interpolant:
        case "lagrange":
            return [
                Formula(r"f(x) = \sum_{j} y_j \prod_{m \neq j} \frac{x - x_m}{x_j - x_m}",
                        "f of x is the sum over j of y j times the product over m of x minus x m over x j minus x m"),
                Paragraph(
                    f"The Lagrange polynomial: the one polynomial of degree {count - 1} through the {count} kept points "
                    "(evaluated by the barycentric formula, which is the same polynomial without its rounding trouble)."
                ),
            ]
        case "spline":
            return [
                Formula(r"f''(x_1) = f''(x_n) = 0", "the second derivative is zero at both ends"),
                Paragraph(
                    f"The natural cubic spline through {count} points: cubic pieces, continuous up to the second derivative."
                ),
            ]
        case _:
            return [Paragraph(
                f"PCHIP through {count} points: cubic pieces with slopes chosen so that the curve never overshoots the "
                "points. Its second derivative jumps at them, so 2/f\u2033 holds only within a piece."
            )]


def loop_code(make: str, patience: str, steps: int, tolerance: float, low: float, high: float) -> list[str]:
    """Lines of the training loop on one number ``t``; ``patience`` short steps in a row count as settled."""
    stays = f"{low!r} <= t.item() <= {high!r}"
    one = patience == "1"
    return [
        f"optimizer = {make}",
        *([] if one else ["short = 0  # steps in a row below the tolerance"]),
        f"for step in range({steps}):",
        "    before = t.item()",
        "    optimizer.zero_grad()",
        "    f(t).backward()",
        "    optimizer.step()",
        *([] if one else [f"    short = short + 1 if abs(t.item() - before) < {tolerance!r} else 0"]),
        f"    if abs(t.item() - before) < {tolerance!r} or not {stays}:" if one
        else f"    if short == {patience} or not {stays}:",
        "        break",
    ]
