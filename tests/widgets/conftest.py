"""Widgets are tested as they are used: styled, shown, and gone afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from visualizer.ui.theme import Theme, style_application


@pytest.fixture(params=["light", "dark", "presentation"])
def any_theme(request: pytest.FixtureRequest, qapp: QApplication) -> Iterator[Theme]:
    """Each look of the application in turn."""
    theme = Theme("dark" if request.param == "dark" else "light", presentation=request.param == "presentation")
    style_application(qapp, theme)
    yield theme
    style_application(qapp, Theme())


@pytest.fixture
def theme(qapp: QApplication) -> Theme:
    style_application(qapp, Theme())
    return Theme()


@pytest.fixture
def host(qtbot: QtBot) -> Iterator[QWidget]:
    """A shown window to put widgets into."""
    window = QWidget()
    QVBoxLayout(window)
    window.resize(320, 700)
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.close()
    window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture
def put(host: QWidget) -> Callable[[QWidget], None]:
    """Show a widget in the host."""
    def add(widget: QWidget) -> None:
        layout = host.layout()
        assert layout is not None
        layout.addWidget(widget)
        widget.show()

    return add
