"""The real program inside a benchmark: without what the user has saved, and with a heartbeat."""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Slot

BEAT_MS = 5
ROOT = Path(__file__).resolve().parent.parent


def options() -> argparse.Namespace:
    """The command line of a window that begins with the defaults."""
    return argparse.Namespace(session=None, fresh=True, theme="light", presentation=False, tab=None, version=False)


@cache
def _byte_code() -> tempfile.TemporaryDirectory[str]:
    """Where the children keep byte code: an installed program has it, whatever this shell says about writing it."""
    return tempfile.TemporaryDirectory(prefix="byte-code-")


def child(module: str, *arguments: str) -> Any:
    """Run ``python -m module arguments`` in a home of its own, and read the JSON in its last line."""
    with tempfile.TemporaryDirectory() as home:
        homes = dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"), home)
        variables = {"QT_QPA_PLATFORM": "offscreen", **os.environ, **homes, "PYTHONPYCACHEPREFIX": _byte_code().name}
        variables.pop("PYTHONDONTWRITEBYTECODE", None)
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments], cwd=ROOT, env=variables, capture_output=True, text=True,
            check=False,
        )
    if done.returncode != 0 or not done.stdout:
        raise SystemExit(f"{module} {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


class Heart(QObject):
    """A timer in the GUI thread that beats every 5 ms; ``gaps`` are the milliseconds between two beats."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.gaps: list[float] = []
        self._last = 0.0
        self._timer = QTimer(self, interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    @Slot()
    def start(self) -> None:
        """Begin anew."""
        self.gaps = []
        self._last = time.perf_counter()
        self._timer.start()

    @Slot()
    def _beat(self) -> None:
        now = time.perf_counter()
        self.gaps.append((now - self._last) * 1e3)
        self._last = now


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least so many percent of the values do not exceed."""
    return sorted(values)[max(0, math.ceil(len(values) * percent / 100) - 1)]


def verdict(name: str, value: float, limit: float, unit: str, at_least: bool = False) -> bool:
    """Print a figure beside its limit; whether the limit holds."""
    held = value >= limit if at_least else value <= limit
    sign = "≥" if at_least else "≤"
    print(f"{name:58s} {value:8.2f} {unit:3s} {sign} {limit:6.2f}  {'ok' if held else 'MISSED'}")
    return held
