"""What can be done with a figure as a whole: the same commands in its corner's buttons and in its menu."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QTimer, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from visualizer.figures.table import figure_tsv
from visualizer.ui.plots.buttons import ButtonRow
from visualizer.ui.plots.scene import FigureItem

_EVERY_MS = 250
#: Pixels between the buttons and the corner.
_EDGE = 6


class PlotTools(QObject):
    """Carries out the commands of one canvas' buttons and menu, and keeps both true to the figure.

    Signals:
        copy_requested, export_requested, enlarge_requested: the figure's name; never without a figure.
    """

    copy_requested = Signal(str)
    export_requested = Signal(str)
    enlarge_requested = Signal(str)

    def __init__(self, canvas: QWidget, item: FigureItem, row: ButtonRow) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._item = item
        self._row = row
        self._menu: QMenu | None = None
        for name, slot in (
            ("log_x", self._toggle_log_x), ("log_y", self._toggle_log_y), ("fit", self._fit),
            ("copy", self.request_copy), ("export", self._request_export), ("enlarge", self.request_enlarged),
        ):
            row.buttons[name].clicked.connect(slot)
        # Which tools make sense is seldom another answer: not asked at every update.
        self._timer = QTimer(self, singleShot=True, interval=_EVERY_MS)
        self._timer.timeout.connect(self.update)

    def place(self) -> None:
        """Put the buttons into the canvas' corner."""
        size = self._row.sizeHint()
        self._row.setGeometry(self._canvas.width() - size.width() - _EDGE, 1, size.width(), size.height())

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

    def show_menu(self, position: QPoint) -> None:
        """Open the menu at this place of the screen."""
        if self._menu is not None:
            self._menu.deleteLater()
        self._menu = QMenu(self._canvas)
        self._menu.setObjectName("plot.menu")
        self._menu.addAction("Fit", self._fit)
        self._menu.addAction("Enlarge", self.request_enlarged)
        for axis, text, on, slot in (
            (0, "Logarithmic x axis", self._item.log_x, self._toggle_log_x),
            (1, "Logarithmic y axis", self._item.log_y, self._toggle_log_y),
        ):
            action = self._menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(on)
            action.setEnabled(on or self._item.can_log(axis))
            action.triggered.connect(slot)
        self._menu.addSeparator()
        self._menu.addAction("Copy picture", self.request_copy)
        self._menu.addAction("Copy data", self._copy_data)
        self._menu.addAction("Export …", self._request_export)
        self._menu.popup(position)

    @Slot()
    def request_copy(self) -> None:
        if self._item.figure is not None:
            self.copy_requested.emit(self._item.figure.name)

    @Slot()
    def request_enlarged(self) -> None:
        if self._item.figure is not None:
            self.enlarge_requested.emit(self._item.figure.name)

    @Slot()
    def _request_export(self) -> None:
        if self._item.figure is not None:
            self.export_requested.emit(self._item.figure.name)

    @Slot()
    def _copy_data(self) -> None:
        if self._item.figure is not None:
            QGuiApplication.clipboard().setText(figure_tsv(self._item.figure))

    @Slot()
    def _fit(self) -> None:
        self._item.fit()

    @Slot(bool)
    def _toggle_log_x(self, on: bool = False) -> None:
        self._item.set_log(x=not self._item.log_x)

    @Slot(bool)
    def _toggle_log_y(self, on: bool = False) -> None:
        self._item.set_log(y=not self._item.log_y)
