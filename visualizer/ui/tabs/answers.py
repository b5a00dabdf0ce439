"""What a tab has asked of the worker and what has come back, page by page. Plain values, free of Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from visualizer.base.experiment import Request, Result
from visualizer.base.messages import Cancelled, Failed, Message, Update


@dataclass(frozen=True)
class Problem:
    """Why the page cannot show what was asked for: one sentence, and what is folded under it."""

    sentence: str
    details: str = ""
    expected: bool = True


@dataclass(frozen=True, eq=False)
class Shown:
    """A result, and what asked for it."""

    generation: int
    state: Any
    request: Request
    result: Result
    final: bool


@dataclass(frozen=True)
class _Asked:
    page: str
    state: Any
    request: Request


@dataclass(frozen=True)
class _Failure:
    generation: int
    request: Request
    problem: Problem


class Answers:
    """The last result and the last failure of each page, and the run that is under way."""

    def __init__(self) -> None:
        self._asked: dict[int, _Asked] = {}
        self._flight = 0
        self._ended = 0
        self._shown: dict[str, Shown] = {}
        self._failures: dict[str, _Failure] = {}
        self._settled: dict[str, Request] = {}
        self._cancelled: dict[str, Request] = {}

    def shown(self, page: str) -> Shown | None:
        """The page's last result."""
        return self._shown.get(page)

    def up_to_date(self, page: str, request: Request) -> bool:
        """Whether the page's last result is the whole answer to this request."""
        shown = self._shown.get(page)
        return shown is not None and shown.final and shown.request == request

    def flying(self, page: str) -> bool:
        """Whether a request of this page is under way."""
        return self._flight != 0 and self._asked[self._flight].page == page

    def progress(self, page: str) -> float:
        """Fraction done, in [0, 1], of the run of this page that is under way."""
        shown = self._shown.get(page)
        return shown.result.progress if shown is not None and shown.generation == self._flight else 0.0

    def cancelled(self, page: str, request: Request) -> bool:
        return self._cancelled.get(page) == request

    def problem(self, page: str, request: Request) -> Problem | None:
        """Why this request has no result. While the next one is computed, the last failure stands until its success."""
        failure, shown = self._failures.get(page), self._shown.get(page)
        if failure is None:
            return None
        newer = shown is not None and shown.generation > failure.generation
        if failure.request == request:
            return None if newer and shown is not None and shown.request == request else failure.problem
        return failure.problem if self.flying(page) and not newer else None

    def missing(self, page: str, request: Request) -> bool:
        """Whether this request has to be submitted: its answer is neither here nor on its way."""
        if self.flying(page):
            return self._asked[self._flight].request != request
        return self._settled.get(page) != request and not self.up_to_date(page, request)

    def ask(self, generation: int, page: str, state: Any, request: Request) -> None:
        """This request was submitted and has this generation."""
        if generation <= self._ended:
            # The client knows that this very request was answered last, and computes nothing.
            self._settled[page] = request
            return
        self._asked[generation] = _Asked(page, state, request)
        self._flight = generation
        self._settled.pop(page, None)
        self._cancelled.pop(page, None)

    def forget(self, page: str) -> None:
        """Let the page's present request be submitted again, though it failed or was cancelled."""
        self._settled.pop(page, None)

    def take(self, message: Message) -> str | None:
        """Take in a message. Returns the page about which something new is known, or None for a stale message."""
        match message:
            case Update():
                return self._take_result(message)
            case Failed() if message.generation == self._flight:
                asked = self._end(message.generation)
                self._failures[asked.page] = _Failure(
                    message.generation, asked.request, Problem(message.sentence, message.details, message.expected)
                )
                return asked.page
            case Cancelled() if message.generation == self._flight:
                asked = self._end(message.generation)
                self._cancelled[asked.page] = asked.request
                return asked.page
        return None

    def _take_result(self, message: Update) -> str | None:
        asked = self._asked.get(message.generation)
        if asked is None:
            return None
        last = self._shown.get(asked.page)
        if last is not None and last.generation > message.generation:
            return None
        self._shown[asked.page] = Shown(
            message.generation, asked.state, asked.request, message.result, message.final
        )
        for generation in [made for made in self._asked if made < min(message.generation, self._flight or made + 1)]:
            del self._asked[generation]
        if message.final and message.generation == self._flight:
            self._end(message.generation)
        return asked.page

    def _end(self, generation: int) -> _Asked:
        asked = self._asked[generation]
        self._settled[asked.page] = asked.request
        self._ended, self._flight = generation, 0
        return asked
