"""The user's programs in a tab: what their editors ask for, and what is said beside them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal, Slot

from visualizer.base.parameters import Text
from visualizer.ui.tabs.controller import Controller

if TYPE_CHECKING:
    from visualizer.ui.widgets.form import ParameterForm


class Programs(QObject):
    """Between the controller and the form, for the parameters that are programs; does nothing where there are none.

    Signals:
        browse_requested(): a file that holds a program is to be chosen.
    """

    browse_requested = Signal()

    def __init__(self, controller: Controller, parent: QObject) -> None:
        super().__init__(parent)
        self._controller = controller
        self._names = [
            item.name for item in controller.experiment.parameters().values() if isinstance(item, Text) and item.program
        ]
        self._form: ParameterForm | None = None

    def begin(self, form: ParameterForm) -> None:
        """The form is there."""
        self._form = form
        form.asked.connect(self._on_asked)

    def show_reports(self) -> None:
        """Say beside each program that is shown what the present result, or the present problem, says about it."""
        if self._form is not None and self._names:
            control = self._controller
            visible = {item.name for item in control.experiment.visible_parameters(control.state)}
            self._form.show_reports(control.reports([name for name in self._names if name in visible]))

    def set_running(self, running: bool) -> None:
        if self._form is not None:
            self._form.set_running(running)

    def focus(self, names: Iterable[str]) -> None:
        """Put the keyboard where the first program among these parameters is edited, with what can be chosen there."""
        program = next((name for name in names if name in self._names), "")
        if self._form is not None and program:
            try:
                self._form.row(program).editor.offer()
            except KeyError:  # the rows are still being made
                return

    @Slot(str, str)
    def _on_asked(self, parameter: str, what: str) -> None:
        match what:
            case "run":
                self._controller.run_program()
            case "stop":
                self._controller.cancel()
            case "browse":
                self.browse_requested.emit()
