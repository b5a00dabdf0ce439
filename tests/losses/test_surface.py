"""The surface of the page Curve and surface, and how the loss is computed at many points: the values are those of plain calls."""

from __future__ import annotations

import dataclasses
import math
import types
import warnings
from collections.abc import Generator
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.losses.curve_runs import TAB, last_of, plain_loss, results_of, state_of
from tests.losses.strategies import setups
from visualizer.components.losses import LOSSES
from visualizer.experiments.losses import curves
from visualizer.experiments.losses.curves import Floats, Moving
from visualizer.experiments.losses.evaluation import Built, build
from visualizer.experiments.losses.pages.curve import CurveResult
from visualizer.experiments.losses.requests import Setup, setup_of
from visualizer.experiments.losses.stacked import Stacked
from visualizer.experiments.losses.state import LossesState
from visualizer.figures.model import Heat, Line, Segments

NAMES = [entry.name for entry in LOSSES]
WHOLE = ("class", "classes", "symbols", "length")
#: torch refuses to record this tensor, so the page refuses to move it.
NO_DERIVATIVE = ("SoftMarginLoss", "target")
Found = TypeVar("Found")


def moving_of(state: LossesState, role: str = "prediction", indices: tuple[int, ...] = (0, 1)) -> Moving:
    return Moving(build(setup_of(state)), role, indices)


def finished(steps: Generator[None, None, Found]) -> Found:
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            found: Found = stop.value
            return found


def plain_calls(built: Built, role: str, indices: tuple[int, ...], points: Floats) -> tuple[list[float], list[float]]:
    """The loss, and its derivative with respect to the first element (NaN: autograd has none), by one call for each point."""
    losses, slopes = [], []
    for point in points:
        tensors = {name: leaf.detach().clone() for name, leaf in built.leaves.items()}
        for index, value in zip(indices, point, strict=True):
            tensors[role].view(-1)[index] = value
        tensors[role].requires_grad_()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = built.module(*tensors.values())
        loss = (found if isinstance(found, torch.Tensor) else found.loss).sum()
        losses.append(float(loss.detach()))
        gradient = torch.autograd.grad(loss, tensors[role])[0] if loss.requires_grad else torch.full_like(tensors[role], math.nan)
        slopes.append(float(gradient.reshape(-1)[indices[0]]))
    return losses, slopes


def test_the_coarse_surface_comes_first_and_is_enough_and_the_last_has_200_cells_a_side() -> None:
    results = results_of(state_of())
    assert [result.progress for result in results] == sorted(result.progress for result in results)
    (coarse,) = [result for result in results if result.enough]
    assert coarse.surface is not None
    assert coarse.surface.values.shape == (25, 25)
    assert coarse.kinks is not None
    assert results[-1].surface is not None
    assert results[-1].surface.values.shape == (200, 200)
    assert not results[-1].surface.values.flags.writeable


def test_the_surface_of_the_parabola_is_the_closed_form_and_its_arrow_points_downhill() -> None:
    found = last_of()
    assert found.surface is not None
    x, y = np.meshgrid(found.surface.x, found.surface.y)
    assert found.surface.values == pytest.approx(((x - 4) ** 2 + (y - 5) ** 2 + 9) / 3, rel=1e-5)
    assert found.gradient == pytest.approx([-2.0, -2.0])
    assert found.surface.lowest is not None
    assert list(found.surface.lowest) == pytest.approx([4.0, 5.0, 3.0], abs=0.03)
    figure = TAB.figures(found, state_of())[1]
    heat = next(layer for layer in figure.layers if isinstance(layer, Heat))
    arrow = next(layer for layer in figure.layers if isinstance(layer, Segments))
    assert heat.values.shape == (200, 200)
    assert heat.contours > 0
    assert (arrow.x0[0], arrow.y0[0]) == (1.0, 2.0)
    assert arrow.x1[0] - 1.0 == pytest.approx(arrow.y1[0] - 2.0)
    assert arrow.x1[0] > 1.0


def test_at_the_lowest_point_there_is_no_arrow_and_a_sentence_instead() -> None:
    state = state_of(prediction="4,5,6")
    figure = TAB.figures(results_of(state)[-1], state)[1]
    assert not any(isinstance(layer, Segments) for layer in figure.layers)
    assert "gradient is 0" in figure.note


def test_two_logits_matter_only_by_their_difference() -> None:
    state = state_of(**next(preset.values for preset in TAB.presets if preset.name == "two_logits")).changed(element_2=2)
    found = results_of(state)[-1]
    assert found.surface is not None
    probabilities = torch.softmax(torch.tensor([1.0, 2.0, 3.0]), 0)
    assert found.gradient == pytest.approx([float(probabilities[0]), float(probabilities[2]) - 1], rel=1e-5)
    x, y = np.meshgrid(found.surface.x, found.surface.y)
    assert found.surface.values == pytest.approx(np.log(np.exp(x) + np.exp(y) + math.exp(2)) - y, rel=1e-4, abs=1e-5)


