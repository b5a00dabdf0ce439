"""Free text: one line, or a larger editor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QWidget

from visualizer.base.errors import ParameterError
from visualizer.base.parameters import Text
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.base import Editor
from visualizer.ui.widgets.editors.long_text import LongTextEdit

#: Milliseconds without a key after which what is typed into a larger text takes effect.
_PAUSE_MS = 600


class TextEditor(Editor):
    """A line is complete on Enter or when the focus leaves.

    A larger text takes effect as it is typed, at every short pause, and is complete on Ctrl+Enter or when the focus leaves;
    until then Escape brings back what stood there before.

    Ctrl+Z takes back the typing while there is some; once it is complete, the change: the key is the window's then.
    """

    parameter: Text

    def build(self, state: Any) -> Iterator[None]:
        self._value = ""  # in effect
        self._settled = ""  # complete
        self._wrong = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self._take)
        self._edit: QLineEdit | QPlainTextEdit
        if self.parameter.multiline:
            self._edit = LongTextEdit(self)
            self._edit.setTabChangesFocus(True)
            self._edit.textChanged.connect(self._pause.start)
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
            self._value = self._settled = value
            self._show(value)

    def in_effect(self) -> str:
        return f"\u201c{self._value}\u201d" if len(self._value) <= 40 and "\n" not in self._value else "The text before"

    def altered(self) -> bool:
        return self._text() != self._settled or self._wrong

    def refused(self) -> bool:
        return self._wrong

    def discard(self) -> None:
        self._show(self._value)

    def revert(self) -> None:
        self._show(self._settled)
        if self._value != self._settled:
            self._value = self._settled
            self.changed.emit(self._settled, True)

    def _show(self, text: str) -> None:
        if isinstance(self._edit, QLineEdit):
            self._edit.setText(text)
        else:
            self._edit.setPlainText(text)
        self._pause.stop()
        self._right()

    def _text(self) -> str:
        return self._edit.text() if isinstance(self._edit, QLineEdit) else self._edit.toPlainText()

    def _right(self) -> None:
        self._wrong = False
        self.problem.emit("")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
                and event.key() in (Qt.Key.Key_Z, Qt.Key.Key_Y)
                and event.modifiers() & Qt.KeyboardModifier.ControlModifier
                and not event.modifiers() & Qt.KeyboardModifier.AltModifier and not self.altered()):
            # Qt asks whether the field needs the key; it would say yes, and show what stood there before over what is in effect.
            event.ignore()
            return True
        if isinstance(watched, QPlainTextEdit):
            if event.type() == QEvent.Type.FocusOut:
                self._finish()
            elif (event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent)
                  and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
                  and event.modifiers() & Qt.KeyboardModifier.ControlModifier):
                self._finish()
                return True
        return super().eventFilter(watched, event)

    @Slot()
    def _finish(self) -> None:
        """What is shown is complete."""
        self._pause.stop()
        if self._text() == self._settled == self._value:
            self._right()
        elif self._checked():
            self._settled = self._value
            self.changed.emit(self._value, True)

    @Slot()
    def _take(self) -> None:
        """What is shown takes effect, though more may follow."""
        if self._text() != self._value and self._checked():
            self.changed.emit(self._value, False)

    def _checked(self) -> bool:
        """Whether what is shown is allowed; then it is the value."""
        try:
            self._value = self.parameter.check(self._text())
        except ParameterError as error:
            self._wrong = True
            self.complain(error)
            return False
        self._right()
        return True
