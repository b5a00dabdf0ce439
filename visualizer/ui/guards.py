"""Keeps the page keys and F from being shortcuts while the control with the focus needs them itself."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenu,
    QWidget,
)

_PAGES = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)
#: In these, a page key is ten steps, or a page of the list.
_PAGING = (QAbstractSlider, QAbstractSpinBox, QAbstractItemView, QComboBox, QLineEdit, QMenu)
#: These find their entries by typed letters.
_SEARCHING = (QAbstractItemView, QComboBox, QMenu)


def needs_key(widget: QWidget | None, key: int) -> bool:
    """Whether the widget with the focus does something of its own with Page Up, Page Down or F."""
    if key == Qt.Key.Key_F:
        return isinstance(widget, _SEARCHING)
    if key not in _PAGES:
        return False
    if isinstance(widget, QAbstractScrollArea) and not isinstance(widget, _PAGING):
        return widget.verticalScrollBar().maximum() > 0
    return isinstance(widget, _PAGING)


class ExampleKeyGuard(QObject):
    """Answers for the focused control when Qt asks whether a key may become a shortcut (ShortcutOverride)."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
            and not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
            and needs_key(QApplication.focusWidget(), event.key())
        ):
            event.accept()
            return True
        return False
