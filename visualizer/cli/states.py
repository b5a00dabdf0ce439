"""From the words of a command line to a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from visualizer.base.errors import UserError
from visualizer.base.experiment import Experiment, State
from visualizer.base.parameters import Names, Parameter, Points, Text
from visualizer.base.reading import read_file
from visualizer.base.tables import MAXIMUM_CHARACTERS
from visualizer.cli.parsing import NO_VALUE, PARAMETER, refuse_unknown

AnyExperiment = Experiment[Any, Any, Any]


def word_and_options(argv: Sequence[str]) -> tuple[str | None, list[str]]:
    """The bare word that may come before the options, and the rest."""
    if argv and not argv[0].startswith("-"):
        return argv[0], list(argv[1:])
    return None, list(argv)


def state_from(
    options: Mapping[str, Any], experiment: AnyExperiment, experiments: Sequence[AnyExperiment], word: str | None = None,
) -> State:
    """The state that the parsed words ask for: the session's or the default, then the preset, then the bare word, then each option.

    Who names a program asks that it be run.

    Where nothing names a page, it is the first one on which every option means something.
    Names are resolved last, so that ``--remove P3`` means the points that ``--points`` brought.

    Raises:
        UserError: a value is not allowed; the sentence begins with its option.
    """
    state: Any = experiment.default_state()
    session, preset, figure = (options.get(name) for name in ("session", "preset", "figure"))
    if session is not None:
        state = _from_session(session, experiment, experiments)
    if preset is not None:
        found = next((entry for entry in experiment.presets if entry.name == preset), None)
        if found is None:
            raise refuse_unknown("--preset", preset, [entry.name for entry in experiment.presets], "one of")
        state = state.changed(**found.values)
    meant = experiment.values_of(word) if word is not None else experiment.implied(_given_names(options, experiment))

    given = {
        name: (parameter, options[PARAMETER + name]) for name, parameter in experiment.parameters().items()
        if options.get(PARAMETER + name) is not None
    }
    values = {
        name: _value(parameter, text, state) for name, (parameter, text) in given.items()
        if not isinstance(parameter, Names)
    }
    if figure is not None:
        page = experiment.view_of_figure(figure)
        if page is None:
            figures = [name for view in experiment.views for name in view.figures]
            raise refuse_unknown("--figure", figure, figures, "one of")
        if "view" in experiment.parameters():
            values.setdefault("view", page.name)
    elif session is None and preset is None and "view" not in values and "view" in experiment.parameters():
        values["view"] = _page_of([parameter for parameter, _ in given.values()], experiment)
    state = state.changed(**dict(meant) | values)
    for name, (parameter, text) in given.items():
        if isinstance(parameter, Names):
            state = state.changed(**{name: _value(parameter, text, state)})
    if figure is not None and figure not in experiment.view(state).figures:
        view = experiment.view(state)
        raise refuse_unknown("--figure", figure, view.figures, f"a figure of the page {view.name}")
    if word is not None or any(isinstance(parameter, Text) and parameter.program for parameter, _ in given.values()):
        experiment.allow(state)
    return state  # type: ignore[no-any-return]


def _given_names(options: Mapping[str, Any], experiment: AnyExperiment) -> list[str]:
    return [name for name in experiment.parameters() if options.get(PARAMETER + name) is not None]


def _page_of(given: Sequence[Parameter[Any]], experiment: AnyExperiment) -> str:
    """The first page on which every given option means something; the first of all, if there is no such page.

    An option of several pages names the one first that it stands for.
    """
    bound = [parameter.views for parameter in given if parameter.views]
    for page in bound[0] if bound else ():
        if all(page in pages for pages in bound):
            return page
    return experiment.views[0].name


def _value(parameter: Parameter[Any], text: str, state: State) -> Any:
    if text == NO_VALUE:
        allowed = "the path of a CSV file" if isinstance(parameter, Points) else parameter.allowed(state)
        raise UserError(f"{parameter.option}: no value was given; allowed is {allowed}.")
    if not isinstance(parameter, Points):
        return parameter.parse(text, state)
    # Four bytes at most for each character that the table may have.
    data = read_file(text, 4 * MAXIMUM_CHARACTERS, f"{parameter.option}: the file", pipes=True)
    try:
        return parameter.parse(data.decode("utf-8-sig"), state)
    except UnicodeDecodeError:
        raise UserError(f"{parameter.option}: the file {text} is not text in UTF-8.") from None
    except UserError as error:
        if error.sentence.startswith(parameter.option):
            raise
        raise UserError(f"{parameter.option}: {error.sentence}", error.details) from None


def _from_session(path: str, experiment: AnyExperiment, experiments: Sequence[AnyExperiment]) -> State:
    from visualizer.sessions.files import load_session

    if path == NO_VALUE:
        raise UserError("--session: no value was given; allowed is the path of a session file.")
    try:
        return load_session(path, experiments).states[experiment.name]
    except UserError as error:
        raise UserError(f"--session: {error.sentence}", error.details) from None
