"""The table of a tensor: columns as wide as fits, numbers as long as fits, and the keys of a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QHeaderView, QLineEdit, QStyledItemDelegate, QStyleOptionViewItem, QTableView, QWidget

from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.tensor_model import TensorModel, shown, tiny
from visualizer.ui.widgets.help import set_property

#: Rows that are shown at once; the others scroll.
ROWS = 6
_ROW = 22
_HEADER = 18
#: The longest text of a number in as few digits as a narrow column may show.
_WIDEST = "\u22121.2e-5"
#: No more columns than these ever fit without scrolling.
_FEW = 64
_NUDGES = {
    Qt.Key.Key_Up: 1.0, Qt.Key.Key_Down: -1.0, Qt.Key.Key_PageUp: 10.0, Qt.Key.Key_PageDown: -10.0,
}


class TensorTable(QTableView):
    """Rows of one height, columns of one width: nothing is measured cell by cell, so the size costs nothing.

    Signals:
        copying, pasting, clearing: keys ask for it.
        nudged: Alt with an arrow or page key, or the wheel with Ctrl, asks for so many steps.
    """

    copying = Signal()
    pasting = Signal()
    clearing = Signal()
    nudged = Signal(float)

    def __init__(self, model: TensorModel, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tensors = model
        self._fitted = (0, 0, 0)
        self.setModel(model)
        self.setItemDelegate(_Delegate(self))
        self.setTabKeyNavigation(False)  # Tab leaves the table; arrow keys move inside
        self.setWordWrap(False)
        self.setHorizontalScrollMode(QTableView.ScrollMode.ScrollPerPixel)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setHighlightSections(False)
            set_property(header, "tight", True)
        self.setCornerButtonEnabled(True)
        model.modelReset.connect(self.fit)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setFont(theme.font("number"))
        self.fit()

    def fit(self) -> None:
        """Give the columns and the table the size that suits the tensor, the look and the width there is."""
        theme, model = self._theme, self._tensors
        vector = len(model.tensor.shape) == 1
        rows, columns = model.rowCount(), model.columnCount()
        upright, flat = self.verticalHeader(), self.horizontalHeader()
        upright.setVisible(not vector)
        flat.setVisible(columns > 0)
        if not vector:
            upright.setFixedWidth(self._advance(str(rows - 1)) + theme.px(12))
        upright.setMinimumSectionSize(theme.px(_ROW))
        upright.setDefaultSectionSize(theme.px(_ROW))
        flat.setFixedHeight(theme.px(_HEADER))
        least = self._advance(_WIDEST) + theme.px(8)
        room = self.width() - 2 * self.frameWidth() - (0 if vector else upright.width())
        if rows > ROWS:
            room -= self.verticalScrollBar().sizeHint().width()
        width = max(least, room // max(1, columns))
        scrolls = width * columns > room
        flat.setDefaultSectionSize(width)
        # Few columns share what the division leaves. All of them are set: a section that was once given a size of its own
        # keeps it when the default changes.
        left = 0 if scrolls else room - width * columns
        for column in range(min(columns, _FEW)):
            flat.resizeSection(column, width + (column < left))
        height = (theme.px(_HEADER) if columns else 0) + min(max(1, rows), ROWS) * theme.px(_ROW) + 2 * self.frameWidth()
        if scrolls:
            height += self.horizontalScrollBar().sizeHint().height()
        if self.height() != height or self.minimumHeight() != height:
            self.setFixedHeight(height)

    def _advance(self, text: str) -> int:
        return self.fontMetrics().horizontalAdvance(text)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._tensors.tensor.values:
            painter = QPainter(self.viewport())
            painter.setPen(self._theme.palette.secondary_text)
            painter.drawText(self.viewport().rect(), Qt.AlignmentFlag.AlignCenter, "empty: press + or paste numbers")
            painter.end()

    def event(self, event: QEvent) -> bool:
        # Keys that the table needs itself; the window must not take them for shortcuts of its own.
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._meant(event) is not None:
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        meant = self._meant(event)
        if meant is None:
            super().keyPressEvent(event)
        else:
            meant()
            event.accept()

    def _meant(self, event: QKeyEvent) -> Callable[[], None] | None:
        """What a key does here beyond what every table does."""
        for key, signal in ((QKeySequence.StandardKey.Copy, self.copying), (QKeySequence.StandardKey.Paste, self.pasting)):
            if event.matches(key):
                return signal.emit
        key_code, held = Qt.Key(event.key()), event.modifiers()
        if key_code in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) and held == Qt.KeyboardModifier.NoModifier:
            return self.clearing.emit
        if held & Qt.KeyboardModifier.AltModifier and key_code in _NUDGES:
            fineness = 0.1 if held & Qt.KeyboardModifier.ShiftModifier else 1.0
            return lambda: self.nudged.emit(_NUDGES[key_code] * fineness)
        return None

    def wheelEvent(self, event: QWheelEvent) -> None:
        """The wheel scrolls the table only when it has the focus, so that it does not stop the panel's scrolling."""
        if not self.hasFocus():
            event.ignore()
            return
        turned = event.angleDelta().y() or event.angleDelta().x()  # some systems turn the wheel when Alt or Shift is held
        if turned and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if self.selectionModel().isSelected(self.indexAt(event.position().toPoint())):
                fineness = 0.1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0
                self.nudged.emit(turned / 120 * fineness)
            event.accept()
            return
        super().wheelEvent(event)


class _Delegate(QStyledItemDelegate):
    """Numbers with as many digits as the column has room for, up to what the model shows."""

    def __init__(self, table: TensorTable) -> None:
        super().__init__(table)

    def initStyleOption(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> None:  # noqa: N802
        super().initStyleOption(option, index)
        model = index.model()
        if not isinstance(model, TensorModel) or (index.row(), index.column()) in model.wrong:
            return
        room = option.rect.width() - 8
        metrics = option.fontMetrics
        value = model.tensor.values[index.row() * model.tensor.columns + index.column()]
        for digits in (5, 4, 3, 2):
            if metrics.horizontalAdvance(option.text) <= room:
                return
            option.text = shown(value, digits)
        if metrics.horizontalAdvance(option.text) > room:
            option.text = tiny(value)

    def createEditor(
        self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QWidget:
        line = QLineEdit(parent)
        line.setFrame(False)
        line.setAlignment(Qt.AlignmentFlag.AlignRight)
        line.setAccessibleName(str(index.data(Qt.ItemDataRole.AccessibleTextRole)))
        return line
