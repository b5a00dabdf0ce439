"""Signal propagation: against plain torch networks, closed forms, and what is exactly known."""

from __future__ import annotations

import json
import math
import re
import warnings
from collections.abc import Generator, Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from visualizer.base.errors import UserError
from visualizer.base.explanation import Formula, Verdict
from visualizer.base.json_text import json_text
from visualizer.base.parameters import parameters_of
from visualizer.components.initializers import INITIALIZERS
from visualizer.components.seeding import torch_generator
from visualizer.experiments.distributions import meanfield, propagation
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.pages.propagation import PropagationResult
from visualizer.experiments.distributions.propagation import ACTIVATION, Weights, propagate, rows_of
from visualizer.experiments.distributions.requests import Chosen
from visualizer.experiments.distributions.state import ACTIVATIONS, PRESETS, VIEWS, DistributionsState
from visualizer.experiments.distributions.symmetry import RATE, ROWS, linear, train

TAB = Distributions()
FIGURES = next(view.figures for view in VIEWS if view.name == "propagation")


def state_of(**values: Any) -> DistributionsState:
    small = {"depth": 6, "width": 64, "batch": 32, "symmetry_steps": 3}
    return DistributionsState().changed(view="propagation", **(small | values))


def last_of(run: Iterable[Any]) -> Any:
    *_, last = run
    assert last is not None
    return last


def returned(run: Generator[None, None, Any]) -> Any:
    """What a generator returns at its end."""
    while True:
        try:
            next(run)
        except StopIteration as end:
            return end.value


def result_of(**values: Any) -> PropagationResult:
    last = last_of(TAB.run(TAB.request(state_of(**values))))
    assert isinstance(last, PropagationResult)
    assert last.progress == 1.0
    return last


def numbers_of(**values: Any) -> dict[str, Any]:
    return result_of(**values).numbers()["propagation"]


def executed(state: DistributionsState) -> dict[str, Any]:
    names: dict[str, Any] = {}
    before = torch.get_rng_state()
    try:
        exec(compile(TAB.code(state), "<code>", "exec"), names)
    finally:
        torch.set_rng_state(before)
    return names


def test_he_and_relu_keep_the_signal_as_theory_says() -> None:
    ratios = []
    for seed in range(8):
        found = result_of(initializer="kaiming_normal", nonlinearity="relu", depth=10, width=256, batch=64, seed=seed,
                          symmetry_steps=0)
        assert found.judgement.kind == "healthy"
        assert found.prediction is not None
        # Var(w) = 2 / n: the mean square halves in the ReLU and doubles in the layer; std^2 is (1 - 1/pi) of q / 2 * 2.
        expected = math.sqrt(found.trace.squares.mean() * (1 - 1 / math.pi))
        assert found.prediction.activation[1:] == pytest.approx(expected, rel=2e-3)
        ratios.append(math.log(found.trace.activation.std[10] / found.prediction.activation[10]))
    # The scatter predicted for one network, over the root of the number of networks.
    one = math.sqrt(10 * 5 / 256) / 2
    assert abs(np.mean(ratios) + one**2) < 4 * one / math.sqrt(8)


def test_the_predicted_scatter_holds_about_95_percent_of_the_networks() -> None:
    inside = 0
    for seed in range(60):
        found = result_of(initializer="kaiming_normal", nonlinearity="relu", depth=8, width=64, batch=8, seed=seed,
                          symmetry_steps=0)
        assert found.prediction is not None
        inside += found.prediction.low[8] <= found.trace.activation.std[8] <= found.prediction.high[8]
    assert inside >= stats.binom.ppf(1e-4, 60, 0.95)
    assert inside < 60 or found.prediction.high[8] / found.prediction.low[8] < 8


def test_orthogonal_layers_without_activation_keep_every_length() -> None:
    found = result_of(initializer="orthogonal", activation="linear", depth=40)
    spread = found.trace.activation
    size = np.sqrt(spread.std**2 + spread.mean**2)
    assert size == pytest.approx(size[0], rel=1e-4)
    gradient = found.trace.gradient
    back = np.sqrt(gradient.std**2 + gradient.mean**2)
    assert back == pytest.approx(back[-1], rel=1e-4)
    assert found.judgement.kind == "healthy"
    assert found.prediction is not None
    assert found.prediction.low[40] == pytest.approx(found.prediction.high[40], rel=1e-4)


