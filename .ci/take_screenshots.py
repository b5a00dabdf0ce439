"""Takes the README's screenshots of the real window, light and dark: ``python .ci/take_screenshots.py``.

Needs what ``bash .ci/test`` installs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PySide6.QtGui import QImage

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from xvfb import Display, Program, find  # noqa: E402  (found by the line above)

SCREEN = (1600, 1000)  # larger than the window opens by itself


def take(theme: str, target: Path) -> None:
    """The landscape after the lecture's second stage, as it is painted."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Display(Path(folder) / "home", *SCREEN) as display,
        Program(display, "--fresh", "--tab", "landscape", "--theme", theme, cwd=Path(folder)) as program,
    ):
        program.click("landscape.preset.stage2")
        program.wait_for(
            lambda shown: (label := find(shown, "landscape.position")) and is_over(label["text"]), "the landing"
        )
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
    for theme in ("light", "dark"):
        take(theme, ROOT / "resources" / "screenshots" / f"landscape-{theme}.png")
