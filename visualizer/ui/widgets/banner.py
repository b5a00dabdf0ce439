"""A message across the window: one sentence, details folded away."""

from __future__ import annotations

from typing import Literal

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from visualizer.base.roles import Role
from visualizer.ui.stylesheet import blend
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import describe
from visualizer.ui.widgets.icons import icon, pixmap

BannerRole = Literal["info", "good", "warning", "bad"]


class Banner(QFrame):
    """Hidden until :meth:`show_message`; ``closed`` when the user closes it."""

    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget, object_name: str = "window.banner") -> None:
        super().__init__(parent)
        self._theme = theme
        self._role: BannerRole = "info"
        self.setObjectName(object_name)
        self._icon = QLabel(self)
        self._text = QLabel(self)
        self._text.setWordWrap(True)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._more = QPushButton("Details", self)
        self._more.setCheckable(True)
        self._more.setProperty("small", True)
        describe(self._more, "Details", "Show or hide the details of this message.", f"{object_name}.details")
        self._more.toggled.connect(self._on_details)
        self._copy = QPushButton("Copy", self)
        self._copy.setProperty("small", True)
        describe(self._copy, "Copy message", "Copy this message with its details to the clipboard.",
                 f"{object_name}.copy")
        self._copy.clicked.connect(self._on_copy)
        self._close = QToolButton(self)
        describe(self._close, "Close message", "Close this message.", f"{object_name}.close")
        self._close.clicked.connect(self._on_close)
        self._details = QPlainTextEdit(self)
        self._details.setReadOnly(True)
        self._details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self._details.setProperty("code", True)
        describe(self._details, "Details of the message", "Technical details, for a report.")
        self._line = QHBoxLayout()
        for widget in (self._icon, self._text, self._copy, self._more, self._close):
            self._line.addWidget(widget, 1 if widget is self._text else 0)
        self._layout = QVBoxLayout(self)
        self._layout.addLayout(self._line)
        self._layout.addWidget(self._details)
        self._details.hide()
        self.set_theme(theme)
        self.hide()

    @property
    def message(self) -> str:
        """The sentence that is shown, or nothing."""
        return "" if self.isHidden() else self._text.text()

    def show_message(self, sentence: str, details: str = "", role: BannerRole = "bad") -> None:
        """Show a sentence in place of the one before."""
        self._role = role
        self._text.setText(sentence)
        self._text.setAccessibleName(sentence)
        self.setAccessibleName(sentence)
        self._details.setPlainText(details)
        self._more.setChecked(False)
        self._more.setVisible(bool(details))
        self._copy.setVisible(bool(details))
        self._style()
        self.show()

    @Slot()
    def clear(self) -> None:
        """Take the message away."""
        self.hide()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self._layout.setContentsMargins(theme.px(12), theme.px(6), theme.px(8), theme.px(6))
        self._layout.setSpacing(theme.px(6))
        self._line.setSpacing(theme.px(8))
        self._text.setFont(theme.font("body"))
        self._details.setFont(theme.font("code"))
        self._details.setFixedHeight(theme.px(140))
        self._close.setIcon(icon("close", theme, size=16))
        self._close.setIconSize(QSize(theme.px(16), theme.px(16)))
        self._style()

    def _style(self) -> None:
        colours = self._theme.palette
        colour = colours.accent if self._role == "info" else colours.roles[Role(self._role)]
        self._icon.setPixmap(pixmap(self._role, self._theme, colour, 18, self.devicePixelRatioF()))
        ground = blend(colours.background, colour, 0.14)
        self.setStyleSheet(
            f"Banner {{ background: {ground}; border: none; border-left: {self._theme.px(4)}px solid {colour}; }}"
        )

    @Slot(bool)
    def _on_details(self, opened: bool) -> None:
        self._details.setVisible(opened)

    @Slot()
    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(f"{self._text.text()}\n\n{self._details.toPlainText()}".strip() + "\n")

    @Slot()
    def _on_close(self) -> None:
        self.hide()
        self.closed.emit()
