"""Runs a model that a Python file makes, on inputs given by their shapes, and records its forward pass."""

from __future__ import annotations

import difflib
import importlib.util
import linecache
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from visualizer.base.errors import UserError
from visualizer.base.reading import printable
from visualizer.experiments.graph.ran import Ran, concluded, described, fresh
from visualizer.experiments.graph.recording import Recording
from visualizer.experiments.graph.source_lines import runs_users_code
from visualizer.experiments.graph.torch_functions import tensors_in

#: What is looked for in a file for which no name is given.
_USUAL = ("make", "make_model", "build", "build_model", "create_model", "get_model", "model", "net", "loss")
#: Integers are drawn below this where the model has no embedding that says how many there are.
_INTEGERS = 10
#: Elements of all inputs together.
_MOST = 1 << 30


def run_model(path: str, make: str, input: str, seed: int = 0) -> Ran:
    """Import a file, make its model, run that on its inputs, all of it recorded.

    Args:
        path: the Python file; its folder is on ``sys.path`` while it runs.
        make: a name in it: a module, a class of modules, or a function that returns a module, a module with its input or inputs
            (``model, x``), or what backward starts from: a loss, or several in a tuple or dictionary. Empty: one of the usual
            names, such as ``make`` or ``model``.
        input: shapes such as ``1,3,224,224``; several are separated by semicolons, and a dtype may follow, ``2,16:int64``. They
            are filled by ``torch.randn``, or with random integers. Empty: the file gives the inputs.
        seed: of torch's generator before the file is imported.

    Backward starts from the loss, if the model returns one (in a dictionary or dataclass, what is called ``loss``; else each single
    number, as from their sum); else from every tensor that it returns and that requires a gradient, each with a gradient of ones.

    Raises:
        UserError: there is no such file or name, or nothing that could be run; the sentence says what to change. What the user's
            own code raises is the recording's ``failure`` instead.
    """
    file = Path(os.path.expanduser(path))  # noqa: PTH111 - its own refuses an unknown user
    if not path.strip():
        raise UserError("No model is named yet. Give a Python file and the name in it that makes the model, such as model.py:make.")
    if not file.is_file():  # nor a pipe, which would be waited for
        near = difflib.get_close_matches(file.name, [one.name for one in file.parent.glob("*.py")], n=3)
        raise UserError(f"There is no Python file {printable(path)}." + (f" Did you mean {' or '.join(near)}?" if near else ""))
    shapes = parsed_input(input)
    file = file.resolve()
    recording = Recording(files={str(file): file.name})
    recording.title = f"{file.name}:{make}" if make else file.name
    linecache.checkcache(str(file))
    run = _Run(recording, shapes)
    with fresh(seed), _importing(file) as module, recording.kept(), recording:
        run.go(file, make, module)
    if run.mistake is not None:
        raise run.mistake
    return run.concluded(module)


