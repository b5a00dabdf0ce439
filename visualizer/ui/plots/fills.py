"""Layers that fill an area: bars, bands, heat maps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyqtgraph import functions as fn
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPaintEngine, QPainter, QPolygonF

from visualizer.figures.model import Band, Bars, Heat
from visualizer.ui.plots.colormaps import heat_image, value_limits
from visualizer.ui.plots.geometry import Floats, clean, clip_polygon, clip_segments, contours, decimate, finite_runs, is_sorted
from visualizer.ui.plots.layers import NOWHERE, Bounds, LayerItem, extremes
from visualizer.ui.plots.paint import LineBatch, pen

#: More bars than this may have several in one pixel; Qt takes 2 microseconds for each.
_MANY = 1000
#: Cells to a side between which contours are looked for.
_CELLS = 100


class BarsItem(LayerItem[Bars]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._rects = PrimitiveArray(QRectF, 4)
        self._count = 0
        # Bars as thin as a device pixel: left, upper and lower end of each in device pixels, and the picture of them.
        self._columns: NDArray[np.int64] | None = None
        self._picture = QImage()
        self.left: Floats = np.empty(0)
        self.right: Floats = np.empty(0)
        self.top: Floats = np.empty(0)

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        left, right = mapping.x(layer.left), mapping.x(layer.right)
        left, right = np.fmin(left, right), np.fmax(left, right)
        top = mapping.y(layer.height)
        # On a logarithmic axis zero is infinitely far down.
        base = mapping.height if mapping.log_y and layer.base <= 0 else float(mapping.y(np.array([layer.base]))[0])
        self.left, self.right, self.top = left, right, top
        good = np.isfinite(left) & np.isfinite(right) & np.isfinite(top)
        good &= (right >= 0) & (left <= mapping.width)
        left, right, top = left[good], right[good], top[good]
        # Whole device pixels: neighbours share an edge without a seam, and nothing needs antialiasing.
        grid = mapping.resolution
        left = np.round(np.clip(left, -2.0, mapping.width + 2.0) * grid) / grid
        right = np.round(np.clip(right, -2.0, mapping.width + 2.0) * grid) / grid
        # A gap between wide bars; one for all or for none.
        wide = bool(left.size) and float(np.median(right - left)) > 6.0
        right = np.maximum(right - 1.0 if wide else right, left + 1.0 / grid)
        top = np.round(np.clip(top, -2.0, mapping.height + 2.0) * grid) / grid
        base = round(min(max(base, -2.0), mapping.height + 2.0) * grid) / grid
        upper, lower = np.minimum(top, base), np.maximum(top, base)
        self._columns = None
        if left.size > _MANY and not layer.outline:
            left, right, upper, lower = _by_pixel(left, right, upper, lower, grid)
            if not np.any(right - left > 1.5 / grid):
                self._columns = np.round(np.stack((left, upper, lower)) * grid).astype(np.int64)
        self._picture = QImage()
        self._count = left.size
        if self._count:
            self._rects.resize(self._count)
            rows = self._rects.ndarray()
            rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = left, upper, right - left, lower - upper

    def draw(self, painter: QPainter) -> None:
        if not self._count:
            return
        layer = self.layer
        if self._columns is not None and painter.paintEngine().type() == QPaintEngine.Type.Raster:
            if self._picture.isNull():
                self._picture = self._painted(self._columns, self.kit.color(layer.role, layer.opacity))
            grid = self.mapping.resolution
            painter.drawImage(QRectF(0.0, 0.0, self._picture.width() / grid, self._picture.height() / grid), self._picture)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(self.kit.color(layer.role, layer.opacity))
        painter.setPen(pen(self.kit.color(layer.role), 1.0) if layer.outline else Qt.PenStyle.NoPen)
        painter.drawRects(*self._rects.drawargs())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    def _painted(self, columns: NDArray[np.int64], color: QColor) -> QImage:
        """The bars as a picture: Qt takes 5 microseconds to fill a rectangle, numpy less for a whole column."""
        width, height = self.mapping.columns, max(1, round(self.mapping.height * self.mapping.resolution))
        left, upper, lower = columns
        seen = (left >= 0) & (left < width)
        ends = np.zeros((2, width), dtype=np.int64)
        ends[:, left[seen]] = upper[seen], lower[seen]
        row = np.arange(height)[:, None]
        filled = (row >= ends[0]) & (row < ends[1])
        pixels = np.ascontiguousarray(np.where(filled, np.uint32(color.rgba()), np.uint32(0)))
        return QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32).copy()

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        layer = self.layer
        base = clean(np.array([layer.base]), log_y) if layer.height.size else np.empty(0)
        return (*extremes(clean(layer.left, log_x), clean(layer.right, log_x)),
                *extremes(clean(layer.height, log_y), base))


def _by_pixel(left: Floats, right: Floats, upper: Floats, lower: Floats, grid: float) -> tuple[Floats, Floats, Floats, Floats]:
    """Bars that begin in the same device pixel as one: each of them touches the base, so together they have no gap."""
    column = np.round(left * grid).astype(np.int64)
    order = np.argsort(column, kind="stable")
    column = column[order]
    starts = np.flatnonzero(np.r_[True, column[1:] != column[:-1]])
    return (left[order][starts], np.maximum.reduceat(right[order], starts), np.minimum.reduceat(upper[order], starts),
            np.maximum.reduceat(lower[order], starts))


class BandItem(LayerItem[Band]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._polygons: list[QPolygonF] = []

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        x = clean(layer.x, mapping.log_x)
        lower, upper = clean(layer.lower, mapping.log_y), clean(layer.upper, mapping.log_y)
        if mapping.log_y:
            # What reaches down to zero or below reaches the bottom of the view.
            lower = np.where(np.isnan(lower) & np.isfinite(upper) & (layer.lower <= 0), -1e3, lower)
        self._polygons = []
        ordered = is_sorted(x)
        for run in finite_runs(x, lower, upper):
            low_x, low_y = decimate(x[run], lower[run], mapping, ordered)
            high_x, high_y = decimate(x[run], upper[run], mapping, ordered)
            px, py = clip_polygon(
                np.concatenate((high_x, low_x[::-1])), np.concatenate((high_y, low_y[::-1])),
                mapping.width, mapping.height,
            )
            if px.size:
                self._polygons.append(fn.arrayToQPolygonF(np.ascontiguousarray(px), np.ascontiguousarray(py)))

    def draw(self, painter: QPainter) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.kit.color(self.layer.role, self.layer.opacity))
        for polygon in self._polygons:
            painter.drawPolygon(polygon)

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        layer = self.layer
        return (*extremes(clean(layer.x, log_x)), *extremes(clean(layer.lower, log_y), clean(layer.upper, log_y)))


class HeatItem(LayerItem[Heat]):
    """Cells fill the ranges evenly; a contour runs between the cells' centres."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._image: QImage | None = None
        self._target = QRectF()
        self._shown = QImage()
        self._contours = LineBatch()

    def changed(self) -> None:
        self._image = None

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        if self._image is None:
            self._image = heat_image(layer)
        self._contours.set(np.empty((0, 4)))
        self._shown = QImage()
        if self._image.isNull():
            return
        if mapping.log_x or mapping.log_y:
            self._shown = self._resampled(self._image)
            self._target = QRectF(0.0, 0.0, mapping.width, mapping.height)
        else:
            (x0, x1), (y0, y1) = mapping.x(np.array(layer.x_range)), mapping.y(np.array(layer.y_range))
            self._shown = self._image
            self._target = QRectF(float(x0), float(y1), float(x1 - x0), float(y0 - y1))
        if layer.contours > 0:
            self._contours.set(self._contour_rows())

    def _resampled(self, image: QImage) -> QImage:
        """The cell under each device pixel: on a logarithmic axis cells are not equally wide."""
        layer, mapping = self.layer, self.mapping
        columns, rows = mapping.columns, max(1, round(mapping.height * mapping.resolution))
        x = np.array([mapping.x_at((i + 0.5) * mapping.width / columns) for i in range(columns)])
        y = np.array([mapping.y_at((i + 0.5) * mapping.height / rows) for i in range(rows)])
        height, width = layer.values.shape
        column = np.floor((x - layer.x_range[0]) / (layer.x_range[1] - layer.x_range[0]) * width)
        row = height - 1 - np.floor((y - layer.y_range[0]) / (layer.y_range[1] - layer.y_range[0]) * height)
        source = np.frombuffer(image.constBits(), dtype=np.uint32).reshape(height, width)
        picked = source[np.clip(row, 0, height - 1).astype(int)[:, None], np.clip(column, 0, width - 1).astype(int)]
        outside = ((row < 0) | (row >= height))[:, None] | ((column < 0) | (column >= width))
        pixels = np.ascontiguousarray(np.where(outside, np.uint32(0), picked))
        return QImage(pixels.data, columns, rows, columns * 4, QImage.Format.Format_ARGB32).copy()

    def _contour_rows(self) -> Floats:
        layer, mapping = self.layer, self.mapping
        rows, columns = layer.values.shape
        low, high = value_limits(layer)
        shares = np.arange(1, layer.contours + 1) / (layer.contours + 1)
        # Contours are straight within a cell, and a hundred cells to a side bend smoothly; more would only take time.
        step = max(1, -(-max(rows, columns) // _CELLS))
        values = layer.values[::step, ::step]
        lines = step * contours(values, low * (1 - shares) + high * shares)
        (x0, x1), (y0, y1) = layer.x_range, layer.y_range
        x = x0 + (lines[:, [0, 2]] + 0.5) * (x1 - x0) / columns
        y = y0 + (lines[:, [1, 3]] + 0.5) * (y1 - y0) / rows
        px, py = mapping.x(x), mapping.y(y)
        found = np.column_stack((px[:, 0], py[:, 0], px[:, 1], py[:, 1]))
        return clip_segments(found[np.isfinite(found).all(axis=1)], mapping.width, mapping.height)

    def draw(self, painter: QPainter) -> None:
        if not self._shown.isNull():
            painter.drawImage(self._target, self._shown)
            self._contours.draw(painter, pen(QColor(0, 0, 0, 110), 1.0 * self.kit.theme.stroke))

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        if self.layer.values.size == 0:
            return NOWHERE
        x, y = clean(np.array(self.layer.x_range), log_x), clean(np.array(self.layer.y_range), log_y)
        return (*extremes(x), *extremes(y))