def test_xavier_without_activation_keeps_the_signal_on_average() -> None:
    found = result_of(initializer="xavier_uniform", activation="linear", width=512, depth=5, batch=64)
    assert found.prediction is not None
    assert found.prediction.activation[1:] == pytest.approx(math.sqrt(found.trace.squares.mean()), rel=1e-6)
    assert found.trace.activation.std == pytest.approx(found.prediction.activation, rel=0.1)
    assert found.trace.gradient.std == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(("std", "kind"), [(0.02, "vanishing"), (0.3, "exploding")])
def test_normal_weights_change_the_signal_at_the_rate_of_theory(std: float, kind: str) -> None:
    found = result_of(initializer="normal", std=std, width=256, depth=30, batch=64)
    assert found.judgement.kind == kind
    rate = std * math.sqrt(256 / 2)  # a ReLU lets half of the mean square pass
    measured = found.judgement.forward ** (1 / 29)
    assert measured == pytest.approx(rate, rel=0.05)
    assert found.judgement.backward ** (1 / 29) == pytest.approx(rate, rel=0.05)
    assert found.prediction is not None
    assert found.prediction.activation[30] / found.prediction.activation[1] == pytest.approx(rate**29, rel=1e-3)
    assert found.prediction.gradient[1] == pytest.approx(rate**29, rel=1e-2)


@pytest.mark.parametrize("activation", [option.name for option in ACTIVATIONS])
def test_gradients_are_those_of_a_plain_torch_network(activation: str) -> None:
    values = {"initializer": "xavier_normal", "activation": activation, "gain": 1.3, "depth": 4, "width": 48, "batch": 20}
    found = result_of(**values)
    names = executed(state_of(**values))
    trace = found.trace
    assert trace.activation.std[1:] == pytest.approx(names["activation_std"], rel=1e-5)
    assert trace.gradient.std[1:] == pytest.approx(names["gradient_std"], rel=1e-5)
    assert trace.weight_gradient[1:] == pytest.approx(names["weight_gradient_std"], rel=1e-5)
    last = names["activations"][-1].detach().double()
    assert trace.activation.mean[4] == pytest.approx(last.mean().item(), abs=1e-7)
    assert trace.activation.quantiles[4] == pytest.approx(
        np.quantile(last.numpy(), (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)), abs=1e-6)


@pytest.mark.parametrize("name", [e.name for e in INITIALIZERS if e.least_dimensions <= 2 <= e.most_dimensions])
def test_the_code_reproduces_the_page_for_every_initialiser(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = numbers_of(initializer=name, activation="tanh", depth=3, width=24, batch=8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's own about a truncation far from the mean
        names = executed(state_of(initializer=name, activation="tanh", depth=3, width=24, batch=8))
    assert found["activation_std"] == pytest.approx(names["activation_std"], rel=1e-5, abs=1e-7)
    assert found["gradient_std"] == pytest.approx(names["gradient_std"], rel=1e-5, abs=1e-7)
    assert found["weight_gradient_std"] == pytest.approx(names["weight_gradient_std"], rel=1e-4, abs=1e-6)
    assert capsys.readouterr().out.count("layer ") == 3


@pytest.mark.parametrize("kind", ["normal", "uniform", "one_hot"])
def test_the_code_makes_the_same_input(kind: str) -> None:
    values = {"initializer": "kaiming_uniform", "input": kind, "depth": 2, "width": 30, "batch": 9}
    assert result_of(**values).trace.activation.std[1:] == pytest.approx(executed(state_of(**values))["activation_std"], rel=1e-5)


@pytest.mark.parametrize("width", [2, 7, 9, 11, 16, 23, 31, 64])
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "sigmoid"])
def test_equal_neurons_stay_exactly_equal_through_training(width: int, activation: str) -> None:
    found = result_of(initializer="constant", val=0.2, width=width, activation=activation, symmetry_steps=30, batch=4, depth=3)
    assert found.judgement.kind == "symmetric"
    assert found.symmetry is not None
    assert found.symmetry.distance.shape == (31, 3)
    assert (found.symmetry.distance == 0.0).all()
    assert found.symmetry.loss[-1] != found.symmetry.loss[0]  # it did learn


