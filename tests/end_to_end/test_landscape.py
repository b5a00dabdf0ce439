"""A person at the landscape: the program in a real window with a window manager, used by mouse and keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage
from xvfb import Display, Program, find

from end_to_end.hands import CLOSED, export, is_blank, kept, on_screen, type_into

pytestmark = [pytest.mark.display, pytest.mark.timeout(300)]


def main_plot(shown: dict[str, Any]) -> dict[str, Any] | None:
    return next((plot for plot in shown["plots"] if plot["name"] == "landscape.figure.descent"), None)


def wait_until_ready(program: Program) -> None:
    """Torch is loaded and the first descent is drawn: its last step is on the transport bar."""
    program.wait_for(main_plot, "the main figure")
    program.wait_for(lambda shown: position(shown)[1] > 0, "the first result")


def position(shown: dict[str, Any]) -> tuple[int, int]:
    """The step that is shown and the last one, as the transport bar says; 0, 0 before there is a result."""
    label = find(shown, "landscape.position")
    numbers = re.findall(r"\d+", label["text"].replace(",", "")) if label is not None else []
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 else (0, 0)


def test_a_user_removes_a_point_types_alpha_exports_the_picture_and_comes_back(
    display: Display, home: Path, tmp_path: Path
) -> None:
    with Program(display, "--fresh", "--tab", "landscape", cwd=tmp_path) as program:
        wait_until_ready(program)
        assert kept(home, "landscape").get("remove", []) == []

        # A click on P10 leaves it out; the session that the program keeps shows it.
        points = {name: (x, y) for name, x, y in kept(home, "landscape").get("points", default_points())}
        plot = main_plot(program.shown())
        assert plot is not None
        display.click(*on_screen(plot, *points["P10"]))
        program.wait_for(lambda shown: kept(home, "landscape").get("remove") == ["P10"], "P10 to be left out")

        type_into(program, "landscape.alpha", "0.02")
        program.wait_for(lambda shown: kept(home, "landscape").get("alpha") == 0.02, "alpha to be 0.02")
        display.key("ctrl+z")
        program.wait_for(lambda shown: kept(home, "landscape").get("alpha") == 0.05, "alpha to be undone")
        display.key("ctrl+shift+z")
        program.wait_for(lambda shown: kept(home, "landscape").get("alpha") == 0.02, "alpha to be done again")

        program.click("landscape.to_start.button")
        program.wait_for(lambda shown: position(shown)[0] == 0, "the start of the run")
        program.click("landscape.run.button")
        program.wait_for(lambda shown: 0 < position(shown)[0] < position(shown)[1], "the dot on its way")
        program.wait_for(lambda shown: position(shown)[0] == position(shown)[1], "the end of the run")

        picture = tmp_path / "descent.png"
        export(program, "landscape", picture)
        program.wait_for(lambda shown: picture.exists(), "the picture")
        image = QImage(str(picture))
        assert (image.width(), image.height()) == (1920, 1080)
        assert not is_blank(image)

        # The same name again: it is asked, and Escape keeps the file that there is.
        written = picture.stat().st_mtime_ns
        export(program, "landscape", picture)
        program.wait_for(lambda shown: (box := find(shown, "window.confirm")) and box["isActiveWindow"], "the question")
        display.key("Escape")
        program.wait_for(lambda shown: not find(shown, "window.confirm"), "the question to go away")
        assert picture.stat().st_mtime_ns == written

        status, errors, seconds = program.closed()
        assert (status, errors) == (0, "")
        assert seconds < CLOSED

    # Without --fresh the next start shows what was left.
    with Program(display, cwd=tmp_path) as program:
        wait_until_ready(program)
        box = find(program.shown(), "landscape.alpha")
        assert box is not None
        assert float(box["text"]) == 0.02
        assert kept(home, "landscape")["remove"] == ["P10"]
        assert program.closed()[:2] == (0, "")


def default_points() -> list[tuple[str, float, float]]:
    from visualizer.experiments.landscape.state import default_points

    return [(point.name, point.x, point.y) for point in default_points()]


def test_on_a_small_screen_nothing_of_the_window_is_cut_off(display: Display, tmp_path: Path) -> None:
    def seen_whole(shown: dict[str, Any], name: str) -> bool:
        widget = find(shown, name)
        if widget is None:
            return False
        left, top, width, height = widget["place"]
        return min(left, top) >= 0 and left + width <= display.width and top + height <= display.height

    with Program(display, "--fresh", "--tab", "landscape", cwd=tmp_path) as program:
        wait_until_ready(program)
        for name in ("window.status", "landscape.run.button", "landscape.reset.button"):
            program.wait_for(lambda shown, name=name: seen_whole(shown, name), f"the whole of {name}")
        display.key("F5")
        program.wait_for(lambda shown: find(shown, "window.status") is None, "presentation mode")
        for name in ("window", "landscape.run.button", "landscape.reset.button"):
            program.wait_for(lambda shown, name=name: seen_whole(shown, name), f"the whole of {name}")
        assert program.closed()[:2] == (0, "")


def test_closing_in_the_middle_of_a_long_run_ends_at_once_and_silently(display: Display, tmp_path: Path) -> None:
    with Program(display, "--fresh", "--tab", "landscape", cwd=tmp_path) as program:
        wait_until_ready(program)
        start_the_study(program)
        status, errors, seconds = program.closed()
        assert (status, errors) == (0, "")
        assert seconds < CLOSED


def start_the_study(program: Program) -> None:
    program.click("landscape.view.study")
    program.wait_for(
        lambda shown: (label := find(shown, "landscape.status")) and "%" in label.get("text", ""),
        "the study to make progress",
    )


def test_closing_while_torch_is_loading_ends_at_once_and_silently(display: Display, tmp_path: Path) -> None:
    with Program(display, "--fresh", "--tab", "landscape", cwd=tmp_path) as program:
        program.wait_for(lambda shown: any(widget["isActiveWindow"] for widget in shown["widgets"]), "the window")
        status, errors, seconds = program.closed()
        assert (status, errors) == (0, "")
        assert seconds < CLOSED
