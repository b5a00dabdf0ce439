"""Real torch in the worker's thread, and windows that are closed while it is imported."""

from __future__ import annotations

import gc
import importlib.machinery
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from tests.fakes import Wave, WaveRequest, WaveResult, WaveState
from tests.worker.listening import Listener
from visualizer.base.messages import Broken, Loading, Ready, Update
from visualizer.worker import loading
from visualizer.worker.client import TorchClient
from visualizer.worker.loading import ImportGate, Interrupted, Milestone, prepare_torch

Made = Callable[..., tuple[TorchClient, Listener]]


@pytest.fixture(autouse=True)
def _switch_interval() -> Iterator[None]:
    before = sys.getswitchinterval()
    yield
    sys.setswitchinterval(before)
    gc.unfreeze()


class Slope(Wave):
    """The slope of a wave by torch's autograd."""

    def run(self, request: WaveRequest) -> Iterator[WaveResult | None]:
        import torch

        x = torch.linspace(0, 1, request.samples, dtype=torch.float64, requires_grad=True)
        torch.sin(request.frequency * x).sum().backward()
        assert x.grad is not None
        yield WaveResult(x.detach().numpy(), x.grad.numpy(), steps=torch.get_num_threads())


def test_torch_is_imported_and_computes_in_the_workers_thread(make_client: Made, qtbot: QtBot) -> None:
    client, ear = make_client(prepare_torch)
    generation = client.submit(Slope(), WaveState(frequency=3.0, samples=50))
    client.start()
    qtbot.waitUntil(lambda: bool(ear.of(Ready)), timeout=60_000)
    ready = ear.of(Ready)[0]
    assert ready.torch_version == sys.modules["torch"].__version__
    assert "cpu" in ready.devices
    assert ready.threads == 1
    assert ear.answered(generation)
    result: Any = ear.of(Update)[-1].result
    assert np.allclose(result.y, 3 * np.cos(3 * result.x), atol=1e-12)
    assert result.steps == 1
    whats = [said.what for said in ear.of(Loading)]
    assert whats[:5] == ["numpy", "pyqtgraph", "ziamath", "torch", "scipy"]
    assert {"torch._dynamo", "scipy.interpolate", "pyqtgraph", "ziamath"} <= set(sys.modules)
    assert not [finder for finder in sys.meta_path if isinstance(finder, ImportGate)]


def _close_while(what: str, delay: int, prepare: str = "torch") -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[2]
    return subprocess.run(
        [sys.executable, "-m", "tests.worker.closing", what, str(delay), prepare],
        cwd=root, env={**os.environ, "QT_QPA_PLATFORM": "offscreen"}, text=True, capture_output=True, timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("what", "delay"),
    [("numpy", 0), ("pyqtgraph", 30), ("torch", 0), ("torch", 150), ("torch", 400), ("torch", 700), ("scipy", 30),
     ("optimizers", 100)],
)
def test_a_window_closed_while_its_worker_loads_ends_cleanly(what: str, delay: int) -> None:
    done = _close_while(what, delay)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout in ("torch\n", "no torch\n")  # and not "ready": the import was cut short


def test_a_window_whose_worker_cannot_be_interrupted_ends_cleanly_all_the_same() -> None:
    began = time.perf_counter()
    done = _close_while("torch", 20, "never")
    assert (done.returncode, done.stdout, done.stderr) == (0, "no torch\n", "")
    assert time.perf_counter() - began < 10


def test_a_closed_gate_stops_only_the_imports_of_its_own_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.delitem(sys.modules, "this_module_does_not_exist", raising=False)
    gate = ImportGate()
    stopped: list[BaseException] = []
    opened, closed = threading.Event(), threading.Event()

    def work() -> None:
        gate.open()
        opened.set()
        assert closed.wait(5)
        try:
            import this_module_does_not_exist  # noqa: F401
        except BaseException as error:
            stopped.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert opened.wait(5)
    assert importlib.machinery.PathFinder in sys.meta_path
    gate.close()
    with pytest.raises(ModuleNotFoundError):
        import this_module_does_not_exist  # noqa: F401
    closed.set()
    thread.join(5)
    assert [type(error) for error in stopped] == [Interrupted]
    gate.remove()
    assert gate not in sys.meta_path


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ModuleNotFoundError("No module named 'torch'", name="torch"),
         "torch is not installed; install it with: pip install torch"),
        (ModuleNotFoundError("No module named 'pyqtgraph'", name="pyqtgraph"),
         "pyqtgraph is not installed; install it with: pip install pyqtgraph"),
        (OSError("libtorch_cpu.so: cannot open shared object file"),
         "PyTorch cannot be loaded; install it again with: pip install --force-reinstall torch"),
    ],
)
def test_a_torch_that_cannot_be_imported_is_a_sentence_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, error: Exception, sentence: str
) -> None:
    real = importlib.import_module

    def import_module(name: str, package: str | None = None) -> Any:
        if name == (getattr(error, "name", None) or "torch"):
            raise error
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", import_module)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    said = list(prepare_torch(ImportGate()))
    assert isinstance(said[-1], Broken)
    assert said[-1].sentence == sentence
    assert type(error).__name__ in said[-1].details
    assert Milestone.TORCH not in said
    assert gc.isenabled()


def test_a_warm_up_that_another_torch_does_not_allow_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "WARM_UP", ("torch.this_does_not_exist",))
    said = list(prepare_torch(ImportGate()))
    assert isinstance(said[-1], Ready)


def test_the_windows_own_modules_are_imported_before_it_is_told_that_its_libraries_are_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    imported: list[bool] = []
    for step in prepare_torch(ImportGate(), also=("wave",)):
        if step is Milestone.LIBRARIES:
            imported.append("wave" in sys.modules)
    assert imported == [True]


def test_torch_is_imported_before_qt_on_windows_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []
    monkeypatch.setattr(importlib, "import_module", imported.append)
    loading.import_torch_early_on_windows()
    assert imported == []
    monkeypatch.setattr(loading, "os", _Windows())
    loading.import_torch_early_on_windows()
    assert imported == ["torch"]


class _Windows:
    """The module ``os`` as far as it is asked."""

    name = "nt"
    environ: ClassVar[dict[str, str]] = {}


def test_waiting_openmp_threads_sleep_unless_the_user_wants_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    loading.set_torch_environment()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    loading.set_torch_environment()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
