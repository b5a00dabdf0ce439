"""What a node of the graph keeps for backward, read without running anything.

A saved tensor may be packed by a hook (checkpoint, offloading to disk): ``node._saved_self`` would run the hook, and under a
checkpoint the whole forward pass again. ``node._raw_saved_self`` tells beforehand whether there is one. What backward has freed
and what was changed in place since raises when it is read: here it becomes a word.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

import torch
from torch import Tensor

from visualizer.experiments.graph.model import Preview, Saved
from visualizer.experiments.graph.preview_batch import Batch
from visualizer.experiments.graph.torch_functions import is_tensor

FREED = "freed by backward"
CHANGED = "changed in place since: backward will refuse it"
HIDDEN = "packed by a hook (a checkpoint, or offloading): to look at it would run the hook"

#: Longest text of a value that is no tensor, and most elements of a list that are shown.
_LONGEST, _MOST_ITEMS = 200, 16

_SAVED, _RAW = "_saved_", "_raw_saved_"


@dataclass(eq=False)
class Reader:
    """Reads what nodes keep.

    Attributes:
        leaves: names of the leaves by ``id``; the leaves are alive as long as this.
        most: sample values of a preview.
        batch: makes the previews of all tensors of the capture.
        made: what tensors that were met are the results of: (their ``grad_fn``, their preview). Only first outputs.
        freed, hidden, changed: whether anything was met that backward has freed, that a hook has packed, that was changed since.
    """

    leaves: Mapping[int, tuple[str, ...]]
    most: int
    batch: Batch
    made: list[tuple[Any, Preview]] = field(default_factory=list)
    freed: bool = False
    hidden: bool = False
    changed: bool = False
    _names: dict[type, tuple[tuple[str, str, str], ...]] = field(default_factory=dict)
    _texts: dict[Any, Saved] = field(default_factory=dict)

    def attributes(self, node: Any) -> tuple[tuple[str, str, str], ...]:
        """By the type of the node: name, attribute, and the attribute that tells of hooks (empty: it is no tensor)."""
        kind = type(node)
        found = self._names.get(kind)
        if found is None:
            there = dir(kind)
            names = [name.removeprefix(_SAVED) for name in there if name.startswith(_SAVED)]
            raw = {name.removeprefix(_RAW) for name in there if name.startswith(_RAW)}
            found = tuple((name, _SAVED + name, _RAW + name if name in raw else "") for name in names)
            self._names[kind] = found
        return found

    def read(self, node: Any) -> Generator[None, None, tuple[Saved, ...]]:
        """All that this node keeps, by name; yields while a large tensor is looked at."""
        found: list[Saved] = []
        for name, attribute, raw in self.attributes(node):
            if raw:
                yield from self._tensors(node, name, attribute, raw, found)
            else:
                try:
                    value = getattr(node, attribute)
                except Exception:
                    found.append(self._gone(name))
                else:
                    found.append(self._text(name, value))
        if isinstance(node, torch.autograd.function.BackwardCFunction):
            yield from self._tensors(node, "saved_tensors", "saved_tensors", "_raw_saved_tensors", found)
            yield from self._context(node, found)
        return tuple(found)

    def _text(self, name: str, value: Any) -> Saved:
        """A value that is no tensor; equal ones are one object."""
        if not isinstance(value, (int, NoneType)):
            return Saved(name, None, text_of(value))
        key = name, type(value), value  # True is not 1
        found = self._texts.get(key)
        if found is None:
            found = self._texts[key] = Saved(name, None, text_of(value))
        return found

    def _gone(self, name: str) -> Saved:
        self.freed = True
        return Saved(name, None, FREED, freed=True)

    def _changed(self, name: str) -> Saved:
        self.changed = True
        return Saved(name, None, CHANGED)

    def _tensors(self, node: Any, name: str, attribute: str, raw: str, found: list[Saved]) -> Generator[None, None, None]:
        """A saved tensor, or a list of them."""
        try:
            packed = getattr(node, raw)
        except Exception:  # a list that was freed
            found.append(self._gone(name))
            return
        if packed is None:
            return
        single = not isinstance(packed, (tuple, list))
        every = (packed,) if single else tuple(packed)
        hooked = [_is_hooked(one) for one in every]
        tensors: Iterable[Any]
        if any(hooked):
            # Reading the attribute would run all hooks of the list; what lies bare in it is read by itself.
            tensors = [None if hook else one.data for one, hook in zip(every, hooked, strict=True)]
        else:
            try:
                value = getattr(node, attribute)
            except Exception as error:
                found.append(self._changed(name) if "inplace" in str(error) else self._gone(name))
                return
            tensors = (value,) if single else tuple(value or ())
        for index, (tensor, hook) in enumerate(zip(tensors, hooked, strict=False)):
            called = name if single else f"{name}[{index}]"
            if hook:
                self.hidden = True
                found.append(Saved(called, None, HIDDEN, hooked=True))
            elif isinstance(tensor, Tensor):  # None: backward does not need it, so it was not kept
                found.append((yield from self._saved(called, tensor)))

    def _saved(self, name: str, tensor: Tensor) -> Generator[None, None, Saved]:
        seen = yield from self.batch.preview_in_pieces(tensor, self.most)
        try:
            if tensor.grad_fn is not None and tensor.output_nr == 0:
                self.made.append((tensor.grad_fn, seen))
        except RuntimeError:  # a view that was made without gradients and then changed in place
            pass
        return Saved(name, seen, leaf=self.leaves.get(id(tensor), ()))

    def _context(self, node: Any, found: list[Saved]) -> Generator[None, None, None]:
        """What a user's Function has put on its ``ctx`` beside ``save_for_backward``."""
        for name, value in list(vars(node).items()):
            if is_tensor(value):
                found.append((yield from self._saved(name, value)))
                continue
            try:
                text = text_of(value)
            except Exception:  # an object that refuses to say of what class it is
                text = f"<{type(value).__qualname__}>"
            found.append(Saved(name, None, text))


def _is_hooked(packed: Any) -> bool:
    try:
        return packed.unpack_hook is not None
    except Exception:
        return True  # nobody knows: then it is not looked at


def text_of(value: Any, depth: int = 2) -> str:
    """A value that is no tensor, as bounded text. Nothing of the user's is called: an object is named by its class."""
    if value is None or isinstance(value, (bool, float, complex)):
        text = repr(value)
    elif isinstance(value, int):
        # torch keeps a dimension as an unsigned number: -1 is 2**64 - 1.
        number = int(value)
        text = str(number - 2**64 if 2**63 <= number < 2**64 else number) if number.bit_length() < 1000 else "a very large integer"
    elif isinstance(value, str):
        text = repr(value[:_LONGEST])
    elif type(value) in (torch.dtype, torch.device, torch.layout, torch.memory_format, torch.SymInt):
        text = str(value)
    elif isinstance(value, Tensor):
        text = f"tensor of shape {tuple(value.shape)}"
    elif isinstance(value, (tuple, list)) and depth:
        items = [text_of(item, depth - 1) for item in value[:_MOST_ITEMS]]
        if len(value) > _MOST_ITEMS:
            items.append(f"... {len(value):,} in all")
        inner = ", ".join(items)
        if isinstance(value, list):
            text = f"[{inner}]"
        else:
            text = f"({inner},)" if len(items) == 1 else f"({inner})"
    elif isinstance(value, type) or callable(value):
        text = getattr(value, "__qualname__", type(value).__qualname__)
    else:
        text = f"<{type(value).__qualname__}>"
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
