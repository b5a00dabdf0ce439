"""What the worker is asked for, one request class a page: only what changes the result is in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, cast

from visualizer.base.experiment import Request
from visualizer.experiments.graph import consent
from visualizer.experiments.graph.examples.catalogue import SIZES, example
from visualizer.experiments.graph.state import CODE, GraphState

_IDENT = re.compile("[0-9]{1,10}")

Fold = Literal["none", "parameters", "modules"]


@dataclass(frozen=True)
class Source(Request):
    """Where a graph comes from. Fields that mean nothing for its kind are empty, so that equal sources are equal.

    Attributes:
        kind: an example of the catalogue, a program as text, a model in a Python file, a saved capture.
        example, sizes: name of the example and the values of the sizes that it uses.
        code: the program.
        path, make, input: the Python file or the capture; the name in it that makes the model; shapes of the inputs as text.
        seed: of torch's generator before the program runs.
        time_limit, memory_limit: seconds and GiB that a user's program may take. They change nothing in what it leaves behind: a
            new limit counts from the next time that it is run.
        allowed: whether the user asked, in this process, that this very program be run.
        asked: how often they did: who asks again wants it run again.
    """

    kind: Literal["example", "code", "file", "capture"]
    example: str = ""
    sizes: tuple[tuple[str, int], ...] = ()
    code: str = ""
    path: str = ""
    make: str = ""
    input: str = ""
    seed: int = 0
    time_limit: float = field(default=0.0, compare=False)
    memory_limit: float = field(default=0.0, compare=False)
    allowed: bool = True
    asked: int = 0

    @property
    def key(self) -> str:
        """A short name that is the same for the same program, whatever its limits: what was opened or chosen belongs to it."""
        return consent.digest(self.kind, self.example, self.sizes, self.code, self.path, self.make, self.input)[:8]


@dataclass(frozen=True)
class Shown(Request):
    """How a graph is folded and laid out.

    Attributes:
        fold: "none": every node as autograd has it; "parameters": AccumulateGrad is a chip on its consumer; "modules": besides,
            module calls are groups, open down to ``level``.
        toggled: idents of groups and repetitions that the user has opened or closed, against what ``level`` says.
        repeats: equal blocks one after the other are one box "x12".
        leftward: from left to right.
        outside: operations of the forward pass that are not in the graph are drawn, too.
    """

    fold: Fold
    level: int
    repeats: bool
    leftward: bool
    toggled: frozenset[int] = frozenset()
    outside: bool = False


@dataclass(frozen=True)
class GraphRequest(Request):
    """The page "graph"."""

    source: Source
    shown: Shown


@dataclass(frozen=True)
class BackwardRequest(Request):
    source: Source
    shown: Shown


@dataclass(frozen=True)
class LifeRequest(Request):
    """``backwards`` calls of backward; ``retain``: each with retain_graph; ``clear``: what stands between them."""

    source: Source
    shown: Shown
    backwards: int
    retain: bool
    clear: str


@dataclass(frozen=True)
class AbsentRequest(Request):
    source: Source
    shown: Shown


PageRequest = GraphRequest | BackwardRequest | LifeRequest | AbsentRequest


def source_of(state: GraphState) -> Source:
    """What the state's graph is captured from."""
    match state.source:
        case "code":
            source = Source("code", code=state.code, seed=state.seed, time_limit=state.time_limit, memory_limit=state.memory_limit)
        case "file":
            path, _, make = state.model.rpartition(":") if ".py:" in state.model else (state.model, "", "")
            source = Source("file", path=path, make=make, input=state.input, seed=state.seed, time_limit=state.time_limit,
                            memory_limit=state.memory_limit)
        case "capture":
            return Source("capture", path=state.capture)
        case _:
            uses = example(state.example).uses
            sizes = tuple((name, getattr(state, name)) for name in SIZES if name in uses)
            return Source("example", example=state.example, sizes=sizes, seed=state.seed)
    asked = consent.asked(source.key)
    ours = source.kind == "code" and source.code == CODE  # the program that stands there at first is the product's own
    return Source(**{**source.__dict__, "allowed": asked > 0 or ours, "asked": asked})


def idents_of(text: str, key: str) -> tuple[int, ...]:
    """The idents in a text such as ``1a2b3c4d:17,4``, if they were chosen in the graph of this key."""
    of, _, rest = text.partition(":")
    # A session may hold any text: digits of other scripts, numbers without end.
    return tuple(int(word) for word in rest.split(",") if _IDENT.fullmatch(word)) if of == key else ()


def shown_of(state: GraphState, source: Source) -> Shown:
    """How the state's graph is folded and laid out."""
    modules = state.fold == "modules"
    return Shown(
        cast("Fold", state.fold), state.level if modules else 0, state.repeats and modules, state.direction == "right",
        frozenset(idents_of(state.toggled, source.key)) if modules else frozenset(), state.view == "absent",
    )


def request_of(state: GraphState) -> PageRequest:
    """The request of the page that the state shows."""
    source = source_of(state)
    shown = shown_of(state, source)
    match state.view:
        case "backward":
            return BackwardRequest(source, shown)
        case "life":
            return LifeRequest(source, shown, state.backwards, state.retain, state.clear)
        case "absent":
            return AbsentRequest(source, shown)
        case _:
            return GraphRequest(source, shown)


def selected_ident(state: GraphState) -> int | None:
    """The ident of the box that was chosen in this graph; None: none."""
    found = idents_of(state.selected, source_of(state).key)
    return found[0] if found else None
