"""Garbage is collected by a timer of the window, and nowhere else."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject, QTimer, Slot

INTERVAL_MS = 500
#: To walk so many new objects takes some 15 ms: the window would miss a frame.
MOST = 12_000


class GarbageTimer(QObject):
    """Turns the automatic collector off, and collects in the GUI thread between two events.

    The automatic collector runs in whichever thread allocates. In the torch thread it would delete Qt objects
    that are garbage there, which crashes, and it walks everything that the imports made while the window waits
    for the GIL. Here it runs generation by generation, when Python's own thresholds are passed, as the
    automatic one does. What torch's import made is out of its way, because the worker freezes it.

    Where a run has made very many objects meanwhile (a captured graph: plain data, without cycles), they are put out of the
    collector's sight at once and not walked, now or later: to walk those of 20,000 nodes takes half a second. They go as soon
    as nobody refers to them. What is a cycle by then and garbage stays in memory: at most what half a second has left.

    Nothing is collected before :meth:`begin`: during the imports even the youngest generation is huge.

    Args:
        parent: the owner; when the timer goes, or with :meth:`stop`, the automatic collector is on again.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._was_automatic = gc.isenabled()
        gc.disable()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self.collect)

    @Slot()
    def begin(self) -> None:
        """Start collecting. Call when the worker is ready (or broken)."""
        self._timer.start()

    @Slot()
    def collect(self) -> None:
        """Collect the oldest generation whose threshold is passed, or put aside what is too much to walk."""
        counts, thresholds = gc.get_count(), gc.get_threshold()
        if counts[0] > MOST:
            gc.freeze()
            return
        for generation in (2, 1, 0):
            if counts[generation] > thresholds[generation]:
                gc.collect(generation)
                return

    @Slot()
    def stop(self) -> None:
        """Collect no more, and give Python its automatic collector back."""
        self._timer.stop()
        if self._was_automatic:
            gc.enable()
