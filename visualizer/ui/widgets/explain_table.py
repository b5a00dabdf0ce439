"""A small table of formatted texts that can be selected and copied."""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QRectF, Qt, Slot
from PySide6.QtGui import QAction, QFont, QFontMetricsF, QGuiApplication, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QVBoxLayout, QWidget

from visualizer.base.explanation import Table
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import set_property

#: The share of the type sizes that a table may shrink to before it scrolls.
_SMALLER = 0.9
#: Pixels around the text of a cell, fewer where a table is wide.
_PADDINGS = (12, 8, 6)
#: What a cell of numbers begins with: a sign, a factor, a digit.
_NUMBER = re.compile("[+\\-\u2212\u00b1\u00d7~<>\u2264\u2265]?\\s*\\d")
#: A cell of more letters is text, whatever it begins with.
_LONG = 24
#: Where a word, or a line of code, may be broken; the sign after it is invisible and has no width.
_BREAKS = re.compile(r"(?<=[._(\[,=/\u2192])(?=\w)|(?<=\w)(?=\()")
_BREAK = "\u200b"
_Index = QModelIndex | QPersistentModelIndex


class _Model(QAbstractTableModel):
    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.table = Table((), ())
        # Not the widgets' fonts: those that a header was polished with outlive a change of the style sheet.
        self.fonts: tuple[QFont, QFont] = (QFont(), QFont())
        self.texts: frozenset[int] = frozenset()
        #: Whether columns of text are narrower than their texts, which may be broken then.
        self.wraps = False

    def show_table(self, table: Table) -> bool:
        """Show a table; True when its shape or header changed, not only its cells."""
        self.texts = frozenset(column for column in range(len(table.header)) if _is_text(table, column))
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
                return self._alignment(section)
            if role == Qt.ItemDataRole.FontRole:
                return self.fonts[1]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            text = self.cell(index.row(), index.column())
            broken = self.wraps and index.column() in self.texts and role == Qt.ItemDataRole.DisplayRole
            return breakable(text) if broken else text
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return self._alignment(index.column())
        if role == Qt.ItemDataRole.FontRole:
            return self.fonts[0]
        return None


    def cell(self, row: int, column: int) -> str:
        """The text of a cell, as it is copied."""
        texts = self.table.rows[row]
        return texts[column] if column < len(texts) else ""

    def _alignment(self, column: int) -> Qt.AlignmentFlag:
        left = column == 0 or column in self.texts
        return (Qt.AlignmentFlag.AlignLeft if left else Qt.AlignmentFlag.AlignRight) | Qt.AlignmentFlag.AlignVCenter


def _is_text(table: Table, column: int) -> bool:
    """Whether a column holds words and no numbers."""
    cells = [row[column] for row in table.rows if column < len(row) and row[column]]
    return any(len(cell) > _LONG for cell in cells) or not any(_NUMBER.match(cell) for cell in cells)


@lru_cache(maxsize=512)
def breakable(text: str) -> str:
    """The text with invisible signs where a line may end inside a word."""
    return _BREAKS.sub(_BREAK, text)


def _widen(widths: list[float], texts: tuple[str, ...], metrics: QFontMetricsF) -> None:
    for column, text in enumerate(texts[:len(widths)]):
        widths[column] = max(widths[column], metrics.horizontalAdvance(text))


class TableBlock(QWidget):
    """As high as its rows. Where it is too wide it shrinks to 90 %, then breaks texts into lines, and scrolls sideways only
    where that is not enough, either. Ctrl+C copies what is selected."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._model = _Model(self)
        self._view = QTableView(self)
        self._view.setModel(self._model)
        self._view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._view.setSelectionMode(QAbstractItemView.SelectionMode.ContiguousSelection)
        self._view.setTabKeyNavigation(False)
        self._view.setShowGrid(False)
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
        self._model.wraps = needed > room and bool(self._model.texts)
        if self._model.wraps:
            widths = self._narrowed(widths, share, room - padding * len(widths))
            needed = sum(widths) + padding * len(widths)
        self._view.setWordWrap(self._model.wraps)
        spare = max(0, room - needed)
        for column, width in enumerate(widths):
            more = padding + spare // len(widths) + (spare % len(widths) if column == 0 else 0)
            if self._view.columnWidth(column) != width + more:
                self._view.setColumnWidth(column, width + more)
        height = self._view.horizontalHeader().height() + sum(self._set_heights(widths)) + frame
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
        return [math.ceil(width * self._scale(share)) for width in self._widths]

    def _scale(self, share: float) -> float:
        """What the fonts at this share are of the full ones: they come in whole pixels."""
        sizes = (self._theme.font("number").pixelSize(), self._theme.font("label").pixelSize())
        return max(round(size * share) / size for size in sizes)

    def _narrowed(self, widths: list[int], share: float, room: int) -> list[int]:
        """The columns of text as wide as what the others leave; none narrower than its longest word."""
        cells, heads = QFontMetricsF(self._theme.font("number")), QFontMetricsF(self._theme.font("label"))
        least = list(widths)
        for column in self._model.texts:
            words = [word for row in range(len(self._model.table.rows))
                     for word in re.split(rf"[\s{_BREAK}]+", breakable(self._model.cell(row, column)))]
            longest = max([heads.horizontalAdvance(self._model.table.header[column]),
                           *(cells.horizontalAdvance(word) for word in words)])
            least[column] = min(widths[column], math.ceil(longest * self._scale(share)) + 1)
        wanted, spare = sum(widths) - sum(least), room - sum(least)
        if wanted <= 0 or spare <= 0:
            return least
        return [low + math.floor((width - low) * spare / wanted) for low, width in zip(least, widths, strict=True)]

    def _set_heights(self, widths: list[int]) -> list[int]:
        """Give every row the height of its lines."""
        metrics = QFontMetricsF(self._model.fonts[0])
        heights = []
        for row in range(len(self._model.table.rows)):
            height = self._theme.px(22)
            for column in self._model.texts if self._model.wraps else ():
                text = breakable(self._model.cell(row, column))
                area = metrics.boundingRect(QRectF(0, 0, widths[column], 1e6), Qt.TextFlag.TextWordWrap.value, text)
                height = max(height, math.ceil(area.height() - metrics.height()) + self._theme.px(22))
            if self._view.rowHeight(row) != height:
                self._view.setRowHeight(row, height)
            heights.append(height)
        return heights

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
        cells = [(index.row(), self._model.cell(index.row(), index.column())) for index in sorted(self._view.selectedIndexes())]
        lines: dict[int, list[str]] = {}
        for row, text in cells:
            lines.setdefault(row, []).append(text)
        QGuiApplication.clipboard().setText("\n".join("\t".join(line) for line in lines.values()))
