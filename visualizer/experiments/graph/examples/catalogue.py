"""The catalogue of graphs: an entry each. To add one is one entry here. No torch: a program is text until it is picked.

A program is plain PyTorch as a user would write it. ``torch`` and ``nn`` are there already. It begins with the sizes that it uses
(``depth = 3``), which the tab's controls replace; it leaves the tensor that backward starts from in ``loss`` (or ``output``), and
its model, if it has one, in ``model``. What the screen shows as source lines are the lines of this text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from visualizer.base.errors import UserError
from visualizer.base.parameters import Option

#: The sizes that a program may use, in the order of the form.
SIZES = ("depth", "width", "batch", "length")
_WORDS = {"depth": "Depth", "width": "Width", "batch": "Batch", "length": "Sequence length"}


@dataclass(frozen=True)
class Example:
    """One graph.

    Attributes:
        name, title, help: as an option of the parameter ``example``.
        code: the program, without the lines of its sizes.
        sizes: the sizes that it uses, with the values that it begins with.
        most: the largest values of sizes, where that is less than the form allows: more would take minutes or much memory.
    """

    name: str
    title: str
    help: str
    code: str
    sizes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    most: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def uses(self) -> tuple[str, ...]:
        return tuple(name for name in SIZES if name in self.sizes)

    def check(self, sizes: Mapping[str, int]) -> None:
        """Refuse sizes beyond ``most``.

        Raises:
            UserError: which size is too large here, and what is allowed.
        """
        for name, most in self.most.items():
            if sizes.get(name, 0) > most:
                raise UserError(f"{_WORDS[name]} {sizes[name]:,} is too much for the example {self.title}; at most {most:,} is "
                                "allowed here.")

    def program(self, sizes: Mapping[str, int] | None = None) -> str:
        """The whole program, with these values of its sizes."""
        given = dict(self.sizes) | dict(sizes or {})
        head = "".join(f"{name} = {given[name]}\n" for name in self.uses)
        return head + self.code.strip("\n") + "\n"


EXAMPLES: tuple[Example, ...] = (
    Example(
        "lecture", "Lecture: Linear and Sigmoid", "The lecture's first graph: a linear layer and a sigmoid on five numbers.",
        """
model = nn.Sequential(nn.Linear(5, 1), nn.Sigmoid())
x = torch.tensor([1., 2., 3., 4., 5.])
output = model(x)
""",
    ),
    Example(
        "mlp", "MLP", "Linear layers with ReLU between them, and a mean squared error.",
        """
layers = []
for _ in range(depth):
    layers += [nn.Linear(width, width), nn.ReLU()]
model = nn.Sequential(*layers, nn.Linear(width, 1))
x = torch.randn(batch, width)
target = torch.randn(batch, 1)
loss = nn.functional.mse_loss(model(x), target)
""", {"depth": 3, "width": 8, "batch": 4},
    ),
)


def example(name: str) -> Example:
    """The entry of this name.

    Raises:
        KeyError: there is none.
    """
    for entry in EXAMPLES:
        if entry.name == name:
            return entry
    raise KeyError(name)


def example_options() -> tuple[Option, ...]:
    """The entries as options of a choice."""
    return tuple(Option(entry.name, entry.title, entry.help) for entry in EXAMPLES)