class _Run:
    """One run of a user's file: what it has found so far is still there after an error."""

    def __init__(self, recording: Recording, shapes: tuple[InputShape, ...]) -> None:
        self.recording = recording
        self.shapes = shapes
        self.model: nn.Module | None = None
        self.inputs: tuple[Any, ...] = ()
        self.output: Any = None
        self.mistake: UserError | None = None

    @runs_users_code
    def go(self, file: Path, make: str, module: ModuleType) -> None:
        code = compile(file.read_bytes(), str(file), "exec", dont_inherit=True)
        exec(code, module.__dict__)
        try:
            found = _named(module, make, file)
            made = self._made(found, make or "it", file)
        except UserError as error:
            self.mistake = error
            return
        if isinstance(made, Tensor) or (isinstance(made, (tuple, list, Mapping)) and not _begins_with_a_module(made)
                                        and next(iter(tensors_in(made)), None) is not None):
            self.output = made
            return
        try:
            self._understand(made, make, file)
        except UserError as error:
            self.mistake = error
            return
        assert self.model is not None
        given = self.inputs
        if len(given) == 1 and isinstance(given[0], Mapping):
            self.output = self.model(**given[0])
        else:
            self.output = self.model(*given)

    def _made(self, found: Any, name: str, file: Path) -> Any:
        if isinstance(found, (nn.Module, Tensor)) or not callable(found):
            return found
        needed = _needed(found)
        if needed:
            raise UserError(f"{name} in {file.name} needs arguments ({', '.join(needed)}). Name a function without any that "
                            f"returns the model, such as: def make(): return {name}(...)")
        return found()

    def _understand(self, made: Any, make: str, file: Path) -> None:
        """A module, or a module with its inputs."""
        name = make or "what was found"
        if isinstance(made, nn.Module):
            self.model = made
        elif isinstance(made, (tuple, list)) and made and isinstance(made[0], nn.Module):
            self.model = made[0]
            rest = tuple(made[1:])
            self.inputs = tuple(rest[0]) if len(rest) == 1 and isinstance(rest[0], (tuple, list)) else rest
        else:
            what = "nothing (None)" if made is None else described(made)
            raise UserError(f"{name} in {file.name} gives {what}. It should give a torch.nn.Module, a module and its "
                            "input, or a loss.")
        if self.shapes:
            self.inputs = self._filled()
        elif not self.inputs and _needed(self.model.forward):
            needed = ", ".join(_needed(self.model.forward))
            raise UserError(f"{type(self.model).__name__}.forward needs an input ({needed}). Give its shape, such as 1,3,224,224, "
                            "or let the file return the model together with its input.")

    def _filled(self) -> tuple[Tensor, ...]:
        assert self.model is not None
        counts = [one.num_embeddings for one in self.model.modules() if isinstance(one, nn.Embedding)]
        below = min(counts) if counts else _INTEGERS
        if any(not shape.dtype.is_floating_point and not shape.dtype.is_complex for shape in self.shapes):
            why = "the size of its smallest embedding" if counts else "no embedding says how many there are"
            self.recording.notes += (f"Inputs of integers are drawn from 0 to {below - 1} ({why}).",)
        return tuple(shape.filled(below) for shape in self.shapes)

    def concluded(self, module: ModuleType) -> Ran:
        """Where backward starts."""
        own = {key: value for key, value in vars(module).items()
               if not key.startswith("_") and isinstance(value, (Tensor, nn.Module, list, tuple, dict))}
        for index, one in enumerate(tensors_in(self.inputs)):
            own[f"input{index}" if index else "input"] = one
        outputs = list(tensors_in(self.output))
        losses = _losses_of(self.output)
        loss = losses[0] if len(losses) == 1 else None
        if loss is not None:
            own["loss"] = loss
        if isinstance(self.output, Mapping):
            own |= {key: one for key, one in self.output.items() if isinstance(key, str) and isinstance(one, Tensor)}
        for index, one in enumerate(outputs):
            if one is not loss and not any(one is other for other in own.values()):
                own[f"output[{index}]" if len(outputs) > 1 else "output"] = one
        wanted = list(losses) or [one for one in outputs if one.requires_grad]
        if loss is not None or len(wanted) <= 1:
            root = loss if loss is not None else next(iter(wanted or outputs), None)
            return concluded(self.recording, self.model, own, [("the output", root)])
        self.recording.model = self.model
        self.recording.name(own)
        self.model = self.recording.completed()
        said = f"Backward starts from all {len(wanted)} losses that it returns, as from their sum." if losses else \
            f"The model returns {len(wanted)} tensors that require a gradient. Backward starts from all of them, each with a " \
            "gradient of ones."
        self.recording.notes += (said,)
        return Ran(tuple(wanted), self.model, self.recording)


class InputShape:
    """The shape and dtype of one input."""

    def __init__(self, shape: tuple[int, ...], dtype: torch.dtype) -> None:
        self.shape = shape
        self.dtype = dtype

    def filled(self, below: int) -> Tensor:
        """Random values: normal, or integers from 0 up to and without ``below``."""
        if self.dtype is torch.bool:
            return torch.randint(0, 2, self.shape).to(torch.bool)
        if self.dtype.is_floating_point or self.dtype.is_complex:
            wide = self.dtype if self.dtype in (torch.float32, torch.float64, torch.complex64, torch.complex128) else torch.float32
            return torch.randn(self.shape, dtype=wide).to(self.dtype)
        return torch.randint(0, below, self.shape).to(self.dtype)


