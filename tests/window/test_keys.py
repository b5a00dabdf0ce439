"""Real key presses, from where the keyboard is right after the start."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from tests.fakes import Wave
from tests.window.bench import Bench

MakeBench = Callable[..., Bench]
Key = Qt.Key


class SecondWave(Wave):
    name = "second"
    title = "Second wave"


def press(bench: Bench, *keys: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press keys wherever the focus is, as a person does."""
    for key in keys:
        focus = QApplication.focusWidget()
        assert isinstance(focus, QWidget), "nobody has the keyboard"
        bench.qtbot.keyClick(focus, key, modifier)
        bench.settle()


@pytest.fixture
def front(bench: Bench) -> Bench:
    """A window that has just started, with the keyboard where the program left it."""
    bench.window.activateWindow()
    bench.qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
    return bench


def test_the_keys_of_the_run_work_straight_after_the_start(front: Bench) -> None:
    control = front.control
    press(front, Key.Key_Home)
    assert control.position == 0
    press(front, Key.Key_Right, Key.Key_Right)
    assert control.position == 2
    press(front, Key.Key_Left)
    assert control.position == 1
    press(front, Key.Key_End)
    assert control.position == 99
    press(front, Key.Key_Home)
    with front.qtbot.waitSignal(front.control.stepped, check_params_cb=lambda step, steps: step == 3):
        press(front, Key.Key_Space)


def test_the_keyboard_begins_at_the_main_figure(front: Bench) -> None:
    assert QApplication.focusWidget() is front.tab.area.canvases["wave"]


def test_the_keys_of_the_run_work_after_turning_to_another_tab_or_page(make: MakeBench) -> None:
    bench = make(experiments=(Wave(), SecondWave()))
    bench.start()
    bench.window.activateWindow()
    bench.qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
    bar = bench.window.tab_bar
    bench.qtbot.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(1).center())
    bench.settle()
    press(bench, Key.Key_Home)
    assert (bench.tab.experiment.name, bench.control.position) == ("second", 0)
    for page in ("slow", "wave"):
        bench.control.choose_page(page)
        bench.settle()
    press(bench, Key.Key_End)
    assert bench.control.position == 99
