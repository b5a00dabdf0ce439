"""What is Qt-free, what is free of heavy imports as well, and who may import whom."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import visualizer

ROOT = Path(__file__).parents[1]
QT = ("PySide6", "shiboken6", "pyqtgraph", "qtpy")
HEAVY = ("torch", "numpy", "scipy", "pydantic", "ziamath")
QT_FREE_FOLDERS = ("base", "figures", "components", "experiments", "sessions")


def _modules(folder: str) -> list[str]:
    path = Path(visualizer.__path__[0]) / folder
    name = f"visualizer.{folder}"
    return [name, *(found.name for found in pkgutil.walk_packages([str(path)], f"{name}."))]


def _declaring() -> list[str]:
    """What declares the tabs: needed for the first paint, for ``list`` and for ``--help``."""
    experiments = [name for name in _modules("experiments")
                   if name.rpartition(".")[2] in ("catalogue", "state", "experiment", "requests")]
    return ["visualizer.base.experiment", "visualizer.base.messages", "visualizer.figures.model",
            "visualizer.figures.palette", *experiments]


def _loaded(modules: Iterable[str], unwanted: Iterable[str], then: str = "") -> str:
    """Import these modules in a fresh process; which of the unwanted packages are loaded, by the first to load it."""
    script = f"""
import importlib, sys
loaded = {{}}
for name in {list(modules)!r}:
    importlib.import_module(name)
    for unwanted in {list(unwanted)!r}:
        if unwanted in sys.modules:
            loaded.setdefault(unwanted, name)
{then}
print(*(f"{{name}} imports {{unwanted}}" for unwanted, name in loaded.items()), sep="; ")
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], cwd=ROOT, capture_output=True, text=True,
                          check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("folder", QT_FREE_FOLDERS)
def test_no_module_of_the_folder_imports_qt(folder: str) -> None:
    assert _loaded(_modules(folder), QT) == ""


def test_no_module_of_all_qt_free_folders_together_imports_qt() -> None:
    assert _loaded((name for folder in QT_FREE_FOLDERS for name in _modules(folder)), QT) == ""


@pytest.mark.parametrize("module", _declaring())
def test_what_declares_a_tab_imports_nothing_heavy(module: str) -> None:
    assert _loaded([module], (*QT, *HEAVY)) == ""


def test_all_states_requests_and_forms_are_made_without_anything_heavy() -> None:
    use = f"""
from visualizer.experiments.catalogue import EXPERIMENTS
assert EXPERIMENTS
for experiment in EXPERIMENTS:
    state = experiment.default_state()
    for view in experiment.views:
        shown = state.changed(view=view.name)
        hash(experiment.request(shown))
        assert experiment.visible_parameters(shown) is not None
    for preset in experiment.presets:
        experiment.request(state.changed(**preset.values))
for unwanted in {(*QT, *HEAVY)!r}:
    if unwanted in sys.modules:
        loaded.setdefault(unwanted, "use")
"""
    assert _loaded(["visualizer.experiments.catalogue"], (*QT, *HEAVY), use) == ""


def test_what_an_import_brings_in_is_noticed() -> None:
    assert _loaded(["visualizer.figures.model", "numpy"], HEAVY) == "numpy imports numpy"


def test_the_import_contracts_hold() -> None:
    lint = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 kept, 0 broken" in done.stdout


def test_the_workers_client_is_imported_without_the_worker() -> None:
    worker = ("visualizer.worker.torch_worker", "visualizer.worker.scheduler", "visualizer.base.messages", *HEAVY)
    assert _loaded(["visualizer.worker.client", "visualizer.worker.loading", "visualizer.ui.first_paint"], worker) == ""
