"""Real key presses, from where the keyboard is right after the start."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

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


def test_the_digits_turn_the_pages(front: Bench) -> None:
    for key, page in ((Key.Key_2, "slow"), (Key.Key_1, "wave")):
        press(front, key, modifier=Qt.KeyboardModifier.ControlModifier)
        assert front.control.page == page
        assert [name for name, action in front.tab.page_actions.items() if action.isChecked()] == [f"page_{page}"]
    button = front.window.findChild(QWidget, "wave.view.slow")
    assert "Ctrl+2" in button.toolTip()


def test_page_keys_show_one_example_after_the_other_and_stop_at_the_ends(front: Bench) -> None:
    press(front, Key.Key_PageDown)  # "plain" is what the window begins with: there is none after it
    assert front.control.state.frequency == 1.0
    assert "last example" in front.window.statusBar().currentMessage()
    press(front, Key.Key_PageUp)
    assert front.control.state.frequency == 20.0
    assert "Example 1 of 2: Fast" in front.window.statusBar().currentMessage()
    press(front, Key.Key_PageUp)
    assert front.control.state.frequency == 20.0
    front.change(frequency=33.0)
    press(front, Key.Key_PageDown)
    assert front.control.state.frequency == 1.0, "goes on from the last example, whatever was touched since"


@pytest.mark.parametrize("name", ["wave.frequency", "wave.phase"])
def test_page_keys_stay_with_an_editor_that_has_the_focus(front: Bench, name: str) -> None:
    box = front.window.findChild(QLineEdit, name)
    assert box is not None
    box.setFocus()
    before = getattr(front.control.state, name.removeprefix("wave."))
    press(front, Key.Key_PageUp)
    assert getattr(front.control.state, name.removeprefix("wave.")) > before
    assert front.control.history.stack.undoText() != "Fast"


@pytest.mark.parametrize("name", ["wave.frequency", "wave.seed"])
def test_shortcuts_with_ctrl_work_while_a_number_is_only_looked_at(front: Bench, name: str) -> None:
    front.control.set_seed(7)
    box = front.window.findChild(QLineEdit, name)
    assert box is not None
    box.setFocus()
    for taken in ("Z", "Shift+Z", "Y", "E", "Shift+E", "H", "O", "S", "0", "1", "2", ".", "B", "F", "K"):
        assert not claims(box, f"Ctrl+{taken}"), taken
    for kept in ("C", "X", "V", "A"):
        assert claims(box, f"Ctrl+{kept}"), kept
    ctrl, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    press(front, Key.Key_Z, modifier=ctrl)
    assert front.control.state.seed == 0
    press(front, Key.Key_Z, modifier=ctrl | shift)
    assert front.control.state.seed == 7
    press(front, Key.Key_Z, Key.Key_Y, modifier=ctrl)
    assert front.control.state.seed == 7


def test_ctrl_z_takes_back_the_typing_while_a_number_is_being_typed(front: Bench) -> None:
    front.change(samples=50)
    box = front.window.findChild(QLineEdit, "wave.frequency")
    assert box is not None
    box.setFocus()
    assert not claims(box, "Ctrl+Z")
    front.qtbot.keyClicks(box, "3")
    assert claims(box, "Ctrl+Z")
    box.undo()
    assert not claims(box, "Ctrl+Z"), "the value in effect stands there again"
    press(front, Key.Key_Z, modifier=Qt.KeyboardModifier.ControlModifier)
    assert (front.control.state.samples, box.text()) == (100, "1")


def claims(box: QLineEdit, keys: str) -> bool:
    """Whether the line answers that it needs these keys itself, which are then no shortcut of the window."""
    pressed = QKeySequence(keys)[0]
    question = QKeyEvent(QEvent.Type.ShortcutOverride, pressed.key(), pressed.keyboardModifiers())
    question.ignore()
    box.event(question)
    return question.isAccepted()


def test_a_click_on_an_example_leaves_the_keyboard_with_the_figure(front: Bench) -> None:
    button = front.window.findChild(QWidget, "wave.preset.plain")
    front.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    front.settle()
    assert QApplication.focusWidget() is front.tab.area.canvases["wave"]


def test_examples_can_be_reached_when_the_controls_are_folded(front: Bench) -> None:
    button = front.window.findChild(QWidget, "wave.preset.fast")
    for action in ("window.fold_left", "window.fold_left", "window.presentation", "window.presentation"):
        front.trigger(action)
        front.qtbot.waitUntil(button.isVisible)
        folded = not front.tab.open_panels[0]
        assert front.tab.left.isAncestorOf(button) is not folded
    front.trigger("window.fold_left")
    front.qtbot.waitUntil(lambda: button.mapTo(front.window, button.rect().bottomLeft()).y()
                          < front.tab.area.mapTo(front.window, front.tab.area.rect().topLeft()).y())


def test_f_lets_one_figure_fill_the_window_and_escape_brings_the_others_back(front: Bench) -> None:
    main, power = (front.tab.area.canvases[name] for name in ("wave", "power"))
    opened = front.tab.open_panels
    press(front, Key.Key_F)
    assert (main.isVisible(), power.isVisible(), front.tab.open_panels) == (True, False, (False, False))
    front.qtbot.waitUntil(lambda: main.width() == front.window.width())
    press(front, Key.Key_Escape)
    assert (main.isVisible(), power.isVisible(), front.tab.open_panels) == (True, True, opened)
    power.setFocus()
    press(front, Key.Key_F)
    assert (main.isVisible(), power.isVisible()) == (False, True)
    press(front, Key.Key_F)
    assert (main.isVisible(), power.isVisible(), front.tab.open_panels) == (True, True, opened)


def test_a_double_click_on_a_title_enlarges_that_figure(front: Bench) -> None:
    power = front.tab.area.canvases["power"]
    title = QPoint(power.width() // 4, 8)
    front.qtbot.mouseDClick(power, Qt.MouseButton.LeftButton, pos=title)
    assert front.tab.enlarged == "power"
    front.qtbot.mouseDClick(power, Qt.MouseButton.LeftButton, pos=power.rect().center())
    assert front.tab.enlarged == "power", "in the plot it fits the view"
    front.qtbot.mouseDClick(power, Qt.MouseButton.LeftButton, pos=title)
    assert front.tab.enlarged == ""


def test_escape_leaves_presentation_mode(front: Bench) -> None:
    press(front, Key.Key_F5)
    assert front.window.theme.presentation
    press(front, Key.Key_Escape)
    assert not front.window.theme.presentation
    assert not front.interior.actions_by_name["presentation"].isChecked()
    assert front.tab.open_panels == (True, True)


def test_one_key_shows_the_example_large(front: Bench) -> None:
    press(front, Key.Key_F5)
    main = front.tab.area.canvases["wave"]
    whole = front.window.width() * front.window.height()
    front.qtbot.waitUntil(lambda: main.width() * main.height() >= whole / 2)
    assert not front.tab.area.canvases["power"].isVisible()


def test_what_is_opened_in_presentation_mode_is_remembered_for_it(make: MakeBench, front: Bench) -> None:
    press(front, Key.Key_F5, Key.Key_F9, Key.Key_F)
    assert front.tab.open_panels == (True, False)
    press(front, Key.Key_F5)
    assert front.tab.open_panels == (True, True)
    front.window.close()
    again = make()
    again.start()
    assert again.tab.open_panels == (True, True)
    again.trigger("window.presentation")
    assert again.tab.open_panels == (True, False)
    assert again.tab.area.canvases["power"].isVisible()


def test_the_main_figure_dominates_in_the_window(front: Bench) -> None:
    main, area = front.tab.area.canvases["wave"], front.tab.area
    assert main.height() >= 0.66 * area.height()


def test_no_menu_is_higher_than_a_projector(front: Bench) -> None:
    front.trigger("window.presentation")
    front.settle()
    for name, menu in front.window.menus.items():
        assert menu.sizeHint().height() < 640, name
