"""Colours, type scale and strokes of the window and of every figure, in one immutable value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtGui import QColor, QFont, QFontDatabase

from visualizer.base.resources import resource
from visualizer.base.roles import Role
from visualizer.figures.palette import PALETTES, Palette

FontKind = Literal["body", "label", "title", "number", "code", "small"]

_PIXELS: dict[FontKind, int] = {"small": 11, "label": 12, "body": 13, "number": 13, "code": 12, "title": 15}
_PRESENTATION = 1.6
SANS = "Inter"
MONO = "JetBrains Mono"


@dataclass(frozen=True)
class Theme:
    """How things look: ``mode`` light or dark, ``presentation`` for a projector (large type, thick lines)."""

    mode: Literal["light", "dark"] = "light"
    presentation: bool = False

    @property
    def palette(self) -> Palette:
        return PALETTES[self.mode]

    @property
    def zoom(self) -> float:
        """Factor on type sizes and spacings."""
        return _PRESENTATION if self.presentation else 1.0

    @property
    def stroke(self) -> float:
        """Factor on line widths and marker sizes in figures."""
        return _PRESENTATION if self.presentation else 1.0

    def color(self, role: Role, opacity: float = 1.0) -> QColor:
        """The role's colour."""
        color = QColor(self.palette.roles[role])
        color.setAlphaF(opacity)
        return color

    def font(self, kind: FontKind = "body") -> QFont:
        """The bundled font in the size of this kind; numbers have tabular figures."""
        font = QFont(MONO if kind == "code" else SANS)
        font.setPixelSize(round(_PIXELS[kind] * self.zoom))
        if kind == "title":
            font.setWeight(QFont.Weight.DemiBold)
        if kind == "number":
            font.setFeature(QFont.Tag("tnum"), 1)
        return font


def load_fonts() -> None:
    """Make the bundled fonts known to Qt. Call once, after the application object exists."""
    for path in sorted(resource("fonts").glob("*.[ot]tf")):
        QFontDatabase.addApplicationFont(str(path))
