"""An exception as a value: what the tab shows when a run ends with one."""

from __future__ import annotations

import traceback

from visualizer.base.errors import UserError
from visualizer.base.messages import Failed

_LONGEST = 200


def failed(experiment: str, generation: int, error: BaseException) -> Failed:
    """The message for a run that ended with this exception.

    A :class:`UserError` is the user's answer and shown as it stands; too little memory gets a sentence that says
    so; every other exception is a defect, named in one sentence, with the traceback as details.
    """
    if isinstance(error, UserError):
        return Failed(experiment, generation, error.sentence, error.details, expected=True)
    details = "".join(traceback.format_exception(error))
    return Failed(experiment, generation, _sentence(error), details, expected=False)


def _sentence(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _names_memory(text)):
        return "There is not enough memory for this computation; choose smaller sizes."
    if len(text) > _LONGEST:
        text = text[: _LONGEST - 1] + "…"
    name = type(error).__name__
    return f"The computation stopped with an error, {name}" + (f": {text.rstrip('.')}." if text else ".")


def _names_memory(text: str) -> bool:
    """torch reports memory as a RuntimeError: "CUDA out of memory", "DefaultCPUAllocator: can't allocate memory"."""
    lowered = text.lower()
    return any(words in lowered for words in ("out of memory", "can't allocate memory", "not enough memory"))
