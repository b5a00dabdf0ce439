"""The commands, and the exit status of everything that can go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from visualizer import __version__
from visualizer.base.errors import UserError
from visualizer.cli.failures import SystemLacksError, lacking
from visualizer.cli.output import error_line, give_up_stdout, write_stdout, write_text

if TYPE_CHECKING:
    import argparse

    from visualizer.base.experiment import Experiment

    AnyExperiment = Experiment[Any, Any, Any]

DONE, DEFECT, REFUSED, SYSTEM, STOPPED, NO_READER = 0, 1, 2, 3, 130, 141
COMMANDS = ("list", "export")


def run(argv: Sequence[str], experiments: Sequence[AnyExperiment] | None = None) -> int:
    """Carry out these words and return the exit status; every mistake is one line on standard error.

    Args:
        argv: the words after the program's name.
        experiments: the catalogue; None: the product's own, imported when it is needed.
    """
    debug = "--debug" in argv
    try:
        return _run(argv, experiments)
    except UserError as error:
        error_line(error.sentence)
        if debug and error.details:
            error_line(error.details)
        return REFUSED
    except SystemLacksError as error:
        error_line(str(error))
        return SYSTEM
    except ModuleNotFoundError as error:
        failure = lacking(error)
        if isinstance(failure, SystemLacksError):
            error_line(str(failure))
            return SYSTEM
        return _defect(error, debug)
    except KeyboardInterrupt:
        error_line("stopped.")
        return STOPPED
    except BrokenPipeError:
        give_up_stdout()
        return NO_READER
    except SystemExit as error:  # argparse's --help
        return error.code if isinstance(error.code, int) else DONE
    except Exception as error:
        return _defect(error, debug)


def _defect(error: Exception, debug: bool) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    sentence = " ".join(str(error).split())[:300]
    hint = "" if debug else " (--debug shows where)"
    error_line(f"a defect in visualizer: {type(error).__name__}{': ' * bool(sentence)}{sentence}{hint}")
    return DEFECT


def _run(argv: Sequence[str], experiments: Sequence[AnyExperiment] | None) -> int:
    if list(argv) == ["--version"]:  # asked for by scripts, so without even the parsers
        write_text(f"visualizer {__version__}\n")
        return DONE
    from visualizer.cli.parsing import did_you_mean, window_parser

    command = argv[0] if argv else ""
    if command == "list":
        return _list(argv[1:], _known(experiments))
    if command == "export":
        from visualizer.cli.export import export

        return export(argv[1:], _known(experiments))
    if command and not command.startswith("-"):
        known = _known(experiments)
        found = next((entry for entry in known if entry.name == command), None)
        if found is not None:
            return _window_on(found, argv[1:], known)
        names = [entry.name for entry in known]
        hint = did_you_mean(command, (*COMMANDS, *names))
        if command.endswith(".json"):
            hint = f"; did you mean --session {command}?"
        raise UserError(f"{command!r} was given; allowed is {', '.join(COMMANDS)}, one of the experiments {', '.join(names)}, or "
                        f"options of the window{hint}")
    return _window(window_parser().parse(argv), experiments)


def _window_on(experiment: AnyExperiment, argv: Sequence[str], experiments: Sequence[AnyExperiment]) -> int:
    """The window on one experiment, with the values that the words give."""
    from visualizer.cli.parameter_options import experiment_parser
    from visualizer.cli.parsing import NO_VALUE
    from visualizer.cli.states import state_from, word_and_options

    word, rest = word_and_options(argv)
    options = experiment_parser(experiment).parse(rest)
    values = vars(options)
    if options.session != NO_VALUE:  # _window has a sentence for that
        options.given = state_from(values, experiment, experiments, word)
    options.version, options.tab = False, experiment.name
    return _window(options, experiments)


def _known(experiments: Sequence[AnyExperiment] | None) -> Sequence[AnyExperiment]:
    if experiments is not None:
        return experiments
    from visualizer.experiments.catalogue import EXPERIMENTS

    return EXPERIMENTS


def _list(argv: Sequence[str], experiments: Sequence[AnyExperiment]) -> int:
    from visualizer.cli.listing import listing, listing_text
    from visualizer.cli.parsing import list_parser

    options = list_parser().parse(argv)

    if options.json:
        from visualizer.base.json_text import json_chunks

        write_stdout(piece.encode() for piece in (*json_chunks(listing(experiments)), "\n"))
    else:
        import shutil

        write_text(listing_text(experiments, min(120, shutil.get_terminal_size((100, 24)).columns)))
    return DONE


def _window(options: argparse.Namespace, experiments: Sequence[AnyExperiment] | None) -> int:
    from visualizer.cli.parsing import NO_VALUE, THEMES, one_of

    if options.version:
        write_text(f"visualizer {__version__}\n")
        return DONE
    if options.session == NO_VALUE:
        raise UserError("--session: no value was given; allowed is the path of a session file.")
    if options.session is not None and options.fresh:
        raise UserError("--fresh: it begins with the defaults, --session with a file; give only one of them.")
    one_of("--theme", options.theme, THEMES)
    if options.tab is not None:
        one_of("--tab", options.tab, [entry.name for entry in _known(experiments)])
    if options.session is not None:
        _refuse_session(options.session, _known(experiments))

    from visualizer.base.early_stop import EARLY_STOP

    EARLY_STOP.install()
    try:
        return _show_window(options)
    finally:
        EARLY_STOP.uninstall()


def _show_window(options: argparse.Namespace) -> int:
    from visualizer.base.early_stop import EARLY_STOP
    from visualizer.base.system_libraries import qt_problem

    problem = qt_problem()
    if problem is not None:
        raise SystemLacksError(problem)
    from visualizer.worker.loading import import_torch_early_on_windows

    import_torch_early_on_windows()
    try:
        from visualizer.ui.application import run as run_window
    except ImportError as error:
        raise lacking(error) from error
    return STOPPED if EARLY_STOP.asked else run_window(options)


def _refuse_session(path: str, experiments: Sequence[AnyExperiment]) -> None:
    """A file named on the command line is looked through before a window opens: here a line is the better answer."""
    from visualizer.sessions.files import load_session

    try:
        load_session(path, experiments)
    except UserError as error:
        raise UserError(f"--session: {error.sentence}", error.details) from None
