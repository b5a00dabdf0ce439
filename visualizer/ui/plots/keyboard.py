"""What the keys do in a figure. Those of the transport bar (Space, arrows, Home) and the window (F, Ctrl+0) pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

HELP = (
    "Wheel zooms, drag pans, double click fits, on the title it enlarges. Keys: Ctrl+Left and Ctrl+Right, or [ and ], "
    "select a point; Enter clicks it; Alt with an arrow moves it; + and - zoom; Ctrl+0 fits; F enlarges; Ctrl+C copies "
    "the picture; Escape deselects."
)

_ARROWS = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, 1), Qt.Key.Key_Down: (0, -1)}


@dataclass(frozen=True)
class Command:
    """What a key asks for; ``dx``, ``dy``: a direction (y upwards), or +1 and -1 for next and previous, in and out."""

    name: Literal["select", "nudge", "click", "deselect", "zoom", "copy"]
    dx: int = 0
    dy: int = 0


def command_of(event: QKeyEvent) -> Command | None:
    """The command of a key; None for a key that is someone else's."""
    key, text = event.key(), event.text()
    modifiers = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if modifiers == Qt.KeyboardModifier.ControlModifier:
        controlled = {Qt.Key.Key_Right: Command("select", 1), Qt.Key.Key_Left: Command("select", -1),
                      Qt.Key.Key_C: Command("copy")}
        return controlled.get(Qt.Key(key))
    if modifiers == Qt.KeyboardModifier.AltModifier and key in _ARROWS:
        return Command("nudge", *_ARROWS[Qt.Key(key)])
    # By text and not by key: on many keyboards brackets need a modifier.
    typed = {"]": Command("select", 1), "[": Command("select", -1), "+": Command("zoom", 1), "-": Command("zoom", -1)}
    if text in typed:
        return typed[text]
    if modifiers not in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier):
        return None
    plain = {Qt.Key.Key_Return: Command("click"), Qt.Key.Key_Enter: Command("click"),
             Qt.Key.Key_Escape: Command("deselect")}
    return plain.get(Qt.Key(key)) if key in plain else None
