"""Pictures and files: exact sizes, nothing cropped, the same at every scale and on every screen."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QByteArray, QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from tests.plots.figures_for_tests import everything, line, markers, one
from visualizer.base.errors import UserError
from visualizer.figures.model import Axis
from visualizer.ui.plots.canvas import FigureCanvas
from visualizer.ui.plots.export import render_image, render_png, render_svg, save_figure
from visualizer.ui.theme import Theme

pytestmark = pytest.mark.usefixtures("qapp")

ROOT = Path(__file__).resolve().parents[2]


def pixels(image: QImage) -> np.ndarray:
    image = image.convertToFormat(QImage.Format.Format_RGB32)
    rows = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
    return rows[:, :image.width(), 2::-1].astype(int)


def ink(image: QImage, theme: Theme) -> np.ndarray:
    """Where something is drawn on the background."""
    background = theme.palette.background
    color = [int(background[i:i + 2], 16) for i in (1, 3, 5)]
    return np.abs(pixels(image) - color).max(axis=2) > 12


@pytest.mark.parametrize(("width", "height", "scale"), [(640, 400, 1.0), (640, 400, 2.0), (333, 251, 1.5), (1280, 720, 0.5)])
def test_a_picture_has_exactly_the_size_asked_for(width: int, height: int, scale: float) -> None:
    data = render_png(everything(), width, height, Theme(), scale)
    image = QImage.fromData(data, "PNG")  # type: ignore[call-overload]
    assert (image.width(), image.height()) == (round(width * scale), round(height * scale))


@pytest.mark.parametrize("theme", [Theme(), Theme("dark"), Theme("light", presentation=True)])
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_axes_are_complete_and_nothing_touches_the_edge(theme: Theme, scale: float) -> None:
    figure = one(line([0, 1e7], [-1e-9, 3e-9], label="a"), line([0, 1], [0, 1], key="b", label="b"),
                 x=Axis("a long name of the x axis", "s"), y=Axis("a long name of the y axis", "kg"))
    image = render_image(figure, 500, 320, theme, scale)
    drawn = ink(image, theme)
    assert drawn.any()
    for edge in (drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]):
        assert not edge.any()
    # Title above, y title at the left, x title below.
    height, width = drawn.shape
    assert drawn[:height // 8].any()
    assert drawn[height // 4:-height // 4, :width // 18].any()
    assert drawn[-height // 12:, width // 4:-width // 4].any()


def test_a_scaled_picture_is_the_same_picture_from_more_pixels() -> None:
    small = pixels(render_image(everything(), 600, 400, Theme(), 1.0))
    large = pixels(render_image(everything(), 600, 400, Theme(), 3.0))
    averaged = large.reshape(400, 3, 600, 3, 3).mean(axis=(1, 3))
    difference = np.abs(averaged - small).max(axis=2)
    assert (difference > 90).mean() < 0.004, "legend, arrows, text and markers grow with the rest"
    assert difference.mean() < 4


def test_the_window_shows_what_is_exported(qtbot: object) -> None:
    canvas = FigureCanvas(theme=Theme())
    qtbot.addWidget(canvas)  # type: ignore[attr-defined]
    canvas.resize(600, 400)
    canvas.show()
    canvas.set_figure(everything())
    shown = pixels(canvas.grab().toImage())
    exported = pixels(render_image(everything(), 600, 400, Theme(), 1.0))
    assert (np.abs(shown - exported).max(axis=2) > 40).mean() < 0.002


def test_the_theme_of_an_export_is_its_own() -> None:
    light = pixels(render_image(everything(), 300, 200, Theme()))[1, 1]
    dark = pixels(render_image(everything(), 300, 200, Theme("dark")))[1, 1]
    assert light.min() > 240
    assert dark.max() < 40


@pytest.mark.parametrize("theme", [Theme(), Theme("dark")])
def test_svg_is_valid_carries_title_and_note_and_needs_no_font(theme: Theme) -> None:
    data = render_svg(everything(), 640, 400, theme)
    root = ElementTree.fromstring(data)
    name = {"svg": "http://www.w3.org/2000/svg"}
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("640", "400", "0 0 640 400")
    assert root.findtext("svg:title", namespaces=name) == "A title"
    assert root.findtext("svg:desc", namespaces=name) == "With every kind of layer."
    assert not root.findall(".//svg:text", name)
    assert len(root.findall(".//svg:image", name)) == 2, "the heat map and its colour bar"


def test_svg_looks_like_the_png() -> None:
    figure = one(line(np.linspace(0, 9, 99), np.sin(np.linspace(0, 9, 99)), label="sine", dash="dash"),
                 markers([1, 5], [0.5, -0.5], texts=("A", "B"), label="points"), note="A note & <more>")
    renderer = QSvgRenderer(QByteArray(render_svg(figure, 640, 400, Theme())))
    assert renderer.isValid()
    image = QImage(640, 400, QImage.Format.Format_RGB32)
    image.fill(0xFFFFFF)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, 640, 400))
    painter.end()
    exported = pixels(render_image(figure, 640, 400, Theme()))
    assert (np.abs(pixels(image) - exported).max(axis=2) > 110).mean() < 0.004


def test_a_svg_of_a_hostile_title_is_still_valid() -> None:
    figure = one(line([0, 1], [0, 1]), note="</desc><script>alert(1)</script> & \x00\x0b")
    root = ElementTree.fromstring(render_svg(figure, 300, 200, Theme()))
    assert root.findtext("{http://www.w3.org/2000/svg}desc") == "</desc><script>alert(1)</script> & "


@pytest.mark.parametrize(("width", "height", "scale"), [
    (20_000, 20_000, 1.0), (2000, 2000, 6.0), (40, 400, 1.0), (400, 0, 1.0), (400, 400, 0.0), (400, 400, float("nan")),
    (40_000, 100, 1.0),
])
def test_a_size_that_cannot_be_drawn_is_refused_with_a_sentence(width: int, height: int, scale: float) -> None:
    with pytest.raises(UserError, match=r"\.$"):
        render_image(everything(), width, height, Theme(), scale)


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.csv", b"layer,label,kind")])
def test_the_suffix_chooses_the_format(tmp_path: Path, name: str, start: bytes) -> None:
    save_figure(everything(), tmp_path / name, size=(300, 200))
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["a.jpeg", "a", ".png"])
def test_an_unknown_suffix_is_refused_and_names_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=re.escape(".png, .svg, .csv")):
        save_figure(everything(), tmp_path / name)
    assert not list(tmp_path.iterdir())


_SCRIPT = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication
application = QApplication([])
from tests.plots.figures_for_tests import everything
from visualizer.ui.plots.canvas import FigureCanvas
from visualizer.ui.plots.export import render_png
from visualizer.ui.theme import Theme, load_fonts
load_fonts()
folder = Path(sys.argv[1])
(folder / "export.png").write_bytes(render_png(everything(), 600, 400, Theme()))
canvas = FigureCanvas(theme=Theme())
canvas.resize(600, 400)
canvas.show()
canvas.set_figure(everything())
application.processEvents()
canvas.grab().save(str(folder / "window.png"))
print(canvas.devicePixelRatioF())
"""


@pytest.mark.parametrize("ratio", ["1.5", "2"])
def test_a_dense_screen_changes_neither_the_export_nor_what_is_in_the_window(tmp_path: Path, ratio: str) -> None:
    environment = os.environ | {"QT_SCALE_FACTOR": ratio, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", _SCRIPT, str(tmp_path)], env=environment, cwd=ROOT, check=True,
                          capture_output=True, text=True, timeout=100)
    assert float(done.stdout) == float(ratio)
    here = pixels(render_image(everything(), 600, 400, Theme()))
    there = pixels(QImage(str(tmp_path / "export.png")))
    assert there.shape == here.shape
    assert (np.abs(there - here).max(axis=2) > 8).mean() < 0.001
    window = pixels(QImage(str(tmp_path / "window.png")))
    scaled = pixels(render_image(everything(), 600, 400, Theme(), float(ratio)))
    assert window.shape == scaled.shape
    assert (np.abs(window - scaled).max(axis=2) > 60).mean() < 0.01


def test_an_export_leaves_no_scene_behind() -> None:
    before = len([w for w in QApplication.topLevelWidgets() if w is not None])
    for _ in range(3):
        render_png(everything(), 200, 150, Theme())
    assert len(QApplication.topLevelWidgets()) == before
