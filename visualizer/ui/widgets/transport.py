"""The transport bar, the same in every tab: step, run, speed, reset, seed, status. It shows; the window decides."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QKeySequence, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from visualizer.base.experiment import Experiment
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.busy import BusyIndicator
from visualizer.ui.widgets.editors.controls import ValueSlider
from visualizer.ui.widgets.help import describe, tooltip
from visualizer.ui.widgets.icons import icon
from visualizer.ui.widgets.keys import guard_keys
from visualizer.ui.widgets.seed_box import SeedBox
from visualizer.ui.widgets.speed import SpeedControl, usual_speed

# Name, title, icon, shortcut, help.
_ACTIONS = (
    ("to_start", "To the start", "to-start", Qt.Key.Key_Home, "Show the start of the run."),
    ("step_back", "Step back", "step-back", Qt.Key.Key_Left, "Show the step before."),
    ("run", "Run", "play", Qt.Key.Key_Space, "Play the run step by step, or pause it."),
    ("step", "Step", "step", Qt.Key.Key_Right, "Show the next step."),
    ("to_end", "To the end", "to-end", Qt.Key.Key_End, "Show the end of the run."),
    ("reset", "Reset", "reset", None, "Set every control of this page to its default."),
)


class TransportBar(QWidget):
    """Shows position, speed, seed and progress, and asks for changes by signals.

    Its actions carry the shortcuts Space, arrows, Home and End. They belong to the bar itself, so they work while
    the bar is visible, in its tab only, and not where a focused control needs the key.

    Signals:
        position_requested: a step, and whether the change is complete (False while dragging).
        step_requested: +1 or -1.
        speed_changed: steps per second, infinite for "max".
    """

    position_requested = Signal(int, bool)
    play_toggled = Signal()
    step_requested = Signal(int)
    to_start_requested = Signal()
    to_end_requested = Signal()
    reset_requested = Signal()
    seed_requested = Signal(int)
    cancel_requested = Signal()
    speed_changed = Signal(float)
    problem = Signal(str)

    def __init__(self, experiment: Experiment[Any, Any, Any], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._prefix = experiment.name
        self._theme = theme
        self._last = 0
        self._position = 0
        self._playing = False
        self._playable = True
        self._end_awaited = True
        self._moved = False
        self._acts: dict[str, QAction] = {}
        self._buttons: dict[str, QToolButton] = {}
        for name, title, _, key, help in _ACTIONS:
            self._acts[name] = self._action(name, title, key, help)
            self._buttons[name] = self._button(name)
        self._make_position()
        self._speed = SpeedControl(self._prefix, theme, self)
        self._speed.changed.connect(self.speed_changed)
        seed = experiment.parameters().get("seed")
        self._seed = SeedBox(seed, self._prefix, theme, self) if seed is not None else None
        if self._seed is not None:
            self._seed.chosen.connect(self.seed_requested)
            self._seed.problem.connect(self.problem)
        self._busy = BusyIndicator(self._prefix, theme, self)
        self._busy.cancel_requested.connect(self.cancel_requested)
        self._connect()
        self._lay_out()
        self.set_theme(theme)
        self.set_range(0)

    @property
    def speed(self) -> float:
        """Steps per second; infinite for "max"."""
        return self._speed.speed

    def action(self, name: str) -> QAction:
        """One of to_start, step_back, run, step, to_end, reset (KeyError otherwise)."""
        return self._acts[name]

    def set_range(self, last: int, growing: bool = False) -> None:
        """The run has the steps 0..last; 0 when there is nothing to play yet.

        While it is ``growing``, few steps are no reason to play them slower: more of them come.
        """
        self._last = last
        if not growing or usual_speed(last) > self._speed.speed:
            self._speed.set_steps(last)
        self._slider.setRange(0, max(last, 0))
        self._fit_text()
        self._show_position()

    def set_end_awaited(self, awaited: bool) -> None:
        """Whether the end will be shown once there is a run; if not, it can be asked for before there is one."""
        self._end_awaited = awaited
        self._show_position()

    def set_position(self, step: int) -> None:
        """Show this step (limited to the range)."""
        self._position = step
        self._show_position()

    def set_playing(self, playing: bool) -> None:
        """Show Pause in place of Run."""
        if playing == self._playing:
            return
        self._playing = playing
        self._show_playing()

    def set_speed(self, speed: float) -> None:
        """Show a speed without emitting."""
        self._speed.set_speed(speed)

    def set_seed(self, seed: int | None) -> None:
        """Show the seed; None where nothing is random (its place stays empty)."""
        if self._seed is not None:
            self._seed.setVisible(seed is not None)
            if seed is not None:
                self._seed.set_seed(seed)

    def set_progress(self, fraction: float | None, text: str) -> None:
        """The status text, and how much is done in [0, 1]; negative: unknown; None: nothing is going on."""
        self._busy.set_progress(fraction, text)

    def set_enabled_for(self, playable: bool) -> None:
        """Hide what plays on pages that have nothing to play; what stays does not move."""
        self._playable = playable
        for widget in self._step_controls:
            widget.setVisible(playable)
        self._show_position()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        size = QSize(theme.px(18), theme.px(18))
        for name, _, picture, _, _ in _ACTIONS:
            self._acts[name].setIcon(icon(picture, theme))
            self._buttons[name].setIconSize(size)
        self._rows.setContentsMargins(theme.px(8), theme.px(4), theme.px(8), theme.px(4))
        self._rows.setSpacing(0)
        self._above.setSpacing(theme.px(8))
        self._layout.setSpacing(theme.px(2))
        self._arrange(theme.presentation)
        for spacer in self._gaps:
            spacer.setFixedWidth(theme.px(8))
        self._text.setFont(theme.font("number"))
        self._slider.setMinimumWidth(theme.px(72))
        run = self._buttons["run"]
        run.setFont(theme.font("body"))
        widest = max(run.fontMetrics().horizontalAdvance(text) for text in ("Run", "Pause"))
        run.setFixedWidth(widest + theme.px(18 + 26))
        self._speed.set_theme(theme)
        if self._seed is not None:
            self._seed.set_theme(theme)
        self._busy.set_theme(theme)
        self._fit_text()
        self._show_playing()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        guard_keys(self.window())

    def _action(self, name: str, title: str, key: Qt.Key | None, help: str) -> QAction:
        action = QAction(title, self)
        action.setObjectName(f"{self._prefix}.{name}")
        shown = ""
        if key is not None:
            action.setShortcut(QKeySequence(key))
            shown = f" ({QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)})"
        action.setAutoRepeat(name in ("step", "step_back"))
        action.setToolTip(tooltip(f"{help}{shown}"))
        action.setStatusTip(help)
        self.addAction(action)
        return action

    def _button(self, name: str) -> QToolButton:
        button = QToolButton(self)
        button.setDefaultAction(self._acts[name])
        button.setObjectName(f"{self._prefix}.{name}.button")
        button.setAccessibleName(self._acts[name].text())
        button.setAccessibleDescription(self._acts[name].statusTip())
        # A click leaves the focus where it is: Space then means run, not "press this button again".
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        if name == "run":
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        return button

    def _make_position(self) -> None:
        self._slider = ValueSlider(self)
        describe(self._slider, "Step", "Which step of the run is shown. Drag it, or use the arrow keys.",
                 f"{self._prefix}.shown_step")
        self._slider.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._slider.moved.connect(self._on_moved)
        self._slider.released.connect(self._on_released)
        self._slider.stepped.connect(self._on_stepped)
        self._slider.to_end.connect(self._on_end)
        self._slider.defaulted.connect(self.to_end_requested)
        self._text = QLabel(self)
        self._text.setObjectName(f"{self._prefix}.position")
        self._text.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def _connect(self) -> None:
        self._acts["run"].triggered.connect(self._on_run)
        self._acts["step"].triggered.connect(self._on_step)
        self._acts["step_back"].triggered.connect(self._on_step_back)
        self._acts["to_start"].triggered.connect(self._on_to_start)
        self._acts["to_end"].triggered.connect(self._on_to_end)
        self._acts["reset"].triggered.connect(self._on_reset)

    def _lay_out(self) -> None:
        self._rows = QVBoxLayout(self)
        self._above = QHBoxLayout()
        self._layout = QHBoxLayout()
        self._rows.addLayout(self._above)
        self._rows.addLayout(self._layout)
        self._gaps: list[QWidget] = []
        played = [self._buttons[name] for name in ("to_start", "step_back", "run", "step", "to_end")]
        self._step_controls: list[QWidget] = [*played, self._slider, self._text, self._speed]
        for button in played:
            self._layout.addWidget(button)
        self._add_gap()
        self._add_gap()
        self._add_gap()
        self._layout.addWidget(self._speed)
        self._add_gap()
        if self._seed is not None:
            self._layout.addWidget(self._seed)
        self._layout.addWidget(self._buttons["reset"])
        self._add_gap()
        self._layout.addWidget(self._busy, 2)
        for widget in (*self._step_controls, self._seed):
            if widget is not None:
                policy = widget.sizePolicy()
                policy.setRetainSizeWhenHidden(True)
                widget.setSizePolicy(policy)

    def _arrange(self, two_rows: bool) -> None:
        """Position and its text beside the buttons, or on a row above them where large type needs the width."""
        for widget in (self._slider, self._text):
            self._above.removeWidget(widget)
            self._layout.removeWidget(widget)
        if two_rows:
            self._above.addWidget(self._slider, 1)
            self._above.addWidget(self._text)
        else:
            first = self._layout.indexOf(self._gaps[0])
            self._layout.insertWidget(first + 1, self._slider, 3)
            self._layout.insertWidget(self._layout.indexOf(self._gaps[1]) + 1, self._text)

    def _add_gap(self) -> None:
        gap = QWidget(self)
        self._gaps.append(gap)
        self._layout.addWidget(gap)

    def _fit_text(self) -> None:
        """Room for the longest text of this range, so that counting moves nothing."""
        widest = self._text.fontMetrics().horizontalAdvance(_position_text(self._last, self._last))
        least = self._text.fontMetrics().horizontalAdvance(_position_text(9999, 9999))
        self._text.setFixedSize(max(widest, least), self._theme.px(20))

    def _show_position(self) -> None:
        shown = min(self._position, self._last)
        if not self._slider.isSliderDown():
            self._slider.setValue(shown)
        text = _position_text(shown, self._last)
        self._text.setText(text)
        self._slider.setAccessibleDescription(text)
        some = self._playable and self._last > 0
        self._slider.setEnabled(some)
        self._acts["run"].setEnabled(self._playable)
        for name, useful in (("to_start", shown > 0), ("step_back", shown > 0),
                             ("step", shown < self._last), ("to_end", shown < self._last)):
            self._acts[name].setEnabled(some and useful)
        if self._playable and self._last <= 0:
            self._acts["to_end"].setEnabled(not self._end_awaited)

    def _show_playing(self) -> None:
        action = self._acts["run"]
        action.setText("Pause" if self._playing else "Run")
        action.setIcon(icon("pause" if self._playing else "play", self._theme))
        self._buttons["run"].setAccessibleName(action.text())

    @Slot(int)
    def _on_moved(self, position: int) -> None:
        self._moved = True
        self.set_position(position)
        self.position_requested.emit(position, False)

    @Slot()
    def _on_released(self) -> None:
        if self._moved:
            self._moved = False
            self.position_requested.emit(self._slider.value(), True)

    @Slot(float)
    def _on_stepped(self, steps: float) -> None:
        if abs(steps) <= 1:
            self.step_requested.emit(1 if steps > 0 else -1)
        else:
            target = min(self._position, self._last) + round(steps)
            self.position_requested.emit(min(max(target, 0), self._last), True)

    @Slot(int)
    def _on_end(self, end: int) -> None:
        (self.to_start_requested if end < 0 else self.to_end_requested).emit()

    @Slot()
    def _on_run(self) -> None:
        self.play_toggled.emit()

    @Slot()
    def _on_step(self) -> None:
        self.step_requested.emit(1)

    @Slot()
    def _on_step_back(self) -> None:
        self.step_requested.emit(-1)

    @Slot()
    def _on_to_start(self) -> None:
        self.to_start_requested.emit()

    @Slot()
    def _on_to_end(self) -> None:
        self.to_end_requested.emit()

    @Slot()
    def _on_reset(self) -> None:
        self.reset_requested.emit()


def _position_text(shown: int, last: int) -> str:
    return f"step {shown} / {last}"
