"""Texts inside the plot area: each gets a place where it covers no other text, no marker, and little of a curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from visualizer.base.roles import Role
from visualizer.ui.plots.geometry import Floats, Mapping
from visualizer.ui.plots.layers import LayerItem, LineItem, MarkersItem, SegmentsItem, Text
from visualizer.ui.plots.marks import RuleItem
from visualizer.ui.plots.paint import Kit, draw_text, draw_texts, elided, text_ascent, text_height, text_width

_CELL = 4.0
#: Markers from this size on (in the figure's pixels, before the theme's factor) are never covered by a text.
_BIG = 9.0
#: Points at most that lines leave in the grid of what is drawn.
_MOST_POINTS = 8_000
#: How far from its marker a name is tried, and a note from its point; farther only when nearer there is no room.
_RINGS = (3.0, 11.0, 22.0, 36.0)
_NOTE_RINGS = (4.0, 14.0, 28.0, 46.0, 70.0)
#: Opacity of the ground under a text: a curve is still seen through it, and over a heat map the text is still read.
_VEIL, _VEIL_OVER_IMAGE = 0.4, 0.65
#: Directions around a marker in order of preference: x and y of the text's centre relative to the marker.
_AROUND = np.array([(0, -1), (1, -1), (-1, -1), (1, 0), (-1, 0), (0, 1), (1, 1), (-1, 1)], dtype=np.float64)


@dataclass(frozen=True)
class Placed:
    """A text and the rectangle that it fills."""

    text: str
    role: Role
    x: float
    y: float
    width: float
    height: float
    #: From its marker to its upper left corner.
    offset: tuple[float, float] = (0.0, 0.0)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom, with a little room beside."""
        room = 0.35 * self.height
        return self.x - room, self.y, self.x + self.width + room, self.y + self.height


@dataclass(frozen=True)
class Wish:
    """A text with the places that it could have: boxes of shape (n, 4), and what each costs (infinite: never)."""

    text: str
    role: Role
    at: tuple[float, float]
    boxes: Floats
    costs: Floats

    def best(self, taken: Floats) -> Placed | None:
        """The cheapest place that touches nothing taken; None: it would make two things unreadable."""
        costs = np.where(_overlaps(self.boxes, taken), np.inf, self.costs)
        index = int(np.argmin(costs))
        if not np.isfinite(costs[index]):
            return None
        left, top, right, bottom = (float(value) for value in self.boxes[index])
        return Placed(self.text, self.role, left, top, right - left, bottom - top,
                      (left - self.at[0], top - self.at[1]))


class Occupancy:
    """How much is drawn in each cell of a coarse grid, summed up so that any rectangle is asked in one step."""

    def __init__(self, mapping: Mapping, items: Sequence[LayerItem[Any]]) -> None:
        self._shape = (int(mapping.height / _CELL) + 2, int(mapping.width / _CELL) + 2)
        lines, markers = np.zeros(self._shape), np.zeros(self._shape)
        for item in items:
            if isinstance(item, LineItem | SegmentsItem):
                self._mark(lines, *_points_along(item.segments))
            elif isinstance(item, RuleItem) and np.isfinite(item.at):
                length = np.arange(0.0, mapping.height if item.layer.vertical else mapping.width, _CELL)
                across = np.full(length.size, item.at)
                self._mark(markers, *((across, length) if item.layer.vertical else (length, across)))
            elif isinstance(item, MarkersItem) and item.px.size <= 2000:
                for dx, dy in ((0.0, 0.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)):
                    self._mark(markers, item.px + dx * item.radius * 0.8, item.py + dy * item.radius * 0.8)
        sums = np.zeros((self._shape[0] + 1, self._shape[1] + 1))
        sums[1:, 1:] = (np.minimum(lines, 1.0) + 4.0 * np.minimum(markers, 1.0)).cumsum(axis=0).cumsum(axis=1)
        self._sums = sums

    def _mark(self, grid: Floats, x: Floats, y: Floats) -> None:
        inside = np.isfinite(x) & np.isfinite(y)
        inside &= (x >= 0) & (y >= 0) & (x < (self._shape[1] - 1) * _CELL) & (y < (self._shape[0] - 1) * _CELL)
        grid[(y[inside] / _CELL).astype(int), (x[inside] / _CELL).astype(int)] = 1.0

    def inside(self, boxes: Floats) -> Floats:
        """What is drawn within boxes of shape (..., 4): left, top, right, bottom."""
        cells = np.floor(boxes / _CELL).astype(int)
        left = np.clip(cells[..., 0], 0, self._shape[1])
        top = np.clip(cells[..., 1], 0, self._shape[0])
        right = np.clip(cells[..., 2] + 1, 0, self._shape[1])
        bottom = np.clip(cells[..., 3] + 1, 0, self._shape[0])
        s = self._sums
        found: Floats = s[bottom, right] - s[top, right] - s[bottom, left] + s[top, left]
        return found


