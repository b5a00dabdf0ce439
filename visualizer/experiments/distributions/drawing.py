"""Where the values of a large sample come from: whole tensors of one initialiser, drawn piece by piece."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from visualizer.base.aside import aside
from visualizer.base.errors import UserError
from visualizer.components.seeding import derived_seed
from visualizer.experiments.distributions.blocks import FEWEST, Fill, block_seed, in_turn, processors, together
from visualizer.experiments.distributions.cost import SHORT, check_cost
from visualizer.experiments.distributions.requests import Chosen
from visualizer.experiments.distributions.tail import tail_normal_
from visualizer.experiments.distributions.truncation import rounds_of

#: Values drawn at once: on a processor what stays in its cache, and takes so long that what is done for each chunk hardly
#: counts (beside a busy window, most of all waiting for Python's lock); on a GPU what keeps it busy.
CHUNK, GPU_CHUNK = 250_000, 2**22

#: The largest tensor of independent values that torch's own function fills as a whole, and that is kept.
MOST_FIRST = 2**20

#: Values of small dependent tensors (orthogonal, sparse) that are drawn as one batch.
_BATCH = 2**14

_TYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16, "float16": torch.float16}


def generator_on(device: str, seed: int, *stream: str | int) -> torch.Generator:
    """The generator of this stream on a device; on the CPU that of :func:`visualizer.components.seeding.torch_generator`.

    Raises:
        UserError: torch finds no such device.
    """
    usable = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not usable.get(device):
        raise UserError(f"torch finds no {device.upper()} device on this machine; choose the CPU instead.")
    return torch.Generator(device=device).manual_seed(derived_seed(seed, *stream))


class Source:
    """The values of as many whole tensors of one initialiser as hold at least ``count`` values.

    Same arguments, same values. The first tensor is drawn by the function of ``torch.nn.init`` from a generator of this
    very seed, so a script gets the same one. Further values of an initialiser that draws each value by itself come from
    the same distribution in long flat pieces, which is quicker for small tensors and equal in distribution. Of the others:
    ``eye_`` and ``dirac_`` are the same each time; small orthogonal and sparse tensors are drawn in batches that follow
    torch's algorithm; large ones by torch itself, one tensor a step. Such a step cannot be interrupted: the QR
    decomposition of the largest allowed square matrix (8,192 x 8,192) takes the better part of a minute.

    Attributes:
        total: how many values :meth:`pieces` yields.
        numel: of one tensor.
        dtype: torch's, of the values.
        note: a sentence if the values were not drawn in the wanted dtype; it is known after the first tensor.

    Raises:
        UserError: torch has no such device, or the device no such dtype, or one tensor would take too long.
    """

    def __init__(
        self, chosen: Chosen, shape: tuple[int, ...], count: int, dtype: str = "float32", device: str = "cpu", seed: int = 0,
        method: str = "torch",
    ) -> None:
        if device == "mps" and dtype == "float64":
            raise UserError("Apple's GPU has no float64; choose float32 or the CPU.")
        self._generator, self._seed = generator_on(device, seed), seed
        self._chosen, self._shape, self._tail = chosen, shape, chosen.name == "trunc_normal" and method == "tail"
        self.dtype, self._name, self._device = _TYPES[dtype], dtype, device
        self.numel = math.prod(shape)
        self.total = max(1, math.ceil(count / self.numel)) * self.numel
        self.note = ""
        self._seconds = check_cost(chosen.name, shape)

    @cached_property
    def first(self) -> Tensor | None:
        """The first tensor; None if its values are independent and more than 2**20: then it exists only in pieces.

        Raises:
            UserError: torch does not take this shape or these arguments.
        """
        rounds = self._rounds(self.numel)
        if self._chosen.entry.elementwise and (self.numel > MOST_FIRST or self.numel * rounds > 64 * MOST_FIRST):
            self._check()
            return None
        return self._whole()

    def pieces(self) -> Iterator[Tensor | None]:
        """All values, as flat tensors that are overwritten by the next step; each step draws one piece.

        Where there is a second processor, a second thread draws many independent values, too: the same values in the same
        pieces, and None for a piece that is not there yet. The thread ends with the iterator.

        Raises:
            UserError: torch does not take this shape or these arguments.
        """
        if self._aside:
            yield from aside(lambda: self.first)
        first, remaining = self.first, self.total
        if first is not None:
            yield first.view(-1)
            remaining -= self.numel
        if remaining and self._chosen.entry.elementwise:
            yield from self._flat(remaining)
        elif remaining:
            yield from self._tensors(remaining // self.numel)

    def _flat(self, remaining: int) -> Iterator[Tensor | None]:
        chunk = CHUNK if self._device == "cpu" else GPU_CHUNK
        if self._chosen.name == "trunc_normal" and not self._tail:
            chunk = max(1000, int(min(chunk, 1_000_000 / self._rounds(chunk))))  # so that a step stays short
        if self._device == "cpu" and remaining >= FEWEST and processors() > 1:
            return together(self._block(), self._block(), self._empty, remaining, chunk)
        return in_turn(self._block(), self._empty, remaining, chunk)

    def _block(self) -> Fill:
        """What draws one block after the other; each thread has its own."""
        generator = torch.Generator(self._device)
        draw, start = self._law(generator), derived_seed(self._seed, "blocks")

        def fill(part: Tensor, number: int) -> None:
            generator.manual_seed(block_seed(start, number))
            draw(part)

        return fill

    @property
    def _aside(self) -> bool:
        """Whether one tensor is a long call that touches nothing shared: then it is made beside the run."""
        return self._chosen.name == "orthogonal" and self._device == "cpu" and self._seconds > SHORT

    def _tensors(self, tensors: int) -> Iterator[Tensor | None]:
        batch = min(tensors, max(1, _BATCH // self.numel))
        same = self._chosen.name in ("eye", "dirac")
        if same:
            piece = self._whole().view(-1).repeat(batch)
        while tensors:
            number = min(batch, tensors)
            if not same and self._aside:
                made: list[Tensor] = []
                yield from aside(lambda: made.append(self._whole()))  # noqa: B023  (it is waited for)
                piece = made[0].reshape(-1)
            elif not same:
                piece = (self._whole() if self.numel > _BATCH // 2 else self._batch(number)).reshape(-1)
            yield piece[: number * self.numel]
            tensors -= number

    def _empty(self, *shape: int) -> Tensor:
        return torch.empty(shape, dtype=self.dtype, device=self._device)

    def _whole(self) -> Tensor:
        """One tensor by torch.nn.init."""
        tensor = self._empty(*self._shape)
        try:
            if self._tail:
                return tail_normal_(tensor, generator=self._generator, **self._chosen.arguments)
            try:
                return self._fill(tensor, self._generator)
            except NotImplementedError:  # QR in a half type
                drawn = self._fill(tensor.to(torch.float32), self._generator)
                self.note = f"torch cannot draw this in {self._name}: it was drawn in float32 and rounded."
                return tensor.copy_(drawn)
        except (ValueError, RuntimeError) as error:
            raise self._refusal(error) from error

    def _fill(self, tensor: Tensor, generator: torch.Generator) -> Tensor:
        # What trunc_normal_ says of a far tail: the page says more about it. For good and all, and once more if somebody has
        # put the filters back: catch_warnings belongs to the process, and two threads that leave it in turn lose filters.
        warnings.filterwarnings("ignore", "mean is more than 2 std from", UserWarning)
        return self._chosen.entry.fill(tensor, self._chosen.arguments, generator)

    def _refusal(self, error: Exception) -> UserError:
        first = str(error).strip().splitlines()[0].rstrip(".")
        if "out of bounds" in first or "exceed the limit" in first:
            return UserError(f"{self._name} holds no values, and no distances, beyond \u00b1{torch.finfo(self.dtype).max:.5g}, and "
                             "what is asked for here reaches further. Choose another dtype, or bounds that are nearer to each "
                             "other and to 0.", str(error))
        return UserError(f"torch.nn.init.{self._chosen.name}_ does not take this: {first}.", str(error))

    def _check(self) -> None:
        """Whether torch takes shape and arguments, without filling a large tensor."""
        try:
            self._law(self._generator)(self._empty(1))
        except (ValueError, RuntimeError) as error:
            raise self._refusal(error) from error

    def _law(self, generator: torch.Generator) -> Callable[[Tensor], object]:
        """What draws independent values of this initialiser's distribution into a flat tensor."""
        name, given = self._chosen.name, self._chosen.arguments
        if name == "trunc_normal":
            if self._tail:
                return lambda part: tail_normal_(part, generator=generator, **given)
            return lambda part: self._fill(part, generator)
        # torch.nn.init has nothing else than these two calls, and what leads there would take a tenth of the time.
        if name == "uniform":
            return lambda part: part.uniform_(given["a"], given["b"], generator=generator)
        if name == "normal":
            return lambda part: part.normal_(given["mean"], given["std"], generator=generator)
        if name in ("constant", "ones", "zeros"):
            return lambda part: self._fill(part, generator)
        if len(self._shape) < 2:
            raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
        fan_in, fan_out = self.numel // self._shape[0], self.numel // self._shape[1]
        if name.startswith("xavier"):
            std = given["gain"] * math.sqrt(2.0 / (fan_in + fan_out))
        else:
            gain = torch.nn.init.calculate_gain(given["nonlinearity"], given["a"])
            std = gain / math.sqrt(fan_in if given["mode"] == "fan_in" else fan_out)
        if name.endswith("uniform"):
            bound = math.sqrt(3.0) * std
            return lambda part: part.uniform_(-bound, bound, generator=generator)
        return lambda part: part.normal_(0.0, std, generator=generator)

    def _batch(self, tensors: int) -> Tensor:
        """Several small orthogonal or sparse tensors at once, by torch's algorithm. Shape (tensors, rows, columns)."""
        rows, columns = self._shape[0], self.numel // self._shape[0]
        work = self.dtype if self.dtype in (torch.float32, torch.float64) else torch.float32
        values = torch.empty((tensors, rows, columns), dtype=work, device=self._device)
        given = self._chosen.arguments
        if self._chosen.name == "sparse":
            values.normal_(0.0, given["std"], generator=self._generator)
            order = torch.empty_like(values).uniform_(generator=self._generator).argsort(dim=1)
            values.scatter_(1, order[:, : math.ceil(given["sparsity"] * rows)], 0.0)
        else:
            values.normal_(0.0, 1.0, generator=self._generator)
            wide = rows < columns
            q, r = torch.linalg.qr(values.mT if wide else values)
            q = q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)  # uniform over all orthogonal matrices (Mezzadri 2007)
            values = (q.mT if wide else q) * given["gain"]
        return values.to(self.dtype)

    def _rounds(self, values: int) -> float:
        """How often torch's trunc_normal_ redraws until the last of so many values is accepted; 1 for what never redraws.

        Raises:
            UserError: so often that it would not end.
        """
        if self._chosen.name != "trunc_normal" or self._tail:
            return 1.0
        return rounds_of(self._chosen.arguments, values, self.dtype)
