"""Numbers: a slider paired with a number box."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QHBoxLayout, QWidget

from visualizer.base.errors import ParameterError
from visualizer.base.parameters import Integer, Parameter, Real
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.base import Editor, allowed_text, parameter_help
from visualizer.ui.widgets.editors.controls import NumberBox, ValueSlider
from visualizer.ui.widgets.editors.scale import SliderScale, plain_number, short_number
from visualizer.ui.widgets.help import set_property


class NumberEditor(Editor):
    """The slider spans what is sensible to drag over; the box takes the whole range that is allowed."""

    parameter: Real | Integer

    def __init__(self, parameter: Parameter[Any], prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parameter, prefix, theme, parent)
        self._integer = isinstance(parameter, Integer)
        self._value: float = parameter.default
        self._scale = SliderScale(0, 1, False, False)
        self._shown = ""
        self._dragged = False
        self._state: Any = None

    def build(self, state: Any) -> Iterator[None]:
        self._box = NumberBox(self.parameter.unit, self.theme, self)
        self.describe(self._box)
        self.watch_escape(self._box)
        self._box.editingFinished.connect(self._on_typed)
        self._box.textEdited.connect(self._on_text)
        self._box.stepped.connect(self._on_stepped)
        self.head = self._box
        self._slider = ValueSlider(self)
        self.describe(self._slider, "slider", suffix=".slider")
        self._slider.moved.connect(self._on_moved)
        self._slider.released.connect(self._on_released)
        self._slider.stepped.connect(self._on_stepped)
        self._slider.to_end.connect(self._on_end)
        self._slider.defaulted.connect(self.reset)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._slider)
        self._shown = "\0"
        self.show_value(getattr(state, self.parameter.name), state)
        yield

    def main_control(self) -> QWidget:
        return self._box

    def show_value(self, value: Any, state: Any) -> None:
        low, high = self.parameter.minimum, self.parameter.maximum
        if self.parameter.span is not None:
            low, high = self.parameter.span(state)
        self._state = state
        if (low, high) != (self._scale.low, self._scale.high) or self._shown == "\0":
            self._scale = SliderScale(low, high, self.parameter.scale == "log", self._integer)
            self._slider.setRange(0, self._scale.last)
            help = parameter_help(self.parameter, state)
            self.describe(self._box, help=help)
            self.describe(self._slider, "slider", help=help, suffix=".slider")
        if value != self._value or self._shown == "\0":
            self._value = value
            self._show_text()
        if not self._slider.isSliderDown():
            self._slider.setValue(self._scale.position(value))

    def in_effect(self) -> str:
        return self._shown + (f" {self.parameter.unit}" if self.parameter.unit else "")

    def altered(self) -> bool:
        return self._box.text() != self._shown or self.refused()

    def refused(self) -> bool:
        return bool(self._box.property("wrong"))

    def discard(self) -> None:
        self._show_text()
        self._box.selectAll()

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._box.set_theme(theme)

    @Slot()
    def reset(self) -> None:
        self._take(self.parameter.default, True)

    def _show_text(self) -> None:
        digits = self.parameter.digits if isinstance(self.parameter, Real) else 10
        self._shown = str(self._value) if self._integer else short_number(self._value, digits)
        self._box.setText(self._shown)
        self._right()

    def _right(self) -> None:
        if self._box.property("wrong"):
            set_property(self._box, "wrong", False)
            self.problem.emit("")

    def _take(self, value: float, committed: bool) -> None:
        """A new value from the user; limited to what is allowed, told on when it is new or completes a drag."""
        value = min(max(value, self.parameter.minimum), self.parameter.maximum)
        value = round(value) if self._integer else float(value)
        new = value != self._value
        self._value = value
        self._show_text()
        if not self._slider.isSliderDown():
            self._slider.setValue(self._scale.position(value))
        if new or (committed and self._dragged):
            self._dragged = not committed
            self.changed.emit(value, committed)

    @Slot(int)
    def _on_moved(self, position: int) -> None:
        self._take(self._scale.value(position), False)

    @Slot()
    def _on_released(self) -> None:
        self._take(self._value, True)

    @Slot(float)
    def _on_stepped(self, steps: float) -> None:
        self._take(self._scale.stepped(self._value, steps), True)

    @Slot(int)
    def _on_end(self, end: int) -> None:
        self._take(self._scale.low if end < 0 else self._scale.high, True)

    def _parse(self) -> float:
        parsed: float = self.parameter.parse(plain_number(self._box.text(), self._integer))
        return parsed

    @Slot(str)
    def _on_text(self, text: str) -> None:
        """While typing a complaint may go away, but none appears: half a number is not yet wrong."""
        try:
            self._parse()
        except ParameterError:
            return
        self._right()

    @Slot()
    def _on_typed(self) -> None:
        if self._box.text() == self._shown:
            self._right()
            return
        try:
            value = self._parse()
        except ParameterError as error:
            set_property(self._box, "wrong", True)
            allowed = allowed_text(self.parameter, self._state)
            self.complain(ParameterError(error.name, self._box.text(), allowed))
            return
        self._take(value, True)
