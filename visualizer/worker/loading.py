"""How numpy, pyqtgraph and torch come into the process without the window noticing. Free of Qt itself.

All of it was measured with a 5 ms heartbeat in the GUI thread (``benchmarks/heartbeat.py``):

* ``dlopen`` of libtorch_cpu takes some 300 ms and ``import`` holds the GIL for all of them. Called through
  ctypes it is a foreign call, which releases the GIL; the later import then finds the libraries mapped.
* The collector walks every object that the imports made, again and again: 16-70 ms each. It is off while
  they run, and ``gc.freeze()`` then puts what they made out of its sight for good.
* A thread that wants the GIL waits one *switch interval* for it, 5 ms by default, and Qt gives it up at
  nearly every call. With 0.5 ms the largest gap while torch is imported fell from 20-40 ms to 12-15 ms; with 0.1 ms
  the 99th percentile while a page runs fell again, from 26-60 ms to 11-22 ms on a busy machine. Shorter is worse.
* The first ``torch.optim`` optimizer imports torch._dynamo and sympy, 1.2 s. Done here, after the first pictures.
"""

from __future__ import annotations

import enum
import gc
import importlib
import importlib.util
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from visualizer.base.messages import Broken, Loading, Ready

logger = logging.getLogger(__name__)

SWITCH_INTERVAL = 0.0001
"""Seconds after which a thread has to hand the GIL to one that waits for it."""

WINDOW_LIBRARIES = ("numpy", "pyqtgraph", "ziamath")
"""What the window needs for its plots and formulas, imported first so that it never has to wait for it."""

WARM_UP = ("sympy", "torch._dynamo")
"""What torch imports when its first optimizer is made, in pieces between which runs get their turn."""


class Milestone(enum.Enum):
    """A point that preparation has passed: what the window needs is importable; runs can be computed."""

    LIBRARIES = enum.auto()
    TORCH = enum.auto()


Preparation: TypeAlias = "Iterator[Loading | Milestone | Ready | Broken]"
Prepare: TypeAlias = "Callable[[ImportGate], Preparation]"


class Interrupted(BaseException):
    """Raised out of an import because the window was closed. Not an Exception, so that no import catches it."""


class ImportGate:
    """Ends the imports of one thread at the next module, because an import cannot be interrupted otherwise.

    It stands first in ``sys.meta_path`` and is asked about every module before any finder. An asynchronous
    exception (``PyThreadState_SetAsyncExc``) would do the same at an arbitrary instruction, also inside a
    ``__del__`` or a callback, where Python prints it to stderr and goes on.
    """

    def __init__(self) -> None:
        self._thread = 0
        self._closed = False

    def open(self) -> None:
        """Watch the imports of the calling thread."""
        self._thread = threading.get_ident()
        sys.meta_path.insert(0, self)

    @property
    def closed(self) -> bool:
        """Whether the window wants no more imports."""
        return self._closed

    def close(self) -> None:
        """The next module that the watched thread imports raises :class:`Interrupted`. Callable from any thread."""
        self._closed = True

    def remove(self) -> None:
        """Stop watching."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Python's import system asks; the answer is always "not mine"."""
        if self._closed and threading.get_ident() == self._thread:
            raise Interrupted(name)
        return None


