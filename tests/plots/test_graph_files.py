"""A graph out of the window: formats of its experiment, the whole of it or the part that is seen."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QComboBox, QLabel, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from tests.plots.graphs_for_tests import chain, diamond, mesh
from visualizer.figures.graph import GraphFigure
from visualizer.ui.dialogs import ExportDialog
from visualizer.ui.exporting import Exportable, ExportChoice, _with_suffix, write_export
from visualizer.ui.graph.viewport import Rect
from visualizer.ui.theme import Theme

pytestmark = pytest.mark.usefixtures("qapp")


def page(figure: GraphFigure, **seen: Rect) -> Exportable:
    def document(format: str, result: Any, state: Any) -> bytes:
        return f"{format} of {result} in {state}".encode()

    experiment = SimpleNamespace(name="graph", formats={"dot": "DOT, for graphviz", "graph.json": "capture"}, document=document)
    return Exportable(cast("Any", experiment), "a state", "a result", (figure,), Theme(), seen)


def test_an_experiments_own_format_is_written_by_the_experiment(tmp_path: Path) -> None:
    for name in ("dot", "graph.json"):
        write_export(tmp_path / f"out.{name}", "", page(diamond()), ExportChoice("graph", name))
        assert (tmp_path / f"out.{name}").read_bytes() == f"{name} of a result in a state".encode()


@pytest.mark.parametrize(("typed", "format", "written"), [
    ("run", "graph.json", "run.graph.json"), ("run.json", "graph.json", "run.graph.json"),
    ("run.graph.json", "graph.json", "run.graph.json"), ("run.v2", "dot", "run.v2.dot"), ("run.DOT", "dot", "run.DOT"),
    ("run.json", "json", "run.json"), ("run", "json", "run.json"),
])
def test_a_name_gets_the_suffix_of_its_format_once(typed: str, format: str, written: str) -> None:
    assert _with_suffix(Path("/tmp") / typed, format).name == written


def test_as_in_the_window_is_the_part_that_is_seen(tmp_path: Path) -> None:
    shown = page(mesh(400), graph=Rect(0, 0, 600, 400))
    sizes = {}
    for extent in ("whole", "window"):
        path = tmp_path / f"{extent}.png"
        write_export(path, "graph", shown, ExportChoice("graph", "png", 640, 480, extent=cast("Any", extent)))
        image = QImage(str(path))
        sizes[extent] = (image.width(), image.height())
    assert sizes["window"] == (640, 480)
    assert sizes["whole"] > (1280, 2000)


@pytest.fixture
def parent(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


def dialog_of(parent: QWidget, figure: GraphFigure) -> ExportDialog:
    shown = page(figure)
    dialog = ExportDialog([("graph", "A graph")], ExportChoice("graph"), Theme(), parent, shown.formats, shown.graphs)
    dialog.show()
    return dialog


def combo(dialog: ExportDialog, name: str) -> QComboBox:
    found = dialog.findChild(QComboBox, f"window.export.{name}")
    assert found is not None
    return found


def note(dialog: ExportDialog) -> str:
    return next(label.text() for label in dialog.findChildren(QLabel) if label.wordWrap())


def test_the_dialog_offers_the_experiments_formats_and_the_extent_of_a_graph(parent: QWidget) -> None:
    dialog = dialog_of(parent, diamond())
    formats = combo(dialog, "format")
    assert [formats.itemData(row) for row in range(formats.count())] == ["png", "svg", "csv", "json", "dot", "graph.json"]
    extent = combo(dialog, "extent")
    assert extent.isVisible()
    extent.setCurrentIndex(1)
    assert dialog.choice.extent == "window"
    formats.setCurrentIndex(formats.findData("dot"))
    assert not extent.isEnabled()
    assert not combo(dialog, "figure").isEnabled()
    assert "DOT" in note(dialog)


def test_the_dialog_says_how_large_the_picture_of_a_large_graph_becomes(parent: QWidget) -> None:
    assert "larger than asked for" in note(dialog_of(parent, mesh(600)))
    assert "cannot be read" in note(dialog_of(parent, chain(4000)))
    dialog = dialog_of(parent, chain(4000))
    combo(dialog, "format").setCurrentIndex(1)
    assert "so that the names in the graph can be read" in note(dialog)
    combo(dialog, "extent").setCurrentIndex(1)
    assert "1920 × 1080" in note(dialog)


def test_figures_that_are_no_graphs_have_no_extent(parent: QWidget) -> None:
    dialog = ExportDialog([("curve", "A curve")], ExportChoice("curve"), Theme(), parent)
    dialog.show()
    assert not combo(dialog, "extent").isVisible()
    assert dialog.findChild(QSpinBox, "window.export.width") is not None
