"""Captures as files: JSON with a line for each node, which is read in small pieces, checked throughout, and never runs code.

A file is one object: ``format``, ``version``, ``torch``; ``previews`` (tensors, each once; everything else names them by number);
``graph`` (title, roots, loss, ...); ``lines``, ``calls``, ``operations``, ``nodes``, ``leaves``; ``edges`` (source, slot, target,
target slot); ``backward`` (null if it was not run) with its ``steps`` and ``grads``. For the fields see :mod:`.capture_schema`.
"""

from __future__ import annotations

import json
import os
import time
from array import array
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from visualizer.base.errors import UserError
from visualizer.base.files import write_atomically
from visualizer.base.reading import printable, read_file
from visualizer.experiments.graph.capture_checks import check_capture
from visualizer.experiments.graph.capture_schema import (
    CALL,
    GRAD,
    HEAD,
    LEAF,
    LINE,
    NODE,
    OPERATION,
    PREVIEW,
    PREVIEW_RECORD,
    STEP,
    TEXT,
    BrokenError,
    Codec,
    Previews,
    short,
    whole,
)
from visualizer.experiments.graph.model import Backward, Capture, Edges, Graph

FORMAT, VERSION = "visualizer graph", 1

#: Bytes of the largest file that is read.
LARGEST = 1 << 30

_SLICE = 0.004
_EDGES_A_LINE = 64

#: The lists of a file, as what they are read.
_LISTS: Mapping[str, Codec] = {
    "lines": LINE, "calls": CALL, "operations": OPERATION, "nodes": NODE, "leaves": LEAF, "steps": STEP, "grads": GRAD,
}
_SECTIONS = ("previews", "lines", "calls", "operations", "nodes", "leaves", "edges", "steps", "grads")


def capture_bytes(capture: Capture) -> bytes:
    """A capture as the content of a file."""
    return "".join(_text(capture)).encode("ascii")


def write_capture(path: str | os.PathLike[str], capture: Capture) -> None:
    """Write a capture, completely or not at all.

    Raises:
        UserError: the path cannot be written.
    """
    write_atomically(Path(path), capture_bytes(capture))


def _text(capture: Capture) -> Iterator[str]:
    """One line for each entry of a list. Previews come first, and are known only after all else has been written."""
    graph, backward = capture.graph, capture.backward
    previews = Previews()
    lists = {
        "lines": graph.lines, "calls": graph.calls, "operations": graph.operations, "nodes": graph.nodes, "leaves": graph.leaves,
        "steps": backward.steps if backward is not None else (), "grads": backward.grads if backward is not None else (),
    }
    sections = {name: [_json(codec.write(entry, previews)) for entry in lists[name]] for name, codec in _LISTS.items()}
    sections["edges"] = _edge_lines(graph.edges)
    head = {name: codec.write(getattr(graph, name), previews) for name, (codec, _) in HEAD.items()}
    run = None if backward is None else {"error": backward.error, "start": PREVIEW.write(backward.start, previews)}
    sections["previews"] = [_json(PREVIEW_RECORD.write(preview, previews)) for preview in previews.every]
    yield f'{{"format": {_json(FORMAT)}, "version": {VERSION}, "torch": {_json(capture.torch)},\n'
    yield f'"graph": {_json(head)},\n"backward": {_json(run)},\n'
    for name in _SECTIONS:
        yield f'"{name}": [\n' + ",\n".join(sections[name]) + ("\n]" if sections[name] else "]")
        yield ",\n" if name != _SECTIONS[-1] else "\n}\n"


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(", ", ": "))


def _edge_lines(edges: Edges) -> list[str]:
    rows = list(zip(edges.source.tolist(), edges.slot.tolist(), edges.target.tolist(), edges.target_slot.tolist(), strict=True))
    return [
        ", ".join(f"[{one}, {two}, {three}, {four}]" for one, two, three, four in rows[at : at + _EDGES_A_LINE])
        for at in range(0, len(rows), _EDGES_A_LINE)
    ]


def read_capture(path: str | os.PathLike[str]) -> Generator[None, None, Capture]:
    """Read what :func:`write_capture` wrote; yields every few milliseconds and returns the capture.

    The same JSON in another layout is read, too, but at one go. Nothing in a file is believed before it is checked.

    Raises:
        UserError: there is no such file, it is no capture, or something in it cannot be.
    """
    noun = f"The capture {printable(Path(path).name or str(path))}"
    data = read_file(os.path.expanduser(path), LARGEST, "The capture")  # noqa: PTH111 - its own refuses an unknown user
    yield None
    return (yield from parsed_capture(data, noun))


def read_capture_now(path: str | os.PathLike[str]) -> Capture:
    """:func:`read_capture`, run to its end."""
    run = read_capture(path)
    while True:
        try:
            next(run)
        except StopIteration as end:
            found: Capture = end.value
            return found


def parsed_capture(data: bytes, noun: str = "The capture") -> Generator[None, None, Capture]:
    """The capture in the content of a file; ``noun`` begins every sentence."""
    try:
        document = (yield from _by_lines(data)) or _at_once(data)
        return (yield from _built(document))
    except BrokenError as error:
        raise UserError(f"{noun} cannot be opened: {error}.") from None


