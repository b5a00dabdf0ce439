"""Errors whose text is written for the person at the screen."""

from __future__ import annotations


class UserError(Exception):
    """Something the user asked for cannot be done; the message is one clear sentence that says why.

    It is shown as it stands: in the tab, or as the command line's one line before exit status 2.
    Every other exception is a defect and is shown as such, with its traceback folded away.

    Args:
        sentence: what is wrong and what is allowed, in words, with a full stop.
        details: optional longer text (a library's own message), shown folded.
    """

    def __init__(self, sentence: str, details: str = "") -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.details = details


class ParameterError(UserError):
    """A value that a parameter does not allow; names the parameter, what was given and what is allowed."""

    def __init__(self, name: str, given: object, allowed: str) -> None:
        shown = given if isinstance(given, str) else repr(given)
        if len(shown) > 60:
            shown = shown[:57] + "..."
        super().__init__(f"{name}: {shown!r} was given; allowed is {allowed}.")
        self.name = name
        self.given = given
        self.allowed = allowed
