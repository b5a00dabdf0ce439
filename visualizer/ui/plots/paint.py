"""What every part of a figure paints with: pens, text, marker symbols, arrays handed to Qt without a Python loop."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pyqtgraph import functions as fn
from pyqtgraph.Qt.internals import PrimitiveArray
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPixmap, QStaticText, QTransform

from visualizer.base.roles import Role
from visualizer.figures.model import Dash, Symbol
from visualizer.ui.plots.geometry import Floats, dashes
from visualizer.ui.theme import FontKind, Theme

#: Up to so many separate segments Qt itself dashes well enough; it begins each with a whole dash.
_FEW_DASHED = 2
#: How much smaller a text becomes before words of it are left out.
_SMALLEST_TYPE = 0.85
#: Lengths of dash and gap in line widths.
DASHES: dict[Dash, tuple[float, float]] = {"dash": (4.0, 2.5), "dot": (1.2, 2.2)}


@dataclass(frozen=True)
class Kit:
    """How to paint: the theme; ``vector`` when the target is SVG (text and lines become paths); ``over_image``
    when there is a heat map below (translucent lines must then really be translucent)."""

    theme: Theme
    vector: bool = False
    over_image: bool = False

    def font(self, kind: FontKind) -> QFont:
        return _font(self.theme, kind)

    def color(self, role: Role, opacity: float = 1.0) -> QColor:
        """The role's colour; shared by all who ask, so not to be changed."""
        return _color(self.theme, role, opacity)

    def flat_color(self, role: Role, opacity: float) -> QColor:
        """The colour that a translucent line has on the background. Opaque, so that pieces may overlap unseen."""
        if opacity >= 1.0 or self.vector or self.over_image:
            return self.color(role, opacity)
        return _flat_color(self.theme, role, opacity)


def mixed(front: QColor | str, back: QColor | str, share: float) -> QColor:
    """The opaque colour of ``front`` with this opacity on ``back``."""
    front, back = QColor(front), QColor(back)
    pairs = ((front.red(), back.red()), (front.green(), back.green()), (front.blue(), back.blue()))
    return QColor(*(round(a * share + b * (1.0 - share)) for a, b in pairs))


@lru_cache(maxsize=256)
def _color(theme: Theme, role: Role, opacity: float) -> QColor:
    return theme.color(role, opacity)


@lru_cache(maxsize=256)
def _flat_color(theme: Theme, role: Role, opacity: float) -> QColor:
    return mixed(theme.color(role), theme.palette.background, opacity)


@lru_cache(maxsize=64)
def _font(theme: Theme, kind: FontKind) -> QFont:
    font = theme.font(kind)
    # Unhinted text keeps its proportions at every scale of an export.
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


@lru_cache(maxsize=1024)
def _static_text(theme: Theme, kind: FontKind, text: str) -> QStaticText:
    """The text with its glyphs in their places: drawn in half the time, and the same texts come again and again."""
    shaped = QStaticText(text)
    shaped.setTextFormat(Qt.TextFormat.PlainText)
    shaped.setPerformanceHint(QStaticText.PerformanceHint.AggressiveCaching)
    shaped.prepare(QTransform(), _font(theme, kind))
    return shaped


@lru_cache(maxsize=4096)
def _text_width(theme: Theme, kind: FontKind, text: str) -> float:
    return QFontMetricsF(_font(theme, kind)).horizontalAdvance(text)


@lru_cache(maxsize=64)
def _text_heights(theme: Theme, kind: FontKind) -> tuple[float, float]:
    metrics = QFontMetricsF(_font(theme, kind))
    return metrics.ascent(), metrics.descent()


def text_width(kit: Kit, kind: FontKind, text: str) -> float:
    return _text_width(kit.theme, kind, text)


def text_height(kit: Kit, kind: FontKind) -> float:
    ascent, descent = _text_heights(kit.theme, kind)
    return ascent + descent


def text_ascent(kit: Kit, kind: FontKind) -> float:
    return _text_heights(kit.theme, kind)[0]


def elided(kit: Kit, kind: FontKind, text: str, width: float) -> str:
    """The text, shortened with an ellipsis to fit this width."""
    if text_width(kit, kind, text) <= width:
        return text
    return QFontMetricsF(kit.font(kind)).elidedText(text, Qt.TextElideMode.ElideRight, max(width, 0.0))


