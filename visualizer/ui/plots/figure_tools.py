"""What can be done with any figure as a whole: copied, exported, enlarged; by its corner's buttons and by its menu."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from visualizer.figures.table import figure_tsv
from visualizer.ui.plots.buttons import ButtonRow

if TYPE_CHECKING:
    from visualizer.figures.graph import AnyFigure

#: Pixels between the buttons and the corner.
EDGE = 6


class FigureTools(QObject):
    """Carries out what the buttons and the menu of every canvas have in common; a subclass adds what is its own.

    Signals:
        copy_requested, export_requested, enlarge_requested: the figure's name; never without a figure.
    """

    copy_requested = Signal(str)
    export_requested = Signal(str)
    enlarge_requested = Signal(str)

    def __init__(self, canvas: QWidget, row: ButtonRow) -> None:
        super().__init__(canvas)
        self._over = canvas
        self._row = row
        self._menu: QMenu | None = None
        row.buttons["copy"].clicked.connect(self.request_copy)
        row.buttons["export"].clicked.connect(self._request_export)
        row.buttons["enlarge"].clicked.connect(self.request_enlarged)

    @abstractmethod
    def shown(self) -> AnyFigure | None:
        """The figure that is shown."""

    @abstractmethod
    def fill_menu(self, menu: QMenu) -> None:
        """What the menu has above the separator."""

    def place(self) -> None:
        """Put the buttons into the canvas' corner."""
        size = self._row.sizeHint()
        self._row.setGeometry(self._over.width() - size.width() - EDGE, 1, size.width(), size.height())

    def show_menu(self, position: QPoint) -> None:
        """Open the menu at this place of the screen."""
        if self._menu is not None:
            self._menu.deleteLater()
        self._menu = QMenu(self._over)
        self._menu.setObjectName("plot.menu")
        self.fill_menu(self._menu)
        self._menu.addSeparator()
        self._menu.addAction("Copy picture", self.request_copy)
        self._menu.addAction("Copy data", self._copy_data)
        self._menu.addAction("Export …", self._request_export)
        self._menu.popup(position)

    @Slot()
    def request_copy(self) -> None:
        figure = self.shown()
        if figure is not None:
            self.copy_requested.emit(figure.name)

    @Slot()
    def request_enlarged(self) -> None:
        figure = self.shown()
        if figure is not None:
            self.enlarge_requested.emit(figure.name)

    @Slot()
    def _request_export(self) -> None:
        figure = self.shown()
        if figure is not None:
            self.export_requested.emit(figure.name)

    @Slot()
    def _copy_data(self) -> None:
        figure = self.shown()
        if figure is not None:
            QGuiApplication.clipboard().setText(figure_tsv(figure))
