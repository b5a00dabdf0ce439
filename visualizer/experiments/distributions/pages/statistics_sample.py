"""A drawn vector for the Statistics page: the first tensor of the page Initialisers, what is said of it, and its code."""

from __future__ import annotations

import math

import torch

from visualizer.base.errors import UserError
from visualizer.base.explanation import Block, Formula, Heading, Number, Numbers, Paragraph, number_text
from visualizer.components.laws import cautions, check, law_of
from visualizer.experiments.distributions import listing, numbers_text
from visualizer.experiments.distributions.drawing import Source
from visualizer.experiments.distributions.numbers_text import MOST_NUMBERS
from visualizer.experiments.distributions.pages.worked import plain
from visualizer.experiments.distributions.requests import InitializerRequest

#: As many numbers are written out, to be read and copied; of more the first half as many.
_WRITTEN = 40
#: Digits after which the next float32 begins; float64 takes more.
_DIGITS = {"float64": 17}


def draw(request: InitializerRequest) -> numbers_text.Numbers:
    """The elements of the first tensor, row by row: those of the page Initialisers with these settings and this seed.

    Raises:
        UserError: the text is no shape, the tensor has too many elements, the initialiser does not take it (in the words of
            the page Initialisers), or an element is infinite.
    """
    chosen, shape = request.chosen, request.shape
    check(chosen.name, chosen.arguments, shape)
    count = math.prod(shape)
    if count > MOST_NUMBERS:
        raise UserError(f"A tensor of this shape has {count:,} numbers; this page takes at most {MOST_NUMBERS:,}. Choose a "
                        "smaller shape; the page Initialisers draws larger ones.")
    source = Source(chosen, shape, 1, request.dtype, request.device, request.seed, request.method)
    first = source.first
    if first is None:  # then there is no tensor that torch.nn.init would fill in reasonable time
        raise UserError("torch.nn.init.trunc_normal_ would redraw its values for seconds here, because almost all of [a, b] is "
                        "improbable. Choose the tail sampler, or an interval with more of the distribution in it.")
    values = first.flatten().to("cpu", torch.float64)
    wrong = (~torch.isfinite(values)).nonzero().flatten().tolist()
    if wrong:
        raise UserError(f"Number {wrong[0] + 1} of this sample is too large for {request.dtype}: the largest is "
                        f"{torch.finfo(getattr(torch, request.dtype)).max:.5g}. Choose another dtype, or smaller values.")
    return numbers_text.Numbers(tuple(values.tolist()), (source.note,) if source.note else ())


def explained(request: InitializerRequest) -> list[Block]:
    """Where a drawn vector comes from, and what the statistics of endlessly many such numbers would be."""
    chosen, shape = request.chosen, request.shape
    law = law_of(chosen.name, chosen.arguments, shape)
    size = f"{shape[0]:,} values" if len(shape) == 1 else " \u00d7 ".join(map(str, shape)) + ", row by row"
    return [
        Heading("The sample"),
        Formula(chosen.entry.formula, "the distribution of one element"),
        Paragraph(f"{chosen.entry.title}, {size}: the first tensor that the page Initialisers draws with these settings and "
                  f"seed {request.seed}."),
        *(Paragraph(sentence) for sentence in cautions(chosen.name, chosen.arguments, shape)),
        Numbers((
            Number("true mean", number_text(law.mean), help="Of the distribution, not of this sample."),
            Number("true variance", number_text(law.variance), help="What the variance with n \u2212 1 finds on average."),
            Number("true std", number_text(law.std), help="Its square root."),
        )),
    ]


def written(request: InitializerRequest, values: tuple[float, ...], count: int) -> str:
    """The first numbers as text that the field of typed numbers reads.

    Args:
        values: of the ``count`` elements the first ones.
    """
    all_of_them = count <= _WRITTEN
    part = values if all_of_them else values[: _WRITTEN // 2]
    listed = ", ".join(plain(value, _DIGITS.get(request.dtype, 9)) for value in part)
    if all_of_them:
        return f"To change a number, copy these into the field of typed numbers: {listed}"
    return f"The first {len(part)} of {count:,}: {listed}, \u2026"


def code(request: InitializerRequest) -> list[str]:
    """Lines that draw the same tensor as ``w``, and its elements in float64 as ``x``."""
    elsewhere = request.device != "cpu"
    return [*listing.drawn(request), f"x = w.{'cpu().' if elsewhere else ''}flatten().double()"]
