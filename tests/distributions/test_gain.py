"""The gain of a nonlinearity: chosen by its name, worked out in view, kept in sessions, written in the code."""

from __future__ import annotations

import contextlib
import io
import json
import math
import re
from typing import Any

import pytest
import torch

from visualizer.base.explanation import Formula
from visualizer.components.initializers import INITIALIZERS, NONLINEARITIES
from visualizer.experiments.distributions.experiment import Distributions
from visualizer.experiments.distributions.requests import request_of
from visualizer.experiments.distributions.state import PRESETS, DistributionsState

TAB = Distributions()
START = DistributionsState(view="initializer")


def numbers(state: DistributionsState) -> dict[str, Any]:
    *_, last = (result for result in TAB.run(request_of(state)) if result is not None)
    return TAB.numbers(last, state)


@pytest.mark.parametrize("name", [option.name for option in NONLINEARITIES])
def test_a_chosen_nonlinearity_sets_the_gain_that_torch_calculates(name: str) -> None:
    for state in (START.changed(gain_of=name), DistributionsState(gain_of=name, gain=7.0)):
        assert state.gain == torch.nn.init.calculate_gain(name)
    found = numbers(START.changed(gain_of=name))
    assert found["gain"] == torch.nn.init.calculate_gain(name)
    assert found["theory"]["std"] == pytest.approx(found["gain"] * math.sqrt(2 / 7))


def test_a_gain_typed_by_hand_is_no_nonlinearitys_any_more() -> None:
    tanh = START.changed(gain_of="tanh")
    typed = tanh.changed(gain=1.5)
    assert (typed.gain_of, typed.gain) == ("typed", 1.5)
    assert tanh.changed(seed=4).gain_of == "tanh"
    assert tanh.changed(gain=tanh.gain).gain_of == "tanh"
    assert tanh.changed(gain_of="typed").gain == 5 / 3


def test_another_initialiser_brings_its_own_gain_unless_one_comes_with_it() -> None:
    tanh = START.changed(gain_of="tanh")
    other = tanh.changed(initializer="orthogonal")
    assert (other.gain_of, other.gain) == ("typed", 1.0)
    kept = tanh.changed(initializer="orthogonal", gain_of="relu")
    assert (kept.gain_of, kept.gain) == ("relu", math.sqrt(2.0))


def test_the_control_is_there_for_the_initialisers_that_take_a_gain() -> None:
    for entry in INITIALIZERS:
        visible = {parameter.name for parameter in TAB.visible_parameters(START.changed(initializer=entry.name))}
        assert ("gain_of" in visible) == ("gain" in entry.arguments), entry.name


def test_examples_leave_the_gain_as_torch_has_it() -> None:
    tanh = START.changed(gain_of="tanh")
    for preset in PRESETS:
        shown = tanh.changed(**preset.values)
        if "gain" in preset.values:
            assert (shown.gain_of, shown.gain) == ("typed", 1.0), preset.name


@pytest.mark.parametrize("name", ["xavier_uniform", "xavier_normal", "orthogonal"])
@pytest.mark.parametrize(("gain_of", "said"), [
    ("tanh", r"\frac{5}{3} = 1.667"), ("sigmoid", "= 1"), ("relu", r"\sqrt{2} = 1.414"), ("leaky_relu", r"0.01^2"),
    ("selu", r"\frac{3}{4}"),
])
def test_where_the_gain_comes_from_is_shown(name: str, gain_of: str, said: str) -> None:
    state = START.changed(initializer=name, gain_of=gain_of)
    *_, last = (result for result in TAB.run(request_of(state)) if result is not None)
    lines = [block.latex for block in TAB.explain(last, state).blocks if isinstance(block, Formula)]
    line = next(line for line in lines if line.startswith(r"g = g_{\text{"))
    assert gain_of.replace("_", " ") in line
    assert said in line


@pytest.mark.parametrize("gain_of", ["tanh", "leaky_relu"])
@pytest.mark.parametrize("name", ["xavier_uniform", "orthogonal"])
def test_the_code_says_whose_gain_it_is_and_draws_the_same(name: str, gain_of: str) -> None:
    state = START.changed(initializer=name, gain_of=gain_of)
    written = TAB.code(state)
    assert f"gain=torch.nn.init.calculate_gain({gain_of!r})" in written
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(written, "code", "exec"), {})
    found = re.search(r"std = (\S+)", said.getvalue())
    assert found is not None
    assert float(found[1]) == pytest.approx(numbers(state)["sample"]["std"], rel=1e-4)


@pytest.mark.parametrize("view", ["propagation", "layers", "statistics"])
def test_the_code_of_every_page_that_draws_runs_with_it(view: str) -> None:
    state = START.changed(view=view, source="sample", gain_of="tanh", depth=2, width=8, network="one_layer")
    written = TAB.code(state)
    assert "gain=torch.nn.init.calculate_gain('tanh')" in written
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(written, "code", "exec"), {})
    assert numbers(state)


def test_it_comes_back_from_a_session() -> None:
    declared = TAB.parameters()
    tanh = START.changed(gain_of="tanh")
    stored = json.loads(json.dumps({name: parameter.to_json(getattr(tanh, name)) for name, parameter in declared.items()}))
    assert DistributionsState().changed(**{name: declared[name].check(value) for name, value in stored.items()}) == tanh