@pytest.mark.parametrize("name", ["xavier_normal", "kaiming_uniform", "orthogonal", "normal", "eye"])
def test_neurons_that_start_different_stay_different(name: str) -> None:
    found = result_of(initializer=name, symmetry_steps=10)
    assert found.symmetry is not None
    assert (found.symmetry.distance > 0).all()
    assert not found.symmetry.stays
    assert found.judgement.kind != "symmetric"


def test_the_first_distance_is_that_between_the_rows_of_the_weights() -> None:
    found = last_of(train(Chosen("ones", ()), depth=1, width=5, activation="tanh", steps=0, seed=0))
    assert found.distance.tolist() == [[0.0]]
    found = last_of(train(Chosen("eye", ()), depth=2, width=5, activation="tanh", steps=0, seed=0))
    assert found.distance[0] == pytest.approx(math.sqrt(2))


def test_the_symmetric_product_is_torchs_linear_with_its_gradients() -> None:
    generator = torch.Generator().manual_seed(3)
    x, w = (torch.randn(*shape, dtype=torch.float64, generator=generator, requires_grad=True) for shape in ((6, 5), (4, 5)))
    assert torch.autograd.gradcheck(linear, (x, w))
    torch.testing.assert_close(linear(x, w), torch.nn.functional.linear(x, w))


@pytest.mark.parametrize("std", [0.3, 3.0])
def test_the_small_network_is_trained_as_plain_torch_trains_it(std: float) -> None:
    chosen = Chosen("normal", (("mean", 0.0), ("std", std)))
    found = last_of(train(chosen, depth=2, width=8, activation="tanh", steps=12, seed=5))
    source = torch_generator(5, "symmetry")
    weights = [torch.empty(*shape, dtype=torch.float64) for shape in ((8, 8), (8, 8), (1, 8))]
    for weight in weights:
        torch.nn.init.normal_(weight, std=std, generator=source).requires_grad_()
    data = torch_generator(5, "symmetry data")
    x, y = (torch.randn(ROWS, columns, dtype=torch.float64, generator=data) for columns in (8, 1))
    optimizer = torch.optim.SGD(weights, lr=RATE)
    for step in range(13):
        hidden = x
        for weight in weights[:-1]:
            hidden = torch.tanh(torch.nn.functional.linear(hidden, weight))
        loss = torch.nn.functional.mse_loss(torch.nn.functional.linear(hidden, weights[-1]), y)
        assert found.loss[step] == pytest.approx(loss.item(), rel=1e-4)
        far = max(float((a - b).norm()) for a in weights[0].detach() for b in weights[0].detach())
        assert found.distance[step, 0] == pytest.approx(far, rel=1e-4)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()


def test_dead_relus_are_counted() -> None:
    # A ReLU with only negative weights on a positive input is 0 everywhere from the first layer on.
    found = numbers_of(initializer="uniform", a=-1.0, b=-0.5, input="uniform", depth=3)
    assert found["dead_fraction"].tolist() == [1.0, 1.0, 1.0]
    assert found["activation_std"].tolist() == [0.0, 0.0, 0.0]
    values = {"initializer": "normal", "std": 0.2, "batch": 2, "depth": 4}
    names = executed(state_of(**values))
    expected = [(h == 0).all(0).double().mean().item() for h in names["activations"]]
    assert numbers_of(**values)["dead_fraction"] == pytest.approx(expected)
    assert max(expected) > 0.1
    assert not numbers_of(activation="tanh", initializer="zeros")["dead_fraction"].any()


def test_overflow_names_the_first_layer_that_is_not_finite() -> None:
    found = result_of(initializer="constant", val=1e6, width=64, depth=12, activation="linear")
    x = torch.as_tensor(found.trace.sums.copy())
    size, expected = float(x.abs().max()) * 1e6, 1
    while size < torch.finfo(torch.float32).max:
        size, expected = size * 64e6, expected + 1
    numbers = found.numbers()["propagation"]
    assert numbers["first_nonfinite_layer"] == expected
    assert numbers["verdict"] == "not a number"
    assert f"layer {expected}" in numbers["verdict_text"]
    assert numbers["inf_count"] + numbers["nan_count"] > 0
    assert np.isnan(numbers["gradient_std"]).all()
    assert np.isfinite(numbers["activation_std"][: expected - 1]).all()


