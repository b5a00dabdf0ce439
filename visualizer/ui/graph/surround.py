"""What surrounds a painted graph: title, note, badge, legend, colour bar. Laid out and painted alike in window and export."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from visualizer.figures.graph import GraphFigure, LegendEntry
from visualizer.ui.graph.boxes import paint_box
from visualizer.ui.graph.scheme import dim_look, line_colour, role_look, torchviz_look
from visualizer.ui.plots.colormaps import palette_image
from visualizer.ui.plots.paint import Kit, draw_text, elided, text_ascent, text_height, text_width, wrapped

_PAD = 10.0
_SWATCH_WIDTH, _SWATCH_HEIGHT = 22.0, 12.0
_BAR = 12.0
#: The bar keeps so many pixels for the words at it.
_BAR_TEXT = 64.0
_NOTE_LINES = 2
#: In a smaller picture the legend begins folded.
LEGEND_LEAST = (520.0, 260.0)


@dataclass(frozen=True)
class Surround:
    """Where everything stands, in pixels of the whole picture.

    Attributes:
        scene: the part in which the graph is seen.
        legend: the panel of the legend, its head included; empty: there is none.
        head: the part of it that folds it.
    """

    title: str = ""
    note: tuple[str, ...] = ()
    note_top: float = 0.0
    scene: QRectF = field(default_factory=QRectF)
    badge: QRectF = field(default_factory=QRectF)
    badge_text: tuple[str, ...] = ()
    legend: QRectF = field(default_factory=QRectF)
    head: QRectF = field(default_factory=QRectF)
    entries: tuple[LegendEntry, ...] = ()
    bar: QRectF = field(default_factory=QRectF)


def surround_of(
    figure: GraphFigure, kit: Kit, width: float, height: float, *, tools: float = 0.0, legend: bool = True, foldable: bool = True,
) -> Surround:
    """Lay out the surroundings of a picture of this size.

    Args:
        tools: pixels that buttons take of the upper right corner.
        legend: whether it is unfolded.
        foldable: whether it has a head to be folded by; without one it is left out when it is folded.
    """
    zoom = kit.theme.zoom
    pad = _PAD * zoom
    title = elided(kit, "title", figure.title, max(width - 2 * pad - tools, 40.0))
    top = 6.0 * zoom + text_height(kit, "title")
    note_top = top + 1.0
    note = tuple(wrapped(kit, "label", figure.note, width - 2 * pad, _NOTE_LINES)) if len(figure.drawing.boxes) else ()
    top = note_top + len(note) * text_height(kit, "label") + 5.0 * zoom
    right = width
    bar = QRectF()
    shades = [entry for entry in figure.legend if entry.shade is not None]
    if figure.shades is not None and (shades or figure.shade_label) and width > 260 * zoom:
        right -= (_BAR + _BAR_TEXT) * zoom + (text_height(kit, "label") if figure.shade_label else 0.0)
        high = min(max(height - top - 2 * pad, 20.0), 320.0 * zoom)
        bar = QRectF(right + 8.0 * zoom, top + (height - top - high) / 2, _BAR * zoom, high)
    # Whole pixels: a picture that is kept is not to be smeared over two.
    top, right = float(round(top)), float(round(right))
    scene = QRectF(0.0, top, max(right, 1.0), max(height - top, 1.0))
    badge, badge_text = _badge_of(figure, kit, scene)
    entries = tuple(entry for entry in figure.legend if entry.shade is None)
    panel, head = QRectF(), QRectF()
    if entries and (legend or foldable):
        line = text_height(kit, "label") + 3.0 * zoom
        head_high = line + 4.0 * zoom if foldable else 0.0
        most = max(int((scene.height() * 0.6 - head_high) / line), 1)
        entries = entries[:most]
        wide = max(text_width(kit, "label", entry.text) for entry in entries) + (_SWATCH_WIDTH + 8.0) * zoom
        wide = max(wide, text_width(kit, "label", "Legend") + 16.0 * zoom) if foldable else wide
        folded = text_width(kit, "label", "Legend") + 16.0 * zoom
        panel_wide = min((wide if legend else folded) + 2 * 8.0 * zoom, scene.width() * 0.6)
        high = (head_high + len(entries) * line + 8.0 * zoom) if legend else head_high + 2.0 * zoom
        panel = QRectF(scene.left() + 8.0 * zoom, scene.bottom() - high - 8.0 * zoom, panel_wide, high)
        head = QRectF(panel.left(), panel.top(), panel.width(), head_high)
    return Surround(title, note, note_top, scene, badge, badge_text, panel, head, entries if legend else (), bar)


def _badge_of(figure: GraphFigure, kit: Kit, scene: QRectF) -> tuple[QRectF, tuple[str, ...]]:
    if not figure.badge:
        return QRectF(), ()
    zoom = kit.theme.zoom
    most = max(min(scene.width() * 0.34, 360.0 * zoom), 80.0)
    rows = tuple(wrapped(kit, "label", figure.badge, most, 3))
    wide = max(text_width(kit, "label", row) for row in rows) + 26.0 * zoom
    high = len(rows) * text_height(kit, "label") + 8.0 * zoom
    # Below, as the legend: there the graph is narrow, at the loss.
    return QRectF(scene.right() - wide - 8.0 * zoom, scene.bottom() - high - 8.0 * zoom, wide, high), rows


def paint_surround(painter: QPainter, kit: Kit, figure: GraphFigure, surround: Surround) -> None:
    """Everything but the graph. What lies over the graph stands on a ground of its own."""
    palette, zoom = kit.theme.palette, kit.theme.zoom
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pad = _PAD * zoom
    draw_text(painter, kit, "title", pad, 5.0 * zoom + text_ascent(kit, "title"), surround.title, QColor(palette.text))
    for index, text in enumerate(surround.note):
        baseline = surround.note_top + index * text_height(kit, "label") + text_ascent(kit, "label")
        draw_text(painter, kit, "label", pad, baseline, text, QColor(palette.secondary_text))
    if not surround.bar.isEmpty():
        _paint_bar(painter, kit, figure, surround.bar)
    if surround.badge_text:
        _paint_badge(painter, kit, figure, surround)
    if not surround.legend.isEmpty():
        _paint_legend(painter, kit, figure, surround)
    if not len(figure.drawing.boxes):
        _paint_empty(painter, kit, figure, surround.scene)


def _paint_empty(painter: QPainter, kit: Kit, figure: GraphFigure, scene: QRectF) -> None:
    """The figure's note in the middle."""
    lines = wrapped(kit, "body", figure.note or "There is nothing to draw.", scene.width() * 0.7, 6)
    high = text_height(kit, "body")
    top = scene.center().y() - high * len(lines) / 2
    for index, text in enumerate(lines):
        x = scene.center().x() - text_width(kit, "body", text) / 2
        draw_text(painter, kit, "body", x, top + index * high + text_ascent(kit, "body"), text,
                  QColor(kit.theme.palette.secondary_text))


