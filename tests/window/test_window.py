"""The real window with real widgets, over a small experiment and a worker in the event loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QGraphicsView, QLabel, QLineEdit, QMenu, QWidget
from pytestqt.qtbot import QtBot

from tests.fakes import Wave, WaveResult
from tests.window.bench import Bench
from visualizer.base.experiment import Gesture
from visualizer.base.explanation import Numbers, Verdict
from visualizer.base.messages import Broken, Loading, Ready, Update
from visualizer.base.parameters import END
from visualizer.ui import main_window
from visualizer.ui.desk import NO_CODE_YET
from visualizer.ui.focus import focusable
from visualizer.ui.settings import Settings
from visualizer.ui.tabs.controller import Controller
from visualizer.ui.tabs.verdict_strip import VerdictStrip
from visualizer.ui.widgets.explain import ExplainPanel

MakeBench = Callable[..., Bench]


def test_before_anything_is_loaded_the_tab_says_so_and_takes_changes(make: MakeBench) -> None:
    bench = make()
    bench.client.held = True
    bench.start(ready=False)
    bench.qtbot.waitUntil(lambda: not bench.interior.steps.busy)
    assert "loading" in bench.tab.area.empty_text
    assert "loading" in bench.window.worker_label.text()
    bench.change(frequency=7.0)
    bench.client.held = False
    bench.settle()
    assert bench.client.submitted[-1].frequency == 7.0
    assert bench.drawn().title == "A wave over time"


def test_the_status_bar_names_version_threads_and_device(bench: Bench) -> None:
    bench.client.message.emit(Loading("optimizers"))
    assert "optimizers" in bench.window.worker_label.text()
    bench.client.message.emit(Ready("2.13.0", ("cpu", "mps"), 2))
    assert bench.window.worker_label.text() == "PyTorch 2.13.0 · 2 threads · cpu, mps"
    bench.client.message.emit(Broken("torch is not installed; install it.", "No module named torch"))
    assert bench.window.worker_label.text() == "PyTorch is not available"
    assert bench.window.problem_text == "torch is not installed; install it."


def test_a_change_in_the_form_is_drawn_and_can_be_undone_and_redone(bench: Bench) -> None:
    undo, redo = (bench.interior.actions_by_name[name] for name in ("undo", "redo"))
    assert not undo.isEnabled()
    assert not redo.isEnabled()
    bench.change(samples=10)
    bench.settle()
    assert bench.drawn().layers[0].x.size == 10
    assert undo.text() == "Undo Samples"
    bench.trigger("window.undo")
    bench.settle()
    assert bench.drawn().layers[0].x.size == 100
    bench.trigger("window.redo")
    bench.settle()
    assert bench.drawn().layers[0].x.size == 10


def test_what_the_form_shows_follows_undo_presets_and_gestures(bench: Bench) -> None:
    box = bench.window.findChild(QLineEdit, "wave.frequency")
    assert box is not None
    bench.control.apply_preset(Wave.presets[0])
    assert box.text() == "20"
    bench.trigger("window.undo")
    assert box.text() == "1"
    bench.tab.area.gesture.emit(Gesture("drop", "wave", "dot", 0, 1.5, 0.0))
    phase = bench.window.findChild(QLineEdit, "wave.phase")
    assert phase is not None
    assert phase.text() == "1.5"


@pytest.mark.parametrize("shown_step", [0, 20, END])
@pytest.mark.parametrize("choose", [
    lambda control: control.reset(),
    lambda control: control.apply_preset(Wave.presets[1]),
    lambda control: control.apply_preset(replace(Wave.presets[1], play=True)),
])
def test_a_refused_text_gives_way_to_a_preset_or_reset_that_changes_no_value(
    bench: Bench, choose: Callable[[Controller], None], shown_step: int
) -> None:
    bench.control.show_step(shown_step)
    box = bench.window.findChild(QLineEdit, "wave.frequency")
    assert box is not None
    box.setFocus()
    box.selectAll()
    bench.qtbot.keyClicks(box, "1e9")
    bench.qtbot.keyClick(box, Qt.Key.Key_Return)
    assert (box.text(), box.property("wrong")) == ("1e9", True)
    choose(bench.control)
    assert (box.text(), box.property("wrong")) == ("1", False)


def test_each_page_has_its_own_figures_and_keeps_them(bench: Bench) -> None:
    assert list(bench.tab.area.canvases) == ["wave", "power"]
    before = bench.tab.area.canvases["wave"]
    bench.control.choose_page("slow")
    bench.settle()
    assert list(bench.tab.area.canvases) == ["slow"]
    bench.control.choose_page("wave")
    bench.settle()
    assert bench.tab.area.canvases["wave"] is before
    assert len(bench.client.submitted) == 2, "turning back computes nothing"


def test_a_failed_run_says_its_sentence_over_the_last_figure_and_takes_it_away_again(bench: Bench) -> None:
    figure = bench.drawn()
    bench.change(fail="user")
    bench.qtbot.waitUntil(lambda: bench.tab.area.problem_text != "")
    assert bench.tab.area.problem_text == "The wave cannot be drawn; choose another."
    assert bench.drawn().layers[0].x is figure.layers[0].x, "the last good result"
    assert bench.window.worker_label.text().endswith("failed")
    bench.change(fail="no", frequency=3.0)
    bench.settle()
    assert bench.tab.area.problem_text == ""


def test_a_wish_that_is_refused_is_said_over_the_good_figure_until_the_next_change(bench: Bench) -> None:
    place = bench.tab.geometry()
    bench.control.set_seed(-5)
    assert "--seed" in bench.tab.area.problem_text
    assert bench.window.problem_text == ""
    QApplication.sendPostedEvents()
    assert bench.tab.geometry() == place, "nothing moves"
    bench.change(frequency=3.0)
    bench.settle()
    assert bench.tab.area.problem_text == ""


def test_a_problem_of_one_page_is_not_said_over_another(bench: Bench) -> None:
    bench.change(fail="user")
    bench.qtbot.waitUntil(lambda: bench.tab.area.problem_text != "")
    card = bench.window.findChild(QWidget, "wave.problem")
    assert bench.tab.area.geometry().contains(card.geometry())
    bench.change(fail="no", view="slow")
    bench.settle()
    assert bench.tab.area.problem_text == ""


def test_a_defect_in_a_run_shows_its_name_and_folds_the_traceback(bench: Bench) -> None:
    bench.change(fail="defect")
    bench.qtbot.waitUntil(lambda: "ZeroDivisionError" in bench.tab.area.problem_text)
    assert "Traceback" not in bench.tab.area.problem_text


def test_a_preset_plays_its_run_from_the_beginning_to_the_end(bench: Bench) -> None:
    shown: list[int] = []
    bench.control.stepped.connect(lambda step, steps: shown.append(step))
    bench.tab.transport.speed_changed.emit(float("inf"))
    bench.control.apply_preset(Wave.presets[0])
    bench.qtbot.waitUntil(lambda: bench.control.up_to_date and bench.control.position == 99 and 0 in shown)
    assert not bench.control.history.stack.undoText().startswith("Shown"), "playing is no step of the history"


def test_the_run_menu_steps_and_jumps_through_the_result(bench: Bench) -> None:
    bench.trigger("wave.to_start")
    bench.settle()
    assert bench.control.position == 0
    bench.trigger("wave.step")
    bench.settle()
    assert bench.control.position == 1
    bench.trigger("wave.to_end")
    bench.settle()
    assert bench.control.position == 99
    bench.trigger("wave.step_back")
    bench.settle()
    assert bench.control.position == 98


def test_whoever_stands_at_the_end_stays_at_the_end_of_a_longer_result(bench: Bench) -> None:
    bench.trigger("wave.to_start")
    bench.settle()
    bench.trigger("wave.to_end")
    bench.change(samples=500)
    bench.settle()
    assert bench.control.position == 499


def grown(bench: Bench, steps: int, samples: int = 100) -> Update:
    """What a run that is under way sends when it has come so far."""
    x = np.linspace(0.0, 1.0, samples)
    return Update("wave", len(bench.client.submitted), WaveResult(x, x, steps=steps, progress=steps / samples), False)


def test_to_the_end_of_a_run_that_still_grows_follows_it_until_it_is_over(bench: Bench) -> None:
    bench.client.held = True
    bench.control.show_step(5)
    bench.change(samples=200)
    with bench.qtbot.waitSignal(bench.control.stepped, check_params_cb=lambda *shown: shown == (5, 60)):
        bench.client.message.emit(grown(bench, 60))
    bench.trigger("wave.to_end")
    assert bench.control.position == 60
    bench.client.message.emit(grown(bench, 80))
    assert bench.control.position == 80
    bench.client.held = False
    bench.settle()
    assert bench.control.position == 199


def test_the_end_can_be_asked_for_before_there_is_any_result(make: MakeBench) -> None:
    bench = make()
    bench.client.held = True
    bench.start(ready=False)
    to_end = "wave.to_end"
    bench.qtbot.waitUntil(lambda: not bench.interior.steps.busy)
    assert not next(item for item in bench.actions() if item.objectName() == to_end).isEnabled(), "it comes anyway"
    with bench.qtbot.waitSignal(bench.control.stepped):
        bench.control.apply_preset(Wave.presets[0])
    bench.trigger(to_end)
    bench.client.held = False
    bench.settle()
    assert (bench.control.position, bench.tab.playing) == (99, False), "in place of playing from the beginning"


def test_a_long_computation_can_be_cancelled_and_run_again(bench: Bench) -> None:
    bench.client.held = True
    bench.control.choose_page("slow")
    bench.trigger("wave.cancel")
    assert bench.control.activity.kind == "cancelled"
    bench.qtbot.waitUntil(lambda: "cancelled" in bench.tab.area.empty_text)
    bench.client.held = False
    bench.trigger("wave.recompute")
    bench.settle()
    assert bench.drawn().name == "slow"


def test_holding_and_letting_go_reach_the_worker(bench: Bench) -> None:
    bench.client.held = True
    bench.control.choose_page("slow")
    bench.trigger("wave.hold")
    assert bench.client.paused == {"wave": True}
    bench.trigger("wave.hold")
    assert bench.client.paused == {"wave": False}


def test_light_and_dark_reach_window_and_figures(bench: Bench, qapp: QApplication) -> None:
    bench.trigger("window.theme_dark")
    dark = qapp.palette().window().color()
    assert bench.tab.theme.mode == "dark"
    for canvas in bench.tab.area.canvases.values():
        assert canvas.findChild(QGraphicsView).backgroundBrush().color().lightness() < 40
    bench.trigger("window.theme_light")
    assert qapp.palette().window().color().lightness() > dark.lightness() + 100
    assert bench.settings.theme == "system", "saved when the window closes"
    bench.window.close()
    assert bench.settings.theme == "light"


def test_the_window_follows_the_system_only_where_it_is_told_to(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(main_window, "system_mode", lambda: "dark")
    bench.window.follow_system()
    assert bench.window.theme.mode == "dark"
    bench.trigger("window.theme_light")
    bench.window.follow_system()
    assert bench.window.theme.mode == "light"


def test_presentation_mode_enlarges_type_at_once_and_leaves_as_it_came(bench: Bench) -> None:
    label = bench.window.menuBar()
    before = label.fontMetrics().height()
    opened = bench.tab.open_panels
    bench.trigger("window.presentation")
    assert label.fontMetrics().height() > before * 1.4
    assert not bench.window.statusBar().isVisible()
    assert bench.tab.open_panels == (False, False)
    bench.trigger("window.presentation")
    assert label.fontMetrics().height() == before
    assert bench.tab.open_panels == opened


def test_panels_fold_and_the_folds_are_remembered(make: MakeBench, bench: Bench) -> None:
    bench.trigger("window.fold_left")
    assert bench.tab.open_panels == (False, True)
    bench.qtbot.waitUntil(lambda: bench.tab.area.width() > 900)
    bench.window.close()
    again = make()
    again.start()
    assert again.tab.open_panels == (False, True)
    assert not again.interior.actions_by_name["fold_left"].isChecked()


def test_the_figures_keep_at_least_half_of_the_width(bench: Bench) -> None:
    assert bench.tab.area.width() >= 640
    bench.window.resize(1000, 700)
    bench.qtbot.waitUntil(lambda: bench.tab.open_panels == (True, False))
    bench.window.resize(1400, 800)
    bench.qtbot.waitUntil(lambda: bench.tab.open_panels == (True, True))


def test_size_and_presentation_are_restored(make: MakeBench, bench: Bench) -> None:
    bench.window.resize(1111, 699)
    bench.interior.actions_by_name["presentation"].setChecked(True)
    bench.window.close()
    again = Bench(bench.qtbot, bench.log_file.parent)
    assert again.window.theme.presentation
    assert again.settings.data("window/geometry").size() > 0
    again.window.close()


def fits(window: QWidget) -> bool:
    """Whether the window with a frame of 40 pixels in all above and below is on the screen."""
    place, room = window.geometry(), QGuiApplication.primaryScreen().availableGeometry()
    place.setHeight(place.height() + 40)
    return room.contains(place)


def test_at_the_first_start_the_window_is_on_the_screen_with_its_frame(qtbot: QtBot, tmp_path: Path) -> None:
    room = QGuiApplication.primaryScreen().availableSize()
    assert room.height() < main_window.DEFAULT_SIZE.height(), "no screen to test this on"
    window = main_window.MainWindow(Settings(tmp_path / "window.ini"), lambda window: pytest.fail("not asked for"))
    qtbot.addWidget(window)
    assert fits(window)
    assert window.height() >= room.height() - 60, "and it uses the screen"


@pytest.mark.parametrize("place", [(0, 0, 5000, 4000), (0, 0, 800, 800), (300, 300, 700, 700), (100, 90, 650, 500)])
def test_a_remembered_window_is_brought_back_onto_the_screen(
    qtbot: QtBot, tmp_path: Path, place: tuple[int, int, int, int]
) -> None:
    settings = Settings(tmp_path / "window.ini")
    before = QWidget()
    qtbot.addWidget(before)
    before.setGeometry(*place)
    settings.put("window/geometry", before.saveGeometry())
    window = main_window.MainWindow(settings, lambda window: pytest.fail("not asked for"))
    qtbot.addWidget(window)
    assert fits(window)
    if fits(before):
        assert window.geometry() == before.geometry(), "what fits stays as it was"


def test_a_damaged_settings_file_is_as_good_as_none(make: MakeBench, tmp_path: Path) -> None:
    (tmp_path / "window.ini").write_text(
        "[window]\ngeometry=nonsense\ntheme=42\npresentation=perhaps\n[tab-wave]\nsplitter=1 x\nleft=?\n"
    )
    bench = make()
    bench.start()
    assert bench.tab.open_panels == (True, True)
    assert not bench.window.theme.presentation


def controls(bench: Bench) -> list[QWidget]:
    """Everything that Tab may reach; a spin box stands for the field inside it."""
    return [
        widget for widget in focusable(bench.window.centralWidget())
        if not isinstance(widget.parent(), QAbstractSpinBox)
    ]


def test_every_control_has_a_name_an_explanation_and_an_object_name(bench: Bench) -> None:
    found = controls(bench)
    assert len(found) > 30
    for widget in found:
        what = f"{type(widget).__name__} {widget.objectName()!r} in {type(widget.parent()).__name__}"
        assert widget.objectName(), f"{what} has no object name"
        assert widget.accessibleName(), f"{what} has no accessible name"
        assert widget.toolTip() or widget.accessibleDescription(), f"{what} has no explanation"


def test_every_action_has_an_object_name_a_tip_and_a_place_in_a_menu(bench: Bench) -> None:
    in_menus = [action for menu in bench.window.findChildren(QMenu) for action in menu.actions()]
    for action in bench.actions():
        assert action.objectName().startswith(("window.", "wave.")), action.text()
        assert action.statusTip(), action.objectName()
        assert action in in_menus, f"{action.objectName()} is in no menu"


def test_no_two_actions_share_a_shortcut(bench: Bench) -> None:
    keys = [key.toString() for action in bench.actions() for key in action.shortcuts()]
    assert len(keys) > 20
    assert sorted(keys) == sorted(set(keys))


def test_tab_reaches_every_control_in_the_order_of_sight(bench: Bench) -> None:
    expected = [widget for widget in controls(bench) if widget.isVisibleTo(bench.window) and widget.isEnabled()]
    start = expected[0]
    walked, widget = [start], start.nextInFocusChain()
    while widget is not start:
        if widget in expected:
            walked.append(widget)
        widget = widget.nextInFocusChain()
    assert {id(item) for item in walked} == {id(item) for item in expected}
    inside = [item for item in expected if bench.tab.isAncestorOf(item)]
    assert [item for item in walked if bench.tab.isAncestorOf(item)] == inside


def test_where_nothing_plays_the_bar_is_no_empty_row(bench: Bench) -> None:
    reset = bench.window.findChild(QWidget, "wave.reset.button")
    place = reset.geometry()
    assert place.left() > 300
    bench.control.choose_page("slow")
    bench.settle()
    bench.qtbot.waitUntil(lambda: reset.geometry().left() < 100)
    bench.control.choose_page("wave")
    bench.settle()
    bench.qtbot.waitUntil(lambda: reset.geometry() == place)


def test_one_page_needs_no_row_to_choose_from(make: MakeBench) -> None:
    class OnePage(Wave):
        views = Wave.views[:1]

    bench = make(experiments=(OnePage(),))
    bench.start()
    bench.settle()
    assert bench.tab.area.mapTo(bench.tab, QPoint(0, 0)).y() == 0
    assert bench.window.menus["pages"].menuAction() not in bench.window.menus["view"].actions()


def test_the_code_of_what_is_shown_can_be_copied(bench: Bench) -> None:
    bench.change(frequency=5.0)
    bench.settle()
    bench.trigger("wave.copy_code")
    assert QGuiApplication.clipboard().text() == Wave().code(bench.control.state)


def test_code_is_not_copied_while_torch_is_loading_for_which_the_window_would_wait(make: MakeBench) -> None:
    bench = make()
    bench.client.held = True
    bench.start(ready=False)
    bench.qtbot.waitUntil(lambda: not bench.interior.steps.busy)
    QGuiApplication.clipboard().setText("before")
    bench.trigger("wave.copy_code")
    assert QGuiApplication.clipboard().text() == "before"
    assert bench.window.statusBar().currentMessage() == NO_CODE_YET
    bench.client.held = False
    bench.settle()
    bench.trigger("wave.copy_code")
    assert QGuiApplication.clipboard().text() == Wave().code(bench.control.state)


def test_the_main_figure_can_be_copied_as_an_image(bench: Bench) -> None:
    bench.trigger("wave.copy_figure")
    image = QGuiApplication.clipboard().image()
    canvas = bench.tab.area.canvases["wave"]
    assert (image.width(), image.height()) == (2 * canvas.width(), 2 * canvas.height())


def test_hidden_tabs_do_not_play_on(bench: Bench) -> None:
    bench.trigger("wave.run")
    assert bench.tab.playing
    bench.tab.hide()
    assert not bench.tab.playing


def test_the_keys_of_the_transport_work_from_the_figure(bench: Bench) -> None:
    bench.window.activateWindow()
    canvas: Any = bench.tab.area.canvases["wave"]
    canvas.setFocus()
    bench.qtbot.waitUntil(lambda: QApplication.focusWidget() is canvas)
    bench.qtbot.keyClick(canvas, Qt.Key.Key_Home)
    bench.settle()
    assert bench.control.position == 0
    bench.qtbot.keyClick(canvas, Qt.Key.Key_Right)
    bench.settle()
    assert bench.control.position == 1


def test_a_projector_shows_the_verdict_over_the_figures_unless_the_explanation_is_open(bench: Bench) -> None:
    strip = bench.tab.findChild(VerdictStrip)
    assert strip is not None
    assert not strip.isVisible()
    bench.interior.actions_by_name["presentation"].setChecked(True)
    bench.settle()
    assert not bench.tab.open_panels[1]
    assert not strip.isVisible(), "a low window leaves the room of a page that plays to its figure"
    bench.window.resize(1920, 1080)
    shown = bench.control.shown
    assert shown is not None
    blocks = bench.tab.experiment.explain(shown.result, bench.control.display_state(shown)).blocks
    verdict = next(block.text for block in blocks if isinstance(block, Verdict))
    bench.qtbot.waitUntil(lambda: strip.isVisible() and strip.text == verdict)
    figure = next(iter(bench.tab.area.canvases.values()))
    assert strip.mapTo(bench.tab, strip.rect().bottomLeft()).y() < figure.mapTo(bench.tab, figure.rect().topLeft()).y()
    bench.tab.set_open(False, True)
    assert not strip.isVisible()
    bench.tab.set_open(False, False)
    assert strip.isVisible()
    bench.interior.actions_by_name["presentation"].setChecked(False)
    assert not strip.isVisible()


def test_an_explanation_that_was_folded_away_is_the_newest_when_it_opens(bench: Bench) -> None:
    bench.interior.actions_by_name["presentation"].setChecked(True)
    panel = bench.tab.findChild(ExplainPanel)
    assert panel is not None
    bench.change(samples=11)
    bench.settle()
    with bench.qtbot.waitSignal(bench.control.explained):
        bench.control.refresh()
    bench.tab.set_open(False, True)
    shown = bench.control.shown
    assert shown is not None
    expected = bench.tab.experiment.explain(shown.result, bench.control.display_state(shown)).blocks
    bench.qtbot.waitUntil(lambda: panel.complete)
    texts = [label.text() for label in panel.findChildren(QLabel)]
    numbers = [number.value for block in expected if isinstance(block, Numbers) for number in block.rows]
    assert numbers
    assert set(numbers) <= set(texts)
