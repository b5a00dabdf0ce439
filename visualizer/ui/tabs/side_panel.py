"""A panel at the side of a tab: as wide as the user drags it, and foldable."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QVBoxLayout, QWidget

from visualizer.ui.theme import Theme


class SidePanel(QWidget):
    """Holds one widget; ``width_hint`` in device-independent pixels before the theme's zoom."""

    def __init__(self, theme: Theme, width_hint: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._width_hint = width_hint
        self._theme = theme
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        self.set_theme(theme)

    @property
    def wanted_width(self) -> int:
        """In pixels. On a projector the type grows more than the panel: the figure is what is looked at."""
        return round(self._width_hint * (1 + (self._theme.zoom - 1) * 0.6))

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setMinimumWidth(round(self.wanted_width * 0.75))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(self.wanted_width, 400)
