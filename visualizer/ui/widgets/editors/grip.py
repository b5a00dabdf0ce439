"""A bar under a field that is drawn down to make it higher."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import describe

_MOST = 1600


class Grip(QWidget):
    """Drawn with the mouse, or moved with Up and Down; a double click brings the least height back."""

    def __init__(self, field: QWidget, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._field = field
        self._least = self._extra = 0
        self._from: tuple[float, int] | None = None
        self._colour = QColor()
        self.setCursor(Qt.CursorShape.SizeVerCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        describe(self, "Height of the editor", "Draw to make the editor higher; Up and Down do the same.", name)

    def set_least(self, height: int, theme: Theme) -> None:
        """Another least height, as with another font; what was drawn stays."""
        self._least = height
        self._colour = QColor(theme.palette.secondary_text)
        self.setFixedHeight(theme.px(8))
        self._set_extra(self._extra)

    def _set_extra(self, extra: int) -> None:
        self._extra = max(0, min(extra, _MOST))
        self._field.setFixedHeight(self._least + self._extra)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._from = event.globalPosition().y(), self._extra
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is not None:
            self._set_extra(self._from[1] + round(event.globalPosition().y() - self._from[0]))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._from = None
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._set_extra(0)
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -20, Qt.Key.Key_Down: 20}.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            self._set_extra(self._extra + step)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self._colour)
        middle, y = self.width() // 2, self.height() // 2
        for line in (y - 1, y + 1):
            painter.drawLine(middle - 10, line, middle + 10, line)
        painter.end()
