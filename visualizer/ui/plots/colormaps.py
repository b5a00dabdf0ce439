"""The palettes of heat maps: perceptually uniform and safe for colour-blind eyes."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from visualizer.figures.model import Heat

#: viridis (CC0, S. van der Walt and N. Smith), blue-white-red CET-D1 (CC-BY, P. Kovesi).
_NAMES = {"sequential": "viridis", "diverging": "CET-D1"}


@lru_cache(maxsize=4)
def lookup_table(palette: Literal["sequential", "diverging"]) -> NDArray[np.uint8]:
    """256 colours, shape (256, 4), as blue, green, red, alpha; with a 257th, transparent, for "no value"."""
    rgb = pg.colormap.get(_NAMES[palette]).getLookupTable(nPts=256, alpha=False)
    table = np.zeros((257, 4), dtype=np.uint8)
    table[:256, :3] = rgb[:, ::-1]
    table[:256, 3] = 255
    return table


def value_limits(heat: Heat) -> tuple[float, float]:
    """The values of the two ends of the palette; a diverging palette is centred on zero."""
    if heat.limits is not None:
        return heat.limits
    values = heat.values[np.isfinite(heat.values)]
    if values.size == 0:
        return (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if heat.palette == "diverging":
        high = max(abs(low), abs(high))
        low = -high
    if not high > low:
        low, high = low - 0.5 * max(abs(low), 1.0), high + 0.5 * max(abs(high), 1.0)
    return low, high


def heat_image(heat: Heat) -> QImage:
    """One pixel for each cell, top row = upper y end; what is not finite is transparent."""
    rows, columns = heat.values.shape
    if rows == 0 or columns == 0:
        return QImage()
    low, high = value_limits(heat)
    finite = np.isfinite(heat.values)
    # Halving first: the difference of two values near the largest float is not finite.
    scaled = (heat.values / 2 - low / 2) / (high / 2 - low / 2) * 256.0
    index = np.where(finite, np.clip(np.where(finite, scaled, 0.0), 0.0, 255.0), 256.0).astype(np.int16)
    pixels = np.ascontiguousarray(lookup_table(heat.palette)[index[::-1]])
    image = QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32)
    return image.copy()


def palette_image(palette: Literal["sequential", "diverging"]) -> QImage:
    """A column of 256 pixels, highest value on top."""
    pixels = np.ascontiguousarray(lookup_table(palette)[255::-1][:256].reshape(256, 1, 4))
    return QImage(pixels.data, 1, 256, 4, QImage.Format.Format_ARGB32).copy()
