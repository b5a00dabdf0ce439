"""Colours that a projector and colour-blind eyes tell apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from visualizer.base.roles import CATEGORIES, Role
from visualizer.figures.palette import DARK, LIGHT, Palette

#: Viewing by people without one kind of cones: matrices for linear RGB (Machado, Oliveira, Fernandes 2009, severity 1).
_EYES = {
    "all cones": np.eye(3),
    "no long-wave cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]),
    "no middle-wave cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]),
}


def linear(color: str) -> np.ndarray:
    """Linear light of an sRGB colour."""
    share = np.array([int(color[i:i + 2], 16) for i in (1, 3, 5)]) / 255.0
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2."""
    lights = sorted(float(linear(color) @ (0.2126, 0.7152, 0.0722)) for color in (one, other))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def oklab(color: str, eye: np.ndarray) -> np.ndarray:
    """Coordinates in which equal distances look about equally large (Ottosson 2020)."""
    cones = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                      [0.0883024619, 0.2817188376, 0.6299787005]])
    axes = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                     [0.0259040371, 0.7827717662, -0.8086757660]])
    return np.asarray(axes @ np.cbrt(cones @ np.clip(eye @ linear(color), 0.0, 1.0)))


def test_the_measures_agree_with_known_values() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)
    assert oklab("#ffffff", np.eye(3)) == pytest.approx([1.0, 0.0, 0.0], abs=1e-3)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.mode)
@pytest.mark.parametrize("role", list(Role))
def test_every_role_stands_out_against_the_ground(palette: Palette, role: Role) -> None:
    least = {("dark", Role.REMOVED): 4.5, ("dark", Role.MUTED): 3.5}.get((palette.mode, role), 3.0)
    assert contrast(palette.roles[role], palette.background) >= least


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.mode)
def test_the_faint_full_curve_is_seen_on_a_dark_projector(palette: Palette) -> None:
    """It is drawn with an opacity of 0.7."""
    front, back = (np.array([int(c[i:i + 2], 16) for i in (1, 3, 5)])
                   for c in (palette.roles[Role.MUTED], palette.background))
    shown = "#" + "".join(f"{round(value):02x}" for value in 0.7 * front + 0.3 * back)
    assert contrast(shown, palette.background) >= (3.5 if palette.mode == "dark" else 2.2)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=lambda palette: palette.mode)
@pytest.mark.parametrize("eye", list(_EYES))
def test_categories_are_told_apart_from_each_other_and_from_the_curve(palette: Palette, eye: str) -> None:
    colors = [palette.roles[role] for role in CATEGORIES]
    assert palette.roles[Role.C1] == palette.roles[Role.CURVE] == palette.roles[Role.KEPT]
    least = 0.14 if eye == "all cones" else 0.055
    for one, other in combinations(colors, 2):
        distance = float(np.linalg.norm(oklab(one, _EYES[eye]) - oklab(other, _EYES[eye])))
        assert distance >= least, f"{one} and {other}: {distance:.3f}"
