"""A client whose worker imports nothing, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from tests.worker.listening import Listener, no_libraries
from visualizer.worker.client import TorchClient
from visualizer.worker.loading import Prepare


@pytest.fixture
def make_client(qtbot: QtBot) -> Iterator[Callable[..., tuple[TorchClient, Listener]]]:
    made: list[TorchClient] = []

    def make(prepare: Prepare = no_libraries) -> tuple[TorchClient, Listener]:
        client = TorchClient(prepare=prepare)
        made.append(client)
        return client, Listener(client)

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client_and_ear(make_client: Callable[..., tuple[TorchClient, Listener]]) -> tuple[TorchClient, Listener]:
    client, ear = make_client()
    client.start()
    return client, ear


@pytest.fixture
def client(client_and_ear: tuple[TorchClient, Listener]) -> TorchClient:
    return client_and_ear[0]


@pytest.fixture
def ear(client_and_ear: tuple[TorchClient, Listener]) -> Listener:
    return client_and_ear[1]
