"""Records a forward pass: which torch functions it called, in which modules, at which lines, with which results.

Three things are watched while the ``with`` block lasts, in the thread that entered it: calls of modules (by hooks of
``torch.nn``), calls of torch functions (by a ``TorchFunctionMode``), and calls of users' ``torch.autograd.Function``. Autograd
numbers its nodes as it makes them; the numbers before and after an operation say later which nodes are its own.

Nothing is watched while the engine runs backward: what a checkpoint computes again is no second forward pass.
"""

from __future__ import annotations

import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from visualizer.experiments.graph import previews
from visualizer.experiments.graph.custom_functions import watching
from visualizer.experiments.graph.error_words import message_of
from visualizer.experiments.graph.frames import name_of
from visualizer.experiments.graph.model import Preview
from visualizer.experiments.graph.noted import Given, NotedCall, NotedOperation, reason_of, type_of
from visualizer.experiments.graph.preview_batch import Batch
from visualizer.experiments.graph.recorded import Told
from visualizer.experiments.graph.source_lines import MAKING, users_frame
from visualizer.experiments.graph.torch_functions import Function, function_of, tensors_in
from visualizer.experiments.graph.turns import LeftError, rest
from visualizer.experiments.graph.uncompiled import Uncompiled

#: The number of the next node of this thread.
_get_sequence_nr: Callable[[], int] = vars(torch.autograd)["_get_sequence_nr"]
#: The backward pass that runs in this thread; -1: none.
_backward_running = torch._C._current_graph_task_id

#: The line is looked up only once it is clear that there is an operation.
_LATER = -3


