"""Every action of the window and of a tab, declared once: menu, toolbar, shortcut help and tests read this."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QWidget

from visualizer.base.experiment import View
from visualizer.ui.theme import Theme

Key = QKeySequence.StandardKey


@dataclass(frozen=True)
class ActionSpec:
    """One action; ``keys`` are standard keys of the platform or portable key texts.

    Attributes:
        tip: what it does, in a sentence.
        icon: name of a file in ``resources/icons``, or empty.
        role: QAction.MenuRole, for the menus of macOS.
    """

    name: str
    text: str
    tip: str
    keys: tuple[QKeySequence.StandardKey | str, ...] = ()
    icon: str = ""
    checkable: bool = False
    role: QAction.MenuRole = QAction.MenuRole.NoRole


#: Actions of the whole window; object names ``window.<name>``.
WINDOW: tuple[ActionSpec, ...] = (
    ActionSpec("open_session", "&Open session…", "Open a session: the state of all tabs.", (Key.Open,), "open"),
    ActionSpec("open_model", "Open &model…", "Open a model in a Python file; it runs when you press Run.", ("Ctrl+M",)),
    ActionSpec("open_capture", "Open &capture…", "Open a saved capture (.graph.json); no code runs.", ("Ctrl+Shift+M",)),
    ActionSpec("save_session", "&Save session", "Save the state of all tabs.", (Key.Save,), "save"),
    ActionSpec("save_session_as", "Save session &as…", "Save the state of all tabs in another file.",
               (Key.SaveAs, "Ctrl+Shift+S")),
    ActionSpec("quit", "&Quit", "Close the program.", (Key.Quit, "Ctrl+Q"), role=QAction.MenuRole.QuitRole),
    ActionSpec("theme_system", "As the &system", "Light or dark, as the system is.", checkable=True),
    ActionSpec("theme_light", "&Light", "Dark text on a light ground.", checkable=True),
    ActionSpec("theme_dark", "&Dark", "Light text on a dark ground.", checkable=True),
    ActionSpec("presentation", "&Presentation mode", "Large type and thick lines, for a projector.", ("F5",),
               "presentation", checkable=True),
    ActionSpec("full_screen", "&Full screen", "Fill the whole screen.", ("F11",), checkable=True),
    ActionSpec("fold_left", "Show &controls", "Fold the controls away, or show them again.", ("F9",), "fold-left",
               checkable=True),
    ActionSpec("fold_right", "Show &explanation", "Fold the explanation away, or show it again.", ("F10",), "fold-right",
               checkable=True),
    ActionSpec("next_tab", "&Next experiment", "Show the next tab.", ("Ctrl+Tab",)),
    ActionSpec("previous_tab", "Pre&vious experiment", "Show the tab before.", ("Ctrl+Shift+Tab",)),
    ActionSpec("shortcuts", "&Keyboard shortcuts", "Every shortcut of the program.", (Key.HelpContents, "F1"), "help"),
    ActionSpec("about", "&About visualizer", "Versions, device, and where the log file is.",
               role=QAction.MenuRole.AboutRole),
)

#: Actions of a tab beside those of its transport bar; object names ``<experiment>.<name>``.
TAB: tuple[ActionSpec, ...] = (
    ActionSpec("export_figure", "&Export figure…", "Save a figure of this page as PNG, SVG, CSV or JSON.", ("Ctrl+E",),
               "export"),
    ActionSpec("export_all", "Export all &figures…", "Save every figure of this page into a folder.",
               ("Ctrl+Shift+E",), "export-all"),
    ActionSpec("copy_figure", "Copy &figure", "Put the main figure on the clipboard as an image.", ("Ctrl+Shift+C",),
               "copy"),
    ActionSpec("copy_code", "Copy &code", "Put the PyTorch code of this result on the clipboard.", ("Ctrl+Alt+C",),
               "code"),
    ActionSpec("cancel", "&Cancel the computation", "Stop what is being computed.", ("Ctrl+.",), "cancel"),
    ActionSpec("hold", "&Hold the computation", "Hold what is being computed, or let it go on.", ("Ctrl+H",), "pause",
               checkable=True),
    ActionSpec("recompute", "C&ompute again", "Compute a result that failed or was cancelled once more.",
               ("Ctrl+F5",)),
    ActionSpec("fit", "F&it the figures", "Show all that is drawn in every figure.", ("Ctrl+0",), "fit"),
    ActionSpec("enlarge", "&Enlarge figure", "Let the figure with the keyboard, or else the main one, fill the window; "
               "again, or Esc, brings the others back.", ("F",), checkable=True),
    ActionSpec("next_preset", "Ne&xt example", "Show the next example of this page.", ("PgDown",)),
    ActionSpec("previous_preset", "Previous exam&ple", "Show the example before.", ("PgUp",)),
    ActionSpec("about_page", "&What is this page?", "What this page shows and what to try.", ("Shift+F1",), "info"),
)


def page_actions(views: Sequence[View]) -> tuple[ActionSpec, ...]:
    """One action for each page, with the digits as keys; none for a single page."""
    return tuple(
        ActionSpec(f"page_{view.name}", view.title.replace("&", "&&"), f"Turn to this page: {view.help}",
                   (f"Ctrl+{index}",) if index < 10 else (), checkable=True)
        for index, view in enumerate(views, start=1) if len(views) > 1
    )


def key_text(action: QAction) -> str:
    """The keys of an action as this platform writes them; those of no usual keyboard (Save, Exit) are left out."""
    keys: Sequence[Any] = action.shortcuts()  # PySide6's stubs do not know that a sequence has items
    usual = [key for key in keys if key[0].key() < Qt.Key.Key_Help]
    return ", ".join(key.toString(QKeySequence.SequenceFormat.NativeText) for key in usual)


def make_actions(specs: Iterable[ActionSpec], prefix: str, parent: QWidget) -> dict[str, QAction]:
    """One QAction for each spec, by name, without icons (see :func:`dress`): they cost time before the first paint."""
    made: dict[str, QAction] = {}
    for spec in specs:
        action = QAction(spec.text, parent)
        action.setObjectName(f"{prefix}.{spec.name}")
        action.setCheckable(spec.checkable)
        action.setMenuRole(spec.role)
        action.setShortcuts(_sequences(spec))
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        shown = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{spec.tip} ({shown})" if shown else spec.tip)
        action.setStatusTip(spec.tip)
        made[spec.name] = action
    return made


def _sequences(spec: ActionSpec) -> list[QKeySequence]:
    found: list[QKeySequence] = []
    for key in spec.keys:
        # A platform may know no key for a standard action (offscreen has no Quit), hence the texts beside them.
        known = [QKeySequence(key)] if isinstance(key, str) else QKeySequence.keyBindings(key)
        found += [sequence for sequence in known if not sequence.isEmpty() and sequence not in found]
    return found


def dress(actions: Mapping[str, QAction], specs: Iterable[ActionSpec], theme: Theme) -> None:
    """Give the actions their icons in the theme's colours."""
    from visualizer.ui.widgets.icons import icon

    for spec in specs:
        if spec.icon:
            actions[spec.name].setIcon(icon(spec.icon, theme))
