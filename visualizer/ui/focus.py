"""The order in which Tab reaches the controls: the order in which they are seen, whenever they were made."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QScrollArea, QSplitter, QStackedWidget, QWidget


def focusable(widget: QWidget) -> Iterator[QWidget]:
    """The widget and everything in it that Tab may reach, in the order of layouts and splitters, hidden ones too."""
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None:
        yield widget
    for child in _children(widget):
        yield from focusable(child)


def set_tab_order(widget: QWidget) -> None:
    """Make Tab go through the widget in that order."""
    chain = list(focusable(widget))
    for first, second in pairwise(chain):
        QWidget.setTabOrder(first, second)


def _children(widget: QWidget) -> list[QWidget]:
    """The children in the order of sight, and at last those that no layout holds."""
    found: list[QWidget | None] = []
    hidden: set[QWidget] = set()
    layout = widget.layout()
    if isinstance(widget, (QSplitter, QStackedWidget)):
        found = [widget.widget(index) for index in range(widget.count())]
    elif isinstance(widget, QScrollArea):
        found = [widget.widget()]
        hidden.add(widget.viewport())  # its only child is that widget
    elif layout is not None:
        found = [*_laid_out(layout)]
    ordered = [child for child in found if child is not None]
    seen = hidden.union(ordered)
    rest = [
        child for child in widget.children()
        if isinstance(child, QWidget) and child not in seen and not child.isWindow()
    ]
    return ordered + rest


def _laid_out(layout: QLayout) -> list[QWidget]:
    found: list[QWidget] = []
    for index in range(layout.count()):
        item = layout.itemAt(index)
        if item is None:
            continue
        inner, held = item.layout(), item.widget()
        if held is not None:
            found.append(held)
        elif inner is not None:
            found += _laid_out(inner)
    return found