def parsed_input(text: str) -> tuple[InputShape, ...]:
    """Shapes as they are typed: ``1,3,224,224`` or ``2,16:int64; 2,16``. Nothing: none.

    Raises:
        UserError: the text is no shape.
    """
    found = []
    for part in filter(None, (one.strip() for one in text.split(";"))):
        shape, _, name = (word.strip() for word in part.partition(":"))
        numbers = [word.strip() for word in re.split(r"[,x\u00d7\s]+", shape.strip("()[] ,")) if word.strip()]
        if not all(re.fullmatch(r"\d{1,12}", word) for word in numbers) or (not numbers and shape not in ("()", "[]")):
            raise UserError(f"{printable(part, 60)!r} is no shape of an input. Type whole numbers with commas between them, such "
                            "as 1,3,224,224; after a colon a dtype may follow, such as 2,16:int64.")
        dtype = getattr(torch, name.removeprefix("torch."), None) if name else torch.float32
        if not isinstance(dtype, torch.dtype):
            raise UserError(f"{printable(name, 60)!r} is no dtype of torch. Use float32, float64, int64 or bool, for instance.")
        found.append(InputShape(tuple(map(int, numbers)), dtype))
    if sum(math.prod(one.shape) for one in found) > _MOST:
        raise UserError(f"The input {printable(text.strip(), 60)} has more than {_MOST:,} elements; take a smaller shape.")
    return tuple(found)


def _named(module: ModuleType, make: str, file: Path) -> Any:
    names = [name for name in vars(module) if not name.startswith("__")]
    if not make:
        usual = [name for name in _USUAL if name in names]
        if usual:
            return getattr(module, usual[0])
        own = [value for value in vars(module).values() if isinstance(value, nn.Module)]
        if len(own) == 1:
            return own[0]
        raise UserError(f"Which model in {file.name}? Give the name that makes it after a colon, such as {file.name}:make. "
                        f"The file has {_listed(names)}.")
    found: Any = module
    for part in make.strip().removesuffix("()").split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [name for name in dir(found) if not name.startswith("__")], n=3, cutoff=0.5)
            hint = f"Did you mean {' or '.join(near)}?" if near else f"The file has {_listed(names)}."
            raise UserError(f"There is no name {printable(make, 60)!r} in {file.name}. {hint}")
        found = getattr(found, part)
    return found


def _listed(names: list[str]) -> str:
    return ", ".join(names[:8]) + (" and others" if len(names) > 8 else "") if names else "no names"


def _needed(function: Any) -> list[str]:
    """The arguments that must be given."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [one.name for one in parameters if one.default is inspect.Parameter.empty and one.kind in kinds]


def _losses_of(output: Any) -> tuple[Tensor, ...]:
    """The single numbers that the model returns: what is called loss, else all that require a gradient."""
    named = output.get("loss") if isinstance(output, Mapping) else getattr(output, "loss", None)
    if isinstance(named, Tensor) and named.numel() == 1:
        return (named,)
    return tuple(one for one in tensors_in(output) if one.ndim == 0 and one.requires_grad)


def _begins_with_a_module(made: Any) -> bool:
    return isinstance(made, (tuple, list)) and bool(made) and isinstance(made[0], nn.Module)


@contextmanager
def _importing(file: Path) -> Iterator[ModuleType]:
    """An empty module for this file, as ``import`` makes it; its folder is on the path meanwhile."""
    name = file.stem if file.stem.isidentifier() and file.stem not in sys.modules else f"_model_file_{abs(hash(str(file)))}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(file.parent)
    sys.path.insert(0, folder)
    sys.modules[name] = module
    try:
        yield module
    finally:
        sys.modules.pop(name, None)
        if folder in sys.path:
            sys.path.remove(folder)
