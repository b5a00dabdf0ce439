"""Tick positions and texts."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from visualizer.ui.plots.ticks import linear_ticks, log_ticks, own_ticks


def _value(text: str) -> float:
    digits = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
    if "10" in text and any(c in text for c in "⁰¹²³⁴⁵⁶⁷⁸⁹"):
        mantissa, _, power = text.rpartition("10")
        factor = float(mantissa.rstrip("×").translate(digits)) if mantissa else 1.0
        return factor * 10.0 ** int(power.translate(digits))
    return float(text.translate(digits))


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(2, 12))
@example(-400000040502.0, 400000040001.0, 2)
def test_ticks_lie_in_the_view_are_evenly_spaced_and_say_what_they_are(low: float, span: float, count: int) -> None:
    high = low + span
    if not high - low > 1e-9 * abs(low):
        return
    ticks = linear_ticks(low, high, count)
    assert 1 <= len(ticks.positions) <= 2.6 * count + 2
    for position, text in zip(ticks.positions, ticks.texts, strict=True):
        assert low - 1e-6 * span <= position <= high + 1e-6 * span
        assert _value(text) == pytest.approx(position, abs=1e-3 * span)
    assert len(set(ticks.texts)) == len(ticks.texts)


def test_a_tenth_is_a_tenth_and_minus_is_a_minus_sign() -> None:
    assert linear_ticks(-0.2, 0.41, 7).texts == ("−0.2", "−0.1", "0.0", "0.1", "0.2", "0.3", "0.4")


def test_large_numbers_share_a_power_of_ten_and_no_prefix() -> None:
    ticks = linear_ticks(0.0, 4e7, 4)
    assert ticks.texts == ("0", "1×10⁷", "2×10⁷", "3×10⁷", "4×10⁷")


def test_whole_number_axes_have_whole_ticks() -> None:
    assert linear_ticks(0.4, 3.6, 10, integer=True).positions == (1, 2, 3)


@given(st.floats(-290, 290), st.floats(0.01, 300), st.integers(2, 12))
def test_log_ticks_lie_in_the_view_and_say_what_they_are(low: float, span: float, count: int) -> None:
    span = min(span, 300.0 - low)
    ticks = log_ticks(low, low + span, count)
    for position, text in zip(ticks.positions, ticks.texts, strict=True):
        assert low - 1e-6 <= position <= low + span + 1e-6
        assert math.log10(_value(text)) == pytest.approx(position, abs=1e-3)
    assert len(ticks.positions) <= 2.6 * count + 2


def test_three_decades_are_labelled_at_the_decades() -> None:
    assert log_ticks(-1.0, 2.0, 5).texts == ("0.1", "1", "10", "100")
    assert log_ticks(-6.0, 0.0, 8).texts == ("10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³", "10⁻²", "10⁻¹", "10⁰")


def test_a_figures_own_ticks_are_kept_when_in_view() -> None:
    ticks = own_ticks(((1.0, "SGD"), (2.0, "Adam"), (9.0, "gone")), 0.5, 2.5, False)
    assert ticks.texts == ("SGD", "Adam")


def test_a_huge_logarithmic_span_has_few_ticks() -> None:
    ticks = log_ticks(-1e6, 1e6, 8)
    assert len(ticks.positions) < 10_000
    assert ticks.minor == ()
