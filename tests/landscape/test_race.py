"""The race: torch's own optimizers on the curve, all together and one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.landscape.test_interpolation import KINDS, STAGES, X, Y
from visualizer.components.optimizers import OPTIMIZERS, Optimizer, optimizer
from visualizer.experiments.landscape.autograd import curve_tensor
from visualizer.experiments.landscape.descent import descend
from visualizer.experiments.landscape.interpolation import Curve, make_curve
from visualizer.experiments.landscape.race import PATIENCE, Runner, race


def run(
    curve: Curve, entries: tuple[Optimizer, ...], rate: float | tuple[float, ...] = 0.05, start: float = 15.3,
    steps: int = 400, tolerance: float = 1e-7, momentum: float = 0.9,
) -> tuple[Runner, ...]:
    rates = rate if isinstance(rate, tuple) else (rate,) * len(entries)
    *_, last = race(curve, entries, rates, momentum, start, steps, tolerance, 1.0, 17.0)
    return last


def plain_loop(curve: Curve, entry: Optimizer, rate: float, steps: int) -> list[float]:
    """What a script would write."""
    x = torch.tensor(15.3, dtype=torch.float64, requires_grad=True)
    made = getattr(torch.optim, entry.torch_name)([x], **entry.arguments(rate, 0.9))
    xs = [x.item()]
    for _ in range(steps):
        made.zero_grad()
        curve_tensor(curve, x).backward()  # type: ignore[no-untyped-call]
        made.step()
        xs.append(x.item())
    return xs


@pytest.mark.parametrize("entry", OPTIMIZERS, ids=lambda entry: entry.name)
def test_a_runner_takes_the_very_steps_of_a_plain_torch_loop(entry: Optimizer) -> None:
    curve = make_curve("lagrange", X, Y)
    (runner,) = run(curve, (entry,), steps=60)
    assert runner.x.tolist() == plain_loop(curve, entry, 0.05, runner.x.size - 1)


def test_all_together_run_as_each_one_alone() -> None:
    curve = make_curve("lagrange", *STAGES["P9-P13"])
    rates = tuple(entry.default_lr for entry in OPTIMIZERS)
    together = run(curve, OPTIMIZERS, rates, steps=120)
    for entry, rate, runner in zip(OPTIMIZERS, rates, together, strict=True):
        (alone,) = run(curve, (entry,), rate, steps=120)
        assert (runner.x == alone.x).all()
        assert runner.reason == alone.reason
        for symbol, values in runner.state.items():
            assert values == pytest.approx(alone.state[symbol], rel=0, abs=0, nan_ok=True)


@pytest.mark.parametrize("kind", KINDS)
def test_values_and_slopes_are_those_of_the_curve_at_every_iterate(kind: str) -> None:
    curve = make_curve(kind, X, Y)
    for entry, runner in zip(OPTIMIZERS, run(curve, OPTIMIZERS, steps=80), strict=True):
        assert runner.x.shape == runner.value.shape == runner.slope.shape
        assert runner.value == pytest.approx(curve.value(runner.x))
        assert runner.slope == pytest.approx(curve.slope(runner.x), abs=1e-11)
        assert list(runner.state) == list(entry.state.values())
        for values in runner.state.values():
            assert values.shape == runner.x.shape
            assert np.isfinite(values[1:]).all()


def test_plain_sgd_lands_where_descent_lands() -> None:
    for stage in STAGES.values():
        curve = make_curve("lagrange", *stage)
        (runner,) = run(curve, (optimizer("sgd"),), steps=2000)
        *_, path = descend(curve, 15.3, 0.05, 2000, 1e-7, 1.0, 17.0)
        assert runner.reason == path.reason == "settled"
        assert runner.x == pytest.approx(path.x, abs=1e-8)
        assert runner.slope == pytest.approx(path.slope, abs=1e-7)


def test_momentum_is_not_settled_where_it_only_turns_round() -> None:
    curve = make_curve("lagrange", [0.0, 5.0, 17.0], [25.0, 0.0, 144.0])  # (x - 5)^2
    (runner,) = run(curve, (optimizer("momentum"),), 2e-4, start=9.0, steps=5000, tolerance=1e-3, momentum=0.99)
    lengths = np.abs(np.diff(runner.x))
    still = np.flatnonzero(lengths < 1e-3)
    turns = np.flatnonzero(np.diff(np.sign(np.diff(runner.x))))
    assert any(abs(runner.x[step] - 5.0) > 1.0 and step in turns for step in still)  # far away, turning round
    assert runner.reason == "settled"
    assert (lengths[-PATIENCE:] < 1e-3).all()
    assert abs(runner.x[-1] - 5.0) < 0.6


def test_runs_end_at_the_edge_of_the_domain_and_where_numbers_end() -> None:
    curve = make_curve("lagrange", X, Y)
    entries = (optimizer("sgd"), optimizer("adam"), optimizer("rprop"))
    for runner in run(curve, entries, (50.0, 8.0, 9.0), steps=50):
        assert runner.reason == "left"
        assert ((runner.x[:-1] >= 1.0) & (runner.x[:-1] <= 17.0)).all()
        assert not 1.0 <= runner.x[-1] <= 17.0
    steep = make_curve("lagrange", [1.0, 9.0, 17.0], [0.0, 1e308, 0.0])
    (runner,) = run(steep, (optimizer("sgd"),), 10.0, start=2.0)
    assert runner.reason == "overflow"
    assert np.isfinite(runner.x).all()
    assert [runner.reason for runner in run(curve, entries, start=0.5)] == ["left"] * 3


def test_partial_results_are_beginnings_of_the_whole() -> None:
    curve = make_curve("lagrange", X, Y)
    parts = list(race(curve, OPTIMIZERS[:3], (0.001,) * 3, 0.9, 15.3, 700, 1e-12, 1.0, 17.0))
    assert len(parts) > 2
    for part in parts:
        for runner, whole in zip(part, parts[-1], strict=True):
            count = runner.x.size
            assert runner.slope.size == runner.value.size == count
            assert (runner.x == whole.x[:count]).all()
            assert (runner.value == whole.value[:count]).all()
            assert runner.slope == pytest.approx(whole.slope[:count], abs=1e-12)
            assert not runner.x.flags.writeable
    assert {runner.reason for runner in parts[0]} == {"running"}
