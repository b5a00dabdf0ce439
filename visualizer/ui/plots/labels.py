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
from visualizer.ui.plots.layers import LayerItem, LineItem, MarkersItem, Text
from visualizer.ui.plots.marks import RuleItem
from visualizer.ui.plots.paint import Kit, draw_text, elided, text_ascent, text_height, text_width

_CELL = 4.0
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


class Occupancy:
    """How much is drawn in each cell of a coarse grid, summed up so that any rectangle is asked in one step."""

    def __init__(self, mapping: Mapping, items: Sequence[LayerItem[Any]]) -> None:
        self._shape = (int(mapping.height / _CELL) + 2, int(mapping.width / _CELL) + 2)
        lines, markers = np.zeros(self._shape), np.zeros(self._shape)
        for item in items:
            if isinstance(item, LineItem):
                rows = item.segments
                for part in (0.0, 0.25, 0.5, 0.75):
                    x = rows[:, 0] + part * (rows[:, 2] - rows[:, 0])
                    y = rows[:, 1] + part * (rows[:, 3] - rows[:, 1])
                    self._mark(lines, x, y)
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


def _overlaps(boxes: Floats, taken: Floats) -> NDArray[np.bool_]:
    """For each box whether it touches any of the taken ones."""
    if len(taken) == 0:
        return np.zeros(len(boxes), dtype=bool)
    apart = (
        (boxes[:, None, 2] <= taken[None, :, 0]) | (taken[None, :, 2] <= boxes[:, None, 0])
        | (boxes[:, None, 3] <= taken[None, :, 1]) | (taken[None, :, 3] <= boxes[:, None, 1])
    )
    return np.asarray(~apart.all(axis=1))


def place_names(texts: Sequence[Text], kit: Kit, mapping: Mapping, occupancy: Occupancy) -> list[Placed]:
    """Names beside their markers. One that finds no free place is left out: it would make two unreadable."""
    if not texts:
        return []
    height = text_height(kit, "label")
    widths = np.array([text_width(kit, "label", text.text) for text in texts])
    center = np.array([(text.x, text.y) for text in texts])
    radius = np.array([text.radius for text in texts])
    rings = (3.0, 11.0, 22.0) if len(texts) <= 60 else (3.0,)
    boxes, costs = [], []
    for ring, gap in enumerate(rings):
        for order, (dx, dy) in enumerate(_AROUND):
            reach = radius + gap * kit.theme.zoom
            slant = 0.75 if dx and dy else 1.0
            x = center[:, 0] + dx * (reach * slant + widths / 2)
            y = center[:, 1] + dy * (reach * slant + height / 2 * (1.0 if dy else 0.0))
            boxes.append(np.column_stack((x - widths / 2, y - height / 2, x + widths / 2, y + height / 2)))
            costs.append(np.full(len(texts), 0.15 * order + 6.0 * ring))
    every = np.stack(boxes, axis=1)  # (names, candidates, 4)
    cost = np.stack(costs, axis=1) + occupancy.inside(every)
    outside = ((every[..., 0] < 1) | (every[..., 1] < 1) | (every[..., 2] > mapping.width - 1)
               | (every[..., 3] > mapping.height - 1))
    cost[outside] = np.inf
    taken = np.empty((len(texts), 4))
    count = 0
    placed = []
    for index, text in enumerate(texts):
        order_of = np.where(_overlaps(every[index], taken[:count]), np.inf, cost[index])
        best = int(np.argmin(order_of))
        if not np.isfinite(order_of[best]):
            continue
        box = every[index, best]
        taken[count] = box + np.array([-2.0, 0.0, 2.0, 0.0])
        count += 1
        corner = (float(box[0]), float(box[1]))
        placed.append(Placed(text.text, text.role, *corner, float(widths[index]), height,
                             (corner[0] - text.x, corner[1] - text.y)))
    return placed


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


