"""The colours of the roles, for light and dark: Okabe and Ito's colour-blind-safe set, moved where a ground needs it.

Every role stands at least 3:1 out against the figure's ground (WCAG 2, graphical objects), which on white their yellow
and light blue do not. Categories also differ in lightness, so that red-green-blind eyes tell all eight apart.

Source: M. Okabe, K. Ito, "Color Universal Design", 2008.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from visualizer.base.roles import Role

Mode = Literal["light", "dark"]


@dataclass(frozen=True)
class Palette:
    """Colours as ``#rrggbb``: the figure's background, text, grid, and one for each role."""

    mode: Mode
    background: str
    surface: str
    text: str
    secondary_text: str
    grid: str
    accent: str
    roles: Mapping[Role, str]


def _roles(**colours: str) -> Mapping[Role, str]:
    return MappingProxyType({Role(name): colour for name, colour in colours.items()})


LIGHT = Palette(
    mode="light", background="#ffffff", surface="#f4f5f7", text="#1b1f24", secondary_text="#57606a",
    grid="#d9dee3", accent="#0072b2",
    roles=_roles(
        data="#3593cb", theory="#d55e00", curve="#0072b2", gradient="#cc3d8f", step="#bd7f00", kept="#0072b2",
        removed="#737e89", good="#00805f", warning="#b06f00", bad="#c2410c", muted="#7d8792", text="#1b1f24",
        c1="#0072b2", c2="#e3640f", c3="#2a9d7c", c4="#c22e79", c5="#97640a", c6="#405800", c7="#4a2399", c8="#23272d",
    ),
)

DARK = Palette(
    mode="dark", background="#14171b", surface="#1d2126", text="#e8eaed", secondary_text="#a5adb6",
    grid="#343a41", accent="#56b4e9",
    roles=_roles(
        data="#56b4e9", theory="#ff8a3d", curve="#4cb5ff", gradient="#f087c0", step="#f0b429", kept="#4cb5ff",
        removed="#a0a8b2", good="#2bc79b", warning="#f0b429", bad="#ff7a45", muted="#939ca7", text="#e8eaed",
        c1="#4cb5ff", c2="#dd5f14", c3="#22a377", c4="#fa86c0", c5="#f5ad25", c6="#def25a", c7="#8a69da", c8="#e2e4ea",
    ),
)

PALETTES: Mapping[str, Palette] = MappingProxyType({"light": LIGHT, "dark": DARK})
