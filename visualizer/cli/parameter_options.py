"""The options of an experiment, derived from its declared parameters. Apart, because the bare window needs none of it."""

from __future__ import annotations

from typing import Any

from visualizer.base.experiment import Experiment
from visualizer.base.parameters import Choice, Flag, Integer, Names, Parameter, Points, Real
from visualizer.base.tensors import Tensor
from visualizer.cli.parsing import FORMATS, NO_VALUE, PARAMETER, Parser, debug_option, value_option, window_options


def export_parser(experiment: Experiment[Any, Any, Any]) -> Parser:
    """The options of ``visualizer export`` for one experiment, one for each of its parameters."""
    more = "".join(f" {suffix.upper()} is {what}." for suffix, what in experiment.formats.items())
    parser = Parser(
        prog=f"visualizer export {experiment.name}", usage=f"visualizer export {experiment.name} [options] --out PATH",
        description=experiment.summary.replace("%", "%%"), add_help=False,
        epilog="PNG and SVG are pictures, CSV is the data of a figure, JSON holds all numeric results; in JSON, "
        f"numbers that are infinite or not a number are null.{more} No display is needed.",
    )
    figures = [name for view in experiment.views for name in view.figures]
    what = parser.add_argument_group("what is exported")
    what.add_argument("-h", "--help", action="help", help="show this and end")
    value_option(what, "--figure", "NAME", f"one of {', '.join(figures)}; default: the page's main figure")
    what.add_argument("--all", action="store_true", help="every figure of the page; --out is a folder")
    presets = ", ".join(preset.name for preset in experiment.presets)
    if presets:
        value_option(what, "--preset", "NAME", f"begin with the values of one of {presets}")
    value_option(what, "--session", "FILE", "begin with the values in a session file")

    where = parser.add_argument_group("where to, and how")
    value_option(where, "--out", "PATH", "the file to write, or - for standard output")
    formats = ", ".join(formats_of(experiment))
    value_option(where, "--format", "FORMAT", f"one of {formats}; default: the suffix of --out, JSON for -")
    where.add_argument("--overwrite", action="store_true", help="replace files that exist")
    value_option(where, "--size", "WIDTHxHEIGHT", "of a picture, in pixels")
    value_option(where, "--scale", "FACTOR", "type and lines this much larger, with the pixels")
    value_option(where, "--theme", "light|dark", "default: light")
    where.add_argument("--presentation", action="store_true", help="large type and thick lines, for a projector")
    debug_option(where)
    _add_parameters(parser, experiment)
    return parser


def experiment_parser(experiment: Experiment[Any, Any, Any]) -> Parser:
    """The options of ``visualizer EXPERIMENT``, which opens the window with these values."""
    parser = Parser(
        prog=f"visualizer {experiment.name}", usage=f"visualizer {experiment.name} [WORD] [--PARAMETER VALUE ...] [options]",
        description=f"Opens the window on this experiment, with the values given. {experiment.summary}".replace("%", "%%"),
        add_help=False,
    )
    window = parser.add_argument_group("the window")
    window.add_argument("-h", "--help", action="help", help="show this and end")
    presets = ", ".join(preset.name for preset in experiment.presets)
    if presets:
        value_option(window, "--preset", "NAME", f"begin with the values of one of {presets}")
    window_options(window)
    debug_option(window)
    _add_parameters(parser, experiment)
    return parser


def formats_of(experiment: Experiment[Any, Any, Any]) -> tuple[str, ...]:
    """Every format of an export."""
    return (*FORMATS, *experiment.formats)


def _add_parameters(parser: Parser, experiment: Experiment[Any, Any, Any]) -> None:
    groups: dict[str, Any] = {}
    for parameter in experiment.parameters().values():
        title = f"parameters: {parameter.group}" if parameter.group else "parameters"
        group = groups.get(title) or groups.setdefault(title, parser.add_argument_group(title))
        group.add_argument(
            parameter.option, dest=PARAMETER + parameter.name, nargs="?", metavar=metavar(parameter),
            const="on" if isinstance(parameter, Flag) else NO_VALUE, help=_parameter_help(parameter).replace("%", "%%"),
        )


def metavar(parameter: Parameter[Any]) -> str:
    """What stands for the value in a usage line."""
    match parameter:
        case Flag():
            return "on|off"
        case Integer():
            return "N"
        case Real():
            return "NUMBER"
        case Choice():
            return "NAME"
        case Names():
            return "NAMES"
        case Tensor():
            return "NUMBERS"
        case Points():
            return "FILE.csv"
    return "TEXT"


def default_text(parameter: Parameter[Any]) -> str:
    """The default as a person would type it; a table only by its size."""
    if isinstance(parameter, Points):
        return f"{len(parameter.default)} points"
    return str(parameter.format(parameter.default)) or "none"


def _parameter_help(parameter: Parameter[Any]) -> str:
    allowed = "a CSV file of " if isinstance(parameter, Points) else ""
    return f"{parameter.help} Allowed: {allowed}{parameter.allowed()}. Default: {default_text(parameter)}."