def test_a_gradient_that_overflows_is_named_too() -> None:
    # The input is small enough that the signal stays finite: one_hot has 1 value of 1024 and tanh ends at 1.
    found = result_of(initializer="normal", std=1e6, activation="leaky_relu", depth=5, width=1024, batch=2)
    deeper = result_of(initializer="normal", std=1e6, activation="leaky_relu", depth=6, width=1024, batch=2)
    assert found.judgement.kind == "exploding"
    assert deeper.judgement.kind == "not a number"


def test_a_signal_that_underflows_is_exactly_zero_from_a_named_layer() -> None:
    found = result_of(initializer="normal", std=1e-5, depth=20)
    layer = found.judgement.zero_layer
    assert layer is not None
    assert found.trace.activation.std[layer - 1] > 0
    assert (found.trace.activation.std[layer:] == 0).all()
    assert f"from layer {layer} on" in found.judgement.text


@pytest.mark.parametrize(("name", "values"), [
    ("uniform", {"a": 0.0, "b": 1.0}), ("uniform", {"a": 0.0, "b": 0.02}), ("constant", {"val": 0.01}), ("ones", {}),
    ("normal", {"mean": 0.05, "std": 0.05}),
])
@pytest.mark.parametrize("activation", ["relu", "tanh", "linear", "sigmoid", "gelu"])
def test_weights_with_a_mean_follow_the_extended_theory(name: str, values: dict[str, float], activation: str) -> None:
    found = result_of(initializer=name, activation=activation, width=512, depth=5, batch=128, symmetry_steps=0, **values)
    assert found.prediction is not None
    assert found.trace.activation.std[1:] == pytest.approx(found.prediction.activation[1:], rel=0.25, abs=1e-4)
    some = (found.trace.gradient.std > 1e-30) & (found.prediction.gradient > 1e-30)
    if activation != "tanh":  # a saturated tanh passes so little that a few rows decide
        assert np.log(found.trace.gradient.std[some]) == pytest.approx(np.log(found.prediction.gradient[some]), abs=0.4)


def test_where_theory_has_no_answer_it_says_so() -> None:
    assert "identity" in result_of(initializer="eye").unpredicted
    between = result_of(initializer="normal", mean=0.01, std=0.1, width=64)
    assert between.prediction is None
    assert "mean" in between.unpredicted
    assert np.isnan(between.numbers()["propagation"]["theory_std"]).all()


@pytest.mark.parametrize("activation", [option.name for option in ACTIVATIONS])
def test_the_recursion_integrates_the_activation_and_its_slope(activation: str) -> None:
    variance, width = 0.9 / 300, 300
    found = last_of(meanfield.predict(
        np.zeros(3), np.ones(3), mean=0.0, variance=variance, width=width, depth=1, activation=activation, input_std=1.0,
        orthogonal=False, rows=3, output_sums=np.zeros(3),
    ))
    root = math.sqrt(0.9)

    def phi(z: float) -> float:
        return float(ACTIVATION[activation](torch.tensor(root * z, dtype=torch.float64)))

    def slope(z: float) -> float:
        x = torch.tensor(root * z, dtype=torch.float64, requires_grad=True)
        return float(torch.autograd.grad(ACTIVATION[activation](x), x)[0])

    def mean(function: Any) -> float:
        parts = ((-9.0, 0.0), (0.0, 9.0))
        return float(sum(integrate.quad(lambda z: function(z) * stats.norm.pdf(z), *part, limit=200)[0] for part in parts))

    expected = mean(lambda z: phi(z) ** 2) - mean(phi) ** 2
    assert found.activation[1] == pytest.approx(math.sqrt(expected), rel=1e-4)
    assert found.chi[1] == pytest.approx(0.9 * mean(lambda z: slope(z) ** 2), rel=1e-4)


