"""What the window remembers between two starts, in one small INI file. Whatever is damaged in it reads as absent."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QByteArray, QSettings, QStandardPaths

THEMES = ("system", "light", "dark")


class Settings:
    """Typed access to the settings file.

    Args:
        path: the file; its folder need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._store = QSettings(str(path), QSettings.Format.IniFormat)

    def text(self, key: str, default: str = "") -> str:
        value = self._store.value(key)
        return value if isinstance(value, str) else default

    def flag(self, key: str, default: bool) -> bool:
        return {"true": True, "false": False}.get(str(self._store.value(key)).lower(), default)

    def numbers(self, key: str) -> list[int]:
        """Whole numbers, e.g. a splitter's sizes; empty when there are none."""
        try:
            return [int(word) for word in self.text(key).split()][:8]
        except ValueError:
            return []

    def data(self, key: str) -> QByteArray:
        value = self._store.value(key)
        return value if isinstance(value, QByteArray) else QByteArray()

    def put(self, key: str, value: str | bool | QByteArray | list[int]) -> None:
        """Remember a value; written to the file at :meth:`save`, or soon."""
        self._store.setValue(key, " ".join(map(str, value)) if isinstance(value, list) else value)

    def save(self) -> None:
        self._store.sync()

    @property
    def theme(self) -> str:
        """``system``, ``light`` or ``dark``."""
        chosen = self.text("window/theme", "system")
        return chosen if chosen in THEMES else "system"


def settings_path() -> Path:
    """The settings file in the user's configuration folder.

    Qt is asked for the folder, and not platformdirs: this happens before the first paint, and importing that takes 4 ms.
    """
    folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericConfigLocation)
    return Path(folder) / "visualizer" / "window.ini"
