"""The page of the initialisers: what is drawn, counted and said of every one of them."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from visualizer.base.errors import UserError
from visualizer.base.explanation import Paragraph, Table, Verdict
from visualizer.components.initializers import INITIALIZERS, initializer
from visualizer.experiments.distributions import streaming
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.pages.initializer import InitializerResult
from visualizer.experiments.distributions.state import PRESETS, DistributionsState

TAB = Distributions()


def state_of(**values: Any) -> DistributionsState:
    return TAB.default_state().changed(view="initializer", **values)


def final(state: DistributionsState) -> InitializerResult:
    *_, last = (result for result in TAB.run(TAB.request(state)) if result is not None)
    assert isinstance(last, InitializerResult)
    return last


def numbers(**values: Any) -> dict[str, Any]:
    return final(state_of(**values)).numbers()


def test_every_initialiser_of_the_installed_torch_has_an_entry() -> None:
    there = {name.removesuffix("_") for name in torch.nn.init.__all__ if name.endswith("_")}
    assert len(there) >= 14
    assert there == {entry.name for entry in INITIALIZERS}


def a_shape_for(name: str) -> str:
    dimensions = max(2, initializer(name).least_dimensions)
    return "x".join(["6", "4", "3"][:dimensions])


def test_xavier_on_the_lectures_tensor_has_the_bound_and_the_spread_of_the_lecture() -> None:
    found = numbers(initializer="xavier_uniform", shape="4x3")
    assert found["theory"]["bound"] == pytest.approx(0.92582, abs=5e-6)
    assert found["theory"]["std"] == pytest.approx(0.53452, abs=5e-6)
    assert (found["fan_in"], found["fan_out"], found["gain"]) == (3, 4, 1.0)
    assert found["sample"]["count"] == 12


def test_kaiming_for_relu_on_the_lectures_tensor_has_the_spread_of_the_lecture() -> None:
    found = numbers(initializer="kaiming_normal", shape="4x3", mode="fan_in", nonlinearity="relu")
    assert found["theory"]["std"] == pytest.approx(0.81650, abs=5e-6)
    assert found["gain"] == pytest.approx(math.sqrt(2.0))


def test_a_normal_cut_at_two_sigma_has_the_spread_of_the_tables() -> None:
    found = numbers(initializer="trunc_normal", shape="100x100", a=-2.0, b=2.0)
    assert found["theory"]["std"] == pytest.approx(0.87963, abs=5e-6)
    assert found["sample"]["std"] == pytest.approx(0.87963, abs=0.02)


@pytest.mark.parametrize("entry", INITIALIZERS, ids=lambda entry: entry.name)
def test_every_initialiser_is_drawn_explained_and_counted(entry: Any) -> None:
    state = state_of(initializer=entry.name, shape=a_shape_for(entry.name), count=1000)
    result = final(state)
    found = result.numbers()
    drawn, size = found["sample"]["count"], math.prod(map(int, a_shape_for(entry.name).split("x")))
    assert drawn == math.ceil(1000 / size) * size
    summary = result.sample.summary
    assert int(summary.counts.sum()) + summary.below + summary.above + summary.nonfinite == drawn
    figures = TAB.figures(result, state)
    assert tuple(figure.name for figure in figures) == TAB.view(state).figures
    assert figures[0].layers
    assert TAB.explain(result, state).blocks
    law = result.law
    if law.std > 0.0 and entry.elementwise:
        assert abs(found["sample"]["mean"] - law.mean) < 5.0 * law.std / math.sqrt(drawn)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("entry", INITIALIZERS, ids=lambda entry: entry.name)
def test_the_code_beside_it_draws_the_first_tensor_of_the_sample(entry: Any, dtype: str) -> None:
    state = state_of(initializer=entry.name, shape=a_shape_for(entry.name), seed=11, dtype=dtype)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(TAB.code(state), "code", "exec"), {})
    value = {name: float(text) for name, text in re.findall(r"(\w+) = (\S+?)(?:,|\n|$)", said.getvalue())}
    sample = numbers(initializer=entry.name, shape=a_shape_for(entry.name), seed=11, dtype=dtype)["sample"]
    assert value["count"] == sample["count"]
    for key, ours in (("mean", "mean"), ("std", "std"), ("smallest", "minimum"), ("largest", "maximum")):
        assert value[key] == pytest.approx(sample[ours], rel=1e-4, abs=1e-9)


def test_the_code_of_the_tail_sampler_draws_the_same_tensor() -> None:
    values = {"initializer": "trunc_normal", "a": 6.0, "b": 7.0, "method": "tail", "shape": "5x4", "seed": 3}
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(TAB.code(state_of(**values)), "code", "exec"), {})
    sample = numbers(**values)["sample"]
    assert f"mean = {sample['mean']:.6g}" in said.getvalue()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**31 - 1), name=st.sampled_from([entry.name for entry in INITIALIZERS]))
def test_the_same_seed_gives_the_same_sample_and_leaves_torchs_own_generator_alone(seed: int, name: str) -> None:
    before = torch.random.get_rng_state()
    state = state_of(initializer=name, shape=a_shape_for(name), count=500, seed=seed)
    first, second = final(state), final(state)
    assert np.array_equal(first.sample.kept, second.sample.kept)
    assert np.array_equal(first.sample.summary.counts, second.sample.summary.counts)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.fixture
def shown_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_STEP", 0.0), ("_SELDOM", 0.0), ("_SOON", 0.0)):
        monkeypatch.setattr(streaming, name, seconds)


def test_a_large_sample_is_shown_while_it_grows_and_its_fit_is_tested_at_the_end(shown_often: None) -> None:
    state = state_of(initializer="normal", shape="1000x1000", count=3_000_000)
    found = [result for result in TAB.run(TAB.request(state)) if result is not None]
    progress = [result.progress for result in found]
    assert progress == sorted(progress)
    assert len(progress) > 3
    assert progress[-1] == 1.0
    last = found[-1]
    assert isinstance(last, InitializerResult)
    assert last.fit is not None
    assert last.fit.p_value > 1e-4


def test_what_has_not_changed_is_the_very_same_figure(shown_often: None) -> None:
    state = state_of(initializer="normal", count=3_000_000, shape="20x10")
    results = [result for result in TAB.run(TAB.request(state)) if result is not None]
    # The first one may not have all of the first values.
    seen = [TAB.figures(result, state) for result in results[-2:]]
    assert len(results) > 1
    last = seen[-1]
    assert all(again is figure for again, figure in zip(TAB.figures(results[-1], state), last, strict=True))
    for name, one, other in zip(("sample", "cumulative", "quantiles", "matrix", "singular"), seen[0], last, strict=True):
        assert one.name == name
        assert (one is other) == (name in ("quantiles", "matrix", "singular"))
    counted = TAB.figures(results[-1], state.changed(heights="count"))
    assert counted[0] is not last[0]
    assert counted[0].y.label == "values in each bar"


def test_as_many_bins_are_drawn_as_were_chosen_by_hand() -> None:
    assert final(state_of(initializer="normal", shape="30", own_bins=True, bins=17)).sample.summary.counts.size == 17


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"initializer": "uniform", "a": 2.0, "b": 1.0}, "a"),
        ({"initializer": "xavier_uniform", "shape": "30"}, "2"),
        ({"initializer": "dirac", "shape": "4x3"}, "3"),
        ({"initializer": "eye", "shape": "4x3x2"}, "2"),
        ({"shape": "4xq"}, "shape"),
        ({"shape": "0x3"}, "empty"),
        ({"shape": "99999x99999"}, "at most"),
        ({"shape": ""}, "shape"),
        ({"shape": "1x1x1x1x1x1"}, "5"),
        ({"device": "mps"}, "MPS"),
    ],
)
def test_what_cannot_be_drawn_is_answered_in_a_sentence(values: dict[str, Any], word: str) -> None:
    with pytest.raises(UserError) as caught:
        final(state_of(**values))
    assert word in caught.value.sentence
    assert caught.value.sentence.endswith(".")


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
def test_every_dtype_is_drawn(dtype: str) -> None:
    found = numbers(initializer="normal", shape="100x100", dtype=dtype)
    assert found["sample"]["std"] == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset.values["view"] == "initializer"], ids=lambda p: p.name)
def test_every_example_of_the_page_is_drawn(preset: Any) -> None:
    state = TAB.default_state().changed(**preset.values)
    result = final(state)
    assert result.progress == 1.0
    assert len(TAB.figures(result, state)) == 5


def test_a_pinned_sample_stays_in_the_picture_beside_the_next_one() -> None:
    first = state_of(initializer="normal", shape="50", mean=3.0, seed=5)
    alone = final(first)
    both = first.changed(pin=True).changed(initializer="uniform", seed=9)
    result = final(both)
    assert result.pinned is not None
    assert np.array_equal(result.pinned.kept, alone.sample.kept)
    assert result.numbers()["pinned"]["mean"] == alone.numbers()["sample"]["mean"]
    assert any(layer.key == "pinned" for layer in TAB.figures(result, both)[0].layers)
    again = both.changed(pin=False)
    assert again.pinned == ""
    assert final(again).pinned is None


@pytest.mark.parametrize(
    "text", ["{", "[]", "{\"seed\": -1}", "{\"shape\": 3}", "{\"mean\": NaN}", "{\"view\": \"bessel\"}", "[" * 1500]
)
def test_a_damaged_pin_is_answered_in_a_sentence_about_the_sample_a_and_not_about_a_control(text: str) -> None:
    with pytest.raises(UserError, match=r"^What sample A was drawn with cannot be read; .*\.$"):
        final(state_of(pinned=text))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from([entry.name for entry in INITIALIZERS]),
    dtype=st.sampled_from(["float32", "float64", "bfloat16", "float16"]),
    seed=st.integers(0, 2**31 - 1), count=st.sampled_from([10, 300, 20_000]), place=st.sampled_from([0.0, 0.1, -0.3, 7.7, 1001.0]),
    scale=st.floats(0.01, 3.0),
)
def test_bars_and_what_lies_outside_add_up_to_the_count_and_a_bounded_law_leaves_nothing_outside(
    name: str, dtype: str, seed: int, count: int, place: float, scale: float
) -> None:
    values: dict[str, Any] = {"uniform": {"a": place, "b": place + scale}, "normal": {"mean": place, "std": scale},
              "trunc_normal": {"mean": place, "std": scale, "a": place - scale, "b": place + 0.7 * scale},
              "constant": {"val": place}}.get(name, {})
    if "gain" in initializer(name).arguments:
        values["gain"] = scale
    result = final(state_of(initializer=name, shape=a_shape_for(name), count=count, seed=seed, dtype=dtype, **values))
    found = result.numbers()
    outside = found["histogram"]["below"] + found["histogram"]["above"]
    assert int(found["histogram"]["counts"].sum()) + outside + found["sample"]["nonfinite"] == found["sample"]["count"]
    if math.isfinite(result.law.support[1]):
        assert outside == 0


@pytest.mark.parametrize(
    ("values", "most"),
    [({"initializer": "uniform", "shape": "1000x1000", "count": 1_000_000}, 0),
     ({"initializer": "kaiming_uniform", "shape": "1000x1000", "count": 1_000_000}, 0),
     ({"initializer": "trunc_normal", "shape": "1000x1000", "count": 1_000_000}, 0),
     ({"initializer": "orthogonal", "shape": "128x128"}, 0),
     ({"initializer": "normal", "shape": "1000x1000", "count": 1_000_000}, 0)],
)
def test_nothing_of_a_million_values_lies_outside_the_bars(values: dict[str, Any], most: int) -> None:
    summary = final(state_of(**values)).sample.summary
    assert summary.below + summary.above <= most


def test_what_lies_outside_the_bars_is_said_under_them() -> None:
    state = state_of(initializer="normal", shape="30")
    result = final(state)
    summary = dataclasses.replace(result.sample.summary, below=2, above=1)
    other = dataclasses.replace(result, sample=dataclasses.replace(result.sample, summary=summary))
    assert "outside" not in TAB.figures(result, state)[0].note
    assert TAB.figures(other, state)[0].note.endswith(" 3 lie outside the bars.")


def explained(**values: Any) -> tuple[InitializerResult, Any, str]:
    """The result, its table of moments, and all its sentences."""
    state = state_of(**values)
    result = final(state)
    blocks = TAB.explain(result, state).blocks
    table = next(block for block in blocks if isinstance(block, Table))
    return result, table, " ".join(block.text for block in blocks if isinstance(block, Paragraph | Verdict))


def tables_of(**values: Any) -> list[Table]:
    state = state_of(**values)
    return [block for block in TAB.explain(final(state), state).blocks if isinstance(block, Table)]


def test_a_range_far_from_0_has_the_digits_that_tell_its_ends_apart() -> None:
    _, ranges = tables_of(initializer="normal", mean=1000.0, std=0.01, shape="30", dtype="float64")
    low, high = (float(end) for end in ranges.rows[0][1:])
    assert high - low == pytest.approx(2 * 1.96 * 0.01 / math.sqrt(30), rel=0.05)


@pytest.mark.parametrize("name", ["eye", "dirac", "constant", "ones", "zeros"])
def test_where_nothing_is_random_no_range_of_chance_is_given(name: str) -> None:
    result, table, said = explained(initializer=name, shape=a_shape_for(name))
    assert "every sample is the same" in said
    assert "By chance" not in said
    assert table.header == ("", "sample", "theory")
    assert tables_of(initializer=name, shape=a_shape_for(name)) == [table]
    assert "by_chance" not in result.numbers()


def test_the_elements_of_an_orthogonal_matrix_are_not_called_independent() -> None:
    _, table, said = explained(initializer="orthogonal", shape="6x4")
    assert "depend on each other" in said
    assert "independent" not in said
    assert tables_of(initializer="orthogonal", shape="6x4") == [table]


def test_every_moment_of_independent_values_has_its_range_of_chance() -> None:
    result, _, said = explained(initializer="xavier_uniform", shape="4x3")
    assert "about 95 % of samples of 12 independent values" in said
    bands = result.numbers()["by_chance"]
    _, ranges = tables_of(initializer="xavier_uniform", shape="4x3")
    assert [row[0] for row in ranges.rows] == ["mean", "std", "variance", "skewness", "kurtosis \u2212 3"]
    for (_, *ends), band in zip(ranges.rows, bands.values(), strict=True):
        assert [float(end.replace("\u2212", "-")) for end in ends] == pytest.approx(band, rel=0.006)
    assert set(bands) == {"mean", "std", "variance", "skewness", "kurtosis"}
    assert bands["mean"][0] == pytest.approx(-bands["mean"][1])
    assert bands["mean"][1] == pytest.approx(1.96 * result.law.std / math.sqrt(12), rel=0.03)
    assert bands["std"][0] < result.law.std < bands["std"][1]


def test_an_unbounded_law_reaches_to_infinity_as_it_is_written() -> None:
    _, table, _ = explained(initializer="normal", shape="30")
    assert [row[2] for row in table.rows[-2:]] == ["\u2212\u221e", "\u221e"]


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [(6.0, 7.0, "99.999999901 % of"), (0.5, 1.5, "75.83 % of"), (40.0, 41.0, "All but a share of about 1e-350 of")]
)
def test_what_truncation_cuts_off_is_said_so_exactly_that_something_is_left(a: float, b: float, words: str) -> None:
    _, _, said = explained(initializer="trunc_normal", a=a, b=b, shape="4")
    assert words in said


def test_a_sample_that_torch_draws_inexactly_is_not_blamed_on_the_digits_of_the_values() -> None:
    far = {"initializer": "trunc_normal", "a": 1000.0, "b": 1001.0, "shape": "20000"}
    result, _, said = explained(**far)
    assert result.fit is not None
    assert result.fit.p_value < 0.01
    assert "torch's own sampling is inexact" in said
    assert "few different values" not in said
    better, _, said = explained(**far, method="tail", dtype="float64")
    assert better.fit is not None
    assert better.fit.p_value > 0.01
    assert "inexact" not in said


ENDLESS = {"initializer": "trunc_normal", "mean": 999999.97, "std": 0.001, "a": 999999.966, "b": 999999.968}


@pytest.mark.parametrize(
    "values",
    [{**ENDLESS, "view": "initializer"}, {**ENDLESS, "view": "statistics", "source": "sample"},
     {**ENDLESS, "view": "propagation", "depth": 2, "width": 8}, {**ENDLESS, "view": "layers"}],
    ids=["initializer", "statistics", "propagation", "layers"],
)
def test_what_rounding_makes_torch_redraw_for_ever_is_refused_in_a_sentence(values: dict[str, Any]) -> None:
    state = TAB.default_state().changed(shape="30", **values)
    with pytest.raises(UserError, match="for ever") as caught:
        list(TAB.run(TAB.request(state)))
    assert caught.value.sentence.endswith(".")


def test_the_same_interval_is_drawn_in_a_dtype_that_can_tell_its_values_apart() -> None:
    result = final(state_of(shape="3000", dtype="float64", **ENDLESS))
    assert result.fit is not None
    assert result.fit.p_value > 0.01


def test_the_edges_are_the_bounds_of_the_law() -> None:
    edges = final(state_of(initializer="uniform", shape="30")).sample.summary.edges
    assert (edges[0], edges[-1]) == (0.0, 1.0)
    result = final(state_of(initializer="xavier_uniform", shape="4x3"))
    edges = result.sample.summary.edges
    assert edges[[0, -1]] == pytest.approx(np.array(result.law.support), rel=1e-7)


@pytest.mark.parametrize(
    "values", [{"a": 0.0, "b": 1e5}, {"a": -1e5, "b": 0.0}, {"a": -6e4, "b": 6e4}], ids=["above", "below", "too wide"]
)
def test_bounds_that_a_half_type_cannot_hold_are_answered_in_plain_words(values: dict[str, float]) -> None:
    with pytest.raises(UserError) as caught:
        final(state_of(initializer="uniform", dtype="float16", shape="30", **values))
    assert "float16 holds no values, and no distances, beyond \u00b165504" in caught.value.sentence
    assert "c10" not in caught.value.sentence
