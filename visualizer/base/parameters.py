"""Parameters, declared once. Form, tooltip, command line, session and tests all read these declarations.

A state is a frozen dataclass whose fields are made here::

    @dataclass(frozen=True)
    class DescentState(State):
        alpha: float = real(0.05, 1e-4, 10.0, scale="log", label="Step size", help="...", formula=r"\\alpha")

``parameters_of(DescentState)["alpha"]`` is then the :class:`Real` that everything else derives from.
"""

from __future__ import annotations

import dataclasses
import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar

from visualizer.base.errors import ParameterError

T = TypeVar("T")
Scale = Literal["linear", "log"]
_KEY = "visualizer.parameter"


@dataclass(frozen=True, kw_only=True)
class Parameter(ABC, Generic[T]):
    """One value that a user can set.

    Attributes:
        name: the state's field; the command-line option is ``--name`` with dashes. Filled in from the field.
        label: shown beside the control.
        label_of: the label for a state, where it depends on another parameter; None: always ``label``.
        help: one or two sentences: meaning, and what larger or smaller does.
        formula: its symbol or formula in LaTeX, without dollar signs; may be empty.
        unit: shown after the number; may be empty.
        group: title of the foldable form section it stands in.
        views: names of the pages on which it means something; empty: all.
        when: further condition on the state for the form row to be shown.
        display: changes only what is drawn, never what is computed.
        hidden: has no form row of its own (page selector, transport position, ...).
    """

    kind: ClassVar[str] = "value"

    name: str = ""
    label: str
    help: str
    default: T
    formula: str = ""
    unit: str = ""
    group: str = ""
    views: tuple[str, ...] = ()
    when: Callable[[Any], bool] | None = None
    label_of: Callable[[Any], str] | None = None
    display: bool = False
    hidden: bool = False

    @property
    def option(self) -> str:
        """The command-line option, e.g. ``--batch-size``."""
        return "--" + self.name.replace("_", "-")

    def label_for(self, state: Any) -> str:
        """The label for this state."""
        return self.label if self.label_of is None else self.label_of(state)

    @abstractmethod
    def allowed(self, state: Any = None) -> str:
        """What is allowed, in words that follow "allowed is"."""

    @abstractmethod
    def check(self, value: Any, state: Any = None) -> T:
        """The value in its canonical type. Takes what JSON can hold, so sessions use it too.

        Raises:
            ParameterError: the value is not allowed.
        """

    @abstractmethod
    def parse(self, text: str, state: Any = None) -> T:
        """The value that was typed as text (command line, paste)."""

    def format(self, value: T) -> str:
        """The text that :meth:`parse` reads back."""
        return str(value)

    def to_json(self, value: T) -> Any:
        """The value as JSON can hold it; :meth:`check` reads it back."""
        return value

    def describe(self) -> dict[str, Any]:
        """The declaration as plain data, for ``visualizer list --json``."""
        data: dict[str, Any] = {
            "name": self.name, "option": self.option, "label": self.label, "type": self.kind,
            "default": self.to_json(self.default), "help": self.help, "allowed": self.allowed(),
        }
        for key in ("unit", "formula", "group"):
            if getattr(self, key):
                data[key] = getattr(self, key)
        if self.views:
            data["views"] = list(self.views)
        data["display_only"] = self.display
        return data

    def refuse(self, value: object, state: Any = None) -> ParameterError:
        return ParameterError(self.option, value, self.allowed(state))


