"""How much of a graph is drawn at which zoom: names, then shapes, then values."""

from __future__ import annotations

from enum import IntEnum

from visualizer.ui.theme import Theme


class Level(IntEnum):
    """From far to near; each shows what those before it show, too."""

    FAR = 0      #: boxes as spots of colour, lines a pixel wide, nothing smoothed
    NAMES = 1    #: titles as large as their boxes allow, heads on the arrows
    SHAPES = 2   #: shapes under the titles
    VALUES = 3   #: values, parameters, labels of edges


#: The zoom from which a level is shown; a projector's larger type needs more.
_FROM = {Level.NAMES: 0.3, Level.SHAPES: 0.55, Level.VALUES: 0.7}


def level_at(zoom: float, theme: Theme) -> Level:
    """The level of this zoom."""
    scale = 1.0 + (theme.zoom - 1.0) / 2
    return max((level for level, least in _FROM.items() if zoom >= least * (scale if level > Level.NAMES else 1.0)),
               default=Level.FAR)


#: Sizes of type in a box at zoom 1, in pixels.
TITLE, LINE, CHIP, FRAME_TITLE = 13.0, 11.0, 11.0, 12.0