def test_one_element_has_a_curve_and_a_reason_for_no_surface() -> None:
    state = state_of(prediction="1", target="2")
    found = results_of(state)[-1]
    curve, surface = TAB.figures(found, state)
    assert any(isinstance(layer, Line) and layer.key == "curve" for layer in curve.layers)
    assert surface.layers == ()
    assert "has one" in surface.note
    assert found.numbers()["surface"] == {"none": found.no_surface}


def test_ten_thousand_elements_are_moved_in_short_steps_too() -> None:
    state = state_of(prediction=",".join(["1"] * 10_000), target=",".join(["2"] * 10_000), reduction="sum")
    coarse = next(result for result in TAB.run(TAB.request(state)) if isinstance(result, CurveResult) and result.enough)
    assert coarse.surface is not None
    x, y = np.meshgrid(coarse.surface.x, coarse.surface.y)
    assert coarse.surface.values == pytest.approx((x - 2) ** 2 + (y - 2) ** 2 + 9998, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_example_of_every_loss_is_computed_as_one_batch_whichever_tensor_moves(name: str) -> None:
    state = state_of(loss=name)
    for given_tensor in setup_of(state).inputs:
        held = setup_of(state).entry.input(given_tensor.role)
        assert held is not None
        if held.holds in (*WHOLE, "class_or_probability") or (name, held.role) == NO_DERIVATIVE:
            continue
        moving = moving_of(state, given_tensor.role)
        assert (moving.way, moving.quick) == ("batch", True)


@st.composite
def _moves(draw: st.DrawFn) -> tuple[Setup, str, tuple[int, int]]:
    """A valid setup of any loss with any reduction, and two elements of one of its tensors."""
    entry = draw(st.sampled_from(LOSSES))
    setup = dataclasses.replace(draw(setups(entry.name)), reduction=draw(st.sampled_from(entry.reductions or ("mean",))))
    whole = (*WHOLE, *(["class_or_probability"] if setup.target_as != "probabilities" else []))
    roles = [item.role for item in entry.inputs if item.holds not in whole and (entry.name, item.role) != NO_DERIVATIVE]
    role = draw(st.sampled_from(roles))
    held = setup.given(role)
    assert held is not None
    size = len(held.data.values)
    return setup, role, (draw(st.integers(0, size - 1)), draw(st.integers(0, size - 1)))


@settings(max_examples=150, deadline=None)
@given(_moves())
def test_one_batch_has_the_values_and_slopes_of_plain_calls_for_every_argument_and_reduction(
    move: tuple[Setup, str, tuple[int, int]]
) -> None:
    setup, role, indices = move
    built = build(setup)
    moving = Moving(built, role, indices)
    assert moving.way == "batch"
    points = moving.now * np.random.default_rng(0).uniform(0.97, 1.0, (7, 2))  # so every loss takes them
    values, slopes = finished(moving.slopes(points))
    wanted, wanted_slopes = plain_calls(built, role, indices, points)
    assert values == pytest.approx(np.array(wanted), rel=1e-10, abs=1e-10, nan_ok=True)
    assert slopes == pytest.approx(np.array(wanted_slopes), rel=1e-8, abs=1e-8, nan_ok=True)


def test_the_weighted_mean_counts_neither_ignored_rows_nor_every_row_alike() -> None:
    setup = {"loss": "NLLLoss", "prediction": "-1,-2;-3,-4;-5,-6", "target": "0,1,1", "weight": "2,0.5", "ignore_index": -100}
    points = np.array([[-1.0, -2.0], [-3.0, -2.0]])
    assert finished(moving_of(state_of(**setup)).values(points)) == pytest.approx([(2 + 2 + 3) / 3, (6 + 2 + 3) / 3])
    ignored = finished(moving_of(state_of(**setup | {"ignore_index": 1})).values(points))
    assert ignored == pytest.approx([1.0, 3.0])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", ["MSELoss", "L1Loss", "CrossEntropyLoss", "PoissonNLLLoss", "TripletMarginLoss"])
def test_short_dtypes_round_and_overflow_as_in_plain_calls(name: str, dtype: str) -> None:
    state = state_of(loss=name, dtype=dtype)
    built = build(setup_of(state))
    moving = Moving(built, "prediction", (0, 1))
    assert moving.way == "batch"
    # Squares of 250 are below the largest float16, their sum is above; 300 squared is above by itself.
    points = np.array([[1.0, 2.0], [0.37, -1.9], [250.0, 250.0], [-240.0, 250.0], [300.0, 1.0], [11.0, 9.5]])
    wanted, _ = plain_calls(built, "prediction", (0, 1), points)
    assert finished(moving.values(points)).tolist() == wanted


def test_a_target_that_is_broadcast_is_left_to_vmap() -> None:
    state = state_of(prediction="1,2,3;4,5,6", target="1,2,3")
    moving = moving_of(state, "target")
    assert moving.way == "vmap"
    (found,) = finished(moving.values(np.array([[0.5, 7.0]])))
    # 0.5 and 7 against both rows: (0.5^2 + 5^2 + 0 + 3.5^2 + 2^2 + 3^2) / 6
    assert found == pytest.approx((0.25 + 25 + 0 + 12.25 + 4 + 9) / 6)


def _wrong(original: Any) -> Any:
    return lambda *given: original(*given) + 1.0


def test_what_gives_other_values_than_plain_calls_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stacked, "losses", _wrong(Stacked.losses))
    assert moving_of(state_of()).way == "vmap"
    vmap = torch.func.vmap
    monkeypatch.setattr(torch.func, "vmap", lambda function: _wrong(vmap(function)))
    assert moving_of(state_of()).way == "loop"