def set_torch_environment() -> None:
    """Set what torch's libraries read when they are loaded; call before torch is imported.

    ``OMP_WAIT_POLICY=PASSIVE``: waiting OpenMP threads sleep instead of spinning. On busy cores, two spinning
    threads made ``torch.tanh`` on 256 values take 6.5 ms instead of 1.3 us. A user's own setting wins.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def import_torch_early_on_windows() -> None:
    """On Windows, import torch now; elsewhere do nothing. Call before anything imports PySide6.

    Qt and torch 2.9 or later both bring MSVC runtime and OpenMP libraries, and Windows' loader takes the first
    of a name that the process has loaded: when Qt came first, ``c10.dll`` fails in its initialisation with
    ``OSError: [WinError 1114] A dynamic link library (DLL) initialization routine failed``. With torch first
    both work. The price is that the window comes a second later there. A torch that cannot be imported
    is left to the worker, which says so in the window.
    """
    if os.name != "nt":
        return
    set_torch_environment()
    try:
        importlib.import_module("torch")
    except Exception:
        logger.exception("torch could not be imported before Qt")


def prepare_torch(gate: ImportGate, also: Sequence[str] = (), computing: Sequence[str] = ()) -> Preparation:
    """Import and warm up, in pieces, in the thread that will compute; the worker's first job.

    Yields a :class:`Loading` before each piece, ``Milestone.LIBRARIES`` when the window's libraries are
    imported, ``Milestone.TORCH`` when runs can be computed, and at the end :class:`Ready`, or :class:`Broken`.

    Args:
        gate: stops the imports when the window is closed.
        also: modules of the window's own, imported after its libraries, so that it need not do it itself while
            this thread competes for the GIL. Only modules that make no Qt objects when they are imported.
        computing: the experiments' modules that compute, imported after torch, so that no first run waits for them.

    Raises:
        Interrupted: the gate was closed meanwhile. The process has to end: modules are left half imported.
    """
    from visualizer.base.messages import Loading, Ready

    collecting = gc.isenabled()
    gc.disable()
    gate.open()
    sys.setswitchinterval(SWITCH_INTERVAL)
    set_torch_environment()
    try:
        for name in WINDOW_LIBRARIES:
            yield Loading(name)
            _import_for_window(name, gate)
        for name in also:
            yield Loading("the window")
            _import_for_window(name, gate)
        gc.freeze()
        yield Milestone.LIBRARIES
        yield Loading("torch")
        _map_torch_libraries()
        torch = _import("torch", gate)
        torch.set_num_threads(1)
        yield Loading("scipy")
        _import("scipy.interpolate", gate)
        for name in computing:
            yield Loading("the experiments")
            _import(name, gate)
        gc.freeze()
        yield Milestone.TORCH
        for piece in (*WARM_UP, ""):
            yield Loading("optimizers")
            _warm_up(piece, gate)
            gc.freeze()
        yield Ready(torch.__version__, devices(), torch.get_num_threads())
    except Exception as error:  # a damaged installation raises whatever it likes
        yield broken(error)
    finally:
        gate.remove()
        if collecting:
            gc.enable()


def _import(name: str, gate: ImportGate) -> Any:
    try:
        return importlib.import_module(name)
    except Exception:
        if gate.closed:  # C code, as numpy's, makes an ImportError of whatever an import of its own raises
            raise Interrupted(name) from None
        raise


def _import_for_window(name: str, gate: ImportGate) -> None:
    """A library that is missing breaks the worker; one that fails otherwise is left to the window that needs it."""
    try:
        _import(name, gate)
    except ModuleNotFoundError:
        raise
    except Exception:
        logger.exception("%s cannot be imported", name)


def _warm_up(piece: str, gate: ImportGate) -> None:
    """Import a module that the first optimizer would import; without a name: make one and take its first step."""
    try:
        if piece:
            _import(piece, gate)
        else:
            _first_step()
    except Exception:  # another version of torch: whatever is missing here is imported when it is used
        if not gate.closed:
            logger.info("a piece of torch's warm-up failed", exc_info=True)


def _map_torch_libraries() -> None:
    """Map torch's shared libraries with the GIL released; when anything fails, ``import torch`` does it as ever."""
    suffix = {"linux": ".so", "darwin": ".dylib"}.get(sys.platform)
    if suffix is None or "torch" in sys.modules:
        return
    try:
        import ctypes

        spec = importlib.util.find_spec("torch")
        if spec is None or spec.origin is None:
            return
        dlopen = ctypes.CDLL(None).dlopen
        dlopen.restype, dlopen.argtypes = ctypes.c_void_p, (ctypes.c_char_p, ctypes.c_int)
        for name in ("libc10", "libtorch_cpu", "libtorch_python"):
            path = Path(spec.origin).parent / "lib" / f"{name}{suffix}"
            if not path.exists() or not dlopen(os.fsencode(path), os.RTLD_NOW | os.RTLD_GLOBAL):
                return
    except Exception:
        logger.info("torch's libraries could not be mapped beforehand", exc_info=True)


def _first_step() -> None:
    import torch

    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=0.1)
    (weight * weight).sum().backward()
    optimizer.step()
    torch.func.grad(lambda x: (x * x).sum())(torch.ones(1))


def devices() -> tuple[str, ...]:
    """What torch can compute on here, for display: "cpu", "cuda:0 NVIDIA ...", "mps"."""
    import torch

    found = ["cpu"]
    if torch.cuda.is_available():
        found += [f"cuda:{index} {torch.cuda.get_device_name(index)}" for index in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return tuple(found)


def broken(error: Exception) -> Broken:
    """Why the worker cannot start, in one sentence that says what to install."""
    import traceback

    from visualizer.base.messages import Broken

    details = "".join(traceback.format_exception(error))
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    if missing in (*WINDOW_LIBRARIES, "torch", "scipy"):
        return Broken(f"{missing} is not installed; install it with: pip install {missing}", details)
    return Broken("PyTorch cannot be loaded; install it again with: pip install --force-reinstall torch", details)
