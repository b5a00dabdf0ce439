"""Holds an explanation back until its formulas are typeset, so that formulas and numbers on the screen agree."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from visualizer.base.explanation import Explanation, Formula
from visualizer.ui.widgets.typesetter import Typesetter

#: Milliseconds that formulas are waited for; then the rest is shown, and they follow, faint until they agree.
_PATIENCE = 250
#: Milliseconds from one typesetting to the next: while a run plays, more would take the time that drawing needs.
_REST = 60


class FormulaGate(QObject):
    """Passes explanations on one after the other; of those that come meanwhile only the newest.

    One whose formulas are all known passes at once, within :meth:`take`.

    Signals:
        passed: an explanation that is to be shown now.
    """

    passed = Signal(object)

    def __init__(self, typesetter: Typesetter, parent: QObject) -> None:
        super().__init__(parent)
        self._typesetter = typesetter
        self._typesetter.finished.connect(self._on_finished)
        self._askers: list[int] = []
        self._held: Explanation | None = None
        self._next: Explanation | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(_PATIENCE)
        self._patience.timeout.connect(self._pass)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(_REST)
        self._rest.timeout.connect(self._go_on)

    @property
    def waiting(self) -> bool:
        """Whether something newer than what has passed is held back."""
        return self._held is not None or self._next is not None

    def take(self, explanation: Explanation) -> None:
        """Pass this explanation on when its formulas are typeset."""
        self._next = explanation
        if self._held is None and (not self._missing(explanation) or not self._rest.isActive()):
            self._go_on()

    @Slot()
    def _go_on(self) -> None:
        if self._held is not None or self._next is None:
            return
        self._held, self._next = self._next, None
        missing = self._missing(self._held)
        if not missing:
            self._pass()
            return
        self._patience.start()
        while len(self._askers) < len(missing):
            self._askers.append(self._typesetter.asker(self))
        for asker, latex in zip(self._askers, missing, strict=False):
            self._typesetter.request(asker, latex)

    @Slot(object)
    def _on_finished(self, result: object) -> None:
        if self._held is not None and not self._missing(self._held):
            self._rest.start()
            self._pass()

    @Slot()
    def _pass(self) -> None:
        self._patience.stop()
        passing, self._held = self._held, None
        if passing is not None:
            self.passed.emit(passing)
        if not self._rest.isActive():
            self._go_on()

    def _missing(self, explanation: Explanation) -> list[str]:
        latex = dict.fromkeys(block.latex for block in explanation.blocks if isinstance(block, Formula))
        return [text for text in latex if self._typesetter.known(text) is None]
