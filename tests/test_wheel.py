"""The product as others get it: a wheel, installed outside of the checkout, runs and finds its resources."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 100.0

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Installed:
    """A wheel, an environment with nothing of ours but that wheel, and a folder to work in."""

    wheel: Path
    programs: Path
    cwd: Path

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # No display, nothing that leads back to the checkout, and a home that is new.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "XDG_", "QT_"))}
        for name in ("DISPLAY", "WAYLAND_DISPLAY"):
            kept.pop(name, None)
        return subprocess.run(
            [str(self.programs / program), *arguments], cwd=self.cwd, env=kept | {"HOME": str(self.cwd)},
            capture_output=True, text=True, timeout=SECONDS, stdin=subprocess.DEVNULL,
        )


def build(kind: str, source: Path, target: Path) -> Path:
    """The one file that the build backend makes of a source folder: ``kind`` is wheel or sdist."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)],
        cwd=source, check=True, capture_output=True, timeout=SECONDS,
    )
    (built,) = target.iterdir()
    return built


def files_of(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build("wheel", ROOT, folder / "dist")
    environment = folder / "environment"
    venv.create(environment, with_pip=False, symlinks=True)
    programs = environment / "bin"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(programs / "python"), "install", "--quiet", "--no-deps",
         "--no-index", str(wheel)],
        check=True, capture_output=True, timeout=SECONDS,
    )
    # The dependencies are this environment's. A folder that a .pth file adds has its own .pth files ignored,
    # so the checkout, installed here as editable, stays out of it.
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    cwd = folder / "elsewhere"
    cwd.mkdir()
    return Installed(wheel, programs, cwd)


def test_the_code_and_the_resources_come_from_the_wheel(installed: Installed) -> None:
    run = installed.run("python", "-c", "import visualizer.base.resources as r; print(r.__file__, r.resource('fonts'))")
    assert run.returncode == 0, run.stderr
    for place in run.stdout.split():
        assert Path(place).is_relative_to(installed.programs.parent), place


def test_the_installed_command_lists_every_experiment(installed: Installed) -> None:
    run = installed.run("visualizer", "list", "--json")
    assert (run.returncode, run.stderr) == (0, "")
    assert "landscape" in [entry["name"] for entry in json.loads(run.stdout)["experiments"]]


def test_the_installed_command_exports_a_picture_without_a_display(installed: Installed) -> None:
    run = installed.run(
        "visualizer", "export", "landscape", "--remove", "P9-P13", "--steps", "50", "--size", "640x400",
        "--out", "x.png",
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    header = (installed.cwd / "x.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(header[16:20]), int.from_bytes(header[20:24])) == (640, 400)


def test_the_window_command_and_the_module_know_their_version(installed: Installed) -> None:
    expected = importlib.metadata.version("visualizer")
    for words in (("visualizer", "--version"), ("visualizer-gui", "--version"),
                  ("python", "-m", "visualizer", "--version")):
        run = installed.run(*words)
        assert run.returncode == 0, run.stderr
        assert expected in run.stdout


def test_the_wheel_holds_every_resource_and_the_licences_and_nothing_else_of_the_checkout(installed: Installed) -> None:
    files = files_of(installed.wheel)
    resources = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "resources").rglob("*")
        if path.is_file() and "screenshots" not in path.parts  # the README's, no part of the product
    }
    assert {name for name in files if name.startswith("visualizer/resources/")} == {f"visualizer/{n}" for n in resources}
    assert "visualizer/py.typed" in files
    licences = [name for name in files if ".dist-info/licenses/" in name]
    assert any(name.endswith("/LICENSE") for name in licences)
    assert sum("OFL" in name for name in licences) == len(list((ROOT / "resources" / "fonts").glob("*OFL*")))
    assert {name.split("/")[0].partition("-")[0] for name in files} == {"visualizer"}
    assert not [name for name in files if "__pycache__" in name or name.endswith((".pyc", ".log"))]


def test_the_source_distribution_makes_the_same_wheel(installed: Installed, tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    # By the command: the module's filters came with Python 3.11.4, and unpacking without one is a warning in 3.12.
    (tmp_path / "source").mkdir()
    subprocess.run(["tar", "-xzf", str(sdist), "-C", str(tmp_path / "source")], check=True, timeout=SECONDS)
    (source,) = (tmp_path / "source").iterdir()
    assert {"tests", "benchmarks", "constraints.txt", "CHANGELOG.md"} <= {path.name for path in source.iterdir()}
    assert files_of(build("wheel", source, tmp_path / "wheel")) == files_of(installed.wheel)
