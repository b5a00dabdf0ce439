"""What can be done with a graph as a whole: the same commands in its corner's buttons and in its menu."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QMenu

from visualizer.ui.plots.buttons import ButtonRow
from visualizer.ui.plots.figure_tools import EDGE, FigureTools

if TYPE_CHECKING:
    from visualizer.figures.graph import GraphFigure
    from visualizer.ui.graph.surface import GraphSurface


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


class GraphTools(FigureTools):
    """Carries out the commands of one canvas' buttons and menu."""

    def __init__(self, canvas: GraphSurface, row: GraphButtons) -> None:
        super().__init__(canvas, row)
        self._canvas = canvas
        for name, slot in (
            ("zoom_in", canvas.zoom_in), ("zoom_out", canvas.zoom_out), ("selection", canvas.zoom_to_selection),
            ("map", canvas.toggle_map), ("fit", canvas.fit),
        ):
            row.buttons[name].clicked.connect(slot)

    @property
    def width(self) -> int:
        """Pixels of the upper right corner that the buttons take."""
        return self._row.sizeHint().width() + 2 * EDGE

    def shown(self) -> GraphFigure | None:
        return self._canvas.figure

    def update(self, chosen: bool, map_on: bool) -> None:
        """What can be done now, and whether the map is on."""
        self._row.buttons["selection"].setEnabled(chosen)
        self._row.buttons["map"].setChecked(map_on)

    def fill_menu(self, menu: QMenu) -> None:
        canvas = self._canvas
        menu.addAction("Show the whole graph", canvas.fit)
        menu.addAction("Zoom to the chosen node", canvas.zoom_to_selection).setEnabled(canvas.chosen >= 0)
        for text, on, slot in (("Map", canvas.map_on, canvas.toggle_map), ("Legend", canvas.legend_open, canvas.toggle_legend)):
            action = menu.addAction(text, slot)
            action.setCheckable(True)
            action.setChecked(on)
        menu.addAction("Enlarge", self.request_enlarged)
