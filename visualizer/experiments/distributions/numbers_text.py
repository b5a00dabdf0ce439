"""Numbers as people type and paste them: which words are numbers, and a sentence about each that is none."""

from __future__ import annotations

import math
import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from visualizer.base.errors import UserError

#: More than this is refused: the page shows every number, and what is larger belongs to the sampler.
MOST_NUMBERS = 100_000
#: Words that are turned into numbers between two looks at the clock.
_PART = 8_000

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPECIAL = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_ONE_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
#: How numpy and torch print, and what one writes for them: ``tensor([1., 2.], dtype=torch.float64)``.
_CALL = re.compile(r"[\w.]+\(\s*([\[(].*[\])])\s*(?:,[^\[\]()]*)?\)", re.DOTALL)
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+\.[0-9]+|(?:\.[0-9]{3})+,[0-9]+)")
#: Minus signs of word processors, and spaces and marks that come along with a paste.
_ALIKE = str.maketrans({
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-", "\ufe63": "-", "\uff0d": "-", "\ufeff": " ", "\u200b": "",
    "\u00a0": " ", "\u202f": " ", '"': " ", "'": " ", "\u201c": " ", "\u201d": " ",
})


@dataclass(frozen=True)
class Numbers:
    """What a text holds.

    Attributes:
        values: the numbers, in order; at least one, all finite.
        notes: sentences about how the text was read, where that is not plain.
    """

    values: tuple[float, ...]
    notes: tuple[str, ...] = ()


def parse_numbers(text: str) -> Numbers:
    """The numbers in a text, separated by commas, semicolons, white space or lines.

    A header (one word, or a first line without numbers) is left out. A comma is a decimal comma where something else
    separates: semicolons, tabs, or the lines of a column with a header. What numpy and torch print is read, too.

    Raises:
        UserError: there is no number, too many, or a word that is none; names the first such word and its place. Or there are
            several columns with names.
    """
    *_, found = parse_in_parts(text)
    assert found is not None
    return found


def parse_in_parts(text: str) -> Iterator[Numbers | None]:
    """As :func:`parse_numbers`, for a worker: ``None`` after each part of the text, the numbers at the end."""
    _refuse_columns(text)
    words, notes = yield from _words(text)
    if not words:
        raise UserError("There are no numbers yet: type or paste some, for example 2, 4, 5, 6, 8.")
    skipped = _header(text, words)
    if skipped:
        header = " ".join(words[:skipped])
        notes.append(f"The header \u201c{_short(header)}\u201d was left out.")
        words = words[skipped:]
    if len(words) > MOST_NUMBERS:
        raise UserError(f"These are {len(words):,} numbers; this page takes at most {MOST_NUMBERS:,}. Leave some out.")
    yield None
    values: list[float] = []
    for start in range(0, len(words), _PART):
        part = words[start:start + _PART]
        if all(map(_NUMBER.fullmatch, part)):
            numbers = list(map(float, part))
            if not all(map(math.isfinite, numbers)):
                place = next(index for index, number in enumerate(numbers) if not math.isfinite(number))
                raise _wrong(part[place], start + place)
            values += numbers
        else:
            place = next(index for index, word in enumerate(part) if not _NUMBER.fullmatch(word))
            raise _wrong(part[place], start + place)
        yield None
    yield Numbers(tuple(values), tuple(notes))


