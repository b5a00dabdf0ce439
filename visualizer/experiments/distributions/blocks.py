"""Blocks of values that two threads draw, in their order and whichever thread draws them.

Each block begins a generator of its own, so its values depend on seed and number only: one thread or two, the sample is the
same. The thread that asks for the values helps: it draws where the next block is not there yet and nobody is at it. So it
never waits for a thread that gets no processor, and counting and drawing together fill two processors, though drawing alone
takes one and a half times as long as counting.

What torch keeps for each thread: the number of its own threads, which a new thread takes from the process; whether a graph
is recorded, which means nothing to a tensor that needs no gradient; and the inference mode, which the second thread takes
over, because buffers that were made in it cannot be written to outside.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TypeAlias

import torch
from torch import Tensor

#: Fills a flat tensor with the values of the block of this number.
Fill: TypeAlias = "Callable[[Tensor, int], object]"

#: The least number of values for a second thread: fewer are drawn within a few milliseconds.
FEWEST = 2**21

#: Buffers that are filled in turns: one is counted, each thread draws into one, and one waits.
_BUFFERS = 4

#: How far the second thread steps back for others, 19 at most (Linux). Beside a billion values the 99th percentile of the
#: window's gaps is 17-21 ms with 0, 15-16 ms with 10.
_NICE = 19

#: Seconds that the consumer waits for a block that the other thread draws before it says that there is none yet.
_PATIENCE = 0.003

#: Seconds after which a thread that nobody takes values from looks whether the program has ended.
_LOOK = 1.0


def processors() -> int:
    """How many processors this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # Linux: a container or taskset may leave it fewer than there are
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def block_seed(start: int, number: int) -> int:
    """The seed of a block. torch's generator takes 32 bits of it, and no two of the first 2**32 blocks have the same."""
    return (start + number * 0x9E3779B1) % 2**32  # an odd factor; near the golden section, so that seeds lie far apart


def in_turn(fill: Fill, empty: Callable[[int], Tensor], count: int, size: int) -> Iterator[Tensor]:
    """``count`` values in one buffer of at most ``size``, filled anew at each step."""
    buffer = empty(min(size, count))
    for number, at in enumerate(range(0, count, size)):
        part = buffer[: min(size, count - at)]
        fill(part, number)
        yield part


def together(fill: Fill, others: Fill, empty: Callable[[int], Tensor], count: int, size: int) -> Iterator[Tensor | None]:
    """What :func:`in_turn` yields, drawn by this thread with ``fill`` and by a second one with ``others``.

    The second thread begins with the first step and has ended when the iterator has: after the last value, an error, or
    ``close()``, which waits until the block is full that is being drawn.

    Yields:
        The next values, which stay until the step after; None if they are not there after some milliseconds.

    Raises:
        Exception: what either of the two has raised.
    """
    shared = _Shared(others, empty, count, size)
    shared.thread.start()
    try:
        while (part := shared.next(fill)) is not None:
            yield part if part.numel() else None
    finally:
        shared.close()


def _step_back() -> None:
    """Let this thread run where no other wants the processor: the window comes first, and the consumer draws for itself."""
    if sys.platform == "linux":  # where a thread has a priority of its own
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)


class _Shared:
    """The buffers of both threads, and who draws into which."""

    def __init__(self, others: Fill, empty: Callable[[int], Tensor], count: int, size: int) -> None:
        self._buffers = [empty(size) for _ in range(_BUFFERS)]
        self._none = empty(0)
        self._count, self._size, self._blocks = count, size, -(-count // size)
        self._changed = threading.Condition()
        self._begun = 0  # blocks that a thread draws or has drawn
        self._yielded = 0  # blocks that the consumer has had
        self._read = 0  # blocks that it needs no more
        self._full: set[int] = set()
        self._error: BaseException | None = None
        self._closed = False
        self._inference = torch.is_inference_mode_enabled()
        self.thread = threading.Thread(target=self._work, args=(others,), name="drawing")

    def next(self, fill: Fill) -> Tensor | None:
        """The next block; an empty one if it is not there yet, None after the last. Those before have been read."""
        number = self._yielded
        if number == self._blocks:
            return None
        while True:
            with self._changed:
                if self._read < number:
                    self._read = number
                    self._changed.notify()  # a buffer is free
                if self._error is not None:
                    raise self._error
                if number in self._full:
                    self._full.remove(number)
                    self._yielded += 1
                    return self._part(number)
                mine = self._begin()
                if mine is None:
                    if not self._changed.wait(_PATIENCE):
                        return self._none
                    continue
            fill(self._part(mine), mine)
            with self._changed:
                self._full.add(mine)

    def close(self) -> None:
        """End the second thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self.thread.join()
        self._error = None  # its traceback may hold this

    def _begin(self) -> int | None:
        """A block that nobody draws yet and that has a free buffer."""
        if self._begun == min(self._blocks, self._read + _BUFFERS):
            return None
        self._begun += 1
        return self._begun - 1

    def _part(self, number: int) -> Tensor:
        return self._buffers[number % _BUFFERS][: min(self._size, self._count - number * self._size)]

    def _work(self, fill: Fill) -> None:
        _step_back()
        try:
            with torch.inference_mode(self._inference):
                while (number := self._claim()) is not None:
                    fill(self._part(number), number)
                    with self._changed:
                        self._full.add(number)
                        self._changed.notify()
        except BaseException as error:  # whatever it is: it belongs to the one who asks for the values
            with self._changed:
                self._error = error
                self._changed.notify()

    def _claim(self) -> int | None:
        """The next block for the second thread; None when it shall end."""
        with self._changed:
            while not self._closed and self._begun < self._blocks:
                if (number := self._begin()) is not None:
                    return number
                if not self._changed.wait(_LOOK) and not threading.main_thread().is_alive():
                    break  # Python waits for this thread at its end, and nobody will close a forgotten iterator
            return None
