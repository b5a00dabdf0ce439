"""Layers that mark places: rules, spans, notes."""

from __future__ import annotations

from typing import Any

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from visualizer.figures.model import Note, Rule, Span
from visualizer.ui.plots.geometry import clip_segments
from visualizer.ui.plots.layers import NOWHERE, Bounds, LayerItem, Text
from visualizer.ui.plots.paint import Stroke


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
