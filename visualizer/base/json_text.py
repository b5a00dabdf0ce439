"""JSON as this product writes and reads it: strict, readable, streamed out, and unafraid of hostile input."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from visualizer.base.errors import UserError

#: Our own files are five levels deep.
MAXIMUM_DEPTH = 32
_MAXIMUM_DIGITS = 40
_CHUNK = 4096


def json_chunks(value: Any, pad: str = "") -> Iterator[str]:
    """Strict JSON text in pieces, so that a long array is never a Python list as a whole.

    Objects are indented by two spaces; an array of plain values stands on one line, any other has one item a
    line. Takes what JSON holds, tuples, and numpy arrays and scalars of booleans, integers and floats, written
    with all their digits. A number that JSON cannot hold (not a number, infinite) becomes ``null``.

    Raises:
        TypeError: a value of another type.
    """
    if isinstance(value, Mapping):
        yield from _object(value, pad)
    elif _is_numpy(value) and value.ndim:
        yield from _array(value, pad)
    elif isinstance(value, (list, tuple)):
        if all(_is_plain(item) for item in value):
            yield from _row(value)
        else:
            yield from _items(value, pad)
    else:
        yield _scalar(value)


def json_text(value: Any) -> str:
    """The whole of :func:`json_chunks`, with a newline at its end."""
    return "".join(json_chunks(value)) + "\n"


def _object(value: Mapping[Any, Any], pad: str) -> Iterator[str]:
    if not value:
        yield "{}"
        return
    deeper = pad + "  "
    opening = "{\n"
    for key, item in value.items():
        yield f"{opening}{deeper}{_scalar(str(key))}: "
        yield from json_chunks(item, deeper)
        opening = ",\n"
    yield f"\n{pad}}}"


def _items(values: Any, pad: str) -> Iterator[str]:
    deeper = pad + "  "
    opening = "[\n"
    for item in values:
        yield opening + deeper
        yield from json_chunks(item, deeper)
        opening = ",\n"
    yield f"\n{pad}]"


def _row(values: Any) -> Iterator[str]:
    """One line; slices of a numpy array become lists chunk by chunk."""
    yield "["
    for start in range(0, len(values), _CHUNK):
        chunk = values[start:start + _CHUNK]
        if hasattr(chunk, "tolist"):
            chunk = chunk.tolist()
        yield (", " if start else "") + ", ".join(map(_scalar, chunk))
    yield "]"


def _array(value: Any, pad: str) -> Iterator[str]:
    if value.ndim == 1 or not len(value):
        yield from _row(value)
    else:
        yield from _items(value, pad)


def _is_numpy(value: Any) -> bool:
    return hasattr(value, "dtype") and hasattr(value, "tolist")


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (str, bool, int, float)) or (_is_numpy(value) and not value.ndim)


def _scalar(value: Any) -> str:
    if _is_numpy(value):
        value = value.item()
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else "null"
    if value is None or isinstance(value, (str, bool, int)):
        return json.dumps(value, ensure_ascii=False)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def read_json(data: bytes, noun: str) -> Any:
    """What a JSON document in UTF-8 holds, read strictly; ``noun`` begins every sentence ("The session file").

    Raises:
        UserError: empty, not UTF-8, not JSON (with line and column), nested too deeply, a name twice in one object,
            a number that is not finite or has more digits than any number has a use for.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{noun} is not text in UTF-8: byte {error.start} does not fit.") from None
    if not text.strip():
        raise UserError(f"{noun} is empty.")

    def number_with_point(token: str) -> float:
        value = float(token)
        if not math.isfinite(value):
            raise UserError(f"{noun} holds the number {_short(token)}, which is too large.")
        return value

    def whole_number(token: str) -> int:
        if len(token) > _MAXIMUM_DIGITS:
            raise UserError(f"{noun} holds a number of {len(token)} digits, which is too large.")
        return int(token)

    def not_a_number(token: str) -> Any:
        raise UserError(f"{noun} holds {token}, which is not a number in JSON.")

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise UserError(f"{noun} gives {_short(name)!r} twice in one place.")
            found[name] = value
        return found

    try:
        document = json.loads(
            text, parse_float=number_with_point, parse_int=whole_number, parse_constant=not_a_number,
            object_pairs_hook=members,
        )
    except json.JSONDecodeError as error:
        raise UserError(f"{noun} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise UserError(f"{noun} is nested too deeply.") from None
    _refuse_depth(document, noun)
    return document


def _refuse_depth(document: Any, noun: str) -> None:
    """Walk level by level, so that the depth that is looked for cannot hurt the one who looks."""
    level = [document]
    for _ in range(MAXIMUM_DEPTH):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(item.values())
            elif isinstance(item, list):
                deeper.extend(item)
        if not deeper:
            return
        level = deeper
    raise UserError(f"{noun} is nested more than {MAXIMUM_DEPTH} levels deep.")


def _short(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[:most - 3] + "..."
