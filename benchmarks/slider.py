"""From a move of a slider to the picture that shows it, in the real program, with the real worker and real torch.

    python -m benchmarks.slider [--moves 200]

The step size's slider is moved every 16 ms, 200 times. A move is answered when the main figure has been painted with
a result of that move or of a later one. Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from typing import Any

from benchmarks._program import child, options, percentile, verdict

MODULE = "benchmarks.slider"
MOVE_MS = 16
MEDIAN, P95 = 35.0, 70.0
"""Milliseconds."""


def run(moves: int) -> dict[str, Any]:
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
                QTimer.singleShot(2500, self.begin)  # the first pictures and explanations are there by then

        @Slot()
        def begin(self) -> None:
            self.tab = self.program.window.tab
            self.slider = self.program.window.findChild(QSlider, "landscape.alpha.slider")
            self.middle, self.width = self.slider.value(), (self.slider.maximum() - self.slider.minimum()) // 12
            self.tab.controller.drawn.connect(self.on_drawn)
            canvas = self.program.window.findChild(QWidget, "landscape.figure.descent")
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
            value = self.tab.controller.state.alpha
            self.order.append(value)
            self.waiting[value] = now

        @Slot(object)
        def on_drawn(self, figures: object) -> None:
            shown = self.tab.controller.shown
            self.drawn = shown.result.request.alpha if shown is not None else None

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
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run(given.moves)))
        return 0
    found = child(MODULE, "--child", "--moves", str(given.moves))
    taken = found["taken"]
    held = verdict(f"{found['moves']} moves 16 ms apart: median to the picture", percentile(taken, 50), MEDIAN, "ms")
    held &= verdict("95th percentile", percentile(taken, 95), P95, "ms")
    print(f"    {found['pictures']} pictures; {len(taken)} of {found['moves']} moves were answered by one")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
