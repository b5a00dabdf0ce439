"""Seeded streams of random numbers."""

from __future__ import annotations

import random

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from visualizer.components.seeding import derived_seed, torch_generator

SEEDS = st.integers(0, 2**31 - 1)
STREAMS = st.lists(st.one_of(st.text(max_size=8), st.integers(-5, 5)), max_size=3).map(tuple)


@given(SEEDS, STREAMS)
def test_the_same_stream_draws_the_same_numbers(seed: int, stream: tuple[str | int, ...]) -> None:
    first, second = (torch.rand(5, generator=torch_generator(seed, *stream)) for _ in range(2))
    assert torch.equal(first, second)


@given(SEEDS, STREAMS, STREAMS)
def test_different_streams_have_different_seeds(
    seed: int, first: tuple[str | int, ...], second: tuple[str | int, ...]
) -> None:
    same = [(type(part), part) for part in first] == [(type(part), part) for part in second]
    assert (derived_seed(seed, *first) == derived_seed(seed, *second)) == same


def test_without_a_stream_a_plain_script_draws_the_same_numbers() -> None:
    plain = torch.rand(4, generator=torch.Generator().manual_seed(17))
    assert torch.equal(torch.rand(4, generator=torch_generator(17)), plain)


def test_a_derived_seed_never_changes_between_versions() -> None:
    assert derived_seed(0, "study", 0) == 259502404030448840
    assert derived_seed(1, "study", 0) == 4470816353583667321
    assert 0 <= derived_seed(2**31 - 1, "a", 1) < 2**63


def test_the_global_generators_are_never_touched() -> None:
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    torch.rand(10, generator=torch_generator(3, "x"))
    assert torch.equal(before[0], torch.random.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())
