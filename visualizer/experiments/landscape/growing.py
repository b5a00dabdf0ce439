"""Arrays that grow while a run goes on, handed out as read-only views: no copy for every partial result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Growing:
    """A float64 vector that only ever gets longer.

    A view that was handed out stays valid and never changes: what is appended lies behind its end.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._buffer = np.empty(capacity)
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def extend(self, values: Sequence[float] | Floats) -> None:
        needed = self._size + len(values)
        if needed > self._buffer.size:
            larger = np.empty(max(needed, 2 * self._buffer.size))
            larger[:self._size] = self._buffer[:self._size]
            self._buffer = larger
        self._buffer[self._size:needed] = values
        self._size = needed

    def view(self) -> Floats:
        """Everything so far, read-only."""
        seen = self._buffer[:self._size]
        seen.flags.writeable = False
        return seen
