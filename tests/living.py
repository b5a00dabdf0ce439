"""What works on after its owner has gone: threads, timers, animations, windows."""

from __future__ import annotations

import threading

from PySide6.QtCore import QAbstractAnimation, QObject, QThread, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import Shiboken


def _described(item: QObject) -> str:
    name = item.objectName()
    return f"{type(item).__module__}.{type(item).__qualname__}" + (f" {name!r}" if name else "")


def living() -> list[str]:
    """Everything of Qt and of Python that works on after its owner has gone; empty is clean."""
    found = [
        f"thread {thread.name}" for thread in threading.enumerate()
        if thread is not threading.main_thread() and not isinstance(thread, threading._DummyThread)
        # A _DummyThread is Python's note that it once saw a thread which it did not start; QThreads are found below.
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
