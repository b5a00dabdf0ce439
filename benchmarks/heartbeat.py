"""How long the window does not answer: gaps of a 5 ms heartbeat in the GUI thread of the real program.

    python -m benchmarks.heartbeat [loading] [running] [billion] [graph] [stepping] [--repeat 5] [--seconds 4]

``loading``: from the first paint until torch is ready; controls and plots are built meanwhile.
``running``: each page of each tab in turn; 16 ms after a result is complete, as fast as a slider moves, the first
number of its form changes: the worker computes, and the window draws, without a rest.
``billion``: a billion normal values are drawn, counted and drawn anew, for twice as long as a page is measured otherwise.
``graph``: networks with thousands of nodes are recorded, run backward, folded, laid out and drawn, one after the other.
``stepping``: through the forward and backward pass of such a network, a step every 16 ms.
A beat that comes on time makes a gap of 5 ms. Exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks._program import Heart, child, options, percentile, verdict

MODULE = "benchmarks.heartbeat"
MOVE_MS = 16
LIMITS = {
    "loading": (16.0, 40.0), "running": (16.0, 33.0), "billion": (16.0, 33.0), "graph": (16.0, 50.0), "stepping": (16.0, 50.0),
}
"""Milliseconds: 99th percentile and largest gap."""


@dataclass(frozen=True)
class Scene:
    """One page with values of its own.

    Attributes:
        words: what is said of it.
        page: its name.
        values: what is set on it beforehand.
        changing: the number that changes.
        times: how much longer it is measured than a page otherwise.
    """

    words: str
    page: str
    values: Mapping[str, Any]
    changing: str
    times: int = 2


MLP = {"example": "mlp", "depth": 1000, "fold": "none"}
SCENES = {
    "billion": Scene("a billion values", "initializer", {"initializer": "normal", "count": 10**9}, "std"),
    "graph": Scene("a thousand layers", "graph", MLP, "depth"),
    "stepping": Scene("a thousand layers", "backward", MLP, "shown_step"),
}


def load() -> dict[str, Any]:
    """In a process of its own: the gaps from the first paint until 0.2 s after torch was ready."""
    from PySide6.QtCore import QTimer

    from visualizer.base.messages import Ready
    from visualizer.ui.application import Program, make_application
    from visualizer.ui.first_paint import FirstPaint

    application = make_application()
    program = Program(options())
    heart = Heart(program)
    paint = FirstPaint(program.window)
    paint.painted.connect(heart.start)

    def hear(message: object) -> None:
        if isinstance(message, Ready):
            QTimer.singleShot(200, program.window.close)

    program.client.message.connect(hear)
    program.start()
    application.exec()
    program.finish()
    return {"gaps": heart.gaps}


def run_pages(seconds: float, scene: Scene | None = None) -> dict[str, Any]:
    """In a process of its own: the gaps while each page, or only that of a scene, is computed and drawn as fast as both go."""
    values = scene.values if scene is not None else {}
    stepping = scene is not None and scene.changing == "shown_step"
    from PySide6.QtCore import QObject, QTimer, Slot

    from visualizer.base.messages import Ready, Update
    from visualizer.base.parameters import Integer, Real
    from visualizer.ui.application import Program, make_application

    class Driver(QObject):
        """Turns to one page after the other, and changes a number whenever a result is complete."""

        def __init__(self, program: Program) -> None:
            super().__init__(program)
            self.program = program
            self.heart = Heart(self)
            self.pages = [(tab, view.name) for tab in program.window.tabs for view in tab.experiment.views
                          if scene is None or view.name == scene.page]
            self.found: dict[str, dict[str, Any]] = {}
            self.count = self.updates = 0
            self.measuring = False
            program.client.message.connect(self.hear)

        @Slot(object)
        def hear(self, message: object) -> None:
            if isinstance(message, Ready):
                QTimer.singleShot(1500, self.turn)
            elif isinstance(message, Update) and self.measuring:
                self.updates += 1
                if message.final:
                    QTimer.singleShot(MOVE_MS, self.change)

        @Slot()
        def turn(self) -> None:
            """The next page; what it is made of, and its first picture, are not measured."""
            if not self.pages:
                self.program.window.close()
                return
            self.tab, page = self.pages.pop(0)
            self.program.window.show_tab(self.tab.experiment.name)
            self.tab.controller.choose_page(page)
            if values:
                self.tab.controller.edit(self.tab.controller.state.changed(**values), False)
            QTimer.singleShot(1500, self.settle)

        @Slot()
        def settle(self) -> None:
            """Until the first result is complete."""
            if scene is not None and self.tab.controller.activity.kind == "running" and scene.page != "initializer":
                QTimer.singleShot(200, self.settle)
            else:
                QTimer.singleShot(500, self.begin)

        @Slot()
        def begin(self) -> None:
            controller = self.tab.controller
            visible = controller.experiment.visible_parameters(controller.state)
            numbers = [p for p in visible if isinstance(p, (Real, Integer)) and not p.display]
            if scene is not None:
                numbers = [controller.experiment.parameters()[scene.changing]]
            if not numbers:  # a page of texts only
                self.turn()
                return
            self.parameter = numbers[0]
            self.updates, self.measuring = 0, True
            self.heart.start()
            self.change()
            QTimer.singleShot(round(seconds * 1000), self.end)

        @Slot()
        def change(self) -> None:
            """Within 10 % of the default, as a hand that tries out values does."""
            if not self.measuring:
                return
            self.count += 1
            if stepping:
                self.updates += 1
                self.tab.controller.show_step(self.count % (self.tab.controller.steps + 1))
                QTimer.singleShot(MOVE_MS, self.change)
                return
            value = values.get(self.parameter.name, self.parameter.default) * (1 + 0.1 * math.sin(self.count / 7))
            controller = self.tab.controller
            if isinstance(self.parameter, Integer):
                now = getattr(controller.state, self.parameter.name)
                value = round(value) if round(value) != now else now + 1  # the same again would not be computed
            controller.edit(controller.state.changed(**{self.parameter.name: value}), False)

        @Slot()
        def end(self) -> None:
            self.measuring = False
            name = f"{self.tab.experiment.name}/{self.tab.controller.page}"
            self.found[name] = {"gaps": list(self.heart.gaps), "changed": self.parameter.name,
                                "updates": self.updates / seconds}
            self.turn()

    application = make_application()
    program = Program(options())
    driver = Driver(program)
    program.start()
    application.exec()
    program.finish()
    return driver.found


def main() -> int:
    parser = argparse.ArgumentParser(description="Gaps of a heartbeat in the GUI thread.")
    parser.add_argument("modes", nargs="*", default=list(LIMITS), help=", ".join(LIMITS))
    parser.add_argument("--repeat", type=int, default=5, help="how often torch is loaded")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long each page is measured")
    parser.add_argument("--child", choices=list(LIMITS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child is not None:
        print(json.dumps(
            load() if given.child == "loading" else run_pages(given.seconds) if given.child == "running"
            else run_pages(SCENES[given.child].times * given.seconds, SCENES[given.child])
        ))
        return 0
    if unknown := set(given.modes) - set(LIMITS):
        parser.error(f"{', '.join(unknown)}: there are {', '.join(LIMITS)}")
    held = True
    if "loading" in given.modes:
        p99, most = LIMITS["loading"]
        child(MODULE, "--child", "loading")  # writes the byte code, which an installed program has
        runs = [child(MODULE, "--child", "loading")["gaps"] for _ in range(given.repeat)]
        together = [gap for gaps in runs for gap in gaps]
        held &= verdict("torch is loaded: 99th percentile of the gaps", percentile(together, 99), p99, "ms")
        held &= verdict(f"torch is loaded: largest gap of {given.repeat} starts", max(map(max, runs)), most, "ms")
        print("    largest gap of each start: " + ", ".join(f"{max(gaps):.1f}" for gaps in runs) + " ms")
    for mode in [mode for mode in ("running", *SCENES) if mode in given.modes]:
        p99, most = LIMITS[mode]
        for page, found in child(MODULE, "--child", mode, "--seconds", str(given.seconds)).items():
            gaps = found["gaps"]
            page += f", {SCENES[mode].words}" if mode in SCENES else ""
            held &= verdict(f"{page}: 99th percentile of the gaps", percentile(gaps, 99), p99, "ms")
            held &= verdict(f"{page}: largest gap", max(gaps), most, "ms")
            print(f"    {found['updates']:.0f} results a second, changing {found['changed']}")
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