def _points_along(rows: Floats) -> tuple[Floats, Floats]:
    """Points on segments, about one in each cell that they cross."""
    if len(rows) == 0:
        return np.empty(0), np.empty(0)
    delta = rows[:, 2:] - rows[:, :2]
    length = np.abs(delta).max(axis=1)
    step = max(0.9 * _CELL, float(length.sum()) / _MOST_POINTS)
    count = (length / step).astype(np.int64) + 1
    which = np.repeat(np.arange(len(rows)), count)
    part = (np.arange(which.size) - np.repeat(np.cumsum(count) - count, count)) / count[which]
    return rows[which, 0] + part * delta[which, 0], rows[which, 1] + part * delta[which, 1]


def discs(items: Sequence[LayerItem[Any]]) -> Floats:
    """The boxes of the markers that no text may cover, shape (n, 4)."""
    found = [np.empty((0, 4))]
    for item in items:
        if isinstance(item, MarkersItem) and item.layer.size >= _BIG and item.px.size <= 2000:
            item.prepared()
            reach = item.radius + 1.0
            rows = np.column_stack((item.px - reach, item.py - reach, item.px + reach, item.py + reach))
            found.append(rows[np.isfinite(rows).all(axis=1)])
    return np.vstack(found)


def _overlaps(boxes: Floats, taken: Floats) -> NDArray[np.bool_]:
    """For each box whether it touches any of the taken ones; one that is NaN touches nothing."""
    if len(taken) == 0 or len(boxes) == 0:
        return np.zeros(len(boxes), dtype=bool)
    touch = (
        (boxes[:, None, 2] > taken[None, :, 0]) & (taken[None, :, 2] > boxes[:, None, 0])
        & (boxes[:, None, 3] > taken[None, :, 1]) & (taken[None, :, 3] > boxes[:, None, 1])
    )
    return np.asarray(touch.any(axis=1))


def boxes_of(placed: Sequence[Placed]) -> Floats:
    return np.array([text.box for text in placed]).reshape(-1, 4)


def choose(wishes: Sequence[Wish], taken: Floats) -> list[Placed | None]:
    """A place for each in turn, away from what is taken and from the others; None where there is none."""
    found: list[Placed | None] = []
    for wish in wishes:
        placed = wish.best(taken)
        found.append(placed)
        if placed is not None:
            taken = np.vstack((taken, [placed.box]))
    return found


def _around(center: Floats, reach: Floats, widths: Floats, height: float) -> list[Floats]:
    """For the eight directions the boxes of texts at this distance from their points, each of shape (n, 4)."""
    found = []
    for dx, dy in _AROUND:
        slant = 0.75 if dx and dy else 1.0
        x = center[:, 0] + dx * (reach * slant + widths / 2)
        y = center[:, 1] + dy * (reach * slant + height / 2 * (1.0 if dy else 0.0))
        found.append(np.column_stack((x - widths / 2, y - height / 2, x + widths / 2, y + height / 2)))
    return found


def _outside(boxes: Floats, mapping: Mapping) -> NDArray[np.bool_]:
    return np.asarray((boxes[..., 0] < 1) | (boxes[..., 1] < 1) | (boxes[..., 2] > mapping.width - 1)
                      | (boxes[..., 3] > mapping.height - 1))


def name_wishes(texts: Sequence[Text], kit: Kit, mapping: Mapping, occupancy: Occupancy) -> list[Wish]:
    """The places around their markers for names."""
    if not texts:
        return []
    height = text_height(kit, "label")
    widths = np.array([text_width(kit, "label", text.text) for text in texts])
    center = np.array([(text.x, text.y) for text in texts])
    radius = np.array([text.radius for text in texts])
    boxes, prices = [], []
    for ring, gap in enumerate(_RINGS if len(texts) <= 60 else _RINGS[:1]):
        boxes += _around(center, radius + gap * kit.theme.zoom, widths, height)
        prices += [0.15 * order + 6.0 * ring for order in range(len(_AROUND))]
    every = np.stack(boxes, axis=1)  # (names, candidates, 4)
    costs = np.array(prices) + occupancy.inside(every)
    costs[_outside(every, mapping)] = np.inf
    return [Wish(text.text, text.role, (text.x, text.y), own, price)
            for text, own, price in zip(texts, every, costs, strict=True)]


