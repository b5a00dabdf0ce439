"""Every parameter of every experiment is whole in its declaration, on the command line and as text."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import Wave
from tests.strategies import states
from visualizer.base.errors import ParameterError, UserError
from visualizer.base.parameters import Choice, Flag, Integer, Names, Parameter, Points, Real, Text
from visualizer.base.tensors import Tensor
from visualizer.cli.listing import listing, listing_text
from visualizer.cli.parameter_options import export_parser
from visualizer.cli.parsing import PARAMETER
from visualizer.cli.states import state_from
from visualizer.experiments.catalogue import EXPERIMENTS

EVERY = (*EXPERIMENTS, Wave())
CASES = [(entry, parameter) for entry in EVERY for parameter in entry.parameters().values()]
every_parameter = pytest.mark.parametrize(
    ("experiment", "parameter"), CASES, ids=[f"{entry.name}.{parameter.name}" for entry, parameter in CASES]
)
every_experiment = pytest.mark.parametrize("experiment", EVERY, ids=[entry.name for entry in EVERY])


def state_of(experiment: Any, *argv: str) -> Any:
    """The state that an export with these words would compute."""
    return state_from(vars(export_parser(experiment).parse(argv)), experiment, EVERY)


def refused_text(parameter: Parameter[Any]) -> list[str]:
    """Texts that stand just outside of what is allowed."""
    match parameter:
        case Real():
            above = math.nextafter(parameter.maximum, math.inf)
            below = math.nextafter(parameter.minimum, -math.inf)
            return [repr(above), repr(below), "nan", "inf", "1e999", "one", ""]
        case Integer():
            return [str(parameter.maximum + 1), str(parameter.minimum - 1), "1.5", "nan", "1e999", "two", ""]
        case Flag():
            return ["maybe", ""]
        case Choice():
            return ["no such choice", ""]
        case Names():
            return ["no such name", "A-no such name"]
        case Text():
            return ["x" * (parameter.max_length + 1)]
        case Tensor():
            return ["1,2;3", "1,x", "1,,2", "[[[1]]]", "1," * 10_001]
    return []


@every_parameter
def test_it_is_declared_in_full(experiment: Any, parameter: Parameter[Any]) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]*", parameter.name)
    assert parameter.label.strip() == parameter.label != ""
    assert parameter.help.strip() == parameter.help
    assert parameter.help.endswith((".", "?"))
    assert set(parameter.views) <= {view.name for view in experiment.views}
    state = experiment.default_state()
    assert parameter.check(parameter.default, state) == parameter.default
    assert parameter.check(json.loads(json.dumps(parameter.to_json(parameter.default))), state) == parameter.default
    if isinstance(parameter, (Real, Integer)):
        assert parameter.minimum < parameter.maximum
        assert parameter.scale == "linear" or parameter.minimum > 0


@every_parameter
def test_its_description_is_plain_data(experiment: Any, parameter: Parameter[Any]) -> None:
    described = parameter.describe()
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert {"name", "option", "type", "default", "help", "allowed", "label"} <= set(described)
    if isinstance(parameter, (Real, Integer)):
        assert described["minimum"] <= described["default"] <= described["maximum"]


@every_parameter
def test_its_option_is_in_the_help_of_export_and_in_the_list(experiment: Any, parameter: Parameter[Any]) -> None:
    shown = export_parser(experiment).format_help()
    assert re.search(rf"^  {re.escape(parameter.option)}\b", shown, re.MULTILINE)
    words = " ".join(shown.split())
    assert " ".join(parameter.help.split())[:30] in words
    assert f"    {parameter.option} " in listing_text((experiment,), 100)
    listed = next(entry for entry in listing(EVERY)["experiments"] if entry["name"] == experiment.name)
    assert parameter.describe() in listed["parameters"]


@every_parameter
def test_its_default_survives_being_typed(experiment: Any, parameter: Parameter[Any], tmp_path: Path) -> None:
    text = parameter.format(parameter.default)
    assert parameter.parse(text, experiment.default_state()) == parameter.default
    if isinstance(parameter, Points):
        (tmp_path / "points.csv").write_text(text, encoding="utf-8")
        text = str(tmp_path / "points.csv")
    typed = state_of(experiment, parameter.option, text)
    meant = experiment.default_state().changed(**experiment.implied([parameter.name]))  # --code means that the graph is that one's
    assert typed.changed(view=experiment.default_state().view) == meant


@every_parameter
def test_without_a_page_the_first_one_is_taken_on_which_the_option_means_something(
    experiment: Any, parameter: Parameter[Any]
) -> None:
    if not isinstance(parameter, Points) and parameter.name != "view":
        page = state_of(experiment, parameter.option, parameter.format(parameter.default)).view
        assert page == (parameter.views[0] if parameter.views else experiment.views[0].name)
        assert not parameter.views or page in parameter.views


@every_parameter
def test_what_is_out_of_bounds_is_refused_with_its_option(experiment: Any, parameter: Parameter[Any]) -> None:
    texts = refused_text(parameter)
    assert texts or isinstance(parameter, Points)
    for text in texts:
        with pytest.raises(ParameterError) as caught:
            parameter.parse(text, experiment.default_state())
        assert caught.value.sentence.startswith(f"{parameter.option}: ")
        with pytest.raises(UserError) as caught_there:
            state_of(experiment, f"{parameter.option}={text}")
        assert caught_there.value.sentence.startswith(f"{parameter.option}: ")
        assert "allowed is" in caught_there.value.sentence


@every_parameter
def test_an_option_without_its_value_says_what_is_allowed(experiment: Any, parameter: Parameter[Any]) -> None:
    if isinstance(parameter, Flag):
        assert getattr(state_of(experiment, parameter.option), parameter.name) is True
        assert getattr(state_of(experiment, parameter.option, "off"), parameter.name) is False
        return
    with pytest.raises(UserError, match="no value was given; allowed is") as caught:
        state_of(experiment, parameter.option)
    assert caught.value.sentence.startswith(f"{parameter.option}: ")


@every_experiment
@given(data=st.data())
def test_any_state_can_be_typed_as_options(
    experiment: Any, data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wanted = data.draw(states(experiment))
    words = []
    for name, parameter in experiment.parameters().items():
        text = parameter.format(getattr(wanted, name))
        if isinstance(parameter, Points):
            path = tmp_path_factory.mktemp("points") / "points.csv"
            path.write_text(text, encoding="utf-8")
            text = str(path)
        words.append(f"{parameter.option}={text}")
    assert state_of(experiment, *words) == wanted


@every_experiment
def test_every_preset_is_allowed_and_can_be_asked_for(experiment: Any) -> None:
    for preset in experiment.presets:
        state = state_of(experiment, "--preset", preset.name)
        wanted = {name: experiment.parameters()[name].check(value, state) for name, value in preset.values.items()}
        assert {name: getattr(state, name) for name in preset.values} == wanted


@every_experiment
def test_names_of_figures_and_presets_are_unique_and_figures_choose_their_page(experiment: Any) -> None:
    figures = [name for view in experiment.views for name in view.figures]
    presets = [preset.name for preset in experiment.presets]
    assert len(set(figures)) == len(figures)
    assert len(set(presets)) == len(presets)
    for view in experiment.views:
        for figure in view.figures:
            assert experiment.view(state_of(experiment, "--figure", figure)) == view


@every_experiment
def test_no_parameter_takes_an_option_of_the_command_itself(experiment: Any) -> None:
    parser = export_parser(experiment)  # argparse refuses the same option twice
    own = {action.option_strings[-1] for action in parser._actions if not action.dest.startswith(PARAMETER)}
    assert not own & {parameter.option for parameter in experiment.parameters().values()}


def test_experiments_come_in_the_order_of_the_tabs() -> None:
    order = ["distributions", "losses", "training", "graph", "landscape"]
    names = [entry.name for entry in EXPERIMENTS if entry.name in order]
    assert names == [name for name in order if name in names]


@given(st.lists(st.sampled_from(["none", "all", "A", "A-B", "B", "A-B-C", "C"]), unique=True))
def test_names_that_look_like_words_or_ranges_are_taken_as_names(chosen: list[str]) -> None:
    offered = ("A", "A-B", "B", "all", "A-B-C", "C", "none")
    parameter = Names(name="parts", label="Parts", help="Parts.", default=(), options=lambda state: offered)
    value = parameter.check(chosen, object())
    assert parameter.parse(parameter.format(value), object()) == value
