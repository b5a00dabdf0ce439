"""A sample of an initialiser as it grows: its moments and histogram, its first values, its first tensor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visualizer.components.families import Orthogonal
from visualizer.components.laws import Law
from visualizer.experiments.distributions.drawing import Source
from visualizer.experiments.distributions.fit import KEPT, Fit, chi_squared, kolmogorov_smirnov
from visualizer.experiments.distributions.requests import InitializerRequest
from visualizer.experiments.distributions.streaming import Summary, stream
from visualizer.figures.model import readonly

Floats = NDArray[np.float64]

_FEWEST_BINS, _MOST_BINS = 6, 200
#: Rows and columns of the first tensor that are drawn; more would be finer than a screen.
_DRAWN = 256
#: The largest side of a matrix whose singular values are computed (some 5 ms).
_DECOMPOSED = 192
#: In this part of all samples some values of an unbounded law lie outside of the histogram.
_RARE = 1e-3
#: A bound of the law is an edge of the histogram if it is as near as that to nearly all values, compared to their range.
_NEAR = 0.5
#: Points of the quantile picture.
_QUANTILES = 400


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample so far.

    Attributes:
        summary: count, moments and histogram of all values so far.
        kept: the first values, sorted, at most 10,000.
        whole: whether ``kept`` is the whole sample.
        quantiles: some of ``kept`` for a picture, and ``shares`` in (0, 1), the part of ``kept`` below each of them.
        matrix: the upper left part of the first tensor as a matrix (sizes after the first joined), shape at most 256 x 256.
        matrix_shape: of the whole first tensor as a matrix.
        singular: its singular values, falling; None where ``no_singular`` says why.
        fit: the test of goodness of fit; None where it means nothing.
        progress: part of the values that has been drawn.
        note: how the values were drawn, where that is not as wished.
    """

    summary: Summary
    kept: Floats
    whole: bool
    quantiles: Floats
    shares: Floats
    matrix: Floats
    matrix_shape: tuple[int, int]
    singular: Floats | None
    no_singular: str
    fit: Fit | None
    progress: float
    note: str


def edges_of(law: Law, count: int, bins: int | None, dtype: torch.dtype = torch.float32) -> tuple[float, float, int]:
    """Lowest and highest edge of the histogram, and its number of bins.

    The edges are the bounds of the law, as the dtype holds them; where a bound is far from nearly all values, or there is
    none, they hold all values but some in one of a thousand samples. The automatic number of bins follows Freedman and
    Diaconis (1981): bins of 2 IQR / n^(1/3).
    """
    outside = 0.5 * _RARE / count
    low, high = (float(at) for at in law.quantile(np.array([outside, 1.0 - outside])))
    if law.atoms:
        low, high = min(low, law.atoms[0][0]), max(high, law.atoms[-1][0])
    near = _NEAR * (high - low)
    if low - law.support[0] <= near:
        low = law.support[0]
    if law.support[1] - high <= near:
        high = law.support[1]
    reach = high - low
    if not reach > 1e-9 * max(abs(low), abs(high)):
        room = 0.5 * abs(low) or 0.5
        return low - room, high + room, bins or 21
    if law.atoms:
        low, high = low - 0.06 * reach, high + 0.06 * reach
    if bins is None:
        first, third = law.quantile(np.array([0.25, 0.75]))
        width = 2.0 * float(third - first) / count ** (1.0 / 3.0)
        wanted = (high - low) / width if width > 0.0 else 41.0
        bins = int(min(_MOST_BINS, max(_FEWEST_BINS, math.ceil(wanted))))
        if law.atoms:
            bins |= 1  # an atom in the middle falls into the middle of a bar
    # The values of a bounded law are rounded at most to its rounded bounds; a decomposition of a matrix errs by a little more.
    exact = not isinstance(law, Orthogonal)
    return *_rounded(low, high, dtype, 0.0 if exact else 4.0 * torch.finfo(torch.float32).eps * reach), bins


def _rounded(low: float, high: float, dtype: torch.dtype, room: float) -> tuple[float, float]:
    """These edges, moved outwards to where values may be that are rounded to the dtype after and while they are computed."""
    ends = torch.tensor([low - room, high + room], dtype=torch.float64).to(dtype)
    # Uniform values are low + u (high - low), with the difference rounded, too.
    below = (low, low - room, float(ends[0]))
    above = (high, high + room, float(ends[1]), float(ends[0] + (ends[1] - ends[0])))
    return min(filter(math.isfinite, below)), max(filter(math.isfinite, above))


