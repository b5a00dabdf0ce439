"""Pictures without a display: Qt is started only here, on its ``offscreen`` platform."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from visualizer.cli.failures import SystemLacksError, lacking

if TYPE_CHECKING:
    from visualizer.figures.graph import AnyFigure

Mode = Literal["light", "dark"]


@contextmanager
def picture_drawer(
    format: str, size: tuple[int, int], scale: float, mode: Mode, presentation: bool
) -> Iterator[Callable[[AnyFigure], bytes]]:
    """The function that draws a figure as the content of a ``png`` or ``svg`` file, while the context lasts.

    Raises:
        SystemLacksError: Qt cannot start here; says what to install.
    """
    from visualizer.base.system_libraries import qt_problem

    problem = qt_problem(window=False)
    if problem is not None:
        raise SystemLacksError(problem)
    # Whatever the desktop asks for, a picture needs no display and no scaling but its own.
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    try:
        import shiboken6
        from PySide6.QtWidgets import QApplication

        from visualizer.ui.plots.export import figure_bytes
        from visualizer.ui.theme import Theme, load_fonts
    except ImportError as error:
        raise lacking(error) from error
    running = QApplication.instance()
    application = running or QApplication(["visualizer"])
    try:
        load_fonts()
        theme = Theme(mode, presentation)
        yield lambda figure: figure_bytes(figure, f".{format}", size=size, scale=scale, theme=theme)
    finally:
        if running is None:
            # Here and not at the interpreter's end, where the order in which things die is anyone's guess.
            shiboken6.delete(application)