def _words(text: str) -> Generator[None, None, tuple[list[str], list[str]]]:
    """The words between the separators, and notes about commas; in parts as :func:`parse_in_parts`."""
    text = text.translate(_ALIKE).strip()
    call = _CALL.fullmatch(text)
    if call:
        text = call[1]
    if text[:1] in "([{" and text[-1:] in ")]}":
        bracketed, text = True, text[1:-1]
    else:
        bracketed = "[" in text
    text = text.replace("[", " ").replace("]", " ")
    if "," not in text:
        return text.replace(";", " ").split(), []
    words = text.replace(";", " ").split()
    yield None
    commas = [word for word in words if "," in word]
    # A decimal comma stands inside its word, once, and something that is no comma stands between the words.
    decimal = True
    for start in range(0, len(commas), _PART):
        part = commas[start:start + _PART]
        for word in part:
            if "." in word and _THOUSANDS.fullmatch(word):
                raise UserError(f"\u201c{_short(word)}\u201d has a point and a comma: put a space between two numbers, or "
                                "leave out the separator of thousands.")
        decimal = decimal and all(map(_ONE_COMMA.fullmatch, part))
        yield None
    separated_otherwise = ";" in text or "\t" in text or _is_column(text)
    if decimal and not bracketed and separated_otherwise and not any("." in word for word in words):
        return [word.replace(",", ".") for word in words], ["Commas were read as decimal commas."]
    separated = text.replace(",", " ").replace(";", " ").split()
    if decimal and not bracketed:
        return separated, [
            "Commas were read as separators. If they are decimal commas, put semicolons between the numbers, or write points."
        ]
    return separated, []


def _refuse_columns(text: str) -> None:
    """A table with a line of names has a meaning column by column only.

    Raises:
        UserError: the first line has several names, and the next one as many cells.
    """
    lines = text.translate(_ALIKE).strip().split("\n", 2)
    if len(lines) < 2:
        return
    between = next((mark for mark in "\t;," if mark in lines[0]), "")
    names = [name.strip() for name in lines[0].split(between)] if between else []
    if len(names) > 1 and all(map(_names, names)) and len(lines[1].split(between)) == len(names):
        listed = ", ".join(_short(name) for name in names[:4]) + (", \u2026" if len(names) > 4 else "")
        raise UserError(f"These are {len(names)} columns: {listed}. Taken together their mean would mean nothing; paste one "
                        "column alone.")


def _names(cell: str) -> bool:
    return bool(cell) and _is_name(cell)


def _is_column(text: str) -> bool:
    """Whether a name without a comma stands over lines of one word each."""
    head, *lines = text.strip().splitlines()
    return bool(lines) and "," not in head and _is_name(head.strip()) and all(len(line.split()) <= 1 for line in lines)


def _header(text: str, words: list[str]) -> int:
    """How many words at the start are a header: all of a first line without numbers, or one word before numbers."""
    if not _is_name(words[0]) or len(words) == 1:
        return 0
    line = text.translate(_ALIKE).strip().partition("\n")[0]
    first = line.replace("[", " ").replace("]", " ").replace(",", " ").replace(";", " ").split()
    if len(first) < len(words) and not any(_NUMBER.fullmatch(word) or _SPECIAL.fullmatch(word) for word in first):
        return len(first)
    return 1


def _is_name(word: str) -> bool:
    return (word[0].isalpha() or word[0] in "_#(") and not _SPECIAL.fullmatch(word)


def _wrong(word: str, index: int) -> UserError:
    """The sentence about the first word that is no finite number."""
    shown, place = f"\u201c{_short(word)}\u201d", f"number {index + 1}"
    if _SPECIAL.fullmatch(word):
        if "nan" in word.lower():
            return UserError(f"{place.capitalize()} is {shown}, which stands for \u201cnot a number\u201d: everything computed "
                             "from it would be not a number, too. Leave it out.")
        return UserError(f"{place.capitalize()} is {shown}: a mean of something infinite is no number. Leave it out.")
    if _NUMBER.fullmatch(word):
        return UserError(f"{place.capitalize()}, {shown}, is too large: the largest float64 is 1.8e308.")
    return UserError(f"{shown} is no number (place {index + 1}). Write numbers such as 2, -0.5 or 1e-3, separated by commas, "
                     "spaces or lines.")


def _short(word: str) -> str:
    return word if len(word) <= 30 else word[:29] + "\u2026"
