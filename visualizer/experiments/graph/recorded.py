"""What a recording tells of a forward pass once it has ended: calls, lines, operations, leaves, names, where a node comes from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Mapping, Sequence
from functools import cached_property
from typing import Any

from torch import Tensor, nn

from visualizer.experiments.graph.error_words import first_line_of, message_of
from visualizer.experiments.graph.model import Call, Failure, Node, Operation, Origin, Preview, SourceLine
from visualizer.experiments.graph.noted import Given, NotedCall, NotedOperation, type_of
from visualizer.experiments.graph.recorded_names import Names
from visualizer.experiments.graph.recording_protocol import Known, Made
from visualizer.experiments.graph.source_lines import Lines

#: So many operations are made between two answers of a generator.
_CHUNK = 500


class Told:
    """The notes of a forward pass, and the answers to :class:`~visualizer.experiments.graph.recording_protocol.Recorded`."""

    def __init__(self, model: nn.Module | None, files: Mapping[str, str] | None) -> None:
        self.model = model
        self.title = ""
        self.output = ""
        self.notes: tuple[str, ...] = ()
        self.failure: Failure | None = None
        self._named: dict[str, Any] = {}
        self._raised: tuple[BaseException | None, int] = None, -1
        self._places = Lines(files)
        self._calls: list[NotedCall] = []
        self._open: list[int] = []
        self._counts: dict[int, int] = {}
        #: Modules that no other one called, by id, and what the code that called them calls them.
        self._outer: dict[int, tuple[nn.Module, str]] = {}
        self._operations: list[NotedOperation] = []
        self._makers: dict[int, tuple[Any, int]] = {}
        self._sources: list[tuple[Tensor, Preview | None]] = []
        self._source_of: dict[int, int] = {}
        self._loose: dict[int, Tensor] = {}
        #: From this sequence number on, nodes belong to this call and operation: three lists of one length.
        self._from: list[int] = []
        self._in_call: list[int] = []
        self._in_operation: list[int] = []
        self._last: int = -1

    def _given(self, tensor: Tensor) -> Given:
        type_, needs = type_of(tensor), tensor.requires_grad
        maker = -1
        if needs and (node := tensor.grad_fn) is not None:  # the last that changed it, be it through a view
            maker = self._at(node._sequence_nr())[1]
        if maker < 0:
            maker = self._maker(tensor)
        return Given(maker, id(tensor), type_, needs)

    def _maker(self, tensor: Tensor) -> int:
        """The operation that returned this very tensor; ids are used again, so the tensor must still be the one."""
        found = self._makers.get(id(tensor))
        return found[1] if found is not None and found[0]() is tensor else -1

    def _at(self, sequence: int) -> tuple[int, int]:
        """The module call and the operation that a node of this number belongs to."""
        if self._last >= 0 and sequence >= self._last:
            return -1, -1
        row = bisect_right(self._from, sequence) - 1
        return (self._in_call[row], self._in_operation[row]) if row >= 0 else (-1, -1)

    def name(self, variables: Mapping[str, Any]) -> None:
        """Give the user's names to tensors and modules, and to those in lists, tuples and dictionaries."""
        self._named = dict(variables)
        self.__dict__.pop("names", None)

    def completed(self) -> nn.Module | None:
        """The model. Where no variable names what was called, as in a function that returns a loss, the one module that it called
        is the model; of several, each has the name that the function gives it."""
        known = self.names.modules
        unnamed = [(module, name) for module, name in self._outer.values()
                   if id(module) not in known and next(module.parameters(), None) is not None]
        if self.model is None and not known and len(unnamed) == 1:
            self.model = unnamed[0][0]
        for module, name in unnamed if self.model is None else ():
            name = base = name or type(module).__name__
            others = 1
            while name in self._named:
                others += 1
                name = f"{base}_{others}"
            self._named[name] = module
        self.__dict__.pop("names", None)
        return self.model

    @cached_property
    def names(self) -> Names:
        return Names(self.model, self._named)

    @property
    def variables(self) -> Mapping[str, Tensor]:
        return self.names.variables

    @property
    def loose(self) -> tuple[Tensor, ...]:
        """Results that require a gradient and that no other operation used: where the graph of a failed forward pass begins."""
        return tuple(self._loose.values())

    def maker(self, tensor: Tensor) -> int:
        """The operation that made this tensor, or changed it last; -1: none, it is a leaf."""
        return self._given(tensor).maker

    def line(self, file: str, number: int) -> int:
        """The index of a source line."""
        return self._places.index(file, number)

    @property
    def lines(self) -> tuple[SourceLine, ...]:
        return tuple(self._places.found)

    @property
    def calls(self) -> tuple[Call, ...]:
        made = []
        for index, call in enumerate(self._calls):
            kind = type(call.module).__name__
            path = self.names.modules.get(id(call.module))
            # A module without a name of its own is called by its class.
            made.append(Call(index, kind if path is None else path, "" if path is None else kind, call.nth, call.parent))
        return tuple(made)

    @property
    def operations(self) -> tuple[Operation, ...]:
        made = self._built({})
        while True:
            try:
                next(made)
            except StopIteration as end:
                found: tuple[Operation, ...] = end.value
                return found

    def operations_of(self, nodes: Sequence[Node]) -> Generator[None, None, tuple[Operation, ...]]:
        """The operations with their nodes, and those whose result no root depends on as ``unused``; yields now and then."""
        own: dict[int, list[Node]] = {}
        for node in nodes:
            if node.operation >= 0:
                own.setdefault(node.operation, []).append(node)
        yield None
        in_order = {index: _in_order(ours, self._operations[index].result) for index, ours in own.items()}
        yield None
        return (yield from self._built(in_order, walked=True))

    def _built(self, nodes: Mapping[int, tuple[int, ...]], walked: bool = False) -> Generator[None, None, tuple[Operation, ...]]:
        names: dict[tuple[int, int], list[str]] = {}
        for name, tensor in self.variables.items():
            names.setdefault((self.maker(tensor), id(tensor)), []).append(name)
        of_operation: dict[int, list[str]] = {}
        for (maker, _), words in names.items():
            of_operation.setdefault(maker, []).extend(words)
        sources = [self.names.first(tensor) for tensor, _ in self._sources]
        # An error that the user's code has caught was no end of the forward pass.
        end = -1 if self.failure is None else self.failure.operation
        made = []
        for index, one in enumerate(self._operations):
            inputs = []
            for maker, key, type_, needs in one.inputs:
                if maker >= 0:
                    name = names[maker, key][0] if (maker, key) in names else ""
                else:
                    name = sources[key] if key >= 0 else ""
                inputs.append(Origin(maker, name, type_, needs))
            ours = nodes.get(index, ())
            unused = walked and one.required and not ours and one.nodes[1] > one.nodes[0]
            made.append(Operation(
                index, one.name, tuple(inputs), one.outputs, tuple(of_operation.get(index, ())), ours,
                "unused" if unused else one.reason, one.call, one.line, one.value, one.error if index == end else "",
            ))
            if index % _CHUNK == _CHUNK - 1:
                yield None
        return tuple(made)

    @property
    def known(self) -> tuple[Known, ...]:
        """Sources in order of their first use, then leaves that have a name and were not used at all."""
        used = [(tensor, value) for tensor, value in self._sources]
        idle = [(tensor, None) for tensor in self.variables.values()
                if id(tensor) not in self._source_of and self._maker(tensor) < 0 and tensor.grad_fn is None]
        found: dict[int, Known] = {}
        for tensor, value in (*used, *idle):
            own = id(tensor) in self.names.own
            maker = self._maker(tensor)
            names = () if maker >= 0 else self.names.tensors.get(id(tensor), ())
            variables = tuple(name for name in names if not own or self.variables.get(name) is tensor)
            found.setdefault(id(tensor), Known(tensor, variables, value))
        return tuple(found.values())

    def of_node(self, sequence: int, node: Any) -> Made:
        """Which module call, line and operation made this node."""
        if sequence < 0:
            return Made()
        call, operation = self._at(sequence)
        if operation < 0:
            return Made(call)
        noted = self._operations[operation]
        return Made(call, noted.line, operation, noted.value if sequence == noted.result else None)

    def failed(self, error: BaseException, line: int = -1) -> Failure:
        """Note that the forward pass ended with this error: becomes :attr:`failure`, too.

        Args:
            line: of :attr:`lines`; -1: that of the operation that raised it, or where the traceback left the user's code.
        """
        raised, operation = self._raised
        operation = operation if raised is error else -1
        if line < 0 and operation >= 0:
            line = self._operations[operation].line
        if line < 0:
            line = self._places.of_traceback(error.__traceback__)
        where = f" in line {self.lines[line].number}" if line >= 0 else ""
        what = f" {self._operations[operation].name} was refused:" if operation >= 0 else ""
        if isinstance(error, SystemExit):
            sentence = f"The program ended itself{where}, with sys.exit or exit."
            self.failure = Failure(sentence, "", line)
            return self.failure
        none = "no memory was left for it" if isinstance(error, MemoryError) else "no message"
        sentence = f"The forward pass failed{where}.{what} {type(error).__name__}: {first_line_of(error) or none}"
        self.failure = Failure(sentence, message_of(error) or none, line, operation)
        return self.failure


def _in_order(nodes: list[Node], result: int) -> tuple[int, ...]:
    """The nodes of an operation as it made them, that of its result last."""
    if len(nodes) > 1:
        nodes.sort(key=lambda node: (node.sequence == result, node.sequence))
    return tuple([node.index for node in nodes])
