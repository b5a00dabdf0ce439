"""Sliders' mathematics and the texts of number boxes."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualizer.ui.widgets.editors.scale import SliderScale, plain_number, short_number

finite = st.floats(-1e9, 1e9, allow_nan=False)


@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6), share=st.floats(0, 1))
def test_a_linear_position_is_within_one_step_of_its_value(low: float, width: float, share: float) -> None:
    scale = SliderScale(low, low + width, log=False, integer=False)
    value = low + share * width
    back = scale.value(scale.position(value))
    assert abs(back - value) <= 1.6 * width / scale.last
    assert scale.low <= back <= scale.high


@given(low=st.floats(1e-9, 1.0), decades=st.floats(0.5, 8), share=st.floats(0, 1))
def test_a_logarithmic_position_is_within_one_step_in_ratio(low: float, decades: float, share: float) -> None:
    scale = SliderScale(low, low * 10**decades, log=True, integer=False)
    value = low * 10 ** (decades * share)
    back = scale.value(scale.position(value))
    assert abs(math.log10(back / value)) <= decades / scale.last + 0.003  # three significant digits
    assert scale.low <= back <= scale.high


@pytest.mark.parametrize(("low", "high", "log", "integer"), [
    (1e-4, 10.0, True, False), (1, 100_000, True, True), (2, 17, False, True), (-3.0, 3.0, False, False),
    (0.0, 0.999, False, False),
])
def test_the_ends_of_a_slider_are_exact(low: float, high: float, log: bool, integer: bool) -> None:
    scale = SliderScale(low, high, log, integer)
    assert (scale.value(0), scale.value(scale.last)) == (low, high)
    assert (scale.position(low - 5), scale.position(high + 5)) == (0, scale.last)


def test_a_short_whole_number_range_has_one_position_for_each_number() -> None:
    scale = SliderScale(2, 17, log=False, integer=True)
    assert [scale.value(position) for position in range(scale.last + 1)] == list(range(2, 18))


@given(st.integers(1, 100_000))
def test_a_step_on_a_logarithmic_whole_number_scale_always_moves(value: int) -> None:
    scale = SliderScale(1, 100_000, log=True, integer=True)
    assert scale.stepped(value, 1) >= value + 1
    assert scale.stepped(value, -1) <= value - 1
    assert float(scale.stepped(value, 1)).is_integer()


def test_steps_on_a_logarithmic_scale_are_ratios_and_come_back() -> None:
    scale = SliderScale(1e-4, 10, log=True, integer=False)
    value = 0.05
    for _ in range(20):
        value = scale.stepped(value, 1)
    assert value == pytest.approx(0.5, rel=0.02)
    assert scale.stepped(scale.stepped(0.05, 1), -1) == pytest.approx(0.05, rel=1e-3)


def test_a_degenerate_range_has_one_value() -> None:
    scale = SliderScale(2, 2, log=False, integer=True)
    assert scale.value(0) == scale.value(1) == 2


@given(finite)
def test_a_short_text_is_the_value_to_four_digits(value: float) -> None:
    text = short_number(value, 4)
    back = float(text.replace("\u2212", "-"))
    assert back == pytest.approx(value, rel=6e-4, abs=1e-300)


@pytest.mark.parametrize(("value", "text"), [
    (0.05, "0.05"), (15.3, "15.3"), (1e-7, "1e-7"), (123456.0, "123456"), (0.0, "0"), (-2.5, "\u22122.5"),
    (1 / 3, "0.3333"), (2.5e-12, "2.5e-12"), (9.99996, "10"), (5000.0, "5000"),
])
def test_short_texts_have_nothing_superfluous(value: float, text: str) -> None:
    assert short_number(value, 4) == text


@pytest.mark.parametrize(("typed", "integer", "plain"), [
    ("0,05", False, "0.05"), (" 1e-3 ", False, "1e-3"), ("1,000", True, "1000"), ("12,345,678", True, "12345678"),
    ("1 000", True, "1000"), ("1,5", True, "1.5"), ("1.5,2", False, "1.5,2"), ("-0,5", False, "-0.5"),
])
def test_decimal_commas_and_thousands_are_understood(typed: str, integer: bool, plain: str) -> None:
    assert plain_number(typed, integer) == plain
