"""Which line of the user's code called torch: the nearest frame that is not torch's, Python's or ours."""

from __future__ import annotations

import linecache
import os
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import TypeVar

import torch

from visualizer.experiments.graph.model import SourceLine

_TORCH = os.path.dirname(torch.__file__) + os.sep  # noqa: PTH120 - compared as text with the names that code objects have
_OURS = str(Path(__file__).parents[2]) + os.sep
_PYTHON = tuple({sysconfig.get_path(name) + os.sep for name in ("stdlib", "platstdlib")})
_INSTALLED = tuple({sysconfig.get_path(name) + os.sep for name in ("purelib", "platlib")})

_USER, _PASSED, _MAKES, _ENDS = 0, 1, 2, 3

#: Instead of a line: a module was being made, or a parameter updated.
MAKING = -2

#: Functions of torch in which a module is made, moved or filled, or a parameter updated: what they call is no forward pass.
_MAKING = frozenset((
    "__init__", "__new__", "__setattr__", "__deepcopy__", "__repr__", "reset_parameters", "_reset_parameters", "_apply",
    "_load_from_state_dict", "load_state_dict", "state_dict", "register_buffer", "register_parameter",
))
_MAKING_FILES = tuple(_TORCH + part.replace("/", os.sep) for part in (
    "optim/", "nn/init.py", "nn/parameter.py", "nn/utils/clip_grad.py", "_tensor_str.py", "serialization.py",
))
_MODULES = _TORCH + "nn" + os.sep

_kinds: dict[CodeType, int] = {}
_kinds_of_ours: dict[CodeType, int] = {}
F = TypeVar("F", bound=Callable[..., object])


def _kind(code: CodeType) -> int:
    found = _kinds.get(code)
    if found is None:
        if len(_kinds) > 20_000:  # programs that make code, run after run
            _kinds.clear()
        found = _kinds[code] = _kind_of(code)
    return found


def _kind_of(code: CodeType) -> int:
    file = code.co_filename
    if code in _kinds_of_ours:
        return _kinds_of_ours[code]
    if file.startswith(_TORCH):
        makes = file.startswith(_MAKING_FILES) or (code.co_name in _MAKING and file.startswith(_MODULES))
        return _MAKES if makes else _PASSED
    if file.startswith((_OURS, "<frozen")):
        return _PASSED
    return _PASSED if file.startswith(_PYTHON) and not file.startswith(_INSTALLED) else _USER


def runs_users_code(function: F) -> F:
    """Marks a function of ours that runs a user's code: whoever called it is not that user."""
    _kinds_of_ours[function.__code__] = _ENDS
    return function


def users_frame(frame: FrameType | None) -> FrameType | None:
    """The nearest frame of the user's code, seen from this one."""
    while frame is not None and (kind := _kind(frame.f_code)) != _USER:
        frame = None if kind == _ENDS else frame.f_back
    return frame


class Lines:
    """The source lines of one recording, each once.

    Args:
        names: what files are called on the screen, by their names in code objects; other files by their last two parts.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self._names = dict(names or {})
        self._index: dict[tuple[str, int], int] = {}
        self.found: list[SourceLine] = []

    def of(self, frame: FrameType | None) -> int:
        """The index of the line that called, seen from this frame; -1: none; :data:`MAKING`."""
        known = _kinds.get
        while frame is not None:
            kind = known(frame.f_code)
            if kind is None:
                kind = _kind(frame.f_code)
            if kind == _USER:
                return self.index(frame.f_code.co_filename, frame.f_lineno)
            if kind == _MAKES:
                return MAKING
            if kind == _ENDS:
                return -1
            frame = frame.f_back
        return -1

    def of_traceback(self, trace: TracebackType | None) -> int:
        """The line at which the innermost code of the user was left by an exception; -1: none."""
        found = -1
        while trace is not None:
            if _kind(trace.tb_frame.f_code) == _USER:
                found = self.index(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
            trace = trace.tb_next
        return found

    def index(self, file: str, number: int) -> int:
        """The index of this line."""
        key = file, number
        index = self._index.get(key)
        if index is None:
            index = self._index[key] = len(self.found)
            self.found.append(SourceLine(self._shown(file), number, linecache.getline(file, number).strip()))
        return index

    def _shown(self, file: str) -> str:
        name = self._names.get(file)
        if name is None:
            name = file if file.startswith("<") else str(Path(*Path(file).parts[-2:]))
        return name
