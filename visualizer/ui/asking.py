"""Questions to the user. Code that asks gets an :class:`Asker`; the tests give it one that answers by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from PySide6.QtCore import QFileInfo, QObject, Qt, Slot
from PySide6.QtGui import QAbstractFileIconProvider, QIcon
from PySide6.QtWidgets import QDialog, QFileDialog, QMessageBox, QStyle, QWidget


class Asker(Protocol):
    """Every question returns at once; ``then`` is called with the answer, and not at all when there is none."""

    def save_path(self, title: str, suggestion: Path, filters: str, then: Callable[[Path], None]) -> None:
        """Where to save. The answer may be a file that exists: whoever writes asks about that with :meth:`confirm`."""

    def open_path(self, title: str, folder: Path, filters: str, then: Callable[[Path], None]) -> None:
        """Which file to open."""

    def folder(self, title: str, folder: Path, then: Callable[[Path], None]) -> None:
        """Which folder to write into."""

    def confirm(self, title: str, sentence: str, button: str, then: Callable[[], None]) -> None:
        """Whether to do it; ``button`` names the deed."""


class _Pending(QObject):
    """Keeps what is to be done with an answer as long as its dialog is open."""

    def __init__(self, dialog: QDialog, act: Callable[[], None]) -> None:
        super().__init__(dialog)
        self._act = act
        dialog.accepted.connect(self.act)

    @Slot()
    def act(self) -> None:
        self._act()


class PlainIcons(QAbstractFileIconProvider):
    """Tells folders from files and looks no further: Qt's own reads into every file, and hangs on some special ones.

    Args:
        style: whose icons are shown.
    """

    def __init__(self, style: QStyle) -> None:
        super().__init__()
        self._folder = style.standardIcon(QStyle.StandardPixmap.SP_DirIcon)
        self._file = style.standardIcon(QStyle.StandardPixmap.SP_FileIcon)

    def icon(self, what: QFileInfo | QAbstractFileIconProvider.IconType) -> QIcon:
        if isinstance(what, QFileInfo):
            return self._folder if what.isDir() else self._file
        return self._file if what == QAbstractFileIconProvider.IconType.File else self._folder

    def type(self, info: QFileInfo) -> str:
        return "Folder" if info.isDir() else "File"


class DialogAsker(QObject):
    """Asks with the platform's dialogs, none of which holds up the event loop.

    Args:
        window: the dialogs' parent.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        #: Belongs to no Qt parent, and every dialog needs it as long as it lives.
        self._icons: PlainIcons | None = None

    def save_path(self, title: str, suggestion: Path, filters: str, then: Callable[[Path], None]) -> None:
        dialog = self._dialog(title, suggestion.parent, filters)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setFileMode(QFileDialog.FileMode.AnyFile)
        # The same question on every platform, and one that a test can answer: asked by whoever writes.
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite, True)
        dialog.setDefaultSuffix(suggestion.suffix.lstrip("."))
        dialog.selectFile(suggestion.name)
        self._open(dialog, then)

    def open_path(self, title: str, folder: Path, filters: str, then: Callable[[Path], None]) -> None:
        dialog = self._dialog(title, folder, filters)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        self._open(dialog, then)

    def folder(self, title: str, folder: Path, then: Callable[[Path], None]) -> None:
        dialog = self._dialog(title, folder, "")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly, True)
        self._open(dialog, then)

    def confirm(self, title: str, sentence: str, button: str, then: Callable[[], None]) -> None:
        box = QMessageBox(QMessageBox.Icon.Warning, title, sentence, QMessageBox.StandardButton.Cancel, self._window)
        box.setObjectName("window.confirm")
        box.setTextFormat(Qt.TextFormat.PlainText)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.addButton(button, QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(QMessageBox.StandardButton.Cancel)
        _Pending(box, then)
        box.open()

    def _dialog(self, title: str, folder: Path, filters: str) -> QFileDialog:
        if self._icons is None:
            self._icons = PlainIcons(self._window.style())
        dialog = QFileDialog(self._window, title, "", filters)
        # The icons come before the folder, which is read as soon as it is known.
        dialog.setIconProvider(self._icons)
        dialog.setDirectory(str(folder))
        dialog.setObjectName("window.file_dialog")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def _open(self, dialog: QFileDialog, then: Callable[[Path], None]) -> None:
        def answer() -> None:
            chosen: Any = dialog.selectedFiles()
            if chosen:
                then(Path(chosen[0]))

        _Pending(dialog, answer)
        dialog.open()
