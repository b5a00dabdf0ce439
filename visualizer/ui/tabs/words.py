"""The words of a tab: the explain panel at the right, and the verdict over the figures where that is folded away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from visualizer.ui.tabs.controller import Controller
from visualizer.ui.tabs.side_panel import SidePanel
from visualizer.ui.theme import Theme

#: In a lower tab the transport of a page that plays leaves no room for the verdict; the figure's note says as much.
_ROOM = 800

if TYPE_CHECKING:
    from visualizer.base.explanation import Explanation
    from visualizer.ui.tabs.verdict_strip import VerdictStrip
    from visualizer.ui.widgets.explain import ExplainPanel


class Words(QObject):
    """Takes explanation and code from the controller to where they are seen.

    Args:
        controller: says them.
        right: the side panel for the explanation.
        theme: how it looks at first.
        parent: the tab.
    """

    def __init__(self, controller: Controller, right: SidePanel, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._tab = parent
        self._controller = controller
        self._right = right
        self._presentation = False
        self._folded = False
        self._panel: ExplainPanel | None = None
        self._strip: VerdictStrip | None = None
        self._explanation: Explanation | None = None
        self._code = ""

    def build(self, middle: QVBoxLayout) -> Iterator[None]:
        """Make panel and strip; the strip stands over the figures, the last in the ``middle``."""
        from visualizer.ui.tabs.verdict_strip import VerdictStrip
        from visualizer.ui.widgets.explain import ExplainPanel

        yield
        name = self._controller.experiment.name
        self._strip = VerdictStrip(name, self._theme, self._tab)
        middle.insertWidget(middle.count() - 1, self._strip)
        self._panel = ExplainPanel(name, self._theme, self._right)
        self._right.body.addWidget(self._panel)
        self._tab.installEventFilter(self)
        self._place()
        self._controller.explained.connect(self._on_explained)
        self._controller.coded.connect(self._on_coded)
        self._controller.refresh()
        yield

    def arrange(self, presentation: bool) -> None:
        """Panels have been folded, or unfolded; or presentation mode has begun or ended."""
        self._presentation = presentation
        folded, was = self._right.isHidden(), self._folded
        self._folded = folded
        self._controller.set_explaining(presentation or not folded)
        self._place()
        if was and not folded:
            self._fill()

    def _place(self) -> None:
        """Show the verdict over the figures where that is where it is looked for, and there is room."""
        if self._strip is not None:
            view = self._controller.experiment.view(self._controller.state)
            room = self._tab.height() >= _ROOM or not view.playable
            self._strip.set_wanted(self._presentation and self._right.isHidden() and room)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for part in (self._panel, self._strip):
            if part is not None:
                part.set_theme(theme)

    @Slot(object)
    def _on_explained(self, explanation: Explanation) -> None:
        self._explanation = explanation
        if self._strip is not None:
            self._strip.show_explanation(explanation, self._controller.page)
            self._place()
        self._fill()

    @Slot(str)
    def _on_coded(self, code: str) -> None:
        self._code = code
        self._fill()

    def _fill(self) -> None:
        """Give the panel the newest; a folded one would only typeset what nobody sees."""
        if self._panel is not None and not self._right.isHidden() and self._explanation is not None:
            self._panel.set_explanation(self._explanation)
            self._panel.set_code(self._code)
