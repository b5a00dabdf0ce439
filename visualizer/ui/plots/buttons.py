"""The small tools in a plot's corner: seen while the pointer or the keyboard is there, always reachable by Tab."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QEnterEvent, QFocusEvent, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QWidget

from visualizer.ui.theme import Theme

#: No higher than a figure's title, so that the note under it can be read while they are shown.
_SIDE = 24


def _fit(painter: QPainter) -> None:
    for x, y, sx, sy in ((4, 4, 1, 1), (16, 4, -1, 1), (4, 16, 1, -1), (16, 16, -1, -1)):
        painter.drawPolyline([QPointF(x + 4 * sx, y), QPointF(x, y), QPointF(x, y + 4 * sy)])
    painter.drawEllipse(QPointF(10, 10), 1.6, 1.6)


def _copy(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(7, 7, 9.5, 9.5), 1.5, 1.5)
    painter.drawPolyline([QPointF(4.5, 13), QPointF(3.5, 13), QPointF(3.5, 3.5), QPointF(13, 3.5), QPointF(13, 4.5)])


def _export(painter: QPainter) -> None:
    painter.drawLine(QPointF(10, 3.5), QPointF(10, 12.5))
    painter.drawPolyline([QPointF(6.2, 8.8), QPointF(10, 12.6), QPointF(13.8, 8.8)])
    painter.drawPolyline([QPointF(3.5, 12.5), QPointF(3.5, 16.5), QPointF(16.5, 16.5), QPointF(16.5, 12.5)])


def _log(painter: QPainter, letter: str) -> None:
    font = painter.font()
    font.setPixelSize(9)
    painter.setFont(font)
    painter.drawText(QRectF(0, 1, 20, 9), Qt.AlignmentFlag.AlignCenter, "log")
    painter.drawText(QRectF(0, 9, 20, 10), Qt.AlignmentFlag.AlignCenter, letter)


def _enlarge(painter: QPainter) -> None:
    for x, y, sx, sy in ((3.5, 16.5, 1, -1), (16.5, 3.5, -1, 1)):
        painter.drawPolyline([QPointF(x + 5 * sx, y), QPointF(x, y), QPointF(x, y + 5 * sy)])
        painter.drawLine(QPointF(x, y), QPointF(x + 5.2 * sx, y + 5.2 * sy))


def _zoom(painter: QPainter, inwards: bool) -> None:
    painter.drawEllipse(QPointF(8.5, 8.5), 5.0, 5.0)
    painter.drawLine(QPointF(12.2, 12.2), QPointF(16.5, 16.5))
    painter.drawLine(QPointF(6.2, 8.5), QPointF(10.8, 8.5))
    if inwards:
        painter.drawLine(QPointF(8.5, 6.2), QPointF(8.5, 10.8))


def _selection(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(6.5, 6.5, 7, 7), 1.5, 1.5)
    for x, y, dx, dy in ((10, 2.5, 0, 1), (10, 17.5, 0, -1), (2.5, 10, 1, 0), (17.5, 10, -1, 0)):
        painter.drawLine(QPointF(x, y), QPointF(x + 2.2 * dx, y + 2.2 * dy))


def _map(painter: QPainter) -> None:
    painter.drawRoundedRect(QRectF(3.5, 3.5, 13, 13), 1.5, 1.5)
    painter.drawRect(QRectF(9.5, 9.5, 4.5, 4.5))


_GLYPHS: dict[str, Callable[[QPainter], None]] = {
    "fit": _fit, "copy": _copy, "export": _export, "enlarge": _enlarge,
    "log_x": lambda painter: _log(painter, "x"), "log_y": lambda painter: _log(painter, "y"),
    "zoom_in": lambda painter: _zoom(painter, True), "zoom_out": lambda painter: _zoom(painter, False),
    "selection": _selection, "map": _map,
}
#: Tools that stay on or off.
_SWITCHES = ("log_x", "log_y", "map")


class PlotButton(QAbstractButton):
    """One tool. Paints nothing unless it is revealed, but keeps its place in the tab order."""

    #: Of the class: when a focused window is taken apart, Qt tells of the lost focus after Python has emptied the object.
    _revealed = False

    def __init__(self, action: str, name: str, tip: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._glyph = _GLYPHS[action]
        self._theme = Theme()
        self.setObjectName(f"plot.{action}")
        self.setAccessibleName(name)
        self.setToolTip(tip)
        self.setFixedSize(self.sizeHint())
        self.setCheckable(action in _SWITCHES)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setUpdatesEnabled(False)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setFixedSize(self.sizeHint())
        self.update()

    def set_revealed(self, revealed: bool) -> None:
        self._revealed = revealed
        self._choose_visible()

    def _choose_visible(self) -> None:
        """Hidden would mean out of the tab order; without updates it costs nothing when the plot is repainted."""
        shown = self._revealed or self.hasFocus()
        if shown != self.updatesEnabled():
            self.setUpdatesEnabled(shown)
            self.parentWidget().update()  # type: ignore[union-attr]

    def sizeHint(self) -> QSize:
        side = self._theme.px(_SIDE)
        return QSize(side, side)

    def enterEvent(self, event: QEnterEvent) -> None:
        self.update()
        super().enterEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._choose_visible()
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._choose_visible()

    def paintEvent(self, event: QPaintEvent) -> None:
        palette = self._theme.palette
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # Drawn in the size of the normal window and scaled as a whole.
        painter.scale(self.width() / _SIDE, self.height() / _SIDE)
        area = QRectF(0, 0, _SIDE, _SIDE).adjusted(1, 1, -1, -1)
        back = QPainterPath()
        back.addRoundedRect(area, 5, 5)
        strong = self.underMouse() or self.isDown()
        fill = QColor(palette.grid if strong else palette.surface)
        painter.fillPath(back, fill)
        color = QColor(palette.accent if self.isChecked() else palette.secondary_text if not strong else palette.text)
        if self.hasFocus():
            painter.setPen(QPen(QColor(palette.accent), 2))
            painter.drawPath(back)
        stroke = QPen(color, 1.4)
        stroke.setCapStyle(Qt.PenCapStyle.RoundCap)
        stroke.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(stroke)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setFont(Theme().font("small"))
        painter.translate((_SIDE - 20) / 2, (_SIDE - 20) / 2)
        self._glyph(painter)
        painter.end()


class ButtonRow(QWidget):
    """The tools of one plot, in a row. A subclass has others in :attr:`TOOLS`: action, name, tip."""

    TOOLS: tuple[tuple[str, str, str], ...] = (
        ("log_x", "Logarithmic x axis", "Logarithmic x axis on or off"),
        ("log_y", "Logarithmic y axis", "Logarithmic y axis on or off"),
        ("fit", "Fit", "Show everything again (double click, or Ctrl+0 for every figure)"),
        ("copy", "Copy picture", "Copy the picture to the clipboard (Ctrl+C)"),
        ("export", "Export figure", "Save this figure as PNG, SVG or CSV"),
        ("enlarge", "Enlarge figure", "Show this figure large, and again as before (double click on its title, or F)"),
    )

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("plot.tools")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self.buttons: dict[str, PlotButton] = {}
        for action, name, tip in self.TOOLS:
            self.buttons[action] = PlotButton(action, name, tip, self)
            layout.addWidget(self.buttons[action])

    def set_theme(self, theme: Theme) -> None:
        for button in self.buttons.values():
            button.set_theme(theme)

    def set_revealed(self, revealed: bool) -> None:
        for button in self.buttons.values():
            button.set_revealed(revealed)
