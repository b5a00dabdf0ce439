"""A widget for each kind of block of an explanation; each shows a new block of its kind in place."""

from __future__ import annotations

from typing import ClassVar

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from visualizer.base.explanation import Block, Formula, Heading, Numbers, Paragraph, Table, Verdict
from visualizer.base.roles import Role
from visualizer.ui.stylesheet import blend
from visualizer.ui.theme import FontKind, Theme
from visualizer.ui.widgets.explain_numbers import NumbersBlock
from visualizer.ui.widgets.explain_table import TableBlock
from visualizer.ui.widgets.formula import FormulaView
from visualizer.ui.widgets.icons import pixmap


class _TextBlock(QWidget):
    """Text that wraps and can be selected."""

    kind: FontKind = "body"

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._label = wrapping_label(self)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._label)
        self.set_theme(theme)

    def show_block(self, block: Heading | Paragraph) -> None:
        self._label.setText(block.text)

    def set_theme(self, theme: Theme) -> None:
        self._label.setFont(theme.font(self.kind))


class ParagraphBlock(_TextBlock):
    """Plain text."""


class HeadingBlock(_TextBlock):
    """A heading, with room above."""

    kind = "title"

    def set_theme(self, theme: Theme) -> None:
        super().set_theme(theme)
        self._layout.setContentsMargins(0, theme.px(6), 0, 0)


class FormulaBlock(QWidget):
    """A formula on a line of its own."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._view = FormulaView(theme, self)
        self._layout = QVBoxLayout(self)
        self._layout.addWidget(self._view)
        self.set_theme(theme)

    def show_block(self, block: Formula) -> None:
        self._view.set_latex(block.latex, block.description)

    def clear(self) -> None:
        """Show nothing, so that another page's formula never stands where its own is not yet typeset."""
        self._view.clear()

    def set_theme(self, theme: Theme) -> None:
        self._layout.setContentsMargins(theme.px(8), theme.px(2), 0, theme.px(2))
        self._view.set_theme(theme)


class VerdictBlock(QWidget):
    """A judgement: coloured ground, a bar at the left, and an icon whose shape says the same."""

    _ICONS: ClassVar = {"good": "good", "warning": "warning", "bad": "bad", "muted": "info"}

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._role = "muted"
        self._icon = QLabel(self)
        self._icon.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._text = wrapping_label(self)
        self._layout = QHBoxLayout(self)
        self._layout.addWidget(self._icon)
        self._layout.addWidget(self._text, 1)
        self.set_theme(theme)

    def show_block(self, block: Verdict) -> None:
        self._text.setText(block.text)
        self.setAccessibleName(block.text)
        if block.role != self._role:
            self._role = block.role
            self._style()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        font = theme.font("body")
        font.setWeight(theme.font("title").weight())
        self._text.setFont(font)
        self._layout.setContentsMargins(theme.px(14), theme.px(8), theme.px(10), theme.px(8))
        self._layout.setSpacing(theme.px(8))
        self._style()

    def set_margins(self, left: int, top: int, right: int, bottom: int) -> None:
        """Pixels around icon and text, until the next theme."""
        self._layout.setContentsMargins(left, top, right, bottom)

    def _style(self) -> None:
        palette = self._theme.palette
        self._colour = palette.roles[Role(self._role)]
        self._ground = blend(palette.background, self._colour, 0.15)
        self._icon.setPixmap(pixmap(self._ICONS[self._role], self._theme, self._colour, 18, self.devicePixelRatioF()))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        radius = self._theme.px(5)
        painter.setBrush(QColor(self._ground))
        painter.drawRoundedRect(self.rect(), radius, radius)
        painter.setBrush(QColor(self._colour))
        painter.drawRoundedRect(QRectF(0, 0, self._theme.px(4), self.height()), self._theme.px(2), self._theme.px(2))
        painter.end()


BlockWidget = HeadingBlock | ParagraphBlock | FormulaBlock | NumbersBlock | TableBlock | VerdictBlock

#: Which widget shows which kind of block. To add a kind is one entry here.
BLOCKS: dict[type[Block], type[BlockWidget]] = {
    Heading: HeadingBlock,
    Paragraph: ParagraphBlock,
    Formula: FormulaBlock,
    Numbers: NumbersBlock,
    Table: TableBlock,
    Verdict: VerdictBlock,
}


def wrapping_label(parent: QWidget) -> QLabel:
    """A label of plain text that wraps, can be selected, and never asks for more width than there is."""
    label = QLabel(parent)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setMinimumSize(QSize(1, 1))
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.MinimumExpanding)
    policy = label.sizePolicy()
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    return label
