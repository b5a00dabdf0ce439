"""What Qt lacks is one line that says what to do, in processes where Qt itself would abort."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from visualizer.base import system_libraries
from visualizer.base.system_libraries import import_problem, qt_problem

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems bring all that Qt needs")

ROOT = Path(__file__).parents[2]
EXPORT = ("import sys; from tests.fakes import Wave; from visualizer.cli.main import run; "
          "sys.exit(run(['export', 'wave', '--out', sys.argv[1]], (Wave(),)))")
#: Qt and nothing else, to see whether its platform can be started at all; its abort leaves no core file.
QT_ALONE = """
import resource
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
from PySide6.QtWidgets import QApplication
QApplication([])
"""


def finish(*words: str, **environment: str) -> tuple[int, str, str]:
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XDG_SESSION_TYPE")
    inherited = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, *words], env=inherited | {"PYTHONPATH": str(ROOT)} | environment, capture_output=True,
        text=True, timeout=60, check=False,
    )
    return done.returncode, done.stdout, done.stderr


def one_line(answer: tuple[int, str, str]) -> str:
    status, out, err = answer
    assert (status, out) == (3, "")
    assert err.startswith("visualizer: ")
    assert err.count("\n") == 1
    return err


@pytest.fixture
def broken(tmp_path: Path) -> dict[str, str]:
    """An environment in which the linker finds libxcb-cursor and libEGL, but nothing in them."""
    for name in ("libxcb-cursor.so.0", "libEGL.so.1"):
        (tmp_path / name).write_bytes(b"")
    return {"LD_LIBRARY_PATH": str(tmp_path)}


def test_a_display_that_cannot_be_opened_is_said_where_qt_would_abort() -> None:
    """First that Qt does abort: without that, there would be nothing to find out beforehand."""
    status, _, _ = finish("-c", QT_ALONE, DISPLAY=":4242")
    assert status == -6
    line = one_line(finish("-m", "visualizer", DISPLAY=":4242"))
    assert "':4242'" in line
    assert "cannot be opened" in line


@pytest.mark.parametrize("platform", ["xcb", "wayland", "wayland;xcb", "xcb:foo=1"])
def test_a_platform_that_was_asked_for_needs_its_display(platform: str) -> None:
    assert "display" in one_line(finish("-m", "visualizer", QT_QPA_PLATFORM=platform)).lower()


def test_a_wayland_display_that_does_not_answer_is_said(tmp_path: Path) -> None:
    line = one_line(finish("-m", "visualizer", WAYLAND_DISPLAY="wayland-77", XDG_RUNTIME_DIR=str(tmp_path)))
    assert "wayland-77" in line


def test_a_platform_that_qt_does_not_have_is_said_with_those_it_has() -> None:
    line = one_line(finish("-m", "visualizer", QT_QPA_PLATFORM="nonsense"))
    assert "'nonsense'" in line
    assert "offscreen" in line


def test_a_library_of_the_windows_plugin_that_does_not_load_is_said_where_qt_would_abort(
    broken: dict[str, str]
) -> None:
    status, _, _ = finish("-c", QT_ALONE, DISPLAY=":4242", **broken)
    assert status != 0
    line = one_line(finish("-m", "visualizer", DISPLAY=":4242", **broken))
    assert "sudo apt install" in line
    assert "libxcb-cursor0" in line
    assert "libegl1" in line


def test_a_library_that_pictures_need_and_that_does_not_load_is_said(broken: dict[str, str], tmp_path: Path) -> None:
    line = one_line(finish("-c", EXPORT, str(tmp_path / "x.png"), **broken))
    assert "libEGL.so.1" in line
    assert "sudo apt install libegl1" in line
    assert not (tmp_path / "x.png").exists()
    assert finish("-c", EXPORT, str(tmp_path / "x.json"), **broken) == (0, "", "")


@pytest.mark.parametrize("platform", ["offscreen", "minimal", "vnc", "offscreen:foo"])
def test_platforms_without_a_display_need_none(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", platform)
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert qt_problem() is None
    assert qt_problem(window=False) is None


def test_the_second_display_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "wayland;offscreen")
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-77")
    assert qt_problem() is None


def test_everything_that_is_missing_is_asked_for_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {"libxcb-cursor.so.0", "libxcb-icccm.so.4", "libglib-2.0.so.0", "libgthread-2.0.so.0"}

    def load(library: str) -> str | None:
        if library.endswith("libqxcb.so"):
            return "libxcb-icccm.so.4: cannot open shared object file: No such file or directory"
        return f"{library}: cannot open shared object file: No such file or directory" if library in missing else None

    monkeypatch.setattr(system_libraries, "_load", load)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    assert qt_problem() == (
        "Qt needs the system library libxcb-icccm.so.4, which is missing; on Debian or Ubuntu: "
        "sudo apt install libxcb-icccm4 libglib2.0-0 libxcb-cursor0."
    )


def test_a_failed_import_names_the_package_and_other_failures_are_not_taken_for_one(
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_libraries, "_load", lambda library: None)
    error = ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")
    assert import_problem(error) == (
        "Qt needs the system library libEGL.so.1, which is missing; on Debian or Ubuntu: sudo apt install libegl1."
    )
    unknown = import_problem(ImportError("libnew.so.7: cannot open shared object file: No such file or directory"))
    assert unknown == "Qt needs the system library libnew.so.7, which is missing."
    assert import_problem(ImportError("cannot import name 'x' from 'y'")) is None


def test_qt_is_not_imported_to_find_out() -> None:
    script = "import sys; from visualizer.base.system_libraries import qt_problem; qt_problem(); " \
             "print([name for name in sys.modules if name.startswith('PySide6')])"
    assert finish("-c", script, DISPLAY=":4242") == (0, "[]\n", "")


@pytest.mark.display
def test_a_display_that_answers_is_no_problem(tmp_path: Path) -> None:
    from tests.xvfb import Display, missing

    if missing():
        pytest.skip(f"needs {', '.join(missing())}")
    script = "from visualizer.base.system_libraries import qt_problem; print(qt_problem())"
    with Display(tmp_path / "home") as display:
        assert finish("-c", script, DISPLAY=display.name) == (0, "None\n", "")
        assert finish("-c", QT_ALONE, DISPLAY=display.name)[0] == 0
