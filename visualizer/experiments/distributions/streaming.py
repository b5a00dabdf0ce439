"""Histogram and moments of up to a billion values in one pass, in bounded memory, exact counts.

The histogram's rule is numpy's: the first bin holds ``edges[0] <= x < edges[1]``, the last one its upper edge, too. The bin
of a value is found in the values' own precision (float32 for the half types), which is several times quicker than float64
but may put a value right beside an edge of ``linspace(low, high)`` on its other side. So the edges are adjusted, not the
counts: where the arithmetic and ``linspace`` disagree, the edge in :attr:`Summary.edges` is moved by the few units in the
last place that make it right. Counts therefore equal ``numpy.histogram(x.double(), edges)`` for every value of the dtype.

Moments: each chunk is shifted by a number near its mean (exact in floating point where it matters: for a mean much larger
than the spread), its power sums are taken by torch's cascade summation, and chunks are merged in float64 by the formulas of
Chan, Golub and LeVeque (1979) and Pebay (Sandia report SAND2008-6212, 2008) for third and fourth moments.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visualizer.experiments.distributions.blocks import in_turn
from visualizer.experiments.distributions.drawing import CHUNK, GPU_CHUNK, Source
from visualizer.experiments.distributions.tail import tail_normal_
from visualizer.figures.model import readonly

__all__ = ["Source", "Summary", "chunks", "stream", "summary", "tail_normal_"]

#: Seconds of one step, and between two summaries, first and later; and how near the end has to be for nothing to be shown
#: before it: a run that has shown something gives way to the next move of a slider. Results do not depend on them.
_STEP, _EVERY, _SELDOM, _SOON = 0.006, 0.030, 0.100, 0.060


@dataclass(frozen=True, eq=False)
class Summary:
    """What is known of the values so far. Moments are those of the finite values; NaN where there are too few.

    Attributes:
        count: of all values, the finite and the others.
        mean, variance, std: with n; variance_bessel with n - 1.
        skewness, kurtosis: standardised third and fourth central moment, the latter minus 3; NaN without any spread.
        minimum, maximum: of the finite values.
        nonfinite: how many are NaN or infinite.
        edges: of the bins, shape (bins + 1,), float64, read-only.
        counts: in the bins, shape (bins,), int64, read-only; with below, above and nonfinite they add up to count.
        below, above: how many finite values lie outside the edges.
    """

    count: int
    mean: float
    variance: float
    variance_bessel: float
    std: float
    skewness: float
    kurtosis: float
    minimum: float
    maximum: float
    nonfinite: int
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    below: int
    above: int


def chunks(draw: Callable[[Tensor], object], count: int, chunk: int = CHUNK, dtype: torch.dtype = torch.float32,
           device: str = "cpu") -> Iterator[Tensor]:
    """``count`` values in one reused buffer of at most ``chunk``, filled in place by ``draw``; for :func:`stream`."""
    return in_turn(lambda part, _: draw(part), lambda size: torch.empty(size, dtype=dtype, device=device), count, chunk)


def stream(
    pieces: Iterable[Tensor | None], low: float, high: float, bins: int, count: int | None = None
) -> Iterator[Summary | None]:
    """Histogram and moments of all pieces, in steps of some milliseconds.

    Args:
        pieces: flat tensors of one dtype on one device, such as :meth:`Source.pieces` or :func:`chunks`; they are read
            before the next one is asked for, and None stands for one that is not there yet. A generator is closed at the
            end, whichever it is.
        low, high, bins: equal bins between them, as finely as the dtype can tell.
        count: of all values, if it is known.

    Yields:
        None, and every 30 to 100 ms a summary of the values so far, unless the end is so near that the whole can be waited
        for; the last one is of all.

    Raises:
        ValueError: there is no bin, low is not below high, or there is no value.
    """
    if bins < 1 or not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"a histogram needs low < high and a bin, not {bins} in [{low}, {high}]")
    with ExitStack() as ending:
        if isinstance(pieces, Generator):  # it may have a thread that draws
            ending.callback(pieces.close)
        yield from _steps(pieces, low, high, bins, math.inf if count is None else count)


def _steps(pieces: Iterable[Tensor | None], low: float, high: float, bins: int, count: float) -> Iterator[Summary | None]:
    gathered: _Gathered | None = None
    began = started = shown = perf_counter()
    for piece in pieces:
        if piece is None:
            yield None
            started = perf_counter()
            continue
        if gathered is None:
            gathered = _Gathered(piece, low, high, bins)
        for at in range(0, piece.numel(), gathered.chunk):
            gathered.add(piece[at : at + gathered.chunk])
            now = perf_counter()
            if now - started > _STEP:
                to_come = (now - began) * (count / gathered.count - 1.0)
                # The longer it has taken, the less is new in another picture.
                if now - shown > min(_SELDOM, max(_EVERY, 0.05 * (now - began))) and to_come > _SOON:
                    yield gathered.summary()
                    shown = perf_counter()
                else:
                    yield None
                started = perf_counter()
    if gathered is None:
        raise ValueError("there are no values")
    yield gathered.summary()


def summary(values: Tensor, low: float, high: float, bins: int) -> Summary:
    """The summary of values that exist already."""
    *_, last = stream((values.reshape(-1),), low, high, bins)
    assert last is not None
    return last


@dataclass
class _Moments:
    """Number, mean, and sums of the powers 2 to 4 of the deviations from the mean."""

    n: int = 0
    mean: float = 0.0
    m2: float = 0.0
    m3: float = 0.0
    m4: float = 0.0

    def merge(self, other: _Moments) -> None:
        if not other.n:
            return
        a, b = float(self.n), float(other.n)
        n = a + b
        delta = other.mean - self.mean
        step = delta / n
        square = delta * step * a * b
        self.m4 += (other.m4 + square * step * step * (a * a - a * b + b * b)
                    + 6.0 * step * step * (a * a * other.m2 + b * b * self.m2) + 4.0 * step * (a * other.m3 - b * self.m3))
        self.m3 += other.m3 + square * step * (a - b) + 3.0 * step * (a * other.m2 - b * self.m2)
        self.m2 += other.m2 + square
        self.mean += step * b
        self.n += other.n


def _about(n: int, shift: float, s1: float, s2: float, s3: float, s4: float) -> _Moments:
    """Central moments from power sums about a shift near the mean."""
    d = s1 / n
    return _Moments(
        n, shift + d, max(0.0, s2 - n * d * d), s3 - 3.0 * d * s2 + 2.0 * n * d**3,
        max(0.0, s4 - 4.0 * d * s3 + 6.0 * d * d * s2 - 3.0 * n * d**4),
    )


def _exact_moments(values: Tensor) -> _Moments:
    """Two passes in float64."""
    wide = values.double()
    mean = wide.mean()
    mean += (wide - mean).mean()
    wide = wide - mean
    square = wide * wide
    return _about(wide.numel(), mean.item(), *torch.stack(
        [wide.sum(), square.sum(), (square * wide).sum(), (square * square).sum()]
    ).tolist())


class _Gathered:
    """All that one pass has found so far, and the buffers that it works in.

    Attributes:
        chunk: how many values :meth:`add` takes at most.
        count: of the values so far.
    """

    def __init__(self, like: Tensor, low: float, high: float, bins: int) -> None:
        gpu = like.device.type != "cpu"
        self.chunk = GPU_CHUNK if gpu else CHUNK
        # The type that is worked in: it holds the values exactly. MPS has no float64.
        self._work = torch.float64 if like.dtype == torch.float64 else torch.float32
        # uint8 halves the time of bincount; one number more than there are bins is needed, for the last edge.
        self._index_type = torch.uint8 if bins <= 255 else torch.int32
        self._allocate(max(1, min(self.chunk, like.numel())), like.device)
        self._bins = bins
        self._grid = _Grid(low, high, bins, self._work)
        self._counts = torch.zeros(bins + 1, dtype=torch.int64, device=like.device)
        self._below = self._above = self._nonfinite = self.count = 0
        self._moments = _Moments()
        self._minimum, self._maximum = math.inf, -math.inf

    def _allocate(self, size: int, device: torch.device) -> None:
        self._places = torch.empty(size, dtype=self._work, device=device)
        self._powers = torch.empty(size, dtype=self._work, device=device)
        self._index = torch.empty(size, dtype=self._index_type, device=device)

    def add(self, values: Tensor) -> None:
        """Take in up to ``chunk`` values."""
        n = values.numel()
        self.count += n
        if n > self._places.numel():
            self._allocate(self.chunk, values.device)
        if values.dtype != self._work:
            values = values.to(self._work)
        least, most = torch.stack(torch.aminmax(values)).tolist()
        if not (math.isfinite(least) and math.isfinite(most)):  # aminmax passes NaN on
            values = values[torch.isfinite(values)]
            self._nonfinite += n - values.numel()
            n = values.numel()
            if not n:
                return
            least, most = torch.stack(torch.aminmax(values)).tolist()
        self._minimum, self._maximum = min(self._minimum, least), max(self._maximum, most)
        self._moments.merge(self._moments_of(values, least, most))
        self._bin(values, least, most)

    def _moments_of(self, values: Tensor, least: float, most: float) -> _Moments:
        n = values.numel()
        if least == most:
            return _Moments(n, least)
        if not self._moments.n:
            return _exact_moments(values) if values.device.type != "mps" else _exact_moments(values.cpu())
        shift = float(np.float32(self._moments.mean))
        away, power = self._places[:n], self._powers[:n]
        torch.sub(values, shift, out=away)
        torch.mul(away, away, out=power)
        s1, s2 = away.sum(), power.sum()
        away.mul_(power)
        power.mul_(power)  # torch.dot would save a pass, but adds up one after the other: errors of 1e-5 for equal values
        sums = torch.stack([s1, s2, away.sum(), power.sum()]).tolist()
        first, second, _, fourth = (total / n for total in sums)
        # A shift far from this chunk's mean would lose digits, and fourth powers may leave the range of float32.
        if not all(map(math.isfinite, sums)) or first * first > 4.0 * (second - first * first) or fourth < 1e-30:
            return _exact_moments(values.cpu())
        return _about(n, shift, *sums)

    def _bin(self, values: Tensor, least: float, most: float) -> None:
        grid, n = self._grid, values.numel()
        if grid.first > grid.last:  # the interval lies between two neighbouring numbers of the dtype
            below = int((values < grid.first).sum())
            self._below += below
            self._above += n - below
            return
        places, index = self._places[:n], self._index[:n]
        grid.place(values, places)
        below = above = 0
        if least < grid.first:
            below = int((values < grid.first).sum())
        if most > grid.last:
            above = int((values > grid.last).sum())
        if below or above:
            places.clamp_(0.0, self._bins)
        # Straight from floating point to uint8 is not vectorised: by way of int32 it takes less than half of the time.
        whole = self._powers[:n].view(torch.int32) if self._work == torch.float32 else places
        if whole is not places:
            whole.copy_(places)
        index.copy_(whole)
        self._counts += torch.bincount(index, minlength=self._bins + 1)
        if below:
            self._counts[0] -= below
            self._below += below
        if above:
            self._counts[self._bins] -= above
            self._above += above

    def summary(self) -> Summary:
        cells = self._counts.tolist()
        counts = np.array([*cells[:-2], cells[-2] + cells[-1]], dtype=np.int64)  # the last bin includes its upper edge
        counts.flags.writeable = False
        m, nan = self._moments, math.nan
        n = m.n
        spread = n > 0 and self._minimum < self._maximum
        variance = (m.m2 / n if spread else 0.0) if n else nan
        shaped = spread and variance > 0.0
        return Summary(
            count=self.count, mean=m.mean if n else nan, variance=variance,
            variance_bessel=variance * n / (n - 1) if n > 1 else nan, std=math.sqrt(variance),
            skewness=m.m3 / n / variance**1.5 if shaped else nan, kurtosis=m.m4 / n / variance**2 - 3.0 if shaped else nan,
            minimum=self._minimum if n else nan, maximum=self._maximum if n else nan, nonfinite=self._nonfinite,
            edges=self._grid.edges, counts=counts, below=self._below, above=self._above,
        )


class _Grid:
    """Equal bins in one precision.

    Attributes:
        first, last: the least and the largest number of the dtype between low and high.
        edges: those between which numpy puts every number of the dtype into the bin that :meth:`place` finds.
    """

    def __init__(self, low: float, high: float, bins: int, dtype: torch.dtype) -> None:
        kind = np.float64 if dtype == torch.float64 else np.float32
        first, last = kind(low), kind(high)
        self.first = float(first if float(first) >= low else np.nextafter(first, kind(np.inf)))
        self.last = float(last if float(last) <= high else np.nextafter(last, kind(-np.inf)))
        self._scale = float(kind(bins / (high - low)))
        wanted = np.linspace(low, high, bins + 1)
        if self.first <= self.last:
            wanted[1:-1] = self._adjusted(wanted[1:-1], kind)
        self.edges = readonly(np.maximum.accumulate(wanted))

    def place(self, values: Tensor, out: Tensor) -> None:
        """Where in the row of bins each value lies: the integer part is its bin. Two separately rounded steps, so that it
        rises with the value, and is the same number whichever instructions of the processor are used."""
        torch.sub(values, self.first, out=out)
        out.mul_(self._scale)

    def _placed(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """The same of a few values, in numpy: the same two steps of IEEE arithmetic."""
        kind = values.dtype.type
        with np.errstate(over="ignore"):
            placed: NDArray[np.floating] = (values - kind(self.first)) * kind(self._scale)
        return placed

    def _adjusted(self, wanted: NDArray[np.float64], kind: type[np.floating]) -> NDArray[np.float64]:
        """For each inner edge: itself, if that tells apart what :meth:`place` tells apart, or else the nearest that does."""
        bits = np.int64 if kind is np.float64 else np.int32
        number = np.arange(1, wanted.size + 1)

        def value(key: NDArray[np.int64]) -> NDArray[np.floating]:
            """Numbers in their order: negative ones count backwards in their bits."""
            lowest = np.iinfo(bits).min
            return np.where(key >= 0, key, lowest - key).astype(bits).view(kind)

        def key_of(x: float) -> int:
            raw = int(np.array([x], dtype=kind).view(bits)[0])
            return raw if raw >= 0 else int(np.iinfo(bits).min) - raw

        # Bisection for the last number that lies before bin i, and the first that does not.
        before = np.full(wanted.size, key_of(self.first) - 1, dtype=np.int64)
        behind = np.full(wanted.size, key_of(self.last) + 1, dtype=np.int64)
        while np.any(before + 1 < behind):
            middle = (before >> 1) + (behind >> 1) + (before & behind & 1)  # their sum may not fit in 64 bits
            reached = self._placed(value(middle)) >= number
            before, behind = np.where(reached, before, middle), np.where(reached, middle, behind)
        last_before, first_behind = value(before).astype(np.float64), value(behind).astype(np.float64)
        good = (last_before < wanted) & (wanted <= first_behind)
        nearest = np.where(wanted <= last_before, np.nextafter(last_before, np.inf), first_behind)
        adjusted: NDArray[np.float64] = np.where(good, wanted, nearest)
        return adjusted
