"""One graphics item for each layer of a figure. An item keeps what it has drawn and updates it from the next layer.

Items are children of the view box and paint in its pixel coordinates: line widths, marker sizes and text need no
correction, and values far outside the view are cut off in numpy, where they cost nothing.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from visualizer.base.roles import Role
from visualizer.figures.model import (
    Layer,
    Line,
    Markers,
    Segments,
)
from visualizer.ui.plots.geometry import (
    Floats,
    Mapping,
    as_steps,
    clean,
    clip_segments,
    decimate,
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
_UNSEEN = 0.1
#: From this many markers on they are drawn as pictures, without repetitions.
_MANY_MARKERS = 60
#: Filled arrow heads up to this many; open ones beyond.
_MANY_ARROWS = 200


def extremes(*arrays: Floats) -> tuple[float, float]:
    """The lowest and the highest value of all; NaN when there is none."""
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
        span = (float(x[0]), float(x[-1])) if ordered and x.size else extremes(x)
        return (*span, *extremes(y))


class SegmentsItem(LayerItem[Segments]):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._stroke = Stroke()
        self._open_heads = LineBatch()
        self._heads = QPainterPath()
        self._open = False
        self.segments: Floats = np.empty((0, 4))

    def build(self) -> None:
        layer, mapping = self.layer, self.mapping
        rows = np.column_stack((mapping.x(layer.x0), mapping.y(layer.y0), mapping.x(layer.x1), mapping.y(layer.y1)))
        rows = rows[np.isfinite(rows).all(axis=1)]
        self._heads = QPainterPath()
        self._open_heads.set(np.empty((0, 4)))
        if layer.arrow and len(rows):
            rows = self._build_heads(rows)
        self.segments = rows = clip_segments(rows, mapping.width, mapping.height)
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
        return (*extremes(clean(layer.x0, log_x), clean(layer.x1, log_x)),
                *extremes(clean(layer.y0, log_y), clean(layer.y1, log_y)))


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
        return (*extremes(x), *extremes(y))

    def texts(self) -> list[Text]:
        self.prepared()
        return [
            Text(text, float(x), float(y), self.layer.role, radius=self.radius)
            for text, x, y in zip(self.layer.texts, self.px, self.py, strict=False)
            if text and -2 <= x <= self.mapping.width + 2 and -2 <= y <= self.mapping.height + 2
        ]
