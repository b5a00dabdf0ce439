"""A subset of names: chips to toggle, and a line for ranges such as P9-P13."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QScrollArea, QVBoxLayout, QWidget

from visualizer.base.errors import ParameterError
from visualizer.base.parameters import Names
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.base import Editor
from visualizer.ui.widgets.editors.chips import ChipGrid
from visualizer.ui.widgets.help import set_property

_MAXIMUM_HEIGHT = 120


class NamesEditor(Editor):
    """The line is the main control; each chip is named ``<experiment>.<parameter>.<name>``."""

    parameter: Names

    def build(self, state: Any) -> Iterator[None]:
        self._options: tuple[str, ...] = ()
        self._value: tuple[str, ...] = ()
        self._state = state
        self._shown = "\0"
        noun = self.parameter.noun
        self._line = QLineEdit(self)
        self._line.setPlaceholderText("none, or e.g. A-C, F")
        self.describe(self._line, help=(
            f"{self.parameter.help}\nType names or ranges separated by commas, all, or none; or toggle the chips."
        ))
        self.watch_escape(self._line)
        self._line.editingFinished.connect(self._on_typed)
        self._line.textEdited.connect(self._on_text)
        removes = self.parameter.checked_means == "removed"
        # To leave everything out is never asked for.
        buttons = (
            [("Put all back", f"Put every {noun} back.", ".none", self._on_none)] if removes else
            [("All", f"Choose every {noun}.", ".all", self._on_all), ("None", f"Choose no {noun}.", ".none", self._on_none)]
        )
        typed = QHBoxLayout()
        typed.addWidget(self._line, 1)
        for text, help, suffix, slot in buttons:
            button = QPushButton(text, self)
            button.setProperty("small", True)
            button.clicked.connect(slot)
            self.describe(button, text, help, suffix)
            typed.addWidget(button)
        yield
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._chips = ChipGrid(self.prefix, self.parameter, self.theme, self._scroll)
        self._chips.setProperty("panel", True)
        self._chips.toggled.connect(self._on_chips)
        self._chips.focused.connect(self._on_focused)
        self._chips.installEventFilter(self)
        self._scroll.setWidget(self._chips)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._scroll)
        self._layout.addLayout(typed)
        self._typed = typed
        self.set_theme(self.theme)
        self.show_value(getattr(state, self.parameter.name), state)
        yield
        yield from self._chips.build()

    def main_control(self) -> QWidget:
        return self._line

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._layout.setSpacing(theme.px(6))
        self._typed.setSpacing(theme.px(4))
        self._chips.set_theme(theme)
        self._fit()

    def show_value(self, value: Any, state: Any) -> None:
        self._state = state
        options = self.parameter.options(state)
        if options == self._options and value == self._value and self._shown != "\0":
            return
        if options:
            middle = options[min(2, len(options) - 1)]
            self._line.setPlaceholderText(f"none, or e.g. {options[0]}-{middle}")
        self._options, self._value = options, value
        self._chips.show_names(options, set(value))
        self._fit()
        self._shown = ranges(value, options)
        self._line.setText(self._shown)
        self._right()

    def in_effect(self) -> str:
        return f"\u201c{self._shown or 'none'}\u201d"

    def altered(self) -> bool:
        return self._line.text() != self._shown or self.refused()

    def refused(self) -> bool:
        return bool(self._line.property("wrong"))

    def discard(self) -> None:
        self._line.setText(self._shown)
        self._line.selectAll()
        self._right()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        """As high as the chips need, up to the limit; then they scroll."""
        limit = self.theme.px(_MAXIMUM_HEIGHT)
        self._scroll.setFixedHeight(min(limit, self._chips.height_for(self._scroll.viewport().width())))

    def _right(self) -> None:
        if self._line.property("wrong"):
            set_property(self._line, "wrong", False)
            self.problem.emit("")

    def _take(self, value: tuple[str, ...]) -> None:
        if value != self._value:
            self._value = value
            self._chips.show_names(self._options, set(value))
            self._shown = ranges(value, self._options)
            self._line.setText(self._shown)
            self.changed.emit(value, True)
        self._right()

    @Slot()
    def _on_chips(self) -> None:
        checked = self._chips.checked()
        self._take(tuple(name for name in self._options if name in checked))

    @Slot(object)
    def _on_focused(self, chip: QWidget) -> None:
        self._scroll.ensureWidgetVisible(chip, 0, self.theme.px(4))

    @Slot()
    def _on_all(self) -> None:
        self._take(self._options)

    @Slot()
    def _on_none(self) -> None:
        self._take(())

    @Slot(str)
    def _on_text(self, text: str) -> None:
        try:
            self.parameter.parse(text, self._state)
        except ParameterError:
            return
        self._right()

    @Slot()
    def _on_typed(self) -> None:
        text = self._line.text()
        if text == self._shown:
            return
        try:
            value = self.parameter.parse(text, self._state)
        except ParameterError as error:
            set_property(self._line, "wrong", True)
            self.complain(error)
            return
        self._take(value)
        self._shown = ranges(value, self._options)
        self._line.setText(self._shown)


def ranges(value: tuple[str, ...], options: tuple[str, ...]) -> str:
    """The subset as short text: runs of three and more neighbours as ``first-last``. The parameter reads it back."""
    place = {name: index for index, name in enumerate(options)}
    parts: list[str] = []
    run: list[str] = []
    for name in (*value, None):
        if run and (name is None or place[name] != place[run[-1]] + 1):
            parts += [f"{run[0]}-{run[-1]}"] if len(run) > 2 else run
            run = []
        if name is not None:
            run.append(name)
    return ", ".join(parts)