def _ground(painter: QPainter, kit: Kit, area: QRectF, border: QColor, width: float) -> None:
    painter.setPen(QPen(border, width))
    painter.setBrush(QColor(kit.theme.palette.surface))
    painter.drawRoundedRect(area, 5.0, 5.0)


def _paint_badge(painter: QPainter, kit: Kit, figure: GraphFigure, surround: Surround) -> None:
    zoom, area = kit.theme.zoom, surround.badge
    colour = kit.color(figure.badge_role)
    _ground(painter, kit, area, colour, 1.4 * kit.theme.stroke)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    dot = 4.5 * zoom
    painter.drawEllipse(QPointF(area.left() + 11.0 * zoom, area.center().y()), dot, dot)
    for index, text in enumerate(surround.badge_text):
        baseline = area.top() + 4.0 * zoom + index * text_height(kit, "label") + text_ascent(kit, "label")
        draw_text(painter, kit, "label", area.left() + 20.0 * zoom, baseline, text, QColor(kit.theme.palette.text))


def _paint_legend(painter: QPainter, kit: Kit, figure: GraphFigure, surround: Surround) -> None:
    theme, zoom = kit.theme, kit.theme.zoom
    palette, area, head = theme.palette, surround.legend, surround.head
    _ground(painter, kit, area, QColor(palette.grid), 1.0)
    left = area.left() + 8.0 * zoom
    top = area.top() + 4.0 * zoom
    if not head.isEmpty():
        size, middle = 4.0 * zoom, head.center().y()
        sign = [(0.0, -size / 2), (size, size / 2), (2 * size, -size / 2)] if surround.entries else \
            [(size / 2, -size), (1.5 * size, 0.0), (size / 2, size)]
        painter.setPen(QPen(QColor(palette.secondary_text), 1.5 * theme.stroke))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline([QPointF(left + x, middle + y) for x, y in sign])
        draw_text(painter, kit, "label", left + 14.0 * zoom, middle - text_height(kit, "label") / 2 + text_ascent(kit, "label"),
                  "Legend", QColor(palette.secondary_text))
        top = head.bottom()
    line = text_height(kit, "label") + 3.0 * zoom
    for index, entry in enumerate(surround.entries):
        y = top + index * line
        swatch = QRectF(left, y + (line - _SWATCH_HEIGHT * zoom) / 2, _SWATCH_WIDTH * zoom, _SWATCH_HEIGHT * zoom)
        _paint_swatch(painter, kit, figure, entry, swatch)
        text = elided(kit, "label", entry.text, area.right() - swatch.right() - 14.0 * zoom)
        draw_text(painter, kit, "label", swatch.right() + 8.0 * zoom, y + 1.5 * zoom + text_ascent(kit, "label"), text,
                  QColor(palette.text))


