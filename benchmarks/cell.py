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
from typing import Any

from benchmarks._program import child, percentile, verdict

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
    from PySide6.QtWidgets import QTableView

    from benchmarks._answers import Driver, drive
    from visualizer.ui.application import Program

    class Editing(Driver):
        """Edits a cell."""

        def prepare(self) -> None:
            self.table = self.program.window.findChild(QTableView, "losses.prediction")

        def change(self) -> float:
            value = 0.25 + self.made / 64  # exact in float32
            self.table.model().setData(self.table.model().index(0, 1), str(value))
            return value

        def shown(self, result: Any) -> float | None:
            return float(result.tensors["prediction"].reshape(-1)[1])

    def make(program: Program) -> Driver:
        return Editing(program, "losses", "", scenes()[index][1], 4000, ("tensors", "gradient"), EDIT_MS, edits)

    return drive(make)


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
        print(f"    {len(taken)} of {found['made']} edits, {EDIT_MS} ms apart, were answered")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
