"""Sessions at the window: opened, saved, and kept by the program itself after every change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Slot

from visualizer.base.errors import UserError
from visualizer.ui.asking import Asker
from visualizer.ui.exporting import Teller, ask_before_replacing
from visualizer.ui.settings import Settings

if TYPE_CHECKING:
    from visualizer.base.experiment import Experiment
    from visualizer.sessions.autosave import AutosavedSession
    from visualizer.sessions.schema import Session

FILTER = "Session (*.json)"
_FOLDER = "session/folder"
#: Changes that come in a burst (a held key) are kept once.
_KEEP_MS = 100


class SessionDesk(Teller):
    """Asks for files, reads and writes sessions.

    Args:
        experiments: the catalogue.
        collect: the session as it is now.
        apply: shows a session.
        kept: the program's own copy of the last session; None: nothing is kept.
    """

    def __init__(
        self, experiments: Sequence[Experiment[Any, Any, Any]], collect: Callable[[], Session],
        apply: Callable[[Session], None], asker: Asker, settings: Settings, kept: AutosavedSession | None, parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._experiments = experiments
        self._collect = collect
        self._apply = apply
        self._asker = asker
        self._settings = settings
        self._kept = kept
        self._path: Path | None = None
        self._keeping = True
        self._timer = QTimer(self, singleShot=True, interval=_KEEP_MS)
        self._timer.timeout.connect(self.keep)

    @property
    def path(self) -> Path | None:
        """The file of this session, if it was opened or saved."""
        return self._path

    @Slot()
    def ask_open(self) -> None:
        self._asker.open_path("Open session", self._folder(), FILTER, self._open)

    def _open(self, path: Path) -> None:
        self.open(path)

    def open(self, path: Path) -> bool:
        """Show the session in this file. A file that is refused changes nothing."""
        from visualizer.sessions.files import load_session

        try:
            session = load_session(path, self._experiments)
        except UserError as error:
            self.fail("open", error)
            return False
        self._remember(path)
        self._apply(session)
        self.keep_soon()
        self.succeed("open", f"Opened {path.name}.")
        return True

    @Slot()
    def save(self) -> None:
        """Save where this session came from, or ask."""
        if self._path is None:
            self.ask_save()
        else:
            self._write(self._path)

    @Slot()
    def ask_save(self) -> None:
        suggestion = self._path or self._folder() / "session.json"
        self._asker.save_path("Save session", suggestion, FILTER, self._save_as)

    def _save_as(self, path: Path) -> None:
        if not path.suffix:
            path = path.with_name(f"{path.name}.json")
        existing = [path] if path.exists() and path != self._path else []
        ask_before_replacing(self._asker, existing, lambda: self._write(path))

    def _write(self, path: Path) -> None:
        from visualizer.sessions.files import save_session

        try:
            save_session(path, self._collect(), self._experiments)
        except UserError as error:
            self.fail("save", error)
            return
        self._remember(path)
        self.succeed("save", f"Saved {path.name}.")

    @Slot()
    def keep_soon(self) -> None:
        """Keep the session shortly after the last of several changes."""
        if not self._timer.isActive():
            self._timer.start()

    @Slot()
    def keep(self) -> None:
        """Keep the session now. The first failure is said, further ones are not."""
        self._timer.stop()
        if self._kept is None:
            return
        try:
            self._kept.write(self._collect())
            self._keeping = True
            self.succeed("keep")
        except UserError as error:
            if self._keeping:
                self._keeping = False
                self.fail("keep", error)

    def restore(self) -> None:
        """Show the session that was kept last, if there is one and it is sound."""
        if self._kept is None:
            return
        session, sentence = self._kept.read()
        if sentence:
            self.failed.emit(sentence, "")
        if session is not None:
            self._apply(session)

    def _remember(self, path: Path) -> None:
        self._path = path
        self._settings.put(_FOLDER, str(path.parent))

    def _folder(self) -> Path:
        remembered = self._settings.text(_FOLDER)
        return Path(remembered) if remembered and Path(remembered).is_dir() else Path.home()
