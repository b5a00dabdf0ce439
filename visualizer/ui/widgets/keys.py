"""Keeps single-key shortcuts (Space, arrows, Home, End) from those who need the key themselves."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QMenu,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
    QWidget,
)

_ARROWS = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End)
_MOVING = (QAbstractSlider, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit, QTextEdit,
           QTabBar, QMenu)
_PRESSED_BY_SPACE = (QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit, QMenu)


def needs_key(widget: QWidget | None, key: int) -> bool:
    """Whether the widget with the focus does something of its own with Space, an arrow, Home or End."""
    if widget is None:
        return False
    if key == Qt.Key.Key_Space:
        if isinstance(widget, (QPlainTextEdit, QTextEdit)):
            return not widget.isReadOnly()
        return isinstance(widget, _PRESSED_BY_SPACE)
    if key in _ARROWS:
        # Chips and page buttons move the focus by arrows; other buttons leave them alone.
        roving = bool(widget.property("chip") or widget.property("segment"))
        return (roving and key in _ARROWS[:2]) or isinstance(widget, _MOVING)
    return False


class KeyGuard(QObject):
    """Watches a window: a key press that the focused control needs becomes no shortcut.

    Qt asks before it triggers a shortcut (ShortcutOverride), the focused widget first and then its parents up to
    the window; sliders and buttons do not answer, so the window answers for them.
    """

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (
            event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
            and not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
            and needs_key(QApplication.focusWidget(), event.key())
        ):
            event.accept()
            return True
        return False


def guard_keys(window: QWidget) -> None:
    """Install one guard on a window; further calls do nothing."""
    if window.findChild(KeyGuard, options=Qt.FindChildOption.FindDirectChildrenOnly) is None:
        window.installEventFilter(KeyGuard(window))
