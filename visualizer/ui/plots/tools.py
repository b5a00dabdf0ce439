"""What can be done with a figure as a whole: the same commands in its corner's buttons and in its menu."""

from __future__ import annotations

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QMenu, QWidget

from visualizer.figures.model import Figure
from visualizer.ui.plots.buttons import ButtonRow
from visualizer.ui.plots.figure_tools import FigureTools
from visualizer.ui.plots.scene import FigureItem

_EVERY_MS = 250


class PlotTools(FigureTools):
    """Carries out the commands of one canvas' buttons and menu, and keeps both true to the figure."""

    def __init__(self, canvas: QWidget, item: FigureItem, row: ButtonRow) -> None:
        super().__init__(canvas, row)
        self._item = item
        for name, slot in (("log_x", self._toggle_log_x), ("log_y", self._toggle_log_y), ("fit", self._fit)):
            row.buttons[name].clicked.connect(slot)
        # Which tools make sense is seldom another answer: not asked at every update.
        self._timer = QTimer(self, singleShot=True, interval=_EVERY_MS)
        self._timer.timeout.connect(self.update)

    def shown(self) -> Figure | None:
        return self._item.figure

    def update_soon(self) -> None:
        """As :meth:`update`, at most four times a second."""
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def update(self) -> None:
        """Offer the logarithmic axes that this figure can have."""
        changed = False
        for axis, name, on in ((0, "log_x", self._item.log_x), (1, "log_y", self._item.log_y)):
            button = self._row.buttons[name]
            possible = on or self._item.can_log(axis)
            changed |= button.isHidden() == possible
            button.setVisible(possible)
            button.setChecked(on)
        if changed:
            self.place()

    def fill_menu(self, menu: QMenu) -> None:
        menu.addAction("Fit", self._fit)
        menu.addAction("Enlarge", self.request_enlarged)
        for axis, text, on, slot in (
            (0, "Logarithmic x axis", self._item.log_x, self._toggle_log_x),
            (1, "Logarithmic y axis", self._item.log_y, self._toggle_log_y),
        ):
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(on)
            action.setEnabled(on or self._item.can_log(axis))
            action.triggered.connect(slot)

    @Slot()
    def _fit(self) -> None:
        self._item.fit()

    @Slot(bool)
    def _toggle_log_x(self, on: bool = False) -> None:
        self._item.set_log(x=not self._item.log_x)

    @Slot(bool)
    def _toggle_log_y(self, on: bool = False) -> None:
        self._item.set_log(y=not self._item.log_y)
