"""Boxes: their outlines and what is written in them."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPolygonF

from visualizer.base.roles import Role
from visualizer.figures.graph import Boxes, Outline
from visualizer.ui.graph.levels import CHIP, LINE, TITLE, Level
from visualizer.ui.graph.lines import RectBatch, Rows
from visualizer.ui.graph.scheme import Look, Looks, role_look
from visualizer.ui.graph.stage import Stage
from visualizer.ui.graph.texts import SMALLEST, Writer, fitted, line_height, unit_width, whole_size
from visualizer.ui.graph.viewport import Viewport
from visualizer.ui.theme import Theme

#: Corner radii at zoom 1; a pill's and a hexagon's corners are half its height.
_RADIUS: dict[Outline, float] = {"box": 3.0, "round": 8.0, "dashed": 8.0}
#: The sheets of a stack lie so far apart, at zoom 1.
STACK = 4.0
#: Type is at most so many times as large as the zoom makes it.
_ENLARGED = 1.6
#: Text in a box may be made smaller by this share before it is shortened, or to so many pixels if that is less.
_SHRINK, _STILL_READ = 0.78, 7.5


def shape(area: QRectF, outline: Outline, zoom: float) -> QPainterPath:
    """The outline of a box as a path."""
    path = QPainterPath()
    if outline == "hexagon":
        path.addPolygon(_hexagon(area))
        path.closeSubpath()
    else:
        radius = area.height() / 2 if outline == "pill" else min(_RADIUS[outline] * zoom, area.height() / 2)
        path.addRoundedRect(area, radius, radius)
    return path


def _hexagon(area: QRectF) -> QPolygonF:
    cut, middle = min(area.height() / 3, area.width() / 4), area.center().y()
    return QPolygonF([QPointF(area.left(), middle), QPointF(area.left() + cut, area.top()), QPointF(area.right() - cut, area.top()),
                      QPointF(area.right(), middle), QPointF(area.right() - cut, area.bottom()),
                      QPointF(area.left() + cut, area.bottom())])


def paint_box(painter: QPainter, area: QRectF, outline: Outline, zoom: float, times: int) -> None:
    """A box with the painter's pen and brush; one that stands for several is a stack."""
    if times > 1:
        for sheet in (2, 1):
            painter.drawRoundedRect(area.translated(sheet * STACK * zoom, -sheet * STACK * zoom), 3.0 * zoom, 3.0 * zoom)
    if outline == "hexagon":
        painter.drawPolygon(_hexagon(area))
        return
    radius = area.height() / 2 if outline == "pill" else min(_RADIUS[outline] * zoom, area.height() / 2)
    painter.drawRoundedRect(area, radius, radius)


def paint_far(painter: QPainter, batch: RectBatch, stage: Stage, looks: Looks, rows: Rows, viewport: Viewport) -> None:
    """Boxes as spots of colour, those of one colour at a stroke; none smaller than a pixel and a half."""
    painter.setPen(Qt.PenStyle.NoPen)
    left = (stage.left[rows] - viewport.x) * viewport.zoom
    top = (stage.top[rows] - viewport.y) * viewport.zoom
    width = np.maximum((stage.right[rows] - stage.left[rows]) * viewport.zoom, 1.5)
    height = np.maximum((stage.bottom[rows] - stage.top[rows]) * viewport.zoom, 1.5)
    numbers = looks.number[rows]
    for number in np.unique(numbers).tolist():
        chosen = numbers == number
        painter.setBrush(QColor(looks.looks[number].far))
        batch.draw(painter, left[chosen], top[chosen], width[chosen], height[chosen])


def write_box(
    painter: QPainter, writer: Writer, boxes: Boxes, row: int, area: QRectF, look: Look, zoom: float, level: Level, theme: Theme,
) -> None:
    """Title, shapes, values, as far as the level goes and as large as the box allows; parameters as chips below them."""
    shapes = boxes.shapes[row] if level >= Level.SHAPES else ""
    values = boxes.values[row] if level >= Level.VALUES else ""
    badges = boxes.badges[row] if level >= Level.VALUES else ()
    scale, natural = _scale(boxes, row, area, zoom, level, theme)
    if not scale:
        return
    sides = area.height() * 0.3 if boxes.outlines[row] in ("hexagon", "pill") else 6.0 * zoom
    width = area.width() - 2 * max(sides, 3.0)
    least = min(_SHRINK, _STILL_READ * theme.zoom / (TITLE * scale))
    # The box was made for its texts at this zoom: so small they fit, however large the room above them lets them be.
    narrow = max(min(least * scale, zoom), 0.0)
    middle = area.center().x()
    top = area.top() + (area.height() - natural * scale) / 2
    for text, size, bold, colour in ((boxes.titles[row], TITLE, True, look.text), (shapes, LINE, False, look.second),
                                     (values, LINE, False, look.text)):
        if not text:
            continue
        tall = size * scale * line_height(bold)
        fits = width / max(unit_width(text, bold), 1e-9)
        pixels = writer.size(min(size * scale, max(fits, size * narrow, float(SMALLEST))))
        if pixels >= SMALLEST:
            text = fitted(text, pixels, width, bold)
            writer.centred(middle, top + (tall - pixels * line_height(bold)) / 2, text, pixels, colour, bold)
        top += tall
    if badges:
        _write_chips(painter, writer, _chips(badges, _chip_row(area, top, zoom, scale), scale, writer.size(CHIP * scale)), scale,
                     theme)
    if boxes.times[row] > 1:
        _write_times(painter, writer, int(boxes.times[row]), area, zoom, theme)


