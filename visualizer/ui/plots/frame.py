"""What surrounds the plot area: title, note, legend, axes with grid, colour bar; measured first, then painted."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from visualizer.base.roles import Role
from visualizer.figures.model import Axis, Band, Bars, Dash, Figure, Heat, Layer, Line, Markers, Rule, Segments, Span
from visualizer.figures.table import axis_title
from visualizer.ui.plots.colormaps import palette_image, value_limits
from visualizer.ui.plots.layers import LayerItem, MarkersItem
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
    wrapped,
)
from visualizer.ui.plots.ticks import Ticks, linear_ticks, log_ticks, own_ticks

Range = tuple[float, float]
_SWATCH = 22.0


def ticks_of(axis: Axis, low: float, high: float, log: bool, count: float) -> Ticks:
    """The ticks of an axis for a view range (log10 on a logarithmic axis)."""
    if axis.ticks is not None:
        return own_ticks(axis.ticks, low, high, log)
    return log_ticks(low, high, count) if log else linear_ticks(low, high, count, axis.integer)


@dataclass(frozen=True)
class Swatch:
    """How a layer looks in the legend."""

    role: Role
    opacity: float = 1.0
    width: float = 0.0
    dash: Dash = "solid"
    marker: MarkerLook | None = None


def swatch_of(layer: Layer, kit: Kit) -> Swatch:
    match layer:
        case Markers():
            return Swatch(layer.role, marker=MarkersItem.look_of(layer, kit))
        case Bars() | Band() | Span():
            return Swatch(layer.role, max(layer.opacity, 0.2))
        case Line() | Segments():
            return Swatch(layer.role, layer.opacity, min(max(layer.width, 1.5), 4.0), layer.dash)
        case Rule():
            return Swatch(layer.role, 1.0, min(max(layer.width, 1.5), 4.0), layer.dash)
    return Swatch(layer.role)


@dataclass
class Layout:
    """Where everything is, in pixels of the figure, and everything that the frame shows; equal ones look alike."""

    width: float = 100.0
    height: float = 100.0
    plot: QRectF = field(default_factory=lambda: QRectF(0, 0, 100, 100))
    title: list[str] = field(default_factory=list)
    note: list[str] = field(default_factory=list)
    legend: list[tuple[Swatch, str, float, float]] = field(default_factory=list)
    legend_more: tuple[str, float, float] | None = None
    title_top: float = 0.0
    note_top: float = 0.0
    x_ticks: Ticks = field(default_factory=Ticks)
    y_ticks: Ticks = field(default_factory=Ticks)
    bar: QRectF | None = None
    bar_ticks: Ticks = field(default_factory=Ticks)
    bar_limits: Range = (0.0, 1.0)
    bar_palette: Literal["sequential", "diverging"] = "sequential"
    bar_label: str = ""
    x_label: str = ""
    y_label: str = ""
    tick_space: float = 0.0
    bar_space: float = 0.0


def legend_layers(figure: Figure) -> list[Layer]:
    """The layers that the legend names: none when there are fewer than two."""
    labelled = [layer for layer in figure.layers if layer.label]
    return labelled if figure.legend and len(labelled) >= 2 else []


def lay_out(
    figure: Figure, kit: Kit, width: float, height: float, x_range: Range, y_range: Range,
    logs: tuple[bool, bool], least: Range = (0.0, 0.0),
) -> Layout:
    """Measure everything. ``least``: space for the tick texts of the y axis and of the colour bar that is kept
    although these ticks need less, so that the plot area does not move while a run goes on."""
    zoom = kit.theme.zoom
    pad, small, label = 10.0 * zoom, text_height(kit, "small"), text_height(kit, "label")
    out = Layout(width, height, x_label=axis_title(figure.x), y_label=axis_title(figure.y))
    room = max(width - 2 * pad, 10.0)
    bottom = height - 0.6 * pad - label - 3.0 * zoom - small - 5.0 * zoom
    # Most words that leave the plot more than half of a small figure: the note gives way first.
    for title_lines, note_lines, gap in ((2, 2, 16.0), (2, 1, 16.0), (1, 1, 10.0), (1, 0, 10.0)):
        top = _header(out, figure, kit, room, pad, (title_lines, note_lines), gap * zoom, bottom - 0.33 * height)
        if bottom - top >= 0.5 * height:
            break
    top = max(top + 0.5 * pad, small * 0.5)
    heat = next((layer for layer in figure.layers if isinstance(layer, Heat) and layer.values.size), None)
    plot_height = max(bottom - top, 20.0)
    out.y_ticks = _fitting(figure.y, y_range, logs[1], plot_height, kit, along=False)
    out.tick_space = max(least[0], _widest(out.y_ticks, kit, width * 0.3))
    left = 0.6 * pad + label + 4.0 * zoom + out.tick_space + 6.0 * zoom
    right = width - 1.2 * pad
    if heat is not None:
        out.bar_palette, out.bar_label = heat.palette, heat.value_label
        out.bar_limits = value_limits(heat)
        out.bar_ticks = linear_ticks(*out.bar_limits, max(2.0, plot_height / (40.0 * zoom)))
        out.bar_space = max(least[1], _widest(out.bar_ticks, kit, width * 0.2))
        bar_left = (width - 0.6 * pad - (label + 4.0 * zoom if heat.value_label else 0.0)
                    - out.bar_space - 5.0 * zoom - 12.0 * zoom)
        out.bar = QRectF(bar_left, top, 12.0 * zoom, plot_height)
        right = bar_left - 14.0 * zoom
    plot_width = max(right - left, 20.0)
    out.x_ticks = _fitting(figure.x, x_range, logs[0], plot_width, kit, along=True)
    if out.x_ticks.positions and heat is None:
        at = (out.x_ticks.positions[-1] - x_range[0]) / (x_range[1] - x_range[0]) * plot_width
        over = at + text_width(kit, "small", out.x_ticks.texts[-1]) / 2 - (width - left - 2.0)
        plot_width = max(plot_width - max(over, 0.0), 20.0)
    out.plot = QRectF(round(left), round(top), round(plot_width), round(plot_height))
    if out.bar is not None:
        out.bar = QRectF(round(out.bar.x()), out.plot.y(), round(out.bar.width()), out.plot.height())
    return out


def _header(
    out: Layout, figure: Figure, kit: Kit, room: float, pad: float, lines: tuple[int, int], gap: float,
    most: float,
) -> float:
    """Title and note in at most so many lines, and the legend down to ``most``; returns where they end."""
    out.title_top = 0.7 * pad
    out.title = wrapped(kit, "title", figure.title, room, lines[0])
    out.note_top = out.title_top + len(out.title) * text_height(kit, "title") + 1.0
    out.note = wrapped(kit, "label", figure.note, room, lines[1])
    top = out.note_top + len(out.note) * text_height(kit, "label") + (1.0 if out.note else -1.0)
    return _legend(out, figure, kit, top, room, pad, gap, most)


def _legend(
    out: Layout, figure: Figure, kit: Kit, top: float, room: float, pad: float, gap: float, most: float,
) -> float:
    """Entries in rows under the title; returns where they end. What has no room is counted: "and 3 more"."""
    zoom, row = kit.theme.zoom, text_height(kit, "label") + 2.0
    x, y = pad, top + 3.0
    placed = False
    out.legend, out.legend_more = [], None
    layers = legend_layers(figure)
    for index, layer in enumerate(layers):
        text = elided(kit, "label", layer.label, room - (_SWATCH + 6.0) * zoom)
        wide = (_SWATCH + 6.0) * zoom + text_width(kit, "label", text)
        if x > pad and x + wide > pad + room:
            if y + 2 * row > most:
                out.legend_more = _rest(out, kit, len(layers) - index, x, y, pad + room)
                break
            x, y = pad, y + row
        out.legend.append((swatch_of(layer, kit), text, x, y))
        x += wide + gap
        placed = True
    return y + row if placed else top


def _rest(out: Layout, kit: Kit, count: int, x: float, y: float, right: float) -> tuple[str, float, float]:
    """The count of the entries that have no room; takes the last ones away until it fits itself."""
    while True:
        text = f"and {count} more"
        if x + text_width(kit, "label", text) <= right or not out.legend or out.legend[-1][3] != y:
            return text, x, y
        _, _, x, _ = out.legend.pop()
        count += 1


def _fitting(axis: Axis, view: Range, log: bool, size: float, kit: Kit, along: bool) -> Ticks:
    """Ticks whose texts keep apart; ``along``: texts stand side by side (x axis)."""
    zoom = kit.theme.zoom
    count = max(2.0, size / ((78.0 if along else 40.0) * zoom))
    ticks = Ticks()
    for _ in range(6):
        ticks = ticks_of(axis, *view, log, count)
        if len(ticks.positions) < 2 or _apart(ticks, view, size, kit, along):
            return ticks
        count *= 0.7
    while len(ticks.positions) > 1 and not _apart(ticks, view, size, kit, along):
        ticks = Ticks(ticks.positions[::2], ticks.texts[::2], ticks.minor)
    return ticks


def _apart(ticks: Ticks, view: Range, size: float, kit: Kit, along: bool) -> bool:
    scale = size / (view[1] - view[0])
    order = sorted(zip(ticks.positions, ticks.texts, strict=True))
    gap = 8.0 * kit.theme.zoom if along else 0.0
    height = text_height(kit, "small")
    for (a, first), (b, second) in pairwise(order):
        need = (text_width(kit, "small", first) + text_width(kit, "small", second)) / 2 if along else height
        if (b - a) * scale < need + gap:
            return False
    return True


def _widest(ticks: Ticks, kit: Kit, most: float) -> float:
    """Space for tick texts in steps of 8 pixels, so that it seldom changes."""
    widest = max((text_width(kit, "small", text) for text in ticks.texts), default=0.0)
    return min(-(-widest // 8.0) * 8.0, most)


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
        picture.fill(QColor(kit.theme.palette.background))
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
            paint_swatch(painter, kit, swatch, QRectF(x, y, _SWATCH * kit.theme.zoom, text_height(kit, "label")))
            draw_text(painter, kit, "label", x + (_SWATCH + 6.0) * kit.theme.zoom, y + text_ascent(kit, "label"), text,
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
        title = elided(kit, "label", layout.x_label, plot.width())
        start = plot.center().x() - text_width(kit, "label", title) / 2
        baseline = plot.bottom() + 5.0 * zoom + small + 3.0 * zoom + text_ascent(kit, "label")
        draw_text(painter, kit, "label", start, baseline, title, QColor(palette.text))
        left = plot.left() - 6.0 * zoom - layout.tick_space - 4.0 * zoom - text_height(kit, "label")
        self._paint_upright(painter, kit, layout.y_label, left)

    def _paint_upright(self, painter: QPainter, kit: Kit, text: str, left: float) -> None:
        """A text that reads upwards, centred along the plot area."""
        plot = self._layout.plot
        text = elided(kit, "label", text, plot.height())
        painter.save()
        painter.translate(left + text_ascent(kit, "label"), plot.center().y() + text_width(kit, "label", text) / 2)
        painter.rotate(-90.0)
        draw_text(painter, kit, "label", 0.0, 0.0, text, QColor(kit.theme.palette.text))
        painter.restore()

    def _paint_bar(self, painter: QPainter, kit: Kit, bar: QRectF) -> None:
        layout, zoom = self._layout, kit.theme.zoom
        painter.drawImage(bar, palette_image(layout.bar_palette))
        low, high = layout.bar_limits
        ascent, small = text_ascent(kit, "small"), text_height(kit, "small")
        color = QColor(kit.theme.palette.secondary_text)
        for position, text in zip(layout.bar_ticks.positions, layout.bar_ticks.texts, strict=True):
            y = bar.bottom() - (position - low) / (high - low) * bar.height()
            painter.fillRect(QRectF(bar.right(), round(y), 3.0 * zoom, 1.0), color)
            draw_text(painter, kit, "small", bar.right() + 5.0 * zoom, y - small / 2 + ascent, text, color)
        if layout.bar_label:
            left = bar.right() + 5.0 * zoom + layout.bar_space + 4.0 * zoom
            self._paint_upright(painter, kit, layout.bar_label, left)


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
