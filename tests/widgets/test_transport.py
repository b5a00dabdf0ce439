"""The transport bar, the player behind it, presets, pages and the banner."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QAbstractButton,
    QCheckBox,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSlider,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from tests.fakes import Wave, WaveState
from visualizer.experiments.landscape.experiment import Landscape
from visualizer.experiments.landscape.state import PRESETS, LandscapeState
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.banner import Banner
from visualizer.ui.widgets.editors.controls import ValueSlider
from visualizer.ui.widgets.pages import PageBar
from visualizer.ui.widgets.player import Player
from visualizer.ui.widgets.presets import PresetRow
from visualizer.ui.widgets.transport import TransportBar


@pytest.fixture
def bar(theme: Theme, host: QWidget, put: Callable[[QWidget], None]) -> TransportBar:
    made = TransportBar(Wave(), theme, host)
    put(made)
    host.resize(1000, 60)
    made.set_range(100)
    made.set_position(12)
    return made


def heard(bar: TransportBar) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for name in ("play_toggled", "to_start_requested", "to_end_requested", "reset_requested", "cancel_requested"):
        getattr(bar, name).connect(lambda name=name: found.append((name,)))
    bar.step_requested.connect(lambda by: found.append(("step", by)))
    bar.position_requested.connect(lambda step, committed: found.append(("position", step, committed)))
    bar.seed_requested.connect(lambda seed: found.append(("seed", seed)))
    bar.speed_changed.connect(lambda speed: found.append(("speed", speed)))
    return found


def button(widget: QWidget, name: str) -> QAbstractButton:
    found = widget.findChild(QAbstractButton, name)
    assert isinstance(found, QAbstractButton), name
    return found


def test_buttons_ask_and_change_nothing_themselves(bar: TransportBar, qtbot: QtBot) -> None:
    found = heard(bar)
    for name in ("to_start", "step_back", "run", "step", "to_end", "reset"):
        qtbot.mouseClick(button(bar, f"wave.{name}.button"), Qt.MouseButton.LeftButton)
    assert found == [("to_start_requested",), ("step", -1), ("play_toggled",), ("step", 1), ("to_end_requested",),
                     ("reset_requested",)]
    label = bar.findChild(QLabel, "wave.position")
    assert label is not None
    assert label.text() == "step 12 / 100"


def test_steps_that_lead_nowhere_are_disabled(bar: TransportBar) -> None:
    def enabled() -> list[bool]:
        return [bar.action(name).isEnabled() for name in ("to_start", "step_back", "step", "to_end")]

    bar.set_position(0)
    assert enabled() == [False, False, True, True]
    bar.set_position(10_000_000)
    assert enabled() == [True, True, False, False]


def test_keys_work_and_a_focused_control_keeps_those_it_needs(bar: TransportBar, host: QWidget, qtbot: QtBot) -> None:
    found = heard(bar)
    line, check, other = QLineEdit(host), QCheckBox("on", host), ValueSlider(host)
    layout = host.layout()
    assert layout is not None
    for widget in (line, check, other):
        layout.addWidget(widget)
        widget.show()
    host.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    host.activateWindow()
    host.setFocus()
    qtbot.waitUntil(host.hasFocus)
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Home, Qt.Key.Key_End):
        qtbot.keyClick(host, key)
    everything = [("play_toggled",), ("step", -1), ("step", 1), ("to_start_requested",), ("to_end_requested",)]
    assert found == everything
    found.clear()
    line.setFocus()
    for key in (Qt.Key.Key_A, Qt.Key.Key_Space, Qt.Key.Key_Home, Qt.Key.Key_Right, Qt.Key.Key_Left, Qt.Key.Key_End):
        qtbot.keyClick(line, key)
    assert line.text() == "a "
    assert found == []
    check.setFocus()
    qtbot.keyClick(check, Qt.Key.Key_Space)
    assert check.isChecked()
    assert found == []
    qtbot.keyClick(check, Qt.Key.Key_Right)  # a check box needs no arrows
    assert found == [("step", 1)]
    found.clear()
    other.setFocus()
    with qtbot.waitSignal(other.stepped):
        qtbot.keyClick(other, Qt.Key.Key_Left)
    assert found == []
    qtbot.keyClick(other, Qt.Key.Key_Space)  # a slider needs no Space
    assert found == [("play_toggled",)]


def test_two_bars_in_one_window_do_not_share_keys(
    bar: TransportBar, host: QWidget, theme: Theme, qtbot: QtBot
) -> None:
    second = TransportBar(Wave(), theme, host)
    second.hide()
    first_heard, second_heard = heard(bar), heard(second)
    host.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    host.setFocus()
    qtbot.keyClick(host, Qt.Key.Key_Space)
    assert first_heard == [("play_toggled",)]
    assert second_heard == []


def test_dragging_the_position_is_live_then_complete(bar: TransportBar, qtbot: QtBot) -> None:
    found = heard(bar)
    slider = bar.findChild(QSlider, "wave.shown_step")
    assert slider is not None
    qtbot.mousePress(slider, Qt.MouseButton.LeftButton, pos=slider.rect().center())
    qtbot.mouseRelease(slider, Qt.MouseButton.LeftButton, pos=slider.rect().center())
    assert [item[0] for item in found] == ["position", "position"]
    assert [item[2] for item in found] == [False, True]
    assert found[0][1] == found[1][1] == pytest.approx(50, abs=3)


def test_the_layout_does_not_move(bar: TransportBar, qtbot: QtBot) -> None:
    kept = [
        button(bar, "wave.reset.button"), bar.findChild(QLineEdit, "wave.seed"), bar.findChild(QLabel, "wave.status"),
    ]
    qtbot.waitUntil(lambda: button(bar, "wave.reset.button").x() > 0)

    def places() -> list[Any]:
        return [widget.mapTo(bar, widget.rect().topLeft()) for widget in kept if widget is not None]

    before = places()
    assert len(before) == 3
    bar.set_position(7)
    bar.set_playing(True)
    bar.set_progress(0.5, "A long text about what is being computed at this very moment, and how far it is")
    qtbot.waitUntil(lambda: button(bar, "wave.cancel.button").isVisible())
    assert places() == before
    bar.set_enabled_for(False)
    qtbot.wait(1)
    assert places() == before
    assert not button(bar, "wave.run.button").isVisible()
    assert not bar.action("run").isEnabled()
    bar.set_enabled_for(True)
    bar.set_progress(None, "")
    assert bar.action("run").isEnabled()
    assert places() == before


def test_progress_appears_only_for_work_that_lasts(bar: TransportBar, qtbot: QtBot) -> None:
    progress, cancel = bar.findChild(QProgressBar), button(bar, "wave.cancel.button")
    assert progress is not None
    bar.set_progress(0.1, "Computing")
    assert not progress.isVisible()
    bar.set_progress(None, "Ready")
    with qtbot.waitSignal(bar.cancel_requested):
        bar.set_progress(0.25, "Computing")
        qtbot.waitUntil(progress.isVisible)
        assert progress.value() / progress.maximum() == pytest.approx(0.25)
        qtbot.mouseClick(cancel, Qt.MouseButton.LeftButton)
    bar.set_progress(None, "Cancelled")
    assert not progress.isVisible()
    assert not cancel.isVisible()


def test_the_seed_is_typed_rolled_and_refused(bar: TransportBar, qtbot: QtBot) -> None:
    found = heard(bar)
    problems: list[str] = []
    bar.problem.connect(problems.append)
    box = bar.findChild(QLineEdit, "wave.seed")
    assert box is not None
    bar.set_seed(7)
    assert found == []
    box.selectAll()
    qtbot.keyClicks(box, "-3")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert found == []
    assert "whole number" in problems[-1]
    bar.set_seed(7)
    assert box.text() == "-3"  # nothing that was typed is lost
    box.selectAll()
    qtbot.keyClicks(box, "42")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert found == [("seed", 42)]
    assert problems[-1] == ""
    qtbot.mouseClick(button(bar, "wave.seed.roll"), Qt.MouseButton.LeftButton)
    assert found[-1][0] == "seed"
    assert found[-1][1] != 42


def test_the_speed_goes_from_one_to_max(bar: TransportBar, qtbot: QtBot) -> None:
    found = heard(bar)
    speed = bar.findChild(QSlider, "wave.speed")
    assert speed is not None
    speed.setFocus()
    qtbot.waitUntil(speed.hasFocus)
    qtbot.keyClick(speed, Qt.Key.Key_Home)
    qtbot.keyClick(speed, Qt.Key.Key_End)
    assert found == [("speed", 1.0), ("speed", math.inf)]
    qtbot.keyClick(speed, Qt.Key.Key_Left)
    assert bar.speed == 2000.0
    qtbot.keyClick(speed, Qt.Key.Key_Left)
    assert 1000 < bar.speed < 2000
    bar.set_speed(250.0)
    assert found[-1][1] == pytest.approx(1600, rel=0.1)
    assert bar.speed == 250.0


@pytest.mark.parametrize(("steps", "speed"), [(0, 30.0), (1, 1.0), (5, 1.0), (21, 4.0), (30, 30.0), (10_000, 30.0)])
def test_few_steps_are_played_slowly_enough_to_be_seen(bar: TransportBar, steps: int, speed: float) -> None:
    found = heard(bar)
    bar.set_range(steps)
    assert bar.speed == speed
    assert found == ([("speed", speed)] if speed != 30.0 else [])  # the player is told


def test_a_run_that_still_grows_is_not_taken_for_a_short_one(bar: TransportBar) -> None:
    bar.set_range(3, growing=True)
    assert bar.speed == 30.0
    bar.set_range(5)
    assert bar.speed == 1.0
    bar.set_range(6, growing=True)
    assert bar.speed == 1.0  # a short run that is computed again does not jump
    bar.set_range(500, growing=True)
    assert bar.speed == 30.0


def test_a_chosen_speed_stays_whatever_the_length_of_the_run(bar: TransportBar, qtbot: QtBot) -> None:
    speed = bar.findChild(ValueSlider, "wave.speed")
    assert speed is not None
    speed.setFocus()
    qtbot.waitUntil(speed.hasFocus)
    qtbot.keyClick(speed, Qt.Key.Key_End)
    bar.set_range(5)
    assert bar.speed == math.inf
    speed.defaulted.emit()
    assert bar.speed == 1.0
    bar.set_range(500)
    assert bar.speed == 30.0


def test_run_says_pause_while_playing(bar: TransportBar) -> None:
    bar.set_playing(True)
    assert button(bar, "wave.run.button").text() == "Pause"
    bar.set_playing(False)
    assert button(bar, "wave.run.button").text() == "Run"


def test_the_bar_fits_a_projector(any_theme: Theme, host: QWidget, put: Any) -> None:
    made = TransportBar(Landscape(), any_theme, host)
    made.set_range(100_000)
    put(made)
    assert made.minimumSizeHint().width() <= (1280 if any_theme.presentation else 1024)


# The player.


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def player(qapp: Any, clock: Clock) -> Any:
    owner = QObject()
    made = Player(owner, clock)
    yield made
    made.pause()
    owner.deleteLater()


def frames(player: Player, clock: Clock, count: int, seconds: float = 1 / 60) -> None:
    for _ in range(count):
        clock.now += seconds
        player.tick()


@pytest.mark.parametrize("speed", [1.0, 30.0, 59.0, 240.0, 2000.0])
def test_a_second_plays_as_many_steps_as_the_speed_says(player: Player, clock: Clock, speed: float) -> None:
    seen: list[int] = []
    player.advanced.connect(seen.append)
    player.set_end(100_000, streaming=False)
    player.set_speed(speed)
    player.play()
    frames(player, clock, 60)
    assert seen[-1] == pytest.approx(speed, abs=1)
    assert seen == sorted(set(seen))
    assert len(seen) <= 60


def test_it_stops_at_the_end_and_starts_again_from_the_beginning(player: Player, clock: Clock) -> None:
    seen: list[int] = []
    states: list[bool] = []
    player.advanced.connect(seen.append)
    player.playing_changed.connect(states.append)
    player.set_end(5, streaming=False)
    player.set_speed(600)
    player.play()
    frames(player, clock, 5)
    assert seen[-1] == 5
    assert states == [True, False]
    assert not player.playing
    player.play()
    assert seen[-1] == 0
    assert player.playing


def test_it_waits_where_the_run_is_still_growing(player: Player, clock: Clock) -> None:
    seen: list[int] = []
    player.advanced.connect(seen.append)
    player.set_end(3, streaming=True)
    player.set_speed(math.inf)
    player.play()
    frames(player, clock, 10)
    assert seen == [3]
    assert player.playing
    player.set_end(10, streaming=True)
    frames(player, clock, 1)
    player.set_end(12, streaming=False)
    frames(player, clock, 2)
    assert seen == [3, 10, 12]
    assert not player.playing


def test_waiting_saves_up_no_steps(player: Player, clock: Clock) -> None:
    player.set_end(0, streaming=True)
    player.set_speed(30)
    player.play()
    frames(player, clock, 600)
    player.set_end(1000, streaming=True)
    frames(player, clock, 2)
    assert player.position <= 1


def test_a_stall_is_not_made_up_for(player: Player, clock: Clock) -> None:
    player.set_end(1000, streaming=False)
    player.set_speed(100)
    player.play()
    frames(player, clock, 1, seconds=60.0)
    assert player.position <= 25


def test_the_timer_really_plays(qapp: Any, qtbot: QtBot) -> None:
    owner = QObject()
    player = Player(owner)
    player.set_end(3, streaming=False)
    player.set_speed(500)
    with qtbot.waitSignal(player.playing_changed, check_params_cb=lambda playing: not playing):
        player.toggle()
    assert player.position == 3
    owner.deleteLater()


# Presets and pages.


def test_presets_of_the_page_are_shown_and_the_one_that_holds_is_active(
    theme: Theme, host: QWidget, put: Any, qtbot: QtBot
) -> None:
    row = PresetRow(Landscape(), theme, host)
    put(row)
    stage = next(preset for preset in PRESETS if preset.name == "stage2")
    state = LandscapeState().changed(**stage.values)
    row.set_state(state)
    for preset in PRESETS:
        control = button(row, f"landscape.preset.{preset.name}")
        assert control.isVisibleTo(row) is (preset.values["view"] == "descent")
        assert bool(control.property("active")) is (preset is stage), preset.name
        assert control.toolTip()
    row.set_state(state.changed(alpha=0.06))
    assert not button(row, "landscape.preset.stage2").property("active")
    chosen: list[Any] = []
    row.chosen.connect(chosen.append)
    control = button(row, "landscape.preset.stage3")
    control.setFocus()
    qtbot.keyClick(control, Qt.Key.Key_Space)
    assert [preset.name for preset in chosen] == ["stage3"]


def test_presets_wrap_inside_a_narrow_panel(any_theme: Theme, host: QWidget, put: Any, qtbot: QtBot) -> None:
    width = 420 if any_theme.presentation else 300
    scroll = QScrollArea(host)
    scroll.setFixedWidth(width)
    scroll.setWidgetResizable(True)
    panel = QWidget(scroll)
    column = QVBoxLayout(panel)
    row = PresetRow(Landscape(), any_theme, panel)
    column.addWidget(row)
    column.addStretch(1)
    scroll.setWidget(panel)
    put(scroll)
    shown = [child for child in row.findChildren(QPushButton) if child.isVisibleTo(row)]
    qtbot.waitUntil(lambda: all(row.rect().contains(child.geometry()) for child in shown))
    assert len({child.y() for child in shown}) > 1
    for one in shown:
        for other in shown:
            assert one is other or not one.geometry().intersects(other.geometry())


def test_pages_are_picked_by_mouse_and_arrows(theme: Theme, host: QWidget, put: Any, qtbot: QtBot) -> None:
    bar = PageBar(Landscape(), theme, host)
    put(bar)
    chosen: list[str] = []
    bar.chosen.connect(chosen.append)
    qtbot.mouseClick(button(bar, "landscape.view.runge"), Qt.MouseButton.LeftButton)
    qtbot.keyClick(button(bar, "landscape.view.runge"), Qt.Key.Key_Right)
    assert chosen == ["runge", "climb"]
    bar.set_view("race")
    assert chosen == ["runge", "climb"]
    assert [view.name for view in Landscape.views if button(bar, f"landscape.view.{view.name}").isChecked()] == ["race"]


# The banner.


def test_a_banner_shows_a_sentence_and_folds_its_details(theme: Theme, host: QWidget, put: Any, qtbot: QtBot) -> None:
    banner = Banner(theme, host)
    layout = host.layout()
    assert layout is not None
    layout.addWidget(banner)
    assert not banner.isVisible()
    banner.show_message("It cannot be done.", "Traceback: line 1", "bad")
    assert banner.message == "It cannot be done."
    details = banner.findChild(QWidget, "window.banner.details")
    text = next(child for child in banner.findChildren(QWidget) if child.accessibleName() == "Details of the message")
    assert not text.isVisible()
    qtbot.mouseClick(details, Qt.MouseButton.LeftButton)
    assert text.isVisible()
    qtbot.mouseClick(button(banner, "window.banner.copy"), Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == "It cannot be done.\n\nTraceback: line 1\n"
    banner.show_message("Only this.", role="info")
    assert not text.isVisible()
    assert not button(banner, "window.banner.details").isVisible()
    with qtbot.waitSignal(banner.closed):
        qtbot.mouseClick(button(banner, "window.banner.close"), Qt.MouseButton.LeftButton)
    assert banner.message == ""


def test_showing_a_preset_keeps_a_state_without_pages(theme: Theme, host: QWidget) -> None:
    row = PresetRow(Wave(), theme, host)
    row.set_state(WaveState(view="slow"))
    assert row.isHidden()
    row.set_state(WaveState(frequency=20.0))
    assert not row.isHidden()
    assert button(row, "wave.preset.fast").property("active")
