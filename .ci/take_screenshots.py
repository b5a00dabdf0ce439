"""Takes the README's screenshots of the real window, light and dark: ``python .ci/take_screenshots.py``.

Needs what ``bash .ci/test`` installs.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from xvfb import Display, Program, find  # noqa: E402  (found by the line above)

SCREEN = (1600, 1000)  # larger than the window opens by itself


def played(tab: str) -> Callable[[dict[str, Any]], bool]:
    """Whether the run of a tab has been played to its end."""
    def condition(shown: dict[str, Any]) -> bool:
        label = find(shown, f"{tab}.position")
        return label is not None and is_over(label["text"])

    return condition


def drawn(figure: str, words: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a figure says these words in its title."""
    def condition(shown: dict[str, Any]) -> bool:
        canvas = find(shown, figure)
        return canvas is not None and words in canvas["accessibleName"]

    return condition


#: Name of the file, tab, what is clicked there, and when the picture is ready.
SHOTS = (
    ("landscape", ("landscape.preset.stage2",), played("landscape")),
    ("distributions", ("distributions.view.initializer", "distributions.preset.linear_64_128"),
     drawn("distributions.figure.sample", "128")),
    ("losses", ("losses.preset.cross_entropy",), drawn("losses.figure.tensors", "logits")),
    ("graph", ("graph.view.backward", "graph.preset.joins"), played("graph")),
)


def take(tab: str, clicks: tuple[str, ...], ready: Callable[[dict[str, Any]], bool], theme: str, target: Path) -> None:
    """The tab after these clicks, as it is painted."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Display(Path(folder) / "home", *SCREEN) as display,
        Program(display, "--fresh", "--tab", tab, "--theme", theme, cwd=Path(folder)) as program,
    ):
        program.wait_for(lambda shown: any(plot["name"] for plot in shown["plots"]), "the first figure")
        for name in clicks:
            program.click(name)
        program.wait_for(ready, "the picture")
        program.wait_for(lambda shown: (label := find(shown, f"{tab}.status")) and label["text"] == "", "the end of the run")
        program.click("window.status")  # the mouse rests where it shows no tools and no tip
        x, y, width, height = program.widget("window")["place"]
        display.screenshot(target)
        QImage(str(target)).copy(x, y, width, height).save(str(target))
        program.closed()


def is_over(text: str) -> bool:
    """Whether "step 58 / 58" shows the last step of a run."""
    numbers = [word for word in text.replace(",", "").split() if word.isdigit()]
    return len(numbers) == 2 and numbers[0] == numbers[1] != "0"


if __name__ == "__main__":
    for tab, clicks, ready in SHOTS:
        for theme in ("light", "dark"):
            take(tab, clicks, ready, theme, ROOT / "resources" / "screenshots" / f"{tab}-{theme}.png")
