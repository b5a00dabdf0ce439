"""Torch functions as a recording sees them: what users call them, and which are no operations."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, TypeGuard

import torch
from torch import Tensor
from torch.overrides import resolve_name

#: As users write an operator, by what torch calls.
_OPERATORS = {
    "__add__": "add", "__radd__": "add", "__iadd__": "add_", "__sub__": "sub", "__rsub__": "rsub", "__isub__": "sub_",
    "__mul__": "mul", "__rmul__": "mul", "__imul__": "mul_", "__truediv__": "div", "__rtruediv__": "rdiv", "__itruediv__": "div_",
    "__div__": "div", "__rdiv__": "rdiv", "__idiv__": "div_", "__pow__": "pow", "__rpow__": "rpow", "__ipow__": "pow_",
    "__matmul__": "matmul", "__rmatmul__": "matmul", "__imatmul__": "matmul", "__neg__": "neg", "__abs__": "abs",
    "__floordiv__": "floor_divide", "__rfloordiv__": "floor_divide", "__mod__": "remainder", "__rmod__": "remainder",
    "__eq__": "eq", "__ne__": "ne", "__lt__": "lt", "__le__": "le", "__gt__": "gt", "__ge__": "ge",
}

#: They make no new values: they mark a tensor, or answer a question about it.
_NO_OPERATIONS = frozenset((
    "requires_grad_", "retain_grad", "share_memory_", "_make_subclass", "_make_wrapper_subclass", "__deepcopy__", "__reduce_ex__",
    "__setstate__", "as_subclass", "rename_", "pin_memory", "size", "dim", "numel", "nelement", "ndimension", "stride", "item",
    "tolist", "numpy", "storage", "untyped_storage", "storage_offset", "data_ptr", "element_size", "get_device", "type", "equal",
    "register_hook", "register_post_accumulate_grad_hook", "has_names", "result_type", "promote_types", "can_cast",
    "__len__", "__repr__", "__str__", "__format__", "__bool__", "__float__", "__int__", "__index__", "__hash__", "__contains__",
    "__complex__", "__array__", "__dlpack__", "__dir__", "__reversed__", "_set_grad_enabled", "_is_view", "allclose",
))

#: Attributes that are tensors computed from the tensor; all others are questions, or exist already (grad).
_COMPUTED = frozenset(("T", "mT", "H", "mH", "data", "real", "imag"))

#: How deep tensors are looked for in arguments and results that are lists, tuples, dictionaries or dataclasses.
_DEEPEST = 8
#: What holds no tensor, and what is one: most arguments are of these classes.
_PLAIN = frozenset((int, float, bool, str, complex, type(None), torch.dtype, torch.device, torch.layout, torch.memory_format,
                    torch.Size, torch.Generator))
_TENSORS = frozenset((Tensor, torch.nn.Parameter))


class Function(NamedTuple):
    """A torch function: "torch.nn.functional.linear", "Tensor.mul"; whether it changes its first argument; whether it is an
    operation at all."""

    name: str
    inplace: bool
    operation: bool


_known: dict[Any, Function] = {}


def function_of(called: Any) -> Function:
    """What this function is; the answer is kept, because a forward pass asks thousands of times."""
    try:
        found = _known.get(called)
    except TypeError:  # a callable that cannot be hashed
        return _described(called)
    if found is None:
        if len(_known) > 5000:  # functions made again and again, such as closures
            _known.clear()
        found = _known[called] = _described(called)
    return found


def _described(called: Any) -> Function:
    full = resolve_name(called) or _own_name(called)
    if full.startswith("torch.Tensor."):
        own = full.removeprefix("torch.Tensor.")
        stem = own.removesuffix(".__get__")
        name = "Tensor." + _OPERATORS.get(stem, stem)
    else:
        own, name = full.rpartition(".")[2], full
    last = name.rpartition(".")[2]
    inplace = last == "__setitem__" or (last.endswith("_") and not last.endswith("__"))
    if own.endswith((".__get__", ".__set__", ".__delete__")):
        operation = own.endswith(".__get__") and own.split(".")[0] in _COMPUTED
    else:
        operation = own not in _NO_OPERATIONS and not own.startswith("is_")
    return Function(name, inplace, operation)


def _own_name(called: Any) -> str:
    """Of a function that torch lists nowhere."""
    name = str(getattr(called, "__qualname__", "") or getattr(called, "__name__", "") or type(called).__name__)
    of = getattr(called, "__self__", None)
    if name.endswith("__get__") and of is not None:
        return f"torch.Tensor.{getattr(of, '__name__', '')}.__get__"
    module = str(getattr(called, "__module__", None) or "")
    name = name.replace("TensorBase.", "Tensor.").replace("_VariableFunctionsClass.", "")
    if module.startswith(("torch._C", "torch._VF", "torch._tensor")):
        module = "torch"
    return f"{module}.{name}" if module and module != "builtins" else f"torch.{name}"


def is_tensor(value: object) -> TypeGuard[Tensor]:
    """Whether it really is one: ``isinstance`` asks the object, and a stand-in may claim to be anything, or raise."""
    return issubclass(type(value), Tensor)


def tensors_in(value: Any) -> list[Tensor]:
    """Every tensor in arguments or in a result, in order; in lists, tuples, dictionaries and dataclasses, too."""
    found: list[Tensor] = []
    _gather(value, found, 0)
    return found


def _gather(value: Any, found: list[Tensor], depth: int) -> None:
    kind = type(value)
    if kind in _TENSORS:
        found.append(value)
    elif kind in _PLAIN:
        return
    elif isinstance(value, Tensor):
        found.append(value)
    elif isinstance(value, (list, tuple)):
        if depth < _DEEPEST:
            for one in value:
                if type(one) in _TENSORS:
                    found.append(one)
                elif type(one) not in _PLAIN:
                    _gather(one, found, depth + 1)
    elif isinstance(value, dict):
        if depth < _DEEPEST:
            for one in value.values():
                _gather(one, found, depth + 1)
    elif depth < _DEEPEST and is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            _gather(getattr(value, field.name, None), found, depth + 1)
