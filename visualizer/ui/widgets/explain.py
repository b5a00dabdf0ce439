"""The explain panel: what is seen, with this run's numbers in the formulas, and the PyTorch code."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from visualizer.base.explanation import Block, Explanation, Paragraph
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.code_view import CodeView
from visualizer.ui.widgets.explain_blocks import BLOCKS, BlockWidget

_EMPTY = Explanation((Paragraph("The explanation appears here with the first result."),))


class ExplainPanel(QWidget):
    """Shows an :class:`Explanation` and code; scrolls. Updates in place: widgets of a kind are kept and shown again.

    Args:
        prefix: the experiment's name; the copy button is ``<prefix>.copy_code``.
    """

    def __init__(self, prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._blocks: tuple[Block, ...] = ()
        self._widgets: list[BlockWidget] = []
        self._spare: dict[type[Block], list[BlockWidget]] = {}
        self._scroll = QScrollArea(self)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._content = QWidget(self._scroll)
        self._content.setProperty("panel", True)
        self._content.setObjectName(f"{prefix}.explain")
        self._content.setAccessibleName("Explanation")
        self._layout = QVBoxLayout(self._content)
        self._code = CodeView(prefix, theme, self._content)
        self._code.hide()
        self._layout.addWidget(self._code)
        self._layout.addStretch(1)
        self._scroll.setWidget(self._content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._scroll)
        self.set_theme(theme)
        self.set_explanation(_EMPTY)

    def set_explanation(self, explanation: Explanation) -> None:
        """Show these blocks. Cheap when only numbers differ from what is shown."""
        blocks = explanation.blocks
        if [type(block) for block in blocks] != [type(block) for block in self._blocks]:
            self._rebuild(blocks)
        for widget, new, old in zip(self._widgets, blocks, self._blocks, strict=True):
            if new != old:
                widget.show_block(new)  # type: ignore[arg-type]  # the widget of this block's kind
        self._blocks = blocks

    def set_code(self, code: str) -> None:
        """Show this program under the explanation; nothing where it is empty."""
        self._code.setVisible(bool(code))
        self._code.set_code(code)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._layout.setContentsMargins(theme.px(12), theme.px(10), theme.px(12), theme.px(12))
        self._layout.setSpacing(theme.px(8))
        for widget in [*self._widgets, *(widget for spare in self._spare.values() for widget in spare)]:
            widget.set_theme(theme)
        self._code.set_theme(theme)

    def _rebuild(self, blocks: tuple[Block, ...]) -> None:
        """Put widgets for these kinds in order, taking those that are there before new ones are made."""
        self.setUpdatesEnabled(False)
        for block, widget in zip(self._blocks, self._widgets, strict=True):
            self._layout.removeWidget(widget)
            self._spare.setdefault(type(block), []).append(widget)
        self._widgets = []
        for index, block in enumerate(blocks):
            spare = self._spare.get(type(block))
            widget = spare.pop(0) if spare else BLOCKS[type(block)](self._theme, self._content)
            widget.show_block(block)  # type: ignore[arg-type]
            self._layout.insertWidget(index, widget)
            widget.show()
            self._widgets.append(widget)
        for spare in self._spare.values():
            for widget in spare:
                widget.hide()
        self._blocks = blocks
        self.setUpdatesEnabled(True)
