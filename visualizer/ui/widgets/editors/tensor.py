"""A small tensor as a table: type, paste from a spreadsheet, add and take away rows and columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from PySide6.QtCore import QItemSelectionModel, QItemSelectionRange, QSize, Qt, QTimer, Slot
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from visualizer.base.errors import ParameterError
from visualizer.base.tensors import MOST_ELEMENTS, Tensor, TensorData
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors import tensor_shapes as shapes
from visualizer.ui.widgets.editors.base import Editor, sentence
from visualizer.ui.widgets.editors.tensor_model import TensorModel
from visualizer.ui.widgets.editors.tensor_table import TensorTable
from visualizer.ui.widgets.flow_layout import FlowLayout
from visualizer.ui.widgets.help import describe
from visualizer.ui.widgets.icons import icon

#: Milliseconds after the last nudge when the change is complete: one step of undo for one turn of the wheel.
_SETTLE_MS = 400
_KEYS = (
    "Typing or F2 edits a cell, Delete sets the selected cells to 0, Escape takes back a wrong cell. Alt with Up or Down, or "
    "Ctrl with the wheel, nudges the selected cells; Shift makes the steps finer.\n"
    "Ctrl+C copies the selected cells for a spreadsheet. Ctrl+V pastes at the current cell and adds rows and columns where "
    "they are needed; one number fills the selected cells. It replaces the whole tensor when all of it or nothing is selected, "
    "or when what is pasted has brackets, as torch and numpy print."
)
_PASTE = (
    "Replace the whole tensor with what is on the clipboard: cells of a spreadsheet, CSV, or what torch or numpy prints. "
    "Ctrl+V in the table pastes at the current cell."
)


class TensorEditor(Editor):
    """A vector is one row. A cell that is no number stays as typed, marked; its element stays what it was."""

    parameter: Tensor

    def build(self, state: Any) -> Iterator[None]:
        self._title = self.parameter.label_for(state)
        self._model = TensorModel(self.parameter, self.theme, self)
        self._model.accepted.connect(self._on_edited)
        self._model.refused.connect(self._on_refused)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self._on_settled)
        self._table = TensorTable(self._model, self.theme, self)
        self._table.copying.connect(self._on_copy_selected)
        self._table.pasting.connect(self._on_paste_here)
        self._table.clearing.connect(self._on_clear)
        self._table.nudged.connect(self._on_nudged)
        self.watch_escape(self._table)
        self._actions()
        yield
        self._shape = QLabel(self)
        self._rows, self._columns = QLabel(self), QLabel(self)
        self._rows.setText("rows")
        # On a projector, or in a panel made narrow, they do not all fit side by side.
        self._line = FlowLayout()
        self._line.addWidget(self._shape)
        self._buttons: dict[str, QToolButton] = {}
        for caption, names in ((self._rows, ("remove_row", "add_row")), (self._columns, ("remove_column", "add_column")),
                               (None, ("paste", "copy"))):
            group = QWidget(self)
            layout = QHBoxLayout(group)
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(0)
            if caption is not None:
                layout.addWidget(caption)
            for name in names:
                self._buttons[name] = button = QToolButton(group)
                layout.addWidget(button)
            self._line.addWidget(group)
        for name, slot in (
            ("add_row", self._on_add_row), ("remove_row", self._on_remove_row), ("add_column", self._on_add_column),
            ("remove_column", self._on_remove_column), ("paste", self._on_paste_all), ("copy", self._on_copy_all),
        ):
            self._buttons[name].clicked.connect(slot)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._table)
        self._layout.addLayout(self._line)
        yield
        self._show(getattr(state, self.parameter.name))
        self.set_theme(self.theme)
        yield

    def main_control(self) -> QWidget:
        return self._table

    def rename(self, title: str) -> None:
        self._title = title
        self._describe()
        self._complain_of_cells()

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._model.theme = theme
        self._layout.setSpacing(theme.px(3))
        self._line.setSpacing(theme.px(5))
        self._shape.setFixedHeight(theme.px(22))
        for label in (self._shape, self._rows, self._columns):
            label.setFont(theme.font("small"))
        for name, button in self._buttons.items():
            glyph = name if name in ("paste", "copy") else name.partition("_")[0]
            button.setIcon(icon(glyph, theme, size=14))
            button.setIconSize(QSize(theme.px(14), theme.px(14)))
            button.setFixedSize(theme.px(22 if glyph == name else 20), theme.px(22))
        self._table.set_theme(theme)

    def show_value(self, value: Any, state: Any) -> None:
        if value is not self._model.tensor and value != self._model.tensor:
            self._settle.stop()  # what was nudged is no longer what is shown
            self._show(value)
            self.problem.emit("")

    def in_effect(self) -> str:
        return "The tensor before"

    def altered(self) -> bool:
        return bool(self._model.wrong)

    def refused(self) -> bool:
        return bool(self._model.wrong)

    def discard(self) -> None:
        self._model.restore()
        self.problem.emit("")

    def reset(self) -> None:
        self._settle.stop()
        self._model.restore()
        super().reset()

    def _actions(self) -> None:
        self._table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
        entries: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("Copy\tCtrl+C", "copy", self._on_copy_selected),
            ("Paste here\tCtrl+V", "paste", self._on_paste_here),
            ("Replace all by the clipboard", "paste_all", self._on_paste_all),
            ("Set to 0\tDel", "clear", self._on_clear),
            ("", "", self._on_clear),
            ("Add a row below", "add_row", self._on_add_row),
            ("Remove rows", "remove_row", self._on_remove_row),
            ("Add a column to the right", "add_column", self._on_add_column),
            ("Remove columns", "remove_column", self._on_remove_column),
        )
        self._menu: dict[str, QAction] = {}
        for text, name, slot in entries:
            action = QAction(text, self._table)
            action.setObjectName(f"{self.prefix}.menu_{name}" if name else "")
            action.setSeparator(not name)
            if name:
                action.triggered.connect(slot)
                self._menu[name] = action
            self._table.addAction(action)

    def _describe(self) -> None:
        """Names and tooltips; what a button does depends on whether there is a vector or a matrix."""
        vector = len(self._model.tensor.shape) == 1
        describe(self._table, self._title, f"{self.parameter.help}\n{_KEYS}", self.prefix)
        what = "an element" if vector else "a column of zeros"
        one_row = not vector and self._model.tensor.rows == 1
        for name, title, help in (
            ("add_row", "add a row", "Make a batch of the vector: another row with the same numbers." if vector
             else "Add a copy of the current row below it."),
            ("remove_row", "remove rows", "Make a vector of the only row." if one_row
             else "Remove the selected rows, or the last one."),
            ("add_column", f"add {'an element' if vector else 'a column'}",
             f"Add {what} after the current {'one' if vector else 'column'}, or at the end."),
            ("remove_column", f"remove {'elements' if vector else 'columns'}",
             f"Remove the selected {'elements' if vector else 'columns'}, or the last one."),
            ("paste", "replace by the clipboard", _PASTE),
            ("copy", "copy all", "Copy all numbers, for a spreadsheet: tabs between cells, a line for each row."),
        ):
            describe(self._buttons[name], f"{self._title}: {title}", help, f"{self.prefix}.{name}")
        describe(self._shape, f"{self._title}: shape", f"The shape, as torch prints it. At most {MOST_ELEMENTS:,} elements.",
                 f"{self.prefix}.shape")

    def _show(self, tensor: TensorData) -> None:
        """Show a tensor; the current cell stays where it is, as far as there is one."""
        before = self._table.currentIndex()
        row, column = before.row(), before.column()
        old_shape = self._model.tensor.shape
        self._model.show_tensor(tensor)
        if tensor.shape == old_shape and self._shape.text():
            return
        if before.isValid() or row >= 0:
            at = self._model.index(min(row, tensor.rows - 1), min(column, tensor.columns - 1))
            self._table.selectionModel().setCurrentIndex(at, QItemSelectionModel.SelectionFlag.NoUpdate)
        vector, some = len(tensor.shape) == 1, bool(tensor.values)
        self._shape.setText(f"shape {shapes.shape_text(tensor)}")
        self._columns.setText("length" if vector else "columns")
        self._buttons["remove_row"].setVisible(not vector)
        for name, enabled in (("add_row", some), ("remove_column", some), ("copy", some)):
            self._buttons[name].setEnabled(enabled)
        for name, enabled in (("add_row", some), ("remove_row", not vector), ("remove_column", some), ("copy", some),
                              ("clear", some)):
            self._menu[name].setEnabled(enabled)
        self._menu["add_column"].setText("Add an element to the right" if vector else "Add a column to the right")
        self._menu["remove_column"].setText("Remove elements" if vector else "Remove columns")
        self._describe()

    def _take(self, tensor: TensorData, committed: bool = True) -> None:
        """The user's new tensor: shown, and told on if it is another one."""
        try:
            tensor = self.parameter.check(tensor)
        except ParameterError as error:
            self._complain_of(error)
            return
        if tensor == self._model.tensor:
            self.discard()
            return
        self._settle.stop()
        self._show(tensor)
        self._tell(committed)

    def _tell(self, committed: bool) -> None:
        if not committed:
            self._settle.start()
        self.problem.emit("")
        self.changed.emit(self._model.tensor, committed)
        self._complain_of_cells()

    def _complain_of_cells(self) -> None:
        if self._model.wrong:
            self.problem.emit(self._model.complaint(self._title))

    def _complain_of(self, error: ParameterError) -> None:
        self.problem.emit(f"{sentence(error, self._title)} {self.in_effect()} stays in effect.")

    def complain(self, error: ParameterError) -> None:
        self._complain_of(error)

    @Slot(object)
    def _on_edited(self, tensor: TensorData) -> None:
        self._settle.stop()
        self._tell(True)

    @Slot()
    def _on_refused(self) -> None:
        self.problem.emit(self._model.complaint(self._title))

    @Slot()
    def _on_settled(self) -> None:
        self.changed.emit(self._model.tensor, True)
        self._complain_of_cells()

    # What is selected.

    def _parts(self) -> list[QItemSelectionRange]:
        selection = self._table.selectionModel().selection()
        return [selection.at(number) for number in range(selection.count())]

    def _cells(self) -> list[tuple[int, int]]:
        """The selected cells; the current one when none is."""
        cells = [(row, column) for part in self._parts() for row in range(part.top(), part.bottom() + 1)
                 for column in range(part.left(), part.right() + 1)]
        current = self._table.currentIndex()
        return cells or ([(current.row(), current.column())] if current.isValid() else [])

    def _block(self) -> shapes.Block | None:
        """The smallest rectangle around what is selected; None: nothing is."""
        parts = self._parts()
        if not parts:
            return None
        return shapes.Block(
            min(part.top() for part in parts), min(part.left() for part in parts),
            max(part.bottom() for part in parts), max(part.right() for part in parts),
        )

    def _all_selected(self) -> bool:
        count = len(self._model.tensor.values)
        return count > 1 and sum(part.width() * part.height() for part in self._parts()) == count

    def _select(self, row: int, column: int) -> None:
        # Not the table's own way, which asks what keys are held.
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self._table.selectionModel().setCurrentIndex(self._model.index(row, column), flags)

    # The clipboard.

    @Slot()
    def _on_copy_selected(self) -> None:
        if self._model.tensor.values:
            QGuiApplication.clipboard().setText(shapes.tabbed(self._model.tensor, self._block()))

    @Slot()
    def _on_copy_all(self) -> None:
        QGuiApplication.clipboard().setText(shapes.tabbed(self._model.tensor))

    @Slot()
    def _on_paste_all(self) -> None:
        self._paste(whole=True)

    @Slot()
    def _on_paste_here(self) -> None:
        self._paste(whole=False)

    def _paste(self, whole: bool) -> None:
        text = QGuiApplication.clipboard().text()
        tensor, block = self._model.tensor, self._block()
        bracketed = "[" in text
        try:
            read = self.parameter.parse(text)
        except ParameterError as error:
            self._complain_of(error)
            return
        if not read.values and not bracketed:
            self.problem.emit(f"{self._title}: there are no numbers on the clipboard.")
            return
        if whole or bracketed or block is None or self._all_selected() or not tensor.values:
            self._take(read if bracketed else shapes.laid_along(tensor, read))
            return
        if len(read.values) == 1:
            self._take(shapes.filled(tensor, self._cells(), read.values[0]))
            return
        count = shapes.grown(tensor, read, block.top, block.left)
        if count > MOST_ELEMENTS:  # before it is made: a block in the last column of many rows is a large one
            self._complain_of(self.parameter.refuse(f"{count:,} numbers"))
            return
        self._take(shapes.pasted(tensor, read, block.top, block.left))

    # Cells, rows and columns.

    @Slot()
    def _on_clear(self) -> None:
        cells = self._cells()
        if cells:
            self._take(shapes.filled(self._model.tensor, cells, 0.0))

    @Slot(float)
    def _on_nudged(self, count: float) -> None:
        tensor, cells = self._model.tensor, self._cells()
        if cells:
            self._take(shapes.nudged(tensor, cells, count), committed=False)

    @Slot()
    def _on_add_row(self) -> None:
        tensor, current = self._model.tensor, self._table.currentIndex()
        if tensor.values:
            row = current.row() if current.isValid() else tensor.rows - 1
            self._take(shapes.with_row(tensor, row))
            self._select_if_shown(row + 1, max(0, current.column()))

    @Slot()
    def _on_remove_row(self) -> None:
        tensor = self._model.tensor
        if len(tensor.shape) == 2:
            gone = {row for row, _ in self._cells()} if self._block() is not None else {tensor.rows - 1}
            self._take(shapes.without_rows(tensor, gone))

    @Slot()
    def _on_add_column(self) -> None:
        tensor, current = self._model.tensor, self._table.currentIndex()
        column = current.column() if current.isValid() else tensor.columns - 1
        self._take(shapes.with_column(tensor, column))
        self._select_if_shown(max(0, current.row()), column + 1)

    @Slot()
    def _on_remove_column(self) -> None:
        tensor = self._model.tensor
        if tensor.values:
            gone = {column for _, column in self._cells()} if self._block() is not None else {tensor.columns - 1}
            self._take(shapes.without_columns(tensor, gone))

    def _select_if_shown(self, row: int, column: int) -> None:
        if row < self._model.rowCount() and column < self._model.columnCount():
            self._select(row, column)
