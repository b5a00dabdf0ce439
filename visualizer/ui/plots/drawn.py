"""Which graphics item draws which layer."""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QGraphicsItem

from visualizer.figures.model import Band, Bars, Heat, Layer, Line, Markers, Note, Rule, Segments, Span
from visualizer.ui.plots.fills import BandItem, BarsItem, HeatItem
from visualizer.ui.plots.geometry import Mapping
from visualizer.ui.plots.layers import LayerItem, LineItem, MarkersItem, SegmentsItem
from visualizer.ui.plots.marks import NoteItem, RuleItem, SpanItem
from visualizer.ui.plots.paint import Kit

_ITEMS: dict[type[Any], type[LayerItem[Any]]] = {
    Line: LineItem, Segments: SegmentsItem, Markers: MarkersItem, Bars: BarsItem, Band: BandItem, Heat: HeatItem,
    Rule: RuleItem, Span: SpanItem, Note: NoteItem,
}


def item_for(layer: Layer, mapping: Mapping, kit: Kit, parent: QGraphicsItem) -> LayerItem[Any]:
    """A new item that draws this layer."""
    return _ITEMS[type(layer)](layer, mapping, kit, parent)
