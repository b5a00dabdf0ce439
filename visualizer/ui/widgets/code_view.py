"""Python code to read and to copy, lightly coloured."""

from __future__ import annotations

import re

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QColor, QFont, QGuiApplication, QSyntaxHighlighter, QTextCharFormat, QTextDocument
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QPushButton, QVBoxLayout, QWidget

from visualizer.base.roles import Role
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import describe
from visualizer.ui.widgets.icons import icon

_TOKENS = re.compile(
    r"(?P<comment>#.*)"
    r"|(?P<string>[rbf]*(?:\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'))"
    r"|(?P<keyword>\b(?:and|as|assert|break|class|continue|def|del|elif|else|except|False|finally|for|from|global|if|"
    r"import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|try|while|with|yield)\b)"
    r"|(?P<number>\b\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?\b)"
)
_MOST_LINES = 24


class PythonHighlighter(QSyntaxHighlighter):
    """Keywords, strings, numbers and comments."""

    def __init__(self, document: QTextDocument, theme: Theme) -> None:
        super().__init__(document)
        self._formats: dict[str, QTextCharFormat] = {}
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        colours = {
            "comment": QColor(theme.palette.secondary_text), "string": theme.color(Role.GOOD),
            "keyword": theme.color(Role.C7), "number": theme.color(Role.THEORY),
        }
        for name, colour in colours.items():
            form = QTextCharFormat()
            form.setForeground(colour)
            if name == "keyword":
                form.setFontWeight(QFont.Weight.DemiBold)
            form.setFontItalic(False)
            self._formats[name] = form
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:  # noqa: N802
        for match in _TOKENS.finditer(text):
            self.setFormat(match.start(), match.end() - match.start(), self._formats[match.lastgroup or "comment"])


class CodeView(QWidget):
    """A heading, a Copy button (``<prefix>.copy_code``) and the code."""

    def __init__(self, prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._heading = QLabel("The same in PyTorch", self)
        self._copy = QPushButton("Copy", self)
        self._copy.setProperty("small", True)
        describe(self._copy, "Copy code", "Copy this program to the clipboard; it runs as it stands.",
                 f"{prefix}.copy_code")
        self._copy.clicked.connect(self._on_copy)
        self._text = QPlainTextEdit(self)
        self._text.setReadOnly(True)
        self._text.setTabChangesFocus(True)
        self._text.setProperty("code", True)
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._text.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        describe(self._text, "PyTorch code", "A few lines of PyTorch that reproduce this result.", f"{prefix}.code")
        self._highlighter = PythonHighlighter(self._text.document(), theme)
        self._head = QHBoxLayout()
        self._head.addWidget(self._heading, 1)
        self._head.addWidget(self._copy)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addLayout(self._head)
        self._layout.addWidget(self._text)
        self._code = ""
        self._copied = QTimer(self)
        self._copied.setSingleShot(True)
        self._copied.setInterval(1500)
        self._copied.timeout.connect(self._on_copied_seen)
        self.set_theme(theme)

    @property
    def code(self) -> str:
        return self._code

    def set_code(self, code: str) -> None:
        """Show this program; the view stays where it was scrolled to."""
        if code == self._code:
            return
        self._code = code
        across, down = self._text.horizontalScrollBar().value(), self._text.verticalScrollBar().value()
        self._text.setPlainText(code.rstrip("\n"))
        self._fit()
        self._text.horizontalScrollBar().setValue(across)
        self._text.verticalScrollBar().setValue(down)

    def set_theme(self, theme: Theme) -> None:
        self._heading.setFont(theme.font("title"))
        self._text.setFont(theme.font("code"))
        self._copy.setIcon(icon("copy", theme, size=14))
        self._layout.setSpacing(theme.px(6))
        self._highlighter.set_theme(theme)
        # The style sheet's padding and border, and the document's own margin, above and below.
        self._margin = round(2 * (theme.px(6) + 1 + self._text.document().documentMargin())) + 2
        self._bar = theme.px(10)
        self._fit()

    def _fit(self) -> None:
        """As high as its lines, up to a limit, so that the panel scrolls and not the code in it."""
        count = self._text.blockCount()
        lines = min(max(count, 3), _MOST_LINES)
        self._text.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOff if count <= lines else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        )
        height = lines * self._text.fontMetrics().lineSpacing() + self._margin
        height += max(self._text.horizontalScrollBar().sizeHint().height(), self._bar)
        if height != self._text.height():
            self._text.setFixedHeight(height)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._code)
        self._copy.setText("Copied")
        self._copied.start()

    @Slot()
    def _on_copied_seen(self) -> None:
        self._copy.setText("Copy")
