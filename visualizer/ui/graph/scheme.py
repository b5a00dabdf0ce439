"""The colours of a graph: fill, border and text of every box for each role, shade and state, all of them legible."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QColor

from visualizer.base.roles import Role
from visualizer.figures.graph import GraphFigure, Outline
from visualizer.ui.plots.colormaps import lookup_table
from visualizer.ui.stylesheet import blend
from visualizer.ui.theme import Theme

#: WCAG 2, level AA, for text.
LEGIBLE = 4.5
#: How much of its role's colour a box has; more once it has computed, nearly all of it where only the colour can be seen.
_TINT, _DONE, _FAR = 0.17, 0.46, 0.72
_DIM = 0.06
#: Steps of the palette that boxes are coloured in: as fine as an eye tells apart, and few enough to paint together.
SHADES = 32
#: What torchviz gives its boxes (light blue leaves, dark olive green output, light grey functions), by their outline here.
_TORCHVIZ: dict[Outline, str] = {"pill": "#add8e6", "hexagon": "#caff70", "dashed": "#ffffff"}
_TORCHVIZ_REST = "#d3d3d3"


@dataclass(frozen=True)
class Look:
    """Colours of a box, ``#rrggbb``; ``far``: where it is too small for a border and text."""

    fill: str
    border: str
    text: str
    second: str
    far: str


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def text_on(fill: str, theme: Theme) -> str:
    """The theme's text colour where it can be read on this fill, otherwise the better one of black and white."""
    own = theme.palette.text
    if contrast(own, fill) >= LEGIBLE:
        return own
    return max(("#000000", "#ffffff"), key=lambda colour: contrast(colour, fill))


def second_on(fill: str, theme: Theme) -> str:
    """A quieter text colour, if it can be read there, too."""
    quiet = theme.palette.secondary_text
    return quiet if contrast(quiet, fill) >= LEGIBLE else text_on(fill, theme)


def _look(fill: str, border: str, far: str, theme: Theme) -> Look:
    return Look(fill, border, text_on(fill, theme), second_on(fill, theme), far)


@lru_cache(maxsize=256)
def role_look(theme: Theme, role: Role, done: bool = False) -> Look:
    """A box of this role; ``done``: it has computed."""
    palette = theme.palette
    colour = palette.roles[role]
    return _look(blend(palette.background, colour, _DONE if done else _TINT), colour,
                 blend(palette.background, colour, 1.0 if done else _FAR), theme)


@lru_cache(maxsize=8)
def dim_look(theme: Theme) -> Look:
    """A box in the background."""
    palette = theme.palette
    return Look(blend(palette.background, palette.text, _DIM / 2), blend(palette.background, palette.text, 0.16),
                palette.secondary_text, palette.secondary_text, blend(palette.background, palette.text, 0.1))


@lru_cache(maxsize=256)
def shade_look(theme: Theme, step: int) -> Look:
    """A box at this of :data:`SHADES` places on the palette."""
    blue, green, red, _ = lookup_table("sequential")[round(step * 255 / (SHADES - 1))].tolist()
    fill = f"#{red:02x}{green:02x}{blue:02x}"
    return _look(fill, blend(fill, theme.palette.text, 0.45), fill, theme)


@lru_cache(maxsize=32)
def torchviz_look(theme: Theme, outline: Outline) -> Look:
    """A box as torchviz colours it, black on light in both themes."""
    fill = _TORCHVIZ.get(outline, _TORCHVIZ_REST)
    edge = "#000000" if theme.mode == "light" else blend(fill, "#000000", 0.35)
    return Look(fill, edge, "#000000", "#000000", fill)


class Looks:
    """The look of every box of a figure: ``number`` is, for every box, its place in ``looks``."""

    def __init__(self, figure: GraphFigure, theme: Theme) -> None:
        outlines = figure.drawing.boxes.outlines
        self.looks: list[Look] = []
        if figure.torchviz:
            names: dict[Outline, int] = {}
            self.number = np.fromiter((names.setdefault(o, len(names)) for o in outlines), dtype=np.intp, count=len(outlines))
            self.looks = [torchviz_look(theme, outline) for outline in names]
        elif figure.shades is not None:
            known = np.isfinite(figure.shades)
            step = np.rint(np.clip(np.where(known, figure.shades, 0.0), 0.0, 1.0) * (SHADES - 1)).astype(np.intp)
            self.number = np.where(known, step, SHADES)
            self.looks = [*(shade_look(theme, index) for index in range(SHADES)), role_look(theme, Role.MUTED)]
        else:
            self.number = np.asarray(figure.roles, dtype=np.intp)
            self.looks = [role_look(theme, role) for role in figure.role_table]
        if figure.done is not None and not figure.torchviz and figure.shades is None:
            count = len(self.looks)
            self.number = np.where(figure.done, self.number + count, self.number)
            self.looks += [role_look(theme, role, done=True) for role in figure.role_table]
        if figure.dimmed is not None:
            self.number = np.where(figure.dimmed, len(self.looks), self.number)
            self.looks.append(dim_look(theme))

    def of(self, row: int) -> Look:
        return self.looks[int(self.number[row])]


@lru_cache(maxsize=64)
def line_colour(theme: Theme, kind: str) -> QColor:
    """Colour of a line: an edge, near, far, in the background; a frame; a path; a gradient's way; what the mouse is on."""
    palette = theme.palette
    share = {"edge": 0.62, "far": 0.4, "dim": 0.16, "frame": 0.3}
    if kind in share:
        return QColor(blend(palette.background, palette.text, share[kind]))
    return QColor({"path": palette.accent, "flow": palette.roles[Role.GRADIENT], "hover": palette.text}[kind])


@lru_cache(maxsize=64)
def frame_fill(theme: Theme, depth: int) -> QColor:
    """The ground of an open group: a little darker (or lighter) the deeper it lies."""
    return QColor(blend(theme.palette.background, theme.palette.text, min(0.03 + 0.022 * depth, 0.12)))


def chosen_rows(rows: tuple[int, ...], count: int) -> NDArray[np.intp]:
    """Rows as an array, without those that do not exist."""
    found = np.asarray(rows, dtype=np.intp)
    return found[(found >= 0) & (found < count)]
