r"""Every loss of torch.nn. To add one is one entry here.

An entry is declared without torch: what goes in, with a sensible example, the keyword arguments, the formula. The loss itself
is torch's own, made by :meth:`Loss.create`. In the formulas x is the prediction, y the target, n counts the rows (or the
elements, where the loss takes each of them by itself), and :math:`\ell_n` is what ``reduction="none"`` returns. Their source
is the page of each class in the PyTorch documentation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from visualizer.base.parameters import Option

if TYPE_CHECKING:
    import torch

#: What a tensor holds: which numbers make sense, and their dtype (whole numbers are int64).
Holds = Literal["real", "probability", "log_probability", "class", "class_or_probability", "binary", "sign", "count",
                "positive", "classes", "symbols", "length"]

#: Each kind of content in words that follow "holds".
CONTENTS: Mapping[str, str] = MappingProxyType({
    "real": "any numbers",
    "probability": "probabilities, from 0 to 1",
    "log_probability": "logarithms of probabilities, at most 0",
    "class": "class indices, whole numbers from 0 to C \u2212 1",
    "class_or_probability": "class indices from 0 to C \u2212 1, or in the prediction's shape a weight for every class",
    "binary": "labels 0 or 1, or probabilities between them",
    "sign": "labels 1 or \u22121",
    "count": "counts, at least 0",
    "positive": "variances, at least 0",
    "classes": "the indices of the true classes, then \u22121",
    "symbols": "symbols as whole numbers, never the blank",
    "length": "a length, a whole number",
})

#: The smallest and the largest number that makes sense, for contents that have them.
LIMITS: Mapping[str, tuple[float, float]] = MappingProxyType({
    "probability": (0.0, 1.0), "binary": (0.0, 1.0), "log_probability": (-math.inf, 0.0), "count": (0.0, math.inf),
    "positive": (0.0, math.inf),
})

#: Contents that torch wants as int64.
WHOLE = ("class", "classes", "symbols", "length")


#: The least and the largest number of a tensor for which torch defines the loss, from the arguments of a run.
Defined = Callable[[Mapping[str, Any]], tuple[float, float]]


@dataclass(frozen=True)
class Input:
    """A tensor that a loss takes.

    Attributes:
        role: the parameter that holds it: ``prediction``, ``target``, ``second`` or ``third``.
        name: as ``forward`` calls it.
        title: on the screen.
        shape: its shape, in the letters of the documentation.
        holds: which numbers make sense.
        example: sensible elements, as they are typed.
        defined: between which numbers torch defines the loss, for the arguments of a run; None: everywhere.
    """

    role: str
    name: str
    title: str
    shape: str
    holds: Holds
    example: str
    defined: Defined | None = None


#: How the shapes of the inputs belong together: every element by itself; a row of scores and the index of its class; a row of
#: scores and a label for each; rows of two (or three) tensors compared; an alignment of sequences; features into a layer.
Layout = Literal["elements", "classes", "labels", "rows", "sequence", "features"]


@dataclass(frozen=True)
class Loss:
    """An entry of the catalogue.

    Attributes:
        name: the class in ``torch.nn``, which is also the name in scripts.
        title: on the screen.
        help: what it is for, in a sentence.
        layout: how the shapes belong together.
        inputs: in the order of ``forward``.
        formula: of one :math:`\\ell_n`, in LaTeX.
        arguments: keyword arguments, which are also names of parameters, with torch's own defaults.
        weights: which of the tensors ``weight`` and ``pos_weight`` it takes.
        reductions: allowed values of ``reduction``, torch's default first; empty: it takes none and returns the mean.
        broadcasts: whether torch, comparing element by element, repeats a tensor of another shape that fits.
        layer: whether it has weights of its own, and is made for the number of features and classes.
        classes_as: what a layer calls its number of classes.
        formulas: in place of ``formula`` where an argument of that name is not at torch's default; ``weights``: where the target
            holds a weight for every class.
    """

    name: str
    title: str
    help: str
    layout: Layout
    inputs: tuple[Input, ...]
    formula: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    weights: tuple[str, ...] = ()
    reductions: tuple[str, ...] = ("mean", "sum", "none")
    broadcasts: bool = True
    layer: bool = False
    classes_as: str = "n_classes"
    formulas: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def input(self, role: str) -> Input | None:
        """The input of this role; None if the loss takes none."""
        return next((entry for entry in self.inputs if entry.role == role), None)

    def keywords(self, reduction: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Keyword arguments for the torch class, tensors of ``arguments`` among them; those at torch's default are left out."""
        chosen = {"reduction": reduction} if self.reductions and reduction != self.reductions[0] else {}
        for name, default in self.arguments.items():
            if arguments[name] != default:
                chosen[name] = arguments[name]
        return chosen | {name: arguments[name] for name in self.weights if arguments.get(name) is not None}

    def create(self, **keywords: Any) -> torch.nn.Module:
        """The real loss of ``torch.nn``.

        Raises:
            ValueError, TypeError, RuntimeError: torch's own, for what it does not take.
        """
        import torch

        made: torch.nn.Module = getattr(torch.nn, self.name)(**keywords)
        return made


