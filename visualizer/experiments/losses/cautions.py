"""What torch computes without a word although it can hardly be meant: repeated tensors, logarithms of 0, labels that are none.

The limits (-100 in binary cross entropy, eps of the variance, ...) are those of torch 2.13, from the documentation of each loss.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from visualizer.base.tensors import TensorData
from visualizer.experiments.losses.requests import Given, Setup
from visualizer.experiments.losses.tensor_words import (
    broadcast,
    classes_of,
    first,
    name_of,
    number,
    plural,
    reads_indices,
    shape_text,
)

if TYPE_CHECKING:
    from visualizer.experiments.losses.evaluation import Built

#: How far the sum of probabilities may be from 1: what is typed is rounded.
_SUM_TOLERANCE = 0.05
#: Largest finite number of the dtypes that overflow soon.
_LARGEST = {"float16": 65_504.0, "bfloat16": 3.3895e38, "float32": 3.4028e38}


def cautions(setup: Setup, built: Built, loss_value: float) -> tuple[str, ...]:
    """Sentences about what a run without an error still gets wrong, the most important first; empty if all is well.

    Args:
        setup: what was asked for.
        built: the same in torch; its leaves show what the dtype made of the numbers.
        loss_value: the loss (with ``reduction="none"`` the sum of all), which may be NaN or infinite.
    """
    found = [*_nonfinite(setup), *_overflowed(setup, built), *_empty(setup), *_repeated(setup), *_contents(setup), *_sums(setup),
             *_arguments(setup)]
    if not found and not math.isfinite(loss_value):
        found.append(_unexplained(setup, loss_value))
    return tuple(found)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _nonfinite(setup: Setup) -> Iterator[str]:
    for given in setup.inputs:
        if math.isfinite(sum(given.data.values)):  # quicker than a look at each: a sum keeps every NaN and infinity
            continue
        at, value = first(given.data, lambda value: not math.isfinite(value))
        if at >= 0:
            count = sum(not math.isfinite(value) for value in given.data.values)
            others = f" (and {plural(count - 1, 'other')})" if count > 1 else ""
            said = "not a number (NaN)" if value != value else "infinite"
            yield (f"Element {at} of {name_of(setup, given.role)}{others} is {said}, and whatever is computed with it is seldom "
                   "a number; change it.")


def _overflowed(setup: Setup, built: Built) -> Iterator[str]:
    largest = _LARGEST.get(setup.dtype)
    if largest is None:
        return
    for given in setup.inputs:
        leaf = built.leaves[given.role]
        if leaf.is_floating_point() and not leaf.isfinite().all():
            finite = leaf.detach().isfinite().reshape(-1).tolist()
            at = next((at for at, (kept, typed) in enumerate(zip(finite, given.data.values, strict=True))
                       if not kept and math.isfinite(typed)), -1)
            if at >= 0:
                yield (f"Element {at} of {name_of(setup, given.role)} is {number(given.data.values[at])}, and {setup.dtype} ends "
                       f"at {largest:,.5g}: it became infinite; choose float32 or float64, or a smaller number.".replace(
                           "float32 or ", "" if setup.dtype == "float32" else "float32 or "))


def _empty(setup: Setup) -> Iterator[str]:
    names = [name_of(setup, given.role) for given in setup.inputs if not given.data.values]
    if names and setup.name != "CTCLoss":
        what = _capital(" and ".join(names)) + (" are" if len(names) > 1 else " is")
        if setup.reduction == "mean" or setup.reduction == "batchmean":
            yield f"{what} empty: the sum of no losses divided by their number is 0 / 0, not a number (NaN); type some elements."
        else:
            yield f"{what} empty, so there is nothing to add up; type some elements."


def _repeated(setup: Setup) -> Iterator[str]:
    if setup.entry.layout not in ("elements", "labels") or setup.name == "GaussianNLLLoss":
        return
    shapes = [given.data.shape for given in setup.inputs]
    both = broadcast(*shapes)
    if both is None or len(set(shapes)) == 1 or not all(given.data.values for given in setup.inputs):
        return
    listed = " and ".join(f"{name_of(setup, given.role)} {shape_text(given.data.shape)}" for given in setup.inputs)
    most = max(len(given.data.values) for given in setup.inputs)
    count = math.prod(both)
    if count > most:
        why = f"every one is compared with every other, {count:,} losses in place of {most:,}"
    else:
        why = f"the smaller one is used again and again, in {count:,} losses"
    yield (f"The shapes differ, {listed}: torch repeats them to {shape_text(both)}, so {why}. Give both the same shape if that is "
           "not meant.")


def _element(setup: Setup, given: Given, at: int) -> str:
    return f"Element {at} of {name_of(setup, given.role)} is {number(given.data.values[at])}"


def _contents(setup: Setup) -> Iterator[str]:
    for item, given in zip(setup.entry.inputs, setup.inputs, strict=True):
        data = given.data
        sentence = ""
        if item.holds == "sign":
            at, _ = first(data, lambda value: math.isfinite(value) and value not in (1.0, -1.0))
            if at >= 0:
                makes = _SIGNS.get(setup.name, "torch does not check it")
                sentence = f"{_element(setup, given, at)}, and this loss knows only the labels 1 and \u22121: {makes}."
        elif item.holds == "log_probability" and setup.name != "CrossEntropyLoss":
            at, _ = first(data, lambda value: math.isfinite(value) and value > 0.0)
            if at >= 0:
                sentence = (f"{_element(setup, given, at)}, which is no logarithm of a probability (those are at most 0): torch "
                            "does not check it. Pass logits through log_softmax first.")
        elif item.holds == "binary" and setup.name != "BCELoss":
            at, _ = first(data, lambda value: math.isfinite(value) and not 0.0 <= value <= 1.0)
            if at >= 0:
                sentence = (f"{_element(setup, given, at)}, and labels go from 0 to 1: torch does not check it, and the loss can "
                            "then fall below 0 without end.")
        elif item.holds == "probability":
            sentence = _probability(setup, given)
        elif item.holds == "count":
            at, _ = first(data, lambda value: math.isfinite(value) and value < 0.0)
            if at >= 0:
                sentence = f"{_element(setup, given, at)}, and no count is negative: torch does not check it."
        elif item.holds == "positive":
            eps = float(setup.arguments["eps"])
            at = next((at for at, value in enumerate(data.values) if 0.0 <= value < eps), -1)
            if at >= 0:
                sentence = (f"{_element(setup, given, at)}, less than eps = {number(eps)}: torch computes with eps in its place, "
                            "and still gives it the gradient of eps.")
        elif item.holds == "symbols":
            blank = setup.arguments["blank"]
            at = data.values.index(blank) if blank in data.values else -1
            if at >= 0:
                sentence = f"{_element(setup, given, at)}, the blank, which stands for no symbol; torch does not check it."
        if sentence:
            yield sentence
    if setup.name == "PoissonNLLLoss" and not setup.arguments["log_input"]:
        given_rate = setup.given("prediction")
        assert given_rate is not None
        eps = float(setup.arguments["eps"])
        at, value = first(given_rate.data, lambda value: value <= -eps)
        if at >= 0:
            said = "is not a number (NaN)" if value < -eps else "is infinite"
            yield (f"{_element(setup, given_rate, at)}, and without log_input it is a rate: its logarithm {said}; make it "
                   "positive, or switch log_input on.")


#: What torch makes of a label that is neither 1 nor -1.
_SIGNS = {
    "HingeEmbeddingLoss": "torch adds both cases up for it",
    "CosineEmbeddingLoss": "torch counts such a pair as 0",
    "MarginRankingLoss": "torch multiplies by it, and at 0 only the margin is left",
    "SoftMarginLoss": "torch multiplies by it, and at 0 the loss is log 2 whatever the prediction",
}


def _probability(setup: Setup, given: Given) -> str:
    values = given.data.values
    if setup.name == "KLDivLoss":
        if setup.arguments["log_target"]:
            at, _ = first(given.data, lambda value: math.isfinite(value) and value > 0.0)
            return "" if at < 0 else (f"{_element(setup, given, at)}, and with log_target it should be the logarithm of a "
                                      "probability, at most 0; torch does not check it.")
        at, _ = first(given.data, lambda value: math.isfinite(value) and value < 0.0)
        return "" if at < 0 else f"{_element(setup, given, at)}, and the logarithm of a negative number is not a number (NaN)."
    target = setup.given("target")
    if setup.name == "BCELoss" and target is not None and len(target.data.values) == len(values):
        clamped = [at for at, (x, y) in enumerate(zip(values, target.data.values, strict=True))
                   if (x == 0.0 and y > 0.0) or (x == 1.0 and y < 1.0)]
        if clamped:
            return (f"{_element(setup, given, clamped[0])}, and the target {number(target.data.values[clamped[0]])}: the logarithm "
                    "of 0 is minus infinite, and torch takes \u2212100 in its place. Keep probabilities inside (0, 1), or use "
                    "BCEWithLogitsLoss.")
    return ""


def _rows_of(data: TensorData) -> Iterator[tuple[int, tuple[float, ...]]]:
    for row in range(data.rows):
        yield row, data.values[row * data.columns : (row + 1) * data.columns]


def _total(values: Iterable[float]) -> float:
    """The exactly rounded sum of finite numbers; infinite where it is larger than any float."""
    kept = tuple(values)
    try:
        return math.fsum(kept)
    except OverflowError:
        return sum(kept)


def _sums(setup: Setup) -> Iterator[str]:
    """Rows that should be distributions and are none; those with values of a wrong kind have a sentence already."""
    for item, given in zip(setup.entry.inputs, setup.inputs, strict=True):
        logs = item.holds == "log_probability" or (setup.name == "KLDivLoss" and bool(setup.arguments["log_target"]))
        chances = item.holds == "class_or_probability" and not reads_indices(setup, item.role)
        if not (logs or chances or (item.holds == "probability" and setup.name == "KLDivLoss")):
            continue
        values = given.data.values
        if not values or not all(math.isfinite(value) and (value <= 0.0 if logs else True) for value in values):
            continue
        for row, part in _rows_of(given.data):
            total = _total(map(math.exp, part)) if logs else _total(part)
            name = name_of(setup, item.role)
            where = f"Row {row} of {name}" if len(given.data.shape) == 2 else _capital(name)
            if not chances and not logs and min(part) < 0.0:
                continue
            if abs(total - 1.0) > _SUM_TOLERANCE:
                if logs:
                    yield (f"{where} holds the logarithms of numbers that add up to {number(total)}, not 1: they are no "
                           "log-probabilities of a whole distribution. log_softmax makes some.")
                elif chances:
                    yield (f"{where} adds up to {number(total)}, not 1: torch takes it as a weight for every class, and the "
                           "smallest loss that it allows is then not the entropy of a distribution.")
                else:
                    yield f"{where} adds up to {number(total)}, not 1: it is no distribution, and the loss can be negative."
                break


def _arguments(setup: Setup) -> Iterator[str]:
    target, arguments = setup.given("target"), setup.arguments
    if target is not None and "ignore_index" in arguments and reads_indices(setup, "target") and target.data.values:
        kept = [value for value in target.data.values if value != arguments["ignore_index"]]
        weight = arguments.get("weight")
        if not kept and setup.reduction == "mean":
            yield "Every row is left out by ignore_index, so the average is 0 / 0, not a number (NaN)."
        elif kept and isinstance(weight, TensorData) and setup.reduction == "mean":
            classes = classes_of(setup)
            total = sum(weight.values[int(value)] for value in kept if 0 <= value < min(classes, len(weight.values)))
            if total == 0.0:
                yield "The weights of the true classes add up to 0, so the weighted average is 0 / 0, not a number (NaN)."
    for name in setup.entry.weights:
        data = arguments.get(name)
        at, value = first(data, lambda value: value < 0.0) if isinstance(data, TensorData) else (-1, 0.0)
        if at >= 0:
            yield f"Element {at} of {name} is {number(value)}: with a negative weight a larger error makes the loss smaller."
    if setup.name == "KLDivLoss" and setup.reduction == "mean":
        yield ("The reduction mean divides by the number of elements; the divergence of mathematics is divided by the number of "
               "rows: choose batchmean.")
    if setup.name == "CTCLoss":
        yield from _alignment(setup)


def _alignment(setup: Setup) -> Iterator[str]:
    target, given = setup.given("target"), setup.given("second")
    if target is None or given is None or not given.data.values:
        return
    symbols = target.data.values
    needed = len(symbols) + sum(a == b for a, b in pairwise(symbols))
    if given.data.values[0] < needed:
        result = "torch makes the loss 0, as zero_infinity asks" if setup.arguments["zero_infinity"] else "the loss is infinite"
        yield (f"The input length is {number(given.data.values[0])}, and the target needs at least {plural(needed, 'moment')} "
               f"(with a blank between equal neighbours): no alignment fits, and {result}.")


def _unexplained(setup: Setup, loss_value: float) -> str:
    said = "not a number (NaN)" if loss_value != loss_value else "infinite"
    wider = "float64" if setup.dtype == "float32" else "float32"
    cure = "choose smaller numbers" if setup.dtype == "float64" else f"choose smaller numbers or the dtype {wider}"
    return f"The loss is {said} although all tensors are finite: something on the way became too large for {setup.dtype}; {cure}."
