"""When a computation that runs in turns with others should pause."""

from __future__ import annotations

from time import perf_counter

#: Seconds between two pauses. The longest step is this and one piece of work between two questions.
TURN = 0.004


class Pace:
    """A clock that is asked often: ``due()`` is true once for every turn that is over."""

    def __init__(self, turn: float = TURN) -> None:
        self._turn = turn
        self._until = perf_counter() + turn

    def due(self) -> bool:
        """Whether it is time to yield; the next turn begins with a "yes"."""
        if perf_counter() < self._until:
            return False
        self.rest()
        return True

    def rest(self) -> None:
        """The next turn begins now."""
        self._until = perf_counter() + self._turn
