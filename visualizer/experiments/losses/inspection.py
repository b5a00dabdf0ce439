"""Why is .grad None? Found out from a tensor and a loss, whatever they are."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from visualizer.experiments.losses.chain import edge_of, functions, short_name

#: What is found: there is a gradient; whole numbers; no gradient wanted; the loss has no graph; the loss does not depend on the
#: tensor; it is no leaf; a value that backward needs was changed; nothing differentiated yet; differentiated, and yet empty; there
#: is no loss, because torch refused to change this leaf in place, or for another reason.
Reason = Literal["filled", "integer", "not_required", "no_graph", "off_path", "non_leaf", "overwritten", "not_called", "emptied",
                 "leaf_changed", "no_loss"]
Answer = Literal["yes", "no", "unknown"]


@dataclass(frozen=True)
class Finding:
    """What a tensor and a loss show.

    Attributes:
        name: the variable.
        reason: why ``.grad`` is None, or that it is not.
        is_leaf, requires_grad, filled, retains: as the tensor says; ``retains``: whether ``retain_grad()`` was called.
        grad_fn: the function that made the tensor; empty: none.
        view_of_leaf: whether it is a view of a leaf.
        dtype: as torch prints it, without "torch.".
        loss_requires: whether the loss has a graph; None if there is no loss.
        on_path: whether a gradient that starts at the loss comes by the tensor.
        ran: whether backward went through the graph; "unknown" where no function keeps anything that would show it.
        changed: functions whose kept values were changed in place.
    """

    name: str
    reason: Reason
    is_leaf: bool
    requires_grad: bool
    filled: bool
    retains: bool
    grad_fn: str
    view_of_leaf: bool
    dtype: str
    loss_requires: bool | None
    on_path: bool
    ran: Answer
    changed: tuple[str, ...]

    @property
    def headline(self) -> str:
        """One sentence."""
        name = self.name
        if self.reason == "filled":
            return f".grad of {name} is filled."
        return f".grad of {name} is None: " + {
            "integer": f"{name} holds whole numbers.",
            "not_required": f"{name} does not require a gradient.",
            "no_graph": "the loss has no graph.",
            "off_path": f"the loss does not depend on {name}.",
            "non_leaf": f"{name} is not a leaf.",
            "overwritten": "a value that backward needs was changed.",
            "not_called": "backward has not been called on this loss.",
            "emptied": "differentiated, but nothing is stored there now.",
            "leaf_changed": f"{name} is a leaf, and torch refused to change it in place.",
            "no_loss": "there is no loss to differentiate.",
        }[self.reason]

    @property
    def sentences(self) -> tuple[str, ...]:
        """The reason, spelt out."""
        name = self.name
        made = f"it was made by {self.grad_fn}" if self.grad_fn else "it was computed"
        match self.reason:
            case "filled":
                return (f"A path leads from the loss to {name}, backward went along it, and "
                        + ("it is a leaf." if self.is_leaf else "retain_grad() asked torch to keep what passed by."),)
            case "integer":
                return (f"The dtype of {name} is {self.dtype}. A gradient says how the loss changes when a number moves a "
                        "little. Whole numbers cannot move a little, so torch allows requires_grad=True only for floating point "
                        "and complex numbers.",)
            case "not_required":
                return (f"{name} has requires_grad=False, so torch does not record what is done with it. It was made so (that is "
                        "the default), switched off, or it comes from where nothing is recorded: no_grad(), detach(), .data, "
                        "numpy.",)
            case "no_graph":
                return ("The loss has requires_grad=False and no grad_fn: nothing that went into it was recorded. Whatever it was "
                        f"computed from, the path from {name} had ended before.",
                        "loss.backward() cannot start: there is no function to call.")
            case "off_path":
                return (f"So it is for autograd: from the loss no chain of functions leads to {name}. Either it was not used for "
                        "this loss, or what was used is a copy of its values without a history.",)
            case "non_leaf":
                view = " It is a view of a leaf: the leaf's own .grad has its part of the gradient." if self.view_of_leaf else ""
                return (f"{name} is on the path, but {made}. Backward passes its gradient on and stores it only at the ends of "
                        f"the paths, in the leaves: tensors that the user made, with requires_grad=True.{view}",)
            case "overwritten":
                return (f"{', '.join(self.changed)} kept a tensor of the forward pass for backward, and it was changed in place "
                        "since. With the new values the gradient would be wrong, so torch stops before anything arrives.",)
            case "not_called":
                return ("The graph is there, with all that its functions keep for backward: nobody has used it yet.",)
            case "emptied":
                return (f"{name} is a leaf on the path, and backward went through the graph. So its .grad was cleared since "
                        "(zero_grad() does that), or the gradient was given elsewhere: torch.autograd.grad returns it, "
                        "backward(inputs=...) fills only the tensors that it names.",)
            case "leaf_changed":
                return (f"A gradient says how the loss depends on the value that {name} was given. Overwritten in place, {name} "
                        "would be the result of an operation under the name of a leaf, and that value would be lost; so torch "
                        "refuses. The script ended there and came to no loss.",)
            case _:
                return (f"{name} could have a gradient, but the script came to no loss.",)

    @property
    def questions(self) -> tuple[tuple[str, str], ...]:
        """Step by step: what to ask of a tensor without a gradient, and the answers, in a word each."""
        words = {True: "yes", False: "no", None: "no loss"}
        ran = "stops" if self.changed else self.ran
        if self.filled and self.ran == "no":
            ran = "yes"  # it was told to keep the graph, or .grad comes from another loss
        return (
            ("a leaf?", "retained" if self.retains else words[self.is_leaf]),
            ("requires_grad?", words[self.requires_grad]),
            ("loss has a graph?", words[self.loss_requires]),
            ("on the path?", words[self.on_path]),
            ("backward ran?", ran if self.loss_requires else "no"),
            (".grad", "filled" if self.filled else "None"),
        )


def grad_of(tensor: Tensor) -> Tensor | None:
    """``tensor.grad`` without torch's warning for tensors that are no leaves."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return tensor.grad


