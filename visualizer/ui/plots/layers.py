"""One graphics item for each layer of a figure. An item keeps what it has drawn and updates it from the next layer.

Items are children of the view box and paint in its pixel coordinates: line widths, marker sizes and text need no
correction, and values far outside the view are cut off in numpy, where they cost nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from pyqtgraph import functions as fn
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from visualizer.base.roles import Role
from visualizer.figures.model import (
    Band,
    Bars,
    Heat,
    Layer,
    Line,
    Markers,
    Note,
    Rule,
    Segments,
    Span,
)
from visualizer.ui.plots.colormaps import heat_image, value_limits
from visualizer.ui.plots.geometry import (
    Floats,
    Mapping,
    as_steps,
    clean,
    clip_polygon,
    clip_segments,
    contours,
    decimate,
    finite_runs,
    is_sorted,
    segments_of,
    thinned,
    unique_segments,
)
from visualizer.ui.plots.paint import Kit, LineBatch, MarkerBatch, MarkerLook, Stroke, pen

L = TypeVar("L", bound=Layer)

#: Lowest and highest x and y that a layer wants to be seen, in view coordinates; NaN: no wish.
Bounds = tuple[float, float, float, float]
NOWHERE: Bounds = (np.nan, np.nan, np.nan, np.nan)

#: From this many segments on, repetitions are looked for.
_MANY_SEGMENTS = 1500
#: A part of a device pixel that nobody sees.
_UNSEEN = 0.06
#: From this many markers on they are drawn as pictures, without repetitions.
_MANY_MARKERS = 60
#: Filled arrow heads up to this many; open ones beyond.
_MANY_ARROWS = 200


def _range(*arrays: Floats) -> tuple[float, float]:
    low = [float(np.fmin.reduce(a)) for a in arrays if a.size]
    high = [float(np.fmax.reduce(a)) for a in arrays if a.size]
    return (float(np.fmin.reduce(low)), float(np.fmax.reduce(high))) if low else (np.nan, np.nan)


@dataclass(frozen=True)
class Text:
    """A text that wants a place: beside a marker (``radius`` > 0), along a rule or a span, or at a fixed anchor."""

    text: str
    x: float
    y: float
    role: Role
    radius: float = 0.0
    anchor: tuple[float, float] | None = None
    along: str = ""


class LayerItem(QGraphicsItem, Generic[L]):
    """The drawn form of one layer."""

    def __init__(self, layer: L, mapping: Mapping, kit: Kit, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.layer = layer
        self.mapping = mapping
        self.kit = kit
        #: Painted as a part of the frame's picture, so not again.
        self.in_picture = False
        self._stale = True
        self._bounds: dict[tuple[bool, bool], Bounds] = {}

    def set_layer(self, layer: L) -> bool:
        """Draw this layer from now on; False when it is the very same one."""
        if layer is self.layer:
            return False
        self.layer = layer
        self._stale = True
        self._bounds.clear()
        self.changed()
        self.update()
        return True

    def set_view(self, mapping: Mapping, kit: Kit) -> None:
        """Draw with this mapping and theme from now on."""
        if mapping == self.mapping and kit == self.kit:
            return
        if (mapping.width, mapping.height) != (self.mapping.width, self.mapping.height):
            self.prepareGeometryChange()
        self.mapping, self.kit = mapping, kit
        self._stale = True
        self.update()

    def bounds(self, log_x: bool, log_y: bool) -> Bounds:
        """What this layer needs to be seen whole, in view coordinates."""
        key = (log_x, log_y)
        if key not in self._bounds:
            self._bounds[key] = self.extent(log_x, log_y)
        return self._bounds[key]

    def prepared(self) -> None:
        """Bring the drawn form up to date."""
        if self._stale:
            self._stale = False
            self.build()

    def boundingRect(self) -> QRectF:
        return QRectF(0.0, 0.0, self.mapping.width, self.mapping.height)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if not self.in_picture:
            self.prepared()
            self.draw(painter)

    def changed(self) -> None:
        """The layer is another one: forget what was derived from it alone."""

    @abstractmethod
    def build(self) -> None:
        """Make the drawn form from layer, mapping and kit."""

    @abstractmethod
    def draw(self, painter: QPainter) -> None:
        """Draw it."""

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        return NOWHERE

    def texts(self) -> list[Text]:
        """Texts to be placed."""
        return []


class LineItem(LayerItem[Line]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._stroke = Stroke()
        self._data: tuple[bool, bool, Floats, Floats, bool] | None = None
        self.segments: Floats = np.empty((0, 4))

    def changed(self) -> None:
        self._data = None

    def vertices(self, log_x: bool, log_y: bool) -> tuple[Floats, Floats, bool]:
        """View coordinates of the vertices, and whether x never decreases."""
        if self._data is None or self._data[:2] != (log_x, log_y):
            x, y = self.layer.x, self.layer.y
            if self.layer.steps:
                x, y = as_steps(x, y)
            x, y = clean(x, log_x), clean(y, log_y)
            self._data = (log_x, log_y, x, y, is_sorted(x))
        return self._data[2:]

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        x, y, ordered = self.vertices(mapping.log_x, mapping.log_y)
        px, py = decimate(x, y, mapping, ordered)
        if ordered:
            px, py = thinned(px, py, _UNSEEN / mapping.resolution)
        rows = segments_of(px, py)
        rows = clip_segments(rows, mapping.width, mapping.height)
        if len(rows) > _MANY_SEGMENTS and layer.dash == "solid" and not ordered:
            rows = unique_segments(rows, max(layer.width * self.kit.theme.stroke, 1.0))
        self.segments = rows
        self._stroke.set(rows, self.kit, layer.role, layer.width, layer.dash, layer.opacity)

    def draw(self, painter: QPainter) -> None:
        self._stroke.draw(painter)

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        x, y, ordered = self.vertices(log_x, log_y)
        span = (float(x[0]), float(x[-1])) if ordered and x.size else _range(x)
        return (*span, *_range(y))


class SegmentsItem(LayerItem[Segments]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._stroke = Stroke()
        self._open_heads = LineBatch()
        self._heads = QPainterPath()
        self._open = False

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        rows = np.column_stack((mapping.x(layer.x0), mapping.y(layer.y0), mapping.x(layer.x1), mapping.y(layer.y1)))
        rows = rows[np.isfinite(rows).all(axis=1)]
        self._heads = QPainterPath()
        self._open_heads.set(np.empty((0, 4)))
        if layer.arrow and len(rows):
            rows = self._build_heads(rows)
        rows = clip_segments(rows, mapping.width, mapping.height)
        self._stroke.set(rows, self.kit, layer.role, layer.width, layer.dash, layer.opacity)

    def _build_heads(self, rows: Floats) -> Floats:
        """Arrow heads; returns the shafts, which end inside them."""
        delta = rows[:, 2:] - rows[:, :2]
        length = np.hypot(delta[:, 0], delta[:, 1])
        near = ((rows[:, 2:] >= -50) & (rows[:, 2:] <= (self.mapping.width + 50, self.mapping.height + 50))).all(axis=1)
        near &= length > 0.5
        unit = delta / np.maximum(length, 1e-9)[:, None]
        size = np.minimum((4.0 + 3.0 * self.layer.width) * self.kit.theme.stroke, 0.7 * length)[:, None]
        tip, side = rows[:, 2:], np.column_stack((-unit[:, 1], unit[:, 0]))
        left, right = tip - size * unit + 0.42 * size * side, tip - size * unit - 0.42 * size * side
        self._open = int(near.sum()) > _MANY_ARROWS
        if self._open:
            self._open_heads.set(np.vstack((np.hstack((left, tip))[near], np.hstack((right, tip))[near])))
            return rows
        for a, b, c in zip(left[near], tip[near], right[near], strict=True):
            self._heads.addPolygon([QPointF(*a), QPointF(*b), QPointF(*c)])
            self._heads.closeSubpath()
        return np.hstack((rows[:, :2], np.where(near[:, None], tip - 0.8 * size * unit, tip)))

    def draw(self, painter: QPainter) -> None:
        self._stroke.draw(painter)
        color = self.kit.flat_color(self.layer.role, self.layer.opacity)
        if self._open:
            self._open_heads.draw(painter, pen(color, self.layer.width * self.kit.theme.stroke))
        elif not self._heads.isEmpty():
            painter.fillPath(self._heads, color)

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        layer = self.layer
        return (*_range(clean(layer.x0, log_x), clean(layer.x1, log_x)),
                *_range(clean(layer.y0, log_y), clean(layer.y1, log_y)))


class MarkersItem(LayerItem[Markers]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._batch = MarkerBatch()
        self.px: Floats = np.empty(0)
        self.py: Floats = np.empty(0)
        self._shown: list[tuple[float, float]] = []
        self._many = False

    @property
    def radius(self) -> float:
        return 0.5 * self.layer.size * self.kit.theme.stroke

    @staticmethod
    def look_of(layer: Markers, kit: Kit) -> MarkerLook:
        """How one of its markers is painted."""
        stroke = kit.theme.stroke
        color = kit.color(layer.role, layer.opacity).name(QColor.NameFormat.HexArgb)
        background = kit.theme.palette.background
        size = layer.size * stroke
        if layer.hollow:
            return MarkerLook(layer.symbol, size - 1.6 * stroke, background, color, 1.6 * stroke)
        if layer.symbol in ("cross", "plus") or layer.size < 6.0:
            return MarkerLook(layer.symbol, size, color, color, 0.0)
        # A thin rim in the background's colour keeps a marker apart from its neighbours and from the curve.
        return MarkerLook(layer.symbol, size, color, background, 1.0 * stroke)

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        self.px, self.py = mapping.x(layer.x), mapping.y(layer.y)
        reach = self.radius + 2.0
        seen = ((self.px > -reach) & (self.px < mapping.width + reach)
                & (self.py > -reach) & (self.py < mapping.height + reach))
        x, y = self.px[seen], self.py[seen]
        self._many = x.size > _MANY_MARKERS
        if not self._many:
            self._shown = list(zip(x.tolist(), y.tolist(), strict=True))
            return
        # Markers at one and the same half pixel look like one.
        spots = np.round(y * 2.0 * mapping.resolution) * 1e6 + np.round(x * 2.0 * mapping.resolution)
        _, index = np.unique(spots, return_index=True)
        index.sort()
        if self.kit.vector:
            self._shown = list(zip(x[index].tolist(), y[index].tolist(), strict=True))
        else:
            self._batch.set(x[index], y[index], self.look_of(layer, self.kit), mapping.resolution)

    def draw(self, painter: QPainter) -> None:
        if self._many and not self.kit.vector:
            self._batch.draw(painter)
            return
        self.look_of(self.layer, self.kit).paint(painter, *self._shown)

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        x, y = clean(self.layer.x, log_x), clean(self.layer.y, log_y)
        return (*_range(x), *_range(y))

    def texts(self) -> list[Text]:
        self.prepared()
        return [
            Text(text, float(x), float(y), self.layer.role, radius=self.radius)
            for text, x, y in zip(self.layer.texts, self.px, self.py, strict=False)
            if text and -2 <= x <= self.mapping.width + 2 and -2 <= y <= self.mapping.height + 2
        ]


class BarsItem(LayerItem[Bars]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._rects = PrimitiveArray(QRectF, 4)
        self._count = 0
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
        self._count = left.size
        if self._count:
            self._rects.resize(self._count)
            rows = self._rects.ndarray()
            rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = left, upper, right - left, lower - upper

    def draw(self, painter: QPainter) -> None:
        if not self._count:
            return
        layer = self.layer
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setBrush(self.kit.color(layer.role, layer.opacity))
        painter.setPen(pen(self.kit.color(layer.role), 1.0) if layer.outline else Qt.PenStyle.NoPen)
        painter.drawRects(*self._rects.drawargs())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        layer = self.layer
        base = clean(np.array([layer.base]), log_y) if layer.height.size else np.empty(0)
        return (*_range(clean(layer.left, log_x), clean(layer.right, log_x)),
                *_range(clean(layer.height, log_y), base))


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
        return (*_range(clean(layer.x, log_x)), *_range(clean(layer.lower, log_y), clean(layer.upper, log_y)))


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
        lines = np.vstack([contours(layer.values, float(low * (1 - t) + high * t)) for t in shares])
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
        return (*_range(x), *_range(y))


class RuleItem(LayerItem[Rule]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._stroke = Stroke()
        self.at = float("nan")

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        position = np.array([layer.position])
        self.at = float((mapping.x(position) if layer.vertical else mapping.y(position))[0])
        if layer.vertical:
            row = np.array([[self.at, 0.0, self.at, mapping.height]])
        else:
            row = np.array([[0.0, self.at, mapping.width, self.at]])
        rows = row if np.isfinite(self.at) else np.empty((0, 4))
        rows = clip_segments(rows, mapping.width, mapping.height, margin=2.0)
        self._stroke.set(rows, self.kit, layer.role, layer.width, layer.dash, 1.0)

    def draw(self, painter: QPainter) -> None:
        self._stroke.draw(painter)

    def texts(self) -> list[Text]:
        self.prepared()
        size = self.mapping.width if self.layer.vertical else self.mapping.height
        if not self.layer.text or not 0.0 <= self.at <= size:
            return []
        if self.layer.vertical:
            return [Text(self.layer.text, self.at, 0.0, self.layer.role, along="vertical")]
        return [Text(self.layer.text, self.mapping.width, self.at, self.layer.role, along="horizontal")]


class SpanItem(LayerItem[Span]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._rect = QRectF()

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        ends = np.sort(np.array([layer.start, layer.end]))
        log = mapping.log_x if layer.vertical else mapping.log_y
        to_pixel, size = (mapping.view_x, mapping.width) if layer.vertical else (mapping.view_y, mapping.height)
        # Half-open regions: from -inf, or from 0 on a logarithmic axis, is from the edge of the view.
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.log10(np.maximum(ends, 0.0)) if log else ends
        self._rect = QRectF()
        if np.isnan(ends).any():
            return
        a, b = np.clip(np.sort(to_pixel(np.clip(ends, -1e300, 1e300))), 0.0, size)
        if b > a:
            self._rect = (QRectF(float(a), 0.0, float(b - a), mapping.height) if layer.vertical
                          else QRectF(0.0, float(a), mapping.width, float(b - a)))

    def draw(self, painter: QPainter) -> None:
        if not self._rect.isEmpty():
            painter.fillRect(self._rect, self.kit.color(self.layer.role, self.layer.opacity))

    def texts(self) -> list[Text]:
        self.prepared()
        if not self.layer.text or self._rect.isEmpty():
            return []
        if self.layer.vertical:
            return [Text(self.layer.text, self._rect.center().x(), 0.0, self.layer.role, along="span")]
        return [Text(self.layer.text, self.mapping.width, self._rect.top(), self.layer.role, along="horizontal span")]


class NoteItem(LayerItem[Note]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._at = (float("nan"), float("nan"))

    def build(self) -> None:
        mapping = self.mapping
        self._at = (float(mapping.x(np.array([self.layer.x]))[0]), float(mapping.y(np.array([self.layer.y]))[0]))

    def draw(self, painter: QPainter) -> None:
        """The text is drawn with all other texts, above the layers."""

    def texts(self) -> list[Text]:
        self.prepared()
        x, y = self._at
        if not self.layer.text or not (0 <= x <= self.mapping.width and 0 <= y <= self.mapping.height):
            return []
        return [Text(self.layer.text, x, y, self.layer.role, anchor=self.layer.anchor)]

    def extent(self, log_x: bool, log_y: bool) -> Bounds:
        return NOWHERE


_ITEMS: dict[type[Any], type[LayerItem[Any]]] = {
    Line: LineItem, Segments: SegmentsItem, Markers: MarkersItem, Bars: BarsItem, Band: BandItem, Heat: HeatItem,
    Rule: RuleItem, Span: SpanItem, Note: NoteItem,
}


def item_for(layer: Layer, mapping: Mapping, kit: Kit, parent: QGraphicsItem) -> LayerItem[Any]:
    """A new item that draws this layer."""
    return _ITEMS[type(layer)](layer, mapping, kit, parent)
