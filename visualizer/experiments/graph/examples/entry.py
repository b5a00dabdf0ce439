"""What an entry of the catalogue is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from visualizer.base.errors import UserError

#: The sizes that a program may use, in the order of the form.
SIZES = ("depth", "width", "batch", "length")

_WORDS = {"depth": "depth", "width": "width", "batch": "batch", "length": "sequence length"}

#: So many numbers a program may hold, in parameters and results together: 400 MB, and as much again for each gradient.
MOST_NUMBERS = 100_000_000


@dataclass(frozen=True)
class Example:
    """One graph.

    Attributes:
        name, title, help: as an option of the parameter ``example``.
        code: the program, without the lines of its sizes.
        sizes: the sizes that it uses, with the values that it begins with.
        most: the largest values of sizes, where that is less than the form allows: more would take minutes.
        numbers: about how many numbers the program holds at these sizes; None: few, whatever the sizes.
        fold: how it is folded when it is picked: "none" (every node), "parameters" (chips), "modules" (groups); as large as it is
            at its own sizes, this is how it can be read.
    """

    name: str
    title: str
    help: str
    code: str
    sizes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    most: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    numbers: Callable[[Mapping[str, int]], int] | None = None
    fold: Literal["none", "parameters", "modules"] = "none"

    @property
    def uses(self) -> tuple[str, ...]:
        return tuple(name for name in SIZES if name in self.sizes)

    def check(self, sizes: Mapping[str, int]) -> None:
        """Refuse sizes that would take minutes, or more memory than the machine may have.

        Raises:
            UserError: which size is too large here, and what is allowed.
        """
        given = dict(self.sizes) | dict(sizes)
        for name, most in self.most.items():
            if given[name] > most:
                raise UserError(f"For the example \u201c{self.title}\u201d the {_WORDS[name]} {given[name]:,} is too large; "
                                f"at most {most:,} is allowed.")
        count = self.numbers(given) if self.numbers is not None else 0
        if count > MOST_NUMBERS:
            words = ", ".join(f"{_WORDS[name]} {given[name]:,}" for name in self.uses)
            raise UserError(f"The example \u201c{self.title}\u201d with {words} would hold about {count / 1e6:,.0f} million "
                            f"numbers; at most {MOST_NUMBERS // 10**6:,} million are allowed. Make one of the sizes smaller.")

    def program(self, sizes: Mapping[str, int] | None = None) -> str:
        """The whole program, with these values of its sizes."""
        given = dict(self.sizes) | dict(sizes or {})
        head = "".join(f"{name} = {given[name]}\n" for name in self.uses)
        return head + self.code.strip("\n") + "\n"