def test_the_same_seed_gives_the_same_and_torchs_generator_is_untouched() -> None:
    before = torch.get_rng_state()
    for name in ("normal", "sparse", "orthogonal"):
        first, second = result_of(initializer=name), result_of(initializer=name)
        np.testing.assert_array_equal(first.trace.activation.quantiles, second.trace.activation.quantiles)
        np.testing.assert_array_equal(first.trace.weight_gradient, second.trace.weight_gradient)
        assert first.symmetry is not None
        assert second.symmetry is not None
        np.testing.assert_array_equal(first.symmetry.distance, second.symmetry.distance)
        other = result_of(initializer=name, seed=12345)
        assert not np.array_equal(first.trace.activation.quantiles, other.trace.activation.quantiles)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", ["normal", "sparse", "orthogonal", "trunc_normal"])
def test_a_weight_that_was_not_kept_is_drawn_again_the_same(name: str) -> None:
    chosen = Chosen(name, tuple(next(e for e in INITIALIZERS if e.name == name).arguments.items()))
    weights = Weights(chosen, 7, most=0)
    drawn = [returned(weights.layer(index, 20)) for index in range(4)]
    for index in (3, 2, 1, 0):
        assert torch.equal(returned(weights.layer(index, 20)), drawn[index])
    assert not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize("values", [
    {"depth": 1, "width": 2, "activation": "sigmoid", "input": "one_hot", "batch": 2, "symmetry_steps": 0},
    {"depth": 1, "width": 2, "initializer": "zeros", "batch": 2},
    {"depth": 2, "width": 2, "initializer": "sparse", "sparsity": 1.0},
    {"initializer": "constant", "val": -3.0}, {"initializer": "constant", "val": 1e6, "depth": 100},
    {"initializer": "trunc_normal", "a": 5.0, "b": 6.0}, {"initializer": "constant", "input": "one_hot"},
    {"initializer": "orthogonal", "gain": -1e3, "activation": "selu", "depth": 20},
    {"initializer": "eye", "depth": 100, "width": 3},
])
def test_every_corner_has_all_figures_and_an_explanation(values: dict[str, Any]) -> None:
    state = state_of(**values)
    results = [result for result in TAB.run(TAB.request(state)) if result is not None]
    assert results[-1].progress == 1.0
    assert all(one.progress <= other.progress for one, other in pairwise(results))
    for result in results:
        figures = TAB.figures(result, state)
        assert tuple(figure.name for figure in figures) == FIGURES
        for figure in figures:
            assert figure.layers or figure.note
            keys = [layer.key for layer in figure.layers]
            assert len(keys) == len(set(keys))
            for axis in (figure.x, figure.y):
                assert axis.limits is None or axis.limits[0] < axis.limits[1]
        blocks = TAB.explain(result, state).blocks
        assert isinstance(blocks[0], Verdict)
        assert not any("nan" in block.latex or "inf" in block.latex for block in blocks if isinstance(block, Formula))


@pytest.mark.parametrize("preset", [p.name for p in PRESETS if p.values["view"] == "propagation"])
def test_each_preset_gets_the_verdict_that_it_is_made_for(preset: str) -> None:
    chosen = next(p for p in PRESETS if p.name == preset)
    state = DistributionsState().changed(**chosen.values)
    *_, last = TAB.run(TAB.request(state))
    expected = {"healthy": "healthy", "vanishing": "vanishing", "exploding": "exploding", "equal": "symmetric",
                "tanh_xavier": "healthy"}
    assert TAB.numbers(last, state)["propagation"]["verdict"] == expected[preset]  # type: ignore[arg-type]


def test_the_numbers_survive_json() -> None:
    for values in ({}, {"initializer": "ones", "depth": 40}, {"initializer": "eye"}):
        found = json.loads(json_text(result_of(**values).numbers()))
        depth = state_of(**values).depth
        assert set(found) == {"propagation", "symmetry"}
        for name in ("layer", "activation_std", "gradient_std", "theory_std", "dead_fraction"):
            assert len(found["propagation"][name]) == depth
        bad = found["propagation"]["first_nonfinite_layer"]
        assert isinstance(bad, int) if "depth" in values else bad is None


def test_formulas_can_be_typeset() -> None:
    from ziamath import Latex

    for values in ({}, {"initializer": "uniform"}, {"initializer": "normal", "std": 1e-5, "activation": "linear"}):
        state = state_of(**values)
        for block in TAB.explain(result_of(**values), state).blocks:
            if isinstance(block, Formula):
                assert Latex(block.latex).svg().startswith("<svg")
                assert block.description


