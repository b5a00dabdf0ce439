"""A person at the distributions: numbers are typed, a billion values stream, and the window stays in hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage
from xvfb import Display, Program, find

from end_to_end.hands import CLOSED, export, is_blank, kept, type_into

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]


def status(shown: dict[str, Any]) -> str:
    label = find(shown, "distributions.status")
    return str(label["text"]) if label is not None else ""


def title(shown: dict[str, Any], figure: str) -> str:
    """What a figure says that it shows."""
    canvas = find(shown, f"distributions.figure.{figure}")
    return str(canvas["accessibleName"]) if canvas is not None else ""


def stream_a_billion(program: Program) -> None:
    """The page of the initialisers with 10^9 values, some of which are drawn."""
    program.click("distributions.view.initializer")
    program.wait_for(lambda shown: title(shown, "sample"), "the sample's figure")
    type_into(program, "distributions.count", "1000000000")
    program.wait_for(lambda shown: "%" in status(shown), "the stream to make progress")


def test_a_user_types_numbers_keeps_a_sample_as_a_and_comes_back(display: Display, home: Path, tmp_path: Path) -> None:
    with Program(display, "--fresh", "--tab", "distributions", cwd=tmp_path) as program:
        program.wait_for(lambda shown: title(shown, "statistics"), "the numbers' figure")
        program.click("distributions.values")
        display.key("ctrl+a")
        display.type("1e3; oops")
        program.wait_for(lambda shown: any("oops" in str(widget.get("text", "")) for widget in shown["widgets"]),
                         "a sentence about the word that is no number")
        display.key("ctrl+a")
        display.type("1e3; 2e3; 3e3")
        display.key("ctrl+Return")
        program.wait_for(lambda shown: kept(home, "distributions").get("values") == "1e3; 2e3; 3e3", "the numbers to be kept")

        program.click("distributions.view.initializer")
        program.click("distributions.preset.linear_64_128")
        program.wait_for(lambda shown: "128" in title(shown, "sample"), "the sample of Linear(64, 128)")
        program.click("distributions.section.Initialiser")  # folded, so that what comes below it can be reached
        program.click("distributions.pin")
        program.wait_for(lambda shown: kept(home, "distributions").get("pin") is True, "the sample to be kept as A")
        program.click("distributions.seed.roll")
        program.wait_for(lambda shown: kept(home, "distributions").get("seed") not in (None, 0), "another seed")

        picture = tmp_path / "sample.png"
        export(program, "distributions", picture)
        program.wait_for(lambda shown: picture.exists(), "the picture")
        image = QImage(str(picture))
        assert (image.width(), image.height()) == (1920, 1080)
        assert not is_blank(image)
        assert program.closed()[:2] == (0, "")

    left = kept(home, "distributions")
    with Program(display, cwd=tmp_path) as program:
        program.wait_for(lambda shown: "128" in title(shown, "sample"), "the same sample again")
        assert kept(home, "distributions") == left
        assert program.closed()[:2] == (0, "")


def test_a_billion_values_can_be_cancelled_and_the_page_answers_again(display: Display, home: Path, tmp_path: Path) -> None:
    with Program(display, "--fresh", "--tab", "distributions", cwd=tmp_path) as program:
        stream_a_billion(program)
        display.key("ctrl+period")
        program.wait_for(lambda shown: "Cancelled" in status(shown), "the stream to be cancelled")
        type_into(program, "distributions.count", "1000")
        program.wait_for(lambda shown: status(shown) == "", "the small sample")
        program.wait_for(lambda shown: kept(home, "distributions").get("count") == 1000, "the small number to be kept")
        assert program.closed()[:2] == (0, "")


def test_closing_while_a_billion_values_stream_ends_at_once_and_silently(display: Display, tmp_path: Path) -> None:
    with Program(display, "--fresh", "--tab", "distributions", cwd=tmp_path) as program:
        stream_a_billion(program)
        code, errors, seconds = program.closed()
        assert (code, errors) == (0, "")
        assert seconds < CLOSED
