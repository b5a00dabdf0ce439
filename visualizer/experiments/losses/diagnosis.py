"""What torch refuses, in a plain sentence that says what to change; torch's own message stays beside it."""

from __future__ import annotations

from visualizer.base.errors import UserError
from visualizer.experiments.losses.requests import Setup


def refuse_contents(setup: Setup) -> None:
    """Refuse what torch itself does not check, and would read memory with that is not its own.

    Raises:
        UserError: symbols of CTC outside the classes, or lengths that do not fit.
    """


def diagnosed(setup: Setup, error: Exception) -> UserError:
    """The sentence for what torch said."""
    if isinstance(error, UserError):
        return error
    message = str(error).strip() or type(error).__name__
    return UserError(f"{setup.name} does not take these tensors; torch says why below.", f"{type(error).__name__}: {message}")
