"""How long the real program takes from a click on a node to its details.

    python -m benchmarks.graph_click [--clicks 100]

The graph of a 1,000-layer MLP, all 5,005 nodes drawn; every 150 ms another node is chosen, as the canvas reports a click. Its
details are there when the graph with the chosen box, its tensor and the distribution of its elements have been painted, and the
explanation. At most 50 ms (median; 95th percentile: 100 ms). Exit status 1 when
a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks._program import child, percentile, verdict

MODULE = "benchmarks.graph_click"
EVERY_MS, SETTLE_MS = 150, 9000
MEDIAN, P95 = 50.0, 100.0
VALUES = {"example": "mlp", "depth": 1000, "fold": "none"}


def run(clicks: int) -> dict[str, Any]:
    """In a process of its own: milliseconds from each click to its details."""
    from PySide6.QtWidgets import QWidget

    from benchmarks._answers import Driver, drive
    from visualizer.base.experiment import Gesture
    from visualizer.ui.application import Program

    class Clicking(Driver):
        """Clicks one node after the other, from the loss to the leaves and back."""

        def prepare(self) -> None:
            self.program.window.resize(1600, 900)  # so wide that the explanation stands beside the figures
            self.canvas: Any = self.program.window.findChild(QWidget, "graph.figure.graph")
            for part in (self.canvas, self.program.window.findChild(QWidget, "graph.explain")):
                part.installEventFilter(self)
                self._views.append(part)
            shown = self.tab.controller.shown
            assert shown is not None
            self.idents = shown.result.drawing.boxes.ident.tolist()
            assert len(self.idents) > 5000

        def change(self) -> float:
            ident = self.idents[self.made * 37 % len(self.idents)]
            self.canvas.gesture.emit(Gesture("click", "graph", "node", ident, 0.0, 0.0))
            return float(ident)

        def shown(self, result: Any) -> float | None:
            chosen = self.tab.controller.state.selected.rpartition(":")[2]
            return float(chosen) if chosen else None

    def make(program: Program) -> Driver:
        return Clicking(program, "graph", "graph", VALUES, SETTLE_MS, ("tensor", "histogram"), EVERY_MS, clicks)

    return drive(make)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=100)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run(given.clicks)))
        return 0
    found = child(MODULE, "--child", "--clicks", str(given.clicks))
    if not found["taken"]:
        print("No click was answered.")
        return 1
    held = verdict("from a click to the node's details: median", percentile(found["taken"], 50), MEDIAN, "ms")
    held &= verdict("from a click to the node's details: 95th percentile", percentile(found["taken"], 95), P95, "ms")
    print(f"    {len(found['taken'])} of {found['made']} clicks, {EVERY_MS} ms apart, were answered")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
