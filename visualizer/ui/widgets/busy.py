"""What the worker is doing: a line of text, and a progress bar with Cancel for work that takes a while."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QSizePolicy, QToolButton, QWidget

from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import describe, tooltip
from visualizer.ui.widgets.icons import icon

_BUSY_AFTER_MS = 150
_WHOLE = 1000


class ElidedLabel(QLabel):
    """One line that ends in an ellipsis where there is no room; the tooltip has the whole text."""

    def minimumSizeHint(self) -> QSize:
        return QSize(0, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, self.width())
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()


class BusyIndicator(QWidget):
    """The bar appears only after 150 ms of work, so that short work does not flicker. Its place is always kept."""

    cancel_requested = Signal()

    def __init__(self, prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._text = ElidedLabel(self)
        self._text.setObjectName(f"{prefix}.status")
        self._text.setAccessibleName("Status")
        self._text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._text.setTextFormat(Qt.TextFormat.PlainText)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setRange(0, _WHOLE)
        describe(self._bar, "Progress", "How much of the work is done.", f"{prefix}.progress")
        self._cancel = QToolButton(self)
        describe(self._cancel, "Cancel", "Cancel the work that is running.", f"{prefix}.cancel.button")
        self._cancel.clicked.connect(self.cancel_requested)
        for widget in (self._bar, self._cancel):
            policy = widget.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            widget.setSizePolicy(policy)
            widget.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_BUSY_AFTER_MS)
        self._timer.timeout.connect(self._appear)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.addWidget(self._text, 1)
        self._layout.addWidget(self._bar)
        self._layout.addWidget(self._cancel)
        self.set_theme(theme)

    @property
    def busy(self) -> bool:
        """Whether work is going on, shown or not yet."""
        return self._timer.isActive() or not self._bar.isHidden()

    def set_progress(self, fraction: float | None, text: str) -> None:
        """``fraction`` done in [0, 1], negative when unknown; None when nothing is going on."""
        self._text.setText(text)
        self._text.setToolTip(tooltip(text) if text else "")
        self._text.setAccessibleDescription(text)
        if fraction is None:
            self._timer.stop()
            self._bar.hide()
            self._cancel.hide()
            return
        self._bar.setRange(0, 0 if fraction < 0 else _WHOLE)
        if fraction >= 0:
            self._bar.setValue(round(min(fraction, 1.0) * _WHOLE))
        if not self.busy:
            self._timer.start()

    def set_theme(self, theme: Theme) -> None:
        self._layout.setSpacing(theme.px(6))
        self._text.setFont(theme.font("label"))
        self._text.setMinimumWidth(theme.px(64))
        self._bar.setFixedWidth(theme.px(56))
        self._cancel.setIcon(icon("cancel", theme, size=16))
        self._cancel.setIconSize(QSize(theme.px(16), theme.px(16)))

    @Slot()
    def _appear(self) -> None:
        self._bar.show()
        self._cancel.show()
