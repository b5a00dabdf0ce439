"""The table of points as an item model: a draft that may be wrong, and the last points that were right."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor

from visualizer.base.errors import UserError
from visualizer.base.parameters import Point, Points
from visualizer.base.roles import Role
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.scale import plain_number, short_number

_HEADERS = ("Name", "x", "y")
_STAY = "The points before stay in effect."
_Index = QModelIndex | QPersistentModelIndex


class PointsModel(QAbstractTableModel):
    """Cells hold what was typed. When all of them together are allowed, ``accepted`` tells the points.

    Signals:
        accepted: a tuple of points, checked and sorted by x.
        refused: one sentence that says why the draft is not allowed.
    """

    accepted = Signal(object)
    refused = Signal(str)

    def __init__(self, parameter: Points, theme: Theme, parent: QObject) -> None:
        super().__init__(parent)
        self._parameter = parameter
        self.theme = theme
        self.points: tuple[Point, ...] = ()
        self._draft: list[list[str | float]] = []

    def show_points(self, points: tuple[Point, ...]) -> None:
        """Show these points; what was typed and not accepted is gone."""
        self.beginResetModel()
        self.points = points
        self._draft = [list(point) for point in points]
        self.endResetModel()

    def restore(self) -> None:
        """Show the last points that were right."""
        self.show_points(self.points)

    @property
    def drafting(self) -> bool:
        """Whether the cells hold something that was not accepted."""
        return [list(point) for point in self.points] != self._draft

    def put_back(self, rows: list[int]) -> None:
        """Give the points of these rows the places that the default has for their names."""
        places = {point.name.lower(): point for point in self._parameter.default}
        names = [str(self._draft[row][0]) for row in rows]
        unknown = [name for name in names if name.lower() not in places]
        if unknown:
            self.refused.emit(f"{unknown[0]} is not one of the original points, so it has no original place.")
            return
        for row, name in zip(rows, names, strict=True):
            self._draft[row][1:] = places[name.lower()][1:]
            self.dataChanged.emit(self.index(row, 1), self.index(row, 2))
        self._offer()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._draft)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_HEADERS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return _HEADERS[section] if orientation == Qt.Orientation.Horizontal else section + 1
        if role == Qt.ItemDataRole.FontRole:
            return self.theme.font("label")  # the font that a header was polished with outlives a change of the look
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        cell = self._draft[index.row()][index.column()]
        if role == Qt.ItemDataRole.EditRole:
            return repr(cell) if isinstance(cell, float) else cell
        if role == Qt.ItemDataRole.DisplayRole:
            return short_number(cell, 6) if isinstance(cell, float) else cell
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.ForegroundRole and self._wrong(index.row(), index.column()):
            return QColor(self.theme.color(Role.BAD))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{_HEADERS[index.column()]} of {self._draft[index.row()][0]}: {cell}"
        return None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        text = str(value).strip()
        self._draft[index.row()][index.column()] = text if index.column() == 0 else _number(text)
        self.dataChanged.emit(index, index)
        self._offer()
        return True

    def add_after(self, row: int) -> int:
        """Insert a point half way to the next one (or one beyond the last); returns its row."""
        row = min(max(row, 0), len(self.points) - 1) if len(self.points) == len(self._draft) else len(self.points) - 1
        here = self.points[row]
        there = self.points[row + 1] if row + 1 < len(self.points) else Point("", here.x + 2.0, here.y)
        taken = {point.name.lower() for point in self.points}
        name = next(f"P{number}" for number in range(1, 1_000) if f"p{number}" not in taken)
        self.beginInsertRows(QModelIndex(), row + 1, row + 1)
        self._draft.insert(row + 1, [name, (here.x + there.x) / 2, (here.y + there.y) / 2])
        self.endInsertRows()
        self._offer()
        return row + 1

    def delete(self, rows: list[int]) -> None:
        """Delete these rows; refused with a sentence when too few points would be left."""
        if len(self._draft) - len(set(rows)) < self._parameter.minimum_count:
            self.refused.emit(f"At least {self._parameter.minimum_count} points must stay.")
            return
        for row in sorted(set(rows), reverse=True):
            self.beginRemoveRows(QModelIndex(), row, row)
            del self._draft[row]
            self.endRemoveRows()
        self._offer()

    def _wrong(self, row: int, column: int) -> bool:
        cell = self._draft[row][column]
        if column:
            return not isinstance(cell, float) or not abs(cell) <= self._parameter.limit
        return not cell or sum(str(other[0]).lower() == str(cell).lower() for other in self._draft) > 1

    def _offer(self) -> None:
        for row in self._draft:
            for label, cell in zip(_HEADERS[1:], row[1:], strict=True):
                if not isinstance(cell, float):
                    self.refused.emit(f"{label} of {row[0]}: \u201c{str(cell)[:40]}\u201d is not a number. {_STAY}")
                    return
        try:
            points = self._parameter.check(self._draft)
        except UserError as error:
            self.refused.emit(f"{error.sentence.removeprefix(f'{self._parameter.option}: ')} {_STAY}")
            return
        self.points = points
        if [list(point) for point in points] != self._draft:
            self.show_points(points)
        self.accepted.emit(points)


def _number(text: str) -> float | str:
    """The number that was typed, or the text itself when it is none."""
    try:
        return float(plain_number(text, integer=False).replace("\u2212", "-"))
    except ValueError:
        return text
