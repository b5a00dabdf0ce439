"""Starts ``python -m visualizer`` with a line to ask what it shows. Run as: python probed.py DESCRIPTOR ARGUMENTS...

For each byte that comes in on the socket DESCRIPTOR, one line of JSON goes out: every widget that can be seen, with its
object name, texts and place on the screen; the plots with the screen places of their axes' ranges; the graphs with their
boxes. The program itself is the installed one, unchanged; it only runs in an application object that answers.
"""

from __future__ import annotations

import json
import runpy
import socket
import sys
import traceback
from typing import Any

from PySide6 import QtWidgets
from PySide6.QtCore import QPoint, QPointF, QRect, QSocketNotifier

TEXTS = ("text", "currentText", "title", "windowTitle", "toPlainText", "accessibleName")
STATES = ("isEnabled", "isChecked", "hasFocus", "isActiveWindow", "value")


class Answering(QtWidgets.QApplication):
    """The application object, listening on ``line``."""

    line: socket.socket

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._notifier = QSocketNotifier(self.line.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._answer)

    def _answer(self) -> None:
        if not self.line.recv(1):
            self._notifier.setEnabled(False)
            return
        try:
            answer = {"widgets": widgets(), "plots": plots(), "graphs": graphs()}
        except Exception:  # it is the test's to know, not the program's
            answer = {"error": traceback.format_exc()}
        self.line.sendall((json.dumps(answer) + "\n").encode())


def seen() -> list[QtWidgets.QWidget]:
    """Visible, and not scrolled out of every parent."""
    return [
        widget for widget in QtWidgets.QApplication.allWidgets()
        if widget.isVisible() and not in_view(widget).isEmpty()
    ]


def in_view(widget: QtWidgets.QWidget) -> QRect:
    """The part of the widget that no parent cuts off, in its own coordinates."""
    part, parent = widget.rect(), widget.parentWidget()
    while parent is not None and not widget.isWindow():
        part &= QRect(widget.mapFrom(parent, QPoint(0, 0)), parent.size())
        if parent.isWindow():
            break
        parent = parent.parentWidget()
    return part


def place(widget: QtWidgets.QWidget) -> list[int]:
    """Left, top, width and height on the screen, of the part that can be seen."""
    part = in_view(widget)
    corner = widget.mapToGlobal(part.topLeft())
    return [corner.x(), corner.y(), part.width(), part.height()]


def called(item: object, names: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for name in names:
        method = getattr(item, name, None)
        value = method() if callable(method) else None
        if isinstance(value, str | bool | int | float):
            found[name] = value
    return found


def widgets() -> list[dict[str, Any]]:
    return [
        {"name": widget.objectName(), "class": type(widget).__name__, "place": place(widget)}
        | called(widget, TEXTS + STATES)
        for widget in seen()
    ]


def plots() -> list[dict[str, Any]]:
    """Every pyqtgraph view box: its ranges in data coordinates, and where their corners are on the screen."""
    found = []
    for view in seen():
        if not isinstance(view, QtWidgets.QGraphicsView) or view.scene() is None:
            continue
        for box in view.scene().items():
            if not hasattr(box, "viewRange") or not hasattr(box, "mapViewToScene") or not box.isVisible():
                continue
            (left, right), (bottom, top) = box.viewRange()
            corners = [
                view.viewport().mapToGlobal(view.mapFromScene(box.mapViewToScene(QPointF(*corner))))
                for corner in ((left, bottom), (right, top))
            ]
            canvas = view if view.objectName() else view.parentWidget()
            found.append({
                "name": canvas.objectName(), "x": [left, right], "y": [bottom, top],
                "screen_x": [corner.x() for corner in corners], "screen_y": [corner.y() for corner in corners],
            })
    return found


def graphs() -> list[dict[str, Any]]:
    """Every graph: its boxes by title, with the place of their middle on the screen, and what stands in the badge."""
    found = []
    for canvas in seen():
        stage = getattr(canvas, "stage", None)
        if type(canvas).__name__ != "GraphCanvas" or stage is None:
            continue
        boxes, corner = stage.drawing.boxes, canvas.scene_rect.topLeft()
        rows = []
        for row, title in enumerate(boxes.titles):
            x, y = canvas.viewport.to_pixels(boxes.left[row] + boxes.width[row] / 2, boxes.top[row] + boxes.height[row] / 2)
            place = canvas.mapToGlobal(QPointF(corner.x() + x, corner.y() + y))
            rows.append({"title": title, "shape": boxes.shapes[row], "x": place.x(), "y": place.y()})
        found.append({"name": canvas.objectName(), "boxes": rows, "badge": canvas.figure.badge, "edges": len(stage.drawing.edges)})
    return found


if __name__ == "__main__":
    Answering.line = socket.socket(fileno=int(sys.argv[1]))
    QtWidgets.QApplication = Answering  # type: ignore[misc]  # what the program imports and makes
    sys.argv = ["visualizer", *sys.argv[2:]]
    runpy.run_module("visualizer", run_name="__main__", alter_sys=True)
