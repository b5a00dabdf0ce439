"""Which programs of the user may run: those that they asked for, in this process. Nothing of it is stored anywhere.

A session or a link can bring a program into the window; it stays text until somebody presses Run. On the command line, naming the
program is the asking.
"""

from __future__ import annotations

import hashlib

_asked: dict[str, int] = {}


def digest(*parts: object) -> str:
    """A name for these parts: equal parts, equal name."""
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()


def allow(key: str) -> None:
    """The user asked to run the program of this key (see :attr:`~visualizer.experiments.graph.requests.Source.key`)."""
    _asked[key] = _asked.get(key, 0) + 1


def asked(key: str) -> int:
    """How often the user asked: each time it runs anew."""
    return _asked.get(key, 0)
