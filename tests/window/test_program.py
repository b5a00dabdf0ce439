"""The whole program in a process of its own: it paints first, ends at once, and leaves nothing on stderr."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

CLOSED = 1.0
"""Seconds that closing may take, whatever is being done."""

#: Runs the program over an experiment that never ends, and says on stdout what happens.
SCRIPT = """
import argparse, sys, time
from PySide6.QtCore import QObject, QTimer, Slot
from tests.fakes import Wave
from visualizer.ui import application
from visualizer.ui.first_paint import FirstPaint

# The fake experiment draws with numpy; the product's own are declared without.
HEAVY = {"torch", "numpy", "pyqtgraph", "scipy", "pydantic", "ziamath"} - sys.modules.keys()

class Endless(Wave):
    def run(self, request):
        if request.view == "wave":
            yield from super().run(request)
            return
        while True:
            end = time.perf_counter() + 0.02
            while time.perf_counter() < end:
                pass
            yield None

class Watch(QObject):
    def __init__(self, program):
        super().__init__()
        self.program = program
        FirstPaint(program.window).painted.connect(self.painted)

    @Slot()
    def painted(self):
        print("painted", *sorted(HEAVY & sys.modules.keys()), flush=True)
        self.timer = QTimer(self, interval=20)
        self.timer.timeout.connect(self.look)
        self.timer.start()
        if WHEN == "loading":
            QTimer.singleShot(150, self.act)

    @Slot()
    def look(self):
        interior = self.program.window._interior
        control = interior.tab.controller if interior is not None else None
        if control is None or not control.up_to_date or WHEN == "loading":
            return
        self.timer.stop()
        print("shown", flush=True)
        control.choose_page("slow")
        QTimer.singleShot(100, self.act)

    @Slot()
    def act(self):
        print("acting", time.monotonic(), flush=True)
        if HOW == "close":
            self.program.window.close()

class Watched(application.Program):
    def start(self):
        self.watch = Watch(self)
        super().start()

application.Program = Watched
options = argparse.Namespace(session=None, fresh=False, theme=None, presentation=False, tab=None)
status = application.run(options, (Endless(),))
print("ended", time.monotonic(), flush=True)
sys.exit(status)
"""


def started(home: Path, when: str, how: str) -> subprocess.Popen[str]:
    folders = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), str(home))
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", f"WHEN, HOW = {when!r}, {how!r}\n{SCRIPT}"], cwd=ROOT, text=True,
        env={**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )


def moment(lines: list[str], word: str) -> float:
    return next(float(line.split()[1]) for line in lines if line.startswith(word))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("when", ["running", "loading"])
def test_closing_ends_within_a_second_with_status_0_and_a_silent_stderr(tmp_path: Path, when: str) -> None:
    process = started(tmp_path, when, "close")
    out, err = process.communicate(timeout=120)
    ended = time.monotonic()
    lines = out.splitlines()
    assert lines[0] == "painted", "nothing heavy is imported before the first paint"
    assert process.returncode == 0
    assert [line for line in err.splitlines() if "propagateSizeHints" not in line] == []
    assert ended - moment(lines, "acting") < CLOSED + 0.5, "half a second is this process's own"
    assert moment(lines, "ended") - moment(lines, "acting") < CLOSED


@pytest.mark.timeout(180)
@pytest.mark.skipif(sys.platform == "win32", reason="a console program's Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminate"])
def test_a_signal_closes_the_window_as_its_button_does(tmp_path: Path, number: signal.Signals) -> None:
    process = started(tmp_path, "running", "wait")
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("acting"):
            break
    sent = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert time.monotonic() - sent < CLOSED + 0.5
    assert process.returncode == 0
    assert [line for line in err.splitlines() if "propagateSizeHints" not in line] == []
    assert "ended" in out
    assert list(tmp_path.rglob("window.ini")), "what the window remembers is saved"
    assert '"view": "slow"' in next(iter(tmp_path.rglob("session.json"))).read_text()
