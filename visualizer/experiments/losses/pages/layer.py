"""Through a layer: a linear layer and the mean squared error; how the gradient finds the layer's weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visualizer.base.errors import UserError
from visualizer.base.explanation import (
    Block,
    Explanation,
    Formula,
    Heading,
    Number,
    Numbers,
    Paragraph,
    Table,
    Verdict,
    number_text,
)
from visualizer.base.pages import PageResult
from visualizer.base.roles import Role
from visualizer.base.tensors import TensorData
from visualizer.components.latex import factor_latex, number_latex
from visualizer.experiments.losses.chain import Chain, chain_of, shape_text
from visualizer.experiments.losses.drawing import graph_figure
from visualizer.experiments.losses.evaluation import heard, made_of
from visualizer.experiments.losses.listing import tensor_lines
from visualizer.experiments.losses.requests import LayerRequest
from visualizer.experiments.losses.state import LossesState
from visualizer.figures.model import Axis, Figure, Heat, Layer, Note, readonly

Floats = NDArray[np.float64]

#: Elements of the largest weight.
_MOST = 1_000_000
#: The graph is the main figure: it has room for the shapes of the functions' outputs.
_WIDE = 800.0
#: Up to so many elements each of them is written into its cell.
_WRITTEN = 60


@dataclass(frozen=True, eq=False)
class LayerResult(PageResult):
    """A layer before and after backward.

    Attributes:
        input, target, output: as rows, shape (rows, columns).
        loss: the mean squared error.
        weight: shape (out, in); ``weight_grad`` what ``weight.grad`` holds after backward; before it is None.
        bias_grad: shape (out,); None if the layer has no bias.
        input_grad: shape of the input; None unless it requires a gradient.
        path: the functions from the loss to the weight, as torch names them.
        said: what torch warned of.
        drawn: the figures, made once.
    """

    input: Floats
    target: Floats
    output: Floats
    loss: float
    weight: Floats
    weight_grad: Floats
    bias_grad: Floats | None
    input_grad: Floats | None
    path: tuple[str, ...]
    said: tuple[str, ...]
    drawn: tuple[Figure, ...]

    @property
    def elements(self) -> int:
        """How many elements the loss is the mean of."""
        return self.output.size

    def numbers(self) -> dict[str, Any]:
        return {
            "loss": self.loss, "output": self.output, "weight": self.weight, "weight_grad_before": None,
            "weight_grad": self.weight_grad, "bias_grad": self.bias_grad, "input_grad": self.input_grad, "path": list(self.path),
        }


def run(request: LayerRequest) -> Iterator[LayerResult | None]:
    """One forward and one backward pass.

    Raises:
        UserError: the input or the target is empty, or their rows do not match.
    """
    _refuse(request.input, request.target)
    given, target = made_of(request.input, torch.float32), made_of(request.target, torch.float32)
    layer = _layer(request)
    if request.input_grad:
        given.requires_grad_()
    said: list[str] = []
    with heard(said):
        output = layer(given)
        loss = nn.MSELoss()(output, target)
    names: dict[str, Tensor] = {"loss": loss, "output": output, "weight": layer.weight}
    if layer.bias is not None:
        names["bias"] = layer.bias
    names |= {"input": given, "target": target}
    yield None
    chain = chain_of(loss, names)
    loss.backward()
    weight_grad = layer.weight.grad
    assert weight_grad is not None
    path = tuple(chain.nodes[index].title for index in chain.path("weight"))
    gradient = _array(weight_grad)
    yield LayerResult(
        request=request, input=_rows(given), target=_rows(target), output=_rows(output), loss=loss.item(),
        weight=_array(layer.weight), weight_grad=gradient,
        bias_grad=None if layer.bias is None or layer.bias.grad is None else _array(layer.bias.grad),
        input_grad=None if given.grad is None else _array(given.grad), path=path, said=tuple(said),
        drawn=(_graph(chain, request), _heat(gradient)),
    )


def _refuse(given: TensorData, target: TensorData) -> None:
    if not given.values or not target.values:
        which = "input" if not given.values else "target"
        raise UserError(f"The {which} is empty; type numbers such as 1,2,3.")
    rows = [data.shape[0] if len(data.shape) == 2 else 0 for data in (given, target)]
    if rows[0] != rows[1]:
        words = [f"{count} row{'s' if count != 1 else ''} (a matrix)" if count else "a vector" for count in rows]
        raise UserError(f"The input is {words[0]} and the target {words[1]}: the layer gives one row of output for each row of "
                        "input, so give both as a vector, or both as matrices with the same number of rows.")
    if given.columns * target.columns > _MOST:
        raise UserError(f"A layer from {given.columns:,} to {target.columns:,} has {given.columns * target.columns:,} weights; at "
                        f"most {_MOST:,} are drawn. Take fewer columns.")


def _layer(request: LayerRequest) -> nn.Linear:
    """With the weights that ``torch.manual_seed(seed)`` gives."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(request.seed)
        return nn.Linear(request.input.columns, request.target.columns, bias=request.bias)


