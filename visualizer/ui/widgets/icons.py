"""The product's own icons, tinted with a colour of the theme."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from visualizer.base.resources import resource
from visualizer.ui.theme import Theme

#: Rendered for ordinary and for dense screens; Qt takes the one that fits the device-pixel ratio.
_RATIOS = (1.0, 2.0)
_DISABLED_OPACITY = 0.38


def icon(name: str, theme: Theme, colour: str = "", size: int = 18) -> QIcon:
    """The icon ``resources/icons/<name>.svg`` in the theme's text colour, or in ``colour`` (``#rrggbb``).

    ``size`` is in device-independent pixels before the theme's zoom.

    Raises:
        FileNotFoundError: there is no such icon.
    """
    return _icon(name, colour or theme.palette.text, theme.px(size))


def pixmap(name: str, theme: Theme, colour: str = "", size: int = 18, ratio: float = 1.0) -> QPixmap:
    """The icon as one picture for a screen of this device-pixel ratio."""
    return _render(name, colour or theme.palette.text, theme.px(size), ratio, 1.0)


@lru_cache(maxsize=256)
def _icon(name: str, colour: str, size: int) -> QIcon:
    made = QIcon()
    for ratio in _RATIOS:
        made.addPixmap(_render(name, colour, size, ratio, 1.0), QIcon.Mode.Normal)
        made.addPixmap(_render(name, colour, size, ratio, _DISABLED_OPACITY), QIcon.Mode.Disabled)
    return made


def _render(name: str, colour: str, size: int, ratio: float, opacity: float) -> QPixmap:
    side = round(size * ratio)
    picture = QPixmap(side, side)
    picture.fill(QColor(Qt.GlobalColor.transparent))
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))
    painter = QPainter(picture)
    painter.setOpacity(opacity)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture


@lru_cache(maxsize=64)
def _source(name: str) -> str:
    return resource(f"icons/{name}.svg").read_text(encoding="utf-8")
