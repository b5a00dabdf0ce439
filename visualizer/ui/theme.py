"""Colours, type scale and strokes of the window and of every figure, in one immutable value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from PySide6.QtGui import QColor, QFont, QFontDatabase, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from visualizer.base.resources import resource
from visualizer.base.roles import Role
from visualizer.figures.palette import PALETTES, Mode, Palette
from visualizer.ui.stylesheet import blend, stylesheet

FontKind = Literal["body", "label", "title", "number", "code", "small"]

_PIXELS: dict[FontKind, int] = {"small": 11, "label": 12, "body": 13, "number": 13, "code": 12, "title": 15}
_PRESENTATION = 1.6
SANS = "Inter"
MONO = "JetBrains Mono"


@dataclass(frozen=True)
class Theme:
    """How things look: ``mode`` light or dark, ``presentation`` for a projector (large type, thick lines)."""

    mode: Mode = "light"
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

    def px(self, size: float) -> int:
        """A length of the 8-pixel grid in device-independent pixels, scaled for presentation."""
        return round(size * self.zoom)

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


def system_mode() -> Mode:
    """Whether the desktop is light or dark; light where it does not say (an offscreen screen never does)."""
    # Here and not above: the name Qt makes PySide6 build all its 94 enums, which takes 16 ms before the first paint.
    from PySide6.QtCore import Qt

    scheme = QGuiApplication.styleHints().colorScheme()
    return "dark" if scheme == Qt.ColorScheme.Dark else "light"


def style_application(app: QApplication, theme: Theme) -> None:
    """Give the whole application this theme: Fusion, palette, font and style sheet. Can be called again at any time.

    Widgets that hold fonts, icons or colours of their own have a ``set_theme`` and are told by the window.
    """
    if app.property(STYLED) is None:
        app.setStyle("Fusion")
        app.setProperty(STYLED, True)
    if app.styleSheet():
        # One sheet in place of another, Qt polishes every widget anew with each of those that it lies in, some ten times
        # in all; taken off and put on, twice.
        app.setStyleSheet("")
    app.setPalette(_palette(theme))
    app.setFont(theme.font("body"))
    app.setStyleSheet(stylesheet(theme))


#: The application's property that says that its style is Fusion already.
STYLED = "visualizer.styled"


def _palette(theme: Theme) -> QPalette:
    colours = theme.palette
    faint = QColor(blend(colours.surface, colours.text, 0.36))
    group, role = QPalette.ColorGroup, QPalette.ColorRole
    palette = QPalette()
    for target, colour in (
        (role.Window, colours.surface), (role.WindowText, colours.text), (role.Base, colours.background),
        (role.AlternateBase, colours.surface), (role.Text, colours.text), (role.Button, colours.surface),
        (role.ButtonText, colours.text), (role.BrightText, colours.background), (role.Highlight, colours.accent),
        (role.HighlightedText, colours.background), (role.Accent, colours.accent), (role.Link, colours.accent),
        (role.LinkVisited, colours.accent), (role.ToolTipBase, colours.background), (role.ToolTipText, colours.text),
        (role.PlaceholderText, colours.secondary_text), (role.Light, blend(colours.surface, "#ffffff", 0.2)),
        (role.Midlight, colours.grid), (role.Mid, blend(colours.surface, colours.text, 0.2)),
        (role.Dark, blend(colours.surface, colours.text, 0.3)), (role.Shadow, blend(colours.surface, "#000000", 0.6)),
    ):
        palette.setColor(target, QColor(colour))
    for target in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(group.Disabled, target, faint)
    return palette