def shrunk(kit: Kit, kind: FontKind, text: str, width: float) -> tuple[str, float]:
    """The text and a factor on its size, down to 0.85, with which it fits this width; beyond that it is elided."""
    scale = min(1.0, max(_SMALLEST_TYPE, width / max(text_width(kit, kind, text), 1.0)))
    return elided(kit, kind, text, width / scale + 1e-6), scale


def wrapped(kit: Kit, kind: FontKind, text: str, width: float, lines: int) -> list[str]:
    """The text in at most ``lines`` lines of at most this width; what is left over is elided."""
    rows: list[str] = []
    words = text.split()
    while words and len(rows) < lines:
        if len(rows) == lines - 1:
            rows.append(elided(kit, kind, " ".join(words), width))
            break
        count = 1
        while count < len(words) and text_width(kit, kind, " ".join(words[:count + 1])) <= width:
            count += 1
        rows.append(elided(kit, kind, " ".join(words[:count]), width))
        words = words[count:]
    return rows


def draw_text(painter: QPainter, kit: Kit, kind: FontKind, x: float, baseline: float, text: str, color: QColor) -> None:
    """Text that starts at (x, baseline). In SVG as outlines: it looks the same where the font is not installed."""
    draw_texts(painter, kit, kind, [(x, baseline, text)], color)


def draw_texts(
    painter: QPainter, kit: Kit, kind: FontKind, texts: Iterable[tuple[float, float, str]], color: QColor
) -> None:
    """Texts of one font and colour, each with where it starts: x, baseline."""
    if kit.vector:
        for x, baseline, text in texts:
            path = QPainterPath()
            path.addText(QPointF(x, baseline), kit.font(kind), text)
            painter.fillPath(path, color)
        return
    painter.setFont(kit.font(kind))
    painter.setPen(color)
    ascent = text_ascent(kit, kind)
    for x, baseline, text in texts:
        painter.drawStaticText(QPointF(x, baseline - ascent), _static_text(kit.theme, kind, text))


def pen(color: QColor, width: float, cap: Qt.PenCapStyle = Qt.PenCapStyle.FlatCap) -> QPen:
    return QPen(color, width, Qt.PenStyle.SolidLine, cap, Qt.PenJoinStyle.RoundJoin)


class LineBatch:
    """Separate segments kept as an array of QLineF.

    Qt draws 600 wide antialiased segments in a tenth of the time of a path of 600 points: a path is stroked
    and filled as one outline that may cross itself, segments are filled as simple quadrilaterals.
    """

    def __init__(self) -> None:
        self._lines = PrimitiveArray(QLineF, 4)
        self._count = 0

    def set(self, rows: Floats) -> None:
        """Take segments of shape (n, 4): x0, y0, x1, y1."""
        self._count = len(rows)
        if self._count:
            self._lines.resize(self._count)
            self._lines.ndarray()[:] = rows

    def draw(self, painter: QPainter, stroke: QPen) -> None:
        if self._count:
            painter.setPen(stroke)
            painter.drawLines(*self._lines.drawargs())


def path_of(rows: Floats) -> QPainterPath:
    """Segments as one path, joined where one ends at the next one's start."""
    if len(rows) == 0:
        return QPainterPath()
    joined = (rows[1:, :2] == rows[:-1, 2:]).all(axis=1)
    first = np.concatenate(([True], ~joined))
    points = np.column_stack((rows[:, :2], rows[:, 2:])).reshape(-1, 2)
    keep = np.column_stack((first, np.ones(len(rows), dtype=bool))).ravel()
    ends = np.column_stack((np.ones(len(rows), dtype=np.int32), np.concatenate((joined, [False])))).ravel()
    points, connect = points[keep], ends[keep].astype(np.int32)
    return fn.arrayToQPath(
        np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1]), connect=connect, finiteCheck=False
    )


