"""Plain descent: the lecture's table, the verdicts, and many starts at once."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import BarycentricInterpolator

from tests.landscape.test_interpolation import KINDS, STAGES, X, Y
from visualizer.experiments.landscape.descent import (
    REASONS,
    Outcome,
    Path,
    descend,
    descend_many,
    judge,
    landing,
)
from visualizer.experiments.landscape.interpolation import Curve, make_curve
from visualizer.experiments.landscape.state import default_points

LANDINGS = {
    "all": (14.58, 8.17, 8.17, "P14"), "P9-P13": (10.06, 2.30, None, "P8"),
    "P7-P13": (4.33, -0.03, None, "P5"), "P5-P14": (11.67, -1.00, 4.33, "P10"),
}


def run(
    curve: Curve, start: float = 15.3, alpha: float = 0.05, steps: int = 20_000, tolerance: float = 1e-7,
    low: float = 1.0, high: float = 17.0,
) -> Path:
    *_, last = descend(curve, start, alpha, steps, tolerance, low, high)
    return last


def verdict(path: Path, curve: Curve, alpha: float) -> Outcome:
    return judge(curve, path.x, path.value, path.slope, path.reason, alpha)


def parabola(curvature: float = 2.0) -> Curve:
    """f = curvature / 2 * x^2 on [-10, 10]: plain descent multiplies x by 1 - alpha * curvature at every step."""
    x = np.array([-10.0, 0.0, 10.0])
    return make_curve("lagrange", x, curvature / 2 * x * x)


@pytest.mark.parametrize("alpha", [0.005, 0.0077, 0.01, 0.02, 0.05, 0.083, 0.1])
@pytest.mark.parametrize("stage", STAGES)
def test_the_lectures_table_comes_out_for_every_alpha(stage: str, alpha: float) -> None:
    curve = make_curve("lagrange", *STAGES[stage])
    path = run(curve, alpha=alpha)
    x, value, full_value, near = LANDINGS[stage]
    found = landing(curve, make_curve("lagrange", X, Y), float(path.x[-1]), default_points())
    assert path.reason == "settled"
    assert abs(found.x - x) <= 0.03
    assert abs(found.value - value) <= 0.03
    assert full_value is None or abs(found.full_value - full_value) <= 0.1
    assert found.near == near


@pytest.mark.parametrize("alpha", [0.005, 0.03, 0.1])
@pytest.mark.parametrize("stage", STAGES)
def test_scipys_barycentric_interpolator_descends_to_the_same_place(stage: str, alpha: float) -> None:
    reference = BarycentricInterpolator(*STAGES[stage])
    x = 15.3
    for _ in range(8000):
        after = x - alpha * float((reference(x + 1e-6) - reference(x - 1e-6)) / 2e-6)
        x, before = after, x
        if abs(x - before) < 1e-7:
            break
    path = run(make_curve("lagrange", *STAGES[stage]), alpha=alpha)
    assert float(path.x[-1]) == pytest.approx(x, abs=1e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_every_step_subtracts_alpha_times_autograds_slope(kind: str) -> None:
    curve = make_curve(kind, X, Y)
    path = run(curve, steps=300)
    assert path.x.shape == path.value.shape == path.slope.shape
    assert path.x[1:] == pytest.approx(path.x[:-1] - 0.05 * path.slope[:-1], abs=1e-12)
    assert path.value == pytest.approx(curve.value(path.x))
    assert path.disagreement < 1e-11


def test_partial_paths_are_beginnings_of_the_whole_and_never_change() -> None:
    curve = make_curve("lagrange", *STAGES["P7-P13"])
    parts = list(descend(curve, 15.3, 0.0005, 20_000, 1e-12, 1.0, 17.0))
    copies = [part.x.copy() for part in parts]
    assert len(parts) > 3
    assert [part.reason for part in parts[:-1]] == ["running"] * (len(parts) - 1)
    assert parts[-1].reason == "steps"
    assert parts[-1].x.size == 20_001
    for part, copy in zip(parts, copies, strict=True):
        assert (part.x == copy).all()
        assert (part.x == parts[-1].x[:part.x.size]).all()
        assert not part.x.flags.writeable
    assert parts[0].x.size < parts[1].x.size / 2


@pytest.mark.parametrize("reason", ["settled", "left", "steps", "overflow"])
def test_a_run_ends_for_the_reason_it_gives(reason: str) -> None:
    match reason:
        case "settled":
            path = run(parabola(), 5.0, 0.1, 1000, 1e-6, -10, 10)
            assert abs(path.x[-1] - path.x[-2]) < 1e-6 <= abs(path.x[-2] - path.x[-3])
        case "left":
            path = run(parabola(), 5.0, 1.1, 1000, 1e-6, -10, 10)
            assert not -10 <= path.x[-1] <= 10
            assert (np.abs(path.x[:-1]) <= 10).all()
        case "steps":
            path = run(parabola(), 5.0, 1.0, 77, 1e-6, -10, 10)
            assert path.x.size == 78
        case _:
            path = run(make_curve("lagrange", [0.0, 1.0, 2.0], [0.0, 1e308, 0.0]), 0.1, 10.0, 50, 1e-6, 0, 2)
            assert np.isfinite(path.x).all()
    assert path.reason == reason


def test_a_start_outside_the_domain_takes_no_step() -> None:
    path = run(make_curve("lagrange", X, Y), start=99.0)
    assert path.reason == "left"
    assert path.x.tolist() == [99.0]
    assert "outside the domain" in verdict(path, make_curve("lagrange", X, Y), 0.05).sentence


def test_the_domain_reaches_beyond_the_kept_points() -> None:
    curve = make_curve("spline", X[2:], Y[2:])
    path = run(curve, start=1.2, alpha=0.05)
    assert path.reason == "settled"
    assert path.x[0] == 1.2


@given(st.floats(0.01, 0.49), st.floats(0.5, 8.0))
def test_below_the_stability_bound_a_parabola_converges_and_above_it_never(rate: float, curvature: float) -> None:
    curve = parabola(curvature)
    for alpha, expected in ((2 * rate / curvature, {"converged"}), ((2 + rate) / curvature, {"left the domain"})):
        path = run(curve, 5.0, alpha, 5000, 1e-9, -10, 10)
        outcome = verdict(path, curve, alpha)
        assert outcome.verdict in expected
        assert outcome.curvature == pytest.approx(curvature)
        assert outcome.stability_bound == pytest.approx(2 / curvature)
        assert outcome.sentence.endswith(".")


@pytest.mark.parametrize(("factor", "expected"), [
    (0.9, "converging"), (-0.9, "converging"), (-0.999, "converging"), (-1.0, "oscillating"), (-1.01, "diverging"),
])
def test_the_live_verdict_on_a_parabola_is_that_of_its_factor(factor: float, expected: str) -> None:
    curve, alpha = parabola(2.0), (1 - factor) / 2.0
    beginning = 0.5 * factor ** np.arange(120)
    outcome = judge(curve, beginning, beginning**2, 2 * beginning, "running", alpha)
    assert outcome.verdict == expected
    named = outcome.sentence.lower()
    assert expected[:5] in named
    assert ("above 2/f" in named) == (alpha > 1.0 and expected != "converging")


def test_a_wandering_orbit_is_oscillating_not_diverging() -> None:
    # Between the bound and the edge of the valley the lecture's curve has no rest for the dot, and keeps it.
    curve = make_curve("lagrange", X, Y)
    path = run(curve, alpha=0.5, steps=3000)
    assert path.reason == "steps"
    outcome = verdict(path, curve, 0.5)
    assert outcome.verdict == "oscillating"
    assert (outcome.stability_bound < 0.5) == ("above" in outcome.sentence)


def test_an_orbit_that_approaches_an_endless_cycle_is_oscillating() -> None:
    # The cycle's amplitude is reached by steps that shrink ever more slowly: that is not convergence.
    beginning = (0.5 + 0.01 * 0.9 ** np.arange(120)) * (-1.0) ** np.arange(120)
    assert judge(parabola(), beginning, beginning**2, 2 * beginning, "running", 1.0).verdict == "oscillating"


def test_rolling_down_a_slope_is_still_moving() -> None:
    curve = make_curve("lagrange", [0.0, 10.0], [10.0, 0.0])
    path = run(curve, 1.0, 0.01, 50, 1e-9, 0.0, 10.0)
    assert verdict(path, curve, 0.01).verdict == "still moving"
    assert verdict(path, curve, 0.01).stability_bound == float("inf")


def test_the_steeper_side_of_a_kink_in_the_slope_decides_stability() -> None:
    curve = make_curve("pchip", X, Y)
    outcome = judge(curve, np.array([14.7]), np.array([8.2]), np.array([0.0]), "settled", 0.05)
    sides = [float(curve.curvature(14.7 + side)) for side in (-1e-9, 1e-9)]
    assert outcome.curvature == pytest.approx(max(sides), rel=1e-6)
    assert sides[0] != pytest.approx(sides[1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.03, 0.45, 2.0])
def test_many_starts_land_where_each_one_lands_alone(kind: str, alpha: float) -> None:
    curve = make_curve(kind, X, Y)
    starts = np.concatenate((np.linspace(0.5, 17.5, 41), X))
    *_, batch = descend_many(curve, starts, alpha, 500, 1e-7, 1.0, 17.0)
    assert batch.done == 1.0
    for index, start in enumerate(starts):
        alone = run(curve, float(start), alpha, 500, 1e-7)
        assert REASONS[batch.reason[index]] == alone.reason
        if alone.reason == "settled":
            assert batch.x[index] == pytest.approx(alone.x[-1], abs=1e-6)
            assert abs(batch.steps[index] - (alone.x.size - 1)) <= 1
    assert batch.value == pytest.approx(curve.value(batch.x), nan_ok=True)
    assert (batch.start == starts).all()


def test_a_batch_reports_progress_and_does_not_depend_on_how_time_cut_it(monkeypatch: pytest.MonkeyPatch) -> None:
    curve = make_curve("lagrange", X, Y)
    starts = np.linspace(1.5, 16.5, 300)
    module = "visualizer.experiments.landscape.descent"
    *_, whole = descend_many(curve, starts, 0.03, 400, 1e-7, 1.0, 17.0)
    ticks = iter(range(10**9))
    monkeypatch.setattr(f"{module}.perf_counter", lambda: next(ticks) * 0.005)
    parts = list(descend_many(curve, starts, 0.03, 400, 1e-7, 1.0, 17.0))
    assert len(parts) > 20
    assert [part.done for part in parts] == sorted(part.done for part in parts)
    assert (parts[-1].x == whole.x).all()
    assert (parts[-1].steps == whole.steps).all()


def test_no_starts_are_no_problem() -> None:
    *_, last = descend_many(make_curve("lagrange", X, Y), [], 0.05, 10, 1e-7, 1.0, 17.0)
    assert last.x.size == 0


def test_slices_are_short() -> None:
    # Not a benchmark: ten times the 30 ms that a slice may take would freeze the window on any machine.
    curve = make_curve("lagrange", np.linspace(0, 100, 100), np.sin(np.arange(100.0)))
    last, longest = time.perf_counter(), 0.0
    for _ in descend(curve, 50.3, 1e-4, 3000, 0.0, 0.0, 100.0):
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    assert longest < 0.3


def test_a_run_that_stops_on_top_of_a_hill_is_not_said_to_have_converged_there() -> None:
    hill = make_curve("lagrange", (-1.0, 0.0, 1.0), (0.0, 1.0, 0.0))
    *_, path = descend(hill, 0.0, 0.1, 100, 1e-9, -1.0, 1.0)
    outcome = judge(hill, path.x, path.value, path.slope, path.reason, 0.1)
    assert "on top of a hill" in outcome.sentence
    assert "Converged" not in outcome.sentence