class Recording(Told):
    """What a forward pass did; see :class:`~visualizer.experiments.graph.recording_protocol.Recorded`.

    Args:
        model: whose parameters and modules have names; may be set later, and be None.
        files: what source files are called on the screen, by their paths.
        values: whether results are previewed.

    A recording is entered once. After its block, :meth:`name` gives tensors the names of the user's variables.
    """

    def __init__(self, model: nn.Module | None = None, files: Mapping[str, str] | None = None, *, values: bool = True) -> None:
        super().__init__(model, files)
        self._values = values
        self._thread = 0
        self._busy = False
        self._undo: list[Callable[[], None]] = []
        self._uncompiled = Uncompiled()
        self._batch = Batch()

    # The block.

    def __enter__(self) -> Recording:
        if self._thread:
            raise RuntimeError("a recording is entered once")
        self._thread = threading.get_ident()
        self._mark(-1)
        before = register_module_forward_pre_hook(self._enter_module)
        self._undo.append(before.remove)
        after = register_module_forward_hook(self._leave_module, always_call=True)
        self._undo.append(after.remove)
        self._undo.append(watching(self._custom))
        self._undo.append(self._uncompiled.end)
        self._uncompiled.start()
        mode = _Mode(self)
        mode.__enter__()  # type: ignore[no-untyped-call]
        self._undo.append(lambda: mode.__exit__(None, None, None))  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()
        self._last = _get_sequence_nr()
        self._batch.finished()
        self._open.clear()
        self._mark(-1)
        if self._uncompiled.used:
            self.notes += ("torch.compile was left out: this is the graph of the code as it is written.",)
        if isinstance(error, Exception) and self.failure is None:
            self.failed(error)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Ends every error, and ``sys.exit``, of the code inside: what is left of it is :attr:`failure`. Ctrl-C goes on."""
        try:
            yield
        except (KeyboardInterrupt, LeftError):
            raise
        except BaseException as error:
            if self.failure is None:
                self.failed(error)

    # Modules.

    def _watches(self) -> bool:
        return not self._busy and _backward_running() == -1 and threading.get_ident() == self._thread

    def _enter_module(self, module: nn.Module, arguments: Any) -> None:
        if not self._watches():
            return
        nth = self._counts.get(id(module), 0)
        self._counts[id(module)] = nth + 1
        if not self._open and id(module) not in self._outer:
            self._outer[id(module)] = module, name_of(module, users_frame(sys._getframe(1)))
        self._calls.append(NotedCall(module, nth, self._open[-1] if self._open else -1))
        self._open.append(len(self._calls) - 1)
        self._mark(-1)

    def _leave_module(self, module: nn.Module, arguments: Any, result: Any) -> None:
        if not self._watches():
            return
        # A module whose own pre-hook failed is never left: whatever is above the one that ends now has ended, too.
        for depth in range(len(self._open) - 1, -1, -1):
            if self._calls[self._open[depth]].module is module:
                del self._open[depth:]
                self._mark(-1)
                return

    def _mark(self, operation: int) -> None:
        """Nodes from now on belong to the innermost open call and to this operation."""
        self._mark_at(_get_sequence_nr(), operation)

    def _mark_at(self, sequence: int, operation: int) -> None:
        call = self._open[-1] if self._open else -1
        if self._from and self._from[-1] == sequence:  # no node was made since
            self._in_call[-1], self._in_operation[-1] = call, operation
        else:
            self._from.append(sequence)
            self._in_call.append(call)
            self._in_operation.append(operation)

    # Operations.

    def _custom(self, cls: Any, arguments: tuple[Any, ...], named: dict[str, Any], run: Callable[[], Any]) -> Any:
        """A call of a user's ``torch.autograd.Function``: one operation, whatever its forward calls."""
        return self._run(Function(f"{cls.__name__}.apply", False, True), arguments, named, run) if self._watches() else run()

    def _called(self, called: Any, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """A call of a torch function."""
        if self._watches():
            rest()
            function = function_of(called)
            if function.operation:
                return self._run(function, arguments, named, lambda: called(*arguments, **named))
        return called(*arguments, **named)

    def _run(self, function: Function, arguments: tuple[Any, ...], named: dict[str, Any], run: Callable[[], Any]) -> Any:
        inputs = tensors_in(arguments) + tensors_in(named) if named else tensors_in(arguments)
        line = _LATER
        if function.inplace:  # what it changes is remembered as it was
            line = self._line()
            if line == MAKING:
                return run()
            self._remember(inputs)
        before = _get_sequence_nr()
        given = [self._given(tensor) for tensor in inputs]
        self._busy = True
        try:
            result = run()
        except Exception as error:
            self._busy = False
            index = self._note(function, inputs, given, [], before, line, message_of(error))
            self._raised = error, index
            raise
        finally:
            self._busy = False
        outputs = tensors_in(result)
        if function.inplace and inputs and (not outputs or outputs[0] is inputs[0]):
            outputs = inputs[:1]
        elif _get_sequence_nr() == before and named.get("out") is None:
            given_back = all(any(one is other for other in inputs) for one in outputs)
            if not inputs or given_back:
                # It answered a question, made a leaf from nothing (randn), or gave back what it was given: contiguous() may.
                return result
        self._note(function, inputs, given, outputs, before, line, "")
        return result

    def _line(self) -> int:
        return self._places.of(sys._getframe(1))

    def _note(self, function: Function, inputs: list[Tensor], given: list[Given], outputs: list[Tensor], before: int, line: int,
              error: str) -> int:
        """Remember an operation; returns its index, or -1 for one that is no part of a forward pass."""
        line = self._line() if line == _LATER else line
        if line == MAKING:
            return -1
        index = len(self._operations)
        self._remember(inputs)
        required = [tensor.requires_grad for tensor in outputs]
        node = outputs[0].grad_fn if outputs and required[0] else None
        after = _get_sequence_nr()
        if after > before:
            self._mark_at(before, index)
            self._mark_at(after, -1)
            if not error:
                for tensor in inputs:
                    self._loose.pop(id(tensor), None)
        for tensor, needs in zip(outputs, required, strict=True):
            self._makers[id(tensor)] = weakref.ref(tensor), index
            if needs:
                self._loose[id(tensor)] = tensor
        self._operations.append(NotedOperation(
            function.name,
            tuple(one if one.maker >= 0 else one._replace(key=self._source_of.get(id(tensor), -1))
                  for one, tensor in zip(given, inputs, strict=True)),
            tuple(type_of(tensor) for tensor in outputs), (before, after),
            -1 if node is None else node._sequence_nr(),
            "" if error or not outputs or any(required) else reason_of(function, given, outputs),
            self._open[-1] if self._open else -1, line, self._preview(outputs[0]) if outputs else None, error, any(required),
        ))
        return index

    def _preview(self, tensor: Tensor) -> Preview | None:
        most = previews.budget(len(self._operations) + len(self._sources))
        return self._batch.preview(tensor, most) if self._values else None

    def _remember(self, tensors: Iterable[Tensor]) -> None:
        """Tensors that no operation made are sources. They are kept, so that their ids stay their own."""
        for tensor in tensors:
            if id(tensor) not in self._source_of and self._maker(tensor) < 0 and tensor.grad_fn is None:
                self._source_of[id(tensor)] = len(self._sources)
                self._sources.append((tensor, self._preview(tensor)))


class _Mode(TorchFunctionMode):
    """Hands every torch function to a recording."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self._recording = recording

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return self._recording._called(func, args, kwargs or {})
