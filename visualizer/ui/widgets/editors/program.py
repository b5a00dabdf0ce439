"""Programs: Python code in an editor of its own, or the name of a model in a file. They run when the user says so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QObject, QStringListModel, Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QKeyEvent
from PySide6.QtWidgets import QCompleter, QHBoxLayout, QLabel, QLineEdit, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout

from visualizer.base.errors import UserError
from visualizer.base.reading import read_file
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.code_edit import CodeEdit
from visualizer.ui.widgets.editors.grip import Grip
from visualizer.ui.widgets.editors.text import TextEditor
from visualizer.ui.widgets.help import describe
from visualizer.ui.widgets.section import Section

LEAST_LINES = 14
_MOST_OUTPUT = 20_000
#: Bytes of a Python file that is looked through for names.
_MOST_SOURCE = 2_000_000
_LINE = re.compile(r"\b(?:at line|in line|Line) (\d+)\b")


class ProgramEditor(TextEditor):
    """What is typed is kept as it is typed, and runs on Run (Ctrl+Enter); Stop, or Esc, ends it while it runs.

    ``asked`` says "run" or "stop".
    """

    def build(self, state: Any) -> Iterator[None]:
        self._value = self._settled = ""
        self._wrong = self._running = False
        self._pause = QTimer(self, singleShot=True, interval=300)
        self._pause.timeout.connect(self._take)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._buttons = QHBoxLayout()
        self._run = self._button("Run", "run", "Run this program, in a process of its own (Ctrl+Enter)." if self.parameter.multiline
                                 else "Run this model, in a process of its own (Enter).")
        self._stop = self._button("Stop", "stop", "End the program that runs (Esc).")
        self._stop.setEnabled(False)
        self._run.clicked.connect(self._on_run)
        self._stop.clicked.connect(self._on_stop)
        self._make_field()
        self._buttons.addWidget(self._run)
        self._buttons.addWidget(self._stop)
        self._buttons.addStretch(1)
        self._layout.addLayout(self._buttons)
        yield
        self._message = QLabel(self)
        self._message.setObjectName(f"{self.prefix}.message")
        self._message.setTextFormat(Qt.TextFormat.PlainText)
        self._message.setWordWrap(True)
        self._message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._message.hide()
        self._layout.addWidget(self._message)
        self._printed = Section("Output", self.theme, self, f"{self.prefix}.output_section")
        self._output = QPlainTextEdit(self._printed)
        self._output.setReadOnly(True)
        self._output.setProperty("code", True)
        self._output.setTabChangesFocus(True)
        describe(self._output, "Output", "What the program printed, the last part of it.", f"{self.prefix}.output")
        self._printed.body.addWidget(self._output)
        self._printed.hide()
        self._layout.addWidget(self._printed)
        self.describe(self._edit)
        self._edit.installEventFilter(self)
        self.set_theme(self.theme)
        self.show_value(getattr(state, self.parameter.name), state)
        yield

    def _make_field(self) -> None:
        edit = CodeEdit(self.theme, self)
        edit.textChanged.connect(self._on_typed)
        edit.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._edit = edit
        self._code: CodeEdit | None = edit
        self._grip = Grip(edit, f"{self.prefix}.grip", self)
        self._layout.addWidget(edit)
        self._layout.addWidget(self._grip)

    def _button(self, text: str, name: str, help: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("small", True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard in the text
        describe(button, text, help, f"{self.prefix}.{name}")
        return button

    def set_theme(self, theme: Theme) -> None:
        self.theme = theme
        self._layout.setSpacing(theme.px(4))
        self._message.setFont(theme.font("label"))
        self._message.setProperty("note", True)
        self._output.setFont(theme.font("code"))
        self._output.setFixedHeight(theme.px(110))
        self._printed.set_theme(theme)
        if self._code is not None:
            self._code.set_theme(theme)
            self._grip.set_least(self._code.lines_height(LEAST_LINES), theme)

    # What is told about the program.

    def set_running(self, running: bool) -> None:
        self._running = running
        self._stop.setEnabled(running)

    def show_report(self, sentence: str, line: int, output: str) -> None:
        if not line and (found := _LINE.search(sentence)):
            line = int(found[1])
        self._message.setText(sentence)
        self._message.setVisible(bool(sentence))
        if self._code is not None:
            self._code.mark(line if sentence else 0)
        tail = output[-_MOST_OUTPUT:]
        if tail != self._output.toPlainText():
            self._output.setPlainText(tail)
            self._output.verticalScrollBar().setValue(self._output.verticalScrollBar().maximum())
        self._printed.setVisible(bool(tail))

    def _on_typed(self) -> None:
        self._pause.start()
        if self._code is not None and self._code.marked and self._text() != self._value:
            self._code.mark(0)  # the line may be another one now

    # What the user does.

    @Slot()
    def _on_run(self) -> None:
        self._finish()
        if not self._wrong:
            self.asked.emit("run")

    @Slot()
    def _on_stop(self) -> None:
        self.asked.emit("stop")

    def revert(self) -> None:
        """Escape takes nothing back: what is typed here is too much work for that."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self._edit and isinstance(event, QKeyEvent):
            control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
            enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and control
            stop = event.key() == Qt.Key.Key_Escape and self._running
            if (enter or stop) and event.type() == QEvent.Type.ShortcutOverride:
                event.accept()
                return True
            if (enter or stop) and event.type() == QEvent.Type.KeyPress:
                (self._on_run if enter else self._on_stop)()
                return True
            if event.key() == Qt.Key.Key_Escape:
                return False  # the base class would take back what was typed
        return super().eventFilter(watched, event)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._finish()


