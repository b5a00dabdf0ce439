"""What the user's code calls things, as its frames tell."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from inspect import CO_OPTIMIZED
from types import FrameType
from typing import Any

from torch import nn


def variables_of(frame: FrameType) -> dict[str, Any]:
    """The local variables of a frame, without what a notebook or Python itself has put there."""
    variables = frame.f_locals
    found = {name: value for name, value in variables.items() if not name.startswith("_")}
    if sys.version_info < (3, 13) and frame.f_code.co_flags & CO_OPTIMIZED:
        # A function's frame keeps this copy, which would hold a loss that the user deletes; it is made anew when it is asked for.
        variables.clear()
    return found


def name_of(module: nn.Module, frame: FrameType | None) -> str:
    """The variable that holds this module in a frame, or the attribute of its ``self``; empty: neither."""
    found = {} if frame is None else variables_of(frame)
    for variables in (found, *_attributes(found.get("self"))):
        for name, value in variables.items():
            if value is module and name != "self":
                return str(name)
    return ""


def _attributes(holder: Any) -> Iterator[Mapping[str, Any]]:
    own = getattr(type(holder), "__dictoffset__", 0) and object.__getattribute__(holder, "__dict__")
    if isinstance(own, dict):
        yield own
        if isinstance(holder, nn.Module) and isinstance(own.get("_modules"), dict):
            yield own["_modules"]
