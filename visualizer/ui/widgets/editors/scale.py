"""The mathematics of a slider: positions to values and back, tidy steps, and short texts. No Qt."""

from __future__ import annotations

import math
import re

_POSITIONS = 1000
_RATIO = 10 ** (1 / 20)  # a step on a logarithmic scale: 20 steps for each power of ten


class SliderScale:
    """The map between slider positions 0..``last`` and values ``low``..``high``, linear or logarithmic.

    Integer scales that are short enough have one position for each number.
    """

    def __init__(self, low: float, high: float, log: bool, integer: bool) -> None:
        self.low, self.high = low, max(low, high)
        self.log = log and low > 0 and self.high > low
        self.integer = integer
        self.last = _POSITIONS
        if integer and not self.log and self.high - self.low <= 10 * _POSITIONS:
            self.last = max(1, round(self.high - self.low))

    def value(self, position: int) -> float:
        """The tidy value at a position; the ends are exact."""
        if position <= 0 or self.high == self.low:
            return self.low
        if position >= self.last:
            return self.high
        share = position / self.last
        if self.log:
            value = _significant(self.low * (self.high / self.low) ** share, 3)
        else:
            value = self.low + (self.high - self.low) * share
            if not self.integer:
                value = round(value, _decimals((self.high - self.low) / self.last))
        if self.integer:
            value = float(round(value))
        return min(max(value, self.low), self.high)

    def position(self, value: float) -> int:
        """The position nearest to a value; values outside go to the ends."""
        if value <= self.low or self.high == self.low:
            return 0
        if value >= self.high:
            return self.last
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return round(share * self.last)

    def stepped(self, value: float, steps: float) -> float:
        """The value some steps further: a fixed ratio on a logarithmic scale, a tidy amount on a linear one.

        Not limited to the scale's ends; the caller knows the full range.
        """
        if self.log and value > 0:
            result = _significant(value * _RATIO**steps, 3)
            if self.integer:
                whole = math.copysign(max(1.0, abs(steps)), steps)
                result = round(result) if abs(result - value) >= 1 else value + (whole if value > 0 else 0)
            return result
        if self.integer:
            whole = max(1, round(_tidy((self.high - self.low) / 100)))
            return value + math.copysign(max(1, round(whole * abs(steps))), steps)
        amount = _tidy((self.high - self.low) / 100 or 0.01)
        return round(value + steps * amount, _decimals(amount) + 4)


def short_number(value: float, digits: int) -> str:
    """A number for an edit field: at most ``digits`` significant digits, nothing superfluous (``1e-7``, ``0.05``)."""
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    value = _significant(value, digits) if abs(value) < 10**digits else float(round(value))
    if 1e-4 <= abs(value) < 1e7:
        exponent = math.floor(math.log10(abs(value)))
        text = f"{value:.{max(0, digits - 1 - exponent)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        mantissa, _, power = f"{value:.{digits - 1}e}".partition("e")
        text = f"{mantissa.rstrip('0').rstrip('.')}e{int(power)}"
    return text.replace("-", "\u2212", 1) if value < 0 else text


def plain_number(text: str, integer: bool) -> str:
    """What was typed, with a decimal comma as a point and without the commas or blanks between thousands."""
    clean = re.sub(r"(?<=\d)[\s\u00a0\u202f](?=\d{3})", "", text.strip())
    if integer and re.fullmatch(r"[+\-\u2212]?\d{1,3}(,\d{3})+", clean):
        return clean.replace(",", "")
    if clean.count(",") == 1 and "." not in clean:
        return clean.replace(",", ".")
    return clean


def _significant(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")


def _tidy(amount: float) -> float:
    """The power of ten nearest to an amount."""
    return 10.0 ** round(math.log10(amount))


def _decimals(amount: float) -> int:
    """How many decimals tell steps of this size apart."""
    return max(0, -math.floor(math.log10(amount))) if amount > 0 else 0
