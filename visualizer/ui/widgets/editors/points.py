"""A table of points: edit cells, add, delete, load and save CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Slot
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableView,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from visualizer.base.errors import UserError
from visualizer.base.parameters import Point, Points
from visualizer.base.reading import read_file
from visualizer.base.tables import MAXIMUM_CHARACTERS
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.base import Editor
from visualizer.ui.widgets.editors.points_model import PointsModel
from visualizer.ui.widgets.icons import icon

_FILTER = "Tables (*.csv *.tsv *.txt);;All files (*)"
_ROWS = 9
_ROW = 22
_FORMAT = (
    "Load points from a CSV file in UTF-8: on each line a name, x and y, or x and y alone. Between them stand commas, "
    "semicolons or tabs; with semicolons or tabs 1,5 is read as 1.5. A first line without numbers is a header."
)


class PointsEditor(Editor):
    """``ask_open`` and ``ask_save`` may be replaced by callables that return a path or None (tests do).

    By default a file dialog opens that does not block.
    """

    parameter: Points
    ask_open: Callable[[], Path | None] | None = None
    ask_save: Callable[[], Path | None] | None = None

    def build(self, state: Any) -> Iterator[None]:
        self._model = PointsModel(self.parameter, self.theme, self)
        self._model.accepted.connect(self._on_accepted)
        self._model.refused.connect(self.problem)
        self._table = QTableView(self)
        self._table.setAlternatingRowColors(True)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setTabKeyNavigation(False)  # Tab leaves the table; arrow keys move inside
        self._table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._table.verticalHeader().hide()
        self.describe(self._table, help=(
            f"{self.parameter.help}\nAllowed: {self.parameter.allowed()}. "
            "F2 or typing edits a cell, Delete removes the selected rows, Escape takes back a wrong cell. "
            "The context menu (right click or the Menu key) adds, deletes, and puts a point back to its original place."
        ))
        self._table.setModel(self._model)
        header = self._table.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
        header.setSectionsClickable(False)
        header.setHighlightSections(False)
        self.watch_escape(self._table)
        self._table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        for text, name, tip, slot in (
            ("Add a point", "menu_add", "Add a point after the selected one.", self._on_add),
            ("Original place", "menu_original",
             "Put the selected points back to the x and y this program comes with.", self._on_original),
            ("Delete points", "menu_delete", "Delete the selected points.", self._on_delete),
        ):
            action = QAction(text, self._table)
            action.setObjectName(f"{self.prefix}.{name}")
            action.setToolTip(tip)
            action.triggered.connect(slot)
            self._table.addAction(action)
            if name == "menu_delete":
                action.setShortcut(QKeySequence(QKeySequence.StandardKey.Delete))
                action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        yield
        self._add = QToolButton(self)
        self._delete = QToolButton(self)
        self._load = QPushButton("Load\u2026", self)
        self._save = QPushButton("Save\u2026", self)
        self._reset = QPushButton("Reset", self)
        buttons = QHBoxLayout()
        for button, name, help, slot in (
            (self._add, "add", "Add a point after the selected one.", self._on_add),
            (self._delete, "delete", "Delete the selected points.", self._on_delete),
            (self._load, "load", _FORMAT, self._on_load),
            (self._save, "save", "Save these points as a CSV file.", self._on_save),
            (self._reset, "reset", "Back to the points this program comes with.", self._on_reset),
        ):
            self.describe(button, name, help, f".{name}")
            button.clicked.connect(slot)
            if isinstance(button, QPushButton):
                button.setProperty("small", True)
            buttons.addWidget(button)
        buttons.insertStretch(2, 1)
        self._buttons = buttons
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._table)
        self._layout.addLayout(buttons)
        self.set_theme(self.theme)
        self._model.show_points(getattr(state, self.parameter.name))
        yield

    def main_control(self) -> QWidget:
        return self._table

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._model.theme = theme
        self._layout.setSpacing(theme.px(6))
        self._buttons.setSpacing(theme.px(4))
        self._table.setFont(theme.font("number"))
        self._table.verticalHeader().setMinimumSectionSize(theme.px(_ROW))
        self._table.verticalHeader().setDefaultSectionSize(theme.px(_ROW))
        header = self._table.horizontalHeader()
        header.setFixedHeight(theme.px(_ROW + 2))
        self._table.setFixedHeight(theme.px(_ROW + 2) + _ROWS * theme.px(_ROW) + 2 * self._table.frameWidth())
        self._add.setIcon(icon("add", theme, size=16))
        self._delete.setIcon(icon("remove", theme, size=16))

    def show_value(self, value: Any, state: Any) -> None:
        if value != self._model.points:
            self._model.show_points(value)
            self.problem.emit("")

    def altered(self) -> bool:
        return self._model.drafting

    def refused(self) -> bool:
        return self._model.drafting

    def discard(self) -> None:
        self._model.restore()
        self.problem.emit("")

    def load(self, path: Path) -> None:
        """Read points from a file; a file that is not allowed gets its sentence and changes nothing."""
        try:
            data = read_file(path, 4 * MAXIMUM_CHARACTERS, "The table")
        except UserError as error:
            self.problem.emit(error.sentence)  # it names the whole path
            return
        try:
            points = self.parameter.parse(data.decode("utf-8-sig"))
        except UserError as error:
            self.problem.emit(f"{path.name}: {error.sentence.removeprefix(f'{self.parameter.option}: ')}")
        except UnicodeDecodeError:
            self.problem.emit(f"{path.name} is not a text file in UTF-8; save it as CSV and load it again.")
        else:
            self._model.show_points(points)
            self._on_accepted(points)

    def save(self, path: Path) -> None:
        """Write the points to a file, whole or not at all."""
        from visualizer.base.files import write_atomically

        try:
            write_atomically(path, self.parameter.format(self._model.points).encode())
        except UserError as error:
            self.problem.emit(error.sentence)
        else:
            self.problem.emit("")

    @Slot(object)
    def _on_accepted(self, points: tuple[Point, ...]) -> None:
        self.problem.emit("")
        self.changed.emit(points, True)

    @Slot()
    def _on_add(self) -> None:
        name_row = self._model.add_after(self._table.currentIndex().row())
        self._table.setCurrentIndex(self._model.index(name_row, 0))

    @Slot()
    def _on_delete(self) -> None:
        rows = [index.row() for index in self._table.selectionModel().selectedRows()]
        if rows:
            self._model.delete(rows)
        else:
            self.problem.emit("Select the points to delete first.")

    @Slot()
    def _on_original(self) -> None:
        rows = [index.row() for index in self._table.selectionModel().selectedRows()]
        if rows:
            self._model.put_back(rows)
        else:
            self.problem.emit("Select the points to put back first.")

    @Slot()
    def _on_reset(self) -> None:
        self._model.show_points(self.parameter.default)
        self._on_accepted(self.parameter.default)

    @Slot()
    def _on_load(self) -> None:
        if self.ask_open is not None:
            path = self.ask_open()
            if path is not None:
                self.load(path)
            return
        dialog = QFileDialog(self.window(), "Load points", "", _FILTER)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._open_dialog(dialog)
        dialog.fileSelected.connect(self._on_open_chosen)

    @Slot()
    def _on_save(self) -> None:
        if self.ask_save is not None:
            path = self.ask_save()
            if path is not None:
                self.save(path)
            return
        dialog = QFileDialog(self.window(), "Save points", "points.csv", _FILTER)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("csv")
        self._open_dialog(dialog)
        dialog.fileSelected.connect(self._on_save_chosen)

    def _open_dialog(self, dialog: QFileDialog) -> None:
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    @Slot(str)
    def _on_open_chosen(self, name: str) -> None:
        self.load(Path(name))

    @Slot(str)
    def _on_save_chosen(self, name: str) -> None:
        self.save(Path(name))
