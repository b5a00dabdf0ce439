"""Module calls guessed afterwards, for a graph whose forward pass nobody recorded.

What is known is which nodes use which parameter, and in which order the nodes were made (their sequence numbers). A node that uses
a parameter belongs to a call of the parameter's module; the nodes between two such nodes belong to the innermost call that holds
both. Every call is therefore an interval of that order, and as a gradient only flows to what was made earlier, the graph of calls
has no cycle, even where one layer is used several times.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from visualizer.experiments.graph.model import Call, Edges, Node

#: Nodes that only look at a parameter in another way: who uses what they return uses the parameter.
_LOOKS = frozenset({
    "T", "Transpose", "Permute", "View", "Reshape", "ReshapeAlias", "UnsafeView", "Expand", "Unsqueeze", "Squeeze", "ToCopy",
    "Alias", "Split", "SplitWithSizes", "UnsafeSplit", "Chunk", "Slice", "Select", "Unbind", "Clone", "WeightNormInterface",
})

#: Modules without a forward of their own: nobody calls them.
_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)

#: What modules without parameters make, where it is not called as they are.
_MAKES: Mapping[str, frozenset[str]] = {
    "relu6": frozenset({"hardtanh"}),
    "dropout": frozenset({"nativedropout", "mul"}),
    "flatten": frozenset({"view", "reshape", "reshapealias", "unsafeview"}),
    "unflatten": frozenset({"view"}),
    "adaptiveavgpool2d": frozenset({"mean", "mkldnnadaptiveavgpool2d"}),
}

_SLICE = 0.004

Path = tuple[str, ...]


@dataclass(eq=False)
class _Use:
    """How a node uses parameters, by their AccumulateGrad: ``owners`` are the modules that it does so for; ``direct`` are those
    that it takes itself, and not from a node that only looks at them."""

    owners: dict[int, Path]
    direct: set[int]

    @property
    def path(self) -> Path:
        """The module that has all of them."""
        shortest = min(self.owners.values(), key=len)
        depth = 0
        while depth < len(shortest) and all(path[depth] == shortest[depth] for path in self.owners.values()):
            depth += 1
        return shortest[:depth]


@dataclass(eq=False)
class _Open:
    """A call while nodes still go to it, and the parameters that it has used."""

    index: int
    path: Path
    used: set[int] = field(default_factory=set)


@dataclass(eq=False)
class _Calls:
    """The calls so far, and those that are open: each within the one before."""

    modules: Mapping[str, nn.Module]
    made: list[Call] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)
    counts: dict[Path, int] = field(default_factory=dict)

    def new(self, path: Path, parent: int) -> _Open:
        """A call that happens in the parent."""
        name = ".".join(path)
        kind = type(self.modules[name]).__name__ if name in self.modules else ""
        self.made.append(Call(len(self.made), name, kind, self.counts.get(path, 0), parent, True))
        self.counts[path] = self.counts.get(path, 0) + 1
        return _Open(len(self.made) - 1, path)

    def close(self, path: Path, direct: set[int], totals: Mapping[Path, int]) -> None:
        """Close what cannot hold a node of this module that uses these parameters directly. The first call stays open."""
        keep = 1
        while keep < len(self.stack) and self.stack[keep].path == path[: len(self.stack[keep].path)]:
            call = self.stack[keep]
            if direct & call.used and (call.path == path or len(call.used) >= totals[call.path]):
                break
            keep += 1
        del self.stack[keep:]

    def open(self, path: Path, direct: set[int]) -> int:
        """Open what leads to this module; the call of the module."""
        for depth in range(len(self.stack[-1].path) + 1, len(path) + 1):
            if not isinstance(self.modules.get(".".join(path[:depth])), _CONTAINERS):
                self.stack.append(self.new(path[:depth], self.stack[-1].index))
        for call in self.stack:
            call.used |= direct
        return self.stack[-1].index


def guessed_calls(
    nodes: Sequence[Node], edges: Edges, model: nn.Module,
) -> Generator[None, None, tuple[tuple[Call, ...], list[int]]]:
    """The calls of the model's modules, parents before children, and the call of each node (-1: of none).

    A module is taken to be called anew when a parameter that its call has used already is used again; of several modules that
    could have been, the outermost all of whose parameters have been used since. A module without parameters is recognised by what
    it makes (a sigmoid). Other nodes before the first and after the last module belong to no call: they may be of the loss.
    """
    of_node = [-1] * len(nodes)
    order = [node.index for node in nodes if node.kind != "accumulate" and node.sequence >= 0]
    order.sort(key=lambda at: nodes[at].sequence)
    uses = (yield from _uses(nodes, edges, order)) if _is_in_order(nodes, edges) else {}
    if not uses:
        return (), of_node
    totals = _totals(nodes, uses)
    calls = _Calls(dict(model.named_modules(remove_duplicate=False)))
    calls.stack.append(calls.new((), -1))
    between: list[int] = []
    last: Path | None = None
    due = time.perf_counter() + _SLICE
    for at in order:
        use = uses.get(at)
        if use is None:
            if last is not None:
                between.append(at)
            continue
        path = use.path
        calls.close(path, use.direct, totals)
        if last is not None:
            _give(between, nodes, of_node, calls, last, path)
        of_node[at] = calls.open(path, use.direct)
        between, last = [], path
        if time.perf_counter() > due:
            yield None
            due = time.perf_counter() + _SLICE
    del calls.stack[1:]
    _give(between, nodes, of_node, calls, last or (), None)
    _give_leaves(nodes, edges, calls.made, of_node)
    return tuple(calls.made), of_node


def _is_in_order(nodes: Sequence[Node], edges: Edges) -> bool:
    """Whether every gradient goes to what was made earlier. Where threads have built the graph, the numbers do not tell."""
    number = np.array([-1 if node.kind == "accumulate" else node.sequence for node in nodes], dtype=np.int64)
    return bool(np.all(number[edges.source] > number[edges.target]))


def _uses(nodes: Sequence[Node], edges: Edges, order: Sequence[int]) -> Generator[None, None, dict[int, _Use]]:
    """The nodes that use parameters, directly or through a look at them.

    A parameter with several names (tied weights) is used for each module in turn: the embedding comes before the output layer.
    """
    targets: dict[int, list[int]] = {}
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        targets.setdefault(source, []).append(target)
    looks: dict[int, dict[int, Path]] = {}
    turns: dict[int, int] = {}
    found: dict[int, _Use] = {}
    due = time.perf_counter() + _SLICE
    for at in order:
        use = _Use({}, set())
        only = not nodes[at].empty and nodes[at].title in _LOOKS
        for target in targets.get(at, ()):
            if nodes[target].kind == "accumulate" and nodes[target].parameters:
                use.direct.add(target)
            elif target in looks:
                use.owners.update(looks[target])
            else:
                only = False
        for parameter in use.direct:
            names = nodes[parameter].parameters
            turn = turns.get(parameter, 0)
            turns[parameter] = turn + 1
            use.owners[parameter] = tuple(names[turn % len(names)].split(".")[:-1])
        if use.owners:
            found[at] = use
            if only:
                looks[at] = use.owners
        if time.perf_counter() > due:
            yield None
            due = time.perf_counter() + _SLICE
    return found


def _totals(nodes: Sequence[Node], uses: Mapping[int, _Use]) -> dict[Path, int]:
    """By path of a module: how many parameters of the graph it and its children have."""
    below: dict[Path, set[int]] = {}
    for parameter in {parameter for use in uses.values() for parameter in use.owners}:
        for name in nodes[parameter].parameters:
            parts = tuple(name.split(".")[:-1])
            for depth in range(len(parts) + 1):
                below.setdefault(parts[:depth], set()).add(parameter)
    return {path: len(parameters) for path, parameters in below.items()}


def _give(
    between: Sequence[int], nodes: Sequence[Node], of_node: list[int], calls: _Calls, before: Path, after: Path | None,
) -> None:
    """Give the nodes between two uses of parameters to the innermost open call, or to modules of it without parameters.

    Args:
        before, after: the modules of the two uses; None: there is none after.
    """
    if not between:
        return
    call = calls.stack[-1]
    waiting = _without_parameters(calls.modules, call.path, before, after)
    own: dict[int, int] = {}
    for at in between:
        made = nodes[at].title.lower()
        fits = next((rank for rank, name in enumerate(waiting) if _makes(type(calls.modules[name]).__name__.lower(), made)), None)
        if fits is not None:
            own[at] = calls.new(tuple(waiting[fits].split(".")), call.index).index
            waiting = waiting[fits + 1 :]
    # After the last use nobody knows where the model ends, but for the last of its modules that was recognised.
    end = len(between) if after is not None else max((rank + 1 for rank, at in enumerate(between) if at in own), default=0)
    for at in between[:end]:
        of_node[at] = own.get(at, call.index)


def _without_parameters(modules: Mapping[str, nn.Module], path: Path, before: Path, after: Path | None) -> list[str]:
    """The innermost modules without parameters in the module of ``path``, registered after ``before`` and before ``after``."""
    inside = ".".join(path)
    names = list(modules)
    start = names.index(".".join(before)) if ".".join(before) in modules else 0
    stop = names.index(".".join(after)) if after is not None and ".".join(after) in modules else len(names)
    return [
        name for name in names[start + 1 : stop]
        if (not inside or name.startswith(inside + ".")) and next(modules[name].children(), None) is None
        and next(modules[name].parameters(), None) is None
    ]


def _makes(module: str, node: str) -> bool:
    return node.startswith(module) or node in _MAKES.get(module, ())


def _give_leaves(nodes: Sequence[Node], edges: Edges, calls: Sequence[Call], of_node: list[int]) -> None:
    """An AccumulateGrad belongs to the innermost call that holds all nodes that use it."""
    users: dict[int, set[int]] = {}
    for source, target in zip(edges.source.tolist(), edges.target.tolist(), strict=True):
        if nodes[target].kind == "accumulate":
            users.setdefault(target, set()).add(of_node[source])
    for leaf, inside in users.items():
        common: list[int] | None = None
        for call in inside:
            way = []
            while call >= 0:
                way.append(call)
                call = calls[call].parent
            way.reverse()
            common = way if common is None else [one for one, two in zip(common, way, strict=False) if one == two]
        of_node[leaf] = common[-1] if common else -1