def samples(request: InitializerRequest, law: Law) -> Iterator[Sample | None]:
    """The sample, each time larger; None between.

    Raises:
        UserError: torch has no such device, or does not take shape or arguments.
    """
    source = Source(request.chosen, request.shape, request.count, request.dtype, request.device, request.seed, request.method)
    head: list[torch.Tensor] = []
    missing = min(KEPT, source.total)

    def watched() -> Iterator[torch.Tensor | None]:
        nonlocal missing
        for piece in source.pieces():
            if missing and piece is not None:
                head.append(piece[:missing].to("cpu", torch.float64, copy=True))
                missing -= head[-1].numel()
            yield piece

    low, high, bins = edges_of(law, source.total, request.bins, source.dtype)
    matrix: Floats | None = None
    shape = (request.shape[0], source.numel // request.shape[0]) if len(request.shape) > 1 else (1, source.numel)
    singular, why = None, ""
    kept = quantiles = shares = readonly(np.empty(0))
    for summary in stream(watched(), low, high, bins, source.total):
        if summary is None:
            yield None
            continue
        if matrix is None:
            matrix = _matrix(source, head, shape)
            singular, why = _singular(source, shape, len(request.shape))
        if kept.size < KEPT and summary.count > kept.size:
            kept, quantiles, shares = _first(head)
        whole = source.total <= KEPT
        final = summary.count == source.total
        yield Sample(
            summary=summary, kept=kept, whole=whole, quantiles=quantiles, shares=shares, matrix=matrix,
            matrix_shape=shape, singular=singular, no_singular=why, fit=_fit(request, law, summary, kept, whole) if final else None,
            progress=summary.count / source.total, note=source.note,
        )


def _first(head: list[torch.Tensor]) -> tuple[Floats, Floats, Floats]:
    """The first values sorted, some of them for a picture, and the part of them below each of those."""
    kept = np.sort(torch.cat(head).numpy())
    kept = kept[np.isfinite(kept)]
    at = np.unique(np.linspace(0, max(0, kept.size - 1), _QUANTILES).astype(np.int64)) if kept.size else np.empty(0, np.int64)
    return readonly(kept), readonly(kept[at]), readonly((at + 0.5) / max(1, kept.size))


def _fit(request: InitializerRequest, law: Law, summary: Summary, kept: Floats, whole: bool) -> Fit | None:
    independent = request.chosen.entry.elementwise
    if not independent or law.atoms or not law.std > 0.0 or summary.nonfinite or summary.count < 2:
        return None
    if whole:
        return kolmogorov_smirnov(kept, law)
    return chi_squared(summary.counts, summary.below, summary.above, summary.edges, law)


def _matrix(source: Source, head: list[torch.Tensor], shape: tuple[int, int]) -> Floats:
    rows, columns = min(shape[0], _DRAWN), min(shape[1], _DRAWN)
    first = source.first
    if first is not None:
        return readonly(first.reshape(shape)[:rows, :columns].to("cpu", torch.float64).numpy().copy())
    # Only its beginning was kept: whole rows, or a part of the first one.
    known = torch.cat(head)
    if known.numel() < shape[1]:
        return readonly(known[:columns].reshape(1, -1).numpy().copy())
    full = min(rows, known.numel() // shape[1])
    return readonly(known[: full * shape[1]].reshape(full, shape[1])[:, :columns].numpy().copy())


def _singular(source: Source, shape: tuple[int, int], dimensions: int) -> tuple[Floats | None, str]:
    if dimensions < 2:
        return None, "A vector has none; choose a shape with two sizes, such as 4x3."
    first = source.first
    if first is None or min(shape) > _DECOMPOSED or max(shape) > 20 * _DECOMPOSED:
        return None, f"Computed for matrices with a side of at most {_DECOMPOSED}."
    values = first.reshape(shape).to("cpu", torch.float64)
    if not torch.isfinite(values).all():
        return None, "Some values are infinite or not a number."
    return readonly(torch.linalg.svdvals(values).numpy().copy()), ""
