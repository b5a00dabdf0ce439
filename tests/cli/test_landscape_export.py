"""The landscape through the command line, as a script uses it: the lecture's four experiments, and every page."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from visualizer.__main__ import main
from visualizer.experiments.landscape.experiment import Landscape


def exported(path: Path, *words: str) -> Any:
    assert main(["export", "landscape", *words, "--out", str(path)]) == 0
    return json.loads(path.read_bytes(), parse_constant=lambda token: pytest.fail(f"{token} is not JSON"))


@pytest.mark.parametrize(
    ("remove", "x", "value", "full_value", "near"),
    [
        # Computed independently in double precision; given to 0.01, agreement is 0.03 in x.
        ("none", 14.58, 8.17, 8.17, "P14"),
        ("P9-P13", 10.06, 2.30, None, "P8"),
        ("P7-P13", 4.33, -0.03, None, None),
        ("P5-P14", 11.67, -1.00, 4.33, None),
    ],
)
@pytest.mark.parametrize("alpha", ["0.005", "0.05", "0.1"])
def test_the_lectures_table_comes_out(
    tmp_path: Path, remove: str, x: float, value: float, full_value: float | None, near: str | None, alpha: str
) -> None:
    written = exported(
        tmp_path / "descent.json", "--start", "15.30", "--alpha", alpha, "--steps", "20000", "--remove", remove,
        "--interpolant", "lagrange", "--optimizer", "sgd", "--seed", "1", "--tolerance", "1e-7",
    )
    landing = written["landing"]
    assert landing["x"] == pytest.approx(x, abs=0.03)
    assert landing["value"] == pytest.approx(value, abs=0.03)
    if full_value is not None:
        assert landing["full_value"] == pytest.approx(full_value, abs=0.05)
    if near is not None:
        assert landing["near"] == near
    assert isinstance(landing["verdict"], str)
    assert written["trajectory"][0] == 15.30
    assert written["trajectory"][-1] == landing["x"]


@pytest.mark.parametrize("view", [view.name for view in Landscape.views])
def test_every_page_exports_its_numbers_and_the_data_of_its_figures(tmp_path: Path, view: str) -> None:
    words = ("--view", view, "--runs", "20", "--batch-steps", "20", "--steps", "50")
    assert exported(tmp_path / "page.json", *words)["view"] == view
    assert main(["export", "landscape", *words, "--all", "--format", "csv", "--out", str(tmp_path / "all")]) == 0
    figures = next(entry.figures for entry in Landscape.views if entry.name == view)
    assert {path.name for path in (tmp_path / "all").iterdir()} == {f"landscape-{name}.csv" for name in figures}
    for path in (tmp_path / "all").iterdir():
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        assert len(rows) > 1, path.name


def test_fewer_than_two_points_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "landscape", "--remove", "P1-P16", "--out", str(tmp_path / "x.json")]) == 2
    err = capsys.readouterr().err
    assert err.startswith("visualizer: ")
    assert err.count("\n") == 1
    assert not (tmp_path / "x.json").exists()
