"""Mini-batches and the batch-size study: the batched computation against one curve at a time, and what comes out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tests.landscape.test_interpolation import KINDS, X, Y
from visualizer.components.optimizers import optimizer
from visualizer.components.seeding import torch_generator
from visualizer.experiments.landscape.batched_slopes import BATCHED_SLOPES
from visualizer.experiments.landscape.batches import (
    BatchPath,
    StudyRow,
    draw,
    mini_batches,
    study,
    study_blocks,
    wilson,
)
from visualizer.experiments.landscape.interpolation import Curve, global_minimum, make_curve

CURVES = {kind: make_curve(kind, X, Y) for kind in KINDS}


def run(curve: Curve, **options: Any) -> BatchPath:
    chosen: dict[str, Any] = {
        "start": 15.3, "alpha": 0.02, "optimizer": optimizer("sgd"), "momentum": 0.9, "batch_size": 12, "keep_ends": True,
        "steps": 60, "seed": 3, "low": 1.0, "high": 17.0,
    } | options
    *_, last = mini_batches(curve, **chosen)
    return last


def rows(curve: Curve, **options: Any) -> list[StudyRow]:
    best = global_minimum(curve, 1.0, 17.0)
    chosen: dict[str, Any] = {
        "sizes": (2, 7, 17), "start": 15.3, "alpha": 0.05, "keep_ends": True, "steps": 40, "runs": 50, "seed": 5,
        "low": 1.0, "high": 17.0, "target": best.x, "near": 0.5, "target_half_width": best.half_width,
    } | options
    return [row for row in study(curve, curve, **chosen) if row is not None]


# One run


@given(st.integers(2, 40), st.integers(2, 40), st.booleans(), st.integers(0, 1000))
def test_a_batch_has_the_asked_for_points_and_its_ends(count: int, size: int, keep_ends: bool, seed: int) -> None:
    batch = draw(torch_generator(seed), count, size, keep_ends).tolist()
    assert len(batch) == min(size, count)
    assert batch == sorted(set(batch))
    assert set(batch) <= set(range(count))
    if keep_ends:
        assert batch[0] == 0
        assert batch[-1] == count - 1


def test_every_point_is_as_likely_as_every_other() -> None:
    generator = torch_generator(1)
    counts = np.zeros(17)
    for _ in range(4000):
        counts[draw(generator, 17, 6, False).numpy()] += 1
    share = 6 / 17
    assert np.abs(counts / 4000 - share).max() < 5 * math.sqrt(share * (1 - share) / 4000)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_every_step_descends_the_curve_of_its_own_batch(kind: str, name: str) -> None:
    path = run(CURVES[kind], optimizer=optimizer(name), batch_size=14)
    assert path.members.shape == (path.x.size - 1, 17)
    assert path.members[:, [0, -1]].all()
    assert (path.members.sum(axis=1) == 14).all()
    for step, members in enumerate(path.members):
        slope = make_curve(kind, X[members], Y[members]).slope_at(float(path.x[step]))
        assert path.slope[step] == pytest.approx(slope, rel=1e-9, abs=1e-12)
        if name == "sgd":
            assert path.x[step + 1] == pytest.approx(path.x[step] - 0.02 * slope, rel=1e-12)


def test_a_torch_optimizer_moves_as_plain_sgd_does_when_it_is_plain_sgd() -> None:
    # Momentum 0 is plain SGD, but goes through torch.optim and autograd.
    by_hand, by_torch = (run(CURVES["lagrange"], optimizer=optimizer(name), momentum=0.0) for name in ("sgd", "momentum"))
    assert by_torch.x == pytest.approx(by_hand.x, abs=1e-9)
    assert (by_torch.members == by_hand.members).all()


def test_the_seed_replays_a_run_and_another_one_does_not() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (run(CURVES["lagrange"], seed=seed) for seed in (1, 1, 2))
    assert (first.x == again.x).all()
    assert (first.members == again.members).all()
    assert not np.array_equal(first.members, other.members)
    assert torch.equal(before, torch.random.get_rng_state())


def test_all_points_in_every_batch_is_plain_descent() -> None:
    path = run(CURVES["lagrange"], batch_size=17, alpha=0.05, steps=300)
    assert path.reason == "steps"
    assert path.x[-1] == pytest.approx(14.58286, abs=1e-4)
    assert path.x == pytest.approx(run(CURVES["lagrange"], batch_size=99, alpha=0.05, steps=300).x)


def test_being_outside_a_batch_is_told_and_only_happens_without_the_ends() -> None:
    curve = CURVES["pchip"]
    assert not run(curve, steps=200, batch_size=5).outside.any()
    path = run(curve, keep_ends=False, batch_size=3, steps=200, ends="bounce")
    expected = [
        not X[members].min() <= x <= X[members].max() for x, members in zip(path.x[:-1], path.members, strict=True)
    ]
    assert path.outside.tolist() == expected
    assert path.outside.any()


@pytest.mark.parametrize("name", ["sgd", "momentum"])
def test_the_ends_of_the_domain_stop_hold_or_reflect_the_dot(name: str) -> None:
    steep = make_curve("lagrange", [0.0, 10.0], [0.0, -10.0])  # slope -1: always to the right
    options: dict[str, Any] = {
        "start": 9.5, "alpha": 0.9, "batch_size": 2, "optimizer": optimizer(name), "momentum": 0.0, "low": 0.0,
        "high": 10.0, "steps": 3,
    }
    stopped, stayed, bounced = (run(steep, ends=ends, **options) for ends in ("stop", "stay", "bounce"))
    assert stopped.reason == "left"
    assert stopped.x.tolist() == pytest.approx([9.5, 10.4])
    assert stayed.reason == bounced.reason == "steps"
    assert stayed.x.tolist() == pytest.approx([9.5, 10.0, 10.0, 10.0])
    assert bounced.x.tolist() == pytest.approx([9.5, 9.6, 9.5, 9.6])


def test_a_batch_is_held_for_as_many_steps_as_asked_and_long_steps_are_cut() -> None:
    path = run(CURVES["lagrange"], hold=7, longest=0.03, batch_size=6, steps=70)
    changes = np.flatnonzero((path.members[1:] != path.members[:-1]).any(axis=1)) + 1
    assert set(changes.tolist()) <= set(range(7, 70, 7))
    assert changes.size >= 7
    assert np.abs(np.diff(path.x)).max() == pytest.approx(0.03)


def test_partial_paths_are_beginnings_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(10**9))
    monkeypatch.setattr("visualizer.experiments.landscape.batches.perf_counter", lambda: next(ticks) * 0.002)
    parts = list(mini_batches(
        CURVES["spline"], start=15.3, alpha=0.01, optimizer=optimizer("sgd"), momentum=0.0, batch_size=14, keep_ends=True,
        steps=40, seed=0, low=1.0, high=17.0,
    ))
    assert len(parts) > 5
    for part in parts:
        assert (part.x == parts[-1].x[:part.x.size]).all()
        assert part.slope.size == len(part.members) == part.outside.size == part.x.size - 1
    assert (parts[-1].x == run(CURVES["spline"], alpha=0.01, batch_size=14, steps=40, seed=0).x).all()


# All runs of a size at once


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", range(2, 18))
@pytest.mark.parametrize("keep_ends", [True, False])
def test_batched_slopes_are_those_of_one_curve_at_a_time(kind: str, size: int, keep_ends: bool) -> None:
    generator = torch_generator(size)
    members = torch.stack([draw(generator, 17, size, keep_ends) for _ in range(40)])
    at = 0.5 + 17.0 * torch.rand(40, generator=generator, dtype=torch.float64)
    at[:17] = torch.tensor(X)  # members and points left out, both
    kernel = BATCHED_SLOPES[kind](X, Y)
    found = kernel.slopes(kernel.prepare(members), at).numpy()
    for row, place in enumerate(at.tolist()):
        chosen = members[row].numpy()
        curve = make_curve(kind, X[chosen], Y[chosen])
        scale = 1e-3 + max(abs(curve.slope_at(place)), float(np.abs(curve.slope(X[chosen])).max()))
        assert abs(found[row] - curve.slope_at(place)) <= 1e-9 * scale


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ends", ["stop", "stay", "bounce"])
def test_a_study_is_its_runs_one_by_one(kind: str, ends: Any) -> None:
    size, steps, runs = 9, 12, 30
    (row,) = rows(CURVES[kind], sizes=(size,), steps=steps, runs=runs, ends=ends, hold=3, longest=2.0, alpha=0.03)
    ((seed, count),) = study_blocks(17, runs, 5)
    assert count == runs
    generator = torch.Generator().manual_seed(seed)
    x = np.full(runs, 15.3)
    for step in range(steps):
        if step % 3 == 0:
            scores = torch.rand(runs, 17, generator=generator)
            scores[:, [0, -1]] = 2.0
            chosen = [np.sort(np.argsort(-line)[:size]) for line in scores.numpy()]
        for index in np.flatnonzero(np.isfinite(x)):
            batch = make_curve(kind, X[chosen[index]], Y[chosen[index]])
            after = x[index] - np.clip(0.03 * batch.slope_at(float(x[index])), -2.0, 2.0)
            if not 1.0 <= after <= 17.0:
                if ends == "stop":
                    after = np.nan
                elif ends == "bounce":
                    after = 2.0 - after if after < 1.0 else 34.0 - after
                else:
                    after = min(max(after, 1.0), 17.0)
            x[index] = after
    assert row.x == pytest.approx(x, abs=1e-6, nan_ok=True)


def test_a_row_counts_what_its_landings_say() -> None:
    for row in rows(CURVES["lagrange"], sizes=range(2, 18), keep_ends=False, runs=120):
        stayed = row.x[np.isfinite(row.x)]
        assert row.runs == row.x.size == 120
        assert row.left == pytest.approx(1 - stayed.size / 120)
        assert row.near == pytest.approx((np.abs(stayed - global_minimum(CURVES["lagrange"], 1, 17).x) <= 0.5).sum() / 120)
        assert row.near_low <= row.near <= row.near_high
        assert row.left_low <= row.left <= row.left_high
        if stayed.size:
            values = CURVES["lagrange"].value(stayed)
            assert [row.value_low, row.value_median, row.value_high] == pytest.approx(
                np.quantile(values, (0.25, 0.5, 0.75)).tolist())
        else:
            assert math.isnan(row.value_median)


def test_every_size_sees_the_same_shuffles_and_equal_requests_give_equal_rows() -> None:
    first, again = (rows(CURVES["spline"], sizes=(6, 12)) for _ in range(2))
    for row, same in zip(first, again, strict=True):
        assert np.array_equal(row.x, same.x, equal_nan=True)
    alone = rows(CURVES["spline"], sizes=(12,))
    assert np.array_equal(alone[0].x, first[1].x, equal_nan=True)
    other = rows(CURVES["spline"], sizes=(12,), seed=6)
    assert not np.array_equal(other[0].x, alone[0].x, equal_nan=True)


def test_all_points_trap_every_run_where_plain_descent_lands() -> None:
    (row,) = rows(CURVES["lagrange"], sizes=(17,), steps=300)
    assert row.x == pytest.approx(np.full(50, 14.58286), abs=1e-4)
    assert row.near == row.left == 0.0


def test_runs_in_several_blocks_are_all_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visualizer.experiments.landscape.batches._BLOCK", 64 * 17**2)
    assert [count for _, count in study_blocks(17, 150, 5)] == [64, 64, 22]
    assert len({seed for seed, _ in study_blocks(17, 150, 5)}) == 3
    (row,) = rows(CURVES["lagrange"], sizes=(14,), runs=150, alpha=0.01, ends="stay")
    assert np.isfinite(row.x).all()
    assert np.unique(row.x).size > 100


def test_a_start_outside_the_domain_has_left() -> None:
    for row in rows(CURVES["lagrange"], start=99.0, ends="stay"):
        assert row.left == 1.0
    assert run(CURVES["lagrange"], start=99.0, ends="stay").reason == "left"


@pytest.mark.parametrize("kind", KINDS)
def test_the_lectures_conclusion_is_measured(kind: str) -> None:
    """The whole data traps, a part of it frees, too small a part misleads."""
    found = {
        row.size: row
        for row in rows(CURVES[kind], sizes=range(2, 18), keep_ends=False, hold=50, steps=800, runs=200, ends="bounce")
    }
    best = max(found.values(), key=lambda row: row.near)
    assert 3 <= best.size <= 12
    assert best.near_low > max(found[2].near_high, found[15].near_high, found[17].near_high)
    assert found[17].near == 0.0
    assert best.value_median < found[17].value_median - 3.0


@given(st.integers(1, 400), st.floats(0.0, 1.0), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilsons_interval_is_scipys(trials: int, share: float, confidence: float) -> None:
    successes = round(share * trials)
    expected = binomtest(successes, trials).proportion_ci(confidence, method="wilson")
    assert wilson(successes, trials, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)
