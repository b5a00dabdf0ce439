"""Tensors as plain data: type, statistics of all elements, a bounded sample of the values.

A preview is taken where the tensor lives, without autograd, without hooks and without any of the user's torch function modes. It
never raises: of a tensor without values that can be read (on the device ``meta``, a subclass that computes them) it has the type.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from visualizer.experiments.graph.model import Preview, TensorType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from visualizer.figures.model import Floats

NAN = math.nan

#: Most sample values of one tensor in a small graph, and in the largest.
LARGEST_SAMPLE, SMALLEST_SAMPLE = 1024, 16

#: Sample values of all tensors of a graph together, as far as SMALLEST_SAMPLE allows.
_ALL_SAMPLES = 1 << 20

#: Up to so many elements, one look with numpy is cheapest; more are looked at in pieces of so many.
_SMALL, _PIECE = 4096, 1 << 18

#: A sparse tensor of up to so many elements is looked at as a dense one.
_DENSE = 1 << 18

_PLAIN = frozenset((Tensor, torch.nn.Parameter, torch.nn.Buffer))

#: What numpy has, too.
_NUMPY = frozenset((torch.float64, torch.float32, torch.float16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
                    torch.bool))

_ALL = (1, 1)


def budget(count: int) -> int:
    """How many sample values each of ``count`` tensors may have: 1024 in a small graph, down to 16."""
    return max(SMALLEST_SAMPLE, min(LARGEST_SAMPLE, _ALL_SAMPLES // max(1, count)))


@dataclass(eq=False)
class Storages:
    """Numbers storages by where they are, so that memory which several tensors share is counted once.

    Good only while the tensors live: the address of a dropped one is used again. ``seen`` has the previews that were made, by the
    very elements that they are of.
    """

    numbers: dict[tuple[str, int], int] = field(default_factory=dict)
    seen: dict[Any, Preview] = field(default_factory=dict)

    def of(self, tensor: Tensor) -> tuple[int, int]:
        """The number of a tensor's storage, and its bytes; -1 and 0: it has none."""
        try:
            storage = tensor.untyped_storage()
            place, bytes_ = storage.data_ptr(), storage.nbytes()
        except (RuntimeError, NotImplementedError):
            return -1, 0
        return (self.numbers.setdefault((str(tensor.device), place), len(self.numbers)), bytes_) if place else (-1, 0)

    def again(self, identity: Any, most: int) -> Preview | None:
        """The preview that was made of these very elements, if its sample is large enough."""
        known = self.seen.get(identity)
        if known is None or known.complete or len(known.sample) * known.sample.shape[1] >= most // 2:
            return known
        return None


def preview(tensor: Tensor, most: int, storages: Storages | None = None) -> Preview:
    """The tensor as it is now.

    Args:
        most: how many sample values at most; a larger tensor is sampled evenly.
        storages: numbers its storage, and remembers: a tensor that was previewed already is not looked at again.

    ``deviation`` is that of the population (divided by n). ``bytes`` is what the elements take, and no more than the storage has:
    an expanded tensor takes what it was expanded from.
    """
    found = taken(tensor, most, storages)
    if found is not None:
        made, flat = found
        if flat is not None:
            with np.errstate(all="ignore"):
                told = _told(flat)
            for name, value in told.items():
                object.__setattr__(made, name, value)  # nobody else has seen it yet
        return made
    run = preview_in_pieces(tensor, most, storages)
    while True:
        try:
            next(run)
        except StopIteration as end:
            whole: Preview = end.value
            return whole


