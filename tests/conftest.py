"""What every test runs under: no display, fonts, and the proof that it leaves nothing of Qt alive."""

from __future__ import annotations

import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import gc
import threading
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from PySide6.QtCore import QAbstractAnimation, QCoreApplication, QEvent, QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import Shiboken

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


def _described(item: QObject) -> str:
    name = item.objectName()
    return f"{type(item).__module__}.{type(item).__qualname__}" + (f" {name!r}" if name else "")


def living() -> list[str]:
    """Everything of Qt and of Python that works on after its owner has gone; empty is clean."""
    found = [
        f"thread {thread.name}" for thread in threading.enumerate()
        if thread is not threading.main_thread() and not isinstance(thread, threading._DummyThread)
        # A _DummyThread is Python's note that it once saw a thread which it did not start; the QThread itself
        # is found below. pytest-timeout may have its own timer thread.
        and not isinstance(thread, threading.Timer)
    ]
    if QApplication.instance() is None:
        return found
    found += [f"top-level widget {_described(widget)}" for widget in QApplication.topLevelWidgets()]
    for item in Shiboken.getAllValidWrappers():
        match item:
            case QThread() if item.isRunning() and item != QThread.currentThread():
                found.append(f"running {_described(item)}")
            case QTimer() if item.isActive():
                found.append(f"active {_described(item)}")
            case QAbstractAnimation() if item.state() == QAbstractAnimation.State.Running:
                found.append(f"running {_described(item)}")
    return found


@pytest.fixture(autouse=True)
def leaves_nothing_alive(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test after which a thread, QThread, active QTimer, animation or top-level widget still lives."""
    before = set(living())
    assert not before, f"alive before the test: {before}"
    yield
    if QApplication.instance() is not None:
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    if living():
        gc.collect()  # garbage is not a leak
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    left = living()
    assert not left, "still alive after the test: " + ", ".join(left)
