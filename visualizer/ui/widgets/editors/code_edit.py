"""A field for Python code: numbered lines, colours, indentation, and a marked line."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QEvent, QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFontMetricsF,
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QPlainTextEdit, QTextEdit, QWidget

from visualizer.base.roles import Role
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.code_view import PythonHighlighter

_INDENT = 4


class CodeEdit(QPlainTextEdit):
    """Tab inserts spaces up to the next multiple of four and Shift+Tab takes them away, of all selected lines if there are several;
    Enter keeps the indentation, one step more after a colon. After Esc, Tab goes to the next control.
    """

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._marked = 0
        self._leaving = False
        self.setProperty("code", True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._numbers = _Numbers(self)
        self._highlighter = PythonHighlighter(self.document(), theme)
        self.blockCountChanged.connect(self._reserve)
        self.updateRequest.connect(self._follow)
        self.set_theme(theme)

    @property
    def marked(self) -> int:
        """The line that is marked as wrong, from 1; 0: none."""
        return self._marked

    def mark(self, line: int) -> None:
        """Mark a line as wrong, and show it; 0: none."""
        if line == self._marked:
            return
        self._marked = line if line <= self.blockCount() else 0
        self._show_mark()
        if self._marked:
            cursor = QTextCursor(self.document().findBlockByNumber(line - 1))
            if not self.hasFocus():  # whoever types stays where they are
                self.setTextCursor(cursor)
                self.ensureCursorVisible()

    def _show_mark(self) -> None:
        marks = []
        if self._marked:
            mark: QTextEdit.ExtraSelection = QTextEdit.ExtraSelection()
            line = QTextCursor(self.document().findBlockByNumber(self._marked - 1))
            form = QTextCharFormat()
            form.setBackground(self._theme.color(Role.BAD, 0.18))
            form.setProperty(QTextCharFormat.Property.FullWidthSelection, True)
            mark.format, mark.cursor = form, line
            under: QTextEdit.ExtraSelection = QTextEdit.ExtraSelection()
            words = QTextCharFormat()
            words.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
            words.setUnderlineColor(self._theme.color(Role.BAD))
            whole = QTextCursor(line)
            whole.movePosition(QTextCursor.MoveOperation.EndOfBlock, QTextCursor.MoveMode.KeepAnchor)
            under.format, under.cursor = words, whole
            marks = [mark, under]
        self.setExtraSelections(marks)
        self._numbers.update()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setFont(theme.font("code"))
        self.setTabStopDistance(_INDENT * self.fontMetrics().horizontalAdvance(" "))
        self._highlighter.set_theme(theme)
        self._reserve()
        self._show_mark()

    def lines_height(self, lines: int) -> int:
        """The height at which so many lines are seen."""
        self.ensurePolished()
        line = math.ceil(QFontMetricsF(self._theme.font("code")).height())
        # The style sheet's padding and border, and the document's own margin, above and below.
        margin = round(2 * (self._theme.px(6) + 1 + self.document().documentMargin()))
        return lines * line + margin + max(self.horizontalScrollBar().sizeHint().height(), self._theme.px(10))

    # Line numbers.

    def numbers_width(self) -> int:
        digits = max(2, len(str(self.blockCount())))
        return digits * self.fontMetrics().horizontalAdvance("9") + self._theme.px(12)

    def _reserve(self) -> None:
        self.setViewportMargins(self.numbers_width(), 0, 0, 0)

    def _follow(self, rectangle: QRect, down: int) -> None:
        if down:
            self._numbers.scroll(0, down)
        else:
            self._numbers.update(0, rectangle.y(), self._numbers.width(), rectangle.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        inside = self.contentsRect()
        self._numbers.setGeometry(inside.left(), inside.top(), self.numbers_width(), inside.height())

    def paint_numbers(self, event: QPaintEvent) -> None:
        """Paint the numbers of the lines that are seen."""
        painter = QPainter(self._numbers)
        painter.setFont(self.font())
        plain, wrong = QColor(self._theme.palette.secondary_text), self._theme.color(Role.BAD)
        block = self.firstVisibleBlock()
        top = self.blockBoundingGeometry(block).translated(self.contentOffset()).top()
        top += self.viewport().y() - self.contentsRect().top()
        width, height = self._numbers.width() - self._theme.px(6), self.fontMetrics().height()
        while block.isValid() and top <= event.rect().bottom():
            painter.setPen(wrong if block.blockNumber() + 1 == self._marked else plain)
            painter.drawText(0, round(top), width, height, Qt.AlignmentFlag.AlignRight, str(block.blockNumber() + 1))
            top += self.blockBoundingRect(block).height()
            block = block.next()
        painter.end()

    # Keys.

    def event(self, event: QEvent) -> bool:
        # Tab and Shift+Tab would go to the next control before keyPressEvent sees them.
        if (event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent)
                and event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab) and not self._leaving):
            self.keyPressEvent(event)
            return True
        return super().event(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._set_leaving(False)
        super().focusInEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self._set_leaving(True)
            event.ignore()
            return
        control = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.MetaModifier)
        if key == Qt.Key.Key_Tab and not control and not self._leaving:
            self._indent()
        elif key == Qt.Key.Key_Backtab and not self._leaving:
            self._dedent()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not control:
            self._break()
        elif key == Qt.Key.Key_Backspace and not control and self._in_indentation():
            self._delete_before((len(self._before_cursor()) - 1) % _INDENT + 1)
        else:
            super().keyPressEvent(event)
        if key not in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab, Qt.Key.Key_Shift):
            self._set_leaving(False)

    def _set_leaving(self, leaving: bool) -> None:
        self._leaving = leaving
        self.setTabChangesFocus(leaving)

    def _before_cursor(self) -> str:
        cursor = self.textCursor()
        return cursor.block().text()[: cursor.positionInBlock()]

    def _in_indentation(self) -> bool:
        return not self.textCursor().hasSelection() and set(self._before_cursor()) == {" "}

    def _delete_before(self, count: int) -> None:
        cursor = self.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.Left, QTextCursor.MoveMode.KeepAnchor, count)
        cursor.removeSelectedText()

    def _break(self) -> None:
        before = self._before_cursor()
        indent = before[: len(before) - len(before.lstrip())]
        code = before.split("#")[0].rstrip()
        self.textCursor().insertText("\n" + indent + " " * (_INDENT * code.endswith(":")))
        self.ensureCursorVisible()

    def _lines(self) -> range:
        """Numbers of the selected lines."""
        cursor, document = self.textCursor(), self.document()
        first, last = document.findBlock(cursor.selectionStart()), document.findBlock(cursor.selectionEnd())
        many = last.blockNumber() > first.blockNumber() and cursor.selectionEnd() == last.position()
        return range(first.blockNumber(), last.blockNumber() + (not many))

    def _indent(self) -> None:
        lines = self._lines()
        if len(lines) < 2 and not self.textCursor().hasSelection():
            self.textCursor().insertText(" " * (_INDENT - len(self._before_cursor()) % _INDENT))
            return
        self._edit_lines(lines, lambda text: _INDENT if text.strip() else 0)

    def _dedent(self) -> None:
        self._edit_lines(self._lines(), lambda text: -min(_INDENT, len(text) - len(text.lstrip(" "))))

    def _edit_lines(self, lines: range, change: Callable[[str], int]) -> None:
        edit = self.textCursor()
        edit.beginEditBlock()
        for number in lines:
            block = self.document().findBlockByNumber(number)
            count = change(block.text())
            start = QTextCursor(block)
            if count > 0:
                start.insertText(" " * count)
            elif count < 0:
                start.movePosition(QTextCursor.MoveOperation.Right, QTextCursor.MoveMode.KeepAnchor, -count)
                start.removeSelectedText()
        edit.endEditBlock()


class _Numbers(QWidget):
    """The margin with the numbers."""

    def __init__(self, edit: CodeEdit) -> None:
        super().__init__(edit)
        self._edit = edit

    def sizeHint(self) -> QSize:
        return QSize(self._edit.numbers_width(), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        self._edit.paint_numbers(event)
