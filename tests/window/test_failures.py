"""Failures are visible: in the banner, and in the log file."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QTimer, qWarning
from PySide6.QtWidgets import QAbstractButton, QPlainTextEdit

from tests.window.bench import Bench
from visualizer.ui.failures import Failures
from visualizer.ui.widgets.banner import Banner


@pytest.fixture
def failures(tmp_path: Path) -> Iterator[Failures]:
    made = Failures(tmp_path / "log")
    made.install()
    yield made
    made.uninstall()


def broken() -> None:
    raise ValueError("the seam has come undone\nand more")


def test_an_exception_in_a_slot_reaches_the_banner_and_the_log(bench: Bench, failures: Failures) -> None:
    failures.happened.connect(bench.window.say_problem)
    QTimer.singleShot(0, broken)
    bench.qtbot.waitUntil(lambda: bench.window.problem_text != "")
    assert "ValueError: the seam has come undone" in bench.window.problem_text
    assert "Traceback" not in bench.window.problem_text
    written = failures.log_file.read_text()
    assert "Traceback" in written
    assert "the seam has come undone" in written
    details = bench.window.findChild(QAbstractButton, "window.banner.details")
    assert details is not None
    details.click()
    banner = bench.window.findChild(Banner)
    assert banner is not None
    text = banner.findChild(QPlainTextEdit)
    assert text is not None
    assert "raise ValueError" in text.toPlainText()


def test_an_exception_in_another_thread_reaches_the_banner(bench: Bench, failures: Failures) -> None:
    failures.happened.connect(bench.window.say_problem)
    thread = threading.Thread(target=broken)
    thread.start()
    thread.join()
    bench.qtbot.waitUntil(lambda: "the seam" in bench.window.problem_text)


def test_ctrl_c_closes_and_is_no_failure(tmp_path: Path) -> None:
    stopped: list[bool] = []
    failures = Failures(tmp_path)
    failures.install(lambda: stopped.append(True))
    try:
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    finally:
        failures.uninstall()
    assert stopped == [True]
    assert not failures.log_file.exists()


def test_the_hooks_are_given_back(tmp_path: Path) -> None:
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    failures = Failures(tmp_path)
    failures.install()
    assert sys.excepthook != before[0]
    failures.uninstall()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before


def test_warnings_of_qt_and_of_our_modules_go_into_the_log_and_not_to_stderr(
    failures: Failures, capfd: pytest.CaptureFixture[str]
) -> None:
    failures.open_log()
    qWarning("a warning of Qt")
    logging.getLogger("visualizer.worker.loading").warning("a warning of ours")
    written = failures.log_file.read_text()
    assert "a warning of Qt" in written
    assert "a warning of ours" in written
    assert capfd.readouterr().err == ""


def test_a_log_folder_that_cannot_be_made_does_not_hide_the_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    failures = Failures(tmp_path / "file" / "log")
    heard: list[str] = []
    failures.happened.connect(lambda sentence, details: heard.append(sentence))
    failures.report("It went wrong.", "details")
    failures.open_log()
    failures.watch_crashes()
    failures.uninstall()
    assert heard == ["It went wrong."]


def test_where_no_log_can_be_written_our_modules_are_silent_too(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    failures = Failures(tmp_path / "file" / "log")
    failures.open_log()
    logger = logging.getLogger("visualizer")
    try:
        logger.getChild("worker.scheduler").error("a run stopped with an error")
        assert not logger.propagate
    finally:
        failures.uninstall()
    assert capfd.readouterr().err == ""
    assert logger.propagate
    assert logger.handlers == []


def test_the_log_is_rotated(failures: Failures) -> None:
    for _ in range(25):
        failures.log("x" * 100_000)
    files = sorted(path.name for path in failures.folder.iterdir())
    assert files == ["visualizer.log", "visualizer.log.1", "visualizer.log.2"]
    assert all(path.stat().st_size <= 1_100_000 for path in failures.folder.iterdir())
