"""A setup as lines of PyTorch that run as they stand."""

from __future__ import annotations

import textwrap
from typing import Any

from visualizer.base.tensors import TensorData
from visualizer.experiments.losses.evaluation import DISTANCE_CODE, build, cutoffs_of
from visualizer.experiments.losses.requests import Setup

_WIDTH = 96


def setup_lines(setup: Setup) -> list[str]:
    """Lines that make the tensors, each with the name of its role, and ``loss_fn``.

    Raises:
        UserError: the setup cannot be built.
    """
    built = build(setup)
    lines = ["import torch", "from torch import nn", ""]
    for item in setup.inputs:
        leaf = built.leaves[item.role]
        data = item.data if leaf.dim() else item.data.values[0]
        lines += tensor_lines(item.role, data, str(leaf.dtype).removeprefix("torch."), leaf.requires_grad)
    if setup.entry.layer:
        lines += ["", f"torch.manual_seed({setup.seed})  # the weights of the layer inside"]
    return [*lines, f"loss_fn = {constructor(setup)}"]


def call(setup: Setup) -> str:
    """The expression of the loss, a tensor."""
    taken = ", ".join(item.role for item in setup.inputs)
    return f"loss_fn({taken})" + ("" if setup.entry.reductions else ".loss")


def tensor_lines(name: str, data: TensorData | float, dtype: str = "float32", requires_grad: bool = False) -> list[str]:
    """``name = torch.tensor(...)``, in as many lines as it takes."""
    whole = dtype == "int64"
    empty = isinstance(data, TensorData) and not data.values
    tail = [f"dtype=torch.{dtype}"] if dtype != "float32" and (not whole or empty) else []  # whole numbers are int64 anyway
    tail += ["requires_grad=True"] if requires_grad else []
    if isinstance(data, TensorData):
        body = literal(data, whole)
    else:
        body = str(int(data)) if whole else _number(data)
    line = f"{name} = torch.tensor({', '.join([body, *tail])})"
    if len(line) <= _WIDTH:
        return [line]
    return textwrap.wrap(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def literal(data: TensorData, whole: bool = False) -> str:
    """The elements as nested lists."""
    def row(values: tuple[float, ...]) -> str:
        return "[" + ", ".join(str(int(value)) if whole else _number(value) for value in values) + "]"

    if len(data.shape) == 1:
        return row(data.values)
    width = data.columns
    return "[" + ", ".join(row(data.values[at * width : (at + 1) * width]) for at in range(data.shape[0])) + "]"


def constructor(setup: Setup) -> str:
    """``nn.MSELoss()``, with the arguments that differ from torch's defaults."""
    entry, arguments = setup.entry, setup.arguments
    words: list[str] = []
    if entry.layer:
        prediction = setup.given("prediction")
        assert prediction is not None
        words += [str(prediction.data.columns), str(arguments["n_classes"])]
        if "cutoffs" in arguments:
            words.append(f"cutoffs={cutoffs_of(arguments['cutoffs'])}")
    given: dict[str, Any] = entry.keywords(setup.reduction, arguments)
    for name, value in given.items():
        match name:
            case "n_classes" | "cutoffs":
                continue
            case "distance":
                words.append(f"distance_function={DISTANCE_CODE[value]}")
            case "p" if value == int(value):
                words.append(f"p={int(value)}")
            case _ if isinstance(value, TensorData):
                kind = "float32" if setup.dtype in ("float32", "int64") else setup.dtype
                dtype = "" if kind == "float32" else f", dtype=torch.{kind}"
                words.append(f"{name}=torch.tensor({literal(value)}{dtype})")
            case _:
                words.append(f"{name}={value!r}")
    if entry.layer and setup.dtype not in ("float32", "int64"):
        words.append(f"dtype=torch.{setup.dtype}")
    if "div_value" in arguments and not any(word.startswith("div_value") for word in words):
        words.append(f"div_value={arguments['div_value']!r}")
    return f"nn.{setup.name}({', '.join(words)})"


def _number(value: float) -> str:
    if value != value or value in (float("inf"), float("-inf")):
        return f'float("{value}")'
    return repr(float(value)).removesuffix("0") if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))

