"""Files that stand for values of an experiment (a model, a capture): opened from the menu, or dropped onto the window.

Which experiment takes a file is the experiments' to say; nothing that a file holds is run by opening it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, Slot
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent

from visualizer.base.errors import UserError
from visualizer.ui.asking import Asker

if TYPE_CHECKING:
    from collections.abc import Callable

    from visualizer.ui.interior import Interior

MODELS, CAPTURES = "Python file (*.py)", "Capture (*.graph.json)"
_FOLDER = "open/folder"


class Opener(QObject):
    """Opens such files.

    Args:
        interior: what is inside the window.
        asker: asks which file.
        open_session: opens a session that was dropped onto the window.
        parent: the owner.
    """

    def __init__(self, interior: Interior, asker: Asker, open_session: Callable[[Path], object], parent: QObject) -> None:
        super().__init__(parent)
        self._interior = interior
        self._asker = asker
        self._open_session = open_session
        by_name = interior.actions_by_name
        by_name["open_model"].triggered.connect(self.ask_model)
        by_name["open_capture"].triggered.connect(self.ask_capture)
        for tab in interior.tabs:
            tab.programs.browse_requested.connect(self.ask_model)
        interior.window.setAcceptDrops(True)
        interior.window.installEventFilter(self)

    @Slot()
    def ask_model(self) -> None:
        self._asker.open_path("Open model", self._folder(), MODELS, self.open)

    @Slot()
    def ask_capture(self) -> None:
        self._asker.open_path("Open capture", self._folder(), CAPTURES, self.open)

    def open(self, path: Path) -> None:
        """Show the tab that takes this file, with the values that it stands for; a .json that no tab takes is a session."""
        window = self._interior.window
        if path.suffix.lower() == ".json" and not path.name.lower().endswith(".graph.json"):
            self._open_session(path)
            return
        for tab in self._interior.tabs:
            try:
                values = tab.experiment.values_of(str(path))
            except UserError:
                continue
            window.settings.put(_FOLDER, str(path.parent))
            self._interior.show_tab(tab.experiment.name)
            if tab.controller.open_values(values, f"Open {path.name}"):
                tab.set_open(True, tab.open_panels[1])
                tab.programs.focus(values)
            return
        window.say_problem(f"{path.name} cannot be opened here. A model is a Python file, a capture ends in .graph.json, a session "
                           "in .json.", "")

    def _folder(self) -> Path:
        remembered = self._interior.window.settings.text(_FOLDER)
        return Path(remembered) if remembered and Path(remembered).is_dir() else Path.home()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        match event:
            case QDropEvent() if event.type() == QEvent.Type.Drop:
                if (file := _file_of(event)) is not None:
                    event.acceptProposedAction()
                    self.open(file)
                    return True
            case QDragEnterEvent() | QDragMoveEvent():
                if _file_of(event) is not None:
                    event.acceptProposedAction()
                    return True
        return super().eventFilter(watched, event)


def _file_of(event: QDropEvent) -> Path | None:
    """The one file that is dragged, if it is one of those that can be opened."""
    files = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
    return files[0] if len(files) == 1 and files[0].suffix.lower() in (".py", ".json") else None
