"""The lecturer's examples: a row of named buttons over the controls."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton, QWidget

from visualizer.base.experiment import Experiment, Preset, State
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.flow_layout import FlowLayout
from visualizer.ui.widgets.help import describe, set_property


class PresetRow(QWidget):
    """Buttons for the presets of the page that the state shows; they wrap to the next line.

    The presets whose values the state has are shown as active. ``chosen`` tells the preset that was pressed.
    """

    chosen = Signal(object)

    def __init__(self, experiment: Experiment[Any, Any, Any], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._experiment = experiment
        self._buttons: list[tuple[Preset, QPushButton]] = []
        self._layout = FlowLayout(self)
        for preset in experiment.presets:
            button = QPushButton(preset.title.replace("&", "&&"), self)
            describe(button, preset.title, preset.help, f"{experiment.name}.preset.{preset.name}")
            button.setCheckable(False)
            button.clicked.connect(partial(self._on_clicked, preset))
            self._layout.addWidget(button)
            self._buttons.append((preset, button))
        self.set_theme(theme)
        self.set_state(experiment.default_state())

    def set_state(self, state: State) -> None:
        """Show the presets of this state's page and mark those that it equals."""
        view = getattr(state, "view", None)
        any_shown = False
        for preset, button in self._buttons:
            shown = preset.values.get("view", view) == view
            any_shown |= shown
            button.setVisible(shown)
            active = all(getattr(state, name) == value for name, value in preset.values.items())
            set_property(button, "active", active)
            button.setAccessibleDescription(preset.help + (" Active now." if active else ""))
        self.setVisible(any_shown)

    def set_theme(self, theme: Theme) -> None:
        self._layout.setSpacing(theme.px(4))

    def _on_clicked(self, preset: Preset, checked: bool = False) -> None:
        self.chosen.emit(preset)
