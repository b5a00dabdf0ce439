"""Figures that the tests of drawing share."""

from __future__ import annotations

import numpy as np

from visualizer.base.roles import Role
from visualizer.figures.model import (
    Axis,
    Band,
    Bars,
    Figure,
    Heat,
    Layer,
    Line,
    Markers,
    Note,
    Rule,
    Segments,
    Span,
    readonly,
)


def one(*layers: Layer, name: str = "test", x: Axis | None = None, y: Axis | None = None, **rest: object) -> Figure:
    """A figure of these layers."""
    return Figure(name, "A title", x or Axis("x"), y or Axis("y"), layers, **rest)  # type: ignore[arg-type]


def line(x: object, y: object, key: str = "line", **rest: object) -> Line:
    return Line(key=key, role=Role.CURVE, x=readonly(x), y=readonly(y), **rest)  # type: ignore[arg-type]


def markers(x: object, y: object, key: str = "markers", **rest: object) -> Markers:
    return Markers(key=key, role=Role.KEPT, x=readonly(x), y=readonly(y), **rest)  # type: ignore[arg-type]


def everything() -> Figure:
    """Every kind of layer in one figure."""
    x = np.linspace(0.0, 10.0, 50)
    grid = np.add.outer(np.arange(4.0), np.arange(6.0))
    return one(
        Heat(key="heat", role=Role.DATA, values=readonly(grid), x_range=(0.0, 10.0), y_range=(0.0, 5.0), contours=3,
             value_label="loss"),
        Span(key="span", role=Role.WARNING, start=2.0, end=3.0, text="span"),
        Band(key="band", role=Role.THEORY, label="band", x=readonly(x), lower=readonly(x / 4), upper=readonly(x / 2)),
        Bars(key="bars", role=Role.DATA, label="bars", left=readonly([0.0, 1.0]), right=readonly([1.0, 2.0]),
             height=readonly([1.0, 2.0]), drag=True),
        line(x, np.sin(x) + 2.0, label="line"),
        line(x, np.cos(x) + 2.0, key="steps", steps=True, dash="dash"),
        Segments(key="arrows", role=Role.GRADIENT, label="arrows", x0=readonly([1.0, 2.0]), y0=readonly([1.0, 1.0]),
                 x1=readonly([2.0, 3.0]), y1=readonly([2.0, 3.0]), arrow=True),
        markers([1.0, 5.0, 9.0], [4.0, 4.0, 4.0], label="points", texts=("A", "B", "C"), drag="xy", click=True),
        Rule(key="rule", role=Role.BAD, position=7.0, text="rule", drag=True),
        Rule(key="level", role=Role.GOOD, position=1.0, vertical=False, text="level"),
        Note(key="note", role=Role.TEXT, x=5.0, y=2.0, text="a note"),
        note="With every kind of layer.",
    )
