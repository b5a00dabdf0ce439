"""What an exception of the user's code says, as text that can be shown. Their ``__str__`` is their code, too: it may raise."""

from __future__ import annotations

#: Most characters of a message, and of its first line where a sentence quotes it.
MOST, MOST_OF_A_LINE = 20_000, 300

_UNREADABLE = "its message cannot be read"


def message_of(error: BaseException) -> str:
    """The message, without what no screen can show; empty: there is none."""
    try:
        text = str(error)
        if len(text) > MOST:
            text = f"{text[:MOST]} ... ({len(text):,} characters)"
        return showable(text).strip()
    except BaseException:  # whatever it raises there
        return _UNREADABLE


def first_line_of(error: BaseException) -> str:
    """The first line of the message, cut where it is long; empty: there is none."""
    line = next(iter(message_of(error).splitlines()), "")
    return line if len(line) <= MOST_OF_A_LINE else line[: MOST_OF_A_LINE - 3] + "..."


def named(error: BaseException) -> str:
    """The class and the message: "ValueError: not this one"."""
    message = message_of(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def showable(text: str) -> str:
    """Text with halves of surrogate pairs and control characters, but for ends of lines and tabs, as escapes."""
    if text.isprintable():
        return text
    return "".join(map(_shown, text.replace("\r\n", "\n").replace("\r", "\n")))


def _shown(letter: str) -> str:
    if letter.isprintable() or letter in "\n\t ":
        return letter
    if letter in "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029":  # where str.splitlines ends a line, too
        return "\n"
    if letter < " " or letter == "\x7f" or "\ud800" <= letter <= "\udfff":
        return letter.encode("unicode_escape", "surrogatepass").decode("ascii")
    return letter
