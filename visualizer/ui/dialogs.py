"""The window's own dialogs: export, keyboard shortcuts, about. All are opened without holding up the event loop."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from PySide6.QtCore import Qt, Signal, Slot, qVersion
from PySide6.QtGui import QAction, QGuiApplication, QIcon
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from visualizer import __version__
from visualizer.base.messages import Broken, Loading, Ready
from visualizer.figures.graph import GraphFigure
from visualizer.ui.actions import key_text
from visualizer.ui.exporting import FIGURE_FORMATS, FORMATS, MOST_PIXELS, ExportChoice
from visualizer.ui.theme import Theme
from visualizer.ui.widgets.help import describe, set_property

#: Pixel sizes of pictures, with what they are for.
SIZES: tuple[tuple[int, int, str], ...] = (
    (1280, 720, "1280 × 720, slide"), (1920, 1080, "1920 × 1080, full HD"), (3840, 2160, "3840 × 2160, 4K"),
)
TEXTS = (("window", "As in the window"), ("large", "Large, for slides"))
EXTENTS = (("whole", "The whole graph"), ("window", "As in the window"))
MODES = (("window", "As in the window"), ("light", "Light"), ("dark", "Dark"))


class ExportDialog(QDialog):
    """Which figure, in which format, how large.

    Signals:
        chosen(ExportChoice): the user wants it so.

    Args:
        figures: name and title of each figure of the page, the main one first.
        choice: what it was set to last time.
        formats: what can be chosen, as :data:`~visualizer.ui.exporting.FORMATS`.
        graphs: those of the figures that are graphs, by name.
    """

    chosen = Signal(object)

    def __init__(
        self, figures: Sequence[tuple[str, str]], choice: ExportChoice, theme: Theme, parent: QWidget,
        formats: Mapping[str, str] = FORMATS, graphs: Mapping[str, GraphFigure] = MappingProxyType({}),
    ) -> None:
        super().__init__(parent)
        self._theme = theme
        self._formats = formats
        self._graphs = graphs
        self.setObjectName("window.export_dialog")
        self.setWindowTitle("Export figure")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._figure = self._combo("figure", "Figure", "Which figure of this page.", figures)
        self._format = self._combo("format", "Format", "PNG is a picture, SVG a drawing that scales, CSV the numbers "
                                   "of the figure, JSON all numbers of the page.", list(formats.items()))
        self._size = self._combo(
            "size", "Size", "Pixels of the picture before the scale.",
            [*((f"{width}x{height}", title) for width, height, title in SIZES), ("", "Own size")],
        )
        self._width = self._pixels("width", "Width")
        self._height = self._pixels("height", "Height")
        self._scale = QDoubleSpinBox(self, minimum=0.5, maximum=10.0, singleStep=0.5, decimals=1, prefix="× ")
        describe(self._scale, "Scale", "Multiplies the pixels and everything that is drawn: 2 is for dense screens "
                 "and print.", "window.export.scale")
        self._mode = self._combo("theme", "Theme", "The colours of the picture, whatever the window's are.", MODES)
        self._text = self._combo("text", "Text", "How large type and lines are drawn: as in the window, or to be read "
                                 "from the last row.", TEXTS)
        self._extent = self._combo("extent", "Extent", "Of a graph the whole, in a picture large enough to read its names, or the "
                                   "part that the window shows, in exactly this size.", EXTENTS)
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        self._note.setFont(theme.font("label"))
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel, self)
        self._export: QPushButton = buttons.addButton("Export…", QDialogButtonBox.ButtonRole.AcceptRole)
        self._export.setDefault(True)
        set_property(self._export, "primary", True)
        describe(self._export, "Export", "Choose the file and write it.", "window.export.accept")
        cancel = buttons.button(QDialogButtonBox.StandardButton.Cancel)
        cancel.setIcon(QIcon())
        describe(cancel, "Cancel", "Close without exporting.", "window.export.cancel")

        size = QHBoxLayout()
        size.setSpacing(theme.px(8))
        for widget in (self._width, QLabel("×", self), self._height):
            size.addWidget(widget)
        size.addStretch(1)
        self._rows = QFormLayout()
        self._rows.setSpacing(theme.px(8))
        for label, field in (("&Figure", self._figure), ("For&mat", self._format), ("&Size", self._size),
                             ("&Pixels", size), ("S&cale", self._scale), ("&Theme", self._mode), ("Te&xt", self._text)):
            self._rows.addRow(label, field)
        if graphs:
            self._rows.insertRow(2, "&Extent", self._extent)
        else:
            self._extent.hide()
        # A row whose field is a layout has no buddy by itself.
        pixels = self._rows.labelForField(size)
        if isinstance(pixels, QLabel):
            pixels.setBuddy(self._width)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.px(16)] * 4)
        layout.setSpacing(theme.px(16))
        layout.addLayout(self._rows)
        layout.addWidget(self._note)
        layout.addWidget(buttons)
        self.setMinimumWidth(theme.px(400))

        self._set(choice)
        self._size.currentIndexChanged.connect(self._on_size)
        for combo in (self._figure, self._format, self._mode, self._text, self._extent):
            combo.currentIndexChanged.connect(self._show)
        for box in (self._width, self._height):
            box.valueChanged.connect(self._on_pixels)
        self._scale.valueChanged.connect(self._show)
        buttons.accepted.connect(self._accept)
        buttons.rejected.connect(self.reject)
        self._show()

    def _combo(self, name: str, label: str, help: str, items: Sequence[tuple[str, str]]) -> QComboBox:
        combo = QComboBox(self)
        for value, text in items:
            combo.addItem(text, value)
        describe(combo, label, help, f"window.export.{name}")
        return combo

    def _pixels(self, name: str, label: str) -> QSpinBox:
        box = QSpinBox(self, minimum=100, maximum=16_384, singleStep=10, suffix=" px")
        describe(box, label, f"{label} of the picture before the scale.", f"window.export.{name}")
        return box

    def _set(self, choice: ExportChoice) -> None:
        for combo, value in ((self._figure, choice.figure), (self._format, choice.format), (self._mode, choice.mode),
                             (self._text, choice.text), (self._extent, choice.extent)):
            combo.setCurrentIndex(max(0, combo.findData(value)))
        self._width.setValue(choice.width)
        self._height.setValue(choice.height)
        self._scale.setValue(choice.scale)
        self._match_size()

    @property
    def choice(self) -> ExportChoice:
        """What the dialog is set to."""
        return ExportChoice(
            self._figure.currentData(), self._format.currentData(), self._width.value(), self._height.value(),
            self._scale.value(), self._mode.currentData(), self._text.currentData(), self._extent.currentData(),
        )

    def _match_size(self) -> None:
        index = self._size.findData(f"{self._width.value()}x{self._height.value()}")
        self._size.setCurrentIndex(index if index >= 0 else self._size.count() - 1)

    @Slot()
    def _on_size(self) -> None:
        text = self._size.currentData()
        if text:
            width, height = map(int, text.split("x"))
            for box, value in ((self._width, width), (self._height, height)):
                box.blockSignals(True)
                box.setValue(value)
                box.blockSignals(False)
        self._show()

    @Slot()
    def _on_pixels(self) -> None:
        self._size.blockSignals(True)
        self._match_size()
        self._size.blockSignals(False)
        self._show()

    @Slot()
    def _show(self) -> None:
        choice = self.choice
        picture = choice.format in ("png", "svg")
        for row in (self._size, self._width, self._height, self._scale, self._mode, self._text):
            row.setEnabled(picture)
        self._figure.setEnabled(choice.format in FIGURE_FORMATS)
        self._extent.setEnabled(picture and (choice.figure in self._graphs or not choice.figure))
        width, height = round(choice.width * choice.scale), round(choice.height * choice.scale)
        fits = choice.format != "png" or width * height <= MOST_PIXELS
        notes = {
            "png": f"The picture has {width} × {height} pixels." if fits else
                   f"{width} × {height} pixels are too many; at most {MOST_PIXELS // 10**6} million.",
            "svg": f"A drawing of {width} × {height}; it stays sharp at any size.",
            "csv": "The numbers behind the lines, bars and markers of this figure.",
            "json": "Every number of this page, with the settings that made it.",
        }
        if choice.figure in self._graphs:
            notes["csv"] = "A row for each node, group and edge of the picture."
            if picture and fits and choice.extent == "whole":
                notes[choice.format] = self._graph_note(choice)
        self._note.setText(notes.get(choice.format) or f"{self._formats[choice.format]}.")
        self._export.setEnabled(fits)

    def _graph_note(self, choice: ExportChoice) -> str:
        """How large a picture of the whole graph becomes, and whether its names can be read."""
        from visualizer.ui.graph.export import legible, planned

        figure, theme, vector = self._graphs[choice.figure], choice.theme(self._theme), choice.format == "svg"
        scale = 1.0 if vector else choice.scale
        plan = planned(figure, choice.width, choice.height, theme, scale, vector=vector)
        what = "A drawing" if vector else "A picture"
        size = f"{what} of {round(plan.width * scale)} × {round(plan.height * scale)}"
        if not legible(figure, plan, theme):
            return f"{size}: the graph is so large that its names cannot be read. SVG, or the part in the window, has them legible."
        if (plan.width, plan.height) != (choice.width, choice.height):
            return f"{size}, larger than asked for, so that the names in the graph can be read."
        return f"{size}."

    @Slot()
    def _accept(self) -> None:
        self.chosen.emit(self.choice)
        self.accept()


class ShortcutsDialog(QDialog):
    """Every action with its keys, in the groups they are given in."""

    def __init__(
        self, groups: Sequence[tuple[str, Sequence[tuple[str, str]]]], theme: Theme, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setObjectName("window.shortcuts_dialog")
        self.setWindowTitle("Keyboard shortcuts")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        tree = QTreeWidget(self)
        tree.setColumnCount(2)
        tree.setHeaderLabels(["Action", "Keys"])
        tree.setRootIsDecorated(False)
        tree.setIndentation(theme.px(12))
        tree.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        describe(tree, "Keyboard shortcuts", "Every action with its keys.", "window.shortcuts")
        for title, rows in groups:
            head = QTreeWidgetItem(tree, [title])
            head.setFont(0, theme.font("title"))
            head.setFirstColumnSpanned(True)
            for name, keys in rows:
                QTreeWidgetItem(head, [name, keys])
        tree.expandAll()
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        tree.header().setStretchLastSection(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.px(16)] * 4)
        layout.setSpacing(theme.px(16))
        layout.addWidget(tree)
        layout.addWidget(_close_button(self))
        self.resize(theme.px(520), theme.px(560))


def shortcut_rows(actions: Sequence[QAction]) -> list[tuple[str, str]]:
    """Name and keys of each action that has keys."""
    rows = [(action.text().replace("&&", "\0").replace("&", "").replace("\0", "&").rstrip("…"), key_text(action))
            for action in actions]
    return [(name, keys) for name, keys in rows if keys]


def about_rows(worker: Loading | Ready | Broken, log_file: Path) -> list[tuple[str, str]]:
    """What the about dialog shows: versions, device, places."""
    import PySide6

    match worker:
        case Ready():
            torch = f"{worker.torch_version}, {worker.threads} thread{'s' * (worker.threads != 1)}"
            device = ", ".join(worker.devices)
        case Broken():
            torch, device = "not available", "none"
        case _:
            torch, device = "is loading", "not known yet"
    return [
        ("visualizer", __version__), ("PyTorch", torch), ("Device", device),
        ("Qt", f"{qVersion()}, PySide6 {PySide6.__version__}"), ("Python", platform.python_version()),
        ("System", platform.platform(terse=True)), ("Log file", str(log_file)),
    ]


class AboutDialog(QDialog):
    """What runs here: versions, device and the place of the log file, all of it selectable."""

    def __init__(self, rows: Sequence[tuple[str, str]], theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("window.about_dialog")
        self.setWindowTitle("About visualizer")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._rows = list(rows)
        title = QLabel("See how a neural network learns", self)
        title.setFont(theme.font("title"))
        form = QFormLayout()
        form.setHorizontalSpacing(theme.px(16))
        form.setVerticalSpacing(theme.px(8))
        for name, value in rows:
            field = QLabel(value, self)
            field.setTextFormat(Qt.TextFormat.PlainText)
            field.setWordWrap(True)
            field.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
            describe(field, name, f"{name}: {value}", f"window.about.{name.lower().replace(' ', '_')}")
            form.addRow(name, field)
        buttons = _close_button(self)
        copy = buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        describe(copy, "Copy", "Copy all of this, for a report.", "window.about.copy")
        copy.clicked.connect(self._copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(*[theme.px(16)] * 4)
        layout.setSpacing(theme.px(16))
        layout.addWidget(title)
        layout.addLayout(form)
        layout.addStretch(1)
        layout.addWidget(buttons)
        self.setMinimumWidth(theme.px(480))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText("\n".join(f"{name}: {value}" for name, value in self._rows))


def _close_button(dialog: QDialog) -> QDialogButtonBox:
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    close = buttons.button(QDialogButtonBox.StandardButton.Close)
    close.setIcon(QIcon())  # Fusion's own drawings do not go with ours
    describe(close, "Close", "Close this.", f"{dialog.objectName()}.close")
    buttons.rejected.connect(dialog.reject)
    return buttons
