"""Paints what surrounds the plot area: title, note, legend, axes with grid, colour bar."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from visualizer.figures.model import Layer
from visualizer.ui.plots.colormaps import palette_image
from visualizer.ui.plots.layers import LayerItem
from visualizer.ui.plots.layout import SWATCH, AxisTitle, Layout, Range, Swatch
from visualizer.ui.plots.paint import (
    DASHES,
    Kit,
    MarkerLook,
    draw_text,
    elided,
    mixed,
    pen,
    text_ascent,
    text_height,
    text_width,
)


class FrameItem(QGraphicsItem):
    """Paints background, header, grid, axes and colour bar; the view box with the layers lies above.

    ``live``: what is painted is kept as a picture, because in a window the frame is seldom new and often repainted.
    Layers at the bottom that do not change while a run is played are painted into that picture, too.
    """

    def __init__(self, parent: QGraphicsItem, live: bool) -> None:
        super().__init__(parent)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._live = live
        self._picture: QPixmap | None = None
        self._kit: Kit | None = None
        self._layout = Layout()
        self._ranges: tuple[Range, Range] = ((0.0, 1.0), (0.0, 1.0))
        self._resolution = 1.0
        self._still: tuple[LayerItem[Any], ...] = ()
        self._still_layers: tuple[Layer, ...] = ()

    def set_content(
        self, kit: Kit, layout: Layout, x_range: Range, y_range: Range, resolution: float,
        still: tuple[LayerItem[Any], ...] = (),
    ) -> None:
        """Paint this from now on, with the layers that are kept in the picture."""
        ranges = (x_range, y_range)
        layers = tuple(item.layer for item in still)
        if (kit, layout, ranges, resolution, layers) == (
            self._kit, self._layout, self._ranges, self._resolution, self._still_layers
        ):
            return
        self._still, self._still_layers = still, layers
        if (layout.width, layout.height) != (self._layout.width, self._layout.height):
            self.prepareGeometryChange()
        self._kit, self._layout, self._ranges, self._resolution = kit, layout, ranges, resolution
        self._picture = None
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(0.0, 0.0, self._layout.width, self._layout.height)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self._kit is None:
            return
        if not self._live:
            self._paint(painter, self._kit)
            return
        if self._picture is None:
            self._picture = self._pictured(self._kit)
        painter.drawPixmap(QPointF(0.0, 0.0), self._picture)

    def _pictured(self, kit: Kit) -> QPixmap:
        scale = self._resolution
        picture = QPixmap(max(1, round(self._layout.width * scale)), max(1, round(self._layout.height * scale)))
        picture.setDevicePixelRatio(scale)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint(painter, kit)
        painter.setClipRect(self._layout.plot)
        painter.translate(self._layout.plot.topLeft())
        for item in self._still:
            item.draw(painter)
        painter.end()
        return picture

    def _paint(self, painter: QPainter, kit: Kit) -> None:
        painter.fillRect(self.boundingRect(), QColor(kit.theme.palette.background))
        self._paint_header(painter, kit)
        if not self._layout.bare:
            self._paint_axes(painter, kit)
        if self._layout.bar is not None:
            self._paint_bar(painter, kit, self._layout.bar)

    def _paint_header(self, painter: QPainter, kit: Kit) -> None:
        layout, palette = self._layout, kit.theme.palette
        pad = 10.0 * kit.theme.zoom
        for index, text in enumerate(layout.title):
            baseline = layout.title_top + index * text_height(kit, "title") + text_ascent(kit, "title")
            draw_text(painter, kit, "title", pad, baseline, text, QColor(palette.text))
        for index, text in enumerate(layout.note):
            baseline = layout.note_top + index * text_height(kit, "label") + text_ascent(kit, "label")
            draw_text(painter, kit, "label", pad, baseline, text, QColor(palette.secondary_text))
        for swatch, text, x, y in layout.legend:
            paint_swatch(painter, kit, swatch, QRectF(x, y, SWATCH * kit.theme.zoom, text_height(kit, "label")))
            draw_text(painter, kit, "label", x + (SWATCH + 6.0) * kit.theme.zoom, y + text_ascent(kit, "label"), text,
                      QColor(palette.text))

        if layout.legend_more is not None:
            text, x, y = layout.legend_more
            draw_text(painter, kit, "label", x, y + text_ascent(kit, "label"), text, QColor(palette.secondary_text))

    def _paint_axes(self, painter: QPainter, kit: Kit) -> None:
        layout, palette, zoom = self._layout, kit.theme.palette, kit.theme.zoom
        plot, (x_range, y_range) = layout.plot, self._ranges
        x_scale = plot.width() / (x_range[1] - x_range[0])
        y_scale = plot.height() / (y_range[1] - y_range[0])
        xs = [plot.left() + (p - x_range[0]) * x_scale for p in layout.x_ticks.positions]
        ys = [plot.bottom() - (p - y_range[0]) * y_scale for p in layout.y_ticks.positions]
        # Mixed with the background beforehand: opaque rectangles are painted much faster.
        grid, faint = (mixed(palette.grid, palette.background, share) for share in (0.75, 0.32))
        line = mixed(palette.secondary_text, palette.background, 0.7)
        # Rectangles one pixel wide: sharp without antialiasing, and much faster than lines.
        uprights = [(plot.left() + (p - x_range[0]) * x_scale, faint) for p in layout.x_ticks.minor]
        levels = [(plot.bottom() - (p - y_range[0]) * y_scale, faint) for p in layout.y_ticks.minor]
        for x, color in [*uprights, *((x, grid) for x in xs), (plot.left(), line)]:
            painter.fillRect(QRectF(round(x), plot.top(), 1.0, plot.height()), color)
        for y, color in [*levels, *((y, grid) for y in ys), (plot.bottom(), line)]:
            painter.fillRect(QRectF(plot.left(), round(y), plot.width(), 1.0), color)

        ascent, small = text_ascent(kit, "small"), text_height(kit, "small")
        color = QColor(palette.secondary_text)
        for x, text in zip(xs, layout.x_ticks.texts, strict=True):
            text = elided(kit, "small", text, plot.width())
            wide = text_width(kit, "small", text)
            start = min(max(x - wide / 2, 1.0), layout.width - wide - 1.0)
            draw_text(painter, kit, "small", start, plot.bottom() + 5.0 * zoom + ascent, text, color)
        for y, text in zip(ys, layout.y_ticks.texts, strict=True):
            text = elided(kit, "small", text, layout.tick_space)
            wide = text_width(kit, "small", text)
            draw_text(painter, kit, "small", plot.left() - 6.0 * zoom - wide, y - small / 2 + ascent, text, color)
        baseline = plot.bottom() + 5.0 * zoom + small + 3.0 * zoom + text_ascent(kit, "label")
        self._paint_title(painter, kit, layout.x_title, QPointF(layout.x_title.middle, baseline), 0.0)
        left = plot.left() - 6.0 * zoom - layout.tick_space - 4.0 * zoom - text_height(kit, "label")
        self._paint_upright(painter, kit, layout.y_title, left)

    def _paint_upright(self, painter: QPainter, kit: Kit, title: AxisTitle, left: float) -> None:
        self._paint_title(painter, kit, title, QPointF(left + text_ascent(kit, "label"), title.middle), -90.0)

    def _paint_title(self, painter: QPainter, kit: Kit, title: AxisTitle, middle: QPointF, turn: float) -> None:
        """An axis title with the middle of its base line here; turned by -90 degrees it reads upwards."""
        painter.save()
        painter.translate(middle)
        painter.rotate(turn)
        painter.scale(title.scale, title.scale)
        start = -text_width(kit, "label", title.text) / 2
        draw_text(painter, kit, "label", start, 0.0, title.text, QColor(kit.theme.palette.text))
        painter.restore()

    def _paint_bar(self, painter: QPainter, kit: Kit, bar: QRectF) -> None:
        layout, zoom = self._layout, kit.theme.zoom
        image = palette_image(layout.bar_palette)
        low, high = layout.bar_limits
        painter.drawImage(bar, _ends_of(image) if layout.bar_binary else image)
        ascent, small = text_ascent(kit, "small"), text_height(kit, "small")
        color = QColor(kit.theme.palette.secondary_text)
        for position, text in zip(layout.bar_ticks.positions, layout.bar_ticks.texts, strict=True):
            y = bar.bottom() - (position - low) / (high - low) * bar.height()
            painter.fillRect(QRectF(bar.right(), round(y), 3.0 * zoom, 1.0), color)
            draw_text(painter, kit, "small", bar.right() + 5.0 * zoom, y - small / 2 + ascent, text, color)
        if layout.bar_title.text:
            left = bar.right() + 5.0 * zoom + layout.bar_space + 4.0 * zoom
            self._paint_upright(painter, kit, layout.bar_title, left)


def _ends_of(column: QImage) -> QImage:
    """The highest and the lowest colour of a palette alone, each over one half."""
    ends = QImage(column.size(), column.format())
    half = column.height() // 2
    for y in range(column.height()):
        ends.setPixelColor(0, y, column.pixelColor(0, 0 if y < half else column.height() - 1))
    return ends


def paint_swatch(painter: QPainter, kit: Kit, swatch: Swatch, area: QRectF) -> None:
    """A small picture of a layer for the legend."""
    y = round(area.center().y()) + 0.5
    if swatch.marker is not None:
        look = swatch.marker
        size = min(look.size, area.height() - 2.0)
        MarkerLook(look.symbol, size, look.fill, look.edge, look.edge_width).paint(painter, (area.center().x(), y))
    elif swatch.width:
        style = pen(kit.flat_color(swatch.role, swatch.opacity), swatch.width * kit.theme.stroke)
        if swatch.dash != "solid":
            style.setDashPattern(list(DASHES[swatch.dash]))
        painter.setPen(style)
        painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
    else:
        height = min(10.0 * kit.theme.zoom, area.height())
        painter.fillRect(QRectF(area.left(), y - height / 2, area.width(), height),
                         kit.color(swatch.role, swatch.opacity))
