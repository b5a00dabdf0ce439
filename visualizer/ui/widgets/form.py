"""The form of an experiment, made from its declared parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from visualizer.base.errors import ParameterError
from visualizer.base.experiment import Experiment, Report, State
from visualizer.base.parameters import Parameter
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.editors.base import sentence
from visualizer.ui.widgets.form_row import FormRow
from visualizer.ui.widgets.problem_note import ProblemNote
from visualizer.ui.widgets.section import Section

#: The section of parameters that declare no group.
_UNGROUPED = "Settings"


class ParameterForm(QWidget):
    """Editors for every parameter that is not hidden, in foldable sections by group.

    The widgets are made by :meth:`build` in short pieces, those of the current page first. A state that is set
    before or in between is shown by what is made later.

    Signals:
        edited: the new state; True for a complete change, False while a slider is being dragged.
        problem: the sentence of an input that is wrong; empty when there is none any more.
        folds_changed: the user folded or unfolded a section.
        asked: the name of a program's parameter, and what is to be done with it: "run", "stop" or "browse".
    """

    edited = Signal(object, bool)
    problem = Signal(str)
    folds_changed = Signal()
    asked = Signal(str, str)

    def __init__(self, experiment: Experiment[Any, Any, Any], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._experiment = experiment
        self._theme = theme
        self._state: State = experiment.default_state()
        self._parameters = [p for p in experiment.parameters().values() if not p.hidden]
        self._rows: dict[str, FormRow] = {}
        self._sections: dict[str, Section] = {}
        self._folded: set[str] = set()
        self._problems: dict[str, str] = {}
        self._notes: dict[str, ProblemNote] = {}
        self._running = False
        self._reports: Mapping[str, Report] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self._layout.addStretch(1)
        self.built = False

    @property
    def state(self) -> State:
        """The state that is shown."""
        return self._state

    def build(self) -> Iterator[None]:
        """Make the widgets; every step takes a few milliseconds, so a zero timer may drive it between frames."""
        visible = set(self._visible())
        for wanted in (True, False):
            for parameter in self._parameters:
                if (parameter.name in visible) is wanted:
                    yield from self._build_row(parameter)
        self.built = True
        self._arrange()

    def build_all(self) -> None:
        """Make all widgets at once."""
        for _ in self.build():
            pass

    def set_state(self, state: State) -> None:
        """Show a state without emitting ``edited``. Inputs that were refused give way to the values in effect."""
        for row in self._rows.values():
            row.discard()
        self._show(state)

    def _show(self, state: State) -> None:
        if state is self._state:
            return
        self._state = state
        for row in self._rows.values():
            row.show_value(state)
        self._arrange()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        for section in self._sections.values():
            section.set_theme(theme)
        for row in self._rows.values():
            row.set_theme(theme)
        for note in self._notes.values():
            note.set_theme(theme)

    def row(self, name: str) -> FormRow:
        """The row of a parameter (KeyError before it is built)."""
        return self._rows[name]

    def set_running(self, running: bool) -> None:
        """Whether something is computed: programs can be stopped then."""
        self._running = running
        for row in self._rows.values():
            row.editor.set_running(running)

    def show_reports(self, reports: Mapping[str, Report]) -> None:
        """What there is to say about the programs, by parameter; nothing about those that are not there."""
        self._reports = reports
        for name, row in self._rows.items():
            self._report(name, row)

    def _report(self, name: str, row: FormRow) -> None:
        report = self._reports.get(name, Report())
        row.editor.show_report(report.sentence, report.line, report.output)

    def folded(self) -> list[str]:
        """Titles of the sections that are folded, for the settings."""
        return sorted(self._folded)

    def set_folded(self, titles: Iterable[str]) -> None:
        """Fold exactly these sections; titles that do not exist are kept for sections made later."""
        self._folded = set(titles)
        for title, section in self._sections.items():
            section.set_folded(title in self._folded)

    def _visible(self) -> list[str]:
        return [parameter.name for parameter in self._experiment.visible_parameters(self._state)]

    def _build_row(self, parameter: Parameter[Any]) -> Iterator[None]:
        section = self._section(parameter.group or _UNGROUPED)
        row = FormRow(parameter, self._experiment.name, self._theme, section)
        row.hide()
        shown = self._state
        yield from row.build(shown)
        row.changed.connect(self._on_changed)
        row.problem.connect(self._on_problem)
        row.editor.asked.connect(partial(self.asked.emit, parameter.name))
        row.editor.set_running(self._running)
        self._report(parameter.name, row)
        order = [p.name for p in self._parameters]
        before = sum(order.index(name) < order.index(parameter.name) for name, other in self._rows.items()
                     if other.parameter.group == parameter.group)
        section.body.insertWidget(before, row)
        self._rows[parameter.name] = row
        if self._state is not shown:
            row.show_value(self._state)
        if row.parameter.name in self._visible():
            row.show()
            section.show()
        yield

    def _section(self, title: str) -> Section:
        if title not in self._sections:
            section = Section(title, self._theme, self, f"{self._experiment.name}.section.{title}")
            section.hide()
            section.set_folded(title in self._folded)
            section.toggled.connect(self._on_folded)
            order = list(dict.fromkeys(p.group or _UNGROUPED for p in self._parameters))
            before = sum(order.index(other) < order.index(title) for other in self._sections)
            self._layout.insertWidget(before, section)
            self._sections[title] = section
        return self._sections[title]

    def _arrange(self) -> None:
        """Show the rows that mean something in this state, and the sections that have any."""
        visible = set(self._visible())
        used: set[str] = set()
        for name, row in self._rows.items():
            row.setVisible(name in visible)
            if name in visible:
                used.add(row.parameter.group or _UNGROUPED)
        for title, section in self._sections.items():
            section.setVisible(title in used)

    @Slot(bool)
    def _on_folded(self, opened: bool) -> None:
        self._folded = {title for title, section in self._sections.items() if section.folded}
        self.folds_changed.emit()

    @Slot(object, object, bool)
    def _on_changed(self, row: FormRow, value: Any, committed: bool) -> None:
        name = row.parameter.name
        try:
            state = self._state.changed(**{name: value})
        except ParameterError as error:
            row.show_problem(sentence(error, row.parameter.label))
            row.show_value(self._state)
            return
        row.show_problem("")
        self._show(state)
        self.edited.emit(state, committed)

    @Slot(object, str)
    def _on_problem(self, row: FormRow, text: str) -> None:
        if text:
            self._problems[row.parameter.name] = text
            if row.parameter.name not in self._notes:
                self._notes[row.parameter.name] = ProblemNote(row, self._theme, self)
        else:
            self._problems.pop(row.parameter.name, None)
        if row.parameter.name in self._notes:
            self._notes[row.parameter.name].show_text(text)
        self.problem.emit(text or next(iter(self._problems.values()), ""))
