"""The program where there is no screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from xvfb import environment

pytestmark = pytest.mark.timeout(300)


def test_without_a_display_one_line_says_so(home: Path, tmp_path: Path) -> None:
    for more in ({}, {"DISPLAY": ":987654"}):
        run = subprocess.run(
            [sys.executable, "-m", "visualizer", "--fresh"], cwd=tmp_path, env=environment(home, **more),
            capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
        )
        assert run.returncode == 3
        assert run.stdout == ""
        assert run.stderr.startswith("visualizer: ")
        assert run.stderr.count("\n") == 1
        assert "display" in run.stderr