def _array(tensor: Tensor) -> Floats:
    return readonly(tensor.detach().to(torch.float64).numpy())


def _rows(tensor: Tensor) -> Floats:
    return _array(torch.atleast_2d(tensor))  # type: ignore[no-untyped-call]


def _graph(chain: Chain, request: LayerRequest) -> Figure:
    return graph_figure(
        "layer", "From the loss to the weight", chain,
        "The loss saw only output and target; output remembers how it was made, so backward finds the layer.",
        {"weight": ".grad filled", "bias": ".grad filled"} | ({"input": ".grad filled"} if request.input_grad else {}),
        wide=_WIDE,
    )


def _heat(gradient: Floats) -> Figure:
    rows, columns = gradient.shape
    layers: list[Layer] = [Heat(key="weight_grad", role=Role.GRADIENT, values=readonly(gradient[::-1]), palette="diverging",
                                x_range=(-0.5, columns - 0.5), y_range=(-0.5, rows - 0.5), value_label="weight.grad")]
    if gradient.size <= _WRITTEN:
        layers += [
            Note(key=f"{i}:{j}", role=Role.TEXT, x=float(j), y=float(rows - 1 - i), text=number_text(gradient[i, j], 3),
                 anchor=(0.5, 0.5))
            for i in range(rows) for j in range(columns)
        ]
    every = max(1, columns // 12), max(1, rows // 8)
    return Figure(
        "layer_gradient", "weight.grad after backward",
        Axis("input j", limits=(-0.5, columns - 0.5), ticks=tuple((float(j), str(j)) for j in range(0, columns, every[0]))),
        Axis("output i", limits=(-0.5, rows - 0.5), ticks=tuple((float(rows - 1 - i), str(i)) for i in range(0, rows, every[1]))),
        tuple(layers), note="Before backward it is None. Row i belongs to output i, column j to input j.",
    )


def figures(result: LayerResult, state: LossesState) -> tuple[Figure, ...]:
    """The graph, and the gradient of the weight as a heat map."""
    return result.drawn


def _request(result: LayerResult) -> LayerRequest:
    assert isinstance(result.request, LayerRequest)
    return result.request


def explain(result: LayerResult, state: LossesState) -> Explanation:
    """The path, and the gradient as an outer product, with these numbers."""
    request = _request(result)
    outs, ins = result.weight.shape
    shape = shape_text(result.weight.shape)
    blocks: list[Block] = [
        Verdict(f"weight.grad was None and is filled now, shape {shape}: the graph leads from the loss to the weight.", "good"),
        *(Verdict(f"torch warns: {words}", "warning") for words in result.said),
        Paragraph("The loss is given output and target and nothing else. But output is no bare tensor of numbers: its grad_fn "
                  "remembers the function that made it, and that function remembers where its own inputs came from."),
        Heading("The path"),
        *(Paragraph(f"{index}. {name}: {_WORDS.get(name) or _meaning(name)}.") for index, name in enumerate(result.path, start=1)),
        Heading("The gradient by hand"),
        Formula(r"L = \frac{1}{N} \sum_i (o_i - y_i)^2 \qquad o_i = \sum_j W_{ij}\, x_j" + (" + b_i" if request.bias else ""),
                "the loss is the mean of the squared differences of output o and target y; the output is weight times input"),
    ]
    single = result.output.shape[0] == 1
    with np.errstate(invalid="ignore", over="ignore"):
        rate = result.output - result.target
    if single:
        n = result.elements
        blocks += [
            Formula(r"\frac{\partial L}{\partial W_{ij}} = \frac{\partial L}{\partial o_i}\,"
                    rf"\frac{{\partial o_i}}{{\partial W_{{ij}}}} = \frac{{2}}{{{n}}}\,(o_i - y_i)\, x_j",
                    f"the gradient at row i and column j is 2 over {n} times the difference of output i times input j"),
            Table(("i", "o", "y", f"2/{n} (o \u2212 y)"), tuple(
                (str(i), number_text(result.output[0, i]), number_text(result.target[0, i]), number_text(2 / n * rate[0, i]))
                for i in range(min(outs, 8))
            )),
            *_worked(result, n),
            Paragraph("Row by row: what the loss asks of output i, times the whole input. So weight.grad is the outer product "
                      "of the loss's gradient with respect to the output, and the input: all its rows are multiples of the "
                      "input."),
        ]
    else:
        n, batch = result.elements, result.output.shape[0]
        blocks += [
            Formula(r"\frac{\partial L}{\partial W_{ij}} = "
                    rf"\frac{{2}}{{{n}}} \sum_{{k=1}}^{{{batch}}} (o_{{ki}} - y_{{ki}})\, x_{{kj}}",
                    f"the gradient is the sum over the {batch} rows of the batch"),
            *_worked(result, n),
            Paragraph("Every row of the batch adds its own outer product to weight.grad."),
        ]
    rows = [Number("loss", number_text(result.loss), role=Role.CURVE),
            Number("weight.grad before", "None"),
            Number("weight.grad[0,0] after", number_text(result.weight_grad[0, 0]), role=Role.GRADIENT)]
    if result.bias_grad is not None:
        rows.append(Number("bias.grad[0] after", number_text(result.bias_grad[0]), role=Role.GRADIENT,
                           help="As the weight's, with 1 in place of the input."))
    blocks += [Heading("Numbers"), Numbers(tuple(rows))]
    blocks.append(Paragraph(
        "The input requires a gradient, too, so it has become a leaf of the graph: its .grad is the weight's transpose times "
        "the gradient of the output." if request.input_grad else
        f"The input is not in the graph: it requires no gradient. What has shape ({', '.join(map(str, (outs, ins)))}) and gets a "
        "gradient is the weight. Switch on requires_grad of the input to see it join."
    ))
    return Explanation(tuple(blocks))


def _worked(result: LayerResult, n: int) -> list[Block]:
    """Two elements with these numbers."""
    lines: list[Block] = []
    outs, ins = result.weight.shape
    for i, j in dict.fromkeys(((0, 0), (min(1, outs - 1), min(2, ins - 1)))):
        terms = [
            rf"({_tex(result.output[k, i])} - {_factor(result.target[k, i])}) \cdot {_factor(result.input[k, j])}"
            for k in range(result.output.shape[0])
        ]
        body = terms[0] if len(terms) == 1 else rf"\left({' + '.join(terms[:3])}{r' + ...' if len(terms) > 3 else ''}\right)"
        value = number_text(result.weight_grad[i, j])
        lines.append(Formula(rf"\mathrm{{grad}}_{{{i},{j}}} = \frac{{2}}{{{n}}} \cdot {body} = {_tex(result.weight_grad[i, j])}",
                             f"the gradient at row {i}, column {j} is {value}"))
    return lines


def _tex(value: float) -> str:
    return number_latex(value) if np.isfinite(value) else rf"\mathrm{{{number_text(value)}}}"


def _factor(value: float) -> str:
    return factor_latex(value) if np.isfinite(value) else _tex(value)


#: What the functions on the way do with the gradient.
_WORDS = {
    "MseLossBackward0": "the loss's own: 2/N times output minus target",
    "AddmmBackward0": "weight times input plus bias: the gradient goes to each of them",
    "MmBackward0": "weight times input: the gradient goes to each of them",
    "MvBackward0": "weight times input: the gradient goes to each of them",
    "TBackward0": "the layer multiplies with the transposed weight: the gradient is turned back",
    "AccumulateGrad": "the end: adds what arrives to weight.grad",
    "weight": "the leaf; its .grad is filled now",
}


def _meaning(name: str) -> str:
    if name.startswith(("View", "Squeeze", "Unsqueeze", "Reshape")):
        return "only the shape changes: a vector is a matrix of one row inside the layer"
    return "a function of the layer; the gradient passes through it"


def code(request: LayerRequest) -> str:
    """PyTorch that makes the same layer and prints its gradient.

    Raises:
        UserError: as :func:`run`.
    """
    _refuse(request.input, request.target)
    arguments = f"{request.input.columns}, {request.target.columns}" + ("" if request.bias else ", bias=False")
    return "\n".join((
        "import torch",
        "from torch import nn",
        "",
        f"torch.manual_seed({request.seed})",
        f"layer = nn.Linear({arguments})",
        *tensor_lines("given", request.input, requires_grad=request.input_grad),
        *tensor_lines("target", request.target),
        "",
        "output = layer(given)",
        "loss = nn.MSELoss()(output, target)",
        'print("before:", layer.weight.grad)',
        "loss.backward()",
        'print("after: ", layer.weight.grad)',
        "",
        "node = loss.grad_fn",
        "while node is not None:  # the way to the weight is the last of the inputs that has one",
        "    print(node.name())",
        "    ways = [way for way, _ in node.next_functions if way is not None]",
        "    node = ways[-1] if ways else None",
        "",
    ))