def moved_names(names: Sequence[Placed], texts: Sequence[Text], mapping: Mapping) -> list[Placed]:
    """The names, each as it was placed relative to its marker; those that leave the plot area are left out."""
    markers = {(text.text, text.role): text for text in texts}
    found = []
    for name in names:
        marker = markers.get((name.text, name.role))
        if marker is not None:
            x, y = marker.x + name.offset[0], marker.y + name.offset[1]
            if 0 <= x <= mapping.width - name.width and 0 <= y <= mapping.height - name.height:
                found.append(replace(name, x=x, y=y))
    return found


def annotation_wishes(texts: Sequence[Text], kit: Kit, mapping: Mapping, occupancy: Occupancy | None) -> list[Wish]:
    """The places for the texts of rules, spans and notes."""
    height = text_height(kit, "label")
    gap = 4.0 * kit.theme.zoom
    found = []
    for text in texts:
        shown = elided(kit, "label", text.text, mapping.width - 2 * gap)
        width = text_width(kit, "label", shown)
        if text.anchor is not None:
            corners, prices = _note_corners(text, text.anchor, width, height, kit, mapping)
        else:
            corners = _line_corners(text, width, height, gap, mapping)
            prices = [0.6 * n for n in range(len(corners))]
        wanted = np.array(corners)
        kept = np.column_stack((np.clip(wanted[:, 0], 1.0, max(1.0, mapping.width - width - 1.0)),
                                np.clip(wanted[:, 1], 1.0, max(1.0, mapping.height - height - 1.0))))
        boxes = np.hstack((kept, kept + np.array([width, height])))
        costs = np.array(prices) + np.where(np.abs(kept - wanted).max(axis=1) > 1.0, 20.0, 0.0)
        if occupancy is not None:
            costs = costs + occupancy.inside(boxes)
        found.append(Wish(shown, text.role, (text.x, text.y), boxes, costs))
    return found


def _note_corners(
    text: Text, anchor: tuple[float, float], width: float, height: float, kit: Kit, mapping: Mapping,
) -> tuple[list[tuple[float, float]], list[float]]:
    """For a note: where it was wished, then around its point, farther and farther, last the corners of the plot."""
    corners = [(text.x - anchor[0] * width, text.y - anchor[1] * height)]
    prices = [0.0]
    center, widths = np.array([(text.x, text.y)]), np.array([width])
    for ring, gap in enumerate(_NOTE_RINGS):
        for order, box in enumerate(_around(center, np.array([gap * kit.theme.zoom]), widths, height)):
            corners.append((float(box[0, 0]), float(box[0, 1])))
            prices.append(1.0 + 0.3 * order + 3.0 * ring)
    edge = 4.0 * kit.theme.zoom
    for x in (edge, mapping.width - width - edge):
        for y in (edge, mapping.height - height - edge):
            corners.append((x, y))
            prices.append(60.0 + 0.02 * float(np.hypot(x - text.x, y - text.y)))
    return corners, prices


def _line_corners(
    text: Text, width: float, height: float, gap: float, mapping: Mapping,
) -> list[tuple[float, float]]:
    """Upper left corners along a rule or a span, in order of preference."""
    rows = max(1, int(mapping.height / (height + 2) * 0.9))
    if text.along == "vertical":
        sides = (text.x + gap, text.x - gap - width)
        return [(x, gap / 2 + row * (height + 2)) for row in range(rows) for x in sides]
    if text.along == "span":
        return [(text.x - width / 2, gap / 2 + row * (height + 2)) for row in range(rows)]
    below, above = text.y + 2, text.y - height - 2
    near = (below,) if text.along == "horizontal span" else (above, below)
    lefts = [mapping.width - gap - width - part * (mapping.width - 2 * gap - width) / 7 for part in range(8)]
    # A row farther off only when the whole line is taken.
    return [(x, y) for ys in (near, (above - height, below + height)) for x in lefts for y in ys]


