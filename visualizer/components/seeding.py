"""Random numbers that can be replayed: every stream has its own generator, torch's global one is never touched."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def derived_seed(seed: int, *stream: str | int) -> int:
    """The seed of one stream of a seeded computation, e.g. ``derived_seed(seed, "study", block)``, in [0, 2**63).

    Different streams are independent of each other, and of the order in which they are asked for. Without a stream
    it is the seed itself, so that ``torch.Generator().manual_seed(seed)`` in a script draws the same numbers.
    The same on every platform and in every version.
    """
    if not stream:
        return seed
    text = "\x1f".join((str(seed), *(f"{type(part).__name__}:{part}" for part in stream)))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def torch_generator(seed: int, *stream: str | int) -> torch.Generator:
    """A torch generator on the CPU for this stream."""
    import torch

    return torch.Generator().manual_seed(derived_seed(seed, *stream))
