"""The seed: a number, and a button for a new one."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRandomGenerator, QSize, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from visualizer.base.errors import ParameterError
from visualizer.base.parameters import Parameter
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.base import parameter_help, sentence
from visualizer.ui.widgets.editors.controls import NumberBox
from visualizer.ui.widgets.editors.scale import plain_number
from visualizer.ui.widgets.help import describe, set_property, tooltip
from visualizer.ui.widgets.icons import icon

#: New seeds are short, so that a lecturer can say one aloud; any other can be typed.
_ROLLED = 10_000


class SeedBox(QWidget):
    """``chosen`` tells a new seed, ``problem`` a sentence for a wrong one (empty when right again)."""

    chosen = Signal(int)
    problem = Signal(str)

    def __init__(self, parameter: Parameter[Any], prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._parameter = parameter
        self._help = parameter_help(parameter)
        self._value = parameter.default
        self._label = QLabel(parameter.label, self)
        self._box = NumberBox("", theme, self)
        describe(self._box, parameter.label, self._help, f"{prefix}.{parameter.name}")
        self._label.setBuddy(self._box)
        self._box.setText(str(self._value))
        self._box.editingFinished.connect(self._on_typed)
        self._box.textEdited.connect(self._on_text)
        self._box.stepped.connect(self._on_stepped)
        self._roll = QToolButton(self)
        describe(self._roll, "New seed", "Another random seed.", f"{prefix}.{parameter.name}.roll")
        self._roll.clicked.connect(self._on_roll)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._label, self._box, self._roll):
            self._layout.addWidget(widget)
        self.set_theme(theme)

    def set_seed(self, seed: int) -> None:
        """Show a seed without emitting; what is half typed stays when the seed is the same as before."""
        if seed != self._value:
            self._value = seed
            self._box.setText(str(seed))
            self._right()

    def set_theme(self, theme: Theme) -> None:
        self._layout.setSpacing(theme.px(4))
        self._box.set_theme(theme)
        self._box.setFixedWidth(self._box.fontMetrics().horizontalAdvance("8888888") + theme.px(14))
        self._label.setFont(theme.font("label"))
        self._roll.setIcon(icon("dice", theme))
        self._roll.setIconSize(QSize(theme.px(18), theme.px(18)))

    def _right(self) -> None:
        if self._box.property("wrong"):
            set_property(self._box, "wrong", False)
            self._box.setToolTip(tooltip(self._help))
            self.problem.emit("")

    def _take(self, seed: int) -> None:
        self._right()
        if seed != self._value:
            self.set_seed(seed)
            self.chosen.emit(seed)

    @Slot(str)
    def _on_text(self, text: str) -> None:
        try:
            self._parameter.parse(plain_number(text, integer=True))
        except ParameterError:
            return
        self._right()

    @Slot()
    def _on_typed(self) -> None:
        if self._box.text() == str(self._value):
            self._right()
            return
        try:
            seed = self._parameter.parse(plain_number(self._box.text(), integer=True))
        except ParameterError as error:
            text = sentence(ParameterError(error.name, self._box.text(), error.allowed), self._parameter.label)
            set_property(self._box, "wrong", True)
            self._box.setToolTip(tooltip(text))
            self.problem.emit(text)
            return
        self._take(seed)
        self._box.setText(str(seed))

    @Slot(float)
    def _on_stepped(self, steps: float) -> None:
        try:
            self._take(self._parameter.check(self._value + (1 if steps > 0 else -1) * max(1, round(abs(steps)))))
        except ParameterError:
            return  # the first or the last seed there is

    @Slot()
    def _on_roll(self) -> None:
        seed = QRandomGenerator.global_().bounded(_ROLLED)
        self._take(seed if seed != self._value else seed + 1)
