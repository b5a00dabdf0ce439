"""What every editor of a parameter can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from visualizer.base.errors import ParameterError
from visualizer.base.parameters import Integer, Parameter, Real
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import describe


class Editor(QWidget):
    """Edits one value. The widget itself is the body of a form row; ``head`` stands beside the label.

    Signals:
        changed: the new value, already checked; True when the change is complete, False while a slider is dragged.
        problem: a sentence that says what is wrong with the input; empty when it is right again.
        asked: of a program: "run", "stop" or "browse".
    """

    changed = Signal(object, bool)
    problem = Signal(str)
    asked = Signal(str)

    #: The editor writes the label itself (a check box does).
    labels_itself = False

    def __init__(self, parameter: Parameter[Any], prefix: str, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.parameter = parameter
        self.prefix = f"{prefix}.{parameter.name}"
        self.theme = theme
        self.head: QWidget | None = None

    def build(self, state: Any) -> Iterator[None]:
        """Make the widgets and show the state, in pieces short enough for one frame each."""
        raise NotImplementedError

    def main_control(self) -> QWidget:
        """The control that carries the object name ``<experiment>.<parameter>`` and belongs to the label."""
        raise NotImplementedError

    def rename(self, title: str) -> None:
        """Take another label."""
        self.main_control().setAccessibleName(title)

    def show_value(self, value: Any, state: Any) -> None:
        """Show a value without emitting anything. What is half typed stays if the value did not change."""
        raise NotImplementedError

    def in_effect(self) -> str:
        """The value in effect as a message names it; empty when there is nothing short to say."""
        return ""

    def altered(self) -> bool:
        """Whether a control shows something else than the value in effect, half typed or refused."""
        return False

    def discard(self) -> None:
        """Show the value in effect again; what was typed and not taken is gone, and so is the complaint."""

    def revert(self) -> None:
        """Undo what was typed since the last complete change; Escape does."""
        self.discard()

    def refused(self) -> bool:
        """Whether what is shown was refused."""
        return False

    def offer(self) -> None:
        """Take the keyboard, and show what can be chosen."""
        self.main_control().setFocus(Qt.FocusReason.OtherFocusReason)

    def set_running(self, running: bool) -> None:
        """Of a program: whether it runs."""

    def show_report(self, sentence: str, line: int, output: str) -> None:
        """Of a program: what went wrong (empty: nothing), at which line (0: none), and what it printed."""

    def complain(self, error: ParameterError) -> None:
        """Say what is wrong with the input, and which value stays in effect."""
        shown = self.in_effect()
        self.problem.emit(sentence(error, self.parameter.label) + (f" {shown} stays in effect." if shown else ""))

    def watch_escape(self, widget: QWidget) -> None:
        """Let Escape in this widget discard what was typed. Where nothing was, Escape is left to the window."""
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if (event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) and isinstance(event, QKeyEvent)
                and event.key() == Qt.Key.Key_Escape and self.altered()):
            event.accept()
            if event.type() == QEvent.Type.KeyPress:
                self.revert()
            return True
        return super().eventFilter(watched, event)

    def set_theme(self, theme: Theme) -> None:
        """Take over fonts and icons of another theme."""
        self.theme = theme

    def reset(self) -> None:
        """Set the default value, as a complete change."""
        self.problem.emit("")
        self.changed.emit(self.parameter.default, True)

    def has_body(self) -> bool:
        """Whether anything stands below the label's line."""
        return True

    def describe(self, widget: QWidget, name: str = "", help: str = "", suffix: str = "") -> None:
        """Accessible name, tooltip and object name of a control; by default those of the parameter."""
        full = self.parameter.label if not name else f"{self.parameter.label}: {name}"
        describe(widget, full, help or parameter_help(self.parameter), self.prefix + suffix)


def parameter_help(parameter: Parameter[Any], state: Any = None) -> str:
    """The declaration in words: meaning, what is allowed, for a state also what is useful, and the default."""
    lines = [parameter.help]
    if parameter.kind in ("real", "integer"):
        lines.append(f"Allowed: {allowed_text(parameter, state)}.")
    if parameter.kind in ("real", "integer", "flag", "choice"):
        shown = parameter.default
        if parameter.kind == "choice":
            shown = next((o.title for o in parameter.options if o.name == shown), shown)  # type: ignore[attr-defined]
        elif parameter.kind == "flag":
            shown = "on" if shown else "off"
        unit = f" {parameter.unit}" if parameter.unit else ""
        lines.append(f"Default: {shown}{unit}. Double click sets it." if parameter.kind in ("real", "integer")
                     else f"Default: {shown}.")
    return "\n".join(lines)


def allowed_text(parameter: Parameter[Any], state: Any) -> str:
    """What is allowed, and the useful part of it where the parameter declares one for this state."""
    allowed = parameter.allowed(state)
    if state is None or not isinstance(parameter, (Real, Integer)) or parameter.span is None:
        return allowed
    low, high = parameter.span(state)
    if low <= parameter.minimum and high >= parameter.maximum:
        return allowed
    return f"{allowed} (useful: {low:g} to {high:g})"


def sentence(error: ParameterError, label: str) -> str:
    """A parameter's refusal in the words of the form: the label in place of the command-line option."""
    given = error.given if isinstance(error.given, str) else repr(error.given)
    if len(given) > 40:
        given = given[:37] + "..."
    return f"{label}: \u201c{given}\u201d is not possible; allowed is {error.allowed}."
