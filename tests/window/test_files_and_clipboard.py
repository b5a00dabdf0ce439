"""Export and sessions from the window: nothing is replaced unasked, nothing foreign is believed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QFileInfo, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QFileDialog, QPushButton, QSpinBox, QTreeWidget, QWidget

from tests.window.bench import Bench
from visualizer.ui.asking import DialogAsker, PlainIcons
from visualizer.ui.dialogs import AboutDialog, ExportDialog, ShortcutsDialog
from visualizer.ui.exporting import ExportChoice, write_export

MakeBench = Callable[..., Bench]


def accept(bench: Bench, **chosen: object) -> None:
    """Set the open export dialog and press its button."""
    dialog = bench.window.findChild(ExportDialog)
    assert dialog is not None
    for name, value in chosen.items():
        widget = dialog.findChild(QWidget, f"window.export.{name}")
        if isinstance(widget, QComboBox):
            index = widget.findData(value)
            assert index >= 0, f"{value!r} is not offered for {name}"
            widget.setCurrentIndex(index)
        elif isinstance(widget, QSpinBox):
            assert isinstance(value, int)
            widget.setValue(value)
        else:
            raise AssertionError(f"no control {name}")
    button = dialog.findChild(QPushButton, "window.export.accept")
    assert button is not None
    bench.qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_figure_is_exported_in_the_size_that_was_chosen(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path / "picture.png"
    bench.trigger("wave.export_figure")
    accept(bench, figure="power", size="1280x720", theme="dark")
    image = QImage(str(bench.user.path))
    assert (image.width(), image.height()) == (1280, 720)
    assert image.pixelColor(2, 2).lightness() < 40, "dark, though the window is light"
    assert bench.user.asked == ["wave-power.png"]


def test_the_dialog_remembers_what_it_was_set_to_and_the_folder(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path / "one.svg"
    bench.trigger("wave.export_figure")
    accept(bench, format="svg", width=700, height=500)
    assert bench.user.path.read_bytes().startswith(b"<?xml")
    bench.qtbot.waitUntil(lambda: bench.window.findChild(ExportDialog) is None)
    bench.trigger("wave.export_figure")
    dialog = bench.window.findChild(ExportDialog)
    assert dialog is not None
    assert dialog.choice == ExportChoice("wave", "svg", 700, 500, 1.0, "window")
    assert bench.settings.text("export/folder") == str(tmp_path)
    dialog.reject()


def test_a_picture_for_slides_is_drawn_larger_and_the_choice_is_remembered(
    make: MakeBench, bench: Bench, tmp_path: Path
) -> None:
    sizes = {}
    for text in ("window", "large"):
        bench.user.path = tmp_path / f"{text}.svg"
        bench.trigger("wave.export_figure")
        accept(bench, format="svg", text=text)
        bench.qtbot.waitUntil(lambda: bench.window.findChild(ExportDialog) is None)
        # Text is drawn as outlines; the strokes grow with it.
        sizes[text] = max(map(float, re.findall(r'stroke-width="([0-9.]+)', bench.user.path.read_text())))
    assert sizes["large"] > 1.4 * sizes["window"]
    bench.window.close()
    again = make()
    again.start()
    again.trigger("wave.export_figure")
    dialog = again.window.findChild(ExportDialog)
    assert dialog is not None
    assert dialog.choice.text == "large"
    dialog.reject()


@pytest.mark.parametrize("presented", [False, True])
def test_good_news_moves_nothing_in_the_window(bench: Bench, presented: bool) -> None:
    bench.interior.actions_by_name["presentation"].setChecked(presented)
    bench.settle()
    QApplication.sendPostedEvents()
    place = bench.tab.geometry()
    bench.trigger("wave.copy_figure")
    said = bench.window.notice_text if presented else bench.window.statusBar().currentMessage()
    assert "is on the clipboard" in said
    assert bench.window.problem_text == ""
    QApplication.sendPostedEvents()
    assert bench.tab.geometry() == place
    bench.qtbot.waitUntil(lambda: not presented or not bench.window.notice_text)


@pytest.mark.parametrize("agrees", [False, True], ids=["no", "yes"])
def test_an_existing_file_is_replaced_only_after_a_yes(bench: Bench, tmp_path: Path, agrees: bool) -> None:
    path = bench.user.path = tmp_path / "kept.csv"
    path.write_text("mine")
    bench.user.agrees = agrees
    bench.trigger("wave.export_figure")
    accept(bench, format="csv")
    assert "kept.csv already exists" in bench.user.asked[-1]
    assert (path.read_text() == "mine") is not agrees


def test_all_figures_go_into_a_folder_and_none_is_replaced_unasked(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path
    (tmp_path / "wave-power.csv").write_text("mine")
    bench.trigger("wave.export_all")
    accept(bench, format="csv")
    assert (tmp_path / "wave-power.csv").read_text() == "mine"
    assert not (tmp_path / "wave-wave.csv").exists(), "a no means none"
    bench.user.agrees = True
    bench.qtbot.waitUntil(lambda: bench.window.findChild(ExportDialog) is None)
    bench.trigger("wave.export_all")
    accept(bench, format="csv")
    assert (tmp_path / "wave-power.csv").read_text() != "mine"
    assert (tmp_path / "wave-wave.csv").exists()


def test_all_numbers_are_exported_with_the_state_that_made_them(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path / "numbers"
    bench.change(frequency=4.0)
    bench.settle()
    bench.trigger("wave.export_figure")
    accept(bench, format="json")
    written = json.loads((tmp_path / "numbers.json").read_text())
    assert written["experiment"] == "wave"
    assert written["state"]["frequency"] == 4.0
    assert len(written["wave"]["y"]) == 100


def test_a_path_that_cannot_be_written_gets_a_sentence(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path / "missing" / "picture.png"
    bench.trigger("wave.export_figure")
    accept(bench)
    assert "missing" in bench.window.problem_text
    assert list(tmp_path.glob("**/*.png")) == []


def test_a_failure_is_taken_back_when_the_same_kind_of_deed_succeeds(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path / "missing" / "picture.png"
    bench.trigger("wave.export_figure")
    accept(bench)
    failed = bench.window.problem_text
    assert failed
    bench.qtbot.waitUntil(lambda: bench.window.findChild(ExportDialog) is None)
    bench.user.path = tmp_path / "session.json"
    bench.trigger("window.save_session")
    assert bench.user.path.exists()
    assert bench.window.problem_text == failed, "a saved session says nothing about the picture"
    bench.user.path = tmp_path / "picture.png"
    bench.trigger("wave.export_figure")
    accept(bench)
    assert bench.user.path.exists()
    assert bench.window.problem_text == ""


def test_a_picture_that_does_not_fit_into_memory_cannot_be_asked_for(bench: Bench) -> None:
    bench.trigger("wave.export_figure")
    dialog = bench.window.findChild(ExportDialog)
    assert dialog is not None
    for name in ("width", "height"):
        box = dialog.findChild(QSpinBox, f"window.export.{name}")
        assert box is not None
        box.setValue(16_384)
    button = dialog.findChild(QPushButton, "window.export.accept")
    assert button is not None
    assert not button.isEnabled()
    dialog.reject()


def test_what_is_exported_is_what_is_shown_even_while_something_newer_is_computed(bench: Bench, tmp_path: Path) -> None:
    bench.client.held = True
    bench.change(samples=7)
    page = bench.tab.exportable()
    assert page is not None
    assert page.state.samples == 100
    write_export(tmp_path / "shown.csv", "wave", page, ExportChoice("wave", "csv"))
    assert len([line for line in (tmp_path / "shown.csv").read_text().splitlines() if ",line," in line]) == 100


def test_without_a_figure_nothing_is_exported(make: MakeBench) -> None:
    bench = make()
    bench.client.held = True
    bench.start(ready=False)
    bench.qtbot.waitUntil(lambda: not bench.interior.steps.busy)
    for name in ("wave.export_figure", "wave.export_all", "wave.copy_figure"):
        bench.trigger(name)
        assert "no figure yet" in bench.window.statusBar().currentMessage()
    assert bench.window.findChild(ExportDialog) is None


def test_every_control_of_the_dialogs_can_be_named(bench: Bench) -> None:
    for name, kind in (("wave.export_figure", ExportDialog), ("window.about", AboutDialog),
                       ("window.shortcuts", ShortcutsDialog)):
        bench.trigger(name)
        dialog = bench.window.findChild(kind)
        assert dialog is not None
        for control in dialog.findChildren(QWidget):
            if isinstance(control, (QAbstractButton, QComboBox, QSpinBox, QTreeWidget)):
                assert control.accessibleName(), f"{control.objectName()} of {name}"
                assert control.toolTip(), f"{control.objectName()} of {name}"
        dialog.reject()


def test_the_shortcut_help_lists_every_key_of_every_action(bench: Bench) -> None:
    bench.trigger("window.shortcuts")
    dialog = bench.window.findChild(ShortcutsDialog)
    assert dialog is not None
    tree = dialog.findChild(QTreeWidget)
    assert tree is not None
    shown = " ".join(
        tree.topLevelItem(group).child(row).text(1)
        for group in range(tree.topLevelItemCount()) for row in range(tree.topLevelItem(group).childCount())
    )
    for action in bench.actions():
        for key in action.shortcuts():
            if key[0].key() < Qt.Key.Key_Help:  # type: ignore[index]  # missing in the stubs
                assert key.toString(key.SequenceFormat.NativeText) in shown, action.objectName()
    for word in ("Open", "Save", "Exit", "Undo", "Help"):
        assert word not in shown.split(), f"no keyboard of a reader has a key {word}"
    dialog.reject()


def test_a_session_is_saved_and_opened_again(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path / "lecture"
    bench.change(frequency=12.0, parts=("A", "C"))
    bench.trigger("window.save_session")
    assert (tmp_path / "lecture.json").exists()
    bench.change(frequency=1.0, parts=())
    bench.user.path = tmp_path / "lecture.json"
    bench.trigger("window.open_session")
    assert bench.control.state.frequency == 12.0
    assert bench.control.state.parts == ("A", "C")
    assert not bench.control.history.stack.canUndo()


def test_saving_again_goes_to_the_same_file_without_asking(bench: Bench, tmp_path: Path) -> None:
    bench.user.path = tmp_path / "lecture.json"
    bench.trigger("window.save_session")
    asked = len(bench.user.asked)
    bench.change(frequency=9.0)
    bench.trigger("window.save_session")
    assert len(bench.user.asked) == asked
    assert json.loads((tmp_path / "lecture.json").read_text())["experiments"]["wave"]["frequency"] == 9.0


def test_saving_under_the_name_of_another_file_asks_first(bench: Bench, tmp_path: Path) -> None:
    path = bench.user.path = tmp_path / "other.json"
    path.write_text("mine")
    bench.trigger("window.save_session_as")
    assert path.read_text() == "mine"
    assert "already exists" in bench.user.asked[-1]


@pytest.mark.parametrize("content", [
    "not JSON", "[" * 10_000, '{"format": "visualizer-session", "schema": 999}',
    '{"format": "visualizer-session", "schema": 1, "active": "wave", "experiments": {"wave": {"frequency": 1e999}}}',
], ids=["no JSON", "deep", "newer", "not finite"])
def test_a_bad_session_file_is_refused_with_a_sentence_and_changes_nothing(
    bench: Bench, tmp_path: Path, content: str
) -> None:
    bench.change(frequency=3.0)
    before = bench.control.state
    bench.user.path = tmp_path / "bad.json"
    bench.user.path.write_text(content)
    bench.trigger("window.open_session")
    assert bench.control.state is before
    assert bench.control.history.stack.canUndo()
    assert bench.window.problem_text.endswith(".")


def test_the_file_dialog_tells_folders_from_files_without_reading_them(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "one.json").write_text("<?xml not looked at")
    DialogAsker(bench.window).open_path("Open session", tmp_path, "All (*)", lambda path: None)
    dialog = bench.window.findChild(QFileDialog, "window.file_dialog")
    assert dialog is not None
    icons = dialog.iconProvider()
    assert isinstance(icons, PlainIcons)
    assert Path(dialog.directory().absolutePath()) == tmp_path
    folder, file = QFileInfo(str(tmp_path / "inner")), QFileInfo(str(tmp_path / "one.json"))
    assert (icons.type(folder), icons.type(file)) == ("Folder", "File")
    assert icons.icon(folder).cacheKey() != icons.icon(file).cacheKey()
    dialog.reject()


def test_the_last_session_is_there_again_at_the_next_start(make: MakeBench) -> None:
    first = make(kept=True)
    first.start()
    first.change(frequency=6.0)
    assert first.kept is not None
    first.qtbot.waitUntil(lambda: "6.0" in first.kept.path.read_text() if first.kept.path.exists() else False)
    # No close: as if it had crashed.
    second = make(kept=True)
    second.start()
    assert second.control.state.frequency == 6.0


def test_a_damaged_last_session_is_said_and_the_defaults_are_shown(make: MakeBench, tmp_path: Path) -> None:
    (tmp_path / "kept.json").write_text("{")
    bench = make(kept=True)
    bench.start()
    assert bench.window.problem_text.startswith("The last session could not be restored.")
    assert bench.control.state == bench.experiments[0].default_state()
    assert (tmp_path / "kept.json.damaged").exists()
