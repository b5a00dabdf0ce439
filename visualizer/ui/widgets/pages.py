"""The pages of a tab as a row of segmented buttons."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QToolButton, QWidget

from visualizer.base.experiment import Experiment
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.flow_layout import FlowLayout
from visualizer.ui.widgets.help import describe

_MOVES = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}


class _Page(QToolButton):
    """A segment; left and right move to its neighbours."""

    moved = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _MOVES:
            self.moved.emit(_MOVES[key])
        else:
            super().keyPressEvent(event)


class PageBar(QWidget):
    """One button for each view, exactly one is pressed. ``chosen`` tells the name of the view that was picked."""

    chosen = Signal(str)

    def __init__(self, experiment: Experiment[Any, Any, Any], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._names = [view.name for view in experiment.views]
        self._layout = FlowLayout(self, spacing=0)
        for index, view in enumerate(experiment.views):
            button = _Page(self)
            button.setText(view.title.replace("&", "&&"))
            button.setCheckable(True)
            button.setProperty("segment", True)
            describe(button, view.title, view.help, f"{experiment.name}.view.{view.name}")
            button.moved.connect(self._on_moved)
            self._group.addButton(button, index)
            self._layout.addWidget(button)
        self._group.idClicked.connect(self._on_clicked)
        self.set_view(self._names[0])
        self.set_theme(theme)
        self.setVisible(len(self._names) > 1)

    def set_view(self, name: str) -> None:
        """Press this page's button without emitting."""
        self._button(self._names.index(name)).setChecked(True)

    def set_theme(self, theme: Theme) -> None:
        for button in self._group.buttons():
            button.setFont(theme.font("body"))

    def _button(self, index: int) -> QAbstractButton:
        return self._group.button(index)

    @Slot(int)
    def _on_clicked(self, index: int) -> None:
        self.chosen.emit(self._names[index])

    @Slot(int)
    def _on_moved(self, by: int) -> None:
        index = (self._group.checkedId() + by) % len(self._names)
        self._button(index).setFocus(Qt.FocusReason.OtherFocusReason)
        self._button(index).click()
