"""The colours of the roles, for light and dark: Okabe and Ito's colour-blind-safe set, lightened where dark needs it.

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
        data="#56b4e9", theory="#d55e00", curve="#0072b2", gradient="#cc3d8f", step="#e69f00", kept="#0072b2",
        removed="#8c959f", good="#00805f", warning="#b06f00", bad="#c2410c", muted="#9aa4ae", text="#1b1f24",
        c1="#0072b2", c2="#d55e00", c3="#009e73", c4="#cc79a7", c5="#e69f00", c6="#56b4e9", c7="#7a5cc0", c8="#6b7280",
    ),
)

DARK = Palette(
    mode="dark", background="#14171b", surface="#1d2126", text="#e8eaed", secondary_text="#a5adb6",
    grid="#343a41", accent="#56b4e9",
    roles=_roles(
        data="#56b4e9", theory="#ff8a3d", curve="#4cb5ff", gradient="#f087c0", step="#f0b429", kept="#4cb5ff",
        removed="#7d8590", good="#2bc79b", warning="#f0b429", bad="#ff7a45", muted="#6e7781", text="#e8eaed",
        c1="#4cb5ff", c2="#ff8a3d", c3="#2bc79b", c4="#f087c0", c5="#f0b429", c6="#8fd3ff", c7="#b39ddb", c8="#a5adb6",
    ),
)

PALETTES: Mapping[str, Palette] = MappingProxyType({"light": LIGHT, "dark": DARK})
