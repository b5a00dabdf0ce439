"""Previews of tensors of every kind, against torch's own statistics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.overrides import TorchFunctionMode

from visualizer.experiments.graph.model import Preview
from visualizer.experiments.graph.preview_batch import Batch
from visualizer.experiments.graph.previews import LARGEST_SAMPLE, SMALLEST_SAMPLE, Storages, budget, preview, preview_in_pieces


def plain(tensor: Tensor) -> dict[str, float]:
    """Statistics over the finite elements by numpy, in float64; the norm over all."""
    flat = (tensor.detach().abs() if tensor.is_complex() else tensor.detach()).to(torch.float64).reshape(-1).numpy()
    finite = flat[np.isfinite(flat)]
    return {
        "minimum": float(finite.min()), "maximum": float(finite.max()), "mean": float(finite.mean()),
        "deviation": float(finite.std()),
        "norm": float(np.linalg.norm(flat)),
    }


def agrees(found: Preview, tensor: Tensor) -> None:
    for name, value in plain(tensor).items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-12, abs=1e-13, nan_ok=True), name


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (2, 3, 4), (70, 80), (1000, 600), (3, 400, 500)])
@pytest.mark.parametrize("most", [16, 100, 1024])
def test_statistics_are_of_all_elements_whatever_the_sample(shape: tuple[int, ...], most: int) -> None:
    tensor = torch.randn(shape, generator=torch.Generator().manual_seed(1)) + 3.0
    found = preview(tensor, most)
    agrees(found, tensor)
    assert found.type == (shape, "float32")
    assert found.bytes == tensor.numel() * 4
    assert found.sample.size <= most
    assert found.complete == (tensor.numel() <= most)
    assert not found.sample.flags.writeable


@given(st.lists(st.integers(0, 40), max_size=4).filter(lambda shape: math.prod(shape) < 20_000), st.integers(1, 300),
       st.permutations(range(4)), st.booleans())
def test_a_sample_is_every_so_many_rows_and_columns_of_the_matrix(
    shape: list[int], most: int, order: list[int], expanded: bool,
) -> None:
    tensor = torch.arange(math.prod(shape), dtype=torch.float64).reshape(shape)
    if shape and all(shape):
        tensor = tensor.permute([axis for axis in order if axis < len(shape)])
    if expanded:
        tensor = tensor.expand(2, *tensor.shape)
    found = preview(tensor, most)
    columns = tensor.shape[-1] if tensor.dim() else 1
    matrix = tensor.reshape(math.prod(tensor.shape[:-1]), columns).numpy()
    down, across = found.strides
    np.testing.assert_array_equal(found.sample, matrix[::down, ::across])
    assert found.sample.size <= max(most, 0) or not matrix.size
    if tensor.numel():
        agrees(found, tensor)


def test_a_sample_uses_most_of_what_it_may() -> None:
    for shape in ((100_000,), (1000, 1000), (10, 100_000), (100_000, 3), (64, 3, 224, 224)):
        assert preview(torch.zeros(()).expand(shape), 1024).sample.size > 400


def test_nan_and_infinities_are_counted_and_left_out_of_the_statistics() -> None:
    tensor = torch.tensor([1.0, math.nan, 3.0, math.inf, -math.inf, math.nan, math.nan])
    for repeat in (1, 100_000):
        found = preview(tensor.repeat(repeat), 64)
        assert (found.nans, found.infinities) == (3 * repeat, 2 * repeat)
        assert (found.minimum, found.maximum, found.mean, found.deviation) == (1.0, 3.0, 2.0, pytest.approx(1.0))
        assert math.isnan(found.norm)
    assert preview(torch.tensor([1.0, -math.inf]), 4).norm == math.inf


def test_without_a_finite_element_there_are_no_statistics() -> None:
    found = preview(torch.tensor([math.nan, math.inf]), 4)
    assert math.isnan(found.minimum)
    assert math.isnan(found.mean)
    assert (found.nans, found.infinities) == (1, 1)


@pytest.mark.parametrize("scale", [1e300, 1e-300, 1e-320, 0.0])
@pytest.mark.parametrize("count", [4, 600_000])
def test_the_squares_of_extreme_numbers_do_not_overflow(scale: float, count: int) -> None:
    tensor = torch.tensor([3.0, 4.0], dtype=torch.float64).repeat(count // 2) * scale
    found = preview(tensor, 16)
    norm = 5.0 * math.sqrt(count / 2)
    assert found.norm == pytest.approx(norm * scale, rel=1e-9 if scale > 1e-310 else 0.1)
    assert found.deviation == pytest.approx(0.5 * scale, rel=1e-9 if scale > 1e-310 else 0.1)


def test_an_infinite_number_whose_sum_is_none_is_noticed() -> None:
    tensor = torch.full((4,), torch.finfo(torch.float64).max, dtype=torch.float64)  # finite, and their sum is not
    found = preview(tensor, 4)
    assert (found.nans, found.infinities) == (0, 0)
    assert found.mean == pytest.approx(torch.finfo(torch.float64).max)


DTYPES = [torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int64, torch.uint8, torch.bool, torch.complex64,
          torch.complex128, torch.float8_e4m3fn, torch.float8_e5m2, torch.uint16]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("count", [6, 10_000])
def test_numbers_of_every_kind_have_a_preview(dtype: torch.dtype, count: int) -> None:
    tensor = (torch.arange(count) % 7).to(torch.float32).to(dtype)
    found = preview(tensor, 64)
    agrees(found, tensor)
    assert found.type.dtype == str(dtype).removeprefix("torch.")
    assert found.sample.dtype == np.float64


def test_of_complex_numbers_the_absolute_values_are_shown_also_of_lazily_changed_ones() -> None:
    tensor = torch.tensor([3 + 4j, 1j])
    for changed in (tensor, tensor.conj()):
        np.testing.assert_allclose(preview(changed, 4).sample, [[5.0, 1.0]])
    np.testing.assert_allclose(preview(tensor.conj().imag, 4).sample, [[-4.0, -1.0]])  # has the lazy minus


class Marked(Tensor):
    """A subclass without code of its own."""


class Counting(Tensor):
    """A subclass that counts calls of torch functions; and one whose elements are computed by its own code."""

    calls = 0

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        Counting.calls += 1
        return super().__torch_function__(func, types, args, kwargs or {})


class Wrapped(Tensor):
    @staticmethod
    def __new__(cls, shape: tuple[int, ...]) -> Wrapped:
        return Tensor._make_wrapper_subclass(cls, shape)  # type: ignore[attr-defined,no-any-return]

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError("its code must not run")


def test_a_subclass_is_read_without_its_code() -> None:
    np.testing.assert_array_equal(preview(torch.ones(2).as_subclass(Marked), 4).sample, [[1.0, 1.0]])
    counted = torch.ones(2).as_subclass(Counting)
    Counting.calls = 0
    np.testing.assert_array_equal(preview(counted, 4).sample, [[1.0, 1.0]])
    assert Counting.calls == 0


@pytest.mark.parametrize("make", [
    lambda: Wrapped((2, 3)),
    lambda: torch.ones(2, 3, device="meta"),
], ids=["computed by its own code", "meta"])
def test_a_tensor_without_values_has_its_type(make: Any) -> None:
    found = preview(make(), 16)
    assert found.type == ((2, 3), "float32")
    assert found.sample.size == 0
    assert found.strides == (0, 0)
    assert not found.complete
    assert math.isnan(found.mean)


def test_a_tensor_inside_of_vmap_has_its_type() -> None:
    seen: list[Preview] = []

    def look(row: Tensor) -> Tensor:
        seen.append(preview(row, 16))
        return row

    torch.vmap(look)(torch.ones(4, 3))
    assert seen[0].type.shape == (3,)
    assert seen[0].sample.size == 0


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 4)])
def test_a_tensor_without_elements_has_an_empty_sample(shape: tuple[int, ...]) -> None:
    found = preview(torch.empty(shape), 16, Storages())
    assert found.sample.shape == (math.prod(shape[:-1]), shape[-1])
    assert found.complete
    assert (found.bytes, found.norm, found.storage) == (0, 0.0, -1)


@pytest.mark.filterwarnings("ignore:Sparse .* tensor support is in beta state")
@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr", "hybrid"])
@pytest.mark.parametrize("size", [6, 1200])
def test_a_sparse_tensor_has_the_preview_of_the_dense_one(layout: str, size: int) -> None:
    dense = torch.zeros(size, size)
    dense[::2, 1] = torch.arange(size // 2) - 3.0
    sparse = {
        "coo": dense.to_sparse, "csr": dense.to_sparse_csr, "csc": dense.to_sparse_csc,
        "bsr": lambda: dense.to_sparse_bsr((2, 2)), "hybrid": lambda: dense.to_sparse(1),
    }[layout]()
    found, expected = preview(sparse, 100), preview(dense, 100)
    assert found.type == expected.type
    assert found.strides == expected.strides
    np.testing.assert_array_equal(found.sample, expected.sample)
    agrees(found, dense)
    assert 0 < found.bytes < 24 * size * size


def test_quantized_and_nested_tensors_do_not_crash() -> None:
    with pytest.warns(match="quantize_per_tensor"):
        quantized = torch.quantize_per_tensor(torch.tensor([1.0, 2.0]), 0.5, 0, torch.qint8)
    np.testing.assert_array_equal(preview(quantized, 4).sample, [[1.0, 2.0]])
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged)
    assert preview(nested, 16).type.dtype == "float32"


def test_an_uninitialised_parameter_does_not_crash() -> None:
    assert preview(torch.nn.LazyLinear(3).weight, 16).sample.size == 0


def test_views_of_one_storage_have_one_number_and_others_have_others() -> None:
    storages = Storages()
    x, y = torch.ones(4, 3), torch.ones(4, 3)
    numbers = [preview(tensor, 4, storages).storage for tensor in (x, x.t(), x[1:], y, x.detach())]
    assert numbers == [0, 0, 0, 1, 0]
    assert preview(x, 4).storage == -1


def test_the_same_elements_are_looked_at_once_and_again_after_a_change() -> None:
    storages = Storages()
    x = torch.ones(4, 3)
    first = preview(x, 16, storages)
    assert preview(x.detach(), 16, storages) is first
    assert preview(x.t(), 16, storages) is not first
    x.add_(1.0)
    assert preview(x, 16, storages).mean == 2.0


def test_an_expanded_tensor_takes_what_its_storage_has() -> None:
    assert preview(torch.ones(1, 5).expand(1000, 5), 16).bytes == 20


def test_autograd_and_the_users_modes_see_nothing_of_it() -> None:
    class Refuse(TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            raise AssertionError(f"{func} was seen")

    large, leaf = torch.randn(700, 800), torch.randn(3, requires_grad=True)
    result = leaf.exp()
    version = large._version
    with Refuse():
        for tensor in (leaf, result, large):
            preview(tensor, 16, Storages())
    assert (leaf.grad, large._version, result.requires_grad) == (None, version, True)
    assert torch.is_grad_enabled()


def test_a_large_tensor_is_looked_at_in_pieces_also_a_transposed_one() -> None:
    tensor = torch.randn(1500, 1000).t()
    run = preview_in_pieces(tensor, 64)
    assert sum(1 for _ in run) >= 5
    agrees(preview(tensor, 64), tensor)


def test_the_budget_shrinks_with_the_number_of_tensors() -> None:
    assert budget(1) == budget(0) == LARGEST_SAMPLE
    assert budget(10**7) == SMALLEST_SAMPLE
    assert SMALLEST_SAMPLE < budget(10_000) < LARGEST_SAMPLE


@pytest.mark.parametrize("count", [8, 10_000])
def test_a_tensor_whose_storage_was_let_go_is_not_read(count: int) -> None:
    tensor = torch.ones(count)
    tensor.untyped_storage().resize_(0)
    found = preview(tensor, 16)
    assert found.type == ((count,), "float32")
    assert found.sample.size == 0
    assert math.isnan(found.norm)


@given(st.lists(st.tuples(st.lists(st.integers(0, 5), max_size=3),
                          st.sampled_from(["plain", "zero", "nan", "tiny", "huge", "int"])), max_size=30), st.integers(1, 40))
def test_previews_made_together_are_those_made_one_by_one(kinds: list[tuple[list[int], str]], most: int) -> None:
    made: list[Tensor] = []
    for at, (shape, kind) in enumerate(kinds):
        tensor = torch.randn(shape, generator=torch.Generator().manual_seed(at), dtype=torch.float64)
        made.append({"plain": tensor, "zero": tensor * 0.0, "nan": tensor.clone().fill_(math.nan), "tiny": tensor * 1e-300,
                     "huge": tensor * 1e300, "int": (tensor * 9).to(torch.int32)}[kind])
    one_by_one = [preview(tensor, most) for tensor in made]
    batch = Batch()
    together = [batch.preview(tensor, most) for tensor in made]
    for tensor in made:
        tensor.zero_()  # what happens afterwards is not seen
    batch.finished()
    for found, wanted in zip(together, one_by_one, strict=True):
        np.testing.assert_array_equal(found.sample, wanted.sample)
        assert (found.type, found.bytes, found.strides, found.nans, found.infinities) == (
            wanted.type, wanted.bytes, wanted.strides, wanted.nans, wanted.infinities)
        for name in ("minimum", "maximum", "mean", "deviation", "norm"):
            assert getattr(found, name) == pytest.approx(getattr(wanted, name), rel=1e-12, abs=1e-320, nan_ok=True), name


def test_a_batch_looks_at_the_same_elements_once() -> None:
    batch, tensor = Batch(Storages()), torch.randn(5)
    first = batch.preview(tensor, 16)
    assert batch.preview(tensor, 16) is first
    batch.finished()
    assert batch.preview(tensor, 16) is first
    tensor.add_(1.0)
    assert batch.preview(tensor, 16).storage == first.storage
    assert batch.preview(tensor, 16) is not first
    batch.finished()
    agrees(batch.preview(tensor, 16), tensor)


@pytest.mark.parametrize("shape", [(5,), (20, 30), (300, 400)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.complex64, torch.int64, torch.bool])
def test_a_tensor_that_was_looked_at_can_still_be_resized(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    tensor = torch.zeros(shape, dtype=dtype)
    preview(tensor, 16)
    Batch().preview(tensor, 16)
    assert tensor.untyped_storage().resizable()
    tensor.resize_(3 * tensor.numel())
