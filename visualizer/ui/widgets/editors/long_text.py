"""A field for text of several lines that also holds a very long one without laying it out."""

from __future__ import annotations

from PySide6.QtCore import QMimeData, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QPlainTextEdit

#: More characters are kept aside: laying out a million of them stops the window for half a second, and again whenever the
#: field becomes wider.
MOST_SHOWN = 20_000
#: Characters of the beginning that are shown of them.
_BEGINNING = 600


class LongTextEdit(QPlainTextEdit):
    """A QPlainTextEdit that shows only the beginning of a text of more than 20,000 characters, and how many they are.

    :meth:`toPlainText` is always the whole text. What is pasted or typed over an abbreviated text replaces all of it.
    """

    #: The text that is kept aside, and what is shown of it; None while that is being set.
    _whole = ""
    _shown: str | None = ""

    def setPlainText(self, text: str) -> None:  # noqa: N802
        long = len(text) > MOST_SHOWN
        self._whole = text if long else ""
        self._shown = None
        super().setPlainText(_abbreviated(text) if long else text)
        self._shown = super().toPlainText()

    def toPlainText(self) -> str:  # noqa: N802
        return self._whole if self.abbreviated() else super().toPlainText()

    def abbreviated(self) -> bool:
        """Whether only the beginning of the text is shown."""
        return bool(self._whole) and self._shown in (None, super().toPlainText())

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802
        text = source.text()
        if self.abbreviated():
            self.setPlainText(text)
            return
        before = super().toPlainText()
        cursor = self.textCursor()
        if len(before) + len(text) <= MOST_SHOWN:
            super().insertFromMimeData(source)
            return
        # Qt counts a character beyond the basic plane twice.
        units = before.encode("utf-16-le", "surrogatepass")
        start, end = (units[: 2 * cursor.selectionStart()], units[2 * cursor.selectionEnd():])
        self.setPlainText(start.decode("utf-16-le", "surrogatepass") + text + end.decode("utf-16-le", "surrogatepass"))

    def createMimeDataFromSelection(self) -> QMimeData:  # noqa: N802
        selected = self.textCursor()
        if self.abbreviated() and len(selected.selectedText()) == len(super().toPlainText()):
            data = QMimeData()
            data.setText(self._whole)
            return data
        return super().createMimeDataFromSelection()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self.abbreviated():
            if event.matches(QKeySequence.StandardKey.Cut):
                self.selectAll()
                self.copy()
                self.setPlainText("")
                return
            keys = (Qt.Key.Key_Backspace, Qt.Key.Key_Delete, Qt.Key.Key_Return, Qt.Key.Key_Enter)
            typed = event.text().isprintable() and event.text() != ""
            control = event.modifiers() & (Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.MetaModifier)
            if event.key() in keys or (typed and not control):
                self.setPlainText("")
        super().keyPressEvent(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        if self.abbreviated() and event.commitString():
            self.setPlainText("")
        super().inputMethodEvent(event)


def _abbreviated(text: str) -> str:
    beginning = text[:_BEGINNING]
    for mark in ("\n", " ", ",", ";", "\t"):
        if mark in beginning:
            beginning = beginning[: beginning.rindex(mark) + 1]
            break
    return f"{len(text):,} characters. Type or paste to replace them all. They begin:\n\n{beginning.rstrip()} \u2026"
