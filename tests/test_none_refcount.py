"""PySide6 6.12.0 on Python 3.11 loses a reference to None with every call that returns nothing, and then dies."""

from __future__ import annotations

import sys

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPen
from pytestqt.qtbot import QtBot

CALLS = 3000


def test_calls_that_return_nothing_keep_the_count_of_references_to_none(qtbot: QtBot) -> None:
    # The trap costs one reference for each call: 6,000 here. The process has some 10,000 to lose before it dies
    # with "Fatal Python error: none_dealloc", so this test sees the loss and lives. Everything else that touches
    # None meanwhile moves the count by a few dozen.
    image = QImage(8, 8, QImage.Format.Format_ARGB32)
    pen, rectangle = QPen(QColor("#0072b2")), QRectF(1, 1, 4, 4)
    painter = QPainter(image)
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        painter.setPen(pen)
        painter.drawRect(rectangle)
    after = sys.getrefcount(None)
    painter.end()
    assert abs(after - before) < 200
