"""The explain panel: what is seen, with this run's numbers in the formulas, and the PyTorch code."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from visualizer.base.explanation import Block, Explanation, Paragraph
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.code_view import CodeView
from visualizer.ui.widgets.explain_blocks import BLOCKS, BlockWidget, FormulaBlock
from visualizer.ui.widgets.explain_gate import FormulaGate
from visualizer.ui.widgets.typesetter import Typesetter

#: Seconds of a frame for making widgets; the last one begun may take a few milliseconds more.
_SLICE = 0.005
_EMPTY = Explanation((Paragraph("The explanation appears here with the first result."),))


class ExplainPanel(QWidget):
    """Shows an :class:`Explanation` and code; scrolls. Updates in place: widgets of a kind are kept and shown again.

    Widgets that are still missing are made over several frames, so that no frame waits for them.

    Args:
        prefix: the experiment's name; the copy button is ``<prefix>.copy_code``.
    """

    def __init__(self, prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._blocks: tuple[Block, ...] = ()
        self._target: tuple[Block, ...] = ()
        self._more = QTimer(self)
        self._more.setInterval(0)
        self._more.timeout.connect(self._on_more)
        self._gate = FormulaGate(Typesetter.shared(), self)
        self._gate.passed.connect(self._show)
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

    @property
    def complete(self) -> bool:
        """Whether all of the explanation is shown."""
        return not self._gate.waiting and self._made

    @property
    def _made(self) -> bool:
        """Whether every block that may be shown has its widget."""
        return len(self._widgets) == len(self._target)

    def set_explanation(self, explanation: Explanation) -> None:
        """Show these blocks, as soon as their formulas are typeset, so that formulas and numbers always agree.

        Cheap when only numbers differ from what is shown.
        """
        self._gate.take(explanation)

    @Slot(object)
    def _show(self, explanation: Explanation) -> None:
        kinds = [type(block) for block in explanation.blocks]
        same = kinds == [type(block) for block in self._target]
        self._target = explanation.blocks
        if not same:
            self._set_aside(kinds)
        for widget, new, old in zip(self._widgets, self._target, self._blocks, strict=False):
            if new != old:
                widget.show_block(new)  # type: ignore[arg-type]  # the widget of this block's kind
        self._blocks = self._target[:len(self._widgets)]
        self._on_more()

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

    def _set_aside(self, kinds: list[type[Block]]) -> None:
        """Keep the widgets up to the first whose kind is another; set the rest aside, to be used again."""
        same = 0
        for have, want in zip(self._blocks, kinds, strict=False):
            if type(have) is not want:
                break
            same += 1
        for block, widget in zip(self._blocks[same:], self._widgets[same:], strict=True):
            widget.hide()
            self._layout.removeWidget(widget)
            if isinstance(widget, FormulaBlock):
                widget.clear()
            self._spare.setdefault(type(block), []).append(widget)
        del self._widgets[same:]
        self._blocks = self._blocks[:same]

    @Slot()
    def _on_more(self) -> None:
        """Show the blocks that are still missing, for as long as a frame can spare; the rest with the next one."""
        until = time.perf_counter() + _SLICE
        while not self._made and time.perf_counter() < until:
            block = self._target[len(self._widgets)]
            spare = self._spare.get(type(block))
            widget = spare.pop(0) if spare else BLOCKS[type(block)](self._theme, self._content)
            widget.show_block(block)  # type: ignore[arg-type]  # the widget of this block's kind
            self._layout.insertWidget(len(self._widgets), widget)
            widget.show()
            self._widgets.append(widget)
            self._blocks = (*self._blocks, block)
        if self._made:
            self._more.stop()
        elif not self._more.isActive():
            self._more.start()