def taken(tensor: Tensor, most: int, storages: Storages | None = None) -> tuple[Preview, Floats | None] | None:
    """A small, ordinary tensor on the CPU: its preview without statistics, and the elements that they are of.

    Instead of the elements None: the preview was made before, or there are none. Instead of all None: it is no such tensor.
    """
    if type(tensor) not in _PLAIN:
        return None
    with torch._C.DisableTorchFunction():
        try:
            dtype, place = tensor.dtype, tensor.data_ptr()
            if not place or dtype not in _NUMPY or not tensor.is_cpu or tensor.is_nested or tensor.layout is not torch.strided:
                return None
            shape, count = tensor.shape, tensor.numel()
            if count > _SMALL or not count or tensor.is_neg() or tensor.is_inference():
                return None
            if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
                return None
            identity, storage, whole = None, -1, 0
            if storages is not None:
                identity = _key(tensor, place, shape)
                known = storages.again(identity, most)
                if known is not None:
                    return known, None
            if _is_let_go(tensor):
                return None
            there = _lent(tensor.detach())
            if storages is not None:
                storage, whole = storages.of(tensor)
            bytes_ = there.nbytes
            if not there.flags.c_contiguous:
                bytes_ = min(bytes_, tensor.untyped_storage().nbytes())
        except Exception:  # of sparse, nested, lazy and other strange tensors there is no address
            return None
    most, columns = max(1, most), shape[-1] if shape else 1
    values = there.reshape(count // columns, columns).astype(np.float64, order="C")
    flat, strides = values.reshape(-1), _ALL
    if count > most:
        strides = _strides(values.shape[0], columns, most)
        values = values[:: strides[0], :: strides[1]].copy()
    values.flags.writeable = False
    made = Preview(_types(shape, dtype), bytes_, values, strides, storage, whole=whole)
    if storages is not None:
        storages.seen[identity] = made
    return made, flat


def preview_in_pieces(tensor: Tensor, most: int, storages: Storages | None = None) -> Generator[None, None, Preview]:
    """As :func:`preview`; a large tensor is looked at in pieces of about a millisecond."""
    with torch._C.DisableTorchFunction():
        try:
            type_ = tensor_type(tensor)
            seen = _identity(tensor) if storages is not None else None
            if storages is not None and seen is not None and (known := storages.again(seen, most)) is not None:
                return known
            storage, whole = storages.of(tensor) if storages is not None else (-1, 0)
        except Exception:  # a subclass may raise anything at anything
            return Preview(_type_of_strange(tensor), 0, _nothing(), (0, 0))
    # Other code of this thread runs between two pieces, so nothing is switched off across a yield.
    values = _values_of(tensor, type_, max(1, most))
    made: Preview | None = None
    while made is None:
        with torch._C.DisableTorchFunction(), torch.no_grad(), np.errstate(all="ignore"):
            try:
                next(values)
            except StopIteration as end:
                made = end.value
                break
            except Exception:
                made = _without_values(tensor, type_)
                break
        yield None
    assert made is not None
    made = replace(made, storage=storage, whole=whole) if storage >= 0 else made
    if storages is not None and seen is not None:
        storages.seen[seen] = made
    return made


def tensor_type(tensor: Tensor) -> TensorType:
    """Shape and dtype."""
    return TensorType(tuple(map(int, tensor.shape)), dtype_name(tensor.dtype))


@lru_cache(maxsize=4096)
def _types(shape: torch.Size, dtype: torch.dtype) -> TensorType:
    """A capture has few types, and thousands of tensors."""
    return TensorType(tuple(map(int, shape)), dtype_name(dtype))


def dtype_name(dtype: torch.dtype) -> str:
    """Without "torch."."""
    return str(dtype).removeprefix("torch.")


def without_values(tensor: Tensor) -> Preview:
    """Its type, and nothing of what is in it."""
    with torch._C.DisableTorchFunction():
        try:
            return Preview(_types(tensor.shape, tensor.dtype), 0, _nothing(), (0, 0))
        except Exception:  # a nested tensor has no shape
            return Preview(_type_of_strange(tensor), 0, _nothing(), (0, 0))


def _type_of_strange(tensor: Tensor) -> TensorType:
    try:
        return TensorType((), dtype_name(tensor.dtype))
    except Exception:
        return TensorType((), "")


def _identity(tensor: Tensor) -> Any:
    """Equal for two tensors that are the same elements; None: it cannot be told."""
    if type(tensor) not in _PLAIN or tensor.layout is not torch.strided or tensor.is_nested or tensor.is_quantized:
        return None
    if tensor.is_inference():  # it does not count its changes
        return None
    place = tensor.data_ptr()
    if not place:
        return None
    flags = (tensor.is_conj(), tensor.is_neg())
    return (_key(tensor, place, tensor.shape), tensor.device, flags) if any(flags) or not tensor.is_cpu else \
        _key(tensor, place, tensor.shape)


def _is_let_go(tensor: Tensor) -> bool:
    """Whether its storage is smaller than it: sharded training lets storages go and keeps the tensors. Nothing may be read then."""
    reach = tensor.storage_offset() + 1
    if tensor.is_contiguous():
        reach += tensor.numel() - 1
    else:
        reach += sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
    return tensor.numel() > 0 and reach * tensor.element_size() > tensor.untyped_storage().nbytes()


def _key(tensor: Tensor, place: int, shape: torch.Size) -> Any:
    return place, tensor.dtype, shape, tensor.stride(), tensor._version


def _nothing() -> Floats:
    empty = np.empty((0, 0))
    empty.flags.writeable = False
    return empty


def _without_values(tensor: Tensor, type_: TensorType) -> Preview:
    try:
        bytes_, device = tensor.numel() * tensor.element_size(), str(tensor.device)
    except Exception:
        bytes_, device = 0, "cpu"
    return Preview(type_, bytes_, _nothing(), (0, 0), -1, device)


def _values_of(tensor: Tensor, type_: TensorType, most: int) -> Generator[None, None, Preview]:
    """A preview without its storage's number."""
    kind = type(tensor)
    if kind not in _PLAIN and kind.__torch_dispatch__ is not Tensor.__torch_dispatch__:
        return _without_values(tensor, type_)  # its elements are whatever its own code says
    bare = tensor.detach()
    if bare.device.type == "meta" or torch._C._functorch.is_functorch_wrapped_tensor(bare):
        return _without_values(tensor, type_)
    if bare.is_nested or bare.layout is not torch.strided:
        return (yield from _sparse(bare, type_, most))
    if _is_let_go(bare):
        return _without_values(tensor, type_)
    bytes_ = bare.numel() * bare.element_size()
    bytes_ = min(bytes_, bare.untyped_storage().nbytes())
    if bare.is_quantized:
        bare = bare.dequantize()
    if bare.numel() <= _SMALL:
        return _small(_matrix(_floats(bare), type_.shape), type_, bytes_, str(tensor.device), most)
    sample, strides = _sample(bare, most)
    told = yield from _statistics(bare)
    return Preview(type_, bytes_, sample, strides, -1, str(tensor.device), **told)


def _floats(tensor: Tensor) -> Floats:
    """A new float64 array of these elements; of complex ones the absolute values."""
    if tensor.dtype.is_complex:
        tensor = tensor.resolve_conj().to(torch.complex128).abs()
    try:
        return np.array(_lent(tensor.resolve_neg()), dtype=np.float64)
    except (TypeError, RuntimeError, BufferError):  # bfloat16 and others that numpy has not; another device
        return np.array(tensor.cpu().resolve_neg().to(torch.float64, copy=True).numpy())


def _lent(tensor: Tensor) -> NDArray[Any]:
    """The elements where they are. Not ``numpy()``: that would forbid for ever to resize the user's tensor."""
    return np.from_dlpack(tensor)


def _matrix(values: Floats, shape: tuple[int, ...]) -> Floats:
    """All but the last dimension are rows."""
    columns = shape[-1] if shape else 1
    rows = math.prod(shape[:-1])
    return values.reshape(rows, columns)


def _small(values: Floats, type_: TensorType, bytes_: int, device: str, most: int) -> Preview:
    """Of a tensor that may be copied as a whole."""
    if not values.size:
        values.flags.writeable = False
        return Preview(type_, bytes_, values, device=device, norm=0.0)
    flat, strides = values.reshape(-1), _ALL
    if values.size > most:
        strides = _strides(values.shape[0], values.shape[1], most)
        values = values[:: strides[0], :: strides[1]].copy()
    values.flags.writeable = False
    return Preview(type_, bytes_, values, strides, -1, device, **_told(flat))


def _told(flat: Floats) -> dict[str, Any]:
    """The statistics of a few elements; with all that may go wrong only where it does."""
    total, square = float(np.add.reduce(flat)), float(flat.dot(flat))
    if not (math.isfinite(total) and math.isfinite(square)) or square < 1e-290:
        return moments(flat)
    mean = total / flat.size
    apart = flat - mean
    return {
        "minimum": float(np.minimum.reduce(flat)), "maximum": float(np.maximum.reduce(flat)), "mean": mean,
        "deviation": math.sqrt(float(apart.dot(apart)) / flat.size), "norm": math.sqrt(square),
    }


def moments(flat: Floats) -> dict[str, Any]:
    """The statistics of elements whatever they are, as a preview has them."""
    return _moments_of(_part(flat), None)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one piece adds. Mean and squares are of values divided by ``scale``, which keeps them from overflowing."""

    count: int
    minimum: float
    maximum: float
    mean: float
    apart: float  # sum of squared distances from the mean
    square: float
    scale: float
    nans: int
    infinities: int


def _part(flat: Floats) -> _Part:
    """Of one piece, whatever is in it."""
    finite = flat
    nans = infinities = 0
    if not math.isfinite(float(np.add.reduce(flat))):
        wrong = np.isnan(flat)
        nans = int(wrong.sum())
        infinities = int(np.isinf(flat).sum())
        finite = flat[np.isfinite(flat)]
    if not finite.size:
        return _Part(0, NAN, NAN, 0.0, 0.0, 0.0, 1.0, nans, infinities)
    low, high = float(finite.min()), float(finite.max())
    largest = max(abs(low), abs(high))
    scale = 1.0 if 1e-140 < largest < 1e140 or not largest else largest
    if scale != 1.0:
        finite = finite / scale
    mean = float(finite.mean())
    # Not dot: of long vectors it runs on all threads of the BLAS, which costs ten times as much where processors are busy.
    square, apart = float(np.add.reduce(np.square(finite))), float(np.add.reduce(np.square(finite - mean)))
    return _Part(finite.size, low, high, mean, apart, square, scale, nans, infinities)


def _merged(one: _Part, two: _Part) -> _Part:
    """Both together (Chan, Golub and LeVeque 1979: "Updating formulae and a pairwise algorithm for computing sample variances")."""
    nans, infinities = one.nans + two.nans, one.infinities + two.infinities
    if not one.count or not two.count:
        return replace(one if one.count else two, nans=nans, infinities=infinities)
    scale = max(one.scale, two.scale)
    first, second = one.scale / scale, two.scale / scale
    count = one.count + two.count
    delta = two.mean * second - one.mean * first
    return _Part(
        count, min(one.minimum, two.minimum), max(one.maximum, two.maximum), one.mean * first + delta * two.count / count,
        one.apart * first**2 + two.apart * second**2 + delta**2 * one.count * two.count / count,
        one.square * first**2 + two.square * second**2, scale, nans, infinities,
    )


def _moments_of(part: _Part, times: int | None) -> dict[str, Any]:
    """The statistics as a preview has them; every element stands for ``times`` elements."""
    repeated = times or 1
    norm = math.sqrt(part.square * repeated) * part.scale
    if part.nans or part.infinities:
        norm = NAN if part.nans else math.inf
    counts = {"norm": norm, "nans": part.nans * repeated, "infinities": part.infinities * repeated}
    if not part.count:
        return counts
    deviation = math.sqrt(part.apart / part.count) * part.scale
    return counts | {"minimum": part.minimum, "maximum": part.maximum, "mean": part.mean * part.scale, "deviation": deviation}


def _statistics(tensor: Tensor) -> Generator[None, None, dict[str, Any]]:
    """Of all elements, in pieces, in the order of the memory: a transpose is not copied, an expanded dimension counted once."""
    times = 1
    for dimension in reversed(range(tensor.dim())):
        if tensor.stride(dimension) == 0 and tensor.shape[dimension] > 1:
            times *= tensor.shape[dimension]
            tensor = tensor.select(dimension, 0)
    steps = tensor.stride()
    tensor = tensor.permute(sorted(range(len(steps)), key=steps.__getitem__, reverse=True))
    part = _Part(0, NAN, NAN, 0.0, 0.0, 0.0, 1.0, 0, 0)
    waiting = [tensor]
    while waiting:
        piece = waiting.pop()
        if piece.numel() > _PIECE:
            if piece.is_contiguous():
                piece = piece.view(-1)
            longest = max(range(piece.dim()), key=lambda dimension: piece.shape[dimension])
            pieces = -(-piece.numel() // _PIECE)
            waiting.extend(piece.chunk(min(pieces, piece.shape[longest]), longest))
            continue
        part = _merged(part, _part(_floats(piece).reshape(-1)))
        yield None
    return _moments_of(part, times)


def _strides(rows: int, columns: int, most: int) -> tuple[int, int]:
    """Of a sample that keeps about as many rows as columns, and all of the shorter ones."""
    kept = min(columns, max(math.isqrt(most), most // rows))
    step = -(-columns // kept)
    kept = -(-columns // step)
    return -(-rows // max(1, min(rows, most // kept))), step


def _sample(tensor: Tensor, most: int) -> tuple[Floats, tuple[int, int]]:
    """An even sample of the tensor as a matrix, and its strides. Only what is sampled is copied."""
    shape = tuple(tensor.shape)
    columns, rows = (shape[-1] if shape else 1), math.prod(shape[:-1])
    down, across = _strides(rows, columns, most)
    if tensor.dim() > 2:
        chosen = np.arange(0, rows, down)
        index = tuple(torch.from_numpy(part.copy()) for part in np.unravel_index(chosen, shape[:-1]))
        taken = tensor[..., ::across][tuple(part.to(tensor.device) for part in index)]
    else:
        taken = tensor.reshape(rows, columns)[::down, ::across]
    sample = _floats(taken)
    sample.flags.writeable = False
    return sample, (down, across)


def _sparse(tensor: Tensor, type_: TensorType, most: int) -> Generator[None, None, Preview]:
    """Of a sparse or nested tensor. ``bytes`` is what its parts take."""
    device = str(tensor.device)
    if tensor.is_nested:
        buffer = tensor.values()
        found = yield from _values_of(buffer, tensor_type(buffer), most)
        return found
    parts = _parts(tensor)
    bytes_ = sum(part.numel() * part.element_size() for part in parts)
    if tensor.numel() <= _DENSE:
        dense = tensor.to_dense()
        found = yield from _values_of(dense, type_, most)
        return replace(found, bytes=bytes_)
    whole = tensor.to_sparse().coalesce()
    values = whole.values()
    size = math.prod(values.shape[1:])
    flat = np.ravel_multi_index(tuple(whole.indices().cpu().numpy()), tuple(whole.shape[: whole.sparse_dim()]))
    places = (flat[:, None] * size + np.arange(size)).reshape(-1)
    columns = type_.shape[-1] if type_.shape else 1
    rows = math.prod(type_.shape[:-1])
    down, across = _strides(rows, columns, most)
    row, column = np.divmod(places, columns)
    inside = (row % down == 0) & (column % across == 0)
    sample = np.zeros((-(-rows // down), -(-columns // across)))
    stored = _floats(values).reshape(-1)
    sample[row[inside] // down, column[inside] // across] = stored[inside]
    sample.flags.writeable = False
    yield None
    zeros = _Part(tensor.numel() - stored.size, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0, 0)
    told = _moments_of(_merged(_part(stored), zeros), None)
    return Preview(type_, bytes_, sample, (down, across), -1, device, **told)


def _parts(tensor: Tensor) -> list[Tensor]:
    """The tensors that a sparse one is kept as."""
    if tensor.layout is torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    if tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    return []  # of MKL-DNN: its layout is its own