def _unit(arguments: Mapping[str, Any]) -> tuple[float, float]:
    return 0.0, 1.0


def _arguments(**values: Any) -> Mapping[str, Any]:
    return MappingProxyType(values)


def _scores(example: str, title: str = "Prediction (logits)") -> Input:
    return Input("prediction", "input", title, "(C) or (N, C)", "real", example)


def _pair(prediction: str, target: str, holds: Holds = "real", defined: Defined | None = None) -> tuple[Input, Input]:
    return (Input("prediction", "input", "Prediction", "(*), any shape", "real", prediction, defined),
            Input("target", "target", "Target", "(*), the same shape", holds, target))


_ROWS = (Input("prediction", "input1", "First input", "(D) or (N, D)", "real", "1,2,3;0.5,-1,2"),
         Input("second", "input2", "Second input", "(D) or (N, D)", "real", "2,1,3;-1,1,0"))

_TRIPLET = (
    Input("prediction", "anchor", "Anchor", "(D) or (N, D)", "real", "0,0;1,1"),
    Input("second", "positive", "Positive", "(D) or (N, D)", "real", "1,0;1.5,1"),
    Input("third", "negative", "Negative", "(D) or (N, D)", "real", "1,1;3,2"),
)

LOSSES: tuple[Loss, ...] = (
    Loss("MSELoss", "Mean squared error", "Regression: large errors count far more than small ones.", "elements",
         _pair("1,2,3", "4,5,6"), r"\ell_n = (x_n - y_n)^2"),
    Loss("CrossEntropyLoss", "Cross entropy", "Classification: softmax and negative log likelihood in one, from logits.",
         "classes", (_scores("2,0.5,-1;0.1,1.2,0.3"),
                     Input("target", "target", "Target", "() or (N), or as the prediction", "class_or_probability", "0,2")),
         r"\ell_n = -w_{y_n} \, \log \frac{e^{x_{n, y_n}}}{\sum_c e^{x_{n,c}}}",
         _arguments(ignore_index=-100, label_smoothing=0.0), ("weight",),
         formulas={"weights": r"\ell_n = -\sum_c w_c \, y_{n,c} \, \log \frac{e^{x_{n,c}}}{\sum_k e^{x_{n,k}}}",
                   "label_smoothing": r"\ell_n = -\sum_c w_c \, q_{n,c} \, \log \frac{e^{x_{n,c}}}{\sum_k e^{x_{n,k}}}"}),
    Loss("NLLLoss", "Negative log likelihood", "Classification from log-probabilities, such as log_softmax gives.", "classes",
         (Input("prediction", "input", "Prediction (log-probabilities)", "(C) or (N, C)", "log_probability",
                "-0.5,-1.2,-2.3;-1.6,-0.4,-2.1"),
          Input("target", "target", "Target", "() or (N)", "class", "0,2")),
         r"\ell_n = -w_{y_n}\, x_{n, y_n}", _arguments(ignore_index=-100), ("weight",)),
    Loss("BCELoss", "Binary cross entropy", "Two classes, from probabilities such as a sigmoid gives.", "elements",
         (Input("prediction", "input", "Prediction (probabilities)", "(*), any shape", "probability", "0.9,0.2,0.6", _unit),
          Input("target", "target", "Target", "(*), the same shape", "binary", "1,0,1", _unit)),
         r"\ell_n = -w_n \left(y_n \log x_n + (1 - y_n) \log(1 - x_n)\right)", weights=("weight",), broadcasts=False),
    Loss("L1Loss", "Mean absolute error", "Regression: every error counts as much as it is large; outliers pull less.",
         "elements", _pair("1,2,3", "4,5,6"), r"\ell_n = |x_n - y_n|"),
    Loss("BCEWithLogitsLoss", "Binary cross entropy with logits", "Sigmoid and binary cross entropy in one, stable for large "
         "logits.", "elements",
         (Input("prediction", "input", "Prediction (logits)", "(*), any shape", "real", "2,-1,0.5"),
          Input("target", "target", "Target", "(*), the same shape", "binary", "1,0,1")),
         r"\ell_n = -w_n \left(p\, y_n \log \sigma(x_n) + (1 - y_n) \log(1 - \sigma(x_n))\right)",
         weights=("weight", "pos_weight"), broadcasts=False),
    Loss("HuberLoss", "Huber", "Squared for small errors, linear beyond delta: robust against outliers.", "elements",
         _pair("1,2,3", "1.5,4,2.8"),
         r"\ell_n = \begin{cases} \frac{1}{2}(x_n - y_n)^2 & |x_n - y_n| < \delta \\ "
         r"\delta\,(|x_n - y_n|{} - \frac{1}{2}\delta) & \mathrm{otherwise} \end{cases}", _arguments(delta=1.0)),
    Loss("SmoothL1Loss", "Smooth L1", "The Huber loss divided by beta: an absolute error with a rounded tip.", "elements",
         _pair("1,2,3", "1.5,4,2.8"),
         r"\ell_n = \begin{cases} \frac{1}{2}(x_n - y_n)^2 / \beta & |x_n - y_n| < \beta \\ "
         r"|x_n - y_n|{} - \frac{1}{2}\beta & \mathrm{otherwise} \end{cases}", _arguments(beta=1.0)),
    Loss("KLDivLoss", "Kullback-Leibler divergence", "How far a distribution is from the target distribution.", "elements",
         (Input("prediction", "input", "Prediction (log-probabilities)", "(*), any shape", "log_probability",
                "-1.6,-0.9,-0.9;-0.7,-1.4,-1.4"),
          Input("target", "target", "Target", "(*), the same shape", "probability", "0.2,0.4,0.4;0.6,0.3,0.1",
                lambda arguments: (-math.inf if arguments["log_target"] else 0.0, math.inf))),
         r"\ell_n = y_n \, (\log y_n - x_n)", _arguments(log_target=False), reductions=("mean", "batchmean", "sum", "none"),
         formulas={"log_target": r"\ell_n = e^{y_n} \, (y_n - x_n)"}),
    Loss("PoissonNLLLoss", "Poisson likelihood", "Counts: the target is a number of events, the prediction their logarithmic "
         "rate.", "elements", _pair("0.5,1,2", "1,3,8", "count", lambda arguments: (
             -math.inf if arguments["log_input"] else -float(arguments["eps"]), math.inf)), r"\ell_n = e^{x_n} - y_n\, x_n",
         _arguments(log_input=True, full=False, eps=1e-8),
         formulas={"log_input": r"\ell_n = x_n - y_n \log(x_n + \epsilon)"}),
    Loss("GaussianNLLLoss", "Gaussian likelihood", "Regression in which the variance is predicted, too.", "elements",
         (*_pair("1,2,3", "1.5,1.8,4"),
          Input("second", "var", "Variance", "(*), the same shape", "positive", "0.5,1,2", lambda arguments: (0.0, math.inf))),
         r"\ell_n = \frac{1}{2} \left(\log \, \max(v_n, \epsilon) + \frac{(x_n - y_n)^2}{\max(v_n, \epsilon)}\right)",
         _arguments(full=False, eps=1e-6)),
    Loss("HingeEmbeddingLoss", "Hinge embedding", "Distances: small for pairs that are alike (1), at least the margin for others "
         "(\u22121).", "elements", _pair("0.3,0.8,2", "1,-1,-1", "sign"),
         r"\ell_n = \begin{cases} x_n & y_n = 1 \\ \max(0, m - x_n) & y_n = -1 \end{cases}", _arguments(margin=1.0)),
    Loss("CosineEmbeddingLoss", "Cosine embedding", "The angle between pairs of vectors: alike (1) or not (\u22121).", "rows",
         (*_ROWS, Input("target", "target", "Target", "() or (N)", "sign", "1,-1")),
         r"\ell_n = \begin{cases} 1 - \cos(x_{n}, z_{n}) & y_n = 1 \\ \max(0, \cos(x_{n}, z_{n}) - m) & y_n = -1 \end{cases}",
         _arguments(margin=0.0)),
    Loss("MarginRankingLoss", "Margin ranking", "Which of two scores should be higher: 1 the first, \u22121 the second.",
         "elements",
         (Input("prediction", "input1", "First score", "() or (N)", "real", "0.8,0.2,1.5"),
          Input("second", "input2", "Second score", "() or (N)", "real", "0.5,0.9,1.4"),
          Input("target", "target", "Target", "() or (N)", "sign", "1,1,-1")),
         r"\ell_n = \max(0, -y_n\,(x_n - z_n) + m)", _arguments(margin=0.0)),
    Loss("SoftMarginLoss", "Soft margin", "Two classes 1 and \u22121: a smooth hinge.", "elements",
         _pair("0.8,-0.4,1.5", "1,-1,-1", "sign"), r"\ell_n = \log(1 + e^{-y_n x_n})"),
    Loss("MultiLabelMarginLoss", "Multi-label margin", "Several true classes for a row: each should win by a margin of 1.",
         "labels", (_scores("0.1,0.2,0.4,0.8", "Prediction (scores)"),
                    Input("target", "target", "Target", "as the prediction", "classes", "3,0,-1,1")),
         r"\ell_n = \frac{1}{C} \sum_{j \in y_n} \, \sum_{i \notin y_n} \, \max(0, 1 - (x_{n,j} - x_{n,i}))", broadcasts=False),
    Loss("MultiLabelSoftMarginLoss", "Multi-label soft margin", "Several true classes: a binary cross entropy for each class.",
         "labels", (_scores("0.8,-0.4,1.5;0.1,0.7,-1"),
                    Input("target", "target", "Target", "as the prediction", "binary", "1,0,1;0,1,0")),
         r"\ell_n = -\frac{1}{C} \sum_c w_c \left(y_{n,c} \log \sigma(x_{n,c}) + (1 - y_{n,c}) \log \sigma(-x_{n,c})\right)",
         weights=("weight",)),
    Loss("MultiMarginLoss", "Multi-class margin", "The hinge of support vector machines for many classes.", "classes",
         (_scores("0.1,0.2,0.4,0.8;1,0.3,0.2,0.9", "Prediction (scores)"),
          Input("target", "target", "Target", "() or (N)", "class", "3,0")),
         r"\ell_n = \frac{1}{C} \sum_{i \neq y_n} w_{y_n} \, \max(0, m - x_{n, y_n} + x_{n, i})^p",
         _arguments(p=1.0, margin=1.0), ("weight",)),
    Loss("TripletMarginLoss", "Triplet margin", "The anchor should be nearer to the positive than to the negative, by a margin.",
         "rows", _TRIPLET, r"\ell_n = \max(0, \|a_n - p_n + \epsilon\|_p - \|a_n - q_n + \epsilon\|_p + m)",
         _arguments(margin=1.0, p=2.0, eps=1e-6, swap=False)),
    Loss("TripletMarginWithDistanceLoss", "Triplet margin with a distance", "The triplet margin with a distance of your choice.",
         "rows", _TRIPLET, r"\ell_n = \max(0, d(a_n, p_n) - d(a_n, q_n) + m)",
         _arguments(distance="pairwise", margin=1.0, swap=False)),
    Loss("CTCLoss", "Connectionist temporal classification", "A sequence of labels without knowing when each of them occurs.",
         "sequence",
         (Input("prediction", "log_probs", "Log-probabilities", "(T, C)", "log_probability",
                "-0.4,-1.6,-2.1;-1.5,-0.5,-1.7;-0.9,-1.2,-1.2;-1.9,-1.7,-0.4;-0.6,-1.4,-1.6"),
          Input("target", "targets", "Target", "(S)", "symbols", "1,2"),
          Input("second", "input_lengths", "Input length", "()", "length", "5"),
          Input("third", "target_lengths", "Target length", "()", "length", "2")),
         r"\ell = -\log \sum_{\pi \in \mathcal{B}^{-1}(y)} \prod_{t=1}^{T} e^{x_{t, \pi_t}}",
         _arguments(blank=0, zero_infinity=False)),
    Loss("AdaptiveLogSoftmaxWithLoss", "Adaptive log-softmax", "Very many classes: rare ones share smaller layers. It has weights "
         "of its own.", "features",
         (Input("prediction", "input", "Features", "(in_features) or (N, in_features)", "real", "1,-0.5,0.3,2;0.2,1.1,-1,0.4"),
          Input("target", "target", "Target", "() or (N)", "class", "1,5")),
         r"\ell_n = -\log p(y_n \mid W x_n)", _arguments(n_classes=8, cutoffs="2,4", div_value=2.0, head_bias=False),
         reductions=(), layer=True),
    Loss("LinearCrossEntropyLoss", "Linear and cross entropy", "The last linear layer and the cross entropy in one, without "
         "keeping all logits in memory. It has weights of its own.", "features",
         (Input("prediction", "input", "Features", "(in_features) or (N, in_features)", "real", "1,-0.5,0.3,2;0.2,1.1,-1,0.4"),
          Input("target", "target", "Target", "() or (N)", "class", "1,5")),
         r"\ell_n = -w_{y_n} \, \log \frac{e^{(W x_n)_{y_n}}}{\sum_c e^{(W x_n)_c}}",
         _arguments(n_classes=8, label_smoothing=0.0), ("weight",), layer=True, classes_as="num_classes",
         formulas={"label_smoothing": r"\ell_n = -\sum_c w_c \, q_{n,c} \, \log \frac{e^{(W x_n)_c}}{\sum_k e^{(W x_n)_k}}"}),
)

#: Classes of torch.nn whose names end in Loss and that are not in the catalogue, and why.
EXCLUDED: Mapping[str, str] = MappingProxyType({"NLLLoss2d": "an old name of NLLLoss"})

_BY_NAME = {entry.name: entry for entry in LOSSES}


def loss(name: str) -> Loss:
    """The entry of this name.

    Raises:
        KeyError: there is none.
    """
    return _BY_NAME[name]


def loss_options() -> tuple[Option, ...]:
    """The catalogue as options of a choice."""
    return tuple(Option(entry.name, f"{entry.title} ({entry.name})", entry.help, entry.formula) for entry in LOSSES)
