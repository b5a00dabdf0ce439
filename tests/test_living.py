"""The proof of cleanliness finds what it is there for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtCore import QObject, QThread, QTimer, QVariantAnimation
from PySide6.QtWidgets import QApplication, QWidget

from tests.living import living


class Sleeper(QThread):
    def run(self) -> None:
        self.exec()


def _timer() -> Iterator[None]:
    timer = QTimer()
    timer.start(1000)
    yield
    timer.stop()


def _timer_of_a_dropped_reference() -> Iterator[None]:
    owner = QObject()
    QTimer(owner).start(1000)
    yield
    for timer in owner.findChildren(QTimer):
        timer.stop()


def _widget() -> Iterator[None]:
    widget = QWidget()
    yield
    widget.deleteLater()


def _animation() -> Iterator[None]:
    animation = QVariantAnimation()
    animation.setStartValue(0.0)
    animation.setEndValue(1.0)
    animation.setDuration(60_000)
    animation.start()
    yield
    animation.stop()


def _qthread() -> Iterator[None]:
    thread = Sleeper()
    thread.start()
    yield
    thread.quit()
    assert thread.wait(5000)


def _thread() -> Iterator[None]:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    yield
    done.set()
    thread.join(5)


@pytest.mark.parametrize(
    ("make", "word"),
    [(_timer, "active"), (_timer_of_a_dropped_reference, "active"), (_widget, "top-level widget"),
     (_animation, "running"), (_qthread, "Sleeper"), (_thread, "thread")],
)
def test_whatever_is_left_alive_is_found(make: Any, word: str, qapp: QApplication) -> None:
    assert living() == []
    alive = make()
    next(alive)
    found = living()
    assert len(found) == 1
    assert word in found[0]
    next(alive, None)