def _paint_swatch(painter: QPainter, kit: Kit, figure: GraphFigure, entry: LegendEntry, area: QRectF) -> None:
    theme = kit.theme
    if entry.line:
        colour = theme.color(entry.role) if entry.role is not entry.role.MUTED else line_colour(theme, "edge")
        pen = QPen(colour, 2.0 * theme.stroke)
        if entry.outline == "dashed":
            pen.setDashPattern([3.0, 2.0])
        painter.setPen(pen)
        painter.drawLine(QPointF(area.left(), area.center().y()), QPointF(area.right(), area.center().y()))
        return
    look = torchviz_look(theme, entry.outline) if figure.torchviz else role_look(theme, entry.role)
    if entry.role is entry.role.MUTED and figure.shades is not None and not figure.torchviz:
        look = dim_look(theme)
    pen = QPen(QColor(look.border), 1.2 * theme.stroke)
    if entry.outline == "dashed":
        pen.setDashPattern([3.0, 2.0])
    painter.setPen(pen)
    painter.setBrush(QColor(look.fill))
    paint_box(painter, area, entry.outline, 0.6 * theme.zoom, 1)


def _paint_bar(painter: QPainter, kit: Kit, figure: GraphFigure, bar: QRectF) -> None:
    """The palette, with the words of the legend's shades at their places and what it measures along it."""
    palette, zoom = kit.theme.palette, kit.theme.zoom
    painter.drawImage(bar, palette_image("sequential"))
    small = text_height(kit, "small")
    for entry in figure.legend:
        if entry.shade is None:
            continue
        y = bar.bottom() - min(max(entry.shade, 0.0), 1.0) * bar.height()
        painter.fillRect(QRectF(bar.right(), y - 0.5, 3.0 * zoom, 1.0), QColor(palette.secondary_text))
        text = elided(kit, "small", entry.text, (_BAR_TEXT - 14.0) * zoom)
        draw_text(painter, kit, "small", bar.right() + 5.0 * zoom, y - small / 2 + text_ascent(kit, "small"), text,
                  QColor(palette.secondary_text))
    if figure.shade_label:
        text = elided(kit, "label", figure.shade_label, bar.height())
        painter.save()
        painter.translate(bar.right() + (_BAR_TEXT - 10.0) * zoom + text_ascent(kit, "label"), bar.center().y())
        painter.rotate(-90.0)
        draw_text(painter, kit, "label", -text_width(kit, "label", text) / 2, 0.0, text, QColor(palette.text))
        painter.restore()
