"""A session as one JSON document: what every experiment's controls are set to, and which tab is shown.

::

    {"format": "visualizer-session", "schema": 1, "visualizer": "0.1.0", "active": "landscape",
     "experiments": {"landscape": {"alpha": 0.05, ...}}}

Everything derives from the declared parameters: the document that is written, the pydantic models that look a
foreign file through and name everything that is wrong in it, and the states, which check themselves once more.
"""

from __future__ import annotations

import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from visualizer import __version__
from visualizer.base.errors import ParameterError, UserError
from visualizer.base.experiment import Experiment, State
from visualizer.base.parameters import Choice, Flag, Integer, Names, Parameter, Points, Real, Text
from visualizer.base.tensors import Tensor

if TYPE_CHECKING:
    from pydantic import BaseModel

    AnyExperiment = Experiment[Any, Any, Any]

FORMAT = "visualizer-session"
SCHEMA = 1
_MEMBERS = ("format", "schema", "visualizer", "active", "experiments")

_REFUSED = "The session file is refused"
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 60


@dataclass(frozen=True)
class Session:
    """The states of all tabs by experiment name, and the name of the tab that is shown."""

    states: Mapping[str, State]
    active: str


def catalogue() -> tuple[AnyExperiment, ...]:
    """The product's experiments; imported when asked for."""
    from visualizer.experiments.catalogue import EXPERIMENTS

    return EXPERIMENTS


def document_of(session: Session, experiments: Sequence[AnyExperiment]) -> dict[str, Any]:
    """The session as JSON can hold it, in the catalogue's order; a state that is missing is written as its default."""
    written: dict[str, Any] = {}
    for experiment in experiments:
        state = session.states.get(experiment.name) or experiment.default_state()
        written[experiment.name] = {
            name: parameter.to_json(getattr(state, name)) for name, parameter in experiment.parameters().items()
        }
    return {
        "format": FORMAT, "schema": SCHEMA, "visualizer": __version__, "active": session.active,
        "experiments": written,
    }


def refuse_unless_session(document: Any) -> int:
    """The schema version of a document that says that it is a session.

    Raises:
        UserError: it says something else, or a version that this program does not know yet.
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise UserError(f'{_REFUSED}: it does not say "format": "{FORMAT}", so it is no session of visualizer.')
    version = document.get("schema")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise UserError(f"{_REFUSED}: its schema is {_short.repr(version)}; allowed is a number from 1 to {SCHEMA}.")
    if version > SCHEMA:
        raise UserError(
            f"{_REFUSED}: its schema {_short.repr(version)} is newer than {SCHEMA}, the newest that visualizer "
            f"{__version__} knows; open it with a newer version."
        )
    return version


def known_part(document: Mapping[str, Any], experiments: Sequence[AnyExperiment]) -> dict[str, Any]:
    """A document that was migrated, without the experiments and parameters that exist no longer."""
    known = {experiment.name: experiment.parameters() for experiment in experiments}
    given = document.get("experiments", {})
    kept = {name: document[name] for name in _MEMBERS if name in document}
    if kept.get("active") not in known:
        kept["active"] = experiments[0].name
    if isinstance(given, dict):
        kept["experiments"] = {
            name: {key: value for key, value in values.items() if key in known[name]}
            if isinstance(values, dict) else values
            for name, values in given.items() if name in known
        }
    return kept


def session_of(document: Mapping[str, Any], experiments: Sequence[AnyExperiment]) -> Session:
    """The session that a document of the present schema holds, checked by the declarations alone.

    Experiments and parameters that are missing have their defaults.

    Raises:
        UserError: anything in it is not allowed; names the first such place.
    """
    known = {experiment.name: experiment for experiment in experiments}
    unknown = [name for name in document if name not in _MEMBERS]
    if unknown:
        raise UserError(f"{_REFUSED}: it holds {_short.repr(unknown[0])}, which is not part of a session.")
    active = document.get("active", experiments[0].name)
    if not isinstance(active, str) or active not in known:
        raise UserError(f"{_REFUSED}: active is {_short.repr(active)}; allowed is one of {', '.join(known)}.")
    if not isinstance(document.get("visualizer", ""), str):
        raise UserError(f"{_REFUSED}: visualizer is {_short.repr(document['visualizer'])}; allowed is text.")
    given = document.get("experiments", {})
    if not isinstance(given, dict):
        raise UserError(f"{_REFUSED}: experiments is {_short.repr(given)}; allowed is an object of experiments.")
    for name in given:
        if name not in known:
            raise UserError(
                f"{_REFUSED}: it has an experiment {_short.repr(name)}, which this version does not know; known are "
                f"{', '.join(known)}."
            )
    states = {name: _state(experiment, given.get(name, {})) for name, experiment in known.items()}
    return Session(states, active)


def _state(experiment: AnyExperiment, given: Any) -> State:
    parameters = experiment.parameters()
    if not isinstance(given, dict):
        raise UserError(f"{_REFUSED}: {experiment.name} is {_short.repr(given)}; allowed is an object of parameters.")
    unknown = [name for name in given if name not in parameters]
    if unknown:
        raise UserError(f"{_REFUSED}: {experiment.name} has no parameter {_short.repr(unknown[0])}.")
    for name, value in given.items():
        _refuse_wrong_type(experiment.name, parameters[name], value)
    default = experiment.default_state()
    try:
        # Names last: what they are chosen from has to be checked before it is looked into.
        checked = {
            name: value if isinstance(parameters[name], Names) else parameters[name].check(value, default)
            for name, value in given.items()
        }
        state: State = default.changed(**checked)
    except ParameterError as error:
        raise _refusal(f"{experiment.name}.{_field(error)}", error.given, error.allowed) from None
    return state


def _refuse_wrong_type(experiment: str, parameter: Parameter[Any], value: Any) -> None:
    """Refuse by type before a declaration looks at the value; also text that no UTF-8 file can hold."""
    wanted: tuple[type, ...]
    match parameter:
        case Flag():
            wanted = (bool,)
        case Integer() | Real():
            wanted = (int, float)
        case Choice() | Text() | Tensor():
            wanted = (str,)
        case _:
            wanted = (list,)
    right = isinstance(value, wanted) and (bool in wanted or not isinstance(value, bool))
    if not right or any("\ud800" <= letter <= "\udfff" for text in _texts(value) for letter in text):
        raise _refusal(f"{experiment}.{parameter.name}", value, parameter.allowed())


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


def _refusal(place: str, given: Any, allowed: str) -> UserError:
    return UserError(f"{_REFUSED}: {place}: {_short.repr(given)} was given; allowed is {allowed}.")


def _field(error: ParameterError) -> str:
    return error.name.removeprefix("--").replace("-", "_")


# --- pydantic: loaded for a file that a user opens, not when the window starts (it takes some 150 ms).


_models: dict[type[State], type[BaseModel]] = {}


def model_of(experiment: AnyExperiment) -> type[BaseModel]:
    """The pydantic model of an experiment's parameters: strict types, bounds, nothing else allowed."""
    from pydantic import ConfigDict, create_model

    state_type: type[State] = experiment.state_type
    if state_type in _models:
        return _models[state_type]
    fields: dict[str, Any] = {
        name: (_annotation(parameter), parameter.to_json(parameter.default))
        for name, parameter in experiment.parameters().items()
    }
    model: type[BaseModel] = create_model(
        state_type.__name__, __config__=ConfigDict(extra="forbid", strict=True), **fields
    )
    _models[state_type] = model
    return model


