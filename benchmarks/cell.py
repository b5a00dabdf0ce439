"""From an edited cell to the refreshed bars and numbers, in the real program, with the real worker and real torch.

    python -m benchmarks.cell [--edits 60]

On the page Loss and gradient a cell of the prediction is edited every 120 ms: of three elements, and of 10,000 (100x100,
mean squared error, and cross entropy of 100 rows). An edit is answered when the main figure and the gradient's have been
painted with a result of that edit or of a later one, and the panel's numbers are of it, too: median at most 35 ms, 95th
percentile at most 70 ms. Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from benchmarks._program import child, options, percentile, verdict

MODULE = "benchmarks.cell"
EDIT_MS = 120
MEDIAN, P95 = 35.0, 70.0


def scenes() -> list[tuple[str, dict[str, Any]]]:
    """A name, and what is set on the page."""
    wide = ";".join(",".join(str((7 * row + 3 * column) % 11 - 5) for column in range(100)) for row in range(100))
    ones = ";".join([",".join(["1"] * 100)] * 100)
    classes = ",".join(str(row) for row in range(100))
    return [
        ("3 elements", {"prediction": "1,2,3", "target": "4,5,6"}),
        ("10,000 elements, mean squared error", {"prediction": wide, "target": ones}),
        ("10,000 elements, cross entropy", {"loss": "CrossEntropyLoss", "prediction": wide, "target": classes}),
    ]


def run(index: int, edits: int) -> dict[str, Any]:
    """In a process of its own: milliseconds from each edit to its picture."""
    from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
    from PySide6.QtWidgets import QGraphicsView, QTableView, QWidget

    from visualizer.base.messages import Ready
    from visualizer.ui.application import Program, make_application

    class Driver(QObject):
        """Edits a cell and waits for paint events of the figures."""

        def __init__(self, program: Program) -> None:
            super().__init__(program)
            self.program = program
            self.waiting: dict[float, float] = {}  # by the value of the cell: when it was edited
            self.taken: list[float] = []
            self.made = 0
            self.drawn: float | None = None
            self.painted: set[int] = set()
            self.timer = QTimer(self, interval=EDIT_MS, timerType=Qt.TimerType.PreciseTimer)
            self.timer.timeout.connect(self.edit)
            program.client.message.connect(self.hear)

        @Slot(object)
        def hear(self, message: object) -> None:
            if isinstance(message, Ready):
                QTimer.singleShot(1500, self.turn)

        @Slot()
        def turn(self) -> None:
            self.program.window.show_tab("losses")
            self.tab = self.program.window.tab
            self.tab.controller.edit(self.tab.controller.state.changed(**scenes()[index][1]), False)
            QTimer.singleShot(4000, self.begin)  # the first pictures and explanations are there by then

        @Slot()
        def begin(self) -> None:
            self.table = self.program.window.findChild(QTableView, "losses.prediction")
            self.views = []
            for name in ("tensors", "gradient"):
                view = self.program.window.findChild(QWidget, f"losses.figure.{name}").findChild(QGraphicsView).viewport()
                view.installEventFilter(self)
                self.views.append(view)
            self.tab.controller.drawn.connect(self.on_drawn)
            self.timer.start()

        @Slot()
        def edit(self) -> None:
            if self.made >= edits:
                self.timer.stop()
                QTimer.singleShot(1500, self.program.window.close)
                return
            self.made += 1
            value = 0.25 + self.made / 64  # exact in float32
            self.waiting[value] = time.perf_counter()
            self.table.model().setData(self.table.model().index(0, 1), str(value))

        @Slot(object)
        def on_drawn(self, figures: object) -> None:
            shown = self.tab.controller.shown
            found = float(shown.result.tensors["prediction"].reshape(-1)[1]) if shown is not None else None
            if found != self.drawn:
                self.drawn = found
                self.painted = set()

        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint and self.drawn in self.waiting:
                QTimer.singleShot(0, lambda: self.seen(id(watched)))
            return False

        def seen(self, which: int) -> None:
            self.painted.add(which)
            if len(self.painted) < len(self.views) or self.drawn not in self.waiting:
                return
            now, set_at = time.perf_counter(), self.waiting[self.drawn]
            for value, edited in list(self.waiting.items()):
                if edited <= set_at:
                    self.taken.append((now - edited) * 1e3)
                    del self.waiting[value]

    application = make_application()
    program = Program(options())
    driver = Driver(program)
    program.start()
    application.exec()
    program.finish()
    return {"taken": driver.taken, "edits": driver.made}


def main() -> int:
    parser = argparse.ArgumentParser(description="From an edited cell to its picture.")
    parser.add_argument("--edits", type=int, default=60)
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        print(json.dumps(run(given.child, given.edits)))
        return 0
    held = True
    for index, (name, _) in enumerate(scenes()):
        found = child(MODULE, "--child", str(index), "--edits", str(given.edits))
        taken = found["taken"]
        held &= verdict(f"{name}: median from an edit to its picture", percentile(taken, 50), MEDIAN, "ms")
        held &= verdict(f"{name}: 95th percentile", percentile(taken, 95), P95, "ms")
        print(f"    {len(taken)} of {found['edits']} edits, {EDIT_MS} ms apart, were answered")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