class TextsItem(QGraphicsItem):
    """All texts inside the plot area, above the layers."""

    def __init__(self, mapping: Mapping, kit: Kit, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._mapping = mapping
        self._kit = kit
        self._name_wishes: list[Wish] = []
        self._note_wishes: list[Wish] = []
        #: Where each text stands when nothing passes over it; None: there is no room.
        self._homes: list[Placed | None] = []
        self._home_boxes: Floats = np.empty((0, 4))
        self._names: list[Placed] = []
        self._notes: list[Placed] = []
        self._names_of: tuple[object, ...] = ()
        self._notes_of: tuple[object, ...] = ()

    @property
    def placed(self) -> list[Placed]:
        return self._names + self._notes

    def boundingRect(self) -> QRectF:
        return QRectF(0.0, 0.0, self._mapping.width, self._mapping.height)

    def arrange(self, items: Sequence[LayerItem[Any]], mapping: Mapping, kit: Kit, moving: bool = False) -> None:
        """Find places anew for what changed. Names stay where they are while their layers and the view stay; one
        that a dot runs over gives way for as long.

        ``moving``: the user is panning; names go along with their markers, and are placed anew afterwards.
        """
        if mapping != self._mapping:
            self.prepareGeometryChange()
        self._mapping, self._kit = mapping, kit
        named = [item for item in items if isinstance(item, MarkersItem) and item.layer.texts]
        texts = [text for item in items if not isinstance(item, MarkersItem) for text in item.texts()]
        for item in named:
            item.prepared()
        # Compared by content: a new result often has the same points, and their names then stay where they are.
        names_of = (mapping, kit, *((item.px.tobytes(), item.py.tobytes(), item.layer.texts) for item in named))
        notes_of = (mapping, kit, *texts)
        big = discs(items) if named or texts else np.empty((0, 4))
        if moving:
            shown = moved_names(self._names, [text for item in named for text in item.texts()], mapping)
            self._note_wishes = annotation_wishes(texts, kit, mapping, None)
            self._show(shown, _found(choose(self._note_wishes, np.vstack((big, boxes_of(shown))))))
            self._names_of = self._notes_of = ()
            return
        if names_of != self._names_of or notes_of != self._notes_of:
            self._find_homes(items, named, texts, names_of != self._names_of, big)
            self._names_of, self._notes_of = names_of, notes_of
        shown_now = self._given_way(big)
        count = len(self._name_wishes)
        self._show(_found(shown_now[:count]), _found(shown_now[count:]))

    def _find_homes(
        self, items: Sequence[LayerItem[Any]], named: Sequence[MarkersItem], texts: Sequence[Text], fresh: bool,
        big: Floats,
    ) -> None:
        if not named and not texts:
            self._name_wishes, self._note_wishes, self._homes = [], [], []
            self._home_boxes = np.empty((0, 4))
            return
        for item in items:
            if isinstance(item, LineItem | MarkersItem | SegmentsItem):
                item.prepared()
        mapping, kit = self._mapping, self._kit
        occupancy = Occupancy(mapping, items)
        homes = self._homes[:len(self._name_wishes)]
        if fresh:
            self._name_wishes = name_wishes([t for item in named for t in item.texts()], kit, mapping, occupancy)
            homes = choose(self._name_wishes, big)
        self._note_wishes = annotation_wishes(texts, kit, mapping, occupancy)
        self._homes = homes + choose(self._note_wishes, np.vstack((big, boxes_of(_found(homes)))))
        self._home_boxes = np.array([
            (np.nan,) * 4 if home is None else (home.x, home.y, home.x + home.width, home.y + home.height)
            for home in self._homes
        ]).reshape(-1, 4)

    def _given_way(self, big: Floats) -> list[Placed | None]:
        """The texts at home; one that a marker has come to is elsewhere, or away when there is no room."""
        covering = _overlaps(self._home_boxes, big)
        if not covering.any():
            return self._homes
        shown: list[Placed | None] = [None if away else home
                                      for home, away in zip(self._homes, covering, strict=True)]
        wishes = self._name_wishes + self._note_wishes
        for index in np.flatnonzero(covering):
            shown[index] = wishes[index].best(np.vstack((big, boxes_of(_found(shown)))))
        return shown

    def _show(self, names: list[Placed], notes: list[Placed]) -> None:
        if (names, notes) != (self._names, self._notes):
            self._names, self._notes = names, notes
            self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        kit = self._kit
        ascent = text_ascent(kit, "label")
        veil = QColor(kit.theme.palette.background)
        veil.setAlphaF(_VEIL_OVER_IMAGE if kit.over_image else _VEIL)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(veil)
        painter.drawRects([
            QRectF(text.x - 1.5, text.y + 1.0, text.width + 3.0, text.height - 2.0) for text in self._names + self._notes
        ])
        names = [(text.x, text.y + ascent, text.text) for text in self._names]
        draw_texts(painter, kit, "label", names, kit.color(Role.TEXT))
        for text in self._notes:
            role = Role.TEXT if text.role is Role.MUTED else text.role
            draw_text(painter, kit, "label", text.x, text.y + ascent, text.text, kit.color(role))


def _found(places: Sequence[Placed | None]) -> list[Placed]:
    return [place for place in places if place is not None]
