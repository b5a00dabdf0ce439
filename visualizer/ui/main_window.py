"""The window's shell: what is painted first, and what stays the same whichever tab is in front.

Only what is needed for the first paint is imported here, and not even the name Qt, whose 94 enums PySide6 builds when
it is first imported (16 ms). All that is inside (actions, tabs, the worker's messages) is the
:class:`~visualizer.ui.interior.Interior`, which is imported and made afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Signal, Slot
from PySide6.QtGui import QCloseEvent, QGuiApplication, QKeyEvent, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QMainWindow,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from visualizer.figures.palette import Mode
from visualizer.ui.settings import Settings
from visualizer.ui.theme import Theme, style_application, system_mode

if TYPE_CHECKING:
    from visualizer.ui.interior import Interior
    from visualizer.ui.notice import Notice
    from visualizer.ui.tabs.experiment_tab import ExperimentTab
    from visualizer.ui.widgets.banner import Banner

DEFAULT_SIZE = QSize(1440, 900)
#: What a window manager puts around the window, generously; Qt knows it only once the window is shown.
FRAME = QSize(16, 40)
LOADING = "PyTorch is loading …"
MENUS = (("file", "&File"), ("edit", "&Edit"), ("run", "&Run"), ("view", "&View"), ("help", "&Help"))
SAID_MS = 8000
#: Over a figure it is sooner in the way.
PRESENTED_MS = 3000


class MainWindow(QMainWindow):
    """The window.

    Signals:
        closing(): the window is about to go; what is to be saved is saved now.

    Args:
        settings: what the window remembers.
        make_interior: makes what is inside; called once, after the first paint or when it is first asked for.
        mode: "system", "light" or "dark"; None: as remembered.
        presentation: begin in presentation mode; None: as remembered.
    """

    closing = Signal()

    def __init__(
        self, settings: Settings, make_interior: Callable[[MainWindow], Interior], mode: str | None = None,
        presentation: bool | None = None,
    ) -> None:
        super().__init__()
        self.setObjectName("window")
        self.setWindowTitle("visualizer")
        self.settings = settings
        self.mode = mode or settings.theme
        if presentation is None:
            presentation = settings.flag("window/presentation", False)
        # Asking for the system's scheme needs the name Qt: the first guess is by its palette, follow_system is exact.
        dark = QGuiApplication.palette().color(QPalette.ColorRole.Window).lightness() < 128
        guess: Mode = "dark" if dark else "light"
        self.theme = Theme(guess if self.mode == "system" else "dark" if self.mode == "dark" else "light", presentation)
        self._make_interior = make_interior
        self._interior: Interior | None = None
        self._banner: Banner | None = None
        self._notice: Notice | None = None
        style_application(_application(), self.theme)
        self._make_central()
        self.menus: dict[str, QMenu] = {}
        for name, title in MENUS:
            self.menus[name] = self.menuBar().addMenu(title)
            self.menus[name].setObjectName(f"window.menu.{name}")
        self._make_status_bar()
        self._restore_geometry()

    def _make_central(self) -> None:
        central = self._central = QWidget(self)
        self.tab_bar = QTabBar(central)
        self.tab_bar.setObjectName("window.tabs")
        self.tab_bar.setDrawBase(False)
        self.tab_bar.setExpanding(False)
        self.tab_bar.setAccessibleName("Experiments")
        self.tab_bar.setToolTip("The experiments; Ctrl+Tab goes to the next one.")
        # Beside the tabs, not over them: a row of the window's height more for the figures.
        self.tool_bar = QToolBar("Tools", central)
        self.tool_bar.setObjectName("window.toolbar")
        self.tool_bar.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.head = QWidget(central)
        row = QHBoxLayout(self.head)
        row.setContentsMargins(0, 0, 4, 0)
        row.setSpacing(8)
        tabs = QVBoxLayout()
        tabs.addStretch(1)
        tabs.addWidget(self.tab_bar)
        row.addLayout(tabs, 1)
        row.addWidget(self.tool_bar)
        self.stack = QStackedWidget(central)
        self.stack.addWidget(_centred(QLabel(LOADING)))
        self._column = QVBoxLayout(central)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addWidget(self.head)
        self._column.addWidget(self.stack, 1)
        self.setCentralWidget(central)
        self._reserve()

    def _reserve(self) -> None:
        """Room for tabs and tools, so that nothing jumps when they come."""
        self.head.setMinimumHeight(self.theme.px(36))
        self.tool_bar.setIconSize(QSize(self.theme.px(18), self.theme.px(18)))

    def _make_status_bar(self) -> None:
        self.worker_label = QLabel(LOADING, self)
        self.worker_label.setObjectName("window.worker_state")
        self.worker_label.setAccessibleName("State of PyTorch")
        self.worker_label.setToolTip("PyTorch: its version, threads and device; and what is being done.")
        self.worker_label.setContentsMargins(8, 0, 8, 0)
        bar = self.statusBar()
        bar.setObjectName("window.status")
        bar.setSizeGripEnabled(False)
        bar.addPermanentWidget(self.worker_label)
        bar.setVisible(not self.theme.presentation)

    # What is inside.

    @property
    def interior(self) -> Interior:
        """What is inside; made now if it has not been yet."""
        if self._interior is None:
            self._interior = self._make_interior(self)
        return self._interior

    @property
    def tabs(self) -> tuple[ExperimentTab, ...]:
        """All tabs, in order."""
        return self.interior.tabs

    @property
    def tab(self) -> ExperimentTab:
        """The tab in front."""
        return self.interior.tab

    def show_tab(self, name: str) -> None:
        """Bring the tab of this experiment to the front."""
        self.interior.show_tab(name)

    # What is said to the user.

    @Slot(str)
    def say(self, sentence: str) -> None:
        """A sentence in the status bar, for a while; on a projector, which has none, floating over the figures."""
        if not self.theme.presentation:
            self.statusBar().showMessage(sentence, SAID_MS)
            return
        if self._notice is None:
            from visualizer.ui.notice import Notice

            self._notice = Notice(self.theme, self._central)
        self._notice.say(sentence, PRESENTED_MS)

    @Slot(str, str)
    def say_problem(self, sentence: str, details: str) -> None:
        """A sentence across the window, until it is closed."""
        if self._banner is None:
            from visualizer.ui.widgets.banner import Banner

            self._banner = Banner(self.theme, self._central)
            self._column.insertWidget(0, self._banner)
        self._banner.show_message(sentence, details, "bad")

    @Slot(str)
    def take_back(self, sentence: str) -> None:
        """Close the banner if this is what it says."""
        if self._banner is not None and self._banner.message == sentence:
            self._banner.clear()

    @property
    def notice_text(self) -> str:
        """What floats over the figures; empty when nothing does."""
        return self._notice.message if self._notice is not None else ""

    @property
    def problem_text(self) -> str:
        """What the banner says; empty when there is none."""
        return self._banner.message if self._banner is not None else ""

    # Look.

    def _themed(self, presentation: bool) -> Theme:
        mode = system_mode() if self.mode == "system" else "dark" if self.mode == "dark" else "light"
        return Theme(mode, presentation)

    def set_look(self, mode: str, presentation: bool) -> None:
        """Change the theme of everything; ``mode`` is "system", "light" or "dark"."""
        self.mode = mode
        theme = self._themed(presentation)
        changed, self.theme = theme != self.theme, theme
        if changed:
            style_application(_application(), theme)
            # On a projector its row belongs to the figures.
            self.statusBar().setVisible(not presentation)
            self._reserve()
            if self._banner is not None:
                self._banner.set_theme(theme)
            if self._notice is not None:
                self._notice.set_theme(theme)
        if self._interior is not None:
            self._interior.show_look(changed)

    @Slot()
    def follow_system(self) -> None:
        """Light or dark as the system has become, if the window follows it."""
        if self.mode == "system":
            self.set_look("system", self.theme.presentation)

    # Coming and going.

    def _restore_geometry(self) -> None:
        self.resize(DEFAULT_SIZE)
        remembered = self.settings.data("window/geometry")
        restored = not remembered.isEmpty() and self.restoreGeometry(remembered)
        if not (restored and (self.isMaximized() or self.isFullScreen())):
            self._fit_screen(moved=restored)

    def _fit_screen(self, moved: bool) -> None:
        """Keep window and frame on the screen; the place is the system's to choose as long as all fits there."""
        screen = QGuiApplication.screenAt(self.geometry().center()) if moved else None
        screen = screen or QGuiApplication.primaryScreen()
        # All screens may be unplugged.
        room = screen.availableGeometry() if screen is not None else QRect(self.pos(), self.size() + FRAME)
        fitting = self.size().boundedTo(room.size() - FRAME)
        if fitting == self.size() and not moved:
            return
        self.resize(fitting)
        whole, corner = fitting + FRAME, self.pos() if moved else room.topLeft()
        self.move(
            max(room.left(), min(corner.x(), room.left() + room.width() - whole.width())),
            max(room.top(), min(corner.y(), room.top() + room.height() - whole.height())),
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Comes here when nobody with the focus, nor around it, needed the key.
        escape = event.matches(QKeySequence.StandardKey.Cancel)
        if not (escape and self._interior is not None and self._interior.leave()):
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._interior is not None:
            self._interior.close_down()
        self.settings.put("window/geometry", self.saveGeometry())
        self.settings.put("window/theme", self.mode)
        self.settings.put("window/presentation", self.theme.presentation)
        self.settings.save()
        self.closing.emit()
        event.accept()


def _centred(label: QLabel) -> QWidget:
    """The label in the middle of a page, by layouts: an alignment would need the name Qt."""
    page = QWidget()
    row = QHBoxLayout(page)
    row.addStretch(1)
    row.addWidget(label)
    row.addStretch(1)
    return page


def _application() -> QApplication:
    application = QApplication.instance()
    assert isinstance(application, QApplication), "a window needs an application"
    return application
