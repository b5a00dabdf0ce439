"""What is inside the window: actions, menus and toolbar, the tabs, and where the worker's messages go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication, QIcon, QKeySequence, QPixmap, QUndoGroup
from PySide6.QtWidgets import QMenu, QToolBar, QToolButton

from visualizer.base.experiment import Experiment, State
from visualizer.base.messages import Broken, Cancelled, Failed, Loading, Message, Ready, Update
from visualizer.ui.actions import TAB, WINDOW, dress, make_actions
from visualizer.ui.guards import ExampleKeyGuard
from visualizer.ui.main_window import LOADING, MainWindow
from visualizer.ui.steps import Steps
from visualizer.ui.tabs.controller import Client
from visualizer.ui.tabs.experiment_tab import ExperimentTab

if TYPE_CHECKING:
    from visualizer.sessions.schema import Session
    from visualizer.ui.desk import Desk

THEMES = ("theme_system", "theme_light", "theme_dark")
FOLDS = ("fold_left", "fold_right")


class Interior(QObject):
    """Actions, tabs and messages of one window.

    Signals:
        changed(): a state, or the tab in front, has changed: worth keeping.

    Args:
        window: the shell; also the parent.
        experiments: the tabs, in order.
        client: the worker's UI side.
    """

    changed = Signal()

    def __init__(self, window: MainWindow, experiments: Sequence[Experiment[Any, Any, Any]], client: Client) -> None:
        super().__init__(window)
        self.window = window
        self.experiments = tuple(experiments)
        self.worker_status: Loading | Ready | Broken = Loading("torch")
        self.steps = Steps(self)
        self.undo_group = QUndoGroup(self)
        self.desk: Desk | None = None
        self._client = client
        self._libraries = False
        self.actions_by_name = make_actions(WINDOW, "window", window)
        self._make_undo_actions()
        # Reached by Tab, not by a click: the arrow keys belong to the run, and Ctrl+Tab turns to the next experiment.
        window.tab_bar.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        themes = QActionGroup(self)
        for name in THEMES:
            themes.addAction(self.actions_by_name[name])
        for arrow in window.tab_bar.findChildren(QToolButton):
            # Shown where the tabs do not fit; the keyboard has the arrow keys.
            arrow.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            arrow.setToolTip("Show the tabs that do not fit.")
        # Menus of their own: with large type, the View menu would not fit a projector's height.
        for name, title in (("pages", "P&ages"), ("theme", "&Theme")):
            menu = window.menus[name] = QMenu(title, window.menus["view"])
            menu.setObjectName(f"window.menu.{name}")
        self.tabs = tuple(self._make_tab(experiment) for experiment in self.experiments)
        self._connect()
        self._blank_icons()
        self.undo_group.setActiveStack(self.tab.controller.history.stack)
        window.installEventFilter(ExampleKeyGuard(window))
        self.fill()
        self.show_look(False)
        # In place of the shell's own text; the tab says the same.
        window.stack.setCurrentWidget(self.tab)
        self.tab.area.take_focus()

    def _make_tab(self, experiment: Experiment[Any, Any, Any]) -> ExperimentTab:
        window = self.window
        tab = ExperimentTab(
            experiment, self._client, self.undo_group, self.steps, window.settings, window.theme, window.stack
        )
        window.stack.addWidget(tab)
        window.tab_bar.setTabToolTip(window.tab_bar.addTab(experiment.title), experiment.summary)
        return tab

    def _make_undo_actions(self) -> None:
        for name, action, tip in (
            ("undo", self.undo_group.createUndoAction(self.window, "Undo"), "Take the last change back."),
            ("redo", self.undo_group.createRedoAction(self.window, "Redo"), "Make the change again."),
        ):
            action.setObjectName(f"window.{name}")
            action.setStatusTip(tip)
            self.actions_by_name[name] = action
        # Offscreen, Qt knows no standard keys for these.
        self.actions_by_name["undo"].setShortcuts([QKeySequence("Ctrl+Z")])
        self.actions_by_name["redo"].setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])

    def _connect(self) -> None:
        window, by_name = self.window, self.actions_by_name
        by_name["quit"].triggered.connect(window.close)
        by_name["presentation"].toggled.connect(self._on_presentation)
        by_name["full_screen"].toggled.connect(self._on_full_screen)
        by_name["next_tab"].triggered.connect(self._next_tab)
        by_name["previous_tab"].triggered.connect(self._previous_tab)
        for name in THEMES:
            by_name[name].triggered.connect(self._on_theme)
        for name in FOLDS:
            by_name[name].triggered.connect(self._on_fold)
        for tab in self.tabs:
            tab.said.connect(window.say)
            tab.status.connect(self._show_worker)
            tab.hint.connect(window.statusBar().showMessage)
            tab.built.connect(self._fill_run_menu)
            tab.folds_changed.connect(self._show_folds)
            tab.controller.committed.connect(self.changed)
        window.tab_bar.currentChanged.connect(self._on_tab)
        QGuiApplication.styleHints().colorSchemeChanged.connect(window.follow_system)

    def _blank_icons(self) -> None:
        """Keep the toolbar's places: its drawings come a moment later."""
        side = self.window.theme.px(18)
        empty = QPixmap(side, side)
        empty.fill(Qt.GlobalColor.transparent)
        blank = QIcon(empty)
        for actions in (self.actions_by_name, *(tab.actions_by_name for tab in self.tabs)):
            for action in actions.values():
                action.setIcon(blank)
                action.setIconVisibleInMenu(False)

    def begin(
        self, make_desk: Callable[[Interior], Desk], first: str | None = None, given: State | None = None,
    ) -> Iterator[None]:
        """Make what is left, in short steps: last session, controls of the tab in front, icons.

        Args:
            make_desk: makes the part that asks for files; it restores the last session.
            first: name of the tab to show; None: the session's.
            given: the state that this tab begins with; None: the session's.
        """
        self.desk = make_desk(self)
        yield
        self.desk.restore()
        yield
        if first is not None:
            self.show_tab(first)
        if given is not None:
            self.tab.controller.restore(given)
        self.tab.begin()
        for actions, specs in ((self.actions_by_name, WINDOW), *((tab.actions_by_name, TAB) for tab in self.tabs)):
            dress(actions, specs, self.window.theme)
            yield
        self._dress_undo()

    def close_down(self) -> None:
        """Save what is to be saved, and stop everything that runs by a timer."""
        self.steps.stop()
        for tab in self.tabs:
            tab.close_down()
            tab.save_layout()
        if self.desk is not None:
            self.desk.keep()

    # Menus and toolbar, filled anew for the tab in front.

    def fill(self) -> None:
        """Put the actions of the window, and of the tab in front, into menus and toolbar."""
        window, own = self.actions_by_name.__getitem__, self.tab.actions_by_name.__getitem__

        def fill(menu: str, *groups: list[QAction]) -> None:
            empty(self.window.menus[menu])
            for index, group in enumerate(filter(None, groups)):
                if index:
                    self.window.menus[menu].addSeparator()
                self.window.menus[menu].addActions(group)

        fill("file", [window("open_session"), window("save_session"), window("save_session_as")],
             [window("open_model"), window("open_capture")], [own("export_figure"), own("export_all")], [window("quit")])
        fill("edit", [window("undo"), window("redo")], [own("copy_figure"), own("copy_code")])
        pages = list(self.tab.page_actions.values())
        fill("theme", list(map(window, THEMES)))
        fill("pages", pages)
        inner = [self.window.menus[name].menuAction() for name in ("pages", "theme")]
        fill("view", inner if pages else inner[1:], [window("presentation"), window("full_screen")],
             [*map(window, FOLDS), own("enlarge"), own("fit")],
             [window("next_tab"), window("previous_tab")])
        fill("help", [own("about_page")], [window("shortcuts"), window("about")])
        self._fill_run_menu()
        self._fill_tool_bar(
            [window("open_session"), window("save_session")], [window("undo"), window("redo")],
            [own("export_figure"), own("copy_figure")], [window("presentation")], list(map(window, FOLDS)),
        )
        self._show_folds(*self.tab.open_panels)

    @Slot()
    def _fill_run_menu(self) -> None:
        menu = self.window.menus["run"]
        empty(menu)
        for action in self.tab.run_actions:
            if action is self.tab.actions_by_name["cancel"] and menu.actions():
                menu.addSeparator()
            menu.addAction(action)

    def _fill_tool_bar(self, *groups: list[QAction]) -> None:
        bar = self.window.tool_bar
        empty(bar)
        bar.setStyleSheet("QToolBar { border: none; padding: 0px; }")
        for group in groups:
            if bar.actions():
                bar.addSeparator()
            for action in group:
                bar.addAction(action)
                button = bar.widgetForAction(action)
                button.setObjectName(f"{action.objectName()}.button")
                button.setAccessibleName(action.text().replace("&", "").rstrip("…"))
                button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    # Tabs.

    @property
    def tab(self) -> ExperimentTab:
        """The tab in front."""
        return self.tabs[max(0, self.window.tab_bar.currentIndex())]

    def show_tab(self, name: str) -> None:
        """Bring the tab of this experiment to the front."""
        for index, tab in enumerate(self.tabs):
            if tab.experiment.name == name:
                self.window.tab_bar.setCurrentIndex(index)

    @Slot()
    def _next_tab(self) -> None:
        self._turn(1)

    @Slot()
    def _previous_tab(self) -> None:
        self._turn(-1)

    def _turn(self, by: int) -> None:
        bar = self.window.tab_bar
        bar.setCurrentIndex((bar.currentIndex() + by) % len(self.tabs))

    @Slot(int)
    def _on_tab(self, index: int) -> None:
        if self.tab.theme != self.window.theme:
            self.tab.set_theme(self.window.theme)
        self.window.stack.setCurrentWidget(self.tabs[index])
        if not self.window.tab_bar.hasFocus():
            # Otherwise the stack would give it to the first control that can take it.
            self.tab.area.take_focus()
        self.undo_group.setActiveStack(self.tab.controller.history.stack)
        self.fill()
        self._show_worker()
        if self.desk is not None:
            self.tab.begin()
        if self._libraries:
            self.tab.set_libraries_ready()
        self.changed.emit()

    @Slot()
    def _on_fold(self) -> None:
        self.tab.set_open(*(self.actions_by_name[name].isChecked() for name in FOLDS))

    @Slot(bool, bool)
    def _show_folds(self, left: bool, right: bool) -> None:
        left, right = self.tab.open_panels
        self.actions_by_name["fold_left"].setChecked(left)
        self.actions_by_name["fold_right"].setChecked(right)

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
                    self.window.say_problem(message.sentence, message.details)
                if not isinstance(message, Loading):
                    for tab in self.tabs:
                        tab.controller.set_loaded()

    @Slot()
    def libraries_ready(self) -> None:
        """Plots can be made without a stall."""
        self._libraries = True
        self.tab.set_libraries_ready()

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
        self.window.worker_label.setText(" · ".join(filter(None, [*words, self.tab.activity_word])))

    # Look.

    def show_look(self, changed: bool) -> None:
        """Show the window's theme in the actions, and in everything else when it has changed."""
        window, by_name = self.window, self.actions_by_name
        by_name[f"theme_{window.mode}"].setChecked(True)
        by_name["presentation"].setChecked(window.theme.presentation)
        by_name["full_screen"].setChecked(window.isFullScreen())
        if changed:
            dress(by_name, WINDOW, window.theme)
            self._dress_undo()
            # The other tabs when they come to the front: all at once they would hold the window.
            self.tab.set_theme(window.theme)

    def _dress_undo(self) -> None:
        from visualizer.ui.widgets.icons import icon

        for name in ("undo", "redo"):
            self.actions_by_name[name].setIcon(icon(name, self.window.theme))

    @Slot()
    def _on_theme(self) -> None:
        chosen = next(name for name in THEMES if self.actions_by_name[name].isChecked())
        self.window.set_look(chosen.removeprefix("theme_"), self.window.theme.presentation)

    @Slot(bool)
    def _on_presentation(self, on: bool) -> None:
        if on != self.window.theme.presentation:
            self.window.set_look(self.window.mode, on)

    def leave(self) -> bool:
        """What Escape does that nobody else needed: the enlarged figure, the full screen or the presentation ends.

        Returns:
            Whether there was one.
        """
        tab, by_name = self.tab, self.actions_by_name
        if tab.enlarged and not self.window.theme.presentation:
            tab.toggle_enlarged()
            return True
        for name in ("full_screen", "presentation"):
            if by_name[name].isChecked():
                by_name[name].setChecked(False)
                return True
        return False

    @Slot(bool)
    def _on_full_screen(self, on: bool) -> None:
        state, full = self.window.windowState(), Qt.WindowState.WindowFullScreen
        self.window.setWindowState(state | full if on else state & ~full)


def empty(holder: QMenu | QToolBar) -> None:
    """Take all actions out, one by one: PySide6 takes what clear() removes for deleted, whoever owns it."""
    for action in holder.actions():
        holder.removeAction(action)
        if action.isSeparator():
            action.deleteLater()
