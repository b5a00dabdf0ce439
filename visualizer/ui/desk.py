"""What the window does with files, clipboard and dialogs: loaded after the first paint, when it may first be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox

from visualizer.base.errors import UserError
from visualizer.ui.asking import Asker
from visualizer.ui.dialogs import AboutDialog, ExportDialog, ShortcutsDialog, about_rows, shortcut_rows
from visualizer.ui.exporting import ExportChoice, Exporter
from visualizer.ui.opening import Opener
from visualizer.ui.session_desk import SessionDesk

if TYPE_CHECKING:
    from visualizer.sessions.autosave import AutosavedSession
    from visualizer.ui.interior import Interior

_TEXT = "export/text"
NO_CODE_YET = "PyTorch is loading; the code can be copied as soon as it is there."
NOTHING_SHOWN = "There is no figure yet; it can be exported as soon as it is shown."


class Desk(QObject):
    """Connects the window's file, copy and help actions.

    Args:
        interior: what is inside the window; also the parent.
        asker: asks for files, and before anything is replaced.
        kept: the program's own copy of the last session; None: nothing is restored or kept.
        log_file: where the log is, for the about dialog.
        session: a file to open at the start, instead of the last session.
        fresh: begin with the defaults.
    """

    def __init__(
        self, interior: Interior, asker: Asker, kept: AutosavedSession | None, log_file: Path,
        session: Path | None = None, fresh: bool = False,
    ) -> None:
        super().__init__(interior)
        window = self._window = interior.window
        self._interior = interior
        self._log_file = log_file
        self._first_session = session
        self._fresh = fresh
        large = window.settings.text(_TEXT) == "large"
        self._choice = ExportChoice(text="large" if large else "window")
        self.sessions = SessionDesk(
            interior.experiments, interior.session, interior.show_session, asker, window.settings, kept, self
        )
        self.exporter = Exporter(asker, window.settings, self)
        for part in (self.sessions, self.exporter):
            part.done.connect(window.say)
            part.failed.connect(window.say_problem)
            part.mended.connect(window.take_back)
        self.opener = Opener(interior, asker, self.sessions.open, self)
        interior.changed.connect(self.sessions.keep_soon)
        by_name = interior.actions_by_name
        by_name["open_session"].triggered.connect(self.sessions.ask_open)
        by_name["save_session"].triggered.connect(self.sessions.save)
        by_name["save_session_as"].triggered.connect(self.sessions.ask_save)
        by_name["shortcuts"].triggered.connect(self.show_shortcuts)
        by_name["about"].triggered.connect(self.show_about)
        for tab in interior.tabs:
            tab.actions_by_name["export_figure"].triggered.connect(self.ask_export)
            tab.actions_by_name["export_all"].triggered.connect(self.ask_export_all)
            tab.actions_by_name["copy_figure"].triggered.connect(self.copy_main_figure)
            tab.actions_by_name["copy_code"].triggered.connect(self.copy_code)
            tab.actions_by_name["about_page"].triggered.connect(self.show_about_page)
            tab.export_requested.connect(self.ask_export_of)
            tab.copy_requested.connect(self.copy_figure)

    def restore(self) -> None:
        """Show the session to begin with: the one asked for, or the last one."""
        if self._first_session is not None:
            self.sessions.open(self._first_session)
        elif not self._fresh:
            self.sessions.restore()

    def keep(self) -> None:
        """Keep the session now."""
        self.sessions.keep()

    # Figures.

    @Slot()
    def ask_export(self) -> None:
        self.ask_export_of("")

    @Slot(str)
    def ask_export_of(self, figure: str) -> None:
        """Open the export dialog, with this figure chosen (empty: the main one)."""
        page = self._interior.tab.exportable()
        if page is None:
            self._window.say(NOTHING_SHOWN)
            return
        choice = replace(self._choice, figure=figure or page.figures[0].name)
        dialog = ExportDialog([(item.name, item.title) for item in page.figures], choice, page.theme, self._window, page.formats,
                              page.graphs)
        dialog.chosen.connect(self._export)
        dialog.open()

    @Slot()
    def ask_export_all(self) -> None:
        page = self._interior.tab.exportable()
        if page is None:
            self._window.say(NOTHING_SHOWN)
            return
        everything = [("", f"All {len(page.figures)} figures of this page")]
        dialog = ExportDialog(everything, self._choice, page.theme, self._window, page.formats, page.graphs)
        dialog.chosen.connect(self._export)
        dialog.open()

    @Slot(object)
    def _export(self, choice: ExportChoice) -> None:
        self._choice = choice
        self._window.settings.put(_TEXT, choice.text)
        page = self._interior.tab.exportable()
        if page is None:
            self._window.say(NOTHING_SHOWN)
        elif choice.figure:
            self.exporter.export(page, choice)
        else:
            self.exporter.export_all(page, choice)

    @Slot()
    def copy_main_figure(self) -> None:
        self.copy_figure("")

    @Slot(str)
    def copy_figure(self, name: str) -> None:
        """Copy a figure (empty: the main one) as it is shown."""
        tab = self._interior.tab
        page = tab.exportable()
        if page is None:
            self._window.say(NOTHING_SHOWN)
            return
        figure = next((item for item in page.figures if item.name == name), page.figures[0])
        canvas = tab.area.canvases.get(figure.name)
        try:
            self.exporter.copy(page, figure, canvas.size() if canvas is not None else tab.area.size())
        except UserError as error:
            self.exporter.fail("copy", error)

    @Slot()
    def copy_code(self) -> None:
        """Copy the PyTorch lines of what is shown."""
        controller = self._interior.tab.controller
        if controller.activity.kind == "loading":  # its modules import torch, for which the window would wait
            self._window.say(NO_CODE_YET)
            return
        QGuiApplication.clipboard().setText(controller.code())
        self._window.say("The code is on the clipboard.")

    # Help.

    @Slot()
    def show_shortcuts(self) -> None:
        interior = self._interior
        groups = [
            ("Run", shortcut_rows(interior.tab.run_actions)),
            ("Figures", shortcut_rows([
                interior.tab.actions_by_name[name]
                for name in ("export_figure", "export_all", "copy_figure", "copy_code", "enlarge", "fit", "about_page")
            ])),
            ("Pages", shortcut_rows(list(interior.tab.page_actions.values()))),
            ("Window", [
                *shortcut_rows(list(interior.actions_by_name.values())),
                ("Leave the enlarged figure, full screen or presentation", "Esc"),
            ]),
            ("Controls", [
                ("One step up or down", "Up, Down, mouse wheel"), ("Ten steps", "Page Up, Page Down"),
                ("Back to the default", "Double click"),
            ]),
        ]
        ShortcutsDialog([group for group in groups if group[1]], self._window.theme, self._window).open()

    @Slot()
    def show_about_page(self) -> None:
        """What the page in front shows, and what to try."""
        tab = self._interior.tab
        view = tab.experiment.view(tab.controller.state)
        box = QMessageBox(self._window)
        box.setObjectName("window.about_page")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(f"{tab.experiment.title}: {view.title}")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(view.help)
        box.setInformativeText(tab.experiment.summary)
        box.open()

    @Slot()
    def show_about(self) -> None:
        AboutDialog(about_rows(self._interior.worker_status, self._log_file), self._window.theme, self._window).open()
