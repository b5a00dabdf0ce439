"""A figure in the window: shows it, lets the user look around in it, and turns the mouse and keys into gestures."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QToolTip, QWidget

from visualizer.base.experiment import Gesture
from visualizer.figures.model import Figure
from visualizer.ui.plots.buttons import ButtonRow
from visualizer.ui.plots.chips import BusyChip, ReadoutChip
from visualizer.ui.plots.keyboard import HELP, Command, command_of
from visualizer.ui.plots.layout import legend_layers
from visualizer.ui.plots.overlay import OverlayItem
from visualizer.ui.plots.picking import Target, drawn_inside, pick, reading, targets
from visualizer.ui.plots.scene import FigureItem
from visualizer.ui.plots.tools import PlotTools
from visualizer.ui.theme import Theme

#: Pixels that the mouse moves before a press is a drag.
_DRAG_START = 4
_READOUT_EVERY_MS = 16
_NUDGE = 0.01


class FigureCanvas(QWidget):
    """Draws one figure and keeps drawing its successors.

    Signals:
        gesture: a :class:`~visualizer.base.experiment.Gesture`: ``drag`` while an element is dragged, ``drop`` at the
            end of it (or after a nudge by keyboard), ``click``.
        export_requested: the figure's name; whoever owns the canvas asks for a file and saves.
        copy_requested: the figure's name; the picture belongs on the clipboard.
        enlarge_requested: the figure's name; whoever owns the canvas shows it alone, or again among the others.
    """

    gesture = Signal(object)
    export_requested = Signal(str)
    copy_requested = Signal(str)
    enlarge_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None, theme: Theme | None = None) -> None:
        super().__init__(parent)
        self._theme = theme or Theme()
        self.setObjectName("plot")
        self.setAccessibleName("Figure")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 120)

        self._scene = QGraphicsScene(self)
        self._scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self._item = FigureItem(self._theme, live=True)
        self._scene.addItem(self._item)
        self._overlay = OverlayItem(self._theme)
        self._scene.addItem(self._overlay)
        self._view = QGraphicsView(self._scene, self)
        self._view.setFrameShape(QFrame.Shape.NoFrame)
        self._view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._view.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._view.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.BoundingRectViewportUpdate)
        self._view.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        # The scene fills it with a background of its own.
        self._view.viewport().setAutoFillBackground(False)
        self._view.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        # The view only shows; all events are the canvas' own.
        self._view.setInteractive(False)
        self._view.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

        self._readout = ReadoutChip("plot.readout", self)
        self._busy = BusyChip(self)
        self._buttons = ButtonRow(self)
        self._tools = PlotTools(self, self._item, self._buttons)
        self._tools.copy_requested.connect(self.copy_requested)
        self._tools.export_requested.connect(self.export_requested)
        self._tools.enlarge_requested.connect(self.enlarge_requested)

        self._readout_timer = QTimer(self, singleShot=True, interval=_READOUT_EVERY_MS)
        self._readout_timer.timeout.connect(self._show_readout)

        self._pressed: QPointF | None = None
        self._last = QPointF()
        self._mode: Literal["", "press", "drag", "pan"] = ""
        self._grabbed: Target | None = None
        self._offset = QPointF()
        self._selected: Target | None = None
        self._by_keyboard = False
        self._item.view_changed.connect(self._view_changed)
        self.set_theme(self._theme)

    # What is shown.

    @property
    def figure(self) -> Figure | None:
        """The figure that is shown; None before the first."""
        return self._item.figure

    @property
    def item(self) -> FigureItem:
        """The drawn figure."""
        return self._item

    def set_figure(self, figure: Figure) -> None:
        """Show this figure; one of the same name is an update and leaves the view where the user put it."""
        previous = self._item.figure
        if figure is previous:
            return
        if previous is None or previous.name != figure.name:
            self._selected = None
            self._release()
        self._item.set_figure(figure)
        if previous is None or (previous.title, previous.note) != (figure.title, figure.note):
            self.setAccessibleName(figure.title)
            self.setAccessibleDescription(f"{figure.note} {HELP}".strip())
        self._tools.update_soon()
        self._update_overlay()
        # What it names may have moved; it comes again when the mouse moves.
        self._hide_readout()

    def set_theme(self, theme: Theme) -> None:
        """Other colours, type and strokes, in place."""
        self._theme = theme
        self._item.set_theme(theme)
        self._buttons.set_theme(theme)
        self._view.setBackgroundBrush(QColor(theme.palette.background))
        self._readout.set_theme(theme)
        self._busy.set_theme(theme)
        self._hide_readout()
        self._tools.place()
        self._update_overlay()

    def set_busy(self, busy: bool) -> None:
        """Say that a newer picture is on its way; appears only when it takes longer than 150 ms."""
        self._busy.set_busy(busy, self._item.plot_rect)

    @Slot()
    def fit(self) -> None:
        """Show everything and follow the data again."""
        self._item.fit()

    def sizeHint(self) -> QSize:
        return QSize(640, 400)

    # Geometry and state.

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        width, height = self.width(), self.height()
        self._view.setGeometry(0, 0, width, height)
        self._scene.setSceneRect(0.0, 0.0, width, height)
        self._item.set_size(width, height, self.devicePixelRatioF())
        self._tools.place()
        self._hide_readout()
        self._update_overlay()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.DevicePixelRatioChange:
            self._item.set_size(self.width(), self.height(), self.devicePixelRatioF())
        elif event.type() == QEvent.Type.ToolTip:
            tip = self._tip(self._last)
            if not tip:
                QToolTip.hideText()
            else:
                QToolTip.showText(self.mapToGlobal(self._last.toPoint()) + QPoint(8, 12), tip, self)
            return True
        return super().event(event)

    def _tip(self, position: QPointF) -> str:
        """What an element says about itself; over the title strip the words that had no room there."""
        figure, layout = self.figure, self._item.layout_
        if figure is None:
            return ""
        if self._on_title(position):
            cut = (layout.title, layout.note) != ([figure.title], [figure.note] if figure.note else [])
            named = {text for _, text, _, _ in layout.legend}
            rest = [layer.label for layer in legend_layers(figure) if layer.label not in named]
            return "\n".join(filter(None, [figure.title, figure.note, ", ".join(rest)])) if cut or rest else ""
        target = pick(self._item, *self._in_plot(position))
        return target.tip if target is not None else ""

    def _on_title(self, position: QPointF) -> bool:
        """Over title, note and legend."""
        return position.y() < self._item.plot_rect.top()

    def _hide_readout(self) -> None:
        self._readout_timer.stop()
        self._readout.hide()

    def _update_overlay(self) -> None:
        target = self._selected_target()
        if target is not None:
            self._selected = target
        self._overlay.show_state(self._theme, QRectF(0, 0, self.width(), self.height()), self._item.plot_rect, target,
                                 self.hasFocus() and self._by_keyboard)

    def _selected_target(self) -> Target | None:
        """The selected element as it is now: the one of the same layer and number, or, when a point that was
        switched off went into another layer, the one of the same name and place."""
        old = self._selected
        if old is None:
            return None
        found = targets(self._item)
        same = [t for t in found if (t.layer, t.index, t.name) == (old.layer, old.index, old.name)]
        there = [t for t in found if (t.x, t.y, t.name) == (old.x, old.y, old.name)]
        return next(iter(same + there), None)

    @Slot()
    def _view_changed(self) -> None:
        self._hide_readout()
        self._tools.update()
        self._update_overlay()

    @Slot()
    def _show_readout(self) -> None:
        if self._mode == "pan" or not self.underMouse():
            self._readout.hide()
            return
        plot = self._item.plot_rect
        found = reading(self._item, *self._in_plot(self._last))
        self._readout.show_text(found.text, plot, (self._last, plot.topLeft() + QPointF(found.px, found.py)),
                                self._covered)

    def _covered(self, area: QRectF) -> int:
        """How much of the figure lies under a rectangle of the canvas."""
        inside = area.translated(-self._item.plot_rect.topLeft())
        return drawn_inside(self._item, inside.left(), inside.top(), inside.right(), inside.bottom())

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.figure is None:
            return
        self._tools.show_menu(event.globalPos())
        event.accept()

    # Mouse.

    def _in_plot(self, position: QPointF) -> tuple[float, float]:
        plot = self._item.plot_rect
        return position.x() - plot.left(), position.y() - plot.top()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self.figure is None:
            event.ignore()
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pressed = self._last = event.position()
        x, y = self._in_plot(self._pressed)
        self._grabbed = pick(self._item, x, y)
        self._mode = "press"
        if self._grabbed is not None:
            # The element keeps its place under the pointer: it does not jump to it.
            self._offset = QPointF(self._grabbed.px - x, self._grabbed.py - y)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        if self._mode == "press" and self._pressed is not None:
            moved = (position - self._pressed).manhattanLength() >= _DRAG_START
            if moved and self._grabbed is not None and self._grabbed.drag:
                self._mode = "drag"
                self._item.held = True
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
            elif moved and self._grabbed is None and self._item.plot_rect.contains(self._pressed):
                self._mode = "pan"
                self._item.set_moving(True)
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._mode == "pan":
            self._item.pan(position.x() - self._last.x(), position.y() - self._last.y())
        self._last = position
        if self._mode == "drag":
            self._send("drag", position)
        elif not self._mode:
            self._update_cursor()
        if not self._readout_timer.isActive():
            self._readout_timer.start()
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or not self._mode:
            event.ignore()
            return
        grabbed, mode = self._grabbed, self._mode
        self._last = event.position()
        if mode == "drag":
            self._item.held = False
            self._send("drop", self._last)
        self._release()
        if mode == "press" and grabbed is not None:
            self._selected = grabbed
            if grabbed.click:
                self._emit("click", grabbed, grabbed.x, grabbed.y)
            self._update_overlay()
        self._update_cursor()
        event.accept()

    def _release(self) -> None:
        """Forget a press; what is dragged is let go without a gesture."""
        self._mode, self._grabbed, self._pressed = "", None, None
        self._item.held = False
        self._item.set_moving(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            event.ignore()
        elif pick(self._item, *self._in_plot(event.position())) is not None:
            self.mousePressEvent(event)
        else:
            self._release()
            if self._on_title(event.position()):
                self._tools.request_enlarged()
            else:
                self.fit()
            event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta().y() or event.angleDelta().x()
        if not delta or self.figure is None:
            event.ignore()
            return
        factor = 1.0015 ** -max(-480, min(480, delta))
        x, y = self._in_plot(event.position())
        plot = self._item.plot_rect
        # Over an axis, or with a key, only one direction.
        only_x = y > plot.height() or event.modifiers() & Qt.KeyboardModifier.ShiftModifier
        only_y = x < 0 or event.modifiers() & Qt.KeyboardModifier.ControlModifier
        center = QPointF(min(max(x, 0.0), plot.width()), min(max(y, 0.0), plot.height()))
        self._item.zoom(1.0 if only_y and not only_x else factor, 1.0 if only_x and not only_y else factor, center)
        event.accept()

    def _send(self, kind: Literal["drag", "drop"], position: QPointF) -> None:
        grabbed = self._grabbed
        if grabbed is None:
            return
        x, y = self._in_plot(position + self._offset)
        mapping = self._item.mapping
        self._emit(kind, grabbed, mapping.x_at(x) if "x" in grabbed.drag else grabbed.x,
                   mapping.y_at(y) if "y" in grabbed.drag else grabbed.y)

    def _emit(self, kind: Literal["click", "drag", "drop"], target: Target, x: float, y: float) -> None:
        if self.figure is not None:
            self.gesture.emit(Gesture(kind, self.figure.name, target.layer, target.index, x, y))

    def _update_cursor(self) -> None:
        target = pick(self._item, *self._in_plot(self._last)) if self.figure is not None else None
        shape = Qt.CursorShape.ArrowCursor
        if target is not None:
            if target.kind == "vertical rule":
                shape = Qt.CursorShape.SizeHorCursor
            elif target.kind in ("horizontal rule", "bar"):
                shape = Qt.CursorShape.SizeVerCursor
            else:
                shape = Qt.CursorShape.OpenHandCursor if target.drag else Qt.CursorShape.PointingHandCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._buttons.set_revealed(True)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._buttons.set_revealed(self.hasFocus())
        self._hide_readout()
        super().leaveEvent(event)

    # Keyboard.

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._buttons.set_revealed(True)
        self._by_keyboard = event.reason() in (
            Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason,
        )
        self._update_overlay()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._buttons.set_revealed(self.underMouse())
        self._update_overlay()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        self._hide_readout()
        command = command_of(event) if self.figure is not None else None
        if command is None or not self._obey(command):
            event.ignore()

    def _obey(self, command: Command) -> bool:
        """Do what a key asks for; False when there is nothing to do it with."""
        target = self._selected_target()
        match command.name:
            case "select":
                return self._select_next(command.dx)
            case "nudge":
                return self._nudge(command.dx, command.dy)
            case "copy":
                self._tools.request_copy()
            case "zoom":
                plot = self._item.plot_rect
                factor = 0.8 if command.dx > 0 else 1.25
                self._item.zoom(factor, factor, QPointF(plot.width() / 2, plot.height() / 2))
            case "click":
                if target is None or not target.click:
                    return False
                self._emit("click", target, target.x, target.y)
            case "deselect":
                if self._selected is None:
                    return False
                self._selected = None
                self._update_overlay()
        return True

    def _select_next(self, step: int) -> bool:
        found = targets(self._item)
        if not found:
            return False
        current = self._selected_target()
        if current is not None:
            position = (found.index(current) + step) % len(found)
        else:
            position = 0 if step > 0 else len(found) - 1
        target = self._selected = found[position]
        self._by_keyboard = True
        self._update_overlay()
        where = f"x {target.x:.4g}, y {target.y:.4g}"
        self.setAccessibleDescription(f"Selected: {target.name or target.layer}, {where}. {HELP}")
        return True

    def _nudge(self, dx: int, dy: int) -> bool:
        """Move the selected element by a hundredth of the view."""
        target = self._selected_target()
        if target is None or ("x" if dx else "y") not in target.drag:
            return target is not None
        m = self._item.mapping
        x = m.x_at(target.px + dx * _NUDGE * m.width) if dx else target.x
        y = m.y_at(target.py - dy * _NUDGE * m.height) if dy else target.y
        self._emit("drop", target, x, y)
        return True
