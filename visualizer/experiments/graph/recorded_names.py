"""What the user calls the tensors and modules of a forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch import Tensor, nn

#: So many tensors of a list or dictionary have names of their own.
_MOST = 2000
_DEEPEST = 2
_LONGEST_KEY = 80


class Names:
    """Names of tensors and modules, by identity; all of them are kept alive by whoever made this.

    Attributes:
        variables: tensors by their names in the user's code: "loss", "states[3]".
        tensors: by id, every name: of variables, and of the parameters and buffers of modules.
        modules: by id, the path: as ``named_modules`` of the model has it; of another module the name of its variable.
    """

    def __init__(self, model: nn.Module | None, variables: Mapping[str, Any]) -> None:
        self.variables: dict[str, Tensor] = {}
        self.tensors: dict[int, tuple[str, ...]] = {}
        self.modules: dict[int, str] = {}
        #: Names of parameters and buffers of the model: the walk knows them by itself.
        self.own: set[int] = set()
        if model is not None:
            for path, module in model.named_modules():
                self.modules[id(module)] = path
            self._weights("", model)
            self.own = set(self.tensors)
        found = [(name, one) for given, value in variables.items() for name, one in _inside(given, value, 0)]
        for name, one in found:
            if isinstance(one, Tensor):
                self.variables[name] = one
                self._add(one, name)
        for name, one in found:
            if isinstance(one, nn.Module) and id(one) not in self.modules:
                for path, module in one.named_modules():
                    self.modules.setdefault(id(module), f"{name}.{path}" if path else name)
                self._weights(f"{name}.", one)

    def _weights(self, prefix: str, module: nn.Module) -> None:
        for path, weight in (*module.named_parameters(remove_duplicate=False), *module.named_buffers(remove_duplicate=False)):
            if id(weight) not in self.own:
                self._add(weight, prefix + path)

    def _add(self, tensor: Tensor, name: str) -> None:
        before = self.tensors.get(id(tensor), ())
        if name not in before:
            self.tensors[id(tensor)] = (*before, name)

    def first(self, tensor: Tensor) -> str:
        """The first name of a tensor; empty: it has none."""
        return self.tensors.get(id(tensor), ("",))[0]


def _inside(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    kind = type(value)  # not isinstance: a stand-in for an object may claim any class, or raise when it is asked
    if issubclass(kind, (Tensor, nn.Module)):
        yield name, value
    elif depth < _DEEPEST and issubclass(kind, (list, tuple, dict)):
        for key, one in _pairs(value):
            yield from _inside(f"{name}[{key}]", one, depth + 1)


def _pairs(value: Any) -> list[tuple[str, Any]]:
    """What is in a container, unless there is too much of it, or its own code refuses to tell."""
    try:
        if len(value) > _MOST:
            return []
        return [(_key(key), one) for key, one in (value.items() if isinstance(value, dict) else enumerate(value))]
    except Exception:
        return []


def _key(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= _LONGEST_KEY else text[: _LONGEST_KEY - 3] + "..."
