"""From a move of a slider to the picture that shows it, in the real program, with the real worker and real torch.

    python -m benchmarks.slider [descent] [million] [--moves 200]

A slider is moved every 16 ms, 200 times. A move is answered when the main figure has been painted with a result of that
move or of a later one. ``descent``: the step size. ``million``: the standard deviation of a million normal values, drawn
anew for each picture, as one matrix and as small ones; answered by a picture of all of them. Exit status 1 when a limit is
missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from dataclasses import dataclass, field
from typing import Any

from benchmarks._program import child, percentile, verdict

MODULE = "benchmarks.slider"
MOVE_MS = 16


@dataclass(frozen=True)
class Scene:
    """A slider, and the page that it is on.

    Attributes:
        tab, page, figure: names; the figure is the page's main one.
        parameter: the state's name of what the slider changes.
        values: what is set on the page beforehand.
        median, p95: limits in milliseconds.
    """

    words: str
    tab: str
    page: str
    figure: str
    parameter: str
    median: float
    p95: float
    values: dict[str, Any] = field(default_factory=dict)

    def shown(self, result: Any) -> float | None:
        """The slider's value that a result was computed for; None if it is not yet all that was asked for."""
        if self.tab == "landscape":
            return result.request.alpha
        return result.request.chosen.arguments[self.parameter] if result.progress == 1.0 else None


MILLION = {"initializer": "normal", "count": 1_000_000, "shape": "1000x1000"}
SCENES = {
    "descent": [Scene("alpha", "landscape", "descent", "descent", "alpha", 35.0, 70.0)],
    "million": [
        Scene("std of 1000x1000", "distributions", "initializer", "sample", "std", 50.0, 100.0, MILLION),
        Scene("std of 10^6 in 4x3", "distributions", "initializer", "sample", "std", 50.0, 100.0, MILLION | {"shape": "4x3"}),
    ],
}


def run(scene: Scene, moves: int) -> dict[str, Any]:
    """In a process of its own: milliseconds from each move to its picture."""
    from PySide6.QtWidgets import QSlider

    from benchmarks._answers import Driver, drive
    from visualizer.ui.application import Program

    class Sliding(Driver):
        """Moves the slider to and fro."""

        def prepare(self) -> None:
            self.slider = self.program.window.findChild(QSlider, f"{scene.tab}.{scene.parameter}.slider")
            self.middle, self.width = self.slider.value(), (self.slider.maximum() - self.slider.minimum()) // 12
            self.slider.setSliderDown(True)

        def change(self) -> float:
            self.slider.setSliderPosition(self.middle + round(self.width * math.sin(self.made / 9)) + self.made % 2)
            return float(getattr(self.tab.controller.state, scene.parameter))

        def shown(self, result: Any) -> float | None:
            return scene.shown(result)

        def release(self) -> None:
            self.slider.setSliderDown(False)

    def make(program: Program) -> Driver:
        return Sliding(program, scene.tab, scene.page, scene.values, 2500, (scene.figure,), MOVE_MS, moves)

    return drive(make)


def main() -> int:
    parser = argparse.ArgumentParser(description="From a slider's move to its picture.")
    parser.add_argument("scenes", nargs="*", default=list(SCENES), help=", ".join(SCENES))
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if unknown := set(given.scenes) - set(SCENES):
        parser.error(f"{', '.join(unknown)}: there are {' and '.join(SCENES)}")
    if given.child is not None:
        print(json.dumps(run(SCENES[given.scenes[0]][given.child], given.moves)))
        return 0
    held = True
    for name in given.scenes:
        for index, scene in enumerate(SCENES[name]):
            found = child(MODULE, name, "--child", str(index), "--moves", str(given.moves))
            taken = found["taken"]
            held &= verdict(f"{scene.words}: median from a move to its picture", percentile(taken, 50), scene.median, "ms")
            held &= verdict(f"{scene.words}: 95th percentile", percentile(taken, 95), scene.p95, "ms")
            print(f"    {found['pictures']} pictures; {len(taken)} of {found['made']} moves, {MOVE_MS} ms apart, were answered")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
