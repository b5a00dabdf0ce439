"""The presets of a page one after the other, as the keys of a presenter's remote ask for them."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot

from visualizer.base.experiment import Preset
from visualizer.ui.tabs.controller import Controller


class Examples(QObject):
    """Knows which preset of each page was shown last, and shows the next or the one before.

    Signals:
        said(str): which one is shown now, or that there is no further one.
    """

    said = Signal(str)

    def __init__(self, controller: Controller, parent: QObject) -> None:
        super().__init__(parent)
        self._controller = controller
        self._last: dict[str, str] = {}

    @property
    def here(self) -> list[Preset]:
        """The presets of the page in front."""
        page = self._controller.page
        return [preset for preset in self._controller.experiment.presets if preset.values.get("view", page) == page]

    @Slot(object)
    def show(self, preset: Preset) -> None:
        """Show this one."""
        self._controller.apply_preset(preset)
        self._last[self._controller.page] = preset.name

    @Slot()
    def show_next(self) -> None:
        self._move(1)

    @Slot()
    def show_previous(self) -> None:
        self._move(-1)

    def _position(self) -> int:
        """Where the page stands among its presets; -1 before the first.

        The last one shown stays the place after a control was touched: the lecture goes on from there.
        """
        here, state = self.here, self._controller.state
        active = [
            preset.name for preset in here
            if all(getattr(state, name) == value for name, value in preset.values.items())
        ]
        last = self._last.get(self._controller.page, "")
        name = last if last in active or not active else active[0]
        return next((index for index, preset in enumerate(here) if preset.name == name), -1)

    def _move(self, by: int) -> None:
        here, target = self.here, self._position() + by
        if 0 <= target < len(here):
            self.show(here[target])
            self.said.emit(f"Example {target + 1} of {len(here)}: {here[target].title}")
        elif here:
            # No way round: whoever presses once too often in a lecture is not to find himself at the beginning.
            self.said.emit("This is the last example of the page." if by > 0 else "There is no example before this.")
