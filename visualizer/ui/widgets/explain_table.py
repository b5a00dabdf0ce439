"""A small table of formatted texts that can be selected and copied."""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Slot
from PySide6.QtGui import QAction, QFont, QFontMetricsF, QGuiApplication, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from visualizer.base.explanation import Table
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import set_property

#: The share of the type sizes that a table may shrink to before it scrolls.
_SMALLER = 0.9
#: Pixels around the text of a cell, fewer where a table is wide.
_PADDINGS = (12, 8, 6)
_Index = QModelIndex | QPersistentModelIndex


class _Model(QAbstractTableModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.table = Table((), ())
        # Not the widgets' fonts: those that a header was polished with outlive a change of the style sheet.
        self.fonts: tuple[QFont, QFont] = (QFont(), QFont())

    def show_table(self, table: Table) -> bool:
        """Show a table; True when its shape or header changed, not only its cells."""
        same = table.header == self.table.header and len(table.rows) == len(self.table.rows)
        if same:
            self.table = table
            if table.rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(table.rows) - 1, len(table.header) - 1))
        else:
            self.beginResetModel()
            self.table = table
            self.endResetModel()
        return not same

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.table.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.table.header)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self.table.header[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return _alignment(section)
            if role == Qt.ItemDataRole.FontRole:
                return self.fonts[1]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            row = self.table.rows[index.row()]
            return row[index.column()] if index.column() < len(row) else ""
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        if role == Qt.ItemDataRole.FontRole:
            return self.fonts[0]
        return None


def _alignment(column: int) -> Qt.AlignmentFlag:
    return (Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter


def _widen(widths: list[float], texts: tuple[str, ...], metrics: QFontMetricsF) -> None:
    for column, text in enumerate(texts[:len(widths)]):
        widths[column] = max(widths[column], metrics.horizontalAdvance(text))


class TableBlock(QWidget):
    """As high as its rows; shrinks to 90 %, then scrolls sideways when it is too wide. Ctrl+C copies what is selected."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = _Model(self)
        self._view = QTableView(self)
        self._view.setModel(self._model)
        self._view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self._view.setTabKeyNavigation(False)
        self._view.setShowGrid(False)
        self._view.setWordWrap(False)
        self._view.setAlternatingRowColors(True)
        self._view.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._view.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self._view.setAccessibleName("Table")
        self._view.setAccessibleDescription("Numbers of this run, a row for each.")
        self._view.verticalHeader().hide()
        header = self._view.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setMinimumSectionSize(8)
        header.setSectionsClickable(False)
        header.setHighlightSections(False)
        copy = QAction("Copy", self._view)
        copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
        copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        copy.triggered.connect(self._on_copy)
        self._view.addAction(copy)
        self._widths: list[float] = []
        self._share = 0.0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._view)
        self.set_theme(theme)

    def show_block(self, block: Table) -> None:
        if self._model.show_table(block):
            self._widths = []
        self._fit()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._view.verticalHeader().setMinimumSectionSize(theme.px(22))
        self._view.verticalHeader().setDefaultSectionSize(theme.px(22))
        self._widths = []
        self._share = 0.0
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Columns as wide as their widest text so far (they only grow), the rest shared out."""
        table = self._model.table
        if not table.header:
            return
        frame = 2 * self._view.frameWidth() + 2
        room = self.width() - frame
        for share, padding in zip((1.0, 1.0, _SMALLER), map(self._theme.px, _PADDINGS), strict=True):
            widths = self._measure(share)
            needed = sum(widths) + padding * len(widths)
            if needed <= room:
                break
        self._dress(share, padding < self._theme.px(_PADDINGS[0]))
        spare = max(0, room - needed)
        for column, width in enumerate(widths):
            more = padding + spare // len(widths) + (spare % len(widths) if column == 0 else 0)
            if self._view.columnWidth(column) != width + more:
                self._view.setColumnWidth(column, width + more)
        height = self._view.horizontalHeader().height() + self._theme.px(22) * len(table.rows) + frame
        if needed > room:
            height += self._view.horizontalScrollBar().sizeHint().height()
        if height != self._view.height() or self._view.minimumHeight() != height:
            self._view.setFixedHeight(height)

    def _measure(self, share: float) -> list[int]:
        """The widest text of each column so far, with the fonts at this share of their size."""
        if not self._widths:
            self._widths = [0.0] * len(self._model.table.header)
            _widen(self._widths, self._model.table.header, QFontMetricsF(self._theme.font("label")))
        metrics = QFontMetricsF(self._theme.font("number"))
        for row in self._model.table.rows:
            _widen(self._widths, row, metrics)
        return [math.ceil(width * share) for width in self._widths]

    def _dress(self, share: float, tight: bool) -> None:
        """Give rows and header their fonts at a share of the theme's size, and the header its padding."""
        header = self._view.horizontalHeader()
        set_property(header, "tight", tight)
        if share == self._share:
            return
        self._share = share
        self._model.fonts = (self._theme.font("number"), self._theme.font("label"))
        for font in self._model.fonts:
            font.setPixelSize(round(font.pixelSize() * share))
        header.setFixedHeight(self._theme.px(24))
        header.viewport().update()
        self._view.viewport().update()

    @Slot()
    def _on_copy(self) -> None:
        cells = [(index.row(), str(index.data())) for index in sorted(self._view.selectedIndexes())]
        lines: dict[int, list[str]] = {}
        for row, text in cells:
            lines.setdefault(row, []).append(text)
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines.values()))
