"""The command as a program: what it prints, where, with which exit status, and what it imports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from visualizer import __version__
from visualizer.__main__ import main
from visualizer.cli.main import run
from visualizer.experiments.catalogue import EXPERIMENTS

ROOT = Path(__file__).parents[2]
HEAVY = ("numpy", "torch", "scipy", "pydantic", "PySide6", "pyqtgraph")
#: The command with the fake experiment instead of the product's own.
FAKE = ("-c", "import sys; from tests.fakes import Wave; from visualizer.cli.main import run; "
              "sys.exit(run(sys.argv[1:], (Wave(),)))")

#: A run that never ends by itself.
ENDLESS = """
import sys
from tests.fakes import Wave, WaveResult
from visualizer.cli.main import run

class Endless(Wave):
    def run(self, request):
        result = next(super().run(request))
        while True:
            yield WaveResult(result.x, result.y, progress=0.5)

sys.exit(run(sys.argv[1:], (Endless(),)))
"""


def start(words: Sequence[str], fake: bool = False, **options: object) -> subprocess.Popen[bytes]:
    environment = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    environment["PYTHONPATH"] = str(ROOT)
    environment.pop("QT_QPA_PLATFORM", None)
    environment |= options.pop("env", {})  # type: ignore[operator]
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, *(FAKE if fake else ("-m", "visualizer")), *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options,
    )


def finish(words: Sequence[str], fake: bool = False, **options: object) -> tuple[int, str, str]:
    process = start(words, fake, **options)
    out, err = process.communicate(timeout=60)
    return process.returncode, out.decode(), err.decode()


def test_python_dash_m_answers_with_the_version() -> None:
    assert finish(["--version"]) == (0, f"visualizer {__version__}\n", "")


@pytest.mark.parametrize(
    "words",
    [["--version"], ["--help"], ["list"], ["list", "--json"], ["export", "landscape", "--help"], ["export", "x"]],
    ids=" ".join,
)
def test_what_only_declares_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import sys\nfrom visualizer.__main__ import main\nmain(sys.argv[1:])\n"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_list_is_complete_json(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsysbinary.readouterr().out)
    assert [entry["name"] for entry in listed["experiments"]] == [entry.name for entry in EXPERIMENTS]
    landscape = listed["experiments"][-1]
    alpha = next(entry for entry in landscape["parameters"] if entry["name"] == "alpha")
    assert (alpha["type"], alpha["minimum"], alpha["maximum"], alpha["default"]) == ("real", 1e-6, 10.0, 0.05)
    assert {"name": "descent", "view": "descent", "main": True} in landscape["figures"]


def test_the_list_is_readable_in_a_terminal_that_knows_ascii_only() -> None:
    status, out, err = finish(["list"], env={"PYTHONIOENCODING": "ascii", "COLUMNS": "80"})
    assert (status, err) == (0, "")
    assert "--alpha" in out
    assert out.isascii()
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["exprt"], "visualizer: 'exprt' was given; allowed is list, export, one of the experiments "
                    + ", ".join(entry.name for entry in EXPERIMENTS) + ", or options of the window; did you mean export?"),
        (["mine.json"], "did you mean --session mine.json?"),
        (["--fresch"], "visualizer: --fresch is not an option of 'visualizer'; did you mean --fresh?"),
        (["--theme", "blue"], "visualizer: --theme: 'blue' was given; allowed is one of light, dark."),
        (["--tab", "landscap"], "did you mean landscape?"),
        (["--session"], "visualizer: --session: no value was given; allowed is the path of a session file."),
        (["--session", "none.json"], "visualizer: --session: The session file none.json does not exist."),
        (["--session", "x", "--fresh"], "give only one of them"),
        (["--fresh", "extra"], "'extra' was not expected"),
        (["--fresh=yes"], "visualizer: Argument --fresh: ignored explicit argument 'yes'."),
        (["list", "--jsn"], "did you mean --json?"),
        (["export"], "comes the experiment"),
        (["export", "--out", "x.png", "landscape"], "comes the experiment"),
        (["export", "landscapes"], "EXPERIMENT: 'landscapes' was given; allowed is one of "
                                   + ", ".join(entry.name for entry in EXPERIMENTS) + "; did you mean landscape?"),
    ],
)
def test_every_mistake_is_one_line_and_status_2(
    words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert says in err
    assert err.startswith("visualizer: ")
    assert err.count("\n") == 1


def test_control_characters_in_a_mistake_stay_on_the_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evil\n\x1b[31m"]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "\x1b" not in err


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pipes")
@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["export", "landscape", "--help"]], ids=" ".join)
def test_a_reader_that_has_gone_is_no_error_message(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "visualizer", *words], stdout=writing, stderr=subprocess.PIPE, cwd=ROOT, check=False,
    )
    os.close(writing)
    assert done.stderr == b""
    assert done.returncode == 141


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("words", [["list"], ["list", "--json"], ["--version"]], ids=" ".join)
def test_a_full_disk_behind_standard_output_is_one_line(words: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "visualizer", *words], stdout=full, stderr=subprocess.PIPE, cwd=ROOT, check=False,
        )
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"No space left" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")
def test_ctrl_c_on_a_terminal_ends_with_130_and_one_line(tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS, "export", "wave", "--out", str(tmp_path / "x.json")],
        stdout=subprocess.DEVNULL, stderr=theirs, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(theirs)
    seen = b""
    while b"%" not in seen:  # progress is shown: the run is under way
        seen += os.read(ours, 1)
    process.send_signal(signal.SIGINT)
    try:
        while piece := os.read(ours, 4096):
            seen += piece
    except OSError:  # the terminal's other side is closed
        pass
    os.close(ours)
    assert process.wait(60) == 130
    assert seen.endswith(b"visualizer: stopped.\r\n")
    assert list(tmp_path.iterdir()) == []


def test_a_defect_is_one_line_with_status_1_and_its_traceback_on_request() -> None:
    status, out, err = finish(["export", "wave", "--fail", "defect", "--out", "-"], fake=True)
    assert (status, out) == (1, "")
    assert err == "visualizer: a defect in visualizer: ZeroDivisionError: a defect (--debug shows where)\n"
    status, out, err = finish(["export", "wave", "--fail", "defect", "--out", "-", "--debug"], fake=True)
    assert status == 1
    assert "Traceback" in err
    assert "fakes.py" in err


def test_without_a_display_the_window_says_so_in_one_line() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("a display server that can be missing")
    status, out, err = finish([])
    assert (status, out) == (3, "")
    assert "There is no display" in err
    assert err.count("\n") == 1


def test_nothing_on_standard_output_is_needed_by_a_program_without_console(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    assert run(["list"]) == 0
    assert run(["nonsense"]) == 2
    assert run(["list", "--json"]) == 2
