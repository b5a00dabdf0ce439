"""What a layout is asked, and what it answers: rectangles, groups and links in; places and ways out. No torch, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from visualizer.figures.model import Floats

    Ints = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Problem:
    """A graph to be laid out in layers: links go from the loss (source) to the leaves (target), so targets stand above sources.

    Attributes:
        width, height: of every box.
        group: the group that each box is in; -1: none.
        parent: of every group its parent group, a smaller index; -1: none. Groups are open: drawn as frames around their boxes.
        title: least width of every group (for its title).
        source, target: boxes of every link; parallel links are links of their own; a link from a box to itself is left out.
        leftward: layers from left (leaves) to right (loss) instead of from top to bottom.
    """

    width: Floats
    height: Floats
    group: Ints
    parent: Ints
    title: Floats
    source: Ints
    target: Ints
    leftward: bool = False


@dataclass(frozen=True, eq=False)
class Layout:
    """Where everything stands. The upper left corner of everything, margins included, is (0, 0).

    Attributes:
        left, top: of every box.
        frame_left, frame_top, frame_width, frame_height: of every group.
        x, y, start: ways of the links, one after the other: link i has the points ``start[i]`` to ``start[i + 1]``, from the border
            of its source to the border of its target, around all boxes and all frames that hold neither end.
        width, height: of everything.
    """

    left: Floats
    top: Floats
    frame_left: Floats
    frame_top: Floats
    frame_width: Floats
    frame_height: Floats
    x: Floats
    y: Floats
    start: Ints
    width: float
    height: float
