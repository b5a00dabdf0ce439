"""A graph shown in a widget: the figure and its successors, the view on it, and the painting.

One widget paints everything: with an item for each node, Qt needs ten times as long.
"""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QWidget

from visualizer.figures.graph import GraphFigure
from visualizer.ui.graph import walking
from visualizer.ui.graph.keyboard import HELP
from visualizer.ui.graph.marks import paint_marks
from visualizer.ui.graph.minimap import MiniMap
from visualizer.ui.graph.opening import READABLE, beside, kept, opened, same_graph, whole
from visualizer.ui.graph.painter import GraphPainter
from visualizer.ui.graph.picking import NOTHING, spoken
from visualizer.ui.graph.picture import Picture
from visualizer.ui.graph.stage import Stage
from visualizer.ui.graph.surround import LEGEND_LEAST, Surround, paint_surround, surround_of
from visualizer.ui.graph.tools import GraphButtons, GraphTools
from visualizer.ui.graph.viewport import SMALLEST_SHARE, Viewport
from visualizer.ui.plots.chips import BusyChip
from visualizer.ui.plots.paint import Kit
from visualizer.ui.theme import Theme

#: After the last turn of the wheel, a scaled picture becomes a sharp one.
_SETTLE_MS = 90
#: What is followed comes so far from the border, as a share of the smaller side.
_AHEAD = 0.3
#: Smaller canvases have no map.
_MAP_LEAST = (420, 300)


