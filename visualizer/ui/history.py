"""Undo and redo: every committed change of a tab's state is one command on the tab's stack.

Moving through a result (``shown_step``) and turning pages never enter the history: a command remembers whole
states, and undoing one brings the page back on which it was made, but not the transport position.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from PySide6.QtGui import QUndoCommand, QUndoGroup, QUndoStack

from visualizer.base.experiment import State
from visualizer.base.parameters import Integer, Parameter, Real, Text, parameters_of

#: Fields that change without entering the history.
NAVIGATION = ("view", "shown_step")
#: Two steps of the same number closer together than this (key repeat, wheel notches) are one step in the history.
MERGE_SECONDS = 1.0
_MERGE_ID = 1

S = TypeVar("S", bound=State)


def changed_parameters(before: State, after: State) -> tuple[Parameter[Any], ...]:
    """The declared parameters whose values differ, navigation left out, in declaration order."""
    return tuple(
        parameter for name, parameter in parameters_of(type(before)).items()
        if name not in NAVIGATION and getattr(before, name) != getattr(after, name)
    )


def describe_change(before: State, after: State) -> str:
    """What the undo entry is called: the label of what changed, ``and 2 more`` if it was not alone; or empty."""
    changed = changed_parameters(before, after)
    if not changed:
        return ""
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"{changed[0].label}{more}"


class StateCommand(QUndoCommand, Generic[S]):
    """From one state to another. ``apply`` is called with the state to show."""

    def __init__(self, before: S, after: S, text: str, apply: Callable[[S], None], moment: float) -> None:
        super().__init__(text)
        self.before = before
        self.after = after
        self._apply = apply
        self._moment = moment
        self._pushed = False
        changed = changed_parameters(before, after)
        alone = changed[0] if len(changed) == 1 else None
        self._merges = alone.name if isinstance(alone, (Real, Integer, Text)) else ""

    def undo(self) -> None:
        self._apply(self.before)

    def redo(self) -> None:
        # Qt calls redo when the command is pushed, and by then the user already sees the state.
        if self._pushed:
            self._apply(self.after)
        self._pushed = True

    def id(self) -> int:
        return _MERGE_ID if self._merges else -1

    def mergeWith(self, other: QUndoCommand) -> bool:  # noqa: N802 (the name is Qt's)
        """Take a later step of the very same number into this one, when it follows at once."""
        if not isinstance(other, StateCommand) or other._merges != self._merges:
            return False
        if other._moment - self._moment > MERGE_SECONDS:
            return False
        self.after = other.after
        self._moment = other._moment
        return True


class History(Generic[S]):
    """The undo stack of one tab.

    Args:
        group: the window's group, whose actions follow the tab that is in front.
        apply: shows a state that undo or redo brought back.
        clock: seconds, monotonic.
    """

    def __init__(self, group: QUndoGroup, apply: Callable[[S], None], clock: Callable[[], float] = time.monotonic) -> None:
        self.stack = QUndoStack(group)
        self.stack.setUndoLimit(500)
        self._apply = apply
        self._clock = clock

    def push(self, before: S, after: S, text: str = "") -> bool:
        """Record a committed change. Returns False when nothing but navigation changed, and records nothing."""
        words = describe_change(before, after)
        if not words:
            return False
        self.stack.push(StateCommand(before, after, text or words, self._apply, self._clock()))
        return True
