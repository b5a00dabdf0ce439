"""``visualizer export``: what is written is right, whole, and never in place of something else unasked."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtGui import QImage

from tests.fakes import Wave, WaveResult
from visualizer import __version__
from visualizer.base.parameters import Point
from visualizer.cli.main import run
from visualizer.experiments.catalogue import EXPERIMENTS
from visualizer.experiments.landscape.experiment import Landscape
from visualizer.experiments.landscape.state import default_points
from visualizer.sessions.files import save_session
from visualizer.sessions.schema import Session

ROOT = Path(__file__).parents[2]
WAVE = (Wave(),)


class Answer:
    """What a command said."""

    def __init__(self, status: int, out: bytes, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def json(self) -> Any:
        def refuse(token: str) -> Any:
            raise AssertionError(f"{token} is not JSON")

        return json.loads(self.out, parse_constant=refuse)


@pytest.fixture
def export(capfdbinary: pytest.CaptureFixture[bytes]) -> Callable[..., Answer]:
    """Runs ``visualizer export wave ...`` in this process."""

    def call(*words: str | Path, experiments: Any = WAVE, name: str = "wave") -> Answer:
        status = run(["export", name, *map(str, words)], experiments)
        out, err = capfdbinary.readouterr()
        return Answer(status, out, err.decode())

    return call


def refused(answer: Answer) -> str:
    """The one line of a refusal."""
    assert answer.status == 2
    assert answer.out == b""
    assert answer.err.startswith("visualizer: ")
    assert answer.err.count("\n") == 1
    return answer.err.removeprefix("visualizer: ").rstrip("\n")


def test_json_holds_the_state_and_the_numbers_at_the_top_with_all_their_digits(export: Callable[..., Answer]) -> None:
    answer = export("--frequency", "2", "--phase", "-1e-3", "--samples", "1001", "--out", "-")
    assert (answer.status, answer.err) == (0, "")
    written = answer.json
    assert (written["experiment"], written["view"], written["visualizer"]) == ("wave", "wave", __version__)
    assert written["torch"].startswith("2.")
    assert written["state"]["phase"] == -1e-3
    assert list(written["state"]) == list(Wave().parameters())
    x = np.linspace(0.0, 1.0, 1001)
    assert written["wave"]["x"] == x.tolist()
    assert written["wave"]["y"] == np.sin(2 * np.pi * 2.0 * x - 1e-3).tolist()


def test_the_same_numbers_go_to_a_file_and_to_standard_output(export: Callable[..., Answer], tmp_path: Path) -> None:
    assert export("--out", tmp_path / "wave.json").status == 0
    assert (tmp_path / "wave.json").read_bytes() == export("--out", "-", "--format", "json").out


def test_numbers_that_json_cannot_hold_are_null(export: Callable[..., Answer]) -> None:
    class Odd(Wave):
        def numbers(self, result: WaveResult, state: Any) -> dict[str, Any]:
            return {"nan": float("nan"), "array": np.array([1.0, np.inf, -np.inf, np.nan]), "scalar": np.float32(0.5),
                    "count": np.int64(3), "yes": np.bool_(True), "empty": np.array([]), "square": np.eye(2)}

    written = export("--out", "-", experiments=(Odd(),)).json
    assert written["nan"] is None
    assert written["array"] == [1.0, None, None, None]
    assert (written["scalar"], written["count"], written["yes"]) == (0.5, 3, True)
    assert (written["empty"], written["square"]) == ([], [[1.0, 0.0], [0.0, 1.0]])


def test_csv_holds_the_data_of_the_figure(export: Callable[..., Answer], tmp_path: Path) -> None:
    assert export("--figure", "power", "--samples", "50", "--out", tmp_path / "power.csv").status == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "power.csv").read_text(encoding="utf-8"))))
    x = np.linspace(0.0, 1.0, 50)
    assert [float(row["x"]) for row in rows] == x.tolist()
    assert [float(row["y"]) for row in rows] == (np.sin(2 * np.pi * x) ** 2 + 1e-3).tolist()


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_png_has_the_size_asked_for_times_the_scale_and_the_themes_background(
    export: Callable[..., Answer], tmp_path: Path, theme: str
) -> None:
    path = tmp_path / "wave.png"
    answer = export("--out", path, "--size", "640x400", "--scale", "1.5", "--theme", theme)
    assert (answer.status, answer.err) == (0, "")
    image = QImage(str(path))
    assert (image.width(), image.height()) == (960, 600)
    assert (image.pixelColor(2, 2).lightness() > 128) == (theme == "light")
    assert len({image.pixel(x, y) for x in range(0, 960, 3) for y in range(0, 600, 3)}) > 20


@pytest.mark.usefixtures("qapp")
def test_presentation_draws_thicker(export: Callable[..., Answer]) -> None:
    def ink(*more: str) -> int:
        image = QImage.fromData(export("--size", "400x300", "--out", "-", "--format", "png", *more).out)
        background = image.pixel(1, 1)
        return sum(image.pixel(x, y) != background for x in range(400) for y in range(300))

    assert ink("--presentation") > 1.15 * ink()


@pytest.mark.usefixtures("qapp")
def test_all_figures_of_the_page_go_into_a_folder(export: Callable[..., Answer], tmp_path: Path) -> None:
    folder = tmp_path / "figures"
    for format in ("png", "svg", "csv"):
        assert export("--all", "--out", folder, "--format", format, "--size", "300x200").status == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "wave-power.csv", "wave-power.png", "wave-power.svg", "wave-wave.csv", "wave-wave.png", "wave-wave.svg",
    ]
    assert "wave-wave.png and 1 more exist and were left as they are" in refused(export("--all", "--out", folder))
    assert export("--all", "--out", folder, "--size", "300x200", "--overwrite").status == 0


def test_a_program_without_a_display_draws_pictures_and_says_nothing(tmp_path: Path) -> None:
    """In a fresh process, with nothing that names a display or a platform, as on a server."""
    hidden = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "XDG_RUNTIME_DIR")
    # fontconfig complains about a home that it cannot write to, and that is not ours to answer.
    environment = {key: value for key, value in os.environ.items() if key not in hidden} | {"HOME": str(tmp_path)}
    script = ("import sys; from tests.fakes import Wave; from visualizer.cli.main import run; "
              "sys.exit(run(sys.argv[1:], (Wave(),)))")
    for platform in (None, "xcb"):
        path = tmp_path / f"{platform}.png"
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "ignore", "-c", script, "export", "wave", "--out", str(path)],
            env=environment | ({"QT_QPA_PLATFORM": platform} if platform else {}) | {"PYTHONPATH": str(ROOT)},
            capture_output=True, check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
        assert path.read_bytes().startswith(b"\x89PNG\r\n")


@pytest.mark.parametrize("format", ["json", "csv"])
def test_numbers_are_exported_without_qt(tmp_path: Path, format: str) -> None:
    script = ("import sys; from tests.fakes import Wave; from visualizer.cli.main import run; "
              "status = run(sys.argv[1:], (Wave(),)); assert not {'PySide6', 'pyqtgraph'} & set(sys.modules); "
              "sys.exit(status)")
    done = subprocess.run(
        [sys.executable, "-c", script, "export", "wave", "--out", str(tmp_path / f"x.{format}")],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--frequency", "x", "--out", "a.png"],
         "--frequency: 'x' was given; allowed is a number from 0.1 to 100 Hz."),
        (["--frequency", "x"], "--frequency: 'x' was given"),
        (["--frequency", "--out", "a.png"], "--frequency: no value was given; allowed is a number from 0.1 to 100 Hz."),
        (["--phase", "-inf", "--out", "a.png"], "--phase: '-inf' was given; allowed is a number from -3 to 3 rad."),
        (["--out", "a.json/"], "--out: 'a.json/' is a folder; give a file in it."),
        (["--phase", "-9", "--out", "a.png"], "--phase: '-9' was given; allowed is a number from -3 to 3 rad."),
        (["--parts", "A-E", "--out", "a.png"], "--parts: 'A-E' was given; allowed is part names or ranges"),
        (["--grid", "perhaps", "--out", "a.png"], "--grid: 'perhaps' was given; allowed is on or off."),
        (["--frequncy", "1"], "--frequncy is not an option of 'visualizer export wave'; did you mean --frequency?"),
        (["--freq", "1"], "--freq is not an option"),
        (["--figure", "powr", "--out", "a.png"],
         "--figure: 'powr' was given; allowed is one of wave, power, slow (did you mean power?)."),
        (["--figure", "slow", "--view", "wave", "--out", "a.png"], "a figure of the page wave: wave, power"),
        (["--preset", "fasst", "--out", "a.png"], "--preset: 'fasst' was given; allowed is one of fast, plain"),
        (["--preset", "--out", "a.png"], "--preset: no value was given; allowed is one of fast, plain."),
        ([], "--out: no value was given"),
        (["--out"], "--out: no value was given"),
        (["--out", "a.jpg"], "--out: 'a.jpg' was given; allowed is a path ending in .png, .svg, .csv or .json"),
        (["--out", "a.png", "--format", "jpg"], "--format: 'jpg' was given; allowed is one of png, svg, csv, json"),
        (["--out", "a.png", "--format", "svg"], "--format: 'svg' was given, but --out ends in .png"),
        (["--out", "no/such/a.png"], "--out: the folder no/such does not exist."),
        (["--out", "a\0.png"], "--out: "),
        (["--out", "x" * 300 + ".png"], "--out: "),
        (["--out", "a.png", "--size", "10x10"], "--size: '10x10' was given; allowed is WIDTHxHEIGHT in pixels"),
        (["--out", "a.png", "--size", "big"], "--size: 'big' was given"),
        (["--out", "a.png", "--size"], "--size: no value was given"),
        (["--out", "a.png", "--scale", "0"], "--scale: '0' was given; allowed is a number from 0.1 to 10."),
        (["--out", "a.png", "--scale", "nan"], "--scale: 'nan' was given"),
        (["--out", "a.png", "--size", "9000x9000", "--scale", "3"], "allowed are 100 million pixels"),
        (["--out", "a.png", "--theme", "blue"], "--theme: 'blue' was given; allowed is one of light, dark."),
        (["--all", "--out", "-"], "--all: "),
        (["--all", "--out", "f", "--figure", "wave"], "--all: "),
        (["--all", "--out", "f", "--format", "json"], "--all: "),
        (["--session", "none.json", "--out", "a.png"], "--session: The session file none.json does not exist."),
        (["--fail", "user", "--out", "a.json"], "The wave cannot be drawn; choose another."),
        (["stray", "--out", "a.json"], "'stray' was not expected"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_names_the_option(
    export: Callable[..., Answer], words: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert says in refused(export(*words))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_exists_is_left_alone_before_anything_is_computed(
    export: Callable[..., Answer], tmp_path: Path
) -> None:
    path = tmp_path / "wave.json"
    path.write_text("mine")
    # --fail would be an error of the run: it does not come to that.
    assert "exists and was left as it is; --overwrite" in refused(export("--fail", "defect", "--out", path))
    assert path.read_text() == "mine"
    assert export("--out", path, "--overwrite").status == 0
    assert json.loads(path.read_text())["experiment"] == "wave"


def test_a_link_to_nowhere_exists_too(export: Callable[..., Answer], tmp_path: Path) -> None:
    (tmp_path / "wave.json").symlink_to(tmp_path / "nowhere")
    assert "exists" in refused(export("--out", tmp_path / "wave.json"))


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo terminals")
@pytest.mark.parametrize(("reply", "status"), [(b"y\n", 0), (b"n\n", 2), (b"\n", 2), (b"\x04", 2)])
def test_on_a_terminal_replacing_is_asked_for(tmp_path: Path, reply: bytes, status: int) -> None:
    import pty

    path = tmp_path / "wave.json"
    path.write_text("mine")
    script = ("import sys; from tests.fakes import Wave; from visualizer.cli.main import run; "
              "sys.exit(run(sys.argv[1:], (Wave(),)))")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", script, "export", "wave", "--out", str(path)], stdin=theirs, stdout=subprocess.DEVNULL,
        stderr=theirs, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(theirs)
    seen = b""
    while not seen.endswith(b"[y/N] "):
        seen += os.read(ours, 1)
    os.write(ours, reply)
    assert process.wait(60) == status
    os.close(ours)
    assert (path.read_text() != "mine") == (status == 0)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_said(export: Callable[..., Answer], tmp_path: Path) -> None:
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert "may not be written to" in refused(export("--out", tmp_path / "a.json"))
    finally:
        tmp_path.chmod(stat.S_IRWXU)


def test_a_folder_in_place_of_the_file_and_a_file_in_place_of_the_folder_are_said(
    export: Callable[..., Answer], tmp_path: Path
) -> None:
    (tmp_path / "a.png").mkdir()
    assert "is a folder; give a file in it" in refused(export("--out", tmp_path / "a.png"))
    (tmp_path / "b").write_text("")
    assert "is a file; with --all it is a folder" in refused(export("--all", "--out", tmp_path / "b"))
    assert "is a folder; give a file in it" in refused(export("--out", ".", "--format", "png"))


def test_session_then_preset_then_options_make_the_state(export: Callable[..., Answer], tmp_path: Path) -> None:
    path = tmp_path / "session.json"
    state = Wave().default_state().changed(samples=7, phase=2.0, frequency=5.0)
    save_session(path, Session({"wave": state}, "wave"), WAVE)
    written = export("--phase", "1", "--session", path, "--preset", "fast", "--out", "-").json["state"]
    assert (written["samples"], written["phase"], written["frequency"]) == (7, 1.0, 20.0)


def test_names_are_those_of_the_points_given_beside_them(export: Callable[..., Answer], tmp_path: Path) -> None:
    class Still(Landscape):
        """The landscape's declarations without its computation."""

        def run(self, request: Any) -> Any:
            yield WaveResult(np.array([]), np.array([]))

        def numbers(self, result: Any, state: Any) -> dict[str, Any]:
            return {}

    path = tmp_path / "points.csv"
    path.write_text("name,x,y\nleft,0,1\nmiddle,1,2\nright,2,1\nfar,3,0\n")
    words = ("--remove", "middle-right", "--points", path, "--out", "-")
    state = export(*words, experiments=(Still(),), name="landscape").json["state"]
    assert state["remove"] == ["middle", "right"]
    assert Point(*state["points"][0]) == Point("left", 0.0, 1.0)
    answer = export("--remove", "P3", "--points", path, "--out", "-", experiments=(Still(),), name="landscape")
    assert refused(answer).startswith("--remove: 'P3' was given; allowed is point names")
    session = tmp_path / "session.json"
    removed = Still().default_state().changed(remove=("P3", "P4"))
    save_session(session, Session({"landscape": removed}, "landscape"), (Still(),))
    words = ("--session", session, "--points", path, "--out", "-")
    assert export(*words, experiments=(Still(),), name="landscape").json["state"]["remove"] == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"), (b"a,b,c\n", "no points"), (b"P1,1,x\n", "Line 1: y is 'x'"), (b"P1,1,nan\nP2,2,3\n", "finite"),
        (b"P1,1,2\nP2,1,3\n", "x = 1 twice"), (b"P1,1,2\n", "1 point"), (b"\xff\xfe", "not text in UTF-8"),
        (b"1,1\n" * 300_000, "larger than"), (b"P1,1,2,3,4\nP2,2,3\n", "Line 1 has 5 cells"),
    ],
)
def test_points_that_cannot_be_used_are_refused_with_their_option(
    export: Callable[..., Answer], tmp_path: Path, content: bytes, says: str
) -> None:
    path = tmp_path / "points.csv"
    path.write_bytes(content)
    line = refused(export("--points", path, "--out", tmp_path / "a.json", experiments=EXPERIMENTS, name="landscape"))
    assert line.startswith("--points: ")
    assert says in line


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes")
def test_points_may_come_through_a_pipe(tmp_path: Path) -> None:
    """As a shell's ``--points <(command)`` passes them."""
    reading, writing = os.pipe()
    rows = "\n".join(f"{point.name},{point.x},{point.y + 1}" for point in default_points())
    os.write(writing, rows.encode())
    os.close(writing)
    script = ("import sys; from visualizer.cli.parameter_options import export_parser\n"
              "from visualizer.cli.states import state_from\n"
              "from visualizer.experiments.catalogue import EXPERIMENTS, experiment; entry = experiment('landscape')\n"
              "print(state_from(vars(export_parser(entry).parse(sys.argv[1:])), entry, EXPERIMENTS).points[0])")
    done = subprocess.run(
        [sys.executable, "-c", script, "--points", f"/dev/fd/{reading}"], pass_fds=[reading], capture_output=True,
        text=True, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    os.close(reading)
    assert done.stdout.strip() == repr(default_points()[0]._replace(y=default_points()[0].y + 1))


def test_standard_output_that_closes_early_is_no_error_message() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    script = ("import sys; from tests.fakes import Wave; from visualizer.cli.main import run; "
              "sys.exit(run(sys.argv[1:], (Wave(),)))")
    done = subprocess.run(
        [sys.executable, "-c", script, "export", "wave", "--samples", "100000", "--out", "-"], stdout=writing,
        stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_numbers_under_a_reserved_name_are_a_defect_not_a_lost_value(export: Callable[..., Answer]) -> None:
    class Taking(Wave):
        def numbers(self, result: WaveResult, state: Any) -> dict[str, Any]:
            return {"state": 1}

    answer = export("--out", "-", experiments=(Taking(),))
    assert answer.status == 1
    assert "reserved names state" in answer.err


def test_an_option_of_another_page_is_named_in_a_note(export: Callable[..., Answer], tmp_path: Path) -> None:
    done = export("--view", "slow", "--frequency", "3", "--samples", "20", "--out", str(tmp_path / "x.json"))
    assert done.status == 0
    assert "--frequency means nothing on the page slow" in done.err
    assert "--samples" not in done.err
