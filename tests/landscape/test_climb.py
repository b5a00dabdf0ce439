"""The climb in steps of one length: the closed forms against the climb itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visualizer.experiments.landscape.climb import (
    best_alpha,
    climb,
    mean_rounds,
    rounds_by_alpha,
    safe_alpha,
    settling_fraction,
)

LENGTHS = st.one_of(st.floats(0.01, 20.0), st.integers(1, 400).map(lambda hundredths: hundredths / 100))
RADII = st.one_of(st.floats(0.01, 2.0), st.integers(1, 40).map(lambda twentieths: twentieths / 20))


@given(LENGTHS, LENGTHS, RADII)
def test_the_closed_form_counts_the_rounds_of_the_climb(distance: float, alpha: float, radius: float) -> None:
    path = climb(distance, alpha, radius, 2100)
    rounds = float(rounds_by_alpha(distance, radius, alpha))
    if abs(path[-1]) <= radius:
        assert rounds == len(path) - 1
    else:
        assert rounds == math.inf
        assert len(path) == 2101


@given(LENGTHS, LENGTHS, RADII)
def test_every_round_moves_exactly_one_step_towards_the_top(distance: float, alpha: float, radius: float) -> None:
    path = climb(distance, alpha, radius, 60)
    assert path[0] == pytest.approx(-distance)
    moves = np.diff(path)
    assert moves[:-1] == pytest.approx(np.where(path[:-2] < 0, alpha, -alpha), abs=1e-9)
    assert (np.abs(path[:-1]) > radius).all()


@given(LENGTHS, RADII, st.lists(st.floats(0.02, 6.0), min_size=1, max_size=5))
def test_the_mean_and_the_settling_part_are_those_over_all_starts(distance: float, radius: float, alphas: list[float]) -> None:
    starts = (np.arange(20_000) + 0.5) * distance / 20_000
    rounds = rounds_by_alpha(starts[:, None], radius, np.array(alphas))
    mean = mean_rounds(distance, radius, alphas)
    part = settling_fraction(distance, radius, alphas)
    for index, alpha in enumerate(alphas):
        settled = np.isfinite(rounds[:, index])
        assert part[index] == pytest.approx(settled.mean(), abs=0.01)
        if alpha <= 2 * radius:
            assert settled.all()
            assert mean[index] == pytest.approx(rounds[:, index].mean(), abs=0.02 + 0.001 * rounds[:, index].max())
        elif part[index] < 1:
            assert mean[index] == math.inf


@given(LENGTHS, RADII)
def test_twice_the_radius_is_the_longest_step_that_always_settles(distance: float, radius: float) -> None:
    safe = safe_alpha(radius)
    path = climb(distance, safe, radius, 4000)
    assert abs(path[-1]) <= radius
    longer = safe * 1.05
    stuck = safe * 1.025  # in the middle of the gap between two windows: one step jumps over the whole top
    assert rounds_by_alpha(stuck - radius + 0.0, radius, longer) in (1.0, math.inf)
    assert rounds_by_alpha(longer / 2, radius, longer) == math.inf
    if distance > longer / 2:
        assert mean_rounds(distance, radius, longer) == math.inf


@given(LENGTHS, RADII)
def test_no_step_length_beats_the_best_one(distance: float, radius: float) -> None:
    best = float(rounds_by_alpha(distance, radius, best_alpha(distance, radius)))
    # Touching the rim counts, in spite of rounding: a start a hair outside it is at the top.
    assert best == (1.0 if distance > radius * (1 + 1e-9) else 0.0)
    assert (rounds_by_alpha(distance, radius, np.geomspace(0.01, 50.0, 400)) >= best).all()


def test_the_lectures_dilemma_in_numbers() -> None:
    rounds = rounds_by_alpha(5.0, 0.25, [0.1, 0.5, 1.7, 2.0, 5.0])
    assert rounds.tolist() == [48.0, 10.0, 3.0, math.inf, 1.0]
    assert climb(5.0, 2.0, 0.25, 6).tolist() == [-5.0, -3.0, -1.0, 1.0, -1.0, 1.0, -1.0]


def test_touching_the_rim_counts_in_spite_of_rounding() -> None:
    path = climb(0.8, 0.7, 0.1, 10)  # 0.8 - 0.7 is 0.10000000000000009
    assert len(path) == 2
    assert path[-1] == -0.1
    assert rounds_by_alpha(0.8, 0.1, 0.7) == 1.0


def test_a_start_at_the_top_needs_no_round() -> None:
    assert climb(0.2, 1.0, 0.25, 10).tolist() == [-0.2]
    assert mean_rounds(0.2, 0.25, [0.1, 9.0]).tolist() == [0.0, 0.0]
    assert settling_fraction(0.2, 0.25, [9.0]).tolist() == [1.0]
