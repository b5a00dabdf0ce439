"""Convergence: the batched training against torch.nn and torch.optim, and what its page says."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
import statistics
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from visualizer.base.errors import UserError
from visualizer.base.explanation import Formula, Paragraph, Table, Verdict
from visualizer.base.json_text import json_text
from visualizer.components.initializers import INITIALIZERS, initializer
from visualizer.experiments.distributions.convergence import (
    ACTIVATIONS,
    Contestant,
    arguments_of,
    layer_sizes,
    make_task,
    quantiles,
    weight_seed,
)
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.pages import convergence as page
from visualizer.experiments.distributions.requests import ConvergenceRequest
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.figures.model import Band, Line, Markers
from visualizer.ui.widgets.typesetter import typeset

MATRIX = tuple(entry.name for entry in INITIALIZERS if entry.least_dimensions <= 2 <= entry.most_dimensions)
SMALL = ConvergenceRequest(("zeros", "constant", "xavier_normal", "kaiming_normal", "orthogonal"), "relu", "spirals",
                           hidden_layers=2, lr=0.1, epochs=30, repeats=3, seed=5)


def result_of(request: ConvergenceRequest) -> page.ConvergenceResult:
    *_, last = page.run(request)
    assert isinstance(last, page.ConvergenceResult)
    return last


def plain_training(request: ConvergenceRequest, name: str, repeat: int) -> tuple[list[float], nn.Sequential]:
    """What a script would write: one nn.Sequential, one torch.optim.SGD; the losses before every step and after the last."""
    task = make_task(request.task, request.seed)
    generator = torch.Generator().manual_seed(weight_seed(request.seed, repeat))
    modules: list[nn.Module] = []
    for before, after in pairwise(layer_sizes(task, request.hidden_layers)):
        with torch.random.fork_rng(devices=()):
            linear = nn.Linear(before, after, dtype=torch.float64)
        initializer(name).fill(linear.weight.data, arguments_of(initializer(name), request.activation), generator)
        nn.init.zeros_(linear.bias)
        modules += [linear, eval(f"nn.{ACTIVATIONS[request.activation].module}")]
    network = nn.Sequential(*modules[:-1])
    loss_function = nn.BCEWithLogitsLoss() if request.task == "spirals" else nn.MSELoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=request.lr)
    losses = []
    for _ in range(request.epochs):
        optimizer.zero_grad()
        loss = loss_function(network(task.x), task.y)
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return [*losses, loss_function(network(task.x), task.y).item()], network


@pytest.mark.parametrize("task", ["spirals", "sine"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_batched_training_is_that_of_every_network_by_itself(task: str, activation: str) -> None:
    request = replace(SMALL, task=task, activation=activation, contestants=("xavier_uniform", "sparse"))
    for curves in result_of(request).curves:
        alone = [plain_training(request, curves.entry.name, repeat)[0] for repeat in range(request.repeats)]
        assert curves.final == pytest.approx([losses[-1] for losses in alone], rel=1e-9)
        assert curves.median == pytest.approx(np.median(alone, axis=0), rel=1e-9)
        assert curves.low == pytest.approx(np.quantile(alone, 0.1, axis=0), rel=1e-9)
        assert curves.high == pytest.approx(np.quantile(alone, 0.9, axis=0), rel=1e-9)


def test_every_weight_after_training_is_that_of_torch_optim() -> None:
    contestant = Contestant(initializer("kaiming_normal"), "tanh", make_task("spirals", 5), 2, 0.1, 3)
    for repeat in range(3):
        contestant.fill(repeat, weight_seed(5, repeat))
    for _ in range(SMALL.epochs):
        contestant.step()
    for repeat in range(3):
        _, network = plain_training(replace(SMALL, activation="tanh"), "kaiming_normal", repeat)
        linears = [module for module in network if isinstance(module, nn.Linear)]
        for linear, weight, bias in zip(linears, contestant.weights, contestant.biases, strict=True):
            torch.testing.assert_close(weight[repeat], linear.weight.data, rtol=1e-9, atol=1e-12, check_stride=False)
            torch.testing.assert_close(bias[repeat, 0], linear.bias.data, rtol=1e-9, atol=1e-12, check_stride=False)


@pytest.mark.parametrize("task", ["spirals", "sine"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "gelu"])
def test_neurons_that_start_equal_stay_equal_and_do_no_better_than_one(task: str, activation: str) -> None:
    request = replace(SMALL, task=task, activation=activation, epochs=60, lr=0.02)
    numbers = result_of(request).numbers()
    for name in ("zeros", "constant"):
        assert numbers["convergence"][name]["neuron_distance"] == 0.0
    for name in ("xavier_normal", "kaiming_normal", "orthogonal"):
        assert numbers["convergence"][name]["neuron_distance"] > 0.1


def test_zeros_with_relu_never_beat_guessing() -> None:
    for task in ("spirals", "sine"):
        result = result_of(replace(SMALL, task=task, epochs=400, contestants=("zeros",)))
        assert result.curves[0].end == pytest.approx(result.guess, rel=1e-9)
        assert (result.curves[0].low >= result.guess * (1 - 1e-12)).all()


def test_guessing_costs_log_2_or_the_variance_of_the_targets() -> None:
    spirals, sine = make_task("spirals", 0), make_task("sine", 0)
    assert spirals.guess == pytest.approx(math.log(2))
    assert spirals.y.mean().item() == 0.5
    assert sine.guess == pytest.approx(statistics.pvariance(sine.y.flatten().tolist()))


def test_orthogonal_and_glorot_and_he_learn_the_spirals_and_the_sine() -> None:
    for task, epochs in (("spirals", 400), ("sine", 200)):
        result = result_of(replace(SMALL, task=task, epochs=epochs, hidden_layers=4, lr=0.05, repeats=8))
        for curves in result.curves:
            learned = curves.end < 0.5 * result.guess
            assert learned == (curves.entry.name not in ("zeros", "constant"))


@pytest.mark.parametrize("name", MATRIX)
def test_the_gain_is_that_of_the_activation_where_torch_knows_one(name: str) -> None:
    taken = arguments_of(initializer(name), "tanh")
    assert taken.keys() == initializer(name).arguments.keys()
    if "gain" in taken:
        assert taken["gain"] == pytest.approx(5 / 3)
    if "nonlinearity" in taken:
        assert taken["nonlinearity"] == "tanh"
    assert arguments_of(initializer(name), "gelu") == dict(initializer(name).arguments)
    others = {key: value for key, value in taken.items() if key not in ("gain", "nonlinearity")}
    assert others == {key: initializer(name).arguments[key] for key in others}


@given(arrays(np.float64, st.tuples(st.integers(1, 12), st.integers(1, 5)), elements=st.floats(0.0, 1e6)))
def test_quantiles_are_numpys(losses: np.ndarray[Any, Any]) -> None:
    assert quantiles(losses) == pytest.approx(np.quantile(losses, [0.1, 0.5, 0.9], axis=0), rel=1e-12)


def test_a_loss_that_is_no_number_counts_as_worse_than_every_number() -> None:
    losses = np.array([[1.0], [2.0], [3.0], [np.nan], [np.inf]])
    assert quantiles(losses)[:, 0].tolist() == [1.4, 3.0, math.inf]
    assert quantiles(np.full((4, 2), np.nan)).tolist() == [[math.inf] * 2] * 3


def test_the_same_request_gives_the_same_numbers_and_another_seed_others() -> None:
    one, two, other = result_of(SMALL), result_of(SMALL), result_of(replace(SMALL, seed=6))
    for a, b, c in zip(one.curves, two.curves, other.curves, strict=True):
        assert (a.median == b.median).all()
        assert (a.final == b.final).all()
        if a.entry.name not in ("zeros", "constant"):
            assert (a.final != c.final).all()


def test_a_contestant_does_the_same_whoever_else_takes_part() -> None:
    together = {curves.entry.name: curves for curves in result_of(SMALL).curves}
    (alone,) = result_of(replace(SMALL, contestants=("orthogonal",))).curves
    assert (alone.median == together["orthogonal"].median).all()


def test_many_seeds_of_a_deep_network_are_trained_in_batches_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    request = replace(SMALL, repeats=7, contestants=("kaiming_uniform", "constant"))
    together = result_of(request)
    monkeypatch.setattr(page, "_BATCH", 6)  # two seeds of three layers
    for one, whole in zip(result_of(request).curves, together.curves, strict=True):
        assert one.final == pytest.approx(whole.final, rel=1e-9)
        assert one.median == pytest.approx(whole.median, rel=1e-9)
        assert one.distance == pytest.approx(whole.distance, rel=1e-9)


def test_torchs_global_generator_is_not_touched() -> None:
    before = torch.get_rng_state()
    result_of(replace(SMALL, contestants=MATRIX, epochs=2))
    assert torch.equal(torch.get_rng_state(), before)


def test_partial_results_are_the_beginning_of_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_PICTURE", 0.0)
    seen = [result for result in page.run(SMALL) if result is not None]
    last = seen[-1]
    assert len(seen) > 5
    assert [result.progress < 1.0 for result in seen] == [True] * (len(seen) - 1) + [False]
    for result in seen:
        for early, late in zip(result.curves, last.curves, strict=True):
            assert (early.median == late.median[:result.done + 1]).all()
            assert not early.median.flags.writeable
        assert len(page.figures(result, DistributionsState(view="convergence"))) == 2


@pytest.mark.parametrize("task", ["spirals", "sine"])
def test_a_learning_rate_of_10_gives_a_picture_and_a_sentence(task: str) -> None:
    result = result_of(replace(SMALL, task=task, lr=10.0, contestants=MATRIX, hidden_layers=4))
    state = DistributionsState(view="convergence")
    main, ends = page.figures(result, state)
    assert main.layers
    assert ends.layers
    verdict, *_ = page.explain(result, state).blocks
    assert isinstance(verdict, Verdict)
    if task == "sine":
        gone = {curves.entry.name: curves.diverged for curves in result.curves}
        assert gone["normal"] == SMALL.repeats
        assert gone["zeros"] in (0, SMALL.repeats)
        assert re.search(rf"Normal at steps? [\d to]+ \({SMALL.repeats} of {SMALL.repeats} seeds\)", main.note)
        assert "diverged" in verdict.text.lower()
        assert sum(gone.values()) == int(re.findall(r"\d+", ends.note)[0])


def test_nobody_is_a_number_any_more_is_said() -> None:
    result = result_of(replace(SMALL, task="sine", lr=10.0, contestants=("normal",), hidden_layers=4, epochs=60))
    verdict = page.explain(result, DistributionsState(view="convergence")).blocks[0]
    assert isinstance(verdict, Verdict)
    assert verdict.role == "bad"
    assert "learning rate of 10" in verdict.text
    assert result.numbers()["convergence"]["normal"]["diverged"] == SMALL.repeats


def diverging(**changes: Any) -> ConvergenceRequest:
    return replace(SMALL, task="sine", lr=0.4, contestants=("zeros", "normal", "kaiming_normal"), hidden_layers=4, epochs=80,
                   **changes)


def test_a_seed_that_diverges_stops_at_its_step_and_the_others_go_on() -> None:
    request = diverging(repeats=6)
    result = result_of(request)
    assert result.done == request.epochs
    zeros, normal, _ = result.curves
    assert zeros.diverged == 0
    assert 2 <= normal.diverged <= 6
    for one in result.curves:
        for repeat in range(request.repeats):
            losses, _ = plain_training(request, one.entry.name, repeat)
            bad = [step for step, loss in enumerate(losses) if not math.isfinite(loss)]
            if bad:
                assert one.stopped[repeat] == bad[0]
                assert one.final[repeat] == math.inf
            else:
                assert math.isnan(one.stopped[repeat])
                assert one.final[repeat] == pytest.approx(losses[-1], rel=1e-6)


def test_a_contestant_without_a_seed_left_is_trained_no_further(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: dict[str, int] = {}
    step = Contestant.step

    def counted(self: Contestant) -> Any:
        taken[self.entry.name] = taken.get(self.entry.name, 0) + 1
        return step(self)

    monkeypatch.setattr(Contestant, "step", counted)
    result = result_of(diverging(repeats=1))
    zeros, normal, _ = result.curves
    assert taken["zeros"] == 80
    assert zeros.diverged == 0
    assert normal.diverged == 1
    assert taken["normal"] == normal.stopped[0] + 1 < 80
    text = page.explain(result, DistributionsState()).blocks
    assert any(isinstance(block, Paragraph) and f"Normal at step {int(normal.stopped[0])}" in block.text for block in text)
    main, _ = page.figures(result, DistributionsState())
    cross = next(layer for layer in main.layers if layer.key == "normal_end")
    assert isinstance(cross, Markers)
    assert cross.x[0] == normal.stopped[0]
    assert main.y.limits is not None
    assert main.y.limits[0] < cross.y[0] < main.y.limits[1]
    assert not any(layer.key == "zeros_end" for layer in main.layers)


def test_the_run_ends_when_nobody_is_left() -> None:
    result = result_of(replace(diverging(repeats=3), contestants=("normal", "ones"), lr=10.0, epochs=2000))
    steps = max(float(np.nanmax(one.stopped)) for one in result.curves)
    assert result.progress == 1.0
    assert result.done == steps < 200
    main, ends = page.figures(result, DistributionsState())
    assert main.x.limits == (0.0, pytest.approx(1.01 * steps))
    assert "6 of 6" in ends.note
    verdict = page.explain(result, DistributionsState()).blocks[0]
    assert isinstance(verdict, Verdict)
    assert f"ends at step {int(steps)}" in verdict.text


def test_the_code_stops_a_seed_that_diverges_too() -> None:
    request = diverging(repeats=3)
    scope: dict[str, Any] = {}
    with torch.random.fork_rng(devices=()), contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(page.code(request), scope)
    for name, text in re.findall(r"(\w+): median loss = (\S+)", printed.getvalue()):
        expected = result_of(request).numbers()["convergence"][name]["final_median"]
        assert float(text) == pytest.approx(expected, rel=1e-5)


def test_the_figures_show_every_contestant_and_every_seed() -> None:
    result = result_of(replace(SMALL, contestants=MATRIX, lr=0.01))
    main, ends = page.figures(result, DistributionsState(view="convergence"))
    assert (main.name, ends.name) == ("convergence", "convergence_end")
    assert {layer.key for layer in main.layers if isinstance(layer, Markers)} <= {f"{name}_end" for name in MATRIX}
    lines = {layer.key: layer for layer in main.layers if isinstance(layer, Line)}
    bands = {layer.key: layer for layer in main.layers if isinstance(layer, Band)}
    dots = {layer.key: layer for layer in ends.layers if isinstance(layer, Markers)}
    assert tuple(lines) == tuple(dots) == MATRIX
    assert len({(line.role, line.dash) for line in lines.values()}) == len(MATRIX)
    for curves in result.curves:
        name = curves.entry.name
        assert lines[name].label == curves.entry.title
        assert (bands[f"{name}_band"].lower <= bands[f"{name}_band"].upper).all()
        assert sorted(dots[name].x) == sorted(curves.final[np.isfinite(curves.final)])


@pytest.mark.parametrize("repeats", [1, 4])
@pytest.mark.parametrize("task", ["spirals", "sine"])
def test_the_panel_names_the_best_and_those_that_learned_nothing(task: str, repeats: int) -> None:
    result = result_of(replace(SMALL, task=task, epochs=400, repeats=repeats))
    blocks = page.explain(result, DistributionsState(view="convergence")).blocks
    verdict = blocks[0]
    best = min(result.curves, key=lambda curves: curves.end)
    assert isinstance(verdict, Verdict)
    assert verdict.text.startswith(f"{best.entry.title} is best")
    assert re.search(r"(Zeros and Constant|Constant and Zeros|Zeros) learned nothing", verdict.text)
    table = next(block for block in blocks if isinstance(block, Table))
    assert table.rows[0][0] == best.entry.title
    assert any(isinstance(block, Formula) and str(result.guess)[:5] in block.latex for block in blocks)
    assert any(isinstance(block, Paragraph) and "calculate_gain" in block.text for block in blocks)


@pytest.mark.parametrize(("task", "activation"), [("spirals", "relu"), ("sine", "tanh"), ("sine", "gelu"), ("sine", "leaky_relu")])
def test_the_code_prints_the_medians_of_the_page(task: str, activation: str) -> None:
    request = replace(SMALL, contestants=MATRIX, task=task, activation=activation, epochs=15, repeats=2, lr=0.01)
    printed = io.StringIO()
    with torch.random.fork_rng(devices=()), contextlib.redirect_stdout(printed):
        exec(page.code(request), {})
    found = dict(re.findall(r"(\w+): median loss = (\S+)", printed.getvalue()))
    expected = result_of(request).numbers()["convergence"]
    assert found.keys() == expected.keys()
    for name, text in found.items():
        assert float(text) == pytest.approx(expected[name]["final_median"], rel=1e-5)


def test_the_code_of_a_deep_network_has_as_many_layers() -> None:
    request = replace(SMALL, contestants=("orthogonal",), hidden_layers=12, epochs=3, repeats=1)
    scope: dict[str, Any] = {}
    with torch.random.fork_rng(devices=()), contextlib.redirect_stdout(io.StringIO()):
        exec(page.code(request), scope)
    assert scope["losses"] == pytest.approx(result_of(request).curves[0].final)


@pytest.mark.parametrize("task", ["spirals", "sine"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("lr", [10.0, 0.0001])
def test_every_formula_of_the_panel_can_be_typeset(task: str, activation: str, lr: float) -> None:
    result = result_of(replace(SMALL, task=task, activation=activation, lr=lr, epochs=2))
    for block in page.explain(result, DistributionsState(view="convergence")).blocks:
        if isinstance(block, Formula):
            assert typeset(block.latex).pieces, block.latex


def test_no_contestant_is_answered_in_words() -> None:
    with pytest.raises(UserError, match="tick at least one"):
        next(page.run(replace(SMALL, contestants=())))


def test_the_experiment_runs_the_page_by_default() -> None:
    experiment, state = Distributions(), DistributionsState(view="convergence", epochs=3)
    *_, result = experiment.run(experiment.request(state))
    assert result is not None
    assert [figure.name for figure in experiment.figures(result, state)] == list(experiment.view(state).figures)
    numbers = experiment.numbers(result, state)
    assert numbers["convergence"].keys() == numbers["loss"].keys() == set(state.contestants)
    assert all(len(curve) == 4 for curve in numbers["loss"].values())


def test_the_numbers_of_a_run_that_diverged_survive_json() -> None:
    found = json.loads(json_text(result_of(diverging(repeats=1)).numbers()))
    assert found["convergence"]["zeros"]["diverged_at"] == [None]
    assert found["convergence"]["normal"]["diverged_at"][0] > 0