def test_dirac_and_a_range_the_wrong_way_round_are_refused_in_words() -> None:
    with pytest.raises(UserError, match="convolution"):
        result_of(initializer="dirac")
    with pytest.raises(UserError):
        result_of(initializer="uniform", a=1.0, b=-1.0)


def test_a_wide_and_deep_network_takes_fewer_rows_and_says_so() -> None:
    assert rows_of(1024, 1024) * 1024 <= 2**17
    assert rows_of(32, 64) == 32
    found = result_of(width=1024, batch=1024, depth=2, initializer="normal", std=0.04, symmetry_steps=0)
    assert found.trace.rows == rows_of(1024, 1024)
    figure = TAB.figures(found, state_of())[0]
    assert f"{found.trace.rows} of the 1024 rows" in figure.note


def test_every_width_and_depth_that_can_be_set_is_bounded_in_memory() -> None:
    declared = parameters_of(DistributionsState)
    deepest, widest, most = (declared[name].maximum for name in ("depth", "width", "batch"))  # type: ignore[attr-defined]
    for width in (2, 16, 256, widest):
        assert deepest * width * rows_of(most, width) <= 100 * 2**17


def test_the_passes_report_on_their_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propagation, "_PICTURE", 0.0)
    chosen = Chosen("normal", (("mean", 0.0), ("std", 0.05)))
    traces = [t for t in propagate(chosen, depth=70, width=256, activation="relu", input="normal", batch=512, seed=0) if t]
    fractions = [trace.fraction for trace in traces]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert fractions[-1] == 1.0
    assert len(traces) == 140  # the two ends; every layer but the last, forward and backward
    assert np.isnan(traces[20].activation.std[21:]).all()
    np.testing.assert_array_equal(traces[20].activation.std[:21], traces[-1].activation.std[:21])
    assert not traces[1].activation.std.flags.writeable


def test_the_axes_of_the_main_figure_stay_while_a_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propagation, "_PICTURE", 0.0)
    state = state_of(initializer="normal", std=0.05, depth=70, width=256, batch=512)
    seen = [TAB.figures(result, state)[0].y.limits for result in TAB.run(TAB.request(state)) if result is not None]
    assert len(seen) > 3
    for limits in seen:
        assert limits is not None
        assert limits == pytest.approx(seen[-1], rel=0.5)


def test_a_wide_orthogonal_matrix_is_torchs_own_however_it_is_drawn() -> None:
    weights = Weights(Chosen("orthogonal", (("gain", 2.0),)), 11)
    source = torch.Generator().manual_seed(11)
    for index in range(2):
        expected = torch.nn.init.orthogonal_(torch.empty(300, 300), gain=2.0, generator=source)
        assert torch.equal(returned(weights.layer(index, 300)), expected)


def test_arguments_that_torch_refuses_are_refused_in_words_beside_the_run_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise ValueError("gain is odd.")

    monkeypatch.setattr(torch.nn.init, "orthogonal_", refuse)
    for width in (20, 300):
        with pytest.raises(UserError, match="gain is odd"):
            returned(Weights(Chosen("orthogonal", (("gain", 1.0),)), 0).layer(0, width))


def test_the_theory_is_the_same_however_many_rows_are_averaged_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.random.default_rng(2).normal(size=(50, 40))

    def predicted() -> Any:
        return last_of(meanfield.predict(
            rows.sum(1), (rows**2).mean(1), mean=0.1, variance=1e-4, width=40, depth=5, activation="gelu", input_std=1.0,
            orthogonal=False, rows=50, output_sums=np.linspace(-3, 3, 50),
        ))

    several = predicted()
    monkeypatch.setattr(meanfield, "_ROWS", 50)
    whole = predicted()
    np.testing.assert_allclose(several.activation, whole.activation, rtol=1e-12)
    np.testing.assert_allclose(several.gradient, whole.gradient, rtol=1e-12)


