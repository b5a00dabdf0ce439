"""One row of the form: label and editor; the form shows the row's sentence when its input is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from visualizer.base.parameters import Parameter
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors import editor_of
from visualizer.ui.widgets.editors.base import parameter_help
from visualizer.ui.widgets.help import tooltip
from visualizer.ui.widgets.symbols import symbol_text


class _RowLabel(QLabel):
    defaulted = Signal()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.defaulted.emit()
        event.accept()


class FormRow(QWidget):
    """``changed`` tells the row itself, the new value, and whether the change is complete."""

    changed = Signal(object, object, bool)
    problem = Signal(object, str)

    def __init__(self, parameter: Parameter[Any], prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self.sentence = ""
        self._shown_help = ""
        self._title = parameter.label
        self._theme = theme
        self.editor = editor_of(parameter)(parameter, prefix, theme, self)
        self.editor.changed.connect(self._on_changed)
        self.editor.problem.connect(self._on_problem)
        self._label: _RowLabel | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def build(self, state: Any) -> Iterator[None]:
        """Make the widgets, in pieces."""
        yield from self.editor.build(state)
        if not self.editor.labels_itself:
            self._label = _RowLabel(self)
            self._label.setText(self._label_text(self.parameter.label))
            self._label.setTextFormat(Qt.TextFormat.PlainText)
            self._label.setWordWrap(True)
            self._label.setBuddy(self.editor.main_control())
            self._label.defaulted.connect(self._on_defaulted)
            self._label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
            head = QHBoxLayout()
            head.addWidget(self._label, 1)
            if self.editor.head is not None:
                head.addWidget(self.editor.head)
            self._layout.addLayout(head)
        self._layout.addWidget(self.editor)
        self._help(state)
        self._style()
        yield

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.editor.set_theme(theme)
        self._style()

    def show_value(self, state: Any) -> None:
        """Show the state's value. What is half typed stays if the value did not change."""
        self.editor.show_value(getattr(state, self.parameter.name), state)
        self._help(state)

    def discard(self) -> None:
        """Forget an input that was refused, and its sentence: the value in effect is shown."""
        if self.editor.refused():
            self.editor.discard()
        self.show_problem("")

    def _label_text(self, title: str) -> str:
        symbol = symbol_text(self.parameter.formula)
        return title + (f"\u00a0 {symbol}" if symbol else "")

    def _help(self, state: Any) -> None:
        """The label and its tooltip; what it is called and what is useful may depend on the state."""
        title = self.parameter.label_for(state)
        if title != self._title:
            self._title = title
            self.editor.rename(title)
            if self._label is not None:
                self._label.setText(self._label_text(title))
        help = parameter_help(self.parameter, state)
        if self._label is not None and help != self._shown_help:
            self._shown_help = help
            self._label.setToolTip(tooltip(help))

    def _style(self) -> None:
        self._layout.setSpacing(self._theme.px(2))
        if self._label is not None:
            self._label.setFont(self._theme.font("body"))

    @Slot()
    def _on_defaulted(self) -> None:
        self.editor.reset()

    @Slot(object, bool)
    def _on_changed(self, value: Any, committed: bool) -> None:
        self.changed.emit(self, value, committed)

    @Slot(str)
    def _on_problem(self, sentence: str) -> None:
        self.show_problem(sentence)

    def show_problem(self, sentence: str) -> None:
        """The sentence on what is wrong with the input, or none; told on when it changed."""
        if sentence == self.sentence:
            return
        self.sentence = sentence
        self.problem.emit(self, sentence)
