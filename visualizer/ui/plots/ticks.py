"""Where ticks stand and what they say: round numbers, decades, whole numbers, or the figure's own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_MAXIMUM = 60


@dataclass(frozen=True)
class Ticks:
    """Ticks in view coordinates (log10 on a logarithmic axis): positions with texts, and unlabelled ones between."""

    positions: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()
    minor: tuple[float, ...] = ()


def linear_ticks(low: float, high: float, count: float, integer: bool = False) -> Ticks:
    """About ``count`` ticks at 1, 2 or 5 times a power of ten within [low, high]."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return Ticks()
    raw = span / max(count, 1.0)
    exponent = math.floor(math.log10(raw))
    mantissa = raw / 10.0**exponent
    nice = next((step for step in (1, 2, 5) if mantissa <= step * 1.0000001), 10)
    if integer and exponent < 0:
        nice, exponent = 1, 0
    if nice == 10:
        nice, exponent = 1, exponent + 1
    step = nice * 10.0**exponent
    if not step > 0.0:
        return Ticks()
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last < first and nice > 1:  # a view that ends right beside 0 may lie between two multiples of a wide step
        nice = 1
        step = 10.0**exponent
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if last - first > _MAXIMUM or abs(first) > 1e15:
        return Ticks((low, high), (f"{low:.17g}", f"{high:.17g}"))
    # An integer times an exact power of ten: 0.3, never 0.30000000000000004.
    positions = tuple(
        index * nice * 10.0**exponent if exponent >= 0 else index * nice / 10.0**-exponent
        for index in range(first, last + 1)
    )
    return Ticks(positions, tick_texts(positions, exponent))


def tick_texts(positions: Sequence[float], exponent: int) -> tuple[str, ...]:
    """Texts for multiples of a step of order 10**exponent: plain digits, or all as mantissa and power of ten."""
    largest = max((abs(position) for position in positions), default=0.0)
    if largest == 0.0:
        return tuple("0" for _ in positions)
    order = math.floor(math.log10(largest) + 1e-12)
    if -4 <= order < 6 and exponent >= -12:
        decimals = max(0, -exponent)
        return tuple(_signed(f"{position:.{decimals}f}") for position in positions)
    decimals = min(max(0, order - exponent), 12)
    suffix = "×10" + str(order).translate(_SUPERSCRIPT)
    texts = []
    for position in positions:
        digits = _signed(f"{_scaled(position, order):.{decimals}f}")
        texts.append("0" if position == 0.0 else digits + suffix)
    return tuple(texts)


def _scaled(value: float, order: int) -> float:
    """value / 10**order without overflow for subnormal orders."""
    return value / 10.0**order if order > -300 else value * 1e300 / 10.0 ** (order + 300)


def _signed(text: str) -> str:
    return text.replace("-", "−") if float(text) != 0.0 else text.lstrip("-")


def log_ticks(low: float, high: float, count: float) -> Ticks:
    """Ticks for an axis from 10**low to 10**high; positions are logarithms."""
    span = high - low
    if not (math.isfinite(span) and span > 0):
        return Ticks()
    if span < 0.6 and low > -300 and high < 300:
        return log_ticks_at_values(low, high, count)
    first, last = math.ceil(low - 1e-9), math.floor(high + 1e-9)
    stride = next((s for s in (1, 2, 3, 5, 10, 20, 50, 100, 200) if span / s <= max(count, 1.0)), 500)
    decades = list(range(first + -first % stride, last + 1, stride))
    within = range(math.floor(low), math.floor(high) + 1)
    between = [(k, m) for k in within for m in range(2, 10) if low <= k + math.log10(m) <= high] if span < 25 else []
    labelled: list[tuple[int, int]] = [(k, 1) for k in decades]
    if stride == 1:
        for chosen in ((2, 3, 4, 5, 6, 7, 8, 9), (2, 5), (3,)):
            extra = [(k, m) for k, m in between if m in chosen]
            if len(decades) + len(extra) <= max(count, 2.0):
                labelled += extra
                break
    labelled.sort()
    used = set(labelled)
    minor = tuple(k + math.log10(m) for k, m in between if (k, m) not in used)
    if stride > 1:
        minor = tuple(float(k) for k in range(first, last + 1) if k % stride) if last - first <= 220 else ()
    powers = bool(decades) and (min(decades) < -3 or max(decades) > 4)
    return Ticks(tuple(k + math.log10(m) for k, m in labelled), tuple(_log_text(k, m, powers) for k, m in labelled),
                 minor if len(minor) <= 200 else ())


def log_ticks_at_values(low: float, high: float, count: float) -> Ticks:
    """Ticks at evenly spaced values on a logarithmic axis from 10**low to 10**high: for less than a decade."""
    if not (low > -300 and high < 300):
        return Ticks()
    plain = linear_ticks(10.0**low, 10.0**high, count)
    pairs = [(math.log10(value), text) for value, text in zip(plain.positions, plain.texts, strict=True) if value > 0]
    return Ticks(tuple(p for p, _ in pairs), tuple(t for _, t in pairs))


def _log_text(exponent: int, mantissa: int, powers: bool) -> str:
    if not powers:
        return f"{mantissa * 10**exponent}" if exponent >= 0 else f"{mantissa / 10**-exponent:.{-exponent}f}"
    power = "10" + str(exponent).translate(_SUPERSCRIPT)
    return power if mantissa == 1 else f"{mantissa}×{power}"


def own_ticks(ticks: Sequence[tuple[float, str]], low: float, high: float, log: bool) -> Ticks:
    """A figure's explicit ticks that lie in the view."""
    placed = [
        (math.log10(position) if log else position, text)
        for position, text in ticks if math.isfinite(position) and (not log or position > 0)
    ]
    placed = [(position, text) for position, text in placed if low - 1e-12 <= position <= high + 1e-12]
    return Ticks(tuple(p for p, _ in placed), tuple(t for _, t in placed))
