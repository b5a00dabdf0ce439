"""Figures as PNG, SVG, CSV and clipboard data: the window's drawing code on a target of an exact size.

Needs a ``QApplication`` (any platform, ``offscreen`` too) and :func:`visualizer.ui.theme.load_fonts`; no window.
SVG holds text as outlines: it looks the same where the bundled font is not installed. Title and description of the
document carry the figure's title and note as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import shiboken6
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPaintDevice, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QGraphicsScene

from visualizer.base.errors import UserError
from visualizer.base.files import write_atomically
from visualizer.figures.graph import AnyFigure, GraphFigure
from visualizer.figures.model import Figure
from visualizer.figures.table import figure_csv
from visualizer.ui.graph.export import paint_graph, planned
from visualizer.ui.graph.viewport import Rect
from visualizer.ui.plots.scene import FigureItem
from visualizer.ui.theme import Theme

__all__ = ["SUFFIXES", "figure_bytes", "figure_csv", "render_image", "render_png", "render_svg", "save_figure"]

SUFFIXES = (".png", ".svg", ".csv")
MAXIMUM_PIXELS = 100_000_000
SMALLEST = 50
LARGEST = 30_000


def render_image(
    figure: AnyFigure, width: int, height: int, theme: Theme, scale: float = 1.0, seen: Rect | None = None,
) -> QImage:
    """The figure as a picture of ``width * scale`` x ``height * scale`` pixels (rounded).

    ``width`` and ``height`` decide how large type and strokes are in relation to the whole; ``scale`` makes the same
    picture from more pixels. A graph whose names could not be read so gets a larger picture, unless it is told which part of it
    is ``seen``; see :func:`visualizer.ui.graph.export.planned`.

    Raises:
        UserError: a size that cannot be drawn, or more than 100 megapixels.
    """
    columns, rows = _checked(width, height, scale)
    if isinstance(figure, GraphFigure) and seen is None:
        width, height, _ = planned(figure, width, height, theme, scale)
        columns, rows = _checked(width, height, scale)
    image = QImage(columns, rows, QImage.Format.Format_ARGB32_Premultiplied)
    if image.isNull():
        raise UserError(f"A picture of {columns} x {rows} pixels does not fit into memory; choose a smaller one.")
    image.setDevicePixelRatio(1.0)
    # 96 dots an inch at scale 1: a word processor shows it in the size it was made for.
    image.setDotsPerMeterX(round(96 / 0.0254 * scale))
    image.setDotsPerMeterY(round(96 / 0.0254 * scale))
    image.fill(QColor(theme.palette.background))
    if isinstance(figure, GraphFigure):
        image.setDevicePixelRatio(scale)
        with _painting(image) as painter:
            paint_graph(painter, figure, width, height, theme, vector=False, seen=seen)
    else:
        with _drawn(figure, width, height, theme, scale, vector=False) as scene, _painting(image) as painter:
            painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.TextAntialiasing)
            scene.render(painter, QRectF(0, 0, columns, rows), QRectF(0, 0, width, height))
    image.setDevicePixelRatio(1.0)
    return image


def render_png(
    figure: AnyFigure, width: int, height: int, theme: Theme, scale: float = 1.0, seen: Rect | None = None,
) -> bytes:
    """The picture of :func:`render_image` as the bytes of a PNG file."""
    image = render_image(figure, width, height, theme, scale, seen).convertToFormat(QImage.Format.Format_RGB32)
    image.setText("Title", figure.title)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):  # type: ignore[call-overload]
        raise UserError("The picture cannot be written as PNG: it does not fit into memory.")
    buffer.close()
    return bytes(data.data())


def render_svg(figure: AnyFigure, width: int, height: int, theme: Theme, seen: Rect | None = None) -> bytes:
    """The figure as the bytes of an SVG 1.1 file of ``width`` x ``height`` pixels (at 96 dots an inch).

    A graph whose names could not be read so gets a larger drawing, as by :func:`render_image`.

    Raises:
        UserError: a size that cannot be drawn.
    """
    columns, rows = _checked(width, height, 1.0)
    if isinstance(figure, GraphFigure) and seen is None:
        columns, rows, _ = planned(figure, width, height, theme, vector=True)
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
    generator.setOutputDevice(buffer)
    generator.setResolution(96)
    generator.setSize(QSize(columns, rows))
    generator.setViewBox(QRect(0, 0, columns, rows))
    generator.setTitle(_plain(figure.title))
    generator.setDescription(_plain(figure.note or figure.title))
    if isinstance(figure, GraphFigure):
        with _painting(generator) as painter:
            paint_graph(painter, figure, columns, rows, theme, vector=True, seen=seen)
    else:
        with _drawn(figure, columns, rows, theme, 1.0, vector=True) as scene, _painting(generator) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            scene.render(painter, QRectF(0, 0, columns, rows), QRectF(0, 0, columns, rows))
    buffer.close()
    # Qt writes the size in millimetres, which readers turn into pixels each in their own way.
    return re.sub(rb'width="[\d.]+mm" height="[\d.]+mm"', b'width="%d" height="%d"' % (columns, rows),
                  bytes(data.data()), count=1)


def figure_bytes(
    figure: AnyFigure, suffix: str, *, size: tuple[int, int] = (1280, 720), scale: float = 1.0, theme: Theme | None = None,
    seen: Rect | None = None,
) -> bytes:
    """The figure in the format of a suffix: ``.png``, ``.svg``, ``.csv`` (case does not matter).

    Args:
        seen: of a graph only this part of its scene, in exactly this size.

    Raises:
        UserError: an unknown suffix, or a size that cannot be drawn.
    """
    theme = theme or Theme()
    match suffix.lower():
        case ".png":
            return render_png(figure, *size, theme, scale, seen)
        case ".svg":
            return render_svg(figure, *size, theme, seen)
        case ".csv":
            return figure_csv(figure).encode("utf-8")
    shown = f"the suffix {suffix!r}" if suffix else "a name without a suffix"
    raise UserError(f"A figure cannot be saved under {shown}; allowed are {', '.join(SUFFIXES)}.")


def save_figure(
    figure: AnyFigure, path: Path | str, *, size: tuple[int, int] = (1280, 720), scale: float = 1.0,
    theme: Theme | None = None, seen: Rect | None = None,
) -> None:
    """Write the figure to a file, atomically; the suffix chooses PNG, SVG or CSV. Replaces an existing file.

    Raises:
        UserError: an unknown suffix, a size that cannot be drawn, a path that cannot be written.
    """
    path = Path(path)
    write_atomically(path, figure_bytes(figure, path.suffix, size=size, scale=scale, theme=theme, seen=seen))


@contextmanager
def _painting(target: QPaintDevice) -> Iterator[QPainter]:
    """A painter that is ended whatever happens: a picture with an open one cannot be used."""
    painter = QPainter(target)
    try:
        yield painter
    finally:
        painter.end()


@contextmanager
def _drawn(
    figure: Figure, width: int, height: int, theme: Theme, scale: float, *, vector: bool,
) -> Iterator[QGraphicsScene]:
    """A scene with the figure laid out in it, for as long as it is rendered."""
    scene = QGraphicsScene()
    try:
        scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        scene.setSceneRect(0.0, 0.0, width, height)
        item = FigureItem(theme, vector=vector)
        scene.addItem(item)
        item.set_size(width, height, scale)
        item.set_figure(figure)
        yield scene
    finally:
        # Now and here: left to the garbage collector it may be destroyed in the worker's thread.
        shiboken6.delete(scene)


def _checked(width: int, height: int, scale: float) -> tuple[int, int]:
    if not (width >= SMALLEST and height >= SMALLEST):
        raise UserError(f"A picture of {width} x {height} pixels was asked for; the least is {SMALLEST} x {SMALLEST}.")
    if not 0.1 <= scale <= 20.0:
        raise UserError(f"The scale {scale:g} was given; allowed is 0.1 to 20.")
    columns, rows = round(width * scale), round(height * scale)
    if columns * rows > MAXIMUM_PIXELS or max(columns, rows) > LARGEST:
        raise UserError(
            f"A picture of {columns} x {rows} pixels was asked for; the most is {MAXIMUM_PIXELS // 1_000_000} "
            f"megapixels and {LARGEST:,} pixels on a side. Choose a smaller size or scale."
        )
    return columns, rows


def _plain(text: str) -> str:
    """Text without the control characters that XML forbids (the generator escapes the rest)."""
    return "".join(c for c in text if c >= " " or c in "\t\n")