def place_annotations(
    texts: Sequence[Text], names: Sequence[Placed], kit: Kit, mapping: Mapping,
    occupancy: Occupancy | None,
) -> list[Placed]:
    """Texts of rules, spans and notes: as near to their place as other texts allow."""
    height = text_height(kit, "label")
    gap = 4.0 * kit.theme.zoom
    taken = [(p.x, p.y, p.x + p.width, p.y + p.height) for p in names]
    placed = []
    for text in texts:
        shown = elided(kit, "label", text.text, mapping.width - 2 * gap)
        width = text_width(kit, "label", shown)
        candidates: list[tuple[float, float]] = []
        rows = max(1, int(mapping.height / (height + 2) * 0.8))
        if text.anchor is not None:
            x, y = text.x - text.anchor[0] * width, text.y - text.anchor[1] * height
            for shift in (0, -1, 1, -2, 2, -3, 3):
                candidates.append((x, y + shift * (height + 2)))
        elif text.along == "vertical":
            for row in range(rows):
                y = gap / 2 + row * (height + 2)
                candidates += [(text.x + gap, y), (text.x - gap - width, y)]
        elif text.along == "span":
            candidates = [(text.x - width / 2, gap / 2 + row * (height + 2)) for row in range(rows)]
        else:
            below = text.y + 2
            ys = (below,) if text.along == "horizontal span" else (text.y - height - 2, below)
            for part in range(8):
                x = mapping.width - gap - width - part * (mapping.width - 2 * gap - width) / 7
                candidates += [(x, y) for y in ys]
        boxes = np.array([
            (x, y, x + width, y + height)
            for x, y in ((_inside(x, width, mapping.width), _inside(y, height, mapping.height)) for x, y in candidates)
        ])
        moved = np.abs(boxes[:, :2] - np.array(candidates)).max(axis=1) > 1.0
        cost = np.arange(len(boxes)) * 0.6 + np.where(moved, 20.0, 0.0)
        if occupancy is not None:
            cost = cost + occupancy.inside(boxes) * 0.5
        cost = cost + np.where(_overlaps(boxes, np.array(taken).reshape(-1, 4)), 1e4, 0.0)
        if text.anchor is None and cost.min() >= 1e4:
            continue  # a rule or span can be understood without its text; two texts on each other cannot be read
        best = boxes[int(np.argmin(cost))]
        taken.append((float(best[0]) - 2, float(best[1]), float(best[2]) + 2, float(best[3])))
        placed.append(Placed(shown, text.role, float(best[0]), float(best[1]), width, height))
    return placed


def _inside(start: float, size: float, room: float) -> float:
    return max(1.0, min(start, room - size - 1.0))


class TextsItem(QGraphicsItem):
    """All texts inside the plot area, above the layers."""

    def __init__(self, mapping: Mapping, kit: Kit, parent: QGraphicsItem) -> None:
        super().__init__(parent)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._mapping = mapping
        self._kit = kit
        self._names: list[Placed] = []
        self._shown: list[Placed] = []
        self._names_of: tuple[object, ...] = ()
        self._notes: list[Placed] = []
        self._notes_of: tuple[object, ...] = ()

    @property
    def placed(self) -> list[Placed]:
        return self._shown + self._notes

    def boundingRect(self) -> QRectF:
        return QRectF(0.0, 0.0, self._mapping.width, self._mapping.height)

    def arrange(self, items: Sequence[LayerItem[Any]], mapping: Mapping, kit: Kit, moving: bool = False) -> None:
        """Find places anew for what changed. Names stay where they are while their layers and the view stay.

        ``moving``: the user is panning; names go along with their markers, and are placed anew afterwards.
        """
        if mapping != self._mapping:
            self.prepareGeometryChange()
        self._mapping, self._kit = mapping, kit
        names = [item for item in items if isinstance(item, MarkersItem) and item.layer.texts]
        others = [item for item in items if not isinstance(item, MarkersItem)]
        texts = [text for item in others for text in item.texts()]
        for named in names:
            named.prepared()
        # Compared by content: a new result often has the same points, and their names then stay where they are.
        names_of = (mapping, kit, *((item.px.tobytes(), item.py.tobytes(), item.layer.texts) for item in names))
        notes_of = (mapping, kit, *texts)
        fresh = names_of != self._names_of
        if not fresh and notes_of == self._notes_of:
            return
        if not names and not texts:
            self._names, self._notes = [], []
        elif moving:
            self._shown = moved_names(self._names, [t for item in names for t in item.texts()], mapping)
            self._notes = place_annotations(texts, self._shown, kit, mapping, None)
            self._names_of = self._notes_of = ()
            self.update()
            return
        else:
            for item in items:
                if isinstance(item, LineItem | MarkersItem):
                    item.prepared()
            occupancy = Occupancy(mapping, items)
            if fresh:
                self._names = place_names([t for item in names for t in item.texts()], kit, mapping, occupancy)
            self._notes = place_annotations(texts, self._names, kit, mapping, occupancy)
        self._shown = self._names
        self._names_of, self._notes_of = names_of, notes_of
        self.update()

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        kit = self._kit
        ascent = text_ascent(kit, "label")
        veil = QColor(kit.theme.palette.background)
        veil.setAlphaF(0.72)
        for text in self._shown + self._notes:
            painter.fillRect(QRectF(text.x - 1.5, text.y + 1.0, text.width + 3.0, text.height - 2.0), veil)
        for text in self._shown:
            draw_text(painter, kit, "label", text.x, text.y + ascent, text.text, kit.color(Role.TEXT))
        for text in self._notes:
            role = Role.TEXT if text.role is Role.MUTED else text.role
            draw_text(painter, kit, "label", text.x, text.y + ascent, text.text, kit.color(role))
