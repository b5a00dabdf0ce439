"""A figure as data: what to draw, free of Qt. The window draws it, the exporter draws it with the same code.

Arrays are read-only numpy, float64 unless said otherwise. Layers are drawn in order, first at the bottom.
A layer's ``key`` is unique in its figure and stays the same from one result to the next: the renderer keeps
the drawn item of a key and updates it, and skips a layer that is the very same object as before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from visualizer.base.roles import Role

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Dash = Literal["solid", "dash", "dot"]
Symbol = Literal["circle", "square", "triangle", "diamond", "cross", "plus"]
Drag = Literal["", "x", "y", "xy"]


def readonly(values: Any) -> Floats:
    """A read-only float64 array of these values (copied only when it has to be)."""
    import numpy as np

    array = np.asarray(values, dtype=np.float64)
    if array.flags.writeable:
        array = array.copy() if isinstance(values, np.ndarray) else array
        array.flags.writeable = False
    return array


@dataclass(frozen=True)
class Axis:
    """An axis: ``label`` in words, ``unit`` in brackets after it.

    Attributes:
        log: logarithmic by default (the user can switch while looking). Values <= 0 are left out when logarithmic.
        limits: the view shown first and on double click; None: fits what is drawn.
        ticks: explicit (position, text) ticks instead of automatic ones.
        integer: ticks only at whole numbers.
    """

    label: str
    unit: str = ""
    log: bool = False
    limits: tuple[float, float] | None = None
    ticks: tuple[tuple[float, str], ...] | None = None
    integer: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class _Layer:
    """Common to all layers: ``label`` puts it into the legend; empty: not in the legend."""

    key: str
    role: Role
    label: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Line(_Layer):
    """A line through (x, y); NaN in y breaks it. ``width`` in device-independent pixels, ``opacity`` in [0, 1]."""

    x: Floats
    y: Floats
    width: float = 2.0
    dash: Dash = "solid"
    opacity: float = 1.0
    steps: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Segments(_Layer):
    """Separate straight segments from (x0, y0) to (x1, y1); ``arrow`` draws a head at the end of each."""

    x0: Floats
    y0: Floats
    x1: Floats
    y1: Floats
    width: float = 1.5
    dash: Dash = "solid"
    opacity: float = 1.0
    arrow: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Markers(_Layer):
    """Markers at (x, y), ``size`` in device-independent pixels.

    Attributes:
        texts: a short text beside each marker (names), or empty.
        hollow: outline only.
        drag: directions in which the user may drag one; sends gestures ``drag`` and ``drop``.
        click: clicking one sends a gesture ``click``.
        tip: what hovering says about dragging and clicking.
    """

    x: Floats
    y: Floats
    size: float = 9.0
    symbol: Symbol = "circle"
    hollow: bool = False
    opacity: float = 1.0
    texts: tuple[str, ...] = ()
    drag: Drag = ""
    click: bool = False
    tip: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Bars(_Layer):
    """Filled bars between ``left`` and ``right`` from ``base`` up to ``height``; draggable tops send gestures."""

    left: Floats
    right: Floats
    height: Floats
    base: float = 0.0
    opacity: float = 0.65
    outline: bool = False
    drag: bool = False
    tip: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Band(_Layer):
    """A filled band between lower(x) and upper(x)."""

    x: Floats
    lower: Floats
    upper: Floats
    opacity: float = 0.25


@dataclass(frozen=True, kw_only=True, eq=False)
class Heat(_Layer):
    """A heat map: ``values[row, column]`` over x and y ranges; row 0 at the lower y end.

    ``palette``: "sequential", or "diverging" (centred on zero). ``limits``: values of the palette's two ends; None: data.
    """

    values: Floats
    x_range: tuple[float, float]
    y_range: tuple[float, float]
    palette: Literal["sequential", "diverging"] = "sequential"
    limits: tuple[float, float] | None = None
    value_label: str = ""
    contours: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Rule(_Layer):
    """A straight line across the whole figure at ``position`` (vertical: an x, else a y)."""

    position: float
    vertical: bool = True
    width: float = 1.5
    dash: Dash = "dash"
    text: str = ""
    drag: bool = False
    tip: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Span(_Layer):
    """A shaded region between two positions across the whole figure."""

    start: float
    end: float
    vertical: bool = True
    opacity: float = 0.12
    text: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Note(_Layer):
    """Text at a data position; ``anchor`` is the point of the text that stands there (0..1 from left / from top)."""

    x: float
    y: float
    text: str
    anchor: tuple[float, float] = (0.0, 1.0)


Layer = Line | Segments | Markers | Bars | Band | Heat | Rule | Span | Note


@dataclass(frozen=True, eq=False)
class Figure:
    """One figure.

    Attributes:
        name: as in the view's ``figures`` and in ``--figure``.
        title: what it shows, in words.
        note: a sentence under the title (an empty state says here what to do first), or empty.
        legend: drawn when at least two layers have a label.
        equal: same scale on both axes.
    """

    name: str
    title: str
    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
    note: str = ""
    legend: bool = True
    equal: bool = False
