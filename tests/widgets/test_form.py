"""The form made from declarations: what is typed, dragged and clicked becomes a state, and a state becomes editors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence, QWheelEvent
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QLabel, QLineEdit, QPlainTextEdit, QScrollArea, QWidget
from pytestqt.qtbot import QtBot

from tests.fakes import Wave, WaveState
from visualizer.experiments.catalogue import EXPERIMENTS
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.landscape.experiment import Landscape
from visualizer.experiments.landscape.state import LandscapeState
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.controls import NumberBox, ValueSlider
from visualizer.ui.widgets.form import ParameterForm
from visualizer.ui.widgets.section import Section


@pytest.fixture
def form(theme: Theme, host: QWidget, put: Callable[[QWidget], None]) -> ParameterForm:
    made = ParameterForm(Wave(), theme, host)
    made.build_all()
    put(made)
    return made


@pytest.fixture
def edits(form: ParameterForm) -> list[tuple[Any, bool]]:
    found: list[tuple[Any, bool]] = []
    form.edited.connect(lambda state, committed: found.append((state, committed)))
    return found


def box(form: QWidget, name: str) -> NumberBox:
    found = form.findChild(NumberBox, name)
    assert isinstance(found, NumberBox)
    return found


def slider(form: QWidget, name: str) -> ValueSlider:
    found = form.findChild(ValueSlider, f"{name}.slider")
    assert isinstance(found, ValueSlider)
    return found


def type_into(qtbot: QtBot, line: NumberBox, text: str) -> None:
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def test_typing_a_number_gives_one_complete_change(
    qtbot: QtBot, form: ParameterForm, edits: list[tuple[Any, bool]]
) -> None:
    type_into(qtbot, box(form, "wave.frequency"), "2,5")
    assert edits == [(WaveState(frequency=2.5), True)]
    assert slider(form, "wave.frequency").value() > 0


@pytest.mark.parametrize("text", ["abc", "1000", "-1", "nan", "", "1e999"])
def test_a_wrong_number_stays_with_a_sentence_until_it_is_right(
    qtbot: QtBot, form: ParameterForm, edits: list[tuple[Any, bool]], text: str
) -> None:
    line = box(form, "wave.frequency")
    problems: list[str] = []
    form.problem.connect(problems.append)
    line.setFocus()
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Delete)
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert not edits
    assert line.text() == text
    assert "0.1" in problems[-1]
    assert "100" in problems[-1]
    row = form.row("frequency")
    assert any(label.text() == problems[-1] and label.isVisibleTo(form) for label in form.findChildren(QLabel))
    type_into(qtbot, line, "3")
    assert edits[-1][0].frequency == 3.0
    assert problems[-1] == ""
    assert row.sentence == ""


def test_escape_brings_the_value_in_effect_back(qtbot: QtBot, form: ParameterForm, edits: list[Any]) -> None:
    line = box(form, "wave.frequency")
    for text, key in (("1e9", Qt.Key.Key_Return), ("2.", None)):
        line.setFocus()
        line.selectAll()
        qtbot.keyClicks(line, text)
        if key is not None:
            qtbot.keyClick(line, key)
            assert form.row("frequency").sentence.endswith("1 Hz stays in effect.")
        qtbot.keyClick(line, Qt.Key.Key_Escape)
        assert line.text() == "1"
        assert not line.property("wrong")
        assert form.row("frequency").sentence == ""
    assert not edits


@pytest.mark.parametrize("state", [WaveState(phase=1.0), WaveState(frequency=7.0), WaveState()])
def test_a_state_from_elsewhere_replaces_what_was_refused(qtbot: QtBot, form: ParameterForm, state: WaveState) -> None:
    line = box(form, "wave.frequency")
    type_into(qtbot, line, "1e9")
    assert line.property("wrong")
    form.set_state(state)
    assert line.text() == f"{state.frequency:g}"
    assert not line.property("wrong")
    assert form.row("frequency").sentence == ""
    assert not any("1e9" in label.text() for label in form.findChildren(QLabel) if label.isVisibleTo(form))


@pytest.fixture
def numbers(theme: Theme, host: QWidget, put: Callable[[QWidget], None]) -> ParameterForm:
    """A form with a text of several lines."""
    made = ParameterForm(Distributions(), theme, host)
    made.build_all()
    put(made)
    return made


def test_a_larger_text_takes_effect_while_it_is_typed_and_is_one_change_in_the_end(
    qtbot: QtBot, numbers: ParameterForm
) -> None:
    edits: list[tuple[Any, bool]] = []
    numbers.edited.connect(lambda state, committed: edits.append((state.values, committed)))
    area = numbers.findChild(QPlainTextEdit, "distributions.values")
    assert isinstance(area, QPlainTextEdit)
    area.setFocus()
    area.selectAll()
    qtbot.keyClicks(area, "1, 2")
    qtbot.waitUntil(lambda: edits == [("1, 2", False)])
    qtbot.keyClicks(area, ", 7")
    qtbot.waitUntil(lambda: edits[1:] == [("1, 2, 7", False)])
    assert area.toPlainText() == "1, 2, 7"
    qtbot.keyClick(area, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert edits[2:] == [("1, 2, 7", True)]
    assert area.toPlainText() == "1, 2, 7"

    qtbot.keyClicks(area, ", 9")
    qtbot.waitUntil(lambda: edits[3:] == [("1, 2, 7, 9", False)])
    qtbot.keyClick(area, Qt.Key.Key_Escape)
    assert edits[4:] == [("1, 2, 7", True)]
    assert area.toPlainText() == "1, 2, 7"


@pytest.mark.parametrize(("name", "view", "complete"), [
    ("shape", "initializer", Qt.KeyboardModifier.NoModifier), ("values", "statistics", Qt.KeyboardModifier.ControlModifier),
])
def test_ctrl_z_is_a_texts_own_while_it_is_typed_and_the_windows_once_it_is_complete(
    qtbot: QtBot, numbers: ParameterForm, name: str, view: str, complete: Qt.KeyboardModifier
) -> None:
    numbers.set_state(Distributions().default_state().changed(view=view))
    field = numbers.findChild(QWidget, f"distributions.{name}")
    assert isinstance(field, QLineEdit | QPlainTextEdit)
    field.setFocus()
    assert not claims(field, "Ctrl+Z")
    field.selectAll()
    qtbot.keyClicks(field, "8")
    assert claims(field, "Ctrl+Z")
    qtbot.keyClick(field, Qt.Key.Key_Return, complete)
    for keys in ("Ctrl+Z", "Ctrl+Shift+Z", "Ctrl+Y"):
        assert not claims(field, keys), keys
    for keys in ("Ctrl+C", "Ctrl+V"):
        assert claims(field, keys), keys


def claims(field: QWidget, keys: str) -> bool:
    """Whether the field answers that it needs these keys itself, which are then no shortcut of the window."""
    pressed = QKeySequence(keys)[0]
    question = QKeyEvent(QEvent.Type.ShortcutOverride, pressed.key(), pressed.keyboardModifiers())
    question.ignore()
    QApplication.sendEvent(field, question)
    return question.isAccepted()


def controls_of(form: QWidget) -> dict[str, QPoint]:
    for _ in range(3):  # chips settle their height with the width they get
        QApplication.processEvents()
    return {control.objectName(): control.mapTo(form, QPoint(0, 0)) for control in form.findChildren(QWidget)
            if control.objectName().startswith("wave.") and control.isVisibleTo(form)}


def test_a_message_moves_no_control_and_never_covers_the_one_in_use(qtbot: QtBot, form: ParameterForm) -> None:
    before = controls_of(form)
    wrong, following = box(form, "wave.frequency"), box(form, "wave.phase")
    type_into(qtbot, wrong, "1e9")
    assert controls_of(form) == before
    note = next(label for label in form.findChildren(QLabel) if "1e9" in label.text())
    assert note.isVisible()
    assert form.rect().contains(note.geometry())
    for control in (wrong, following, *form.findChildren(ValueSlider)):
        if control.isVisible():
            control.setFocus()
            qtbot.waitUntil(control.hasFocus)
            place = QRect(control.mapTo(form, QPoint(0, 0)), control.size())
            assert not note.geometry().intersects(place), control.objectName()
    qtbot.mouseClick(note, Qt.MouseButton.LeftButton)
    assert not note.isVisible()
    assert wrong.property("wrong")


def test_a_note_goes_with_its_row(qtbot: QtBot, form: ParameterForm) -> None:
    type_into(qtbot, box(form, "wave.frequency"), "1e9")
    note = next(label for label in form.findChildren(QLabel) if "1e9" in label.text())
    form.set_folded(["Wave"])
    QApplication.processEvents()
    assert not note.isVisible()
    form.set_folded([])
    QApplication.processEvents()
    assert note.isVisible()


def test_the_useful_range_is_named_beside_the_allowed_one(theme: Theme, host: QWidget, qtbot: QtBot, put: Any) -> None:
    made = ParameterForm(Landscape(), theme, host)
    made.build_all()
    put(made)
    start = box(made, "landscape.start")
    label = next(label for label in made.findChildren(QLabel) if label.buddy() is start)
    for points in (LandscapeState().points, LandscapeState().points[2:9]):
        made.set_state(LandscapeState(points=points))
        low, high = f"{points[0].x:g}", f"{points[-1].x:g}"
        for tip in (start.toolTip(), slider(made, "landscape.start").toolTip(), label.toolTip()):
            assert f"useful: {low} to {high}" in tip
        type_into(qtbot, start, "1e9")
        assert f"useful: {low} to {high}" in made.row("start").sentence
    assert "useful" not in box(made, "landscape.alpha").toolTip()


def test_half_typed_text_survives_a_state_with_the_same_value(qtbot: QtBot, form: ParameterForm) -> None:
    line = box(form, "wave.frequency")
    line.setFocus()
    line.selectAll()
    qtbot.keyClicks(line, "1.2e")
    form.set_state(WaveState(phase=1.0))
    assert line.text() == "1.2e"
    form.set_state(WaveState(frequency=7.0))
    assert line.text() == "7"


def test_full_precision_is_kept_when_the_box_is_left_alone(
    qtbot: QtBot, form: ParameterForm, edits: list[tuple[Any, bool]]
) -> None:
    form.set_state(WaveState(frequency=1.23456789))
    line = box(form, "wave.frequency")
    assert line.text() == "1.235"
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert not edits
    assert form.state == WaveState(frequency=1.23456789)


def test_dragging_is_live_and_letting_go_completes_it(
    qtbot: QtBot, form: ParameterForm, edits: list[tuple[Any, bool]]
) -> None:
    control = slider(form, "wave.phase")
    middle = control.rect().center()
    qtbot.mousePress(control, Qt.MouseButton.LeftButton, pos=middle)
    for offset in (20, 40, 60):
        qtbot.mouseMove(control, middle + QPoint(offset, 0))
    qtbot.mouseRelease(control, Qt.MouseButton.LeftButton, pos=middle + QPoint(60, 0))
    live = [state.phase for state, committed in edits if not committed]
    assert len(live) >= 2
    assert live == sorted(live)
    assert [committed for _, committed in edits].count(True) == 1
    assert edits[-1] == (WaveState(phase=live[-1]), True)


def test_arrow_keys_step_by_ratios_on_a_log_scale(form: ParameterForm, qtbot: QtBot, edits: list[Any]) -> None:
    line = box(form, "wave.frequency")
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_Up)
    qtbot.keyClick(slider(form, "wave.frequency"), Qt.Key.Key_Right)
    values = [state.frequency for state, _ in edits]
    assert values == [pytest.approx(1.12, abs=0.005), pytest.approx(1.26, abs=0.005)]
    qtbot.keyClick(slider(form, "wave.frequency"), Qt.Key.Key_End)
    assert edits[-1][0].frequency == 100.0
    qtbot.keyClick(slider(form, "wave.frequency"), Qt.Key.Key_Right)
    assert form.state == edits[-1][0]  # the end is the end


def wheel(widget: QWidget) -> bool:
    centre = QPointF(widget.rect().center())
    event = QWheelEvent(centre, QPointF(widget.mapToGlobal(centre)), QPoint(), QPoint(0, 120),
                        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False)
    event.ignore()
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def test_the_wheel_changes_a_value_only_with_the_focus(
    form: ParameterForm, host: QWidget, qtbot: QtBot, edits: list[Any]
) -> None:
    host.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    for control in (slider(form, "wave.phase"), box(form, "wave.phase"), form.findChild(QComboBox, "wave.shape")):
        assert control is not None
        host.setFocus()
        wheel(control)
        assert not edits
    control = slider(form, "wave.phase")
    control.setFocus()
    qtbot.waitUntil(control.hasFocus)
    wheel(control)
    assert edits[-1][0].phase > 0


def test_a_double_click_on_slider_or_label_sets_the_default(
    form: ParameterForm, qtbot: QtBot, edits: list[Any]
) -> None:
    form.set_state(WaveState(phase=2.0, samples=7))
    qtbot.mouseDClick(slider(form, "wave.phase"), Qt.MouseButton.LeftButton)
    assert edits[-1] == (WaveState(samples=7), True)
    label = next(label for label in form.findChildren(QLabel) if label.buddy() is box(form, "wave.samples"))
    qtbot.mouseDClick(label, Qt.MouseButton.LeftButton)
    assert edits[-1] == (WaveState(), True)


def test_flags_and_choices_change_the_state(form: ParameterForm, qtbot: QtBot, edits: list[Any]) -> None:
    check = form.findChild(QCheckBox, "wave.grid")
    assert check is not None
    check.setFocus()
    qtbot.keyClick(check, Qt.Key.Key_Space)
    assert edits[-1] == (WaveState(grid=False), True)
    combo = form.findChild(QComboBox, "wave.shape")
    assert combo is not None
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert edits[-1] == (WaveState(grid=False, shape="cosine"), True)


def test_showing_a_state_emits_nothing(form: ParameterForm, edits: list[Any]) -> None:
    state = WaveState(view="slow", phase=1.5, samples=9, shape="cosine", parts=("A", "C"), grid=False, frequency=3.0)
    form.set_state(state)
    assert not edits
    assert form.state == state


def test_only_rows_that_mean_something_are_shown(form: ParameterForm) -> None:
    for view in ("wave", "slow", "wave"):
        state = WaveState(view=view)
        form.set_state(state)
        visible = {parameter.name for parameter in Wave().visible_parameters(state)}
        for name in WaveState.__dataclass_fields__:
            if name not in ("view", "seed", "shown_step"):
                assert form.row(name).isVisibleTo(form) is (name in visible), name


def test_the_form_is_made_in_pieces_and_shows_a_state_set_meanwhile(theme: Theme, host: QWidget) -> None:
    made = ParameterForm(Landscape(), theme, host)
    steps = 0
    state = LandscapeState().changed(alpha=0.2, view="race", remove=("P3",))
    for _ in made.build():
        steps += 1
        if steps == 10:
            made.set_state(state)
    assert steps > len(state.__dataclass_fields__)
    assert made.built
    assert box(made, "landscape.alpha").text() == "0.2"
    visible = {parameter.name for parameter in Landscape().visible_parameters(state)}
    assert {name for name in Landscape().parameters() if not Landscape().parameters()[name].hidden
            and made.row(name).isVisibleTo(made)} == visible


@pytest.mark.parametrize("experiment", [Wave(), *EXPERIMENTS], ids=lambda e: e.name)
def test_every_parameter_has_a_named_described_control(experiment: Any, theme: Theme, host: QWidget) -> None:
    made = ParameterForm(experiment, theme, host)
    made.build_all()
    for name, parameter in experiment.parameters().items():
        if parameter.hidden:
            continue
        control = made.findChild(QWidget, f"{experiment.name}.{name}")
        assert control is not None, name
        assert parameter.label_for(experiment.default_state()) in control.accessibleName()
        assert control.toolTip()
        assert control.accessibleDescription()


def test_nothing_is_clipped_at_the_width_of_the_panel(any_theme: Theme, host: QWidget, put: Any) -> None:
    width = 420 if any_theme.presentation else 300
    scroll = QScrollArea(host)
    scroll.setWidgetResizable(True)
    scroll.setFixedWidth(width)
    made = ParameterForm(Landscape(), any_theme, scroll)
    made.build_all()
    scroll.setWidget(made)
    put(scroll)
    for view in Landscape.views:
        made.set_state(LandscapeState().changed(view=view.name, optimizer="momentum"))
        QApplication.processEvents()
        assert made.minimumSizeHint().width() <= width - 16, view.name
        for combo in made.findChildren(QComboBox):
            if combo.isVisible():
                assert combo.width() >= combo.minimumSizeHint().width()
        for check in made.findChildren(QCheckBox):
            if check.isVisible():
                assert check.width() >= check.sizeHint().width(), check.text()


def test_folded_sections_are_remembered_by_title(form: ParameterForm, qtbot: QtBot) -> None:
    form.set_folded(["Wave", "No such section"])
    section = next(s for s in form.findChildren(Section) if s.title == "Wave")
    assert section.folded
    assert not box(form, "wave.phase").isVisibleTo(form)
    header = section.findChild(QWidget, "wave.section.Wave")
    assert header is not None
    with qtbot.waitSignal(form.folds_changed):
        qtbot.mouseClick(header, Qt.MouseButton.LeftButton)
    assert form.folded() == []
    assert box(form, "wave.phase").isVisibleTo(form)


def test_another_theme_reaches_every_editor(form: ParameterForm) -> None:
    before = box(form, "wave.phase").font().pixelSize()
    form.set_theme(Theme("dark", presentation=True))
    assert box(form, "wave.phase").font().pixelSize() > before