def _annotation(parameter: Parameter[Any]) -> Any:
    from typing import Annotated, Literal

    from pydantic import Field

    match parameter:
        case Real(minimum=minimum, maximum=maximum):
            return Annotated[float, Field(ge=minimum, le=maximum, allow_inf_nan=False)]
        case Integer(minimum=minimum, maximum=maximum):
            return Annotated[int, Field(ge=minimum, le=maximum)]
        case Flag():
            return bool
        case Choice(options=options):
            return Literal[tuple(option.name for option in options)]
        case Text(max_length=longest):
            return Annotated[str, Field(max_length=longest)]
        case Tensor():
            return str
        case Names():
            return list[Annotated[str, Field(max_length=200)]]
        case Points(limit=limit, minimum_count=least, maximum_count=most):
            number = Annotated[float, Field(ge=-limit, le=limit, allow_inf_nan=False)]
            # A JSON row is a list, which strict mode does not take for a tuple.
            row = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=40)], number, number],
                            Field(strict=False)]
            return Annotated[list[row], Field(min_length=least, max_length=most)]
    raise TypeError(f"no model for parameters of type {type(parameter).__name__}")


def refuse_wrong_values(document: Mapping[str, Any], experiments: Sequence[AnyExperiment]) -> None:
    """Look a foreign document through with the models.

    Raises:
        UserError: its sentence names the first wrong place, its details every one.
    """
    from pydantic import ValidationError

    given = document.get("experiments", {})
    sentences: list[str] = []
    for experiment in experiments:
        if not isinstance(given, dict) or not isinstance(given.get(experiment.name, {}), dict):
            continue  # session_of has the sentence for it
        try:
            model_of(experiment).model_validate(given.get(experiment.name, {}))
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                sentences.append(_problem_sentence(experiment, str(problem["loc"][0]), problem))
    if sentences:
        raise UserError(sentences[0], "\n".join(dict.fromkeys(sentences)))


def _problem_sentence(experiment: AnyExperiment, name: str, problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return f"{_REFUSED}: {experiment.name} has no parameter {_short.repr(name)}."
    parameter = experiment.parameters()[name]
    return _refusal(f"{experiment.name}.{name}", problem["input"], parameter.allowed()).sentence
