"""A foldable section: a heading that opens and closes what stands under it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QSizePolicy, QToolButton, QVBoxLayout, QWidget

from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import describe
from visualizer.ui.widgets.icons import icon


class Section(QWidget):
    """``toggled`` says whether the section is open after the user folded or unfolded it."""

    toggled = Signal(bool)

    def __init__(self, title: str, theme: Theme, parent: QWidget, object_name: str = "") -> None:
        super().__init__(parent)
        self.title = title
        self._theme = theme
        self._header = QToolButton(self)
        self._header.setText(title)
        self._header.setProperty("section", True)
        self._header.setCheckable(True)
        self._header.setChecked(True)
        self._header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._header.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        describe(self._header, title, f"Fold or unfold the section {title}.", object_name)
        self._header.toggled.connect(self._on_toggled)
        self._content = QWidget(self)
        self.body = QVBoxLayout(self._content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self._header)
        outer.addWidget(self._content)
        self.set_theme(theme)

    @property
    def folded(self) -> bool:
        return not self._header.isChecked()

    def set_folded(self, folded: bool) -> None:
        """Fold or unfold without emitting ``toggled``."""
        self._header.blockSignals(True)
        self._header.setChecked(not folded)
        self._header.blockSignals(False)
        self._show()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        font = theme.font("title")
        font.setPixelSize(theme.font("body").pixelSize())
        self._header.setFont(font)
        self._header.setIconSize(QSize(theme.px(14), theme.px(14)))
        self.body.setContentsMargins(theme.px(4), theme.px(2), theme.px(4), theme.px(8))
        self.body.setSpacing(theme.px(8))
        self._show()

    @Slot(bool)
    def _on_toggled(self, opened: bool) -> None:
        self._show()
        self.toggled.emit(opened)

    def _show(self) -> None:
        self._content.setVisible(not self.folded)
        self._header.setIcon(icon("chevron-right" if self.folded else "chevron-down", self._theme, size=14))