class Stroke:
    """A line, dashed or not, ready to be drawn in the window or into an SVG."""

    def __init__(self) -> None:
        self._batch = LineBatch()
        self._path: QPainterPath | None = None
        self._pen = QPen()

    def set(self, rows: Floats, kit: Kit, role: Role, width: float, dash: Dash, opacity: float) -> None:
        width = width * kit.theme.stroke
        # Square ends close the small gaps at bends; a dash would lose its gap by them.
        cap = Qt.PenCapStyle.SquareCap if dash == "solid" and width > 1.2 else Qt.PenCapStyle.FlatCap
        self._path = None
        self._pen = pen(kit.flat_color(role, opacity), width, cap)
        if kit.vector or (opacity < 1.0 and kit.over_image):
            self._pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            if dash != "solid":
                self._pen.setDashPattern(list(DASHES[dash]))
            self._path = path_of(rows)
        elif dash == "solid":
            self._batch.set(rows)
        elif len(rows) <= _FEW_DASHED:
            self._pen.setDashPattern(list(DASHES[dash]))
            self._batch.set(rows)
        else:
            on, off = DASHES[dash]
            self._batch.set(dashes(rows, on * width, off * width))

    def draw(self, painter: QPainter) -> None:
        if self._path is not None:
            painter.strokePath(self._path, self._pen)
        else:
            self._batch.draw(painter, self._pen)


@lru_cache(maxsize=64)
def symbol_path(symbol: Symbol, size: float) -> QPainterPath:
    """A marker symbol centred on the origin; the symbols have about equal areas."""
    path = QPainterPath()
    r = size / 2.0
    if symbol == "circle":
        path.addEllipse(QPointF(0.0, 0.0), r, r)
    elif symbol == "square":
        r *= 0.88
        path.addRect(QRectF(-r, -r, 2 * r, 2 * r))
    elif symbol == "diamond":
        r *= 1.2
        path.addPolygon([QPointF(0, -r), QPointF(r, 0), QPointF(0, r), QPointF(-r, 0)])
        path.closeSubpath()
    elif symbol == "triangle":
        r *= 1.25
        corners = [QPointF(r * math.sin(a), -r * math.cos(a)) for a in (0.0, 2 * math.pi / 3, 4 * math.pi / 3)]
        path.addPolygon(corners)
        path.closeSubpath()
    else:
        arm, half = r, max(size * 0.13, 0.7)
        outline = [(-half, -arm), (half, -arm), (half, -half), (arm, -half), (arm, half), (half, half), (half, arm),
                   (-half, arm), (-half, half), (-arm, half), (-arm, -half), (-half, -half)]
        turn = math.radians(45.0) if symbol == "cross" else 0.0
        c, s = math.cos(turn), math.sin(turn)
        path.addPolygon([QPointF(x * c - y * s, x * s + y * c) for x, y in outline])
        path.closeSubpath()
    return path


@dataclass(frozen=True)
class MarkerLook:
    """How one marker is painted; hashable, so that its picture can be kept."""

    symbol: Symbol
    size: float
    fill: str
    edge: str
    edge_width: float

    def paint(self, painter: QPainter, *places: tuple[float, float]) -> None:
        """Paint one at each of these places."""
        painter.setBrush(QColor(self.fill))
        painter.setPen(pen(QColor(self.edge), self.edge_width) if self.edge_width else Qt.PenStyle.NoPen)
        path = symbol_path(self.symbol, self.size)
        for x, y in places:
            painter.translate(x, y)
            painter.drawPath(path)
            painter.translate(-x, -y)


@lru_cache(maxsize=64)
def marker_pixmap(look: MarkerLook, resolution: float) -> QPixmap:
    """The marker's picture in device pixels (its own device pixel ratio stays 1)."""
    side = math.ceil((look.size * 1.3 + look.edge_width + 2.0) * resolution) | 1
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(resolution, resolution)
    look.paint(painter, (side / 2.0 / resolution, side / 2.0 / resolution))
    painter.end()
    return pixmap


class MarkerBatch:
    """Many equal markers as fragments of one picture."""

    def __init__(self) -> None:
        self._fragments = PrimitiveArray(QPainter.PixmapFragment, 10)
        self._count = 0
        self._pixmap = QPixmap()

    def set(self, x: Floats, y: Floats, look: MarkerLook, resolution: float) -> None:
        self._count = x.size
        if not self._count:
            return
        self._pixmap = marker_pixmap(look, resolution)
        side = self._pixmap.width()
        self._fragments.resize(self._count)
        rows = self._fragments.ndarray()
        rows[:, 0], rows[:, 1] = x, y
        rows[:, 2:] = (0.0, 0.0, side, side, 1.0 / resolution, 1.0 / resolution, 0.0, 1.0)

    def draw(self, painter: QPainter) -> None:
        if self._count:
            painter.drawPixmapFragments(*self._fragments.drawargs(), self._pixmap)  # type: ignore[call-arg]
