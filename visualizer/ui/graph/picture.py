"""The painted graph kept as a picture: panning moves it and paints only what comes in, zooming scales it for a moment."""

from __future__ import annotations

import math
import time

from PySide6.QtCore import QPointF, QRect, QRectF
from PySide6.QtGui import QColor, QPainter, QPixmap

from visualizer.ui.graph.painter import GraphPainter
from visualizer.ui.graph.viewport import Rect, Viewport

#: A picture that takes longer than this to be painted is scaled while the wheel turns, and painted sharply after it.
_QUICK_MS = 6.0


class Picture:
    """The graph of one viewport in device pixels.

    Attributes:
        sharp: False while it is a scaled one of another zoom.
    """

    def __init__(self) -> None:
        self._pixmap = QPixmap()
        self._viewport: Viewport | None = None
        self._graph: GraphPainter | None = None
        self._resolution = 1.0
        self._cost = 0.0
        self.sharp = True

    def clear(self) -> None:
        """What it shows is no longer true."""
        self._viewport = None

    def aligned(self, viewport: Viewport, resolution: float) -> Viewport:
        """The viewport moved by less than a pixel, so that a picture of the same zoom can be moved by whole ones."""
        scale = viewport.zoom * resolution
        return Viewport(viewport.width, viewport.height, math.floor(viewport.x * scale + 0.5) / scale,
                        math.floor(viewport.y * scale + 0.5) / scale, viewport.zoom)

    def show(self, graph: GraphPainter, viewport: Viewport, resolution: float, moving: bool) -> tuple[QPixmap, Viewport]:
        """The picture of this viewport, and the viewport that it really has.

        Args:
            moving: the user is zooming: a scaled picture will do, if painting takes long.
        """
        viewport = self.aligned(viewport, resolution)
        old = self._viewport
        if graph is not self._graph or resolution != self._resolution:
            old = None
        if old is not None and (old.width, old.height) != (viewport.width, viewport.height):
            old = None
        self._graph, self._resolution = graph, resolution
        self.sharp = True
        if old is None:
            self._paint_all(graph, viewport)
        elif old.zoom == viewport.zoom:
            if (old.x, old.y) != (viewport.x, viewport.y):
                self._scroll(graph, old, viewport)
        elif moving and self._cost > _QUICK_MS:
            self.sharp = False
            return self._scaled(graph, old, viewport), viewport
        else:
            self._paint_all(graph, viewport)
        self._viewport = viewport
        return self._pixmap, viewport

    def _new(self, viewport: Viewport) -> QPixmap:
        wide, high = (max(1, math.ceil(side * self._resolution)) for side in (viewport.width, viewport.height))
        pixmap = QPixmap(wide, high)
        pixmap.setDevicePixelRatio(self._resolution)
        return pixmap

    def _paint_all(self, graph: GraphPainter, viewport: Viewport) -> None:
        begin = time.perf_counter()
        self._pixmap = self._new(viewport)
        self._pixmap.fill(QColor(graph.theme.palette.background))
        painter = QPainter(self._pixmap)
        graph.paint(painter, viewport)
        painter.end()
        self._cost = (time.perf_counter() - begin) * 1e3

    def _scroll(self, graph: GraphPainter, old: Viewport, viewport: Viewport) -> None:
        scale = viewport.zoom * self._resolution
        dx, dy = round((old.x - viewport.x) * scale), round((old.y - viewport.y) * scale)
        wide, high = self._pixmap.width(), self._pixmap.height()
        if abs(dx) >= wide or abs(dy) >= high:
            self._paint_all(graph, viewport)
            return
        self._pixmap.scroll(dx, dy, QRect(0, 0, wide, high))
        strips = []
        if dx:
            strips.append(QRect(0 if dx > 0 else wide + dx, 0, abs(dx), high))
        if dy:
            strips.append(QRect(0, 0 if dy > 0 else high + dy, wide, abs(dy)))
        painter = QPainter(self._pixmap)
        for strip in strips:
            logical = QRectF(strip.x() / self._resolution, strip.y() / self._resolution, strip.width() / self._resolution,
                             strip.height() / self._resolution)
            painter.setClipRect(logical)
            painter.fillRect(logical, QColor(graph.theme.palette.background))
            graph.paint(painter, viewport, Rect(logical.left(), logical.top(), logical.right(), logical.bottom()))
        painter.end()

    def _scaled(self, graph: GraphPainter, old: Viewport, viewport: Viewport) -> QPixmap:
        """The last sharp picture at another zoom; what it does not reach stays empty until it is painted."""
        pixmap = self._new(viewport)
        pixmap.fill(QColor(graph.theme.palette.background))
        factor = viewport.zoom / old.zoom
        painter = QPainter(pixmap)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        left, top = viewport.to_pixels(old.x, old.y)
        painter.translate(QPointF(left, top))
        painter.scale(factor, factor)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, factor < 1.0)
        painter.drawPixmap(QPointF(0.0, 0.0), self._pixmap)
        painter.end()
        return pixmap
