"""The bench that the tests of the window share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from tests.window.bench import Bench, plain_look


@pytest.fixture
def make(qtbot: QtBot, tmp_path: Path, qapp: QApplication) -> Iterator[Callable[..., Bench]]:
    """Makes benches that share one folder, as starts of the program do."""
    yield lambda **options: Bench(qtbot, tmp_path, **options)
    plain_look(qapp)


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    """A window that has drawn its first result."""
    made = make()
    made.start()
    return made
