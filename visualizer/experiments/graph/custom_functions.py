"""Tells a recording of calls of users' ``torch.autograd.Function``: torch's function modes do not see them."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch.autograd import Function

#: Called with the class, its arguments (by position, by name) and what runs it; returns what that returned.
Watcher = Callable[[Any, tuple[Any, ...], dict[str, Any], Callable[[], Any]], Any]

_lock = threading.Lock()
_watchers: dict[int, list[Watcher]] = {}
#: The class method that torch has, while ours stands in its place.
_own: Any = None


def watching(watcher: Watcher) -> Callable[[], None]:
    """Let this watcher see every call of ``Function.apply`` in this thread; returns what ends it.

    ``apply`` is replaced only while somebody watches; in other threads the replacement does what torch's does.
    """
    global _own
    thread = threading.get_ident()
    with _lock:
        if not _watchers:
            _own = Function.__dict__["apply"]
            Function.apply = classmethod(_apply)  # type: ignore[assignment]
        _watchers.setdefault(thread, []).append(watcher)

    def end() -> None:
        global _own
        with _lock:
            _watchers[thread].remove(watcher)
            if not _watchers[thread]:
                del _watchers[thread]
            if not _watchers:
                Function.apply = _own  # type: ignore[method-assign]
                _own = None

    return end


def defined_at(node: Any) -> str:
    """Where the class of a custom function's node has its method backward: "model.py:12"; empty: not known."""
    method = getattr(getattr(node, "_forward_cls", None), "backward", None)
    code = getattr(inspect.unwrap(method), "__code__", None) if callable(method) else None
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code is not None else ""


def _apply(cls: Any, *arguments: Any, **named: Any) -> Any:
    own = _own or Function.__dict__["apply"]
    here = _watchers.get(threading.get_ident())

    def run() -> Any:
        return own.__get__(None, cls)(*arguments, **named)

    return here[-1](cls, arguments, named, run) if here else run()