def on_path(tensor: Tensor, loss: Tensor) -> bool:
    """Whether a gradient that starts at the loss comes by the tensor: by this very output of the function that made it."""
    if not tensor.requires_grad or not loss.requires_grad:
        return False
    node, number = edge_of(tensor)
    start, first = edge_of(loss)
    _held, edges = functions(loss)  # held until the identities are compared
    return (start is node and first == number) or any(there is node and at == number for _, _, (there, at) in edges)


def diagnose(name: str, tensor: Tensor, loss: Tensor | None, error: str = "") -> Finding:
    """Why ``.grad`` of this tensor is None, or that it is not.

    Args:
        name: of the variable, for the sentences.
        tensor: any.
        loss: what backward was, or will be, called on; None if there is none.
        error: what torch said where the script ended before there was a loss.
    """
    filled = grad_of(tensor) is not None
    path = loss is not None and on_path(tensor, loss)
    changed: tuple[str, ...] = ()
    ran: Answer = "no"
    if loss is not None and loss.requires_grad:
        ran, changed = _state(loss)
    base = tensor._base
    return Finding(
        name, _reason(tensor, loss, filled, path, ran, changed, error), tensor.is_leaf, tensor.requires_grad, filled,
        tensor.retains_grad, short_name(tensor.grad_fn) if tensor.grad_fn is not None else "",
        bool(tensor.requires_grad and base is not None and base.is_leaf), str(tensor.dtype).removeprefix("torch."),
        None if loss is None else loss.requires_grad, path, ran, changed,
    )


def _reason(
    tensor: Tensor, loss: Tensor | None, filled: bool, path: bool, ran: Answer, changed: tuple[str, ...], error: str
) -> Reason:
    if filled:
        return "filled"
    if not tensor.requires_grad:
        return "not_required" if tensor.is_floating_point() or tensor.is_complex() else "integer"
    if loss is None:
        return "leaf_changed" if tensor.is_leaf and "leaf Variable that requires grad" in error else "no_loss"
    if not loss.requires_grad:
        return "no_graph"
    if not path:
        return "off_path"
    if not tensor.is_leaf and not tensor.retains_grad:
        return "non_leaf"
    if changed:
        return "overwritten"
    return "emptied" if ran == "yes" else "not_called"


def _state(loss: Tensor) -> tuple[Answer, tuple[str, ...]]:
    """Whether backward has run on this loss, and the functions whose kept values were changed since.

    A function that backward went through has freed what it kept. The one nearest to the loss that keeps anything decides: one
    farther away may belong to another loss, too. If none keeps anything, a leaf with a gradient shows it.
    """
    ran: Answer = "unknown"
    changed = []
    held, _ = functions(loss)
    for node in held:
        for message in _kept(node):
            if "modified by an inplace operation" in message:
                changed.append(short_name(node))
            elif ran == "unknown":
                ran = "yes" if "second time" in message else "no"
    if ran == "unknown" and any(isinstance(leaf := getattr(node, "variable", None), Tensor) and grad_of(leaf) is not None
                                for node in held):
        ran = "yes"
    return ran, tuple(dict.fromkeys(changed))


def _kept(node: Any) -> list[str]:
    """To each tensor that a function keeps for backward what torch says when it is looked at: nothing if it is still there.

    Hooks of the user are not called: they would compute.
    """
    found: list[str] = []
    for attribute in dir(type(node)):
        if not attribute.startswith("_raw_saved_"):
            continue
        try:
            raw = getattr(node, attribute)
            if any(entry.unpack_hook is not None for entry in (raw if isinstance(raw, tuple | list) else (raw,))):
                continue
            value = getattr(node, attribute.replace("_raw_saved_", "_saved_"), None)
        except RuntimeError as error:
            found.append(str(error))
        else:
            found += [""] if value is not None else []
    return found
