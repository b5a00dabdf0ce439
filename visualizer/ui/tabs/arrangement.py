"""What of a tab is open: controls, explanation, and whether one figure has the middle to itself. Free of widgets.

There are three modes, and each keeps what the user opens and folds in it: the window as it is worked with, one figure
enlarged in it, and presentation mode, where the example is to be seen large at once.
"""

from __future__ import annotations

from typing import Literal

from visualizer.ui.settings import Settings

Mode = Literal["window", "enlarged", "presented"]
_CLOSED = (False, False)


class Arrangement:
    """The folds of one tab.

    Args:
        settings, prefix: where they are remembered, and under which key.
        presented: whether presentation mode is on.
    """

    def __init__(self, settings: Settings, prefix: str, presented: bool) -> None:
        self._settings = settings
        self._prefix = prefix
        self.presented = presented
        self._folds: dict[Mode, tuple[bool, bool]] = {
            "window": (self._flag("left", True), self._flag("right", True)),
            "enlarged": _CLOSED,
            "presented": (self._flag("presented-left", False), self._flag("presented-right", False)),
        }
        self._enlarged = {False: False, True: self._flag("presented-enlarged", True)}

    def _flag(self, name: str, default: bool) -> bool:
        return self._settings.flag(f"{self._prefix}/{name}", default)

    @property
    def mode(self) -> Mode:
        return "presented" if self.presented else "enlarged" if self.enlarged else "window"

    @property
    def folds(self) -> tuple[bool, bool]:
        """Whether controls and explanation are wanted open."""
        return self._folds[self.mode]

    @property
    def enlarged(self) -> bool:
        """Whether one figure has the middle to itself."""
        return self._enlarged[self.presented]

    def open(self, left: bool, right: bool) -> None:
        """The user wants them so, in this mode."""
        self._folds[self.mode] = (left, right)

    def enlarge(self, on: bool) -> None:
        """Give one figure the middle, without the panels; or let all come back."""
        self._enlarged[self.presented] = on
        self._folds["enlarged"] = _CLOSED

    def save(self) -> None:
        modes: tuple[tuple[Mode, str], ...] = (("window", ""), ("presented", "presented-"))
        for mode, prefix in modes:
            for side, is_open in zip(("left", "right"), self._folds[mode], strict=True):
                self._settings.put(f"{self._prefix}/{prefix}{side}", is_open)
        self._settings.put(f"{self._prefix}/presented-enlarged", self._enlarged[True])
