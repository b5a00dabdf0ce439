"""Whatever is typed, there is a loss or a sentence: never another exception, never a crash."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visualizer.base.errors import ParameterError, UserError
from visualizer.base.tensors import TensorData
from visualizer.components.losses import LOSSES, WHOLE
from visualizer.experiments.losses.diagnosis import cautions, diagnosed, refuse_contents
from visualizer.experiments.losses.evaluation import build
from visualizer.experiments.losses.requests import setup_of
from visualizer.experiments.losses.state import DTYPES, LossesState
from visualizer.experiments.losses.tensor_words import broadcast

NAMES = [entry.name for entry in LOSSES]


def outcome(name: str, **values: Any) -> tuple[torch.Tensor | None, tuple[str, ...], UserError | None]:
    """The loss (after backward), the cautions, or the error."""
    setup = setup_of(LossesState().changed(loss=name).changed(**values))
    try:
        built = build(setup)
        loss = built.scalar()
        built.contributions()
        if loss.requires_grad:
            loss.backward()
        return loss.detach(), cautions(setup, built, float(loss.detach())), None
    except UserError as error:
        return None, (), error


def refusal(name: str, **values: Any) -> UserError:
    _, _, error = outcome(name, **values)
    assert error is not None, "torch took it"
    return error


def said(name: str, **values: Any) -> tuple[str, ...]:
    loss, found, error = outcome(name, **values)
    assert error is None, error
    assert loss is not None
    return found


def is_a_sentence(text: str) -> bool:
    begins = text[0].isupper() or text.startswith(("torch", "p is", "blank", "weight", "pos_weight", "cutoffs"))
    return begins and text.endswith(".") and not re.search(r"Traceback|Error\b|Exception|torch\.Size|\bNone\b|File \"", text)


#: What is wrong, and words that the sentence must have (names, shapes, what to change) and torch's own must have.
REFUSED: list[tuple[str, dict[str, Any], tuple[str, ...], str]] = [
    ("MSELoss", {"target": "1,2"}, ("prediction", "(3)", "target", "(2)", "same shape"), "must match the size"),
    ("MSELoss", {"dtype": "int64"}, ("int64", "float32"), "floating point"),
    ("MSELoss", {"dtype": "int64", "prediction_grad": False}, ("MSELoss", "int64", "float32"), "not implemented"),
    ("L1Loss", {"dtype": "int64", "prediction_grad": False}, ("L1Loss", "int64", "float32"), "could not infer output dtype"),
    ("CrossEntropyLoss", {"target": "0,1,2,1"}, ("(2, 3)", "(4)", "one class index per row, so 2 of them"), "batch_size"),
    ("CrossEntropyLoss", {"target": "0,5"}, ("Element 1 of the target is 5", "classes 0 to 2"), "out of bounds"),
    ("CrossEntropyLoss", {"target": "-1,0"}, ("Element 0", "\u22121", "ignore_index"), "out of bounds"),
    ("CrossEntropyLoss", {"target": "0.5,1"}, ("Element 0 of the target is 0.5", "whole number"), ""),
    ("CrossEntropyLoss", {"target": "1,2;0,1"}, ("(2, 2)", "single row"), "multi-target"),
    ("CrossEntropyLoss", {"target": "1,0,0;0,1,0", "target_as": "indices"}, ("Class probabilities",), "class probabilities"),
    ("CrossEntropyLoss", {"target": "0.5,0.5", "target_as": "probabilities"}, ("(2)", "same shape"), ""),
    ("CrossEntropyLoss", {"weight": "1,2"}, ("weight", "(2)", "3 classes"), "weight tensor"),
    ("CrossEntropyLoss", {"prediction": ""}, ("prediction is empty",), "target size"),
    ("NLLLoss", {"target": "0,3"}, ("Element 1", "is 3", "0 to 2"), "out of bounds"),
    ("BCELoss", {"prediction": "1.5,0.2,0.6"}, ("Element 0 of the prediction is 1.5", "BCEWithLogitsLoss"), "between 0 and 1"),
    ("BCELoss", {"target": "1,-1,0"}, ("Element 1 of the target", "from 0 to 1"), "between 0 and 1"),
    ("BCELoss", {"prediction": "nan,0.2,0.6"}, ("Element 0", "not a number"), "between 0 and 1"),
    ("BCELoss", {"target": "1,0"}, ("(3)", "(2)", "same shape"), "target size"),
    ("BCELoss", {"weight": "1,2"}, ("weight", "(2)", "(3)"), "broadcast"),
    ("BCEWithLogitsLoss", {"target": "1,0"}, ("(3)", "(2)", "same shape"), "same as input size"),
    ("BCEWithLogitsLoss", {"pos_weight": "1,2"}, ("pos_weight", "(2)"), ""),
    ("GaussianNLLLoss", {"second": "-1,1,2"}, ("Element 0 of the variance is \u22121", "at least 0"), "negative"),
    ("GaussianNLLLoss", {"second": "1,2"}, ("variance", "(2)", "(3)"), "var is of incorrect size"),
    ("SoftMarginLoss", {"target_grad": True}, ("SoftMarginLoss", "target", "requires_grad"), "not differentiable"),
    ("SoftMarginLoss", {"prediction": "1"}, ("(1)", "(3)", "same shape"), "broadcast shape"),
    ("CosineEmbeddingLoss", {"target": "1,-1,1"}, ("(2, 3)", "(3)", "plain list of 2"), ""),
    ("CosineEmbeddingLoss", {"second": "1,2"}, ("same shape",), ""),
    ("MarginRankingLoss", {"target": "1,1,-1;1,1,1"}, ("(3)", "(2, 3)", "same shape"), "same dimension"),
    ("MultiLabelMarginLoss", {"target": "9,0,-1,1"}, ("Element 0", "is 9", "0 to 3"), "out of range"),
    ("MultiLabelMarginLoss", {"dtype": "float16"}, ("float16", "float32"), "not implemented"),
    ("MultiMarginLoss", {"dtype": "bfloat16"}, ("bfloat16", "float32"), "not implemented"),
    ("MultiMarginLoss", {"p": 3.0}, ("p is 3", "1 and 2"), "only p"),
    ("MultiMarginLoss", {"p": 1.5}, ("p is 1.5", "1 and 2"), "only p"),
    ("MultiMarginLoss", {"weight": "1,2,3"}, ("weight", "(3)", "4 classes"), "weight size"),
    ("TripletMarginLoss", {"margin": -1.0}, ("margin", "\u22121"), "margin"),
    ("TripletMarginLoss", {"third": "1,2,3;4,5,6"}, ("negative", "(2, 3)", "same shape"), ""),
    ("CTCLoss", {"target": "1,7"}, ("Element 1 of the target is 7", "0 to 2"), ""),
    ("CTCLoss", {"target": "-1,1"}, ("Element 0", "\u22121"), ""),
    ("CTCLoss", {"blank": 5}, ("blank", "0 to 2"), "blank"),
    ("CTCLoss", {"second": "9"}, ("input length is 9", "5 rows", "at most 5"), "input_lengths"),
    ("CTCLoss", {"second": "-1"}, ("Input length is \u22121".lower(), "at least 0"), "at least 0"),
    ("CTCLoss", {"third": "4"}, ("target length is 4", "2 symbols", "make it 2"), "size 4"),
    ("CTCLoss", {"second": "5,5"}, ("2 numbers", "exactly one"), ""),
    ("CTCLoss", {"dtype": "float16"}, ("float16", "float32"), "not implemented"),
    ("AdaptiveLogSoftmaxWithLoss", {"cutoffs": "4,2"}, ("4, 2", "rising", "1 to 7"), "cutoffs"),
    ("AdaptiveLogSoftmaxWithLoss", {"cutoffs": "2,9"}, ("2, 9", "1 to 7"), "cutoffs"),
    ("AdaptiveLogSoftmaxWithLoss", {"cutoffs": ""}, ("cutoffs", "1 to 7"), "cutoffs"),
    ("AdaptiveLogSoftmaxWithLoss", {"target": "5,9"}, ("Element 1", "is 9", "0 to 7"), "should be in"),
    ("AdaptiveLogSoftmaxWithLoss", {"prediction": "1,2"}, ("(2)", "one class index"), "2D input"),
    ("LinearCrossEntropyLoss", {"prediction": ""}, ("features are empty",), ""),
    ("LinearCrossEntropyLoss", {"weight": "1"}, ("weight", "8 classes"), "weight"),
]


@pytest.mark.parametrize(("name", "values", "words", "own"), REFUSED, ids=[f"{case[0]}-{case[1]}" for case in REFUSED])
def test_the_sentence_names_what_is_wrong_and_the_details_have_torchs_own(
    name: str, values: dict[str, Any], words: tuple[str, ...], own: str
) -> None:
    error = refusal(name, **values)
    assert is_a_sentence(error.sentence), error.sentence
    for word in words:
        assert word.lower() in error.sentence.lower(), error.sentence
    assert own in error.details
    if own:
        assert re.match(r"\w+(Error|Exception): ", error.details)


#: What torch computes all the same, and words of the caution.
TAKEN: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    ("MSELoss", {"prediction": "1,2,3;4,5,6"}, ("(2, 3)", "(3)", "6 losses", "same shape")),
    ("MSELoss", {"prediction": "1;2;3"}, ("(3, 1)", "(3, 3)", "every other", "9 losses in place of 3")),
    ("MSELoss", {"prediction": "", "target": ""}, ("empty", "0 / 0")),
    ("MSELoss", {"prediction": "1,nan,inf"}, ("Element 1 of the prediction (and 1 other)", "not a number")),
    ("MSELoss", {"prediction": "70000,1,2", "dtype": "float16"}, ("Element 0", "70000", "65,504", "infinite")),
    ("MSELoss", {"prediction": "60000,1,2", "dtype": "float16"}, ("infinite although", "float16", "float32")),
    ("MSELoss", {"prediction": "1e200,1,2", "dtype": "float64"}, ("infinite although", "smaller numbers")),
    ("CrossEntropyLoss", {"prediction": "1,2,3", "target": "4,5,6"}, ("adds up to 15, not 1", "weight for every class")),
    ("CrossEntropyLoss", {"target": "-100,-100"}, ("left out by ignore_index", "0 / 0")),
    ("CrossEntropyLoss", {"weight": "0,1,0"}, ("weights of the true classes add up to 0", "0 / 0")),
    ("CrossEntropyLoss", {"weight": "1,-1,1"}, ("Element 1 of weight is \u22121", "negative weight")),
    ("NLLLoss", {"prediction": "2,0.5,-1;0.1,1.2,0.3"}, ("Element 0 of the prediction is 2", "log_softmax")),
    ("NLLLoss", {"prediction": "-5,-5,-5;-5,-5,-5"}, ("Row 0", "not 1")),
    ("BCELoss", {"prediction": "0,0.2,0.6"}, ("Element 0 of the prediction is 0", "\u2212100")),
    ("BCELoss", {"prediction": "0.4,1,0.6"}, ("Element 1 of the prediction is 1", "\u2212100")),
    ("BCEWithLogitsLoss", {"target": "1,0,2"}, ("Element 2 of the target is 2", "below 0")),
    ("KLDivLoss", {"target": "-0.2,0.6,0.6;0.6,0.3,0.1"}, ("Element 0", "\u22120.2", "NaN")),
    ("KLDivLoss", {"target": "0.2,0.4,0.9;0.6,0.3,0.1"}, ("Row 0 of the target adds up to 1.5",)),
    ("KLDivLoss", {}, ("batchmean",)),
    ("PoissonNLLLoss", {"target": "1,-3,8"}, ("Element 1 of the target is \u22123", "count")),
    ("PoissonNLLLoss", {"log_input": False, "prediction": "-1,1,2"}, ("Element 0", "NaN", "log_input")),
    ("GaussianNLLLoss", {"second": "0,1,2"}, ("Element 0 of the variance is 0", "eps")),
    ("HingeEmbeddingLoss", {"target": "1,0,-1"}, ("Element 1 of the target is 0", "1 and \u22121", "adds both")),
    ("CosineEmbeddingLoss", {"target": "1,0"}, ("Element 1", "1 and \u22121")),
    ("SoftMarginLoss", {"target": "1,0,1"}, ("Element 1", "log 2")),
    ("MultiLabelSoftMarginLoss", {"target": "1,0,3;0,1,0"}, ("Element 2", "0 to 1")),
    ("CTCLoss", {"target": "0,1"}, ("Element 0 of the target is 0", "blank")),
    ("CTCLoss", {"target": "1,1", "second": "2"}, ("at least 3 moments", "infinite")),
    ("CTCLoss", {"target": "1,1", "second": "2", "zero_infinity": True}, ("at least 3 moments", "loss 0")),
]


@pytest.mark.parametrize(("name", "values", "words"), TAKEN, ids=[f"{case[0]}-{case[1]}" for case in TAKEN])
def test_what_torch_takes_without_a_word_gets_a_caution(name: str, values: dict[str, Any], words: tuple[str, ...]) -> None:
    found = said(name, **values)
    assert all(is_a_sentence(text) for text in found), found
    assert any(all(word in text for word in words) for text in found), found


@pytest.mark.parametrize("name", NAMES)
def test_every_example_is_without_a_caution(name: str) -> None:
    values = {"reduction": "batchmean"} if name == "KLDivLoss" else {}
    assert said(name, **values) == ()


def test_what_the_cautions_say_of_torch_is_so() -> None:
    bce = torch.nn.functional.binary_cross_entropy
    assert float(bce(torch.tensor([0.0]), torch.tensor([1.0]))) == 100.0
    hinge = torch.nn.functional.hinge_embedding_loss
    x, zero = torch.tensor([0.3]), torch.tensor([0.0])
    assert float(hinge(x, zero)) == pytest.approx(float(hinge(x, zero + 1)) + float(hinge(x, zero - 1)))
    soft = torch.nn.functional.soft_margin_loss
    assert float(soft(torch.tensor([7.0]), zero)) == pytest.approx(math.log(2))
    cosine = torch.nn.functional.cosine_embedding_loss
    assert float(cosine(torch.ones(1, 2), torch.tensor([[1.0, 0.0]]), zero)) == 0.0
    gaussian = torch.nn.functional.gaussian_nll_loss
    small = torch.tensor([1e-9], requires_grad=True)
    loss = gaussian(zero, torch.ones(1), small, eps=1e-6)
    assert float(loss.detach()) == pytest.approx(float(gaussian(zero, torch.ones(1), torch.tensor([1e-6]), eps=1e-6)))
    (slope,) = torch.autograd.grad(loss, small)
    assert float(slope) == pytest.approx(0.5 * (1e6 - 1e12), rel=1e-4)


CRASHING = """
import torch
loss = torch.nn.CTCLoss()(torch.randn(5, 3).log_softmax(1), torch.tensor([{symbol}, 1]), torch.tensor(5), torch.tensor(2))
print(loss)
"""


def test_torch_itself_reads_foreign_memory_with_a_symbol_that_is_no_class() -> None:
    """If this fails torch has learnt to check, and the symbols need no refusal of their own."""
    done = subprocess.run([sys.executable, "-c", CRASHING.format(symbol=300_000_000)], capture_output=True, text=True, check=False)
    assert done.returncode < 0, done.stderr


def test_what_would_fill_the_memory_is_refused() -> None:
    column, row = TensorData((5000, 1), (0.0,) * 5000), TensorData((5000,), (0.0,) * 5000)
    assert "25,000,000 losses" in refusal("MSELoss", prediction=column, target=row).sentence
    wide = TensorData((1, 5000), (0.0,) * 5000)
    assert "weights" in refusal("LinearCrossEntropyLoss", prediction=wide, target="1", n_classes=10_000).sentence


def test_a_users_error_stays_as_it_is_and_an_unknown_one_names_the_shapes() -> None:
    setup = setup_of(LossesState())
    own = UserError("This is one.")
    assert diagnosed(setup, own) is own
    other = diagnosed(setup, RuntimeError("what nobody has seen yet"))
    assert "prediction has the shape (3) and the target (3)" in other.sentence.lower()
    assert other.details == "RuntimeError: what nobody has seen yet"
    assert diagnosed(setup, MemoryError()).details == "MemoryError: MemoryError"
    refuse_contents(setup)


SHAPES = st.one_of(st.integers(0, 4).map(lambda n: (n,)), st.tuples(st.integers(1, 4), st.integers(1, 4)))
NUMBERS = st.one_of(st.integers(-2, 4).map(float), st.floats(-3, 3), st.floats(0, 1),
                    st.sampled_from([math.nan, math.inf, -math.inf, 1e38, 1e300, -1.0, 1.0, 0.0]))


@st.composite
def tensors(draw: st.DrawFn) -> TensorData:
    shape = draw(SHAPES)
    whole = draw(st.booleans())
    numbers = st.integers(-1, 3).map(float) if whole else NUMBERS
    return TensorData(shape, tuple(draw(st.lists(numbers, min_size=math.prod(shape), max_size=math.prod(shape)))))


ARGUMENTS: dict[str, list[Any]] = {
    "margin": [-1.0, 0.0, 1.0], "p": [0.0, 1.0, 1.5, 2.0, 100.0], "eps": [0.0, 1e-6], "blank": [0, 2, 50],
    "cutoffs": ["", "2,4", "4,2", "0", "x", "7"], "n_classes": [1, 2, 8], "beta": [0.0, 1.0], "ignore_index": [-100, 0, 1],
    "label_smoothing": [0.0, 0.5, 1.0], "zero_infinity": [False, True], "log_input": [False, True], "full": [False, True],
    "log_target": [False, True], "swap": [False, True], "distance": ["pairwise", "manhattan", "cosine"],
}


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(LOSSES), st.data())
def test_any_nonsense_gives_a_loss_or_a_sentence(entry: Any, data: st.DataObject) -> None:
    values: dict[str, Any] = {}
    for item in entry.inputs:
        if data.draw(st.integers(0, 2)):  # often one of them stays sensible
            values[item.role] = data.draw(tensors())
        values[f"{item.role}_grad"] = item.holds not in WHOLE and data.draw(st.booleans())
    for name in entry.weights:
        values[name] = data.draw(st.one_of(st.just(TensorData((0,), ())), tensors()))
    values["dtype"] = data.draw(st.sampled_from([option.name for option in DTYPES]))
    values["target_as"] = data.draw(st.sampled_from(["auto", "indices", "probabilities"]))
    if entry.reductions:
        values["reduction"] = data.draw(st.sampled_from(entry.reductions))
    for name, choices in ARGUMENTS.items():
        if name in entry.arguments:
            values[name] = data.draw(st.sampled_from(choices))
    try:
        LossesState().changed(loss=entry.name).changed(**values)
    except ParameterError:
        return
    loss, found, error = outcome(entry.name, **values)
    if error is not None:
        assert is_a_sentence(error.sentence), error.sentence
    else:
        assert loss is not None
        assert all(is_a_sentence(text) for text in found), found
        assert found or math.isfinite(float(loss)), "what is not finite has a caution"


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3))
def test_shapes_are_repeated_as_torch_repeats_them(shapes: list[tuple[int, ...]]) -> None:
    try:
        expected: tuple[int, ...] | None = np.broadcast_shapes(*shapes)  # numpy and torch have one rule
    except ValueError:
        expected = None
    assert broadcast(*shapes) == expected
