"""A graph in the window: turns mouse and keys into gestures.

Same interface as :class:`visualizer.ui.plots.canvas.FigureCanvas`.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Signal, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QShortcut,
    QWheelEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from visualizer.base.experiment import Gesture
from visualizer.ui.graph import walking
from visualizer.ui.graph.keyboard import Command, command_of
from visualizer.ui.graph.picking import NOTHING, Hit, hit_at, tip_of
from visualizer.ui.graph.surface import GraphSurface
from visualizer.ui.theme import Theme

#: Pixels that the mouse moves before a press is a drag.
_DRAG_START = 4
_PAN = 90.0


class GraphCanvas(GraphSurface):
    """Draws one graph and keeps drawing its successors.

    Signals:
        gesture: a :class:`~visualizer.base.experiment.Gesture`, always a ``click``, at scene coordinates: layer ``node`` (``index``
            is the box' ident), ``toggle`` (a group or a repetition is to be opened or closed), ``background``.

    Args:
        played: whether a run is stepped beside it: Left and Right are then for the steps.
    """

    gesture = Signal(object)

    def __init__(self, parent: QWidget | None = None, theme: Theme | None = None, *, played: bool = False) -> None:
        super().__init__(parent, theme)
        self._played = played
        self._pressed: QPointF | None = None
        self._panning = False
        # Of the window: who types what to look for has the focus elsewhere.
        QShortcut(QKeySequence("F3"), self, self.next_found)
        QShortcut(QKeySequence("Shift+F3"), self, self.previous_found)

    # Mouse.

    def _hit_at(self, position: QPointF) -> Hit:
        if self._graph is None or self._surround.badge.contains(position):
            return NOTHING
        if self._surround.head.contains(position):
            return Hit("legend")
        scene = self._surround.scene
        if self._surround.legend.contains(position) or not scene.contains(position):
            return NOTHING
        return hit_at(self._graph, self._viewport, position.x() - scene.left(), position.y() - scene.top())

    def _send(self, layer: Literal["node", "toggle", "background"], ident: int, position: QPointF) -> None:
        if self._figure is None:
            return
        scene = self._surround.scene
        if layer == "toggle":
            self._anchor = ident
        x, y = self._viewport.to_scene(position.x() - scene.left(), position.y() - scene.top())
        self.gesture.emit(Gesture("click", self._figure.name, layer, ident, x, y))

    def _choose(self, row: int, position: QPointF | None = None, chip: int = -1) -> None:
        """This box, or one of its chips, is the one from now on; the figure that says so follows."""
        assert self._stage is not None
        ident = int(self._stage.drawing.boxes.ident[row])
        self._cursor = ident
        if position is None:
            box = self._stage.box(row)
            px, py = self._viewport.to_pixels((box.left + box.right) / 2, (box.top + box.bottom) / 2)
            position = self._surround.scene.topLeft() + QPointF(px, py)
        self._describe()
        self._tools.update(True, self._map_wanted)
        self.update()
        if chip >= 0:
            ident = self._stage.drawing.boxes.badge_idents[row][chip]
        self._send("node", ident, position)

    def _click(self, position: QPointF) -> None:
        hit, stage = self._hit_at(position), self._stage
        if stage is None:
            return
        match hit.kind:
            case "legend":
                self.toggle_legend()
            case "frame":
                self._send("toggle", int(stage.drawing.frames.ident[hit.row]), position)
            case "box":
                self._choose(hit.row, position, hit.chip)
            case "edge":
                self._follow_edge(hit.row, position)
            case "nothing" if self._surround.scene.contains(position) and not self._surround.legend.contains(position):
                self._deselect(position)

    def _follow_edge(self, edge: int, position: QPointF) -> None:
        """Go to the end of an edge that is out of sight, or to the farther one."""
        assert self._stage is not None
        edges = self._stage.drawing.edges
        scene = self._surround.scene
        x, y = self._viewport.to_scene(position.x() - scene.left(), position.y() - scene.top())
        ends = [int(edges.source[edge]), int(edges.target[edge])]
        boxes = [self._stage.box(row) for row in ends]
        far = [abs((b.left + b.right) / 2 - x) + abs((b.top + b.bottom) / 2 - y) for b in boxes]
        row = ends[far.index(max(far))]
        self.bring(row)
        self._choose(row)

    def _deselect(self, position: QPointF) -> None:
        self._cursor = None
        self._trail = {}
        self._describe()
        self._tools.update(False, self._map_wanted)
        self.update()
        self._send("background", 0, position)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._figure is None:
            event.ignore()
            return
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pressed = self._last = event.position()
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        position = event.position()
        if self._pressed is not None and not self._panning and self._surround.scene.contains(self._pressed):
            moved = (position - self._pressed).manhattanLength() >= _DRAG_START
            if moved and not self._surround.legend.contains(self._pressed):
                self._panning = True
                self._set_hit(NOTHING)
                self._last = self._pressed
                self.setCursor(Qt.CursorShape.ClosedHandCursor)
        if self._panning:
            self.pan(position.x() - self._last.x(), position.y() - self._last.y())
        elif self._pressed is None:
            self._set_hit(self._hit_at(position))
        self._last = position
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._pressed is None:
            event.ignore()
            return
        panned, self._panning, self._pressed = self._panning, False, None
        self._last = event.position()
        if not panned:
            self._click(event.position())
        self._set_hit(self._hit_at(event.position()))
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton or self._figure is None:
            event.ignore()
            return
        position = event.position()
        hit = self._hit_at(position)
        if hit.kind == "box" and self._figure.drawing.boxes.foldable[hit.row]:
            self._send("toggle", int(self._figure.drawing.boxes.ident[hit.row]), position)
        elif position.y() < self._surround.scene.top():
            self._tools.request_enlarged()
        elif hit.kind == "nothing" and self._surround.scene.contains(position) and not self._surround.legend.contains(position):
            self.fit()
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        delta = event.angleDelta().y() or event.angleDelta().x()
        scene = self._surround.scene
        if not delta or self._figure is None:
            event.ignore()
            return
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.pan(0.75 * delta, 0.0)
        else:
            at = event.position() - scene.topLeft()
            at = QPointF(min(max(at.x(), 0.0), scene.width()), min(max(at.y(), 0.0), scene.height()))
            self.zoom_at(1.0018 ** max(-480, min(480, delta)), at)
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self._figure is not None:
            self._tools.show_menu(event.globalPos())
            event.accept()

    def _set_hit(self, hit: Hit) -> None:
        shape = Qt.CursorShape.ArrowCursor if hit.kind == "nothing" else Qt.CursorShape.PointingHandCursor
        if self.cursor().shape() != shape:
            self.setCursor(shape)
        if hit != self._hit:
            self._hit = hit
            self.update()

    def enterEvent(self, event: QEnterEvent) -> None:
        self._buttons.set_revealed(True)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._buttons.set_revealed(self.hasFocus())
        self._set_hit(NOTHING)
        super().leaveEvent(event)

    # Keyboard.

    def event(self, event: QEvent) -> bool:
        match event.type():
            case QEvent.Type.DevicePixelRatioChange:
                self.forget_picture()
            case QEvent.Type.ToolTip:
                tip = self._tip()
                if tip:
                    QToolTip.showText(self.mapToGlobal(self._last.toPoint()) + QPoint(8, 12), tip, self)
                else:
                    QToolTip.hideText()
                return True
            case QEvent.Type.ShortcutOverride if isinstance(event, QKeyEvent):
                # Arrows are the transport bar's unless a box is chosen that they can walk from.
                command = command_of(event, self.chosen >= 0, self._played) if self._figure is not None else None
                if command is not None and (command.name != "deselect" or self.chosen >= 0):
                    event.accept()
                    return True
        return super().event(event)

    def _tip(self) -> str:
        if self._figure is None:
            return ""
        if self._last.y() < self._surround.scene.top():
            cut = self._surround.title != self._figure.title or " ".join(self._surround.note) != self._figure.note
            return "\n".join(filter(None, (self._figure.title, self._figure.note))) if cut else ""
        return tip_of(self._figure, self._hit)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._buttons.set_revealed(True)
        self._by_keyboard = event.reason() in (
            Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason, Qt.FocusReason.ShortcutFocusReason,
        )
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._buttons.set_revealed(self.underMouse())
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        command = command_of(event, self.chosen >= 0, self._played) if self._figure is not None else None
        if command is None or not self._obey(command):
            event.ignore()

    def _obey(self, command: Command) -> bool:
        """Do what a key asks for; False when there is nothing to do it with."""
        assert self._figure is not None
        row = self.chosen
        match command.name:
            case "walk":
                self._walk(command.direction)
            case "pan":
                dx, dy = {"left": (1, 0), "right": (-1, 0), "up": (0, 1), "down": (0, -1)}[command.direction]
                self.pan(dx * _PAN, dy * _PAN)
            case "zoom":
                self.zoom_in() if command.step > 0 else self.zoom_out()
            case "selection":
                self.zoom_to_selection()
            case "whole":
                self.fit()
            case "map":
                self.toggle_map()
            case "copy":
                self._tools.request_copy()
            case "toggle":
                return self._toggle(row)
            case "deselect":
                if row < 0:
                    return False
                self._deselect(self._surround.scene.center())
        return True

    def _toggle(self, row: int) -> bool:
        """Open the chosen box; of one that cannot be opened, close the innermost group around it."""
        if row < 0 or self._stage is None:
            return False
        drawing, box = self._stage.drawing, self._stage.box(row)
        middle = QPointF(*self._viewport.to_pixels((box.left + box.right) / 2, (box.top + box.bottom) / 2))
        position = self._surround.scene.topLeft() + middle
        if drawing.boxes.foldable[row]:
            self._send("toggle", int(drawing.boxes.ident[row]), position)
            return True
        around = [frame for frame in self._stage.frames.meeting(box).tolist() if self._stage.frame(frame).left <= box.left
                  and self._stage.frame(frame).right >= box.right and self._stage.frame(frame).top <= box.top
                  and self._stage.frame(frame).bottom >= box.bottom]
        if not around:
            return False
        innermost = max(around, key=lambda frame: int(drawing.frames.depth[frame]))
        self._send("toggle", int(drawing.frames.ident[innermost]), position)
        return True

    def _walk(self, direction: walking.Direction) -> None:
        stage, row = self._stage, self.chosen
        if stage is None:
            return
        if row < 0:
            x, y = self._viewport.to_scene(self._viewport.width / 2, self._viewport.height / 2)
            found = walking.first_row(stage, x, y, stage.boxes.meeting(self._viewport.seen))
        else:
            found = walking.next_row(stage, row, direction, self._trail.get((row, direction), -1))
        if found >= 0:
            self._trail[found, walking.BACK[direction]] = row
            self._by_keyboard = True
            self.bring(found)
            self._choose(found)

    def _go_found(self, step: int) -> None:
        """The next or previous box that the search has found, from the chosen one, round and round."""
        figure, stage = self._figure, self._stage
        if figure is None or stage is None:
            return
        rows = [row for row in figure.found if 0 <= row < len(stage)]
        if not rows:
            return
        at = rows.index(self.chosen) if self.chosen in rows else (-1 if step > 0 else 0)
        row = rows[(at + step) % len(rows)]
        self.bring(row)
        self._choose(row)

    @Slot()
    def next_found(self) -> None:
        self._go_found(1)

    @Slot()
    def previous_found(self) -> None:
        self._go_found(-1)
