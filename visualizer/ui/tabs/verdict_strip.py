"""What a run comes to, in one sentence over the figures, where the explanation is folded away: on a projector."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from visualizer.base.explanation import Explanation, Verdict
from visualizer.ui.theme import Theme


class VerdictStrip(QWidget):
    """Shows the verdict of an explanation, large. While one page is shown it only grows, so that the figures under it
    keep their place when a run goes on and the sentence becomes a longer one.

    Args:
        prefix: the experiment's name; the strip is ``<prefix>.verdict``.
    """

    def __init__(self, prefix: str, theme: Theme, parent: QWidget) -> None:
        # Here and not above: nothing of it is needed for the first paint.
        from visualizer.ui.widgets.explain_blocks import VerdictBlock

        super().__init__(parent)
        self.setObjectName(f"{prefix}.verdict")
        self._theme = theme
        self._page = ""
        self._text = ""
        self._wanted = False
        self._block = VerdictBlock(theme, self)
        self._layout = QVBoxLayout(self)
        self._layout.addWidget(self._block)
        self.set_theme(theme)
        self.hide()

    @property
    def text(self) -> str:
        """The verdict; empty where the explanation has none."""
        return self._text

    def show_explanation(self, explanation: Explanation, page: str) -> None:
        """Show the first verdict of this explanation of a page; nothing where it has none."""
        verdict = next((block for block in explanation.blocks if isinstance(block, Verdict)), None)
        self._text = verdict.text if verdict is not None else ""
        if verdict is not None:
            self._block.show_block(verdict)
        if page != self._page:
            self._page = page
            self.setMinimumHeight(0)
        self._choose_visible()

    def set_wanted(self, wanted: bool) -> None:
        """Whether there is a place for it; it is shown where there is also a verdict."""
        self._wanted = wanted
        self._choose_visible()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        px = theme.px
        self._block.set_theme(theme)
        self._block.set_margins(px(12), px(4), px(8), px(4))
        self._layout.setContentsMargins(px(8), px(2), px(8), px(2))
        self.setMinimumHeight(0)
        self._grow()

    def _choose_visible(self) -> None:
        self.setVisible(self._wanted and bool(self._text))
        self._grow()

    def _grow(self) -> None:
        needed = self.heightForWidth(self.width())
        if self._text and needed > self.minimumHeight():
            self.setMinimumHeight(needed)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.setMinimumHeight(0)
        self._grow()
