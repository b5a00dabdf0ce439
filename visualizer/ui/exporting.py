"""Figures and numbers out of the window, into files and onto the clipboard. What exists is never replaced unasked."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, QSize, QStandardPaths, Signal
from PySide6.QtGui import QGuiApplication

from visualizer.base.errors import UserError
from visualizer.figures.graph import GraphFigure
from visualizer.ui.asking import Asker
from visualizer.ui.settings import Settings
from visualizer.ui.theme import Theme

if TYPE_CHECKING:
    from visualizer.base.experiment import Experiment
    from visualizer.figures.graph import AnyFigure
    from visualizer.ui.graph.viewport import Rect

FORMATS: dict[str, str] = {
    "png": "PNG picture", "svg": "SVG drawing", "csv": "CSV table of what is drawn", "json": "JSON, all numbers",
}
#: Formats of a figure, each of its own; the others, those of an experiment among them, are of the page.
FIGURE_FORMATS = ("png", "svg", "csv")
#: Width times height times scale twice: what plots/export draws at most.
MOST_PIXELS = 100_000_000
_FOLDER = "export/folder"


@dataclass(frozen=True)
class ExportChoice:
    """What the export dialog was set to.

    Attributes:
        figure: name of the figure; empty: every figure of the page.
        format: one of :data:`FORMATS`, or of those that the experiment itself offers.
        width, height: pixels before ``scale``.
        mode: the theme of the picture; "window": as the window is.
        text: "large" for slides: the type and strokes of presentation mode.
        extent: of a graph the whole, or what the window shows of it.
    """

    figure: str = ""
    format: str = "png"
    width: int = 1920
    height: int = 1080
    scale: float = 1.0
    mode: Literal["window", "light", "dark"] = "window"
    text: Literal["window", "large"] = "window"
    extent: Literal["whole", "window"] = "whole"

    def theme(self, window: Theme) -> Theme:
        mode = window.mode if self.mode == "window" else self.mode
        return Theme(mode, window.presentation or self.text == "large")


@dataclass(frozen=True, eq=False)
class Exportable:
    """A page as it is shown now.

    Attributes:
        seen: the part of each graph that the window shows, in the units of its drawing.
    """

    experiment: Experiment[Any, Any, Any]
    state: Any
    result: Any
    figures: tuple[AnyFigure, ...]
    theme: Theme
    seen: Mapping[str, Rect] = field(default_factory=dict)

    @property
    def formats(self) -> dict[str, str]:
        """What it can be written as: suffix without its first dot, and what it is."""
        return FORMATS | dict(self.experiment.formats)

    @property
    def graphs(self) -> dict[str, GraphFigure]:
        """Those of the figures that are graphs, by name."""
        return {figure.name: figure for figure in self.figures if isinstance(figure, GraphFigure)}


class Teller(QObject):
    """Says what came of its deeds, and takes a failure back when the same kind of deed succeeds later.

    Signals:
        done(str): a sentence for the status bar.
        failed(str, str): sentence and details.
        mended(str): a sentence that was said with ``failed`` and no longer holds.
    """

    done = Signal(str)
    failed = Signal(str, str)
    mended = Signal(str)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._said: dict[str, str] = {}

    def fail(self, kind: str, error: UserError) -> None:
        """Say a failure of this kind of deed."""
        self._said[kind] = error.sentence
        self.failed.emit(error.sentence, error.details)

    def succeed(self, kind: str, sentence: str = "") -> None:
        """Say a success (empty: silently), and take back this kind's last failure."""
        stale = self._said.pop(kind, "")
        if stale:
            self.mended.emit(stale)
        if sentence:
            self.done.emit(sentence)


