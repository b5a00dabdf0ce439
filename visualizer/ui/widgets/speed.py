"""How fast a run is played: a logarithmic slider in steps per second, with "max" at its end."""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.controls import ValueSlider
from visualizer.ui.widgets.editors.scale import SliderScale
from visualizer.ui.widgets.help import describe
from visualizer.ui.widgets.icons import pixmap

_SLOWEST, _FASTEST, _DEFAULT = 1, 2000, 30
_SECONDS = 5  # that a run takes which would be over in less than one
_STEPS = 100  # slider positions up to the fastest; one more is "max"


def usual_speed(steps: int) -> float:
    """Steps per second at which a run of so many steps is played unless the user says otherwise (0: not known yet).

    Few steps are scenes to look at one by one; at the speed of a long run they would be over before they are seen.
    """
    if not 0 < steps < _DEFAULT:
        return float(_DEFAULT)
    return float(max(_SLOWEST, round(steps / _SECONDS)))


class SpeedControl(QWidget):
    """``changed`` tells steps per second; infinite for "max".

    Until the user chooses a speed it is the usual one for the length of the run (see :meth:`set_steps`).
    """

    changed = Signal(float)

    def __init__(self, prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._scale = SliderScale(_SLOWEST, _FASTEST, log=True, integer=True)
        self._icon = QLabel(self)
        self._slider = ValueSlider(self)
        self._slider.setRange(0, _STEPS + 1)
        describe(self._slider, "Speed", f"Steps played per second, from {_SLOWEST} to {_FASTEST}; at the right end as "
                 f"fast as possible. Double click sets {_DEFAULT}, or less if the run has only a few steps.", f"{prefix}.speed")
        self._slider.moved.connect(self._on_moved)
        self._slider.stepped.connect(self._on_stepped)
        self._slider.to_end.connect(self._on_end)
        self._slider.defaulted.connect(self._on_default)
        self._text = QLabel(self)
        self._text.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._icon, self._slider, self._text):
            self._layout.addWidget(widget)
        self._usual = float(_DEFAULT)
        self._chosen = False
        self.set_theme(theme)
        self._show(self._usual)

    def set_speed(self, speed: float) -> None:
        """Show a speed (infinite: "max"), as if it was chosen, without emitting."""
        self._chosen = True
        self._show(speed)

    def set_steps(self, steps: int) -> None:
        """The run has so many steps: where no speed was chosen, the usual one for them is taken, and told."""
        self._usual = usual_speed(steps)
        if not self._chosen and self.speed != self._usual:
            self._show(self._usual)
            self.changed.emit(self._usual)

    def _show(self, speed: float) -> None:
        self.speed = speed
        top = self._scale.last
        position = _STEPS + 1 if math.isinf(speed) else round(self._scale.position(speed) / top * _STEPS)
        if not self._slider.isSliderDown():
            self._slider.setValue(position)
        self._text.setText("max" if math.isinf(speed) else f"{round(speed)}/s")
        self._slider.setAccessibleDescription(
            "as fast as possible" if math.isinf(speed) else f"{round(speed)} steps per second"
        )

    def set_theme(self, theme: Theme) -> None:
        self._layout.setSpacing(theme.px(4))
        self._icon.setPixmap(pixmap("speed", theme, theme.palette.secondary_text, 18, self.devicePixelRatioF()))
        self._slider.setFixedWidth(theme.px(64))
        self._text.setFont(theme.font("number"))
        self._text.setFixedSize(QSize(self._text.fontMetrics().horizontalAdvance("2000/s"), theme.px(20)))

    def _take(self, speed: float, chosen: bool = True) -> None:
        self._chosen = chosen
        if speed != self.speed:
            self._show(speed)
            self.changed.emit(speed)

    @Slot(int)
    def _on_moved(self, position: int) -> None:
        if position > _STEPS:
            self._take(math.inf)
        else:
            self._take(self._scale.value(round(position / _STEPS * self._scale.last)))

    @Slot(float)
    def _on_stepped(self, steps: float) -> None:
        if math.isinf(self.speed):
            self._take(float(_FASTEST) if steps < 0 else math.inf)
            return
        faster = self._scale.stepped(self.speed, 2 * steps)
        self._take(math.inf if self.speed >= _FASTEST and steps > 0 else min(max(faster, _SLOWEST), _FASTEST))

    @Slot(int)
    def _on_end(self, end: int) -> None:
        self._take(float(_SLOWEST) if end < 0 else math.inf)

    @Slot()
    def _on_default(self) -> None:
        self._take(self._usual, chosen=False)
