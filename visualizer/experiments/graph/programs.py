"""Runs a program text, in this process, and records its forward pass; for files see :mod:`.model_files`."""

from __future__ import annotations

import ast
import builtins
import io
import linecache
from collections.abc import Mapping
from contextlib import contextmanager
from types import CodeType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from visualizer.experiments.graph.model import Failure
from visualizer.experiments.graph.ran import Ran, without_graph
from visualizer.experiments.graph.recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Ran", "concluded", "fresh", "run_program"]

#: Names under which a program leaves the tensor that backward starts from, the first that there is.
ROOTS = ("loss", "output", "y")
#: What a program finds besides Python.
_GIVEN = {"torch": torch, "nn": nn, "F": nn.functional}
#: The value of a last line that is nothing but an expression.
_LAST = "_value_of_the_last_line"
#: Of what a program prints, so many characters are kept.
_MOST_OUTPUT = 100_000


def run_program(text: str, name: str = "program", seed: int = 0, *, title: str = "", catch_output: bool = True) -> Ran:
    """Run a program and record it. It never raises for what is wrong with the program: that is the recording's ``failure``, and
    what was built before is still there.

    Args:
        text: plain PyTorch; ``torch``, ``nn`` and ``F`` are there already.
        name: what its source lines' file is called on the screen.
        seed: of torch's generator before it begins; afterwards the generator is as it was.
        title: of the graph.
        catch_output: keep what it prints for :attr:`Recording.output`; else ``print`` prints.

    Backward starts from ``loss``, else ``output``, else ``y``, else from the tensor that was assigned last.
    """
    file = f"<{name}>"
    # Tracebacks and source lines of the text are found there; one entry for each name, so it does not grow.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    recording = Recording(files={file: name})
    recording.title = title or name
    space: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins, **_GIVEN}
    printed = io.StringIO()
    if catch_output:
        space["print"] = _printer(printed)
    assigned: tuple[str, ...] = ()
    with fresh(seed), recording.kept():
        try:
            code, assigned = _compiled(text, file)
        except (SyntaxError, ValueError) as error:
            recording.failure = _not_python(error, file, recording)
        else:
            with recording:
                exec(code, space)
    recording.output = printed.getvalue()[:_MOST_OUTPUT]
    last = space.pop(_LAST, None)
    own = {key: value for key, value in space.items() if not key.startswith("_") and _GIVEN.get(key) is not value}
    model = own.get("model")
    candidates = [(key, own[key]) for key in ROOTS if key in own]
    candidates += [(key, own[key]) for key in reversed(assigned) if key in own and key not in ROOTS]
    candidates.append(("the value of the last line", last))
    return concluded(recording, model if isinstance(model, nn.Module) else None, own, candidates)


def concluded(recording: Recording, model: nn.Module | None, variables: Mapping[str, object],
              candidates: list[tuple[str, object]]) -> Ran:
    """Name what was recorded and choose where backward starts: the first of these that is a tensor."""
    recording.model = model
    recording.name(variables)
    tensors = [(name, value) for name, value in candidates if isinstance(value, Tensor)]
    named = [(name, value) for name, value in tensors if name in ROOTS]
    # Without one of the usual names, a tensor that has a graph is what was meant.
    root = named[0] if named else next((pair for pair in tensors if pair[1].requires_grad), tensors[0] if tensors else None)
    if root is not None and root[1].requires_grad:
        if not named and recording.failure is None:
            recording.notes += (f"Backward starts from {root[0]}: the program leaves no loss, output or y.",)
        return Ran((root[1],), model, recording)
    if recording.failure is not None:
        return Ran(recording.loose, model, recording)
    if root is not None:
        recording.failure = without_graph(*root, recording)
    else:
        recording.failure = Failure("The program left no tensor: let it put the one that backward starts from into loss.")
    return Ran((), model, recording)


@contextmanager
def fresh(seed: int) -> Iterator[None]:
    """torch's settings as they are at its start, with this seed; afterwards they are again what they were."""
    dtype, anomaly = torch.get_default_dtype(), torch.is_anomaly_enabled()
    try:
        with torch.random.fork_rng(devices=[]), torch.inference_mode(False), torch.enable_grad():
            torch.default_generator.manual_seed(seed)
            yield
    finally:
        torch.set_default_dtype(dtype)
        torch.autograd.set_detect_anomaly(anomaly)


def _compiled(text: str, file: str) -> tuple[CodeType, tuple[str, ...]]:
    """The code, and the names that it assigns, in the order of the lines; a last line that is a value is kept, too."""
    tree = ast.parse(text, file)
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        end = tree.body[-1]
        target = ast.copy_location(ast.Name(_LAST, ast.Store()), end)
        tree.body[-1] = ast.copy_location(ast.Assign([target], end.value), end)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    names.sort(key=lambda node: (node.lineno, node.col_offset))
    latest = dict.fromkeys(node.id for node in reversed(names))
    return compile(tree, file, "exec", dont_inherit=True), tuple(reversed(latest))


def _not_python(error: SyntaxError | ValueError, file: str, recording: Recording) -> Failure:
    number = getattr(error, "lineno", None) or 0
    line = recording.line(file, number) if number else -1
    said = getattr(error, "msg", "") or str(error)
    return Failure(f"Line {number} is not Python: {said}." if number else f"This is not Python: {said}.", str(error), line)


def _printer(into: io.StringIO) -> Any:
    """``print`` of a program: into a text, unless it names a file of its own."""

    def print_(*values: object, sep: str | None = " ", end: str | None = "\n", file: Any = None, flush: bool = False) -> None:
        if file is not None or into.tell() < _MOST_OUTPUT:
            print(*values, sep=sep, end=end, file=into if file is None else file, flush=flush)

    return print_