def test_a_batch_that_gives_other_slopes_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = Stacked.losses

    def steeper(stacked: Stacked, versions: torch.Tensor) -> torch.Tensor:
        found = losses(stacked, versions)
        return 2 * found - found.detach()

    monkeypatch.setattr(Stacked, "losses", steeper)
    assert moving_of(state_of()).way == "vmap"


def test_where_neither_works_a_loop_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = last_of(loss="MultiMarginLoss")

    def refuse(*_: Any, **__: Any) -> Any:
        raise RuntimeError("vmap: this operation has no batching rule")

    monkeypatch.setattr(Stacked, "of", refuse)
    monkeypatch.setattr(torch.func, "vmap", refuse)
    assert moving_of(state_of(loss="MultiMarginLoss")).way == "loop"
    found = last_of(loss="MultiMarginLoss")
    assert np.interp(found.x, wanted.x, wanted.y) == pytest.approx(found.y, rel=1e-5)
    assert found.kinks == wanted.kinks


class _Clock:
    """Stands still, but for what every version of a tensor is made to cost; notes how many were computed in each call."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, cost: float) -> None:
        self.now, self.sizes = 0.0, list[int]()
        losses = Stacked.losses

        def timed(stacked: Stacked, versions: torch.Tensor) -> torch.Tensor:
            self.now += cost * len(versions)
            self.sizes.append(len(versions))
            return losses(stacked, versions)

        monkeypatch.setattr(Stacked, "losses", timed)
        monkeypatch.setattr(curves, "time", types.SimpleNamespace(perf_counter=lambda: self.now))


@pytest.mark.parametrize("microseconds", [0.01, 0.1, 1.0, 30.0, 5000.0])
def test_a_step_takes_4_ms_at_most_whatever_a_point_costs_and_grows_no_faster_than_twofold(
    monkeypatch: pytest.MonkeyPatch, microseconds: float
) -> None:
    clock = _Clock(monkeypatch, microseconds * 1e-6)
    moving = moving_of(state_of())
    clock.sizes.clear()
    points = np.random.default_rng(0).normal(size=(3000 if microseconds > 1000 else 40_000, 2))
    values = finished(moving.values(points))
    expected = ((points[:, 0] - 4) ** 2 + (points[:, 1] - 5) ** 2 + 9) / 3
    assert values == pytest.approx(expected, rel=1e-5)
    assert sum(clock.sizes) == len(points)
    first, *rest = clock.sizes
    assert first <= 1024
    assert all(size == 1 or size * microseconds * 1e-6 <= 0.00401 for size in rest)
    assert all(after <= 2 * before for before, after in zip(clock.sizes, rest, strict=False))


@pytest.mark.parametrize("elements", [2, 1000, 10_000])
def test_no_batch_has_more_than_100_000_elements_however_quick_they_are(monkeypatch: pytest.MonkeyPatch, elements: int) -> None:
    state = state_of(prediction=",".join(["1"] * elements), target=",".join(["2"] * elements))
    clock = _Clock(monkeypatch, 0.0)
    moving = moving_of(state)
    assert moving.way == "batch"
    clock.sizes.clear()
    finished(moving.values(np.ones((max(3, 500_000 // elements), 2))))
    assert clock.sizes[0] * elements <= 16_384
    assert max(clock.sizes) * elements <= 100_000


def test_where_torch_refuses_there_is_a_gap_and_no_step_tries_many_points_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = _Clock(monkeypatch, 0.0)
    moving = moving_of(state_of(loss="BCELoss"), indices=(0,))
    points = np.linspace(0.5, 1.5, 4001)[:, None]
    steps, most = moving.values(points), 0
    while True:
        clock.sizes.clear()
        try:
            next(steps)
        except StopIteration as stop:
            values = stop.value
            break
        most = max(most, len(clock.sizes))
    assert most == 17  # sixteen points, after they were refused together
    assert (np.isnan(values) == (points[:, 0] > 1)).all()
    plain = [plain_loss(state_of(loss="BCELoss"), i0=x) for x in points[:2001:200, 0]]
    assert values[:2001:200] == pytest.approx(plain, rel=1e-5)
