"""The Statistics page with a drawn vector: it is the tensor of the page Initialisers, and everything follows it."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given

from tests.strategies import states
from visualizer.base.errors import UserError
from visualizer.base.explanation import Formula, Numbers, Paragraph
from visualizer.cli.export import export
from visualizer.components.initializers import INITIALIZERS, initializer
from visualizer.components.laws import law_of
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.numbers_text import MOST_NUMBERS, parse_numbers
from visualizer.experiments.distributions.state import PRESETS, DistributionsState

DISTRIBUTIONS = Distributions()
any_state = given(states(DISTRIBUTIONS).map(lambda state: cast("DistributionsState", state)))

#: Every initialiser with a shape that it takes, among them one of each number of sizes.
SHAPES = {
    "uniform": "30", "normal": "5", "trunc_normal": "2x3x2x3x4", "xavier_uniform": "4x3", "xavier_normal": "5x10",
    "kaiming_uniform": "16x3x5x5", "kaiming_normal": "8x4x3", "constant": "7", "ones": "1", "zeros": "2x2", "eye": "3x4",
    "dirac": "4x3x3", "orthogonal": "6x4", "sparse": "10x5",
}


def state_of(name: str = "normal", shape: str = "", **values: Any) -> DistributionsState:
    chosen = DistributionsState(view="statistics", source="sample").changed(initializer=name, shape=shape or SHAPES[name])
    return chosen.changed(**values)


def result_of(state: DistributionsState) -> Any:
    *_, result = DISTRIBUTIONS.run(DISTRIBUTIONS.request(state))
    assert result is not None
    assert result.progress == 1.0
    return result


def refusal_of(state: DistributionsState) -> str:
    with pytest.raises(UserError) as caught:
        list(DISTRIBUTIONS.run(DISTRIBUTIONS.request(state)))
    return caught.value.sentence


def test_every_initialiser_is_tried() -> None:
    assert SHAPES.keys() == {entry.name for entry in INITIALIZERS}


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("name", SHAPES)
def test_the_sample_is_what_torch_draws_from_this_seed(name: str, seed: int) -> None:
    state = state_of(name, seed=seed)
    tensor = torch.empty([int(size) for size in SHAPES[name].split("x")])
    generator = torch.Generator().manual_seed(seed)
    entry = initializer(name)
    expected = entry.fill(tensor, entry.arguments, generator).flatten().tolist()
    before = torch.get_rng_state()
    assert result_of(state).numbers()["values"].tolist() == expected
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "float16"])
@pytest.mark.parametrize("name", SHAPES)
def test_the_sample_is_the_first_tensor_of_the_page_initialisers(name: str, dtype: str) -> None:
    state = state_of(name, dtype=dtype, seed=5, count=1000)
    there = result_of(state.changed(view="initializer"))
    first = there.sample.matrix.reshape(-1)
    mine = result_of(state).numbers()["values"]
    assert mine.size == math.prod(int(size) for size in SHAPES[name].split("x"))
    assert np.array_equal(mine, first)


def test_the_tail_sampler_draws_here_too() -> None:
    state = state_of("trunc_normal", "50", a=6.0, b=7.0, method="tail")
    values = result_of(state).numbers()["values"]
    assert np.array_equal(np.sort(values), result_of(state.changed(view="initializer")).sample.kept)
    assert ((values >= 6.0) & (values <= 7.0)).all()


@pytest.mark.parametrize(("name", "changes"), [
    *((name, {}) for name in SHAPES), ("normal", {"dtype": "float64"}), ("uniform", {"dtype": "float16"}),
    ("orthogonal", {"dtype": "bfloat16"}), ("orthogonal", {"dtype": "float16", "gain": 2.0}),
    ("trunc_normal", {"method": "tail", "a": 6.0, "b": 7.0}), ("normal", {"shape": "100x100"}),
])
def test_the_code_draws_the_same_sample_and_finds_the_same_numbers(name: str, changes: dict[str, Any]) -> None:
    state = state_of(name, seed=11).changed(**changes)
    scope: dict[str, Any] = {}
    found, said = result_of(state).numbers(), io.StringIO()
    with redirect_stdout(said):
        exec(DISTRIBUTIONS.code(state), scope)
    assert scope["x"].tolist() == found["values"].tolist()
    assert f"mean = {found['statistics']['mean']:.10g}" in said.getvalue() or found["values"].size > 1000
    if found["values"].size > 1:
        assert scope["x"].std().item() == pytest.approx(found["statistics"]["std_bessel"], rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("changes", [
    {"shape": "4y3"}, {"shape": "4xthree"}, {"shape": ""}, {"shape": "1x1x1x1x1x1"}, {"shape": "3x0"}, {"shape": "100000x1000"},
    {"initializer": "dirac", "shape": "4x3"}, {"initializer": "dirac", "shape": "4x3x3", "groups": 3},
    {"initializer": "xavier_uniform", "shape": "30"}, {"initializer": "kaiming_normal", "shape": "30"},
    {"initializer": "sparse", "shape": "4x3x3"}, {"initializer": "eye", "shape": "4"}, {"initializer": "orthogonal", "shape": "4"},
    {"initializer": "uniform", "a": 2.0, "b": 1.0}, {"initializer": "trunc_normal", "a": 2.0, "b": 1.0}, {"device": "cuda"},
])
def test_what_cannot_be_drawn_is_refused_in_the_words_of_the_page_initialisers(changes: dict[str, Any]) -> None:
    if changes.get("device") == "cuda" and torch.cuda.is_available():
        pytest.skip("this machine has such a device")
    state = state_of().changed(**changes)
    sentence = refusal_of(state)
    assert sentence == refusal_of(state.changed(view="initializer"))
    assert DISTRIBUTIONS.code(state) == f"# {sentence}\n"


def test_a_sample_that_is_too_long_or_too_large_is_refused_with_a_sentence() -> None:
    assert len(result_of(state_of(shape="100000")).numbers()["values"]) == MOST_NUMBERS
    sentence = refusal_of(state_of(shape="1000x1000"))
    assert "1,000,000 numbers" in sentence
    assert "at most 100,000" in sentence
    assert "Number 1 of this sample is too large for float16" in refusal_of(state_of(mean=1e6, dtype="float16"))
    hopeless = refusal_of(state_of("trunc_normal", "100000", mean=-1.0, a=0.0, b=300.0))
    assert "Choose the tail sampler" in hopeless


def test_a_long_sample_shows_its_first_terms_and_the_count() -> None:
    state = state_of(shape="1000")
    blocks = DISTRIBUTIONS.explain(result_of(state), state).blocks
    assert any(isinstance(block, Formula) and r"1000\ \mathrm{terms}" in block.latex for block in blocks)
    assert any(isinstance(block, Paragraph) and block.text.startswith("The first 20 of 1,000: ") for block in blocks)


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_the_sample_can_be_copied_into_the_field_of_typed_numbers(dtype: str) -> None:
    state = state_of(shape="30", mean=1.0, std=2.0, dtype=dtype)
    result = result_of(state)
    texts = [block.text for block in DISTRIBUTIONS.explain(result, state).blocks if isinstance(block, Paragraph)]
    copied = next(text for text in texts if "copy these" in text).partition(": ")[2]
    typed = result_of(state.changed(source="typed", values=copied))
    assert typed.numbers()["values"] == pytest.approx(result.numbers()["values"], rel=5e-9 if dtype != "float64" else 1e-16)
    assert parse_numbers(copied).notes == ()


def test_the_panel_says_what_would_be_found_of_endlessly_many() -> None:
    state = state_of("kaiming_normal", "5x10", nonlinearity="relu")
    tables = [block for block in DISTRIBUTIONS.explain(result_of(state), state).blocks if isinstance(block, Numbers)]
    said = {row.name: row.value for table in tables for row in table.rows}
    law = law_of("kaiming_normal", {"a": 0.0, "mode": "fan_in", "nonlinearity": "relu"}, (5, 10))
    assert (said["true mean"], said["true variance"], said["true std"]) == ("0", "0.2000", "0.4472")
    assert law.std == pytest.approx(0.4472, abs=5e-5)


def test_every_formula_of_a_sample_can_be_typeset() -> None:
    import ziamath

    for name in SHAPES:
        state = state_of(name)
        for block in DISTRIBUTIONS.explain(result_of(state), state).blocks:
            if isinstance(block, Formula):
                assert ziamath.Latex(block.latex).svg()


def test_the_figures_say_whose_numbers_they_show() -> None:
    sample, typed = state_of(), DistributionsState()
    assert DISTRIBUTIONS.figures(result_of(sample), sample)[0].title.startswith("The sample")
    assert DISTRIBUTIONS.figures(result_of(typed), typed)[0].title.startswith("Your numbers")


def shown(state: DistributionsState) -> set[str]:
    return {parameter.name for parameter in DISTRIBUTIONS.visible_parameters(state)}


def test_the_form_shows_the_controls_of_what_gives_the_numbers() -> None:
    assert shown(DistributionsState(view="statistics")) == {"source", "values"}
    drawn = {"source", "initializer", "shape", "dtype", "device"}
    assert shown(state_of("normal")) == drawn | {"mean", "std"}
    assert shown(state_of("kaiming_normal")) == drawn | {"a", "mode", "nonlinearity"}
    assert shown(state_of("trunc_normal")) == drawn | {"mean", "std", "a", "b", "method"}
    assert shown(state_of("ones")) == drawn
    for name in SHAPES:  # what is drawn from does not hide on its own page
        there = {"initializer", "shape", "dtype", "device", *initializer(name).arguments}
        assert there <= shown(state_of(name, source="typed").changed(view="initializer"))


@any_state
def test_only_what_gives_the_numbers_changes_the_request(state: DistributionsState) -> None:
    here = state.changed(view="statistics")
    sample, typed = here.changed(source="sample"), here.changed(source="typed")
    assert DISTRIBUTIONS.request(sample) == DISTRIBUTIONS.request(sample.changed(values="1", count=77, own_bins=True, pinned="x"))
    assert DISTRIBUTIONS.request(typed) == DISTRIBUTIONS.request(typed.changed(seed=7, shape="3", initializer="ones"))
    assert DISTRIBUTIONS.request(sample) != DISTRIBUTIONS.request(sample.changed(seed=sample.seed ^ 1))
    assert DISTRIBUTIONS.request(sample) != DISTRIBUTIONS.request(typed)


@any_state
def test_a_preset_shows_the_same_whatever_was_set_before(state: DistributionsState) -> None:
    before = state.changed(seed=0, pin=False, pinned="")
    for preset in PRESETS:
        fresh = DistributionsState().changed(**preset.values)
        assert DISTRIBUTIONS.request(before.changed(**preset.values)) == DISTRIBUTIONS.request(fresh), preset.name


@any_state
def test_a_preset_of_typed_numbers_leaves_what_other_pages_draw_alone(state: DistributionsState) -> None:
    five = next(preset for preset in PRESETS if preset.name == "five").values
    for page in ("initializer", "propagation", "layers"):
        assert DISTRIBUTIONS.request(state.changed(**five).changed(view=page)) == DISTRIBUTIONS.request(state.changed(view=page))
    drawn = next(preset for preset in PRESETS if preset.name == "drawn_30").values
    assert state.changed(**drawn).values == state.values


@pytest.fixture
def exported(capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[dict[str, Any], str]]:
    def call(*words: str) -> tuple[dict[str, Any], str]:
        assert export(["distributions", *words, "--out", "-", "--format", "json"], (DISTRIBUTIONS,)) == 0
        said = capfd.readouterr()
        return json.loads(said.out), said.err
    return call


def test_the_command_line_draws_a_sample_and_keeps_its_pages(exported: Callable[..., tuple[dict[str, Any], str]]) -> None:
    words = ("--source", "sample", "--initializer", "normal", "--shape", "30", "--mean", "1", "--std", "2", "--seed", "3")
    for figure in (("--figure", "statistics"), ()):
        found, said = exported(*figure, *words)
        assert (found["view"], said) == ("statistics", "")
        expected = torch.empty(30).normal_(1.0, 2.0, generator=torch.Generator().manual_seed(3)).double()
        assert found["values"] == expected.tolist()
        assert found["statistics"]["count"] == 30
        assert found["statistics"]["std_bessel"] == pytest.approx(expected.std().item(), rel=1e-12)
        assert found["statistics"]["variance"] == pytest.approx(expected.var(correction=0).item(), rel=1e-12)
    there, said = exported("--initializer", "xavier_uniform", "--shape", "4x3")
    assert (there["view"], said) == ("initializer", "")
    assert there["theory"]["bound"] == pytest.approx(0.92582, abs=5e-6)
    typed, said = exported("--figure", "statistics", "--values", "2,4,5,6,8")
    assert said == ""
    assert {name: typed["statistics"][name] for name in ("mean", "variance", "std", "variance_bessel")} == {
        "mean": 5.0, "variance": 4.0, "std": 2.0, "variance_bessel": 5.0}
    assert typed["statistics"]["std_bessel"] == pytest.approx(math.sqrt(5), rel=1e-15)


def test_an_initialiser_that_does_not_draw_is_named_in_a_note(exported: Callable[..., tuple[dict[str, Any], str]]) -> None:
    _, said = exported("--figure", "statistics", "--initializer", "normal", "--shape", "30")
    assert "--initializer, --shape mean nothing on the page statistics as it is set" in said
