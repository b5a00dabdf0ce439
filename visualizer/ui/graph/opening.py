"""Where a graph is looked at first, and where it is after it was drawn anew: nothing jumps that was there before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from visualizer.ui.graph.stage import Stage
from visualizer.ui.graph.viewport import MARGIN, Rect, Viewport
from visualizer.ui.theme import Theme

#: A graph that fits only below this zoom is opened at its width instead: its names are to be read.
READABLE = 0.45
#: The same for its colours.
COLOURED = 0.12
#: A small graph is not blown up beyond this (times the theme's zoom).
MOST = 1.4
#: What the map takes of a view of at least such a width, in pixels (times the theme's zoom).
MAP_WIDTH, _ROOM_FOR_MAP = 130.0, 500.0
#: Drawings of which a smaller share of the boxes is the same are different graphs.
_SAME = 0.5
_ASKED = 2000
#: Of so few boxes all are shown in large type, too, though they are smaller than the type: half of them would explain nothing.
_FEW = 24


def whole(stage: Stage, viewport: Viewport, theme: Theme) -> Viewport:
    """The whole graph, as large as there is room."""
    return viewport.fitting(stage.area, MOST * theme.zoom)


def opened(stage: Stage, viewport: Viewport, theme: Theme, shaded: bool = False) -> Viewport:
    """The first look: the whole graph if its names can be read so; otherwise its width, with the loss in sight.

    ``shaded``: its colours are what is to be seen, which needs no names.
    """
    fit = whole(stage, viewport, theme)
    readable = READABLE * theme.zoom
    needed = COLOURED if shaded else READABLE if len(stage) <= _FEW else readable
    if fit.zoom >= needed or not len(stage):
        return fit
    area = stage.area
    # Beside the map, which is shown since not all is in sight.
    aside = 0.0 if stage.drawing.leftward or viewport.width < _ROOM_FOR_MAP * theme.zoom else MAP_WIDTH * theme.zoom
    across = (viewport.height - 2 * MARGIN) / max(area.height, 1e-9) if stage.drawing.leftward else \
        (viewport.width - 2 * MARGIN - aside) / max(area.width, 1e-9)
    zoom = min(max(across, readable), 1.0 * theme.zoom)
    near = Viewport(viewport.width, viewport.height, zoom=zoom)
    loss = stage.box(stage.loss)
    middle_x, middle_y = (loss.left + loss.right) / 2, (loss.top + loss.bottom) / 2
    if across >= readable:
        if stage.drawing.leftward:
            middle_y = area.height / 2
        else:
            middle_x = area.width / 2
    # Beyond the loss there is nothing: it stands at the end of the picture that the forward pass goes to.
    if stage.drawing.leftward:
        middle_x = area.right + MARGIN / zoom - near.seen.width / 2
    else:
        middle_y = area.bottom + MARGIN / zoom - near.seen.height / 2
    found = near.centred(middle_x, middle_y).showing(loss)
    over = (area.right - found.x) * zoom + aside - viewport.width
    return found.panned(-over, 0.0) if aside and across >= readable and over > 0.0 else found


def beside(stage: Stage, viewport: Viewport, corner: tuple[float, float]) -> Viewport:
    """The view moved to the right if boxes would lie below the legend, in a lower left corner of this size in pixels; as it is if
    there is no room for that."""
    wide, high = corner
    if not wide or not len(stage):
        return viewport
    covered = stage.boxes.meeting(Rect(*viewport.to_scene(0.0, viewport.height - high), *viewport.to_scene(wide, viewport.height)))
    if not len(covered):
        return viewport
    needed = wide - min((float(stage.left[covered].min()) - viewport.x) * viewport.zoom, wide)
    room = viewport.width - (float(stage.right.max()) - viewport.x) * viewport.zoom - MARGIN / 2
    return viewport.panned(needed, 0.0) if needed <= room else viewport


def same_graph(old: Stage, new: Stage) -> bool:
    """Whether two drawings are of one graph, folded in different ways: most boxes of one are in the other, by ident and title."""
    few, many = (old, new) if len(old) <= len(new) else (new, old)
    if not len(few):
        return False
    step = max(len(few) // _ASKED, 1)
    titles, idents = few.drawing.boxes.titles, few.drawing.boxes.ident
    rows = range(0, len(few), step)
    found = [_titled(many, int(idents[row])) for row in rows]
    # A box that was opened is a frame, whose title may say more.
    same = sum(title is not None and (title == titles[row] or title.startswith(titles[row]) or titles[row].startswith(title))
               for row, title in zip(rows, found, strict=True))
    return same >= _SAME * len(rows)


def _titled(stage: Stage, ident: int) -> str | None:
    row = stage.row_of.get(ident)
    if row is not None:
        return stage.drawing.boxes.titles[row]
    row = stage.frame_of.get(ident)
    return None if row is None else stage.drawing.frames.titles[row]


def place_of(stage: Stage, ident: int) -> Rect | None:
    """The box or the frame of this ident."""
    row = stage.row_of.get(ident)
    if row is not None:
        return stage.box(row)
    row = stage.frame_of.get(ident)
    return None if row is None else stage.frame(row)


def kept(old: Stage, new: Stage, viewport: Viewport, anchor: int | None, at: tuple[float, float]) -> Viewport | None:
    """The viewport on a new drawing in which something of the old one stays where it was on the screen; None: nothing does.

    Args:
        anchor: ident of what the user opened or closed; None: whatever is nearest to ``at`` (pixels) and in both stays.
    """
    before, after = (place_of(old, anchor), place_of(new, anchor)) if anchor is not None else (None, None)
    if before is None or after is None:
        ident = _nearest(old, new, *viewport.to_scene(*at))
        if ident is None:
            return None
        before, after = place_of(old, ident), place_of(new, ident)
        if before is None or after is None:
            return None
    # Of what was opened or closed the upper left corner stays: there is its title, and the pointer.
    px, py = viewport.to_pixels(before.left, before.top)
    moved = replace(viewport, x=after.left - px / viewport.zoom, y=after.top - py / viewport.zoom)
    return moved.showing(after) if before.meets(viewport.seen) and not after.meets(moved.seen) else moved



def _nearest(old: Stage, new: Stage, x: float, y: float) -> int | None:
    """Ident of the box nearest to a place that is in the new drawing, too."""
    if not len(old) or not len(new):
        return None
    idents = old.drawing.boxes.ident
    stays = np.flatnonzero(np.isin(idents, new.drawing.boxes.ident))
    if not len(stays):
        return None
    far = np.hypot((old.left[stays] + old.right[stays]) / 2 - x, (old.top[stays] + old.bottom[stays]) / 2 - y)
    return int(idents[stays[int(np.argmin(far))]])
