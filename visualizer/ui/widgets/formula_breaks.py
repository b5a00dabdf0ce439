"""Where a formula may be broken into lines. No Qt."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|.", re.DOTALL)
_OPEN = {"{", "(", "[", r"\{", r"\left", r"\begin"}
_CLOSE = {"}", ")", "]", r"\}", r"\right", r"\end"}
_RELATIONS = {"=", r"\approx", r"\Rightarrow", r"\to"}
_SPACES = {r"\qquad", r"\quad"}


def breaks(latex: str) -> tuple[str, ...]:
    """The formula in pieces that may stand on lines of their own: at wide spaces, and before relations.

    Only outside of all brackets, groups and environments. Nothing but the wide spaces is lost.
    """
    pieces: list[str] = []
    current: list[str] = []
    depth = 0

    def flush() -> None:
        text = "".join(current).strip()
        if text:
            pieces.append(text)
        current.clear()

    for token in _TOKEN.findall(latex):
        if token in _SPACES and depth == 0:
            flush()
            continue
        if token in _RELATIONS and depth == 0 and "".join(current).strip():
            flush()
        if token in _OPEN:
            depth += 1
        elif token in _CLOSE:
            depth = max(0, depth - 1)
        current.append(token)
    flush()
    return tuple(pieces)


def starts_with_relation(piece: str) -> bool:
    """Whether the piece goes on from the one before it (``= x + 1``)."""
    match = _TOKEN.match(piece)
    return match is not None and match[0] in _RELATIONS


def balanced(latex: str) -> bool:
    """Whether every brace has its partner."""
    depth = 0
    for token in _TOKEN.findall(latex):
        depth += (token == "{") - (token == "}")
        if depth < 0:
            return False
    return depth == 0
