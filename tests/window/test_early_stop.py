"""Ctrl-C while the window starts ends the program silently, whatever is being imported."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from visualizer.base.early_stop import EarlyStop

ROOT = Path(__file__).resolve().parents[2]

#: Says when PySide6 is first imported: from then on an exception would be raised inside shiboken.
SCRIPT = """
import sys
begun = False
def hear(event, args):
    global begun
    if not begun and event == "import" and args[0].startswith("PySide6"):
        begun = True
        print("begun", flush=True)
sys.addaudithook(hear)
from visualizer.cli.main import run
sys.exit(run(["--fresh"]))
"""


@pytest.mark.timeout(120)
@pytest.mark.skipif(sys.platform == "win32", reason="a console program's Ctrl-C cannot be sent to one process there")
@pytest.mark.parametrize("delay", [0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5])
def test_ctrl_c_at_the_start_ends_silently(tmp_path: Path, delay: float) -> None:
    folders = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), str(tmp_path))
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, **folders, "QT_QPA_PLATFORM": "offscreen"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    timer = threading.Timer(delay, process.send_signal, [signal.SIGINT])
    timer.start()
    try:
        _, err = process.communicate(timeout=60)
    finally:
        timer.cancel()
        process.kill()
    assert process.returncode in {0, 130}
    assert [line for line in err.splitlines() if "propagateSizeHints" not in line] == []


def test_ctrl_c_is_given_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    stop = EarlyStop()
    stop.install()
    try:
        signal.raise_signal(signal.SIGINT)
        assert stop.asked
    finally:
        stop.uninstall()
    assert signal.getsignal(signal.SIGINT) == before


def test_outside_the_main_thread_ctrl_c_is_left_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=EarlyStop().install)
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGINT) == before
