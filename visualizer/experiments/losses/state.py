"""The losses tab, declared: its pages, its parameters, its presets. No torch, no numpy, no Qt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from visualizer.base.experiment import Preset, State, View, view_choice
from visualizer.base.parameters import Option, choice, flag, integer, parameters_of, real, seed, shown_step, text
from visualizer.base.tensors import TensorData, tensor
from visualizer.components.losses import LOSSES, loss, loss_options
from visualizer.experiments.losses.gallery import CASES, case_options

VIEWS = (
    View("loss", "Loss and gradient",
         "Choose a loss and edit its tensors: the loss, what every element contributes, and the gradient appear at once. "
         "Drag the bars.",
         ("tensors", "contributions", "gradient", "matrix")),
    View("curve", "Curve and surface",
         "The loss as one chosen element moves, with the tangent whose slope is the gradient; and as two of them move.",
         ("curve", "surface")),
    View("check", "Truth check",
         "Is the gradient right? Autograd against finite differences, and losses that should be equal but for rounding.",
         ("check", "step_sizes", "stability")),
    View("grad", "Before and after",
         "What .grad holds: nothing before backward, the gradient after it, the sum after the next one, and what clears it.",
         ("grad", "grad_graph"), playable=True),
    View("none", "Why is .grad None?",
         "The real cases in which a gradient does not arrive, each of them run by torch, with its diagnosis and its cure.",
         ("none", "cured")),
    View("layer", "Through a layer",
         "Only output and target reach the loss, and yet the layer's weight gets a gradient: the path that links them.",
         ("layer", "layer_gradient")),
)

REDUCTIONS = (
    Option("mean", "mean", "The average: with class weights, the weighted one.", r"\frac{1}{N} \sum_n \ell_n"),
    Option("sum", "sum", "All of them added up.", r"\sum_n \ell_n"),
    Option("none", "none", "No number but all of them; backward then starts from ones, which gives the gradient of the sum."),
    Option("batchmean", "batchmean", "The sum divided by the number of rows: the divergence as mathematics defines it.",
           r"\frac{1}{rows} \sum_n \ell_n"),
)

DTYPES = (
    Option("float32", "float32", "torch's default."),
    Option("float64", "float64", "53 significant bits."),
    Option("bfloat16", "bfloat16", "8 significant bits, the range of float32."),
    Option("float16", "float16", "11 significant bits, largest value 65,504."),
    Option("int64", "int64", "Whole numbers: torch takes no gradient with respect to them."),
)

DISTANCES = (
    Option("pairwise", "Euclidean", "torch.nn.PairwiseDistance: what torch takes if none is given.", r"\|a - b + \epsilon\|_2"),
    Option("manhattan", "Manhattan", "The sum of the absolute differences.", r"\sum_i |a_i - b_i|"),
    Option("cosine", "Cosine", "1 minus the cosine of the angle.", r"1 - \cos(a, b)"),
)

#: The pages on which a loss is chosen.
_LOSS = ("loss", "curve", "check", "grad")
_ROLES = ("prediction", "target", "second", "third")


def _takes(role: str) -> Callable[[Any], bool]:
    """Shown when the chosen loss has an input of this role."""
    return lambda state: loss(state.loss).input(role) is not None


def _titled(role: str, suffix: str = "") -> Callable[[Any], str]:
    """What the chosen loss calls its input of this role."""

    def title(state: Any) -> str:
        entry = loss(state.loss).input(role)
        return (entry.title if entry is not None else role.capitalize()) + suffix

    return title


def _has(name: str) -> Callable[[Any], bool]:
    """Shown when the chosen loss has this keyword argument."""
    return lambda state: name in loss(state.loss).arguments or name in loss(state.loss).weights


def _elements(name: str) -> Callable[[Any], tuple[int, int]]:
    """From 0 to the last index of the tensor whose elements are moved."""
    return lambda state: (0, max(0, len(getattr(state, state.moved).values) - 1))


@dataclass(frozen=True)
class LossesState(State):
    """Every control of the losses tab."""

    def changed(self, **values: Any) -> Self:
        """This state with some values replaced; another loss brings its own example and arguments along.

        Tensors that were edited stay where the new loss takes the very same kinds of tensors.
        """
        chosen = values.get("loss")
        if isinstance(chosen, str) and chosen != self.loss and any(chosen == entry.name for entry in LOSSES):
            values = self._brought(chosen) | values
        return super().changed(**values)

    def _brought(self, name: str) -> dict[str, Any]:
        old, new = loss(self.loss), loss(name)
        brought: dict[str, Any] = dict(new.arguments)
        if new.reductions and self.reduction not in new.reductions:
            brought["reduction"] = new.reductions[0]
        kinds = [[(item.role, item.holds, item.shape) for item in entry.inputs] for entry in (old, new)]
        if kinds[0] != kinds[1]:
            brought |= {item.role: item.example for item in new.inputs}
            brought |= {"weight": "", "pos_weight": "", "moved": "prediction", "element": 0, "element_2": 1}
        return brought

    view: str = view_choice(VIEWS)

    loss: str = choice(
        "MSELoss", loss_options(), label="Loss", group="Loss", views=_LOSS, help="The loss of torch.nn.",
    )
    reduction: str = choice(
        "mean", REDUCTIONS, label="reduction", group="Loss", views=_LOSS, when=lambda state: bool(loss(state.loss).reductions),
        help="How the losses of all elements (or rows) become one number.",
    )

    prediction: TensorData = tensor(
        "1,2,3", label="Prediction", label_of=_titled("prediction"), group="Tensors", views=_LOSS,
        help="What the model says. Type into the cells, paste from a spreadsheet, or drag the bars.",
    )
    prediction_grad: bool = flag(
        True, label="Prediction: requires_grad", label_of=_titled("prediction", ": requires_grad"), group="Tensors", views=_LOSS,
        help="Whether torch records what is done with this tensor, and fills its .grad.",
    )
    target: TensorData = tensor(
        "4,5,6", label="Target", label_of=_titled("target"), group="Tensors", views=_LOSS, when=_takes("target"),
        help="What is right.",
    )
    target_grad: bool = flag(
        False, label="Target: requires_grad", label_of=_titled("target", ": requires_grad"), group="Tensors", views=_LOSS,
        when=_takes("target"), help="Whether the target gets a gradient, too.",
    )
    target_as: str = choice(
        "auto", (
            Option("auto", "By their shape", "In the prediction's shape they are a weight for every class, else indices."),
            Option("indices", "Class indices", "The number of the true class, int64."),
            Option("probabilities", "Class probabilities", "A weight for every class, in the prediction's shape."),
        ), label="Target holds", group="Tensors", views=_LOSS,
        when=lambda state: (held := loss(state.loss).input("target")) is not None and held.holds == "class_or_probability",
        help="Cross entropy takes class indices or class probabilities.",
    )
    second: TensorData = tensor(
        "", label="Second input", label_of=_titled("second"), group="Tensors", views=_LOSS, when=_takes("second"),
        help="The second tensor that this loss takes: another input, the positive, the variance or the input's length.",
    )
    second_grad: bool = flag(
        False, label="Second input: requires_grad", label_of=_titled("second", ": requires_grad"), group="Tensors",
        views=_LOSS, when=_takes("second"), help="Whether this tensor gets a gradient, too.",
    )
    third: TensorData = tensor(
        "", label="Third input", label_of=_titled("third"), group="Tensors", views=_LOSS, when=_takes("third"),
        help="The third tensor that this loss takes: the negative, or the target's length.",
    )
    third_grad: bool = flag(
        False, label="Third input: requires_grad", label_of=_titled("third", ": requires_grad"), group="Tensors", views=_LOSS,
        when=_takes("third"), help="Whether this tensor gets a gradient, too.",
    )
    dtype: str = choice(
        "float32", DTYPES, label="dtype", group="Tensors", views=_LOSS,
        help="The type of the tensors' elements; indices are int64 in any case.",
    )

    weight: TensorData = tensor(
        "", label="weight", group="Arguments", views=_LOSS, when=_has("weight"),
        help="A weight for every class (or element, with binary cross entropy); empty: none.",
    )
    pos_weight: TensorData = tensor(
        "", label="pos_weight", formula="p", group="Arguments", views=_LOSS, when=_has("pos_weight"),
        help="A weight for the positive examples of every class; empty: none.",
    )
    ignore_index: int = integer(
        -100, -100, 10_000, label="ignore_index", group="Arguments", views=_LOSS, when=_has("ignore_index"),
        help="Rows with this target count as nothing: no loss, no gradient, not in the average.",
    )
    label_smoothing: float = real(
        0.0, 0.0, 1.0, label="label_smoothing", formula=r"\epsilon", group="Arguments", views=_LOSS,
        when=_has("label_smoothing"), help="How much of the target is spread evenly over all classes.",
    )
    delta: float = real(
        1.0, 1e-3, 1e3, scale="log", span=lambda state: (0.01, 10.0), label="delta", formula=r"\delta", group="Arguments",
        views=_LOSS, when=_has("delta"), help="Where the square ends and the straight line begins.",
    )
    beta: float = real(
        1.0, 0.0, 1e3, span=lambda state: (0.0, 5.0), label="beta", formula=r"\beta", group="Arguments", views=_LOSS,
        when=_has("beta"), help="Where the square ends and the straight line begins; 0 is the mean absolute error.",
    )
    margin: float = real(
        1.0, -1e3, 1e3, span=lambda state: (-1.0, 3.0), label="margin", formula="m", group="Arguments", views=_LOSS,
        when=_has("margin"), help="How far apart they should be before the loss is zero.",
    )
    p: float = real(
        2.0, 0.0, 100.0, span=lambda state: (1.0, 4.0), label="p", formula="p", group="Arguments", views=_LOSS, when=_has("p"),
        help="The exponent: of the norm for triplets; of the hinge for the multi-class margin, which takes only 1 and 2.",
    )
    eps: float = real(
        1e-6, 0.0, 10.0, span=lambda state: (0.0, 0.01), label="eps", formula=r"\epsilon", group="Arguments", views=_LOSS,
        when=_has("eps"), help="A small number that keeps a logarithm or a quotient finite.",
    )
    log_target: bool = flag(
        False, label="log_target", group="Arguments", views=_LOSS, when=_has("log_target"),
        help="Whether the target holds logarithms of probabilities, too.",
    )
    log_input: bool = flag(
        True, label="log_input", group="Arguments", views=_LOSS, when=_has("log_input"),
        help="Whether the prediction is the logarithm of the rate.",
    )
    full: bool = flag(
        False, label="full", group="Arguments", views=_LOSS, when=_has("full"),
        help="Whether constant terms are added, which change the loss and not the gradient.",
    )
    swap: bool = flag(
        False, label="swap", group="Arguments", views=_LOSS, when=_has("swap"),
        help="Whether the negative may also be compared with the positive, if that is nearer.",
    )
    distance: str = choice(
        "pairwise", DISTANCES, label="distance_function", group="Arguments", views=_LOSS, when=_has("distance"),
        help="How the distance between two rows is measured.",
    )
    blank: int = integer(
        0, 0, 10_000, span=lambda state: (0, max(1, state.prediction.columns - 1)), label="blank", group="Arguments",
        views=_LOSS, when=_has("blank"), help="The index of the symbol that means nothing.",
    )
    zero_infinity: bool = flag(
        False, label="zero_infinity", group="Arguments", views=_LOSS, when=_has("zero_infinity"),
        help="Whether an infinite loss (no alignment fits) becomes zero.",
    )
    n_classes: int = integer(
        8, 1, 10_000, scale="log", label="Number of classes", formula="C", group="Arguments", views=_LOSS,
        when=_has("n_classes"), help="How many classes the layer inside tells apart.",
    )
    cutoffs: str = text(
        "2,4", max_length=200, label="cutoffs", group="Arguments", views=_LOSS, when=_has("cutoffs"),
        help="Where the clusters of rarer and rarer classes begin: rising numbers below the number of classes.",
    )
    div_value: float = real(
        2.0, 1.0, 100.0, span=lambda state: (1.0, 8.0), label="div_value", group="Arguments", views=_LOSS,
        when=_has("div_value"), help="By how much the size of the layer shrinks from cluster to cluster.",
    )
    head_bias: bool = flag(
        False, label="head_bias", group="Arguments", views=_LOSS, when=_has("head_bias"),
        help="Whether the layer of the frequent classes has a bias.",
    )

    moved: str = choice(
        "prediction", tuple(Option(role, role.capitalize()) for role in _ROLES), label="Element of", group="Element",
        views=("curve", "check"), help="Which tensor the moved element belongs to.",
    )
    element: int = integer(
        0, 0, 9_999, span=_elements("element"), label="Element", formula="i", group="Element", views=("curve", "check"),
        help="Which element moves, counted from 0, row by row.",
    )
    element_2: int = integer(
        1, 0, 9_999, span=_elements("element_2"), label="Second element", formula="j", group="Element", views=("curve",),
        help="Which other element moves on the surface.",
    )
    reach: float = real(
        4.0, 1e-3, 1e4, scale="log", span=lambda state: (0.1, 100.0), label="Reach", group="Element", views=("curve",),
        help="How far the elements move to either side.",
    )

    logit: float = real(
        20.0, 0.1, 1000.0, scale="log", label="Largest logit", group="Stability", views=("check",),
        help="How far the comparison of two ways to compute the same loss goes.",
    )

    backwards: int = integer(
        2, 1, 10, label="Backward passes", group="Steps", views=("grad",),
        help="How many times loss.backward() is called before the gradient is cleared.",
    )
    set_to_none: bool = flag(
        True, label="zero_grad(set_to_none)", group="Steps", views=("grad",),
        help="On: clearing makes .grad None, torch's default. Off: it becomes zeros.",
    )

    case: str = choice("non_leaf", case_options(), label="Case", group="Case", views=("none",), help="What went wrong.")

    layer_input: TensorData = tensor(
        "1,2,3,2,1", label="Input", group="Layer", views=("layer",), help="What goes into the layer.",
    )
    layer_target: TensorData = tensor(
        "4,5,6", label="Target", group="Layer", views=("layer",),
        help="What should come out; the layer gets as many outputs as the target has elements in a row.",
    )
    input_grad: bool = flag(
        False, label="Input: requires_grad", group="Layer", views=("layer",),
        help="Whether the input gets a gradient, too; without it, it is not in the graph.",
    )
    bias: bool = flag(True, label="bias", group="Layer", views=("layer",), help="Whether the layer has a bias.")

    seed: int = seed()
    shown_step: int = shown_step()


def _preset(name: str, title: str, help: str, view: str, play: bool = False, **changes: Any) -> Preset:
    """A preset sets everything that is computed on its page, so that it shows the same whatever was set before."""
    values = {
        parameter.name: parameter.default for parameter in parameters_of(LossesState).values()
        if not parameter.hidden and not parameter.display and (not parameter.views or view in parameter.views)
    }
    if "loss" in values:
        entry = loss(changes.get("loss", values["loss"]))
        values |= dict(entry.arguments) | {item.role: item.example for item in entry.inputs}
        if entry.reductions:
            values["reduction"] = entry.reductions[0]
    declared = parameters_of(LossesState)
    whole = {key: declared[key].check(value) for key, value in (values | changes | {"view": view}).items()}
    return Preset(name, title, help, whole, play)


PRESETS = (
    _preset("mse", "MSE", "The lecture's example: (9 + 9 + 9) / 3 = 9, gradient (\u22122, \u22122, \u22122).", "loss"),
    _preset("cross_entropy", "Cross entropy", "The lecture's same tensors, the target as class weights: 19.1141.", "loss",
            loss="CrossEntropyLoss", prediction="1,2,3", target="4,5,6"),
    _preset("nll", "NLL", "Negative log likelihood, from log-probabilities.", "loss", loss="NLLLoss"),
    _preset("bce", "BCE", "Binary cross entropy, from probabilities.", "loss", loss="BCELoss"),
    _preset("l1", "MAE", "Mean absolute error: the gradient knows only the sign.", "loss", loss="L1Loss"),
    _preset("parabola", "A parabola", "The squared error as one prediction moves: the tangent's slope is the gradient.",
            "curve"),
    _preset("kink", "A kink", "The absolute error right at its kink: torch takes the slope 0.", "curve", loss="L1Loss",
            prediction="4,2,3"),
    _preset("two_logits", "Two logits", "Cross entropy as two logits move: only their difference counts.", "curve",
            loss="CrossEntropyLoss", prediction="1,2,3", target="2", target_as="indices"),
    _preset("check_mse", "MSE", "Two computations of the same gradient.", "check"),
    _preset("large_logits", "Large logits", "Softmax, then log, loses everything for large logits; log_softmax does not.",
            "check", loss="CrossEntropyLoss", logit=200.0),
    _preset("lifecycle", "None, filled, added up", "The life of .grad on the lecture's example.", "grad", play=True),
    _preset("no_gradient", "requires_grad=False", "The lecture's error: nothing requires a gradient.", "grad",
            prediction_grad=False),
    *(
        _preset(f"none_{case.name}", case.title, case.help, "none", case=case.name)
        for case in CASES if case.name in ("non_leaf", "detached", "no_grad", "integer")
    ),
    _preset("linear", "Linear(5, 3)", "The lecture's layer: weight.grad is None, then filled.", "layer"),
)
