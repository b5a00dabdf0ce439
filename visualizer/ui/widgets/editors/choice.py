"""One of a fixed set: a combo box with a tooltip for each entry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from visualizer.base.parameters import Choice
from visualizer.ui.widgets.editors.base import Editor, parameter_help
from visualizer.ui.widgets.editors.controls import CalmComboBox
from visualizer.ui.widgets.help import tooltip


class ChoiceEditor(Editor):
    """The tooltip of the box itself says what the chosen entry means."""

    parameter: Choice

    def build(self, state: Any) -> Iterator[None]:
        self._box = CalmComboBox(self)
        self._box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._box.setMinimumContentsLength(8)
        self._box.setMaxVisibleItems(20)
        self._box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.describe(self._box)
        for index, option in enumerate(self.parameter.options):
            self._box.addItem(option.title, option.name)
            self._box.setItemData(index, tooltip(option.help or option.title), Qt.ItemDataRole.ToolTipRole)
            self._box.setItemData(index, option.help, Qt.ItemDataRole.AccessibleDescriptionRole)
        self._box.activated.connect(self._on_activated)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box)
        self.show_value(getattr(state, self.parameter.name), state)
        yield

    def main_control(self) -> QWidget:
        return self._box

    def show_value(self, value: Any, state: Any) -> None:
        index = self._box.findData(value)
        self._box.setCurrentIndex(index)
        option = self.parameter.options[index]
        about = f"{option.title}: {option.help}\n" if option.help else ""
        self._box.setToolTip(tooltip(about + parameter_help(self.parameter)))

    @Slot(int)
    def _on_activated(self, index: int) -> None:
        self.changed.emit(self._box.itemData(index), True)
