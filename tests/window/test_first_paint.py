"""What waits for the first paint comes after it, and once."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from visualizer.ui.first_paint import FirstPaint


class Painted(QObject):
    """Notes the order in which a window and its child are painted and the signal comes."""

    def __init__(self, window: QWidget, child: QWidget, paint: FirstPaint) -> None:
        super().__init__(window)
        self.order: list[str] = []
        self._names = {window: "window", child: "child"}
        window.installEventFilter(self)
        child.installEventFilter(self)
        paint.painted.connect(self.painted)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            self.order.append(self._names[watched])  # type: ignore[index]
        return False

    def painted(self) -> None:
        self.order.append("painted")


def test_the_signal_comes_once_after_the_window_and_its_children_are_painted(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    child = QLabel("text", window)
    QVBoxLayout(window).addWidget(child)
    paint = FirstPaint(window)
    seen = Painted(window, child, paint)
    QApplication.processEvents()
    assert seen.order == []
    with qtbot.waitSignal(paint.painted):
        window.show()
    assert seen.order == ["window", "child", "painted"]
    window.repaint()
    QApplication.processEvents()
    assert seen.order.count("painted") == 1
    assert seen.order.count("window") > 1
