"""How each part of a capture is written as JSON and read back: a table of fields for every class of :mod:`.model`.

Reading trusts nothing: a value of another type, out of range or of an unknown kind raises :class:`BrokenError` with a sentence.
What equals its default is left out. A number that JSON cannot hold is a string: "nan", "inf", "-inf".
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from visualizer.experiments.graph.model import (
    Call,
    Failure,
    Grad,
    Kind,
    Leaf,
    Node,
    Operation,
    Origin,
    Preview,
    Reason,
    Saved,
    SourceLine,
    Step,
    TensorType,
)

#: Largest values that are believed.
MOST_INDEX, MOST_NUMBER, MOST_SAMPLE, MOST_DIMENSIONS = 2**31 - 1, 2**63 - 1, 1 << 20, 1024

_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class BrokenError(Exception):
    """A part of the file that cannot be: in words, without a full stop."""


@dataclass(eq=False)
class Previews:
    """Previews by number: tensors that are met several times are written once, and read back as one object."""

    every: list[Preview] = field(default_factory=list)
    number: dict[int, int] = field(default_factory=dict)

    def of(self, preview: Preview) -> int:
        found = self.number.setdefault(id(preview), len(self.every))
        if found == len(self.every):
            self.every.append(preview)
        return found


@dataclass(frozen=True)
class Codec:
    """``write(value, previews)`` gives JSON; ``read(JSON, previews)`` the value, or raises BrokenError."""

    write: Callable[[Any, Previews], Any]
    read: Callable[[Any, Previews], Any]


def _plain(value: Any, previews: Previews) -> Any:
    return value


def _read_text(value: Any, previews: Previews) -> str:
    if not isinstance(value, str):
        raise BrokenError(f"{short(value)} is not a text")
    return value


def _read_flag(value: Any, previews: Previews) -> bool:
    if not isinstance(value, bool):
        raise BrokenError(f"{short(value)} is not true or false")
    return value


def whole(low: int = -1, high: int = MOST_INDEX) -> Codec:
    """A whole number from low to high."""

    def read(value: Any, previews: Previews) -> int:
        if type(value) is not int or not low <= value <= high:
            raise BrokenError(f"{short(value)} is not a whole number from {low} to {high}")
        return value

    return Codec(_plain, read)


def one_of(literal: Any) -> Codec:
    """One of the words of a Literal."""
    words = get_args(literal)

    def read(value: Any, previews: Previews) -> str:
        if not isinstance(value, str) or value not in words:
            raise BrokenError(f"{short(value)} is not one of {', '.join(map(repr, words))}")
        return value

    return Codec(_plain, read)


def number_json(value: float) -> Any:
    """A float, exactly."""
    return value if math.isfinite(value) else repr(value)


def read_number(value: Any, previews: Previews | None = None) -> float:
    if type(value) is float and math.isfinite(value):
        return value
    if type(value) is int and abs(value) < 2**1000:
        return float(value)
    if isinstance(value, str) and value in _SPECIAL:
        return _SPECIAL[value]
    raise BrokenError(f"{short(value)} is not a number")


def many(codec: Codec, most: int = MOST_INDEX) -> Codec:
    """A tuple."""

    def write(value: Any, previews: Previews) -> list[Any]:
        return [codec.write(item, previews) for item in value]

    def read(value: Any, previews: Previews) -> tuple[Any, ...]:
        if not isinstance(value, list) or len(value) > most:
            raise BrokenError(f"{short(value)} is not a list" + (f" of at most {most}" if most < MOST_INDEX else ""))
        return tuple([codec.read(item, previews) for item in value])

    return Codec(write, read)


def maybe(codec: Codec) -> Codec:
    """The same, or None."""
    return Codec(
        lambda value, previews: None if value is None else codec.write(value, previews),
        lambda value, previews: None if value is None else codec.read(value, previews),
    )


def row(make: type, *codecs: Codec) -> Codec:
    """A named tuple, as a list."""

    def write(value: Any, previews: Previews) -> list[Any]:
        return [codec.write(item, previews) for codec, item in zip(codecs, value, strict=True)]

    def read(value: Any, previews: Previews) -> Any:
        if not isinstance(value, list) or len(value) != len(codecs):
            raise BrokenError(f"{short(value)} is not a list of {len(codecs)}")
        return make(*[codec.read(item, previews) for codec, item in zip(codecs, value, strict=True)])

    return Codec(write, read)


def record(make: Any, **codecs: Codec) -> Codec:
    """A dataclass, as an object with the fields that are not as they are by default.

    Raises:
        TypeError: the class has other fields (a defect).
    """
    fields = {each.name: each for each in dataclasses.fields(make)}
    if fields.keys() != codecs.keys():
        raise TypeError(f"fields of {make.__name__}: {', '.join(fields.keys() ^ codecs.keys())}")
    missing = dataclasses.MISSING
    required = [name for name, each in fields.items() if each.default is missing and each.default_factory is missing]
    table = [(name, codec, fields[name].default) for name, codec in codecs.items()]

    def write(value: Any, previews: Previews) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, codec, default in table:
            item = getattr(value, name)
            if default is missing or not (item is default or _same(item, default)):
                found[name] = codec.write(item, previews)
        return found

    def read(value: Any, previews: Previews) -> Any:
        if not isinstance(value, dict):
            raise BrokenError(f"{short(value)} is not an object")
        taken = {}
        for name, item in value.items():
            codec = codecs.get(name)
            if codec is None:
                raise BrokenError(f"{short(name)} is not known here")
            try:
                taken[name] = codec.read(item, previews)
            except BrokenError as error:
                raise BrokenError(f"{name}: {error}") from None
        for name in required:
            if name not in taken:
                raise BrokenError(f"{name} is missing")
        return make(**taken)

    return Codec(write, read)


def _same(item: Any, default: Any) -> bool:
    """Equal as written: 0 and 0.0 and -0.0 are not the same, NaN and NaN are."""
    if type(item) is not type(default):
        return False
    if isinstance(item, float):
        return repr(item) == repr(default)
    return bool(item == default)


def short(value: Any) -> str:
    """A wrong value for a sentence."""
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "an object"
    try:
        text = repr(value)
    except ValueError:  # more digits than Python writes
        return "a very large number"
    return text if len(text) <= 40 else text[:37] + "..."


def _write_preview(value: Preview, previews: Previews) -> int:
    return previews.of(value)


def _read_preview(value: Any, previews: Previews) -> Preview:
    if type(value) is not int or not 0 <= value < len(previews.every):
        raise BrokenError(f"{short(value)} is not the number of a preview")
    return previews.every[value]


def _write_sample(value: Any, previews: Previews) -> dict[str, Any]:
    """Row by row. What a 32-bit float holds needs nine digits only; it is written so, and marked."""
    rows, columns = value.shape
    with np.errstate(over="ignore"):
        single = bool(np.array_equal(value.astype(np.float32).astype(np.float64), value, equal_nan=True))
    flat = value.reshape(-1).tolist()
    if single:
        flat = [float(f"{item:.9g}") for item in flat]
    written = {"rows": rows, "columns": columns, "values": [number_json(item) for item in flat]}
    return written | {"single": True} if single else written


def _read_sample(value: Any, previews: Previews) -> Any:
    if not isinstance(value, dict) or not {"rows", "columns", "values"} <= value.keys() <= {"rows", "columns", "values", "single"}:
        raise BrokenError(f"{short(value)} is not an object of rows, columns and values")
    rows, columns, values = value["rows"], value["columns"], value["values"]
    size = whole(0, MOST_NUMBER)
    if not isinstance(values, list) or len(values) > MOST_SAMPLE:
        raise BrokenError(f"values: {short(values)} is not a list of at most {MOST_SAMPLE}")
    if size.read(rows, previews) * size.read(columns, previews) != len(values):
        raise BrokenError(f"{len(values)} values are not {rows} rows of {columns}")
    array = np.array([read_number(item) for item in values], dtype=np.float64).reshape(rows, columns)
    if value.get("single", False) is True:
        with np.errstate(over="ignore"):
            array = array.astype(np.float32).astype(np.float64)
    array.flags.writeable = False
    return array


TEXT, FLAG, INDEX = Codec(_plain, _read_text), Codec(_plain, _read_flag), whole()
COUNT = whole(0, MOST_NUMBER)
NUMBER = Codec(lambda value, previews: number_json(value), read_number)
PREVIEW = maybe(Codec(_write_preview, _read_preview))
TYPE = row(TensorType, many(COUNT, MOST_DIMENSIONS), TEXT)
TEXTS, TYPES, INDICES = many(TEXT), many(TYPE), many(whole(0))

PREVIEW_RECORD = record(
    Preview, type=TYPE, bytes=COUNT, sample=Codec(_write_sample, _read_sample),
    strides=Codec(lambda value, previews: list(value), many(COUNT, 2).read), storage=INDEX, device=TEXT, minimum=NUMBER,
    maximum=NUMBER, mean=NUMBER, deviation=NUMBER, norm=NUMBER, nans=COUNT, infinities=COUNT, whole=COUNT,
)
SAVED = record(Saved, name=TEXT, tensor=PREVIEW, text=TEXT, freed=FLAG, hooked=FLAG, leaf=TEXTS)
NODE = record(
    Node, index=INDEX, name=TEXT, kind=one_of(Kind), sequence=whole(-1, MOST_NUMBER), outputs=TYPES, variables=TEXTS,
    parameters=TEXTS, call=INDEX, line=INDEX, operation=INDEX, saved=many(SAVED), empty=INDICES, value=PREVIEW, defined=TEXT,
)
CALL = record(Call, index=INDEX, path=TEXT, type=TEXT, nth=whole(0), parent=INDEX, guessed=FLAG)
LINE = row(SourceLine, TEXT, whole(0), TEXT)
OPERATION = record(
    Operation, index=INDEX, name=TEXT, inputs=many(row(Origin, INDEX, TEXT, TYPE, FLAG)), outputs=TYPES, variables=TEXTS,
    nodes=INDICES, reason=one_of(Reason), call=INDEX, line=INDEX, value=PREVIEW, error=TEXT,
)
LEAF = record(Leaf, names=TEXTS, type=TYPE, parameter=FLAG, requires_grad=FLAG, node=INDEX, reason=one_of(Reason), value=PREVIEW)
FAILURE = maybe(record(Failure, sentence=TEXT, details=TEXT, line=INDEX, operation=INDEX))
STEP = record(Step, node=whole(0), incoming=many(PREVIEW), outgoing=many(PREVIEW), seconds=NUMBER)
GRAD = record(Grad, leaf=whole(0), before=PREVIEW, after=PREVIEW, equal=maybe(FLAG))

#: The head of a graph: what there is once.
HEAD: Mapping[str, tuple[Codec, Any]] = {
    "title": (TEXT, ""), "model": (TEXT, ""), "roots": (INDICES, ()), "loss": (PREVIEW, None), "failure": (FAILURE, None),
    "notes": (TEXTS, ()), "output": (TEXT, ""),
}
