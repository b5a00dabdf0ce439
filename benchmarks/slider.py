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
import time
from dataclasses import dataclass, field
from typing import Any

from benchmarks._program import child, options, percentile, verdict

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
    from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
    from PySide6.QtWidgets import QGraphicsView, QSlider, QWidget

    from visualizer.base.messages import Ready
    from visualizer.ui.application import Program, make_application

    class Driver(QObject):
        """Moves the slider and waits for paint events of the main figure."""

        def __init__(self, program: Program) -> None:
            super().__init__(program)
            self.program = program
            self.waiting: dict[float, float] = {}  # by the value that was set: when it was set
            self.order: list[float] = []
            self.taken: list[float] = []
            self.pictures = 0
            self.drawn: float | None = None
            self.timer = QTimer(self, interval=MOVE_MS, timerType=Qt.TimerType.PreciseTimer)
            self.timer.timeout.connect(self.move)
            program.client.message.connect(self.hear)

        @Slot(object)
        def hear(self, message: object) -> None:
            if isinstance(message, Ready):
                QTimer.singleShot(1500, self.turn)

        @Slot()
        def turn(self) -> None:
            self.program.window.show_tab(scene.tab)
            self.tab = self.program.window.tab
            self.tab.controller.choose_page(scene.page)
            self.tab.controller.edit(self.tab.controller.state.changed(**scene.values), False)
            QTimer.singleShot(2500, self.begin)  # the first pictures and explanations are there by then

        @Slot()
        def begin(self) -> None:
            self.slider = self.program.window.findChild(QSlider, f"{scene.tab}.{scene.parameter}.slider")
            self.middle, self.width = self.slider.value(), (self.slider.maximum() - self.slider.minimum()) // 12
            self.tab.controller.drawn.connect(self.on_drawn)
            canvas = self.program.window.findChild(QWidget, f"{scene.tab}.figure.{scene.figure}")
            canvas.findChild(QGraphicsView).viewport().installEventFilter(self)
            self.slider.setSliderDown(True)
            self.timer.start()

        @Slot()
        def move(self) -> None:
            if len(self.order) >= moves:
                self.timer.stop()
                self.slider.setSliderDown(False)
                QTimer.singleShot(1500, self.program.window.close)
                return
            place = self.middle + round(self.width * math.sin(len(self.order) / 9)) + len(self.order) % 2
            now = time.perf_counter()
            self.slider.setSliderPosition(place)
            value = getattr(self.tab.controller.state, scene.parameter)
            self.order.append(value)
            self.waiting[value] = now

        @Slot(object)
        def on_drawn(self, figures: object) -> None:
            shown = self.tab.controller.shown
            self.drawn = scene.shown(shown.result) if shown is not None else None

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint and self.drawn in self.waiting:
                QTimer.singleShot(0, self.painted)
            return False

        @Slot()
        def painted(self) -> None:
            if self.drawn not in self.waiting:
                return
            now = time.perf_counter()
            self.pictures += 1
            set_at = self.waiting[self.drawn]
            for value, moved in list(self.waiting.items()):
                if moved <= set_at:
                    self.taken.append((now - moved) * 1e3)
                    del self.waiting[value]

    application = make_application()
    program = Program(options())
    driver = Driver(program)
    program.start()
    application.exec()
    program.finish()
    return {"taken": driver.taken, "moves": len(driver.order), "pictures": driver.pictures}


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
            print(f"    {found['pictures']} pictures; {len(taken)} of {found['moves']} moves, {MOVE_MS} ms apart, were answered")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
