"""Previews of thousands of small tensors: the elements are copied at once, the statistics worked out together, later.

One tensor's statistics are half a dozen calls of numpy, most of which is the price of a call. Many tensors of one size are the rows
of one matrix, and the calls are paid once for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from visualizer.experiments.graph.model import Preview
from visualizer.experiments.graph.previews import Storages, moments, preview, preview_in_pieces, taken, without_values

if TYPE_CHECKING:
    from visualizer.figures.model import Floats

#: So many elements are held back at most, before their statistics are worked out; so many at once.
_HELD, _TOGETHER = 1 << 20, 1 << 15


class Batch:
    """Makes previews whose statistics are NaN until :meth:`finish`; all else of them is there at once.

    Args:
        storages: as of :func:`~visualizer.experiments.graph.previews.preview`.
        values: False: of no tensor more than its type.
    """

    def __init__(self, storages: Storages | None = None, *, values: bool = True) -> None:
        self.storages = storages
        self.values = values
        self._waiting: dict[int, list[tuple[Preview, Floats]]] = {}
        self._held = 0

    def preview(self, tensor: Tensor, most: int) -> Preview:
        """The tensor as it is now, whatever happens to it later."""
        if not self.values:
            return without_values(tensor)
        return self._small(tensor, most) or preview(tensor, most, self.storages)

    def preview_in_pieces(self, tensor: Tensor, most: int) -> Generator[None, None, Preview]:
        """As :meth:`preview`; a large tensor is looked at in pieces of about a millisecond."""
        if not self.values:
            return without_values(tensor)
        return self._small(tensor, most) or (yield from preview_in_pieces(tensor, most, self.storages))

    def _small(self, tensor: Tensor, most: int) -> Preview | None:
        found = taken(tensor, most, self.storages)
        if found is None:
            return None
        made, flat = found
        if flat is not None:
            self._waiting.setdefault(flat.size, []).append((made, flat))
            self._held += flat.size
            if self._held > _HELD:
                self.finished()
        return made

    def finished(self) -> None:
        """:meth:`finish`, run to its end."""
        for _ in self.finish():
            pass

    def finish(self) -> Generator[None, None, None]:
        """Work out what is missing; yields every few milliseconds."""
        self._held = 0
        while self._waiting:
            size, every = self._waiting.popitem()
            step = max(1, min(1000, _TOGETHER // size))
            for first in range(0, len(every), step):
                _complete(every[first: first + step])
                yield None


def _complete(every: list[tuple[Preview, Floats]]) -> None:
    """The statistics of tensors of one size."""
    with np.errstate(all="ignore"):
        rows = np.stack([flat for _, flat in every])
        count = rows.shape[1]
        total, square = np.add.reduce(rows, axis=1), np.add.reduce(np.square(rows), axis=1)
        mean = total / count
        apart = rows - mean[:, None]
        deviation = np.sqrt(np.add.reduce(np.square(apart), axis=1) / count)
        numbers = zip(np.minimum.reduce(rows, axis=1).tolist(), np.maximum.reduce(rows, axis=1).tolist(), mean.tolist(),
                      deviation.tolist(), np.sqrt(square).tolist(), (total + square).tolist(), strict=True)
        put = object.__setattr__
        for (made, flat), (least, largest, middle, spread, norm, whole) in zip(every, numbers, strict=True):
            if not (norm >= 1e-145 and math.isfinite(whole)) and (least or largest or whole != whole):
                # NaN, infinity, or squares that are too large or too small for a number.
                for name, value in moments(flat).items():
                    put(made, name, value)
                continue
            put(made, "minimum", least)
            put(made, "maximum", largest)
            put(made, "mean", middle)
            put(made, "deviation", spread)
            put(made, "norm", norm)