def test_quantiles_are_those_of_all_rows() -> None:
    values = {"initializer": "kaiming_normal", "depth": 2, "width": 200, "batch": 300, "symmetry_steps": 0}
    last = executed(state_of(**values))["activations"][-1].detach().double().numpy()
    expected = np.quantile(last, (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99))
    assert result_of(**values).trace.activation.quantiles[2] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("activation", ["linear", "relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("name", ["xavier_uniform", "kaiming_normal", "orthogonal"])
def test_the_theory_is_what_networks_simulated_in_numpy_do(name: str, activation: str) -> None:
    width, depth, rows, networks = 128, 5, 64, 24
    draw = np.random.default_rng(1)

    def weight() -> Any:
        if name == "xavier_uniform":
            return draw.uniform(-1, 1, (width, width)) * math.sqrt(6 / (2 * width))
        normal = draw.normal(size=(width, width))
        return normal * math.sqrt(2 / width) if name == "kaiming_normal" else np.linalg.qr(normal)[0]

    def out(x: Any) -> Any:
        return {"linear": x, "relu": x * (x > 0), "tanh": np.tanh(x), "sigmoid": 1 / (1 + np.exp(-x))}[activation]

    def slope(x: Any) -> Any:
        y = out(x)
        return {"linear": np.ones_like(x), "relu": x > 0, "tanh": 1 - y**2, "sigmoid": y * (1 - y)}[activation]

    there, back = np.zeros(depth), np.zeros(depth)
    for _ in range(networks):
        x, weights, before = draw.normal(size=(rows, width)), [weight() for _ in range(depth)], []
        for layer in range(depth):
            before.append(x @ weights[layer].T)
            x = out(before[-1])
            there[layer] += x.var() / networks
        g = draw.normal(size=(rows, width))
        for layer in reversed(range(depth)):
            g = (g * slope(before[layer])) @ weights[layer]
            back[layer] += g.var() / networks
    found = result_of(initializer=name, nonlinearity="relu", activation=activation, depth=depth, width=width, batch=256,
                      symmetry_steps=0).prediction
    assert found is not None
    assert found.activation[1:] == pytest.approx(np.sqrt(there), rel=0.1)
    assert found.gradient[:-1] == pytest.approx(np.sqrt(back), rel=0.1)


def test_one_layer_that_about_halves_the_spread_is_healthy() -> None:
    found = result_of(initializer="eye", activation="relu", depth=1, width=2, batch=8)
    assert found.judgement.backward == pytest.approx(0.5, abs=0.2)
    assert found.judgement.kind == "healthy"


def test_a_signal_without_spread_is_not_called_zero() -> None:
    found = result_of(initializer="constant", val=0.3, activation="linear", input="one_hot", depth=3)
    assert found.judgement.zero_layer is None
    assert found.trace.activation.mean[3] != 0
    assert "loses its spread" in found.judgement.text
    assert "exactly 0" not in found.judgement.text


def test_equal_neurons_are_told_what_becomes_of_the_gradient_too() -> None:
    text = result_of(initializer="ones", activation="tanh", depth=60, width=2, batch=8).judgement.text
    assert text.startswith("Symmetric")
    assert re.search(r"the gradient shrinks \S+-fold", text)


def test_dead_relus_are_named_beside_the_figure() -> None:
    values = {"initializer": "normal", "std": 0.2, "batch": 2, "depth": 4}
    found = result_of(**values)
    layer = int(np.argmax(found.trace.dead[1:])) + 1
    note = TAB.figures(found, state_of(**values))[0].note
    assert f"up to {100 * found.trace.dead[layer]:.3g} %, in layer {layer}." in note
    assert "Dead" not in TAB.figures(result_of(activation="tanh"), state_of())[0].note


def test_a_line_has_its_gradient_predicted_even_where_its_signal_leaves_float64() -> None:
    found = result_of(initializer="ones", activation="linear", depth=100, width=1024, batch=4, symmetry_steps=0).prediction
    assert found is not None
    assert np.isnan(found.activation[100])
    assert found.gradient[90:100] == pytest.approx(found.gradient[99] * 1024.0 ** np.arange(9, -1, -1), rel=1e-6)


def test_on_its_way_the_verdict_says_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(propagation, "_PICTURE", 0.0)
    state = state_of(initializer="kaiming_normal", depth=3)
    texts = [result.judgement.text for result in TAB.run(TAB.request(state)) if isinstance(result, PropagationResult)]
    assert texts[:4] == [f"{way} of 3 \u2026" for way in (
        "Forward through layer 1", "Forward through layer 2", "Backward to layer 2", "Backward to layer 1")]