@dataclass(frozen=True, kw_only=True)
class Real(Parameter[float]):
    """A finite float in [minimum, maximum].

    Attributes:
        scale: "log" makes the slider logarithmic (needs minimum > 0).
        span: the slider's range for a given state where the full range is too wide to drag over; None: full range.
        digits: significant digits shown.
    """

    kind: ClassVar[str] = "real"
    minimum: float
    maximum: float
    scale: Scale = "linear"
    span: Callable[[Any], tuple[float, float]] | None = None
    digits: int = 4

    def allowed(self, state: Any = None) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"a number from {self.minimum:g} to {self.maximum:g}{unit}"

    def check(self, value: Any, state: Any = None) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.refuse(value, state)
        try:
            number = float(value)
        except OverflowError:
            raise self.refuse(value, state) from None
        if not math.isfinite(number) or not self.minimum <= number <= self.maximum:
            raise self.refuse(value, state)
        return number

    def parse(self, text: str, state: Any = None) -> float:
        try:
            number = float(text.strip().replace("\u2212", "-"))
        except ValueError:
            raise self.refuse(text, state) from None
        if not math.isfinite(number) or not self.minimum <= number <= self.maximum:
            raise self.refuse(text, state)
        return number

    def format(self, value: float) -> str:
        return repr(value)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"minimum": self.minimum, "maximum": self.maximum, "scale": self.scale}


@dataclass(frozen=True, kw_only=True)
class Integer(Parameter[int]):
    """A whole number in [minimum, maximum]; ``scale`` and ``span`` as in :class:`Real`."""

    kind: ClassVar[str] = "integer"
    minimum: int
    maximum: int
    scale: Scale = "linear"
    span: Callable[[Any], tuple[int, int]] | None = None

    def allowed(self, state: Any = None) -> str:
        return f"a whole number from {self.minimum} to {self.maximum}"

    def check(self, value: Any, state: Any = None) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.refuse(value, state)
        if isinstance(value, float) and not value.is_integer():
            raise self.refuse(value, state)
        if not self.minimum <= value <= self.maximum:
            raise self.refuse(value, state)
        return int(value)

    def parse(self, text: str, state: Any = None) -> int:
        clean = text.strip().replace("_", "").replace("\u2212", "-")
        if not re.fullmatch(r"[+-]?\d{1,30}", clean):
            try:
                number = float(clean)
            except ValueError:
                raise self.refuse(text, state) from None
            if not math.isfinite(number) or not number.is_integer():
                raise self.refuse(text, state)
        else:
            number = int(clean)
        if not self.minimum <= number <= self.maximum:
            raise self.refuse(text, state)
        return int(number)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"minimum": self.minimum, "maximum": self.maximum, "scale": self.scale}


@dataclass(frozen=True, kw_only=True)
class Flag(Parameter[bool]):
    """On or off. On the command line ``--name`` or ``--name on|off``."""

    kind: ClassVar[str] = "flag"
    WORDS: ClassVar[Mapping[str, bool]] = MappingProxyType(
        {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}
    )

    def allowed(self, state: Any = None) -> str:
        return "on or off"

    def check(self, value: Any, state: Any = None) -> bool:
        if not isinstance(value, bool):
            raise self.refuse(value, state)
        return value

    def parse(self, text: str, state: Any = None) -> bool:
        try:
            return self.WORDS[text.strip().lower()]
        except KeyError:
            raise self.refuse(text, state) from None

    def format(self, value: bool) -> str:
        return "on" if value else "off"


class Option(NamedTuple):
    """One value of a choice: its name in scripts, its title on the screen, what it means, its formula in LaTeX."""

    name: str
    title: str
    help: str = ""
    formula: str = ""


@dataclass(frozen=True, kw_only=True)
class Choice(Parameter[str]):
    """One of a fixed set of names."""

    kind: ClassVar[str] = "choice"
    options: tuple[Option, ...]

    def allowed(self, state: Any = None) -> str:
        return "one of " + ", ".join(option.name for option in self.options)

    def check(self, value: Any, state: Any = None) -> str:
        if not isinstance(value, str) or all(option.name != value for option in self.options):
            raise self.refuse(value, state)
        return value

    def parse(self, text: str, state: Any = None) -> str:
        clean = text.strip()
        for option in self.options:
            if clean.lower() in (option.name.lower(), option.title.lower()):
                return option.name
        raise self.refuse(text, state)

    def describe(self) -> dict[str, Any]:
        return super().describe() | {"options": [option._asdict() for option in self.options]}


