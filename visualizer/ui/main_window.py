"""The window: tabs, menus, toolbar, status bar, theme. Everything slow is made after it has been painted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QObject, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QGuiApplication, QIcon, QPixmap, QUndoGroup
from PySide6.QtWidgets import (
    QApplication, QHBoxLayout, QLabel, QMainWindow, QMenu, QMessageBox, QSizePolicy, QStackedWidget, QTabBar, QToolBar,
    QVBoxLayout, QWidget,
)

from visualizer.base.experiment import Experiment
from visualizer.base.messages import Broken, Cancelled, Failed, Loading, Message, Ready, Update
from visualizer.ui.actions import TAB, WINDOW, dress, make_actions
from visualizer.ui.settings import Settings
from visualizer.ui.steps import Steps
from visualizer.ui.tabs.controller import Client
from visualizer.ui.tabs.experiment_tab import LOADING, ExperimentTab
from visualizer.ui.theme import Theme, style_application, system_mode

if TYPE_CHECKING:
    from visualizer.sessions.schema import Session
    from visualizer.ui.desk import Desk
    from visualizer.ui.widgets.banner import Banner

DEFAULT_SIZE = QSize(1440, 900)


class MainWindow(QMainWindow):
    """Tabs from a catalogue, over one worker.

    Signals:
        changed(): a state, or the tab in front, has changed: worth keeping.
        closing(): the window is about to go; what is to be saved is saved now.

    Args:
        experiments: the tabs, in order.
        client: the worker's UI side.
        settings: what the window remembers.
        mode: "system", "light" or "dark"; None: as remembered.
        presentation: begin in presentation mode; None: as remembered.
    """

    changed = Signal()
    closing = Signal()

    def __init__(
        self, experiments: Sequence[Experiment[Any, Any, Any]], client: Client, settings: Settings,
        mode: str | None = None, presentation: bool | None = None,
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle("visualizer")
        self.experiments = tuple(experiments)
        self.settings = settings
        self.steps = Steps(self)
        self.undo_group = QUndoGroup(self)
        self.worker_status: Loading | Ready | Broken = Loading("torch")
        self.desk: Desk | None = None
        self._mode = mode or settings.theme
        if presentation is None:
            presentation = settings.flag("window/presentation", False)
        self.theme = self._theme(presentation)
        self._libraries = False
        self._banner: Banner | None = None
        style_application(_application(), self.theme)

        self.actions_by_name = make_actions(WINDOW, "window", self)
        self._make_undo_actions()
        central = QWidget(self)
        self.tab_bar = QTabBar(central)
        self.tab_bar.setObjectName("window.tabs")
        self.tab_bar.setDrawBase(False)
        self.tab_bar.setExpanding(False)
        self.tab_bar.setAccessibleName("Experiments")
        self.tab_bar.setToolTip("The experiments; Ctrl+Tab goes to the next one.")
        self._stack = QStackedWidget(central)
        self.tabs = tuple(
            ExperimentTab(entry, client, self.undo_group, self.steps, settings, self.theme, self._stack)
            for entry in self.experiments
        )
        for tab in self.tabs:
            self._stack.addWidget(tab)
            index = self.tab_bar.addTab(tab.experiment.title)
            self.tab_bar.setTabToolTip(index, tab.experiment.summary)
        # Beside the tabs, not over them: a row of the window's height more for the figures.
        self.tool_bar = QToolBar("Tools", central)
        self.tool_bar.setObjectName("window.toolbar")
        self.tool_bar.setStyleSheet("QToolBar { border: none; padding: 0px; }")
        self.tool_bar.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.tool_bar.layout().setContentsMargins(0, 2, 0, 2)
        head = QHBoxLayout()
        head.setContentsMargins(0, 0, 4, 0)
        head.setSpacing(8)
        head.addWidget(self.tab_bar, 1, Qt.AlignmentFlag.AlignBottom)
        head.addWidget(self.tool_bar)
        self._central = QVBoxLayout(central)
        self._central.setContentsMargins(0, 0, 0, 0)
        self._central.setSpacing(0)
        self._central.addLayout(head)
        self._central.addWidget(self._stack, 1)
        self.setCentralWidget(central)
        self._make_menus()
        self._make_status_bar()
        self._connect()
        self._blank_icons()
        self._fill()
        self._restore_geometry()

    # Made before the first paint.

    def _make_undo_actions(self) -> None:
        for name, action, key, tip in (
            ("undo", self.undo_group.createUndoAction(self, "Undo"), "Ctrl+Z", "Take the last change back."),
            ("redo", self.undo_group.createRedoAction(self, "Redo"), "Ctrl+Shift+Z", "Make the change again."),
        ):
            standard = action.shortcuts()
            action.setObjectName(f"window.{name}")
            action.setShortcuts([*standard, key] if key not in [item.toString() for item in standard] else standard)
            action.setStatusTip(tip)
            self.actions_by_name[name] = action
        self.actions_by_name["undo"].setShortcuts(["Ctrl+Z"])
        self.actions_by_name["redo"].setShortcuts(["Ctrl+Shift+Z", "Ctrl+Y"])

    def _make_menus(self) -> None:
        bar = self.menuBar()
        bar.setNativeMenuBar(bar.isNativeMenuBar())
        self._menus: dict[str, QMenu] = {}
        for name, title in (("file", "&File"), ("edit", "&Edit"), ("run", "&Run"), ("view", "&View"), ("help", "&Help")):
            menu = bar.addMenu(title)
            menu.setObjectName(f"window.menu.{name}")
            menu.setToolTipsVisible(True)
            self._menus[name] = menu
        themes = QActionGroup(self)
        for name in ("theme_system", "theme_light", "theme_dark"):
            themes.addAction(self.actions_by_name[name])
        self.actions_by_name[f"theme_{self._mode}"].setChecked(True)
        self.actions_by_name["presentation"].setChecked(self.theme.presentation)

    def _make_status_bar(self) -> None:
        self.worker_label = QLabel(LOADING, self)
        self.worker_label.setObjectName("window.worker_state")
        self.worker_label.setAccessibleName("State of PyTorch")
        self.worker_label.setToolTip("PyTorch: its version, threads and device.")
        self.statusBar().setObjectName("window.status")
        self.statusBar().setSizeGripEnabled(False)
        self.worker_label.setContentsMargins(8, 0, 8, 0)
        self.statusBar().addPermanentWidget(self.worker_label)
        self.statusBar().setVisible(not self.theme.presentation)

    def _connect(self) -> None:
        by_name = self.actions_by_name
        by_name["quit"].triggered.connect(self.close)
        by_name["presentation"].toggled.connect(self._on_presentation)
        by_name["full_screen"].toggled.connect(self._on_full_screen)
        for name in ("theme_system", "theme_light", "theme_dark"):
            by_name[name].triggered.connect(self._on_theme)
        for name in ("fold_left", "fold_right"):
            by_name[name].triggered.connect(self._on_fold)
        for tab in self.tabs:
            tab.refused.connect(self.say_problem)
            tab.status.connect(self._show_worker)
            tab.hint.connect(self._show_hint)
            tab.built.connect(self._fill_run_menu)
            tab.folds_changed.connect(self._show_folds)
            tab.controller.committed.connect(self.changed)
            tab.actions_by_name["about_page"].triggered.connect(self.show_about_page)
        self.tab_bar.currentChanged.connect(self._on_tab)
        by_name["next_tab"].triggered.connect(self.next_tab)
        by_name["previous_tab"].triggered.connect(self.previous_tab)
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._on_scheme)
        self.undo_group.setActiveStack(self.tab.controller.history.stack)

    def _blank_icons(self) -> None:
        """Keep the toolbar's places: its drawings are loaded after the first paint."""
        side = self.theme.px(18)
        empty = QPixmap(side, side)
        empty.fill(Qt.GlobalColor.transparent)
        blank = QIcon(empty)
        self.tool_bar.setIconSize(QSize(side, side))
        for actions in (self.actions_by_name, *(tab.actions_by_name for tab in self.tabs)):
            for action in actions.values():
                action.setIcon(blank)
                action.setIconVisibleInMenu(False)

    # Menus and toolbar, filled anew for the tab in front.

    @property
    def tab(self) -> ExperimentTab:
        """The tab in front."""
        return self.tabs[max(0, self.tab_bar.currentIndex())]

    def _fill(self) -> None:
        by_name, own = self.actions_by_name, self.tab.actions_by_name

        def fill(menu: str, *groups: tuple[QAction, ...]) -> None:
            self._menus[menu].clear()
            for index, group in enumerate(groups):
                if index:
                    self._menus[menu].addSeparator()
                self._menus[menu].addActions(list(group))

        window = by_name.__getitem__
        fill("file", tuple(map(window, ("open_session", "save_session", "save_session_as"))),
             (own["export_figure"], own["export_all"]), (window("quit"),))
        fill("edit", (window("undo"), window("redo")), (own["copy_figure"], own["copy_code"]))
        fill("view", tuple(map(window, ("theme_system", "theme_light", "theme_dark"))),
             tuple(map(window, ("presentation", "full_screen"))), tuple(map(window, ("fold_left", "fold_right"))),
             (own["fit"],), tuple(map(window, ("next_tab", "previous_tab"))))
        fill("help", (own["about_page"],), (window("shortcuts"), window("about")))
        self._fill_run_menu()
        self._fill_tool_bar()
        self._show_folds(*self.tab.open_panels)

    @Slot()
    def _fill_run_menu(self) -> None:
        menu = self._menus["run"]
        menu.clear()
        for action in self.tab.run_actions:
            if action is self.tab.actions_by_name["cancel"] and menu.actions():
                menu.addSeparator()
            menu.addAction(action)

    def _fill_tool_bar(self) -> None:
        by_name, own = self.actions_by_name, self.tab.actions_by_name
        self.tool_bar.clear()
        for group in (
            (by_name["open_session"], by_name["save_session"]), (by_name["undo"], by_name["redo"]),
            (own["export_figure"], own["copy_figure"]), (by_name["presentation"],),
            (by_name["fold_left"], by_name["fold_right"]),
        ):
            if self.tool_bar.actions():
                self.tool_bar.addSeparator()
            for action in group:
                self.tool_bar.addAction(action)
                button = self.tool_bar.widgetForAction(action)
                button.setObjectName(f"{action.objectName()}.button")
                button.setAccessibleName(action.text().replace("&", "").rstrip("…"))
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    # Made after the first paint.

    def begin(self, desk: Callable[[MainWindow], Desk], first: str | None = None) -> None:
        """Make what is left, in short steps. Call once, when the window has been painted.

        Args:
            desk: makes the part of the window that asks for files; it restores the last session.
            first: name of the tab to show; None: the session's.
        """
        self.steps.add(self._finish(desk, first))

    def _finish(self, desk: Callable[[MainWindow], Desk], first: str | None) -> Iterator[None]:
        self.desk = desk(self)
        yield
        self.desk.restore()
        yield
        if first is not None:
            self.show_tab(first)
        self.tab.begin()
        for actions, specs in ((self.actions_by_name, WINDOW), *((tab.actions_by_name, TAB) for tab in self.tabs)):
            dress(actions, specs, self.theme)
            yield
        self._dress_undo()

    def _dress_undo(self) -> None:
        from visualizer.ui.widgets.icons import icon

        for name in ("undo", "redo"):
            self.actions_by_name[name].setIcon(icon(name, self.theme))

    def show_tab(self, name: str) -> None:
        """Bring the tab of this experiment to the front."""
        for index, tab in enumerate(self.tabs):
            if tab.experiment.name == name:
                self.tab_bar.setCurrentIndex(index)

    @Slot()
    def next_tab(self) -> None:
        self.tab_bar.setCurrentIndex((self.tab_bar.currentIndex() + 1) % len(self.tabs))

    @Slot()
    def previous_tab(self) -> None:
        self.tab_bar.setCurrentIndex((self.tab_bar.currentIndex() - 1) % len(self.tabs))

    @Slot(int)
    def _on_tab(self, index: int) -> None:
        self._stack.setCurrentIndex(index)
        self._show_worker()
        self.undo_group.setActiveStack(self.tab.controller.history.stack)
        self._fill()
        if self.desk is not None:
            self.tab.begin()
        if self._libraries:
            self.tab.set_libraries_ready()
        self.changed.emit()

    # Sessions.

    def session(self) -> Session:
        """The state of all tabs."""
        from visualizer.sessions.schema import Session

        return Session({tab.experiment.name: tab.controller.state for tab in self.tabs}, self.tab.experiment.name)

    def show_session(self, session: Session) -> None:
        """Show the state of all tabs."""
        for tab in self.tabs:
            state = session.states.get(tab.experiment.name)
            if state is not None:
                tab.controller.restore(state)
        self.show_tab(session.active)

    # What the worker says.

    @Slot(object)
    def receive(self, message: Message) -> None:
        """Take a message of the worker to where it belongs."""
        match message:
            case Update() | Failed() | Cancelled():
                for tab in self.tabs:
                    if tab.experiment.name == message.experiment:
                        tab.receive(message)
            case Loading() | Ready() | Broken():
                self.worker_status = message
                self._show_worker()
                if isinstance(message, Broken):
                    self.say_problem(message.sentence, message.details)
                if not isinstance(message, Loading):
                    for tab in self.tabs:
                        tab.controller.set_loaded()

    @Slot()
    def libraries_ready(self) -> None:
        """Plots can be made without a stall."""
        self._libraries = True
        self.tab.set_libraries_ready()

    # What is said to the user.

    @Slot(str)
    def say(self, sentence: str) -> None:
        """A sentence in the status bar, for a while."""
        self.statusBar().showMessage(sentence, 8000)

    @Slot(str, str)
    def say_problem(self, sentence: str, details: str) -> None:
        """A sentence across the window, until it is closed."""
        if self._banner is None:
            from visualizer.ui.widgets.banner import Banner

            self._banner = Banner(self.theme, self.centralWidget())
            self._central.insertWidget(0, self._banner)
        self._banner.show_message(sentence, details, "bad")

    @property
    def problem_text(self) -> str:
        """What the banner says; empty when there is none."""
        return self._banner.message if self._banner is not None else ""

    @Slot(str)
    def _show_hint(self, sentence: str) -> None:
        self.statusBar().showMessage(sentence)

    @Slot()
    def _show_worker(self) -> None:
        """What the worker is, and what it does for the tab in front."""
        worker = self.worker_status
        match worker:
            case Ready():
                threads = f"{worker.threads} thread{'s' * (worker.threads != 1)}"
                words = [f"PyTorch {worker.torch_version}", threads, ", ".join(worker.devices)]
            case Broken():
                words = ["PyTorch is not available"]
            case _:
                words = [LOADING if worker.what == "torch" else f"Loading {worker.what} …"]
        self.worker_label.setText(" · ".join(filter(None, [*words, self.tab.activity_word])))

    @Slot()
    def show_about_page(self) -> None:
        view = self.tab.experiment.view(self.tab.controller.state)
        box = QMessageBox(self)
        box.setObjectName("window.about_page")
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setWindowTitle(f"{self.tab.experiment.title}: {view.title}")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setText(view.help)
        box.setInformativeText(self.tab.experiment.summary)
        box.open()

    # Look.

    def _theme(self, presentation: bool) -> Theme:
        mode = system_mode() if self._mode == "system" else "dark" if self._mode == "dark" else "light"
        return Theme(mode, presentation)

    def set_look(self, mode: str, presentation: bool) -> None:
        """Change the theme of everything; ``mode`` is "system", "light" or "dark"."""
        self._mode = mode
        theme = self._theme(presentation)
        self.actions_by_name[f"theme_{mode}"].setChecked(True)
        self.actions_by_name["presentation"].setChecked(presentation)
        if theme == self.theme:
            return
        self.theme = theme
        style_application(_application(), theme)
        # On a projector its row belongs to the figures; what is urgent is in the banner.
        self.statusBar().setVisible(not presentation)
        self.tool_bar.setIconSize(QSize(theme.px(18), theme.px(18)))
        dress(self.actions_by_name, WINDOW, theme)
        self._dress_undo()
        for tab in self.tabs:
            tab.set_theme(theme)
        if self._banner is not None:
            self._banner.set_theme(theme)

    @Slot()
    def _on_theme(self) -> None:
        name = self.sender().objectName().removeprefix("window.theme_")
        self.set_look(name, self.theme.presentation)

    @Slot(bool)
    def _on_presentation(self, on: bool) -> None:
        self.set_look(self._mode, on)

    @Slot()
    def _on_scheme(self) -> None:
        if self._mode == "system":
            self.set_look("system", self.theme.presentation)

    @Slot(bool)
    def _on_full_screen(self, on: bool) -> None:
        self.setWindowState(
            self.windowState() | Qt.WindowState.WindowFullScreen if on
            else self.windowState() & ~Qt.WindowState.WindowFullScreen
        )

    @Slot()
    def _on_fold(self) -> None:
        self.tab.forget_folding()
        self.tab.set_open(*(self.actions_by_name[name].isChecked() for name in ("fold_left", "fold_right")))

    @Slot(bool, bool)
    def _show_folds(self, left: bool, right: bool) -> None:
        sender: QObject | None = self.sender()
        if isinstance(sender, ExperimentTab) and sender is not self.tab:
            return
        self.actions_by_name["fold_left"].setChecked(left)
        self.actions_by_name["fold_right"].setChecked(right)

    # Going.

    def _restore_geometry(self) -> None:
        screen = QGuiApplication.primaryScreen()
        room = screen.availableSize() if screen is not None else DEFAULT_SIZE
        self.resize(DEFAULT_SIZE.boundedTo(room))
        remembered = self.settings.data("window/geometry")
        if not remembered.isEmpty():
            self.restoreGeometry(remembered)
        self.actions_by_name["full_screen"].setChecked(self.isFullScreen())

    def _save_settings(self) -> None:
        self.settings.put("window/geometry", QByteArray(self.saveGeometry()))
        self.settings.put("window/theme", self._mode)
        self.settings.put("window/presentation", self.theme.presentation)
        for tab in self.tabs:
            tab.save_layout()
        self.settings.save()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.steps.stop()
        for tab in self.tabs:
            tab.close_down()
        if self.desk is not None:
            self.desk.keep()
        self._save_settings()
        self.closing.emit()
        event.accept()


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication), "a window needs an application"
    return application
