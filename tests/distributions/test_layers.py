"""In a network: torch.nn's own initialisation, and what an initialiser makes of it."""

from __future__ import annotations

import contextlib
import io
import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from visualizer.base.errors import UserError
from visualizer.base.explanation import Formula, Table, Verdict
from visualizer.components.initializers import INITIALIZERS, initializer
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.networks import NETWORKS, default_network
from visualizer.experiments.distributions.pages import layers as page
from visualizer.experiments.distributions.requests import Chosen, LayersRequest
from visualizer.experiments.distributions.state import DistributionsState
from visualizer.figures.model import Band, Line, Markers, Segments
from visualizer.ui.widgets.typesetter import typeset

MATRIX = tuple(entry.name for entry in INITIALIZERS if entry.least_dimensions <= 2 <= entry.most_dimensions)
STATE = DistributionsState(view="layers")


def request_for(name: str, network: str = "three_layers", seed: int = 3, **arguments: Any) -> LayersRequest:
    return LayersRequest(Chosen(name, tuple((dict(initializer(name).arguments) | arguments).items())), network, seed)


def result_of(request: LayersRequest) -> page.LayersResult:
    *_, last = page.run(request)
    assert last is not None
    assert last.progress == 1.0
    return last


def lecture_network(name: str) -> nn.Sequential:
    """As the lecture writes it."""
    if name == "two_layers":
        return nn.Sequential(nn.Linear(10, 5), nn.ReLU(), nn.Linear(5, 2))
    if name == "one_layer":
        return nn.Sequential(nn.Linear(10, 5))
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 10))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("seed", [0, 7, 2**31])
def test_before_has_the_very_numbers_that_torch_nn_draws_with_this_seed(name: str, seed: int) -> None:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        expected = dict(lecture_network(name).named_parameters())
    made = dict(default_network(name, torch.Generator().manual_seed(seed)).named_parameters())
    assert list(made) == list(expected)
    for key, parameter in made.items():
        assert torch.equal(parameter, expected[key])
        assert parameter.requires_grad


@pytest.mark.parametrize("name", NETWORKS)
def test_the_default_stays_inside_one_over_root_fan_in_and_has_that_over_root_three_as_spread(name: str) -> None:
    for layer in result_of(request_for("zeros", name)).layers:
        bound = 1 / math.sqrt(layer.features_in)
        assert -bound <= layer.before.min <= layer.before.max <= bound
        assert layer.theory_before == pytest.approx(bound / math.sqrt(3))
        if layer.before.count >= 1000:
            assert layer.before.max > 0.99 * bound
            assert layer.before.std == pytest.approx(layer.theory_before, rel=0.03)
            assert layer.before.mean == pytest.approx(0, abs=4 * layer.theory_before / math.sqrt(layer.before.count))


@pytest.mark.parametrize("name", MATRIX)
def test_every_initialiser_fills_all_weights_and_clears_all_biases(name: str) -> None:
    for layer in result_of(request_for(name)).layers:
        if not layer.is_weight:
            assert (layer.after.min, layer.after.max, layer.after.std, layer.theory_after) == (0, 0, 0, 0)
            assert layer.before.std > 0
        else:
            assert layer.after.std == pytest.approx(layer.theory_after, rel=0.06, abs=1e-12)


def test_the_numbers_are_those_of_the_tensors_themselves() -> None:
    request = request_for("xavier_uniform", "two_layers")
    found = result_of(request).numbers()["layers"]
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(request.seed)
        network = lecture_network("two_layers")
    assert [row["name"] for row in found] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    for row, parameter in zip(found, network.parameters(), strict=True):
        assert row["shape"] == list(parameter.shape)
        for key in ("mean", "std", "min", "max"):
            assert row["before"][key] == pytest.approx(getattr(parameter, key)().item(), rel=1e-5)
    assert found[0]["after"]["max"] <= math.sqrt(6 / 15)
    assert found[2]["after"]["theory_std"] == pytest.approx(math.sqrt(2 / 7))


def test_kaiming_for_relu_on_the_lectures_deeper_network_has_its_standard_deviations() -> None:
    result = result_of(request_for("kaiming_normal", nonlinearity="relu"))
    expected = [math.sqrt(2 / 64), math.sqrt(2 / 128), math.sqrt(2 / 256)]
    assert [layer.theory_after for layer in result.layers if layer.is_weight] == pytest.approx(expected)


def test_torchs_global_generator_is_not_touched_and_the_same_seed_gives_the_same() -> None:
    before = torch.get_rng_state()
    for name in MATRIX:
        one, two, other = (result_of(request_for(name, seed=seed)) for seed in (1, 1, 2))
        assert one.numbers() == two.numbers()
        assert one.numbers() != other.numbers()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("network", NETWORKS)
def test_the_code_prints_the_standard_deviations_of_the_page(name: str, network: str) -> None:
    request = request_for(name, network)
    printed = io.StringIO()
    with torch.random.fork_rng(devices=()), contextlib.redirect_stdout(printed):
        exec(page.code(request), {})
    rows = re.findall(r"(\S+): std (\S+) before, (\S+) after", printed.getvalue())
    layers = result_of(request).layers
    assert [row[0] for row in rows] == [layer.name for layer in layers]
    for (_, before, after), layer in zip(rows, layers, strict=True):
        assert float(before) == pytest.approx(layer.before.std, abs=2e-6)
        assert float(after) == pytest.approx(layer.after.std, abs=2e-6)


