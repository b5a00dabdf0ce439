"""The sentence on a wrong input, floating beside its row: it comes and goes without moving a control."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, Slot
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from visualizer.ui.theme import Theme


class ProblemNote(QLabel):
    """Lies over what follows the row, or what precedes it, never over the control with the focus.

    A click takes the note away, the control stays marked as wrong.

    Args:
        row: the row that the sentence is about, anywhere below ``parent``.
        parent: the widget to float in.
    """

    def __init__(self, row: QWidget, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._row, self._parent = row, parent
        self._theme = theme
        self.setProperty("note", True)
        self.setWordWrap(True)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setToolTip("Click to hide this message.")
        self.hide()
        self.set_theme(theme)
        # The row moves with its section, and with the sections above it.
        moving: QWidget | None = row
        while moving is not None and moving is not parent:
            moving.installEventFilter(self)
            moving = moving.parentWidget()
        parent.installEventFilter(self)
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._on_focus)

    def show_text(self, text: str) -> None:
        """Show this sentence, or nothing."""
        self.setText(text)
        self.setAccessibleName(text)
        self._place()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setFont(theme.font("label"))
        self._place()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.hide()
        event.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.ShowToParent, QEvent.Type.HideToParent):
            self._place()
        return super().eventFilter(watched, event)

    @Slot(QWidget, QWidget)
    def _on_focus(self, old: QWidget | None, new: QWidget | None) -> None:
        if self.isVisible():
            self._place()

    def _used(self) -> QRect:
        """Where the control with the focus is, unless it is the row's own; nothing when it is elsewhere."""
        focused = QApplication.focusWidget()
        if focused is None or not self._parent.isAncestorOf(focused) or self._row.isAncestorOf(focused):
            return QRect()
        return QRect(focused.mapTo(self._parent, QPoint(0, 0)), focused.size())

    def _place(self) -> None:
        if not self.text() or not self._row.isVisibleTo(self._parent):
            self.hide()
            return
        width = self._row.width()
        height, gap = self.heightForWidth(width), self._theme.px(2)
        corner = self._row.mapTo(self._parent, QPoint(0, 0))
        below = QRect(corner.x(), corner.y() + self._row.height() + gap, width, height)
        above = QRect(corner.x(), corner.y() - height - gap, width, height)
        used = self._used()
        hides = below.intersects(used)
        if above.top() >= 0 and (hides or below.bottom() >= self._parent.height()):
            self.setGeometry(above)
        elif hides:
            self.setGeometry(below.translated(0, used.bottom() + gap - below.top()))
        else:
            self.setGeometry(below)
        self.raise_()
        self.show()
