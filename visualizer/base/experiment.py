"""The contract between a tab and the frame: State -> Request -> run -> Result -> figures, explanation, code.

Nothing here imports torch, numpy or Qt: an experiment is *declared* before the window is painted and
*computes* later, in the worker. A subclass of :class:`Experiment` therefore imports its numerical
modules inside the methods that need them.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Self, TypeVar

from visualizer.base.errors import UserError
from visualizer.base.parameters import Names, Option, Parameter, choice, parameters_of

if TYPE_CHECKING:
    from visualizer.base.explanation import Explanation
    from visualizer.figures.graph import AnyFigure


@dataclass(frozen=True)
class State:
    """The value of every control of one tab. Immutable, hashable, always valid.

    A subclass is a frozen dataclass whose fields are made by the functions of
    :mod:`visualizer.base.parameters`; constructing it checks every value against its declaration.

    Raises:
        ParameterError: a value is outside its declaration.
    """

    def __post_init__(self) -> None:
        # Names are checked last: what they are chosen from may be another parameter, declared after them.
        declared = sorted(parameters_of(type(self)).items(), key=lambda item: isinstance(item[1], Names))
        for name, parameter in declared:
            object.__setattr__(self, name, parameter.check(getattr(self, name), self))

    def changed(self, **values: Any) -> Self:
        """This state with some values replaced (and checked).

        Names that no longer exist, because what they are chosen from changed, are dropped silently.
        """
        declared = parameters_of(type(self))
        for name, value in values.items():
            if name in declared and not isinstance(declared[name], Names):
                values[name] = declared[name].check(value, self)
        for name, parameter in declared.items():
            if isinstance(parameter, Names) and name not in values:
                available = parameter.options(_Overlay(self, values))
                values[name] = tuple(item for item in getattr(self, name) if item in available)
        return dataclasses.replace(self, **values)


class _Overlay:
    """A state with some values replaced but not yet checked: enough for a parameter to read its options from."""

    def __init__(self, state: State, values: Mapping[str, Any]) -> None:
        self._state = state
        self._values = values

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__["_values"]
        return values[name] if name in values else getattr(self.__dict__["_state"], name)


@dataclass(frozen=True)
class Request:
    """What the worker needs to compute a result, and nothing else: hashable, equal requests give equal results."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a run has found so far. Arrays are read-only numpy; see :func:`visualizer.figures.model.readonly`.

    Attributes:
        steps: index of the last step that the transport bar can show; 0 when there is nothing to play.
        progress: fraction done in [0, 1]; 1.0 when this result is final.
        enough: what follows only adds to this picture. It is computed once the user's hand rests, so that it takes
            nothing from the answers to a slider that moves.
    """

    steps: int = field(default=0, kw_only=True)
    progress: float = field(default=1.0, kw_only=True)
    enough: bool = field(default=False, kw_only=True)


@dataclass(frozen=True)
class View:
    """One page of a tab: a question, with the figures that answer it. The first figure is the main one.

    Attributes:
        name: value of the state's ``view`` parameter that shows this page.
        title: a few words, shown to the user.
        help: one or two sentences: what this page shows and what to try.
        figures: names of its figures; unique within the experiment, so ``--figure`` also chooses the page.
        playable: whether the transport bar plays its result step by step.
        graphs: those of its figures that are a :class:`~visualizer.figures.graph.GraphFigure`.
    """

    name: str
    title: str
    help: str
    figures: tuple[str, ...]
    playable: bool = False
    graphs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preset:
    """A named button: one click sets these values (a lecturer's example). ``play`` starts from step 0 and runs."""

    name: str
    title: str
    help: str
    values: Mapping[str, Any]
    play: bool = False


@dataclass(frozen=True)
class Report:
    """What is said beside a program of the user: what went wrong in it (empty: nothing), at which of its lines (from 1; 0: none),
    and what it printed."""

    sentence: str = ""
    line: int = 0
    output: str = ""


@dataclass(frozen=True)
class Gesture:
    """What the mouse or keyboard did to a figure, free of Qt.

    ``drag`` comes repeatedly while the button is down, ``drop`` once at its end (it is the committed change),
    ``click`` on an element that was not moved. ``index`` counts the elements of ``layer`` (a layer's key);
    coordinates are data coordinates.
    """

    kind: Literal["click", "drag", "drop"]
    figure: str
    layer: str
    index: int
    x: float
    y: float


S = TypeVar("S", bound=State)
Q = TypeVar("Q", bound=Request)
R = TypeVar("R", bound=Result)


class Experiment(ABC, Generic[S, Q, R]):
    """One tab. Everything the frame knows about it is here; see the README, "How to add an experiment"."""

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    views: ClassVar[tuple[View, ...]]
    presets: ClassVar[tuple[Preset, ...]] = ()
    #: Names of the modules that compute and draw; the worker imports them beforehand, so that no first run waits.
    modules: ClassVar[tuple[str, ...]] = ()
    #: Formats besides pictures, CSV and JSON that :meth:`document` writes: suffix without its first dot, and what it is.
    formats: ClassVar[Mapping[str, str]] = MappingProxyType({})
    state_type: type[S]

    @abstractmethod
    def request(self, state: S) -> Q:
        """The request that this state asks for: cheap, pure, no torch. Display-only parameters stay out of it."""

    @abstractmethod
    def run(self, request: Q) -> Iterator[R | None]:
        """Compute, in the worker. Each ``next`` takes at most 30 ms; ``None`` means "not yet, go on".

        The last item yielded is the final result (``progress == 1.0``).

        Raises:
            UserError: the request cannot be computed; its sentence is shown.
        """

    @abstractmethod
    def figures(self, result: R, state: S) -> tuple[AnyFigure, ...]:
        """What to draw for this result, in the order of the view's ``figures``. Cheap: runs in the GUI thread."""

    @abstractmethod
    def explain(self, result: R, state: S) -> Explanation:
        """What is seen, with this run's numbers in the formulas."""

    @abstractmethod
    def code(self, state: S) -> str:
        """A few lines of PyTorch that reproduce the result; runs as it stands, prints the main numbers."""

    @abstractmethod
    def numbers(self, result: R, state: S) -> dict[str, Any]:
        """All numeric results as nested dictionaries of numbers, strings, lists and numpy arrays (for JSON)."""

    def gesture(self, state: S, gesture: Gesture) -> S:
        """The state after the user touched a figure. The same state means: nothing happens."""
        return state

    def document(self, format: str, result: R, state: S) -> bytes:
        """The content of a file in one of :attr:`formats`.

        Raises:
            UserError: this result has no such document; its sentence is shown.
        """
        raise KeyError(format)

    def values_of(self, word: str) -> Mapping[str, Any]:
        """The values that a bare word on the command line stands for (``visualizer graph model.py:make``).

        Raises:
            UserError: it stands for nothing here.
        """
        raise UserError(f"{word!r} was not expected; {self.name} takes only options, which begin with two dashes.")

    def implied(self, names: Collection[str]) -> Mapping[str, Any]:
        """The values that options imply which are given without them: who gives a program wants that one (``--code "..."``)."""
        return {}

    def allow(self, state: S) -> None:
        """The user asked, just now, that the program which this state names be run."""

    def reports(self, result: R) -> Mapping[str, Report]:
        """What a result has to say about the user's programs, by the names of their parameters."""
        return {}

    # What follows is derived and the same for every experiment.

    def view(self, state: S) -> View:
        """The page that the state shows."""
        chosen = getattr(state, "view", self.views[0].name)
        return next(view for view in self.views if view.name == chosen)

    def parameters(self) -> Mapping[str, Parameter[Any]]:
        """Every declared parameter by name, in form order."""
        return parameters_of(self.state_type)

    def visible_parameters(self, state: S) -> tuple[Parameter[Any], ...]:
        """The parameters that mean something on the state's page and are edited in the form."""
        view = self.view(state).name
        return tuple(
            p for p in self.parameters().values()
            if not p.hidden and (not p.views or view in p.views) and (p.when is None or p.when(state))
        )

    def view_of_figure(self, figure: str) -> View | None:
        """The page that draws a figure of this name."""
        return next((view for view in self.views if figure in view.figures), None)

    def default_state(self) -> S:
        return self.state_type()


def view_choice(views: tuple[View, ...], **options: Any) -> Any:
    """The field ``view`` of a state: which page is shown."""
    return choice(
        views[0].name,
        tuple(Option(view.name, view.title, view.help) for view in views),
        label="Page",
        help="Which question this tab shows.",
        hidden=True,
        **options,
    )