@pytest.mark.parametrize(("name", "arguments", "words"), [
    ("dirac", {}, "convolutions"),
    ("uniform", {"a": 2.0, "b": 1.0}, "larger than the upper bound"),
    ("xavier_uniform", {"gain": -1.0}, "gain"),
    ("trunc_normal", {"a": 2.0, "b": 1e6}, "narrow"),
])
def test_what_cannot_be_drawn_is_answered_in_words(name: str, arguments: dict[str, float], words: str) -> None:
    with pytest.raises(UserError, match=words) as caught:
        list(page.run(request_for(name, **arguments)))
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize(("a", "b"), [(-2.0, 2.0), (1.0, 1.0), (6.0, 7.0), (-0.1, 0.1), (-1e6, 1e6), (3.0, 9.0)])
def test_truncated_normals_near_and_far_are_drawn_without_a_warning(a: float, b: float) -> None:
    for layer in result_of(request_for("trunc_normal", a=a, b=b)).layers:
        if layer.is_weight:
            assert np.float32(a) <= layer.after.min <= layer.after.max <= np.float32(b)
            assert layer.after.std == pytest.approx(layer.theory_after, rel=0.06, abs=1e-6)


@pytest.mark.parametrize("name", MATRIX)
@pytest.mark.parametrize("network", NETWORKS)
def test_every_tensor_has_a_row_before_above_and_after_below_its_line(name: str, network: str) -> None:
    result = result_of(request_for(name, network))
    main, spread = page.figures(result, STATE)
    assert (main.name, spread.name) == ("layers", "layer_spread")
    assert len({layer.key for layer in main.layers}) == len(main.layers)
    assert main.y.ticks is not None
    rows = {text.split()[0]: position for position, text in main.y.ticks}
    assert list(rows) == [layer.name for layer in result.layers]
    for tensor in result.layers:
        for side in ("before", "after"):
            drawn = [layer for layer in main.layers if layer.key.startswith(f"{tensor.name}_{side}_")]
            assert drawn
            for layer in drawn:
                heights = np.concatenate([
                    getattr(layer, name) for name in ("y", "lower", "upper", "y0", "y1") if hasattr(layer, name)
                ]) - rows[tensor.name]
                assert ((heights >= 0) if side == "before" else (heights <= 0)).all()
                if not layer.key.endswith("theory"):
                    assert (abs(heights) < 0.5).all()
    (before,) = (layer for layer in spread.layers if layer.key == "before")
    assert isinstance(before, Markers)
    assert before.y.tolist() == [layer.before.std for layer in result.layers]


def test_a_histogram_has_the_area_of_its_theory() -> None:
    result = result_of(request_for("kaiming_normal", nonlinearity="relu"))
    for layer in result.layers:
        for values in (layer.before, layer.after):
            if values.theory_x.size:
                measured = float((np.diff(values.x) * 0.5 * (values.height[1:] + values.height[:-1])).sum())
                expected = float((np.diff(values.theory_x) * 0.5 * (values.theory_height[1:] + values.theory_height[:-1])).sum())
                assert measured == pytest.approx(expected, rel=0.01)


def test_few_values_are_drawn_one_by_one_and_equal_ones_as_a_bar_without_width() -> None:
    main, _ = page.figures(result_of(request_for("constant", "two_layers")), STATE)
    by_key = {layer.key: layer for layer in main.layers}
    dots, same = by_key["0.bias_before_dots"], by_key["0.weight_after_same"]
    assert isinstance(dots, Markers)
    assert isinstance(same, Segments)
    assert dots.x.size == 5
    assert same.x0.tolist() == same.x1.tolist() == [0.5]
    assert isinstance(by_key["0.weight_before_fill"], Band)
    assert isinstance(by_key["0.weight_before_theory"], Line)


def test_the_panel_derives_the_default_and_the_initialiser_for_every_layer() -> None:
    result = result_of(request_for("kaiming_normal", nonlinearity="relu"))
    blocks = page.explain(result, STATE).blocks
    assert isinstance(blocks[0], Verdict)
    formulas = " ".join(block.latex for block in blocks if isinstance(block, Formula))
    assert r"\frac{1}{\sqrt{3 \cdot 64}} = 0.07217" in formulas
    for text in ("0.1768", "0.125", "0.08839"):
        assert text in formulas
    measured = next(block for block in blocks if isinstance(block, Table))
    assert [row[0] for row in measured.rows] == [layer.name for layer in result.layers]


@pytest.mark.parametrize("name", ["constant", "ones", "zeros"])
def test_the_panel_warns_of_equal_neurons(name: str) -> None:
    verdict = page.explain(result_of(request_for(name)), STATE).blocks[0]
    assert isinstance(verdict, Verdict)
    assert verdict.role == "bad"
    assert "equal" in verdict.text


@pytest.mark.parametrize("name", MATRIX)
def test_every_formula_of_the_panel_can_be_typeset(name: str) -> None:
    for block in page.explain(result_of(request_for(name)), STATE).blocks:
        if isinstance(block, Formula):
            assert typeset(block.latex).pieces, block.latex


def test_the_experiment_runs_the_page_by_default() -> None:
    experiment = Distributions()
    *_, result = experiment.run(experiment.request(STATE))
    assert result is not None
    assert [figure.name for figure in experiment.figures(result, STATE)] == list(experiment.view(STATE).figures)
    assert len(experiment.numbers(result, STATE)["layers"]) == 4
