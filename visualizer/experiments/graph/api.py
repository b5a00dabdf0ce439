"""What a script or a notebook calls: ``visualizer.capture``, ``visualizer.show``, ``visualizer.record``, ``visualizer.load``.

>>> import visualizer
>>> visualizer.show(loss, model)                            # the window, in a process of its own
>>> visualizer.capture(loss, model).save("run.graph.json")  # to be opened later, without the model's code

Module calls, source lines and values are exact if the forward pass was recorded:

>>> with visualizer.record(model) as recording:
...     loss = criterion(model(x), target)
>>> visualizer.capture(loss, model, recording=recording)
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge

from visualizer.base.errors import UserError
from visualizer.experiments.graph import previews, showing
from visualizer.experiments.graph.backward import recorded
from visualizer.experiments.graph.capture_file import read_capture_now, write_capture
from visualizer.experiments.graph.frames import variables_of
from visualizer.experiments.graph.grads import retained
from visualizer.experiments.graph.model import Backward, Capture, Graph
from visualizer.experiments.graph.recording import Recording
from visualizer.experiments.graph.walking import FREED_NOTE, Root, edge_of, walked

__all__ = ["GraphCapture", "capture", "load", "record", "show"]

#: Seconds for a notebook's picture, and the largest graph that a notebook draws by itself.
_PICTURE_PATIENCE, _PICTURE_NODES = 60.0, 3000
#: It is asked for so flat that it grows to its natural size, without empty ground; as wide that the legend stands beside it.
_PICTURE_SIZE = "640x160"


class GraphCapture:
    """A graph that was captured: plain data, which holds no tensor and no graph of the user's.

    In a notebook it is drawn where it stands.
    """

    def __init__(self, captured: Capture) -> None:
        self._capture = captured

    @property
    def graph(self) -> Graph:
        """Nodes, edges, leaves, module calls; see :class:`visualizer.experiments.graph.model.Graph`."""
        return self._capture.graph

    @property
    def backward(self) -> Backward | None:
        """The engine's steps and the gradients; None: backward was not run."""
        return self._capture.backward

    @property
    def counts(self) -> dict[str, int]:
        """Nodes and edges as a walk of ``next_functions`` counts them: parallel edges each, edges to None not at all."""
        return {"nodes": len(self.graph.nodes), "edges": len(self.graph.edges)}

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a file that the window and ``visualizer graph FILE`` open; returns its path. By custom it ends in ``.graph.json``.

        Raises:
            UserError: it cannot be written there.
        """
        write_capture(path, self._capture)
        return Path(path)

    def show(self) -> None:
        """Open this graph in a window, which is a process of its own and stays when this one ends. Returns at once.

        Where no window can be opened, one line on standard error says why.
        """
        showing.open_window(self.save, self._file_name())

    def _file_name(self) -> str:
        kept = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in self.graph.title)[:40].strip("-")
        return kept or "graph"

    def __repr__(self) -> str:
        counts = self.counts
        title = f" of {self.graph.title}" if self.graph.title else ""
        backward = self.backward
        ran = "" if backward is None else ", backward failed" if backward.error else f", backward of {len(backward.steps):,} steps"
        return f"<Graph{title}: {counts['nodes']:,} nodes, {counts['edges']:,} edges{ran}>"

    def _repr_svg_(self) -> str | None:
        """For notebooks; None, so that the text is shown, for a large graph or where no picture can be made."""
        return self._picture if len(self.graph.nodes) <= _PICTURE_NODES else None

    @cached_property
    def _picture(self) -> str | None:
        # A process of its own: Qt must not be loaded into a user's kernel, which may have its own.
        try:
            with tempfile.TemporaryDirectory(prefix="visualizer-") as folder:
                file = self.save(Path(folder) / "picture.graph.json")
                done = subprocess.run(
                    [*showing.program(), "export", "graph", str(file), "--out", "-", "--format", "svg", "--size", _PICTURE_SIZE],
                    capture_output=True, check=False, timeout=_PICTURE_PATIENCE, stdin=subprocess.DEVNULL,
                    env={**os.environ, "QT_QPA_PLATFORM": "offscreen"},
                )
            text = done.stdout.decode("utf-8")
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError, UserError):
            return None
        return text if done.returncode == 0 and "<svg" in text else None


def capture(
    loss: Any, model: nn.Module | None = None, *, backward: bool = True, names: Mapping[str, Any] | None = None,
    recording: Recording | None = None,
) -> GraphCapture:
    """Capture the graph that autograd has built for this loss.

    Args:
        loss: the tensor that backward starts from; also several of them in a list, tuple or dictionary. One that is no scalar
            starts with ones.
        model: gives names to parameters and modules. Without a ``recording``, module calls are guessed from them.
        backward: run backward, twice and with ``retain_graph=True``, to see the gradients at every node. Afterwards every
            ``.grad`` is what it was, also of intermediate tensors that retain it, and the graph can be run backward as if nothing
            had happened; but the user's hooks do run.
        names: variables by name, for the names of tensors; None: the local variables of the caller.
        recording: of the forward pass, made by :func:`record`.

    Of a graph that backward has freed already, the nodes are there and what they saved is not; it is not run backward again.

    Raises:
        UserError: there is no graph to capture.
    """
    if names is None:
        names = variables_of(sys._getframe(1))
    return _captured(loss, model, backward, names, recording)


def show(
    loss: Any, model: nn.Module | None = None, *, backward: bool = True, names: Mapping[str, Any] | None = None,
    recording: Recording | None = None,
) -> None:
    """Capture the graph of this loss (see :func:`capture`) and open it in a window. Returns at once: the window is a process of its
    own, works from scripts and notebooks, and stays open when this process ends. Where no window can be opened, one line on
    standard error says why, and nothing is captured.

    Raises:
        UserError: there is no graph to capture.
    """
    if not showing.can_show():
        return
    if names is None:
        names = variables_of(sys._getframe(1))
    _captured(loss, model, backward, names, recording).show()


def record(model: nn.Module | None = None) -> Recording:
    """Record the forward pass that runs in the ``with`` block: which torch functions it calls, in which modules, at which lines,
    with which results. The pass is some two to three times slower."""
    return Recording(model)


def load(path: str | os.PathLike[str]) -> GraphCapture:
    """A capture that was saved. Nothing in the file is run.

    Raises:
        UserError: there is no such file, or it is no capture.
    """
    return GraphCapture(read_capture_now(path))


def _captured(
    loss: Any, model: nn.Module | None, backward: bool, names: Mapping[str, Any], recording: Recording | None,
) -> GraphCapture:
    if model is not None and not isinstance(model, nn.Module):
        raise UserError(f"model is of the type {type(model).__name__}; give a torch.nn.Module, or leave it out.")
    if recording is not None:
        if not isinstance(recording, Recording):
            raise UserError(f"recording is of the type {type(recording).__name__}; give what visualizer.record(model) returned.")
        model = recording.model if model is None else model
        if recording.model is None:
            recording.model = model
        recording.name(names)
        model = recording.completed()
    given = list(_tensors(loss))
    roots = [root for root in given if edge_of(root) is not None]
    if not roots:
        raise UserError(_no_graph(loss, given))
    tensors = {name: value for name, value in names.items() if isinstance(value, Tensor)} if recording is None else {}
    found = walked(roots, model, recording, tensors)
    graph = found.graph
    if len(roots) < len(given):
        left = f"{len(given) - len(roots)} of the {len(given)} tensors require no gradient: they are in no graph and were left out."
        graph = replace(graph, notes=(*graph.notes, left))
    run = None
    if backward and FREED_NOTE not in graph.notes:
        run = _run_backward(found)
    for root in roots:
        if isinstance(root, Tensor):
            found.live.stay_with(root)
    return GraphCapture(Capture(graph, run, str(torch.__version__)))


def _run_backward(found: Any) -> Backward:
    run = recorded(found, previews.budget(3 * len(found.graph.nodes)), retained(found.live))
    while True:
        try:
            next(run)
        except StopIteration as end:
            made: Backward = end.value
            return made


def _tensors(loss: Any) -> Iterator[Root]:
    """The tensors in a tensor, list, tuple or dictionary, in order and each once."""
    seen: set[int] = set()
    waiting = [loss]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, (Tensor, GradientEdge)):
            yield item
        elif isinstance(item, Mapping):
            waiting.extend(reversed(list(item.values())))
        elif isinstance(item, (list, tuple)):
            waiting.extend(reversed(item))


def _no_graph(loss: Any, given: list[Root]) -> str:
    """Why there is none, and what to change."""
    if not given:
        if isinstance(loss, (int, float)):
            return "A number has no graph: give the tensor itself, not loss.item() or float(loss)."
        return f"There is no tensor in a value of the type {type(loss).__name__}: give the loss as torch computed it."
    what = "This loss is in no graph: it requires no gradient." if len(given) == 1 else (
        f"These {len(given)} tensors are in no graph: none of them requires a gradient.")
    tensor = next(root for root in given if isinstance(root, Tensor))
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return f"{what} Its numbers are {previews.dtype_name(tensor.dtype)}, and autograd knows only real and complex ones."
    if tensor.is_inference():
        return f"{what} It was made under torch.inference_mode(); compute it outside of that."
    return (f"{what} It was computed under torch.no_grad() or from detached tensors, or nothing that it was computed from has "
            "requires_grad=True.")
