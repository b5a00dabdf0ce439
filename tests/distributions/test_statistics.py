"""The Statistics page: what it reads, what it computes, and what it says, against the standard library and numpy."""

from __future__ import annotations

import io
import math
import statistics
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from visualizer.base.errors import UserError
from visualizer.base.explanation import Formula, Paragraph, Table, Verdict
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.numbers_text import MOST_NUMBERS, parse_numbers
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.experiments.distributions.statistics import statistics_of

DISTRIBUTIONS = Distributions()


def state_of(text: str) -> DistributionsState:
    return DistributionsState(view="statistics", values=text)


def result_of(text: str) -> Any:
    *_, result = DISTRIBUTIONS.run(DISTRIBUTIONS.request(state_of(text)))
    assert result is not None
    assert result.progress == 1.0
    return result


def numbers_of(text: str) -> dict[str, Any]:
    return DISTRIBUTIONS.numbers(result_of(text), state_of(text))["statistics"]  # type: ignore[no-any-return]


def formulas_of(text: str) -> list[str]:
    blocks = DISTRIBUTIONS.explain(result_of(text), state_of(text)).blocks
    return [block.latex for block in blocks if isinstance(block, Formula)]


def test_the_lectures_vector_has_the_lectures_numbers() -> None:
    found = numbers_of("2,4,5,6,8")
    assert found == {
        "count": 5, "sum": 25.0, "mean": 5.0, "variance": 4.0, "std": 2.0, "variance_bessel": 5.0,
        "std_bessel": pytest.approx(2.2360680, abs=5e-8), "minimum": 2.0, "maximum": 8.0, "median": 5.0,
    }
    assert numbers_of("10, 20, 30")["mean"] == 20.0


@pytest.mark.parametrize("line", [
    r"\sum x_i = 2 + 4 + 5 + 6 + 8 = 25", r"\bar x = \frac{25}{5} = 5", r"d_i: \quad -3,\; -1,\; 0,\; 1,\; 3",
    r"d_i^2: \quad 9,\; 1,\; 0,\; 1,\; 9", r"\sum d_i^2 = 9 + 1 + 0 + 1 + 9 = 20", r"d_{1} = 2 - 5 = -3",
    r"\sigma^2 = \frac{1}{n} \sum d_i^2 = \frac{20}{5} = 4", r"\sigma = \sqrt{\sigma^2} = \sqrt{4} = 2",
    r"s^2 = \frac{1}{n - 1} \sum d_i^2 = \frac{20}{4} = 5", r"s = \sqrt{s^2} = \sqrt{5} \approx 2.2360680",
])
def test_every_line_of_the_lectures_computation_is_worked_with_its_numbers(line: str) -> None:
    assert line in formulas_of("2,4,5,6,8")


def test_a_long_vector_shows_its_first_terms_and_the_count() -> None:
    line = next(latex for latex in formulas_of(" ".join(map(str, range(1, 1001)))) if latex.startswith(r"\sum x_i"))
    assert line.startswith(r"\sum x_i = 1 + 2 + 3")
    assert r"+ \dots + 1000 = 500500" in line
    assert r"1000\ \mathrm{terms}" in line


def test_every_formula_can_be_typeset() -> None:
    import ziamath

    for text in ("2,4,5,6,8", "7", "1e200 -3e200 1e-5", "0.1 0.2 0.4", " ".join(f"{x / 7}" for x in range(-50, 50))):
        for latex in formulas_of(text):
            assert ziamath.Latex(latex).svg()


@pytest.mark.parametrize(("text", "values"), [
    ("2,4,5", (2, 4, 5)), ("2; 4;5", (2, 4, 5)), ("2\t4\n5\r\n6", (2, 4, 5, 6)), (" 1e-3 -2.5E+2 .5 3. +4", (1e-3, -250, .5, 3, 4)),
    ("[2, 4, 5]", (2, 4, 5)), ("(2, 4)", (2, 4)), ("[[1, 2], [3, 4]]", (1, 2, 3, 4)), ("\u22125, 3", (-5, 3)),
    ("2,5; 3,5", (2.5, 3.5)), ("2,5\t\u22123,25", (2.5, -3.25)), ("2, 5; 3, 5", (2, 5, 3, 5)),
    ('"1","2"', (1, 2)), ("\ufeff1\n2", (1, 2)),
    ("height\n1\n2", (1, 2)), ("height (cm)\n1\n2", (1, 2)), ("x, 1, 2", (1, 2)),
    ("1, 2,,3,", (1, 2, 3)), ("[1,2;3,4]", (1, 2, 3, 4)),
    ("1.5; 2", (1.5, 2)), ("0.125, 1.250, 2", (.125, 1.25, 2)), ("0.125,5", (.125, 5)), ("1\u00a02", (1, 2)),
    ("height\n1,5\n2,5\n", (1.5, 2.5)),
    ("tensor([1., 2., 3.])", (1, 2, 3)), ("tensor([[1, 2],\n        [3, 4]], dtype=torch.float64)", (1, 2, 3, 4)),
    ("np.array([1, 2e-3])", (1, 2e-3)), ("1,5\n2,5", (1, 5, 2, 5)), ("1.5\n2.5\n\n3.5", (1.5, 2.5, 3.5)),
])
def test_numbers_are_read_however_they_are_separated(text: str, values: tuple[float, ...]) -> None:
    assert parse_numbers(text).values == values