@dataclass(frozen=True, kw_only=True)
class Text(Parameter[str]):
    """Free text up to ``max_length`` characters.

    Attributes:
        multiline: it has a larger editor.
        program: it is Python code, or names some: it takes effect, and runs, only when the user presses Run.
    """

    kind: ClassVar[str] = "text"
    max_length: int = 10_000
    multiline: bool = False
    program: bool = False

    def allowed(self, state: Any = None) -> str:
        return f"text of at most {self.max_length} characters"

    def check(self, value: Any, state: Any = None) -> str:
        if not isinstance(value, str) or len(value) > self.max_length:
            raise self.refuse(value, state)
        return value

    def parse(self, text: str, state: Any = None) -> str:
        return self.check(text, state)


@dataclass(frozen=True, kw_only=True)
class Names(Parameter[tuple[str, ...]]):
    """A subset of an ordered set of names, kept in that order without repeats.

    As text: names and ranges separated by commas, ``P9-P13, P1``; ``none`` or nothing is the empty subset.

    Attributes:
        options: the names to choose from, for a state (they may depend on another parameter).
        titles: what a name is called on the screen, where that differs.
        noun: what one name is called in a message ("point").
        checked_means: "removed" when the subset is what is taken away, so that the form draws its names as left out.
    """

    kind: ClassVar[str] = "names"
    options: Callable[[Any], tuple[str, ...]]
    titles: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    noun: str = "name"
    checked_means: Literal["chosen", "removed"] = "chosen"

    def allowed(self, state: Any = None) -> str:
        names = self.options(state) if state is not None else ()
        listed = f"{names[0]} to {names[-1]}" if len(names) > 12 else ", ".join(names)
        return f"{self.noun} names or ranges such as A-B separated by commas" + (f", from {listed}" if listed else "")

    def check(self, value: Any, state: Any = None) -> tuple[str, ...]:
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise self.refuse(value, state)
        if any(not isinstance(name, str) for name in value):
            raise self.refuse(value, state)
        if state is None:
            return tuple(dict.fromkeys(value))
        names = self.options(state)
        known = set(names)
        for name in value:
            if name not in known:
                raise self.refuse(name, state)
        given = set(value)
        return tuple(name for name in names if name in given)

    def parse(self, text: str, state: Any = None) -> tuple[str, ...]:
        names = self.options(state)
        place = {name.lower(): index for index, name in enumerate(names)}
        chosen: set[int] = set()
        whole = text.strip().lower()
        if whole not in place:  # a name may be one of these words
            if whole in ("", "none"):
                return ()
            if whole == "all":
                return names
        for part in re.split(r"[,;\n]", text):
            word = part.strip().lower()
            if not word:
                continue
            if word in place:
                chosen.add(place[word])
                continue
            for dash in re.finditer("[-\u2013]", word):
                first, last = word[: dash.start()].strip(), word[dash.end():].strip()
                if first in place and last in place:
                    low, high = sorted((place[first], place[last]))
                    chosen.update(range(low, high + 1))
                    break
            else:
                raise self.refuse(part.strip(), state)
        return tuple(names[index] for index in sorted(chosen))

    def format(self, value: tuple[str, ...]) -> str:
        return ",".join(value)

    def to_json(self, value: tuple[str, ...]) -> Any:
        return list(value)


