"""Runs a program text, in this process, and records its forward pass; for files there is ``run_model``."""

from __future__ import annotations

import ast
import builtins
import io
import linecache
from dataclasses import replace
from types import CodeType
from typing import Any

import torch
from torch import nn

from visualizer.experiments.graph.model import Failure
from visualizer.experiments.graph.model_files import run_model
from visualizer.experiments.graph.ran import ROOTS, Ran, concluded, fresh
from visualizer.experiments.graph.recording import Recording
from visualizer.experiments.graph.source_lines import runs_users_code

__all__ = ["Ran", "run_model", "run_program"]

#: What a program finds besides Python.
_GIVEN = {"torch": torch, "nn": nn, "F": nn.functional}
#: The value of a last line that is nothing but an expression.
_LAST = "_value_of_the_last_line"
#: Of what a program prints, so many characters are kept.
_MOST_OUTPUT = 100_000


@runs_users_code
def run_program(text: str, name: str = "program", seed: int = 0, *, title: str = "", catch_output: bool = True) -> Ran:
    """Run a program and record it. It never raises for what is wrong with the program: that is the recording's ``failure``, and
    what was built before is still there.

    Args:
        text: plain PyTorch; ``torch``, ``nn`` and ``F`` are there already.
        name: what its source lines' file is called on the screen.
        seed: of torch's generator before it begins; afterwards the generator is as it was.
        title: of the graph.
        catch_output: keep what it prints for :attr:`Recording.output`; else ``print`` prints.

    Backward starts from ``loss``, else ``output``, else ``y``, else from the value of the last line, else from the tensor that was
    assigned last.
    """
    file, text = f"<{name}>", text.removeprefix("\ufeff")  # which editors on Windows put before a text
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
        except (MemoryError, RecursionError):
            recording.failure = Failure("This is nested too deeply: Python cannot read it.")
        except (SyntaxError, ValueError) as error:
            recording.failure = _not_python(error, file, recording)
        else:
            with recording:
                exec(code, space)
    recording.output = printed.getvalue()[:_MOST_OUTPUT]
    last = space.pop(_LAST, None)
    own = {key: value for key, value in space.items()
           if isinstance(key, str) and not key.startswith("_") and _GIVEN.get(key, _GIVEN) is not value}
    model = own.get("model")
    candidates = [(key, own[key]) for key in ROOTS if key in own]
    candidates.append(("the value of the last line", last))
    candidates += [(key, own[key]) for key in reversed(assigned) if key in own and key not in ROOTS]
    ran = concluded(recording, model if issubclass(type(model), nn.Module) else None, own, candidates, say=True)
    return replace(ran, space=space)


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