@pytest.mark.parametrize(("text", "words"), [
    ("", "There are no numbers yet"), (" ,;\n", "There are no numbers yet"), ("hello", "\u201chello\u201d is no number (place 1)"),
    ("1 2 three 4", "\u201cthree\u201d is no number (place 3)"), ("x 1 y", "\u201cy\u201d is no number (place 2)"),
    ("1, nan", "Number 2 is \u201cnan\u201d"), ("NaN 1", "Number 1 is \u201cNaN\u201d"), ("1 inf", "Number 2 is \u201cinf\u201d"),
    ("-Infinity", "Number 1 is \u201c-Infinity\u201d"), ("3 1e400", "Number 2, \u201c1e400\u201d, is too large"),
    ("1..2", "is no number (place 1)"), ("1_000", "is no number (place 1)"), ("1,234.5; 2", "separator of thousands"),
    ("0 " * (MOST_NUMBERS + 1), "takes at most 100,000"), ("id,height\n1,1.5\n2,2.5", "These are 2 columns: id, height."),
    ("name;h\nAnna;1,5", "paste one column alone"), ('"a"\t"b"\n1\t2', "These are 2 columns: a, b."),
    ("tensor([1., ..., 2.])", "\u201c...\u201d is no number (place 2)"), ("1\n2\nNA", "\u201cNA\u201d is no number (place 3)"),
])
def test_what_cannot_be_read_is_answered_with_a_sentence(text: str, words: str) -> None:
    with pytest.raises(UserError) as caught:
        list(DISTRIBUTIONS.run(DISTRIBUTIONS.request(state_of(text))))
    assert words in caught.value.sentence
    assert caught.value.sentence.endswith(".")
    assert DISTRIBUTIONS.code(state_of(text)).startswith("# ")


def test_a_header_and_decimal_commas_are_said() -> None:
    assert "left out" in DISTRIBUTIONS.figures(result_of("age\n3\n4"), state_of(""))[0].note
    assert parse_numbers("2,5; 3,5").notes == ("Commas were read as decimal commas.",)
    assert "semicolons" in parse_numbers("2,5 3,5").notes[0]
    assert parse_numbers("2,4,5").notes == ()


def test_one_number_has_no_spread_with_n_and_none_at_all_with_n_minus_1() -> None:
    found = numbers_of("7")
    assert (found["variance"], found["std"], found["variance_bessel"], found["std_bessel"]) == (0.0, 0.0, None, None)
    blocks = DISTRIBUTIONS.explain(result_of("7"), state_of("7")).blocks
    assert isinstance(blocks[0], Verdict)
    assert "not defined" in blocks[0].text
    assert any(isinstance(block, Paragraph) and "at least two numbers" in block.text for block in blocks)


@given(st.floats(-1e300, 1e300), st.integers(1, 50))
def test_equal_numbers_are_equal_to_their_mean(value: float, count: int) -> None:
    found = statistics_of([value] * count)
    assert (found.mean, found.variance, found.std) == (value, 0.0, 0.0)


def test_squares_that_overflow_leave_the_standard_deviation_right() -> None:
    found = numbers_of("1e200, 3e200")
    assert found["variance"] is None
    assert found["std"] == pytest.approx(1e200, rel=1e-14)
    assert found["std_bessel"] == pytest.approx(math.sqrt(2) * 1e200, rel=1e-14)
    blocks = DISTRIBUTIONS.explain(result_of("1e200, 3e200"), state_of("")).blocks
    assert any(isinstance(block, Paragraph) and "largest float64" in block.text for block in blocks)
    assert r"s^2 = \frac{1}{n - 1} \sum d_i^2 = \frac{\mathrm{too\ large}}{1} = \mathrm{too\ large}" in formulas_of("1e200, 3e200")
    assert isinstance(blocks[0], Verdict)
    assert blocks[0].text == "2 numbers, mean 2e200: standard deviation 1e200 with n, 1.4142136e200 with n \u2212 1."
    assert numbers_of("1e-200 3e-200")["std"] == pytest.approx(1e-200, rel=1e-14)
    assert numbers_of("1.7e308 1.7e308 1.7e308")["mean"] == 1.7e308


