"""A figure as one graphics item: the window and the exporter draw with this and nothing else.

Pyqtgraph's :class:`~pyqtgraph.ViewBox` holds the range, the aspect ratio and the clipping. Not its ``PlotItem``: that
builds a form and menus without parents (5-15 ms, and widgets that outlive the plot), changes axis widths while it
paints, and gives text and arrows of an export the wrong size.
"""

from __future__ import annotations

import math
from itertools import takewhile
from typing import Any

import pyqtgraph as pg
from PySide6.QtCore import QPointF, QRectF, Signal, Slot
from PySide6.QtWidgets import QGraphicsItem, QGraphicsWidget

from visualizer.figures.model import Axis, Band, Bars, Figure, Heat, Layer, Line
from visualizer.ui.plots.drawn import item_for
from visualizer.ui.plots.frame import FrameItem
from visualizer.ui.plots.geometry import HUGE, Mapping
from visualizer.ui.plots.labels import TextsItem
from visualizer.ui.plots.layers import LayerItem
from visualizer.ui.plots.layout import Layout, Range, lay_out
from visualizer.ui.plots.paint import Kit
from visualizer.ui.theme import Theme

_PADDING = 0.04
#: The view reaches a little farther than what is drawn.
_FARTHEST = 2.0 * HUGE
#: Room that is added on the side where data leaves the view, so that a growing run does not rescale at every step.
_HEADROOM = 0.15
#: When new data fills less than this share of the view, it is not the continuation of what the view was chosen for.
_WELL_FILLED = 0.6


