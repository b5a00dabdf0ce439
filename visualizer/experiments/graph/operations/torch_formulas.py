"""Torch's own derivative formulas, as C++, read from the file that comes with it: for operations without an entry here.

Source: torchgen/packaged/autograd/derivatives.yaml of the installed torch, from which its backward functions are generated.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

SOURCE = "torchgen/packaged/autograd/derivatives.yaml"
_ENTRY = re.compile(r"^- name: (.*)$")
_FORMULA = re.compile(r"^(\s+)([A-Za-z_][\w, ]*): ?(.*)$")
#: Keys that are no inputs.
_OTHERS = frozenset({"output_differentiability", "dispatch", "Default", "auto_linear", "auto_element_wise"})


class TorchFormula(NamedTuple):
    """``signature`` of the forward function; for each input (or several together) the C++ of its gradient."""

    signature: str
    formulas: tuple[tuple[str, str], ...]


def formula_of(name: str) -> TorchFormula | None:
    """The formulas of a node such as "AddmmBackward0"; None: torch has none for it, or its file is not there."""
    return _formulas().get(name)


@cache
def _formulas() -> dict[str, TorchFormula]:
    found = find_spec("torchgen")
    folders = list(found.submodule_search_locations or ()) if found is not None else []
    path = Path(folders[0]) / "packaged" / "autograd" / "derivatives.yaml" if folders else None
    if path is None or not path.is_file():
        return {}
    return read_formulas(path.read_text(encoding="utf-8", errors="replace"))


def read_formulas(text: str) -> dict[str, TorchFormula]:
    """By the names that torch gives the nodes: functions of one name are numbered in the order of the file."""
    counts: Counter[str] = Counter()
    formulas: dict[str, TorchFormula] = {}
    for signature, lines in _entries(text):
        rows = tuple(_rows(lines))
        if not any(formula not in ("non_differentiable", "not_differentiable") for _, formula in rows):
            continue
        base = re.split(r"[.(]", signature, maxsplit=1)[0].rstrip("_").removesuffix("_forward")
        stem = "".join(word.title() for word in base.split("_")) + "Backward"
        formulas[f"{stem}{counts[stem]}"] = TorchFormula(signature, rows)
        counts[stem] += 1
    return formulas


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    signature, lines = "", list[str]()
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        entry = _ENTRY.match(line)
        if entry is None:
            lines.append(line)
            continue
        if signature:
            yield signature, lines
        signature, lines = entry[1].strip().strip("\"'"), []
    if signature:
        yield signature, lines


def _rows(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The inputs and their formulas; where several backends have their own, those of the default one."""
    depth, skipped, deeper = 2, False, False
    for line in lines:
        row = _FORMULA.match(line)
        if row is None:
            continue
        indent, key, value = len(row[1]), row[2].strip(), row[3].strip()
        if indent == 2:
            depth, skipped, deeper = 2, False, key == "dispatch"
        elif deeper and indent == 4:
            skipped, depth = key != "Default", 6
        if skipped or key in _OTHERS or key.startswith("result") or indent != depth or not value:
            continue
        yield key, value.strip("\"'")
