"""The style sheet of the application: what Fusion and a palette alone cannot say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from visualizer.base.resources import resource
from visualizer.base.roles import Role

if TYPE_CHECKING:
    from visualizer.ui.theme import Theme


def blend(first: str, second: str, share: float) -> str:
    """The colour that lies ``share`` of the way from ``first`` to ``second`` (both ``#rrggbb``)."""
    pairs = ((int(first[i:i + 2], 16), int(second[i:i + 2], 16)) for i in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def stylesheet(theme: Theme) -> str:
    """The whole style sheet for one theme. Sizes follow the 8-pixel grid times the theme's zoom."""
    colours = theme.palette

    def px(size: float) -> str:
        return f"{round(size * theme.zoom)}px"

    border = blend(colours.background, colours.text, 0.24)
    values = {
        "bg": colours.background, "surface": colours.surface, "text": colours.text,
        "second": colours.secondary_text, "grid": colours.grid, "accent": colours.accent, "border": border,
        "hover": blend(colours.background, colours.text, 0.07),
        "pressed": blend(colours.background, colours.text, 0.14),
        "strong": blend(colours.accent, colours.text, 0.35),
        "soft": blend(colours.background, colours.accent, 0.16),
        "on_accent": "#ffffff" if theme.mode == "light" else "#0b1016",
        "faint": blend(colours.surface, colours.text, 0.36), "bad": colours.roles[Role.BAD],
        "kept": colours.roles[Role.KEPT], "removed": colours.roles[Role.REMOVED],
        "kept_hover": blend(colours.roles[Role.KEPT], colours.text, 0.2),
        "chevron": resource("icons/style-chevron.svg").as_posix(),
        "chevron_up": resource("icons/style-chevron-up.svg").as_posix(),
        "check": resource(f"icons/style-check{'-dark' if theme.mode == 'dark' else ''}.svg").as_posix(),
        **{f"p{size}": px(size) for size in (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32)},
        "small": f"{theme.font('small').pixelSize()}px",
    }
    return re.sub(r"@(\w+)", lambda match: values[match[1]], _SHEET)


# Names after @ are replaced by the theme's values.
_SHEET = """
QToolTip { background: @bg; color: @text; border: 1px solid @border; padding: @p4; }

QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QPushButton { background: @bg; color: @text; border: 1px solid @border; border-radius: @p5;
    padding: @p4 @p10; }
QPushButton:hover { background: @hover; }
QPushButton:pressed { background: @pressed; }
QPushButton:focus { border-color: @accent; }
QPushButton:checked, QPushButton[active="true"] { background: @soft; border-color: @accent; color: @text; }
QPushButton:disabled { color: @faint; border-color: @grid; background: transparent; }
QPushButton[primary="true"] { background: @accent; border-color: @accent; color: @on_accent; }
QPushButton[primary="true"]:focus { border-color: @text; }
QPushButton[small="true"] { padding: @p2 @p8; font-size: @small; }

QToolButton { background: transparent; color: @text; border: 1px solid transparent; border-radius: @p5;
    padding: @p4; }
QToolButton:hover { background: @hover; }
QToolButton:pressed { background: @pressed; }
QToolButton:focus { border-color: @accent; }
QToolButton:checked { background: @soft; }
QToolButton:disabled { color: @faint; }
QToolButton::menu-indicator { image: none; }
QToolButton[chip="true"] { background: @bg; border: 1px solid @border; border-radius: @p5; padding: 0px; }
QToolButton[chip="true"]:hover { background: @hover; }
QToolButton[chip="true"]:checked { background: @accent; border-color: @accent; color: @on_accent; }
QToolButton[chip="true"][removes="true"] { background: @kept; border-color: @kept; color: @on_accent; }
QToolButton[chip="true"][removes="true"]:hover { background: @kept_hover; }
QToolButton[chip="true"][removes="true"]:checked { background: @bg; border-color: @removed; color: @second; }
QToolButton[chip="true"][removes="true"]:checked:hover { background: @hover; }
QToolButton[chip="true"]:focus, QToolButton[chip="true"][removes="true"]:focus { border: 2px solid @text; }
QToolButton[section="true"] { color: @text; background: transparent; text-align: left; border-radius: @p4;
    padding: @p4 @p2; }
QToolButton[section="true"]:hover { background: @hover; }
QToolButton[section="true"]:focus { border-color: @accent; }
QToolButton[segment="true"] { background: transparent; color: @second; border: none; border-radius: 0px;
    border-bottom: 2px solid transparent; padding: @p5 @p8; }
QToolButton[segment="true"]:hover { color: @text; background: @hover; }
QToolButton[segment="true"]:checked { color: @text; border-bottom: 2px solid @accent; background: transparent; }
QToolButton[segment="true"]:focus { background: @soft; }

QLineEdit, QPlainTextEdit { background: @bg; color: @text; border: 1px solid @border; border-radius: @p4;
    padding: @p3 @p5; selection-background-color: @accent; selection-color: @on_accent; }
QLineEdit:focus, QPlainTextEdit:focus { border-color: @accent; }
QLineEdit[wrong="true"] { border: 2px solid @bad; }
QLineEdit:disabled { color: @faint; }
QPlainTextEdit[code="true"] { background: @bg; border: 1px solid @grid; padding: @p6; }
QPlainTextEdit[code="true"]:focus { border-color: @accent; }

QLabel[note="true"] { background: @bg; color: @bad; border: 1px solid @bad; border-radius: @p4; padding: @p4 @p6; }

QComboBox { background: @bg; color: @text; border: 1px solid @border; border-radius: @p4; padding: @p3 @p6; }
QComboBox:hover { background: @hover; }
QComboBox:focus, QComboBox:on { border-color: @accent; }
QComboBox::drop-down { border: none; width: @p24; }
QComboBox::down-arrow { image: url("@chevron"); width: @p14; height: @p14; }
QComboBox QAbstractItemView { background: @bg; color: @text; border: 1px solid @border; padding: @p4;
    selection-background-color: @soft; selection-color: @text; outline: none; }

QAbstractSpinBox { background: @bg; color: @text; border: 1px solid @border; border-radius: @p4;
    padding: @p3 @p5; selection-background-color: @accent; selection-color: @on_accent;
    qproperty-alignment: "AlignRight | AlignVCenter"; }
QAbstractSpinBox:focus { border-color: @accent; }
QAbstractSpinBox:disabled { color: @faint; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button { subcontrol-origin: border; width: @p20; border: none;
    background: transparent; }
QAbstractSpinBox::up-button { subcontrol-position: top right; border-top-right-radius: @p4; margin: 1px 1px 0px 0px; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; border-bottom-right-radius: @p4;
    margin: 0px 1px 1px 0px; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: @hover; }
QAbstractSpinBox::up-button:pressed, QAbstractSpinBox::down-button:pressed { background: @pressed; }
QAbstractSpinBox::up-arrow { image: url("@chevron_up"); width: @p10; height: @p10; }
QAbstractSpinBox::down-arrow { image: url("@chevron"); width: @p10; height: @p10; }

QCheckBox { spacing: @p8; padding: @p3 0px; }
QCheckBox::indicator { width: @p16; height: @p16; border: 1px solid @border; border-radius: @p4; background: @bg; }
QCheckBox::indicator:hover { background: @hover; }
QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url("@check"); }
QCheckBox::indicator:focus { border: 2px solid @text; }

QSlider:horizontal { min-height: @p20; }
QSlider::groove:horizontal { height: @p4; border-radius: @p2; background: @border; }
QSlider::sub-page:horizontal { height: @p4; border-radius: @p2; background: @accent; }
QSlider::handle:horizontal { width: @p14; margin: -@p5 0px; border-radius: @p7; background: @accent; }
QSlider::handle:horizontal:hover { background: @strong; }
QSlider::handle:horizontal:focus { background: @strong; border: 2px solid @surface; border-radius: @p7; width: @p10;
    margin: -@p5 0px; }
QSlider::handle:horizontal:disabled, QSlider::sub-page:horizontal:disabled { background: @faint; }

QProgressBar { background: @border; border: none; border-radius: @p3; max-height: @p6; min-height: @p6; }
QProgressBar::chunk { background: @accent; border-radius: @p3; }

QScrollArea, QScrollArea > QWidget > QWidget[panel="true"] { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: @p10; margin: 0px; }
QScrollBar:horizontal { background: transparent; height: @p10; margin: 0px; }
QScrollBar::handle { background: @border; border-radius: @p3; min-height: @p24; min-width: @p24; margin: @p2; }
QScrollBar::handle:hover { background: @faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0px; height: 0px; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QTableView { background: @bg; alternate-background-color: @surface; border: 1px solid @border; border-radius: @p4;
    gridline-color: @grid; selection-background-color: @soft; selection-color: @text; }
QTableView:focus { border-color: @accent; }
QTableView QLineEdit { border: 2px solid @accent; border-radius: 0px; padding: 0px; }
QHeaderView { background: @surface; }
QHeaderView::section { background: @surface; color: @second; border: none; border-bottom: 1px solid @grid;
    padding: @p3 @p6; }
QHeaderView[tight="true"]::section { padding: @p3 @p2; }
QTableCornerButton::section { background: @surface; border: none; }

QTabBar::tab { background: transparent; color: @second; border: none; border-bottom: 2px solid transparent;
    padding: @p6 @p14; }
QTabBar::tab:hover { color: @text; background: @hover; }
QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
QTabBar::tab:focus { background: @soft; }
QTabWidget::pane { border: none; border-top: 1px solid @grid; }
QSplitter::handle { background: @grid; }
QMenu { background: @bg; border: 1px solid @border; padding: @p4; }
QMenu::item { padding: @p5 @p20 @p5 @p28; border-radius: @p3; }
QMenu::indicator { width: @p14; height: @p14; margin-left: @p6; border-radius: @p3; }
QMenu::indicator:checked { background: @accent; image: url("@check"); }
QMenu::item:selected { background: @soft; color: @text; }
QMenu::item:disabled { color: @faint; }
QMenu::separator { height: 1px; background: @grid; margin: @p4 @p8; }
QToolBar { border: none; border-bottom: 1px solid @grid; spacing: @p2; padding: @p2 @p6; }
QStatusBar { border-top: 1px solid @grid; }
QStatusBar::item { border: none; }
"""
