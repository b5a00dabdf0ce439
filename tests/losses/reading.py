"""Reads worked formulas: splits them at their equal signs, and computes every side again that holds only numbers."""

from __future__ import annotations

import math
import re

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+\.?\d*|[A-Za-z]+|\S")
_OPEN, _CLOSE = set("{(["), set("})]")


class SymbolicError(Exception):
    """The side holds a name, or dots: there is nothing to compute."""


def sides(latex: str) -> list[str]:
    """What stands between the equal signs that are outside of all brackets."""
    found, current, depth = [], "", 0
    for token in re.findall(r"\\[A-Za-z]+|\\.|.", latex):
        depth += (token in _OPEN) - (token in _CLOSE)
        if depth == 0 and token in ("=", r"\approx"):
            found.append(current.strip())
            current = ""
        else:
            current += token
    return [*found, current.strip()]


def value_of(latex: str) -> float:
    """The number that a side is.

    Raises:
        SymbolicError: it holds names.
    """
    reader = _Reader(_TOKEN.findall(latex.replace("{}", "")))
    value = reader.sum()
    if reader.at != len(reader.tokens):
        raise SymbolicError(latex)
    return value


class _Reader:
    """Recursive descent over sums, products, powers; a factor may stand beside another without a sign between them."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if expected and token != expected:
            raise SymbolicError(f"{token!r} where {expected!r} was expected in {' '.join(self.tokens)}")
        self.at += 1
        return token

    def sum(self) -> float:
        value = self.product()
        while self.peek() in ("+", "-"):
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self) -> float:
        if self.peek() == "-":
            self.take()
            return -self.product()
        value = self.power()
        while True:
            if self.peek() == r"\cdot":
                self.take()
                factor = self.power()
                # NaN from nothing times the logarithm of nothing is a product that is left out.
                value = value * factor
            elif self.peek() == "/":
                self.take()
                value = value / self.power()
            elif self.peek() and self.peek() not in ("+", "-", ")", "}", ",", "|", "]"):
                value *= self.power()
            else:
                return value

    def power(self) -> float:
        value = self.factor()
        if self.peek() == "^":
            self.take()
            exponent = self.group()
            value = math.exp(min(700.0, exponent)) if value == math.e else value**exponent
        return value

    def group(self) -> float:
        if self.peek() != "{":
            return self.factor()
        self.take("{")
        value = self.sum()
        self.take("}")
        return value

    def arguments(self) -> list[float]:
        self.take("(")
        values = [self.sum()]
        while self.peek() == ",":
            self.take()
            values.append(self.sum())
        self.take(")")
        return values

    def factor(self) -> float:
        token = self.take()
        if re.fullmatch(r"\d+\.?\d*", token):
            return float(token)
        match token:
            case "-":
                return -self.factor()
            case "(":
                self.at -= 1
                return self.arguments()[0]
            case "|":
                value = self.sum()
                self.take("|")
                return abs(value)
            case "e":
                return math.e
            case r"\pi":
                return math.pi
            case r"\infty":
                return math.inf
            case r"\frac":
                above = self.group()
                below = self.group()
                return above / below if below else math.nan
            case r"\sqrt":
                return math.sqrt(self.group())
            case r"\log":
                value = self.power()
                return math.log(value) if value > 0 else -math.inf
            case r"\sigma":
                return 1 / (1 + math.exp(-self.arguments()[0]))
            case r"\max" | r"\min":
                return {r"\max": max, r"\min": min}[token](self.arguments())
            case r"\mathrm":
                return self.named()
        raise SymbolicError(token)

    def named(self) -> float:
        self.take("{")
        name = self.take()
        self.take("}")
        if name == "sign":
            value = self.arguments()[0]
            return float((value > 0) - (value < 0))
        if name == "NaN":
            return math.nan
        raise SymbolicError(name)