class Exporter(Teller):
    """Asks where, asks before replacing, writes atomically, and says what came of it."""

    def __init__(self, asker: Asker, settings: Settings, parent: QObject) -> None:
        super().__init__(parent)
        self._asker = asker
        self._settings = settings

    def export(self, page: Exportable, choice: ExportChoice) -> None:
        """Ask for a file and write one figure (or, in a format of the page, all of it) into it."""
        try:
            refuse_size(choice)
        except UserError as error:
            self.fail("export", error)
            return
        name = f"{page.experiment.name}-{choice.figure}" if choice.format in FIGURE_FORMATS else page.experiment.name

        def write(path: Path) -> None:
            self._write_all({_with_suffix(path, choice.format): choice.figure}, page, choice)

        self._asker.save_path(
            "Export figure", self._folder() / f"{name}.{choice.format}",
            f"{page.formats[choice.format]} (*.{choice.format})", write,
        )

    def export_all(self, page: Exportable, choice: ExportChoice) -> None:
        """Ask for a folder and write every figure of the page into it."""
        try:
            refuse_size(choice)
        except UserError as error:
            self.fail("export", error)
            return

        def write(folder: Path) -> None:
            names = [figure.name for figure in page.figures] if choice.format in FIGURE_FORMATS else [""]
            stem = page.experiment.name
            files = {folder / f"{stem}{'-' * bool(name)}{name}.{choice.format}": name for name in names}
            self._write_all(files, page, choice)

        self._asker.folder("Export all figures into a folder", self._folder(), write)

    def copy(self, page: Exportable, figure: AnyFigure, size: QSize) -> None:
        """Put a figure on the clipboard as an image of this size, at twice its pixels; of a graph what is seen of it."""
        from visualizer.ui.plots.export import render_image

        image = render_image(figure, size.width(), size.height(), page.theme, 2.0, page.seen.get(figure.name))
        QGuiApplication.clipboard().setImage(image)
        self.succeed("copy", f"“{figure.title}” is on the clipboard.")

    def _write_all(self, files: dict[Path, str], page: Exportable, choice: ExportChoice) -> None:
        existing = [path for path in files if os.path.lexists(path)]

        def write() -> None:
            try:
                for path, name in files.items():
                    write_export(path, name, page, choice)
            except UserError as error:
                self.fail("export", error)
                return
            first = next(iter(files))
            self._settings.put(_FOLDER, str(first.parent))
            many = len(files) > 1
            self.succeed("export", f"Saved {len(files)} files in {first.parent}." if many else f"Saved {first}.")

        ask_before_replacing(self._asker, existing, write)

    def _folder(self) -> Path:
        remembered = Path(self._settings.text(_FOLDER))
        if self._settings.text(_FOLDER) and remembered.is_dir():
            return remembered
        pictures = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation)
        return Path(pictures) if pictures and Path(pictures).is_dir() else Path.home()


def ask_before_replacing(asker: Asker, existing: list[Path], write: Callable[[], None]) -> None:
    """Write at once when nothing is replaced, otherwise only after a yes."""
    if not existing:
        write()
        return
    what = existing[0].name if len(existing) == 1 else f"{existing[0].name} and {len(existing) - 1} more"
    verb = "exists" if len(existing) == 1 else "exist"
    asker.confirm("Replace?", f"{what} already {verb} in {existing[0].parent}. Replace?", "Replace", write)


def refuse_size(choice: ExportChoice) -> None:
    """Raise a UserError for a picture that would not fit into memory."""
    if choice.format == "png" and choice.width * choice.height * choice.scale**2 > MOST_PIXELS:
        raise UserError(
            f"{choice.width} × {choice.height} at scale {choice.scale:g} is too large; "
            f"a picture may have {MOST_PIXELS // 10**6} million pixels."
        )


def write_export(path: Path, figure_name: str, page: Exportable, choice: ExportChoice) -> None:
    """Write one file of this export, atomically; an existing one is replaced.

    Raises:
        UserError: it cannot be written; whatever was there is untouched.
    """
    from visualizer.base.files import write_atomically

    if choice.format == "json":
        write_atomically(path, numbers_json(page))
        return
    if choice.format in page.experiment.formats:
        write_atomically(path, page.experiment.document(choice.format, page.result, page.state))
        return
    figure = next(figure for figure in page.figures if figure.name == figure_name)
    from visualizer.ui.plots.export import save_figure

    save_figure(
        figure, path, size=(choice.width, choice.height), scale=choice.scale, theme=choice.theme(page.theme),
        seen=page.seen.get(figure_name) if choice.extent == "window" else None,
    )


def numbers_json(page: Exportable) -> bytes:
    """All numbers of the page, with the state that they came from, as the command line writes them."""
    from visualizer.base.json_text import json_text
    from visualizer.base.numbers import numbers_document

    return json_text(numbers_document(page.experiment, page.result, page.state)).encode("utf-8", "backslashreplace")


def _with_suffix(path: Path, format: str) -> Path:
    """The path as typed, with the format's suffix if another or none was typed."""
    last = f".{format.rpartition('.')[2]}"
    if not path.name.lower().endswith(f".{format}") and path.suffix.lower() == last != f".{format}":
        path = path.with_suffix("")  # the dialog itself adds the last part of a suffix such as graph.json
    return path if path.name.lower().endswith(f".{format}") else path.with_name(f"{path.name}.{format}")
