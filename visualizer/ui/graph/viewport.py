"""Which part of a drawing is seen, and how large: pure arithmetic, free of Qt's classes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

#: No drawing is magnified more, and none is made smaller than this share of what fits.
LARGEST_ZOOM, SMALLEST_SHARE = 6.0, 0.4
#: Room around a drawing that is shown whole, in pixels.
MARGIN = 12.0


class Rect(NamedTuple):
    """A rectangle by its sides; in scene units or in pixels, whichever is said."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def meets(self, other: Rect) -> bool:
        """Whether the two have a point in common."""
        return self.left <= other.right and other.left <= self.right and self.top <= other.bottom and other.top <= self.bottom

    def contains(self, x: float, y: float) -> bool:
        return self.left <= x <= self.right and self.top <= y <= self.bottom

    def grown(self, by: float) -> Rect:
        return Rect(self.left - by, self.top - by, self.right + by, self.bottom + by)


@dataclass(frozen=True)
class Viewport:
    """A window of ``width`` x ``height`` pixels on a scene: the scene's point (x, y) is at its upper left corner.

    Attributes:
        zoom: pixels for each scene unit.
    """

    width: float
    height: float
    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0

    @property
    def seen(self) -> Rect:
        """The part of the scene that is seen, in scene units."""
        return Rect(self.x, self.y, self.x + self.width / self.zoom, self.y + self.height / self.zoom)

    def to_pixels(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.x) * self.zoom, (y - self.y) * self.zoom

    def to_scene(self, px: float, py: float) -> tuple[float, float]:
        return self.x + px / self.zoom, self.y + py / self.zoom

    def panned(self, dx: float, dy: float) -> Self:
        """The picture moved by so many pixels."""
        return replace(self, x=self.x - dx / self.zoom, y=self.y - dy / self.zoom)

    def zoomed(self, factor: float, px: float, py: float, least: float) -> Self:
        """Magnified by a factor; the scene's point at this pixel stays there. ``least``: no zoom below this."""
        zoom = min(max(self.zoom * factor, min(least, self.zoom)), max(LARGEST_ZOOM, self.zoom))
        x, y = self.to_scene(px, py)
        return replace(self, x=x - px / zoom, y=y - py / zoom, zoom=zoom)

    def centred(self, x: float, y: float) -> Self:
        """With this point of the scene in the middle."""
        return replace(self, x=x - self.width / self.zoom / 2, y=y - self.height / self.zoom / 2)

    def resized(self, width: float, height: float) -> Self:
        """Of another size, with the same point in the middle."""
        middle = self.to_scene(self.width / 2, self.height / 2)
        return replace(self, width=width, height=height).centred(*middle)

    def within(self, width: float, height: float) -> Self:
        """Moved so that its middle lies in a scene of this size: nobody pans into nowhere."""
        middle_x, middle_y = self.to_scene(self.width / 2, self.height / 2)
        x, y = min(max(middle_x, 0.0), width), min(max(middle_y, 0.0), height)
        return self if (x, y) == (middle_x, middle_y) else self.centred(x, y)

    def showing(self, area: Rect, margin: float = 24.0) -> Self:
        """Moved, and no more than necessary, so that this part of the scene is seen with so many pixels around it."""
        room = margin / self.zoom
        seen = self.seen

        def shifted(low: float, high: float, first: float, last: float) -> float:
            if high - low + 2 * room >= last - first:
                return (low + high) / 2 - (last - first) / 2
            return min(max(first, high + room - (last - first)), low - room)

        return replace(self, x=shifted(area.left, area.right, seen.left, seen.right),
                       y=shifted(area.top, area.bottom, seen.top, seen.bottom))

    def fitting(self, area: Rect, most: float, margin: float = MARGIN) -> Self:
        """This part of the scene as large as there is room for, but at most this zoom, in the middle."""
        wide, high = max(self.width - 2 * margin, 1.0), max(self.height - 2 * margin, 1.0)
        zoom = min(most, wide / max(area.width, 1e-9), high / max(area.height, 1e-9))
        return replace(self, zoom=zoom).centred((area.left + area.right) / 2, (area.top + area.bottom) / 2)
