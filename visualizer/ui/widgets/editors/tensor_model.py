"""A tensor as an item model: the tensor in effect, and cells that were typed and are no numbers."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from visualizer.base.errors import ParameterError
from visualizer.base.roles import Role
from visualizer.base.tensors import Tensor, TensorData, element_text
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.scale import plain_number, short_number
from visualizer.ui.widgets.editors.tensor_shapes import EMPTY, index_text

_DIGITS = 6
_HINT = "Type to edit, Alt with Up or Down nudges, Ctrl+V pastes here."
_TAKE_BACK = "What was typed is not a number. Escape takes it back."
_Index = QModelIndex | QPersistentModelIndex


class TensorModel(QAbstractTableModel):
    """Each cell stands for itself: a wrong one keeps what was typed, its element stays what it was.

    Signals:
        accepted: the tensor after a cell was edited.
        refused: a cell was edited to something that is no number.
    """

    accepted = Signal(object)
    refused = Signal()

    def __init__(self, parameter: Tensor, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._parameter = parameter
        self.theme = theme
        self.tensor = EMPTY
        self.wrong: dict[tuple[int, int], str] = {}

    def show_tensor(self, tensor: TensorData) -> None:
        """Show this tensor; what was typed and is wrong is gone. Of the same shape, only what changed is drawn anew."""
        self.restore()
        old = self.tensor
        if tensor.shape != old.shape:
            self.beginResetModel()
            self.tensor = tensor
            self.endResetModel()
            return
        self.tensor = tensor
        pairs = zip(old.values, tensor.values, strict=True)
        changed = [index for index, (before, now) in enumerate(pairs) if before is not now and before != now]
        if not changed:
            return
        width = tensor.columns
        top, bottom = changed[0] // width, changed[-1] // width
        columns = [index % width for index in changed]
        self.dataChanged.emit(self.index(top, min(columns)), self.index(bottom, max(columns)))

    def restore(self) -> None:
        """Show the elements in effect where something wrong was typed."""
        cells, self.wrong = list(self.wrong), {}
        for row, column in cells:
            self.dataChanged.emit(self.index(row, column), self.index(row, column))

    def complaint(self, title: str) -> str:
        """What is wrong with the first wrong cell, as a sentence; empty when none is."""
        if not self.wrong:
            return ""
        row, column = min(self.wrong)
        typed = self.wrong[row, column]
        typed = f"\u201c{typed if len(typed) <= 40 else typed[:37] + '...'}\u201d is not a number" if typed else "nothing was typed"
        value = shown(self.tensor.values[row * self.tensor.columns + column], _DIGITS)
        return f"{title}{index_text(self.tensor, row, column)}: {typed}; {value} stays in effect."

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.tensor.rows

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else self.tensor.columns

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return section  # as torch counts
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole:
            return self.theme.font("small")  # the font that a header was polished with outlives a change of the look
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cell = (index.row(), index.column())
        value = self.tensor.values[cell[0] * self.tensor.columns + cell[1]]
        typed = self.wrong.get(cell)
        match role:
            case Qt.ItemDataRole.EditRole:
                return element_text(value) if typed is None else typed
            case Qt.ItemDataRole.DisplayRole:
                return shown(value, _DIGITS) if typed is None else typed
            case Qt.ItemDataRole.TextAlignmentRole:
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.ForegroundRole if typed is not None:
                return QColor(self.theme.color(Role.BAD))
            case Qt.ItemDataRole.ForegroundRole if not math.isfinite(value):
                return QColor(self.theme.color(Role.WARNING))
            case Qt.ItemDataRole.BackgroundRole if typed is not None:
                return self.theme.color(Role.BAD, 0.16)
            case Qt.ItemDataRole.ToolTipRole:
                place = f"{index_text(self.tensor, *cell)} = {element_text(value)}"
                return f"{place}\n{_HINT}" if typed is None else f"{place}\n{_TAKE_BACK}"
            case Qt.ItemDataRole.AccessibleTextRole:
                said = element_text(value) if typed is None else f"{typed}, which is not a number"
                return f"element {index_text(self.tensor, *cell)}: {said}"
        return None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        cell, text = (index.row(), index.column()), str(value).strip()
        at = cell[0] * self.tensor.columns + cell[1]
        try:
            read = self._parameter.parse(plain_number(text, integer=False))
        except ParameterError:
            read = EMPTY
        if read.shape != (1,):
            self.wrong[cell] = text
            self.dataChanged.emit(index, index)
            self.refused.emit()
            return True
        was_wrong = self.wrong.pop(cell, None) is not None
        same = element_text(read.values[0]) == element_text(self.tensor.values[at])
        if not same:
            self.tensor = self.tensor.replaced(at, read.values[0])
        self.dataChanged.emit(index, index)
        if was_wrong and same:
            self.refused.emit()  # one complaint less, and nothing new
        elif not same:
            self.accepted.emit(self.tensor)
        return True


def shown(value: float, digits: int) -> str:
    """An element in a table, with so many significant digits."""
    return short_number(value, digits) if math.isfinite(value) else str(value).replace("-", "\u2212")


def tiny(value: float) -> str:
    """A finite element in two digits and a power of ten, which is never longer than eight letters or so."""
    mantissa, _, power = f"{value:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(power)}".replace("-", "\u2212", 1 if value < 0 else 0)
