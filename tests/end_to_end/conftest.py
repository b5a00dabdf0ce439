"""A display of its own for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from xvfb import Display, missing


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def display(home: Path) -> Iterator[Display]:
    if missing() and "CI" not in os.environ:
        pytest.skip(f"needs {', '.join(missing())}; bash .ci/test installs them")
    with Display(home) as screen:
        yield screen
