"""A grid of small toggle buttons, one for each name."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import Qt, QTimer, Signal, Slot
from PySide6.QtGui import QFocusEvent, QFont, QFontMetrics, QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QToolButton, QWidget

from visualizer.base.parameters import Names
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import describe

#: Buttons made in one piece of work: a few milliseconds.
_CHUNK = 16
_MOVES = {Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1), Qt.Key.Key_Down: (0, 1)}


class Chip(QToolButton):
    """One name. ``arrow`` asks to move the focus by columns and rows."""

    arrow = Signal(int, int)
    entered = Signal()

    def __init__(self, removes: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self._removes = removes
        self.title = self.spoken = ""
        self.setCheckable(True)
        self.setProperty("chip", True)
        self.setProperty("removes", removes)
        self.toggled.connect(self._on_toggled)

    def set_name(self, title: str, spoken: str, object_name: str) -> None:
        """Show another name; ``spoken`` is the title with its noun."""
        self.title, self.spoken = title, spoken
        self.setObjectName(object_name)
        self._describe()

    def dress(self, font: QFont) -> None:
        """Take over a font; what is left out is struck through."""
        font = QFont(font)
        font.setStrikeOut(self._removes and self.isChecked())
        self.setFont(font)

    def fit(self) -> None:
        """The title, cut where it is too long for the chip."""
        self.setText(self.fontMetrics().elidedText(self.title, Qt.TextElideMode.ElideRight, self.width() - 6))

    @Slot(bool)
    def _on_toggled(self, checked: bool) -> None:
        self.dress(self.font())
        self._describe()

    def _describe(self) -> None:
        spoken = self.spoken
        if self._removes:
            spoken += ", left out" if self.isChecked() else ", kept"
        describe(self, spoken, spoken[:1].upper() + spoken[1:])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _MOVES:
            self.arrow.emit(*_MOVES[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.entered.emit()


class ChipGrid(QWidget):
    """Chips in columns of equal width. Tab enters the grid once; arrow keys move inside it, Space toggles.

    Signals:
        toggled: the user changed what is checked.
        focused: the chip that now has the focus, to be scrolled into view.
    """

    toggled = Signal()
    focused = Signal(object)

    def __init__(self, prefix: str, parameter: Names, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._prefix, self._noun, self._titles, self._theme = prefix, parameter.noun, parameter.titles, theme
        self._removes = parameter.checked_means == "removed"
        self._chips: list[Chip] = []
        self._names: tuple[str, ...] = ()
        self._checked: set[str] = set()
        self._columns = 1
        self._making: Iterator[None] | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._make_more)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def checked(self) -> set[str]:
        return set(self._checked)

    def show_names(self, names: tuple[str, ...], checked: set[str]) -> None:
        """Show these names; chips that are missing are made a few at a time, so that no frame is lost."""
        self._checked = checked
        if names != self._names:
            self._names = names
            self._making = self._make()
            self._make_more()
        for name, chip in zip(self._names, self._chips, strict=False):
            chip.setChecked(name in checked)

    def build(self) -> Iterator[None]:
        """Make the chips that are still missing, a few for each step."""
        while self._making is not None:
            self._make_more()
            yield

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for chip in self._chips:
            chip.dress(theme.font("label"))
        self._place()

    def height_for(self, width: int) -> int:
        columns, _, height, gap = self._cells(width)
        rows = -(-len(self._names) // columns)
        return rows * (height + gap) - gap if rows else height

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _make(self) -> Iterator[None]:
        for chip in self._chips[len(self._names):]:
            chip.hide()
            chip.setObjectName("")
            chip.setText("")
        for index, name in enumerate(self._names):
            if index == len(self._chips):
                if index and index % _CHUNK == 0:
                    yield
                chip = Chip(self._removes, self)
                chip.dress(self._theme.font("label"))
                chip.clicked.connect(self._on_clicked)
                chip.arrow.connect(self._on_arrow)
                chip.entered.connect(self._on_entered)
                chip.setFocusPolicy(Qt.FocusPolicy.ClickFocus if index else Qt.FocusPolicy.StrongFocus)
                self._chips.append(chip)
            chip = self._chips[index]
            title = self._title(name)
            if chip.objectName() != f"{self._prefix}.{name}":
                chip.set_name(title, f"{self._noun} {title}", f"{self._prefix}.{name}")
            chip.setChecked(name in self._checked)
            chip.show()

    def _title(self, name: str) -> str:
        return self._titles.get(name, name)

    @Slot()
    def _make_more(self) -> None:
        if self._making is not None and next(self._making, self) is self:
            self._making = None
        self._place()
        if self._making is None:
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()

    def _cells(self, width: int) -> tuple[int, int, int, int]:
        """Columns, width and height of a cell, gap between cells."""
        gap = self._theme.px(4)
        metrics = QFontMetrics(self._theme.font("label"))
        longest = max((metrics.horizontalAdvance(self._title(name)) for name in self._names), default=0)
        # Never less than two beside each other: a title that is longer still is cut, its tooltip says it whole.
        least = min(max(longest + self._theme.px(12), self._theme.px(32)), max(1, (width - gap) // 2))
        columns = max(1, (width + gap) // (least + gap))
        return columns, (width - gap * (columns - 1)) // columns, self._theme.px(24), gap

    def _place(self) -> None:
        self._columns, width, height, gap = self._cells(self.width())
        for index, chip in enumerate(self._chips[:len(self._names)]):
            row, column = divmod(index, self._columns)
            chip.setGeometry(column * (width + gap), row * (height + gap), width, height)
            chip.fit()
        self.setFixedHeight(self.height_for(self.width()))

    @Slot()
    def _on_clicked(self) -> None:
        self._checked = {
            name for index, name in enumerate(self._names)
            if (self._chips[index].isChecked() if index < len(self._chips) else name in self._checked)
        }
        self.toggled.emit()

    @Slot(int, int)
    def _on_arrow(self, columns: int, rows: int) -> None:
        index = self._chips.index(self.sender()) + columns + rows * self._columns  # type: ignore[arg-type]
        if 0 <= index < min(len(self._names), len(self._chips)):
            self._chips[index].setFocus(Qt.FocusReason.OtherFocusReason)

    @Slot()
    def _on_entered(self) -> None:
        """Only the chip that had the focus last is reached by Tab."""
        current = self.sender()
        for chip in self._chips:
            chip.setFocusPolicy(Qt.FocusPolicy.StrongFocus if chip is current else Qt.FocusPolicy.ClickFocus)
        self.focused.emit(current)
