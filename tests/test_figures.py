"""A figure's data as a table, read back with csv and compared."""

from __future__ import annotations

import csv
import io
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.plots.figures_for_tests import everything, line, markers, one
from visualizer.base.roles import Role
from visualizer.figures.model import Bars, Figure, Heat, Rule, Segments, Span, readonly
from visualizer.figures.palette import PALETTES
from visualizer.figures.table import COLUMNS, figure_csv, figure_rows, figure_tsv


def read(figure: Figure) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(figure_csv(figure))))


def column(rows: list[dict[str, str]], layer: str, name: str) -> list[float]:
    return [float(row[name]) for row in rows if row["layer"] == layer]


@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=30))
def test_numbers_come_back_to_the_last_bit(values: list[tuple[float, float]]) -> None:
    x, y = [v[0] for v in values], [v[1] for v in values]
    rows = read(one(line(x, y, label="a curve")))
    for wanted, got in ((x, column(rows, "line", "x")), (y, column(rows, "line", "y"))):
        assert np.array(wanted).tobytes() == np.array(got).tobytes() or all(
            a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(wanted, got, strict=True)
        )
    assert [int(row["index"]) for row in rows] == list(range(len(values)))


def test_columns_that_no_layer_fills_are_left_out() -> None:
    assert figure_rows(one(line([1], [2])))[0] == ["layer", "label", "kind", "index", "x", "y"]
    assert figure_rows(one(markers([1], [2], texts=("P1",))))[0] == [
        "layer", "label", "kind", "index", "x", "y", "text"]
    assert figure_rows(everything())[0] == list(COLUMNS)


def test_every_layer_of_a_figure_is_in_its_table() -> None:
    figure = everything()
    rows = read(figure)
    assert {row["layer"] for row in rows} == {layer.key for layer in figure.layers}
    assert {row["kind"] for row in rows} == {
        "heat", "span", "band", "bars", "line", "segments", "markers", "rule", "note"}


def test_what_the_columns_of_each_kind_mean() -> None:
    rows = read(one(
        Segments(key="s", role=Role.STEP, x0=readonly([1]), y0=readonly([2]), x1=readonly([3]), y1=readonly([4])),
        Bars(key="b", role=Role.DATA, left=readonly([0]), right=readonly([1]), height=readonly([5]), base=-1.0),
        Heat(key="h", role=Role.DATA, values=readonly([[1, 2], [3, 4]]), x_range=(0, 4), y_range=(10, 14)),
        Rule(key="v", role=Role.STEP, position=7.0, text="here"),
        Rule(key="l", role=Role.STEP, position=8.0, vertical=False),
        Span(key="p", role=Role.STEP, start=1.0, end=math.inf),
    ))
    by = {row["layer"]: row for row in rows if row["index"] == "0"}
    assert [by["s"][name] for name in ("x", "y", "x2", "y2")] == ["1.0", "2.0", "3.0", "4.0"]
    assert [by["b"][name] for name in ("x", "y", "x2", "y2")] == ["0.0", "5.0", "1.0", "-1.0"]
    assert [by["v"][name] for name in ("x", "y", "text")] == ["7.0", "", "here"]
    assert [by["l"][name] for name in ("x", "y")] == ["", "8.0"]
    assert [by["p"][name] for name in ("x", "x2")] == ["1.0", "inf"]
    cells = [tuple(float(row[name]) for name in ("x", "y", "value")) for row in rows if row["layer"] == "h"]
    assert cells == [(1.0, 11.0, 1.0), (3.0, 11.0, 2.0), (1.0, 13.0, 3.0), (3.0, 13.0, 4.0)]


def test_text_is_quoted_and_a_formula_is_made_harmless() -> None:
    names = ('a "quoted", name', "two\nlines", '=HYPERLINK("x")', "@sum", "P1")
    rows = read(one(markers([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], texts=names)))
    assert [row["text"] for row in rows] == [names[0], names[1], "'" + names[2], "'@sum", "P1"]


def test_a_negative_number_is_a_number() -> None:
    assert "-2.5" in figure_csv(one(line([-2.5], [1]))).splitlines()[1].split(",")


def test_the_clipboard_gets_the_same_table_with_tabs() -> None:
    figure = everything()
    tabs = list(csv.reader(io.StringIO(figure_tsv(figure)), delimiter="\t"))
    assert tabs == list(csv.reader(io.StringIO(figure_csv(figure))))


def test_every_role_has_a_colour_in_every_palette() -> None:
    for palette in PALETTES.values():
        assert set(palette.roles) == set(Role)
