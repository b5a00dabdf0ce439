"""The window with more than one experiment."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from tests.fakes import Wave
from tests.window.bench import Bench
from visualizer.experiments.landscape.experiment import Landscape

MakeBench = Callable[..., Bench]


class SecondWave(Wave):
    name = "second"
    title = "Second wave"


def places(bench: Bench) -> dict[str, list[str]]:
    """The texts of every menu, and the object names of the toolbar's actions."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    found = {name: [action.text() for action in menu.actions()] for name, menu in bench.window.menus.items()}
    return found | {"tools": [action.objectName() for action in bench.window.tool_bar.actions()]}


def test_turning_to_another_experiment_and_back_leaves_menus_and_tools_as_they_were(make: MakeBench) -> None:
    bench = make(experiments=(Wave(), SecondWave()))
    bench.start()
    before = places(bench)
    bench.trigger("window.next_tab")
    bench.settle()
    assert bench.tab.experiment.name == "second"
    there = places(bench)
    assert {name: len(texts) for name, texts in there.items()} == {name: len(texts) for name, texts in before.items()}
    bench.trigger("window.previous_tab")
    bench.settle()
    assert places(bench) == before
    assert [len(texts) > 1 for texts in before.values()] == [True] * 8


def test_each_experiment_has_its_own_history(make: MakeBench) -> None:
    bench = make(experiments=(Wave(), SecondWave()))
    bench.start()
    bench.change(samples=10)
    bench.settle()
    bench.trigger("window.next_tab")
    bench.settle()
    assert not bench.interior.actions_by_name["undo"].isEnabled()
    bench.trigger("window.previous_tab")
    bench.trigger("window.undo")
    assert bench.control.state.samples == 100


@pytest.mark.parametrize("first", ["second", "landscape"])
def test_the_window_begins_with_the_tab_that_was_asked_for(make: MakeBench, first: str) -> None:
    bench = make(experiments=(Wave(), SecondWave(), Landscape()))
    bench.client.held = first == "landscape"  # computes with torch: not here
    bench.start(ready=first != "landscape", first=first)
    bench.qtbot.waitUntil(lambda: not bench.interior.steps.busy)
    assert bench.tab.experiment.name == first
    assert bench.window.stack.currentWidget() is bench.tab
    bench.interior.show_tab("wave")
    bench.interior.show_tab(first)
    assert f"{first}.export_figure" in places(bench)["tools"]


def test_what_was_behind_when_the_look_changed_has_it_when_it_comes_to_the_front(make: MakeBench) -> None:
    bench = make(experiments=(Wave(), SecondWave()))
    bench.start()
    bench.trigger("window.next_tab")
    bench.settle()
    bench.control.choose_page("slow")
    bench.settle()
    bench.trigger("window.previous_tab")
    bench.settle()
    bench.trigger("window.theme_dark")
    bench.window.interior.actions_by_name["presentation"].setChecked(True)
    bench.trigger("window.next_tab")
    for page in ("slow", bench.tab.experiment.views[0].name):
        bench.control.choose_page(page)
        bench.settle()
        assert bench.tab.theme == bench.window.theme
        assert bench.tab.area.canvases
        assert {canvas.item.kit.theme for canvas in bench.tab.area.canvases.values()} == {bench.window.theme}
        main, below = (*bench.tab.area.sizes(), 0)[:2]
        assert bench.tab.enlarged or main > below
    assert bench.tab.open_panels == (False, False)
