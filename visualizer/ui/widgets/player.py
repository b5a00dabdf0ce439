"""What makes the position of a run go on: so many steps for each second, at the pace of the screen."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

_FRAME_MS = 16
#: After a stall (a hidden window, a sleeping laptop) at most this much time is made up for, in seconds.
_LONGEST_FRAME = 0.25


class Player(QObject):
    """Plays positions 0..last. The timer runs only while playing.

    Signals:
        advanced: the new position; several steps at once when the speed is above the frame rate.
        playing_changed: playing started or stopped.

    Args:
        clock: seconds that only grow; tests pass their own.
    """

    advanced = Signal(int)
    playing_changed = Signal(bool)

    def __init__(self, parent: QObject, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__(parent)
        self._clock = clock
        self._timer = QTimer(self)
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(_FRAME_MS)
        self._timer.timeout.connect(self.tick)
        self._position = 0
        self._last = 0
        self._streaming = False
        self._speed = 30.0
        self._due = 0.0
        self._then = 0.0

    @property
    def playing(self) -> bool:
        return self._timer.isActive()

    @property
    def position(self) -> int:
        return self._position

    def set_speed(self, speed: float) -> None:
        """Steps per second; infinite goes to the end of what there is with every frame."""
        self._speed = speed
        self._due = 0.0

    def set_end(self, last: int, streaming: bool) -> None:
        """The last position there is; while ``streaming`` more may come, so playing waits there and goes on."""
        self._last = last
        self._streaming = streaming

    def set_position(self, position: int) -> None:
        """Go on from here (the user moved the slider)."""
        self._position = position
        self._due = 0.0

    @Slot()
    def play(self) -> None:
        """Start, from the beginning when the end is reached and nothing more comes."""
        if self.playing:
            return
        if self._position >= self._last and not self._streaming and self._last > 0:
            self._position = 0
            self.advanced.emit(0)
        self._then = self._clock()
        self._due = 0.0
        self._timer.start()
        self.playing_changed.emit(True)

    @Slot()
    def pause(self) -> None:
        if self.playing:
            self._timer.stop()
            self.playing_changed.emit(False)

    @Slot()
    def toggle(self) -> None:
        if self.playing:
            self.pause()
        else:
            self.play()

    @Slot()
    def tick(self) -> None:
        """One frame: emit the position that is due now."""
        now = self._clock()
        elapsed, self._then = min(now - self._then, _LONGEST_FRAME), now
        if self._position < self._last:
            if math.isinf(self._speed):
                steps = self._last - self._position
            else:
                self._due += elapsed * self._speed
                steps = min(int(self._due), self._last - self._position)
                self._due -= steps
            if steps:
                self._position += steps
                self.advanced.emit(self._position)
        else:
            self._due = 0.0
        if self._position >= self._last and not self._streaming:
            self.pause()
