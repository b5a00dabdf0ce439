"""On or off: a check box."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from visualizer.ui.widgets.editors.base import Editor


class FlagEditor(Editor):
    """The check box carries the label itself."""

    labels_itself = True

    def build(self, state: Any) -> Iterator[None]:
        self._box = QCheckBox(self.parameter.label.replace("&", "&&"), self)
        self.describe(self._box)
        self._box.setChecked(getattr(state, self.parameter.name))
        self._box.clicked.connect(self._on_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._box, 1)
        yield

    def main_control(self) -> QWidget:
        return self._box

    def rename(self, title: str) -> None:
        super().rename(title)
        self._box.setText(title.replace("&", "&&"))

    def show_value(self, value: Any, state: Any) -> None:
        self._box.setChecked(value)  # "clicked" comes only from the user

    @Slot(bool)
    def _on_clicked(self, checked: bool) -> None:
        self.changed.emit(checked, True)
