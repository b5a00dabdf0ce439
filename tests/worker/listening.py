"""A worker that imports nothing, and a record of what a client says."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Slot

from visualizer.base.messages import Failed, Message, Ready, Update
from visualizer.worker.client import TorchClient
from visualizer.worker.loading import ImportGate, Milestone, Preparation


def no_libraries(gate: ImportGate) -> Preparation:
    """A worker that is ready at once."""
    yield Milestone.LIBRARIES
    yield Milestone.TORCH
    yield Ready("none", ("cpu",), 1)


class Listener(QObject):
    """Notes what a client says, and in which thread it says it."""

    def __init__(self, client: TorchClient) -> None:
        super().__init__(client)
        self.said: list[Message] = []
        self.threads: set[bool] = set()
        client.message.connect(self.listen)

    @Slot(object)
    def listen(self, message: Message) -> None:
        self.said.append(message)
        self.threads.add(self.thread().isCurrentThread())

    def of(self, kind: type[Any], experiment: str | None = None) -> list[Any]:
        return [said for said in self.said
                if isinstance(said, kind) and (experiment is None or getattr(said, "experiment", None) == experiment)]

    def answered(self, generation: int) -> bool:
        """Whether this request is over: done or failed."""
        return any(said.generation == generation and (isinstance(said, Failed) or said.final)
                   for said in self.said if isinstance(said, (Update, Failed)))