class ProgramLineEditor(ProgramEditor):
    """A Python file and a name in it, ``model.py:make``; the names are read from the file, which is not run for that."""

    _edit: QLineEdit

    def _make_field(self) -> None:
        edit = QLineEdit(self)
        edit.setPlaceholderText("model.py:make")
        edit.textEdited.connect(self._on_edited)
        edit.editingFinished.connect(self._finish)
        edit.returnPressed.connect(self._on_run)
        self._names = QStringListModel(self)
        self._offered_for = ""
        completer = QCompleter(self._names, self)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        edit.setCompleter(completer)
        self._edit = edit
        self._code = None
        self._layout.addWidget(edit)
        browse = self._button("Browse…", "browse", "Choose a Python file.")
        browse.clicked.connect(self._on_browse)
        self._buttons.addWidget(browse)

    @Slot(str)
    def _on_edited(self, text: str) -> None:
        self._pause.start()
        file, colon, _ = text.rpartition(":")
        if colon and file.endswith(".py") and file != self._offered_for:
            self._offered_for = file
            self._names.setStringList([f"{file}:{name}" for name in names_in(file)])

    def show_value(self, value: Any, state: Any) -> None:
        super().show_value(value, state)
        file = value.rpartition(":")[0] if ".py:" in value else value
        if file.endswith(".py"):
            self._offered_for = file
            self._names.setStringList([f"{file}:{name}" for name in names_in(file)])

    def offer(self) -> None:
        super().offer()
        self._edit.end(False)
        completer = self._edit.completer()
        if completer is not None and self._names.rowCount() > 0 and self._edit.text().endswith(".py"):
            completer.setCompletionPrefix(self._edit.text())
            completer.complete()

    @Slot()
    def _on_browse(self) -> None:
        self.asked.emit("browse")


def names_in(path: str) -> list[str]:
    """What a Python file defines at its top: functions, classes and variables, in its order. The file is read, not run."""
    try:
        tree = ast.parse(read_file(str(Path(path).expanduser()), _MOST_SOURCE, "The file"))
    except (UserError, SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    found: list[str] = []
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.append(name)
            case ast.Assign(targets=targets):
                found += [target.id for target in targets if isinstance(target, ast.Name)]
            case ast.AnnAssign(target=ast.Name(id=name)):
                found.append(name)
    return [name for name in dict.fromkeys(found) if not name.startswith("_")]
