"""From the start of the process to the first paint: the program, a bare PySide6 window, the program with torch first.

    python -m benchmarks.start_up [--repeat 9]

The three are started in turns, each in a process and a home of its own; medians are compared. The program is
started as its command starts it, and has painted when the event loop goes on after the first paint event.
Exit status 1 when a limit is missed, or when one of the heavy modules is imported at that moment.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time

MOST_OF_BARE = 1.4
LEAST_OF_TORCH_FIRST = 5.0
HEAVY = ("torch", "pyqtgraph", "numpy", "scipy", "pydantic", "ziamath")
KINDS = ("bare", "program", "torch first")


def painted(began: float) -> None:
    """Say when, and what is imported; and end, for there is nothing more to measure."""
    seconds = time.monotonic() - began
    print(json.dumps({"seconds": seconds, "heavy": [name for name in HEAVY if name in sys.modules]}), flush=True)
    os._exit(0)


def bare(began: float) -> None:
    """The smallest main window that has a size and a title."""
    from PySide6.QtCore import QEvent, QObject, QTimer
    from PySide6.QtWidgets import QApplication, QMainWindow

    class Filter(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:
            if event.type() == QEvent.Type.Paint:
                QTimer.singleShot(0, lambda: painted(began))
            return False

    application = QApplication([])
    window = QMainWindow()
    watch = Filter(window)
    window.installEventFilter(watch)
    window.setWindowTitle("bare")
    window.resize(1440, 900)
    window.show()
    application.exec()


def program(began: float) -> None:
    """``visualizer --fresh``."""
    from PySide6.QtCore import QObject, Slot

    from visualizer.__main__ import main
    from visualizer.ui import application
    from visualizer.ui.first_paint import FirstPaint

    class Watch(QObject):
        @Slot()
        def painted(self) -> None:
            painted(began)

    class Watched(application.Program):
        def start(self) -> None:
            watch = Watch(self)
            FirstPaint(self.window).painted.connect(watch.painted)
            super().start()

    application.Program = Watched  # type: ignore[misc]
    main(["--fresh"])


def torch_first(began: float) -> None:
    """The same, as it would be without any care."""
    import torch  # noqa: F401

    program(began)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time from the start of the process to the first paint.")
    parser.add_argument("--repeat", type=int, default=15, help="how often each is started")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        {"bare": bare, "program": program, "torch first": torch_first}[given.child](given.began)
        return 1  # a window that was never painted

    from benchmarks._program import child, verdict

    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    heavy: set[str] = set()
    for turn in range(given.repeat + 1):
        for kind in KINDS:
            found = child("benchmarks.start_up", "--child", kind, "--began", repr(time.monotonic()))
            if turn:  # the first turn fills the disk's cache and writes the byte code
                seconds[kind].append(found["seconds"])
            if kind == "program":
                heavy.update(found["heavy"])
    medians = {kind: statistics.median(values) for kind, values in seconds.items()}
    for kind in KINDS:
        low, high = min(seconds[kind]) * 1e3, max(seconds[kind]) * 1e3
        print(f"{kind:12s} median {medians[kind] * 1e3:7.0f} ms   ({low:.0f} to {high:.0f} ms, {given.repeat} starts)")
    held = verdict("the program, in bare windows", medians["program"] / medians["bare"], MOST_OF_BARE, "x")
    held &= verdict("torch first, in programs", medians["torch first"] / medians["program"], LEAST_OF_TORCH_FIRST, "x",
                    at_least=True)
    print("imported at the first paint: " + (", ".join(sorted(heavy)) or "none of " + ", ".join(HEAVY)))
    return 0 if held and not heavy else 1


if __name__ == "__main__":
    sys.exit(main())