class Point(NamedTuple):
    """A named point in the plane."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, kw_only=True)
class Points(Parameter[tuple[Point, ...]]):
    """A table of named points with distinct names and distinct finite x, sorted by x. As text: CSV."""

    kind: ClassVar[str] = "points"
    minimum_count: int = 2
    maximum_count: int = 200
    limit: float = 1e6

    def allowed(self, state: Any = None) -> str:
        return (
            f"{self.minimum_count} to {self.maximum_count} points with distinct names, distinct x, "
            f"and numbers from {-self.limit:g} to {self.limit:g}"
        )

    def check(self, value: Any, state: Any = None) -> tuple[Point, ...]:
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise self.refuse(value, state)
        if not self.minimum_count <= len(value) <= self.maximum_count:
            raise self.refuse("1 point" if len(value) == 1 else f"{len(value)} points", state)
        points = [self._point(row, state) for row in value]
        points.sort(key=lambda point: point.x)
        names: set[str] = set()
        for index, point in enumerate(points):
            if point.name.lower() in names:
                raise self.refuse(f"the name {point.name} twice", state)
            names.add(point.name.lower())
            if index and points[index - 1].x == point.x:
                raise self.refuse(f"x = {point.x:g} twice", state)
        return tuple(points)

    def _point(self, row: Any, state: Any) -> Point:
        if not isinstance(row, (list, tuple)) or len(row) != 3:
            raise self.refuse(row, state)
        name, *numbers = row
        if not isinstance(name, str) or not name.strip() or len(name) > 40:
            raise self.refuse(name, state)
        if re.search(r"[,;\"\x00-\x1f\x7f]", name):
            raise self.refuse(name, state)
        for number in numbers:
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                raise self.refuse(number, state)
            if not abs(number) <= self.limit:
                raise self.refuse(number, state)
        return Point(name.strip(), float(numbers[0]), float(numbers[1]))

    def parse(self, text: str, state: Any = None) -> tuple[Point, ...]:
        from visualizer.base.tables import read_points

        return self.check(read_points(text), state)

    def format(self, value: tuple[Point, ...]) -> str:
        from visualizer.base.tables import write_points

        return write_points(value)

    def to_json(self, value: tuple[Point, ...]) -> Any:
        return [list(point) for point in value]


_PARAMETERS: dict[type[Any], Mapping[str, Parameter[Any]]] = {}


def parameters_of(state_type: type[Any]) -> Mapping[str, Parameter[Any]]:
    """The declared parameters of a state class by name, in declaration order."""
    known = _PARAMETERS.get(state_type)
    if known is None:
        found: dict[str, Parameter[Any]] = {}
        for item in dataclasses.fields(state_type):
            declared = item.metadata.get(_KEY)
            if declared is not None:
                found[item.name] = dataclasses.replace(declared, name=item.name)
        known = _PARAMETERS[state_type] = MappingProxyType(found)
    return known


def declare(parameter: Parameter[Any]) -> Any:
    """A dataclass field that carries the parameter and its default."""
    return field(default=parameter.default, metadata={_KEY: parameter})


def real(default: float, minimum: float, maximum: float, **options: Any) -> Any:
    """A state field declared as :class:`Real`."""
    return declare(Real(default=default, minimum=minimum, maximum=maximum, **options))


def integer(default: int, minimum: int, maximum: int, **options: Any) -> Any:
    """A state field declared as :class:`Integer`."""
    return declare(Integer(default=default, minimum=minimum, maximum=maximum, **options))


def flag(default: bool, **options: Any) -> Any:
    """A state field declared as :class:`Flag`."""
    return declare(Flag(default=default, **options))


def choice(default: str, options: Iterable[Option], **more: Any) -> Any:
    """A state field declared as :class:`Choice`."""
    return declare(Choice(default=default, options=tuple(options), **more))


def text(default: str, **options: Any) -> Any:
    """A state field declared as :class:`Text`."""
    return declare(Text(default=default, **options))


def names(default: tuple[str, ...], options: Callable[[Any], tuple[str, ...]], **more: Any) -> Any:
    """A state field declared as :class:`Names`."""
    return declare(Names(default=default, options=options, **more))


def points(default: tuple[Point, ...], **options: Any) -> Any:
    """A state field declared as :class:`Points`."""
    return declare(Points(default=default, **options))


def seed() -> Any:
    """The seed every experiment with randomness declares: shown and edited in the transport bar."""
    return integer(
        0, 0, 2**31 - 1, label="Seed", hidden=True,
        help="Starts the random number generator of this experiment; the same seed gives the same picture at any time.",
    )


#: The value of the transport position that means "the last step, however many there are".
END = 10_000_000


def shown_step() -> Any:
    """The transport bar's position: which step of the result is drawn. Declared by every playable experiment."""
    return integer(
        END, 0, END, label="Shown step", hidden=True, display=True,
        help="Which step of the run is drawn, counted from 0; the default is the last one.",
    )
