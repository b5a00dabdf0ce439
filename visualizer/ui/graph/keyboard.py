"""What the keys do in a graph. Arrows walk once a box is chosen; until then, and where a run is played, Left and Right step it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from visualizer.ui.graph.walking import Direction

HELP = (
    "Wheel zooms, drag pans, double click opens a group or fits. Keys: arrows walk along the edges, Up and Down begin; "
    "where a run is played, Left and Right step it, and walk with Alt; Enter opens or closes a group; "
    "F3 and Shift+F3 go through what was found; Z zooms to the chosen node; 0 shows the whole graph; + and - zoom; "
    "Shift with an arrow pans; M shows or hides the map; Ctrl+C copies the picture; Escape chooses nothing."
)

_ARROWS: dict[int, Direction] = {Qt.Key.Key_Left: "left", Qt.Key.Key_Right: "right", Qt.Key.Key_Up: "up", Qt.Key.Key_Down: "down"}
_LETTERS: dict[int, Literal["selection", "whole", "map", "toggle", "deselect"]] = {
    Qt.Key.Key_Z: "selection", Qt.Key.Key_0: "whole", Qt.Key.Key_M: "map", Qt.Key.Key_Return: "toggle", Qt.Key.Key_Enter: "toggle",
    Qt.Key.Key_Escape: "deselect",
}


@dataclass(frozen=True)
class Command:
    """What a key asks for; ``step``: 1 in, -1 out."""

    name: Literal["walk", "pan", "zoom", "selection", "whole", "map", "toggle", "deselect", "copy"]
    direction: Direction = "down"
    step: int = 0


def command_of(event: QKeyEvent, chosen: bool, played: bool = False) -> Command | None:
    """The command of a key; None for a key that is someone else's.

    Args:
        chosen: whether a box is; without one Left and Right step the run, as everywhere.
        played: whether there is a run to be stepped: who has clicked a box still wants to go on with it.
    """
    key, text = event.key(), event.text()
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers == Qt.KeyboardModifier.ControlModifier:
        return Command("copy") if key == Qt.Key.Key_C else None
    if text in ("+", "-") and not modifiers & ~Qt.KeyboardModifier.ShiftModifier:
        return Command("zoom", step=1 if text == "+" else -1)
    if modifiers == Qt.KeyboardModifier.ShiftModifier and key in _ARROWS:
        return Command("pan", _ARROWS[key])
    if modifiers == Qt.KeyboardModifier.AltModifier and key in _ARROWS:
        return Command("walk", _ARROWS[key])
    if modifiers != Qt.KeyboardModifier.NoModifier:
        return None
    if key in _ARROWS:
        direction = _ARROWS[key]
        return Command("walk", direction) if (chosen and not played) or direction in ("up", "down") else None
    return Command(_LETTERS[key]) if key in _LETTERS else None
