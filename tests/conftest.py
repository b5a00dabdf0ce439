"""What every test runs under: no display, fonts, and the proof that it leaves nothing of Qt alive."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from tests.living import living
from visualizer.ui.theme import load_fonts

settings.register_profile(
    "visualizer", deadline=None, print_blob=True, derandomize="CI" in os.environ,
    suppress_health_check=(HealthCheck.too_slow, HealthCheck.function_scoped_fixture),
)
settings.load_profile("visualizer")


@pytest.fixture(scope="session")
def qapp_args() -> list[str]:
    return ["visualizer"]


@pytest.fixture(scope="session")
def qapp(qapp: QApplication) -> QApplication:
    """pytest-qt's application, with the bundled fonts: a container may have none of its own."""
    load_fonts()
    return qapp


@pytest.fixture(autouse=True)
def leaves_nothing_alive() -> Iterator[None]:
    """Fails a test after which a thread, QThread, active QTimer, animation or top-level widget still lives."""
    yield
    if QApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    if living():
        gc.collect()  # garbage is not a leak
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = living()
    assert not left, "still alive after the test: " + ", ".join(left)
