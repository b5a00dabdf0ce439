"""What a person at the screen does and looks at, the same on every tab."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage
from xvfb import Program, find

CLOSED = 1.0
"""Seconds that closing may take, whatever is being done."""

SESSION = Path(".local/state/visualizer/session.json")


def kept(home: Path, tab: str) -> dict[str, Any]:
    """A tab's state in the session that the program keeps by itself; empty before the first change."""
    try:
        document = json.loads((home / SESSION).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    state: dict[str, Any] = document["experiments"][tab]
    return state


def on_screen(plot: dict[str, Any], x: float, y: float) -> tuple[float, float]:
    """Where a data point of a plot stands on the screen."""
    places = []
    for value, axis in ((x, "x"), (y, "y")):
        (low, high), (start, end) = plot[axis], plot[f"screen_{axis}"]
        places.append(start + (value - low) / (high - low) * (end - start))
    return places[0], places[1]


def type_into(program: Program, name: str, text: str) -> None:
    program.click(name)
    program.wait_for(lambda shown: (box := find(shown, name)) and box["hasFocus"], f"the focus in {name}")
    program.display.key("ctrl+a")
    program.display.type(text)
    program.display.key("Return")


def is_blank(image: QImage) -> bool:
    """Whether one colour is everywhere but on a thousandth of the picture, or there are hardly any colours."""
    small = image.scaled(200, 120).convertToFormat(QImage.Format.Format_RGB32)
    counts: dict[int, int] = {}
    for y in range(small.height()):
        for x in range(small.width()):
            colour = small.pixel(x, y)
            counts[colour] = counts.get(colour, 0) + 1
    return len(counts) < 8 or max(counts.values()) > 0.999 * small.width() * small.height()


def export(program: Program, tab: str, path: Path) -> None:
    """Export the main figure through the dialogs."""
    program.click(f"{tab}.export_figure.button")
    program.click("window.export.accept")
    program.wait_for(
        lambda shown: (dialog := find(shown, "window.file_dialog")) and dialog["isActiveWindow"], "the file dialog"
    )
    program.display.key("ctrl+a")
    program.display.type(str(path))
    program.display.key("Return")
