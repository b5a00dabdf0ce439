"""How wide a text is in the bundled UI font, without Qt: boxes are sized in the worker.

Advance widths of Inter 4, regular and semi-bold, in thousandths of the font size, read from the bundled files; kerning, which only
draws letters together, is left out, so that a text is never wider than it is said to be here.
"""

from __future__ import annotations

from functools import lru_cache

_REGULAR = (
    281, 278, 403, 631, 638, 812, 639, 222, 362, 362, 500, 659, 280, 460, 276, 357, 625, 464, 605, 636, 642, 608, 624, 571, 616,
    624, 276, 280, 659, 659, 659, 507, 936, 676, 651, 727, 719, 598, 587, 743, 740, 264, 543, 652, 562, 889, 753, 761, 635, 761,
    639, 638, 642, 741, 676, 949, 642, 665, 625, 362, 357, 362, 469, 452, 497, 564, 621, 558, 621, 582, 361, 609, 591, 237, 237,
    544, 237, 869, 585, 597, 609, 609, 372, 523, 364, 581, 557, 812, 540, 557, 541, 362, 327, 362, 659,
)
_BOLD = (
    248, 309, 396, 643, 649, 844, 663, 213, 393, 393, 543, 673, 295, 466, 290, 379, 667, 481, 621, 652, 666, 632, 648, 587, 646,
    648, 290, 295, 673, 673, 673, 544, 999, 724, 657, 744, 724, 608, 586, 755, 744, 275, 561, 677, 566, 906, 741, 775, 643, 776,
    651, 649, 660, 734, 724, 1007, 690, 705, 653, 393, 379, 393, 481, 468, 497, 575, 630, 577, 630, 593, 377, 625, 613, 261,
    261, 569, 261, 898, 610, 608, 625, 625, 397, 549, 380, 608, 576, 837, 562, 576, 562, 393, 358, 393, 673,
)
_SIGNS = "…→×±·−°√∂Σ²—–“”’∞≈"
_REGULAR_SIGNS = (821, 955, 659, 659, 276, 659, 455, 631, 631, 631, 420, 1000, 500, 381, 381, 185, 930, 659)
_BOLD_SIGNS = (806, 955, 673, 673, 290, 673, 458, 660, 658, 658, 423, 1000, 500, 408, 407, 214, 966, 673)

#: Characters that are in no table: wide enough for Chinese ones.
_OTHER = 1000
_TABLES = tuple(
    {chr(32 + at): width for at, width in enumerate(plain)} | dict(zip(_SIGNS, signs, strict=True))
    for plain, signs in ((_REGULAR, _REGULAR_SIGNS), (_BOLD, _BOLD_SIGNS))
)
_GAP = "…"


@lru_cache(maxsize=8192)
def width_of(text: str, pixels: float, bold: bool = False) -> float:
    """The width of a line of text of this font size, in pixels."""
    table = _TABLES[bold]
    return sum([table.get(letter, _OTHER) for letter in text]) * pixels / 1000.0


@lru_cache(maxsize=8192)
def elided(text: str, pixels: float, most: float, bold: bool = False, end: bool = True) -> str:
    """The text, or as much of it as fits into ``most`` pixels, with "…" at its end (``end`` false: with its end, "…" before it)."""
    if width_of(text, pixels, bold) <= most:
        return text
    table = _TABLES[bold]
    room = most * 1000.0 / pixels - table[_GAP]
    kept = 0
    for letter in text if end else reversed(text):
        room -= table.get(letter, _OTHER)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + _GAP if end else _GAP + (text[-kept:].lstrip() if kept else "")
