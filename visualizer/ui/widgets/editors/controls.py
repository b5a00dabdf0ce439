"""Basic controls that behave in a scrolling panel: they take the wheel only when they have the focus."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QLineEdit, QSlider, QStyle, QStyleOptionSlider, QWidget

from visualizer.ui.theme import Theme

_KEY_STEPS = {
    Qt.Key.Key_Left: -1.0, Qt.Key.Key_Down: -1.0, Qt.Key.Key_Right: 1.0, Qt.Key.Key_Up: 1.0,
    Qt.Key.Key_PageDown: -10.0, Qt.Key.Key_PageUp: 10.0,
}
#: What a line does by Ctrl with a text that is only looked at; all other keys with Ctrl are the window's then.
_OF_THE_LINE = (
    QKeySequence.StandardKey.Copy, QKeySequence.StandardKey.Cut, QKeySequence.StandardKey.Paste,
    QKeySequence.StandardKey.SelectAll,
)


class ValueSlider(QSlider):
    """A horizontal slider whose handle comes to where one clicks.

    Signals:
        moved: the position the mouse chose.
        released: the mouse button went up.
        stepped: a key or the wheel asks for so many steps.
        to_end: Home (-1) or End (+1).
        defaulted: double click.
    """

    moved = Signal(int)
    released = Signal()
    stepped = Signal(float)
    to_end = Signal(int)
    defaulted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.sliderMoved.connect(self.moved)
        self.sliderReleased.connect(self.released)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            option = QStyleOptionSlider()
            self.initStyleOption(option)
            handle = self.style().subControlRect(
                QStyle.ComplexControl.CC_Slider, option, QStyle.SubControl.SC_SliderHandle, self
            )
            if not handle.contains(event.position().toPoint()):
                self.setSliderPosition(self._position_at(event.position().toPoint(), handle.width()))
                self.moved.emit(self.sliderPosition())
        super().mousePressEvent(event)

    def _position_at(self, point: QPoint, handle: int) -> int:
        return QStyle.sliderValueFromPosition(
            self.minimum(), self.maximum(), point.x() - handle // 2, max(1, self.width() - handle)
        )

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)
        self.defaulted.emit()
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _KEY_STEPS:
            self.stepped.emit(_KEY_STEPS[key] * _fineness(event))
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self.to_end.emit(-1 if key == Qt.Key.Key_Home else 1)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        _wheel_steps(self, event, self.stepped)


class NumberBox(QLineEdit):
    """A line for a number with its unit; ``stepped`` comes from arrow keys, page keys and the wheel.

    The keyboard often rests here while the window is used by its shortcuts. They work as long as nothing is being
    typed: Ctrl+Z takes back the last change. While something is, it takes back the typing.
    """

    stepped = Signal(float)

    def __init__(self, unit: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._unit = unit
        self._shown = ""
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.set_theme(theme)

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        self.setFont(theme.font("number"))
        width = self.fontMetrics().horizontalAdvance("\u221288.88e\u221288") + theme.px(14)
        unit = self.fontMetrics().horizontalAdvance(self._unit) + theme.px(4) if self._unit else 0
        self.setTextMargins(0, 0, unit, 0)
        self.setFixedWidth(width + unit)

    def setText(self, text: str | None) -> None:  # noqa: N802
        self._shown = text or ""
        super().setText(text)

    def event(self, event: QEvent) -> bool:
        # Qt asks whether the key is needed here or may be a shortcut; a line would claim a good part of the keyboard.
        if (
            event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent)
            and self.text() == self._shown
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier
            and not event.modifiers() & Qt.KeyboardModifier.AltModifier  # AltGr, which types
            and not any(event.matches(key) for key in _OF_THE_LINE)
        ):
            event.ignore()
            return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _KEY_STEPS and key not in (Qt.Key.Key_Left, Qt.Key.Key_Right):
            self.stepped.emit(_KEY_STEPS[key] * _fineness(event))
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        _wheel_steps(self, event, self.stepped)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._unit:
            painter = QPainter(self)
            painter.setPen(self._theme.palette.secondary_text)
            right = self.rect().adjusted(0, 0, -self._theme.px(6), 0)
            painter.drawText(right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._unit)
            painter.end()


class CalmComboBox(QComboBox):
    """A combo box that changes by wheel only when it has the focus."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


def _fineness(event: QKeyEvent) -> float:
    """Shift makes steps ten times finer."""
    return 0.1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1.0


def _wheel_steps(widget: QWidget, event: QWheelEvent, stepped: object) -> None:
    delta = event.angleDelta().y() or event.angleDelta().x()
    if not widget.hasFocus() or not delta:
        event.ignore()
        return
    stepped.emit(max(1.0, abs(delta) / 120) * (1 if delta > 0 else -1))  # type: ignore[attr-defined]
    event.accept()
