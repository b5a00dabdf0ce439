"""Streams of values: counts against numpy's, moments against exact arithmetic, sources against torch's own functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import islice, pairwise

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy import stats

from visualizer.base.errors import UserError
from visualizer.components.initializers import INITIALIZERS, initializer
from visualizer.components.seeding import torch_generator
from visualizer.experiments.distributions import streaming
from visualizer.experiments.distributions.drawing import CHUNK, Source, generator_on
from visualizer.experiments.distributions.requests import Chosen
from visualizer.experiments.distributions.streaming import Summary, chunks, stream, summary

TYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}
INDEPENDENT = [entry.name for entry in INITIALIZERS if entry.elementwise and entry.name not in ("constant", "ones", "zeros")]


def chosen(name: str, **arguments: object) -> Chosen:
    return Chosen(name, tuple((dict(initializer(name).arguments) | arguments).items()))


def drawn(source: Source) -> torch.Tensor:
    return torch.cat([piece.clone() for piece in source.pieces() if piece is not None])


def last(pieces: object, low: float, high: float, bins: int) -> Summary:
    *_, final = stream(pieces, low, high, bins)  # type: ignore[arg-type]
    assert final is not None
    return final


def shape_for(name: str) -> tuple[int, ...]:
    return (4, 3, 3) if initializer(name).least_dimensions == 3 else (4, 3)


# --- the histogram -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("dtype", TYPES.values(), ids=list(TYPES))
@pytest.mark.parametrize(
    ("low", "high", "bins"),
    [(-1.0, 1.0, 10), (-4.0, 4.0, 64), (0.0, 1.0, 7), (-0.3, 0.7, 255), (-0.3, 0.7, 256), (-6.0, 6.0, 500), (-9.0, 9.0, 1),
     (1 - 1e-7, 1 + 3e-7, 10), (1 + 1e-9, 1 + 2e-9, 3)],
)
def test_counts_are_numpys_for_the_edges_that_are_told(low: float, high: float, bins: int, dtype: torch.dtype) -> None:
    values = torch.randn(250_000, generator=torch_generator(5), dtype=torch.float64).to(dtype)
    edges = np.linspace(low, high, bins + 1)
    # Values on all edges and right beside them, where a quick histogram goes wrong.
    on = torch.from_numpy(edges).to(dtype)
    beside = [torch.nextafter(on.float(), torch.tensor(to)).to(dtype) for to in (-math.inf, math.inf)]
    values = torch.cat([values, on, *beside])
    found = summary(values, low, high, bins)
    exact = values.double().numpy()
    assert found.counts.tolist() == np.histogram(exact, found.edges)[0].tolist()
    assert (found.below, found.above) == (int((exact < low).sum()), int((exact > high).sum()))
    assert found.counts.sum() + found.below + found.above == found.count == values.numel()
    assert found.edges == pytest.approx(edges, abs=4e-7 * max(abs(low), abs(high), high - low))
    assert np.all(np.diff(found.edges) >= 0)


@pytest.mark.parametrize("dtype", TYPES.values(), ids=list(TYPES))
def test_a_value_on_the_last_edge_is_in_the_last_bin_and_one_on_an_inner_edge_in_the_bin_above(dtype: torch.dtype) -> None:
    found = summary(torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0], dtype=dtype), -1.0, 1.0, 4)
    assert found.counts.tolist() == [1, 1, 1, 2]
    assert (found.below, found.above) == (0, 0)


@settings(max_examples=60)
@given(
    values=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50), low=st.floats(-1e6, 1e6),
    width=st.floats(1e-6, 1e6), bins=st.integers(1, 300),
)
@example(values=[0.0], low=-0.0, width=1.0, bins=1)
def test_any_histogram_of_any_numbers_is_numpys(values: list[float], low: float, width: float, bins: int) -> None:
    high = low + width
    assume(low < high)
    found = summary(torch.tensor(values, dtype=torch.float32), low, high, bins)
    assert found.counts.tolist() == np.histogram(np.array(values), found.edges)[0].tolist()
    assert found.counts.sum() + found.below + found.above == len(values)


def test_a_bin_counts_beyond_what_float32_can_count() -> None:
    tensor = torch.zeros(100_000)
    found = last((tensor for _ in range(200)), -1.0, 1.0, 3)
    assert found.counts.tolist() == [0, 20_000_000, 0]
    assert 20_000_000 > 2**24


def test_numbers_that_are_none_are_counted_apart() -> None:
    values = torch.tensor([1.0, math.nan, math.inf, 2.0, -math.inf, 3.0])
    found = summary(values, 0.0, 4.0, 4)
    assert (found.count, found.nonfinite, found.counts.sum()) == (6, 3, 3)
    assert (found.mean, found.minimum, found.maximum) == (2.0, 1.0, 3.0)
    nothing = summary(values[1:3], 0.0, 4.0, 4)
    assert nothing.nonfinite == 2
    assert math.isnan(nothing.mean)
    assert math.isnan(nothing.std)
    assert math.isnan(nothing.minimum)


def test_a_histogram_without_bins_or_values_is_refused() -> None:
    with pytest.raises(ValueError, match="needs low < high"):
        summary(torch.ones(1), 1.0, 1.0, 3)
    with pytest.raises(ValueError, match="a bin"):
        summary(torch.ones(1), 0.0, 1.0, 0)
    with pytest.raises(ValueError, match="no values"):
        list(stream(iter(()), 0.0, 1.0, 3))


# --- moments -------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(
    "make",
    [
        lambda z: z, lambda z: 1e6 + z, lambda z: 1000 + 0.5 * z, lambda z: z.exp(), lambda z: (z > 1.2).float(),
        lambda z: 1e-9 * z, lambda z: 1e9 * z, lambda z: z.sort().values + 50, lambda z: (z * 8).round() / 8 - 3e4,
    ],
    ids=["standard", "far from 0", "N(1000, 0.5)", "lognormal", "a coin", "tiny", "huge", "sorted", "on a grid"],
)
def test_moments_are_those_of_exact_arithmetic(make: Callable[[torch.Tensor], torch.Tensor]) -> None:
    values = make(torch.randn(350_000, generator=torch_generator(2)))
    found = summary(values, -3.0, 3.0, 20)
    exact = values.double().numpy()
    n = exact.size
    mean = math.fsum(exact) / n
    away = exact - mean
    m2, m3, m4 = (math.fsum(away**k) / n for k in (2, 3, 4))
    assert found.mean == pytest.approx(mean, rel=1e-9, abs=1e-7 * math.sqrt(m2))
    assert found.variance == pytest.approx(m2, rel=1e-6)
    assert found.std == pytest.approx(math.sqrt(m2), rel=1e-6)
    assert found.variance_bessel == pytest.approx(m2 * n / (n - 1), rel=1e-6)
    assert found.skewness == pytest.approx(m3 / m2**1.5, rel=2e-6, abs=2e-6)
    assert found.kurtosis == pytest.approx(m4 / m2**2 - 3, rel=2e-6, abs=5e-6)
    assert (found.minimum, found.maximum) == (exact.min(), exact.max())


def test_a_long_stream_keeps_its_accuracy() -> None:
    def pieces() -> object:
        return chunks(lambda part: part.normal_(1e6, 1.0, generator=generator), 6_000_000)

    generator = torch_generator(9)
    found = last(pieces(), 1e6 - 5, 1e6 + 5, 50)
    generator = torch_generator(9)
    exact = torch.cat([part.double() for part in pieces()]).numpy()  # type: ignore[attr-defined]
    assert found.mean == pytest.approx(exact.mean(), abs=1e-7)
    assert found.variance == pytest.approx(exact.var(), rel=1e-6)


def test_equal_values_have_no_spread_at_all() -> None:
    found = last((torch.full((70_000,), 0.1) for _ in range(3)), 0.0, 1.0, 10)
    assert (found.std, found.variance, found.variance_bessel) == (0.0, 0.0, 0.0)
    assert found.mean == pytest.approx(torch.tensor(0.1).item(), rel=1e-12)
    assert math.isnan(found.skewness)
    assert math.isnan(summary(torch.ones(1), 0.0, 1.0, 2).variance_bessel)


# --- the stream ----------------------------------------------------------------------------------------------------------

def test_a_stream_pauses_often_shows_what_it_has_and_ends_with_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(streaming, "perf_counter", lambda: 0.004 * next(clock))
    seen = list(stream((torch.ones(1000) for _ in range(100)), 0.0, 2.0, 4))
    shown = [item for item in seen if item is not None]
    assert None in seen
    assert len(shown) > 2
    counts = [item.count for item in shown]
    assert counts == sorted(counts)
    assert counts[-1] == shown[-1].counts.sum() == 100_000
    assert all(item.counts.sum() == item.count for item in shown)


def test_nothing_is_shown_shortly_before_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr(streaming, "perf_counter", lambda: 0.004 * next(clock))

    def shown(pieces: int) -> list[int]:
        values = (torch.ones(1000) for _ in range(pieces))
        return [item.count for item in stream(values, 0.0, 2.0, 4, pieces * 1000) if item is not None]

    assert shown(12) == [12_000]  # about 60 ms in all: a moved slider would cut it short after the first part
    long = shown(300)
    assert len(long) > 4
    assert 200_000 < long[-2] < 300_000 - 5 * 1000
    assert long[-1] == 300_000
    between = [b - a for a, b in pairwise(long[:-1])]
    assert between[0] < between[-1]  # what has gone on for long is shown less often


def test_the_result_does_not_depend_on_where_the_steps_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> Summary:
        return last(Source(chosen("xavier_normal"), (4, 3), 500_000, seed=3).pieces(), -2.0, 2.0, 30)

    whole = run()
    monkeypatch.setattr(streaming, "_STEP", 0.0)
    torn = run()
    assert whole.counts.tolist() == torn.counts.tolist()
    assert (whole.mean, whole.std, whole.kurtosis) == (torn.mean, torn.std, torn.kurtosis)


def test_summaries_cannot_be_written_to() -> None:
    found = summary(torch.ones(3), 0.0, 2.0, 2)
    assert not found.counts.flags.writeable
    assert not found.edges.flags.writeable
    assert found.counts.dtype == np.int64


# --- sources -------------------------------------------------------------------------------------------------------------

@settings(max_examples=60)
@given(data=st.data(), name=st.sampled_from([entry.name for entry in INITIALIZERS]), dtype=st.sampled_from(sorted(TYPES)),
       count=st.integers(1, 30_000), seed=st.integers(0, 2**63 - 1))
def test_counts_add_up_to_whole_tensors(data: st.DataObject, name: str, dtype: str, count: int, seed: int) -> None:
    entry = initializer(name)
    shape = tuple(data.draw(st.lists(
        st.integers(1, 12), min_size=entry.least_dimensions, max_size=min(4, entry.most_dimensions))))
    source = Source(chosen(name), shape, count, dtype, seed=seed)
    before = torch.get_rng_state()
    found = last(source.pieces(), -0.5, 0.9, 37)
    assert torch.equal(before, torch.get_rng_state())
    assert found.count == source.total == max(1, math.ceil(count / math.prod(shape))) * math.prod(shape)
    assert found.counts.sum() + found.below + found.above + found.nonfinite == found.count
    assert torch.equal(drawn(source)[:0], torch.empty(0, dtype=TYPES[dtype]))


@pytest.mark.parametrize("name", [entry.name for entry in INITIALIZERS])
def test_the_first_tensor_is_torchs_own_and_begins_the_sample(name: str) -> None:
    source = Source(chosen(name), shape_for(name), 1000, seed=11)
    expected = torch.empty(shape_for(name))
    initializer(name).fill(expected, chosen(name).arguments, torch_generator(11))
    assert source.first is not None
    assert torch.equal(source.first, expected)
    assert torch.equal(drawn(source)[: expected.numel()], expected.view(-1))


@pytest.mark.parametrize("name", [entry.name for entry in INITIALIZERS])
def test_same_seed_same_values(name: str) -> None:
    one, two = (drawn(Source(chosen(name), shape_for(name), 20_000, seed=11)) for _ in range(2))
    assert torch.equal(one, two)
    if name in INDEPENDENT:
        assert not torch.equal(one, drawn(Source(chosen(name), shape_for(name), 20_000, seed=12)))


@pytest.mark.parametrize("name", [*INDEPENDENT, "orthogonal", "sparse"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_many_small_tensors_have_the_distribution_of_torchs_own(name: str, dtype: str) -> None:
    arguments = {"sparsity": 0.4} if name == "sparse" else {}
    rows = drawn(Source(chosen(name, **arguments), (4, 3), 60_000, dtype, seed=5)).view(-1, 12)
    generator = torch_generator(6)
    own = torch.stack([
        initializer(name).fill(torch.empty(4, 3, dtype=TYPES[dtype]), chosen(name, **arguments).arguments, generator)
        for _ in range(3000)
    ]).view(-1, 12)
    # One value of each tensor: independent also where the values of a tensor are not.
    for place in (0, 7):
        assert stats.ks_2samp(rows[:, place].numpy(), own[:, place].numpy()).pvalue > 1e-4


def test_tensors_of_a_batch_keep_the_structure_that_torch_gives_them() -> None:
    for shape in ((3, 5), (5, 3)):
        tensors = drawn(Source(chosen("orthogonal", gain=2.0), shape, 1500, "float64", seed=1)).view(-1, *shape)
        if shape[0] > shape[1]:
            tensors = tensors.mT
        product = tensors @ tensors.mT
        assert torch.allclose(product, 4.0 * torch.eye(3, dtype=torch.float64).expand_as(product), atol=1e-12)
    zeros = (drawn(Source(chosen("sparse", sparsity=0.4), (4, 3), 1200, seed=1)).view(-1, 4, 3) == 0).sum(dim=1)
    assert torch.all(zeros == math.ceil(0.4 * 4))
    eyes = drawn(Source(chosen("eye"), (4, 3), 120_000, seed=1)).view(-1, 4, 3)
    assert torch.equal(eyes, torch.eye(4, 3).expand_as(eyes))


@pytest.mark.parametrize(("a", "b"), [(-2.0, 2.0), (6.0, 7.0), (0.5, 1.5)])
@pytest.mark.parametrize("method", ["torch", "tail"])
def test_a_truncated_normal_is_right_by_both_methods_and_torch_does_not_warn(a: float, b: float, method: str) -> None:
    source = Source(chosen("trunc_normal", a=a, b=b), (30,), 20_000, seed=2, method=method)
    assert stats.kstest(drawn(source).double().numpy(), stats.truncnorm(a, b).cdf).pvalue > 1e-4


def test_values_of_a_huge_tensor_come_in_pieces() -> None:
    source = Source(chosen("xavier_uniform"), (2048, 1024), 10, seed=2)
    assert source.first is None
    sizes = [piece.numel() for piece in source.pieces() if piece is not None]
    assert sum(sizes) == source.total == 2**21
    assert max(sizes) == CHUNK
    bound = math.sqrt(6 / 3072)
    found = last(source.pieces(), -bound, bound, 10)
    assert (found.below, found.above) == (0, 0)
    assert found.std == pytest.approx(bound / math.sqrt(3), rel=0.005)


def test_a_billion_values_are_begun_at_once_and_in_little_memory() -> None:
    source = Source(chosen("xavier_normal"), (4, 3), 1_000_000_000, seed=2)
    assert source.total == 1_000_000_008
    addresses = {piece.data_ptr() for piece in islice(source.pieces(), 1, 100) if piece is not None}
    assert len(addresses) <= 4  # reused buffers of two threads


def test_a_half_type_is_drawn_by_torch_where_it_can_and_else_rounded_and_told() -> None:
    plain, rounded = (Source(chosen(name), (4, 3), 24, "float16", seed=2) for name in ("normal", "orthogonal"))
    assert drawn(plain).dtype == drawn(rounded).dtype == torch.float16
    assert plain.note == ""
    assert rounded.note == "torch cannot draw this in float16: it was drawn in float32 and rounded."


@pytest.mark.parametrize(
    ("name", "shape", "arguments", "words"),
    [
        ("xavier_uniform", (5,), {}, "fewer than 2 dimensions"), ("dirac", (4, 3), {}, "3, 4, or 5 dimensions"),
        ("eye", (2, 2, 2), {}, "2 dimensions"), ("uniform", (5,), {"a": 2.0, "b": 1.0}, "uniform_"),
        ("normal", (2048, 1024), {"std": -1.0}, "normal"), ("dirac", (4, 3, 3), {"groups": 3}, "divisible by groups"),
        ("trunc_normal", (5,), {"a": 2.0, "b": 1.0}, "uniform_"),
        ("trunc_normal", (5,), {"a": 2.0, "b": 1e6}, "Choose the tail sampler"),
    ],
)
def test_what_torch_does_not_take_is_said_in_a_sentence(
    name: str, shape: tuple[int, ...], arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(UserError, match=words) as raised:
        list(Source(chosen(name, **arguments), shape, 10).pieces())
    assert raised.value.sentence.endswith(".")


def test_the_tail_method_takes_what_torch_would_take_for_ever() -> None:
    source = Source(chosen("trunc_normal", a=2.0, b=1e6), (5,), 20_000, seed=1, method="tail")
    assert stats.kstest(drawn(source).double().numpy(), stats.truncnorm(2.0, 1e6).cdf).pvalue > 1e-4


def test_a_device_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA device"):
        generator_on("cuda", 1)
    with pytest.raises(UserError, match="no float64"):
        Source(chosen("normal"), (3,), 10, "float64", "mps")
