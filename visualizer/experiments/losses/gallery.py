"""The cases in which a .grad stays None, as users write them, each with its cure. To add one is one entry here. No torch.

What is wrong is not told here: the page runs both scripts and finds it out from the tensors. Here is only what autograd cannot
know, because it was hidden from it: where a tensor really came from.

Sources: the questions behind pytorch/pytorch issues 2677, 19778 and 32708, and the messages of torch itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from visualizer.base.parameters import Option


@dataclass(frozen=True)
class Case:
    """A case.

    Attributes:
        name, title, help: as an option of the parameter ``case``.
        asked: the variable whose ``.grad`` is in question.
        broken, cure: scripts; ``torch`` is imported, the loss is the variable ``loss``.
        advice: the cure in words.
        error: the type of the exception that ``broken`` ends with; empty: it ends without one.
        cuts: in ``broken``, (made, from what, what hid it from autograd); "-": nothing hid it, it is only not recorded.
    """

    name: str
    title: str
    help: str
    asked: str
    broken: str
    cure: str
    advice: str
    error: str = ""
    cuts: tuple[tuple[str, str, str], ...] = ()


_X = "x = torch.tensor([1., 2., 3.], requires_grad=True)\n"
_W = "w = torch.tensor([0.5, 1., -1.], requires_grad=True)\n"

CASES: tuple[Case, ...] = (
    Case(
        "non_leaf", "A non-leaf tensor", "The tensor was computed from another one: torch fills only leaves.", "y",
        f"{_X}y = x * 2\nloss = (y ** 2).sum()\nloss.backward()\nprint(y.grad)",
        f"{_X}y = x * 2\ny.retain_grad()\nloss = (y ** 2).sum()\nloss.backward()\nprint(y.grad)",
        "Call y.retain_grad() before backward: torch then keeps the gradient that passes by. Or take it without .grad: "
        "torch.autograd.grad(loss, y).",
    ),
    Case(
        "converted", "Converted or moved", "double(), to(device) and even * 0.1 return a new tensor, which is no leaf.", "x",
        "x = torch.tensor([1., 2., 3.], requires_grad=True).double()\nloss = (x ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "x = torch.tensor([1., 2., 3.]).double().requires_grad_()\nloss = (x ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "Convert, move and scale first, and call requires_grad_() last. Or say it at birth: "
        "torch.tensor(..., dtype=..., device=..., requires_grad=True).",
    ),
    Case(
        "detached", "Detached", "detach() cut the tensor out of the graph.", "x",
        f"{_X}{_W}hidden = (x * 2).detach()\nproduct = hidden * w\nloss = product.sum()\nloss.backward()\nprint(x.grad)",
        f"{_X}{_W}hidden = x * 2\nproduct = hidden * w\nloss = product.sum()\nloss.backward()\nprint(x.grad)",
        "Leave detach() out where the gradient should pass; use it only for what is plotted, logged or kept fixed.",
        cuts=(("product", "hidden", "-"), ("hidden", "x", "detach()")),
    ),
    Case(
        "no_grad", "Under no_grad", "What happens under torch.no_grad() is not recorded.", "x",
        f"{_X}with torch.no_grad():\n    y = x * 2\nloss = (y ** 2).sum()\nloss.backward()",
        f"{_X}y = x * 2\nloss = (y ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "Take what should be differentiated out of the no_grad block; keep it for evaluation and for the update of weights.",
        "RuntimeError", (("loss", "y", "-"), ("y", "x", "no_grad()")),
    ),
    Case(
        "integer", "Whole numbers", "A tensor of integers cannot require a gradient.", "x",
        "x = torch.tensor([1, 2, 3])\nx.requires_grad_()\nloss = (x ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "x = torch.tensor([1., 2., 3.])\nx.requires_grad_()\nloss = (x ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "Write the numbers with a dot, or give dtype=torch.float32: a derivative needs steps as small as one likes, and whole "
        "numbers have none.",
        "RuntimeError",
    ),
    Case(
        "argmax", "Through argmax", "argmax, conversion to integers and comparisons have no derivative: the path ends there.",
        "scores",
        "scores = torch.tensor([0.2, 0.9, 0.4], requires_grad=True)\npredicted = scores.argmax()\n"
        "loss = (predicted - 2.0) ** 2\nloss.backward()",
        "scores = torch.tensor([0.2, 0.9, 0.4], requires_grad=True)\n"
        "loss = torch.nn.functional.cross_entropy(scores, torch.tensor(2))\nloss.backward()\nprint(scores.grad)",
        "Use a loss of the scores themselves, such as the cross entropy; count hits with argmax only to report them.",
        "RuntimeError", (("loss", "predicted", "-"), ("predicted", "scores", "argmax()")),
    ),
    Case(
        "not_on_path", "Not on the path", "The loss does not depend on the tensor.", "x",
        f"{_X}{_W}y = x * w\nloss = (w ** 2).sum()\nloss.backward()\nprint(x.grad)",
        f"{_X}{_W}y = x * w\nloss = (y ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "Compute the loss from what the tensor went into. A layer that is declared and never called in forward looks the same.",
    ),
    Case(
        "overwritten", "Overwritten in place", "A value that backward needs was changed in place.", "x",
        f"{_X}y = x.exp()\nz = y * 2\ny += 1\nloss = (z + y).sum()\nloss.backward()",
        f"{_X}y = x.exp()\nz = y * 2\ny = y + 1\nloss = (z + y).sum()\nloss.backward()\nprint(x.grad)",
        "Write y = y + 1: that makes a new tensor and leaves alone the values that exp keeps for backward.",
        "RuntimeError",
    ),
    Case(
        "leaf_in_place", "A leaf changed in place", "torch refuses to change a leaf that requires a gradient.", "x",
        f"{_X}x *= 2\nloss = (x ** 2).sum()\nloss.backward()\nprint(x.grad)",
        f"{_X}with torch.no_grad():\n    x *= 2\nloss = (x ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "To set new values, change it under torch.no_grad(), as an optimizer does; to compute with it, write y = x * 2.",
        "RuntimeError",
    ),
    Case(
        "reassigned", "Reassigned", "The name now stands for another tensor, the result of an operation.", "w",
        "w = torch.tensor([1., 2., 3.], requires_grad=True)\nfor step in range(2):\n    loss = (w ** 2).sum()\n"
        "    loss.backward()\n    w = w - 0.1 * w.grad",
        "w = torch.tensor([1., 2., 3.], requires_grad=True)\nfor step in range(2):\n    w.grad = None\n"
        "    loss = (w ** 2).sum()\n    loss.backward()\n    with torch.no_grad():\n        w -= 0.1 * w.grad\nprint(w.grad)",
        "Change the leaf itself, w -= ..., under torch.no_grad(), as an optimizer does: w = w - ... makes a new tensor that is "
        "no leaf.",
        "TypeError",
    ),
    Case(
        "view", "A view of a leaf", "The gradient goes to the leaf, not to the slice taken from it.", "part",
        f"{_X}part = x[:2]\nloss = (part ** 2).sum()\nloss.backward()\nprint(part.grad)",
        f"{_X}part = x[:2]\npart.retain_grad()\nloss = (part ** 2).sum()\nloss.backward()\nprint(part.grad, x.grad[:2])",
        "Read x.grad[:2]: the leaf has the gradient of the slice, and zeros elsewhere. Or call part.retain_grad() before backward.",
    ),
    Case(
        "data", "Through .data", "What goes through .data is invisible to autograd.", "x",
        f"{_X}{_W}y = x.data * 2\nproduct = y * w\nloss = product.sum()\nloss.backward()\nprint(x.grad)",
        f"{_X}{_W}y = x * 2\nproduct = y * w\nloss = product.sum()\nloss.backward()\nprint(x.grad)",
        "Use the tensor itself. For values without a gradient say so: x.detach(), which unlike .data notices changes in place.",
        cuts=(("product", "y", "-"), ("y", "x", ".data")),
    ),
    Case(
        "numpy", "Through numpy", "What goes through numpy, item() or a new tensor() is a number without a history.", "x",
        f"{_X}y = torch.tensor([2 * value.item() for value in x])\nloss = (y ** 2).sum()\nloss.backward()",
        f"{_X}y = torch.stack([2 * value for value in x])\nloss = (y ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "Stay with tensors from the input to the loss: torch.stack or torch.cat in place of torch.tensor([...]), torch's "
        "functions in place of numpy's.",
        "RuntimeError", (("loss", "y", "-"), ("y", "x", "item()")),
    ),
    Case(
        "parameter", "Wrapped anew", "nn.Parameter(y) is a new leaf: it takes the values of y and not its history.", "x",
        f"{_X}weight = torch.nn.Parameter(x * 2)\nloss = (weight ** 2).sum()\nloss.backward()\nprint(x.grad)",
        f"{_X}weight = x * 2\nloss = (weight ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "Wrap only what should be learned by itself. What is computed from other parameters stays a plain tensor.",
        cuts=(("weight", "x", "Parameter()"),),
    ),
    Case(
        "frozen", "Frozen", "requires_grad was switched off, and not on again.", "weight",
        "layer = torch.nn.Linear(3, 1)\nweight, bias = layer.weight, layer.bias\nweight.requires_grad_(False)\n"
        "loss = layer(torch.tensor([1., 2., 3.])).sum()\nloss.backward()\nprint(weight.grad)",
        "layer = torch.nn.Linear(3, 1)\nweight, bias = layer.weight, layer.bias\nweight.requires_grad_(True)\n"
        "loss = layer(torch.tensor([1., 2., 3.])).sum()\nloss.backward()\nprint(weight.grad)",
        "Switch it on again before the forward pass: weight.requires_grad_(True), or layer.requires_grad_(True) for a whole layer.",
    ),
    Case(
        "set_to_none", "Cleared by zero_grad", "zero_grad() sets .grad to None unless told otherwise.", "weight",
        "layer = torch.nn.Linear(3, 1)\nweight, bias = layer.weight, layer.bias\n"
        "loss = layer(torch.tensor([1., 2., 3.])).sum()\nloss.backward()\nlayer.zero_grad()\nprint(weight.grad)",
        "layer = torch.nn.Linear(3, 1)\nweight, bias = layer.weight, layer.bias\nlayer.zero_grad()\n"
        "loss = layer(torch.tensor([1., 2., 3.])).sum()\nloss.backward()\nprint(weight.grad)",
        "Clear before backward and read after it. zero_grad(set_to_none=False) leaves zeros in place of None.",
    ),
    Case(
        "not_called", "Before backward", "Nothing has been differentiated yet.", "x",
        f"{_X}loss = (x ** 2).sum()\nprint(x.grad)",
        f"{_X}loss = (x ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "Call loss.backward() first: the forward pass only builds the graph.",
    ),
    Case(
        "autograd_grad", "By autograd.grad", "torch.autograd.grad returns the gradient and stores nothing.", "x",
        f"{_X}loss = (x ** 2).sum()\ngradient, = torch.autograd.grad(loss, x)\nprint(x.grad)",
        f"{_X}loss = (x ** 2).sum()\nloss.backward()\nprint(x.grad)",
        "Use what autograd.grad returns, or call loss.backward(), which stores it.",
    ),
    Case(
        "inputs", "Only for others", "backward(inputs=[...]) fills only the .grad of the tensors that are named.", "x",
        f"{_X}{_W}loss = (x * w).sum()\nloss.backward(inputs=[w])\nprint(x.grad)",
        f"{_X}{_W}loss = (x * w).sum()\nloss.backward(inputs=[x, w])\nprint(x.grad)",
        "Name the tensor among the inputs, or leave inputs out: then every leaf on the path is filled.",
    ),
)

_BY_NAME = {case.name: case for case in CASES}


def case_of(name: str) -> Case:
    """The case of this name.

    Raises:
        KeyError: there is none.
    """
    return _BY_NAME[name]


def case_options() -> tuple[Option, ...]:
    """The cases as options of a choice."""
    return tuple(Option(case.name, case.title, case.help) for case in CASES)
