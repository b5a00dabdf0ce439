"""A program that takes long, run a few milliseconds at a time: in a thread of its own, which stands still between two turns.

The run of a tab is a generator in the worker's thread, and a program cannot be left in the middle of a call; its thread can. Only
one of the two runs at any time, so nothing is shared that both could change at once. What torch keeps for each thread (gradients
on or off, modes, autograd's numbers) the program has for itself; its one generator of random numbers is changed over at every turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from typing import Generic, TypeVar

import torch

T = TypeVar("T")

#: Seconds of a turn, as far as single calls of torch allow.
SLICE = 0.006

_own = threading.local()


class LeftError(BaseException):
    """Ends a program in the middle: nobody waits for it any more."""


def in_turns(call: Callable[[], T]) -> Generator[None, None, T]:
    """Make this call; ``None`` after every turn of it. It ends its turns where it calls :func:`rest`.

    When the generator is closed, the call is ended by :class:`LeftError` from its next :func:`rest`.

    Raises:
        BaseException: what the call has raised.
    """
    run = _Run(call)
    try:
        while not run.turn():
            yield None
    finally:
        run.leave()
    return run.result()


def rest() -> None:
    """A place where the turn may end; costs next to nothing where there are none."""
    run: _Run[object] | None = getattr(_own, "run", None)
    if run is not None:
        run.rest()


class _Run(Generic[T]):
    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self._found: list[T] = []
        self._error: BaseException | None = None
        self._ended = self._left = False
        self._due = 0.0
        self._begin, self._end = threading.Semaphore(0), threading.Semaphore(0)
        self._state: torch.Tensor | None = None
        # A daemon: whenever somebody else runs, it stands still.
        self._thread = threading.Thread(target=self._work, name="program", daemon=True)

    def turn(self) -> bool:
        """Let the call go on for a while; whether it has ended."""
        outside = torch.default_generator.get_state()
        if self._state is None:
            self._thread.start()
        else:
            torch.default_generator.set_state(self._state)
        try:
            self._begin.release()
            self._end.acquire()
        finally:
            self._state = torch.default_generator.get_state()
            torch.default_generator.set_state(outside)
        return self._ended

    def leave(self) -> None:
        """End the call if it has not come to its end, and wait for that."""
        self._left = True
        if self._state is None:
            return
        while not self._ended:
            self.turn()
        self._thread.join()

    def result(self) -> T:
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # it holds this frame, which would hold it
        return self._found.pop()

    def rest(self) -> None:
        if self._left:
            raise LeftError
        if time.perf_counter() >= self._due:
            self._end.release()
            self._wait()
            if self._left:
                raise LeftError

    def _wait(self) -> None:
        self._begin.acquire()
        self._due = time.perf_counter() + SLICE

    def _work(self) -> None:
        self._wait()
        _own.run = self
        try:
            self._found.append(self._call())
        except BaseException as error:  # whatever it is: it belongs to the one who waits
            self._error = error
        finally:
            del _own.run
            self._ended = True
            self._end.release()
