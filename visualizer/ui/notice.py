"""A sentence that floats over the foot of a widget for a while and fades: for what is good to know and moves nothing."""

from __future__ import annotations

from PySide6.QtCore import QAbstractAnimation, QEvent, QObject, QPropertyAnimation, Qt, QTimer, Slot
from PySide6.QtWidgets import QGraphicsOpacityEffect, QLabel, QWidget

from visualizer.ui.theme import Theme

_FADE_MS = 400


class Notice(QLabel):
    """Hidden until :meth:`say`. Takes neither clicks nor the keyboard.

    Args:
        parent: the widget over whose foot it floats.
    """

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("window.notice")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._opacity = QGraphicsOpacityEffect(self)
        self.setGraphicsEffect(self._opacity)
        self._fading = QPropertyAnimation(self._opacity, b"opacity", self)
        self._fading.setDuration(_FADE_MS)
        self._fading.setEndValue(0.0)
        self._fading.finished.connect(self.hide)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._fade)
        parent.installEventFilter(self)
        self.set_theme(theme)
        self.hide()

    def say(self, sentence: str, duration_ms: int) -> None:
        """Show this, in place of what was said before."""
        self._fading.stop()
        self._opacity.setOpacity(1.0)
        self.setText(sentence)
        self.setAccessibleName(sentence)
        self._place()
        self.show()
        self.raise_()
        self._timer.start(duration_ms)

    @property
    def message(self) -> str:
        """What is said now, or nothing."""
        fading = self._fading.state() == QAbstractAnimation.State.Running
        return "" if self.isHidden() or fading else self.text()

    def set_theme(self, theme: Theme) -> None:
        colours = theme.palette
        self.setFont(theme.font("body"))
        self.setStyleSheet(
            f"QLabel {{ background: {colours.text}; color: {colours.background}; border-radius: {theme.px(6)}px; "
            f"padding: {theme.px(8)}px {theme.px(16)}px; }}"
        )
        self._foot = theme.px(120)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        around = self.parentWidget()
        if around is None:
            return
        size = self.sizeHint()
        width = min(size.width(), around.width() - 32)
        self.setGeometry((around.width() - width) // 2, max(0, around.height() - self._foot - size.height()),
                         width, size.height())

    @Slot()
    def _fade(self) -> None:
        self._fading.setStartValue(1.0)
        self._fading.start()
