"""The numbers of a run: name, value, unit; values aligned at the decimal point."""

from __future__ import annotations

import math
import re

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from visualizer.base.explanation import Number, Numbers
from visualizer.base.roles import Role
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import tooltip

#: A value that takes more of the width than this is written in several lines: its name needs the rest.
_WIDEST = 0.64
#: Numbers whose first digits are more places apart are right-aligned.
_MOST_PLACES = 3
_NUMBER = re.compile(r"[+\-\u2212]?[\d,\u202f]+(?P<fraction>\.\d*)?")


class _Chip(QWidget):
    """The colour that this quantity has in the figures."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.colour: QColor | None = None

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.colour is not None:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.colour)
            side = self.width()
            painter.drawRoundedRect(0, (self.height() - side) // 2, side, side, side / 4, side / 4)
            painter.end()


class _Row:
    """The widgets of one number."""

    def __init__(self, parent: QWidget) -> None:
        self.chip = _Chip(parent)
        self.name = QLabel(parent)
        self.name.setWordWrap(True)
        self.name.setTextFormat(Qt.TextFormat.PlainText)
        self.name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.value = QLabel(parent)
        self.value.setTextFormat(Qt.TextFormat.PlainText)
        self.value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.unit = QLabel(parent)
        self.unit.setTextFormat(Qt.TextFormat.PlainText)
        for label in (self.name, self.value, self.unit):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.shown: Number | None = None

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        return self.chip, self.name, self.value, self.unit


class NumbersBlock(QWidget):
    """When only values change, only their texts change: the labels have fixed sizes, so nothing is laid out anew."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[_Row] = []
        self._block = Numbers(())
        self._before = self._after = 0
        self._places: tuple[int, int] | None = None
        self._layout = QGridLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setColumnStretch(1, 1)
        self.set_theme(theme)

    def show_block(self, block: Numbers) -> None:
        if len(block.rows) != len(self._block.rows):
            self._resize(len(block.rows))
        self._block = block
        changed = False
        for row, number in zip(self._rows, block.rows, strict=False):
            shown = row.shown
            if shown is None or (shown.name, shown.unit, shown.help, shown.role) != (
                number.name, number.unit, number.help, number.role
            ):
                self._describe(row, number)
                changed = True
            if shown is None or shown.value != number.value:
                row.value.setText(number.value)
                row.value.setAccessibleName(f"{number.name}: {number.value} {number.unit}".strip())
            row.shown = number
        if changed:
            self._before = self._after = 0
            self._places = None
        self._show_columns()
        self._align()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._align()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._metrics = QFontMetrics(theme.font("number"))
        self._layout.setHorizontalSpacing(theme.px(6))
        self._layout.setVerticalSpacing(theme.px(4))
        for row in self._rows:
            self._dress(row)
        self._before = self._after = 0
        self._align()

    def _resize(self, count: int) -> None:
        while len(self._rows) < count:
            row = _Row(self)
            self._dress(row)
            for column, widget in enumerate(row.widgets):
                self._layout.addWidget(widget, len(self._rows), column)
            self._rows.append(row)
        for row in self._rows[count:]:
            row.shown = None
            for widget in row.widgets:
                widget.hide()

    def _dress(self, row: _Row) -> None:
        row.chip.setFixedWidth(self._theme.px(9))
        row.name.setFont(self._theme.font("body"))
        row.value.setFont(self._theme.font("number"))
        row.unit.setFont(self._theme.font("label"))
        palette = row.unit.palette()
        palette.setColor(row.unit.foregroundRole(), QColor(self._theme.palette.secondary_text))
        row.unit.setPalette(palette)
        if row.shown is not None:
            self._describe(row, row.shown)

    def _show_columns(self) -> None:
        """Chips and units stand where any number has one; a column of nothing would push the others aside."""
        numbers = self._block.rows
        chips, units = any(number.role is not None for number in numbers), any(number.unit for number in numbers)
        for row, _ in zip(self._rows, numbers, strict=False):
            for widget, visible in ((row.chip, chips), (row.name, True), (row.value, True), (row.unit, units)):
                if widget.isHidden() == visible:
                    widget.setVisible(visible)

    def _describe(self, row: _Row, number: Number) -> None:
        row.name.setText(number.name)
        row.unit.setText(number.unit)
        row.chip.colour = self._theme.color(Role(number.role)) if number.role is not None else None
        row.chip.update()
        tip = tooltip(number.help) if number.help else ""
        for label in (row.name, row.value, row.unit):
            label.setToolTip(tip)

    def _align(self) -> None:
        """Right-align with as much room behind each value as its fraction is shorter than the longest one.

        Where the sizes differ by too many powers of ten the points under each other would make a ragged column;
        it is right-aligned then. The column only grows while the quantities stay the same, so that numbers do not
        make it tremble.
        """
        for number in self._block.rows:
            place = _leading_place(number.value)
            if place is not None:
                low, high = self._places or (place, place)
                self._places = min(low, place), max(high, place)
        ragged = self._places is not None and self._places[1] - self._places[0] > _MOST_PLACES
        parts = [_TEXT if ragged else self._parts(number.value) for number in self._block.rows]
        self._before = max([self._before, *(before for before, _ in parts)])
        self._after = max([self._after, *(after for _, after in parts)])
        texts = [
            self._metrics.horizontalAdvance(number.value)
            for number, part in zip(self._block.rows, parts, strict=True) if part == _TEXT
        ]
        width = max([self._before + self._after, *texts]) + 2
        most = max(round(self.width() * _WIDEST), self._before + self._after + 2, self._theme.px(120))
        width = min(width, most)
        for row, number, (before, after) in zip(self._rows, self._block.rows, parts, strict=False):
            room = self._after - after if (before, after) != _TEXT else 0
            if row.value.contentsMargins().right() != room:
                row.value.setContentsMargins(0, 0, room, 0)
            high = self._metrics.height()
            wraps = room == 0 and self._metrics.horizontalAdvance(number.value) + 2 > width
            if row.value.wordWrap() != wraps:
                row.value.setWordWrap(wraps)
            if wraps:
                area = QRect(0, 0, width, 10_000)
                high = max(high, self._metrics.boundingRect(area, Qt.TextFlag.TextWordWrap.value, number.value).height())
            if row.value.minimumWidth() != width or row.value.minimumHeight() != high + 2:
                row.value.setFixedSize(width, high + 2)

    def _parts(self, text: str) -> tuple[int, int]:
        """Widths of what stands before the decimal point and of the rest."""
        match = _NUMBER.fullmatch(text)
        if match is None:
            return _TEXT
        after = self._metrics.horizontalAdvance(match["fraction"] or "")
        return self._metrics.horizontalAdvance(text) - after, after


def _leading_place(text: str) -> int | None:
    """The power of ten of the first digit that is not 0; None where there is none, or no plain number."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    value = abs(float(text.replace("\u2212", "-").replace(",", "").replace("\u202f", "")))
    return math.floor(math.log10(value)) if value else None


#: Words ("infinite", a point's name) and powers of ten, whose point says nothing of size, are only right-aligned.
_TEXT = (0, 0)