def _refuse(token: str) -> Any:
    raise BrokenError(f"it holds {token}, which is not a number in JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _by_lines(data: bytes) -> Generator[None, None, dict[str, Any] | None]:
    """The document, decoded line by line, if it is laid out as we write it; else None."""
    document: dict[str, Any] = {}
    entries: list[Any] | None = None
    begin, end = 0, len(data)
    due = time.perf_counter() + _SLICE
    try:
        while begin < end:
            stop = data.find(b"\n", begin)
            stop = end if stop < 0 else stop
            line = data[begin:stop].decode("utf-8").strip()
            begin = stop + 1
            if entries is not None and line in ("]", "],"):
                entries = None
            elif entries is not None:
                entries.extend(_DECODER.decode("[" + line.removesuffix(",") + "]"))
            elif line.endswith("["):
                name = line.removesuffix("[").strip()
                entries = document[_DECODER.decode(name.removesuffix(":"))] = []
            elif line not in ("}", ""):
                document |= _DECODER.decode("{" + line.removeprefix("{").removesuffix(",") + "}")
            if time.perf_counter() > due:
                yield None
                due = time.perf_counter() + _SLICE
    except (ValueError, RecursionError, TypeError):
        return None
    return document if entries is None and data.rstrip().endswith(b"}") else None


def _at_once(data: bytes) -> dict[str, Any]:
    """Any JSON document."""
    if not data.strip():
        raise BrokenError("it is empty")
    try:
        document = _DECODER.decode(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BrokenError(f"it is not text in UTF-8; byte {error.start} does not fit") from None
    except json.JSONDecodeError as error:
        raise BrokenError(f"it is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise BrokenError("it is nested too deeply") from None
    except ValueError:
        raise BrokenError("it holds a number with more digits than any number has a use for") from None
    if not isinstance(document, dict):
        raise BrokenError(f"it is {short(document)}, not what visualizer has written")
    return document


def _built(document: dict[str, Any]) -> Generator[None, None, Capture]:
    """The capture of a document."""
    if document.get("format") != FORMAT:
        raise BrokenError("it is JSON, but not a graph that visualizer has written")
    version = document.get("version")
    if version != VERSION:
        hint = "; a newer one may read it" if type(version) is int and version > VERSION else ""
        raise BrokenError(f"its version is {short(version)}, and this program reads {VERSION}{hint}")
    previews = Previews()
    for preview in (yield from _read_list(document, "previews", PREVIEW_RECORD, Previews())):
        previews.every.append(preview)
    lists = {}
    for name, codec in _LISTS.items():
        lists[name] = yield from _read_list(document, name, codec, previews)
    edges = yield from _read_edges(document)
    head = document.get("graph")
    if not isinstance(head, dict) or not head.keys() <= HEAD.keys():
        raise BrokenError("graph: it is not an object of " + ", ".join(HEAD))
    values = {name: _named(f"graph, {name}", codec, head[name], previews) if name in head else default
              for name, (codec, default) in HEAD.items()}
    graph = Graph(nodes=lists["nodes"], edges=edges, calls=lists["calls"], lines=lists["lines"], operations=lists["operations"],
                  leaves=lists["leaves"], **values)
    backward = None
    run = document.get("backward")
    if run is not None:
        if not isinstance(run, dict) or not run.keys() <= {"error", "start"}:
            raise BrokenError("backward: it is not an object of error and start")
        backward = Backward(lists["steps"], lists["grads"], _named("backward, start", PREVIEW, run.get("start"), previews),
                            _named("backward, error", TEXT, run.get("error", ""), previews))
    capture = Capture(graph, backward, _named("torch", TEXT, document.get("torch", ""), previews))
    yield from check_capture(capture)
    return capture


def _named(where: str, codec: Codec, value: Any, previews: Previews) -> Any:
    try:
        return codec.read(value, previews)
    except BrokenError as error:
        raise BrokenError(f"{where}: {error}") from None


def _read_list(
    document: Mapping[str, Any], name: str, codec: Codec, previews: Previews,
) -> Generator[None, None, tuple[Any, ...]]:
    entries = _list(document, name)
    found = []
    due = time.perf_counter() + _SLICE
    for index, entry in enumerate(entries):
        found.append(_named(f"{name}, entry {index}", codec, entry, previews))
        entries[index] = None  # its memory is needed no more
        if time.perf_counter() > due:
            yield None
            due = time.perf_counter() + _SLICE
    return tuple(found)


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    entries = document.get(name, [])
    if not isinstance(entries, list):
        raise BrokenError(f"{name}: {short(entries)} is not a list")
    return entries


def _read_edges(document: Mapping[str, Any]) -> Generator[None, None, Edges]:
    rows = _list(document, "edges")
    flat = array("i")
    number = whole(0)
    due = time.perf_counter() + _SLICE
    for index, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != 4:
            raise BrokenError(f"edges, entry {index}: {short(row)} is not a list of 4")
        for item in row:
            flat.append(_named(f"edges, entry {index}", number, item, _NO_PREVIEWS))
        if not index & 255 and time.perf_counter() > due:
            yield None
            due = time.perf_counter() + _SLICE
    table = np.array(flat, dtype=np.int32).reshape(-1, 4)
    columns = [table[:, place].copy() for place in range(4)]
    for column in columns:
        column.flags.writeable = False
    return Edges(*columns)


_NO_PREVIEWS = Previews()
