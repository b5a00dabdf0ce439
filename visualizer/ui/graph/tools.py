"""What can be done with a graph as a whole: the same commands in its corner's buttons and in its menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from visualizer.figures.table import figure_tsv
from visualizer.ui.plots.buttons import ButtonRow

if TYPE_CHECKING:
    from visualizer.ui.graph.surface import GraphSurface

#: Pixels between the buttons and the corner.
_EDGE = 6


class GraphButtons(ButtonRow):
    """The tools of one graph, in a row."""

    TOOLS = (
        ("zoom_in", "Zoom in", "Zoom in (+, or the wheel)"),
        ("zoom_out", "Zoom out", "Zoom out (-, or the wheel)"),
        ("selection", "Zoom to the chosen node", "Zoom to the chosen node (Z)"),
        ("map", "Map", "Show or hide the small map of the whole graph (M)"),
        ("fit", "Fit", "Show the whole graph (0, double click on the ground, or Ctrl+0 for every figure)"),
        ("copy", "Copy picture", "Copy the picture to the clipboard (Ctrl+C)"),
        ("export", "Export figure", "Save this graph as PNG, SVG, CSV, DOT or a capture"),
        ("enlarge", "Enlarge figure", "Show this figure large, and again as before (double click on its title, or F)"),
    )


class GraphTools(QObject):
    """Carries out the commands of one canvas' buttons and menu.

    Signals:
        copy_requested, export_requested, enlarge_requested: the figure's name; never without a figure.
    """

    copy_requested = Signal(str)
    export_requested = Signal(str)
    enlarge_requested = Signal(str)

    def __init__(self, canvas: GraphSurface, row: GraphButtons) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._row = row
        self._menu: QMenu | None = None
        for name, slot in (
            ("zoom_in", canvas.zoom_in), ("zoom_out", canvas.zoom_out), ("selection", canvas.zoom_to_selection),
            ("map", canvas.toggle_map), ("fit", canvas.fit), ("copy", self.request_copy), ("export", self._request_export),
            ("enlarge", self.request_enlarged),
        ):
            row.buttons[name].clicked.connect(slot)

    @property
    def width(self) -> int:
        """Pixels of the upper right corner that the buttons take."""
        return self._row.sizeHint().width() + 2 * _EDGE

    def place(self) -> None:
        """Put the buttons into the canvas' corner."""
        size = self._row.sizeHint()
        self._row.setGeometry(self._canvas.width() - size.width() - _EDGE, 1, size.width(), size.height())

    def update(self, chosen: bool, map_on: bool) -> None:
        """What can be done now, and whether the map is on."""
        self._row.buttons["selection"].setEnabled(chosen)
        self._row.buttons["map"].setChecked(map_on)

    def show_menu(self, position: QPoint) -> None:
        """Open the menu at this place of the screen."""
        if self._menu is not None:
            self._menu.deleteLater()
        canvas = self._canvas
        self._menu = QMenu(canvas)
        self._menu.setObjectName("plot.menu")
        self._menu.addAction("Show the whole graph", canvas.fit)
        self._menu.addAction("Zoom to the chosen node", canvas.zoom_to_selection).setEnabled(canvas.chosen >= 0)
        for text, on, slot in (("Map", canvas.map_on, canvas.toggle_map), ("Legend", canvas.legend_open, canvas.toggle_legend)):
            action = self._menu.addAction(text, slot)
            action.setCheckable(True)
            action.setChecked(on)
        self._menu.addAction("Enlarge", self.request_enlarged)
        self._menu.addSeparator()
        self._menu.addAction("Copy picture", self.request_copy)
        self._menu.addAction("Copy data", self._copy_data)
        self._menu.addAction("Export …", self._request_export)
        self._menu.popup(position)

    @Slot()
    def request_copy(self) -> None:
        if self._canvas.figure is not None:
            self.copy_requested.emit(self._canvas.figure.name)

    @Slot()
    def request_enlarged(self) -> None:
        if self._canvas.figure is not None:
            self.enlarge_requested.emit(self._canvas.figure.name)

    @Slot()
    def _request_export(self) -> None:
        if self._canvas.figure is not None:
            self.export_requested.emit(self._canvas.figure.name)

    @Slot()
    def _copy_data(self) -> None:
        if self._canvas.figure is not None:
            QGuiApplication.clipboard().setText(figure_tsv(self._canvas.figure))
