"""How long the real program takes to answer: a control is changed again and again, and its picture awaited."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtWidgets import QGraphicsView, QWidget

from benchmarks._program import options
from visualizer.base.messages import Ready
from visualizer.ui.application import Program, make_application

#: Milliseconds from torch being there to the first click, and after the last change.
_REST_MS = 1500


class Driver(QObject):
    """Turns to a page, changes a value on it every few milliseconds, and notes when its pictures are painted.

    A change is answered when every watched figure has been painted with a result of that change or of a later one.

    Args:
        tab, page: names; an empty page: the tab's first one.
        values: what is set on the page beforehand.
        settle_ms: milliseconds after that until the first pictures and explanations are there.
        figures: the ones that are watched.
        every_ms, times: how often, and how many changes.

    Attributes:
        taken: milliseconds of each change that was answered.
        made: changes so far; ``pictures``: answers that were painted.
    """

    def __init__(
        self, program: Program, tab: str, page: str, values: dict[str, Any], settle_ms: int, figures: tuple[str, ...],
        every_ms: int, times: int,
    ) -> None:
        super().__init__(program)
        self.program = program
        self.taken: list[float] = []
        self.made = self.pictures = 0
        self._where = tab, page, values
        self._settle_ms, self._figures, self._times = settle_ms, figures, times
        self._waiting: dict[float, float] = {}  # by the value that was set: when it was set
        self._drawn: float | None = None
        self._views: list[QWidget] = []
        self._painted: set[int] = set()
        self._timer = QTimer(self, interval=every_ms, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._change)
        program.client.message.connect(self._hear)

    @abstractmethod
    def prepare(self) -> None:
        """Find the control."""

    @abstractmethod
    def change(self) -> float:
        """Change the control, and return the value that it has now."""

    @abstractmethod
    def shown(self, result: Any) -> float | None:
        """The value that a result was computed for; None if it is not yet all that was asked for."""

    def release(self) -> None:
        """Let the control go."""

    @Slot(object)
    def _hear(self, message: object) -> None:
        if isinstance(message, Ready):
            QTimer.singleShot(_REST_MS, self._turn)

    @Slot()
    def _turn(self) -> None:
        tab, page, values = self._where
        self.program.window.show_tab(tab)
        self.tab = self.program.window.tab
        if page:
            self.tab.controller.choose_page(page)
        self.tab.controller.edit(self.tab.controller.state.changed(**values), False)
        QTimer.singleShot(self._settle_ms, self._begin)

    @Slot()
    def _begin(self) -> None:
        self.prepare()
        for name in self._figures:
            figure = self.program.window.findChild(QWidget, f"{self._where[0]}.figure.{name}")
            view = figure.findChild(QGraphicsView).viewport()
            view.installEventFilter(self)
            self._views.append(view)
        self.tab.controller.drawn.connect(self._on_drawn)
        self._timer.start()

    @Slot()
    def _change(self) -> None:
        if self.made >= self._times:
            self._timer.stop()
            self.release()
            QTimer.singleShot(_REST_MS, self.program.window.close)
            return
        self.made += 1
        now = time.perf_counter()
        self._waiting[self.change()] = now

    @Slot(object)
    def _on_drawn(self, figures: object) -> None:
        shown = self.tab.controller.shown
        found = self.shown(shown.result) if shown is not None else None
        if found != self._drawn:
            self._drawn = found
            self._painted = set()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and self._drawn in self._waiting:
            # Once the paint event is over: then the picture is on the screen.
            QTimer.singleShot(0, lambda: self._seen(id(watched)))
        return False

    def _seen(self, which: int) -> None:
        self._painted.add(which)
        if len(self._painted) < len(self._views) or self._drawn not in self._waiting:
            return
        self.pictures += 1
        now, set_at = time.perf_counter(), self._waiting[self._drawn]
        for value, changed in list(self._waiting.items()):
            if changed <= set_at:
                self.taken.append((now - changed) * 1e3)
                del self._waiting[value]


def drive(make: Callable[[Program], Driver]) -> dict[str, Any]:
    """Run the program with this driver to its end: ``taken``, ``made`` and ``pictures``."""
    application = make_application()
    program = Program(options())
    driver = make(program)
    program.start()
    application.exec()
    program.finish()
    return {"taken": driver.taken, "made": driver.made, "pictures": driver.pictures}
