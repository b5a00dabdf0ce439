"""Text of any size in a graph: in the window in whole pixel sizes that are kept, in an SVG as outlines."""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QStaticText, QTransform

from visualizer.ui.theme import MONO, SANS

#: Text is never drawn smaller than this: it could not be read.
SMALLEST = 6
#: Size that widths are measured at; they grow with the size, since the fonts are not hinted.
_MEASURED = 100


@lru_cache(maxsize=256)
def font_of(pixels: int, bold: bool = False, code: bool = False) -> QFont:
    """The bundled font in a size."""
    font = QFont(MONO if code else SANS)
    font.setPixelSize(pixels)
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    font.setFeature(QFont.Tag("tnum"), 1)
    if bold:
        font.setWeight(QFont.Weight.DemiBold)
    return font


@lru_cache(maxsize=4)
def _metrics(bold: bool) -> QFontMetricsF:
    return QFontMetricsF(font_of(_MEASURED, bold))


@lru_cache(maxsize=4)
def line_height(bold: bool = False) -> float:
    """Height of a line of text of one pixel."""
    return (_metrics(bold).ascent() + _metrics(bold).descent()) / _MEASURED


@lru_cache(maxsize=32768)
def unit_width(text: str, bold: bool = False) -> float:
    """Width of a text of one pixel."""
    return _metrics(bold).horizontalAdvance(text) / _MEASURED


@lru_cache(maxsize=8192)
def fitted(text: str, pixels: float, width: float, bold: bool = False) -> str:
    """The text, shortened with an ellipsis if it is wider than this in a font of so many pixels."""
    if unit_width(text, bold) * pixels <= width + 0.5:
        return text
    return _metrics(bold).elidedText(text, Qt.TextElideMode.ElideRight, max(width, 0.0) * _MEASURED / pixels)


@lru_cache(maxsize=16384)
def _shaped(text: str, pixels: int, bold: bool) -> QStaticText:
    shaped = QStaticText(text)
    shaped.setTextFormat(Qt.TextFormat.PlainText)
    shaped.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    shaped.prepare(QTransform(), font_of(pixels, bold))
    return shaped


def whole_size(pixels: float) -> float:
    """The size that a text of this size has in the window: in whole pixels, not larger."""
    return float(max(math.floor(pixels + 0.02), 1))


class Writer:
    """Writes texts with one painter; remembers its pen and font, since changing them costs more than a word.

    Args:
        outlined: texts become outlines (SVG), of exactly the size that is asked for.
        plain: texts stay texts (a large SVG, which outlines would make a hundred times larger).
    """

    def __init__(self, painter: QPainter, outlined: bool = False, plain: bool = False) -> None:
        self._painter = painter
        self._outlined, self._plain = outlined and not plain, plain
        self._font: tuple[int, bool] | None = None
        self._colour = ""

    def begin(self) -> None:
        """The painter was used by someone else."""
        self._font, self._colour = None, ""

    def size(self, pixels: float) -> float:
        """The size that a text of this size is drawn in, not larger."""
        return pixels if self._outlined else whole_size(pixels)

    def write(self, x: float, top: float, text: str, pixels: float, colour: str, bold: bool = False) -> None:
        """A text with its upper left corner here, in a size from :meth:`size`."""
        if self._outlined:
            path = QPainterPath()
            path.addText(QPointF(0.0, _metrics(bold).ascent()), font_of(_MEASURED, bold), text)
            transform = QTransform.fromTranslate(x, top)
            transform.scale(pixels / _MEASURED, pixels / _MEASURED)
            self._painter.fillPath(transform.map(path), QColor(colour))
            return
        whole = int(pixels)
        if (whole, bold) != self._font:
            self._font = (whole, bold)
            self._painter.setFont(font_of(whole, bold))
        if colour != self._colour:
            self._colour = colour
            self._painter.setPen(QColor(colour))
        if self._plain:
            self._painter.drawText(QPointF(x, top + _metrics(bold).ascent() / _MEASURED * whole), text)
            return
        self._painter.drawStaticText(QPointF(x, top), _shaped(text, whole, bold))

    def centred(self, x: float, top: float, text: str, pixels: float, colour: str, bold: bool = False) -> None:
        """A text with the middle of its upper side here."""
        self.write(x - unit_width(text, bold) * pixels / 2, top, text, pixels, colour, bold)