class GraphSurface(QWidget):
    """Draws one graph and keeps drawing its successors; what the user does with it is :class:`.canvas.GraphCanvas`'.

    Signals:
        export_requested, copy_requested, enlarge_requested: the figure's name, as of a FigureCanvas.
    """

    export_requested = Signal(str)
    copy_requested = Signal(str)
    enlarge_requested = Signal(str)

    def __init__(self, parent: QWidget | None, theme: Theme | None) -> None:
        super().__init__(parent)
        self._theme = theme or Theme()
        self._kit = Kit(self._theme)
        self.setObjectName("plot")
        self.setAccessibleName("Graph")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setMinimumSize(160, 120)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

        self._figure: GraphFigure | None = None
        self._stage: Stage | None = None
        self._graph: GraphPainter | None = None
        self._viewport = Viewport(1.0, 1.0)
        #: Whose choice the view is: "opened" and "whole" follow what is drawn, "own" stays.
        self._choice: Literal["opened", "whole", "own"] = "opened"
        self._surround = Surround()
        self._picture = Picture()
        #: Ident of the box that the keyboard is at, ahead of the figure that will say so; the ways back that it came by; ident of
        #: what was opened or closed last.
        self._cursor: int | None = None
        self._trail: dict[tuple[int, walking.Direction], int] = {}
        self._anchor: int | None = None
        self._hit = NOTHING
        self._map_wanted = True
        self._legend_wanted: bool | None = None
        #: Where the mouse was last.
        self._last = QPointF()
        self._by_keyboard = False

        self._busy = BusyChip(self)
        self._map = MiniMap(self)
        self._map.moved.connect(self._centre)
        self._buttons = GraphButtons(self)
        self._tools = GraphTools(self, self._buttons)
        self._tools.copy_requested.connect(self.copy_requested)
        self._tools.export_requested.connect(self.export_requested)
        self._tools.enlarge_requested.connect(self.enlarge_requested)
        self._settle = QTimer(self, singleShot=True, interval=_SETTLE_MS)
        self._settle.timeout.connect(self.settle)
        self.set_theme(self._theme)

    # What is shown.

    @property
    def figure(self) -> GraphFigure | None:
        """The figure that is shown; None before the first."""
        return self._figure

    @property
    def stage(self) -> Stage | None:
        """The drawing of the figure, ready to be asked."""
        return self._stage

    @property
    def viewport(self) -> Viewport:
        """The part of the drawing that is seen; its pixels are those of :attr:`scene_rect`."""
        return self._viewport

    @property
    def scene_rect(self) -> QRectF:
        """The part of the canvas in which the graph is seen."""
        return self._surround.scene

    @property
    def surround(self) -> Surround:
        """Where title, badge and legend are."""
        return self._surround

    @property
    def chosen(self) -> int:
        """Row of the box that is chosen and has the keyboard; -1: none."""
        if self._stage is None or self._cursor is None:
            return -1
        return self._stage.row_of.get(self._cursor, -1)

    @property
    def map_on(self) -> bool:
        """Whether the map is shown where the graph does not fit."""
        return self._map_wanted

    @property
    def legend_open(self) -> bool:
        if self._legend_wanted is not None:
            return self._legend_wanted
        return self.width() >= LEGEND_LEAST[0] * self._theme.zoom and self.height() >= LEGEND_LEAST[1] * self._theme.zoom

    def set_figure(self, figure: GraphFigure) -> None:
        """Show this figure. One with the same drawing, or of the same name, leaves the view where the user put it."""
        previous = self._figure
        if figure is previous:
            return
        self._figure = figure
        fresh = previous is None or previous.name != figure.name
        if self._stage is None or previous is None or figure.drawing is not previous.drawing:
            self._show_drawing(figure, fresh)
        elif self._graph is not None and not self._graph.take(figure):
            self._make_painter()
        self._follow_selection(previous)
        self._lay_out()
        if previous is not None and previous.drawing is figure.drawing and previous.active != figure.active:
            self._viewport = self._with_active(self._viewport)
        if fresh or previous is None or previous.title != figure.title:
            self.setAccessibleName(figure.title)
        self._describe()
        self._place_map()
        self.update()

    def _show_drawing(self, figure: GraphFigure, fresh: bool) -> None:
        """Another drawing: a first one is opened; of one folded in another way, what the user looks at stays in its place."""
        old, self._stage = self._stage, Stage(figure.drawing)
        anchor, self._anchor = self._anchor, None
        self._hit, self._trail = NOTHING, {}
        self._make_painter()
        self._lay_out(follow=False)
        if fresh or old is None or not same_graph(old, self._stage):
            if self._choice == "own":
                self._choice = "opened"
        elif self._choice == "own" or anchor is not None:
            inside = self._last - self._surround.scene.topLeft() if self.underMouse() else QPointF(
                self._viewport.width / 2, self._viewport.height / 2)
            stays = kept(old, self._stage, self._viewport, anchor, (inside.x(), inside.y()))
            if stays is not None and self._stage.boxes.meeting(stays.seen).size:
                self._choice = "own"
                self._viewport = stays
                return
            self._choice = "opened"
        self._follow()

    def _make_painter(self) -> None:
        assert self._figure is not None
        assert self._stage is not None
        self._graph = GraphPainter(self._figure, self._stage, self._theme)
        self._picture.clear()
        self._map.set_graph(self._graph)

    def _follow(self) -> None:
        """The view of a user who has chosen none."""
        if self._stage is None or self._choice == "own":
            return
        if self._choice == "whole":
            found = whole(self._stage, self._viewport, self._theme)
        else:
            shaded = self._figure is not None and self._figure.shades is not None
            found = opened(self._stage, self._viewport, self._theme, shaded)
        self._viewport = self._with_active(beside(self._stage, found, self._legend_room()))

    def _legend_room(self) -> tuple[float, float]:
        """Width and height of the lower left corner that the legend covers."""
        legend, scene = self._surround.legend, self._surround.scene
        return (0.0, 0.0) if legend.isEmpty() else (legend.right() - scene.left() + 8.0, scene.bottom() - legend.top() + 8.0)

    def _with_active(self, viewport: Viewport) -> Viewport:
        """The view moved so that the box that computes is in sight, while a pass is stepped; as it is if it is already."""
        figure, stage = self._figure, self._stage
        rows = [row for row in figure.active if 0 <= row < len(stage)] if figure is not None and stage is not None else []
        if not rows:
            return viewport
        assert stage is not None
        box, seen = stage.box(rows[0]), viewport.seen
        if box.left >= seen.left and box.right <= seen.right and box.top >= seen.top and box.bottom <= seen.bottom:
            return viewport
        # Farther than necessary: the next ones are on the same way, and the view would move with every step.
        return viewport.showing(box, _AHEAD * min(viewport.width, viewport.height))

    def _follow_selection(self, previous: GraphFigure | None) -> None:
        figure, stage = self._figure, self._stage
        assert figure is not None
        assert stage is not None
        if figure.selected and 0 <= figure.selected[0] < len(stage):
            self._cursor = int(figure.drawing.boxes.ident[figure.selected[0]])
        elif previous is not None and previous.selected:
            self._cursor = None
        self._tools.update(self.chosen >= 0, self._map_wanted)

    def set_theme(self, theme: Theme) -> None:
        """Other colours, type and strokes, in place."""
        self._theme, self._kit = theme, Kit(theme)
        self._buttons.set_theme(theme)
        self._busy.set_theme(theme)
        if self._stage is not None:
            self._make_painter()
        self._tools.place()
        self._lay_out()
        self._follow()
        self._place_map()
        self.update()

    def set_busy(self, busy: bool) -> None:
        """Say that a newer picture is on its way; appears only when it takes longer than 150 ms."""
        self._busy.set_busy(busy, self._surround.scene)

    def sizeHint(self) -> QSize:
        return QSize(640, 400)

    # The view.

    @Slot()
    def fit(self) -> None:
        """Show the whole graph, and follow it when it is drawn anew."""
        if self._stage is not None:
            self._choice = "whole"
            self._set_viewport(beside(self._stage, whole(self._stage, self._viewport, self._theme), self._legend_room()))

    @Slot()
    def zoom_in(self) -> None:
        self.zoom_at(1.3, QPointF(self._viewport.width / 2, self._viewport.height / 2))

    @Slot()
    def zoom_out(self) -> None:
        self.zoom_at(1 / 1.3, QPointF(self._viewport.width / 2, self._viewport.height / 2))

    @Slot()
    def zoom_to_selection(self) -> None:
        """The chosen box at its natural size, in the middle."""
        row = self.chosen
        if self._stage is not None and row >= 0:
            self._own(self._viewport.fitting(self._stage.box(row), 1.2 * self._theme.zoom))

    @Slot()
    def toggle_map(self) -> None:
        self._map_wanted = not self._map_wanted
        self._tools.update(self.chosen >= 0, self._map_wanted)
        self._place_map()

    @Slot()
    def toggle_legend(self) -> None:
        self._legend_wanted = not self.legend_open
        self._lay_out()
        self.update()

    @Slot(float, float)
    def _centre(self, x: float, y: float) -> None:
        self._own(self._viewport.centred(x, y))

    def zoom_at(self, factor: float, at: QPointF) -> None:
        """Magnify; the place of the scene at these pixels of the viewport stays there."""
        if self._stage is None or not len(self._stage):
            return
        least = SMALLEST_SHARE * min(whole(self._stage, self._viewport, self._theme).zoom, 1.0)
        self._settle.start()
        self._own(self._viewport.zoomed(factor, at.x(), at.y(), least))

    def pan(self, dx: float, dy: float) -> None:
        """Move the picture by so many pixels."""
        self._own(self._viewport.panned(dx, dy))

    @Slot()
    def settle(self) -> None:
        """The hand rests: a scaled picture becomes a sharp one."""
        self._settle.stop()
        if not self._picture.sharp:
            self.update()

    def forget_picture(self) -> None:
        """Paint everything anew the next time."""
        self._picture.clear()
        self.update()

    def _own(self, viewport: Viewport) -> None:
        self._choice = "own"
        self._set_viewport(viewport)

    def _set_viewport(self, viewport: Viewport) -> None:
        if self._stage is not None and self._choice == "own":
            viewport = viewport.within(self._stage.drawing.width, self._stage.drawing.height)
        if viewport != self._viewport:
            self._viewport = viewport
            self._place_map()
            # Not the title and the buttons over it: they stay as they are.
            self.update(self._surround.scene.toAlignedRect())

    def bring(self, row: int) -> None:
        """Move the view, no more than necessary, so that a box is seen; and near enough to read its name."""
        if self._stage is None:
            return
        readable = READABLE * self._theme.zoom
        viewport = self._viewport
        if viewport.zoom < readable:
            box = self._stage.box(row)
            viewport = viewport.zoomed(readable / viewport.zoom, 0.0, 0.0, 0.0).centred((box.left + box.right) / 2,
                                                                                       (box.top + box.bottom) / 2)
        shown = viewport.showing(self._stage.box(row), 48.0)
        if shown != self._viewport:
            self._own(shown)

    # Geometry and painting.

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._tools.place()
        self._lay_out()
        self._follow()
        self._place_map()

    def _lay_out(self, follow: bool = True) -> None:
        """Place title, legend and so on; the graph has the room that is left."""
        if self._figure is None:
            self._surround = Surround(scene=QRectF(0.0, 0.0, self.width(), self.height()))
        else:
            self._surround = surround_of(self._figure, self._kit, self.width(), self.height(), tools=self._tools.width,
                                         legend=self.legend_open)
        scene = self._surround.scene
        if (scene.width(), scene.height()) != (self._viewport.width, self._viewport.height):
            self._viewport = self._viewport.resized(scene.width(), scene.height())
            if follow:
                self._follow()

    def _place_map(self) -> None:
        stage, scene = self._stage, self._surround.scene
        seen = self._viewport.seen
        fits = stage is None or (seen.left <= 1.0 and seen.top <= 1.0 and seen.right >= stage.drawing.width - 1.0
                                 and seen.bottom >= stage.drawing.height - 1.0)
        shown = self._map_wanted and not fits and self.width() >= _MAP_LEAST[0] and self.height() >= _MAP_LEAST[1]
        if shown:
            size = self._map.sizeHint()
            badge = self._surround.badge
            bottom = round(badge.top() if not badge.isEmpty() else scene.bottom())
            self._map.setGeometry(round(scene.right()) - size.width() - 8, bottom - size.height() - 8, size.width(), size.height())
            self._map.set_seen(seen)
        if self._map.isHidden() == shown:
            self._map.setVisible(shown)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), QColor(self._theme.palette.background))
        figure, graph, scene = self._figure, self._graph, self._surround.scene
        if figure is not None and graph is not None:
            if len(graph.stage):
                moving = self._settle.isActive()
                pixmap, viewport = self._picture.show(graph, self._viewport, self.devicePixelRatioF(), moving)
                painter.save()
                painter.setClipRect(scene)
                origin = scene.topLeft()
                painter.translate(origin)
                painter.drawPixmap(QPointF(0.0, 0.0), pixmap)
                over = [area.translated(-origin) for area in (self._surround.legend, self._surround.badge) if not area.isEmpty()]
                if not self._map.isHidden():
                    over.append(QRectF(self._map.geometry()).translated(-origin))
                paint_marks(painter, graph, viewport, self.chosen, self._hit.row if self._hit.kind == "box" else -1,
                            self._hit.row if self._hit.kind == "edge" else -1, tuple(over))
                painter.restore()
            paint_surround(painter, self._kit, figure, self._surround)
        if self.hasFocus() and self._by_keyboard:
            painter.setPen(QPen(QColor(self._theme.palette.accent), 2.0))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), 4, 4)
        painter.end()

    def _describe(self) -> None:
        """What a screen reader says."""
        figure, row = self._figure, self.chosen
        if figure is None:
            return
        chosen = f"Selected: {spoken(figure, row)}. " if row >= 0 and self._stage is not None else ""
        text = f"{chosen}{figure.note} {HELP}".strip()
        if text != self.accessibleDescription():
            self.setAccessibleDescription(text)
