"""The look: palette, style sheet, icons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QProxyStyle, QSpinBox, QStyle, QWidget

import visualizer.ui
from visualizer.base.resources import resource
from visualizer.ui.stylesheet import blend, stylesheet
from visualizer.ui.theme import Theme, style_application, system_mode
from visualizer.ui.widgets.icons import icon, pixmap


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_the_known_one() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


def test_every_name_in_the_style_sheet_is_known_and_replaced(any_theme: Theme) -> None:
    sheet = stylesheet(any_theme)
    assert "@" not in sheet
    assert sheet.count("{") == sheet.count("}")
    for path in re.findall(r'url\("([^"]+)"\)', sheet):
        assert Path(path).is_file()


def test_text_can_be_read_on_its_ground(any_theme: Theme, qapp: QApplication) -> None:
    palette = QApplication.palette()
    pairs = [(QPalette.ColorRole.WindowText, QPalette.ColorRole.Window), (QPalette.ColorRole.Text,
             QPalette.ColorRole.Base), (QPalette.ColorRole.PlaceholderText, QPalette.ColorRole.Base),
             (QPalette.ColorRole.ToolTipText, QPalette.ColorRole.ToolTipBase)]
    for front, back in pairs:
        assert contrast(palette.color(front).name(), palette.color(back).name()) >= 4.5
    colours = any_theme.palette
    for role in ("good", "warning", "bad"):
        assert contrast(colours.roles[role], colours.background) >= 3.0, role  # type: ignore[index]


def test_the_look_can_be_changed_while_running(qapp: QApplication, host: QWidget) -> None:
    grounds = []
    for theme in (Theme("dark"), Theme("light"), Theme("dark")):
        style_application(qapp, theme)
        grounds.append(host.grab().toImage().pixelColor(160, 300).name())
        assert grounds[-1] == QColor(theme.palette.surface).name()
    assert qapp.font().pixelSize() == Theme().font("body").pixelSize()
    style_application(qapp, Theme("light", presentation=True))
    assert qapp.font().pixelSize() > Theme().font("body").pixelSize()
    style_application(qapp, Theme())


class StyleChanges(QObject):
    """Counts how often a widget is told that its style has changed."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.count = 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.StyleChange
        return False


def test_a_new_look_reaches_a_widget_as_often_however_deep_it_lies(qapp: QApplication, host: QWidget) -> None:
    style_application(qapp, Theme("dark"))
    counts = []
    shallow = deep = QWidget(host)
    for _ in range(12):
        deep = QWidget(deep)
    for widget in (shallow, deep):
        changes = StyleChanges(widget)
        widget.installEventFilter(changes)
        style_application(qapp, Theme("light"))
        counts.append(changes.count)
    assert counts[0] == counts[1] > 0
    style_application(qapp, Theme())


def test_an_unknown_desktop_is_light(qapp: QApplication) -> None:
    assert system_mode() == "light"


def test_blending_goes_from_one_colour_to_the_other() -> None:
    assert [blend("#000000", "#ff8000", share) for share in (0, 0.5, 1)] == ["#000000", "#804000", "#ff8000"]


@pytest.mark.parametrize("path", sorted(resource("icons").glob("*.svg")), ids=lambda path: path.stem)
def test_every_icon_draws_something_in_the_asked_colour(qapp: QApplication, path: Path) -> None:
    picture = pixmap(path.stem, Theme(), "#ff0000", 32, 2.0).toImage()
    assert picture.width() == 64
    inked = [picture.pixelColor(x, y) for x in range(64) for y in range(64) if picture.pixelColor(x, y).alpha() > 200]
    assert len(inked) > 30
    if not path.stem.startswith("style-"):
        assert all(colour.red() > 240 and colour.green() < 15 for colour in inked)


def test_every_icon_that_the_program_asks_for_exists(qapp: QApplication) -> None:
    folder = Path(visualizer.ui.__file__).parent
    asked = set()
    for path in folder.rglob("*.py"):
        asked |= set(re.findall(r'\b(?:icon|pixmap)\("([a-z-]+)"', path.read_text(encoding="utf-8")))
    assert asked
    for name in asked:
        assert not icon(name, Theme()).isNull()


class DesktopStyle(QProxyStyle):
    """A style that wants pictures in the buttons of dialogs, as Fusion does on most Linux desktops."""

    def styleHint(  # noqa: N802
        self, hint: QStyle.StyleHint, option: Any = None, widget: Any = None, data: Any = None
    ) -> int:
        if hint == QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons:
            return 1
        return super().styleHint(hint, option, widget, data)


@pytest.fixture
def desktop(any_theme: Theme, qapp: QApplication) -> Iterator[None]:
    qapp.setStyle(DesktopStyle("Fusion"))
    style_application(qapp, any_theme)
    yield
    qapp.setStyle("Fusion")


def test_the_buttons_of_dialogs_have_no_pictures(desktop: None, host: QWidget) -> None:
    box = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
                           | QDialogButtonBox.StandardButton.Save, host)
    box.show()
    assert len(box.buttons()) == 3
    assert all(button.icon().isNull() for button in box.buttons())


def test_spin_boxes_have_a_frame_and_arrows(any_theme: Theme, host: QWidget) -> None:
    box = QSpinBox(host)
    box.setRange(0, 9999)
    box.setValue(9999)
    box.resize(box.sizeHint())
    box.show()
    picture = box.grab().toImage()
    ground, middle = QColor(any_theme.palette.background), picture.height() // 2
    for x, y in ((0, middle), (picture.width() - 1, middle), (picture.width() // 2, 0)):
        assert picture.pixelColor(x, y) != ground
        assert picture.pixelColor(x, y) != QColor(any_theme.palette.surface)
    for half in (range(2, middle), range(middle, picture.height() - 2)):
        arrow = [picture.pixelColor(x, y) for x in range(picture.width() - round(12 * any_theme.zoom), picture.width() - 4)
                 for y in half]
        assert any(abs(colour.lightness() - ground.lightness()) > 60 for colour in arrow)


def test_presentation_scales_the_grid_and_the_type() -> None:
    small, large = Theme(), Theme(presentation=True)
    sizes = [small.font(kind).pixelSize() for kind in ("small", "label", "body", "title")]
    assert all(a <= b for a, b in pairwise(sizes))
    assert large.px(10) == round(10 * large.zoom)
    assert large.font("body").pixelSize() > small.font("title").pixelSize()