class FigureItem(QGraphicsWidget):
    """Draws a :class:`~visualizer.figures.model.Figure` and follows it from one result to the next.

    Items are kept by layer key and updated; a layer that is the same object as before costs nothing. The view fits
    the data until the user zooms or pans (:attr:`touched`); until then it follows data that leaves it, and new data
    that fills only a part of it. A dot that runs over curves that stay does not move it.

    Args:
        theme: colours, type and strokes.
        vector: paint for a vector format: text as outlines, lines as paths.
        live: in a window: what seldom changes is kept as a picture.
    """

    #: The visible range or its scale (linear, logarithmic) is another one.
    view_changed = Signal()

    def __init__(
        self, theme: Theme, *, vector: bool = False, live: bool = False, parent: QGraphicsItem | None = None,
    ) -> None:
        super().__init__(parent)
        self._kit = Kit(theme, vector)
        self._figure: Figure | None = None
        self._size = (640.0, 400.0)
        self._resolution = 1.0
        self._logs: list[bool] = [False, False]
        self._fitted: list[Range | None] = [None, None]
        self._limits: list[Range | None] = [None, None]
        self._least: Range = (0.0, 0.0)
        #: The arrays that the view was last chosen for; held, so that no new one can have an old one's identity.
        self._followed_arrays: tuple[object, ...] = ()
        self._own_change = False
        self._live = live
        self._still = self._unchanged = 0
        self.touched = False
        #: While true the view keeps still whatever the data does (the user drags something).
        self.held = False
        self._moving = False
        self.layout_ = Layout()
        self.items: dict[str, LayerItem[Any]] = {}

        self._frame = FrameItem(self, live)
        self._frame.setZValue(-1000.0)
        self.view_box = pg.ViewBox(parent=self, enableMenu=False, enableMouse=False)
        self.view_box.disableAutoRange()
        self.view_box.sigRangeChanged.connect(self._range_changed)
        self.mapping = Mapping(0.0, 1.0, 0.0, 1.0, 100.0, 100.0)
        self._texts = TextsItem(self.mapping, self._kit, self.view_box)
        self._texts.setZValue(10_000.0)

    # What is shown.

    @property
    def figure(self) -> Figure | None:
        return self._figure

    @property
    def kit(self) -> Kit:
        return self._kit

    @property
    def texts(self) -> TextsItem:
        return self._texts

    @property
    def plot_rect(self) -> QRectF:
        """The plot area in this item's pixels."""
        return self.layout_.plot

    def boundingRect(self) -> QRectF:
        return QRectF(0.0, 0.0, *self._size)

    def set_figure(self, figure: Figure) -> None:
        """Show this figure. One of the same name updates what is shown and leaves the view alone."""
        if figure is self._figure:
            return
        previous, self._figure = self._figure, figure
        fresh = previous is None or previous.name != figure.name
        if fresh:
            self._least = (0.0, 0.0)
            self._logs = [figure.x.log, figure.y.log]
        elif previous is not None:
            for index, (old, new) in enumerate(((previous.x, figure.x), (previous.y, figure.y))):
                if old.log != new.log:
                    self._logs[index] = new.log
                    self._fitted[index] = None
        if fresh or previous is None or previous.equal != figure.equal:
            self._own_change = True
            self.view_box.setAspectLocked(figure.equal)
            self._own_change = False
        over_image = any(isinstance(layer, Heat) for layer in figure.layers)
        if over_image != self._kit.over_image:
            self._kit = Kit(self._kit.theme, self._kit.vector, over_image)
        changed = self._reconcile(figure)
        self._choose_still(0 if fresh else changed)
        if fresh:
            self.fit()
        else:
            self._follow()
            self._refresh()

    def set_theme(self, theme: Theme) -> None:
        """Other colours, type and strokes; the view stays."""
        if theme != self._kit.theme:
            self._kit = Kit(theme, self._kit.vector, self._kit.over_image)
            self._least = (0.0, 0.0)
            self._refresh()

    def set_size(self, width: float, height: float, resolution: float = 1.0) -> None:
        """Size in device-independent pixels, and device pixels in each of them."""
        size = (max(float(width), 1.0), max(float(height), 1.0))
        if (size, resolution) == (self._size, self._resolution):
            return
        self.prepareGeometryChange()
        self._size, self._resolution = size, resolution
        self.resize(*size)
        self._least = (0.0, 0.0)
        self._refresh()

    # The view.

    @property
    def log_x(self) -> bool:
        return self._logs[0]

    @property
    def log_y(self) -> bool:
        return self._logs[1]

    def set_log(self, *, x: bool | None = None, y: bool | None = None) -> None:
        """Switch axes between linear and logarithmic; fits again."""
        wanted = [self._logs[0] if x is None else x, self._logs[1] if y is None else y]
        if wanted != self._logs:
            self._logs = wanted
            self.fit()

    def can_log(self, axis: int) -> bool:
        """Whether a logarithmic axis (0: x, 1: y) would show anything."""
        if self._figure is None or self._figure.equal:
            return False
        if (self._figure.x, self._figure.y)[axis].ticks is not None:
            return False  # names stand there, not numbers
        index = 2 * axis
        logs = (axis == 0, axis == 1)
        for item in self.items.values():
            low, high = item.bounds(*logs)[index:index + 2]
            if math.isfinite(low) and math.isfinite(high):
                return True
        return False

    def fit(self) -> None:
        """Show the axes' own limits, or all data; follow the data from now on."""
        self.touched = False
        self._least = (0.0, 0.0)
        self._fitted = [None, None]
        self._follow()
        self._refresh()
        self.view_changed.emit()

    def zoom(self, factor_x: float, factor_y: float, center: QPointF) -> None:
        """Scale the visible range by these factors about a point of the plot area (its pixels)."""
        m = self.mapping
        spans = []
        for low, high, factor, at in (
            (m.x0, m.x1, factor_x, center.x() / m.width), (m.y0, m.y1, factor_y, 1.0 - center.y() / m.height),
        ):
            pivot = low + at * (high - low)
            spans.append((pivot - (pivot - low) * factor, pivot + (high - pivot) * factor))
        self._set_by_user(spans[0], spans[1])

    def set_moving(self, moving: bool) -> None:
        """The user begins or ends a pan: texts are placed anew only at its end."""
        if moving != self._moving:
            self._moving = moving
            if not moving:
                self._refresh()

    def pan(self, dx: float, dy: float) -> None:
        """Move what is seen by pixels, with the pointer."""
        m = self.mapping
        x, y = dx * (m.x1 - m.x0) / m.width, dy * (m.y1 - m.y0) / m.height
        self._set_by_user((m.x0 - x, m.x1 - x), (m.y0 + y, m.y1 + y))

    def _set_by_user(self, x: Range, y: Range) -> None:
        for low, high in (x, y):
            # Below this a float64 cannot tell the ticks apart; above it differences overflow.
            if not 1e-12 * max(abs(low), abs(high)) < high - low < _FARTHEST or high - low < 1e-290:
                return
        for (low, high), log in ((x, self.mapping.log_x), (y, self.mapping.log_y)):
            # A logarithmic axis ends where floats do; its ends are exponents.
            if log and (low < -330 or high > 330):
                return
        self.touched = True
        self._set_range(x, y)
        self._refresh()
        self.view_changed.emit()

    def _set_range(self, x: Range, y: Range) -> None:
        self._own_change = True
        self.view_box.setRange(xRange=x, yRange=y, padding=0)
        self._own_change = False

    @Slot(object, object, object)
    def _range_changed(self, *_: object) -> None:
        """Someone else moved the view box."""
        if not self._own_change:
            self._refresh()
            self.view_changed.emit()

    def _follow(self) -> None:
        """Choose the range: at first what fits, later only what leaves the view moves it."""
        if self._figure is None or self.touched or self.held:
            return
        arrays = tuple(array for layer in self._figure.layers for array in _arrays(layer))
        fresh = len(arrays) != len(self._followed_arrays) or any(
            new is not old for new, old in zip(arrays, self._followed_arrays, strict=True)
        )
        self._followed_arrays = arrays
        found = [self._data_range(axis) for axis in (0, 1)]
        ranges: list[Range] = []
        for index, axis in enumerate((self._figure.x, self._figure.y)):
            limits = _view_limits(axis, self._logs[index])
            ranges.append(self._followed(index, limits, found[index], fresh))
            self._limits[index] = limits
        self._fitted = [ranges[0], ranges[1]]
        self._set_range(ranges[0], ranges[1])

    def _followed(self, index: int, limits: Range | None, data: Range | None, fresh: bool) -> Range:
        """The range of one axis. ``fresh``: the data of lines, bars, bands or heat maps is other than before.

        A run that grows leaves the view on one side, which moves on by some headroom. Another run may fill only a
        part of the view, or lie half outside: then everything is fitted anew.
        """
        current = self._fitted[index]
        if limits is not None:
            return limits
        if data is None:
            return current or (0.0, 1.0)
        low, high = data
        wanted = self._padded(index, low, high)
        if current is None or self._limits[index] is not None:
            return wanted
        slack = 1e-9 * (current[1] - current[0])
        below, above = low < current[0] - slack, high > current[1] + slack
        if not (below or above):
            poor = fresh and wanted[1] - wanted[0] < _WELL_FILLED * (current[1] - current[0])
            return wanted if poor else current
        room = _HEADROOM * (wanted[1] - wanted[0])
        grown = (wanted[0] - room if below and low != 0.0 else min(wanted[0], current[0]),
                 wanted[1] + room if above else max(wanted[1], current[1]))
        jumps = high - low <= 0.5 * (current[1] - current[0])
        return wanted if jumps or wanted[1] - wanted[0] < _WELL_FILLED * (grown[1] - grown[0]) else grown

    def _data_range(self, index: int) -> Range | None:
        lows, highs = [], []
        for item in self.items.values():
            low, high = item.bounds(self._logs[0], self._logs[1])[2 * index:2 * index + 2]
            if math.isfinite(low) and math.isfinite(high):
                lows.append(low)
                highs.append(high)
        return (min(lows), max(highs)) if lows else None

    def _padded(self, index: int, low: float, high: float) -> Range:
        layers = self._figure.layers if self._figure is not None else ()
        if any(isinstance(layer, Heat) for layer in layers) and high > low:
            return low, high
        span = high / 2 - low / 2
        if not span > 1e-12 * max(abs(low), abs(high)):
            half = 0.5 if self._logs[index] else (0.1 * abs(low) if low else 1.0)
            return max(low - half, -_FARTHEST), min(high + half, _FARTHEST)
        room = 2 * span * _PADDING
        # Bars stand on the axis.
        on_axis = index == 1 and low == 0.0 and any(isinstance(layer, Bars) for layer in layers)
        return max(low if on_axis else low - room, -_FARTHEST), min(high + room, _FARTHEST)

    # Drawing.

    def _choose_still(self, unchanged: int) -> None:
        """Which layers at the bottom have stood still for two updates: those go into the frame's picture."""
        if self._live:
            self._still = min(unchanged, max(self._still, self._unchanged))
            self._unchanged = unchanged
            for index, item in enumerate(self.items.values()):
                item.in_picture = index < self._still

    def _reconcile(self, figure: Figure) -> int:
        """Update the items of layers that stay, add and remove the others.

        Returns how many layers at the bottom are the very same as before.
        """
        before = [item.layer for item in self.items.values()]
        wanted = {layer.key: layer for layer in figure.layers}
        for key in [key for key, item in self.items.items()
                    if key not in wanted or type(item.layer) is not type(wanted[key])]:
            item = self.items.pop(key)
            item.setParentItem(None)  # type: ignore[arg-type]
            scene = item.scene()
            if scene is not None:
                scene.removeItem(item)
        ordered: dict[str, LayerItem[Any]] = {}
        for index, layer in enumerate(figure.layers):
            found = self.items.get(layer.key)
            if found is None:
                found = item_for(layer, self.mapping, self._kit, self.view_box)
            else:
                found.set_layer(layer)
            if found.zValue() != index + 1:
                found.setZValue(index + 1)
            ordered[layer.key] = found
        self.items = ordered
        same = (old is new for old, new in zip(before, figure.layers, strict=False))
        return sum(1 for _ in takewhile(bool, same))

    def _refresh(self) -> None:
        """Lay out, and tell every item what it sees."""
        figure = self._figure
        if figure is None:
            return
        width, height = self._size
        for _ in range(3):
            x, y = self._view_ranges()
            layout = lay_out(figure, self._kit, width, height, x, y, (self._logs[0], self._logs[1]), self._least)
            if layout.plot != self.view_box.geometry():
                self._own_change = True
                self.view_box.setGeometry(layout.plot)
                self._own_change = False
            if self._view_ranges() == (x, y):
                break
        self._least = (layout.tick_space, layout.bar_space)
        self.layout_ = layout
        x, y = self._view_ranges()
        plot = layout.plot
        self.mapping = Mapping(*x, *y, plot.width(), plot.height(), self._logs[0], self._logs[1], self._resolution)
        items = list(self.items.values())
        for item in items:
            item.set_view(self.mapping, self._kit)
            # Here and not in paint: an exception inside Qt's painting ends the process.
            item.prepared()
        self._frame.set_content(self._kit, layout, x, y, self._resolution, tuple(items[:self._still]))
        self._texts.arrange(items, self.mapping, self._kit, self._moving)

    def _view_ranges(self) -> tuple[Range, Range]:
        x, y = self.view_box.viewRange()
        return (float(x[0]), float(x[1])), (float(y[0]), float(y[1]))


def _view_limits(axis: Axis, log: bool) -> Range | None:
    """The axis' own limits in view coordinates; None when there are none that can be shown."""
    if axis.limits is None:
        return None
    low, high = axis.limits
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return None
    if log:
        if high <= 0:
            return None
        return (math.log10(low) if low > 0 else math.log10(high) - 6.0), math.log10(high)
    return max(low, -_FARTHEST), min(high, _FARTHEST)


def _arrays(layer: Layer) -> tuple[object, ...]:
    """What decides how far the view has to reach; markers and segments may run about in it."""
    match layer:
        case Line():
            return layer.x, layer.y
        case Bars():
            return layer.left, layer.right, layer.height
        case Band():
            return layer.x, layer.lower, layer.upper
        case Heat():
            return (layer.values,)
    return ()
