"""Garbage is collected in the GUI thread, when it is time, and nowhere else."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject, QThread
from pytestqt.qtbot import QtBot

from visualizer.ui.garbage import GarbageTimer


class Cycle:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def timer(qtbot: QtBot) -> Iterator[GarbageTimer]:
    owner = QObject()
    timer = GarbageTimer(owner)
    yield timer
    timer.stop()
    assert gc.isenabled()


def _garbage(count: int) -> list[weakref.ref[Cycle]]:
    return [weakref.ref(Cycle()) for _ in range(count)]


def test_nothing_is_collected_before_it_begins(timer: GarbageTimer) -> None:
    assert not gc.isenabled()
    gc.collect()
    dead = _garbage(5000)
    assert all(reference() is not None for reference in dead)


def test_garbage_goes_within_a_moment_once_it_has_begun(timer: GarbageTimer, qtbot: QtBot) -> None:
    gc.collect()
    dead = _garbage(5000)
    threads: set[bool] = set()
    weakref.finalize(dead[0](), lambda: threads.add(timer.thread().isCurrentThread()))
    timer.begin()
    qtbot.waitUntil(lambda: all(reference() is None for reference in dead))
    assert threads == {True}
    assert QThread.currentThread() == timer.thread()


def test_a_handful_of_garbage_is_not_worth_a_collection(timer: GarbageTimer) -> None:
    gc.collect()
    dead = _garbage(5)
    timer.collect()
    assert any(reference() is not None for reference in dead)


def test_the_oldest_generation_whose_threshold_is_passed_is_collected(
    timer: GarbageTimer, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", collected.append)
    for counts in ((800, 3, 3), (800, 11, 3), (800, 11, 11), (10, 3, 11), (10, 3, 3)):
        monkeypatch.setattr(gc, "get_count", lambda counts=counts: counts)
        monkeypatch.setattr(gc, "get_threshold", lambda: (700, 10, 10))
        timer.collect()
    assert collected == [0, 1, 2, 2]


class Plain:
    """No cycle: it goes with its last reference."""


def test_very_many_new_objects_are_put_aside_unwalked_and_still_go_with_their_last_reference(timer: GarbageTimer) -> None:
    gc.collect()
    frozen = gc.get_freeze_count()
    many = [Plain() for _ in range(30_000)]
    last = weakref.ref(many[-1])
    try:
        timer.collect()
        assert gc.get_freeze_count() >= frozen + 30_000
        assert not any(isinstance(found, Plain) for found in gc.get_objects())
        many.clear()
        assert last() is None
    finally:
        gc.unfreeze()
