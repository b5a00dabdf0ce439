"""``visualizer list``: everything that is declared, for people and for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from visualizer import __version__
from visualizer.base.experiment import Experiment
from visualizer.base.parameters import Integer, Parameter, Points, Real
from visualizer.cli.parameter_options import default_text

AnyExperiment = Experiment[Any, Any, Any]


def listing(experiments: Sequence[AnyExperiment]) -> dict[str, Any]:
    """All declarations as plain data."""
    return {"visualizer": __version__, "experiments": [_described(experiment) for experiment in experiments]}


def _described(experiment: AnyExperiment) -> dict[str, Any]:
    parameters = experiment.parameters()
    return {
        "name": experiment.name,
        "title": experiment.title,
        "summary": experiment.summary,
        "views": [
            {"name": view.name, "title": view.title, "help": view.help, "playable": view.playable,
             "figures": list(view.figures)}
            for view in experiment.views
        ],
        "figures": [
            {"name": figure, "view": view.name, "main": figure == view.figures[0]}
            for view in experiment.views for figure in view.figures
        ],
        "presets": [
            {"name": preset.name, "title": preset.title, "help": preset.help, "play": preset.play,
             "values": {name: parameters[name].to_json(parameters[name].check(value)) for name, value in preset.values.items()}}
            for preset in experiment.presets
        ],
        "formats": dict(experiment.formats),
        "parameters": [parameter.describe() for parameter in parameters.values()],
    }


def listing_text(experiments: Sequence[AnyExperiment], width: int) -> str:
    """The same for reading, at most ``width`` characters wide."""
    return "\n".join(line for experiment in experiments for line in _lines(experiment, width)) + "\n"


def _lines(experiment: AnyExperiment, width: int) -> Iterator[str]:
    yield f"{experiment.name} \u2013 {experiment.title}"
    yield from textwrap.wrap(experiment.summary, width, initial_indent="  ", subsequent_indent="  ")
    yield ""
    yield from _table(
        "Pages and their figures, the main figure first",
        [(view.name, f"{view.title}: {', '.join(view.figures)}") for view in experiment.views], width,
    )
    yield from _table(
        "Presets", [(preset.name, f"{preset.title}. {preset.help}") for preset in experiment.presets], width
    )
    yield from _table(
        "Formats of an export besides PNG, SVG, CSV and JSON",
        [(f".{suffix}", what) for suffix, what in experiment.formats.items()], width,
    )
    yield from _table(
        "Parameters",
        [(parameter.option, f"{_bounds(parameter)} {parameter.label}: {parameter.help}")
         for parameter in experiment.parameters().values()],
        width,
    )


def _table(title: str, rows: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    if not rows:
        return
    yield f"  {title}"
    column = max(len(name) for name, _ in rows) + 2
    for name, text in rows:
        head = f"    {name:<{column}}"
        yield from textwrap.wrap(text, max(width, column + 40), initial_indent=head, subsequent_indent=" " * len(head))
    yield ""


def _bounds(parameter: Parameter[Any]) -> str:
    default = f"default {default_text(parameter)}"
    match parameter:
        case Real() | Integer():
            unit = f" {parameter.unit}" if parameter.unit else ""
            return f"[{parameter.minimum:g} to {parameter.maximum:g}{unit}, {default}]"
        case Points():
            return f"[CSV file, {parameter.minimum_count} to {parameter.maximum_count} points, {default}]"
    return f"[{parameter.allowed()}; {default}]"
