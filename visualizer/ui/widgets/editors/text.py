"""Free text: one line, or a larger editor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QWidget

from visualizer.base.errors import ParameterError
from visualizer.base.parameters import Text
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.base import Editor


class TextEditor(Editor):
    """A line is complete on Enter or when the focus leaves; a larger text when the focus leaves."""

    parameter: Text

    def build(self, state: Any) -> Iterator[None]:
        self._value = ""
        self._wrong = False
        self._edit: QLineEdit | QPlainTextEdit
        if self.parameter.multiline:
            self._edit = QPlainTextEdit(self)
            self._edit.setTabChangesFocus(True)
        else:
            self._edit = QLineEdit(self)
            self._edit.editingFinished.connect(self._finish)
        self.describe(self._edit)
        self.watch_escape(self._edit)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._edit)
        self.set_theme(self.theme)
        self.show_value(getattr(state, self.parameter.name), state)
        yield

    def main_control(self) -> QWidget:
        return self._edit

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        if isinstance(self._edit, QPlainTextEdit):
            self._edit.setFont(theme.font("code"))
            self._edit.setFixedHeight(theme.px(120))

    def show_value(self, value: Any, state: Any) -> None:
        if value != self._value:
            self._value = value
            self.discard()

    def in_effect(self) -> str:
        return f"\u201c{self._value}\u201d" if len(self._value) <= 40 and "\n" not in self._value else "The text before"

    def altered(self) -> bool:
        return self._text() != self._value or self._wrong

    def refused(self) -> bool:
        return self._wrong

    def discard(self) -> None:
        if isinstance(self._edit, QLineEdit):
            self._edit.setText(self._value)
        else:
            self._edit.setPlainText(self._value)
        self._right()

    def _text(self) -> str:
        return self._edit.text() if isinstance(self._edit, QLineEdit) else self._edit.toPlainText()

    def _right(self) -> None:
        self._wrong = False
        self.problem.emit("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.FocusOut and isinstance(watched, QPlainTextEdit):
            self._finish()
        return super().eventFilter(watched, event)

    @Slot()
    def _finish(self) -> None:
        text = self._text()
        if text == self._value:
            self._right()
            return
        try:
            value = self.parameter.check(text)
        except ParameterError as error:
            self._wrong = True
            self.complain(error)
            return
        self._value = value
        self._right()
        self.changed.emit(value, True)