@given(st.lists(st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100), min_size=2, max_size=40))
def test_the_statistics_are_those_of_exact_arithmetic(values: list[float]) -> None:
    found = statistics_of(values)
    spread = max(abs(value) for value in values)
    assert found.mean == pytest.approx(statistics.mean(values), rel=2.3e-16, abs=5e-324)
    assert found.median == pytest.approx(statistics.median(values), rel=1e-15, abs=5e-324)
    # A difference below the rounding of the largest value is lost in float64 itself.
    for mine, exact in ((found.std, statistics.pstdev(values)), (found.std_bessel, statistics.stdev(values))):
        assert mine == pytest.approx(exact, rel=1e-12, abs=1e-16 * spread)


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=50), st.sampled_from([0.0, 1e6, 1e9, 1e12, -1e12]))
def test_a_large_offset_costs_no_digits(values: list[int], offset: float) -> None:
    found = statistics_of([value + offset for value in values])
    assert found.variance == pytest.approx(float(np.var(values)), rel=1e-12, abs=1e-20)
    assert found.variance_bessel == pytest.approx(statistics.variance(values), rel=1e-12, abs=1e-20)


@pytest.mark.parametrize("text", ["2,4,5,6,8", "10 20 30", "0.1 0.2 0.4 1e-3", "age\n3\n4", "2,5; 3,5", "1e9 1000000004"])
def test_the_code_finds_the_same_numbers(text: str) -> None:
    found, scope, said = numbers_of(text), {}, io.StringIO()
    with redirect_stdout(said):
        exec(DISTRIBUTIONS.code(state_of(text)), scope)
    x = scope["x"]
    assert x.mean().item() == pytest.approx(found["mean"], rel=1e-12)
    for correction, ending in ((0, ""), (1, "_bessel")):
        assert torch.var(x, correction=correction).item() == pytest.approx(found[f"variance{ending}"], rel=1e-12)
        assert torch.std(x, correction=correction).item() == pytest.approx(found[f"std{ending}"], rel=1e-12)
    assert f"std = {found['std_bessel']:.10g}" in said.getvalue()


@pytest.mark.parametrize("text", ["7", "1e200, 3e200", "0 0 0", " ".join(map(str, range(1500)))])
def test_the_code_runs_for_any_numbers(text: str) -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        exec(DISTRIBUTIONS.code(state_of(text)), {})
    assert "mean" in said.getvalue()
    assert "inf" not in said.getvalue()


@pytest.mark.parametrize("text", [
    "2,4,5,6,8", "7", "3 3 3", "0.1 0.1 0.1", " ".join(map(str, range(300))), "5 " * 300, "1e200 -3e200", "1e-300 2e-300",
    "1.7e308 -1.7e308",
])
def test_both_figures_are_drawn_in_finite_numbers(text: str) -> None:
    figures = DISTRIBUTIONS.figures(result_of(text), state_of(text))
    assert tuple(figure.name for figure in figures) == ("statistics", "deviations")
    for figure in figures:
        assert figure.layers or figure.note
        for layer in figure.layers:
            for value in vars(layer).values():
                if isinstance(value, np.ndarray):
                    assert np.isfinite(value).all()
                    assert not value.flags.writeable


def test_equal_numbers_are_stacked_and_many_become_a_histogram_that_counts_all() -> None:
    dots = next(layer for layer in DISTRIBUTIONS.figures(result_of("3 1 3"), state_of(""))[0].layers if layer.key == "values")
    assert list(zip(dots.x.tolist(), dots.y.tolist(), strict=True)) == [(1, 1), (3, 1), (3, 2)]
    many = " ".join(str(x * x) for x in range(500))
    bars = next(layer for layer in DISTRIBUTIONS.figures(result_of(many), state_of(""))[0].layers if layer.key == "histogram")
    assert bars.height.sum() == 500


def test_the_table_says_both_divisors_side_by_side() -> None:
    blocks = DISTRIBUTIONS.explain(result_of("2,4,5,6,8"), state_of("")).blocks
    table = next(block for block in blocks if isinstance(block, Table))
    assert table.rows[:3] == (("divisor", "5", "4"), ("variance", "4", "5"), ("standard deviation", "2", "2.2360680"))


@pytest.mark.parametrize("between", ["\n", ", ", "; ", "\t"])
def test_a_long_paste_is_read_in_short_steps_and_only_once(between: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = between.join(repr(0.1 + x / 7e5) for x in range(MOST_NUMBERS))
    state = state_of(text)
    steps = list(DISTRIBUTIONS.run(DISTRIBUTIONS.request(state)))
    assert len(steps) > 12  # each of a few thousand words
    monkeypatch.setattr("visualizer.experiments.distributions.numbers_text.parse_in_parts", None)
    assert "The first 1,000 of your 100,000 numbers" in DISTRIBUTIONS.code(state)


def test_a_refused_paste_is_not_read_again_for_its_code(monkeypatch: pytest.MonkeyPatch) -> None:
    state = state_of("1 2 three")
    with pytest.raises(UserError):
        list(DISTRIBUTIONS.run(DISTRIBUTIONS.request(state)))
    monkeypatch.setattr("visualizer.experiments.distributions.numbers_text.parse_in_parts", None)
    assert DISTRIBUTIONS.code(state).startswith("# \u201cthree\u201d is no number")