def _scale(boxes: Boxes, row: int, area: QRectF, zoom: float, level: Level, theme: Theme) -> tuple[float, float]:
    """How large the texts of a box are, against their natural size, and how high they are at that size; 0: too small to write."""
    lines = bool(boxes.shapes[row] and level >= Level.SHAPES) + bool(boxes.values[row] and level >= Level.VALUES)
    chips = bool(boxes.badges[row] and level >= Level.VALUES)
    natural = TITLE * line_height(True) + LINE * line_height() * lines + (CHIP * line_height() + 5.0) * chips
    room = area.height() - 3.0 * zoom
    # On a projector, type is larger where the boxes have room for it; not by much, or each would have a size of its own.
    scale = min(max(zoom, theme.zoom if zoom < theme.zoom else 1.0), room / natural, _ENLARGED * zoom)
    if scale * TITLE < SMALLEST:
        scale = SMALLEST / TITLE if room >= SMALLEST * line_height(True) else 0.0
    return scale, natural


def _chip_row(area: QRectF, top: float, zoom: float, scale: float) -> QRectF:
    """Where the chips of a box stand, below the texts that end at ``top``."""
    return QRectF(area.left() + 4 * zoom, top + 2 * scale, area.width() - 8 * zoom, (CHIP * line_height() + 3.0) * scale)


def chip_areas(boxes: Boxes, row: int, area: QRectF, zoom: float, level: Level, theme: Theme) -> list[QRectF]:
    """Where the chips of a box are painted, one for one as far as there is room."""
    if level < Level.VALUES or not boxes.badges[row]:
        return []
    scale, natural = _scale(boxes, row, area, zoom, level, theme)
    if not scale:
        return []
    top = area.top() + (area.height() + natural * scale) / 2 - (CHIP * line_height() + 5.0) * scale
    chips = _chips(boxes.badges[row], _chip_row(area, top, zoom, scale), scale, whole_size(CHIP * scale))
    return [place for _, place, chip in chips if chip]


def _chips(names: tuple[str, ...], area: QRectF, scale: float, pixels: float) -> list[tuple[str, QRectF, bool]]:
    """Names side by side, each on a ground of its own; those that find no room are counted: text, place, whether it is a chip."""
    if pixels < SMALLEST:
        return []
    pad, gap = 5.0 * scale, 4.0 * scale
    shown: list[tuple[str, float, bool]] = []
    left = area.width()
    for index, name in enumerate(names):
        rest = len(names) - index - 1
        least = (unit_width(f"+{rest}") * pixels + gap) if rest else 0.0
        text = fitted(name, pixels, left - least - 2 * pad) if not shown else name
        wide = unit_width(text) * pixels + 2 * pad
        if wide + least > left + 1.0 and shown:
            shown.append((f"+{rest + 1}", unit_width(f"+{rest + 1}") * pixels, False))
            break
        shown.append((text, wide, True))
        left -= wide + gap
    x = area.center().x() - (sum(wide for _, wide, _ in shown) + gap * (len(shown) - 1)) / 2
    placed = []
    for text, wide, chip in shown:
        placed.append((text, QRectF(x, area.top(), wide, area.height()), chip))
        x += wide + gap
    return placed


def _write_chips(painter: QPainter, writer: Writer, chips: list[tuple[str, QRectF, bool]], scale: float, theme: Theme) -> None:
    pixels = writer.size(CHIP * scale)
    look = role_look(theme, Role.DATA, done=True)
    for text, area, chip in chips:
        if chip:
            painter.setPen(QColor(look.border))
            painter.setBrush(QColor(look.fill))
            painter.drawRoundedRect(area, area.height() / 2, area.height() / 2)
            writer.begin()
        top = area.top() + (area.height() - pixels * line_height()) / 2
        writer.write(area.left() + (5.0 * scale if chip else 0.0), top, text, pixels, look.text if chip else theme.palette.text)


def _write_times(painter: QPainter, writer: Writer, times: int, area: QRectF, zoom: float, theme: Theme) -> None:
    """"×12" on the upper right corner."""
    text = f"×{times}"
    pixels = writer.size(max(CHIP * min(zoom, 1.6), 8.0))
    wide, high = unit_width(text, True) * pixels + 0.8 * pixels, pixels * line_height(True) + 1.0
    chip = QRectF(area.right() + 2 * STACK * zoom - wide * 0.7, area.top() - 2 * STACK * zoom - high * 0.45, wide, high)
    painter.setPen(QColor(theme.palette.background))
    painter.setBrush(QColor(theme.palette.text))
    painter.drawRoundedRect(chip, high / 2, high / 2)
    writer.begin()
    writer.centred(chip.center().x(), chip.top() + 0.5, text, pixels, theme.palette.background, True)
